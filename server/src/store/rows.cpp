// Rows of meta and device: written by the strand, read at the start.
#include "tenant_internals.hpp"
#include "tern/protocol/wire.hpp"

namespace tern::server {
namespace {

constexpr std::string_view device_columns =
    "SELECT device_id, operator_id, key_id, public_key, suite, purpose, key_state, device_epoch, chain_seq, "
    "chain_hash, "
    "last_lo_ms, last_effective_ms, sent_seq, declared_seq, declared_ms, previous_declared_seq, previous_declared_ms, "
    "cursor_seq, outbox_pending, last_seen_ms, forked_ms, forked_hash, certificate, scope_all, name, platform, "
    "wipe_order, revocation FROM device WHERE tenant_id = $1";

constexpr std::string_view device_upsert =
    "INSERT INTO device (tenant_id, device_id, operator_id, key_id, public_key, suite, purpose, key_state, "
    "device_epoch, "
    "chain_seq, chain_hash, last_lo_ms, last_effective_ms, sent_seq, declared_seq, declared_ms, previous_declared_seq, "
    "previous_declared_ms, cursor_seq, outbox_pending, last_seen_ms, forked_ms, forked_hash, certificate, scope_all, "
    "name, platform, wipe_order, revocation) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, "
    "$16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29) "
    "ON CONFLICT (tenant_id, device_id) DO UPDATE SET key_state = excluded.key_state, "
    "device_epoch = excluded.device_epoch, chain_seq = excluded.chain_seq, chain_hash = excluded.chain_hash, "
    "last_lo_ms = excluded.last_lo_ms, last_effective_ms = excluded.last_effective_ms, sent_seq = excluded.sent_seq, "
    "declared_seq = excluded.declared_seq, declared_ms = excluded.declared_ms, "
    "previous_declared_seq = excluded.previous_declared_seq, previous_declared_ms = excluded.previous_declared_ms, "
    "cursor_seq = excluded.cursor_seq, outbox_pending = excluded.outbox_pending, last_seen_ms = excluded.last_seen_ms, "
    "forked_ms = excluded.forked_ms, forked_hash = excluded.forked_hash, certificate = excluded.certificate, "
    "name = excluded.name, platform = excluded.platform, wipe_order = excluded.wipe_order, "
    "revocation = excluded.revocation";

std::optional<sqlite::Blob> blob_or_null(const Bytes& bytes) {
  if (bytes.empty()) return std::nullopt;
  return sqlite::Blob{bytes};
}

Device device_of(const sqlite::Statement& row) {
  Device device;
  DeviceRow& out = device.row;
  out.id = row.id<DeviceId>(0);
  out.operator_id = row.id<OperatorId>(1);
  out.key = row.id<KeyId>(2);
  out.public_key = row.id<protocol::PublicKey>(3);
  out.suite = static_cast<std::uint8_t>(row.int64(4));
  out.purpose = row.int64(5) == 0 ? protocol::KeyPurpose::device : protocol::KeyPurpose::sealing;
  const std::int64_t state = row.int64(6);
  // A state that is not known here is the strictest one.
  out.key_state = state == 0   ? protocol::KeyState::active
                  : state == 1 ? protocol::KeyState::frozen
                               : protocol::KeyState::revoked;
  out.chain = {row.uint64(7), row.uint64(8), row.id<Hash>(9)};
  out.last_lo_ms = row.int64(10);
  out.last_effective_ms = row.int64(11);
  DeviceNotes& notes = device.notes;
  notes.sent_seq = row.uint64(12);
  notes.declared_seq = row.uint64(13);
  notes.declared_ms = row.int64(14);
  notes.previous_declared_seq = row.uint64(15);
  notes.previous_declared_ms = row.int64(16);
  notes.cursor_seq = row.uint64(17);
  notes.outbox_pending = row.uint64(18);
  notes.last_seen_ms = row.int64(19);
  out.forked_ms = row.int64(20);
  out.forked_hash = Bytes(row.blob(21));
  out.certificate = Bytes(row.blob(22));
  out.scope_all = row.boolean(23);
  out.name = std::string(row.text(24));
  out.platform = std::string(row.text(25));
  out.wipe_order = Bytes(row.blob(26));
  out.revocation = Bytes(row.blob(27));
  return device;
}

}  // namespace

Result<std::optional<Bytes>> read_meta(sqlite::Database& db, std::int64_t tenant, std::string_view name) {
  TERN_TRY(auto rows,
           db.query("SELECT value FROM meta WHERE tenant_id = $1 AND name = $2", tenant, sqlite::Text{name}));
  TERN_TRY(const bool found, rows.step());
  if (!found) return std::optional<Bytes>{};
  return std::optional<Bytes>(Bytes(rows.blob(0)));
}

Result<void> write_meta(sqlite::Database& db, std::int64_t tenant, std::string_view name, ByteView value) {
  return db.run(
      "INSERT INTO meta (tenant_id, name, value) VALUES ($1, $2, $3) "
      "ON CONFLICT (tenant_id, name) DO UPDATE SET value = excluded.value",
      tenant, sqlite::Text{name}, sqlite::Blob{value});
}

Bytes meta_number(std::uint64_t value) {
  return protocol::ByteWriter().u64(value).take();
}

std::uint64_t meta_number(const std::optional<Bytes>& value, std::uint64_t fallback) {
  if (!value || value->size() != 8) return fallback;
  protocol::ByteReader reader(*value);
  return reader.u64("value");
}

std::uint64_t ledger_row_check(ByteView row_key, std::uint64_t commit_seq, ByteView header, const Signature& signature,
                               ByteView outcomes, std::optional<std::int64_t> lo_ms) {
  protocol::ByteWriter row;
  row.u64(commit_seq).raw(header).id(signature).raw(outcomes);
  if (lo_ms) row.i64(*lo_ms);
  return protocol::row_checksum(row_key, row.bytes());
}

Result<std::vector<Device>> read_devices(sqlite::Database& db, std::int64_t tenant) {
  std::vector<Device> devices;
  TERN_TRY(auto rows, db.query(device_columns, tenant));
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return devices;
    devices.push_back(device_of(rows));
  }
}

