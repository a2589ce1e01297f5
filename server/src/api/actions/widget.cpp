// What anybody does through a widget: writes, and reads what was written to them, by number and address of the ticket.
#include <algorithm>

#include "admin/record_writer.hpp"
#include "api/actions.hpp"
#include "api/client_view.hpp"
#include "api/dialect.hpp"
#include "api/ticket_writer.hpp"
#include "api/widgets.hpp"
#include "one_line.hpp"
#include "tern/protocol/crypto.hpp"
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
  TERN_CHECKED(complete_widget(*widget, call.parts().directory, call.tenant()));
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

/// One answer for whatever is wrong: nobody learns here which tickets and which addresses there are. How often one may
/// be wrong, VisitorTries counts.
Result<FoundTicket> visitors_ticket(const AdminCall& call, TicketView& view) {
  TERN_TRY(const Widget widget, widget_of(call));
  if (widget.demands_secret && !call.has("ticket_secret"))
    return fail(ErrorCode::invalid,
                "ticket_secret is required: of this widget's tickets number and address are not enough.",
                "It came with the answer of create_ticket.", "ticket_secret");
  TERN_TRY(const auto id, view.id_of(call.integer("ticket_id", 0)));
  const std::string& email = call.text("email");
  if (id && is_ticket_of(widget, *id, email) &&
      (!call.has("ticket_secret") ||
       protocol::equal_secret(call.text("ticket_secret"), ticket_secret_of(widget, *id, email)))) {
    TERN_TRY(FoundTicket found, view.find(*id));
    if (!sync::is_deleted(found.state)) return found;
  }
  return fail(ErrorCode::not_found, "There is no such ticket of this address.", "", "ticket_id");
}

Json visitors_view(const sync::TicketState& state) {
  const auto subject = sync::field_value(state, FieldId::subject);
  return Json::object({{"id", Json(state.integer_id)},
                       {"ticket_id", Json(state.integer_id)},
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
  ServerChange create =
      change_by(visitor, Intent::create, make_widget_ticket_id(widget, call.text("email"), call.parts().environment));
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
  Json out = visitors_view(made.state);
  out.append_member("ticket_secret", Json(ticket_secret_of(widget, made.state.id, call.text("email"))));
  return out;
}

Result<Json> widget_check_status(AdminCall& call) {
  TERN_TRY(auto reader, call.tenant().reader());
  TicketView view(call.tenant(), reader.db(), call.caller());
  TERN_TRY(const FoundTicket found, visitors_ticket(call, view));
  return visitors_view(found.state);
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
  NewWidget made = make_widget(std::move(name), origins, call.tenant().now_ms(), call.parts().environment);
  sync::Record& record = made.record;
  set_demands_secret(record, call.text("ticket-secret") == "demanded");
  const Result<void> written = call.on_strand([&]() -> Result<void> {
    // The secret first: there is no moment at which the widget is without.
    TERN_CHECKED(call.parts().directory.put_channel_secret(call.tenant().number(), record.id, made.secret));
    return admin::write_records(call.tenant(), {record});
  });
  TERN_CHECKED(written);
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

namespace {

/// The active one of that name or id.
Result<sync::Record> named_widget(const AdminCall& call) {
  const std::string& wanted = call.text("widget");
  for (sync::Record record : call.tenant().records(sync::RecordKind::api_key)) {
    const auto widget = read_widget(record);
    const bool named = record.name == wanted || std::to_string(record.integer_id) == wanted;
    if (widget && !record.deleted && widget->revoked_ms == 0 && named) return record;
  }
  return fail(ErrorCode::not_found, "There is no widget \"" + wanted + "\".", "See: ternd widget list", "widget");
}

}  // namespace

Result<Json> widget_set(AdminCall& call) {
  TERN_TRY(const sync::Record set, call.on_strand([&]() -> Result<sync::Record> {
    TERN_TRY(sync::Record record, named_widget(call));
    set_demands_secret(record, call.text("ticket-secret") == "demanded");
    TERN_CHECKED(admin::write_records(call.tenant(), {record}));
    return record;
  }));
  return widget_json(*read_widget(set));
}

Result<Json> widget_revoke(AdminCall& call) {
  const auto revoke = [&]() -> Result<sync::Record> {
    TERN_TRY(sync::Record record, named_widget(call));
    TERN_CHECKED(call.parts().directory.note_revoked(call.tenant().id(), DeviceId::or_zero(record.id.view())));
    record.attributes["revoked_ms"] = std::to_string(call.tenant().now_ms());
    TERN_CHECKED(admin::write_records(call.tenant(), {record}));
    TERN_CHECKED(call.parts().directory.drop_channel_secret(call.tenant().number(), record.id));
    return record;
  };
  TERN_TRY(const sync::Record revoked, call.with_room([&] { return call.on_strand(revoke); }));
  return widget_json(*read_widget(revoked));
}

}  // namespace tern::server::actions
