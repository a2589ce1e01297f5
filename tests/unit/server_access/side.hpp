// An organisation on a server with everybody who comes to its doors, and the registry's fixtures (tests/data/api) asked
// in its name: what tests of all actions at once are made of.
#pragma once

#include <fstream>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "office.hpp"
#include "panel.hpp"
#include "sending_room.hpp"
#include "support/files.hpp"
#include "support/given_ids.hpp"
#include "tern/server/admin.hpp"

namespace tern::test {

inline std::string with_all(std::string text, std::string_view old, std::string_view now) {
  for (std::size_t at = 0; (at = text.find(old, at)) != std::string::npos; at += now.size())
    text.replace(at, old.size(), now);
  return text;
}

/// What people write, and what they name things by.
inline const std::set<std::string_view>& written() {
  static const std::set<std::string_view> names{"subject", "description", "message", "name",     "title",
                                                "content", "department",  "comment", "result",   "company_name",
                                                "tag",     "user_name",   "url",     "category", "phone"};
  return names;
}

/// Signing in and heads of the server: they are tested where they are at home, here only for what they say.
inline const std::set<std::string_view>& elsewhere() {
  static const std::set<std::string_view> names{
      "admin_login",    "forgot_password", "reset_password",   "begin_two_factor", "confirm_two_factor",
      "end_two_factor", "mobile_login",    "end_mobile_token", "oidc_begin",       "oidc_finish",
      "list_tenants",   "update_tenant",   "list_error_logs",  "demo_analytics"};
  return names;
}

inline std::vector<std::string> order_of_fixtures() {
  std::vector<std::string> out;
  std::ifstream order(std::string(TERN_TEST_DATA_DIR) + "/api/order.txt");
  for (std::string stem; std::getline(order, stem);) out.push_back(stem);
  return out;
}
inline Json fixture_of(const std::string& stem) {
  return must(parse_json(content_of(std::string(TERN_TEST_DATA_DIR) + "/api/" + stem + ".json"), {.decimals = true}));
}
inline std::string path_of(const std::string& stem) {
  return stem.starts_with("client.")   ? "/api/client.php"
         : stem.starts_with("widget.") ? "/api/widget.php"
                                       : "/api/admin.php";
}

/// One organisation with everybody who comes to its doors.
struct Side {
  Side(House& in, std::string of_tenant, std::string suffix)
      : house(in),
        tenant(std::move(of_tenant)),
        mark(std::move(suffix)),
        domain("client" + mark + ".example"),
        admin(Panel::of(house, "admin" + mark, "admin", tenant)) {
    house.add_operator("ann" + mark, "supervisor", tenant);
    run("organisation add", {{"name", Json("Client" + mark)}, {"portal_domain", Json(domain)}});
    run("contact add", {{"name", Json("John" + mark)},
                        {"email", Json("john@client" + mark + ".example")},
                        {"organisation", Json("Client" + mark)}});
    run("tag add", {{"name", Json("pump" + mark)}});
    run("queue add", {{"name", Json("Queue" + mark)}});
    run("quick-reply add",
        {{"name", Json("On our way" + mark)}, {"shortcut", Json("omw")}, {"content", Json("We come" + mark)}});
    run("view add", {{"name", Json("Night" + mark)}, {"priority", Json("urgent")}});
    run("macro add", {{"name", Json("Ordered" + mark)}, {"content", Json("Its part" + mark)}});
    key = run("key add", {{"name", Json("Monitoring" + mark)}, {"operator_id", Json("ann" + mark)}})["key"].as_string();
    program = run("key add", {{"name", Json("Alerts" + mark)}})["key"].as_string();
    widget = run("widget add", {{"name", Json("Shop" + mark)},
                                {"origins", Json::array({Json("https://shop" + mark + ".example")})}})["key"]
                 .as_string();
    ids.take("api_key", Json(widget));
    ids.take("portal_domain", Json(domain));
  }
  Json run(const std::string& name, std::initializer_list<Json::Member> members) {
    Json command = cmd(name, members);
    command.set("tenant", Json(tenant));
    return house.command(command);
  }

