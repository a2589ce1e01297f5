// What SQLite calls of a simulated disk.
#include <cerrno>
#include <cstring>

#include "simulation/sim_vfs_inside.hpp"
#include "tern/protocol/error.hpp"

namespace tern::test {

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
      if (a_commit_runs()) ++disk.seen_.full_in_commit;
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
    // As SQLite says of Linux, macOS and Windows. Without it, it pads what it commits to whole sectors and syncs the
    // end of the padding with the next commit only: when that sync fails, commits after it are lost.
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
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
        disk.last_errno_ = ENOENT;
        return SQLITE_CANTOPEN;
      }
      file = disk.make_file(machine);
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
  static int last_error(sqlite3_vfs* vfs, int, char*) { return of(vfs).last_errno_; }
};

void SimDisk::set_calls(sqlite3_vfs& vfs) {
  vfs.iVersion = 2;
  vfs.szOsFile = sizeof(Handle);
  vfs.mxPathname = 1024;
  vfs.xOpen = Calls::open;
  vfs.xDelete = Calls::remove;
  vfs.xAccess = Calls::access;
  vfs.xFullPathname = Calls::full_path;
  vfs.xRandomness = Calls::randomness;
  vfs.xSleep = Calls::sleep;
  vfs.xCurrentTime = Calls::now;
  vfs.xGetLastError = Calls::last_error;
  vfs.xCurrentTimeInt64 = Calls::now_ms;
}

}  // namespace tern::test
