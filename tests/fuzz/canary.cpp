// A bug that is planted, to see that fuzzing would tell: four bytes lead to a read behind the end. `./dev fuzz` runs it
// first and goes on only when the alarm was raised.
#include <cstddef>
#include <cstdint>
#include <memory>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size_bytes) {
  if (size_bytes < 4 || data[0] != 'T' || data[1] != 'E' || data[2] != 'R' || data[3] != 'N') return 0;
  const auto sung = std::make_unique<volatile char[]>(size_bytes);
  return sung[size_bytes] == 'x' ? 1 : 0;  // one too far
}
