// Pages of this server's own: one style, one script or none, nothing from elsewhere, in nobody's frame unless they say
// so.
#pragma once

#include <string_view>

#include "tern/server/http.hpp"

namespace tern::server {

/// What differs between pages with a script.
struct PageLook {
  std::string_view style = {};            // empty: of a small form
  std::string_view framed_by = "'none'";  // what the policy says of frames: sources, as CSP has them
};

/// `title` stands where there is no script. `texts`: members "LANGUAGE: [...]" of a JavaScript object, `en` among them
/// and the title first of each. `more` goes on where `say` is the list in the reader's language, `at(id)` an element,
/// `ask_for(id, words)` says what an input is for, and `show(words)` what happened. The policy allows this script
/// alone, and asking this server.
Response own_page(std::string_view title, std::string_view body, std::string_view texts, std::string_view more,
                  const PageLook& look = {});

/// To be read, without a script and without forms. `body` is markup, `title` text.
Response reading_page(std::string_view title, std::string_view body);
/// With a form and without a script: what it asks goes to this server alone. `body` is markup, `title` text.
Response form_page(int status, std::string_view language, std::string_view title, std::string_view body,
                   std::string_view framed_by = "'none'");

}  // namespace tern::server
