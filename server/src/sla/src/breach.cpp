#include "tern/sla/breach.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

namespace tern::sla {
namespace {

constexpr std::string_view record_state_names[] = {"provisional", "confirmed", "rescinded", "excused"};

/// When all devices that were silent at the breach had been heard of; nothing while one has not.
std::optional<Instant> all_heard_at(Instant breached_at, std::span<const Device> devices, Instant now) {
  Instant heard = breached_at;
  for (const Device& device : devices) {
    const auto first = std::ranges::lower_bound(device.anchors, breached_at);
    if (first == device.anchors.end() || *first > now) return std::nullopt;
    heard = std::max(heard, *first);
  }
  return heard;
}

/// Builds the records by asking the clock again for each stretch in which the house learned nothing.
class Historian {
public:
  Historian(const Inputs& inputs, std::span<const Device> devices) : inputs_(inputs), devices_(devices) {}

  std::vector<BreachRecord> run(Instant now) {
    std::set<Instant> learned;
    for (const Event& event : inputs_.events)
      if (event.received() <= now) learned.insert(event.received());
    if (learned.empty()) return {};
    const std::vector<Instant> moments(learned.begin(), learned.end());
    const bool of_the_past = std::ranges::any_of(inputs_.events, [](const Event& e) {
      return e.offline || e.readable_at || e.kind == EventKind::decision || e.kind == EventKind::merged_in;
    });
    if (!of_the_past) {
      settle(known_by(now), now, moments.front(), now);
    } else if (inputs_.events.size() > events_retold_max) {
      settle(known_by(now), now, now, now);
    } else {
      for (std::size_t i = 0; i < moments.size(); ++i) {
        const Inputs known = known_by(moments[i]);
        settle(known, moments[i], moments[i], moments[i]);  // what was learned changed so much
        const bool last = i + 1 == moments.size();
        settle(known, last ? now : moments[i + 1], moments[i], last ? now : moments[i + 1] - 1);  // and then time did
      }
    }
    std::vector<BreachRecord> out;
    for (auto& [key, record] : records_) out.push_back(std::move(record));
    std::ranges::stable_sort(out, {}, [](const BreachRecord& r) { return std::tuple(r.metric, r.steps.front().at); });
    return out;
  }

private:
  Inputs known_by(Instant t) {
    events_.clear();
    for (const Event& event : inputs_.events)
      if (event.received() <= t) events_.push_back(event);
    return {events_, inputs_.books, inputs_.calendars};
  }

  /// The clock at `now`, for what the house could know from `from` until `until`.
  void settle(const Inputs& known, Instant now, Instant from, Instant until) {
    std::set<std::pair<Metric, std::string>> seen;
    for (const Cycle& cycle : clock_at(known, now).cycles) {
      seen.emplace(cycle.metric, cycle.id);
      judge(cycle, from, until);
    }
    for (auto& [key, record] : records_)
      if (!seen.contains(key)) rescind(record, from, nullptr);
  }

  void judge(const Cycle& cycle, Instant from, Instant until) {
    const auto found = records_.find({cycle.metric, cycle.id});
    if (!cycle.breached_at) {
      if (found != records_.end()) rescind(found->second, from, &cycle);
      return;
    }
    const Instant since = std::max(from, *cycle.breached_at);
    BreachRecord& record = found != records_.end() ? found->second : open_record(cycle, since);
    describe(record, cycle);
    if (decided(record, cycle, from)) return;
    const auto end = confirmation(cycle, until);
    const bool is_new = record.steps.empty() || record.state == RecordState::rescinded;
    if (is_new && (!end || *end > since)) step(record, since, RecordState::provisional, cycle);
    if (end && *end <= until) step(record, std::max(*end, since), RecordState::confirmed, cycle);
  }

  [[nodiscard]] std::optional<Instant> confirmation(const Cycle& cycle, Instant until) const {
    if (cycle.awaits_manager) return std::nullopt;
    return confirmed_at(*cycle.breached_at, cycle.offline_grace, devices_, until);
  }

