// Reference records that are there already: changed, taken off the lists.
#include <functional>

#include "admin/handlers.hpp"
#include "admin/library_records.hpp"
#include "admin/record_writer.hpp"
#include "desk/route_settings.hpp"
#include "desk/sla_records.hpp"
#include "desk/sla_text.hpp"
#include "tern/sync/asked_fields.hpp"
#include "tern/sync/list_view.hpp"
#include "tern/sync/macro.hpp"

namespace tern::server::admin {
namespace {

using sync::RecordKind;

std::string described(const sync::Record& record) {
  return std::string(sync::to_string(record.kind)) + " \"" + record.name + "\"";
}

bool has_attribute(const sync::Record& record, const char* name, const std::string& value) {
  const auto found = record.attributes.find(name);
  return found != record.attributes.end() && found->second == value;
}

bool steps_name(const sync::Record& macro, const sync::Record& named) {
  const auto steps = sync::macro_steps(macro);
  return steps && std::ranges::any_of(*steps, [&](const sync::MacroStep& step) {
           return sync::record_named_by(step) == sync::NamedRecord{named.kind, named.name};
         });
}

bool terms_name(const sync::Record& view, const sync::Record& named) {
  const auto terms = sync::list_terms(view);
  if (!terms) return false;
  const auto names = sync::records_named_by(*terms);
  return std::ranges::find(names, sync::NamedRecord{named.kind, named.name}) != names.end();
}

bool asks_for_tariff(const sync::Record& rule, const std::string& tariff) {
  const auto when = rule.attributes.find("when");
  const auto conditions = conditions_from_text(when == rule.attributes.end() ? "" : when->second);
  return conditions && std::ranges::any_of(*conditions, [&](const sla::Condition& condition) {
           return condition.field == sla::RuleField::tariff &&
                  std::ranges::find(condition.any_of, tariff) != condition.any_of.end();
         });
}

/// Rules, contacts, categories, organisations, macros and views name other records by their names: one that is named
/// keeps it.
std::optional<sync::Record> who_names(const Tenant& tenant, const sync::Record& named) {
  const auto among = [&](RecordKind kind, const auto& names_it) -> std::optional<sync::Record> {
    for (sync::Record& record : tenant.records(kind))
      if (!record.deleted && names_it(record)) return std::move(record);
    return std::nullopt;
  };
  const auto there_would_be = [&](RecordKind kind, const std::string& name) {
    return kind != named.kind || name != named.name;
  };
  auto found = among(RecordKind::sla_rule,
                     [&](const sync::Record& rule) { return !check_rule_names(rule, there_would_be).has_value(); });
  if (!found && named.kind == RecordKind::organisation)
    found = among(RecordKind::contact, [&](const auto& one) { return has_attribute(one, "organisation", named.name); });
  if (!found && named.kind == RecordKind::category)
    found = among(RecordKind::category, [&](const auto& one) { return has_attribute(one, "parent", named.name); });
  if (!found && named.kind == RecordKind::tariff)
    found = among(RecordKind::organisation, [&](const auto& one) { return has_attribute(one, "tariff", named.name); });
  if (!found && named.kind == RecordKind::tariff)
    found = among(RecordKind::sla_rule, [&](const auto& rule) { return asks_for_tariff(rule, named.name); });
  if (!found) found = among(RecordKind::macro, [&](const auto& macro) { return steps_name(macro, named); });
  if (!found) found = among(RecordKind::view, [&](const auto& view) { return terms_name(view, named); });
  return found;
}

/// Operators see the tickets of their queues: what is at work in one would be seen by nobody.
Result<void> check_queue_empty(Tenant& tenant, const sync::Record& queue) {
  if (queue.kind != RecordKind::queue) return {};
  TERN_TRY(auto reader, tenant.reader());
  TERN_TRY(const auto count,
           reader.db().int64_of("SELECT count(*) FROM ticket WHERE tenant_id = $1 AND queue = $2 AND ended_ms = 0",
                                tenant.number(), queue.id));
  if (count.value_or(0) == 0) return {};
  return fail(ErrorCode::invalid, "Tickets at work lie in it: " + std::to_string(*count) + ".",
              "Move them to another queue first.", "name");
}

/// As devices find people: by name; by id where others have that name.
Result<std::string> assignee_words(const Tenant& tenant, const std::string& words) {
  if (words.empty() || words == "me" || words == "none") return words;
  auto person = resolve_record(tenant, RecordKind::operator_, words);
  if (!person) {
    person.error().field = "assignee";
    return tl::unexpected(std::move(person).error());
  }
  return resolve_record(tenant, RecordKind::operator_, person->name) ? person->name : to_uuid_text(person->id.view());
}

Result<void> rename_record(const Tenant& tenant, const std::string& words, sync::Record& record) {
  TERN_TRY(std::string name, record_name(words, "rename"));
  if (name == record.name) return {};
  TERN_CHECKED(check_not_named(tenant, record));
  record.name = std::move(name);
  return {};
}

/// On the strand: the record that the call names, changed, written where it is another one then.
Result<Json> change_record(const AdminCall& call, const std::function<Result<void>(sync::Record&)>& change) {
  TERN_TRY(const auto naming, call.lock_names());
  const auto write = [&]() -> Result<sync::Record> {
    TERN_TRY(sync::Record record, resolve_record(call.tenant(), kind_of_command(call), call.text("name")));
    const sync::Record before = record;
    TERN_CHECKED(change(record));
    if (record != before) TERN_CHECKED(write_records(call.tenant(), {record}));
    return call.tenant().find_record(record.kind, record.id).value_or(record);
  };
  TERN_TRY(const sync::Record written, call.on_strand(write));
  return record_json(call.tenant(), written);
}

}  // namespace

Result<void> check_not_named(const Tenant& tenant, const sync::Record& record) {
  const auto by = who_names(tenant, record);
  if (!by) return {};
  return fail(ErrorCode::invalid, "The " + described(*by) + " names it.", "Change that first.", "name");
}

Result<void> check_category(sync::Record& category) {
  const auto said = category.attributes.find(sync::required_attribute);
  if (category.kind != RecordKind::category || said == category.attributes.end()) return {};
  TERN_TRY(const auto fields, sync::required_fields_from_text(said->second));
  std::string names;
  for (const sync::FieldId field : fields)
    names += (names.empty() ? "" : ",") + std::string(sync::find_field(field)->name);
  put_attribute(category, sync::required_attribute, names);
  return {};
}

Result<void> put_arguments(const AdminCall& call, sync::Record& record) {
  for (const AdminArg& arg : find_admin_entry(call.name())->command.args) {
    if (arg.name == "name" || arg.name == "rename" || !call.has(arg.name)) continue;
    if (sync::may_be_personal(record.kind) && arg.name == "operator") {
      record.refs.clear();
      if (call.text(arg.name).empty()) continue;
      TERN_TRY(const sync::Record owner, resolve_record(call.tenant(), RecordKind::operator_, call.text(arg.name)));
      record.refs = {owner.id};
    } else if (arg.name == default_agent_attribute && !call.text(arg.name).empty()) {
      auto agent = resolve_record(call.tenant(), RecordKind::operator_, call.text(arg.name));
      if (!agent) {
        agent.error().field = default_agent_attribute;
        return tl::unexpected(std::move(agent).error());
      }
      put_attribute(record, default_agent_attribute, to_uuid_text(agent->id.view()));
    } else if (record.kind == RecordKind::view && arg.name == "assignee") {
      TERN_TRY(const std::string assignee, assignee_words(call.tenant(), call.text(arg.name)));
      put_attribute(record, "assignee", assignee);
    } else if (arg.kind == ArgKind::integer) {
      put_attribute(record, std::string(arg.name), std::to_string(call.integer(arg.name, 0)));
    } else if (arg.repeated) {
      std::vector<std::string> lines;
      for (const Json& line : call.list(arg.name)) lines.push_back(line.as_string());
      put_attribute(record, std::string(arg.name), joined_lines(lines));
    } else {
      put_attribute(record, std::string(arg.name), call.text(arg.name));
    }
  }
  TERN_CHECKED(check_category(record));
  return check_library_record(record, [&](RecordKind kind, const std::string& name) {
    return find_record(call.tenant(), kind, name).has_value() ||
           (kind == RecordKind::operator_ && resolve_record(call.tenant(), kind, name).has_value());
  });
}

Result<Json> record_set(AdminCall& call) {
  return change_record(call, [&](sync::Record& record) -> Result<void> {
    const sync::Record before = record;
    if (call.has("rename")) TERN_CHECKED(rename_record(call.tenant(), call.text("rename"), record));
    TERN_CHECKED(put_arguments(call, record));  // judges the new name, too
    if (record.name == before.name && record.refs == before.refs) return {};
    return check_name_free(call.tenant(), record, call.has("rename") ? "rename" : "name");
  });
}

Result<Json> record_remove(AdminCall& call) {
  TERN_TRY(Json answer, change_record(call, [&](sync::Record& record) -> Result<void> {
             TERN_CHECKED(check_not_named(call.tenant(), record));
             TERN_CHECKED(check_queue_empty(call.tenant(), record));
             record.deleted = true;
             return {};
           }));
  return std::move(answer.set("removed", Json(true)));
}

}  // namespace tern::server::admin
