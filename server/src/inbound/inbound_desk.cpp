#include "inbound/inbound_desk.hpp"

#include <algorithm>

#include "api/ticket_view.hpp"
#include "api/ticket_writer.hpp"
#include "desk/duplicates.hpp"
#include "desk/ticket_refs.hpp"
#include "inbound/customers.hpp"
#include "inbound/inbound_text.hpp"
#include "outgoing/mail_form.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/sqlite/transaction.hpp"

namespace tern::server {
namespace {

using sync::FieldId;
using sync::Intent;

constexpr int merges_followed_max = 50;

Caller caller_of(const InboundHook& hook) {
  Caller caller;
  caller.kind = sync::PrincipalKind::integration;
  caller.id = Bytes(hook.id.view());
  caller.key = hook.id;
  return caller;
}

/// The sender is told, and it is kept; anything else is this server's trouble, and passes.
bool is_senders_fault(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid:
    case ErrorCode::client_unknown:
    case ErrorCode::not_found:
    case ErrorCode::not_permitted:
    case ErrorCode::bad_transition:
    case ErrorCode::too_large:
      return true;
    default:
      return false;
  }
}

/// Subjects of our mails begin with the ticket's number, and some say nothing more of it.
bool is_same_subject(const InboundEvent& event, const sync::TicketState& state) {
  if (event.subject.find("[" + state.number + "]") != std::string::npos) return true;
  const std::string said = canonical_subject(event.subject);
  return said == canonical_subject(sync::field_value(state, FieldId::subject).value_or(Bytes()));
}

}  // namespace

bool takes_more(const sync::TicketState& state, std::uint64_t changes, std::int64_t now_ms) {
  const bool full = state.message_count >= limits::messages_per_ticket_max ||
                    changes + changes_of_an_event_max > limits::changes_per_ticket_max;
  if (full || sync::is_deleted(state)) return false;
  const sync::StatusView view = sync::status_view(state);
  return view.status != sync::Status::closed || now_ms - view.closed_ms <= limits::reopen_window_ms;
}

/// Who says it.
struct InboundDesk::Sender {
  Caller caller;
  std::optional<RecordId> contact;   // whom it is about
  std::optional<sync::Record> made;  // the record of a contact who had none
};

struct InboundDesk::Plan {
  std::string did;
  TicketId ticket;
  std::vector<ServerChange> changes;
  std::optional<sync::TicketState> before;
};

InboundDesk::InboundDesk(AdminParts& parts, Tenant& tenant, const InboundHook& hook)
    : parts_(parts),
      tenant_(tenant),
      hook_(hook),
      command_(Json::object()),
      call_(parts, command_, &tenant, never_, caller_of(hook)) {}

Result<HookSecrets> InboundDesk::secrets() const {
  TERN_TRY(const auto kept, parts_.directory.channel_secret(tenant_.number(), hook_.id));
  return kept ? parse_hook_secrets(*kept) : HookSecrets{};
}

Result<InboundEvent> InboundDesk::read(const InboundRequest& request) const {
  std::optional<MailSettings> mail;
  if (hook_.form == InboundForm::email)
    tenant_.each_record(sync::RecordKind::channel, [&](const sync::Record& record) {
      if (auto one = mail_of(record)) mail = std::move(one);
    });
  std::optional<MailSecrets> names;
  if (mail) {
    TERN_TRY(const auto kept, parts_.directory.channel_secret(tenant_.number(), mail->id));
    if (kept) names = parse_mail_secrets(*kept);
  }
  FindAnswered find;
  if (names)
    find = [&](std::string_view name, std::string_view sender) {
      return ReplyNames(names->reply_key, mail->from).ticket_of(name, sender);
    };
  return read_event(hook_, request, find);
}

Result<InboundDesk::Sender> InboundDesk::who_says(const InboundEvent& event) const {
  Sender out{caller_of(hook_), {}, {}};
  if (event.automatic) return out;
  TERN_TRY(auto customer, customer_of(tenant_, {event.contact_name, event.contact_email, event.contact_phone,
                                                event.contact_key, hook_.id}));
  if (!customer) return out;
  out.contact = customer->id;
  out.made = std::move(customer->made);
  if (event.by_contact) {
    out.caller = Caller{};
    out.caller.kind = sync::PrincipalKind::contact;
    out.caller.id = Bytes(customer->id.view());
  }
  return out;
}

/// Through merges to the ticket that is left.
Result<std::optional<TicketId>> InboundDesk::goes_on_with(sqlite::Database& db, const InboundEvent& event) const {
  std::optional<TicketId> at = event.answers;
  if (!at && !event.key.empty()) {
    TERN_TRY(at, InboundRows(db, tenant_.number()).ticket_by(hook_.id, inbound_name(hook_.id, "key", event.key)));
  }
  TicketView view(tenant_, db, call_.caller());
  for (int i = 0; at && i < merges_followed_max; ++i) {
    auto found = view.find(*at);
    if (!found && found.error().code == ErrorCode::not_found) return std::optional<TicketId>();
    if (!found) return tl::unexpected(found.error());
    if (!found->state.merged_into || found->state.merged_into->value.empty()) return at;
    at = TicketId::or_zero(found->state.merged_into->value);
  }
  return at;
}

