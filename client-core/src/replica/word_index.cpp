#include "replica/word_index.hpp"

#include <algorithm>

#include "replica/damaged_copy.hpp"
#include "replica/stored_overlay.hpp"
#include "tern/protocol/wire.hpp"
#include "tern/sqlite/database.hpp"
#include "tern/sqlite/search_index.hpp"
#include "tern/v1/ticket.pb.h"

namespace tern::client {

using sqlite::Blob;
using sqlite::Text;

namespace {

constexpr std::string_view meta_name = "words_to";

Result<void> add_ticket(sqlite::Database& database, std::int64_t id, std::string_view subject,
                        std::string_view description) {
  if (subject.empty() && description.empty()) return {};
  return database.run("INSERT INTO ticket_fts (rowid, subject, description) VALUES ($1, $2, $3)", id, Text{subject},
                      Text{description});
}

Result<void> take_out(sqlite::Database& database, std::int64_t id, std::string_view subject,
                      std::string_view description) {
  if (subject.empty() && description.empty()) return {};
  return database.run("INSERT INTO ticket_fts (ticket_fts, rowid, subject, description) VALUES ('delete', $1, $2, $3)",
                      id, Text{subject}, Text{description});
}

}  // namespace

std::string shown_text(const v1::TicketMessage& message) {
  if (message.deletes_size() > 0 || (message.edits_size() == 0 && message.erased())) return {};
  if (message.edits_size() == 0) return message.text();
  const v1::MessageEditMessage& newest = message.edits(message.edits_size() - 1);
  return newest.erased() ? std::string{} : newest.text();
}

Result<void> WordIndex::begin(sqlite::Database& database) {
  tickets_to_ = messages_to_ = 0;
  changed_ = false;
  TERN_TRY(auto rows, database.query("SELECT value FROM meta WHERE name = $1", Text{meta_name}));
  TERN_TRY(const bool found, rows.step());
  if (!found) return {};
  protocol::ByteReader reader(rows.blob(0));
  tickets_to_ = reader.i64("tickets");
  messages_to_ = reader.i64("messages");
  return reader.finish() ? Result<void>{} : damaged_copy("a mark");
}

Result<void> WordIndex::store(sqlite::Database& database) {
  if (!changed_) return {};
  changed_ = false;
  return database.run(
      "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
      Text{meta_name}, Blob{protocol::ByteWriter().i64(tickets_to_).i64(messages_to_).take()});
}

Result<void> WordIndex::removed_ticket(sqlite::Database& database, std::int64_t id, const TicketWords& words) const {
  if (!holds_ticket(id)) return {};
  TERN_TRY(auto rows, database.query("SELECT subject, description FROM ticket_words_before WHERE id = $1", id));
  TERN_TRY(const bool changed, rows.step());
  if (!changed) return take_out(database, id, words.subject, words.description);
  TERN_CHECKED(take_out(database, id, rows.text(0), rows.text(1)));
  rows.reset();
  return database.run("DELETE FROM ticket_words_before WHERE id = $1", id);
}

Result<void> WordIndex::changed_ticket(sqlite::Database& database, std::int64_t id, const TicketWords& before,
                                       const TicketWords& after) const {
  if (!holds_ticket(id) || before == after) return {};
  return database.run(
      "INSERT INTO ticket_words_before (id, subject, description) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING", id,
      Text{before.subject}, Text{before.description});
}

Result<void> WordIndex::removed_message(sqlite::Database& database, std::int64_t id, std::string_view words) {
  if (!holds_message(id) || words.empty()) return {};
  return database.run("INSERT INTO message_fts (message_fts, rowid, text) VALUES ('delete', $1, $2)", id, Text{words});
}

Result<std::uint64_t> WordIndex::backlog(sqlite::Database& database) const {
  TERN_TRY(const auto tickets, database.int64_of("SELECT max(id) FROM ticket"));
  TERN_TRY(const auto messages, database.int64_of("SELECT max(id) FROM message"));
  TERN_TRY(const auto changed, database.int64_of("SELECT count(*) FROM ticket_words_before"));
  const std::int64_t waiting = changed.value_or(0) + std::max<std::int64_t>(0, tickets.value_or(0) - tickets_to_) +
                               std::max<std::int64_t>(0, messages.value_or(0) - messages_to_);
  return static_cast<std::uint64_t>(waiting);
}

Result<void> WordIndex::work_off(sqlite::Database& database, std::uint64_t rows_max) {
  TERN_CHECKED(sqlite::settle_search_index(database));  // what this transaction took out
  TERN_TRY(std::uint64_t done, work_off_changed(database, rows_max));
  if (done >= rows_max) return {};
  TERN_TRY(const std::uint64_t tickets, work_off_tickets(database, rows_max - done));
  done += tickets;
  if (done >= rows_max) return {};
  return work_off_messages(database, rows_max - done).map([](std::uint64_t) {});
}

Result<std::uint64_t> WordIndex::work_off_changed(sqlite::Database& database, std::uint64_t rows_max) const {
  TERN_TRY(auto rows, database.query("SELECT b.id, b.subject, b.description, t.subject, t.state, t.overlay FROM "
                                     "ticket_words_before b JOIN ticket t ON t.id = b.id ORDER BY b.id LIMIT $1",
                                     rows_max));
  struct Changed {
    std::int64_t id;
    TicketWords words;
  };
  std::vector<Changed> changed;
  std::int64_t through = 0;
  std::uint64_t done = 0;
  for (;; ++done) {
    TERN_TRY(const bool row, rows.step());
    if (!row) break;
    through = rows.int64(0);
    TERN_TRY(const std::string description, shown_description(rows.blob(4), rows.blob(5)));
    if (rows.text(1) == rows.text(3) && rows.text(2) == description) continue;  // changed back
    TERN_CHECKED(take_out(database, through, rows.text(1), rows.text(2)));
    changed.push_back({through, {std::string(rows.text(3)), description}});
  }
  rows.reset();
  if (!changed.empty()) TERN_CHECKED(sqlite::settle_search_index(database));
  for (const Changed& ticket : changed)
    TERN_CHECKED(add_ticket(database, ticket.id, ticket.words.subject, ticket.words.description));
  if (done != 0) TERN_CHECKED(database.run("DELETE FROM ticket_words_before WHERE id <= $1", through));
  return done;
}

Result<std::uint64_t> WordIndex::work_off_tickets(sqlite::Database& database, std::uint64_t rows_max) {
  TERN_TRY(auto rows,
           database.query("SELECT id, subject, state, overlay FROM ticket WHERE id > $1 ORDER BY id LIMIT $2",
                          tickets_to_, rows_max));
  for (std::uint64_t done = 0;; ++done) {
    TERN_TRY(const bool row, rows.step());
    if (!row) return done;
    TERN_TRY(const std::string description, shown_description(rows.blob(2), rows.blob(3)));
    TERN_CHECKED(add_ticket(database, rows.int64(0), rows.text(1), description));
    tickets_to_ = rows.int64(0);
    changed_ = true;
  }
}

Result<std::uint64_t> WordIndex::work_off_messages(sqlite::Database& database, std::uint64_t rows_max) {
  TERN_TRY(auto rows,
           database.query("SELECT id, data FROM message WHERE id > $1 ORDER BY id LIMIT $2", messages_to_, rows_max));
  v1::TicketMessage message;
  for (std::uint64_t done = 0;; ++done) {
    TERN_TRY(const bool row, rows.step());
    if (!row) return done;
    message.Clear();
    const ByteView stored = rows.blob(1);
    if (!message.ParseFromArray(stored.data(), static_cast<int>(stored.size()))) return damaged_copy("a message");
    const std::string words = shown_text(message);
    if (!words.empty()) {
      TERN_CHECKED(database.run("INSERT INTO message_fts (rowid, text) VALUES ($1, $2)", rows.int64(0), Text{words}));
    }
    messages_to_ = rows.int64(0);
    changed_ = true;
  }
}

}  // namespace tern::client
