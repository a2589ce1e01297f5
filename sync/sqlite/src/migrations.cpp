#include "tern/sqlite/migrations.hpp"

#include <string>

#include "tern/sqlite/database.hpp"
#include "tern/sqlite/transaction.hpp"

namespace tern::sqlite {
namespace {

Result<void> apply(Database& database, const Migration& migration) {
  TERN_TRY(auto transaction, Transaction::begin_write(database));
  auto applied = database.exec(migration.sql);
  if (!applied) {
    applied.error().message.append(", in migration ").append(std::to_string(migration.number));
    applied.error().message.append(" (").append(migration.name).append(")");
    return applied;
  }
  TERN_CHECKED(database.exec("PRAGMA user_version = " + std::to_string(migration.number)));
  return transaction.commit();
}

}  // namespace

Result<int> schema_number(Database& database) {
  TERN_TRY(const auto number, database.int64_of("PRAGMA user_version"));
  return static_cast<int>(number.value_or(0));
}

Result<int> migrate(Database& database, std::span<const Migration> migrations) {
  int expected = 0;
  for (const Migration& migration : migrations)
    check(migration.number == ++expected, "migrations are numbered 1, 2, 3 ...");

  TERN_TRY(const int have, schema_number(database));
  if (have > expected || have < 0) {
    return fail(ErrorCode::upgrade_required,
                "the database " + database.path() + " was written by a newer version (schema " + std::to_string(have) +
                    ", this program knows " + std::to_string(expected) + ")",
                "upgrade this program");
  }
  for (const Migration& migration : migrations.subspan(static_cast<std::size_t>(have))) {
    TERN_CHECKED(apply(database, migration));
  }
  return expected - have;
}

}  // namespace tern::sqlite
