// The server's own changes: sets under its sealing key, through the same path as everybody's.
#include "route.hpp"
#include "send_out.hpp"
#include "tell.hpp"
#include "triggers.hpp"

namespace tern::server {
namespace {

constexpr int follow_up_rounds_max = 8;

void complete(Batch& batch, ServerChange& change) {
  sync::Change& inner = change.change;
  inner.ref.device = batch.in.keys.sealing_device;
  if (inner.ref.id.is_zero()) inner.ref.id = random_id<ChangeId>(batch.in.environment);
  if (inner.wall_ms == 0) inner.wall_ms = batch.commit_ms;
  // One that says nothing of what it had seen acts on what is there now.
  if (inner.seen_seq == 0) inner.seen_now = true;
  if (inner.principal_kind != sync::PrincipalKind::unspecified) return;
  inner.principal_kind = change.acting.is_zero() ? sync::PrincipalKind::server : sync::PrincipalKind::operator_;
  if (!change.acting.is_zero()) inner.principal_id = Bytes(change.acting.view());
}

struct Sealed {
  protocol::ChangeSet set;
  protocol::ChangeSetHeader header;
  std::vector<sync::Change> changes;
  std::vector<OperatorId> acting;
  std::vector<ProvenChange> names;
  std::unordered_set<ChangeId> not_mirrored;
};

/// Those from the front that one set has room for.
Result<Sealed> seal(Batch& batch, const DeviceRow& device, std::span<ServerChange> changes) {
  Sealed sealed;
  std::vector<protocol::SealedChange> content;
  std::size_t bytes = protocol::change_set_overhead_bytes;
  for (ServerChange& change : changes) {
    if (content.size() == limits::changes_per_set_max) break;
    complete(batch, change);
    TERN_CHECKED(sync::validate_change(change.change));
    sync::EncodedChange encoded = sync::encode_change(change.change);
    protocol::SealedChange one{
        std::move(encoded.skeleton), random_id<Salt>(batch.in.environment), std::move(encoded.body), {}};
    bytes += protocol::encoded_size(one);
    if (bytes > limits::change_set_bytes_max && !content.empty()) break;
    content.push_back(std::move(one));
    sealed.acting.push_back(change.acting);
    if (change.both_sides_said) sealed.not_mirrored.insert(change.change.ref.id);
    ProvenChange& name = sealed.names.emplace_back();
    name.integer_id = change.integer_id;
    name.number = std::move(change.number);
    sealed.changes.push_back(std::move(change.change));
  }
  protocol::ChangeSetHeader header;
  header.tenant = batch.tenant.id();
  header.device = device.id;
  header.device_epoch = device.chain.device_epoch;
  header.chain_seq = device.chain.chain_seq + 1;
  header.prev_hash = device.chain.hash;
  header.wall_ms = batch.commit_ms;
  header.seen_seq = batch.committed_seq;
  TERN_TRY(sealed.set, protocol::seal(header, std::move(content), batch.in.keys.sealing));
  TERN_TRY(sealed.header, protocol::decode_header(sealed.set.header));
  return sealed;
}

Result<void> process_sealed(Batch& batch, const Sealed& sealed, DeviceRow& device, ServerCommit& commit, bool report,
                            std::vector<ServerChange>& follow_ups) {
  SetWork work;
  work.set = &sealed.set;
  work.header = work.judged = sealed.header;
  work.hash = sealed.set.hash();
  work.changes = sealed.changes;
  work.acting = sealed.acting;
  work.names = sealed.names;
  work.not_mirrored = sealed.not_mirrored;
  work.from_server = true;
  work.sent_seq = work.cursor_seen = batch.committed_seq;
  work.evidence.received_ms = batch.commit_ms;
  TERN_CHECKED(process_set(batch, work, device));
  note_routes(batch, work);
  TERN_CHECKED(fire_triggers(batch, work));
  TERN_TRY(const Bytes receipt, write_set(batch, work));
  static_cast<void>(receipt);
  TERN_CHECKED(tell_of_set(batch, work));
  TERN_CHECKED(send_of_set(batch, work));
  for (ServerChange& change : work.follow_ups) follow_ups.push_back(std::move(change));
  if (!report) return {};
  commit.commit_seq = work.commit_seq;
  for (const Entry& entry : work.entries) {
    commit.outcomes.push_back(entry.standing.outcome);
    commit.reasons.push_back(entry.admission.reason);
  }
  return {};
}

}  // namespace

Result<ServerCommit> server_set(Batch& batch, std::vector<ServerChange> changes) {
  ServerCommit commit;
  DeviceRow* device = batch.device(batch.in.keys.sealing_device);
  check(device != nullptr, "the sealing key has its row");
  std::vector<ServerChange> next = std::move(changes);
  for (int round = 0; !next.empty() && round < follow_up_rounds_max; ++round) {
    std::vector<ServerChange> follow_ups;
    for (std::size_t at = 0; at < next.size();) {
      TERN_TRY(const Sealed sealed, seal(batch, *device, std::span(next).subspan(at)));
      at += sealed.changes.size();
      TERN_CHECKED(process_sealed(batch, sealed, *device, commit, round == 0, follow_ups));
    }
    next = std::move(follow_ups);
  }
  return commit;
}

}  // namespace tern::server
