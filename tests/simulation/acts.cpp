// What may happen in a run. To add one: write it, give it a line in the table at the end and a weight in a profile.
#include "ingest/jobs.hpp"
#include "simulation/judge.hpp"
#include "simulation/run.hpp"
#include "support/world_intruder.hpp"
#include "tern/protocol/limits.hpp"

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

// ---- customers and the office ----

std::optional<TicketId> some_ticket(Run& run, Random& random) {
  const LookingOn looking(&run.disk_);
  const auto db = run.world_.server.read(run.world_.server.first_tenant());
  std::vector<TicketId> all;
  auto rows = must(db->query("SELECT ticket_id FROM ticket ORDER BY ticket_id"));
  while (must(rows.step())) all.push_back(rows.id<TicketId>(0));
  if (all.empty()) return std::nullopt;
  return random.pick(all);
}

/// Through the server's own write path; with disk faults it may fail, and then nothing of it counts.
void act_there(Run& run, sync::Change change, const OperatorId& acting) {
  if (change.intent != Intent::record) change.seen_now = true;
  run.world_.server.on_strand(run.world_.server.first_tenant(), [&](server::Tenant& there) -> Result<void> {
    std::vector<server::ServerChange> changes;
    changes.push_back({std::move(change), acting});
    if (const auto done = server::commit_server(there, std::move(changes)); !done) run.note("not done there");
    return {};
  });
}

void customer(Run& run, Random& random) {
  if (!run.world_.server.up() || !run.world_.server.powered()) return;
  const auto ticket = some_ticket(run, random);
  if (!ticket) return;
  sync::Change change;
  change.ticket = *ticket;
  change.intent = Intent::message;
  change.visibility = sync::Visibility::open;
  change.text = "customer " + std::to_string(random.next());
  change.principal_kind = sync::PrincipalKind::contact;
  change.principal_id = Bytes(run.customer_.view());
  act_there(run, std::move(change), {});
  run.mark("customer wrote");
}

void role(Run& run, Random& random) {
  run.office([&] {
    const std::vector<std::string> roles{"operator", "supervisor", "light"};
    const std::string drawn = random.pick(roles);
    const auto done = run.administer("operator set", {{"operator", Json("ben@example.org")}, {"role", Json(drawn)}});
    if (!done) return;
    run.mark("role changed");
    run.roles_of_ben_.emplace_back(run.newest_commit(), drawn);
  });
}

void queues(Run& run, Random& random) {
  run.office([&] {
    const std::vector<std::string> queues{"Field", "Desk"};
    Json mine = Json::array();
    mine.push(Json(random.pick(queues)));
    const auto done =
        run.administer("operator set", {{"operator", Json("ben@example.org")}, {"queue", std::move(mine)}});
    if (done) run.mark("queues changed");
  });
}

void release(Run& run, Random& random) {
  run.office([&] {
    const auto held = run.administer("held list");
    if (!held || (*held)["rows"].items().empty()) return;
    const auto& rows = (*held)["rows"].items();
    const auto done = run.administer(
        "held release", {{"change", rows[random.below(rows.size())]["change"]}, {"by", Json("ann@example.org")}});
    if (done) run.mark("held released");
  });
}

void erase(Run& run, Random& random) {
  run.office([&] {
    std::vector<SavedWork*> texts;
    for (SavedWork& work : run.world_.saved_work)
      if (work.intent == Intent::message && !work.erased && work.tenant == run.world_.server.first_tenant())
        texts.push_back(&work);
    if (texts.empty()) return;
    SavedWork& work = *random.pick(texts);
    const std::string ref = to_uuid_text(work.ref.device.view()) + ":" + to_hex(work.ref.id);
    if (!run.administer("erase", {{"change", Json::array({Json(ref)})}})) return;
    for (SavedWork& other : run.world_.saved_work)
      if (other.text == work.text) other.erased = true;
    run.erased_texts_.insert(work.text);
    run.mark("text erased");
  });
}

// ---- old copies ----

void backup(Run& run, Random&) {
  run.office([&] {
    run.backups_.push_back({run.world_.server.backup(), run.newest_commit()});
    run.mark("backup");
  });
}

/// Whose key ended may be unknown to the restored server, which then refuses it by what it was told beside the backup.
void note_ended(Run& run) {
  for (const auto& seat : run.seats_)
    if (excused(run, *seat->device)) run.ended_.insert(seat->device->identity().device);
}

