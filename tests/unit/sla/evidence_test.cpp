// Rules K14 and K17 to K20 of docs/sla.md: what an offline answer is worth, and what becomes of a breach.
#include "sla_desk.hpp"
#include "support/catch.hpp"

using namespace tern;
using namespace tern::sla;
using namespace tern::test;
using sync::Status;

namespace {

/// Due at 10:00Z; an answer made offline and received at 16:00Z by a device that was silent until then.
SlaDesk cellar(OfflineCredit credit, const std::string& claimed, const std::string& lo, const std::string& hi,
               const std::string& received = "2026-06-03T16:00") {
  SlaDesk desk;
  desk.rule("p", "KYIV", 4 * h, no_target, no_target).terms.offline_credit = credit;
  desk.create("2026-06-03T06:00");
  SlaDesk::offline(desk.reply(claimed), lo, hi, received);
  desk.device("van", {"2026-06-03T05:00", received});
  return desk;
}
SlaDesk attested(OfflineCredit credit) {
  return cellar(credit, "2026-06-03T09:10", "2026-06-03T09:09:58", "2026-06-03T09:10:02");
}
SlaDesk unattested(OfflineCredit credit) {
  return cellar(credit, "2026-06-03T09:40", "2026-06-03T08:00", "2026-06-03T16:00");
}

}  // namespace

TEST_CASE("K17: an effective time is the claim, moved into its window", "[sla]") {
  const OfflineTime time{10, 20, 30, 40};
  CHECK(effective_time(5, time) == 20);
  CHECK(effective_time(25, time) == 25);
  CHECK(effective_time(35, time) == 30);
  CHECK(time.attested());
  CHECK_FALSE(OfflineTime{10, 20, 40, 40}.attested());
}

TEST_CASE("K18: an answer that was received in time is proven, whatever its clock says", "[sla]") {
  for (const auto credit :
       {OfflineCredit::claimed, OfflineCredit::attested, OfflineCredit::strict, OfflineCredit::manager}) {
    SlaDesk desk = cellar(credit, "2026-06-03T08:00", "2026-06-03T07:00", "2026-06-03T09:30", "2026-06-03T09:30");
    const Cycle cycle = desk.cycle(first, "2026-06-03T12:00");
    CHECK(cycle.state == CycleState::met);
    CHECK(cycle.verdict == Verdict::proven_met);
    CHECK(desk.records("2026-06-03T12:00").empty());
  }
}

TEST_CASE("K18: a window that ends by the due instant attests", "[sla]") {
  const auto state = [](OfflineCredit credit) { return attested(credit).cycle(first, "2026-06-03T16:00"); };
  CHECK(state(OfflineCredit::claimed).verdict == Verdict::attested_met);
  CHECK(state(OfflineCredit::claimed).elapsed == 3 * h + 10 * m);
  CHECK(state(OfflineCredit::attested).state == CycleState::met);
  const Cycle strict = state(OfflineCredit::strict);
  CHECK(strict.state == CycleState::breached);
  CHECK(strict.breached_at == utc("2026-06-03T10:00"));
  CHECK(strict.elapsed == 9 * h);
}

TEST_CASE("K18: a window across the due instant is a claim: enough for claimed, for nobody else", "[sla]") {
  const auto state = [](OfflineCredit credit) { return unattested(credit).cycle(first, "2026-06-03T16:00"); };
  CHECK(state(OfflineCredit::claimed).state == CycleState::met);
  CHECK(state(OfflineCredit::claimed).verdict == Verdict::claimed);
  for (const auto credit : {OfflineCredit::attested, OfflineCredit::strict, OfflineCredit::manager}) {
    CHECK(state(credit).state == CycleState::breached);
    CHECK(state(credit).breached_at == utc("2026-06-03T10:00"));
  }
}

TEST_CASE("K18: a device's clock that narrows the window, but across the due instant, attests nothing", "[sla]") {
  SlaDesk desk = cellar(OfflineCredit::attested, "2026-06-03T09:59", "2026-06-03T09:58", "2026-06-03T10:01");
  const Cycle cycle = desk.cycle(first, "2026-06-03T16:00");
  CHECK(cycle.state == CycleState::breached);
  CHECK(cycle.verdict == Verdict::claimed);
  CHECK(cycle.stopped_at == utc("2026-06-03T10:01"));
}

