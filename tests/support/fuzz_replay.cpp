// Runs a fuzz target once over each file of its corpus: what the fuzzer ever found stays found, with any compiler.
// fuzz_replay TARGET FOLDER
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>

#include "support/files.hpp"

#define TERN_TARGET(name) extern "C" int name(const std::uint8_t* data, std::size_t size_bytes);
#include "fuzz_targets.inc"
#undef TERN_TARGET

namespace {

struct Target {
  std::string_view name;
  int (*run)(const std::uint8_t* data, std::size_t size_bytes);
};
#define TERN_TARGET(name) {#name, name},
constexpr Target targets[] = {
#include "fuzz_targets.inc"
};
#undef TERN_TARGET

int replay(const Target& target, const char* folder) {
  int inputs = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string input = tern::test::content_of(entry.path());
    target.run(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
    ++inputs;
  }
  if (inputs == 0) return std::fprintf(stderr, "%s has no inputs\n", folder), 1;
  // The empty input is always one.
  target.run(reinterpret_cast<const std::uint8_t*>(""), 0);
  std::printf("%d inputs\n", inputs + 1);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3 || !std::filesystem::is_directory(argv[2])) {
    std::fputs("usage: fuzz_replay TARGET FOLDER\n", stderr);
    return 2;
  }
  for (const Target& target : targets)
    if (target.name == argv[1]) return replay(target, argv[2]);
  std::fprintf(stderr, "no target is named %s\n", argv[1]);
  return 2;
}
