// What strains a device or the server without breaking it: no memory, a statement that fails, a writer in the way, a
// wrong clock, too much work, too much news.
#include "simulation/acts.hpp"
#include "tern/protocol/limits.hpp"

namespace tern::test {
namespace {

constexpr std::uint64_t pile_sets = 1'000;
constexpr std::uint64_t far_behind_commits = 500;  // from here on the server looks for news in another way
constexpr const char* backlog = "backlog of more than 1,000 sets";

/// The nth allocation of SQLite fails on a device or on the server: that one, or all for a while.
void memory(Run& run, Random& random) {
  const std::string root = random.chance(300) ? run.world_.server.directory() : run.a_seat(random).device->home();
  const std::uint64_t nth = random.below(random.chance(500) ? 60 : 2'000) + 1;
  if (random.chance(600)) return run.disk_.fail_memory(root, nth, 1);
  run.disk_.fail_memory(root, nth, UINT64_MAX);
  run.world_.schedule.after(random.between(1, minutes_ms(10)), [&run, root] { run.disk_.fail_memory(root, 1, 0); });
}

/// The nth statement of SQLite's fails on a device or on the server, whatever it is for.
void statement(Run& run, Random& random) {
  const std::string root = random.chance(500) ? run.world_.server.directory() : run.a_seat(random).device->home();
  run.disk_.fail_statement(root, random.below(random.chance(500) ? 40 : 1'500) + 1);
}

Result<void> note(Run::Seat& seat, std::uint64_t number) {
  if (seat.piled_on == TicketId{}) return seat.agent->try_work();
  sync::Change change;
  change.intent = Intent::message;
  change.ticket = seat.piled_on;
  change.visibility = sync::Visibility::team;
  change.text = "pile " + seat.device->name() + " " + std::to_string(number) + ".";
  return seat.device->try_save({std::move(change)}).map([](const auto&) {});
}

/// Somebody works for days where no network is.
void pile(Run& run, Random& random) {
  Run::Seat* seat = run.a_working_seat(random);
  if (seat == nullptr || seat->neighbour || run.met(backlog)) return;
  Network& network = run.world_.network;
  Device& device = *seat->device;
  const bool reached = network.reaches(device.address());
  network.cut(device.address());
  std::uint64_t refused = 0;
  for (std::uint64_t n = 0; Run::works(device) && refused < 20; ++n) {
    // Notes, for the most part: they cost the least.
    const bool anything = n % 16 == 0;
    if (anything)
      if (auto rows = device.try_list()) {
        std::erase_if(*rows, [](const client::ListRow& row) { return row.ghost; });
        if (!rows->empty()) seat->piled_on = random.pick(*rows).id;
      }
    refused += (anything ? seat->agent->try_work() : note(*seat, n)) ? 0 : 1;
    run.pass(limits::seal_after_idle_ms + 1'000);  // what comes next is in a set of its own
    if (n % 64 != 0) continue;
    run.pass(random.between(0, minutes_ms(20)));
    if (!Run::works(device)) break;
    if (run.world_.sets_waiting(device) <= pile_sets) continue;
    run.mark(backlog);
    break;
  }
  if (reached) network.heal(device.address());
}

/// Its clock is set, by more or less than it can tell, and set right again some time later.
void server_clock(Run& run, Random& random) {
  if (run.world_.server_clock_off_ms != 0) return;
  const std::int64_t most = random.chance(300) ? days_ms(400) : hours_ms(2);
  const std::int64_t by_ms =
      random.chance(200) ? random.between(-Run::believed_jump_ms, Run::believed_jump_ms) : random.between(-most, most);
  run.set_server_clock(by_ms);
  run.mark(by_ms < 0 ? "server's clock set back" : "server's clock set ahead");
  run.world_.schedule.after(random.between(minutes_ms(1), minutes_ms(90)), [&run] { run.set_server_clock(0); });
}

/// Another program has the file of the first organisation and writes: whoever else wants to is told that it is busy.
void server_busy(Run& run, Random& random) {
  if (!run.world_.server.up() || !run.world_.server.powered()) return;
  if (run.hold_server_busy())
    run.world_.schedule.after(random.between(5'000, minutes_ms(15)), [&run] { run.let_server_go(); });
}

/// A device hears nothing for so long that it is asked for in another way what is new.
void fall_behind(Run& run, Random& random) {
  Run::Seat* seat = run.a_working_seat(random);
  Server& server = run.world_.server;
  if (seat == nullptr || seat->neighbour || !server.up() || !server.powered() || run.met("far behind")) return;
  const std::string address = seat->device->address();
  Network& network = run.world_.network;
  const bool reached = network.reaches(address);
  network.cut(address);
  const std::uint64_t from = run.newest_commit();
  for (std::uint64_t tries = 0; tries < 2 * far_behind_commits && server.up() && server.powered(); ++tries) {
    if (run.newest_commit() > from + far_behind_commits) {
      run.mark("far behind");
      break;
    }
    customer_writes(run, random);
    if (tries % 16 == 0) run.pass(random.between(0, minutes_ms(5)));
  }
  if (reached) network.heal(address);
  if (Run::works(*seat->device)) seat->device->begin_round();
}

/// Service times that tickets are measured by, set and set anew: `verify` comes to every decision of theirs again.
void service_times(Run& run, Random& random) {
  run.office([&] {
    const std::vector<std::string> targets{"20m", "2h", "1d"};
    const std::string first = random.pick(targets), last = random.pick(targets);
    const auto rule = [&](const char* command) {
      return run.administer(command,
                            {{"name", Json("All")}, {"first-response", Json(first)}, {"resolution", Json(last)}});
    };
    if (rule("sla rule set") || rule("sla rule add")) run.mark("service times changed");
  });
}

}  // namespace

std::vector<Act> acts_of_strain() {
  return {{"memory", memory},
          {"pile", pile},
          {"server_clock", server_clock},
          {"server_busy", server_busy},
          {"fall_behind", fall_behind},
          {"statement", statement},
          {"service_times", service_times}};
}

}  // namespace tern::test
