#include "simulation/sim_vfs.hpp"

#include <array>

#include "support/must.hpp"
#include "support/world.hpp"
#include "tern/sqlite/database.hpp"
#include "tern/sqlite/files.hpp"
#include "tern/sqlite/transaction.hpp"

using namespace tern;
using namespace tern::test;

namespace {

constexpr const char* root = "/machine";

/// One database on a disk, as the product opens it.
class Bench {
public:
  explicit Bench(std::uint64_t seed = 1) : disk(Seed{seed}) { disk.add_machine(root); }

  std::unique_ptr<sqlite::Database> open(sqlite::Role role = sqlite::Role::writer) { return must(try_open(role)); }
  Result<std::unique_ptr<sqlite::Database>> try_open(sqlite::Role role = sqlite::Role::writer) {
    sqlite::OpenOptions options;
    options.path = path;
    options.role = role;
    options.create = role == sqlite::Role::writer;
    options.vfs = disk.vfs();
    if (sqlite::encryption_available()) options.key = sqlite::DatabaseKey::or_zero(Bytes(32, 'k'));
    return sqlite::Database::open(options);
  }
  void make() {
    auto db = open();
    must(db->exec("CREATE TABLE t (n INTEGER PRIMARY KEY, words TEXT)"));
  }
  static Result<void> add(sqlite::Database& db, int n) {
    return db.run("INSERT INTO t (n, words) VALUES ($1, $2)", n, sqlite::Text{std::string(700, 'w')});
  }
  static std::int64_t count(sqlite::Database& db) { return must(db.int64_of("SELECT count(*) FROM t")).value_or(-1); }

  const std::string path = std::string(root) + "/some.db";
  SimDisk disk;
};

}  // namespace

TEST_CASE("what was committed is there after the power went, wherever it went", "[simulation][disk]") {
  DiskSeen seen;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    Bench bench(seed);
    bench.make();
    Random random(Seed{seed}, "test");
    int committed = 0;
    for (int life = 0; life < 5; ++life) {
      auto db = bench.open();
      must(db->integrity_check());
      const std::int64_t there = Bench::count(*db);
      CHECK(there >= committed);
      CHECK(there <= committed + 1);  // a commit that failed may be there
      committed = static_cast<int>(there);
      bench.disk.cut_power_at(root, random.below(120) + 1);
      while (bench.disk.has_power(root)) {
        if (!Bench::add(*db, committed)) break;
        ++committed;
        if (random.chance(100)) static_cast<void>(db->checkpoint(sqlite::CheckpointMode::truncate));
      }
      db.reset();
      bench.disk.restore_power(root);
    }
    seen.lost_sectors += bench.disk.seen().lost_sectors;
    seen.torn_wals += bench.disk.seen().torn_wals;
    seen.torn_files += bench.disk.seen().torn_files;
    CHECK(bench.disk.seen().crashes == 5);
  }
  CHECK(seen.lost_sectors > 0);
  CHECK(seen.torn_wals > 0);
  CHECK(seen.torn_files > 0);
}

