#include "api/search.hpp"

#include <algorithm>
#include <functional>
#include <set>

namespace tern::server {
namespace {

constexpr std::size_t letters_to_begin_with = 3;
constexpr std::size_t words_of_beginning_max = 64;
constexpr int steps_before_asking_again = 32;
constexpr double bm25_k1 = 1.2, bm25_b = 0.75;

std::size_t letters_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80; }));
}

std::string_view beginning_of(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  while (bytes_max > 0 && (static_cast<unsigned char>(text[bytes_max]) & 0xc0U) == 0x80) --bytes_max;
  return text.substr(0, bytes_max);
}

/// Words of the index: this one, or those that begin so. Nothing: there are too many of these.
Result<std::optional<std::vector<std::string>>> words_of(sqlite::Database& db, const std::string& word, bool begins) {
  std::vector<std::string> words;
  if (!begins) words.push_back(word);
  TERN_TRY(auto next, db.prepare("SELECT term FROM words_of WHERE term >= $1 LIMIT 1"));
  for (std::string from = word; begins; from = words.back() + '\x01') {  // no word has such a byte
    next.reset();
    next.bind_all(sqlite::Text{from});
    TERN_TRY(const bool there, next.step());
    if (!there || !next.text(0).starts_with(word)) break;
    if (words.size() == words_of_beginning_max) return std::optional<std::vector<std::string>>{};
    words.emplace_back(next.text(0));
  }
  return std::optional(std::move(words));
}

/// What a row says. Empty: it is not there, which only damage explains.
Result<std::string> text_of_row(sqlite::Database& db, std::int64_t tenant, std::int64_t row) {
  {
    TERN_TRY(auto rows, db.query("SELECT data FROM message WHERE tenant_id = $1 AND integer_id = $2 AND integer_id > 0",
                                 tenant, message_of_words(row)));
    TERN_TRY(const bool there, rows.step());
    if (there) return sync::decode_message(rows.blob(0)).map([](const sync::Message& m) { return words_text(m); });
  }
  TERN_TRY(auto rows,
           db.query("SELECT state FROM ticket WHERE tenant_id = $1 AND integer_id = $2", tenant, ticket_of_words(row)));
  TERN_TRY(const bool there, rows.step());
  if (!there) return std::string();
  return sync::decode_state(rows.blob(0)).map([](const sync::TicketState& state) { return words_text(state); });
}

}  // namespace

Result<WordSearch> WordSearch::begin(sqlite::Database& db, std::string_view words, WordReaders most_secret) {
  TERN_TRY(auto splitter, sqlite::WordSplitter::open());
  WordSearch search(db, most_secret, std::move(splitter));
  TERN_CHECKED(search.splitter_.split(beginning_of(words, search_bytes_max), [&search](std::string_view word) {
    if (search.terms_.size() < search_words_max) search.terms_.push_back({std::string(word), false, {}});
  }));
  if (!search.terms_.empty())
    search.terms_.back().begins = letters_of(search.terms_.back().word) >= letters_to_begin_with;
  return search;
}

// ---- one word ----

std::int64_t WordSearch::Term::row() const {
  std::int64_t newest = 0;
  for (const Stream& stream : streams) newest = std::max(newest, stream.row);
  return newest;
}

/// FTS5 merges the rows of all words with a beginning before it gives the first one. Each of a few gives its own, as
/// far as they are wanted.
Result<void> WordSearch::open(Term& term) {
  TERN_TRY(const auto words, words_of(*db_, term.word, term.begins));
  if (words) {
    for (const std::string& word : *words) term.streams.push_back({"\"" + word + "\"", false, std::nullopt, 0});
  } else {
    term.streams.push_back({"\"" + term.word + "\"*", true, std::nullopt, 0});
  }
  return {};
}

