#include "api/actions/record_actions.hpp"

#include <algorithm>

#include "admin/record_writer.hpp"
#include "desk/sla_text.hpp"
#include "time_text.hpp"

namespace tern::server::actions {
namespace {

Result<std::string> free_name(const AdminCall& call, sync::RecordKind kind, std::string_view field) {
  TERN_TRY(std::string name, admin::record_name(call.text(field), field));
  if (admin::find_record(call.tenant(), kind, name))
    return fail(ErrorCode::invalid, "There is a " + std::string(sync::to_string(kind)) + " \"" + name + "\" already.",
                "", std::string(field));
  return name;
}

}  // namespace

std::vector<sync::Record> live_records(const Tenant& tenant, sync::RecordKind kind) {
  auto records = tenant.records(kind);
  std::erase_if(records, [](const sync::Record& record) { return record.deleted; });
  std::ranges::sort(records, {}, &sync::Record::integer_id);
  return records;
}

Json number_json(const sync::Record& record, const char* name) {
  const auto found = record.attributes.find(name);
  if (found == record.attributes.end()) return {};
  const auto number = parse_json(found->second, {.decimals = true});
  return number && number->is_number() ? *number : Json();
}

Json instant_json(const sync::Record& record, const char* name) {
  const auto found = record.attributes.find(name);
  const auto ms = found == record.attributes.end() ? std::nullopt : integer_of_text(found->second);
  return ms && *ms > 0 ? Json(instant_text(*ms)) : Json();
}

Result<sync::Record> make_record(AdminCall& call, sync::RecordKind kind, std::string_view field,
                                 const RecordChange& fill) {
  sync::Record record;
  record.kind = kind;
  record.id = random_id<RecordId>(call.parts().environment);
  TERN_TRY(const auto naming, call.lock_names());
  call.makes(record.id.view());
  TERN_TRY(const Bytes made, call.change([&]() -> Result<void> {
    TERN_TRY(record.name, free_name(call, kind, field));
    TERN_CHECKED(fill(record));
    return admin::write_records(call.tenant(), {record}, call.beside());
  }));
  return call.tenant().find_record(kind, RecordId::or_zero(made)).value_or(record);
}

Result<sync::Record> change_record(AdminCall& call, sync::RecordKind kind, std::string_view id, std::string_view field,
                                   const RecordChange& change, const WriteBeside& beside) {
  TERN_TRY(const auto naming, call.lock_names());
  sync::Record record;
  const auto with = [&beside, once = call.beside()](sqlite::Database& db, const ServerCommit& commit) -> Result<void> {
    if (beside) TERN_CHECKED(beside(db, commit));
    return once ? once(db, commit) : Result<void>{};
  };
  TERN_TRY(const Bytes changed, call.change([&]() -> Result<void> {
    auto found = admin::resolve_record(call.tenant(), kind, call.text(id));
    if (!found) {
      found.error().field = std::string(id);
      return tl::unexpected(found.error());
    }
    record = *found;
    call.makes(record.id.view());
    if (!field.empty() && call.has(field) && call.text(field) != record.name) {
      TERN_CHECKED(admin::check_not_named(call.tenant(), record));
      TERN_TRY(record.name, free_name(call, kind, field));
    }
    TERN_CHECKED(change(record));
    return record == *found ? Result<void>{} : admin::write_records(call.tenant(), {record}, with);
  }));
  return call.tenant().find_record(kind, RecordId::or_zero(changed)).value_or(record);
}

Result<Json> remove_record(AdminCall& call, sync::RecordKind kind, std::string_view id) {
  TERN_TRY(const sync::Record gone, change_record(call, kind, id, "", [&](sync::Record& record) -> Result<void> {
             TERN_CHECKED(admin::check_not_named(call.tenant(), record));
             record.deleted = true;
             return {};
           }));
  return Json::object({{"id", Json(gone.integer_id)}});
}

void put_said(const AdminCall& call, sync::Record& record, const char* name) {
  if (call.has(name)) admin::put_attribute(record, name, call.text(name));
}

}  // namespace tern::server::actions
