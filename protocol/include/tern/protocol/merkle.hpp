// The log's Merkle tree (RFC 6962, SHA-256): frontier, roots, and proofs that are checked without the log.
#pragma once

#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "tern/protocol/bytes.hpp"
#include "tern/protocol/error.hpp"

namespace tern::protocol {

/// SHA-256(0x00 || leaf)
Hash merkle_leaf(ByteView leaf);
/// SHA-256(0x01 || left || right)
Hash merkle_node(const Hash& left, const Hash& right);
/// SHA-256 of nothing.
Hash merkle_empty_root();
/// The root over leaf hashes (not leaf bytes).
Hash merkle_root(const std::vector<Hash>& leaf_hashes);

/// A node of the tree that never changes again: the root over the leaves [index << level, (index + 1) << level).
struct MerkleNode {
  unsigned level = 0;
  std::uint64_t index = 0;
  Hash hash;

  bool operator==(const MerkleNode&) const = default;
};

/// What has to be kept of a tree to append to it: one node for each one bit of its size.
class MerkleFrontier {
public:
  MerkleFrontier() = default;

  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] Hash root() const;
  /// Appends a leaf hash and gives every node that it completed, the leaf itself first. Who stores them can prove.
  std::vector<MerkleNode> append(const Hash& leaf_hash);

  /// 8 bytes of size, then the peaks, the largest first.
  [[nodiscard]] Bytes encode() const;
  static Result<MerkleFrontier> decode(ByteView bytes);

  bool operator==(const MerkleFrontier&) const = default;

private:
  std::uint64_t size_ = 0;
  std::vector<Hash> peaks_;  // the largest first
};

/// Finds a stored node. Nothing where the store has a hole: the proof then fails with `corrupt`.
using MerkleLookup = std::function<std::optional<Hash>(unsigned level, std::uint64_t index)>;
using MerkleProof = std::vector<Hash>;
inline constexpr std::size_t merkle_proof_hashes_max = 128 * 64;

/// The root of the first `size` leaves.
Result<Hash> merkle_root_at(std::uint64_t size, const MerkleLookup& nodes);

/// RFC 6962 2.1.1. `invalid` when the index is not below the size.
Result<MerkleProof> inclusion_proof(std::uint64_t index, std::uint64_t size, const MerkleLookup& nodes);
[[nodiscard]] bool verify_inclusion(const Hash& leaf_hash, std::uint64_t index, std::uint64_t size,
                                    const MerkleProof& proof, const Hash& root);

/// RFC 6962 2.1.2: the tree of `old_size` is a prefix of the tree of `new_size`. Empty for equal sizes and from zero.
Result<MerkleProof> consistency_proof(std::uint64_t old_size, std::uint64_t new_size, const MerkleLookup& nodes);
[[nodiscard]] bool verify_consistency(std::uint64_t old_size, const Hash& old_root, std::uint64_t new_size,
                                      const Hash& new_root, const MerkleProof& proof);

/// One compact proof for several leaves: the roots of the largest subtrees without any of them, from left to right.
/// `indices` ascend strictly, each below `size`, at least one; else `invalid`.
Result<MerkleProof> leaves_proof(const std::vector<std::uint64_t>& indices, std::uint64_t size,
                                 const MerkleLookup& nodes);
/// `leaves`: (index, leaf hash), ascending strictly.
[[nodiscard]] bool verify_leaves(const std::vector<std::pair<std::uint64_t, Hash>>& leaves, std::uint64_t size,
                                 const MerkleProof& proof, const Hash& root);

/// Hashes one behind the other, as they travel.
Bytes encode_proof(const MerkleProof& proof);
/// `malformed` unless the size is a multiple of 32, `too_large` above merkle_proof_hashes_max.
Result<MerkleProof> decode_proof(ByteView bytes);

}  // namespace tern::protocol
