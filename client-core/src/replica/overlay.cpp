// fold(confirmed, pending) of one ticket.
#include <algorithm>
#include <map>

#include "outbox/outbox.hpp"
#include "replica/confirmed_fold.hpp"
#include "replica/damaged_copy.hpp"
#include "replica/replica_impl.hpp"
#include "tern/sync/fold.hpp"
#include "tern/v1/exchange.pb.h"

namespace tern::client {
namespace {

using sync::Outcome;

/// True when the state was folded with this change: some stamp of it is left. (A change that left none was overwritten
/// by someone who had seen it, and its receipt says so.)
bool mentions(const sync::TicketState& state, const sync::ChangeRef& ref) {
  const auto is = [&ref](const sync::Stamp& stamp) {
    return stamp.change == ref.id && stamp.origin.device == ref.device;
  };
  if (state.created && is(*state.created)) return true;
  for (const auto& [key, field] : state.fields)
    for (const sync::Head& head : field.heads)
      if (is(head.stamp)) return true;
  for (const auto& [key, stamps] : state.elements)
    if (std::ranges::any_of(stamps, is)) return true;
  for (const auto& [key, stamps] : state.removals)
    if (std::ranges::any_of(stamps, is)) return true;
  if (std::ranges::any_of(state.undone_merges,
                          [&](const sync::UndoneMerge& undone) { return is(undone.undo) || is(undone.merge.stamp); }))
    return true;
  if (std::ranges::any_of(state.splits, [&](const sync::Split& split) { return is(split.stamp); })) return true;
  if (std::ranges::any_of(state.moves, [&](const sync::Move& move) { return is(move.stamp); })) return true;
  if (std::ranges::any_of(state.time_entries, [&](const sync::TimeEntry& entry) { return is(entry.stamp); }))
    return true;
  for (const auto* claim : {&state.assignee, &state.queue, &state.merged_into, &state.deletion})
    if (*claim && is((*claim)->stamp)) return true;
  return false;
}

/// The pending work on one ticket, folded.
class Overlay {
public:
  Overlay(sync::TicketState confirmed, const Outbox::Owner& owner, MessageTable messages, std::int64_t row)
      : state_(std::move(confirmed)),
        confirmed_version_(state_.version),
        owner_(owner),
        messages_(messages),
        row_(row) {}

  Result<void> fold(const OwnChange& own, bool ghost) {
    if (own.commit_seq != 0 && own.commit_seq <= confirmed_version_) return {};
    TERN_TRY(const v1::ChangeOutcome decided, outcome_of(own));
    const auto outcome = static_cast<Outcome>(decided.outcome());
    if (outcome == Outcome::held || outcome == Outcome::rejected) return {};
    if (own.change.intent == sync::Intent::release) return {};  // what it lets through is not here
    if (!ghost && mentions(state_, own.change.ref)) return {};
    if (ghost && !shows_alone(own.change.intent)) return {};

    sync::Admission admission = sync::predict_admission(state_, own.change, own.origin, floor_ms_, owner_.operator_id);
    if (!own.outcome.empty()) take_over(decided, admission);  // only its patch is not here yet
    floor_ms_ = std::max(floor_ms_, admission.effective_ms);
    const sync::Stamp stamp = sync::make_stamp(own.change, own.origin, sync::pending_commit_seq, admission,
                                               owner_.operator_id, sync::PrincipalKind::operator_);
    const sync::PlacedChange placed{own.change, stamp, admission};
    sync::FoldEffect effect = sync::fold_in(state_, placed);
    if (effect.message) shown_[own.change.ref] = std::move(*effect.message);
    if (effect.edits_message) TERN_CHECKED(edit(placed));
    if (own.change.intent == sync::Intent::create) number_ = own.change.provisional_number;
    return {};
  }

  [[nodiscard]] const sync::TicketState& state() const { return state_; }
  [[nodiscard]] const std::string& provisional_number() const { return number_; }