TEST_CASE("a full disk refuses what would grow, and takes writes again when there is room", "[simulation][disk]") {
  Bench bench;
  bench.make();
  auto db = bench.open();
  bench.disk.set_quota(root, bench.disk.used(root) + 20'000);
  int added = 0;
  Result<void> done;
  while ((done = Bench::add(*db, added))) ++added;
  CHECK(done.error().code == ErrorCode::storage_full);
  CHECK(added > 0);
  CHECK(Bench::count(*db) == added);
  bench.disk.heal(root);
  CHECK(Bench::add(*db, added));
  CHECK(bench.disk.seen().full > 0);
}

TEST_CASE("the Nth call fails once or for ever, and what was not acknowledged is not there",
          "[simulation][disk][I28]") {
  const bool for_ever = GENERATE(false, true);
  constexpr std::array<unsigned, 5> kinds{disk_call::read, disk_call::write, disk_call::sync, disk_call::shm,
                                          disk_call::any};
  for (const unsigned calls : kinds) {
    for (std::uint64_t nth = 1; nth < 12; ++nth) {
      Bench bench(nth);
      bench.make();
      bench.disk.fail_call(root, calls, nth, for_ever);
      int added = 0, refused = 0;
      if (auto db = bench.try_open()) {
        for (int n = 0; n < 8; ++n) Bench::add(**db, n) ? ++added : ++refused;
        CHECK_FALSE((*db)->in_transaction());
      }
      bench.disk.heal(root);
      bench.disk.cut_power(root);
      bench.disk.restore_power(root);
      auto db = bench.open();
      must(db->integrity_check());
      CHECK(Bench::count(*db) >= added);
      CHECK(Bench::count(*db) <= added + refused);
    }
  }
}

TEST_CASE("memory fails on the machine that runs, and for nobody who looks on", "[simulation][disk]") {
  for (const std::uint64_t times : {std::uint64_t{1}, UINT64_MAX}) {
    Bench bench;
    bench.disk.add_machine("/another");
    bench.make();
    auto db = bench.open();
    bench.disk.fail_memory(root, 1, times);
    CHECK(Bench::add(*db, 1));  // nobody's machine runs
    {
      const Running another(&bench.disk, "/another");
      CHECK(Bench::add(*db, 2));
    }
    {
      const Running here(&bench.disk, root);
      {
        const LookingOn looking(&bench.disk);
        CHECK(Bench::count(*db) == 2);
      }
      CHECK(bench.disk.seen().memory == 0);
      CHECK_FALSE(bench.try_open(sqlite::Role::reader));
      CHECK(bench.disk.seen().memory > 0);
      CHECK(bench.try_open(sqlite::Role::reader).has_value() == (times == 1));
      bench.disk.heal(root);
      CHECK(Bench::add(*db, 3));
    }
    CHECK(Bench::count(*db) == 3);
  }
}

TEST_CASE("a statement fails on the machine that runs, once, and has done nothing", "[simulation][disk]") {
  Bench bench;
  bench.disk.add_machine("/another");
  bench.make();
  auto db = bench.open();
  bench.disk.fail_statement(root, 2);
  CHECK(Bench::add(*db, 1));  // nobody's machine runs
  {
    const Running another(&bench.disk, "/another");
    CHECK(Bench::add(*db, 2));
  }
  {
    const Running here(&bench.disk, root);
    CHECK(Bench::add(*db, 3));
    CHECK_FALSE(Bench::add(*db, 4));
    CHECK(Bench::add(*db, 5));
    CHECK(bench.disk.calls(root).statements == 3);
    CHECK(bench.disk.seen().statements == 1);
    bench.disk.fail_statement(root, 1);
    bench.disk.heal(root);
    CHECK(Bench::count(*db) == 4);
  }
}

TEST_CASE("a sync that fails loses what was written, and the next one does not bring it back", "[simulation][disk]") {
  Bench bench;
  bench.make();
  auto db = bench.open();
  bench.disk.fail_call(root, disk_call::sync, 1, false);
  const auto refused = Bench::add(*db, 1);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::storage_failed);
  CHECK(bench.disk.seen().failed_syncs == 1);
  db.reset();
  bench.disk.cut_power(root);
  bench.disk.restore_power(root);
  CHECK(Bench::count(*bench.open()) == 0);
}

TEST_CASE("after a sync that failed, what is committed on the same connection is kept", "[simulation][disk]") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    for (std::uint64_t nth = 1; nth <= 3; ++nth) {
      INFO("seed " << seed << ", sync " << nth);
      Bench bench(seed);
      bench.make();
      auto db = bench.open();
      must(Bench::add(*db, 1));
      bench.disk.fail_call(root, disk_call::sync, nth, false);
      int kept = 1;
      for (int n = 2; n < 8; ++n)
        if (Bench::add(*db, n)) ++kept;
      bench.disk.cut_power(root);
      db.reset();
      bench.disk.restore_power(root);
      CHECK(Bench::count(*bench.open()) >= kept);
    }
  }
}

TEST_CASE("a log whose head cannot be read is not an empty log", "[simulation][disk]") {
  for (std::uint64_t nth = 1; nth <= 6; ++nth) {
    Bench bench(nth);
    bench.make();
    {
      auto db = bench.open();
      for (int n = 0; n < 10; ++n) must(Bench::add(*db, n));
      bench.disk.cut_power(root);
    }
    bench.disk.restore_power(root);
    bench.disk.fail_call(root, disk_call::read, nth, true);
    static_cast<void>(bench.try_open());
    bench.disk.heal(root);
    CHECK(Bench::count(*bench.open()) == 10);
  }
}

