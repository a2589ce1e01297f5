#include "edge/head_reader.hpp"

#include <http_parser.h>

#include <algorithm>
#include <array>

namespace tern::server::edge {
namespace {

constexpr Refusal bad_line{400, "framing_ambiguous", "A line of the head is not as HTTP/1.1 writes it", ""};
constexpr Refusal bad_request_line{400, "request_line_invalid", "The request line is not METHOD TARGET VERSION", ""};
constexpr Refusal bad_name{400, "header_name_invalid", "A header's name holds a character that names cannot have", ""};
constexpr Refusal bad_value{400, "header_value_invalid", "A header's value holds bytes that are not accepted", ""};
constexpr Refusal bad_host{400, "host_required", "Exactly one Host is required", "host"};
constexpr Refusal bad_framing{400, "framing_ambiguous", "The length of the body is given in more than one way", ""};
constexpr Refusal bad_length{400, "content_length_invalid", "Content-Length is not a plain number", "content-length"};
constexpr Refusal bad_coding{501, "transfer_coding_unsupported", "Only the transfer coding chunked is understood",
                             "transfer-encoding"};
constexpr Refusal repeated{400, "header_repeated", "A header that must be single stands there twice", ""};
constexpr Refusal bad_expect{417, "expectation_failed", "Only Expect: 100-continue is understood", "expect"};
constexpr Refusal bad_method{501, "method_unsupported", "This method is not understood", ""};
constexpr Refusal bad_version{505, "http_version", "Only HTTP/1.1 and HTTP/1.0 are spoken here", ""};
constexpr Refusal bad_target{400, "target_invalid", "The target must be a path of visible ASCII", ""};
constexpr Refusal bad_upgrade{400, "upgrade_invalid", "This is not a WebSocket handshake of version 13", ""};
constexpr Refusal long_uri{414, "uri_too_long", "The target is too long", ""};
constexpr Refusal large_head{431, "headers_too_large", "The headers are too many or too large", ""};

constexpr std::array<std::string_view, 7> methods = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};

// A second one of these is refused, not merged: credentials and framing must mean one thing.
constexpr std::array<std::string_view, 15> singles = {
    "authorization",         "content-type", "content-encoding", "cookie",         "expect",
    "idempotency-key",       "if-match",     "origin",           "range",          "sec-websocket-key",
    "sec-websocket-version", "tern-auth",    "x-api-key",        "x-client-token", "x-mobile-token"};

bool is_token_char(char c) {
  constexpr std::string_view others = "!#$%&'*+-.^_`|~";
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         others.find(c) != std::string_view::npos;
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}

bool same_word(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// True when the comma-separated list of all headers of that name holds `word`.
bool lists(const Request& request, std::string_view name, std::string_view word) {
  for (const Header& header : request.headers) {
    if (header.name != name) continue;
    std::string_view rest = header.value;
    while (!rest.empty()) {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      if (same_word(trimmed(rest.substr(0, comma)), word)) return true;
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
  }
  return false;
}

std::optional<Refusal> check_value(std::string_view value, const EdgeLimits& limits) {
  if (value.size() > limits.header_value_bytes_max) return large_head;
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && byte != '\t') || byte == 0x7f) return bad_value;
  }
  // Encoded words mean nothing in HTTP, but some libraries decode them, line breaks included.
  if (value.find("=?") != std::string_view::npos) return bad_value;
  return std::nullopt;
}

std::optional<Refusal> read_request_line(std::string_view line, const EdgeLimits& limits, Head& head, int& minor) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return bad_request_line;
  const std::string_view method = line.substr(0, first);
  const std::string_view target = line.substr(first + 1, last - first - 1);
  const std::string_view version = line.substr(last + 1);
  if (method.empty() || !std::all_of(method.begin(), method.end(), is_token_char)) return bad_request_line;
  if (target.size() > limits.uri_bytes_max) return long_uri;
  if (target.empty() || target.find(' ') != std::string_view::npos || version.empty()) return bad_request_line;
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return bad_version;
  if (std::find(methods.begin(), methods.end(), method) == methods.end()) return bad_method;
  const bool visible =
      std::all_of(target.begin(), target.end(), [](char c) { return c > 0x20 && c < 0x7f && c != '#'; });
  if (!visible || !(target.front() == '/' || (target == "*" && method == "OPTIONS"))) return bad_target;

  minor = version.back() - '0';
  const std::size_t question = std::min(target.find('?'), target.size());
  head.request.method = method;
  head.request.target = target;
  head.request.path = target.substr(0, question);
  head.request.query = question < target.size() ? target.substr(question + 1) : std::string_view{};
  return std::nullopt;
}

