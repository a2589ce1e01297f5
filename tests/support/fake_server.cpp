#include "support/fake_server.hpp"

#include <algorithm>

#include "tern/protocol/change_set.hpp"
#include "tern/protocol/receipt.hpp"
#include "tern/protocol/zstd.hpp"
#include "tern/sync/scope.hpp"
#include "tern/v1/exchange.pb.h"

namespace tern::test {

using client::HttpAnswer;
using client::HttpRequest;
using namespace protocol;

namespace {

MerkleLookup nodes_of(const std::vector<Hash>& leaves) {
  return [&leaves](unsigned level, std::uint64_t index) -> std::optional<Hash> {
    const std::uint64_t first = index << level;
    const std::uint64_t last = (index + 1) << level;
    if (last > leaves.size()) return std::nullopt;
    return merkle_root(
        {leaves.begin() + static_cast<std::ptrdiff_t>(first), leaves.begin() + static_cast<std::ptrdiff_t>(last)});
  };
}

/// For what cannot fail here. Programs that are no tests use this server too: no Catch.
template <typename T>
T sure(Result<T> result) {
  check(result.has_value(), result ? "" : result.error().message.c_str());
  return std::move(*result);
}

std::optional<std::string_view> header_of(const HttpRequest& request, std::string_view name) {
  for (const auto& [key, value] : request.headers) {
    if (key == name) return value;
  }
  return std::nullopt;
}

HttpAnswer octets(Bytes body) {
  return {200, {{"content-type", "application/octet-stream"}}, std::move(body)};
}

HttpAnswer problem(int status, const std::string& code, const std::string& more = {}) {
  return {status,
          {{"content-type", "application/problem+json"}},
          R"({"code":")" + code + R"(","title":"refused: )" + code + "\"" + more + "}"};
}

RequestParts parts_of(const HttpRequest& request) {
  RequestParts parts;
  parts.method = request.method;
  parts.target = request.target;
  parts.content_type = header_of(request, "content-type");
  parts.content_encoding = header_of(request, "content-encoding");
  return parts;
}

void seal_answer(HttpAnswer& answer, const Mac& request_mac, const SecretKey& key) {
  AnswerParts parts;
  parts.status = static_cast<std::uint16_t>(answer.status);
  if (!answer.header("content-type").empty()) parts.content_type = answer.header("content-type");
  if (!answer.header("content-encoding").empty()) parts.content_encoding = answer.header("content-encoding");
  if (!answer.body.empty()) parts.body_digest = body_digest(answer.body);
  answer.headers.emplace_back("tern-auth-answer", protocol::seal_answer(parts, request_mac, key));
}

constexpr std::uint64_t rights_version = 7;

}  // namespace

FakeServer::FakeServer(Environment& environment)
    : environment_(environment),
      root_(SigningKey::generate(environment)),
      log_key_(SigningKey::generate(environment)),
      tenant_(random_id<TenantId>(environment)),
      epoch_(random_id<EpochId>(environment)) {
  KeyList list;
  list.server = random_id<ServerId>(environment);
  list.next_roots = {root_.public_key()};
  ServerKey key;
  key.id = log_key_.id();
  key.public_key = log_key_.public_key();
  list.keys = {key};
  key_list_ = sign_statement(list, root_);
}

FakeServer::~FakeServer() = default;

Signed<KeyList> FakeServer::next_key_list(std::int64_t refresh_by_ms) {
  KeyList list = key_list_.value;
  ++list.version;
  list.refresh_by_ms = refresh_by_ms;
  key_list_ = sign_statement(list, root_);
  return key_list_;
}

std::string FakeServer::new_code() {
  const EnrolmentCode code = EnrolmentCode::generate(environment_);
  codes_.emplace(code.id(), code.key());
  return code.to_text();
}

HttpAnswer FakeServer::handle(const HttpRequest& request) {
  if (request.target == "/sync/v1/enrol") return enrol(request);
  if (request.target == "/sync/v1/hello") return hello(request);
  if (request.target == "/sync/v1/session") return session(request);
  if (request.target == "/sync/v1/exchange") return exchange(request);
  return problem(404, "not_found");
}

