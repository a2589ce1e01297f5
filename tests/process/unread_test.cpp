// What is new to an agent: tern list, show, read and status, also beside a watcher.
#include <signal.h>

#include "support/catch.hpp"
#include "support/process_desk.hpp"

namespace tern::test {
namespace {

/// As a person sees it.
Ended plain(const DeviceProcess& device, Words words) {
  words.insert(words.begin(), program("tern"));
  words.insert(words.end(), {"--home", device.home()});
  return run({words, device.environment});
}

std::int64_t unread(const DeviceProcess& device, const std::string& number) {
  return device({"show", number}).line()["unread"].as_integer(-1);
}

struct ReadDesk : TwoAgents {
  void write(const std::string& text) const {
    (*ann)({"note", number, text});
    (*ann)({"sync"});
  }
};

}  // namespace

TEST_CASE("what others wrote is new in lists, on the ticket and in the status until somebody looks", "[unread]") {
  ReadDesk desk;
  CHECK(plain(*desk.ben, {"list", "--unread"}).err == "No tickets.\n");
  desk.write("the key is at the gate");
  desk.write("part ordered");
  (*desk.ann)({"new", "--subject", "Fan hums", "--queue", "Field"});
  (*desk.ann)({"sync"});
  (*desk.ben)({"sync"});

  CHECK(holds(plain(*desk.ben, {"list"}).out, "Pump leaks                                   2 new\n"));
  CHECK(holds(plain(*desk.ben, {"list", "--unread"}).out, "Fan hums                                     1 new\n"));
  CHECK(holds(plain(*desk.ben, {"status"}).out, "3 new on 2 tickets, 0 of them yours: tern list --unread\n"));
  CHECK((*desk.ben)({"status"}).line()["unread"]["unread"].as_integer() == 3);
  CHECK(unread(*desk.ben, desk.number) == 2);
  CHECK(unread(*desk.ben, desk.number) == 2);  // a program that asks for JSON has not read it

  const std::string shown = plain(*desk.ben, {"show", desk.number}).out;
  CHECK(holds(shown, "[new]\n    the key is at the gate\n"));
  CHECK(holds(shown, "[new]\n    part ordered\n"));
  CHECK_FALSE(holds(plain(*desk.ben, {"show", desk.number}).out, "[new]"));
  CHECK(unread(*desk.ben, desk.number) == 0);
  CHECK(unread(*desk.ann, desk.number) == 0);
  CHECK(plain(*desk.ben, {"read", "all"}).out.empty());
  CHECK_FALSE(holds(plain(*desk.ben, {"status"}).out, "new"));
  CHECK(desk.ben->tern({"read", "T-1"}).exit_code == 3);
}

TEST_CASE("what is shown beside a watcher was read, too", "[unread][watch]") {
  ReadDesk desk;
  Child watching(desk.ben->command({"sync", "--watch"}));
  REQUIRE(until([&] { return holds(desk.server.child().err(), "\"status\":101"); }));
  desk.write("the key is at the gate");
  REQUIRE(until([&] { return unread(*desk.ben, desk.number) == 1; }));
  CHECK(holds(plain(*desk.ben, {"show", desk.number}).out, "[new]"));
  CHECK(unread(*desk.ben, desk.number) == 0);
  watching.signal(SIGTERM);
  CHECK(watching.wait().exit_code == 0);
}

}  // namespace tern::test
