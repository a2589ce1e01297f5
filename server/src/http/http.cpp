#include "tern/server/http.hpp"

#include <algorithm>
#include <atomic>

namespace tern::server {
namespace {

bool is_token(std::string_view text) {
  constexpr std::string_view others = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           others.find(c) != std::string_view::npos;
  });
}

bool is_header_value(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
  });
}

bool is_of_the_edge(std::string_view lower_name) {
  return lower_name == "content-length" || lower_name == "transfer-encoding" || lower_name == "connection" ||
         lower_name == "date" || lower_name == "keep-alive" || lower_name == "upgrade" || lower_name == "trailer";
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::string_view find(const std::vector<Header>& headers, std::string_view name) {
  for (const Header& header : headers)
    if (header.name == name) return header.value;
  return {};
}

/// Length of the well-formed UTF-8 sequence at the start of `text`; 0 when there is none.
std::size_t sequence_length(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  const std::size_t length = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (length > text.size()) return 0;
  return lead == 0 || is_valid_utf8(text.substr(0, length)) ? length : 0;
}

void append_member(std::string& json, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  json += ",\"";
  json += name;
  json += "\":\"";
  json += json_escaped(value);
  json += '"';
}

}  // namespace

RequestBody::RequestBody(Bytes in_memory) : memory_(std::move(in_memory)) {}

RequestBody::RequestBody(std::shared_ptr<const BodyFile> file, std::uint64_t size_bytes)
    : file_(std::move(file)), file_size_(size_bytes) {}

Result<Bytes> RequestBody::read_all() const {
  if (!file_) return memory_;
  return read_at(0, static_cast<std::size_t>(file_size_));
}

Result<Bytes> RequestBody::read_at(std::uint64_t offset, std::size_t length) const {
  if (offset >= size()) return Bytes{};
  length = static_cast<std::size_t>(std::min<std::uint64_t>(length, size() - offset));
  if (!file_) return memory_.substr(static_cast<std::size_t>(offset), length);
  return file_->read_at(offset, length);
}

std::string_view Request::header(std::string_view name) const {
  return find(headers, name);
}

bool Request::has_header(std::string_view name) const {
  return std::any_of(headers.begin(), headers.end(), [&](const Header& header) { return header.name == name; });
}

Response::Response(int status_code, std::string_view content_type, Bytes content)
    : status(status_code), body(std::move(content)) {
  set_header("content-type", content_type);
}

bool Response::set_header(std::string_view name, std::string_view value) {
  const std::string lower = lower_case(name);
  if (!is_token(lower) || !is_header_value(value) || is_of_the_edge(lower)) return false;
  std::erase_if(headers_, [&](const Header& header) { return header.name == lower; });
  headers_.push_back({lower, std::string(value)});
  return true;
}

bool Response::add_header(std::string_view name, std::string_view value) {
  const std::string lower = lower_case(name);
  if (!is_token(lower) || !is_header_value(value) || is_of_the_edge(lower)) return false;
  headers_.push_back({lower, std::string(value)});
  return true;
}

std::string_view Response::header(std::string_view name) const {
  return find(headers_, name);
}

Response problem_response(const Problem& problem) {
  std::string json = "{\"type\":\"about:blank\",\"status\":" + std::to_string(problem.status);
  append_member(json, "code", problem.code);
  append_member(json, "title", problem.title);
  append_member(json, "detail", problem.detail);
  append_member(json, "field", problem.field);
  append_member(json, "request_id", problem.request_id);
  json += '}';
  return Response(problem.status, "application/problem+json", std::move(json));
}

std::string json_escaped(std::string_view text) {
  constexpr char digits[] = "0123456789abcdef";
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = sequence_length(text);
    const auto byte = static_cast<unsigned char>(text[0]);
    if (length == 0) {
      out += "\xef\xbf\xbd";
    } else if (byte == '"' || byte == '\\') {
      out += '\\';
      out += text[0];
    } else if (byte < 0x20 || byte == 0x7f) {
      out += "\\u00";
      out += digits[byte >> 4];
      out += digits[byte & 15];
    } else {
      out.append(text.substr(0, length));
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out;
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const auto byte = from_hex(text.substr(i + 1, 2));
    if (!byte || (*byte)[0] == '\0') return std::nullopt;
    out += *byte;
    i += 2;
  }
  return out;
}

struct Reply::State {
  explicit State(std::function<void(std::optional<Response>)> to) : deliver(std::move(to)) {}
  ~State() {
    if (!answered.exchange(true)) deliver(std::nullopt);
  }
  std::atomic<bool> answered{false};
  std::function<void(std::optional<Response>)> deliver;
};

Reply::Reply(std::function<void(std::optional<Response>)> deliver)
    : state_(std::make_shared<State>(std::move(deliver))) {}

void Reply::operator()(Response response) const {
  if (!state_->answered.exchange(true)) state_->deliver(std::move(response));
}

UpgradeVerdict Handler::on_upgrade(const Request& head) {
  return problem_response({404, "not_found", "There is no stream here", "", "", head.request_id});
}

void Handler::on_edge_answer(const std::any& /*context*/, Response& /*answer*/) {}

}  // namespace tern::server
