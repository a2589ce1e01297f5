#include "quarantine.hpp"

#include <algorithm>
#include <tuple>

#include "run_batch.hpp"
#include "said_again.hpp"
#include "tern/protocol/change_set.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/v1/change.pb.h"

namespace tern::server {
namespace {

constexpr std::int64_t kept_ms = 90LL * 86'400'000;
constexpr std::size_t set_bytes_max = limits::change_set_bytes_max / 2;  // what is said again says a little more

enum Settled : std::int64_t { settled_released = 1, settled_dropped = 2 };

Result<std::optional<AnchorFacts>> anchor_of(sqlite::Database& db, std::int64_t tenant, const Hash& hash) {
  TERN_TRY(auto rows, db.query("SELECT time_ms, epoch FROM anchor WHERE tenant_id = $1 AND anchor_hash = $2 AND "
                               "withdrawn = 0",
                               tenant, hash));
  TERN_TRY(const bool found, rows.step());
  if (!found) return std::optional<AnchorFacts>{};
  return std::optional(AnchorFacts{rows.int64(0), rows.id<EpochId>(1)});
}

Result<void> read_changes(sqlite::Database& db, std::int64_t tenant, const protocol::ChangeSet& set, std::int64_t lo_ms,
                          QuarantinedSet& out) {
  for (const protocol::SealedChange& sealed : set.changes) {
    auto change = sealed.erased() ? Result<sync::Change>(fail(ErrorCode::invalid, "erased"))
                                  : sync::parse_change(sealed.skeleton, sealed.body, out.device);
    if (!change || sync::server_only(*change)) {
      ++out.unreadable;
      continue;
    }
    TERN_TRY(const bool known, in_ledger(db, tenant, change->ref));
    out.changes.push_back({std::move(*change), std::min(lo_ms, out.received_ms), out.received_ms, known});
  }
  return {};
}

/// What was verified when it came, and stands in our own file.
Result<QuarantinedSet> read_one(sqlite::Database& db, std::int64_t tenant, sqlite::Statement& row) {
  QuarantinedSet out;
  out.device = row.id<DeviceId>(0);
  out.hash = row.id<Hash>(1);
  out.received_ms = row.int64(2);
  TERN_TRY(const protocol::ChangeSet set, protocol::decode_change_set(row.blob(3)));
  TERN_TRY(const protocol::ChangeSetHeader header, protocol::decode_header(set.header));
  TERN_TRY(const protocol::ChangeSetHeader judged,
           set.original ? protocol::decode_header(set.original->header) : Result<protocol::ChangeSetHeader>(header));
  out.device_epoch = header.device_epoch;
  out.chain_seq = header.chain_seq;
  TERN_TRY(const auto anchor, anchor_of(db, tenant, judged.anchor_hash));
  if (anchor) out.seen_epoch = anchor->epoch;
  TERN_CHECKED(read_changes(db, tenant, set, anchor ? anchor->time_ms : 0, out));
  return out;
}

class Quotes {
public:
  explicit Quotes(Batch& batch) : batch_(batch) {}

  Result<ServerChange> of(const QuarantinedSet& set, const QuarantinedChange& original, const OperatorId& by) const {
    ServerChange out;
    out.acting = by;
    out.change = original.change;
    sync::Change& change = out.change;
    change.ref = {batch_.in.keys.sealing_device, quoting_id(original.change.ref)};
    change.quotes = original.change.ref;
    change.asserted_ms = std::clamp(original.change.wall_ms, original.lo_ms, original.hi_ms);
    change.before_ms = 0;
    if (change.seen_epoch.is_zero()) change.seen_epoch = set.seen_epoch;
    // An anchor that is not known says nothing of what was seen: it acts on what is there.
    if (change.seen_epoch.is_zero()) change.seen_seq = 0;
    change.after.clear();
    for (const ChangeId& id : original.change.after) {
      TERN_TRY(const sync::ChangeRef parent, named_now(batch_, {original.change.ref.device, id}));
      if (parent.device == change.ref.device) change.after.push_back(parent.id);
    }
    for (sync::ChangeRef& target : change.targets) {
      TERN_TRY(target, named_now(batch_, target));
    }
    name_author(set.device, change);
    return out;
  }

private:
  /// What the author did for themselves is theirs, whoever says it again.
  void name_author(const DeviceId& device, sync::Change& change) const {
    const DeviceRow* row = batch_.peek_device(device);
    if (row == nullptr) return;
    if (change.intent == sync::Intent::take) {
      change.intent = sync::Intent::assign;
      change.target = Bytes(row->operator_id.view());
    }
    if (change.intent != sync::Intent::message) return;
    const sync::Record* author =
        batch_.find_record(sync::RecordKind::operator_, RecordId::or_zero(row->operator_id.view()));
    const std::string quoted = heading_of(author == nullptr ? "?" : author->name, row->name) + change.text;
    if (quoted.size() <= limits::text_bytes_max) change.text = quoted;
  }

