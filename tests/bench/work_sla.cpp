// The SLA clock of one ticket with 50 events: with its calendar expanded, and with everything cold.
#include <fmt/format.h>

#include "tern/sla/clock.hpp"
#include "tern/sla/zones.hpp"
#include "works.hpp"

namespace tern::bench {
namespace {

constexpr sla::Instant created = 1'780'473'600;  // 2026-06-03T08:00:00Z
constexpr std::size_t event_count = 50;
constexpr double warm_goal_us = 20, cold_goal_us = 1'000;

Result<sla::Calendar> office_hours() {
  sla::Calendar calendar;
  calendar.id = "office";
  calendar.zone = "Europe/Kyiv";
  calendar.effective_from = created;
  TERN_CHECKED(sla::pin_zone(calendar, created));
  for (std::size_t day = 0; day < 5; ++day) calendar.weekly[day] = {{9 * 3600, 13 * 3600}, {14 * 3600, 18 * 3600}};
  calendar.exceptions = {{2026, 8, 24, {}, "holiday"}, {0, 12, 25, {}, "holiday"}};
  return calendar;
}

sla::RuleBook four_priorities() {
  sla::RuleBook book;
  for (int priority = 4; priority >= 1; --priority) {
    sla::Rule rule;
    rule.id = fmt::format("priority {}", priority);
    rule.when = {{sla::RuleField::priority, {std::to_string(priority)}}};
    rule.calendar = "office";
    const sla::Seconds unit = sla::hour_s * (5 - priority);
    rule.targets = {sla::Target{unit}, sla::Target{2 * unit}, sla::Target{16 * unit}, std::nullopt, std::nullopt};
    book.rules.push_back(std::move(rule));
  }
  return book;
}

/// Two weeks of talk, holds, waits, a change of priority and a reopening.
std::vector<sla::Event> busy_ticket() {
  using sla::EventKind, sync::Status;
  constexpr EventKind kinds[] = {EventKind::agent_message, EventKind::status,           EventKind::customer_message,
                                 EventKind::status,        EventKind::agent_message,    EventKind::nothing,
                                 EventKind::status,        EventKind::customer_message, EventKind::attributes,
                                 EventKind::status};
  constexpr Status moves[] = {Status::waiting, Status::open,     Status::on_hold,  Status::in_progress,
                              Status::waiting, Status::resolved, Status::reopened, Status::in_progress};
  std::vector<sla::Event> events;
  for (std::size_t i = 0, moved = 0; i < event_count; ++i) {
    sla::Event event;
    event.kind = i == 0 ? EventKind::create : kinds[i % std::size(kinds)];
    event.id = fmt::format("change {}", i);
    event.at = created + static_cast<sla::Instant>(i) * 6 * sla::hour_s + static_cast<sla::Instant>(i * 97);
    if (event.kind == EventKind::status) event.status = moves[moved++ % std::size(moves)];
    event.attributes.priority = static_cast<int>(1 + i / 10 % 4);
    events.push_back(std::move(event));
  }
  return events;
}

Row sla_row(std::string name, std::string title, std::vector<double> samples_us, double goal) {
  Row row;
  row.name = std::move(name);
  row.title = std::move(title);
  row.value = median(std::move(samples_us));
  row.unit = "us";
  row.goal = goal;
  row.goal_of = GoalOf::value;
  return row;
}

}  // namespace

Result<void> measure_sla(const BenchOptions& options, Report& report) {
  if (!report.wants("sla_warm") && !report.wants("sla_cold")) return {};
  TERN_TRY(const sla::Calendar calendar, office_hours());
  const sla::RuleBooks books({four_priorities()});
  const std::vector<sla::Event> events = busy_ticket();
  const sla::Instant now = events.back().at + sla::hour_s;
  sla::Calendars kept;
  TERN_CHECKED(kept.add(calendar));

  std::vector<double> warm, cold;
  std::size_t cycles = 0;
  const std::size_t rounds = options.quick ? 20 : 200;
  constexpr std::size_t tickets_per_round = 100;
  for (std::size_t round = 0; round < rounds; ++round) {
    sla::Calendars fresh;
    TERN_CHECKED(fresh.add(calendar));
    const Stopwatch first;
    cycles += sla::clock_at({events, books, fresh}, now).cycles.size();
    cold.push_back(first.seconds() * 1e6);
    const Stopwatch again;
    for (std::size_t i = 0; i < tickets_per_round; ++i)
      cycles += sla::clock_at({events, books, kept}, now).cycles.size();
    warm.push_back(again.seconds() * 1e6 / tickets_per_round);
  }
  check(cycles > rounds, "the ticket has clocks");
  report.add(sla_row("sla_warm", "the clock of a ticket with 50 events, calendar expanded", warm, warm_goal_us));
  report.add(sla_row("sla_cold", "the same, with nothing expanded", cold, cold_goal_us));
  return {};
}

}  // namespace tern::bench
