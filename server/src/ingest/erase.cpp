// Erasure: bodies and salts go, wherever they are kept; skeletons, order and signatures stay. fold.md "Erasure".
#include <algorithm>
#include <map>
#include <set>

#include "handed_back.hpp"
#include "jobs.hpp"
#include "quarantine.hpp"
#include "refold.hpp"
#include "run_batch.hpp"
#include "said_again.hpp"
#include "tern/protocol/statements.hpp"

namespace tern::server {
namespace {

constexpr std::size_t quote_bytes_min = 8;  // shorter lines are anybody's words

/// A row of the ledger that loses its body.
struct Victim {
  sync::ChangeRef ref;
  TicketId ticket;  // zero: a record
  std::uint64_t commit_seq = 0;
  Hash body_commitment;
  Hash commitment;
  bool erased_before = false;
};

// ---- what quotes it ----

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    while (!line.empty() && (line.back() == ' ' || line.back() == '\r')) line.remove_suffix(1);
    while (!line.empty() && line.front() == ' ') line.remove_prefix(1);
    if (line.size() >= quote_bytes_min) lines.emplace_back(line);
  }
  return lines;
}

void add_lines_of(const sync::Change& change, std::vector<std::string>& lines) {
  for (std::string& line : lines_of(own_text(change))) lines.push_back(std::move(line));
  for (std::string& line : lines_of(change.base)) lines.push_back(std::move(line));
}

bool quotes(const sync::Change& change, const std::vector<std::string>& lines) {
  return std::any_of(lines.begin(), lines.end(), [&](const std::string& line) {
    return change.text.find(line) != std::string::npos || change.base.find(line) != std::string::npos ||
           change.reason.find(line) != std::string::npos;
  });
}

/// A file goes with the message that it was sent with.
bool is_file_of(const sync::Change& change, const std::set<sync::ChangeRef>& messages) {
  return change.intent == sync::Intent::attach && !change.targets.empty() && messages.contains(change.targets.front());
}

bool later(const LedgerChange& a, const LedgerChange& b) {
  return std::tie(a.commit_seq, a.index) > std::tie(b.commit_seq, b.index);
}

/// The changes of a ticket that are to go: those named, every later one that repeats a line of theirs, and the files of
/// all these.
std::set<sync::ChangeRef> with_quotes(const std::vector<LedgerChange>& ledger, const std::set<sync::ChangeRef>& named) {
  std::set<sync::ChangeRef> all = named;
  for (const LedgerChange& source : ledger) {
    if (!named.contains(source.placed.change.ref)) continue;
    std::vector<std::string> lines;
    add_lines_of(source.placed.change, lines);
    for (const LedgerChange& change : ledger)
      if (later(change, source) && quotes(change.placed.change, lines)) all.insert(change.placed.change.ref);
  }
  const std::set<sync::ChangeRef> messages = all;
  for (const LedgerChange& change : ledger)
    if (is_file_of(change.placed.change, messages)) all.insert(change.placed.change.ref);
  return all;
}

// ---- finding ----

Result<std::optional<Victim>> find_victim(Batch& batch, const sync::ChangeRef& ref) {
  TERN_TRY(auto rows,
           batch.db().query("SELECT commit_seq, ticket_id, skeleton, salt, body, body_commitment FROM change "
                            "WHERE tenant_id = $1 AND device_id = $2 AND change_id = $3",
                            batch.number, ref.device, ref.id));
  TERN_TRY(const bool found, rows.step());
  if (!found) return std::optional<Victim>{};
  Victim victim{ref, rows.id<TicketId>(1), rows.uint64(0), {}, {}, !rows.is_null(5)};
  victim.body_commitment =
      victim.erased_before ? rows.id<Hash>(5) : protocol::body_commitment(rows.id<Salt>(3), rows.blob(4));
  victim.commitment = protocol::change_commitment(victim.body_commitment, rows.blob(2));
  // It may have come without its body, when its erasure was due: then the entry is still to be made.
  victim.erased_before = victim.erased_before && batch.in.erased.contains({ref.device, victim.commitment});
  return std::optional(victim);
}

