#include "api/ticket_view.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include "api/conversations.hpp"
#include "api/dialect.hpp"
#include "api/ticket_content.hpp"
#include "desk/notifications.hpp"
#include "desk/outgoing.hpp"
#include "desk/principals.hpp"
#include "files/file_store.hpp"
#include "files/sent_with.hpp"
#include "tern/sqlite/transaction.hpp"
#include "tern/sync/attachment.hpp"
#include "time_text.hpp"

namespace tern::server {
namespace {

using sync::FieldId;
using sync::RecordKind;

Json when_json(std::int64_t ms) {
  return ms == 0 ? Json() : Json(instant_text(ms));
}
Json text_or_null(const std::optional<Bytes>& value) {
  return value ? Json(*value) : Json();
}

bool is_staff(sync::PrincipalKind kind) {
  return kind != sync::PrincipalKind::contact && kind != sync::PrincipalKind::server;
}

Json tags_json(const sync::TicketState& state) {
  Json out = Json::array();
  for (const Bytes& tag : sync::elements_of(state, FieldId::tags)) out.push(Json(tag));
  return out;
}

Json estimate_json(const sync::TicketState& state, const sync::StatusView& view) {
  if (!view.estimate) return {};
  constexpr double minutes_per_hour = 60;
  const auto made =
      std::ranges::find_if(state.moves, [&](const sync::Move& move) { return move.stamp.ref() == *view.estimate; });
  const bool speaks = made != state.moves.end() && !made->text.empty();
  return Json::object({{"hours", Json(static_cast<double>(view.estimate_minutes) / minutes_per_hour)},
                       {"description", speaks ? Json(made->text) : Json()}});
}

/// The last one.
Json csat_json(const sync::TicketState& state) {
  if (state.ratings.empty()) return {};
  const sync::Rating& last = state.ratings.back();
  return Json::object({{"rating", Json(last.score)},
                       {"comment", last.comment.empty() ? Json() : Json(last.comment)},
                       {"rated_at", Json(instant_text(last.stamp.order_ms))}});
}

/// Category by its code; one without goes by its name.
Json category_json(const std::optional<sync::Record>& category) {
  if (!category) return {};
  const auto code = category->attributes.find("code");
  return Json(code == category->attributes.end() || code->second.empty() ? category->name : code->second);
}

}  // namespace

Json attribute_json(const std::optional<sync::Record>& record, const char* name) {
  if (!record) return {};
  const auto found = record->attributes.find(name);
  return found == record->attributes.end() ? Json() : Json(found->second);
}

std::uint64_t unread_of(const std::vector<FoundMessage>& messages) {
  std::uint64_t unread = 0;
  for (const FoundMessage& found : messages) {
    if (found.message.visibility != sync::Visibility::open || found.message.withheld || sync::is_deleted(found.message))
      continue;
    if (found.message.stamp.author_kind != sync::PrincipalKind::contact)
      unread = 0;
    else if (!found.read)
      ++unread;
  }
  return unread;
}

// ---- who has read what ----

Reader reader_of(const Caller& caller) {
  if (caller.is_client()) return {caller.kind, caller.id};
  if (!caller.key.is_zero()) return {sync::PrincipalKind::integration, Bytes(caller.key.view())};
  if (caller.kind == sync::PrincipalKind::operator_) return {caller.kind, caller.id};
  return {};
}

namespace {

/// Of what is public, and the other side's: up to which commit it was shown, by ticket.
std::map<TicketId, std::uint64_t> shown_to(const Caller& caller, const FoundTicket& ticket,
                                           const std::vector<FoundMessage>& shown) {
  std::map<TicketId, std::uint64_t> out;
  const auto show = [&](const TicketId& of, const sync::Stamp& stamp) {
    std::uint64_t& seq = out[of];
    seq = std::max(seq, stamp.commit_seq);
  };
  for (const FoundMessage& found : shown) {
    const bool by_contact = found.message.stamp.author_kind == sync::PrincipalKind::contact;
    if (found.message.visibility == sync::Visibility::open && by_contact != caller.is_client() && !found.read)
      show(found.ticket, found.message.stamp);
  }
  const auto& created = ticket.state.created;
  const bool of_staff = created && created->author_kind != sync::PrincipalKind::contact;
  if (caller.is_client() && of_staff && created->commit_seq > ticket.customer_seq) show(ticket.state.id, *created);
  return out;
}

}  // namespace

void note_read(const AdminCall& call, const Caller& reader, const FoundTicket& ticket,
               const std::vector<FoundMessage>& shown) {
  const Reader who = reader_of(reader);
  if (!who.counts()) return;
  const auto marks = shown_to(reader, ticket, shown);
  const std::int64_t tenant = call.tenant().number();
  bool told = false;
  if (who.kind == sync::PrincipalKind::operator_)
    if (auto opened = call.tenant().reader())
      told = Notifications(opened->db(), tenant).any_unread(reader.acting(), ticket.state.id).value_or(false);
  if (marks.empty() && !told) return;
  const auto write = [&](sqlite::Database& db) -> Result<void> {
    TERN_TRY(auto transaction, sqlite::Transaction::begin_write(db));
    ReadMarks rows(db, tenant);
    for (const auto& [of, seq] : marks) TERN_CHECKED(rows.put(who, of, seq));
    if (told) TERN_CHECKED(Notifications(db, tenant).read(reader.acting(), ticket.state.id, call.tenant().now_ms()));
    return transaction.commit();
  };
  static_cast<void>(call.on_strand([&] { return call.tenant().write(write); }));
}

// ---- finding ----

bool TicketView::may_read(const sync::TicketState& state) const {
  if (sync::is_deleted(state)) return false;
  if (caller_.is_client()) return sync::field_value(state, FieldId::contact) == caller_.id;
  return !caller_.actor || sync::may_read(*caller_.actor, state);
}

bool TicketView::may_read(const sync::Message& message) const {
  if (caller_.is_client()) return message.visibility == sync::Visibility::open && !message.withheld;
  if (caller_.actor) return sync::may_read(*caller_.actor, message);
  return caller_.kind == sync::PrincipalKind::server || message.visibility != sync::Visibility::restricted;
}

WordReaders TicketView::most_secret() const {
  if (caller_.is_client()) return WordReaders::everybody;
  const bool all = caller_.actor ? sync::has_right(caller_.actor->role, sync::Right::restricted_note)
                                 : caller_.kind == sync::PrincipalKind::server;
  return all ? WordReaders::few : WordReaders::team;
}

Result<FoundTicket> TicketView::find(std::int64_t integer_id) {
  TERN_TRY(auto rows, db_.query("SELECT state, message_id FROM ticket WHERE tenant_id = $1 AND integer_id = $2",
                                tenant_.number(), integer_id));
  TERN_TRY(const bool there, rows.step());
  if (there) {
    TERN_TRY(sync::TicketState state, sync::decode_state(rows.blob(0)));
    if (may_read(state)) {
      TERN_TRY(const std::uint64_t read, ReadMarks(db_, tenant_.number()).of_customers(state.id));
      return FoundTicket{std::move(state), rows.uint64(1), read};
    }
  }
  return fail(ErrorCode::not_found, "There is no ticket " + std::to_string(integer_id) + ".", "", "ticket_id");
}

Result<FoundTicket> TicketView::find(const TicketId& id) {
  TERN_TRY(auto rows, db_.query("SELECT state, message_id FROM ticket WHERE tenant_id = $1 AND ticket_id = $2",
                                tenant_.number(), id));
  TERN_TRY(const bool there, rows.step());
  if (!there) return fail(ErrorCode::not_found, "There is no such ticket.", "", "ticket_id");
  TERN_TRY(sync::TicketState state, sync::decode_state(rows.blob(0)));
  TERN_TRY(const std::uint64_t read, ReadMarks(db_, tenant_.number()).of_customers(id));
  return FoundTicket{std::move(state), rows.uint64(1), read};
}

Result<std::optional<TicketId>> TicketView::id_of(std::int64_t integer_id) {
  TERN_TRY(auto rows, db_.query("SELECT ticket_id FROM ticket WHERE tenant_id = $1 AND integer_id = $2",
                                tenant_.number(), integer_id));
  TERN_TRY(const bool there, rows.step());
  if (!there) return std::optional<TicketId>();
  return std::optional(TicketId::or_zero(rows.blob(0)));
}

Result<NamedMessage> TicketView::find_message(std::int64_t integer_id) {
  const auto none =
      fail(ErrorCode::not_found, "There is no message " + std::to_string(integer_id) + ".", "", "message_id");
  if (integer_id <= 0) return none;
  std::optional<FoundMessage> message;
  Bytes ticket;
  {
    TERN_TRY(auto rows, db_.query("SELECT ticket_id, data FROM message WHERE tenant_id = $1 AND integer_id = $2 AND "
                                  "integer_id > 0",
                                  tenant_.number(), integer_id));
    TERN_TRY(const bool there, rows.step());
    if (there) {
      ticket = Bytes(rows.blob(0));
      TERN_TRY(sync::Message decoded, sync::decode_message(rows.blob(1)));
      TERN_TRY(message,
               found_message(static_cast<std::uint64_t>(integer_id), TicketId::or_zero(ticket), std::move(decoded)));
    }
  }
  const char* by_description =
      "SELECT integer_id FROM ticket WHERE tenant_id = $1 AND message_id = $2 AND message_id > 0";
  TERN_TRY(const auto holder,
           message ? db_.int64_of("SELECT integer_id FROM ticket WHERE tenant_id = $1 AND ticket_id = $2",
                                  tenant_.number(), TicketId::or_zero(ticket))
                   : db_.int64_of(by_description, tenant_.number(), integer_id));
  if (!holder) return none;
  auto found = find(*holder);
  if (!found && found.error().code == ErrorCode::not_found) return none;
  TERN_CHECKED(found);
  if (message && !may_read(message->message)) return none;
  return NamedMessage{std::move(*found), std::move(message)};
}

Result<FoundMessage> TicketView::find_message(const ChangeId& own) {
  TERN_TRY(auto rows,
           db_.query("SELECT integer_id, data, ticket_id FROM message WHERE tenant_id = $1 AND device_id = $2 AND "
                     "change_id = $3",
                     tenant_.number(), tenant_.keys().sealing_device, own));
  TERN_TRY(const bool there, rows.step());
  if (!there) return fail(ErrorCode::not_found, "The message is not there any more.", "", "message_id");
  TERN_TRY(sync::Message message, sync::decode_message(rows.blob(1)));
  return found_message(rows.uint64(0), rows.id<TicketId>(2), std::move(message));
}

Result<FoundMessage> TicketView::found_message(std::uint64_t integer_id, const TicketId& ticket,
                                               sync::Message message) {
  ReadMarks marks(db_, tenant_.number());
  TERN_TRY(const std::uint64_t customers, marks.of_customers(ticket));
  TERN_TRY(const std::uint64_t own, marks.of(reader_of(caller_), ticket));
  const std::uint64_t seq = message.stamp.commit_seq;
  return FoundMessage{integer_id, std::move(message), ticket, seq <= customers, seq <= own};
}

// ---- names ----

std::optional<sync::Record> TicketView::record(RecordKind kind, const std::optional<Bytes>& id) const {
  return id && !id->empty() ? tenant_.find_record(kind, RecordId::or_zero(*id)) : std::nullopt;
}

std::optional<sync::Record> TicketView::client_of(const sync::TicketState& state) const {
  if (auto named = record(RecordKind::organisation, sync::field_value(state, FieldId::organisation))) return named;
  const auto contact = record(RecordKind::contact, sync::field_value(state, FieldId::contact));
  if (!contact) return std::nullopt;
  if (!clients_) clients_.emplace(tenant_);
  const auto id = clients_->of(*contact);
  return id ? tenant_.find_record(RecordKind::organisation, *id) : std::nullopt;
}

ClientsOfContacts::ClientsOfContacts(const Tenant& tenant) {
  // Of two that bear one name the one with the lower id, whatever the order.
  tenant.each_record(RecordKind::organisation, [&](const sync::Record& organisation) {
    if (organisation.deleted) return;
    const auto [at, fresh] = by_name_.try_emplace(organisation.name, organisation.id);
    if (!fresh) at->second = std::min(at->second, organisation.id);
  });
}

std::optional<RecordId> ClientsOfContacts::of(const sync::Record& contact) const {
  const auto where = contact.attributes.find("organisation");
  if (where == contact.attributes.end()) return std::nullopt;
  if (const auto id = from_uuid_text(where->second)) return RecordId::or_zero(*id);
  const auto named = by_name_.find(where->second);
  return named == by_name_.end() ? std::nullopt : std::optional(named->second);
}

std::vector<RecordId> contacts_of(const Tenant& tenant, const RecordId& organisation) {
  const ClientsOfContacts clients(tenant);
  std::vector<RecordId> out;
  tenant.each_record(RecordKind::contact, [&](const sync::Record& contact) {
    if (clients.of(contact) == organisation) out.push_back(contact.id);
  });
  return out;
}

Json TicketView::author_name(const OperatorId& id, sync::PrincipalKind kind) const {
  const auto who = record_of_principal(tenant_, kind, RecordId::or_zero(id.view()));
  return who ? Json(who->name) : Json(kind == sync::PrincipalKind::server ? "System" : "Unknown");
}

Json TicketView::creator_name(const sync::TicketState& state) const {
  if (const auto contact = record(RecordKind::contact, sync::field_value(state, FieldId::contact)))
    return Json(contact->name);
  return state.created ? author_name(state.created->author, state.created->author_kind) : Json();
}

// ---- tickets ----

Result<void> TicketView::add_common(const sync::TicketState& state, Json& out) {
  const auto assignee = sync::assignee_of(state);
  const auto named = record(RecordKind::operator_, assignee ? std::optional(Bytes(assignee->view())) : std::nullopt);
  const auto client = client_of(state);
  const std::uint8_t priority = sync::priority_of(state);
  out.append_member("status", Json(shown_status(state)));
  out.append_member("priority", Json(shown_priority(priority)));
  out.append_member("category",
                    category_json(record(RecordKind::category, sync::field_value(state, FieldId::category))));
  out.append_member("portal_domain", attribute_json(client, "portal_domain"));
  out.append_member("company_name", client ? Json(client->name) : Json());
  out.append_member("assigned_to", named ? Json(named->integer_id) : Json());
  out.append_member("assigned_name", named ? Json(named->name) : Json());
  out.append_member("creator_name", creator_name(state));
  out.append_member("created_at", state.created ? Json(instant_text(state.created->order_ms)) : Json());
  out.append_member("updated_at", when_json(state.updated_ms));
  out.append_member("status_exact", Json(sync::status_name(sync::status_view(state).status)));
  out.append_member("priority_exact", Json(sync::priority_name(priority)));
  return {};
}

/// As of when the clock was looked at last.
Result<void> TicketView::add_clock(const TicketId& id, Json& out) {
  Json cycles;
  TERN_TRY(auto rows,
           db_.query("SELECT clock FROM sla_clock WHERE tenant_id = $1 AND ticket_id = $2", tenant_.number(), id));
  TERN_TRY(const bool there, rows.step());
  if (there) {
    TERN_TRY(cycles, parse_json(rows.text(0)));
  }
  for (const auto& [metric, name] :
       {std::pair{"first_response", "sla_response"}, std::pair{"resolution", "sla_resolution"}}) {
    Json due, breached(false);
    for (const Json& cycle : cycles.items()) {  // the newest one of the metric comes last
      if (cycle["metric"].as_string() != metric) continue;
      due = cycle["due"].is_null() ? Json() : Json(instant_text(cycle["due"].as_integer() * 1'000));
      breached = Json(!cycle["breached"].is_null());
    }
    out.append_member(std::string(name) + "_at", std::move(due));
    out.append_member(std::string(name) + "_breached", std::move(breached));
  }
  return {};
}

Result<Json> TicketView::ticket(const sync::TicketState& state) {
  const sync::StatusView view = sync::status_view(state);
  Json out = Json::object({{"id", Json(state.integer_id)},
                           {"number", Json(state.number)},
                           {"subject", text_or_null(sync::field_value(state, FieldId::subject))},
                           {"description", Json(state.description)}});
  TERN_CHECKED(add_common(state, out));
  TERN_CHECKED(add_clock(state.id, out));
  out.append_member("estimate", estimate_json(state, view));
  out.append_member("result", view.result.empty() ? Json() : Json(view.result));
  out.append_member("csat", csat_json(state));
  out.append_member("tags", tags_json(state));
  const auto due = sync::field_value(state, FieldId::due_at);
  std::int64_t due_ms = 0;
  if (due) std::from_chars(due->data(), due->data() + due->size(), due_ms);
  out.append_member("due_at", when_json(due_ms));
  out.append_member("conversation", text_or_null(sync::field_value(state, FieldId::external_ref, conversation_ref)));
  TERN_CHECKED(add_content(state, out));
  return out;
}

/// What else it holds.
Result<void> TicketView::add_content(const sync::TicketState& state, Json& out) {
  const auto contact = record(RecordKind::contact, sync::field_value(state, FieldId::contact));
  const auto in = sync::queue_of(state);
  const auto queue = record(RecordKind::queue, in ? std::optional(Bytes(in->view())) : std::nullopt);
  out.append_member("type", text_or_null(sync::field_value(state, FieldId::type)));
  out.append_member("contact", contact ? Json(contact->integer_id) : Json());
  out.append_member("queue", queue ? Json(queue->name) : Json());
  out.append_member("order", text_or_null(sync::field_value(state, FieldId::external_ref, "order")));
  out.append_member("custom", custom_json(state, FieldId::custom));
  out.append_member("watchers", watchers_json(tenant_, state, RecordKind::operator_));
  out.append_member("watching_contacts", watchers_json(tenant_, state, RecordKind::contact));
  Json links = Json::array();
  for (const Bytes& link : sync::elements_of(state, FieldId::links)) {
    const auto kind = sync::link_kind_from_number(static_cast<unsigned char>(link.front()));
    const auto other = find(TicketId::or_zero(ByteView(link).substr(1)));
    if (!other && other.error().code != ErrorCode::not_found) return tl::unexpected(other.error());
    if (kind && other && may_read(other->state))
      links.push(Json::object({{"id", Json(other->state.integer_id)},
                               {"number", Json(other->state.number)},
                               {"kind", Json(sync::link_kind_name(*kind))}}));
  }
  out.append_member("links", std::move(links));
  std::int64_t minutes = 0;
  for (const sync::TimeEntry& entry : state.time_entries) minutes += entry.minutes;
  out.append_member("minutes", Json(minutes));
  return {};
}

Result<Json> TicketView::row(const FoundTicket& ticket) {
  const sync::TicketState& state = ticket.state;
  Json out = Json::object({{"id", Json(state.integer_id)},
                           {"number", Json(state.number)},
                           {"subject", text_or_null(sync::field_value(state, FieldId::subject))}});
  TERN_CHECKED(add_common(state, out));
  TERN_TRY(const auto written, messages(ticket));
  out.append_member("message_count", Json(written.size() + 1));
  out.append_member("unread_count", Json(unread_of(written)));
  return out;
}

// ---- messages ----

/// Those of one ticket that `wanted` names; all of them when it is null.
Result<void> TicketView::add_messages(const TicketId& ticket, const std::vector<sync::ChangeRef>* wanted,
                                      std::vector<FoundMessage>& out) {
  ReadMarks marks(db_, tenant_.number());
  TERN_TRY(const std::uint64_t customers, marks.of_customers(ticket));
  TERN_TRY(const std::uint64_t own, marks.of(reader_of(caller_), ticket));
  TERN_TRY(auto rows, db_.query("SELECT integer_id, data FROM message WHERE tenant_id = $1 AND ticket_id = $2",
                                tenant_.number(), ticket));
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return {};
    TERN_TRY(sync::Message message, sync::decode_message(rows.blob(1)));
    if (!may_read(message)) continue;
    if (wanted != nullptr && std::ranges::find(*wanted, message.stamp.ref()) == wanted->end()) continue;
    const std::uint64_t seq = message.stamp.commit_seq;
    out.push_back({rows.uint64(0), std::move(message), ticket, seq <= customers, seq <= own});
  }
}

/// What somebody else wrote is not theirs to read because it was merged into their ticket.
bool TicketView::is_of_another_client(const sync::TicketState& state) const {
  return caller_.is_client() && sync::field_value(state, FieldId::contact) != caller_.id;
}

/// A ticket shows what was written to those merged into it, and the messages that a split gave it.
Result<void> TicketView::add_from_others(const sync::TicketState& state, std::vector<FoundMessage>& out) {
  std::set<TicketId> seen = {state.id};
  std::vector<sync::TicketState> open = {state};
  while (!open.empty()) {
    const sync::TicketState target = std::move(open.back());
    open.pop_back();
    for (const sync::Claim& merged : target.merged_from) {
      const TicketId source = TicketId::or_zero(merged.value);
      if (!seen.insert(source).second) continue;
      TERN_TRY(FoundTicket found, find(source));
      if (is_of_another_client(found.state)) continue;
      TERN_CHECKED(add_messages(source, nullptr, out));
      open.push_back(std::move(found.state));
    }
    for (const sync::Claim& split : target.split_from) {
      std::vector<FoundMessage> given;
      TERN_TRY(const FoundTicket source, find(TicketId::or_zero(split.value)));
      if (is_of_another_client(source.state)) continue;
      TERN_CHECKED(add_messages(source.state.id, &target.split_messages, given));
      for (FoundMessage& one : given)  // what stands here already came with the ticket
        if (std::ranges::find(out, one.integer_id, &FoundMessage::integer_id) == out.end())
          out.push_back(std::move(one));
    }
  }
  return {};
}

Result<std::vector<FoundMessage>> TicketView::messages(const FoundTicket& ticket) {
  std::vector<FoundMessage> all;
  TERN_CHECKED(add_messages(ticket.state.id, nullptr, all));
  TERN_CHECKED(add_from_others(ticket.state, all));
  std::ranges::sort(
      all, [](const FoundMessage& a, const FoundMessage& b) { return sync::before(a.message.stamp, b.message.stamp); });
  TERN_CHECKED(gather_files(all));
  return all;
}

// ---- files ----

/// A file goes to the message that it was sent with, if that one is here.
Result<void> TicketView::gather_files(std::vector<FoundMessage>& all) {
  const auto is_file = [](const FoundMessage& one) { return one.message.kind == sync::MessageKind::file; };
  if (std::ranges::none_of(all, is_file)) return {};
  std::map<sync::ChangeRef, std::size_t> places;
  for (std::size_t i = 0; i < all.size(); ++i)
    if (!is_file(all[i])) places[all[i].message.stamp.ref()] = i;
  std::vector<bool> moved(all.size(), false);
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!is_file(all[i])) continue;
    TERN_TRY(const auto message, sent_with(db_, tenant_.number(), all[i].message.stamp.ref()));
    const auto place = message ? places.find(*message) : places.end();
    if (place == places.end()) continue;
    all[place->second].files.push_back(std::move(all[i]));
    moved[i] = true;
  }
  std::vector<FoundMessage> left;
  for (std::size_t i = 0; i < all.size(); ++i)
    if (!moved[i]) left.push_back(std::move(all[i]));
  all = std::move(left);
  return {};
}

