// W2: days of work of one device arrive at once. W3: a morning of work of a hundred devices arrives at once.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <mutex>
#include <thread>

#include "floors.hpp"
#include "tern/protocol/limits.hpp"
#include "works.hpp"

namespace tern::bench {
namespace {

namespace fs = std::filesystem;
using sync::Change;
using sync::FieldId;

constexpr double w2_ratio_max = 6, w2_single_ratio_max = 12, w3_ratio_max = 1.5, w5_push_mb_max = 0.8;
constexpr std::int64_t pause_ms = limits::seal_after_idle_ms + 1'000;  // ends a set
constexpr unsigned devices_at_once = 8;

/// One field of one ticket, in turn: priority, due date, location, model.
Change change_of(const TicketId& ticket, std::size_t number) {
  Change change;
  change.ticket = ticket;
  change.intent = sync::Intent::set;
  switch (number % 4) {
    case 0:
      change.fields.push_back({FieldId::priority, "", std::to_string(1 + number / 4 % 4), false});
      break;
    case 1:
      change.fields.push_back(
          {FieldId::due_at, "", std::to_string(1'790'000'000'000 + static_cast<std::int64_t>(number) * 60'000), false});
      break;
    case 2:
      change.fields.push_back(
          {FieldId::custom, "location", fmt::format("Hall {:02}, row {:02}", number % 40, number % 90), false});
      break;
    default:
      change.fields.push_back({FieldId::custom, "model", fmt::format("model {}", number % 500), false});
      break;
  }
  return change;
}

/// Saves one change for each ticket of the replica in `home`, with a pause behind each set.
Result<void> work_offline(Desk& desk, const std::string& home, std::size_t per_set) {
  client::ClientOptions options;
  options.home = home;
  TERN_TRY(const auto client, client::Client::open(options, desk.environment()));
  TERN_TRY(const auto tickets, Desk::tickets_of(*client));
  for (std::size_t from = 0; from < tickets.size(); from += per_set) {
    std::vector<Change> changes;
    for (std::size_t i = from; i < std::min(from + per_set, tickets.size()); ++i)
      changes.push_back(change_of(tickets[i], i));
    TERN_CHECKED(client->commands().save(std::move(changes)));
    desk.environment().advance(pause_ms);
  }
  return {};
}

Result<void> check_sent(client::Client& client) {
  TERN_TRY(const auto status, client.views().status());
  if (status.saved_here + status.sent != 0)
    return fail(ErrorCode::internal, fmt::format("{} changes were not sent", status.saved_here + status.sent));
  if (status.needs_attention != 0)
    return fail(ErrorCode::internal, fmt::format("{} changes need attention", status.needs_attention));
  return {};
}

struct Pushed {
  double seconds = 0, cpu_seconds = 0, bytes_up = 0, bytes_down = 0;
  std::uint64_t exchanges = 0, commits = 0;
};

double wire_bytes(std::uint64_t before, std::uint64_t after) {
  return static_cast<double>(after - before);
}

/// One device with that much offline work meets a copy of the server.
Result<Pushed> push_one(Desk& desk, const std::string& prepared_home) {
  const auto world = desk.copy_of_server();
  world->add(Desk::field_home, prepared_home);
  TERN_TRY(auto server, RunningServer::start(world->path(Desk::server_home), desk.environment()));
  TERN_TRY(BenchDevice device, open_device(world->path(Desk::field_home), *server, desk.environment()));
  const auto before = server->counters();
  const Stopwatch watch;
  TERN_TRY(const auto done, device.sync());
  Pushed pushed;
  pushed.seconds = watch.seconds();
  pushed.cpu_seconds = watch.cpu_seconds();
  const auto after = server->counters();
  pushed.bytes_up = wire_bytes(before.bytes_in, after.bytes_in);
  pushed.bytes_down = wire_bytes(before.bytes_out, after.bytes_out);
  pushed.exchanges = done.exchanges;
  pushed.commits = server->commits();
  TERN_CHECKED(check_sent(*device.client));
  return pushed;
}

Result<void> sync_all(std::vector<BenchDevice>& devices) {
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  Result<void> outcome;
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < devices_at_once; ++i)
    threads.emplace_back([&] {
      for (std::size_t at = next++; at < devices.size(); at = next++) {
        if (auto done = devices[at].sync(); !done) {
          const std::lock_guard guard(mutex);
          outcome = tl::unexpected(std::move(done).error());
        }
      }
    });
  for (std::thread& thread : threads) thread.join();
  return outcome;
}

Result<Pushed> push_many(Desk& desk, const std::string& prepared_homes) {
  const auto world = desk.copy_of_server();
  for (std::size_t i = 0; i < desk.size().agents; ++i)
    world->add(Desk::agent_home(i), prepared_homes + "/" + Desk::agent_home(i));
  TERN_TRY(auto server, RunningServer::start(world->path(Desk::server_home), desk.environment()));
  std::vector<BenchDevice> devices;
  for (std::size_t i = 0; i < desk.size().agents; ++i) {
    TERN_TRY(BenchDevice device, open_device(world->path(Desk::agent_home(i)), *server, desk.environment()));
    devices.push_back(std::move(device));
  }
  const Stopwatch watch;
  TERN_CHECKED(sync_all(devices));
  Pushed pushed;
  pushed.seconds = watch.seconds();
  pushed.cpu_seconds = watch.cpu_seconds();
  pushed.commits = server->commits();
  for (BenchDevice& device : devices) TERN_CHECKED(check_sent(*device.client));
  return pushed;
}

/// The upserts in as many durable transactions as the push needs exchanges.
struct PushFloor {
  double seconds = 0, cpu_seconds = 0;
};
Result<PushFloor> measure_floor(Desk& desk, PlainStore& store, std::size_t per_set) {
  const std::size_t per_exchange = per_set * limits::sets_per_exchange_max;
  const Stopwatch watch;
  TERN_CHECKED(store.upsert(desk.tickets(), (desk.size().tickets() + per_exchange - 1) / per_exchange));
  return PushFloor{watch.seconds(), watch.cpu_seconds()};
}

struct SetSize {
  std::size_t changes;
  const char* name;
  double ratio_max;
};
constexpr SetSize set_sizes[] = {
    {100, "W2", w2_ratio_max}, {10, "W2_sets_of_10", w2_ratio_max}, {1, "W2_sets_of_1", w2_single_ratio_max}};

class PushWorks {
public:
  PushWorks(Desk& desk, Report& report) : desk_(desk), report_(report) {}

  Result<void> measure() {
    TERN_CHECKED(desk_.prepare());
    TERN_TRY(store_,
             PlainStore::make(desk_.fresh_path("upserts") + ".db", sqlite::Synchronous::full, SearchIndex::as_replica));
    TERN_CHECKED(store_->insert_rows(desk_.tickets()));
    for (const SetSize& size : set_sizes)
      if (report_.wants(size.name) || (size.changes == 100 && (report_.wants("W3") || report_.wants("W5_W2"))))
        TERN_CHECKED(measure_one(size));
    return {};
  }

private:
  Result<std::string> prepare_field(std::size_t per_set) {
    const std::string home = desk_.fresh_path("field", desk_.made_in());
    fs::copy(desk_.path(Desk::field_home), home, fs::copy_options::recursive);
    TERN_CHECKED(work_offline(desk_, home, per_set));
    return home;
  }

  Result<std::string> prepare_agents() {
    const std::string homes = desk_.fresh_path("agents", desk_.made_in());
    fs::create_directories(homes);
    for (std::size_t i = 0; i < desk_.size().agents; ++i) {
      const std::string home = homes + "/" + Desk::agent_home(i);
      fs::copy(desk_.path(Desk::agent_home(i)), home, fs::copy_options::recursive);
      TERN_CHECKED(work_offline(desk_, home, desk_.size().tickets_per_agent));
    }
    return homes;
  }

  Result<void> measure_one(const SetSize& size) {
    const bool with_many = size.changes == 100 && report_.wants("W3");
    TERN_TRY(const std::string field, prepare_field(size.changes));
    std::string agents;
    if (with_many) {
      TERN_TRY(agents, prepare_agents());
    }
    Pairs one, one_cpu, many;
    Pushed last, last_many;
    for (std::size_t i = 0; i < desk_.options().pairs(); ++i) {
      TERN_TRY(const PushFloor floor, measure_floor(desk_, *store_, size.changes));
      TERN_TRY(last, push_one(desk_, field));
      one.add(floor.seconds, last.seconds);
      one_cpu.add(floor.cpu_seconds, last.cpu_seconds);
      say(fmt::format("  sets of {}: {:.3f} s ({:.3f} of CPU) over {:.3f} s ({:.3f})", size.changes, last.seconds,
                      last.cpu_seconds, floor.seconds, floor.cpu_seconds));
      if (!with_many) continue;
      TERN_TRY(last_many, push_many(desk_, agents));
      many.add(last.seconds, last_many.seconds);
      say(fmt::format("  {} devices: {:.3f} s ({:.3f} of CPU)", desk_.size().agents, last_many.seconds,
                      last_many.cpu_seconds));
    }
    fs::remove_all(field);
    if (with_many) fs::remove_all(agents);
    add_rows(size, one, one_cpu, last);
    if (with_many) add_many(many, last_many);
    return {};
  }

  void add_rows(const SetSize& size, const Pairs& pairs, const Pairs& cpu, const Pushed& last) {
    Row row = row_of(
        size.name, fmt::format("{} offline changes of one device in sets of {}", desk_.size().tickets(), size.changes),
        pairs, "s", size.ratio_max);
    row.detail = Json::object({{"exchanges", Json(last.exchanges)},
                               {"commits", Json(last.commits)},
                               {"cpu_s", Json(rounded(cpu.work()))},
                               {"floor_cpu_s", Json(rounded(cpu.floor()))},
                               {"cpu_ratio", Json(rounded(cpu.ratio()))}});
    report_.add(std::move(row));
    if (size.changes != 100) return;
    Row bytes;
    bytes.name = "W5_W2";
    bytes.title = "bytes on the wire for W2 in sets of 100, both ways, heads included";
    bytes.value = (last.bytes_up + last.bytes_down) / bytes_per_mb;
    bytes.unit = "MB";
    bytes.goal = w5_push_mb_max * static_cast<double>(desk_.size().tickets()) / 10'000;
    bytes.goal_of = GoalOf::value;
    bytes.detail = Json::object({{"up_mb", Json(rounded(last.bytes_up / bytes_per_mb))},
                                 {"down_mb", Json(rounded(last.bytes_down / bytes_per_mb))}});
    report_.add(std::move(bytes));
  }

  void add_many(const Pairs& pairs, const Pushed& last) {
    Row row = row_of(
        "W3", fmt::format("{} devices x {} changes; floor: W2", desk_.size().agents, desk_.size().tickets_per_agent),
        pairs, "s", w3_ratio_max);
    row.detail = Json::object({{"commits", Json(last.commits)}, {"devices_at_once", Json(devices_at_once)}});
    report_.add(std::move(row));
  }

  Desk& desk_;
  Report& report_;
  std::unique_ptr<PlainStore> store_;
};

}  // namespace

Result<void> measure_push(Desk& desk, Report& report) {
  if (!report.wants("W2") && !report.wants("W3") && !report.wants("W5_W2")) {
    const bool part = std::any_of(std::begin(set_sizes), std::end(set_sizes),
                                  [&](const SetSize& size) { return report.wants(size.name); });
    if (!part) return {};
  }
  return PushWorks(desk, report).measure();
}

}  // namespace tern::bench
