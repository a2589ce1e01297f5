// Reference records: one by one, and many at once.
#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <set>

#include "admin/erased_words.hpp"
#include "admin/handlers.hpp"
#include "admin/library_records.hpp"
#include "admin/list_page.hpp"
#include "admin/operator_record.hpp"
#include "admin/person_look.hpp"
#include "admin/record_writer.hpp"
#include "admin/sla_records.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/sync/rights.hpp"
#include "tern/sync/ticket_fields.hpp"

namespace tern::server::admin {
namespace {

constexpr std::size_t records_max = 200'000;
constexpr std::size_t line_bytes_max = 256 * limits::kib;  // an article, with everything escaped

/// Operators by their address and id, too; what is somebody's own by whose it is.
using Named = std::map<std::pair<sync::RecordKind, std::string>, RecordId>;

std::pair<sync::RecordKind, std::string> key_of(const sync::Record& record) {
  std::string name = record.name;
  if (sync::may_be_personal(record.kind))
    for (const RecordId& owner : record.refs) name += "\n" + to_hex(owner);  // no name has a line break
  return {record.kind, std::move(name)};
}

/// Kinds that people make; devices and the tenant have ways of their own.
Result<sync::RecordKind> kind_of(std::string_view name) {
  const auto kind = sync::record_kind_from_name(name);
  if (kind && sync::travels_to_devices(*kind)) return *kind;
  return fail(ErrorCode::invalid, "\"" + std::string(name) + "\" is no kind of record.",
              "Kinds: operator, queue, contact, category, organisation, tag, custom_field, calendar, sla_rule, "
              "quick_reply, macro, kb_article, tariff, view.",
              "kind");
}

void note_address(const sync::Record& record, Named& named) {
  named.try_emplace({record.kind, to_uuid_text(record.id.view())}, record.id);
  const auto email = record.attributes.find("email");
  if (email != record.attributes.end()) named.try_emplace({record.kind, email->second}, record.id);
}

Named names_of(const Tenant& tenant) {
  Named out;
  for (const auto kind :
       {sync::RecordKind::operator_, sync::RecordKind::queue, sync::RecordKind::contact, sync::RecordKind::category,
        sync::RecordKind::organisation, sync::RecordKind::tag, sync::RecordKind::custom_field,
        sync::RecordKind::calendar, sync::RecordKind::sla_rule, sync::RecordKind::quick_reply, sync::RecordKind::macro,
        sync::RecordKind::kb_article, sync::RecordKind::tariff, sync::RecordKind::view})
    for (const sync::Record& record : tenant.records(kind))
      if (!record.deleted) out.try_emplace(key_of(record), record.id);
  for (const sync::Record& record : tenant.records(sync::RecordKind::operator_))
    if (!record.deleted) note_address(record, out);
  return out;
}

Result<void> fill_operator(const Json& row, const Named& named, sync::Record& record) {
  const std::string& role = row["role"].as_string();
  if (!role.empty() && !sync::role_from_name(role))
    return fail(ErrorCode::invalid, "There is no role \"" + role + "\".", "", "role");
  record.attributes["role"] = role.empty() ? "operator" : role;
  record.attributes.try_emplace("active", "1");
  if (const std::string& words = row["email"].as_string(); !words.empty()) {
    TERN_TRY(const std::string email, email_of(words));
    if (named.contains({record.kind, email}))
      return fail(ErrorCode::invalid, "There is an operator with " + email + " already.",
                  "Their address is their login: nobody shares it.", "email");
    record.attributes["email"] = email;
  }
  for (const Json& queue : row["queues"].items()) {
    const auto found = named.find({sync::RecordKind::queue, queue.as_string()});
    if (found == named.end())
      return fail(ErrorCode::not_found, "There is no queue \"" + queue.as_string() + "\".",
                  "List it before its operators.", "queues");
    record.refs.push_back(found->second);
  }
  return {};
}

/// Whose own it is: by name, address or id, of operators that are there already.
Result<void> take_owner(const Named& named, sync::Record& personal) {
  const auto owner = personal.attributes.find("operator");
  if (owner == personal.attributes.end()) return {};
  const auto found = named.find({sync::RecordKind::operator_, owner->second});
  if (found == named.end())
    return fail(ErrorCode::not_found, "There is no operator \"" + owner->second + "\".", "", "attributes.operator");
  personal.refs = {found->second};
  personal.attributes.erase(owner);
  return {};
}

/// A member that nobody knows would be lost without a word.
Result<void> check_members(const Json& row, sync::RecordKind kind) {
  constexpr std::string_view of_all[] = {"kind", "name", "attributes", "id", "integer_id"};
  constexpr std::string_view of_operators[] = {"email", "role", "queues"};
  const bool is_operator = kind == sync::RecordKind::operator_;
  for (const auto& [name, value] : row.members()) {
    const bool known = std::ranges::find(of_all, name) != std::end(of_all) ||
                       (is_operator && std::ranges::find(of_operators, name) != std::end(of_operators));
    const bool good = name == "attributes"   ? value.is_object()
                      : name == "queues"     ? value.is_array()
                      : name == "integer_id" ? value.is_integer()
                                             : value.is_string();
    if (!known)
      return fail(
          ErrorCode::invalid, "A record of kind " + std::string(sync::to_string(kind)) + " has no \"" + name + "\".",
          is_operator ? "Known: kind name attributes id email role queues." : "Known: kind name attributes id.", name);
    if (!good) return fail(ErrorCode::invalid, "\"" + name + "\" is not of the kind it should be.", "", name);
  }
  for (const auto& [name, value] : row["attributes"].members())
    if (!value.is_string())
      return fail(ErrorCode::invalid, "The attribute \"" + name + "\" is no text.", "Write it in quotes.",
                  "attributes." + name);
  return {};
}

Result<void> check_custom_field(const std::string& name, const std::string& type) {
  if (!sync::custom_type_from_name(type))
    return fail(ErrorCode::invalid, "There is no type \"" + type + "\".",
                "Types: text number date select multi bool ref.", "type");
  return sync::validate_key(*sync::find_field(sync::FieldId::custom), name);
}

Result<std::string> name_in(const Json& row, sync::RecordKind kind) {
  TERN_TRY(const std::string name, record_name(row["name"].as_string()));
  return kind == sync::RecordKind::tag ? sync::canonical_tag(name) : name;
}

/// Its own id, as an export has it; else a new one.
Result<RecordId> id_in(const Json& row, Environment& environment) {
  const std::string& words = row["id"].as_string();
  if (words.empty()) return random_id<RecordId>(environment);
  const auto raw = from_uuid_text(words);
  const auto id = raw ? RecordId::from(*raw) : std::nullopt;
  if (id && !id->is_zero()) return *id;
  return fail(ErrorCode::invalid, "\"" + words + "\" is no id.", "Leave it out, and it gets one.", "id");
}

/// Which record a row was loaded as before, or has its name; nothing: none. People may share a name: contacts with an
/// id go by it, operators with an id and an address by that.
std::optional<RecordId> loaded_as(const Tenant& tenant, const sync::Record& record, const Json& row,
                                  const Named& named) {
  const bool has_id = !row["id"].as_string().empty();
  if (has_id && tenant.find_record(record.kind, record.id)) return record.id;
  if (has_id && record.kind == sync::RecordKind::contact) return std::nullopt;
  auto key = key_of(record);
  const bool by_address = has_id && record.kind == sync::RecordKind::operator_;
  if (const auto email = email_of(row["email"].as_string()); by_address && email) key.second = *email;
  const auto found = named.find(key);
  return found == named.end() ? std::nullopt : std::optional(found->second);
}

/// By what a row is the same record as another: kind, name, id where it has one, and whose own it is.
Result<sync::Record> identity_of(const Json& row, sync::RecordKind kind, const Named& named, Environment& environment) {
  sync::Record out;
  out.kind = kind;
  TERN_TRY(out.name, name_in(row, kind));
  TERN_TRY(out.id, id_in(row, environment));
  if (!sync::may_be_personal(kind)) return out;
  if (const Json& owner = row["attributes"]["operator"]; owner.is_string())
    out.attributes["operator"] = owner.as_string();
  TERN_CHECKED(take_owner(named, out));
  return out;
}

Result<sync::Record> record_of(const Json& row, sync::RecordKind kind, const Named& named, Environment& environment) {
  sync::Record record;
  record.kind = kind;
  TERN_TRY(record.id, id_in(row, environment));
  TERN_TRY(record.name, name_in(row, kind));
  for (const auto& [name, value] : row["attributes"].members()) record.attributes[name] = value.as_string();
  if (kind == sync::RecordKind::operator_) TERN_CHECKED(fill_operator(row, named, record));
  if (sync::may_be_personal(kind)) TERN_CHECKED(take_owner(named, record));
  if (kind == sync::RecordKind::custom_field) {
    TERN_CHECKED(check_custom_field(record.name, record.attributes.try_emplace("type", "text").first->second));
  }
  return record;
}

Result<Json::Array> rows_of_file(const std::string& path) {
  std::ifstream in(path);
  if (!in) return fail(ErrorCode::not_found, "Cannot read " + path + ".", "", "file");
  Json::Array rows;
  for (std::string line; std::getline(in, line);) {
    if (line.empty()) continue;
    if (line.size() > line_bytes_max || rows.size() == records_max)
      return fail(ErrorCode::too_large, path + " has too long a line, or too many.", "", "file");
    auto row = parse_json(line);
    if (!row || !row->is_object())
      return fail(ErrorCode::invalid, path + ", line " + std::to_string(rows.size() + 1) + ": no JSON object.", "",
                  "file");
    rows.push_back(std::move(*row));
  }
  return rows;
}

/// Rows of persons who were erased here, and what is left of each.
using StayErased = std::map<const Json*, RecordId>;

Json names_of_erased(const Json::Array& rows, const StayErased& stay) {
  Json out = Json::array();
  for (const Json& row : rows)
    if (stay.contains(&row) && out.size() < stay_erased_max) out.push(row["name"]);
  return out;
}

/// Operators name queues, and what is somebody's own names operators: each comes behind what it names. A rule
/// stands behind its calendar.
int pass_of(sync::RecordKind kind) {
  return kind == sync::RecordKind::operator_ ? 1 : sync::may_be_personal(kind) ? 2 : 0;
}

/// Whose record was erased: by the id that an export had of it, by their name or by their address. Who stands here
/// under that name is somebody else.
Result<std::optional<RecordId>> erased_before(const Tenant& tenant, const ErasedWords& words, const Json& row,
                                              const sync::Record& known, const Named& named) {
  if (known.kind != sync::RecordKind::contact) return std::optional<RecordId>{};
  const auto stands = tenant.find_record(known.kind, known.id);
  if (stands && is_erased(*stands))  // a row that says so itself is there already
    return stands->name == known.name ? std::nullopt : std::optional(known.id);
  if (stands || named.contains({known.kind, known.name})) return std::optional<RecordId>{};
  return words.whose(known.name, row["attributes"]["email"].as_string());
}

Result<std::vector<sync::Record>> new_records(Tenant& tenant, const Json::Array& rows, int pass, Named& named,
                                              SlaRecordCheck& sla, Environment& environment, StayErased& stay) {
  const ErasedWords words(tenant);
  std::vector<sync::Record> out;
  std::set<std::pair<sync::RecordKind, RecordId>> taken;
  for (const Json& row : rows) {
    TERN_TRY(const sync::RecordKind kind, kind_of(row["kind"].as_string()));
    if (pass_of(kind) != pass) continue;
    TERN_CHECKED(check_members(row, kind));
    TERN_TRY(const sync::Record known, identity_of(row, kind, named, environment));
    TERN_TRY(const auto erased, erased_before(tenant, words, row, known, named));
    if (erased) stay.try_emplace(&row, *erased);
    if (erased) continue;
    const auto loaded = loaded_as(tenant, known, row, named);
    if (loaded && pass == 1) named.try_emplace({kind, to_uuid_text(known.id.view())}, *loaded);
    if (loaded || taken.contains({kind, known.id})) continue;
    TERN_TRY(sync::Record record, record_of(row, kind, named, environment));
    TERN_CHECKED(check_of_erased(tenant, record));
    TERN_CHECKED(check_category(record));
    TERN_CHECKED(sla.take(record));
    TERN_CHECKED(check_library_record(record, [&named](sync::RecordKind of, const std::string& called) {
      return named.contains({of, called});
    }));
    named.try_emplace(key_of(record), record.id);
    taken.insert({kind, record.id});
    if (pass == 1) note_address(record, named);
    out.push_back(std::move(record));
  }
  return out;
}

}  // namespace

Result<Json> record_load(AdminCall& call) {
  Json::Array rows = call.list("rows");
  if (call.has("file")) {
    TERN_TRY(rows, rows_of_file(call.text("file")));
  }
  if (rows.size() > records_max) return fail(ErrorCode::too_large, "At most 200,000 records at once.", "", "rows");
  TERN_TRY(const auto naming, call.lock_names());
  Environment& environment = call.parts().environment;
  Named named = names_of(call.tenant());
  SlaRecordCheck sla(call.tenant(), [&named](sync::RecordKind kind, const std::string& name) {
    return named.contains({kind, name});
  });
  // All of it is judged before anything is written.
  std::vector<sync::Record> records;
  StayErased stay;
  for (const int pass : {0, 1, 2}) {
    TERN_TRY(auto of_pass, new_records(call.tenant(), rows, pass, named, sla, environment, stay));
    std::ranges::move(of_pass, std::back_inserter(records));
  }
  TERN_CHECKED(write_in_parts(call, records));
  Json out = Json::array();
  for (const Json& row : rows) {
    TERN_TRY(const sync::RecordKind kind, kind_of(row["kind"].as_string()));
    TERN_TRY(const sync::Record known, identity_of(row, kind, named, environment));
    const auto erased = stay.find(&row);
    const RecordId id =
        erased != stay.end() ? erased->second : loaded_as(call.tenant(), known, row, named).value_or(known.id);
    out.push(Json::object({{"kind", row["kind"]}, {"name", row["name"]}, {"id", Json(to_uuid_text(id.view()))}}));
  }
  Json answer = Json::object({{"made", Json(records.size())}});
  if (!stay.empty()) answer.append_member("stay_erased", names_of_erased(rows, stay));
  answer.append_member("rows", std::move(out));
  return answer;
}

/// "queue add", "category add" ...: the command's first word is the kind; its other arguments are attributes.
Result<Json> record_add(AdminCall& call) {
  const sync::RecordKind kind = kind_of_command(call);
  sync::Record record;
  record.kind = kind;
  record.id = random_id<RecordId>(call.parts().environment);
  TERN_TRY(record.name, record_name(call.text("name")));
  if (kind == sync::RecordKind::tag) record.name = sync::canonical_tag(record.name);
  TERN_CHECKED(put_arguments(call, record));
  if (kind == sync::RecordKind::custom_field) TERN_CHECKED(check_custom_field(record.name, call.text("type")));
  TERN_TRY(const auto naming, call.lock_names());
  const auto write = [&]() -> Result<sync::Record> {
    TERN_CHECKED(check_name_free(call.tenant(), record, "name"));
    TERN_CHECKED(write_records(call.tenant(), {record}));
    return call.tenant().find_record(kind, record.id).value_or(record);
  };
  TERN_TRY(const sync::Record written, call.on_strand(write));
  return record_json(call.tenant(), written);
}

Result<Json> record_list(AdminCall& call) {
  const sync::RecordKind kind = kind_of_command(call);
  auto records = call.tenant().records(kind);
  std::sort(records.begin(), records.end(),
            [](const sync::Record& a, const sync::Record& b) { return a.integer_id < b.integer_id; });
  TERN_TRY(ListPage page, ListPage::of(call));
  for (const sync::Record& record : records)
    if (!record.deleted && page.wants(list_key(record.integer_id)))
      page.add(list_key(record.integer_id), record_json(call.tenant(), record));
  return std::move(page).answer();
}

}  // namespace tern::server::admin
