// A page of this server's own: one script, one style, nothing from elsewhere, in nobody's frame.
#pragma once

#include <string_view>

#include "tern/server/http.hpp"

namespace tern::server {

/// `title` stands where there is no script. `texts`: members "LANGUAGE: [...]" of a JavaScript object, `en` among them
/// and the title first of each. `more` goes on where `say` is the list in the reader's language, `at(id)` an element,
/// `ask_for(id, words)` says what an input is for, and `show(words)` what happened. The policy allows this script
/// alone, and asking this server.
Response own_page(std::string_view title, std::string_view body, std::string_view texts, std::string_view more);

}  // namespace tern::server
