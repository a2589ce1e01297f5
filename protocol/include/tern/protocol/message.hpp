// Protobuf messages from strangers.
#pragma once

#include "tern/protocol/bytes.hpp"
#include "tern/protocol/error.hpp"
#include "tern/protocol/limits.hpp"

namespace google::protobuf {
class MessageLite;
}

namespace tern::protocol {

/// Reads `bytes` into `message`, nested at most limits::protobuf_recursion_max deep. `too_large`, `malformed` (both
/// with `field`); the message is then cleared. Unknown fields are kept: they are somebody's newer version.
Result<void> parse_message(ByteView bytes, google::protobuf::MessageLite& message, std::string_view field = "body",
                           std::size_t bytes_max = limits::decompressed_bytes_max);

}  // namespace tern::protocol
