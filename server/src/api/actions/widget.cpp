// What anybody does through a widget: writes, and reads what was written to them under the name that they were given.
#include <algorithm>

#include "admin/record_writer.hpp"
#include "api/actions.hpp"
#include "api/client_view.hpp"
#include "api/dialect.hpp"
#include "api/ticket_writer.hpp"
#include "api/widgets.hpp"
#include "one_line.hpp"
#include "time_text.hpp"

namespace tern::server::actions {
namespace {

using sync::FieldId;
using sync::Intent;

constexpr std::size_t email_bytes_max = 254, phone_bytes_max = 64, origins_max = 20;

bool looks_like_email(std::string_view text) {
  const std::size_t at = text.find('@');
  const bool visible =
      std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) > ' ' && c != '\x7f'; });
  return visible && text.size() <= email_bytes_max && at != std::string_view::npos && at > 0 && at + 1 < text.size() &&
         text.find('@', at + 1) == std::string_view::npos;
}

/// The widget that the request came through. It was there when its key was judged.
Result<Widget> widget_of(const AdminCall& call) {
  const auto record = call.tenant().find_record(sync::RecordKind::api_key, call.caller().key);
  auto widget = record ? read_widget(*record) : std::nullopt;
  if (!widget) return fail(ErrorCode::key_unknown, "This widget's key is not known.", "", "api_key");
  return std::move(*widget);
}

/// Who writes, as far as they say.
Result<Caller> visitor_of(const AdminCall& call) {
  const std::string& email = call.text("email");
  if (!looks_like_email(email)) return fail(ErrorCode::invalid, "This is no e-mail address.", "", "email");
  Caller visitor = call.caller();
  visitor.id = Bytes(contact_of_visitor(call.tenant(), email).view());
  TERN_TRY(visitor.name, admin::record_name(call.has("name") ? call.text("name") : email));
  visitor.details["email"] = email;
  if (call.has("phone")) {
    const std::string& phone = call.text("phone");
    if (phone.size() > phone_bytes_max) return fail(ErrorCode::invalid, "This is no telephone number.", "", "phone");
    TERN_CHECKED(check_one_line(phone, "phone", "phone"));
    visitor.details["phone"] = phone;
  }
  return visitor;
}

/// One answer for whatever is wrong: nobody learns here which tickets and which addresses there are.
Result<FoundTicket> visitors_ticket(const AdminCall& call, TicketView& view) {
  TERN_TRY(const Widget widget, widget_of(call));
  if (const auto id = ticket_of_visitor(widget, call.text("ticket_id"), call.text("email"))) {
    auto found = view.find(*id);
    if (!found && found.error().code != ErrorCode::not_found) return found;
    if (found && !sync::is_deleted(found->state)) return found;
  }
  return fail(ErrorCode::not_found, "There is no such ticket of this address.", "", "ticket_id");
}

Json visitors_view(const AdminCall& call, const Widget& widget, const sync::TicketState& state) {
  const std::string name = visitors_name_of(widget, state.id, call.text("email"));
  const auto subject = sync::field_value(state, FieldId::subject);
  return Json::object({{"id", Json(name)},
                       {"ticket_id", Json(name)},
                       {"number", Json(state.number)},
                       {"subject", subject ? Json(*subject) : Json()},
                       {"status", Json(shown_status(state))},
                       {"created_at", state.created ? Json(instant_text(state.created->order_ms)) : Json()},
                       {"updated_at", state.updated_ms == 0 ? Json() : Json(instant_text(state.updated_ms))}});
}

}  // namespace

Result<Json> widget_create_ticket(AdminCall& call) {
  TERN_TRY(const Widget widget, widget_of(call));
  TERN_TRY(const Caller visitor, visitor_of(call));
  ServerChange create = change_by(visitor, Intent::create, random_id<TicketId>(call.parts().environment));
  call.makes(create.change.ticket.view());
  create.change.fields.push_back({FieldId::subject, {}, call.text("subject"), false});
  create.change.fields.push_back({FieldId::contact, {}, visitor.id, false});
  create.change.text = call.text("description");
  TERN_TRY(const Bytes id, call.change([&]() -> Result<void> {
    std::vector<ServerChange> changes;
    add_contact_of(call, visitor, changes);
    changes.push_back(create);
    return commit_changes(call, std::move(changes), nullptr);
  }));
  TERN_TRY(auto reader, call.tenant().reader());
  TicketView view(call.tenant(), reader.db(), visitor);
  TERN_TRY(const FoundTicket made, find_changed(call, view, id));
  return visitors_view(call, widget, made.state);
}

