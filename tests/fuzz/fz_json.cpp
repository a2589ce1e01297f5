// JSON text from strangers. What reads is written so that it reads the same, with decimals and without.
#include "fuzz/fuzz_input.hpp"
#include "tern/protocol/json.hpp"

namespace tern::fz_json {

TERN_FUZZ_TARGET(fz_json) {
  const std::string_view text(reinterpret_cast<const char*>(data), size_bytes);
  const Result<Json> strict = parse_json(text);
  for (const bool decimals : {false, true}) {
    const JsonLimits limits{.decimals = decimals};
    const Result<Json> value = decimals ? parse_json(text, limits) : strict;
    if (!value) {
      check(!value.error().message.empty(), "a refusal says why");
      check(!decimals || !strict, "decimals allow more, not less");
      continue;
    }
    check(!strict || *strict == *value, "decimals alter nothing else");
    const std::string written = to_text(*value);
    const Result<Json> again = parse_json(written, limits);
    check(again && *again == *value, "a value survives its text");
    check(to_text(*again) == written, "the text is stable");
  }
  return 0;
}

}  // namespace tern::fz_json
