// What the disk of a simulation is made of, for the two files that are its inside.
#pragma once

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <limits>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "simulation/sim_vfs.hpp"
#include "support/failing_memory.hpp"
#include "support/failing_statements.hpp"

namespace tern::test {

inline constexpr std::uint64_t no_quota = std::numeric_limits<std::uint64_t>::max();

struct SimDisk::Machine {
  std::string root;
  bool power = true;
  std::uint64_t cut_in = 0;  // changing calls until the power goes; 0: it stays
  unsigned failing = 0;      // calls that a fault waits for
  std::uint64_t fails_in = 0;
  bool for_ever = false;
  std::uint64_t quota = no_quota;
  std::uint64_t used = 0;
  DiskCalls calls;
  MemoryFault memory;
  StatementFault statements;
};

/// One file: what programs see, what a loss of power leaves for sure, and the sectors in which the two may differ.
struct SimDisk::File {
  std::string live, durable;
  std::set<std::size_t> unsynced;  // sectors
  bool resized = false;
  Machine* machine = nullptr;
  bool is_wal = false;
  std::size_t sector = 512;  // the unit in which a write is torn

  // Locks of the file, held by handles.
  int shared = 0;
  const void* reserved = nullptr;
  const void* pending = nullptr;
  const void* exclusive = nullptr;

  // The WAL index: gone with the last who maps it.
  std::vector<std::unique_ptr<std::array<char, 32768>>> shm;
  int shm_users = 0;
  std::array<int, SQLITE_SHM_NLOCK> shm_shared{};
  std::array<const void*, SQLITE_SHM_NLOCK> shm_exclusive{};

  void touch(std::size_t from, std::size_t bytes) {
    if (bytes == 0) return;
    for (std::size_t at = from / sector; at <= (from + bytes - 1) / sector; ++at) unsynced.insert(at);
  }
  void resize(std::size_t bytes) {
    const auto before = static_cast<std::uint64_t>(live.size());
    if (bytes > live.size()) touch(live.size(), bytes - live.size());
    live.resize(bytes);
    machine->used += bytes;
    machine->used -= before;
    resized = true;
  }
  void sync() {
    if (!resized && unsynced.empty()) return;
    durable.resize(live.size());
    for (const std::size_t at : unsynced) {
      const std::size_t from = at * sector;
      if (from >= live.size()) continue;
      const std::size_t bytes = std::min(sector, live.size() - from);
      durable.replace(from, bytes, live, from, bytes);
    }
    forget_unsynced();
  }
  void forget_unsynced() {
    unsynced.clear();
    resized = false;
  }
};

/// An open file of SQLite's.
struct SimDisk::Handle {
  sqlite3_file base;
  SimDisk* disk;
  std::shared_ptr<File> file;
  std::string path;
  int level = SQLITE_LOCK_NONE;
  bool delete_on_close = false;
  bool shm_mapped = false;
  unsigned shm_shared = 0, shm_exclusive = 0;  // masks of what this one holds
};

struct SimDisk::Registered {
  sqlite3_vfs vfs{};
};

}  // namespace tern::test
