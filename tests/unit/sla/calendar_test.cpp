// Rules C1 to C8 of docs/sla.md.
#include "sla_desk.hpp"
#include "support/catch.hpp"
#include "support/rounds.hpp"

using namespace tern;
using namespace tern::sla;
using namespace tern::test;

namespace {

Seconds worked(const Calendar& calendar, const std::string& from, const std::string& to) {
  return WorkingTime(calendar).elapsed(utc(from), utc(to));
}
std::string due_text(const Calendar& calendar, const std::string& from, Seconds target) {
  const auto due = WorkingTime(calendar).due(utc(from), target);
  return due ? instant_text(*due) : "never";
}

}  // namespace

TEST_CASE("C1: 24/7 is every second, whatever the zone does", "[sla]") {
  CHECK(worked(always_open(), "2026-03-28T12:00", "2026-03-29T12:00") == 24 * h);
  CHECK(due_text(always_open(), "2026-03-28T12:00", 24 * h) == "2026-03-29T12:00:00Z");
}

TEST_CASE("C1: instants are written and read as whole seconds of UTC", "[sla]") {
  CHECK(instant_text(utc("2026-06-03T10:15")) == "2026-06-03T10:15:00Z");
  CHECK(instant_from_text("2026-06-03T10:15:07.999Z") == utc("2026-06-03T10:15:07"));
  CHECK(local_text(utc("2026-06-03T09:00"), 3 * 3600) == "2026-06-03T12:00:00+03:00");
  CHECK(local_text(utc("2026-06-03T09:00"), -(3 * 3600 + 1800)) == "2026-06-03T05:30:00-03:30");
  for (const char* wrong : {"", "2026-06-03", "2026-02-30T00:00:00Z", "2026-06-03T24:00:00Z", "2026-06-03T10:15:00",
                            "2026-06-03T10:15:00+03:00", "1969-12-31T23:59:59Z", "2026-06-03T10:15:00.Z"})
    CHECK_FALSE(instant_from_text(wrong));
}

TEST_CASE("C2: hours behind midnight belong to the day they start on", "[sla]") {
  Calendar night = week_calendar("N", "UTC", "22:00", "06:00", 5);
  CHECK(worked(night, "2026-06-05T22:00", "2026-06-06T06:00") == 8 * h);  // Friday's shift, on Saturday morning
  CHECK(worked(night, "2026-06-06T20:00", "2026-06-07T08:00") == 0);      // Saturday has none
  CHECK(worked(night, "2026-06-08T00:00", "2026-06-08T06:00") == 0);      // nor has Sunday
  night.exceptions = {{2026, 6, 5, {}, "closed"}};
  CHECK(worked(night, "2026-06-05T00:00", "2026-06-05T06:00") == 6 * h);  // Thursday's shift runs into the holiday
  CHECK(worked(night, "2026-06-05T12:00", "2026-06-06T12:00") == 0);      // the holiday's own does not begin
}

TEST_CASE("C2: end at 24:00 and 24 hours from the same time are whole days", "[sla]") {
  CHECK(worked(week_calendar("D", "UTC", "00:00", "24:00", 7), "2026-06-01T00:00", "2026-06-08T00:00") == 7 * 24 * h);
  CHECK(worked(week_calendar("D", "UTC", "09:00", "09:00", 1), "2026-06-01T00:00", "2026-06-08T00:00") == 24 * h);
}

TEST_CASE("C2: overlapping and touching hours are counted once", "[sla]") {
  Calendar calendar = week_calendar("O", "UTC", "09:00", "13:00", 5);
  calendar.weekly[0] = {hours("12:00", "18:00"), hours("09:00", "13:00"), hours("10:00", "11:00"),
                        hours("18:00", "19:00")};
  CHECK(worked(calendar, "2026-06-01T00:00", "2026-06-02T00:00") == 10 * h);
  calendar.weekly[0] = {hours("22:00", "10:00")};  // into Tuesday's 09:00 to 13:00
  CHECK(worked(calendar, "2026-06-01T12:00", "2026-06-02T23:00") == 15 * h);
}