  server::Response send(const Json& request, const std::string& path, const char* header, const std::string& value) {
    house.environment.advance(2'000);  // so many requests a minute
    server::Request sent;
    sent.method = "POST";
    sent.target = path;
    sent.headers = {{"content-type", "application/json"}};
    if (header != nullptr) sent.headers.push_back({header, value});
    sent.body = server::RequestBody(to_text(request));
    return house.send(sent);
  }
  server::Response send_as(const std::string& by, const Json& request, const std::string& path) {
    if (by == "admin") {
      house.environment.advance(2'000);
      return admin.ask(request, path);
    }
    if (by == "client") return send(request, path, "x-client-token", client);
    if (by == "mobile") return send(request, path, "x-mobile-token", mobile);
    if (by == "program") return send(request, path, "x-api-key", program);
    if (by.empty()) return send(request, path, "x-api-key", key);
    return send(request, path, nullptr, {});
  }

  /// The fixture with this side's ids and marks.
  Json request_of_fixture(const Json& fixture) const {
    Json out = fixture["request"];
    for (const auto& [name, value] : fixture["request"].members())
      if (written().contains(name) && value.is_string() && !mark.empty())
        out.set(name, Json(value.as_string() + mark));
      else if (name == "email" && value.is_string())
        out.set(name, Json(with_all(value.as_string(), ".example", mark + ".example")));
    return ids.put_into(out);
  }
  /// Runs the fixture, and learns from its answer.
  server::Response ask_fixture(const std::string& stem) {
    const Json fixture = fixture_of(stem);
    const Json request = request_of_fixture(fixture);
    if (stem == "client.create_ticket" || client.empty()) renew();
    server::Response answer = send_as(fixture["by"].as_string(), request, path_of(stem));
    if (answer.status == 200) {
      const Json body = must(parse_json(answer.body, {.decimals = true}));
      const Json& data = body["data"];
      if (!(data.is_array() && data.size() == 0)) ids.take_from(stem, data);
    }
    return answer;
  }
  void renew() {
    client = must(parse_json(send(act("create_client_token", {{"portal_domain", Json(domain)}, {"user_id", Json(7)}}),
                                  "/api/admin.php", "x-api-key", key)
                                 .body))["data"]["token"]
                 .as_string();
    const std::string name = "admin" + mark;
    mobile = must(parse_json(send(act("mobile_login", {{"login", Json(name + "@pumps.example")},
                                                       {"password", Json("a password of " + name)}}),
                                  "/api/admin.php", nullptr, {})
                                 .body))["data"]["token"]
                 .as_string();
  }

  House& house;
  std::string tenant, mark, domain;
  Panel admin;
  std::string key, program, widget, client, mobile;
  GivenIds ids;
};

/// Runs all fixtures of the registry for one side; gives the answers.
inline std::map<std::string, std::string> walk(Side& side) {
  std::map<std::string, std::string> out;
  for (const std::string& stem : order_of_fixtures()) {
    server::Response answer = side.ask_fixture(stem);
    const Json fixture = fixture_of(stem);
    INFO(side.tenant << ' ' << stem << ' ' << to_text(side.request_of_fixture(fixture)) << " -> " << answer.body);
    if (!elsewhere().contains(stem)) CHECK(answer.status == 200);
    out[stem] += answer.body;
  }
  return out;
}

/// Of what was made and not taken away again.
inline void make_again(Side& side) {
  side.mark += "-again";
  for (const char* stem : {"create_ticket", "add_message", "create_tag", "create_kb_article", "create_tariff",
                           "create_channel", "save_trigger", "add_operator", "create_api_key", "create_webhook"}) {
    const server::Response answer = side.ask_fixture(stem);
    INFO(stem << ' ' << answer.body);
    CHECK(answer.status == 200);
  }
}

/// What no action of the API makes: a file, a note for supervisors, a value of a field, and what goes out.
inline void write_beside(Side& side) {
  side.run("field add", {{"name", Json("meter")}, {"type", Json("text")}});
  side.run("webhook add", {{"name", Json("Hook" + side.mark)},
                           {"url", Json("https://hook.example/tern" + side.mark)},
                           {"owner", Json("ann" + side.mark)}});
  side.run("mail set", {{"host", Json("smtp" + side.mark + ".example")}, {"from", Json("support@pumps.example")}});
  Device device(side.house, "ann" + side.mark, "all", side.tenant);
  must(device.open_session());
  const auto ticket = random_id<TicketId>(side.house.environment);
  device.push(device.create(ticket, "Offline" + side.mark));
  sync::Change note = device.change(sync::Intent::message, ticket);
  note.visibility = sync::Visibility::restricted;
  note.text = "for supervisors" + side.mark;
  device.push(note);
  const Json made = must(parse_json(side.ask_fixture("create_ticket").body, {.decimals = true}));
  const std::string end = "\r\n--b", name = "Content-Disposition: form-data; name=";
  server::Request upload;
  upload.method = "POST";
  upload.target = "/api/admin.php";
  upload.headers = {{"content-type", "multipart/form-data; boundary=b"}, {"x-api-key", side.key}};
  upload.body = server::RequestBody("--b\r\n" + name + "\"action\"\r\n\r\nadd_message" + end + "\r\n" + name +
                                    "\"ticket_id\"\r\n\r\n" + to_text(made["data"]["id"]) + end + "\r\n" + name +
                                    "\"message\"\r\n\r\nSee it" + side.mark + end + "\r\n" + name +
                                    "\"files[]\"; filename=\"photo" + side.mark +
                                    ".txt\"\r\nContent-Type: text/plain\r\n\r\nIts words" + side.mark + end + "--\r\n");
  const server::Response answer = side.house.send(upload);
  INFO(answer.body);
  CHECK(answer.status == 200);
}

/// A customer who has an address is answered.
inline void be_written_to(Side& side) {
  side.renew();
  const auto good = [](const server::Response& answer) {
    INFO(answer.body);
    REQUIRE(answer.status == 200);
    return must(parse_json(answer.body, {.decimals = true}))["data"];
  };
  const auto asks = [&] {
    return good(side.send_as(
        "client",
        act("create_ticket", {{"subject", Json("Leaks" + side.mark)}, {"description", Json("In hall 2" + side.mark)}}),
        "/api/client.php"))["id"];
  };
  asks();  // makes the record
  side.run("contact set", {{"name", Json("Client")}, {"email", Json("client@client" + side.mark + ".example")}});
  good(side.send_as("admin", act("add_message", {{"ticket_id", asks()}, {"message", Json("We come" + side.mark)}}),
                    "/api/admin.php"));
}

}  // namespace tern::test
