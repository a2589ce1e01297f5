// What actions on reference records have in common: read in the order of their ids, made under a free name, changed by
// name or id.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "admin/admin.hpp"
#include "tern/sync/record.hpp"

namespace tern::server::actions {

/// Those that are there, the oldest first.
std::vector<sync::Record> live_records(const Tenant& tenant, sync::RecordKind kind);

/// {"id","name","role","department","email","active","can_edit"}
Json operator_json(const sync::Record& person);

/// Null where it says nothing.
Json number_json(const sync::Record& record, const char* name);
Json instant_json(const sync::Record& record, const char* name);

using RecordChange = std::function<Result<void>(sync::Record&)>;

/// A new record under a name that none of its kind has: `invalid` with `field`, the parameter that said it. `fill` says
/// the rest, on the strand.
Result<sync::Record> make_record(AdminCall& call, sync::RecordKind kind, std::string_view field,
                                 const RecordChange& fill);
/// The record that the parameter `id` names, changed; written where it is another one then. With `field` said, it gets
/// that name. `not_found` with `id`. `beside` is written with it.
Result<sync::Record> change_record(AdminCall& call, sync::RecordKind kind, std::string_view id, std::string_view field,
                                   const RecordChange& change, const WriteBeside& beside = {});
/// The same, gone: {"id"}. `invalid` while another record names it.
Result<Json> remove_record(AdminCall& call, sync::RecordKind kind, std::string_view id);

/// The parameter's text as the attribute of that name, where it was said.
void put_said(const AdminCall& call, sync::Record& record, const char* name);

}  // namespace tern::server::actions
