#include "words.hpp"

namespace tern::server {
namespace {

constexpr int reader_bits = 2;
constexpr std::uint64_t message_mask = (std::uint64_t{1} << 30) - 1;

}  // namespace

WordReaders readers_of(sync::Visibility visibility) {
  switch (visibility) {
    case sync::Visibility::open:
      return WordReaders::everybody;
    case sync::Visibility::team:
      return WordReaders::team;
    default:
      return WordReaders::few;
  }
}

std::int64_t words_place(std::uint64_t message_id, WordReaders readers) {
  return static_cast<std::int64_t>((message_id & message_mask) << reader_bits) + static_cast<std::int64_t>(readers);
}
std::uint64_t message_of_words(std::int64_t row) {
  return static_cast<std::uint64_t>(row % words_rows_of_ticket) >> reader_bits;
}
WordReaders readers_of_words(std::int64_t row) {
  return static_cast<WordReaders>(row & ((1 << reader_bits) - 1));
}

std::string words_text(const sync::TicketState& state) {
  std::string text = sync::field_value(state, sync::FieldId::subject).value_or(Bytes{});
  if (state.description.empty()) return text;
  return text.empty() ? state.description : text + "\n" + state.description;
}

const std::string& words_text(const sync::Message& message) {
  return sync::standing_text(message);
}

Result<std::vector<WordsRow>> words_of_messages(sqlite::Database& db, std::int64_t tenant, const TicketId& ticket) {
  TERN_TRY(auto rows,
           db.query("SELECT integer_id, data FROM message WHERE tenant_id = $1 AND ticket_id = $2", tenant, ticket));
  std::vector<WordsRow> out;
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return out;
    TERN_TRY(const sync::Message message, sync::decode_message(rows.blob(1)));
    const std::string& text = words_text(message);
    if (rows.uint64(0) != 0 && !text.empty())
      out.push_back({words_place(rows.uint64(0), readers_of(message.visibility)), text});
  }
}

Result<void> add_words(sqlite::Database& db, std::int64_t row, std::string_view text) {
  if (text.empty()) return {};
  return db.run("INSERT INTO words (rowid, text) VALUES ($1, $2)", row, sqlite::Text{text});
}

Result<void> take_out_words(sqlite::Database& db, std::int64_t row, std::string_view text) {
  if (text.empty()) return {};
  return db.run("INSERT INTO words (words, rowid, text) VALUES ('delete', $1, $2)", row, sqlite::Text{text});
}

Result<void> overwrite_old_words(sqlite::Database& db) {
  auto set = db.run("INSERT INTO words (words, rank) VALUES ('secure-delete', 1)");
  return !set && set.error().code == ErrorCode::internal ? Result<void>{} : set;
}

}  // namespace tern::server
