// Who is let in at the API, and to what: keys, sessions, scopes, plans, rights.
#include "office.hpp"

namespace tern::test {

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

TEST_CASE("keys with the scope for it look after the webhooks of whom they act as, administrators all of them",
          "[server][api][outgoing][security]") {
  Office office;
  office.house.add_operator("sue", "supervisor");
  office.house.add_operator("tom", "supervisor");
  const auto act_as = [&](const char* name, const char* scope = "webhooks") {
    const Json asked = cmd("key add", {{"name", Json(std::string(name) + scope)},
                                       {"operator_id", Json(name)},
                                       {"scopes", Json::array({Json(scope)})}});
    office.key = office.house.command(asked)["key"].as_string();
  };
  const Json url("https://billing.example/tern"),
      add = act("create_webhook", {{"name", Json("Billing")}, {"url", url}});
  CHECK(said(office.ask(add)) == "operator_required");
  act_as("sue", "read");
  CHECK(said(office.ask(add)) == "scope_missing");
  act_as("sue");
  const auto once = [&](const Json& asked) {
    return office.send(to_text(asked), "/api/admin.php", "application/json", {{"idempotency-key", "b1"}});
  };
  const auto first = once(add), second = once(add);
  REQUIRE(first.status == 200);
  const Json hook = must(parse_json(first.body))["data"], again = must(parse_json(second.body))["data"];
  CHECK(hook["owner"] == Json("sue"));
  CHECK(hook["secret"].as_string().size() == 32);
  CHECK(again["id"] == hook["id"]);
  CHECK(again["secret"].is_null());
  CHECK(said(office.ask(act("create_webhook", {{"name", Json("T")}, {"url", url}, {"owner", Json("tom")}}))) ==
        "not_permitted");
  CHECK(said(office.ask(act("create_webhook", {{"name", Json("T")}, {"url", Json("http://a.example")}}))) == "invalid");
  CHECK(said(office.ask(act("create_webhook", {{"name", Json("billing")}, {"url", url}, {"events", Json("x")}}))) ==
        "invalid");
  const Json rotated = office.good(act("rotate_webhook_secret", {{"webhook_id", hook["id"]}}));
  CHECK(rotated["secret"].as_string().size() == 32);
  CHECK(rotated["secret"] != hook["secret"]);
  const Json changed = office.good(act("update_webhook", {{"webhook_id", hook["id"]},
                                                          {"url", Json("https://b.example/t")},
                                                          {"events", Json::array({Json("ticket.resolved")})},
                                                          {"rename", Json("B")},
                                                          {"active", Json("false")}}));
  CHECK(changed["url"] == Json("https://b.example/t"));
  CHECK(changed["name"] == Json("B"));
  CHECK(changed["events"].size() == 1);
  CHECK(changed["active"] == Json(false));
  CHECK(said(office.ask(act("test_webhook", {{"webhook_id", hook["id"]}}))) == "invalid");  // it is off
  office.good(act("update_webhook", {{"webhook_id", hook["id"]}, {"active", Json("true")}}));
  office.good(act("test_webhook", {{"webhook_id", hook["id"]}}));
  CHECK(office.good(act("list_webhook_deliveries", {{"webhook_id", hook["id"]}}))["rows"].size() == 1);

  act_as("tom");
  CHECK(office.good(act("list_webhooks"))["rows"].size() == 0);
  for (const char* action : {"update_webhook", "delete_webhook", "rotate_webhook_secret", "list_webhook_deliveries"})
    CHECK(said(office.ask(act(action, {{"webhook_id", hook["id"]}}))) == "not_found");

  act_as("admin@pumps.example");
  CHECK(office.good(act("list_webhooks"))["rows"].size() == 1);
  CHECK(office.good(act("update_webhook", {{"webhook_id", Json("B")}, {"owner", Json("tom")}}))["owner"] ==
        Json("tom"));
  CHECK(office.good(act("delete_webhook", {{"webhook_id", hook["id"]}}))["removed"] == Json(true));
  CHECK(office.good(act("list_webhooks"))["rows"].size() == 0);
  CHECK(office.house.command(cmd("verify"))["findings"].size() == 0);
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

TEST_CASE("each key has its requests a minute, and is told when to come back", "[server][api][I33]") {
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

}  // namespace tern::test
