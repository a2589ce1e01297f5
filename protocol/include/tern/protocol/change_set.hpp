// The change set: up to 1,000 changes that a device numbered, chained to the set before, and signed as one.
//
// What is signed is a header of 236 bytes; it covers the changes through `changes_root`. Stored and forwarded as it
// travelled, never re-serialised. Byte tables and the order of the checks: docs/protocol.md, "Change set".
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "tern/protocol/crypto.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/protocol/wire.hpp"

namespace tern::protocol {

inline constexpr Tag tag_change_set{"TRN1-CS\0", 8};
inline constexpr std::size_t change_set_header_bytes = 236;
inline constexpr std::uint8_t change_set_version = 1;
inline constexpr std::uint8_t suite_ed25519_blake2b = 1;
inline constexpr std::uint64_t mono_unknown = ~std::uint64_t{0};  // the device booted since, or has no such clock
inline constexpr std::uint16_t flag_signed_again = 1;  // under a new device epoch; the original travels along

/// The signed header, field by field, in the order of its bytes. Comparing compares every field.
struct ChangeSetHeader {
  std::uint8_t version = change_set_version;
  std::uint8_t suite = suite_ed25519_blake2b;
  std::uint16_t flags = 0;
  std::uint32_t schema_version = limits::schema_version;
  TenantId tenant;
  DeviceId device;
  OperatorId author;
  KeyId key;
  std::uint64_t device_epoch = 1;
  std::uint64_t chain_seq = 1;  // from 1, no gaps
  Hash prev_hash;
  std::int64_t wall_ms = 0;  // claimed, at sealing
  std::uint64_t mono_ms = mono_unknown;
  BootId boot;
  Hash anchor_hash;            // newest anchor held; zero: none
  std::uint64_t seen_seq = 0;  // the replica's cursor, in the anchor's epoch
  std::uint32_t change_count = 0;
  Hash changes_root;

  bool operator==(const ChangeSetHeader&) const = default;
};

Bytes encode(const ChangeSetHeader& header);
/// Reads any 236 bytes: whether version, suite, flags and tag are known is judged by `verify`, not here.
/// `malformed` (field "size") for another length.
Result<ChangeSetHeader> decode_header(ByteView bytes);

// ---- commitments ----

/// b = H("TRN1-BODY", salt || body)
Hash body_commitment(const Salt& salt, ByteView body);
/// k = H("TRN1-CHANGE", b || skeleton)
Hash change_commitment(const Hash& body_commitment, ByteView skeleton);
/// H("TRN1-CHANGES", k_1 || ... || k_n)
Hash changes_root(const std::vector<Hash>& change_commitments);
/// H("TRN1-CSHASH", header): the set's name in chains, receipts and leaves.
Hash set_hash(ByteView header);
/// H("TRN1-GENESIS", enrolment certificate as it travelled): stands for "the set before" in the first of an epoch.
Hash genesis_prev_hash(ByteView enrolment_certificate);

/// One change as it travels. An erased one has lost salt and body; their commitment is left.
struct SealedChange {
  Bytes skeleton;
  Salt salt;                              // random, drawn once with the draft; zero when erased
  Bytes body;                             // empty when erased
  std::optional<Hash> erased_commitment;  // b; present exactly when erased

  [[nodiscard]] bool erased() const { return erased_commitment.has_value(); }
  [[nodiscard]] Hash body_commitment() const;
  [[nodiscard]] Hash commitment() const;  // k
  /// The same change without salt and body.
  [[nodiscard]] SealedChange without_content() const;

  bool operator==(const SealedChange&) const = default;
};

/// Header and signature of the set as it was first signed.
struct OriginalHeader {
  Bytes header;  // 236
  Signature signature;

  bool operator==(const OriginalHeader&) const = default;
};

/// A set as bytes that travelled: nothing in it is believed before `verify`.
struct ChangeSet {
  Bytes header;  // 236, as signed
  Signature signature;
  std::optional<OriginalHeader> original;  // with flag_signed_again
  std::vector<SealedChange> changes;

