#include "support/catch.hpp"
#include "support/temp_dir.hpp"
#include "unit/sqlite/support.hpp"

using namespace tern;
using namespace tern::sqlite;
using namespace tern::sqlite::test;
using tern::test::TempDir;

namespace {

OpenOptions encrypted_at(const std::string& path, std::uint8_t fill) {
  OpenOptions options = at(path);
  options.key = key_of(fill);
  return options;
}

void write_canaries(const OpenOptions& options) {
  auto db = must_open(options);
  REQUIRE(db->exec("CREATE TABLE t (b TEXT); CREATE VIRTUAL TABLE f USING fts5 (b)"));
  for (int i = 0; i < 200; ++i) {
    REQUIRE(db->run("INSERT INTO t VALUES ($1)", Text{"canary " + std::string(100, 'x')}));
    REQUIRE(db->run("INSERT INTO f VALUES ($1)", Text{"canary words"}));
  }
}

}  // namespace

TEST_CASE("without encryption a key is refused, never ignored", "[sqlite][encryption]") {
  if (encryption_available()) return;
  TempDir dir;
  auto opened = Database::open(encrypted_at(dir.file("a.db"), 1));
  REQUIRE_FALSE(opened);
  CHECK(opened.error().message.find("no encryption") != std::string::npos);
}

TEST_CASE("an encrypted database opens with its key only, and no text lies in its files", "[sqlite][encryption]") {
  if (!encryption_available()) return;
  TempDir dir;
  const std::string path = dir.file("a.db");
  auto open_one = must_open(encrypted_at(path, 1));  // keeps the log file alive
  write_canaries(encrypted_at(path, 1));
  CHECK(content_of(path + "-wal").size() > 0);
  CHECK(content_of(path + "-wal").find("canary") == std::string::npos);
  REQUIRE(open_one->checkpoint(CheckpointMode::truncate));
  CHECK(content_of(path).size() > 16384);
  CHECK(content_of(path).find("canary") == std::string::npos);
  CHECK(content_of(path).find("SQLite format") == std::string::npos);
  open_one.reset();

  CHECK(must_open(encrypted_at(path, 1))->int64_of("SELECT count(*) FROM f WHERE f MATCH 'canary'").value() == 200);
  for (const OpenOptions& wrong : {encrypted_at(path, 2), at(path), reader_at(path)}) {
    auto refused = Database::open(wrong);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::corrupt);
  }
  // The refusals changed nothing.
  CHECK(must_open(encrypted_at(path, 1))->integrity_check());
}

TEST_CASE("a flipped bit in an encrypted page is corrupt", "[sqlite][encryption]") {
  if (!encryption_available()) return;
  TempDir dir;
  const std::string path = dir.file("a.db");
  write_canaries(encrypted_at(path, 1));
  std::string bytes = content_of(path);
  bytes[3 * 4096 + 1000] = static_cast<char>(bytes[3 * 4096 + 1000] ^ 1);
  write_file(path, bytes);
  auto db = must_open(encrypted_at(path, 1));
  auto verdict = db->integrity_check();
  REQUIRE_FALSE(verdict);
  CHECK(verdict.error().code == ErrorCode::corrupt);
}

TEST_CASE("copies of an encrypted database have its key", "[sqlite][encryption]") {
  if (!encryption_available()) return;
  TempDir dir;
  write_canaries(encrypted_at(dir.file("a.db"), 1));
  auto db = must_open(encrypted_at(dir.file("a.db"), 1));
  REQUIRE(db->vacuum_into(dir.file("vacuumed.db")));
  {
    auto copy = must_open(encrypted_at(dir.file("copied.db"), 1));
    REQUIRE(db->backup_to(*copy));
  }
  for (const char* name : {"vacuumed.db", "copied.db"}) {
    CHECK(content_of(dir.file(name)).find("canary") == std::string::npos);
    CHECK(must_open(encrypted_at(dir.file(name), 1))->int64_of("SELECT count(*) FROM t").value() == 200);
    CHECK_FALSE(Database::open(encrypted_at(dir.file(name), 2)));
  }
}

TEST_CASE("a database that the first release encrypted still opens", "[sqlite][encryption][golden]") {
  if (!encryption_available()) return;
  TempDir dir;
  write_file(dir.file("a.db"), content_of(TERN_TEST_DATA_DIR "/golden/encrypted-1.db"));
  OpenOptions options = at(dir.file("a.db"));
  options.key = DatabaseKey{};
  for (std::size_t i = 0; i < 32; ++i) options.key->bytes[i] = static_cast<std::uint8_t>(i);
  options.create = false;
  CHECK(must_open(options)->int64_of("SELECT count(*) FROM t WHERE b = 'still here'").value() == 1);
}