Result<void> write_device(sqlite::Database& db, std::int64_t tenant, const DeviceRow& row, const DeviceNotes& notes) {
  using sqlite::Blob;
  using sqlite::Text;
  return db.run(device_upsert, tenant, row.id, row.operator_id, row.key, row.public_key, row.suite, row.purpose,
                row.key_state, row.chain.device_epoch, row.chain.chain_seq, row.chain.hash, row.last_lo_ms,
                row.last_effective_ms, notes.sent_seq, notes.declared_seq, notes.declared_ms,
                notes.previous_declared_seq, notes.previous_declared_ms, notes.cursor_seq, notes.outbox_pending,
                notes.last_seen_ms, row.forked_ms, blob_or_null(row.forked_hash), Blob{row.certificate}, row.scope_all,
                Text{row.name}, Text{row.platform}, blob_or_null(row.wipe_order), blob_or_null(row.revocation));
}

Result<void> write_notes(sqlite::Database& db, std::int64_t tenant, const DeviceId& device, const DeviceNotes& notes) {
  return db.run(
      "UPDATE device SET sent_seq = $3, declared_seq = $4, declared_ms = $5, previous_declared_seq = $6, "
      "previous_declared_ms = $7, cursor_seq = $8, outbox_pending = $9, last_seen_ms = $10 "
      "WHERE tenant_id = $1 AND device_id = $2",
      tenant, device, notes.sent_seq, notes.declared_seq, notes.declared_ms, notes.previous_declared_seq,
      notes.previous_declared_ms, notes.cursor_seq, notes.outbox_pending, notes.last_seen_ms);
}

}  // namespace tern::server
