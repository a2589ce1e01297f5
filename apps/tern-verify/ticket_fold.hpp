// One ticket, folded from nothing in the order of its commits: what receipts, amendments and its state must say.
#pragma once

#include <map>
#include <set>
#include <vector>

#include "tern/sync/fold.hpp"

namespace tern::verify {

/// One device epoch of one device.
struct Chain {
  DeviceId device;
  std::uint64_t epoch = 0;
  bool operator==(const Chain&) const = default;
};

/// The latest effective time among a ticket's facts, and the latest among those of all other chains. Zero: none.
struct LatestFacts {
  std::int64_t top_ms = 0;
  Chain top;
  std::int64_t second_ms = 0;

  void add(const Chain& chain, std::int64_t effective_ms);
  [[nodiscard]] std::int64_t of_others(const Chain& chain) const { return chain == top ? second_ms : top_ms; }
};

class TicketFold {
public:
  struct Step {
    sync::Standing standing;
    std::vector<sync::StandingChange> altered;
  };

  /// Claims and what follows a merge are judged here, against what is committed; then the change is folded in.
  Step fold(sync::PlacedChange placed, bool previous_may_be_dark);
  /// The same of one that came back after a restore, with proof of what it was then.
  using CameBack = std::function<bool(const sync::ChangeRef&)>;
  Step fold_again(sync::PlacedChange placed, bool previous_may_be_dark, const sync::Standing& then,
                  const CameBack& came_back);
  /// Something held that a release lets in, placed as the release says. Nothing: it is not held here.
  std::optional<Step> release(const sync::ChangeRef& ref, std::uint64_t commit_seq, std::int64_t commit_ms,
                              std::uint64_t integer_id, const std::string& number, const CameBack& came_back);
  /// `then`: what its receipt of before a restore says, when it has one.
  void hold(const sync::PlacedChange& placed, const std::optional<sync::Standing>& then) {
    held_.emplace(placed.change.ref, Held{placed, then});
  }

  /// After each change of the ledger that names it, once it is made.
  void note(std::uint64_t commit_seq, const LatestFacts& latest);
  /// What stood behind the newest commit not above `seen_seq`.
  [[nodiscard]] LatestFacts latest_at(std::uint64_t seen_seq) const;

  [[nodiscard]] bool made() const { return state_.created.has_value(); }
  [[nodiscard]] const sync::TicketState& state() const { return state_; }
  [[nodiscard]] const std::map<sync::ChangeRef, sync::Message>& messages() const { return messages_; }
  /// How its description was merged cannot be told any more.
  [[nodiscard]] bool description_erased() const { return description_erased_; }

  LatestFacts latest;

  // ---- counted by the reader ----
  std::uint64_t changes = 0, erased = 0;
  std::set<std::pair<sync::PrincipalKind, OperatorId>> authors;
  std::set<DeviceId> devices;

private:
  struct Held {
    sync::PlacedChange placed;
    std::optional<sync::Standing> then;
  };

  Step fold_judged(sync::PlacedChange placed);
  Step fold_placed(const sync::PlacedChange& placed);
  Step fold_description(const sync::PlacedChange& placed);

  sync::TicketState state_;
  std::map<sync::ChangeRef, sync::Message> messages_;
  std::vector<sync::PlacedChange> edits_;  // of the description
  std::vector<sync::Standing> edit_standings_;
  std::map<sync::ChangeRef, Held> held_;
  std::vector<std::pair<std::uint64_t, LatestFacts>> history_;
  bool description_erased_ = false;
};

}  // namespace tern::verify
