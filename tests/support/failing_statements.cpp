#include "support/failing_statements.hpp"

#include <sqlite3.h>

#include <string_view>
#include <utility>

#include "support/failing_place.hpp"

namespace tern::test {
namespace {

thread_local StatementFault* met_by_statements = nullptr;
thread_local bool committing = false;

/// A rollback asks for nothing that could be missing.
bool is_rollback(const char* text) {
  return text != nullptr && std::string_view(text).starts_with("ROLLBACK");
}

bool fails_at_new_place(const char* text) {
  StatementFault* fault = met_by_statements;
  if (fault == nullptr || !fault->at_new_place || fault->failed != 0) return false;
  if (is_rollback(text) || !is_first_at_this_place()) return false;
  ++fault->failed;
  return true;
}

bool fails_to_begin(sqlite3_stmt* statement) {
  StatementFault* fault = met_by_statements;
  if (fault == nullptr || sqlite3_stmt_busy(statement) != 0) return false;
  const char* text = sqlite3_sql(statement);
  committing = text != nullptr && std::string_view(text).starts_with("COMMIT");
  if (fault->at_new_place) return fails_at_new_place(text);
  if (is_rollback(text)) return false;
  ++fault->begun;
  if (fault->fails_in == 0 || --fault->fails_in != 0) return false;
  ++fault->failed;
  return true;
}

}  // namespace

StatementFault* meet_statements(StatementFault* fault) {
  return std::exchange(met_by_statements, fault);
}

bool a_commit_runs() {
  return committing;
}

}  // namespace tern::test

// NOLINTBEGIN(bugprone-reserved-identifier): the linker's names
extern "C" {

int __real_sqlite3_step(sqlite3_stmt* statement);
int __wrap_sqlite3_step(sqlite3_stmt* statement) {
  const bool fails = tern::test::fails_to_begin(statement);
  const int done = fails ? SQLITE_IOERR : __real_sqlite3_step(statement);
  tern::test::committing = false;
  return done;
}

int __real_sqlite3_prepare_v3(sqlite3*, const char*, int, unsigned, sqlite3_stmt**, const char**);
int __wrap_sqlite3_prepare_v3(sqlite3* database, const char* text, int size, unsigned flags, sqlite3_stmt** statement,
                              const char** rest) {
  return tern::test::fails_at_new_place(text) ? SQLITE_IOERR
                                              : __real_sqlite3_prepare_v3(database, text, size, flags, statement, rest);
}

int __real_sqlite3_exec(sqlite3*, const char*, int (*)(void*, int, char**, char**), void*, char**);
int __wrap_sqlite3_exec(sqlite3* database, const char* text, int (*row)(void*, int, char**, char**), void* with,
                        char** error) {
  return tern::test::fails_at_new_place(text) ? SQLITE_IOERR : __real_sqlite3_exec(database, text, row, with, error);
}

}  // extern "C"
// NOLINTEND(bugprone-reserved-identifier)