/// Who was enrolled after the backup comes back by its certificate. Who was enrolled in an epoch that the backup knows
/// nothing of does, too, but runs do not look at that yet: it takes no further part.
void take_stock_of_unknown(Run& run) {
  for (const auto& seat : run.seats_) {
    Device& device = *seat->device;
    const auto known = must(run.world_.server.read(device.tenant())
                                ->int64_of("SELECT 1 FROM device WHERE device_id = $1", device.identity().device));
    if (known || device.gone) continue;
    run.mark("device enrolled after the backup");
    const auto record = must(server::epoch_record(run.world_.server.tenant(device.tenant()), seat->enrolled_in));
    if (record || run.ended_.contains(device.identity().device)) continue;
    run.give_up_unsent(device);
    run.tear_work_of(device.identity().device);
    device.close();
    device.gone = true;
    run.mark("device of an epoch that the backup does not know");
  }
}

void restore(Run& run, Random& random) {
  if (run.backups_.empty()) return;
  run.office([&] {
    const Run::Backup& old = random.pick(run.backups_);
    run.kept_seq_ = std::min(run.kept_seq_, old.commit_seq);
    run.tear_above(run.kept_seq_);
    note_ended(run);
    run.note_numbers();
    run.world_.server.restore(old.path);
    run.world_.forget_acknowledged();
    run.restored_ = true;
    run.all_know_ = false;
    take_stock_of_unknown(run);
    run.mark("server restored");
  });
}

