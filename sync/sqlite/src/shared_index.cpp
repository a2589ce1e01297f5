// SQLite asks a VFS for the regions of an index and for locks on it (sqlite3.h, xShmMap to xShmUnmap). These four are
// answered here, everything else by the VFS below, whose files keep their layout.
//
// SQLite's registry of VFSs belongs to the process, so this does, too. Its state is guarded by one of SQLite's mutexes.
#include "shared_index.hpp"

#include <sqlite3.h>

#include <array>
#include <map>
#include <memory>
#include <vector>

namespace tern::sqlite {
namespace {

struct SharedIndex {
  std::vector<std::unique_ptr<char[]>> regions;
  std::array<int, SQLITE_SHM_NLOCK> readers{};
  std::array<const sqlite3_file*, SQLITE_SHM_NLOCK> writer{};
  int users = 0;
};

/// A file of an open connection.
struct Opened {
  std::string path;
  SharedIndex* index = nullptr;  // once it was asked for
  std::array<bool, SQLITE_SHM_NLOCK> reads{};
};

struct Layer {
  std::string name;
  sqlite3_vfs vfs{};
  sqlite3_vfs* below = nullptr;
  std::map<const sqlite3_io_methods*, sqlite3_io_methods>
      methods;  // those below, with four of their functions replaced
};

struct Registry {
  std::unique_ptr<Layer> layer;
  std::map<const sqlite3_file*, Opened> files;
  std::map<std::string, SharedIndex> indexes;  // by path
};

Registry& registry() {
  static Registry all;
  return all;
}

class Guard {
public:
  Guard() : mutex_(sqlite3_mutex_alloc(SQLITE_MUTEX_STATIC_APP1)) { sqlite3_mutex_enter(mutex_); }
  ~Guard() { sqlite3_mutex_leave(mutex_); }
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

private:
  sqlite3_mutex* mutex_;
};

int shm_map(sqlite3_file* file, int region, int bytes, int extend, void volatile** out) {
  const Guard guard;
  Opened& opened = registry().files.at(file);
  if (opened.index == nullptr) {
    opened.index = &registry().indexes[opened.path];
    ++opened.index->users;
  }
  auto& regions = opened.index->regions;
  *out = nullptr;
  const auto wanted = static_cast<std::size_t>(region);
  if (wanted >= regions.size() && extend == 0) return SQLITE_OK;
  while (wanted >= regions.size()) regions.push_back(std::make_unique<char[]>(static_cast<std::size_t>(bytes)));
  *out = regions[wanted].get();
  return SQLITE_OK;
}

bool is_free(const SharedIndex& index, const Opened& asker, const sqlite3_file* file, std::size_t slot,
             bool exclusive) {
  if (index.writer[slot] != nullptr && index.writer[slot] != file) return false;
  return !exclusive || index.readers[slot] == (asker.reads[slot] ? 1 : 0);
}

void release(SharedIndex& index, Opened& opened, const sqlite3_file* file, std::size_t slot) {
  if (index.writer[slot] == file) index.writer[slot] = nullptr;
  if (opened.reads[slot]) --index.readers[slot];
  opened.reads[slot] = false;
}

int shm_lock(sqlite3_file* file, int offset, int n, int flags) {
  const Guard guard;
  Opened& opened = registry().files.at(file);
  if (opened.index == nullptr) return SQLITE_IOERR_SHMLOCK;
  SharedIndex& index = *opened.index;
  const auto first = static_cast<std::size_t>(offset), end = first + static_cast<std::size_t>(n);
  const bool exclusive = (flags & SQLITE_SHM_EXCLUSIVE) != 0;
  if ((flags & SQLITE_SHM_UNLOCK) != 0) {
    for (std::size_t slot = first; slot < end; ++slot) release(index, opened, file, slot);
    return SQLITE_OK;
  }
  for (std::size_t slot = first; slot < end; ++slot)
    if (!is_free(index, opened, file, slot, exclusive)) return SQLITE_BUSY;
  for (std::size_t slot = first; slot < end; ++slot) {
    if (exclusive) {
      index.writer[slot] = file;
    } else if (!opened.reads[slot]) {
      opened.reads[slot] = true;
      ++index.readers[slot];
    }
  }
  return SQLITE_OK;
}

void shm_barrier(sqlite3_file* /*file*/) {
  const Guard guard;
}

int shm_unmap(sqlite3_file* file, int /*delete_it*/) {
  const Guard guard;
  Opened& opened = registry().files.at(file);
  if (opened.index == nullptr) return SQLITE_OK;
  for (std::size_t slot = 0; slot < SQLITE_SHM_NLOCK; ++slot) release(*opened.index, opened, file, slot);
  if (--opened.index->users == 0) registry().indexes.erase(opened.path);
  opened.index = nullptr;
  return SQLITE_OK;
}

int close_file(sqlite3_file* file) {
  const sqlite3_io_methods* below = nullptr;
  {
    const Guard guard;
    for (const auto& [original, replaced] : registry().layer->methods)
      if (&replaced == file->pMethods) below = original;
    registry().files.erase(file);
  }
  file->pMethods = below;
  return below->xClose(file);
}

int open_file(sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags, int* out_flags) {
  auto& layer = *static_cast<Layer*>(vfs->pAppData);
  const int code = layer.below->xOpen(layer.below, path, file, flags, out_flags);
  if (code != SQLITE_OK || path == nullptr || (flags & SQLITE_OPEN_MAIN_DB) == 0) return code;
  const Guard guard;
  const auto [methods, added] = layer.methods.try_emplace(file->pMethods, *file->pMethods);
  if (added) {
    methods->second.iVersion = 2;  // what came later maps the file itself into memory
    methods->second.xClose = close_file;
    methods->second.xShmMap = shm_map;
    methods->second.xShmLock = shm_lock;
    methods->second.xShmBarrier = shm_barrier;
    methods->second.xShmUnmap = shm_unmap;
  }
  file->pMethods = &methods->second;
  registry().files[file] = Opened{path, nullptr, {}};
  return code;
}

}  // namespace

Result<std::string> vfs_with_shared_index() {
  const Guard guard;
  auto& layer = registry().layer;
  if (layer) return layer->name;
  // The default may be a cipher, which comes on top.
  sqlite3_vfs* below = sqlite3_vfs_find("unix");
  if (below == nullptr) return fail(ErrorCode::internal, "unknown VFS unix");
  auto made = std::make_unique<Layer>();
  made->name = "shared-index";
  made->vfs = *below;
  made->vfs.pNext = nullptr;
  made->vfs.zName = made->name.c_str();
  made->vfs.pAppData = made.get();
  made->vfs.xOpen = open_file;
  made->below = below;
  if (sqlite3_vfs_register(&made->vfs, 0) != SQLITE_OK) return fail(ErrorCode::internal, "SQLite takes no VFS");
  layer = std::move(made);
  return layer->name;
}

}  // namespace tern::sqlite
