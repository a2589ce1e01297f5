// An SLA clock as people read it: at this device's idea of the server's time, without asking the server.
#pragma once

#include <optional>

#include "tern/client/views.hpp"
#include "tern/protocol/environment.hpp"
#include "tern/sync/sla_clock.hpp"

namespace tern::client {

class Outbox;

/// The newest anchor's time and what the monotonic clock has counted since, within one boot: the wall clock may be set.
/// Else the wall clock, put right by how far it was off when the server last answered. Never before it did. What cannot
/// be read of this is not asked for.
std::int64_t server_time_now(Outbox& outbox, Environment& environment);

SlaView sla_view(const sync::SlaCycle& cycle, std::int64_t now_ms);
/// The worst of its waits. Nothing: none is open.
std::optional<SlaView> worst_sla_view(const sync::SlaClock& clock, std::int64_t now_ms);

}  // namespace tern::client
