#include "request_writer.hpp"

#include <Poco/Base64Encoder.h>
#include <Poco/SHA1Engine.h>
#include <sys/random.h>

#include <algorithm>
#include <sstream>

namespace tern::client {
namespace {

bool is_visible(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

bool is_value(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 && byte != 0x7f;
  });
}

std::string base64(std::string_view raw) {
  std::ostringstream text;
  Poco::Base64Encoder encoder(text);
  encoder.write(raw.data(), static_cast<std::streamsize>(raw.size()));
  encoder.close();
  return text.str();
}

Result<std::string> write_head(const HttpRequest& request, std::string_view authority, std::string_view connection) {
  if (!is_visible(request.method) || !is_visible(request.target) || request.target.front() != '/')
    return fail(ErrorCode::usage, "A request needs a method and a path of visible ASCII");
  std::string out = request.method + ' ' + request.target + " HTTP/1.1\r\nhost: ";
  out += authority;
  out += "\r\nconnection: ";
  out += connection;
  out += "\r\n";
  for (const auto& [name, value] : request.headers) {
    const bool ours = name == "host" || name == "content-length" || name == "connection" || name == "transfer-encoding";
    if (!is_visible(name) || name.find(':') != std::string::npos || !is_value(value) || ours)
      return fail(ErrorCode::usage, "The header " + name + " cannot be sent");
    out += name;
    out += ": ";
    out += value;
    out += "\r\n";
  }
  return out;
}

}  // namespace

Result<std::string> write_request(const HttpRequest& request, std::string_view authority) {
  TERN_TRY(std::string out, write_head(request, authority, "keep-alive"));
  if (!request.body.empty() || request.method != "GET")
    out += "content-length: " + std::to_string(request.body.size()) + "\r\n";
  out += "\r\n";
  out += request.body;
  return out;
}

Result<std::string> write_upgrade(const HttpRequest& request, std::string_view authority,
                                  std::string& expected_accept) {
  std::string nonce(16, '\0');
  if (::getrandom(nonce.data(), nonce.size(), 0) != static_cast<ssize_t>(nonce.size()))
    return fail(ErrorCode::internal, "The system gives no random bytes");
  const std::string key = base64(nonce);
  Poco::SHA1Engine engine;
  engine.update(key);
  engine.update(std::string("258EAFA5-E914-47DA-95CA-C5AB0DC85B11"));
  const auto& digest = engine.digest();
  expected_accept = base64({reinterpret_cast<const char*>(digest.data()), digest.size()});

  TERN_TRY(std::string out, write_head(request, authority, "Upgrade"));
  out += "upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: " + key + "\r\n\r\n";
  return out;
}

}  // namespace tern::client
