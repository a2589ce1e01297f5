// What an agent reads on the terminal.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tern/client/views.hpp"

namespace tern::apps {

/// A change as people copy it: DEVICE:ID.
std::string to_text(const sync::ChangeRef& ref);
/// What to_text writes; dashes and the colon may be missing. `invalid` otherwise.
Result<sync::ChangeRef> parse_change_ref(std::string_view text);

/// The one of `known` whose id begins so (4 digits or more): `not_found` with the hint, `ambiguous`.
Result<sync::ChangeRef> change_among(const std::vector<sync::ChangeRef>& known, std::string_view name,
                                     std::string_view what, const std::string& hint);

/// Columns of the terminal that stdout is; 0: it is none.
std::size_t terminal_columns();
void print_list(const client::ListPage& page, std::size_t columns);
/// One row of it, in at most so many columns; 0: as long as it is.
std::string list_line(const client::ListRow& row, std::size_t columns);
void print_ticket(const client::TicketView& view);
void print_history(const std::vector<client::HistoryEntry>& entries, bool with_follow_ups);
void print_status(const client::SyncStatus& status);

/// Columns a terminal shows for UTF-8 text (no wide-character tables: one for each code point), cut with "…".
std::string cut_to(std::string_view text, std::size_t columns);

}  // namespace tern::apps
