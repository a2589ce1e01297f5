#include "simulation/sim_vfs.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <set>

#include "tern/protocol/error.hpp"

namespace tern::test {
namespace {

constexpr std::uint64_t no_quota = std::numeric_limits<std::uint64_t>::max();
constexpr std::size_t sector = 512;  // the unit in which a write is torn

std::atomic<int> disks_made{0};

bool below(const std::string& path, const std::string& root) {
  return path.size() >= root.size() && path.compare(0, root.size(), root) == 0 &&
         (path.size() == root.size() || path[root.size()] == '/');
}

}  // namespace

struct SimDisk::Machine {
  std::string root;
  bool power = true;
  std::uint64_t cut_in = 0;  // changing calls until the power goes; 0: it stays
  unsigned failing = 0;      // calls that a fault waits for
  std::uint64_t fails_in = 0;
  bool for_ever = false;
  std::uint64_t quota = no_quota;
  std::uint64_t used = 0;
};

/// One file: what programs see, what a loss of power leaves for sure, and the sectors in which the two may differ.
struct SimDisk::File {
  std::string live, durable;
  std::set<std::size_t> unsynced;  // sectors
  bool resized = false;
  Machine* machine = nullptr;
  bool is_wal = false;

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

struct SimDisk::Calls {
  static Handle& of(sqlite3_file* file) { return *reinterpret_cast<Handle*>(file); }
  static SimDisk& of(sqlite3_vfs* vfs) { return *static_cast<SimDisk*>(vfs->pAppData); }
  static int enter(Handle& handle, unsigned call, int error) {
    return handle.disk->enter(*handle.file->machine, call, error);
  }

  // ---- files ----

  static int close(sqlite3_file* file) {
    Handle& handle = of(file);
    unlock(file, SQLITE_LOCK_NONE);
    if (handle.shm_mapped) shm_unmap(file, 0);
    if (handle.delete_on_close) {
      handle.file->machine->used -= handle.file->live.size();
      handle.disk->files_.erase(handle.path);
    }
    handle.~Handle();
    return SQLITE_OK;
  }

  static int read(sqlite3_file* file, void* into, int bytes, sqlite3_int64 from) {
    Handle& handle = of(file);
    ++handle.disk->seen_.reads;
    if (const int failed = enter(handle, disk_call::read, SQLITE_IOERR_READ)) return failed;
    const std::string& live = handle.file->live;
    const auto at = static_cast<std::size_t>(from), wanted = static_cast<std::size_t>(bytes);
    const std::size_t there = at >= live.size() ? 0 : std::min(wanted, live.size() - at);
    if (there != 0) std::memcpy(into, live.data() + at, there);
    if (there == wanted) return SQLITE_OK;
    std::memset(static_cast<char*>(into) + there, 0, wanted - there);
    return SQLITE_IOERR_SHORT_READ;
  }

  static int write(sqlite3_file* file, const void* what, int bytes, sqlite3_int64 to) {
    Handle& handle = of(file);
    SimDisk& disk = *handle.disk;
    ++disk.seen_.writes;
    if (const int failed = enter(handle, disk_call::write, SQLITE_IOERR_WRITE)) return failed;
    File& there = *handle.file;
    const auto at = static_cast<std::size_t>(to), size = static_cast<std::size_t>(bytes);
    const std::size_t end = std::max(there.live.size(), at + size);
    const bool fits = disk.looking_ > 0 || there.machine->used + (end - there.live.size()) <= there.machine->quota;
    if (!fits && end > there.live.size()) {
      ++disk.seen_.full;
      return SQLITE_FULL;
    }
    if (end > there.live.size()) there.resize(end);
    std::memcpy(there.live.data() + at, what, size);
    there.touch(at, size);
    return SQLITE_OK;
  }

  static int truncate(sqlite3_file* file, sqlite3_int64 bytes) {
    Handle& handle = of(file);
    if (const int failed = enter(handle, disk_call::truncate, SQLITE_IOERR_TRUNCATE)) return failed;
    handle.file->resize(static_cast<std::size_t>(bytes));
    return SQLITE_OK;
  }

  static int sync(sqlite3_file* file, int) {
    Handle& handle = of(file);
    ++handle.disk->seen_.syncs;
    if (const int failed = enter(handle, disk_call::sync, SQLITE_IOERR_FSYNC)) {
      ++handle.disk->seen_.failed_syncs;
      handle.file->forget_unsynced();  // as Linux does: the pages are marked clean, and nobody writes them again
      return failed;
    }
    handle.file->sync();
    return SQLITE_OK;
  }

