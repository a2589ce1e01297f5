#include "tern/protocol/receipt.hpp"

#include <algorithm>

namespace tern::protocol {
namespace {

constexpr std::uint8_t receipt_version = 1;
constexpr std::uint8_t list_version = 1;
constexpr std::size_t receipt_bytes_max = 1 + 3 * 8 + leaf_bytes + 4 + outcome_bytes_max;

LogLeaf read_leaf(ByteReader& reader) {
  reader.tag(tag_leaf);
  LogLeaf leaf;
  leaf.set_hash = reader.id<Hash>("set_hash");
  leaf.commit_seq = reader.u64("commit_seq");
  leaf.time_ms = reader.i64("time_ms");
  leaf.outcome_hash = reader.id<Hash>("outcome_hash");
  return leaf;
}

/// Leaves of a list by their place in the log; a set that is listed twice has one.
std::vector<std::pair<std::uint64_t, Hash>> sorted_leaves(const std::vector<Receipt>& receipts) {
  std::vector<std::pair<std::uint64_t, Hash>> leaves;
  leaves.reserve(receipts.size());
  for (const Receipt& receipt : receipts) leaves.emplace_back(receipt.leaf_index, leaf_hash(receipt.leaf));
  std::sort(leaves.begin(), leaves.end());
  leaves.erase(std::unique(leaves.begin(), leaves.end()), leaves.end());
  return leaves;
}

Result<std::vector<Receipt>> decode_all(const std::vector<Bytes>& receipts) {
  if (receipts.empty()) return fail(ErrorCode::malformed, "a receipt list needs a receipt", {}, "receipts");
  if (receipts.size() > limits::sets_per_exchange_max) {
    return fail(ErrorCode::too_large, "too many receipts in one list", {}, "receipts");
  }
  std::vector<Receipt> out;
  out.reserve(receipts.size());
  for (const Bytes& bytes : receipts) {
    TERN_TRY(Receipt receipt, decode_receipt(bytes));
    out.push_back(std::move(receipt));
  }
  return out;
}

tl::unexpected<Error> disagrees(std::string field) {
  return fail(ErrorCode::verification_failed, "the server's receipts do not agree with what it signed", {},
              std::move(field));
}

}  // namespace

// ---- leaf and receipt ----

Bytes encode(const LogLeaf& leaf) {
  ByteWriter writer;
  writer.raw(tag_leaf).id(leaf.set_hash).u64(leaf.commit_seq).i64(leaf.time_ms).id(leaf.outcome_hash);
  return writer.take();
}

Result<LogLeaf> decode_leaf(ByteView bytes) {
  ByteReader reader(bytes);
  const LogLeaf leaf = read_leaf(reader);
  TERN_CHECKED(reader.finish());
  return leaf;
}

Hash outcome_hash(ByteView outcomes) {
  return hash("TRN1-OUTCOME", outcomes);
}

Hash leaf_hash(const LogLeaf& leaf) {
  return merkle_leaf(encode(leaf));
}

Receipt make_receipt(std::uint64_t device_epoch, std::uint64_t chain_seq, std::uint64_t leaf_index,
                     const Hash& set_hash, std::uint64_t commit_seq, std::int64_t time_ms, Bytes outcomes) {
  const LogLeaf leaf{set_hash, commit_seq, time_ms, outcome_hash(outcomes)};
  return {device_epoch, chain_seq, leaf_index, leaf, std::move(outcomes)};
}

Bytes encode(const Receipt& receipt) {
  ByteWriter writer;
  writer.u8(receipt_version).u64(receipt.device_epoch).u64(receipt.chain_seq).u64(receipt.leaf_index);
  writer.raw(encode(receipt.leaf)).sized(receipt.outcomes);
  return writer.take();
}

Result<Receipt> decode_receipt(ByteView bytes) {
  ByteReader reader(bytes);
  reader.version(receipt_version);
  Receipt receipt;
  receipt.device_epoch = reader.u64("device_epoch");
  receipt.chain_seq = reader.u64("chain_seq");
  receipt.leaf_index = reader.u64("leaf_index");
  receipt.leaf = read_leaf(reader);
  receipt.outcomes = Bytes(reader.sized(outcome_bytes_max, "outcomes"));
  TERN_CHECKED(reader.finish());
  if (outcome_hash(receipt.outcomes) != receipt.leaf.outcome_hash) {
    return fail(ErrorCode::content_mismatch, "a receipt's outcomes are not the ones in the log", {}, "outcomes");
  }
  return receipt;
}

// ---- the list ----

void ReceiptListHead::write(ByteWriter& writer) const {
  writer.id(epoch).id(device).u64(first_chain_seq).u64(last_chain_seq).id(list_hash).u64(tree_size).id(root);
}

ReceiptListHead ReceiptListHead::read(ByteReader& reader) {
  ReceiptListHead out;
  out.epoch = reader.id<EpochId>("epoch");
  out.device = reader.id<DeviceId>("device_id");
  out.first_chain_seq = reader.u64("first_chain_seq");
  out.last_chain_seq = reader.u64("last_chain_seq");
  out.list_hash = reader.id<Hash>("list_hash");
  out.tree_size = reader.u64("tree_size");
  out.root = reader.id<Hash>("root");
  return out;
}

Hash receipt_list_hash(const std::vector<Bytes>& receipts) {
  ByteWriter writer;
  writer.u32(static_cast<std::uint32_t>(receipts.size()));
  for (const Bytes& receipt : receipts) writer.sized(receipt);
  return hash("TRN1-RCLIST", writer.bytes());
}

Result<ReceiptList> sign_receipts(std::vector<Bytes> receipts, const LogHead& head, const DeviceId& device,
                                  const MerkleLookup& nodes, const SigningKey& log_key) {
  TERN_TRY(const std::vector<Receipt> decoded, decode_all(receipts));
  std::vector<std::uint64_t> indices;
  for (const auto& [index, hash] : sorted_leaves(decoded)) indices.push_back(index);
  TERN_TRY(MerkleProof proof, leaves_proof(indices, head.size, nodes));
  const ReceiptListHead list_head{
      head.epoch, device,   decoded.front().chain_seq, decoded.back().chain_seq, receipt_list_hash(receipts),
      head.size,  head.root};
  return ReceiptList{std::move(receipts), sign_statement(list_head, log_key).wire, std::move(proof)};
}

Result<VerifiedReceipts> verify_receipts(const ReceiptList& list, const DeviceId& device, const PublicKey& log_key) {
  TERN_TRY(const Signed<ReceiptListHead> head, open_statement<ReceiptListHead>(list.head, log_key));
  if (receipt_list_hash(list.receipts) != head.value.list_hash) return disagrees("list_hash");
  if (head.value.device != device) return disagrees("device_id");
  TERN_TRY(std::vector<Receipt> receipts, decode_all(list.receipts));
  if (receipts.front().chain_seq != head.value.first_chain_seq) return disagrees("first_chain_seq");
  if (receipts.back().chain_seq != head.value.last_chain_seq) return disagrees("last_chain_seq");
  if (!verify_leaves(sorted_leaves(receipts), head.value.tree_size, list.proof, head.value.root))
    return disagrees("proof");
  return VerifiedReceipts{head.value, std::move(receipts)};
}

Bytes encode(const ReceiptList& list) {
  ByteWriter writer;
  writer.u8(list_version).sized(list.head).sized(encode_proof(list.proof));
  writer.u32(static_cast<std::uint32_t>(list.receipts.size()));
  for (const Bytes& receipt : list.receipts) writer.sized(receipt);
  return writer.take();
}

Result<ReceiptList> decode_receipt_list(ByteView bytes) {
  ByteReader reader(bytes);
  reader.version(list_version);
  ReceiptList list;
  list.head = Bytes(reader.sized(statement_bytes_max, "head"));
  const ByteView proof = reader.sized(merkle_proof_hashes_max * Hash::size_bytes, "proof");
  const std::uint32_t count = reader.u32("receipts");
  if (count > limits::sets_per_exchange_max) {
    reader.refuse(ErrorCode::too_large, "receipts", "too many receipts in one list");
  }
  for (std::uint32_t i = 0; i < count && reader.ok(); ++i) {
    list.receipts.emplace_back(reader.sized(receipt_bytes_max, "receipts"));
  }
  TERN_CHECKED(reader.finish());
  TERN_TRY(list.proof, decode_proof(proof));
  return list;
}

}  // namespace tern::protocol
