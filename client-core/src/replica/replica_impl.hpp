// What the parts of Replica share.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "replica/clock_table.hpp"
#include "replica/message_table.hpp"
#include "replica/read_marks.hpp"
#include "replica/replica.hpp"
#include "replica/ticket_table.hpp"
#include "tern/protocol/crypto.hpp"
#include "tern/sqlite/transaction.hpp"

namespace tern::client {

inline constexpr std::uint64_t word_batch_rows = 4096;  // what one transaction indexes at most; some tens of ms

namespace replica_meta {
inline constexpr std::string_view cursor = "cursor";
inline constexpr std::string_view page_token = "page_token";
inline constexpr std::string_view complete = "first_replica_complete";  // "1"
inline constexpr std::string_view in_scope = "tickets_in_scope";        // decimal
inline constexpr std::string_view current_as_of = "current_as_of_ms";   // decimal
inline constexpr std::string_view rights_version = "rights_version";    // decimal
inline constexpr std::string_view restored = "digest_suspended";        // "1"; the engine's, from a restore on
inline constexpr std::string_view files_found = "files_found";          // "1": is_file of messages is right
inline constexpr std::string_view others_found = "others_found";        // "1": by_other of messages is right
inline constexpr std::string_view reading = "reading_begun";            // "1": what has no read mark is unread
inline constexpr std::string_view clocks = "clocks";  // up to which number SLA clocks are here, and of which epoch
}  // namespace replica_meta

struct Replica::Impl {
  std::string path, vfs;
  protocol::SecretKey key;
  sqlite::Role role = sqlite::Role::writer;
  std::unique_ptr<sqlite::Database> database;
  WordIndex words;
  std::optional<sync::ScopeDigest> digest;  // over the rows; nothing: to be counted
  // Slices of one page, and pages that follow each other, share a transaction: the pages of the file that each of them
  // touches are written once.
  std::optional<sqlite::Transaction> open_page;
  int open_pages = 0;                        // whole ones in it
  bool healed = false;                       // once in a life: damage that comes back has another cause
  bool page_lost = false;                    // it could not be committed; the page has to come again
  bool receipts_came = false;                // since somebody last looked
  bool has_clocks = true, has_marks = true;  // false: a file of before, opened to look only
  std::uint64_t life = 0;                    // a new one with every opening

  ~Impl() { static_cast<void>(settle()); }
  /// Commits the slices that were applied so far. Whoever else writes calls this first.
  Result<void> settle();
  /// Undoes them, back to the last commit.
  void drop_page();

  Result<void> open();
  Result<void> find_files();
  /// Whoever shows and applies needs a copy to ask. Until the program starts again an empty one in memory does.
  void stand_in();
  Result<std::optional<Bytes>> meta(std::string_view name);
  Result<void> set_meta(std::string_view name, ByteView value);
  Result<void> remove_meta(std::string_view name);
  Result<std::uint64_t> number(std::string_view name);
  Result<void> set_number(std::string_view name, std::uint64_t value);
  Result<CursorHeld> cursor();
  Result<void> set_cursor(const CursorHeld& cursor);
  Result<CursorHeld> clocks_place();  // numbers of clocks in place of commits
  Result<void> set_clocks_place(const CursorHeld& place);
  Result<sync::ScopeDigest> count_digest(std::uint64_t rights_version);
  Result<sync::ScopeDigest*> held_digest();

  // overlay.cpp; inside the caller's transaction
  Result<void> refold_ticket(Outbox& outbox, const TicketId& ticket, std::uint64_t cursor_seq);

  /// Indexes what waits, in transactions of its own, until at most `rows_left` wait.
  Result<void> index_words(std::uint64_t rows_left);

  [[nodiscard]] TicketTable tickets() { return {*database, words}; }
  [[nodiscard]] MessageTable messages() { return {*database, words}; }
  [[nodiscard]] ClockTable clocks() { return ClockTable(*database); }
  [[nodiscard]] ReadMarks marks() { return ReadMarks(*database); }

  // Read marks go along when the copy is made anew, as far as they can be read.
  std::vector<ReadMarks::Mark> marks_to_keep();
  Result<void> keep_marks(const std::vector<ReadMarks::Mark>& marks);
  Result<void> begin_reading(const OperatorId& reader);
};

}  // namespace tern::client