void InboundDesk::plan_message(const InboundEvent& event, const Sender& sender, const sync::TicketState& state,
                               Plan& plan) const {
  plan.did = "continued";
  plan.ticket = state.id;
  plan.before = state;
  if (sender.made) plan.changes.push_back(record_change(*sender.made));
  const bool by_contact = sender.caller.is_client();
  // A customer's own word opens again what is done; of a program's somebody says so.
  const sync::StatusClass where = sync::class_of(state);
  if (!by_contact && !event.automatic && (where == sync::StatusClass::done || where == sync::StatusClass::end)) {
    ServerChange reopen = change_by(sender.caller, Intent::reopen, state.id);
    reopen.change.text = hook_.name;
    plan.changes.push_back(std::move(reopen));
  }
  ServerChange message = change_by(sender.caller, Intent::message, state.id);
  message.change.visibility = by_contact ? sync::Visibility::open : sync::Visibility::team;
  message.change.text = is_nothing(event.message) ? event.description : event.message;
  plan.changes.push_back(std::move(message));
}

Result<void> InboundDesk::plan_create(const InboundEvent& event, const Sender& sender, Plan& plan) {
  plan.did = "created";
  plan.ticket = random_id<TicketId>(parts_.environment);
  if (sender.made) plan.changes.push_back(record_change(*sender.made));
  ServerChange create = change_by(sender.caller, Intent::create, plan.ticket);
  auto& fields = create.change.fields;
  fields.push_back({FieldId::subject, {}, event.subject, false});
  create.change.text = event.description;
  if (sender.contact) fields.push_back({FieldId::contact, {}, Bytes(sender.contact->view()), false});
  if (const auto rank = sync::priority_rank(event.priority))
    fields.push_back({FieldId::priority, {}, std::to_string(static_cast<int>(*rank)), false});
  if (!event.category.empty()) {
    // Whatever a sender says would otherwise be a record of its own.
    const auto category = category_of(call_, event.category, plan.changes, NewCategories::known);
    if (!category && category.error().code == ErrorCode::invalid)
      return fail(
          ErrorCode::invalid,
          "There is no category \"" + one_line_of(event.category, 60) + "\": make it, or map to one that is there.",
          "unmapped", "category");
    if (!category) return tl::unexpected(category.error());
    fields.push_back({FieldId::category, {}, Bytes(category->view()), false});
  }
  if (!event.portal_domain.empty()) {
    TERN_TRY(const sync::Record client, find_client(tenant_, event.portal_domain));
    fields.push_back({FieldId::organisation, {}, Bytes(client.id.view()), false});
  }
  fields.push_back({FieldId::external_ref, channel_ref, std::string(inbound_type(hook_.form)), false});
  if (!event.order_id.empty()) fields.push_back({FieldId::external_ref, "order", event.order_id, false});
  plan.changes.push_back(std::move(create));
  return {};
}

Result<InboundDesk::Plan> InboundDesk::plan(const InboundEvent& event) {
  Plan out;
  TERN_TRY(const Sender sender, who_says(event));
  TERN_TRY(auto reader, tenant_.reader());
  TERN_TRY(const auto goes_on, goes_on_with(reader.db(), event));
  bool linked = goes_on.has_value();
  auto kind = sync::LinkKind::follow_up;
  if (goes_on) {
    TicketView view(tenant_, reader.db(), call_.caller());
    TERN_TRY(const FoundTicket found, view.find(*goes_on));
    TERN_TRY(const auto changes, reader.db().int64_of("SELECT change_count FROM ticket WHERE tenant_id = $1 AND "
                                                      "ticket_id = $2",
                                                      tenant_.number(), *goes_on));
    // A Message-ID travels with the mail, to whomever it is passed on.
    const std::vector<RecordId> theirs = sync::customers_of(found.state);
    const bool by_person = event.answers && !event.automatic;  // a program's answer is a note at most
    const bool foreign = by_person && !event.was_given &&
                         (!sender.contact || std::ranges::find(theirs, *sender.contact) == theirs.end());
    const bool another = by_person && event.only_refers && !is_same_subject(event, found.state);
    if (!foreign && !another &&
        takes_more(found.state, static_cast<std::uint64_t>(changes.value_or(0)), tenant_.now_ms())) {
      plan_message(event, sender, found.state, out);
      return out;
    }
    if (another) linked = false;
    if (foreign) kind = sync::LinkKind::related;
  }
  TERN_CHECKED(plan_create(event, sender, out));
  if (linked) {
    ServerChange link = change_by(caller_of(hook_), Intent::link, out.ticket);
    link.change.target = Bytes(goes_on->view());
    link.change.kind = static_cast<std::uint32_t>(kind);
    out.changes.push_back(std::move(link));
  }
  return out;
}

