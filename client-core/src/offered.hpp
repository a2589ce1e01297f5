// What this device's view offers: rights, lifecycle, custom fields that are defined, fields that are required. The
// server decides all the same: it refuses for rights, never for a field that is missing.
#pragma once

#include <span>

#include "tern/client/enrolment.hpp"
#include "tern/protocol/error.hpp"
#include "tern/sync/change.hpp"

namespace tern::client {

class Replica;

/// `not_permitted`; `bad_transition` (the hint lists what is possible here); `not_found` (the ticket, the message);
/// `invalid` for a custom field that is not defined or a value that does not fit its definition, and with the first
/// missing field where a new ticket, or one that is to be resolved or closed, lacks what is required. `before`: changes
/// of the same ticket that are saved with it, before it.
Result<void> check_offered(Replica& replica, const DeviceIdentity& identity, const sync::Change& change,
                           std::span<const sync::Change> before = {});

}  // namespace tern::client