  Batch& batch_;
};

bool is_private(const sync::Change& change) {
  return change.intent == sync::Intent::pin || change.intent == sync::Intent::unpin;
}

/// As many sets under the sealing key as it takes, in one transaction.
Result<ServerCommit> say(Batch& batch, std::vector<ServerChange> changes) {
  ServerCommit all;
  std::vector<ServerChange> part;
  std::size_t bytes = 0;
  const auto commit_part = [&]() -> Result<void> {
    if (part.empty()) return {};
    TERN_TRY(const ServerCommit done, server_set(batch, std::exchange(part, {})));
    all.commit_seq = done.commit_seq;
    all.outcomes.insert(all.outcomes.end(), done.outcomes.begin(), done.outcomes.end());
    all.reasons.insert(all.reasons.end(), done.reasons.begin(), done.reasons.end());
    bytes = 0;
    return {};
  };
  for (ServerChange& change : changes) {
    const sync::EncodedChange encoded = sync::encode_change(change.change);
    const std::size_t size = encoded.skeleton.size() + encoded.body.size() + 100;
    if (bytes + size > set_bytes_max || part.size() == limits::changes_per_set_max) TERN_CHECKED(commit_part());
    bytes += size;
    part.push_back(std::move(change));
  }
  TERN_CHECKED(commit_part());
  return all;
}

Result<void> settle(Batch& batch, const std::vector<QuarantinedSet>& sets, Settled how) {
  for (const QuarantinedSet& set : sets)
    TERN_CHECKED(batch.db().run(
        "UPDATE quarantine SET settled = $4 WHERE tenant_id = $1 AND device_id = $2 AND set_hash = $3 AND settled = 0",
        batch.number, set.device, set.hash, static_cast<std::int64_t>(how)));
  batch.wrote = true;
  return {};
}

struct Dropped {};

// ---- erased texts ----

sync::ChangeRef name_in(const DeviceId& device, const protocol::SealedChange& sealed) {
  v1::Skeleton skeleton;
  if (!skeleton.ParseFromArray(sealed.skeleton.data(), static_cast<int>(sealed.skeleton.size()))) return {device, {}};
  return {device, ChangeId::or_zero(skeleton.id())};
}

/// True: there was something to take.
template <typename Gone>
bool strip(const DeviceId& device, protocol::ChangeSet& set, const Gone& gone) {
  bool stripped = false;
  for (protocol::SealedChange& change : set.changes) {
    if (change.erased() || !gone(name_in(device, change))) continue;
    change = change.without_content();
    stripped = true;
  }
  return stripped;
}

}  // namespace

void strip_gone(const Batch& batch, const DeviceId& device, protocol::ChangeSet& set) {
  strip(device, set, [&](const sync::ChangeRef& ref) { return is_gone(batch, ref); });
}

Result<std::size_t> strip_quarantine(Batch& batch, const std::set<sync::ChangeRef>& gone) {
  struct Raw {
    DeviceId device;
    Hash hash;
    Bytes wire;
  };
  std::vector<Raw> stripped;
  const auto named = [&](const sync::ChangeRef& ref) { return names_it(gone, batch.in.keys.sealing_device, ref); };
  TERN_TRY(auto rows,
           batch.db().query("SELECT device_id, set_hash, wire FROM quarantine WHERE tenant_id = $1", batch.number));
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) break;
    const DeviceId device = rows.id<DeviceId>(0);
    TERN_TRY(protocol::ChangeSet set, protocol::decode_change_set(rows.blob(2)));
    if (strip(device, set, named)) stripped.push_back({device, rows.id<Hash>(1), protocol::encode(set)});
  }
  rows.reset();
  for (const Raw& raw : stripped)
    TERN_CHECKED(
        batch.db().run("UPDATE quarantine SET wire = $4 WHERE tenant_id = $1 AND device_id = $2 AND set_hash = $3",
                       batch.number, raw.device, raw.hash, sqlite::Blob{raw.wire}));
  if (!stripped.empty()) batch.wrote = true;
  return stripped.size();
}