// ---- enrolment and sessions ----

Certificate FakeServer::certificate_for(const FakeDevice& device, std::uint64_t device_epoch) {
  Certificate certificate;
  certificate.serial = device_epoch;
  certificate.tenant = tenant_;
  certificate.author = device.author;
  certificate.device = device.id;
  certificate.public_key = device.public_key;
  certificate.device_epoch = device_epoch;
  certificate.server_epoch = epoch_;
  certificate.issued_ms = environment_.wall_ms();
  certificate.root = root_.id();
  return certificate;
}

HttpAnswer FakeServer::enrol(const HttpRequest& request) {
  if (const auto known = enrolled_.find(request.body); known != enrolled_.end()) return octets(known->second);
  const auto id = enrolment_id_of(request.body);
  if (!id || !codes_.contains(*id)) return problem(403, "login_refused");
  const SecretKey& key = codes_.at(*id);
  const auto opened = open_enrolment_request(request.body, key);
  if (!opened) return problem(403, "login_refused");
  FakeDevice device;
  device.id = random_id<DeviceId>(environment_);
  device.author = random_id<OperatorId>(environment_);
  device.public_key = opened->public_key;
  device.certificate = sign_statement(certificate_for(device, 1), log_key_).wire;
  device.head = {1, 0, genesis_prev_hash(device.certificate)};
  EnrolmentAnswer answer;
  answer.certificate = device.certificate;
  answer.roots = {root_.public_key()};
  answer.key_list = key_list_.wire;
  answer.anchor = make_anchor();
  answer.tenant_name = "Acme";
  answer.operator_name = "Ann";
  devices_[device.id] = std::move(device);
  Bytes wire = make_enrolment_answer(answer, request.body, key);
  enrolled_[request.body] = wire;
  codes_.erase(*id);
  return octets(std::move(wire));
}

HttpAnswer FakeServer::hello(const HttpRequest& request) {
  const auto hello = decode_session_hello(request.body);
  if (!hello) return problem(400, "MALFORMED");
  auto handshake = std::make_unique<ServerHandshake>(*hello, root_.id(), environment_);
  const SessionChallenge challenge = handshake->challenge();
  handshakes_open_[challenge.handshake] = std::move(handshake);
  return octets(encode(challenge));
}

HttpAnswer FakeServer::session(const HttpRequest& request) {
  const auto proof = decode_session_proof(request.body);
  if (!proof || !handshakes_open_.contains(proof->handshake)) return problem(401, "session_unknown");
  const auto handshake = std::move(handshakes_open_.at(proof->handshake));
  handshakes_open_.erase(proof->handshake);
  const auto found = devices_.find(handshake->party().device);
  if (found == devices_.end()) return problem(403, "login_refused");
  FakeDevice& device = found->second;
  if (!handshake->accept(*proof, device.public_key)) return problem(403, "login_refused");
  SessionWelcome welcome;
  welcome.session = random_id<SessionId>(environment_);
  welcome.expires_ms = environment_.wall_ms() + limits::session_ttl_ms;
  welcome.key_list_version = key_list_.value.version;
  welcome.key_list = key_list_.wire;
  welcome.mode = device.mode;
  welcome.head = head();
  welcome.chain = device.head;
  const LogHead& held = proof->heads.server;
  if (held.epoch == epoch_ && held.size <= welcome.head.size) {
    welcome.consistency = sure(consistency_proof(held.size, welcome.head.size, nodes()));
  } else if (held.epoch == old_epoch_ && !epoch_record_.empty()) {
    welcome.epoch_record = epoch_record_;
    ByteReader reader(ByteView(epoch_record_).substr(statement_prefix_bytes));
    const EpochRecord record = EpochRecord::read(reader);
    if (held.size <= record.kept_size)
      welcome.consistency = sure(consistency_proof(held.size, record.kept_size, nodes()));
  }
  if (alter_welcome) alter_welcome(welcome);
  SessionKeys keys = handshake->finish(welcome, log_key_);
  sessions_.emplace(welcome.session, Session{device.id, std::move(keys), {}});
  ++handshakes_;
  return octets(encode(welcome));
}

// ---- exchange ----