TEST_CASE("K18: what was late by its own claim is breached; by its lower bound, proven", "[sla]") {
  SlaDesk own = cellar(OfflineCredit::claimed, "2026-06-03T11:00", "2026-06-03T08:00", "2026-06-03T16:00");
  CHECK(own.cycle(first, "2026-06-03T16:00").verdict == Verdict::claimed_breached);
  SlaDesk proven = cellar(OfflineCredit::claimed, "2026-06-03T09:00", "2026-06-03T10:30", "2026-06-03T16:00");
  const Cycle cycle = proven.cycle(first, "2026-06-03T16:00");
  CHECK(cycle.verdict == Verdict::proven_breached);
  CHECK(cycle.breached_at == utc("2026-06-03T10:00"));
  CHECK(cycle.stopped_at == utc("2026-06-03T10:30"));
}

TEST_CASE("K18: a manager decides: until then it is breached and provisional", "[sla]") {
  SlaDesk desk = unattested(OfflineCredit::manager);
  CHECK(desk.cycle(first, "2026-06-09T16:00").awaits_manager);
  CHECK(desk.records("2026-06-03T16:00").at(0).state == RecordState::provisional);
  Event& decision = desk.add("2026-06-04T08:00", EventKind::decision);
  decision.cycle = "e1";
  CHECK(desk.cycle(first, "2026-06-04T07:59").awaits_manager);
  CHECK(desk.cycle(first, "2026-06-04T08:00").state == CycleState::met);
  CHECK(steps_text(desk.records("2026-06-04T08:00").at(0)) ==
        "provisional 2026-06-03T10:00:00Z, rescinded 2026-06-04T08:00:00Z");
  desk.events.back().verdict = DecisionVerdict::reject;
  CHECK(desk.cycle(first, "2026-06-04T08:00").state == CycleState::breached);
  CHECK_FALSE(desk.cycle(first, "2026-06-04T08:00").awaits_manager);
  CHECK(steps_text(desk.records("2026-06-04T08:00").at(0)) ==
        "provisional 2026-06-03T10:00:00Z, confirmed 2026-06-04T08:00:00Z");
}

TEST_CASE("K18: strict looks at no device's clock", "[sla]") {
  for (const char* claimed : {"2026-06-03T08:00", "2026-06-03T09:59", "2026-06-03T13:00", "2026-06-03T16:00"})
    for (const char* hi : {"2026-06-03T08:30", "2026-06-03T16:00"}) {
      const Cycle cycle =
          cellar(OfflineCredit::strict, claimed, "2026-06-03T08:00", hi).cycle(first, "2026-06-03T16:00");
      CHECK(cycle.state == CycleState::breached);
      CHECK(cycle.elapsed == 9 * h);
    }
}

TEST_CASE("K19: a breach is provisional while a device of the ticket was last heard of before it", "[sla]") {
  SlaDesk desk = attested(OfflineCredit::claimed);
  CHECK(desk.records("2026-06-03T10:00").empty());
  const auto known_then = desk.records("2026-06-03T12:00");
  REQUIRE(known_then.size() == 1);
  CHECK(known_then[0].state == RecordState::provisional);
  CHECK(known_then[0].breached_at == utc("2026-06-03T10:00"));
  const auto known_now = desk.records("2026-06-03T16:00");
  REQUIRE(known_now.size() == 1);
  CHECK(steps_text(known_now[0]) == "provisional 2026-06-03T10:00:00Z, rescinded 2026-06-03T16:00:00Z");
  CHECK(known_now[0].steps[1].verdict == Verdict::attested_met);
  CHECK(known_now[0].evidence == std::vector<std::string>{"e2"});
}

TEST_CASE("K19: without a silent device a breach is confirmed at once", "[sla]") {
  SlaDesk desk;
  desk.rule("p", "KYIV", 4 * h, no_target, no_target);
  desk.create("2026-06-03T06:00");
  CHECK(steps_text(desk.records("2026-06-03T12:00").at(0)) == "confirmed 2026-06-03T10:00:00Z");
  desk.device("van", {"2026-06-03T10:00"});  // heard of at the due instant
  CHECK(steps_text(desk.records("2026-06-03T12:00").at(0)) == "confirmed 2026-06-03T10:00:00Z");
}

TEST_CASE("K19: confirmed when every silent device has synced past the due instant without a stop", "[sla]") {
  SlaDesk desk;
  desk.rule("p", "KYIV", 4 * h, no_target, no_target);
  desk.create("2026-06-03T06:00");
  desk.device("van", {"2026-06-03T05:00", "2026-06-03T11:00"});
  desk.device("depot", {"2026-06-03T09:59", "2026-06-03T14:00"});
  CHECK(desk.records("2026-06-03T12:00").at(0).state == RecordState::provisional);
  CHECK(steps_text(desk.records("2026-06-03T20:00").at(0)) ==
        "provisional 2026-06-03T10:00:00Z, confirmed 2026-06-03T14:00:00Z");
}

