#include "record_writer.hpp"

#include <algorithm>
#include <charconv>

#include "admin/interrupted.hpp"
#include "desk/person_attributes.hpp"
#include "desk/route_settings.hpp"
#include "ingest/ingest.hpp"
#include "one_line.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/protocol/text.hpp"

namespace tern::server::admin {
namespace {

constexpr std::size_t set_bytes_max = limits::change_set_bytes_max / 2;

bool goes_by(const sync::Record& record, std::string_view words, const std::optional<RecordId>& id,
             std::uint64_t integer_id) {
  if (record.name == words || (id && record.id == *id) || (integer_id != 0 && record.integer_id == integer_id))
    return true;
  const auto email = record.attributes.find("email");
  return record.kind == sync::RecordKind::operator_ && email != record.attributes.end() &&
         protocol::fold_case(email->second) == protocol::fold_case(words);
}

std::string names_of(const std::vector<sync::Record>& records, std::size_t most = 20) {
  std::string out;
  for (std::size_t i = 0; i < std::min(records.size(), most); ++i) out += (out.empty() ? "" : ", ") + records[i].name;
  return records.size() > most ? out + " ..." : out;
}

ServerChange change_of(const sync::Record& record) {
  ServerChange entry;
  entry.change.intent = sync::Intent::record;
  entry.change.record_kind = static_cast<std::uint32_t>(record.kind);
  entry.change.record = sync::encode_record(record);
  return entry;
}

Result<void> commit_records(Tenant& tenant, std::vector<ServerChange> changes, const WriteBeside& beside = {}) {
  if (changes.empty()) return {};
  TERN_TRY(const ServerCommit commit, commit_server(tenant, std::move(changes), beside));
  for (const sync::Outcome outcome : commit.outcomes)
    if (outcome != sync::Outcome::applied) return fail(ErrorCode::invalid, "A record was refused by the ledger.");
  return {};
}

}  // namespace

std::optional<sync::Record> find_record(const Tenant& tenant, sync::RecordKind kind, std::string_view name) {
  for (sync::Record& record : tenant.records(kind))
    if (!record.deleted && record.name == name) return std::move(record);
  return std::nullopt;
}

Result<void> check_name_free(const Tenant& tenant, const sync::Record& record, std::string_view field) {
  bool taken = false;
  tenant.each_record(record.kind, [&](const sync::Record& other) {
    taken = taken || (!other.deleted && other.id != record.id && other.name == record.name &&
                      (!sync::may_be_personal(record.kind) || other.refs == record.refs));
  });
  if (!taken) return {};
  return fail(ErrorCode::invalid,
              "There is a " + std::string(sync::to_string(record.kind)) + " \"" + record.name + "\" already.", "",
              std::string(field));
}

namespace {

Result<sync::Record> resolve_among(std::vector<sync::Record> all, sync::RecordKind kind, std::string_view words) {
  const auto raw = from_uuid_text(words);
  const std::optional<RecordId> id = raw ? std::optional(RecordId::or_zero(*raw)) : std::nullopt;
  std::uint64_t integer_id = 0;
  std::from_chars(words.data(), words.data() + words.size(), integer_id);
  if (std::to_string(integer_id) != words) integer_id = 0;
  std::vector<sync::Record> found;
  for (const sync::Record& record : all)
    if (goes_by(record, words, id, integer_id)) found.push_back(record);
  const std::string what(sync::to_string(kind));
  if (found.size() == 1) return std::move(found.front());
  if (found.empty())
    return fail(ErrorCode::not_found, "There is no " + what + " \"" + std::string(words) + "\".",
                all.empty() ? "" : "There are: " + names_of(all) + ".", what);
  if (sync::may_be_personal(kind))
    for (sync::Record& record : found) record.name = "#" + std::to_string(record.integer_id) + " " + record.name;
  return fail(ErrorCode::ambiguous, "Several go by \"" + std::string(words) + "\": " + names_of(found) + ".",
              "Name it by its id.", what);
}

}  // namespace

Result<sync::Record> resolve_record(const Tenant& tenant, sync::RecordKind kind, std::string_view words) {
  std::vector<sync::Record> all = tenant.records(kind);
  std::erase_if(all, [](const sync::Record& record) { return record.deleted; });
  return resolve_among(std::move(all), kind, words);
}

Result<sync::Record> resolve_with_removed(const Tenant& tenant, sync::RecordKind kind, std::string_view words) {
  auto standing = resolve_record(tenant, kind, words);
  if (standing || standing.error().code != ErrorCode::not_found) return standing;
  std::vector<sync::Record> removed = tenant.records(kind);
  std::erase_if(removed, [](const sync::Record& record) { return !record.deleted; });
  auto found = resolve_among(std::move(removed), kind, words);
  if (!found && found.error().code == ErrorCode::not_found) return standing;
  return found;
}

Result<OperatorId> named_by(const AdminCall& call, sync::Right right, const std::string& does_not,
                            const std::string& hint) {
  const auto may = [&](const sync::Record& record) {
    const auto actor = call.tenant().find_actor(OperatorId::or_zero(record.id.view()));
    return actor && actor->active && sync::has_right(actor->role, right);
  };
  if (call.has("by")) {
    TERN_TRY(const sync::Record named, resolve_record(call.tenant(), sync::RecordKind::operator_, call.text("by")));
    if (may(named)) return OperatorId::or_zero(named.id.view());
    return fail(ErrorCode::not_permitted, "The role of \"" + named.name + "\" does not " + does_not + ".", hint, "by");
  }
  auto all = call.tenant().records(sync::RecordKind::operator_);
  std::erase_if(all, [&](const sync::Record& record) { return !may(record); });
  if (all.size() == 1) return OperatorId::or_zero(all.front().id.view());
  return fail(ErrorCode::usage, all.empty() ? "Nobody here may do it." : "Several may do it.",
              "Say in whose name with --by OPERATOR.", "by");
}

sync::RecordKind kind_of_command(const AdminCall& call) {
  const std::string word = call.name().substr(0, call.name().find(' '));
  const auto kind = sync::record_kind_from_name(word == "field"         ? "custom_field"
                                                : word == "quick-reply" ? "quick_reply"
                                                : word == "client"      ? "organisation"
                                                                        : word);
  check(kind.has_value(), "the registry names kinds of records");
  return *kind;
}

Result<std::string> record_name(std::string_view text, std::string_view field) {
  auto name = protocol::normalise_nfc(text);
  if (!name || is_blank(*name) || name->size() > limits::name_bytes_max)
    return fail(ErrorCode::invalid, "A name is 1 to 200 bytes of text that can be seen.", "", std::string(field));
  TERN_CHECKED(check_one_line(*name, "name", field));
  return std::move(*name);
}

void put_attribute(sync::Record& record, const std::string& name, const std::string& value) {
  if (value.empty())
    record.attributes.erase(name);
  else
    record.attributes[name] = value;
}

Result<void> check_of_erased(const Tenant& tenant, const sync::Record& record) {
  if (record.kind != sync::RecordKind::contact) return {};
  const std::string erased(erased_attribute);
  const auto stands = tenant.find_record(record.kind, record.id);
  const bool was = stands && stands->attributes.contains(erased);
  if (was && (stands->name != record.name || stands->attributes != record.attributes))
    return fail(ErrorCode::invalid, "\"" + stands->name + "\" was erased: nothing is written of them any more.",
                "Who comes back gets a contact of their own: ternd contact add", "contact");
  const auto mark = record.attributes.find(erased);
  if (was || mark == record.attributes.end()) return {};
  const bool numbered = record.name.starts_with(erased_name_start) && record.name.size() > erased_name_start.size() &&
                        record.name.find_first_not_of("0123456789", erased_name_start.size()) == std::string::npos;
  if (numbered && record.attributes.size() == 1 && mark->second == "1") return {};
  return fail(ErrorCode::invalid, "Only an erasure says that \"" + record.name + "\" is erased.",
              "Erase them: ternd person erase", "attributes.erased");
}

Result<void> write_records(Tenant& tenant, const std::vector<sync::Record>& records, const WriteBeside& beside) {
  for (const sync::Record& record : records) TERN_CHECKED(check_of_erased(tenant, record));
  std::vector<ServerChange> changes;
  std::size_t bytes = 0;
  for (const sync::Record& record : records) {
    ServerChange change = change_of(record);
    const std::size_t size = change.change.record.size() + 200;
    if (changes.size() == limits::changes_per_set_max || bytes + size > set_bytes_max) {
      TERN_CHECKED(commit_records(tenant, std::move(changes)));
      changes.clear();
      bytes = 0;
    }
    bytes += size;
    changes.push_back(std::move(change));
  }
  return commit_records(tenant, std::move(changes), beside);
}

Result<void> write_in_parts(const AdminCall& call, const std::vector<sync::Record>& records) {
  for (auto from = records.begin(); from != records.end();) {
    TERN_CHECKED(check_not_interrupted(call.is_stopped(), "what is there by now is left as it is the next time"));
    const auto left = static_cast<std::size_t>(records.end() - from);
    const auto to = from + static_cast<std::ptrdiff_t>(std::min(left, limits::changes_per_set_max));
    const std::vector<sync::Record> part(from, to);
    TERN_CHECKED(call.on_strand([&] { return write_records(call.tenant(), part); }));
    from = to;
  }
  return {};
}

Json record_json(const Tenant& tenant, const sync::Record& record) {
  Json out = Json::object({{"kind", Json(sync::to_string(record.kind))},
                           {"id", Json(to_uuid_text(record.id.view()))},
                           {"integer_id", Json(record.integer_id)},
                           {"name", Json(record.name)}});
  for (const auto& [name, value] : record.attributes) {
    if (name == "active")
      out.set("active", Json(value != "0"));
    else
      out.set(name, Json(value));
  }
  if (sync::may_be_personal(record.kind) && !record.refs.empty()) {
    const auto owner = tenant.find_record(sync::RecordKind::operator_, record.refs.front());
    out.set("operator", Json(owner ? owner->name : to_uuid_text(record.refs.front().view())));
  }
  if (const auto agent = record.attributes.find(default_agent_attribute); agent != record.attributes.end())
    if (const auto raw = from_uuid_text(agent->second))
      if (const auto person = tenant.find_record(sync::RecordKind::operator_, RecordId::or_zero(*raw)))
        out.set(default_agent_attribute, Json(person->name));
  if (record.kind != sync::RecordKind::operator_) return out;
  Json queues = Json::array();
  for (const RecordId& queue : record.refs)
    if (const auto named = tenant.find_record(sync::RecordKind::queue, queue)) queues.push(Json(named->name));
  return std::move(out.set("queues", std::move(queues)));
}

}  // namespace tern::server::admin
