#include "tern/server/egress.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "egress/address_rules.hpp"
#include "egress/mail_dialog.hpp"
#include "egress/outgoing_line.hpp"
#include "outgoing/web_address.hpp"

namespace tern::server {
namespace {

constexpr std::uint16_t web_ports[] = {443}, mail_ports[] = {25, 465, 587};
constexpr std::size_t head_lines_max = 200;

bool is_global(const Poco::Net::IPAddress& address) {
  const auto* raw = static_cast<const std::uint8_t*>(address.addr());
  return is_global_address({raw, static_cast<std::size_t>(address.length())});
}

bool is_header(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f; });
}

Result<std::string> request_of(const WebAsk& post, const WebAddress& address) {
  std::string out = post.method + " " + address.target + " HTTP/1.1\r\nHost: " + bracketed(address.host);
  if (address.port != web_ports[0]) out += ":" + std::to_string(address.port);
  out += "\r\nConnection: close\r\nContent-Length: " + std::to_string(post.body.size()) + "\r\n";
  for (const auto& [name, value] : post.headers) {
    if (!is_header(name) || !is_header(value)) return fail(ErrorCode::invalid, "a header is not one line of text");
    out += name + ": " + value + "\r\n";
  }
  return out + "\r\n" + post.body;
}

/// Of the first answer that is one: 100 Continue is none. What it says beside its status is left unread.
Result<int> read_status(OutgoingLine& line) {
  for (;;) {
    TERN_TRY(const std::string first, line.read_line());
    const std::string_view words(first);
    int status = 0;
    const bool http = words.size() >= 12 && words.starts_with("HTTP/1.") && words[8] == ' ';
    if (http) std::from_chars(words.data() + 9, words.data() + 12, status);
    if (status < 100 || status > 599) return no_way("does not speak HTTP");
    if (status >= 200) return status;
    for (std::size_t lines = 0;; ++lines) {
      if (lines == head_lines_max) return no_way("says too much");
      TERN_TRY(const std::string header, line.read_line());
      if (header.empty()) break;
    }
  }
}

/// How an answer says where it ends.
struct AnswerFrame {
  std::optional<std::size_t> length;
  bool chunked = false, coded = false;
};
std::string in_lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return out;
}

Result<AnswerFrame> read_frame(OutgoingLine& line) {
  AnswerFrame out;
  for (std::size_t lines = 0; lines < head_lines_max; ++lines) {
    TERN_TRY(const std::string header, line.read_line());
    if (header.empty()) return out;
    const auto colon = header.find(':');
    if (colon == std::string::npos) return no_way("does not speak HTTP");
    const std::string name = in_lower_case(header.substr(0, colon));
    std::string_view value = std::string_view(header).substr(colon + 1);
    while (value.starts_with(' ') || value.starts_with('\t')) value.remove_prefix(1);
    while (value.ends_with(' ') || value.ends_with('\t')) value.remove_suffix(1);
    if (name == "content-length") {
      std::size_t length = 0;
      const auto read = std::from_chars(value.data(), value.data() + value.size(), length);
      const bool whole = read.ec == std::errc() && read.ptr == value.data() + value.size();
      if (!whole || (out.length && *out.length != length)) return no_way("does not speak HTTP");
      out.length = length;
    } else if (name == "transfer-encoding") {
      if (in_lower_case(value) != "chunked") return no_way("speaks in a coding");
      out.chunked = true;
    } else if (name == "content-encoding") {
      out.coded = in_lower_case(value) != "identity";
    }
  }
  return no_way("says too much");
}

Result<std::string> read_chunks(OutgoingLine& line) {
  std::string out;
  for (;;) {
    TERN_TRY(const std::string head, line.read_line());
    std::size_t size = 0;
    const auto read = std::from_chars(head.data(), head.data() + head.size(), size, 16);
    const bool ended = read.ptr == head.data() + head.size() || *read.ptr == ';' || *read.ptr == ' ';
    if (read.ec != std::errc() || !ended) return no_way("does not speak HTTP");
    if (size == 0) return out;  // what may follow says nothing of the body
    TERN_TRY(const std::string chunk, line.read_exactly(size));
    out += chunk;
    TERN_TRY(const std::string end, line.read_line());
    if (!end.empty()) return no_way("does not speak HTTP");
  }
}

