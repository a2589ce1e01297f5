// Tickets by words of their subjects, descriptions and messages: each word somewhere in what the caller may read.
//
// What somebody typed is never a query: it is split into words as texts are, and each is sought by itself. The last one
// may be the beginning of a word, once it has three letters.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "store/words.hpp"
#include "tern/sqlite/word_splitter.hpp"

namespace tern::server {

inline constexpr std::size_t search_words_max = 8;         // what is said beyond is not looked at
inline constexpr std::size_t search_bytes_max = 1'000;     // likewise
inline constexpr std::uint64_t search_rows_max = 100'000;  // of the index that one search reads
inline constexpr std::uint64_t ranked_hits_max = 2'000;    // the newest of them

struct SearchHit {
  std::uint64_t ticket = 0;        // integer id
  std::vector<std::int64_t> rows;  // for each word the newest row it stands in
};

/// One search on one read connection.
class WordSearch {
public:
  /// `words` as somebody typed them. No word in them: nothing is found. Rows of the readers beyond `most_secret` count
  /// as not there.
  static Result<WordSearch> begin(sqlite::Database& db, std::string_view words, WordReaders most_secret);

  /// Of tickets below `below`, the next one down; nothing: there is none, or `is_spent`.
  Result<std::optional<SearchHit>> next(std::uint64_t below);
  /// It read as much as it may.
  [[nodiscard]] bool is_spent() const { return rows_read_ >= search_rows_max; }

  /// The tickets of these hits, those first that the words say most about, then the newest: bm25 (Robertson and
  /// Zaragoza, "The Probabilistic Relevance Framework", 2009) over the rows that were hit. Each word stands in all of
  /// them, so none tells more than another.
  Result<std::vector<std::uint64_t>> ranked(std::int64_t tenant, const std::vector<SearchHit>& hits);

private:
  /// Rows of one word, from the newest down.
  struct Stream {
    std::string match;
    bool many = false;  // words that begin so: asking again costs as much as the first time
    std::optional<sqlite::Statement> rows;
    std::int64_t row = 0;  // 0: there is none
  };
  /// What was asked for: a word, or all that begin with it.
  struct Term {
    std::string word;
    bool begins = false;
    std::vector<Stream> streams;  // none: not asked yet

    [[nodiscard]] std::int64_t row() const;  // the newest of them; 0: there is none
  };

  /// What a hit says, as far as bm25 asks.
  struct Said {
    std::uint64_t ticket = 0;
    std::uint32_t words = 0;
    std::array<std::uint32_t, search_words_max> times{};  // each term
  };

  WordSearch(sqlite::Database& db, WordReaders most_secret, sqlite::WordSplitter splitter)
      : db_(&db), most_secret_(most_secret), splitter_(std::move(splitter)) {}
  Result<void> count_words(std::string_view text, Said& said);
  Result<void> open(Term& term);
  Result<void> ask(Stream& stream, std::int64_t at_most);
  Result<void> step(Stream& stream);
  Result<void> go_down(Stream& stream, std::int64_t at_most);
  Result<void> go_down(Term& term, std::int64_t at_most);

  sqlite::Database* db_;
  WordReaders most_secret_;
  sqlite::WordSplitter splitter_;
  std::vector<Term> terms_;
  std::uint64_t rows_read_ = 0;
};

}  // namespace tern::server
