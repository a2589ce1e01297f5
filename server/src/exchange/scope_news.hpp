// What happened to the tickets of a reader's scope after its cursor, in the order of the commits.
#pragma once

#include <cstdint>
#include <vector>

#include "exchange/reader_scope.hpp"
#include "tern/protocol/error.hpp"
#include "tern/sqlite/database.hpp"

namespace tern::server {

enum class NewsKind : std::uint8_t {
  changed,  // held before and after
  entered,
  left,
  again,  // held, and sent whole: what the reader may see of it, or how it is folded, is no longer what it was
};

/// One ticket at one commit.
struct TicketNews {
  std::uint64_t position = 0;  // the commit
  TicketId ticket;
  NewsKind kind = NewsKind::changed;
  std::uint32_t left_reason = 0;

  [[nodiscard]] bool stands_before(const TicketNews& other) const {
    return position != other.position ? position < other.position : ticket < other.ticket;
  }
};

/// Of the commits above `after` up to `now`, the snapshot's newest. A ticket may be named more than once.
Result<std::vector<TicketNews>> read_news(sqlite::Database& db, const ReaderScope& scope, std::uint64_t after,
                                          std::uint64_t now);

}  // namespace tern::server
