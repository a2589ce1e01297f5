// All clocks of one ticket.
#pragma once

#include <optional>

#include "track.hpp"

namespace tern::sla {

/// One clock with the reader of its steps.
struct Driven {
  Metric metric;
  StepReader reader;
  Track track;
};

/// Folds what was received by `now` through the clock of one metric.
Driven drive(Metric metric, const Inputs& inputs, const Plans& plans, Instant now, const Overrides& overrides = {},
             TraceListener* listener = nullptr);

inline constexpr Metric all_metrics[] = {Metric::first_response, Metric::next_response, Metric::resolution,
                                         Metric::periodic_update, Metric::on_site};

/// Whether any rule gives it a target; a clock without has nothing to say.
bool has_target(Metric metric, const Plans& plans);

/// A stretch on hold or waiting at `now` (K24).
std::optional<LongPause> long_pause(const Inputs& inputs, const Plans& plans, Instant now);

}  // namespace tern::sla
