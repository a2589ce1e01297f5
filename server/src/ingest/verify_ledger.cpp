// The ledger in commit order: sets, chains, receipts, leaves, outcomes, amendments.
#include <algorithm>

#include "tern/protocol/statements.hpp"
#include "tern/v1/change.pb.h"
#include "tern/v1/exchange.pb.h"
#include "verify_parts.hpp"

namespace tern::server {
namespace {

/// What a commit altered: by change, the outcome before and after.
using Alterations = std::map<sync::ChangeRef, std::pair<sync::Outcome, sync::Outcome>>;
using AmendmentKey = std::pair<std::uint64_t, std::uint64_t>;  // commit, n

/// Columns of a set's row that its header says too, and what no signature covers.
struct SetRow {
  DeviceId device;
  std::uint64_t device_epoch = 0, chain_seq = 0, change_count = 0;
  Hash set_hash;
  std::uint64_t row_check = 0;
};

/// What the columns of a change must say.
struct ChangeColumns {
  TicketId ticket;
  ChangeId change;
  sync::Intent intent = sync::Intent::unspecified;
  LatestFacts latest;
};

/// A change that may be released later.
struct HeldChange {
  Chain chain;
  bool is_fact = false;
};

bool is_fact(sync::Intent intent) {
  const sync::IntentSpec* spec = sync::find_intent(intent);
  return spec != nullptr && spec->ruling == sync::Ruling::fact;
}

class LedgerCheck {
public:
  explicit LedgerCheck(VerifyRun& run) : run_(run) {}

  Result<void> check() {
    TERN_TRY(const auto newest,
             run_.db.int64_of("SELECT max(commit_seq) FROM change_set WHERE tenant_id = $1", run_.number));
    TERN_TRY(const auto counted, read_meta(run_.db, run_.number, "commit_seq"));
    TERN_TRY(const auto lo_after, read_meta(run_.db, run_.number, "row_check_lo_after"));
    lo_checked_after_ = meta_number(lo_after);
    const auto last = static_cast<std::uint64_t>(newest.value_or(0));
    run_.last_commit = meta_number(counted);
    if (run_.last_commit != last)
      run_.find("the newest commit is {}, but the ledger ends at {}", run_.last_commit, last);
    run_.roots.push_back(frontier_.root());
    for (std::uint64_t seq = 1; seq <= last && !run_.is_stopped(); ++seq)
      if (auto done = check_set(seq); !done) run_.find("commit {}: cannot be read: {}", seq, done.error().message);
    run_.out.authors = authors_.size();
    TERN_CHECKED(check_readers());
    TERN_CHECKED(check_strays(last));
    return check_log();
  }

private:
  // ---- sets: signature, chain, receipt ----

  protocol::VerifyContext context() {
    protocol::VerifyContext context;
    context.tenant = run_.tenant.id();
    context.from_network = false;
    context.accept_inactive_key = true;
    context.find_key = [this](const TenantId&, const DeviceId& id,
                              const KeyId& key) -> std::optional<protocol::KeyRecord> {
      const auto found = run_.devices.find(id);
      if (found == run_.devices.end() || found->second.row.key != key) return std::nullopt;
      const DeviceRow& device = found->second.row;
      return protocol::KeyRecord{device.public_key, 1, device.operator_id, device.key_state, device.purpose};
    };
    context.is_erased = [this](const DeviceId& device, const Hash& commitment) {
      return run_.erased.contains({device, commitment});
    };
    return context;
  }

  Result<std::optional<SetRow>> read_row(std::uint64_t seq) {
    TERN_TRY(auto rows, run_.db.query("SELECT device_id, device_epoch, chain_seq, change_count, set_hash, row_check "
                                      "FROM change_set WHERE tenant_id = $1 AND commit_seq = $2",
                                      run_.number, seq));
    TERN_TRY(const bool found, rows.step());
    if (!found) return std::optional<SetRow>{};
    return std::optional(
        SetRow{rows.id<DeviceId>(0), rows.uint64(1), rows.uint64(2), rows.uint64(3), rows.id<Hash>(4), rows.uint64(5)});
  }

