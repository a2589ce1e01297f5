// Patches as wire bytes, copied from rows without decoding where nothing has to be hidden.
#pragma once

#include <cstdint>

#include "exchange/reader_scope.hpp"
#include "tern/protocol/bytes.hpp"
#include "tern/protocol/error.hpp"
#include "tern/sqlite/database.hpp"

namespace tern::server {

/// The state without other people's pins. Returns `state` itself when there are none in it.
Result<Bytes> state_for(const ReaderScope& scope, ByteView state);

/// Collects `patches` (field 3) and `entered` (field 4) of an ExchangeResponse as encoded bytes, to be put behind the
/// rest of the message: Protobuf reads fields in any order.
class PatchWriter {
public:
  PatchWriter(sqlite::Database& db, const ReaderScope& scope) : db_(db), scope_(scope) {}

  /// One ticket with its messages newer than `messages_after` (all when `whole`).
  Result<void> add(const TicketId& ticket, ByteView state, bool whole, std::uint64_t messages_after, bool entered);

  [[nodiscard]] std::size_t size_bytes() const { return out_.size(); }
  [[nodiscard]] std::uint64_t patches() const { return patches_; }
  [[nodiscard]] Bytes take() { return std::move(out_); }

private:
  Result<void> add_messages(const TicketId& ticket, std::uint64_t after, Bytes& patch);

  sqlite::Database& db_;
  const ReaderScope& scope_;
  Bytes out_;
  std::uint64_t patches_ = 0;
};

}  // namespace tern::server
