#include "load/load_device.hpp"

#include "tern/protocol/limits.hpp"
#include "tern/protocol/receipt.hpp"
#include "tern/protocol/zstd.hpp"

namespace tern::fleet {
namespace {

Result<client::HttpAnswer> post(client::Transport& transport, const std::string& target, Bytes body) {
  client::HttpRequest request;
  request.target = target;
  request.headers = {{"content-type", "application/octet-stream"}};
  request.body = std::move(body);
  TERN_TRY(auto answer, transport.send(request));
  if (answer.status == 200) return answer;
  const bool busy = answer.status == 503 || answer.status == 429;
  return fail(busy ? ErrorCode::busy : ErrorCode::no_connection,
              target + " was answered with " + std::to_string(answer.status) + ".");
}

}  // namespace

Result<std::unique_ptr<LoadDevice>> LoadDevice::enrol(const std::string& code_text, client::Transport& transport,
                                                      Environment& environment) {
  std::unique_ptr<LoadDevice> device(new LoadDevice(protocol::SigningKey::generate(environment)));
  TERN_TRY(const auto code, protocol::EnrolmentCode::from_text(code_text));
  protocol::EnrolmentRequest asked;
  environment.random(asked.nonce.bytes.data(), asked.nonce.bytes.size());
  asked.name = "load";
  asked.platform = "load";
  TERN_TRY(const Bytes request, protocol::make_enrolment_request(asked, code, device->key_));
  TERN_TRY(const auto answer, post(transport, "/sync/v1/enrol", request));
  TERN_TRY(const auto enrolled,
           protocol::open_enrolment_answer(answer.body, request, code, device->key_.public_key(), {}));
  device->certificate_ = enrolled.certificate.value;
  device->key_list_ = enrolled.key_list.value;
  device->head_ = {1, 0, protocol::genesis_prev_hash(enrolled.certificate.wire)};
  device->server_head_ = enrolled.anchor.value.head();
  device->anchor_ = protocol::anchor_hash(enrolled.anchor.wire);
  return device;
}

Result<void> LoadDevice::begin_session(client::Transport& transport, Environment& environment) {
  protocol::DeviceHandshake handshake({certificate_.tenant, certificate_.device, key_.id(), certificate_.root});
  TERN_TRY(const auto hello, post(transport, "/sync/v1/hello", protocol::encode(handshake.hello())));
  TERN_TRY(const auto challenge, protocol::decode_session_challenge(hello.body));
  const auto proof = handshake.answer(challenge, {head_, server_head_}, key_, environment);
  TERN_TRY(const auto answer, post(transport, "/sync/v1/session", protocol::encode(proof)));
  TERN_TRY(const auto welcome, protocol::decode_session_welcome(answer.body));
  const auto* log_key = key_list_.find(welcome.log_key, protocol::ServerKeyPurpose::log);
  if (log_key == nullptr) return fail(ErrorCode::verification_failed, "The session is under an unknown log key.");
  TERN_TRY(keys_, handshake.finish(welcome, log_key->public_key));
  session_ = welcome.session;
  counter_ = 0;
  cursor_ = welcome.head.size;
  return {};
}

protocol::Mac LoadDevice::sign(client::HttpRequest& request, Environment& environment) {
  protocol::RequestParts parts;
  parts.method = request.method;
  parts.target = request.target;
  protocol::RequestAuth auth;
  auth.session = session_;
  auth.counter = ++counter_;
  auth.time_ms = environment.wall_ms();
  if (!request.body.empty()) {
    request.headers.emplace_back("content-type", "application/x-protobuf");
    parts.content_type = "application/x-protobuf";
    auth.body_bytes = request.body.size();
    auth.body_digest = protocol::body_digest(request.body);
  }
  request.headers.emplace_back("tern-auth", protocol::seal_request(auth, parts, keys_.request));
  return auth.mac;
}

Result<v1::ExchangeResponse> LoadDevice::exchange(client::Transport& transport, const v1::ExchangeRequest& request,
                                                  Environment& environment) {
  client::HttpRequest http;
  http.target = "/sync/v1/exchange";
  http.body = request.SerializeAsString();
  const protocol::Mac mac = sign(http, environment);
  TERN_TRY(const auto answer, transport.send(http));
  if (answer.status == 503) return fail(ErrorCode::busy, "The server is busy.");
  protocol::AnswerParts parts;
  parts.status = static_cast<std::uint16_t>(answer.status);
  const auto type = answer.header("content-type"), coding = answer.header("content-encoding");
  if (!type.empty()) parts.content_type = type;
  if (!coding.empty()) parts.content_encoding = coding;
  TERN_CHECKED(
      protocol::verify_answer(answer.header("tern-auth-answer"), parts, ByteView(answer.body), mac, keys_.answer));
  if (answer.status != 200)
    return fail(ErrorCode::no_connection, "An exchange was answered with " + std::to_string(answer.status) + ".");
  Bytes body = answer.body;
  if (coding == "zstd") {
    TERN_TRY(body, protocol::decompress(answer.body));
  }
  v1::ExchangeResponse response;
  if (!response.ParseFromString(body)) return fail(ErrorCode::malformed, "The answer is no exchange.");
  return response;
}

Result<LoadStream> LoadDevice::open_stream(client::HttpTransport& transport, Environment& environment) {
  client::HttpRequest upgrade;
  upgrade.method = "GET";
  upgrade.target = "/sync/v1/stream";
  const protocol::Mac mac = sign(upgrade, environment);
  TERN_TRY(auto opening, transport.open_stream(upgrade));
  if (!opening.stream)
    return fail(ErrorCode::no_connection, "A stream was answered with " + std::to_string(opening.answer.status) + ".");
  protocol::AnswerParts parts;
  parts.status = 101;
  TERN_CHECKED(protocol::verify_answer(opening.answer.header("tern-auth-answer"), parts, {}, mac, keys_.answer));
  LoadStream stream{std::move(opening.stream),
                    {protocol::Direction::up, protocol::stream_key(keys_.frame_up, mac)},
                    {protocol::Direction::down, protocol::stream_key(keys_.frame_down, mac)}};
  v1::StreamFrame frame;
  *frame.mutable_request() = request();
  TERN_CHECKED(stream.connection->send(stream.up.seal(frame.SerializeAsString())));
  return stream;
}

v1::ExchangeRequest LoadDevice::request() const {
  v1::ExchangeRequest request;
  request.set_schema_version(limits::schema_version);
  request.set_nonce(Bytes(16, 'n'));
  request.mutable_cursor()->set_epoch(Bytes(certificate_.server_epoch.view()));
  request.mutable_cursor()->set_commit_seq(cursor_);
  request.set_want_bytes(limits::want_bytes_min);
  return request;
}

Result<Bytes> LoadDevice::seal(std::vector<sync::Change> changes, Environment& environment) {
  protocol::ChangeSetHeader header;
  header.tenant = certificate_.tenant;
  header.device = certificate_.device;
  header.author = certificate_.author;
  header.device_epoch = head_.device_epoch;
  header.chain_seq = head_.chain_seq + 1;
  header.prev_hash = head_.hash;
  header.wall_ms = environment.wall_ms();
  header.boot = environment.boot_id();
  header.anchor_hash = anchor_;
  std::vector<protocol::SealedChange> content;
  for (const sync::Change& change : changes) {
    sync::EncodedChange encoded = sync::encode_change(change);
    content.push_back({std::move(encoded.skeleton), random_id<Salt>(environment), std::move(encoded.body), {}});
  }
  TERN_TRY(const auto set, protocol::seal(header, std::move(content), key_));
  head_ = {head_.device_epoch, head_.chain_seq + 1, set.hash()};
  return protocol::encode(set);
}

sync::Change LoadDevice::change(sync::Intent intent, const TicketId& ticket, Environment& environment) const {
  sync::Change change;
  change.ref = {certificate_.device, random_id<ChangeId>(environment)};
  change.ticket = ticket;
  change.intent = intent;
  change.wall_ms = environment.wall_ms();
  return change;
}

sync::Change LoadDevice::new_ticket(const TicketId& ticket, Environment& environment) const {
  sync::Change made = change(sync::Intent::create, ticket, environment);
  made.fields.push_back({sync::FieldId::subject, "", "Under load", false});
  return made;
}

sync::Change LoadDevice::note(const TicketId& ticket, const std::string& text, Environment& environment) const {
  sync::Change made = change(sync::Intent::message, ticket, environment);
  made.visibility = sync::Visibility::team;
  made.text = text;
  return made;
}

Result<std::size_t> LoadDevice::confirmed(const v1::ExchangeResponse& response) const {
  if (response.receipts().empty()) return std::size_t{0};
  TERN_TRY(const auto list, protocol::decode_receipt_list(response.receipts()));
  const auto* log_key = key_list_.current(protocol::ServerKeyPurpose::log);
  if (log_key == nullptr) return fail(ErrorCode::verification_failed, "There is no log key.");
  TERN_TRY(const auto verified, protocol::verify_receipts(list, certificate_.device, log_key->public_key));
  return verified.receipts.size();
}

}  // namespace tern::fleet
