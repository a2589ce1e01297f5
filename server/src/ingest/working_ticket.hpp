// One ticket while a batch works on it: read once, folded in memory, written once at the end.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tern/sync/fold.hpp"

namespace tern::server {

/// One device epoch of one device.
struct Chain {
  DeviceId device;
  std::uint64_t epoch = 0;
  bool operator==(const Chain&) const = default;
};

/// The latest effective time among a ticket's facts, and the latest among those of all other chains than that one's:
/// enough to tell anybody the latest fact of somebody else. Zero: none.
struct LatestFacts {
  std::int64_t top_ms = 0;
  Chain top;
  std::int64_t second_ms = 0;

  void add(const Chain& chain, std::int64_t effective_ms);
  [[nodiscard]] std::int64_t of_others(const Chain& chain) const { return chain == top ? second_ms : top_ms; }
};

/// What the ledger says of a ticket beside its state.
struct TicketInLedger {
  std::uint64_t change_count = 0;  // of any outcome
  std::uint64_t last_commit = 0;   // newest with a change of it, of any outcome
  LatestFacts latest;
};

/// What decides in whose scope a ticket is.
struct ScopeFacts {
  std::optional<OperatorId> assignee;
  std::optional<RecordId> queue;
  std::vector<OperatorId> followers;                          // watchers and pins, ascending
  std::vector<std::pair<OperatorId, std::uint64_t>> custody;  // with the commit of the claim, ascending
  std::int64_t ended_ms = 0;                                  // since when in the end class; 0 = it is not
  bool deleted = false;
  Bytes merged_into;
  bool operator==(const ScopeFacts&) const = default;
};
ScopeFacts scope_facts(const sync::TicketState& state);

/// To whom an admitted change gave its ticket; nothing: to nobody, or it was theirs.
std::optional<OperatorId> assigned_to(const sync::PlacedChange& placed);

/// What lists filter and figures count by: columns with indexes, written when one of them changes.
struct ListColumns {
  std::int64_t listed = 0;  // its status in lists: of a merged ticket closed, of a deleted one 0
  std::int64_t priority = 0;
  Bytes assignee, queue, category, contact, organisation;  // empty: none
  std::int64_t created_ms = 0, first_response_ms = 0, resolved_ms = 0;
  std::int64_t worked_ms = 0;  // of the newest time entry
  Bytes channel;               // which way it came in; empty: of an older program, not looked at yet
  bool operator==(const ListColumns&) const = default;
};

/// A change of the description and what stands of it.
struct Describe {
  sync::PlacedChange placed;
  sync::Standing standing;
};

/// Who moved a ticket in this batch.
struct Moved {
  std::uint64_t base = 0;       // its version before
  DeviceId by;                  // zero: nobody yet
  bool alone = true;            // that device could fold it from what it holds and its receipts say
  std::vector<Bytes> messages;  // that were appended, as stored
};

struct WorkingTicket {
  sync::TicketState state;
  bool stored = false;           // it has a row
  bool dirty = false;            // the state is not the row's
  std::uint64_t message_id = 0;  // its description's
  TicketInLedger ledger;
  std::size_t state_bytes = 0;  // of the row, and what was folded in since at most adds to it
  bool state_measured = true;   // it is exactly that
  ScopeFacts scope_before;      // of the row; meaningless for a new one
  ListColumns lists_before;     // the same
  std::string words_before;     // what its row of the search index says; of a new one nothing
  Moved moved;
  std::optional<Bytes> encoded;                    // the state as it is to be stored, where that is known already
  std::optional<std::vector<Describe>> describes;  // read when the first edit of the description comes
};

}  // namespace tern::server
