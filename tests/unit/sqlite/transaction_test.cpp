#include "tern/sqlite/transaction.hpp"

#include "support/catch.hpp"
#include "support/temp_dir.hpp"
#include "tern/sqlite/migrations.hpp"
#include "unit/sqlite/support.hpp"

using namespace tern;
using namespace tern::sqlite;
using namespace tern::sqlite::test;
using tern::test::TempDir;

namespace {

std::int64_t count(Database& db) {
  return db.int64_of("SELECT count(*) FROM t").value().value();
}

}  // namespace

TEST_CASE("what is not committed is rolled back at the end of the scope", "[sqlite]") {
  auto db = must_open(at(":memory:"));
  REQUIRE(db->exec("CREATE TABLE t (a INTEGER)"));
  {
    auto transaction = Transaction::begin_write(*db);
    REQUIRE(db->run("INSERT INTO t VALUES (1)"));
    CHECK(db->in_transaction());
  }
  CHECK_FALSE(db->in_transaction());
  CHECK(count(*db) == 0);
  {
    auto transaction = Transaction::begin_write(*db);
    REQUIRE(db->run("INSERT INTO t VALUES (1)"));
    REQUIRE(transaction->commit());
  }
  CHECK(count(*db) == 1);
  CHECK(db->changes() == 1);
}

TEST_CASE("a commit that a deferred rule refuses leaves nothing behind and no transaction open", "[sqlite]") {
  auto db = must_open(at(":memory:"));
  REQUIRE(
      db->exec("CREATE TABLE p (a INTEGER PRIMARY KEY);"
               "CREATE TABLE t (a INTEGER REFERENCES p (a) DEFERRABLE INITIALLY DEFERRED)"));
  auto transaction = Transaction::begin_write(*db);
  REQUIRE(db->run("INSERT INTO t VALUES (1)"));
  auto committed = transaction->commit();
  REQUIRE_FALSE(committed);
  CHECK(committed.error().code == ErrorCode::invalid);
  CHECK_FALSE(db->in_transaction());
  CHECK(count(*db) == 0);
}

TEST_CASE("a read transaction keeps one snapshot", "[sqlite]") {
  TempDir dir;
  auto writer = must_open(at(dir.file("a.db")));
  REQUIRE(writer->exec("CREATE TABLE t (a INTEGER)"));
  auto reader = must_open(reader_at(dir.file("a.db")));
  {
    auto snapshot = Transaction::begin_read(*reader);
    REQUIRE(snapshot);
    CHECK(count(*reader) == 0);
    REQUIRE(writer->run("INSERT INTO t VALUES (1)"));
    CHECK(count(*reader) == 0);
  }
  CHECK(count(*reader) == 1);
}

namespace {

constexpr Migration first{1, "tickets", "CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (1)"};
constexpr Migration second{2, "a note", "ALTER TABLE t ADD COLUMN note TEXT"};
constexpr Migration broken{2, "a typo", "INSERT INTO t VALUES (2); CREATE TABEL x (a)"};

}  // namespace

TEST_CASE("migrations run once, in order, and say how many", "[sqlite][migrations]") {
  TempDir dir;
  auto db = must_open(at(dir.file("a.db")));
  CHECK(schema_number(*db).value() == 0);
  CHECK(migrate(*db, std::vector{first}).value() == 1);
  CHECK(schema_number(*db).value() == 1);
  CHECK(migrate(*db, std::vector{first, second}).value() == 1);
  CHECK(migrate(*db, std::vector{first, second}).value() == 0);
  CHECK(schema_number(*db).value() == 2);
  CHECK(db->int64_of("SELECT count(*) FROM t WHERE note IS NULL").value() == 1);
}

TEST_CASE("a migration that fails leaves the database at the one before, whole", "[sqlite][migrations]") {
  auto db = must_open(at(":memory:"));
  auto migrated = migrate(*db, std::vector{first, broken});
  REQUIRE_FALSE(migrated);
  CHECK(migrated.error().message.find("migration 2 (a typo)") != std::string::npos);
  CHECK(schema_number(*db).value() == 1);
  CHECK(count(*db) == 1);
  CHECK(migrate(*db, std::vector{first, second}).value() == 1);
}

TEST_CASE("a database of a newer version is refused with the way out, unchanged", "[sqlite][migrations]") {
  auto db = must_open(at(":memory:"));
  REQUIRE(migrate(*db, std::vector{first, second}));
  auto older = migrate(*db, std::vector{first});
  REQUIRE_FALSE(older);
  CHECK(older.error().code == ErrorCode::upgrade_required);
  CHECK(older.error().hint == "upgrade this program");
  CHECK(schema_number(*db).value() == 2);
}
