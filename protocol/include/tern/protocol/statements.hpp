// The server's other signed statements: revocation, erasure, amendment, epoch record, wipe order, withdrawn anchors.
//
// Sign with `sign_statement`, open with `open_statement`. Who may sign: the log key, and for an epoch record the root.
// Ids and codes only, never text of people. Byte tables: docs/protocol.md, "Statements".
#pragma once

#include <vector>

#include "tern/protocol/anchor.hpp"

namespace tern::protocol {

enum class RevocationReason : std::uint8_t { revoked = 1, frozen = 2, operator_disabled = 3, replaced = 4 };

/// A device key signs no more from `tree_size` of the log on.
struct Revocation {
  static constexpr Tag tag{"TRN1-RV\0", 8};

  TenantId tenant;
  DeviceId device;
  KeyId key;
  EpochId epoch;
  std::uint64_t tree_size = 0;
  std::int64_t time_ms = 0;
  RevocationReason reason = RevocationReason::revoked;

  void write(ByteWriter& writer) const;
  static Revocation read(ByteReader& reader);
  bool operator==(const Revocation&) const = default;
};

struct ChangeName {
  DeviceId device;
  ChangeId change;

  bool operator==(const ChangeName&) const = default;
};

struct ErasedChange {
  ChangeName name;
  Hash commitment;  // k of the change

  bool operator==(const ErasedChange&) const = default;
};

/// Body and salt of these changes are gone, wherever they were kept.
struct Erasure {
  static constexpr Tag tag{"TRN1-ER\0", 8};
  static constexpr std::size_t changes_max = 10'000;

  TenantId tenant;
  std::int64_t time_ms = 0;
  std::vector<ErasedChange> changes;  // at least one

  void write(ByteWriter& writer) const;
  static Erasure read(ByteReader& reader);
  bool operator==(const Erasure&) const = default;
};

/// One change's standing became another. Standings and rules are numbers of the kernel; this module does not know them.
struct AmendedChange {
  ChangeName name;
  std::uint8_t before = 0;
  std::uint8_t after = 0;
  std::uint16_t rule = 0;
  ChangeName cause;

  bool operator==(const AmendedChange&) const = default;
};

/// What one commit altered in the standings of one ticket's changes.
struct Amendment {
  static constexpr Tag tag{"TRN1-AM\0", 8};
  static constexpr std::size_t changes_max = 10'000;

  TenantId tenant;
  EpochId epoch;
  std::uint64_t commit_seq = 0;
  std::int64_t time_ms = 0;
  TicketId ticket;
  std::vector<AmendedChange> changes;  // at least one

  void write(ByteWriter& writer) const;
  static Amendment read(ByteReader& reader);
  bool operator==(const Amendment&) const = default;
};

enum class EpochReason : std::uint8_t { restored = 1, log_damaged = 2, key_lost = 3 };

/// Signed by the root: history went back to `kept_size` and goes on under a new epoch.
struct EpochRecord {
  static constexpr Tag tag{"TRN1-EP\0", 8};

  TenantId tenant;
  EpochId old_epoch;
  std::uint64_t kept_size = 0;
  Hash kept_root;
  EpochId new_epoch;
  std::int64_t time_ms = 0;
  EpochReason reason = EpochReason::restored;

  void write(ByteWriter& writer) const;
  static EpochRecord read(ByteReader& reader);
  bool operator==(const EpochRecord&) const = default;
};

/// The device destroys its replica and the key to it; its outbox stays, sealed. `order` makes a repeat harmless.
struct WipeOrder {
  static constexpr Tag tag{"TRN1-WO\0", 8};
  using OrderId = FixedBytes<16, struct WipeOrderIdTag>;

  TenantId tenant;
  DeviceId device;
  OrderId order;
  std::int64_t time_ms = 0;

  void write(ByteWriter& writer) const;
  static WipeOrder read(ByteReader& reader);
  bool operator==(const WipeOrder&) const = default;
};

/// Anchors first_seq..last_seq of an epoch were made by a clock in doubt: they bound nothing.
struct AnchorWithdrawal {
  static constexpr Tag tag{"TRN1-AW\0", 8};

  TenantId tenant;
  EpochId epoch;
  std::uint64_t first_seq = 0;
  std::uint64_t last_seq = 0;
  std::int64_t time_ms = 0;

  void write(ByteWriter& writer) const;
  static AnchorWithdrawal read(ByteReader& reader);
  bool operator==(const AnchorWithdrawal&) const = default;
};

/// Whether a device may follow an epoch record: it holds `held` as the newest head of the old epoch, and `ladder` are
/// the heads it kept of it. Accepted when the record is of that tenant and epoch, and consistent with the largest head
/// not above the kept size (`proof` leads from that head to the kept root). `server_rollback` otherwise.
Result<void> judge_epoch_record(const EpochRecord& record, const TenantId& tenant, const EpochId& epoch_held,
                                const std::vector<LogHead>& ladder, const std::vector<Hash>& proof);

}  // namespace tern::protocol
