// Files of worked SLA cases from strangers: refused with a reason, or run, twice with the same result.
#include "fuzz/fuzz_input.hpp"
#include "tern/sla/cases.hpp"

namespace tern::fz_sla_cases {

TERN_FUZZ_TARGET(fz_sla_cases) {
  const std::string_view text(reinterpret_cast<const char*>(data), size_bytes);
  const auto result = sla::run_cases(text);
  if (!result) {
    check(!result.error().message.empty(), "a refusal says why");
    return 0;
  }
  const auto again = sla::run_cases(text);
  check(again && again->cases.size() == result->cases.size(), "the same cases");
  for (std::size_t i = 0; i < result->cases.size(); ++i)
    check(again->cases[i].to_json() == result->cases[i].to_json(), "the clock is a function");
  return 0;
}

}  // namespace tern::fz_sla_cases
