// What is signed or MACed as one kind of message is none of another kind, though key and content are right.
#include "fixtures.hpp"
#include "tern/protocol/enrolment.hpp"
#include "tern/protocol/session.hpp"

namespace tern::protocol::test {
namespace {

/// All that docs/protocol.md lists.
constexpr std::string_view all_kinds[] = {"CS", "EQ", "ES", "EA", "EC", "KL", "TB", "LF", "RC", "RV", "ER", "AM", "EP",
                                          "WO", "AW", "XE", "HD", "HS", "HC", "RQ", "RS", "FR", "KW", "BK", "BM"};

Bytes tag_of(std::string_view kind) {
  return "TRN1-" + std::string(kind) + std::string(1, '\0');
}

std::string signed_by_device(const Bytes& tag) {
  FixedEnvironment environment;
  const SigningKey key = key_of('d');
  const HandshakeParty party{test_tenant, test_device, key.id(), filled<RootId>(0x7a)};
  DeviceHandshake device(party);
  ServerHandshake server(device.hello(), party.root, environment);
  SessionProof proof = device.answer(server.challenge(), {}, key, environment);
  const Hash transcript = transcript_1(party, server.challenge(), proof.device_key, {});
  proof.signature = key.sign(tag + Bytes(transcript.view()));
  return outcome(server.accept(proof, key.public_key()));
}

/// The server's last message, its signature or its confirmation made under `tag`.
std::string welcomed(const Bytes& tag, bool signature) {
  FixedEnvironment environment;
  const SigningKey key = key_of('d');
  const HandshakeParty party{test_tenant, test_device, key.id(), filled<RootId>(0x7a)};
  DeviceHandshake device(party);
  ServerHandshake server(device.hello(), party.root, environment);
  const SessionProof proof = device.answer(server.challenge(), {}, key, environment);
  REQUIRE(server.accept(proof, key.public_key()));
  SessionWelcome message;
  message.session = filled<SessionId>(6);
  const SessionKeys keys = server.finish(message, log_key());
  const Bytes before = transcript_1_bytes(party, server.challenge(), proof.device_key, {});
  const Hash transcript = hash("TRN1-TRANSCRIPT", transcript_2_bytes(before, proof.signature, message));
  const Bytes covered = tag + Bytes(transcript.view());
  if (signature)
    message.signature = log_key().sign(covered);
  else
    message.confirm = hmac_sha256(keys.answer.view(), covered);
  return outcome(device.finish(message, log_key().public_key()));
}

SecretKey key_of_session() {
  return SecretKey::from(Bytes(32, 'q'));
}

std::string requested(const Bytes& tag) {
  RequestAuth auth{filled<SessionId>(6), 41, 7, {}, {}, {}};
  ByteWriter writer;
  writer.raw(tag).id(auth.session).u64(auth.counter).i64(auth.time_ms).sized("GET").sized("/");
  for (int i = 0; i < 7; ++i) writer.u32(0xffffffff);  // no header of it, no body
  auth.mac = hmac_sha256(key_of_session().view(), writer.bytes());
  return outcome(verify_request(auth, {"GET", "/", {}, {}, {}, {}, {}}, key_of_session()));
}

std::string answered(const Bytes& tag) {
  ByteWriter writer;
  writer.raw(tag).id(filled<Mac>(1)).u16(204);
  for (int i = 0; i < 3; ++i) writer.u32(0xffffffff);
  const std::string header = "v=1,digest=-,mac=" + to_hex(hmac_sha256(key_of_session().view(), writer.bytes()));
  return outcome(verify_answer(header, {204, {}, {}, {}}, std::nullopt, filled<Mac>(1), key_of_session()));
}

std::string framed(const Bytes& tag) {
  const Bytes covered = ByteWriter().raw(tag).u8(0).u64(0).raw("a frame").take();
  const Bytes wire = ByteWriter().u64(0).id(hmac_sha256(key_of_session().view(), covered)).raw("a frame").take();
  FrameOpener opener(Direction::up, key_of_session());
  return outcome(opener.open(wire));
}

/// Of the right code and key; `tag` begins the message, or what the device signs of it.
std::string enrolment_request(const Bytes& head, const Bytes& self) {
  const EnrolmentCode code = good(EnrolmentCode::from_text("C0C1-C2C3-C4C5-C6C7"));
  const SigningKey key = key_of('d');
  ByteWriter writer;
  writer.raw(head).u8(1).id(code.id()).id(key.public_key()).id(filled<Nonce>(1)).sized("van").sized("linux");
  writer.id(key.sign(self + Bytes(hash("TRN1-ENRREQ", writer.bytes()).view())));
  writer.id(hmac_sha256(derive_key(code.key(), 1, "TRN1enrl").view(), writer.bytes()));
  return outcome(open_enrolment_request(writer.take(), code.key()));
}

/// `tag` begins the message, or what its MAC covers.
std::string enrolment_answer(const Bytes& head, const Bytes& covered_head) {
  const EnrolmentCode code = good(EnrolmentCode::from_text("C0C1-C2C3-C4C5-C6C7"));
  const SigningKey root = key_of('r'), log = key_of('l'), key = key_of('d');
  KeyList list;
  list.next_roots = {root.public_key()};
  list.keys = {{log.id(), log.public_key(), ServerKeyPurpose::log, 1}};
  const Certificate certificate{
      1, test_tenant, filled<OperatorId>(3), test_device, key.public_key(), 1, 1, test_epoch, 7000, root.id()};
  const Anchor anchor{test_tenant, test_epoch, 1, 7000, 0, sha256({}), 0, 0, {}};
  const EnrolmentAnswer said{sign_statement(certificate, log).wire,
                             {root.public_key()},
                             sign_statement(list, root).wire,
                             sign_statement(anchor, log).wire,
                             "Ops",
                             "Bo"};
  const Bytes whole = make_enrolment_answer(said, "request", code.key());
  const Bytes body = head + whole.substr(8, whole.size() - 8 - Mac::size_bytes);
  const Bytes covered =
      covered_head + Bytes(hash("TRN1-ENRREQ", "request").view()) + Bytes(hash("TRN1-ENRANS", body).view());
  const Mac mac = hmac_sha256(derive_key(code.key(), 2, "TRN1enrl").view(), covered);
  return outcome(open_enrolment_answer(body + Bytes(mac.view()), "request", code, key.public_key(), root.id()));
}

struct TaggedKind {
  std::string_view kind;
  std::string_view refused;  // what is said of any other tag
  std::string (*judged)(const Bytes& tag);
};

const TaggedKind tagged_kinds[] = {
    {"HD", "SIGNATURE_INVALID signature", signed_by_device},
    {"HS", "SIGNATURE_INVALID signature", [](const Bytes& tag) { return welcomed(tag, true); }},
    {"HC", "mac_invalid confirm", [](const Bytes& tag) { return welcomed(tag, false); }},
    {"RQ", "mac_invalid mac", requested},
    {"RS", "mac_invalid mac", answered},
    {"FR", "mac_invalid mac", framed},
    {"EQ", "MALFORMED tag", [](const Bytes& tag) { return enrolment_request(tag, tag_of("ES")); }},
    {"ES", "SIGNATURE_INVALID self_signature", [](const Bytes& tag) { return enrolment_request(tag_of("EQ"), tag); }},
    {"EA", "MALFORMED tag", [](const Bytes& tag) { return enrolment_answer(tag, tag_of("EA")); }},
    {"EA", "login_refused code", [](const Bytes& tag) { return enrolment_answer(tag_of("EA"), tag); }},
};

}  // namespace

TEST_CASE("handshake, MACs and enrolment under the tag of any other kind of message are refused", "[protocol][tags]") {
  for (const TaggedKind& row : tagged_kinds)
    for (const std::string_view kind : all_kinds) {
      INFO(row.kind << " made as " << kind);
      CHECK(row.judged(tag_of(kind)) == (kind == row.kind ? "good" : row.refused));
    }
}

}  // namespace tern::protocol::test
