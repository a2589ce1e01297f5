// What the server says again for an author whose device cannot: under which name. protocol.md "Handed back".
#pragma once

#include "tern/protocol/crypto.hpp"
#include "tern/sync/change.hpp"

namespace tern::sync {

/// Of a change that is quoted: the same one said again gets the same id, so that it counts once. Its device is that of
/// the sealing key.
inline ChangeId quoting_id(const ChangeRef& original) {
  protocol::Hasher hasher("TRN1-DERIVED");
  hasher.add(original.device.view()).add(original.id.view()).add("quote");
  return ChangeId::or_zero(hasher.finish().view().substr(0, ChangeId::size_bytes));
}

}  // namespace tern::sync
