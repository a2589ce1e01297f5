// The search index against the texts: which words stand in which row, as sums for each ticket. The texts are split by
// an index like it, some hundred tickets at a time.
#include <algorithm>

#include "verify_parts.hpp"

namespace tern::server {
namespace {

constexpr std::size_t rows_counted_at_once = 2'000;

/// Adds what each (word, row) of an index stands for to its ticket's sum: the order does not matter.
Result<void> add_sums(VerifyRun& run, sqlite::Database& db, std::map<std::uint64_t, std::uint64_t>& sums) {
  TERN_TRY(auto rows, db.query("SELECT term, doc FROM words_of"));
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return {};
    const std::int64_t row = rows.int64(1);
    std::uint64_t hash = 0xcbf29ce484222325ULL ^ static_cast<std::uint64_t>(row);
    for (const char c : rows.text(0)) hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001b3ULL;
    hash = (hash ^ (hash >> 29)) * 0xbf58476d1ce4e5b9ULL;
    sums[ticket_of_words(row)] += hash ^ (hash >> 32);
    if (run.is_stopped()) return {};
  }
}

Result<void> count_expected(VerifyRun& run) {
  if (!run.book) {
    TERN_TRY(run.book, WordBook::open(false));
  }
  std::sort(run.to_count.begin(), run.to_count.end());
  for (const auto& [row, text] : run.to_count) TERN_CHECKED(add_words(run.book->db(), row, text));
  run.to_count.clear();
  TERN_CHECKED(add_sums(run, run.book->db(), run.word_sums));
  return run.book->clear();
}

}  // namespace

Result<void> expect_words(VerifyRun& run, const sync::TicketState& state, std::uint64_t message_id,
                          const std::vector<std::pair<std::uint64_t, const sync::Message*>>& messages) {
  if (state.integer_id > run.lists_to || sync::is_deleted(state)) return {};
  const auto expect = [&](std::uint64_t id, WordReaders readers, const std::string& text) {
    if (id != 0) run.to_count.emplace_back(words_row(state.integer_id, words_place(id, readers)), text);
  };
  expect(message_id, WordReaders::everybody, words_text(state));
  for (const auto& [id, message] : messages) expect(id, readers_of(message->visibility), words_text(*message));
  return run.to_count.size() < rows_counted_at_once ? Result<void>{} : count_expected(run);
}

Result<void> check_words(VerifyRun& run) {
  TERN_CHECKED(count_expected(run));
  std::map<std::uint64_t, std::uint64_t> held;
  TERN_CHECKED(add_sums(run, run.db, held));
  if (run.is_stopped()) return {};
  for (const auto& [ticket, sum] : run.word_sums) {
    const auto found = held.find(ticket);
    if (found == held.end() || found->second != sum)
      run.find("ticket {}: the words that search finds it by are not those of its texts", ticket);
    if (found != held.end()) held.erase(found);
  }
  for (const auto& [ticket, sum] : held)
    run.find("the search index holds words of ticket {}, which has none to be found by", ticket);
  return {};
}

}  // namespace tern::server
