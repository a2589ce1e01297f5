#include "devices.hpp"

#include <algorithm>

#include "device_records.hpp"
#include "run_batch.hpp"

namespace tern::server {
namespace {

/// Devices whose keys ended in histories that were given up and that are not known here. No such row: no restore told.
constexpr std::string_view meta_ended = "ended_before";

Result<void> check_device_count(std::size_t active) {
  if (active < limits::devices_per_operator_max) return {};
  return fail(ErrorCode::not_permitted,
              "This operator has " + std::to_string(active) + " devices already, as many as one may have.",
              "An administrator can revoke one: ternd device revoke NAME", "operator");
}

Result<void> check_may_enrol(const Batch& batch, const OperatorId& operator_id) {
  const auto actor = batch.find_actor(operator_id);
  if (!actor) return fail(ErrorCode::not_found, "there is no such operator", {}, "operator");
  if (!actor->active) return fail(ErrorCode::not_permitted, "this operator is disabled", {}, "operator");
  std::size_t active = 0;
  for (const DeviceId& id : batch.devices_of(operator_id))
    if (batch.peek_device(id)->key_state == protocol::KeyState::active) ++active;
  return check_device_count(active);
}

DeviceRow row_of(const NewDevice& device) {
  DeviceRow row;
  row.id = device.device;
  row.operator_id = device.operator_id;
  row.key = protocol::key_id(device.public_key);
  row.public_key = device.public_key;
  row.certificate = device.certificate;
  row.chain = {1, 0, protocol::genesis_prev_hash(device.certificate)};
  row.scope_all = device.scope_all;
  row.name = device.name;
  row.platform = device.platform;
  return row;
}

/// A device that the tenant does not have yet, and its record.
Result<ServerCommit> put_new_device(Batch& batch, DeviceRow row) {
  TERN_CHECKED(check_may_enrol(batch, row.operator_id));
  if (batch.peek_device(row.id) != nullptr)
    return fail(ErrorCode::invalid, "there is a device of this id already", {}, "device");
  std::vector<ServerChange> record;
  record.push_back(device_record(batch, row));
  batch.put_device(std::move(row));
  return server_set(batch, std::move(record));
}

/// The device has told everything it has: nothing sealed or saved is still on its way.
bool nothing_pending(const DeviceNotes& notes, const DeviceRow& row) {
  return notes.outbox_pending == 0 || (notes.declared_seq != 0 && row.chain.chain_seq >= notes.declared_seq);
}

DeviceInfo info_of(const Device& device) {
  const DeviceRow& row = device.row;
  const DeviceNotes& notes = device.notes;
  DeviceInfo info;
  info.device = row.id;
  info.operator_id = row.operator_id;
  info.public_key = row.public_key;
  info.key = row.key;
  info.key_state = row.key_state;
  info.purpose = row.purpose;
  info.chain = row.chain;
  info.cursor_seq = notes.cursor_seq;
  info.sent_seq = notes.sent_seq;
  info.outbox_pending = nothing_pending(notes, row) ? 0 : notes.outbox_pending;
  info.last_seen_ms = notes.last_seen_ms;
  info.forked_ms = row.forked_ms;
  info.scope_all = row.scope_all;
  info.name = row.name;
  info.platform = row.platform;
  info.certificate = row.certificate;
  info.wipe_order = row.wipe_order;
  info.revocation = row.revocation;
  return info;
}

/// A head further ahead than what the device itself says is on its way is none of its chain: what the server has
/// processed counts instead. So no declaration can lie beyond what is still to come and bound nothing for ever.
protocol::ChainHead credible(const DeviceRow& row, const protocol::ChainHead& declared,
                             const std::optional<std::uint64_t>& pending) {
  const bool beyond =
      pending && declared.chain_seq > row.chain.chain_seq && declared.chain_seq - row.chain.chain_seq > *pending;
  return beyond ? row.chain : declared;
}

/// Each head bounds the sets behind it by the time of its exchange. A later one that is not above an earlier one says
/// all of that and more, and takes its place.
void note_declared(DeviceNotes& notes, const DeviceRow& row, const protocol::ChainHead& told,
                   const std::optional<std::uint64_t>& pending, std::int64_t sent_ms) {
  const protocol::ChainHead declared = credible(row, told, pending);
  if (declared.device_epoch != row.chain.device_epoch || declared.chain_seq < row.chain.chain_seq) return;
  const bool another = declared.chain_seq != 0 && !declared.hash.is_zero() && declared.hash != row.chain.hash;
  if (declared.chain_seq == row.chain.chain_seq && another) return;  // of a chain that split: its push will show it
  const bool renamed = declared.chain_seq == notes.declared_seq && !notes.declared_hash.is_zero() &&
                       declared.hash != notes.declared_hash && declared.chain_seq > row.chain.chain_seq;
  if (renamed) {  // what it is called now was not sealed yet when that place was declared first
    notes.previous_declared_seq = row.chain.chain_seq;
    notes.previous_declared_ms = notes.declared_ms;
  } else if (declared.chain_seq > notes.declared_seq && notes.declared_seq <= row.chain.chain_seq) {
    // The one before goes on bounding the sets that are still to come; another in between would say nothing of the
    // first of them, and must not push it out.
    notes.previous_declared_seq = notes.declared_seq;
    notes.previous_declared_ms = notes.declared_ms;
  } else if (declared.chain_seq <= notes.previous_declared_seq) {
    notes.previous_declared_seq = declared.chain_seq;
    notes.previous_declared_ms = sent_ms;
  }
  notes.declared_seq = declared.chain_seq;
  notes.declared_hash = declared.hash;
  notes.declared_ms = sent_ms;
}

}  // namespace

std::string_view state_name(protocol::KeyState state) {
  switch (state) {
    case protocol::KeyState::active:
      return "active";
    case protocol::KeyState::frozen:
      return "frozen";
    case protocol::KeyState::revoked:
      return "revoked";
  }
  return "revoked";
}

ServerChange device_record(Batch& batch, const DeviceRow& device, const OperatorId& acting) {
  sync::Record record;
  record.kind = sync::RecordKind::device;
  record.id = RecordId::or_zero(device.id.view());
  record.name = device.name;
  record.attributes = {{"operator", to_uuid_text(device.operator_id.view())},
                       {"platform", device.platform},
                       {"public_key", to_hex(device.public_key)},
                       {"scope", device.scope_all ? "all" : "own"},
                       {"state", std::string(state_name(device.key_state))},
                       {"epoch", std::to_string(device.chain.device_epoch)}};
  static_cast<void>(batch);
  ServerChange entry;
  entry.acting = acting;
  entry.change.intent = sync::Intent::record;
  entry.change.record_kind = static_cast<std::uint32_t>(record.kind);
  entry.change.record = sync::encode_record(record);
  return entry;
}

Result<Bytes> end_key(Batch& batch, DeviceRow& device, protocol::RevocationReason reason, const OperatorId& acting) {
  protocol::Revocation revocation;
  revocation.tenant = batch.tenant.id();
  revocation.device = device.id;
  revocation.key = device.key;
  revocation.epoch = batch.in.epoch;
  revocation.tree_size = batch.frontier.size();
  revocation.time_ms = batch.commit_ms;
  revocation.reason = reason;
  device.revocation = protocol::sign_statement(revocation, batch.in.keys.log).wire;
  device.key_state =
      reason == protocol::RevocationReason::frozen ? protocol::KeyState::frozen : protocol::KeyState::revoked;
  std::vector<ServerChange> record;
  record.push_back(device_record(batch, device, acting));
  TERN_TRY(const ServerCommit commit, server_set(batch, std::move(record)));
  if (commit.outcomes.front() != sync::Outcome::applied)
    return fail(ErrorCode::not_permitted, "only an admin ends a device", {}, "device");
  return device.revocation;
}

Result<ServerCommit> add_device(Tenant& tenant, const NewDevice& device) {
  const auto strand = tenant.lock_writer();
  TERN_CHECKED(prepare_anchors(tenant));  // the answer carries an anchor, made inside the transaction
  return run_batch(tenant, [&](Batch& batch) -> Result<ServerCommit> {
    batch.before_commit = device.in_transaction;
    return put_new_device(batch, row_of(device));
  });
}

Result<void> expect_ended(Tenant& tenant, const std::optional<std::vector<DeviceId>>& devices) {
  return tenant.write([&](sqlite::Database& db) -> Result<void> {
    if (!devices)
      return db.run("DELETE FROM meta WHERE tenant_id = $1 AND name = $2", tenant.number(), sqlite::Text{meta_ended});
    protocol::ByteWriter bytes;
    for (const DeviceId& device : *devices) bytes.id(device);
    return write_meta(db, tenant.number(), meta_ended, bytes.bytes());
  });
}

Result<bool> ended_before(sqlite::Database& db, std::int64_t tenant, const DeviceId& device) {
  TERN_TRY(const auto ended, read_meta(db, tenant, meta_ended));
  protocol::ByteReader devices(ended ? *ended : ByteView());
  while (devices.ok() && devices.left() != 0)
    if (devices.id<DeviceId>("device_id") == device) return true;
  return false;
}

Result<void> readmit_device(Tenant& tenant, const protocol::Certificate& certificate, ByteView wire) {
  const auto strand = tenant.lock_writer();
  // Of an epoch that a restore gave up: one that is over here, or one that this server never heard of, because its
  // backup is older.
  const bool given_up = !tenant.internals().past_epochs.empty() && certificate.server_epoch != tenant.epoch();
  const bool lawful = !certificate.author.is_zero() && given_up;
  std::optional<Bytes> ended;
  TERN_CHECKED(tenant.write([&](sqlite::Database& db) -> Result<void> {
    TERN_TRY(ended, read_meta(db, tenant.number(), meta_ended));
    return {};
  }));
  bool over = !lawful || !ended;
  protocol::ByteReader devices(ended ? *ended : ByteView());
  while (devices.ok() && devices.left() != 0) over = devices.id<DeviceId>("device_id") == certificate.device || over;
  if (over)
    return fail(ErrorCode::not_permitted, "this device does not come back by itself", "enrol it anew", "device");
  NewDevice device;
  device.device = certificate.device;
  device.operator_id = certificate.author;
  device.public_key = certificate.public_key;
  device.certificate = Bytes(wire);
  device.name = "came back " + to_hex(certificate.device).substr(0, 8);
  DeviceRow row = row_of(device);
  row.chain.device_epoch = certificate.device_epoch;
  TERN_TRY(const ServerCommit commit, run_batch(tenant, [&](Batch& batch) -> Result<ServerCommit> {
             // What it signed in the device epochs before is gone from here, too: it signs all of it again, under the
             // next.
             if (certificate.device_epoch > 1)
               TERN_CHECKED(begin_device_epoch(batch, row, certificate.device_epoch + 1));
             return put_new_device(batch, row);
           }));
  static_cast<void>(commit);
  return {};
}

Result<EndedDevice> end_device(Tenant& tenant, const DeviceId& id, protocol::RevocationReason reason,
                               const OperatorId& acting) {
  return run_batch(tenant, [&](Batch& batch) -> Result<EndedDevice> {
    const DeviceRow* known = batch.peek_device(id);
    if (known == nullptr || known->purpose != protocol::KeyPurpose::device)
      return fail(ErrorCode::not_found, "there is no such device", {}, "device");
    const bool freezes = reason == protocol::RevocationReason::frozen;
    const bool over =
        known->key_state == protocol::KeyState::revoked || (freezes && known->key_state == protocol::KeyState::frozen);
    if (over) return EndedDevice{id, known->revocation};
    TERN_TRY(Bytes statement, end_key(batch, *batch.device(id), reason, acting));
    return EndedDevice{id, std::move(statement)};
  });
}

Result<std::vector<EndedDevice>> disable_operator(Tenant& tenant, const OperatorId& operator_id,
                                                  const OperatorId& acting) {
  return run_batch(tenant, [&](Batch& batch) -> Result<std::vector<EndedDevice>> {
    const sync::Record* known = batch.find_record(sync::RecordKind::operator_, RecordId::or_zero(operator_id.view()));
    if (known == nullptr) return fail(ErrorCode::not_found, "there is no such operator", {}, "operator");
    sync::Record record = *known;
    record.attributes["active"] = "0";
    ServerChange entry;
    entry.acting = acting;
    entry.change.intent = sync::Intent::record;
    entry.change.record_kind = static_cast<std::uint32_t>(record.kind);
    entry.change.record = sync::encode_record(record);
    std::vector<ServerChange> changes;
    changes.push_back(std::move(entry));
    TERN_TRY(const ServerCommit commit, server_set(batch, std::move(changes)));
    if (commit.outcomes.front() != sync::Outcome::applied)
      return fail(ErrorCode::not_permitted, "only an admin disables an operator", {}, "operator");
    std::vector<EndedDevice> ended;
    for (const DeviceId& id : batch.devices_of(operator_id)) {
      if (batch.peek_device(id)->key_state == protocol::KeyState::revoked) continue;
      // The admin may be disabling themselves: what follows from it is the server's.
      TERN_TRY(Bytes statement,
               end_key(batch, *batch.device(id), protocol::RevocationReason::operator_disabled, OperatorId{}));
      ended.push_back({id, std::move(statement)});
    }
    return ended;
  });
}

Result<Bytes> order_wipe(Tenant& tenant, const DeviceId& id, const OperatorId& acting) {
  return run_batch(tenant, [&](Batch& batch) -> Result<Bytes> {
    DeviceRow* device = batch.device(id);
    if (device == nullptr || device->purpose != protocol::KeyPurpose::device)
      return fail(ErrorCode::not_found, "there is no such device", {}, "device");
    protocol::WipeOrder order;
    order.tenant = tenant.id();
    order.device = id;
    order.order = random_id<protocol::WipeOrder::OrderId>(batch.in.environment);
    order.time_ms = batch.commit_ms;
    if (device->wipe_order.empty()) device->wipe_order = protocol::sign_statement(order, batch.in.keys.log).wire;
    batch.wrote = true;
    if (device->key_state != protocol::KeyState::revoked)
      TERN_CHECKED(end_key(batch, *device, protocol::RevocationReason::revoked, acting));
    return device->wipe_order;
  });
}

std::optional<DeviceInfo> find_device(const Tenant& tenant, const DeviceId& device) {
  const Tenant::Internals& in = tenant.internals();
  std::shared_lock lock(in.snapshot_mutex);
  const auto found = in.devices.find(device);
  return found == in.devices.end() ? std::nullopt : std::optional(info_of(found->second));
}

Result<void> check_room_for_device(const Tenant& tenant, const OperatorId& operator_id) {
  const auto all = devices(tenant);
  return check_device_count(static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [&](const DeviceInfo& one) {
    return one.operator_id == operator_id && one.key_state == protocol::KeyState::active;
  })));
}

