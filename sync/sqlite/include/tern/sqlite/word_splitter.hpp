// Texts as a search index sees them.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "tern/protocol/error.hpp"

namespace tern::sqlite {

/// Splits texts into words as an FTS5 table with `tokenize = 'unicode61 remove_diacritics 2'` does, folded likewise,
/// and keeps nothing. Thread: one at a time.
class WordSplitter {
public:
  /// Errors: `internal` (an SQLite without FTS5), `storage_full` (no memory).
  static Result<WordSplitter> open();
  WordSplitter(WordSplitter&&) noexcept;
  WordSplitter& operator=(WordSplitter&&) noexcept;
  ~WordSplitter();

  /// Calls `take` with each word in its order; the word is gone after the call.
  Result<void> split(std::string_view text, const std::function<void(std::string_view word)>& take);

private:
  struct Tokenizer;
  explicit WordSplitter(std::unique_ptr<Tokenizer> tokenizer);
  std::unique_ptr<Tokenizer> tokenizer_;
};

}  // namespace tern::sqlite
