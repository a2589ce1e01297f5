// W7: a real incident log, played by a device for each author against a server core in this process.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "floors.hpp"
#include "replay.hpp"
#include "works.hpp"

namespace tern::bench {
namespace {

constexpr std::int64_t offline_hours = 8;

Result<double> measure_floor(Desk& desk, const fleet::ReplaySummary& summary) {
  const std::string path = desk.fresh_path("replay-floor") + ".db";
  TERN_TRY(auto store, PlainStore::make(path, sqlite::Synchronous::full, SearchIndex::as_replica));
  std::vector<TicketData> rows(
      desk.tickets().begin(),
      desk.tickets().begin() + std::min<std::ptrdiff_t>(static_cast<std::ptrdiff_t>(summary.changes),
                                                        static_cast<std::ptrdiff_t>(desk.tickets().size())));
  const std::size_t times = (summary.changes + rows.size() - 1) / rows.size();
  const std::size_t transactions = std::max<std::size_t>(summary.exchanges / times, 1);
  const Stopwatch watch;
  for (std::size_t i = 0; i < times; ++i) TERN_CHECKED(store->upsert(rows, std::min(transactions, rows.size())));
  return watch.seconds();
}

}  // namespace

Result<void> measure_replay(Desk& desk, Report& report) {
  if (!report.wants("W7")) return {};
  fleet::ReplayOptions options;
  options.log_path = desk.options().incident_log;
  options.offline_hours = offline_hours;
  options.work_directory = desk.fresh_path("replay");
  std::filesystem::create_directories(options.work_directory);
  say(fmt::format("playing {} ...", std::filesystem::path(options.log_path).filename().string()));
  TERN_TRY(const fleet::ReplaySummary summary, fleet::replay(options));
  std::error_code ignored;
  std::filesystem::remove_all(options.work_directory, ignored);
  Row row;
  row.name = "W7";
  row.title = fmt::format("replay of {} rows by {} devices, {} h offline; floor: as many upserts and commits",
                          summary.rows, summary.devices, offline_hours);
  row.value = summary.seconds;
  row.unit = "s";
  TERN_TRY(row.floor, measure_floor(desk, summary));
  row.ratio = row.value / *row.floor;
  row.met = summary.failures.empty() && summary.unexplained == 0;
  row.detail = Json::object({{"log", Json(std::filesystem::path(options.log_path).filename().string())},
                             {"changes", Json(summary.changes)},
                             {"exchanges", Json(summary.exchanges)},
                             {"failures", Json(summary.failures.size())}});
  report.add(std::move(row));
  return {};
}

}  // namespace tern::bench
