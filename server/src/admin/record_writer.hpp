// Reference records as administration knows them: found by name, written through the one write path.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "admin/admin.hpp"
#include "store/tenant.hpp"
#include "tern/protocol/json.hpp"
#include "tern/sync/record.hpp"
#include "tern/sync/rights.hpp"

namespace tern::server::admin {

/// Not deleted, exactly that name.
std::optional<sync::Record> find_record(const Tenant& tenant, sync::RecordKind kind, std::string_view name);
/// `invalid`, field `field`: another of its kind has its name. What is somebody's own shares its name with what is
/// everybody's, and with what is others'.
Result<void> check_name_free(const Tenant& tenant, const sync::Record& record, std::string_view field);
/// By uuid, integer id or name; an operator also by e-mail. `not_found`, `ambiguous`: both say what there is.
Result<sync::Record> resolve_record(const Tenant& tenant, sync::RecordKind kind, std::string_view words);
/// Where none that stands goes by these words, one that was removed.
Result<sync::Record> resolve_with_removed(const Tenant& tenant, sync::RecordKind kind, std::string_view words);

/// In whose name a command acts: the operator that --by names, else the only one with that right. `not_permitted`: the
/// role of the one who is named "does not ...".
Result<OperatorId> named_by(const AdminCall& call, sync::Right right, const std::string& does_not,
                            const std::string& hint);

/// "queue set", "quick-reply remove": a command's first word says the kind.
sync::RecordKind kind_of_command(const AdminCall& call);

/// NFC, 1 to 200 bytes. `invalid` with that field.
Result<std::string> record_name(std::string_view text, std::string_view field = "name");

/// `invalid` while another record names it by its name: a rule, a contact, a category, an organisation, a macro.
Result<void> check_not_named(const Tenant& tenant, const sync::Record& record);

/// An empty text takes it away.
void put_attribute(sync::Record& record, const std::string& name, const std::string& value);

/// What a category requires, in one way of writing it; other kinds are left alone. `invalid` with field "required".
Result<void> check_category(sync::Record& category);

/// What the command's arguments say, put into its record: texts as attributes, lists as their lines. Judges what kinds
/// with rules of their own hold (library_records.hpp).
Result<void> put_arguments(const AdminCall& call, sync::Record& record);

/// `invalid`, what erasures keep: an erased person's record stays as it is, and none is marked as erased that says more
/// than "erased #N".
Result<void> check_of_erased(const Tenant& tenant, const sync::Record& record);

/// Committer strand. All of them, in sets of up to 1,000; `invalid` when one is refused (`check_of_erased`, the
/// ledger). New ones have a zero version. `beside` is written with the last set.
Result<void> write_records(Tenant& tenant, const std::vector<sync::Record>& records, const WriteBeside& beside = {});
/// The same from beside the strand, in parts: others commit in between. `busy` when the call is stopped; what was
/// written by then stays.
Result<void> write_in_parts(const AdminCall& call, const std::vector<sync::Record>& records);

/// {"id":uuid,"integer_id":n,"name":...} and what the kind has beside it.
Json record_json(const Tenant& tenant, const sync::Record& record);

}  // namespace tern::server::admin
