// How a work is measured: interleaved pairs of floor and work, medians, one row of the report for each.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tern/protocol/error.hpp"
#include "tern/protocol/json.hpp"

namespace tern::bench {

inline constexpr double bytes_per_mb = 1e6;

/// What a run is told.
struct BenchOptions {
  bool quick = false;  // smaller sizes, fewer pairs: for a gate, not for figures
  std::uint64_t seed = 42;
  std::string work_directory;    // a directory of its own; emptied by whoever made it
  std::string memory_directory;  // the same on a disk of memory; empty: there is none
  std::string incident_log;      // of W7
  std::size_t idle_streams = 0;  // 0: by `quick`
  std::optional<std::size_t> large_tickets,
      large_messages;  // of the desk for search, lists and figures; else by `quick`

  [[nodiscard]] std::size_t pairs() const { return quick ? 2 : 5; }
};

class Stopwatch {
public:
  Stopwatch();
  /// Of all threads of this process: what a busy machine does not blur.
  [[nodiscard]] double cpu_seconds() const;
  [[nodiscard]] double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun_).count();
  }

private:
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
  double cpu_begun_;
};

/// The value below which `share` of the samples lie; 0.5 is the median. Not of nothing.
double quantile(std::vector<double> samples, double share);
inline double median(std::vector<double> samples) {
  return quantile(std::move(samples), 0.5);
}

/// Pairs taken one after the other: floor, work, floor, work ...
struct Pairs {
  std::vector<double> floors, works;

  void add(double floor, double work) {
    floors.push_back(floor);
    works.push_back(work);
  }
  [[nodiscard]] double floor() const { return median(floors); }
  [[nodiscard]] double work() const { return median(works); }
  /// The median of the ratios of the pairs: what the machine does to both cancels out.
  [[nodiscard]] double ratio() const;
};

/// Which number a goal bounds.
enum class GoalOf : std::uint8_t { ratio, value, value_at_least };

/// One line of the report.
struct Row {
  std::string name;   // "W1"
  std::string title;  // for people
  double value = 0;
  std::string unit;
  std::optional<double> floor, ratio, goal;
  GoalOf goal_of = GoalOf::ratio;
  std::optional<bool> met;  // filled by the report when there is a goal
  Json detail;              // what else is worth knowing; an object or null
};

/// A row of pairs whose goal bounds the ratio.
Row row_of(std::string name, std::string title, const Pairs& pairs, std::string unit, std::optional<double> goal);

class Report {
public:
  /// `only`: names of works; empty: all.
  explicit Report(std::vector<std::string> only) : only_(std::move(only)) {}

  /// Whether a work, or a part of one ("W2_sets_of_1" is one of W2), was asked for.
  [[nodiscard]] bool wants(const std::string& name) const;
  /// Says so on stderr at once. A row that nobody asked for is dropped.
  void add(Row row);
  /// One member for each row: {value, unit, floor, ratio, goal, met, ...}.
  [[nodiscard]] Json to_json() const;
  [[nodiscard]] std::string to_table() const;

private:
  std::vector<std::string> only_;
  std::vector<Row> rows_;
};

/// Progress for people: one line on stderr.
void say(const std::string& line);

/// A number with three digits that matter.
double rounded(double value);

}  // namespace tern::bench
