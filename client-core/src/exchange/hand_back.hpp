// After a restore: what others did, or another copy of this device, as this one was shown it in the history that was
// given up. The copy follows the server into the new one; what it showed is kept beside it until the server has looked
// at it, once own work is in.
#pragma once

#include <cstdint>
#include <set>
#include <vector>

#include "outbox/outbox.hpp"
#include "replica/replica.hpp"
#include "tern/sync/change.hpp"

namespace tern::v1 {
class ExchangeRequest;
}

namespace tern::client {

/// A restore before this one: the history that it gave up, and the version that what it gave up has had since.
struct EarlierRestore {
  EpochId given_up;
  std::uint64_t lowered_to = 0;
};

/// Those that this copy followed, branches that the server has left among them; of very many the newest.
Result<std::vector<EarlierRestore>> restores_followed(Replica& replica);
/// In the transaction that lowers the versions of the copy.
Result<void> note_followed(Replica& replica, const EarlierRestore& restore);

/// Before the versions of the copy go back to `kept_seq`, in the transaction that does it. Tickets of which the outbox
/// has all that was done since are not kept: that goes by itself. What restores before this one gave up may stand in
/// the copy still, and has its numbers of then: it is kept as of its own history, for the server that was told of it
/// may be given up now.
Result<void> keep_given_up(sqlite::Database& replica, Outbox& outbox, const EpochId& epoch, std::uint64_t kept_seq,
                           const std::vector<EarlierRestore>& earlier);

Result<bool> holds_given_up(Replica& replica);

/// Adds the next ones. Gives their rows, for when the server has looked at them; none: there is nothing to hand back.
Result<std::vector<std::int64_t>> add_handed_back(v1::ExchangeRequest& request, Replica& replica);
Result<void> drop_given_up(Replica& replica, const std::vector<std::int64_t>& rows);

/// Tickets that show any of these are not handed back: later texts may quote them.
Result<void> forget_erased(Replica& replica, const std::set<sync::ChangeRef>& erased);

}  // namespace tern::client
