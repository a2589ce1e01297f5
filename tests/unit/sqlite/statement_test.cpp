#include "support/catch.hpp"
#include "unit/sqlite/support.hpp"

using namespace tern;
using namespace tern::sqlite;
using namespace tern::sqlite::test;

namespace {

std::unique_ptr<Database> with_table() {
  auto db = must_open(at(":memory:"));
  REQUIRE(db->exec("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT, c BLOB)"));
  return db;
}

std::string type_of(Database& db, std::string_view column) {
  auto row = db.prepare("SELECT typeof(" + std::string(column) + ") FROM t");
  REQUIRE(row);
  REQUIRE(row->step().value());
  return std::string(row->text(0));
}

}  // namespace

TEST_CASE("what is bound is read back, with its type", "[sqlite]") {
  auto db = with_table();
  REQUIRE(db->run("INSERT INTO t VALUES ($1, $2, $3)", 7, Text{"größer"}, Blob{std::string_view("\0\xff", 2)}));
  auto row = db->query("SELECT a, b, c, NULL FROM t WHERE a = $1", 7);
  REQUIRE(row);
  REQUIRE(row->step().value());
  CHECK(row->int64(0) == 7);
  CHECK(row->text(1) == "größer");
  CHECK(row->blob(2) == std::string_view("\0\xff", 2));
  CHECK(row->is_null(3));
  CHECK_FALSE(row->is_null(2));
  CHECK(row->column_count() == 4);
  CHECK(type_of(*db, "b") == "text");
  CHECK(type_of(*db, "c") == "blob");
  CHECK_FALSE(row->step().value());
}

TEST_CASE("an empty text and an empty blob are not NULL, and nothing is", "[sqlite]") {
  auto db = with_table();
  REQUIRE(db->run("INSERT INTO t VALUES (1, $1, $2)", Text{{}}, Blob{{}}));
  CHECK(type_of(*db, "b") == "text");
  CHECK(type_of(*db, "c") == "blob");
  REQUIRE(db->run("UPDATE t SET b = $1, c = $2", std::optional<Text>{}, std::nullopt));
  CHECK(type_of(*db, "b") == "null");
  CHECK(type_of(*db, "c") == "null");
}

TEST_CASE("ids are stored as blobs and an id of another length reads as none", "[sqlite]") {
  auto db = with_table();
  TicketId id;
  id.bytes.fill(9);
  REQUIRE(db->run("INSERT INTO t VALUES (1, 'x', $1)", id));
  auto row = db->query("SELECT c FROM t WHERE c = $1", id);
  REQUIRE(row->step().value());
  CHECK(row->id<TicketId>(0) == id);
  CHECK(row->id<Hash>(0).is_zero());
}

TEST_CASE("unsigned 64-bit values survive bit for bit", "[sqlite]") {
  auto db = with_table();
  const std::uint64_t large = 0xffff'ffff'ffff'fffe;
  REQUIRE(db->run("INSERT INTO t (a) VALUES ($1)", large));
  auto row = db->query("SELECT a FROM t");
  REQUIRE(row->step().value());
  CHECK(row->uint64(0) == large);
}

TEST_CASE("parameters go by their number, not by their first appearance", "[sqlite]") {
  auto db = must_open(at(":memory:"));
  auto row = db->query("SELECT $2, $1, $2, '$1', \"x\" FROM (SELECT 5 AS \"x\") -- $3", 1, 2);
  REQUIRE(row);
  REQUIRE(row->step().value());
  CHECK(row->int64(0) == 2);
  CHECK(row->int64(1) == 1);
  CHECK(row->int64(2) == 2);
  CHECK(row->text(3) == "$1");
  CHECK(row->int64(4) == 5);
}

TEST_CASE("a cached statement comes back without the bindings and the position of its last use", "[sqlite]") {
  auto db = with_table();
  REQUIRE(db->exec("INSERT INTO t (a) VALUES (1), (2)"));
  const char* sql = "SELECT a, $1 FROM t ORDER BY a";
  {
    auto first = db->query(sql, 42);
    REQUIRE(first->step().value());
    CHECK(first->int64(1) == 42);
  }
  auto again = db->statement(sql);
  REQUIRE(again->step().value());
  CHECK(again->int64(0) == 1);
  CHECK(again->is_null(1));
}

TEST_CASE("the same text can be in use twice", "[sqlite]") {
  auto db = with_table();
  REQUIRE(db->exec("INSERT INTO t (a) VALUES (1), (2)"));
  const char* sql = "SELECT a FROM t ORDER BY a";
  auto outer = db->statement(sql);
  auto inner = db->statement(sql);
  int pairs = 0;
  while (outer->step().value()) {
    while (inner->step().value()) ++pairs;
  }
  CHECK(pairs == 4);
}

TEST_CASE("a broken rule is invalid, bad SQL is internal, and no value is in the words", "[sqlite]") {
  auto db = with_table();
  REQUIRE(db->run("INSERT INTO t VALUES (1, 'secret', NULL)"));
  auto twice = db->run("INSERT INTO t VALUES (1, $1, NULL)", Text{"secret"});
  REQUIRE_FALSE(twice);
  CHECK(twice.error().code == ErrorCode::invalid);
  CHECK(twice.error().message.find("secret") == std::string::npos);
  auto typo = db->statement("SELEC 1");
  REQUIRE_FALSE(typo);
  CHECK(typo.error().code == ErrorCode::internal);
}

TEST_CASE("a value over the size limit is refused and nothing is stored", "[sqlite]") {
  auto db = with_table();
  const std::string huge(65 * 1024 * 1024, 'x');
  auto stored = db->run("INSERT INTO t VALUES (1, NULL, $1)", Blob{huge});
  REQUIRE_FALSE(stored);
  CHECK(stored.error().code == ErrorCode::too_large);
  CHECK(db->int64_of("SELECT count(*) FROM t").value() == 0);
}

TEST_CASE("double quotes never make a string", "[sqlite]") {
  auto db = with_table();
  CHECK_FALSE(db->run("SELECT \"no such column\" FROM t"));
}

TEST_CASE("int64_of gives nothing for no row and for NULL", "[sqlite]") {
  auto db = with_table();
  CHECK(db->int64_of("SELECT a FROM t").value() == std::nullopt);
  CHECK(db->int64_of("SELECT max(a) FROM t").value() == std::nullopt);
  CHECK(db->int64_of("SELECT $1 + 1", 4).value() == 5);
}