TEST_CASE("C2: a lunch break is not working time", "[sla]") {
  Calendar calendar = week_calendar("L", "Europe/Kyiv", "09:00", "18:00");
  for (auto& day : calendar.weekly)
    if (!day.empty()) day = {hours("09:00", "13:00"), hours("14:00", "18:00")};
  CHECK(due_text(calendar, "2026-06-03T09:00", 2 * h) == "2026-06-03T12:00:00Z");  // 12:00 local: 1 h, lunch, 1 h
  CHECK(due_text(calendar, "2026-06-03T09:00", 1 * h) == "2026-06-03T10:00:00Z");  // not after lunch (C6)
}

TEST_CASE("C3: an exception replaces its day: closed, or other hours", "[sla]") {
  Calendar calendar = week_calendar("K", "Europe/Kyiv", "09:00", "18:00");
  calendar.exceptions = {{2026, 12, 24, {hours("09:00", "13:00")}, "half day"}, {2026, 12, 25, {}, "Christmas"}};
  CHECK(due_text(calendar, "2026-12-23T14:00", 8 * h) == "2026-12-28T09:00:00Z");
  calendar.exceptions.push_back({2026, 12, 26, {hours("10:00", "12:00")}, "a Saturday that is worked"});
  CHECK(due_text(calendar, "2026-12-23T14:00", 8 * h) == "2026-12-26T10:00:00Z");
}

TEST_CASE("C3: a yearly exception comes every year, 29 February only when there is one", "[sla]") {
  Calendar calendar = week_calendar("Y", "Asia/Tokyo", "09:00", "18:00");
  calendar.exceptions = {{0, 1, 1, {}, ""}, {0, 2, 29, {}, ""}};
  CHECK(due_text(calendar, "2028-02-28T00:00", 18 * h) == "2028-03-01T09:00:00Z");
  CHECK(due_text(calendar, "2029-02-28T00:00", 18 * h) == "2029-03-01T09:00:00Z");  // Wednesday, Thursday
  CHECK(worked(calendar, "2026-12-31T15:00", "2027-01-01T15:00") == 0);
  CHECK(worked(calendar, "2027-12-31T15:00", "2028-01-01T15:00") == 0);
}

TEST_CASE("C3: a dated exception stands before a yearly one of that day", "[sla]") {
  Calendar calendar = week_calendar("Y", "UTC", "09:00", "18:00");
  calendar.exceptions = {{0, 8, 24, {}, ""}, {2026, 8, 24, {hours("10:00", "12:00")}, ""}};
  CHECK(worked(calendar, "2026-08-24T00:00", "2026-08-25T00:00") == 2 * h);
  CHECK(worked(calendar, "2027-08-24T00:00", "2027-08-25T00:00") == 0);
}

TEST_CASE("C4: in the spring night a time that does not exist is the transition", "[sla]") {
  const Calendar edge = week_calendar("E", "America/New_York", "02:30", "10:30", 7);
  CHECK(worked(edge, "2026-03-08T00:00", "2026-03-08T23:00") == 7 * h + 30 * 60);  // 03:00 to 10:30 EDT
  CHECK(due_text(edge, "2026-03-08T06:00", h) == "2026-03-08T08:00:00Z");
  const Calendar night = week_calendar("N", "America/New_York", "22:00", "06:00", 7);
  CHECK(worked(night, "2026-03-08T02:00", "2026-03-08T12:00") == 7 * h);  // eight on the wall
}

