#include "tern/sqlite/transaction.hpp"

#include <utility>

#include "tern/sqlite/database.hpp"

namespace tern::sqlite {

Result<Transaction> Transaction::begin_write(Database& database) {
  TERN_CHECKED(database.settle_undo());
  check(!database.in_transaction(), "a transaction inside a transaction");
  check(database.role() == Role::writer, "a reader connection writes");
  TERN_CHECKED(database.run("BEGIN IMMEDIATE"));
  return Transaction(database);
}

Result<Transaction> Transaction::begin_read(Database& database) {
  TERN_CHECKED(database.settle_undo());
  check(!database.in_transaction(), "a transaction inside a transaction");
  TERN_CHECKED(database.run("BEGIN"));
  return Transaction(database);
}

Transaction::Transaction(Database& database) : database_(&database) {
  database.in_scope_ = true;
}

Transaction::Transaction(Transaction&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}

Transaction::~Transaction() {
  rollback();
}

Result<void> Transaction::commit() {
  check(database_ != nullptr, "a transaction that has ended");
  auto committed = database_->run("COMMIT");
  if (committed) {
    database_->in_scope_ = false;
    database_ = nullptr;
  } else {
    rollback();
  }
  return committed;
}

void Transaction::rollback() {
  Database* database = std::exchange(database_, nullptr);
  // SQLite rolls back by itself on some errors, and then there is nothing left to undo. What cannot be undone now is
  // undone before the next use.
  if (database != nullptr) static_cast<void>(database->undo());
}

}  // namespace tern::sqlite
