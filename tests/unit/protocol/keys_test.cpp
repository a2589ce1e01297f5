#include "tern/protocol/keys.hpp"
#include "fixtures.hpp"

namespace tern::protocol::test {
namespace {

KeyList list_of(std::uint64_t version, const SigningKey& next_root) {
  KeyList list;
  list.version = version;
  list.server = filled<ServerId>(1);
  list.next_roots = {next_root.public_key()};
  return list;
}

ServerKey server_key(char seed, ServerKeyPurpose purpose, std::int64_t from_ms) {
  const SigningKey key = key_of(seed);
  return {key.id(), key.public_key(), purpose, from_ms};
}

}  // namespace

TEST_CASE("a recovery key is read back from its sheet, with its mistakes noticed", "[protocol][keys][vectors]") {
  const Json v = vectors("protocol-vectors.json")["recovery"];
  const std::string text = v["text"].as_string();
  CHECK(text.size() == 69);
  const RecoveryKey key = good(RecoveryKey::from_text(text));
  CHECK(key.to_text() == text);
  CHECK(to_hex(key.root().seed().view()) == v["root_seed"].as_string());
  CHECK(to_hex(key.backup_seed().view()) == v["backup_seed"].as_string());

  std::string spoken = text;
  for (char& c : spoken) c = c == '-' ? ' ' : c == '1' ? 'l' : c == '0' ? 'o' : static_cast<char>(std::tolower(c));
  CHECK(good(RecoveryKey::from_text(spoken)).to_text() == text);
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '-') continue;
    std::string wrong = text;
    wrong[at] = wrong[at] == 'Z' ? 'Y' : 'Z';
    CHECK(outcome(RecoveryKey::from_text(wrong)) == "invalid recovery_key");
  }
  CHECK(outcome(RecoveryKey::from_text(text.substr(5))) == "invalid recovery_key");
  CHECK(outcome(RecoveryKey::from_text("")) == "invalid recovery_key");
}

TEST_CASE("root and backup key are different keys of one recovery key", "[protocol][keys]") {
  FixedEnvironment environment;
  const RecoveryKey key = RecoveryKey::generate(environment);
  CHECK(key.root().seed().view() != key.backup_seed().view());
  CHECK(RecoveryKey::generate(environment).root().id() != key.root().id());
}

TEST_CASE("a key list is accepted from a root of the newest list only, and only forwards", "[protocol][keys]") {
  const SigningKey root = key_of('r');
  const SigningKey next_root = key_of('n');
  const Signed<KeyList> first = sign_statement(list_of(1, next_root), root);
  const Signed<KeyList> held = good(open_first_key_list(first.wire, {root.public_key()}));
  CHECK(outcome(open_first_key_list(first.wire, {next_root.public_key()})) == "KEY_UNKNOWN signer");

  const auto offered = [&](std::uint64_t version, const SigningKey& signer) {
    return outcome(open_next_key_list(sign_statement(list_of(version, next_root), signer).wire, held.value));
  };
  CHECK(offered(2, next_root) == "good");
  CHECK(offered(2, root) == "KEY_UNKNOWN signer");
  CHECK(offered(1, next_root) == "verification_failed version");
  CHECK(offered(0, next_root) == "verification_failed version");
  CHECK(offered(1 + key_list_jump_max, next_root) == "good");
  CHECK(offered(2 + key_list_jump_max, next_root) == "verification_failed version");
  CHECK(offered(~std::uint64_t{0}, next_root) == "verification_failed version");

  KeyList foreign = list_of(2, next_root);
  foreign.server = filled<ServerId>(2);
  CHECK(outcome(open_next_key_list(sign_statement(foreign, next_root).wire, held.value)) ==
        "verification_failed server");
  Bytes bad = sign_statement(list_of(2, next_root), next_root).wire;
  CHECK(outcome(open_next_key_list(flipped(bad, 40), held.value)) == "SIGNATURE_INVALID signature");
}

TEST_CASE("a key is found by purpose and counts as far as it is not revoked", "[protocol][keys]") {
  const SigningKey root = key_of('r');
  KeyList list = list_of(1, root);
  list.keys = {server_key('a', ServerKeyPurpose::log, 1), server_key('b', ServerKeyPurpose::log, 2),
               server_key('c', ServerKeyPurpose::log, 3), server_key('a', ServerKeyPurpose::sealing, 9),
               server_key('d', ServerKeyPurpose::log, 4)};
  list.keys[2].retired_ms = 100;
  list.keys[4].revoked_as_of = 0;
  const Signed<KeyList> signed_list = sign_statement(list, root);
  const KeyList held = good(open_first_key_list(signed_list.wire, {root.public_key()})).value;
  CHECK(held == list);

  CHECK(held.current(ServerKeyPurpose::log)->id == key_of('b').id());
  CHECK(held.current(ServerKeyPurpose::courier) == nullptr);
  REQUIRE(held.find(key_of('c').id(), ServerKeyPurpose::log) != nullptr);  // retired: old statements count
  CHECK(held.find(key_of('d').id(), ServerKeyPurpose::log) == nullptr);
  CHECK(held.find(key_of('b').id(), ServerKeyPurpose::sealing) == nullptr);
  ServerKey revoked = list.keys[0];
  revoked.revoked_as_of = 50;
  CHECK(revoked.counts_at(49));
  CHECK_FALSE(revoked.counts_at(50));
  CHECK(list.keys[0].counts_at(1u << 30));
}

TEST_CASE("a key list with too much or too little in it is refused", "[protocol][keys]") {
  const SigningKey root = key_of('r');
  const auto opened = [&](const Bytes& body) {
    ByteWriter writer = begin_statement(KeyList::tag, root.id());
    writer.raw(body);
    return outcome(open_first_key_list(close_statement(writer.take(), root), {root.public_key()}));
  };
  const Bytes start = ByteWriter().u64(1).id(ServerId{}).i64(0).take();
  CHECK(opened(start + ByteWriter().u8(0).u16(0).take()) == "MALFORMED next_roots");
  CHECK(opened(start + ByteWriter().u8(9).raw(Bytes(9 * 32, 'r')).u16(0).take()) == "MALFORMED next_roots");
  CHECK(opened(start + ByteWriter().u8(1).raw(Bytes(32, 'r')).u16(1001).take()) == "too_large keys");
  CHECK(opened(start + ByteWriter().u8(1).raw(Bytes(32, 'r')).u16(1).take()) == "MALFORMED key_id");
  CHECK(opened(start + ByteWriter().u8(1).raw(Bytes(32, 'r')).u16(0).take()) == "good");
}

}  // namespace tern::protocol::test
