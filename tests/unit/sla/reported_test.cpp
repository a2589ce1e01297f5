// What reports count of one ticket (docs/reports.md, M1 to M6).
#include "tern/sla/reported.hpp"
#include "sla_desk.hpp"
#include "support/catch.hpp"

using namespace tern;
using namespace tern::sla;
using namespace tern::test;
using sync::Status;

TEST_CASE("M1: a first response ends the oldest wait, the next ones each later wait, on the wall and in working time",
          "[sla][reports]") {
  SlaDesk desk = wednesday();
  desk.customer("2026-06-03T07:00");
  desk.reply("2026-06-03T08:00");     // 11:00 in Kyiv, two hours after it was asked
  desk.reply("2026-06-03T08:30");     // nobody waits
  desk.customer("2026-06-03T14:00");  // 17:00
  desk.customer("2026-06-03T14:30");
  desk.reply("2026-06-04T06:30");  // 09:30 the next day
  const Reported of = reported(desk.inputs(), utc("2026-06-10T06:00"));
  REQUIRE(of.answers.size() == 2);
  CHECK(of.answers[0].wall == 2 * h);
  CHECK(of.answers[0].business == 2 * h);
  CHECK(of.answers[1].waited_from == utc("2026-06-03T14:00"));
  CHECK(of.answers[1].wall == 16 * h + 30 * m);
  CHECK(of.answers[1].business == 90 * m);
}

TEST_CASE("M1: a ticket that staff opened waits from its customer's first message on, and a note answers nobody",
          "[sla][reports]") {
  SlaDesk desk = wednesday();
  desk.events[0].opening = Opening::internal;
  desk.reply("2026-06-03T07:00");
  CHECK(reported(desk.inputs(), utc("2026-06-10T06:00")).answers.empty());
  desk.customer("2026-06-03T08:00");
  desk.reply("2026-06-03T08:10").automatic = true;
  desk.reply("2026-06-03T09:00").light_agent = true;
  desk.reply("2026-06-03T10:00");
  const Reported of = reported(desk.inputs(), utc("2026-06-10T06:00"));
  REQUIRE(of.answers.size() == 1);
  CHECK(of.answers[0].wall == 2 * h);
}

TEST_CASE("M2: an answer made offline counts when it was made, and is delivered when it came", "[sla][reports]") {
  SlaDesk desk = wednesday();
  SlaDesk::offline(desk.reply("2026-06-03T09:10"), "2026-06-03T08:00", "2026-06-03T16:00", "2026-06-03T16:00");
  CHECK(reported(desk.inputs(), utc("2026-06-03T12:00")).answers.empty());  // as known then
  const Reported of = reported(desk.inputs(), utc("2026-06-03T16:00"));
  REQUIRE(of.answers.size() == 1);
  CHECK(of.answers[0].business == 3 * h + 10 * m);
  CHECK(of.answers[0].delivered_wall == 10 * h);
  CHECK(of.answers[0].delivered_business == 9 * h);
}

TEST_CASE("M3: a resolution counts without its pauses, and beside it with them", "[sla][reports]") {
  SlaDesk desk = wednesday();
  desk.move("2026-06-03T07:00", Status::in_progress);  // 10:00 in Kyiv
  desk.move("2026-06-03T09:00", Status::on_hold);      // 12:00
  desk.reply("2026-06-04T06:00");
  desk.move("2026-06-04T06:00", Status::in_progress);  // 09:00
  desk.move("2026-06-04T07:00", Status::resolved);     // 10:00
  const Reported of = reported(desk.inputs(), utc("2026-06-10T06:00"));
  REQUIRE(of.resolutions.size() == 1);
  CHECK(of.resolutions[0].net_business == 4 * h);  // 09:00 to 12:00 and an hour
  CHECK(of.resolutions[0].net_wall == 4 * h);
  CHECK(of.resolutions[0].gross_wall == 25 * h);
  CHECK(of.resolutions[0].gross_business == 10 * h);
  CHECK(of.resolutions[0].touches == 1);
  CHECK_FALSE(of.resolutions[0].reopened);
}

TEST_CASE(
    "M4: each entry into done is a resolution; closing what is resolved is none, and what was resolved is no work",
    "[sla][reports]") {
  SlaDesk desk = wednesday();
  desk.move("2026-06-03T07:00", Status::resolved);  // an hour
  desk.move("2026-06-03T08:00", Status::closed);
  desk.move("2026-06-03T09:00", Status::reopened);
  desk.move("2026-06-03T10:00", Status::closed);  // another
  const Reported of = reported(desk.inputs(), utc("2026-06-10T06:00"));
  REQUIRE(of.resolutions.size() == 2);
  CHECK(of.resolutions[0].reopened == utc("2026-06-03T09:00"));
  CHECK(of.resolutions[1].net_wall == 2 * h);
  CHECK(of.resolutions[1].gross_wall == 4 * h);
}

TEST_CASE("M5: nothing of a ticket that is deleted or merged away is counted, until that is undone", "[sla][reports]") {
  SlaDesk desk = wednesday();
  CHECK(reported(desk.inputs(), utc("2026-06-10T06:00")).counts);
  desk.add("2026-06-03T08:00", EventKind::withdrawn);
  CHECK_FALSE(reported(desk.inputs(), utc("2026-06-10T06:00")).counts);
  desk.add("2026-06-03T09:00", EventKind::restored);
  CHECK(reported(desk.inputs(), utc("2026-06-10T06:00")).counts);
  CHECK_FALSE(reported(desk.inputs(), utc("2026-06-03T08:30")).counts);
}

TEST_CASE("M6: where no rule matches, working time is the wall's", "[sla][reports]") {
  SlaDesk desk;
  desk.rule("p", "KYIV", 4 * h, no_target, 8 * h);
  desk.create("2026-06-03T06:00", "another");
  desk.reply("2026-06-03T18:00");
  const Reported of = reported(desk.inputs(), utc("2026-06-10T06:00"));
  REQUIRE(of.answers.size() == 1);
  CHECK(of.answers[0].business == 12 * h);
}