  [[nodiscard]] Hash hash() const { return set_hash(header); }
  bool operator==(const ChangeSet&) const = default;
};

/// The set on the wire. Size: `encoded_size`.
Bytes encode(const ChangeSet& set);
std::size_t encoded_size(const ChangeSet& set);
/// What one change adds to the size of its set; the device seals before the sum passes limits::change_set_bytes_max.
std::size_t encoded_size(const SealedChange& change);
inline constexpr std::size_t change_set_overhead_bytes = 1 + 1 + 236 + 64 + 300 + 4;
/// The first check ("sizes"): framing and bounds only, before anything is allocated. `too_large` (field "size" or
/// "changes"), `malformed` (the field that is cut, or "flags" when the original is there without its flag or the
/// reverse).
Result<ChangeSet> decode_change_set(ByteView wire);

// ---- sealing ----

/// Fills key, change_count, changes_root and (when signing again) flags; signs. The salts are taken as drawn.
/// `too_large` when the set is over a limit, `invalid` when there is no change in it.
Result<ChangeSet> seal(ChangeSetHeader header, std::vector<SealedChange> changes, const SigningKey& key);
/// The same changes under a new header (new device epoch, chain_seq, prev_hash): carries `set`'s first header along.
Result<ChangeSet> seal_again(const ChangeSet& set, ChangeSetHeader header, const SigningKey& key);

// ---- verifying ----

enum class KeyState : std::uint8_t { active, frozen, revoked };
enum class KeyPurpose : std::uint8_t { device, sealing };

/// What the server knows of a key that signs change sets. It, not the header, fixes suite and operator.
struct KeyRecord {
  PublicKey public_key;
  std::uint8_t suite = suite_ed25519_blake2b;
  OperatorId author;
  KeyState state = KeyState::active;
  KeyPurpose purpose = KeyPurpose::device;
};

struct VerifyContext {
  TenantId tenant;  // the session's
  std::uint32_t schema_version_min = limits::schema_version_min;
  std::uint32_t schema_version_max = limits::schema_version;
  /// Nothing when that device of that tenant has no such key. The server answers for its sealing key under the device
  /// id of its own record, whatever operator acted: then `author` is the header's.
  std::function<std::optional<KeyRecord>(const TenantId&, const DeviceId&, const KeyId&)> find_key;
  /// True when the verifier holds an erasure for exactly this change, named by its commitment k. Empty: none.
  std::function<bool(const DeviceId&, const Hash& change_commitment)> is_erased;
  /// A set from the network is never under a sealing key.
  bool from_network = true;
  /// Deposits and `ternd verify`: a revoked or frozen key still proves who wrote.
  bool accept_inactive_key = false;
};

/// A set whose every byte is accounted for by its key. Chain and rights are still to be judged.
struct VerifiedSet {
  ChangeSet set;
  ChangeSetHeader header;
  std::optional<ChangeSetHeader> original;  // time and `seen` are judged by this one when it is there
  Hash hash;
  KeyRecord key;
  std::vector<Hash> commitments;  // k_i

  [[nodiscard]] const ChangeSetHeader& judged() const { return original ? *original : header; }
};

/// The ordered checks of docs/protocol.md, from "tag" to "changes_root"; the first failure answers. Pure.
/// Codes: malformed, upgrade_required, tenant_mismatch, key_unknown, key_revoked, signature_invalid, author_mismatch,
/// content_missing; `field` names the header field. A change that does not belong to the signature
/// is `signature_invalid` with field "changes_root".
Result<VerifiedSet> verify(ChangeSet set, const VerifyContext& context);
/// `decode_change_set` and `verify`.
Result<VerifiedSet> verify_wire(ByteView wire, const VerifyContext& context);

// ---- the chain ----

/// The newest set of a device that stands. A new epoch begins as {epoch, 0, genesis_prev_hash(certificate)}.
struct ChainHead {
  std::uint64_t device_epoch = 1;
  std::uint64_t chain_seq = 0;
  Hash hash;

  bool operator==(const ChainHead&) const = default;
};

enum class ChainVerdict : std::uint8_t {
  process,        // the next one
  duplicate,      // known, same bytes: answer with the stored receipt
  gap,            // CHAIN_GAP: send from `expected`
  forked,         // CHAIN_FORKED: another history of this device, or an epoch that is over
  unknown_epoch,  // SERVER_BEHIND: a device epoch this server never began
};

struct ChainJudgement {
  ChainVerdict verdict = ChainVerdict::process;
  std::uint64_t expected = 0;  // the chain_seq that is due

  bool operator==(const ChainJudgement&) const = default;
};

/// Only for a set that `verify` let through. `known` is the hash stored at the header's (device, device_epoch,
/// chain_seq), if any.
ChainJudgement judge_chain(const ChainHead& head, const ChangeSetHeader& header, const Hash& hash,
                           const std::optional<Hash>& known);
/// The judgement as the error that travels; `process` and `duplicate` have none (a bug to ask).
Error chain_error(const ChainJudgement& judgement);

}  // namespace tern::protocol
