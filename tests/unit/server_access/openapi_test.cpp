// What the server says of its API to programs, against what it does.
#include <map>

#include "api/credentials.hpp"
#include "issuer_way.hpp"
#include "office.hpp"
#include "tern/protocol/text.hpp"

namespace tern::test {
namespace {

/// One of each way to say who asks, of somebody who may what is to be had by it.
struct Credentials : Office {
  std::map<std::string, std::string> values;  // by the name of header or parameter
  std::string of_admin, of_head;              // cookies
  Issuer issuer{"https://id.pumps.example", [this] { return house.environment.wall_ms(); }};
  IssuerWay way{issuer};

  Credentials()
      : Office({{"operator_id", Json("ann")},
                {"scopes", Json::array({Json("read"), Json("write"), Json("tickets"), Json("messages"), Json("clients"),
                                        Json("webhooks")})}}) {
    house.core->use_egress(
        way, [](const std::function<void()>& work) { work(); }, 1);
    house.command(cmd(
        "oidc set",
        {{"domain", Json("pumps.example")}, {"issuer", Json(issuer.address)}, {"client-id", Json(issuer.client_id)}}));
    house.command(cmd("organisation add", {{"name", Json("Client Ltd")}, {"portal_domain", Json("client.example")}}));
    house.command(cmd("operator set", {{"operator", Json("ann")}, {"password", Json("a password of ann")}}));
    house.command(cmd("operator add", {{"email", Json("head@pumps.example")},
                                       {"role", Json("head_admin")},
                                       {"password", Json("a password of heads")}}));
    values["X-Client-Token"] = values["__Host-tern-client"] =
        good(act("create_client_token", {{"portal_domain", Json("client.example")}, {"ttl", Json(604'800)}}))["token"]
            .as_string();
    values["X-Api-Key"] = std::exchange(key, {});
    values["X-Mobile-Token"] = values["mobile_token"] =
        good(act("mobile_login", {{"login", Json("ann@pumps.example")},
                                  {"password", Json("a password of ann")},
                                  {"ttl", Json(43'200)}}))["token"]
            .as_string();
    values["domain"] = "pumps.example";
    values["api_key"] =
        house
            .command(cmd("widget add",
                         {{"name", Json("Shop")}, {"origins", Json::array({Json("https://shop.example")})}}))["key"]
            .as_string();
    of_admin = cookie_of("admin@pumps.example", "a good password");
    of_head = cookie_of("head@pumps.example", "a password of heads");
  }
  std::string cookie_of(const char* login, const char* password) {
    const auto answer = ask(act("admin_login", {{"login", Json(login)}, {"password", Json(password)}}));
    REQUIRE(answer.status == 200);
    const std::string cookie(answer.header("set-cookie"));
    const std::size_t from = cookie.find('=') + 1;
    return cookie.substr(from, cookie.find(';') - from);
  }

  /// As the description of the scheme has it; null: by nobody. A parameter that no action has shows whether it was let
  /// in, and changes nothing.
  bool lets_in(const std::string& path, const Json& scheme) {
    Json request = Json::object({{"no_such_parameter", Json(1)}});
    std::vector<server::Header> headers;
    const std::string name = scheme["name"].as_string();
    if (scheme["type"] == Json("apiKey")) {
      REQUIRE(values.contains(name));
      if (scheme["in"] == Json("cookie"))
        headers.push_back({"cookie", name + "=" + values[name]});
      else
        headers.push_back({protocol::fold_case(name), values[name]});
    }
    for (const Json& parameter : scheme["x-parameters"].items()) {
      REQUIRE(values.contains(parameter.as_string()));
      request.set(parameter.as_string(), Json(values[parameter.as_string()]));
    }
    const auto answer = send(to_text(request), path, "application/json", std::move(headers));
    return said(answer) == "unknown_field" && said(answer, "field") == "no_such_parameter";
  }
};

}  // namespace

TEST_CASE("each operation of the description lists the ways to say who asks that the server lets in, and no other",
          "[server][api][security]") {
  Credentials all;
  const Json document = must(parse_json(all.house.get("/api/openapi.json").body, {.decimals = true}));
  const Json& schemes = document["components"]["securitySchemes"];
  CHECK(schemes.members().size() == server::all_credentials().size());
  CHECK(document["security"].is_null());  // each operation says its own
  std::map<std::string, int> listed;
  for (const auto& [path, methods] : document["paths"].members()) {
    if (methods.find("post") == nullptr) continue;  // the one that is read
    const Json& operation = methods["post"];
    all.house.environment.advance(61'000);  // so many requests a minute
    all.values["__Host-tern"] = operation["x-role"] == Json("head_admin") ? all.of_head : all.of_admin;
    all.values["auth_token"] = all.issuer.token(all.issuer.claims());
    const Json& properties = operation["requestBody"]["content"]["application/json"]["schema"]["properties"];
    INFO(path);
    CHECK(all.lets_in(path, Json()) == (operation["security"].size() == 0));
    for (const auto& [name, scheme] : schemes.members()) {
      bool is_listed = false;
      for (const Json& alternative : operation["security"].items())
        if (const Json* needs = alternative.find(name)) {
          is_listed = true;
          if (name == "key") CHECK(*needs == operation["x-scopes"]);
          if (name == "session") CHECK(needs->items().front() == operation["x-role"]);
        }
      listed[name] += is_listed ? 1 : 0;
      INFO(name);
      if (operation["security"].size() > 0) CHECK(all.lets_in(path, scheme) == is_listed);
      for (const Json& parameter : scheme["x-parameters"].items())
        if (is_listed) CHECK(properties.find(parameter.as_string()) != nullptr);
    }
    std::size_t distinct = 0;
    std::map<std::string, int> seen;
    for (const auto& [name, schema] : properties.members()) distinct += ++seen[name] == 1 ? 1 : 0;
    CHECK(distinct == properties.members().size());
  }
  for (const auto& [name, scheme] : schemes.members()) CHECK(listed[name] > 0);
}

TEST_CASE("files are described as they are read: by whom, and with which bytes", "[server][api][security]") {
  Credentials all;
  const Json document = must(parse_json(all.house.get("/api/openapi.json").body, {.decimals = true}));
  const Json& operation = document["paths"]["/api/files/{file_id}"]["get"];
  REQUIRE(operation["parameters"].size() == 2);
  all.values["__Host-tern"] = all.of_admin;
  const auto read = [&](server::Header credential) {
    server::Request request;
    request.method = "GET";
    request.target = "/api/files/999";
    request.headers.push_back({"sec-fetch-site", "same-origin"});
    request.headers.push_back(std::move(credential));
    return all.house.send(request);
  };
  std::map<std::string, int> met;
  for (const auto& [name, scheme] : document["components"]["securitySchemes"].members()) {
    if (scheme["type"] != Json("apiKey")) continue;  // GET has no body
    INFO(name);
    bool is_listed = false;
    for (const Json& alternative : operation["security"].items())
      if (const Json* needs = alternative.find(name)) {
        is_listed = true;
        if (name == "key") CHECK(*needs == operation["x-scopes"]);
      }
    const std::string parameter = scheme["name"].as_string();
    REQUIRE(all.values.contains(parameter));
    const std::string value = all.values[parameter];
    all.house.environment.advance(61'000);
    const auto answer = read(scheme["in"] == Json("cookie") ? server::Header{"cookie", parameter + "=" + value}
                                                            : server::Header{protocol::fold_case(parameter), value});
    INFO(answer.status << " " << answer.body);
    CHECK((answer.status == 404) == is_listed);
    ++met[is_listed ? "lets in" : "keeps out"];
  }
  CHECK(met["lets in"] >= 4);
  CHECK(all.house.get("/api/files/999").status == 401);
}

}  // namespace tern::test
