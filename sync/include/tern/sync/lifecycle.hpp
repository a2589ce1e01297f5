// The status machine: desk.md F031 and its table of moves. One constexpr table; everything else asks it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "tern/sync/intent.hpp"

namespace tern::sync {

enum class Status : std::uint8_t {
  new_ = 1,
  open,
  estimated,
  in_progress,
  waiting,
  on_hold,
  resolved,
  closed,
  reopened
};
enum class StatusClass : std::uint8_t { todo = 1, work, wait, hold, done, end };

std::string_view status_name(Status status);  // "new", "in_progress" ...
std::optional<Status> status_from_name(std::string_view name);
StatusClass status_class(Status status);
std::string_view status_class_name(StatusClass status_class);
/// `active` = todo+work+wait+hold and `all` are filters of the CLI, not classes.
std::optional<StatusClass> status_class_from_name(std::string_view name);

/// Where `intent` leads from `from`. `before_hold`: the remembered status, for resume. Nothing: not possible here.
/// The same status back = "applied without effect" (a hold on_hold with a new reason included). `resume` leads
/// somewhere from on_hold only. For `message` the answer is that of a customer's public one; whether closed lies within
/// the reopen window is the caller's to judge.
std::optional<Status> next_status(Status from, Intent intent, Status before_hold);

/// The move intents that lead somewhere from here, in F031's order, for menus and error hints. Holding what is on hold
/// (a new reason) and estimating anew count. The two moves that only go beside a decision on an estimate do not.
std::vector<Intent> possible_moves(Status from, Status before_hold);

/// The shortest sequence of the same intents from one status to another; ties go to F031's order. Empty when already
/// there, nothing when there is no way. `before_hold` as remembered now.
std::optional<std::vector<Intent>> shortest_moves(Status from, Status to, Status before_hold);

}  // namespace tern::sync
