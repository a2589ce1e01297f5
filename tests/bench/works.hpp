// The works. Each adds its rows to the report; an error is what kept one from being measured.
#pragma once

#include "desk.hpp"
#include "harness.hpp"

namespace tern::bench {

/// Ed25519 and fsync by themselves: rows floor_verify, floor_commit.
Result<void> measure_floors(Desk& desk, Report& report);

/// W1 first replica; W5 its bytes; W6 the replica's size.
Result<void> measure_first_replica(Desk& desk, Report& report);

/// W2 offline changes of one device in sets of 100, 10 and 1; W3 of many devices; W5_W2 the bytes.
Result<void> measure_push(Desk& desk, Report& report);

/// W4 from a change on one device to its being visible on another, over streams.
Result<void> measure_latency(Desk& desk, Report& report);

/// W7 the replay of an incident log.
Result<void> measure_replay(Desk& desk, Report& report);

/// group: changes per fsync while many devices push at once.
Result<void> measure_group_commit(Desk& desk, Report& report);

/// sla_warm, sla_cold: the SLA clock of one ticket.
Result<void> measure_sla(const BenchOptions& options, Report& report);

/// search, list, get_ticket, figures: what integrations ask of a desk with a million messages; index: what the search
/// index adds to commits, and to the file.
Result<void> measure_search(Desk& desk, Report& report);

/// idle: threads and memory of a server with many idle streams. `program`: this one, which runs the server.
Result<void> measure_idle_streams(Desk& desk, Report& report, const std::string& program);
/// The server of measure_idle_streams: tells its port on stdout, runs until stdin ends.
Result<void> serve_idle_streams(const std::string& directory, std::int64_t clock_offset_ms, const TlsFiles& tls);

}  // namespace tern::bench
