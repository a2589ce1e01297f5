// The search index against the texts: which words stand in which row, as sums for each ticket.
#include <set>

#include "verify_parts.hpp"

namespace tern::server {
namespace {

/// What one word in one row adds to its ticket's sum: the order does not matter.
std::uint64_t word_sum(std::int64_t row, std::string_view word) {
  std::uint64_t hash = 0xcbf29ce484222325ULL ^ static_cast<std::uint64_t>(row);
  for (const char c : word) hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001b3ULL;
  hash = (hash ^ (hash >> 29)) * 0xbf58476d1ce4e5b9ULL;
  return hash ^ (hash >> 32);
}

Result<void> expect_row(VerifyRun& run, std::int64_t row, const std::string& text) {
  std::set<std::string, std::less<>> words;
  TERN_CHECKED(run.splitter->split(text, [&](std::string_view word) {
    if (words.find(word) == words.end()) words.emplace(word);
  }));
  for (const std::string& word : words) run.word_sums[ticket_of_words(row)] += word_sum(row, word);
  return {};
}

}  // namespace

Result<void> expect_words(VerifyRun& run, const sync::TicketState& state, std::uint64_t message_id,
                          const std::vector<std::pair<std::uint64_t, const sync::Message*>>& messages) {
  if (state.integer_id > run.lists_to || sync::is_deleted(state)) return {};
  if (!run.splitter) {
    TERN_TRY(run.splitter, sqlite::WordSplitter::open());
  }
  const auto expect = [&](std::uint64_t id, WordReaders readers, const std::string& text) {
    return id == 0 ? Result<void>{} : expect_row(run, words_row(state.integer_id, words_place(id, readers)), text);
  };
  TERN_CHECKED(expect(message_id, WordReaders::everybody, words_text(state)));
  for (const auto& [id, message] : messages)
    TERN_CHECKED(expect(id, readers_of(message->visibility), words_text(*message)));
  return {};
}

Result<void> check_words(VerifyRun& run) {
  std::map<std::uint64_t, std::uint64_t> held;
  TERN_TRY(auto rows, run.db.query("SELECT term, doc FROM words_of"));
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) break;
    held[ticket_of_words(rows.int64(1))] += word_sum(rows.int64(1), rows.text(0));
    if (run.is_stopped()) return {};
  }
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
