#include "plans.hpp"

#include <algorithm>

namespace tern::sla {
namespace {

using BookVersion = RuleBooks::Version;

const RuleBook* book_at(std::span<const BookVersion> versions, Instant t) {
  if (versions.empty()) return nullptr;
  auto it = std::ranges::upper_bound(versions, t, {}, &BookVersion::from);
  if (it != versions.begin()) --it;
  return &it->book;
}

Choices choices_at(const Inputs& inputs, Instant t, const Attributes& attributes) {
  const RuleBook* book = book_at(inputs.books.versions(), t);
  return book == nullptr ? Choices{} : match(*book, attributes, inputs.calendars);
}

}  // namespace

bool same_promise(const Choice& a, const Choice& b) {
  if (a.target != b.target || a.calendar != b.calendar) return false;
  if (a.rule == b.rule) return true;
  return a.rule != nullptr && b.rule != nullptr && a.rule->id == b.rule->id && a.rule->terms == b.rule->terms;
}

Plans::Plans(const Inputs& inputs, Instant now) {
  std::vector<const Event*> changes;
  for (const Event& event : inputs.events)
    if ((event.kind == EventKind::create || event.kind == EventKind::attributes) && event.received() <= now)
      changes.push_back(&event);
  if (changes.empty()) return;
  const Event* current = changes.front();
  std::ranges::stable_sort(changes.begin() + 1, changes.end(), {}, [](const Event* e) { return e->received(); });
  const Instant created = current->at;
  plans_.push_back({created, choices_at(inputs, created, current->attributes)});

  // Two lists merged by time; at one instant the ticket's own change first.
  const auto versions = inputs.books.versions();
  std::size_t next_change = 1;
  auto version = std::ranges::upper_bound(versions, created, {}, &BookVersion::from);
  for (;;) {
    const bool change_left = next_change < changes.size();
    const bool version_left = version != versions.end() && version->from <= now;
    if (!change_left && !version_left) return;
    Instant at = 0;
    if (change_left && (!version_left || changes[next_change]->received() <= version->from)) {
      current = changes[next_change++];
      at = std::max(created, current->received());
    } else {
      at = (version++)->from;
    }
    plans_.push_back({at, choices_at(inputs, at, current->attributes)});
  }
}

const Choice& Plans::before(Metric metric, Instant t) const {
  static const Choice none;
  if (plans_.empty()) return none;
  auto it = std::ranges::lower_bound(plans_, t, {}, &Plan::from);
  if (it != plans_.begin()) --it;
  return it->choices[static_cast<std::size_t>(metric)];
}

void Plans::append(const Event& event, const Inputs& inputs) {
  plans_.push_back({event.received(), choices_at(inputs, event.received(), event.attributes)});
}

}  // namespace tern::sla
