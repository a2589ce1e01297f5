// A disk in memory under SQLite: what is written is seen at once and kept only by a sync, and everything may go wrong.
//
// Every SQLite file of a world lies here when the world is given one. Other files (keys, the lock of a home, the log of
// erasures, the index of a server's tenants, backups) stay real files and meet no faults: what a disk does to them is
// the business of the process tests.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "support/world_files.hpp"
#include "support/world_random.hpp"

struct sqlite3_vfs;

namespace tern::test {

/// What a program asks of its disk; a set of them names what a fault waits for.
namespace disk_call {
enum : unsigned { read = 1, write = 2, sync = 4, truncate = 8, open = 16, remove = 32, size = 64, shm = 128 };
constexpr unsigned changing = write | sync | truncate | remove;
constexpr unsigned any = 255;
}  // namespace disk_call

/// How often each thing happened: a fault that never came tests nothing.
struct DiskSeen {
  std::uint64_t reads = 0, writes = 0, syncs = 0, errors = 0, failed_syncs = 0, full = 0, power_cuts = 0, crashes = 0,
                lost_sectors = 0, torn_files = 0, torn_wals = 0, flipped = 0;
  std::uint64_t full_in_commit = 0;  // of `full`
  std::uint64_t memory = 0;          // allocations of SQLite that failed
  std::uint64_t statements = 0;      // of its statements
};

/// What one machine has asked of its disk and of SQLite: the places at which a fault may strike it.
struct DiskCalls {
  std::uint64_t all = 0, changing = 0, statements = 0;
};

/// Files are named by their paths; those below one root belong to one machine and share its faults. Thread: one.
class SimDisk final : public WorldDisk {
public:
  /// Registers an SQLite VFS of its own. The size of its sectors, in which it tears, is drawn from the seed. `plain`:
  /// it tears in 512 bytes, whatever it says, as all did once; kept cases are of such disks.
  explicit SimDisk(Seed seed, bool plain = false);
  ~SimDisk() override;  // every connection is closed by then
  SimDisk(const SimDisk&) = delete;
  SimDisk& operator=(const SimDisk&) = delete;

  // ---- what goes wrong with one machine's disk ----
  /// The `nth` of these calls from now fails; so do all after it when `for_ever`. A sync that fails drops what was
  /// written since the last one, and the next sync knows nothing of it.
  void fail_call(const std::string& root, unsigned calls, std::uint64_t nth, bool for_ever);
  /// The same, but there the power goes.
  void cut_power_at(const std::string& root, std::uint64_t nth_changing_call);
  /// The `nth` allocation of SQLite from now, while this machine runs, fails, and all after it until `times` have.
  void fail_memory(const std::string& root, std::uint64_t nth, std::uint64_t times);
  /// The `nth` statement from now that begins while this machine runs fails before it has done anything.
  void fail_statement(const std::string& root, std::uint64_t nth);
  /// Bytes that its files may have in all.
  void set_quota(const std::string& root, std::uint64_t bytes);
  /// Bytes that its files have in all.
  [[nodiscard]] std::uint64_t used(const std::string& root) const;
  [[nodiscard]] DiskCalls calls(const std::string& root) const;
  /// Changes one bit of a file at rest. False when there is no such file or nothing in it.
  bool flip_bit(const std::string& path);
  /// What programs see in a file; empty: there is none, or nothing in it.
  [[nodiscard]] std::string content(const std::string& path) const;
  /// A file below the path in which these bytes stand, as it is seen or as it is kept; empty: none.
  [[nodiscard]] std::string find(const std::string& path, std::string_view bytes) const;
  /// Good as new; what is lost stays lost.
  void heal(const std::string& root);

  // ---- WorldDisk ----
  [[nodiscard]] const std::string& vfs() const override { return name_; }
  void add_machine(const std::string& root) override;
  void copy(const std::string& from, const std::string& to) override;
  void remove(const std::string& path) override;
  void cut_power(const std::string& root) override;
  void restore_power(const std::string& root) override;
  [[nodiscard]] bool has_power(const std::string& root) const override;
  void look_without_faults(bool on) override;
  std::string runs(const std::string& root) override;
  void damage(const std::string& path) override;

  /// Called at the moment a machine loses its power by itself.
  std::function<void(const std::string& root)> on_power_lost;
  [[nodiscard]] DiskSeen seen() const;

private:
  struct File;
  struct Machine;
  struct Handle;
  struct Calls;  // what SQLite calls
  static void set_calls(sqlite3_vfs& vfs);
  struct Registered;

  Machine& machine_of(const std::string& path);
  void give_memory();
  int enter(Machine& machine, unsigned call, int error);
  std::shared_ptr<File> make_file(Machine& machine) const;
  std::shared_ptr<File> find_or_import(const std::string& path);
  void crash(File& file, unsigned kept_in_a_thousand);

  std::string name_;
  Random random_;
  int sector_bytes_;
  bool tears_in_sectors_;  // else in 512 bytes
  int looking_ = 0;
  std::string running_;  // whose machine; empty: nobody's
  int last_errno_ = 0;
  std::map<std::string, std::shared_ptr<File>> files_;
  std::map<std::string, std::unique_ptr<Machine>> machines_;
  std::unique_ptr<Registered> registered_;
  DiskSeen seen_;
};

}  // namespace tern::test