  /// False: the row is not what it was written as.
  bool check_row(const StoredSet& stored, const SetRow& row) {
    const protocol::ChangeSetHeader& header = stored.header;
    const std::optional<std::int64_t> lo_ms =
        stored.commit_seq > lo_checked_after_ ? std::optional(stored.lo_ms) : std::nullopt;
    const std::uint64_t due = ledger_row_check(run_.in.row_key, stored.commit_seq, stored.set.header,
                                               stored.set.signature, stored.receipt.outcomes, lo_ms);
    if (row.row_check != due) run_.find("commit {}: the row is damaged", stored.commit_seq);
    if (row.device != header.device || row.device_epoch != header.device_epoch || row.chain_seq != header.chain_seq)
      run_.find("commit {}: the row stands at another place of a chain than its set", stored.commit_seq);
    if (row.change_count != stored.set.changes.size())
      run_.find("commit {}: {} changes where {} are due", stored.commit_seq, stored.set.changes.size(),
                row.change_count);
    return row.row_check == due;
  }

  void check_chain(const StoredSet& stored) {
    const protocol::ChangeSetHeader& header = stored.header;
    const auto [place, begins] = run_.chains.try_emplace({header.device, header.device_epoch});
    ChainEnd& end = place->second;
    if (header.chain_seq != end.chain_seq + 1) {
      run_.out.gaps += header.chain_seq > end.chain_seq ? header.chain_seq - end.chain_seq - 1 : 1;
      run_.find("commit {}: set {} of device {} where {} was due", stored.commit_seq, header.chain_seq,
                to_hex(header.device), end.chain_seq + 1);
    } else if (!begins && end.hash != header.prev_hash) {
      run_.find("commit {}: the chain of device {} is broken", stored.commit_seq, to_hex(header.device));
    } else if (begins) {
      const auto device = run_.devices.find(header.device);
      const bool current = device != run_.devices.end() && device->second.row.chain.device_epoch == header.device_epoch;
      if (current && protocol::genesis_prev_hash(device->second.row.certificate) != header.prev_hash)
        run_.find("commit {}: the chain of device {} does not begin at its certificate", stored.commit_seq,
                  to_hex(header.device));
    }
    if (stored.lo_ms < end.lo_ms)
      run_.find("commit {}: its time window begins before the one before", stored.commit_seq);
    end.chain_seq = header.chain_seq;
    end.hash = stored.set.hash();
    end.lo_ms = stored.lo_ms;
  }

  void check_leaf(const StoredSet& stored, bool row_is_sound) {
    const protocol::Receipt& receipt = stored.receipt;
    const std::uint64_t seq = stored.commit_seq;
    if (receipt.leaf.set_hash != stored.set.hash()) run_.find("commit {}: the receipt is of another set", seq);
    if (receipt.leaf_index != frontier_.size()) run_.find("commit {}: its leaf stands at another place", seq);
    if (receipt.leaf.time_ms < last_commit_ms_) run_.find("commit {}: server time went back", seq);
    last_commit_ms_ = receipt.leaf.time_ms;
    ++run_.out.receipts;
    const bool sound = row_is_sound && receipt.leaf.set_hash == stored.set.hash();
    const Hash leaf = protocol::leaf_hash(receipt.leaf);
    if (!sound && log_nodes(run_.db, run_.number)(0, seq - 1) != leaf) {
      run_.find("commit {}: its leaf is not the one of the log", seq);
      return pass_over(seq);
    }
    append_leaf(seq, leaf);
  }

