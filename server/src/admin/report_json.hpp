// How reports say lengths, shares and what is not there.
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>

#include "desk/period_figures.hpp"
#include "tern/protocol/json.hpp"

namespace tern::server::admin {

/// Of seconds; null: there is none.
inline Json minutes_json(const std::optional<double>& seconds) {
  return seconds ? Json(static_cast<std::int64_t>(std::llround(*seconds / 60))) : Json();
}
inline double tenths_of(double value) {
  return std::round(value * 10) / 10;
}
inline Json score_json(const RatingCount& of) {
  const auto mean = of.mean();
  return mean ? Json(tenths_of(*mean)) : Json();
}
inline Json hours_json(const std::optional<double>& seconds) {
  return seconds ? Json(tenths_of(*seconds / 3600)) : Json();
}
inline std::optional<double> as_seconds(const std::optional<std::int64_t>& value) {
  return value ? std::optional(static_cast<double>(*value)) : std::nullopt;
}
template <typename Number>
Json number_or_null(const std::optional<Number>& value) {
  return value ? Json(*value) : Json();
}

}  // namespace tern::server::admin
