// Attributes of contacts that say what may become of what is known of them.
#pragma once

#include <string_view>

namespace tern::server {

/// Nothing of them is erased while it says why.
inline constexpr std::string_view legal_hold_attribute = "legal_hold";
/// "1": everything of them was.
inline constexpr std::string_view erased_attribute = "erased";

}  // namespace tern::server
