#include "exchange/bucket_repair.hpp"

#include <utility>

#include "tern/v1/exchange.pb.h"

namespace tern::server {
namespace {

TicketId last_of(std::uint8_t index) {
  TicketId last;
  last.bytes.fill(0xff);
  last.bytes[0] = index;
  return last;
}

/// What stands before all of a bucket.
TicketId below(std::uint8_t index) {
  return index == 0 ? TicketId{} : last_of(static_cast<std::uint8_t>(index - 1));
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
  if (resumed) bucket.set_after(Bytes(after.view()));
  TERN_TRY(auto rows, tickets_between(db, scope, resumed ? after : below(index), last_of(index)));
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return {};
    const auto ticket = rows.id<TicketId>(0);
    if (patches.size_bytes() >= bytes_max) {
      bucket.set_through(bucket.ticket_ids(bucket.ticket_ids_size() - 1));
      return {};
    }
    bucket.add_ticket_ids(Bytes(ticket.view()));
    bucket.add_versions(rows.uint64(2));
    TERN_CHECKED(patches.add_for_repair(ticket, rows.blob(1)));
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
