// Devices of a tenant: made, revoked, frozen, noticed. Each of these is a ledger record and a device row in one commit.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "ingest.hpp"
#include "tern/protocol/enrolment.hpp"
#include "tern/protocol/statements.hpp"
#include "tern/sqlite/database.hpp"

namespace tern::server {

struct NewDevice {
  DeviceId device;
  OperatorId operator_id;
  protocol::PublicKey public_key;
  Bytes certificate;  // Signed<Certificate>::wire, made by the caller; its device_epoch is 1
  bool scope_all = false;
  std::string name, platform;
  /// Runs inside the same transaction, after the device was written: takes the enrolment code. An error undoes all of
  /// it and is passed on.
  std::function<Result<void>(sqlite::Database&)> in_transaction;
};

/// Committer strand. `not_permitted` when the operator is disabled or has limits::devices_per_operator_max active
/// devices, `not_found` when there is no such operator.
Result<ServerCommit> add_device(Tenant& tenant, const NewDevice& device);

/// `not_permitted` when add_device would find too many. For those who are to be told before a code is used.
Result<void> check_room_for_device(const Tenant& tenant, const OperatorId& operator_id);

/// Committer strand. After a restore: a device that was enrolled in the history that was given up, by the certificate
/// of then, whose signature and holder are proven. Where its chain had begun again (a healed fork) it begins once more:
/// the device is told of the next device epoch when it pushes. `not_permitted` when the restore had no word of which
/// keys ended meanwhile, or when this one did; otherwise as `add_device`.
Result<void> readmit_device(Tenant& tenant, const protocol::Certificate& certificate, ByteView wire);
/// At a restore: keys that ended in the history that is given up and are not known here never come back. Nothing: it is
/// not known which ended, so that no unknown one comes back.
Result<void> expect_ended(Tenant& tenant, const std::optional<std::vector<DeviceId>>& devices);

/// Whether it is known since the newest restore that this key, unknown here, ended before it.
Result<bool> ended_before(sqlite::Database& db, std::int64_t tenant, const DeviceId& device);

struct EndedDevice {
  DeviceId device;
  Bytes revocation;  // signed -RV
};

/// Committer strand. Ends (or freezes) a key. Harmless when it is over already (then without a commit).
Result<EndedDevice> end_device(Tenant& tenant, const DeviceId& device, protocol::RevocationReason reason,
                               const OperatorId& acting);

/// Committer strand. The operator's record gets active=0 and every device of theirs is revoked, in one transaction.
Result<std::vector<EndedDevice>> disable_operator(Tenant& tenant, const OperatorId& operator_id,
                                                  const OperatorId& acting);

/// Committer strand. The device gets a signed wipe order (kept until the row goes) and its key is revoked.
Result<Bytes> order_wipe(Tenant& tenant, const DeviceId& device, const OperatorId& acting);

/// What is known of a device, as of now: exchange notes included. Thread-safe.
struct DeviceInfo {
  DeviceId device;
  OperatorId operator_id;
  protocol::PublicKey public_key;
  KeyId key;
  protocol::KeyState key_state = protocol::KeyState::active;
  protocol::KeyPurpose purpose = protocol::KeyPurpose::device;
  protocol::ChainHead chain;  // newest set processed
  std::uint64_t cursor_seq = 0, sent_seq = 0, outbox_pending = 0;
  std::int64_t last_seen_ms = 0, forked_ms = 0;
  bool scope_all = false;
  std::string name, platform;
  Bytes certificate;
  Bytes wipe_order, revocation;  // signed statements; empty = none
};
std::string_view state_name(protocol::KeyState state);  // "active", "frozen", "revoked"
std::optional<DeviceInfo> find_device(const Tenant& tenant, const DeviceId& device);
std::vector<DeviceInfo> devices(const Tenant& tenant);

/// One exchange, before its answer leaves. Thread-safe, in memory: it rides along with the next commit, so an exchange
/// that only pulls costs no fsync. What a crash loses of it is harmless: an unknown declared head leaves windows wider,
/// an older cursor keeps a custody mark longer; and `sent_seq` begins at the newest commit after each start, because an
/// honest device's `seen` must never be cut for what the server has forgotten sending.
struct ExchangeNote {
  DeviceId device;
  std::optional<protocol::ChainHead> declared;  // of the request
  std::optional<std::uint64_t> cursor_seq;      // of the request, when in this epoch
  std::optional<std::uint64_t> outbox_pending;  // of the request
  std::optional<std::uint64_t> sent_seq;        // highest commit_seq whose effect the answer (or push) shows
};
/// True when the device has now synced past a reassignment that left its operator a custody mark: the caller then runs
/// `end_custody` on the strand. A push does it by itself.
bool note_exchange(Tenant& tenant, const ExchangeNote& note);

/// Its stream is open: to the minute, as an exchange would say. Thread-safe, in memory.
void note_heard(Tenant& tenant, const DeviceId& device);

/// Committer strand. Ends the custody marks of the device's operator where each active device of theirs has synced past
/// the claim and has nothing pending. Nothing when there are none.
Result<std::optional<ServerCommit>> end_custody(Tenant& tenant, const DeviceId& device);

}  // namespace tern::server
