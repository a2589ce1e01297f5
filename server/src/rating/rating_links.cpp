#include "rating/rating_links.hpp"

#include "http/url_text.hpp"
#include "tern/protocol/crypto.hpp"

namespace tern::server {
namespace {

constexpr std::size_t rating_secret_bytes = 16;

Bytes kept_of(const TenantId& tenant, ByteView secret) {
  return Bytes(protocol::Hasher("TRN1-RATING").add(tenant.view()).add(secret).finish().view());
}

}  // namespace

bool awaits_rating(const sync::TicketState& state, const AskedRating& asked) {
  const bool merged = state.merged_into && !state.merged_into->value.empty();
  return !merged && !sync::is_deleted(state) && sync::status_view(state).resolution == asked.resolution &&
         sync::rating_of(state, asked.resolution) == nullptr &&
         sync::field_value(state, sync::FieldId::contact) == Bytes(asked.contact.view());
}

std::string rating_link(std::string public_url, std::string_view token) {
  while (public_url.ends_with('/')) public_url.pop_back();
  return public_url.append("/rate?token=").append(token).append("&score=");
}

Result<std::string> make_rating_token(sqlite::Database& db, Tenant& tenant, const AskedRating& asked,
                                      Environment& environment) {
  Bytes secret(rating_secret_bytes, '\0');
  environment.random(secret.data(), secret.size());
  Bytes raw = Bytes(tenant.id().view()) + secret;
  std::string text = to_base64url(raw);
  protocol::wipe(raw);
  const Bytes kept = kept_of(tenant.id(), secret);
  protocol::wipe(secret);
  auto put = db.run(
      "INSERT INTO rating_link (tenant_id, token_hash, ticket_id, device_id, change_id, contact, ends_ms) VALUES ($1, "
      "$2, $3, $4, $5, $6, $7)",
      tenant.number(), sqlite::Blob{kept}, asked.ticket, asked.resolution.device, asked.resolution.id, asked.contact,
      tenant.now_ms() + rating_link_ms);
  if (put) return text;
  protocol::wipe(text);
  return tl::unexpected(std::move(put).error());
}

std::optional<OfferedRating> read_rating_token(std::string_view text) {
  auto raw = from_base64url(text);
  if (!raw || raw->size() != TenantId::size_bytes + rating_secret_bytes) return std::nullopt;
  const ByteView all(*raw);
  OfferedRating out;
  out.tenant = TenantId::or_zero(all.substr(0, TenantId::size_bytes));
  out.kept = kept_of(out.tenant, all.substr(TenantId::size_bytes));
  protocol::wipe(*raw);
  return out;
}

Result<std::optional<AskedRating>> find_rating_link(sqlite::Database& db, Tenant& tenant,
                                                    const OfferedRating& offered) {
  TERN_TRY(auto rows, db.query("SELECT ticket_id, device_id, change_id, contact FROM rating_link WHERE tenant_id = $1 "
                               "AND token_hash = $2 AND ends_ms > $3",
                               tenant.number(), sqlite::Blob{offered.kept}, tenant.now_ms()));
  TERN_TRY(const bool found, rows.step());
  if (!found) return std::optional<AskedRating>();
  return std::optional(
      AskedRating{rows.id<TicketId>(0), {rows.id<DeviceId>(1), rows.id<ChangeId>(2)}, rows.id<RecordId>(3)});
}

Result<void> end_rating_links(sqlite::Database& db, std::int64_t tenant, const TicketId& ticket) {
  return db.run("DELETE FROM rating_link WHERE tenant_id = $1 AND ticket_id = $2", tenant, ticket);
}

Result<void> drop_old_rating_links(sqlite::Database& db, std::int64_t tenant, std::int64_t now_ms) {
  return db.run("DELETE FROM rating_link WHERE tenant_id = $1 AND ends_ms <= $2", tenant, now_ms);
}

}  // namespace tern::server
