#include "tern/protocol/statements.hpp"
#include "fixtures.hpp"
#include "tern/protocol/anchor.hpp"
#include "tern/protocol/enrolment.hpp"
#include "tern/protocol/keys.hpp"
#include "tern/protocol/merkle.hpp"
#include "tern/protocol/receipt.hpp"

namespace tern::protocol::test {
namespace {

ChangeName name(std::uint8_t by, std::uint8_t first) {
  ChangeName out{filled<DeviceId>(by), {}};
  for (std::uint8_t i = 0; i < 8; ++i) out.change.bytes[i] = static_cast<std::uint8_t>(first + i);
  return out;
}

// One of each kind, every field set to something else; the same values as in make_vectors.py.
Anchor an_anchor() {
  return {test_tenant, test_epoch, 9, 1'700'000'000'123, 5, filled<Hash>(0x33), 3, 20'000, filled<Hash>(0x44)};
}
ReceiptListHead a_list_head() {
  return {test_epoch, test_device, 5, 7, filled<Hash>(1), 5, filled<Hash>(2)};
}
Revocation a_revocation() {
  return {test_tenant, test_device, filled<KeyId>(0x55), test_epoch, 77, 1000, RevocationReason::frozen};
}
Erasure an_erasure() {
  return {test_tenant, 2000, {{name(0x22, 1), filled<Hash>(0x66)}}};
}
Amendment an_amendment() {
  return {test_tenant, test_epoch, 88, 3000, filled<TicketId>(0x77), {{name(0x22, 1), 1, 3, 258, name(0x23, 9)}}};
}
EpochRecord an_epoch_record() {
  return {test_tenant, test_epoch, 99, filled<Hash>(0x33), filled<EpochId>(0x0f), 4000, EpochReason::restored};
}
WipeOrder a_wipe_order() {
  return {test_tenant, test_device, filled<WipeOrder::OrderId>(0x78), 5000};
}
AnchorWithdrawal a_withdrawal() {
  return {test_tenant, test_epoch, 4, 6, 6000};
}
Certificate a_certificate() {
  return {12,         test_tenant, filled<OperatorId>(0x34), test_device, filled<PublicKey>(0x79), 1, 1,
          test_epoch, 7000,        filled<RootId>(0x7a)};
}
KeyList a_key_list() {
  const auto key = filled<PublicKey>(0x7b);
  return {3, filled<ServerId>(0x7c), 8000, {filled<PublicKey>(0x7d)}, {{key_id(key), key, ServerKeyPurpose::log, 10}}};
}

/// Calls `use` with one value of every statement.
template <typename Use>
void for_each_statement(const Use& use) {
  use(an_anchor());
  use(a_list_head());
  use(a_revocation());
  use(an_erasure());
  use(an_amendment());
  use(an_epoch_record());
  use(a_wipe_order());
  use(a_withdrawal());
  use(a_certificate());
  use(a_key_list());
}

template <typename T>
std::string kind_of(const T&) {
  return std::string(T::tag.substr(5, 2));
}

/// The part that is signed, for another signer than the key that made it.
template <typename T>
Bytes signed_part(const T& value, const KeyId& signer) {
  ByteWriter writer = begin_statement(T::tag, signer);
  value.write(writer);
  return writer.take();
}

}  // namespace

TEST_CASE("every statement travels and comes back equal", "[protocol][statements]") {
  const SigningKey key = log_key();
  for_each_statement([&](const auto& value) {
    using T = std::decay_t<decltype(value)>;
    CAPTURE(kind_of(value));
    const Signed<T> sent = sign_statement(value, key);
    const Signed<T> got = good(open_statement<T>(sent.wire, key.public_key()));
    CHECK(got.value == value);
    CHECK(got.wire == sent.wire);
    CHECK(good(signer_of(T::tag, sent.wire)) == key.id());
  });
}

TEST_CASE("every bit of a statement counts", "[protocol][statements]") {
  const SigningKey key = log_key();
  for_each_statement([&](const auto& value) {
    using T = std::decay_t<decltype(value)>;
    const Bytes wire = sign_statement(value, key).wire;
    for (std::size_t at = 0; at < wire.size(); ++at) {
      CAPTURE(kind_of(value), at);
      const std::string due = at < 8    ? "MALFORMED tag"
                              : at == 8 ? "UPGRADE_REQUIRED version"
                              : at < 25 ? "KEY_UNKNOWN signer"
                                        : "SIGNATURE_INVALID signature";
      CHECK(outcome(open_statement<T>(flipped(wire, at, static_cast<int>(at % 8)), key.public_key())) == due);
      CHECK_FALSE(open_statement<T>(ByteView(wire).substr(0, at), key.public_key()));
    }
    CHECK_FALSE(open_statement<T>(wire + "x", key.public_key()));
    const SigningKey other = SigningKey::from_seed(SecretKey::from(Bytes(32, 'O')));
    CHECK(outcome(open_statement<T>(wire, other.public_key())) == "KEY_UNKNOWN signer");
    CHECK(outcome(open_statement<T>(Bytes(statement_bytes_max + 1, 'x'), key.public_key())) == "too_large size");
  });
}

TEST_CASE("a statement of one kind never passes for another", "[protocol][statements]") {
  const SigningKey key = log_key();
  std::map<std::string, int> tags;
  for_each_statement([&](const auto& value) {
    using T = std::decay_t<decltype(value)>;
    CHECK(T::tag.size() == 8);
    CHECK(++tags[std::string(T::tag)] == 1);
    for_each_statement([&](const auto& other) {
      using U = std::decay_t<decltype(other)>;
      if constexpr (!std::is_same_v<T, U>) {
        CAPTURE(kind_of(value), kind_of(other));
        // As signed, and with the tag exchanged under the old signature.
        Bytes wire = sign_statement(value, key).wire;
        CHECK(outcome(open_statement<U>(wire, key.public_key())) == "MALFORMED tag");
        wire.replace(0, 8, U::tag);
        CHECK(outcome(open_statement<U>(wire, key.public_key())) == "SIGNATURE_INVALID signature");
      }
    });
  });
  // A change set under the log key is none of them.
  const ChangeSet set = good(seal(ChangeSetHeader{}, Device::changes(), key));
  CHECK(outcome(open_statement<Anchor>(set.header + Bytes(set.signature.view()), key.public_key())) == "MALFORMED tag");
}

TEST_CASE("the bytes of every statement are those of the document", "[protocol][statements][vectors]") {
  const Json v = vectors("protocol-vectors.json")["statements"];
  const auto signer = id_of<KeyId>(v["signer"]);
  for_each_statement([&](const auto& value) {
    CAPTURE(kind_of(value));
    if (const Json* due = v.find(kind_of(value))) CHECK(to_hex(signed_part(value, signer)) == due->as_string());
  });
  CHECK(v.size() == 9);  // anchor and receipt list have vectors of their own
}

TEST_CASE("a well-signed statement with an impossible table is refused by name", "[protocol][statements]") {
  const SigningKey key = log_key();
  const auto opened = [&](const auto& value) {
    using T = std::decay_t<decltype(value)>;
    return outcome(open_statement<T>(sign_statement(value, key).wire, key.public_key()));
  };
  Revocation revocation = a_revocation();
  revocation.reason = static_cast<RevocationReason>(9);
  CHECK(opened(revocation) == "UPGRADE_REQUIRED reason");
  EpochRecord record = an_epoch_record();
  record.reason = static_cast<EpochReason>(0);
  CHECK(opened(record) == "UPGRADE_REQUIRED reason");
  Erasure erasure = an_erasure();
  erasure.changes.clear();
  CHECK(opened(erasure) == "MALFORMED changes");
  erasure.changes.resize(Erasure::changes_max + 1);
  CHECK(opened(erasure) == "too_large changes");
  erasure.changes.resize(Erasure::changes_max);
  CHECK(opened(erasure) == "good");
  AnchorWithdrawal withdrawal = a_withdrawal();
  withdrawal.last_seq = 3;
  CHECK(opened(withdrawal) == "MALFORMED last_seq");
  Certificate certificate = a_certificate();
  certificate.suite = 2;
  CHECK(opened(certificate) == "UPGRADE_REQUIRED suite");
  KeyList list = a_key_list();
  list.keys[0].id = filled<KeyId>(1);
  CHECK(opened(list) == "MALFORMED key_id");
}

// ---- anchors ----

TEST_CASE("an anchor's bytes and hash are those of the document", "[protocol][anchor][vectors]") {
  const Json v = vectors("protocol-vectors.json")["anchor"];
  const Bytes part = signed_part(an_anchor(), id_of<KeyId>(v["signer"]));
  CHECK(to_hex(part) == v["signed_part"].as_string());
  CHECK(anchor_hash(part + bytes_of(v["signature"])) == id_of<Hash>(v["anchor_hash"]));
}

TEST_CASE("an anchor follows another only forwards", "[protocol][anchor]") {
  const Anchor held = an_anchor();
  CHECK(outcome(judge_anchor(held, held)) == "good");
  Anchor next = held;
  next.anchor_seq += 1;
  next.time_ms += 1000;
  next.tree_size += 1;
  next.root = filled<Hash>(9);
  CHECK(outcome(judge_anchor(held, next)) == "good");
  CHECK(outcome(judge_anchor(next, held)) == "SERVER_ROLLBACK anchor_seq");
  const auto with = [&](auto change) {
    Anchor other = held;
    change(other);
    return outcome(judge_anchor(held, other));
  };
  CHECK(with([](Anchor& a) { a.time_ms -= 1; }) == "SERVER_ROLLBACK time_ms");
  CHECK(with([](Anchor& a) { a.tree_size -= 1; }) == "SERVER_ROLLBACK tree_size");
  CHECK(with([](Anchor& a) { a.backup_stable_seq -= 1; }) == "SERVER_ROLLBACK backup_stable_seq");
  CHECK(with([](Anchor& a) { a.root = filled<Hash>(9); }) == "SERVER_ROLLBACK root");
  CHECK(with([](Anchor& a) { a.epoch = filled<EpochId>(9); }) == "EPOCH_CHANGED epoch");
  CHECK(with([](Anchor& a) { a.tenant = filled<TenantId>(9); }) == "TENANT_MISMATCH tenant_id");
}

// ---- epoch records ----

TEST_CASE("a device follows an epoch record that continues what it knows", "[protocol][epoch]") {
  MerkleFrontier frontier;
  std::map<std::pair<unsigned, std::uint64_t>, Hash> nodes;
  std::vector<LogHead> ladder;
  for (std::uint64_t i = 0; i < 12; ++i) {
    for (const MerkleNode& node : frontier.append(filled<Hash>(static_cast<std::uint8_t>(i)))) {
      nodes[{node.level, node.index}] = node.hash;
    }
    if (i == 4 || i == 10) ladder.push_back({test_epoch, frontier.size(), frontier.root()});
  }
  const MerkleLookup lookup = [&](unsigned level, std::uint64_t index) {
    return std::optional(nodes.at({level, index}));
  };
  EpochRecord record = an_epoch_record();
  record.kept_size = 8;
  record.kept_root = good(merkle_root_at(8, lookup));
  const MerkleProof proof = good(consistency_proof(5, 8, lookup));  // from the newest head not above the kept size
  CHECK(outcome(judge_epoch_record(record, test_tenant, test_epoch, ladder, proof)) == "good");
  CHECK(outcome(judge_epoch_record(record, test_tenant, test_epoch, {}, {})) == "good");
  CHECK(outcome(judge_epoch_record(record, test_tenant, test_epoch, ladder, {})) == "SERVER_ROLLBACK kept_root");
  CHECK(outcome(judge_epoch_record(record, filled<TenantId>(1), test_epoch, ladder, proof)) ==
        "SERVER_ROLLBACK tenant_id");
  CHECK(outcome(judge_epoch_record(record, test_tenant, filled<EpochId>(1), ladder, proof)) ==
        "SERVER_ROLLBACK old_epoch");
  record.kept_root = filled<Hash>(1);
  CHECK(outcome(judge_epoch_record(record, test_tenant, test_epoch, ladder, proof)) == "SERVER_ROLLBACK kept_root");
  record.new_epoch = record.old_epoch;
  CHECK(outcome(judge_epoch_record(record, test_tenant, test_epoch, ladder, proof)) == "SERVER_ROLLBACK new_epoch");
}

}  // namespace tern::protocol::test
