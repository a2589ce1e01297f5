// What actions write: changes of the caller, through the one write path, all or none as far as can be known before.
#pragma once

#include <vector>

#include "api/ticket_view.hpp"
#include "ingest/ingest.hpp"

namespace tern::server {

/// A change by the caller: rights are those of whom it acts as.
ServerChange change_by(const Caller& caller, sync::Intent intent, const TicketId& ticket);

/// A change of one field; nothing: the field is emptied.
ServerChange set_field(const Caller& caller, const TicketId& ticket, sync::FieldId field, std::optional<Bytes> value);

/// A record as the server itself writes it.
ServerChange record_change(const sync::Record& record);

/// `storage_full` while the disk has too little room: then only the administrator of this machine writes.
Result<void> check_takes_work(const AdminCall& call);

/// Whether the caller may, and the ticket still takes it: what would be refused is never written. `before` null: the
/// ticket is new. `message`: the one that is changed.
Result<void> check_change(const AdminCall& call, const ServerChange& change, const sync::TicketState* before,
                          const sync::Message* message = nullptr);

/// Why one of them had no effect.
Result<void> judge_outcomes(const ServerCommit& commit);
/// Committer strand. Of changes that were checked; `not_permitted`, `bad_transition`, `too_large`, `invalid`,
/// `not_found` say why one had no effect.
Result<void> commit_checked(const AdminCall& call, std::vector<ServerChange> changes);
/// The same of what takes several commits: no Idempotency-Key is done with it, unless `beside` says so.
Result<void> commit_part(const AdminCall& call, std::vector<ServerChange> changes, const WriteBeside& beside = {});

/// Both: all of them, or none when one is refused.
Result<void> commit_changes(const AdminCall& call, std::vector<ServerChange> changes, const sync::TicketState* before,
                            const sync::Message* message = nullptr);

/// The moves from where a ticket is to a status; empty: it is there. `bad_transition` says where it could go. The last
/// of them is `last` where one move of that intent leads there.
Result<std::vector<sync::Intent>> moves_to(const sync::TicketState& state, sync::Status to);
Result<std::vector<sync::Intent>> moves_by(const sync::TicketState& state, sync::Intent intent, sync::Status to);

/// The operator with this integer id, active. `not_found` with field "assigned_to".
Result<sync::Record> find_assignee(const Tenant& tenant, std::int64_t integer_id);
/// To whom a change of the assignee gives it; nothing: to nobody.
ServerChange assignment(const Caller& caller, const TicketId& ticket, const std::optional<RecordId>& to,
                        const std::string& reason);

/// The organisation of a portal. `client_unknown`.
Result<sync::Record> find_client(const Tenant& tenant, const std::string& portal_domain);

/// The category with that code or name; one that is not there is made, and its change put before the others. Clients
/// and webhooks make only those that integrations know: `invalid`.
enum class NewCategories : std::uint8_t { any, known };
Result<RecordId> category_of(const AdminCall& call, const std::string& code, std::vector<ServerChange>& changes,
                             NewCategories made = NewCategories::any);

}  // namespace tern::server
