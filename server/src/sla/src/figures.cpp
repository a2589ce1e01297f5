// Response figures beside the clock that counts (K20), and working time by status (K2).
#include <algorithm>

#include "tracks.hpp"

namespace tern::sla {
namespace {

std::optional<Cycle> figure_cycle(const Inputs& inputs, const Plans& plans, const Cycle& cycle, ResponseClock clock,
                                  Instant now) {
  std::vector<Cycle> cycles;
  drive(cycle.metric, inputs, plans, now, {clock, OfflineCredit::claimed}).track.view(now, inputs.events, cycles);
  for (Cycle& found : cycles)
    if (found.id == cycle.id && found.stopped_at && !found.stop_id.empty()) return std::move(found);
  return std::nullopt;
}

}  // namespace

std::optional<ResponseFigures> response_figures(const Inputs& inputs, const Cycle& cycle, Instant now) {
  if (cycle.stop_id.empty()) return std::nullopt;
  const Plans plans(inputs, now);
  const auto acted = figure_cycle(inputs, plans, cycle, ResponseClock::acted, now);
  const auto delivered = figure_cycle(inputs, plans, cycle, ResponseClock::delivered, now);
  if (!acted || !delivered) return std::nullopt;
  return ResponseFigures{acted->elapsed, *acted->stopped_at - acted->started_at, delivered->elapsed,
                         *delivered->stopped_at - delivered->started_at};
}

WorkTimes work_times(const Inputs& inputs, Instant now) {
  WorkTimes times;
  const Plans plans(inputs, now);
  if (plans.all().empty()) return times;
  const auto measure = [&](Instant from, Instant to) {
    Seconds sum = 0;
    const auto all = plans.all();
    for (std::size_t i = 0; i < all.size(); ++i) {
      const Choice& choice = all[i].choices[static_cast<std::size_t>(Metric::resolution)];
      const Instant begin = i == 0 ? from : std::max(from, all[i].from);
      const Instant end = i + 1 == all.size() ? to : std::min(to, all[i + 1].from);
      if (choice.calendar != nullptr && begin < end) sum += choice.calendar->elapsed(begin, end);
    }
    return sum;
  };
  const auto count = [&](sync::Status status, Instant from, Instant to) {
    switch (sync::status_class(status)) {
      case sync::StatusClass::todo:
      case sync::StatusClass::work:
        times.todo_and_work += measure(from, to);
        break;
      case sync::StatusClass::hold:
        times.hold += measure(from, to);
        break;
      case sync::StatusClass::wait:
        times.customer += measure(from, to);
        break;
      case sync::StatusClass::done:
      case sync::StatusClass::end:
        break;
    }
  };
  sync::Status status = sync::Status::new_;
  Instant since = plans.all().front().from;
  for (const Event& event : inputs.events) {
    if (event.kind != EventKind::status || event.received() > now) continue;
    const Instant at = std::max(since, std::min(event.at, now));
    count(status, since, at);
    status = event.status;
    since = at;
  }
  count(status, since, now);
  return times;
}

}  // namespace tern::sla
