// Calendars and SLA rules through administration, and the clock that goes by them.
#include "house.hpp"
#include "support/catch.hpp"
#include "support/persist.hpp"
#include "tern/sla/instant.hpp"

namespace tern::test {
namespace {

constexpr std::int64_t rules_hour_ms = 3'600'000;

Json word_list(std::initializer_list<const char*> all) {
  Json out = Json::array();
  for (const char* word : all) out.push(Json(word));
  return out;
}

/// The field that a refusal names.
std::string refused_field(House& house, const Json& command) {
  const auto answer = house.try_command(command);
  return answer ? "" : answer.error().field;
}

Json office_calendar() {
  return cmd("calendar add", {{"name", Json("Office")},
                              {"zone", Json("Europe/Kyiv")},
                              {"hours", word_list({"mon-fri 09:00-18:00"})},
                              {"holiday", word_list({"12-25", "2026-12-24 09:00-13:00 Christmas Eve"})}});
}

Json urgent_rule() {
  return cmd("sla rule add", {{"name", Json("Urgent")},
                              {"when", word_list({"priority=high,urgent"})},
                              {"calendar", Json("Office")},
                              {"first-response", Json("1h")},
                              {"resolution", Json("4h")}});
}

std::int64_t commits_of(House& house) {
  return house.command(cmd("status"))["rows"].items()[0]["commit_seq"].as_integer();
}

}  // namespace

TEST_CASE("calendars and rules are made, changed, listed and taken off the list", "[server][admin][sla]") {
  House house;
  const Json calendar = house.command(office_calendar());
  CHECK(calendar["zone"].as_string() == "Europe/Kyiv");
  CHECK(calendar.find("offsets") == nullptr);
  CHECK(calendar["integer_id"].as_integer() == 1);
  house.command(urgent_rule());
  house.command(cmd("sla rule add", {{"name", Json("All")}, {"resolution", Json("2d")}}));
  house.command(cmd("sla rule add", {{"name", Json("First")}, {"resolution", Json("1d")}, {"sort", Json(1)}}));
  Json rules = house.command(cmd("sla rule list"));
  REQUIRE(rules["rows"].size() == 3);
  CHECK(rules["rows"].items()[0]["name"].as_string() == "First");
  CHECK(rules["rows"].items()[1]["when"].as_string() == "priority=high\npriority=urgent");
  CHECK(rules["rows"].items()[2]["calendar"].as_string() == "24/7");

  house.command(cmd("sla rule set", {{"name", Json("Urgent")}, {"resolution", Json("6h")}}));
  house.command(cmd("sla rule remove", {{"name", Json("First")}}));
  house.command(cmd("calendar set", {{"name", Json("Office")}, {"no-holidays", Json(true)}}));
  house.reopen();
  rules = house.command(cmd("sla rule list"));
  REQUIRE(rules["rows"].size() == 2);
  CHECK(rules["rows"].items()[0]["resolution"].as_string() == "6h");
  CHECK(rules["rows"].items()[0]["first_response"].as_string() == "1h");
  CHECK(house.command(cmd("calendar list"))["rows"].items()[0].find("holidays") == nullptr);
  CHECK(house.command(cmd("verify"))["findings"].size() == 0);
}

TEST_CASE("a calendar or rule that cannot be is refused with its field, and nothing is written",
          "[server][admin][sla]") {
  House house;
  house.command(office_calendar());
  const std::int64_t before = commits_of(house);
  CHECK(refused_field(house, office_calendar()) == "name");
  CHECK(refused_field(house, cmd("calendar add", {{"name", Json("24/7")}, {"hours", word_list({"24/7"})}})) == "name");
  CHECK(refused_field(house, cmd("calendar add", {{"name", Json("Night")}})) == "weekly");
  CHECK(refused_field(house, cmd("calendar add",
                                 {{"name", Json("Night")}, {"hours", word_list({"mon 25:00-26:00"})}})) == "hours");
  CHECK(refused_field(house, cmd("sla rule add", {{"name", Json("Empty")}})) == "resolution");
  CHECK(refused_field(house, cmd("sla rule add", {{"name", Json("Q")},
                                                  {"when", word_list({"queue=Nowhere"})},
                                                  {"resolution", Json("4h")}})) == "when");
  CHECK(refused_field(house, cmd("sla rule add", {{"name", Json("A")},
                                                  {"when", word_list({"channel=telegram", "audience=everybody"})},
                                                  {"resolution", Json("4h")}})) == "when");
  CHECK(refused_field(house, cmd("sla rule add",
                                 {{"name", Json("C")}, {"calendar", Json("Moon")}, {"resolution", Json("4h")}})) ==
        "calendar");
  // Less working time in ten years than was promised.
  house.command(urgent_rule());
  CHECK(refused_field(house, cmd("sla rule set", {{"name", Json("Urgent")}, {"resolution", Json("1800d")}})) ==
        "targets");
  CHECK(refused_field(house, cmd("sla rule set", {{"name", Json("Nobody")}, {"resolution", Json("1h")}})) ==
        "sla_rule");
  CHECK(commits_of(house) == before + 1);
}

TEST_CASE("calendars and rules are loaded with other records, and judged before anything is written",
          "[server][admin][sla]") {
  House house;
  const auto row = [](const char* kind, const char* name, std::initializer_list<Json::Member> attributes) {
    Json all = Json::object({});
    for (const auto& [key, value] : attributes) all.set(key, value);
    return Json::object({{"kind", Json(kind)}, {"name", Json(name)}, {"attributes", std::move(all)}});
  };
  const Json queue = row("queue", "Field", {});
  const Json calendar = row("calendar", "Office", {{"hours", Json("mon-fri 09:00-18:00")}});
  const Json rule = row("sla_rule", "Field work",
                        {{"calendar", Json("Office")}, {"when", Json("queue=Field")}, {"on_site", Json("8h")}});
  CHECK(refused_field(house, cmd("record load", {{"rows", Json::array({rule, calendar, queue})}})) == "when");
  CHECK(refused_field(house, cmd("record load", {{"rows", Json::array({queue, rule, calendar})}})) == "calendar");
  CHECK(house.command(cmd("queue list"))["rows"].size() == 0);
  CHECK(house.command(cmd("record load", {{"rows", Json::array({queue, calendar, rule})}}))["made"].as_integer() == 3);
  CHECK(house.command(cmd("sla rule list"))["rows"].items()[0]["on_site"].as_string() == "8h");
}

TEST_CASE("the clock of a ticket goes by the tenant's rules as they were at each instant", "[server][admin][sla]") {
  House house;
  house.add_operator("Ann");
  Device device(house, "Ann");
  device.open_session();
  const TicketId ticket = random_id<TicketId>(house.environment);
  device.push(device.create(ticket));
  const std::string id = to_uuid_text(ticket.view());
  const auto explained = [&](std::int64_t at_ms) {
    return house.command(cmd("sla explain", {{"ticket", Json(id)}, {"at", Json(sla::instant_text(at_ms / 1000))}}));
  };
  CHECK(explained(house.environment.wall_ms())["rules"].as_string() == "by priority, around the clock");

  house.environment.advance(rules_hour_ms);
  house.command(cmd("sla rule add", {{"name", Json("All")}, {"resolution", Json("3h")}}));
  const Json own = explained(house.environment.wall_ms() + 1000);
  CHECK(own["rules"].as_string() == "of the tenant");
  CHECK(own["colour"].as_string() == "green");
  // An hour was consumed before the rule was there: 2 of 3 are left.
  CHECK(explained(house.environment.wall_ms() + 2 * rules_hour_ms - 60'000)["colour"].as_string() == "yellow");
  CHECK(explained(house.environment.wall_ms() + 2 * rules_hour_ms + 60'000)["colour"].as_string() == "red");

  house.environment.advance(rules_hour_ms);
  house.command(cmd("sla rule set", {{"name", Json("All")}, {"resolution", Json("9h")}}));
  CHECK(explained(house.environment.wall_ms() + 2 * rules_hour_ms)["colour"].as_string() == "green");
  // As it was known then.
  CHECK(explained(house.environment.wall_ms() - 60'000)["rules"].as_string() == "of the tenant");
}

TEST_CASE("what has stopped is judged anew when an administrator orders it, with a reason", "[server][admin][sla]") {
  House house;
  house.add_operator("Ann", "supervisor");
  Device device(house, "Ann");
  device.open_session();
  house.command(cmd("sla rule add", {{"name", Json("All")}, {"resolution", Json("9h")}}));
  const TicketId ticket = random_id<TicketId>(house.environment);
  device.push(device.create(ticket));
  const std::string begin = sla::instant_text(house.environment.wall_ms() / 1000);
  house.environment.advance(5 * rules_hour_ms);
  must(device.open_session());
  device.push(device.change(sync::Intent::resolve, ticket));
  house.tick();
  house.command(cmd("sla rule set", {{"name", Json("All")}, {"resolution", Json("3h")}, {"from", Json(begin)}}));
  house.tick();
  const auto breaches = [&] { return house.command(cmd("sla breaches"))["rows"].size(); };
  CHECK(breaches() == 0);
  const auto order = [&](const std::string& from, const char* reason, const char* by) {
    return cmd("sla recompute", {{"from", Json(from)}, {"by", Json(by)}, {"reason", Json(reason)}});
  };
  CHECK(refused_field(house, order("2099-01-01T00:00:00Z", "because", "admin@pumps.example")) == "from");
  CHECK(refused_field(house, order(begin, " ", "admin@pumps.example")) == "reason");
  CHECK(refused_field(house, order(begin, "because", "Ann")) == "by");
  house.command(order(begin, "the contract counts from today", "admin@pumps.example"));
  house.tick();
  CHECK(breaches() == 1);
  CHECK(house.command(cmd("verify"))["findings"].size() == 0);
  house.reopen();
  house.tick();
  CHECK(breaches() == 1);
}

TEST_CASE("a category promises hours of its own from when it says so, and what is below it with it",
          "[server][admin][sla]") {
  House house;
  house.add_operator("Ann");
  house.command(cmd("category add", {{"name", Json("Hardware")}, {"sla_hours", Json("6")}}));
  house.command(cmd("category add", {{"name", Json("Pumps")}, {"parent", Json("Hardware")}}));
  house.command(cmd("contact add", {{"name", Json("Kim")}}));
  const auto id_of = [&](const char* list, const char* name) {
    const Json rows = house.command(cmd(list))["rows"];
    for (const Json& row : rows.items())
      if (row["name"].as_string() == name) return *from_uuid_text(row["id"].as_string());
    return Bytes();
  };
  Device device(house, "Ann");
  device.open_session();
  const TicketId ticket = random_id<TicketId>(house.environment);
  sync::Change create = device.create(ticket);
  create.fields.push_back({sync::FieldId::contact, {}, id_of("contact list", "Kim"), false});
  create.fields.push_back({sync::FieldId::category, {}, id_of("category list", "Pumps"), false});
  device.push(create);
  const std::int64_t made_ms = house.environment.wall_ms();
  const auto colour_after = [&](std::int64_t hours) {
    return house
        .command(
            cmd("sla explain", {{"ticket", Json(to_uuid_text(ticket.view()))},
                                {"at", Json(sla::instant_text((made_ms + hours * rules_hour_ms) / 1000))}}))["colour"]
        .as_string();
  };
  CHECK(colour_after(4) == "green");
  CHECK(colour_after(5) == "yellow");
  CHECK(colour_after(7) == "red");
  house.environment.advance(60'000);
  const auto set = [&](const char* hours) {
    return cmd("category set", {{"name", Json("Hardware")}, {"sla_hours", Json(hours)}});
  };
  house.command(set("10"));
  CHECK(colour_after(7) == "green");
  CHECK(colour_after(11) == "red");
  house.environment.advance(60'000);
  house.command(set(""));  // by priority again: 24 hours
  CHECK(colour_after(11) == "green");
  CHECK(colour_after(25) == "red");
  house.tick();
  CHECK(house.command(cmd("verify"))["findings"].size() == 0);
  house.reopen();
  CHECK(colour_after(11) == "green");
  CHECK(refused_field(house, set("soon")) == "sla_hours");
  CHECK(refused_field(house, set("0")) == "sla_hours");
  // A rule of the tenant's own puts an end to it.
  house.command(set("6"));
  house.command(cmd("sla rule add", {{"name", Json("All")}, {"resolution", Json("9d")}}));
  CHECK(colour_after(11) == "green");
}

TEST_CASE("D3: a tariff promises targets of its own, before those of categories and priorities",
          "[server][admin][sla]") {
  const NothingFails once;
  House house;
  house.add_operator("Ann");
  house.command(cmd("category add", {{"name", Json("Pumps")}, {"sla_hours", Json("6")}}));
  house.command(cmd("tariff add", {{"name", Json("Gold")}, {"first_response", Json("2h")}}));
  house.command(cmd("organisation add", {{"name", Json("Client Ltd")}, {"tariff", Json("Gold")}}));
  const auto id_of = [&](const char* list) {
    return *from_uuid_text(house.command(cmd(list))["rows"].items().front()["id"].as_string());
  };
  Device device(house, "Ann");
  device.open_session();
  const TicketId ticket = random_id<TicketId>(house.environment);
  sync::Change create = device.create(ticket);
  create.fields.push_back({sync::FieldId::organisation, {}, id_of("organisation list"), false});
  create.fields.push_back({sync::FieldId::category, {}, id_of("category list"), false});
  house.command(cmd("contact add", {{"name", Json("Kim")}}));
  create.fields.push_back({sync::FieldId::contact, {}, id_of("contact list"), false});
  device.push(create);
  const std::int64_t made_ms = house.environment.wall_ms();
  const auto due_of = [&](const char* metric) {
    house.tick();
    const Json row = house.command(cmd("sla list"))["rows"].items().front();
    const auto due = sla::instant_from_text(row[metric].as_string().substr(4, 20));  // "due 2026-06-03T10:15:00Z"
    return due ? (*due - made_ms / 1000) / 3600 : -1;
  };
  CHECK(due_of("first_response") == 2);
  CHECK(due_of("resolution") == 48);  // by priority: the tariff leaves it empty
  const auto set = [&](const char* what, const char* value) {
    house.environment.advance(60'000);
    return cmd("tariff set", {{"tariff_id", Json("Gold")}, {what, Json(value)}});
  };
  CHECK(refused_field(house, set("first_response", "soon")) == "first_response");
  CHECK(refused_field(house, set("calendar", "Office")) == "calendar");
  const Json changed = house.command(set("resolution", "9h"));
  CHECK(changed["targets"]["resolution"] == Json("9h"));
  CHECK(changed["sla"]["resolution_minutes"] == Json(540));
  CHECK(due_of("resolution") == 9);
  house.command(set("first_response", ""));
  CHECK(due_of("first_response") == 6);  // its category's
  house.command(set("resolution", ""));
  CHECK(due_of("resolution") == 48);
  CHECK(house.command(cmd("tariff list")).items()[0]["targets"].is_null());
  house.command(set("resolution", "9h"));
  house.tick();
  CHECK(house.command(cmd("verify"))["findings"].size() == 0);
  house.reopen();
  CHECK(due_of("resolution") == 9);
  house.command(cmd("sla rule add", {{"name", Json("All")}, {"resolution", Json("9d")}}));
  CHECK(due_of("resolution") == 216);  // a rule of the tenant's own puts an end to it
}

TEST_CASE("F103: an administrator is told which priorities no rule gives a target", "[server][admin][sla]") {
  House house;
  const auto asked_for = [&] {
    const Json problems = house.command(cmd("status"))["problems"];
    for (const Json& one : problems.items())
      if (const auto at = one.as_string().find("tickets of priority "); at != std::string::npos)
        return one.as_string().substr(at + 20, one.as_string().find(" a target") - at - 20);
    return std::string();
  };
  CHECK(asked_for().empty());  // those that every tenant begins with
  house.command(cmd("sla rule add", {{"name", Json("Next")}, {"next-response", Json("4h")}}));
  CHECK(asked_for() == "urgent, high, normal, low");
  house.environment.advance(60'000);
  house.command(cmd("sla rule add", {{"name", Json("Urgent")},
                                     {"when", word_list({"priority=urgent", "priority=high"})},
                                     {"first-response", Json("1h")}}));
  CHECK(asked_for() == "normal, low");
  house.environment.advance(60'000);
  house.command(cmd("sla rule add",
                    {{"name", Json("Low")}, {"when", word_list({"priority=low"})}, {"resolution", Json("none")}}));
  CHECK(asked_for() == "normal");
  house.environment.advance(60'000);
  house.command(cmd("sla rule add", {{"name", Json("Rest")}, {"resolution", Json("2d")}}));
  CHECK(asked_for().empty());
}

TEST_CASE("clocks, breaches and alerts are listed as the server keeps them", "[server][admin][sla]") {
  House house;
  house.add_operator("Ann");
  Device device(house, "Ann");
  device.open_session();
  device.push(device.create(random_id<TicketId>(house.environment)));
  house.command(cmd("sla rule add", {{"name", Json("All")}, {"resolution", Json("3h")}}));
  house.tick();
  Json clocks = house.command(cmd("sla list"));
  REQUIRE(clocks["rows"].size() == 1);
  CHECK(clocks["rows"].items()[0]["colour"].as_string() == "green");
  CHECK(clocks["rows"].items()[0]["resolution"].as_string().starts_with("due "));
  CHECK(clocks["rows"].items()[0]["first_response"].is_null());
  CHECK(house.command(cmd("sla breaches"))["rows"].size() == 0);

  house.environment.advance(4 * rules_hour_ms);
  house.tick();
  CHECK(house.command(cmd("sla list", {{"colour", Json("green")}}))["rows"].size() == 0);
  clocks = house.command(cmd("sla list", {{"colour", Json("red")}}));
  REQUIRE(clocks["rows"].size() == 1);
  CHECK(clocks["rows"].items()[0]["resolution"].as_string().starts_with("breached "));
  CHECK(refused_field(house, cmd("sla list", {{"colour", Json("pink")}})) == "colour");
  const Json breaches = house.command(cmd("sla breaches"));
  REQUIRE(breaches["rows"].size() == 1);
  CHECK(breaches["rows"].items()[0]["metric"].as_string() == "resolution");
  CHECK(breaches["rows"].items()[0]["target"].as_string() == "3 h");
  CHECK(breaches["rows"].items()[0]["state"].as_string() == "confirmed");  // nobody holds it
  CHECK(refused_field(house, cmd("sla breaches", {{"state", Json("lost")}})) == "state");
  const Json alerts = house.command(cmd("sla alerts"));
  REQUIRE(alerts["rows"].size() == 1);
  CHECK(alerts["rows"].items()[0]["level"].as_string() == "breach");
  CHECK(house.command(cmd("verify"))["findings"].size() == 0);
}

}  // namespace tern::test
