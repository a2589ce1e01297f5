#include "tern/server/incident_log.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "incidents/csv_reader.hpp"
#include "tern/protocol/bytes.hpp"

namespace tern::server {
namespace {

constexpr std::string_view required_columns[] = {"number", "incident_state", "sys_updated_by", "sys_updated_at",
                                                 "priority"};

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
  CsvReader reader([text](std::uint64_t offset, char* buffer, std::size_t bytes) -> Result<std::size_t> {
    return text.copy(buffer, bytes, static_cast<std::size_t>(std::min<std::uint64_t>(offset, text.size())));
  });
  std::vector<std::vector<std::string>> records;
  std::vector<std::string> record;
  for (;;) {
    TERN_TRY(const bool more, reader.next(record));
    if (!more) return records;
    records.push_back(std::move(record));
  }
}

namespace {

class OpenFile {
public:
  explicit OpenFile(int descriptor) : descriptor_(descriptor) {}
  ~OpenFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  [[nodiscard]] int get() const { return descriptor_; }

private:
  int descriptor_;
};

Result<std::size_t> read_at(int file, std::uint64_t offset, char* buffer, std::size_t bytes) {
  for (;;) {
    const ssize_t got = ::pread(file, buffer, bytes, static_cast<off_t>(offset));
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno != EINTR)
      return fail(ErrorCode::storage_failed,
                  std::string("The incident log cannot be read: ") + std::strerror(errno) + ".");
  }
}

class FileReader final : public IncidentLogReader {
public:
  FileReader(int file, std::uint64_t bytes_max)
      : file_(file),
        csv_([this, bytes_max](std::uint64_t offset, char* buffer, std::size_t bytes) -> Result<std::size_t> {
          if (offset >= bytes_max) return fail(ErrorCode::too_large, "The incident log grew beyond its limit.");
          return read_at(file_.get(), offset, buffer, bytes);
        }) {}

  Result<void> read_header(const std::string& path) {
    TERN_TRY(const bool any, csv_.next(columns_));
    if (!any) return fail(ErrorCode::invalid, "The incident log " + path + " has no rows.", "", "file");
    for (const std::string_view needed : required_columns)
      if (std::find(columns_.begin(), columns_.end(), needed) == columns_.end())
        return fail(ErrorCode::invalid, "The incident log lacks the column " + std::string(needed) + ".", "", "file");
    for (auto column = columns_.begin(); column != columns_.end(); ++column)
      if (std::find(columns_.begin(), column, *column) != column)
        return fail(ErrorCode::invalid, "The incident log has the column \"" + *column + "\" twice.",
                    "Leave one of them.", "file");
    return {};
  }
  Result<std::optional<LogRow>> next() override {
    TERN_TRY(const bool more, csv_.next(record_));
    if (!more) return std::optional<LogRow>();
    TERN_TRY(LogRow row, make_row(columns_, record_, csv_.line()));
    return std::optional(std::move(row));
  }
  void go_to(const LogPlace& place) override { csv_.go_to(place.offset, place.line); }
  [[nodiscard]] LogPlace place() const override { return {csv_.offset(), csv_.line()}; }
  [[nodiscard]] const std::vector<std::string>& columns() const override { return columns_; }

private:
  OpenFile file_;
  CsvReader csv_;
  std::vector<std::string> columns_, record_;
};

}  // namespace

Result<std::unique_ptr<IncidentLogReader>> IncidentLogReader::open(const std::string& path, std::uint64_t bytes_max) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);  // a pipe is refused, not waited for
  if (file < 0)
    return fail(ErrorCode::not_found, "Cannot read the incident log " + path + ": " + std::strerror(errno) + ".", "",
                "file");
  auto reader = std::make_unique<FileReader>(file, bytes_max);
  struct stat info {};
  if (::fstat(file, &info) != 0 || !S_ISREG(info.st_mode))
    return fail(ErrorCode::invalid, path + " is no regular file.", "Name a CSV file.", "file");
  if (static_cast<std::uint64_t>(info.st_size) > bytes_max)
    return fail(ErrorCode::too_large, "The incident log is over " + std::to_string(bytes_max >> 20) + " MiB.", "",
                "file");
  TERN_CHECKED(reader->read_header(path));
  return std::unique_ptr<IncidentLogReader>(std::move(reader));
}

Result<IncidentLog> read_incident_log(const std::string& path) {
  TERN_TRY(const auto reader, IncidentLogReader::open(path, log_bytes_in_memory_max));
  IncidentLog log;
  log.columns = reader->columns();
  for (;;) {
    TERN_TRY(auto row, reader->next());
    if (!row) break;
    if (log.rows.size() == log_rows_in_memory_max)
      return fail(ErrorCode::too_large, "The incident log has more than 1,000,000 rows.");
    log.rows.push_back(std::move(*row));
  }
  if (log.rows.empty()) return fail(ErrorCode::invalid, "The incident log " + path + " has no rows.");
  place_in_time(log);
  return log;
}

}  // namespace tern::server