Result<TicketId> TicketView::ticket_of(const FoundMessage& message) {
  const sync::ChangeRef ref = message.message.stamp.ref();
  TERN_TRY(auto rows,
           db_.query("SELECT ticket_id FROM message WHERE tenant_id = $1 AND device_id = $2 AND change_id = $3",
                     tenant_.number(), ref.device, ref.id));
  TERN_TRY(const bool there, rows.step());
  if (!there) return fail(ErrorCode::not_found, "The message is not there any more.", "", "message_id");
  return rows.id<TicketId>(0);
}

Result<FoundMessage> TicketView::with_files(const FoundTicket& ticket, FoundMessage message) {
  TERN_TRY(auto all, messages(ticket));
  for (FoundMessage& found : all)
    if (found.integer_id == message.integer_id) return std::move(found);
  return message;
}

Result<FoundMessage> TicketView::find_file(std::int64_t integer_id) {
  const auto none = fail(ErrorCode::not_found, "There is no file " + std::to_string(integer_id) + ".", "", "file_id");
  auto named = find_message(integer_id);
  if (!named && named.error().code == ErrorCode::not_found) return none;
  TERN_CHECKED(named);
  if (!named->message) return none;
  const sync::Message& file = named->message->message;
  if (file.kind != sync::MessageKind::file || file.erased || sync::is_deleted(file)) return none;
  TERN_TRY(const auto message, sent_with(db_, tenant_.number(), file.stamp.ref()));
  if (message) {
    TERN_TRY(auto rows, db_.query("SELECT data FROM message WHERE tenant_id = $1 AND device_id = $2 AND change_id = $3",
                                  tenant_.number(), message->device, message->id));
    TERN_TRY(const bool there, rows.step());
    if (there) {
      TERN_TRY(const sync::Message sent, sync::decode_message(rows.blob(0)));
      if (sync::is_deleted(sent) || !may_read(sent)) return none;
    }
  }
  return std::move(*named->message);
}

