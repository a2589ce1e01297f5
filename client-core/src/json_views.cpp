// The one JSON form of each view.
#include "tern/client/views.hpp"
#include "tern/protocol/base64.hpp"
#include "views/time_text.hpp"

namespace tern::client {
namespace {

/// Null for "there is none".
Json time_or_null(std::int64_t ms) {
  return ms == 0 ? Json() : Json(rfc3339(ms));
}
Json time_or_null(const std::optional<std::int64_t>& ms) {
  return ms ? Json(rfc3339(*ms)) : Json();
}
Json text_or_null(const std::string& text) {
  return text.empty() ? Json() : Json(text);
}
Json number(std::uint64_t value) {
  return Json(static_cast<std::int64_t>(value));
}

template <typename Texts>
Json texts(const Texts& list) {
  Json out = Json::array();
  for (const auto& text : list) out.push(text);
  return out;
}

Json ref(const sync::ChangeRef& change) {
  return Json::object({{"device", to_uuid_text(change.device.view())}, {"id", to_hex(change.id)}});
}

Json on_site_json(const OnSiteView& report) {
  Json out = Json::object({{"from", rfc3339(report.from_ms)},
                           {"to", rfc3339(report.to_ms)},
                           {"signed_by", text_or_null(report.signed_by)},
                           {"contact", text_or_null(report.contact)}});
  if (report.signature.empty()) return out;
  out.set("media_type", report.media_type);
  out.set("signature", to_base64(report.signature));
  return out;
}

Json entry_json(const TimelineEntry& entry) {
  Json out = Json::object({{"at", rfc3339(entry.at_ms)},
                           {"author", entry.author},
                           {"what", entry.what},
                           {"text", entry.text},
                           {"visibility", text_or_null(entry.visibility)},
                           {"saved", to_string(entry.saved)},
                           {"change", ref(entry.change)}});
  if (entry.lo_ms != 0 || entry.hi_ms != 0) {
    out.set("window", Json::array({rfc3339(entry.lo_ms), rfc3339(entry.hi_ms)}));
  }
  if (entry.time_flags != 0) out.set("time_flags", number(entry.time_flags));
  if (entry.recorded) out.set("recorded", Json(true));
  out.set("effective", entry.effective);
  if (entry.unread) out.set("unread", true);
  if (entry.deleted) out.set("deleted", true);
  if (entry.withheld) out.set("withheld", true);
  if (entry.edited) out.set("edited", true);
  if (entry.erased) out.set("erased", true);
  if (entry.on_site) out.set("on_site", on_site_json(*entry.on_site));
  if (entry.file) out.set("file", to_json(*entry.file));
  return out;
}

Json rating_json(const RatingView& rating) {
  Json out = Json::object({{"rating", number(rating.score)},
                           {"comment", text_or_null(rating.comment)},
                           {"rated_at", rfc3339(rating.at_ms)}});
  if (rating.erased) out.set("erased", true);
  return out;
}

Json sla_json(const SlaView& wait) {
  return Json::object({{"metric", wait.metric},
                       {"n", number(wait.number)},
                       {"colour", wait.colour},
                       {"paused", wait.paused},
                       {"due_at", time_or_null(wait.due_ms)},
                       {"yellow_at", time_or_null(wait.yellow_ms)},
                       {"left_s", wait.left_s ? Json(*wait.left_s) : Json()}});
}

}  // namespace

Json to_json(const ListRow& row) {
  return Json::object({{"uuid", to_uuid_text(row.id.view())},
                       {"id", row.integer_id == 0 ? Json() : number(row.integer_id)},
                       {"number", row.number},
                       {"subject", row.subject},
                       {"status", text_or_null(row.status)},
                       {"priority", text_or_null(row.priority)},
                       {"queue", text_or_null(row.queue)},
                       {"assignee", text_or_null(row.assignee)},
                       {"category", text_or_null(row.category)},
                       {"contact", text_or_null(row.contact)},
                       {"created_at", time_or_null(row.created_ms)},
                       {"updated_at", time_or_null(row.updated_ms)},
                       {"saved", to_string(row.saved)},
                       {"ghost", row.ghost},
                       {"unread", number(row.unread)},
                       {"sla", row.sla ? sla_json(*row.sla) : Json()},
                       {"due_at", time_or_null(row.due_at_ms)},
                       {"due_colour", text_or_null(row.due_colour)}});
}

Json to_json(const TicketView& view) {
  Json out = to_json(view.row);
  out.set("description", view.description);
  out.set("type", text_or_null(view.type));
  out.set("organisation", text_or_null(view.organisation));
  out.set("result", text_or_null(view.result));
  out.set("hold_reason", text_or_null(view.hold_reason));
  out.set("wake_at", time_or_null(view.wake_at_ms));
  out.set("first_response_at", time_or_null(view.first_response_ms));
  out.set("resolved_at", time_or_null(view.resolved_ms));
  out.set("closed_at", time_or_null(view.closed_ms));
  if (!view.erased.empty()) out.set("erased", texts(view.erased));
  out.set("estimate_minutes", view.estimate_minutes ? Json(*view.estimate_minutes) : Json());
  out.set("estimate", view.estimate ? ref(*view.estimate) : Json());
  out.set("estimate_decision", text_or_null(view.estimate_decision));
  out.set("csat", view.csat ? rating_json(*view.csat) : Json());
  out.set("minutes_logged", view.minutes_logged);
  out.set("tags", texts(view.tags));
  out.set("watchers", texts(view.watchers));
  out.set("links", texts(view.links));
  out.set("external_refs", texts(view.external_refs));
  Json custom = Json::object();
  for (const auto& [key, value] : view.custom) custom.set(key, value);
  out.set("custom", std::move(custom));
  out.set("aliases", texts(view.aliases));
  out.set("custody", texts(view.custody));
  out.set("merged_into", text_or_null(view.merged_into));
  out.set("deleted", view.deleted);
  out.set("pinned", view.pinned);
  out.set("version", number(view.version));
  out.set("read_mark", Json(view.read_mark));
  out.set("possible_moves", texts(view.possible_moves));
  Json waits = Json::array();
  for (const SlaView& wait : view.sla) waits.push(sla_json(wait));
  out.set("sla_waits", std::move(waits));
  out.set("sla_as_of", time_or_null(view.sla_as_of_ms));
  out.set("paused_since", time_or_null(view.waits_since_ms));
  Json timeline = Json::array();
  for (const TimelineEntry& entry : view.timeline) timeline.push(entry_json(entry));
  out.set("timeline", std::move(timeline));
  return out;
}

Json to_json(const UnreadCount& unread) {
  return Json::object(
      {{"unread", number(unread.items)}, {"tickets", number(unread.tickets)}, {"mine", number(unread.mine)}});
}

Json to_json(const HistoryEntry& entry) {
  Json out = Json::object({{"ticket", to_uuid_text(entry.ticket.view())},
                           {"number", entry.number},
                           {"subject", entry.subject},
                           {"change", ref(entry.change)},
                           {"intent", entry.intent},
                           {"field", text_or_null(entry.field)},
                           {"value", text_or_null(entry.value)},
                           {"text", text_or_null(entry.text)},
                           {"made_at", rfc3339(entry.wall_ms)},
                           {"saved", to_string(entry.saved)},
                           {"sentence", entry.sentence}});
  if (entry.chain_seq != 0) out.set("set", number(entry.chain_seq));
  if (entry.outcome != sync::Outcome::unspecified) {
    out.set("commit", number(entry.commit_seq));
    out.set("outcome", sync::to_string(entry.outcome));
    out.set("rule", sync::to_string(entry.rule));
    if (entry.reason != sync::ReasonCode::none) out.set("reason", sync::to_string(entry.reason));
    out.set("standing", sync::to_string(entry.standing.outcome));
    out.set("standing_rule", sync::to_string(entry.standing.rule));
    out.set("amended", entry.amended);
    out.set("seen", number(entry.seen_seq));
    out.set("counted_at", rfc3339(entry.effective_ms));
    out.set("window", Json::array({rfc3339(entry.lo_ms), rfc3339(entry.hi_ms)}));
    out.set("time_flags", number(entry.time_flags));
    out.set("stands_value", text_or_null(entry.stands_value));
    out.set("stands_author", text_or_null(entry.stands_author));
  }
  Json follow_ups = Json::array();
  for (const FollowUp& follow_up : entry.follow_ups)
    follow_ups.push(Json::object({{"id", follow_up.id}, {"label", follow_up.label}, {"command", follow_up.command}}));
  out.set("follow_ups", std::move(follow_ups));
  return out;
}

Json to_json(const SyncStatus& status) {
  return Json::object({{"saved_here", number(status.saved_here)},
                       {"sent", number(status.sent)},
                       {"confirmed", number(status.confirmed)},
                       {"needs_attention", number(status.needs_attention)},
                       {"tickets", number(status.tickets)},
                       {"ghosts", number(status.ghosts)},
                       {"current_as_of", time_or_null(status.current_as_of_ms)},
                       {"oldest_pending_at", time_or_null(status.oldest_pending_wall_ms)},
                       {"cursor", number(status.cursor)},
                       {"first_replica_complete", status.first_replica_complete},
                       {"passphrase_protected", status.passphrase_protected},
                       {"encrypted", status.encrypted},
                       {"wiped", status.wiped},
                       {"wiped_at", time_or_null(status.wiped_ms)},
                       {"paused", text_or_null(status.paused)},
                       {"last_error", text_or_null(status.last_error)},
                       {"notice", text_or_null(status.notice)},
                       {"server_offset_ms", status.server_offset_ms},
                       {"files_waiting", number(status.files_waiting)},
                       {"files_waiting_bytes", number(status.files_waiting_bytes)},
                       {"files_stuck", number(status.files_stuck)},
                       {"files_problem", text_or_null(status.files_problem)}});
}

Json to_json(const FileView& file) {
  Json out = Json::object({{"change", ref(file.change)},
                           {"name", file.name},
                           {"media_type", text_or_null(file.media_type)},
                           {"size", number(file.size_bytes)},
                           {"sha256", to_hex(file.sha256)},
                           {"where", to_string(file.where)},
                           {"have", number(file.have_bytes)},
                           {"author", file.author},
                           {"at", rfc3339(file.at_ms)}});
  if (!file.problem.empty()) out.set("problem", file.problem);
  return out;
}

Json to_json(const QuickReply& reply) {
  return Json::object({{"uuid", to_uuid_text(reply.id.view())},
                       {"name", reply.name},
                       {"shortcut", text_or_null(reply.shortcut)},
                       {"content", reply.content},
                       {"personal", reply.personal}});
}

Json to_json(const Macro& macro) {
  return Json::object({{"uuid", to_uuid_text(macro.id.view())},
                       {"name", macro.name},
                       {"content", text_or_null(macro.content)},
                       {"actions", texts(macro.actions)}});
}

Json to_json(const SavedView& view) {
  Json filter = Json::object();
  const std::pair<const char*, const std::string*> texts[] = {
      {"status", &view.filter.status},     {"priority", &view.filter.priority}, {"queue", &view.filter.queue},
      {"assignee", &view.filter.assignee}, {"category", &view.filter.category}, {"colour", &view.filter.colour},
      {"tag", &view.filter.tag},           {"text", &view.filter.text},         {"age", &view.filter.age},
      {"sort", &view.filter.sort}};
  for (const auto& [name, said] : texts)
    if (!said->empty()) filter.set(name, *said);
  filter.set("descending", view.filter.descending);
  return Json::object({{"uuid", view.id.is_zero() ? Json() : Json(to_uuid_text(view.id.view()))},
                       {"name", view.name},
                       {"folder", text_or_null(view.folder)},
                       {"personal", view.personal},
                       {"filter", std::move(filter)}});
}

Json to_json(const Article& article) {
  return Json::object({{"uuid", to_uuid_text(article.id.view())},
                       {"id", article.integer_id == 0 ? Json() : number(article.integer_id)},
                       {"title", article.title},
                       {"category", text_or_null(article.category)},
                       {"content", article.content},
                       {"updated_at", time_or_null(article.updated_ms)}});
}

}  // namespace tern::client
