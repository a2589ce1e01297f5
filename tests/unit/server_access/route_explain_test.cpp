// Routing as administrators set it and read it, and as those are told who are given tickets (docs/routing.md).
#include "office.hpp"
#include "panel.hpp"

namespace tern::test {
namespace {

/// A queue of two; a category that sends what customers write there is a trigger's to make.
struct RouteRoom : Office {
  RouteRoom() : Office({{"operator_id", Json("ann")}}) {
    house.command(cmd("queue add", {{"name", Json("Tech")}, {"strategy", Json("least_open")}}));
    bob = std::make_unique<Panel>(Panel::of(house, "bob", "operator"));
    cyd = std::make_unique<Panel>(Panel::of(house, "cyd", "operator"));
    for (const char* who : {"bob", "cyd"})
      house.command(cmd("operator set", {{"operator", Json(who)}, {"queue", Json::array({Json("Tech")})}}));
    Panel(house).good(request_of(
        "save_trigger",
        {{"name", Json("To tech")}, {"event", Json("created")}, {"actions", Json::array({Json("escalate Tech")})}}));
  }
  Json explain(std::int64_t ticket) { return house.command(cmd("route explain", {{"ticket", Json(number(ticket))}})); }
  std::string number(std::int64_t ticket) {
    return good(act("get_ticket", {{"ticket_id", Json(ticket)}}))["ticket"]["number"].as_string();
  }
  std::vector<std::string> told_of(Panel& who) {
    std::vector<std::string> out;
    const Json all = who.good(request_of("get_notifications"));
    for (const Json& one : all.items())
      if (one["type"] == Json("assigned")) out.push_back(one["text"].as_string());
    return out;
  }
  std::unique_ptr<Panel> bob, cyd;
};

bool has_line(const Json& lines, const std::string& end) {
  return std::ranges::any_of(lines.items(), [&](const Json& line) { return line.as_string().ends_with(end); });
}

}  // namespace

TEST_CASE("why a ticket was given to whom is said line by line, and who was given it is told", "[server][routing]") {
  RouteRoom room;
  const std::int64_t first = room.ticket(), second = room.ticket();
  const Json said = room.explain(first);
  REQUIRE(said["rows"].size() == 1);
  const Json row = said["rows"].items().front();
  CHECK(row["to"] == Json("bob"));
  CHECK(row["rule"] == Json("least_open"));
  CHECK(row["moment"] == Json("created"));
  CHECK(row["replays"] == Json(true));
  CHECK(has_line(said["why"], "in: cyd: 0 tickets at work, load 0 of 20, given one last by commit 0"));
  CHECK(has_line(said["why"], "chosen: bob: the least to do"));
  CHECK(said["now"] == Json::array({Json("not for routing to decide")}));
  CHECK(room.explain(second)["rows"].items().front()["to"] == Json("cyd"));
  CHECK(room.told_of(*room.bob) == std::vector<std::string>{"System assigned " + room.number(first) + " to you"});
  CHECK(room.told_of(*room.cyd).size() == 1);

  for (const char* who : {"bob", "cyd"})
    room.house.command(cmd("operator set", {{"operator", Json(who)}, {"status", Json("away")}}));
  const std::int64_t waits = room.ticket();
  const Json now = room.explain(waits);
  CHECK(now["rows"].size() == 0);
  CHECK(has_line(now["now"], "out: bob is away"));
  CHECK(has_line(now["now"], "chosen: nobody: nobody is free: it waits"));
  room.house.command(cmd("operator set", {{"operator", Json("cyd")}, {"status", Json("online")}}));
  room.house.environment.advance(1'000);
  room.house.tick();
  CHECK(room.explain(waits)["rows"].items().front()["moment"] == Json("waited"));
  CHECK(room.told_of(*room.cyd).size() == 2);
  CHECK(is_verified(room.house));
  room.house.reopen();
  CHECK(is_verified(room.house));
}

TEST_CASE("what routing goes by is set where queues, people and categories are, and refused where it is nonsense",
          "[server][routing]") {
  RouteRoom room;
  const auto refused = [&](const Json& command) {
    const auto answer = room.house.try_command(command);
    return answer ? std::string("done") : answer.error().field;
  };
  CHECK(refused(cmd("queue set", {{"name", Json("Tech")}, {"strategy", Json("roulette")}})) == "strategy");
  CHECK(refused(cmd("operator set", {{"operator", Json("bob")}, {"status", Json("asleep")}})) == "status");
  CHECK(refused(cmd("operator set", {{"operator", Json("bob")}, {"calendar", Json("Nights")}})) == "calendar");
  CHECK(refused(cmd("category add", {{"name", Json("Pumps")}, {"default_agent", Json("nobody")}})) == "default_agent");
  const Json pumps = room.house.command(cmd("category add", {{"name", Json("Pumps")},
                                                             {"code", Json("pumps")},
                                                             {"default_agent", Json("cyd@pumps.example")},
                                                             {"skills", Json("sip: 2, crm")}}));
  CHECK(pumps["default_agent"] == Json("cyd"));
  CHECK(pumps["skills"] == Json("crm:1,sip:2"));
  room.house.command(cmd("operator set", {{"operator", Json("cyd")}, {"skills", Json("sip:2,crm")}}));
  const std::int64_t ticket =
      room.good(act("create_ticket",
                    {{"subject", Json("Pump")}, {"description", Json("It leaks.")}, {"category", Json("pumps")}}))["id"]
          .as_integer();
  const Json row = room.explain(ticket)["rows"].items().front();
  CHECK(row["to"] == Json("cyd"));
  CHECK(row["rule"] == Json("default_agent"));
  // Who is removed leaves what they had to others.
  room.house.command(cmd("category set", {{"name", Json("Pumps")}, {"skills", Json("")}}));
  room.house.command(cmd("operator disable", {{"operator", Json("cyd")}}));
  room.house.environment.advance(1'000);
  room.house.tick();
  CHECK(room.explain(ticket)["rows"].items().back()["to"] == Json("bob"));
  CHECK(room.explain(ticket)["rows"].items().back()["moment"] == Json("returned"));
  CHECK(is_verified(room.house));
}

}  // namespace tern::test
