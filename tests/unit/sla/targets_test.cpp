// Rules K8 and K9 of docs/sla.md: what becomes of a running clock when the rules say another target.
#include "sla_desk.hpp"
#include "support/catch.hpp"

using namespace tern;
using namespace tern::sla;
using namespace tern::test;
using sync::Status;

TEST_CASE("K8: a change of target keeps what is consumed", "[sla]") {
  SlaDesk desk = round_the_clock(no_target, 3 * h);
  desk.rule("hi", "C247", no_target, no_target, 2 * h);
  desk.policy("2026-06-03T11:00", "hi");
  const Cycle cycle = desk.cycle(resolution, "2026-06-03T11:00");
  CHECK(due_text(cycle) == "2026-06-03T12:00:00Z");
  CHECK(cycle.elapsed == h);
  CHECK(cycle.remaining == h);
}

TEST_CASE("K8: each stretch is measured by the calendar then in force", "[sla]") {
  SlaDesk desk = wednesday(no_target, no_target, 8 * h);  // Kyiv: 9 h on Wednesday
  desk.rule("247", "C247", no_target, no_target, 12 * h);
  desk.policy("2026-06-03T20:00", "247");  // 9 h consumed would be a breach of 8 h
  CHECK(desk.cycle(resolution, "2026-06-03T20:00").breached_at == utc("2026-06-03T14:00"));
  SlaDesk other = wednesday(no_target, no_target, 12 * h);
  other.rule("247", "C247", no_target, no_target, 12 * h);
  other.policy("2026-06-03T20:00", "247");
  const Cycle cycle = other.cycle(resolution, "2026-06-03T20:00");
  CHECK(cycle.elapsed == 9 * h);
  CHECK(due_text(cycle) == "2026-06-03T23:00:00Z");
}

TEST_CASE("K8: a pause survives a change of target", "[sla]") {
  SlaDesk desk = wednesday(no_target, no_target, 8 * h);
  desk.rule("hi", "KYIV", no_target, no_target, 4 * h);
  desk.move("2026-06-03T07:00", Status::on_hold);
  desk.policy("2026-06-03T09:00", "hi");
  CHECK(desk.cycle(resolution, "2026-06-03T20:00").state == CycleState::paused);
  desk.move("2026-06-04T06:00", Status::in_progress);
  CHECK(due_text(desk.cycle(resolution, "2026-06-04T06:00")) == "2026-06-04T09:00:00Z");
}

TEST_CASE("K8: on_change restart begins the target anew", "[sla]") {
  SlaDesk desk = round_the_clock(no_target, 3 * h);
  desk.rule("hi", "C247", no_target, no_target, 2 * h).terms.on_change = OnChange::restart;
  desk.policy("2026-06-03T12:30", "hi");
  CHECK(due_text(desk.cycle(resolution, "2026-06-03T12:30")) == "2026-06-03T14:30:00Z");
}

TEST_CASE("K8: a change that leaves the promise as it was changes nothing", "[sla]") {
  SlaDesk desk = round_the_clock(no_target, 4 * h);
  desk.rule("q", "C247", no_target, no_target, 4 * h).terms.on_change = OnChange::restart;
  Event& tagged = desk.policy("2026-06-03T13:15", "p");
  tagged.attributes.tags.emplace_back("another");
  const Cycle cycle = desk.cycle(resolution, "2026-06-03T13:30");
  CHECK(cycle.yellow_at == utc("2026-06-03T13:00"));
  CHECK(due_text(cycle) == "2026-06-03T14:00:00Z");
}

TEST_CASE("K8: a target that comes later finds what was consumed without one", "[sla]") {
  SlaDesk desk = round_the_clock(h, no_target);
  desk.rule("hi", "C247", h, no_target, 3 * h);
  CHECK_FALSE(desk.has_cycle(resolution, "2026-06-03T11:00"));
  desk.policy("2026-06-03T12:00", "hi");
  CHECK(due_text(desk.cycle(resolution, "2026-06-03T12:00")) == "2026-06-03T13:00:00Z");
}

TEST_CASE("K9: more consumed than the new target is a breach at the change, never before", "[sla]") {
  SlaDesk desk = round_the_clock(no_target, 3 * h);
  desk.rule("hi", "C247", no_target, no_target, 2 * h);
  desk.policy("2026-06-03T12:30", "hi");
  const Cycle cycle = desk.cycle(resolution, "2026-06-03T12:30");
  CHECK(cycle.state == CycleState::breached);
  CHECK(cycle.breached_at == utc("2026-06-03T12:30"));
  CHECK(cycle.cause == BreachCause::retarget);
  CHECK(cycle.yellow_at == utc("2026-06-03T12:30"));
  CHECK(cycle.remaining == -30 * m);
}

TEST_CASE("K9: exactly as much consumed as the new target is due at the change", "[sla]") {
  SlaDesk desk = round_the_clock(no_target, 3 * h);
  desk.rule("hi", "C247", no_target, no_target, 2 * h);
  desk.policy("2026-06-03T12:00", "hi");
  CHECK(desk.cycle(resolution, "2026-06-03T12:00").state == CycleState::running);
  CHECK(desk.cycle(resolution, "2026-06-03T12:00:01").cause == BreachCause::time);
}

TEST_CASE("K9: min_grace gives working time first", "[sla]") {
  SlaDesk desk = round_the_clock(no_target, 3 * h);
  desk.rule("hi", "C247", no_target, no_target, 2 * h).terms.min_grace = 30 * m;
  desk.policy("2026-06-03T12:30", "hi");
  CHECK(due_text(desk.cycle(resolution, "2026-06-03T12:30")) == "2026-06-03T13:00:00Z");
  CHECK(desk.cycle(resolution, "2026-06-03T13:00:01").breached_at == utc("2026-06-03T13:00"));
}

TEST_CASE("K9: while it is paused a change breaches nothing; then the breach is the resume", "[sla]") {
  SlaDesk desk = round_the_clock(no_target, 3 * h);
  desk.rule("hi", "C247", no_target, no_target, h);
  desk.move("2026-06-03T12:00", Status::on_hold);
  desk.policy("2026-06-03T13:00", "hi");
  CHECK(desk.cycle(resolution, "2026-06-03T14:00").state == CycleState::paused);
  desk.move("2026-06-03T15:00", Status::open);
  const Cycle cycle = desk.cycle(resolution, "2026-06-03T15:00");
  CHECK(cycle.breached_at == utc("2026-06-03T15:00"));
  CHECK(cycle.cause == BreachCause::retarget);
}

TEST_CASE("K9: a breach is never removed by a change of target", "[sla][I23]") {
  SlaDesk desk = round_the_clock(h);
  desk.rule("lo", "C247", 48 * h, no_target, no_target);
  desk.policy("2026-06-03T12:00", "lo");
  desk.reply("2026-06-03T13:00");
  const Cycle cycle = desk.cycle(first, "2026-06-03T14:00");
  CHECK(cycle.state == CycleState::breached);
  CHECK(due_text(cycle) == "2026-06-03T11:00:00Z");
  CHECK(cycle.target == 48 * h);
}

TEST_CASE("K9: a change of target counts from its receipt, so that a late one removes no breach", "[sla]") {
  SlaDesk desk = round_the_clock(h);
  desk.rule("lo", "C247", 48 * h, no_target, no_target);
  SlaDesk::offline(desk.policy("2026-06-03T10:30", "lo"), "2026-06-03T10:20", "2026-06-03T10:40", "2026-06-03T12:00");
  CHECK(desk.cycle(first, "2026-06-03T12:30").breached_at == utc("2026-06-03T11:00"));
}
