// What the system gives a program too little of: it says so in one sentence, and leaves everything as it was.
#include "support/catch.hpp"
#include "support/process_desk.hpp"

namespace tern::test {
namespace {

/// `words` under limits that a shell sets.
Ended run_limited(const std::string& limit, const Words& words) {
  Words all = {"/bin/sh", "-c", "ulimit " + limit + " && exec \"$@\"", "sh"};
  all.insert(all.end(), words.begin(), words.end());
  return run({all});
}

}  // namespace

TEST_CASE("a server that gets too few descriptors or threads says so and ends", "[limits]") {
  const TempDir folder;
  ServerProcess server(folder.file("server"));
  server.admin({"queue", "add", "Field"});
  const Words serve = {program("ternd"), "serve", "--data", server.data(), "--listen", "127.0.0.1:0", "--json"};
  for (const char* limit :
       {"-n 8", "-n 10", "-n 12", "-n 14", "-n 16", "-v 40960", "-v 61440", "-v 81920", "-v 102400", "-v 122880"}) {
    INFO("ulimit " << limit);
    Words words = {"/usr/bin/timeout", "2"};
    words.insert(words.end(), serve.begin(), serve.end());
    const Ended ended = run_limited(limit, words);
    INFO(ended.out << ended.err);
    CHECK(ended.signal == 0);
    const bool served = ended.exit_code == 124 || holds(ended.out, "listening");
    if (served) continue;  // it was enough here
    CHECK((ended.exit_code == 9 || ended.exit_code == 10 || ended.exit_code == 127));
    if (ended.exit_code != 127) CHECK(holds(ended.err, "{\"error\""));
  }
  server.start();
  CHECK(server.stop().exit_code == 0);
}

TEST_CASE("a file that reached the limit of its size is a full disk, not the end of the program", "[limits]") {
  const TempDir folder;
  ServerProcess server(folder.file("server"));
  server.start();
  const DeviceProcess ann(server, folder.file("ann"), "Ann");
  const std::string number = ann.open_ticket("Pump leaks");
  for (int i = 0; i < 2; ++i) {
    const Ended ended = run_limited(
        "-f 8", {program("tern"), "note", number, std::string(60'000, 'x'), "--home", ann.home(), "--json"});
    INFO(ended.out << ended.err);
    CHECK(ended.signal == 0);
    CHECK(ended.exit_code == 10);
    CHECK(holds(ended.err, "not saved"));
  }
  CHECK(ann({"history"}).lines().size() == 2);
}

}  // namespace tern::test
