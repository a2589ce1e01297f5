#include "desk/sla_devices.hpp"

#include "store/tenant_internals.hpp"

namespace tern::server {
namespace {

bool may_answer(const Tenant::Internals& in, const OperatorId& who) {
  const auto actor = in.actors.find(who);
  return actor != in.actors.end() && actor->second.active && actor->second.role != sync::Role::light;
}

}  // namespace

std::vector<sla::Device> devices_of(const Tenant& tenant, const std::vector<OperatorId>& people) {
  const Tenant::Internals& in = tenant.internals();
  std::vector<sla::Device> out;
  std::shared_lock lock(in.snapshot_mutex);
  for (const OperatorId& who : people) {
    const auto owned = in.operator_devices.find(who);
    if (owned == in.operator_devices.end() || !may_answer(in, who)) continue;
    for (const DeviceId& id : owned->second) {
      const auto device = in.devices.find(id);
      if (device == in.devices.end() || device->second.row.key_state != protocol::KeyState::active) continue;
      sla::Device& heard = out.emplace_back();
      heard.id = to_uuid_text(id.view());
      if (device->second.notes.last_seen_ms > 0) heard.anchors = {device->second.notes.last_seen_ms / 1000};
    }
  }
  return out;
}

}  // namespace tern::server
