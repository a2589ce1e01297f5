#include "desk/sla_settings.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "desk/sla_records.hpp"

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

sla::Calendars calendars_of(const std::vector<RecordVersion>& versions, sla::Instant known_by) {
  sla::Calendars out;
  sla::Calendar always;
  always.id = always_open;
  always.always = true;
  check(out.add(std::move(always)).has_value(), "a calendar that is always open can be kept");
  for (const RecordVersion& version : versions) {
    if (version.record.kind != sync::RecordKind::calendar || version.committed_at > known_by) continue;
    if (auto calendar = calendar_of(version.record, version.committed_at))
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
  for (const auto& [record, committed_at] : versions) {
    if (record.kind != sync::RecordKind::sla_rule || committed_at > known_by) continue;
    const auto from = effective_from(record, committed_at);
    auto rule = rule_of(record);
    if (!record.deleted && (!from || !rule)) continue;
    RuleVersion version{record.deleted ? committed_at : *from, static_cast<std::uint32_t>(record.version),
                        rule_place(record), record.integer_id, std::nullopt};
    if (!record.deleted) version.rule = std::move(*rule);
    out[record.id].push_back(std::move(version));
  }
  return out;
}

sla::RuleBook book_at(const RuleVersions& rules, sla::Instant at) {
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
  book.rules = sla::default_rules(std::string(always_open), {});
  return book;
}

/// The list as a whole at each instant at which one of its rules changes, behind the one of a tenant without rules.
std::vector<sla::RuleBook> books_of(const std::vector<RecordVersion>& versions, sla::Instant known_by) {
  const RuleVersions rules = rules_of(versions, known_by);
  std::set<sla::Instant> changes = {0};
  for (const auto& [id, of_rule] : rules)
    for (const RuleVersion& version : of_rule) changes.insert(version.from);
  std::vector<sla::RuleBook> out;
  for (const sla::Instant at : changes) out.push_back(book_at(rules, at));
  return out;
}

}  // namespace

Result<std::vector<RecordVersion>> read_sla_versions(sqlite::Database& db, std::int64_t tenant) {
  std::vector<RecordVersion> out;
  TERN_CHECKED(read_kind(db, tenant, sync::RecordKind::calendar, out));
  TERN_CHECKED(read_kind(db, tenant, sync::RecordKind::sla_rule, out));
  return out;
}

SlaSettings::SlaSettings(const std::vector<RecordVersion>& versions, sla::Instant known_by)
    : calendars_(calendars_of(versions, known_by)), books_(books_of(versions, known_by)) {}

bool SlaSettings::has_own_rules(sla::Instant at) const {
  const auto& versions = books_.versions();
  auto it = std::ranges::upper_bound(versions, at, {}, &sla::RuleBooks::Version::from);
  if (it != versions.begin()) --it;
  return it != versions.end() && it->book.version != default_book;
}

}  // namespace tern::server
