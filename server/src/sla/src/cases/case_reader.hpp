// Reads a file of worked cases into what the clock takes.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tern/protocol/json.hpp"
#include "tern/sla/breach.hpp"

namespace tern::sla {

struct WorkedCase {
  std::string id;
  std::vector<ZoneOffset> reader_zone;  // of *_local members
  RuleBook book;                        // one rule for each policy, on a tag of its name
  std::vector<Event> events;
  std::vector<Device> devices;  // one, silent between the receipts, when something was made offline
  Instant as_of = 0;
  const Json* source = nullptr;  // in the file, with what is expected
};

struct CaseFile {
  Json source;
  std::string computed_with;
  Calendars calendars;
  std::vector<WorkedCase> cases;
};

/// `invalid`, naming case, place and member.
Result<CaseFile> read_case_file(std::string_view text);

}  // namespace tern::sla
