#include "replay.hpp"

#include <algorithm>
#include <chrono>
#include <fstream>

#include "dump.hpp"
#include "fleet.hpp"
#include "incident_mapping.hpp"

namespace tern::fleet {
namespace {

constexpr std::int64_t hour_ms = 3'600'000;

/// Which row and incident a change came from, and what it set.
struct Played {
  std::string incident;
  std::string field;  // priority, queue, assignee, status or empty
  std::size_t line = 0;
};

class Player {
public:
  Player(const ReplayOptions& options, const IncidentLog& log)
      : options_(options), log_(log), environment_(options.seed, start_of(log)) {}

  Result<ReplaySummary> run();

private:
  static FleetNames names_of(const IncidentLog& log);
  static std::int64_t start_of(const IncidentLog& log);

  Result<void> play_all();
  Result<void> play(const LogRow& row);
  Result<bool> holds(const LogRow& row);
  Result<void> end_window(std::int64_t end_ms);
  std::vector<std::string> devices_with_work();
  Result<void> settle();
  Result<void> gather(ReplaySummary& summary, std::vector<Explanation>& explanations);
  Result<std::map<std::string, Json>> dump();

  const ReplayOptions& options_;
  const IncidentLog& log_;
  VirtualEnvironment environment_;
  std::unique_ptr<Fleet> fleet_;
  std::map<std::string, IncidentState> incidents_;
  std::map<std::string, std::int64_t> oldest_unsent_ms_;  // by author
  std::map<sync::ChangeRef, Played> played_;
};

FleetNames Player::names_of(const IncidentLog& log) {
  FleetNames names;
  for (const LogRow& row : log.rows) {
    names.authors.insert(row.author);
    for (const auto& [column, kind] : reference_columns)
      if (const auto name = row.cell(column)) names.records[kind].insert(*name);
  }
  return names;
}

std::int64_t Player::start_of(const IncidentLog& log) {
  return log.rows.front().played_ms - fleet_set_up_ms(names_of(log).authors.size()) - hour_ms;
}

Result<bool> Player::holds(const LogRow& row) {
  auto seen = fleet_->device(row.author).views().ticket(incidents_[row.incident].ticket);
  if (seen) return true;
  if (seen.error().code == ErrorCode::not_found) return false;
  return tl::unexpected(std::move(seen).error());
}

Result<void> Player::play(const LogRow& row) {
  if (!row.first && options_.offline_hours > 0) {
    TERN_TRY(const bool held, holds(row));
    if (!held) TERN_CHECKED(fleet_->sync(row.author));
  }
  IncidentState& state = incidents_[row.incident];
  const auto lookup = [&](sync::RecordKind kind, const std::string& name) { return fleet_->record(kind, name); };
  const std::vector<sync::Change> changes = changes_of_row(row, state, lookup);
  if (changes.empty()) return {};
  TERN_TRY(const auto saved, fleet_->device(row.author).commands().save(changes));
  if (row.first) state.ticket = saved.front().ticket;
  for (std::size_t i = 0; i < saved.size(); ++i) {
    std::string field;
    if (changes[i].intent == sync::Intent::move_queue) field = "queue";
    if (changes[i].intent == sync::Intent::assign) field = "assignee";
    for (const auto& setting : changes[i].fields)
      if (setting.field == sync::FieldId::priority) field = "priority";
    played_[saved[i].ref] = {row.incident, field, row.line};
  }
  oldest_unsent_ms_.try_emplace(row.author, row.played_ms);
  if (row.first && options_.offline_hours > 0) {
    TERN_CHECKED(fleet_->sync(row.author));
    oldest_unsent_ms_.erase(row.author);
  }
  return {};
}

std::vector<std::string> Player::devices_with_work() {
  std::vector<std::pair<std::int64_t, std::string>> order;
  for (const auto& [author, oldest] : oldest_unsent_ms_) order.emplace_back(oldest, author);
  std::sort(order.begin(), order.end());
  if (options_.sync_order == SyncOrder::shuffled)
    for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[environment_.draw() % i]);
  std::vector<std::string> authors;
  for (auto& [oldest, author] : order) authors.push_back(std::move(author));
  return authors;
}

Result<void> Player::end_window(std::int64_t end_ms) {
  environment_.advance_to(end_ms);
  for (const std::string& author : devices_with_work()) TERN_CHECKED(fleet_->sync(author));
  oldest_unsent_ms_.clear();
  fleet_->server().tick();
  return {};
}

Result<void> Player::play_all() {
  const std::int64_t window_ms = options_.offline_hours * hour_ms;
  std::int64_t window_end_ms = log_.rows.front().played_ms + window_ms;
  std::size_t done = 0;
  for (const LogRow& row : log_.rows) {
    while (window_ms > 0 && row.played_ms >= window_end_ms) {
      TERN_CHECKED(end_window(window_end_ms));
      const std::int64_t behind = row.played_ms - window_end_ms;
      window_end_ms += window_ms * (behind / window_ms + 1);
    }
    environment_.advance_to(row.played_ms);
    if (window_ms == 0) TERN_CHECKED(fleet_->sync(row.author));
    TERN_CHECKED(play(row));
    if (window_ms == 0) TERN_CHECKED(fleet_->sync(row.author));
    if (options_.progress) options_.progress(++done, log_.rows.size());
  }
  return settle();
}

/// All devices once after the last row, those with work first; then once more for those that a later one amended.
Result<void> Player::settle() {
  TERN_CHECKED(end_window(environment_.wall_ms()));
  for (int round = 0; round < 2; ++round)
    for (const std::string& author : names_of(log_).authors) TERN_CHECKED(fleet_->sync(author));
  return {};
}

Result<void> Player::gather(ReplaySummary& summary, std::vector<Explanation>& explanations) {
  for (const std::string& author : names_of(log_).authors) {
    TERN_TRY(const auto history, fleet_->device(author).views().history(std::nullopt));
    for (const client::HistoryEntry& entry : history) {
      ++summary.changes;
      const sync::Outcome standing = entry.standing.outcome;
      const bool stands = standing == sync::Outcome::applied || standing == sync::Outcome::merged;
      const auto* spec = sync::find_intent(std::string_view(entry.intent));
      if (!stands) ++summary.conflicts[std::string(sync::to_string(entry.standing.rule))];
      if (entry.amended) ++summary.amendments;
      if (standing == sync::Outcome::rejected || standing == sync::Outcome::held) ++summary.rejected;
      if (spec != nullptr && spec->unit == sync::Unit::status && standing == sync::Outcome::overtaken)
        ++summary.overtaken_moves;
      if (const auto found = played_.find(entry.change); found != played_.end())
        explanations.push_back({found->second.incident, found->second.field, found->second.line, !stands});
    }
  }
  return {};
}

Result<std::map<std::string, Json>> Player::dump() {
  TERN_TRY(auto lines, fleet_->export_tickets());
  std::map<std::string, Json> dumps;
  for (Json& line : lines) {
    if (options_.rewrite) options_.rewrite(line);
    TERN_TRY(Json ticket, dump_ticket(line));
    std::string incident = ticket["incident"].as_string();
    dumps.emplace(std::move(incident), std::move(ticket));
  }
  if (!options_.dump_path.empty()) {
    std::ofstream out(options_.dump_path, std::ios::trunc);
    for (const auto& [incident, ticket] : dumps) out << to_text(ticket) << '\n';
    if (!out.flush())
      return fail(ErrorCode::storage_failed, "Cannot write the dump to " + options_.dump_path + ".", "", "dump");
  }
  return dumps;
}

Result<ReplaySummary> Player::run() {
  const auto begun = std::chrono::steady_clock::now();
  TERN_TRY(fleet_, Fleet::make(options_.work_directory, names_of(log_), environment_, options_.tamper));
  TERN_CHECKED(play_all());
  ReplaySummary summary;
  summary.rows = log_.rows.size();
  summary.devices = fleet_->device_count();
  std::vector<Explanation> explanations;
  TERN_CHECKED(gather(summary, explanations));
  TERN_TRY(const auto dumps, dump());
  summary.tickets = dumps.size();
  summary.exchanges = fleet_->exchanges();
  compare_with_log(dumps, log_, explanations, options_.offline_hours == 0 && options_.sync_order == SyncOrder::time,
                   summary);
  summary.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  return summary;
}

}  // namespace

