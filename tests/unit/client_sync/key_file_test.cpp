#include "unit/client_sync/support.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "keys/secure_file.hpp"

namespace tern::client::test {
namespace {

unsigned mode_of(const std::string& path) {
  struct stat info {};
  REQUIRE(::stat(path.c_str(), &info) == 0);
  return info.st_mode & 0777;
}

Bytes content(const std::string& path) {
  return good(read_private_file(path, 1 << 22));
}

std::string enrolled_home(const TempDir& dir, std::optional<std::string> passphrase) {
  VirtualEnvironment environment;
  FakeServer server(environment);
  const EnrolmentRequest request = enrolment(dir, server.new_code(), std::move(passphrase));
  good(enrol(request, server, environment, yes));
  return request.home;
}

}  // namespace

TEST_CASE("the home is closed to others and so is every file in it", "[client][keys]") {
  const TempDir dir;
  const std::string home = enrolled_home(dir, std::nullopt);
  CHECK(mode_of(home) == 0700);
  CHECK(mode_of(home + "/device.key") == 0600);
  CHECK(mode_of(home + "/replica.key") == 0600);

  ::chmod((home + "/device.key").c_str(), 0644);
  VirtualEnvironment environment;
  CHECK(good(open_keys(home, std::nullopt, environment)).identity.device_name == "van");
  CHECK(mode_of(home + "/device.key") == 0600);
}

TEST_CASE("keys under a passphrase open with it alone", "[client][keys]") {
  const TempDir dir;
  const std::string home = enrolled_home(dir, "correct horse");
  VirtualEnvironment environment;
  CHECK(outcome(open_keys(home, std::nullopt, environment)) == "locked");
  CHECK(outcome(open_keys(home, "wrong", environment)) == "locked");
  const OpenedKeys keys = good(open_keys(home, "correct horse", environment));
  CHECK(keys.identity.passphrase_protected);
  CHECK(keys.signing_key.id() == keys.identity.key);
  CHECK(good(read_identity(home)).tenant_name == "Acme");  // who it is needs no passphrase
}

TEST_CASE("the same keys come back each time, and two devices have none in common", "[client][keys]") {
  const TempDir dir;
  const std::string home = enrolled_home(dir, std::nullopt);
  VirtualEnvironment environment(99);
  const OpenedKeys first = good(open_keys(home, std::nullopt, environment));
  const OpenedKeys again = good(open_keys(home, std::nullopt, environment));
  CHECK(first.data_key.view() == again.data_key.view());
  CHECK(first.replica_key.view() == again.replica_key.view());
  CHECK(first.data_key.view() != first.replica_key.view());
  CHECK_FALSE(first.identity.passphrase_protected);
}

TEST_CASE("a flipped byte anywhere in device.key is found", "[client][keys]") {
  const TempDir dir;
  const std::string home = enrolled_home(dir, std::nullopt);
  const Bytes whole = content(home + "/device.key");
  VirtualEnvironment environment;
  for (std::size_t at = 0; at < whole.size(); at += 37) {
    Bytes bent = whole;
    bent[at] = static_cast<char>(bent[at] ^ 1);
    good(write_private_file(home + "/device.key", bent));
    CHECK(outcome(open_keys(home, std::nullopt, environment)) == "corrupt");
  }
  good(write_private_file(home + "/device.key", whole.substr(0, 20)));
  CHECK(outcome(open_keys(home, std::nullopt, environment)) == "corrupt");
}

TEST_CASE("another's identity cannot be put beside a wrapped secret", "[client][keys]") {
  VirtualEnvironment environment;
  const HomeSecret secret = HomeSecret::generate(environment);
  const Bytes closed = good(close_secret(secret.raw(), "pass", "identity of Ann", environment));
  CHECK(good(open_secret(closed, "pass", "identity of Ann")).view() == secret.raw().view());
  CHECK(outcome(open_secret(closed, "pass", "identity of Eve")) == "locked");
}

TEST_CASE("a lost replica.key is made anew and changes the replica's key only", "[client][keys]") {
  const TempDir dir;
  const std::string home = enrolled_home(dir, std::nullopt);
  VirtualEnvironment environment(7);
  const OpenedKeys before = good(open_keys(home, std::nullopt, environment));
  good(shred_file(home + "/replica.key"));
  const OpenedKeys after = good(open_keys(home, std::nullopt, environment));
  CHECK(before.data_key.view() == after.data_key.view());
  CHECK(before.replica_key.view() != after.replica_key.view());
}

TEST_CASE("a wipe destroys the replica and its key, keeps the outbox, and is remembered", "[client][keys]") {
  const TempDir dir;
  const std::string home = enrolled_home(dir, std::nullopt);
  good(write_private_file(home + "/replica.db", "rows"));
  VirtualEnvironment environment(7);
  const OpenedKeys before = good(open_keys(home, std::nullopt, environment));
  good(destroy_replica(home, "the order"));
  CHECK_FALSE(std::filesystem::exists(home + "/replica.key"));
  CHECK_FALSE(std::filesystem::exists(home + "/replica.db"));
  CHECK(std::filesystem::exists(home + "/outbox.db"));
  const OpenedKeys after = good(open_keys(home, std::nullopt, environment));
  CHECK(after.wipe_order == "the order");
  CHECK(after.data_key.view() == before.data_key.view());
  CHECK(after.replica_key.view() != before.replica_key.view());
  CHECK_FALSE(std::filesystem::exists(home + "/replica.key"));  // and is not kept on disk any more
}

TEST_CASE("an interrupted wipe is finished when the home is opened", "[client][keys]") {
  const TempDir dir;
  const std::string home = enrolled_home(dir, std::nullopt);
  const Bytes half = content(home + "/replica.key");
  good(destroy_replica(home, "the order"));
  good(write_private_file(home + "/replica.key", half));  // as if the crash had come between the two
  good(write_private_file(home + "/replica.db", "rows"));
  VirtualEnvironment environment;
  good(open_keys(home, std::nullopt, environment));
  CHECK_FALSE(std::filesystem::exists(home + "/replica.key"));
  CHECK_FALSE(std::filesystem::exists(home + "/replica.db"));
}

TEST_CASE("a home without a device says so", "[client][keys]") {
  const TempDir dir;
  VirtualEnvironment environment;
  CHECK(outcome(open_keys(dir.file("nowhere"), std::nullopt, environment)) == "not_enrolled");
  good(make_private_directory(dir.file("link")));
  REQUIRE(::symlink("/dev/zero", dir.file("link/device.key").c_str()) == 0);
  CHECK(outcome(open_keys(dir.file("link"), std::nullopt, environment)) == "storage_failed");
}

}  // namespace tern::client::test
