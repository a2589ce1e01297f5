// What comes from beside the people of a run: programs that write over the API, customers by mail and portal, keys that
// end or are replaced, damaged files, another history shown to somebody, streams that go half open; and splits.
#include "simulation/acts.hpp"
#include "simulation/judge.hpp"

namespace tern::test {
namespace {

// ---- tickets ----

/// Some messages of a ticket go to one of their own. They stay what they are, whoever gives them away as well.
void split(Run& run, Random& random) {
  Run::Seat* seat = run.a_working_seat(random);
  if (seat == nullptr || seat->neighbour) return;
  Device& device = *seat->device;
  auto rows = device.try_list();
  if (!rows) return;
  std::erase_if(*rows, [](const client::ListRow& row) { return row.ghost; });
  if (rows->empty()) return;
  const TicketId from = random.pick(*rows).id;
  const Running machine = device.running();
  const auto shown = device.client().views().ticket(from);
  if (!shown) return;
  sync::Change create, split;
  for (const client::TimelineEntry& entry : shown->timeline)
    if (entry.what == "message" && split.targets.size() < 2) split.targets.push_back(entry.change);
  if (split.targets.empty()) return;
  create.intent = Intent::create;
  create.ticket = random_id<TicketId>(device.environment);
  create.fields.push_back({Field::subject, {}, "split off by " + device.name(), false});
  split.intent = Intent::split;
  split.ticket = from;
  split.target = Bytes(create.ticket.view());
  if (device.try_save({std::move(create), std::move(split)})) run.mark("ticket split");
}

/// Who sees a merged ticket takes the merge back, unless somebody else has.
void unmerge(Run& run, Random& random) {
  Run::Seat* seat = run.a_working_seat(random);
  if (seat == nullptr || seat->neighbour) return;
  Device& device = *seat->device;
  auto rows = device.try_list();
  if (!rows) return;
  std::erase_if(*rows, [](const client::ListRow& row) { return row.ghost; });
  if (rows->empty()) return;
  const Running machine = device.running();
  for (int tries = 0; tries < 8; ++tries) {
    const auto shown = device.client().views().ticket(random.pick(*rows).id);
    if (!shown || shown->merged_into.empty()) continue;
    const auto target = device.client().commands().find_ticket(shown->merged_into);
    if (!target) continue;
    sync::Change undo;
    undo.intent = Intent::unmerge;
    undo.ticket = shown->row.id;
    undo.target = Bytes(target->view());
    if (device.try_save({std::move(undo)})) run.mark("merge taken back");
    return;
  }
}

/// A reply that is withheld is sent, by its author or by whoever else sees it.
void send_reply(Run& run, Random& random) {
  Run::Seat* seat = run.a_working_seat(random);
  if (seat == nullptr || seat->neighbour) return;
  Device& device = *seat->device;
  const auto rows = device.try_list();
  if (!rows) return;
  const Running machine = device.running();
  for (const client::ListRow& row : *rows) {
    const auto shown = device.client().views().ticket(row.id);
    if (!shown) continue;
    for (const client::TimelineEntry& entry : shown->timeline) {
      if (!entry.withheld || random.chance(300)) continue;
      sync::Change send;
      send.intent = Intent::send_message;
      send.ticket = row.id;
      send.targets = {entry.change};
      if (device.try_save({std::move(send)})) run.mark("withheld reply sent");
      return;
    }
  }
}

// ---- over the API ----

/// An id of some ticket, as the API calls it.
std::optional<std::int64_t> some_number(Run& run, Random& random) {
  const LookingOn looking(&run.disk_);
  const auto db = run.world_.server.read(run.world_.server.first_tenant());
  std::vector<std::int64_t> all;
  auto rows = must(db->query("SELECT state FROM ticket ORDER BY ticket_id"));
  while (must(rows.step())) all.push_back(must(sync::decode_state(rows.blob(0))).integer_id);
  if (all.empty()) return std::nullopt;
  return random.pick(all);
}

/// A new ticket or a message, by a program or by the customer at a portal.
void integration(Run& run, Random& random) {
  if (!run.integration_ || !run.world_.server.up() || !run.world_.server.powered()) return;
  const std::string text = "over the API " + std::to_string(++run.written_) + ".";
  Integration::Asker asker{"x-api-key", run.api_key_, "/api/admin.php"};
  const auto ticket = some_number(run, random);
  if (random.chance(350)) {
    std::string token;
    run.office([&] { token = run.portal_token(); });
    if (token.empty()) return;
    asker = {"x-client-token", token, "/api/client.php"};
  } else if (ticket && random.chance(700)) {
    return run.integration_->write(
        asker, Json::object({{"action", Json("add_message")}, {"ticket_id", Json(*ticket)}, {"message", Json(text)}}),
        text);
  }
  run.integration_->write(
      asker,
      Json::object({{"action", Json("create_ticket")}, {"subject", Json("Asked for")}, {"description", Json(text)}}),
      text);
}

/// Where webhooks and mails go does not take them for a while.
void refuses(Run& run, Random& random) {
  const std::vector<int> web{500, 404, 429}, smtp{451, 421};
  run.outside_.web = random.pick(web);
  run.outside_.smtp = random.pick(smtp);
  run.world_.schedule.after(random.between(1'000, minutes_ms(30)), [&run] {
    run.outside_.web = 204;
    run.outside_.smtp = 250;
  });
}

// ---- keys end, or are replaced ----

void end_of(Run& run, Device& device) {
  run.tear_work_of(device.identity().device);
  run.revoked_at_.emplace(device.identity().device, run.newest_commit());
}

/// It is told to destroy its copy; its work it may still hand in.
void wipe(Run& run, Random& random) {
  Run::Seat* seat = run.a_working_seat(random);
  if (seat == nullptr || seat->neighbour) return;
  run.office([&] {
    const std::string id = to_uuid_text(seat->device->identity().device.view());
    if (run.administer("device wipe", {{"device", Json(id)}})) end_of(run, *seat->device);
  });
}

/// Somebody leaves: all of their devices end. Of those who are needed nobody does.
void disable(Run& run, Random& random) {
  const std::vector<std::string> leaving{"dot", "eli"};
  const std::string& person = random.pick(leaving);
  run.office([&] {
    const bool there = std::ranges::any_of(run.seats_, [&](const auto& one) { return one->device->name() == person; });
    if (!there || !run.administer("operator disable", {{"email", Json(person + "@example.org")}})) return;
    run.mark("operator disabled");
    for (const auto& one : run.seats_)
      if (one->device->name() == person) end_of(run, *one->device);
  });
}

/// Another log key, vouched for by the recovery key; the old one may be in somebody else's hands.
void new_server_keys(Run& run, Random& random) {
  run.office([&] {
    const bool stolen = random.chance(300);
    if (const auto done = run.world_.server.replace_keys(stolen); !done)
      return run.world_.complain("must: keys were not replaced: " + done.error().message);
    run.mark("server keys replaced");
  });
}

// ---- files are damaged ----

/// What lies in the way of an outbox is told, never taken for an empty one; what is there stays, to be salvaged. Here
/// the disk comes to itself again.
void damage_outbox(Run& run, Random& random) {
  Run::Seat* seat = run.a_working_seat(random);
  if (seat == nullptr) return;
  Device& device = *seat->device;
  const std::string outbox = device.home() + "/outbox.db", whole = device.home() + "-whole";
  run.disk_.heal(device.home());
  device.close();
  run.disk_.copy(device.home(), whole);
  const bool in_one_file = run.disk_.content(outbox + "-wal").empty();  // else the log is put into it, as it is whole
  run.disk_.damage(outbox);
  const std::string damaged = run.disk_.content(outbox);
  if (const auto opened = device.try_open()) {
    const auto seen = device.client().views().history(std::nullopt);
    if (seen) run.world_.complain("I29: " + device.name() + " reads a damaged outbox as if it were whole");
  }
  device.close();
  if (in_one_file && run.disk_.content(outbox) != damaged)
    run.world_.complain("I29: " + device.name() + " wrote over a damaged outbox");
  run.disk_.copy(whole, device.home());
  run.disk_.remove(whole);
  run.reopen(device);
  run.mark("outbox damaged");
}

/// A tenant whose file is damaged is not served from it, and the file stays what it is.
void damage_server(Run& run, Random&) {
  Server& server = run.world_.server;
  if (!server.up() || !server.powered()) return;
  const std::string root = server.directory(), whole = root + "-whole";
  const std::string file = root + "/tenants/" + to_hex(server.first_tenant()) + "/tern.db";
  run.disk_.heal(root);
  server.close();
  run.disk_.copy(root, whole);
  const bool in_one_file = run.disk_.content(file + "-wal").empty();
  run.disk_.damage(file);
  const std::string damaged = run.disk_.content(file);
  if (server.try_open() && server.tenants().size() == run.tenants_) {
    const auto verified = run.administer("verify");
    if (verified && (*verified)["findings"].items().empty())
      run.world_.complain("I29: the server finds nothing wrong with a damaged file");
  } else if (in_one_file && run.disk_.content(file) != damaged) {
    run.world_.complain("I29: the server wrote into a damaged file");
  }
  server.close();
  run.disk_.copy(whole, root);
  run.disk_.remove(whole);
  run.open_server();
  run.mark("server's file damaged");
}

// ---- another history, half a line ----

/// Old files are put back, and others write on before anybody who is ahead comes by: who does then is shown a history
/// as long as its own that is another one (I26). Afterwards the newest files are put back.
void show_another_history(Run& run, Random& random) {
  run.office([&] {
    const ServerCopy old = run.world_.server.copy();
    const std::uint64_t old_seq = run.newest_commit();
    run.world_.pass(random.between(minutes_ms(1), minutes_ms(30)));
    Run::Seat* seat = run.a_working_seat(random);
    if (seat == nullptr || !run.world_.server.up() || !run.world_.server.powered()) return;
    Device& device = *seat->device;
    const auto status = device.client().views().status();
    Network& network = run.world_.network;
    if (!status || status->cursor <= old_seq || !network.hears(device.address()) || excused(run, device)) return;
    if (run.world_.epoch_of(device) != run.world_.server.tenant(device.tenant()).epoch()) return;
    const Faults faults = std::exchange(network.faults, {});
    std::vector<std::string> cut;
    for (const auto& other : run.seats_)
      if (other.get() != seat && network.reaches(other->device->address())) cut.push_back(other->device->address());
    cut.emplace_back("10.1.0.1");
    for (const std::string& address : cut) network.cut(address);
    const ServerCopy newest = run.world_.server.copy();
    run.world_.server.put_back(old);
    run.outside_.reachable = [] { return false; };
    for (int tries = 0; tries < 200 && run.newest_commit() <= status->cursor; ++tries) customer_writes(run, random);
    const auto seen = device.sync();
    const bool noticed = !seen && seen.error().code == ErrorCode::server_rollback;
    if (noticed && run.newest_commit() > status->cursor) run.mark("consistency proof refused");
    if (const auto then = device.client().views().status(); !noticed && then && then->cursor > status->cursor)
      run.world_.complain("I26: " + device.name() + " followed another history");
    run.world_.server.put_back(newest);
    run.outside_.reachable = [&run] { return run.world_.server.powered(); };
    for (const std::string& address : cut) network.heal(address);
    network.faults = faults;
    // What it had given out to others stands in the files that were put back.
  });
}

/// Its stream stands and carries nothing.
void half_open(Run& run, Random& random) {
  std::vector<Run::Seat*> live;
  for (const auto& one : run.seats_)
    if (Run::works(*one->device) && one->device->live()) live.push_back(one.get());
  if (live.empty()) return;
  Run::Seat& seat = *random.pick(live);
  Network& network = run.world_.network;
  const std::string address = seat.device->address();
  network.hush(address);
  if (seat.agent->try_work()) seat.device->begin_round();
  run.world_.schedule.after(random.between(10'000, minutes_ms(10)), [&network, address] { network.unhush(address); });
}

}  // namespace

std::vector<Act> acts_of_others() {
  return {{"split", split},
          {"integration", integration},
          {"refuses", refuses},
          {"wipe", wipe},
          {"disable", disable},
          {"new_server_keys", new_server_keys},
          {"damage_outbox", damage_outbox},
          {"damage_server", damage_server},
          {"show_another_history", show_another_history},
          {"half_open", half_open},
          {"unmerge", unmerge},
          {"send_reply", send_reply}};
}

}  // namespace tern::test
