// What a stamp's `kind` says (order.hpp): at one time creates stand before facts, facts before claims.
#pragma once

#include <cstdint>

namespace tern::sync {

inline constexpr std::uint8_t create_kind = 0, fact_kind = 1, claim_kind = 2;

}  // namespace tern::sync