std::vector<DeviceInfo> devices(const Tenant& tenant) {
  const Tenant::Internals& in = tenant.internals();
  std::vector<DeviceInfo> all;
  {
    std::shared_lock lock(in.snapshot_mutex);
    for (const auto& [id, device] : in.devices) all.push_back(info_of(device));
  }
  std::sort(all.begin(), all.end(), [](const DeviceInfo& a, const DeviceInfo& b) { return a.device < b.device; });
  return all;
}

bool note_exchange(Tenant& tenant, const ExchangeNote& note) {
  Tenant::Internals& in = tenant.internals();
  const std::int64_t now = tenant.now_ms();
  std::unique_lock lock(in.snapshot_mutex);
  const auto found = in.devices.find(note.device);
  if (found == in.devices.end()) return false;
  DeviceNotes& notes = found->second.notes;
  const DeviceRow& row = found->second.row;
  notes.dirty = true;
  notes.last_seen_ms = now;
  // What was saved while the request was on its way is younger than its head, and older than its arrival.
  const std::int64_t sent_ms = now - limits::anchor_answer_ms_max;
  if (note.declared) note_declared(notes, row, *note.declared, note.outbox_pending, sent_ms);
  if (note.cursor_seq) notes.cursor_seq = std::min(*note.cursor_seq, in.commit_seq.load());
  if (note.outbox_pending) notes.outbox_pending = *note.outbox_pending;
  if (note.sent_seq) notes.sent_seq = std::max(notes.sent_seq, *note.sent_seq);
  const auto marks = in.custody.find(row.operator_id);
  return marks != in.custody.end() && nothing_pending(notes, row) && marks->second.begin()->first <= notes.cursor_seq;
}

