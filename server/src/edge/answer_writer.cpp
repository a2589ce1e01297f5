#include "edge/answer_writer.hpp"

#include <Poco/Base64Encoder.h>
#include <Poco/SHA1Engine.h>
#include <http_parser.h>

#include <ctime>
#include <sstream>

namespace tern::server::edge {
namespace {

void append_header(std::string& out, std::string_view name, std::string_view value) {
  out += name;
  out += ": ";
  out += value;
  out += "\r\n";
}

std::string http_date() {
  constexpr std::string_view days = "SunMonTueWedThuFriSat";
  constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  char text[40];
  std::snprintf(text, sizeof text, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT", days.data() + 3 * utc.tm_wday,
                utc.tm_mday, months.data() + 3 * utc.tm_mon, utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
  return text;
}

std::string websocket_accept(std::string_view key) {
  constexpr std::string_view guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  Poco::SHA1Engine engine;
  engine.update(key.data(), key.size());
  engine.update(guid.data(), guid.size());
  const auto& digest = engine.digest();
  std::ostringstream text;
  Poco::Base64Encoder encoder(text);
  encoder.write(reinterpret_cast<const char*>(digest.data()), static_cast<std::streamsize>(digest.size()));
  encoder.close();
  return text.str();
}

}  // namespace

std::string write_answer(const Response& response, std::string_view request_id, bool close, bool head_only) {
  std::string out = "HTTP/1.1 " + std::to_string(response.status) + ' ' +
                    http_status_str(static_cast<http_status>(response.status)) + "\r\n";
  append_header(out, "date", http_date());
  if (!request_id.empty()) append_header(out, "x-request-id", request_id);
  for (const Header& header : response.headers()) append_header(out, header.name, header.value);
  const bool bodiless = response.status == 204 || response.status == 304;
  if (!bodiless) append_header(out, "content-length", std::to_string(response.body.size() + response.file_bytes()));
  append_header(out, "connection", close ? "close" : "keep-alive");
  out += "\r\n";
  if (!bodiless && !head_only) out += response.body;
  return out;
}

std::string write_upgrade(const StreamAccept& accept, std::string_view websocket_key, std::string_view request_id) {
  // Handlers' headers pass the one setter, here as everywhere.
  Response checked(101);
  for (const Header& header : accept.headers) checked.add_header(header.name, header.value);
  if (!accept.subprotocol.empty()) checked.set_header("sec-websocket-protocol", accept.subprotocol);
  std::string out = "HTTP/1.1 101 Switching Protocols\r\n";
  append_header(out, "upgrade", "websocket");
  append_header(out, "connection", "Upgrade");
  append_header(out, "sec-websocket-accept", websocket_accept(websocket_key));
  if (!request_id.empty()) append_header(out, "x-request-id", request_id);
  for (const Header& header : checked.headers()) append_header(out, header.name, header.value);
  out += "\r\n";
  return out;
}

}  // namespace tern::server::edge
