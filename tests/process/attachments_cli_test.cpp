// Files as an agent attaches and fetches them, between real programs.
#include <fstream>

#include "support/catch.hpp"
#include "support/files.hpp"
#include "support/process_desk.hpp"
#include "support/relay.hpp"

namespace tern::test {
namespace {

std::string made_file(const TempDir& folder, const std::string& name, std::size_t bytes) {
  std::string content;
  for (std::size_t i = 0; content.size() < bytes; ++i) content += name + std::to_string(i);
  content.resize(bytes);
  std::ofstream(folder.file(name), std::ios::binary) << content;
  return folder.file(name);
}

}  // namespace

TEST_CASE(
    "an agent attaches files without a network, they are sent over a line that is cut and a server that is killed, "
    "and a colleague saves them",
    "[cli][files]") {
  const TempDir folder;
  ServerProcess server(folder.file("server"));
  server.start({"--quiet"});
  Relay relay(server.port);
  const DeviceProcess ann(folder.file("ann"));
  ann({"enrol", "--server", relay.url(), "--code", server.code_for("Ann", "supervisor", "all"), "--yes"});
  ann({"sync"});
  const DeviceProcess ben(server, folder.file("ben"), "Ben", "supervisor", "all");
  const std::string number = ann.open_ticket("Pump leaks");
  const std::string big = made_file(folder, "big.bin", 1'500'000), small = made_file(folder, "pump.txt", 2'000);

  const Ended attached = ann({"attach", number, big, small, "--note", "see both"});
  CHECK(attached.lines().size() == 3);
  CHECK(ann({"status"}).line()["files_waiting"] == Json(2));
  CHECK(ann({"status"}).line()["files_waiting_bytes"] == Json(1'502'000));
  CHECK(ann({"files", number}).lines().at(0)["where"] == Json("waiting"));
  CHECK(ann.tern({"attach", number, folder.file("missing")}).exit_code == 2);
  CHECK(ann.tern({"attach", number, made_file(folder, "huge.bin", 101 * 1024 * 1024)}).error()["field"] ==
        Json("file"));

  // The line breaks at the third piece; the server is killed meanwhile.
  int pieces = 0;
  relay.answer_instead([&](const Message& request) -> std::optional<std::string> {
    if (!request.is_to("/sync/v1/file") || ++pieces < 3) return std::nullopt;
    return std::string();
  });
  CHECK(ann.tern({"sync"}).exit_code == 5);
  relay.answer_instead({});
  const std::size_t asked = relay.requests().size();
  server.kill_hard();
  server.start({"--quiet"});
  CHECK(ann({"sync"}).line()["files_sent"] == Json(2));
  std::size_t again = 0;
  const auto requests = relay.requests();
  for (std::size_t i = asked; i < requests.size(); ++i)
    if (requests[i].is_to("/sync/v1/file")) again += requests[i].body.size();
  CHECK(again < 1'502'000);  // what had arrived is not sent again
  CHECK(ann({"status"}).line()["files_waiting"] == Json(0));

  ben({"sync"});
  const std::string there = ben.number_of("Pump leaks");
  REQUIRE(ben({"files", there}).lines().size() == 2);
  CHECK(ben({"files", there}).lines()[0]["where"] == Json("not here"));
  const Ended fetched = ben({"fetch", there, "big.bin", "--out", folder.file("got.bin")});
  CHECK(fetched.line()["path"] == Json(folder.file("got.bin")));
  CHECK(content_of(folder.file("got.bin")) == content_of(big));
  CHECK(ben.tern({"fetch", there, "big.bin", "--out", folder.file("got.bin")}).exit_code ==
        2);  // nothing is overwritten

  server.stop();
  CHECK(ben({"fetch", there, "1", "--out", folder.file("offline.bin")}).exit_code == 0);
  CHECK(content_of(folder.file("offline.bin")) == content_of(big));
  const Ended later = ben.tern({"fetch", there, "pump.txt", "--out", folder.file("later.txt")});
  CHECK(later.exit_code == 5);
  CHECK(ben({"files", there}).lines()[1]["where"] == Json("wanted"));
  server.start({"--quiet"});
  ben({"sync"});
  CHECK(ben({"files", there}).lines()[1]["where"] == Json("here"));
  CHECK(ben({"fetch-policy", "--each", "5MB"}).line()["each_bytes_max"] == Json(5 * 1024 * 1024));
  CHECK(ben.tern({"fetch-policy", "--each", "much"}).exit_code == 2);
  check_verified(server);
}

TEST_CASE("files are attached and fetched through a process that watches the home, beside its stream", "[cli][files]") {
  const TempDir folder;
  ServerProcess server(folder.file("server"));
  server.start({"--quiet"});
  const DeviceProcess ann(server, folder.file("ann"), "Ann", "supervisor", "all");
  const DeviceProcess ben(server, folder.file("ben"), "Ben", "supervisor", "all");
  const std::string number = ann.open_ticket("Pump leaks");
  ann({"sync"});
  const std::string big = made_file(folder, "big.bin", 1'500'000);
  Child watching(ann.command({"sync", "--watch"}));
  REQUIRE(until([&] { return std::filesystem::exists(ann.home() + "/watch.sock"); }));
  ann({"attach", number, big});
  CHECK(until([&] { return ann({"status"}).line()["files_waiting"] == Json(0); }, 20'000));
  CHECK(watching.running());
  ben({"sync"});
  const std::string there = ben.number_of("Pump leaks");
  const std::string answer = made_file(folder, "answer.bin", 700'000);
  ben({"attach", there, answer, "--public"});
  ben({"sync"});
  REQUIRE(until([&] { return ann({"files", there}).lines().size() == 2; }, 20'000));
  ann({"fetch", there, "answer.bin", "--out", folder.file("got.bin")});
  CHECK(content_of(folder.file("got.bin")) == content_of(answer));
  CHECK(watching.running());
}

}  // namespace tern::test
