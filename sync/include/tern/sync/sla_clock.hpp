// What a device knows of a ticket's SLA clock: deadlines that the server worked out, from which colours and what is
// left follow at any instant without it. No part of the state that is folded (docs/sla.md, "On a device").
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "tern/protocol/bytes.hpp"
#include "tern/protocol/error.hpp"

namespace tern::sync {

/// Numbers travel.
enum class SlaMetric : std::uint8_t { first_response, next_response, resolution, periodic_update, on_site };
inline constexpr std::size_t sla_metric_count = 5;
std::string_view sla_metric_name(SlaMetric metric);  // "first_response"

/// From best to worst (rule K13).
enum class SlaColour : std::uint8_t { grey, green, blue, yellow, red };
std::string_view sla_colour_name(SlaColour colour);

/// One wait that is open and has a target. Instants and lengths in seconds.
struct SlaCycle {
  SlaMetric metric = SlaMetric::first_response;
  std::uint32_t number = 1;
  std::optional<std::int64_t> due;        // when it is, or was, breached; nothing: paused, or due nowhere near
  std::optional<std::int64_t> yellow;     // from when on it is yellow
  std::optional<std::int64_t> remaining;  // there: paused, with so much working time left; or less than none

  /// Red after due (C7), blue while paused.
  [[nodiscard]] SlaColour colour_at(std::int64_t now) const;
  bool operator==(const SlaCycle&) const = default;
};

struct SlaClock {
  std::vector<SlaCycle> cycles;
  std::optional<std::int64_t> waits_since;  // on hold or waiting since then

  /// The worst, of those the one due first: what a list shows. Null: nothing is open.
  [[nodiscard]] const SlaCycle* worst_at(std::int64_t now) const;
  /// What lists sort by.
  [[nodiscard]] std::optional<std::int64_t> nearest_due() const;
  bool operator==(const SlaClock&) const = default;
};

inline constexpr std::size_t sla_clock_bytes_max = 64 * 1024;

/// tern.v1.SlaClock; empty where nothing is open.
Bytes encode_sla_clock(const SlaClock& clock);
/// Leaves out waits of a kind that is not known here. `too_large`, `malformed`.
Result<SlaClock> decode_sla_clock(ByteView bytes);

}  // namespace tern::sync
