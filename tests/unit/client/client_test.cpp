// A whole device: its home, its lock, and what opening makes good.
#include "tern/client/client.hpp"

#include <filesystem>
#include <fstream>

#include "keys/key_file.hpp"
#include "support/catch.hpp"
#include "support/fake_server.hpp"
#include "support/temp_dir.hpp"
#include "support/virtual_environment.hpp"

using namespace tern;
using namespace tern::test;
using client::Client;
using client::ClientOptions;

namespace {

struct Home {
  Home() : server(env) {
    client::EnrolmentRequest request;
    request.home = dir.file("home");
    request.server_url = "https://desk.example";
    request.code = server.new_code();
    request.device_name = "van";
    request.platform = "linux";
    REQUIRE(client::enrol(request, server, env, [](const client::EnrolmentOffer&) { return true; }));
  }

  ClientOptions options(bool read_only = false) const {
    ClientOptions out;
    out.home = dir.file("home");
    out.read_only_views = read_only;
    return out;
  }
  std::unique_ptr<Client> open() {
    auto opened = Client::open(options(), env);
    REQUIRE(opened);
    return std::move(*opened);
  }
  static sync::Change create(const std::string& subject) {
    sync::Change change;
    change.intent = sync::Intent::create;
    change.fields = {{sync::FieldId::subject, {}, subject, false}};
    return change;
  }
  static std::size_t listed(Client& device) {
    const auto page = device.views().list({});
    REQUIRE(page);
    return page->rows.size();
  }

  TempDir dir;
  VirtualEnvironment env;
  FakeServer server;
};

template <typename T>
ErrorCode refusal(const Result<T>& result) {
  return result ? ErrorCode::internal : result.error().code;
}

}  // namespace

TEST_CASE("a home serves one process that works, and any number that look", "[client][home]") {
  Home home;
  auto device = home.open();
  REQUIRE(device->commands().save({Home::create("pump")}));
  CHECK(refusal(Client::open(home.options(), home.env)) == ErrorCode::busy);
  auto looking = Client::open(home.options(true), home.env);
  REQUIRE(looking);
  CHECK(Home::listed(**looking) == 1);
  CHECK(refusal((*looking)->commands().save({Home::create("x")})) == ErrorCode::busy);
  CHECK(refusal((*looking)->commands().dismiss({})) == ErrorCode::busy);
  CHECK(refusal((*looking)->engine().run_round(home.server)) == ErrorCode::busy);
  device.reset();
  CHECK(Home::listed(*home.open()) == 1);
}

TEST_CASE("without a device there is nothing to open", "[client][home]") {
  TempDir dir;
  VirtualEnvironment env;
  ClientOptions options;
  options.home = dir.file("nothing");
  CHECK(refusal(Client::open(options, env)) == ErrorCode::not_enrolled);
  CHECK_FALSE(std::filesystem::exists(options.home));
}

TEST_CASE("everything in a home is closed to others", "[client][home]") {
  Home home;
  auto device = home.open();
  REQUIRE(device->commands().save({Home::create("pump")}));
  const auto closed = [](const std::filesystem::path& path) {
    const auto open = std::filesystem::perms::group_all | std::filesystem::perms::others_all;
    return (std::filesystem::status(path).permissions() & open) == std::filesystem::perms::none;
  };
  CHECK(closed(home.dir.file("home")));
  for (const auto& file : std::filesystem::directory_iterator(home.dir.file("home"))) {
    CAPTURE(file.path());
    CHECK(closed(file.path()));
  }
}

TEST_CASE("files of a home that were opened to others are closed again", "[client][home]") {
  Home home;
  home.open();
  const client::HomePaths paths(home.dir.file("home"));
  const auto mode = [](const std::string& path) {
    return std::filesystem::status(path).permissions() & std::filesystem::perms::all;
  };
  const auto all = std::filesystem::perms(0666), ours = std::filesystem::perms(0600);
  for (const std::string& path : {paths.outbox, paths.replica, paths.lock}) std::filesystem::permissions(path, all);
  home.open();
  for (const std::string& path : {paths.outbox, paths.replica, paths.lock}) CHECK(mode(path) == ours);
}

TEST_CASE("an outbox that is lost is told of, and not made anew", "[client][home]") {
  Home home;
  REQUIRE(home.open()->commands().save({Home::create("unsent")}));
  const std::string outbox = client::HomePaths(home.dir.file("home")).outbox;
  for (const char* suffix : {"-wal", "-shm"}) std::filesystem::remove(outbox + suffix);
  SECTION("removed") {
    std::filesystem::remove(outbox);
  }
  SECTION("emptied") {
    std::filesystem::resize_file(outbox, 0);
  }
  for (const bool read_only : {false, true, false}) {
    const auto opened = Client::open(home.options(read_only), home.env);
    REQUIRE_FALSE(opened);
    CHECK(opened.error().code == ErrorCode::corrupt);
    CHECK(opened.error().message.find(outbox) != std::string::npos);
    CHECK(opened.error().hint.find("tern salvage") != std::string::npos);
  }
  CHECK((!std::filesystem::exists(outbox) || std::filesystem::file_size(outbox) == 0));
}

TEST_CASE("a replica that was damaged or lost comes back with the next sync, and unsent work was shown all the time",
          "[client][home]") {
  Home home;
  {
    auto device = home.open();
    for (int i = 0; i < 30; ++i) REQUIRE(device->commands().save({Home::create("sent " + std::string(200, 'x'))}));
    REQUIRE(device->engine().run_round(home.server));
    REQUIRE(device->commands().save({Home::create("unsent")}));
  }
  const std::string replica = client::HomePaths(home.dir.file("home")).replica;
  SECTION("lost") {
    std::filesystem::remove(replica);
  }
  SECTION("key lost") {
    std::filesystem::remove(client::HomePaths(home.dir.file("home")).replica_key);
  }
  SECTION("cut") {
    std::filesystem::resize_file(replica, std::filesystem::file_size(replica) / 3);
  }
  SECTION("not a database") {
    std::ofstream(replica, std::ios::binary) << std::string(50'000, 'z');
  }
  auto device = home.open();
  const auto unsent = device->views().search("unsent", 10, {});
  REQUIRE(unsent);
  CHECK(unsent->rows.size() == 1);
  CHECK(device->views().status()->saved_here == 1);
  CHECK(device->views().status()->confirmed == 30);
  REQUIRE(device->engine().run_round(home.server));
  CHECK(Home::listed(*device) == 31);
  CHECK(home.server.tickets() == 31);  // nothing was doubled
  CHECK(device->views().status()->current_as_of_ms > 0);
}