TEST_CASE("C4: in the autumn night a time that comes twice is the first", "[sla]") {
  const Calendar fold = week_calendar("F", "America/New_York", "01:30", "09:30", 7);
  CHECK(due_text(fold, "2026-11-01T05:00", h) == "2026-11-01T06:30:00Z");
  CHECK(worked(fold, "2026-11-01T05:00", "2026-11-01T20:00") == 9 * h);
  const Calendar night = week_calendar("N", "America/New_York", "22:00", "06:00", 7);
  CHECK(worked(night, "2026-11-01T01:00", "2026-11-01T12:00") == 9 * h);  // eight on the wall
}

TEST_CASE("C4: hours that touch add up to real time through both transitions", "[sla]") {
  Calendar calendar = week_calendar("T", "Australia/Lord_Howe", "00:00", "24:00", 7);
  CHECK(worked(calendar, "2026-04-03T00:00", "2026-04-06T00:00") == 72 * h);  // half an hour back
  CHECK(worked(calendar, "2026-10-02T00:00", "2026-10-05T00:00") == 72 * h);  // half an hour on
  for (auto& day : calendar.weekly) day = {hours("00:00", "01:45"), hours("01:45", "02:15"), hours("02:15", "24:00")};
  CHECK(worked(calendar, "2026-04-03T00:00", "2026-04-06T00:00") == 72 * h);
  CHECK(worked(calendar, "2026-10-02T00:00", "2026-10-05T00:00") == 72 * h);
}

TEST_CASE("C4: a date that does not exist yields nothing", "[sla]") {
  const Calendar day = week_calendar("A", "Pacific/Apia", "08:00", "16:00");   // Friday 30 December 2011 was left out
  CHECK(due_text(day, "2011-12-29T18:00", 12 * h) == "2012-01-01T22:00:00Z");  // 8 h Thursday, then Monday to 12:00
  const Calendar night = week_calendar("A", "Pacific/Apia", "22:00", "06:00");
  CHECK(worked(night, "2011-12-30T08:00", "2012-01-01T00:00") == 2 * h);  // only what is left of Thursday's
}

