// Receipts: the server's answer to a change set, the log leaf behind it, and the signed list they travel in.
#pragma once

#include <vector>

#include "tern/protocol/anchor.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/protocol/merkle.hpp"

namespace tern::protocol {

inline constexpr Tag tag_leaf{"TRN1-LF\0", 8};
inline constexpr std::size_t leaf_bytes = 88;
inline constexpr std::size_t outcome_bytes_max = limits::mib;

/// What the Merkle log commits to for each change set.
struct LogLeaf {
  Hash set_hash;
  std::uint64_t commit_seq = 0;
  std::int64_t time_ms = 0;
  Hash outcome_hash;  // H("TRN1-OUTCOME", outcomes)

  bool operator==(const LogLeaf&) const = default;
};

Bytes encode(const LogLeaf& leaf);
Result<LogLeaf> decode_leaf(ByteView bytes);
Hash outcome_hash(ByteView outcomes);
/// The leaf's hash in the tree.
Hash leaf_hash(const LogLeaf& leaf);

/// Stored with the set, never altered, returned byte for byte. `outcomes` is the encoded list of outcomes: codes and
/// ids, never text; this module does not look inside.
struct Receipt {
  std::uint64_t device_epoch = 0;
  std::uint64_t chain_seq = 0;
  std::uint64_t leaf_index = 0;
  LogLeaf leaf;
  Bytes outcomes;

  bool operator==(const Receipt&) const = default;
};

/// Fills the leaf's outcome_hash from the outcomes.
Receipt make_receipt(std::uint64_t device_epoch, std::uint64_t chain_seq, std::uint64_t leaf_index,
                     const Hash& set_hash, std::uint64_t commit_seq, std::int64_t time_ms, Bytes outcomes);
Bytes encode(const Receipt& receipt);
/// `content_mismatch` (field "outcomes") when outcomes and leaf do not belong together; else framing errors.
Result<Receipt> decode_receipt(ByteView bytes);

/// The one signature over the receipts of one exchange. Signed by the log key.
struct ReceiptListHead {
  static constexpr Tag tag{"TRN1-RC\0", 8};

  EpochId epoch;  // the server's
  DeviceId device;
  std::uint64_t first_chain_seq = 0;
  std::uint64_t last_chain_seq = 0;
  Hash list_hash;  // H("TRN1-RCLIST", list)
  std::uint64_t tree_size = 0;
  Hash root;

  void write(ByteWriter& writer) const;
  static ReceiptListHead read(ByteReader& reader);
  bool operator==(const ReceiptListHead&) const = default;
};

/// What travels: receipts as stored, in chain order, the signed head, and one proof for all leaves to head.root.
struct ReceiptList {
  std::vector<Bytes> receipts;  // encoded, 1 to limits::sets_per_exchange_max
  Bytes head;                   // Signed<ReceiptListHead>::wire
  MerkleProof proof;

  bool operator==(const ReceiptList&) const = default;
};

Hash receipt_list_hash(const std::vector<Bytes>& receipts);

/// Server: signs receipts (at least one) as they are stored. `nodes` looks into the log as of `head`.
Result<ReceiptList> sign_receipts(std::vector<Bytes> receipts, const LogHead& head, const DeviceId& device,
                                  const MerkleLookup& nodes, const SigningKey& log_key);

struct VerifiedReceipts {
  ReceiptListHead head;
  std::vector<Receipt> receipts;
};

/// Device: signature, list hash, device, numbers, every leaf, and the proof to the signed root.
/// `signature_invalid`, `verification_failed` (field names the part), framing errors. All or nothing.
Result<VerifiedReceipts> verify_receipts(const ReceiptList& list, const DeviceId& device, const PublicKey& log_key);

/// One byte string for storage and for transports without Protobuf.
Bytes encode(const ReceiptList& list);
Result<ReceiptList> decode_receipt_list(ByteView bytes);

}  // namespace tern::protocol
