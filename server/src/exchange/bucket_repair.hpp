// A replica that is not what the scope is: the buckets of its digest that differ, whole.
#pragma once

#include <cstddef>

#include "exchange/patch_writer.hpp"
#include "exchange/reader_scope.hpp"
#include "tern/protocol/error.hpp"
#include "tern/sqlite/database.hpp"
#include "tern/sync/scope.hpp"

namespace tern::v1 {
class ExchangeRequest;
class ExchangeResponse;
}  // namespace tern::v1

namespace tern::server {

/// Buckets that the request wants and that are not as `ours` (null: not known): what the scope holds there, and all of
/// it whole. About `bytes_max`; where that ends within a bucket, `through` says how far its lists go.
Result<void> write_buckets(sqlite::Database& db, const ReaderScope& scope, const v1::ExchangeRequest& request,
                           const sync::ScopeDigest* ours, std::size_t bytes_max, PatchWriter& patches,
                           v1::ExchangeResponse& response);

}  // namespace tern::server
