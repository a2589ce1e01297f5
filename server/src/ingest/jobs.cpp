#include "jobs.hpp"

#include <algorithm>
#include <filesystem>
#include <map>

#include "desk/outgoing.hpp"
#include "files/sweep.hpp"
#include "run_batch.hpp"
#include "send_out.hpp"
#include "tell.hpp"
#include "tern/protocol/mutant.hpp"
#include "tern/sync/scope.hpp"

namespace tern::server {
namespace {

constexpr std::int64_t day_ms = 86'400'000;
constexpr std::int64_t look_every_ms = 60'000;
constexpr std::int64_t notes_kept_ms = 60'000;
constexpr std::int64_t idle_ms = 2'000;
constexpr int truncation_wait_ms = 100;
constexpr std::string_view number_blocks_begun = "number_blocks_begun", number_blocks_year = "number_blocks_year";
constexpr std::int64_t pace_ms = 30 * day_ms;
constexpr double blocks_beyond_max = 1'000;  // whatever a clock says
constexpr std::uint64_t year_max = 9'999;
constexpr std::size_t epoch_records_max = 64;  // as many as a device keeps

/// Tickets that passed an age between the last look and now, and that somebody holds.
Result<std::vector<TicketId>> passed_age(Batch& batch, std::int64_t from_ms, std::int64_t to_ms) {
  TERN_TRY(auto rows, batch.db().query(
                          "SELECT DISTINCT t.ticket_id FROM ticket t JOIN scope_member m ON m.tenant_id = t.tenant_id "
                          "AND m.ticket_id = t.ticket_id AND m.left_seq = 0 WHERE t.tenant_id = $1 AND t.ended_ms > 0 "
                          "AND t.ended_ms >= $2 "
                          "AND t.ended_ms < $3",
                          batch.number, from_ms, to_ms));
  std::vector<TicketId> ids;
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return ids;
    ids.push_back(rows.id<TicketId>(0));
  }
}

Result<std::vector<TicketId>> expired(Batch& batch) {
  std::vector<TicketId> candidates;
  for (const std::int64_t days : {sync::own_ended_days, sync::watched_ended_days}) {
    // A minute of overlap: what was just young enough at the last look is looked at again.
    TERN_TRY(const auto passed, passed_age(batch, batch.in.expiry_looked_ms - days * day_ms - look_every_ms,
                                           batch.commit_ms - days * day_ms));
    candidates.insert(candidates.end(), passed.begin(), passed.end());
  }
  std::sort(candidates.begin(), candidates.end());
  candidates.erase(std::unique(candidates.begin(), candidates.end()), candidates.end());
  std::vector<TicketId> over;
  for (const TicketId& id : candidates) {
    TERN_TRY(const bool is_over, scope_is_over(batch, id));
    if (is_over) over.push_back(id);
  }
  return over;
}

/// Scopes change only in commits, and a commit holds a change: the tenant's record says as of when they were looked at.
std::vector<ServerChange> expiry_entry(const Batch& batch) {
  const sync::Record* known = batch.find_record(sync::RecordKind::tenant, RecordId::or_zero(batch.tenant.id().view()));
  check(known != nullptr, "the tenant has its record");
  sync::Record record = *known;
  record.attributes["scopes_as_of_ms"] = std::to_string(batch.commit_ms);
  std::vector<ServerChange> entry(1);
  entry[0].change.intent = sync::Intent::record;
  entry[0].change.record_kind = static_cast<std::uint32_t>(record.kind);
  entry[0].change.record = sync::encode_record(record);
  return entry;
}

/// Waits for readers that are about to end, and not for those that read a whole file: commits wait meanwhile.
Result<sqlite::Checkpoint> truncate_soon(sqlite::Database& writer) {
  TERN_TRY(const auto usual_ms, writer.int64_of("PRAGMA busy_timeout"));
  TERN_CHECKED(writer.exec("PRAGMA busy_timeout = " + std::to_string(truncation_wait_ms)));
  auto done = writer.checkpoint(sqlite::CheckpointMode::truncate);
  TERN_CHECKED(writer.exec("PRAGMA busy_timeout = " + std::to_string(usual_ms.value_or(0))));
  return done;
}

Result<void> finish_truncation(Tenant& tenant) {
  Tenant::Internals& in = tenant.internals();
  TERN_TRY(const sqlite::Checkpoint done, truncate_soon(*in.writer));
  const auto swept = sweep_files(tenant);
  if (!swept && swept.error().code == ErrorCode::busy) return {};
  TERN_CHECKED(swept);
  TERN_TRY(const bool files_done, tenant.files().truncate());
  if (!done.complete || !files_done) return {};  // a reader holds it up: next time
  TERN_CHECKED(write_meta(*in.writer, in.options.number, "truncate_due", meta_number(0)));
  in.truncate_due = false;
  return {};
}

bool notes_waiting(const Tenant::Internals& in) {
  std::shared_lock lock(in.snapshot_mutex);
  return std::any_of(in.devices.begin(), in.devices.end(),
                     [](const auto& device) { return device.second.notes.dirty; });
}

/// Each restore has a number, higher than those of all before it, and begins that block of numbers. A step for each
/// restore that the backup does not know would not do: two histories that do not know of each other come to one block.
struct NumberBlocks {
  std::uint64_t here = 0;  // what the counters stand in
  std::uint64_t next = 0;
  std::int64_t year = 0;  // later ones began since, at 1
};

/// Blocks beyond the next one that numbers which were lost may have reached: at twice the pace of the last month that
/// is known, since the newest commit that is.
Result<std::uint64_t> blocks_beyond(Batch& batch) {
  TERN_TRY(const auto newest, batch.db().int64_of("SELECT commit_ms FROM change_set WHERE tenant_id = $1 AND "
                                                  "commit_seq = (SELECT max(commit_seq) FROM change_set WHERE "
                                                  "tenant_id = $1)",
                                                  batch.number));
  if (!newest || batch.commit_ms <= *newest) return 0;
  TERN_TRY(const auto made, batch.db().int64_of("SELECT count(*) FROM ticket WHERE tenant_id = $1 AND created_ms > $2",
                                                batch.number, *newest - pace_ms));
  const double months = static_cast<double>(batch.commit_ms - *newest) / static_cast<double>(pace_ms);
  const double lost = 2 * static_cast<double>(made.value_or(0)) * months;
  return static_cast<std::uint64_t>(std::min(lost / static_cast<double>(limits::epoch_block), blocks_beyond_max));
}

Result<NumberBlocks> number_blocks(Batch& batch, std::uint64_t others) {
  const std::uint64_t before = batch.in.past_epochs.size();
  TERN_TRY(const auto noted, read_meta(batch.db(), batch.number, number_blocks_begun));
  TERN_TRY(const auto year, read_meta(batch.db(), batch.number, number_blocks_year));
  NumberBlocks blocks;
  blocks.here = meta_number(noted, before);  // older versions noted nothing: one for each restore at least
  TERN_TRY(const std::uint64_t beyond, blocks_beyond(batch));
  blocks.next = std::max(before + others, blocks.here) + 1 + beyond;
  blocks.year = static_cast<std::int64_t>(meta_number(year, before == 0 ? 0 : year_max));
  return blocks;
}

Result<void> move_counters(Batch& batch, std::uint64_t others) {
  TERN_TRY(const NumberBlocks blocks, number_blocks(batch, others));
  const std::uint64_t all = blocks.next * limits::epoch_block, ahead = all - blocks.here * limits::epoch_block;
  batch.next_integer_id += ahead;
  TERN_CHECKED(write_meta(batch.db(), batch.number, "next_integer_id", meta_number(batch.next_integer_id)));
  batch.next_message_id += (blocks.next - blocks.here) * limits::message_epoch_block;
  TERN_CHECKED(write_meta(batch.db(), batch.number, meta_next_message_id, meta_number(batch.next_message_id)));
  if (!mutant(Mutant::number_given_twice))
    TERN_CHECKED(
        batch.db().run("UPDATE number_counter SET next = next + CASE WHEN year > $2 THEN $3 ELSE $4 END "
                       "WHERE tenant_id = $1",
                       batch.number, blocks.year, all, ahead));
  TERN_TRY(const std::uint64_t notification, next_notification(batch));
  batch.next_notification = notification + ahead;
  TERN_TRY(const std::uint64_t outgoing, next_outgoing(batch));
  batch.next_outgoing = outgoing + ahead;
  // What was given up may have begun a year that the backup has no number of.
  const int now = batch.in.zone_rules.year_of(batch.commit_ms);
  for (const int year : {now - 1, now})
    TERN_CHECKED(batch.db().run(
        "INSERT INTO number_counter (tenant_id, year, next) VALUES ($1, $2, $3) ON CONFLICT (tenant_id, year) DO "
        "NOTHING",
        batch.number, year, 1 + all));
  TERN_CHECKED(write_meta(batch.db(), batch.number, number_blocks_begun, meta_number(blocks.next)));
  return write_meta(batch.db(), batch.number, number_blocks_year, meta_number(static_cast<std::uint64_t>(now)));
}

/// What a batch without changes gives.
struct Done {};

}  // namespace

