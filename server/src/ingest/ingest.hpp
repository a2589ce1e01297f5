// The one write path: verify -> admit -> time -> order -> fold -> write, in one transaction with ledger, state, log
// leaf, receipt and amendments. Source: architecture.md "The one write path", fold.md, protocol.md "Change set".
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ingest/own_folds.hpp"
#include "runtime/together.hpp"
#include "tern/protocol/change_set.hpp"
#include "tern/protocol/receipt.hpp"
#include "tern/sync/change.hpp"
#include "tern/sync/conflict.hpp"

namespace tern::sqlite {
class Database;
}

namespace tern::server {

class Tenant;

/// One device's sets of one exchange, as they arrived.
struct Push {
  DeviceId device;
  std::vector<Bytes> change_sets;               // wire
  std::optional<protocol::ChainHead> declared;  // newest sealed set of the device: bounds later ones from below
  std::uint64_t cursor_seq = 0;                 // of the request, in this epoch
  std::uint64_t outbox_pending = 0;
  bool deposit = false;             // key revoked or frozen: quarantine only
  bool own_folds = false;           // the device folds its own changes itself where it is told so
  std::vector<Bytes> old_receipts;  // wire of receipt lists: what its sets were in epochs that are over
};

/// What a receipt of this server proves of a set: that it was that commit of that epoch, with these outcomes.
struct ProvenCommit {
  EpochId epoch;
  std::uint64_t commit_seq = 0;
  std::int64_t commit_ms = 0;
  Bytes outcomes;              // tern.v1.SetOutcomes
  std::size_t list = 0;        // index into VerifiedPush::old_lists
  std::uint64_t log_size = 0;  // of the log whose head this device was shown with it
};

/// What cannot be answered by a receipt. At most one for a push: later sets were not looked at.
struct PushFault {
  Error error;
  std::size_t set_index = 0;
  std::uint64_t expected_seq = 0;  // chain_gap
  protocol::ChainHead head;        // chain_forked
  std::size_t op_index = 0;        // of the change within its set, where one is at fault
  bool of_another = false;         // the set says that it is another device's than the session's
};

/// A list of old receipts whose signature and leaves are good.
struct OldList {
  Hash hash;  // as signed
  Bytes wire;
};

/// A push after the stateless checks. Made on any thread.
struct VerifiedPush {
  Push push;
  std::vector<protocol::VerifiedSet> sets;         // up to the first fault
  std::vector<std::vector<sync::Change>> changes;  // of each set
  std::optional<PushFault> fault;
  std::multimap<Hash, ProvenCommit>
      proven;  // by the hash of the set (of its first header); the epoch is not judged yet
  std::vector<OldList> old_lists;
};

struct PushAnswer {
  std::vector<Bytes> receipts;  // encoded protocol::Receipt, one for each set processed or known, in chain order
  std::optional<PushFault> fault;
  std::uint64_t acked_seq = 0;  // newest set of this device the server has processed
  Bytes acked_hash;
  std::vector<Bytes> statements;   // e.g. a new certificate after a fork that healed
  std::vector<OwnFold> own_folds;  // by ticket; only for who takes them
};

/// What a commit did, for those who are told: push, notify, projections.
struct CommitNotice {
  std::uint64_t first_seq = 0, last_seq = 0;  // 0: no set was committed
  std::vector<TicketId> tickets;
  std::vector<TicketId> clocks;  // whose SLA clock is another one for devices
  bool records = false;
  std::vector<DeviceId> devices;  // made, ended, or signed into a new epoch after a fork
};

/// Parse, verify signatures and commitments, parse changes. Thread-safe; reads keys through a snapshot of the tenant.
/// Many sets are shared with the other processors, through `elsewhere`.
VerifiedPush verify_push(const Tenant& tenant, Push push, const RunElsewhere& elsewhere = {});

/// The part of it that old receipts are: those that hold. Called by verify_push.
void verify_old_receipts(const Tenant& tenant, VerifiedPush& push);

/// One transaction for all of them (group commit); key state and rights are read again inside. Committer strand only.
/// Returns after the commit returned with synchronous=FULL. On a storage error nothing of the batch is stored and the
/// error is everybody's: no answer may be sent for it.
struct BatchResult {
  std::vector<PushAnswer> answers;  // answers[i] belongs to pushes[i]
  CommitNotice notice;
};
Result<BatchResult> commit_batch(Tenant& tenant, std::span<VerifiedPush> pushes);

/// Changes by the server itself on behalf of somebody: API, administration, jobs. Sealed with the tenant's sealing key
/// and committed through the same path. One set, or as many as they need. Committer strand only.
struct ServerChange {
  sync::Change change;           // id, wall_ms filled when zero
  OperatorId acting;             // operator whose rights count; zero: the server itself
  std::uint64_t integer_id = 0;  // a create that is said again: what its ticket was called, if nothing else is by now
  std::string number;
  bool both_sides_said = false;  // of a link: whoever says it says what the other ticket has, too
};
struct ServerCommit {
  std::uint64_t commit_seq = 0;
  std::vector<sync::Outcome> outcomes;
  std::vector<sync::ReasonCode> reasons;
  CommitNotice notice;
};
/// Writes rows of its own into the transaction of a commit, behind all changes; an error undoes the commit.
using WriteBeside = std::function<Result<void>(sqlite::Database&, const ServerCommit&)>;
Result<ServerCommit> commit_server(Tenant& tenant, std::vector<ServerChange> changes, const WriteBeside& beside = {});

}  // namespace tern::server
