// QR codes for terminals.
#pragma once

#include <string>
#include <string_view>

namespace tern::apps {

/// Two modules a line in half blocks, dark on light, with the quiet zone; empty when the text is too long for a code.
std::string qr_text(std::string_view text);

}  // namespace tern::apps
