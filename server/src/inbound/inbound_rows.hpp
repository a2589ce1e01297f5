// What came in, as rows: which events were taken, which not and why, and by which names senders go on with tickets.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tern/protocol/bytes.hpp"
#include "tern/sqlite/database.hpp"

namespace tern::server {

enum class InboundState : std::uint8_t { taken = 0, refused = 1, ignored = 2 };
std::string_view inbound_state_name(InboundState state);

inline constexpr std::int64_t inbound_kept_ms = 30LL * 86'400'000;
inline constexpr std::int64_t inbound_rows_max = 100'000, inbound_refused_max = 200;  // of a tenant; of a hook

struct Inbound {
  std::uint64_t n = 0;
  RecordId hook;
  Hash event;
  InboundState state = InboundState::taken;
  std::int64_t at_ms = 0;
  std::uint64_t tries = 0;
  TicketId ticket;
  std::string code, said, request;
};

/// What a sender calls something, as rows have it.
Hash inbound_name(const RecordId& hook, std::string_view what, std::string_view name);

/// Over one connection. Writes inside of somebody's transaction.
class InboundRows {
public:
  InboundRows(sqlite::Database& db, std::int64_t tenant) : db_(db), tenant_(tenant) {}

  Result<std::optional<Inbound>> find(const RecordId& hook, const Hash& event);
  Result<std::optional<Inbound>> find(const RecordId& hook, std::uint64_t n);
  /// Newest first; those below `before`.
  Result<std::vector<Inbound>> newest(const RecordId& hook, std::uint64_t before, std::int64_t limit);
  /// In the place of what the same event left behind; `n` and `tries` are counted here. What is too old or too much
  /// goes, some rows at a time.
  Result<void> put(Inbound row);
  Result<void> forget(const RecordId& hook);
  /// Of whichever hook, some at a time.
  Result<void> drop_older(std::int64_t at_ms);

  /// The newest ticket that went by that name.
  Result<std::optional<TicketId>> ticket_by(const RecordId& source, const Hash& key);
  Result<void> put_key(const RecordId& source, const Hash& key, const TicketId& ticket);

private:
  sqlite::Database& db_;
  std::int64_t tenant_;
};

}  // namespace tern::server
