#include "handed_back.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include <fmt/format.h>

#include "devices.hpp"
#include "given_up.hpp"
#include "run_batch.hpp"
#include "said_again.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/v1/exchange.pb.h"

namespace tern::server {
namespace {

// ---- taking in ----

struct GivenUpTicket {
  sync::TicketState state;
  std::vector<sync::Message> messages;
};

/// Nothing: it is no ticket.
std::optional<GivenUpTicket> read_ticket_of(const v1::Patch& patch) {
  auto state = sync::decode_state(patch.state());
  if (!state || state->id.is_zero()) return std::nullopt;
  GivenUpTicket ticket{std::move(*state), {}};
  for (const v1::TicketMessage& said : patch.messages()) {
    auto message = sync::decode_message(said.SerializeAsString());
    if (message) ticket.messages.push_back(std::move(*message));
  }
  return ticket;
}

/// Of a ticket of which something was erased nothing comes back this way: later texts may quote it.
Result<bool> has_erased(Batch& batch, const TicketId& ticket, const std::vector<GivenUpChange>& changes) {
  const bool named =
      std::ranges::any_of(changes, [&](const GivenUpChange& given_up) { return is_gone(batch, given_up.change.ref); });
  if (named) return true;
  TERN_TRY(const auto found,
           batch.db().int64_of("SELECT 1 FROM erasure e JOIN change c ON c.tenant_id = e.tenant_id AND c.device_id = "
                               "e.device_id AND c.change_id = e.change_id WHERE e.tenant_id = $1 AND c.ticket_id = $2",
                               batch.number, ticket));
  return found.has_value();
}

/// Whether what is handed back is in the ledger: itself, said again, or, where the server of a history that was given
/// up had said it again, as what its author had signed. That may wait here, too: then it is said again from there.
class Here {
public:
  Here(sqlite::Database& db, const Tenant& tenant)
      : db_(db), tenant_(tenant.number()), sealing_device_(tenant.keys().sealing_device) {}

  Result<bool> has(const TicketId& ticket, const sync::ChangeRef& ref) {
    TERN_TRY(const bool itself, in_ledger(db_, tenant_, ref));
    if (itself) return true;
    if (ref.device != sealing_device_) return in_ledger(db_, tenant_, {sealing_device_, quoting_id(ref)});
    const auto [quoted, fresh] = quoted_.try_emplace(ticket);
    if (fresh) TERN_CHECKED(quote_all(ticket, quoted->second));
    return quoted->second.contains(ref.id);
  }

private:
  Result<void> quote_all(const TicketId& ticket, std::set<ChangeId>& quoted) {
    TERN_TRY(auto rows, db_.query("SELECT device_id, change_id FROM change WHERE tenant_id = $1 AND ticket_id = $2 "
                                  "UNION ALL SELECT device_id, change_id FROM given_message WHERE tenant_id = $1 AND "
                                  "ticket_id = $2 UNION ALL SELECT device_id, change_id FROM handed_back WHERE "
                                  "tenant_id = $1 AND ticket_id = $2 AND said_seq = 0",
                                  tenant_, ticket));
    for (;;) {
      TERN_TRY(const bool more, rows.step());
      if (!more) return {};
      const sync::ChangeRef ref{rows.id<DeviceId>(0), rows.id<ChangeId>(1)};
      if (ref.device != sealing_device_) quoted.insert(quoting_id(ref));
    }
  }