/// `url`: null while its content is not here, as when a device has not sent it yet, and for who may not ask for it.
Json TicketView::file(const FoundMessage& found) const {
  const sync::Message& message = found.message;
  const std::string name = sync::shown_file_name(message.file_name);
  const auto content = tenant_.files().find(message.stamp.ref());
  const bool visitor = caller_.is_client() && !caller_.key.is_zero();
  const bool here = content && *content && !visitor;
  return Json::object({{"id", Json(found.integer_id)},
                       {"name", Json(name)},
                       {"size", Json(message.size_bytes)},
                       {"mime", Json(sync::media_type_of_said(name, message.media_type))},
                       {"url", here ? Json(caller_.site + "/api/files/" + std::to_string(found.integer_id)) : Json()},
                       {"created_at", Json(instant_text(message.stamp.order_ms))}});
}

Json TicketView::message(const FoundMessage& found) const {
  const sync::Message& message = found.message;
  const bool note = message.visibility != sync::Visibility::open, deleted = sync::is_deleted(message);
  Json files = Json::array();
  const auto add = [&](const FoundMessage& one) {
    const bool shown = one.message.kind == sync::MessageKind::file && !one.message.erased && !deleted;
    if (shown && !sync::is_deleted(one.message)) files.push(file(one));
  };
  add(found);
  for (const FoundMessage& one : found.files) add(one);
  Json out = Json::object({{"id", Json(found.integer_id)},
                           {"message", Json(deleted ? std::string() : sync::standing_text(message))},
                           {"author_type", Json(author_type(message.stamp.author_kind, false))},
                           {"author_name", author_name(message.stamp.author, message.stamp.author_kind)},
                           {"is_note", Json(note)},
                           {"created_at", Json(instant_text(message.stamp.order_ms))}});
  if (!message.edits.empty()) out.append_member("edited_at", Json(instant_text(message.edits.back().stamp.order_ms)));
  if (deleted) out.append_member("deleted", Json(true));
  if (!note && is_staff(message.stamp.author_kind)) out.append_member("delivery_status", Json(delivery_status(found)));
  out.append_member("files", std::move(files));
  return out;
}

