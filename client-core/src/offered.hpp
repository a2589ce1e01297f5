// What this device's view offers: rights, lifecycle, custom fields that are defined. The server decides all the same.
#pragma once

#include "tern/client/enrolment.hpp"
#include "tern/protocol/error.hpp"
#include "tern/sync/change.hpp"

namespace tern::client {

class Replica;

/// `not_permitted`; `bad_transition` (the hint lists what is possible here); `not_found` (the ticket, the message);
/// `invalid` for a custom field that is not defined or a value that does not fit its definition.
Result<void> check_offered(Replica& replica, const DeviceIdentity& identity, const sync::Change& change);

}  // namespace tern::client
