// Judges what people write with before it is kept: quick replies, macros, articles, tariffs. One by one, and many at
// once.
#pragma once

#include <functional>
#include <string>

#include "tern/sync/record.hpp"

namespace tern::server::admin {

/// Any kind; only these four are looked at. An article without a status is a draft. `there_is(kind, name)`: what a
/// macro names. `invalid`, `too_large` or `not_found` with the attribute's name.
Result<void> check_library_record(sync::Record& record,
                                  const std::function<bool(sync::RecordKind, const std::string&)>& there_is);

/// "12.5" for 12.5. `invalid` below 0, above a million, and for what is no number.
Result<std::string> amount_text(double amount, std::string_view field);

/// Lines of a list, one text.
std::string joined_lines(const std::vector<std::string>& lines);

}  // namespace tern::server::admin
