#include "fixtures.hpp"

namespace tern::protocol::test {
namespace {

/// The field of a header that a byte belongs to.
std::string header_field(std::size_t at) {
  static const std::vector<std::pair<std::size_t, std::string>> ends = {
      {8, "tag"},           {9, "version"},     {10, "suite"},         {12, "flags"},        {16, "schema_version"},
      {32, "tenant_id"},    {48, "device_id"},  {64, "author_id"},     {80, "key_id"},       {88, "device_epoch"},
      {96, "chain_seq"},    {128, "prev_hash"}, {136, "wall_ms"},      {144, "mono_ms"},     {160, "boot_id"},
      {192, "anchor_hash"}, {200, "seen_seq"},  {204, "change_count"}, {236, "changes_root"}};
  for (const auto& [end, name] : ends) {
    if (at < end) return name;
  }
  return {};
}

/// What a flip in a header field must be refused with: the code that names it, where it is checked before the
/// signature.
std::string due_refusal(const std::string& field) {
  if (field == "tag") return "MALFORMED tag";
  if (field == "version" || field == "suite" || field == "flags" || field == "schema_version") {
    return "UPGRADE_REQUIRED " + field;
  }
  if (field == "tenant_id") return "TENANT_MISMATCH tenant_id";
  if (field == "device_id" || field == "key_id") return "KEY_UNKNOWN key_id";  // the key is looked up by both
  return "SIGNATURE_INVALID signature";
}

/// Signs any header as it is, whatever it says.
ChangeSet signed_as(const Device& device, const ChangeSetHeader& header, std::vector<SealedChange> changes) {
  ChangeSet set;
  set.header = encode(header);
  set.signature = device.key.sign(set.header);
  set.changes = std::move(changes);
  return set;
}

ChangeSetHeader honest_header(const Device& device) {
  return good(decode_header(device.sealed().header));
}

}  // namespace

TEST_CASE("a sealed set travels and verifies", "[protocol][change_set]") {
  const Device device;
  const ChangeSet set = device.sealed();
  const Bytes wire = encode(set);
  CHECK(wire.size() == encoded_size(set));
  CHECK(good(decode_change_set(wire)) == set);
  const VerifiedSet verified = good(verify_wire(wire, device.context()));
  CHECK(verified.header == honest_header(device));
  CHECK(verified.header.change_count == 2);
  CHECK(verified.hash == set_hash(set.header));
  CHECK(verified.commitments.size() == 2);
  CHECK(&verified.judged() == &verified.header);
}

TEST_CASE("every byte of a header flipped once is refused with the code that names its field",
          "[protocol][change_set]") {
  const Device device;
  const ChangeSet honest = device.sealed();
  for (std::size_t at = 0; at < change_set_header_bytes; ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      ChangeSet set = honest;
      set.header = flipped(set.header, at, bit);
      const std::string field = header_field(at);
      CAPTURE(at, bit, field);
      // The one known flag promises an original header that is not there.
      const bool known_flag = at == 11 && bit == 0;
      // An older schema that is spoken here is found by the signature alone.
      const auto read = decode_header(set.header);
      const bool spoken = field == "schema_version" && read && read->schema_version >= limits::schema_version_min &&
                          read->schema_version <= limits::schema_version;
      const std::string due = known_flag ? "MALFORMED flags" : due_refusal(spoken ? "signature" : field);
      CHECK(outcome(verify(set, device.context())) == due);
      CHECK(outcome(verify_wire(encode(set), device.context())) == due);
    }
  }
}

TEST_CASE("every byte of signature, salt, skeleton and body flipped once is SIGNATURE_INVALID",
          "[protocol][change_set]") {
  const Device device;
  const ChangeSet honest = device.sealed();
  const auto refused = [&](const ChangeSet& set) { return outcome(verify_wire(encode(set), device.context())); };
  for (std::size_t at = 0; at < Signature::size_bytes; ++at) {
    ChangeSet set = honest;
    set.signature.bytes[at] ^= 1;
    CHECK(refused(set) == "SIGNATURE_INVALID signature");
  }
  for (std::size_t i = 0; i < honest.changes.size(); ++i) {
    for (std::size_t at = 0; at < Salt::size_bytes; ++at) {
      ChangeSet set = honest;
      set.changes[i].salt.bytes[at] ^= 0x80;
      CHECK(refused(set) == "SIGNATURE_INVALID changes_root");
    }
    for (std::size_t at = 0; at < honest.changes[i].skeleton.size(); ++at) {
      ChangeSet set = honest;
      set.changes[i].skeleton = flipped(set.changes[i].skeleton, at);
      CHECK(refused(set) == "SIGNATURE_INVALID changes_root");
    }
    for (std::size_t at = 0; at < honest.changes[i].body.size(); ++at) {
      ChangeSet set = honest;
      set.changes[i].body = flipped(set.changes[i].body, at);
      CHECK(refused(set) == "SIGNATURE_INVALID changes_root");
    }
  }
}

