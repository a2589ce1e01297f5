#include "desk/period_figures.hpp"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

namespace tern::server {
namespace {

constexpr std::int64_t reopen_counts_s = 14 * sla::day_s;

int whole_percent(std::uint64_t part, std::uint64_t of) {
  return static_cast<int>((part * 100 + of / 2) / of);
}

}  // namespace

std::optional<double> Spread::mean() const {
  if (values.empty()) return std::nullopt;
  return static_cast<double>(std::accumulate(values.begin(), values.end(), std::int64_t{0})) /
         static_cast<double>(values.size());
}

std::optional<std::int64_t> Spread::quantile(std::size_t percent) const {
  if (values.empty()) return std::nullopt;
  std::vector<std::int64_t> sorted = values;
  const auto at = sorted.begin() + static_cast<std::ptrdiff_t>((sorted.size() * percent + 99) / 100 - 1);
  std::nth_element(sorted.begin(), at, sorted.end());
  return *at;
}

void PromiseCount::add(PromiseOutcome outcome, std::uint64_t count) {
  switch (outcome) {
    case PromiseOutcome::met:
      met += count;
      return;
    case PromiseOutcome::breached:
      breached += count;
      return;
    case PromiseOutcome::provisional:
      provisional += count;
      return;
    case PromiseOutcome::excused:
      excused += count;
      return;
    case PromiseOutcome::none:
      return;
  }
}

PromiseCount& PromiseCount::operator+=(const PromiseCount& other) {
  met += other.met;
  breached += other.breached;
  provisional += other.provisional;
  excused += other.excused;
  return *this;
}

std::optional<int> PromiseCount::percent() const {
  return n() == 0 ? std::nullopt : std::optional(whole_percent(met, n()));
}

std::optional<int> PromiseCount::percent_at_best() const {
  return n() == 0 ? std::nullopt : std::optional(whole_percent(met + provisional, n()));
}

void RatingCount::add(std::int64_t score) {
  ++ratings;
  if (score >= 4) ++good;
  sum += static_cast<std::uint64_t>(score);
}

std::optional<int> RatingCount::percent() const {
  return ratings == 0 ? std::nullopt : std::optional(whole_percent(good, ratings));
}

std::optional<double> RatingCount::mean() const {
  return ratings == 0 ? std::nullopt : std::optional(static_cast<double>(sum) / static_cast<double>(ratings));
}

void PeriodFigures::add(const FigureRow& row, const Period& period, sla::Instant known_to) {
  switch (static_cast<FigureKind>(row.kind)) {
    case FigureKind::created:
      ++created;
      return;
    case FigureKind::first_response:
      response.add(row.business);
      response_wall.add(row.wall);
      delivered.add(row.more_business);
      delivered_wall.add(row.more_wall);
      return;
    case FigureKind::next_response:
      next_response.add(row.business);
      return;
    case FigureKind::rated:
      ratings.add(row.touches);
      return;
    case FigureKind::resolved:
      if (row.number == 1) first_resolution.add(row.business);
      if (row.next != 0 && row.next < std::min(period.to, known_to)) return;  // the last of the period counts
      ++resolved;
      resolution.add(row.business);
      resolution_wall.add(row.wall);
      resolution_gross.add(row.more_wall);
      touches += static_cast<std::uint64_t>(row.touches);
      if (row.reopened != 0 && row.reopened < known_to) {
        if (row.reopened - row.at <= reopen_counts_s) ++reopened;
      } else {
        if (row.touches == 1) ++one_touch;
        if (row.touches == 2) ++two_touch;
      }
      return;
    default:
      break;
  }
  const int metric = row.kind - static_cast<int>(FigureKind::promise);
  if (metric >= 0 && metric < static_cast<int>(promises.size()))
    promises[static_cast<std::size_t>(metric)].add(row.outcome);
}

PromiseCount PeriodFigures::all_promises() const {
  PromiseCount all;
  for (const PromiseCount& one : promises) all += one;
  return all;
}

Result<PeriodFigures> period_figures(sqlite::Database& db, std::int64_t tenant, const Period& period,
                                     const std::string& which, sla::Instant known_to) {
  PeriodFigures out;
  constexpr int promise = static_cast<int>(FigureKind::promise);
  const std::string where =
      fmt::format("FROM figure WHERE tenant_id = $1 AND kind = $2 AND at_s >= $3 AND at_s < $4{}", which);
  TERN_TRY(auto created, db.prepare("SELECT count(*) " + where));
  created.bind_all(tenant, FigureKind::created, period.from, period.to);
  TERN_TRY(const bool any, created.step());
  out.created = any ? created.uint64(0) : 0;
  for (const FigureKind kind :
       {FigureKind::first_response, FigureKind::next_response, FigureKind::resolved, FigureKind::rated}) {
    TERN_TRY(auto rows, db.prepare("SELECT wall_s, business_s, more_wall_s, more_business_s, number, touches, "
                                   "reopened_s, next_s, at_s " +
                                   where));
    rows.bind_all(tenant, kind, period.from, period.to);
    for (;;) {
      TERN_TRY(const bool more, rows.step());
      if (!more) break;
      FigureRow row;
      row.kind = static_cast<int>(kind);
      row.wall = rows.int64(0);
      row.business = rows.int64(1);
      row.more_wall = rows.int64(2);
      row.more_business = rows.int64(3);
      row.number = rows.int64(4);
      row.touches = rows.int64(5);
      row.reopened = rows.int64(6);
      row.next = rows.int64(7);
      row.at = rows.int64(8);
      out.add(row, period, known_to);
    }
  }
  for (std::size_t metric = 0; metric < out.promises.size(); ++metric) {
    TERN_TRY(auto rows, db.prepare(fmt::format("SELECT {} {}", promise_sums, where)));
    rows.bind_all(tenant, promise + static_cast<int>(metric), period.from, period.to);
    TERN_TRY(const bool counted, rows.step());
    if (counted) out.promises[metric] = promise_count_of(rows);
  }
  return out;
}

}  // namespace tern::server