class PocoEgress : public Egress {
public:
  PocoEgress(const EgressOptions& options, std::vector<HostAndPort> allowed, Poco::Net::Context::Ptr tls)
      : options_(options), allowed_(std::move(allowed)), tls_(std::move(tls)) {}

  Result<int> post(const WebPost& post) override {
    TERN_TRY(const auto line, say({"POST", post.url, post.headers, post.body}));
    return read_status(*line);
  }

  Result<WebAnswer> fetch(const WebAsk& what) override {
    TERN_TRY(const auto line, say(what));
    WebAnswer out;
    TERN_TRY(out.status, read_status(*line));
    TERN_TRY(const AnswerFrame frame, read_frame(*line));
    if (frame.coded) return no_way("speaks in a coding");
    if (frame.chunked == frame.length.has_value()) return no_way("does not say where its answer ends");
    TERN_TRY(out.body, frame.chunked ? read_chunks(*line) : line->read_exactly(*frame.length));
    return out;
  }

  Result<MailAnswer> mail(const MailServer& server, const MailPost& post) override {
    TERN_TRY(auto line, connect(server.host, server.port, mail_ports, options_.mail_deadline_ms));
    return speak_mail(*line, server, post, tls_, {options_.mail_taken_ms, options_.mail_drain_ms});
  }

  [[nodiscard]] bool allows(const std::string& host, std::uint16_t port) const override {
    return std::ranges::any_of(allowed_, [&](const HostAndPort& one) { return one.host == host && one.port == port; });
  }

  void stop() override { stopping_ = true; }

private:
  /// The line on which it was asked.
  [[nodiscard]] Result<std::unique_ptr<OutgoingLine>> say(const WebAsk& what) const {
    TERN_TRY(const WebAddress address, parse_web_address(what.url));
    TERN_TRY(const std::string request, request_of(what, address));
    TERN_TRY(auto line, connect(address.host, address.port, web_ports, options_.web_deadline_ms));
    TERN_CHECKED(line->start_tls(address.host, tls_));
    TERN_CHECKED(line->write(request));
    return line;
  }

  Result<std::unique_ptr<OutgoingLine>> connect(const std::string& host, std::uint16_t port,
                                                std::span<const std::uint16_t> usual, std::int64_t deadline_ms) const {
    if (stopping_) return no_way("this server stops");
    const LineLimits limits{line_clock_ms() + deadline_ms, &stopping_};
    const bool allowed = allows(host, port);
    if (!allowed && std::ranges::find(usual, port) == usual.end())
      return fail(ErrorCode::not_permitted, "the port is not allowed");
    TERN_TRY(const auto addresses, addresses_of_name(host));
    if (!allowed && !std::ranges::all_of(addresses, is_global))
      return fail(ErrorCode::not_permitted, "the address is an inner one");
    Result<std::unique_ptr<OutgoingLine>> line = no_way("cannot be reached");
    for (const Poco::Net::IPAddress& address : addresses) {
      line = OutgoingLine::connect(address, port, limits);
      if (line) break;
    }
    return line;
  }

  const EgressOptions options_;
  const std::vector<HostAndPort> allowed_;
  const Poco::Net::Context::Ptr tls_;
  std::atomic<bool> stopping_{false};
};

}  // namespace

Result<std::unique_ptr<Egress>> make_egress(const EgressOptions& options) {
  std::vector<HostAndPort> allowed;
  for (const std::string& one : options.allow) {
    auto parsed = parse_host_and_port(one, "egress-allow");
    if (!parsed) {
      parsed.error().code = ErrorCode::usage;
      return tl::unexpected(std::move(parsed).error());
    }
    allowed.push_back(std::move(*parsed));
  }
  TERN_TRY(auto tls, make_outgoing_tls(options.ca_file));
  return std::unique_ptr<Egress>(std::make_unique<PocoEgress>(options, std::move(allowed), std::move(tls)));
}

}  // namespace tern::server