Result<std::optional<ServerCommit>> expire_scopes(Tenant& tenant) {
  const auto strand = tenant.lock_writer();
  Tenant::Internals& in = tenant.internals();
  const std::int64_t now = tenant.now_ms();
  if (in.older_files || now - in.expiry_looked_ms < look_every_ms) return std::optional<ServerCommit>{};
  auto commit = run_batch(tenant, [&](Batch& batch) -> Result<std::optional<ServerCommit>> {
    TERN_TRY(batch.rescope_tickets, expired(batch));
    if (batch.rescope_tickets.empty()) return std::optional<ServerCommit>{};
    TERN_TRY(ServerCommit done, server_set(batch, expiry_entry(batch)));
    TERN_CHECKED(write_meta(batch.db(), batch.number, "expiry_ms", meta_number(static_cast<std::uint64_t>(now))));
    return std::optional(std::move(done));
  });
  if (commit) in.expiry_looked_ms = now;
  return commit;
}

Result<void> maintain(Tenant& tenant) {
  const auto strand = tenant.lock_writer();
  Tenant::Internals& in = tenant.internals();
  TERN_CHECKED(in.ensure_writer());
  if (in.truncate_due) TERN_CHECKED(finish_truncation(tenant));
  if (in.trouble.load() != ErrorCode{}) return flush_notes(tenant);  // whether it can be written again
  const std::int64_t quiet_ms = tenant.now_ms() - in.flushed_ms;
  if (quiet_ms > notes_kept_ms && notes_waiting(in)) return flush_notes(tenant);
  if (quiet_ms < idle_ms || in.checkpointed_seq == in.commit_seq.load()) return {};
  TERN_TRY(const sqlite::Checkpoint done, in.writer->checkpoint(sqlite::CheckpointMode::passive));
  if (done.complete) in.checkpointed_seq = in.commit_seq.load();
  return {};
}