TEST_CASE("no flipped byte and no cut of the wire is accepted or crashes", "[protocol][change_set]") {
  const Device device;
  const Bytes wire = encode(device.sealed());
  for (std::size_t at = 0; at < wire.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) CHECK_FALSE(verify_wire(flipped(wire, at, bit), device.context()));
    CHECK_FALSE(decode_change_set(ByteView(wire).substr(0, at)));
  }
  CHECK(outcome(decode_change_set(wire + "x")) == "MALFORMED size");
}

TEST_CASE("sizes are refused before anything is allocated", "[protocol][change_set]") {
  const Device device;
  CHECK(outcome(decode_change_set(Bytes(limits::change_set_bytes_max + 1, '\1'))) == "too_large size");
  const Bytes wire = encode(device.sealed());
  const std::size_t count_at = 1 + 1 + 236 + 64;
  const auto with_count = [&](std::uint32_t count) {
    return wire.substr(0, count_at) + ByteWriter().u32(count).take() + wire.substr(count_at + 4);
  };
  CHECK(outcome(decode_change_set(with_count(0))) == "MALFORMED changes");
  CHECK(outcome(decode_change_set(with_count(1000))) == "MALFORMED changes");
  CHECK(outcome(decode_change_set(with_count(1001))) == "too_large changes");
  CHECK(outcome(decode_change_set(with_count(0xffffffff))) == "too_large changes");
  CHECK(outcome(decode_change_set(with_count(3))) == "MALFORMED kind");
  CHECK(outcome(decode_change_set(with_count(1))) == "MALFORMED size");
}

TEST_CASE("a device cannot seal what the server would refuse for its size", "[protocol][change_set]") {
  const Device device;
  CHECK(outcome(seal(device.header(), {}, device.key)) == "invalid changes");
  std::vector<SealedChange> many(1001, SealedChange{"s", {}, "", {}});
  CHECK(outcome(seal(device.header(), many, device.key)) == "too_large changes");
  many.resize(1000);
  CHECK(good(seal(device.header(), many, device.key)).changes.size() == 1000);
  const SealedChange large{"s", {}, Bytes(limits::change_set_bytes_max, 'x'), {}};
  CHECK(outcome(seal(device.header(), {large}, device.key)) == "too_large size");
}

TEST_CASE("the checks answer in their order, the first failure wins", "[protocol][change_set]") {
  const Device device;
  // Everything is wrong at once; each step repairs what the answer named.
  ChangeSetHeader header = honest_header(device);
  header.version = 2;
  header.suite = 2;
  header.flags = 2;
  header.schema_version = 99;
  header.tenant = filled<TenantId>(1);
  header.key = filled<KeyId>(1);
  header.author = filled<OperatorId>(1);
  header.change_count = 7;
  header.changes_root = filled<Hash>(1);
  std::vector<SealedChange> changes = Device::changes();
  changes[1] = changes[1].without_content();
  VerifyContext context = device.context();
  Signature bad;
  const auto refusal = [&](bool good_signature = false) {
    ChangeSet set = signed_as(device, header, changes);
    if (!good_signature) set.signature = bad;
    return outcome(verify(set, context));
  };
  CHECK(refusal() == "UPGRADE_REQUIRED version");
  header.version = 1;
  CHECK(refusal() == "UPGRADE_REQUIRED suite");
  header.suite = 1;
  CHECK(refusal() == "UPGRADE_REQUIRED flags");
  header.flags = 0;
  CHECK(refusal() == "UPGRADE_REQUIRED schema_version");
  header.schema_version = 0;
  CHECK(refusal() == "UPGRADE_REQUIRED schema_version");
  header.schema_version = 1;
  CHECK(refusal() == "TENANT_MISMATCH tenant_id");
  header.tenant = device.tenant;
  CHECK(refusal() == "KEY_UNKNOWN key_id");
  header.key = device.key.id();
  CHECK(refusal() == "SIGNATURE_INVALID signature");
  CHECK(refusal(true) == "AUTHOR_MISMATCH author_id");
  header.author = device.author;
  CHECK(refusal(true) == "SIGNATURE_INVALID change_count");
  header.change_count = 2;
  CHECK(refusal(true) == "CONTENT_MISSING body");
  context.is_erased = [&](const DeviceId& by, const Hash& k) {
    return by == device.device && k == changes[1].commitment();
  };
  CHECK(refusal(true) == "SIGNATURE_INVALID changes_root");
  header.changes_root = honest_header(device).changes_root;
  CHECK(refusal(true) == "good");
}

