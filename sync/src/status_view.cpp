#include "fold_parts.hpp"
#include "status_replay.hpp"
#include "tern/protocol/crypto.hpp"
#include "tern/protocol/mutant.hpp"

namespace tern::sync {
namespace {

/// Nobody is closed, or waited for, on unseen: moves to these need every customer's message before them to be seen.
bool answers_the_customer(Status status) {
  return status == Status::waiting || status == Status::estimated || status == Status::resolved ||
         status == Status::closed;
}

/// A hold with a new reason and a new estimate say something even where the status stays.
bool speaks_in_place(Intent intent) {
  return intent == Intent::hold || intent == Intent::estimate;
}

ChangeId derived_id(const ChangeId& change, MessageKind kind) {
  const char kind_byte = static_cast<char>(kind);
  protocol::Hasher hasher("TRN1-DERIVED");
  const Hash hash = hasher.add(change.view()).add(ByteView(&kind_byte, 1)).finish();
  return ChangeId::or_zero(hash.view().substr(0, ChangeId::size_bytes));
}

Message note_of(const Move& move) {
  Message note;
  note.stamp = move.stamp;
  note.stamp.change = derived_id(move.stamp.change, MessageKind::overtaken_note);
  note.version = move.stamp.commit_seq;
  note.visibility = Visibility::team;
  note.kind = MessageKind::overtaken_note;
  note.text = move.text;
  note.erased = move.erased;
  note.window_lo_ms = note.window_hi_ms = move.stamp.order_ms;
  return note;
}

}  // namespace

StatusReplay::StatusReplay(const TicketState& state) : state_(state) {
  if (state.created) view_.since_ms = state.created->order_ms;
}

const Stamp* StatusReplay::unseen_customer_message(const Move& move) const {
  if (customer_messages_.empty() || mutant(Mutant::unseen_customer_ignored)) return nullptr;
  const bool seen_by_number =
      move.stamp.seen_seq >= customer_commit_max_ && move.stamp.commit_seq > customer_commit_max_;
  if (seen_by_number && customer_commit_max_ != pending_commit_seq) return nullptr;
  for (const Stamp* message : customer_messages_)
    if (!knows(move.stamp, *message)) return message;
  return nullptr;
}

bool StatusReplay::within_reopen_window(const Move& message) const {
  std::int64_t since_closed = 0;
  if (__builtin_sub_overflow(message.stamp.order_ms, view_.closed_ms, &since_closed)) return false;
  return since_closed <= message.number;
}

std::optional<Status> StatusReplay::target(const Move& move) const {
  const bool customer_closes = move.intent == Intent::close && move.stamp.author_kind == PrincipalKind::contact;
  if (customer_closes && view_.status != Status::resolved && view_.status != Status::closed) return std::nullopt;
  return next_status(view_.status, move.intent, view_.before_hold);
}

void StatusReplay::enter(Status status, const Move& move) {
  if (status == Status::on_hold) view_.before_hold = view_.status;
  if (view_.status == Status::on_hold) {
    view_.hold_reason.clear();
    view_.wake_at_ms = 0;
  }
  const bool was_resolved = view_.status == Status::resolved;
  if (status == Status::resolved || (status == Status::closed && !was_resolved)) view_.resolution = move.stamp.ref();
  if (status == Status::resolved) view_.resolved_ms = move.stamp.order_ms;
  if (status == Status::closed) view_.closed_ms = move.stamp.order_ms;
  if (status == Status::reopened) {
    view_.resolved_ms = view_.closed_ms = 0;
    view_.resolution.reset();
  }
  view_.status = status;
  view_.since_ms = move.stamp.order_ms;
  last_change_ = &move.stamp;
}

void StatusReplay::take_details(const Move& move, bool changed) {
  switch (move.intent) {
    case Intent::hold:
      view_.hold_reason = move.text;
      view_.wake_at_ms = move.number;
      break;
    case Intent::estimate:
      view_.estimate_minutes = move.number;
      view_.estimate = move.stamp.ref();
      break;
    case Intent::resolve:  // resolving what is resolved adds a result, it takes none away
      if (changed || !move.text.empty()) view_.result = move.text;
      break;
    default:
      break;
  }
}

MoveVerdict StatusReplay::step_customer_message(const Move& move) {
  customer_messages_.push_back(&move.stamp);
  customer_commit_max_ = std::max(customer_commit_max_, move.stamp.commit_seq);
  const Status next = next_status(view_.status, Intent::message, view_.before_hold).value_or(view_.status);
  const bool too_late = view_.status == Status::closed && !within_reopen_window(move);
  if (next == view_.status || too_late) return {true, false, Rule::append, nullptr};
  enter(next, move);
  return {true, true, Rule::append, nullptr};
}

MoveVerdict StatusReplay::step(const Move& move) {
  if (const Stamp* merge = merge_over(state_, move.stamp)) return overtaken(Rule::merged_ticket, merge);
  if (move.intent == Intent::message) return step_customer_message(move);
  const std::optional<Status> next = target(move);
  if (!next) return overtaken(Rule::lifecycle, last_change_);
  const bool changes = *next != view_.status;
  if (!changes && !speaks_in_place(move.intent)) {
    take_details(move, false);
    return {true, false, Rule::no_effect, nullptr};
  }
  if (answers_the_customer(*next))
    if (const Stamp* unseen = unseen_customer_message(move)) return overtaken(Rule::unseen_customer, unseen);
  if (changes) enter(*next, move);
  take_details(move, changes);
  return {true, changes, Rule::sequential, nullptr};
}

Standing standing_of(const MoveVerdict& verdict) {
  if (verdict.applied) return applied(verdict.rule);
  if (verdict.stands == nullptr) return {Outcome::overtaken, verdict.rule, {}, {}};
  return lost_to(Outcome::overtaken, verdict.rule, *verdict.stands);
}

StatusView status_view(const TicketState& state) {
  StatusReplay replay(state);
  std::vector<MoveVerdict> verdicts;
  verdicts.reserve(state.moves.size());
  for (const Move& move : state.moves) verdicts.push_back(replay.step(move));
  StatusView view = replay.take();
  for (const MoveVerdict& verdict : verdicts) {
    view.move_applied.push_back(verdict.applied);
    view.move_changed_status.push_back(verdict.changed_status);
    view.move_rule.push_back(verdict.rule);
  }
  return view;
}

std::vector<Message> derived_notes(const TicketState& state) {
  std::vector<Message> notes;
  StatusReplay replay(state);
  for (const Move& move : state.moves) {
    const bool lost = !replay.step(move).applied;
    if (lost && (!move.text.empty() || move.erased)) notes.push_back(note_of(move));
  }
  return notes;
}

}  // namespace tern::sync
