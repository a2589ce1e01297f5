// SLA rules and calendars as records: their words, and which version is in force when.
#include "desk/sla_settings.hpp"

#include "desk/sla_records.hpp"
#include "desk/sla_text.hpp"
#include "support/catch.hpp"
#include "support/must.hpp"

using namespace tern;
using server::RecordVersion;
using sync::RecordKind;
using tern::test::must;

namespace {

using SlaAttributes = std::map<std::string, std::string>;

RecordVersion sla_version(RecordKind kind, std::uint8_t id, std::uint64_t number, sla::Instant committed_at,
                          SlaAttributes attributes) {
  RecordVersion out;
  out.record.kind = kind;
  out.record.id.bytes.fill(id);
  out.record.integer_id = id;
  out.record.name = std::string(sync::to_string(kind)) + " " + std::to_string(id);
  out.record.version = number;
  out.record.attributes = std::move(attributes);
  out.committed_at = committed_at;
  return out;
}

std::string refused_field_of(const Result<void>& done) {
  return done ? "" : done.error().field;
}

sync::Record sla_rule_record(SlaAttributes attributes) {
  return sla_version(RecordKind::sla_rule, 1, 0, 0, std::move(attributes)).record;
}

}  // namespace

TEST_CASE("lengths of time are written with their units", "[server][sla]") {
  const auto length = [](const char* text) { return server::duration_from_text(text, "x").value_or(0); };
  CHECK(length("4h") == 4 * 3600);
  CHECK(length("1h 30m") == 5400);
  CHECK(length("2d") == 48 * 3600);
  CHECK(length("90s") == 90);
  for (const char* text : {"", "4", "h", "-4h", "4 hours", "0h", "9999999d", "99999999999999999999s", "4h x"})
    CHECK(server::duration_from_text(text, "resolution").error().field == "resolution");
}