  /// A manager's word stands, whatever the clock says later.
  bool decided(BreachRecord& record, const Cycle& cycle, Instant from) {
    const Event* decision = nullptr;
    for (const Event& event : events_)
      if (event.kind == EventKind::decision && event.metric == cycle.metric && event.cycle == cycle.id)
        decision = &event;
    if (decision == nullptr || decision->verdict == DecisionVerdict::accept) return false;
    const bool excused = decision->verdict == DecisionVerdict::excuse;
    if (record.steps.empty()) step(record, std::max(from, *cycle.breached_at), RecordState::provisional, cycle);
    add_evidence(record, decision->id);
    step(record, std::max(from, decision->received()), excused ? RecordState::excused : RecordState::confirmed, cycle);
    return true;
  }

  BreachRecord& open_record(const Cycle& cycle, Instant detected) {
    BreachRecord& record = records_[{cycle.metric, cycle.id}];
    record.metric = cycle.metric;
    record.cycle = cycle.id;
    record.detected_at = detected;
    return record;
  }

  void describe(BreachRecord& record, const Cycle& cycle) const {
    record.number = cycle.number;
    record.target = cycle.target.value_or(record.target);
    record.due_at = cycle.due.value_or(*cycle.breached_at);
    record.breached_at = *cycle.breached_at;
    record.cause = cycle.cause;
    record.rule = cycle.rule;
    record.calendar = cycle.calendar;
    record.book_version = cycle.book_version;
    record.calendar_version = cycle.calendar_version;
    for (const Event& event : events_)
      if ((event.kind == EventKind::create || event.kind == EventKind::attributes) &&
          (event.kind == EventKind::create || event.received() <= record.breached_at)) {
        record.assignee = event.attributes.assignee;
        record.queue = event.attributes.queue;
      }
  }

  static void add_evidence(BreachRecord& record, const std::string& id) {
    if (!id.empty() && std::ranges::find(record.evidence, id) == record.evidence.end()) record.evidence.push_back(id);
  }

  static void step(BreachRecord& record, Instant at, RecordState state, const Cycle& cycle) {
    if (!record.steps.empty() && (record.state == state || record.state == RecordState::excused)) return;
    record.state = state;
    RecordStep next{at, state, cycle.breached_at, std::nullopt};
    if (cycle.offline_stop && state != RecordState::provisional) {
      next.verdict = cycle.verdict;
      add_evidence(record, cycle.stop_id);
    }
    record.steps.push_back(next);
  }

  /// `cycle`: as it stands now; nullptr when what is known now has no such cycle.
  void rescind(BreachRecord& record, Instant at, const Cycle* cycle) const {
    if (record.state == RecordState::rescinded || record.state == RecordState::excused) return;
    record.state = RecordState::rescinded;
    RecordStep next{at, RecordState::rescinded, std::nullopt, std::nullopt};
    if (cycle != nullptr && cycle->offline_stop) next.verdict = cycle->verdict;
    for (const Event& event : events_)
      if (event.received() == at && (event.offline || event.kind == EventKind::decision))
        add_evidence(record, event.id);
    record.steps.push_back(next);
  }

  const Inputs& inputs_;
  std::span<const Device> devices_;
  std::vector<Event> events_;
  std::map<std::pair<Metric, std::string>, BreachRecord> records_;
};

}  // namespace

std::string_view record_state_name(RecordState state) {
  return record_state_names[static_cast<std::size_t>(state)];
}

Instant confirmed_at(Instant breached_at, Seconds offline_grace, std::span<const Device> devices, Instant now) {
  const auto heard = all_heard_at(breached_at, devices, now);
  return heard ? std::min(*heard, breached_at + offline_grace) : breached_at + offline_grace;
}

std::vector<BreachRecord> breach_records(const Inputs& inputs, std::span<const Device> devices, Instant now) {
  return Historian(inputs, devices).run(now);
}

std::vector<BreachRecord> changed_records(std::span<const BreachRecord> stored, std::vector<BreachRecord> computed) {
  std::vector<BreachRecord> changed;
  for (BreachRecord& record : computed) {
    const auto old = std::ranges::find_if(
        stored, [&](const BreachRecord& s) { return s.metric == record.metric && s.cycle == record.cycle; });
    if (old != stored.end()) record.detected_at = old->detected_at;
    if (old == stored.end() || !(*old == record)) changed.push_back(std::move(record));
  }
  return changed;
}

}  // namespace tern::sla
