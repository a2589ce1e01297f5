// What operators are told of, once each, and who has read what (docs/notifications.md).
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "office.hpp"
#include "panel.hpp"
#include "support/persist.hpp"
#include "tern/sync/ticket_state.hpp"

namespace tern::test {
namespace {

using ToldKinds = std::multiset<std::string>;

/// A supervisor with a key, two operators at the panel, and a customer with a token.
struct ToldRoom : Office {
  ToldRoom() : Office({{"operator_id", Json("ann")}}) {
    house.command(cmd("organisation add", {{"name", Json("Client Ltd")}, {"portal_domain", Json("client.example")}}));
    token = good(act(
        "create_client_token",
        {{"portal_domain", Json("client.example")}, {"user_id", Json(7)}, {"user_name", Json("John")}}))["token"]
                .as_string();
    id_of_ann = operator_id("ann");
  }
  std::int64_t operator_id(const std::string& name) {
    const Json all = good(act("list_operators"));
    for (const Json& one : all.items())
      if (one["name"] == Json(name)) return one["id"].as_integer();
    return 0;
  }
  Json customer(const Json& request) { return good_of_client(request, token); }
  Json on(const char* action, const Json& ticket, std::initializer_list<Json::Member> more = {}) const {
    Json out = act(action, more);
    out.set("ticket_id", ticket);
    return out;
  }
  Json customers_ticket() {
    return customer(act("create_ticket", {{"subject", Json("CRM")}, {"description", Json("It stands.")}}))["id"];
  }
  void give(const Json& ticket, std::int64_t to) {
    good(on("reassign_ticket", ticket, {{"assigned_to", Json(to)}, {"reason", Json("yours")}}));
  }

