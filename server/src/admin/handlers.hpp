// Every command's handler, by the room it is in. What each does: commands.cpp.
#pragma once

#include "admin/admin.hpp"

namespace tern::server::admin {

// tenants.cpp
Result<Json> tenant_add(AdminCall& call);
Result<Json> tenant_list(AdminCall& call);
Result<Json> status(AdminCall& call);
Result<Json> verify(AdminCall& call);
Result<Json> clock_accept(AdminCall& call);
// records.cpp
Result<Json> record_load(AdminCall& call);
Result<Json> record_add(AdminCall& call);
Result<Json> record_list(AdminCall& call);
// operators.cpp
Result<Json> operator_add(AdminCall& call);
Result<Json> operator_list(AdminCall& call);
Result<Json> operator_set(AdminCall& call);
Result<Json> operator_disable(AdminCall& call);
// devices.cpp
Result<Json> device_code(AdminCall& call);
Result<Json> device_list(AdminCall& call);
Result<Json> device_revoke(AdminCall& call);
Result<Json> device_wipe(AdminCall& call);
// export.cpp, import.cpp, erase.cpp, backup.cpp
Result<Json> export_tickets(AdminCall& call);
Result<Json> import_incidents(AdminCall& call);
Result<Json> erase_bodies(AdminCall& call);
Result<Json> backup(AdminCall& call);

}  // namespace tern::server::admin
