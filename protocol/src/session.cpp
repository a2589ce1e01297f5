#include "tern/protocol/session.hpp"

namespace tern::protocol {
namespace {

constexpr Tag tag_device{"TRN1-HD\0", 8};
constexpr Tag tag_server{"TRN1-HS\0", 8};
constexpr Tag tag_confirm{"TRN1-HC\0", 8};
constexpr std::string_view transcript_personal = "TRN1-TRANSCRIPT";
constexpr std::size_t epoch_record_bytes_max = 4096;

void write_head(ByteWriter& writer, const LogHead& head) {
  writer.id(head.epoch).u64(head.size).id(head.root);
}

LogHead read_head(ByteReader& reader) {
  LogHead head;
  head.epoch = reader.id<EpochId>("epoch");
  head.size = reader.u64("size");
  head.root = reader.id<Hash>("root");
  return head;
}

void write_chain(ByteWriter& writer, const ChainHead& chain) {
  writer.u64(chain.device_epoch).u64(chain.chain_seq).id(chain.hash);
}

ChainHead read_chain(ByteReader& reader) {
  ChainHead chain;
  chain.device_epoch = reader.u64("device_epoch");
  chain.chain_seq = reader.u64("chain_seq");
  chain.hash = reader.id<Hash>("hash");
  return chain;
}

void write_heads(ByteWriter& writer, const SessionHeads& heads) {
  write_chain(writer, heads.device);
  write_head(writer, heads.server);
}

SessionHeads read_heads(ByteReader& reader) {
  SessionHeads heads;
  heads.device = read_chain(reader);
  heads.server = read_head(reader);
  return heads;
}

Bytes tagged(Tag tag, const Hash& transcript) {
  return ByteWriter().raw(tag).id(transcript).take();
}

Hash transcript_hash(ByteView bytes) {
  return hash(transcript_personal, bytes);
}

}  // namespace

// ---- messages ----

Bytes encode(const SessionHello& hello) {
  ByteWriter writer;
  writer.u8(session_version).id(hello.tenant).id(hello.device).id(hello.key);
  return writer.take();
}

Result<SessionHello> decode_session_hello(ByteView bytes) {
  ByteReader reader(bytes);
  reader.version(session_version);
  SessionHello hello;
  hello.tenant = reader.id<TenantId>("tenant_id");
  hello.device = reader.id<DeviceId>("device_id");
  hello.key = reader.id<KeyId>("key_id");
  TERN_CHECKED(reader.finish());
  return hello;
}

Bytes encode(const SessionChallenge& challenge) {
  ByteWriter writer;
  writer.u8(session_version).id(challenge.handshake).id(challenge.server_key);
  return writer.take();
}

Result<SessionChallenge> decode_session_challenge(ByteView bytes) {
  ByteReader reader(bytes);
  reader.version(session_version);
  SessionChallenge challenge;
  challenge.handshake = reader.id<HandshakeId>("hs_id");
  challenge.server_key = reader.id<ExchangePublicKey>("server_key");
  TERN_CHECKED(reader.finish());
  return challenge;
}

Bytes encode(const SessionProof& proof) {
  ByteWriter writer;
  writer.u8(session_version).id(proof.handshake).id(proof.device_key);
  write_heads(writer, proof.heads);
  writer.id(proof.signature);
  if (!proof.certificate.empty()) writer.sized(proof.certificate);
  return writer.take();
}

Result<SessionProof> decode_session_proof(ByteView bytes) {
  ByteReader reader(bytes);
  reader.version(session_version);
  SessionProof proof;
  proof.handshake = reader.id<HandshakeId>("hs_id");
  proof.device_key = reader.id<ExchangePublicKey>("device_key");
  proof.heads = read_heads(reader);
  proof.signature = reader.id<Signature>("signature");
  if (reader.ok() && reader.left() != 0) {
    proof.certificate = Bytes(reader.sized(limits::kib, "certificate"));
    if (proof.certificate.empty()) reader.refuse(ErrorCode::malformed, "certificate", "none is left out, not empty");
  }
  TERN_CHECKED(reader.finish());
  return proof;
}

Bytes encode(const SessionWelcome& welcome) {
  ByteWriter writer;
  writer.u8(session_version).id(welcome.session).i64(welcome.expires_ms).id(welcome.log_key);
  writer.u64(welcome.key_list_version).u8(static_cast<std::uint8_t>(welcome.mode));
  write_head(writer, welcome.head);
  write_chain(writer, welcome.chain);
  writer.id(welcome.signature).id(welcome.confirm);
  writer.sized(welcome.key_list).sized(welcome.epoch_record).sized(encode_proof(welcome.consistency));
  return writer.take();
}

Result<SessionWelcome> decode_session_welcome(ByteView bytes) {
  ByteReader reader(bytes);
  reader.version(session_version);
  SessionWelcome welcome;
  welcome.session = reader.id<SessionId>("sid");
  welcome.expires_ms = reader.i64("expires_ms");
  welcome.log_key = reader.id<KeyId>("log_key_id");
  welcome.key_list_version = reader.u64("key_list_version");
  const std::uint8_t mode = reader.u8("mode");
  if (mode > 1) reader.refuse(ErrorCode::upgrade_required, "mode", "a session of an unknown kind");
  welcome.mode = static_cast<SessionMode>(mode);
  welcome.head = read_head(reader);
  welcome.chain = read_chain(reader);
  welcome.signature = reader.id<Signature>("signature");
  welcome.confirm = reader.id<Mac>("confirm");
  welcome.key_list = Bytes(reader.sized(statement_bytes_max, "key_list"));
  welcome.epoch_record = Bytes(reader.sized(epoch_record_bytes_max, "epoch_record"));
  const ByteView proof = reader.sized(merkle_proof_hashes_max * Hash::size_bytes, "consistency");
  TERN_CHECKED(reader.finish());
  TERN_TRY(welcome.consistency, decode_proof(proof));
  return welcome;
}

// ---- keys and transcripts ----

SessionKeys SessionKeys::clone() const {
  return {request.clone(), answer.clone(), frame_up.clone(), frame_down.clone()};
}

SessionKeys derive_session_keys(const AgreedKeys& agreed, const Hash& transcript) {
  const auto session_key = [&](const SecretKey& key) {
    return SecretKey::from(keyed_hash("TRN1-SESSION", key.view(), transcript.view()).view());
  };
  const SecretKey up = session_key(agreed.up);
  const SecretKey down = session_key(agreed.down);
  return {derive_key(up, 1, "TRN1req_"), derive_key(down, 1, "TRN1rsp_"), derive_key(up, 1, "TRN1fup_"),
          derive_key(down, 1, "TRN1fdn_")};
}

Bytes transcript_1_bytes(const HandshakeParty& party, const SessionChallenge& challenge,
                         const ExchangePublicKey& device_key, const SessionHeads& heads) {
  ByteWriter writer;
  writer.u8(session_version).u8(suite_ed25519_blake2b);
  writer.id(party.root).id(party.tenant).id(party.device).id(party.key);
  writer.id(challenge.handshake).id(challenge.server_key).id(device_key);
  write_heads(writer, heads);
  return writer.take();
}

Hash transcript_1(const HandshakeParty& party, const SessionChallenge& challenge, const ExchangePublicKey& device_key,
                  const SessionHeads& heads) {
  return transcript_hash(transcript_1_bytes(party, challenge, device_key, heads));
}

Bytes transcript_2_bytes(ByteView transcript_1_bytes, const Signature& device_signature,
                         const SessionWelcome& welcome) {
  ByteWriter writer;
  writer.raw(transcript_1_bytes).id(device_signature);
  writer.id(welcome.session).i64(welcome.expires_ms).id(welcome.log_key).u64(welcome.key_list_version);
  write_head(writer, welcome.head);
  writer.u8(static_cast<std::uint8_t>(welcome.mode));
  write_chain(writer, welcome.chain);
  return writer.take();
}

// ---- device ----

SessionProof DeviceHandshake::answer(const SessionChallenge& challenge, const SessionHeads& heads,
                                     const SigningKey& key, Environment& environment) {
  check(key.id() == party_.key, "the handshake is for another key");
  ephemeral_ = EphemeralKey::generate(environment);
  server_key_ = challenge.server_key;
  transcript_1_ = transcript_1_bytes(party_, challenge, ephemeral_->public_key(), heads);
  signature_ = key.sign(tagged(tag_device, transcript_hash(transcript_1_)));
  return {challenge.handshake, ephemeral_->public_key(), heads, signature_, {}};
}

Result<SessionKeys> DeviceHandshake::finish(const SessionWelcome& welcome, const PublicKey& log_key) const {
  check(ephemeral_.has_value(), "finish before answer");
  const Hash transcript = transcript_hash(transcript_2_bytes(transcript_1_, signature_, welcome));
  if (welcome.log_key != key_id(log_key)) {
    return fail(ErrorCode::key_unknown, "the session is signed by another key", {}, "log_key_id");
  }
  if (!verify_signature(log_key, tagged(tag_server, transcript), welcome.signature)) {
    return fail(ErrorCode::signature_invalid, "the server's signature on the session is not good", {}, "signature");
  }
  TERN_TRY(const AgreedKeys agreed, ephemeral_->agree_as_device(server_key_));
  SessionKeys keys = derive_session_keys(agreed, transcript);
  if (!verify_hmac_sha256(keys.answer.view(), tagged(tag_confirm, transcript), welcome.confirm)) {
    return fail(ErrorCode::mac_invalid, "the server does not hold the session's key", {}, "confirm");
  }
  return keys;
}

// ---- server ----

ServerHandshake::ServerHandshake(const SessionHello& hello, const RootId& root, Environment& environment)
    : party_{hello.tenant, hello.device, hello.key, root},
      ephemeral_(EphemeralKey::generate(environment)),
      challenge_{random_id<HandshakeId>(environment), ephemeral_.public_key()} {}

Result<void> ServerHandshake::accept(const SessionProof& proof, const PublicKey& device_key) {
  if (proof.handshake != challenge_.handshake) {
    return fail(ErrorCode::invalid, "this proof belongs to another handshake", {}, "hs_id");
  }
  Bytes transcript = transcript_1_bytes(party_, challenge_, proof.device_key, proof.heads);
  if (key_id(device_key) != party_.key ||
      !verify_signature(device_key, tagged(tag_device, transcript_hash(transcript)), proof.signature)) {
    return fail(ErrorCode::signature_invalid, "the device's signature on the session is not good", {}, "signature");
  }
  TERN_TRY(AgreedKeys agreed, ephemeral_.agree_as_server(proof.device_key));
  agreed_ = std::move(agreed);
  transcript_1_ = std::move(transcript);
  device_signature_ = proof.signature;
  return {};
}

SessionKeys ServerHandshake::finish(SessionWelcome& welcome, const SigningKey& log_key) const {
  check(agreed_.has_value(), "finish before accept");
  welcome.log_key = log_key.id();
  const Hash transcript = transcript_hash(transcript_2_bytes(transcript_1_, device_signature_, welcome));
  SessionKeys keys = derive_session_keys(*agreed_, transcript);
  welcome.signature = log_key.sign(tagged(tag_server, transcript));
  welcome.confirm = hmac_sha256(keys.answer.view(), tagged(tag_confirm, transcript));
  return keys;
}

Result<void> judge_head(const LogHead& held, const LogHead& next, const MerkleProof& consistency) {
  if (held == LogHead{}) return {};  // a device's first session
  if (held.epoch != next.epoch) {
    return fail(ErrorCode::epoch_changed, "the server's history has a new epoch", {}, "epoch");
  }
  if (!verify_consistency(held.size, held.root, next.size, next.root, consistency)) {
    return fail(ErrorCode::server_rollback, "the server's history does not continue the one this device knows",
                "work goes on offline; tell your administrator", "root");
  }
  return {};
}

}  // namespace tern::protocol