HttpAnswer FakeServer::exchange(const HttpRequest& request) {
  const auto auth = parse_request_auth(header_of(request, "tern-auth").value_or(""));
  if (!auth || !sessions_.contains(auth->session)) return problem(401, "session_unknown");
  Session& session = sessions_.at(auth->session);
  const bool good = verify_request(*auth, parts_of(request), session.keys.request).has_value() &&
                    auth->body_digest == std::optional(body_digest(request.body)) &&
                    session.window.accept(auth->counter);
  if (!good) return problem(401, "mac_invalid");
  HttpAnswer answer;
  if (refuse_status) {
    answer = problem(*refuse_status, refuse_code, refuse_more);
  } else {
    const bool packed = header_of(request, "content-encoding") == "zstd";
    v1::ExchangeRequest message;
    check(message.ParseFromString(packed ? sure(decompress(request.body)) : request.body), "request parses");
    v1::ExchangeResponse response;
    answer.status = 200;
    answer.headers = {{"content-type", "application/x-protobuf"}, {"content-encoding", "zstd"}};
    answer.body = compress(this->answer(devices_.at(session.device), message, response));
  }
  if (pass_time && answer_takes_ms > 0) pass_time(answer_takes_ms);
  seal_answer(answer, auth->mac, session.keys.answer);
  return answer;
}

Bytes FakeServer::answer(FakeDevice& device, const v1::ExchangeRequest& request, v1::ExchangeResponse& response) {
  ++exchanges_;
  if (on_request) on_request(request);
  response.set_nonce(request.nonce());
  response.set_server_time_ms(environment_.wall_ms());
  for (const Bytes& statement : statements) response.add_statements(statement);
  std::vector<Bytes> receipts;
  if (device.mode == SessionMode::deposit) {
    for (const Bytes& set : request.change_sets()) {
      if (std::find(device.deposits.begin(), device.deposits.end(), set) == device.deposits.end())
        device.deposits.push_back(set);
    }
  } else {
    take_sets(device, request, response, receipts);
    if (request.own_sets_from() != 0) {
      for (std::uint64_t seq = request.own_sets_from(); seq <= device.sets.size(); ++seq)
        response.add_own_sets(device.sets[seq - 1]);
    }
    add_page(request, response);
  }
  if (!receipts.empty()) response.set_receipts(signed_receipts(device, receipts));
  if (anchors) response.set_anchor(make_anchor());
  if (anchors || !receipts.empty()) {
    const auto held_epoch = EpochId::or_zero(request.held_head().epoch());
    if (held_epoch == epoch_ && request.held_head().size() <= leaves_.size()) {
      response.set_consistency_proof(
          encode_proof(sure(consistency_proof(request.held_head().size(), leaves_.size(), nodes()))));
    }
  }
  v1::ChainHead& acked = *response.mutable_acked_head();
  acked.set_device_epoch(device.head.device_epoch);
  acked.set_chain_seq(device.head.chain_seq);
  if (alter) alter(response);
  return response.SerializeAsString();
}

