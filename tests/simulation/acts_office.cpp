// What people do in a run: customers, the office, whoever has old copies or other people's keys.
#include "ingest/jobs.hpp"
#include "simulation/acts.hpp"
#include "simulation/judge.hpp"
#include "simulation/run.hpp"
#include "support/world_intruder.hpp"
#include "tern/protocol/limits.hpp"

namespace tern::test {
namespace {

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

}  // namespace

void customer_writes(Run& run, Random& random) {
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

namespace {

void role(Run& run, Random& random) {
  run.office([&] {
    const std::vector<std::string> roles{"operator", "supervisor", "light"};
    const std::string drawn = random.pick(roles);
    const bool pending = std::ranges::any_of(run.seats_, [](const auto& one) {
      if (!Run::works(*one->device) || !one->device->name().starts_with("ben")) return false;
      const auto status = one->device->client().views().status();
      return status && status->saved_here + status->sent != 0;
    });
    const auto done = run.administer("operator set", {{"operator", Json("ben@example.org")}, {"role", Json(drawn)}});
    if (!done) return;
    run.mark("role changed");
    if (pending) run.mark("role changed with work pending");
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

/// Who was enrolled after the backup comes back by its certificate, of whatever epoch.
void count_unknown(Run& run) {
  for (const auto& seat : run.seats_) {
    Device& device = *seat->device;
    const auto known = must(run.world_.server.read(device.tenant())
                                ->int64_of("SELECT 1 FROM device WHERE device_id = $1", device.identity().device));
    if (!known && !device.gone) run.mark("device enrolled after the backup");
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
    count_unknown(run);
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
  run.seat(run.world_.clone(*seat->device, "twin " + std::to_string(run.seats_.size())));
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

/// Somebody who has a device's keys, in a session of theirs, and a ticket to write about.
template <typename Say>
void with_keys_of_a_device(Run& run, Random& random, const Say& say) {
  Run::Seat* seat = run.a_working_seat(random);
  if (seat == nullptr || seat->neighbour) return;
  run.office([&] {
    Intruder intruder(run.world_, *seat->device);
    if (!intruder.begin_session() || intruder.welcome.mode != protocol::SessionMode::full) return;
    if (const auto ticket = some_ticket(run, random)) say(intruder, *ticket);
  });
}

/// What no program of ours would say: none of it may be taken.
void forge(Run& run, Random& random) {
  with_keys_of_a_device(run, random, [&](Intruder& intruder, const TicketId& ticket) {
    protocol::ChangeSetHeader header = intruder.next_header();
    // A wrong name of the set before is a fork: it costs the device its one healing, so it is rare.
    const std::uint64_t kind = random.chance(100) ? 2 : random.below(2);
    const bool wrong_key = kind == 0;
    if (kind == 1) header.chain_seq += 1;
    if (kind == 2) header.prev_hash.bytes[0] ^= 1;
    Bytes wire = intruder.seal(header, {intruder.note(ticket, "forged")});
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
  with_keys_of_a_device(run, random, [&](Intruder& other, const TicketId& ticket) {
    protocol::ChangeSetHeader header = other.next_header();
    header.schema_version = random.chance(500) ? limits::schema_version_min - 1 : limits::schema_version + 1;
    const std::uint64_t before = run.newest_commit();
    const auto answer = other.push(other.seal(header, {other.note(ticket, "of another version")}));
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

/// Work that revoked devices handed in, and, after a restore, what colleagues hold of those who do not come back.
void let_in(Run& run, Random& random) {
  run.office([&] {
    const auto taken = run.administer("handed-back take");
    if (taken && (*taken)["changes"].as_integer() > 0) run.mark("taken from copies");
    const auto sets = run.administer("quarantine list");
    if (!sets || (*sets)["rows"].items().empty()) return;
    const auto& rows = (*sets)["rows"].items();
    if (run.administer("quarantine release", {{"set", rows[random.below(rows.size())]["set"]}}))
      run.mark("quarantine released");
  });
}

}  // namespace

std::vector<Act> acts_of_the_office() {
  return {
      {"customer", customer_writes},
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
      {"let_in", let_in},
  };
}

}  // namespace tern::test
