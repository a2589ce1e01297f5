// What was signed of devices, anchors, epochs and erasures, and where each chain ends.
#include <algorithm>

#include "tern/protocol/enrolment.hpp"
#include "tern/protocol/statements.hpp"
#include "verify_parts.hpp"

namespace tern::server {
namespace {

// ---- devices ----

std::string_view state_of(const VerifyRun& run, const DeviceId& device) {
  const auto record =
      run.records.find({static_cast<std::uint8_t>(sync::RecordKind::device), RecordId::or_zero(device.view())});
  if (record == run.records.end()) return {};
  const auto state = record->second.attributes.find("state");
  return state == record->second.attributes.end() ? std::string_view{} : std::string_view(state->second);
}

std::string_view name_of(protocol::KeyState state) {
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

void check_certificate(VerifyRun& run, const DeviceRow& row) {
  const auto opened = run.tenant.keys().open_logged<protocol::Certificate>(row.certificate);
  if (!opened) return run.find("device {}: its certificate's signature is not good", to_hex(row.id));
  const protocol::Certificate& said = opened->value;
  if (said.device != row.id || said.public_key != row.public_key || said.author != row.operator_id ||
      said.device_epoch != row.chain.device_epoch || protocol::key_id(row.public_key) != row.key)
    run.find("device {}: its certificate says something else than its row", to_hex(row.id));
}

void check_chain_end(VerifyRun& run, const DeviceRow& row) {
  const auto found = run.chains.find({row.id, row.chain.device_epoch});
  ChainEnd due;
  due.hash = protocol::genesis_prev_hash(row.certificate);
  if (found != run.chains.end()) due = found->second;
  if (row.chain.chain_seq != due.chain_seq || row.chain.hash != due.hash)
    run.find("device {}: its chain is said to end at {}, but the ledger ends it at {}", to_hex(row.id),
             row.chain.chain_seq, due.chain_seq);
  else if (row.last_lo_ms != due.lo_ms || (row.last_effective_ms != due.effective_ms && !run.unreadable_any))
    run.find("device {}: the times of its newest set are not the ledger's", to_hex(row.id));
}

void check_end_of_key(VerifyRun& run, const DeviceRow& row) {
  const TenantKeys& keys = run.tenant.keys();
  if (const std::string_view state = state_of(run, row.id); state != name_of(row.key_state) && !run.unreadable_any)
    run.find("device {}: its key is {}, but the ledger says {}", to_hex(row.id), name_of(row.key_state),
             state.empty() ? "nothing of it" : state);
  if (row.key_state != protocol::KeyState::active || !row.revocation.empty()) {
    const auto revocation = keys.open_logged<protocol::Revocation>(row.revocation);
    if (!revocation || revocation->value.device != row.id || revocation->value.key != row.key)
      run.find("device {}: its revocation is not good", to_hex(row.id));
  }
  if (row.wipe_order.empty()) return;
  const auto order = keys.open_logged<protocol::WipeOrder>(row.wipe_order);
  if (!order || order->value.device != row.id) run.find("device {}: its wipe order is not good", to_hex(row.id));
}

// ---- anchors ----

struct AnchorRow {
  Bytes wire;
  Hash hash;
  std::uint64_t seq = 0;
  std::int64_t time_ms = 0;
  EpochId epoch;
  bool withdrawn = false;
};

bool is_withdrawn(const std::vector<protocol::AnchorWithdrawal>& withdrawals, const AnchorRow& row) {
  return std::any_of(withdrawals.begin(), withdrawals.end(), [&](const protocol::AnchorWithdrawal& one) {
    return one.epoch == row.epoch && one.first_seq <= row.seq && row.seq <= one.last_seq;
  });
}

Result<std::vector<protocol::AnchorWithdrawal>> read_withdrawals(VerifyRun& run) {
  std::vector<protocol::AnchorWithdrawal> withdrawals;
  TERN_TRY(auto rows,
           run.db.query("SELECT value FROM meta WHERE tenant_id = $1 AND name LIKE 'withdrawn_%'", run.number));
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return withdrawals;
    const auto opened = run.tenant.keys().open_logged<protocol::AnchorWithdrawal>(rows.blob(0));
    if (opened)
      withdrawals.push_back(opened->value);
    else
      run.find("the signature of a withdrawal of anchors is not good");
  }
}

/// One anchor by itself: what it signs, its columns, and that its root was the log's at its size.
std::optional<protocol::Anchor> check_anchor(VerifyRun& run, const AnchorRow& row, bool withdrawn) {
  const auto opened = run.tenant.keys().open_logged<protocol::Anchor>(row.wire);
  if (!opened) {
    run.find("anchor {}: its signature is not good", row.seq);
    return std::nullopt;
  }
  const protocol::Anchor& said = opened->value;
  if (protocol::anchor_hash(row.wire) != row.hash || said.anchor_seq != row.seq || said.time_ms != row.time_ms ||
      said.epoch != row.epoch || said.tenant != run.tenant.id())
    run.find("anchor {}: its row says something else than what is signed", row.seq);
  if (row.withdrawn != withdrawn)
    run.find("anchor {}: it is {}withdrawn, against what was signed", row.seq, row.withdrawn ? "" : "not ");
  if (said.tree_size >= run.roots.size())
    run.find("anchor {}: it is of a log of {} commits, more than there are", row.seq, said.tree_size);
  else if (run.roots[said.tree_size] != said.root)
    run.find("anchor {}: its root was not the log's", row.seq);
  return said;
}

/// Each names the one before: none is missing in between.
void check_order(VerifyRun& run, const std::optional<protocol::Anchor>& before, const Hash& before_hash,
                 const protocol::Anchor& anchor) {
  const bool first = !before || before->epoch != anchor.epoch;
  if (!first && !protocol::judge_anchor(*before, anchor)) run.find("anchor {} goes back", anchor.anchor_seq);
  if (anchor.previous != (first ? Hash{} : before_hash))
    run.find("anchor {}: the one before it is missing", anchor.anchor_seq);
}

/// Root-signed: where the histories before this one ended.
Result<void> check_epochs(VerifyRun& run) {
  TERN_TRY(auto rows, run.db.query("SELECT epoch, kept_seq, record FROM past_epoch WHERE tenant_id = $1", run.number));
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return {};
    const std::uint64_t kept = rows.uint64(1);
    const bool good = std::any_of(
        run.tenant.keys().roots.begin(), run.tenant.keys().roots.end(), [&](const protocol::PublicKey& root) {
          const auto opened = protocol::open_statement<protocol::EpochRecord>(rows.blob(2), root);
          return opened && opened->value.old_epoch == rows.id<EpochId>(0) && opened->value.kept_size == kept &&
                 kept < run.roots.size() && opened->value.kept_root == run.roots[kept];
        });
    if (!good) run.find("the record that ended epoch {} is not good", to_hex(rows.blob(0)));
  }
}

// ---- erasures ----

Result<void> check_body_is_gone(VerifyRun& run, const sync::ChangeRef& ref) {
  for (const std::string_view sql :
       {"SELECT 1 FROM change WHERE tenant_id = $1 AND device_id = $2 AND change_id = $3 AND body IS NOT NULL",
        "SELECT 1 FROM change_again WHERE tenant_id = $1 AND device_id = $2 AND change_id = $3 AND same_content = 1 "
        "AND body IS NOT NULL"}) {
    TERN_TRY(const auto there, run.db.int64_of(sql, run.number, ref.device, ref.id));
    if (there)
      run.find("change {} of device {} is erased, but its content is there", to_hex(ref.id), to_hex(ref.device));
  }
  return {};
}

}  // namespace

