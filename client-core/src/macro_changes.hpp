// A macro as changes of one ticket.
#pragma once

#include <string_view>
#include <vector>

#include "tern/client/enrolment.hpp"
#include "tern/sync/change.hpp"

namespace tern::client {

class Replica;

/// In the order of its steps. `not_found` and `ambiguous` for the macro, or for a record that a step names; `invalid`
/// when it was defined by a version that knows more.
Result<std::vector<sync::Change>> macro_changes(Replica& replica, const DeviceIdentity& self, const TicketId& ticket,
                                                std::string_view macro);

}  // namespace tern::client
