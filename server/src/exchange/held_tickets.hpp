// After a restore: what a device holds from a history that was given up, compared with the scope that its operator has
// in this one. There is no stream from the one to the other.
#pragma once

#include <cstdint>

#include "exchange/patch_writer.hpp"
#include "exchange/reader_scope.hpp"
#include "tern/protocol/error.hpp"
#include "tern/sqlite/database.hpp"

namespace tern::v1 {
class ExchangeResponse;
class HeldTickets;
}  // namespace tern::v1

namespace tern::server {

/// `too_large`, or `malformed`: it names no tickets.
Result<void> check_held(const v1::HeldTickets& held);

/// What left goes into the response, what is missing into `patches`, up to about `bytes_max` of it. Reads one snapshot,
/// of the commit `snapshot_seq`.
Result<void> write_held(sqlite::Database& db, const ReaderScope& scope, const v1::HeldTickets& held,
                        std::uint64_t snapshot_seq, std::size_t bytes_max, PatchWriter& patches,
                        v1::ExchangeResponse& response);

}  // namespace tern::server
