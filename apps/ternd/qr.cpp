#include "qr.hpp"

#include <qrencode.h>

#include <memory>

namespace tern::apps {

std::string qr_text(std::string_view text) {
  const std::unique_ptr<QRcode, void (*)(QRcode*)> code(
      QRcode_encodeString8bit(std::string(text).c_str(), 0, QR_ECLEVEL_M), QRcode_free);
  if (!code) return {};
  constexpr int quiet = 2;
  const auto dark = [&](int x, int y) {
    return x >= 0 && y >= 0 && x < code->width && y < code->width && (code->data[y * code->width + x] & 1) != 0;
  };
  std::string out;
  for (int y = -quiet; y < code->width + quiet; y += 2) {
    for (int x = -quiet; x < code->width + quiet; ++x) {
      const bool upper = dark(x, y), lower = dark(x, y + 1);
      out += upper ? (lower ? " " : "▄") : (lower ? "▀" : "█");  // light modules are drawn: terminals are dark
    }
    out += '\n';
  }
  return out;
}

}  // namespace tern::apps
