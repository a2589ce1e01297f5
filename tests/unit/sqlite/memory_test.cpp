// Every allocation of SQLite's fails once: nothing is stored in part, nothing is read that was to be undone, and with
// memory the connection works again.
#include "support/catch.hpp"
#include "support/failing_memory.hpp"
#include "support/temp_dir.hpp"
#include "tern/sqlite/transaction.hpp"
#include "unit/sqlite/support.hpp"

using namespace tern;
using namespace tern::sqlite;
using namespace tern::sqlite::test;
using tern::test::MemoryFault;
using tern::test::MemoryOf;
using tern::test::TempDir;

namespace {

constexpr std::uint64_t for_ever = UINT64_MAX;
constexpr std::uint64_t places_max = 100'000;

std::unique_ptr<Database> opened_with_two_tables(const TempDir& dir, const std::string& name) {
  OpenOptions options = at(dir.file(name));
  if (encryption_available()) options.key = key_of(7);
  auto db = must_open(options);
  REQUIRE(db->exec("CREATE TABLE a (n INTEGER PRIMARY KEY, words TEXT); CREATE TABLE b (n INTEGER UNIQUE)"));
  return db;
}

/// Rows that span pages, so that it needs memory at many places.
Result<void> write_both(Database& db, std::int64_t n) {
  TERN_TRY(auto transaction, Transaction::begin_write(db));
  TERN_CHECKED(db.run("INSERT INTO a VALUES ($1, $2)", n, Text{std::string(9'000, 'w')}));
  TERN_CHECKED(db.run("UPDATE a SET words = words || 'x' WHERE n = $1", n));
  TERN_CHECKED(db.run("INSERT INTO b VALUES ($1)", n));
  return transaction.commit();
}

/// Of the rows of this number; -1: it could not be told.
std::int64_t rows_of(Database& db, std::int64_t n) {
  const auto found = db.int64_of(
      "SELECT (SELECT count(*) FROM a WHERE n = $1 AND words LIKE '%x') + (SELECT count(*) FROM b WHERE n = $1)", n);
  return found ? found->value() : -1;
}

/// Everything that a connection does begins with this; nobody may read through it what a transaction has left behind.
void check_all_or_nothing(Database& db, const Result<void>& written, std::int64_t n) {
  CHECK_FALSE(db.in_transaction());
  CHECK(rows_of(db, n) == (written ? 2 : 0));
}

}  // namespace

TEST_CASE("wherever memory fails in a transaction, nothing of it is stored and the connection works on",
          "[sqlite][memory][I28]") {
  const TempDir dir;
  for (const std::uint64_t times : {std::uint64_t{1}, std::uint64_t{3}, for_ever}) {
    const auto db = opened_with_two_tables(dir, std::to_string(times) + ".db");
    const auto other = [&] {
      OpenOptions options = reader_at(db->path());
      if (encryption_available()) options.key = key_of(7);
      return must_open(options);
    }();
    std::uint64_t place = 0, refused = 0;
    for (bool failed = true; failed && place < places_max;) {
      INFO("allocation " << ++place << " and " << times - 1 << " more");
      // Each place is met by a connection that knows nothing yet: what is prepared once needs memory once.
      OpenOptions options = at(db->path());
      if (encryption_available()) options.key = key_of(7);
      const auto fresh = must_open(options);
      MemoryFault fault{place, times, 0};
      Result<void> written;
      {
        const MemoryOf memory(&fault);
        written = write_both(*fresh, static_cast<std::int64_t>(place));
        // Without memory the answer may be missing, never another one.
        const std::int64_t seen = rows_of(*fresh, static_cast<std::int64_t>(place));
        CHECK((seen == -1 || seen == (written ? 2 : 0)));
      }
      failed = fault.failed > 0;
      refused += written ? 0 : 1;
      if (!failed) REQUIRE(written);
      check_all_or_nothing(*fresh, written, static_cast<std::int64_t>(place));
      CHECK(rows_of(*other, static_cast<std::int64_t>(place)) == (written ? 2 : 0));
      REQUIRE(write_both(*fresh, -static_cast<std::int64_t>(place)));
    }
    CHECK(refused > 50);
    CHECK(place < places_max);
    CHECK(db->integrity_check());
  }
}

TEST_CASE("what could not be undone without memory is undone before anything else is done on the connection",
          "[sqlite][memory]") {
  const TempDir dir;
  const auto db = opened_with_two_tables(dir, "a.db");
  auto held = db->prepare("SELECT count(*) FROM a");
  REQUIRE(held);
  MemoryFault none{1, for_ever, 0};
  {
    auto transaction = Transaction::begin_write(*db);
    REQUIRE(transaction);
    REQUIRE(db->exec("INSERT INTO a VALUES (1, 'x'); CREATE TABLE c (n INTEGER)"));
    const MemoryOf memory(&none);
    transaction->rollback();
    CHECK_FALSE(db->owes_undo());  // what it takes was prepared while there was memory
  }
  {
    auto transaction = Transaction::begin_write(*db);
    REQUIRE(transaction);
    REQUIRE(db->exec("INSERT INTO a VALUES (1, 'x')"));
    // But the schema that it was prepared under went with the transaction before.
    const MemoryOf memory(&none);
    transaction->rollback();
    CHECK(db->owes_undo());
    CHECK_FALSE(db->in_transaction());
    CHECK_FALSE(db->statement("SELECT count(*) FROM a"));
    CHECK_FALSE(db->prepare("SELECT 1"));
    CHECK_FALSE(held->step());
    CHECK_FALSE(db->exec("INSERT INTO b VALUES (1)"));
    CHECK_FALSE(db->checkpoint(CheckpointMode::passive));
    CHECK_FALSE(db->quick_check());
    CHECK(Transaction::begin_read(*db).error().code == ErrorCode::storage_failed);
    CHECK(Transaction::begin_write(*db).error().code == ErrorCode::storage_failed);
    CHECK(db->owes_undo());
  }
  CHECK(held->step().value());
  CHECK(held->int64(0) == 0);
  held->reset();
  CHECK_FALSE(db->owes_undo());
  CHECK(db->int64_of("SELECT count(*) FROM sqlite_schema WHERE name = 'c'").value() == 0);
  CHECK(write_both(*db, 1));
  CHECK(rows_of(*db, 1) == 2);
}

TEST_CASE("after an error has taken a transaction back, nothing more of it is written", "[sqlite][memory]") {
  const TempDir dir;
  std::uint64_t taken_back = 0;
  for (std::uint64_t place = 1; place < places_max; ++place) {
    INFO("allocation " << place);
    const auto db = opened_with_two_tables(dir, std::to_string(place) + ".db");
    REQUIRE(write_both(*db, 1));
    MemoryFault fault{place, 1, 0};
    {
      auto transaction = Transaction::begin_write(*db);
      REQUIRE(transaction);
      REQUIRE(db->run("INSERT INTO a VALUES (2, 'x')"));
      {
        // Somebody else reads on the connection meanwhile, and keeps the error for himself.
        const MemoryOf memory(&fault);
        static_cast<void>(db->int64_of("SELECT count(*) FROM a WHERE words LIKE '%x'"));
      }
      taken_back += db->in_transaction() ? 0 : 1;
      const bool whole = db->in_transaction();
      CHECK(db->run("INSERT INTO b VALUES (2)").has_value() == whole);
      CHECK(db->exec("INSERT INTO b VALUES (3)").has_value() == whole);
      CHECK(transaction->commit().has_value() == whole);
    }
    CHECK((rows_of(*db, 2) == 0 || rows_of(*db, 2) == 2));
    CHECK(write_both(*db, 4));
    if (fault.failed == 0) break;
  }
  CHECK(taken_back > 0);
}

TEST_CASE("wherever memory fails while a database is opened, it is opened or refused, and opened afterwards",
          "[sqlite][memory]") {
  const TempDir dir;
  for (const std::uint64_t times : {std::uint64_t{1}, std::uint64_t{2}, for_ever}) {
    OpenOptions options = at(dir.file(std::to_string(times) + ".db"));
    if (encryption_available()) options.key = key_of(7);
    {
      const auto db = must_open(options);
      REQUIRE(db->exec("CREATE TABLE a (n INTEGER PRIMARY KEY, words TEXT); CREATE TABLE b (n INTEGER UNIQUE)"));
      REQUIRE(write_both(*db, 1));
    }
    std::uint64_t place = 0, refused = 0;
    for (bool failed = true; failed && place < places_max;) {
      INFO("allocation " << ++place << " and " << times - 1 << " more");
      MemoryFault fault{place, times, 0};
      {
        const MemoryOf memory(&fault);
        const auto opened = Database::open(options);
        refused += opened ? 0 : 1;
      }
      failed = fault.failed > 0;
      CHECK(rows_of(*must_open(options), 1) == 2);
    }
    CHECK(refused > 10);
    CHECK(place < places_max);
  }
}
