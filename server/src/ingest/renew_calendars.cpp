// C5: a time zone database of another release makes new versions of calendars, effective from then.
#include "desk/sla_records.hpp"
#include "sla_look.hpp"
#include "tern/sla/zones.hpp"

namespace tern::server {

Result<void> renew_calendars(Tenant& tenant, sla::Instant now) {
  if (tenant.has_older_files()) return {};
  std::vector<ServerChange> changes;
  for (const sync::Record& record : tenant.records(sync::RecordKind::calendar)) {
    const auto calendar = calendar_of(record, now);
    if (record.deleted || !calendar) continue;
    const auto next = sla::next_version_for_database(*calendar, now);
    if (!next || !*next) continue;  // its hours stay where they were, or the database has no such zone any more
    sync::Record renewed = record;
    renewed.attributes.erase("effective_from");
    if (!complete_calendar(renewed, now)) continue;
    ServerChange& change = changes.emplace_back();
    change.change.intent = sync::Intent::record;
    change.change.record_kind = static_cast<std::uint32_t>(renewed.kind);
    change.change.record = sync::encode_record(renewed);
  }
  return changes.empty() ? Result<void>{} : commit_server(tenant, std::move(changes)).map([](const ServerCommit&) {});
}

}  // namespace tern::server
