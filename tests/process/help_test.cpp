// What the programs say of themselves.
#include <set>
#include <sstream>

#include "support/catch.hpp"
#include "support/process.hpp"

namespace tern::test {
namespace {

/// Every command of a program, by its man page: "operator add".
std::vector<std::string> commands_of(const std::string& name) {
  std::vector<std::string> commands;
  std::istringstream page(run({{program(name), "--man"}}).out);
  for (std::string line; std::getline(page, line);) {
    const std::string head = ".SS " + name + " ";
    if (!line.starts_with(head)) continue;
    std::string command = line.substr(head.size());
    for (std::size_t at; (at = command.find("\\-")) != std::string::npos;) command.erase(at, 1);
    commands.push_back(command);
  }
  return commands;
}

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

void check_helps(const std::string& name) {
  const auto commands = commands_of(name);
  REQUIRE(commands.size() > 5);
  std::set<std::string> families;
  for (const std::string& command : commands)
    for (auto end = command.find(' '); end != std::string::npos; end = command.find(' ', end + 1))
      families.insert(command.substr(0, end));
  for (const std::string& command : commands) {
    std::vector<std::string> words = words_of(command);
    words.insert(words.begin(), program(name));
    words.push_back("--help");
    const Ended help = run({words});
    INFO(name << ' ' << command << ": " << help.out << help.err);
    CHECK(help.exit_code == 0);
    CHECK(help.err.empty());
    if (!families.contains(command)) CHECK(help.out.find("Example: " + name + " " + command) != std::string::npos);
  }
}

}  // namespace

TEST_CASE("every command explains itself with an example", "[cli]") {
  check_helps("tern");
  check_helps("ternd");
  const Ended replay = run({{program("tern-fleet"), "replay", "--help"}});
  CHECK(replay.exit_code == 0);
  CHECK(replay.out.find("Example: tern-fleet replay") != std::string::npos);
}

TEST_CASE("the commands are those that the documents promise", "[cli]") {
  const auto tern = commands_of("tern"), ternd = commands_of("ternd");
  const std::set<std::string> agent(tern.begin(), tern.end()), admin(ternd.begin(), ternd.end());
  for (const char* name :
       {"enrol",      "sync",        "list",      "show",      "new",    "take",     "assign",   "reply",
        "note",       "start",       "wait",      "hold",      "resume", "put-back", "estimate", "resolve",
        "close",      "reopen",      "set",       "tag",       "watch",  "pin",      "link",     "log-time",
        "call",       "search",      "history",   "attention", "status", "salvage",  "on-site",  "quick-replies",
        "macro list", "macro apply", "kb search", "kb show"}) {
    INFO(name);
    CHECK(agent.contains(name));
  }
  for (const char* name : {"init",         "serve",         "tenant add",       "tenant list",
                           "operator add", "operator list", "operator disable", "device code",
                           "device list",  "device revoke", "import incidents", "export",
                           "verify",       "backup",        "restore",          "erase",
                           "sla cases",    "sla rule add",  "calendar add",     "quick-reply add",
                           "view add",     "macro add",     "article add",      "tariff add"}) {
    INFO(name);
    CHECK(admin.contains(name));
  }
}

TEST_CASE("programs give their version, a man page and a completion that a shell reads", "[cli]") {
  for (const std::string name : {"tern", "ternd"}) {
    INFO(name);
    const Ended version = run({{program(name), "--version"}});
    CHECK(version.exit_code == 0);
    CHECK(version.out == "1.0.0\n");
    const Ended page = run({{program(name), "--man"}});
    CHECK(page.exit_code == 0);
    CHECK(page.out.starts_with(".TH " + name + " 1\n"));
    const Ended completion = run({{program(name), "--completion"}});
    CHECK(completion.exit_code == 0);
    const std::string ask =
        completion.out + "\nCOMP_WORDS=(" + name + " s); COMP_CWORD=1; _" + name + "; echo \"${COMPREPLY[@]}\"\n";
    const Ended completed = run({{"/bin/bash", "-c", ask}});
    CHECK(completed.exit_code == 0);
    CHECK(completed.out.find(name == "tern" ? "sync" : "serve") != std::string::npos);
    CHECK(completed.err.empty());
  }
  CHECK(run({{program("tern"), "--help"}}).out.find("Exit codes: 0 done") != std::string::npos);
}

}  // namespace tern::test
