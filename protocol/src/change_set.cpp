#include "tern/protocol/change_set.hpp"
#include "tern/protocol/mutant.hpp"

namespace tern::protocol {
namespace {

constexpr std::uint8_t wire_version = 1;
constexpr std::uint8_t kind_content = 0;
constexpr std::uint8_t kind_erased = 1;
constexpr std::size_t content_overhead_bytes = 1 + 4 + 16 + 4;
constexpr std::size_t erased_overhead_bytes = 1 + 4 + 32;
constexpr std::size_t change_bytes_min = content_overhead_bytes;
static_assert(content_overhead_bytes <= erased_overhead_bytes);

OriginalHeader read_signed_header(ByteReader& reader, std::string_view header_field, std::string_view signature_field) {
  OriginalHeader out;
  out.header = Bytes(reader.raw(change_set_header_bytes, header_field));
  out.signature = reader.id<Signature>(signature_field);
  return out;
}

SealedChange read_change(ByteReader& reader) {
  SealedChange change;
  const std::uint8_t kind = reader.u8("kind");
  if (kind > kind_erased) reader.refuse(ErrorCode::malformed, "kind", "a change of an unknown form");
  change.skeleton = Bytes(reader.sized(limits::change_set_bytes_max, "skeleton"));
  if (kind == kind_erased) {
    change.erased_commitment = reader.id<Hash>("body_commitment");
  } else {
    change.salt = reader.id<Salt>("salt");
    change.body = Bytes(reader.sized(limits::change_set_bytes_max, "body"));
  }
  return change;
}

void write_change(ByteWriter& writer, const SealedChange& change) {
  writer.u8(change.erased() ? kind_erased : kind_content).sized(change.skeleton);
  if (change.erased()) {
    writer.id(*change.erased_commitment);
  } else {
    writer.id(change.salt).sized(change.body);
  }
}

bool header_has_flag(ByteView header) {
  return decode_header(header)
      .map([](const ChangeSetHeader& h) { return (h.flags & flag_signed_again) != 0; })
      .value_or(false);
}

}  // namespace

Bytes encode(const ChangeSetHeader& header) {
  ByteWriter writer;
  writer.raw(tag_change_set).u8(header.version).u8(header.suite).u16(header.flags).u32(header.schema_version);
  writer.id(header.tenant).id(header.device).id(header.author).id(header.key);
  writer.u64(header.device_epoch).u64(header.chain_seq).id(header.prev_hash);
  writer.i64(header.wall_ms).u64(header.mono_ms).id(header.boot).id(header.anchor_hash).u64(header.seen_seq);
  writer.u32(header.change_count).id(header.changes_root);
  check(writer.bytes().size() == change_set_header_bytes, "header size");
  return writer.take();
}

Result<ChangeSetHeader> decode_header(ByteView bytes) {
  if (bytes.size() != change_set_header_bytes) {
    return fail(ErrorCode::malformed, "a change set's header has 236 bytes", {}, "size");
  }
  ByteReader reader(bytes);
  reader.raw(tag_change_set.size(), "tag");
  ChangeSetHeader header;
  header.version = reader.u8("version");
  header.suite = reader.u8("suite");
  header.flags = reader.u16("flags");
  header.schema_version = reader.u32("schema_version");
  header.tenant = reader.id<TenantId>("tenant_id");
  header.device = reader.id<DeviceId>("device_id");
  header.author = reader.id<OperatorId>("author_id");
  header.key = reader.id<KeyId>("key_id");
  header.device_epoch = reader.u64("device_epoch");
  header.chain_seq = reader.u64("chain_seq");
  header.prev_hash = reader.id<Hash>("prev_hash");
  header.wall_ms = reader.i64("wall_ms");
  header.mono_ms = reader.u64("mono_ms");
  header.boot = reader.id<BootId>("boot_id");
  header.anchor_hash = reader.id<Hash>("anchor_hash");
  header.seen_seq = reader.u64("seen_seq");
  header.change_count = reader.u32("change_count");
  header.changes_root = reader.id<Hash>("changes_root");
  TERN_CHECKED(reader.finish());
  return header;
}

// ---- commitments ----

Hash body_commitment(const Salt& salt, ByteView body) {
  return Hasher("TRN1-BODY").add(salt.view()).add(body).finish();
}

Hash change_commitment(const Hash& body_commitment, ByteView skeleton) {
  return Hasher("TRN1-CHANGE").add(body_commitment.view()).add(skeleton).finish();
}

Hash changes_root(const std::vector<Hash>& change_commitments) {
  Hasher hasher("TRN1-CHANGES");
  for (const Hash& commitment : change_commitments) hasher.add(commitment.view());
  return hasher.finish();
}

Hash set_hash(ByteView header) {
  return hash("TRN1-CSHASH", header);
}

Hash genesis_prev_hash(ByteView enrolment_certificate) {
  return hash("TRN1-GENESIS", enrolment_certificate);
}

Hash SealedChange::body_commitment() const {
  return erased_commitment ? *erased_commitment : protocol::body_commitment(salt, body);
}

Hash SealedChange::commitment() const {
  return change_commitment(body_commitment(), skeleton);
}

SealedChange SealedChange::without_content() const {
  return {skeleton, {}, {}, body_commitment()};
}

// ---- the wire ----

std::size_t encoded_size(const SealedChange& change) {
  const std::size_t overhead = change.erased() ? erased_overhead_bytes : content_overhead_bytes;
  return overhead + change.skeleton.size() + change.body.size();
}

std::size_t encoded_size(const ChangeSet& set) {
  std::size_t size = change_set_overhead_bytes;
  if (!set.original) size -= change_set_header_bytes + Signature::size_bytes;
  for (const SealedChange& change : set.changes) size += encoded_size(change);
  return size;
}

Bytes encode(const ChangeSet& set) {
  ByteWriter writer;
  writer.u8(wire_version).u8(set.original ? 1 : 0).raw(set.header).id(set.signature);
  if (set.original) writer.raw(set.original->header).id(set.original->signature);
  writer.u32(static_cast<std::uint32_t>(set.changes.size()));
  for (const SealedChange& change : set.changes) write_change(writer, change);
  return writer.take();
}

Result<ChangeSet> decode_change_set(ByteView wire) {
  if (wire.size() > limits::change_set_bytes_max) {
    return fail(ErrorCode::too_large, "a change set is at most 1 MiB", {}, "size");
  }
  ByteReader reader(wire);
  reader.version(wire_version, "wire_version");
  const std::uint8_t has_original = reader.u8("original");
  OriginalHeader head = read_signed_header(reader, "header", "signature");
  if (reader.ok() && (has_original > 1 || (has_original == 1) != header_has_flag(head.header))) {
    reader.refuse(ErrorCode::malformed, "flags", "the original header is there without its flag, or the reverse");
  }
  ChangeSet set{std::move(head.header), head.signature, std::nullopt, {}};
  if (has_original == 1) set.original = read_signed_header(reader, "original", "original_signature");

  const std::uint32_t count = reader.u32("changes");
  if (count > limits::changes_per_set_max) {
    reader.refuse(ErrorCode::too_large, "changes", "a change set has at most 1,000 changes");
  } else if (count == 0 || count > reader.left() / change_bytes_min) {
    reader.refuse(ErrorCode::malformed, "changes", "the number of changes does not fit the size");
  }
  if (reader.ok()) set.changes.reserve(count);
  for (std::uint32_t i = 0; i < count && reader.ok(); ++i) set.changes.push_back(read_change(reader));
  TERN_CHECKED(reader.finish());
  return set;
}

// ---- sealing ----

namespace {

Hash root_of(const std::vector<SealedChange>& changes) {
  std::vector<Hash> commitments;
  commitments.reserve(changes.size());
  for (const SealedChange& change : changes) commitments.push_back(change.commitment());
  return changes_root(commitments);
}

Result<ChangeSet> sign_set(ChangeSetHeader header, ChangeSet set, const SigningKey& key) {
  if (set.changes.empty()) return fail(ErrorCode::invalid, "a change set needs a change", {}, "changes");
  if (set.changes.size() > limits::changes_per_set_max) {
    return fail(ErrorCode::too_large, "a change set has at most 1,000 changes", {}, "changes");
  }
  header.key = key.id();
  header.change_count = static_cast<std::uint32_t>(set.changes.size());
  header.changes_root = root_of(set.changes);
  set.header = encode(header);
  set.signature = key.sign(set.header);
  if (encoded_size(set) > limits::change_set_bytes_max) {
    return fail(ErrorCode::too_large, "a change set is at most 1 MiB", {}, "size");
  }
  return set;
}

}  // namespace

Result<ChangeSet> seal(ChangeSetHeader header, std::vector<SealedChange> changes, const SigningKey& key) {
  header.flags = 0;
  return sign_set(header, ChangeSet{{}, {}, std::nullopt, std::move(changes)}, key);
}

Result<ChangeSet> seal_again(const ChangeSet& set, ChangeSetHeader header, const SigningKey& key) {
  header.flags = flag_signed_again;
  const OriginalHeader original = set.original.value_or(OriginalHeader{set.header, set.signature});
  return sign_set(header, ChangeSet{{}, {}, original, set.changes}, key);
}

// ---- the chain ----

ChainJudgement judge_chain(const ChainHead& head, const ChangeSetHeader& header, const Hash& hash,
                           const std::optional<Hash>& known) {
  const std::uint64_t expected = head.chain_seq + 1;
  if (known)
    return {*known == hash || mutant(Mutant::fork_accepted) ? ChainVerdict::duplicate : ChainVerdict::forked, expected};
  if (header.device_epoch < head.device_epoch) return {ChainVerdict::forked, expected};
  if (header.device_epoch > head.device_epoch) return {ChainVerdict::unknown_epoch, expected};
  if (header.chain_seq > expected && mutant(Mutant::accept_chain_gap)) return {ChainVerdict::process, expected};
  if (header.chain_seq == expected && mutant(Mutant::skip_previous_hash)) return {ChainVerdict::process, expected};
  if (header.chain_seq > expected) return {ChainVerdict::gap, expected};
  // Below the head and not known: its place was taken by a set that is gone from here; only another history sends it.
  if (header.chain_seq < expected || header.prev_hash != head.hash) return {ChainVerdict::forked, expected};
  return {ChainVerdict::process, expected};
}

Error chain_error(const ChainJudgement& judgement) {
  const std::string due = std::to_string(judgement.expected);
  switch (judgement.verdict) {
    case ChainVerdict::gap:
      return {ErrorCode::chain_gap, "change sets are missing before this one", "send from " + due, "chain_seq"};
    case ChainVerdict::forked:
      return {ErrorCode::chain_forked, "this device exists twice: another history of it came first",
              "the next set due is " + due, "prev_hash"};
    case ChainVerdict::unknown_epoch:
      return {ErrorCode::server_behind, "the server does not know this device epoch yet", "try again later",
              "device_epoch"};
    case ChainVerdict::process:
    case ChainVerdict::duplicate:
      break;
  }
  check(false, "no chain error");
  return {};
}

}  // namespace tern::protocol
