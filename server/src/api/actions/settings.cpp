// Channels, branding and triggers: judged, kept in versions, and given back as they were given. Nothing acts on
// branding: state "stored". A channel with a secret takes in what customers write (docs/inbound.md).
#include <algorithm>

#include "admin/record_writer.hpp"
#include "api/actions.hpp"
#include "api/actions/record_actions.hpp"
#include "desk/outgoing_settings.hpp"
#include "desk/trigger_rules.hpp"
#include "inbound/inbound_event.hpp"
#include "inbound/inbound_rows.hpp"
#include "one_line.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/protocol/text.hpp"

namespace tern::server::actions {
namespace {

using sync::RecordKind;

constexpr std::size_t secret_bytes_max = 1'024;

/// What was given as an object, kept as its text.
Result<void> put_object(const AdminCall& call, sync::Record& record, const char* name) {
  if (!call.has(name)) return {};
  std::string text = to_text(call.object(name));
  if (text.size() > limits::custom_value_bytes_max)
    return fail(ErrorCode::too_large, std::string(name) + " is longer than 4,096 bytes.", "", name);
  if (!protocol::is_nfc(text)) return fail(ErrorCode::invalid, std::string(name) + " is no text.", "", name);
  record.attributes[name] = std::move(text);
  return {};
}

Json object_json(const sync::Record& record, const char* name) {
  const auto found = record.attributes.find(name);
  if (found == record.attributes.end()) return Json::object();
  auto kept = parse_json(found->second, {.decimals = true});
  return kept && kept->is_object() ? std::move(*kept) : Json::object();
}

bool is_switched_on(const sync::Record& record) {
  const auto active = record.attributes.find("active");
  return active == record.attributes.end() || active->second != "0";
}

void put_switch(const AdminCall& call, sync::Record& record) {
  if (call.has("active")) admin::put_attribute(record, "active", call.text("active") == "false" ? "0" : "");
}

void add_state(Json& out, const sync::Record& record) {
  out.append_member("state", Json("stored"));
  out.append_member("version", Json(record.version));
}

// ---- channels ----

/// Tokens and passwords are given as `secret`; anything that is called like one would be shown with the settings.
Result<void> check_no_secret(const Json& settings) {
  constexpr std::string_view words[] = {"secret", "token", "password", "passwd", "api_key", "apikey", "private_key"};
  for (const auto& [name, value] : settings.members()) {
    const std::string folded = protocol::fold_case(name);
    if (std::ranges::any_of(words, [&](std::string_view word) { return folded.find(word) != std::string::npos; }))
      return fail(ErrorCode::invalid, "\"" + name + "\" belongs into secret: settings are shown again.", "",
                  "settings");
    TERN_CHECKED(check_no_secret(value));
    for (const Json& item : value.items()) TERN_CHECKED(check_no_secret(item));
  }
  return {};
}

tl::unexpected<Error> not_by_api() {
  return fail(ErrorCode::invalid, "That is set on the server's own machine.",
              "ternd webhook, ternd inbound, ternd mail, ternd oidc", "channel_id");
}

Result<void> fill_channel(const AdminCall& call, sync::Record& record) {
  if (is_own_channel(record) && (call.has("settings") || call.has("secret") || call.has("name"))) return not_by_api();
  put_said(call, record, "type");
  put_switch(call, record);
  const Json& settings = call.object("settings");
  TERN_CHECKED(check_no_secret(settings));
  if (const auto form = inbound_form(call.text("type").empty() ? record.attributes["type"] : call.text("type"));
      form && settings.find("mapping") != nullptr) {
    auto good = check_mapping(*form, settings["mapping"]);
    if (!good) good.error().field = "settings";
    TERN_CHECKED(good);
  }
  if (call.text("secret").size() > secret_bytes_max)
    return fail(ErrorCode::too_large, "A secret has at most 1,024 bytes.", "", "secret");
  if (const std::string& secret = call.text("secret"); !secret.empty()) {
    TERN_CHECKED(check_one_line(secret, "secret", "secret"));
    if (inbound_form(record.attributes["type"]) && secret.size() < inbound_secret_bytes_min)
      return fail(ErrorCode::invalid, "A secret of less than 8 characters is guessed.", "", "secret");
  }
  return put_object(call, record, "settings");
}

/// Behind the record: a secret of no channel would be nobody's to take away. A request that comes again brings back no
/// secret that was replaced.
Result<void> keep_secret(const AdminCall& call, const sync::Record& channel) {
  if (!call.has("secret")) return {};
  if (call.is_repeated()) {
    TERN_TRY(const bool kept, call.parts().directory.has_channel_secret(call.tenant().number(), channel.id));
    if (kept || channel.deleted) return {};
  }
  return call.parts().directory.put_channel_secret(call.tenant().number(), channel.id, call.text("secret"));
}

Result<Json> channel_json(AdminCall& call, const sync::Record& channel) {
  TERN_TRY(const bool secret, call.parts().directory.has_channel_secret(call.tenant().number(), channel.id));
  Json out = Json::object({{"id", Json(channel.integer_id)},
                           {"name", Json(channel.name)},
                           {"type", attribute_json(channel, "type")},
                           {"settings", object_json(channel, "settings")},
                           {"active", Json(is_switched_on(channel))},
                           {"has_secret", Json(secret)},
                           {"status", Json("not_connected")}});
  add_state(out, channel);
  if (is_own_channel(channel) || (secret && inbound_of(channel))) {
    out.set("status", Json(is_switched_on(channel) ? "connected" : "off"));
    out.set("state", Json("active"));
  }
  return out;
}

// ---- branding ----

constexpr const char* branding_colours[] = {"primary_color", "accent_color"};
constexpr const char* branding_addresses[] = {"logo_url", "favicon_url", "website_url"};
constexpr const char* branding_lines[] = {"company_name", "support_email", "footer_text"};

bool is_colour(std::string_view text) {
  return text.size() == 7 && text[0] == '#' && std::ranges::all_of(text.substr(1), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
         });
}

/// It will stand in pages: a link and nothing else.
bool is_web_address(std::string_view text) {
  return text.starts_with("https://") && text.size() > 8 && text.size() <= 2'000 &&
         std::ranges::all_of(text, [](char c) {
           return c > 0x20 && c < 0x7f && c != '"' && c != '\'' && c != '<' && c != '>' && c != '\\' && c != '`';
         });
}

Result<void> fill_branding(const AdminCall& call, sync::Record& record) {
  for (const char* name : branding_colours) {
    put_said(call, record, name);
    if (call.has(name) && !call.text(name).empty() && !is_colour(call.text(name)))
      return fail(ErrorCode::invalid, std::string(name) + " is a colour like #1a2b3c.", "", name);
  }
  for (const char* name : branding_addresses) {
    put_said(call, record, name);
    if (call.has(name) && !call.text(name).empty() && !is_web_address(call.text(name)))
      return fail(ErrorCode::invalid, std::string(name) + " is an address that begins with https://.", "", name);
  }
  for (const char* name : branding_lines) {
    put_said(call, record, name);
    if (call.text(name).size() > limits::custom_value_bytes_max / 4)
      return fail(ErrorCode::too_large, std::string(name) + " is longer than 1,024 bytes.", "", name);
    TERN_CHECKED(check_one_line(call.text(name), name, name));
  }
  return {};
}

Json branding_json(const std::optional<sync::Record>& branding) {
  Json out = Json::object();
  for (const auto& names : {branding_lines, branding_addresses})
    for (int i = 0; i < 3; ++i) out.append_member(names[i], attribute_json(branding, names[i]));
  for (const char* name : branding_colours) out.append_member(name, attribute_json(branding, name));
  out.append_member("state", Json(branding ? "stored" : "default"));
  out.append_member("version", branding ? Json(branding->version) : Json());
  return out;
}

std::optional<sync::Record> branding_of(const Tenant& tenant) {
  auto kept = live_records(tenant, RecordKind::branding);
  return kept.empty() ? std::nullopt : std::optional(std::move(kept.front()));
}

// ---- triggers ----

Result<void> fill_trigger(const AdminCall& call, sync::Record& record) {
  put_said(call, record, "event");
  put_switch(call, record);
  TERN_CHECKED(put_object(call, record, "conditions"));
  if (call.has("position")) {
    const std::int64_t position = call.integer("position", 0);
    if (position < 0 || position > 1'000'000)
      return fail(ErrorCode::invalid, "A position is a number from 0 to 1,000,000.", "", "position");
    record.attributes["position"] = std::to_string(position);
  }
  if (call.has("actions")) {
    Json actions = Json::array();
    for (const Json& action : call.list("actions")) actions.push(action);
    const std::string text = to_text(actions);
    if (text.size() > limits::custom_value_bytes_max)
      return fail(ErrorCode::too_large, "actions are longer than 4,096 bytes.", "", "actions");
    record.attributes["actions"] = text;
  }
  if (!record.attributes.contains("event"))
    return fail(ErrorCode::invalid, "event is required.", "When does it act?", "event");
  if (!record.attributes.contains("actions"))
    return fail(ErrorCode::invalid, "actions is required.", "What does it do?", "actions");
  return {};
}

/// stored: there is something in it that nothing here acts on.
std::string_view trigger_state(const sync::Record& trigger) {
  if (!trigger_rule_of(trigger)) return "stored";
  return is_switched_off(trigger) ? "off" : "active";
}

Json trigger_json(const sync::Record& trigger) {
  const auto text = trigger.attributes.find("actions");
  const auto actions = text == trigger.attributes.end() ? Result<Json>(Json::array()) : parse_json(text->second);
  const Json position = number_json(trigger, "position");
  Json out = Json::object({{"id", Json(trigger.integer_id)},
                           {"name", Json(trigger.name)},
                           {"event", attribute_json(trigger, "event")},
                           {"conditions", object_json(trigger, "conditions")},
                           {"actions", actions ? *actions : Json::array()},
                           {"active", Json(is_switched_on(trigger))},
                           {"position", position.is_null() ? Json(0) : position}});
  add_state(out, trigger);
  out.set("state", Json(trigger_state(trigger)));
  return out;
}

}  // namespace

