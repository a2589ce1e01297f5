// After a restore: which of the tickets held here came from the history that was given up and are not this operator's
// in the new one, and which are and never came. News since the restore tell of neither, and digests cannot be compared
// while something is still shown here that the server lost.
//
// Once, all that is held is named to the server, by ranges of ids. What it does not know at all stays, for it may come
// back from another device, or be nowhere but here; it is named again with every exchange until the server knows it.
#pragma once

#include <optional>

#include "replica/replica.hpp"
#include "tern/protocol/bytes.hpp"
#include "tern/protocol/error.hpp"

namespace tern::v1 {
class ExchangeRequest;
class HeldAnswer;
}  // namespace tern::v1

namespace tern::client {

/// What a request named.
struct HeldAsked {
  Bytes ids;         // 16 bytes each, ascending but for those that are unknown
  bool all = false;  // all of a range
  TicketId after;    // of the range; zero: from the beginning
  TicketId through;  // of the range; zero: to the end
};

/// What came of it, to be noted once the page that came with it is applied.
struct HeldToNote {
  HeldAsked asked;
  Bytes through, unknown;  // of the answer
};

/// The replica steps into another epoch, and keeps what it has up to `kept_seq`: everything is to be named.
Result<void> begin_scope_check(Replica& replica, const OperatorId& reader, std::uint64_t kept_seq);

/// Whether the reader could see restricted notes in the history that was given up and cannot in this one, or the other
/// way round: the copy then has some too many or too few, and has to be rebuilt. For when a round's last page is
/// applied.
Result<bool> notes_turned(Replica& replica, const OperatorId& reader);

/// Whether ranges are left to be named. Before the first replica is complete there is nothing to name.
Result<bool> scope_check_is_due(Replica& replica);
/// Whether the server did not know some of them when it was asked last.
Result<bool> holds_unknown_tickets(Replica& replica);

/// Adds the next range, or what is unknown. Nothing: there is nothing to name.
Result<std::optional<HeldAsked>> add_held_tickets(v1::ExchangeRequest& request, Replica& replica);

Result<void> note_held(Replica& replica, const HeldToNote& held);

}  // namespace tern::client
