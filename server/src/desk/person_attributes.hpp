// Attributes of contacts that say what may become of what is known of them.
#pragma once

#include <string_view>

namespace tern::server {

/// Nothing of them is erased while it says why.
inline constexpr std::string_view legal_hold_attribute = "legal_hold";
/// "1": everything of them was. Erasures write it, nobody else.
inline constexpr std::string_view erased_attribute = "erased";
/// "erased #12": how they are called from then on.
inline constexpr std::string_view erased_name_start = "erased #";

}  // namespace tern::server
