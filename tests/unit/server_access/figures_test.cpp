// Figures over all tickets, against what an export of them says.
#include <map>

#include "support/catch.hpp"
//
#include "house.hpp"

namespace tern::test {
namespace {

struct Counted {
  std::map<std::string, std::int64_t> dashboard;
  std::map<std::string, std::map<std::string, std::int64_t>> clients;  // by portal
};

/// `portal_of`: of a contact's or organisation's name.
Counted count_export(House& house, const std::map<std::string, std::string>& portal_of, const std::string& since) {
  Counted out;
  const Json exported = house.command(cmd("export", {{"format", Json("jsonl")}}));
  for (const Json& ticket : exported["rows"].items()) {
    if (ticket["deleted"].as_bool()) continue;
    const bool merged = !ticket["merged_into"].is_null();
    const std::string status = merged ? "closed" : ticket["status"].as_string();
    const bool done = status == "resolved", open = !done && status != "closed";
    const bool fresh = status == "new" || status == "open" || status == "reopened";
    auto& all = out.dashboard;
    all["total_open"] += open ? 1 : 0;
    all["total_new"] += fresh ? 1 : 0;
    all["total_in_progress"] += status == "in_progress" || status == "waiting" || status == "estimated" ? 1 : 0;
    all["total_on_hold"] += status == "on_hold" ? 1 : 0;
    all["total_done"] += done ? 1 : 0;
    const Json& named = ticket["organisation"].is_null() ? ticket["contact"] : ticket["organisation"];
    const auto portal = portal_of.find(named.is_null() ? "" : named.as_string());
    if (portal == portal_of.end()) continue;
    auto& of = out.clients[portal->second];
    of["open"] += open ? 1 : 0;
    of["new"] += fresh ? 1 : 0;
    of["total"] += 1;
    of["done_month"] += !open && !ticket["resolved_at"].is_null() && ticket["resolved_at"].as_string() >= since ? 1 : 0;
  }
  return out;
}

}  // namespace

TEST_CASE("the dashboard and the clients' figures are those of the tickets one by one", "[server][api][figures]") {
  House house;
  house.environment.advance(3 * 365 * 86'400'000LL);  // the log is of long ago
  house.command(cmd("import incidents", {{"file", Json(std::string(TERN_TEST_DATA_DIR) + "/incidents-sample.csv")}}));
  std::map<std::string, std::string> portal_of{{"North", "north.example"}, {"South", "south.example"}};
  for (const auto& [name, portal] : portal_of)
    house.command(cmd("organisation add", {{"name", Json(name)}, {"portal_domain", Json(portal)}}));
  std::size_t i = 0;
  const Json contacts = house.command(cmd("contact list"));
  REQUIRE(contacts["rows"].size() > 6);
  for (const Json& contact : contacts["rows"].items()) {
    const std::string name = contact["name"].as_string(), client = ++i % 3 == 0 ? "North" : "South";
    if (i % 3 == 1) continue;
    house.command(cmd("contact set", {{"name", Json(name)}, {"organisation", Json(client)}}));
    portal_of[name] = portal_of.at(client);
  }
  const auto add = [&](const char* portal) {
    return house
        .command(
            cmd("api create_ticket",
                {{"subject", Json("Pump")}, {"description", Json("leaks")}, {"portal_domain", Json(portal)}}))["id"]
        .as_integer();
  };
  const auto act = [&](const char* action, std::int64_t id) {
    house.command(cmd(std::string("api ") + action, {{"ticket_id", Json(id)}}));
  };
  const std::int64_t kept = add("north.example");
  for (const char* action : {"complete_ticket", "hold_ticket", "delete_ticket"}) act(action, add("north.example"));
  act("complete_ticket", add("south.example"));
  house.command(cmd("api merge_tickets", {{"ticket_id", Json(add("south.example"))}, {"target_id", Json(kept)}}));
  house.environment.advance(3'600'000);
  house.tick();  // what the import left to be counted

  const Counted due = count_export(house, portal_of, "2025");
  REQUIRE(due.dashboard.at("total_done") >= 2);
  const Json dashboard = house.command(cmd("api dashboard"));
  for (const auto& [name, value] : due.dashboard) {
    INFO(name);
    CHECK(dashboard[name] == Json(value));
  }
  for (const Json& portal : dashboard["per_portal"].items())
    for (const char* name : {"open", "new"})
      CHECK(portal[name] == Json(due.clients.at(portal["portal_domain"].as_string()).at(name)));
  CHECK(dashboard["per_portal"].size() == 2);
  CHECK(dashboard["sla_compliance_pct"] == Json(100));
  CHECK(dashboard["avg_resolution_hours"] == Json(0.0));
  const Json clients = house.command(cmd("api list_clients"));
  REQUIRE(clients.size() == 2);
  for (const Json& client : clients.items())
    for (const char* name : {"open", "total", "done_month"})
      CHECK(client["ticket_stats"][name] == Json(due.clients.at(client["portal_domain"].as_string()).at(name)));
  CHECK(due.clients.at("north.example").at("done_month") == 1);
  CHECK(due.clients.at("south.example").at("total") > 5);
}

TEST_CASE("the hours used of a client are those of the calendar month on its tickets and those of its contacts",
          "[server][api][figures]") {
  House house;
  house.add_operator("ann", "supervisor");
  for (const char* name : {"North", "South"})
    house.command(cmd("organisation add", {{"name", Json(name)}, {"portal_domain", Json(name)}}));
  house.command(cmd("contact add", {{"name", Json("Jo")}, {"organisation", Json("North")}}));
  const auto id_of = [&](const char* list, const char* name) {
    const Json rows = house.command(cmd(list))["rows"];
    for (const Json& row : rows.items())
      if (row["name"] == Json(name)) return from_uuid_text(row["id"].as_string()).value_or(Bytes());
    return Bytes();
  };
  Device ann(house, "ann");
  must(ann.open_session());
  std::uint8_t made = 0;
  const auto ticket_of = [&](sync::FieldId field, Bytes whose) {
    const TicketId ticket = TicketId::or_zero(Bytes(15, '\x07') + static_cast<char>(++made));
    ann.push(ann.create(ticket));
    sync::Change set = ann.change(sync::Intent::set, ticket);
    set.fields.push_back({field, {}, std::move(whose), false});
    ann.push(set);
    return ticket;
  };
  const auto work = [&](const TicketId& ticket, std::int64_t minutes) {
    sync::Change entry = ann.change(sync::Intent::log_time, ticket);
    entry.number = minutes;
    ann.push(entry);
  };
  const TicketId norths = ticket_of(sync::FieldId::organisation, id_of("organisation list", "North"));
  const TicketId jos = ticket_of(sync::FieldId::contact, id_of("contact list", "Jo"));
  const TicketId souths = ticket_of(sync::FieldId::organisation, id_of("organisation list", "South"));
  const auto used = [&](const char* name) {
    const Json clients = house.command(cmd("api list_clients"));
    for (const Json& client : clients.items())
      if (client["company_name"] == Json(name)) return client["hours_used"];
    return Json();
  };
  work(norths, 600);
  // 2023-11-30, half an hour before midnight.
  house.environment.advance(1'701'387'000'000 - house.environment.wall_ms());
  must(ann.open_session());
  work(norths, 60);
  CHECK(used("North") == Json(11.0));
  house.environment.advance(3'600'000);
  CHECK(used("North") == Json(0.0));
  work(norths, 45);
  work(jos, 46);
  work(souths, 6);
  CHECK(used("North") == Json(1.5));
  CHECK(used("South") == Json(0.1));
}

}  // namespace tern::test
