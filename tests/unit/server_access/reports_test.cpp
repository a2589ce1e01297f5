// Reports and dashboards: figures, how sure they are, and what was known when (docs/reports.md).
#include <map>
#include <set>

#include "support/persist.hpp"
#include "vans.hpp"

namespace tern::test {

TEST_CASE("H1 H7: a breach behind two silent devices, one of which then syncs a reply from before it",
          "[server][reports]") {
  const NothingFails once;
  Vans desk;
  const TicketId hers = desk.ask(desk.ada_id, *desk.ada), his = desk.ask(desk.bob_id, *desk.bob);
  desk.sync(*desk.sue);
  const std::string fell_silent = desk.now();
  REQUIRE(desk.report("dashboard")["horizon"]["complete"] == Json(true));

  desk.pass(3 * report_hour_ms + 10 * report_minute_ms);
  const Bytes written = desk.ada->seal({Vans::reply(*desk.ada, hers)});  // without network, 50 minutes before it is due
  desk.pass(2 * report_hour_ms);
  desk.sync(*desk.sue);

  // Before: two breaches that may be none, and it is said why.
  const Json before = desk.report("dashboard");
  CHECK(Vans::row(before, "SLA compliance")["value"] == Json(0));
  CHECK(Vans::row(before, "SLA compliance at best")["value"] == Json(100));
  CHECK(Vans::row(before, "breaches, provisional")["value"] == Json(2));
  CHECK(Vans::row(before, "SLA compliance")["unsure_tickets"] == Json(2));
  CHECK(Vans::row(before, "first response")["n"] == Json(0));
  const Json& horizon = before["horizon"];
  CHECK(horizon["complete"] == Json(false));
  CHECK(horizon["tickets"] == Json(2));
  CHECK(horizon["pending_changes"] == Json(0));
  CHECK(horizon["silent_since"].as_string().substr(0, 16) <= fell_silent.substr(0, 16));
  CHECK(horizon["provisional_breaches"] == Json(2));
  REQUIRE(horizon["devices"].size() == 2);
  CHECK(horizon["devices"].items()[0]["tickets"] == Json(1));
  CHECK(horizon["sentence"].as_string().starts_with("2 tickets sit behind 2 devices silent since "));
  CHECK(desk.house.command(cmd("verify"))["findings"].size() == 0);

  // The period ends; then her van comes back.
  desk.pass(10 * report_minute_ms);
  const std::string ended = desk.now();
  desk.pass(report_hour_ms);
  must(desk.ada->open_session());
  desk.ada->push({written});
  desk.sync(*desk.ada);
  desk.sync(*desk.sue);

  const Json after = desk.report("dashboard", {{"to", Json(ended)}});
  const Json compliance = Vans::row(after, "SLA compliance");
  CHECK(compliance["value"] == Json(50));
  CHECK(compliance["known_then"] == Json(0));
  CHECK(compliance["unsure_tickets"] == Json(1));
  const Json provisional = Vans::row(after, "breaches, provisional");
  CHECK(provisional["value"] == Json(1));
  CHECK(provisional["known_then"] == Json(2));
  const Json response = Vans::row(after, "first response");
  CHECK(response["n"] == Json(1));
  CHECK(response["value"] == Json(190));
  CHECK(response["known_then"].is_null());
  REQUIRE(after["horizon"]["devices"].size() == 1);
  CHECK(after["horizon"]["devices"].items()[0]["operator"] == Json("bob"));
  CHECK(after["horizon"]["tickets"] == Json(1));
  REQUIRE(after["late_arrivals"] == Json(1));
  const Json& late = after["late"].items().front();
  CHECK(late["by"] == Json("ada"));
  CHECK(late["intent"] == Json("message"));
  CHECK(late["made"].as_string() < ended);
  CHECK(late["arrived"].as_string() > ended);
  CHECK(Vans::row(desk.report("sla", {{"to", Json(ended)}}), "first_response", "promise")["known_then_pct"] == Json(0));

  // And now both were heard of: nothing can come any more, and what is told of then stays told.
  desk.sync(*desk.bob);
  desk.pass(16 * report_minute_ms);
  for (Device* device : {desk.sue.get(), desk.ada.get(), desk.bob.get()}) desk.sync(*device);
  const Json last = desk.report("dashboard", {{"to", Json(ended)}});
  CHECK(last["horizon"]["complete"] == Json(true));
  CHECK(last["horizon"]["provisional_breaches"] == Json(0));
  CHECK(Vans::row(last, "breaches")["value"] == Json(1));
  CHECK(Vans::row(last, "breaches")["known_then"] == Json(0));
  CHECK(Vans::row(last, "breaches, provisional")["known_then"] == Json(2));
  CHECK(Vans::row(last, "SLA compliance")["known_then"] == Json(0));
  CHECK(Vans::row(last, "SLA compliance")["value"] == Json(50));
  CHECK(desk.house.command(cmd("verify"))["findings"].size() == 0);
  static_cast<void>(his);
}

TEST_CASE(
    "H2: a device is silent after the minutes that were asked for, and holds what it was sent and not told to drop",
    "[server][reports]") {
  const NothingFails once;
  Vans desk;
  const TicketId ticket = desk.ask(desk.ada_id, *desk.ada);
  desk.sync(*desk.sue);
  desk.pass(10 * report_minute_ms);
  CHECK(desk.report("dashboard")["horizon"]["devices"].size() == 0);
  const Json early = desk.report("dashboard", {{"silent_after", Json(5)}})["horizon"];
  REQUIRE(early["devices"].size() == 2);  // bob's holds nothing
  CHECK(early["tickets"] == Json(1));
  for (const Json& device : early["devices"].items()) {
    CHECK(device["tickets"] == Json(1));
    CHECK(device["holds_every_ticket"] == Json(device["operator"] == Json("sue")));
  }
  CHECK(early["sentence"].as_string().find(" 1 of them holds every ticket.") != std::string::npos);

  // Given to somebody else meanwhile: her van does not know.
  desk.pass(10 * report_minute_ms);
  must(desk.sue->open_session());
  sync::Change assign = desk.sue->change(sync::Intent::assign, ticket);
  assign.target = Vans::must_uuid(desk.bob_id);
  assign.reason = "she is away";
  desk.sue->push(assign);
  desk.sync(*desk.sue);
  const Json dark = desk.report("dashboard")["horizon"];
  REQUIRE(dark["devices"].size() == 1);
  CHECK(dark["devices"].items()[0]["operator"] == Json("ada"));
  CHECK(dark["devices"].items()[0]["tickets"] == Json(1));
  for (int i = 0; i < 5; ++i) desk.sync(*desk.ada);  // it is told, loses its custody, and says that it knows
  desk.pass(20 * report_minute_ms);
  desk.sync(*desk.sue);
  desk.sync(*desk.bob);
  const Json quiet = desk.report("dashboard")["horizon"];
  INFO(to_text(quiet));
  CHECK(quiet["devices"].size() == 0);
}

TEST_CASE("H3: pending changes that a device told of and that never came are told", "[server][reports]") {
  Vans desk;
  desk.ask(desk.ada_id, *desk.ada);
  must(desk.ada->open_session());
  v1::ExchangeRequest request = desk.ada->request();
  request.mutable_outbox()->set_pending(12);
  desk.ada->exchange(request);
  desk.pass(20 * report_minute_ms);
  desk.sync(*desk.sue);
  const Json horizon = desk.report("dashboard")["horizon"];
  CHECK(horizon["pending_changes"] == Json(12));
  CHECK(horizon["sentence"].as_string().find("12 changes were pending when last heard of") != std::string::npos);
}

TEST_CASE("M13: figures are of the tickets that are asked for, and by group they are those of each group",
          "[server][reports]") {
  Vans desk;
  desk.house.command(cmd("queue add", {{"name", Json("Field")}}));
  desk.house.command(cmd("category add", {{"name", Json("Pumps")}}));
  desk.house.command(cmd("organisation add", {{"name", Json("North")}, {"portal_domain", Json("north.example")}}));
  const auto id_of = [&](const char* list) {
    return Vans::must_uuid(desk.house.command(cmd(list))["rows"].items().front()["id"].as_string());
  };
  const TicketId first = desk.ask(desk.ada_id, *desk.ada), second = desk.ask(desk.bob_id, *desk.bob);
  static_cast<void>(desk.ask(desk.bob_id, *desk.bob));
  const auto by_sue = [&](sync::Change change) {
    must(desk.sue->open_session());
    desk.sue->push(std::move(change));
  };
  sync::Change move = desk.sue->change(sync::Intent::move_queue, first);
  move.target = id_of("queue list");
  by_sue(move);
  const auto set = [&](const TicketId& ticket, sync::FieldId field, Bytes value) {
    sync::Change change = desk.sue->change(sync::Intent::set, ticket);
    change.fields.push_back({field, {}, std::move(value), false});
    by_sue(change);
  };
  set(first, sync::FieldId::category, id_of("category list"));
  set(first, sync::FieldId::organisation, id_of("organisation list"));
  set(second, sync::FieldId::priority, "4");
  desk.pass(report_hour_ms);
  must(desk.ada->open_session());
  desk.ada->push(Vans::reply(*desk.ada, first));
  desk.pass(report_hour_ms);
  must(desk.bob->open_session());
  desk.bob->push(Vans::reply(*desk.bob, second));
  desk.bob->push(desk.bob->change(sync::Intent::resolve, second));
  desk.house.tick();

  const auto figure = [&](std::initializer_list<Json::Member> asked, const char* name) {
    return Vans::row(desk.report("dashboard", asked), name)["value"];
  };
  CHECK(figure({}, "created") == Json(3));
  for (const auto& [name, said] : std::initializer_list<std::pair<const char*, const char*>>{
           {"queue", "Field"}, {"category", "Pumps"}, {"client", "North"}}) {
    INFO(name);
    CHECK(figure({{name, Json(said)}}, "created") == Json(1));
    CHECK(figure({{name, Json(said)}}, "open") == Json(1));
    CHECK(figure({{name, Json(said)}}, "first response") == Json(60));
    CHECK(figure({{name, Json(said)}, {"priority", Json("urgent")}}, "created") == Json(0));
  }
  CHECK(figure({{"queue", Json("none")}}, "created") == Json(2));
  CHECK(figure({{"priority", Json("urgent")}}, "first response") == Json(120));
  CHECK(code_of(desk.house, cmd("report dashboard", {{"queue", Json("Nowhere")}})) == ErrorCode::not_found);

  const auto group = [&](const char* by, const Json& name) {
    const Json rows = desk.report("groups", {{"by", Json(by)}})["rows"];
    for (const Json& row : rows.items())
      if (row["group"] == name) return row;
    return Json();
  };
  for (const auto& [by, name] : std::initializer_list<std::pair<const char*, const char*>>{
           {"queue", "Field"}, {"category", "Pumps"}, {"client", "North"}}) {
    INFO(by);
    const Json of = group(by, Json(name)), others = group(by, Json());
    CHECK(of["created"] == Json(1));
    CHECK(of["open"] == Json(1));
    CHECK(of["avg_response_min"] == Json(60));
    CHECK(others["created"] == Json(2));
    CHECK(others["resolved"] == Json(1));
    CHECK(others["avg_response_min"] == Json(120));
    CHECK(others["sla_compliance_pct"] == Json(100));
  }
  CHECK(group("priority", Json("urgent"))["resolved"] == Json(1));
  CHECK(group("priority", Json("normal"))["created"] == Json(2));
  CHECK(desk.report("groups", {{"by", Json("queue")}, {"client", Json("North")}})["rows"].size() == 1);

  sync::Change chat = desk.sue->create(random_id<TicketId>(desk.house.environment), "by telegram");
  chat.fields.push_back({sync::FieldId::external_ref, "conversation", "telegram:77", false});
  by_sue(chat);
  CHECK(group("channel", Json("telegram"))["created"] == Json(1));
  CHECK(group("channel", Json("telegram"))["open"] == Json(1));
  CHECK(group("channel", Json("desk"))["created"] == Json(3));
  CHECK(group("channel", Json("desk"))["resolved"] == Json(1));
  CHECK(figure({{"channel", Json("telegram")}}, "created") == Json(1));
  CHECK(figure({{"channel", Json("email")}}, "created") == Json(0));
  CHECK(desk.report("groups", {{"by", Json("channel")}})["rows"].items().front()["group"] == Json("desk"));
  // In pages they are the same, and in the same order.
  for (const char* by : {"queue", "category", "client", "priority"}) {
    INFO(by);
    const Json whole = desk.report("groups", {{"by", Json(by)}});
    CHECK(whole.find("next") == nullptr);
    REQUIRE(whole["rows"].size() == 2);
    const Json page = desk.report("groups", {{"by", Json(by)}, {"limit", Json(1)}});
    CHECK(page["rows"] == Json::array({whole["rows"].items()[0]}));
    const Json last = desk.report("groups", {{"by", Json(by)}, {"limit", Json(1)}, {"after", page["next"]}});
    CHECK(last["rows"] == Json::array({whole["rows"].items()[1]}));
    CHECK(last.find("next") == nullptr);
  }
  // A van that holds one of them falls silent.
  desk.pass(20 * report_minute_ms);
  for (Device* device : {desk.sue.get(), desk.bob.get()}) desk.sync(*device);
  CHECK(group("queue", Json("Field"))["unsure_tickets"] == Json(1));
  CHECK(group("queue", Json())["unsure_tickets"] == Json(0));
  CHECK(desk.report("dashboard", {{"priority", Json("urgent")}})["horizon"]["tickets"] == Json(0));
  // Their contact is a customer of it.
  desk.house.command(cmd("contact set", {{"name", Json("Kim")}, {"organisation", Json("North")}}));
  CHECK(figure({{"client", Json("North")}}, "created") == Json(3));
  CHECK(group("client", Json("North"))["created"] == Json(3));
  const Json past = desk.report("dashboard", {{"queue", Json("Field")}, {"to", Json("2030-01-01T00:00:00Z")}});
  CHECK(Vans::row(past, "created")["value"] == Json(1));
}

TEST_CASE("M7 to M10: the figures of a period are those of its tickets, one by one", "[server][reports]") {
  Vans desk;
  // Asked at 0; answered after 1 h and 3 h, one of them resolved, reopened and resolved again.
  const TicketId one = desk.ask(desk.ada_id, *desk.ada), two = desk.ask(desk.bob_id, *desk.bob);
  const TicketId three = desk.ask(desk.bob_id, *desk.bob);
  const auto act = [&](Device& device, sync::Change change) {
    must(device.open_session());
    device.push(std::move(change));
    desk.sync(device);
  };
  desk.pass(report_hour_ms);
  act(*desk.ada, Vans::reply(*desk.ada, one));
  act(*desk.ada, desk.ada->change(sync::Intent::resolve, one));
  desk.pass(report_hour_ms);
  act(*desk.ada, desk.ada->change(sync::Intent::reopen, one));
  desk.pass(report_hour_ms);
  act(*desk.ada, desk.ada->change(sync::Intent::close, one));
  act(*desk.bob, Vans::reply(*desk.bob, two));
  act(*desk.bob, desk.bob->change(sync::Intent::resolve, two));
  desk.sync(*desk.sue);

  const Json of = desk.report("dashboard", {{"days", Json(1)}});
  const auto value = [&](const char* figure) { return Vans::row(of, figure)["value"]; };
  CHECK(value("created") == Json(3));
  CHECK(value("open") == Json(1));
  CHECK(value("open up to 1 day") == Json(1));
  CHECK(value("resolved") == Json(2));
  CHECK(value("first response") == Json(120));  // 60 and 180
  CHECK(Vans::row(of, "first response")["median"] == Json(60));
  CHECK(Vans::row(of, "first response")["p90"] == Json(180));
  CHECK(Vans::row(of, "first response")["n"] == Json(2));
  CHECK(value("resolution") == Json(2.5));        // 2 h of work, and 3
  CHECK(value("first resolution") == Json(2.0));  // 1 and 3
  CHECK(value("resolution with pauses, wall") == Json(3.0));
  CHECK(value("SLA compliance") == Json(100));
  CHECK(value("one touch") == Json(100));
  CHECK(value("reopened") == Json(0));  // the last resolution of the period counts
  CHECK(Vans::row(of, "first response").find("known_then") == nullptr);

  const Json people = desk.report("operators", {{"days", Json(1)}});
  const Json ada = Vans::row(people, "ada", "name"), bob = Vans::row(people, "bob", "name");
  CHECK(ada["assigned"] == Json(0));
  CHECK(ada["done"] == Json(1));
  CHECK(ada["avg_response_min"] == Json(60));
  CHECK(bob["assigned"] == Json(1));
  CHECK(bob["load"] == Json(1));
  CHECK(bob["done"] == Json(1));
  CHECK(bob["avg_response_min"] == Json(180));
  CHECK(bob["csat"].is_null());

  const Json dashboard = desk.house.command(cmd("api dashboard"));
  CHECK(dashboard["avg_response_min"] == Json(120));
  CHECK(dashboard["avg_resolution_hours"] == Json(2.5));
  CHECK(dashboard["sla_compliance_pct"] == Json(100));
  CHECK(dashboard["horizon"]["complete"] == Json(true));
  CHECK(dashboard["unsure_tickets"]["total_open"] == Json(0));

  const Json days = desk.house.command(cmd("api dashboard_analytics", {{"days", Json(2)}}));
  REQUIRE(days["daily"].size() == 2);
  std::int64_t created = 0, resolved = 0;
  for (const Json& day : days["daily"].items()) {
    created += day["created"].as_integer();
    resolved += day["resolved"].as_integer();
  }
  CHECK(created == 3);
  CHECK(resolved == 2);
  CHECK(days["sla"]["compliance_pct"] == Json(100));
  REQUIRE(days["categories"].size() == 1);
  CHECK(days["categories"].items()[0]["created"] == Json(3));

  // Page by page they are the same tickets.
  const Json all = desk.report("tickets", {{"days", Json(1)}});
  REQUIRE(all["rows"].size() == 3);
  CHECK(all.find("next") == nullptr);
  std::set<std::string> numbers;
  Json page = desk.report("tickets", {{"days", Json(1)}, {"limit", Json(2)}});
  for (const Json& row : page["rows"].items()) numbers.insert(row["number"].as_string());
  page = desk.report("tickets", {{"days", Json(1)}, {"limit", Json(2)}, {"after", page["next"]}});
  for (const Json& row : page["rows"].items()) numbers.insert(row["number"].as_string());
  CHECK(numbers.size() == 3);
  const Json first = all["rows"].items().front();
  const std::map<std::string, Json> due{{"sla_response", Json("met")}, {"touches", Json(1)}};
  for (const Json& row : all["rows"].items()) {
    if (row["sla_resolution"].is_null()) continue;
    for (const auto& [name, wanted] : due) CHECK(row[name] == wanted);
  }
  CHECK(first["unsure_since"].is_null());
  static_cast<void>(three);
  CHECK(desk.house.command(cmd("verify"))["findings"].size() == 0);
}

TEST_CASE("a report says by its field what it cannot be asked", "[server][reports]") {
  House house;
  const std::pair<std::string, Json> asked[] = {
      {"days", Json(0)}, {"days", Json(4000)}, {"to", Json("yesterday")}, {"silent_after", Json(0)}};
  for (const auto& [arg, value] : asked) {
    INFO(arg);
    const auto answer = house.try_command(cmd("report dashboard", {{arg, value}}));
    REQUIRE_FALSE(answer);
    CHECK(answer.error().code == (arg == "to" ? ErrorCode::date_invalid : ErrorCode::invalid));
    CHECK(answer.error().field == arg);
  }
  CHECK(code_of(house, cmd("report tickets", {{"after", Json("here")}})) == ErrorCode::invalid);
}

TEST_CASE("an operator's figures are of the tickets that they may read", "[server][reports]") {
  Vans desk;
  const std::string queue = desk.house.command(cmd("queue add", {{"name", Json("Pumps")}}))["id"].as_string();
  const TicketId hers = desk.ask(desk.ada_id, *desk.ada);
  desk.ask(desk.bob_id, *desk.bob);
  must(desk.sue->open_session());
  sync::Change move = desk.sue->change(sync::Intent::move_queue, hers);
  move.target = Vans::must_uuid(queue);
  desk.sue->push(move);
  desk.sync(*desk.sue);
  const auto created_for = [&](const char* who) {
    const std::string key =
        desk.house.command(cmd("key add", {{"name", Json(who)}, {"operator_id", Json(who)}}))["key"].as_string();
    server::Request request;
    request.method = "POST";
    request.target = "/api/v1/dashboard_analytics";
    request.headers = {{"content-type", "application/json"}, {"x-api-key", key}};
    request.body = server::RequestBody(Bytes("{}"));
    const auto answer = desk.house.send(request);
    INFO(answer.body);
    REQUIRE(answer.status == 200);
    std::int64_t created = 0;
    const Json body = must(parse_json(answer.body, {.decimals = true}));
    for (const Json& day : body["data"]["daily"].items()) created += day["created"].as_integer();
    return created;
  };
  CHECK(created_for("sue") == 2);
  CHECK(created_for("bob") == 1);  // not in the queue of the other one
}

}  // namespace tern::test
