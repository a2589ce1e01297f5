#include "support/failing_place.hpp"

#include <execinfo.h>

#include <array>
#include <cstdint>
#include <mutex>
#include <unordered_set>

namespace tern::test {
namespace {

// Few enough that acts of many tests come by the same ones.
constexpr int callers_in_a_place = 14;

}  // namespace

bool is_first_at_this_place() {
  static std::mutex mutex;
  static std::unordered_set<std::uint64_t> places;
  std::array<void*, callers_in_a_place> callers{};
  const int known = ::backtrace(callers.data(), callers_in_a_place);
  std::uint64_t place = 0;
  for (int i = 0; i < known; ++i)
    place = (place ^ reinterpret_cast<std::uintptr_t>(callers.at(i))) * 0x9e3779b97f4a7c15U + (place >> 29U);
  const std::lock_guard lock(mutex);
  return places.insert(place).second;
}

}  // namespace tern::test
