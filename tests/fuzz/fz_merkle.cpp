// The log's tree against a naive one: roots, stored nodes, proofs. What is proven is so, and a bent proof proves
// nothing.
//
// Input: number of leaves (2 bytes), old size (2), index (2), places of a bend (2), then a mask of leaves for the
// compact proof; the rest is also read as a proof of a stranger's.
#include <map>
#include <vector>

#include "fuzz/fuzz_input.hpp"
#include "tern/protocol/merkle.hpp"

namespace tern::fz_merkle {
using namespace tern::protocol;

namespace {

constexpr std::size_t leaves_max = 300;

Hash leaf(std::size_t i) {
  return merkle_leaf(std::to_string(i));
}

/// RFC 6962, 2.1, as it is written there.
Hash naive_root(std::size_t begin, std::size_t end) {
  if (begin == end) return merkle_empty_root();
  if (end - begin == 1) return leaf(begin);
  std::size_t split = 1;
  while (split * 2 < end - begin) split *= 2;
  return merkle_node(naive_root(begin, begin + split), naive_root(begin + split, end));
}

struct Tree {
  explicit Tree(std::size_t size) {
    for (std::size_t i = 0; i < size; ++i)
      for (const MerkleNode& node : frontier.append(leaf(i))) nodes[{node.level, node.index}] = node.hash;
  }
  [[nodiscard]] MerkleLookup lookup() const {
    return [this](unsigned level, std::uint64_t index) -> std::optional<Hash> {
      const auto found = nodes.find({level, index});
      return found == nodes.end() ? std::nullopt : std::optional(found->second);
    };
  }

  MerkleFrontier frontier;
  std::map<std::pair<unsigned, std::uint64_t>, Hash> nodes;
};

/// One bit of one hash, one hash less, or one more.
MerkleProof bent(MerkleProof proof, std::size_t place) {
  if (proof.empty() || place % 3 == 0) {
    proof.push_back(leaf(place));
    return proof;
  }
  if (place % 3 == 1) {
    proof.erase(proof.begin() + static_cast<std::ptrdiff_t>(place / 3 % proof.size()));
    return proof;
  }
  proof[place / 3 % proof.size()].bytes[place % Hash::size_bytes] ^= 1;
  return proof;
}

void strangers_proof(ByteView bytes, std::size_t size, std::size_t old_size, std::size_t index, const Hash& root) {
  const auto proof = decode_proof(bytes);
  if (!proof) return;
  check(encode_proof(*proof) == bytes, "a proof is written as it was read");
  const Hash strange = merkle_leaf("of nobody");
  check(!verify_inclusion(strange, index, size, *proof, root), "a leaf that was never there is proven");
  check(old_size == 0 || old_size > size || !verify_consistency(old_size, strange, size, root, *proof),
        "another past is proven");
  check(!verify_leaves({{index, strange}}, size, *proof, root), "a leaf that was never there is proven compactly");
  if (const auto read = MerkleFrontier::decode(bytes)) check(read->encode() == bytes, "a frontier is stable");
}

}  // namespace

TERN_FUZZ_TARGET(fz_merkle) {
  fuzz::Input input(data, size_bytes);
  const std::size_t size = 1 + input.u16() % leaves_max;
  const std::size_t old_size = input.u16() % (size + 1), index = input.u16() % size, bend = input.u16();
  const Tree tree(size);
  const Hash root = naive_root(0, size);
  check(tree.frontier.root() == root, "the frontier's root is the tree's");
  const auto old_root = merkle_root_at(old_size, tree.lookup());
  check(old_root && *old_root == naive_root(0, old_size), "an old root is found again");
  const auto read = MerkleFrontier::decode(tree.frontier.encode());
  check(read && *read == tree.frontier, "a frontier survives its stored form");

  const auto inclusion = inclusion_proof(index, size, tree.lookup());
  check(inclusion && verify_inclusion(leaf(index), index, size, *inclusion, root), "a leaf is proven");
  check(!verify_inclusion(leaf(index), index, size, bent(*inclusion, bend), root), "a bent proof proves");
  if (size > 1)
    check(!verify_inclusion(leaf(index), (index + 1) % size, size, *inclusion, root), "a leaf is proven elsewhere");

  const auto consistency = consistency_proof(old_size, size, tree.lookup());
  check(consistency && verify_consistency(old_size, *old_root, size, root, *consistency), "the past is proven");
  if (old_size > 0) {
    check(!verify_consistency(old_size, *old_root, size, root, bent(*consistency, bend)), "a bent past is proven");
    check(!verify_consistency(old_size, leaf(bend + leaves_max), size, root, *consistency), "any past is proven");
  }

  std::vector<std::uint64_t> indices;
  std::vector<std::pair<std::uint64_t, Hash>> leaves;
  const ByteView mask = input.rest().substr(0, (size + 7) / 8);
  for (std::size_t i = 0; i < mask.size() * 8 && i < size; ++i)
    if ((static_cast<unsigned char>(mask[i / 8]) >> i % 8 & 1) != 0) {
      indices.push_back(i);
      leaves.emplace_back(i, leaf(i));
    }
  const auto compact = leaves_proof(indices, size, tree.lookup());
  check(compact.has_value() == !indices.empty(), "several leaves have one proof");
  if (compact) {
    check(verify_leaves(leaves, size, *compact, root), "several leaves are proven");
    check(!verify_leaves(leaves, size, bent(*compact, bend), root), "a bent compact proof proves");
    leaves[bend % leaves.size()].second = merkle_leaf("of nobody");
    check(!verify_leaves(leaves, size, *compact, root), "a leaf that was never there is proven among others");
  }
  strangers_proof(input.rest(), size, old_size, index, root);
  return 0;
}

}  // namespace tern::fz_merkle
