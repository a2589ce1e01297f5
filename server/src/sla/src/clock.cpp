#include "tern/sla/clock.hpp"

#include <algorithm>

#include "tracks.hpp"

namespace tern::sla {
namespace {

constexpr std::string_view state_names[] = {"running", "paused", "met", "breached", "cancelled"};
constexpr std::string_view colour_names[] = {"grey", "green", "blue", "yellow", "red"};
constexpr std::string_view verdict_names[] = {"proven_met", "attested_met", "claimed", "claimed_breached",
                                              "proven_breached"};
constexpr std::string_view cause_names[] = {"time", "retarget"};

bool is_waiting(sync::Status status) {
  const auto of = sync::status_class(status);
  return of == sync::StatusClass::hold || of == sync::StatusClass::wait;
}

OfflineCredit credit_of(const Step& step, const Inputs& inputs, const Plans& plans, Metric metric,
                        const Overrides& overrides) {
  if (step.kind != StepKind::stop || overrides.credit) return overrides.credit.value_or(OfflineCredit::claimed);
  return plans.before(metric, inputs.events[step.event].at).terms().offline_credit;
}

/// Applies sorted steps, each stop that counts later in its turn; false when the track has to begin anew.
bool apply_all(Track& track, const std::vector<Step>& steps, const Inputs& inputs, const Plans& plans, Metric metric,
               const Overrides& overrides, Instant now, TraceListener* listener) {
  std::vector<Step> later;  // sorted; few
  for (auto next = steps.begin(); next != steps.end() || !later.empty();) {
    const bool take_later = !later.empty() && (next == steps.end() || later.front() < *next);
    const Step step = take_later ? later.front() : *next++;
    if (take_later) later.erase(later.begin());
    const OfflineCredit credit = credit_of(step, inputs, plans, metric, overrides);
    const auto outcome = track.apply(step, {inputs.events, plans.all(), credit, now, listener});
    if (outcome == Track::Outcome::anew) return false;
    if (outcome == Track::Outcome::later)
      later.insert(std::upper_bound(later.begin(), later.end(), track.later_step()), track.later_step());
  }
  return true;
}

}  // namespace

bool has_target(Metric metric, const Plans& plans) {
  return std::ranges::any_of(
      plans.all(), [&](const Plan& plan) { return plan.choices[static_cast<std::size_t>(metric)].target.has_value(); });
}

std::string_view cycle_state_name(CycleState state) {
  return state_names[static_cast<std::size_t>(state)];
}
std::string_view colour_name(Colour colour) {
  return colour_names[static_cast<std::size_t>(colour)];
}
std::string_view verdict_name(Verdict verdict) {
  return verdict_names[static_cast<std::size_t>(verdict)];
}
std::string_view breach_cause_name(BreachCause cause) {
  return cause_names[static_cast<std::size_t>(cause)];
}

Colour Cycle::colour() const {
  if (!target) return Colour::grey;
  if (open && state == CycleState::paused) return Colour::blue;
  return heat;
}

Colour TicketClock::colour() const {
  Colour worst = Colour::grey;
  for (const Cycle& cycle : cycles)
    if (cycle.open) worst = std::max(worst, cycle.colour());
  return worst;
}

std::optional<Instant> TicketClock::next_due() const {
  std::optional<Instant> nearest;
  for (const Cycle& cycle : cycles)
    if (cycle.open && cycle.due && (!nearest || *cycle.due < *nearest)) nearest = cycle.due;
  return nearest;
}

Driven drive(Metric metric, const Inputs& inputs, const Plans& plans, Instant now, const Overrides& overrides,
             TraceListener* listener) {
  StepReader reader(metric, overrides);
  std::vector<Step> steps;
  steps.reserve(inputs.events.size() + plans.all().size());
  for (std::uint32_t i = 0; i < inputs.events.size(); ++i)
    if (inputs.events[i].received() <= now) reader.read(inputs.events[i], i, plans, steps);
  for (std::uint32_t i = 1; i < plans.all().size(); ++i)
    steps.push_back({plans.all()[i].from, retarget_rank, i, StepKind::retarget, i, plans.all()[i].from});
  std::erase_if(steps, [&](const Step& step) { return step.at > now; });
  std::sort(steps.begin(), steps.end());

  const Choice first = plans.all().empty() ? Choice{} : plans.all().front().choices[static_cast<std::size_t>(metric)];
  Track track(metric, first, overrides);
  while (!apply_all(track, steps, inputs, plans, metric, overrides, now, listener))
    track = Track(metric, first, overrides, track.backdate());
  return {metric, reader, std::move(track)};
}

std::optional<LongPause> long_pause(const Inputs& inputs, const Plans& plans, Instant now) {
  std::optional<LongPause> pause;
  bool done = false;
  for (const Event& event : inputs.events) {
    if (event.received() > now) continue;
    if (event.kind == EventKind::withdrawn) done = true;
    if (event.kind == EventKind::restored) done = false;
    if (event.kind != EventKind::status) continue;
    if (!is_waiting(event.status))
      pause.reset();
    else if (!pause)
      pause = LongPause{event.id, event.at, event.at, false};
  }
  if (!pause || done) return std::nullopt;
  const Terms& terms = plans.before(Metric::resolution, pause->since).terms();
  pause->alert_at += terms.max_pause;
  pause->quiet = terms.quiet;
  return pause;
}

TicketClock clock_at(const Inputs& inputs, Instant now) {
  TicketClock clock;
  const Plans plans(inputs, now);
  for (const Metric metric : all_metrics)
    if (has_target(metric, plans)) drive(metric, inputs, plans, now).track.view(now, inputs.events, clock.cycles);
  clock.pause = long_pause(inputs, plans, now);
  return clock;
}

}  // namespace tern::sla
