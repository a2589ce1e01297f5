// Rules C7, K1 to K7, K10 and K21 to K23 of docs/sla.md: what starts, stops, pauses and moves a clock.
#include "sla_desk.hpp"
#include "support/catch.hpp"

using namespace tern;
using namespace tern::sla;
using namespace tern::test;
using sync::Status;

TEST_CASE("K1: the same events give the same clock, with caches warm or dropped", "[sla]") {
  SlaDesk desk = wednesday(4 * h, 2 * h);
  desk.reply("2026-06-03T07:00");
  desk.customer("2026-06-03T08:00");
  desk.move("2026-06-03T09:00", Status::on_hold);
  const Inputs inputs = desk.inputs();
  const TicketClock cold = clock_at(inputs, utc("2026-06-10T06:00"));
  clock_at(inputs, utc("2027-06-03T08:30"));
  const TicketClock warm = clock_at(inputs, utc("2026-06-10T06:00"));
  CHECK(warm == cold);
  CHECK(desk.clock("2026-06-10T06:00") == cold);
}

TEST_CASE("K1: what was received after now takes no part", "[sla]") {
  SlaDesk desk = wednesday();
  SlaDesk::offline(desk.reply("2026-06-03T07:00"), "2026-06-03T06:30", "2026-06-03T16:00", "2026-06-03T16:00");
  CHECK(desk.cycle(first, "2026-06-03T09:00").state == CycleState::running);
  CHECK(desk.cycle(first, "2026-06-03T11:00").state == CycleState::breached);
  CHECK(desk.cycle(first, "2026-06-03T16:00").state == CycleState::met);
}

TEST_CASE("K2: periodic_update runs from one public reply to the next while the ticket is open", "[sla]") {
  SlaDesk desk;
  desk.rule("p", "C247", no_target, no_target, no_target).targets[3] = Target{2 * h};
  desk.create("2026-06-03T10:00");
  CHECK(desk.clock("2026-06-03T10:30").cycles.empty());
  desk.reply("2026-06-03T11:00");
  desk.reply("2026-06-03T12:30");
  CHECK(desk.cycle(Metric::periodic_update, "2026-06-03T13:00", 1).state == CycleState::met);
  CHECK(due_text(desk.cycle(Metric::periodic_update, "2026-06-03T13:00", 2)) == "2026-06-03T14:30:00Z");
  desk.move("2026-06-03T14:00", Status::resolved);
  CHECK(desk.cycle(Metric::periodic_update, "2026-06-03T20:00", 2).state == CycleState::cancelled);
}

TEST_CASE("K2: on_site stops at the arrival", "[sla]") {
  SlaDesk desk;
  desk.rule("p", "C247", no_target, no_target, no_target).targets[4] = Target{4 * h};
  desk.create("2026-06-03T10:00");
  desk.reply("2026-06-03T11:00");
  CHECK(due_text(desk.cycle(Metric::on_site, "2026-06-03T12:00")) == "2026-06-03T14:00:00Z");
  desk.add("2026-06-03T13:00", EventKind::arrival);
  CHECK(desk.cycle(Metric::on_site, "2026-06-03T20:00").state == CycleState::met);
}

TEST_CASE("K2: requester wait and agent work are working time by class of status", "[sla]") {
  SlaDesk desk = wednesday();
  desk.move("2026-06-03T07:00", Status::in_progress);  // 1 h new
  desk.move("2026-06-03T09:00", Status::on_hold);      // 2 h work
  desk.move("2026-06-03T10:00", Status::waiting);      // 1 h hold
  desk.move("2026-06-04T07:00", Status::resolved);     // 5 h on Wednesday, 1 h on Thursday
  const WorkTimes times = work_times(desk.inputs(), utc("2026-06-05T06:00"));
  CHECK(times.agent_work() == 3 * h);
  CHECK(times.requester_wait() == 4 * h);
  CHECK(times.customer == 6 * h);
}

TEST_CASE("K3: only a public message of a person on staff, or an answered call, is a first response", "[sla]") {
  SlaDesk desk = round_the_clock(h);
  desk.reply("2026-06-03T10:00:05").automatic = true;
  desk.reply("2026-06-03T10:10").is_public = false;
  desk.reply("2026-06-03T10:20").light_agent = true;
  desk.add("2026-06-03T10:30", EventKind::call);
  desk.customer("2026-06-03T10:40");
  CHECK(desk.cycle(first, "2026-06-03T10:50").open);
  desk.add("2026-06-03T10:55", EventKind::call).answered = true;
  CHECK(desk.cycle(first, "2026-06-03T12:00").stopped_at == utc("2026-06-03T10:55"));
}