  void append_leaf(std::uint64_t seq, const Hash& leaf) {
    const protocol::MerkleLookup nodes = log_nodes(run_.db, run_.number);
    for (const protocol::MerkleNode& node : frontier_.append(leaf))
      if (nodes(node.level, node.index) != node.hash)
        run_.find("commit {}: node {}/{} of the log is not the one that follows from it", seq, node.level, node.index);
    run_.roots.push_back(frontier_.root());
  }

  /// What is missing of the log's leaves is taken from the log, so that what comes behind it can still be judged.
  void pass_over(std::uint64_t seq) {
    const auto leaf = log_nodes(run_.db, run_.number)(0, seq - 1);
    append_leaf(seq, leaf.value_or(Hash{}));
  }

  /// A draft that was sealed more than once has a commitment in each set.
  void note_erased_again(const StoredSet& stored) {
    for (const protocol::SealedChange& sealed : stored.set.changes) {
      v1::Skeleton skeleton;
      if (!sealed.erased() ||
          !skeleton.ParseFromArray(sealed.skeleton.data(), static_cast<int>(sealed.skeleton.size())))
        continue;
      if (run_.erased_changes.contains({stored.header.device, ChangeId::or_zero(skeleton.id())}))
        run_.erased.insert({stored.header.device, sealed.commitment()});
    }
  }

  Result<void> check_set(std::uint64_t seq) {
    TERN_TRY(const auto row, read_row(seq));
    if (!row) {
      ++run_.out.gaps;
      run_.find("commit {} is missing", seq);
      pass_over(seq);
      return {};
    }
    ++run_.out.sets;
    auto stored = read_set(run_.db, run_.number, seq);
    if (!stored || !*stored) {
      // Its place in the chain is believed from the row, so that the sets behind it are not blamed.
      ChainEnd& end = run_.chains[{row->device, row->device_epoch}];
      end.chain_seq = row->chain_seq;
      end.hash = row->set_hash;
      pass_over(seq);
      return stored ? Result<void>{} : tl::unexpected(std::move(stored).error());
    }
    run_.out.changes += (*stored)->set.changes.size();
    const bool row_is_sound = check_row(**stored, *row);
    check_chain(**stored);
    check_leaf(**stored, row_is_sound);
    note_erased_again(**stored);
    if (auto verified = protocol::verify((*stored)->set, context()); !verified)
      run_.find("commit {}: {} ({})", seq, verified.error().message, verified.error().field);
    return check_outcomes(**stored);
  }

  // ---- receipts, by folding in commit order ----

  void check_outcome(std::uint64_t seq, const LedgerChange& change, const v1::ChangeOutcome& said,
                     const sync::Standing& due) {
    const auto outcome = static_cast<sync::Outcome>(said.outcome());
    const TicketId& ticket = change.placed.change.ticket;
    if (ChangeId::or_zero(said.change_id()) != change.placed.change.ref.id || outcome != change.outcome) {
      run_.find("commit {}: the receipt of change {} is not that of the ledger", seq, change.index);
    } else if (outcome != due.outcome && !fold_.description_erased(ticket) && !run_.unreadable.contains(ticket)) {
      run_.find("commit {}: change {} has the receipt {}, but folding says {}", seq, change.index,
                sync::to_string(outcome), sync::to_string(due.outcome));
    }
    if (static_cast<std::uint64_t>(said.seen_seq()) != change.placed.admission.seen_seq ||
        said.effective_ms() != change.placed.admission.effective_ms)
      run_.find("commit {}: the receipt of change {} tells another time than the ledger", seq, change.index);
  }