Result<Json> create_channel(AdminCall& call) {
  TERN_TRY(const sync::Record made, make_record(call, RecordKind::channel, "name",
                                                [&](sync::Record& record) { return fill_channel(call, record); }));
  TERN_CHECKED(keep_secret(call, made));
  return channel_json(call, made);
}

Result<Json> update_channel(AdminCall& call) {
  TERN_TRY(const sync::Record changed, change_record(call, RecordKind::channel, "channel_id", "name",
                                                     [&](sync::Record& record) { return fill_channel(call, record); }));
  TERN_CHECKED(keep_secret(call, changed));
  return channel_json(call, changed);
}

Result<Json> delete_channel(AdminCall& call) {
  RecordId gone;
  const auto take = [&](sync::Record& channel) -> Result<void> {
    if (is_own_channel(channel)) return not_by_api();
    channel.deleted = true;
    gone = channel.id;
    return {};
  };
  const auto forget = [&](sqlite::Database& db, const ServerCommit&) {
    return InboundRows(db, call.tenant().number()).forget(gone);
  };
  TERN_TRY(const sync::Record record, change_record(call, RecordKind::channel, "channel_id", "", take, forget));
  TERN_CHECKED(call.parts().directory.drop_channel_secret(call.tenant().number(), record.id));
  return Json::object({{"id", Json(record.integer_id)}});
}