TEST_CASE("K3: a ticket that an agent opened with a public message waits for the customer's first", "[sla]") {
  SlaDesk desk = wednesday(2 * h, h);
  desk.events.front().opening = Opening::by_public_message;
  desk.reply("2026-06-03T06:00");
  CHECK_FALSE(desk.has_cycle(first, "2026-06-04T06:00"));
  desk.customer("2026-06-04T07:00");
  CHECK(due_text(desk.cycle(first, "2026-06-04T07:30")) == "2026-06-04T09:00:00Z");
  CHECK_FALSE(desk.has_cycle(next, "2026-06-04T07:30"));  // that message is the first response's
  desk.reply("2026-06-04T08:00");
  desk.customer("2026-06-04T08:30");
  CHECK(desk.cycle(first, "2026-06-04T09:00").state == CycleState::met);
  CHECK(due_text(desk.cycle(next, "2026-06-04T09:00")) == "2026-06-04T09:30:00Z");
}

TEST_CASE("K3: an internal task owes nobody a response, but its resolution runs", "[sla]") {
  SlaDesk desk = wednesday();
  desk.events.front().opening = Opening::internal;
  CHECK_FALSE(desk.has_cycle(first, "2026-06-04T06:00"));
  CHECK(desk.has_cycle(resolution, "2026-06-04T06:00"));
}

TEST_CASE("K4: next_response counts from the oldest unanswered message, and every wait is a cycle", "[sla]") {
  SlaDesk desk = wednesday(4 * h, 2 * h);
  desk.customer("2026-06-03T06:30");  // before the first response: that one answers it
  desk.reply("2026-06-03T07:00");
  CHECK_FALSE(desk.has_cycle(next, "2026-06-03T07:30"));
  desk.customer("2026-06-03T08:00");
  desk.customer("2026-06-03T09:30");
  CHECK(due_text(desk.cycle(next, "2026-06-03T09:45")) == "2026-06-03T10:00:00Z");
  desk.reply("2026-06-03T09:50");
  desk.reply("2026-06-03T09:55");
  desk.customer("2026-06-03T14:30");
  CHECK(desk.cycle(next, "2026-06-03T15:00", 1).state == CycleState::met);
  CHECK(due_text(desk.cycle(next, "2026-06-03T15:00", 2)) == "2026-06-04T07:30:00Z");
}

TEST_CASE("K4: an automatic message of the customer's starts nothing", "[sla]") {
  SlaDesk desk = wednesday(4 * h, 2 * h);
  desk.reply("2026-06-03T07:00");
  desk.customer("2026-06-03T08:00").automatic = true;
  CHECK_FALSE(desk.has_cycle(next, "2026-06-03T09:00"));
}

TEST_CASE("K4: resolve, close and merge cancel a wait, unless it was breached", "[sla]") {
  for (const Status done : {Status::resolved, Status::closed}) {
    SlaDesk desk = wednesday(4 * h, 2 * h);
    desk.reply("2026-06-03T07:00");
    desk.customer("2026-06-03T08:00");
    desk.move("2026-06-03T09:00", done);
    const Cycle cycle = desk.cycle(next, "2026-06-04T09:00");
    CHECK(cycle.state == CycleState::cancelled);
    CHECK_FALSE(cycle.open);
    CHECK(cycle.elapsed == h);
    CHECK(due_text(cycle) == "2026-06-03T10:00:00Z");  // that it had
  }
  SlaDesk merged = wednesday(4 * h, 2 * h);
  merged.reply("2026-06-03T07:00");
  merged.customer("2026-06-03T08:00");
  merged.add("2026-06-03T11:00", EventKind::withdrawn);
  const Cycle cycle = merged.cycle(next, "2026-06-04T09:00");
  CHECK(cycle.state == CycleState::breached);
  CHECK(cycle.breached_at == utc("2026-06-03T10:00"));
  CHECK_FALSE(cycle.open);
}

TEST_CASE("K5: resolution stops on done or end, and closing what is resolved is no second stop", "[sla]") {
  SlaDesk desk = wednesday();
  desk.move("2026-06-03T11:00", Status::resolved);
  desk.move("2026-06-10T11:00", Status::closed);
  const Cycle cycle = desk.cycle(resolution, "2026-06-11T09:00");
  CHECK(cycle.state == CycleState::met);
  CHECK(cycle.stopped_at == utc("2026-06-03T11:00"));
  CHECK(cycle.elapsed == 5 * h);
  CHECK(due_text(cycle) == "2026-06-03T14:00:00Z");
}

