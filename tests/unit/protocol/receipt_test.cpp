#include "tern/protocol/receipt.hpp"
#include "fixtures.hpp"

namespace tern::protocol::test {
namespace {

/// A log of 40 leaves; ours are some of them.
struct Fixture {
  MerkleFrontier frontier;
  std::map<std::pair<unsigned, std::uint64_t>, Hash> nodes;
  std::vector<Bytes> receipts;

  Fixture() {
    for (std::uint64_t i = 0; i < 40; ++i) {
      const Receipt receipt =
          make_receipt(1, 100 + i, i, filled<Hash>(static_cast<std::uint8_t>(i)), 1'000 + i, 5'000, "outcome");
      for (const MerkleNode& node : frontier.append(leaf_hash(receipt.leaf))) {
        nodes[{node.level, node.index}] = node.hash;
      }
      if ((i >= 7 && i < 12) || i == 30) receipts.push_back(encode(receipt));
    }
  }
  [[nodiscard]] MerkleLookup lookup() const {
    return [this](unsigned level, std::uint64_t index) { return std::optional(nodes.at({level, index})); };
  }
  [[nodiscard]] ReceiptList list() const {
    return good(
        sign_receipts(receipts, {test_epoch, frontier.size(), frontier.root()}, test_device, lookup(), log_key()));
  }
};

std::string judged(const ReceiptList& list) {
  return outcome(verify_receipts(list, test_device, log_key().public_key()));
}

}  // namespace

TEST_CASE("leaf, receipt and list are built by the bytes of the document", "[protocol][receipt][vectors]") {
  const Json v = vectors("protocol-vectors.json")["receipts"];
  std::vector<Bytes> stored;
  std::vector<std::pair<std::uint64_t, Hash>> leaves;
  for (const Json& item : v["items"].items()) {
    const auto number = [&](const char* field) { return static_cast<std::uint64_t>(item[field].as_integer()); };
    const Receipt receipt =
        make_receipt(number("epoch"), number("seq"), number("index"), id_of<Hash>(item["set_hash"]),
                     number("commit_seq"), item["time_ms"].as_integer(), bytes_of(item["outcomes"]));
    CHECK(receipt.leaf.outcome_hash == id_of<Hash>(item["outcome_hash"]));
    CHECK(to_hex(encode(receipt.leaf)) == item["leaf"].as_string());
    CHECK(leaf_hash(receipt.leaf) == id_of<Hash>(item["leaf_hash"]));
    CHECK(to_hex(encode(receipt)) == item["receipt"].as_string());
    CHECK(good(decode_leaf(encode(receipt.leaf))) == receipt.leaf);
    CHECK(good(decode_receipt(encode(receipt))) == receipt);
    stored.push_back(encode(receipt));
    leaves.emplace_back(receipt.leaf_index, leaf_hash(receipt.leaf));
  }
  CHECK(receipt_list_hash(stored) == id_of<Hash>(v["list_hash"]));
  const ReceiptListHead head{id_of<EpochId>(v["server_epoch"]),
                             id_of<DeviceId>(v["device_id"]),
                             5,
                             7,
                             receipt_list_hash(stored),
                             5,
                             id_of<Hash>(v["root"])};
  ByteWriter writer = begin_statement(ReceiptListHead::tag, id_of<KeyId>(v["signer"]));
  head.write(writer);
  CHECK(to_hex(writer.bytes()) == v["head_signed_part"].as_string());
  const Hash others =
      merkle_node(id_of<Hash>(v["other_leaf_hashes"].items()[0]), id_of<Hash>(v["other_leaf_hashes"].items()[1]));
  CHECK(verify_leaves(leaves, 5, {others}, head.root));
}

TEST_CASE("the receipts of one exchange are proven by one signature and one proof", "[protocol][receipt]") {
  const Fixture fixture;
  const ReceiptList list = fixture.list();
  const VerifiedReceipts verified = good(verify_receipts(list, test_device, log_key().public_key()));
  CHECK(verified.receipts.size() == 6);
  CHECK(verified.head.first_chain_seq == 107);
  CHECK(verified.head.last_chain_seq == 130);
  CHECK(verified.head.tree_size == 40);
  CHECK(list.proof.size() < 10);
  CHECK(good(decode_receipt_list(encode(list))) == list);
}

TEST_CASE("every byte of a receipt list is accounted for", "[protocol][receipt]") {
  const ReceiptList list = Fixture().list();
  const Bytes wire = encode(list);
  for (std::size_t at = 0; at < wire.size(); ++at) {
    CAPTURE(at);
    const Result<ReceiptList> decoded = decode_receipt_list(flipped(wire, at));
    if (decoded) CHECK(judged(*decoded) != "good");
    CHECK_FALSE(decode_receipt_list(ByteView(wire).substr(0, at)));
  }
}

TEST_CASE("a receipt list that was cut, reordered or meant for another device is refused by name",
          "[protocol][receipt]") {
  const Fixture fixture;
  const ReceiptList honest = fixture.list();
  ReceiptList list = honest;
  list.receipts.pop_back();
  CHECK(judged(list) == "verification_failed list_hash");
  list = honest;
  std::swap(list.receipts[0], list.receipts[1]);
  CHECK(judged(list) == "verification_failed list_hash");
  list = honest;
  list.proof.pop_back();
  CHECK(judged(list) == "verification_failed proof");
  CHECK(outcome(verify_receipts(honest, filled<DeviceId>(1), log_key().public_key())) ==
        "verification_failed device_id");
  list = honest;
  list.receipts.clear();
  CHECK(judged(list) == "verification_failed list_hash");
}

TEST_CASE("a signed list whose leaves are not in the signed log is refused", "[protocol][receipt]") {
  const Fixture fixture;
  std::vector<Bytes> receipts = fixture.receipts;
  receipts[0] = encode(make_receipt(1, 107, 7, filled<Hash>(7), 1'007, 5'000, "another outcome"));
  const ReceiptList list = good(sign_receipts(receipts, {test_epoch, fixture.frontier.size(), fixture.frontier.root()},
                                              test_device, fixture.lookup(), log_key()));
  CHECK(judged(list) == "verification_failed proof");
}

TEST_CASE("a receipt whose outcomes are not the logged ones is refused", "[protocol][receipt]") {
  const Bytes receipt = encode(make_receipt(1, 2, 3, filled<Hash>(1), 4, 5, "outcome"));
  CHECK(outcome(decode_receipt(flipped(receipt, receipt.size() - 1))) == "CONTENT_MISMATCH outcomes");
  CHECK(outcome(decode_receipt(flipped(receipt, 25))) == "MALFORMED tag");
  CHECK(outcome(decode_receipt(flipped(receipt, 0))) == "UPGRADE_REQUIRED version");
  CHECK(outcome(decode_receipt(receipt + "x")) == "MALFORMED size");
}

TEST_CASE("a receipt list is bounded", "[protocol][receipt]") {
  const Fixture fixture;
  const LogHead head{test_epoch, fixture.frontier.size(), fixture.frontier.root()};
  CHECK(outcome(sign_receipts({}, head, test_device, fixture.lookup(), log_key())) == "MALFORMED receipts");
  const std::vector<Bytes> many(limits::sets_per_exchange_max + 1, fixture.receipts[0]);
  CHECK(outcome(sign_receipts(many, head, test_device, fixture.lookup(), log_key())) == "too_large receipts");
  // The same set pushed twice in one exchange gets its receipt twice, over one leaf.
  const std::vector<Bytes> twice{fixture.receipts[0], fixture.receipts[0]};
  CHECK(judged(good(sign_receipts(twice, head, test_device, fixture.lookup(), log_key()))) == "good");
}

}  // namespace tern::protocol::test
