// Triggers as their records say them (docs/triggers.md): when they act, on which tickets, what they do.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tern/sync/record.hpp"
#include "tern/sync/ticket_state.hpp"

namespace tern::server {

enum class TriggerEvent : std::uint8_t {
  created,
  updated,
  priority_changed,
  status_changed,
  assigned,
  customer_replied,
  agent_replied,
  no_response,
};
std::string_view trigger_event_name(TriggerEvent event);
std::optional<TriggerEvent> trigger_event_from_name(std::string_view name);

enum class TriggerDeed : std::uint8_t {
  notify_team,
  notify_assignee,
  notify_supervisors,
  escalate,
  follow_up,
  tag,
  note,
  priority,
  wait
};
struct TriggerAction {
  TriggerDeed deed = TriggerDeed::notify_team;
  std::string words;  // escalate: a queue's name, or empty; tag; note: text; priority: its rank, a digit
  bool operator==(const TriggerAction&) const = default;
};

/// One of the values holds. Names as people write them.
struct TriggerCondition {
  std::string field;  // priority, status, category, queue, type, tag, client
  std::vector<std::string> values;
};

struct TriggerRule {
  RecordId id;
  std::uint64_t integer_id = 0, version = 0;
  std::string name;
  std::int64_t position = 0;
  TriggerEvent event = TriggerEvent::created;
  std::vector<TriggerCondition> conditions;
  std::int64_t wait_s = 0;  // of no_response
  std::vector<TriggerAction> actions;
};
/// `invalid` with field "event", "conditions" or "actions": what of it nothing acts on.
Result<TriggerRule> trigger_rule_of(const sync::Record& record);
bool is_switched_off(const sync::Record& record);
/// What `answers_wait=1` of a queue asks for: a public answer sets its tickets to waiting. No record; its id is zero.
const TriggerRule& waiting_after_answers();
/// Attribute of a queue: 1, that; 0: no trigger does it, either.
inline constexpr const char* answers_wait_attribute = "answers_wait";
/// Those that act, in their order.
std::vector<TriggerRule> trigger_rules_of(const std::vector<sync::Record>& records);

/// What conditions call things by.
class TriggerNames {
public:
  virtual ~TriggerNames() = default;
  /// Names by which the field of the ticket goes: a category by name and by code, a client by name and by portal.
  [[nodiscard]] virtual std::vector<std::string> names(const sync::TicketState& state,
                                                       std::string_view field) const = 0;
};
bool conditions_hold(const TriggerRule& rule, const sync::TicketState& state, const TriggerNames& names);

}  // namespace tern::server