TEST_CASE("a calendar's hours and holidays are read as people write them", "[server][sla]") {
  sync::Record record = sla_version(RecordKind::calendar, 1, 0, 0,
                                    {{"zone", "Europe/Kyiv"},
                                     {"hours", "mon-fri 09:00-12:00,13:00-18:00; sat,sun 10:00-14:00\nfri 22:00-06:00"},
                                     {"holidays", "2026-12-24 09:00-13:00 Christmas Eve; 12-25\n2026-08-24 closed"}})
                            .record;
  REQUIRE(server::complete_calendar(record, 1'780'000'000));
  CHECK_FALSE(record.attributes["offsets"].empty());
  const sla::Calendar calendar = must(server::calendar_of(record, 1'780'000'000));
  CHECK(calendar.weekly[0].size() == 2);
  CHECK(calendar.weekly[4].size() == 3);
  CHECK(calendar.weekly[6] == std::vector<sla::LocalHours>{{36'000, 50'400}});
  REQUIRE(calendar.exceptions.size() == 3);
  CHECK(calendar.exceptions[0].name == "Christmas Eve");
  CHECK(calendar.exceptions[1].year == 0);
  CHECK(calendar.exceptions[2].hours.empty());
  CHECK(sla::offset_at(calendar.offsets, 1'780'000'000) == 3 * 3600);
  CHECK(must(server::calendar_of(record, 0)).offsets == calendar.offsets);  // as it was saved
}

TEST_CASE("a calendar that cannot be kept is refused by its field", "[server][sla]") {
  const auto refused = [](SlaAttributes attributes) {
    sync::Record record = sla_version(RecordKind::calendar, 1, 0, 0, std::move(attributes)).record;
    return refused_field_of(server::complete_calendar(record, 0));
  };
  CHECK(refused({{"hours", "mon 09:00-18:00"}, {"zone", "Europe/Atlantis"}}) == "zone");
  CHECK(refused({{"hours", "monday 09:00-18:00"}}) == "hours");
  CHECK(refused({{"hours", "mon 9-18"}}) == "hours");
  CHECK(refused({{"hours", "mon"}}) == "hours");
  CHECK(refused({{"zone", "UTC"}}) == "weekly");  // it never opens
  CHECK(refused({{"hours", "mon 09:00-18:00"}, {"holidays", "2026-02-30"}}) == "holidays");
  CHECK(refused({{"hours", "mon 09:00-18:00"}, {"holidays", "tomorrow"}}) == "holidays");
  CHECK(refused({{"hours", "mon 09:00-18:00"}, {"colour", "red"}}) == "colour");
  CHECK(refused({{"hours", "mon 09:00-18:00"}, {"effective_from", "soon"}}) == "effective_from");
  CHECK(refused({{"hours", "24/7"}}).empty());
}

TEST_CASE("a rule that cannot be kept is refused by its field", "[server][sla]") {
  const server::SlaSettings settings({});
  const auto refused = [&](SlaAttributes attributes) {
    return refused_field_of(server::check_rule(sla_rule_record(std::move(attributes)), settings.calendars(), 0));
  };
  CHECK(refused({{"resolution", "4h"}, {"when", "priority=high\nvip=yes"}, {"late", "50%,2h"}}).empty());
  CHECK(refused({{"resolution", "none"}}).empty());
  CHECK(refused({}) == "resolution");
  CHECK(refused({{"resolution", "four"}}) == "resolution");
  CHECK(refused({{"resolution", "4h"}, {"calendar", "Office"}}) == "calendar");
  CHECK(refused({{"resolution", "4h"}, {"when", "colour=red"}}) == "when");
  CHECK(refused({{"resolution", "4h"}, {"when", "priority=huge"}}) == "when");
  CHECK(refused({{"resolution", "4h"}, {"when", "vip=maybe"}}) == "when");
  CHECK(refused({{"resolution", "4h"}, {"yellow_percent", "20"}}) == "yellow_percent");
  CHECK(refused({{"resolution", "4h"}, {"late", "10%,20%,30%,40%,50%"}}) == "late");
  CHECK(refused({{"resolution", "4h"}, {"offline_credit", "much"}}) == "offline_credit");
  CHECK(refused({{"resolution", "4h"}, {"on_reopen", "never"}}) == "on_reopen");
  CHECK(refused({{"resolution", "4h"}, {"pause", "resolution=asleep"}}) == "pause");
  CHECK(refused({{"resolution", "4h"}, {"sort", "first"}}) == "sort");
  CHECK(refused({{"resolution", "4h"}, {"colour", "red"}}) == "colour");
}

TEST_CASE("the list of rules is what was in force at each instant", "[server][sla]") {
  std::vector<RecordVersion> versions = {
      sla_version(RecordKind::sla_rule, 1, 10, 1'000, {{"resolution", "4h"}, {"sort", "20"}}),
      sla_version(RecordKind::sla_rule, 2, 11, 2'000, {{"resolution", "2h"}, {"sort", "10"}}),
      sla_version(RecordKind::sla_rule, 1, 12, 3'000,
                  {{"resolution", "6h"}, {"sort", "20"}, {"effective_from", "1970-01-01T02:00:00Z"}}),
      sla_version(RecordKind::sla_rule, 2, 13, 4'000, {})};
  versions.back().record.deleted = true;
  const server::SlaSettings settings(versions);
  const auto targets = [](const server::SlaSettings& of, sla::Instant at) {
    std::vector<sla::Seconds> out;
    const sla::RuleBook* book = nullptr;
    for (const auto& one : of.books().versions())
      if (one.from <= at) book = &one.book;
    for (const sla::Rule& one : book->rules) out.push_back(one.targets[2]->seconds.value_or(0) / 3600);
    return out;
  };
  CHECK(targets(settings, 500) == std::vector<sla::Seconds>{4, 8, 48, 120});  // of a tenant without rules
  CHECK_FALSE(settings.has_own_rules(500));
  CHECK(targets(settings, 1'500) == std::vector<sla::Seconds>{4});
  CHECK(settings.has_own_rules(1'500));
  CHECK(targets(settings, 2'500) == std::vector<sla::Seconds>{2, 4});
  CHECK(targets(settings, 4'500) == std::vector<sla::Seconds>{4});
  CHECK(targets(settings, 7'200) == std::vector<sla::Seconds>{6});
  CHECK(targets(server::SlaSettings(versions, 2'500), 9'000) == std::vector<sla::Seconds>{2, 4});  // as known then

  std::vector<RecordVersion> gone = {versions[0], versions[0]};
  gone[1].record.deleted = true;
  gone[1].record.version = 14;
  gone[1].committed_at = 5'000;
  CHECK_FALSE(server::SlaSettings(gone).has_own_rules(6'000));
  CHECK(targets(server::SlaSettings(gone), 6'000).size() == 4);
}

TEST_CASE("a record that was erased has no version, and the one before goes on", "[server][sla]") {
  std::vector<RecordVersion> versions = {
      sla_version(RecordKind::calendar, 1, 10, 1'000, {{"hours", "mon 09:00-18:00"}}),
      sla_version(RecordKind::calendar, 1, 11, 2'000, {}),
      sla_version(RecordKind::sla_rule, 1, 12, 3'000, {{"clock", "x"}})};
  const server::SlaSettings settings(versions);
  auto* calendar = settings.calendars().find("calendar 1");
  REQUIRE(calendar != nullptr);
  CHECK(calendar->version_at(9'000).version == 10);
  CHECK_FALSE(settings.has_own_rules(9'000));
}
