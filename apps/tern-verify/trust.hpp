// Who may say what: the root, the server's keys, devices, and what was signed about history as a whole.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <vector>

#include "tern/protocol/change_set.hpp"
#include "tern/protocol/enrolment.hpp"
#include "tern/protocol/keys.hpp"
#include "tern/protocol/receipt.hpp"
#include "tern/protocol/statements.hpp"
#include "wrong.hpp"

namespace tern::verify {

struct KnownDevice {
  protocol::KeyRecord record;
  KeyId key;
  std::uint64_t device_epoch = 1;           // of the certificate
  Hash genesis;                             // what the first set of that epoch chains to
  std::map<std::uint64_t, Hash> earlier;    // the same of device epochs that are over, where their certificate was kept
  std::optional<std::uint64_t> revoked_at;  // log size from which it signs no more

  [[nodiscard]] std::optional<Hash> genesis_of(std::uint64_t epoch) const {
    if (epoch == device_epoch) return genesis;
    const auto found = earlier.find(epoch);
    return found == earlier.end() ? std::nullopt : std::optional(found->second);
  }
};

/// Where one history ended and the next one began.
struct EpochEnd {
  EpochId old_epoch, new_epoch;
  std::uint64_t kept_size = 0;
  Hash kept_root;
};

class Trust {
public:
  /// `root`: the one that has to stand behind everything; nothing: whichever the export names.
  explicit Trust(std::optional<protocol::RootId> root) : pinned_(root) {}

  Result<void> take_header(const Json& line);
  Result<void> take_root(const Json& line);
  Result<void> take_key_list(const Json& line);
  Result<void> take_epoch(const Json& line);
  Result<void> take_withdrawal(const Json& line);
  Result<void> take_erasure(const Json& line);
  Result<void> take_device(const Json& line);
  /// Before the first line of the ledger: whether all that belongs together is there.
  Result<void> complete() const;

  /// What a log key of this server signed. `log_size`: of the log it speaks of, where it speaks of one.
  template <typename T>
  Result<T> open_logged(ByteView wire, std::uint64_t (*log_size)(const T&) = nullptr) const {
    TERN_TRY(const KeyId signer, protocol::signer_of(T::tag, wire));
    const protocol::ServerKey* key = list_ ? list_->find(signer, protocol::ServerKeyPurpose::log) : nullptr;
    if (key == nullptr) return wrong("it is signed by no log key of this server");
    TERN_TRY(auto opened, protocol::open_statement<T>(wire, key->public_key));
    if (log_size != nullptr && !key->counts_at(log_size(opened.value)))
      return wrong("the key that signed it was revoked before");
    return std::move(opened.value);
  }

  /// Receipts that a log key of this server signed for this device.
  [[nodiscard]] Result<protocol::VerifiedReceipts> open_receipts(ByteView wire, const DeviceId& device) const;

  [[nodiscard]] const protocol::VerifyContext& context() const { return context_; }
  [[nodiscard]] const KnownDevice* find_device(const DeviceId& id) const;
  [[nodiscard]] bool is_erased(const DeviceId& device, const Hash& commitment) const {
    return erased_.contains({device, commitment});
  }
  [[nodiscard]] bool is_erased(const protocol::ChangeName& name) const {
    return erased_names_.contains({name.device, name.change});
  }
  [[nodiscard]] bool is_withdrawn(const EpochId& epoch, std::uint64_t anchor_seq) const;
  [[nodiscard]] bool is_epoch(const EpochId& epoch) const;
  [[nodiscard]] const std::vector<EpochEnd>& epoch_ends() const { return ends_; }
  [[nodiscard]] const TenantId& tenant() const { return context_.tenant; }
  [[nodiscard]] const EpochId& epoch() const { return epoch_; }
  [[nodiscard]] std::uint64_t commits() const { return commits_; }
  /// Of the root that signed the key list.
  [[nodiscard]] const protocol::RootId& root() const { return root_; }

private:
  Result<void> take_earlier(const Json& line, const protocol::Certificate& now, KnownDevice& device) const;
  Result<void> check_tenant(const TenantId& tenant) const;

  std::optional<protocol::RootId> pinned_;
  protocol::RootId root_;
  std::vector<protocol::PublicKey> roots_;
  std::optional<protocol::KeyList> list_;
  EpochId epoch_;
  std::uint64_t commits_ = 0;
  protocol::VerifyContext context_;
  std::unordered_map<DeviceId, KnownDevice> devices_;
  std::set<std::pair<DeviceId, Hash>> erased_;
  std::set<std::pair<DeviceId, ChangeId>> erased_names_;
  std::vector<protocol::AnchorWithdrawal> withdrawals_;
  std::vector<EpochEnd> ends_;
};

}  // namespace tern::verify
