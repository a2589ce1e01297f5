// Triggers act, once each, on what people do (docs/triggers.md).
#include "office.hpp"
#include "panel.hpp"
#include "tern/sync/ticket_state.hpp"

namespace tern::test {
namespace {

constexpr std::int64_t trigger_test_hour_ms = 3'600'000;

/// An administrator and an operator at the panel, a customer with a token, and a key.
struct TriggerRoom : Office {
  TriggerRoom() : Office({{"operator_id", Json("ann")}}) {
    house.command(cmd("organisation add", {{"name", Json("Client Ltd")}, {"portal_domain", Json("client.example")}}));
    Panel::of(house, "bob", "operator");
    let_in();
  }
  /// The customer, for another day.
  void let_in() {
    token = good(act("create_client_token", {{"portal_domain", Json("client.example")}, {"user_id", Json(7)}}))["token"]
                .as_string();
  }
  /// Sessions end after half a day.
  Panel at_panel(const std::string& name) { return Panel(house, name + "@pumps.example", "a password of " + name); }
  Json trigger(const char* name, const char* event, std::vector<const char*> actions, Json conditions = {}) {
    Json lines = Json::array();
    for (const char* one : actions) lines.push(Json(one));
    Json request = request_of("save_trigger", {{"name", Json(name)}, {"event", Json(event)}, {"actions", lines}});
    if (!conditions.is_null()) request.set("conditions", conditions);
    return admin.good(request);
  }
  Json customer(const Json& request) { return good_of_client(request, token); }
  Json customers_ticket() {
    return customer(act("create_ticket", {{"subject", Json("CRM")}, {"description", Json("It stands.")}}))["id"];
  }
  Json get(const Json& ticket) { return good(act("get_ticket", {{"ticket_id", ticket}})); }
  /// What triggers said in a ticket.
  std::vector<std::string> notes(const Json& ticket) {
    std::vector<std::string> out;
    const Json all = get(ticket)["messages"];
    for (const Json& message : all.items())
      if (message["author_type"] == Json("system") && message["is_note"] == Json(true))
        out.push_back(message["message"].as_string());
    return out;
  }
  std::size_t told(const std::string& who) {
    std::size_t count = 0;
    const Json all = at_panel(who).good(request_of("get_notifications", {{"limit", Json(100)}}));
    for (const Json& one : all.items()) count += one["type"] == Json("trigger") ? 1 : 0;
    return count;
  }
  void pass(std::int64_t ms) {
    house.environment.advance(ms);
    house.tick();
    house.tick();
  }

