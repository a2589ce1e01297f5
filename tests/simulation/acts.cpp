// What may happen to devices and to the server's machine in a run; what people do: acts_office.cpp; what is too much:
// acts_strain.cpp; what comes from beside them: acts_others.cpp. To add one: write it, give it a line at the end of the
// last table and a weight in a profile.
#include "simulation/acts.hpp"

namespace tern::test {
namespace {

const std::string server_root(Run& run) {
  return run.world_.server.directory();
}

// ---- agents ----

void work(Run& run, Random& random) {
  Run::Seat* seat = run.a_working_seat(random);
  if (seat == nullptr) return;
  seat->device->row_budget = random.below(12) + 1;
  const auto done = seat->agent->try_work();
  if (!done) {
    run.mark("not saved");
    run.note(seat->device->name() + " not saved: " + std::string(to_string(done.error().code)));
  }
}

void sync(Run& run, Random& random) {
  if (Run::Seat* seat = run.a_working_seat(random)) seat->device->begin_round();
}

void live(Run& run, Random& random) {
  Run::Seat* seat = run.a_working_seat(random);
  if (seat == nullptr) return;
  seat->device->go_live();
  run.mark("stream");
}

void cable(Run& run, Random& random) {
  const std::string address = run.a_seat(random).device->address();
  Network& network = run.world_.network;
  network.reaches(address) ? network.cut(address) : network.heal(address);
}

/// For some minutes what it says arrives, and no answer does.
void one_way(Run& run, Random& random) {
  Network& network = run.world_.network;
  const std::string address = run.a_seat(random).device->address();
  network.deafen(address);
  run.world_.schedule.after(random.between(10'000, minutes_ms(20)), [&network, address] { network.undeafen(address); });
}

/// Nothing moves for a while, and then everything at once.
void clog(Run& run, Random& random) {
  const std::int64_t until_ms = run.world_.schedule.now_ms() + random.between(5'000, 110'000);
  run.world_.network.clog(run.a_seat(random).device->address(), until_ms);
}

// ---- what happens to devices ----

void crash(Run& run, Random& random) {
  Run::Seat* seat = run.a_working_seat(random);
  if (seat == nullptr) return;
  seat->device->lose_power();
  run.reopen(*seat->device);
}

void power(Run& run, Random& random) {
  run.disk_.cut_power_at(run.a_seat(random).device->home(), random.below(40) + 1);
}

void reboot(Run& run, Random& random) {
  Run::Seat* seat = run.a_working_seat(random);
  if (seat == nullptr) return;
  seat->device->lose_power();
  seat->device->environment.reboot();
  run.reopen(*seat->device);
  run.mark("reboot");
}

void lose_copy(Run& run, Random& random) {
  Run::Seat* seat = run.a_working_seat(random);
  if (seat == nullptr) return;
  seat->device->close();
  run.disk_.remove(seat->device->home() + "/replica.db");
  run.reopen(*seat->device);
  run.mark("copy lost");
}

void damage_copy(Run& run, Random& random) {
  Run::Seat* seat = run.a_working_seat(random);
  if (seat == nullptr) return;
  seat->device->close();
  const std::string path = seat->device->home() + "/replica.db";
  random.chance(500) ? run.disk_.damage(path) : static_cast<void>(run.disk_.flip_bit(path));
  seat->device->damaged_at_rest = true;
  run.reopen(*seat->device);
  run.mark("copy damaged");
}

void clock(Run& run, Random& random) {
  VirtualEnvironment& environment = run.a_seat(random).device->environment;
  const std::int64_t most = random.chance(200) ? days_ms(3650) : hours_ms(30);
  const std::int64_t by_ms = random.between(-most, most);
  environment.set_wall(environment.wall_ms() + by_ms);
  if (by_ms < -hours_ms(1)) run.mark("clock back more than an hour");
}

/// A quartz that is too fast: by less than what windows allow for.
void drift(Run& run, Random& random) {
  run.a_seat(random).drift_ppm = random.below(180);
  run.mark("clock drifts");
}

/// Closed and put away: nothing of it runs, its clocks go on.
void suspend(Run& run, Random& random) {
  Run::Seat* seat = run.a_working_seat(random);
  if (seat == nullptr) return;
  Network& network = run.world_.network;
  const std::string address = seat->device->address();
  const bool reached = network.reaches(address);
  network.cut(address);
  const std::int64_t asleep_ms =
      random.chance(250) ? random.between(days_ms(7), days_ms(30)) : random.between(hours_ms(1), hours_ms(48));
  run.pass(asleep_ms);
  if (reached) network.heal(address);
  if (asleep_ms > days_ms(7)) run.mark("suspended for more than 7 days");
}

void disk_full(Run& run, Random& random) {
  const std::string home = run.a_seat(random).device->home();
  random.chance(400) ? run.disk_.heal(home) : run.disk_.set_quota(home, run.disk_.used(home) + random.below(200'000));
}

unsigned some_calls(Random& random) {
  const unsigned kinds[] = {disk_call::read,   disk_call::write, disk_call::truncate, disk_call::open,
                            disk_call::remove, disk_call::shm,   disk_call::changing, disk_call::any};
  return kinds[random.below(std::size(kinds))];
}

void disk_error(Run& run, Random& random) {
  const std::string home = run.a_seat(random).device->home();
  if (random.chance(400)) return run.disk_.heal(home);
  run.disk_.fail_call(home, some_calls(random), random.below(60) + 1, random.chance(300));
}

void disk_sync(Run& run, Random& random) {
  run.disk_.fail_call(run.a_seat(random).device->home(), disk_call::sync, random.below(10) + 1, false);
}

// ---- what happens to the server ----

void server_crash(Run& run, Random& random) {
  if (!run.world_.server.up()) return run.open_server();
  run.world_.server.crash();
  run.world_.pass(random.between(0, 40'000));
  run.open_server();
  run.mark("server crash");
}

void server_power(Run& run, Random& random) {
  run.disk_.cut_power_at(server_root(run), random.below(60) + 1);
}

void server_restart(Run& run, Random&) {
  if (!run.world_.server.powered()) return;
  run.world_.server.close();
  run.open_server();
}

void server_full(Run& run, Random& random) {
  const std::string root = server_root(run);
  random.chance(500) ? run.disk_.heal(root) : run.disk_.set_quota(root, run.disk_.used(root) + random.below(300'000));
}

void server_error(Run& run, Random& random) {
  const std::string root = server_root(run);
  if (random.chance(400)) return run.disk_.heal(root);
  run.disk_.fail_call(root, some_calls(random), random.below(80) + 1, random.chance(300));
}

void server_sync(Run& run, Random& random) {
  run.disk_.fail_call(server_root(run), disk_call::sync, random.below(10) + 1, false);
}

}  // namespace

const std::vector<Act>& acts() {
  static const std::vector<Act> all = [] {
    std::vector<Act> joined{
        {"work", work},
        {"sync", sync},
        {"live", live},
        {"cable", cable},
        {"one_way", one_way},
        {"clog", clog},
        {"crash", crash},
        {"power", power},
        {"reboot", reboot},
        {"lose_copy", lose_copy},
        {"damage_copy", damage_copy},
        {"clock", clock},
        {"drift", drift},
        {"suspend", suspend},
        {"disk_full", disk_full},
        {"disk_error", disk_error},
        {"disk_sync", disk_sync},
        {"server_crash", server_crash},
        {"server_power", server_power},
        {"server_restart", server_restart},
        {"server_full", server_full},
        {"server_error", server_error},
        {"server_sync", server_sync},
    };
    // A plan draws by an act's place: what is new comes behind the last, so that kept cases stay what they were.
    for (const std::vector<Act>& more : {acts_of_the_office(), acts_of_strain(), acts_of_others()})
      joined.insert(joined.end(), more.begin(), more.end());
    return joined;
  }();
  return all;
}

const std::vector<std::string>& required_markers() {
  static const std::vector<std::string> all{"message dropped",
                                            "message duplicated",
                                            "message reordered",
                                            "message truncated",
                                            "message flipped",
                                            "no network",
                                            "stream",
                                            "reboot",
                                            "copy lost",
                                            "copy damaged",
                                            "clock back more than an hour",
                                            "disk error",
                                            "fsync error",
                                            "disk full",
                                            "not saved",
                                            "unsynced sectors lost",
                                            "torn WAL",
                                            "torn file",
                                            "bit flipped at rest",
                                            "device lost power",
                                            "server lost power",
                                            "server crash",
                                            "customer wrote",
                                            "role changed",
                                            "role changed with work pending",
                                            "acknowledged again",
                                            "disk full inside COMMIT",
                                            "half-open line noticed",
                                            "consistency proof refused",
                                            "device wiped",
                                            "operator disabled",
                                            "ticket split",
                                            "server keys replaced",
                                            "outbox damaged",
                                            "server's file damaged",
                                            "written over the API",
                                            "answered again over the API",
                                            "sent out again",
                                            "mail to a customer",
                                            "queues changed",
                                            "held released",
                                            "text erased",
                                            "backup",
                                            "server restored",
                                            "device enrolled after the backup",
                                            "old server files put back",
                                            "work given back after a restore",
                                            "device set back",
                                            "device cloned",
                                            "device revoked",
                                            "device enrolled",
                                            "quarantine released",
                                            "fork refused",
                                            "epoch bump",
                                            "key frozen",
                                            "captive portal",
                                            "forged set",
                                            "merge with late work",
                                            "ticket left a scope",
                                            "held or refused",
                                            "service times changed",
                                            "deadline missed",
                                            "merge taken back",
                                            "withheld reply sent"};
  return all;
}

}  // namespace tern::test
