// Webhooks: channels of the type "webhook", their secrets, the log of their deliveries.
#include <algorithm>

#include "admin/handlers.hpp"
#include "admin/outgoing_log.hpp"
#include "admin/record_writer.hpp"
#include "desk/outgoing_settings.hpp"
#include "ingest/send_out.hpp"
#include "outgoing/outgoing_reader.hpp"
#include "outgoing/web_address.hpp"
#include "tern/protocol/crockford.hpp"
#include "time_text.hpp"

namespace tern::server::admin {
namespace {

constexpr std::int64_t log_rows_usual = 50, log_rows_max = 1'000, rotation_hour_ms = 3'600'000;
constexpr std::int64_t rotation_hours_usual = 24, rotation_hours_max = 24 * 30;
constexpr std::size_t hook_secret_bytes = 20,  // 32 characters, which are the key
    hooks_max = 100;

Result<sync::Record> hook_record(const AdminCall& call) {
  TERN_TRY(sync::Record record, resolve_record(call.tenant(), sync::RecordKind::channel, call.text("name")));
  if (hook_of(record)) return record;
  return fail(ErrorCode::not_found, "\"" + record.name + "\" is no webhook.", "See: ternd webhook list", "name");
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

Result<Json> switch_hook(AdminCall& call, bool on) {
  const auto write = [&]() -> Result<sync::Record> {
    TERN_TRY(sync::Record record, hook_record(call));
    const sync::Record before = record;
    put_attribute(record, "active", on ? "" : "0");
    if (record != before) TERN_CHECKED(write_records(call.tenant(), {record}));
    if (!on)
      TERN_CHECKED(call.tenant().write([&](sqlite::Database& db) {
        return OutgoingRows(db, call.tenant().number()).give_up(record.id, call.tenant().now_ms(), "off");
      }));
    return record;
  };
  TERN_TRY(const sync::Record record, call.on_strand(write));
  return hook_row(call, record);
}

}  // namespace

Result<Json> webhook_add(AdminCall& call) {
  sync::Record record;
  record.kind = sync::RecordKind::channel;
  record.id = random_id<RecordId>(call.parts().environment);
  TERN_TRY(record.name, record_name(call.text("name")));
  TERN_CHECKED(parse_web_address(call.text("url")));
  TERN_TRY(const sync::Record owner, resolve_record(call.tenant(), sync::RecordKind::operator_, call.text("owner")));
  Hook hook{record.id, record.name, call.text("url"), OperatorId::or_zero(owner.id.view()), {}, true};
  for (const Json& event : call.list("event")) {
    if (!is_hook_event(event.as_string()))
      return fail(ErrorCode::invalid, "There is no event \"" + event.as_string() + "\".",
                  "Events: ticket.created ticket.changed ticket.resolved message.added note.added.", "event");
    if (std::ranges::find(hook.events, event.as_string()) == hook.events.end())
      hook.events.push_back(event.as_string());
  }
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
    return write_records(call.tenant(), {record});
  };
  TERN_CHECKED(call.on_strand(write));
  const auto made = call.tenant().find_record(record.kind, record.id);
  Json out = hook_json(call.tenant(), hook, made ? made->integer_id : 0);
  out.set("secret", Json(secret));
  return out;
}

Result<Json> webhook_list(AdminCall& call) {
  auto records = call.tenant().records(sync::RecordKind::channel);
  std::ranges::sort(records, {}, &sync::Record::integer_id);
  Json out = Json::array();
  for (const sync::Record& record : records) {
    if (!hook_of(record)) continue;
    TERN_TRY(Json row, hook_row(call, record));
    out.push(std::move(row));
  }
  return Json::object({{"rows", std::move(out)}});
}

Result<Json> webhook_disable(AdminCall& call) {
  return switch_hook(call, false);
}

Result<Json> webhook_enable(AdminCall& call) {
  return switch_hook(call, true);
}

Result<Json> webhook_remove(AdminCall& call) {
  const auto write = [&]() -> Result<sync::Record> {
    TERN_TRY(sync::Record record, hook_record(call));
    record.deleted = true;
    TERN_CHECKED(write_records(call.tenant(), {record}));
    TERN_CHECKED(call.parts().directory.drop_channel_secret(call.tenant().number(), record.id));
    return record;
  };
  TERN_TRY(const sync::Record record, call.on_strand(write));
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
  const auto replace = [&]() -> Result<void> {
    TERN_TRY(const auto kept, directory.channel_secret(call.tenant().number(), record.id));
    if (kept && hours > 0) {
      secrets.before = parse_hook_secrets(*kept).now;
      secrets.before_until_ms = call.parts().environment.wall_ms() + hours * rotation_hour_ms;
    }
    return directory.put_channel_secret(call.tenant().number(), record.id, hook_secrets_text(secrets));
  };
  TERN_CHECKED(call.on_strand(replace));
  return Json::object({{"name", Json(record.name)},
                       {"secret", Json(secrets.now)},
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
  TERN_TRY(const DeliveryId id, call.on_strand([&] { return send_test(call.tenant(), OutgoingWay::hook, record.id); }));
  return Json::object({{"name", Json(record.name)}, {"delivery", Json(to_uuid_text(id.view()))}});
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
