#include "tern/sync/own_fold.hpp"

#include "tern/protocol/crypto.hpp"
#include "tern/protocol/wire.hpp"

namespace tern::sync {

OwnFoldCheck own_fold_check(ByteView state, std::span<const Bytes> messages) {
  protocol::ByteWriter writer;
  writer.sized(state);
  for (const Bytes& message : messages) writer.sized(message);
  const Hash full = protocol::hash("TRN1-OWNFOLD", writer.bytes());
  return OwnFoldCheck::or_zero(full.view().substr(0, OwnFoldCheck::size_bytes));
}

}  // namespace tern::sync