  sqlite::Database& db_;
  const std::int64_t tenant_;
  const DeviceId sealing_device_;
  std::map<TicketId, std::set<ChangeId>> quoted_;  // what each has, by the names the server would say it again under
};

Result<void> keep_change(Batch& batch, const GivenUpChange& given_up, const sync::TicketState& state,
                         const EpochId& epoch, const DeviceId& by) {
  const sync::EncodedChange encoded = sync::encode_change(given_up.change);
  const bool makes = given_up.change.intent == sync::Intent::create;
  const std::uint64_t integer_id = makes && state.integer_id <= INT64_MAX ? state.integer_id : 0;
  const bool plausible = state.number.size() <= limits::provisional_number_bytes_max;
  const std::string number = makes && plausible ? state.number : std::string();
  batch.wrote = true;
  return batch.db().run(
      "INSERT INTO handed_back (tenant_id, device_id, change_id, ticket_id, epoch, old_seq, from_device, integer_id, "
      "number, skeleton, body, said_seq) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0) "
      "ON CONFLICT (tenant_id, device_id, change_id) DO NOTHING",
      batch.number, given_up.change.ref.device, given_up.change.ref.id, given_up.change.ticket, epoch,
      given_up.stamp.commit_seq, by, integer_id, sqlite::Text{number}, sqlite::Blob{encoded.skeleton},
      sqlite::Blob{encoded.body});
}

Result<void> take_ticket(Batch& batch, const DeviceId& by, const v1::HandedBack& handed) {
  const EpochId epoch = EpochId::or_zero(handed.epoch());
  const auto kept = batch.kept_of(epoch);
  const auto ticket = kept ? read_ticket_of(handed.patch()) : std::nullopt;
  if (!ticket) return {};
  // Where the end of that epoch is not known here, neither is what this one shares with it: the ledger knows names.
  const auto changes = given_up_changes(ticket->state, ticket->messages, batch.knows_past(epoch) ? *kept : 0);
  TERN_TRY(const bool erased, has_erased(batch, ticket->state.id, changes));
  if (erased) return {};
  Here here(batch.db(), batch.tenant);
  for (const GivenUpChange& given_up : changes) {
    const bool large = given_up.stamp.commit_seq > INT64_MAX;
    if (large || !sync::validate_change(given_up.change)) continue;
    TERN_TRY(const bool came, here.has(ticket->state.id, given_up.change.ref));
    if (!came) TERN_CHECKED(keep_change(batch, given_up, ticket->state, epoch, by));
  }
  return {};
}

Result<std::size_t> waiting_bytes(Batch& batch, const DeviceId& by) {
  TERN_TRY(const auto bytes, batch.db().int64_of("SELECT sum(length(skeleton) + length(body)) FROM handed_back WHERE "
                                                 "tenant_id = $1 AND from_device = $2 AND said_seq = 0",
                                                 batch.number, by));
  return static_cast<std::size_t>(bytes.value_or(0));
}

// ---- who comes by himself ----

/// The server's own work has no other device that would send it; a key that ended sends nothing more that counts. Of a
/// device that nobody knows it is not known.
Result<bool> comes_itself(sqlite::Database& db, const Tenant& tenant, const DeviceId& author) {
  if (author == tenant.keys().sealing_device) return false;
  if (const auto device = find_device(tenant, author)) return device->key_state == protocol::KeyState::active;
  TERN_TRY(const bool over, ended_before(db, tenant.number(), author));
  return !over;
}

// ---- saying again ----

struct WaitingRow {
  HandedBackChange handed;
  EpochId epoch;
  std::uint64_t integer_id = 0;
  std::string number;
};

constexpr std::string_view select_waiting =
    "SELECT h.device_id, h.from_device, h.epoch, h.old_seq, h.integer_id, h.number, h.skeleton, h.body "
    "FROM handed_back h WHERE h.tenant_id = $1 AND h.said_seq = 0 ORDER BY h.epoch, h.old_seq, h.device_id, "
    "h.change_id";

/// `came`: of what is in the ledger by now, which waits no longer.
Result<std::vector<WaitingRow>> waiting_rows(sqlite::Database& db, const Tenant& tenant,
                                             std::vector<sync::ChangeRef>* came = nullptr) {
  std::vector<WaitingRow> found;
  TERN_TRY(auto rows, db.query(select_waiting, tenant.number()));
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) break;
    const DeviceId author = rows.id<DeviceId>(0);
    auto change = sync::parse_change(rows.blob(6), rows.blob(7), author);
    if (!change) continue;  // of a later version
    WaitingRow& row = found.emplace_back();
    row.handed = {std::move(*change), rows.id<DeviceId>(1), rows.uint64(3), false};
    row.epoch = rows.id<EpochId>(2);
    row.integer_id = rows.uint64(4);
    row.number = rows.text(5);
  }
  rows.reset();
  std::vector<WaitingRow> waiting;
  Here here(db, tenant);
  for (WaitingRow& row : found) {
    const sync::Change& change = row.handed.change;
    TERN_TRY(const bool is_here, here.has(change.ticket, change.ref));
    if (is_here && came != nullptr) came->push_back(change.ref);
    if (is_here) continue;
    TERN_TRY(row.handed.comes_itself, comes_itself(db, tenant, change.ref.device));
    waiting.push_back(std::move(row));
  }
  return waiting;
}

