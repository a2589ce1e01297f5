#include "dump.hpp"

#include <algorithm>

#include "incident_mapping.hpp"
#include "tern/protocol/crypto.hpp"
#include "tern/sync/lifecycle.hpp"
#include "tern/sync/ticket_fields.hpp"

namespace tern::fleet {
namespace {

constexpr std::size_t failures_max = 50;

struct Setting {
  std::int64_t at_ms = 0;
  Json value;
};

/// Several at one time count once as the last, consecutive equals once, starting at the first value that is not none.
Json condensed(const std::vector<Setting>& settings) {
  Json out = Json::array();
  for (std::size_t i = 0; i < settings.size(); ++i) {
    if (i + 1 < settings.size() && settings[i + 1].at_ms == settings[i].at_ms) continue;
    const Json& value = settings[i].value;
    if (out.size() == 0 ? value.is_null() : out.items().back() == value) continue;
    out.push(value);
  }
  return out;
}

/// Custom fields stand in the dump under their own names.
std::string history_name(const Json& entry) {
  const std::string& field = entry["field"].as_string();
  return field == "custom" ? entry["key"].as_string() : field;
}

bool is_fact_field(const std::string& name) {
  return name == "status" || name == "priority" || name == "category" || name == "contact" ||
         std::find(std::begin(custom_columns), std::end(custom_columns), name) != std::end(custom_columns);
}

Json history_of(const Json& exported) {
  std::map<std::string, std::vector<Setting>> by_field;
  for (const Json& entry : exported["history"].items()) {
    const std::string name = history_name(entry);
    if (!is_fact_field(name)) continue;
    if (name == "status" && entry["standing"].as_string() == "overtaken") continue;
    by_field[name].push_back({entry["at_ms"].as_integer(), entry["value"]});
  }
  Json out = Json::object();
  for (const auto& [name, settings] : by_field)
    if (Json values = condensed(settings); values.size() > 0) out.set(name, std::move(values));
  return out;
}

/// The name of a log's cell in a dump's words; null for none.
Json log_value(const LogRow& row, std::string_view column) {
  const auto cell = row.cell(column);
  if (!cell) return nullptr;
  if (column == "incident_state") return Json(sync::status_name(*status_of_state(*cell)));
  if (column == "priority") {
    const auto rank = rank_of_priority(*cell);
    return rank ? Json(sync::priority_name(*rank)) : Json("normal");
  }
  return Json(*cell);
}

struct Column {
  std::string_view column;
  std::string_view name;  // in the dump
  bool custom = false;
};

std::vector<Column> fact_columns() {
  std::vector<Column> out = {
      {"incident_state", "status"}, {"priority", "priority"}, {"category", "category"}, {"caller_id", "contact"}};
  for (const std::string_view column : custom_columns) out.push_back({column, column, true});
  return out;
}

Json logged_history(const std::vector<const LogRow*>& rows, std::string_view column) {
  std::vector<Setting> settings;
  for (const LogRow* row : rows) settings.push_back({row->played_ms, log_value(*row, column)});
  return condensed(settings);
}

class Comparison {
public:
  Comparison(const IncidentLog& log, const std::vector<Explanation>& explanations, bool exact, ReplaySummary& summary)
      : exact_(exact), summary_(summary) {
    for (const LogRow& row : log.rows) rows_[row.incident].push_back(&row);
    for (const Explanation& explanation : explanations) {
      const Explanation*& newest = newest_[{explanation.incident, explanation.field}];
      if (newest == nullptr || newest->line < explanation.line) newest = &explanation;
    }
    for (const char* field : {"priority", "queue", "assignee"}) summary_.differences[field] = 0;
  }

