#include "verify_tenant.hpp"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "devices.hpp"
#include "ledger_fold.hpp"
#include "store/tenant_internals.hpp"
#include "tern/protocol/statements.hpp"
#include "tern/sqlite/transaction.hpp"
#include "tern/v1/exchange.pb.h"

namespace tern::server {
namespace {

constexpr std::size_t findings_max = 100;

using ChainKey = std::pair<DeviceId, std::uint64_t>;
/// What a commit altered: by change, the outcome before and after.
using Alterations = std::map<sync::ChangeRef, std::pair<sync::Outcome, sync::Outcome>>;

class Verifier {
public:
  Verifier(Tenant& tenant, sqlite::Database& db)
      : tenant_(tenant), in_(tenant.internals()), db_(db), number_(tenant.number()) {
    for (const DeviceInfo& device : devices(tenant)) devices_.emplace(device.device, device);
  }

  Result<Verification> run() {
    TERN_TRY(auto snapshot, sqlite::Transaction::begin_read(db_));
    TERN_CHECKED(check_erasures());
    TERN_CHECKED(check_sets());
    TERN_CHECKED(check_log());
    TERN_CHECKED(check_tickets());
    TERN_CHECKED(check_records());
    TERN_CHECKED(check_anchors());
    snapshot.rollback();
    out_.authors = authors_.size();
    return std::move(out_);
  }

private:
  template <typename... Args>
  void find(fmt::format_string<Args...> text, Args&&... args) {
    if (out_.findings.size() < findings_max) out_.findings.push_back(fmt::format(text, std::forward<Args>(args)...));
  }

  // ---- sets: signature, chain, receipt ----

  protocol::VerifyContext context() {
    protocol::VerifyContext context;
    context.tenant = tenant_.id();
    context.from_network = false;
    context.accept_inactive_key = true;
    context.find_key = [this](const TenantId&, const DeviceId& id,
                              const KeyId& key) -> std::optional<protocol::KeyRecord> {
      const auto found = devices_.find(id);
      if (found == devices_.end() || found->second.key != key) return std::nullopt;
      const DeviceInfo& device = found->second;
      return protocol::KeyRecord{device.public_key, 1, device.operator_id, device.key_state, device.purpose};
    };
    context.is_erased = [this](const DeviceId& device, const Hash& commitment) {
      return erased_.contains({device, commitment});
    };
    return context;
  }

  void check_chain(const StoredSet& stored) {
    const protocol::ChangeSetHeader& header = stored.header;
    const ChainKey key{header.device, header.device_epoch};
    const auto head = chains_.find(key);
    const std::uint64_t due = head == chains_.end() ? 1 : head->second.first + 1;
    if (header.chain_seq != due) {
      out_.gaps += header.chain_seq > due ? header.chain_seq - due : 1;
      find("commit {}: set {} of device {} where {} was due", stored.commit_seq, header.chain_seq,
           to_hex(header.device), due);
    } else if (head != chains_.end() && head->second.second != header.prev_hash) {
      find("commit {}: the chain of device {} is broken", stored.commit_seq, to_hex(header.device));
    } else if (head == chains_.end()) {
      const auto device = devices_.find(header.device);
      const bool current = device != devices_.end() && device->second.chain.device_epoch == header.device_epoch;
      if (current && protocol::genesis_prev_hash(device->second.certificate) != header.prev_hash)
        find("commit {}: the chain of device {} does not begin at its certificate", stored.commit_seq,
             to_hex(header.device));
    }
    chains_[key] = {header.chain_seq, stored.set.hash()};
  }

  void check_leaf(const StoredSet& stored) {
    const protocol::Receipt& receipt = stored.receipt;
    if (receipt.leaf.set_hash != stored.set.hash()) find("commit {}: the receipt is of another set", stored.commit_seq);
    if (receipt.leaf_index != frontier_.size()) find("commit {}: its leaf stands at another place", stored.commit_seq);
    if (receipt.leaf.time_ms < last_commit_ms_) find("commit {}: server time went back", stored.commit_seq);
    last_commit_ms_ = receipt.leaf.time_ms;
    const protocol::MerkleLookup nodes = log_nodes(db_, number_);
    for (const protocol::MerkleNode& node : frontier_.append(protocol::leaf_hash(receipt.leaf)))
      if (nodes(node.level, node.index) != node.hash)
        find("commit {}: node {}/{} of the log is not the one that follows from it", stored.commit_seq, node.level,
             node.index);
    ++out_.receipts;
  }

