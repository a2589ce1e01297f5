#include "exchange/unproven_answer.hpp"

#include <algorithm>
#include <charconv>

#include "tern/protocol/json.hpp"

namespace tern::client {
namespace {

constexpr std::size_t detail_bytes_max = 500;

/// Text of a stranger, fit for a terminal.
std::string plain_line(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, detail_bytes_max)) {
    out.push_back(static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c);
  }
  return out;
}

bool looks_like_a_page(const HttpAnswer& answer) {
  if (answer.header("content-type").starts_with("text/html")) return true;
  const std::size_t start = answer.body.find_first_not_of(" \t\r\n");
  return start != std::string::npos && answer.body[start] == '<';
}

Error network_fault(std::string message, std::string hint) {
  return {ErrorCode::no_connection, std::move(message), std::move(hint), {}};
}

constexpr ErrorCode refusals[] = {
    ErrorCode::login_refused, ErrorCode::rate_limited,    ErrorCode::key_unknown,      ErrorCode::key_revoked,
    ErrorCode::busy,          ErrorCode::storage_full,    ErrorCode::upgrade_required, ErrorCode::tenant_mismatch,
    ErrorCode::invalid,       ErrorCode::malformed,       ErrorCode::server_behind,    ErrorCode::not_permitted,
    ErrorCode::too_large,     ErrorCode::session_unknown,
};

}  // namespace

std::optional<ProblemRead> read_problem(const HttpAnswer& answer) {
  if (!answer.header("content-type").starts_with("application/problem+json")) return std::nullopt;
  const auto json = parse_json(answer.body, {8, 64 * 1024});
  if (!json || !json->is_object()) return std::nullopt;
  ProblemRead problem;
  problem.code = (*json)["code"].as_string();
  problem.detail = plain_line((*json)["detail"].as_string());
  if (problem.detail.empty()) problem.detail = plain_line((*json)["title"].as_string());
  problem.field = plain_line((*json)["field"].as_string());
  if (problem.code.empty()) return std::nullopt;
  return problem;
}

Error unproven_answer(const HttpAnswer& answer) {
  const std::string status = std::to_string(answer.status);
  if (answer.status >= 300 && answer.status < 400) {
    return network_fault("The network answered with a redirect (" + status + ") instead of the server.",
                         "Sign in to this network, or use another one; your work is saved here.");
  }
  if (looks_like_a_page(answer)) {
    return network_fault("The network answered with a web page instead of the server.",
                         "Sign in to this network, or use another one; your work is saved here.");
  }
  if (answer.status >= 500) {
    return network_fault("The server has a problem right now (" + status + ").",
                         "Your work is saved here and is sent later.");
  }
  if (answer.status == 429) {
    return network_fault("The server is asked too often from here right now (429).",
                         "Your work is saved here and is sent later.");
  }
  if (answer.status >= 400) {
    return network_fault("The server, or something before it, refused the request (" + status + ").",
                         "Your work is saved here and is sent later.");
  }
  return network_fault(
      "The answer did not come from the server this device is enrolled with, or was altered on its way.",
      "Your work is saved here and is sent later.");
}

Error refusal(const HttpAnswer& answer) {
  const auto problem = read_problem(answer);
  if (answer.status < 400 || !problem) return unproven_answer(answer);
  const ErrorCode code = error_code_from_string(problem->code);
  if (std::find(std::begin(refusals), std::end(refusals), code) == std::end(refusals)) return unproven_answer(answer);
  return {code,
          problem->detail.empty() ? "The server refused: " + problem->code + "." : problem->detail,
          {},
          problem->field};
}

std::int64_t retry_after_ms(const HttpAnswer& answer, std::int64_t ms_max) {
  const std::string_view text = answer.header("retry-after");
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || seconds < 0) return 0;
  return std::min(seconds, ms_max / 1000) * 1000;
}

}  // namespace tern::client
