// Tokens with which an issuer says who somebody is (OpenID Connect Core 1.0, 2 and 3.1.3.7), and the keys that it signs
// them with (RFC 7517).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tern/protocol/bytes.hpp"
#include "tern/protocol/error.hpp"

namespace tern::server {

inline constexpr std::size_t id_token_bytes_max = 16 * 1024, issuer_keys_max = 64;
inline constexpr std::int64_t id_token_age_s_max = 24 * 3'600, issuer_clock_s = 60;

struct IssuerKey {
  std::string id;         // "kid"; may be empty
  bool elliptic = false;  // ES256 on P-256; else RS256
  Bytes first, second;    // x and y; or modulus and exponent
};
/// Those that sign with RS256 or ES256; others are left out. `invalid`: it is no list of keys.
Result<std::vector<IssuerKey>> parse_issuer_keys(std::string_view text);

/// What a token must be.
struct IdTokenRules {
  std::string_view issuer, client_id;
  std::string_view nonce;  // empty: the token was not asked for here
  std::int64_t now_ms = 0;
};
struct IdToken {
  std::string subject, email;
  bool email_verified = false;
};
/// `key_unknown`: signed by a key that is not among these. `login_refused` for anything else that is wrong: its form,
/// algorithm, signature, issuer, audience, time (a minute between the clocks; at most a day old), nonce.
Result<IdToken> read_id_token(std::string_view text, const std::vector<IssuerKey>& keys, const IdTokenRules& rules);

}  // namespace tern::server