Result<void> WordSearch::ask(Stream& stream, std::int64_t at_most) {
  stream.rows.reset();
  TERN_TRY(stream.rows, db_->query("SELECT rowid FROM words WHERE words MATCH $1 AND rowid <= $2 ORDER BY rowid DESC",
                                   sqlite::Text{stream.match}, at_most));
  return step(stream);
}

/// To the next row that the caller may read.
Result<void> WordSearch::step(Stream& stream) {
  while (!is_spent()) {
    ++rows_read_;
    TERN_TRY(const bool there, stream.rows->step());
    if (!there) break;
    stream.row = stream.rows->int64(0);
    if (readers_of_words(stream.row) <= most_secret_) return {};
  }
  stream.row = 0;
  return {};
}

Result<void> WordSearch::go_down(Stream& stream, std::int64_t at_most) {
  if (!stream.rows) return ask(stream, at_most);
  for (int steps = 0; stream.row > at_most && (stream.many || steps < steps_before_asking_again); ++steps)
    TERN_CHECKED(step(stream));
  return stream.row > at_most ? ask(stream, at_most) : Result<void>{};
}

Result<void> WordSearch::go_down(Term& term, std::int64_t at_most) {
  if (term.streams.empty()) TERN_CHECKED(open(term));
  for (Stream& stream : term.streams) TERN_CHECKED(go_down(stream, at_most));
  return {};
}

// ---- all of them ----

Result<std::optional<SearchHit>> WordSearch::next(std::uint64_t below) {
  std::optional<SearchHit> none;
  if (terms_.empty() || below == 0) return none;
  std::uint64_t candidate = below - 1;
  for (std::size_t agreed = 0; agreed < terms_.size();) {
    Term& term = terms_[agreed];
    TERN_CHECKED(go_down(term, words_row(candidate, words_rows_of_ticket - 1)));
    const std::int64_t row = term.row();
    if (row == 0) return none;
    const std::uint64_t at = ticket_of_words(row);
    agreed = at == candidate ? agreed + 1 : agreed == 0 ? 1 : 0;
    candidate = at;
  }
  SearchHit hit{candidate, {}};
  for (const Term& term : terms_) hit.rows.push_back(term.row());
  return std::optional(std::move(hit));
}

// ---- what says most ----

Result<void> WordSearch::count_words(std::string_view text, Said& said) {
  return splitter_.split(text, [&](std::string_view word) {
    ++said.words;
    for (std::size_t i = 0; i < terms_.size(); ++i)
      if (terms_[i].begins ? word.starts_with(terms_[i].word) : word == terms_[i].word) ++said.times[i];
  });
}

Result<std::vector<std::uint64_t>> WordSearch::ranked(std::int64_t tenant, const std::vector<SearchHit>& hits) {
  std::vector<Said> all;
  double words = 0;
  for (const SearchHit& hit : hits) {
    Said said{hit.ticket, 0, {}};
    for (const std::int64_t row : std::set<std::int64_t>(hit.rows.begin(), hit.rows.end())) {
      TERN_TRY(const std::string text, text_of_row(*db_, tenant, row));
      TERN_CHECKED(count_words(text, said));
    }
    words += said.words;
    all.push_back(said);
  }
  const double usual_words = std::max(words, 1.0) / static_cast<double>(std::max<std::size_t>(all.size(), 1));
  std::vector<std::pair<double, std::uint64_t>> scored;
  for (const Said& said : all) {
    double score = 0;
    const double slower = bm25_k1 * (1 - bm25_b + bm25_b * said.words / usual_words);
    for (std::size_t i = 0; i < terms_.size(); ++i) score += said.times[i] * (bm25_k1 + 1) / (said.times[i] + slower);
    scored.emplace_back(score, said.ticket);
  }
  std::ranges::sort(scored, std::greater<>());
  std::vector<std::uint64_t> out;
  out.reserve(scored.size());
  for (const auto& [score, ticket] : scored) out.push_back(ticket);
  return out;
}

}  // namespace tern::server
