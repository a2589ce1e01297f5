// How far the devices have given back what the newest restore lost.
#include <algorithm>
#include <set>

#include "admin/handlers.hpp"
#include "ingest/handed_back.hpp"
#include "store/tenant_internals.hpp"
#include "time_text.hpp"

namespace tern::server::admin {
namespace {

constexpr std::size_t ranges_told_max = 50;

/// The newest restore.
struct Restored {
  protocol::EpochRecord record;
};

Result<std::optional<Restored>> newest_restore(Tenant& tenant, sqlite::Database& db) {
  TERN_TRY(auto rows, db.query("SELECT record FROM past_epoch WHERE tenant_id = $1", tenant.number()));
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return std::optional<Restored>{};
    for (const protocol::PublicKey& root : tenant.keys().roots) {
      const auto record = protocol::open_statement<protocol::EpochRecord>(rows.blob(0), root);
      if (record && record->value.new_epoch == tenant.epoch()) return std::optional(Restored{record->value});
    }
  }
}

/// Commits of the epoch that is over, as far as anybody has proved that there were some.
struct Lost {
  std::uint64_t known_size = 0;       // how far that log is known to have come
  std::set<std::uint64_t> recovered;  // commits of it that were given back
};

Result<Lost> lost_commits(sqlite::Database& db, std::int64_t tenant, const protocol::EpochRecord& record) {
  Lost lost;
  lost.known_size = record.kept_size;
  TERN_TRY(auto rows, db.query("SELECT old_commit_seq, shown_size FROM old_receipt WHERE tenant_id = $1 AND epoch = $2",
                               tenant, record.old_epoch));
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return lost;
    lost.recovered.insert(rows.uint64(0));
    lost.known_size = std::max({lost.known_size, rows.uint64(0), rows.uint64(1)});
  }
}

Json missing_ranges(const Lost& lost, std::uint64_t kept_size) {
  Json ranges = Json::array();
  std::uint64_t from = kept_size + 1;
  const auto tell = [&](std::uint64_t end) {  // from .. end - 1
    if (from < end && ranges.size() < ranges_told_max)
      ranges.push(Json::object({{"from", Json(from)}, {"to", Json(end - 1)}}));
    from = end + 1;
  };
  for (const std::uint64_t commit : lost.recovered) tell(commit);
  tell(lost.known_size + 1);
  return ranges;
}

Result<std::uint64_t> counted(sqlite::Database& db, std::string_view sql, std::int64_t tenant, std::uint64_t above) {
  TERN_TRY(const auto found, db.int64_of(sql, tenant, above));
  return static_cast<std::uint64_t>(found.value_or(0));
}

Json not_seen(const Tenant& tenant, std::int64_t since_ms) {
  Json rows = Json::array();
  for (const DeviceInfo& device : devices(tenant)) {
    const bool awaited = device.purpose == protocol::KeyPurpose::device &&
                         device.key_state == protocol::KeyState::active && device.last_seen_ms < since_ms;
    if (!awaited) continue;
    const auto owner = tenant.find_record(sync::RecordKind::operator_, RecordId::or_zero(device.operator_id.view()));
    rows.push(
        Json::object({{"device", Json(device.name)},
                      {"id", Json(to_uuid_text(device.device.view()))},
                      {"operator", owner ? Json(owner->name) : Json()},
                      {"last_seen_at", device.last_seen_ms == 0 ? Json() : Json(instant_text(device.last_seen_ms))}}));
  }
  return rows;
}

}  // namespace

Result<Json> recovery(AdminCall& call) {
  Tenant& tenant = call.tenant();
  TERN_TRY(auto reader, tenant.reader());
  TERN_TRY(const auto restored, newest_restore(tenant, reader.db()));
  if (!restored) return Json::object({{"restored", Json(false)}, {"rows", Json::array()}});
  const protocol::EpochRecord& record = restored->record;
  TERN_TRY(const Lost lost, lost_commits(reader.db(), tenant.number(), record));
  TERN_TRY(const std::uint64_t tickets,
           counted(reader.db(),
                   "SELECT count(DISTINCT c.ticket_id) FROM change c JOIN old_receipt o ON o.tenant_id = c.tenant_id "
                   "AND o.commit_seq = c.commit_seq WHERE c.tenant_id = $1 AND c.commit_seq > $2",
                   tenant.number(), record.kept_size));
  TERN_TRY(const std::uint64_t waiting,
           counted(reader.db(), "SELECT count(*) FROM change WHERE tenant_id = $1 AND standing = 6 AND commit_seq > $2",
                   tenant.number(), record.kept_size));
  TERN_TRY(const HandedBackCount handed, count_handed_back(tenant));
  std::size_t erasures = 0;
  {
    std::shared_lock lock(tenant.internals().snapshot_mutex);
    erasures = tenant.internals().erasure_due.size();
  }
  const std::uint64_t lost_commits = lost.known_size - record.kept_size;
  return Json::object({{"restored", Json(true)},
                       {"restored_at", Json(instant_text(record.time_ms))},
                       {"epoch_before", Json(to_hex(record.old_epoch))},
                       {"kept_commits", Json(record.kept_size)},
                       {"known_lost", Json(lost_commits)},
                       {"recovered", Json(lost.recovered.size())},
                       {"recovered_tickets", Json(tickets)},
                       {"missing", Json(lost_commits - std::min<std::uint64_t>(lost_commits, lost.recovered.size()))},
                       {"missing_commits", missing_ranges(lost, record.kept_size)},
                       {"waiting", Json(waiting)},
                       {"handed_back", Json(handed.all)},
                       {"handed_back_takeable", Json(handed.takeable)},
                       {"erasures_expected", Json(erasures)},
                       {"rows", not_seen(tenant, record.time_ms)}});
}

}  // namespace tern::server::admin
