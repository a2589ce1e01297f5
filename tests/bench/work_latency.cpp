// W4: from the call that saves a change on one device to the moment another device's view shows it.
#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <thread>

#include "floors.hpp"
#include "works.hpp"

namespace tern::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double p50_over_commit_ms_max = 2, p99_ms_max = 20;
constexpr double round_ms_per_s = 1'000;
constexpr std::int64_t seen_ms_max = 10'000;

double ms_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double, std::milli>(to - from).count();
}

/// A device that listens in a thread of its own and says when it sees a subject.
class Watcher {
public:
  Watcher(BenchDevice device, std::unique_ptr<client::StreamConnection> stream, const TicketId& ticket)
      : device_(std::move(device)), stream_(std::move(stream)), ticket_(ticket), thread_([this] { run(); }) {}
  ~Watcher() {
    stopping_ = true;
    thread_.join();
  }

  /// When the `round`-th subject was in the view; nothing when it did not come in time.
  std::optional<Clock::time_point> wait_for(std::uint64_t round) {
    for (const Stopwatch watch; watch.seconds() * round_ms_per_s < seen_ms_max;) {
      if (seen_round_.load(std::memory_order_acquire) >= round)
        return Clock::time_point(Clock::duration(seen_at_.load()));
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
    return std::nullopt;
  }
  static std::string subject(std::uint64_t round) { return fmt::format("seen in round {}", round); }

private:
  void run() {
    client::SyncEngine& engine = device_.client->engine();
    std::uint64_t next = 1;
    const auto look = [&] {
      const auto now = Clock::now();
      const auto view = device_.client->views().ticket(ticket_);
      if (!view || view->row.subject != subject(next)) return;
      seen_at_ = now.time_since_epoch().count();
      seen_round_.store(next++, std::memory_order_release);
    };
    while (!stopping_)
      if (!flush(engine, *stream_) || !take_message(engine, *stream_, 100, look)) return;
  }

  BenchDevice device_;
  std::unique_ptr<client::StreamConnection> stream_;
  TicketId ticket_;
  std::atomic<bool> stopping_{false};
  std::atomic<std::uint64_t> seen_round_{0};
  std::atomic<Clock::rep> seen_at_{0};
  std::thread thread_;
};

struct Latencies {
  std::vector<double> whole_ms, save_ms, commit_ms;
};

Result<Latencies> measure_on(Desk& desk, WorldCopy& world, const std::string& floor_path, std::size_t rounds) {
  world.add(Desk::agent_home(0), desk.path(Desk::agent_home(0)));
  world.add(Desk::field_home, desk.path(Desk::field_home));
  TERN_TRY(auto server, RunningServer::start(world.path(Desk::server_home), desk.environment()));
  TERN_TRY(auto floor, PlainStore::make(floor_path, sqlite::Synchronous::full, SearchIndex::as_replica));

  TERN_TRY(BenchDevice writer, open_device(world.path(Desk::agent_home(0)), *server, desk.environment()));
  TERN_CHECKED(writer.sync());
  client::SyncEngine& engine = writer.client->engine();
  TERN_TRY(const auto stream, open_stream(engine, *writer.transport));
  TERN_TRY(const auto tickets, Desk::tickets_of(*writer.client));

  TERN_TRY(BenchDevice other, open_device(world.path(Desk::field_home), *server, desk.environment()));
  TERN_CHECKED(other.sync());
  TERN_TRY(auto reader_stream, open_stream(other.client->engine(), *other.transport));
  Watcher watcher(std::move(other), std::move(reader_stream), tickets.front());

  Latencies out;
  for (std::uint64_t round = 1; round <= rounds; ++round) {
    sync::Change change;
    change.ticket = tickets.front();
    change.intent = sync::Intent::set;
    change.fields.push_back({sync::FieldId::subject, "", Watcher::subject(round), false});
    const auto begun = Clock::now();
    TERN_CHECKED(writer.client->commands().save({change}));
    const auto saved = Clock::now();
    engine.start_round();
    TERN_CHECKED(settle(engine, *stream));
    const auto seen = watcher.wait_for(round);
    if (!seen) return fail(ErrorCode::internal, fmt::format("the other device did not see change {}", round));
    out.whole_ms.push_back(ms_between(begun, *seen));
    out.save_ms.push_back(ms_between(begun, saved));
    TERN_TRY(const auto commits, time_commits(*floor, desk.tickets(), 2));
    for (const double seconds : commits) out.commit_ms.push_back(seconds * round_ms_per_s);
  }
  return out;
}

void add_row(Report& report, const char* name, const char* title, const Latencies& of, double share,
             std::optional<double> goal) {
  Row row;
  row.name = name;
  row.title = title;
  row.value = quantile(of.whole_ms, share);
  row.unit = "ms";
  row.floor = quantile(of.commit_ms, share);
  row.ratio = row.value / *row.floor;
  row.goal = goal;
  row.goal_of = GoalOf::value;
  row.detail = Json::object(
      {{"of_it_saving_here_ms", Json(rounded(quantile(of.save_ms, share)))}, {"rounds", Json(of.whole_ms.size())}});
  report.add(std::move(row));
}

}  // namespace

Result<void> measure_latency(Desk& desk, Report& report) {
  if (!report.wants("W4")) return {};
  TERN_CHECKED(desk.prepare());
  const std::size_t rounds = desk.options().quick ? 60 : 500;
  const auto on_disk = desk.copy_of_server();
  TERN_TRY(const Latencies disk, measure_on(desk, *on_disk, on_disk->path("floor.db"), rounds));
  add_row(report, "W4", "change to visible on another device, p50; floor: one durable commit", disk, 0.5,
          median(disk.commit_ms) + p50_over_commit_ms_max);
  add_row(report, "W4_p99", "the same, p99, on this disk", disk, 0.99, std::nullopt);
  const auto in_memory = desk.copy_of_server(true);
  if (!in_memory) return {};
  TERN_TRY(const Latencies memory, measure_on(desk, *in_memory, in_memory->path("floor.db"), rounds));
  add_row(report, "W4_p50_memory", "the same, p50, where commits are not the limit", memory, 0.5, std::nullopt);
  add_row(report, "W4_p99_memory", "the same, p99, where commits are not the limit", memory, 0.99, p99_ms_max);
  return {};
}

}  // namespace tern::bench
