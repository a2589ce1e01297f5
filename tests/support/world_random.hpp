// Where a world's chance comes from: one seed, one stream of numbers for each purpose.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace tern::test {

/// What a whole run follows from.
struct Seed {
  std::uint64_t value = 0;
  /// TERN_SEED when it is set, so that a failure that was printed can be played again; else `fallback`.
  static Seed from_environment_or(std::uint64_t fallback);
  /// For tests that play many: TERN_SEED alone when it is set; else half of them from `first` on, and the others from
  /// TERN_COMMIT_SEED, which `./dev test` sets, so that each commit tries new ones.
  static std::vector<Seed> of_commit_and_from(std::uint64_t first, std::size_t count);
  /// Another one, for an actor or a round of a run.
  [[nodiscard]] Seed child(std::string_view name) const;
};

/// A stream of numbers. Streams of different names do not shift each other: taking an actor out of a scenario leaves
/// what the others do as it was.
class Random {
public:
  Random(Seed seed, std::string_view name) : state_(seed.child(name).value) {}

  std::uint64_t next();
  /// 0 to bound - 1; 0 when bound is 0.
  std::uint64_t below(std::uint64_t bound) { return bound == 0 ? 0 : next() % bound; }
  /// Both ends included.
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(high - low) + 1));
  }
  bool chance(unsigned in_a_thousand) { return below(1000) < in_a_thousand; }
  template <typename T>
  T& pick(std::vector<T>& from) {
    return from[below(from.size())];
  }
  template <typename T>
  const T& pick(const std::vector<T>& from) {
    return from[below(from.size())];
  }

private:
  std::uint64_t state_;
};

}  // namespace tern::test