std::uint64_t wal_bytes(const Tenant& tenant) {
  std::error_code missing;
  const auto bytes = std::filesystem::file_size(tenant.internals().options.directory + "/tern.db-wal", missing);
  return missing ? 0 : bytes;
}

Result<void> begin_epoch(Tenant& tenant, const protocol::EpochRecord& record, Bytes record_wire, std::uint64_t others) {
  const auto strand = tenant.lock_writer();
  TERN_CHECKED(flush_notes(tenant));
  Tenant::Internals& in = tenant.internals();
  if (record.tenant != tenant.id() || record.old_epoch != in.epoch || record.kept_size != in.frontier.size() ||
      record.kept_root != in.frontier.root())
    return fail(ErrorCode::invalid, "the epoch record is not about this tenant as it is now", {}, "record");
  TERN_TRY(const Done done, run_batch(tenant, [&](Batch& batch) -> Result<Done> {
             TERN_CHECKED(
                 batch.db().run("INSERT INTO past_epoch (tenant_id, epoch, kept_seq, record) VALUES ($1, $2, $3, $4)",
                                batch.number, record.old_epoch, record.kept_size, sqlite::Blob{record_wire}));
             TERN_CHECKED(write_meta(batch.db(), batch.number, "epoch", record.new_epoch.view()));
             TERN_CHECKED(move_counters(batch, others));
             TERN_CHECKED(write_meta(batch.db(), batch.number, meta_routing_from,
                                     meta_number(static_cast<std::uint64_t>(batch.commit_ms + routing_rest_ms))));
             TERN_CHECKED(batch.db().run("DELETE FROM meta WHERE tenant_id = $1 AND name = $2", batch.number,
                                         sqlite::Text{meta_newer_history}));
             // Whether they went out nobody knows here: no customer reads the same mail twice.
             TERN_CHECKED(OutgoingRows(batch.db(), batch.number).drop_waiting_mails(batch.commit_ms, "restored"));
             // What was taken back after the backup stays so.
             TERN_CHECKED(batch.db().run("DELETE FROM client_token WHERE tenant_id = $1", batch.number));
             TERN_CHECKED(batch.db().run("DELETE FROM reset_link WHERE tenant_id = $1", batch.number));
             TERN_CHECKED(batch.db().run("DELETE FROM mobile_token WHERE tenant_id = $1", batch.number));
             batch.new_epoch = record.new_epoch;
             batch.wrote = true;
             return Done{};
           }));
  static_cast<void>(done);
  in.past_epochs.emplace_back(record.old_epoch, record.kept_size);
  in.older_files = false;  // what they lack comes back under the new epoch
  std::lock_guard lock(in.anchor_mutex);
  in.newest_anchor.reset();
  in.newest_anchor_hash = {};
  return {};
}

