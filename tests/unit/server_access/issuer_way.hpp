// How a house reaches issuers without a network.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "support/issuer.hpp"
#include "tern/server/egress.hpp"

namespace tern::test {

/// The way to issuers, and to nowhere else.
class IssuerWay : public server::Egress {
public:
  explicit IssuerWay(Issuer& issuer) : issuers{&issuer} {}
  Result<int> post(const server::WebPost&) override { return fail(ErrorCode::no_connection, "nowhere"); }
  Result<server::WebAnswer> fetch(const server::WebAsk& what) override {
    if (meanwhile) std::exchange(meanwhile, nullptr)();
    std::string authorization;
    for (const auto& [name, value] : what.headers)
      if (name == "Authorization") authorization = value;
    for (Issuer* one : issuers)
      if (what.url.starts_with(one->address)) {
        const auto [status, body] =
            one->answer(what.method, what.url.substr(one->address.size()), authorization, what.body);
        return server::WebAnswer{status, body};
      }
    return fail(ErrorCode::no_connection, "nowhere");
  }
  Result<server::MailAnswer> mail(const server::MailServer&, const server::MailPost&) override {
    return fail(ErrorCode::no_connection, "nowhere");
  }
  [[nodiscard]] bool allows(const std::string&, std::uint16_t) const override { return false; }
  void stop() override {}

  std::vector<Issuer*> issuers;
  std::function<void()> meanwhile;  // done once, before an issuer answers
};

}  // namespace tern::test
