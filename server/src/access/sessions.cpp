#include "sessions.hpp"

#include <algorithm>

#include "ingest/jobs.hpp"
#include "store/ledger.hpp"
#include "store/tenant.hpp"
#include "tern/protocol/keys.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/protocol/merkle.hpp"
#include "tern/protocol/mutant.hpp"

namespace tern::server {
namespace {

tl::unexpected<Error> unknown_device() {
  return fail(ErrorCode::login_refused, "This device is not known here.", "Enrol it with a new code.");
}

Result<protocol::MerkleProof> proof_between(Tenant& tenant, std::uint64_t from, std::uint64_t to) {
  TERN_TRY(auto reader, tenant.reader());
  return protocol::consistency_proof(from, to, log_nodes(reader.db(), tenant.number()));
}

/// The consistency proof from the head a device holds; or the record that ended its epoch, with the proof to what was
/// kept of it.
Result<void> add_history(protocol::SessionWelcome& welcome, const protocol::LogHead& held, Tenant& tenant) {
  if (held.epoch.is_zero()) return {};
  std::uint64_t to = welcome.head.size;
  if (held.epoch != welcome.head.epoch) {
    TERN_TRY(const auto wire, epoch_record(tenant, held.epoch));
    const auto record = wire ? read_epoch_record(*wire) : std::nullopt;
    if (!record) return {};
    welcome.epoch_record = *wire;
    to = record->kept_size;
  }
  // A head this server does not have: the welcome shows the smaller one, and the device draws its conclusion.
  if (held.size == 0 || held.size > to) return {};
  TERN_TRY(welcome.consistency, proof_between(tenant, held.size, to));
  return {};
}

void end(Session& session) {
  const std::lock_guard guard(session.mutex);
  session.ended = true;
}

/// The key counts and its operator is there: a full session. Else one that may only hand in.
bool in_good_standing(const Tenant& tenant, const DeviceInfo& device) {
  const auto actor = tenant.find_actor(device.operator_id);
  const bool active = device.key_state == protocol::KeyState::active || mutant(Mutant::revoked_key_accepted);
  return active && actor && actor->active;
}

}  // namespace

Result<protocol::SessionChallenge> SessionRegistry::hello(const protocol::SessionHello& hello,
                                                          const protocol::RootId& root, const std::string& address) {
  const std::lock_guard guard(mutex_);
  const std::int64_t now_ms = environment_.boot_ms();
  if (const auto mine = turns_by_address_.find(address);
      mine != turns_by_address_.end() && mine->second.size() >= handshakes_per_address_max)
    drop_oldest(mine->second);
  if (handshakes_.size() >= handshakes_max) drop_oldest(turns_);
  auto handshake = std::make_unique<protocol::ServerHandshake>(hello, root, environment_);
  const auto challenge = handshake->challenge();
  const std::uint64_t turn = next_turn_++;
  handshakes_[challenge.handshake] = {std::move(handshake), now_ms, turn, address};
  turns_[turn] = challenge.handshake;
  turns_by_address_[address][turn] = challenge.handshake;
  return challenge;
}

void SessionRegistry::drop_oldest(const Turns& turns) {
  const auto oldest = handshakes_.find(turns.begin()->second);
  check(oldest != handshakes_.end(), "an open handshake has its turn");
  drop_handshake(oldest);
}

void SessionRegistry::drop_handshake(std::unordered_map<protocol::HandshakeId, Pending>::iterator at) {
  const std::uint64_t turn = at->second.turn;
  turns_.erase(turn);
  if (const auto mine = turns_by_address_.find(at->second.address); mine != turns_by_address_.end()) {
    mine->second.erase(turn);
    if (mine->second.empty()) turns_by_address_.erase(mine);
  }
  handshakes_.erase(at);
}

void SessionRegistry::sweep_handshakes(std::int64_t now_ms) {
  for (auto at = handshakes_.begin(); at != handshakes_.end();) {
    const auto here = at++;
    if (now_ms - here->second.made_ms > limits::handshake_ttl_ms) drop_handshake(here);
  }
}

Result<protocol::SessionWelcome> SessionRegistry::prove(
    const protocol::SessionProof& proof, const std::function<Result<Tenant*>(const TenantId&)>& tenant_of,
    const Readmit& readmit) {
  std::unique_ptr<protocol::ServerHandshake> handshake;
  {
    const std::lock_guard guard(mutex_);
    const auto found = handshakes_.find(proof.handshake);
    if (found == handshakes_.end()) return fail(ErrorCode::session_unknown, "That handshake is over.", "Begin again.");
    const bool late = environment_.boot_ms() - found->second.made_ms > limits::handshake_ttl_ms;
    handshake = std::move(found->second.handshake);
    drop_handshake(found);
    if (late) return fail(ErrorCode::session_unknown, "That handshake is over.", "Begin again.");
  }
  TERN_TRY(Tenant* const tenant, tenant_of(handshake->party().tenant));
  if (tenant == nullptr) return unknown_device();
  const auto device = find_device(*tenant, handshake->party().device);
  if (!device && readmit && !proof.certificate.empty()) return welcome_back(*handshake, proof, *tenant, readmit);
  if (!device || device->key != handshake->party().key || device->purpose != protocol::KeyPurpose::device)
    return unknown_device();
  if (!handshake->accept(proof, device->public_key)) return unknown_device();
  return welcome(*handshake, proof, *tenant, *device);
}

/// It was enrolled in a history that a restore gave up: its certificate says so, by this server's own signature.
Result<protocol::SessionWelcome> SessionRegistry::welcome_back(protocol::ServerHandshake& handshake,
                                                               const protocol::SessionProof& proof, Tenant& tenant,
                                                               const Readmit& readmit) {
  const auto certificate = tenant.keys().open_logged<protocol::Certificate>(proof.certificate);
  const protocol::HandshakeParty& party = handshake.party();
  if (!certificate || certificate->value.tenant != tenant.id() || certificate->value.device != party.device ||
      protocol::key_id(certificate->value.public_key) != party.key)
    return unknown_device();
  if (!handshake.accept(proof, certificate->value.public_key)) return unknown_device();
  if (!readmit(tenant, certificate->value, proof.certificate)) return unknown_device();
  const auto device = find_device(tenant, party.device);
  if (!device) return unknown_device();
  return welcome(handshake, proof, tenant, *device);
}

Result<protocol::SessionWelcome> SessionRegistry::welcome(protocol::ServerHandshake& handshake,
                                                          const protocol::SessionProof& proof, Tenant& tenant,
                                                          const DeviceInfo& device) {
  TERN_TRY(const auto list, protocol::open_first_key_list(tenant.keys().key_list, tenant.keys().roots));
  protocol::SessionWelcome welcome;
  welcome.session = random_id<SessionId>(environment_);
  welcome.expires_ms = environment_.wall_ms() + limits::session_ttl_ms;
  welcome.log_key = tenant.keys().log.id();
  welcome.key_list_version = list.value.version;
  welcome.key_list = tenant.keys().key_list;
  welcome.mode = in_good_standing(tenant, device) ? protocol::SessionMode::full : protocol::SessionMode::deposit;
  welcome.head = tenant.log_head();
  welcome.chain = device.chain;
  TERN_CHECKED(add_history(welcome, proof.heads.server, tenant));

  auto session = std::make_shared<Session>();
  session->keys = handshake.finish(welcome, tenant.keys().log);
  session->id = welcome.session;
  session->tenant = &tenant;
  session->device = device.device;
  session->operator_id = device.operator_id;
  session->key = device.key;
  session->mode = welcome.mode;
  const std::int64_t now_ms = environment_.boot_ms();
  session->expires_ms = now_ms + limits::session_ttl_ms;
  session->last_used_ms = now_ms;

  TERN_CHECKED(keep(session));
  // A revocation that was committed meanwhile did not find this session: it is looked for once more.
  const auto now = find_device(tenant, device.device);
  if (session->mode == protocol::SessionMode::full && (!now || !in_good_standing(tenant, *now))) {
    end_inactive(tenant);
    return fail(ErrorCode::session_unknown, "This device's key was revoked just now.", "Begin again.");
  }
  return welcome;
}

Result<void> SessionRegistry::keep(const std::shared_ptr<Session>& session) {
  const std::lock_guard guard(mutex_);
  if (sessions_.size() >= sessions_max)
    return fail(ErrorCode::busy, "This server holds too many sessions.", "Try again in a minute.");
  auto& own = by_device_[session->device];
  std::erase_if(own, [&](const SessionId& id) { return !sessions_.contains(id); });
  if (own.size() >= sessions_per_device_max) {  // the oldest goes
    const auto oldest = sessions_.find(own.front());
    end(*oldest->second);
    sessions_.erase(oldest);
    own.erase(own.begin());
  }
  own.push_back(session->id);
  sessions_[session->id] = session;
  return {};
}

protocol::RequestParts request_parts(const Request& head) {
  const auto part = [&](std::string_view name) -> std::optional<std::string_view> {
    if (!head.has_header(name)) return std::nullopt;
    return head.header(name);
  };
  protocol::RequestParts parts;
  parts.method = head.method;
  parts.target = head.target;
  parts.content_type = part("content-type");
  parts.content_encoding = part("content-encoding");
  parts.idempotency_key = part("idempotency-key");
  parts.if_match = part("if-match");
  parts.range = part("range");
  return parts;
}

tl::expected<AuthenticatedRequest, RefusedRequest> SessionRegistry::authenticate(const Request& head) {
  const auto refuse = [](ErrorCode code, std::string message, std::string hint = "") {
    return tl::unexpected(RefusedRequest{{code, std::move(message), std::move(hint), {}}, {}});
  };
  if (!head.has_header("tern-auth"))
    return refuse(ErrorCode::mac_required, "This needs a device's session.", "Begin one at /sync/v1/hello.");
  const auto auth = protocol::parse_request_auth(head.header("tern-auth"));
  if (!auth) return tl::unexpected(RefusedRequest{auth.error(), {}});
  std::shared_ptr<Session> session;
  {
    const std::lock_guard guard(mutex_);
    const auto found = sessions_.find(auth->session);
    if (found != sessions_.end()) session = found->second;
  }
  if (!session) return refuse(ErrorCode::session_unknown, "That session is over.", "Begin a new one.");
  if (auto good = protocol::verify_request(*auth, request_parts(head), session->keys.request); !good)
    return tl::unexpected(RefusedRequest{std::move(good).error(), {}});
  if (auto good = take_turn(*session, *auth); !good)
    return tl::unexpected(RefusedRequest{std::move(good).error(), AuthenticatedRequest{session, *auth}});
  return AuthenticatedRequest{session, *auth};
}

/// What is judged only once the MAC is good: life, counter, clock.
Result<void> SessionRegistry::take_turn(Session& session, const protocol::RequestAuth& auth) {
  const std::int64_t now_ms = environment_.boot_ms();
  const std::lock_guard guard(session.mutex);
  if (session.ended || now_ms >= session.expires_ms || now_ms - session.last_used_ms > limits::session_idle_ms)
    return fail(ErrorCode::session_unknown, "That session is over.", "Begin a new one.");
  if (!session.window.accept(auth.counter))
    return fail(ErrorCode::replayed, "This request came before.", "Begin a new session.");
  session.begun = true;
  session.last_used_ms = now_ms;
  const std::int64_t wall_ms = environment_.wall_ms();
  if (auth.time_ms < wall_ms - request_skew_ms_max || auth.time_ms > wall_ms + request_skew_ms_max)
    return fail(ErrorCode::clock_skew, "The device's clock is more than a day away from the server's.",
                "The answer tells the server's time.");
  return {};
}

void seal_answer(const AuthenticatedRequest& request, Response& response) {
  protocol::AnswerParts parts;
  parts.status = static_cast<std::uint16_t>(response.status);
  const std::string type(response.header("content-type")), encoding(response.header("content-encoding"));
  if (!type.empty()) parts.content_type = type;
  if (!encoding.empty()) parts.content_encoding = encoding;
  if (!response.body.empty()) parts.body_digest = protocol::body_digest(response.body);
  response.set_header("tern-auth-answer", protocol::seal_answer(parts, request.auth.mac, request.session->keys.answer));
}

void SessionRegistry::end_inactive(const Tenant& tenant) {
  const std::lock_guard guard(mutex_);
  std::erase_if(sessions_, [&](const auto& entry) {
    Session& session = *entry.second;
    if (session.tenant != &tenant || session.mode == protocol::SessionMode::deposit) return false;
    const auto device = find_device(tenant, session.device);
    if (device && in_good_standing(tenant, *device)) return false;
    end(session);
    return true;
  });
}

void SessionRegistry::sweep() {
  const std::lock_guard guard(mutex_);
  const std::int64_t now_ms = environment_.boot_ms();
  sweep_handshakes(now_ms);
  std::erase_if(sessions_, [&](const auto& entry) {
    const std::lock_guard inner(entry.second->mutex);
    if (now_ms < entry.second->expires_ms && now_ms - entry.second->last_used_ms <= limits::session_idle_ms)
      return false;
    entry.second->ended = true;
    return true;
  });
  for (auto at = by_device_.begin(); at != by_device_.end();) {
    std::erase_if(at->second, [&](const SessionId& id) { return !sessions_.contains(id); });
    at = at->second.empty() ? by_device_.erase(at) : std::next(at);
  }
}

std::size_t SessionRegistry::size() {
  const std::lock_guard guard(mutex_);
  return sessions_.size();
}

}  // namespace tern::server
