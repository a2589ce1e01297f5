// Devices: codes for new ones, what is known of each, revocation and wipe.
#include <algorithm>

#include "admin/handlers.hpp"
#include "admin/list_page.hpp"
#include "admin/record_writer.hpp"
#include "ingest/devices.hpp"
#include "tern/protocol/enrolment.hpp"
#include "time_text.hpp"

namespace tern::server::admin {
namespace {

constexpr std::size_t prefix_digits_min = 4;

Json time_or_null(std::int64_t ms) {
  return ms == 0 ? Json() : Json(instant_text(ms));
}

/// When its certificate was issued: anew when a fork healed.
std::int64_t enrolled_ms(const Tenant& tenant, const DeviceInfo& device) {
  const auto certificate = tenant.keys().open_logged<protocol::Certificate>(device.certificate);
  return certificate ? certificate->value.issued_ms : 0;
}

Json device_json(const Tenant& tenant, const DeviceInfo& device) {
  const auto owner = tenant.find_record(sync::RecordKind::operator_, RecordId::or_zero(device.operator_id.view()));
  const std::uint64_t newest = tenant.commit_seq();
  return Json::object({{"id", Json(to_uuid_text(device.device.view()))},
                       {"name", Json(device.name)},
                       {"platform", Json(device.platform)},
                       {"operator", owner ? Json(owner->name) : Json()},
                       {"state", Json(state_name(device.key_state))},
                       {"scope", Json(device.scope_all ? "all" : "own")},
                       {"device_epoch", Json(device.chain.device_epoch)},
                       {"sets", Json(device.chain.chain_seq)},
                       {"pending", Json(device.outbox_pending)},
                       {"behind", Json(newest > device.cursor_seq ? newest - device.cursor_seq : 0)},
                       {"enrolled_at", time_or_null(enrolled_ms(tenant, device))},
                       {"last_seen_at", time_or_null(device.last_seen_ms)},
                       {"forked_at", time_or_null(device.forked_ms)},
                       {"wipe_ordered", Json(!device.wipe_order.empty())}});
}

std::vector<DeviceInfo> people_devices(const Tenant& tenant) {
  auto all = devices(tenant);
  std::erase_if(all, [](const DeviceInfo& device) { return device.purpose != protocol::KeyPurpose::device; });
  return all;
}

Result<void> note_revoked(const AdminCall& call, const DeviceId& device) {
  return call.with_room([&] { return call.parts().directory.note_revoked(call.tenant().id(), device); });
}

}  // namespace

Result<std::string> known_url(const AdminCall& call) {
  const std::string& running = call.parts().options.public_url;
  return running.empty() ? call.parts().directory.public_url() : Result<std::string>(running);
}

Result<std::string> public_url_of(const AdminCall& call) {
  if (!call.has("public-url")) return known_url(call);
  const std::string& url = call.text("public-url");
  if (url.starts_with("https://") || url.starts_with("http://")) return url;
  return fail(ErrorCode::invalid, "\"" + url + "\" is no address of a server.",
              "Write it like https://desk.example:8470.", "public-url");
}

Result<DeviceInfo> resolve_device(const Tenant& tenant, const std::string& words) {
  std::vector<DeviceInfo> found;
  for (DeviceInfo& device : people_devices(tenant)) {
    const std::string uuid = to_uuid_text(device.device.view());
    const bool prefix =
        words.size() >= prefix_digits_min && (uuid.starts_with(words) || to_hex(device.device).starts_with(words));
    if (device.name == words || prefix) found.push_back(std::move(device));
  }
  if (found.size() == 1) return std::move(found.front());
  if (found.empty())
    return fail(ErrorCode::not_found, "There is no device \"" + words + "\".", "See: ternd device list", "device");
  std::string names;
  for (const DeviceInfo& device : found)
    names += (names.empty() ? "" : ", ") + device.name + " (" + to_uuid_text(device.device.view()) + ")";
  return fail(ErrorCode::ambiguous, "Several devices go by \"" + words + "\": " + names + ".", "Name it by its id.",
              "device");
}

Result<Json> device_code(AdminCall& call) {
  const std::string scope = call.has("scope") ? call.text("scope") : "own";
  if (scope != "own" && scope != "all")
    return fail(ErrorCode::invalid, "There is no scope \"" + scope + "\".", "Scopes: own, all.", "scope");
  TERN_TRY(const sync::Record owner, resolve_record(call.tenant(), sync::RecordKind::operator_, call.text("operator")));
  const OperatorId operator_id = OperatorId::or_zero(owner.id.view());
  TERN_TRY(const std::string url, public_url_of(call));
  TERN_TRY(const NewCode made, call.on_strand([&] {
    return call.parts().enrolment.make_code(call.tenant(), operator_id, scope == "all", url);
  }));
  return Json::object({{"code", Json(made.code)},
                       {"link", url.empty() ? Json() : Json(made.link)},
                       {"expires_ms", Json(made.expires_ms)},
                       {"expires_at", Json(instant_text(made.expires_ms))},
                       {"server", url.empty() ? Json() : Json(url)},
                       {"tenant", Json(call.tenant().name())},
                       {"operator", Json(owner.name)},
                       {"scope", Json(scope)}});
}

Result<Json> device_list(AdminCall& call) {
  TERN_TRY(ListPage page, ListPage::of(call));
  std::optional<OperatorId> only;
  if (call.has("operator")) {
    TERN_TRY(const sync::Record owner,
             resolve_record(call.tenant(), sync::RecordKind::operator_, call.text("operator")));
    only = OperatorId::or_zero(owner.id.view());
  }
  for (const DeviceInfo& device : people_devices(call.tenant())) {
    std::string key = to_hex(device.device);
    if ((!only || device.operator_id == *only) && page.wants(key))
      page.add(std::move(key), device_json(call.tenant(), device));
  }
  return std::move(page).answer();
}

Result<Json> device_revoke(AdminCall& call) {
  TERN_TRY(const DeviceInfo device, resolve_device(call.tenant(), call.text("device")));
  // Noted first: what a restore must not forget is never known to the ledger alone.
  TERN_CHECKED(note_revoked(call, device.device));
  TERN_TRY(const EndedDevice ended, call.with_room([&] {
    return call.on_strand(
        [&] { return end_device(call.tenant(), device.device, protocol::RevocationReason::revoked, OperatorId{}); });
  }));
  const auto now = find_device(call.tenant(), ended.device);
  return device_json(call.tenant(), now.value_or(device));
}

Result<Json> device_wipe(AdminCall& call) {
  TERN_TRY(const DeviceInfo device, resolve_device(call.tenant(), call.text("device")));
  TERN_CHECKED(note_revoked(call, device.device));
  TERN_TRY(const Bytes order, call.with_room([&] {
    return call.on_strand([&] { return order_wipe(call.tenant(), device.device, OperatorId{}); });
  }));
  check(!order.empty(), "a wipe order was signed");
  const auto now = find_device(call.tenant(), device.device);
  return device_json(call.tenant(), now.value_or(device));
}

}  // namespace tern::server::admin
