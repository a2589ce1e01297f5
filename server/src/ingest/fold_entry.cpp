// An admitted change into its ticket, and what follows from it in the same transaction.
#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "batch.hpp"

namespace tern::server {
namespace {

using sync::Intent;

// ---- the description: the one part that is folded from the ledger ----

Result<void> load_describes(Batch& batch, WorkingTicket& ticket) {
  if (ticket.describes) return {};
  TERN_TRY(const std::vector<LedgerChange> ledger, read_ticket(batch.db(), batch.number, ticket.state.id));
  ticket.describes.emplace();
  for (sync::PlacedChange& placed : folded_changes(ledger)) {
    if (placed.change.intent != Intent::create && placed.change.intent != Intent::describe) continue;
    const auto& merged = ticket.state.merged_into;
    if (merged && sync::ordered_after(placed.stamp, merged->stamp)) continue;
    const auto row = std::find_if(ledger.begin(), ledger.end(), [&](const LedgerChange& change) {
      return change.placed.change.ref == placed.change.ref;
    });
    sync::Standing standing;
    if (row != ledger.end()) standing = {row->standing, row->standing_rule, {}, {}};
    ticket.describes->push_back({std::move(placed), standing});
  }
  return {};
}

sync::Standing refold_description(SetWork& work, WorkingTicket& ticket, const sync::ChangeRef& cause) {
  std::vector<const sync::PlacedChange*> edits;
  edits.reserve(ticket.describes->size());
  for (const Describe& edit : *ticket.describes) edits.push_back(&edit.placed);
  sync::DescriptionFold fold = sync::fold_description(edits, ticket.state);
  sync::Standing own;
  for (std::size_t i = 0; i < edits.size(); ++i) {
    Describe& edit = (*ticket.describes)[i];
    const sync::StandingChange change{edit.placed.change.ref, edit.standing, fold.standings[i]};
    if (change.change == cause) {
      own = change.after;
    } else if (change.before.outcome != change.after.outcome || change.before.rule != change.after.rule) {
      note_altered(work, ticket.state.id, change, cause);
    }
    edit.standing = change.after;
  }
  ticket.state.description = std::move(fold.text);
  ticket.state.description_erased = fold.erased;
  return own;
}

Result<sync::Standing> fold_edit_of_message(Batch& batch, SetWork& work, const sync::PlacedChange& placed) {
  TERN_TRY(const auto stored, find_message(batch, placed.change.targets.front()));
  if (!stored) return sync::Standing{sync::Outcome::applied, sync::Rule::no_effect, {}, {}};
  sync::Message message = stored->message;
  const sync::FoldEffect effect = sync::fold_message_edit(message, placed);
  for (const sync::StandingChange& change : effect.altered)
    note_altered(work, placed.change.ticket, change, placed.change.ref);
  if (stored->message.withheld && !message.withheld && !sync::is_deleted(message))
    work.sent_replies.insert(message.stamp.ref());
  TERN_CHECKED(replace_message(batch, *stored, message));
  return effect.standing;
}

// ---- what the server adds ----

ServerChange server_change(Intent intent, const TicketId& ticket) {
  ServerChange change;
  change.change.intent = intent;
  change.change.ticket = ticket;
  change.change.seen_now = true;
  return change;
}

/// When the oldest of the messages that a split gives away was written, of those that the customer wrote if there are
/// any. 0: nobody waits on the new ticket. A clock that is to be inherited goes by what colleagues wrote, too.
Result<std::int64_t> waits_since(Batch& batch, const sync::Change& split) {
  std::int64_t customers = 0, oldest = 0;
  for (const sync::ChangeRef& ref : split.targets) {
    TERN_TRY(const auto given, find_message(batch, ref));
    if (!given || given->ticket != split.ticket) continue;
    const std::int64_t at = given->message.stamp.order_ms;
    if (oldest == 0 || at < oldest) oldest = at;
    const bool by_customer = given->message.stamp.author_kind == sync::PrincipalKind::contact;
    if (by_customer && (customers == 0 || at < customers)) customers = at;
  }
  return customers != 0 || split.kind == 0 ? customers : oldest;
}

Result<void> mirror(Batch& batch, SetWork& work, const sync::Change& claim) {
  const bool splits = claim.intent == Intent::split;
  const Intent there = splits                            ? Intent::split_from
                       : claim.intent == Intent::unmerge ? Intent::unmerged_from
                                                         : Intent::merged_from;
  ServerChange mirrored = server_change(there, TicketId::or_zero(claim.target));
  mirrored.change.target = Bytes(claim.ticket.view());
  if (splits) {
    mirrored.change.targets = claim.targets;
    mirrored.change.kind = claim.kind;
    TERN_TRY(mirrored.change.number, waits_since(batch, claim));
  }
  work.follow_ups.push_back(std::move(mirrored));
  return {};
}

/// A customer wrote to a deleted ticket: one who wrote before the delete did not know, the ticket comes back; one who
/// wrote after it gets a new ticket that says where it comes from.
void answer_customer(Batch& batch, SetWork& work, const Entry& entry) {
  const sync::TicketState& state = entry.ticket->state;
  if (entry.stamp.order_ms <= state.deletion->stamp.order_ms) {
    work.follow_ups.push_back(server_change(Intent::restore, entry.change->ticket));
    return;
  }
  const auto id = random_id<TicketId>(batch.in.environment);
  ServerChange create = server_change(Intent::create, id);
  create.change.fields.push_back({sync::FieldId::subject, {}, sync::field_value(state, sync::FieldId::subject), false});
  if (!create.change.fields.back().value) create.change.fields.back().value = "-";  // erased
  if (const auto contact = sync::field_value(state, sync::FieldId::contact))
    create.change.fields.push_back({sync::FieldId::contact, {}, contact, false});
  ServerChange message = server_change(Intent::message, id);
  message.change.visibility = sync::Visibility::open;
  message.change.text = entry.change->text;
  message.change.principal_kind = sync::PrincipalKind::contact;
  message.change.principal_id = Bytes(entry.author.view());
  ServerChange link = server_change(Intent::link, id);
  link.change.kind = static_cast<std::uint32_t>(sync::LinkKind::follow_up);
  link.change.target = Bytes(entry.change->ticket.view());
  work.follow_ups.push_back(std::move(create));
  if (const auto queue = sync::queue_of(state)) {
    ServerChange move = server_change(Intent::move_queue, id);
    move.change.target = Bytes(queue->view());
    work.follow_ups.push_back(std::move(move));
  }
  if (!message.change.text.empty()) work.follow_ups.push_back(std::move(message));
  work.follow_ups.push_back(std::move(link));
}

// ---- links show on both tickets ----

sync::LinkKind seen_from_there(std::uint32_t kind) {
  switch (sync::link_kind_from_number(kind).value_or(sync::LinkKind::related)) {
    case sync::LinkKind::parent:
      return sync::LinkKind::child;
    case sync::LinkKind::child:
      return sync::LinkKind::parent;
    case sync::LinkKind::duplicate:
      return sync::LinkKind::duplicate;
    default:
      return sync::LinkKind::related;
  }
}

/// The server's own, as far as it stands: nobody else set it as well.
bool is_mirrored(const std::vector<sync::Stamp>& stamps) {
  return !stamps.empty() && std::ranges::all_of(stamps, [](const sync::Stamp& stamp) {
    return stamp.author_kind == sync::PrincipalKind::server;
  });
}

struct LinkThere {
  std::uint32_t kind = 0;
  bool mirrored = false;
};
/// A ticket's links to another one.
std::vector<LinkThere> links_between(const sync::TicketState& state, const TicketId& other) {
  std::vector<LinkThere> found;
  for (const Bytes& element : sync::elements_of(state, sync::FieldId::links))
    if (ByteView(element).substr(1) == other.view())
      found.push_back({static_cast<std::uint8_t>(element.front()),
                       is_mirrored(state.elements.at({sync::FieldId::links, element}))});
  return found;
}

/// Whether what is taken away stands there because of a link on the other ticket.
bool takes_mirror(const Entry& entry) {
  const sync::Change& change = *entry.change;
  if (change.intent != Intent::unlink || entry.ticket == nullptr) return false;
  const auto& elements = entry.ticket->state.elements;
  const auto found = elements.find({sync::FieldId::links, Bytes(1, static_cast<char>(change.kind)) + change.target});
  return found != elements.end() && is_mirrored(found->second);
}

bool may_there(const Batch& batch, const SetWork& work, const Entry& entry, const sync::Change& back,
               const sync::TicketState& there) {
  if (work.from_server && entry.acting.is_zero()) return true;
  const auto actor = batch.find_actor(entry.acting);
  return actor && sync::may(*actor, back, &there, nullptr).allowed;
}

/// Whoever has no link back gets one; with the last link the other side's go that stand there because of it, or it
/// because of them. What else people set there is theirs, and nobody gets there by this who may not.
Result<void> mirror_link(Batch& batch, SetWork& work, const Entry& entry, bool of_mirror) {
  const sync::Change& change = *entry.change;
  if (work.not_mirrored.contains(change.ref.id)) return {};
  const TicketId id = TicketId::or_zero(change.target);
  TERN_TRY(const WorkingTicket* other, batch.ticket(id));
  if (other == nullptr || id == change.ticket) return {};
  const auto here = links_between(entry.ticket->state, id), there = links_between(other->state, change.ticket);
  const bool links = change.intent == Intent::link;
  if (links == here.empty() || links != there.empty()) return {};
  const auto add = [&](Intent intent, std::uint32_t kind) {
    ServerChange back = server_change(intent, id);
    back.change.kind = kind;
    back.change.target = Bytes(change.ticket.view());
    if (may_there(batch, work, entry, back.change, other->state)) work.follow_ups.push_back(std::move(back));
  };
  if (links) add(Intent::link, static_cast<std::uint32_t>(seen_from_there(change.kind)));
  for (const LinkThere& link : there)
    if (link.mirrored || (of_mirror && static_cast<std::uint32_t>(seen_from_there(link.kind)) == change.kind))
      add(Intent::unlink, link.kind);
  return {};
}

Result<void> follow(Batch& batch, SetWork& work, const Entry& entry, bool of_mirror) {
  const sync::Change& change = *entry.change;
  if (change.intent == Intent::link || change.intent == Intent::unlink)
    return mirror_link(batch, work, entry, of_mirror);
  TERN_CHECKED(follow_claim(batch, work, {change, entry.stamp, entry.admission}));
  const bool customer = change.intent == Intent::message && entry.author_kind == sync::PrincipalKind::contact &&
                        change.visibility == sync::Visibility::open;
  if (customer && sync::is_deleted(entry.ticket->state)) answer_customer(batch, work, entry);
  return {};
}

// ---- records ----

Result<void> fold_record(Batch& batch, const SetWork& work, Entry& entry) {
  TERN_TRY(sync::Record record, sync::decode_record(entry.change->record));
  const sync::Record* before = batch.find_record(record.kind, record.id);
  if (before != nullptr) {
    record.integer_id = before->integer_id;
  } else if (record.integer_id == 0) {
    record.integer_id = batch.highest_record_id(record.kind) + 1;
  }
  record.version = work.commit_seq;
  entry.admission.integer_id = record.integer_id;
  entry.standing = {sync::Outcome::applied, sync::Rule::sequential, {}, {}};
  return batch.put_record(std::move(record));
}

}  // namespace

/// Whether the device that made it can fold it the same way: it is of this very set, and all that was decided about it
/// stands in its receipt.
static void note_mover(const SetWork& work, WorkingTicket& ticket, const sync::PlacedChange& placed,
                       const sync::FoldEffect& effect) {
  Moved& moved = ticket.moved;
  const bool own = !work.from_server && work.by_id.contains(placed.change.ref.id) && !effect.edits_message &&
                   placed.admission.custody_of.is_zero();
  if (!own || (!moved.by.is_zero() && moved.by != work.header.device)) moved.alone = false;
  moved.by = work.header.device;
  if (moved.alone && effect.message) moved.messages.push_back(sync::encode_message(*effect.message));
}

Result<void> follow_claim(Batch& batch, SetWork& work, const sync::PlacedChange& placed) {
  const sync::Change& change = placed.change;
  const bool pairs =
      change.intent == Intent::merge || change.intent == Intent::unmerge || change.intent == Intent::split;
  const bool claimed = placed.admission.claim_applies && placed.admission.claim_rule != sync::Rule::no_effect;
  return pairs && claimed ? mirror(batch, work, change) : Result<void>{};
}

void note_altered(SetWork& work, const TicketId& ticket, const sync::StandingChange& change,
                  const sync::ChangeRef& cause) {
  if (change.change.device == work.header.device)
    if (const auto mine = work.by_id.find(change.change.id); mine != work.by_id.end()) {
      // It has no receipt yet: what the fold says now is its outcome.
      if (change.change != cause) work.entries[mine->second].standing = change.after;
      return;
    }
  work.altered.push_back({ticket, change, cause});
}

namespace {

/// The counter of a proven number's year never gives it again.
Result<void> count_past(Batch& batch, const std::string& number) {
  int year = 0;
  std::int64_t counted = 0;
  const auto [year_end, year_bad] = std::from_chars(number.data() + 2, number.data() + 6, year);
  const auto [end, bad] = std::from_chars(number.data() + 7, number.data() + number.size(), counted);
  if (year_bad != std::errc{} || bad != std::errc{} || end != number.data() + number.size()) return {};
  return batch.db().run(
      "INSERT INTO number_counter (tenant_id, year, next) VALUES ($1, $2, $3) ON CONFLICT (tenant_id, year) "
      "DO UPDATE SET next = CASE WHEN excluded.next > number_counter.next THEN excluded.next ELSE "
      "number_counter.next END",
      batch.number, year, counted + 1);
}

/// A ticket that comes back has the id and the number it had. False: they are not proven, or another ticket's by now.
Result<bool> name_as_before(Batch& batch, const ProvenChange* proven, sync::Admission& admission) {
  constexpr std::size_t shortest = std::string_view("T-2024-0001").size();
  if (proven == nullptr || proven->integer_id == 0 || proven->number.size() < shortest) return false;
  TERN_TRY(const auto id_taken, batch.db().int64_of("SELECT 1 FROM ticket WHERE tenant_id = $1 AND integer_id = $2",
                                                    batch.number, proven->integer_id));
  TERN_TRY(const auto name_taken, batch.db().int64_of("SELECT 1 FROM ticket_name WHERE tenant_id = $1 AND name = $2",
                                                      batch.number, sqlite::Text{proven->number}));
  const bool taken_here = std::any_of(batch.tickets().begin(), batch.tickets().end(), [&](const auto& ticket) {
    return ticket.second->state.integer_id == proven->integer_id;
  });
  if (id_taken || name_taken || taken_here) return false;
  admission.integer_id = proven->integer_id;
  admission.number = proven->number;
  batch.next_integer_id = std::max(batch.next_integer_id, proven->integer_id + 1);
  TERN_CHECKED(count_past(batch, proven->number));
  return true;
}

Result<void> name_anew(Batch& batch, sync::Admission& admission) {
  admission.integer_id = batch.next_integer_id++;
  const int year = batch.in.zone_rules.year_of(admission.effective_ms);
  TERN_TRY(const auto counted,
           batch.db().int64_of(
               "INSERT INTO number_counter (tenant_id, year, next) VALUES ($1, $2, 2) ON CONFLICT (tenant_id, year) "
               "DO UPDATE SET next = next + 1 RETURNING next - 1",
               batch.number, year));
  admission.number = fmt::format("T-{:04}-{:04}", year, counted.value_or(1));
  return {};
}

}  // namespace

Result<void> name_ticket(Batch& batch, const sync::Change& create, sync::Admission& admission,
                         const ProvenChange* proven) {
  TERN_TRY(const bool as_before, name_as_before(batch, proven, admission));
  if (!as_before) TERN_CHECKED(name_anew(batch, admission));
  constexpr std::string_view insert =
      "INSERT INTO ticket_name (tenant_id, name, ticket_id) VALUES ($1, $2, $3) "
      "ON CONFLICT (tenant_id, name) DO NOTHING";
  TERN_CHECKED(batch.db().run(insert, batch.number, sqlite::Text{admission.number}, create.ticket));
  if (create.provisional_number.empty()) return {};
  return batch.db().run(insert, batch.number, sqlite::Text{create.provisional_number}, create.ticket);
}

Result<sync::Standing> fold_placed(Batch& batch, SetWork& work, WorkingTicket& ticket,
                                   const sync::PlacedChange& placed) {
  const Intent intent = placed.change.intent;
  if (intent == Intent::describe) TERN_CHECKED(load_describes(batch, ticket));
  note_growth(ticket, placed.change);
  const sync::FoldEffect effect = sync::fold_in(ticket.state, placed);
  if (const auto given = assigned_to(placed)) batch.load_changes[*given].add({0, 0, placed.stamp.commit_seq});
  ticket.dirty = true;
  note_mover(work, ticket, placed, effect);
  for (const sync::StandingChange& change : effect.altered)
    note_altered(work, placed.change.ticket, change, placed.change.ref);
  if (effect.message)
    TERN_CHECKED(insert_message(batch, placed.change.ticket, *effect.message, placed.admission.message_id));
  if (intent == Intent::split_from)
    TERN_CHECKED(give_messages(batch, ticket.state, placed.change.targets, placed.stamp.commit_seq));
  if (effect.edits_message) return fold_edit_of_message(batch, work, placed);
  if (intent == Intent::create && ticket.describes) ticket.describes->push_back({placed, effect.standing});
  if (!effect.description_changed) return effect.standing;
  ticket.describes->push_back({placed, effect.standing});
  return refold_description(work, ticket, placed.change.ref);
}

namespace {

/// An edit that comes back after a restore and is overtaken leaves its message as it is. Who saw it take effect in the
/// history that was given up shows it still: they get their tickets whole.
Result<void> show_unedited(Batch& batch, const SetWork& work, const Entry& entry) {
  const sync::Change& change = *entry.change;
  const sync::IntentSpec* spec = sync::find_intent(change.intent);
  const bool edits = spec != nullptr && spec->unit == sync::Unit::message_edit && !change.targets.empty();
  if (!edits || entry.standing.outcome != sync::Outcome::overtaken || batch.in.past_epochs.empty()) return {};
  TERN_CHECKED(note_message_changed(batch, change.targets.front(), work.commit_seq));
  return note_ticket_again(batch, change.ticket, work.commit_seq);
}

}  // namespace

Result<void> fold_entry(Batch& batch, SetWork& work, Entry& entry) {
  const sync::Change& change = *entry.change;
  if (change.intent == Intent::record) return fold_record(batch, work, entry);
  if (change.intent == Intent::release) return fold_release(batch, work, entry);
  TERN_CHECKED(give_message_id(batch, change, proven_of(work, entry), entry.admission));
  if (change.intent == Intent::create) {
    const auto index = static_cast<std::size_t>(&entry - work.entries.data());
    const ProvenChange* before = index < work.names.size() ? &work.names[index] : proven_of(work, entry);
    TERN_CHECKED(name_ticket(batch, change, entry.admission, before));
    entry.ticket = &batch.new_ticket(change.ticket);
    entry.ticket->message_id = entry.admission.message_id;
  }
  if (entry.ticket == nullptr) {  // an erasure of what never became part of a ticket
    entry.standing = {sync::Outcome::applied, sync::Rule::sequential, {}, {}};
    return {};
  }
  const bool of_mirror = takes_mirror(entry);
  TERN_TRY(entry.standing, fold_placed(batch, work, *entry.ticket, {change, entry.stamp, entry.admission}));
  TERN_CHECKED(show_unedited(batch, work, entry));
  return follow(batch, work, entry, of_mirror);
}

}  // namespace tern::server
