#include "exchange/bucket_repair.hpp"

#include <utility>

#include "tern/v1/exchange.pb.h"

namespace tern::server {
namespace {

Result<sqlite::Statement> tickets_between(sqlite::Database& db, const ReaderScope& scope, const TicketId& first,
                                          const TicketId& last) {
  if (scope.all)
    return db.query(
        "SELECT ticket_id, version, state FROM ticket WHERE tenant_id = $1 AND ticket_id >= $2 AND ticket_id <= $3 "
        "ORDER BY ticket_id",
        scope.tenant, first, last);
  return db.query(
      "SELECT t.ticket_id, t.version, t.state FROM scope_member m JOIN ticket t ON t.tenant_id = m.tenant_id AND "
      "t.ticket_id = m.ticket_id WHERE m.tenant_id = $1 AND m.operator_id = $4 AND m.ticket_id >= $2 AND m.ticket_id "
      "<= $3 AND m.left_seq = 0 ORDER BY m.ticket_id",
      scope.tenant, first, last, scope.operator_id);
}

/// `theirs`: digests of all buckets, one behind the other. Of anything else none is the same.
bool is_same(const sync::ScopeDigest& ours, ByteView theirs, std::uint8_t index) {
  return theirs.size() == 256 * Hash::size_bytes &&
         ours.bucket(index).view() == theirs.substr(index * Hash::size_bytes, Hash::size_bytes);
}

/// From behind `after` on, when that is one of its tickets.
Result<void> write_bucket(sqlite::Database& db, const ReaderScope& scope, std::uint8_t index, const TicketId& after,
                          std::size_t bytes_max, PatchWriter& patches, v1::Bucket& bucket) {
  bucket.set_bucket(index);
  const bool resumed = !after.is_zero() && after.bytes[0] == index;
  TicketId first{}, last{};
  first.bytes[0] = index;
  if (resumed) {
    first = after;
    bucket.set_after(Bytes(after.view()));
  }
  last.bytes.fill(0xff);
  last.bytes[0] = index;
  TERN_TRY(auto rows, tickets_between(db, scope, first, last));
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return {};
    const auto ticket = rows.id<TicketId>(0);
    if (resumed && ticket == after) continue;
    if (patches.size_bytes() >= bytes_max) {
      bucket.set_through(bucket.ticket_ids(bucket.ticket_ids_size() - 1));
      return {};
    }
    bucket.add_ticket_ids(Bytes(ticket.view()));
    bucket.add_versions(rows.uint64(1));
    TERN_CHECKED(patches.add_for_repair(ticket, rows.blob(2)));
  }
}

}  // namespace

Result<void> write_buckets(sqlite::Database& db, const ReaderScope& scope, const v1::ExchangeRequest& request,
                           const sync::ScopeDigest* ours, std::size_t bytes_max, PatchWriter& patches,
                           v1::ExchangeResponse& response) {
  TicketId after = TicketId::or_zero(request.bucket_after());
  for (const std::uint32_t wanted : request.want_buckets()) {
    if (wanted > 255) continue;
    const auto index = static_cast<std::uint8_t>(wanted);
    const TicketId begin = std::exchange(after, TicketId{});  // of the first one only
    if (ours != nullptr && is_same(*ours, request.bucket_digests(), index)) continue;
    TERN_CHECKED(write_bucket(db, scope, index, begin, bytes_max, patches, *response.add_buckets()));
    if (patches.size_bytes() >= bytes_max) return {};
  }
  return {};
}

}  // namespace tern::server
