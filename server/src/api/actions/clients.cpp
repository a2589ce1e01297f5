// What a client is set to: its name, its tariff, its hours, and whatever else integrations keep with it.
#include <algorithm>

#include "admin/library_records.hpp"
#include "admin/record_writer.hpp"
#include "api/actions.hpp"
#include "api/actions/record_actions.hpp"
#include "api/ticket_writer.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/sync/rights.hpp"

namespace tern::server::actions {
namespace {

constexpr std::string_view setting_prefix = "setting.";
constexpr std::size_t settings_max = 40, setting_name_bytes_max = 48;

Json settings_json(const sync::Record& client) {
  Json out = Json::object();
  for (const auto& [name, value] : client.attributes) {
    if (!name.starts_with(setting_prefix)) continue;
    auto kept = parse_json(value, {.decimals = true});
    out.set(name.substr(setting_prefix.size()), kept ? std::move(*kept) : Json(value));
  }
  return out;
}

Json client_json(const sync::Record& client) {
  return Json::object({{"id", Json(client.integer_id)},
                       {"portal_domain", attribute_json(client, "portal_domain")},
                       {"company_name", Json(client.name)},
                       {"tariff_plan", attribute_json(client, "tariff")},
                       {"hours_per_month", number_json(client, "hours_per_month")},
                       {"settings", settings_json(client)}});
}

Result<void> check_setting_name(const std::string& name) {
  const bool good = !name.empty() && name.size() <= setting_name_bytes_max && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '.';
  });
  if (good) return {};
  return fail(ErrorCode::invalid, "A setting's name is 1 to 48 letters, digits, dots and dashes.", "", "data");
}

/// Anything that is written in a few words; null takes it away.
Result<void> put_setting(sync::Record& client, const std::string& name, const Json& value) {
  TERN_CHECKED(check_setting_name(name));
  const std::string key = std::string(setting_prefix) + name;
  if (value.is_null()) {
    client.attributes.erase(key);
    return {};
  }
  std::string text = to_text(value);
  if (text.size() > limits::custom_value_bytes_max)
    return fail(ErrorCode::too_large, "The setting \"" + name + "\" is longer than 4,096 bytes.", "", "data");
  client.attributes[key] = std::move(text);
  const auto count = std::ranges::count_if(
      client.attributes, [](const auto& attribute) { return attribute.first.starts_with(setting_prefix); });
  if (static_cast<std::size_t>(count) > settings_max)
    return fail(ErrorCode::too_large, "A client has at most 40 settings.", "", "data");
  return {};
}

Result<void> put_name(const AdminCall& call, sync::Record& client, const Json& value) {
  if (!value.is_string()) return fail(ErrorCode::invalid, "company_name is a text.", "", "data");
  TERN_TRY(std::string name, admin::record_name(value.as_string(), "data"));
  if (name == client.name) return {};
  if (admin::find_record(call.tenant(), client.kind, name))
    return fail(ErrorCode::invalid, "There is an organisation \"" + name + "\" already.", "", "data");
  TERN_CHECKED(admin::check_not_named(call.tenant(), client));
  client.name = std::move(name);
  return {};
}

Result<void> put_tariff(sync::Record& client, const Json& value) {
  if (!value.is_string() && !value.is_null()) return fail(ErrorCode::invalid, "tariff_plan is a text.", "", "data");
  if (!value.is_null() && !value.as_string().empty()) {
    TERN_TRY(const std::string name, admin::record_name(value.as_string(), "data"));
    admin::put_attribute(client, "tariff", name);
    return {};
  }
  admin::put_attribute(client, "tariff", "");
  return {};
}

Result<void> put_hours(sync::Record& client, const Json& value) {
  if (value.is_null()) {
    client.attributes.erase("hours_per_month");
    return {};
  }
  if (!value.is_number()) return fail(ErrorCode::invalid, "hours_per_month is a number.", "", "data");
  auto text = admin::amount_text(value.as_double(), "hours_per_month");
  if (!text) {
    text.error().field = "data";
    return tl::unexpected(text.error());
  }
  client.attributes["hours_per_month"] = std::move(*text);
  return {};
}

Result<void> put_one(const AdminCall& call, sync::Record& client, const std::string& name, const Json& value) {
  if (name == "company_name") return put_name(call, client, value);
  if (name == "tariff_plan" || name == "tariff") return put_tariff(client, value);
  if (name == "hours_per_month") return put_hours(client, value);
  return put_setting(client, name, value);
}

}  // namespace

Result<Json> client_settings(AdminCall& call) {
  const auto& actor = call.caller().actor;
  if (actor && !sync::has_right(actor->role, sync::Right::set_field))
    return fail(ErrorCode::not_permitted, "This role does not allow it.");
  const Json& data = call.object("data");
  TERN_TRY(const auto naming, call.lock_names());
  const auto write = [&]() -> Result<void> {
    TERN_TRY(const sync::Record before, find_client(call.tenant(), call.text("portal_domain")));
    call.makes(before.id.view());
    sync::Record record = before;
    for (const auto& [name, value] : data.members()) TERN_CHECKED(put_one(call, record, name, value));
    return record == before ? Result<void>{} : admin::write_records(call.tenant(), {record}, call.beside());
  };
  TERN_TRY(const Bytes id, call.change(write));
  const auto client = call.tenant().find_record(sync::RecordKind::organisation, RecordId::or_zero(id));
  check(client.has_value(), "a client that was changed has its record");
  return client_json(*client);
}

}  // namespace tern::server::actions
