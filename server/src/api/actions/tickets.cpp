// Tickets: listed, read, made, changed.
#include <algorithm>

#include "api/actions.hpp"
#include "api/dialect.hpp"
#include "api/ticket_list.hpp"
#include "api/ticket_writer.hpp"
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

/// 0 is nobody.
Result<void> add_assignee(const AdminCall& call, const sync::TicketState& state, std::vector<ServerChange>& changes) {
  if (!call.has("assigned_to")) return {};
  std::optional<RecordId> to;
  if (const std::int64_t wanted = call.integer("assigned_to", 0); wanted != 0) {
    TERN_TRY(const sync::Record who, find_assignee(call.tenant(), wanted));
    to = who.id;
  }
  const auto now = sync::assignee_of(state);
  if ((now ? Bytes(now->view()) : Bytes()) == (to ? Bytes(to->view()) : Bytes())) return {};
  changes.push_back(assignment(call.caller(), state, to, {}));
  return {};
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
    std::vector<ServerChange> changes;
    TERN_CHECKED(add(create.change, changes));
    if (call.has("category")) {
      TERN_TRY(const RecordId category, category_of(call, call.text("category"), changes));
      fields.push_back({FieldId::category, {}, Bytes(category.view()), false});
    }
    changes.push_back(create);
    return commit_changes(call, std::move(changes), nullptr);
  }));
  TERN_TRY(auto reader, call.tenant().reader());
  TicketView view(call.tenant(), reader.db(), call.caller());
  TERN_TRY(const FoundTicket made, find_changed(call, view, id));
  return Json::object({{"id", Json(made.state.integer_id)},
                       {"subject", Json(call.text("subject"))},
                       {"status", Json(shown_status(made.state))},
                       {"created_at", Json(instant_text(made.state.created->order_ms))},
                       {"number", Json(made.state.number)}});
}

Result<Json> create_ticket(AdminCall& call) {
  return make_ticket(call, [&](sync::Change& create, std::vector<ServerChange>&) -> Result<void> {
    if (!call.has("portal_domain")) return {};
    TERN_TRY(const sync::Record client, find_client(call.tenant(), call.text("portal_domain")));
    create.fields.push_back({FieldId::organisation, {}, Bytes(client.id.view()), false});
    return {};
  });
}

Result<Json> update_ticket(AdminCall& call) {
  return change_ticket(call, [&](const sync::TicketState& state) -> Result<void> {
    std::vector<ServerChange> changes;
    TERN_CHECKED(add_category(call, state, changes));
    add_subject(call, state, changes);
    add_priority(call, state, changes);
    TERN_CHECKED(add_assignee(call, state, changes));
    TERN_CHECKED(add_status(call, state, changes));
    return commit_changes(call, std::move(changes), &state);
  });
}

}  // namespace tern::server::actions
