// API keys and the plan that they are counted by.
#include <algorithm>

#include "admin/record_writer.hpp"
#include "api/actions.hpp"
#include "api/keys.hpp"
#include "api/plans.hpp"
#include "tern/protocol/crypto.hpp"

namespace tern::server::actions {
namespace {

constexpr std::int64_t day_ms = 86'400'000, days_max = 3'650;

Result<std::string> scopes_of(const AdminCall& call, const Plan& plan) {
  std::string out;
  const auto add = [&out](std::string_view scope) { out += (out.empty() ? "" : " ") + std::string(scope); };
  if (!call.has("scopes")) {
    for (const std::string_view scope : plan.scopes) add(scope);
    return out;
  }
  for (const std::string_view scope : api_scopes())
    if (std::ranges::any_of(call.list("scopes"), [&](const Json& one) { return one.as_string() == scope; })) add(scope);
  for (const Json& one : call.list("scopes")) {
    if (std::ranges::find(api_scopes(), one.as_string()) == api_scopes().end())
      return fail(ErrorCode::invalid, "There is no scope \"" + one.as_string() + "\".",
                  "Scopes: read write tickets messages clients webhooks.", "scopes");
    if (!has_scope(plan, one.as_string()))
      return fail(ErrorCode::plan_limit,
                  "The plan \"" + std::string(plan.name) + "\" has no scope \"" + one.as_string() + "\".", "",
                  "scopes");
  }
  return out;
}

Result<sync::Record> operator_of(const Tenant& tenant, const std::string& words) {
  TERN_TRY(sync::Record who, admin::resolve_record(tenant, sync::RecordKind::operator_, words));
  if (const auto active = who.attributes.find("active"); active != who.attributes.end() && active->second == "0")
    return fail(ErrorCode::invalid, who.name + " is not active.", "", "operator_id");
  return who;
}

/// A name that revoked keys had, too, is that of the one that is not.
Result<sync::Record> key_of(const AdminCall& call) {
  const auto named = [&](const ApiKey& key) {
    return key.name == call.text("key_id") || std::to_string(key.integer_id) == call.text("key_id");
  };
  const auto kept = kept_keys(call.tenant());
  if (std::ranges::count_if(kept, named) == 1)
    if (auto found = call.tenant().find_record(sync::RecordKind::api_key, std::ranges::find_if(kept, named)->id))
      return std::move(*found);
  TERN_TRY(sync::Record record, admin::resolve_record(call.tenant(), sync::RecordKind::api_key, call.text("key_id")));
  if (!is_api_key(record))
    return fail(ErrorCode::not_found, "\"" + record.name + "\" is a widget and no key.", "See: ternd widget list",
                "key_id");
  if (read_key(record).revoked_ms != 0)
    return fail(ErrorCode::bad_transition, "The key \"" + record.name + "\" is revoked already.",
                "Make another: ternd key add", "key_id");
  return record;
}

/// Noted first, as ends of devices are: a restore of an older backup does not bring the key back.
Result<void> note_end(const AdminCall& call, const sync::Record& key) {
  return call.parts().directory.note_revoked(call.tenant().id(), DeviceId::or_zero(key.id.view()));
}

/// The key itself beside what lists show of it: this once. Of a request that comes again the record, without the key,
/// which is not kept.
Json shown_once(AdminCall& call, const Bytes& id, std::string text) {
  const auto record = call.tenant().find_record(sync::RecordKind::api_key, RecordId::or_zero(id));
  check(record.has_value(), "a key that was made has its record");
  Json out = key_json(call.tenant(), read_key(*record));
  out.set("key", call.is_repeated() ? Json() : Json(text));
  protocol::wipe(text);
  return out;
}

Result<void> check_room(const Tenant& tenant, const Plan& plan) {
  if (!plan.keys_max || kept_keys(tenant).size() < *plan.keys_max) return {};
  return fail(ErrorCode::plan_limit,
              "The plan \"" + std::string(plan.name) + "\" has " + std::to_string(*plan.keys_max) + " API keys.",
              "Revoke one, or take a larger plan: ternd tenant plan");
}

}  // namespace

Result<Json> key_add(AdminCall& call) {
  const Plan& plan = plan_of(call.tenant());
  sync::Record record;
  record.kind = sync::RecordKind::api_key;
  record.id = random_id<RecordId>(call.parts().environment);
  TERN_TRY(record.name, admin::record_name(call.text("name")));
  TERN_TRY(record.attributes["scopes"], scopes_of(call, plan));
  const std::int64_t now_ms = call.tenant().now_ms();
  record.attributes["created_ms"] = std::to_string(now_ms);
  if (call.has("expires_days")) {
    const std::int64_t days = call.integer("expires_days", 0);
    if (days < 1 || days > days_max)
      return fail(ErrorCode::invalid, "A key is good for 1 to 3650 days.", "", "expires_days");
    record.attributes["expires_ms"] = std::to_string(now_ms + days * day_ms);
  }
  if (call.has("operator_id")) {
    TERN_TRY(const sync::Record who, operator_of(call.tenant(), call.text("operator_id")));
    record.refs = {who.id};
  }
  NewKey made = make_key(call.tenant(), std::move(record), call.parts().environment);
  const auto write = [&]() -> Result<void> {
    TERN_CHECKED(check_room(call.tenant(), plan));
    return admin::write_records(call.tenant(), {made.record}, call.beside());
  };
  call.makes(made.record.id.view());
  TERN_TRY(const Bytes id, call.change(write));
  return shown_once(call, id, std::move(made.text));
}

Result<Json> key_list(AdminCall& call) {
  std::vector<ApiKey> keys;
  for (const sync::Record& record : call.tenant().records(sync::RecordKind::api_key))
    if (is_api_key(record)) keys.push_back(read_key(record));
  std::ranges::sort(keys, {}, &ApiKey::integer_id);
  Json out = Json::array();
  for (const ApiKey& key : keys) out.push(key_json(call.tenant(), key));
  return out;
}

Result<Json> key_revoke(AdminCall& call) {
  const auto revoke = [&]() -> Result<void> {
    TERN_TRY(sync::Record record, key_of(call));
    TERN_CHECKED(note_end(call, record));
    revoke_key(record, call.tenant().now_ms());
    call.makes(record.id.view());
    return admin::write_records(call.tenant(), {record}, call.beside());
  };
  TERN_TRY(const Bytes id, call.with_room([&] { return call.change(revoke); }));
  const auto revoked = call.tenant().find_record(sync::RecordKind::api_key, RecordId::or_zero(id));
  check(revoked.has_value(), "a key that was revoked has its record");
  return key_json(call.tenant(), read_key(*revoked));
}

/// Another record: what a restore must not bring back is ended by its id.
Result<Json> key_regenerate(AdminCall& call) {
  std::string text;
  const auto regenerate = [&]() -> Result<void> {
    TERN_TRY(sync::Record before, key_of(call));
    sync::Record next = before;
    next.id = random_id<RecordId>(call.parts().environment);
    next.integer_id = 0;
    next.attributes["created_ms"] = std::to_string(call.tenant().now_ms());
    NewKey made = make_key(call.tenant(), std::move(next), call.parts().environment);
    TERN_CHECKED(note_end(call, before));
    revoke_key(before, call.tenant().now_ms());
    text = std::move(made.text);
    call.makes(made.record.id.view());
    return admin::write_records(call.tenant(), {before, made.record}, call.beside());
  };
  TERN_TRY(const Bytes id, call.change(regenerate));
  return shown_once(call, id, std::move(text));
}

Result<Json> tenant_plan(AdminCall& call) {
  const auto write = [&]() -> Result<void> {
    if (!call.has("plan")) return {};
    auto record = call.tenant().find_record(sync::RecordKind::tenant, RecordId::or_zero(call.tenant().id().view()));
    if (!record) return fail(ErrorCode::corrupt, "The tenant's record is missing.", "ternd verify");
    record->attributes["plan"] = call.text("plan");
    return admin::write_records(call.tenant(), {*record});
  };
  TERN_CHECKED(call.on_strand(write));
  return get_plan_features(call);
}

}  // namespace tern::server::actions