  static int file_size(sqlite3_file* file, sqlite3_int64* bytes) {
    Handle& handle = of(file);
    if (const int failed = enter(handle, disk_call::size, SQLITE_IOERR_FSTAT)) return failed;
    *bytes = static_cast<sqlite3_int64>(handle.file->live.size());
    return SQLITE_OK;
  }

  static int file_control(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }
  static int sector_size(sqlite3_file* file) { return of(file).disk->sector_bytes_; }
  static int characteristics(sqlite3_file*) {
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;  // as SQLite says of Linux, macOS and Windows
  }

  // ---- locks, as unixes have them ----

  static int lock(sqlite3_file* file, int level) {
    Handle& handle = of(file);
    File& there = *handle.file;
    const void* me = &handle;
    const auto taken = [me](const void* by) { return by != nullptr && by != me; };
    if (handle.level >= level) return SQLITE_OK;
    if (taken(there.exclusive) || (level > SQLITE_LOCK_SHARED && (taken(there.reserved) || taken(there.pending))) ||
        (level == SQLITE_LOCK_SHARED && taken(there.pending)))
      return SQLITE_BUSY;
    if (level == SQLITE_LOCK_SHARED) ++there.shared;
    if (level >= SQLITE_LOCK_RESERVED) there.reserved = me;
    if (level >= SQLITE_LOCK_PENDING) there.pending = me;
    if (level == SQLITE_LOCK_EXCLUSIVE) {
      if (there.shared > 1) {
        handle.level = SQLITE_LOCK_PENDING;
        return SQLITE_BUSY;
      }
      there.exclusive = me;
    }
    handle.level = level;
    return SQLITE_OK;
  }

  static int unlock(sqlite3_file* file, int level) {
    Handle& handle = of(file);
    File& there = *handle.file;
    const void* me = &handle;
    if (handle.level <= level) return SQLITE_OK;
    for (const void** owner : {&there.reserved, &there.pending, &there.exclusive})
      if (*owner == me) *owner = nullptr;
    if (level == SQLITE_LOCK_NONE && handle.level >= SQLITE_LOCK_SHARED) --there.shared;
    handle.level = level;
    return SQLITE_OK;
  }

  static int check_reserved(sqlite3_file* file, int* held) {
    *held = of(file).file->reserved != nullptr ? 1 : 0;
    return SQLITE_OK;
  }

  // ---- the WAL index, on the heap ----

  static int shm_map(sqlite3_file* file, int page, int bytes, int extend, void volatile** at) {
    Handle& handle = of(file);
    File& there = *handle.file;
    *at = nullptr;
    if (const int failed = enter(handle, disk_call::shm, SQLITE_IOERR_SHMMAP)) return failed;
    check(bytes == 32768, "the size of SQLite's WAL index pages");
    if (!handle.shm_mapped) {
      handle.shm_mapped = true;
      ++there.shm_users;
    }
    if (static_cast<std::size_t>(page) >= there.shm.size() && extend == 0) return SQLITE_OK;
    while (there.shm.size() <= static_cast<std::size_t>(page))
      there.shm.push_back(std::make_unique<std::array<char, 32768>>());
    *at = there.shm[static_cast<std::size_t>(page)]->data();
    return SQLITE_OK;
  }

  static int shm_lock(sqlite3_file* file, int offset, int count, int flags) {
    Handle& handle = of(file);
    File& there = *handle.file;
    const unsigned mask = ((1U << count) - 1U) << offset;
    const auto each = [&](auto what) {
      for (int i = offset; i < offset + count; ++i)
        if (!what(static_cast<std::size_t>(i), 1U << i)) return false;
      return true;
    };
    if ((flags & SQLITE_SHM_UNLOCK) != 0) {
      each([&](std::size_t i, unsigned bit) {
        if ((handle.shm_shared & bit) != 0) --there.shm_shared[i];
        if ((handle.shm_exclusive & bit) != 0) there.shm_exclusive[i] = nullptr;
        return true;
      });
      handle.shm_shared &= ~mask;
      handle.shm_exclusive &= ~mask;
      return SQLITE_OK;
    }
    const bool shared = (flags & SQLITE_SHM_SHARED) != 0;
    const bool is_free = each([&](std::size_t i, unsigned bit) {
      const int others = there.shm_shared[i] - ((handle.shm_shared & bit) != 0 ? 1 : 0);
      const bool locked = there.shm_exclusive[i] != nullptr && there.shm_exclusive[i] != &handle;
      return !locked && (shared || others == 0);
    });
    if (!is_free) return SQLITE_BUSY;
    each([&](std::size_t i, unsigned bit) {
      if (shared && (handle.shm_shared & bit) == 0) ++there.shm_shared[i];
      if (!shared) there.shm_exclusive[i] = &handle;
      return true;
    });
    (shared ? handle.shm_shared : handle.shm_exclusive) |= mask;
    return SQLITE_OK;
  }

