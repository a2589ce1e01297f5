// Webhooks of others: channels of the types that inbound/inbound_hook.hpp knows, their secrets, their log.
#include <algorithm>

#include "admin/handlers.hpp"
#include "admin/record_writer.hpp"
#include "api/ticket_view.hpp"
#include "inbound/inbound_desk.hpp"
#include "one_line.hpp"
#include "tern/protocol/crockford.hpp"
#include "tern/protocol/crypto.hpp"
#include "time_text.hpp"

namespace tern::server::admin {
namespace {

constexpr std::int64_t inbound_log_usual = 50, inbound_log_max = 1'000;
constexpr std::int64_t secret_hour_ms = 3'600'000, secret_hours_usual = 24, secret_hours_max = 24 * 30;
constexpr std::size_t inbound_secret_bytes = 20, inbound_secret_bytes_max = 1'024, inbound_hooks_max = 100;

struct KnownHook {
  sync::Record record;
  InboundHook hook;
};
Result<KnownHook> known_hook(const AdminCall& call) {
  TERN_TRY(sync::Record record, resolve_record(call.tenant(), sync::RecordKind::channel, call.text("name")));
  auto hook = inbound_of(record);
  if (hook) return KnownHook{std::move(record), std::move(*hook)};
  return fail(ErrorCode::not_found, "\"" + record.name + "\" takes nothing in.", "See: ternd inbound list", "name");
}

/// Given, or of this server's making: 32 characters.
Result<std::string> inbound_secret(const AdminCall& call) {
  if (call.has("secret")) {
    if (call.text("secret").size() > inbound_secret_bytes_max)
      return fail(ErrorCode::too_large, "A secret has at most 1,024 bytes.", "", "secret");
    if (call.text("secret").size() < inbound_secret_bytes_min)
      return fail(ErrorCode::invalid, "A secret of less than 8 characters is guessed.", "", "secret");
    TERN_CHECKED(check_one_line(call.text("secret"), "secret", "secret"));
    return call.text("secret");
  }
  Bytes raw(inbound_secret_bytes, '\0');
  call.parts().environment.random(raw.data(), raw.size());
  return protocol::crockford_encode(raw);
}

Result<Json> inbound_json(AdminCall& call, const InboundHook& hook) {
  TERN_TRY(auto reader, call.tenant().reader());
  TERN_TRY(const auto newest, InboundRows(reader.db(), call.tenant().number()).newest(hook.id, INT64_MAX, 1));
  TERN_TRY(const bool secret, call.parts().directory.has_channel_secret(call.tenant().number(), hook.id));
  std::string site = call.parts().options.public_url;
  while (site.ends_with('/')) site.pop_back();
  const bool any = !newest.empty();
  return Json::object({{"id", Json(hook.integer_id)},
                       {"name", Json(hook.name)},
                       {"form", Json(hook.form == InboundForm::mapped ? "json" : inbound_type(hook.form))},
                       {"url", Json(site + inbound_path(hook))},
                       {"proof", Json(inbound_proof_name(hook.proof))},
                       {"mapping", hook.mapping},
                       {"active", Json(hook.active)},
                       {"has_secret", Json(secret)},
                       {"last_at", any ? Json(instant_text(newest.front().at_ms)) : Json()},
                       {"last", any ? Json(inbound_state_name(newest.front().state)) : Json()}});
}

/// What --mapping and --proof say, put into a hook.
Result<void> put_said_of_hook(const AdminCall& call, InboundHook& hook) {
  if (call.has("mapping")) hook.mapping = call.object("mapping");
  TERN_CHECKED(check_mapping(hook.form, hook.mapping));
  if (call.has("proof")) hook.proof = *inbound_proof(call.text("proof"));
  const bool fits = hook.proof != InboundProof::mailgun || hook.form == InboundForm::email;
  if (fits) return {};
  return fail(ErrorCode::invalid, "mailgun proves mails.", "--form email", "proof");
}

Result<Json> switch_inbound(AdminCall& call, bool on) {
  TERN_TRY(const KnownHook known, call.on_strand([&]() -> Result<KnownHook> {
    TERN_TRY(KnownHook found, known_hook(call));
    const sync::Record before = found.record;
    put_attribute(found.record, "active", on ? "" : "0");
    found.hook.active = on;
    if (found.record != before) TERN_CHECKED(write_records(call.tenant(), {found.record}));
    return found;
  }));
  return inbound_json(call, known.hook);
}

Result<Json> outcome_json(AdminCall& call, const InboundOutcome& done) {
  Json event = Json::object();
  const auto put = [&](const char* name, const std::string& value) {
    if (!value.empty()) event.append_member(name, Json(value));
  };
  put("event_id", done.event.id);
  put("key", done.event.key);
  put("subject", done.event.subject);
  put("description", done.event.description);
  put("message", done.event.message);
  put("priority", done.event.priority);
  put("category", done.event.category);
  put("portal_domain", done.event.portal_domain);
  put("order_id", done.event.order_id);
  put("contact_name", done.event.contact_name);
  put("contact_email", done.event.contact_email);
  put("contact_phone", done.event.contact_phone);
  TERN_TRY(auto reader, call.tenant().reader());
  TicketView view(call.tenant(), reader.db(), call.caller());
  const auto ticket = view.find(done.ticket);
  const bool ignored = done.state == InboundState::ignored;
  return Json::object({{"did", Json(ignored ? std::string("ignored") : done.did)},
                       {"because", ignored ? Json(done.did) : Json()},
                       {"ticket", ticket ? Json(ticket->state.number) : Json()},
                       {"repeated", Json(done.repeated)},
                       {"event", std::move(event)}});
}

}  // namespace

Result<Json> inbound_add(AdminCall& call) {
  sync::Record record;
  record.kind = sync::RecordKind::channel;
  record.id = random_id<RecordId>(call.parts().environment);
  TERN_TRY(record.name, record_name(call.text("name")));
  const std::string form = call.has("form") ? call.text("form") : "json";
  InboundHook hook;
  hook.id = record.id;
  hook.name = record.name;
  hook.form = inbound_form(form).value_or(InboundForm::mapped);
  hook.proof = hook.form == InboundForm::mapped ? InboundProof::hmac : InboundProof::token;
  hook.mapping = Json::object();
  TERN_CHECKED(put_said_of_hook(call, hook));
  TERN_TRY(const std::string secret, inbound_secret(call));
  record.attributes = {{"type", std::string(inbound_type(hook.form))}, {"settings", to_text(inbound_settings(hook))}};
  TERN_TRY(const auto naming, call.lock_names());
  const auto write = [&]() -> Result<void> {
    if (find_record(call.tenant(), record.kind, record.name))
      return fail(ErrorCode::invalid, "There is a channel \"" + record.name + "\" already.", "", "name");
    std::size_t hooks = 0;
    for (const sync::Record& other : call.tenant().records(record.kind)) hooks += inbound_of(other) ? 1 : 0;
    if (hooks >= inbound_hooks_max)
      return fail(ErrorCode::too_large, "There are 100 of them already.", "Remove one.", "name");
    // The record first: a secret of no channel would be nobody's to take away.
    TERN_CHECKED(write_records(call.tenant(), {record}));
    return call.parts().directory.put_channel_secret(call.tenant().number(), record.id, secret);
  };
  TERN_CHECKED(call.on_strand(write));
  if (const auto made = call.tenant().find_record(record.kind, record.id)) hook.integer_id = made->integer_id;
  TERN_TRY(Json out, inbound_json(call, hook));
  if (!call.has("secret")) out.set("secret", Json(secret));
  return out;
}

Result<Json> inbound_list(AdminCall& call) {
  auto records = call.tenant().records(sync::RecordKind::channel);
  std::ranges::sort(records, {}, &sync::Record::integer_id);
  Json out = Json::array();
  for (const sync::Record& record : records) {
    const auto hook = inbound_of(record);
    if (!hook) continue;
    TERN_TRY(Json row, inbound_json(call, *hook));
    out.push(std::move(row));
  }
  return Json::object({{"rows", std::move(out)}});
}

Result<Json> inbound_set(AdminCall& call) {
  TERN_TRY(const KnownHook known, call.on_strand([&]() -> Result<KnownHook> {
    TERN_TRY(KnownHook found, known_hook(call));
    TERN_CHECKED(put_said_of_hook(call, found.hook));
    found.record.attributes["settings"] = to_text(inbound_settings(found.hook));
    TERN_CHECKED(write_records(call.tenant(), {found.record}));
    return found;
  }));
  return inbound_json(call, known.hook);
}

Result<Json> inbound_disable(AdminCall& call) {
  return switch_inbound(call, false);
}

Result<Json> inbound_enable(AdminCall& call) {
  return switch_inbound(call, true);
}

Result<Json> inbound_remove(AdminCall& call) {
  TERN_TRY(const KnownHook known, call.on_strand([&]() -> Result<KnownHook> {
    TERN_TRY(KnownHook found, known_hook(call));
    found.record.deleted = true;
    TERN_CHECKED(write_records(call.tenant(), {found.record}, [&](sqlite::Database& db, const ServerCommit&) {
      return InboundRows(db, call.tenant().number()).forget(found.hook.id);
    }));
    TERN_CHECKED(call.parts().directory.drop_channel_secret(call.tenant().number(), found.hook.id));
    return found;
  }));
  return Json::object({{"name", Json(known.hook.name)}, {"removed", Json(true)}});
}

Result<Json> inbound_rotate(AdminCall& call) {
  const std::int64_t hours = call.integer("hours", secret_hours_usual);
  if (hours < 0 || hours > secret_hours_max)
    return fail(ErrorCode::invalid, "hours is a number from 0 to 720.", "", "hours");
  TERN_TRY(const KnownHook known, known_hook(call));
  Directory& directory = call.parts().directory;
  HookSecrets secrets;
  TERN_TRY(secrets.now, inbound_secret(call));
  TERN_CHECKED(call.on_strand([&]() -> Result<void> {
    TERN_TRY(const auto kept, directory.channel_secret(call.tenant().number(), known.hook.id));
    if (kept && hours > 0) {
      secrets.before = parse_hook_secrets(*kept).now;
      secrets.before_until_ms = call.parts().environment.wall_ms() + hours * secret_hour_ms;
    }
    return directory.put_channel_secret(call.tenant().number(), known.hook.id, hook_secrets_text(secrets));
  }));
  const bool ends = secrets.before_until_ms != 0;
  Json out = Json::object(
      {{"name", Json(known.hook.name)}, {"before_until", ends ? Json(instant_text(secrets.before_until_ms)) : Json()}});
  if (!call.has("secret")) out.set("secret", Json(secrets.now));
  return out;
}

Result<Json> inbound_log(AdminCall& call) {
  TERN_TRY(const KnownHook known, known_hook(call));
  const std::int64_t limit = std::clamp<std::int64_t>(call.integer("limit", inbound_log_usual), 1, inbound_log_max);
  const std::int64_t before = std::max<std::int64_t>(call.integer("before", INT64_MAX), 0);
  TERN_TRY(auto reader, call.tenant().reader());
  TERN_TRY(const auto rows, InboundRows(reader.db(), call.tenant().number())
                                .newest(known.hook.id, static_cast<std::uint64_t>(before), limit));
  TicketView view(call.tenant(), reader.db(), call.caller());
  Json out = Json::array();
  for (const Inbound& row : rows) {
    const auto ticket = view.find(row.ticket);
    const auto request = parse_json(row.request, {.decimals = true});
    out.push(Json::object({{"n", Json(row.n)},
                           {"at", Json(instant_text(row.at_ms))},
                           {"state", Json(inbound_state_name(row.state))},
                           {"code", row.code.empty() ? Json() : Json(row.code)},
                           {"said", row.said.empty() ? Json() : Json(row.said)},
                           {"tries", Json(row.tries)},
                           {"ticket", ticket ? Json(ticket->state.number) : Json()},
                           {"request", request ? *request : Json()}}));
  }
  return Json::object({{"rows", std::move(out)}});
}

Result<Json> inbound_try(AdminCall& call) {
  TERN_TRY(const KnownHook known, known_hook(call));
  InboundRequest request;
  request.payload = call.object("body");
  if (call.has("n")) {
    TERN_TRY(auto reader, call.tenant().reader());
    TERN_TRY(const auto row, InboundRows(reader.db(), call.tenant().number())
                                 .find(known.hook.id, static_cast<std::uint64_t>(call.integer("n", 0))));
    auto kept = row ? parse_json(row->request, {.decimals = true}) : Result<Json>(Json());
    if (!kept || !kept->is_object())
      return fail(ErrorCode::not_found, "No request is kept under that n.", "See: ternd inbound log", "n");
    request.payload = std::move(*kept);
    request.event = row->event;
  }
  if (!request.payload.is_object())
    return fail(ErrorCode::usage, "A request is needed.", "--body JSON, or --n of the log.", "body");
  request.body = to_text(request.payload);
  request.digest = protocol::sha256(request.body);
  InboundDesk desk(call.parts(), call.tenant(), known.hook);
  TERN_TRY(const InboundOutcome done, call.flag("commit") ? desk.take(request) : desk.look(request));
  return outcome_json(call, done);
}

}  // namespace tern::server::admin
