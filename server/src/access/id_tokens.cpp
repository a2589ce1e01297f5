#include "access/id_tokens.hpp"

#include <algorithm>

#include "http/url_text.hpp"
#include "openssl/token_signature.hpp"
#include "tern/protocol/crypto.hpp"
#include "tern/protocol/json.hpp"

namespace tern::server {
namespace {

tl::unexpected<Error> bad_token(const char* what) {
  return fail(ErrorCode::login_refused, std::string("The issuer's token is not good: ") + what + ".");
}

std::optional<Bytes> bytes_of(const Json& key, const char* name) {
  return from_base64url(key[name].as_string());
}

std::optional<IssuerKey> key_of_json(const Json& json) {
  const std::string& type = json["kty"].as_string();
  const auto is = [&](const char* name, const char* value) {
    return json.find(name) == nullptr || json[name] == Json(value);
  };
  if (!is("use", "sig")) return std::nullopt;
  IssuerKey out{json["kid"].as_string(), type == "EC", {}, {}};
  if (type == "EC" && json["crv"] == Json("P-256") && is("alg", "ES256")) {
    const auto x = bytes_of(json, "x"), y = bytes_of(json, "y");
    if (!x || !y) return std::nullopt;
    out.first = *x;
    out.second = *y;
    return out;
  }
  if (type == "RSA" && is("alg", "RS256")) {
    const auto n = bytes_of(json, "n"), e = bytes_of(json, "e");
    if (!n || !e) return std::nullopt;
    out.first = *n;
    out.second = *e;
    return out;
  }
  return std::nullopt;
}

struct TokenParts {
  std::string_view signed_part, head, claims, signature;
};
std::optional<TokenParts> parts_of(std::string_view text) {
  const auto first = text.find('.'), second = text.find('.', first == text.npos ? first : first + 1);
  if (text.size() > id_token_bytes_max || second == text.npos || text.find('.', second + 1) != text.npos)
    return std::nullopt;
  return TokenParts{text.substr(0, second), text.substr(0, first), text.substr(first + 1, second - first - 1),
                    text.substr(second + 1)};
}

Result<Json> json_of(std::string_view part) {
  const auto raw = from_base64url(part);
  if (!raw) return bad_token("its form");
  auto json = parse_json(*raw, {.decimals = true});
  if (!json || !json->is_object()) return bad_token("its form");
  return std::move(*json);
}

Result<void> check_signature(const TokenParts& parts, const Json& head, const std::vector<IssuerKey>& keys) {
  const bool elliptic = head["alg"] == Json("ES256");
  if (!elliptic && head["alg"] != Json("RS256")) return bad_token("its algorithm");
  if (head.find("crit") != nullptr) return bad_token("its form");
  const std::string& id = head["kid"].as_string();
  const auto fits = [&](const IssuerKey& key) { return key.elliptic == elliptic && (id.empty() || key.id == id); };
  const auto key = std::ranges::find_if(keys, fits);
  if (key == keys.end()) return fail(ErrorCode::key_unknown, "The issuer's token is signed by a key that it has not.");
  // Without a name there must be no choice.
  if (id.empty() && std::ranges::count_if(keys, fits) != 1) return bad_token("it names no key");
  const auto signature = from_base64url(parts.signature);
  if (!signature) return bad_token("its form");
  const bool good = elliptic ? verify_es256(key->first, key->second, parts.signed_part, *signature)
                             : verify_rs256(key->first, key->second, parts.signed_part, *signature);
  if (!good) return bad_token("its signature");
  return {};
}

bool is_for(const Json& claims, std::string_view client_id) {
  const Json& audience = claims["aud"];
  const auto& many = audience.items();
  const bool named =
      audience.is_string()
          ? audience.as_string() == client_id
          : std::ranges::any_of(many, [&](const Json& one) { return one.is_string() && one.as_string() == client_id; });
  if (many.size() > 1 && claims.find("azp") == nullptr) return false;
  return named && (claims.find("azp") == nullptr || claims["azp"].as_string() == client_id);
}

Result<void> check_times(const Json& claims, std::int64_t now_ms) {
  const double now_s = static_cast<double>(now_ms) / 1'000;
  if (!claims["exp"].is_number() || claims["exp"].as_double() + issuer_clock_s <= now_s) return bad_token("it is over");
  if (!claims["iat"].is_number() || claims["iat"].as_double() - issuer_clock_s > now_s ||
      claims["iat"].as_double() + id_token_age_s_max < now_s)
    return bad_token("when it was made");
  if (claims.find("nbf") != nullptr && claims["nbf"].as_double() - issuer_clock_s > now_s)
    return bad_token("it is not good yet");
  return {};
}

}  // namespace

Result<std::vector<IssuerKey>> parse_issuer_keys(std::string_view text) {
  const auto json = parse_json(text, {.decimals = true});
  if (!json || !(*json)["keys"].is_array() || (*json)["keys"].size() > issuer_keys_max)
    return fail(ErrorCode::invalid, "The issuer's keys are in no form that is known.");
  std::vector<IssuerKey> out;
  for (const Json& one : (*json)["keys"].items())
    if (auto key = key_of_json(one)) out.push_back(std::move(*key));
  return out;
}

Result<IdToken> read_id_token(std::string_view text, const std::vector<IssuerKey>& keys, const IdTokenRules& rules) {
  const auto parts = parts_of(text);
  if (!parts) return bad_token("its form");
  TERN_TRY(const Json head, json_of(parts->head));
  TERN_CHECKED(check_signature(*parts, head, keys));
  TERN_TRY(const Json claims, json_of(parts->claims));
  if (claims["iss"].as_string() != rules.issuer) return bad_token("its issuer");
  if (!is_for(claims, rules.client_id)) return bad_token("whom it is for");
  TERN_CHECKED(check_times(claims, rules.now_ms));
  if (!rules.nonce.empty() && !protocol::equal_secret(claims["nonce"].as_string(), rules.nonce))
    return bad_token("its nonce");
  IdToken out{claims["sub"].as_string(), claims["email"].as_string(),
              claims["email_verified"].as_bool() || claims["email_verified"] == Json("true")};
  if (out.subject.empty()) return bad_token("it names nobody");
  return out;
}

}  // namespace tern::server
