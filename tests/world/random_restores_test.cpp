// Fifty restores of a server and fifty of devices, or clones of them, at random: what a live device holds a receipt for
// returns, nothing counts twice, no number is given to two tickets, and revocations and erasures hold from the first
// moment on.
#include <map>

#include "store/ledger.hpp"
#include "support/files.hpp"
#include "support/rounds.hpp"
#include "support/world_agent.hpp"

using namespace tern;
using namespace tern::test;

namespace {

constexpr int worlds = 25;  // two restores each

/// What a receipt said of a change.
struct Receipted {
  Outcome outcome = Outcome::unspecified;
  std::int64_t effective_ms = 0;
};

bool counts(Outcome outcome) {
  return outcome != Outcome::held && outcome != Outcome::rejected;
}

/// People who work at random, and what was promised to them.
class Fleet {
public:
  Fleet(Seed seed, const std::vector<std::string>& people)
      : world(seed),
        shop_{{},
              {world.add_record("queue", "Field"), world.add_record("queue", "Office")},
              {world.add_record("category", "Hardware")}} {
    for (const std::string& name : people) {
      add_agent(world.add_device(name));
      shop_.people.push_back(agents_.back()->device().operator_id());
    }
  }

  World world;

  void add_agent(Device& device) {
    agents_.push_back(std::make_unique<Agent>(device, shop_, Seed{world.seed.value * 10 + agents_.size()}));
  }
  Device& anybody() { return agents_[world.random.below(agents_.size())]->device(); }

  /// Whoever went on from a copy may be refused: nobody waits for their rounds.
  void work(int rounds, bool refused = false) {
    for (int round = 0; round < rounds; ++round) {
      Agent& agent = *agents_[world.random.below(agents_.size())];
      agent.work();
      world.pass(minutes_ms(2));
      if (world.random.below(2) == 0) continue;
      if (!refused) must(agent.device().sync());
      if (refused) agent.device().begin_round();
      world.pass(minutes_ms(1));
    }
    note_numbers();
  }

