// What was committed, for a device that has not asked.
#include "exchange/clock_news.hpp"
#include "exchange/exchange_service.hpp"
#include "exchange/packs.hpp"
#include "exchange/page_plan.hpp"
#include "ingest/devices.hpp"
#include "store/tenant.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/sqlite/transaction.hpp"
#include "tern/v1/exchange.pb.h"

namespace tern::server {
namespace {

constexpr std::size_t pushed_packs_bytes_max = 64 * limits::kib;
constexpr std::size_t receipts_bytes_reserve = 64 * limits::kib;
constexpr std::size_t pushed_page_bytes_max =
    limits::want_bytes_max - receipts_bytes_reserve - pushed_packs_bytes_max - 2 * clocks_bytes_max;

void set_place(const Tenant& tenant, std::uint64_t commit_seq, v1::Cursor& out) {
  out.set_epoch(Bytes(tenant.epoch().view()));
  out.set_commit_seq(commit_seq);
}

/// What the patches name comes with them. Whoever stands at the base holds the records of up to there. True when there
/// are too many for a push.
Result<bool> write_new_records(sqlite::Database& db, const Tenant& tenant, const ReaderScope& scope,
                               std::uint64_t base_seq, std::uint64_t newest_seq, v1::ExchangeResponse& response) {
  const bool told_of_all = tenant.commit_seq() >= newest_seq;  // what memory says is as new as the snapshot
  if (told_of_all && tenant.newest_record_seq() <= base_seq) return false;
  return write_packs(db, scope, packs_as_of(base_seq), pushed_packs_bytes_max, response);
}

/// Behind a push that ends before the newest commit none: the device may not hold the tickets yet. Gives what it has
/// then; nothing: it is too much for a push.
Result<std::optional<std::uint64_t>> push_clocks(sqlite::Database& db, const ReaderScope& scope, std::uint64_t from,
                                                 v1::ExchangeResponse& response) {
  ClocksEnd end{from, false};
  if (!response.more()) {
    TERN_TRY(end, write_clocks(db, scope, from, clocks_bytes_max, response));
  }
  if (end.more) return std::optional<std::uint64_t>();
  response.set_clocks_from(from);
  response.set_clocks_upto(end.upto);
  return std::optional(end.upto);
}

/// Above the base up to `newest_seq`. Gives where the replica stands behind it; nothing: it is too much for a push.
Result<std::optional<std::uint64_t>> write_push(sqlite::Database& db, const Tenant& tenant, const ReaderScope& scope,
                                                const DeviceId& device, std::uint64_t base_seq,
                                                std::uint64_t newest_seq, PatchWriter& patches,
                                                v1::ExchangeResponse& response) {
  TERN_TRY(const bool records_left, write_new_records(db, tenant, scope, base_seq, newest_seq, response));
  if (records_left) return std::optional<std::uint64_t>();
  TERN_TRY(const PageEnd end,
           write_page(db, scope, {base_seq, std::nullopt, newest_seq, pushed_page_bytes_max}, patches, response));
  if (end.token) return std::optional<std::uint64_t>();
  TERN_TRY(const auto statements_left, write_statements(db, scope.tenant, device, base_seq, end.cursor_seq, {},
                                                        limits::statements_bytes_max, response));
  if (statements_left) return std::optional<std::uint64_t>();
  response.set_more(end.more);
  return std::optional(end.cursor_seq);
}

}  // namespace

/// It says that there is something, and the device asks for it.
ExchangeService::Pushed ExchangeService::hint_of(Tenant& tenant, std::uint64_t newest_seq) {
  v1::ExchangeResponse news;
  set_place(tenant, newest_seq, *news.mutable_cursor());
  news.set_server_time_ms(tenant.now_ms());
  return Pushed{news.SerializeAsString(), {}};
}

Result<std::optional<ExchangeService::Pushed>> ExchangeService::push(Session& session, const ReplicaPlace& base) {
  if (base.commit_seq == 0) return std::optional<Pushed>();  // a first replica is downloaded, not pushed
  Tenant& tenant = *session.tenant;
  const auto device = find_device(tenant, session.device);
  const auto actor = tenant.find_actor(session.operator_id);
  if (!device || device->key_state != protocol::KeyState::active || !actor || !actor->active)
    return std::optional<Pushed>();
  ReaderScope scope = scope_of(tenant, *actor, *device);
  scope.clocks = base.clocks.has_value();
  TERN_TRY(auto reader, tenant.reader());
  TERN_TRY(auto snapshot, sqlite::Transaction::begin_read(reader.db()));
  TERN_TRY(const std::uint64_t newest_seq, newest_commit(reader.db(), tenant));
  TERN_CHECKED(read_rights(reader.db(), scope));
  v1::ExchangeResponse news;
  PatchWriter patches(reader.db(), scope);
  ReplicaPlace reached = base;
  if (newest_seq > base.commit_seq) {
    TERN_TRY(const auto stands_at,
             write_push(reader.db(), tenant, scope, session.device, base.commit_seq, newest_seq, patches, news));
    if (!stands_at) return std::optional(hint_of(tenant, newest_seq));
    reached.commit_seq = *stands_at;
  }
  if (base.clocks) {
    TERN_TRY(reached.clocks, push_clocks(reader.db(), scope, *base.clocks, news));
    if (!reached.clocks) return std::optional(hint_of(tenant, newest_seq));
  }
  if (reached.commit_seq == base.commit_seq && news.clocks_size() == 0) return std::optional<Pushed>();
  set_place(tenant, base.commit_seq, *news.mutable_base());
  set_place(tenant, reached.commit_seq, *news.mutable_cursor());
  news.set_server_time_ms(tenant.now_ms());
  ExchangeNote note;
  note.device = session.device;
  note.sent_seq = newest_seq;
  note_exchange(tenant, note);
  counters_.patches_sent += patches.patches();
  return std::optional(Pushed{news.SerializeAsString() + patches.take(), reached});
}

}  // namespace tern::server
