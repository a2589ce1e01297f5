// What the server does to a tenant by itself or for its administrator. All on the committer strand.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "desk/routing.hpp"
#include "ingest.hpp"
#include "tern/protocol/statements.hpp"
#include "tern/sqlite/database.hpp"

namespace tern::server {

/// Tickets that ended too long ago leave the scopes they were in (sync/scope.hpp): a commit when there are any. Looks
/// at most once a minute of server time.
Result<std::optional<ServerCommit>> expire_scopes(Tenant& tenant);

/// SLA clocks that changed by time alone, and tickets that commits touched without looking at them: for 50 ms at most,
/// the rest the next time. Every 15 minutes also what no timer tells. Gives how many it looked at.
Result<std::size_t> look_at_clocks(Tenant& tenant);

/// Tickets whose customers nobody answered for as long as a trigger says: it acts on them. Looks once a minute, or
/// again at once where there was something. Gives how many there were.
Result<std::size_t> follow_up_silence(Tenant& tenant);

/// Tickets that were put on hold until now: whoever has them is told. Gives how many there were.
Result<std::size_t> wake_held(Tenant& tenant);

/// Tickets that wait in queues that give them out, and those of people who are gone: to who is free by now. Gives how
/// many were given away or back.
Result<std::size_t> drain_waiting(Tenant& tenant);
/// What routing would do with a ticket as it is now; nothing: it is not routing's to decide.
Result<std::optional<RouteDecision>> route_now(Tenant& tenant, const TicketId& ticket);

/// Idle work, about once a second: writes notes of exchanges that are older than a minute, checkpoints, finishes an
/// erasure's truncation.
Result<void> maintain(Tenant& tenant);

/// Of the file that commits are written to first. Above `wal_bytes_alarm` something keeps it from being cut back: who
/// reads for long, or a disk that fails. Any thread.
std::uint64_t wal_bytes(const Tenant& tenant);
inline constexpr std::uint64_t wal_bytes_alarm = 256ULL * 1024 * 1024;

/// Removes body and salt of these changes wherever they are kept, and of every later change of their tickets that
/// quotes them; refolds. What devices handed back of these tickets after a restore goes as `goes` says. `not_found` for
/// a change the ledger does not hold. The statement is signed -ER.
enum class HandedBackGoes : std::uint8_t {
  whole_tickets,  // all of a ticket of which something goes
  what_quotes,    // what quotes a line of it, or is named
};
struct Erased {
  std::vector<sync::ChangeRef> changes;  // with those that quoted
  Bytes statement;
  ServerCommit commit;
};
Result<Erased> erase(Tenant& tenant, const std::vector<sync::ChangeRef>& changes, const OperatorId& acting,
                     const std::string& reason = {}, HandedBackGoes goes = HandedBackGoes::whole_tickets);

/// States that an older program wrote are folded again from the ledger, some hundred tickets in a transaction; goes on
/// where it was stopped. Devices get what differs as news. Gives how many did; `done` is told how many were looked at.
Result<std::uint64_t> refold_old_states(Tenant& tenant, const std::function<void(std::uint64_t)>& done);

/// What an older program did not write of tickets, and what was damaged: columns that lists ask, and words that search
/// finds them by; some hundred tickets in a transaction; goes on where it was stopped. Gives how many tickets it filled
/// in; `done` is told as it goes.
Result<std::uint64_t> fill_lists(Tenant& tenant, const std::function<void(std::uint64_t)>& done);
/// Which way tickets of an older program came in, the same.
Result<std::uint64_t> fill_channels(Tenant& tenant, const std::function<void(std::uint64_t)>& done);
/// Throws the search index away and makes it anew. `stop` is asked between transactions: what is left is filled in when
/// the tenant is opened again.
Result<std::uint64_t> rebuild_words(Tenant& tenant, const std::function<bool()>& stop);

/// After a restore: these were erased in the history that was given up, and the ledger does not hold them now. Should
/// they come again they are taken without their content, and erased in the same transaction if they have one.
Result<void> expect_erased(Tenant& tenant, const std::vector<sync::ChangeRef>& changes,
                           HandedBackGoes goes = HandedBackGoes::whole_tickets);

/// After a restore, before serving: history goes on under a new epoch. `record` is the root-signed epoch record, whose
/// kept size is the tenant's log size now. Counters of ids and numbers go on in a block of their own, above those of
/// all restores before: of those in this history, and of `others` that it does not know.
Result<void> begin_epoch(Tenant& tenant, const protocol::EpochRecord& record, Bytes record_wire,
                         std::uint64_t others = 0);
/// The signed record that ended `epoch`; nothing when it is the current one or never was. Thread-safe.
Result<std::optional<Bytes>> epoch_record(Tenant& tenant, const EpochId& epoch);
/// What a record of this server's own says. Its signature is the device's to judge, under a root.
std::optional<protocol::EpochRecord> read_epoch_record(ByteView wire);
/// The signed records of the restores that led to `epoch`, the newest 64 of them, oldest first.
Result<std::vector<Bytes>> epoch_records(sqlite::Database& db, std::int64_t tenant, const EpochId& epoch);

/// Anchors made since `from_ms` of server time bound nothing any more. The statement is signed -AW.
Result<Bytes> withdraw_anchors(Tenant& tenant, std::int64_t from_ms);

}  // namespace tern::server
