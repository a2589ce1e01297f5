#include "tern/protocol/message.hpp"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/message_lite.h>

namespace tern::protocol {

Result<void> parse_message(ByteView bytes, google::protobuf::MessageLite& message, std::string_view field,
                           std::size_t bytes_max) {
  message.Clear();
  if (bytes.size() > bytes_max)
    return fail(ErrorCode::too_large, "a message is over its limit", {}, std::string(field));
  google::protobuf::io::CodedInputStream input(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                               static_cast<int>(bytes.size()));
  input.SetRecursionLimit(limits::protobuf_recursion_max);
  if (message.ParseFromCodedStream(&input) && input.ConsumedEntireMessage()) return {};
  message.Clear();
  return fail(ErrorCode::malformed, "a message cannot be read", {}, std::string(field));
}

}  // namespace tern::protocol
