// The overlay as its row keeps it. It repeats almost all of the confirmed state, and a row is written as often as its
// ticket is touched, so what is kept is the difference: whole only where there is no state, or another description,
// which the search index has to be told again without unpacking anything.
#pragma once

#include <string>

#include "tern/protocol/bytes.hpp"
#include "tern/protocol/error.hpp"

namespace tern::client {

/// `state`: the confirmed one of the same row; empty: there is none.
Bytes pack_overlay(ByteView state, ByteView overlay);
/// Takes whole ones of older files too.
Result<Bytes> unpack_overlay(ByteView state, ByteView packed);

/// The description that is shown. `packed` empty: nothing pending.
Result<std::string> shown_description(ByteView state, ByteView packed);

}  // namespace tern::client
