#include <filesystem>

#include "support/catch.hpp"
#include "support/temp_dir.hpp"
#include "tern/sqlite/files.hpp"
#include "tern/sqlite/transaction.hpp"
#include "unit/sqlite/support.hpp"

using namespace tern;
using namespace tern::sqlite;
using namespace tern::sqlite::test;
using tern::test::TempDir;

namespace {

std::string pragma(Database& db, const std::string& name) {
  auto row = db.prepare("PRAGMA " + name);
  REQUIRE(row);
  REQUIRE(row->step().value());
  return std::string(row->text(0));
}

void fill(Database& db, int rows) {
  REQUIRE(db.exec("CREATE TABLE IF NOT EXISTS t (a INTEGER PRIMARY KEY, b TEXT)"));
  auto transaction = Transaction::begin_write(db);
  REQUIRE(transaction);
  for (int i = 0; i < rows; ++i) {
    REQUIRE(db.run("INSERT INTO t (b) VALUES ($1)", Text{"canary-" + std::to_string(i) + std::string(200, 'x')}));
  }
  REQUIRE(transaction->commit());
}

}  // namespace

TEST_CASE("a writer opens with the durability profile", "[sqlite]") {
  TempDir dir;
  auto db = must_open(at(dir.file("a.db")));
  CHECK(pragma(*db, "journal_mode") == "wal");
  CHECK(pragma(*db, "synchronous") == "2");
  CHECK(pragma(*db, "fullfsync") == "1");
  CHECK(pragma(*db, "checkpoint_fullfsync") == "1");
  CHECK(pragma(*db, "wal_autocheckpoint") == "1000");
  CHECK(pragma(*db, "journal_size_limit") == "67108864");
  CHECK(pragma(*db, "foreign_keys") == "1");
  CHECK(pragma(*db, "trusted_schema") == "0");
  CHECK(pragma(*db, "cell_size_check") == "1");
  CHECK(pragma(*db, "secure_delete") == "1");
  CHECK_FALSE(db->exec("PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = ''"));
  OpenOptions normal = at(dir.file("b.db"));
  normal.synchronous = Synchronous::normal;
  CHECK(pragma(*must_open(normal), "synchronous") == "1");
}

