// Since when a customer waits for somebody, for triggers on silence: kept beside the SLA clock of a ticket, whatever is
// promised.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tern/sla/event.hpp"
#include "tern/sqlite/database.hpp"

namespace tern::server {

struct Awaiting {
  sla::Instant since = 0;
  std::string root;  // the change that nobody has answered, the oldest one
  bool operator==(const Awaiting&) const = default;
};
/// Nothing: they were answered, or do not wait. Automatic messages answer nobody.
std::optional<Awaiting> awaiting_of(const std::vector<sla::Event>& events);

Result<void> keep_awaiting(sqlite::Database& db, std::int64_t tenant, const TicketId& ticket,
                           const std::optional<Awaiting>& awaiting);

}  // namespace tern::server