/// The record that an entry of the ledger wrote; nothing: it can be read no more.
Result<std::optional<sync::Record>> record_of_entry(Batch& batch, const sync::ChangeRef& ref) {
  TERN_TRY(auto rows, batch.db().query("SELECT skeleton, body FROM change WHERE tenant_id = $1 AND device_id = $2 AND "
                                       "change_id = $3 AND body_commitment IS NULL",
                                       batch.number, ref.device, ref.id));
  TERN_TRY(const bool found, rows.step());
  if (!found || rows.blob(1).empty()) return std::optional<sync::Record>{};
  TERN_TRY(const sync::Change entry, sync::parse_change(rows.blob(0), rows.blob(1), ref.device));
  if (entry.record.empty()) return std::optional<sync::Record>{};
  TERN_TRY(sync::Record record, sync::decode_record(entry.record));
  return std::optional(std::move(record));
}

/// The record as it is now was written by this change: it has to be written anew first, without what is to go. Others
/// that the same set wrote are no matter.
Result<bool> is_current_record(Batch& batch, const Victim& victim) {
  TERN_TRY(const auto record, record_of_entry(batch, victim.ref));
  if (!record) return false;
  TERN_TRY(const auto found, batch.db().int64_of("SELECT 1 FROM record WHERE tenant_id = $1 AND kind = $2 AND "
                                                 "record_id = $3 AND version = $4",
                                                 batch.number, record->kind, record->id, victim.commit_seq));
  return found.has_value();
}

Result<std::vector<Victim>> find_victims(Batch& batch, const std::vector<sync::ChangeRef>& changes) {
  std::map<TicketId, std::set<sync::ChangeRef>> by_ticket;
  std::vector<Victim> victims;
  for (const sync::ChangeRef& ref : changes) {
    TERN_TRY(const auto victim, find_victim(batch, ref));
    if (!victim) return fail(ErrorCode::not_found, "the ledger holds no change " + to_hex(ref.id), {}, "change");
    if (!victim->ticket.is_zero()) {
      by_ticket[victim->ticket].insert(ref);
      continue;
    }
    TERN_TRY(const bool current, is_current_record(batch, *victim));
    if (current)
      return fail(ErrorCode::invalid, "a record that stands cannot be erased",
                  "write it anew without what is to go, then "
                  "erase the old entry",
                  "change");
    victims.push_back(*victim);
  }
  for (const auto& [ticket, named] : by_ticket) {
    TERN_TRY(const auto ledger, read_ticket(batch.db(), batch.number, ticket));
    for (const sync::ChangeRef& ref : with_quotes(ledger, named)) {
      TERN_TRY(const auto victim, find_victim(batch, ref));
      if (victim) victims.push_back(*victim);
    }
  }
  std::erase_if(victims, [](const Victim& victim) { return victim.erased_before; });
  return victims;
}

// ---- removing ----

/// An operator's past record keeps what rights need of it: role, queues, whether active.
Result<void> strip_history(Batch& batch, const Victim& victim, const std::optional<sync::Record>& written) {
  if (!written) return {};
  TERN_TRY(auto rows, batch.db().query("SELECT data FROM record_history WHERE tenant_id = $1 AND kind = $2 AND "
                                       "record_id = $3 AND version = $4",
                                       batch.number, written->kind, written->id, victim.commit_seq));
  TERN_TRY(const bool found, rows.step());
  if (!found) return {};
  TERN_TRY(sync::Record record, sync::decode_record(rows.blob(0)));
  rows.reset();
  record.name = "erased";
  std::erase_if(record.attributes,
                [](const auto& attribute) { return attribute.first != "role" && attribute.first != "active"; });
  return batch.db().run(
      "UPDATE record_history SET data = $5 WHERE tenant_id = $1 AND kind = $2 AND record_id = $3 "
      "AND version = $4",
      batch.number, record.kind, record.id, victim.commit_seq, sqlite::Blob{sync::encode_record(record)});
}

/// What later sets said under the same name. Each keeps the commitment that its own set was signed over.
Result<void> remove_other_bodies(Batch& batch, const sync::ChangeRef& ref) {
  struct Place {
    std::uint64_t commit_seq, index;
    Hash body_commitment;
  };
  std::vector<Place> places;
  TERN_TRY(auto rows, batch.db().query("SELECT commit_seq, idx, salt, body FROM change_again WHERE tenant_id = $1 AND "
                                       "device_id = $2 AND change_id = $3 AND body_commitment IS NULL",
                                       batch.number, ref.device, ref.id));
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) break;
    places.push_back({rows.uint64(0), rows.uint64(1), protocol::body_commitment(rows.id<Salt>(2), rows.blob(3))});
  }
  rows.reset();
  for (const Place& place : places)
    TERN_CHECKED(
        batch.db().run("UPDATE change_again SET salt = NULL, body = NULL, body_commitment = $4 WHERE tenant_id = $1 "
                       "AND commit_seq = $2 AND idx = $3",
                       batch.number, place.commit_seq, place.index, place.body_commitment));
  return {};
}

