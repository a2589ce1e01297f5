// One transaction of the one write path, while it is being made. Strand only; lives as long as the writer lock is held.
//
// Everything is decided in memory over what the transaction reads; a set can be refused, held or rejected, never half
// written: from the first row on only storage can fail, and then the whole batch is gone. What other threads read
// (snapshots, heads) changes after the commit returned.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "desk/operator_loads.hpp"
#include "desk/routing.hpp"
#include "devices.hpp"
#include "ingest.hpp"
#include "store/ledger.hpp"
#include "store/tenant_internals.hpp"
#include "tern/sqlite/transaction.hpp"
#include "tern/sync/trusted_time.hpp"
#include "working_ticket.hpp"

namespace tern::server {

struct RouteMarks;  // route.hpp

/// One change of the set that is being processed.
struct Entry {
  const sync::Change* change = nullptr;
  const protocol::SealedChange* sealed = nullptr;
  OperatorId author;
  sync::PrincipalKind author_kind = sync::PrincipalKind::operator_;
  OperatorId acting;  // whose rights count; zero: the server's own
  sync::Stamp stamp;
  sync::Admission admission;
  std::vector<ReleasedChange> released;
  sync::Standing standing;
  WorkingTicket* ticket = nullptr;   // null: unknown, or the change has none
  LatestFacts latest;                // of its ticket, with it
  std::uint8_t priority_before = 0;  // of its ticket, where it sets that; 0: it does not
  bool again = false;                // its id was there already
  bool same_content = false;
};

/// What an old receipt says of one change: the first one that admitted it, else the first.
struct ProvenChange {
  sync::Standing standing;
  std::int64_t commit_ms = 0;
  sync::ReasonCode reason = sync::ReasonCode::none;
  std::int64_t effective_ms = 0, lo_ms = 0, hi_ms = 0;
  std::uint32_t time_flags = 0;
  std::uint64_t integer_id = 0;  // of a create
  std::string number;
  std::uint64_t message_id = 0;
};

/// A standing that this set altered, of a change that has its receipt.
struct Altered {
  TicketId ticket;
  sync::StandingChange change;
  sync::ChangeRef cause;
};

/// The set that is being processed.
struct SetWork {
  const protocol::ChangeSet* set = nullptr;
  protocol::ChangeSetHeader header;
  protocol::ChangeSetHeader judged;  // time and place are judged by it
  Hash hash;
  std::span<const sync::Change> changes;
  std::span<const OperatorId> acting;         // of a server's set: one for each change
  std::span<const ProvenChange> names;        // likewise: what a ticket was called, and no more
  std::unordered_set<ChangeId> not_mirrored;  // likewise: links whose other side is said by who says them
  bool from_server = false;
  std::uint64_t sent_seq = 0;     // what the device can have seen
  std::uint64_t cursor_seen = 0;  // the header's seen_seq as it counts
  EpochId anchor_epoch;
  sync::SetEvidence evidence;
  std::int64_t lo_ms = 0;  // of the set: previous_lo of the next
  std::uint64_t commit_seq = 0;
  std::vector<Entry> entries;
  std::unordered_map<ChangeId, std::size_t> by_id;
  std::vector<Altered> altered;
  std::vector<ServerChange> follow_ups;      // what the server adds in the same transaction
  std::vector<ProvenCommit> proven;          // what it was in epochs that are over; the first one first
  std::vector<ProvenChange> proven_changes;  // what they say; empty: nothing is proven
  const std::multimap<Hash, ProvenCommit>* proofs = nullptr;  // of its push
  const std::vector<OldList>* old_lists = nullptr;
  std::set<sync::ChangeRef> sent_replies;          // that were withheld until a change of it sent them
  std::map<TicketId, std::size_t> versions_asked;  // of tickets as they were seen, to judge rights by
};

/// What a row of the search index said, and is to say.
struct WordsChange {
  std::string before, after;
};
using WordsOfTicket = std::map<std::int64_t, WordsChange>;  // by words_place

class Batch {
public:
  explicit Batch(Tenant& tenant);
  ~Batch();

  Result<void> begin();
  /// Commits, publishes, and says what happened. Nothing was written: no fsync, an empty notice.
  Result<CommitNotice> finish();

  Tenant& tenant;
  Tenant::Internals& in;
  const std::int64_t number;  // tenant_id
  std::int64_t commit_ms = 0;
  bool doubtful = false;            // the server's clock is in doubt
  std::uint64_t commit_seq = 0;     // newest of this batch, or before it
  std::uint64_t committed_seq = 0;  // before this batch
  protocol::MerkleFrontier frontier;
  std::uint64_t next_integer_id = 1;
  std::uint64_t next_message_id = 1;
  bool wrote = false;
  std::function<Result<void>(sqlite::Database&)> before_commit;