Result<Json> widget_check_status(AdminCall& call) {
  TERN_TRY(const Widget widget, widget_of(call));
  TERN_TRY(auto reader, call.tenant().reader());
  TicketView view(call.tenant(), reader.db(), call.caller());
  TERN_TRY(const FoundTicket found, visitors_ticket(call, view));
  return visitors_view(call, widget, found.state);
}

Result<Json> widget_add_reply(AdminCall& call) {
  TERN_TRY(const Caller visitor, visitor_of(call));
  const auto find = [&](TicketView& view) { return visitors_ticket(call, view); };
  const auto show = [&](TicketView& view, const ChangeId& id) -> Result<Json> {
    TERN_CHECKED(visitors_ticket(call, view));
    TERN_TRY(const FoundMessage written, view.find_message(id));
    return client_message(view, written);
  };
  return say_message(call, visitor, sync::Visibility::open, find, show);
}

Result<Json> widget_get_messages(AdminCall& call) {
  TERN_TRY(const Caller visitor, visitor_of(call));
  TERN_TRY(auto reader, call.tenant().reader());
  TicketView view(call.tenant(), reader.db(), visitor);
  TERN_TRY(const FoundTicket found, visitors_ticket(call, view));
  TERN_TRY(const auto written, view.messages(found));
  note_read(call, visitor, found, written);
  return client_messages(view, found, written);
}

// ---- their keys ----

Result<Json> widget_add(AdminCall& call) {
  std::vector<std::string> origins;
  for (const Json& one : call.list("origins")) {
    TERN_TRY(std::string origin, widget_origin(one.as_string()));
    origins.push_back(std::move(origin));
  }
  if (origins.empty() || origins.size() > origins_max)
    return fail(ErrorCode::usage, "A widget is on the pages of 1 to 20 origins.", "--origins https://shop.example",
                "origins");
  TERN_TRY(std::string name, admin::record_name(call.text("name")));
  const sync::Record record = make_widget(std::move(name), origins, call.tenant().now_ms(), call.parts().environment);
  TERN_CHECKED(call.on_strand([&] { return admin::write_records(call.tenant(), {record}); }));
  const auto stored = call.tenant().find_record(record.kind, record.id);
  return widget_json(*read_widget(stored.value_or(record)));
}

Result<Json> widget_list(AdminCall& call) {
  std::vector<Widget> widgets;
  for (const sync::Record& record : call.tenant().records(sync::RecordKind::api_key))
    if (auto widget = read_widget(record); widget && !record.deleted) widgets.push_back(std::move(*widget));
  std::ranges::sort(widgets, {}, &Widget::integer_id);
  Json out = Json::array();
  for (const Widget& widget : widgets) out.push(widget_json(widget));
  return Json::object({{"rows", std::move(out)}});
}

Result<Json> widget_revoke(AdminCall& call) {
  const auto revoke = [&]() -> Result<sync::Record> {
    for (sync::Record record : call.tenant().records(sync::RecordKind::api_key)) {
      const auto widget = read_widget(record);
      const bool named = record.name == call.text("widget") || std::to_string(record.integer_id) == call.text("widget");
      if (!widget || record.deleted || widget->revoked_ms != 0 || !named) continue;
      TERN_CHECKED(call.parts().directory.note_revoked(call.tenant().id(), DeviceId::or_zero(record.id.view())));
      record.attributes["revoked_ms"] = std::to_string(call.tenant().now_ms());
      TERN_CHECKED(admin::write_records(call.tenant(), {record}));
      return record;
    }
    return fail(ErrorCode::not_found, "There is no widget \"" + call.text("widget") + "\".", "See: ternd widget list",
                "widget");
  };
  TERN_TRY(const sync::Record revoked, call.with_room([&] { return call.on_strand(revoke); }));
  return widget_json(*read_widget(revoked));
}

}  // namespace tern::server::actions
