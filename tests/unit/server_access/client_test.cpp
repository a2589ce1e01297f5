// Customers with a token: what they see, what they do, and everything that they must not.
#include <map>
#include <set>

#include "api/client_tokens.hpp"
#include "office.hpp"
#include "panel.hpp"
#include "support/files.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/server/admin.hpp"
#include "tern/sqlite/database.hpp"
#include "tern/sync/ticket_state.hpp"

namespace tern::test {
namespace {

/// Two clients, their users, and an integration that makes their tokens.
struct Counter : Office {
  Counter() : Office({{"operator_id", Json("ann")}}) {
    client("Client Ltd", "client.example");
    client("Other Ltd", "other.example");
  }
  void client(const char* name, const char* portal) {
    house.command(cmd("organisation add", {{"name", Json(name)}, {"portal_domain", Json(portal)}}));
  }
  std::string token(int user, const char* portal = "client.example", int ttl = 86'400) {
    return good(act("create_client_token", {{"portal_domain", Json(portal)},
                                            {"user_id", Json(user)},
                                            {"user_name", Json("User " + std::to_string(user))},
                                            {"ttl", Json(ttl)}}))["token"]
        .as_string();
  }
  server::Response by(const std::string& token, const Json& request, std::vector<server::Header> headers = {},
                      const std::string& path = "/api/client.php") {
    const std::string mine = std::exchange(key, {});
    headers.push_back({"x-client-token", token});
    const auto answer = send(to_text(request), path, "application/json", std::move(headers));
    key = mine;
    return answer;
  }
  Json gives(const std::string& token, const Json& request) {
    const auto answer = by(token, request);
    INFO(to_text(request) << " -> " << answer.body);
    REQUIRE(answer.status == 200);
    return must(parse_json(answer.body, {.decimals = true}))["data"];
  }
  Json ticket_of(const std::string& token, const char* subject = "CRM stands still") {
    return gives(token,
                 act("create_ticket", {{"subject", Json(subject)}, {"description", Json("Since the update.")}}))["id"];
  }
};

Json of_ticket(const char* action, const Json& id) {
  return act(action, {{"ticket_id", id}});
}

std::set<std::string> names_in(const Json& object) {
  std::set<std::string> out;
  for (const auto& [name, value] : object.members()) out.insert(name);
  return out;
}

}  // namespace

TEST_CASE("a client sees the tickets of their own and no others, by none of the ways to them",
          "[server][api][client][security]") {
  Counter desk;
  const std::string john = desk.token(1), jane = desk.token(2), bill = desk.token(1, "other.example"),
                    nobody = desk.token(0), nobody_else = desk.token(0);
  const Json mine = desk.ticket_of(john, "Mine");
  const Json of_staff = desk.good(act(
      "create_ticket",
      {{"subject", Json("Of the desk")}, {"description", Json("x")}, {"portal_domain", Json("client.example")}}))["id"];
  const Json of_nobody = desk.ticket_of(nobody, "Of nobody");
  for (const std::string& token : {jane, bill, nobody_else}) {
    for (const char* action : {"get_ticket", "accept_ticket", "reopen_ticket", "approve_estimate"})
      for (const Json& id : {mine, of_staff, of_nobody}) {
        const auto answer = desk.by(token, of_ticket(action, id));
        CHECK(answer.status == 400);
        CHECK(said(answer) == "not_found");
        // A ticket of somebody else is answered like one that is not there.
        CHECK(said(answer, "error") == "There is no ticket " + to_text(id) + ".");
      }
    CHECK(said(desk.by(token, act("add_message", {{"ticket_id", mine}, {"message", Json("x")}}))) == "not_found");
    CHECK(desk.gives(token, act("list_tickets"))["total"] == Json(0));
    CHECK(desk.gives(token, act("list_tickets", {{"search", Json("update")}}))["total"] == Json(0));
    CHECK(desk.gives(token, act("list_tickets", {{"search", mine}}))["total"] == Json(0));
    CHECK(desk.gives(token, act("client_dashboard"))["total"] == Json(0));
  }
  CHECK(desk.gives(nobody, act("list_tickets"))["total"] == Json(1));
  const std::string john_again = desk.token(1);  // another token of the same user
  const Json list = desk.gives(john_again, act("list_tickets"));
  CHECK(list["total"] == Json(1));
  CHECK(list["tickets"].items().front()["subject"] == Json("Mine"));
  CHECK(desk.gives(john_again, act("list_tickets", {{"search", mine}}))["total"] == Json(1));
  CHECK(desk.gives(john_again, act("list_tickets", {{"status", Json("done")}}))["total"] == Json(0));
  CHECK(desk.gives(john, act("client_dashboard"))["total_new"] == Json(1));
  CHECK(desk.good(act("list_tickets", {{"portal_domain", Json("client.example")}}))["total"] == Json(3));
}

TEST_CASE("notes and what is the desk's own never reach a client", "[server][api][client][security]") {
  Counter desk;
  const std::string john = desk.token(1);
  const Json id = desk.ticket_of(john);
  Device device(desk.house, "ann", "all");
  must(device.open_session());
  desk.good(act("add_message", {{"ticket_id", id}, {"message", Json("CANARY-TEAM")}, {"is_note", Json(true)}}));
  desk.good(act("add_message", {{"ticket_id", id}, {"message", Json("We look into it.")}}));
  const auto patches = device.download();
  REQUIRE(patches.size() == 1);
  const TicketId ticket = must(sync::decode_state(patches.front().state())).id;
  sync::Change secret = device.change(sync::Intent::message, ticket);
  secret.visibility = sync::Visibility::restricted;
  secret.text = "CANARY-RESTRICTED";
  device.push(secret);
  desk.good(act("add_ticket_tag", {{"ticket_id", id}, {"tag", Json("canary-tag")}}));
  desk.good(act("hold_ticket", {{"ticket_id", id}, {"reason", Json("CANARY-HOLD")}}));
  desk.good(of_ticket("resume_ticket", id));
  desk.good(act("reassign_ticket", {{"ticket_id", id}, {"assigned_to", Json(1)}, {"reason", Json("CANARY-ASSIGN")}}));
  CHECK(desk.good(of_ticket("get_ticket", id))["messages"].size() == 4);
  std::string all;
  for (const Json& request :
       {of_ticket("get_ticket", id), act("list_tickets"), act("list_tickets", {{"search", Json("canary")}}),
        act("client_dashboard"), act("add_message", {{"ticket_id", id}, {"message", Json("Thanks.")}}),
        of_ticket("get_ticket", id)})
    all += desk.by(john, request).body;
  INFO(all);
  CHECK(all.find("CANARY") == std::string::npos);
  CHECK(all.find("canary") == std::string::npos);
  CHECK(desk.gives(john, act("list_tickets", {{"search", Json("CANARY-TEAM")}}))["total"] == Json(0));
  const Json read = desk.gives(john, of_ticket("get_ticket", id));
  CHECK(read["messages"].size() == 3);
  CHECK(names_in(read["ticket"]) == std::set<std::string>{"id", "number", "subject", "description", "status",
                                                          "priority", "category", "company_name", "creator_name",
                                                          "created_at", "updated_at", "estimate", "result", "csat"});
  CHECK(names_in(desk.gives(john, act("list_tickets"))["tickets"].items().front()) ==
        std::set<std::string>{"id", "number", "subject", "status", "priority", "category", "company_name",
                              "creator_name", "created_at", "updated_at", "message_count"});
  CHECK(names_in(read["messages"].items()[1]) ==
        std::set<std::string>{"id", "message", "author_type", "author_name", "is_note", "created_at", "files"});
}

TEST_CASE("what was merged into a client's ticket is shown to them where it is theirs",
          "[server][api][client][security]") {
  Counter desk;
  const std::string john = desk.token(1), bill = desk.token(7, "other.example");
  const Json mine = desk.ticket_of(john), again = desk.ticket_of(john, "Again"), bills = desk.ticket_of(bill);
  const auto says = [&](const std::string& token, const Json& id, const char* text) {
    desk.gives(token, act("add_message", {{"ticket_id", id}, {"message", Json(text)}}));
  };
  says(john, again, "of John");
  says(bill, bills, "CANARY of Bill");
  for (const Json& source : {again, bills})
    desk.good(act("merge_tickets", {{"ticket_id", source}, {"target_id", mine}}));
  CHECK(desk.good(of_ticket("get_ticket", mine))["messages"].size() == 3);
  const auto read = desk.by(john, of_ticket("get_ticket", mine));
  CHECK(read.body.find("of John") != std::string::npos);
  CHECK(read.body.find("CANARY") == std::string::npos);
  CHECK(desk.by(john, act("list_tickets")).body.find("CANARY") == std::string::npos);
  CHECK(desk.gives(bill, of_ticket("get_ticket", bills))["ticket"]["status"] == Json("closed"));
  CHECK(desk.gives(bill, of_ticket("get_ticket", bills))["messages"].size() == 2);
}

TEST_CASE("a client's ticket goes through its life, and what the client does is the client's",
          "[server][api][client]") {
  Counter desk;
  const std::string john = desk.token(1);
  const Json id = desk.ticket_of(john);
  const auto status = [&](const Json& ticket) { return ticket["status"].as_string(); };
  const auto asks = [&](const char* action) { return desk.gives(john, of_ticket(action, id)); };
  CHECK(said(desk.by(john, of_ticket("accept_ticket", id))) == "bad_transition");
  CHECK(said(desk.by(john, of_ticket("reopen_ticket", id))) == "bad_transition");
  CHECK(said(desk.by(john, of_ticket("approve_estimate", id))) == "bad_transition");
  desk.good(act("set_estimate", {{"ticket_id", id}, {"hours", Json(2.5)}}));
  CHECK(desk.gives(john, act("client_dashboard"))["estimates_to_approve"] == Json(1));
  CHECK(status(asks("approve_estimate")) == "in_progress");
  CHECK(status(asks("approve_estimate")) == "in_progress");  // again: nothing is left to do
  desk.good(act("complete_ticket", {{"ticket_id", id}, {"result", Json("Restarted.")}}));
  CHECK(asks("get_ticket")["ticket"]["result"] == Json("Restarted."));
  CHECK(status(asks("accept_ticket")) == "closed");
  CHECK(status(asks("accept_ticket")) == "closed");
  CHECK(status(asks("reopen_ticket")) == "reopened");
  desk.good(act("complete_ticket", {{"ticket_id", id}}));
  const Json reply = desk.gives(john, act("add_message", {{"ticket_id", id}, {"message", Json("It is back.")}}));
  CHECK(reply["author_type"] == Json("client"));
  CHECK(reply["author_name"] == Json("User 1"));
  CHECK(status(asks("get_ticket")["ticket"]) == "reopened");  // who writes is not done with
  CHECK(desk.good(act("list_tickets"))["tickets"].items().front()["unread_count"] == Json(1));
  const Json seen = desk.good(of_ticket("get_ticket", id));
  CHECK(seen["ticket"]["creator_name"] == Json("User 1"));
  CHECK(seen["ticket"]["portal_domain"] == Json("client.example"));
  CHECK(seen["messages"].items().front()["author_type"] == Json("client"));
  CHECK(desk.good(act("list_tickets"))["tickets"].items().front()["unread_count"] == Json(0));
  bool found = false;
  const Json contacts = desk.good(act("list_contacts"));
  for (const Json& contact : contacts.items())
    found = found || (contact["name"] == Json("User 1") && contact["organisation"] == Json("Client Ltd"));
  CHECK(found);
  CHECK(desk.house.command(cmd("verify"))["good"].as_bool(true));
}

TEST_CASE("what was done is rated once for each time, by the customer alone, and reports count it",
          "[server][api][client]") {
  Counter desk;
  const std::string john = desk.token(1), jane = desk.token(2);
  const Json id = desk.ticket_of(john);
  const auto rate = [&](const std::string& who, int score, const char* comment = "") {
    Json request = of_ticket("submit_csat", id);
    request.set("rating", Json(score));
    if (*comment != 0) request.set("comment", Json(comment));
    return desk.by(who, request);
  };
  CHECK(said(rate(john, 5)) == "bad_transition");  // nothing is done yet
  desk.good(act("complete_ticket", {{"ticket_id", id}, {"result", Json("Restarted.")}}));
  CHECK(desk.gives(john, of_ticket("get_ticket", id))["ticket"]["csat"].is_null());
  CHECK(said(rate(john, 0), "field") == "rating");
  CHECK(said(rate(john, 6)) == "invalid");
  CHECK(said(rate(jane, 5)) == "not_found");
  CHECK(rate(john, 4, "Quick").status == 200);
  CHECK(rate(john, 4, "Quick").status == 200);  // again
  CHECK(said(rate(john, 1)) == "bad_transition");
  const Json rated = desk.good(of_ticket("get_ticket", id))["ticket"]["csat"];
  CHECK(rated["rating"] == Json(4));
  CHECK(rated["comment"] == Json("Quick"));
  desk.gives(john, of_ticket("reopen_ticket", id));
  CHECK(said(rate(john, 1)) == "bad_transition");
  desk.good(act("complete_ticket", {{"ticket_id", id}}));
  CHECK(rate(john, 1).status == 200);  // of what was done since
  CHECK(desk.gives(john, of_ticket("accept_ticket", id))["csat"]["rating"] == Json(1));
  desk.house.tick();
  Json ann;
  const Json people = desk.good(act("report_operators"))["rows"];
  for (const Json& row : people.items())
    if (row["name"] == Json("ann")) ann = row;
  CHECK(ann["ratings"] == Json(2));
  CHECK(ann["csat"] == Json(2.5));
  CHECK(ann["csat_pct"] == Json(50));
  const Json rows = desk.house.command(cmd("report dashboard"))["rows"];
  std::map<std::string, Json> figures;
  for (const Json& row : rows.items()) figures[row["figure"].as_string()] = row["value"];
  CHECK(figures["CSAT"] == Json(50));
  CHECK(figures["CSAT, mean"] == Json(2.5));
  CHECK(figures["ratings"] == Json(2));
  const Json exported = desk.house.command(cmd("export"))["rows"].items().front()["csat"];
  REQUIRE(exported.size() == 2);
  CHECK(exported.items()[0]["comment"] == Json("Quick"));
  CHECK(desk.house.command(cmd("verify"))["good"].as_bool());
  Device device(desk.house, "ann", "all");
  must(device.open_session());
  const auto patches = device.download();
  REQUIRE(patches.size() == 1);
  CHECK(must(sync::decode_state(patches.front().state())).ratings.size() == 2);
}

TEST_CASE("a client is shown that a message was edited, and when", "[server][api][client]") {
  Counter desk;
  const std::string john = desk.token(1);
  const Json ticket = desk.ticket_of(john);
  const Json answer =
      desk.good(act("add_message", {{"ticket_id", ticket}, {"message", Json("Tomorow.")}, {"is_note", Json(false)}}));
  const auto shown = [&] { return desk.gives(john, of_ticket("get_ticket", ticket))["messages"].items().back(); };
  CHECK(shown().find("edited_at") == nullptr);
  desk.house.environment.advance(60'000);
  desk.good(act("edit_message", {{"message_id", answer["id"]}, {"message", Json("Tomorrow.")}}));
  CHECK(shown()["message"] == Json("Tomorrow."));
  CHECK(shown()["edited_at"].as_string() > shown()["created_at"].as_string());
}

TEST_CASE("a reply to what the customer has outdated is not shown to them until somebody sends it",
          "[server][api][client]") {
  Counter desk;
  const std::string john = desk.token(1);
  const Json ticket = desk.ticket_of(john);
  const auto read = [&] { return desk.good(act("get_ticket", {{"ticket_id", ticket}}))["messages"].items().back(); };
  const Json seen = read()["id"];
  desk.gives(john, act("add_message", {{"ticket_id", ticket}, {"message", Json("It is pump 7.")}}));
  const auto reply = [&](const char* text, const char* stale) {
    return desk.ask(
        act("add_message",
            {{"ticket_id", ticket}, {"message", Json(text)}, {"seen_message_id", seen}, {"send_stale", Json(stale)}}));
  };
  const auto shown = [&] {
    std::vector<std::string> out;
    const Json messages = desk.gives(john, of_ticket("get_ticket", ticket))["messages"];
    for (const Json& one : messages.items()) out.push_back(one["message"].as_string());
    return out.back();
  };
  CHECK(said(reply("Which pump?", "ask")) == "bad_transition");
  CHECK(read()["message"] == Json("It is pump 7."));
  const auto held = reply("Which pump?", "hold");
  REQUIRE(held.status == 200);
  CHECK(shown() == "It is pump 7.");
  CHECK(read()["message"] == Json("Which pump?"));
  CHECK(read()["delivery_status"] == Json("withheld"));
  const Json id = read()["id"];
  desk.good(act("send_message", {{"message_id", id}}));
  CHECK(shown() == "Which pump?");
  desk.good(act("send_message", {{"message_id", id}}));  // once more is once
  CHECK(reply("We are on our way.", "send").status == 200);
  CHECK(shown() == "We are on our way.");
  const Json note =
      desk.good(act("add_message", {{"ticket_id", ticket}, {"message", Json("hm")}, {"is_note", Json(true)}}));
  CHECK(said(desk.ask(act("send_message", {{"message_id", note["id"]}}))) == "bad_transition");
  CHECK(said(desk.ask(
            act("add_message", {{"ticket_id", ticket}, {"message", Json("x")}, {"seen_message_id", Json(999)}}))) ==
        "not_found");
  CHECK(desk.house.command(cmd("verify"))["good"] == Json(true));
}

TEST_CASE("clients make no categories, and only what is an action of theirs is done",
          "[server][api][client][security]") {
  Counter desk;
  const std::string john = desk.token(1);
  const auto with = [&](const char* category) {
    return desk.by(
        john, act("create_ticket", {{"subject", Json("a")}, {"description", Json("b")}, {"category", Json(category)}}));
  };
  CHECK(with("crm").status == 200);
  CHECK(said(with("invented")) == "invalid");
  CHECK(said(with("invented"), "field") == "category");
  CHECK(desk.house.command(cmd("category list"))["rows"].size() == 1);
  for (const char* action : {"update_ticket", "delete_ticket", "list_clients", "list_operators", "create_client_token",
                             "take_ticket", "edit_message", "delete_message", "admin_login"}) {
    INFO(action);
    CHECK(said(desk.by(john, act(action, {{"ticket_id", Json(1)}}))) == "not_found");
    CHECK(desk.by(john, Json::object(), {}, std::string("/api/v1/client/") + action).status == 404);
  }
  CHECK(desk.by(john, Json::object(), {}, "/api/v1/client/client_dashboard").status == 200);
  CHECK(desk.by(john, Json::object(), {}, "/api/client").status == 400);
  const auto foreign = desk.by(john, act("create_ticket", {{"subject", Json("a")},
                                                           {"description", Json("b")},
                                                           {"portal_domain", Json("other.example")},
                                                           {"contact", Json("x")}}));
  CHECK(foreign.status == 200);  // on a path of old what is no parameter is left out
  CHECK(desk.good(act("list_tickets", {{"portal_domain", Json("other.example")}}))["total"] == Json(0));
  CHECK(desk.by(john, Json::object({{"subject", Json("a")}, {"description", Json("b")}, {"contact", Json("x")}}), {},
                "/api/v1/client/create_ticket")
            .status == 422);
  CHECK(code_of(desk.house, cmd("client get_ticket", {{"ticket_id", Json(1)}})) == ErrorCode::usage);
}

TEST_CASE("a client's token opens its own door for its time, and is taken back", "[server][api][client][security]") {
  Counter desk;
  const Json list = act("list_tickets");
  const std::string john = desk.token(1, "client.example", 300), jane = desk.token(2),
                    bill = desk.token(1, "other.example");
  for (const std::string& none :
       {std::string("ct_"), std::string("ct_zz"), std::string("x"), desk.key, john.substr(0, john.size() - 2),
        john + "00", john.substr(0, john.size() - 1) + (john.back() == '0' ? "1" : "0")}) {
    INFO(none);
    const auto refused = desk.by(none, list);
    CHECK(refused.status == 403);
    CHECK(said(refused) == "session_unknown");
    CHECK(desk.by(none, Json::object(), {}, "/api/v1/client/list_tickets").status == 401);
  }
  CHECK(said(desk.by("", list)) == "session_unknown");
  desk.house.reopen();
  CHECK(desk.by(john, list).status == 200);
  desk.house.environment.advance(301'000);
  CHECK(said(desk.by(john, list)) == "session_unknown");
  CHECK(desk.by(jane, list).status == 200);

  // Each credential at its own door; the other one says where that is.
  const auto at_admin = desk.by(jane, list, {}, "/api/admin.php");
  CHECK(said(at_admin) == "not_permitted");
  CHECK(said(at_admin, "error").find("/api/client.php") != std::string::npos);
  const auto at_client = desk.send(to_text(list), "/api/client.php");
  CHECK(said(at_client) == "not_permitted");
  CHECK(said(at_client, "error").find("/api/admin.php") != std::string::npos);
  const std::string key = std::exchange(desk.key, jane);
  CHECK(said(desk.ask(list), "error").find("X-Client-Token") != std::string::npos);
  desk.key = key;
  CHECK(said(desk.by(jane, act("list_tickets", {{"mobile_token", Json("x")}}))) == "not_permitted");

  const auto listed = desk.house.command(cmd("token list"))["rows"];
  CHECK(listed.size() == 2);
  for (const Json& one : listed.items())
    if (one["portal_domain"] == Json("client.example"))
      desk.house.command(cmd("token revoke", {{"token_id", one["token_id"]}}));
  CHECK(said(desk.by(jane, list)) == "session_unknown");
  CHECK(desk.by(bill, list).status == 200);
  desk.house.command(cmd("token revoke", {{"portal_domain", Json("other.example")}}));
  CHECK(said(desk.by(bill, list)) == "session_unknown");
  CHECK(code_of(desk.house, cmd("token revoke", {{"token_id", Json("00")}})) == ErrorCode::not_found);

  const std::string last = desk.token(2);
  desk.house.command(cmd("key revoke", {{"key_id", Json("Monitoring")}}));
  CHECK(said(desk.by(last, list)) == "session_unknown");  // what a key gave ends with it
  for (const std::string& line : desk.house.log)
    for (const std::string& token : {john, jane, bill, last}) CHECK(line.find(token.substr(40)) == std::string::npos);
}

TEST_CASE("a token ends with the client and with the contact that it is for", "[server][api][client][security]") {
  Counter desk;
  const std::string john = desk.token(1), bill = desk.token(1, "other.example");
  desk.ticket_of(john);
  desk.house.command(cmd("contact remove", {{"name", Json("User 1")}}));
  CHECK(said(desk.by(john, act("list_tickets"))) == "session_unknown");
  CHECK(desk.by(bill, act("list_tickets")).status == 200);
  desk.house.command(cmd("organisation remove", {{"name", Json("Other Ltd")}}));
  CHECK(said(desk.by(bill, act("list_tickets"))) == "session_unknown");
}

TEST_CASE("tokens are made within their limits, by keys with the scopes for it", "[server][api][client][security]") {
  Counter desk;
  const auto make = [&](std::initializer_list<Json::Member> members) {
    return desk.ask(act("create_client_token", members));
  };
  CHECK(said(make({})) == "invalid");
  CHECK(said(make({{"portal_domain", Json("nobody.example")}})) == "client_unknown");
  for (const int ttl : {299, 604'801, 0, -1})
    CHECK(said(make({{"portal_domain", Json("client.example")}, {"ttl", Json(ttl)}}), "field") == "ttl");
  for (const int ttl : {300, 604'800})
    CHECK(desk.good(act("create_client_token",
                        {{"portal_domain", Json("client.example")}, {"ttl", Json(ttl)}}))["expires_in"] == Json(ttl));
  CHECK(said(make({{"portal_domain", Json("client.example")}, {"user_id", Json(-1)}}), "field") == "user_id");
  CHECK(said(make({{"portal_domain", Json("client.example")}, {"user_name", Json(std::string(201, 'x'))}}), "field") ==
        "user_name");
  const Json made = desk.good(act("create_client_token", {{"portal_domain", Json("CLIENT.example")}}));
  CHECK(made["expires_in"] == Json(86'400));
  CHECK(made["token"].as_string().starts_with("ct_"));
  CHECK(made["portal_url"] == Json("https://desk.example/index.html?ctoken=" + made["token"].as_string()));
  CHECK(made["embed_url"] == Json("https://desk.example/embed.html?ctoken=" + made["token"].as_string()));
  CHECK(desk.house.command(cmd("token list"))["rows"].items().front()["name"] == Json("Client"));
  for (const char* one : {"write", "clients"}) {  // without the other
    Office office({{"scopes", Json::array({Json("read"), Json(one)})}});
    CHECK(said(office.ask(act("create_client_token", {{"portal_domain", Json("client.example")}}))) == "scope_missing");
  }
}

TEST_CASE("in a session tokens are made by who decides in the place of customers, and end with them",
          "[server][api][client][security]") {
  Counter counter;
  const Json request =
      request_of("create_client_token", {{"portal_domain", Json("client.example")}, {"user_id", Json(7)}});
  for (const char* role : {"light", "operator", "manager", "sla_manager", "analyst", "integrator"}) {
    INFO(role);
    CHECK(Panel::of(counter.house, std::string("p_") + role, role).refusal(request) == "not_permitted");
  }
  const auto made_by = [&](const char* name) {
    return Panel::of(counter.house, name, "supervisor").good(request)["token"].as_string();
  };
  const std::string of_bob = made_by("bob"), of_cyd = made_by("cyd");
  const std::string of_admin = Panel(counter.house).good(request)["token"].as_string();
  const auto answers = [&](const std::string& token) { return counter.by(token, act("list_tickets")).status == 200; };
  CHECK(answers(of_bob));
  CHECK(answers(of_cyd));
  counter.house.command(cmd("operator set", {{"operator", Json("bob")}, {"role", Json("operator")}}));
  CHECK_FALSE(answers(of_bob));
  counter.house.command(cmd("operator disable", {{"operator", Json("cyd")}}));
  CHECK_FALSE(answers(of_cyd));
  CHECK(answers(of_admin));
}

TEST_CASE("of tokens that have not ended there are no more than there may be, and those that have make room",
          "[server][api][client]") {
  const TempDir folder;
  sqlite::OpenOptions options;
  options.path = folder.file("tokens.db");
  auto db = must(sqlite::Database::open(options));
  must(db->exec(content_of(std::string(TERN_TEST_DATA_DIR) + "/../../server/src/store/migrations/0014_api.sql")));
  const auto fill = [&](std::uint64_t count) {
    must(db->exec("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < " + std::to_string(count) +
                  ") INSERT INTO client_token SELECT 1, randomblob(16), zeroblob(32), zeroblob(16), zeroblob(16), 'x', "
                  "0, zeroblob(16), 1000, 301000 FROM n"));
  };
  const auto count = [&] { return must(db->int64_of("SELECT count(*) FROM client_token")).value_or(-1); };
  server::ClientToken token;
  const auto write = [&](char id, std::int64_t now_ms) {
    token.id = RecordId::or_zero(Bytes(16, id));
    token.made_ms = now_ms;
    token.ends_ms = now_ms + 300'000;
    return server::write_client_token(*db, 1, token, Bytes(32, 'h'));
  };
  fill(server::client_tokens_max - 1);
  CHECK(write('a', 1'000));
  CHECK(write('b', 300'999).error().code == ErrorCode::plan_limit);
  CHECK(count() == static_cast<std::int64_t>(server::client_tokens_max));
  CHECK(write('b', 301'000));  // all of them have ended; 1000 at a time are taken out
  CHECK(count() == static_cast<std::int64_t>(server::client_tokens_max) - 999);
}

TEST_CASE("pages of a client's portal ask for that client, and pages of others do not",
          "[server][api][client][security]") {
  Counter desk;
  const std::string john = desk.token(1);
  const Json list = act("list_tickets");
  const auto from = [&](const char* origin) { return desk.by(john, list, {{"origin", origin}}); };
  const auto own = from("https://Client.example");
  CHECK(own.status == 200);
  CHECK(own.header("access-control-allow-origin") == "https://Client.example");
  CHECK(own.header("vary") == "origin");
  CHECK(own.header("access-control-allow-credentials").empty());
  CHECK(from("https://desk.example").status == 200);
  CHECK(desk.by(john, list, {{"sec-fetch-site", "same-origin"}}).status == 200);
  for (const char* foreign : {"https://evil.example", "http://client.example", "https://client.example.evil.example",
                              "https://other.example", "null", "https://client.example:444"}) {
    INFO(foreign);
    CHECK(from(foreign).status == 403);
    CHECK(said(from(foreign)) == "origin");
  }
  CHECK(from("https://evil.example").header("access-control-allow-origin").empty());
  const auto preflight = [&](const char* path, const char* origin) {
    server::Request request;
    request.method = "OPTIONS";
    request.target = path;
    request.headers = {{"origin", origin}, {"access-control-request-method", "POST"}};
    return desk.house.send(request);
  };
  const auto may = preflight("/api/client.php", "https://other.example");
  CHECK(may.status == 204);
  CHECK(may.header("access-control-allow-origin") == "https://other.example");
  CHECK(may.header("access-control-allow-headers").find("x-client-token") != std::string::npos);
  CHECK(preflight("/api/v1/client/list_tickets", "https://client.example").status == 204);
  CHECK(preflight("/api/files/1", "https://client.example").status == 204);
  CHECK(preflight("/api/files/1", "https://evil.example").status == 403);
  CHECK(preflight("/api/client.php", "https://evil.example").status == 403);
  CHECK(preflight("/api/admin.php", "https://client.example").status == 405);
  CHECK(desk.ask(list).header("access-control-allow-origin").empty());
}

TEST_CASE("two organisations on one server do not cross by tokens of their clients",
          "[server][api][client][security]") {
  Counter desk;
  desk.house.command(cmd("tenant add", {{"name", Json("Elsewhere")}}));
  const auto there = [&](const char* name, std::initializer_list<Json::Member> members) {
    Json command = cmd(name, members);
    command.set("tenant", Json("Elsewhere"));
    return desk.house.command(command);
  };
  there("organisation add", {{"name", Json("Client Ltd")}, {"portal_domain", Json("client.example")}});
  const std::string here = desk.key;
  Json asked = cmd("key add", {{"name", Json("There")}});
  asked.set("tenant", Json("Elsewhere"));
  const std::string key_there = desk.house.command(asked)["key"].as_string();
  const std::string john = desk.token(1);
  desk.key = key_there;
  const std::string john_there = desk.token(1);
  const Json mine = desk.ticket_of(john, "CANARY-HERE");
  REQUIRE(desk.ticket_of(john_there, "CANARY-THERE") == mine);  // ids are an organisation's own
  const auto all = [&](const std::string& token) {
    std::string out;
    for (const Json& request : {act("list_tickets"), act("client_dashboard"), of_ticket("get_ticket", mine),
                                act("list_tickets", {{"search", Json("CANARY")}})})
      out += desk.by(token, request).body;
    return out;
  };
  CHECK(all(john).find("CANARY-THERE") == std::string::npos);
  CHECK(all(john_there).find("CANARY-HERE") == std::string::npos);
  CHECK(all(john).find("CANARY-HERE") != std::string::npos);
  CHECK(all(john_there).find("CANARY-THERE") != std::string::npos);
  for (const auto& [key, subject] : {std::pair(here, "CANARY-HERE"), std::pair(key_there, "CANARY-THERE")}) {
    desk.key = key;
    const Json tickets = desk.good(act("list_tickets"))["tickets"];
    REQUIRE(tickets.size() == 1);
    CHECK(tickets.items().front()["subject"] == Json(subject));
  }
  // The same token under the other organisation's name is none: its id and its secret are of this one.
  std::string crossed = john_there;
  crossed.replace(3, 32, john.substr(3, 32));
  CHECK(said(desk.by(crossed, act("list_tickets"))) == "session_unknown");
}

TEST_CASE("a client may ask so often a minute, and sends no more than a page of text",
          "[server][api][client][security]") {
  Counter desk;
  const std::string john = desk.token(1), again = desk.token(1), jane = desk.token(2);
  CHECK(desk.by(john, act("create_ticket", {{"subject", Json("a")}, {"description", Json(std::string(70'000, 'x'))}}))
            .status == 413);
  for (int i = 0; i < 120; ++i) REQUIRE(desk.by(i % 2 == 0 ? john : again, act("client_dashboard")).status == 200);
  const auto refused = desk.by(again, act("client_dashboard"));  // one user, however many tokens
  CHECK(refused.status == 429);
  CHECK_FALSE(refused.header("retry-after").empty());
  CHECK(desk.by(jane, act("client_dashboard")).status == 200);
}

}  // namespace tern::test
