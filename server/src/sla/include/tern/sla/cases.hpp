// Files of worked cases, format "sla-cases/1": how the clock is checked from outside.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tern/protocol/json.hpp"

namespace tern::sla {

struct CaseResult {
  std::string id;
  bool agrees = false;
  Json expected, got;              // the cycles
  std::vector<Json::Member> more;  // breach record, offline credits, delivered: {"expected":...,"got":...} each
  std::vector<std::string> differences;

  /// {"id","agrees","expected","got", and one member for each of `more`}
  [[nodiscard]] Json to_json() const;
};

struct CasesResult {
  std::string installed_tz_version, computed_with;  // of this machine; as the file says
  std::vector<CaseResult> cases;
  [[nodiscard]] bool all_agree() const;
};

inline constexpr std::size_t case_file_bytes_max = std::size_t{16} << 20, case_events_max = 1'000;

/// Every member that a case expects is compared; a cycle too many or too few differs. `invalid` with a sentence that
/// names the case and the member when the file is no such file; nothing is run then.
Result<CasesResult> run_cases(std::string_view text);

}  // namespace tern::sla
