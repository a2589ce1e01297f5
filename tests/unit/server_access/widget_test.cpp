// Visitors who write through a widget.
#include <set>

#include "api/widgets.hpp"
#include "office.hpp"
#include "sending_room.hpp"
#include "support/persist.hpp"

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

TEST_CASE("a visitor writes, and reads the answer by the number of the ticket and their address",
          "[server][api][widget]") {
  Shop shop;
  const Json made = shop.shows(writes());
  CHECK(made["ticket_id"].is_integer());
  CHECK(made["id"] == made["ticket_id"]);
  CHECK(made["status"] == Json("new"));
  const Json id = shop.good(act("list_tickets"))["tickets"].items().front()["id"];
  CHECK(made["id"] == id);
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

TEST_CASE("number and address open a ticket together, and whatever is wrong of them gets one answer",
          "[server][api][widget][security]") {
  Shop shop;
  const Json id = shop.shows(writes())["id"], other = shop.shows(writes("eve@visitor.example", "Another"))["id"];
  const Json of_desk(shop.ticket());
  shop.good(act("delete_ticket", {{"ticket_id", other}}));
  struct Wrong {
    Json ticket;
    const char* email;
  };
  std::set<std::string> answers;
  for (const char* action : {"check_status", "get_messages", "add_reply"}) {
    for (const Wrong& wrong : {Wrong{id, "eve@visitor.example"},
                               {other, "joe@visitor.example"},
                               {other, "eve@visitor.example"},  // deleted
                               {of_desk, "joe@visitor.example"},
                               {Json(99), "joe@visitor.example"},
                               {Json(0), "joe@visitor.example"},
                               {Json(-1), "joe@visitor.example"}}) {
      const auto answer = shop.visit(on(action, wrong.ticket, wrong.email));
      INFO(to_text(wrong.ticket) << " " << wrong.email << " " << answer.body);
      CHECK(answer.status == 400);
      answers.insert(said(answer) + said(answer, "error"));
      shop.house.environment.advance(900'000);
    }
  }
  CHECK(answers == std::set<std::string>{"not_foundThere is no such ticket of this address."});
  for (const char* none : {"T-2023-0001", "wt_00", "1.5"})
    CHECK(said(shop.visit(on("check_status", Json(none))), "field") == "ticket_id");
  CHECK(shop.visit(on("check_status", Json(to_text(id)), "JOE@visitor.example")).status == 200);
}

TEST_CASE("a ticket of nobody's widget is opened by none, whoever's address it bears",
          "[server][api][widget][security]") {
  Shop shop;
  const Json own = shop.shows(writes())["id"], of_desk(shop.ticket());
  // The desk has it that the same visitor is the contact: what was not written through the form stays with the desk.
  Json telephone =
      act("create_ticket", {{"subject", Json("By telephone")},
                            {"description", Json("Joe called.")},
                            {"conversation", Json::object({{"id", Json("1")},
                                                           {"channel", Json("telephone")},
                                                           {"customer_email", Json("joe@visitor.example")}})}});
  const Json called = shop.good(telephone)["id"];
  for (const Json& ticket : {of_desk, called}) CHECK(said(shop.visit(on("get_messages", ticket))) == "not_found");
  CHECK(shop.visit(on("get_messages", own)).status == 200);
}

TEST_CASE("a ticket may be guessed at five times an hour, an address may guess sixty times",
          "[server][api][widget][security]") {
  Shop shop;
  const Json made = shop.shows(writes());
  const Json& id = made["id"];
  const auto guess = [&](const Json& ticket, const char* email) {
    return shop.visit(on("check_status", ticket, email));
  };
  for (int i = 0; i < 20; ++i) CHECK(guess(id, "joe@visitor.example").status == 200);  // being right is no try
  shop.house.environment.advance(60'000);
  for (int i = 0; i < 5; ++i) CHECK(said(guess(id, "eve@visitor.example")) == "not_found");
  shop.house.environment.advance(600'000);
  shop.house.peer = "198.51.100.7";  // of whatever address
  const auto refused = guess(id, "joe@visitor.example");
  CHECK(refused.status == 429);
  CHECK(refused.header("retry-after") == "3000");
  for (int i = 0; i < 5; ++i) CHECK(said(guess(Json(77), "joe@visitor.example")) == "not_found");
  CHECK(guess(Json(77), "joe@visitor.example").status == 429);  // there being none makes no difference
  Json by_secret = on("check_status", id);
  by_secret.set("ticket_secret", made["ticket_secret"]);
  CHECK(shop.visit(by_secret).status == 200);  // strangers keep nobody from their ticket
  shop.house.environment.advance(3'000'000);
  CHECK(guess(id, "joe@visitor.example").status == 200);

  shop.house.peer = "203.0.113.9";
  for (int i = 0; i < 60; ++i) {
    CHECK(said(guess(Json(1'000 + i), "joe@visitor.example")) == "not_found");
    shop.house.environment.advance(5'000);
  }
  CHECK(guess(Json(2'000), "joe@visitor.example").status == 429);
  CHECK(guess(id, "joe@visitor.example").status == 429);
  shop.house.peer = "203.0.114.9";
  CHECK(guess(id, "joe@visitor.example").status == 200);
}

TEST_CASE("a ticket's secret is offered, and demanded where an organisation wants that",
          "[server][api][widget][security]") {
  Shop shop;
  const Json made = shop.shows(writes()), other = shop.shows(writes("eve@visitor.example", "Another"));
  const std::string secret = made["ticket_secret"].as_string();
  const auto with = [&](const char* action, const std::string& text, const char* email = "joe@visitor.example") {
    Json request = on(action, made["id"], email);
    request.set("ticket_secret", Json(text));
    shop.house.environment.advance(10'000);
    return shop.visit(request);
  };
  std::string flipped = secret;
  flipped.back() = flipped.back() == '0' ? '1' : '0';
  for (const bool demanded : {false, true}) {
    if (demanded) {
      Json set = cmd("widget set", {{"widget", Json("Shop")}, {"ticket-secret", Json("demanded")}});
      CHECK(shop.house.command(set)["ticket_secret"] == Json("demanded"));
    }
    for (const char* action : {"check_status", "get_messages", "add_reply"}) {
      INFO(action);
      CHECK(with(action, secret).status == 200);
      for (const std::string& wrong : {flipped, secret + "00", std::string("wt_"), other["ticket_secret"].as_string()})
        CHECK(said(with(action, wrong)) == "not_found");
      CHECK(said(with(action, secret, "eve@visitor.example")) == "not_found");
      const auto without = with(action, "");
      CHECK(without.status == (demanded ? 400 : 200));
      CHECK(said(without, "field") == (demanded ? "ticket_secret" : ""));
    }
  }
  Json none = on("check_status", Json(99));  // and says nothing of what there is
  CHECK(said(shop.visit(none), "error") == said(with("check_status", ""), "error"));
  shop.house.command(cmd("widget set", {{"widget", Json("Shop")}, {"ticket-secret", Json("offered")}}));
  CHECK(with("check_status", "").status == 200);
  CHECK(shop.visit(on("check_status", other["id"])).status == 400);
  CHECK(code_of(shop.house, cmd("widget set", {{"widget", Json("None")}, {"ticket-secret", Json("offered")}})) ==
        ErrorCode::not_found);
  CHECK(shop.house.command(cmd("verify"))["good"].as_bool(true));
}

TEST_CASE("a widget's key is for its pages, its door and its organisation, until it is revoked",
          "[server][api][widget][security]") {
  const NothingFails once;
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
  const Json made = shop.shows(writes("a@b.example"));
  Json there = cmd("widget add", {{"name", Json("Shop")}, {"origins", Json::array({Json("https://shop.example")})}});
  there.set("tenant", Json("Elsewhere"));
  Json across = on("check_status", made["id"], "a@b.example");
  across.set("api_key", shop.house.command(there)["key"]);
  CHECK(said(shop.visit(across)) == "not_found");
  Json second = on("check_status", made["id"], "a@b.example");
  Json more = cmd("widget add", {{"name", Json("Second")}, {"origins", Json::array({Json("https://shop.example")})}});
  more.set("tenant", Json("Pumps"));
  second.set("api_key", shop.house.command(more)["key"]);
  CHECK(said(shop.visit(second)) == "not_found");  // a ticket is of the widget through which it was written
  second.set("ticket_secret", made["ticket_secret"]);
  CHECK(said(shop.visit(second)) == "not_found");

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
  while (shop.visit(on("check_status", Json(1'000 + asked))).status != 429) ++asked;
  CHECK(asked == 30);
  shop.house.environment.advance(60'000);
  CHECK(shop.visit(on("check_status", Json(1'000))).status == 400);
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

TEST_CASE("what opens a widget's tickets stands in no record: it comes back with a backup, and an older one is good",
          "[server][api][widget][security]") {
  const NothingFails once;
  Shop shop;
  const auto file_of = [&](const char* name) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(shop.house.options().directory))
      if (entry.path().filename() == name) return file_at(entry.path());
    return std::unique_ptr<sqlite::Database>();
  };
  const Json made = shop.shows(writes());
  const auto opens = [&] {
    Json request = on("check_status", made["id"]);
    request.set("ticket_secret", made["ticket_secret"]);
    shop.house.environment.advance(10'000);
    return shop.visit(request);
  };
  CHECK(opens().status == 200);
  const std::string backup = shop.house.folder.file("backup");
  shop.house.command(cmd("backup", {{"to", Json(backup)}}));
  shop.house.core.reset();
  must(server::ServerCore::administer_offline(
      shop.house.options(),
      cmd("restore",
          {{"from", Json(backup)}, {"recovery-key", Json(shop.house.recovery_key)}, {"replace", Json(true)}}),
      shop.house.environment));
  shop.house.reopen();
  CHECK(opens().status == 200);
  // As an older program left it: the record says the secret.
  shop.house.core.reset();
  Bytes id;
  std::string secret;
  {
    const auto kept = file_of("server.db");
    auto rows = must(kept->query("SELECT record_id, secret FROM channel_secret"));
    REQUIRE(must(rows.step()));
    id = Bytes(rows.blob(0));
    secret = rows.text(1);
  }
  must(file_of("server.db")->exec("DELETE FROM channel_secret"));
  shop.house.reopen();
  CHECK(said(opens()) == "key_unknown");  // nothing is made with no secret
  CHECK(said(shop.visit(writes())) == "key_unknown");
  shop.house.core.reset();
  {
    const auto ledger = file_of("tern.db");
    auto rows = must(ledger->query("SELECT data FROM record WHERE record_id = $1", sqlite::Blob{id}));
    REQUIRE(must(rows.step()));
    sync::Record record = must(sync::decode_record(rows.blob(0)));
    CHECK_FALSE(record.attributes.contains("ticket_secret"));
    record.attributes["ticket_secret"] = secret;
    must(ledger->run("UPDATE record SET data = $2 WHERE record_id = $1", sqlite::Blob{id},
                     sqlite::Blob{sync::encode_record(record)}));
  }
  shop.house.reopen();
  CHECK(opens().status == 200);
  CHECK(shop.visit(writes()).status == 200);
  // A widget that is revoked takes its secret along.
  shop.widget_of("Another", "https://another.example");
  const auto secrets = [&] {
    return must(file_of("server.db")->int64_of("SELECT count(*) FROM channel_secret")).value_or(-1);
  };
  CHECK(secrets() == 1);
  shop.house.command(cmd("widget revoke", {{"widget", Json("Another")}}));
  CHECK(secrets() == 0);
}

}  // namespace tern::test
