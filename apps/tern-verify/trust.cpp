#include "trust.hpp"

#include <algorithm>

#include "tern/protocol/base64.hpp"
#include "tern/protocol/ledger_export.hpp"

namespace tern::verify {

using protocol::KeyPurpose;

Result<void> Trust::check_tenant(const TenantId& tenant) const {
  if (tenant == context_.tenant) return {};
  return wrong("it is of another tenant");
}

Result<void> Trust::take_header(const Json& line) {
  const std::int64_t version = line["version"].as_integer();
  if (version != protocol::ledger_export_version)
    return fail(ErrorCode::upgrade_required,
                fmt::format("the export is of version {}; this program reads version {}", version,
                            protocol::ledger_export_version),
                "use the tern-verify of the version that wrote it");
  TERN_TRY(context_.tenant, id_of<TenantId>(line, "tenant"));
  TERN_TRY(epoch_, id_of<EpochId>(line, "epoch"));
  TERN_TRY(commits_, number_of(line, "commits"));
  context_.from_network = false;
  context_.accept_inactive_key = true;
  context_.find_key = [this](const TenantId&, const DeviceId& id,
                             const KeyId& key) -> std::optional<protocol::KeyRecord> {
    const KnownDevice* device = find_device(id);
    if (device == nullptr || device->key != key) return std::nullopt;
    return device->record;
  };
  context_.is_erased = [this](const DeviceId& device, const Hash& commitment) { return is_erased(device, commitment); };
  return {};
}

Result<void> Trust::take_root(const Json& line) {
  TERN_TRY(const Bytes raw, bytes_of(line, "public_key"));
  const auto key = protocol::PublicKey::from(raw);
  if (!key) return wrong("the root is no public key");
  if (roots_.size() >= protocol::KeyList::roots_max) return wrong("there are too many roots");
  roots_.push_back(*key);
  return {};
}

Result<void> Trust::take_key_list(const Json& line) {
  if (list_) return wrong("there is a second key list");
  if (pinned_) {
    std::erase_if(roots_, [&](const protocol::PublicKey& key) { return protocol::key_id(key) != *pinned_; });
    if (roots_.empty()) return wrong("the export is not of the server whose root is {}", to_hex(*pinned_));
  }
  TERN_TRY(const Bytes wire, bytes_of(line, "wire"));
  auto opened = protocol::open_first_key_list(wire, roots_);
  if (!opened) return wrong_in("the key list", opened.error());
  TERN_TRY(root_, protocol::signer_of(protocol::KeyList::tag, wire));
  list_ = std::move(opened->value);
  return {};
}

Result<void> Trust::take_epoch(const Json& line) {
  TERN_TRY(const Bytes wire, bytes_of(line, "wire"));
  for (const protocol::PublicKey& root : roots_) {
    const auto opened = protocol::open_statement<protocol::EpochRecord>(wire, root);
    if (!opened) continue;
    TERN_CHECKED(check_tenant(opened->value.tenant));
    ends_.push_back(
        {opened->value.old_epoch, opened->value.new_epoch, opened->value.kept_size, opened->value.kept_root});
    return {};
  }
  return wrong("the record that ended an epoch is signed by no root of this server");
}

Result<void> Trust::take_withdrawal(const Json& line) {
  TERN_TRY(const Bytes wire, bytes_of(line, "wire"));
  const auto opened = open_logged<protocol::AnchorWithdrawal>(wire);
  if (!opened) return wrong_in("a withdrawal of anchors", opened.error());
  withdrawals_.push_back(*opened);
  return check_tenant(opened->tenant);
}

Result<void> Trust::take_erasure(const Json& line) {
  TERN_TRY(const Bytes wire, bytes_of(line, "wire"));
  const auto opened = open_logged<protocol::Erasure>(wire);
  if (!opened) return wrong_in("an erasure", opened.error());
  for (const protocol::ErasedChange& change : opened->changes) {
    erased_.insert({change.name.device, change.commitment});
    erased_names_.insert({change.name.device, change.name.change});
  }
  return check_tenant(opened->tenant);
}

Result<void> Trust::take_device(const Json& line) {
  TERN_TRY(const Bytes wire, bytes_of(line, "wire"));
  const auto certificate = open_logged<protocol::Certificate>(wire);
  if (!certificate) return wrong_in("the certificate of a device", certificate.error());
  TERN_CHECKED(check_tenant(certificate->tenant));
  KnownDevice device;
  device.key = protocol::key_id(certificate->public_key);
  device.device_epoch = certificate->device_epoch;
  device.genesis = protocol::genesis_prev_hash(wire);
  // Only the server's own sealing key speaks for everybody: its certificate names no operator.
  device.record = {certificate->public_key, certificate->suite, certificate->author, protocol::KeyState::active,
                   certificate->author.is_zero() ? KeyPurpose::sealing : KeyPurpose::device};
  if (line.find("revocation") != nullptr) {
    TERN_TRY(const Bytes statement, bytes_of(line, "revocation"));
    const auto revocation = open_logged<protocol::Revocation>(statement);
    if (!revocation) return wrong_in("the revocation of a device", revocation.error());
    if (revocation->device != certificate->device || revocation->key != device.key)
      return wrong("device {}: the revocation is of another one", to_hex(certificate->device));
    TERN_CHECKED(check_tenant(revocation->tenant));
    device.revoked_at = revocation->tree_size;
  }
  TERN_CHECKED(take_earlier(line, *certificate, device));
  if (!devices_.emplace(certificate->device, std::move(device)).second)
    return wrong("device {} stands there twice", to_hex(certificate->device));
  return {};
}

Result<void> Trust::take_earlier(const Json& line, const protocol::Certificate& now, KnownDevice& device) const {
  for (const Json& text : line["earlier"].items()) {
    const auto wire = from_base64(text.as_string());
    if (!wire) return wrong("device {}: an earlier certificate is no base64", to_hex(now.device));
    const auto earlier = open_logged<protocol::Certificate>(*wire);
    if (!earlier) return wrong_in("an earlier certificate of a device", earlier.error());
    TERN_CHECKED(check_tenant(earlier->tenant));
    if (earlier->device != now.device || earlier->public_key != now.public_key || earlier->author != now.author ||
        earlier->device_epoch >= now.device_epoch)
      return wrong("device {}: an earlier certificate is of something else", to_hex(now.device));
    device.earlier[earlier->device_epoch] = protocol::genesis_prev_hash(*wire);
  }
  return {};
}

Result<protocol::VerifiedReceipts> Trust::open_receipts(ByteView wire, const DeviceId& device) const {
  TERN_TRY(const protocol::ReceiptList list, protocol::decode_receipt_list(wire));
  TERN_TRY(const KeyId signer, protocol::signer_of(protocol::ReceiptListHead::tag, list.head));
  const protocol::ServerKey* key = list_ ? list_->find(signer, protocol::ServerKeyPurpose::log) : nullptr;
  if (key == nullptr) return wrong("it is signed by no log key of this server");
  TERN_TRY(auto verified, protocol::verify_receipts(list, device, key->public_key));
  if (!key->counts_at(verified.head.tree_size)) return wrong("the key that signed it was revoked before");
  return verified;
}

Result<void> Trust::complete() const {
  if (!list_) return wrong("the key list is missing");
  EpochId at = epoch_;
  for (std::size_t found = 0; found < ends_.size(); ++found) {
    const auto end = std::find_if(ends_.begin(), ends_.end(), [&](const EpochEnd& one) { return one.new_epoch == at; });
    if (end == ends_.end()) return wrong("the records of epochs do not lead to the one of the export");
    at = end->old_epoch;
  }
  return {};
}

const KnownDevice* Trust::find_device(const DeviceId& id) const {
  const auto found = devices_.find(id);
  return found == devices_.end() ? nullptr : &found->second;
}

bool Trust::is_withdrawn(const EpochId& epoch, std::uint64_t anchor_seq) const {
  return std::any_of(withdrawals_.begin(), withdrawals_.end(), [&](const protocol::AnchorWithdrawal& one) {
    return one.epoch == epoch && one.first_seq <= anchor_seq && anchor_seq <= one.last_seq;
  });
}

bool Trust::is_epoch(const EpochId& epoch) const {
  return epoch == epoch_ ||
         std::any_of(ends_.begin(), ends_.end(), [&](const EpochEnd& end) { return end.old_epoch == epoch; });
}

}  // namespace tern::verify