  /// A text that the server has, from whatever time.
  void erase_something() {
    std::vector<SavedWork> texts;
    for (const SavedWork& work : world.saved_work)
      if (work.intent == Intent::message && !work.erased && world.place_of(work.tenant, work.ref) == "ledger")
        texts.push_back(work);
    if (texts.empty()) return;
    const SavedWork chosen = world.random.pick(texts);
    const std::string change = to_uuid_text(chosen.ref.device.view()) + ":" + to_hex(chosen.ref.id);
    world.server.administer("erase", {{"change", Json::array({Json(change)})}});
    for (SavedWork& work : world.saved_work) work.erased = work.erased || work.text == chosen.text;
    erased_.push_back(chosen.text);
    world.pass(5'000);  // the files are cut back when nobody reads
  }

  /// A device that is stolen: what it saved goes nowhere but to an administrator.
  Device& steal(Device& stolen) {
    const std::vector<client::ListRow> rows = stolen.list();
    if (!rows.empty()) unsent_.push_back(stolen.note(rows.front().id, "by a thief, " + stolen.name()));
    world.server.administer("device revoke", {{"device", Json(stolen.name())}});
    stolen.gone = true;
    thieves_.push_back(&stolen);
    return stolen;
  }

  /// From now on, what live devices have receipts for is to come back, as what it was.
  void note_receipts() {
    const auto db = world.server.read(world.server.first_tenant());
    for (const auto& agent : agents_)
      for (const client::HistoryEntry& entry : agent->device().history()) {
        if (entry.outcome == Outcome::unspecified) continue;
        const auto change = must(server::read_change(*db, number(), entry.change));
        if (change) receipted_.try_emplace(entry.change, change->outcome, change->placed.admission.effective_ms);
      }
    note_numbers();
  }

  /// The first thing after a restore: nobody else has been there yet.
  void check_revoked_and_erased() {
    for (Device* thief : thieves_) static_cast<void>(thief->sync());
    for (const ChangeRef& ref : unsent_) CHECK(world.place_of(world.server.first_tenant(), ref) != "ledger");
    for (const Device* thief : thieves_)
      CHECK(must(world.server.read(world.server.first_tenant())
                     ->int64_of("SELECT count(*) FROM device WHERE device_id = $1 AND key_state = 0",
                                thief->identity().device)) == 0);
    check_erased_at_server();
  }

  void check_erased_at_server() {
    world.pass(5'000);
    for (const std::string& text : erased_)
      for (const auto& entry : std::filesystem::recursive_directory_iterator(world.server.directory()))
        if (entry.is_regular_file() && file_holds(entry.path(), text))
          FAIL_CHECK("erased, and in " << entry.path().filename() << ": " << text);
  }

  /// Once all is quiet.
  void check_all_is_back() {
    const auto db = world.server.read(world.server.first_tenant());
    for (const auto& [ref, then] : receipted_) {
      const auto change = must(server::read_change(*db, number(), ref));
      INFO(to_hex(ref.device) << " " << to_hex(ref.id) << ", " << sync::to_string(then.outcome) << " then");
      REQUIRE(change);
      CHECK(counts(change->standing) >= counts(then.outcome));
      // A claim keeps its verdict. A move gets its own from the order, once what stands before it is back.
      const bool claim = change->placed.stamp.kind == 2;
      if (claim && then.outcome == Outcome::overtaken) CHECK(change->outcome == Outcome::overtaken);
      CHECK(change->placed.admission.effective_ms == then.effective_ms);
    }
    for (const auto& agent : agents_)
      for (const client::HistoryEntry& entry : agent->device().history())
        for (const std::string& text : erased_) CHECK(entry.text != text);
    check_erased_at_server();
    note_numbers();
    CHECK(world.invariants_hold());  // nothing twice, everybody shows the same, every chain and proof
  }

private:
  [[nodiscard]] std::int64_t number() const { return world.server.tenant(world.server.first_tenant()).number(); }

  /// Whatever was ever said to be a ticket's is no other one's, and the ticket keeps it.
  void note_numbers() {
    const auto note = [&](const TicketId& ticket, std::uint64_t id, const std::string& name) {
      const auto [by_id, new_id] = ids_.try_emplace(id, ticket);
      const auto [by_name, new_name] = names_.try_emplace(name, ticket);
      const auto [known, new_ticket] = named_.try_emplace(ticket, id, name);
      INFO(name << " and " << id);
      CHECK(by_id->second == ticket);
      CHECK(by_name->second == ticket);
      CHECK(known->second == std::pair(id, name));
    };
    const auto db = world.server.read(world.server.first_tenant());
    auto rows = must(db->query("SELECT ticket_id, integer_id, number FROM ticket"));
    while (must(rows.step())) note(rows.id<TicketId>(0), rows.uint64(1), std::string(rows.text(2)));
    for (const auto& agent : agents_)
      for (const client::ListRow& row : agent->device().list())
        if (row.integer_id != 0) note(row.id, row.integer_id, row.number);
  }

  Shop shop_;
  std::vector<std::unique_ptr<Agent>> agents_;
  std::vector<Device*> thieves_;
  std::vector<ChangeRef> unsent_;
  std::vector<std::string> erased_;
  std::map<ChangeRef, Receipted> receipted_;
  std::map<std::uint64_t, TicketId> ids_;
  std::map<std::string, TicketId> names_;
  std::map<TicketId, std::pair<std::uint64_t, std::string>> named_;
};

}  // namespace

TEST_CASE("random restores: all that a live device holds a receipt for returns as what it was, once, under its number",
          "[world][restore][random]") {
  for (const Seed seed : Seed::of_commit_and_from(5100, static_cast<std::size_t>(rounds_of(worlds)))) {
    Fleet fleet(seed, {"van", "desk", "shop"});
    World& world = fleet.world;
    fleet.work(6);
    CHECK(world.run_until_quiet());
    for (const char* thief : {"phone", "tablet"}) {
      INFO(thief);
      std::vector<std::string> backups{world.server.backup()};
      fleet.work(3);
      Device* known = world.random.chance(500) ? &world.add_device(thief, {.person = "van"}) : nullptr;
      fleet.erase_something();
      backups.push_back(world.server.backup());
      Device& stolen = known != nullptr ? *known : world.add_device(thief, {.person = "van"});
      fleet.work(3);
      Device& maker = fleet.anybody();
      maker.create("made after the backups, before " + stolen.name());
      must(maker.sync());
      fleet.steal(stolen);
      fleet.erase_something();
      fleet.work(2);
      if (world.random.chance(500)) CHECK(world.run_until_quiet());
      fleet.note_receipts();

      world.server.restore(world.random.pick(backups));
      world.forget_acknowledged();
      fleet.check_revoked_and_erased();
      Device& first = fleet.anybody();  // has numbers given before whoever else brings theirs back
      first.create("made after the restore, without " + stolen.name());
      must(first.sync());
      fleet.work(3);
      CHECK(world.run_until_quiet());
      for (std::size_t i = 0; i < 3; ++i) CHECK(world.device(i).status().paused.empty());
      fleet.check_all_is_back();
    }
  }
}

TEST_CASE("random copies of devices: one set back fetches its own work, one cloned is told, one revoked stays out",
          "[world][restore][random][copies]") {
  for (const Seed seed : Seed::of_commit_and_from(5200, static_cast<std::size_t>(rounds_of(worlds)))) {
    Fleet fleet(seed, {"van", "desk"});
    World& world = fleet.world;
    Device& phone = world.add_device("phone", {.person = "desk"});
    fleet.work(4);
    CHECK(world.run_until_quiet());
    const std::string copy = world.device(0).copy_home();
    const std::string of_phone = phone.copy_home();
    fleet.work(4);
    fleet.erase_something();
    CHECK(world.run_until_quiet());  // what a copy lacks has been sent
    fleet.note_receipts();
    fleet.steal(phone);
    phone.put_back(of_phone);  // from when its key was good
    fleet.steal(phone);
    world.device(0).put_back(copy);
    fleet.check_revoked_and_erased();
    fleet.work(3, true);
    CHECK(world.run_until_quiet());
    fleet.check_all_is_back();

    Device& twin = world.clone(world.device(0), "twin");
    fleet.add_agent(twin);
    fleet.work(6, true);
    world.pass(hours_ms(3));
    CHECK(world.acknowledged_is_kept());
    CHECK(world.invariants_hold());
  }
}