  Result<void> check_row(const StoredSet& stored) {
    TERN_TRY(const auto kept, db_.int64_of("SELECT row_check FROM change_set WHERE tenant_id = $1 AND commit_seq = $2",
                                           number_, stored.commit_seq));
    const std::uint64_t due = ledger_row_check(in_.row_key, stored.commit_seq, stored.set.header, stored.set.signature,
                                               stored.receipt.outcomes);
    if (static_cast<std::uint64_t>(kept.value_or(0)) != due) find("commit {}: the row is damaged", stored.commit_seq);
    return {};
  }

  Result<void> check_sets() {
    TERN_TRY(const auto newest, db_.int64_of("SELECT max(commit_seq) FROM change_set WHERE tenant_id = $1", number_));
    const auto last = static_cast<std::uint64_t>(newest.value_or(0));
    const protocol::VerifyContext how = context();
    for (std::uint64_t seq = 1; seq <= last; ++seq) {
      TERN_TRY(auto stored, read_set(db_, number_, seq));
      if (!stored) {
        ++out_.gaps;
        find("commit {} is missing", seq);
        continue;
      }
      ++out_.sets;
      out_.changes += stored->set.changes.size();
      TERN_CHECKED(check_row(*stored));
      check_chain(*stored);
      check_leaf(*stored);
      if (auto verified = protocol::verify(stored->set, how); !verified)
        find("commit {}: {} ({})", seq, verified.error().message, verified.error().field);
      TERN_CHECKED(check_outcomes(*stored));
    }
    TERN_TRY(const auto counted, read_meta(db_, number_, "commit_seq"));
    if (meta_number(counted) != last)
      find("the newest commit is {}, but the ledger ends at {}", meta_number(counted), last);
    return {};
  }

  // ---- receipts, by folding in commit order ----

  void check_outcome(std::uint64_t seq, const LedgerChange& change, const v1::ChangeOutcome& said,
                     const sync::Standing& due) {
    const auto outcome = static_cast<sync::Outcome>(said.outcome());
    const TicketId& ticket = change.placed.change.ticket;
    if (ChangeId::or_zero(said.change_id()) != change.placed.change.ref.id || outcome != change.outcome) {
      find("commit {}: the receipt of change {} is not that of the ledger", seq, change.index);
    } else if (outcome != due.outcome && !fold_.description_erased(ticket)) {
      find("commit {}: change {} has the receipt {}, but folding says {}", seq, change.index, sync::to_string(outcome),
           sync::to_string(due.outcome));
    }
    if (static_cast<std::uint64_t>(said.seen_seq()) != change.placed.admission.seen_seq ||
        said.effective_ms() != change.placed.admission.effective_ms)
      find("commit {}: the receipt of change {} tells another time than the ledger", seq, change.index);
  }

  void note(const sync::ChangeRef& ref, const sync::Standing& standing) { standings_[ref] = standing.outcome; }

  Result<void> check_outcomes(const StoredSet& stored) {
    v1::SetOutcomes outcomes;
    const std::uint64_t seq = stored.commit_seq;
    if (!outcomes.ParseFromString(stored.receipt.outcomes) ||
        static_cast<std::size_t>(outcomes.outcomes_size()) != stored.set.changes.size()) {
      find("commit {}: its outcomes cannot be read", seq);
      return {};
    }
    TERN_TRY(const std::vector<LedgerChange> changes, read_commit(db_, number_, seq));
    std::vector<sync::Standing> due;
    std::map<sync::ChangeRef, std::size_t> mine;
    Alterations altered;
    for (const LedgerChange& change : changes) {
      authors_.insert(change.placed.stamp.author);
      if (change.placed.change.body_erased) ++out_.erased;
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
      remember_record(change, seq);
    }
    for (std::size_t i = 0; i < changes.size(); ++i) {
      check_outcome(seq, changes[i], outcomes.outcomes(static_cast<int>(changes[i].index)), due[i]);
      note(changes[i].placed.change.ref, due[i]);
    }
    return check_amendments(seq, std::move(altered));
  }

