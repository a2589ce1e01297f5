#include "exchange/session_client.hpp"

#include <utility>

#include "exchange/unproven_answer.hpp"

namespace tern::client {
namespace {

constexpr std::string_view octets = "application/octet-stream";

HttpRequest post_octets(std::string target, Bytes body) {
  HttpRequest request;
  request.target = std::move(target);
  request.headers = {{"content-type", std::string(octets)}};
  request.body = std::move(body);
  return request;
}

std::optional<std::string_view> header_of(const std::vector<std::pair<std::string, std::string>>& headers,
                                          std::string_view name) {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return std::nullopt;
}

/// Nobody has proven anything yet: the words are told as what they are.
Result<void> expect_octets(const HttpAnswer& answer) {
  if (answer.status != 200) {
    Error error = refusal(answer);
    if (error.code != ErrorCode::no_connection) {
      error.message = "Whoever answered for the server refused this device: " + error.message;
      error.hint = "Your work is saved here. If it stays so, ask your administrator.";
    }
    return tl::unexpected(std::move(error));
  }
  if (answer.header("content-type") != octets) return tl::unexpected(unproven_answer(answer));
  return {};
}

tl::unexpected<Error> another_server() {
  return fail(ErrorCode::no_connection, "The server that answered is not the one this device is enrolled with.",
              "Check the network; your work is saved here and is sent later.");
}

}  // namespace

SessionClient::SessionClient(const protocol::HandshakeParty& party, const protocol::SigningKey& key,
                             Environment& environment)
    : party_(party), key_(key), environment_(environment) {}

HttpRequest SessionClient::hello() {
  drop();
  handshake_.emplace(party_);
  return post_octets("/sync/v1/hello", encode(handshake_->hello()));
}

Result<HttpRequest> SessionClient::proof(const HttpAnswer& answer, const protocol::SessionHeads& heads,
                                         ByteView certificate) {
  check(handshake_.has_value(), "proof before hello");
  TERN_CHECKED(expect_octets(answer));
  const auto challenge = protocol::decode_session_challenge(answer.body);
  if (!challenge) return tl::unexpected(unproven_answer(answer));
  protocol::SessionProof proof = handshake_->answer(*challenge, heads, key_, environment_);
  proof.certificate = Bytes(certificate);
  return post_octets("/sync/v1/session", encode(proof));
}

Result<Welcomed> SessionClient::welcome(const HttpAnswer& answer, const ServerKeys& keys) {
  check(handshake_.has_value(), "welcome before hello");
  TERN_CHECKED(expect_octets(answer));
  auto welcome = protocol::decode_session_welcome(answer.body);
  if (!welcome) return tl::unexpected(unproven_answer(answer));

  Welcomed out;
  const protocol::KeyList* list = &keys.list;
  if (welcome->key_list_version > keys.list.version && !welcome->key_list.empty()) {
    auto next = protocol::open_next_key_list(welcome->key_list, keys.list);
    if (!next) return another_server();
    out.key_list = std::move(*next);
    list = &out.key_list->value;
  }
  const protocol::ServerKey* log_key = list->find(welcome->log_key, protocol::ServerKeyPurpose::log);
  if (log_key == nullptr || log_key->revoked_as_of != protocol::ServerKey::not_revoked) return another_server();
  auto session_keys = handshake_->finish(*welcome, log_key->public_key);
  if (!session_keys) return another_server();

  keys_ = std::move(*session_keys);
  session_ = welcome->session;
  mode_ = welcome->mode;
  counter_ = 0;
  handshake_.reset();
  out.welcome = std::move(*welcome);
  return out;
}

void SessionClient::drop() {
  keys_.reset();
  handshake_.reset();
  mode_ = protocol::SessionMode::full;
}

protocol::Mac SessionClient::seal(HttpRequest& request, std::int64_t time_ms) {
  check(open(), "a session is open");
  protocol::RequestParts parts;
  parts.method = request.method;
  parts.target = request.target;
  parts.content_type = header_of(request.headers, "content-type");
  parts.content_encoding = header_of(request.headers, "content-encoding");
  protocol::RequestAuth auth;
  auth.session = session_;
  auth.counter = ++counter_;
  auth.time_ms = time_ms;
  if (!request.body.empty()) {
    auth.body_bytes = request.body.size();
    auth.body_digest = protocol::body_digest(request.body);
  }
  std::string value = protocol::seal_request(auth, parts, keys_->request);
  request.headers.emplace_back("tern-auth", std::move(value));
  return auth.mac;
}

bool SessionClient::proven(const HttpAnswer& answer, const protocol::Mac& request_mac) const {
  if (!open() || answer.status < 100 || answer.status > 999) return false;
  protocol::AnswerParts parts;
  parts.status = static_cast<std::uint16_t>(answer.status);
  parts.content_type = header_of(answer.headers, "content-type");
  parts.content_encoding = header_of(answer.headers, "content-encoding");
  const std::optional<ByteView> body = answer.body.empty() ? std::nullopt : std::optional<ByteView>(answer.body);
  return protocol::verify_answer(answer.header("tern-auth-answer"), parts, body, request_mac, keys_->answer)
      .has_value();
}

SessionClient::Frames SessionClient::frames(const protocol::Mac& upgrade_mac) const {
  check(open(), "a session is open");
  return {protocol::FrameSealer(protocol::Direction::up, protocol::stream_key(keys_->frame_up, upgrade_mac)),
          protocol::FrameOpener(protocol::Direction::down, protocol::stream_key(keys_->frame_down, upgrade_mac))};
}

}  // namespace tern::client