TEST_CASE("C4: the mapping of local times never runs backwards", "[sla]") {
  for (const char* zone : {"America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Cairo", "Asia/Almaty"}) {
    const auto offsets = zone_offsets(zone, utc("2011-01-01T00:00"), utc("2027-01-01T00:00")).value();
    Instant last = 0;
    const Instant from = utc("2011-06-01T00:00");
    for (Instant local = from; local < from + rounds_of(5'600) * day_s; local += 900) {
      const Instant at = instant_of_local(offsets, local);
      if (at < last) FAIL(zone << " at " << local);
      last = at;
    }
  }
}

TEST_CASE("C5: a calendar holds the offsets of the database it was saved with", "[sla]") {
  Calendar calendar = week_calendar("A", "Asia/Almaty", "09:00", "18:00");
  const Instant now = utc("2026-06-03T00:00");
  REQUIRE(pin_zone(calendar, now));
  CHECK(calendar.tz_version == tz_database_version());
  CHECK(calendar.tz_version.size() >= 5);  // such as 2025b
  CHECK_FALSE(next_version_for_database(calendar, now).value());
  calendar.tz_version = "2023c";  // before the zone moved from +06 to +05
  calendar.offsets = {{0, 6 * 3600}};
  CHECK(due_text(calendar, "2026-06-03T00:00", h) == "2026-06-03T04:00:00Z");
  const auto newer = next_version_for_database(calendar, now).value();
  REQUIRE(newer);
  CHECK(newer->version == calendar.version + 1);
  CHECK(newer->effective_from == now);
  CHECK(due_text(*newer, "2026-06-03T00:00", h) == "2026-06-03T05:00:00Z");
  CHECK(due_text(calendar, "2026-06-03T00:00", h) == "2026-06-03T04:00:00Z");  // what is past stays
}

TEST_CASE("C6: a target that ends at closing time is due then, not at the next opening", "[sla]") {
  const Calendar kyiv = week_calendar("K", "Europe/Kyiv", "09:00", "18:00");
  CHECK(due_text(kyiv, "2026-06-07T12:00", 9 * h) == "2026-06-08T15:00:00Z");
  CHECK(due_text(kyiv, "2026-06-05T14:00", h) == "2026-06-05T15:00:00Z");
  CHECK(due_text(kyiv, "2026-06-05T14:00", h + 1) == "2026-06-08T06:00:01Z");
  CHECK(due_text(kyiv, "2026-06-05T20:00", 0) == "2026-06-05T20:00:00Z");  // nothing left: at once
}

TEST_CASE("C6: due and elapsed agree, whatever was asked before", "[sla]") {
  Calendar calendar = week_calendar("K", "Europe/Kyiv", "09:00", "18:00");
  calendar.weekly[2] = {hours("22:00", "03:00"), hours("09:00", "12:00")};
  calendar.exceptions = {{2026, 3, 30, {}, ""}, {0, 10, 26, {hours("10:00", "11:00")}, ""}};
  WorkingTime kept(calendar);
  for (int i = 0; i < 400; ++i) {
    const Instant from = utc("2026-01-01T00:00") + (i * 7919) % 400 * day_s + i * 1237;
    const Seconds target = 1 + (i * 104729) % (200 * h);
    const auto due = kept.due(from, target);
    REQUIRE(due);
    CHECK(due == WorkingTime(calendar).due(from, target));
    CHECK(kept.elapsed(from, *due) == target);
    CHECK(kept.elapsed(from, *due - 1) == target - 1);
  }
}

TEST_CASE("C8: a calendar that never opens is refused", "[sla]") {
  Calendar closed = week_calendar("X", "UTC", "09:00", "18:00", 0);
  REQUIRE_FALSE(validate(closed));
  CHECK(validate(closed).error().field == "weekly");
  closed.exceptions = {{2035, 1, 1, {hours("09:00", "10:00")}, ""}};
  CHECK(validate(closed));
  closed.exceptions = {{2037, 1, 1, {hours("09:00", "10:00")}, ""}};
  CHECK_FALSE(validate(closed));
}

TEST_CASE("C8: a rule whose target is never due in its calendar is refused, and nothing is due then", "[sla]") {
  Calendar rare = week_calendar("R", "UTC", "09:00", "18:00", 0);
  rare.exceptions = {{0, 12, 24, {hours("09:00", "10:00")}, ""}};
  CHECK(due_text(rare, "2026-01-01T00:00", 10 * h) == "2035-12-24T10:00:00Z");
  CHECK(due_text(rare, "2026-01-01T00:00", 11 * h) == "never");
  SlaDesk desk;
  desk.calendar(rare);
  desk.new_book(utc("2026-01-01T00:00"));
  desk.rule("p", "R", 11 * h, no_target, no_target);
  CHECK_THROWS_WITH(desk.inputs(), Catch::Contains("within 10 years"));
}

TEST_CASE("a calendar with hours, dates or offsets that cannot be is refused by its field", "[sla]") {
  const Calendar good = week_calendar("G", "Europe/Kyiv", "09:00", "18:00");
  CHECK(validate(good));
  Calendar bad = good;
  bad.weekly[0] = {{-1, 10}};
  CHECK(validate(bad).error().field == "weekly");
  bad = good;
  bad.weekly[0] = {{86'400, 10}};
  CHECK(validate(bad).error().field == "weekly");
  bad = good;
  bad.exceptions = {{2026, 2, 29, {}, ""}};
  CHECK(validate(bad).error().field == "exceptions");
  bad = good;
  bad.exceptions = {{2026, 2, 28, {}, ""}, {2026, 2, 28, {}, ""}};
  CHECK(validate(bad).error().field == "exceptions");
  bad = good;
  bad.offsets = {{100, 0}, {50, 3600}};
  CHECK(validate(bad).error().field == "zone");
  bad = good;
  bad.always = true;
  CHECK(validate(bad).error().field == "always");
  CHECK(zone_offsets("Mars/Olympus", 0, 1).error().field == "zone");
}
