#include "desk/sla_settings.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "desk/sla_records.hpp"
#include "desk/sla_text.hpp"

namespace tern::server {
namespace {

constexpr std::uint32_t default_book = 0;

Result<void> read_kind(sqlite::Database& db, std::int64_t tenant, sync::RecordKind kind,
                       std::vector<RecordVersion>& out) {
  TERN_TRY(auto rows, db.query("SELECT h.data, s.commit_ms FROM record_history h JOIN change_set s ON s.tenant_id = "
                               "h.tenant_id AND s.commit_seq = h.version WHERE h.tenant_id = $1 AND h.kind = $2 ORDER "
                               "BY h.record_id, h.version",
                               tenant, kind));
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return {};
    auto record = sync::decode_record(rows.blob(0));
    if (record) out.push_back({std::move(*record), rows.int64(1) / 1000});  // damaged: `verify` names it
  }
}

/// Orders to judge anew, each with what was committed when it was.
Result<void> read_orders(sqlite::Database& db, std::int64_t tenant, std::vector<RecordVersion>& out) {
  TERN_TRY(auto rows,
           db.query("SELECT r.data, s.commit_ms FROM record r JOIN change_set s ON s.tenant_id = r.tenant_id "
                    "AND s.commit_seq = r.version WHERE r.tenant_id = $1 AND r.kind = $2 ORDER BY r.version",
                    tenant, sync::RecordKind::sla_order));
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return {};
    auto record = sync::decode_record(rows.blob(0));
    if (record) out.push_back({std::move(*record), rows.int64(1) / 1000});
  }
}

std::vector<sla::Recompute> orders_of(const std::vector<RecordVersion>& versions, sla::Instant known_by) {
  std::vector<sla::Recompute> out;
  for (const auto& [record, committed_at] : versions) {
    if (record.kind != sync::RecordKind::sla_order || committed_at > known_by || record.deleted) continue;
    const auto from = record.attributes.find("from");
    const auto at = from == record.attributes.end() ? std::nullopt : sla::instant_from_text(from->second);
    if (at) out.push_back({*at, committed_at, {}});
  }
  return out;
}

/// As the record says it, also before its commit; one that says nothing counts from that.
Result<sla::Instant> said_from(const sync::Record& record, sla::Instant committed_at) {
  TERN_TRY(const sla::Instant said, effective_from(record, INT64_MIN));
  return said == INT64_MIN ? committed_at : said;
}

sla::Calendars calendars_of(const std::vector<RecordVersion>& versions, sla::Instant known_by) {
  sla::Calendars out(orders_of(versions, known_by));
  sla::Calendar always;
  always.id = always_open;
  always.always = true;
  check(out.add(std::move(always)).has_value(), "a calendar that is always open can be kept");
  for (const RecordVersion& version : versions) {
    if (version.record.kind != sync::RecordKind::calendar || version.committed_at > known_by) continue;
    auto calendar = calendar_of(version.record, version.committed_at);
    const auto from = said_from(version.record, version.committed_at);
    if (!calendar || !from) continue;
    calendar->effective_from = *from;
    static_cast<void>(out.add(std::move(*calendar)));
  }
  return out;
}

/// One version of one rule; nothing from when it was taken off the list.
struct RuleVersion {
  sla::Instant from = 0;
  std::uint32_t version = 0;
  std::int64_t place = 0;
  std::uint64_t integer_id = 0;
  std::optional<sla::Rule> rule;
};
using RuleVersions = std::map<RecordId, std::vector<RuleVersion>>;

RuleVersions rules_of(const std::vector<RecordVersion>& versions, sla::Instant known_by) {
  RuleVersions out;
  const auto orders = orders_of(versions, known_by);
  for (const auto& [record, committed_at] : versions) {
    if (record.kind != sync::RecordKind::sla_rule || committed_at > known_by) continue;
    const auto from = said_from(record, committed_at);
    auto rule = rule_of(record);
    if (!record.deleted && (!from || !rule)) continue;
    RuleVersion version{record.deleted ? committed_at : sla::in_force_from(*from, committed_at, orders),
                        static_cast<std::uint32_t>(record.version), rule_place(record), record.integer_id,
                        std::nullopt};
    if (!record.deleted) version.rule = std::move(*rule);
    out[record.id].push_back(std::move(version));
  }
  return out;
}

