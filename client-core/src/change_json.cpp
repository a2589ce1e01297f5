#include "change_json.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "tern/protocol/base64.hpp"
#include "tern/sync/ticket_state.hpp"
#include "views/name_book.hpp"

namespace tern::client {

using sync::Change;
using sync::FieldId;
using sync::Intent;
using sync::RecordKind;

namespace {

constexpr std::array known_members = {
    "intent",     "ticket",     "fields",        "field", "value",     "text",      "base",    "visibility",
    "target",     "minutes",    "wake_at_ms",    "label", "to",        "reason",    "contact", "kind",
    "messages",   "subject",    "from_ms",       "to_ms", "signed_by", "signature", "name",    "content_hash",
    "media_type", "size_bytes", "inherit_clock", "call",  "seen"};

tl::unexpected<Error> wrong(std::string_view field, std::string_view what) {
  return fail(ErrorCode::invalid, std::string(field) + " " + std::string(what), {}, std::string(field));
}

Result<std::string> text_of(const Json& json, std::string_view member) {
  const Json& value = json[member];
  if (value.is_null()) return std::string{};
  if (!value.is_string()) return wrong(member, "is a text");
  return value.as_string();
}

Result<Bytes> record_id(Commands& commands, RecordKind kind, const std::string& name) {
  TERN_TRY(const RecordId id, commands.find_record(static_cast<std::uint32_t>(kind), name));
  return Bytes(id.view());
}

/// The canonical form of a value as people write it.
Result<Bytes> canonical(const sync::FieldSpec& spec, const Json& value, Commands& commands) {
  if (value.is_bool()) return Bytes(value.as_bool() ? "1" : "0");
  if (value.is_integer()) return std::to_string(value.as_integer());
  if (!value.is_string()) return wrong(spec.name, "is a text, a number, true, false or null");
  if (spec.refers) return record_id(commands, *spec.refers, value.as_string());
  if (spec.id == FieldId::priority) {
    const auto rank = sync::priority_rank(value.as_string());
    if (!rank) return wrong("priority", "is low, normal, high or urgent");
    return std::to_string(*rank);
  }
  return value.as_string();
}

Result<sync::FieldSetting> setting(std::string_view name, const Json& value, Commands& commands) {
  const std::size_t colon = name.find(':');
  const std::string_view plain = name.substr(0, colon);
  const sync::FieldSpec* spec = sync::find_field(plain);
  if (spec == nullptr) return wrong("field", "names no field: " + std::string(name));
  sync::FieldSetting out;
  out.field = spec->id;
  if (colon != std::string_view::npos) out.key = name.substr(colon + 1);
  if (value.is_null()) return out;
  TERN_TRY(out.value, canonical(*spec, value, commands));
  return out;
}

Result<void> read_fields(const Json& json, Commands& commands, Change& change) {
  for (const auto& [name, value] : json["fields"].members()) {
    TERN_TRY(auto one, setting(name, value, commands));
    change.fields.push_back(std::move(one));
  }
  if (json["field"].is_null()) return {};
  TERN_TRY(const std::string name, text_of(json, "field"));
  TERN_TRY(auto one, setting(name, json["value"], commands));
  change.fields.push_back(std::move(one));
  return {};
}

Result<void> read_visibility(const Json& json, Change& change) {
  const bool on_site = change.intent == Intent::on_site;
  if (change.intent != Intent::message && change.intent != Intent::attach && !on_site) return {};
  TERN_TRY(std::string name, text_of(json, "visibility"));
  if (name.empty() && on_site) name = "public";
  TERN_TRY(change.visibility, visibility_from_text(name));
  return {};
}

Result<void> read_to(const Json& json, Commands& commands, Change& change) {
  TERN_TRY(const std::string name, text_of(json, "to"));
  if (name.empty()) return {};
  const bool contact = json["contact"].as_bool();
  switch (change.intent) {
    case Intent::assign:
    case Intent::watch:
    case Intent::unwatch: {
      change.kind = contact ? 1 : 0;
      TERN_TRY(change.target, record_id(commands, contact ? RecordKind::contact : RecordKind::operator_, name));
      return {};
    }
    case Intent::move_queue: {
      TERN_TRY(change.target, record_id(commands, RecordKind::queue, name));
      return {};
    }
    case Intent::link:
    case Intent::unlink:
    case Intent::merge:
    case Intent::unmerge: {
      TERN_TRY(const TicketId ticket, commands.find_ticket(name));
      change.target = Bytes(ticket.view());
      return {};
    }
    default:
      return wrong("to", "has no meaning here");
  }
}

Result<void> read_link_kind(const Json& json, Change& change) {
  if (change.intent != Intent::link && change.intent != Intent::unlink) return {};
  TERN_TRY(const std::string name, text_of(json, "kind"));
  const auto kind = sync::link_kind_from_name(name.empty() ? "related" : name);
  if (!kind) return wrong("kind", "is related, parent, child, duplicate, blocks or follow-up");
  change.kind = static_cast<std::uint32_t>(*kind);
  return {};
}

/// The version that was on the author's screen when they began.
Result<void> read_seen(const Json& json, Change& change) {
  const Json& seen = json["seen"];
  if (seen.is_null()) return {};
  if (!seen.is_integer() || seen.as_integer() <= 0) return wrong("seen", "is no version of a ticket");
  change.seen_seq = static_cast<std::uint64_t>(seen.as_integer());
  return {};
}

/// What a split gives away; whom it gives it to is made beside it.
Result<void> read_messages(const Json& json, Change& change) {
  const bool splits = change.intent == Intent::split;
  for (const std::string_view member : {"messages", "subject", "inherit_clock"})
    if (!splits && !json[member].is_null()) return wrong(member, "belongs to a split");
  if (!splits) return {};
  const Json& inherits = json["inherit_clock"];
  if (!inherits.is_null() && !inherits.is_bool()) return wrong("inherit_clock", "is true or false");
  change.kind = inherits.as_bool() ? 1 : 0;
  if (!json["messages"].is_array()) return wrong("messages", "is a list of {\"device\", \"id\"}");
  for (const Json& one : json["messages"].items()) {
    TERN_TRY(const sync::ChangeRef message, ref_from_json(one));
    change.targets.push_back(message);
  }
  return {};
}

Result<void> read_texts(const Json& json, Change& change) {
  TERN_TRY(change.text, text_of(json, "text"));
  TERN_TRY(change.base, text_of(json, "base"));
  TERN_TRY(change.reason, text_of(json, "reason"));
  TERN_TRY(const std::string label, text_of(json, "label"));
  change.label = sync::canonical_tag(label);
  return {};
}

Result<std::int64_t> instant_of(const Json& json, std::string_view member) {
  const Json& value = json[member];
  if (value.is_null()) return 0;
  if (!value.is_integer()) return wrong(member, "is a time in milliseconds since 1970");
  return value.as_integer();
}

/// Times, who signed and the drawing of a report from on site.
Result<void> read_on_site(const Json& json, Commands& commands, Change& change) {
  if (change.intent != Intent::on_site) {
    for (const std::string_view member : {"from_ms", "to_ms", "signed_by", "signature"})
      if (!json[member].is_null()) return wrong(member, "belongs to on_site");
    return {};
  }
  TERN_TRY(change.from_ms, instant_of(json, "from_ms"));
  TERN_TRY(change.to_ms, instant_of(json, "to_ms"));
  TERN_TRY(change.file_name, text_of(json, "signed_by"));
  TERN_TRY(const std::string contact, text_of(json, "contact"));
  if (!contact.empty()) {
    TERN_TRY(change.target, record_id(commands, RecordKind::contact, contact));
  }
  TERN_TRY(const std::string drawn, text_of(json, "signature"));
  if (drawn.empty()) return {};
  auto image = from_base64(drawn);
  if (!image) return wrong("signature", "is a PNG image in base64");
  change.signature = std::move(*image);
  change.media_type = "image/png";
  return {};
}

/// What is known of a file before anybody fetches it.
Result<void> read_file(const Json& json, Change& change) {
  if (change.intent != Intent::attach) {
    for (const std::string_view member : {"name", "content_hash", "media_type", "size_bytes"})
      if (!json[member].is_null()) return wrong(member, "belongs to attach");
    return {};
  }
  TERN_TRY(change.file_name, text_of(json, "name"));
  TERN_TRY(change.media_type, text_of(json, "media_type"));
  TERN_TRY(const std::string hash, text_of(json, "content_hash"));
  auto raw = from_hex(hash);
  if (!raw || raw->size() != Hash::size_bytes) return wrong("content_hash", "is 32 bytes in hex");
  change.content_hash = std::move(*raw);
  const Json& size = json["size_bytes"];
  if (!size.is_null() && (!size.is_integer() || size.as_integer() < 0)) return wrong("size_bytes", "is a whole number");
  change.size_bytes = static_cast<std::uint64_t>(size.as_integer());
  return {};
}

/// A time entry may be a phone call.
Result<void> read_call(const Json& json, Change& change) {
  if (json["call"].is_null()) return {};
  if (change.intent != Intent::log_time) return wrong("call", "belongs to log_time");
  TERN_TRY(const std::string call, text_of(json, "call"));
  if (call != "answered" && call != "unanswered") return wrong("call", "is answered or unanswered");
  const auto kind = call == "answered" ? sync::TimeEntryKind::call : sync::TimeEntryKind::call_unanswered;
  change.kind = static_cast<std::uint32_t>(kind);
  return {};
}

Result<void> read_number(const Json& json, Change& change) {
  const std::string_view member = change.intent == Intent::hold ? "wake_at_ms" : "minutes";
  const Json& value = json[member];
  if (value.is_null()) return {};
  if (!value.is_integer()) return wrong(member, "is a whole number");
  change.number = value.as_integer();
  return {};
}

}  // namespace

Result<sync::Visibility> visibility_from_text(std::string_view name) {
  if (name.empty() || name == "team") return sync::Visibility::team;
  if (name == "public") return sync::Visibility::open;
  if (name == "restricted") return sync::Visibility::restricted;
  return wrong("visibility", "is public, team or restricted");
}

Result<sync::ChangeRef> ref_from_json(const Json& json) {
  const auto device = from_uuid_text(json["device"].as_string());
  const auto id = from_hex(json["id"].as_string());
  sync::ChangeRef ref{DeviceId::or_zero(device.value_or(Bytes{})), ChangeId::or_zero(id.value_or(Bytes{}))};
  if (ref.device.is_zero() || ref.id.is_zero()) return wrong("target", "is {\"device\", \"id\"} of a change");
  return ref;
}

Json to_json(const sync::ChangeRef& ref) {
  return Json::object({{"device", to_uuid_text(ref.device.view())}, {"id", to_hex(ref.id)}});
}

Result<Change> change_from_json(const Json& json, Commands& commands) {
  if (!json.is_object()) return fail(ErrorCode::usage, "a change is a JSON object", {}, "change");
  for (const auto& [name, value] : json.members()) {
    if (std::ranges::find(known_members, name) != known_members.end()) continue;
    return fail(ErrorCode::usage, "a change has no '" + name + "'", "see tern.h", name);
  }
  Change change;
  TERN_TRY(const std::string intent, text_of(json, "intent"));
  const sync::IntentSpec* spec = sync::find_intent(intent);
  if (spec == nullptr) return fail(ErrorCode::usage, "there is no intent '" + intent + "'", {}, "intent");
  change.intent = spec->intent;
  TERN_TRY(const std::string ticket, text_of(json, "ticket"));
  if (!ticket.empty()) {
    TERN_TRY(change.ticket, commands.find_ticket(ticket));
  }
  TERN_CHECKED(read_fields(json, commands, change));
  TERN_CHECKED(read_texts(json, change));
  TERN_CHECKED(read_visibility(json, change));
  TERN_CHECKED(read_to(json, commands, change));
  TERN_CHECKED(read_link_kind(json, change));
  TERN_CHECKED(read_number(json, change));
  TERN_CHECKED(read_call(json, change));
  TERN_CHECKED(read_on_site(json, commands, change));
  TERN_CHECKED(read_file(json, change));
  TERN_CHECKED(read_messages(json, change));
  TERN_CHECKED(read_seen(json, change));
  if (!json["target"].is_null()) {
    TERN_TRY(const sync::ChangeRef target, ref_from_json(json["target"]));
    change.targets.push_back(target);
  }
  return change;
}

Result<std::vector<Change>> changes_from_json(const Json& json, Commands& commands, Environment& environment) {
  TERN_TRY(Change change, change_from_json(json, commands));
  if (change.intent != Intent::split) return std::vector<Change>{std::move(change)};
  TERN_TRY(const std::string subject, text_of(json, "subject"));
  if (subject.empty()) return wrong("subject", "of the new ticket is missing");
  Change create;
  create.intent = Intent::create;
  create.ticket = random_id<TicketId>(environment);
  create.fields.push_back({FieldId::subject, {}, subject, false});
  change.target = Bytes(create.ticket.view());
  return std::vector<Change>{std::move(create), std::move(change)};
}

}  // namespace tern::client
