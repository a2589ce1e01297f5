// What an operator is told of, and what they want to be told of. A key that acts as nobody is told of nothing.
#include <algorithm>

#include "admin/record_writer.hpp"
#include "api/actions.hpp"
#include "api/keys.hpp"
#include "desk/notifications.hpp"
#include "desk/outgoing_settings.hpp"
#include "desk/principals.hpp"
#include "desk/sla_text.hpp"
#include "tern/sqlite/transaction.hpp"
#include "time_text.hpp"

namespace tern::server::actions {
namespace {

constexpr std::int64_t told_limit = 20, told_limit_max = 100;
constexpr std::string_view everything = "all", nothing_muted = "none";

std::optional<sync::Record> person_of(const AdminCall& call) {
  const OperatorId who = call.caller().acting();
  return who.is_zero() ? std::nullopt
                       : call.tenant().find_record(sync::RecordKind::operator_, RecordId::or_zero(who.view()));
}

/// A key reads what it may read; that its operator has read it says one that may write.
Result<void> check_may_mark(const AdminCall& call, std::string_view parameter) {
  if (call.caller().acting().is_zero())
    return fail(ErrorCode::operator_required, "Nobody is told of anything by a key that acts as nobody.", "",
                std::string(parameter));
  if (call.caller().key.is_zero()) return {};
  const auto record = call.tenant().find_record(sync::RecordKind::api_key, call.caller().key);
  const std::vector<std::string> scopes = record ? read_key(*record).scopes : std::vector<std::string>();
  if (std::ranges::find(scopes, "write") != scopes.end()) return {};
  return fail(ErrorCode::scope_missing, "The key has no scope \"write\".", "", std::string(parameter));
}

Result<void> mark(const AdminCall& call) {
  if (!call.has("mark_read")) return {};
  TERN_CHECKED(check_may_mark(call, "mark_read"));
  const std::string& which = call.text("mark_read");
  const auto n = integer_of_text(which);
  if (which != everything && (!n || *n < 1))
    return fail(ErrorCode::invalid, "mark_read is all, or the id of a notification.", "", "mark_read");
  const OperatorId who = call.caller().acting();
  return call.on_strand([&] {
    return call.tenant().write([&](sqlite::Database& db) {
      Notifications rows(db, call.tenant().number());
      const std::int64_t now_ms = call.tenant().now_ms();
      return which == everything ? rows.read_all(who, now_ms) : rows.read(who, static_cast<std::uint64_t>(*n), now_ms);
    });
  });
}

/// What they are not told of (`mute`), or what of it they get by mail (`mail`): an attribute of their record.
Result<void> choose_kinds(AdminCall& call, std::string_view parameter, const char* attribute,
                          std::string (*text_of)(const std::set<NotificationKind>&)) {
  if (!call.has(parameter)) return {};
  TERN_CHECKED(check_may_mark(call, parameter));
  std::set<NotificationKind> kinds;
  for (const Json& one : call.list(parameter)) {
    if (one.as_string() == nothing_muted) continue;
    const auto kind = notification_from_name(one.as_string());
    if (!kind)
      return fail(ErrorCode::invalid, "There is no such kind.",
                  "See the description of " + std::string(parameter) + ".", std::string(parameter));
    kinds.insert(*kind);
  }
  return call
      .change([&]() -> Result<void> {
        auto person = person_of(call);
        if (!person) return fail(ErrorCode::not_found, "The operator is not there any more.");
        call.makes(person->id.view());
        const sync::Record before = *person;
        admin::put_attribute(*person, attribute, text_of(kinds));
        if (*person == before) return {};
        return admin::write_records(call.tenant(), {*person}, call.beside());
      })
      .map([](const Bytes&) {});
}

std::string sentence_of(const Notification& one, const std::string& who, const std::string& ticket) {
  switch (one.kind) {
    case NotificationKind::assigned:
      return who + " assigned " + ticket + " to you";
    case NotificationKind::customer_replied:
      return who + " wrote on " + ticket;
    case NotificationKind::replied:
      return who + " answered the customer on " + ticket;
    case NotificationKind::noted:
      return who + " noted something on " + ticket;
    case NotificationKind::mentioned:
      return who + " mentioned you on " + ticket;
    case NotificationKind::changed:
      return who + " changed " + ticket + ": " + one.detail;
    case NotificationKind::estimate_decided:
      return who + " " + one.detail + " the estimate of " + ticket;
    case NotificationKind::rated:
      return who + " rated " + ticket + ": " + one.detail + " of 5";
    case NotificationKind::sla_yellow:
      return ticket + " is soon due: " + one.detail;
    case NotificationKind::sla_breach:
      return ticket + " broke its promise: " + one.detail;
    case NotificationKind::sla_late:
      return ticket + " is far behind its promise: " + one.detail;
    case NotificationKind::sla_rescinded:
      return ticket + " had kept its promise after all: " + one.detail;
    case NotificationKind::long_pause:
      return ticket + " has stood still for long";
    case NotificationKind::trigger:
      return "Trigger \"" + one.detail + "\" tells of " + ticket;
    case NotificationKind::woken:
      return ticket + " was put on hold until now";
    case NotificationKind::hook_off:
      return "Webhook \"" + one.detail + "\" was turned off: nobody answered there";
  }
  return ticket;
}

/// Who it was, by their name now.
std::string author_of(const Tenant& tenant, const Notification& one) {
  const auto who = record_of_principal(tenant, one.author_kind, RecordId::or_zero(one.author.view()));
  return who ? who->name : "System";
}

/// Of a ticket that they may not read any more only that there was something.
Result<Json> notification_json(const AdminCall& call, TicketView& view, const Notification& one) {
  const auto found = view.find(one.ticket);
  const bool readable = found && view.may_read(found->state);
  if (!found && found.error().code != ErrorCode::not_found) return tl::unexpected(found.error());
  const std::string who = author_of(call.tenant(), one);
  const auto subject = readable ? sync::field_value(found->state, sync::FieldId::subject) : std::nullopt;
  return Json::object({{"id", Json(one.n)},
                       {"type", Json(notification_name(one.kind))},
                       {"text", Json(sentence_of(one, who, readable ? found->state.number : "a ticket"))},
                       {"ticket_id", readable ? Json(found->state.integer_id) : Json()},
                       {"number", readable ? Json(found->state.number) : Json()},
                       {"subject", subject ? Json(*subject) : Json()},
                       {"author_name", Json(who)},
                       {"detail", one.detail.empty() ? Json() : Json(one.detail)},
                       {"created_at", Json(instant_text(one.at_ms))},
                       {"read", Json(one.read_ms != 0)}});
}

}  // namespace

Result<Json> notif_count(AdminCall& call) {
  std::uint64_t count = 0;
  Json muted = Json::array(), mailed = Json::array();
  if (const auto person = person_of(call)) {
    TERN_TRY(auto reader, call.tenant().reader());
    TERN_TRY(count, Notifications(reader.db(), call.tenant().number()).unread(call.caller().acting()));
    for (const NotificationKind kind : muted_by(*person)) muted.push(Json(notification_name(kind)));
    for (const NotificationKind kind : mailed_to(*person)) mailed.push(Json(notification_name(kind)));
  }
  return Json::object({{"count", Json(count)}, {"muted", std::move(muted)}, {"mailed", std::move(mailed)}});
}

Result<Json> get_notifications(AdminCall& call) {
  TERN_CHECKED(choose_kinds(call, "mute", muted_attribute, muted_text));
  TERN_CHECKED(choose_kinds(call, "mail", mailed_attribute, mailed_text));
  TERN_CHECKED(mark(call));
  Json out = Json::array();
  const OperatorId who = call.caller().acting();
  if (who.is_zero()) return out;
  const std::int64_t asked = call.integer("limit", told_limit);
  const std::int64_t limit = asked < 1 ? told_limit : std::min(asked, told_limit_max);
  TERN_TRY(auto reader, call.tenant().reader());
  TERN_TRY(auto snapshot, sqlite::Transaction::begin_read(reader.db()));
  TicketView view(call.tenant(), reader.db(), call.caller());
  TERN_TRY(const auto rows, Notifications(reader.db(), call.tenant().number()).newest(who, limit, call.flag("unread")));
  for (const Notification& one : rows) {
    TERN_TRY(Json row, notification_json(call, view, one));
    out.push(std::move(row));
  }
  return out;
}

}  // namespace tern::server::actions
