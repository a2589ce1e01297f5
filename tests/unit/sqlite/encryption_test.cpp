#include <sodium.h>

#include <algorithm>
#include <array>

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

// ---- pages as the cipher has them: data, then 12 bytes of nonce and 4 of counter, then the tag ----

constexpr std::size_t nonce_bytes = 12, counter_bytes = 4, tag_bytes = 16;
using Block = std::array<unsigned char, 64>;

std::uint32_t little_endian_at(const Bytes& bytes, std::size_t at) {
  std::uint32_t out = 0;
  for (std::size_t i = counter_bytes; i-- > 0;) out = out << 8 | static_cast<unsigned char>(bytes[at + i]);
  return out;
}

const unsigned char* raw(const void* bytes) {
  return static_cast<const unsigned char*>(bytes);
}

/// Blocks are numbered on from 0 behind the last number that there is: what libsodium does not do.
void xor_page(Bytes& page, std::size_t length, const unsigned char* nonce, std::uint32_t number,
              const unsigned char* key) {
  const std::size_t before_0 = std::min<std::uint64_t>(length, ((std::uint64_t{1} << 32) - number) * Block().size());
  auto* data = reinterpret_cast<unsigned char*>(page.data());
  crypto_stream_chacha20_ietf_xor_ic(data, data, before_0, nonce, number, key);
  if (before_0 < length)
    crypto_stream_chacha20_ietf_xor_ic(data + before_0, data + before_0, length - before_0, nonce, 0, key);
}

/// The key of a page's tag, then that of its data.
Block page_keys(const Bytes& page, std::size_t length, std::uint32_t number, const DatabaseKey& key) {
  Block out{};
  crypto_stream_chacha20_ietf_xor_ic(out.data(), out.data(), out.size(), raw(page.data() + length), number,
                                     raw(key.view().data()));
  return out;
}

/// The second page of a file, encrypted anew so that its first block has this number.
void renumber_second_page(const std::string& path, const DatabaseKey& key, std::uint32_t number) {
  Bytes file = content_of(path);
  const std::size_t size = static_cast<unsigned char>(file[16]) * 256U + static_cast<unsigned char>(file[17]);
  const std::size_t length = size - nonce_bytes - counter_bytes - tag_bytes, counter_at = length + nonce_bytes;
  Bytes page = file.substr(size, size);
  const std::uint32_t old = little_endian_at(page, counter_at) ^ 2U;
  xor_page(page, length, raw(page.data() + length), old + 1, page_keys(page, length, old, key).data() + 32);
  for (std::size_t i = 0; i < counter_bytes; ++i) page[counter_at + i] = static_cast<char>((number ^ 2U) >> (8 * i));
  const Block keys = page_keys(page, length, number, key);
  xor_page(page, length, raw(page.data() + length), number + 1, keys.data() + 32);
  crypto_onetimeauth_poly1305(reinterpret_cast<unsigned char*>(page.data() + counter_at + counter_bytes),
                              raw(page.data()), counter_at + counter_bytes, keys.data());
  file.replace(size, size, page);
  write_file(path, file);
}

}  // namespace

TEST_CASE("a page is read whose blocks are numbered beyond the last number that there is", "[sqlite][encryption]") {
  if (!encryption_available()) return;
  TempDir dir;
  const std::string path = dir.file("a.db");
  {
    auto db = must_open(encrypted_at(path, 1));
    REQUIRE(db->exec("CREATE TABLE t (b TEXT)"));
    for (int i = 0; i < 20; ++i) REQUIRE(db->run("INSERT INTO t VALUES ($1)", Text{std::string(100, 'x')}));
    REQUIRE(db->checkpoint(CheckpointMode::truncate));
  }
  // Its own number again (the planting works), then 0 comes behind the first block, in the middle, behind the last.
  for (const std::uint32_t number : {7U, UINT32_MAX - 1, UINT32_MAX - 20, UINT32_MAX - 63, UINT32_MAX}) {
    INFO(number);
    renumber_second_page(path, key_of(1), number);
    CHECK(must_open(encrypted_at(path, 1))->int64_of("SELECT sum(length(b)) FROM t").value() == 2000);
  }
}

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
