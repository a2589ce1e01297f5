// Tickets: listed, read, made, changed.
#include <algorithm>

#include "api/actions.hpp"
#include "api/conversations.hpp"
#include "api/dialect.hpp"
#include "api/ticket_content.hpp"
#include "api/ticket_list.hpp"
#include "api/ticket_writer.hpp"
#include "desk/duplicates.hpp"
#include "tern/sqlite/transaction.hpp"
#include "time_text.hpp"

namespace tern::server::actions {
namespace {

using sync::FieldId;
using sync::Intent;

constexpr std::int64_t page_limit = 30, page_limit_max = 100, page_max = 1'000'000;
constexpr std::uint8_t high = 3;

Bytes rank_text(std::uint8_t rank) {
  return std::to_string(static_cast<int>(rank));
}

/// What is shown as urgent is urgent or high.
std::vector<std::uint8_t> ranks_of(const std::string& word) {
  const auto rank = sync::priority_rank(word);
  if (!rank) return {};
  return *rank > high ? std::vector<std::uint8_t>{high, *rank} : std::vector<std::uint8_t>{*rank};
}

std::optional<RecordId> known_category(const Tenant& tenant, const std::string& code) {
  for (const sync::Record& record : tenant.records(sync::RecordKind::category)) {
    const auto found = record.attributes.find("code");
    const bool by_code = found != record.attributes.end() && found->second == code;
    if (!record.deleted && (by_code || record.name == code)) return record.id;
  }
  return std::nullopt;
}

/// Nothing: no ticket is like that.
Result<std::optional<TicketFilter>> filter_of(const AdminCall& call) {
  TERN_TRY(TicketFilter filter, filter_asked(call));
  if (call.has("priority")) filter.priorities = ranks_of(call.text("priority"));
  if (call.has("category")) {
    filter.category = known_category(call.tenant(), call.text("category"));
    if (!filter.category) return std::optional<TicketFilter>{};
  }
  if (call.has("portal_domain")) {
    TERN_TRY(const sync::Record client, find_client(call.tenant(), call.text("portal_domain")));
    filter.organisation = client.id;
  }
  if (call.has("assigned_to")) {
    TERN_TRY(const sync::Record who, find_assignee(call.tenant(), call.integer("assigned_to", 0)));
    filter.assignee = OperatorId::or_zero(who.id.view());
  }
  if (call.has("conversation")) {
    TERN_TRY(auto reader, call.tenant().reader());
    TERN_TRY(filter.among, tickets_of_conversation(reader.db(), call.tenant().number(), call.text("conversation")));
    if (filter.among.empty()) return std::optional<TicketFilter>{};
  }
  return std::optional(std::move(filter));
}

// ---- what a change of several fields is made of ----

void add_subject(const AdminCall& call, const sync::TicketState& state, std::vector<ServerChange>& changes) {
  if (!call.has("subject") || sync::field_value(state, FieldId::subject) == call.text("subject")) return;
  changes.push_back(set_field(call.caller(), state.id, FieldId::subject, call.text("subject")));
}

void add_priority(const AdminCall& call, const sync::TicketState& state, std::vector<ServerChange>& changes) {
  if (!call.has("priority")) return;
  const std::uint8_t now = sync::priority_of(state);
  const auto rank = sync::priority_rank(call.text("priority"));
  if (!rank || *rank == now || call.text("priority") == shown_priority(now)) return;
  changes.push_back(set_field(call.caller(), state.id, FieldId::priority, rank_text(*rank)));
}

Result<void> add_category(const AdminCall& call, const sync::TicketState& state, std::vector<ServerChange>& changes) {
  if (!call.has("category")) return {};
  TERN_TRY(const RecordId id, category_of(call, call.text("category"), changes));
  if (sync::field_value(state, FieldId::category) == Bytes(id.view())) return {};
  changes.push_back(set_field(call.caller(), state.id, FieldId::category, Bytes(id.view())));
  return {};
}

/// A new ticket is new once: later the word means open, which looks the same.
Result<void> add_status(const AdminCall& call, const sync::TicketState& state, std::vector<ServerChange>& changes) {
  if (!call.has("status") || call.text("status") == shown_status(state)) return {};
  const auto wanted = status_of_word(call.text("status"));
  if (!wanted) return fail(ErrorCode::invalid, "There is no status \"" + call.text("status") + "\".", "", "status");
  TERN_TRY(const auto moves, moves_to(state, *wanted == sync::Status::new_ ? sync::Status::open : *wanted));
  if (std::ranges::find(moves, Intent::estimate) != moves.end())
    return fail(ErrorCode::invalid, "An estimate says its hours.", "Ask for set_estimate.", "status");
  for (const Intent intent : moves) changes.push_back(change_by(call.caller(), intent, state.id));
  return {};
}

/// The category as the changes leave it.
std::optional<Bytes> category_then(const sync::TicketState& state, const std::vector<ServerChange>& changes,
                                   const std::vector<sync::FieldSetting>& settings) {
  for (const ServerChange& change : changes)
    for (const sync::FieldSetting& setting : change.change.fields)
      if (setting.field == FieldId::category) return setting.value;
  for (const sync::FieldSetting& setting : settings)
    if (setting.field == FieldId::category) return setting.value;
  return sync::field_value(state, FieldId::category);
}

bool ends_ticket(const std::vector<ServerChange>& changes) {
  return std::ranges::any_of(changes, [](const ServerChange& change) {
    return change.change.intent == Intent::resolve || change.change.intent == Intent::close;
  });
}

// ---- what else there is on the same matter ----

/// Of its conversation, and of the same requester with a similar subject within a day, as far as the caller reads them.
Result<Json> duplicates_json(const AdminCall& call, sqlite::Database& db, TicketView& view,
                             const sync::TicketState& state) {
  std::vector<std::pair<TicketId, std::string_view>> found;
  const std::int64_t tenant = call.tenant().number();
  if (const auto name = sync::field_value(state, FieldId::external_ref, conversation_ref)) {
    TERN_TRY(const auto same, tickets_of_conversation(db, tenant, *name));
    for (const TicketId& id : same) found.emplace_back(id, "conversation");
  }
  const auto who = [&](FieldId field) {
    const auto id = sync::field_value(state, field);
    return id ? std::optional(RecordId::or_zero(*id)) : std::optional<RecordId>();
  };
  TERN_TRY(const auto similar,
           similar_tickets(db, tenant, {who(FieldId::contact), who(FieldId::organisation)},
                           sync::field_value(state, FieldId::subject).value_or(Bytes()), call.tenant().now_ms()));
  for (const TicketId& id : similar)
    if (std::ranges::find(found, id, &std::pair<TicketId, std::string_view>::first) == found.end())
      found.emplace_back(id, "subject");
  Json out = Json::array();
  for (const auto& [id, because] : found) {
    if (id == state.id) continue;
    TERN_TRY(const FoundTicket other, view.find(id));
    if (!view.may_read(other.state)) continue;
    const auto subject = sync::field_value(other.state, FieldId::subject);
    out.push(Json::object({{"id", Json(other.state.integer_id)},
                           {"number", Json(other.state.number)},
                           {"subject", subject ? Json(*subject) : Json()},
                           {"status", Json(shown_status(other.state))},
                           {"because", Json(because)}}));
  }
  return out;
}

/// The newest ticket of a conversation that is not over.
Result<std::optional<FoundTicket>> open_ticket_of(const AdminCall& call, TicketView& view, sqlite::Database& db,
                                                  const std::string& name) {
  TERN_TRY(const auto tickets, tickets_of_conversation(db, call.tenant().number(), name));
  for (const TicketId& id : tickets) {
    TERN_TRY(FoundTicket found, view.find(id));
    if (sync::class_of(found.state) != sync::StatusClass::end) return std::optional(std::move(found));
  }
  return std::optional<FoundTicket>();
}

/// The customer, the reference and what was said, unless --if_exists has it that the ticket that is there will do.
Result<void> add_conversation(const AdminCall& call, const Conversation& conversation, NewTicket& made) {
  TERN_TRY(auto reader, call.tenant().reader());
  TicketView view(call.tenant(), reader.db(), call.caller());
  TERN_TRY(const auto before, open_ticket_of(call, view, reader.db(), conversation.name));
  const std::string wanted = call.has("if_exists") ? call.text("if_exists") : "create";
  if (before && wanted != "create") {
    const bool readable = view.may_read(before->state);
    if (wanted == "reuse" && readable) {
      made.instead = before->state.id;
      return {};
    }
    return fail(
        ErrorCode::invalid,
        "This conversation has a ticket already" + (readable ? ": " + before->state.number : std::string()) + ".",
        "duplicate", "conversation");
  }
  auto& fields = made.create.fields;
  TERN_TRY(const auto customer, customer_of(call.tenant(), conversation.customer));
  if (customer) {
    if (customer->made) made.first.push_back(record_change(*customer->made));
    fields.push_back({FieldId::contact, {}, Bytes(customer->id.view()), false});
  }
  fields.push_back({FieldId::external_ref, conversation_ref, conversation.name, false});
  ServerChange note = change_by(call.caller(), Intent::message, made.create.ticket);
  note.change.visibility = sync::Visibility::team;
  note.change.text = conversation.text;
  made.then.push_back(std::move(note));
  made.beside = [&call, name = conversation.name, ticket = made.create.ticket](sqlite::Database& db) {
    return note_conversation(db, call.tenant().number(), name, ticket);
  };
  return {};
}

/// What is written with a new ticket, where it is made.
WriteBeside beside_of(const AdminCall& call, const NewTicket& made) {
  WriteBeside once = call.beside();
  if (!made.beside) return once;
  return
      [once = std::move(once), beside = made.beside](sqlite::Database& db, const ServerCommit& commit) -> Result<void> {
        // All of it or nothing: the ticket alone would be made again by whoever asks again.
        TERN_CHECKED(judge_outcomes(commit));
        TERN_CHECKED(beside(db));
        return once ? once(db, commit) : Result<void>{};
      };
}

}  // namespace

Result<TicketFilter> filter_asked(const AdminCall& call) {
  TicketFilter filter;
  const std::string status = call.has("status") ? call.text("status") : "all";
  auto statuses = statuses_of_filter(status);
  if (!statuses)
    return fail(ErrorCode::invalid, "There is no status \"" + status + "\".",
                "One of: active new in_progress done all, or a ticket's own.", "status");
  filter.statuses = std::move(*statuses);
  if (call.has("search")) filter.words = call.text("search");
  return filter;
}

Result<FoundTicket> find_changed(const AdminCall& call, TicketView& view, ByteView ticket) {
  TERN_TRY(FoundTicket found, view.find(TicketId::or_zero(ticket)));
  if (call.is_repeated() && !view.may_read(found.state))
    return fail(ErrorCode::not_found, "The ticket is not there any more.", "", "ticket_id");
  return found;
}

Result<Json> list_tickets(AdminCall& call) {
  const std::int64_t page = std::clamp<std::int64_t>(call.integer("page", 1), 1, page_max);
  const std::int64_t asked = call.integer("limit", page_limit);
  const std::int64_t limit = asked < 1 ? page_limit : std::min(asked, page_limit_max);
  TERN_TRY(const auto filter, filter_of(call));
  const auto order = ticket_order(call.has("sort") ? call.text("sort") : "newest");
  TicketPaging paging{order.value_or(TicketOrder::newest), 0, static_cast<std::uint64_t>(limit), {}};
  if (call.has("cursor")) {
    paging.cursor = call.text("cursor");
  } else {
    paging.skip = static_cast<std::uint64_t>((page - 1) * limit);
  }
  TERN_TRY(auto reader, call.tenant().reader());
  TERN_TRY(auto snapshot, sqlite::Transaction::begin_read(reader.db()));
  TicketView view(call.tenant(), reader.db(), call.caller());
  TicketPage found;
  if (filter) {
    TERN_TRY(found, list_page(reader.db(), call.tenant(), call.caller(), view, *filter, paging));
  }
  Json rows = Json::array();
  for (const FoundTicket& ticket : found.tickets) {
    TERN_TRY(Json row, view.row(ticket));
    rows.push(std::move(row));
  }
  return Json::object({{"tickets", std::move(rows)},
                       {"total", Json(found.total)},
                       {"page", Json(page)},
                       {"limit", Json(limit)},
                       {"total_exact", Json(found.total_exact)},
                       {"next_cursor", found.next_cursor.empty() ? Json() : Json(found.next_cursor)}});
}

Result<Json> get_ticket(AdminCall& call) {
  TERN_TRY(auto reader, call.tenant().reader());
  TicketView view(call.tenant(), reader.db(), call.caller());
  TERN_TRY(const FoundTicket found, view.find(call.integer("ticket_id", 0)));
  TERN_TRY(const auto written, view.messages(found));
  Json messages = Json::array({view.description(found)}), files = Json::array();
  for (const FoundMessage& message : written) messages.push(view.message(message));
  for (const Json& message : messages.items())
    for (const Json& file : message["files"].items()) files.push(file);
  TERN_TRY(Json ticket, view.ticket(found.state));
  note_read(call, call.caller(), found, written);
  return Json::object({{"ticket", std::move(ticket)}, {"messages", std::move(messages)}, {"files", std::move(files)}});
}

Result<Json> make_ticket(AdminCall& call, const AddToTicket& add) {
  ServerChange create = change_by(call.caller(), Intent::create, random_id<TicketId>(call.parts().environment));
  call.makes(create.change.ticket.view());
  auto& fields = create.change.fields;
  fields.push_back({FieldId::subject, {}, call.text("subject"), false});
  if (call.has("priority"))
    fields.push_back({FieldId::priority, {}, rank_text(*sync::priority_rank(call.text("priority"))), false});
  create.change.text = call.text("description");
  TERN_TRY(const Bytes id, call.change([&]() -> Result<void> {
    NewTicket made{create.change};
    TERN_CHECKED(add(made));
    if (made.instead) {
      call.makes(made.instead->view());
      return {};
    }
    std::vector<ServerChange> changes = std::move(made.first);
    std::optional<Bytes> category;
    if (call.has("category")) {
      TERN_TRY(const RecordId named, category_of(call, call.text("category"), changes));
      category = Bytes(named.view());
      fields.push_back({FieldId::category, {}, category, false});
    }
    TERN_CHECKED(check_custom(call, fields, category, changes));
    if (made.asks) TERN_CHECKED(check_required(call, fields, nullptr, category, changes));
    changes.push_back(create);
    for (ServerChange& change : made.then) changes.push_back(std::move(change));
    for (const ServerChange& change : changes) TERN_CHECKED(check_change(call, change, nullptr));
    return commit_part(call, std::move(changes), beside_of(call, made));
  }));
  TERN_TRY(auto reader, call.tenant().reader());
  TicketView view(call.tenant(), reader.db(), call.caller());
  TERN_TRY(const FoundTicket made, find_changed(call, view, id));
  TERN_TRY(Json duplicates, duplicates_json(call, reader.db(), view, made.state));
  const auto subject = sync::field_value(made.state, FieldId::subject);
  return Json::object({{"id", Json(made.state.integer_id)},
                       {"subject", subject ? Json(*subject) : Json()},
                       {"status", Json(shown_status(made.state))},
                       {"created_at", Json(instant_text(made.state.created->order_ms))},
                       {"number", Json(made.state.number)},
                       {"duplicates", std::move(duplicates)}});
}

Result<Json> create_ticket(AdminCall& call) {
  std::optional<Conversation> conversation;
  if (call.has("conversation")) {
    TERN_TRY(conversation, read_conversation(call.object("conversation")));
  }
  return make_ticket(call, [&](NewTicket& made) -> Result<void> {
    if (conversation) TERN_CHECKED(add_conversation(call, *conversation, made));
    return made.instead ? Result<void>{} : add_content(call, made);
  });
}

Result<void> add_content(const AdminCall& call, NewTicket& made) {
  made.asks = true;
  TERN_TRY(auto settings, settings_said(call));
  auto& fields = made.create.fields;
  for (sync::FieldSetting& setting : settings) {
    std::erase_if(fields, [&](const auto& one) { return one.field == setting.field && one.key == setting.key; });
    if (setting.value) fields.push_back(std::move(setting));
  }
  if (call.has("portal_domain")) {
    TERN_TRY(const sync::Record client, find_client(call.tenant(), call.text("portal_domain")));
    fields.push_back({FieldId::organisation, {}, Bytes(client.id.view()), false});
  }
  const TicketId& ticket = made.create.ticket;
  TERN_CHECKED(add_queue(call, ticket, nullptr, made.then));
  TERN_CHECKED(add_elements(call, ticket, nullptr, made.then));
  return add_assignee(call, ticket, nullptr, made.then);
}

Result<Json> update_ticket(AdminCall& call) {
  return change_ticket(call, [&](const sync::TicketState& state) -> Result<void> {
    std::vector<ServerChange> changes;
    TERN_TRY(auto settings, settings_said(call));
    if (call.has("portal_domain")) {
      TERN_TRY(const sync::Record client, find_client(call.tenant(), call.text("portal_domain")));
      settings.push_back({FieldId::organisation, {}, Bytes(client.id.view()), false});
    }
    TERN_CHECKED(add_category(call, state, changes));
    const auto category = category_then(state, changes, settings);
    TERN_CHECKED(check_custom(call, settings, category, changes));
    add_subject(call, state, changes);
    add_priority(call, state, changes);
    add_settings(call, state, settings, changes);
    TERN_CHECKED(add_queue(call, state.id, &state, changes));
    TERN_CHECKED(add_elements(call, state.id, &state, changes));
    TERN_CHECKED(add_assignee(call, state.id, &state, changes));
    const std::size_t before_status = changes.size();
    TERN_CHECKED(add_status(call, state, changes));
    if (changes.size() > before_status && ends_ticket(changes)) {
      if (call.has("priority")) settings.push_back({FieldId::priority, {}, Bytes("2"), false});  // which one: no matter
      TERN_CHECKED(check_required(call, settings, &state, category, changes));
    }
    return commit_changes(call, std::move(changes), &state);
  });
}

}  // namespace tern::server::actions
