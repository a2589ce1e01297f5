#include "tern/sqlite/statement.hpp"

#include <sqlite3.h>

#include <utility>

#include "tern/sqlite/database.hpp"

namespace tern::sqlite {
namespace {

sqlite3_destructor_type kept(bool borrowed) {
  return borrowed ? SQLITE_STATIC : SQLITE_TRANSIENT;
}

}  // namespace

Statement::Statement(Database& database, sqlite3_stmt* handle, StatementSlot* slot)
    : database_(&database), handle_(handle), slot_(slot) {}

Statement::Statement(Statement&& other) noexcept
    : database_(other.database_),
      handle_(std::exchange(other.handle_, nullptr)),
      slot_(other.slot_),
      bind_error_(other.bind_error_),
      borrows_(other.borrows_) {}

Statement& Statement::operator=(Statement&& other) noexcept {
  if (this == &other) return *this;
  give_back();
  database_ = other.database_;
  handle_ = std::exchange(other.handle_, nullptr);
  slot_ = other.slot_;
  bind_error_ = other.bind_error_;
  borrows_ = other.borrows_;
  return *this;
}

Statement::~Statement() {
  give_back();
}

void Statement::give_back() noexcept {
  if (handle_ != nullptr) database_->take_back(std::exchange(handle_, nullptr), slot_);
}

// A wrong position and binding to a running statement are bugs; only a value over the size limit is not.
void Statement::bound(int code) {
  check(code == SQLITE_OK || code == SQLITE_TOOBIG || code == SQLITE_NOMEM, "SQL parameter");
  if (code != SQLITE_OK) bind_error_ = code;
}

void Statement::bind(int position, Text text) {
  const char* data = text.value.empty() ? "" : text.value.data();  // a null pointer would bind NULL
  bound(sqlite3_bind_text64(handle_, position, data, text.value.size(), kept(borrows_), SQLITE_UTF8));
}

void Statement::bind(int position, Blob blob) {
  const char* data = blob.value.empty() ? "" : blob.value.data();
  bound(sqlite3_bind_blob64(handle_, position, data, blob.value.size(), kept(borrows_)));
}

void Statement::bind(int position, std::nullopt_t) {
  bound(sqlite3_bind_null(handle_, position));
}
void Statement::bind(int position, double value) {
  bound(sqlite3_bind_double(handle_, position, value));
}
void Statement::bind_int64(int position, std::int64_t value) {
  bound(sqlite3_bind_int64(handle_, position, value));
}

Result<bool> Statement::step() {
  if (database_->undo_owed_) TERN_CHECKED(database_->undo());
  if (bind_error_ != SQLITE_OK) return database_->failure(bind_error_, "write to");
  if (database_->lost_transaction() && sqlite3_stmt_readonly(handle_) == 0) return database_->refused_after_loss();
  const int code = sqlite3_step(handle_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) {
    reset();
    return false;
  }
  auto error = database_->failure(code, sqlite3_stmt_readonly(handle_) == 0 ? "write to" : "read");
  reset();
  return error;
}

Result<void> Statement::run() {
  for (;;) {
    TERN_TRY(const bool row, step());
    if (!row) return {};
  }
}

void Statement::reset() {
  sqlite3_reset(handle_);
}
void Statement::clear_bindings() {
  sqlite3_clear_bindings(handle_);
  bind_error_ = SQLITE_OK;
}

int Statement::column_count() const {
  return sqlite3_column_count(handle_);
}
bool Statement::is_null(int column) const {
  return sqlite3_column_type(handle_, column) == SQLITE_NULL;
}
std::int64_t Statement::int64(int column) const {
  return sqlite3_column_int64(handle_, column);
}
double Statement::real(int column) const {
  return sqlite3_column_double(handle_, column);
}

std::string_view Statement::text(int column) const {
  const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(handle_, column));
  if (data == nullptr) return {};
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(handle_, column))};
}

ByteView Statement::blob(int column) const {
  const auto* data = static_cast<const char*>(sqlite3_column_blob(handle_, column));
  if (data == nullptr) return {};
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(handle_, column))};
}

}  // namespace tern::sqlite
