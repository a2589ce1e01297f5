// The API in a house: credentials, scopes, plans, dialects, refusals. Its examples over the wire: process/api_test.cpp.
#include <filesystem>
#include <fstream>
#include <set>

#include "support/catch.hpp"
#include "support/files.hpp"
//
#include "office.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/server/admin.hpp"

namespace tern::test {
TEST_CASE("every action of the document is done or said to come later, and none is both", "[server][api]") {
  std::set<std::pair<std::string, std::string>> there;
  for (const auto& command : server::api_actions())
    CHECK(there.insert({std::string(server::surface_name(command.api->surface)), std::string(command.api->action)})
              .second);
  std::ifstream list(std::string(TERN_TEST_DATA_DIR) + "/api/actions.txt");
  std::set<std::string> names;
  std::string surface, action, state;
  while (list >> surface >> action >> state) {
    INFO(surface << ' ' << action);
    names.insert(action);
    CHECK((state == "done" || state == "later"));
    CHECK((there.erase({surface, action}) == 1) == (state == "done"));
  }
  CHECK(names.size() == 80);
  CHECK(there.empty());  // no action that the document does not know
}

TEST_CASE("every action of the registry can be asked for through the API, and its example is what it takes",
          "[server][api]") {
  for (const auto& command : server::api_actions()) {
    INFO(command.name);
    const Json example = must(parse_json(command.api->request, {.decimals = true}));
    CHECK(parse_json(command.api->answer, {.decimals = true}).has_value());
    CHECK(command.needs_tenant == (command.api->role != server::ApiRole::nobody));
    for (const server::AdminArg& arg : command.args) {
      CHECK(arg.kind != server::ArgKind::path);
      if (arg.required) CHECK(example.find(arg.name) != nullptr);
    }
    for (const auto& [name, value] : example.members())
      CHECK(std::any_of(command.args.begin(), command.args.end(), [&](const auto& arg) { return arg.name == name; }));
  }
}

TEST_CASE("every action of the registry has a fixture, which is a request to it and is run", "[server][api]") {
  const std::string folder = std::string(TERN_TEST_DATA_DIR) + "/api";
  std::set<std::string> run, fixtures;
  std::ifstream order(folder + "/order.txt");
  for (std::string action; std::getline(order, action);) run.insert(action);
  for (const auto& file : std::filesystem::directory_iterator(folder))
    if (file.path().extension() == ".json") fixtures.insert(file.path().stem().string());
  CHECK(run == fixtures);
  for (const auto& command : server::api_actions()) {
    const std::string action(command.api->action), surface(server::surface_name(command.api->surface));
    const std::string stem = surface == "admin" ? action : surface + "." + action;
    INFO(stem);
    REQUIRE(fixtures.erase(stem) == 1);
    const Json fixture = must(parse_json(content_of(folder + "/" + stem + ".json"), {.decimals = true}));
    CHECK(fixture["request"]["action"] == Json(action));
    CHECK(fixture["response"]["data"].is_null() == false);
    const std::string by = fixture["by"].as_string();  // else: a key of an operator
    CHECK((by == "admin") ==
          (command.api->role == server::ApiRole::admin || command.api->role == server::ApiRole::editor));
    CHECK((by == "head") == (command.api->role == server::ApiRole::head_admin));
    CHECK((by == "nobody") == (command.api->role == server::ApiRole::nobody));
    CHECK((by == "client") == (surface == "client"));
    CHECK((by == "visitor") == (surface == "widget"));
    CHECK(
        (by.empty() || std::set<std::string>{"admin", "head", "nobody", "program", "client", "visitor"}.contains(by)));
    for (const auto& [name, value] : fixture["request"].members())
      CHECK((name == "action" || (name == "api_key" && by == "visitor") ||
             std::any_of(command.args.begin(), command.args.end(),
                         [&name = name](const auto& arg) { return arg.name == name; })));
    for (const server::AdminArg& arg : command.args)
      if (arg.required) CHECK(fixture["request"].find(arg.name) != nullptr);
  }
  CHECK(fixtures.empty());  // of no action
}

TEST_CASE("paths, methods and errors are those of their door", "[server][api]") {
  Office office;
  for (const char* path : {"/api", "/api/", "/api/admin.php/", "/api/clients.php", "/api/client/", "/api/v1/",
                           "/api/v1/client/", "/api/v1/list-tickets"}) {
    INFO(path);
    const auto answer = office.ask(act("list_tickets"), path);
    CHECK(answer.status == 404);
    CHECK(answer.header("content-type") == "application/json");
    CHECK(said(answer) == "not_found");
  }
  const auto got = office.house.get("/api/admin.php");
  CHECK(got.status == 405);
  CHECK(got.header("allow") == "POST");
  CHECK(said(got, "error").find("POST") != std::string::npos);
  CHECK(problem_code(office.house.get("/api/v1/list_tickets")) == "method_not_allowed");

  const auto old = office.ask(act("get_ticket", {{"ticket_id", Json(99)}}));
  CHECK(old.status == 400);
  CHECK(said(old) == "not_found");
  CHECK(said(old, "field") == "ticket_id");
  CHECK(said(old, "request_id") == "test-1");
  const auto exact = office.ask(Json::object({{"ticket_id", Json(99)}}), "/api/v1/get_ticket");
  CHECK(exact.status == 404);
  CHECK(problem_code(exact) == "not_found");

  const Json unknown = act("list_tickets", {{"is_admin", Json(true)}});
  CHECK(office.ask(unknown).status == 200);
  CHECK(office.ask(unknown, "/api/v1/list_tickets").status == 422);
  CHECK(said(office.ask(unknown, "/api/v1/list_tickets")) == "unknown_field");
  CHECK(office.ask(act("fly")).status == 400);
  CHECK(office.ask(Json::object(), "/api/v1/fly").status == 404);
  CHECK(office.ask(act("get_ticket")).status == 400);
  CHECK(said(office.ask(act("list_tickets", {{"status", Json("strange")}})), "field") == "status");
}

TEST_CASE("a body that is not in its form says what is wrong with it and changes nothing", "[server][api][hostile]") {
  Office office;
  const auto code = [&](const Bytes& body, const std::string& type = "application/json") {
    const auto answer = office.send(body, "/api/admin.php", type);
    INFO(answer.body);
    CHECK(answer.status == 400);
    return said(answer);
  };
  CHECK(code(R"({"action":"list_tickets","a":1,"a":2})") == "json_duplicate_key");
  CHECK(code("{\"action\":\"list_tickets\",}") == "json_invalid");
  CHECK(code("\xef\xbb\xbf{}") == "json_invalid");
  CHECK(code(std::string(200, '[') + std::string(200, ']')) == "json_invalid");
  CHECK(code("{\"action\":\"create_ticket\",\"subject\":\"\xff\"}") == "text_encoding");
  CHECK(code("[]") == "malformed");
  CHECK(code("") == "json_invalid");
  CHECK(code("action=x&action=y", "application/x-www-form-urlencoded") == "json_duplicate_key");
  CHECK(code("action=%4", "application/x-www-form-urlencoded") == "malformed");
  CHECK(code("action=%ff", "application/x-www-form-urlencoded") == "text_encoding");
  CHECK(code("x", "text/plain") == "malformed");
  CHECK(code("--b\r\n\r\nx\r\n--b--", "multipart/form-data; boundary=b") == "malformed");
  CHECK(code("--b\r\nContent-Disposition: form-data; name=\"action\"\r\n\r\nx", "multipart/form-data; boundary=b") ==
        "malformed");
  CHECK(code("--b--", "multipart/form-data") == "malformed");
  for (const char* name : {R"(filename="a.txt")", "filename*=UTF-8''a.txt", "filename=\"\""}) {
    INFO(name);
    const auto with_file = office.send(
        "--b\r\nContent-Disposition: form-data; name=\"action\"\r\n\r\nlist_tags\r\n"
        "--b\r\nContent-Disposition: form-data; name=\"files[]\"; " +
            Bytes(name) + "\r\n\r\nx\r\n--b--",
        "/api/admin.php", "multipart/form-data; boundary=b");
    CHECK(with_file.status == 400);
    CHECK(said(with_file, "field") == "files");
  }
  const auto coded =
      office.send("{\"action\":\"list_tags\"}", "/api/admin.php", "application/json", {{"content-encoding", "gzip"}});
  CHECK(said(coded, "field") == "Content-Encoding");
  const auto large = office.send(Bytes(limits::mib + 1, ' '));
  CHECK(large.status == 413);
  office.key.clear();
  CHECK(office.send(Bytes(64 * limits::kib + 1, ' ')).status == 413);
  CHECK(must(parse_json(office.house.get("/api/openapi.json").body, {.decimals = true}))["openapi"] == Json("3.1.0"));
}

TEST_CASE("values are read however clients write them", "[server][api]") {
  Office office;
  const std::int64_t id = office.ticket();
  CHECK(office.good(act("get_ticket", {{"ticket_id", Json(std::to_string(id))}}))["ticket"]["id"] == Json(id));
  CHECK(office.good(act("get_ticket", {{"id", Json(id)}}))["ticket"]["id"] == Json(id));
  const Json note = office.good(
      act("add_message", {{"ticket_id", Json(id)}, {"message", Json("inside")}, {"is_note", Json("true")}}));
  CHECK(note["is_note"] == Json(true));
  CHECK(note.find("delivery_status") == nullptr);
  const Json page = office.good(act("list_tickets", {{"page", Json(-3)}, {"limit", Json(5000)}, {"search", Json("")}}));
  CHECK(page["page"] == Json(1));
  CHECK(page["limit"] == Json(100));
  CHECK(office.good(act("list_tickets", {{"limit", Json(0)}}))["limit"] == Json(30));
  CHECK(office.send("action=list_tickets&page=1", "/api/admin", "application/x-www-form-urlencoded").status == 200);
  CHECK(office.send("{\"action\":\"list_tickets\"}", "/api/admin", "application/x-www-form-urlencoded").status == 200);
  CHECK(office.ask(act("add_message", {{"ticket_id", Json("x")}, {"message", Json("y")}})).status == 400);
}

TEST_CASE("one credential counts, the first of their order, and a key is never sent from a browser",
          "[server][api][security]") {
  Office office;
  const Json list = act("list_tickets");
  const auto with = [&](const char* header, const char* value) {
    return office.send(to_text(list), "/api/admin.php", "application/json", {{header, value}});
  };
  CHECK(with("x-mobile-token", "nobody's").status == 200);  // the key comes first
  CHECK(said(with("origin", "https://evil.example")) == "origin");
  CHECK(with("origin", "https://evil.example").status == 403);
  const std::string good = office.key;
  office.key = good.substr(0, good.size() - 1) + (good.back() == '0' ? '1' : '0');
  CHECK(said(office.ask(list)) == "key_unknown");
  for (const char* none : {"tps_", "tps_zz", "x", "tps_00112233445566778899aabbccddeeff"}) {
    office.key = none;
    CHECK(said(office.ask(list)) == "key_unknown");
  }
  CHECK(office.ask(Json::object(), "/api/v1/list_tickets").status == 401);
  office.key.clear();
  CHECK(said(office.ask(list)) == "key_required");
  CHECK(said(with("x-mobile-token", "nobody's")) == "session_unknown");
  CHECK(said(with("x-client-token", "ct_x")) == "not_permitted");
  CHECK(said(office.ask(act("list_tickets", {{"mobile_token", Json("x")}}))) == "session_unknown");
  CHECK(said(office.ask(act("list_tickets", {{"auth_token", Json("x")}}))) == "session_unknown");
  CHECK(said(office.ask(act("list_tickets", {{"mobile_token", Json("")}, {"auth_token", Json("")}}))) ==
        "key_required");
  office.house.command(cmd("key revoke", {{"key_id", Json("Monitoring")}}));
  office.key = good;
  CHECK(said(office.ask(list)) == "key_revoked");
  for (const std::string& line : office.house.log) CHECK(line.find(good) == std::string::npos);
}

TEST_CASE("a key expires, is regenerated, and stays over a restart", "[server][api][security]") {
  Office office({{"expires_days", Json(1)}});
  office.good(act("list_tickets"));
  office.house.reopen();
  office.good(act("list_tickets"));
  const std::string before = office.key;
  office.key = office.house.command(cmd("key regenerate", {{"key_id", Json("Monitoring")}}))["key"].as_string();
  office.good(act("list_tickets"));
  const std::string after = std::exchange(office.key, before);
  CHECK(said(office.ask(act("list_tickets"))) == "key_revoked");
  office.key = after;
  office.house.environment.advance(86'400'000);
  CHECK(said(office.ask(act("list_tickets"))) == "key_revoked");
}

TEST_CASE("a key does what its scopes, its plan and whom it acts as allow", "[server][api][security]") {
  Office reader({{"scopes", Json::array({Json("read"), Json("tickets")})}});
  CHECK(reader.ask(act("list_tickets")).status == 200);
  const Json create = act("create_ticket", {{"subject", Json("a")}, {"description", Json("b")}});
  CHECK(said(reader.ask(create)) == "scope_missing");
  CHECK(reader.ask(create).status == 403);
  CHECK(said(reader.ask(act("list_clients"))) == "scope_missing");

  Office office;
  const std::int64_t id = office.ticket();
  CHECK(said(office.ask(act("take_ticket", {{"ticket_id", Json(id)}}))) == "operator_required");
  CHECK(said(office.ask(act("delete_ticket", {{"ticket_id", Json(id)}}))) == "operator_required");
  CHECK(said(office.ask(act("create_api_key", {{"name", Json("mine")}}))) == "not_permitted");
  CHECK(office.house.command(cmd("key list")).size() == 1);

  const auto plan = [&](const char* name) { office.house.command(cmd("tenant plan", {{"plan", Json(name)}})); };
  plan("starter");
  CHECK(said(office.ask(create)) == "scope_missing");
  CHECK(code_of(office.house, cmd("key add", {{"name", Json("second")}})) == ErrorCode::plan_limit);
  plan("pro");
  office.house.command(cmd("key add", {{"name", Json("second")}}));
  CHECK(code_of(office.house, cmd("key add", {{"name", Json("w")}, {"scopes", Json::array({Json("webhooks")})}})) ==
        ErrorCode::plan_limit);
  plan("starter");  // the first key goes on
  CHECK(office.ask(act("list_tickets")).status == 200);
  plan("free");
  CHECK(said(office.ask(act("list_tickets"))) == "plan_limit");
}

TEST_CASE("what a key's operator may not do is refused and changes nothing", "[server][api][security]") {
  Office boss;
  const std::int64_t id = boss.ticket();
  boss.house.add_operator("eve", "light");
  Json asked = cmd("key add", {{"name", Json("Light")}, {"operator_id", Json("eve")}});
  boss.key = boss.house.command(asked)["key"].as_string();
  const auto commits = [&] { return boss.house.command(cmd("status"))["rows"].items().front()["commit_seq"]; };
  const Json seq = commits();
  const auto reply = boss.ask(act("add_message", {{"ticket_id", Json(id)}, {"message", Json("Hello")}}));
  CHECK(reply.status == 403);
  CHECK(said(reply, "error").find("internal notes only") != std::string::npos);
  CHECK(boss.ask(act("complete_ticket", {{"ticket_id", Json(id)}})).status == 403);
  CHECK(boss.ask(act("merge_tickets", {{"ticket_id", Json(id)}, {"target_id", Json(id)}})).status == 403);
  CHECK(boss.good(act("get_ticket", {{"ticket_id", Json(id)}}))["messages"].size() == 1);
  CHECK(commits() == seq);
  asked = cmd("key add", {{"name", Json("Admin's")}, {"operator_id", Json("ADMIN@Pumps.example")}});
  CHECK(boss.house.command(asked)["operator_name"].is_string());
  boss.house.command(cmd("operator disable", {{"operator", Json("eve")}}));
  CHECK(boss.ask(act("list_tickets")).status == 403);
}

TEST_CASE("a key reads what its operator may read: tickets of their queues, restricted notes of their role",
          "[server][api][security]") {
  Office office;
  House& house = office.house;
  const std::string nobody = office.key;
  const Json queue = house.command(cmd("queue add", {{"name", Json("Depot")}}));
  house.command(cmd("queue add", {{"name", Json("Field")}}));
  house.command(
      cmd("operator add",
          {{"email", Json("bob@pumps.example")}, {"role", Json("operator")}, {"queue", Json::array({Json("Field")})}}));
  Device device(house, "ann", "all");
  must(device.open_session());
  TicketId ticket;
  ticket.bytes.fill(7);
  device.push(device.create(ticket, "Depot's"));
  sync::Change note = device.change(sync::Intent::message, ticket);
  note.visibility = sync::Visibility::restricted;
  note.text = "for supervisors";
  device.push(note);
  const auto key_of = [&](const char* who) {
    return house.command(cmd("key add", {{"name", Json(who)}, {"operator_id", Json(who)}}))["key"].as_string();
  };
  const std::string ann = key_of("ann"), bob = key_of("bob@pumps.example");
  const auto messages = [&](const std::string& key) {
    office.key = key;
    return office.good(act("get_ticket", {{"ticket_id", Json(1)}}))["messages"];
  };
  CHECK(messages(ann).size() == 2);
  CHECK(messages(bob).size() == 1);
  CHECK(messages(nobody).size() == 1);
  const Json hidden = messages(ann).items()[1]["id"];
  office.key = bob;
  CHECK(said(office.ask(act("edit_message", {{"message_id", hidden}, {"message", Json("x")}}))) == "not_found");

  sync::Change move = device.change(sync::Intent::move_queue, ticket);
  move.target = from_uuid_text(queue["id"].as_string()).value();
  device.push(move);
  office.key = bob;
  CHECK(said(office.ask(act("get_ticket", {{"ticket_id", Json(1)}}))) == "not_found");
  CHECK(said(office.ask(act("add_message", {{"ticket_id", Json(1)}, {"message", Json("x")}}))) == "not_found");
  CHECK(office.good(act("list_tickets"))["total"] == Json(0));
  CHECK(office.good(act("list_tickets", {{"search", Json("Depot")}}))["total"] == Json(0));
  CHECK(office.good(act("dashboard"))["total_open"] == Json(0));
  office.key = nobody;
  CHECK(office.good(act("list_tickets"))["total"] == Json(1));
}

TEST_CASE("each key has its requests a minute, and is told when to come back", "[server][api]") {
  Office office;
  office.house.command(cmd("tenant plan", {{"plan", Json("starter")}}));
  for (int i = 0; i < 60; ++i) REQUIRE(office.ask(act("list_tickets")).status == 200);
  const auto refused = office.ask(act("list_tickets"));
  CHECK(refused.status == 429);
  CHECK(said(refused) == "rate_limited");
  CHECK(refused.header("retry-after") == "1");
  CHECK(refused.header("ratelimit-limit") == "60");
  CHECK(refused.header("ratelimit-remaining") == "0");
  office.house.environment.advance(1'000);
  CHECK(office.send("{").status == 400);  // what is no request counts as one
  CHECK(office.ask(act("list_tickets")).status == 429);
}

TEST_CASE("an administrator logs in with a password, and does with a cookie what no key does",
          "[server][api][security]") {
  Office office;
  office.key.clear();
  const auto log_in = [&](const char* login, const char* password, std::vector<server::Header> headers = {}) {
    return office.send(to_text(act("admin_login", {{"login", Json(login)}, {"password", Json(password)}})),
                       "/api/admin.php", "application/json", std::move(headers));
  };
  const auto wrong = log_in("admin@pumps.example", "another password");
  CHECK(wrong.status == 403);
  const auto nobody = log_in("nobody@pumps.example", "a good password");
  CHECK(said(wrong, "error") == said(nobody, "error"));
  CHECK(wrong.header("set-cookie").empty());
  CHECK(said(log_in("admin@pumps.example", "a good password", {{"sec-fetch-site", "cross-site"}})) == "origin");

  const auto good = log_in("Admin@Pumps.example", "a good password");
  INFO(good.body);
  REQUIRE(good.status == 200);
  const std::string cookie(good.header("set-cookie"));
  CHECK(cookie.ends_with("; Path=/; Max-Age=43200; Secure; HttpOnly; SameSite=Strict"));
  const std::string session = cookie.substr(0, cookie.find(';'));
  CHECK(good.body.find(session.substr(session.find('=') + 1)) == std::string::npos);
  const auto with = [&](const Json& request, std::vector<server::Header> headers = {}) {
    headers.push_back({"cookie", "a=b; " + session});
    return office.send(to_text(request), "/api/admin.php", "application/json", std::move(headers));
  };
  const Json make = act("create_api_key", {{"name", Json("by the panel")}});
  for (const server::Header& foreign :
       {server::Header{"sec-fetch-site", "cross-site"}, server::Header{"sec-fetch-site", "same-site"},
        server::Header{"origin", "https://evil.example"},
        server::Header{"origin", "https://desk.example.evil.example"}})
    CHECK(said(with(make, {foreign})) == "origin");
  CHECK(with(make, {{"origin", "https://desk.example"}}).status == 200);
  CHECK(with(act("create_tag", {{"name", Json("pump")}})).status == 200);
  CHECK(with(act("list_api_keys"), {{"sec-fetch-site", "same-origin"}}).status == 200);
  CHECK(said(with(act("list_tickets"), {{"x-mobile-token", "first"}})) == "session_unknown");  // never the second

  office.house.command(
      cmd("operator set", {{"operator", Json("admin@pumps.example")}, {"password", Json("a better password")}}));
  CHECK(said(with(act("list_tickets"))) == "session_unknown");
  for (const std::string& line : office.house.log) CHECK(line.find("good password") == std::string::npos);
}

TEST_CASE("sessions end by time and with their operator, roles hold, and guessing is slowed down",
          "[server][api][security]") {
  Office office;
  office.key.clear();
  office.house.command(
      cmd("operator add",
          {{"email", Json("bob@pumps.example")}, {"role", Json("operator")}, {"password", Json("a password of bob")}}));
  const auto log_in = [&](const char* password) {
    return office.ask(act("admin_login", {{"login", Json("bob@pumps.example")}, {"password", Json(password)}}));
  };
  std::string session;
  const auto begin = [&] {
    const auto answer = log_in("a password of bob");
    REQUIRE(answer.status == 200);
    session = std::string(answer.header("set-cookie"));
    session.resize(session.find(';'));
  };
  const auto with = [&](const Json& request) {
    return office.send(to_text(request), "/api/admin.php", "application/json", {{"cookie", session}});
  };
  begin();
  CHECK(with(act("create_ticket", {{"subject", Json("a")}, {"description", Json("b")}})).status == 200);
  CHECK(said(with(act("create_api_key", {{"name", Json("mine")}}))) == "not_permitted");
  CHECK(said(with(act("delete_ticket", {{"ticket_id", Json(1)}}))) == "not_permitted");
  office.house.environment.advance(12 * 3'600'000);
  CHECK(said(with(act("list_tickets"))) == "session_unknown");
  begin();
  for (int i = 0; i < 600; ++i) REQUIRE(with(act("list_tags")).status == 200);
  CHECK(with(act("list_tags")).status == 429);
  office.house.command(cmd("operator disable", {{"operator", Json("bob@pumps.example")}}));
  CHECK(said(with(act("list_tickets"))) == "session_unknown");
  office.house.environment.advance(3'600'000);
  for (int i = 0; i < 10; ++i) CHECK(said(log_in("wrong password")) == "login_refused");
  const auto locked = log_in("a password of bob");
  CHECK(said(locked) == "rate_limited");
  CHECK(locked.header("retry-after") == "900");
}

TEST_CASE("many log in from one address, and an address that guesses locks nobody else out",
          "[server][api][security]") {
  Office office;
  office.key.clear();
  const auto log_in = [&](const char* login, const char* password) {
    return said(office.ask(act("admin_login", {{"login", Json(login)}, {"password", Json(password)}})));
  };
  for (int i = 0; i < 12; ++i) CHECK(log_in("admin@pumps.example", "a good password").empty());
  for (int i = 0; i < 10; ++i) log_in("nobody@pumps.example", "guessed");
  for (int i = 0; i < 10; ++i) CHECK(log_in("admin@pumps.example", "guessed") == "rate_limited");
  office.house.peer = "192.0.2.8";
  CHECK(log_in("admin@pumps.example", "a good password").empty());
}

TEST_CASE("a head administrator is no organisation's administrator", "[server][api][security]") {
  Office office;
  office.house.command(cmd("operator add", {{"email", Json("head@pumps.example")},
                                            {"role", Json("head_admin")},
                                            {"password", Json("a password of heads")}}));
  office.key.clear();
  const auto answer = office.ask(
      act("admin_login", {{"login", Json("head@pumps.example")}, {"password", Json("a password of heads")}}));
  REQUIRE(answer.status == 200);
  std::string session(answer.header("set-cookie"));
  session.resize(session.find(';'));
  for (const char* action : {"create_api_key", "list_api_keys", "list_contacts", "list_tickets", "dashboard"}) {
    INFO(action);
    const auto refused = office.send(to_text(act(action, {{"name", Json("mine")}})), "/api/admin.php",
                                     "application/json", {{"cookie", session}});
    CHECK(said(refused) == "not_permitted");
  }
  CHECK(office.house.command(cmd("key list")).size() == 1);
}

TEST_CASE("a value that is written back as it was shown changes nothing", "[server][api]") {
  Office office({{"operator_id", Json("ann")}});
  const std::int64_t id = office.ticket();
  office.good(act("update_ticket", {{"ticket_id", Json(id)}, {"priority", Json("high")}}));
  const auto commits = [&] { return office.house.command(cmd("status"))["rows"].items().front()["commit_seq"]; };
  const Json before = commits();
  const Json shown = office.good(act("get_ticket", {{"ticket_id", Json(id)}}))["ticket"];
  CHECK(shown["priority"] == Json("urgent"));
  CHECK(shown["priority_exact"] == Json("high"));
  const Json after = office.good(act("update_ticket", {{"ticket_id", Json(id)},
                                                       {"priority", shown["priority"]},
                                                       {"status", shown["status"]},
                                                       {"subject", shown["subject"]},
                                                       {"category", shown["category"]},
                                                       {"assigned_to", shown["assigned_to"]}}));
  CHECK(after == shown);
  CHECK(commits() == before);
}

TEST_CASE("a ticket goes through its life, and impossible moves say which are possible", "[server][api]") {
  Office office({{"operator_id", Json("ann")}});
  const std::int64_t id = office.ticket();
  const auto status = [&](const char* action, std::initializer_list<Json::Member> more = {}) {
    Json asked = act(action, more);
    asked.set("ticket_id", Json(id));
    return office.good(asked)["status"].as_string();
  };
  CHECK(status("take_ticket") == "new");
  CHECK(status("update_ticket", {{"status", Json("in_progress")}}) == "in_progress");
  CHECK(status("hold_ticket") == "on_hold");
  CHECK(status("resume_ticket") == "in_progress");
  CHECK(status("set_estimate", {{"hours", Json(1.5)}}) == "estimated");
  CHECK(status("complete_ticket", {{"result", Json("Seal replaced.")}}) == "done");
  CHECK(status("complete_ticket") == "done");
  const auto impossible = office.ask(act("hold_ticket", {{"ticket_id", Json(id)}}));
  CHECK(impossible.status == 400);
  CHECK(said(impossible) == "bad_transition");
  CHECK(said(impossible, "error").find("reopen") != std::string::npos);
  CHECK(office.ask(Json::object({{"ticket_id", Json(id)}}), "/api/v1/hold_ticket").status == 409);
  CHECK(status("reopen_ticket") == "reopened");
  CHECK(status("update_ticket", {{"status", Json("closed")}}) == "closed");
  const Json ticket = office.good(act("get_ticket", {{"ticket_id", Json(id)}}))["ticket"];
  CHECK(ticket["assigned_name"] == Json("ann"));
  CHECK(ticket["result"] == Json("Seal replaced."));
  CHECK(office.house.command(cmd("verify"))["good"] == Json(true));
}

TEST_CASE("messages have ids, the description is the first of them, and both are edited by theirs", "[server][api]") {
  Office office;
  const std::int64_t id = office.ticket();
  const Json written = office.good(act("add_message", {{"ticket_id", Json(id)}, {"message", Json("one")}}));
  const auto messages = [&] { return office.good(act("get_ticket", {{"ticket_id", Json(id)}}))["messages"]; };
  const Json first = messages().items()[0];
  CHECK(first["message"] == Json("In hall 2."));
  CHECK(first["author_type"] == Json("client"));
  CHECK(written["id"] != first["id"]);
  office.good(act("edit_message", {{"message_id", first["id"]}, {"message", Json("In hall 3.")}}));
  office.good(act("edit_message", {{"message_id", written["id"]}, {"message", Json("two")}}));
  CHECK(office.good(act("get_ticket", {{"ticket_id", Json(id)}}))["ticket"]["description"] == Json("In hall 3."));
  CHECK(messages().items()[1]["message"] == Json("two"));
  CHECK(messages().items()[1].find("edited_at") != nullptr);
  office.good(act("delete_message", {{"message_id", written["id"]}}));
  CHECK(messages().items()[1]["message"] == Json(""));
  CHECK(office.good(act("list_tickets"))["tickets"].items()[0]["message_count"] == Json(2));
  CHECK(office.ask(act("edit_message", {{"message_id", Json(999)}, {"message", Json("x")}})).status == 400);
  CHECK(office.house.command(cmd("verify"))["good"] == Json(true));
}

TEST_CASE("a key without an operator acts under its own name, which the history tells", "[server][api]") {
  Office office;
  const std::int64_t id = office.ticket();
  const Json written = office.good(act("add_message", {{"ticket_id", Json(id)}, {"message", Json("one")}}));
  CHECK(written["author_name"] == Json("Monitoring"));
  CHECK(written["author_type"] == Json("support"));
  const Json ticket = office.house.command(cmd("export"))["rows"].items()[0];
  CHECK(ticket["messages"].items()[0]["author"] == Json("Monitoring"));
  const Json done = office.house.command(cmd("api get_ticket", {{"ticket_id", Json(id)}}));  // at the machine itself
  CHECK(done["messages"].size() == 2);
  office.house.command(cmd("api complete_ticket", {{"ticket_id", Json(id)}, {"result", Json("done")}}));
  CHECK(office.good(act("get_ticket", {{"ticket_id", Json(id)}}))["ticket"]["status"] == Json("done"));
}

TEST_CASE("a key that is nobody changes what it wrote itself, and nobody else's messages", "[server][api][security]") {
  Office office;
  const std::int64_t id = office.ticket();
  const auto key = [&](const char* name, std::initializer_list<Json::Member> more = {}) {
    Json asked = cmd("key add", more);
    asked.set("name", Json(name));
    return office.house.command(asked)["key"].as_string();
  };
  const auto say = [&](const char* text) {
    return office.good(act("add_message", {{"ticket_id", Json(id)}, {"message", Json(text)}}))["id"];
  };
  const std::string first = office.key, second = key("Second"), ann = key("Ann's", {{"operator_id", Json("ann")}});
  office.key = ann;
  const Json hers = say("from ann");
  office.key = second;
  const Json others = say("from the second key");
  office.key = first;
  const Json own = say("from the first key");
  for (const Json& message : {hers, others}) {
    const auto edit = office.ask(act("edit_message", {{"message_id", message}, {"message", Json("not mine")}}));
    CHECK(edit.status == 403);
    CHECK(said(edit) == "not_permitted");
    CHECK(said(edit, "field") == "message_id");
    CHECK(office.ask(act("delete_message", {{"message_id", message}})).status == 403);
  }
  CHECK(office.ask(act("edit_message", {{"message_id", own}, {"message", Json("mine")}})).status == 200);
  const Json messages = office.good(act("get_ticket", {{"ticket_id", Json(id)}}))["messages"];
  CHECK(messages.items()[1]["message"] == Json("from ann"));
  CHECK(messages.items()[2]["message"] == Json("from the second key"));
  CHECK(messages.items()[3]["message"] == Json("mine"));
  office.key = ann;  // a supervisor
  office.good(act("edit_message", {{"message_id", own}, {"message", Json("ann's")}}));
}

TEST_CASE("what a merged ticket refuses is not written, and what is said to it shows on the other one",
          "[server][api]") {
  Office office({{"operator_id", Json("ann")}});
  const std::int64_t from = office.ticket("Pump"), into = office.ticket("Pump again"), last = office.ticket("Pumps");
  const auto say = [&](const char* text) {
    return office.good(act("add_message", {{"ticket_id", Json(from)}, {"message", Json(text)}}))["id"];
  };
  const Json before = say("before");
  const auto merge = [&](std::int64_t source, std::int64_t target) {
    return office.ask(act("merge_tickets", {{"ticket_id", Json(source)}, {"target_id", Json(target)}}));
  };
  CHECK(merge(from, into).status == 200);
  const auto commits = [&] { return office.house.command(cmd("status"))["rows"].items().front()["commit_seq"]; };
  const Json seq = commits();
  const Json shown = office.good(act("get_ticket", {{"ticket_id", Json(from)}}));
  const auto refused = [&](const char* action, std::initializer_list<Json::Member> more = {}) {
    Json asked = act(action, more);
    if (asked.find("message_id") == nullptr) asked.set("ticket_id", Json(from));
    const auto answer = office.ask(asked);
    INFO(action << " -> " << answer.body);
    CHECK(answer.status == 400);
    CHECK(said(answer) == "bad_transition");
    CHECK(said(answer, "error").find("merged into another one") != std::string::npos);
  };
  refused("update_ticket", {{"subject", Json("other")}});
  refused("update_ticket", {{"assigned_to", Json(1)}, {"category", Json("made-for-nothing")}});
  refused("take_ticket");
  refused("complete_ticket");
  refused("add_ticket_tag", {{"tag", Json("pump")}});
  refused("merge_tickets", {{"target_id", Json(last)}});
  refused("delete_ticket");
  refused("bulk_delete_tickets", {{"ticket_ids", Json::array({Json(last), Json(from)})}});
  refused("edit_message", {{"message_id", before}, {"message", Json("after")}});
  refused("edit_message", {{"message_id", shown["messages"].items()[0]["id"]}, {"message", Json("after")}});
  CHECK(commits() == seq);
  CHECK(office.good(act("get_ticket", {{"ticket_id", Json(from)}})) == shown);

  say("after");
  CHECK(merge(into, last).status == 200);
  for (const std::int64_t target : {into, last}) {
    const Json messages = office.good(act("get_ticket", {{"ticket_id", Json(target)}}))["messages"];
    REQUIRE(messages.size() == 3);
    CHECK(messages.items()[1] == office.good(act("get_ticket", {{"ticket_id", Json(from)}}))["messages"].items()[1]);
    CHECK(messages.items()[2]["message"] == Json("after"));
  }
}

TEST_CASE("what is wrong goes by the name of the parameter that says it", "[server][api]") {
  Office office({{"operator_id", Json("ann")}});
  const Json id(office.ticket());
  const auto field = [&](const char* action, std::initializer_list<Json::Member> members) {
    const auto answer = office.ask(act(action, members));
    INFO(answer.body);
    CHECK((answer.status == 400 || answer.status == 413));
    return said(answer, "field");
  };
  const std::string long_text(9'000, 'x');
  CHECK(field("complete_ticket", {{"ticket_id", id}, {"result", Json(long_text)}}) == "result");
  CHECK(field("hold_ticket", {{"ticket_id", id}, {"reason", Json(long_text)}}) == "reason");
  CHECK(field("add_ticket_tag", {{"ticket_id", id}, {"tag", Json(long_text)}}) == "tag");
  CHECK(field("add_ticket_tag", {{"ticket_id", id}, {"tag_id", Json(99)}}) == "tag_id");
  CHECK(field("update_ticket", {{"ticket_id", id}, {"status", Json("estimated")}}) == "status");
  CHECK(field("create_ticket", {{"subject", Json(long_text)}, {"description", Json("x")}}) == "subject");
  // Required is what can be seen.
  CHECK(field("create_ticket", {{"subject", Json("  ")}, {"description", Json("x")}}) == "subject");
  CHECK(field("add_message", {{"ticket_id", id}, {"message", Json(" \n\t")}}) == "message");
  CHECK(office.good(act("list_tickets"))["total"] == Json(1));
  CHECK(office.good(act("get_ticket", {{"ticket_id", id}}))["messages"].size() == 1);
}

TEST_CASE("what an integrator may is what their key may", "[server][api]") {
  Office office;
  office.house.add_operator("ida", "integrator");
  office.key =
      office.house.command(cmd("key add", {{"name", Json("Ida's")}, {"operator_id", Json("ida")}}))["key"].as_string();
  const Json id(office.ticket());
  const Json written = office.good(act("add_message", {{"ticket_id", id}, {"message", Json("one")}}));
  CHECK(written["author_name"] == Json("Ida's"));
  CHECK(said(office.ask(act("take_ticket", {{"ticket_id", id}}))) == "operator_required");
  CHECK(said(office.ask(act("delete_ticket", {{"ticket_id", id}}))) == "operator_required");
  office.house.command(cmd("operator disable", {{"operator", Json("ida")}}));
  CHECK(said(office.ask(act("list_tickets"))) == "not_permitted");
}

TEST_CASE("an estimate shows its hours and its words", "[server][api]") {
  Office office({{"operator_id", Json("ann")}});
  const Json id(office.ticket());
  const auto estimate = [&](std::initializer_list<Json::Member> members) {
    Json asked = act("set_estimate", members);
    asked.set("ticket_id", id);
    return office.good(asked)["estimate"];
  };
  CHECK(estimate({{"hours", Json(1.5)}, {"description", Json("A new seal.")}}) ==
        Json::object({{"hours", Json(1.5)}, {"description", Json("A new seal.")}}));
  office.good(act("update_ticket", {{"ticket_id", id}, {"status", Json("in_progress")}}));
  CHECK(estimate({{"hours", Json("2.5")}}) == Json::object({{"hours", Json(2.5)}, {"description", Json()}}));
}

TEST_CASE("a client's ticket is waited for from the start, and only who is somebody answers it", "[server][api][sla]") {
  Office office;
  office.house.command(cmd("organisation add", {{"name", Json("Client")}, {"portal_domain", Json("client.example")}}));
  const auto make = [&](std::initializer_list<Json::Member> more) {
    Json asked = act("create_ticket", more);
    asked.set("subject", Json("Pump"));
    asked.set("description", Json("It leaks."));
    return office.good(asked);
  };
  const Json theirs = make({{"portal_domain", Json("client.example")}}), nobodys = make({});
  const auto shown = [&](const Json& made) {
    return office.good(act("get_ticket", {{"ticket_id", made["id"]}}))["ticket"]["sla_response_at"];
  };
  CHECK(shown(theirs).is_string());
  CHECK(shown(nobodys).is_null());
  const auto answered = [&] {
    const Json clock = office.house.command(cmd("sla explain", {{"ticket", theirs["number"]}}))["clock"];
    std::string lines;
    for (const Json& line : clock.items()) lines += line.as_string() + "\n";
    const auto begin = lines.find("first_response"), end = lines.find("\nresolution", begin);
    REQUIRE(begin != std::string::npos);
    return lines.substr(begin, end - begin).find(" met: ") != std::string::npos;
  };
  const auto reply = [&] {
    office.good(act("add_message", {{"ticket_id", theirs["id"]}, {"message", Json("Somebody is on the way.")}}));
  };
  reply();
  CHECK_FALSE(answered());
  office.key =
      office.house.command(cmd("key add", {{"name", Json("Ann's")}, {"operator_id", Json("ann")}}))["key"].as_string();
  reply();
  CHECK(answered());
}

TEST_CASE("lists show what their filters say, in pages with a total", "[server][api]") {
  Office office({{"operator_id", Json("ann")}});
  office.house.command(cmd("organisation add", {{"name", Json("Client")}, {"portal_domain", Json("client.example")}}));
  for (int i = 0; i < 5; ++i) office.ticket("Pump " + std::to_string(i));
  office.good(act("create_ticket", {{"subject", Json("Насос течёт")},
                                    {"description", Json("x")},
                                    {"category", Json("infrastructure")},
                                    {"priority", Json("urgent")},
                                    {"portal_domain", Json("Client.Example")}}));
  const auto total = [&](std::initializer_list<Json::Member> filter) {
    return office.good(act("list_tickets", filter))["total"].as_integer();
  };
  CHECK(total({}) == 6);
  CHECK(total({{"search", Json("НАСОС")}}) == 1);
  CHECK(total({{"search", Json("hall 2")}}) == 5);
  CHECK(total({{"portal_domain", Json("client.example")}}) == 1);
  CHECK(total({{"category", Json("infrastructure")}}) == 1);
  CHECK(total({{"category", Json("nothing")}}) == 0);
  CHECK(total({{"priority", Json("urgent")}}) == 1);
  CHECK(total({{"status", Json("done")}}) == 0);
  CHECK(total({{"status", Json("new")}}) == 6);
  const Json page = office.good(act("list_tickets", {{"limit", Json(4)}, {"page", Json(2)}}));
  CHECK(page["tickets"].size() == 2);
  CHECK(page["total"] == Json(6));
  CHECK(page["tickets"].items()[1]["subject"] == Json("Pump 0"));
  CHECK(said(office.ask(act("list_tickets", {{"portal_domain", Json("nobody.example")}}))) == "client_unknown");
}

TEST_CASE("merged and deleted tickets go, by supervisors alone", "[server][api]") {
  Office office({{"operator_id", Json("ann")}});
  const std::int64_t a = office.ticket(), b = office.ticket(), c = office.ticket(), d = office.ticket();
  office.good(act("merge_tickets", {{"ticket_id", Json(b)}, {"target_id", Json(a)}}));
  CHECK(office.good(act("get_ticket", {{"ticket_id", Json(b)}}))["ticket"]["status"] == Json("closed"));
  CHECK(office.ask(act("merge_tickets", {{"ticket_id", Json(a)}, {"target_id", Json(99)}})).status == 400);
  CHECK(office.ask(act("bulk_delete_tickets", {{"ticket_ids", Json::array({Json(c), Json(99)})}})).status == 400);
  CHECK(office.ask(act("get_ticket", {{"ticket_id", Json(c)}})).status == 200);  // all or none
  const Json gone = office.good(act("bulk_delete_tickets", {{"ticket_ids", Json::array({Json(c), Json(d)})}}));
  CHECK(gone["deleted"] == Json(2));
  CHECK(office.ask(act("get_ticket", {{"ticket_id", Json(c)}})).status == 400);
  CHECK(office.good(act("list_tickets"))["total"] == Json(2));
  CHECK(office.good(act("dashboard"))["total_open"] == Json(1));
}

}  // namespace tern::test
