#include "tern/sla/alert.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace tern::sla {
namespace {

constexpr std::string_view level_names[] = {"yellow", "breach", "late_1", "late_2", "late_3", "late_4", "long_pause"};

/// Which promise it was: "3/urgent/3600" is version 3 of the list, its rule and its target.
std::string target_version(const Cycle& cycle) {
  return fmt::format("{}/{}/{}", cycle.book_version, cycle.rule, cycle.judged_target.value_or(0));
}

void sooner_look(std::optional<Instant>& look, Instant at, Instant now) {
  if (at > now && (!look || at < *look)) look = at;
}

}  // namespace

std::string_view alert_level_name(AlertLevel level) {
  return level_names[static_cast<std::size_t>(level)];
}

std::string Alert::key() const {
  if (level == AlertLevel::long_pause) return fmt::format("long_pause:{}", cycle);
  return fmt::format("{}:{}:{}:{}", metric_name(metric), cycle, alert_level_name(level), target_version);
}

std::vector<Alert> alerts(const TicketClock& clock, Instant now) {
  std::vector<Alert> out;
  for (const Cycle& cycle : clock.cycles) {
    const auto add = [&](AlertLevel level, std::optional<Instant> at) {
      if (at && *at <= now) out.push_back({level, *at, cycle.metric, cycle.id, target_version(cycle), cycle.quiet});
    };
    // Paused ones are left in peace (K7); what ended in time has nothing more to tell.
    if (cycle.open && !cycle.breached_at && cycle.state == CycleState::running)
      add(AlertLevel::yellow, cycle.yellow_at);
    add(AlertLevel::breach, cycle.breached_at);
    for (std::size_t i = 0; i < cycle.late_at.size(); ++i)
      add(static_cast<AlertLevel>(static_cast<std::size_t>(AlertLevel::late_1) + i), cycle.late_at[i]);
  }
  if (clock.pause && clock.pause->alert_at <= now)
    out.push_back(
        {AlertLevel::long_pause, clock.pause->alert_at, Metric::resolution, clock.pause->id, {}, clock.pause->quiet});
  return out;
}

std::vector<Alert> unsent(std::vector<Alert> alerts, const std::set<std::string>& sent) {
  std::erase_if(alerts, [&](const Alert& alert) { return sent.contains(alert.key()); });
  return alerts;
}

Instant deliver_at(const Alert& alert, Instant now, bool manager, CalendarTimeline* recipients_hours) {
  if (!alert.quiet || recipients_hours == nullptr || (manager && alert.level == AlertLevel::breach)) return now;
  return recipients_hours->next_open(now).value_or(now);
}

std::optional<Instant> next_look(const Inputs& inputs, const TicketClock& clock, std::span<const BreachRecord> records,
                                 Instant now) {
  std::optional<Instant> look;
  bool open = clock.pause.has_value();
  for (const Cycle& cycle : clock.cycles) {
    open = open || cycle.open;
    if (cycle.wake_at) sooner_look(look, *cycle.wake_at, now);
    const bool provisional = std::ranges::any_of(records, [&](const BreachRecord& record) {
      return record.metric == cycle.metric && record.cycle == cycle.id && record.state == RecordState::provisional;
    });
    if (provisional && cycle.breached_at && !cycle.awaits_manager)
      sooner_look(look, *cycle.breached_at + cycle.offline_grace, now);
  }
  if (clock.pause) sooner_look(look, clock.pause->alert_at, now);
  if (open)
    for (const auto& version : inputs.books.versions()) sooner_look(look, version.from, now);
  return look;
}

}  // namespace tern::sla