std::string_view TicketView::delivery_status(const FoundMessage& found) const {
  if (found.message.withheld) return "withheld";
  if (found.customer_read) return "read";
  const auto mailed = OutgoingRows(db_, tenant_.number()).mailed(found.message.stamp.ref(), "replied");
  if (!mailed || !*mailed) return "queued";
  return **mailed == OutgoingState::sent ? "delivered" : **mailed == OutgoingState::given_up ? "failed" : "queued";
}

Json TicketView::description(const FoundTicket& ticket) const {
  const sync::TicketState& state = ticket.state;
  const sync::PrincipalKind kind = state.created ? state.created->author_kind : sync::PrincipalKind::server;
  Json out = Json::object({{"id", Json(ticket.message_id)},
                           {"message", Json(state.description)},
                           {"author_type", Json(author_type(kind, true))},
                           {"author_name", creator_name(state)},
                           {"is_note", Json(false)},
                           {"created_at", state.created ? Json(instant_text(state.created->order_ms)) : Json()}});
  if (state.description_stamp && state.created && state.description_stamp->change != state.created->change)
    out.append_member("edited_at", Json(instant_text(state.description_stamp->order_ms)));
  if (is_staff(kind) && author_type(kind, true) == "support") {
    const bool read = state.created && state.created->commit_seq <= ticket.customer_seq;
    out.append_member("delivery_status", Json(read ? "read" : "queued"));
  }
  out.append_member("files", Json::array());
  return out;
}

}  // namespace tern::server
