// The lifecycle table replayed over a ticket's moves: one step for each move, in order.
#pragma once

#include <vector>

#include "tern/sync/fold.hpp"

namespace tern::sync {

/// What became of one move. `stands`: whose work stands in its way; null = nobody's. Points into the state.
struct MoveVerdict {
  bool applied = true;
  bool changed_status = false;
  Rule rule = Rule::sequential;
  const Stamp* stands = nullptr;
};

/// Walks over state.moves. The state outlives it and does not change meanwhile.
class StatusReplay {
public:
  explicit StatusReplay(const TicketState& state);
  MoveVerdict step(const Move& move);
  /// All but the three vectors about moves.
  [[nodiscard]] StatusView take() { return std::move(view_); }

private:
  MoveVerdict step_customer_message(const Move& move);
  MoveVerdict overtaken(Rule rule, const Stamp* stands) const { return {false, false, rule, stands}; }
  [[nodiscard]] const Stamp* unseen_customer_message(const Move& move) const;
  [[nodiscard]] bool within_reopen_window(const Move& message) const;
  [[nodiscard]] std::optional<Status> target(const Move& move) const;
  void enter(Status status, const Move& move);
  void take_details(const Move& move, bool changed);

  const TicketState& state_;
  StatusView view_;
  const Stamp* last_change_ = nullptr;  // of the move that made the status
  std::vector<const Stamp*> customer_messages_;
  std::uint64_t customer_commit_max_ = 0;
};

Standing standing_of(const MoveVerdict& verdict);

}  // namespace tern::sync
