#include "steps.hpp"

#include <algorithm>

namespace tern::sla {
namespace {

std::uint8_t rank_of(StepKind kind) {
  switch (kind) {
    case StepKind::stop:
    case StepKind::cancel:
    case StepKind::withdraw:
      return 1;
    case StepKind::pause:
      return 2;
    case StepKind::start:
    case StepKind::resume:
    case StepKind::reopen:
    case StepKind::restore:
    case StepKind::merged_in:
      return 3;
    case StepKind::retarget:
      return retarget_rank;
  }
  return retarget_rank;
}

bool is_end(sync::Status status) {
  const auto of = sync::status_class(status);
  return of == sync::StatusClass::done || of == sync::StatusClass::end;
}

/// What must have been seen may push an effective time beyond its receipt by a little; nothing counts later than that.
Instant acted_at(const Event& event) {
  return std::min(event.at, event.received());
}

}  // namespace

Instant counted_late(const Event& event, OfflineCredit credit) {
  if (!event.offline || credit == OfflineCredit::claimed) return acted_at(event);
  if (credit != OfflineCredit::strict && event.offline->attested()) return acted_at(event);
  return event.offline->received;
}

Instant counted_early(const Event& event, OfflineCredit credit) {
  if (!event.offline || credit == OfflineCredit::claimed) return acted_at(event);
  if (credit != OfflineCredit::strict && event.offline->attested()) return acted_at(event);
  return std::min(event.offline->lower_bound, acted_at(event));
}

OfflineCredit StepReader::credit(const Terms& terms) const {
  return overrides_.credit.value_or(terms.offline_credit);
}

/// A stop under `manager` counts at its effective time, as the judgement of its verdict takes care of the rest.
Instant StepReader::stop_at(const Event& event, const Terms& terms, bool message) const {
  if (message && overrides_.clock.value_or(terms.clock) == ResponseClock::delivered)
    return event.readable_at.value_or(event.received());
  if (credit(terms) == OfflineCredit::manager) return acted_at(event);
  return counted_late(event, credit(terms));
}

void StepReader::put(std::vector<Step>& steps, Instant at, StepKind kind, std::uint32_t index,
                     std::optional<Instant> since) {
  at = std::max(at, created_);
  steps.push_back({at, rank_of(kind), order_++, kind, index, since.value_or(at)});
}

void StepReader::read_create(const Event& event, std::uint32_t index, const Terms& terms, std::vector<Step>& steps) {
  created_ = event.at;
  const bool response = metric_ == Metric::first_response || metric_ == Metric::next_response;
  const bool starts = metric_ == Metric::resolution || metric_ == Metric::on_site ||
                      (response && event.opening == Opening::by_customer);
  if (!starts) return;
  const Instant since = std::min(counted_early(event, credit(terms)), event.clock_start.value_or(event.at));
  put(steps, event.at, StepKind::start, index, since);
  steps.back().rank = create_rank;
}

void StepReader::read_answer(const Event& event, std::uint32_t index, const Terms& terms, std::vector<Step>& steps) {
  if (metric_ == Metric::resolution || metric_ == Metric::on_site) return;
  const Instant at = stop_at(event, terms, true);
  put(steps, at, StepKind::stop, index);
  if (metric_ == Metric::periodic_update && !done_.open) put(steps, at, StepKind::start, index);
}

bool StepReader::end(Stretch& stretch, Instant at, StepKind kind, std::uint32_t index, std::vector<Step>& steps) {
  stretch.open = false;
  if (std::max(at, created_) > stretch.begin) {
    put(steps, at, kind, index);
    return true;
  }
  std::erase_if(steps, [&](const Step& s) { return s.order == stretch.order && s.kind == stretch.kind; });
  return false;
}

bool StepReader::read_move(const Event& event, std::uint32_t index, const Terms& terms, std::vector<Step>& steps) {
  const OfflineCredit counted = credit(terms);
  const auto begin = [&](Stretch& stretch, Instant at, StepKind kind) {
    stretch = {true, std::max(at, created_), order_, kind};
    put(steps, at, kind, index);
  };
  bool whole = true;
  const bool pausing = terms.paused_by[static_cast<std::size_t>(metric_)].has(event.status);
  if (pausing && !pause_.open)
    begin(pause_, counted_late(event, counted), StepKind::pause);
  else if (!pausing && pause_.open)
    whole = end(pause_, counted_early(event, counted), StepKind::resume, index, steps) && whole;

  const bool done = is_end(event.status);
  if (done && !done_.open) {
    if (metric_ == Metric::resolution)
      begin(done_, stop_at(event, terms, false), StepKind::stop);
    else if (metric_ != Metric::first_response)
      put(steps, counted_late(event, counted), StepKind::cancel, index);
    done_.open = true;
  } else if (!done && done_.open) {
    if (metric_ == Metric::resolution)
      whole = end(done_, counted_early(event, counted), StepKind::reopen, index, steps) && whole;
    done_.open = false;
  }
  return whole;
}

bool StepReader::read(const Event& event, std::uint32_t index, const Plans& plans, std::vector<Step>& steps) {
  const Terms& terms = plans.before(metric_, event.at).terms();
  switch (event.kind) {
    case EventKind::create:
      read_create(event, index, terms, steps);
      return true;
    case EventKind::status:
      return read_move(event, index, terms, steps);
    case EventKind::agent_message:
    case EventKind::call:
      if (answers_customer(event)) read_answer(event, index, terms, steps);
      return true;
    case EventKind::customer_message:
      if (event.is_public && !event.automatic &&
          (metric_ == Metric::first_response || metric_ == Metric::next_response))
        put(steps, counted_early(event, credit(terms)), StepKind::start, index);
      return true;
    case EventKind::arrival:
      if (metric_ == Metric::on_site) put(steps, stop_at(event, terms, false), StepKind::stop, index);
      return true;
    case EventKind::withdrawn:
      put(steps, event.received(), StepKind::withdraw, index);
      return true;
    case EventKind::restored:
      put(steps, event.received(), StepKind::restore, index);
      return true;
    case EventKind::merged_in:
      if ((metric_ == Metric::first_response || metric_ == Metric::next_response) && event.clock_start)
        put(steps, event.received(), StepKind::merged_in, index, event.clock_start);
      return true;
    case EventKind::attributes:
    case EventKind::decision:
    case EventKind::nothing:
      return true;
  }
  return true;
}

}  // namespace tern::sla