  static void shm_barrier(sqlite3_file*) {}

  static int shm_unmap(sqlite3_file* file, int) {
    Handle& handle = of(file);
    File& there = *handle.file;
    shm_lock(file, 0, SQLITE_SHM_NLOCK, SQLITE_SHM_UNLOCK);
    if (handle.shm_mapped && --there.shm_users == 0) there.shm.clear();
    handle.shm_mapped = false;
    return SQLITE_OK;
  }

  // ---- names ----

  static int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* into, int flags, int* out_flags) {
    static const sqlite3_io_methods methods{3,
                                            close,
                                            read,
                                            write,
                                            truncate,
                                            sync,
                                            file_size,
                                            lock,
                                            unlock,
                                            check_reserved,
                                            file_control,
                                            sector_size,
                                            characteristics,
                                            shm_map,
                                            shm_lock,
                                            shm_barrier,
                                            shm_unmap,
                                            [](sqlite3_file*, sqlite3_int64, int, void** at) {
                                              *at = nullptr;  // no mapped files here
                                              return SQLITE_OK;
                                            },
                                            [](sqlite3_file*, sqlite3_int64, void*) { return SQLITE_OK; }};
    into->pMethods = nullptr;
    SimDisk& disk = of(vfs);
    const std::string path = name == nullptr ? disk.name_ + "-temporary-" + std::to_string(disk.files_.size()) : name;
    Machine& machine = disk.machine_of(path);
    if (const int failed = disk.enter(machine, disk_call::open, SQLITE_CANTOPEN)) return failed;
    auto file = disk.find_or_import(path);
    if (!file) {
      if ((flags & SQLITE_OPEN_CREATE) == 0) {
        errno_ = ENOENT;
        return SQLITE_CANTOPEN;
      }
      file = std::make_shared<File>();
      file->machine = &machine;
      disk.files_[path] = file;
    }
    file->is_wal = (flags & SQLITE_OPEN_WAL) != 0;
    auto* handle = new (into) Handle{{&methods}, &disk, std::move(file), path};
    handle->delete_on_close = name == nullptr || (flags & SQLITE_OPEN_DELETEONCLOSE) != 0;
    if (out_flags != nullptr) *out_flags = flags;
    return SQLITE_OK;
  }

  static int remove(sqlite3_vfs* vfs, const char* name, int) {
    SimDisk& disk = of(vfs);
    if (const int failed = disk.enter(disk.machine_of(name), disk_call::remove, SQLITE_IOERR_DELETE)) return failed;
    const auto found = disk.files_.find(name);
    if (found == disk.files_.end()) return SQLITE_IOERR_DELETE_NOENT;
    found->second->machine->used -= found->second->live.size();
    disk.files_.erase(found);
    return SQLITE_OK;
  }

  static int access(sqlite3_vfs* vfs, const char* name, int, int* there) {
    SimDisk& disk = of(vfs);
    if (disk.looking_ == 0 && !disk.machine_of(name).power) return SQLITE_IOERR_ACCESS;
    const auto file = disk.find_or_import(name);
    *there = file && !file->live.empty() ? 1 : 0;
    return SQLITE_OK;
  }

  static int full_path(sqlite3_vfs*, const char* name, int bytes, char* into) {
    sqlite3_snprintf(bytes, into, "%s", name);
    return SQLITE_OK;
  }

  // ---- chance and time: functions of the seed ----

