#include "support/issuer.hpp"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>

#include <chrono>
#include <stdexcept>

#include "http/url_text.hpp"
#include "support/catch.hpp"
#include "support/tls_peer.hpp"
#include "tern/protocol/base64.hpp"
#include "tern/protocol/crypto.hpp"
#include "tern/server/http.hpp"

namespace tern::test {
namespace {

std::string number(const EVP_PKEY* key, const char* name) {
  BIGNUM* value = nullptr;
  if (EVP_PKEY_get_bn_param(key, name, &value) != 1) throw std::runtime_error("OpenSSL does not tell a key");
  std::string out(static_cast<std::size_t>(BN_num_bytes(value)), '\0');
  BN_bn2bin(value, reinterpret_cast<unsigned char*>(out.data()));
  BN_free(value);
  return out;
}

std::string padded(std::string value) {
  return std::string(32 - value.size(), '\0') + value;
}

std::string signature_of(EVP_PKEY* key, const std::string& text) {
  EVP_MD_CTX* const context = EVP_MD_CTX_new();
  std::size_t size = 0;
  const auto* const raw = reinterpret_cast<const unsigned char*>(text.data());
  const bool begun = EVP_DigestSignInit(context, nullptr, EVP_sha256(), nullptr, key) == 1 &&
                     EVP_DigestSign(context, nullptr, &size, raw, text.size()) == 1;
  std::string out(size, '\0');
  const bool done =
      begun && EVP_DigestSign(context, reinterpret_cast<unsigned char*>(out.data()), &size, raw, text.size()) == 1;
  EVP_MD_CTX_free(context);
  if (!done) throw std::runtime_error("OpenSSL does not sign");
  out.resize(size);
  return out;
}

std::string mac_of(const std::string& key, const std::string& text) {
  unsigned char mac[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()),
       text.size(), mac, &size);
  return {reinterpret_cast<const char*>(mac), size};
}

/// R and S, 32 bytes each.
std::string raw_of_der(const std::string& der) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  ECDSA_SIG* const pair = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size()));
  std::string out(64, '\0');
  BN_bn2binpad(ECDSA_SIG_get0_r(pair), reinterpret_cast<unsigned char*>(out.data()), 32);
  BN_bn2binpad(ECDSA_SIG_get0_s(pair), reinterpret_cast<unsigned char*>(out.data()) + 32, 32);
  ECDSA_SIG_free(pair);
  return out;
}

}  // namespace

struct Issuer::Keys {
  EVP_PKEY* rsa = EVP_RSA_gen(2048);
  EVP_PKEY* curve = EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256");
  std::string name;

  ~Keys() {
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(curve);
  }
  [[nodiscard]] Json json() const {
    const auto url = [](const std::string& raw) { return Json(server::to_base64url(raw)); };
    const Json one = Json::object({{"kty", Json("RSA")},
                                   {"use", Json("sig")},
                                   {"kid", Json("r" + name)},
                                   {"n", url(number(rsa, OSSL_PKEY_PARAM_RSA_N))},
                                   {"e", url(number(rsa, OSSL_PKEY_PARAM_RSA_E))}});
    const Json two = Json::object({{"kty", Json("EC")},
                                   {"crv", Json("P-256")},
                                   {"kid", Json("e" + name)},
                                   {"x", url(padded(number(curve, OSSL_PKEY_PARAM_EC_PUB_X)))},
                                   {"y", url(padded(number(curve, OSSL_PKEY_PARAM_EC_PUB_Y)))}});
    const Json encrypts = Json::object({{"kty", Json("RSA")}, {"use", Json("enc")}, {"kid", Json("other")}});
    return Json::object({{"keys", Json::array({one, two, encrypts})}});
  }
};

Issuer::Issuer(std::string at, std::function<std::int64_t()> now_ms)
    : address(std::move(at)), now_ms_(std::move(now_ms)) {
  rotate();
}

Issuer::~Issuer() = default;

void Issuer::rotate() {
  const std::lock_guard lock(mutex_);
  keys_ = std::make_unique<Keys>();
  keys_->name = std::to_string(++made_);
}

int Issuer::asked(const std::string& path) const {
  const std::lock_guard lock(mutex_);
  const auto found = asked_.find(path);
  return found == asked_.end() ? 0 : found->second;
}

std::string query_value(const std::string& text, const std::string& name) {
  std::string rest = text.substr(text.find('?') == std::string::npos ? 0 : text.find('?') + 1);
  while (!rest.empty()) {
    const auto end = std::min(rest.find('&'), rest.size());
    const std::string one = rest.substr(0, end);
    if (one.starts_with(name + "=")) return server::percent_decoded(one.substr(name.size() + 1)).value_or("");
    rest.erase(0, std::min(end + 1, rest.size()));
  }
  return {};
}

