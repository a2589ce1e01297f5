#include "desk/principals.hpp"

namespace tern::server {

std::optional<sync::Record> record_of_principal(const Tenant& tenant, sync::PrincipalKind kind, const RecordId& id) {
  if (id.is_zero()) return std::nullopt;
  switch (kind) {
    case sync::PrincipalKind::server:
      return std::nullopt;
    case sync::PrincipalKind::contact:
      return tenant.find_record(sync::RecordKind::contact, id);
    case sync::PrincipalKind::integration: {
      auto key = tenant.find_record(sync::RecordKind::api_key, id);
      return key ? key : tenant.find_record(sync::RecordKind::channel, id);
    }
    default:
      return tenant.find_record(sync::RecordKind::operator_, id);
  }
}

}  // namespace tern::server
