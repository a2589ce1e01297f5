// replica.db: the device's copy. Confirmed state with stamps, cursor, optimistic state, records, search index.
// synchronous=NORMAL; can always be rebuilt. Source: architecture.md "The device's two files", fold.md "Optimistic
// state".
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "replica/read_marks.hpp"
#include "tern/protocol/bytes.hpp"
#include "tern/protocol/error.hpp"
#include "tern/sqlite/database.hpp"
#include "tern/sync/record.hpp"
#include "tern/sync/scope.hpp"
#include "tern/sync/sla_clock.hpp"
#include "tern/sync/ticket_state.hpp"

namespace tern::v1 {
class ExchangeResponse;
}

namespace tern::client {

class Outbox;

struct CursorHeld {
  EpochId epoch;
  std::uint64_t commit_seq = 0;
  auto operator<=>(const CursorHeld&) const = default;
};

/// How far the first download has come, and how fresh the copy is.
struct Progress {
  Bytes page_token;                   // of the first download, while it is not complete
  bool complete = false;              // the first download has ended
  std::int64_t current_as_of_ms = 0;  // server time of the last page with nothing behind it; 0 = never
  std::uint64_t tickets_in_scope = 0, tickets = 0, ghosts = 0;
  std::uint64_t rights_version = 0;  // of the last checkpoint
};

/// What the author of a new change meets.
struct HeldTicket {
  std::uint64_t version = 0;  // of the confirmed state shown; 0 = none
  bool ghost = false;
  std::uint64_t pending = 0;  // own changes in what is shown
  std::string number, subject;
};

/// Error::field of a page that names a ticket as this device's own fold, which came to something else: nothing of it is
/// stored, and it has to come again with that ticket whole.
inline constexpr std::string_view field_own_fold = "own_fold";

/// A received page on its way into the replica. Applied in slices between which everything can be read; patch rows and,
/// with the last slice, the cursor, the page token and the rights version move in the same transaction as the rows they
/// cover. Slices are on disk with the last of their page, or of one of the next three while more follow (of the next
/// fifteen, each of them small, between requests that push), or when
/// something else is written before: a process that ends in between gets the pages again.
class PageApplier {
public:
  virtual ~PageApplier() = default;
  /// True while rows wait. Error `corrupt` with field "row": a row of the page cannot be applied; the cursor stays and
  /// nothing of this slice is stored (nor of those before it that share its transaction). `storage_failed` with field
  /// "copy" when the replica itself was damaged, whoever found that: it is empty now, and another page begins at its
  /// start.
  virtual Result<bool> apply(std::size_t row_budget) = 0;
};

class Replica {
public:
  /// `corrupt` when the file fails its checks: the caller destroys it (`destroy`) and opens again.
  /// `path` ":memory:" keeps it off the disk.
  static Result<std::unique_ptr<Replica>> open(const std::string& path, ByteView data_key, const std::string& vfs,
                                               sqlite::Role role = sqlite::Role::writer);
  /// Removes the file and what lies beside it (-wal, -shm).
  static Result<void> destroy(const std::string& path, const std::string& vfs);
  ~Replica();

  Result<CursorHeld> cursor();
  Result<Progress> progress();
  /// Server time of the last page with nothing behind it; 0 = never.
  Result<std::int64_t> current_as_of_ms();
  /// Over the confirmed tickets, under the rights version of the last checkpoint.
  Result<sync::ScopeDigest> digest();
  Result<std::optional<HeldTicket>> held(const TicketId& id);
  Result<std::optional<sync::TicketState>> confirmed(const TicketId& id);
  /// fold(confirmed, pending) as last stored by refold. Nothing for a ghost.
  Result<std::optional<sync::TicketState>> shown(const TicketId& id);
  /// In order; with pending ones, and pending edits, as the author sees them.
  Result<std::vector<sync::Message>> messages(const TicketId& id);
  /// Confirmed files on tickets of this operator that have not ended, in no order. Only of a writer.
  struct FileOnTicket {
    TicketId ticket;
    sync::Message message;
  };
  Result<std::vector<FileOnTicket>> files_of(const OperatorId& assignee);
  /// As the server last told of it, whatever own work is pending. Nothing: no wait is open.
  Result<std::optional<sync::SlaClock>> sla_clock(const TicketId& id);
  /// False: a file that an older program made and this one may not write to has no table of them.
  [[nodiscard]] bool has_clocks() const;
  /// Up to which number the server has told of clocks, in the cursor's epoch; 0: of none.
  Result<std::uint64_t> clocks_upto();
  /// False while the first download is not complete, or of a file as `has_clocks` says: nothing counts as unread.
  Result<bool> counts_unread();
  Result<Reading> reading(const TicketId& id);
  /// Somebody looked at so many messages of others; of all tickets, at all.
  Result<void> mark_read(const TicketId& id, std::int64_t messages);
  Result<void> mark_all_read();
  Result<std::optional<sync::Record>> record(sync::RecordKind kind, const RecordId& id);
  Result<std::vector<sync::Record>> records(sync::RecordKind kind);
  Result<std::vector<std::pair<std::uint32_t, std::uint64_t>>> pack_versions();

  /// Recomputes the optimistic state of these tickets from confirmed state and the outbox's pending changes. One
  /// transaction.
  Result<void> refold(Outbox& outbox, const std::vector<TicketId>& tickets);
  /// Receipts were stored. What they say of work whose page is not here yet is folded when somebody looks, or with the
  /// page: mostly that is next, and nobody looks in between.
  void note_receipts();
  Result<void> take_in_receipts(Outbox& outbox);
  /// What opening does: refolds every ticket that the outbox's pending work or a stale overlay names. A copy that turns
  /// out to be damaged is rebuilt.
  Result<void> catch_up(Outbox& outbox);

  /// The response is kept until applied. Receipts of the same answer are stored in the outbox before.
  /// `round_goes_on`: its caller has another request to send whose answer is applied next.
  std::unique_ptr<PageApplier> begin_page(std::unique_ptr<v1::ExchangeResponse> response, Outbox& outbox,
                                          bool round_goes_on = false);

  /// After an error of whatever was asked of this copy: rebuilds it when it is the copy that is damaged. True: it was,
  /// and the question can be put once more. Of a replica without a writer, and of the second damage in one life: false.
  bool heal(Outbox& outbox, const Error& error);
  /// Another number after each rebuild: what was asked for the copy before goes on from where this one does not stand.
  [[nodiscard]] std::uint64_t life() const;
  /// Damage was met in this file, if only by a question whose answer somebody could do without.
  [[nodiscard]] bool met_damage() const;
  /// Empties the copy (cursor 0), keeps showing pending work: after damage, another epoch, or when told to start over.
  Result<void> rebuild(Outbox& outbox);
  /// Brings the search index up to the rows; a search asks for it first. Nothing to do most of the time.
  Result<void> index_words();

  /// A wipe: closes the file and removes it; goes on with an empty copy in memory.
  Result<void> leave_disk();

  Result<std::optional<Bytes>> meta(std::string_view key);
  Result<void> set_meta(std::string_view key, ByteView value);
  sqlite::Database& database();

private:
  friend class PageApplierImpl;
  struct Impl;
  explicit Replica(std::unique_ptr<Impl> impl);
  Result<void> fold_what_was_missed(Outbox& outbox);
  [[nodiscard]] bool to_blame(const Error& error) const;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tern::client