TEST_CASE("K19: confirmed after the offline grace, and rescinded by proof even then", "[sla]") {
  SlaDesk desk = cellar(OfflineCredit::claimed, "2026-06-03T09:10", "2026-06-03T09:09:58", "2026-06-03T09:10:02",
                        "2026-06-08T16:00");
  CHECK(steps_text(desk.records("2026-06-07T00:00").at(0)) ==
        "provisional 2026-06-03T10:00:00Z, confirmed 2026-06-06T10:00:00Z");
  CHECK(steps_text(desk.records("2026-06-08T16:00").at(0)) ==
        "provisional 2026-06-03T10:00:00Z, confirmed 2026-06-06T10:00:00Z, rescinded 2026-06-08T16:00:00Z");
}

TEST_CASE("K19: an answer that was late by its lower bound confirms", "[sla]") {
  SlaDesk desk = cellar(OfflineCredit::claimed, "2026-06-03T11:00", "2026-06-03T10:30", "2026-06-03T16:00");
  const auto record = desk.records("2026-06-03T16:00").at(0);
  CHECK(steps_text(record) == "provisional 2026-06-03T10:00:00Z, confirmed 2026-06-03T16:00:00Z");
  CHECK(record.steps[1].verdict == Verdict::proven_breached);
}

TEST_CASE("K19: an excused breach stays excused, whatever arrives later", "[sla]") {
  SlaDesk desk = attested(OfflineCredit::claimed);
  Event decision;
  decision.kind = EventKind::decision;
  decision.id = "d";
  decision.at = utc("2026-06-03T12:00");
  decision.cycle = "e1";
  decision.verdict = DecisionVerdict::excuse;
  desk.events.push_back(decision);
  CHECK(steps_text(desk.records("2026-06-03T16:00").at(0)) ==
        "provisional 2026-06-03T10:00:00Z, excused 2026-06-03T12:00:00Z");
}

TEST_CASE("K19: a hold that arrives late may rescind a breach, too", "[sla]") {
  SlaDesk desk;
  desk.rule("p", "KYIV", 4 * h, no_target, no_target);
  desk.create("2026-06-03T06:00");
  SlaDesk::offline(desk.move("2026-06-03T09:00", Status::on_hold), "2026-06-03T08:59", "2026-06-03T09:01",
                   "2026-06-03T16:00");
  desk.device("van", {"2026-06-03T05:00", "2026-06-03T16:00"});
  CHECK(desk.cycle(first, "2026-06-03T16:00").state == CycleState::paused);
  CHECK(steps_text(desk.records("2026-06-03T16:00").at(0)) ==
        "provisional 2026-06-03T10:00:00Z, rescinded 2026-06-03T16:00:00Z");
}

TEST_CASE("K14: a record names what was promised, when it was missed and who held the ticket then", "[sla]") {
  SlaDesk desk;
  desk.rule("p", "KYIV", 4 * h, no_target, no_target);
  Event& create = desk.create("2026-06-03T06:00");
  create.attributes.assignee = "ann";
  create.attributes.queue = "support";
  Event& later = desk.policy("2026-06-03T11:00", "p");
  later.attributes.assignee = "bob";
  const BreachRecord record = desk.records("2026-06-03T12:00").at(0);
  CHECK(record.metric == first);
  CHECK(record.cycle == "e1");
  CHECK(record.target == 4 * h);
  CHECK(record.due_at == utc("2026-06-03T10:00"));
  CHECK(record.breached_at == utc("2026-06-03T10:00"));
  CHECK(record.cause == BreachCause::time);
  CHECK(record.rule == "p");
  CHECK(record.calendar == "KYIV");
  CHECK(record.calendar_version == 1);
  CHECK(record.assignee == "ann");
  CHECK(record.queue == "support");
}

TEST_CASE("K14: a stored record keeps when it was detected, and only what differs is written", "[sla]") {
  SlaDesk desk = attested(OfflineCredit::claimed);
  auto stored = desk.records("2026-06-03T12:00");
  stored[0].detected_at = utc("2026-06-03T10:07");  // the server was down at 10:00
  CHECK(changed_records(stored, desk.records("2026-06-03T12:00")).empty());
  const auto changed = changed_records(stored, desk.records("2026-06-03T16:00"));
  REQUIRE(changed.size() == 1);
  CHECK(changed[0].state == RecordState::rescinded);
  CHECK(changed[0].detected_at == utc("2026-06-03T10:07"));
  CHECK(changed_records({}, desk.records("2026-06-03T12:00")).size() == 1);
}