  Result<void> check_outcomes(const StoredSet& stored) {
    const std::uint64_t seq = stored.commit_seq;
    TERN_TRY(
        const std::vector<LedgerChange> changes,
        read_commit(run_.db, run_.number, seq, [&](std::uint32_t index, const TicketId& ticket, const Error& error) {
          run_.find("commit {}: change {} cannot be read: {}", seq, index, error.message);
          run_.unreadable.insert(ticket);
          run_.unreadable_any = true;
        }));
    std::vector<sync::Standing> due;
    std::map<sync::ChangeRef, std::size_t> mine;
    Alterations altered;
    for (const LedgerChange& change : changes) {
      // What the server does by itself has none.
      if (!change.placed.stamp.author.is_zero()) authors_.insert(change.placed.stamp.author);
      if (change.placed.change.body_erased) ++run_.out.erased;
      const LedgerFold::Step step = fold_.fold(change);
      for (const sync::StandingChange& one : step.altered) {
        if (const auto own = mine.find(one.change); own != mine.end())
          due[own->second] = one.after;
        else
          altered.try_emplace(one.change, standing_of(one.change, one.before), one.after.outcome).first->second.second =
              one.after.outcome;
      }
      mine.emplace(change.placed.change.ref, due.size());
      due.push_back(step.standing);
      note_change(stored, change);
    }
    TERN_CHECKED(check_columns(seq));
    v1::SetOutcomes outcomes;
    const bool readable = outcomes.ParseFromString(stored.receipt.outcomes) &&
                          static_cast<std::size_t>(outcomes.outcomes_size()) == stored.set.changes.size();
    if (!readable) run_.find("commit {}: its outcomes cannot be read", seq);
    for (std::size_t i = 0; i < changes.size(); ++i) {
      const auto index = static_cast<int>(changes[i].index);
      if (readable && index < outcomes.outcomes_size())
        check_outcome(seq, changes[i], outcomes.outcomes(index), due[i]);
      standings_[changes[i].placed.change.ref] = due[i].outcome;
    }
    return check_amendments(seq, std::move(altered));
  }

  sync::Outcome standing_of(const sync::ChangeRef& ref, const sync::Standing& otherwise) const {
    const auto found = standings_.find(ref);
    return found == standings_.end() ? otherwise.outcome : found->second;
  }

  // ---- what everything else is derived from ----

  void note_change(const StoredSet& stored, const LedgerChange& change) {
    const sync::PlacedChange& placed = change.placed;
    ChainEnd& end = run_.chains[{stored.header.device, stored.header.device_epoch}];
    if (placed.change.asserted_ms == 0) end.effective_ms = std::max(end.effective_ms, placed.admission.effective_ms);
    if (placed.change.ref.device != stored.header.device)
      run_.find("commit {}: change {} is of another device than its set", stored.commit_seq, change.index);
    note_record(change);
    const TicketId& id = placed.change.ticket;
    ChangeColumns& columns = columns_due_[change.index];
    columns = {id, placed.change.ref.id, placed.change.intent, {}};
    if (id.is_zero() || !fold_.is_made(id)) return note_held(placed);
    TicketInLedger& ticket = run_.tickets[id];
    ++ticket.change_count;
    ticket.last_commit = stored.commit_seq;
    note_facts(change, ticket.latest);
    columns.latest = ticket.latest;
    note_held(placed);
  }

  void note_held(const sync::PlacedChange& placed) {
    const sync::Origin& origin = placed.stamp.origin;
    if (placed.admission.verdict == sync::Admission::Verdict::held)
      held_[placed.change.ref] = {{origin.device, origin.device_epoch}, is_fact(placed.change.intent)};
  }

  void note_facts(const LedgerChange& change, LatestFacts& latest) const {
    const sync::PlacedChange& placed = change.placed;
    const sync::Origin& origin = placed.stamp.origin;
    if (placed.admission.verdict != sync::Admission::Verdict::admitted) return;
    if (placed.change.intent != sync::Intent::release) {
      if (is_fact(placed.change.intent))
        latest.add({origin.device, origin.device_epoch}, placed.admission.effective_ms);
      return;
    }
    for (const ReleasedChange& released : change.released)
      if (const auto held = held_.find(released.ref); held != held_.end() && held->second.is_fact)
        latest.add(held->second.chain, released.admission.effective_ms);
  }

