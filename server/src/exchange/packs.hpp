// The records that a device holds beside its tickets, a pack of each kind.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>

#include "exchange/reader_scope.hpp"
#include "tern/protocol/error.hpp"
#include "tern/sqlite/database.hpp"

namespace tern::v1 {
class ExchangeResponse;
}

namespace tern::server {

/// By kind, the newest commit of which a device holds the records; none: it holds none.
using PackVersions = std::map<std::uint32_t, std::uint64_t>;

/// Of who holds everything up to that commit.
PackVersions packs_as_of(std::uint64_t commit_seq);

/// Packs newer than `held`, whole versions only, about `bytes_max`. True when there are more.
Result<bool> write_packs(sqlite::Database& db, const ReaderScope& scope, const PackVersions& held,
                         std::size_t bytes_max, v1::ExchangeResponse& response);

}  // namespace tern::server