/// Hours that a category promises from a commit on; 0: none any more.
struct HoursVersion {
  sla::Instant from = 0;
  sla::Seconds hours = 0;
};
struct CategoryPromise {
  std::string path;
  std::int64_t place = 0;
  std::vector<HoursVersion> versions;
};
using CategoryPromises = std::map<RecordId, CategoryPromise>;

std::string path_of_category(const sync::Record& category, const CategoryNames* names) {
  constexpr int depth_max = 16;
  std::string path = category.name;
  const sync::Record* record = &category;
  if (names != nullptr)
    for (const auto& [name, now] : *names)
      if (now.id == category.id) {
        record = &now;
        path = name;
      }
  for (int depth = 0; names != nullptr && depth < depth_max; ++depth) {
    const auto parent = record->attributes.find("parent");
    const auto above = parent == record->attributes.end() ? names->end() : names->find(parent->second);
    if (above == names->end()) return path;
    path = above->first + "/" + path;
    record = &above->second;
  }
  return path;
}

CategoryPromises promises_of(const std::vector<RecordVersion>& versions, sla::Instant known_by,
                             const CategoryNames* names) {
  CategoryPromises out;
  for (const auto& [record, committed_at] : versions) {
    if (record.kind != sync::RecordKind::category || committed_at > known_by) continue;
    const auto said = record.attributes.find(sync::sla_hours_attribute);
    const bool there = !record.deleted && said != record.attributes.end();
    CategoryPromise& promise = out[record.id];
    promise.path = path_of_category(record, names);
    promise.place = static_cast<std::int64_t>(record.integer_id);
    promise.versions.push_back({committed_at, there ? integer_of_text(said->second).value_or(0) : 0});
  }
  return out;
}

/// What categories promised then, the deepest first: what is below another one may promise something else.
std::vector<sla::CategoryHours> hours_at(const CategoryPromises& promises, sla::Instant at) {
  std::vector<std::pair<std::pair<std::ptrdiff_t, std::int64_t>, sla::CategoryHours>> found;
  for (const auto& [id, promise] : promises) {
    const HoursVersion* newest = nullptr;
    for (const HoursVersion& one : promise.versions)
      if (one.from <= at && (newest == nullptr || one.from >= newest->from)) newest = &one;
    if (newest != nullptr && newest->hours > 0)
      found.push_back({{-std::ranges::count(promise.path, '/'), promise.place}, {promise.path, newest->hours}});
  }
  std::ranges::sort(found, {}, [](const auto& one) { return one.first; });
  std::vector<sla::CategoryHours> out;
  out.reserve(found.size());
  for (auto& [place, hours] : found) out.push_back(std::move(hours));
  return out;
}

/// What a tariff promises from a commit on; nothing: no more.
struct TariffVersion {
  sla::Instant from = 0;
  std::optional<sla::Rule> rule;
};
struct TariffPromise {
  std::uint64_t place = 0;
  std::vector<TariffVersion> versions;
};
using TariffPromises = std::map<RecordId, TariffPromise>;

TariffPromises tariffs_of(const std::vector<RecordVersion>& versions, sla::Instant known_by,
                          const sla::Calendars& calendars) {
  TariffPromises out;
  for (const auto& [record, committed_at] : versions) {
    if (record.kind != sync::RecordKind::tariff || committed_at > known_by) continue;
    auto rule = rule_of_tariff(record);
    const bool there =
        !record.deleted && rule && promises_something(*rule) && calendars.find(rule->calendar) != nullptr;
    TariffPromise& promise = out[record.id];
    promise.place = record.integer_id;
    promise.versions.push_back({committed_at, there ? std::optional(std::move(*rule)) : std::nullopt});
  }
  return out;
}

/// In the order in which tariffs were made: a ticket has one at most.
std::vector<sla::Rule> tariff_rules_at(const TariffPromises& promises, sla::Instant at) {
  std::vector<std::pair<std::uint64_t, sla::Rule>> found;
  for (const auto& [id, promise] : promises) {
    const TariffVersion* newest = nullptr;
    for (const TariffVersion& one : promise.versions)
      if (one.from <= at && (newest == nullptr || one.from >= newest->from)) newest = &one;
    if (newest != nullptr && newest->rule) found.emplace_back(promise.place, *newest->rule);
  }
  std::ranges::sort(found, {}, [](const auto& one) { return one.first; });
  std::vector<sla::Rule> out;
  out.reserve(found.size());
  for (auto& [place, rule] : found) out.push_back(std::move(rule));
  return out;
}