  Result<void> store_messages() {
    for (const auto& [ref, message] : shown_) TERN_CHECKED(messages_.insert_pending(row_, message));
    return {};
  }

private:
  /// What a ghost keeps of its author's work.
  static bool shows_alone(sync::Intent intent) {
    const sync::IntentSpec* spec = sync::find_intent(intent);
    return spec != nullptr && spec->unit == sync::Unit::message;
  }

  Result<void> edit(const sync::PlacedChange& placed) {
    if (placed.change.targets.empty()) return {};
    const sync::ChangeRef target = placed.change.targets.front();
    auto found = shown_.find(target);
    if (found == shown_.end()) {
      TERN_TRY(auto confirmed, messages_.confirmed(row_, target));
      if (!confirmed) return {};
      found = shown_.emplace(target, std::move(*confirmed)).first;
    }
    sync::fold_message_edit(found->second, placed);
    return {};
  }

  sync::TicketState state_;
  std::uint64_t confirmed_version_;
  const Outbox::Owner& owner_;
  MessageTable messages_;
  std::int64_t row_;
  std::map<sync::ChangeRef, sync::Message> shown_;
  std::int64_t floor_ms_ = 0;
  std::string number_;
};

bool holds_create(const std::vector<OwnChange>& pending) {
  return std::ranges::any_of(pending, [](const OwnChange& own) { return own.change.intent == sync::Intent::create; });
}

}  // namespace

Result<void> Replica::Impl::refold_ticket(Outbox& outbox, const TicketId& ticket, std::uint64_t cursor_seq) {
  TERN_TRY(auto pending, outbox.pending(cursor_seq, ticket));
  TERN_TRY(auto row, tickets().find(ticket));
  // In a page that was cut off the ticket can be ahead of the cursor: what it holds is not pending.
  if (row && row->has_state)
    std::erase_if(pending, [&](const OwnChange& own) { return own.commit_seq != 0 && own.commit_seq <= row->version; });
  const bool shows_own = row && (row->pending > 0 || row->has_overlay || row->ghost);
  if (row && row->has_state && pending.empty() && !shows_own) return {};
  if (shows_own) TERN_CHECKED(messages().remove_pending(row->id));
  const std::int64_t last_position = pending.empty() ? 0 : pending.back().position;

  if (pending.empty() && (!row || !row->has_state)) {  // a ghost whose work is settled, or a create that was refused
    return row ? tickets().remove(row->id) : Result<void>{};
  }
  // Newer confirmed state has taken the overlay away and the columns are its own.
  if (pending.empty() && !row->has_overlay) return tickets().set_pending(row->id, 0, 0);
  sync::TicketState state;
  state.id = ticket;
  if (row && row->has_state) {
    TERN_TRY(const auto stored, tickets().state(row->id));
    TERN_TRY(state, of_copy(sync::decode_state(stored.value_or(Bytes{}))));
  }
  if (pending.empty()) return tickets().update_shown(row->id, {}, columns_of(state), 0, 0);

  const bool ghost = (row && row->ghost) || ((!row || !row->has_state) && !holds_create(pending));
  if (!row) {
    row.emplace();
    if (ghost) {
      TERN_TRY(const auto label, outbox.label(ticket));
      TERN_TRY(row->id, tickets().insert_ghost(ticket, label ? label->number : ""));
    } else {
      TERN_TRY(row->id, tickets().insert(ticket, 0, {}, TicketColumns{}));
    }
  }
  Overlay overlay(std::move(state), outbox.owner(), messages(), row->id);
  for (const OwnChange& own : pending) TERN_CHECKED(overlay.fold(own, ghost));
  TERN_CHECKED(overlay.store_messages());
  if (ghost) {
    TERN_TRY(const auto label, outbox.label(ticket));
    TERN_CHECKED(tickets().rename_ghost(row->id, label ? label->subject : ""));
    return tickets().set_pending(row->id, pending.size(), last_position);
  }

  TicketColumns columns = columns_of(overlay.state());
  if (columns.number.empty()) columns.number = overlay.provisional_number();
  if (columns.aliases.empty() && columns.integer_id == 0 && !columns.number.empty()) columns.aliases = {columns.number};
  return tickets().update_shown(row->id, sync::encode_state(overlay.state()), columns, pending.size(), last_position);
}

}  // namespace tern::client
