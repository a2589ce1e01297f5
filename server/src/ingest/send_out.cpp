#include "send_out.hpp"

#include <algorithm>
#include <set>

#include "run_batch.hpp"
#include "tell.hpp"
#include "tern/protocol/text.hpp"
#include "tern/sync/rights.hpp"

namespace tern::server {
namespace {

using sync::Intent;
using sync::PrincipalKind;
using sync::RecordKind;
using sync::Visibility;

constexpr std::string_view ticket_created = "ticket.created", ticket_changed = "ticket.changed",
                           ticket_resolved = "ticket.resolved", message_added = "message.added",
                           note_added = "note.added";
constexpr std::int64_t reset_again_ms = 5LL * 60'000;
constexpr std::int64_t resets_looked_at = 32;
constexpr std::string_view mail_received = "received", mail_replied = "replied", mail_resolved = "resolved";

const OutgoingDesk& outgoing_desk(Batch& batch) {
  std::shared_ptr<OutgoingDesk>& desk = batch.in.outgoing;
  if (desk) return *desk;
  desk = std::make_shared<OutgoingDesk>();
  for (const auto& [key, record] : batch.in.records) {
    if (key.kind != RecordKind::channel) continue;
    if (auto hook = hook_of(record); hook && hook->active) desk->hooks.push_back(std::move(*hook));
    if (auto mail = mail_of(record); mail && mail->active) desk->mail = std::move(mail);
  }
  std::ranges::sort(desk->hooks, {}, &Hook::id);  // the same whatever order they are kept in
  return *desk;
}

/// What happened to a ticket: whoever did it, but not what was imported or was there before.
bool goes_out(const Entry& entry) {
  const sync::Change& change = *entry.change;
  if (entry.again || entry.ticket == nullptr || entry.admission.verdict != sync::Admission::Verdict::admitted)
    return false;
  if (change.asserted_ms != 0) return false;
  const sync::Outcome outcome = entry.standing.outcome;
  const bool stands =
      outcome == sync::Outcome::applied || outcome == sync::Outcome::merged || outcome == sync::Outcome::redirected;
  return stands && entry.standing.rule != sync::Rule::no_effect;
}

/// Empty: webhooks are told of no such thing.
std::string_view hook_event_of(const sync::Change& change) {
  const sync::IntentSpec* spec = sync::find_intent(change.intent);
  if (spec == nullptr) return {};
  switch (change.intent) {
    case Intent::create:
      return ticket_created;
    case Intent::resolve:
      return ticket_resolved;
    case Intent::message:
    case Intent::attach:
    case Intent::on_site:
      return change.visibility == Visibility::open ? message_added : note_added;
    case Intent::pin:
    case Intent::unpin:
    case Intent::watch:
    case Intent::unwatch:
    case Intent::custody_end:
    case Intent::record:
    case Intent::erase:
    case Intent::send_message:
      return {};
    default:
      return ticket_changed;
  }
}

/// The owner's rights are the webhook's.
bool may_be_told(const Batch& batch, const Hook& hook, const Entry& entry) {
  const auto owner = batch.find_actor(hook.owner);
  if (!owner || !owner->active || !sync::may_read(*owner, entry.ticket->state)) return false;
  return entry.change->visibility != Visibility::restricted ||
         sync::has_right(owner->role, sync::Right::restricted_note);
}

bool wants(const Hook& hook, std::string_view event) {
  return hook.events.empty() || std::ranges::find(hook.events, event) != hook.events.end();
}

/// The reply that the change let go to the customer. Null: it is about none that was withheld.
const sync::ChangeRef* reply_sent_by(const SetWork& work, const Entry& entry) {
  if (entry.change->intent != Intent::send_message) return nullptr;
  const auto sent = work.sent_replies.find(entry.change->targets.front());
  return sent == work.sent_replies.end() ? nullptr : &*sent;
}

Result<void> tell_hooks(Batch& batch, const SetWork& work, const Entry& entry) {
  const sync::ChangeRef* sent = reply_sent_by(work, entry);
  const std::string_view event = sent != nullptr ? message_added : hook_event_of(*entry.change);
  if (event.empty() || entry.admission.unseen_customer) return {};
  for (const Hook& hook : outgoing_desk(batch).hooks) {
    if (!wants(hook, event) || !may_be_told(batch, hook, entry)) continue;
    Outgoing one;
    one.way = OutgoingWay::hook;
    one.target = hook.id;
    one.event = event;
    one.ticket = entry.change->ticket;
    one.cause = cause_of(sent != nullptr ? *sent : entry.change->ref);
    TERN_CHECKED(put_outgoing(batch, std::move(one)));
  }
  return {};
}

/// What of a change its customers read by mail; empty: nothing.
std::string_view mail_of_change(const Entry& entry) {
  const bool by_staff =
      entry.author_kind == PrincipalKind::operator_ || entry.author_kind == PrincipalKind::integration;
  switch (entry.change->intent) {
    case Intent::create:
      return mail_received;
    case Intent::resolve:
      return mail_resolved;
    case Intent::message:
      return by_staff && entry.change->visibility == Visibility::open && !entry.admission.unseen_customer
                 ? mail_replied
                 : std::string_view();
    default:
      return {};
  }
}

Result<void> write_to_customers(Batch& batch, const SetWork& work, const Entry& entry) {
  const sync::ChangeRef* sent = reply_sent_by(work, entry);
  const std::string_view event = sent != nullptr ? mail_replied : mail_of_change(entry);
  if (event.empty() || sync::is_deleted(entry.ticket->state)) return {};
  const auto contact = sync::field_value(entry.ticket->state, sync::FieldId::contact);
  std::set<std::string> written_to;
  for (const RecordId& whom : sync::customers_of(entry.ticket->state)) {
    if (event == mail_received && contact != Bytes(whom.view())) continue;  // the request is not theirs
    const sync::Record* record = batch.find_record(RecordKind::contact, whom);
    if (record == nullptr || record->deleted) continue;
    const auto address = record->attributes.find("email");
    if (address == record->attributes.end() || !written_to.insert(protocol::fold_case(address->second)).second)
      continue;
    Outgoing one;
    one.way = OutgoingWay::customer;
    one.target = whom;
    one.event = event;
    one.ticket = entry.change->ticket;
    one.cause = cause_of(sent != nullptr ? *sent : entry.change->ref);
    TERN_CHECKED(put_outgoing(batch, one));
    if (event != mail_resolved || contact != Bytes(whom.view()) ||
        outgoing_desk(batch).mail->csat_delay != csat_next_day)
      continue;
    one.event = event_csat;
    one.due_ms = batch.commit_ms + csat_next_day_ms;
    TERN_CHECKED(put_outgoing(batch, std::move(one)));
  }
  return {};
}

ServerChange switched_off(const sync::Record& hook) {
  sync::Record off = hook;
  off.attributes["active"] = "0";
  ServerChange out;
  out.change.intent = Intent::record;
  out.change.record_kind = static_cast<std::uint32_t>(off.kind);
  out.change.record = sync::encode_record(off);
  return out;
}

}  // namespace

Result<std::uint64_t> next_outgoing(Batch& batch) {
  if (!batch.next_outgoing) {
    TERN_TRY(const auto noted, read_meta(batch.db(), batch.number, meta_next_outgoing));
    batch.next_outgoing = meta_number(noted, 1);
  }
  return *batch.next_outgoing;
}

Result<bool> put_outgoing(Batch& batch, Outgoing outgoing) {
  TERN_TRY(outgoing.n, next_outgoing(batch));
  outgoing.at_ms = batch.commit_ms;
  TERN_TRY(const bool made, OutgoingRows(batch.db(), batch.number).put(outgoing));
  if (!made) return false;
  batch.wrote = true;
  batch.next_outgoing = outgoing.n + 1;
  return true;
}

Result<void> send_of_set(Batch& batch, const SetWork& work) {
  const OutgoingDesk& desk = outgoing_desk(batch);
  if (desk.hooks.empty() && !desk.mail) return {};
  for (const Entry& entry : work.entries) {
    if (!goes_out(entry)) continue;
    TERN_CHECKED(tell_hooks(batch, work, entry));
    // What is proven to have been committed before a restore was mailed then.
    if (desk.mail && work.proven.empty() && is_news(entry)) TERN_CHECKED(write_to_customers(batch, work, entry));
  }
  return {};
}

Result<void> send_notification(Batch& batch, const sync::Record& person, const Notification& told) {
  if (!outgoing_desk(batch).mail || !mailed_to(person).contains(told.kind)) return {};
  if (!person.attributes.contains("email")) return {};
  Outgoing one;
  one.way = OutgoingWay::colleague;
  one.target = person.id;
  one.event = notification_name(told.kind);
  one.ticket = told.ticket;
  one.cause = told.cause;
  return put_outgoing(batch, std::move(one)).map([](bool) {});
}

Result<void> turn_off_hook(Tenant& tenant, const RecordId& hook, const std::string& why) {
  return run_batch(tenant,
                   [&](Batch& batch) -> Result<ServerCommit> {
                     const sync::Record* record = batch.find_record(RecordKind::channel, hook);
                     const auto known = record != nullptr ? hook_of(*record) : std::nullopt;
                     if (!known || !known->active) return ServerCommit{};
                     const std::string name = record->name;
                     TERN_CHECKED(OutgoingRows(batch.db(), batch.number).give_up(hook, batch.commit_ms, why));
                     TERN_TRY(ServerCommit done, server_set(batch, {switched_off(*record)}));
                     Notification what;
                     what.kind = NotificationKind::hook_off;
                     what.cause = Bytes(hook.view()) + std::to_string(batch.commit_ms);
                     what.detail = name;
                     std::vector<OperatorId> admins;
                     for (const auto& [id, actor] : batch.in.actors)
                       if (actor.role == sync::Role::admin || actor.role == sync::Role::head_admin)
                         admins.push_back(id);
                     std::ranges::sort(admins);
                     for (const OperatorId& who : admins) TERN_CHECKED(tell(batch, who, what));
                     return done;
                   })
      .map([](const ServerCommit&) {});
}

Result<void> send_reset_link(Tenant& tenant, const OperatorId& person) {
  return run_batch(
             tenant,
             [&](Batch& batch) -> Result<bool> {
               const auto actor = batch.find_actor(person);
               if (!actor || !actor->active || !outgoing_desk(batch).mail) return false;
               Outgoing one;
               one.way = OutgoingWay::colleague;
               one.target = RecordId::or_zero(person.view());
               one.event = event_reset;
               one.cause = Bytes(random_id<DeliveryId>(batch.in.environment).view());
               TERN_TRY(const std::uint64_t next, next_outgoing(batch));
               TERN_TRY(
                   const auto before,
                   OutgoingRows(batch.db(), batch.number).newest(one.way, one.way, one.target, next, resets_looked_at));
               for (const Outgoing& other : before)
                 if (other.event == event_reset && other.at_ms > batch.commit_ms - reset_again_ms) return false;
               return put_outgoing(batch, std::move(one));
             })
      .map([](bool) {});
}

Result<DeliveryId> send_test(Tenant& tenant, OutgoingWay way, const RecordId& target) {
  return run_batch(tenant, [&](Batch& batch) -> Result<DeliveryId> {
    Outgoing one;
    one.way = way;
    one.target = target;
    one.event = event_test;
    one.cause = Bytes(random_id<DeliveryId>(batch.in.environment).view());
    const DeliveryId id = delivery_of(one);
    TERN_CHECKED(put_outgoing(batch, std::move(one)));
    return id;
  });
}

}  // namespace tern::server
