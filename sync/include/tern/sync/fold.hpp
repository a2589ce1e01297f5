// fold(ordered changes) -> state + standings: total, deterministic, the same code on device and server. Source:
// fold.md.
//
// The input of the fold is (change, order, commit_seq, admission). It reads no setting, no role and no clock.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tern/sync/change.hpp"
#include "tern/sync/conflict.hpp"
#include "tern/sync/ticket_state.hpp"

namespace tern::sync {

/// Whatever depends on something outside the ticket's own changes: decided once, at commit, stored with the change.
struct Admission {
  enum class Verdict : std::uint8_t { admitted = 1, held = 2, rejected = 3 };
  Verdict verdict = Verdict::admitted;
  ReasonCode reason = ReasonCode::none;
  std::uint64_t seen_seq = 0;          // normalised to this epoch's numbers, cut to what was sent
  std::int64_t effective_ms = 0;       // facts are ordered by it
  std::int64_t lo_ms = 0, hi_ms = 0;   // the window
  std::uint32_t time_flags = 0;        // TimeFlag of trusted_time.hpp
  std::int64_t commit_ms = 0;          // claims are ordered by it
  bool claim_applies = true;           // claims: takes effect (judge_claim)
  Rule claim_rule = Rule::sequential;  // claims: why not
  ChangeRef claim_stands;              // claims: what stands instead
  OperatorId claim_stands_author;
  std::int64_t reopen_window_ms = 0;  // customers' messages
  bool author_has_device = false;     // assignee changes: whether the one before could be dark (custody)
  OperatorId custody_of;              // the previous assignee who keeps a custody mark; zero = none
  bool redirected = false;            // ordered after a merge: shows on the target
  bool unseen_customer = false;       // a reply that had not seen a customer's message before it: it is withheld
  std::uint64_t integer_id = 0;       // create
  std::string number;                 // create
  std::uint64_t message_id = 0;       // of what makes a message; create: of its description. No part of the fold
};

/// A change at its place: what the fold consumes.
struct PlacedChange {
  Change change;
  Stamp stamp;
  Admission admission;
};

/// The stamp of a change: facts by effective time, claims by commit. For pending work pass commit_seq =
/// pending_commit_seq and an admission made by `predict_admission`.
Stamp make_stamp(const Change& change, const Origin& origin, std::uint64_t commit_seq, const Admission& admission,
                 const OperatorId& author, PrincipalKind author_kind);

/// Whether x's author had seen w. As `saw`, and: everybody saw the create, and nobody what was committed later than x.
/// This, not `saw`, decides everywhere in the fold.
bool knows(const Stamp& x, const Stamp& w);

/// Whether a fact stands after a merge: it had seen the merge; or it was committed later and has a later time. What was
/// committed before the merge is part of what was merged, so a merge never alters the standing of what it finds.
bool ordered_after(const Stamp& fact, const Stamp& claim);

/// What folding one change did beside the state.
struct FoldEffect {
  Standing standing;  // of the change itself
  // Of earlier changes (never claims), in any part of it: outcome, rule, or what stands. Where the outcome differs
  // (`amends`) an amendment is due; else nobody is told.
  std::vector<StandingChange> altered;
  std::optional<Message> message;    // appended by it
  bool edits_message = false;        // change.targets[0] names the message to pass to fold_message_edit
  bool description_changed = false;  // the server refolds it: fold_description, then state.description and its flag
};

inline bool amends(const StandingChange& change) {
  return change.before.outcome != change.after.outcome;
}

/// What a message, file, time or report meets when it is committed: a merge that it stands after; a customer's message
/// before it that its author had not seen. Neither is asked again.
void judge_append(const TicketState& state, const Change& change, const Stamp& stamp, Admission& admission);

/// Folds one admitted change in at its place, which may be in the middle. Held and rejected changes are not folded
/// (a release is: pass the quoted change with the release's admission and stamp).
/// The change must not have been folded in before (callers know by ChangeRef). Facts fold in any order that respects
/// who saw whom; claims fold in commit order, a merge also after every fact committed before it and before every later
/// one. A `describe` is folded onto the text that stands, which is exact at the end of the order; `description_changed`
/// asks for fold_description over the ledger, for its standings and for an edit in the middle. A device leaves it at
/// that.
FoldEffect fold_in(TicketState& state, const PlacedChange& placed);

/// fold from zero: any order of `changes`; folds them in commit order, which always respects who saw whom. Held and
/// rejected ones get that standing; of several with one ref (and admitted) the first in commit order counts for all.
/// `standings[i]` belongs to `changes[i]`. Messages come out in order.
struct FoldResult {
  TicketState state;
  std::vector<Message> messages;
  std::vector<Standing> standings;
};
FoldResult fold_from_zero(std::span<const PlacedChange> changes);

/// Folds an edit, a delete or the sending of a withheld reply into its message. Returns the edit's own standing and
/// what it altered.
FoldEffect fold_message_edit(Message& message, const PlacedChange& edit);

/// The description from all its edits (the create and every `describe`; sorted here): three-way merge by line, bounded;
/// where edits overlap, or the base was erased, the later stands. What stands after a merge of `state` is overtaken.
/// `standings[i]` belongs to `edits[i]`.
struct DescriptionFold {
  std::string text;
  bool erased = false;
  std::vector<Standing> standings;
};
DescriptionFold fold_description(std::span<const PlacedChange* const> edits, const TicketState& state);

/// Three-way merge by line. Nothing when the edits overlap, the work would exceed `cells_max` steps, or the result the
/// limit of a text. `cells_used`, when given, is raised by the work done.
inline constexpr std::size_t merge_cells_max = 1U << 20;        // a thousand changed lines against a thousand
inline constexpr std::size_t description_cells_max = 8U << 20;  // of one fold_description; beyond it the later stands
std::optional<std::string> merge_lines(std::string_view base, std::string_view ours, std::string_view theirs,
                                       std::size_t cells_max = merge_cells_max, std::size_t* cells_used = nullptr);

/// Claims: compare and set against what is committed. Writes claim_applies, claim_rule, claim_stands, custody_of
/// (the previous assignee, when `previous_may_be_dark`). Everything else leaves `admission` alone.
void judge_claim(const TicketState& state, const Change& change, const Stamp& stamp, bool previous_may_be_dark,
                 Admission& admission);

/// A claim that comes back after a restore, with proof of what was decided of it then: what was overtaken stays so,
/// what applied applies, but for a claim that was made since without having seen it. `stamp` has the order of then;
/// `came_back` says of a claim that it came back, too: whichever of both is later in order had its turn then, in sight
/// of the other.
void judge_claim_again(const TicketState& state, const Change& change, const Stamp& stamp, const Standing& then,
                       const std::function<bool(const ChangeRef&)>& came_back, bool previous_may_be_dark,
                       Admission& admission);

/// The admission a device predicts for its own pending change: admitted, effective = max(wall_ms, what fold.md's last
/// two bounds say over `state`), claims judged against `state`. `effective_floor_ms`: of the change before it in the
/// chain. `author`: the device's operator; a claim that needs it (take) is misjudged without.
Admission predict_admission(const TicketState& state, const Change& change, const Origin& origin,
                            std::int64_t effective_floor_ms, const OperatorId& author = {});

}  // namespace tern::sync
