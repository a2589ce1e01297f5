// What the edge says no to, and how.
#pragma once

#include <string>
#include <string_view>

namespace tern::server::edge {

/// A refusal that the edge makes by itself. The connection closes after it: what follows cannot be trusted to be a
/// request.
struct Refusal {
  int status = 400;
  std::string_view code;   // one of the codes of docs/protocol.md; a literal
  std::string_view title;  // a literal
  std::string_view field;  // a header's name or empty; a literal
};

}  // namespace tern::server::edge