  sqlite::Database& db() { return *in.writer; }

  // ---- devices: what the strand decides of them, on top of the snapshot ----
  /// Null when there is no such device. What is written to it is stored with the batch.
  DeviceRow* device(const DeviceId& id);
  /// For reading only.
  const DeviceRow* peek_device(const DeviceId& id) const;
  void put_device(DeviceRow row);
  [[nodiscard]] std::vector<DeviceId> devices_of(const OperatorId& operator_id) const;

  // ---- records ----
  [[nodiscard]] const sync::Record* find_record(sync::RecordKind kind, const RecordId& id) const;
  [[nodiscard]] std::optional<sync::Actor> find_actor(const OperatorId& id) const;
  Result<void> put_record(sync::Record record);
  /// The integer id that was given last among records of that kind; 0: none was.
  [[nodiscard]] std::uint64_t highest_record_id(sync::RecordKind kind) const;

  // ---- tickets ----
  /// Null when there is no such ticket.
  Result<WorkingTicket*> ticket(const TicketId& id);
  WorkingTicket& new_ticket(const TicketId& id);
  /// Writes the rows of those in memory and forgets them: between sets, so that a large batch holds few at a time.
  Result<void> settle_tickets();

  // ---- what sets cite ----
  Result<std::int64_t> commit_time(std::uint64_t seq);  // 0 = none
  Result<std::optional<AnchorFacts>> find_anchor(const Hash& hash);
  /// What this history shares with an epoch that is over; nothing: it is this one, or none. Of one that it never heard
  /// of, because it was restored from a backup older than that epoch, it shares what it does with the one before.
  [[nodiscard]] std::optional<std::uint64_t> kept_of(const EpochId& epoch) const;
  /// The record of its end is here.
  [[nodiscard]] bool knows_past(const EpochId& epoch) const;
  /// `seen` in this epoch's numbers.
  [[nodiscard]] std::uint64_t normalise_seen(const EpochId& epoch, std::uint64_t seq) const;

private:
  friend struct BatchScopes;
  Result<void> write_rows();
  Result<void> write_counters();
  void publish();