Result<void> remove_body(Batch& batch, const Victim& victim, std::uint64_t commit_seq, ByteView statement) {
  std::optional<sync::Record> record;  // read before it goes
  if (victim.ticket.is_zero()) {
    TERN_TRY(record, record_of_entry(batch, victim.ref));
  }
  TERN_CHECKED(
      batch.db().run("UPDATE change SET salt = NULL, body = NULL, body_commitment = $4 WHERE tenant_id = $1 AND "
                     "device_id = $2 AND change_id = $3",
                     batch.number, victim.ref.device, victim.ref.id, victim.body_commitment));
  TERN_CHECKED(remove_other_bodies(batch, victim.ref));
  TERN_CHECKED(batch.db().run(
      "INSERT INTO erasure (tenant_id, device_id, change_id, change_commitment, commit_seq, statement) "
      "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (tenant_id, device_id, change_id) DO NOTHING",
      batch.number, victim.ref.device, victim.ref.id, victim.commitment, commit_seq, sqlite::Blob{statement}));
  batch.newly_erased.push_back({victim.ref.device, victim.commitment});
  batch.newly_erased_changes.push_back(victim.ref);
  return strip_history(batch, victim, record);
}

// ---- the entry ----

Result<ServerCommit> write_entries(Batch& batch, const std::vector<Victim>& victims, const OperatorId& acting,
                                   const std::string& reason) {
  std::map<TicketId, std::vector<sync::ChangeRef>> by_ticket;
  for (const Victim& victim : victims) by_ticket[victim.ticket].push_back(victim.ref);
  std::vector<ServerChange> entries;
  for (const auto& [ticket, refs] : by_ticket) {
    for (std::size_t at = 0; at < refs.size(); at += limits::targets_per_change_max) {
      ServerChange entry;
      entry.acting = acting;
      entry.change.intent = sync::Intent::erase;
      entry.change.ticket = ticket;
      entry.change.reason = reason;
      entry.change.targets.assign(
          refs.begin() + static_cast<std::ptrdiff_t>(at),
          refs.begin() + static_cast<std::ptrdiff_t>(std::min(refs.size(), at + limits::targets_per_change_max)));
      entries.push_back(std::move(entry));
    }
  }
  return server_set(batch, std::move(entries));
}

Result<Bytes> sign_erasure(Batch& batch, const std::vector<Victim>& victims) {
  if (victims.size() > protocol::Erasure::changes_max)
    return fail(ErrorCode::too_large, "that many changes are not erased at once", "erase them in parts", "changes");
  protocol::Erasure erasure;
  erasure.tenant = batch.tenant.id();
  erasure.time_ms = batch.commit_ms;
  for (const Victim& victim : victims)
    erasure.changes.push_back({{victim.ref.device, victim.ref.id}, victim.commitment});
  return protocol::sign_statement(std::move(erasure), batch.in.keys.log).wire;
}

Result<void> remove(Batch& batch, const std::vector<Victim>& victims, ByteView statement) {
  std::set<TicketId> tickets;
  std::set<sync::ChangeRef> gone;
  for (const Victim& victim : victims) {
    TERN_CHECKED(remove_body(batch, victim, batch.commit_seq, statement));
    gone.insert(victim.ref);
    if (!victim.ticket.is_zero()) tickets.insert(victim.ticket);
  }
  TERN_CHECKED(strip_quarantine(batch, gone));
  for (const TicketId& ticket : tickets) TERN_CHECKED(refold_ticket(batch, ticket));
  return write_meta(batch.db(), batch.number, "truncate_due", meta_number(1));
}

Result<void> check_right(const Batch& batch, const OperatorId& acting) {
  if (acting.is_zero()) return {};
  const auto actor = batch.find_actor(acting);
  if (actor && actor->active && sync::has_right(actor->role, sync::Right::administer)) return {};
  return fail(ErrorCode::not_permitted, "only an admin erases");
}