std::optional<Refusal> read_header_line(std::string_view line, const EdgeLimits& limits, Request& request) {
  if (line.front() == ' ' || line.front() == '\t') return bad_line;  // folding
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0) return bad_line;
  const std::string_view name = line.substr(0, colon);
  if (name.back() == ' ' || name.back() == '\t') return bad_line;  // "Transfer-Encoding : chunked"
  if (!std::all_of(name.begin(), name.end(), is_token_char)) return bad_name;
  const std::string_view value = trimmed(line.substr(colon + 1));
  if (auto refusal = check_value(value, limits)) return refusal;
  request.headers.push_back({lower_case(name), std::string(value)});
  return std::nullopt;
}

std::optional<Refusal> check_singles(const Request& request) {
  for (const std::string_view name : singles) {
    const auto is_it = [&](const Header& header) { return header.name == name; };
    if (std::count_if(request.headers.begin(), request.headers.end(), is_it) > 1) return repeated;
  }
  const auto is_host = [](const Header& header) { return header.name == "host"; };
  if (std::count_if(request.headers.begin(), request.headers.end(), is_host) != 1) return bad_host;
  const std::string_view host = request.header("host");
  const bool plausible = !host.empty() && std::all_of(host.begin(), host.end(), [](char c) {
    return is_token_char(c) || c == ':' || c == '[' || c == ']';
  });
  return plausible ? std::nullopt : std::optional(bad_host);
}

