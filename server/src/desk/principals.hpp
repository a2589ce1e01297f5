// Who did something, by the record that they have.
#pragma once

#include "store/tenant.hpp"

namespace tern::server {

/// Of a customer, an operator, or what acts as nobody: an API key, a webhook that comes in. Nothing: the server, or
/// somebody who has no record.
std::optional<sync::Record> record_of_principal(const Tenant& tenant, sync::PrincipalKind kind, const RecordId& id);

}  // namespace tern::server
