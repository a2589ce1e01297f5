// The figures of a period, of the rows that commits keep (docs/reports.md, M1 to M12).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "desk/figure_rows.hpp"

namespace tern::server {

/// Lengths in seconds. Exact: nothing is sampled.
struct Spread {
  std::vector<std::int64_t> values;

  void add(std::int64_t value) { values.push_back(value); }
  [[nodiscard]] std::size_t n() const { return values.size(); }
  /// Nothing without values. The median of an even number is the lower of the two in the middle.
  [[nodiscard]] std::optional<double> mean() const;
  [[nodiscard]] std::optional<std::int64_t> median() const { return quantile(50); }
  [[nodiscard]] std::optional<std::int64_t> p90() const { return quantile(90); }

private:
  [[nodiscard]] std::optional<std::int64_t> quantile(std::size_t percent) const;
};

struct PromiseCount {
  std::uint64_t met = 0, breached = 0, provisional = 0, excused = 0;

  void add(PromiseOutcome outcome, std::uint64_t count = 1);
  PromiseCount& operator+=(const PromiseCount& other);
  /// What counts: a provisional breach is one until it is taken back.
  [[nodiscard]] std::uint64_t n() const { return met + breached + provisional; }
  /// Nothing where nothing counts.
  [[nodiscard]] std::optional<int> percent() const;
  /// If every provisional breach were taken back.
  [[nodiscard]] std::optional<int> percent_at_best() const;
};

/// What customers said: 1 to 5 each.
struct RatingCount {
  std::uint64_t ratings = 0, good = 0, sum = 0;  // good: 4 or 5

  void add(std::int64_t score);
  /// CSAT. Nothing without ratings.
  [[nodiscard]] std::optional<int> percent() const;
  [[nodiscard]] std::optional<double> mean() const;
};

/// A row of `SELECT` with these columns of promises from its first on: one walk, without sorting.
inline constexpr std::string_view promise_sums =
    "sum(CASE WHEN outcome = 1 THEN 1 ELSE 0 END), sum(CASE WHEN outcome = 2 THEN 1 ELSE 0 END), sum(CASE WHEN outcome "
    "= 3 THEN 1 ELSE 0 END), sum(CASE WHEN outcome = 4 THEN 1 ELSE 0 END)";
inline PromiseCount promise_count_of(const sqlite::Statement& row) {
  return {row.uint64(0), row.uint64(1), row.uint64(2), row.uint64(3)};
}

/// [from, to) in seconds.
struct Period {
  sla::Instant from = 0, to = 0;
  [[nodiscard]] bool holds(sla::Instant at) const { return at >= from && at < to; }
};

struct PeriodFigures {
  std::uint64_t created = 0, resolved = 0;
  std::uint64_t reopened = 0, one_touch = 0, two_touch = 0, touches = 0;  // of the resolved ones
  Spread response, response_wall, delivered, delivered_wall, next_response;
  Spread resolution, resolution_wall, resolution_gross, first_resolution;
  std::array<PromiseCount, sla::metric_count> promises{};
  RatingCount ratings;

  /// A row whose `at` lies in the period. What happened to it at `known_to` or later takes no part.
  void add(const FigureRow& row, const Period& period, sla::Instant known_to);
  [[nodiscard]] PromiseCount all_promises() const;
};

/// `which`: more of a WHERE over `figure`, with AND before it; empty: all of it.
Result<PeriodFigures> period_figures(sqlite::Database& db, std::int64_t tenant, const Period& period,
                                     const std::string& which, sla::Instant known_to = INT64_MAX);

}  // namespace tern::server
