// Quick replies, macros, views and the knowledge base as an agent types them, with no server to ask.
#include "support/catch.hpp"
#include "support/process_desk.hpp"

namespace tern::test {
namespace {

bool tells(const Ended& ended, const std::string& text) {
  return ended.out.find(text) != std::string::npos;
}

/// As people read it.
std::string plainly(const DeviceProcess& device, Words words) {
  Command command = device.command(std::move(words));
  std::erase(command.words, "--json");
  return run(command).out;
}

}  // namespace

TEST_CASE("an agent answers with a quick reply, applies a macro and reads an article while there is no server",
          "[cli][library]") {
  const TempDir folder;
  ServerProcess server(folder.file("server"));
  server.start({"--quiet"});
  const DeviceProcess ann(server, folder.file("ann"), "Ann");
  server.code_for("Ben");
  server.admin({"quick-reply", "add", "On our way", "--shortcut", "omw", "--content", "We are on our way."});
  server.admin({"quick-reply", "add", "Of Ben", "--content", "canary", "--operator", "Ben"});
  server.admin({"macro", "add", "Part ordered", "--content", "The part is on its way.", "--actions", "tag part",
                "hold part ordered"});
  server.admin({"article", "add", "Reset a meter", "--content", "Hold the key.\n\x1b[31mFor 5 seconds.", "--category",
                "Setup", "--status", "published"});
  server.admin({"article", "add", "Not yet", "--content", "canary"});
  server.admin({"view", "add", "Pumps", "--text", "pump", "--sort", "subject", "--folder", "Machines"});
  server.admin({"view", "add", "Bens own", "--text", "canary", "--operator", "Ben"});
  ann({"sync"});
  server.stop();

  const Ended replies = ann({"quick-replies"});
  REQUIRE(replies.lines().size() == 1);
  CHECK(replies.line()["shortcut"] == Json("omw"));
  CHECK(plainly(ann, {"quick-replies"}) == "On our way  [omw] We are on our way.\n");
  const std::string number = ann.open_ticket("Pump leaks");
  ann({"reply", number, "--quick", "OMW"});
  CHECK(tells(ann({"show", number}), "We are on our way."));
  CHECK(ann.tern({"reply", number, "--quick", "none"}).exit_code == 3);
  const Ended neither = ann.tern({"reply", number}), both = ann.tern({"reply", number, "Hello", "--quick", "omw"});
  for (const Ended* refused : {&neither, &both}) {
    CHECK(refused->exit_code == 2);
    CHECK(refused->error()["field"] == Json("text"));
  }

  static_cast<void>(ann.open_ticket("Another pump"));
  static_cast<void>(ann.open_ticket("Lamp broken"));
  const auto subjects = [&](Words words) {
    std::string out;
    for (const Json& row : ann(std::move(words)).lines()) out += row["subject"].as_string() + "\n";
    return out;
  };
  CHECK(subjects({"list", "--view", "pumps"}) == "Pump leaks\nAnother pump\n");
  CHECK(subjects({"list", "--view", "pumps", "--ascending"}) == "Another pump\nPump leaks\n");
  CHECK(subjects({"list", "--view", "pumps", "--text", "lamp"}) == "Lamp broken\n");
  CHECK(ann.tern({"list", "--view", "Bens own"}).exit_code == 3);
  CHECK(plainly(ann, {"views"}) ==
        "Mine            assignee me\nUnassigned      assignee none\nOverdue         colour red, by sla\n"
        "New over a day  status new, age 1, by created, ascending\nAll open        all that is open\n"
        "Pumps           [Machines] text pump, by subject\n");

  CHECK(ann({"macro", "list"}).line()["actions"].size() == 2);
  CHECK(plainly(ann, {"macro", "list"}) ==
        "Part ordered  reply The part is on its way.; tag part; hold part ordered\n");
  CHECK(ann({"macro", "apply", number, "part"}).lines().size() == 3);
  const Ended shown = ann({"show", number});
  CHECK(tells(shown, "\"status\":\"on_hold\""));
  CHECK(tells(shown, "The part is on its way."));
  CHECK(ann.tern({"macro", "apply", number, "nothing"}).exit_code == 3);
  CHECK(ann.tern({"macro"}).exit_code == 2);

  CHECK(ann({"kb", "search", "key reset"}).lines().size() == 1);
  CHECK(ann({"kb", "search"}).lines().size() == 1);
  CHECK(ann({"kb", "show", "reset"}).line()["content"] == Json("Hold the key.\n\x1b[31mFor 5 seconds."));
  const std::string read = plainly(ann, {"kb", "show", "1"});
  CHECK(read.find("Reset a meter\nCategory: Setup\n") == 0);
  CHECK(read.find("Hold the key.\n") != std::string::npos);
  CHECK(read.find('\x1b') == std::string::npos);  // what others wrote commands no terminal
  CHECK(ann.tern({"kb", "show", "Not yet"}).exit_code == 3);

  server.start({"--quiet"});
  ann({"sync"});
  CHECK(tells(ann({"show", ann.number_of("Pump leaks")}), "on_hold"));
  check_verified(server);
}

}  // namespace tern::test