TEST_CASE("what was deleted stands nowhere in the file, also where rows moved from page to page", "[sqlite]") {
  if (!encryption_available()) return;  // the system's SQLite leaves some of it there (docs/storage.md)
  TempDir dir;
  auto db = must_open(at(dir.file("a.db")));
  REQUIRE(db->exec("CREATE TABLE t (a BLOB PRIMARY KEY, b TEXT) WITHOUT ROWID"));
  // Keys in no order, so that pages are split and evened out all over; times 40503 meets each number once.
  const auto key = [](std::uint32_t i) { return std::to_string(i * 40'503 % 65'536) + "-"; };
  for (std::uint32_t i = 0; i < 3'000; ++i)
    REQUIRE(db->run("INSERT INTO t VALUES ($1, $2)", Text{key(i)},
                    Text{"canary-" + std::to_string(i) + std::string(i * 7 % 200, 'x')}));
  for (std::uint32_t i = 0; i < 3'000; ++i) REQUIRE(db->run("UPDATE t SET b = NULL WHERE a = $1", Text{key(i)}));
  REQUIRE(db->checkpoint(CheckpointMode::truncate));
  CHECK(content_of(dir.file("a.db")).find("canary-") == std::string::npos);
}

TEST_CASE("connections of a process share the index of the log in memory, and leave no file of it", "[sqlite]") {
  TempDir dir;
  const std::string path = dir.file("a.db");
  for (const bool encrypted : {false, true}) {
    if (encrypted && !encryption_available()) continue;
    for (const std::string suffix : {"", "-wal"}) std::filesystem::remove(path + suffix);
    OpenOptions options = at(path), looking = reader_at(path);
    options.index = looking.index = LogIndex::process;
    if (encrypted) options.key = looking.key = DatabaseKey::or_zero(Bytes(32, 'k'));
    auto writer = must_open(options);
    fill(*writer, 3);
    auto reader = must_open(looking), another = must_open(looking);
    auto snapshot = Transaction::begin_read(*reader);
    REQUIRE(snapshot);
    CHECK(reader->int64_of("SELECT count(*) FROM t").value() == 3);
    fill(*writer, 4000);  // the log outgrows the first region of its index
    CHECK(reader->int64_of("SELECT count(*) FROM t").value() == 3);
    CHECK(another->int64_of("SELECT count(*) FROM t").value() == 4003);
    CHECK_FALSE(writer->checkpoint(CheckpointMode::passive)->complete);  // the snapshot stands in its way
    snapshot->rollback();
    CHECK(reader->int64_of("SELECT count(*) FROM t").value() == 4003);
    CHECK(writer->checkpoint(CheckpointMode::passive)->complete);
    CHECK_FALSE(std::filesystem::exists(path + "-shm"));
    options.busy_timeout_ms = 0;
    auto second = must_open(options);  // one writes at a time
    auto writing = Transaction::begin_write(*writer);
    REQUIRE(writing);
    CHECK(Transaction::begin_write(*second).error().code == ErrorCode::busy);
    writing->rollback();
    CHECK(Transaction::begin_write(*second));
  }
}

TEST_CASE("a reader sees what was committed, writes nothing and never checkpoints", "[sqlite]") {
  TempDir dir;
  auto writer = must_open(at(dir.file("a.db")));
  fill(*writer, 3);
  auto reader = must_open(reader_at(dir.file("a.db")));
  CHECK(reader->int64_of("SELECT count(*) FROM t").value() == 3);
  CHECK(pragma(*reader, "wal_autocheckpoint") == "0");
  auto written = reader->run("INSERT INTO t (b) VALUES ('x')");
  REQUIRE_FALSE(written);
  CHECK(written.error().code == ErrorCode::storage_failed);
}

TEST_CASE("a missing file is not found by a reader and by a writer that must not create it", "[sqlite]") {
  TempDir dir;
  OpenOptions writer = at(dir.file("a.db"));
  writer.create = false;
  for (const OpenOptions& options : {reader_at(dir.file("a.db")), writer}) {
    auto opened = Database::open(options);
    REQUIRE_FALSE(opened);
    CHECK(opened.error().code == ErrorCode::not_found);
  }
  CHECK_FALSE(std::filesystem::exists(dir.file("a.db")));
  auto nowhere = Database::open(at(dir.file("no/such/folder/a.db")));
  REQUIRE_FALSE(nowhere);
}

TEST_CASE("only the owner may read the files", "[sqlite]") {
  if (!encryption_available()) return;  // the system's library has file modes of its own
  TempDir dir;
  auto db = must_open(at(dir.file("a.db")));
  fill(*db, 1);
  for (const char* name : {"a.db", "a.db-wal", "a.db-shm"}) {
    const auto mode = std::filesystem::status(dir.file(name)).permissions();
    CHECK((mode & std::filesystem::perms::all) ==
          (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
  }
}

TEST_CASE("a file that is no database, a cut one and a flipped one are corrupt", "[sqlite]") {
  TempDir dir;
  write_file(dir.file("text.db"), std::string(8192, 'z'));
  auto text = Database::open(at(dir.file("text.db")));
  REQUIRE_FALSE(text);
  CHECK(text.error().code == ErrorCode::corrupt);
  CHECK(text.error().message.find("text.db") != std::string::npos);

  { fill(*must_open(at(dir.file("a.db"))), 500); }
  std::string bytes = content_of(dir.file("a.db"));
  REQUIRE(bytes.size() > 16384);
  std::string flipped = bytes;
  for (std::size_t i = 8192; i < 8192 + 200; ++i) flipped[i] = static_cast<char>(flipped[i] ^ 0x55);
  write_file(dir.file("flipped.db"), flipped);
  auto damaged = must_open(at(dir.file("flipped.db")));
  auto verdict = damaged->integrity_check();
  REQUIRE_FALSE(verdict);
  CHECK(verdict.error().code == ErrorCode::corrupt);
  auto quick = damaged->quick_check();
  REQUIRE_FALSE(quick);
  CHECK(quick.error().code == ErrorCode::corrupt);

  CHECK(must_open(at(dir.file("a.db")))->integrity_check());
  CHECK(must_open(at(dir.file("a.db")))->quick_check());
}

TEST_CASE("a second writer is told that the database is busy", "[sqlite]") {
  TempDir dir;
  auto first = must_open(at(dir.file("a.db")));
  fill(*first, 1);
  auto second = must_open(at(dir.file("a.db")));
  auto held = Transaction::begin_write(*first);
  REQUIRE(held);
  auto refused = Transaction::begin_write(*second);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::busy);
  held->rollback();
  CHECK(Transaction::begin_write(*second));
}

TEST_CASE("a full database says so, keeps what it has and works on when there is room", "[sqlite]") {
  TempDir dir;
  auto db = must_open(at(dir.file("a.db")));
  fill(*db, 10);
  REQUIRE(db->exec("PRAGMA max_page_count = 8"));
  Result<void> stored;
  for (int i = 0; i < 1000 && stored; ++i) {
    stored = db->run("INSERT INTO t (b) VALUES ($1)", Text{std::string(1000, 'y')});
  }
  REQUIRE_FALSE(stored);
  CHECK(stored.error().code == ErrorCode::storage_full);
  CHECK_FALSE(stored.error().hint.empty());
  CHECK(db->int64_of("SELECT count(*) FROM t WHERE b LIKE 'canary%'").value() == 10);
  REQUIRE(db->exec("PRAGMA max_page_count = 100000"));
  CHECK(db->run("INSERT INTO t (b) VALUES ('z')"));
}

TEST_CASE("a query stops when its time is over, and the connection works on", "[sqlite]") {
  auto db = must_open(at(":memory:"));
  int asked = 0;
  db->set_keep_going([&asked] { return ++asked < 3; });
  const char* endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
  auto stopped = db->int64_of(endless);
  REQUIRE_FALSE(stopped);
  CHECK(stopped.error().code == ErrorCode::busy);
  CHECK(asked == 3);
  db->set_keep_going({});
  CHECK(db->int64_of("SELECT 1").value() == 1);
}

TEST_CASE("a checkpoint moves the log into the file and empties it when no reader is in the way", "[sqlite]") {
  TempDir dir;
  auto db = must_open(at(dir.file("a.db")));
  fill(*db, 50);
  REQUIRE(std::filesystem::file_size(dir.file("a.db-wal")) > 0);
  auto reader = must_open(reader_at(dir.file("a.db")));
  {
    auto snapshot = Transaction::begin_read(*reader);
    REQUIRE(reader->int64_of("SELECT count(*) FROM t").value() == 50);
    fill(*db, 50);
    auto held_back = db->checkpoint(CheckpointMode::truncate);
    REQUIRE(held_back);
    CHECK_FALSE(held_back->complete);
    CHECK(reader->int64_of("SELECT count(*) FROM t").value() == 50);
  }
  auto passive = db->checkpoint(CheckpointMode::passive);
  REQUIRE(passive);
  CHECK(passive->complete);
  CHECK(passive->wal_frames > 0);
  auto emptied = db->checkpoint(CheckpointMode::truncate);
  REQUIRE(emptied);
  CHECK(emptied->complete);
  CHECK(std::filesystem::file_size(dir.file("a.db-wal")) == 0);
}

TEST_CASE("a copy by VACUUM INTO and a copy by backup hold everything that was committed", "[sqlite]") {
  TempDir dir;
  auto db = must_open(at(dir.file("a.db")));
  fill(*db, 100);
  REQUIRE(db->vacuum_into(dir.file("vacuumed.db")));
  CHECK_FALSE(db->vacuum_into(dir.file("vacuumed.db")));  // never over an existing file
  {
    auto copy = must_open(at(dir.file("copied.db")));
    REQUIRE(db->backup_to(*copy));
  }
  for (const char* name : {"vacuumed.db", "copied.db"}) {
    auto copy = must_open(at(dir.file(name)));
    CHECK(copy->int64_of("SELECT count(*) FROM t").value() == 100);
    CHECK(copy->integrity_check());
  }
}

TEST_CASE("a copy by backup is one snapshot, whatever is committed meanwhile, and can be stopped", "[sqlite]") {
  TempDir dir;
  auto writer = must_open(at(dir.file("a.db")));
  fill(*writer, 20'000);
  auto reader = must_open(reader_at(dir.file("a.db")));
  int asked = 0;
  reader->set_keep_going([&] {
    ++asked;
    REQUIRE(writer->run("INSERT INTO t (b) VALUES ('meanwhile')"));
    return true;
  });
  {
    auto copy = must_open(at(dir.file("copied.db")));
    REQUIRE(reader->backup_to(*copy));
  }
  CHECK(asked > 2);
  CHECK(asked < 100);  // it did not begin again
  auto copy = must_open(at(dir.file("copied.db")));
  CHECK(copy->integrity_check());
  const auto rows = copy->int64_of("SELECT count(*) FROM t").value();
  CHECK(copy->int64_of("SELECT count(*) FROM t WHERE b = 'meanwhile'").value() == rows.value() - 20'000);

  asked = 0;
  reader->set_keep_going([&] { return ++asked < 3; });
  const auto stopped = reader->backup_to(*copy);
  REQUIRE_FALSE(stopped);
  CHECK(stopped.error().code == ErrorCode::busy);
  reader->set_keep_going({});
  CHECK_FALSE(reader->in_transaction());
}

TEST_CASE("deleted text is gone from file and log after a checkpoint", "[sqlite]") {
  TempDir dir;
  auto db = must_open(at(dir.file("a.db")));
  fill(*db, 300);
  REQUIRE(db->checkpoint(CheckpointMode::truncate));
  REQUIRE(content_of(dir.file("a.db")).find("canary-") != std::string::npos);
  REQUIRE(db->run("DELETE FROM t"));
  REQUIRE(db->checkpoint(CheckpointMode::truncate)->complete);
  CHECK(content_of(dir.file("a.db")).find("canary-") == std::string::npos);
  CHECK(content_of(dir.file("a.db-wal")).find("canary-") == std::string::npos);
}

TEST_CASE("a database that cannot be deleted keeps its log", "[sqlite]") {
  TempDir dir;
  const std::string path = dir.file("a.db");
  write_file(path + "-wal", "what the database lacks");
  SECTION("it can be deleted, and so is the log") {
    write_file(path, "");
    CHECK(remove_database(path, {}));
    CHECK_FALSE(std::filesystem::exists(path + "-wal"));
  }
  SECTION("it is not there") {
    CHECK(remove_database(path, {}));
    CHECK_FALSE(std::filesystem::exists(path + "-wal"));
  }
  SECTION("it cannot be deleted") {
    std::filesystem::create_directory(path);
    const auto removed = remove_database(path, {});
    REQUIRE_FALSE(removed);
    CHECK(removed.error().code == ErrorCode::storage_failed);
    CHECK(std::filesystem::exists(path + "-wal"));
  }
}