/// Counters began a whole block behind what was given up: a number that is not below them was never given there.
Result<bool> was_given(Batch& batch, const WaitingRow& row) {
  int year = 0;
  std::int64_t counted = 0;
  const std::string& number = row.number;
  if (row.integer_id == 0 || row.integer_id >= batch.next_integer_id || number.size() < 8) return false;
  std::from_chars(number.data() + 2, number.data() + 6, year);
  std::from_chars(number.data() + 7, number.data() + number.size(), counted);
  if (counted < 1 || number != fmt::format("T-{:04}-{:04}", year, counted)) return false;
  TERN_TRY(const auto next, batch.db().int64_of("SELECT next FROM number_counter WHERE tenant_id = $1 AND year = $2",
                                                batch.number, year));
  return counted < next.value_or(0);
}

constexpr std::size_t tickets_at_once = 256;

/// What one commit of then said, as one set: for its authors, at its time, having seen what they had seen.
class SayingAgain {
public:
  explicit SayingAgain(Batch& batch) : batch_(batch) {}

  Result<void> add(const WaitingRow& row) {
    const bool goes_on =
        !rows_.empty() && rows_.back()->epoch == row.epoch && rows_.back()->handed.old_seq == row.handed.old_seq;
    if (!goes_on) TERN_CHECKED(commit());
    TERN_TRY(ServerChange change, said(row));
    changes_.push_back(std::move(change));
    rows_.push_back(&row);
    return {};
  }

  Result<void> commit() {
    if (rows_.empty()) return {};
    TERN_TRY(const ServerCommit done, server_set(batch_, std::exchange(changes_, {})));
    for (const WaitingRow* row : std::exchange(rows_, {})) {
      const sync::ChangeRef& ref = row->handed.change.ref;
      TERN_CHECKED(
          batch_.db().run("UPDATE handed_back SET said_seq = $4, skeleton = x'', body = x'' WHERE tenant_id = "
                          "$1 AND device_id = $2 AND change_id = $3",
                          batch_.number, ref.device, ref.id, done.commit_seq));
      tickets_.insert(row->handed.change.ticket);
    }
    if (batch_.tickets().size() >= tickets_at_once) TERN_CHECKED(batch_.settle_tickets());
    all_.commit_seq = done.commit_seq;
    all_.outcomes.insert(all_.outcomes.end(), done.outcomes.begin(), done.outcomes.end());
    all_.reasons.insert(all_.reasons.end(), done.reasons.begin(), done.reasons.end());
    return {};
  }

  [[nodiscard]] const std::set<TicketId>& tickets() const { return tickets_; }
  ServerCommit take() { return std::move(all_); }

private:
  Result<ServerChange> said(const WaitingRow& row) {
    ServerChange out;
    out.change = row.handed.change;
    sync::Change& change = out.change;
    const sync::ChangeRef original = change.ref;
    const bool own = original.device == batch_.in.keys.sealing_device;
    change.ref = {batch_.in.keys.sealing_device, own ? original.id : quoting_id(original)};
    if (!own) change.quotes = original;
    change.handed_back_by = row.handed.by;
    TERN_TRY(const std::uint64_t seen, seen_in_given_up(batch_, change.ticket, row.epoch, change.seen_seq));
    change.seen_epoch = {};
    change.seen_seq = std::max<std::uint64_t>(seen, 1);
    for (sync::ChangeRef& target : change.targets) {
      TERN_TRY(target, named_now(batch_, target));
    }
    TERN_TRY(const WorkingTicket* ticket, batch_.ticket(change.ticket));
    if (change.intent == sync::Intent::describe && ticket != nullptr) change.base = ticket->state.description;
    TERN_TRY(const bool given, was_given(batch_, row));
    if (given) {
      out.integer_id = row.integer_id;
      out.number = row.number;
    }
    return out;
  }

  Batch& batch_;
  std::vector<ServerChange> changes_;
  std::vector<const WaitingRow*> rows_;
  std::set<TicketId> tickets_;
  ServerCommit all_;
};

}  // namespace

Result<std::size_t> take_handed_back(Tenant& tenant, const DeviceId& by, const v1::ExchangeRequest& request) {
  return run_batch(tenant, [&](Batch& batch) -> Result<std::size_t> {
    TERN_TRY(const std::size_t bytes, waiting_bytes(batch, by));
    if (bytes > handed_back_bytes_max) return std::size_t{0};
    for (const v1::HandedBack& handed : request.handed_back()) TERN_CHECKED(take_ticket(batch, by, handed));
    return static_cast<std::size_t>(request.handed_back_size());
  });
}

