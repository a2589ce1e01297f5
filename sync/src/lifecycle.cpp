#include "tern/sync/lifecycle.hpp"

#include <algorithm>
#include <array>
#include <bitset>
#include <deque>

namespace tern::sync {
namespace {

using enum Status;

constexpr std::size_t status_count = 9;

struct StatusSpec {
  Status status;
  std::string_view name;
  StatusClass status_class;
};
constexpr std::array<StatusSpec, status_count> statuses = {{
    {new_, "new", StatusClass::todo},
    {open, "open", StatusClass::todo},
    {estimated, "estimated", StatusClass::wait},
    {in_progress, "in_progress", StatusClass::work},
    {waiting, "waiting", StatusClass::wait},
    {on_hold, "on_hold", StatusClass::hold},
    {resolved, "resolved", StatusClass::done},
    {closed, "closed", StatusClass::end},
    {reopened, "reopened", StatusClass::todo},
}};

struct ClassSpec {
  StatusClass status_class;
  std::string_view name;
};
constexpr std::array<ClassSpec, 6> classes = {{
    {StatusClass::todo, "todo"},
    {StatusClass::work, "work"},
    {StatusClass::wait, "wait"},
    {StatusClass::hold, "hold"},
    {StatusClass::done, "done"},
    {StatusClass::end, "end"},
}};

/// A set of statuses, one bit each.
using Mask = std::uint16_t;
constexpr Mask bit(Status status) {
  return static_cast<Mask>(1U << static_cast<unsigned>(status));
}
template <typename... Rest>
constexpr Mask mask(Rest... statuses_of_mask) {
  return static_cast<Mask>((0U | ... | bit(statuses_of_mask)));
}

/// One row of desk.md's table of moves. `to` of resume is the remembered status and stands in no column.
struct MoveSpec {
  Intent intent;
  Mask from;
  Status to;
  bool alone;    // chosen by a person; the others go beside a claim or a message
  bool repeats;  // has an effect of its own when the status stays: a new reason, a new estimate
};
constexpr std::array moves = {
    MoveSpec{Intent::start, mask(new_, open, estimated, waiting, on_hold, reopened), in_progress, true, false},
    MoveSpec{Intent::wait, mask(new_, open, in_progress, on_hold, reopened), waiting, true, false},
    MoveSpec{Intent::hold, mask(new_, open, reopened, in_progress, waiting, estimated), on_hold, true, true},
    MoveSpec{Intent::resume, mask(on_hold), on_hold, true, false},
    MoveSpec{Intent::estimate, mask(new_, open, in_progress, reopened), estimated, true, true},
    MoveSpec{Intent::estimate_approved, mask(estimated), in_progress, false, false},
    MoveSpec{Intent::estimate_rejected, mask(estimated), open, false, false},
    MoveSpec{Intent::resolve, mask(new_, open, reopened, in_progress, waiting, on_hold), resolved, true, false},
    MoveSpec{Intent::close, mask(new_, open, reopened, in_progress, waiting, estimated, on_hold, resolved), closed,
             true, false},
    MoveSpec{Intent::reopen, mask(resolved, closed), reopened, true, false},
    MoveSpec{Intent::put_back, mask(new_, in_progress, waiting, on_hold, reopened), open, true, false},
};

constexpr bool covers_status_intents() {
  std::size_t found = 0;
  for (unsigned number = static_cast<unsigned>(Intent::start);
       number <= static_cast<unsigned>(Intent::estimate_rejected); ++number)
    for (const MoveSpec& move : moves)
      if (static_cast<unsigned>(move.intent) == number) ++found;
  return found == moves.size();
}
static_assert(covers_status_intents(), "each status intent has one row");

/// F031: where each status leads, in the order in which ties are broken. on_hold leads first to the remembered status.
struct Ways {
  Status from;
  std::array<Status, status_count> to;
  std::size_t count;
};
constexpr std::array<Ways, status_count> f031 = {{
    {new_, {open, estimated, in_progress, waiting, on_hold, resolved, closed}, 7},
    {open, {estimated, in_progress, waiting, on_hold, resolved, closed}, 6},
    {estimated, {in_progress, open, on_hold, closed}, 4},
    {in_progress, {open, estimated, waiting, on_hold, resolved, closed}, 6},
    {waiting, {open, in_progress, on_hold, resolved, closed}, 5},
    {on_hold, {open, in_progress, waiting, resolved, closed}, 5},
    {resolved, {closed, reopened}, 2},
    {closed, {reopened}, 1},
    {reopened, {in_progress, open, waiting, on_hold, estimated, resolved, closed}, 7},
}};

constexpr bool leads(Status from, Status to) {
  for (const Ways& ways : f031)
    if (ways.from == from)
      for (std::size_t i = 0; i < ways.count; ++i)
        if (ways.to[i] == to) return true;
  return false;
}

constexpr bool moves_follow_f031() {
  for (const MoveSpec& move : moves)
    for (const StatusSpec& spec : statuses)
      if ((move.from & bit(spec.status)) != 0 && move.intent != Intent::resume && !leads(spec.status, move.to))
        return false;
  return true;
}
static_assert(moves_follow_f031(), "a move that F031 does not offer");

const MoveSpec* find_move(Intent intent) {
  for (const MoveSpec& move : moves)
    if (move.intent == intent) return &move;
  return nullptr;
}

bool is_known(Status status) {
  return status >= new_ && status <= reopened;
}

Status after_customer_message(Status from) {
  if (from == waiting) return open;
  return from == resolved || from == closed ? reopened : from;
}

/// Moves that a person may choose here with an effect, each with the status it leads to: first the remembered status,
/// then in F031's order, last what repeats in place.
struct NextMove {
  Intent intent;
  Status to;
};
std::vector<NextMove> steps(Status from, Status before_hold) {
  std::vector<NextMove> found;
  const auto add_moves_to = [&](Status to) {
    for (const MoveSpec& move : moves)
      if (move.alone && move.intent != Intent::resume && move.to == to &&
          next_status(from, move.intent, before_hold) == to)
        if (from != to || move.repeats) found.push_back({move.intent, to});
  };
  if (from == on_hold && is_known(before_hold) && before_hold != on_hold)
    found.push_back({Intent::resume, before_hold});
  for (const Ways& ways : f031)
    if (ways.from == from)
      for (std::size_t i = 0; i < ways.count; ++i) add_moves_to(ways.to[i]);
  add_moves_to(from);
  return found;
}

}  // namespace

std::string_view status_name(Status status) {
  for (const StatusSpec& spec : statuses)
    if (spec.status == status) return spec.name;
  return "unknown";
}

std::optional<Status> status_from_name(std::string_view name) {
  for (const StatusSpec& spec : statuses)
    if (spec.name == name) return spec.status;
  return std::nullopt;
}

StatusClass status_class(Status status) {
  for (const StatusSpec& spec : statuses)
    if (spec.status == status) return spec.status_class;
  return StatusClass::todo;
}

std::string_view status_class_name(StatusClass status_class) {
  for (const ClassSpec& spec : classes)
    if (spec.status_class == status_class) return spec.name;
  return "unknown";
}

std::optional<StatusClass> status_class_from_name(std::string_view name) {
  for (const ClassSpec& spec : classes)
    if (spec.name == name) return spec.status_class;
  return std::nullopt;
}

std::optional<Status> next_status(Status from, Intent intent, Status before_hold) {
  if (intent == Intent::message) return after_customer_message(from);
  const MoveSpec* move = find_move(intent);
  if (move == nullptr || !is_known(from)) return std::nullopt;
  if (intent == Intent::resume) {
    const bool remembers = from == on_hold && is_known(before_hold) && before_hold != on_hold;
    return remembers ? std::optional(before_hold) : std::nullopt;
  }
  if (from == move->to || (move->from & bit(from)) != 0) return move->to;
  return std::nullopt;
}

std::vector<Intent> possible_moves(Status from, Status before_hold) {
  std::vector<Intent> possible;
  for (const NextMove& step : steps(from, before_hold)) possible.push_back(step.intent);
  return possible;
}

std::optional<std::vector<Intent>> shortest_moves(Status from, Status to, Status before_hold) {
  struct Visit {
    Status status, before_hold;
    std::vector<Intent> path;
  };
  std::bitset<256> seen;  // by status and remembered status
  const auto mark = [&seen](const Visit& visit) {
    const auto at = (static_cast<std::size_t>(visit.status) << 4) | (static_cast<std::size_t>(visit.before_hold) & 15U);
    if (seen[at]) return false;
    seen[at] = true;
    return true;
  };
  if (!is_known(from) || !is_known(to)) return std::nullopt;
  std::deque<Visit> queue{{from, before_hold, {}}};
  mark(queue.front());
  while (!queue.empty()) {
    Visit visit = std::move(queue.front());
    queue.pop_front();
    if (visit.status == to) return std::move(visit.path);
    for (const NextMove& step : steps(visit.status, visit.before_hold)) {
      Visit next{step.to, step.to == on_hold && visit.status != on_hold ? visit.status : visit.before_hold, visit.path};
      next.path.push_back(step.intent);
      if (mark(next)) queue.push_back(std::move(next));
    }
  }
  return std::nullopt;
}

}  // namespace tern::sync