Result<void> check_devices(VerifyRun& run) {
  for (const auto& [id, device] : run.devices) {
    check_certificate(run, device.row);
    check_chain_end(run, device.row);
    if (device.row.purpose == protocol::KeyPurpose::device) check_end_of_key(run, device.row);
  }
  for (const auto& [key, end] : run.chains)
    if (!run.devices.contains(key.first)) run.find("device {} of the ledger is missing", to_hex(key.first));
  return check_epochs(run);
}

Result<void> check_anchors(VerifyRun& run) {
  TERN_TRY(const auto withdrawals, read_withdrawals(run));
  TERN_TRY(auto rows, run.db.query("SELECT wire, anchor_hash, anchor_seq, time_ms, epoch, withdrawn FROM anchor "
                                   "WHERE tenant_id = $1 ORDER BY epoch, anchor_seq",
                                   run.number));
  std::optional<protocol::Anchor> before;
  Hash before_hash;
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return {};
    const AnchorRow row{Bytes(rows.blob(0)), rows.id<Hash>(1),    rows.uint64(2),
                        rows.int64(3),       rows.id<EpochId>(4), rows.boolean(5)};
    const auto anchor = check_anchor(run, row, is_withdrawn(withdrawals, row));
    if (!anchor) continue;
    check_order(run, before, before_hash, *anchor);
    before = anchor;
    before_hash = protocol::anchor_hash(row.wire);
  }
}

Result<void> check_erasures(VerifyRun& run) {
  TERN_TRY(auto rows, run.db.query("SELECT device_id, change_id, change_commitment, statement FROM erasure "
                                   "WHERE tenant_id = $1",
                                   run.number));
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return {};
    const sync::ChangeRef ref{rows.id<DeviceId>(0), rows.id<ChangeId>(1)};
    const auto commitment = rows.id<Hash>(2);
    run.erased.insert({ref.device, commitment});
    run.erased_changes.insert(ref);
    const auto opened = run.tenant.keys().open_logged<protocol::Erasure>(rows.blob(3));
    if (!opened) {
      run.find("the erasure of change {}: its signature is not good", to_hex(ref.id));
      continue;
    }
    const auto& changes = opened->value.changes;
    const bool named = std::any_of(changes.begin(), changes.end(), [&](const protocol::ErasedChange& change) {
      return change.name.device == ref.device && change.name.change == ref.id && change.commitment == commitment;
    });
    if (!named) run.find("the erasure of change {} is not the one that was signed", to_hex(ref.id));
    TERN_CHECKED(check_body_is_gone(run, ref));
  }
}

}  // namespace tern::server
