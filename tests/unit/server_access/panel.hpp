// People at the panel of a house: each in a session of their own.
#pragma once

#include <map>
#include <string>

#include "house.hpp"
#include "support/catch.hpp"

namespace tern::test {

inline Json request_of(const std::string& name, std::initializer_list<Json::Member> members = {}) {
  Json out = Json::object({{"action", Json(name)}});
  for (const auto& [key, value] : members) out.set(key, value);
  return out;
}

class Panel {
public:
  explicit Panel(House& house, const std::string& login = "admin@pumps.example",
                 const std::string& password = "a good password")
      : house_(house) {
    const auto answer = ask(request_of("admin_login", {{"login", Json(login)}, {"password", Json(password)}}));
    INFO(answer.body);
    REQUIRE(answer.status == 200);
    cookie_ = std::string(answer.header("set-cookie"));
    cookie_.resize(cookie_.find(';'));
  }
  /// An operator of that role, logged in.
  static Panel of(House& house, const std::string& name, const std::string& role, const std::string& tenant = {}) {
    Json add = cmd("operator add", {{"email", Json(name + "@pumps.example")},
                                    {"name", Json(name)},
                                    {"role", Json(role)},
                                    {"password", Json("a password of " + name)}});
    if (!tenant.empty()) add.set("tenant", Json(tenant));
    house.command(add);
    return Panel(house, name + "@pumps.example", "a password of " + name);
  }

  server::Response ask(const Json& request, const std::string& path = "/api/admin.php") {
    server::Request sent;
    sent.method = "POST";
    sent.target = path;
    sent.headers = {{"content-type", "application/json"}};
    if (!cookie_.empty()) sent.headers.push_back({"cookie", cookie_});
    sent.body = server::RequestBody(to_text(request));
    return house_.send(sent);
  }
  Json good(const Json& request) {
    const auto answer = ask(request);
    INFO(to_text(request) << " -> " << answer.body);
    REQUIRE(answer.status == 200);
    return must(parse_json(answer.body, {.decimals = true}))["data"];
  }
  /// "code field" of a refusal.
  std::string refusal(const Json& request) {
    const auto answer = ask(request);
    INFO(to_text(request) << " -> " << answer.body);
    CHECK(answer.status >= 400);
    CHECK(answer.status < 500);
    const Json body = must(parse_json(answer.body, {.decimals = true}));
    const std::string field = body["field"].as_string();
    return body["code"].as_string() + (field.empty() ? "" : " " + field);
  }

private:
  House& house_;
  std::string cookie_;
};

inline bool is_verified(House& house) {
  return house.command(cmd("verify"))["good"].as_bool();
}

}  // namespace tern::test
