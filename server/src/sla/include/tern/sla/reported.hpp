// What reports count of one ticket: answers and resolutions, on the wall and in working time (docs/reports.md).
#pragma once

#include <optional>
#include <vector>

#include "tern/sla/clock.hpp"

namespace tern::sla {

/// The end of a wait of the customer's: the first public message of a person on staff behind it, or an answered call.
struct Answer {
  Instant waited_from = 0;
  Instant at = 0, received = 0;  // acted; when the house had it
  Seconds wall = 0, business = 0;
  Seconds delivered_wall = 0, delivered_business = 0;  // until the customer could read it
  bool operator==(const Answer&) const = default;
};

/// One entry into done or ended.
struct Resolution {
  Instant at = 0, received = 0;
  Seconds net_wall = 0, net_business = 0;      // without pauses, and without what it was resolved before
  Seconds gross_wall = 0, gross_business = 0;  // from the creation on
  std::int64_t touches = 0;                    // public messages of people on staff until then
  std::optional<Instant> reopened;
  bool operator==(const Resolution&) const = default;
};

struct Reported {
  bool counts = false;  // nothing of a ticket that is deleted or was merged away is counted
  Instant created = 0, created_received = 0;
  std::vector<Answer> answers;  // the first ends the wait for the first response
  std::vector<Resolution> resolutions;
  bool operator==(const Reported&) const = default;
};

/// From what was received by `now`. Needs no target: working time is that of the rule's calendar, and the wall's where
/// no rule matches.
Reported reported(const Inputs& inputs, Instant now);

}  // namespace tern::sla
