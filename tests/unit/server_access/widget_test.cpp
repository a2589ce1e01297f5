// Visitors who write through a widget.
#include <set>

#include "api/widgets.hpp"
#include "office.hpp"

namespace tern::test {
namespace {

struct Shop : Office {
  std::string widget;

  Shop() : Office({{"operator_id", Json("ann")}}) { widget = widget_of("Shop", "https://shop.example"); }

  std::string widget_of(const char* name, const char* origin) {
    return house.command(cmd("widget add", {{"name", Json(name)}, {"origins", Json::array({Json(origin)})}}))["key"]
        .as_string();
  }
  server::Response visit(Json request, std::vector<server::Header> headers = {},
                         const std::string& path = "/api/widget.php") {
    if (request.find("api_key") == nullptr) request.set("api_key", Json(widget));
    const std::string mine = std::exchange(key, {});
    const auto answer = send(to_text(request), path, "application/json", std::move(headers));
    key = mine;
    return answer;
  }
  Json shows(const Json& request) {
    const auto answer = visit(request);
    INFO(to_text(request) << " -> " << answer.body);
    REQUIRE(answer.status == 200);
    return must(parse_json(answer.body, {.decimals = true}))["data"];
  }
};

Json writes(const char* email = "joe@visitor.example", const char* subject = "The pump leaks") {
  return act("create_ticket", {{"name", Json("Joe")},
                               {"email", Json(email)},
                               {"phone", Json("+7 701 000 00 00")},
                               {"subject", Json(subject)},
                               {"description", Json("In hall 2.")}});
}
Json on(const char* action, const Json& ticket, const char* email = "joe@visitor.example") {
  Json out = act(action, {{"ticket_id", ticket}, {"email", Json(email)}});
  if (action == std::string("add_reply")) out.set("message", Json("It is pump 7."));
  return out;
}

}  // namespace

TEST_CASE("a visitor writes, and reads the answer under the name that the ticket was given", "[server][api][widget]") {
  Shop shop;
  const Json made = shop.shows(writes());
  CHECK(made["id"] == made["ticket_id"]);
  CHECK(made["status"] == Json("new"));
  const Json id = shop.good(act("list_tickets"))["tickets"].items().front()["id"];
  shop.good(act("add_message", {{"ticket_id", id}, {"message", Json("CANARY-NOTE")}, {"is_note", Json(true)}}));
  shop.good(act("add_message", {{"ticket_id", id}, {"message", Json("Somebody comes.")}}));
  CHECK(shop.shows(on("add_reply", made["id"]))["author_name"] == Json("Joe"));
  const auto read = shop.visit(on("get_messages", made["id"]));
  CHECK(read.body.find("CANARY") == std::string::npos);
  CHECK(must(parse_json(read.body))["data"].size() == 3);
  shop.good(act("complete_ticket", {{"ticket_id", id}}));
  CHECK(shop.shows(on("check_status", made["id"], "JOE@visitor.example"))["status"] == Json("done"));
  const Json seen = shop.good(act("get_ticket", {{"ticket_id", id}}));
  CHECK(seen["ticket"]["creator_name"] == Json("Joe"));
  CHECK(seen["messages"].items().front()["author_type"] == Json("client"));
  bool found = false;
  const Json contacts = shop.good(act("list_contacts"));
  for (const Json& contact : contacts.items()) found = found || contact["email"] == Json("joe@visitor.example");
  CHECK(found);
  CHECK(shop.house.command(cmd("verify"))["good"].as_bool(true));
}

TEST_CASE("a ticket's number opens nothing through a widget, and every wrong name gets one answer",
          "[server][api][widget][security]") {
  Shop shop;
  const std::string name = shop.shows(writes())["id"].as_string();
  const std::string other = shop.shows(writes("eve@visitor.example", "Another"))["id"].as_string();
  const Json id = shop.good(act("list_tickets"))["tickets"].items().front()["id"];
  std::string longer = name + "00", flipped = name;
  flipped.back() = flipped.back() == '0' ? '1' : '0';
  const std::string crossed = name.substr(0, 35) + other.substr(35);
  std::set<std::string> answers;
  for (const char* action : {"check_status", "get_messages", "add_reply"}) {
    for (const Json& wrong : {Json(to_text(id)), id, Json("T-2023-0001"), Json(longer), Json(flipped), Json(crossed),
                              Json("wt_"), Json(name.substr(0, 35))}) {
      const auto answer = shop.visit(on(action, wrong));
      INFO(answer.body);
      CHECK(answer.status == 400);
      answers.insert(said(answer) + said(answer, "error"));
      shop.house.environment.advance(10'000);
    }
    const auto answer = shop.visit(on(action, Json(name), "eve@visitor.example"));  // of another address
    answers.insert(said(answer) + said(answer, "error"));
    shop.house.environment.advance(10'000);
  }
  CHECK(answers.size() == 1);
  shop.good(act("delete_ticket", {{"ticket_id", Json(1)}}));
  const auto gone = shop.visit(on("check_status", Json(name)));
  CHECK(answers.contains(said(gone) + said(gone, "error")));
}

TEST_CASE("a widget's key is for its pages, its door and its organisation, until it is revoked",
          "[server][api][widget][security]") {
  Shop shop;
  const auto from = [&](const char* origin) { return shop.visit(writes(), {{"origin", origin}}); };
  const auto own = from("https://shop.example");
  CHECK(own.status == 200);
  CHECK(own.header("access-control-allow-origin") == "https://shop.example");
  for (const char* foreign :
       {"https://evil.example", "http://shop.example", "https://shop.example.evil.example", "null"}) {
    CHECK(said(from(foreign)) == "origin");
    CHECK(from(foreign).header("access-control-allow-origin").empty());
  }
  const auto preflight = [&](const char* origin) {
    server::Request request;
    request.method = "OPTIONS";
    request.target = "/api/widget.php";
    request.headers = {{"origin", origin}};
    return shop.house.send(request).status;
  };
  CHECK(preflight("https://shop.example") == 204);
  CHECK(preflight("https://evil.example") == 403);
  Json without = writes();
  without.set("api_key", Json(""));
  CHECK(said(shop.visit(without)) == "key_required");
  for (const char* none : {"wk_", "wk_00", "x", "wk_00112233445566778899aabbccddeeff"}) {
    without.set("api_key", Json(none));
    CHECK(said(shop.visit(without)) == "key_unknown");
  }
  without.set("api_key", Json(shop.key));
  CHECK(said(shop.visit(without)) == "key_unknown");
  CHECK(said(shop.ask(writes(), "/api/widget.php")) == "not_permitted");  // with an API key
  Json at_admin = act("list_tickets", {{"api_key", Json(shop.widget)}});
  const auto refused = shop.visit(at_admin, {}, "/api/admin.php");
  CHECK(said(refused) == "not_permitted");
  CHECK(said(refused, "error").find("/api/widget.php") != std::string::npos);
  const std::string mine = std::exchange(shop.key, shop.widget);
  CHECK(said(shop.ask(act("list_tickets"))) == "key_unknown");
  shop.key = mine;
  shop.house.environment.advance(60'000);
  for (const char* action : {"list_tickets", "get_ticket", "update_ticket", "create_api_key"})
    CHECK(said(shop.visit(act(action, {{"ticket_id", Json(1)}}))) == "not_found");

  shop.house.command(cmd("tenant add", {{"name", Json("Elsewhere")}}));
  const std::string name = shop.shows(writes("a@b.example"))["id"].as_string();
  Json there = cmd("widget add", {{"name", Json("Shop")}, {"origins", Json::array({Json("https://shop.example")})}});
  there.set("tenant", Json("Elsewhere"));
  Json across = on("check_status", Json(name), "a@b.example");
  across.set("api_key", shop.house.command(there)["key"]);
  CHECK(said(shop.visit(across)) == "not_found");
  Json second = on("check_status", Json(name), "a@b.example");
  Json more = cmd("widget add", {{"name", Json("Second")}, {"origins", Json::array({Json("https://shop.example")})}});
  more.set("tenant", Json("Pumps"));
  second.set("api_key", shop.house.command(more)["key"]);
  CHECK(said(shop.visit(second)) == "not_found");  // a name is of the widget that gave it

  Json keys = cmd("key list");
  keys.set("tenant", Json("Pumps"));
  CHECK(shop.house.command(keys).size() == 1);  // widgets are no API keys
  Json revoke = cmd("widget revoke", {{"widget", Json("Shop")}});
  revoke.set("tenant", Json("Pumps"));
  shop.house.command(revoke);
  CHECK(said(shop.visit(writes())) == "key_revoked");
}

TEST_CASE("an address writes few tickets an hour and asks seldom, others are not kept waiting by it",
          "[server][api][widget][security]") {
  Shop shop;
  for (int i = 0; i < 10; ++i) CHECK(shop.visit(writes()).status == 200);
  const auto refused = shop.visit(writes());
  CHECK(refused.status == 429);
  CHECK(refused.header("retry-after") == "360");
  shop.house.peer = "198.51.100.7";
  CHECK(shop.visit(writes()).status == 200);
  int asked = 1;
  while (shop.visit(on("check_status", Json("wt_00"))).status != 429) ++asked;
  CHECK(asked == 30);
  shop.house.environment.advance(60'000);
  CHECK(shop.visit(on("check_status", Json("wt_00"))).status == 400);
  CHECK(server::bucket_of_address("2001:db8:1:2:3:4:5:6") == server::bucket_of_address("2001:db8:1:2:ffff::1"));
  CHECK(server::bucket_of_address("2001:db8:1:2:3:4:5:6") != server::bucket_of_address("2001:db8:1:3:3:4:5:6"));
  CHECK(server::bucket_of_address("192.0.2.1") != server::bucket_of_address("192.0.2.2"));
}

TEST_CASE("what a visitor says of themselves is an address, a name and a number, or nothing is made of it",
          "[server][api][widget][hostile]") {
  Shop shop;
  const auto with = [&](const char* member, const std::string& value) {
    Json request = writes();
    request.set(member, Json(value));
    shop.house.environment.advance(360'000);
    return shop.visit(request);
  };
  for (const std::string& bad : {std::string("joe"), std::string("joe@"), std::string("@x"), std::string("a b@c"),
                                 std::string("a@b@c"), "a@" + std::string(254, 'x'), std::string("a@b\n")})
    CHECK(said(with("email", bad), "field") == "email");
  CHECK(said(with("name", std::string(201, 'x')), "field") == "name");
  CHECK(said(with("name", "two\nlines"), "field") == "name");
  CHECK(said(with("phone", std::string(65, '1')), "field") == "phone");
  CHECK(said(with("phone", "1\r\n2"), "field") == "phone");
  CHECK(said(with("subject", "")) == "invalid");
  CHECK(shop.good(act("list_tickets"))["total"] == Json(0));
  for (const char* origin : {"shop.example", "https://", "https://shop.example/path", "ftp://shop.example", "*"})
    CHECK(code_of(shop.house, cmd("widget add", {{"name", Json("x")}, {"origins", Json::array({Json(origin)})}})) ==
          ErrorCode::invalid);
  CHECK(code_of(shop.house, cmd("widget add", {{"name", Json("x")}, {"origins", Json::array()}})) == ErrorCode::usage);
}

}  // namespace tern::test
