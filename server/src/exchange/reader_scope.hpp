// Whose view of a tenant a page shows.
#pragma once

#include "tern/protocol/bytes.hpp"
#include "tern/sync/rights.hpp"

namespace tern::server {

struct ReaderScope {
  std::int64_t tenant = 0;  // number
  OperatorId operator_id;
  bool all = false;                  // a device made with --scope all
  bool restricted_notes = false;     // may read them
  std::uint64_t rights_version = 0;  // version of the operator's record
};

}  // namespace tern::server
