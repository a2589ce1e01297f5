// How complete figures are: which devices are silent, and what they may still change (docs/reports.md, H1 to H6).
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "store/tenant.hpp"
#include "tern/protocol/json.hpp"

namespace tern::server {

struct HorizonQuestion {
  std::int64_t until_ms = 0;         // the end of the figures' period; what is made later is none of theirs
  std::int64_t silent_after_ms = 0;  // who was heard of within this is not silent
  std::string readable;              // readable_condition of the caller
};

struct SilentDevice {
  DeviceId device;
  OperatorId operator_id;
  std::string name, person;
  std::int64_t since_ms = 0;  // heard of last
  std::uint64_t tickets = 0;  // that figures cannot be sure of because of it
  std::uint64_t pending = 0;  // changes that it told of and that never came
  bool holds_every_ticket = false;
};

struct Horizon {
  std::int64_t as_of_ms = 0, silent_after_ms = 0;
  std::vector<SilentDevice> devices;  // the longest silent first
  /// By their integer ids, since when a device that holds them is silent: open ones, and those that were answered or
  /// resolved since.
  std::unordered_map<std::uint64_t, std::int64_t> unsure;
  std::uint64_t open_tickets = 0;          // of these
  std::uint64_t pending = 0;               // of all these devices
  std::uint64_t provisional_breaches = 0;  // that somebody may take back
  std::uint64_t uncounted = 0;             // tickets whose newest changes no figure of a period holds yet: for seconds

  [[nodiscard]] bool complete() const { return devices.empty() && uncounted == 0; }
  [[nodiscard]] std::string sentence() const;
  [[nodiscard]] Json to_json() const;
};

/// Over one snapshot.
Result<Horizon> horizon_of(Tenant& tenant, sqlite::Database& db, const HorizonQuestion& question);

}  // namespace tern::server
