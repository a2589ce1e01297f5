// Whose devices may hold an answer that nobody has heard of yet (docs/sla.md, K19).
#pragma once

#include <vector>

#include "store/tenant.hpp"
#include "tern/sla/breach.hpp"

namespace tern::server {

/// The devices in use of those among `people` who may answer a customer, with when each was last heard of: the server
/// keeps no earlier time. Any thread.
std::vector<sla::Device> devices_of(const Tenant& tenant, const std::vector<OperatorId>& people);

}  // namespace tern::server
