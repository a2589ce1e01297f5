#include "tern/protocol/statements.hpp"

#include "tern/protocol/merkle.hpp"

namespace tern::protocol {
namespace {

/// A one-byte code within [first, last]; anything else is a statement of a later version.
template <typename Code>
Code read_code(ByteReader& reader, Code first, Code last, std::string_view field) {
  const std::uint8_t value = reader.u8(field);
  if (value < static_cast<std::uint8_t>(first) || value > static_cast<std::uint8_t>(last)) {
    reader.refuse(ErrorCode::upgrade_required, field, "this code is not known here");
  }
  return static_cast<Code>(value);
}

/// How many items follow: 1 to `max`, and not more than the bytes that are left could hold.
std::uint32_t read_count(ByteReader& reader, std::size_t max, std::size_t item_bytes, std::string_view field) {
  const std::uint32_t count = reader.u32(field);
  if (count > max) {
    reader.refuse(ErrorCode::too_large, field, "a list is over its limit");
  } else if (count == 0 || reader.left() != count * item_bytes) {
    reader.refuse(ErrorCode::malformed, field, "the number of items does not fit the size");
  }
  return reader.ok() ? count : 0;
}

void write_name(ByteWriter& writer, const ChangeName& name) {
  writer.id(name.device).id(name.change);
}

ChangeName read_name(ByteReader& reader, std::string_view field) {
  ChangeName name;
  name.device = reader.id<DeviceId>(field);
  name.change = reader.id<ChangeId>(field);
  return name;
}

constexpr std::size_t name_bytes = 16 + 8;
constexpr std::size_t erased_bytes = name_bytes + 32;
constexpr std::size_t amended_bytes = name_bytes + 1 + 1 + 2 + name_bytes;

}  // namespace

void Revocation::write(ByteWriter& writer) const {
  writer.id(tenant).id(device).id(key).id(epoch).u64(tree_size).i64(time_ms).u8(static_cast<std::uint8_t>(reason));
}

Revocation Revocation::read(ByteReader& reader) {
  Revocation out;
  out.tenant = reader.id<TenantId>("tenant_id");
  out.device = reader.id<DeviceId>("device_id");
  out.key = reader.id<KeyId>("key_id");
  out.epoch = reader.id<EpochId>("epoch");
  out.tree_size = reader.u64("tree_size");
  out.time_ms = reader.i64("time_ms");
  out.reason = read_code(reader, RevocationReason::revoked, RevocationReason::replaced, "reason");
  return out;
}

void Erasure::write(ByteWriter& writer) const {
  writer.id(tenant).i64(time_ms).u32(static_cast<std::uint32_t>(changes.size()));
  for (const ErasedChange& change : changes) {
    write_name(writer, change.name);
    writer.id(change.commitment);
  }
}

Erasure Erasure::read(ByteReader& reader) {
  Erasure out;
  out.tenant = reader.id<TenantId>("tenant_id");
  out.time_ms = reader.i64("time_ms");
  const std::uint32_t count = read_count(reader, changes_max, erased_bytes, "changes");
  out.changes.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    const ChangeName name = read_name(reader, "changes");
    out.changes.push_back({name, reader.id<Hash>("changes")});
  }
  return out;
}

void Amendment::write(ByteWriter& writer) const {
  writer.id(tenant).id(epoch).u64(commit_seq).i64(time_ms).id(ticket);
  writer.u32(static_cast<std::uint32_t>(changes.size()));
  for (const AmendedChange& change : changes) {
    write_name(writer, change.name);
    writer.u8(change.before).u8(change.after).u16(change.rule);
    write_name(writer, change.cause);
  }
}

Amendment Amendment::read(ByteReader& reader) {
  Amendment out;
  out.tenant = reader.id<TenantId>("tenant_id");
  out.epoch = reader.id<EpochId>("epoch");
  out.commit_seq = reader.u64("commit_seq");
  out.time_ms = reader.i64("time_ms");
  out.ticket = reader.id<TicketId>("ticket_id");
  const std::uint32_t count = read_count(reader, changes_max, amended_bytes, "changes");
  out.changes.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    AmendedChange change;
    change.name = read_name(reader, "changes");
    change.before = reader.u8("before");
    change.after = reader.u8("after");
    change.rule = reader.u16("rule");
    change.cause = read_name(reader, "cause");
    out.changes.push_back(change);
  }
  return out;
}

void EpochRecord::write(ByteWriter& writer) const {
  writer.id(tenant).id(old_epoch).u64(kept_size).id(kept_root).id(new_epoch).i64(time_ms);
  writer.u8(static_cast<std::uint8_t>(reason));
}

EpochRecord EpochRecord::read(ByteReader& reader) {
  EpochRecord out;
  out.tenant = reader.id<TenantId>("tenant_id");
  out.old_epoch = reader.id<EpochId>("old_epoch");
  out.kept_size = reader.u64("kept_size");
  out.kept_root = reader.id<Hash>("kept_root");
  out.new_epoch = reader.id<EpochId>("new_epoch");
  out.time_ms = reader.i64("time_ms");
  out.reason = read_code(reader, EpochReason::restored, EpochReason::key_lost, "reason");
  return out;
}

void WipeOrder::write(ByteWriter& writer) const {
  writer.id(tenant).id(device).id(order).i64(time_ms);
}

WipeOrder WipeOrder::read(ByteReader& reader) {
  WipeOrder out;
  out.tenant = reader.id<TenantId>("tenant_id");
  out.device = reader.id<DeviceId>("device_id");
  out.order = reader.id<OrderId>("order_id");
  out.time_ms = reader.i64("time_ms");
  return out;
}

void AnchorWithdrawal::write(ByteWriter& writer) const {
  writer.id(tenant).id(epoch).u64(first_seq).u64(last_seq).i64(time_ms);
}

AnchorWithdrawal AnchorWithdrawal::read(ByteReader& reader) {
  AnchorWithdrawal out;
  out.tenant = reader.id<TenantId>("tenant_id");
  out.epoch = reader.id<EpochId>("epoch");
  out.first_seq = reader.u64("first_seq");
  out.last_seq = reader.u64("last_seq");
  out.time_ms = reader.i64("time_ms");
  if (out.first_seq > out.last_seq)
    reader.refuse(ErrorCode::malformed, "last_seq", "the stretch ends before it begins");
  return out;
}

Result<void> judge_epoch_record(const EpochRecord& record, const TenantId& tenant, const EpochId& epoch_held,
                                const std::vector<LogHead>& ladder, const std::vector<Hash>& proof) {
  const auto refuse = [](std::string field) {
    return fail(ErrorCode::server_rollback, "the server's new history does not continue the one this device knows",
                "work goes on offline; tell your administrator", std::move(field));
  };
  if (record.tenant != tenant) return refuse("tenant_id");
  if (record.old_epoch != epoch_held) return refuse("old_epoch");
  if (record.new_epoch == record.old_epoch) return refuse("new_epoch");
  const LogHead* newest_kept = nullptr;
  for (const LogHead& head : ladder) {
    if (head.epoch != epoch_held || head.size > record.kept_size) continue;
    if (newest_kept == nullptr || head.size > newest_kept->size) newest_kept = &head;
  }
  if (newest_kept == nullptr) return {};  // nothing known of what was kept: nothing to contradict
  if (!verify_consistency(newest_kept->size, newest_kept->root, record.kept_size, record.kept_root, proof)) {
    return refuse("kept_root");
  }
  return {};
}

}  // namespace tern::protocol