TEST_CASE("K6: on_hold pauses all; waiting and estimated pause the resolution only", "[sla]") {
  for (const Status status : {Status::on_hold, Status::waiting, Status::estimated}) {
    SlaDesk desk = wednesday(4 * h, 2 * h);
    desk.reply("2026-06-03T06:30");
    desk.customer("2026-06-03T06:40");
    desk.move("2026-06-03T07:00", status);
    CHECK(desk.cycle(resolution, "2026-06-03T07:30").state == CycleState::paused);
    CHECK((desk.cycle(next, "2026-06-03T07:30").state == CycleState::paused) == (status == Status::on_hold));
  }
}

TEST_CASE("K6: waiting cannot hide a first response", "[sla]") {
  SlaDesk desk = wednesday();
  desk.move("2026-06-03T07:00", Status::waiting);
  const Cycle hidden = desk.cycle(first, "2026-06-03T12:00");
  CHECK(hidden.state == CycleState::breached);
  CHECK(hidden.open);
  CHECK(hidden.breached_at == utc("2026-06-03T10:00"));
  CHECK(hidden.remaining == -2 * h);
  const Cycle paused = desk.cycle(resolution, "2026-06-03T12:00");
  CHECK(paused.state == CycleState::paused);
  CHECK(paused.remaining == 7 * h);
}

TEST_CASE("K6: the pause matrix is the rule's", "[sla]") {
  SlaDesk desk;
  desk.rule("p", "C247", 4 * h, no_target, 8 * h).terms.paused_by[2] = StatusSet{Status::on_hold};
  desk.create("2026-06-03T10:00");
  desk.move("2026-06-03T11:00", Status::waiting);
  CHECK(desk.cycle(resolution, "2026-06-03T12:00").state == CycleState::running);
}

TEST_CASE("K7: a pause shifts the due instant by working time", "[sla]") {
  SlaDesk desk;
  desk.rule("p", "KYIV", no_target, no_target, 8 * h);
  desk.create("2026-06-05T11:00");  // Friday 14:00
  desk.move("2026-06-05T13:00", Status::on_hold);
  const Cycle paused = desk.cycle(resolution, "2026-06-07T06:00");
  CHECK(paused.state == CycleState::paused);
  CHECK(due_text(paused) == "none");
  CHECK(paused.remaining == 6 * h);
  CHECK(paused.colour() == Colour::blue);
  desk.move("2026-06-08T08:00", Status::in_progress);
  CHECK(due_text(desk.cycle(resolution, "2026-06-08T08:00")) == "2026-06-08T14:00:00Z");  // Monday 17:00
}

TEST_CASE("K7: a pause over closing time costs no working time, one that begins after the due instant saves nothing",
          "[sla]") {
  SlaDesk desk = wednesday(no_target, no_target, 9 * h);
  desk.move("2026-06-03T17:00", Status::on_hold);  // 20:00: closed, and the target ended at 18:00
  CHECK(desk.cycle(resolution, "2026-06-04T06:00").breached_at == utc("2026-06-03T15:00"));
  SlaDesk night = wednesday(no_target, no_target, 10 * h);
  night.move("2026-06-03T17:00", Status::on_hold);
  night.move("2026-06-04T04:00", Status::in_progress);
  CHECK(due_text(night.cycle(resolution, "2026-06-04T06:00")) == "2026-06-04T07:00:00Z");
}

TEST_CASE("K7: resumed with nothing left, it is due at once", "[sla]") {
  SlaDesk desk = round_the_clock(no_target, 2 * h);
  desk.move("2026-06-03T12:00", Status::on_hold);  // exactly at the due instant: paused in time
  CHECK(desk.cycle(resolution, "2026-06-04T10:00").state == CycleState::paused);
  desk.move("2026-06-05T10:00", Status::open);
  CHECK(desk.cycle(resolution, "2026-06-05T10:00").state == CycleState::running);
  CHECK(desk.cycle(resolution, "2026-06-05T10:00:01").breached_at == utc("2026-06-05T10:00"));
}