std::optional<Refusal> read_framing(Head& head, int minor) {
  std::size_t lengths = 0, codings = 0;
  std::string_view length, coding;
  for (const Header& header : head.request.headers) {
    if (header.name == "content-length") ++lengths, length = header.value;
    if (header.name == "transfer-encoding") ++codings, coding = header.value;
  }
  if (lengths + codings == 0) return std::nullopt;
  if (lengths + codings > 1 || (codings > 0 && minor == 0)) return bad_framing;
  if (codings == 1) {
    if (!same_word(coding, "chunked")) return bad_coding;
    head.framing = Framing::chunked;
    return std::nullopt;
  }
  const bool digits = std::all_of(length.begin(), length.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (length.empty() || length.size() > 12 || !digits) return bad_length;
  for (const char c : length) head.content_length = head.content_length * 10 + static_cast<std::uint64_t>(c - '0');
  head.framing = head.content_length > 0 ? Framing::length : Framing::none;
  head.request.content_length = head.content_length;
  return std::nullopt;
}

std::optional<Refusal> read_wishes(Head& head, int minor) {
  const Request& request = head.request;
  head.keep_alive = minor == 1 && !lists(request, "connection", "close");
  if (const std::string_view expect = request.header("expect"); !expect.empty()) {
    if (!same_word(expect, "100-continue")) return bad_expect;
    head.expect_continue = minor == 1 && head.framing != Framing::none;
  }
  if (!lists(request, "upgrade", "websocket") || !lists(request, "connection", "upgrade")) return std::nullopt;
  const std::string_view key = request.header("sec-websocket-key");
  const bool good = request.method == "GET" && minor == 1 && head.framing == Framing::none && key.size() == 24 &&
                    key.substr(22) == "==" && request.header("sec-websocket-version") == "13";
  if (!good) return bad_upgrade;
  head.wants_websocket = true;
  head.websocket_key = key;
  return std::nullopt;
}

// ---- the second opinion
// ----------------------------------------------------------------------------------------------

struct ParserView {
  std::string target;
  std::size_t headers = 0;
  bool in_value = false;
  bool complete = false;
};

http_parser_settings parser_settings() {
  http_parser_settings settings;
  http_parser_settings_init(&settings);
  settings.on_url = [](http_parser* parser, const char* at, std::size_t length) {
    static_cast<ParserView*>(parser->data)->target.append(at, length);
    return 0;
  };
  settings.on_header_field = [](http_parser* parser, const char*, std::size_t) {
    auto& view = *static_cast<ParserView*>(parser->data);
    if (view.headers == 0 || view.in_value) ++view.headers;
    view.in_value = false;
    return 0;
  };
  settings.on_header_value = [](http_parser* parser, const char*, std::size_t) {
    static_cast<ParserView*>(parser->data)->in_value = true;
    return 0;
  };
  settings.on_headers_complete = [](http_parser* parser) {
    static_cast<ParserView*>(parser->data)->complete = true;
    return 2;  // the body is not the parser's: it is laxer about chunks than we are
  };
  return settings;
}

/// Does http_parser read the same request in these bytes?
std::optional<Refusal> second_opinion(std::string_view bytes, const Head& head, int minor) {
  static const http_parser_settings settings = parser_settings();
  http_parser parser;
  http_parser_init(&parser, HTTP_REQUEST);
  ParserView view;
  parser.data = &view;
  const std::size_t parsed = http_parser_execute(&parser, &settings, bytes.data(), bytes.size());
  const auto error = HTTP_PARSER_ERRNO(&parser);
  if (error == HPE_INVALID_URL || error == HPE_INVALID_HOST) return bad_target;
  if (error == HPE_HEADER_OVERFLOW) return large_head;
  const bool has_length = (parser.flags & F_CONTENTLENGTH) != 0;
  const bool agrees =
      error == HPE_OK && view.complete && parsed == bytes.size() && view.target == head.request.target &&
      head.request.method == http_method_str(static_cast<http_method>(parser.method)) && parser.http_major == 1 &&
      parser.http_minor == minor && view.headers == head.request.headers.size() &&
      ((parser.flags & F_CHUNKED) != 0) == (head.framing == Framing::chunked) &&
      has_length == head.request.content_length.has_value() &&
      (!has_length || parser.content_length == head.content_length);
  return agrees ? std::nullopt : std::optional(bad_framing);
}

HeadReader::Outcome parse(std::string_view bytes, const EdgeLimits& limits) {
  Head head;
  head.size_bytes = bytes.size();
  int minor = 1;
  std::string_view rest = bytes.substr(0, bytes.size() - 2);  // without the empty line; each line ends in CRLF
  const std::size_t first = rest.find("\r\n");
  if (auto refusal = read_request_line(rest.substr(0, first), limits, head, minor)) return *refusal;
  rest.remove_prefix(first + 2);
  while (!rest.empty()) {
    const std::size_t end = rest.find("\r\n");
    if (auto refusal = read_header_line(rest.substr(0, end), limits, head.request)) return *refusal;
    rest.remove_prefix(end + 2);
  }
  if (auto refusal = read_framing(head, minor)) return *refusal;
  if (auto refusal = check_singles(head.request)) return *refusal;
  if (auto refusal = read_wishes(head, minor)) return *refusal;
  if (auto refusal = second_opinion(bytes, head, minor)) return *refusal;
  return head;
}

}  // namespace

std::optional<HeadReader::Outcome> HeadReader::read(std::string_view buffer) {
  if (auto refusal = scan(buffer)) return Outcome{*refusal};
  if (end_ == 0) return std::nullopt;
  return parse(buffer.substr(0, end_), *limits_);
}

std::optional<Refusal> HeadReader::scan(std::string_view buffer) {
  for (; scanned_ < buffer.size() && end_ == 0; ++scanned_) {
    const char c = buffer[scanned_];
    if (scanned_ >= limits_->head_bytes_max) return lines_ == 0 ? long_uri : large_head;
    if (c == '\n') {
      if (scanned_ == line_start_ || buffer[scanned_ - 1] != '\r') return lines_ == 0 ? bad_request_line : bad_line;
      if (scanned_ == line_start_ + 1) {  // the empty line
        if (lines_ == 0) return bad_request_line;
        end_ = scanned_ + 1;
      }
      ++lines_;
      line_start_ = scanned_ + 1;
      if (end_ == 0 && lines_ > limits_->headers_max + 1) return large_head;
    } else if (scanned_ > line_start_ && buffer[scanned_ - 1] == '\r') {
      return lines_ == 0 ? bad_request_line : bad_line;  // a CR that ends no line
    } else if (lines_ == 0 && scanned_ > limits_->uri_bytes_max + 32) {
      return long_uri;
    }
  }
  return std::nullopt;
}

}  // namespace tern::server::edge
