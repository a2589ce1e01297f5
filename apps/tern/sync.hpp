// Syncing once, and staying connected: what `tern sync` does.
#pragma once

#include <memory>
#include <string>

#include "session.hpp"
#include "tern/client_poco/http_transport.hpp"

namespace tern::apps {

Result<std::unique_ptr<client::HttpTransport>> transport_to(const std::string& url, const std::string& ca_file,
                                                            bool insecure_http);
/// The transport of this device, with the authorities that it keeps, or with those that the call names (--ca).
Result<std::unique_ptr<client::HttpTransport>> transport_of(Session& session);

/// One round, and what it told about this device that was not told before.
struct Round {
  client::EngineReport before, now;  // counts of this process
  std::string notice;
};
Result<Round> sync_round(Session& session, client::Transport& transport);

/// Prints what a round brought, as counted in `report`. `exit_attention` when something needs it.
Result<ExitCode> tell_round(Session& session, const Round& done, const client::EngineReport& report);
void tell_counts(Session& session, const client::EngineReport& report, std::uint64_t changes, std::uint64_t tickets);

Result<ExitCode> run_sync(Session& session);
/// Until interrupted, or until there is nothing to come back for.
Result<ExitCode> run_watch(Session& session);

}  // namespace tern::apps
