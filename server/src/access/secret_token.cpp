#include "access/secret_token.hpp"

#include "tern/protocol/crypto.hpp"

namespace tern::server {
namespace {

constexpr std::size_t secret_token_bytes = 32;

Bytes kept_of(const SecretTokenKind& kind, const TenantId& tenant, const RecordId& id, ByteView secret) {
  return Bytes(protocol::Hasher(kind.personal).add(tenant.view()).add(id.view()).add(secret).finish().view());
}

}  // namespace

std::string make_secret_token(const SecretTokenKind& kind, const TenantId& tenant, const RecordId& id,
                              Environment& environment, Bytes& kept) {
  Bytes secret(secret_token_bytes, '\0');
  environment.random(reinterpret_cast<std::uint8_t*>(secret.data()), secret.size());
  kept = kept_of(kind, tenant, id, secret);
  std::string text(kind.prefix), hex = to_hex(secret);
  text.reserve(text.size() + 2 * (TenantId::size_bytes + RecordId::size_bytes) + hex.size());
  text.append(to_hex(tenant)).append(to_hex(id)).append(hex);
  protocol::wipe(hex);
  protocol::wipe(secret);
  return text;
}

std::optional<OfferedSecret> read_secret_token(const SecretTokenKind& kind, std::string_view text) {
  if (!text.starts_with(kind.prefix)) return std::nullopt;
  auto raw = from_hex(text.substr(kind.prefix.size()));
  if (!raw || raw->size() != TenantId::size_bytes + RecordId::size_bytes + secret_token_bytes) return std::nullopt;
  const ByteView all(*raw);
  OfferedSecret out;
  out.tenant = TenantId::or_zero(all.substr(0, TenantId::size_bytes));
  out.id = RecordId::or_zero(all.substr(TenantId::size_bytes, RecordId::size_bytes));
  out.kept = kept_of(kind, out.tenant, out.id, all.substr(TenantId::size_bytes + RecordId::size_bytes));
  protocol::wipe(*raw);
  return out;
}

}  // namespace tern::server