sla::RuleBook book_at(const RuleVersions& rules, const CategoryPromises& promises, const TariffPromises& tariffs,
                      sla::Instant at) {
  std::vector<const RuleVersion*> in_force;
  sla::RuleBook book;
  book.version = default_book;
  book.effective_from = book.committed_at = at;
  for (const auto& [id, versions] : rules) {
    const RuleVersion* newest = nullptr;
    for (const RuleVersion& version : versions)
      if (version.from <= at && (newest == nullptr || version.from >= newest->from)) newest = &version;
    if (newest == nullptr) continue;
    book.version = std::max(book.version, newest->version);
    if (newest->rule) in_force.push_back(newest);
  }
  std::ranges::sort(in_force, {}, [](const RuleVersion* v) { return std::pair(v->place, v->integer_id); });
  for (const RuleVersion* version : in_force) book.rules.push_back(*version->rule);
  if (!book.rules.empty()) return book;
  book.version = default_book;
  book.rules = tariff_rules_at(tariffs, at);
  for (sla::Rule& rule : sla::default_rules(std::string(always_open), hours_at(promises, at)))
    book.rules.push_back(std::move(rule));
  return book;
}

/// The list as a whole at each instant at which one of its rules changes, behind the one of a tenant without rules.
std::vector<sla::RuleBook> books_of(const std::vector<RecordVersion>& versions, sla::Instant known_by,
                                    const CategoryNames* names, const sla::Calendars& calendars) {
  const TariffPromises tariffs = tariffs_of(versions, known_by, calendars);
  const CategoryPromises promises = promises_of(versions, known_by, names);
  const RuleVersions rules = rules_of(versions, known_by);
  std::set<sla::Instant> changes = {0};
  for (const auto& [id, of_rule] : rules)
    for (const RuleVersion& version : of_rule) changes.insert(version.from);
  std::vector<sla::RuleBook> out;
  for (const auto& [id, promise] : promises)
    for (const HoursVersion& version : promise.versions) changes.insert(version.from);
  for (const auto& [id, promise] : tariffs)
    for (const TariffVersion& version : promise.versions) changes.insert(version.from);
  out.reserve(changes.size());
  for (const sla::Instant at : changes) out.push_back(book_at(rules, promises, tariffs, at));
  return out;
}

}  // namespace

Result<std::vector<RecordVersion>> read_sla_versions(sqlite::Database& db, std::int64_t tenant) {
  std::vector<RecordVersion> out;
  TERN_CHECKED(read_kind(db, tenant, sync::RecordKind::calendar, out));
  TERN_CHECKED(read_kind(db, tenant, sync::RecordKind::sla_rule, out));
  TERN_CHECKED(read_kind(db, tenant, sync::RecordKind::category, out));
  TERN_CHECKED(read_kind(db, tenant, sync::RecordKind::tariff, out));
  TERN_CHECKED(read_orders(db, tenant, out));
  return out;
}

SlaSettings::SlaSettings(const std::vector<RecordVersion>& versions, sla::Instant known_by,
                         const std::shared_ptr<const CategoryNames>& categories)
    : calendars_(calendars_of(versions, known_by)),
      books_(books_of(versions, known_by, categories.get(), calendars_)) {}

bool SlaSettings::has_own_rules(sla::Instant at) const {
  const auto& versions = books_.versions();
  auto it = std::ranges::upper_bound(versions, at, {}, &sla::RuleBooks::Version::from);
  if (it != versions.begin()) --it;
  return it != versions.end() && it->book.version != default_book;
}

std::vector<int> SlaSettings::priorities_without_target(sla::Instant at) const {
  const sla::RuleBook* book = nullptr;
  for (const auto& version : books_.versions())
    if (book == nullptr || version.from <= at) book = &version.book;
  std::vector<int> out;
  for (const int priority : {4, 3, 2, 1}) {
    sla::Attributes ticket;
    ticket.priority = priority;
    ticket.audience = "customer";
    sla::Choices choices;
    if (book != nullptr) choices = sla::match(*book, ticket, calendars_);
    const bool spoken_of = std::ranges::any_of(std::array{sla::Metric::first_response, sla::Metric::resolution},
                                               [&choices](sla::Metric metric) {
                                                 const auto index = static_cast<std::size_t>(metric);
                                                 const sla::Rule* rule = choices[index].rule;
                                                 return rule != nullptr && rule->targets[index].has_value();
                                               });
    if (!spoken_of) out.push_back(priority);
  }
  return out;
}

}  // namespace tern::server