/// Of a ticket of another what devices handed back stays, but for what repeats a line of what goes.
Result<void> drop_handed_back_quotes(Batch& batch, const std::vector<Victim>& victims) {
  std::map<TicketId, std::set<sync::ChangeRef>> by_ticket;
  for (const Victim& victim : victims)
    if (!victim.ticket.is_zero()) by_ticket[victim.ticket].insert(victim.ref);
  for (const auto& [ticket, gone] : by_ticket) {
    TERN_TRY(const auto ledger, read_ticket(batch.db(), batch.number, ticket));
    std::vector<std::string> lines;
    for (const LedgerChange& source : ledger)
      if (gone.contains(source.placed.change.ref)) add_lines_of(source.placed.change, lines);
    const auto goes = [&](const sync::Change& change) { return quotes(change, lines) || is_file_of(change, gone); };
    TERN_CHECKED(drop_handed_back_if(batch, ticket, goes));
  }
  return {};
}

Result<Erased> erase_in(Batch& batch, const std::vector<sync::ChangeRef>& changes, const OperatorId& acting,
                        const std::string& reason, HandedBackGoes goes = HandedBackGoes::whole_tickets) {
  TERN_CHECKED(check_right(batch, acting));
  TERN_TRY(const std::vector<Victim> victims, find_victims(batch, changes));
  if (victims.empty()) return fail(ErrorCode::invalid, "what was named is erased already", {}, "changes");
  Erased out;
  TERN_TRY(out.statement, sign_erasure(batch, victims));
  TERN_TRY(out.commit, write_entries(batch, victims, acting, reason));
  const bool whole = goes == HandedBackGoes::whole_tickets;
  if (!whole) TERN_CHECKED(drop_handed_back_quotes(batch, victims));
  TERN_CHECKED(remove(batch, victims, out.statement));
  for (const Victim& victim : victims) {
    out.changes.push_back(victim.ref);
    if (whole && !victim.ticket.is_zero()) TERN_CHECKED(drop_handed_back(batch, victim.ticket));
  }
  return out;
}

/// The text still stands in the WAL until it is emptied; a reader may hold that up, then a later `maintain` does it.
/// So it does on a full disk: what is committed is erased.
Result<void> empty_log(Tenant& tenant) {
  tenant.internals().truncate_due = true;
  auto kept = maintain(tenant);
  if (!kept && kept.error().code != ErrorCode::storage_full) return tl::unexpected(std::move(kept).error());
  return {};
}

}  // namespace

Result<void> erase_what_was_due(Batch& batch, const std::vector<sync::ChangeRef>& changes) {
  std::vector<sync::ChangeRef> arrived;
  for (const sync::ChangeRef& ref : changes) {
    TERN_TRY(const auto victim, find_victim(batch, ref));
    if (victim && !victim->erased_before) arrived.push_back(ref);
  }
  if (arrived.empty()) return {};
  TERN_CHECKED(erase_in(batch, arrived, OperatorId{}, {}));
  batch.in.truncate_due = true;
  return {};
}

Result<void> expect_erased(Tenant& tenant, const std::vector<sync::ChangeRef>& changes, HandedBackGoes goes) {
  const auto strand = tenant.lock_writer();
  std::set<sync::ChangeRef> due;
  TERN_TRY(const bool stripped, run_batch(tenant, [&](Batch& batch) -> Result<bool> {
             due = batch.in.erasure_due;
             due.insert(changes.begin(), changes.end());
             protocol::ByteWriter bytes;
             for (const sync::ChangeRef& ref : due) bytes.id(ref.device).id(ref.id);
             batch.wrote = true;
             TERN_CHECKED(write_meta(batch.db(), batch.number, "erasure_due", bytes.bytes()));
             // The ledger never held them, or does not yet: what waits outside it may.
             TERN_TRY(const std::size_t sets, strip_quarantine(batch, due));
             TERN_TRY(const std::size_t dropped, goes == HandedBackGoes::whole_tickets
                                                     ? drop_handed_back(batch, due)
                                                     : drop_handed_back_changes(batch, due));
             if (sets + dropped == 0) return false;
             TERN_CHECKED(write_meta(batch.db(), batch.number, "truncate_due", meta_number(1)));
             return true;
           }));
  Tenant::Internals& in = tenant.internals();
  {
    std::unique_lock lock(in.snapshot_mutex);
    in.erasure_due = std::move(due);
  }
  return stripped ? empty_log(tenant) : Result<void>{};
}

Result<Erased> erase(Tenant& tenant, const std::vector<sync::ChangeRef>& changes, const OperatorId& acting,
                     const std::string& reason, HandedBackGoes goes) {
  const auto strand = tenant.lock_writer();
  auto erased = run_batch(tenant, [&](Batch& batch) { return erase_in(batch, changes, acting, reason, goes); });
  if (!erased) return erased;
  TERN_CHECKED(empty_log(tenant));
  return erased;
}

}  // namespace tern::server
