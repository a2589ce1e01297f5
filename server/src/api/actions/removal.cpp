// Tickets that go: into others, or away.
#include <algorithm>

#include "api/actions.hpp"
#include "api/ticket_writer.hpp"

namespace tern::server::actions {
namespace {

using sync::Intent;

ServerChange removal_of(const AdminCall& call, const sync::TicketState& state) {
  ServerChange change = change_by(call.caller(), Intent::delete_ticket, state.id);
  if (call.has("reason")) change.change.reason = call.text("reason");
  return change;
}

/// All of them are there and may go, or none goes.
Result<Json> remove(AdminCall& call, const std::vector<std::int64_t>& ids) {
  const auto removed = call.change([&]() -> Result<void> {
    TERN_TRY(auto reader, call.tenant().reader());
    TicketView view(call.tenant(), reader.db(), call.caller());
    std::vector<ServerChange> changes;
    for (const std::int64_t id : ids) {
      TERN_TRY(const FoundTicket found, view.find(id));
      changes.push_back(removal_of(call, found.state));
      TERN_CHECKED(check_change(call, changes.back(), &found.state));
    }
    return commit_checked(call, std::move(changes));
  });
  TERN_CHECKED(removed);
  Json deleted = Json::array();
  for (const std::int64_t id : ids) deleted.push(Json(id));
  return deleted;
}

}  // namespace

Result<Json> merge_tickets(AdminCall& call) {
  const std::int64_t from = call.integer("ticket_id", 0), into = call.integer("target_id", 0);
  if (from == into) return fail(ErrorCode::invalid, "A ticket is merged into another one.", "", "target_id");
  TERN_CHECKED(call.change([&]() -> Result<void> {
    TERN_TRY(auto reader, call.tenant().reader());
    TicketView view(call.tenant(), reader.db(), call.caller());
    TERN_TRY(const FoundTicket source, view.find(from));
    auto target = view.find(into);
    if (!target) return fail(target.error().code, target.error().message, "", "target_id");
    const bool undo = call.flag("undo");
    const auto& merged = source.state.merged_into;
    if (undo && (!merged || merged->value != target->state.id.view()))
      return fail(ErrorCode::bad_transition, "The ticket is not merged into that one.", "", "target_id");
    ServerChange merge = change_by(call.caller(), undo ? Intent::unmerge : Intent::merge, source.state.id);
    merge.change.target = Bytes(target->state.id.view());
    if (call.has("reason")) merge.change.reason = call.text("reason");
    return commit_changes(call, {std::move(merge)}, &source.state);
  }));
  return Json::object({{"id", Json(into)}, {"merged_id", Json(from)}});
}

Result<Json> delete_ticket(AdminCall& call) {
  TERN_CHECKED(remove(call, {call.integer("ticket_id", 0)}));
  return Json::object({{"id", Json(call.integer("ticket_id", 0))}});
}

Result<Json> restore_ticket(AdminCall& call) {
  const std::int64_t wanted = call.integer("ticket_id", 0);
  const auto unknown = [&] {
    return fail(ErrorCode::not_found, "There is no ticket " + std::to_string(wanted) + ".", "", "ticket_id");
  };
  TERN_TRY(const Bytes restored, call.change([&]() -> Result<void> {
    TERN_TRY(auto reader, call.tenant().reader());
    TicketView view(call.tenant(), reader.db(), call.caller());
    TERN_TRY(const auto id, view.id_of(wanted));
    if (!id) return unknown();
    TERN_TRY(const FoundTicket found, view.find(*id));
    const auto& actor = call.caller().actor;
    if (actor && !sync::may_read(*actor, found.state)) return unknown();
    if (!sync::is_deleted(found.state))
      return fail(ErrorCode::bad_transition, "The ticket is not deleted.", "", "ticket_id");
    call.makes(found.state.id.view());
    ServerChange change = change_by(call.caller(), Intent::restore, found.state.id);
    if (call.has("reason")) change.change.reason = call.text("reason");
    return commit_changes(call, {std::move(change)}, &found.state);
  }));
  TERN_TRY(auto reader, call.tenant().reader());
  TicketView view(call.tenant(), reader.db(), call.caller());
  TERN_TRY(const FoundTicket found, find_changed(call, view, restored));
  return view.ticket(found.state);
}

Result<Json> bulk_delete_tickets(AdminCall& call) {
  constexpr std::size_t tickets_max = 100;
  std::vector<std::int64_t> ids;
  for (const Json& id : call.list("ticket_ids"))
    if (std::find(ids.begin(), ids.end(), id.as_integer()) == ids.end()) ids.push_back(id.as_integer());
  if (ids.size() > tickets_max)
    return fail(ErrorCode::too_large, "At most 100 tickets are deleted at once.", "", "ticket_ids");
  TERN_TRY(Json deleted, remove(call, ids));
  return Json::object({{"deleted", Json(ids.size())}, {"ids", std::move(deleted)}});
}

}  // namespace tern::server::actions
