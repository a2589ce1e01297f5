// The home directory of a device and the keys in it.
//
//   device.key          who this device is; its secret (plain or under the passphrase); the wipe order it obeyed
//   replica.key         32 random bytes: the replica's half of its key
//   pending-enrolment   the secret made for an enrolment that has no answer yet
//   ca.pem              a copy of the authorities that --ca named last: the original may move, or lie on a stick
//   device.cert         the certificate of a later device epoch, when there is one
//   outbox.db replica.db                  and the content of attachments beside each: outbox-files.db replica-files.db
//
// One secret of 32 bytes stands behind everything: kdf id 1 "TRN1home" is the seed of the signing key, id 2 the key of
// outbox.db. The replica's key is H("TRN1-REPLKEY", replica.key) under the outbox's: whoever destroys replica.key has
// destroyed the replica, passphrase or not, and the outbox stays as it is. Byte tables: docs/storage.md, "Key files".
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tern/client/enrolment.hpp"
#include "tern/protocol/crypto.hpp"
#include "tern/protocol/enrolment.hpp"
#include "tern/protocol/keys.hpp"

namespace tern::client {

struct HomePaths {
  explicit HomePaths(const std::string& home);

  std::string home, device_key, replica_key, pending_enrolment, outbox, replica, outbox_files, replica_files, lock, ca,
      certificate;
};

/// Everything of a device that is not in its databases.
struct OpenedKeys {
  DeviceIdentity identity;
  protocol::SigningKey signing_key;
  protocol::SecretKey data_key;                  // outbox.db
  protocol::SecretKey replica_key;               // replica.db
  std::vector<protocol::PublicKey> roots;        // pinned; the first is the certificate's
  protocol::Signed<protocol::KeyList> key_list;  // the first one; newer lists are in the outbox
  Bytes wipe_order;                              // Signed<WipeOrder>::wire when this device obeyed one; else empty
};

/// Opens the keys of an enrolled home. A missing replica.key is made anew (the replica it belonged to is then rebuilt);
/// after a wipe order it is not kept on disk, and an interrupted wipe is finished here.
/// `not_enrolled`; `locked` without or with a wrong passphrase; `corrupt`; `storage_failed`.
Result<OpenedKeys> open_keys(const std::string& home, const std::optional<std::string>& passphrase,
                             Environment& environment);

/// Who lives in this home, without any secret: no passphrase is asked for. `not_enrolled`, `corrupt`.
Result<DeviceIdentity> read_identity(const std::string& home);

/// Copies certificate authorities into the home: a path would be looked up from wherever the next command runs.
/// `usage` when they cannot be read.
Result<void> copy_authorities(const HomePaths& paths, const std::string& ca_file);

/// Obeys a wipe order, whose signature the caller has checked: notes it in device.key, then overwrites and removes
/// replica.key and replica.db. The outbox stays, under its key. A repeat is harmless. Close replica.db first.
Result<void> destroy_replica(const std::string& home, ByteView wipe_order);

// ---- for enrolment.cpp ----

/// The secret all keys of a device come from.
class HomeSecret {
public:
  static HomeSecret generate(Environment& environment) { return HomeSecret(protocol::SecretKey::random(environment)); }
  explicit HomeSecret(protocol::SecretKey secret) : secret_(std::move(secret)) {}

  [[nodiscard]] protocol::SigningKey signing_key() const;
  [[nodiscard]] protocol::SecretKey data_key() const;
  [[nodiscard]] const protocol::SecretKey& raw() const { return secret_; }

private:
  protocol::SecretKey secret_;
};

/// A secret as it lies in a file: plain, or under the passphrase with `bound` as additional data.
Result<Bytes> close_secret(const protocol::SecretKey& secret, const std::optional<std::string>& passphrase,
                           ByteView bound, Environment& environment);
/// `locked` without or with a wrong passphrase; `corrupt`.
Result<protocol::SecretKey> open_secret(ByteView closed, const std::optional<std::string>& passphrase, ByteView bound);

/// Writes replica.key and, last of all, device.key: from then on the home is enrolled.
Result<void> write_keys(const HomePaths& paths, const DeviceIdentity& identity,
                        const std::vector<protocol::PublicKey>& roots, ByteView key_list, const HomeSecret& secret,
                        const std::optional<std::string>& passphrase, Environment& environment);

}  // namespace tern::client
