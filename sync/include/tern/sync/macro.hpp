// What a macro does to a ticket: one intent a line, in the words of the command line. Read where macros are defined and
// where they are applied.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tern/protocol/error.hpp"
#include "tern/sync/change.hpp"
#include "tern/sync/record.hpp"

namespace tern::sync {

inline constexpr std::size_t macro_steps_max = 20;

struct MacroStep {
  Intent intent = Intent::unspecified;
  Visibility visibility = Visibility::unspecified;  // of a message
  FieldId field = FieldId::unspecified;             // of a set
  std::string key;                                  // of a set: the custom field's name
  std::string words;                                // text, tag or value; a record's name as it was written
  bool operator==(const MacroStep&) const = default;
};

/// `content` is a public message that comes first; empty: none. `actions`, one a line:
///   reply TEXT, note TEXT, tag NAME, untag NAME, set FIELD VALUE, queue NAME, take, assign NAME (or me), watch,
///   start, wait, hold [REASON], resume, put-back, resolve [RESULT], close, reopen [REASON]
/// FIELD is priority, category, type or a custom field. One move of the status, one assignee and one queue at most:
/// what is offered of one ticket is then offered of all steps together. `invalid` with the line, field "actions".
Result<std::vector<MacroStep>> macro_steps(std::string_view content, std::string_view actions);
/// Of a macro's record.
Result<std::vector<MacroStep>> macro_steps(const Record& macro);

/// The record that the step names, by its name; nothing: none.
struct NamedRecord {
  RecordKind kind = RecordKind::unspecified;
  std::string name;
  bool operator==(const NamedRecord&) const = default;
};
std::optional<NamedRecord> record_named_by(const MacroStep& step);

}  // namespace tern::sync