Result<void> each_quarantined(Tenant& tenant, const LookAtQuarantined& look) {
  TERN_TRY(auto reader, tenant.reader());
  TERN_TRY(auto rows, reader.db().query("SELECT device_id, wire FROM quarantine WHERE tenant_id = $1 ORDER BY "
                                        "received_ms",
                                        tenant.number()));
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return {};
    const DeviceId device = rows.id<DeviceId>(0);
    TERN_TRY(const protocol::ChangeSet set, protocol::decode_change_set(rows.blob(1)));
    for (const protocol::SealedChange& change : set.changes)
      if (!change.erased()) TERN_CHECKED(look(device, change));
  }
}

Result<std::vector<QuarantinedSet>> quarantined_sets(Tenant& tenant) {
  TERN_TRY(auto reader, tenant.reader());
  TERN_TRY(auto rows, reader.db().query("SELECT device_id, set_hash, received_ms, wire FROM quarantine WHERE "
                                        "tenant_id = $1 AND settled = 0",
                                        tenant.number()));
  std::vector<QuarantinedSet> out;
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) break;
    TERN_TRY(QuarantinedSet set, read_one(reader.db(), tenant.number(), rows));
    out.push_back(std::move(set));
  }
  std::sort(out.begin(), out.end(), [](const QuarantinedSet& a, const QuarantinedSet& b) {
    return std::tie(a.device, a.device_epoch, a.chain_seq, a.received_ms) <
           std::tie(b.device, b.device_epoch, b.chain_seq, b.received_ms);
  });
  return out;
}

Result<std::uint64_t> count_quarantined(Tenant& tenant) {
  TERN_TRY(auto reader, tenant.reader());
  TERN_TRY(
      const auto count,
      reader.db().int64_of("SELECT count(*) FROM quarantine WHERE tenant_id = $1 AND settled = 0", tenant.number()));
  return static_cast<std::uint64_t>(count.value_or(0));
}

Result<ServerCommit> release_quarantined(Tenant& tenant, const std::vector<QuarantinedSet>& sets,
                                         const OperatorId& by) {
  return run_batch(tenant, [&](Batch& batch) -> Result<ServerCommit> {
    const Quotes quotes(batch);
    std::vector<ServerChange> changes;
    for (const QuarantinedSet& set : sets)
      for (const QuarantinedChange& original : set.changes) {
        if (original.in_ledger || is_private(original.change)) continue;
        TERN_TRY(const bool said,
                 in_ledger(batch.db(), batch.number, {batch.in.keys.sealing_device, quoting_id(original.change.ref)}));
        if (said) continue;  // read out of somebody's copy after a restore
        TERN_TRY(ServerChange change, quotes.of(set, original, by));
        changes.push_back(std::move(change));
      }
    TERN_CHECKED(settle(batch, sets, settled_released));
    return say(batch, std::move(changes));
  });
}

Result<void> drop_quarantined(Tenant& tenant, const std::vector<QuarantinedSet>& sets) {
  TERN_TRY(const Dropped done, run_batch(tenant, [&](Batch& batch) -> Result<Dropped> {
             TERN_CHECKED(settle(batch, sets, settled_dropped));
             return Dropped{};
           }));
  static_cast<void>(done);
  return {};
}

Result<std::uint64_t> sweep_quarantine(Tenant& tenant) {
  std::uint64_t gone = 0;
  const auto sweep = [&](sqlite::Database& db) -> Result<void> {
    TERN_CHECKED(db.run("DELETE FROM quarantine WHERE tenant_id = $1 AND received_ms < $2", tenant.number(),
                        tenant.now_ms() - kept_ms));
    gone = static_cast<std::uint64_t>(db.changes());
    return {};
  };
  TERN_CHECKED(tenant.write(sweep));
  return gone;
}

}  // namespace tern::server
