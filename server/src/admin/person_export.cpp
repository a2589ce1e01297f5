// What one customer may have of what is known of them (P4 of the design): their own, and the desk's word to them.
#include <algorithm>
#include <set>

#include "access/private_file.hpp"
#include "admin/handlers.hpp"
#include "admin/interrupted.hpp"
#include "admin/record_writer.hpp"
#include "admin/ticket_export.hpp"
#include "desk/person_attributes.hpp"
#include "http/html_text.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/sqlite/transaction.hpp"
#include "time_text.hpp"

namespace tern::server::admin {
namespace {

constexpr std::size_t person_bytes_max = 64 * limits::mib;  // of all that is given out at once

std::string html_value(const Json& value) {
  if (value.is_null()) return {};
  return html_text(value.is_string() ? value.as_string() : to_text(value));
}

std::string html_of(const Json& all) {
  std::string out = "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>" +
                    html_value(all["profile"]["name"]) + "</title></head><body>\n<h1>" +
                    html_value(all["profile"]["name"]) + "</h1>\n<table>\n";
  for (const auto& [name, value] : all["profile"].members())
    out += "<tr><th>" + html_text(name) + "</th><td>" + html_value(value) + "</td></tr>\n";
  out += "</table>\n";
  for (const Json& ticket : all["tickets"].items()) {
    out += "<h2>" + html_value(ticket["number"]) + " " + html_value(ticket["subject"]) + "</h2>\n<p>" +
           html_value(ticket["status"]) + ", " + html_value(ticket["created_at"]) + "</p>\n<pre>" +
           html_value(ticket["description"]) + "</pre>\n";
    for (const Json& message : ticket["messages"].items())
      out += "<h3>" + html_value(message["author"]) + ", " + html_value(message["at"]) + "</h3>\n<pre>" +
             html_value(message["text"]) + html_value(message["file_name"]) + "</pre>\n";
    for (const Json& rating : ticket["ratings"].items())
      out += "<p>Rated " + html_value(rating["rating"]) + ": " + html_value(rating["comment"]) + "</p>\n";
  }
  return out + "</body></html>\n";
}

/// What of a ticket is one customer's: a ticket may have been another's before, or another may have opened it.
class TheirPart {
public:
  static Result<TheirPart> of(sqlite::Database& db, std::int64_t tenant, const TicketId& ticket,
                              const RecordId& person) {
    TERN_TRY(const auto ledger, read_ticket(db, tenant, ticket));
    auto folded = folded_changes(ledger);
    std::ranges::sort(folded, [](const auto& a, const auto& b) { return sync::before(a.stamp, b.stamp); });
    TheirPart out(person);
    std::size_t theirs_from = 0;
    bool of_another = false;
    for (std::size_t i = 0; i < folded.size(); ++i)
      for (const sync::FieldSetting& one : folded[i].change.fields) {
        if (one.field != sync::FieldId::contact || !one.value) continue;
        const bool them = RecordId::or_zero(*one.value) == person;
        if (them && of_another) theirs_from = i;
        of_another = !them;
      }
    for (std::size_t i = 0; i < theirs_from; ++i) out.before_.insert(folded[i].change.ref);
    return out;
  }

  [[nodiscard]] bool has(const sync::Stamp& stamp) const {
    if (stamp.author_kind == sync::PrincipalKind::contact) return RecordId::or_zero(stamp.author.view()) == person_;
    return !before_.contains(stamp.ref());
  }
  [[nodiscard]] bool has(const sync::ChangeRef& desk_said) const { return !before_.contains(desk_said); }

private:
  explicit TheirPart(const RecordId& person) : person_(person) {}