TEST_CASE("a revoked or frozen key is refused, and still proves who wrote", "[protocol][change_set]") {
  const Device device;
  for (const KeyState state : {KeyState::revoked, KeyState::frozen}) {
    KeyRecord record = device.record();
    record.state = state;
    VerifyContext context = device.context_with({record});
    CHECK(outcome(verify(device.sealed(), context)) == "KEY_REVOKED key_id");
    context.accept_inactive_key = true;
    CHECK(outcome(verify(device.sealed(), context)) == "good");
    ChangeSet forged = device.sealed();
    forged.signature.bytes[0] ^= 1;
    CHECK(outcome(verify(forged, context)) == "SIGNATURE_INVALID signature");
  }
}

TEST_CASE("a set under a sealing key never comes from the network", "[protocol][change_set]") {
  const Device server;
  KeyRecord record = server.record();
  record.purpose = KeyPurpose::sealing;
  record.author = filled<OperatorId>(9);  // it records for whoever acted
  VerifyContext context = server.context_with({record});
  CHECK(outcome(verify(server.sealed(), context)) == "KEY_UNKNOWN key_id");
  context.from_network = false;
  CHECK(outcome(verify(server.sealed(), context)) == "good");
}

TEST_CASE("a key signs for its own device and its own operator only", "[protocol][change_set]") {
  const Device device;
  ChangeSetHeader header = device.header();
  header.author = filled<OperatorId>(0x99);  // the admin's
  CHECK(outcome(verify(good(seal(header, Device::changes(), device.key)), device.context())) ==
        "AUTHOR_MISMATCH author_id");
  header = device.header();
  header.device = filled<DeviceId>(0x99);  // somebody else's
  CHECK(outcome(verify(good(seal(header, Device::changes(), device.key)), device.context())) == "KEY_UNKNOWN key_id");
  const Device other(8);
  CHECK(outcome(verify(good(seal(device.header(), Device::changes(), other.key)), device.context())) ==
        "KEY_UNKNOWN key_id");
}

TEST_CASE("an erased change verifies under the author's signature where the erasure is known",
          "[protocol][change_set]") {
  const Device device;
  ChangeSet set = device.sealed();
  const Hash erased = set.changes[0].commitment();
  set.changes[0] = set.changes[0].without_content();
  CHECK(good(decode_change_set(encode(set))) == set);
  CHECK(outcome(verify(set, device.context())) == "CONTENT_MISSING body");
  VerifyContext context = device.context();
  context.is_erased = [&](const DeviceId&, const Hash& k) { return k == erased; };
  const VerifiedSet verified = good(verify_wire(encode(set), context));
  CHECK(verified.commitments[0] == erased);
  set.changes[1] = set.changes[1].without_content();
  CHECK(outcome(verify(set, context)) == "CONTENT_MISSING body");
}

// ---- signed again ----

namespace {

ChangeSet again(const Device& device, const ChangeSet& set, std::uint64_t device_epoch = 2) {
  ChangeSetHeader header = device.header();
  header.device_epoch = device_epoch;
  header.wall_ms += 5'000;
  return good(seal_again(set, header, device.key));
}

}  // namespace

TEST_CASE("a set signed again carries its first header and is judged by it", "[protocol][change_set]") {
  const Device device;
  const ChangeSet first = device.sealed();
  const ChangeSet second = again(device, first);
  const VerifiedSet verified = good(verify_wire(encode(second), device.context()));
  CHECK(verified.header.flags == flag_signed_again);
  CHECK(verified.header.device_epoch == 2);
  REQUIRE(verified.original);
  CHECK(encode(*verified.original) == first.header);
  CHECK(verified.judged().wall_ms == device.header().wall_ms);
  CHECK(verified.header.changes_root == verified.original->changes_root);

  const VerifiedSet third = good(verify_wire(encode(again(device, second, 3)), device.context()));
  REQUIRE(third.original);
  CHECK(encode(*third.original) == first.header);
}

