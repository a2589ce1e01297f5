// The rows of the search index `words`, and what stands in them. A row's number says ticket, message and readers: rows
// of a ticket are neighbours, those of newer tickets come later.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tern/sqlite/database.hpp"
#include "tern/sync/ticket_state.hpp"

namespace tern::server {

/// Who reads a row.
enum class WordReaders : std::uint8_t { everybody = 0, team = 1, few = 2 };
WordReaders readers_of(sync::Visibility visibility);

/// Within its ticket. (Of the message's id the lower 30 bits: no ticket has a thousand million messages.)
std::int64_t words_place(std::uint64_t message_id, WordReaders readers);
inline constexpr std::int64_t words_rows_of_ticket = std::int64_t{1} << 32;
inline std::int64_t words_row(std::uint64_t ticket, std::int64_t place) {
  return static_cast<std::int64_t>(ticket) * words_rows_of_ticket + place;
}
inline std::uint64_t ticket_of_words(std::int64_t row) {
  return static_cast<std::uint64_t>(row / words_rows_of_ticket);
}
std::uint64_t message_of_words(std::int64_t row);
WordReaders readers_of_words(std::int64_t row);

/// What a row says: subject and description; what is shown of a message.
std::string words_text(const sync::TicketState& state);
const std::string& words_text(const sync::Message& message);

struct WordsRow {
  std::int64_t place = 0;
  std::string text;
};
/// What the messages of a ticket say, as they are stored. No row is empty.
Result<std::vector<WordsRow>> words_of_messages(sqlite::Database& db, std::int64_t tenant, const TicketId& ticket);

/// Empty texts have no row.
Result<void> add_words(sqlite::Database& db, std::int64_t row, std::string_view text);
/// `text` is what the row says.
Result<void> take_out_words(sqlite::Database& db, std::int64_t row, std::string_view text);

/// Of a connection that writes: words that are taken out are overwritten. SQLite before 3.42 cannot, and keeps them
/// until its segments merge.
Result<void> overwrite_old_words(sqlite::Database& db);

}  // namespace tern::server