/// Old files put back by hand, found out by a device that is ahead, and the newest ones again. Nobody else talks to the
/// old ones: what they would acknowledge goes with them.
void set_back_server(Run& run, Random& random) {
  run.office([&] {
    const ServerCopy old = run.world_.server.copy();
    const std::uint64_t old_seq = run.newest_commit();
    run.world_.pass(random.between(0, minutes_ms(30)));
    Run::Seat* seat = run.a_working_seat(random);
    if (seat == nullptr || !run.world_.server.up() || !run.world_.server.powered()) return;
    const auto status = seat->device->client().views().status();
    Network& network = run.world_.network;
    if (!status || status->cursor <= old_seq || !network.reaches(seat->device->address())) return;
    // Whoever has not heard of the last restore is not ahead: it would follow the old files into the new epoch.
    Device& device = *seat->device;
    if (run.world_.epoch_of(device) != run.world_.server.tenant(device.tenant()).epoch()) return;
    std::vector<std::string> cut;
    for (const auto& other : run.seats_)
      if (other.get() != seat && network.reaches(other->device->address())) cut.push_back(other->device->address());
    for (const std::string& address : cut) network.cut(address);
    const ServerCopy newest = run.world_.server.copy();
    run.world_.server.put_back(old);
    seat->device->begin_round();
    run.world_.pass(1'000);
    if (Run::works(*seat->device))
      if (const auto then = seat->device->client().views().status(); then && !then->paused.empty())
        run.mark("older server noticed");
    run.world_.server.put_back(newest);
    for (const std::string& address : cut) network.heal(address);
    run.mark("old server files put back");
  });
}

void copy_home(Run& run, Random& random) {
  Run::Seat* seat = run.a_working_seat(random);
  if (seat == nullptr) return;
  const LookingOn without_faults(&run.disk_);
  seat->copy = seat->device->copy_home();
  seat->work_then = run.world_.saved_work.size();
}

void set_back_device(Run& run, Random& random) {
  Run::Seat* seat = run.a_working_seat(random);
  if (seat == nullptr || seat->copy.empty()) return;
  run.give_up_unsent(*seat->device, seat->work_then);
  run.tear_work_of(seat->device->identity().device);
  seat->device->close();
  run.world_.copy_home(seat->copy, seat->device->home());
  run.reopen(*seat->device);
  run.mark("device set back");
}

void clone(Run& run, Random& random) {
  Run::Seat* seat = run.a_working_seat(random);
  if (seat == nullptr || seat->neighbour || run.seats_.size() > 7) return;
  const LookingOn without_faults(&run.disk_);
  const EpochId enrolled_in = seat->enrolled_in;
  run.seat(run.world_.clone(*seat->device, "twin " + std::to_string(run.seats_.size()))).enrolled_in = enrolled_in;
  run.mark("device cloned");
}

// ---- others ----

/// Somebody in between answers everybody: 200, and a page to log in.
void portal(Run& run, Random& random) {
  Network& network = run.world_.network;
  network.portal = [](const client::HttpRequest&) {
    client::HttpAnswer answer;
    answer.status = 200;
    answer.headers = {{"content-type", "text/html"}};
    answer.body = "<html>Welcome to the hotel</html>";
    return std::optional(answer);
  };
  run.mark("captive portal");
  if (Run::Seat* seat = run.a_working_seat(random)) seat->device->begin_round();
  run.world_.schedule.after(random.between(1'000, 600'000), [&network] { network.portal = nullptr; });
}

/// Somebody who has read a device's keys says what no program of ours would: none of it may be taken.
void forge(Run& run, Random& random) {
  Run::Seat* seat = run.a_working_seat(random);
  if (seat == nullptr || seat->neighbour) return;
  run.office([&] {
    Intruder intruder(run.world_, *seat->device);
    if (!intruder.begin_session() || intruder.welcome.mode != protocol::SessionMode::full) return;
    const auto ticket = some_ticket(run, random);
    if (!ticket) return;
    protocol::ChangeSetHeader header = intruder.next_header();
    // A wrong name of the set before is a fork: it costs the device its one healing, so it is rare.
    const std::uint64_t kind = random.chance(100) ? 2 : random.below(2);
    const bool wrong_key = kind == 0;
    if (kind == 1) header.chain_seq += 1;
    if (kind == 2) header.prev_hash.bytes[0] ^= 1;
    Bytes wire = intruder.seal(header, {intruder.note(*ticket, "forged")});
    if (wrong_key) {
      auto set = must(protocol::decode_change_set(wire));
      set.signature.bytes[random.below(set.signature.bytes.size())] ^= 1;
      wire = protocol::encode(set);
    }
    const auto answer = intruder.push(wire);
    run.mark("forged set");
    if (answer && answer->error().code().empty())
      run.world_.complain(wrong_key ? "I7: a set with a bad signature was taken"
                                    : "I4: a set was taken without the one before it");
  });
}

/// A program that the server has gone beyond, or that has gone beyond the server.
void old_client(Run& run, Random& random) {
  Run::Seat* seat = run.a_working_seat(random);
  if (seat == nullptr || seat->neighbour) return;
  run.office([&] {
    Intruder other(run.world_, *seat->device);
    if (!other.begin_session() || other.welcome.mode != protocol::SessionMode::full) return;
    const auto ticket = some_ticket(run, random);
    if (!ticket) return;
    protocol::ChangeSetHeader header = other.next_header();
    header.schema_version = random.chance(500) ? limits::schema_version_min - 1 : limits::schema_version + 1;
    const std::uint64_t before = run.newest_commit();
    const auto answer = other.push(other.seal(header, {other.note(*ticket, "of another version")}));
    run.mark("old client refused");
    if (!answer || answer->error().code() != "UPGRADE_REQUIRED")
      run.world_.complain("I34: a set of another schema was not answered with UPGRADE_REQUIRED");
    if (run.newest_commit() != before) run.world_.complain("I34: a set of another schema was committed");
  });
}

// ---- devices come and go ----

void revoke(Run& run, Random& random) {
  Run::Seat* seat = run.a_working_seat(random);
  if (seat == nullptr || seat->neighbour) return;
  run.office([&] {
    const std::string id = to_uuid_text(seat->device->identity().device.view());
    if (!run.administer("device revoke", {{"device", Json(id)}})) return;
    run.mark("device revoked");
    run.tear_work_of(seat->device->identity().device);
    run.revoked_at_.emplace(seat->device->identity().device, run.newest_commit());
  });
}

void enrol(Run& run, Random& random) {
  if (run.seats_.size() > 7) return;
  run.office([&] {
    const std::vector<std::string> people{"ann", "ben", "cas"};
    const std::string& person = random.pick(people);
    const std::string name = person + " again " + std::to_string(++run.enrolled_);
    const bool all = person == "ann";
    const Faults faults = run.world_.network.faults;
    run.world_.network.faults = {};
    run.world_.network.portal = nullptr;
    const auto operators = run.administer("operator list");
    const bool there = operators && to_text(*operators).find(person + "@example.org") != std::string::npos;
    if (there) run.seat(run.world_.add_device(name, {.person = person, .scope_all = all, .tenant = run.first_}));
    run.world_.network.faults = faults;
    if (there) run.mark("device enrolled");
  });
}

void let_in(Run& run, Random& random) {
  run.office([&] {
    const auto sets = run.administer("quarantine list");
    if (!sets || (*sets)["rows"].items().empty()) return;
    const auto& rows = (*sets)["rows"].items();
    if (run.administer("quarantine release", {{"set", rows[random.below(rows.size())]["set"]}}))
      run.mark("quarantine released");
  });
}

}  // namespace

const std::vector<Act>& acts() {
  static const std::vector<Act> all{{"work", work},
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
                                    {"customer", customer},
                                    {"role", role},
                                    {"queues", queues},
                                    {"release", release},
                                    {"erase", erase},
                                    {"backup", backup},
                                    {"restore", restore},
                                    {"set_back_server", set_back_server},
                                    {"copy_home", copy_home},
                                    {"set_back_device", set_back_device},
                                    {"clone", clone},
                                    {"portal", portal},
                                    {"forge", forge},
                                    {"old_client", old_client},
                                    {"revoke", revoke},
                                    {"enrol", enrol},
                                    {"let_in", let_in}};
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
                                            "held or refused"};
  return all;
}

}  // namespace tern::test
