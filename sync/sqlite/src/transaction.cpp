#include "tern/sqlite/transaction.hpp"

#include <utility>

#include "tern/sqlite/database.hpp"

namespace tern::sqlite {

Result<Transaction> Transaction::begin_write(Database& database) {
  check(!database.in_transaction(), "a transaction inside a transaction");
  check(database.role() == Role::writer, "a reader connection writes");
  TERN_CHECKED(database.run("BEGIN IMMEDIATE"));
  return Transaction(database);
}

Result<Transaction> Transaction::begin_read(Database& database) {
  check(!database.in_transaction(), "a transaction inside a transaction");
  TERN_CHECKED(database.run("BEGIN"));
  return Transaction(database);
}

Transaction::Transaction(Transaction&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}

Transaction::~Transaction() {
  rollback();
}

Result<void> Transaction::commit() {
  check(database_ != nullptr, "a transaction that has ended");
  auto committed = database_->run("COMMIT");
  if (committed) {
    database_ = nullptr;
  } else {
    rollback();
  }
  return committed;
}

void Transaction::rollback() {
  Database* database = std::exchange(database_, nullptr);
  // SQLite rolls back by itself on some I/O errors, and then there is nothing left to undo.
  if (database != nullptr && database->in_transaction()) static_cast<void>(database->run("ROLLBACK"));
}

}  // namespace tern::sqlite