Result<std::vector<HandedBackChange>> handed_back_changes(Tenant& tenant) {
  TERN_TRY(auto reader, tenant.reader());
  TERN_TRY(auto rows, waiting_rows(reader.db(), tenant));
  std::vector<HandedBackChange> found;
  for (WaitingRow& row : rows) found.push_back(std::move(row.handed));
  return found;
}

Result<HandedBackCount> count_handed_back(Tenant& tenant) {
  TERN_TRY(const auto changes, handed_back_changes(tenant));
  const auto come = std::ranges::count_if(changes, &HandedBackChange::comes_itself);
  return HandedBackCount{changes.size() - static_cast<std::uint64_t>(come), changes.size()};
}

Result<ServerCommit> say_handed_back(Tenant& tenant) {
  return run_batch(tenant, [&](Batch& batch) -> Result<ServerCommit> {
    batch.wrote = true;
    std::vector<sync::ChangeRef> came;
    TERN_TRY(const auto rows, waiting_rows(batch.db(), tenant, &came));
    for (const sync::ChangeRef& ref : came)
      TERN_CHECKED(
          batch.db().run("DELETE FROM handed_back WHERE tenant_id = $1 AND device_id = $2 AND change_id = $3 AND "
                         "said_seq = 0",
                         batch.number, ref.device, ref.id));
    SayingAgain again(batch);
    for (const WaitingRow& row : rows)
      if (!row.handed.comes_itself) TERN_CHECKED(again.add(row));
    TERN_CHECKED(again.commit());
    TERN_CHECKED(release_what_waited(batch, again.tickets()));
    return again.take();
  });
}

Result<void> drop_handed_back(Batch& batch, const TicketId& ticket) {
  return batch.db().run("DELETE FROM handed_back WHERE tenant_id = $1 AND ticket_id = $2 AND said_seq = 0",
                        batch.number, ticket);
}

namespace {

Result<void> drop_rows(Batch& batch, const std::vector<sync::ChangeRef>& changes) {
  for (const sync::ChangeRef& ref : changes)
    TERN_CHECKED(
        batch.db().run("DELETE FROM handed_back WHERE tenant_id = $1 AND device_id = $2 AND change_id = $3 AND "
                       "said_seq = 0",
                       batch.number, ref.device, ref.id));
  return {};
}

}  // namespace

Result<void> drop_handed_back_if(Batch& batch, const TicketId& ticket,
                                 const std::function<bool(const sync::Change&)>& goes) {
  std::vector<sync::ChangeRef> due;
  TERN_TRY(auto rows, batch.db().query("SELECT device_id, change_id, skeleton, body FROM handed_back WHERE tenant_id = "
                                       "$1 AND ticket_id = $2 AND said_seq = 0",
                                       batch.number, ticket));
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) break;
    const sync::ChangeRef ref{rows.id<DeviceId>(0), rows.id<ChangeId>(1)};
    const auto change = sync::parse_change(rows.blob(2), rows.blob(3), ref.device);
    if (!change || goes(*change)) due.push_back(ref);
  }
  rows.reset();
  return drop_rows(batch, due);
}

Result<std::size_t> drop_handed_back_changes(Batch& batch, const std::set<sync::ChangeRef>& gone) {
  std::vector<sync::ChangeRef> due;
  TERN_TRY(auto rows, batch.db().query("SELECT device_id, change_id FROM handed_back WHERE tenant_id = $1 AND said_seq "
                                       "= 0",
                                       batch.number));
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) break;
    const sync::ChangeRef ref{rows.id<DeviceId>(0), rows.id<ChangeId>(1)};
    if (names_it(gone, batch.in.keys.sealing_device, ref)) due.push_back(ref);
  }
  rows.reset();
  TERN_CHECKED(drop_rows(batch, due));
  return due.size();
}

Result<std::size_t> drop_handed_back(Batch& batch, const std::set<sync::ChangeRef>& gone) {
  std::set<TicketId> tickets;
  TERN_TRY(auto rows, batch.db().query("SELECT device_id, change_id, ticket_id FROM handed_back WHERE tenant_id = $1 "
                                       "AND said_seq = 0",
                                       batch.number));
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) break;
    if (names_it(gone, batch.in.keys.sealing_device, {rows.id<DeviceId>(0), rows.id<ChangeId>(1)}))
      tickets.insert(rows.id<TicketId>(2));
  }
  rows.reset();
  for (const TicketId& ticket : tickets) TERN_CHECKED(drop_handed_back(batch, ticket));
  return tickets.size();
}

}  // namespace tern::server
