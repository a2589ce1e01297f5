// Signed tables: key lists, epoch records, anchors, wipe orders, what a backup holds, and the rest of them. A table is
// read or refused as a whole, and written as it was read; signed by another key, bent or named another kind it is none;
// and of a key list only what its roots sign follows.
//
// Input: kind (1 byte), where it is bent (2 bytes), then the table behind the statement's prefix.
#include "admin/backup_manifest.hpp"
#include "fuzz/fuzz_input.hpp"
#include "tern/protocol/keys.hpp"
#include "tern/protocol/receipt.hpp"
#include "tern/protocol/statements.hpp"

namespace tern::fz_statement {
using namespace tern::protocol;

namespace {

const SigningKey& key_of(char seed) {
  static const SigningKey one = SigningKey::from_seed(SecretKey::from(Bytes(32, '\7')));
  static const SigningKey other = SigningKey::from_seed(SecretKey::from(Bytes(32, '\x08')));
  return seed == '\7' ? one : other;
}

struct Given {
  ByteView table;
  std::size_t place;
};

void list_follows_only_its_roots(const Signed<KeyList>& opened) {
  const PublicKey signer = key_of('\7').public_key(), stranger = key_of('\x08').public_key();
  check(!opened.value.next_roots.empty() && opened.value.next_roots.size() <= KeyList::roots_max &&
            opened.value.keys.size() <= KeyList::keys_max,
        "a key list keeps its limits");
  check(open_first_key_list(opened.wire, {stranger, signer}).has_value(), "a pinned root's list is taken");
  check(!open_first_key_list(opened.wire, {stranger}), "a list of nobody's root is taken");
  for (const std::uint64_t below : {std::uint64_t{1}, key_list_jump_max, key_list_jump_max + 1}) {
    KeyList held = opened.value;
    held.version -= below;
    held.next_roots = {signer};
    const bool higher = held.version < opened.value.version;
    check(open_next_key_list(opened.wire, held).has_value() == (higher && below <= key_list_jump_max),
          "a list follows that is newer, and not by too much");
    held.next_roots = {stranger};
    check(!open_next_key_list(opened.wire, held), "a list follows that no root of the last signed");
    held.next_roots = {signer};
    held.server = fuzz::filled<ServerId>(static_cast<std::uint8_t>(~opened.value.server.bytes[0]));
    check(!open_next_key_list(opened.wire, held), "another server's list follows");
  }
}

template <typename T>
void statement(const Given& given) {
  const SigningKey& key = key_of('\7');
  ByteWriter writer = begin_statement(T::tag, key.id());
  writer.raw(given.table);
  const Bytes wire = close_statement(writer.take(), key);
  const auto opened = open_statement<T>(wire, key.public_key());
  if (!opened) {
    check(!opened.error().field.empty(), "a refusal names its field");
    check(opened.error().code != ErrorCode::signature_invalid, "a good signature is one");
    return;
  }
  const Signed<T> again = sign_statement(opened->value, key);
  check(again.wire == wire && opened->wire == wire, "a statement is written as it was read");
  check(signer_of(T::tag, wire) == key.id(), "it says who signed it");
  check(!open_statement<T>(wire, key_of('\x08').public_key()), "another key opens it");
  Bytes bent = wire;
  bent[given.place / 8 % bent.size()] = static_cast<char>(bent[given.place / 8 % bent.size()] ^ 1 << given.place % 8);
  check(!open_statement<T>(bent, key.public_key()), "a statement that was bent is opened");
  check(!open_statement<T>(wire.substr(0, given.place % wire.size()), key.public_key()), "a part of one is opened");
  if constexpr (std::is_same_v<T, KeyList>) list_follows_only_its_roots(*opened);
  if constexpr (std::is_same_v<T, server::admin::BackupManifest>) {
    for (const server::admin::BackedUpFile& file : opened->value.files)
      check(!file.path.empty() && file.path.front() != '/' &&
                ("/" + file.path + "/").find("/../") == std::string::npos && file.path.find('\\') == std::string::npos,
            "a backup's file stands in the server's folder");
  }
}

}  // namespace

TERN_FUZZ_TARGET(fz_statement) {
  static const bool ready = init_crypto().has_value();
  check(ready, "crypto");
  constexpr void (*kinds[])(const Given&) = {statement<KeyList>,         statement<EpochRecord>,
                                             statement<Anchor>,          statement<Revocation>,
                                             statement<Erasure>,         statement<Amendment>,
                                             statement<WipeOrder>,       statement<AnchorWithdrawal>,
                                             statement<ReceiptListHead>, statement<server::admin::BackupManifest>};
  fuzz::Input input(data, size_bytes);
  const std::uint8_t kind = input.u8();
  const std::size_t place = input.u16();
  kinds[kind % std::size(kinds)]({input.rest(), place});
  return 0;
}

}  // namespace tern::fz_statement
