#include "tern/protocol/base64.hpp"

#include <sodium/utils.h>

#include "raw.hpp"

namespace tern {

using protocol::raw;

std::string to_base64(ByteView bytes) {
  std::string text(sodium_base64_encoded_len(bytes.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
  sodium_bin2base64(text.data(), text.size(), raw(bytes), bytes.size(), sodium_base64_VARIANT_ORIGINAL);
  text.pop_back();  // its NUL
  return text;
}

std::optional<Bytes> from_base64(std::string_view text) {
  if (text.empty()) return Bytes{};
  if (text.size() % 4 != 0) return std::nullopt;
  Bytes bytes(text.size() / 4 * 3, '\0');
  std::size_t used = 0;
  const char* end = nullptr;
  const int done = sodium_base642bin(raw(bytes), bytes.size(), text.data(), text.size(), nullptr, &used, &end,
                                     sodium_base64_VARIANT_ORIGINAL);
  if (done != 0 || end != text.data() + text.size()) return std::nullopt;
  bytes.resize(used);
  return bytes;
}

}  // namespace tern
