// Admission: whatever depends on something outside the ticket's own changes, decided once. fold.md "Admission".
#include <algorithm>

#include "batch.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/protocol/mutant.hpp"

namespace tern::server {
namespace {

using sync::Intent;
using sync::ReasonCode;
using sync::Rule;
using Verdict = sync::Admission::Verdict;

bool admitted(const Entry& entry) {
  return entry.admission.verdict == Verdict::admitted;
}
void hold(Entry& entry, ReasonCode reason, Rule rule) {
  refuse(entry, Verdict::held, reason, rule);
}
void reject(Entry& entry, ReasonCode reason, Rule rule) {
  refuse(entry, Verdict::rejected, reason, rule);
}

bool is_fact(const sync::Change& change) {
  const sync::IntentSpec* spec = sync::find_intent(change.intent);
  return spec != nullptr && spec->ruling == sync::Ruling::fact;
}

// ---- what it depends on ----

enum class Parent { stands, held, missing };

/// A change that another one names.
struct Named {
  Parent parent = Parent::missing;
  TicketId ticket;
  Intent intent = Intent::unspecified;
};

Parent parent_of(sync::Outcome standing) {
  return standing == sync::Outcome::held || standing == sync::Outcome::rejected ? Parent::held : Parent::stands;
}

Result<Named> find_named(Batch& batch, const SetWork& work, const sync::ChangeRef& ref) {
  if (ref.device == work.header.device)
    if (const auto mine = work.by_id.find(ref.id); mine != work.by_id.end())
      if (const Entry& entry = work.entries[mine->second]; entry.standing.outcome != sync::Outcome::unspecified)
        return Named{parent_of(entry.standing.outcome), entry.change->ticket, entry.change->intent};
  TERN_TRY(auto rows, batch.db().query("SELECT standing, ticket_id, intent FROM change WHERE tenant_id = $1 "
                                       "AND device_id = $2 AND change_id = $3",
                                       batch.number, ref.device, ref.id));
  TERN_TRY(const bool found, rows.step());
  if (!found) return Named{};
  return Named{parent_of(static_cast<sync::Outcome>(rows.int64(0))), rows.id<TicketId>(1),
               static_cast<Intent>(rows.int64(2))};
}

void hold_with(Entry& entry, Parent parent) {
  hold(entry, parent == Parent::held ? ReasonCode::parent_held : ReasonCode::parent_missing, Rule::dependency);
}

Result<void> check_dependencies(Batch& batch, const SetWork& work, Entry& entry) {
  const sync::Change& change = *entry.change;
  for (const ChangeId& id : change.after) {
    TERN_TRY(const Named named, find_named(batch, work, {change.ref.device, id}));
    if (named.parent == Parent::stands) continue;
    hold_with(entry, named.parent);
    return {};
  }
  if (change.intent == Intent::create) {
    if (entry.ticket != nullptr) reject(entry, ReasonCode::exists, Rule::admission);
  } else if (entry.ticket == nullptr && change.intent != Intent::release) {
    hold(entry, ReasonCode::parent_missing, Rule::dependency);
  }
  return {};
}

bool fits(const sync::Change& change, const Named& named) {
  if (named.ticket != change.ticket) return false;
  const bool decides = change.intent == Intent::approve_estimate || change.intent == Intent::reject_estimate;
  if (change.intent == Intent::rate) return named.intent == Intent::resolve || named.intent == Intent::close;
  return !decides || named.intent == Intent::estimate;
}

/// Messages and estimates that a change names: of its ticket, and in effect.
Result<void> check_targets(Batch& batch, const SetWork& work, Entry& entry) {
  for (const sync::ChangeRef& target : entry.change->targets) {
    TERN_TRY(const Named named, find_named(batch, work, target));
    if (named.parent == Parent::stands && fits(*entry.change, named)) continue;
    if (named.parent == Parent::stands) {
      reject(entry, ReasonCode::invalid, Rule::admission);
    } else {
      hold_with(entry, named.parent);
    }
    return {};
  }
  return {};
}

/// The message that an edit or a delete names; it stands, and is of the change's ticket. What is no message (an
/// estimate, say) cannot be edited, nor can what was reported on site.
Result<std::optional<StoredMessage>> target_message(Batch& batch, Entry& entry) {
  const sync::Change& change = *entry.change;
  if (!sync::is_about_message(change.intent) || change.targets.empty()) return std::optional<StoredMessage>{};
  TERN_TRY(auto message, find_message(batch, change.targets.front()));
  if (!message || message->message.kind == sync::MessageKind::on_site)
    reject(entry, ReasonCode::invalid, Rule::admission);
  return message;
}

// ---- rights ----

bool customer_may(const Entry& entry) {
  const sync::IntentSpec* spec = sync::find_intent(entry.change->intent);
  if (spec == nullptr || !spec->customer_may) return false;
  if (spec->unit == sync::Unit::message) return entry.change->visibility == sync::Visibility::open;
  return true;
}

bool may_now(const Batch& batch, const SetWork& work, const Entry& entry, const sync::Message* message) {
  if (mutant(Mutant::skip_rights)) return true;
  if (work.from_server && entry.acting.is_zero())
    return entry.author_kind != sync::PrincipalKind::contact || customer_may(entry);
  const auto actor = batch.find_actor(entry.acting);
  const sync::TicketState* state = entry.ticket == nullptr ? nullptr : &entry.ticket->state;
  return actor && sync::may(*actor, *entry.change, state, message).allowed;
}

Result<std::optional<sync::Actor>> actor_at(Batch& batch, const OperatorId& id, std::uint64_t seq) {
  TERN_TRY(
      auto rows,
      batch.db().query(
          "SELECT data FROM record_history WHERE tenant_id = $1 AND kind = $2 AND record_id = $3 AND version <= $4 "
          "ORDER BY version DESC LIMIT 1",
          batch.number, sync::RecordKind::operator_, id, seq));
  TERN_TRY(const bool found, rows.step());
  if (!found) return std::optional<sync::Actor>{};
  TERN_TRY(const sync::Record record, sync::decode_record(rows.blob(0)));
  return std::optional(actor_of(record));
}

/// The ticket as it was on an author's screen; nothing: there was none. Changes of a set, and sets of a push, mostly
/// saw the same: the ledger is folded once for all of them. Who claims to have seen many versions of one ticket in one
/// set asks for work, not for rights.
Result<const sync::TicketState*> state_at_seen(Batch& batch, SetWork& work, const Entry& entry) {
  constexpr std::size_t versions_per_set_max = 4;
  constexpr std::size_t states_kept_max = 64;
  const sync::TicketState* now = &entry.ticket->state;
  const std::uint64_t seen = entry.admission.seen_seq;
  if (seen == 0 || seen >= now->version) return now;
  const std::pair key{entry.change->ticket, seen};
  if (const auto known = batch.states_at_seen.find(key); known != batch.states_at_seen.end())
    return known->second ? &*known->second : now;
  if (++work.versions_asked[entry.change->ticket] > versions_per_set_max)
    return static_cast<const sync::TicketState*>(nullptr);
  TERN_TRY(Refolded then, refold_from_zero(batch.db(), batch.number, entry.change->ticket, seen));
  if (batch.states_at_seen.size() >= states_kept_max) batch.states_at_seen.clear();
  auto& kept = batch.states_at_seen[key];
  if (then.fold.state.created) kept = std::move(then.fold.state);
  return kept ? &*kept : now;
}

/// Whether the author could rightly think so: role and queues as of the replica's cursor, the ticket as it was on the
/// author's screen. A ticket that the author saw nothing committed of is their own, made offline.
Result<bool> allowed_at_seen(Batch& batch, SetWork& work, const Entry& entry, const sync::Message* message) {
  TERN_TRY(const auto actor, actor_at(batch, entry.acting, std::max(entry.admission.seen_seq, work.cursor_seen)));
  if (!actor) return false;
  if (entry.ticket == nullptr) return sync::may(*actor, *entry.change, nullptr, message).allowed;
  TERN_TRY(const sync::TicketState* state, state_at_seen(batch, work, entry));
  return state != nullptr && sync::may(*actor, *entry.change, state, message).allowed;
}

constexpr std::string_view not_sent = "Meant for the customer, and not sent:\n";

/// What somebody who may only note wrote to the customer is kept inside, in their name, whatever becomes of it else.
void keep_as_note(const Batch& batch, SetWork& work, const Entry& entry) {
  const sync::Change& change = *entry.change;
  const bool to_customer = change.intent == Intent::message && change.visibility == sync::Visibility::open;
  if (work.from_server || !to_customer || change.text.empty() || entry.ticket == nullptr) return;
  ServerChange note;
  note.change.intent = Intent::message;
  note.change.ticket = change.ticket;
  note.change.visibility = sync::Visibility::team;
  note.change.text = std::string(not_sent) + change.text;
  if (note.change.text.size() > limits::text_bytes_max) note.change.text = change.text;
  note.change.seen_now = true;
  note.change.principal_kind = sync::PrincipalKind::operator_;
  note.change.principal_id = Bytes(entry.author.view());
  const auto actor = batch.find_actor(entry.acting);
  if (actor && sync::may(*actor, note.change, &entry.ticket->state, nullptr).allowed)
    work.follow_ups.push_back(std::move(note));
}

Result<void> check_rights(Batch& batch, SetWork& work, Entry& entry, const sync::Message* message) {
  if (may_now(batch, work, entry, message)) return {};
  keep_as_note(batch, work, entry);
  const bool holdable = !work.from_server && is_fact(*entry.change) && entry.change->intent != Intent::release;
  if (holdable) {
    TERN_TRY(const bool then, allowed_at_seen(batch, work, entry, message));
    if (then) {
      hold(entry, ReasonCode::not_permitted, Rule::rights);
      return {};
    }
  }
  reject(entry, ReasonCode::not_permitted, Rule::rights);
  return {};
}

// ---- records, other tickets, limits ----

bool known(const Batch& batch, sync::RecordKind kind, ByteView id) {
  return batch.find_record(kind, RecordId::or_zero(id)) != nullptr;
}

bool records_known(const Batch& batch, const sync::Change& change) {
  for (const sync::FieldSetting& setting : change.fields) {
    const sync::FieldSpec* spec = sync::find_field(setting.field);
    if (spec != nullptr && spec->refers && setting.value && !known(batch, *spec->refers, *setting.value)) return false;
  }
  if (change.target.empty()) return true;
  switch (change.intent) {
    case Intent::assign: {
      const auto actor = batch.find_actor(OperatorId::or_zero(change.target));
      return actor && actor->active;
    }
    case Intent::move_queue:
      return known(batch, sync::RecordKind::queue, change.target);
    case Intent::watch:
      return known(batch, change.kind == 0 ? sync::RecordKind::operator_ : sync::RecordKind::contact, change.target);
    case Intent::on_site:
      return known(batch, sync::RecordKind::contact, change.target);
    default:
      return true;
  }
}

/// A merge that would lead back to its source. Chains of merges are short; what is stored has no cycle.
Result<bool> makes_cycle(Batch& batch, const TicketId& source, TicketId at) {
  for (;;) {
    if (at == source) return true;
    TERN_TRY(const WorkingTicket* ticket, batch.ticket(at));
    if (ticket == nullptr || !ticket->state.merged_into || ticket->state.merged_into->value.empty()) return false;
    at = TicketId::or_zero(ticket->state.merged_into->value);
  }
}

Result<void> check_other_ticket(Batch& batch, Entry& entry) {
  TERN_TRY(const ReasonCode against, judge_other_ticket(batch, *entry.change));
  if (against == ReasonCode::none) return {};
  const bool may_come = against == ReasonCode::ticket_unknown && is_fact(*entry.change);
  refuse(entry, may_come ? Verdict::held : Verdict::rejected, against,
         against == ReasonCode::cycle ? Rule::admission : Rule::dependency);
  return {};
}

/// Only of the server's own sets: records are no device's to write.
void admit_record(const Batch& batch, Entry& entry) {
  if (entry.acting.is_zero()) return;
  const auto actor = batch.find_actor(entry.acting);
  if (!actor || !actor->active || !sync::has_right(actor->role, sync::Right::administer))
    reject(entry, ReasonCode::not_permitted, Rule::rights);
}

Result<void> judge_claim(Batch& batch, const SetWork& work, Entry& entry) {
  const sync::TicketState& state = entry.ticket->state;
  const auto holder = sync::assignee_of(state);
  // Dark is who may have worked on it elsewhere than on the device that says so itself.
  bool dark = false;
  if (holder)
    for (const DeviceId& id : batch.devices_of(*holder))
      if (const DeviceRow* row = batch.peek_device(id); row != nullptr && id != work.header.device)
        dark = dark || row->key_state == protocol::KeyState::active;
  entry.admission.author_has_device = dark;
  const ProvenChange* proven = proven_of(work, entry);
  if (!was_admitted(proven)) entry.admission.commit_ms = batch.commit_ms;  // where it was held then, nobody met it
  const auto index = static_cast<std::uint32_t>(&entry - work.entries.data());
  const sync::Origin origin{work.judged.device, work.judged.device_epoch, work.judged.chain_seq, index};
  const sync::Stamp stamp =
      sync::make_stamp(*entry.change, origin, work.commit_seq, entry.admission, entry.author, entry.author_kind);
  return settle_claim(batch, state, *entry.change, stamp, proven, dark, entry.admission);
}

/// What was refused in the history that was given up stays so, but for what only waited for something else to come.
bool refused_then(Entry& entry, const ProvenChange* proven) {
  if (proven == nullptr || was_admitted(proven)) return false;
  const ReasonCode reason = proven->reason;
  const bool waited = reason == ReasonCode::parent_missing || reason == ReasonCode::parent_held ||
                      reason == ReasonCode::ticket_unknown || reason == ReasonCode::duplicate_content;
  if (waited || reason == ReasonCode::none) return false;
  refuse(entry, proven->standing.outcome == sync::Outcome::held ? Verdict::held : Verdict::rejected, reason,
         proven->standing.rule);
  return true;
}

}  // namespace

void refuse(Entry& entry, Verdict verdict, ReasonCode reason, Rule rule) {
  entry.admission.verdict = verdict;
  entry.admission.reason = reason;
  entry.standing = {verdict == Verdict::held ? sync::Outcome::held : sync::Outcome::rejected, rule, {}, {}};
}

ReasonCode judge_contents(const Batch& batch, const sync::Change& change, const OperatorId& author,
                          sync::PrincipalKind author_kind, WorkingTicket* ticket) {
  if (!records_known(batch, change)) return ReasonCode::unknown_record;
  return ticket == nullptr ? ReasonCode::none : judge_room(*ticket, change, author, author_kind);
}

Result<sync::ReasonCode> judge_other_ticket(Batch& batch, const sync::Change& change) {
  const bool names_one =
      change.intent == Intent::link || change.intent == Intent::merge || change.intent == Intent::split;
  if (!names_one) return ReasonCode::none;
  const TicketId other = TicketId::or_zero(change.target);
  TERN_TRY(WorkingTicket * ticket, batch.ticket(other));
  if (ticket == nullptr) return ReasonCode::ticket_unknown;
  if (change.intent != Intent::link && !has_room_for_mirror(*ticket, change)) return ReasonCode::ticket_full;
  if (change.intent != Intent::merge) return ReasonCode::none;
  TERN_TRY(const bool cycle, makes_cycle(batch, change.ticket, other));
  return cycle ? ReasonCode::cycle : ReasonCode::none;
}

Result<void> admit(Batch& batch, SetWork& work, Entry& entry) {
  const sync::Change& change = *entry.change;
  const sync::IntentSpec* spec = sync::find_intent(change.intent);
  if (spec == nullptr) {
    reject(entry, ReasonCode::invalid, Rule::admission);
    return {};
  }
  if (!work.from_server && sync::server_only(change)) {
    reject(entry, ReasonCode::not_permitted, Rule::rights);
    return {};
  }
  if (spec->ruling == sync::Ruling::server) {
    if (change.intent == Intent::record) {
      admit_record(batch, entry);
    } else if (entry.ticket == nullptr && change.intent != Intent::erase) {
      hold(entry, ReasonCode::parent_missing, Rule::dependency);
    }
    return {};
  }
  const ProvenChange* proven = proven_of(work, entry);
  if (refused_then(entry, proven)) return {};
  TERN_CHECKED(check_dependencies(batch, work, entry));
  if (admitted(entry) && change.intent != Intent::release) TERN_CHECKED(check_targets(batch, work, entry));
  if (!admitted(entry)) return {};
  TERN_TRY(const auto message, target_message(batch, entry));
  if (!admitted(entry)) return {};
  if (!was_admitted(proven)) TERN_CHECKED(check_rights(batch, work, entry, message ? &message->message : nullptr));
  if (!admitted(entry)) return {};
  const ReasonCode against = judge_contents(batch, change, entry.author, entry.author_kind, entry.ticket);
  if (against != ReasonCode::none) {  // what it names may have been lost with what was given up: a person decides
    refuse(entry, was_admitted(proven) ? Verdict::held : Verdict::rejected, against, Rule::admission);
    return {};
  }
  TERN_CHECKED(check_other_ticket(batch, entry));
  if (!admitted(entry)) {
    if (was_admitted(proven)) hold(entry, entry.admission.reason, entry.standing.rule);
    return {};
  }
  if (spec->ruling == sync::Ruling::claim) TERN_CHECKED(judge_claim(batch, work, entry));
  if (entry.author_kind == sync::PrincipalKind::contact) entry.admission.reopen_window_ms = limits::reopen_window_ms;
  return {};
}

}  // namespace tern::server
