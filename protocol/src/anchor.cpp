#include "tern/protocol/anchor.hpp"

namespace tern::protocol {

void Anchor::write(ByteWriter& writer) const {
  writer.id(tenant).id(epoch).u64(anchor_seq).i64(time_ms).u64(tree_size).id(root);
  writer.u64(backup_stable_seq).u64(number_block).id(previous);
}

Anchor Anchor::read(ByteReader& reader) {
  Anchor out;
  out.tenant = reader.id<TenantId>("tenant_id");
  out.epoch = reader.id<EpochId>("epoch");
  out.anchor_seq = reader.u64("anchor_seq");
  out.time_ms = reader.i64("time_ms");
  out.tree_size = reader.u64("tree_size");
  out.root = reader.id<Hash>("root");
  out.backup_stable_seq = reader.u64("backup_stable_seq");
  out.number_block = reader.u64("number_block");
  out.previous = reader.id<Hash>("previous");
  return out;
}

Hash anchor_hash(ByteView wire) {
  return hash("TRN1-ANCHOR", wire);
}

Result<void> judge_anchor(const Anchor& held, const Anchor& next) {
  const auto rollback = [](std::string field) {
    return fail(ErrorCode::server_rollback, "the server's history is older than what this device has seen",
                "work goes on offline; tell your administrator", std::move(field));
  };
  if (next.tenant != held.tenant) {
    return fail(ErrorCode::tenant_mismatch, "an anchor of another tenant", {}, "tenant_id");
  }
  if (next.epoch != held.epoch) {
    return fail(ErrorCode::epoch_changed, "the server's history has a new epoch", {}, "epoch");
  }
  if (next.anchor_seq < held.anchor_seq) return rollback("anchor_seq");
  if (next.time_ms < held.time_ms) return rollback("time_ms");
  if (next.tree_size < held.tree_size) return rollback("tree_size");
  if (next.backup_stable_seq < held.backup_stable_seq) return rollback("backup_stable_seq");
  if (next.tree_size == held.tree_size && next.root != held.root) return rollback("root");
  return {};
}

}  // namespace tern::protocol
