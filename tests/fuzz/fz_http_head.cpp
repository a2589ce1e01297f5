// A request as raw bytes. However it is cut it means the same; it stays within its limits; and what we take for a
// request http_parser and Poco read the same way: method, target, version, every header, framing, body and where it
// ends.
#include <Poco/Net/HTTPRequest.h>
#include <http_parser.h>

#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "edge/chunk_decoder.hpp"
#include "edge/head_reader.hpp"
#include "fuzz/fuzz_input.hpp"

namespace tern::fz_http_head {
using namespace tern::server::edge;

namespace {

/// Small, so that short inputs reach them.
server::EdgeLimits small_limits() {
  server::EdgeLimits limits;
  limits.uri_bytes_max = 128;
  limits.headers_max = 10;
  limits.header_value_bytes_max = 64;
  limits.head_bytes_max = 768;
  return limits;
}

const server::EdgeLimits limits = small_limits();

using Outcome = std::optional<HeadReader::Outcome>;

Outcome read_head(std::string_view bytes, std::size_t step) {
  HeadReader reader(limits);
  for (std::size_t end = std::min(step, bytes.size());; end = std::min(end + step, bytes.size())) {
    if (Outcome outcome = reader.read(bytes.substr(0, end))) return outcome;
    if (end == bytes.size()) return std::nullopt;
  }
}

struct BodyRead {
  std::string body;
  std::string_view left;  // what belongs to the next request
  bool done = false;
  bool broken = false;
};

BodyRead read_chunks(std::string_view bytes, std::size_t step) {
  ChunkDecoder decoder;
  BodyRead out;
  for (std::size_t at = 0; at < bytes.size() && !out.done && !out.broken; at += step) {
    std::string_view input = bytes.substr(at, step), piece;
    ChunkDecoder::Step state{};
    while ((state = decoder.next(input, piece)) == ChunkDecoder::Step::data) out.body += piece;
    out.done = state == ChunkDecoder::Step::done;
    out.broken = state == ChunkDecoder::Step::broken;
    if (out.done) out.left = bytes.substr(std::min(at + step, bytes.size()) - input.size());
  }
  return out;
}

BodyRead read_body(const Head& head, std::string_view bytes) {
  if (head.framing == Framing::chunked) {
    BodyRead out = read_chunks(bytes, bytes.size() + 1);
    const BodyRead cut = read_chunks(bytes, 1);
    check(out.done == cut.done && out.broken == cut.broken && out.left == cut.left, "chunks end where they end");
    check(out.broken || out.body == cut.body, "chunks are the same however they are cut");
    check(out.body.size() <= bytes.size(), "no body from nowhere");
    return out;
  }
  const std::uint64_t length = head.framing == Framing::length ? head.content_length : 0;
  if (length > bytes.size()) return {};
  const auto size = static_cast<std::size_t>(length);
  return {std::string(bytes.substr(0, size)), bytes.substr(size), true, false};
}

// ---- http_parser ----

struct OtherView {
  std::string target, body;
  std::vector<server::Header> headers;
  bool in_value = true;
  bool head_done = false, done = false;
};

OtherView& view_of(http_parser* parser) {
  return *static_cast<OtherView*>(parser->data);
}

http_parser_settings other_settings() {
  http_parser_settings settings;
  http_parser_settings_init(&settings);
  settings.on_url = [](http_parser* parser, const char* at, std::size_t size) {
    view_of(parser).target.append(at, size);
    return 0;
  };
  settings.on_header_field = [](http_parser* parser, const char* at, std::size_t size) {
    OtherView& view = view_of(parser);
    if (view.head_done) return 0;  // a trailer
    if (std::exchange(view.in_value, false)) view.headers.emplace_back();
    for (const char c : std::string_view(at, size))
      view.headers.back().name += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return 0;
  };
  settings.on_header_value = [](http_parser* parser, const char* at, std::size_t size) {
    OtherView& view = view_of(parser);
    if (view.head_done) return 0;
    view.in_value = true;
    view.headers.back().value.append(at, size);
    return 0;
  };
  settings.on_headers_complete = [](http_parser* parser) {
    view_of(parser).head_done = true;
    return 0;
  };
  settings.on_body = [](http_parser* parser, const char* at, std::size_t size) {
    view_of(parser).body.append(at, size);
    return 0;
  };
  settings.on_message_complete = [](http_parser* parser) {
    view_of(parser).done = true;
    http_parser_pause(parser, 1);
    return 0;
  };
  return settings;
}

void trim_end(std::string& value) {
  while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.pop_back();
}

/// http_parser takes "Transfer-Encoding-Too: x" for an unknown transfer coding and refuses; to us it is any header.
bool only_resembles_coding(const server::Request& request) {
  const auto resembles = [](const server::Header& header) {
    return header.name.starts_with("transfer-encoding") && header.name != "transfer-encoding";
  };
  return !request.has_header("transfer-encoding") &&
         std::any_of(request.headers.begin(), request.headers.end(), resembles);
}

void other_agrees(const Head& head, const BodyRead& body, std::string_view bytes) {
  static const http_parser_settings settings = other_settings();
  http_parser parser;
  http_parser_init(&parser, HTTP_REQUEST);
  OtherView view;
  parser.data = &view;
  // Only our own head and body: the next request is not asked about.
  const std::string_view ours = bytes.substr(0, bytes.size() - body.left.size());
  const std::size_t parsed = http_parser_execute(&parser, &settings, ours.data(), ours.size());

  check(view.head_done, "the other parser finds the head's end, too");
  const server::Request& request = head.request;
  check(request.method == http_method_str(static_cast<http_method>(parser.method)), "method");
  check(request.target == view.target, "target");
  check(parser.http_major == 1 && parser.http_minor <= 1, "version");
  for (server::Header& header : view.headers) trim_end(header.value);
  check(request.headers == view.headers, "headers");
  if (body.broken) return;  // the connection closes; what another would make of it reaches nobody
  if (HTTP_PARSER_ERRNO(&parser) == HPE_INVALID_TRANSFER_ENCODING) {
    check(only_resembles_coding(request), "the other parser refuses the transfer coding");
    return;
  }
  check(view.done && parsed == ours.size(), "the other parser's request ends where ours does");
  check(view.body == body.body, "body");
}

// ---- Poco ----

constexpr std::size_t poco_name_bytes_max = 256;

void poco_agrees(const Head& head, std::string_view bytes) {
  const server::Request& request = head.request;
  std::istringstream in{std::string(bytes)};
  Poco::Net::HTTPRequest other;
  try {
    other.read(in);
  } catch (const Poco::Exception&) {
    return check(std::ranges::any_of(request.headers,
                                     [](const auto& header) { return header.name.size() >= poco_name_bytes_max; }),
                 "Poco reads the head, too");
  }
  check(in.tellg() == static_cast<std::streamoff>(head.size_bytes), "Poco's head ends where ours does");
  check(request.method == other.getMethod() && request.target == other.getURI(), "Poco's method and target");
  const std::string& version = other.getVersion();
  check(version == "HTTP/1.1" || version == "HTTP/1.0", "Poco's version");
  std::vector<server::Header> headers;
  for (const auto& [name, value] : other) {
    headers.push_back({name, value});
    for (char& c : headers.back().name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  std::vector<server::Header> ours = request.headers;  // Poco keeps those of one name together
  for (auto* list : {&ours, &headers}) std::ranges::stable_sort(*list, {}, &server::Header::name);
  check(ours == headers, "Poco's headers");
  check(other.getChunkedTransferEncoding() == (head.framing == Framing::chunked), "Poco's chunks");
  check(other.hasContentLength() == request.content_length.has_value(), "Poco has a length");
  if (other.hasContentLength())
    check(static_cast<std::uint64_t>(other.getContentLength64()) == head.content_length, "Poco's length");
}

void is_bounded(const Head& head) {
  const server::Request& request = head.request;
  check(head.size_bytes <= limits.head_bytes_max && request.headers.size() <= limits.headers_max, "size of the head");
  check(request.target.size() <= limits.uri_bytes_max, "size of the target");
  for (const server::Header& header : request.headers)
    check(header.value.size() <= limits.header_value_bytes_max, "size of a value");
  check(head.content_length <= 999'999'999'999, "content length");
  check(!head.wants_websocket || head.framing == Framing::none, "a handshake has no body");
}

void same_outcome(const Outcome& a, const Outcome& b) {
  check(a.has_value() == b.has_value(), "a head is judged wherever it is cut");
  if (!a) return;
  check(a->index() == b->index(), "a head is accepted or refused wherever it is cut");
  if (const auto* refusal = std::get_if<Refusal>(&*a)) {
    check(refusal->code == std::get<Refusal>(*b).code && refusal->status >= 400, "the refusal is the same");
  } else {
    check(std::get<Head>(*a).size_bytes == std::get<Head>(*b).size_bytes, "the head is the same");
    check(std::get<Head>(*a).request.headers == std::get<Head>(*b).request.headers, "the headers are the same");
  }
}

}  // namespace

TERN_FUZZ_TARGET(fz_http_head) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size_bytes);
  const Outcome outcome = read_head(bytes, bytes.size() + 1);
  same_outcome(outcome, read_head(bytes, 1));
  check(outcome || bytes.size() <= limits.head_bytes_max, "a head that does not end is refused");
  if (!outcome || !std::holds_alternative<Head>(*outcome)) return 0;

  const Head& head = std::get<Head>(*outcome);
  is_bounded(head);
  poco_agrees(head, bytes);
  const BodyRead body = read_body(head, bytes.substr(head.size_bytes));
  if (body.done || body.broken) other_agrees(head, body, bytes);
  return 0;
}

}  // namespace tern::fz_http_head