  /// The columns of the changes of one commit that repeat or sum up what is in them.
  Result<void> check_columns(std::uint64_t seq) {
    TERN_TRY(auto rows, run_.db.query("SELECT idx, ticket_id, change_id, intent, top_ms, top_device, top_epoch, "
                                      "second_ms FROM change WHERE tenant_id = $1 AND commit_seq = $2",
                                      run_.number, seq));
    for (;;) {
      TERN_TRY(const bool more, rows.step());
      if (!more) break;
      const auto found = columns_due_.find(static_cast<std::uint32_t>(rows.int64(0)));
      if (found == columns_due_.end()) continue;  // it cannot be read, which was said
      const ChangeColumns& due = found->second;
      if (rows.id<TicketId>(1) != due.ticket || rows.id<ChangeId>(2) != due.change ||
          rows.int64(3) != static_cast<std::int64_t>(due.intent))
        run_.find("commit {}: the columns of change {} are not those of its content", seq, found->first);
      const LatestFacts& latest = due.latest;
      const bool same = rows.int64(4) == latest.top_ms && rows.id<DeviceId>(5) == latest.top.device &&
                        rows.uint64(6) == latest.top.epoch && rows.int64(7) == latest.second_ms;
      if (!same && !run_.unreadable.contains(due.ticket))
        run_.find("commit {}: change {} names other latest facts than the ledger", seq, found->first);
    }
    columns_due_.clear();
    return {};
  }

  void note_record(const LedgerChange& change) {
    const sync::PlacedChange& placed = change.placed;
    if (placed.change.intent != sync::Intent::record || placed.change.body_erased) return;
    if (placed.admission.verdict != sync::Admission::Verdict::admitted) return;
    auto record = sync::decode_record(placed.change.record);
    if (!record) return run_.find("commit {}: a record cannot be read", change.commit_seq);
    record->version = change.commit_seq;
    record->integer_id = placed.admission.integer_id;
    const auto kind = static_cast<std::uint8_t>(record->kind);
    const auto before = run_.records.find({kind, record->id});
    if (sync::keeps_history(*record, before == run_.records.end() ? nullptr : &before->second))
      run_.history[{kind, record->id, record->version}] = sync::encode_record(*record);
    run_.records[{kind, record->id}] = std::move(*record);
  }

  // ---- amendments ----

  Result<void> check_amendments(std::uint64_t seq, Alterations due) {
    for (const auto& [ref, change] : due) standings_[ref] = change.second;
    std::erase_if(due, [](const auto& one) { return one.second.first == one.second.second; });
    TERN_TRY(auto rows, run_.db.query("SELECT statement, ticket_id, n FROM amendment WHERE tenant_id = $1 "
                                      "AND commit_seq = $2",
                                      run_.number, seq));
    bool unknowable = false;
    for (;;) {
      TERN_TRY(const bool more, rows.step());
      if (!more) break;
      ++run_.out.amendments;
      const auto opened = run_.tenant.keys().open_logged<protocol::Amendment>(rows.blob(0));
      if (!opened) {
        run_.find("commit {}: an amendment's signature is not good", seq);
        readers_unknown_.insert({seq, rows.uint64(2)});
        continue;
      }
      const protocol::Amendment& amendment = opened->value;
      if (amendment.commit_seq != seq || amendment.ticket != rows.id<TicketId>(1))
        run_.find("commit {}: an amendment stands at another commit or ticket than it says", seq);
      unknowable =
          unknowable || fold_.description_erased(amendment.ticket) || run_.unreadable.contains(amendment.ticket);
      check_amended(seq, amendment, unknowable, due);
      note_readers({seq, rows.uint64(2)}, amendment);
    }
    if (!due.empty() && !unknowable && run_.out.erased == 0 && !run_.unreadable_any)
      run_.find("commit {}: {} changes were amended without telling", seq, due.size());
    return {};
  }

