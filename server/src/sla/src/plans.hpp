// What the rules said of a ticket, from when to when: the targets' side of its history.
#pragma once

#include <span>
#include <vector>

#include "tern/sla/clock.hpp"

namespace tern::sla {

/// From `from` to the next one's. The first also holds before.
struct Plan {
  Instant from = 0;
  Choices choices;
};

class Plans {
public:
  /// From the create on, as known at `now`: attributes count from their receipt, so that no change of target reaches
  /// back behind what the house had to go by (K9), and versions of the list from when they are in force (K11).
  Plans(const Inputs& inputs, Instant now);

  [[nodiscard]] std::span<const Plan> all() const { return plans_; }
  /// What held just before t: the terms that an event at t is judged by.
  [[nodiscard]] const Choice& before(Metric metric, Instant t) const;
  /// Takes in attributes that are received behind all others, and no version of the list in between.
  void append(const Event& event, const Inputs& inputs);

private:
  std::vector<Plan> plans_;
};

/// Same rule, target and small print: nothing for a clock to do.
bool same_promise(const Choice& a, const Choice& b);

}  // namespace tern::sla
