#include "tern/protocol/session.hpp"
#include "fixtures.hpp"

namespace tern::protocol::test {
namespace {

SessionHeads some_heads() {
  return {{1, 7, filled<Hash>(0x04)}, {filled<EpochId>(0x0e), 5, filled<Hash>(0x05)}};
}

/// A handshake between one device and one server, each message in the open for a man in the middle.
struct Handshake {
  FixedEnvironment device_environment{1};
  FixedEnvironment server_environment{2};
  SigningKey device_key = key_of('d');
  SigningKey log_key = key_of('l');
  RootId root = filled<RootId>(0x7a);
  HandshakeParty party{filled<TenantId>(0x11), filled<DeviceId>(0x22), device_key.id(), root};
  DeviceHandshake device{party};
  ServerHandshake server{device.hello(), root, server_environment};
  SessionProof proof = device.answer(server.challenge(), some_heads(), device_key, device_environment);

  static SessionWelcome blank() {
    SessionWelcome welcome;
    welcome.session = filled<SessionId>(0x06);
    welcome.expires_ms = 1'700'000'000'000;
    welcome.key_list_version = 3;
    welcome.head = {filled<EpochId>(0x0e), 6, filled<Hash>(0x07)};
    welcome.chain = {1, 6, filled<Hash>(0x08)};
    return welcome;
  }
};

}  // namespace

TEST_CASE("both ends of a handshake derive the same four keys", "[protocol][session]") {
  Handshake h;
  REQUIRE(h.server.accept(h.proof, h.device_key.public_key()));
  SessionWelcome welcome = Handshake::blank();
  const SessionKeys at_server = h.server.finish(welcome, h.log_key);
  const SessionKeys at_device = good(h.device.finish(welcome, h.log_key.public_key()));
  CHECK(at_device.request.view() == at_server.request.view());
  CHECK(at_device.answer.view() == at_server.answer.view());
  CHECK(at_device.frame_up.view() == at_server.frame_up.view());
  CHECK(at_device.frame_down.view() == at_server.frame_down.view());
  CHECK(at_device.request.view() != at_device.answer.view());
  CHECK(at_device.frame_up.view() != at_device.frame_down.view());
  CHECK(at_device.request.view() != at_device.frame_up.view());
  CHECK(at_device.clone().answer.view() == at_device.answer.view());

  Handshake other;  // the same random numbers, other heads: nothing is shared
  other.proof = other.device.answer(other.server.challenge(), {}, other.device_key, other.device_environment);
  REQUIRE(other.server.accept(other.proof, other.device_key.public_key()));
  CHECK(other.server.finish(welcome, other.log_key).request.view() != at_server.request.view());
}

TEST_CASE("transcript and keys are those of the document", "[protocol][session][vectors]") {
  const Json v = vectors("protocol-vectors.json")["session"];
  const HandshakeParty party{filled<TenantId>(0x11), filled<DeviceId>(0x22), filled<KeyId>(0x55), filled<RootId>(0x7a)};
  const SessionChallenge challenge{filled<HandshakeId>(1), filled<ExchangePublicKey>(2)};
  const auto device_key = filled<ExchangePublicKey>(3);
  const Bytes t1 = transcript_1_bytes(party, challenge, device_key, some_heads());
  CHECK(t1.size() == 250);
  CHECK(to_hex(t1) == v["t1"].as_string());
  CHECK(transcript_1(party, challenge, device_key, some_heads()) == id_of<Hash>(v["t1_hash"]));
  SessionWelcome welcome = Handshake::blank();
  welcome.log_key = filled<KeyId>(0x0b);
  const Bytes t2 = transcript_2_bytes(t1, id_of<Signature>(v["device_signature"]), welcome);
  CHECK(t2.size() == 467);
  CHECK(to_hex(t2) == v["t2"].as_string());
  CHECK(hash("TRN1-TRANSCRIPT", t2) == id_of<Hash>(v["t2_hash"]));

  const AgreedKeys agreed{SecretKey::from(bytes_of(v["agreed_up"])), SecretKey::from(bytes_of(v["agreed_down"]))};
  const SessionKeys keys = derive_session_keys(agreed, id_of<Hash>(v["t2_hash"]));
  CHECK(to_hex(keys.request.view()) == v["keys"]["request"].as_string());
  CHECK(to_hex(keys.answer.view()) == v["keys"]["answer"].as_string());
  CHECK(to_hex(keys.frame_up.view()) == v["keys"]["frame_up"].as_string());
  CHECK(to_hex(keys.frame_down.view()) == v["keys"]["frame_down"].as_string());
  CHECK(hmac_sha256(keys.answer.view(), Bytes("TRN1-HC\0", 8) + bytes_of(v["t2_hash"])) == id_of<Mac>(v["confirm"]));
}

TEST_CASE("no flipped byte of a handshake leads to a session", "[protocol][session]") {
  Handshake h;
  const Bytes proof_wire = encode(h.proof);
  for (std::size_t at = 0; at < proof_wire.size(); ++at) {
    CAPTURE(at);
    const Result<SessionProof> proof = decode_session_proof(flipped(proof_wire, at));
    if (proof) CHECK_FALSE(h.server.accept(*proof, h.device_key.public_key()));
    CHECK_FALSE(decode_session_proof(ByteView(proof_wire).substr(0, at)));
  }
  REQUIRE(h.server.accept(h.proof, h.device_key.public_key()));
  SessionWelcome welcome = Handshake::blank();
  h.server.finish(welcome, h.log_key);
  const Bytes welcome_wire = encode(welcome);
  const std::size_t proven_bytes = welcome_wire.size() - 3 * 4;  // then lengths of what proves itself
  for (std::size_t at = 0; at < welcome_wire.size(); ++at) {
    CAPTURE(at);
    const Result<SessionWelcome> flip = decode_session_welcome(flipped(welcome_wire, at));
    if (at < proven_bytes && flip) CHECK_FALSE(h.device.finish(*flip, h.log_key.public_key()));
    if (at >= proven_bytes) CHECK_FALSE(flip);
    CHECK_FALSE(decode_session_welcome(ByteView(welcome_wire).substr(0, at)));
  }
}

TEST_CASE("the server believes only the device's own signature", "[protocol][session]") {
  Handshake h;
  CHECK(outcome(h.server.accept(h.proof, key_of('x').public_key())) == "SIGNATURE_INVALID signature");
  SessionProof proof = h.proof;
  proof.heads.server.size += 1;
  CHECK(outcome(h.server.accept(proof, h.device_key.public_key())) == "SIGNATURE_INVALID signature");
  proof = h.proof;
  proof.handshake.bytes[0] ^= 1;
  CHECK(outcome(h.server.accept(proof, h.device_key.public_key())) == "invalid hs_id");

  // A proof recorded from another handshake.
  Handshake other;
  other.server = ServerHandshake(other.device.hello(), other.root, other.server_environment);
  SessionProof replayed = h.proof;
  replayed.handshake = other.server.challenge().handshake;
  CHECK(outcome(other.server.accept(replayed, h.device_key.public_key())) == "SIGNATURE_INVALID signature");
}

TEST_CASE("a server under another root shares no transcript with the device", "[protocol][session]") {
  Handshake h;
  ServerHandshake foreign(h.device.hello(), filled<RootId>(1), h.server_environment);
  const SessionProof proof = h.device.answer(foreign.challenge(), some_heads(), h.device_key, h.device_environment);
  CHECK(outcome(foreign.accept(proof, h.device_key.public_key())) == "SIGNATURE_INVALID signature");
}

TEST_CASE("a proxy that puts its own key and signature into the welcome is found out", "[protocol][session]") {
  Handshake h;
  const SigningKey proxy_key = key_of('p');
  REQUIRE(h.server.accept(h.proof, h.device_key.public_key()));
  SessionWelcome welcome = Handshake::blank();
  h.server.finish(welcome, proxy_key);
  CHECK(outcome(h.device.finish(welcome, h.log_key.public_key())) == "KEY_UNKNOWN log_key_id");
  welcome.log_key = h.log_key.id();
  CHECK(outcome(h.device.finish(welcome, h.log_key.public_key())) == "SIGNATURE_INVALID signature");

  // Between the two with an ephemeral key of its own: the device's signature covers the challenge it saw.
  Handshake victim;
  FixedEnvironment proxy_environment(3);
  ServerHandshake proxy(victim.device.hello(), victim.root, proxy_environment);
  SessionProof proof = victim.device.answer({victim.server.challenge().handshake, proxy.challenge().server_key},
                                            some_heads(), victim.device_key, victim.device_environment);
  CHECK(outcome(victim.server.accept(proof, victim.device_key.public_key())) == "SIGNATURE_INVALID signature");
}

TEST_CASE("a server that signs but does not hold the agreed key is refused", "[protocol][session]") {
  Handshake h;
  REQUIRE(h.server.accept(h.proof, h.device_key.public_key()));
  SessionWelcome welcome = Handshake::blank();
  h.server.finish(welcome, h.log_key);
  welcome.confirm.bytes[5] ^= 1;
  CHECK(outcome(h.device.finish(welcome, h.log_key.public_key())) == "mac_invalid confirm");
}

TEST_CASE("a handshake key of small order is refused on both sides", "[protocol][session]") {
  Handshake h;
  const SessionProof proof =
      h.device.answer({h.server.challenge().handshake, {}}, {}, h.device_key, h.device_environment);
  SessionWelcome welcome = Handshake::blank();
  welcome.log_key = h.log_key.id();
  const Bytes t1 = transcript_1_bytes(h.party, {h.server.challenge().handshake, {}}, proof.device_key, {});
  welcome.signature = h.log_key.sign(
      Bytes("TRN1-HS\0", 8) + Bytes(hash("TRN1-TRANSCRIPT", transcript_2_bytes(t1, proof.signature, welcome)).view()));
  CHECK(outcome(h.device.finish(welcome, h.log_key.public_key())) == "verification_failed server_key");

  SessionProof weak = h.proof;
  weak.device_key = {};
  const Hash transcript = transcript_1(h.party, h.server.challenge(), weak.device_key, weak.heads);
  weak.signature = h.device_key.sign(Bytes("TRN1-HD\0", 8) + Bytes(transcript.view()));
  CHECK(outcome(h.server.accept(weak, h.device_key.public_key())) == "verification_failed device_key");
}

TEST_CASE("the messages of a handshake travel and come back equal", "[protocol][session]") {
  Handshake h;
  CHECK(good(decode_session_hello(encode(h.device.hello()))) == h.device.hello());
  CHECK(good(decode_session_challenge(encode(h.server.challenge()))) == h.server.challenge());
  CHECK(good(decode_session_proof(encode(h.proof))) == h.proof);
  CHECK(decode_session_proof(encode(h.proof) + Bytes(4, '\0')).error().field == "certificate");  // none is left out
  SessionWelcome welcome = Handshake::blank();
  welcome.mode = SessionMode::deposit;
  welcome.key_list = "list";
  welcome.epoch_record = "record";
  welcome.consistency = {filled<Hash>(1), filled<Hash>(2)};
  CHECK(good(decode_session_welcome(encode(welcome))) == welcome);
  CHECK_FALSE(decode_session_hello(encode(h.device.hello()) + "x"));
  CHECK(outcome(decode_session_hello(flipped(encode(h.device.hello()), 0))) == "UPGRADE_REQUIRED version");
}

TEST_CASE("a server's head may grow and nothing else", "[protocol][session]") {
  MerkleFrontier frontier;
  std::map<std::pair<unsigned, std::uint64_t>, Hash> nodes;
  std::vector<LogHead> heads{{filled<EpochId>(1), 0, merkle_empty_root()}};
  for (std::uint8_t i = 0; i < 9; ++i) {
    for (const MerkleNode& node : frontier.append(filled<Hash>(i))) nodes[{node.level, node.index}] = node.hash;
    heads.push_back({filled<EpochId>(1), frontier.size(), frontier.root()});
  }
  const MerkleLookup lookup = [&](unsigned level, std::uint64_t index) {
    return std::optional(nodes.at({level, index}));
  };
  const MerkleProof proof = good(consistency_proof(4, 9, lookup));
  CHECK(outcome(judge_head({}, heads[9], {})) == "good");
  CHECK(outcome(judge_head(heads[4], heads[9], proof)) == "good");
  CHECK(outcome(judge_head(heads[4], heads[4], {})) == "good");
  CHECK(outcome(judge_head(heads[4], heads[9], {})) == "SERVER_ROLLBACK root");
  CHECK(outcome(judge_head(heads[9], heads[4], proof)) == "SERVER_ROLLBACK root");
  LogHead other = heads[9];
  other.root.bytes[0] ^= 1;
  CHECK(outcome(judge_head(heads[4], other, proof)) == "SERVER_ROLLBACK root");
  other.epoch = filled<EpochId>(2);
  CHECK(outcome(judge_head(heads[4], other, proof)) == "EPOCH_CHANGED epoch");
}

// ---- requests and answers ----

namespace {

SecretKey test_key(char c) {
  return SecretKey::from(Bytes(32, c));
}

RequestParts exchange_parts() {
  return {"POST", "/sync/v1/exchange?x=1", "application/x-protobuf", "zstd", std::nullopt, "", std::nullopt};
}

RequestAuth exchange_auth() {
  return {filled<SessionId>(0x06), 41, 1'700'000'000'500, 11, body_digest("an exchange"), {}};
}

}  // namespace

TEST_CASE("headers and frames are those of the document", "[protocol][session][vectors]") {
  const Json v = vectors("protocol-vectors.json")["session"];
  const SecretKey request_key = SecretKey::from(bytes_of(v["keys"]["request"]));
  RequestAuth auth = exchange_auth();
  CHECK(seal_request(auth, exchange_parts(), request_key) == v["request_header"].as_string());
  RequestAuth bare{filled<SessionId>(0x06), 42, -1, {}, {}, {}};
  CHECK(seal_request(bare, {"GET", "/", {}, {}, {}, {}, {}}, request_key) == v["bare_header"].as_string());

  const AnswerParts answer{200, "application/x-protobuf", std::nullopt, body_digest("an answer")};
  CHECK(seal_answer(answer, auth.mac, SecretKey::from(bytes_of(v["keys"]["answer"]))) ==
        v["answer_header"].as_string());

  const SecretKey stream = stream_key(SecretKey::from(bytes_of(v["keys"]["frame_up"])), auth.mac);
  CHECK(to_hex(stream.view()) == v["stream_up"].as_string());
  FrameSealer sealer(Direction::up, stream.clone());
  CHECK(to_hex(sealer.seal("a frame")) == v["frame"].as_string());
  CHECK(to_hex(sealer.seal("")) == v["second_frame"].as_string());
}

TEST_CASE("a request's MAC covers every part of it", "[protocol][session]") {
  const SecretKey key = test_key('q');
  RequestAuth auth = exchange_auth();
  const RequestParts parts = exchange_parts();
  const std::string header = seal_request(auth, parts, key);
  CHECK(good(parse_request_auth(header)) == auth);
  CHECK(outcome(verify_request(auth, parts, key)) == "good");
  CHECK(outcome(verify_request(auth, parts, test_key('x'))) == "mac_invalid mac");

  const auto with_parts = [&](auto change) {
    RequestParts other = parts;
    change(other);
    return outcome(verify_request(auth, other, key));
  };
  CHECK(with_parts([](RequestParts& p) { p.method = "PUT"; }) == "mac_invalid mac");
  CHECK(with_parts([](RequestParts& p) { p.target = "/sync/v1/exchange?x=2"; }) == "mac_invalid mac");
  CHECK(with_parts([](RequestParts& p) { p.content_type = "text/html"; }) == "mac_invalid mac");
  CHECK(with_parts([](RequestParts& p) { p.content_encoding.reset(); }) == "mac_invalid mac");
  CHECK(with_parts([](RequestParts& p) { p.idempotency_key = "k"; }) == "mac_invalid mac");
  CHECK(with_parts([](RequestParts& p) { p.if_match.reset(); }) == "mac_invalid mac");  // absent is not empty
  CHECK(with_parts([](RequestParts& p) { std::swap(p.if_match, p.range); }) == "mac_invalid mac");
  const auto with_auth = [&](auto change) {
    RequestAuth other = auth;
    change(other);
    return outcome(verify_request(other, parts, key));
  };
  CHECK(with_auth([](RequestAuth& a) { a.session.bytes[0] ^= 1; }) == "mac_invalid mac");
  CHECK(with_auth([](RequestAuth& a) { a.counter += 1; }) == "mac_invalid mac");
  CHECK(with_auth([](RequestAuth& a) { a.time_ms += 1; }) == "mac_invalid mac");
  CHECK(with_auth([](RequestAuth& a) { a.body_bytes = 12; }) == "mac_invalid mac");
  CHECK(with_auth([](RequestAuth& a) { a.body_digest->bytes[0] ^= 1; }) == "mac_invalid mac");
  CHECK(with_auth([](RequestAuth& a) { a.body_digest.reset(); }) == "mac_invalid mac");
}

TEST_CASE("every character of the request header is checked", "[protocol][session]") {
  RequestAuth auth = exchange_auth();
  const SecretKey key = test_key('q');
  const std::string header = seal_request(auth, exchange_parts(), key);
  for (std::size_t at = 0; at < header.size(); ++at) {
    CAPTURE(at);
    const Result<RequestAuth> parsed = parse_request_auth(flipped(header, at));
    if (parsed) CHECK(outcome(verify_request(*parsed, exchange_parts(), key)) == "mac_invalid mac");
    CHECK_FALSE(parse_request_auth(std::string_view(header).substr(0, at)));
  }
  const auto parsed = [&](const std::string& from, const std::string& to) {
    std::string other = header;
    other.replace(other.find(from), from.size(), to);
    return outcome(parse_request_auth(other));
  };
  CHECK(parsed("ctr=41", "ctr=041") == "MALFORMED Tern-Auth");
  CHECK(parsed("ctr=41", "ctr=+41") == "MALFORMED Tern-Auth");
  CHECK(parsed("ctr=41", "ctr=99999999999999999999") == "MALFORMED Tern-Auth");
  CHECK(parsed("len=11", "len=-") == "MALFORMED Tern-Auth");  // a length and a digest, or neither
  CHECK(parsed("v=1", "v=2") == "MALFORMED Tern-Auth");
  CHECK(parsed("sid=", "sid=A") == "MALFORMED Tern-Auth");
  CHECK(parsed(",ctr", ", ctr") == "MALFORMED Tern-Auth");
  CHECK(parsed("ctr=41,ts", "ts") == "MALFORMED Tern-Auth");
  CHECK(outcome(parse_request_auth(header + ",")) == "MALFORMED Tern-Auth");
  CHECK(outcome(parse_request_auth("")) == "MALFORMED Tern-Auth");
}

TEST_CASE("an answer belongs to one request, one status and one body", "[protocol][session]") {
  const SecretKey key = test_key('s');
  const Mac request = filled<Mac>(1);
  const AnswerParts parts{200, "application/x-protobuf", std::nullopt, body_digest("body")};
  const std::string header = seal_answer(parts, request, key);
  const auto judged = [&](std::string_view text, AnswerParts with, std::optional<ByteView> body, const Mac& mac) {
    return outcome(verify_answer(text, with, body, mac, key));
  };
  CHECK(judged(header, parts, "body", request) == "good");
  CHECK(judged(header, parts, "bodz", request) == "mac_invalid mac");
  CHECK(judged(header, parts, std::nullopt, request) == "mac_invalid mac");
  CHECK(judged(header, parts, "body", filled<Mac>(2)) == "mac_invalid mac");
  AnswerParts other = parts;
  other.status = 500;
  CHECK(judged(header, other, "body", request) == "mac_invalid mac");
  other = parts;
  other.content_type = "text/html";
  CHECK(judged(header, other, "body", request) == "mac_invalid mac");
  other = parts;
  other.content_encoding = "zstd";
  CHECK(judged(header, other, "body", request) == "mac_invalid mac");
  CHECK(judged("", parts, "body", request) == "mac_required Tern-Auth-Answer");
  CHECK(judged("v=1,mac=00", parts, "body", request) == "MALFORMED Tern-Auth-Answer");
  CHECK(outcome(verify_answer(header, parts, "body", request, test_key('x'))) == "mac_invalid mac");
  std::string other_digest = header;
  other_digest.replace(other_digest.find("digest=") + 7, 64, to_hex(body_digest("bodz")));
  CHECK(judged(other_digest, parts, "body", request) == "mac_invalid mac");
  const std::string empty = seal_answer({204, {}, {}, {}}, request, key);
  CHECK(judged(empty, {204, {}, {}, {}}, std::nullopt, request) == "good");
  // What a device sends is never an answer: other key, other tag.
  RequestAuth auth = exchange_auth();
  CHECK(judged(seal_request(auth, exchange_parts(), key), parts, "body", request) == "MALFORMED Tern-Auth-Answer");
}

TEST_CASE("a counter is good once, in any order, within the window", "[protocol][session]") {
  ReplayWindow window;
  CHECK_FALSE(window.accept(0));
  CHECK(window.accept(1));
  CHECK_FALSE(window.accept(1));
  CHECK(window.accept(500));
  CHECK(window.accept(499));
  CHECK(window.accept(2));
  CHECK_FALSE(window.accept(499));
  CHECK(window.accept(1460));  // 500 is the oldest that still counts as told apart
  CHECK_FALSE(window.accept(500));
  CHECK_FALSE(window.accept(499));
  CHECK(window.accept(501));
  CHECK(window.newest() == 1460);
  CHECK(window.accept(1'000'000));
  CHECK_FALSE(window.accept(1460));
  CHECK(window.accept(999'999));
  CHECK_FALSE(window.accept(~std::uint64_t{0}));  // no room for a window above it
  CHECK(window.newest() == 1'000'000);
}

TEST_CASE("the window agrees with remembering every counter", "[protocol][session]") {
  FixedEnvironment random(5);
  ReplayWindow window;
  std::map<std::uint64_t, bool> used;
  std::uint64_t newest = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::uint16_t step = 0;
    random.random(&step, sizeof step);
    const std::uint64_t base = newest > 1200 ? newest - 1200 : 0;
    const std::uint64_t counter = base + step % 1300;
    const bool due = counter != 0 && counter + ReplayWindow::width > newest && !used[counter];
    REQUIRE(window.accept(counter) == due);
    if (due) used[counter] = true;
    newest = std::max(newest, due ? counter : 0);
  }
}

TEST_CASE("frames come whole, in order, in their direction", "[protocol][session]") {
  const Mac upgrade = filled<Mac>(9);
  FrameSealer sealer(Direction::up, stream_key(test_key('u'), upgrade));
  const auto opener = [&](Direction direction = Direction::up, char key = 'u') {
    return FrameOpener(direction, stream_key(test_key(key), upgrade));
  };
  const Bytes first = sealer.seal("one");
  const Bytes second = sealer.seal("two");
  FrameOpener good_opener = opener();
  CHECK(good(good_opener.open(first)) == "one");
  CHECK(outcome(good_opener.open(first)) == "replayed ctr");
  CHECK(good(good_opener.open(second)) == "two");
  CHECK(outcome(opener().open(second)) == "replayed ctr");
  CHECK(outcome(opener(Direction::down).open(first)) == "mac_invalid mac");
  CHECK(outcome(opener(Direction::up, 'd').open(first)) == "mac_invalid mac");
  CHECK(outcome(FrameOpener(Direction::up, stream_key(test_key('u'), filled<Mac>(8))).open(first)) ==
        "mac_invalid mac");
  for (std::size_t at = 0; at < first.size(); ++at) {
    CHECK(outcome(opener().open(flipped(first, at))) == "mac_invalid mac");
    CHECK_FALSE(opener().open(ByteView(first).substr(0, at)));
  }
  CHECK(outcome(opener().open(Bytes(limits::frame_bytes_max + 1, 'x'))) == "too_large size");
  CHECK(first.size() == 3 + frame_overhead_bytes);
}

}  // namespace tern::protocol::test
