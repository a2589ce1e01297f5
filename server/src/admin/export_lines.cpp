#include "export_lines.hpp"

#include <algorithm>
#include <set>
#include <span>

#include "admin/export_portable.hpp"
#include "tern/server/csv.hpp"
#include "tern/sla/policy.hpp"

namespace tern::server::admin {
namespace {

// Columns are part of what is promised (docs/cli.md): new ones come last of their kind, none is renamed.
constexpr std::string_view columns_of_tickets[] = {"id",
                                                   "integer_id",
                                                   "number",
                                                   "aliases",
                                                   "status",
                                                   "priority",
                                                   "subject",
                                                   "description",
                                                   "category",
                                                   "contact",
                                                   "organisation",
                                                   "queue",
                                                   "assignee",
                                                   "type",
                                                   "due_at",
                                                   "tags",
                                                   "watchers",
                                                   "links",
                                                   "external_refs",
                                                   "result",
                                                   "estimate_minutes",
                                                   "rating",
                                                   "rating_comment",
                                                   "minutes_logged",
                                                   "created_at",
                                                   "updated_at",
                                                   "first_response_at",
                                                   "resolved_at",
                                                   "closed_at",
                                                   "deleted",
                                                   "merged_into",
                                                   "messages",
                                                   "changes"};
constexpr std::string_view columns_of_messages[] = {
    "ticket", "ticket_id", "change",  "at",     "kind",      "visibility", "author_kind", "author",
    "text",   "edited",    "deleted", "erased", "file_name", "media_type", "size_bytes"};
constexpr std::string_view columns_of_history[] = {
    "ticket",      "ticket_id", "at",      "intent",   "field", "key",    "value",  "text",
    "author_kind", "author",    "outcome", "standing", "rule",  "device", "change", "commit_seq"};
constexpr std::string_view columns_of_clocks[] = {"n",          "state",  "verdict",    "target_s",
                                                  "started_at", "due_at", "stopped_at", "breached_at",
                                                  "elapsed_s",  "breach", "evidence"};

std::span<const std::string_view> columns_of(ExportOf of) {
  if (of == ExportOf::tickets) return columns_of_tickets;
  return of == ExportOf::messages ? std::span<const std::string_view>(columns_of_messages)
                                  : std::span<const std::string_view>(columns_of_history);
}

/// "related T-2026-0042", a line each.
Json links_cell(const Json& links) {
  Json out = Json::array();
  for (const Json& link : links.items())
    out.push(Json((link["kind"].is_null() ? "?" : link["kind"].as_string()) + " " + link["ticket"].as_string()));
  return out;
}

/// "order=4711", a line each.
Json references_cell(const Json& references) {
  Json out = Json::array();
  for (const Json& reference : references.items())
    out.push(Json(reference["type"].as_string() + "=" + reference["id"].as_string()));
  return out;
}

std::int64_t minutes_of(const Json& entries) {
  std::int64_t minutes = 0;
  for (const Json& entry : entries.items()) minutes += entry["minutes"].as_integer();
  return minutes;
}

/// Of the newest cycle of a metric; null: there was none.
const Json& newest_cycle(const Json& cycles, sla::Metric metric) {
  static const Json none;
  const Json* newest = &none;
  for (const Json& cycle : cycles.items())
    if (cycle["metric"].as_string() == sla::metric_name(metric)) newest = &cycle;
  return *newest;
}

template <typename Visit>
void each_metric(Visit&& visit) {
  for (std::size_t i = 0; i < sla::metric_count; ++i) visit(static_cast<sla::Metric>(i));
}

}  // namespace

std::optional<ExportOf> export_of(std::string_view word) {
  if (word == "tickets") return ExportOf::tickets;
  if (word == "messages") return ExportOf::messages;
  if (word == "history") return ExportOf::history;
  return std::nullopt;
}

std::string csv_line(const std::vector<Json>& cells) {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) line += (i == 0 ? "" : ",") + csv_cell(cells[i]);
  return line;
}