  static int randomness(sqlite3_vfs* vfs, int bytes, char* into) {
    for (int i = 0; i < bytes; ++i) into[i] = static_cast<char>(of(vfs).random_.next());
    return bytes;
  }
  static int sleep(sqlite3_vfs*, int microseconds) { return microseconds; }
  static int now(sqlite3_vfs*, double* day) {
    *day = 2460263.0;
    return SQLITE_OK;
  }
  static int now_ms(sqlite3_vfs*, sqlite3_int64* ms) {
    *ms = sqlite3_int64{2460263} * 86'400'000;
    return SQLITE_OK;
  }
  static int last_error(sqlite3_vfs*, int, char*) { return errno_; }

  static inline int errno_ = 0;
};

// ---- the disk ----

SimDisk::SimDisk(Seed seed)
    : name_("simulated-" + std::to_string(++disks_made)), random_(seed, "disk"), registered_(new Registered) {
  sector_bytes_ = random_.chance(500) ? 512 : 4096;
  sqlite3_initialize();
  sqlite3_vfs& vfs = registered_->vfs;
  vfs.iVersion = 2;
  vfs.szOsFile = sizeof(Handle);
  vfs.mxPathname = 1024;
  vfs.zName = name_.c_str();
  vfs.pAppData = this;
  vfs.xOpen = Calls::open;
  vfs.xDelete = Calls::remove;
  vfs.xAccess = Calls::access;
  vfs.xFullPathname = Calls::full_path;
  vfs.xRandomness = Calls::randomness;
  vfs.xSleep = Calls::sleep;
  vfs.xCurrentTime = Calls::now;
  vfs.xGetLastError = Calls::last_error;
  vfs.xCurrentTimeInt64 = Calls::now_ms;
  check(sqlite3_vfs_register(&vfs, 0) == SQLITE_OK, "SQLite takes another VFS");
  add_machine("");
}

SimDisk::~SimDisk() {
#if TERN_SQLITE_ENCRYPTION
  sqlite3mc_vfs_destroy(("multipleciphers-" + name_).c_str());
#endif
  sqlite3_vfs_unregister(&registered_->vfs);
}

void SimDisk::add_machine(const std::string& root) {
  auto& machine = machines_[root];
  if (machine) return;
  machine = std::make_unique<Machine>();
  machine->root = root;
}

SimDisk::Machine& SimDisk::machine_of(const std::string& path) {
  Machine* found = machines_.at("").get();
  for (const auto& [root, machine] : machines_)
    if (!root.empty() && below(path, root) && root.size() > found->root.size()) found = machine.get();
  return *found;
}

int SimDisk::enter(Machine& machine, unsigned call, int error) {
  if (looking_ > 0) return SQLITE_OK;
  Calls::errno_ = EIO;
  if (!machine.power) return error;
  if ((call & disk_call::changing) != 0 && machine.cut_in != 0 && --machine.cut_in == 0) {
    machine.power = false;
    ++seen_.power_cuts;
    if (on_power_lost) on_power_lost(machine.root);
    return error;
  }
  if ((call & machine.failing) == 0) return SQLITE_OK;
  if (machine.fails_in > 1) {
    --machine.fails_in;
    return SQLITE_OK;
  }
  if (!machine.for_ever) machine.failing = 0;
  ++seen_.errors;
  return error;
}

/// A real file that somebody has put there (a restored backup) is taken over.
std::shared_ptr<SimDisk::File> SimDisk::find_or_import(const std::string& path) {
  const auto found = files_.find(path);
  if (found != files_.end()) return found->second;
  std::error_code none;
  if (!std::filesystem::is_regular_file(path, none)) return nullptr;
  auto file = std::make_shared<File>();
  file->machine = &machine_of(path);
  std::ifstream in(path, std::ios::binary);
  file->live.assign(std::istreambuf_iterator<char>(in), {});
  file->durable = file->live;
  file->machine->used += file->live.size();
  std::filesystem::remove(path, none);
  return files_[path] = file;
}

void SimDisk::fail_call(const std::string& root, unsigned calls, std::uint64_t nth, bool for_ever) {
  Machine& machine = *machines_.at(root);
  machine.failing = calls;
  machine.fails_in = nth;
  machine.for_ever = for_ever;
}
void SimDisk::cut_power_at(const std::string& root, std::uint64_t nth_changing_call) {
  machines_.at(root)->cut_in = nth_changing_call;
}
void SimDisk::set_quota(const std::string& root, std::uint64_t bytes) {
  machines_.at(root)->quota = bytes;
}
std::uint64_t SimDisk::used(const std::string& root) const {
  return machines_.at(root)->used;
}
void SimDisk::heal(const std::string& root) {
  Machine& machine = *machines_.at(root);
  machine.failing = 0;
  machine.cut_in = 0;
  machine.quota = no_quota;
}

bool SimDisk::flip_bit(const std::string& path) {
  const auto found = files_.find(path);
  if (found == files_.end() || found->second->durable.empty()) return false;
  File& file = *found->second;
  const std::size_t at = random_.below(file.durable.size());
  const char bit = static_cast<char>(1U << random_.below(8));
  file.durable[at] = static_cast<char>(file.durable[at] ^ bit);
  if (at < file.live.size()) file.live[at] = static_cast<char>(file.live[at] ^ bit);
  ++seen_.flipped;
  return true;
}

std::string SimDisk::find(const std::string& path, std::string_view bytes) const {
  for (const auto& [name, file] : files_)
    if (name.compare(0, path.size(), path) == 0 &&
        (file->live.find(bytes) != std::string::npos || file->durable.find(bytes) != std::string::npos))
      return name;
  return {};
}

void SimDisk::damage(const std::string& path) {
  const auto file = find_or_import(path);
  if (!file) return;
  for (std::size_t at = file->live.size() / 8; at + 8 <= file->live.size(); at += 4096)
    file->live.replace(at, 8, "damaged!");
  file->durable = file->live;
  file->forget_unsynced();
}

void SimDisk::copy(const std::string& from, const std::string& to) {
  remove(to);
  std::vector<std::pair<std::string, std::shared_ptr<File>>> copies;
  for (const auto& [path, file] : files_) {
    if (path.compare(0, from.size() + 1, from + "/") != 0) continue;
    const std::string target = to + path.substr(from.size());
    auto made = std::make_shared<File>();
    made->live = made->durable = file->live;
    made->machine = &machine_of(target);
    made->machine->used += made->live.size();
    copies.emplace_back(target, std::move(made));
  }
  for (auto& [path, file] : copies) files_[path] = std::move(file);
}

/// The file, or all below the folder; with a database go its -wal and -journal.
void SimDisk::remove(const std::string& path) {
  std::erase_if(files_, [&](const auto& entry) {
    const bool gone = entry.first == path || entry.first.compare(0, path.size() + 1, path + "/") == 0 ||
                      entry.first == path + "-wal" || entry.first == path + "-journal";
    if (gone) entry.second->machine->used -= entry.second->live.size();
    return gone;
  });
}

void SimDisk::cut_power(const std::string& root) {
  machines_.at(root)->power = false;
}
bool SimDisk::has_power(const std::string& root) const {
  return machines_.at(root)->power;
}

void SimDisk::crash(File& file, unsigned kept_in_a_thousand) {
  std::string left = file.durable;
  if (file.resized && file.live.size() < left.size() && random_.chance(kept_in_a_thousand))
    left.resize(file.live.size());
  bool some = false, lost = false;
  for (const std::size_t at : file.unsynced) {
    const std::size_t from = at * sector;
    if (from >= file.live.size()) continue;
    if (!random_.chance(kept_in_a_thousand)) {
      lost = true;
      ++seen_.lost_sectors;
      continue;
    }
    some = true;
    const std::size_t bytes = std::min(sector, file.live.size() - from);
    if (left.size() < from + bytes) left.resize(from + bytes);
    left.replace(from, bytes, file.live, from, bytes);
  }
  if (some && lost) ++(file.is_wal ? seen_.torn_wals : seen_.torn_files);
  file.machine->used += left.size();
  file.machine->used -= file.live.size();
  file.live = file.durable = std::move(left);
  file.forget_unsynced();
}

void SimDisk::restore_power(const std::string& root) {
  Machine& machine = *machines_.at(root);
  ++seen_.crashes;
  // All of it reached the disk, or nothing, or any part.
  constexpr std::array<unsigned, 4> kept{0, 1000, 500, 100};
  const unsigned kept_in_a_thousand = kept[random_.below(kept.size())];
  for (const auto& [path, file] : files_) {
    if (file->machine != &machine) continue;
    crash(*file, kept_in_a_thousand);
    file->shm.clear();
  }
  machine.power = true;
  machine.cut_in = 0;
}

}  // namespace tern::test
