// An issuer of OpenID Connect, as far as a client sees it: what it says of itself, its keys, codes and tokens. The
// cryptography is real; what it says can be made wrong.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "tern/protocol/json.hpp"

namespace tern::test {

class Issuer {
public:
  /// `now_ms`: by whose clock tokens are made.
  Issuer(std::string address, std::function<std::int64_t()> now_ms);
  ~Issuer();

  /// As a browser in which somebody logs in: what the client asked for is checked; gives the code.
  std::string authorise(const std::string& url);
  /// Status and body.
  std::pair<int, std::string> answer(const std::string& method, const std::string& path,
                                     const std::string& authorization, const std::string& body);
  [[nodiscard]] Json claims() const;
  /// "RS256", "ES256"; or "none", "HS256" (under the public key), as attackers do.
  [[nodiscard]] std::string token(const Json& claims, const std::string& algorithm = "RS256") const;
  /// Other keys from now on.
  void rotate();
  [[nodiscard]] int asked(const std::string& path) const;

  const std::string address;
  std::string client_id = "tern", secret, email = "ann@pumps.example";
  bool verified = true, elliptic = false, down = false;
  std::string nonce_instead;  // in tokens, of that which was asked for

private:
  struct Keys;
  struct Code {
    std::string nonce, challenge, redirect;
  };
  std::string token_answer(const std::string& authorization, const std::string& body);

  const std::function<std::int64_t()> now_ms_;
  mutable std::mutex mutex_;
  std::unique_ptr<Keys> keys_;
  std::map<std::string, Code> codes_;
  std::map<std::string, int> asked_;
  int made_ = 0;
};

/// What stands in a query or a form under that name.
std::string query_value(const std::string& text, const std::string& name);

/// The same over https at 127.0.0.1. Owner: a test.
class IssuerPeer {
public:
  IssuerPeer(const std::string& certificate_file, const std::string& key_file, std::uint16_t port);
  ~IssuerPeer();
  Issuer issuer;

private:
  struct Peer;
  std::unique_ptr<Peer> peer_;
};

}  // namespace tern::test
