#include "inbound/inbound_request.hpp"

#include <algorithm>
#include <charconv>

#include "api/head_text.hpp"
#include "api/multipart.hpp"
#include "api/request_body.hpp"
#include "tern/protocol/base64.hpp"
#include "tern/protocol/crypto.hpp"
#include "tern/protocol/text.hpp"

namespace tern::server {
namespace {

constexpr std::int64_t signed_within_ms = 5 * 60'000, mailgun_within_ms = 15 * 60'000;
constexpr std::size_t inbound_fields_max = 200;

/// The fields of a multipart form, and what its files are called: a mail comes with files of any name.
Result<void> read_multipart(std::string_view content_type, const RequestBody& body, InboundRequest& out) {
  TERN_TRY(const auto parts, find_parts(content_type, body));
  out.payload = Json::object();
  for (const MultipartPart& part : parts) {
    if (part.file_name) {
      if (!part.file_name->empty()) out.files.push_back(*part.file_name);
      continue;
    }
    TERN_TRY(Bytes value, body.read_at(part.offset, static_cast<std::size_t>(part.size_bytes)));
    if (!is_valid_utf8(part.name) || !is_valid_utf8(value) || out.payload.size() >= inbound_fields_max) continue;
    out.payload.set(part.name, Json(std::move(value)));
  }
  return {};
}

std::string header_said(const InboundRequest& request, const std::string& name) {
  const auto found = request.headers.find(name);
  return found == request.headers.end() ? std::string() : found->second;
}

/// What is offered as the secret itself, wherever senders put it.
std::vector<std::string> offered_tokens(const InboundHook& hook, const InboundRequest& request) {
  std::vector<std::string> out;
  for (const char* name : {"x-hook-token", "x-telegram-bot-api-secret-token", "apikey"})
    if (auto said = header_said(request, name); !said.empty()) out.push_back(std::move(said));
  const std::string authorization = header_said(request, "authorization");
  if (authorization.starts_with("Bearer ")) out.push_back(authorization.substr(7));
  if (authorization.starts_with("Basic "))
    if (const auto pair = from_base64(authorization.substr(6)))
      if (const auto colon = pair->find(':'); colon != Bytes::npos) out.push_back(pair->substr(colon + 1));
  if (hook.form == InboundForm::whatsapp && request.payload["apikey"].is_string())
    out.push_back(request.payload["apikey"].as_string());
  return out;
}

bool is_recent_stamp(std::string_view seconds, std::int64_t now_ms, std::int64_t within_ms) {
  std::int64_t at_s = 0;
  const auto read = std::from_chars(seconds.data(), seconds.data() + seconds.size(), at_s);
  if (read.ec != std::errc() || read.ptr != seconds.data() + seconds.size() || at_s < 0 || at_s > 1'000'000'000'000)
    return false;
  const std::int64_t off_ms = now_ms - at_s * 1'000;
  return off_ms <= within_ms && off_ms >= -within_ms;
}

bool signature_agrees(std::string_view hex, std::string_view secret, ByteView message) {
  return !secret.empty() && protocol::equal_secret(lower_of(hex), to_hex(protocol::hmac_sha256(secret, message)));
}

/// "t=SECONDS,v1=HEX,v1=HEX": as this server signs what it sends.
bool is_signed_as_ours(std::string_view header, std::string_view secret, const Bytes& body, std::int64_t now_ms) {
  std::string_view at;
  std::vector<std::string_view> signatures;
  while (!header.empty()) {
    const std::size_t end = std::min(header.find(','), header.size());
    const std::string_view part = header.substr(0, end);
    header.remove_prefix(std::min(end + 1, header.size()));
    if (part.starts_with("t=")) at = part.substr(2);
    if (part.starts_with("v1=")) signatures.push_back(part.substr(3));
  }
  if (!is_recent_stamp(at, now_ms, signed_within_ms)) return false;
  const Bytes message = Bytes(at) + "." + body;
  return std::ranges::any_of(signatures, [&](std::string_view one) { return signature_agrees(one, secret, message); });
}

bool proves_with(const InboundHook& hook, std::string_view secret, const InboundRequest& request, std::int64_t now_ms) {
  if (secret.size() < inbound_secret_bytes_min) return false;
  switch (hook.proof) {
    case InboundProof::token: {
      const auto offered = offered_tokens(hook, request);
      return std::ranges::any_of(offered, [&](const std::string& one) { return protocol::equal_secret(one, secret); });
    }
    case InboundProof::hmac: {
      const std::string hub = header_said(request, "x-hub-signature-256");
      if (hub.starts_with("sha256=")) return signature_agrees(std::string_view(hub).substr(7), secret, request.body);
      return is_signed_as_ours(header_said(request, "tern-signature"), secret, request.body, now_ms);
    }
    case InboundProof::mailgun: {
      const std::string& at = request.payload["timestamp"].as_string();
      const std::string& token = request.payload["token"].as_string();
      return is_recent_stamp(at, now_ms, mailgun_within_ms) &&
             signature_agrees(request.payload["signature"].as_string(), secret, at + token);
    }
  }
  return false;
}

bool is_called_like_a_secret(std::string_view name) {
  constexpr std::string_view words[] = {"secret",     "token",  "password",   "passwd",        "api_key",  "apikey",
                                        "privatekey", "cookie", "credential", "authorization", "signature"};
  std::string folded = protocol::fold_case(name);
  if (folded.find("api_key") == std::string::npos) std::erase_if(folded, [](char c) { return c == '_' || c == '-'; });
  return std::ranges::any_of(words, [&](std::string_view word) { return folded.find(word) != std::string::npos; });
}

/// As it is, and as it is written: digits of an escape may begin a secret of digits.
bool holds_secret(const Json& value, const HookSecrets& secrets) {
  const std::string written = to_text(value);
  const auto holds = [&](const std::string& secret) {
    return !secret.empty() && (written.find(secret) != std::string::npos ||
                               (value.is_string() && value.as_string().find(secret) != std::string::npos));
  };
  return holds(secrets.now) || holds(secrets.before);
}

Json hide(const Json& value, const HookSecrets& secrets) {
  if (value.is_string() || value.is_number()) return holds_secret(value, secrets) ? Json(inbound_hidden) : value;
  if (value.is_array()) {
    Json out = Json::array();
    for (const Json& item : value.items()) out.push(hide(item, secrets));
    return out;
  }
  if (!value.is_object()) return value;
  Json out = Json::object();
  bool hidden_name = false;
  for (const auto& [name, member] : value.members()) {
    if (holds_secret(Json(name), secrets))
      hidden_name = true;
    else
      out.append_member(name, is_called_like_a_secret(name) ? Json(inbound_hidden) : hide(member, secrets));
  }
  if (hidden_name) out.set(std::string(inbound_hidden), Json(inbound_hidden));
  return out;
}

}  // namespace

Result<InboundRequest> receive_inbound(const Request& request) {
  InboundRequest out;
  if (request.body.size() > inbound_body_bytes_max) return fail(ErrorCode::too_large, "The body is too large.");
  TERN_TRY(out.body, request.body.read_all());
  out.digest = protocol::sha256(out.body);
  for (const Header& header : request.headers) out.headers.emplace(header.name, header.value);
  return out;
}

Result<void> parse_inbound(const Request& request, InboundRequest& out) {
  const std::string_view type = request.header("content-type");
  if (is_multipart(type)) return read_multipart(type, request.body, out);
  // Whatever a sender calls its JSON.
  const std::size_t first = out.body.find_first_not_of(" \t\r\n");
  if (first != Bytes::npos && out.body[first] == '{') {
    TERN_TRY(out.payload, parse_json(out.body, {.depth_max = 32, .bytes_max = out.body.size(), .decimals = true}));
    return {};
  }
  TERN_TRY(DecodedBody decoded, decode_request_body(type, request.body));
  out.payload = std::move(decoded.parameters);
  return {};
}

bool is_proven_inside(const InboundHook& hook) {
  return hook.proof == InboundProof::mailgun ||
         (hook.proof == InboundProof::token && hook.form == InboundForm::whatsapp);
}

bool proves_sender(const InboundHook& hook, const HookSecrets& secrets, const InboundRequest& request,
                   std::int64_t now_ms) {
  if (proves_with(hook, secrets.now, request, now_ms)) return true;
  return now_ms < secrets.before_until_ms && proves_with(hook, secrets.before, request, now_ms);
}

std::string without_secrets(const Json& payload, const HookSecrets& secrets) {
  std::string text = to_text(hide(payload, secrets));
  return text.size() > inbound_kept_bytes_max ? std::string() : text;
}

}  // namespace tern::server
