// What an agent reads on the terminal.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tern/client/views.hpp"

namespace tern::apps {

/// A change as people name it: 16 digits of its id and the device's first 8.
std::string to_text(const sync::ChangeRef& ref);
/// The full form, device and change: 48 hex digits, or what to_text writes is not enough. `invalid` otherwise.
Result<sync::ChangeRef> parse_change_ref(std::string_view text);

void print_list(const client::ListPage& page);
void print_ticket(const client::TicketView& view);
void print_history(const std::vector<client::HistoryEntry>& entries, bool with_follow_ups);
void print_status(const client::SyncStatus& status);

/// Columns a terminal shows for UTF-8 text (no wide-character tables: one for each code point), cut with "…".
std::string cut_to(std::string_view text, std::size_t columns);

}  // namespace tern::apps