  Panel admin{house};
  std::string token;
};

using TriggerNotes = std::vector<std::string>;

}  // namespace

TEST_CASE("a created ticket tells the team, and the ticket says so", "[server][triggers]") {
  TriggerRoom desk;
  CHECK(desk.trigger("Tell the team", "created", {"notify team", "tag new"})["state"] == Json("active"));
  const Json ticket = desk.customers_ticket();
  CHECK(desk.told("bob") == 1);
  const Json told = desk.at_panel("bob").good(request_of("get_notifications")).items().front();
  CHECK(told["ticket_id"] == ticket);
  CHECK(told["detail"] == Json("Tell the team"));
  const TriggerNotes notes = desk.notes(ticket);
  REQUIRE(notes.size() == 1);
  CHECK(notes.front().starts_with("Trigger \"Tell the team\" (created): told the team ("));
  CHECK(notes.front().ends_with("); tagged new."));
  CHECK(desk.get(ticket)["ticket"]["tags"] == Json::array({Json("new")}));
  // What a customer reads is as it was.
  CHECK(desk.customer(act("get_ticket", {{"ticket_id", ticket}}))["messages"].size() == 1);
  desk.customer(act("add_message", {{"ticket_id", ticket}, {"message", Json("Hello?")}}));
  CHECK(desk.told("bob") == 1);
  CHECK(is_verified(desk.house));
}

TEST_CASE("a changed priority escalates where its conditions hold, and only when it is another one",
          "[server][triggers]") {
  TriggerRoom desk;
  desk.house.command(cmd("queue add", {{"name", Json("Second line")}}));
  desk.trigger("Up", "priority_changed", {"escalate Second line"}, Json::object({{"priority", Json("urgent")}}));
  Panel::of(desk.house, "boss", "supervisor");
  const Json ticket = desk.customers_ticket();
  const auto set = [&](const char* priority) {
    desk.good(act("update_ticket", {{"ticket_id", ticket}, {"priority", Json(priority)}}));
  };
  set("low");
  CHECK(desk.notes(ticket).empty());
  set("critical");
  CHECK(desk.told("boss") == 1);
  CHECK(desk.told("bob") == 0);
  const TriggerNotes notes = desk.notes(ticket);
  REQUIRE(notes.size() == 1);
  CHECK(notes.front().starts_with("Trigger \"Up\" (priority_changed): moved to Second line; told supervisors ("));
  set("critical");  // it is so already
  CHECK(desk.notes(ticket).size() == 1);
  const Json rows = desk.house.command(cmd("export"))["rows"];
  REQUIRE(rows.size() == 1);
  CHECK(rows.items().front()["queue"] == Json("Second line"));
  CHECK(is_verified(desk.house));
}

TEST_CASE("nobody answered for 24 hours: it is followed up once, and again for the next message that waits",
          "[server][triggers]") {
  TriggerRoom desk;
  desk.trigger("Silence", "no_response", {"follow up"});
  const Json waiting = desk.customers_ticket(), answered = desk.customers_ticket(), held = desk.customers_ticket();
  desk.good(act("add_message", {{"ticket_id", answered}, {"message", Json("On it.")}}));
  desk.good(act("hold_ticket", {{"ticket_id", held}}));
  desk.pass(23 * trigger_test_hour_ms);
  CHECK(desk.told("bob") == 0);
  desk.pass(2 * trigger_test_hour_ms);
  CHECK(desk.told("bob") == 1);
  desk.pass(trigger_test_hour_ms);
  desk.pass(48 * trigger_test_hour_ms);
  CHECK(desk.told("bob") == 1);
  REQUIRE(desk.notes(waiting).size() == 1);
  CHECK(
      desk.notes(waiting).front().starts_with("Trigger \"Silence\" (no_response): to be followed up; told the team ("));
  CHECK(desk.notes(answered).empty());
  CHECK(desk.notes(held).empty());
  // Answered, and the customer writes again: another wait. Somebody holds the ticket by now.
  desk.at_panel("bob").good(request_of("take_ticket", {{"ticket_id", waiting}}));
  desk.at_panel("bob").good(request_of("add_message", {{"ticket_id", waiting}, {"message", Json("Sorry.")}}));
  desk.pass(25 * trigger_test_hour_ms);
  CHECK(desk.notes(waiting).size() == 1);
  desk.let_in();
  desk.customer(act("add_message", {{"ticket_id", waiting}, {"message", Json("And now?")}}));
  desk.house.reopen();
  desk.house.environment.advance(25 * trigger_test_hour_ms);
  desk.house.tick();
  desk.house.tick();
  CHECK(desk.notes(waiting).size() == 2);
  CHECK(desk.notes(waiting).back().ends_with("told who holds it (1)."));
  CHECK(desk.told("bob") == 2);
  CHECK(is_verified(desk.house));
}

TEST_CASE("triggers do not set each other off, act five times an hour at most, and not when they are switched off",
          "[server][triggers]") {
  TriggerRoom desk;
  const Json made = desk.trigger("Any", "updated", {"note seen"});
  desk.trigger("Other", "priority_changed", {"priority low", "note lowered"});
  const Json ticket = desk.customers_ticket();
  const auto write = [&] {
    desk.good(act("add_message", {{"ticket_id", ticket}, {"message", Json("x")}, {"is_note", Json(true)}}));
  };
  write();
  CHECK(desk.notes(ticket) == TriggerNotes{"Trigger \"Any\" (updated): seen."});
  for (int i = 0; i < 10; ++i) write();
  CHECK(desk.notes(ticket).size() == 5);
  desk.pass(2 * trigger_test_hour_ms);
  desk.at_panel("bob").good(request_of("update_ticket", {{"ticket_id", ticket}, {"priority", Json("urgent")}}));
  CHECK(desk.get(ticket)["ticket"]["priority_exact"] == Json("low"));
  CHECK(desk.notes(ticket).size() == 7);  // both, and neither because of the other
  CHECK(desk.admin.good(request_of("save_trigger", {{"trigger_id", made["id"]}, {"active", Json(false)}}))["state"] ==
        Json("off"));
  write();
  CHECK(desk.notes(ticket).size() == 7);
  CHECK(is_verified(desk.house));
}

TEST_CASE("a trigger acts once on what a device brings, however often it comes", "[server][triggers]") {
  TriggerRoom desk;
  desk.trigger("Tell the team", "created", {"notify supervisors"});
  Device device(desk.house, "ann", "all");
  must(device.open_session());
  const TicketId id = random_id<TicketId>(desk.house.environment);
  const Bytes set = device.seal({device.create(id)});
  device.push(std::vector<Bytes>{set});
  device.push(std::vector<Bytes>{set});  // its answer was lost
  const Json tickets = desk.good(act("list_tickets"))["tickets"];
  REQUIRE(tickets.size() == 1);
  CHECK(desk.notes(tickets.items().front()["id"]).size() == 1);
  CHECK(is_verified(desk.house));
}

TEST_CASE("D6: a queue sets its tickets to waiting after a public answer, or forbids that", "[server][triggers]") {
  TriggerRoom desk;
  desk.house.command(cmd("queue add", {{"name", Json("Field")}}));
  const Json ticket = desk.customers_ticket();
  desk.house.command(cmd("operator set", {{"operator", Json("bob")}, {"queue", Json::array({Json("Field")})}}));
  desk.admin.good(request_of(
      "save_trigger",
      {{"name", Json("To Field")}, {"event", Json("created")}, {"actions", Json::array({Json("escalate Field")})}}));
  const Json fields = desk.customers_ticket();
  const auto answer = [&](const Json& which, bool note = false) {
    desk.good(act("add_message", {{"ticket_id", which}, {"message", Json("On it.")}, {"is_note", Json(note)}}));
    return desk.get(which)["ticket"]["status_exact"].as_string();
  };
  const auto queue = [&](const char* says) {
    desk.house.command(cmd("queue set", {{"name", Json("Field")}, {"answers_wait", Json(says)}}));
  };
  CHECK(answer(fields) == "new");
  queue("1");
  CHECK(answer(fields, true) == "new");
  CHECK(answer(fields) == "waiting");
  const std::size_t notes = desk.notes(fields).size();
  desk.customer(act("add_message", {{"ticket_id", fields}, {"message", Json("And now?")}}));
  CHECK(desk.get(fields)["ticket"]["status_exact"] == Json("open"));
  for (int n = 0; n < 6; ++n) {  // however often
    CHECK(answer(fields) == "waiting");
    desk.customer(act("add_message", {{"ticket_id", fields}, {"message", Json("And now?")}}));
  }
  CHECK(desk.notes(fields).size() == notes);
  desk.good(act("hold_ticket", {{"ticket_id", fields}}));
  CHECK(answer(fields) == "on_hold");
  CHECK(answer(ticket) == "new");  // it has no queue

  CHECK(desk.trigger("Wait", "agent_replied", {"wait"})["state"] == Json("active"));
  CHECK(desk.trigger("Never", "created", {"wait"})["state"] == Json("stored"));
  CHECK(answer(ticket) == "waiting");
  CHECK(desk.notes(ticket).back() == "Trigger \"Wait\" (agent_replied): waits for the customer.");
  queue("0");
  desk.good(act("resume_ticket", {{"ticket_id", fields}}));
  CHECK(answer(fields) == "open");
  queue("1");
  CHECK(answer(fields) == "waiting");
  CHECK(desk.house.command(cmd("verify"))["findings"].size() == 0);
  const auto refused =
      desk.house.try_command(cmd("queue set", {{"name", Json("Field")}, {"answers_wait", Json("yes")}}));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().field == "answers_wait");
}

TEST_CASE("D6: an answer to what its author had not read leaves the ticket to be answered", "[server][triggers]") {
  TriggerRoom desk;
  desk.trigger("Wait", "agent_replied", {"wait"});
  const Json ticket = desk.customers_ticket();
  desk.good(act("take_ticket", {{"ticket_id", ticket}}));
  Device van(desk.house, "ann");
  must(van.open_session());
  const auto patches = van.download();
  REQUIRE(patches.size() == 1);
  sync::Change reply = van.change(sync::Intent::message, must(sync::decode_state(patches.front().state())).id);
  reply.visibility = sync::Visibility::open;
  reply.text = "On the way.";
  const bool wrote = GENERATE(true, false);
  if (wrote) desk.customer(act("add_message", {{"ticket_id", ticket}, {"message", Json("Bring a seal.")}}));
  desk.house.environment.advance(trigger_test_hour_ms / 60);
  van.push(reply);
  CHECK(desk.get(ticket)["ticket"]["status_exact"] == Json(wrote ? "new" : "waiting"));
}

}  // namespace tern::test
