// Which tickets the next page of a replica holds, in commit order, and where the cursor stands behind it.
#pragma once

#include <cstdint>
#include <optional>

#include "exchange/patch_writer.hpp"
#include "exchange/reader_scope.hpp"
#include "tern/protocol/error.hpp"
#include "tern/sqlite/database.hpp"

namespace tern::v1 {
class ExchangeResponse;
}

namespace tern::server {

/// Which amendments and erasures of a stretch of commits were sent: the last one, in the order of write_statements.
struct StatementPlace {
  bool erasures = false;  // all amendments were
  std::uint64_t commit_seq = 0;
  std::uint64_t n = 0;  // within its commit
};

/// Where a reader stands within a download or within one large commit. Travels as `page_token`; a token that is not
/// ours is refused as `malformed`, and nothing it says can widen what the reader may see.
struct PageToken {
  enum class Phase : std::uint8_t {
    own_open = 1,    // first replica: tickets of the operator that are not ended
    the_rest = 2,    // first replica: everything else of the scope
    in_commit = 3,   // later: all after the cursor up to some tickets of the commit at `position` was sent
    statements = 4,  // tickets up to `base_seq` were sent; what their authors are told was not yet, all of it
  };
  Phase phase = Phase::own_open;
  std::uint64_t base_seq = 0;  // first replica: the newest commit when it began; the cursor jumps there at its end
                               // statements: where the cursor stands behind the last of them
  std::uint64_t position = 0;  // in_commit
  TicketId ticket;             // the last one sent
  std::optional<MessagePlace> messages;      // it has more messages than one page holds: the last one sent
  std::optional<StatementPlace> statements;  // of that phase

  [[nodiscard]] Bytes encode() const;
  static Result<PageToken> decode(ByteView bytes);
};

struct PageRequest {
  std::uint64_t cursor_seq = 0;
  std::optional<PageToken> token;
  std::uint64_t snapshot_seq = 0;  // newest commit the snapshot sees
  std::size_t bytes_max = 0;       // a page holds at least one ticket all the same
};

struct PageEnd {
  std::uint64_t cursor_seq = 0;
  std::optional<PageToken> token;
  bool more = false;
};

/// Writes patches through `patches`, `left` into `response`. The caller's snapshot is open on `db`.
Result<PageEnd> write_page(sqlite::Database& db, const ReaderScope& scope, const PageRequest& page,
                           PatchWriter& patches, v1::ExchangeResponse& response);

/// Amendments for this device, then erasures, of the commits above `from_seq` up to `to_seq` and behind `after`: at
/// least one, about `bytes_max`. Gives where to go on when some are left.
Result<std::optional<StatementPlace>> write_statements(sqlite::Database& db, std::int64_t tenant,
                                                       const DeviceId& device, std::uint64_t from_seq,
                                                       std::uint64_t to_seq, const StatementPlace& after,
                                                       std::size_t bytes_max, v1::ExchangeResponse& response);

}  // namespace tern::server