TEST_CASE("C7: met at the due instant, breached a second later, open or stopped", "[sla]") {
  SlaDesk desk = round_the_clock(h);
  CHECK(desk.cycle(first, "2026-06-03T11:00").state == CycleState::running);
  CHECK(desk.cycle(first, "2026-06-03T11:00:01").state == CycleState::breached);
  desk.reply("2026-06-03T11:00");
  CHECK(desk.cycle(first, "2026-06-03T12:00").state == CycleState::met);
  desk.events.back().at += 1;
  const Cycle late = desk.cycle(first, "2026-06-03T12:00");
  CHECK(late.state == CycleState::breached);
  CHECK(late.breached_at == utc("2026-06-03T11:00"));
}

TEST_CASE("K10: reopened, the clock goes on and the resolved stretch does not count", "[sla]") {
  SlaDesk desk = wednesday(no_target, no_target, 8 * h);
  desk.move("2026-06-03T11:00", Status::resolved);
  desk.move("2026-06-05T07:00", Status::reopened);
  const Cycle cycle = desk.cycle(resolution, "2026-06-05T07:00");
  CHECK(cycle.number == 1);
  CHECK(cycle.state == CycleState::running);
  CHECK(due_text(cycle) == "2026-06-05T10:00:00Z");  // Friday 13:00
  CHECK_FALSE(cycle.stopped_at);
}

TEST_CASE("K10: new_cycle starts a fresh target beside the met one, restart begins anew", "[sla]") {
  SlaDesk desk = wednesday(no_target, no_target, 8 * h);
  desk.move("2026-06-03T11:00", Status::resolved);
  desk.move("2026-06-05T07:00", Status::reopened);
  SlaDesk fresh;
  fresh.rule("p", "KYIV", no_target, no_target, 8 * h).terms.on_reopen = OnReopen::new_cycle;
  fresh.events = desk.events;
  CHECK(fresh.cycle(resolution, "2026-06-05T07:00", 1).state == CycleState::met);
  CHECK(due_text(fresh.cycle(resolution, "2026-06-05T07:00", 2)) == "2026-06-05T15:00:00Z");
  CHECK(fresh.cycle(resolution, "2026-06-05T07:00", 2).id == "e3");
  SlaDesk anew;
  anew.rule("p", "KYIV", no_target, no_target, 8 * h).terms.on_reopen = OnReopen::restart;
  anew.events = desk.events;
  CHECK(due_text(anew.cycle(resolution, "2026-06-05T07:00", 1)) == "2026-06-05T15:00:00Z");
  CHECK_FALSE(anew.has_cycle(resolution, "2026-06-05T07:00", 2));
}

TEST_CASE("K10: a breached cycle stays breached when it is reopened, with one record", "[sla]") {
  SlaDesk desk = wednesday(no_target, no_target, 2 * h);
  desk.move("2026-06-03T11:00", Status::resolved);
  desk.move("2026-06-05T07:00", Status::reopened);
  CHECK(desk.cycle(resolution, "2026-06-08T07:00").breached_at == utc("2026-06-03T08:00"));
  CHECK(desk.records("2026-06-08T07:00").size() == 1);
}

TEST_CASE("K10: the first response is not reopened; the customer's message that reopened starts next_response",
          "[sla]") {
  SlaDesk desk = wednesday(4 * h, 2 * h);
  desk.reply("2026-06-03T07:00");
  desk.move("2026-06-03T08:00", Status::resolved);
  desk.customer("2026-06-04T07:00");
  desk.move("2026-06-04T07:00", Status::reopened);
  CHECK(desk.cycle(first, "2026-06-04T08:00").state == CycleState::met);
  CHECK_FALSE(desk.has_cycle(first, "2026-06-04T08:00", 2));
  CHECK(due_text(desk.cycle(next, "2026-06-04T08:00")) == "2026-06-04T09:00:00Z");
}

TEST_CASE("K10: the moves that a customer's message makes are put in where a list leaves them out", "[sla]") {
  SlaDesk desk = wednesday();
  desk.move("2026-06-03T07:00", Status::waiting);
  desk.customer("2026-06-03T09:00");
  desk.events = with_customer_moves(desk.events);
  CHECK(desk.cycle(resolution, "2026-06-03T10:00").elapsed == 2 * h);
  desk.move("2026-06-03T10:00", Status::closed);
  desk.customer("2026-06-18T10:00");  // 15 days later: no reopening
  CHECK(with_customer_moves(desk.events).size() == desk.events.size());
  desk.events.back().at = utc("2026-06-16T10:00");
  CHECK(with_customer_moves(desk.events).back().status == Status::reopened);
}

