// outbox.db: what the agent did, until it is prunable. synchronous=FULL. Source: architecture.md "The device's two
// files", protocol.md "Life of a change set on the device".
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tern/protocol/bytes.hpp"
#include "tern/protocol/change_set.hpp"
#include "tern/protocol/crypto.hpp"
#include "tern/protocol/environment.hpp"
#include "tern/protocol/error.hpp"
#include "tern/sqlite/database.hpp"
#include "tern/sync/change.hpp"
#include "tern/sync/conflict.hpp"

namespace tern::client {

/// Of errors that say: what the outbox holds cannot be read.
inline constexpr const char* hint_salvage = "put this home back from a copy; if there is none, run: tern salvage";

/// acked: a receipt is here. stable: a verified backup of the server holds it.
enum class SetState : std::uint8_t { draft = 0, sealed = 1, sent = 2, acked = 3, stable = 4 };

/// One own change with all that is known of what became of it.
struct OwnChange {
  sync::Change change;
  std::int64_t position = 0;  // counts this device's changes in the order they were made
  sync::Origin origin;        // a draft's chain_seq is the one it will be sealed under
  SetState state = SetState::draft;
  std::uint64_t commit_seq = 0;  // of its receipt
  std::int64_t commit_ms = 0;    // likewise
  std::int64_t saved_wall_ms = 0, saved_boot_ms = 0;
  BootId saved_boot;
  Bytes outcome;           // tern.v1.ChangeOutcome of the receipt; empty = none
  Bytes amendment;         // newest -AM statement's bytes; empty = none
  bool attention = false;  // its author has to be shown what became of it
  bool dismissed = false;  // the agent has dealt with it
};

struct StoredReceipt {
  std::uint64_t device_epoch = 0, chain_seq = 0, commit_seq = 0;
  std::int64_t time_ms = 0;
  Hash set_hash;
  Bytes outcomes;  // tern.v1.SetOutcomes
};

/// encode(protocol::ReceiptList) as it came, with the epoch of the server that it is of. Empty: none.
struct SignedReceipts {
  EpochId epoch;
  Bytes wire;
};

struct AnchorHeld {
  Hash hash;  // of the anchor's bytes; zero = none
  Bytes anchor;
  EpochId epoch;
  std::int64_t request_boot_ms = 0;  // boot clock when the request that brought it went out
  BootId boot;
  std::uint64_t cursor_seq = 0;  // replica's cursor in the anchor's epoch when the open set began
};

/// How a ticket is called on this screen, kept beside the work on it.
struct TicketLabel {
  TicketId ticket;
  std::string number, subject;
  sync::ChangeRef subject_by;  // the change that gave the subject; zero when there is none
};

/// What the header of a set says beside its changes. Clock readings come from the Environment at sealing.
struct SealContext {
  TenantId tenant;
  DeviceId device;
  OperatorId author;
  KeyId key;
  Bytes certificate;  // genesis of the chain
  AnchorHeld anchor;
  std::uint64_t seen_seq = 0;
};

/// A resource. One per Client. Every mutating call is one committed transaction: when it returns it is on disk.
class Outbox {
public:
  /// Makes the file when it is missing (not as a reader). `corrupt`: damaged, or another key.
  static Result<std::unique_ptr<Outbox>> open(const std::string& path, ByteView data_key, const std::string& vfs,
                                              sqlite::Role role = sqlite::Role::writer);
  ~Outbox();

  /// Whose outbox this is; kept in the file. `invalid` when the file belongs to another device.
  struct Owner {
    DeviceId device;
    OperatorId operator_id;
  };
  Result<void> set_owner(const Owner& owner);
  [[nodiscard]] const Owner& owner() const;

  /// Drafts that an older version saved have no salt: each gets its own, for good, before it is sealed or erased.
  Result<void> give_salts(Environment& environment);

  /// Adds drafts to the open set, all or none, at the time of `environment`, with their salts. `labels`: how their
  /// tickets are called now.
  Result<void> save(const std::vector<sync::Change>& changes, Environment& environment,
                    const std::vector<TicketLabel>& labels = {});

  /// Whether the open set is to be sealed now: 30 s without a change, another boot, 1,000 changes, or 1 MiB.
  Result<bool> seal_due(std::int64_t boot_ms, const BootId& boot);

  /// Seals the open set(s) under `key`: salts, commitments, header, chain, signature. At most 1,000 changes, 1 MiB and
  /// one boot a set. Nothing to seal is no error. `anchor`: newest held; `seen_seq`: the replica's cursor in its epoch.
  /// Gives the number of sets made.
  Result<std::size_t> seal(const protocol::SigningKey& key, const SealContext& context, Environment& environment);

  /// Signs every set that has no receipt again, from 1, under a new device epoch: same changes, ids and salts; the
  /// first header travels along. Gives the number of sets. Afterwards the chain goes on in the new epoch.
  Result<std::size_t> reseal(std::uint64_t new_epoch, ByteView certificate, const protocol::SigningKey& key,
                             const SealContext& context);

