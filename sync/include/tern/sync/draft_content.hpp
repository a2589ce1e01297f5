// What of a change was there when it was saved: the same in each set that holds it, whoever sealed that.
#pragma once

#include "tern/protocol/bytes.hpp"

namespace tern::sync {

/// The skeleton without what sealing adds (`before_ms`). Two copies of one device's files may each seal the same draft:
/// the same id, salt and body, and another age. One that cannot be read stays as it is.
Bytes skeleton_as_saved(ByteView skeleton);

}  // namespace tern::sync
