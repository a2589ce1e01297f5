#include "tern/protocol/merkle.hpp"

#include <bit>

#include "tern/protocol/crypto.hpp"
#include "tern/protocol/wire.hpp"

namespace tern::protocol {
namespace {

constexpr ByteView leaf_prefix{"\x00", 1};
constexpr ByteView node_prefix{"\x01", 1};

/// The largest power of two below n; n is at least 2. RFC 6962 splits a tree there.
std::uint64_t split_of(std::uint64_t n) {
  return std::bit_floor(n - 1);
}

/// The root over leaves [begin, begin + count) of leaf hashes.
Hash root_over(const std::vector<Hash>& leaves, std::size_t begin, std::size_t count) {
  if (count == 1) return leaves[begin];
  const std::size_t left = split_of(count);
  return merkle_node(root_over(leaves, begin, left), root_over(leaves, begin + left, count - left));
}

/// The root over leaves [begin, begin + count), from stored nodes. `begin` is a multiple of the power of two that holds
/// `count`, as in every subtree that RFC 6962 names.
Result<Hash> root_from(std::uint64_t begin, std::uint64_t count, const MerkleLookup& nodes) {
  if (std::has_single_bit(count)) {
    const auto level = static_cast<unsigned>(std::countr_zero(count));
    if (const std::optional<Hash> hash = nodes(level, begin >> level)) return *hash;
    return fail(ErrorCode::corrupt, "the log's tree has a hole", "run ternd verify",
                "node " + std::to_string(level) + "/" + std::to_string(begin >> level));
  }
  const std::uint64_t left_count = split_of(count);
  TERN_TRY(const Hash left, root_from(begin, left_count, nodes));
  TERN_TRY(const Hash right, root_from(begin + left_count, count - left_count, nodes));
  return merkle_node(left, right);
}

Result<void> append_root(MerkleProof& proof, std::uint64_t begin, std::uint64_t count, const MerkleLookup& nodes) {
  TERN_TRY(const Hash hash, root_from(begin, count, nodes));
  proof.push_back(hash);
  return {};
}

/// RFC 6962 2.1.1, PATH(index, D[begin : begin + count]).
Result<void> append_path(MerkleProof& proof, std::uint64_t index, std::uint64_t begin, std::uint64_t count,
                         const MerkleLookup& nodes) {
  if (count == 1) return {};
  const std::uint64_t left = split_of(count);
  if (index < begin + left) {
    TERN_CHECKED(append_path(proof, index, begin, left, nodes));
    return append_root(proof, begin + left, count - left, nodes);
  }
  TERN_CHECKED(append_path(proof, index, begin + left, count - left, nodes));
  return append_root(proof, begin, left, nodes);
}

/// RFC 6962 2.1.2, SUBPROOF(old, D[begin : begin + count], whole): `whole` while the old tree is still all of this one.
Result<void> append_subproof(MerkleProof& proof, std::uint64_t old, std::uint64_t begin, std::uint64_t count,
                             bool whole, const MerkleLookup& nodes) {
  if (old == count) return whole ? Result<void>{} : append_root(proof, begin, count, nodes);
  const std::uint64_t left = split_of(count);
  if (old <= left) {
    TERN_CHECKED(append_subproof(proof, old, begin, left, whole, nodes));
    return append_root(proof, begin + left, count - left, nodes);
  }
  TERN_CHECKED(append_subproof(proof, old - left, begin + left, count - left, false, nodes));
  return append_root(proof, begin, left, nodes);
}

}  // namespace

Hash merkle_leaf(ByteView leaf) {
  return Sha256().add(leaf_prefix).add(leaf).finish();
}

Hash merkle_node(const Hash& left, const Hash& right) {
  return Sha256().add(node_prefix).add(left.view()).add(right.view()).finish();
}

Hash merkle_empty_root() {
  return sha256({});
}

Hash merkle_root(const std::vector<Hash>& leaf_hashes) {
  return leaf_hashes.empty() ? merkle_empty_root() : root_over(leaf_hashes, 0, leaf_hashes.size());
}

// ---- frontier ----

Hash MerkleFrontier::root() const {
  if (peaks_.empty()) return merkle_empty_root();
  Hash root = peaks_.back();
  for (std::size_t i = peaks_.size() - 1; i-- > 0;) root = merkle_node(peaks_[i], root);
  return root;
}

std::vector<MerkleNode> MerkleFrontier::append(const Hash& leaf_hash) {
  std::vector<MerkleNode> completed{{0, size_, leaf_hash}};
  Hash node = leaf_hash;
  for (unsigned level = 0; (size_ >> level & 1) != 0; ++level) {
    node = merkle_node(peaks_.back(), node);
    peaks_.pop_back();
    completed.push_back({level + 1, size_ >> (level + 1), node});
  }
  peaks_.push_back(node);
  ++size_;
  return completed;
}

Bytes MerkleFrontier::encode() const {
  ByteWriter writer;
  writer.u64(size_);
  for (const Hash& peak : peaks_) writer.id(peak);
  return writer.take();
}

Result<MerkleFrontier> MerkleFrontier::decode(ByteView bytes) {
  ByteReader reader(bytes);
  MerkleFrontier out;
  out.size_ = reader.u64("size");
  for (int i = std::popcount(out.size_); i > 0 && reader.ok(); --i) out.peaks_.push_back(reader.id<Hash>("peaks"));
  TERN_CHECKED(reader.finish());
  return out;
}

// ---- proofs ----

Result<Hash> merkle_root_at(std::uint64_t size, const MerkleLookup& nodes) {
  if (size == 0) return merkle_empty_root();
  return root_from(0, size, nodes);
}

Result<MerkleProof> inclusion_proof(std::uint64_t index, std::uint64_t size, const MerkleLookup& nodes) {
  if (index >= size) return fail(ErrorCode::invalid, "the log has no such leaf", {}, "index");
  MerkleProof proof;
  TERN_CHECKED(append_path(proof, index, 0, size, nodes));
  return proof;
}

// RFC 9162 2.1.3.2
bool verify_inclusion(const Hash& leaf_hash, std::uint64_t index, std::uint64_t size, const MerkleProof& proof,
                      const Hash& root) {
  if (index >= size) return false;
  std::uint64_t node = index;
  std::uint64_t last = size - 1;
  Hash hash = leaf_hash;
  for (const Hash& sibling : proof) {
    if (last == 0) return false;
    if ((node & 1) != 0 || node == last) {
      hash = merkle_node(sibling, hash);
      while ((node & 1) == 0 && node != 0) {
        node >>= 1;
        last >>= 1;
      }
    } else {
      hash = merkle_node(hash, sibling);
    }
    node >>= 1;
    last >>= 1;
  }
  return last == 0 && hash == root;
}

Result<MerkleProof> consistency_proof(std::uint64_t old_size, std::uint64_t new_size, const MerkleLookup& nodes) {
  if (old_size > new_size) return fail(ErrorCode::invalid, "a log does not shrink", {}, "old_size");
  MerkleProof proof;
  if (old_size == 0 || old_size == new_size) return proof;
  TERN_CHECKED(append_subproof(proof, old_size, 0, new_size, true, nodes));
  return proof;
}

// RFC 9162 2.1.4.2
bool verify_consistency(std::uint64_t old_size, const Hash& old_root, std::uint64_t new_size, const Hash& new_root,
                        const MerkleProof& proof) {
  if (old_size > new_size) return false;
  if (old_size == new_size) return proof.empty() && old_root == new_root;
  if (old_size == 0) return proof.empty() && old_root == merkle_empty_root();
  if (proof.empty()) return false;

  std::size_t at = 0;
  const bool old_is_a_subtree = std::has_single_bit(old_size);
  Hash old_hash = old_is_a_subtree ? old_root : proof[at++];
  Hash new_hash = old_hash;
  std::uint64_t node = old_size - 1;
  std::uint64_t last = new_size - 1;
  while ((node & 1) != 0) {
    node >>= 1;
    last >>= 1;
  }
  for (; at < proof.size(); ++at) {
    if (last == 0) return false;
    if ((node & 1) != 0 || node == last) {
      old_hash = merkle_node(proof[at], old_hash);
      new_hash = merkle_node(proof[at], new_hash);
      while ((node & 1) == 0 && node != 0) {
        node >>= 1;
        last >>= 1;
      }
    } else {
      new_hash = merkle_node(new_hash, proof[at]);
    }
    node >>= 1;
    last >>= 1;
  }
  return last == 0 && old_hash == old_root && new_hash == new_root;
}

// ---- several leaves at once ----

namespace {

using Leaves = std::vector<std::pair<std::uint64_t, Hash>>;

/// Some of the sorted leaves, by position: those below one subtree.
struct Span {
  std::size_t begin;
  std::size_t end;
  [[nodiscard]] bool empty() const { return begin == end; }
};

template <typename IndexAt>
std::size_t first_not_below(Span span, std::uint64_t bound, const IndexAt& index_at) {
  while (!span.empty()) {
    const std::size_t middle = span.begin + (span.end - span.begin) / 2;
    (index_at(middle) < bound ? span.begin : span.end) = index_at(middle) < bound ? middle + 1 : middle;
  }
  return span.begin;
}

/// Strictly ascending, below `size`, not empty.
template <typename IndexAt>
bool indices_fit(std::size_t count, std::uint64_t size, const IndexAt& index_at) {
  if (count == 0 || index_at(count - 1) >= size) return false;
  for (std::size_t i = 1; i < count; ++i) {
    if (index_at(i - 1) >= index_at(i)) return false;
  }
  return true;
}

Result<void> append_rest(MerkleProof& proof, const std::vector<std::uint64_t>& indices, Span span, std::uint64_t begin,
                         std::uint64_t count, const MerkleLookup& nodes) {
  if (span.empty()) return append_root(proof, begin, count, nodes);
  if (count == 1) return {};
  const std::uint64_t left = split_of(count);
  const std::size_t cut = first_not_below(span, begin + left, [&](std::size_t i) { return indices[i]; });
  TERN_CHECKED(append_rest(proof, indices, {span.begin, cut}, begin, left, nodes));
  return append_rest(proof, indices, {cut, span.end}, begin + left, count - left, nodes);
}

/// Rebuilds the root of a subtree from the leaves below it and the next hashes of the proof.
class Rebuild {
public:
  Rebuild(const Leaves& leaves, const MerkleProof& proof) : leaves_(leaves), proof_(proof) {}

