// The anchor: the server's signed head. It proves "not before" for whatever cites it, and how far the log and its
// backups reach.
#pragma once

#include "tern/protocol/signed_statement.hpp"

namespace tern::protocol {

/// Size and root of the log, in one epoch: what two sides compare.
struct LogHead {
  EpochId epoch;
  std::uint64_t size = 0;
  Hash root;

  bool operator==(const LogHead&) const = default;
};

/// Signed by the log key (the statement's prefix names it). Byte table: docs/protocol.md, "Anchor".
struct Anchor {
  static constexpr Tag tag{"TRN1-TB\0", 8};

  TenantId tenant;
  EpochId epoch;
  std::uint64_t anchor_seq = 0;
  std::int64_t time_ms = 0;  // server time; never decreases with anchor_seq
  std::uint64_t tree_size = 0;
  Hash root;
  std::uint64_t backup_stable_seq = 0;  // commits up to here are in a verified backup
  std::uint64_t number_block = 0;       // ticket numbers are reserved below this
  Hash previous;                        // anchor_hash of the one before; zero in the first of an epoch

  void write(ByteWriter& writer) const;
  static Anchor read(ByteReader& reader);
  [[nodiscard]] LogHead head() const { return {epoch, tree_size, root}; }

  bool operator==(const Anchor&) const = default;
};

/// H("TRN1-ANCHOR", the anchor as it travelled, with its signature): what change sets cite and anchors chain to.
Hash anchor_hash(ByteView wire);

/// Whether `next` may follow `held` on a device: same tenant; in the same epoch neither seq, time, size nor stable_seq
/// may fall, and at equal size the root is the same. `server_rollback` otherwise, `epoch_changed` for another epoch
/// (which only an epoch record can explain). Growth still needs its consistency proof.
Result<void> judge_anchor(const Anchor& held, const Anchor& next);

}  // namespace tern::protocol
