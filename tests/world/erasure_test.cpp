// What was erased is nowhere any more: not in a file, not in a WAL, not after a restore, not when it is pushed again.

#include "support/files.hpp"
#include "support/world_intruder.hpp"

using namespace tern;
using namespace tern::test;

namespace {

constexpr std::string_view canary = "CANARYTOERASE";

/// Every value of every table, decrypted.
bool rows_hold_canary(const std::string& path, const protocol::SecretKey& key) {
  sqlite::OpenOptions options;
  options.path = path;
  options.role = sqlite::Role::reader;
  if (sqlite::encryption_available()) options.key = sqlite::DatabaseKey::or_zero(key.view());
  const auto db = must(sqlite::Database::open(options));
  std::vector<std::string> tables;
  auto names = must(db->query("SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE '%VIRTUAL%'"));
  while (must(names.step())) tables.emplace_back(names.text(0));
  for (const std::string& table : tables) {
    auto rows = must(db->prepare("SELECT * FROM \"" + table + "\""));
    while (must(rows.step()))
      for (int column = 0; column < rows.column_count(); ++column)
        if (rows.blob(column).find(canary) != ByteView::npos) return true;
  }
  return false;
}

bool device_holds_canary(Device& device) {
  const auto keys = device.keys();
  return rows_hold_canary(device.home() + "/outbox.db", keys.data_key) ||
         rows_hold_canary(device.home() + "/replica.db", keys.replica_key) ||
         !must(device.client().views().search(canary, 10, "")).rows.empty();
}

std::string change_name(const ChangeRef& ref) {
  return to_uuid_text(ref.device.view()) + ":" + to_hex(ref.id);
}

void erase(World& world, const ChangeRef& ref) {
  world.server.administer("erase", {{"change", Json::array({Json(change_name(ref))})}});
  world.pass(5'000);  // the files are cut back when nobody reads
}

struct Erasure {
  explicit Erasure(std::uint64_t number)
      : world(Seed::from_environment_or(number)), van(world.add_device("van")), desk(world.add_device("desk")) {
    ticket = van.create("erasure", "nothing special");
    CHECK(world.run_until_quiet());
  }
  World world;
  Device& van;
  Device& desk;
  TicketId ticket;
};

}  // namespace

TEST_CASE("an erased text is gone from every file of the server and of every device that syncs",
          "[world][security][erasure][scenario-6]") {
  Erasure scene(91);
  const ChangeRef note = scene.van.note(scene.ticket, std::string(canary) + " is what somebody wrote");
  const ChangeRef quoting = scene.desk.set(scene.ticket, Field::priority, "3");
  CHECK(scene.world.run_until_quiet());
  REQUIRE(device_holds_canary(scene.van));
  REQUIRE(device_holds_canary(scene.desk));
  REQUIRE_FALSE(files_holding(scene.world.server.directory(), canary).empty());

  erase(scene.world, note);
  CHECK(scene.world.run_until_quiet());
  scene.world.pass(minutes_ms(2));
  CHECK(files_holding(scene.world.server.directory(), canary).empty());
  for (Device* device : {&scene.van, &scene.desk}) {
    INFO(device->name());
    CHECK_FALSE(device_holds_canary(*device));
    CHECK(device->show(scene.ticket).row.priority == "high");  // everything else stands
    CHECK(device->show(scene.ticket).timeline.size() == 3);
  }
  CHECK(scene.van.fate(note).outcome == Outcome::applied);
  CHECK(scene.desk.fate(quoting).outcome == Outcome::applied);
  CHECK(scene.van.view(scene.ticket) == scene.desk.view(scene.ticket));
  const Json verified = scene.world.server.administer("verify");
  CHECK(verified["good"].as_bool());
  CHECK(verified["erased"].as_integer() == 1);
}

TEST_CASE("an erasure says why, and which devices have carried it out", "[world][security][erasure]") {
  Erasure scene(94);
  World& world = scene.world;
  Device& lost = world.add_device("lost");
  const ChangeRef note = scene.van.note(scene.ticket, std::string(canary) + " is what somebody wrote");
  CHECK(world.run_until_quiet());
  const auto erasures = [&] { return world.server.administer("erase", {{"list", Json(true)}})["rows"].items(); };
  CHECK(erasures().empty());

  world.network.cut(scene.desk.address());
  world.network.cut(lost.address());
  world.server.administer(
      "erase", {{"change", Json::array({Json(change_name(note))})}, {"reason", Json("asked for by the customer")}});
  world.server.administer("device revoke", {{"device", Json("lost")}});
  REQUIRE(erasures().size() == 1);
  CHECK(erasures()[0]["confirmed"] == Json::array());
  CHECK(erasures()[0]["waiting"].size() == 2);
  must(scene.van.sync());
  must(scene.van.sync());
  const Json row = erasures()[0];
  CHECK(row["reason"].as_string() == "asked for by the customer");
  CHECK(row["changes"] == Json::array({Json(change_name(note))}));
  CHECK(row["confirmed"] == Json::array({Json("van")}));
  CHECK(row["waiting"] == Json::array({Json("desk")}));
  CHECK(row["out_of_reach"] == Json::array({Json("lost")}));
  CHECK_FALSE(device_holds_canary(scene.van));
  CHECK(device_holds_canary(scene.desk));

  world.network.heal();
  CHECK(world.run_until_quiet());
  CHECK(erasures()[0]["waiting"] == Json::array());
  CHECK_FALSE(device_holds_canary(scene.desk));
  CHECK(world.server.administer("verify")["good"].as_bool());
  world.saved_work.clear();  // its text is gone, as it was ordered
  CHECK(world.invariants_hold());

  CHECK(world.server.try_administer("erase", {{"list", Json(true)}, {"reason", Json("x")}}).error().code ==
        ErrorCode::usage);
  const ChangeRef kept = scene.van.note(scene.ticket, "stays");
  CHECK(world.run_until_quiet());
  const Json over(std::string(limits::result_bytes_max + 1, 'x'));
  CHECK(world.server.try_administer("erase", {{"change", Json::array({Json(change_name(kept))})}, {"reason", over}})
            .error()
            .code == ErrorCode::too_large);
  CHECK(erasures().size() == 1);
}

TEST_CASE("a restored backup does not bring back what was erased since", "[world][security][erasure][scenario-6]") {
  Erasure scene(92);
  const ChangeRef note = scene.van.note(scene.ticket, std::string(canary) + " was in the backup");
  CHECK(scene.world.run_until_quiet());
  const std::string backup = scene.world.server.backup();
  erase(scene.world, note);
  const ChangeRef after = scene.van.note(scene.ticket, "after the erasure");
  CHECK(scene.world.run_until_quiet());

  scene.world.server.restore(backup);
  scene.world.forget_acknowledged();
  CHECK(scene.world.run_until_quiet());
  scene.world.pass(minutes_ms(2));
  CHECK(files_holding(scene.world.server.directory(), canary).empty());
  CHECK_FALSE(device_holds_canary(scene.van));
  CHECK_FALSE(device_holds_canary(scene.desk));
  CHECK(scene.world.place_of(scene.van.tenant(), after) == "ledger");
  CHECK(scene.van.view(scene.ticket) == scene.desk.view(scene.ticket));
  CHECK(scene.world.server.administer("verify")["good"].as_bool());
}

TEST_CASE("a record that stands in a restored backup keeps none of the texts that were erased since",
          "[world][security][erasure]") {
  Erasure scene(97);
  World& world = scene.world;
  world.add_operator("Ben");
  const ChangeRef note = scene.van.note(scene.ticket, std::string(canary) + " was in the backup");
  CHECK(world.run_until_quiet());
  const auto entry = [&] {
    const auto db = world.server.read(world.server.first_tenant());
    auto rows =
        must(db->query("SELECT device_id, change_id FROM change WHERE ticket_id IS NULL ORDER BY commit_seq DESC, "
                       "idx DESC LIMIT 1"));
    REQUIRE(must(rows.step()));
    return ChangeRef{rows.id<DeviceId>(0), rows.id<ChangeId>(1)};
  };
  world.change_role("Ben", "light");
  const ChangeRef then = entry();
  const std::string backup = world.server.backup();
  world.change_role("Ben", "operator");
  erase(world, then);
  erase(world, note);
  world.server.restore(backup);
  world.forget_acknowledged();
  CHECK(files_holding(world.server.directory(), canary).empty());
  for (SavedWork& work : world.saved_work)
    if (work.ref == note) work.erased = true;
  CHECK(world.run_until_quiet());
  CHECK(world.server.administer("verify")["good"].as_bool());
}

TEST_CASE("what was written and erased after the backup comes back in its erased form, and blocks nothing behind it",
          "[world][security][erasure][scenario-6]") {
  for (const bool knows : {true, false}) {
    INFO((knows ? "the device knew of the erasure" : "the device had not heard of the erasure"));
    Erasure scene(93);
    const std::string backup = scene.world.server.backup();
    const ChangeRef note = scene.van.note(scene.ticket, std::string(canary) + " was written after the backup");
    CHECK(scene.world.run_until_quiet());
    if (!knows) scene.world.network.cut();
    erase(scene.world, note);
    if (knows) CHECK(scene.world.run_until_quiet());
    const ChangeRef behind = scene.van.note(scene.ticket, "behind it");

    scene.world.server.restore(backup);
    scene.world.network.heal();
    scene.world.forget_acknowledged();
    CHECK(scene.world.run_until_quiet());
    scene.world.pass(minutes_ms(2));
    CHECK(scene.van.status().paused.empty());
    CHECK(scene.van.status().saved_here == 0);
    CHECK(scene.world.place_of(scene.van.tenant(), behind) == "ledger");
    CHECK(files_holding(scene.world.server.directory(), canary).empty());
    CHECK_FALSE(device_holds_canary(scene.van));
    CHECK_FALSE(device_holds_canary(scene.desk));
  }
}

TEST_CASE("an erased subject goes also from a device that worked on the ticket and holds it no more",
          "[world][security][erasure]") {
  for (const bool whole : {true, false}) {
    INFO((whole ? "the ticket is erased" : "the change that set the subject is erased"));
    World world{Seed::from_environment_or(95)};
    for (const char* queue : {"Field", "Desk"}) world.add_record("queue", queue);
    Device& van = world.add_device("van");
    Device& ben = world.add_device("ben", {.role = "operator", .queues = {"Field"}, .scope_all = false});
    const auto queue = [&](const char* name) {
      return must(van.client().commands().find_record(static_cast<std::uint32_t>(sync::RecordKind::queue), name));
    };
    const TicketId ticket = van.create(whole ? std::string(canary) : "nothing special");
    van.move_to(ticket, queue("Field"));
    ChangeRef subject;
    if (!whole) subject = van.set(ticket, Field::subject, Bytes(canary));
    CHECK(world.run_until_quiet());
    const std::string number = van.show(ticket).row.number;
    const ChangeRef note = ben.note(ticket, "seen");
    CHECK(world.run_until_quiet());
    van.move_to(ticket, queue("Desk"));
    CHECK(world.run_until_quiet());
    CHECK_FALSE(ben.holds(ticket));
    REQUIRE(device_holds_canary(ben));
    REQUIRE(ben.fate(note).subject == canary);

    if (whole)
      world.server.administer("erase", {{"ticket", Json(number)}});
    else
      erase(world, subject);
    CHECK(world.run_until_quiet());
    CHECK_FALSE(device_holds_canary(ben));
    CHECK_FALSE(device_holds_canary(van));
    CHECK(ben.fate(note).subject.empty());
    CHECK(ben.fate(note).number == number);
  }
}

TEST_CASE("a ticket that left stands without its subject once that is erased", "[world][security][erasure]") {
  World world{Seed::from_environment_or(96)};
  for (const char* queue : {"Field", "Desk"}) world.add_record("queue", queue);
  Device& van = world.add_device("van");
  Device& ben = world.add_device("ben", {.role = "operator", .queues = {"Field"}, .scope_all = false});
  const auto queue = [&](const char* name) {
    return must(van.client().commands().find_record(static_cast<std::uint32_t>(sync::RecordKind::queue), name));
  };
  const TicketId ticket = van.create(std::string(canary));
  van.move_to(ticket, queue("Field"));
  CHECK(world.run_until_quiet());
  const std::string number = van.show(ticket).row.number;
  van.move_to(ticket, queue("Desk"));
  must(van.sync());
  world.server.administer("erase", {{"ticket", Json(number)}});
  ben.begin_round();                  // its request is under way,
  ben.note(ticket, "wedge removed");  // and the label is what the copy still says
  world.run_while([&] { return ben.status().ghosts == 0 && ben.busy(); });
  REQUIRE(ben.status().ghosts == 1);
  REQUIRE(ben.list().size() == 1);
  CHECK(ben.list().front().number == number);
  CHECK(ben.list().front().subject.empty());
  CHECK_FALSE(device_holds_canary(ben));
  CHECK(world.run_until_quiet());
  CHECK_FALSE(device_holds_canary(ben));
}