  Hash root(Span span, std::uint64_t begin, std::uint64_t count) {
    if (span.empty()) return next();
    if (count == 1) return leaves_[span.begin].second;
    const std::uint64_t left = split_of(count);
    const std::size_t cut = first_not_below(span, begin + left, [&](std::size_t i) { return leaves_[i].first; });
    const Hash left_root = root({span.begin, cut}, begin, left);
    return merkle_node(left_root, root({cut, span.end}, begin + left, count - left));
  }
  [[nodiscard]] bool used_all() const { return !ran_out_ && at_ == proof_.size(); }

private:
  Hash next() {
    if (at_ < proof_.size()) return proof_[at_++];
    ran_out_ = true;
    return {};
  }

  const Leaves& leaves_;
  const MerkleProof& proof_;
  std::size_t at_ = 0;
  bool ran_out_ = false;
};

}  // namespace

Result<MerkleProof> leaves_proof(const std::vector<std::uint64_t>& indices, std::uint64_t size,
                                 const MerkleLookup& nodes) {
  if (!indices_fit(indices.size(), size, [&](std::size_t i) { return indices[i]; })) {
    return fail(ErrorCode::invalid, "leaves to prove must ascend and be in the log", {}, "indices");
  }
  MerkleProof proof;
  TERN_CHECKED(append_rest(proof, indices, {0, indices.size()}, 0, size, nodes));
  return proof;
}

bool verify_leaves(const std::vector<std::pair<std::uint64_t, Hash>>& leaves, std::uint64_t size,
                   const MerkleProof& proof, const Hash& root) {
  if (!indices_fit(leaves.size(), size, [&](std::size_t i) { return leaves[i].first; })) return false;
  Rebuild rebuild(leaves, proof);
  return rebuild.root({0, leaves.size()}, 0, size) == root && rebuild.used_all();
}

Bytes encode_proof(const MerkleProof& proof) {
  ByteWriter writer;
  for (const Hash& hash : proof) writer.id(hash);
  return writer.take();
}

Result<MerkleProof> decode_proof(ByteView bytes) {
  if (bytes.size() % Hash::size_bytes != 0) return fail(ErrorCode::malformed, "a proof is cut", {}, "proof");
  if (bytes.size() / Hash::size_bytes > merkle_proof_hashes_max) {
    return fail(ErrorCode::too_large, "a proof is over its limit", {}, "proof");
  }
  MerkleProof proof;
  for (; !bytes.empty(); bytes.remove_prefix(Hash::size_bytes)) {
    proof.push_back(Hash::or_zero(bytes.substr(0, Hash::size_bytes)));
  }
  return proof;
}

}  // namespace tern::protocol