void FakeServer::take_sets(FakeDevice& device, const v1::ExchangeRequest& request, v1::ExchangeResponse& response,
                           std::vector<Bytes>& receipts) {
  VerifyContext context;
  context.tenant = tenant_;
  context.find_key = [&](const TenantId&, const DeviceId& id, const KeyId& key) -> std::optional<KeyRecord> {
    if (id != device.id || key != key_id(device.public_key)) return std::nullopt;
    return KeyRecord{device.public_key, suite_ed25519_blake2b, device.author};
  };
  const auto refuse = [&response](const Error& error) {
    response.mutable_error()->set_code(std::string(to_string(error.code)));
    response.mutable_error()->set_message(error.message);
  };
  for (const Bytes& wire : request.change_sets()) {
    const auto set = verify_wire(wire, context);
    if (!set) return refuse(set.error());
    const std::uint64_t seq = set->header.chain_seq;
    std::optional<Hash> known;
    if (set->header.device_epoch == device.head.device_epoch && seq >= 1 && seq <= device.sets.size()) {
      known = sure(decode_change_set(device.sets[seq - 1])).hash();
    }
    const ChainJudgement judgement = judge_chain(device.head, set->header, set->hash, known);
    if (judgement.verdict == ChainVerdict::duplicate) {
      receipts.push_back(device.receipts[seq - 1]);
      continue;
    }
    if (judgement.verdict != ChainVerdict::process) {
      refuse(chain_error(judgement));
      response.mutable_error()->set_expected_seq(judgement.expected);
      response.mutable_error()->mutable_head()->set_device_epoch(device.head.device_epoch);
      if (judgement.verdict == ChainVerdict::forked && !device.forked_once) {
        device.forked_once = true;
        device.certificate = sign_statement(certificate_for(device, device.head.device_epoch + 1), log_key_).wire;
        device.head = {device.head.device_epoch + 1, 0, genesis_prev_hash(device.certificate)};
        device.sets.clear();
        device.receipts.clear();
        response.add_statements(device.certificate);
      } else if (judgement.verdict == ChainVerdict::forked) {
        device.mode = SessionMode::deposit;
      }
      return;
    }
    device.sets.push_back(wire);
    device.receipts.push_back(commit_set(device, *set));
    device.head = {set->header.device_epoch, seq, set->hash};
    receipts.push_back(device.receipts.back());
  }
}

Bytes FakeServer::commit_set(FakeDevice& device, const VerifiedSet& set) {
  std::vector<sync::Change> changes;
  for (const SealedChange& sealed : set.set.changes)
    changes.push_back(sure(sync::parse_change(sealed.skeleton, sealed.body, device.id)));
  const sync::Origin origin{device.id, set.header.device_epoch, set.header.chain_seq, 0};
  const Bytes outcomes = commit_changes(set.hash, changes, origin, device.author);
  return encode(make_receipt(set.header.device_epoch, set.header.chain_seq, leaves_.size() - 1, set.hash,
                             leaves_.size(), environment_.wall_ms(), outcomes));
}

/// One commit: leaf, placed changes, outcomes ("applied" for all: what became of them is not what these tests ask).
Bytes FakeServer::commit_changes(const Hash& set_hash, const std::vector<sync::Change>& changes,
                                 const sync::Origin& origin, const OperatorId& author) {
  const std::uint64_t commit_seq = leaves_.size() + 1;
  v1::SetOutcomes outcomes;
  std::uint32_t index = 0;
  for (const sync::Change& change : changes) {
    sync::Admission admission;
    admission.effective_ms = change.wall_ms;
    admission.commit_ms = environment_.wall_ms();
    admission.seen_seq = change.seen_seq;
    if (change.intent == sync::Intent::create) {
      admission.integer_id = tickets_.size() + 1;
      admission.number = "T-2026-" + std::to_string(1000 + tickets_.size() + 1);
    }
    sync::Origin place = origin;
    place.index = index++;
    const sync::Stamp stamp =
        sync::make_stamp(change, place, commit_seq, admission, author, sync::PrincipalKind::operator_);
    tickets_[change.ticket].push_back({commit_seq, {change, stamp, admission}});
    v1::ChangeOutcome& outcome = *outcomes.add_outcomes();
    outcome.set_change_id(Bytes(change.ref.id.view()));
    outcome.set_outcome(static_cast<std::uint32_t>(sync::Outcome::applied));
    outcome.set_rule(static_cast<std::uint32_t>(sync::Rule::sequential));
    outcome.set_ticket_id(Bytes(change.ticket.view()));
  }
  Bytes encoded = outcomes.SerializeAsString();
  const LogLeaf leaf{set_hash, commit_seq, environment_.wall_ms(), outcome_hash(encoded)};
  leaves_.push_back(leaf_hash(leaf));
  return encoded;
}

void FakeServer::commit_foreign(sync::Change change) {
  const auto device = random_id<DeviceId>(environment_);
  change.ref = {device, random_id<ChangeId>(environment_)};
  (void)commit_changes(random_id<Hash>(environment_), {change}, {device, 1, 1, 0}, random_id<OperatorId>(environment_));
}

std::uint64_t FakeServer::version(const TicketId& ticket) const {
  return tickets_.at(ticket).back().commit_seq;
}