Result<std::optional<Bytes>> epoch_record(Tenant& tenant, const EpochId& epoch) {
  TERN_TRY(auto reader, tenant.reader());
  TERN_TRY(auto rows, reader.db().query("SELECT record FROM past_epoch WHERE tenant_id = $1 AND epoch = $2",
                                        tenant.number(), epoch));
  TERN_TRY(const bool found, rows.step());
  if (!found) return std::optional<Bytes>{};
  return std::optional(Bytes(rows.blob(0)));
}

std::optional<protocol::EpochRecord> read_epoch_record(ByteView wire) {
  const std::size_t around = protocol::statement_prefix_bytes + Signature::size_bytes;
  if (wire.size() < around) return std::nullopt;
  protocol::ByteReader reader(wire.substr(protocol::statement_prefix_bytes, wire.size() - around));
  auto record = protocol::EpochRecord::read(reader);
  if (!reader.finish()) return std::nullopt;
  return record;
}

Result<std::vector<Bytes>> epoch_records(sqlite::Database& db, std::int64_t tenant, const EpochId& epoch) {
  std::map<EpochId, std::pair<EpochId, Bytes>> began;  // by the epoch that a record began: the one before, the record
  TERN_TRY(auto rows, db.query("SELECT epoch, record FROM past_epoch WHERE tenant_id = $1", tenant));
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) break;
    if (const auto record = read_epoch_record(rows.blob(1)))
      began[record->new_epoch] = {rows.id<EpochId>(0), Bytes(rows.blob(1))};
  }
  std::vector<Bytes> way;
  for (auto at = began.find(epoch); at != began.end() && way.size() < epoch_records_max;) {
    const EpochId before = at->second.first;
    way.push_back(std::move(at->second.second));
    began.erase(at);
    at = began.find(before);
  }
  std::reverse(way.begin(), way.end());
  return way;
}

Result<Bytes> withdraw_anchors(Tenant& tenant, std::int64_t from_ms) {
  const auto strand = tenant.lock_writer();
  TERN_CHECKED(flush_notes(tenant));
  Tenant::Internals& in = tenant.internals();
  auto withdrawn = run_batch(tenant, [&](Batch& batch) -> Result<Bytes> {
    TERN_TRY(auto rows, batch.db().query("SELECT min(anchor_seq), max(anchor_seq) FROM anchor WHERE tenant_id = $1 "
                                         "AND epoch = $2 AND time_ms >= $3 AND withdrawn = 0",
                                         batch.number, in.epoch, from_ms));
    TERN_TRY(const bool found, rows.step());
    if (!found || rows.is_null(0)) return fail(ErrorCode::not_found, "no anchor was made since then", {}, "from");
    const protocol::AnchorWithdrawal withdrawal{tenant.id(), in.epoch, rows.uint64(0), rows.uint64(1), batch.commit_ms};
    rows.reset();
    Bytes wire = protocol::sign_statement(withdrawal, in.keys.log).wire;
    TERN_CHECKED(batch.db().run("UPDATE anchor SET withdrawn = 1 WHERE tenant_id = $1 AND epoch = $2 AND time_ms >= $3",
                                batch.number, in.epoch, from_ms));
    TERN_CHECKED(write_meta(batch.db(), batch.number, "withdrawn_" + std::to_string(withdrawal.first_seq), wire));
    batch.wrote = true;
    return wire;
  });
  if (withdrawn) in.anchors_seen.clear();
  return withdrawn;
}

}  // namespace tern::server
