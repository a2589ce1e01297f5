// What is left of a damaged or lost outbox goes on in a new one. Source: docs/storage.md, "A damaged outbox".
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tern/client/client.hpp"

namespace tern::client {

struct SalvageReport {
  /// `finished`: an earlier salvage had been interrupted; what it kept and lost is in the notice.
  enum class Found : std::uint8_t { whole, damaged, unreadable, missing, finished };
  Found found = Found::whole;
  std::uint64_t kept = 0;     // changes that were read
  std::uint64_t to_send = 0;  // of those: without a receipt in the new outbox; the server says which of them it has
  std::uint64_t lost = 0;     // changes that are known to have been there, without a known receipt, and cannot be read
  std::vector<std::uint64_t> lost_sets;   // their numbers in the device's chain, as far as known
  std::vector<std::string> lost_tickets;  // number and subject of their tickets, or the id, as far as known
  std::string set_aside;                  // where the damaged file is; empty: there was none
};

/// Reads what can be read, asks `confirm` with what it found, and then begins a new outbox with it; the old file is set
/// aside beside it. Nothing is done to a whole outbox, nor when `confirm` says no (`usage`). What is lost is told by a
/// notice that stays until it is dismissed. The next sync learns from the server what it has of this device.
/// `busy` while another process has the home; `not_enrolled` without keys.
Result<SalvageReport> salvage(const ClientOptions& options, Environment& environment,
                              const std::function<bool(const SalvageReport&)>& confirm);

std::string to_sentence(const SalvageReport& report);
Json to_json(const SalvageReport& report);

}  // namespace tern::client
