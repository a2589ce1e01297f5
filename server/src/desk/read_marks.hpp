// Who has read what was written: rows beside the tickets, no part of the ledger. A mark stands at a commit; what was
// committed up to it is read.
#pragma once

#include <cstdint>

#include "tern/sqlite/database.hpp"
#include "tern/sync/change.hpp"

namespace tern::server {

/// An operator in a session, a customer, or an API key: each reads for themselves.
struct Reader {
  sync::PrincipalKind kind = sync::PrincipalKind::unspecified;  // unspecified: nobody whose reading counts
  Bytes id;
  [[nodiscard]] bool counts() const { return kind != sync::PrincipalKind::unspecified && !id.empty(); }
};

/// Rows of one tenant's file. 0: nothing was read.
class ReadMarks {
public:
  ReadMarks(sqlite::Database& db, std::int64_t tenant) : db_(db), tenant_(tenant) {}

  Result<std::uint64_t> of(const Reader& reader, const TicketId& ticket);
  /// The furthest that a customer has read.
  Result<std::uint64_t> of_customers(const TicketId& ticket);
  /// Never back.
  Result<void> put(const Reader& reader, const TicketId& ticket, std::uint64_t seq);

private:
  sqlite::Database& db_;
  std::int64_t tenant_;
};

}  // namespace tern::server
