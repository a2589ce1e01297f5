// The colour of a deadline that people gave a task. Nothing is promised by it: no clock, no breach.
#pragma once

#include <cstdint>
#include <string_view>

#include "tern/sync/lifecycle.hpp"

namespace tern::sync {

/// "green"; "yellow" once three quarters of the time since the ticket was made are gone, "red" behind it. Empty where
/// the work is done.
inline std::string_view due_colour(StatusClass where, std::int64_t created_ms, std::int64_t due_ms,
                                   std::int64_t now_ms) {
  if (where == StatusClass::done || where == StatusClass::end) return {};
  if (now_ms > due_ms) return "red";
  const std::int64_t whole_ms = due_ms > created_ms ? due_ms - created_ms : 0;
  return due_ms - now_ms <= whole_ms / 4 ? "yellow" : "green";
}

}  // namespace tern::sync