TEST_CASE("a retired key of the same device may stand under the original", "[protocol][change_set]") {
  const Device before(7);
  const Device now(8);
  const ChangeSet set = again(now, before.sealed());
  KeyRecord retired = before.record();
  retired.state = KeyState::revoked;
  CHECK(outcome(verify(set, now.context_with({now.record(), retired}))) == "good");
  CHECK(outcome(verify(set, now.context_with({now.record()}))) == "KEY_UNKNOWN key_id");
}

TEST_CASE("every byte of the original header and its signature is checked", "[protocol][change_set]") {
  const Device device;
  const ChangeSet honest = again(device, device.sealed());
  for (std::size_t at = 0; at < change_set_header_bytes; ++at) {
    ChangeSet set = honest;
    set.original->header = flipped(set.original->header, at, 6);
    CAPTURE(at);
    CHECK_FALSE(verify_wire(encode(set), device.context()));
  }
  for (std::size_t at = 0; at < Signature::size_bytes; ++at) {
    ChangeSet set = honest;
    set.original->signature.bytes[at] ^= 1;
    CHECK(outcome(verify_wire(encode(set), device.context())) == "SIGNATURE_INVALID original_signature");
  }
}

TEST_CASE("a set signed again holds the changes of the original and nothing else", "[protocol][change_set]") {
  const Device device;
  const ChangeSet first = device.sealed();
  ChangeSet other = first;
  other.original = OriginalHeader{first.header, first.signature};
  other.changes[0].body = "another body";
  CHECK(outcome(verify(again(device, other), device.context())) == "CONTENT_MISMATCH changes_root");

  ChangeSet bare = again(device, first);
  bare.original.reset();
  CHECK(outcome(verify(bare, device.context())) == "MALFORMED flags");
  CHECK(outcome(verify_wire(encode(bare), device.context())) == "MALFORMED flags");
  ChangeSet extra = first;
  extra.original = OriginalHeader{first.header, first.signature};
  CHECK(outcome(verify_wire(encode(extra), device.context())) == "MALFORMED flags");
  CHECK(outcome(verify(again(device, first, 1), device.context())) == "MALFORMED original");  // not under a new epoch
}

// ---- the chain ----

TEST_CASE("the chain judges only what the signature has proven", "[protocol][chain]") {
  const Device device;
  ChangeSetHeader header = device.header();
  header.chain_seq = 9;
  ChangeSet set = good(seal(header, Device::changes(), device.key));
  set.signature.bytes[0] ^= 1;
  CHECK(outcome(verify(set, device.context())) == "SIGNATURE_INVALID signature");
}

TEST_CASE("a set is next, known, too far ahead, or of another history", "[protocol][chain]") {
  const Hash head_hash = filled<Hash>(1);
  const Hash own = filled<Hash>(2);
  const ChainHead head{3, 10, head_hash};
  ChangeSetHeader header;
  header.device_epoch = 3;
  header.chain_seq = 11;
  header.prev_hash = head_hash;
  const auto verdict = [&](std::optional<Hash> known = {}) { return judge_chain(head, header, own, known).verdict; };

  CHECK(judge_chain(head, header, own, {}) == ChainJudgement{ChainVerdict::process, 11});
  header.prev_hash = filled<Hash>(9);
  CHECK(verdict() == ChainVerdict::forked);
  header.chain_seq = 13;
  CHECK(judge_chain(head, header, own, {}) == ChainJudgement{ChainVerdict::gap, 11});
  header.chain_seq = 8;
  CHECK(verdict(own) == ChainVerdict::duplicate);
  CHECK(verdict(filled<Hash>(7)) == ChainVerdict::forked);
  CHECK(verdict() == ChainVerdict::forked);
  header.device_epoch = 2;
  CHECK(verdict(own) == ChainVerdict::duplicate);  // landed before the epoch changed; the receipt was lost
  CHECK(verdict() == ChainVerdict::forked);
  header.chain_seq = 11;
  header.prev_hash = head_hash;
  CHECK(verdict() == ChainVerdict::forked);
  header.chain_seq = 12;
  CHECK(verdict() == ChainVerdict::forked);  // an epoch that is over has no gaps to fill
  header.device_epoch = 4;
  CHECK(verdict() == ChainVerdict::unknown_epoch);
}

TEST_CASE("a chain error says what is due", "[protocol][chain]") {
  const Error gap = chain_error({ChainVerdict::gap, 11});
  CHECK(gap.code == ErrorCode::chain_gap);
  CHECK(gap.hint == "send from 11");
  CHECK(chain_error({ChainVerdict::forked, 11}).code == ErrorCode::chain_forked);
  CHECK(chain_error({ChainVerdict::unknown_epoch, 11}).code == ErrorCode::server_behind);
}

}  // namespace tern::protocol::test
