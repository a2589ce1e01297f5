#include <sodium.h>

#include "fixtures.hpp"
#include "support/quick_passwords.hpp"
#include "tern/protocol/key_wrap.hpp"
#include "tern/protocol/merkle.hpp"
#include "tern/protocol/sealed_stream.hpp"

namespace tern::protocol::test {

TEST_CASE("our cryptography agrees with vectors made without libsodium", "[protocol][crypto][vectors]") {
  const FixedEnvironment environment;
  const Json v = vectors("crypto-vectors.json");
  const SigningKey key = SigningKey::from_seed(SecretKey::from(bytes_of(v["seed"])));
  CHECK(key.public_key() == id_of<PublicKey>(v["public_key"]));
  CHECK(key.id() == id_of<KeyId>(v["key_id"]));
  CHECK(key.seed().view() == bytes_of(v["seed"]));
  CHECK(genesis_prev_hash(bytes_of(v["enrolment_certificate_bytes"])) == id_of<Hash>(v["genesis_prev_hash"]));

  std::vector<SealedChange> changes;
  for (std::size_t i = 0; i < 2; ++i) {
    SealedChange change{
        bytes_of(v["skeletons"].items()[i]), id_of<Salt>(v["salts"].items()[i]), bytes_of(v["bodies"].items()[i]), {}};
    CHECK(change.body_commitment() == id_of<Hash>(v["body_commitments"].items()[i]));
    CHECK(change.commitment() == id_of<Hash>(v["commitments"].items()[i]));
    CHECK(change.without_content().commitment() == change.commitment());
    changes.push_back(std::move(change));
  }

  const Json& fields = v["header_fields"];
  ChangeSetHeader header;
  header.schema_version = static_cast<std::uint32_t>(fields["schema_version"].as_integer());
  header.tenant = id_of<TenantId>(fields["tenant_id"]);
  header.device = id_of<DeviceId>(fields["device_id"]);
  header.author = id_of<OperatorId>(fields["author_id"]);
  header.device_epoch = 1;
  header.chain_seq = 1;
  header.prev_hash = id_of<Hash>(v["genesis_prev_hash"]);
  header.wall_ms = fields["wall_ms"].as_integer();
  header.mono_ms = static_cast<std::uint64_t>(fields["mono_ms"].as_integer());
  header.boot = id_of<BootId>(fields["boot_id"]);
  header.seen_seq = 42;
  const ChangeSet set = good(seal(header, changes, key));
  CHECK(to_hex(set.header) == v["header"].as_string());
  CHECK(set.signature == id_of<Signature>(v["signature"]));
  CHECK(set.hash() == id_of<Hash>(v["change_set_hash"]));
  CHECK(good(decode_header(set.header)).changes_root == id_of<Hash>(v["changes_root"]));

  const SecretKey derived = derive_key(SecretKey::from(bytes_of(v["kdf_master"])), 1, v["kdf_context"].as_string());
  CHECK(to_hex(derived.view()) == v["kdf_key"].as_string());
  CHECK(hmac_sha256(derived.view(), set.header) == id_of<Mac>(v["hmac_sha256_of_header_under_kdf_key"]));
  const Json& keyed = v["keyed_hash"];
  CHECK(keyed_hash(keyed["personal"].as_string(), bytes_of(keyed["key"]), bytes_of(keyed["message"])) ==
        id_of<Hash>(keyed["out"]));

  std::vector<Hash> leaves;
  for (const Json& leaf : v["merkle_leaves_hex"].items()) leaves.push_back(merkle_leaf(bytes_of(leaf)));
  CHECK(merkle_root(leaves) == id_of<Hash>(v["merkle_root_rfc6962"]));
}

TEST_CASE("an HMAC takes a key of any length", "[protocol][crypto][vectors]") {
  // RFC 4231, cases 1, 2 and 6: those whom others gave a secret sign with it as it is.
  const auto hex = [](ByteView key, ByteView message) { return to_hex(hmac_sha256(key, message)); };
  CHECK(hex(Bytes(20, '\x0b'), "Hi There") == "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  CHECK(hex("Jefe", "what do ya want for nothing?") ==
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  CHECK(hex(Bytes(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First") ==
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST_CASE("hashing in parts is hashing the whole", "[protocol][crypto]") {
  const FixedEnvironment environment;
  CHECK(Hasher("TRN1-X").add("ab").add("").add("c").finish() == hash("TRN1-X", "abc"));
  CHECK(Sha256().add("ab").add("c").finish() == sha256("abc"));
  CHECK(to_hex(sha256("abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(hash("TRN1-X", "abc") != hash("TRN1-Y", "abc"));
  CHECK(row_checksum(Bytes(16, 'k'), "row") != row_checksum(Bytes(16, 'k'), "rox"));
  CHECK(equal_secret("same", "same"));
  CHECK_FALSE(equal_secret("same", "samf"));
  CHECK_FALSE(equal_secret("same", "sam"));
}

TEST_CASE("a moved or wiped secret leaves zeros behind", "[protocol][crypto]") {
  FixedEnvironment environment;
  SecretKey first = SecretKey::random(environment);
  const Bytes value(first.view());
  const SecretKey second = std::move(first);
  CHECK(second.view() == value);
  CHECK(first.view() == Bytes(32, '\0'));  // NOLINT: looking at what was moved from is the point
  Bytes text = "secret";
  wipe(text);
  CHECK(text.empty());
}

TEST_CASE("both sides of a key agreement hold the same keys, and unfit keys are refused", "[protocol][crypto]") {
  FixedEnvironment environment;
  const EphemeralKey device = EphemeralKey::generate(environment);
  const EphemeralKey server = EphemeralKey::generate(environment);
  const AgreedKeys at_device = good(device.agree_as_device(server.public_key()));
  const AgreedKeys at_server = good(server.agree_as_server(device.public_key()));
  CHECK(at_device.up.view() == at_server.up.view());
  CHECK(at_device.down.view() == at_server.down.view());
  CHECK(at_device.up.view() != at_device.down.view());
  CHECK(outcome(device.agree_as_device(ExchangePublicKey{})) == "verification_failed server_key");
  CHECK(outcome(server.agree_as_server(ExchangePublicKey{})) == "verification_failed device_key");
}

TEST_CASE("a wrapped key opens with its passphrase and its public fields only", "[protocol][key_wrap]") {
  FixedEnvironment environment;
  const SecretKey key = SecretKey::random(environment);
  const Bytes wrapped = good(wrap_key(key, "correct horse", "device 7", environment));
  CHECK(good(unwrap_key(wrapped, "correct horse", "device 7")).view() == key.view());
  CHECK(outcome(unwrap_key(wrapped, "wrong horse", "device 7")) == "locked passphrase");
  CHECK(outcome(unwrap_key(wrapped, "correct horse", "device 8")) == "locked passphrase");
  CHECK(outcome(unwrap_key(flipped(wrapped, wrapped.size() - 1), "correct horse", "device 7")) == "locked passphrase");
  CHECK(outcome(unwrap_key(flipped(wrapped, 25), "correct horse", "device 7")) == "locked passphrase");  // salt
  CHECK(outcome(unwrap_key(wrapped.substr(1), "correct horse", "device 7")) == "corrupt tag");
  CHECK(outcome(unwrap_key(wrapped + "x", "correct horse", "device 7")) == "corrupt size");
  CHECK(outcome(unwrap_key("", "correct horse", "device 7")) == "corrupt tag");
}

TEST_CASE("a wrapped key cannot ask for unbounded work", "[protocol][key_wrap]") {
  FixedEnvironment environment;
  const Bytes wrapped = good(wrap_key(SecretKey::random(environment), "p", "", environment));
  const std::size_t passes = 9;
  const std::size_t memory = 13;
  CHECK(outcome(unwrap_key(flipped(wrapped, passes, 7), "p", "")) == "corrupt parameters");
  CHECK(outcome(unwrap_key(flipped(wrapped, memory, 7), "p", "")) == "corrupt parameters");
  CHECK(outcome(unwrap_key(flipped(wrapped, memory + 4, 2), "p", "")) == "corrupt parameters");  // 0 bytes
}

TEST_CASE("a password is only ever checked", "[protocol][key_wrap]") {
  const std::string stored = good(hash_password("open sesame"));
  CHECK(stored.starts_with("$argon2id$"));
  CHECK(tern::test::password_cost_asked().passes == crypto_pwhash_OPSLIMIT_INTERACTIVE);
  CHECK(tern::test::password_cost_asked().memory_bytes == crypto_pwhash_MEMLIMIT_INTERACTIVE);
  CHECK(verify_password(stored, "open sesame"));
  CHECK_FALSE(verify_password(stored, "open sesamf"));
  CHECK_FALSE(verify_password("", "open sesame"));
  CHECK_FALSE(verify_password("nonsense", "open sesame"));
  CHECK_FALSE(verify_password(std::string(500, '$'), "open sesame"));
}

TEST_CASE("a sealed box opens with the one key it was made for", "[protocol][sealed_stream]") {
  FixedEnvironment environment;
  const BoxKey key = BoxKey::generate(environment);
  const BoxKey other = BoxKey::generate(environment);
  const Bytes box = good(seal_to(key.public_key(), "file key", environment));
  CHECK(good(key.open(box)) == "file key");
  CHECK(outcome(other.open(box)) == "verification_failed box");
  for (std::size_t i = 0; i < box.size(); ++i) CHECK_FALSE(key.open(flipped(box, i)));
  CHECK_FALSE(key.open(""));
  CHECK(outcome(seal_to(ExchangePublicKey{}, "x", environment)) == "verification_failed public_key");
}

namespace {

/// Reads in pieces of an awkward size.
StreamSource source_of(const Bytes& bytes, std::size_t piece_bytes = 60'001) {
  auto at = std::make_shared<std::size_t>(0);
  return [&bytes, at, piece_bytes](std::size_t bytes_max) -> Result<Bytes> {
    const Bytes piece = bytes.substr(*at, std::min(bytes_max, piece_bytes));
    *at += piece.size();
    return piece;
  };
}

StreamSink sink_to(Bytes& out) {
  return [&out](ByteView piece) -> Result<void> {
    out += piece;
    return {};
  };
}

std::string decrypted(const BoxKey& key, ByteView context, const Bytes& cipher, Bytes* plain = nullptr) {
  Bytes out;
  const Result<void> result = decrypt_stream(key, context, source_of(cipher), sink_to(out));
  if (plain != nullptr) *plain = out;
  return outcome(result);
}

}  // namespace

TEST_CASE("a stream of any length is encrypted and comes back whole or not at all", "[protocol][sealed_stream]") {
  FixedEnvironment environment;
  const BoxKey key = BoxKey::generate(environment);
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, stream_chunk_bytes - 1, stream_chunk_bytes,
                                 stream_chunk_bytes + 1, 3 * stream_chunk_bytes}) {
    CAPTURE(size);
    Bytes plain(size, 'p');
    if (size > 0) environment.random(plain.data(), size);
    Bytes cipher;
    REQUIRE(encrypt_stream(key.public_key(), "backup", source_of(plain), sink_to(cipher), environment));
    Bytes back;
    CHECK(decrypted(key, "backup", cipher, &back) == "good");
    CHECK(back == plain);
    CHECK(decrypted(key, "other", cipher) == "verification_failed chunk");
    CHECK(decrypted(key, "backup", cipher + "x") != "good");
    CHECK(decrypted(key, "backup", cipher.substr(0, cipher.size() - 1)) != "good");
    CHECK(decrypted(key, "backup", flipped(cipher, cipher.size() - 1)) != "good");
    CHECK(decrypted(key, "backup", flipped(cipher, 0)) == "verification_failed head");
    CHECK(decrypted(BoxKey::generate(environment), "backup", cipher) == "verification_failed box");
  }
}

TEST_CASE("an encrypted stream notices a lost and a swapped chunk", "[protocol][sealed_stream]") {
  FixedEnvironment environment;
  const BoxKey key = BoxKey::generate(environment);
  Bytes cipher;
  const Bytes plain(3 * stream_chunk_bytes, 'p');
  REQUIRE(encrypt_stream(key.public_key(), "", source_of(plain), sink_to(cipher), environment));
  const std::size_t chunk = stream_chunk_bytes + 17;
  const std::size_t head = cipher.size() - 3 * chunk;
  const Bytes a = cipher.substr(head, chunk);
  const Bytes b = cipher.substr(head + chunk, chunk);
  const Bytes c = cipher.substr(head + 2 * chunk);
  const Bytes start = cipher.substr(0, head);
  CHECK(decrypted(key, "", start + a + b + c) == "good");
  CHECK(decrypted(key, "", start + b + a + c) != "good");
  CHECK(decrypted(key, "", start + a + c) != "good");
  CHECK(decrypted(key, "", start + a + b) != "good");  // cut at a chunk's end
}

}  // namespace tern::protocol::test
