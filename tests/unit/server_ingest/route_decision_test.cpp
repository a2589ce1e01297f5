// Who is given a ticket, by facts alone (docs/routing.md).
#include "desk/route_settings.hpp"
#include "desk/routing.hpp"
#include "support/catch.hpp"

namespace tern::test {
namespace {

using server::RouteAgent;
using server::RouteDecision;
using server::RouteMoment;
using server::RouteOut;
using server::RouteQuestion;
using server::RouteRule;
using server::RouteStrategy;

RouteAgent routable(std::uint64_t number, std::int64_t load = 0, std::int64_t capacity = 20, std::uint64_t last = 0) {
  RouteAgent out;
  out.number = number;
  out.tickets = out.load = load;
  out.capacity = capacity;
  out.last = last;
  return out;
}

RouteQuestion among(std::vector<RouteAgent> agents) {
  RouteQuestion out;
  out.strategy = RouteStrategy::least_open;
  out.agents = std::move(agents);
  return out;
}

RouteOut why_out_of(const RouteAgent& agent, RouteQuestion question = among({})) {
  question.agents = {agent};
  const RouteDecision decision = server::decide_route(question);
  CHECK((decision.chosen != 0) == (decision.candidates.front().out == RouteOut::none));
  return decision.candidates.front().out;
}

std::uint64_t chosen_among(std::vector<RouteAgent> agents) {
  return server::decide_route(among(std::move(agents))).chosen;
}

}  // namespace

TEST_CASE("a ticket is for who is of its queue, holds tickets, is there, at work, has room and can do it",
          "[routing]") {
  using Break = void (*)(RouteAgent&);
  const std::pair<Break, RouteOut> each[] = {
      {[](RouteAgent&) {}, RouteOut::none},
      {[](RouteAgent& agent) { agent.member = false; }, RouteOut::elsewhere},
      {[](RouteAgent& agent) { agent.takes = false; }, RouteOut::role},
      {[](RouteAgent& agent) { agent.active = false; }, RouteOut::inactive},
      {[](RouteAgent& agent) { agent.status = "away"; }, RouteOut::status},
      {[](RouteAgent& agent) { agent.on_shift = false; }, RouteOut::off_shift},
      {[](RouteAgent& agent) { agent.heard = false; }, RouteOut::silent},
      {[](RouteAgent& agent) { agent.load = agent.capacity; }, RouteOut::full},
      {[](RouteAgent& agent) { agent.load = agent.capacity - 1; }, RouteOut::none},
      {[](RouteAgent& agent) { agent.turn = false; }, RouteOut::turn},
      {[](RouteAgent& agent) { agent.member = agent.active = agent.on_shift = false; }, RouteOut::elsewhere},
  };
  for (const auto& [break_it, out] : each) {
    RouteAgent agent = routable(1);
    break_it(agent);
    INFO(server::route_out_name(out));
    CHECK(why_out_of(agent) == out);
  }
  RouteQuestion sip = among({});
  sip.needs = {{"crm", 1}, {"sip", 2}};
  RouteAgent skilled = routable(1);
  CHECK(why_out_of(skilled, sip) == RouteOut::skill);
  skilled.skills = {{"sip", 2}};
  CHECK(why_out_of(skilled, sip) == RouteOut::skill);
  skilled.skills = {{"sip", 1}, {"crm", 5}};
  CHECK(why_out_of(skilled, sip) == RouteOut::skill);
  skilled.skills = {{"sip", 3}, {"crm", 1}};
  CHECK(why_out_of(skilled, sip) == RouteOut::none);
  RouteQuestion heavy = among({});
  heavy.weight = 2;
  CHECK(why_out_of(routable(1, 19), heavy) == RouteOut::full);
  CHECK(why_out_of(routable(1, 18), heavy) == RouteOut::none);
}

TEST_CASE("whoever has nothing to do comes first, then the least load, the least share, the longest wait, the id",
          "[routing]") {
  CHECK(chosen_among({routable(1, 1), routable(2, 0)}) == 2);
  CHECK(chosen_among({routable(1, 3), routable(2, 2), routable(3, 5)}) == 2);
  CHECK(chosen_among({routable(1, 2, 4), routable(2, 2, 20)}) == 2);
  CHECK(chosen_among({routable(1, 2, 4, 70), routable(2, 2, 4, 50)}) == 2);
  CHECK(chosen_among({routable(2, 2, 4, 50), routable(1, 2, 4, 50)}) == 1);
  CHECK(chosen_among({routable(1, 0, 4, 50), routable(2, 0, 4, 0)}) == 2);  // never was given one
  // A ticket at work of whoever has one counts more than what it weighs.
  RouteAgent urgent = routable(1, 2);
  urgent.tickets = 1;
  CHECK(chosen_among({urgent, routable(2, 0)}) == 2);
  CHECK(chosen_among({}) == 0);
}

TEST_CASE("the worked day of the design comes out as it says", "[routing]") {
  // A2 B0 C0 D3, each with room for three; B is away.
  auto a = routable(1, 2, 3, 10), b = routable(2, 0, 3), c = routable(3, 0, 3, 20), d = routable(4, 3, 3);
  b.status = "away";
  CHECK(chosen_among({a, b, c, d}) == 3);
  c = routable(3, 1, 3, 30);
  CHECK(chosen_among({a, b, c, d}) == 3);
  c = routable(3, 2, 3, 31);
  CHECK(chosen_among({a, b, c, d}) == 1);  // as much of as much: who has waited for longest
}

TEST_CASE("an assignee stays, then the category's agent, then who had it before, then the queue, else it waits",
          "[routing]") {
  const auto rule_of = [](const RouteQuestion& question) { return server::decide_route(question).rule; };
  RouteQuestion all = among({routable(1, 5), routable(2, 1), routable(3, 9)});
  all.default_agent = 1;
  all.previous = 3;
  all.held = true;
  CHECK(rule_of(all) == RouteRule::assignee);
  CHECK(server::decide_route(all).chosen == 0);
  all.held = false;
  CHECK(rule_of(all) == RouteRule::default_agent);
  CHECK(server::decide_route(all).chosen == 1);
  all.agents[0].status = "away";
  CHECK(rule_of(all) == RouteRule::previous);
  CHECK(server::decide_route(all).chosen == 3);
  all.sticky = true;
  CHECK(rule_of(all) == RouteRule::default_agent);
  all.agents[0].active = false;  // in any case, but not who is gone
  CHECK(rule_of(all) == RouteRule::previous);
  all.agents[2].on_shift = false;
  CHECK(rule_of(all) == RouteRule::least_open);
  CHECK(server::decide_route(all).chosen == 2);
  all.others_wait = true;
  CHECK(rule_of(all) == RouteRule::behind);
  CHECK(server::decide_route(all).chosen == 0);
  all.others_wait = false;
  all.agents[1].load = 20;
  CHECK(rule_of(all) == RouteRule::waits);
  all.strategy = RouteStrategy::none;
  CHECK(rule_of(all) == RouteRule::none);
  all.agents[0] = routable(1);
  CHECK(rule_of(all) == RouteRule::default_agent);  // whatever the queue does
}

TEST_CASE("what was decided is kept as text, and comes out of it again", "[routing]") {
  RouteQuestion question = among({routable(1, 5, 20, 812), routable(2, 1, 4), routable(3, 20), routable(4)});
  question.moment = RouteMoment::reopened;
  question.weight = 2;
  question.needs = {{"sip", 2}};
  question.default_agent = 3;
  question.sticky = true;
  question.previous = 4;
  for (RouteAgent& agent : question.agents) agent.skills = {{"sip", 3}};
  question.agents[2].active = false;
  question.agents[3].status = "away";
  const RouteDecision decision = server::decide_route(question);
  CHECK(decision.chosen == 2);
  CHECK(
      server::route_text(decision) ==
      "routed: reopened, least_open, 2\nneeds sip 2\ndefault 3 sticky\nprevious 4\n2 in: 1 tickets, load 1 of 4, last "
      "0\n1 in: 5 tickets, load 5 of 20, last 812\n3 out: inactive\n4 out: status away\nchosen 2 by least_open");
  const auto read = server::route_from_text(server::route_text(decision));
  REQUIRE(read);
  CHECK(*read == decision);
  CHECK(server::decide_again(*read) == decision);
  RouteDecision other = *read;
  other.chosen = 1;
  CHECK_FALSE(server::decide_again(other) == other);
  for (const char* broken : {"", "routed:", "handing over", "routed: created, least_open, 1\n1 in: many"})
    CHECK_FALSE(server::route_from_text(broken));
}

TEST_CASE("a crowd fits into the reason of a change, with whoever matters", "[routing]") {
  std::vector<RouteAgent> crowd;
  for (std::uint64_t number = 1; number <= 900; ++number) crowd.push_back(routable(number, 1 + number % 7));
  for (std::uint64_t number = 1; number <= 900; number += 3) crowd[number - 1].status = "training";
  RouteQuestion question = among(std::move(crowd));
  question.default_agent = 901;
  question.agents.push_back(routable(901, 20));
  const RouteDecision decision = server::decide_route(question);
  const std::string text = server::route_text(decision);
  CHECK(text.size() <= 8 * 1024);
  const auto read = server::route_from_text(text);
  REQUIRE(read);
  CHECK(read->chosen == decision.chosen);
  CHECK(read->more_in + read->more_out + read->candidates.size() == 901);
  CHECK(server::decide_again(*read) == *read);
}

TEST_CASE("what records say of routing is judged before it is kept", "[routing]") {
  const auto there_is = [](sync::RecordKind kind, const std::string& name) {
    return (kind == sync::RecordKind::calendar && name == "Office") ||
           (kind == sync::RecordKind::operator_ && name == "ann");
  };
  const auto field_of = [&](sync::RecordKind kind, const char* name, const char* value) -> std::string {
    sync::Record record;
    record.kind = kind;
    record.attributes = {{name, value}};
    const auto good = server::check_route_attributes(record, there_is);
    return good ? "" : good.error().field;
  };
  using enum sync::RecordKind;
  const std::tuple<sync::RecordKind, const char*, const char*, bool> each[] = {
      {queue, "strategy", "least_open", true},    {queue, "strategy", "none", true},
      {queue, "strategy", "roulette", false},     {queue, "urgent_weight", "2", true},
      {queue, "urgent_weight", "3", false},       {operator_, "status", "break", true},
      {operator_, "status", "gone", false},       {operator_, "capacity", "0", false},
      {operator_, "capacity", "30", true},        {operator_, "calendar", "Office", true},
      {operator_, "calendar", "24/7", true},      {operator_, "calendar", "Nights", false},
      {operator_, "skills", "Sip", false},        {operator_, "skills", "sip:0", false},
      {operator_, "skills", "sip: 2, crm", true}, {operator_, "field", "yes", false},
      {category, "default_agent", "ann", true},   {category, "default_agent", "bob", false},
      {category, "sticky", "2", false},           {category, "skills", "sip:2:3", false},
  };
  for (const auto& [kind, name, value, good] : each) {
    INFO(name << " " << value);
    CHECK(field_of(kind, name, value) == (good ? "" : name));
  }
  sync::Record person;
  person.kind = operator_;
  person.attributes = {{"skills", "crm, sip: 2"}, {"status", "online"}};
  REQUIRE(server::check_route_attributes(person, there_is));
  CHECK(person.attributes == std::map<std::string, std::string>{{"skills", "crm:1,sip:2"}});
  CHECK(server::person_route(person).skills == server::RouteSkills{{"crm", 1}, {"sip", 2}});
  CHECK(server::person_route(person).capacity == 20);
}

}  // namespace tern::test