std::optional<sync::TicketState> FakeServer::ticket(const TicketId& id) const {
  if (!tickets_.contains(id)) return std::nullopt;
  std::vector<sync::PlacedChange> placed;
  for (const Committed& committed : tickets_.at(id)) placed.push_back(committed.placed);
  return sync::fold_from_zero(placed).state;
}

void FakeServer::add_patch(const TicketId& ticket, v1::ExchangeResponse& response) {
  v1::Patch& patch = *response.add_patches();
  patch.set_state(sync::encode_state(*this->ticket(ticket)));
  patch.set_whole(true);
}

void FakeServer::add_page(const v1::ExchangeRequest& request, v1::ExchangeResponse& response) {
  sync::ScopeDigest digest;
  std::vector<std::pair<std::uint64_t, TicketId>> newer;
  // As of a real one, the cursor of a first replica stays where it is, and a token says how far a page came.
  const std::uint64_t cursor = request.cursor().commit_seq();
  const std::uint64_t behind = request.page_token().empty() ? cursor : std::stoull(request.page_token());
  for (const auto& [id, changes] : tickets_) {
    digest.add(id, changes.back().commit_seq, rights_version);
    if (changes.back().commit_seq > behind) newer.emplace_back(changes.back().commit_seq, id);
  }
  std::sort(newer.begin(), newer.end());
  const bool more = newer.size() > tickets_per_page;
  if (more) newer.resize(tickets_per_page);
  for (const auto& [seq, id] : newer) add_patch(id, response);
  response.mutable_cursor()->set_epoch(Bytes(epoch_.view()));
  const bool token = more && cursor == 0;
  response.mutable_cursor()->set_commit_seq(token ? 0 : more ? newer.back().first : leaves_.size());
  if (token) response.set_page_token(std::to_string(newer.back().first));
  response.set_more(more);
  response.set_tickets_in_scope(tickets_.size());
  for (const std::uint32_t index : request.want_buckets()) {
    const ByteView theirs = ByteView(request.bucket_digests()).substr(index * 32, 32);
    if (digest.bucket(static_cast<std::uint8_t>(index)).view() == theirs) continue;
    v1::Bucket& bucket = *response.add_buckets();
    bucket.set_bucket(index);
    const TicketId after = TicketId::or_zero(request.bucket_after());
    if (after.bytes[0] == index) bucket.set_after(request.bucket_after());
    for (const auto& [id, changes] : tickets_) {
      if (id.bytes[0] != index || (after.bytes[0] == index && id <= after)) continue;
      if (static_cast<std::size_t>(bucket.ticket_ids_size()) == tickets_per_repair) {
        bucket.set_through(bucket.ticket_ids(bucket.ticket_ids_size() - 1));
        break;
      }
      bucket.add_ticket_ids(Bytes(id.view()));
      bucket.add_versions(changes.back().commit_seq);
      add_patch(id, response);
    }
    if (!bucket.through().empty()) break;
  }
  if (request.has_held()) {
    const ByteView ids = request.held().ids();
    std::set<TicketId> held;
    for (std::size_t at = 0; at < ids.size(); at += TicketId::size_bytes)
      held.insert(TicketId::or_zero(ids.substr(at, TicketId::size_bytes)));
    response.mutable_held();
    for (const TicketId& id : held)
      if (!tickets_.contains(id)) response.mutable_held()->mutable_unknown()->append(id.view());
    for (const auto& [id, changes] : tickets_)
      if (request.held().all() && !held.contains(id)) add_patch(id, response);
  }
  if (more) return;
  response.mutable_checkpoint()->set_scope_digest(Bytes(digest.total().view()));
  response.mutable_checkpoint()->set_rights_version(rights_version);
}

std::unique_ptr<v1::ExchangeResponse> FakeServer::push_from(std::uint64_t base_seq) {
  v1::ExchangeRequest request;
  request.mutable_cursor()->set_commit_seq(base_seq);
  auto push = std::make_unique<v1::ExchangeResponse>();
  add_page(request, *push);
  push->mutable_base()->set_epoch(Bytes(epoch_.view()));
  push->mutable_base()->set_commit_seq(base_seq);
  push->set_server_time_ms(environment_.wall_ms());
  return push;
}

