// What an agent does. One way in: a list of changes, saved in the outbox before the call returns.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "tern/protocol/error.hpp"
#include "tern/sync/change.hpp"

namespace tern::client {

/// A change that is saved here.
struct SavedChange {
  sync::ChangeRef ref;
  TicketId ticket;
};

/// What following up did, or leaves to do.
struct FollowedUp {
  std::vector<SavedChange> saved;
  enum class Rest : std::uint8_t { nothing, look, sync };
  Rest rest = Rest::nothing;  // look: at `ticket`, and decide; sync: the change is on its way
  TicketId ticket;
};

/// A file that somebody attaches, read piece by piece while it is saved.
struct NewFile {
  std::string name;  // folders before it are left out
  std::uint64_t size_bytes = 0;
  /// Shorter than `length` only at the end.
  std::function<Result<Bytes>(std::uint64_t offset, std::size_t length)> read;
};

/// Files beside a message, or with an empty `text` by themselves.
struct NewFiles {
  TicketId ticket;
  sync::Visibility visibility = sync::Visibility::team;
  std::string text;
  std::vector<NewFile> files;
};

/// Which files a device fetches by itself: no larger than `each_bytes_max` (0: none), of its operator's own tickets
/// that have not ended, until `total_bytes_max` of them are here.
struct FilePolicy {
  std::uint64_t each_bytes_max = std::uint64_t{2} * 1024 * 1024;
  std::uint64_t total_bytes_max = std::uint64_t{200} * 1024 * 1024;
  bool operator==(const FilePolicy&) const = default;
};

class Commands {
public:
  virtual ~Commands() = default;

  /// Fills id, wall_ms, seen (the ticket's version on this device, from the confirmed state shown; a lower one that is
  /// given stays: what its author had on the screen) and, where a change
  /// depends on an earlier one of the device's pending work on the same ticket (its create), `after`; validates;
  /// commits all or none to outbox.db; then folds them over the replica. When it returns they are *saved here*. A
  /// create whose ticket id is zero gets one, and a provisional number; later changes of the same call with a zero
  /// ticket id belong to it. Errors: `invalid`, `not_found` (ticket not on this device), `storage_full`,
  /// `storage_failed`.
  virtual Result<std::vector<SavedChange>> save(std::vector<sync::Change> changes) = 0;

  /// Whether the device's view offers this: rights, lifecycle and required fields. A step of its own; the replay does
  /// not ask. Errors: `not_permitted`, `bad_transition` (hint lists what is possible here), `not_found`, `invalid` with
  /// the field that does not fit or is missing.
  virtual Result<void> check_offered(const sync::Change& change) = 0;

  /// A ticket by number, provisional number, integer id, uuid or uuid prefix (4 digits or more). `not_found`;
  /// `ambiguous` lists candidates.
  virtual Result<TicketId> find_ticket(std::string_view name) = 0;
  /// A reference record by name (exact, else unique prefix, case-insensitive) or uuid. `not_found` and `ambiguous` list
  /// candidates.
  virtual Result<RecordId> find_record(std::uint32_t record_kind, std::string_view name) = 0;

  /// The steps of a macro on a ticket, as one call of save: all are offered (check_offered), or none is saved. Errors:
  /// those of check_offered and save; `not_found` and `ambiguous` for the macro, or for what it names.
  virtual Result<std::vector<SavedChange>> apply_macro(const TicketId& ticket, std::string_view macro) = 0;

  /// Saves the content first, then the message and a change for each file; when it returns they are saved here, and the
  /// next sync sends them. The message comes first in what is given. Refused before anything is read: `too_large` with
  /// field "file" above what the organisation's plan allows (limits::file_bytes_max_untold until the server said),
  /// `invalid` for a name, those of check_offered. Else the errors of save, and those of reading.
  virtual Result<std::vector<SavedChange>> attach(const NewFiles& files) = 0;
  /// The next sync fetches it, whatever the policy says; nothing to do where it is here. `not_found`.
  virtual Result<void> want_file(const TicketId& ticket, const sync::ChangeRef& file) = 0;
  virtual Result<FilePolicy> file_policy() = 0;
  virtual Result<void> set_file_policy(const FilePolicy& policy) = 0;

  /// The agent has looked at a ticket, as far as TicketView::read_mark says: that much is unread no more, nor is what
  /// was merged into it. Only this device knows. `not_found`.
  virtual Result<void> mark_read(const TicketId& ticket, std::int64_t read_mark) = 0;
  /// All that is on this device.
  virtual Result<void> mark_all_read() = 0;

  /// The agent has dealt with what became of this change: attention shows it no more. `not_found`.
  virtual Result<void> dismiss(const sync::ChangeRef& ref) = 0;
  /// The same for the notice of the status.
  virtual Result<void> dismiss_notice() = 0;

  /// What one follow-up of an own change comes to: its changes are checked as by check_offered and saved, and the own
  /// change is dismissed. `reason`: where one is needed and the agent gives it. Errors: those of check_offered and
  /// save; `not_found` (no such change); `usage` (it has no such follow-up).
  virtual Result<FollowedUp> follow_up(const sync::ChangeRef& ref, std::string_view id, std::string_view reason) = 0;
};

}  // namespace tern::client
