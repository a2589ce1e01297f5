// What a run follows from: a profile (what happens, how often, on how many devices) and a seed. Nothing else.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tern/protocol/error.hpp"

namespace tern::test {

/// tests/simulation/profiles/NAME.profile: one `word number` a line, `#` begins a comment. The words are those of this
/// struct and the names of acts (acts.cpp and those beside it); a number after an act is its weight among
/// all. `meets MARKER`: its runs test less than they say unless some of them meet it.
struct Profile {
  std::string name;
  std::uint64_t devices = 4;
  std::uint64_t hours = 24;      // that pass while faults are on
  std::uint64_t events = 400;    // in that time
  std::uint64_t neighbours = 0;  // 1: a second organisation on the same server, with a device of its own
  std::uint64_t swarm = 1;       // 1: each run leaves some acts out and draws its own fault rates, up to the given
  // Of the network: in a thousand messages, and milliseconds.
  std::uint64_t drop = 0, duplicate = 0, reorder = 0, truncate = 0, flip = 0, delay_ms = 20;
  std::map<std::string, std::uint64_t> acts;
  std::vector<std::string> meets;
};

Result<Profile> read_profile(const std::string& name);
std::vector<std::string> profile_names();

/// One fault at one place, instead of any by chance. Machines are `server` and `device-0`, `device-1`, as the run seats
/// them. Kinds: `once` (the nth call to its disk fails), `ever` (so do all after it), `power` (it goes at the nth call
/// that changes something), `statement` (the nth statement of SQLite's that begins fails). Calls are counted from the
/// first event on; 0 strikes nowhere, and only counts.
struct PlannedFault {
  std::string machine, kind;
  std::uint64_t nth = 0;
};

/// A run, perhaps shrunk. As text it is the end of a command line and the content of a regression case.
struct Plan {
  std::string profile = "storm";
  std::uint64_t seed = 1;
  std::set<std::string> without;  // acts, `network` and actors ("device 2") left out
  /// Numbers of the events that happen, as ranges, both ends included; empty: all.
  std::vector<std::pair<std::uint64_t, std::uint64_t>> events;
  std::optional<PlannedFault> fault;

  [[nodiscard]] bool happens(std::uint64_t event) const;
  [[nodiscard]] std::vector<std::uint64_t> numbers(std::uint64_t count) const;
  void keep(const std::vector<std::uint64_t>& numbers);
};

/// `--profile storm --seed 17 --without clock,network --events 0-40,52 --fault server:power:17`
std::string to_text(const Plan& plan);
Result<Plan> plan_from(const std::vector<std::string>& words);

}  // namespace tern::test
