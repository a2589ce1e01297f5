#include "ticket_export.hpp"

#include <algorithm>
#include <charconv>

#include "admin/setting_export.hpp"
#include "desk/sla_rows.hpp"
#include "tern/protocol/base64.hpp"
#include "time_text.hpp"

namespace tern::server::admin {
namespace {

using sync::FieldId;
using sync::RecordKind;

Json instant_or_null(std::int64_t ms) {
  return ms == 0 ? Json() : Json(instant_text(ms));
}
Json second_or_null(const Json& at_s) {
  return at_s.is_null() ? Json() : Json(instant_text(at_s.as_integer() * 1'000));
}
Json text_or_null(const std::optional<Bytes>& value) {
  return value ? Json(*value) : Json();
}

Json due_json(const sync::TicketState& state) {
  const auto value = sync::field_value(state, FieldId::due_at);
  std::int64_t ms = 0;
  if (!value || std::from_chars(value->data(), value->data() + value->size(), ms).ec != std::errc()) return {};
  return Json(instant_text(ms));
}

Json tags_json(const sync::TicketState& state) {
  Json out = Json::array();
  for (const Bytes& tag : sync::elements_of(state, FieldId::tags)) out.push(Json(tag));
  return out;
}

Json keyed_json(const sync::TicketState& state) {
  Json out = Json::object();
  for (const auto& [key, field] : state.fields)
    if (key.field == FieldId::custom)
      if (const auto value = sync::field_value(state, FieldId::custom, key.key))
        out.append_member(key.key, Json(*value));
  return out;
}

Json external_refs_json(const sync::TicketState& state) {
  Json out = Json::array();
  for (const auto& [key, field] : state.fields)
    if (key.field == FieldId::external_ref)
      if (const auto value = sync::field_value(state, FieldId::external_ref, key.key))
        out.push(Json::object({{"type", Json(key.key)}, {"id", Json(*value)}}));
  return out;
}

std::string_view visibility_name(sync::Visibility visibility) {
  switch (visibility) {
    case sync::Visibility::open:
      return "public";
    case sync::Visibility::team:
      return "team";
    case sync::Visibility::restricted:
      return "restricted";
    default:
      return "unspecified";
  }
}

std::string_view message_kind_name(sync::MessageKind kind) {
  switch (kind) {
    case sync::MessageKind::message:
      return "message";
    case sync::MessageKind::resolution:
      return "resolution";
    case sync::MessageKind::file:
      return "file";
    case sync::MessageKind::overtaken_note:
      return "overtaken_note";
    case sync::MessageKind::on_site:
      return "on_site";
  }
  return "message";
}

/// What the customer said of each resolution, in that order.
Json ratings_json(const sync::TicketState& state) {
  Json out = Json::array();
  for (const sync::Rating& rating : state.ratings)
    out.push(Json::object({{"rating", Json(rating.score)},
                           {"comment", rating.comment.empty() ? Json() : Json(rating.comment)},
                           {"at", Json(instant_text(rating.stamp.order_ms))},
                           {"resolution", Json(to_hex(rating.resolution.id))}}));
  return out;
}

}  // namespace

std::string_view author_kind_name(sync::PrincipalKind kind) {
  switch (kind) {
    case sync::PrincipalKind::contact:
      return "contact";
    case sync::PrincipalKind::integration:
      return "integration";
    case sync::PrincipalKind::server:
      return "server";
    default:
      return "operator";
  }
}

// ---- names ----

Names::Names(const Tenant& tenant, bool unambiguous) {
  for (const RecordKind kind : {RecordKind::operator_, RecordKind::queue, RecordKind::contact, RecordKind::category,
                                RecordKind::organisation, RecordKind::api_key, RecordKind::channel}) {
    std::map<std::string, std::size_t> times;
    for (const sync::Record& record : tenant.records(kind)) {
      names_[{kind, record.id}] = record.name;
      ++times[record.name];
    }
    if (unambiguous)
      std::erase_if(names_, [&](const auto& named) { return named.first.first == kind && times[named.second] > 1; });
  }
}

Json Names::of(RecordKind kind, ByteView id) const {
  if (id.empty()) return {};
  const auto found = names_.find({kind, RecordId::or_zero(id)});
  return found == names_.end() ? Json(to_uuid_text(id)) : Json(found->second);
}

Json Names::author(const OperatorId& id, sync::PrincipalKind kind) const {
  if (id.is_zero()) return Json("server");
  const RecordKind where = kind == sync::PrincipalKind::contact       ? RecordKind::contact
                           : kind == sync::PrincipalKind::integration ? RecordKind::api_key
                                                                      : RecordKind::operator_;
  const bool is_hook =
      kind == sync::PrincipalKind::integration && names_.contains({RecordKind::channel, RecordId::or_zero(id.view())});
  return of(is_hook ? RecordKind::channel : where, id.view());
}

// ---- the ticket ----

Result<Json> TicketExport::ticket(const sync::TicketState& state, std::uint64_t change_count) {
  TERN_TRY(Json out, fields(state));
  TERN_TRY(Json written, messages(state));
  TERN_TRY(Json folded, history(state));
  out.append_member("messages", std::move(written));
  out.append_member("changes", Json(change_count));
  out.append_member("history", std::move(folded));
  return out;
}

Result<Json> TicketExport::fields(const sync::TicketState& state) {
  const sync::StatusView view = sync::status_view(state);
  const auto reference = [&](FieldId field, RecordKind kind) {
    const auto value = sync::field_value(state, field);
    return value ? names_.of(kind, *value) : Json();
  };
  const auto assignee = sync::assignee_of(state);
  const auto queue = sync::queue_of(state);
  Json aliases = Json::array();
  for (const std::string& alias : state.aliases) aliases.push(Json(alias));
  Json times = Json::array();
  for (const sync::TimeEntry& entry : state.time_entries)
    times.push(Json::object({{"minutes", Json(entry.minutes)},
                             {"kind", Json(sync::time_entry_kind_name(entry.kind))},
                             {"note", Json(entry.note)},
                             {"author", names_.author(entry.stamp.author, entry.stamp.author_kind)},
                             {"at", Json(instant_text(entry.stamp.order_ms))}}));
  TERN_TRY(Json links_held, links(state));
  TERN_TRY(Json merged, number_of(state.merged_into ? ByteView(state.merged_into->value) : ByteView()));
  TERN_TRY(Json clock, clocks(state));
  return Json::object({{"id", Json(to_uuid_text(state.id.view()))},
                       {"integer_id", Json(state.integer_id)},
                       {"number", Json(state.number)},
                       {"aliases", std::move(aliases)},
                       {"version", Json(state.version)},
                       {"status", Json(sync::status_name(view.status))},
                       {"priority", Json(sync::priority_name(sync::priority_of(state)))},
                       {"subject", text_or_null(sync::field_value(state, FieldId::subject))},
                       {"description", state.description.empty() ? Json() : Json(state.description)},
                       {"category", reference(FieldId::category, RecordKind::category)},
                       {"contact", reference(FieldId::contact, RecordKind::contact)},
                       {"queue", queue ? names_.of(RecordKind::queue, queue->view()) : Json()},
                       {"assignee", assignee ? names_.of(RecordKind::operator_, assignee->view()) : Json()},
                       {"organisation", reference(FieldId::organisation, RecordKind::organisation)},
                       {"type", text_or_null(sync::field_value(state, FieldId::type))},
                       {"due_at", due_json(state)},
                       {"tags", tags_json(state)},
                       {"watchers", watchers(state)},
                       {"links", std::move(links_held)},
                       {"external_refs", external_refs_json(state)},
                       {"custom", keyed_json(state)},
                       {"result", view.result.empty() ? Json() : Json(view.result)},
                       {"estimate_minutes", view.estimate ? Json(view.estimate_minutes) : Json()},
                       {"csat", ratings_json(state)},
                       {"time_entries", std::move(times)},
                       {"created_at", state.created ? Json(instant_text(state.created->order_ms)) : Json()},
                       {"updated_at", instant_or_null(state.updated_ms)},
                       {"first_response_at", instant_or_null(state.first_response_ms)},
                       {"resolved_at", instant_or_null(view.resolved_ms)},
                       {"closed_at", instant_or_null(view.closed_ms)},
                       {"deleted", Json(sync::is_deleted(state))},
                       {"merged_into", std::move(merged)},
                       {"sla", std::move(clock)}});
}

/// What the clocks said when the server looked last: seconds ago while the ticket is open.
Result<Json> TicketExport::clocks(const sync::TicketState& state) {
  Json out = Json::array();
  SlaRows rows(db_, tenant_);
  TERN_TRY(const auto row, rows.clock(state.id));
  if (!row || row->clock.empty()) return out;
  TERN_TRY(const Json cycles, parse_json(row->clock));
  TERN_TRY(const auto breaches, rows.breaches(state.id));
  for (const Json& cycle : cycles.items()) {
    const auto breach = std::ranges::find_if(breaches, [&](const sla::BreachRecord& record) {
      return sla::metric_name(record.metric) == cycle["metric"].as_string() &&
             record.cycle == cycle["cycle"].as_string();
    });
    Json evidence = Json::array();
    if (breach != breaches.end())
      for (const std::string& change : breach->evidence) evidence.push(Json(change));
    out.push(Json::object({{"metric", cycle["metric"]},
                           {"n", cycle["n"]},
                           {"state", cycle["state"]},
                           {"verdict", cycle["verdict"]},
                           {"target_s", cycle["target"]},
                           {"started_at", second_or_null(cycle["started"])},
                           {"due_at", second_or_null(cycle["due"])},
                           {"stopped_at", second_or_null(cycle["stopped"])},
                           {"breached_at", second_or_null(cycle["breached"])},
                           {"elapsed_s", cycle["elapsed"]},
                           {"rule", cycle["rule"]},
                           {"calendar", cycle["calendar"]},
                           {"breach", breach == breaches.end() ? Json() : Json(sla::record_state_name(breach->state))},
                           {"evidence", std::move(evidence)}}));
  }
  return out;
}

Json TicketExport::watchers(const sync::TicketState& state) const {
  Json out = Json::array();
  for (const Bytes& element : sync::elements_of(state, FieldId::watchers))
    if (!element.empty())
      out.push(
          names_.of(element.front() == 'c' ? RecordKind::contact : RecordKind::operator_, ByteView(element).substr(1)));
  return out;
}

Result<Json> TicketExport::number_of(ByteView ticket) {
  if (ticket.empty()) return Json();
  TERN_TRY(auto rows, db_.query("SELECT number FROM ticket WHERE tenant_id = $1 AND ticket_id = $2", tenant_,
                                TicketId::or_zero(ticket)));
  TERN_TRY(const bool found, rows.step());
  return found ? Json(rows.text(0)) : Json(to_uuid_text(ticket));
}

Result<Json> TicketExport::links(const sync::TicketState& state) {
  Json out = Json::array();
  for (const Bytes& element : sync::elements_of(state, FieldId::links)) {
    if (element.empty()) continue;
    const auto kind = sync::link_kind_from_number(static_cast<std::uint8_t>(element.front()));
    TERN_TRY(Json number, number_of(ByteView(element).substr(1)));
    out.push(
        Json::object({{"kind", kind ? Json(sync::link_kind_name(*kind)) : Json()}, {"ticket", std::move(number)}}));
  }
  return out;
}

// ---- messages ----

Json TicketExport::on_site_json(const sync::Message& message) const {
  const sync::OnSite& report = message.on_site;
  Json out =
      Json::object({{"from_ms", Json(report.from_ms)},
                    {"from", Json(instant_text(report.from_ms))},
                    {"to_ms", Json(report.to_ms)},
                    {"to", Json(instant_text(report.to_ms))},
                    {"contact", report.contact.empty() ? Json() : names_.of(RecordKind::contact, report.contact)},
                    {"signed_by", report.signed_by.empty() ? Json() : Json(report.signed_by)}});
  if (report.signature.empty()) return out;
  out.set("media_type", Json(report.media_type));
  out.set("signature", Json(to_base64(report.signature)));
  return out;
}

Json TicketExport::message_json(const sync::Message& message) const {
  Json out = Json::object({{"change", Json(to_hex(message.stamp.change))},
                           {"device", Json(to_uuid_text(message.stamp.origin.device.view()))},
                           {"kind", Json(message_kind_name(message.kind))},
                           {"visibility", Json(visibility_name(message.visibility))},
                           {"author_kind", Json(author_kind_name(message.stamp.author_kind))},
                           {"author", names_.author(message.stamp.author, message.stamp.author_kind)},
                           {"at_ms", Json(message.stamp.order_ms)},
                           {"at", Json(instant_text(message.stamp.order_ms))},
                           {"lo_ms", Json(message.window_lo_ms)},
                           {"hi_ms", Json(message.window_hi_ms)},
                           {"text", sync::is_deleted(message) ? Json() : Json(sync::standing_text(message))},
                           {"edited", Json(!message.edits.empty())},
                           {"deleted", Json(sync::is_deleted(message))},
                           {"erased", Json(message.erased)}});
  if (message.kind == sync::MessageKind::on_site) out.set("on_site", on_site_json(message));
  if (message.kind != sync::MessageKind::file) return out;
  out.set("file_name", Json(message.file_name));
  out.set("media_type", Json(message.media_type));
  out.set("size_bytes", Json(message.size_bytes));
  return out;
}

Result<Json> TicketExport::messages(const sync::TicketState& state) {
  std::vector<sync::Message> all = sync::derived_notes(state);
  TERN_TRY(auto rows, db_.query("SELECT data FROM message WHERE tenant_id = $1 AND ticket_id = $2", tenant_, state.id));
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) break;
    TERN_TRY(sync::Message message, sync::decode_message(rows.blob(0)));
    all.push_back(std::move(message));
  }
  std::sort(all.begin(), all.end(),
            [](const sync::Message& a, const sync::Message& b) { return sync::before(a.stamp, b.stamp); });
  Json out = Json::array();
  for (const sync::Message& message : all) out.push(message_json(message));
  return out;
}

// ---- history ----

Result<Json> TicketExport::history(const sync::TicketState& state) {
  TERN_TRY(const auto ledger, read_ticket(db_, tenant_, state.id));
  std::vector<sync::PlacedChange> folded = folded_changes(ledger);
  std::sort(folded.begin(), folded.end(), [](const auto& a, const auto& b) { return sync::before(a.stamp, b.stamp); });
  std::map<sync::ChangeRef, const LedgerChange*> rows;
  for (const LedgerChange& row : ledger) rows.try_emplace(row.placed.change.ref, &row);
  const auto led_to = statuses_of_moves(state);
  Json out = Json::array();
  for (const sync::PlacedChange& placed : folded) {
    const auto row = rows.find(placed.change.ref);
    check(row != rows.end(), "what is folded stands in the ledger");
    for (Json& entry : settings_of(placed, *row->second, led_to, names_)) out.push(std::move(entry));
  }
  return out;
}

}  // namespace tern::server::admin