// ---- the log ----

LogHead FakeServer::head() const {
  return {epoch_, leaves_.size(), merkle_root(leaves_)};
}

MerkleLookup FakeServer::nodes() const {
  return nodes_of(leaves_);
}

Bytes FakeServer::signed_receipts(const FakeDevice& device, std::vector<Bytes> receipts) const {
  std::vector<Hash> leaves = leaves_;
  if (receipts_of_another_log) {  // as long as somebody likes, with the newest leaf where it was
    leaves.front().bytes[0] ^= 1;
    leaves.insert(leaves.end(), 3, Hash{});
  }
  const LogHead signed_head{epoch_, leaves.size(), merkle_root(leaves)};
  return encode(sure(sign_receipts(std::move(receipts), signed_head, device.id, nodes_of(leaves), log_key_)));
}

Bytes FakeServer::make_anchor() {
  Anchor anchor;
  anchor.tenant = tenant_;
  anchor.epoch = epoch_;
  anchor.anchor_seq = ++anchor_seq_;
  anchor.time_ms = environment_.wall_ms();
  anchor.tree_size = leaves_.size();
  anchor.root = merkle_root(leaves_);
  return sign_statement(anchor, log_key_).wire;
}

void FakeServer::cut_history(std::uint64_t size) {
  leaves_.resize(size);
  for (auto at = tickets_.begin(); at != tickets_.end();) {
    std::erase_if(at->second, [size](const Committed& committed) { return committed.commit_seq > size; });
    at = at->second.empty() ? tickets_.erase(at) : std::next(at);
  }
  for (auto& [id, device] : devices_) {
    std::size_t kept = 0;
    while (kept < device.receipts.size() && sure(decode_receipt(device.receipts[kept])).leaf.commit_seq <= size) ++kept;
    device.receipts.resize(kept);
    device.sets.resize(kept);
    device.head.chain_seq = kept;
    device.head.hash =
        kept == 0 ? genesis_prev_hash(device.certificate) : sure(decode_change_set(device.sets.back())).hash();
  }
  sessions_.clear();
}

void FakeServer::roll_back_to(std::uint64_t size) {
  cut_history(size);
}

void FakeServer::restore_to(std::uint64_t size) {
  cut_history(size);
  EpochRecord record;
  record.tenant = tenant_;
  record.old_epoch = old_epoch_ = epoch_;
  record.kept_size = size;
  record.kept_root = merkle_root(leaves_);
  record.new_epoch = epoch_ = random_id<EpochId>(environment_);
  record.time_ms = environment_.wall_ms();
  epoch_record_ = sign_statement(record, root_).wire;
}

// ---- the stream ----

HttpAnswer FakeServer::upgrade(const HttpRequest& request) {
  const auto auth = parse_request_auth(header_of(request, "tern-auth").value_or(""));
  if (!auth || !sessions_.contains(auth->session)) return problem(401, "session_unknown");
  Session& session = sessions_.at(auth->session);
  if (!verify_request(*auth, parts_of(request), session.keys.request)) return problem(401, "mac_invalid");
  stream_device_ = session.device;
  up_.emplace(Direction::up, stream_key(session.keys.frame_up, auth->mac));
  down_.emplace(Direction::down, stream_key(session.keys.frame_down, auth->mac));
  HttpAnswer answer;
  answer.status = 101;
  seal_answer(answer, auth->mac, session.keys.answer);
  return answer;
}

Bytes FakeServer::on_frame(ByteView frame) {
  v1::StreamFrame message;
  check(message.ParseFromString(Bytes(sure(up_->open(frame)))), "frame parses");
  v1::StreamFrame reply;
  (void)answer(devices_.at(*stream_device_), message.request(), *reply.mutable_response());
  return down_->seal(reply.SerializeAsString());
}

Bytes FakeServer::seal_push(std::unique_ptr<v1::ExchangeResponse> push) {
  v1::StreamFrame frame;
  frame.set_allocated_push(push.release());
  return down_->seal(frame.SerializeAsString());
}

}  // namespace tern::test
