// Who is given a ticket (docs/routing.md): a pure function of what the desk knows of it and of its people. What it
// comes to is kept as text, from which it can be come to again.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tern/protocol/bytes.hpp"

namespace tern::server {

enum class RouteMoment : std::uint8_t { created, moved, category, reopened, waited, returned };
std::string_view route_moment_name(RouteMoment moment);

enum class RouteStrategy : std::uint8_t { none, least_open };
std::string_view route_strategy_name(RouteStrategy strategy);
std::optional<RouteStrategy> route_strategy_from_name(std::string_view name);

/// By which rule somebody was chosen, or nobody.
enum class RouteRule : std::uint8_t { assignee, default_agent, previous, least_open, waits, behind, none };
std::string_view route_rule_name(RouteRule rule);

/// Why somebody is not given the ticket: the first of these that holds.
enum class RouteOut : std::uint8_t { none, elsewhere, role, inactive, status, off_shift, silent, full, skill, turn };
std::string_view route_out_name(RouteOut out);

/// Skill and level.
using RouteSkills = std::map<std::string, std::int64_t>;

struct RouteAgent {
  OperatorId id;
  std::uint64_t number = 0;  // integer id: explanations hold no names
  bool member = true;        // of the ticket's queue; of a ticket without one everybody is
  bool takes = true;         // the role can hold tickets
  bool active = true;
  std::string status;  // that takes no work; empty: it does
  bool on_shift = true;
  bool heard = true;  // in the field: one of their devices, lately
  bool turn = true;   // of the waiting list: may be given another one now
  std::int64_t tickets = 0, load = 0, capacity = 0;
  std::uint64_t last = 0;  // commit of their newest assignment; 0: none is known
  RouteSkills skills;
};

struct RouteQuestion {
  RouteMoment moment = RouteMoment::created;
  RouteStrategy strategy = RouteStrategy::none;
  std::int64_t weight = 1;  // of the ticket
  RouteSkills needs;
  bool held = false;                              // by somebody who is there
  bool others_wait = false;                       // in its queue, before it
  std::uint64_t default_agent = 0, previous = 0;  // numbers; 0: none
  bool sticky = false;                            // the default agent is given it in any case
  std::vector<RouteAgent> agents;
};

struct RouteCandidate {
  std::uint64_t number = 0;
  RouteOut out = RouteOut::none;
  std::string word;  // the status, the skill
  std::int64_t tickets = 0, load = 0, capacity = 0;
  std::uint64_t last = 0;
  bool operator==(const RouteCandidate&) const = default;
};

struct RouteDecision {
  RouteMoment moment = RouteMoment::created;
  RouteStrategy strategy = RouteStrategy::none;
  std::int64_t weight = 1;
  RouteSkills needs;
  bool others_wait = false;
  std::uint64_t default_agent = 0, previous = 0;
  bool sticky = false;
  std::vector<RouteCandidate> candidates;  // those who are in, the best first; then who is out, by number
  std::size_t more_in = 0, more_out = 0;   // that an explanation has no room for
  RouteRule rule = RouteRule::none;
  std::uint64_t chosen = 0;  // 0: nobody
  bool operator==(const RouteDecision&) const = default;
};

RouteDecision decide_route(const RouteQuestion& question);
/// Rule and choice once more, of what it says of everybody.
RouteDecision decide_again(RouteDecision decision);

/// At most 8 KiB: the reason of the change that it leads to.
std::string route_text(const RouteDecision& decision);
/// Nothing: it is no such text.
std::optional<RouteDecision> route_from_text(std::string_view text);

/// The same for people, line by line.
std::vector<std::string> explain_route(const RouteDecision& decision,
                                       const std::function<std::string(std::uint64_t)>& name_of);

}  // namespace tern::server
