// The replica's rows of SLA clocks. Used inside a transaction of its caller.
#pragma once

#include <cstdint>
#include <optional>

#include "tern/protocol/bytes.hpp"
#include "tern/protocol/error.hpp"
#include "tern/sqlite/database.hpp"
#include "tern/sync/sla_clock.hpp"

namespace tern::client {

class ClockTable {
public:
  explicit ClockTable(sqlite::Database& database) : database_(database) {}

  /// `wire` empty: nothing is open any more. Not `newer`: kept only where nothing is known. `malformed`, `too_large`.
  Result<void> put(std::int64_t ticket, ByteView wire, bool newer);
  Result<void> forget(std::int64_t ticket);
  Result<void> forget_all();
  Result<std::optional<sync::SlaClock>> find(std::int64_t ticket);

private:
  sqlite::Database& database_;
};

}  // namespace tern::client
