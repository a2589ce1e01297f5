#include "house.hpp"

#include <algorithm>
#include <array>

#include "support/persist.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/protocol/zstd.hpp"

namespace tern::test {

namespace {

// Of a request: each counts against what a peer may ask.
constexpr std::uint64_t tries_max = 5;

// Those that write to more than one file, or that are refused where they have been done: who asks again is told.
constexpr std::array<std::string_view, 6> said_when_done_again{"backup",      "erase",      "inbound add",
                                                               "webhook add", "tenant add", "person erase"};

bool was_answered(const server::Response& response) {
  return response.status < 500;
}

/// What an API's request may be done again: it reads, or lets somebody in. What writes says so by an Idempotency-Key,
/// and a proof and a counter of a session are good once.
bool may_be_sent_again(const server::Request& request) {
  if (request.target.starts_with("/sync/")) return false;
  if (request.method == "GET" || request.has_header("idempotency-key")) return true;
  const auto body = request.body.read_all();
  const auto asked = body ? parse_json(*body) : Result<Json>(Json());
  const std::string action = asked ? (*asked)["action"].as_string() : std::string();
  return action.starts_with("list_") || action.starts_with("get_") || action.find("login") != std::string::npos;
}

}  // namespace

std::string problem_code(const server::Response& response) {
  if (response.header("content-type") != "application/problem+json") return "";
  return must(parse_json(response.body))["code"].as_string();
}

// ---- the house ----

House::House(std::uint64_t seed) : environment(seed) {
  const auto made =
      must(server::ServerCore::init(options(), "Pumps", "admin@pumps.example", "a good password", environment));
  recovery_key = made.recovery_key;
  core = must(persist([&] { return server::ServerCore::open(options(), environment); }, only_whole));
}

server::ServerOptions House::options() const {
  server::ServerOptions out;
  out.directory = folder.file("server");
  out.public_url = "https://desk.example";
  out.server_version = "1.2.3";
  out.log_sink = [this](std::string_view line) { const_cast<House*>(this)->log.emplace_back(line); };
  return out;
}

void House::reopen() {
  core.reset();
  core = must(persist([&] { return server::ServerCore::open(options(), environment); }, only_whole));
}

Result<Json> House::try_command(const Json& command) {
  const auto act = [&] { return core->administer(command); };
  const std::string name = command["command"].as_string();
  if (std::ranges::find(said_when_done_again, name) != said_when_done_again.end()) return act();
  return name == "verify" ? persist(act, only_whole) : persist(act);
}

void House::tick() {
  const NothingFails deferred;  // what fails is done later, and tests know when what is due
  core->tick();
}

server::Response House::send(const server::Request& request) {
  if (!may_be_sent_again(request)) return send_once(request);
  return persist([&] { return send_once(request); }, was_answered, {.failing_max = tries_max});
}

server::Response House::send_once(server::Request request) {
  server::Handler& handler = core->handler();
  if (request.request_id.empty()) request.request_id = "test-1";
  const std::size_t question = request.target.find('?');
  request.path = request.target.substr(0, question);
  if (question != std::string::npos) request.query = request.target.substr(question + 1);
  if (request.peer_address.empty()) request.peer_address = peer;
  server::RequestBody body = std::exchange(request.body, {});
  if (!request.content_length && body.size() > 0 && !chunked) request.content_length = body.size();
  auto verdict = handler.on_head(request);
  if (auto* refused = std::get_if<server::Response>(&verdict)) return std::move(*refused);
  const auto& accept = std::get<server::HeadAccept>(verdict);
  if (body.size() > accept.body_bytes_max) {
    server::Response response =
        server::problem_response({413, "body_too_large", "The body is too large", "", "", request.request_id});
    handler.on_edge_answer(accept.context, response);
    return response;
  }
  request.body = std::move(body);
  return handler.handle(std::move(request), accept.context);
}

server::Response House::post(const std::string& target, Bytes body, const std::string& type) {
  server::Request request;
  request.method = "POST";
  request.target = target;
  request.headers = {{"content-type", type}};
  request.body = server::RequestBody(std::move(body));
  return send(request);
}

server::Response House::get(const std::string& target) {
  server::Request request;
  request.method = "GET";
  request.target = target;
  return send(request);
}

std::string House::code_for(const std::string& operator_name, const std::string& scope, const std::string& tenant) {
  Json asked =
      Json::object({{"command", Json("device code")}, {"operator", Json(operator_name)}, {"scope", Json(scope)}});
  if (!tenant.empty()) asked.set("tenant", Json(tenant));
  return command(asked)["code"].as_string();
}

std::string House::add_operator(const std::string& name, const std::string& role, const std::string& tenant) {
  Json asked = Json::object({{"command", Json("operator add")},
                             {"email", Json(name + "@pumps.example")},
                             {"name", Json(name)},
                             {"role", Json(role)}});
  if (!tenant.empty()) asked.set("tenant", Json(tenant));
  return command(asked)["id"].as_string();
}

// ---- the device ----

Bytes Device::enrolment_request(House& house, const std::string& code, const protocol::SigningKey& key,
                                std::uint8_t nonce) {
  protocol::EnrolmentRequest request;
  request.nonce.bytes.fill(nonce);
  request.name = "van";
  request.platform = "linux x86_64";
  static_cast<void>(house);
  return must(protocol::make_enrolment_request(request, must(protocol::EnrolmentCode::from_text(code)), key));
}

Device::Device(House& h, const std::string& operator_name, const std::string& scope, const std::string& tenant)
    : house(h), key(protocol::SigningKey::generate(h.environment)) {
  const std::string code = house.code_for(operator_name, scope, tenant);
  const Bytes request = enrolment_request(house, code, key);
  bool again = false;
  const auto enrol = [&] {
    if (std::exchange(again, true)) house.environment.advance(7'000);  // the pace that the limits allow
    return house.post("/sync/v1/enrol", request);
  };
  const auto answer = persist(enrol, was_answered, {.failing_max = 60});  // a code is good for a while
  INFO(answer.body);
  REQUIRE(answer.status == 200);
  const auto enrolled = must(protocol::open_enrolment_answer(
      answer.body, request, must(protocol::EnrolmentCode::from_text(code)), key.public_key(), {}));
  certificate = enrolled.certificate.value;
  certificate_wire = enrolled.certificate.wire;
  key_list = enrolled.key_list.value;
  root = certificate.root;
  head = {1, 0, protocol::genesis_prev_hash(certificate_wire)};
  server_head = enrolled.anchor.value.head();
  anchor = protocol::anchor_hash(enrolled.anchor.wire);
  house.environment.advance(7'000);
}

Result<protocol::SessionWelcome> Device::open_session() {
  return persist([&] { return try_session(); });
}

Result<protocol::SessionWelcome> Device::try_session() {
  protocol::DeviceHandshake handshake({certificate.tenant, certificate.device, key.id(), root});
  const auto challenge = house.post("/sync/v1/hello", protocol::encode(handshake.hello()));
  if (challenge.status != 200) return fail(error_code_from_string(problem_code(challenge)), "hello");
  const auto proof = handshake.answer(must(protocol::decode_session_challenge(challenge.body)), {head, server_head},
                                      key, house.environment);
  const auto answer = house.post("/sync/v1/session", protocol::encode(proof));
  if (answer.status != 200) return fail(error_code_from_string(problem_code(answer)), "session");
  auto welcome = must(protocol::decode_session_welcome(answer.body));
  const auto* log_key = key_list.find(welcome.log_key, protocol::ServerKeyPurpose::log);
  REQUIRE(log_key != nullptr);
  keys = must(handshake.finish(welcome, log_key->public_key));
  session = welcome.session;
  mode = welcome.mode;
  counter = 0;
  return welcome;
}

server::Request Device::signed_request(const std::string& method, const std::string& target, Bytes body) {
  server::Request request;
  request.method = method;
  request.target = target;
  protocol::RequestParts parts;
  parts.method = request.method;
  parts.target = request.target;
  protocol::RequestAuth auth;
  auth.session = session;
  auth.counter = ++counter;
  auth.time_ms = house.environment.wall_ms() + clock_error_ms;
  if (!body.empty()) {
    request.headers.push_back({"content-type", "application/x-protobuf"});
    parts.content_type = "application/x-protobuf";
    auth.body_bytes = body.size();
    auth.body_digest = protocol::body_digest(body);
  }
  request.headers.push_back({"tern-auth", protocol::seal_request(auth, parts, keys.request)});
  last_mac = auth.mac;
  request.body = server::RequestBody(std::move(body));
  return request;
}

bool Device::proven(const server::Response& response) const {
  protocol::AnswerParts parts;
  parts.status = static_cast<std::uint16_t>(response.status);
  const std::string type(response.header("content-type")), encoding(response.header("content-encoding"));
  if (!type.empty()) parts.content_type = type;
  if (!encoding.empty()) parts.content_encoding = encoding;
  const std::optional<ByteView> body = response.body.empty() ? std::nullopt : std::optional<ByteView>(response.body);
  return protocol::verify_answer(response.header("tern-auth-answer"), parts, body, last_mac, keys.answer).has_value();
}

v1::ExchangeRequest Device::request() const {
  v1::ExchangeRequest out;
  out.set_schema_version(limits::schema_version);
  out.set_nonce(Bytes(16, 'n'));
  if (!cursor_epoch.is_zero()) out.mutable_cursor()->set_epoch(Bytes(cursor_epoch.view()));
  out.mutable_cursor()->set_commit_seq(cursor);
  out.set_page_token(page_token);
  out.mutable_chain_head()->set_device_epoch(head.device_epoch);
  out.mutable_chain_head()->set_chain_seq(head.chain_seq);
  out.mutable_chain_head()->set_hash(Bytes(head.hash.view()));
  return out;
}

server::Response Device::exchange_raw(const v1::ExchangeRequest& asked) {
  return send(signed_request("POST", "/sync/v1/exchange", asked.SerializeAsString()));
}

v1::ExchangeResponse Device::exchange(const v1::ExchangeRequest& asked) {
  const auto answer = persist([&] { return exchange_raw(asked); }, was_answered, {.failing_max = tries_max});
  INFO(answer.body.substr(0, 300));
  REQUIRE(answer.status == 200);
  REQUIRE(proven(answer));
  const Bytes plain =
      answer.header("content-encoding") == "zstd" ? must(protocol::decompress(answer.body)) : answer.body;
  v1::ExchangeResponse response;
  REQUIRE(response.ParseFromString(plain));
  CHECK(response.nonce() == asked.nonce());
  if (!response.anchor().empty()) {
    const auto* log_key = key_list.current(protocol::ServerKeyPurpose::log);
    const auto shown = must(protocol::open_statement<protocol::Anchor>(response.anchor(), log_key->public_key));
    anchor = protocol::anchor_hash(response.anchor());
    server_head = shown.value.head();
  }
  if (!response.has_error() && response.has_cursor()) {
    cursor_epoch = EpochId::or_zero(response.cursor().epoch());
    cursor = response.cursor().commit_seq();
    page_token = response.page_token();
  }
  return response;
}

sync::Change Device::change(sync::Intent intent, const TicketId& ticket) const {
  sync::Change out;
  out.ref = {certificate.device, random_id<ChangeId>(house.environment)};
  out.ticket = ticket;
  out.intent = intent;
  out.wall_ms = house.environment.wall_ms();
  out.seen_seq = cursor;
  return out;
}

sync::Change Device::create(const TicketId& ticket, const std::string& subject) {
  sync::Change out = change(sync::Intent::create, ticket);
  out.fields.push_back({sync::FieldId::subject, {}, subject, false});
  out.seen_seq = 0;
  return out;
}

protocol::ChangeSetHeader Device::next_header() const {
  protocol::ChangeSetHeader header;
  header.tenant = certificate.tenant;
  header.device = certificate.device;
  header.author = certificate.author;
  header.device_epoch = head.device_epoch;
  header.chain_seq = head.chain_seq + 1;
  header.prev_hash = head.hash;
  header.wall_ms = house.environment.wall_ms();
  header.boot = house.environment.boot_id();
  header.anchor_hash = anchor;
  header.seen_seq = cursor;
  return header;
}

Bytes Device::seal_as(protocol::ChangeSetHeader header, std::vector<sync::Change> changes) {
  std::vector<protocol::SealedChange> content;
  for (const sync::Change& change : changes) {
    sync::EncodedChange encoded = sync::encode_change(change);
    content.push_back({std::move(encoded.skeleton), random_id<Salt>(house.environment), std::move(encoded.body), {}});
  }
  return protocol::encode(must(protocol::seal(header, std::move(content), key)));
}

Bytes Device::seal(std::vector<sync::Change> changes) {
  Bytes wire = seal_as(next_header(), std::move(changes));
  head = {head.device_epoch, head.chain_seq + 1, must(protocol::decode_change_set(wire)).hash()};
  return wire;
}

v1::ExchangeResponse Device::push(std::vector<Bytes> sets) {
  v1::ExchangeRequest asked = request();
  for (Bytes& set : sets) asked.add_change_sets(std::move(set));
  return exchange(asked);
}

protocol::VerifiedReceipts Device::receipts(const v1::ExchangeResponse& response) const {
  const auto* log_key = key_list.current(protocol::ServerKeyPurpose::log);
  return must(protocol::verify_receipts(must(protocol::decode_receipt_list(response.receipts())), certificate.device,
                                        log_key->public_key));
}

std::vector<v1::Patch> Device::download(std::uint32_t want_bytes) {
  std::vector<v1::Patch> out;
  for (;;) {
    v1::ExchangeRequest asked = request();
    asked.set_want_bytes(want_bytes);
    const auto response = exchange(asked);
    REQUIRE_FALSE(response.has_error());
    out.insert(out.end(), response.patches().begin(), response.patches().end());
    if (!response.more()) return out;
  }
}

ErrorCode code_of(House& house, const Json& command) {
  auto answer = house.try_command(command);
  return answer ? ErrorCode::internal : answer.error().code;
}

Json record(const char* kind, const char* name) {
  return Json::object({{"kind", Json(kind)}, {"name", Json(name)}});
}

}  // namespace tern::test
