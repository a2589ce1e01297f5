// Credentials that are shown once: a prefix, the tenant, an id of their own and random bytes, in hex. What is kept is a
// hash of them, so who reads the file has none.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "tern/protocol/bytes.hpp"
#include "tern/protocol/environment.hpp"

namespace tern::server {

struct SecretTokenKind {
  std::string_view prefix;    // "rt_"
  std::string_view personal;  // of its hash
};
/// The text of a fresh one; wipe it after showing. `kept` becomes what is stored.
std::string make_secret_token(const SecretTokenKind& kind, const TenantId& tenant, const RecordId& id,
                              Environment& environment, Bytes& kept);

struct OfferedSecret {
  TenantId tenant;
  RecordId id;
  Bytes kept;  // to be compared with what is stored, by equal_secret
};
/// Nothing: it is no such token.
std::optional<OfferedSecret> read_secret_token(const SecretTokenKind& kind, std::string_view text);

}  // namespace tern::server
