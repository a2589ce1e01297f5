#include "support/key_holder.hpp"

#include "support/must.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/protocol/zstd.hpp"

namespace tern::test {
namespace {

protocol::HandshakeParty party_of(const client::OpenedKeys& keys) {
  return {keys.identity.tenant, keys.identity.device, keys.identity.key, protocol::key_id(keys.roots.front())};
}

}  // namespace

KeyHolder::KeyHolder(client::OpenedKeys opened, Environment& environment, Send send)
    : keys(std::move(opened)),
      environment_(environment),
      send_(std::move(send)),
      session_(party_of(keys), keys.signing_key, environment_) {}

Result<void> KeyHolder::begin_session() {
  TERN_TRY(const auto challenge, send_(session_.hello()));
  TERN_TRY(const auto proof, session_.proof(challenge, {}));
  TERN_TRY(const auto answer, send_(proof));
  TERN_TRY(const auto welcomed, session_.welcome(answer, {keys.roots, keys.key_list.value, keys.key_list.wire}));
  welcome = welcomed.welcome;
  return {};
}

Result<client::HttpAnswer> KeyHolder::ask(client::HttpRequest request) {
  const protocol::Mac mac = session_.seal(request, environment_.wall_ms());
  TERN_TRY(auto answer, send_(request));
  if (!session_.proven(answer, mac)) return fail(ErrorCode::mac_invalid, "an answer without a good MAC");
  return answer;
}

Result<v1::ExchangeResponse> KeyHolder::exchange(v1::ExchangeRequest request) {
  request.set_nonce(Bytes(16, 'n'));
  request.set_schema_version(limits::schema_version);
  client::HttpRequest http;
  http.target = "/sync/v1/exchange";
  http.headers = {{"content-type", "application/x-protobuf"}};
  http.body = request.SerializeAsString();
  TERN_TRY(const auto answer, ask(std::move(http)));
  if (answer.status != 200) return fail(ErrorCode::invalid, answer.body);
  Bytes body = answer.body;
  if (answer.header("content-encoding") == "zstd") {
    TERN_TRY(body, protocol::decompress(body));
  }
  v1::ExchangeResponse response;
  if (!response.ParseFromString(body)) return fail(ErrorCode::malformed, "no ExchangeResponse");
  return response;
}

Result<v1::ExchangeResponse> KeyHolder::push(const Bytes& change_set) {
  v1::ExchangeRequest request;
  request.add_change_sets(change_set);
  return exchange(std::move(request));
}

protocol::ChangeSetHeader KeyHolder::next_header() const {
  protocol::ChangeSetHeader header;
  header.tenant = keys.identity.tenant;
  header.device = keys.identity.device;
  header.author = keys.identity.operator_id;
  header.device_epoch = welcome.chain.device_epoch;
  header.chain_seq = welcome.chain.chain_seq + 1;
  header.prev_hash = welcome.chain.hash;
  header.wall_ms = environment_.wall_ms();
  return header;
}

Bytes KeyHolder::seal(const protocol::ChangeSetHeader& header, std::vector<sync::Change> changes) {
  std::vector<protocol::SealedChange> sealed;
  for (sync::Change& change : changes) {
    if (change.ref.id.is_zero()) change.ref.id = random_id<ChangeId>(environment_);
    sync::EncodedChange encoded = sync::encode_change(change);
    sealed.push_back({std::move(encoded.skeleton), random_id<Salt>(environment_), std::move(encoded.body), {}});
  }
  return protocol::encode(must(protocol::seal(header, std::move(sealed), keys.signing_key)));
}

sync::Change KeyHolder::note(const TicketId& ticket, const std::string& text) {
  sync::Change change;
  change.ref.device = keys.identity.device;
  change.intent = sync::Intent::message;
  change.ticket = ticket;
  change.visibility = sync::Visibility::team;
  change.wall_ms = environment_.wall_ms();
  change.text = text;
  return change;
}

}  // namespace tern::test
