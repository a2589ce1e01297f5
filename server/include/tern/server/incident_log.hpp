// Reads a real incident log (the form of the UCI "Incident management process enriched event log") as rows in order:
// for the import and for the replay.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tern/protocol/error.hpp"

namespace tern::server {

inline constexpr std::uint64_t log_bytes_max = 2ULL * 1024 * 1024 * 1024;
inline constexpr std::uint64_t log_bytes_in_memory_max = 512ULL * 1024 * 1024;
inline constexpr std::size_t log_rows_in_memory_max = 1'000'000;
inline constexpr std::size_t log_columns_max = 200;
inline constexpr std::size_t log_cell_bytes_max = 4096;

/// One update of one incident. Cells that are `?` or empty are left out of `cells`; names are kept byte for byte.
struct LogRow {
  std::string incident;
  std::string author;
  std::int64_t own_ms = 0;     // sys_updated_at
  std::int64_t played_ms = 0;  // the later of own_ms and 1 ms after the incident's row before was played
  std::size_t line = 0;        // of the file, from 1
  bool first = false;          // of its incident
  std::map<std::string, std::string, std::less<>> cells;

  /// Nothing for `?`, empty and columns the file lacks.
  [[nodiscard]] std::optional<std::string> cell(std::string_view column) const;
};

/// Where a row begins in its file.
struct LogPlace {
  std::uint64_t offset = 0;
  std::size_t line = 0;
};

/// Reads a log row by row: what it holds is one row, whatever the size of the file. Not thread-safe.
class IncidentLogReader {
public:
  /// A regular file up to `bytes_max` with the columns that are needed: `not_found`, `invalid`, `too_large`.
  static Result<std::unique_ptr<IncidentLogReader>> open(const std::string& path,
                                                         std::uint64_t bytes_max = log_bytes_max);
  virtual ~IncidentLogReader() = default;

  /// The next row in file order, without its `played_ms` and `first`; nothing at the end.
  virtual Result<std::optional<LogRow>> next() = 0;
  /// Goes on with the row that began there.
  virtual void go_to(const LogPlace& place) = 0;
  /// Of the row that was read last.
  [[nodiscard]] virtual LogPlace place() const = 0;
  [[nodiscard]] virtual const std::vector<std::string>& columns() const = 0;
};

struct IncidentLog {
  std::vector<LogRow> rows;            // in order of played time, then file order
  std::vector<std::string> columns;    // of the file
  std::vector<std::string> incidents;  // in file order
  std::map<std::string, LogRow> last;  // by incident: its last row in file order
};

/// The whole log in memory, for the replay. Errors name the line: `invalid` (no header, a column that the replay needs
/// is missing, a row of another length, a date that is none, an unclosed quote), `too_large`, `not_found`.
Result<IncidentLog> read_incident_log(const std::string& path);

/// RFC 4180 records of a whole text. `invalid` with line.
Result<std::vector<std::vector<std::string>>> parse_csv(std::string_view text);

/// "29-02-2016 01:23" or "29/2/2016 01:23", UTC minutes -> ms since 1970. Nothing when it is no such date.
std::optional<std::int64_t> parse_log_time(std::string_view text);

}  // namespace tern::server
