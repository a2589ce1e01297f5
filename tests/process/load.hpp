// What load_device says, and how it is started.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <set>
#include <sstream>
#include <string>

#include "support/catch.hpp"
#include "support/process_desk.hpp"

namespace tern::test {

/// How often a program is killed: TERN_KILL_ROUNDS, an even number from 50 on, else 50.
inline int kill_rounds() {
  const char* named = std::getenv("TERN_KILL_ROUNDS");
  return named == nullptr ? 50 : std::max(50, std::atoi(named) / 2 * 2);
}

inline Command load_command(const DeviceProcess& device, const Words& flags,
                            const std::map<std::string, std::string>& environment = {}) {
  Command command{{program("load_device"), device.home()}, environment};
  command.words.insert(command.words.end(), flags.begin(), flags.end());
  return command;
}

/// The changes that it was told are saved.
inline std::set<std::string> said_saved(const Child& worker) {
  std::set<std::string> saved;
  std::istringstream in(worker.out());
  for (std::string line; std::getline(in, line);)
    if (line.starts_with("saved ")) saved.insert(line.substr(6));
  return saved;
}

inline void check_each_is_in(const std::set<std::string>& some, const std::set<std::string>& all,
                             const std::string& otherwise) {
  for (const std::string& one : some)
    if (!all.contains(one)) FAIL_CHECK(otherwise << ": " << one);
}

}  // namespace tern::test
