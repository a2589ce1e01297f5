// A chain that split: this device exists twice, or was set back. protocol.md "Change set", by (device, epoch, seq).
#include "batch.hpp"
#include "device_records.hpp"
#include "tern/protocol/enrolment.hpp"

namespace tern::server {
namespace {

constexpr std::int64_t heals_again_after_ms = 30LL * 86'400'000;

Result<void> keep_evidence(Batch& batch, const protocol::VerifiedSet& set, const std::optional<Hash>& known) {
  batch.wrote = true;
  return batch.db().run(
      "INSERT INTO fork (tenant_id, device_id, set_hash, device_epoch, chain_seq, known_hash, header, "
      "signature, seen_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) "
      "ON CONFLICT (tenant_id, device_id, set_hash) DO NOTHING",
      batch.number, set.header.device, set.hash, set.header.device_epoch, set.header.chain_seq, known,
      sqlite::Blob{set.set.header}, set.set.signature, batch.commit_ms);
}

/// A new certificate and a new device epoch: both ends go on from it, the second holder signs its own again.
Result<Bytes> heal(Batch& batch, DeviceRow& device, const Hash& by, std::uint64_t next_epoch) {
  TERN_CHECKED(begin_device_epoch(batch, device, next_epoch));
  device.forked_hash = Bytes(by.view());
  std::vector<ServerChange> record;
  record.push_back(device_record(batch, device));
  TERN_TRY(const ServerCommit commit, server_set(batch, std::move(record)));
  static_cast<void>(commit);
  return device.certificate;
}

/// Let in again under a certificate that has not reached it yet: nobody was told of this device epoch, no fork began
/// it.
bool came_back(const DeviceRow& device) {
  return device.chain.device_epoch > 1 && device.chain.chain_seq == 0 && device.forked_hash.empty();
}

}  // namespace

Result<void> begin_device_epoch(Batch& batch, DeviceRow& device, std::uint64_t epoch) {
  TERN_TRY(const auto held, batch.in.keys.open_logged<protocol::Certificate>(device.certificate));
  // What was signed under it is proven by it.
  TERN_CHECKED(batch.db().run(
      "INSERT INTO past_certificate (tenant_id, device_id, device_epoch, certificate) VALUES ($1, $2, $3, $4)",
      batch.number, device.id, held.value.device_epoch, sqlite::Blob{device.certificate}));
  protocol::Certificate next = held.value;
  next.device_epoch = epoch;
  next.serial += 1;
  next.issued_ms = batch.commit_ms;
  next.server_epoch = batch.in.epoch;
  device.certificate = protocol::sign_statement(next, batch.in.keys.log).wire;
  device.chain = {epoch, 0, protocol::genesis_prev_hash(device.certificate)};
  device.last_lo_ms = 0;
  device.last_effective_ms = 0;
  return {};
}

Result<PushFault> follow_device_epoch(Batch& batch, const protocol::VerifiedSet& set, DeviceRow& device,
                                      PushAnswer& answer) {
  const protocol::ChainHead head = device.chain;
  TERN_TRY(Bytes certificate, heal(batch, device, set.hash, set.header.device_epoch + 1));
  answer.statements.push_back(std::move(certificate));
  return PushFault{
      {ErrorCode::chain_forked, "the server was restored to a time before this device's newest certificate",
       "sync again: a new one comes with this answer", "device_epoch"},
      0,
      head.chain_seq + 1,
      head,
      0};
}

Result<PushFault> judge_fork(Batch& batch, const protocol::VerifiedSet& set, DeviceRow& device, PushAnswer& answer) {
  const protocol::ChainHead head = device.chain;
  PushFault fault{{ErrorCode::chain_forked, "this device exists twice: another one went on from the same work",
                   "sync again; if it happens once more, enrol this device anew", "chain_seq"},
                  0,
                  head.chain_seq + 1,
                  head,
                  0};
  TERN_TRY(const auto known,
           read_receipt(batch.db(), batch.number, set.header.device, set.header.device_epoch, set.header.chain_seq));
  if (came_back(device)) {
    device.forked_hash = Bytes(set.hash.view());
    batch.wrote = true;
  }
  // The answer to the fork that healed was lost on its way: the same one again.
  if (device.forked_hash == set.hash.view() && device.chain.device_epoch == set.header.device_epoch + 1) {
    answer.statements.push_back(device.certificate);
    return fault;
  }
  TERN_CHECKED(keep_evidence(batch, set, known ? std::optional(known->set_hash) : std::nullopt));
  const bool heals = device.forked_ms == 0 || batch.commit_ms - device.forked_ms > heals_again_after_ms;
  if (heals) {
    device.forked_ms = batch.commit_ms;
    TERN_TRY(Bytes certificate, heal(batch, device, set.hash, head.device_epoch + 1));
    answer.statements.push_back(std::move(certificate));
  } else {
    TERN_TRY(Bytes revocation, end_key(batch, device, protocol::RevocationReason::frozen, OperatorId{}));
    answer.statements.push_back(std::move(revocation));
  }
  return fault;
}

}  // namespace tern::server
