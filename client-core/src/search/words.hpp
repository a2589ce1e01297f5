// What people type, as words of the search index; and names compared as people compare them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tern::client {

inline constexpr std::size_t search_words_max = 8;

/// The words of a query, each as an FTS5 expression of one token, the last as a beginning of a word. Operators are
/// plain words, and punctuation only separates. At most `search_words_max`. `text` is valid UTF-8.
std::vector<std::string> search_terms(std::string_view text);

/// The words of a text as they stand there: what the index takes for one.
std::vector<std::string> words_in(std::string_view text);

/// Lower case for Latin, Greek and Cyrillic letters; everything else as it is.
std::string fold_case(std::string_view text);

}  // namespace tern::client