TEST_CASE("K21: which move ends a pause is the fold's, when is what counts", "[sla]") {
  const auto elapsed = [](OfflineCredit credit, const char* hi) {
    SlaDesk desk;
    desk.rule("p", "C247", no_target, no_target, 8 * h).terms.offline_credit = credit;
    desk.create("2026-06-03T10:00");
    SlaDesk::offline(desk.move("2026-06-03T11:00", Status::on_hold), "2026-06-03T10:58", hi, "2026-06-03T13:00");
    desk.move("2026-06-03T14:00", Status::open);
    return desk.cycle(resolution, "2026-06-03T15:00").elapsed;
  };
  CHECK(elapsed(OfflineCredit::claimed, "2026-06-03T13:00") == 2 * h);
  CHECK(elapsed(OfflineCredit::attested, "2026-06-03T13:00") == 4 * h);  // nothing attests it: paused from 13:00
  CHECK(elapsed(OfflineCredit::attested, "2026-06-03T11:02") == 2 * h);
  CHECK(elapsed(OfflineCredit::strict, "2026-06-03T11:02") == 4 * h);
  CHECK(elapsed(OfflineCredit::manager, "2026-06-03T13:00") == 4 * h);
}

TEST_CASE("K21: a pause that ends before it counts is empty", "[sla]") {
  SlaDesk desk;
  desk.rule("p", "C247", no_target, no_target, 8 * h).terms.offline_credit = OfflineCredit::strict;
  desk.create("2026-06-03T10:00");
  SlaDesk::offline(desk.move("2026-06-03T11:00", Status::on_hold), "2026-06-03T10:58", "2026-06-03T11:02",
                   "2026-06-03T13:00");
  desk.move("2026-06-03T12:00", Status::open);
  CHECK(desk.cycle(resolution, "2026-06-03T14:00").elapsed == 4 * h);
}

TEST_CASE("K21: a resume on proof counts from its lower bound, so that no late sync makes a pause longer", "[sla]") {
  SlaDesk desk;
  desk.rule("p", "C247", no_target, no_target, 8 * h).terms.offline_credit = OfflineCredit::strict;
  desk.create("2026-06-03T10:00");
  desk.move("2026-06-03T11:00", Status::on_hold);
  SlaDesk::offline(desk.move("2026-06-03T15:00", Status::open), "2026-06-03T12:00", "2026-06-03T16:00",
                   "2026-06-03T16:00");
  CHECK(desk.cycle(resolution, "2026-06-03T17:00").elapsed == 6 * h);
}

TEST_CASE("K22: a merge cancels the source's cycles, and its undoing lets them go on", "[sla]") {
  SlaDesk desk = round_the_clock(4 * h, 8 * h);
  desk.add("2026-06-03T11:00", EventKind::withdrawn);
  CHECK(desk.cycle(first, "2026-06-05T10:00").state == CycleState::cancelled);
  CHECK(desk.cycle(resolution, "2026-06-05T10:00").state == CycleState::cancelled);
  desk.add("2026-06-05T10:00", EventKind::restored);
  CHECK(due_text(desk.cycle(first, "2026-06-05T10:00")) == "2026-06-05T13:00:00Z");
  CHECK(due_text(desk.cycle(resolution, "2026-06-05T10:00")) == "2026-06-05T17:00:00Z");
}

TEST_CASE("K22: the target of a merge waits as long as the older of the two, if nobody had answered either", "[sla]") {
  SlaDesk desk = round_the_clock(4 * h);
  desk.add("2026-06-03T11:00", EventKind::merged_in).clock_start = utc("2026-06-03T08:00");
  const Cycle cycle = desk.cycle(first, "2026-06-03T11:00");
  CHECK(cycle.started_at == utc("2026-06-03T08:00"));
  CHECK(due_text(cycle) == "2026-06-03T12:00:00Z");
  CHECK(desk.cycle(first, "2026-06-03T10:59").started_at == utc("2026-06-03T10:00"));
  desk.events.back().clock_start = utc("2026-06-03T10:30");  // the younger one changes nothing
  CHECK(due_text(desk.cycle(first, "2026-06-03T11:00")) == "2026-06-03T14:00:00Z");
}

