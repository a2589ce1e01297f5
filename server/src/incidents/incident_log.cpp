#include "tern/server/incident_log.hpp"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <sstream>

#include "tern/protocol/bytes.hpp"

namespace tern::server {
namespace {

constexpr std::string_view required_columns[] = {"number", "incident_state", "sys_updated_by", "sys_updated_at",
                                                 "priority"};

std::string at_line(std::size_t line) {
  return "line " + std::to_string(line);
}

bool take_number(std::string_view& text, int digits_min, int digits_max, int& out) {
  int digits = 0;
  out = 0;
  while (digits < digits_max && !text.empty() && text.front() >= '0' && text.front() <= '9') {
    out = out * 10 + (text.front() - '0');
    text.remove_prefix(1);
    ++digits;
  }
  return digits >= digits_min;
}

bool take(std::string_view& text, char wanted) {
  if (text.empty() || text.front() != wanted) return false;
  text.remove_prefix(1);
  return true;
}

Result<LogRow> make_row(const std::vector<std::string>& columns, const std::vector<std::string>& record,
                        std::size_t line) {
  if (record.size() != columns.size())
    return fail(ErrorCode::invalid, at_line(line) + " has " + std::to_string(record.size()) + " cells, the header " +
                                        std::to_string(columns.size()) + ".");
  LogRow row;
  row.line = line;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (record[i].empty() || record[i] == "?") continue;
    if (record[i].size() > log_cell_bytes_max || !is_valid_utf8(record[i]))
      return fail(ErrorCode::invalid,
                  at_line(line) + ", column " + columns[i] + ": the cell is too long or not UTF-8.");
    row.cells.emplace(columns[i], record[i]);
  }
  const auto number = row.cell("number"), author = row.cell("sys_updated_by"), when = row.cell("sys_updated_at");
  if (!number || !author || !when)
    return fail(ErrorCode::invalid, at_line(line) + " lacks number, sys_updated_by or sys_updated_at.");
  const auto time = parse_log_time(*when);
  if (!time)
    return fail(ErrorCode::invalid, at_line(line) + ": \"" + *when + "\" is not day-month-year hours:minutes.");
  row.incident = *number;
  row.author = *author;
  row.own_ms = *time;
  return row;
}

void place_in_time(IncidentLog& log) {
  std::map<std::string, std::int64_t> played;
  for (LogRow& row : log.rows) {
    const auto before = played.find(row.incident);
    row.first = before == played.end();
    row.played_ms = row.first ? row.own_ms : std::max(row.own_ms, before->second + 1);
    played[row.incident] = row.played_ms;
    if (row.first) log.incidents.push_back(row.incident);
    log.last[row.incident] = row;
  }
  std::stable_sort(log.rows.begin(), log.rows.end(),
                   [](const LogRow& a, const LogRow& b) { return a.played_ms < b.played_ms; });
}

}  // namespace

std::optional<std::string> LogRow::cell(std::string_view column) const {
  const auto found = cells.find(column);
  if (found == cells.end()) return std::nullopt;
  return found->second;
}

std::optional<std::int64_t> parse_log_time(std::string_view text) {
  int day = 0, month = 0, year = 0, hour = 0, minute = 0;
  if (!take_number(text, 1, 2, day) || text.empty()) return std::nullopt;
  const char separator = text.front();
  if (separator != '-' && separator != '/') return std::nullopt;
  text.remove_prefix(1);
  if (!take_number(text, 1, 2, month) || !take(text, separator) || !take_number(text, 4, 4, year) || !take(text, ' ') ||
      !take_number(text, 1, 2, hour) || !take(text, ':') || !take_number(text, 2, 2, minute) || !text.empty())
    return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{year}, std::chrono::month{static_cast<unsigned>(month)},
                                         std::chrono::day{static_cast<unsigned>(day)}};
  if (!date.ok() || hour > 23 || minute > 59 || year < 1970) return std::nullopt;
  const auto days = std::chrono::sys_days{date}.time_since_epoch().count();
  return ((days * 24LL + hour) * 60 + minute) * 60'000;
}

Result<std::vector<std::vector<std::string>>> parse_csv(std::string_view text) {
  std::vector<std::vector<std::string>> records;
  std::vector<std::string> record;
  std::string cell;
  std::size_t line = 1;
  bool quoted = false, was_quoted = false;
  const auto end_cell = [&] {
    record.push_back(std::move(cell));
    cell.clear();
    was_quoted = false;
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\n') ++line;
      if (c != '"')
        cell.push_back(c);
      else if (i + 1 < text.size() && text[i + 1] == '"') {
        cell.push_back('"');
        ++i;
      } else
        quoted = false;
      continue;
    }
    if (c == '"') {
      if (!cell.empty() || was_quoted)
        return fail(ErrorCode::invalid, at_line(line) + ": a quote inside an unquoted cell.");
      quoted = was_quoted = true;
    } else if (c == ',') {
      end_cell();
      if (record.size() > log_columns_max)
        return fail(ErrorCode::too_large, at_line(line) + " has more than 200 cells.");
    } else if (c == '\n') {
      ++line;
      end_cell();
      if (record.size() > 1 || !record.front().empty()) records.push_back(std::move(record));
      record.clear();
    } else if (c == '\0') {
      return fail(ErrorCode::invalid, at_line(line) + ": a NUL byte; this is no CSV text.");
    } else if (c != '\r' || i + 1 >= text.size() || text[i + 1] != '\n') {
      cell.push_back(c);
    }
  }
  if (quoted) return fail(ErrorCode::invalid, at_line(line) + ": a quote is never closed.");
  if (!cell.empty() || !record.empty()) {
    end_cell();
    records.push_back(std::move(record));
  }
  return records;
}

Result<IncidentLog> read_incident_log(const std::string& path) {
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  if (!in) return fail(ErrorCode::not_found, "Cannot read the incident log " + path + ".", "", "file");
  if (static_cast<std::uint64_t>(in.tellg()) > log_bytes_max)
    return fail(ErrorCode::too_large, "The incident log is over 512 MiB.");
  in.seekg(0);
  std::ostringstream content;
  content << in.rdbuf();
  TERN_TRY(const auto records, parse_csv(content.view()));
  if (records.size() < 2) return fail(ErrorCode::invalid, "The incident log " + path + " has no rows.");
  IncidentLog log;
  log.columns = records.front();
  for (const std::string_view needed : required_columns)
    if (std::find(log.columns.begin(), log.columns.end(), needed) == log.columns.end())
      return fail(ErrorCode::invalid, "The incident log lacks the column " + std::string(needed) + ".");
  log.rows.reserve(records.size() - 1);
  for (std::size_t i = 1; i < records.size(); ++i) {
    TERN_TRY(auto row, make_row(log.columns, records[i], i + 1));
    log.rows.push_back(std::move(row));
  }
  place_in_time(log);
  return log;
}

}  // namespace tern::server
