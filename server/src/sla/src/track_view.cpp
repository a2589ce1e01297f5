// How a cycle stands at one instant.
#include <algorithm>

#include "track.hpp"

namespace tern::sla {
namespace {

void sooner(std::optional<Instant>& wake, std::optional<Instant> at, Instant now) {
  if (at && *at > now && (!wake || *at < *wake)) wake = at;
}

}  // namespace

/// What comes if nothing happens: due, yellow, late levels. `run` has been moved on to `now`.
void Track::show_future(const Run& run, Instant now, Cycle& cycle) const {
  if (!runs(run)) return;
  if (choice_.target && !run.breached_at) {
    cycle.due = due_of(run, run.limit);
    if (!run.yellow_at) cycle.yellow_at = due_of(run, choice_.terms().yellow_threshold(*choice_.target));
    sooner(cycle.wake_at, cycle.yellow_at, now);
    if (cycle.due) sooner(cycle.wake_at, *cycle.due + 1, now);  // breached once now > due (C7)
  }
  if (run.breached_at && run.breached_by.target) {
    const auto& late = run.breached_by.terms().late;
    for (std::size_t i = 0; i < late.size() && i < late_levels_max; ++i)
      if (!run.late_at[i])
        sooner(cycle.wake_at, due_of(run, run.breach_base + late[i].behind_breach(*run.breached_by.target)), now);
  }
}

Cycle Track::cycle_of(const Run& stored, Instant now, std::span<const Event> events) const {
  Run run = stored;
  advance(run, now);
  Cycle cycle;
  cycle.metric = metric_;
  cycle.number = run.number;
  cycle.id = events[run.event].id;
  cycle.started_at = run.started_at;
  cycle.open = run.end == End::open;
  cycle.breached_at = run.breached_at;
  cycle.cause = run.cause;
  cycle.yellow_at = run.yellow_at;
  cycle.late_at = run.late_at;
  cycle.elapsed = run.consumed;
  const Choice& judged = cycle.open ? choice_ : run.judged;
  cycle.target = judged.target;
  if (run.breached_at)
    cycle.state = CycleState::breached;
  else if (!cycle.open)
    cycle.state = run.end == End::stopped ? CycleState::met : CycleState::cancelled;
  else
    cycle.state = paused_ > 0 ? CycleState::paused : CycleState::running;

  if (cycle.open) {
    show_future(run, now, cycle);
    if (cycle.target) cycle.remaining = (run.breached_at ? *cycle.target : run.limit) - run.consumed;
  } else {
    cycle.stopped_at = run.stopped_at;
    cycle.due = run.due_at_stop;
    if (run.stop_event) cycle.stop_id = events[*run.stop_event].id;
    cycle.offline_stop = run.stop_event && events[*run.stop_event].offline;
    cycle.verdict = run.verdict;
    cycle.awaits_manager = run.awaits_manager;
  }
  if (run.breached_at) cycle.due = run.breached_at;
  const bool yellow = cycle.target && run.consumed >= judged.terms().yellow_threshold(*cycle.target);
  cycle.heat = run.breached_at ? Colour::red : yellow ? Colour::yellow : Colour::green;

  const Choice& by = run.breached_at ? run.breached_by : judged;
  if (by.rule != nullptr) cycle.rule = by.rule->id;
  cycle.book_version = by.book_version;
  cycle.judged_target = by.target;
  cycle.offline_grace = by.terms().offline_grace;
  cycle.quiet = by.terms().quiet;
  if (by.calendar != nullptr) {
    const Calendar& calendar = by.calendar->version_at(run.breached_at.value_or(cycle.open ? now : run.stopped_at));
    cycle.calendar = calendar.id;
    cycle.calendar_version = calendar.version;
  }
  return cycle;
}

}  // namespace tern::sla
