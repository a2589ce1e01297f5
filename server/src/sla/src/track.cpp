#include "track.hpp"

#include <algorithm>
#include <limits>

namespace tern::sla {
namespace {

constexpr Instant never = std::numeric_limits<Instant>::max();

Seconds elapsed_by(const Choice& choice, Instant a, Instant b) {
  return choice.calendar == nullptr ? 0 : choice.calendar->elapsed(a, b);
}

const Event* decision_on(std::span<const Event> events, Metric metric, const std::string& cycle, Instant now) {
  const Event* last = nullptr;
  for (const Event& event : events)
    if (event.kind == EventKind::decision && event.metric == metric && event.cycle == cycle && event.received() <= now)
      last = &event;
  return last;
}

}  // namespace

Track::Run* Track::open_run() {
  return !runs_.empty() && runs_.back().end == End::open ? &runs_.back() : nullptr;
}

/// When a run that goes on will have consumed so much.
std::optional<Instant> Track::due_of(const Run& run, Seconds consumed) const {
  if (choice_.calendar == nullptr) return std::nullopt;
  return choice_.calendar->due(run.since, consumed - run.consumed);
}

/// The due instant of an open run; none while it is paused or has no target (K7).
std::optional<Instant> Track::due_now(const Run& run) const {
  if (run.breached_at) return run.breached_at;
  return runs(run) && choice_.target ? due_of(run, run.limit) : std::nullopt;
}

void Track::breach(Run& run, Instant at, BreachCause cause) const {
  run.breached_at = at;
  run.cause = cause;
  run.breached_by = choice_;
  run.breach_base = cause == BreachCause::time ? run.limit : run.consumed;
  if (cause == BreachCause::retarget && !run.yellow_at) run.yellow_at = at;
}

/// Measures up to t, noting which thresholds were passed on the way and when.
void Track::advance(Run& run, Instant t) const {
  if (!runs(run) || t <= run.since) return;
  const Seconds consumed = run.consumed + elapsed_by(choice_, run.since, t);
  if (choice_.target) {
    const Seconds yellow = choice_.terms().yellow_threshold(*choice_.target);
    if (!run.yellow_at && consumed >= yellow) run.yellow_at = due_of(run, yellow);
    if (!run.breached_at && consumed >= run.limit)
      if (const auto due = due_of(run, run.limit); due && *due < t) breach(run, *due, BreachCause::time);
  }
  if (run.breached_at && run.breached_by.target) {
    const auto& late = run.breached_by.terms().late;
    for (std::size_t i = 0; i < late.size() && i < late_levels_max; ++i) {
      const Seconds level = run.breach_base + late[i].behind_breach(*run.breached_by.target);
      if (!run.late_at[i] && consumed >= level) run.late_at[i] = due_of(run, level);
    }
  }
  run.consumed = consumed;
  run.since = t;
}

/// The target in force becomes the run's. K9: what is consumed already is never a breach in the past.
void Track::set_target(Run& run, Instant t, bool is_change) const {
  run.judged = choice_;
  run.yellow_at.reset();
  run.over = false;
  if (!choice_.target) return;
  run.had_target = true;
  run.limit = *choice_.target;
  if (!is_change || run.consumed <= run.limit) return;
  if (choice_.terms().min_grace > 0) {
    run.limit = run.consumed + choice_.terms().min_grace;
    return;
  }
  run.over = true;
  if (runs(run) && !run.breached_at) breach(run, t, BreachCause::retarget);
}

/// It runs again from t on.
void Track::go_on(Run& run, Instant t) const {
  run.since = t;
  if (!same_promise(run.judged, choice_)) {
    if (choice_.terms().on_change == OnChange::restart) run.consumed = 0;
    set_target(run, t, true);
  } else if (run.over && runs(run) && !run.breached_at) {
    breach(run, t, BreachCause::retarget);
  }
}

void Track::begin_run(const Step& step, Instant since) {
  Run run;
  run.event = step.event;
  run.number = static_cast<int>(runs_.size()) + 1;
  run.started_at = run.since = since;
  set_target(run, since, false);
  runs_.push_back(std::move(run));
}

void Track::start(const Step& step) {
  if (withdrawn_ || open_run() != nullptr) return;
  switch (metric_) {
    case Metric::first_response:
      if (runs_.empty()) begin_run(step, std::min(step.since, backdate_.value_or(never)));
      return;
    case Metric::next_response:
      if (!awaited_)
        awaited_ = true;  // this one is the first response's
      else if (answered_)
        begin_run(step, step.since);
      return;
    case Metric::resolution:
    case Metric::on_site:
      if (runs_.empty()) begin_run(step, step.since);
      return;
    case Metric::periodic_update:
      begin_run(step, step.since);
      return;
  }
}

/// The verdict on an offline stop and what it is worth. False: not before the end of its window.
bool Track::judge(Run& run, const Step& step, const Event& event, const Around& around) {
  const auto due = due_now(run);
  if (!choice_.target && !run.breached_at) return true;
  const OfflineTime online{event.at, event.at, event.at, event.at};
  const OfflineTime& time = event.offline ? *event.offline : online;
  const Instant end = due.value_or(never);  // no due instant while paused: nothing to miss (K7)
  if (time.received <= end)
    run.verdict = Verdict::proven_met;
  else if (time.window_end <= end)
    run.verdict = Verdict::attested_met;
  else if (std::min(event.at, time.received) <= end)
    run.verdict = Verdict::claimed;
  else
    run.verdict = time.lower_bound > end ? Verdict::proven_breached : Verdict::claimed_breached;
  if (!event.offline || run.breached_at || *run.verdict == Verdict::proven_met) return true;

  if (around.credit == OfflineCredit::attested && *run.verdict != Verdict::attested_met) {
    later_ = step;
    later_.at = time.window_end;
    return later_.at <= step.at;
  }
  if (around.credit == OfflineCredit::manager) {
    const Event* decision = decision_on(around.events, metric_, around.events[run.event].id, around.now);
    if (decision != nullptr && decision->verdict == DecisionVerdict::accept) return true;
    breach(run, end, BreachCause::time);
    run.awaits_manager = decision == nullptr;
  }
  return true;
}

Track::Outcome Track::stop(const Step& step, const Around& around) {
  if (metric_ == Metric::next_response && awaited_) answered_ = true;
  // A second stop behind the first, or one whose reopening counted before it did.
  if (metric_ == Metric::resolution && done_++ != 0) return Outcome::done;
  Run* run = open_run();
  if (run == nullptr) {
    if (metric_ == Metric::resolution && !runs_.empty() && runs_.back().end == End::withdrawn)
      runs_.back().end = End::cancelled;  // resolved while deleted: a restore finds nothing to go on with
    return Outcome::done;
  }
  advance(*run, step.at);
  const Event& event = around.events[step.event];
  const bool delivered = overrides_.clock.value_or(choice_.terms().clock) == ResponseClock::delivered &&
                         event.kind != EventKind::status && event.kind != EventKind::arrival;
  const auto due = due_now(*run);
  if (!delivered && !judge(*run, step, event, around)) {
    if (metric_ == Metric::resolution) --done_;
    return Outcome::later;
  }
  run->due_at_stop = due;
  run->end = End::stopped;
  run->stopped_at = step.at;
  run->stop_event = step.event;
  return Outcome::done;
}

/// Ends the open run without a stop; it keeps the due instant that it had.
void Track::break_off(Instant t, End end) {
  Run* run = open_run();
  if (run == nullptr) return;
  advance(*run, t);
  run->due_at_stop = due_now(*run);
  run->end = end;
  run->stopped_at = t;
}

void Track::restore(Instant t) {
  withdrawn_ = false;
  if (runs_.empty() || runs_.back().end != End::withdrawn) return;
  runs_.back().end = End::open;
  runs_.back().due_at_stop.reset();
  go_on(runs_.back(), t);
}

/// K10. `step.event` is the move that reopened.
void Track::reopen(const Step& step) {
  if (--done_ != 0 || withdrawn_ || runs_.empty() || runs_.back().end == End::open) return;
  const OnReopen how = choice_.terms().on_reopen;
  if (how == OnReopen::new_cycle) {
    begin_run(step, step.at);
    return;
  }
  Run& run = runs_.back();
  run.end = End::open;
  run.stop_event.reset();
  run.due_at_stop.reset();
  run.verdict.reset();
  if (how == OnReopen::restart) {
    run.consumed = 0;
    run.since = step.at;
    set_target(run, step.at, false);
  } else {
    go_on(run, step.at);
  }
}

void Track::retarget(Instant t, const Choice& choice) {
  Run* run = open_run();
  if (run == nullptr || same_promise(run->judged, choice)) {
    choice_ = choice;
    return;
  }
  advance(*run, t);
  choice_ = choice;
  if (choice_.terms().on_change == OnChange::restart) run->consumed = 0;
  set_target(*run, t, true);
}

/// K22: the customer of the other ticket has waited longer.
Track::Outcome Track::merged_in(const Step& step, const Event& event) {
  awaited_ = true;
  if (metric_ != Metric::first_response || withdrawn_ || !event.clock_start) return Outcome::done;
  if (runs_.empty()) {
    begin_run(step, std::min(*event.clock_start, backdate_.value_or(never)));
    return Outcome::done;
  }
  if (open_run() == nullptr || runs_.back().started_at <= *event.clock_start) return Outcome::done;
  backdate_ = event.clock_start;
  return Outcome::anew;
}

Track::Outcome Track::apply(const Step& step, const Around& around) {
  Outcome outcome = Outcome::done;
  switch (step.kind) {
    case StepKind::start:
      start(step);
      break;
    case StepKind::stop:
      outcome = stop(step, around);
      break;
    case StepKind::cancel:
      break_off(step.at, End::cancelled);
      break;
    case StepKind::withdraw:
      withdrawn_ = true;
      break_off(step.at, End::withdrawn);
      break;
    case StepKind::pause:
      if (Run* run = open_run()) advance(*run, step.at);
      ++paused_;
      break;
    case StepKind::resume:
      if (--paused_ == 0)
        if (Run* run = open_run()) go_on(*run, step.at);
      break;
    case StepKind::reopen:
      reopen(step);
      break;
    case StepKind::restore:
      restore(step.at);
      break;
    case StepKind::merged_in:
      outcome = merged_in(step, around.events[step.event]);
      break;
    case StepKind::retarget:
      retarget(step.at, around.plans[step.event].choices[static_cast<std::size_t>(metric_)]);
      break;
  }
  if (around.listener != nullptr)
    around.listener->on_step(metric_, runs_.empty() ? 0 : runs_.back().number, step,
                             runs_.empty() ? 0 : runs_.back().consumed);
  return outcome;
}

void Track::view(Instant now, std::span<const Event> events, std::vector<Cycle>& out) const {
  for (const Run& run : runs_)
    if (run.had_target) out.push_back(cycle_of(run, now, events));
}

}  // namespace tern::sla