  RecordId person_;
  std::set<sync::ChangeRef> before_;  // what was said while it was another's
};

/// Public messages: their own and the desk's to them, which speaks as one. Of another customer there is nothing.
Json messages_for(const Json& messages, const TheirPart& theirs, const sync::Record& person) {
  Json out = Json::array();
  for (const Json& message : messages.items()) {
    if (message["visibility"].as_string() != "public" || message["text"].is_null()) continue;
    const bool contact = message["author_kind"].as_string() == "contact";
    if (contact && message["author"].as_string() != person.name) continue;
    const sync::ChangeRef ref{DeviceId::or_zero(from_uuid_text(message["device"].as_string()).value_or(Bytes())),
                              ChangeId::or_zero(from_hex(message["change"].as_string()).value_or(Bytes()))};
    if (!contact && !theirs.has(ref)) continue;
    Json one = Json::object(
        {{"at", message["at"]}, {"author", contact ? Json(person.name) : Json("support")}, {"text", message["text"]}});
    if (const Json* file = message.find("file_name")) one.append_member("file_name", *file);
    out.push(std::move(one));
  }
  return out;
}

Json ratings_for(const Json& ratings, const sync::TicketState& state, const TheirPart& theirs) {
  Json out = Json::array();
  for (std::size_t i = 0; i < std::min(ratings.size(), state.ratings.size()); ++i)
    if (theirs.has(state.ratings[i].stamp)) out.push(ratings.items()[i]);
  return out;
}

/// Null where somebody else set it.
Json field_for(const Json& value, const sync::TicketState& state, sync::FieldId field, const TheirPart& theirs,
               std::string_view key = {}) {
  const sync::Head* head = sync::standing_head(state, field, key);
  return head != nullptr && theirs.has(head->stamp) ? value : Json();
}

Json ticket_for(const Json& fields, const Json& messages, const sync::TicketState& state, const TheirPart& theirs,
                const sync::Record& person) {
  const auto resolution = sync::status_view(state).resolution;
  Json custom = Json::object({});
  for (const auto& [name, value] : fields["custom"].members())
    if (Json own = field_for(value, state, sync::FieldId::custom, theirs, name); !own.is_null())
      custom.append_member(name, std::move(own));
  const bool described = state.description_stamp && theirs.has(*state.description_stamp);
  Json out = Json::object({});
  for (const char* name : {"number", "status"}) out.append_member(name, fields[name]);
  out.append_member("subject", field_for(fields["subject"], state, sync::FieldId::subject, theirs));
  out.append_member("description", described ? fields["description"] : Json());
  for (const char* name : {"category", "priority"}) out.append_member(name, fields[name]);
  out.append_member("custom", std::move(custom));
  out.append_member("result", resolution && !theirs.has(*resolution) ? Json() : fields["result"]);
  for (const char* name : {"created_at", "resolved_at", "closed_at"}) out.append_member(name, fields[name]);
  out.append_member("messages", messages_for(messages, theirs, person));
  out.append_member("ratings", ratings_for(fields["csat"], state, theirs));
  return out;
}

Result<Json> tickets_for(AdminCall& call, const sync::Record& person) {
  Tenant& tenant = call.tenant();
  Json out = Json::array();
  const Names names(tenant, true);
  sync::Record as_written = person;
  as_written.name = names.of(sync::RecordKind::contact, person.id.view()).as_string();
  TERN_TRY(auto reader, tenant.reader());
  TERN_TRY(auto snapshot, sqlite::Transaction::begin_read(reader.db()));
  TicketExport from(reader.db(), tenant.number(), names);
  TERN_TRY(auto rows,
           reader.db().query("SELECT state FROM ticket WHERE tenant_id = $1 AND contact = $2 AND deleted = 0 "
                             "ORDER BY integer_id",
                             tenant.number(), person.id));
  for (std::size_t bytes = 0;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return out;
    TERN_CHECKED(check_not_interrupted(call));
    TERN_TRY(const sync::TicketState state, sync::decode_state(rows.blob(0)));
    TERN_TRY(const Json fields, from.fields(state));
    TERN_TRY(const Json messages, from.messages(state));
    TERN_TRY(const TheirPart theirs, TheirPart::of(reader.db(), tenant.number(), state.id, person.id));
    out.push(ticket_for(fields, messages, state, theirs, as_written));
    bytes += to_text(out.items().back()).size();
    if (bytes > person_bytes_max)
      return fail(ErrorCode::too_large, "Their tickets are more than 64 MiB of text.",
                  "Take them out of an export of tickets.", "contact");
  }
}

}  // namespace

Result<Json> person_export(AdminCall& call) {
  const std::string format = call.has("format") ? call.text("format") : "json";
  if (format != "json" && format != "html")
    return fail(ErrorCode::invalid, "There is no format \"" + format + "\".", "Formats: json, html.", "format");
  if (format == "html" && !call.has("to"))
    return fail(ErrorCode::usage, "A page goes into a file: --to FILE.", "", "to");
  if (call.flag("replace") && !call.has("to"))
    return fail(ErrorCode::usage, "--replace goes with --to.", "", "replace");
  TERN_TRY(const sync::Record person,
           resolve_with_removed(call.tenant(), sync::RecordKind::contact, call.text("contact")));
  Json profile = Json::object({{"name", Json(person.name)}});
  for (const auto& [name, value] : person.attributes)
    if (name != legal_hold_attribute) profile.append_member(name, Json(value));  // why is the desk's own
  TERN_TRY(Json tickets, tickets_for(call, person));
  const std::size_t count = tickets.size();
  Json all = Json::object({{"exported_at", Json(instant_text(call.tenant().now_ms()))},
                           {"profile", std::move(profile)},
                           {"tickets", std::move(tickets)}});
  if (!call.has("to")) return all;
  TERN_CHECKED(check_output_file(call.text("to"), call.flag("replace"), "to"));
  TERN_CHECKED(write_private_file(call.text("to"), format == "html" ? html_of(all) : to_text(all) + "\n"));
  return Json::object({{"person", Json(person.name)}, {"to", Json(call.text("to"))}, {"tickets", Json(count)}});
}

}  // namespace tern::server::admin