TEST_CASE("K22: of several merges the one that waited longest counts, also where the target had no wait", "[sla]") {
  SlaDesk desk = round_the_clock(4 * h);
  desk.events.front().opening = Opening::internal;
  desk.add("2026-06-03T11:00", EventKind::merged_in).clock_start = utc("2026-06-03T09:00");
  desk.add("2026-06-03T11:30", EventKind::merged_in).clock_start = utc("2026-06-03T08:00");
  CHECK(desk.cycle(first, "2026-06-03T11:10").started_at == utc("2026-06-03T09:00"));
  CHECK(desk.cycle(first, "2026-06-03T11:40").started_at == utc("2026-06-03T08:00"));
}

TEST_CASE("K22: an answered target keeps its own clock", "[sla]") {
  SlaDesk desk = round_the_clock(4 * h);
  desk.reply("2026-06-03T10:30");
  desk.add("2026-06-03T11:00", EventKind::merged_in).clock_start = utc("2026-06-03T08:00");
  CHECK(desk.cycle(first, "2026-06-03T12:00").started_at == utc("2026-06-03T10:00"));
}

TEST_CASE("K22: a split begins at the split, or at the original message when it inherits the clock", "[sla]") {
  SlaDesk desk = round_the_clock(4 * h, 8 * h);
  CHECK(due_text(desk.cycle(first, "2026-06-03T10:00")) == "2026-06-03T14:00:00Z");
  desk.events.front().clock_start = utc("2026-06-03T07:00");
  CHECK(due_text(desk.cycle(first, "2026-06-03T10:00")) == "2026-06-03T11:00:00Z");
  CHECK(due_text(desk.cycle(resolution, "2026-06-03T10:00")) == "2026-06-03T15:00:00Z");
}

TEST_CASE("K23: at one instant a stop comes before a pause, a pause before a resume, a change of target last",
          "[sla]") {
  SlaDesk desk = round_the_clock(2 * h, 2 * h);
  desk.rule("hi", "C247", h, no_target, h);
  desk.policy("2026-06-03T12:00", "hi");
  desk.move("2026-06-03T12:00", Status::resolved);
  desk.reply("2026-06-03T12:00");
  CHECK(desk.cycle(first, "2026-06-03T13:00").state == CycleState::met);
  CHECK(desk.cycle(resolution, "2026-06-03T13:00").state == CycleState::met);

  SlaDesk paused = round_the_clock(no_target, 4 * h);
  paused.rule("hi", "C247", no_target, no_target, h);
  paused.policy("2026-06-03T12:00", "hi");
  paused.move("2026-06-03T12:00", Status::on_hold);
  CHECK(paused.cycle(resolution, "2026-06-03T13:00").state == CycleState::paused);

  SlaDesk message = wednesday(4 * h, 2 * h);
  message.reply("2026-06-03T07:00");
  message.customer("2026-06-03T08:00");
  message.reply("2026-06-03T08:00");  // answers what stood before, not what comes with it
  CHECK(message.cycle(next, "2026-06-03T09:00").open);
}

TEST_CASE("K23: within a kind the order is the fold's: a hold behind a resume of that instant holds", "[sla]") {
  SlaDesk desk = round_the_clock(no_target, 4 * h);
  desk.move("2026-06-03T11:00", Status::on_hold);
  desk.move("2026-06-03T12:00", Status::open);
  desk.move("2026-06-03T12:00", Status::on_hold);
  CHECK(desk.cycle(resolution, "2026-06-03T13:00").state == CycleState::paused);
  CHECK(desk.cycle(resolution, "2026-06-03T13:00").elapsed == h);
}

TEST_CASE("the reading of one event list that the rules end with", "[sla]") {
  SlaDesk desk = wednesday(4 * h, no_target, 8 * h);
  desk.rule("high", "KYIV", 2 * h, no_target, 4 * h);
  desk.move("2026-06-03T07:00", Status::on_hold);
  desk.policy("2026-06-03T09:00", "high");
  desk.move("2026-06-04T06:00", Status::in_progress);
  desk.reply("2026-06-04T06:30");
  desk.move("2026-06-04T10:00", Status::resolved);
  const Cycle response = desk.cycle(first, "2026-06-05T06:00");
  CHECK(response.state == CycleState::met);
  CHECK(response.elapsed == h + 30 * m);
  const Cycle resolved = desk.cycle(resolution, "2026-06-05T06:00");
  CHECK(resolved.elapsed == 5 * h);
  CHECK(resolved.breached_at == utc("2026-06-04T09:00"));
  CHECK(resolved.stopped_at == utc("2026-06-04T10:00"));
}