  /// Wire form of sealed, unacknowledged sets from `chain_seq` on (of the current device epoch), within both limits; at
  /// least one when there is one.
  Result<std::vector<Bytes>> sets_from(std::uint64_t chain_seq, std::size_t sets_max, std::size_t bytes_max);
  Result<void> mark_sent(std::uint64_t last_chain_seq);
  /// Late and repeated receipts are harmless; a receipt for a set that was pruned too. All or none. Error
  /// `verification_failed` when the set's hash is another, or the outcomes are not one for each change. `signed_list`:
  /// as the server signed them; kept as long as a set of it is.
  Result<void> store_receipts(const std::vector<StoredReceipt>& receipts, const SignedReceipts& signed_list = {});
  /// The lists of epochs that are over which prove what sets that are to be sent again had been, oldest first: for the
  /// sets from `first_seq` to `last_seq` of the current device epoch, as far as they fit. A first set that alone has
  /// more goes with the oldest of them.
  struct OldReceipts {
    std::uint64_t last_seq = 0;  // of the last set whose lists are all here
    std::vector<Bytes> lists;
  };
  Result<OldReceipts> old_receipts(std::uint64_t first_seq, std::uint64_t last_seq, std::size_t bytes_max);
  /// `change`: an own change that the statement names, as amended or as the cause. Foreign ones are ignored.
  Result<void> store_amendment(const sync::ChangeRef& change, ByteView statement);
  /// Takes body and salt of own changes away; their commitments stay. Subjects that one of the changes gave, whoever
  /// made it, leave the labels. Gives the tickets of these, also when it is done again.
  Result<std::vector<TicketId>> erase(const std::vector<sync::ChangeRef>& changes);

  struct Head {
    std::uint64_t device_epoch = 1, chain_seq = 0;
    Hash hash;                    // zero: nothing sealed in this epoch yet
    std::uint64_t acked_seq = 0;  // receipts are here for every set up to it
  };
  Result<Head> head();

  /// Own changes that are not in a replica whose cursor is `cursor_seq`: no receipt, or its commit_seq above the
  /// cursor. In chain order.
  Result<std::vector<OwnChange>> pending(std::uint64_t cursor_seq, const std::optional<TicketId>& ticket);
  /// The first of them on one ticket: its create, if that is among them.
  Result<std::optional<OwnChange>> first_pending(std::uint64_t cursor_seq, const TicketId& ticket);
  /// The tickets of `pending`, with what tells whether a fold of them is still good.
  struct PendingTicket {
    TicketId ticket;
    std::uint64_t count = 0;
    std::int64_t last_position = 0;
    bool decided = false;  // some of it has a receipt
  };
  Result<std::vector<PendingTicket>> pending_tickets(std::uint64_t cursor_seq);
  /// Tickets with changes whose receipt says a commit above `from_seq` and not above `to_seq`: what stops being pending
  /// when a cursor moves so. And of the receipts that came since the last call: those of commits that the cursor had
  /// passed already, and those with changes that did not simply take effect.
  Result<std::vector<TicketId>> settled_tickets(std::uint64_t from_seq, std::uint64_t to_seq);
  /// Own changes that were committed above `from_seq` and not above `to_seq`, in chain order.
  Result<std::vector<OwnChange>> committed(std::uint64_t from_seq, std::uint64_t to_seq);
  Result<std::vector<OwnChange>> own_changes(const std::optional<TicketId>& ticket);
  /// What its author has to be shown and has not dealt with: conflicts, amendments, held, rejected. Newest first.
  Result<std::vector<OwnChange>> attention();
  /// The tickets of `attention`.
  Result<std::vector<TicketId>> attention_tickets();
  /// How far the least advanced of the ticket's pending changes has come; `acked` when none is pending.
  Result<SetState> least_advanced(const TicketId& ticket, std::uint64_t cursor_seq);
  Result<std::optional<OwnChange>> find(const sync::ChangeRef& ref);
  Result<std::optional<TicketLabel>> label(const TicketId& ticket);

  struct Counts {
    std::uint64_t drafts = 0, sealed = 0, sent = 0, acked = 0, needs_attention = 0;
    std::int64_t oldest_pending_wall_ms = 0;  // 0: nothing without a receipt
  };
  Result<Counts> counts();
  /// What has no receipt yet; asked with every exchange.
  struct Waiting {
    std::uint64_t changes = 0;
    std::int64_t oldest_wall_ms = 0;  // when the first made of them was saved; 0: there is none
  };
  Result<Waiting> waiting();
  /// For whoever wrote sets past this class.
  void count_anew();
  /// `not_found` when there is no such own change.
  Result<void> dismiss(const sync::ChangeRef& ref);

  /// Small values that must survive a lost replica: anchor held, head ladder, high-water marks, key list, wipe order.
  Result<std::optional<Bytes>> meta(std::string_view key);
  Result<void> set_meta(std::string_view key, ByteView value);
  /// The anchor that sets cite, kept under meta "anchor". None: hash zero.
  Result<AnchorHeld> anchor();
  Result<void> set_anchor(const AnchorHeld& anchor);
  /// 1, 2, 3 ... for provisional numbers; each is given once.
  Result<std::uint64_t> next_provisional();

  /// Marks sets up to `backup_stable_seq` stable; removes those that are stable, at least `retention_ms` old by
  /// `now_ms`, hold nothing their author has still to be shown and none of `kept`. Gives how many were removed.
  Result<std::size_t> prune(std::uint64_t backup_stable_seq, std::int64_t now_ms, std::int64_t retention_ms,
                            const std::vector<sync::ChangeRef>& kept = {});

  sqlite::Database& database();

private:
  struct Impl;
  explicit Outbox(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tern::client
