#include "api/once.hpp"

#include <algorithm>

#include "tern/protocol/crypto.hpp"
#include "tern/protocol/mutant.hpp"

namespace tern::server {
namespace {

constexpr std::int64_t rows_taken_out_at_once = 100;

Result<void> take_out_old(sqlite::Database& db, std::int64_t tenant, std::int64_t newest, std::int64_t now_ms) {
  return db.run(
      "DELETE FROM done_once WHERE tenant_id = $1 AND n IN (SELECT n FROM done_once WHERE tenant_id = $1 "
      "ORDER BY n LIMIT $2) AND (n <= $3 OR done_ms < $4)",
      tenant, rows_taken_out_at_once, newest - static_cast<std::int64_t>(once_rows_max), now_ms - once_kept_ms);
}

}  // namespace

Result<OnceRequest> once_request(std::string_view caller, std::string_view key, std::string_view action,
                                 std::string_view parameters) {
  const bool visible = std::ranges::all_of(key, [](char c) { return c > ' ' && c < '\x7f'; });
  if (key.empty() || key.size() > once_key_bytes_max || !visible)
    return fail(ErrorCode::malformed, "An Idempotency-Key is 1 to 255 visible characters.", "Send a UUID, say.",
                "Idempotency-Key");
  const std::string end(1, '\0');  // in none of them but an id, whose length is always the same
  return OnceRequest{
      protocol::Hasher("TRN1-ONCE").add(caller).add(end).add(key).finish(),
      protocol::Hasher("TRN1-ONCE-ASKS").add(key).add(end).add(action).add(end).add(parameters).finish()};
}

Result<std::optional<Bytes>> find_done(Tenant& tenant, const OnceRequest& request) {
  TERN_TRY(auto reader, tenant.reader());
  TERN_TRY(auto rows, reader.db().query("SELECT asks, made FROM done_once WHERE tenant_id = $1 AND key = $2 AND "
                                        "done_ms >= $3",
                                        tenant.number(), request.key, tenant.now_ms() - once_kept_ms));
  TERN_TRY(const bool found, rows.step());
  if (!found || mutant(Mutant::once_forgotten)) return std::optional<Bytes>{};
  if (rows.id<Hash>(0) != request.asks)
    return fail(ErrorCode::idempotency_mismatch, "This Idempotency-Key stands for another request.",
                "Take a new key for each request; the same one only to send the same request again.",
                "Idempotency-Key");
  return std::optional(Bytes(rows.blob(1)));
}

Result<void> write_done(sqlite::Database& db, std::int64_t tenant, const OnceRequest& request, ByteView made,
                        std::int64_t now_ms) {
  TERN_TRY(const auto newest, db.int64_of("SELECT max(n) FROM done_once WHERE tenant_id = $1", tenant));
  const std::int64_t next = newest.value_or(0) + 1;
  TERN_CHECKED(take_out_old(db, tenant, next, now_ms));
  // One that is there is older than a day.
  TERN_CHECKED(db.run("DELETE FROM done_once WHERE tenant_id = $1 AND key = $2", tenant, request.key));
  return db.run("INSERT INTO done_once (tenant_id, n, key, asks, made, done_ms) VALUES ($1, $2, $3, $4, $5, $6)",
                tenant, next, request.key, request.asks, sqlite::Blob{made}, now_ms);
}

}  // namespace tern::server
