#include <atomic>
#include <barrier>
#include <mutex>

#include "load/phases.hpp"
#include "tern/protocol/limits.hpp"

namespace tern::fleet {
namespace {

constexpr auto busy_wait = std::chrono::milliseconds(500);

struct Storm {
  explicit Storm(std::size_t devices) : start(static_cast<std::ptrdiff_t>(devices) + 1) {}

  std::barrier<> start;
  std::mutex mutex;
  std::vector<double> times;
  std::atomic<std::size_t> confirmed{0}, busy{0};
  std::string trouble;  // the first one
};

Result<std::vector<Bytes>> make_work(const LoadRun& run, LoadDevice& device) {
  const auto ticket = random_id<TicketId>(run.environment);
  std::vector<Bytes> sets;
  while (sets.size() < run.options.sets) {
    sync::Change change = sets.empty() ? device.new_ticket(ticket, run.environment)
                                       : device.note(ticket, "reading " + std::to_string(sets.size()), run.environment);
    TERN_TRY(Bytes set, device.seal({std::move(change)}, run.environment));
    sets.push_back(std::move(set));
  }
  return sets;
}

/// One attempt: a connection, a session, and exchanges until everything has its receipt.
Result<void> hand_in(LoadRun& run, LoadDevice& device, const std::vector<Bytes>& sets, std::size_t& done) {
  TERN_TRY(const auto transport, run.connect());
  TERN_CHECKED(device.begin_session(*transport, run.environment));
  while (done < sets.size()) {
    v1::ExchangeRequest request = device.request();
    const std::size_t upto = std::min(sets.size(), done + limits::sets_per_exchange_max);
    for (std::size_t i = done; i < upto; ++i) request.add_change_sets(sets[i]);
    TERN_TRY(const auto response, device.exchange(*transport, request, run.environment));
    TERN_TRY(const std::size_t more, device.confirmed(response));
    done += more;
    if (response.has_error()) return fail(error_code_from_string(response.error().code()), response.error().message());
    if (more == 0) return fail(ErrorCode::internal, "An exchange brought no receipt.");
  }
  return {};
}

void take_part(LoadRun& run, Storm& storm, LoadDevice& device, const std::vector<Bytes>& sets) {
  storm.start.arrive_and_wait();
  const auto began = Clock::now();
  std::size_t done = 0;
  while (run.has_time()) {
    const auto handed = hand_in(run, device, sets, done);
    if (handed) break;
    const bool busy = handed.error().code == ErrorCode::busy || handed.error().code == ErrorCode::no_connection;
    {
      const std::lock_guard lock(storm.mutex);
      if (storm.trouble.empty()) storm.trouble = handed.error().message;
    }
    if (!busy) break;
    ++storm.busy;
    std::this_thread::sleep_for(busy_wait);
  }
  storm.confirmed += done;
  if (done < sets.size()) return;
  const std::lock_guard lock(storm.mutex);
  storm.times.push_back(ms_between(began, Clock::now()));
}

}  // namespace

Result<void> storm(LoadRun& run) {
  run.say("sealing " + std::to_string(run.devices.size() * run.options.sets) + " sets");
  std::vector<std::vector<Bytes>> work;
  for (const auto& device : run.devices) {
    TERN_TRY(auto sets, make_work(run, *device));
    work.push_back(std::move(sets));
  }
  run.say(std::to_string(run.devices.size()) + " devices come back at once");
  Storm storm(run.devices.size());
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < run.devices.size(); ++i)
    threads.emplace_back([&, i] { take_part(run, storm, *run.devices[i], work[i]); });
  storm.start.arrive_and_wait();
  const auto began = Clock::now();
  for (std::thread& thread : threads) thread.join();
  LoadSummary& summary = run.summary;
  summary.storm_seconds = ms_between(began, Clock::now()) / 1000;
  summary.storm_devices = run.devices.size();
  summary.storm_sets = run.devices.size() * run.options.sets;
  summary.storm_confirmed = storm.confirmed;
  summary.storm_busy = storm.busy;
  summary.storm = times_of(std::move(storm.times));
  if (summary.storm_confirmed < summary.storm_sets)
    run.fails("Not every set of the storm has a receipt: " + storm.trouble);
  return {};
}

}  // namespace tern::fleet