  std::string token;
  std::int64_t id_of_ann = 0;
};

ToldKinds told_kinds(const Json& told) {
  ToldKinds out;
  for (const Json& one : told.items()) out.insert(one["type"].as_string());
  return out;
}

}  // namespace

TEST_CASE("who holds a ticket is told of what others do to it, once, and never of their own", "[server][api][told]") {
  ToldRoom room;
  Panel bob = Panel::of(room.house, "bob", "operator");
  const std::int64_t bobs = room.operator_id("bob");
  const Json ticket = room.customers_ticket();
  CHECK(bob.good(request_of("notif_count"))["count"] == Json(0));
  room.give(ticket, bobs);
  CHECK(bob.good(request_of("notif_count"))["count"] == Json(1));
  const Json first = bob.good(request_of("get_notifications")).items().front();
  CHECK(first["type"] == Json("assigned"));
  CHECK(first["author_name"] == Json("ann"));
  CHECK(first["ticket_id"] == ticket);
  CHECK(first["subject"] == Json("CRM"));
  CHECK(first["read"] == Json(false));
  CHECK(first["text"].as_string().starts_with("ann assigned T-"));

  room.customer(room.on("add_message", ticket, {{"message", Json("Anybody there?")}}));
  room.good(room.on("add_message", ticket, {{"message", Json("He looks into it.")}}));
  room.good(room.on("add_message", ticket, {{"message", Json("A note.")}, {"is_note", Json(true)}}));
  room.good(room.on("update_ticket", ticket, {{"priority", Json("low")}}));
  bob.good(room.on("add_message", ticket, {{"message", Json("I am on it.")}}));  // his own
  bob.good(room.on("hold_ticket", ticket));
  const Json told = bob.good(request_of("get_notifications"));
  CHECK(told_kinds(told) == ToldKinds{"assigned", "customer_replied", "replied", "noted", "changed"});
  CHECK(told.items().front()["type"] == Json("changed"));  // the newest first
  CHECK(told.items().front()["detail"] == Json("priority"));
  CHECK(bob.good(request_of("get_notifications", {{"limit", Json(2)}})).size() == 2);
  // Whoever acts as nobody is told of nothing, nor is who has nothing to do with it.
  CHECK(room.good(act("notif_count"))["count"] == Json(0));
  CHECK(room.house.command(cmd("api notif_count"))["count"] == Json(0));
  CHECK(is_verified(room.house));
}

TEST_CASE("who watches a ticket is told of it until they watch it no more", "[server][api][told]") {
  ToldRoom room;
  Panel bob = Panel::of(room.house, "bob", "supervisor");
  const Json ticket = room.customers_ticket();
  const Json exported = room.house.command(cmd("export"))["rows"].items().front();
  Device device(room.house, "bob", "all");
  must(device.open_session());
  const auto mean = [&](sync::Intent intent) {
    sync::Change change =
        device.change(intent, TicketId::or_zero(from_uuid_text(exported["id"].as_string()).value_or(Bytes())));
    change.target = Bytes(device.certificate.author.view());
    device.push(change);
  };
  const auto told = [&] {
    room.customer(room.on("add_message", ticket, {{"message", Json("Anybody there?")}}));
    return bob.good(request_of("notif_count"))["count"].as_integer();
  };
  const std::int64_t before = told();
  mean(sync::Intent::watch);
  CHECK(told() == before + 1);
  mean(sync::Intent::unwatch);
  CHECK(told() == before + 1);
}

TEST_CASE("who is named in a message is told, by name or address, and nobody whose name goes on",
          "[server][api][told]") {
  ToldRoom room;
  Panel bob = Panel::of(room.house, "bob", "operator"), bobby = Panel::of(room.house, "bobby", "operator"),
        eve = Panel::of(room.house, "eve", "operator");
  const Json ticket = room.customers_ticket();
  const auto note = [&](const char* text) {
    room.good(room.on("add_message", ticket, {{"message", Json(text)}, {"is_note", Json(true)}}));
  };
  note("@Bobby, please look, with @EVE@pumps.example");
  CHECK(told_kinds(bobby.good(request_of("get_notifications"))) == ToldKinds{"mentioned"});
  CHECK(told_kinds(eve.good(request_of("get_notifications"))) == ToldKinds{"mentioned"});
  CHECK(bob.good(request_of("notif_count"))["count"] == Json(0));
  // A customer names nobody.
  room.customer(room.on("add_message", ticket, {{"message", Json("Dear @bob")}}));
  CHECK(bob.good(request_of("notif_count"))["count"] == Json(0));
}

TEST_CASE("who made an estimate is told what the customer decided, and who resolved it how it was rated",
          "[server][api][told]") {
  ToldRoom room;
  Panel bob = Panel::of(room.house, "bob", "operator");
  const Json ticket = room.customers_ticket();
  bob.good(room.on("set_estimate", ticket, {{"hours", Json(2)}}));
  room.customer(room.on("approve_estimate", ticket));
  bob.good(room.on("complete_ticket", ticket, {{"result", Json("Done.")}}));
  room.customer(room.on("submit_csat", ticket, {{"rating", Json(4)}}));
  const Json told = bob.good(request_of("get_notifications"));
  REQUIRE(told_kinds(told) == ToldKinds{"estimate_decided", "rated"});
  CHECK(told.items()[0]["detail"] == Json("4"));
  CHECK(told.items()[0]["author_name"] == Json("John"));
  CHECK(told.items()[1]["detail"] == Json("approved"));
}

TEST_CASE("what was told is read by marking it, or by opening the ticket at the panel", "[server][api][told]") {
  const NothingFails once;
  ToldRoom room;
  Panel bob = Panel::of(room.house, "bob", "operator");
  const std::int64_t bobs = room.operator_id("bob");
  const Json one = room.customers_ticket(), other = room.customers_ticket();
  room.give(one, bobs);
  room.give(other, bobs);
  const auto unread = [&] { return bob.good(request_of("notif_count"))["count"].as_integer(); };
  REQUIRE(unread() == 2);
  bob.good(room.on("get_ticket", one));
  CHECK(unread() == 1);
  const Json left = bob.good(request_of("get_notifications", {{"unread", Json(true)}}));
  REQUIRE(left.size() == 1);
  CHECK(left.items().front()["ticket_id"] == other);
  bob.good(request_of("get_notifications", {{"mark_read", left.items().front()["id"]}}));
  CHECK(unread() == 0);
  CHECK(bob.good(request_of("get_notifications")).size() == 2);  // they stay
  room.customer(room.on("add_message", one, {{"message", Json("Hello?")}}));
  CHECK(unread() == 1);
  CHECK(bob.good(request_of("get_notifications", {{"mark_read", Json("all")}})).items().front()["read"] == Json(true));
  CHECK(unread() == 0);
  CHECK(bob.refusal(request_of("get_notifications", {{"mark_read", Json("some")}})) == "invalid mark_read");
  // Numbers are given once, and to nobody else's does anybody get.
  Panel eve = Panel::of(room.house, "eve", "operator");
  room.customer(room.on("add_message", one, {{"message", Json("Hello!")}}));
  const Json his = bob.good(request_of("get_notifications")).items().front();
  eve.good(request_of("get_notifications", {{"mark_read", his["id"]}}));
  CHECK(unread() == 1);
}

TEST_CASE("what was told is forgotten after ninety days", "[server][api][told]") {
  constexpr std::int64_t day_ms = 24 * 3'600'000;
  ToldRoom room;
  Panel::of(room.house, "bob", "operator");
  const std::int64_t bobs = room.operator_id("bob");
  const Json first = room.customers_ticket(), second = room.customers_ticket();
  const auto knows_whose = [&](const Json& ticket) {
    room.house.tick();
    Panel bob(room.house, "bob@pumps.example", "a password of bob");
    const Json told = bob.good(request_of("get_notifications", {{"limit", Json(100)}}));
    return std::ranges::any_of(
        told.items(), [&](const Json& one) { return one["type"] == Json("assigned") && one["ticket_id"] == ticket; });
  };
  room.give(first, bobs);
  room.house.environment.advance(89 * day_ms);
  room.give(second, bobs);
  CHECK(knows_whose(first));
  room.house.environment.advance(2 * day_ms);
  CHECK_FALSE(knows_whose(first));
  CHECK(knows_whose(second));
}

TEST_CASE("operators say themselves whether they are there", "[server][api]") {
  ToldRoom room;
  Panel bob = Panel::of(room.house, "bob", "operator");
  const auto status_of = [&](const char* name) {
    const Json people = room.house.command(cmd("operator list"));
    for (const Json& row : people["rows"].items())
      if (row["name"] == Json(name)) return row["status"];
    return Json("nobody");
  };
  const Json away = bob.good(request_of("set_own_status", {{"status", Json("break")}}));
  CHECK(away["status"] == Json("break"));
  CHECK(away["name"] == Json("bob"));
  CHECK(status_of("bob") == Json("break"));
  CHECK(status_of("ann").is_null());
  CHECK(bob.good(request_of("set_own_status", {{"status", Json("online")}}))["status"] == Json("online"));
  CHECK(status_of("bob").is_null());
  CHECK(said(bob.ask(request_of("set_own_status", {{"status", Json("asleep")}})), "field") == "status");
  // Whoever runs the machine is no operator.
  CHECK(room.house.try_command(cmd("api set_own_status", {{"status", Json("away")}})).error().code ==
        ErrorCode::not_permitted);
}

TEST_CASE("what somebody does not want to be told of they are not told of", "[server][api][told]") {
  ToldRoom room;
  Panel bob = Panel::of(room.house, "bob", "operator");
  const Json ticket = room.customers_ticket();
  bob.good(request_of("get_notifications", {{"mute", Json::array({Json("assigned"), Json("changed")})}}));
  CHECK(bob.good(request_of("notif_count"))["muted"] == Json::array({Json("assigned"), Json("changed")}));
  room.give(ticket, room.operator_id("bob"));
  room.good(room.on("update_ticket", ticket, {{"priority", Json("low")}}));
  CHECK(bob.good(request_of("notif_count"))["count"] == Json(0));
  room.customer(room.on("add_message", ticket, {{"message", Json("Hello?")}}));
  CHECK(told_kinds(bob.good(request_of("get_notifications"))) == ToldKinds{"customer_replied"});
  bob.good(request_of("get_notifications", {{"mute", Json::array({Json("none")})}}));
  CHECK(bob.good(request_of("notif_count"))["muted"].size() == 0);
  CHECK(bob.refusal(request_of("get_notifications", {{"mute", Json::array({Json("rain")})}})) == "invalid mute");
  // A key that only reads decides nothing for its operator.
  room.key = room.house
                 .command(cmd("key add", {{"name", Json("Reading")},
                                          {"operator_id", Json("bob")},
                                          {"scopes", Json::array({Json("read")})}}))["key"]
                 .as_string();
  CHECK(room.good(act("notif_count"))["count"] == Json(1));
  CHECK(said(room.ask(act("get_notifications", {{"mark_read", Json("all")}}))) == "scope_missing");
  for (const char* kinds : {"mute", "mail"})
    CHECK(said(room.ask(act("get_notifications", {{kinds, Json::array({Json("changed")})}}))) == "scope_missing");
  CHECK(is_verified(room.house));
}

TEST_CASE("deadlines tell who holds the ticket, breaches managers too, each once over a restart",
          "[server][sla][told]") {
  constexpr std::int64_t hour_ms = 3'600'000;
  ToldRoom room;
  Panel bob = Panel::of(room.house, "bob", "operator"), mia = Panel::of(room.house, "mia", "sla_manager");
  room.house.command(cmd("sla rule add", {{"name", Json("All")}, {"first-response", Json("4h")}}));
  const Json ticket = room.customers_ticket();
  room.give(ticket, room.operator_id("bob"));
  room.house.tick();
  room.house.environment.advance(3 * hour_ms + 1'000);
  room.house.tick();
  CHECK(told_kinds(bob.good(request_of("get_notifications"))) == ToldKinds{"assigned", "sla_yellow"});
  const auto breached = [&] { return room.good(room.on("get_ticket", ticket))["ticket"]["sla_response_breached"]; };
  CHECK(breached() == Json(false));
  CHECK(mia.good(request_of("notif_count"))["count"] == Json(0));
  room.house.environment.advance(hour_ms);
  room.house.tick();
  room.house.tick();
  CHECK(told_kinds(bob.good(request_of("get_notifications"))) == ToldKinds{"assigned", "sla_yellow", "sla_breach"});
  CHECK(breached() == Json(true));
  const Json told = mia.good(request_of("get_notifications"));
  REQUIRE(told_kinds(told) == ToldKinds{"sla_breach"});
  CHECK(told.items().front()["detail"] == Json("first_response"));
  CHECK(told.items().front()["author_name"] == Json("System"));
  room.house.reopen();
  room.house.tick();
  Panel again(room.house, "mia@pumps.example", "a password of mia");
  CHECK(again.good(request_of("notif_count"))["count"] == Json(1));
}

TEST_CASE("K15: quiet alerts wait for the hours of who is told, each once; a breach reaches managers at once",
          "[server][sla][told]") {
  constexpr std::int64_t hour_ms = 3'600'000;
  ToldRoom room;
  Panel bob = Panel::of(room.house, "bob", "operator"), mia = Panel::of(room.house, "mia", "sla_manager");
  const std::int64_t hour = room.house.environment.wall_ms() / hour_ms;
  const std::string daily = fmt::format("mon-sun {:02}:00-{:02}:00", (hour + 12) % 24, (hour + 20) % 24);
  room.house.command(cmd("calendar add", {{"name", Json("Late")}, {"hours", Json::array({Json(daily)})}}));
  for (const char* name : {"bob", "mia"})
    room.house.command(cmd("operator set", {{"operator", Json(name)}, {"calendar", Json("Late")}}));
  room.house.command(
      cmd("sla rule add", {{"name", Json("All")}, {"first-response", Json("4h")}, {"quiet", Json("true")}}));
  const Json ticket = room.customers_ticket();
  room.give(ticket, room.operator_id("bob"));
  const auto of_bob = [&] { return told_kinds(bob.good(request_of("get_notifications"))); };
  const auto after = [&](std::int64_t ms) {
    room.house.environment.advance(ms);
    room.house.tick();
  };
  after(3 * hour_ms + 1'000);  // yellow
  CHECK(of_bob() == ToldKinds{"assigned"});
  after(hour_ms);  // breached: the warning is no news any more
  CHECK(of_bob() == ToldKinds{"assigned"});
  CHECK(told_kinds(mia.good(request_of("get_notifications"))) == ToldKinds{"sla_breach"});
  CHECK(room.house.command(cmd("verify"))["findings"].items().empty());
  after(8 * hour_ms);  // his day begins within the hour before
  after(hour_ms);
  Panel in_time(room.house, "bob@pumps.example", "a password of bob");
  CHECK(told_kinds(in_time.good(request_of("get_notifications"))) ==
        ToldKinds{"assigned", "sla_breach", "sla_late", "sla_late"});
  room.house.reopen();
  room.house.tick();
  Panel again(room.house, "mia@pumps.example", "a password of mia");
  CHECK(told_kinds(again.good(request_of("get_notifications"))) == ToldKinds{"sla_breach", "sla_late", "sla_late"});
}

TEST_CASE("a breach that later proof takes back is told to who was told of it", "[server][sla][told]") {
  constexpr std::int64_t hour_ms = 3'600'000;
  ToldRoom room;
  Panel mia = Panel::of(room.house, "mia", "manager");
  room.house.command(cmd("sla rule add", {{"name", Json("All")}, {"first-response", Json("4h")}}));
  const Json ticket = room.customers_ticket();
  room.give(ticket, room.id_of_ann);
  Device van(room.house, "ann");
  must(van.open_session());
  const auto patches = van.download();
  REQUIRE(patches.size() == 1);
  sync::Change reply = van.change(sync::Intent::message, must(sync::decode_state(patches.front().state())).id);
  reply.visibility = sync::Visibility::open;
  reply.text = "On the way.";
  room.house.environment.advance(3 * hour_ms);
  const Bytes written = van.seal({reply});  // without network, an hour before it is due
  room.house.environment.advance(2 * hour_ms);
  room.house.tick();
  CHECK(told_kinds(mia.good(request_of("get_notifications"))) == ToldKinds{"sla_breach"});
  must(van.open_session());
  van.push(std::vector<Bytes>{written});
  room.house.tick();
  CHECK(told_kinds(mia.good(request_of("get_notifications"))) == ToldKinds{"sla_breach", "sla_rescinded"});
  CHECK(is_verified(room.house));
}

TEST_CASE("nobody is told of what was imported, nor in words of what is restricted", "[server][api][told]") {
  ToldRoom room;
  Panel bob = Panel::of(room.house, "bob", "operator");
  const Json ticket = room.customers_ticket();
  room.give(ticket, room.operator_id("bob"));
  bob.good(request_of("get_notifications", {{"mark_read", Json("all")}}));
  Device device(room.house, "ann", "all");
  must(device.open_session());
  const auto patches = device.download();
  REQUIRE(patches.size() == 1);
  sync::Change secret = device.change(sync::Intent::message, must(sync::decode_state(patches.front().state())).id);
  secret.visibility = sync::Visibility::restricted;
  secret.text = "@bob CANARY";
  device.push(secret);
  CHECK(bob.good(request_of("notif_count"))["count"] == Json(0));
}

TEST_CASE("a message counts as read when its reader's own request returned it", "[server][api][read]") {
  ToldRoom room;
  Panel bob = Panel::of(room.house, "bob", "operator"), eve = Panel::of(room.house, "eve", "operator");
  const Json ticket = room.customers_ticket();
  const auto status = [&] {
    return room.good(room.on("get_ticket", ticket))["messages"].items().back()["delivery_status"].as_string();
  };
  const auto unread = [](Panel& who) {
    return who.good(request_of("list_tickets"))["tickets"].items().front()["unread_count"].as_integer();
  };
  room.good(room.on("add_message", ticket, {{"message", Json("We look into it.")}}));
  CHECK(status() == "queued");
  CHECK(room.customer(act("list_tickets"))["total"] == Json(1));
  CHECK(status() == "queued");  // a list shows no message
  room.customer(room.on("get_ticket", ticket));
  CHECK(status() == "read");
  room.good(room.on("add_message", ticket, {{"message", Json("It is the seal.")}}));
  CHECK(status() == "queued");
  room.customer(room.on("get_ticket", ticket));

  CHECK(unread(bob) == 0);
  room.customer(room.on("add_message", ticket, {{"message", Json("One")}}));
  room.customer(room.on("add_message", ticket, {{"message", Json("Two")}}));
  CHECK(unread(bob) == 2);
  bob.good(room.on("get_ticket", ticket));
  CHECK(unread(bob) == 0);
  CHECK(unread(eve) == 2);  // each for themselves
  room.customer(room.on("add_message", ticket, {{"message", Json("Three")}}));
  CHECK(unread(bob) == 1);
  room.good(room.on("add_message", ticket, {{"message", Json("Answered.")}}));
  CHECK(unread(eve) == 0);  // a reply answers for everybody
  room.house.reopen();
  CHECK(status() == "queued");
  CHECK(is_verified(room.house));
}

TEST_CASE("customers find published articles by their words, and what they read is counted", "[server][api][client]") {
  ToldRoom room;
  Panel admin(room.house);
  const auto article = [&](const char* title, const char* content, const char* status) {
    return admin.good(request_of("create_kb_article", {{"title", Json(title)},
                                                       {"content", Json(content)},
                                                       {"category", Json("setup")},
                                                       {"status", Json(status)}}))["id"];
  };
  const Json meter = article("Reset a meter", "Hold the key for 5 seconds.", "published");
  article("Change a key", "First reset it.", "published");
  article("CANARY", "Not ready: reset nothing.", "draft");
  const auto titles = [&](const char* search) {
    std::vector<std::string> out;
    const Json found = room.customer(act("kb_articles", {{"search", Json(search)}}));
    for (const Json& one : found.items()) out.push_back(one["title"].as_string());
    return out;
  };
  using Titles = std::vector<std::string>;
  CHECK(titles("reset") == Titles{"Reset a meter", "Change a key"});  // in the title first
  CHECK(titles("RESET met") == Titles{"Reset a meter"});              // the last word may begin one
  CHECK(titles("res it") == Titles{});
  CHECK(titles("setup") == Titles{"Change a key", "Reset a meter"});
  CHECK(room.customer(act("kb_articles")).size() == 2);
  CHECK(room.customer(act("kb_articles", {{"page", Json(2)}})).size() == 0);
  const auto views = [&] {
    return admin.good(request_of("list_kb_articles", {{"article_id", meter}})).items().front()["views"].as_integer();
  };
  CHECK(views() == 0);  // found is not read
  const Json read = room.customer(act("kb_articles", {{"article_id", meter}})).items().front();
  CHECK(read["content"] == Json("Hold the key for 5 seconds."));
  CHECK(read.find("views") == nullptr);
  room.customer(act("kb_articles", {{"article_id", meter}}));
  CHECK(views() == 2);
}

}  // namespace tern::test
