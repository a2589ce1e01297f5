// What devices are told of SLA clocks, which change without a commit too (docs/protocol.md, "SLA clocks").
#pragma once

#include <cstddef>
#include <cstdint>

#include "exchange/reader_scope.hpp"
#include "tern/protocol/error.hpp"
#include "tern/sqlite/database.hpp"

namespace tern::v1 {
class ExchangeResponse;
}

namespace tern::server {

inline constexpr std::size_t clocks_bytes_max = 64 * 1024;  // of a page, about 800 of them

struct ClocksEnd {
  std::uint64_t upto = 0;  // what the reader has behind the page
  bool more = false;
};

/// Clocks of the tickets in the scope that were told above `from`, in that order: about `bytes_max`, never a part of
/// what was told under one number. Above all that was ever told, `from` is of another history, and counts as none.
Result<ClocksEnd> write_clocks(sqlite::Database& db, const ReaderScope& scope, std::uint64_t from,
                               std::size_t bytes_max, v1::ExchangeResponse& response);

/// The number that clocks of the snapshot were last told under.
Result<std::uint64_t> newest_clocks(sqlite::Database& db, const ReaderScope& scope);

}  // namespace tern::server
