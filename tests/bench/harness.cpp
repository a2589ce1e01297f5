#include "harness.hpp"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace tern::bench {
namespace {

Json number_or_null(const std::optional<double>& value) {
  return value ? Json(rounded(*value)) : Json();
}

std::string_view goal_word(GoalOf goal_of) {
  switch (goal_of) {
    case GoalOf::ratio:
      return "ratio at most";
    case GoalOf::value:
      return "value at most";
    case GoalOf::value_at_least:
      return "value at least";
  }
  return "";
}

std::optional<bool> judged(const Row& row) {
  if (!row.goal) return row.met;
  switch (row.goal_of) {
    case GoalOf::ratio:
      return row.ratio ? std::optional(*row.ratio <= *row.goal) : std::nullopt;
    case GoalOf::value:
      return row.value <= *row.goal;
    case GoalOf::value_at_least:
      return row.value >= *row.goal;
  }
  return std::nullopt;
}

std::string cell(const std::optional<double>& value) {
  return value ? fmt::format("{:.4g}", *value) : "-";
}

std::string verdict(const Row& row) {
  if (!row.met) return "-";
  return *row.met ? "met" : "missed";
}

std::string table_line(const Row& row) {
  const std::string goal = row.goal ? fmt::format("{} {:.4g}", goal_word(row.goal_of), *row.goal) : "-";
  return fmt::format("{:<12} {:>10} {:<12} {:>10} {:>8}  {:<22} {:<7} {}", row.name, cell(row.value), row.unit,
                     cell(row.floor), cell(row.ratio), goal, verdict(row), row.title);
}

double process_cpu_seconds() {
  timespec spent{};
  check(::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent) == 0, "clock_gettime");
  return static_cast<double>(spent.tv_sec) + static_cast<double>(spent.tv_nsec) / 1e9;
}

}  // namespace

Stopwatch::Stopwatch() : cpu_begun_(process_cpu_seconds()) {}

double Stopwatch::cpu_seconds() const {
  return process_cpu_seconds() - cpu_begun_;
}

double rounded(double value) {
  if (value == 0 || !std::isfinite(value)) return value;
  const double scale = std::pow(10.0, 3 - std::floor(std::log10(std::fabs(value))));
  return std::round(value * scale) / scale;
}

double quantile(std::vector<double> samples, double share) {
  check(!samples.empty(), "a quantile of nothing");
  std::sort(samples.begin(), samples.end());
  const double at = share * static_cast<double>(samples.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const std::size_t above = std::min(below + 1, samples.size() - 1);
  const double part = at - static_cast<double>(below);
  return samples[below] * (1 - part) + samples[above] * part;
}

double Pairs::ratio() const {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < works.size(); ++i) ratios.push_back(works[i] / floors[i]);
  return median(std::move(ratios));
}

Row row_of(std::string name, std::string title, const Pairs& pairs, std::string unit, std::optional<double> goal) {
  Row row;
  row.name = std::move(name);
  row.title = std::move(title);
  row.value = pairs.work();
  row.unit = std::move(unit);
  row.floor = pairs.floor();
  row.ratio = pairs.ratio();
  row.goal = goal;
  return row;
}

bool Report::wants(const std::string& name) const {
  const auto names_it = [&](const std::string& wanted) { return name == wanted || name.starts_with(wanted + "_"); };
  return only_.empty() || std::any_of(only_.begin(), only_.end(), names_it);
}

void Report::add(Row row) {
  if (!wants(row.name)) return;
  row.met = judged(row);
  say(table_line(row));
  rows_.push_back(std::move(row));
}

Json Report::to_json() const {
  Json out = Json::object();
  for (const Row& row : rows_) {
    Json entry = Json::object({{"title", Json(row.title)},
                               {"value", Json(rounded(row.value))},
                               {"unit", Json(row.unit)},
                               {"floor", number_or_null(row.floor)},
                               {"ratio", number_or_null(row.ratio)},
                               {"goal", number_or_null(row.goal)},
                               {"met", row.met ? Json(*row.met) : Json()}});
    if (row.goal) entry.set("goal_is", Json(goal_word(row.goal_of)));
    if (row.detail.is_object()) entry.set("detail", row.detail);
    out.set(row.name, std::move(entry));
  }
  return out;
}

std::string Report::to_table() const {
  std::string out = fmt::format("{:<12} {:>10} {:<12} {:>10} {:>8}  {:<22} {:<7} {}\n", "work", "value", "unit",
                                "floor", "ratio", "goal", "", "what");
  for (const Row& row : rows_) out += table_line(row) + "\n";
  return out;
}

void say(const std::string& line) {
  std::fprintf(stderr, "%s\n", line.c_str());
}

}  // namespace tern::bench
