// Texts of others as tickets take them: in form, on one line where they stand on one, cut where they are too long.
#pragma once

#include <string>
#include <string_view>

namespace tern::server {

/// Blanks alone.
bool is_nothing(std::string_view text);
/// Normalised; what is no text becomes nothing. At most so many bytes, ending with a whole character and "...".
std::string shortened(std::string_view text, std::size_t bytes_max);
/// The same on one line, of at most so many characters.
std::string one_line_of(std::string_view text, std::size_t characters_max);
/// One address that a mail may go to, alone.
bool looks_like_address(std::string_view text);
/// The text of a page: without its tags, scripts and styles.
std::string text_of_html(std::string_view html);

}  // namespace tern::server
