// `ternd verify`: every signature, chain, Merkle root; receipts by folding in commit order, state by folding from zero.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tern/protocol/error.hpp"
#include "tern/sqlite/database.hpp"

namespace tern::server {

class Tenant;

struct Verification {
  std::uint64_t changes = 0, sets = 0, tickets = 0, authors = 0, gaps = 0, erased = 0, receipts = 0, amendments = 0;
  std::uint64_t files = 0;            // contents of attachments
  std::uint64_t files_not_here = 0;   // attachments whose content nobody has sent
  std::vector<std::string> findings;  // what is wrong, named; at most 100
  [[nodiscard]] bool good() const { return findings.empty(); }
  /// "142 changes, 6 authors, 0 gaps"
  [[nodiscard]] std::string summary() const;
};

/// Reads everything. An error only when it cannot be read at all, or `busy` once `stop` says so (empty: never).
Result<Verification> verify_tenant(Tenant& tenant, const std::function<bool()>& stop = {});

}  // namespace tern::server
