// What a processed set leaves behind: ledger rows, outcomes, leaf, receipt, amendments.
#include <algorithm>
#include <map>
#include <set>

#include "batch.hpp"
#include "tern/protocol/statements.hpp"
#include "tern/v1/exchange.pb.h"

namespace tern::server {
namespace {

using sqlite::Blob;

constexpr std::string_view insert_change =
    "INSERT INTO change (tenant_id, commit_seq, idx, ticket_id, device_id, change_id, intent, skeleton, salt, body, "
    "body_commitment, admission, author, author_kind, outcome, standing, standing_rule, top_ms, top_device, top_epoch, "
    "second_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, "
    "$21)";
constexpr std::string_view insert_again =
    "INSERT INTO change_again (tenant_id, commit_seq, idx, device_id, change_id, skeleton, salt, body, "
    "body_commitment, "
    "same_content) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
constexpr std::string_view insert_set =
    "INSERT INTO change_set (tenant_id, commit_seq, device_id, device_epoch, chain_seq, set_hash, header, signature, "
    "original, change_count, commit_ms, leaf_index, outcomes, lo_ms, row_check) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";

// ---- outcomes ----

void write_outcome(const Entry& entry, TicketId& previous_ticket, v1::ChangeOutcome& out) {
  const sync::Change& change = *entry.change;
  const sync::Admission& admission = entry.admission;
  out.set_change_id(Bytes(change.ref.id.view()));
  out.set_outcome(static_cast<std::uint32_t>(entry.standing.outcome));
  out.set_rule(static_cast<std::uint32_t>(entry.standing.rule));
  out.set_seen_seq(admission.seen_seq);
  if (!entry.standing.stands.none()) {
    out.set_stands_device(Bytes(entry.standing.stands.device.view()));
    out.set_stands_change(Bytes(entry.standing.stands.id.view()));
    if (!entry.standing.stands_author.is_zero()) out.set_stands_author(Bytes(entry.standing.stands_author.view()));
  }
  out.set_effective_ms(admission.effective_ms);
  out.set_lo_ms(admission.lo_ms);
  out.set_hi_ms(admission.hi_ms);
  out.set_time_flags(admission.time_flags);
  if (change.ticket != previous_ticket) out.set_ticket_id(Bytes(change.ticket.view()));
  previous_ticket = change.ticket;
  out.set_integer_id(admission.integer_id);
  out.set_number(admission.number);
  out.set_message_id(admission.message_id);
  out.set_reason(static_cast<std::uint32_t>(admission.reason));
}

Bytes encode_outcomes(const SetWork& work) {
  v1::SetOutcomes outcomes;
  outcomes.mutable_outcomes()->Reserve(static_cast<int>(work.entries.size()));
  TicketId previous;
  for (const Entry& entry : work.entries) write_outcome(entry, previous, *outcomes.add_outcomes());
  return outcomes.SerializeAsString();
}

// ---- rows ----

template <std::size_t N, typename T>
std::optional<FixedBytes<N, T>> some(const FixedBytes<N, T>& id) {
  return id.is_zero() ? std::nullopt : std::optional(id);
}

struct Content {
  std::optional<Salt> salt;
  std::optional<Blob> body;
  std::optional<Hash> commitment;
};

Content content_of(const protocol::SealedChange& sealed) {
  if (sealed.erased()) return {{}, {}, sealed.erased_commitment};
  return {sealed.salt, Blob{sealed.body}, {}};
}

Result<void> write_change(Batch& batch, const SetWork& work, std::size_t index) {
  const Entry& entry = work.entries[index];
  const sync::ChangeRef& ref = entry.change->ref;
  Content content = content_of(*entry.sealed);
  if (entry.again) {
    // Erased meanwhile, and whoever sends it has not heard of it.
    if (!entry.sealed->erased() && batch.in.erased_changes.contains(ref))
      content = content_of(entry.sealed->without_content());
    return batch.db().run(insert_again, batch.number, work.commit_seq, index, ref.device, ref.id,
                          Blob{entry.sealed->skeleton}, content.salt, content.body, content.commitment,
                          entry.same_content);
  }
  const Bytes admission = encode_admission(entry.admission, entry.released);
  return batch.db().run(insert_change, batch.number, work.commit_seq, index, some(entry.change->ticket), ref.device,
                        ref.id, entry.change->intent, Blob{entry.sealed->skeleton}, content.salt, content.body,
                        content.commitment, Blob{admission}, entry.author, entry.author_kind, entry.standing.outcome,
                        entry.standing.outcome, entry.standing.rule, entry.latest.top_ms, some(entry.latest.top.device),
                        entry.latest.top.epoch, entry.latest.second_ms);
}

Result<void> write_set_row(Batch& batch, const SetWork& work, const protocol::Receipt& receipt) {
  std::optional<Blob> original;
  Bytes bytes;
  if (work.set->original) {
    bytes = work.set->original->header + Bytes(work.set->original->signature.view());
    original = Blob{bytes};
  }
  const std::uint64_t row_check = ledger_row_check(batch.in.row_key, work.commit_seq, work.set->header,
                                                   work.set->signature, receipt.outcomes, work.lo_ms);
  return batch.db().run(insert_set, batch.number, work.commit_seq, work.header.device, work.header.device_epoch,
                        work.header.chain_seq, work.hash, Blob{work.set->header}, work.set->signature, original,
                        work.entries.size(), batch.commit_ms, receipt.leaf_index, Blob{receipt.outcomes}, work.lo_ms,
                        row_check);
}

Result<void> append_leaf(Batch& batch, const protocol::Receipt& receipt) {
  for (const protocol::MerkleNode& node : batch.frontier.append(protocol::leaf_hash(receipt.leaf))) {
    TERN_CHECKED(batch.db().run("INSERT INTO log_node (tenant_id, level, idx, hash) VALUES ($1, $2, $3, $4)",
                                batch.number, node.level, node.index, node.hash));
  }
  return {};
}

// ---- amendments ----

/// What one commit altered, each change once: from what it was before to what it is after.
std::vector<Altered> settled(const std::vector<Altered>& altered) {
  std::vector<Altered> once;
  std::map<sync::ChangeRef, std::size_t> at;
  for (const Altered& one : altered) {
    const auto [place, fresh] = at.emplace(one.change.change, once.size());
    if (fresh) {
      once.push_back(one);
      continue;
    }
    Altered& merged = once[place->second];
    merged.change.after = one.change.after;
    merged.cause = one.cause;
  }
  return once;
}

protocol::ChangeName name_of(const sync::ChangeRef& ref) {
  return {ref.device, ref.id};
}

Result<void> write_amendment(Batch& batch, const SetWork& work, std::uint32_t n, const TicketId& ticket,
                             std::vector<protocol::AmendedChange> changes) {
  std::set<DeviceId> readers;
  for (const protocol::AmendedChange& change : changes) {
    readers.insert(change.name.device);
    readers.insert(change.cause.device);
  }
  readers.erase(batch.in.keys.sealing_device);
  protocol::Amendment amendment{batch.tenant.id(), batch.in.epoch, work.commit_seq,
                                batch.commit_ms,   ticket,         std::move(changes)};
  const auto signed_statement = protocol::sign_statement(std::move(amendment), batch.in.keys.log);
  TERN_CHECKED(
      batch.db().run("INSERT INTO amendment (tenant_id, commit_seq, n, ticket_id, statement) "
                     "VALUES ($1, $2, $3, $4, $5)",
                     batch.number, work.commit_seq, n, ticket, Blob{signed_statement.wire}));
  for (const DeviceId& device : readers) {
    TERN_CHECKED(
        batch.db().run("INSERT INTO amendment_reader (tenant_id, device_id, commit_seq, n) VALUES ($1, $2, $3, $4)",
                       batch.number, device, work.commit_seq, n));
  }
  return {};
}

Result<void> write_amendments(Batch& batch, const SetWork& work) {
  std::map<TicketId, std::vector<protocol::AmendedChange>> by_ticket;
  for (const Altered& altered : settled(work.altered)) {
    const sync::StandingChange& change = altered.change;
    TERN_CHECKED(
        batch.db().run("UPDATE change SET standing = $4, standing_rule = $5 WHERE tenant_id = $1 AND device_id = $2 "
                       "AND change_id = $3",
                       batch.number, change.change.device, change.change.id, change.after.outcome, change.after.rule));
    if (!sync::amends(change)) continue;
    by_ticket[altered.ticket].push_back({name_of(change.change), static_cast<std::uint8_t>(change.before.outcome),
                                         static_cast<std::uint8_t>(change.after.outcome),
                                         static_cast<std::uint16_t>(change.after.rule), name_of(altered.cause)});
  }
  std::uint32_t n = 0;
  for (auto& [ticket, changes] : by_ticket) {
    for (std::size_t at = 0; at < changes.size(); at += protocol::Amendment::changes_max) {
      const std::size_t end = std::min(changes.size(), at + protocol::Amendment::changes_max);
      std::vector<protocol::AmendedChange> part(changes.begin() + static_cast<std::ptrdiff_t>(at),
                                                changes.begin() + static_cast<std::ptrdiff_t>(end));
      TERN_CHECKED(write_amendment(batch, work, n++, ticket, std::move(part)));
    }
  }
  return {};
}

}  // namespace

Result<Bytes> write_set(Batch& batch, SetWork& work) {
  const protocol::Receipt receipt =
      protocol::make_receipt(work.header.device_epoch, work.header.chain_seq, batch.frontier.size(), work.hash,
                             work.commit_seq, batch.commit_ms, encode_outcomes(work));
  TERN_CHECKED(write_set_row(batch, work, receipt));
  for (std::size_t i = 0; i < work.entries.size(); ++i) TERN_CHECKED(write_change(batch, work, i));
  TERN_CHECKED(append_leaf(batch, receipt));
  TERN_CHECKED(write_amendments(batch, work));
  return protocol::encode(receipt);
}

}  // namespace tern::server
