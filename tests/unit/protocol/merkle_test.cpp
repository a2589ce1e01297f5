#include "tern/protocol/merkle.hpp"
#include "fixtures.hpp"

namespace tern::protocol::test {
namespace {

/// A log as a server keeps it: the frontier, and a table of nodes. Beside it the leaves, for the naive tree.
struct Log {
  MerkleFrontier frontier;
  std::map<std::pair<unsigned, std::uint64_t>, Hash> nodes;
  std::vector<Hash> leaves;

  explicit Log(std::uint32_t size) {
    for (std::uint32_t i = 0; i < size; ++i) append(i);
  }
  void append(std::uint32_t i) {
    leaves.push_back(merkle_leaf(ByteWriter().u32(i).bytes()));
    for (const MerkleNode& node : frontier.append(leaves.back())) nodes[{node.level, node.index}] = node.hash;
  }
  [[nodiscard]] MerkleLookup lookup() const {
    return [this](unsigned level, std::uint64_t index) -> std::optional<Hash> {
      const auto found = nodes.find({level, index});
      return found == nodes.end() ? std::nullopt : std::optional(found->second);
    };
  }
};

/// RFC 6962 2.1 by the letter.
Hash naive_root(const std::vector<Hash>& leaves, std::size_t begin, std::size_t end) {
  if (begin == end) return merkle_empty_root();
  if (end - begin == 1) return leaves[begin];
  std::size_t k = 1;
  while (k * 2 < end - begin) k *= 2;
  return merkle_node(naive_root(leaves, begin, begin + k), naive_root(leaves, begin + k, end));
}

Hash naive_root(const std::vector<Hash>& leaves, std::size_t size) {
  return naive_root(leaves, 0, size);
}

}  // namespace

TEST_CASE("frontier and stored nodes give the naive root at every size", "[protocol][merkle]") {
  Log log(0);
  for (std::uint32_t n = 0; n <= 300; ++n) {
    CAPTURE(n);
    const Hash due = naive_root(log.leaves, n);
    CHECK(log.frontier.size() == n);
    CHECK(log.frontier.root() == due);
    CHECK(merkle_root(log.leaves) == due);
    CHECK(good(MerkleFrontier::decode(log.frontier.encode())) == log.frontier);
    log.append(n);
  }
  for (std::uint32_t n = 0; n <= 300; ++n) CHECK(good(merkle_root_at(n, log.lookup())) == naive_root(log.leaves, n));
}

TEST_CASE("roots agree with a tree built in Python", "[protocol][merkle][vectors]") {
  const Json v = vectors("protocol-vectors.json")["merkle"];
  MerkleFrontier frontier;
  for (std::size_t i = 0; i < v["leaf_hashes"].size(); ++i) {
    CHECK(frontier.root() == id_of<Hash>(v["roots"].items()[i]));
    frontier.append(id_of<Hash>(v["leaf_hashes"].items()[i]));
  }
  CHECK(frontier.root() == id_of<Hash>(v["roots"].items().back()));
}

TEST_CASE("every inclusion proof holds for its leaf, index, size and root only", "[protocol][merkle]") {
  const Log log(300);
  for (std::uint64_t size = 1; size <= 300; size = size < 40 ? size + 1 : size + 37) {
    const Hash root = naive_root(log.leaves, size);
    for (std::uint64_t index = 0; index < size; ++index) {
      CAPTURE(size, index);
      MerkleProof proof = good(inclusion_proof(index, size, log.lookup()));
      const Hash& leaf = log.leaves[index];
      REQUIRE(verify_inclusion(leaf, index, size, proof, root));
      CHECK_FALSE(verify_inclusion(log.leaves[(index + 1) % 300], index, size, proof, root));
      if (size > 1) CHECK_FALSE(verify_inclusion(leaf, (index + 1) % size, size, proof, root));
      CHECK_FALSE(verify_inclusion(leaf, index, size, proof, filled<Hash>(1)));
      CHECK_FALSE(verify_inclusion(leaf, size, size, proof, root));
      proof.push_back({});
      CHECK_FALSE(verify_inclusion(leaf, index, size, proof, root));
      proof.pop_back();
      if (!proof.empty()) {
        proof[proof.size() / 2].bytes[3] ^= 1;
        CHECK_FALSE(verify_inclusion(leaf, index, size, proof, root));
        proof.pop_back();
        CHECK_FALSE(verify_inclusion(leaf, index, size, proof, root));
      }
    }
  }
  CHECK(outcome(inclusion_proof(300, 300, log.lookup())) == "invalid index");
}

TEST_CASE("consistency is proven from every size to every later one, and to no other tree", "[protocol][merkle]") {
  const Log log(300);
  for (std::uint64_t new_size = 1; new_size <= 300; new_size = new_size < 40 ? new_size + 1 : new_size + 43) {
    const Hash new_root = naive_root(log.leaves, new_size);
    for (std::uint64_t old_size = 0; old_size <= new_size; ++old_size) {
      CAPTURE(old_size, new_size);
      const Hash old_root = naive_root(log.leaves, old_size);
      MerkleProof proof = good(consistency_proof(old_size, new_size, log.lookup()));
      REQUIRE(verify_consistency(old_size, old_root, new_size, new_root, proof));
      CHECK_FALSE(verify_consistency(old_size, filled<Hash>(1), new_size, new_root, proof));
      if (old_size != 0) CHECK_FALSE(verify_consistency(old_size, old_root, new_size, filled<Hash>(1), proof));
      proof.push_back({});
      CHECK_FALSE(verify_consistency(old_size, old_root, new_size, new_root, proof));
      proof.pop_back();
      if (!proof.empty()) {
        proof.back().bytes[0] ^= 1;
        CHECK_FALSE(verify_consistency(old_size, old_root, new_size, new_root, proof));
        proof.pop_back();
        CHECK_FALSE(verify_consistency(old_size, old_root, new_size, new_root, proof));
      }
    }
  }
  CHECK_FALSE(verify_consistency(3, naive_root(log.leaves, 3), 2, naive_root(log.leaves, 2), {}));
  CHECK(outcome(consistency_proof(3, 2, log.lookup())) == "invalid old_size");
}

TEST_CASE("one compact proof serves any choice of leaves", "[protocol][merkle]") {
  const Log log(300);
  FixedEnvironment environment;
  for (std::uint64_t size = 1; size <= 300; size = size < 24 ? size + 1 : size + 31) {
    const Hash root = naive_root(log.leaves, size);
    for (int round = 0; round < 20; ++round) {
      // A run of neighbours on even rounds, any sprinkling on odd ones.
      std::vector<std::uint64_t> indices;
      std::uint8_t drawn[2];
      environment.random(drawn, 2);
      for (std::uint64_t i = 0; i < size; ++i) {
        std::uint8_t coin = 0;
        environment.random(&coin, 1);
        const bool in_run = i >= drawn[0] % size && i <= drawn[0] % size + drawn[1] % 9;
        if (round % 2 == 0 ? in_run : coin % 4 == 0) indices.push_back(i);
      }
      if (indices.empty()) continue;
      CAPTURE(size, round);
      std::vector<std::pair<std::uint64_t, Hash>> leaves;
      for (const std::uint64_t i : indices) leaves.emplace_back(i, log.leaves[i]);
      MerkleProof proof = good(leaves_proof(indices, size, log.lookup()));
      REQUIRE(verify_leaves(leaves, size, proof, root));
      CHECK_FALSE(verify_leaves(leaves, size, proof, filled<Hash>(1)));
      leaves.front().second.bytes[0] ^= 1;
      CHECK_FALSE(verify_leaves(leaves, size, proof, root));
      leaves.front().second.bytes[0] ^= 1;
      proof.push_back({});
      CHECK_FALSE(verify_leaves(leaves, size, proof, root));
      proof.pop_back();
      if (!proof.empty()) {
        proof.front().bytes[9] ^= 1;
        CHECK_FALSE(verify_leaves(leaves, size, proof, root));
        proof.erase(proof.begin());
        CHECK_FALSE(verify_leaves(leaves, size, proof, root));
      }
    }
  }
}

TEST_CASE("a proof of leaves wants them ascending and inside the log", "[protocol][merkle]") {
  const Log log(8);
  for (const std::vector<std::uint64_t>& indices :
       {std::vector<std::uint64_t>{}, {8}, {1, 1}, {2, 1}, {0, ~std::uint64_t{0}}}) {
    CHECK(outcome(leaves_proof(indices, 8, log.lookup())) == "invalid indices");
  }
  const Hash root = naive_root(log.leaves, 8);
  const MerkleProof proof = good(leaves_proof({1, 2}, 8, log.lookup()));
  CHECK_FALSE(verify_leaves({{2, log.leaves[2]}, {1, log.leaves[1]}}, 8, proof, root));
  CHECK_FALSE(verify_leaves({}, 8, {}, root));
  CHECK_FALSE(verify_leaves({{1, log.leaves[1]}, {2, log.leaves[2]}}, ~std::uint64_t{0}, proof, root));
}

TEST_CASE("a hole in the stored tree is named, not papered over", "[protocol][merkle]") {
  Log log(9);
  log.nodes.erase({2, 1});
  const Result<MerkleProof> proof = inclusion_proof(0, 9, log.lookup());
  REQUIRE_FALSE(proof);
  CHECK(proof.error().code == ErrorCode::corrupt);
  CHECK(proof.error().field == "node 2/1");
}

TEST_CASE("a frontier and a proof from elsewhere are read strictly", "[protocol][merkle]") {
  const Bytes bytes = Log(11).frontier.encode();
  CHECK_FALSE(MerkleFrontier::decode(bytes + "x"));
  CHECK_FALSE(MerkleFrontier::decode(ByteView(bytes).substr(1)));
  CHECK(outcome(MerkleFrontier::decode(Bytes(8, '\xff'))) == "MALFORMED peaks");
  CHECK(outcome(decode_proof(Bytes(33, 'x'))) == "MALFORMED proof");
  CHECK(outcome(decode_proof(Bytes((merkle_proof_hashes_max + 1) * 32, 'x'))) == "too_large proof");
  CHECK(good(decode_proof(encode_proof({filled<Hash>(1), filled<Hash>(2)}))).size() == 2);
}

}  // namespace tern::protocol::test
