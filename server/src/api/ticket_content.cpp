#include "api/ticket_content.hpp"

#include <algorithm>
#include <set>

#include "admin/record_writer.hpp"
#include "desk/ticket_refs.hpp"
#include "tern/protocol/text.hpp"
#include "tern/sync/asked_fields.hpp"

namespace tern::server {
namespace {

using sync::FieldId;
using sync::FieldSetting;
using sync::Intent;
using sync::RecordKind;

constexpr const char* order_ref = "order";
constexpr std::string_view values_of_multi_end = "\x1f";

Error of_field(Error error, std::string field) {
  error.field = std::move(field);
  return error;
}

Result<Bytes> plain_value(const Json& value, const std::string& field) {
  std::string text = value.is_string()   ? value.as_string()
                     : value.is_bool()   ? (value.as_bool() ? "1" : "0")
                     : value.is_number() ? to_text(value)
                                         : std::string();
  auto normal = protocol::normalise_nfc(text);
  if (!normal || normal->empty()) return fail(ErrorCode::invalid, field + " is no text.", "", field);
  return std::move(*normal);
}

/// Several values of a multi are a list; nothing said: none.
Result<std::optional<Bytes>> keyed_value(const Json& value, const std::string& field) {
  if (value.is_null() || (value.is_string() && value.as_string().empty())) return std::optional<Bytes>();
  if (!value.is_array()) {
    TERN_TRY(Bytes one, plain_value(value, field));
    return std::optional(std::move(one));
  }
  std::set<Bytes> values;
  for (const Json& item : value.items()) {
    TERN_TRY(Bytes one, plain_value(item, field));
    values.insert(std::move(one));
  }
  if (values.empty()) return std::optional<Bytes>();
  Bytes all;
  for (const Bytes& one : values) all += (all.empty() ? Bytes() : Bytes(values_of_multi_end)) + one;
  return std::optional(std::move(all));
}

Result<void> add_keyed(const AdminCall& call, FieldId id, const char* parameter, std::vector<FieldSetting>& out) {
  if (!call.has(parameter)) return {};
  const sync::FieldSpec& spec = *sync::find_field(id);
  const Json& said = call.object(parameter);
  for (const auto& [key, value] : said.members()) {
    const std::string field = std::string(parameter) + "." + key;
    if (id == FieldId::external_ref && key == conversation_ref)
      return fail(ErrorCode::invalid, "A conversation is named when the ticket is made.",
                  "See conversation of create_ticket.", field);
    TERN_TRY(auto kept, keyed_value(value, field));
    const auto fits = kept ? sync::validate_value(spec, key, *kept) : sync::validate_key(spec, key);
    if (!fits) return tl::unexpected(of_field(fits.error(), field));
    if (std::ranges::any_of(out, [&](const auto& one) { return one.field == id && one.key == key; }))
      return fail(ErrorCode::invalid, field + " is said twice.", "", field);
    out.push_back({id, key, std::move(kept), false});
  }
  return {};
}

Result<void> add_cleared(const AdminCall& call, std::vector<FieldSetting>& out) {
  constexpr std::pair<std::string_view, FieldId> cleared[] = {
      {"category", FieldId::category}, {"type", FieldId::type},     {"contact", FieldId::contact},
      {"priority", FieldId::priority}, {"due_at", FieldId::due_at}, {"order", FieldId::external_ref}};
  if (!call.has("clear")) return {};
  for (const Json& name : call.list("clear")) {
    if (call.has(name.as_string()))
      return fail(ErrorCode::invalid, name.as_string() + " is said and cleared.", "", "clear");
    for (const auto& [called, id] : cleared)
      if (called == name.as_string())
        out.push_back({id, id == FieldId::external_ref ? order_ref : "", std::nullopt, false});
  }
  return {};
}

bool is_cleared(const AdminCall& call, std::string_view name) {
  if (!call.has("clear")) return false;
  const auto& names = call.list("clear");
  return std::ranges::any_of(names, [&](const Json& one) { return one.as_string() == name; });
}

/// One that is made with the ticket is not there yet.
std::optional<sync::Record> category_record(const AdminCall& call, const std::optional<Bytes>& id,
                                            const std::vector<ServerChange>& made) {
  if (!id || id->empty()) return std::nullopt;
  if (auto there = call.tenant().find_record(RecordKind::category, RecordId::or_zero(*id))) return there;
  for (const ServerChange& change : made)
    if (change.change.intent == Intent::record)
      if (auto record = sync::decode_record(change.change.record); record && record->id.view() == *id)
        return std::move(*record);
  return std::nullopt;
}

const FieldSetting* find_setting(const std::vector<FieldSetting>& settings, FieldId field, std::string_view key) {
  const auto found =
      std::ranges::find_if(settings, [&](const auto& one) { return one.field == field && one.key == key; });
  return found == settings.end() ? nullptr : &*found;
}

Bytes watcher_element(const sync::Record& who) {
  return (who.kind == RecordKind::contact ? "c" : "o") + Bytes(who.id.view());
}

/// The list as it is to be: who is there and not named goes.
Result<void> add_watchers(const AdminCall& call, RecordKind kind, const char* parameter, const TicketId& ticket,
                          const sync::TicketState* state, std::vector<ServerChange>& changes) {
  if (!call.has(parameter)) return {};
  std::set<std::uint64_t> wanted;
  for (const Json& id : call.list(parameter)) wanted.insert(static_cast<std::uint64_t>(id.as_integer()));
  for (const sync::Record& who : call.tenant().records(kind)) {
    const bool there = state != nullptr && is_watched_by(*state, who);
    const bool named = wanted.contains(who.integer_id) && (there || !who.deleted);
    if (named) wanted.erase(who.integer_id);
    if (named != there)
      changes.push_back(watching(call.caller(), named ? Intent::watch : Intent::unwatch, ticket, who));
  }
  if (wanted.empty()) return {};
  return fail(ErrorCode::not_found,
              std::string("There is no ") + (kind == RecordKind::contact ? "contact " : "operator ") +
                  std::to_string(static_cast<std::int64_t>(*wanted.begin())) + ".",
              kind == RecordKind::contact ? "See list_contacts." : "See list_operators.", parameter);
}

Result<void> add_tags(const AdminCall& call, const TicketId& ticket, const sync::TicketState* state,
                      std::vector<ServerChange>& changes) {
  if (!call.has("tags")) return {};
  std::set<Bytes> wanted;
  for (const Json& said : call.list("tags")) {
    wanted.insert(sync::canonical_tag(said.as_string()));
    if (wanted.contains(Bytes())) return fail(ErrorCode::invalid, "A tag is a text.", "", "tags");
  }
  const auto change = [&](Intent intent, const Bytes& tag) {
    changes.push_back(change_by(call.caller(), intent, ticket));
    changes.back().change.label = tag;
  };
  if (state != nullptr)
    for (const Bytes& tag : sync::elements_of(*state, FieldId::tags))
      if (wanted.erase(tag) == 0) change(Intent::untag, tag);
  for (const Bytes& tag : wanted) change(Intent::tag, tag);
  return {};
}

}  // namespace

Result<sync::Record> find_contact(const Tenant& tenant, const std::string& words, std::string_view field) {
  if (words.find('@') != std::string::npos) {
    std::optional<sync::Record> found;
    const std::string wanted = protocol::fold_case(words);
    for (sync::Record& contact : tenant.records(RecordKind::contact)) {
      const auto email = contact.attributes.find("email");
      if (contact.deleted || email == contact.attributes.end() || protocol::fold_case(email->second) != wanted)
        continue;
      if (found)
        return fail(ErrorCode::ambiguous, "Several contacts have that address.", "Say the id.", std::string(field));
      found = std::move(contact);
    }
    if (found) return std::move(*found);
  }
  auto named = admin::resolve_record(tenant, RecordKind::contact, words);
  if (!named) return tl::unexpected(of_field(named.error(), std::string(field)));
  return named;
}

Result<std::vector<FieldSetting>> settings_said(const AdminCall& call) {
  std::vector<FieldSetting> out;
  if (call.has("type")) out.push_back({FieldId::type, {}, call.text("type"), false});
  if (call.has("contact")) {
    TERN_TRY(const sync::Record contact, find_contact(call.tenant(), call.text("contact"), "contact"));
    out.push_back({FieldId::contact, {}, Bytes(contact.id.view()), false});
  }
  if (call.has("due_at")) {
    TERN_TRY(const std::int64_t due_ms, call.instant("due_at"));
    const Bytes value = std::to_string(due_ms);
    const auto fits = sync::validate_value(*sync::find_field(FieldId::due_at), {}, value);
    if (!fits) return tl::unexpected(of_field(fits.error(), "due_at"));
    out.push_back({FieldId::due_at, {}, value, false});
  }
  if (call.has("order")) {
    const auto fits = sync::validate_value(*sync::find_field(FieldId::external_ref), order_ref, call.text("order"));
    if (!fits) return tl::unexpected(of_field(fits.error(), "order"));
    out.push_back({FieldId::external_ref, order_ref, call.text("order"), false});
  }
  TERN_CHECKED(add_cleared(call, out));
  TERN_CHECKED(add_keyed(call, FieldId::external_ref, "external_refs", out));
  TERN_CHECKED(add_keyed(call, FieldId::custom, "custom", out));
  return out;
}

void add_settings(const AdminCall& call, const sync::TicketState& state, const std::vector<FieldSetting>& settings,
                  std::vector<ServerChange>& changes) {
  for (const FieldSetting& setting : settings) {
    if (sync::field_value(state, setting.field, setting.key) == setting.value) continue;
    ServerChange change = change_by(call.caller(), Intent::set, state.id);
    change.change.fields.push_back(setting);
    changes.push_back(std::move(change));
  }
}

// ---- what the tenant's settings ask ----

Result<void> check_custom(const AdminCall& call, const std::vector<FieldSetting>& settings,
                          const std::optional<Bytes>& category, const std::vector<ServerChange>& made) {
  const auto of = category_record(call, category, made);
  for (const FieldSetting& setting : settings) {
    if (setting.field != FieldId::custom) continue;
    const std::string field = "custom." + setting.key;
    const auto defined = admin::find_record(call.tenant(), RecordKind::custom_field, setting.key);
    if (!defined)
      return fail(ErrorCode::invalid, "There is no custom field \"" + setting.key + "\".",
                  "An administrator adds it: ternd field add", field);
    const bool of_ticket = sync::is_of_category(*defined, of ? &*of : nullptr);
    const auto required = defined->attributes.find(sync::required_attribute);
    const bool is_required = required != defined->attributes.end() && required->second == "1";
    if (!setting.value && is_required && of_ticket)
      return fail(ErrorCode::invalid, setting.key + " must be filled.", "", field);
    if (!setting.value) continue;
    if (!of_ticket)
      return fail(ErrorCode::invalid,
                  setting.key + " is a field of the category " + defined->attributes.at("category") + ".", "", field);
    const auto fits = sync::check_custom_value(*defined, *setting.value);
    if (!fits) return tl::unexpected(of_field(fits.error(), field));
  }
  return {};
}

Result<void> check_required(const AdminCall& call, const std::vector<FieldSetting>& settings,
                            const sync::TicketState* state, const std::optional<Bytes>& category,
                            const std::vector<ServerChange>& made) {
  const auto of = category_record(call, category, made);
  const auto defined = call.tenant().records(RecordKind::custom_field);
  const auto missing = sync::missing_fields(of ? &*of : nullptr, defined, [&](FieldId field, std::string_view key) {
    if (const FieldSetting* set = find_setting(settings, field, key)) return set->value.has_value();
    return state != nullptr && sync::field_value(*state, field, key).has_value();
  });
  if (missing.empty()) return {};
  const auto parameter = [](const sync::RequiredField& one) {
    return one.field == FieldId::custom         ? "custom." + one.key
           : one.field == FieldId::organisation ? std::string("portal_domain")
                                                : std::string(sync::name_of(one));
  };
  std::string all;
  for (const sync::RequiredField& one : missing) all += (all.empty() ? "" : ", ") + parameter(one);
  return fail(ErrorCode::invalid, all + (missing.size() == 1 ? " is required." : " are required."),
              state == nullptr ? "" : "Set it with update_ticket.", parameter(missing.front()));
}

// ---- beside the fields ----

Result<void> add_queue(const AdminCall& call, const TicketId& ticket, const sync::TicketState* state,
                       std::vector<ServerChange>& changes) {
  if (!call.has("queue") && !is_cleared(call, "queue")) return {};
  std::optional<RecordId> to;
  if (call.has("queue")) {
    if (is_cleared(call, "queue")) return fail(ErrorCode::invalid, "queue is said and cleared.", "", "clear");
    const auto named = admin::resolve_record(call.tenant(), RecordKind::queue, call.text("queue"));
    if (!named) return tl::unexpected(of_field(named.error(), "queue"));
    to = named->id;
  }
  if ((state == nullptr ? std::nullopt : sync::queue_of(*state)) == to) return {};
  ServerChange move = change_by(call.caller(), Intent::move_queue, ticket);
  if (to) move.change.target = Bytes(to->view());
  move.change.reason = "Through the API.";
  changes.push_back(std::move(move));
  return {};
}

Result<void> add_assignee(const AdminCall& call, const TicketId& ticket, const sync::TicketState* state,
                          std::vector<ServerChange>& changes) {
  if (!call.has("assigned_to")) return {};
  std::optional<RecordId> to;
  if (const std::int64_t wanted = call.integer("assigned_to", 0); wanted != 0) {
    TERN_TRY(const sync::Record who, find_assignee(call.tenant(), wanted));
    to = who.id;
  }
  const auto now = state == nullptr ? std::nullopt : sync::assignee_of(*state);
  if ((now ? Bytes(now->view()) : Bytes()) == (to ? Bytes(to->view()) : Bytes())) return {};
  changes.push_back(assignment(call.caller(), ticket, to, {}));
  return {};
}

Result<void> add_elements(const AdminCall& call, const TicketId& ticket, const sync::TicketState* state,
                          std::vector<ServerChange>& changes) {
  TERN_CHECKED(add_tags(call, ticket, state, changes));
  TERN_CHECKED(add_watchers(call, RecordKind::operator_, "watchers", ticket, state, changes));
  return add_watchers(call, RecordKind::contact, "watching_contacts", ticket, state, changes);
}

ServerChange watching(const Caller& caller, Intent intent, const TicketId& ticket, const sync::Record& who) {
  ServerChange out = change_by(caller, intent, ticket);
  out.change.target = Bytes(who.id.view());
  out.change.kind = who.kind == RecordKind::contact ? 1 : 0;
  return out;
}

bool is_watched_by(const sync::TicketState& state, const sync::Record& who) {
  const auto watchers = sync::elements_of(state, FieldId::watchers);
  return std::ranges::find(watchers, watcher_element(who)) != watchers.end();
}

// ---- shown ----

Json custom_json(const sync::TicketState& state, FieldId keyed) {
  Json out = Json::object();
  for (const auto& [key, value] : state.fields)
    if (key.field == keyed)
      if (const auto standing = sync::field_value(state, keyed, key.key)) out.append_member(key.key, Json(*standing));
  return out;
}

Json watchers_json(const Tenant& tenant, const sync::TicketState& state, RecordKind kind) {
  const char letter = kind == RecordKind::contact ? 'c' : 'o';
  Json out = Json::array();
  for (const Bytes& element : sync::elements_of(state, FieldId::watchers)) {
    if (element.empty() || element.front() != letter) continue;
    if (const auto who = tenant.find_record(kind, RecordId::or_zero(ByteView(element).substr(1))))
      out.push(Json(who->integer_id));
  }
  return out;
}

}  // namespace tern::server
