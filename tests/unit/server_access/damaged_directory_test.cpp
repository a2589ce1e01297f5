// A server directory of which something is lost, damaged or too much.
#include "support/catch.hpp"
//
#include "backed_up_house.hpp"
#include "tern/sqlite/database.hpp"

namespace tern::test {

TEST_CASE("an index that is lost beside its tenants is damage, not a new server", "[server][restore]") {
  BackedUpHouse scene;
  scene.write("kept");
  scene.house.command(cmd("backup", {{"to", Json(scene.backup)}}));
  scene.house.core.reset();
  const std::string index = scene.house.options().directory + "/server.db";
  for (const char* suffix : {"-wal", "-shm"}) std::filesystem::remove(index + suffix);
  SECTION("emptied") {
    std::filesystem::resize_file(index, 0);
  }
  SECTION("removed") {
    std::filesystem::remove(index);
  }
  SECTION("overwritten") {
    std::ofstream(index, std::ios::binary | std::ios::in).write(std::string(8192, '\xA5').data(), 8192);
  }
  const auto opened = server::ServerCore::open(scene.house.options(), scene.house.environment);
  REQUIRE_FALSE(opened);
  CHECK(opened.error().code == ErrorCode::corrupt);
  CHECK(opened.error().hint.find("ternd restore") != std::string::npos);
  CHECK(opened.error().message.find("write to") == std::string::npos);
  if (!std::filesystem::exists(index))
    CHECK(server::ServerCore::init(scene.house.options(), "Other", "eve@example.org", "a long password",
                                   scene.house.environment)
              .error()
              .code == ErrorCode::corrupt);
  must(scene.restore(scene.backup));
  scene.house.reopen();
  CHECK(scene.house.command(cmd("verify"))["good"].as_bool());
}

TEST_CASE("a folder of a tenant that the index does not name is told of", "[server]") {
  BackedUpHouse scene;
  const std::string folder = scene.house.options().directory + "/tenants/" + std::string(32, 'a');
  std::filesystem::create_directory(folder);
  CHECK(to_text(scene.house.command(cmd("status"))["problems"]).find(folder) != std::string::npos);
}

TEST_CASE("a courier key that is lost shows in status and verify", "[server]") {
  BackedUpHouse scene;
  const std::string key = scene.house.options().directory + "/keys/courier.key";
  SECTION("emptied") {
    std::filesystem::resize_file(key, 0);
  }
  SECTION("removed") {
    std::filesystem::remove(key);
  }
  CHECK(to_text(scene.house.command(cmd("status"))["problems"]).find(key) != std::string::npos);
  const Json verified = scene.house.command(cmd("verify"));
  CHECK_FALSE(verified["good"].as_bool());
  CHECK(to_text(verified["findings"]).find(key) != std::string::npos);
}

TEST_CASE("a key file that is missing or damaged is named, with what to do", "[server]") {
  BackedUpHouse scene;
  const std::string keys = scene.house.options().directory + "/keys/";
  scene.house.core.reset();
  const std::string name = GENERATE(as<std::string>{}, "log.key", "key-list", "roots");
  const bool removed = GENERATE(true, false);
  if (removed)
    std::filesystem::remove(keys + name);
  else
    std::filesystem::resize_file(keys + name, 5);
  const auto opened = server::ServerCore::open(scene.house.options(), scene.house.environment);
  REQUIRE_FALSE(opened);
  CHECK(opened.error().code == ErrorCode::corrupt);
  CHECK(opened.error().message.find(keys + name) != std::string::npos);
  CHECK_FALSE(opened.error().hint.empty());
}

TEST_CASE("a tenant whose file is damaged is not served, and the others are", "[server]") {
  BackedUpHouse scene;
  House& house = scene.house;
  const Json other = house.command(cmd("tenant add", {{"name", Json("Other")}}));
  house.add_operator("bob", "operator", "Other");
  Device bob(house, "bob", "own", "Other");
  house.core.reset();
  const std::string file = house.options().directory + "/tenants/" + to_hex(bob.certificate.tenant) + "/tern.db";
  const std::string key = house.options().directory + "/keys/sealing-" + to_hex(bob.certificate.tenant) + ".key";
  SECTION("the file is no database") {
    std::filesystem::resize_file(file, 0);
    std::ofstream(file, std::ios::binary) << std::string(8192, 'x');
  }
  SECTION("the file is gone") {
    std::filesystem::remove(file);
  }
  SECTION("its key is gone") {
    std::filesystem::remove(key);
  }
  for (const char* suffix : {"-wal", "-shm"}) std::filesystem::remove(file + suffix);
  house.reopen();
  must(scene.device->open_session());
  CHECK_FALSE(bob.open_session());
  const Json rows = house.command(cmd("tenant list"))["rows"];
  REQUIRE(rows.size() == 2);
  CHECK(to_text(rows).find("not open: ") != std::string::npos);
  CHECK(to_text(house.command(cmd("status"))["problems"]).find("Other: not open") != std::string::npos);
  const auto health = house.get("/healthz");
  CHECK(health.status == 200);
  CHECK(must(parse_json(health.body))["reason"].as_string() == "tenant_not_open");
  CHECK(house.core->metrics().find("tenants_not_open 1") != std::string::npos);
  const auto verified = house.try_command(cmd("verify", {{"tenant", Json("Other")}}));
  REQUIRE_FALSE(verified);
  CHECK(verified.error().code == ErrorCode::corrupt);
  CHECK(verified.error().message.find("Other") != std::string::npos);
  CHECK_FALSE(house.try_command(cmd("backup", {{"to", Json(scene.backup)}})));
}

}  // namespace tern::test
