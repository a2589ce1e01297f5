// How many changes one fsync pays for when many devices push at the same moment.
#include <fmt/format.h>

#include <barrier>
#include <optional>
#include <thread>

#include "works.hpp"

namespace tern::bench {
namespace {

constexpr std::size_t devices_max = 64;
constexpr double changes_per_fsync_min = 20;

struct Pusher {
  BenchDevice device;
  std::vector<TicketId> tickets;
  std::optional<client::HttpRequest> request;
  Result<void> outcome;
};

/// Saves `changes` and makes the request that carries them.
Result<void> load(Pusher& pusher, std::size_t round, std::size_t changes) {
  std::vector<sync::Change> work;
  for (std::size_t i = 0; i < changes; ++i) {
    sync::Change change;
    change.ticket = pusher.tickets[(round * changes + i) % pusher.tickets.size()];
    change.intent = sync::Intent::set;
    change.fields.push_back({sync::FieldId::custom, "location", fmt::format("round {}", round), false});
    work.push_back(std::move(change));
  }
  TERN_CHECKED(pusher.device.client->commands().save(std::move(work)));
  client::SyncEngine& engine = pusher.device.client->engine();
  engine.start_round();
  client::EngineStep step = engine.next();
  if (step.kind != client::EngineStep::Kind::send || step.request.target != "/sync/v1/exchange")
    return fail(ErrorCode::internal, "a device had something else to do");
  pusher.request = std::move(step.request);
  return {};
}

/// All at once; gives how many commits it took.
Result<std::uint64_t> fire(std::vector<Pusher>& pushers, RunningServer& server) {
  const std::uint64_t before = server.commits();
  std::barrier start(static_cast<std::ptrdiff_t>(pushers.size()));
  std::vector<std::thread> threads;
  for (Pusher& pusher : pushers)
    threads.emplace_back([&pusher, &start] {
      start.arrive_and_wait();
      const auto answer = pusher.device.transport->send(*pusher.request);
      pusher.outcome = pusher.device.client->engine().on_answer(answer);
    });
  for (std::thread& thread : threads) thread.join();
  const std::uint64_t after = server.commits();
  for (Pusher& pusher : pushers) {
    TERN_CHECKED(pusher.outcome);
    TERN_CHECKED(pusher.device.sync());
  }
  return after - before;
}

Result<double> changes_per_fsync(std::vector<Pusher>& pushers, RunningServer& server, std::size_t rounds,
                                 std::size_t changes, std::size_t& round) {
  std::uint64_t commits = 0;
  for (std::size_t i = 0; i < rounds; ++i, ++round) {
    for (Pusher& pusher : pushers) TERN_CHECKED(load(pusher, round, changes));
    TERN_TRY(const std::uint64_t more, fire(pushers, server));
    commits += more;
  }
  return static_cast<double>(rounds * pushers.size() * changes) /
         static_cast<double>(std::max<std::uint64_t>(commits, 1));
}

void add_row(Report& report, const std::string& name, std::size_t devices, std::size_t changes, double value,
             std::optional<double> goal) {
  Row row;
  row.name = name;
  row.title = fmt::format("{} devices push at once, {} change{} each", devices, changes, changes == 1 ? "" : "s");
  row.value = value;
  row.unit = "changes/fsync";
  row.goal = goal;
  row.goal_of = GoalOf::value_at_least;
  report.add(std::move(row));
}

}  // namespace

Result<void> measure_group_commit(Desk& desk, Report& report) {
  if (!report.wants("group")) return {};
  TERN_CHECKED(desk.prepare());
  const auto world = desk.copy_of_server();
  const std::size_t count = std::min(devices_max, desk.size().agents);
  for (std::size_t i = 0; i < count; ++i) world->add(Desk::agent_home(i), desk.path(Desk::agent_home(i)));
  TERN_TRY(auto server, RunningServer::start(world->path(Desk::server_home), desk.environment()));
  std::vector<Pusher> pushers(count);
  for (std::size_t i = 0; i < count; ++i) {
    TERN_TRY(pushers[i].device, open_device(world->path(Desk::agent_home(i)), *server, desk.environment()));
    TERN_CHECKED(pushers[i].device.sync());
    TERN_TRY(pushers[i].tickets, Desk::tickets_of(*pushers[i].device.client));
  }
  const std::size_t rounds = desk.options().quick ? 3 : 10;
  std::size_t round = 0;
  TERN_TRY(const double single, changes_per_fsync(pushers, *server, rounds, 1, round));
  TERN_TRY(const double ten, changes_per_fsync(pushers, *server, rounds, 10, round));
  add_row(report, "group", count, 1, single,
          count == devices_max ? std::optional(changes_per_fsync_min) : std::nullopt);
  add_row(report, "group_10", count, 10, ten, std::nullopt);
  return {};
}

}  // namespace tern::bench
