// What an agent does. One way in: a list of changes, saved in the outbox before the call returns.
#pragma once

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

class Commands {
public:
  virtual ~Commands() = default;

  /// Fills id, wall_ms, seen (the ticket's version on this device, from the confirmed state shown) and, where a change
  /// depends on an earlier one of the device's pending work on the same ticket (its create), `after`; validates;
  /// commits all or none to outbox.db; then folds them over the replica. When it returns they are *saved here*. A
  /// create whose ticket id is zero gets one, and a provisional number; later changes of the same call with a zero
  /// ticket id belong to it. Errors: `invalid`, `not_found` (ticket not on this device), `storage_full`,
  /// `storage_failed`.
  virtual Result<std::vector<SavedChange>> save(std::vector<sync::Change> changes) = 0;

  /// Whether the device's view offers this: rights and lifecycle. A step of its own; the replay does not ask.
  /// Errors: `not_permitted`, `bad_transition` (hint lists what is possible here), `not_found`.
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
