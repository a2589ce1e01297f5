#include "export_portable.hpp"

#include <algorithm>
#include <map>

#include "admin/ticket_export.hpp"
#include "time_text.hpp"

namespace tern::server::admin {
namespace {

/// What an import makes nothing of: it takes texts as they stand, has no files, and the server says the rest itself.
constexpr std::string_view intents_left_out[] = {"describe",    "edit_message", "delete_message", "attach",
                                                 "split",       "split_from",   "merged_from",    "unmerged_from",
                                                 "custody_end", "erase",        "release"};

bool is_in_effect(const Json& entry) {
  const std::string& standing = entry["standing"].as_string();
  return standing == "applied" || standing == "merged" || standing == "redirected";
}

/// An integration is of one server: elsewhere it was the server.
void put_author(const Json& said, Json& out) {
  const bool known = said["author_kind"].as_string() == "operator" || said["author_kind"].as_string() == "contact";
  out.append_member("author_kind", known ? said["author_kind"] : Json("server"));
  out.append_member("author", known ? said["author"] : Json("server"));
}

Json portable_messages(const Json& messages) {
  Json out = Json::array();
  for (const Json& message : messages.items()) {
    const std::string& kind = message["kind"].as_string();
    if ((kind != "message" && kind != "on_site") || message["deleted"].as_bool() || message["erased"].as_bool() ||
        message["text"].as_string().empty())
      continue;
    Json one =
        Json::object({{"change", message["change"]}, {"kind", message["kind"]}, {"visibility", message["visibility"]}});
    put_author(message, one);
    one.append_member("at", message["at"]);
    one.append_member("text", message["text"]);
    if (const Json* report = message.find("on_site")) one.append_member("on_site", *report);
    out.push(std::move(one));
  }
  return out;
}

bool comes_in(const Json& entry, const std::map<std::string, bool>& messages) {
  const std::string &intent = entry["intent"].as_string(), &field = entry["field"].as_string();
  if (!is_in_effect(entry) || std::ranges::find(intents_left_out, intent) != std::end(intents_left_out)) return false;
  if (intent == "message" || intent == "on_site") return messages.contains(entry["change"].as_string());
  if (intent != "create") return true;
  return field == "status" || (field != "description" && !entry["value"].is_null() &&
                               !(field == "external_ref" && entry["key"].as_string() == imported_number_key));
}

Json portable_history(const Json& ticket, const Json& messages) {
  std::map<std::string, bool> written;
  for (const Json& message : messages.items()) written[message["change"].as_string()] = true;
  std::vector<Json> entries;
  for (const Json& entry : ticket["history"].items()) {
    if (!comes_in(entry, written)) continue;
    Json one = Json::object({{"at_ms", entry["at_ms"]},
                             {"intent", entry["intent"]},
                             {"field", entry["field"]},
                             {"key", entry["key"]},
                             {"value", entry["value"]},
                             {"text", entry["text"]},
                             {"number", entry["number"]}});
    const std::string& intent = entry["intent"].as_string();
    if (intent == "message" || intent == "on_site") one.set("value", Json());  // it stands with the messages
    put_author(entry, one);
    one.append_member("change", entry["change"]);
    entries.push_back(std::move(one));
  }
  std::stable_sort(entries.begin(), entries.end(),
                   [](const Json& a, const Json& b) { return a["at_ms"].as_integer() < b["at_ms"].as_integer(); });
  return Json(std::move(entries));
}

Json portable_links(const sync::TicketState& state) {
  Json out = Json::array();
  for (const Bytes& element : sync::elements_of(state, sync::FieldId::links)) {
    if (element.empty()) continue;
    const auto kind = sync::link_kind_from_number(static_cast<std::uint8_t>(element.front()));
    out.push(Json::object({{"kind", kind ? Json(sync::link_kind_name(*kind)) : Json()},
                           {"ticket", Json(to_uuid_text(ByteView(element).substr(1)))}}));
  }
  return out;
}

Json portable_ratings(const Json& ratings) {
  Json out = Json::array();
  for (const Json& rating : ratings.items())
    out.push(Json::object(
        {{"rating", rating["rating"]}, {"comment", rating["comment"]}, {"resolution", rating["resolution"]}}));
  return out;
}

Json in_order(const Json& names) {
  Json::Array out = names.items();
  std::ranges::sort(out, {}, [](const Json& name) { return name.as_string(); });
  return Json(std::move(out));
}

}  // namespace

Json portable_ticket(const Json& ticket, const sync::TicketState& state) {
  Json number = ticket["number"], references = Json::array();
  for (const Json& reference : ticket["external_refs"].items()) {
    if (reference["type"].as_string() == imported_number_key)
      number = reference["id"];
    else
      references.push(reference);
  }
  Json messages = portable_messages(ticket["messages"]);
  Json history = portable_history(ticket, messages);
  Json out = Json::object({{"id", ticket["id"]}, {"number", std::move(number)}});
  for (const char* name : {"status", "priority", "subject", "description", "category", "contact", "queue", "assignee",
                           "organisation", "type", "due_at", "tags"})
    out.append_member(name, ticket[name]);
  out.append_member("watchers", in_order(ticket["watchers"]));
  out.append_member("links", portable_links(state));
  out.append_member("external_refs", std::move(references));
  out.append_member("custom", ticket["custom"]);
  out.append_member("result", ticket["result"]);
  out.append_member("estimate_minutes", ticket["estimate_minutes"]);
  out.append_member("csat", portable_ratings(ticket["csat"]));
  out.append_member("time_entries", ticket["time_entries"]);
  out.append_member("created_at", ticket["created_at"]);
  out.append_member("updated_at",
                    history.size() == 0 ? Json() : Json(instant_text(history.items().back()["at_ms"].as_integer())));
  for (const char* name : {"first_response_at", "resolved_at", "closed_at", "deleted"})
    out.append_member(name, ticket[name]);
  out.append_member("messages", std::move(messages));
  out.append_member("history", std::move(history));
  return out;
}

}  // namespace tern::server::admin
