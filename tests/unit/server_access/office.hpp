// A house with one key, asked as integrations ask.
#pragma once

#include <utility>

#include "house.hpp"
#include "support/catch.hpp"

namespace tern::test {

inline Json act(const std::string& action, std::initializer_list<Json::Member> members = {}) {
  Json out = Json::object({{"action", Json(action)}});
  for (const auto& [name, value] : members) out.set(name, value);
  return out;
}

/// A member of the answer's body: by itself the code of a refusal.
inline std::string said(const server::Response& answer, const char* member = "code") {
  return must(parse_json(answer.body, {.decimals = true}))[member].as_string();
}

struct Office {
  House house;
  std::string key;

  explicit Office(std::initializer_list<Json::Member> more = {}) {
    house.add_operator("ann", "supervisor");
    Json asked = cmd("key add", more);
    asked.set("name", Json("Monitoring"));
    key = house.command(asked)["key"].as_string();
  }

  server::Response send(Bytes body, const std::string& path = "/api/admin.php",
                        const std::string& type = "application/json", std::vector<server::Header> headers = {}) {
    server::Request request;
    request.method = "POST";
    request.target = path;
    request.headers = std::move(headers);
    request.headers.push_back({"content-type", type});
    if (!key.empty()) request.headers.push_back({"x-api-key", key});
    request.body = server::RequestBody(std::move(body));
    return house.send(request);
  }
  server::Response ask(Json request, const std::string& path = "/api/admin.php") {
    return send(to_text(request), path);
  }
  Json good(Json request) {
    const auto answer = ask(request);
    INFO(to_text(request) << " -> " << answer.body);
    REQUIRE(answer.status == 200);
    return must(parse_json(answer.body, {.decimals = true}))["data"];
  }
  /// As the client whose token it is, without the key.
  Json good_of_client(const Json& request, const std::string& token) {
    const std::string mine = std::exchange(key, {});
    const auto answer = send(to_text(request), "/api/client.php", "application/json", {{"x-client-token", token}});
    key = mine;
    INFO(to_text(request) << " -> " << answer.body);
    REQUIRE(answer.status == 200);
    return must(parse_json(answer.body, {.decimals = true}))["data"];
  }
  std::int64_t ticket(const std::string& subject = "Pump leaks") {
    return good(act("create_ticket", {{"subject", Json(subject)}, {"description", Json("In hall 2.")}}))["id"]
        .as_integer();
  }
};

}  // namespace tern::test
