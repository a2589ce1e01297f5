// commit_batch and commit_server: pushes of devices and changes of the server, each batch one transaction.
#include <algorithm>
#include <unordered_map>

#include "newer_history.hpp"
#include "quarantine.hpp"
#include "run_batch.hpp"
#include "said_again.hpp"
#include "send_out.hpp"
#include "tell.hpp"
#include "tern/protocol/mutant.hpp"
#include "triggers.hpp"

namespace tern::server {
namespace {

constexpr std::uint64_t device_epochs_ahead_max = 1'000;
// Each takes some KiB: written while the processor still has them.
constexpr std::size_t tickets_in_memory = 256;

PushFault fault_of(ErrorCode code, std::string message, std::string hint, std::string field) {
  return {{code, std::move(message), std::move(hint), std::move(field)}, 0, 0, {}, 0};
}

PushFault unknown_key() {
  return fault_of(ErrorCode::key_unknown, "this device has no such key here", "enrol the device again", "key_id");
}

// ---- deposits: raw sets of a revoked or frozen key ----

struct Deposited {
  std::uint64_t sets = 0, bytes = 0;
};

Result<Deposited> deposited(Batch& batch, const DeviceId& device) {
  TERN_TRY(auto rows, batch.db().query("SELECT count(*), sum(length(wire)) FROM quarantine WHERE tenant_id = $1 "
                                       "AND device_id = $2 AND settled = 0",
                                       batch.number, device));
  TERN_TRY(const bool found, rows.step());
  return found ? Deposited{rows.uint64(0), rows.uint64(1)} : Deposited{};
}

Result<std::optional<PushFault>> deposit_set(Batch& batch, const protocol::VerifiedSet& set, Deposited& kept) {
  TERN_TRY(const auto held, batch.db().int64_of("SELECT 1 FROM quarantine WHERE tenant_id = $1 AND device_id = $2 "
                                                "AND set_hash = $3",
                                                batch.number, set.header.device, set.hash));
  if (held) return std::optional<PushFault>{};
  protocol::ChangeSet raw = set.set;
  strip_gone(batch, set.header.device, raw);
  const Bytes wire = protocol::encode(raw);
  if (kept.sets + 1 > limits::quarantine_sets_max || kept.bytes + wire.size() > limits::quarantine_bytes_max) {
    return std::optional(fault_of(ErrorCode::quarantine_full, "no more of this device's work is taken into quarantine",
                                  "ask an admin to look at it", "change_sets"));
  }
  kept.sets += 1;
  kept.bytes += wire.size();
  batch.wrote = true;
  if (mutant(Mutant::deposit_not_kept)) return std::optional<PushFault>{};
  TERN_CHECKED(
      batch.db().run("INSERT INTO quarantine (tenant_id, device_id, set_hash, received_ms, wire) "
                     "VALUES ($1, $2, $3, $4, $5)",
                     batch.number, set.header.device, set.hash, batch.commit_ms, sqlite::Blob{wire}));
  return std::optional<PushFault>{};
}

/// What the ledger holds is answered by its receipt; the rest is kept raw, and acknowledged without one.
Result<PushAnswer> take_deposit(Batch& batch, const VerifiedPush& push) {
  PushAnswer answer;
  answer.fault = push.fault;
  TERN_TRY(Deposited kept, deposited(batch, push.push.device));
  for (std::size_t i = 0; i < push.sets.size(); ++i) {
    const protocol::VerifiedSet& set = push.sets[i];
    TERN_TRY(auto known,
             read_receipt(batch.db(), batch.number, set.header.device, set.header.device_epoch, set.header.chain_seq));
    if (known && known->set_hash == set.hash) {
      answer.receipts.push_back(std::move(known->wire));
    } else {
      TERN_TRY(auto fault, deposit_set(batch, set, kept));
      if (fault) {
        answer.fault = std::move(fault);
        answer.fault->set_index = i;
        break;
      }
    }
    answer.acked_seq = set.header.chain_seq;
    answer.acked_hash = Bytes(set.hash.view());
  }
  return answer;
}

// ---- pushes ----

/// Key and operator as they are now, whatever verify saw.
std::optional<PushFault> check_key(const Batch& batch, const protocol::VerifiedSet& set, const DeviceRow& device) {
  if (set.header.key != device.key || device.purpose != protocol::KeyPurpose::device) return unknown_key();
  const auto actor = batch.find_actor(device.operator_id);
  const bool active = device.key_state == protocol::KeyState::active || mutant(Mutant::revoked_key_accepted);
  if (active && actor && actor->active) return std::nullopt;
  return fault_of(ErrorCode::key_revoked, "this device's key is revoked or frozen",
                  "deposit its work and enrol the device again", "key_id");
}

/// Erasures may have been committed since verify looked.
std::optional<PushFault> check_contents(const Batch& batch, const protocol::VerifiedSet& set,
                                        const std::vector<sync::Change>& changes) {
  for (std::size_t i = 0; i < set.set.changes.size(); ++i) {
    if (!set.set.changes[i].erased() || batch.in.erased.contains({set.header.device, set.commitments[i]})) continue;
    if (batch.in.erasure_due.contains(changes[i].ref) || batch.in.erased_changes.contains(changes[i].ref)) continue;
    PushFault fault = fault_of(ErrorCode::content_missing,
                               "a change came without the content that the server still expects", {}, "body");
    fault.op_index = i;
    return fault;
  }
  return std::nullopt;
}

Result<std::optional<PushFault>> commit_set(Batch& batch, const VerifiedPush& push, std::size_t index,
                                            DeviceRow& device, const DeviceNotes& notes, PushAnswer& answer) {
  const protocol::VerifiedSet& set = push.sets[index];
  SetWork work;
  work.set = &set.set;
  work.header = set.header;
  work.judged = set.judged();
  work.hash = set.hash;
  work.changes = push.changes[index];
  if (!push.proven.empty()) take_proof(batch, push, set, work);
  TERN_TRY(auto fault, judge_set_time(batch, work, device, notes));
  if (fault) return fault;
  TERN_CHECKED(process_set(batch, work, device));
  note_routes(batch, work);
  TERN_CHECKED(fire_triggers(batch, work));
  TERN_TRY(Bytes receipt, write_set(batch, work));
  TERN_CHECKED(write_proof(batch, work));
  TERN_CHECKED(tell_of_set(batch, work));
  TERN_CHECKED(send_of_set(batch, work));
  answer.receipts.push_back(std::move(receipt));
  if (!work.follow_ups.empty()) {
    TERN_TRY(const ServerCommit followed, server_set(batch, std::move(work.follow_ups)));
    static_cast<void>(followed);
  }
  TERN_CHECKED(release_what_waited(batch, work));
  return std::optional<PushFault>{};
}

/// A device epoch that began after the backup from which this server was restored: its own key signed that.
bool may_follow(const Batch& batch, const protocol::ChangeSetHeader& header, const DeviceRow& device) {
  return !batch.in.past_epochs.empty() && header.device_epoch - device.chain.device_epoch <= device_epochs_ahead_max;
}

/// By (device, epoch, seq): next in chain, known, a gap, or another history.
Result<std::optional<PushFault>> take_set(Batch& batch, const VerifiedPush& push, std::size_t index, DeviceRow& device,
                                          const DeviceNotes& notes, PushAnswer& answer) {
  const protocol::VerifiedSet& set = push.sets[index];
  if (auto fault = check_key(batch, set, device)) return fault;
  if (auto fault = check_contents(batch, set, push.changes[index])) return fault;
  std::optional<StoredReceipt> known;
  const bool past =
      set.header.device_epoch < device.chain.device_epoch ||
      (set.header.device_epoch == device.chain.device_epoch && set.header.chain_seq <= device.chain.chain_seq);
  if (past) {
    TERN_TRY(known, read_receipt(batch.db(), batch.number, device.id, set.header.device_epoch, set.header.chain_seq));
  }
  const protocol::ChainJudgement judgement =
      protocol::judge_chain(device.chain, set.header, set.hash, known ? std::optional(known->set_hash) : std::nullopt);
  switch (judgement.verdict) {
    case protocol::ChainVerdict::process:
      return commit_set(batch, push, index, device, notes, answer);
    case protocol::ChainVerdict::duplicate:
      answer.receipts.push_back(std::move(known->wire));
      return std::optional<PushFault>{};
    case protocol::ChainVerdict::forked: {
      TERN_TRY(PushFault fault, judge_fork(batch, set, device, answer));
      return std::optional(std::move(fault));
    }
    case protocol::ChainVerdict::unknown_epoch:
      if (may_follow(batch, set.header, device)) {
        TERN_TRY(PushFault fault, follow_device_epoch(batch, set, device, answer));
        return std::optional(std::move(fault));
      }
      [[fallthrough]];
    case protocol::ChainVerdict::gap:
      return std::optional(PushFault{protocol::chain_error(judgement), 0, judgement.expected, device.chain, 0});
  }
  return std::optional<PushFault>{};
}

Result<void> end_custody_of(Batch& batch, const DeviceRow& device) {
  if (!batch.custody_now().contains(device.operator_id)) return {};
  // The row of the batch is ahead of the snapshot: what this push brought is not pending any more.
  auto ends = ended_custody(batch, device.operator_id);
  if (ends.empty()) return {};
  TERN_TRY(const ServerCommit commit, server_set(batch, std::move(ends)));
  static_cast<void>(commit);
  return {};
}

bool shows_pins_of_others(const sync::TicketState& state, const OperatorId& reader) {
  return std::ranges::any_of(state.elements, [&](const auto& entry) {
    return entry.first.field == sync::FieldId::pins && entry.first.element != reader.view();
  });
}

/// The answers of devices that fold their own changes themselves.
using OwnFolders = std::unordered_map<DeviceId, PushAnswer*>;

/// Of the tickets in memory, behind what is done to them there.
void collect_own_folds(Batch& batch, const OwnFolders& folders) {
  if (folders.empty()) return;
  for (const auto& [id, ticket] : batch.tickets()) {
    const Moved& moved = ticket->moved;
    if (!ticket->dirty || !moved.alone || ticket->state.version == moved.base) continue;
    const auto folder = folders.find(moved.by);
    const DeviceRow* device = batch.peek_device(moved.by);
    if (folder == folders.end() || device == nullptr) continue;
    if (shows_pins_of_others(ticket->state, device->operator_id)) continue;
    ticket->encoded = sync::encode_state(ticket->state);
    folder->second->own_folds.push_back(
        {id, moved.base, ticket->state.version, sync::own_fold_check(*ticket->encoded, moved.messages)});
  }
}

/// Behind a set. (A ticket that is met again in the same batch comes to its device whole.)
Result<void> keep_few_in_memory(Batch& batch, const OwnFolders& folders) {
  if (batch.tickets().size() < tickets_in_memory) return {};
  collect_own_folds(batch, folders);
  return batch.settle_tickets();
}

Result<void> take_push(Batch& batch, const VerifiedPush& push, const OwnFolders& folders, PushAnswer& answer) {
  answer.fault = push.fault;
  DeviceRow* device = batch.device(push.push.device);
  if (device == nullptr) {
    if (!answer.fault) answer.fault = unknown_key();
    return {};
  }
  DeviceNotes notes;
  {
    std::shared_lock lock(batch.in.snapshot_mutex);
    if (const auto found = batch.in.devices.find(device->id); found != batch.in.devices.end())
      notes = found->second.notes;
  }
  for (std::size_t i = 0; i < push.sets.size(); ++i) {
    TERN_TRY(auto fault, take_set(batch, push, i, *device, notes, answer));
    if (fault) {
      fault->set_index = i;
      answer.fault = std::move(fault);
      break;
    }
    TERN_CHECKED(keep_few_in_memory(batch, folders));
  }
  answer.acked_seq = device->chain.chain_seq;
  answer.acked_hash = Bytes(device->chain.hash.view());
  return end_custody_of(batch, *device);
}

Result<void> erase_arrived(Batch& batch, std::span<const VerifiedPush> pushes) {
  if (batch.in.erasure_due.empty() && batch.in.erased_changes.empty()) return {};
  std::vector<sync::ChangeRef> due;
  for (const VerifiedPush& push : pushes)
    for (const auto& set : push.changes)
      for (const sync::Change& change : set)
        if (is_gone(batch, change.ref)) due.push_back(change.ref);
  return due.empty() ? Result<void>{} : erase_what_was_due(batch, due);
}

Result<void> take_pushes(Batch& batch, std::span<const VerifiedPush> pushes, std::vector<PushAnswer>& answers) {
  answers.resize(pushes.size());
  OwnFolders folders;
  for (std::size_t i = 0; i < pushes.size(); ++i)
    if (pushes[i].push.own_folds && !pushes[i].push.deposit) folders[pushes[i].push.device] = &answers[i];
  for (std::size_t i = 0; i < pushes.size(); ++i) {
    if (pushes[i].push.deposit) {
      TERN_TRY(answers[i], take_deposit(batch, pushes[i]));
    } else {
      TERN_CHECKED(take_push(batch, pushes[i], folders, answers[i]));
    }
  }
  TERN_CHECKED(erase_arrived(batch, pushes));
  TERN_CHECKED(route_noted(batch));
  collect_own_folds(batch, folders);
  return {};
}

void note_push(Tenant& tenant, const Push& push) {
  ExchangeNote note;
  note.device = push.device;
  note.declared = push.declared;
  note.cursor_seq = push.cursor_seq;
  note.outbox_pending = std::max<std::uint64_t>(push.outbox_pending, push.change_sets.size());
  static_cast<void>(note_exchange(tenant, note));
}

}  // namespace

Result<BatchResult> commit_batch(Tenant& tenant, std::span<VerifiedPush> pushes) {
  if (tenant.internals().takes_no_work)
    return fail(ErrorCode::storage_full, "there is too little room on the server's disk", "its operator is told");
  if (tenant.has_older_files()) return older_files();
  for (const VerifiedPush& push : pushes) note_push(tenant, push.push);
  return run_batch(tenant, [&](Batch& batch) -> Result<BatchResult> {
    BatchResult result;
    TERN_CHECKED(take_pushes(batch, pushes, result.answers));
    return result;
  });
}

Result<ServerCommit> commit_server(Tenant& tenant, std::vector<ServerChange> changes, const WriteBeside& beside) {
  return run_batch(tenant, [&](Batch& batch) -> Result<ServerCommit> {
    TERN_TRY(ServerCommit commit, server_set(batch, std::move(changes)));
    if (beside) TERN_CHECKED(beside(batch.db(), commit));
    return commit;
  });
}

}  // namespace tern::server
