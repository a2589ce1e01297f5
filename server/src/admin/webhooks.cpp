// Webhooks: channels of the type "webhook", their secrets, the log of their deliveries.
#include <algorithm>

#include "admin/handlers.hpp"
#include "admin/outgoing_log.hpp"
#include "admin/record_writer.hpp"
#include "desk/outgoing_settings.hpp"
#include "ingest/send_out.hpp"
#include "outgoing/outgoing_reader.hpp"
#include "outgoing/told_address.hpp"
#include "tern/protocol/crockford.hpp"
#include "time_text.hpp"

namespace tern::server::admin {
namespace {

constexpr std::int64_t log_rows_usual = 50, log_rows_max = 1'000, rotation_hour_ms = 3'600'000;
constexpr std::int64_t rotation_hours_usual = 24, rotation_hours_max = 24 * 30;
constexpr std::size_t hook_secret_bytes = 20,  // 32 characters, which are the key
    hooks_max = 100;

bool is_by_administrator(const AdminCall& call) {
  const Caller& who = call.caller();
  return who.kind == sync::PrincipalKind::server ||
         (who.actor && sync::has_right(who.actor->role, sync::Right::administer));
}

/// Administrators have all of them at hand, others those that are told by their own rights.
bool is_at_hand(const AdminCall& call, const Hook& hook) {
  return is_by_administrator(call) || (call.caller().actor && hook.owner == call.caller().acting());
}

Result<sync::Record> hook_record(const AdminCall& call) {
  TERN_TRY(sync::Record record, resolve_record(call.tenant(), sync::RecordKind::channel, call.text("name")));
  if (const auto hook = hook_of(record); hook && is_at_hand(call, *hook)) return record;
  return fail(ErrorCode::not_found, "\"" + call.text("name") + "\" is no webhook.", "See: ternd webhook list", "name");
}

/// Whose rights are the webhook's: of who asks, if nobody is named.
Result<OperatorId> hook_owner(const AdminCall& call) {
  const OperatorId asking = call.caller().acting();
  if (!call.has("owner")) {
    if (!asking.is_zero()) return asking;
    return fail(call.caller().kind == sync::PrincipalKind::server ? ErrorCode::usage : ErrorCode::operator_required,
                "Somebody's rights are the webhook's, and nobody is named.",
                "Name an operator as its owner, or use a key that acts as one.", "owner");
  }
  TERN_TRY(const sync::Record owner, resolve_record(call.tenant(), sync::RecordKind::operator_, call.text("owner")));
  const auto id = OperatorId::or_zero(owner.id.view());
  if (id == asking || is_by_administrator(call)) return id;
  return fail(ErrorCode::not_permitted, "Whose rights a webhook has others of the team say administrators.",
              "Leave the owner out.", "owner");
}

Result<std::vector<std::string>> hook_events_asked(const AdminCall& call) {
  std::vector<std::string> out;
  for (const Json& event : call.list("event")) {
    if (!is_hook_event(event.as_string()))
      return fail(ErrorCode::invalid, "There is no event \"" + event.as_string() + "\".",
                  "Events: ticket.created ticket.changed ticket.resolved message.added note.added.", "event");
    if (std::ranges::find(out, event.as_string()) == out.end()) out.push_back(event.as_string());
  }
  return out;
}

std::string new_secret(AdminCall& call) {
  Bytes raw(hook_secret_bytes, '\0');
  call.parts().environment.random(raw.data(), raw.size());
  return protocol::crockford_encode(raw);
}

Json log_time_json(std::int64_t ms) {
  return ms == 0 ? Json() : Json(instant_text(ms));
}

Json hook_json(const Tenant& tenant, const Hook& hook, std::uint64_t integer_id) {
  const auto owner = tenant.find_record(sync::RecordKind::operator_, RecordId::or_zero(hook.owner.view()));
  Json events = Json::array();
  for (const std::string& event : hook.events) events.push(Json(event));
  return Json::object({{"id", Json(integer_id)},
                       {"name", Json(hook.name)},
                       {"url", Json(hook.url)},
                       {"owner", owner ? Json(owner->name) : Json()},
                       {"events", std::move(events)},
                       {"active", Json(hook.active)}});
}

/// With what is waiting for it, and how its newest delivery ended.
Result<Json> hook_row(AdminCall& call, const sync::Record& record) {
  const auto hook = hook_of(record);
  check(hook.has_value(), "a webhook is one");
  Json out = hook_json(call.tenant(), *hook, record.integer_id);
  TERN_TRY(auto reader, call.tenant().reader());
  TERN_TRY(const auto waiting,
           reader.db().int64_of("SELECT count(*) FROM outgoing WHERE tenant_id = $1 AND target = $2 "
                                "AND state = 0",
                                call.tenant().number(), record.id));
  TERN_TRY(const auto newest, OutgoingRows(reader.db(), call.tenant().number())
                                  .newest(OutgoingWay::hook, OutgoingWay::hook, record.id, INT64_MAX, 1));
  out.set("waiting", Json(waiting.value_or(0)));
  out.set("last_said", newest.empty() || newest.front().said.empty() ? Json() : Json(newest.front().said));
  return out;
}

/// Once for an Idempotency-Key; gives the record as it stands then.
template <typename Change>
Result<sync::Record> change_hook(AdminCall& call, Change change) {
  TERN_TRY(const auto naming, call.lock_names());
  sync::Record record;
  TERN_TRY(const Bytes changed, call.change([&]() -> Result<void> {
    TERN_TRY(record, hook_record(call));
    call.makes(record.id.view());
    const sync::Record before = record;
    TERN_CHECKED(change(record));
    return record == before ? Result<void>{} : write_records(call.tenant(), {record}, call.beside());
  }));
  return call.tenant().find_record(sync::RecordKind::channel, RecordId::or_zero(changed)).value_or(record);
}

Result<void> switch_hook(AdminCall& call, sync::Record& record, bool on) {
  put_attribute(record, "active", on ? "" : "0");
  if (on) return {};
  return call.tenant().write([&](sqlite::Database& db) {
    return OutgoingRows(db, call.tenant().number()).give_up(record.id, call.tenant().now_ms(), "off");
  });
}

Result<Json> hook_switched(AdminCall& call, bool on) {
  TERN_TRY(const sync::Record record,
           change_hook(call, [&](sync::Record& hook) { return switch_hook(call, hook, on); }));
  return hook_row(call, record);
}

}  // namespace

Result<Json> webhook_add(AdminCall& call) {
  sync::Record record;
  record.kind = sync::RecordKind::channel;
  record.id = random_id<RecordId>(call.parts().environment);
  TERN_TRY(record.name, record_name(call.text("name")));
  TERN_CHECKED(told_web_address(call.text("url"), call.parts().egress_allows));
  TERN_TRY(const OperatorId owner, hook_owner(call));
  TERN_TRY(auto events, hook_events_asked(call));
  const Hook hook{record.id, record.name, call.text("url"), owner, std::move(events), true};
  record.attributes = {{"type", std::string(hook_type)}, {"settings", to_text(hook_settings(hook))}};
  TERN_TRY(const auto naming, call.lock_names());
  const std::string secret = new_secret(call);
  const auto write = [&]() -> Result<void> {
    if (find_record(call.tenant(), record.kind, record.name))
      return fail(ErrorCode::invalid, "There is a channel \"" + record.name + "\" already.", "", "name");
    std::size_t hooks = 0;
    for (const sync::Record& other : call.tenant().records(record.kind)) hooks += hook_of(other) ? 1 : 0;
    if (hooks >= hooks_max) return fail(ErrorCode::too_large, "There are 100 webhooks already.", "Remove one.", "name");
    // The secret first: what is told of at once is signed.
    TERN_CHECKED(call.parts().directory.put_channel_secret(call.tenant().number(), record.id, secret));
    return write_records(call.tenant(), {record}, call.beside());
  };
  call.makes(record.id.view());
  TERN_TRY(const Bytes made, call.change(write));
  const auto stored = call.tenant().find_record(record.kind, RecordId::or_zero(made)).value_or(record);
  Json out = hook_json(call.tenant(), hook_of(stored).value_or(hook), stored.integer_id);
  out.set("secret", call.is_repeated() ? Json() : Json(secret));  // it is shown once
  return out;
}

Result<Json> webhook_set(AdminCall& call) {
  if (call.has("url")) TERN_CHECKED(told_web_address(call.text("url"), call.parts().egress_allows));
  TERN_TRY(auto events, hook_events_asked(call));
  const auto change = [&](sync::Record& record) -> Result<void> {
    auto hook = hook_of(record);
    check(hook.has_value(), "a webhook is one");
    if (call.has("rename") && call.text("rename") != record.name) {
      TERN_TRY(record.name, record_name(call.text("rename"), "rename"));
      TERN_CHECKED(check_name_free(call.tenant(), record, "rename"));
    }
    if (call.has("url")) hook->url = call.text("url");
    if (call.has("owner")) {
      TERN_TRY(hook->owner, hook_owner(call));
    }
    if (!events.empty()) hook->events = std::move(events);
    record.attributes["settings"] = to_text(hook_settings(*hook));
    if (call.has("active")) return switch_hook(call, record, call.text("active") == "true");
    return {};
  };
  TERN_TRY(const sync::Record record, change_hook(call, change));
  return hook_row(call, record);
}

Result<Json> webhook_list(AdminCall& call) {
  auto records = call.tenant().records(sync::RecordKind::channel);
  std::ranges::sort(records, {}, &sync::Record::integer_id);
  Json out = Json::array();
  for (const sync::Record& record : records) {
    if (const auto hook = hook_of(record); !hook || !is_at_hand(call, *hook)) continue;
    TERN_TRY(Json row, hook_row(call, record));
    out.push(std::move(row));
  }
  return Json::object({{"rows", std::move(out)}});
}

Result<Json> webhook_disable(AdminCall& call) {
  return hook_switched(call, false);
}

Result<Json> webhook_enable(AdminCall& call) {
  return hook_switched(call, true);
}

Result<Json> webhook_remove(AdminCall& call) {
  const auto remove = [&](sync::Record& record) -> Result<void> {
    record.deleted = true;
    return {};
  };
  TERN_TRY(const sync::Record record, change_hook(call, remove));
  TERN_CHECKED(call.parts().directory.drop_channel_secret(call.tenant().number(), record.id));
  return Json::object({{"name", Json(record.name)}, {"removed", Json(true)}});
}

Result<Json> webhook_rotate(AdminCall& call) {
  const std::int64_t hours = call.integer("hours", rotation_hours_usual);
  if (hours < 0 || hours > rotation_hours_max)
    return fail(ErrorCode::invalid, "hours is a number from 0 to 720.", "", "hours");
  TERN_TRY(const sync::Record record, hook_record(call));
  Directory& directory = call.parts().directory;
  HookSecrets secrets;
  secrets.now = new_secret(call);
  call.makes(record.id.view());
  const auto replace = [&]() -> Result<void> {
    TERN_TRY(const auto kept, directory.channel_secret(call.tenant().number(), record.id));
    if (kept && hours > 0) {
      secrets.before = parse_hook_secrets(*kept).now;
      secrets.before_until_ms = call.parts().environment.wall_ms() + hours * rotation_hour_ms;
    }
    return directory.put_channel_secret(call.tenant().number(), record.id, hook_secrets_text(secrets));
  };
  TERN_CHECKED(call.change(replace));
  return Json::object({{"name", Json(record.name)},
                       {"secret", call.is_repeated() ? Json() : Json(secrets.now)},
                       {"before_until", log_time_json(secrets.before_until_ms)}});
}

Result<Json> webhook_log(AdminCall& call) {
  TERN_TRY(const sync::Record record, hook_record(call));
  return outgoing_log(call, OutgoingWay::hook, OutgoingWay::hook, record.id);
}

Result<Json> webhook_test(AdminCall& call) {
  TERN_TRY(const sync::Record record, hook_record(call));
  if (!hook_of(record)->active)
    return fail(ErrorCode::invalid, "\"" + record.name + "\" is off.", "ternd webhook enable", "name");
  const auto send = [&]() -> Result<void> {
    TERN_TRY(const DeliveryId id, send_test(call.tenant(), OutgoingWay::hook, record.id));
    call.makes(id.view());
    return {};
  };
  TERN_TRY(const Bytes delivery, call.change(send));
  return Json::object({{"name", Json(record.name)}, {"delivery", Json(to_uuid_text(delivery))}});
}

// ---- what the logs share ----

Result<Json> outgoing_json(AdminCall& call, sqlite::Database& db, const Outgoing& one) {
  OutgoingReader reader(call.tenant(), db);
  TERN_TRY(const auto ticket, reader.ticket(one.ticket));
  const bool waits = one.state == OutgoingState::waiting;
  return Json::object({{"n", Json(one.n)},
                       {"delivery", Json(to_uuid_text(one.delivery.view()))},
                       {"event", Json(one.event)},
                       {"ticket", ticket ? Json(ticket->number) : Json()},
                       {"state", Json(outgoing_state_name(one.state))},
                       {"attempts", Json(one.attempts)},
                       {"at", log_time_json(one.at_ms)},
                       {"due", waits ? log_time_json(one.due_ms) : Json()},
                       {"done", log_time_json(one.done_ms)},
                       {"said", one.said.empty() ? Json() : Json(one.said)}});
}

Result<Json> outgoing_log(AdminCall& call, OutgoingWay first, OutgoingWay last, const RecordId& target) {
  const std::int64_t limit = std::clamp<std::int64_t>(call.integer("limit", log_rows_usual), 1, log_rows_max);
  const std::int64_t before = call.integer("before", INT64_MAX);
  TERN_TRY(auto reader, call.tenant().reader());
  TERN_TRY(const auto rows,
           OutgoingRows(reader.db(), call.tenant().number())
               .newest(first, last, target, static_cast<std::uint64_t>(std::max<std::int64_t>(before, 0)), limit));
  Json out = Json::array();
  for (const Outgoing& one : rows) {
    TERN_TRY(Json row, outgoing_json(call, reader.db(), one));
    if (one.way != OutgoingWay::hook) {
      const auto kind = one.way == OutgoingWay::customer ? sync::RecordKind::contact : sync::RecordKind::operator_;
      const auto whom = call.tenant().find_record(kind, one.target);
      row.set("to", whom ? Json(whom->name) : Json());
    }
    out.push(std::move(row));
  }
  return Json::object({{"rows", std::move(out)}});
}

}  // namespace tern::server::admin
