#include "support/failing_memory.hpp"

#include <sqlite3.h>

#include <utility>

#include "tern/protocol/error.hpp"

namespace tern::test {
namespace {

thread_local MemoryFault* met = nullptr;

bool fails() {
  if (met == nullptr || met->left == 0) return false;
  if (met->fails_in > 1) {
    --met->fails_in;
    return false;
  }
  --met->left;
  ++met->failed;
  return true;
}

sqlite3_mem_methods machine;

void* allocate(int bytes) {
  return fails() ? nullptr : machine.xMalloc(bytes);
}
void* allocate_again(void* old, int bytes) {
  return fails() ? nullptr : machine.xRealloc(old, bytes);
}

// SQLite takes these methods before it starts, and not later.
const bool installed = [] {
  if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &machine) != SQLITE_OK) return false;
  sqlite3_mem_methods failing = machine;
  failing.xMalloc = allocate;
  failing.xRealloc = allocate_again;
  return sqlite3_config(SQLITE_CONFIG_MALLOC, &failing) == SQLITE_OK;
}();

}  // namespace

MemoryFault* meet(MemoryFault* fault) {
  check(installed, "SQLite had started before it could be given this memory");
  return std::exchange(met, fault);
}

}  // namespace tern::test
