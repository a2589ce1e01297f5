// What customers do with a token: their own tickets, what is written to them, and nothing else. What they change is
// sealed by the server in their name.
#include <algorithm>

#include "api/actions.hpp"
#include "api/client_view.hpp"
#include "api/ticket_list.hpp"
#include "api/ticket_writer.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/sqlite/transaction.hpp"

namespace tern::server::actions {
namespace {

using sync::FieldId;
using sync::Intent;
using sync::Status;

constexpr std::int64_t client_page_limit = 30, client_page_max = 1'000'000;

/// On the estimate that stands.
Result<void> approve(const AdminCall& call, const sync::TicketState& state) {
  const sync::StatusView view = sync::status_view(state);
  const auto decided = std::ranges::find_if(state.estimate_decisions, [&](const sync::EstimateDecision& decision) {
    return view.estimate && decision.estimate == *view.estimate;
  });
  if (decided != state.estimate_decisions.end() && decided->approved && view.status != Status::estimated) return {};
  if (!view.estimate || view.status != Status::estimated)
    return fail(ErrorCode::bad_transition, "There is no estimate to approve.", "", "ticket_id");
  ServerChange decision = change_by(call.caller(), Intent::approve_estimate, state.id);
  decision.change.targets = {*view.estimate};
  ServerChange move = change_by(call.caller(), Intent::estimate_approved, state.id);
  move.change.targets = {*view.estimate};
  return commit_changes(call, {std::move(decision), std::move(move)}, &state);
}

}  // namespace

void add_contact_of(const AdminCall& call, const Caller& caller, std::vector<ServerChange>& changes) {
  const RecordId id = RecordId::or_zero(caller.id);
  if (call.tenant().find_record(sync::RecordKind::contact, id)) return;
  sync::Record contact;
  contact.kind = sync::RecordKind::contact;
  contact.id = id;
  contact.name = caller.name;
  if (const auto client = call.tenant().find_record(sync::RecordKind::organisation, caller.organisation))
    contact.attributes["organisation"] = client->name;
  for (const auto& [name, value] : caller.details) contact.attributes[name] = value;
  changes.push_back(record_change(contact));
}

Result<Json> client_create_ticket(AdminCall& call) {
  const Caller& caller = call.caller();
  return make_ticket(call, [&](NewTicket& made) -> Result<void> {
    add_contact_of(call, caller, made.first);
    made.create.fields.push_back({FieldId::contact, {}, caller.id, false});
    if (!caller.organisation.is_zero())
      made.create.fields.push_back({FieldId::organisation, {}, Bytes(caller.organisation.view()), false});
    return {};
  });
}

Result<Json> client_list_tickets(AdminCall& call) {
  TERN_TRY(const TicketFilter filter, filter_asked(call));
  const std::int64_t page = std::clamp<std::int64_t>(call.integer("page", 1), 1, client_page_max);
  const TicketPaging paging{TicketOrder::newest,
                            static_cast<std::uint64_t>((page - 1) * client_page_limit),
                            static_cast<std::uint64_t>(client_page_limit),
                            {}};
  TERN_TRY(auto reader, call.tenant().reader());
  TERN_TRY(auto snapshot, sqlite::Transaction::begin_read(reader.db()));
  TicketView view(call.tenant(), reader.db(), call.caller());
  TERN_TRY(const TicketPage found, list_page(reader.db(), call.tenant(), call.caller(), view, filter, paging));
  Json rows = Json::array();
  for (const FoundTicket& ticket : found.tickets) {
    TERN_TRY(Json row, client_row(view, ticket));
    rows.push(std::move(row));
  }
  return Json::object({{"tickets", std::move(rows)},
                       {"total", Json(found.total)},
                       {"page", Json(page)},
                       {"limit", Json(client_page_limit)}});
}

Result<Json> client_get_ticket(AdminCall& call) {
  TERN_TRY(auto reader, call.tenant().reader());
  TicketView view(call.tenant(), reader.db(), call.caller());
  TERN_TRY(const FoundTicket found, view.find(call.integer("ticket_id", 0)));
  TERN_TRY(const auto written, view.messages(found));
  Json messages = client_messages(view, found, written);
  Json files = Json::array();
  for (const Json& message : messages.items())
    for (const Json& file : message["files"].items()) files.push(file);
  TERN_TRY(Json ticket, client_ticket(view, found.state));
  note_read(call, call.caller(), found, written);
  return Json::object({{"ticket", std::move(ticket)}, {"messages", std::move(messages)}, {"files", std::move(files)}});
}

Result<Json> client_add_message(AdminCall& call) {
  return say_on_ticket(call, sync::Visibility::open, client_message);
}

Result<Json> client_accept_ticket(AdminCall& call) {
  const auto work = [&](const sync::TicketState& state) -> Result<void> {
    const Status now = sync::status_view(state).status;
    if (now == Status::closed) return {};
    if (now != Status::resolved)
      return fail(ErrorCode::bad_transition, "A ticket is accepted when it is done.", "", "ticket_id");
    return commit_changes(call, {change_by(call.caller(), Intent::close, state.id)}, &state);
  };
  return change_ticket(call, work, client_ticket);
}

Result<Json> client_reopen_ticket(AdminCall& call) {
  const auto work = [&](const sync::TicketState& state) -> Result<void> {
    TERN_TRY(const auto moves, moves_by(state, Intent::reopen, Status::reopened));
    std::vector<ServerChange> changes;
    for (const Intent move : moves) changes.push_back(change_by(call.caller(), move, state.id));
    return commit_changes(call, std::move(changes), &state);
  };
  return change_ticket(call, work, client_ticket);
}

Result<Json> client_approve_estimate(AdminCall& call) {
  const auto work = [&](const sync::TicketState& state) { return approve(call, state); };
  return change_ticket(call, work, client_ticket);
}

/// Once for each time that it was resolved.
Result<Json> client_submit_csat(AdminCall& call) {
  constexpr std::int64_t worst = 1, best = 5;
  const std::int64_t score = call.integer("rating", 0);
  if (score < worst || score > best) return fail(ErrorCode::invalid, "A rating is 1 to 5.", "", "rating");
  if (call.text("comment").size() > limits::result_bytes_max)
    return fail(ErrorCode::too_large, "A comment has at most 8,192 bytes.", "", "comment");
  const auto work = [&](const sync::TicketState& state) -> Result<void> {
    const auto resolution = sync::status_view(state).resolution;
    if (!resolution) return fail(ErrorCode::bad_transition, "A ticket is rated when it is done.", "", "ticket_id");
    const sync::Rating* before = sync::rating_of(state, *resolution);
    if (before != nullptr && before->score == score && before->comment == call.text("comment")) return {};
    if (before != nullptr) return fail(ErrorCode::bad_transition, "What was done is rated already.", "", "ticket_id");
    ServerChange rating = change_by(call.caller(), Intent::rate, state.id);
    rating.change.targets = {*resolution};
    rating.change.number = score;
    rating.change.text = call.text("comment");
    return commit_changes(call, {std::move(rating)}, &state);
  };
  return change_ticket(call, work, client_ticket);
}

Result<Json> client_dashboard(AdminCall& call) {
  const auto readable = readable_condition(call.caller());
  check(readable.has_value(), "a client reads tickets");
  TERN_TRY(auto reader, call.tenant().reader());
  TERN_TRY(auto rows, reader.db().prepare("SELECT listed, count(*) FROM ticket WHERE tenant_id = $1 AND listed > 0" +
                                          *readable + " GROUP BY listed"));
  rows.bind_all(call.tenant().number());
  std::int64_t all = 0, fresh = 0, in_work = 0, on_hold = 0, waits = 0, done = 0, closed = 0;
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) break;
    const auto shown = static_cast<Status>(rows.int64(0));
    const std::int64_t count = rows.int64(1);
    const sync::StatusClass of = sync::status_class(shown);
    all += count;
    if (of == sync::StatusClass::todo) fresh += count;
    if (of == sync::StatusClass::work || of == sync::StatusClass::wait) in_work += count;
    if (of == sync::StatusClass::hold) on_hold += count;
    if (shown == Status::estimated) waits += count;
    if (of == sync::StatusClass::done) done += count;
    if (of == sync::StatusClass::end) closed += count;
  }
  return Json::object({{"total", Json(all)},
                       {"total_open", Json(fresh + in_work + on_hold)},
                       {"total_new", Json(fresh)},
                       {"total_in_progress", Json(in_work)},
                       {"total_on_hold", Json(on_hold)},
                       {"total_done", Json(done)},
                       {"total_closed", Json(closed)},
                       {"estimates_to_approve", Json(waits)}});
}

}  // namespace tern::server::actions
