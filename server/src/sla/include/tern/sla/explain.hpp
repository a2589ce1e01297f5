// Why a clock stands where it stands, line by line.
#pragma once

#include <string>
#include <vector>

#include "tern/sla/breach.hpp"

namespace tern::sla {

/// For each cycle: when and why it started, each pause, change of target and stop with what was consumed until then,
/// and where it stands at `now`; behind them the breach records. Instants in the calendar's zone.
std::vector<std::string> explain(const Inputs& inputs, std::span<const Device> devices, Instant now);

}  // namespace tern::sla
