#include "support/failing_statements.hpp"

#include <sqlite3.h>

#include <string_view>
#include <utility>

namespace tern::test {
namespace {

thread_local StatementFault* met_by_statements = nullptr;

/// A rollback asks for nothing that could be missing.
bool fails_to_begin(sqlite3_stmt* statement) {
  StatementFault* fault = met_by_statements;
  if (fault == nullptr || sqlite3_stmt_busy(statement) != 0) return false;
  const char* text = sqlite3_sql(statement);
  if (text != nullptr && std::string_view(text).starts_with("ROLLBACK")) return false;
  ++fault->begun;
  if (fault->fails_in == 0 || --fault->fails_in != 0) return false;
  ++fault->failed;
  return true;
}

}  // namespace

StatementFault* meet_statements(StatementFault* fault) {
  return std::exchange(met_by_statements, fault);
}

}  // namespace tern::test

extern "C" int __real_sqlite3_step(
    sqlite3_stmt* statement);  // NOLINT(bugprone-reserved-identifier): the linker's names
extern "C" int __wrap_sqlite3_step(sqlite3_stmt* statement) {  // NOLINT(bugprone-reserved-identifier)
  return tern::test::fails_to_begin(statement) ? SQLITE_IOERR : __real_sqlite3_step(statement);
}