ExportLines::ExportLines(const Tenant& tenant, ExportOf of, bool csv, bool portable)
    : of_(of), csv_(csv), portable_(portable) {
  std::set<std::string> names;  // also of fields that were removed: tickets keep their values
  tenant.each_record(sync::RecordKind::custom_field, [&](const sync::Record& field) { names.insert(field.name); });
  custom_.assign(names.begin(), names.end());
}

Json ExportLines::head() const {
  if (!csv_) return {};
  std::vector<Json> cells;
  for (const std::string_view name : columns_of(of_)) cells.emplace_back(name);
  if (of_ != ExportOf::tickets) return Json(csv_line(cells));
  for (const std::string& name : custom_) cells.emplace_back("custom." + name);
  cells.emplace_back("custom");
  each_metric([&](sla::Metric metric) {
    for (const std::string_view name : columns_of_clocks)
      cells.emplace_back("sla_" + std::string(sla::metric_name(metric)) + "_" + std::string(name));
  });
  return Json(csv_line(cells));
}

std::vector<Json> ExportLines::ticket_cells(const Json& ticket, const sync::TicketState& state,
                                            std::uint64_t change_count) const {
  const Json rating = ticket["csat"].size() == 0 ? Json() : ticket["csat"].items().back();
  std::vector<Json> cells;
  for (const std::string_view name : columns_of_tickets) {
    cells.push_back(name == "links"            ? links_cell(ticket["links"])
                    : name == "external_refs"  ? references_cell(ticket["external_refs"])
                    : name == "rating"         ? rating["rating"]
                    : name == "rating_comment" ? rating["comment"]
                    : name == "minutes_logged" ? Json(minutes_of(ticket["time_entries"]))
                    : name == "messages"       ? Json(state.message_count)
                    : name == "changes"        ? Json(change_count)
                                               : ticket[name]);
  }
  Json others = Json::object();
  for (const auto& [name, value] : ticket["custom"].members())
    if (!std::ranges::binary_search(custom_, name)) others.append_member(name, value);
  for (const std::string& name : custom_) cells.push_back(ticket["custom"][name]);
  cells.push_back(others.size() == 0 ? Json() : Json(to_text(others)));
  each_metric([&](sla::Metric metric) {
    const Json& cycle = newest_cycle(ticket["sla"], metric);
    for (const std::string_view name : columns_of_clocks) cells.push_back(cycle[name]);
  });
  return cells;
}

Result<Json::Array> ExportLines::tickets(TicketExport& from, const sync::TicketState& state,
                                         std::uint64_t change_count) const {
  Json::Array out;
  if (csv_) {
    TERN_TRY(const Json ticket, from.fields(state));
    out.emplace_back(csv_line(ticket_cells(ticket, state, change_count)));
    return out;
  }
  TERN_TRY(Json line, from.ticket(state, change_count));
  out.push_back(portable_ ? portable_ticket(line, state) : std::move(line));
  return out;
}

Json::Array ExportLines::parts(const sync::TicketState& state, const Json& all) const {
  Json::Array out;
  for (const Json& part : all.items()) {
    Json line = Json::object({{"ticket", Json(state.number)}, {"ticket_id", Json(to_uuid_text(state.id.view()))}});
    for (const auto& [name, value] : part.members()) line.append_member(name, value);
    if (!csv_) {
      out.push_back(std::move(line));
      continue;
    }
    std::vector<Json> cells;
    for (const std::string_view name : columns_of(of_)) cells.push_back(line[name]);
    out.emplace_back(csv_line(cells));
  }
  return out;
}

Result<Json::Array> ExportLines::of(TicketExport& from, const sync::TicketState& state,
                                    std::uint64_t change_count) const {
  if (of_ == ExportOf::tickets) return tickets(from, state, change_count);
  if (of_ == ExportOf::messages) {
    TERN_TRY(const Json all, from.messages(state));
    return parts(state, all);
  }
  TERN_TRY(const Json all, from.history(state));
  return parts(state, all);
}

}  // namespace tern::server::admin