  void compare(const std::string& incident, const LogRow& last, const Json& dump) {
    for (const Column& column : fact_columns()) {
      const Json& history = dump["history"][column.name];
      const Json wanted = logged_history(rows_[incident], column.column);
      if (wanted.size() > 0 ? !(history == wanted) : history.size() > 0)
        fails(incident + ": the history of " + std::string(column.name) + " is " + to_text(history) +
              ", the log says " + to_text(wanted));
      if (column.name != "priority") {
        const Json& standing = column.custom ? dump["custom"][column.name] : dump[column.name];
        if (!(standing == log_value(last, column.column)))
          fails(incident + ": " + std::string(column.name) + " stands at " + to_text(standing) +
                ", the last row says " + to_text(log_value(last, column.column)));
      }
    }
    compare_claim(incident, "priority", log_value(last, "priority"), dump);
    compare_claim(incident, "queue", log_value(last, "assignment_group"), dump);
    compare_claim(incident, "assignee", log_value(last, "assigned_to"), dump);
  }

  void fails(std::string what) {
    if (summary_.failures.size() < failures_max) summary_.failures.push_back(std::move(what));
  }

private:
  void compare_claim(const std::string& incident, const std::string& field, const Json& wanted, const Json& dump) {
    if (dump[field] == wanted) return;
    ++summary_.differences[field];
    const auto found = newest_.find({incident, field});
    const bool explained = found != newest_.end() && found->second->explained;
    if (!explained) ++summary_.unexplained;
    if (exact_ || !explained)
      fails(incident + ": " + field + " stands at " + to_text(dump[field]) + ", the last row says " + to_text(wanted) +
            (explained ? "" : ", and no receipt or amendment says why"));
  }

  bool exact_;
  ReplaySummary& summary_;
  std::map<std::string, std::vector<const LogRow*>> rows_;
  std::map<std::pair<std::string, std::string>, const Explanation*> newest_;
};

}  // namespace

Result<Json> dump_ticket(const Json& exported) {
  std::string incident;
  for (const Json& reference : exported["external_refs"].items())
    if (reference["type"].as_string() == "incident") incident = reference["id"].as_string();
  if (incident.empty()) return fail(ErrorCode::invalid, "The export holds a ticket without an incident number.");
  return Json::object({{"incident", Json(incident)},
                       {"number", exported["number"]},
                       {"status", exported["status"]},
                       {"priority", exported["priority"]},
                       {"category", exported["category"]},
                       {"contact", exported["contact"]},
                       {"queue", exported["queue"]},
                       {"assignee", exported["assignee"]},
                       {"custom", exported["custom"]},
                       {"messages", Json(exported["messages"].size())},
                       {"changes", exported["changes"]},
                       {"history", history_of(exported)}});
}

void compare_with_log(const std::map<std::string, Json>& dumps, const IncidentLog& log,
                      const std::vector<Explanation>& explanations, bool exact, ReplaySummary& summary) {
  Comparison comparison(log, explanations, exact, summary);
  protocol::Hasher facts("TRN1-FACTS"), states("TRN1-STATES");
  for (const auto& [incident, dump] : dumps) {
    Json fact = Json::object({{"incident", dump["incident"]}});
    for (const char* name : {"status", "category", "contact", "custom", "history"}) fact.set(name, dump[name]);
    facts.add(to_text(fact)).add("\n");
    Json state = fact;
    for (const char* name : {"priority", "queue", "assignee"}) state.set(name, dump[name]);
    states.add(to_text(state)).add("\n");
    if (!log.last.contains(incident)) comparison.fails(incident + " is not in the log");
  }
  summary.facts_digest = to_hex(facts.finish());
  summary.state_digest = to_hex(states.finish());
  for (const auto& [incident, last] : log.last) {
    const auto found = dumps.find(incident);
    if (found == dumps.end())
      comparison.fails(incident + " is missing from the server");
    else
      comparison.compare(incident, last, found->second);
  }
  if (summary.overtaken_moves > 0)
    comparison.fails(std::to_string(summary.overtaken_moves) + " status moves are overtaken in the end");
  if (summary.rejected > 0) comparison.fails(std::to_string(summary.rejected) + " changes were rejected or held");
}

}  // namespace tern::fleet