Json to_json(const ReplaySummary& summary) {
  const auto counts = [](const std::map<std::string, std::uint64_t>& of) {
    Json out = Json::object();
    for (const auto& [name, count] : of) out.set(name, Json(count));
    return out;
  };
  Json failures = Json::array();
  for (const std::string& failure : summary.failures) failures.push(Json(failure));
  return Json::object({{"tickets", Json(summary.tickets)},
                       {"rows", Json(summary.rows)},
                       {"changes", Json(summary.changes)},
                       {"devices", Json(summary.devices)},
                       {"exchanges", Json(summary.exchanges)},
                       {"conflicts", counts(summary.conflicts)},
                       {"overtaken_moves", Json(summary.overtaken_moves)},
                       {"amendments", Json(summary.amendments)},
                       {"rejected", Json(summary.rejected)},
                       {"differences", counts(summary.differences)},
                       {"unexplained", Json(summary.unexplained)},
                       {"facts_digest", Json(summary.facts_digest)},
                       {"state_digest", Json(summary.state_digest)},
                       {"seconds", Json(summary.seconds)},
                       {"failures", failures}});
}

Result<ReplaySummary> replay(const ReplayOptions& options) {
  TERN_TRY(const IncidentLog log, read_incident_log(options.log_path));
  for (const LogRow& row : log.rows) {
    const auto state = row.cell("incident_state");
    if (!state || !status_of_state(*state))
      return fail(ErrorCode::invalid,
                  "line " + std::to_string(row.line) + ": incident_state \"" + state.value_or("?") + "\" is unknown.");
  }
  return Player(options, log).run();
}

}  // namespace tern::fleet
