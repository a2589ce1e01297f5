// What landed under this device's key by another copy of it: kept in the outbox, without its texts, until it is dealt
// with.
#pragma once

#include <cstdint>
#include <vector>

#include "outbox/outbox.hpp"

namespace tern::client {

/// More are not kept: whoever finds so many asks an administrator.
inline constexpr std::size_t others_changes_max = 1'000;

struct OthersChange {
  ChangeId id;
  TicketId ticket;
  sync::Intent intent = sync::Intent::unspecified;
  std::int64_t wall_ms = 0;  // as its author's clock said
};

/// In the order they were made.
Result<std::vector<OthersChange>> others_changes(Outbox& outbox);
/// Sets as they travelled, of which this outbox may hold some changes: those are left out.
Result<void> add_others_sets(Outbox& outbox, const std::vector<Bytes>& sets);
/// Its reader has dealt with it. Harmless when there is none.
Result<void> settle_others_change(Outbox& outbox, const ChangeId& id);

}  // namespace tern::client
