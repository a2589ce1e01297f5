// tern-verify as people and scripts meet it.
#include <fstream>

#include "process/load.hpp"
#include "support/files.hpp"

namespace tern::test {
namespace {

Ended verify(std::vector<std::string> words, const std::string& input = {}) {
  words.insert(words.begin(), program("tern-verify"));
  return run({std::move(words), {}, input});
}

}  // namespace

TEST_CASE("an export of a server is proven by a program of its own, which says so or names what is wrong",
          "[cli][I38]") {
  const TempDir folder;
  ServerProcess server(folder.file("server"));
  server.start();
  const DeviceProcess ann(server, folder.file("ann"), "Ann");
  ann({"new", "--subject", "Pump leaks"});
  ann({"sync"});
  const std::string path = folder.file("history.ledger");
  const Json answer = server.admin({"export", "--format", "ledger", "--to", path}).line();
  const std::string root = answer["root"].as_string();
  CHECK(server.ternd({"export", "--format", "ledger"}).exit_code == 2);

  const Ended good = verify({path, "--root", root});
  INFO(good.out << good.err);
  CHECK(good.exit_code == 0);
  CHECK(good.err.empty());  // no progress in a pipe
  CHECK(holds(good.out, "  1 change, 1 author, 1 device, 0 gaps\n"));
  CHECK(holds(good.out, "server root " + root + ", as you said"));
  CHECK(holds(verify({path}).out, "compare it"));
  CHECK(verify({"-", "--root", root}, content_of(path)).exit_code == 0);

  const auto lines = verify({path, "--json"}).lines();
  REQUIRE(lines.size() == 2);
  CHECK(lines[0]["gaps"].as_integer(-1) == 0);
  CHECK(lines[1]["good"].as_bool());
  CHECK_FALSE(lines[1]["root_checked"].as_bool(true));
  const std::string number = lines[0]["number"].as_string();
  CHECK(verify({path, "--ticket", number, "--json"}).lines().size() == 2);
  const Ended none = verify({path, "--ticket", "T-1999-0001"});
  CHECK(none.exit_code == 3);
  CHECK(none.out.empty());

  std::string altered = content_of(path);
  altered[altered.size() / 2] = static_cast<char>(altered[altered.size() / 2] ^ 1);
  const std::string forged = folder.file("forged.ledger");
  std::ofstream(forged, std::ios::binary) << altered;
  const Ended wrong = verify({forged, "--json"});
  CHECK(wrong.exit_code == 8);
  CHECK(wrong.out.empty());
  CHECK(wrong.error()["code"].as_string() == "verification_failed");
  CHECK(holds(wrong.error()["message"].as_string(), "ine "));
  CHECK(verify({path, "--root", std::string(32, '0')}).exit_code == 8);
}

TEST_CASE("tern-verify teaches itself and refuses what it cannot use", "[cli]") {
  const TempDir folder;
  const Ended help = verify({"--help"});
  CHECK(help.exit_code == 0);
  CHECK(help.err.empty());
  CHECK(holds(help.out, "Exit codes:"));
  CHECK(verify({"--version"}).exit_code == 0);
  CHECK(holds(verify({"--man"}).out, ".TH tern\\-verify 1"));
  CHECK(holds(verify({"--completion"}).out, "--root"));
  CHECK(verify({}).exit_code == 2);
  CHECK(verify({"a", "b"}).exit_code == 2);
  CHECK(verify({"a", "--root", "xyz"}).exit_code == 2);
  CHECK(verify({"a", "--ticket"}).exit_code == 2);
  CHECK(verify({"a", "--force"}).exit_code == 2);
  CHECK(verify({folder.file("none")}).exit_code == 3);
  CHECK(verify({folder.file("")}).exit_code == 10);  // a directory
  CHECK(verify({"-"}).exit_code == 8);
  CHECK(verify({"-"}, "{}\n").exit_code == 8);
  CHECK(verify({"-"}, std::string(9 << 20, 'x')).exit_code == 8);
}

}  // namespace tern::test
