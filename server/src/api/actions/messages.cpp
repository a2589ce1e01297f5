// Messages: written, edited, taken back. The description is the first one.
#include "api/actions.hpp"
#include "api/ticket_writer.hpp"

namespace tern::server::actions {
namespace {

using sync::Intent;

/// A message is edited, the description written anew: `text` empty takes either away.
Result<void> rewrite(const AdminCall& call, const NamedMessage& named, const std::string& text) {
  const sync::TicketState& state = named.ticket.state;
  if (!named.message) {
    if (state.description == text) return {};
    ServerChange change = change_by(call.caller(), Intent::describe, state.id);
    change.change.base = state.description;
    change.change.text = text;
    return commit_changes(call, {std::move(change)}, &state);
  }
  const sync::Message& message = named.message->message;
  if (sync::is_deleted(message))
    return text.empty() ? Result<void>{}
                        : Result<void>(fail(ErrorCode::bad_transition, "The message is deleted.", "", "message_id"));
  if (sync::standing_text(message) == text) return {};
  ServerChange change =
      change_by(call.caller(), text.empty() ? Intent::delete_message : Intent::edit_message, state.id);
  change.change.targets.push_back(message.stamp.ref());
  change.change.text = text;
  return commit_changes(call, {std::move(change)}, &state, &message);
}

Result<Json> rewrite_named(AdminCall& call, const std::string& text) {
  const std::int64_t id = call.integer("message_id", 0);
  TERN_CHECKED(call.change([&]() -> Result<void> {
    TERN_TRY(auto reader, call.tenant().reader());
    TicketView view(call.tenant(), reader.db(), call.caller());
    TERN_TRY(const NamedMessage named, view.find_message(id));
    return rewrite(call, named, text);
  }));
  return Json::object({{"id", Json(id)}});
}

}  // namespace

Result<Json> say_message(AdminCall& call, const Caller& author, sync::Visibility visibility, const FindTicket& find,
                         const ShowSaid& show) {
  ServerChange change = change_by(author, Intent::message, TicketId{});
  change.change.ref.id = random_id<ChangeId>(call.parts().environment);
  call.makes(change.change.ref.id.view());
  change.change.visibility = visibility;
  change.change.text = call.text("message");
  TERN_TRY(const Bytes id, call.change([&]() -> Result<void> {
    TERN_TRY(auto reader, call.tenant().reader());
    TicketView view(call.tenant(), reader.db(), author);
    TERN_TRY(const FoundTicket found, find(view));
    change.change.ticket = found.state.id;
    return commit_changes(call, {change}, &found.state);
  }));
  TERN_TRY(auto reader, call.tenant().reader());
  TicketView view(call.tenant(), reader.db(), author);
  return show(view, ChangeId::or_zero(id));
}

Result<Json> say_on_ticket(AdminCall& call, sync::Visibility visibility, const ShowMessage& show) {
  const auto find = [&](TicketView& view) { return view.find(call.integer("ticket_id", 0)); };
  return say_message(call, call.caller(), visibility, find, [&](TicketView& view, const ChangeId& id) -> Result<Json> {
    TERN_TRY(const FoundMessage written, view.find_message(id));
    if (call.is_repeated()) TERN_CHECKED(view.find_message(static_cast<std::int64_t>(written.integer_id)));
    return show(view, written);
  });
}

Result<Json> add_message(AdminCall& call) {
  const auto visibility = call.flag("is_note") ? sync::Visibility::team : sync::Visibility::open;
  return say_on_ticket(call, visibility, &TicketView::message);
}

Result<Json> edit_message(AdminCall& call) {
  return rewrite_named(call, call.text("message"));
}

Result<Json> delete_message(AdminCall& call) {
  return rewrite_named(call, {});
}

}  // namespace tern::server::actions