void note_heard(Tenant& tenant, const DeviceId& device) {
  constexpr std::int64_t minute_ms = 60'000;
  Tenant::Internals& in = tenant.internals();
  const std::int64_t now = tenant.now_ms();
  {
    std::shared_lock lock(in.snapshot_mutex);
    const auto found = in.devices.find(device);
    if (found == in.devices.end() || now - found->second.notes.last_seen_ms < minute_ms) return;
  }
  std::unique_lock lock(in.snapshot_mutex);
  const auto found = in.devices.find(device);
  if (found == in.devices.end()) return;
  found->second.notes.last_seen_ms = std::max(found->second.notes.last_seen_ms, now);
  found->second.notes.dirty = true;
}

std::vector<ServerChange> ended_custody(Batch& batch, const OperatorId& operator_id) {
  std::vector<ServerChange> ends;
  const auto marks = batch.custody_now().find(operator_id);
  if (marks == batch.custody_now().end()) return ends;
  // Every active device of theirs may hold work: the mark goes when the last of them has synced past the claim.
  std::uint64_t synced = UINT64_MAX;
  {
    std::shared_lock lock(batch.in.snapshot_mutex);
    for (const DeviceId& id : batch.devices_of(operator_id)) {
      const DeviceRow& row = *batch.peek_device(id);
      if (row.key_state != protocol::KeyState::active) continue;
      const auto known = batch.in.devices.find(id);
      const DeviceNotes notes = known == batch.in.devices.end() ? DeviceNotes{} : known->second.notes;
      synced = std::min(synced, nothing_pending(notes, row) ? notes.cursor_seq : 0);
    }
  }
  for (const auto& [seq, ticket] : marks->second) {
    if (seq > synced) break;
    ServerChange end;
    end.change.intent = sync::Intent::custody_end;
    end.change.ticket = ticket;
    end.change.target = Bytes(operator_id.view());
    ends.push_back(std::move(end));
  }
  return ends;
}

Result<std::optional<ServerCommit>> end_custody(Tenant& tenant, const DeviceId& device) {
  return run_batch(tenant, [&](Batch& batch) -> Result<std::optional<ServerCommit>> {
    const DeviceRow* row = batch.peek_device(device);
    if (row == nullptr) return std::optional<ServerCommit>{};
    auto ends = ended_custody(batch, row->operator_id);
    if (ends.empty()) return std::optional<ServerCommit>{};
    TERN_TRY(ServerCommit commit, server_set(batch, std::move(ends)));
    return std::optional(std::move(commit));
  });
}

}  // namespace tern::server
