#include <algorithm>

#include "tracks.hpp"

namespace tern::sla {

struct RunningClock::Inside {
  Inside(const RuleBooks& books_, const Calendars& calendars_) : books(books_), calendars(calendars_) {}

  const RuleBooks& books;
  const Calendars& calendars;
  std::vector<Event> events;
  std::optional<Plans> plans;
  std::vector<Driven> clocks;
  Instant newest = 0;           // of all receipts and effective times
  bool readable_later = false;  // some message counts later than anything was received
  std::size_t rebuilt = 0;

  [[nodiscard]] Inputs inputs() const { return {events, books, calendars}; }
  [[nodiscard]] bool book_between(Instant after, Instant until) const {
    return std::ranges::any_of(books.versions(), [&](const auto& v) { return v.from > after && v.from <= until; });
  }

  /// Whether it stands behind everything that was taken in, so that nothing about the past changes.
  [[nodiscard]] bool is_next(const Event& event) const {
    const bool reaches_back = event.kind == EventKind::decision || event.kind == EventKind::merged_in ||
                              event.kind == EventKind::create || event.offline || event.readable_at;
    return plans && !reaches_back && event.at > newest && !book_between(newest, event.at);
  }

  bool take(std::uint32_t index) {
    const Event& event = events[index];
    const auto plan = static_cast<std::uint32_t>(plans->all().size());
    if (event.kind == EventKind::attributes) plans->append(event, inputs());
    for (Driven& clock : clocks) {
      std::vector<Step> steps;
      if (!clock.reader.read(event, index, *plans, steps)) return false;
      if (plans->all().size() > plan)
        steps.push_back({event.at, retarget_rank, plan, StepKind::retarget, plan, event.at});
      std::sort(steps.begin(), steps.end());
      for (const Step& step : steps)
        if (clock.track.apply(step, {events, plans->all(), OfflineCredit::claimed, newest, nullptr}) !=
            Track::Outcome::done)
          return false;
    }
    return true;
  }

  void rebuild() {
    ++rebuilt;
    clocks.clear();
    plans.emplace(inputs(), newest);
    for (const Metric metric : all_metrics) clocks.push_back(drive(metric, inputs(), *plans, newest));
  }
};

RunningClock::RunningClock(const RuleBooks& books, const Calendars& calendars)
    : inside_(std::make_unique<Inside>(books, calendars)) {}
RunningClock::~RunningClock() = default;
RunningClock::RunningClock(RunningClock&&) noexcept = default;
RunningClock& RunningClock::operator=(RunningClock&&) noexcept = default;

void RunningClock::add(Event event, std::optional<std::size_t> place) {
  Inside& in = *inside_;
  const bool next = (!place || *place == in.events.size()) && in.is_next(event);
  in.newest = std::max({in.newest, event.at, event.received()});
  in.readable_later = in.readable_later || event.readable_at.has_value();
  const auto at = in.events.begin() + static_cast<std::ptrdiff_t>(place.value_or(in.events.size()));
  in.events.insert(at, std::move(event));
  if (!next || !in.take(static_cast<std::uint32_t>(in.events.size() - 1))) in.rebuild();
}

TicketClock RunningClock::at(Instant now) const {
  const Inside& in = *inside_;
  if (!in.plans || in.readable_later || in.book_between(in.newest, now)) return clock_at(in.inputs(), now);
  TicketClock clock;
  for (const Driven& driven : in.clocks)
    if (has_target(driven.metric, *in.plans)) driven.track.view(now, in.events, clock.cycles);
  clock.pause = long_pause(in.inputs(), *in.plans, now);
  return clock;
}

std::span<const Event> RunningClock::events() const {
  return inside_->events;
}
std::size_t RunningClock::rebuilt() const {
  return inside_->rebuilt;
}

}  // namespace tern::sla
