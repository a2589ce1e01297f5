// What people call a ticket or a record, found in the replica.
#pragma once

#include <string_view>

#include "tern/client/enrolment.hpp"
#include "tern/protocol/bytes.hpp"
#include "tern/protocol/error.hpp"
#include "tern/sync/record.hpp"

namespace tern::client {

class Replica;

/// By number, provisional number, integer id (also "#17"), uuid, or a prefix of a uuid of 4 digits or more.
/// `not_found`; `ambiguous` lists up to ten candidates in its hint.
Result<TicketId> find_ticket(Replica& replica, std::string_view name);

/// By uuid; by name, exactly as written, else in any case, else as a prefix in any case. An operator is also "me".
/// `not_found` and `ambiguous` list up to ten candidates in their hint.
Result<RecordId> find_record(Replica& replica, sync::RecordKind kind, std::string_view name,
                             const DeviceIdentity& self);

}  // namespace tern::client