std::string Issuer::authorise(const std::string& url) {
  CHECK(url.starts_with(address + "/authorize?"));
  CHECK(query_value(url, "response_type") == "code");
  CHECK(query_value(url, "scope") == "openid email");
  CHECK(query_value(url, "client_id") == client_id);
  CHECK(query_value(url, "code_challenge_method") == "S256");
  CHECK(query_value(url, "state").size() == 43);
  const std::lock_guard lock(mutex_);
  const std::string code = "code " + std::to_string(++made_);
  codes_[code] = {query_value(url, "nonce"), query_value(url, "code_challenge"), query_value(url, "redirect_uri")};
  return code;
}

Json Issuer::claims() const {
  const std::int64_t now_s = now_ms_() / 1'000;
  return Json::object({{"iss", Json(address)},
                       {"aud", Json(client_id)},
                       {"sub", Json("248289761001")},
                       {"email", Json(email)},
                       {"email_verified", Json(verified)},
                       {"iat", Json(now_s)},
                       {"exp", Json(now_s + 300)}});
}

std::string Issuer::token(const Json& claims, const std::string& algorithm) const {
  const bool curve = algorithm == "ES256";
  const Json head =
      Json::object({{"typ", Json("JWT")}, {"alg", Json(algorithm)}, {"kid", Json((curve ? "e" : "r") + keys_->name)}});
  const std::string text = server::to_base64url(to_text(head)) + "." + server::to_base64url(to_text(claims));
  if (algorithm == "none") return text + ".";
  const std::string signature = algorithm == "HS256" ? mac_of(number(keys_->rsa, OSSL_PKEY_PARAM_RSA_N), text)
                                : curve              ? raw_of_der(signature_of(keys_->curve, text))
                                                     : signature_of(keys_->rsa, text);
  return text + "." + server::to_base64url(signature);
}

std::string Issuer::token_answer(const std::string& authorization, const std::string& body) {
  const auto found = codes_.find(query_value(body, "code"));
  if (found == codes_.end()) return {};
  const Code code = found->second;
  codes_.erase(found);
  const std::string verifier = query_value(body, "code_verifier");
  const bool known = secret.empty() ? authorization.empty() && query_value(body, "client_id") == client_id
                                    : authorization == "Basic " + to_base64(server::percent_encoded(client_id) + ":" +
                                                                            server::percent_encoded(secret));
  if (!known || query_value(body, "redirect_uri") != code.redirect ||
      query_value(body, "grant_type") != "authorization_code" ||
      server::to_base64url(protocol::sha256(verifier).view()) != code.challenge)
    return {};
  Json said = claims();
  said.set("nonce", Json(nonce_instead.empty() ? code.nonce : nonce_instead));
  return to_text(Json::object({{"access_token", Json("x")},
                               {"token_type", Json("Bearer")},
                               {"id_token", Json(token(said, elliptic ? "ES256" : "RS256"))}}));
}

std::pair<int, std::string> Issuer::answer(const std::string& method, const std::string& path,
                                           const std::string& authorization, const std::string& body) {
  const std::lock_guard lock(mutex_);
  ++asked_[path];
  if (down) return {503, "{}"};
  if (method == "GET" && path == "/.well-known/openid-configuration")
    return {200, to_text(Json::object({{"issuer", Json(address)},
                                       {"authorization_endpoint", Json(address + "/authorize")},
                                       {"token_endpoint", Json(address + "/token")},
                                       {"jwks_uri", Json(address + "/keys")}}))};
  if (method == "GET" && path == "/keys") return {200, to_text(keys_->json())};
  if (method == "POST" && path == "/token") {
    const std::string said = token_answer(authorization, body);
    return said.empty() ? std::pair(400, std::string("{\"error\":\"invalid_grant\"}")) : std::pair(200, said);
  }
  return {404, "{}"};
}

struct IssuerPeer::Peer {
  TlsPeer peer;
};

IssuerPeer::IssuerPeer(const std::string& certificate_file, const std::string& key_file, std::uint16_t port)
    : issuer("https://127.0.0.1:" + std::to_string(port),
             [] {
               const auto since = std::chrono::system_clock::now().time_since_epoch();
               return std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
             }),
      peer_(new Peer{TlsPeer(
          certificate_file, key_file,
          [this](PeerLine& line) {
            line.start_tls();
            const std::string request = line.read_line();
            std::string authorization;
            std::size_t length = 0;
            for (std::string header = line.read_line(); !header.empty(); header = line.read_line()) {
              if (header.starts_with("Authorization: ")) authorization = header.substr(15);
              if (header.starts_with("Content-Length: ")) length = std::stoul(header.substr(16));
            }
            const auto first = request.find(' '), second = request.find(' ', first + 1);
            const auto [status, body] =
                issuer.answer(request.substr(0, first), request.substr(first + 1, second - first - 1), authorization,
                              length == 0 ? std::string() : line.read(length));
            line.write("HTTP/1.1 " + std::to_string(status) +
                       " Said\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
                       "\r\n\r\n" + body);
          },
          port)}) {}

IssuerPeer::~IssuerPeer() = default;

}  // namespace tern::test
