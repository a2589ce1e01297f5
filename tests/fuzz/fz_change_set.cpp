// A change set: as wire from a stranger, and as one that a device really signed and that was bent on its way.
//
// Input: mode, place of the flip (2 bytes), then the wire (mode bit 0 unset) or the changes to seal (set): skeleton and
// body, each with two bytes of length, until nothing is left.
#include "fuzz/known_device.hpp"

namespace tern::fz_change_set {
using namespace tern::protocol;

namespace {

constexpr std::uint8_t mode_seal = 1, mode_seal_again = 2, mode_erase = 4;
constexpr std::size_t changes_max = 8;

const fuzz::KnownDevice& device() {
  static const fuzz::KnownDevice known;
  return known;
}

void decoded_is_encoded(ByteView wire) {
  const Result<ChangeSet> set = decode_change_set(wire);
  if (!set) return;
  check(encode(*set) == wire, "a set is written as it was read");
  check(encoded_size(*set) == wire.size(), "the size that is said is the size that is");
  const Result<ChangeSetHeader> header = decode_header(set->header);
  check(header.has_value(), "a set's header reads");
  Bytes written = encode(*header);  // with the tag as it should be
  check(written.substr(tag_change_set.size()) == set->header.substr(tag_change_set.size()), "header");
}

/// One bit, anywhere, and it is nobody's set.
void flip_is_refused(Bytes wire, std::size_t place, bool all_erased) {
  const std::size_t at = place / 8 % wire.size();
  wire[at] = static_cast<char>(wire[at] ^ (1 << place % 8));
  check(!verify_wire(wire, device().context(all_erased)), "a flipped bit verified");
}

ChangeSet sealed(fuzz::Input& input, std::uint8_t mode) {
  std::vector<SealedChange> changes;
  do {
    SealedChange change;
    change.skeleton = Bytes(input.sized());
    change.body = Bytes(input.sized());
    change.salt = fuzz::filled<Salt>(static_cast<std::uint8_t>(0x60 + changes.size()));
    changes.push_back(std::move(change));
  } while (!input.rest().empty() && changes.size() < changes_max);
  Result<ChangeSet> set = seal(device().header(1), std::move(changes), device().key);
  if (set && (mode & mode_seal_again) != 0) set = seal_again(*set, device().header(2), device().key);
  check(set.has_value(), "small changes are sealed");
  return std::move(*set);
}

}  // namespace

TERN_FUZZ_TARGET(fz_change_set) {
  fuzz::Input input(data, size_bytes);
  const std::uint8_t mode = input.u8();
  const std::size_t place = input.u16();
  if ((mode & mode_seal) == 0) {
    decoded_is_encoded(input.rest());
    if (verify_wire(input.rest(), device().context())) flip_is_refused(Bytes(input.rest()), place, false);
    return 0;
  }
  ChangeSet set = sealed(input, mode);
  const bool erased = (mode & mode_erase) != 0;
  if (erased) {
    SealedChange& change = set.changes[place % set.changes.size()];
    change = change.without_content();
    check(!verify_wire(encode(set), device().context()), "content went without an erasure");
  }
  const Bytes wire = encode(set);
  decoded_is_encoded(wire);
  const Result<VerifiedSet> verified = verify_wire(wire, device().context(erased));
  check(verified && verified->set == set, "what a device signed verifies");
  flip_is_refused(wire, place, erased);
  return 0;
}

}  // namespace tern::fz_change_set
