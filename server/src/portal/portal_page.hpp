// The pages that links of customers open: their requests, one with its messages, a reply, a new one, answers of the
// knowledge base. All of it is asked at the door of clients; the pages hold nothing of anybody.
#pragma once

#include <string_view>

#include "outgoing/letter_words.hpp"
#include "tern/server/http.hpp"

namespace tern::server {

/// Asks with the cookie, in nobody's frame.
Response portal_page();
/// Asks with the token of its address, which it takes out of there and keeps in memory. `framed_by`: whose pages may
/// show it, as CSP has it.
Response embedded_page(std::string_view framed_by);

enum class PortalRefusal : std::uint8_t {
  gone,      // 403: no token, or one that is over, taken back, or nobody's
  later,     // 503
  too_many,  // 429
};
/// Says what to do, and holds nothing else: `framed_by` may be anybody.
Response portal_refusal(PortalRefusal refusal, LetterLanguage language, std::string_view framed_by);

/// Members "LANGUAGE": ["title", {...}] of a JSON object: what the pages say.
std::string_view portal_texts();

}  // namespace tern::server
