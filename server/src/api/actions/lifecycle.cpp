// From new to done: who works on a ticket, and where it stands.
#include <cmath>

#include "api/actions.hpp"
#include "api/ticket_content.hpp"
#include "api/ticket_writer.hpp"
#include "tern/protocol/limits.hpp"
#include "time_text.hpp"

namespace tern::server::actions {
namespace {

using sync::Intent;
using sync::Status;

std::string text_or_none(const AdminCall& call, std::string_view arg) {
  return call.has(arg) ? call.text(arg) : std::string();
}

/// The moves that lead there; the last one is made with what `fill` puts into it.
template <typename Fill>
Result<Json> move_ticket(AdminCall& call, Intent intent, Status to, Fill fill) {
  return change_ticket(call, [&](const sync::TicketState& state) -> Result<void> {
    TERN_TRY(const auto moves, moves_by(state, intent, to));
    if (intent == Intent::resolve && !moves.empty())
      TERN_CHECKED(check_required(call, {}, &state, sync::field_value(state, sync::FieldId::category), {}));
    std::vector<ServerChange> changes;
    for (const Intent move : moves) {
      changes.push_back(change_by(call.caller(), move, state.id));
      if (move == intent) fill(changes.back().change);
    }
    return commit_changes(call, std::move(changes), &state);
  });
}

Result<void> assign_to(const AdminCall& call, const sync::TicketState& state, const RecordId& who) {
  const auto now = sync::assignee_of(state);
  if (now && now->view() == who.view()) return {};
  return commit_changes(call, {assignment(call.caller(), state.id, who, text_or_none(call, "reason"))}, &state);
}

}  // namespace

Result<Json> take_ticket(AdminCall& call) {
  const auto& actor = call.caller().actor;
  if (!actor)
    return fail(ErrorCode::operator_required, "A ticket is taken by somebody, and this key acts as nobody.",
                "Make a key that acts as an operator, or use reassign_ticket.", "operator_id");
  return change_ticket(call, [&](const sync::TicketState& state) {
    return assign_to(call, state, RecordId::or_zero(actor->id.view()));
  });
}

Result<Json> reassign_ticket(AdminCall& call) {
  return change_ticket(call, [&](const sync::TicketState& state) -> Result<void> {
    TERN_TRY(const sync::Record who, find_assignee(call.tenant(), call.integer("assigned_to", 0)));
    return assign_to(call, state, who.id);
  });
}

Result<Json> set_estimate(AdminCall& call) {
  constexpr double minutes_per_hour = 60;
  const double minutes = std::round(call.number("hours", 0) * minutes_per_hour);
  if (!(minutes >= 1 && minutes <= static_cast<double>(limits::minutes_per_entry_max)))
    return fail(ErrorCode::invalid, "hours is not between a minute and what a ticket takes.", "", "hours");
  return move_ticket(call, Intent::estimate, Status::estimated, [&](sync::Change& change) {
    change.number = static_cast<std::int64_t>(minutes);
    change.text = text_or_none(call, "description");
  });
}

Result<Json> complete_ticket(AdminCall& call) {
  return move_ticket(call, Intent::resolve, Status::resolved,
                     [&](sync::Change& change) { change.text = text_or_none(call, "result"); });
}

Result<Json> hold_ticket(AdminCall& call) {
  std::int64_t wake_ms = 0;
  if (call.has("wake_at")) {
    TERN_TRY(wake_ms, call.instant("wake_at"));
    if (wake_ms <= call.tenant().now_ms())
      return fail(ErrorCode::invalid, "wake_at is not still to come.", "", "wake_at");
  }
  return move_ticket(call, Intent::hold, Status::on_hold, [&](sync::Change& change) {
    change.text = text_or_none(call, "reason");
    change.number = wake_ms;
  });
}

Result<Json> resume_ticket(AdminCall& call) {
  return move_ticket(call, Intent::resume, Status::in_progress, [](sync::Change&) {});
}

Result<Json> reopen_ticket(AdminCall& call) {
  return move_ticket(call, Intent::reopen, Status::reopened,
                     [&](sync::Change& change) { change.text = text_or_none(call, "reason"); });
}

}  // namespace tern::server::actions