  void check_amended(std::uint64_t seq, const protocol::Amendment& amendment, bool unknowable, Alterations& due) {
    for (const protocol::AmendedChange& change : amendment.changes) {
      const auto found = due.find({change.name.device, change.name.change});
      const bool agrees = found != due.end() && static_cast<std::uint8_t>(found->second.first) == change.before &&
                          static_cast<std::uint8_t>(found->second.second) == change.after;
      if (!agrees && !unknowable) run_.find("commit {}: an amendment says what folding does not", seq);
      if (found != due.end()) due.erase(found);
    }
  }

  void note_readers(const AmendmentKey& key, const protocol::Amendment& amendment) {
    std::set<DeviceId>& readers = readers_[key];
    for (const protocol::AmendedChange& change : amendment.changes) {
      readers.insert(change.name.device);
      readers.insert(change.cause.device);
    }
    readers.erase(run_.in.keys.sealing_device);
  }

  /// Whoever an amendment concerns is told of it.
  Result<void> check_readers() {
    TERN_TRY(auto rows,
             run_.db.query("SELECT device_id, commit_seq, n FROM amendment_reader WHERE tenant_id = $1", run_.number));
    for (;;) {
      TERN_TRY(const bool more, rows.step());
      if (!more) break;
      const AmendmentKey key{rows.uint64(1), rows.uint64(2)};
      if (readers_unknown_.contains(key)) continue;
      const auto found = readers_.find(key);
      if (found == readers_.end() || found->second.erase(rows.id<DeviceId>(0)) == 0)
        run_.find("commit {}: device {} is told of an amendment that does not concern it", key.first,
                  to_hex(rows.blob(0)));
    }
    for (const auto& [key, left] : readers_)
      for (const DeviceId& device : left)
        run_.find("commit {}: device {} is not told of an amendment", key.first, to_hex(device));
    return {};
  }

  // ---- the end ----

  /// Rows of commits that are not there.
  Result<void> check_strays(std::uint64_t last) {
    for (const std::string_view table : {"change", "change_again", "amendment"}) {
      TERN_TRY(auto rows, run_.db.prepare(fmt::format("SELECT count(*) FROM {} t WHERE t.tenant_id = $1 AND NOT EXISTS "
                                                      "(SELECT 1 FROM change_set s WHERE s.tenant_id = t.tenant_id "
                                                      "AND s.commit_seq = t.commit_seq)",
                                                      table)));
      rows.bind_all(run_.number);
      TERN_TRY(const bool found, rows.step());
      if (found && rows.int64(0) != 0) run_.find("{} rows of {} are of no commit", rows.int64(0), table);
    }
    TERN_TRY(const auto nodes, run_.db.int64_of("SELECT count(*) FROM log_node WHERE tenant_id = $1 AND level = 0 "
                                                "AND idx >= $2",
                                                run_.number, last));
    if (nodes.value_or(0) != 0) run_.find("the log holds {} leaves more than the ledger", *nodes);
    return {};
  }

  Result<void> check_log() {
    TERN_TRY(const auto stored, read_meta(run_.db, run_.number, "frontier"));
    if (!stored || *stored != frontier_.encode())
      run_.find("the log's frontier is not the one that follows from the ledger");
    return {};
  }

  VerifyRun& run_;
  std::uint64_t lo_checked_after_ = 0;
  protocol::MerkleFrontier frontier_;
  std::int64_t last_commit_ms_ = 0;
  LedgerFold fold_;
  std::map<sync::ChangeRef, sync::Outcome> standings_;
  std::map<std::uint32_t, ChangeColumns> columns_due_;  // of the commit in hand, by index
  std::map<sync::ChangeRef, HeldChange> held_;
  std::map<AmendmentKey, std::set<DeviceId>> readers_;
  std::set<AmendmentKey> readers_unknown_;
  std::set<OperatorId> authors_;
};

}  // namespace

Result<void> check_ledger(VerifyRun& run) {
  return LedgerCheck(run).check();
}

}  // namespace tern::server