  sync::Outcome standing_of(const sync::ChangeRef& ref, const sync::Standing& otherwise) const {
    const auto found = standings_.find(ref);
    return found == standings_.end() ? otherwise.outcome : found->second;
  }

  Result<void> check_amendments(std::uint64_t seq, Alterations due) {
    for (const auto& [ref, change] : due) standings_[ref] = change.second;
    std::erase_if(due, [](const auto& one) { return one.second.first == one.second.second; });
    TERN_TRY(auto rows, db_.query("SELECT statement, ticket_id FROM amendment WHERE tenant_id = $1 AND commit_seq = $2",
                                  number_, seq));
    bool unknowable = false;
    for (;;) {
      TERN_TRY(const bool more, rows.step());
      if (!more) break;
      ++out_.amendments;
      const auto opened = protocol::open_statement<protocol::Amendment>(rows.blob(0), tenant_.keys().log.public_key());
      if (!opened) {
        find("commit {}: an amendment's signature is not good", seq);
        continue;
      }
      if (opened->value.commit_seq != seq || opened->value.ticket != rows.id<TicketId>(1))
        find("commit {}: an amendment stands at another commit or ticket than it says", seq);
      unknowable = unknowable || fold_.description_erased(opened->value.ticket);
      for (const protocol::AmendedChange& change : opened->value.changes) {
        const auto found = due.find({change.name.device, change.name.change});
        const bool agrees = found != due.end() && static_cast<std::uint8_t>(found->second.first) == change.before &&
                            static_cast<std::uint8_t>(found->second.second) == change.after;
        if (!agrees && !unknowable) find("commit {}: an amendment says what folding does not", seq);
        if (found != due.end()) due.erase(found);
      }
    }
    if (!due.empty() && !unknowable && !any_description_erased())
      find("commit {}: {} changes were amended without telling", seq, due.size());
    return {};
  }

  [[nodiscard]] bool any_description_erased() const { return out_.erased != 0; }

  // ---- log, tickets, records, anchors, erasures ----

  Result<void> check_log() {
    TERN_TRY(const auto stored, read_meta(db_, number_, "frontier"));
    if (!stored || *stored != frontier_.encode())
      find("the log's frontier is not the one that follows from the ledger");
    return {};
  }

  Result<void> check_ticket(const TicketId& id, ByteView state) {
    TERN_TRY(const Refolded zero, refold_from_zero(db_, number_, id));
    if (sync::encode_state(zero.fold.state) != state)
      find("ticket {}: its state is not the fold of its changes", to_hex(id));
    for (std::size_t i = 0; i < zero.changes.size(); ++i) {
      TERN_TRY(const auto standing,
               db_.int64_of("SELECT standing FROM change WHERE tenant_id = $1 AND device_id = $2 "
                            "AND change_id = $3",
                            number_, zero.changes[i].change.ref.device, zero.changes[i].change.ref.id));
      if (standing.value_or(0) != static_cast<std::int64_t>(zero.fold.standings[i].outcome))
        find("ticket {}: change {} does not stand as the fold says", to_hex(id), to_hex(zero.changes[i].change.ref.id));
    }
    return check_messages(id, zero.fold.messages);
  }

  Result<void> check_messages(const TicketId& id, const std::vector<sync::Message>& due) {
    std::map<sync::ChangeRef, Bytes> left;
    for (const sync::Message& message : due) left[message.stamp.ref()] = sync::encode_message(message);
    TERN_TRY(auto rows,
             db_.query("SELECT device_id, change_id, data FROM message WHERE tenant_id = $1 AND ticket_id = $2",
                       number_, id));
    for (;;) {
      TERN_TRY(const bool more, rows.step());
      if (!more) break;
      const sync::ChangeRef ref{rows.id<DeviceId>(0), rows.id<ChangeId>(1)};
      const auto found = left.find(ref);
      if (found == left.end() || found->second != rows.blob(2))
        find("ticket {}: message {} is not the one of the ledger", to_hex(id), to_hex(ref.id));
      if (found != left.end()) left.erase(found);
    }
    if (!left.empty()) find("ticket {}: {} messages are missing", to_hex(id), left.size());
    return {};
  }

