// Words of heads, as RFC 9110 compares them.
#pragma once

#include <string>
#include <string_view>

namespace tern::server {

/// ASCII alone.
inline std::string lower_of(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

/// Without blanks at its ends.
inline std::string_view unpadded(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

}  // namespace tern::server
