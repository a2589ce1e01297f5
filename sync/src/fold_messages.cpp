// Append-only work (messages, files, time), and the edits and deletes of messages.
#include "fold_parts.hpp"

namespace tern::sync {
namespace {

std::vector<NamedStanding> standings_of(const Message& message) {
  std::vector<NamedStanding> standings;
  for (const MessageEdit& edit : message.edits) {
    Standing standing = applied();
    if (!message.deletes.empty())
      standing = lost_to(Outcome::superseded, Rule::message_deleted, message.deletes.back().stamp);
    else if (&edit != &message.edits.back())
      standing = lost_to(Outcome::superseded, Rule::message_edit, message.edits.back().stamp);
    else if (message.edits.size() > 1)
      standing = applied(Rule::message_edit);
    standings.push_back({edit.stamp.ref(), standing});
  }
  const Rule rule = message.edits.empty() ? Rule::sequential : Rule::message_deleted;
  for (const MessageEdit& removal : message.deletes) standings.push_back({removal.stamp.ref(), applied(rule)});
  return standings;
}

void drop_seen(std::vector<MessageEdit>& heads, const Stamp& by) {
  std::erase_if(heads, [&](const MessageEdit& head) { return knows(by, head.stamp); });
}

/// Edits stay that no other edit or delete had seen; deletes, that no other delete had seen: an edit never undoes one.
void add_edit(Message& message, const PlacedChange& placed) {
  const MessageEdit edit{placed.stamp, placed.change.text, placed.change.body_erased};
  const auto seen_by = [&](const MessageEdit& other) { return knows(other.stamp, edit.stamp); };
  const bool deletes = placed.change.intent == Intent::delete_message;
  drop_seen(message.edits, edit.stamp);
  if (deletes) drop_seen(message.deletes, edit.stamp);
  if (std::ranges::any_of(message.deletes, seen_by)) return;
  if (deletes) {
    insert_in_order(message.deletes, MessageEdit{edit.stamp, placed.change.reason, edit.erased});
  } else if (!std::ranges::any_of(message.edits, seen_by)) {
    insert_in_order(message.edits, edit);
  }
}

bool is_first_response(const Change& change, const Stamp& stamp) {
  return change.intent == Intent::message && change.visibility == Visibility::open &&
         stamp.author_kind == PrincipalKind::operator_;
}

/// What the customer reads as said by staff. A report from on site is theirs already: they signed it.
bool is_reply(const Change& change, const Stamp& stamp) {
  const bool by_staff =
      stamp.author_kind == PrincipalKind::operator_ || stamp.author_kind == PrincipalKind::integration;
  const bool says = change.intent == Intent::message || change.intent == Intent::attach;
  return says && by_staff && change.visibility == Visibility::open;
}

void note_first_response(TicketState& state, const Stamp& stamp) {
  if (stamp.author_kind != PrincipalKind::operator_) return;
  state.first_response_ms =
      state.first_response_ms == 0 ? stamp.order_ms : std::min(state.first_response_ms, stamp.order_ms);
}

MessageKind kind_of(Intent intent) {
  if (intent == Intent::attach) return MessageKind::file;
  return intent == Intent::on_site ? MessageKind::on_site : MessageKind::message;
}

Message message_of(const PlacedChange& placed) {
  const Change& change = placed.change;
  Message message;
  message.stamp = placed.stamp;
  message.version = placed.stamp.commit_seq;
  message.visibility = change.visibility;
  message.kind = kind_of(change.intent);
  message.text = change.text;
  message.erased = change.body_erased;
  message.withheld = placed.admission.unseen_customer;
  message.window_lo_ms = placed.admission.lo_ms;
  message.window_hi_ms = placed.admission.hi_ms;
  message.time_flags = placed.admission.time_flags;
  if (message.kind == MessageKind::on_site) {
    message.on_site = {change.from_ms,   change.to_ms,      change.target,
                       change.file_name, change.media_type, change.signature};
    return message;
  }
  message.file_name = change.file_name;
  message.media_type = change.media_type;
  message.size_bytes = change.size_bytes;
  message.content_hash = change.content_hash;
  return message;
}

}  // namespace

bool is_customer_message(const Change& change, const Stamp& stamp) {
  return change.intent == Intent::message && change.visibility == Visibility::open &&
         stamp.author_kind == PrincipalKind::contact;
}

void judge_append(const TicketState& state, const Change& change, const Stamp& stamp, Admission& admission) {
  const IntentSpec* spec = find_intent(change.intent);
  if (spec == nullptr || !spec->append_only) return;
  admission.redirected = merge_over(state, stamp) != nullptr;
  const bool came_before =
      !admission.redirected && is_reply(change, stamp) && std::ranges::any_of(state.moves, [&](const Move& move) {
        return move.intent == Intent::message && move.stamp.commit_seq < stamp.commit_seq &&
               before(move.stamp, stamp) && !knows(stamp, move.stamp);
      });
  admission.unseen_customer = came_before && change.asserted_ms == 0;
}

void fold_message(TicketState& state, const PlacedChange& placed, FoldEffect& effect) {
  effect.standing = applied(placed.admission.unseen_customer ? Rule::unseen_customer : Rule::append);
  effect.message = message_of(placed);
  ++state.message_count;
  const Stamp& stamp = placed.stamp;
  if (merge_over(state, stamp) != nullptr) return;  // it speaks on the target: no move, no first response here
  if (is_first_response(placed.change, stamp)) note_first_response(state, stamp);
  if (is_customer_message(placed.change, stamp))
    insert_move(state, Move{stamp, Intent::message, {}, placed.admission.reopen_window_ms, false}, effect.altered);
}

void fold_time_entry(TicketState& state, const PlacedChange& placed, FoldEffect& effect) {
  effect.standing = applied(Rule::append);
  const Change& change = placed.change;
  const auto kind = time_entry_kind_from_number(change.kind).value_or(TimeEntryKind::work);
  insert_in_order(state.time_entries, TimeEntry{placed.stamp, change.number, change.text, change.body_erased, kind});
  if (kind == TimeEntryKind::call && merge_over(state, placed.stamp) == nullptr)
    note_first_response(state, placed.stamp);
}

FoldEffect fold_message_edit(Message& message, const PlacedChange& edit) {
  FoldEffect effect;
  if (message.kind == MessageKind::on_site) {  // somebody signed for it as it was
    effect.standing = lost_to(Outcome::overtaken, Rule::append, message.stamp);
    return effect;
  }
  effect.standing = applied();
  if (edit.change.intent == Intent::send_message) {
    message.withheld = false;
    if (edit.stamp.commit_seq != pending_commit_seq) message.version = std::max(message.version, edit.stamp.commit_seq);
    return effect;
  }
  const ChangeRef folded = edit.stamp.ref();
  const std::vector<NamedStanding> before = standings_of(message);
  add_edit(message, edit);
  const std::vector<NamedStanding> after = standings_of(message);
  for (const NamedStanding& named : after)
    if (named.change == folded) effect.standing = named.standing;
  note_altered(before, after, folded, effect.altered);
  if (edit.stamp.commit_seq != pending_commit_seq) message.version = std::max(message.version, edit.stamp.commit_seq);
  return effect;
}

}  // namespace tern::sync