  std::optional<sqlite::Transaction> transaction_;
  std::optional<ClockWrite> clock_;
  std::unordered_map<DeviceId, DeviceRow> devices_;
  std::vector<DeviceId> new_devices_;
  std::vector<std::pair<DeviceId, DeviceNotes>> notes_;
  std::unordered_map<RecordKey, sync::Record, RecordKeyHash> records_;
  std::map<sync::RecordKind, std::uint64_t> highest_record_ids_;  // of records_
  std::unordered_map<TicketId, std::unique_ptr<WorkingTicket>> tickets_;
  std::unordered_map<TicketId, bool> unknown_tickets_;
  std::unordered_set<TicketId> settled_tickets_;  // that changed
  CustodyMarks custody_;
  bool custody_changed_ = false;

public:
  // Rooms of the batch that have files of their own.
  std::unordered_map<TicketId, std::unique_ptr<WorkingTicket>>& tickets() { return tickets_; }
  const std::unordered_map<RecordKey, sync::Record, RecordKeyHash>& changed_records() const { return records_; }
  const std::vector<DeviceId>& new_devices() const { return new_devices_; }
  CustodyMarks& custody();
  [[nodiscard]] const CustodyMarks& custody_now() const { return custody_changed_ ? custody_ : in.custody; }
  std::vector<ErasedKey> newly_erased;
  std::vector<sync::ChangeRef> newly_erased_changes;
  /// Tickets as of commits before this batch, asked for once; nothing: the ticket was not there yet.
  std::map<std::pair<TicketId, std::uint64_t>, std::optional<sync::TicketState>> states_at_seen;
  std::map<TicketId, WordsOfTicket> words;  // that the tickets in memory, and their messages, say now
  std::optional<EpochId> new_epoch;         // begin_epoch
  std::vector<TicketId> rescope_tickets;    // whose scope changes by time alone
  std::optional<std::uint64_t> sla_seq;     // up to and with which commit the SLA clocks of tickets are kept by it
  std::optional<std::uint64_t> figures_to;  // up to which ticket what reports count is filled in by it
  bool sla_stale = false;                   // rules, calendars or categories changed
  std::optional<std::uint64_t> sla_told;    // devices are told other clocks of tickets, under this number
  std::vector<TicketId> told_clocks;        // of these
  std::optional<std::uint64_t> next_notification;          // read when the first one is told
  std::optional<std::uint64_t> next_outgoing;              // read when the first one goes out
  OperatorLoads load_changes;                              // of tickets that were written, and of all assignments
  std::vector<std::pair<TicketId, RouteMoment>> to_route;  // once each, in the order in which it came up
  std::shared_ptr<RouteMarks> route_marks;                 // as they are after it; null: nothing was routed
  [[nodiscard]] bool settled_any() const { return !settled_tickets_.empty(); }
};

// ---- steps, each in its file ----

/// process_set.cpp. A set whose chain was judged `process`. Nothing of it is written when a fault comes back.
Result<std::optional<PushFault>> process_set(Batch& batch, SetWork& work, DeviceRow& device);
/// seal.cpp. The server's own changes as sets under its sealing key.
Result<ServerCommit> server_set(Batch& batch, std::vector<ServerChange> changes);

/// time.cpp. `seen`, window and effective time of one change; before it, those of its set.
Result<std::optional<PushFault>> judge_set_time(Batch& batch, SetWork& work, const DeviceRow& device,
                                                const DeviceNotes& notes);
Result<void> judge_time(Batch& batch, SetWork& work, Entry& entry, std::int64_t previous_effective_ms);

/// admit.cpp. Writes verdict and reason, and for what is not admitted the standing.
Result<void> admit(Batch& batch, SetWork& work, Entry& entry);
/// Why the ticket that a link, merge or split names stands against it; `none`: it does not.
Result<sync::ReasonCode> judge_other_ticket(Batch& batch, const sync::Change& change);
void refuse(Entry& entry, sync::Admission::Verdict verdict, sync::ReasonCode reason, sync::Rule rule);
/// Why a change cannot be taken in whoever makes it: a record that it names does not exist, or its ticket (null: it
/// makes it) has no room for it.
sync::ReasonCode judge_contents(const Batch& batch, const sync::Change& change, const OperatorId& author,
                                sync::PrincipalKind author_kind, WorkingTicket* ticket);

/// ticket_room.cpp
sync::ReasonCode judge_room(WorkingTicket& ticket, const sync::Change& change, const OperatorId& author,
                            sync::PrincipalKind author_kind);
/// On the ticket that a merge or split names.
bool has_room_for_mirror(WorkingTicket& target, const sync::Change& claim);
/// Bytes that a change can add to the stored state, at most.
std::size_t growth_of(const sync::TicketState& state, const sync::Change& change);
/// Before it is folded in.
void note_growth(WorkingTicket& ticket, const sync::Change& change);

/// message_rows.cpp
struct StoredMessage {
  TicketId ticket;
  std::uint64_t version = 0;
  std::uint64_t integer_id = 0;
  sync::Message message;
};
Result<std::optional<StoredMessage>> find_message(Batch& batch, const sync::ChangeRef& ref);
Result<void> insert_message(Batch& batch, const TicketId& ticket, const sync::Message& message,
                            std::uint64_t integer_id);
/// The row's version says when readers get it anew; the message's own says when it was last edited.
Result<void> insert_message_as(Batch& batch, const TicketId& ticket, const sync::Message& message,
                               std::uint64_t integer_id, std::uint64_t version);
/// The id of the message that the change makes, of a create that of its description: the one that is proven, where
/// nobody has it. Nothing for any other change.
Result<void> give_message_id(Batch& batch, const sync::Change& change, const ProvenChange* proven,
                             sync::Admission& admission);
Result<void> replace_message(Batch& batch, const StoredMessage& before, const sync::Message& message);
/// Splits gave these to the ticket, since `commit_seq`: whoever holds it is sent those of the tickets split.
Result<void> give_messages(Batch& batch, const sync::TicketState& state, const std::vector<sync::ChangeRef>& messages,
                           std::uint64_t commit_seq);
/// Whoever holds the ticket is sent it whole, behind `commit_seq`.
Result<void> note_ticket_again(Batch& batch, const TicketId& ticket, std::uint64_t commit_seq);
/// A message is another one since `commit_seq`: the ticket that it was given to goes out again.
Result<void> note_message_changed(Batch& batch, const sync::ChangeRef& message, std::uint64_t commit_seq);

/// fold_entry.cpp. Folds an admitted change in, and whatever follows from it in this transaction.
Result<void> fold_entry(Batch& batch, SetWork& work, Entry& entry);
/// One placed change of a ticket: state, messages, description, standings it alters.
Result<sync::Standing> fold_placed(Batch& batch, SetWork& work, WorkingTicket& ticket,
                                   const sync::PlacedChange& placed);
/// A merge or split that applies has its mirror on the other ticket.
Result<void> follow_claim(Batch& batch, SetWork& work, const sync::PlacedChange& placed);
void note_altered(SetWork& work, const TicketId& ticket, const sync::StandingChange& change,
                  const sync::ChangeRef& cause);
/// Ids and numbers of a new ticket, those that are proven where nobody has them; the row of its name.
Result<void> name_ticket(Batch& batch, const sync::Change& create, sync::Admission& admission,
                         const ProvenChange* proven = nullptr);

/// release.cpp
Result<void> fold_release(Batch& batch, SetWork& work, Entry& entry);

/// write_set.cpp. Ledger rows, receipt, leaf, amendments. Gives the receipt's wire form.
Result<Bytes> write_set(Batch& batch, SetWork& work);

/// old_receipts.cpp. Those of the push that are about this set and lawful: of an epoch that is over, above what was
/// kept of it.
void take_proof(const Batch& batch, const VerifiedPush& push, const protocol::VerifiedSet& set, SetWork& work);
/// Null: nothing is proven.
const ProvenChange* proven_of(const SetWork& work, const Entry& entry);
bool was_admitted(const ProvenChange* proven);
/// What the old receipts of a change of the ledger say of it. Nothing: it has none.
Result<std::optional<ProvenChange>> proven_in_ledger(Batch& batch, std::uint64_t commit_seq, std::uint32_t index);
/// Of a claim that is admitted: what it meets, or what it is proven to have met.
Result<void> settle_claim(Batch& batch, const sync::TicketState& state, const sync::Change& change,
                          const sync::Stamp& stamp, const ProvenChange* proven, bool previous_may_be_dark,
                          sync::Admission& admission);
/// What its author had seen of a ticket in an epoch that is over, in this epoch's numbers: of what came back, as far
/// as nothing unseen stands in between; beyond what was kept only as far as the device proves it was shown.
Result<std::uint64_t> seen_then(Batch& batch, const SetWork& work, const TicketId& ticket, const EpochId& epoch,
                                std::uint64_t seq);
/// The evidence of a set that was written.
Result<void> write_proof(Batch& batch, const SetWork& work);
/// After a restore devices come back in any order: what is proven to have been admitted, and was held because what it
/// names was not there yet, takes effect once that is.
Result<void> release_what_waited(Batch& batch, const SetWork& work);
Result<void> release_what_waited(Batch& batch, const std::set<TicketId>& tickets);
/// `seen` of what was read out of a device's copy, in this epoch's numbers: as `seen_then`, without a device of its
/// own.
Result<std::uint64_t> seen_in_given_up(Batch& batch, const TicketId& ticket, const EpochId& epoch, std::uint64_t seq);

/// forks.cpp. Answers a set that does not continue its chain.
Result<PushFault> judge_fork(Batch& batch, const protocol::VerifiedSet& set, DeviceRow& device, PushAnswer& answer);

/// After a restore: the device's epoch began behind the backup. It gets a certificate of the next one and signs again.
Result<PushFault> follow_device_epoch(Batch& batch, const protocol::VerifiedSet& set, DeviceRow& device,
                                      PushAnswer& answer);

/// scopes.cpp. Membership rows of the tickets in memory, and of every operator the batch touched.
Result<void> write_ticket_scopes(Batch& batch);
Result<void> write_scopes(Batch& batch);
/// Whether somebody who holds the ticket would not any more by now.
Result<bool> scope_is_over(Batch& batch, const TicketId& ticket);
/// ticket_rows.cpp. Rows of the tickets that changed, and their words.
Result<void> write_tickets(Batch& batch);

/// word_rows.cpp. A message says something else; `before` is what its row said.
void note_words(Batch& batch, const TicketId& ticket, std::uint64_t message_id, sync::Visibility visibility,
                std::string_view before, std::string_view after);
/// So may the ticket itself; what is deleted is not found.
void note_words(Batch& batch, const TicketId& id, const WorkingTicket& ticket, const ScopeFacts& facts);
Result<void> write_words(Batch& batch);

/// erase.cpp. Those of the changes that `expect_erased` named and that are in the ledger now.
Result<void> erase_what_was_due(Batch& batch, const std::vector<sync::ChangeRef>& changes);

/// custody.cpp. The marks of this operator that its devices have synced past.
std::vector<ServerChange> ended_custody(Batch& batch, const OperatorId& operator_id);

}  // namespace tern::server