TEST_CASE("what a settled database shows is kept, whatever its log met before", "[simulation][disk]") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Bench bench(seed);
    bench.make();
    auto db = bench.open();
    must(Bench::add(*db, 1));
    bench.disk.fail_call(root, disk_call::sync, 1, false);
    CHECK_FALSE(Bench::add(*db, 2));
    db.reset();  // the program starts anew while the system runs on
    auto writer = bench.open();
    must(sqlite::settle(*writer));
    const auto shown = Bench::count(*writer);
    bench.disk.cut_power(root);
    writer.reset();
    bench.disk.restore_power(root);
    CHECK(Bench::count(*bench.open()) >= shown);
  }
}

TEST_CASE("a backup that anchors have told of is told of after a crash, too", "[simulation][disk][world]") {
  SimDisk disk(Seed{11});
  World world(Seed{11}, &disk);
  Device& van = world.add_device("van");
  van.create("backed up");
  CHECK(world.run_until_quiet());
  world.server.backup();
  world.pass(minutes_ms(10));
  must(van.sync());
  world.server.crash();
  world.server.open();
  world.pass(minutes_ms(10));
  CHECK(van.sync());
  CHECK(van.status().paused.empty());
}

TEST_CASE("a flipped bit is seen by the cipher, and a damaged file is refused", "[simulation][disk]") {
  if (!sqlite::encryption_available()) return;
  Bench bench;
  bench.make();
  {
    auto db = bench.open();
    for (int n = 0; n < 20; ++n) must(Bench::add(*db, n));
    must(db->checkpoint(sqlite::CheckpointMode::truncate));
  }
  REQUIRE(bench.disk.flip_bit(bench.path));
  auto db = bench.try_open();
  const auto whole = db ? (*db)->integrity_check() : Result<void>(tl::unexpected(db.error()));
  REQUIRE_FALSE(whole);
  CHECK(whole.error().code == ErrorCode::corrupt);
}

TEST_CASE("two connections share the log in memory: a reader has its snapshot, a second writer waits",
          "[simulation][disk]") {
  Bench bench;
  bench.make();
  auto writer = bench.open();
  auto reader = bench.open(sqlite::Role::reader);
  must(Bench::add(*writer, 1));
  CHECK(Bench::count(*reader) == 1);
  auto snapshot = must(sqlite::Transaction::begin_read(*reader));
  CHECK(Bench::count(*reader) == 1);
  must(Bench::add(*writer, 2));
  CHECK(Bench::count(*reader) == 1);
  snapshot.rollback();
  CHECK(Bench::count(*reader) == 2);
  auto writing = must(sqlite::Transaction::begin_write(*writer));
  auto other = bench.open();
  const auto second = sqlite::Transaction::begin_write(*other);
  REQUIRE_FALSE(second);
  CHECK(second.error().code == ErrorCode::busy);
}

TEST_CASE("a world works on it: crashes, a lost copy, a clone, a backup and its restore", "[simulation][disk][world]") {
  SimDisk disk(Seed{7});
  World world(Seed{7}, &disk);
  Device& van = world.add_device("van");
  Device& desk = world.add_device("desk");
  const TicketId ticket = van.create("on a disk of memory");
  CHECK(world.run_until_quiet());
  const std::string backup = world.server.backup();
  van.note(ticket, "after the backup");
  van.crash();
  world.server.crash();
  world.server.open();
  CHECK(world.run_until_quiet());
  CHECK(van.show(ticket).timeline.size() == 2);
  CHECK(desk.view(ticket) == van.view(ticket));
  CHECK(world.invariants_hold());
  CHECK(disk.seen().crashes == 2);

  world.server.restore(backup);
  world.forget_acknowledged();
  CHECK(world.run_until_quiet());
  CHECK(desk.show(ticket).timeline.size() == 2);
  van.delete_replica();
  desk.damage_replica();
  Device& twin = world.clone(van, "twin");
  CHECK(world.run_until_quiet());
  CHECK(twin.show(ticket).timeline.size() == 2);
  CHECK(desk.show(ticket).timeline.size() == 2);
  CHECK(world.invariants_hold());
}
