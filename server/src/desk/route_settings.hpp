// What routing reads in records: of queues how they give tickets out, of people what they take, of categories whom and
// what they ask for (docs/routing.md).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "desk/routing.hpp"
#include "tern/protocol/error.hpp"
#include "tern/sync/record.hpp"

namespace tern::server {

// Attributes of queues.
inline constexpr const char* strategy_attribute = "strategy";
inline constexpr const char* urgent_weight_attribute = "urgent_weight";
// Of operators.
inline constexpr const char* status_attribute = "status";
inline constexpr const char* capacity_attribute = "capacity";
inline constexpr const char* shift_attribute = "calendar";
inline constexpr const char* field_attribute = "field";
// Of categories. The agent as the id of their record, their address or their name.
inline constexpr const char* default_agent_attribute = "default_agent";
inline constexpr const char* sticky_attribute = "sticky";
// Of operators what they have, of categories what they ask for: "sip:2,crm".
inline constexpr const char* skills_attribute = "skills";

inline constexpr std::int64_t capacity_default = 20;
/// Of operators. In the first one they take work; it is theirs when nothing is said.
inline constexpr std::string_view person_statuses[] = {"online", "away", "break", "training", "offline"};

struct QueueRoute {
  RouteStrategy strategy = RouteStrategy::none;
  std::int64_t urgent_weight = 1;
};
/// What cannot be read is as if it were not there.
QueueRoute queue_route(const sync::Record& queue);

struct PersonRoute {
  std::string status;  // that takes no work; empty: it does
  std::int64_t capacity = capacity_default;
  std::string calendar;  // whose hours are their shift; empty: all
  bool field = false;
  RouteSkills skills;
};
PersonRoute person_route(const sync::Record& person);

struct CategoryRoute {
  std::string default_agent;  // empty: none
  bool sticky = false;
  RouteSkills needs;
};
CategoryRoute category_route(const sync::Record& category);

/// Judges these attributes of a record that is about to be written, and brings them to one form. `there_is(kind,
/// name)`; of people by id, too.
Result<void> check_route_attributes(sync::Record& record,
                                    const std::function<bool(sync::RecordKind, const std::string&)>& there_is);

}  // namespace tern::server
