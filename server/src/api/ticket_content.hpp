// What parameters say that a ticket holds: fields beside the subject, who watches it, its tags, its queue; and what is
// required of it.
#pragma once

#include <optional>
#include <vector>

#include "api/ticket_writer.hpp"

namespace tern::server {

/// The fields that --type, --contact, --due_at, --order, --external_refs and --custom say, and those that --clear
/// empties, in the form of a create. Errors `invalid` and `date_invalid` with the parameter, of a custom field
/// "custom.NAME", of a reference "external_refs.TYPE"; `not_found` and `ambiguous` for the contact.
Result<std::vector<sync::FieldSetting>> settings_said(const AdminCall& call);

/// Each as a change of its own, where the ticket has another value.
void add_settings(const AdminCall& call, const sync::TicketState& state,
                  const std::vector<sync::FieldSetting>& settings, std::vector<ServerChange>& changes);

/// Custom fields are ones that are defined, of tickets of this category (zero: none), with values of their types; a
/// required one is not emptied. `made`: records that are made with it. `invalid` with field "custom.NAME".
Result<void> check_custom(const AdminCall& call, const std::vector<sync::FieldSetting>& settings,
                          const std::optional<Bytes>& category, const std::vector<ServerChange>& made);

/// What is required of a ticket of that category is there: in `settings`, else in `state` (null: it is new). `invalid`
/// with the first field that is missing, and all of them in the message.
Result<void> check_required(const AdminCall& call, const std::vector<sync::FieldSetting>& settings,
                            const sync::TicketState* state, const std::optional<Bytes>& category,
                            const std::vector<ServerChange>& made);

/// The queue that --queue names, or none where --clear has it. `state` null: the ticket is new.
Result<void> add_queue(const AdminCall& call, const TicketId& ticket, const sync::TicketState* state,
                       std::vector<ServerChange>& changes);
/// The assignee whose id --assigned_to is; 0: nobody.
Result<void> add_assignee(const AdminCall& call, const TicketId& ticket, const sync::TicketState* state,
                          std::vector<ServerChange>& changes);
/// --tags, --watchers and --watching_contacts are the whole lists, as they are to be.
Result<void> add_elements(const AdminCall& call, const TicketId& ticket, const sync::TicketState* state,
                          std::vector<ServerChange>& changes);

/// A customer by id, address or name. `not_found`, `ambiguous` with that field.
Result<sync::Record> find_contact(const Tenant& tenant, const std::string& words, std::string_view field);

/// That somebody watches a ticket, or does no more.
ServerChange watching(const Caller& caller, sync::Intent intent, const TicketId& ticket, const sync::Record& who);
/// Whether they watch it now.
bool is_watched_by(const sync::TicketState& state, const sync::Record& who);

/// What get_ticket shows of it.
Json custom_json(const sync::TicketState& state, sync::FieldId keyed);
/// Ids of the records of that kind that watch it.
Json watchers_json(const Tenant& tenant, const sync::TicketState& state, sync::RecordKind kind);

}  // namespace tern::server
