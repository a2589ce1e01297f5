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
/// What a list shows beside each row.
struct ListLook {
  bool sla = false;     // a column for it: some row has a deadline
  bool colour = false;  // by escape sequences; the words say the same
};
/// One row of it, in at most so many columns; 0: as long as it is.
std::string list_line(const client::ListRow& row, std::size_t columns, ListLook look = {});
/// "ok 2h 10m", "soon 25m", "late 3d 4h", "paused 5h": how an open wait stands, in few columns.
std::string sla_cell(const client::SlaView& wait);
/// "first response due 14:30 (in 2 h 10 min, as of last sync 11:52)"
std::string sla_sentence(const client::TicketView& view, const client::SlaView& wait);
/// "812 KB", "3.1 MB"
std::string size_text(std::uint64_t bytes);
/// "2 files, 3.1 MB"
std::string counted_files(std::uint64_t files, std::uint64_t bytes);
void print_files(const std::vector<client::FileView>& files);
void print_ticket(const client::TicketView& view);
void print_history(const std::vector<client::HistoryEntry>& entries, bool with_follow_ups);
void print_status(const client::SyncStatus& status, const client::UnreadCount& unread);

/// Columns a terminal shows for UTF-8 text (no wide-character tables: one for each code point), cut with "…".
std::string cut_to(std::string_view text, std::size_t columns);

}  // namespace tern::apps
