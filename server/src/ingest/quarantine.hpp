// Raw sets of a revoked or frozen key, outside the ledger: what an administrator sees of them and does with them.
#pragma once

#include <cstdint>
#include <set>
#include <vector>

#include "ingest.hpp"

namespace tern::server {

class Batch;

/// A change of a set in quarantine. Nothing proves when it was made but its window.
struct QuarantinedChange {
  sync::Change change;
  std::int64_t lo_ms = 0;  // the anchor that its set cites; 0: of none that is known
  std::int64_t hi_ms = 0;  // when its set came
  bool in_ledger = false;  // came another way meanwhile
};

struct QuarantinedSet {
  DeviceId device;
  Hash hash;
  std::uint64_t device_epoch = 0, chain_seq = 0;
  std::int64_t received_ms = 0;
  EpochId seen_epoch;  // of the anchor it cites; zero: not known
  std::vector<QuarantinedChange> changes;
  std::size_t unreadable = 0;  // erased, or no change of this version
};

/// Every change that is kept here with its text, also of sets that wait no more. Thread-safe.
using LookAtQuarantined = std::function<Result<void>(const DeviceId&, const protocol::SealedChange&)>;
Result<void> each_quarantined(Tenant& tenant, const LookAtQuarantined& look);
/// Those that wait, in the order of their chains. Thread-safe.
Result<std::vector<QuarantinedSet>> quarantined_sets(Tenant& tenant);
/// How many wait. Thread-safe.
Result<std::uint64_t> count_quarantined(Tenant& tenant);

/// Committer strand. Each change is said again by `by`, under the server's sealing key: at its own time within its
/// window, marked as asserted, quoting the original. The sets are settled in the same transaction. The outcomes are
/// those of the changes that were said again, in the sets' order.
Result<ServerCommit> release_quarantined(Tenant& tenant, const std::vector<QuarantinedSet>& sets, const OperatorId& by);

/// Committer strand. They wait no more and nothing of them counts.
Result<void> drop_quarantined(Tenant& tenant, const std::vector<QuarantinedSet>& sets);

/// Inside a batch. A set that came for quarantine, without the texts that were erased here or are to be.
void strip_gone(const Batch& batch, const DeviceId& device, protocol::ChangeSet& set);
/// Inside a batch: what waits loses the texts of these, and of what these say again. Gives how many sets did.
Result<std::size_t> strip_quarantine(Batch& batch, const std::set<sync::ChangeRef>& gone);

/// Committer strand. What came 90 days ago goes; how many sets did.
Result<std::uint64_t> sweep_quarantine(Tenant& tenant);

}  // namespace tern::server
