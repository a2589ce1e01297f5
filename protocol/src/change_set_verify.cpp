// The ordered checks of docs/protocol.md, "Change set". The order is part of the protocol: nothing here may be moved.
#include "tern/protocol/change_set.hpp"
#include "tern/protocol/mutant.hpp"

namespace tern::protocol {
namespace {

Result<void> check_sizes(const ChangeSet& set) {
  if (set.changes.empty()) return fail(ErrorCode::malformed, "a change set needs a change", {}, "changes");
  if (set.changes.size() > limits::changes_per_set_max) {
    return fail(ErrorCode::too_large, "a change set has at most 1,000 changes", {}, "changes");
  }
  if (encoded_size(set) > limits::change_set_bytes_max) {
    return fail(ErrorCode::too_large, "a change set is at most 1 MiB", {}, "size");
  }
  return {};
}

Result<void> check_form(ByteView bytes, const ChangeSetHeader& header, std::uint16_t flags_known) {
  if (!bytes.starts_with(tag_change_set)) {
    return fail(ErrorCode::malformed, "these bytes are no change set", {}, "tag");
  }
  if (header.version != change_set_version) {
    return fail(ErrorCode::upgrade_required, "this header version is not known here", {}, "version");
  }
  if (header.suite != suite_ed25519_blake2b) {
    return fail(ErrorCode::upgrade_required, "this cipher suite is not known here", {}, "suite");
  }
  if ((header.flags & ~flags_known) != 0) {
    return fail(ErrorCode::upgrade_required, "a flag is not known here", {}, "flags");
  }
  return {};
}

Result<void> check_range(const ChangeSetHeader& header, const VerifyContext& context) {
  if (header.schema_version < context.schema_version_min || header.schema_version > context.schema_version_max) {
    return fail(ErrorCode::upgrade_required, "this schema version is not spoken here",
                "versions " + std::to_string(context.schema_version_min) + " to " +
                    std::to_string(context.schema_version_max) + " are",
                "schema_version");
  }
  if (header.tenant != context.tenant) {
    return fail(ErrorCode::tenant_mismatch, "this change set belongs to another tenant", {}, "tenant_id");
  }
  return {};
}

Result<KeyRecord> find_key(const ChangeSetHeader& header, const VerifyContext& context) {
  std::optional<KeyRecord> key = context.find_key(header.tenant, header.device, header.key);
  if (!key || (context.from_network && key->purpose == KeyPurpose::sealing)) {
    return fail(ErrorCode::key_unknown, "this device has no such key here", "enrol the device again", "key_id");
  }
  if (key->suite != header.suite) {
    return fail(ErrorCode::upgrade_required, "the key is of another cipher suite", {}, "suite");
  }
  return *key;
}

Result<void> check_signature(const KeyRecord& key, ByteView header, const Signature& signature,
                             std::string_view field) {
  if (verify_signature(key.public_key, header, signature) || mutant(Mutant::skip_signature)) return {};
  return fail(ErrorCode::signature_invalid, "the signature of a change set is not good", {}, std::string(field));
}

Result<void> check_author(const ChangeSetHeader& header, const KeyRecord& key) {
  if (key.purpose == KeyPurpose::sealing || header.author == key.author) return {};
  return fail(ErrorCode::author_mismatch, "the author is not the operator of this device", {}, "author_id");
}

/// What a set carries along of its first signing. Its key may be retired by now: it proves the past.
Result<ChangeSetHeader> check_original(const VerifiedSet& verified, const VerifyContext& context) {
  const OriginalHeader& original = *verified.set.original;
  TERN_TRY(ChangeSetHeader header, decode_header(original.header));
  TERN_CHECKED(check_form(original.header, header, 0));
  if (header.tenant != verified.header.tenant || header.device != verified.header.device ||
      header.device_epoch >= verified.header.device_epoch) {
    return fail(ErrorCode::malformed, "the original header is not of this device's past", {}, "original");
  }
  TERN_TRY(const KeyRecord key, find_key(header, context));
  TERN_CHECKED(check_signature(key, original.header, original.signature, "original_signature"));
  TERN_CHECKED(check_author(header, key));
  return header;
}

Result<void> check_changes(VerifiedSet& verified, const VerifyContext& context) {
  const std::vector<SealedChange>& changes = verified.set.changes;
  if (verified.header.change_count != changes.size()) {
    return fail(ErrorCode::signature_invalid, "the signature is over another number of changes", {}, "change_count");
  }
  verified.commitments.reserve(changes.size());
  for (const SealedChange& change : changes) verified.commitments.push_back(change.commitment());
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const bool known = context.is_erased && context.is_erased(verified.header.device, verified.commitments[i]);
    if (changes[i].erased() && !known) {
      return fail(ErrorCode::content_missing, "a change came without the content that the server still expects", {},
                  "body");
    }
  }
  const Hash root = changes_root(verified.commitments);
  if (root != verified.header.changes_root) {
    return fail(ErrorCode::signature_invalid, "the changes are not the ones that were signed", {}, "changes_root");
  }
  if (verified.original &&
      (root != verified.original->changes_root || verified.header.change_count != verified.original->change_count)) {
    return fail(ErrorCode::content_mismatch, "the set signed again holds other changes than the original", {},
                "changes_root");
  }
  return {};
}

}  // namespace

Result<VerifiedSet> verify(ChangeSet set, const VerifyContext& context) {
  TERN_CHECKED(check_sizes(set));
  TERN_TRY(const ChangeSetHeader header, decode_header(set.header));
  TERN_CHECKED(check_form(set.header, header, flag_signed_again));
  if (((header.flags & flag_signed_again) != 0) != set.original.has_value()) {
    return fail(ErrorCode::malformed, "the original header is there without its flag, or the reverse", {}, "flags");
  }
  TERN_CHECKED(check_range(header, context));
  TERN_TRY(const KeyRecord key, find_key(header, context));
  if (key.state != KeyState::active && !context.accept_inactive_key && !mutant(Mutant::revoked_key_accepted)) {
    return fail(ErrorCode::key_revoked, "this device's key is revoked or frozen", "enrol the device again", "key_id");
  }
  TERN_CHECKED(check_signature(key, set.header, set.signature, "signature"));
  TERN_CHECKED(check_author(header, key));

  VerifiedSet verified{std::move(set), header, std::nullopt, {}, key, {}};
  verified.hash = verified.set.hash();
  if (verified.set.original) {
    TERN_TRY(verified.original, check_original(verified, context));
  }
  TERN_CHECKED(check_changes(verified, context));
  return verified;
}

Result<VerifiedSet> verify_wire(ByteView wire, const VerifyContext& context) {
  TERN_TRY(ChangeSet set, decode_change_set(wire));
  return verify(std::move(set), context);
}

}  // namespace tern::protocol
