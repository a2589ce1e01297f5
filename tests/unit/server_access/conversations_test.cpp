// Tickets out of conversations that are held elsewhere, and who is told of a second one (docs/api.md).
#include "desk/duplicates.hpp"
#include "office.hpp"

namespace tern::test {
namespace {

Json conversation(const std::string& id = "77") {
  return must(
      parse_json(R"({"id":")" + id + R"(","channel":"telegram","customer_name":"Joe Smith",)" +
                 R"("customer_phone":"+7 701 000 00 00","reason":"asked for a person","messages":)" +
                 R"([{"name":"Bot","text":"Can I help?"},{"name":"Joe Smith","text":"It leaks","at":"10:02"}]})"));
}

Json out_of(const Json& what, const char* subject = "Pump leaks in hall 2", const char* if_exists = nullptr) {
  Json out = act("create_ticket",
                 {{"subject", Json(subject)}, {"description", Json("Since this morning.")}, {"conversation", what}});
  if (if_exists != nullptr) out.set("if_exists", Json(if_exists));
  return out;
}

}  // namespace

TEST_CASE("a ticket out of a conversation keeps who it was, where, and what was said", "[server][api]") {
  Office office;
  const Json made = office.good(out_of(conversation()));
  CHECK(made["duplicates"].size() == 0);
  const Json shown = office.good(act("get_ticket", {{"ticket_id", made["id"]}}));
  CHECK(shown["ticket"]["conversation"] == Json("telegram:77"));
  CHECK(shown["ticket"]["creator_name"] == Json("Joe Smith"));
  const Json note = shown["messages"].items().back();
  CHECK(note["is_note"] == Json(true));
  CHECK(note["message"] == Json("Out of the conversation telegram:77 (asked for a person)\nBot: Can I help?"
                                "\n10:02 Joe Smith: It leaks"));
  const Json contacts = office.house.command(cmd("contact list"))["rows"];
  REQUIRE(contacts.size() == 1);
  CHECK(contacts.items()[0]["phone"] == Json("+7 701 000 00 00"));
  CHECK(office.good(act("get_ticket", {{"ticket_id", Json(office.ticket())}}))["ticket"]["conversation"].is_null());
  for (const char* wrong : {R"({"channel":"telegram"})", R"({"id":"1","colour":"red"})", R"({"id":"1","messages":{}})",
                            R"({"id":"1","messages":[{"name":"x"}]})", R"({"id":"1","customer_email":"joe"})",
                            R"({"id":"1","customer_email":"joe@x.example,eve@y.example"})"}) {
    INFO(wrong);
    const auto answer = office.ask(out_of(must(parse_json(wrong))));
    CHECK(said(answer) == "invalid");
    CHECK(said(answer, "field") == "conversation");
  }
}

TEST_CASE("a second ticket of a conversation is made, refused or the first one shown, as who asks wants it",
          "[server][api]") {
  Office office;
  const Json first = office.good(out_of(conversation()));
  const auto refused = office.ask(out_of(conversation(), "Another matter", "refuse"));
  CHECK(said(refused) == "duplicate");
  CHECK(said(refused, "error").find(first["number"].as_string()) != std::string::npos);
  const Json same = office.good(out_of(conversation(), "Another matter", "reuse"));
  CHECK(same["id"] == first["id"]);
  CHECK(same["subject"] == Json("Pump leaks in hall 2"));
  const Json second = office.good(out_of(conversation(), "Another matter"));
  CHECK(second["id"] != first["id"]);
  REQUIRE(second["duplicates"].size() == 1);
  CHECK(second["duplicates"].items()[0]["id"] == first["id"]);
  CHECK(second["duplicates"].items()[0]["because"] == Json("conversation"));
  CHECK(office.good(out_of(conversation("78"), "Something else", "refuse"))["duplicates"].size() == 0);
  for (const Json& id : {first["id"], second["id"]})
    office.good(act("update_ticket", {{"ticket_id", id}, {"status", Json("closed")}}));
  CHECK(office.good(out_of(conversation(), "Much later", "refuse"))["id"] != first["id"]);
}

TEST_CASE("a conversation shows its tickets, and a ticket its conversation", "[server][api]") {
  Office office;
  office.good(out_of(conversation()));
  const Json second = office.good(out_of(conversation(), "Another"));
  office.good(out_of(conversation("78")));
  office.ticket();
  const Json list = office.good(act("list_tickets", {{"conversation", Json("telegram:77")}}));
  CHECK(list["total"] == Json(2));
  CHECK(list["tickets"].items()[0]["id"] == second["id"]);
  CHECK(office.good(act("list_tickets", {{"conversation", Json("telegram:1")}}))["total"] == Json(0));
  CHECK(office.good(act("list_tickets", {{"conversation", Json("telegram:77")}, {"search", Json("hall")}}))["total"] ==
        Json(1));
}

TEST_CASE("whoever makes a ticket is told of those on the same matter, as far as they may read them",
          "[server][api][security]") {
  Office office;
  House& house = office.house;
  house.command(cmd("organisation add", {{"name", Json("Client Ltd")}, {"portal_domain", Json("client.example")}}));
  const auto make = [&](const char* subject, const char* portal = "client.example") {
    Json ask = act("create_ticket", {{"subject", Json(subject)}, {"description", Json("x")}});
    if (portal != nullptr) ask.set("portal_domain", Json(portal));
    return office.good(ask);
  };
  const Json first = make("The pump in hall 2 leaks");
  const Json second = make("Re: the pump in hall 2 leaks!");
  REQUIRE(second["duplicates"].size() == 1);
  CHECK(second["duplicates"].items()[0]["number"] == first["number"]);
  CHECK(second["duplicates"].items()[0]["because"] == Json("subject"));
  CHECK(make("The invoice is wrong")["duplicates"].size() == 0);
  CHECK(make("The pump in hall 2 leaks", nullptr)["duplicates"].size() == 0);  // of nobody
  house.environment.advance(25LL * 3'600'000);
  CHECK(make("The pump in hall 2 leaks")["duplicates"].size() == 0);
  const std::string token = office
                                .good(act("create_client_token", {{"portal_domain", Json("client.example")},
                                                                  {"user_id", Json(7)},
                                                                  {"user_name", Json("Joe")}}))["token"]
                                .as_string();
  const Json his = act("create_ticket", {{"subject", Json("The pump in hall 2 leaks")}, {"description", Json("x")}});
  CHECK(office.good_of_client(his, token)["duplicates"].size() == 0);  // others of his organisation are not his
  CHECK(office.good_of_client(his, token)["duplicates"].size() == 1);
}

TEST_CASE("subjects are similar by their words, whatever stands before them", "[server]") {
  CHECK(server::canonical_subject("RE: Fwd[2]:  Pump leaks ") == "pump leaks");
  CHECK(server::canonical_subject("Regarding: x") == "regarding: x");
  CHECK(server::are_similar_subjects("Aw: Pump leaks", "pump LEAKS"));
  CHECK(server::are_similar_subjects("Pump 7 leaks oil", "Pump 7 leaks oil again"));
  CHECK_FALSE(server::are_similar_subjects("Pump 7 leaks", "Pump 8 is loud"));
  CHECK_FALSE(server::are_similar_subjects("!", "?"));
}

}  // namespace tern::test
