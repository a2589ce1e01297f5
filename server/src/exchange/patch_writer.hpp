// Patches as wire bytes, copied from rows without decoding where nothing has to be hidden.
#pragma once

#include <cstdint>
#include <optional>

#include "exchange/reader_scope.hpp"
#include "ingest/own_folds.hpp"
#include "tern/protocol/bytes.hpp"
#include "tern/protocol/error.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/sqlite/database.hpp"

namespace tern::v1 {
class ExchangeResponse;
}

namespace tern::server {

/// The state without other people's pins. Returns `state` itself when there are none in it.
Result<Bytes> state_for(const ReaderScope& scope, ByteView state);

/// The last message of a ticket that was sent, in the order of their rows; the rest follows on the next page.
struct MessagePlace {
  std::uint64_t version = 0;
  DeviceId device;
  ChangeId change;
  /// Behind everything that this commit touched.
  static MessagePlace behind(std::uint64_t commit_seq);
  bool operator==(const MessagePlace&) const = default;
};

/// Collects `patches` (field 3) and `entered` (field 4) of an ExchangeResponse as encoded bytes, to be put behind the
/// rest of the message: Protobuf reads fields in any order. So does `clocks` (field 26) of tickets that come whole.
class PatchWriter {
public:
  PatchWriter(sqlite::Database& db, const ReaderScope& scope, const OwnFolds* own_folds = nullptr)
      : db_(db), scope_(scope), own_folds_(own_folds) {}

  /// One ticket with its messages behind `after`. Gives where to go on when they are too many for one page. `whole`:
  /// the reader drops the messages it holds of it.
  Result<std::optional<MessagePlace>> add(const TicketId& ticket, ByteView state, bool whole, const MessagePlace& after,
                                          bool entered);
  /// A ticket at `version` that its reader, who stands at `cursor_seq`, comes to by itself: says so instead of sending
  /// it. False: it has to be sent.
  bool add_own_fold(const TicketId& ticket, std::uint64_t version, std::uint64_t cursor_seq, bool entered,
                    v1::ExchangeResponse& response);
  /// For a repair, which has no second page: whole, or its newest messages when they are too many.
  Result<void> add_for_repair(const TicketId& ticket, ByteView state);

  /// Whether some ticket may be one of those.
  [[nodiscard]] bool has_own_folds() const { return own_folds_ != nullptr && !own_folds_->empty(); }

  [[nodiscard]] std::size_t size_bytes() const { return out_.size() + own_fold_bytes_; }
  [[nodiscard]] std::uint64_t patches() const { return patches_; }
  [[nodiscard]] Bytes take() { return std::move(out_); }

private:
  Result<void> add_clock(const TicketId& ticket);
  Result<std::optional<MessagePlace>> add_messages(const TicketId& ticket, const MessagePlace& after, Bytes& patch);

  sqlite::Database& db_;
  const ReaderScope& scope_;
  const OwnFolds* own_folds_;
  Bytes out_;
  std::size_t own_fold_bytes_ = 0;
  std::uint64_t patches_ = 0;
};

}  // namespace tern::server
