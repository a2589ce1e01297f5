// BEGIN, COMMIT and ROLLBACK as a scope.
#pragma once

#include "tern/protocol/error.hpp"

namespace tern::sqlite {

class Database;

/// A transaction that is rolled back unless `commit` succeeded. One at a time on a connection: nesting is a bug.
/// Lifetime: inside its Database's. Statements that read through it are finished or reset before it ends.
/// For some errors, of whoever reads on the connection, too, SQLite takes everything back at once: from there on what
/// writes is refused until this has ended, so that nothing is stored without what came before it.
class Transaction {
public:
  /// BEGIN IMMEDIATE: the write lock is held from here, so nothing later in it can be refused as busy.
  /// `busy` when another writer kept the lock for the whole busy timeout.
  static Result<Transaction> begin_write(Database& database);
  /// One snapshot for several reads, taken at the first of them. Keep it shorter than 5 s: it holds up checkpoints.
  static Result<Transaction> begin_read(Database& database);

  Transaction(Transaction&& other) noexcept;
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();

  /// After an error nothing of the transaction is stored.
  Result<void> commit();
  /// Without memory it may have to wait (`Database::owes_undo`); nothing of it is seen meanwhile.
  void rollback();

private:
  explicit Transaction(Database& database);

  Database* database_;  // null: ended
};

}  // namespace tern::sqlite
