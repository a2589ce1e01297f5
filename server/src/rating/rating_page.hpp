// What stands behind a link to a rating: a form that works without a script, and what came of it. None of these pages
// says of a link that does not open why.
#pragma once

#include <string>

#include "outgoing/letter_words.hpp"
#include "tern/server/http.hpp"

namespace tern::server {

struct RatingForm {
  LetterLanguage language = LetterLanguage::en;
  std::string company, number;
  std::string question;  // empty: the usual one
  std::string token;
  std::int64_t score = 0;  // chosen beforehand; 0: none
};
/// It rates by being sent, and by nothing else.
Response rating_form(const RatingForm& form);

enum class RatingPage : std::uint8_t {
  thanks,    // 200
  gone,      // 404: not there, used, over, taken back
  wrong,     // 400: no score, or no form
  later,     // 503
  too_many,  // 429
};
Response rating_page(RatingPage page, LetterLanguage language);

}  // namespace tern::server
