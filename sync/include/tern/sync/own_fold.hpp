// What a device's fold of its own changes must come to, so that nobody has to send it. docs/protocol.md "Own folds".
#pragma once

#include <span>

#include "tern/protocol/bytes.hpp"

namespace tern::sync {

using OwnFoldCheck = FixedBytes<8, struct OwnFoldCheckTag>;

/// First 8 bytes of H("TRN1-OWNFOLD", u32 length || state || for each message: u32 length || message). `state` as
/// encode_state writes it; `messages` as encode_message writes them: those that the changes appended, in their order.
OwnFoldCheck own_fold_check(ByteView state, std::span<const Bytes> messages);

}  // namespace tern::sync
