// Alerts and timers (rules K15, K16, K24): what is to be told now, once, and when to look again.
#pragma once

#include <set>
#include <span>
#include <string>
#include <vector>

#include "tern/sla/breach.hpp"

namespace tern::sla {

enum class AlertLevel : std::uint8_t { yellow, breach, late_1, late_2, late_3, late_4, long_pause };
std::string_view alert_level_name(AlertLevel level);

struct Alert {
  AlertLevel level = AlertLevel::yellow;
  Instant at = 0;  // when the level was reached, however late it is noticed
  Metric metric = Metric::first_response;
  std::string cycle;           // of a long pause: the move that began it
  std::string target_version;  // which promise was in force then: list version, rule, target
  bool quiet = false;          // it waits for its recipient's hours

  /// Unique within the ticket; what was sent is stored by it.
  [[nodiscard]] std::string key() const;
  bool operator==(const Alert&) const = default;
};

/// What stands to be told at `clock`'s instant `now`: yellow while it is not yet breached, breach and late levels.
std::vector<Alert> alerts(const TicketClock& clock, Instant now);
/// Those whose key was not sent.
std::vector<Alert> unsent(std::vector<Alert> alerts, const std::set<std::string>& sent);

/// When a recipient is told: at `now`, or when they next work if the rule asks for quiet (K15). Breaches reach managers
/// at once, always. nullptr: they have no hours of their own.
Instant deliver_at(const Alert& alert, Instant now, bool manager, CalendarTimeline* recipients_hours);

/// The sweep that is behind the timers (K16).
inline constexpr Seconds sweep_interval_max = 15 * minute_s;

/// When the ticket is to be looked at next, if nothing happens to it before: a colour, a breach, a level, the end of an
/// offline grace, a long pause, rules that come into force. Nothing: never.
std::optional<Instant> next_look(const Inputs& inputs, const TicketClock& clock, std::span<const BreachRecord> records,
                                 Instant now);

}  // namespace tern::sla
