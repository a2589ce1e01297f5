// Idempotency-Key: what was done for a request is done once, however often the request comes. That it was done, and
// what it made, is a row that is committed with the change itself. (docs/decisions/idempotency-keys.md)
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "store/tenant.hpp"

namespace tern::server {

inline constexpr std::int64_t once_kept_ms = 24 * 3'600'000;
inline constexpr std::uint64_t once_rows_max = 100'000;  // of an organisation: then the oldest goes
inline constexpr std::size_t once_key_bytes_max = 255;

/// A request that may come again.
struct OnceRequest {
  Hash key;   // with whose it is: another credential's key of the same name is another one
  Hash asks;  // what it asks for, under this key: rows do not tell who asked for the same
};

/// `caller`: whose key it is. `malformed` with field "Idempotency-Key" when it is not 1 to 255 visible characters.
Result<OnceRequest> once_request(std::string_view caller, std::string_view key, std::string_view action,
                                 std::string_view parameters);

/// Strand. What was made when this was done, within a day; nothing: it was not. `idempotency_mismatch` when the key
/// stands for another request.
Result<std::optional<Bytes>> find_done(Tenant& tenant, const OnceRequest& request);

/// Inside of a transaction. Takes out what is too old or too many, some rows at a time.
Result<void> write_done(sqlite::Database& db, std::int64_t tenant, const OnceRequest& request, ByteView made,
                        std::int64_t now_ms);

}  // namespace tern::server