Result<Json> get_channels_status(AdminCall& call) {
  Json out = Json::array();
  for (const sync::Record& channel : live_records(call.tenant(), RecordKind::channel)) {
    TERN_TRY(Json row, channel_json(call, channel));
    out.push(std::move(row));
  }
  return out;
}

Result<Json> get_branding(AdminCall& call) {
  return branding_json(branding_of(call.tenant()));
}

Result<Json> save_branding(AdminCall& call) {
  TERN_TRY(const auto naming, call.lock_names());
  const auto write = [&]() -> Result<void> {
    const auto before = branding_of(call.tenant());
    sync::Record record = before.value_or(sync::Record());
    if (!before) {
      record.kind = RecordKind::branding;
      record.id = random_id<RecordId>(call.parts().environment);
      record.name = "Branding";
    }
    TERN_CHECKED(fill_branding(call, record));
    call.makes(record.id.view());
    if (before && record == *before) return {};
    return admin::write_records(call.tenant(), {record}, call.beside());
  };
  TERN_CHECKED(call.change(write));
  return get_branding(call);
}

Result<Json> reset_branding(AdminCall& call) {
  TERN_CHECKED(call.change([&]() -> Result<void> {
    auto record = branding_of(call.tenant());
    if (!record) return {};
    call.makes(record->id.view());
    record->deleted = true;
    return admin::write_records(call.tenant(), {*record}, call.beside());
  }));
  return get_branding(call);
}

Result<Json> list_triggers(AdminCall& call) {
  auto triggers = live_records(call.tenant(), RecordKind::trigger);
  std::ranges::sort(triggers, {}, [](const sync::Record& trigger) {
    return std::pair(number_json(trigger, "position").as_integer(), trigger.integer_id);
  });
  Json out = Json::array();
  for (const sync::Record& trigger : triggers) out.push(trigger_json(trigger));
  return out;
}

/// With a trigger_id another version of that one, else a new one.
Result<Json> save_trigger(AdminCall& call) {
  const auto fill = [&](sync::Record& record) { return fill_trigger(call, record); };
  if (!call.has("trigger_id") && !call.has("name"))
    return fail(ErrorCode::invalid, "name is required.", "Or trigger_id.", "name");
  TERN_TRY(const sync::Record saved, call.has("trigger_id")
                                         ? change_record(call, RecordKind::trigger, "trigger_id", "name", fill)
                                         : make_record(call, RecordKind::trigger, "name", fill));
  return trigger_json(saved);
}

Result<Json> delete_trigger(AdminCall& call) {
  return remove_record(call, RecordKind::trigger, "trigger_id");
}

}  // namespace tern::server::actions
