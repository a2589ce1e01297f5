// What a restored backup does to an outbox: the device's own (own sets come back from the server), or the server's (own
// sets go there again). Each call is one transaction.
#pragma once

#include <cstdint>
#include <vector>

#include "outbox/outbox.hpp"

namespace tern::client {

/// Appends sets that this device once sealed and no longer has. The caller has verified them and their chain. They
/// count as sent: they travel once more and get the receipts the server stored. Drafts that went into them are theirs
/// again.
Result<void> adopt_own_sets(Outbox& outbox, const std::vector<Bytes>& sets);

/// Receipts of commits above `kept_commit_seq` are void: their sets are sealed again, unsent; the lists that hold the
/// old receipts stay, and go along with the sets (Outbox::old_receipts). Gives the number of sets. Those of an earlier
/// device epoch are pending again like the others; the next certificate has them signed anew, in their order.
Result<std::size_t> return_to_sealed(Outbox& outbox, std::uint64_t kept_commit_seq);

/// The newest set of this device epoch with a receipt for a commit up to `commit_seq_max`; 0: none.
Result<std::uint64_t> newest_receipted(Outbox& outbox, std::uint64_t device_epoch, std::uint64_t commit_seq_max);

}  // namespace tern::client