Result<void> InboundDesk::keep_refused(const InboundRequest& request, const Hash& event, const Error& why) {
  TERN_TRY(const HookSecrets known, secrets());
  Inbound row;
  row.hook = hook_.id;
  row.event = event;
  row.state = InboundState::refused;
  row.at_ms = tenant_.now_ms();
  row.code = why.hint == "unmapped" ? "unmapped" : std::string(to_string(why.code));
  row.said = one_line_of(why.message, 500);
  row.request = without_secrets(request.payload, known);
  return tenant_.write([&](sqlite::Database& db) -> Result<void> {
    TERN_TRY(auto transaction, sqlite::Transaction::begin_write(db));
    TERN_CHECKED(InboundRows(db, tenant_.number()).put(row));
    return transaction.commit();
  });
}

Result<InboundOutcome> InboundDesk::take_on_strand(const InboundRequest& request, const Result<InboundEvent>& event) {
  const Hash name = request.event.value_or(inbound_name(hook_.id, "event", event_id_of(hook_, request)));
  {
    TERN_TRY(auto reader, tenant_.reader());
    TERN_TRY(const auto before, InboundRows(reader.db(), tenant_.number()).find(hook_.id, name));
    if (before && before->state != InboundState::refused)
      return InboundOutcome{before->state,
                            before->state == InboundState::ignored ? before->said : before->code,
                            before->ticket,
                            true,
                            {}};
  }
  // It was met beside the strand: meanwhile it may be off, or gone.
  const auto record = tenant_.find_record(sync::RecordKind::channel, hook_.id);
  const auto known = record ? inbound_of(*record) : std::nullopt;
  if (!known || (hook_.active && !known->active))
    return fail(ErrorCode::key_unknown, "No webhook here knows this sender.");
  TERN_CHECKED(check_takes_work(call_));
  const auto refused = [&](const Error& why) -> Result<InboundOutcome> {
    if (is_senders_fault(why.code)) TERN_CHECKED(keep_refused(request, name, why));
    return tl::unexpected(why);
  };
  if (!event) return refused(event.error());
  Inbound row;
  row.hook = hook_.id;
  row.event = name;
  row.at_ms = tenant_.now_ms();
  if (!event->ignored.empty()) {
    row.state = InboundState::ignored;
    row.said = one_line_of(event->ignored, 500);
    const auto put = [&](sqlite::Database& db) -> Result<void> {
      TERN_TRY(auto transaction, sqlite::Transaction::begin_write(db));
      TERN_CHECKED(InboundRows(db, tenant_.number()).put(row));
      return transaction.commit();
    };
    TERN_CHECKED(tenant_.write(put));
    return InboundOutcome{row.state, row.said, {}, false, *event};
  }
  auto planned = plan(*event);
  if (!planned) return refused(planned.error());
  row.ticket = planned->ticket;
  row.code = planned->did;
  const sync::TicketState* before = planned->before ? &*planned->before : nullptr;
  for (const ServerChange& change : planned->changes)
    if (const auto may = check_change(call_, change, before); !may) return refused(may.error());
  const auto beside = [&](sqlite::Database& db, const ServerCommit& commit) -> Result<void> {
    // All of it or nothing: half of it would be done again when the event comes again.
    TERN_CHECKED(judge_outcomes(commit));
    InboundRows rows(db, tenant_.number());
    TERN_CHECKED(rows.put(row));
    if (event->key.empty() || planned->did != "created") return {};
    return rows.put_key(hook_.id, inbound_name(hook_.id, "key", event->key), planned->ticket);
  };
  if (const auto done = commit_part(call_, std::move(planned->changes), beside); !done) return refused(done.error());
  return InboundOutcome{InboundState::taken, planned->did, planned->ticket, false, *event};
}

Result<InboundOutcome> InboundDesk::take(const InboundRequest& request) {
  const Result<InboundEvent> event = read(request);
  return call_.on_strand([&] { return take_on_strand(request, event); });
}

Result<InboundOutcome> InboundDesk::look(const InboundRequest& request) {
  TERN_TRY(InboundEvent event, read(request));
  if (!event.ignored.empty()) return InboundOutcome{InboundState::ignored, event.ignored, {}, false, std::move(event)};
  TERN_TRY(const Plan planned, call_.on_strand([&] { return plan(event); }));
  const TicketId ticket = planned.before ? planned.ticket : TicketId{};
  return InboundOutcome{InboundState::taken, planned.did, ticket, false, std::move(event)};
}

}  // namespace tern::server