  Result<void> check_tickets() {
    TERN_TRY(auto rows, db_.query("SELECT ticket_id, state FROM ticket WHERE tenant_id = $1", number_));
    for (;;) {
      TERN_TRY(const bool more, rows.step());
      if (!more) return {};
      ++out_.tickets;
      TERN_CHECKED(check_ticket(rows.id<TicketId>(0), rows.blob(1)));
    }
  }

  void remember_record(const LedgerChange& change, std::uint64_t seq) {
    if (change.placed.change.intent != sync::Intent::record || change.placed.change.body_erased) return;
    if (change.placed.admission.verdict != sync::Admission::Verdict::admitted) return;
    auto record = sync::decode_record(change.placed.change.record);
    if (!record) return find("commit {}: a record cannot be read", seq);
    record->version = seq;
    record->integer_id = change.placed.admission.integer_id;
    records_[{static_cast<std::uint8_t>(record->kind), record->id}] = std::move(*record);
  }

  Result<void> check_records() {
    TERN_TRY(auto rows, db_.query("SELECT kind, record_id, data FROM record WHERE tenant_id = $1", number_));
    for (;;) {
      TERN_TRY(const bool more, rows.step());
      if (!more) break;
      const auto found = records_.find({static_cast<std::uint8_t>(rows.int64(0)), rows.id<RecordId>(1)});
      if (found == records_.end() || sync::encode_record(found->second) != rows.blob(2)) {
        find("record {} is not the one of the ledger", to_hex(rows.blob(1)));
      } else {
        records_.erase(found);
      }
    }
    if (!records_.empty()) find("{} records of the ledger are missing", records_.size());
    return {};
  }

  Result<void> check_anchors() {
    TERN_TRY(auto rows, db_.query("SELECT wire, anchor_hash, time_ms FROM anchor WHERE tenant_id = $1 AND epoch = $2 "
                                  "ORDER BY anchor_seq",
                                  number_, tenant_.epoch()));
    std::optional<protocol::Anchor> before;
    for (;;) {
      TERN_TRY(const bool more, rows.step());
      if (!more) return {};
      const auto opened = protocol::open_statement<protocol::Anchor>(rows.blob(0), tenant_.keys().log.public_key());
      if (!opened || protocol::anchor_hash(rows.blob(0)) != rows.id<Hash>(1)) {
        find("an anchor's signature is not good");
        continue;
      }
      if (before && !protocol::judge_anchor(*before, opened->value))
        find("anchor {} goes back", opened->value.anchor_seq);
      before = opened->value;
    }
  }

  Result<void> check_erasures() {
    TERN_TRY(auto rows,
             db_.query("SELECT device_id, change_commitment, statement FROM erasure WHERE tenant_id = $1", number_));
    for (;;) {
      TERN_TRY(const bool more, rows.step());
      if (!more) return {};
      if (!protocol::open_statement<protocol::Erasure>(rows.blob(2), tenant_.keys().log.public_key()))
        find("an erasure's signature is not good");
      erased_.insert({rows.id<DeviceId>(0), rows.id<Hash>(1)});
    }
  }

  Tenant& tenant_;
  Tenant::Internals& in_;
  sqlite::Database& db_;
  std::int64_t number_;
  Verification out_;
  std::map<DeviceId, DeviceInfo> devices_;
  std::set<std::pair<DeviceId, Hash>> erased_;
  std::map<ChainKey, std::pair<std::uint64_t, Hash>> chains_;
  protocol::MerkleFrontier frontier_;
  std::int64_t last_commit_ms_ = 0;
  LedgerFold fold_;
  std::map<sync::ChangeRef, sync::Outcome> standings_;
  std::map<std::pair<std::uint8_t, RecordId>, sync::Record> records_;
  std::set<OperatorId> authors_;
};

}  // namespace

std::string Verification::summary() const {
  return fmt::format("{} changes, {} authors, {} gaps", changes, authors, gaps);
}

Result<Verification> verify_tenant(Tenant& tenant) {
  TERN_TRY(auto reader, tenant.reader());
  return Verifier(tenant, reader.db()).run();
}

}  // namespace tern::server