TEST_CASE("K14: a breach by a merge is detected at the merge", "[sla]") {
  SlaDesk desk;
  desk.rule("p", "C247", 4 * h, no_target, no_target);
  desk.create("2026-06-03T10:00");
  desk.add("2026-06-03T13:00", EventKind::merged_in).clock_start = utc("2026-06-03T07:00");
  const BreachRecord record = desk.records("2026-06-03T13:00").at(0);
  CHECK(record.breached_at == utc("2026-06-03T11:00"));
  CHECK(record.detected_at == utc("2026-06-03T13:00"));
}

TEST_CASE("K20: acted and delivered, in working time and on the wall", "[sla]") {
  SlaDesk desk = attested(OfflineCredit::claimed);
  const Cycle cycle = desk.cycle(first, "2026-06-03T16:00");
  const auto figures = response_figures(desk.inputs(), cycle, utc("2026-06-03T16:00"));
  REQUIRE(figures);
  CHECK(figures->acted_s == 3 * h + 10 * m);
  CHECK(figures->acted_wall_s == 3 * h + 10 * m);
  CHECK(figures->delivered_s == 9 * h);
  CHECK(figures->delivered_wall_s == 10 * h);
}

TEST_CASE("K20: a held message is delivered when the customer could read it", "[sla]") {
  SlaDesk desk;
  desk.rule("p", "C247", 4 * h, no_target, no_target);
  desk.create("2026-06-03T10:00");
  desk.reply("2026-06-03T11:00").readable_at = utc("2026-06-03T15:00");
  const Cycle cycle = desk.cycle(first, "2026-06-03T16:00");
  CHECK(cycle.state == CycleState::met);
  CHECK(response_figures(desk.inputs(), cycle, utc("2026-06-03T16:00"))->delivered_s == 5 * h);
  CHECK_FALSE(response_figures(desk.inputs(), cycle, utc("2026-06-03T14:00")));
}

TEST_CASE("K20: a contract on delivery stops when the customer can read it", "[sla]") {
  SlaDesk desk;
  desk.rule("p", "KYIV", 4 * h, no_target, no_target).terms.clock = ResponseClock::delivered;
  desk.create("2026-06-03T06:00");
  SlaDesk::offline(desk.reply("2026-06-03T09:10"), "2026-06-03T09:09:58", "2026-06-03T09:10:02", "2026-06-03T16:00");
  const Cycle cycle = desk.cycle(first, "2026-06-03T16:00");
  CHECK(cycle.state == CycleState::breached);
  CHECK(cycle.stopped_at == utc("2026-06-03T16:00"));
  CHECK(cycle.elapsed == 9 * h);
}

TEST_CASE("K18: a stop that counts only after its reopening is none", "[sla]") {
  SlaDesk desk;
  desk.rule("p", "C247", no_target, no_target, 4 * h).terms.offline_credit = OfflineCredit::attested;
  desk.create("2026-06-03T10:00");
  SlaDesk::offline(desk.move("2026-06-03T13:50", Status::resolved), "2026-06-03T13:40", "2026-06-03T14:10",
                   "2026-06-03T16:00");
  desk.move("2026-06-03T14:05", Status::reopened);
  const Cycle cycle = desk.cycle(Metric::resolution, "2026-06-03T17:00");
  CHECK(cycle.open);
  CHECK(cycle.breached_at == utc("2026-06-03T14:00"));
}

TEST_CASE("K18: a resolution made offline is judged like an answer", "[sla]") {
  SlaDesk desk;
  desk.rule("p", "KYIV", no_target, no_target, 4 * h);
  desk.create("2026-06-03T06:00");
  SlaDesk::offline(desk.move("2026-06-03T09:10", Status::resolved), "2026-06-03T09:09:58", "2026-06-03T09:10:02",
                   "2026-06-05T16:00");
  desk.device("van", {"2026-06-03T05:00", "2026-06-05T16:00"});
  const Cycle cycle = desk.cycle(Metric::resolution, "2026-06-05T16:00");
  CHECK(cycle.state == CycleState::met);
  CHECK(cycle.verdict == Verdict::attested_met);
  CHECK(steps_text(desk.records("2026-06-05T16:00").at(0)) ==
        "provisional 2026-06-03T10:00:00Z, rescinded 2026-06-05T16:00:00Z");
}
