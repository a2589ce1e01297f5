// A prepared SQL statement: bind by position, step, read columns.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "tern/protocol/bytes.hpp"
#include "tern/protocol/error.hpp"

struct sqlite3_stmt;

namespace tern::sqlite {

class Database;
struct StatementSlot;

/// Bytes = std::string says nothing about whether it is text, so each bound string says which it is:
/// `Text{subject}` is UTF-8 (TEXT), `Blob{body}` is raw (BLOB). Fixed ids bind as they are and become blobs.
struct Text {
  std::string_view value;
};
struct Blob {
  ByteView value;
};

/// One execution of a prepared statement, handed out by `Database::statement` and given back to its cache when this
/// goes out of scope (reset, bindings cleared). Move-only. Lifetime: inside its Database's. Thread: the Database's.
///
/// SQL is written with `$1`, `$2` ... so that the same text runs on PostgreSQL; positions below are those numbers,
/// from 1. Columns count from 0.
class Statement {
public:
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&& other) noexcept;
  ~Statement();

  // ---- binding: the value is copied. An unbound parameter is NULL. A position that does not exist is a bug. A value
  // over SQLite's size limit is reported by the next step. ----
  void bind(int position, Text text);
  void bind(int position, Blob blob);
  void bind(int position, std::nullopt_t);
  void bind(int position, double value);
  /// Unsigned 64-bit values above 2^63-1 are kept bit for bit (they read back equal, but sort as negative).
  template <std::integral Integer>
  void bind(int position, Integer value) {
    bind_int64(position, static_cast<std::int64_t>(value));
  }
  template <typename Enum>
  requires std::is_enum_v<Enum>
  void bind(int position, Enum value) { bind_int64(position, static_cast<std::int64_t>(value)); }
  template <std::size_t N, typename Tag>
  void bind(int position, const FixedBytes<N, Tag>& id) {
    bind(position, Blob{id.view()});
  }
  template <typename T>
  void bind(int position, const std::optional<T>& value) {
    if (value) {
      bind(position, *value);
    } else {
      bind(position, std::nullopt);
    }
  }
  void bind(int position, std::string_view) = delete;  // Text or Blob?
  void bind(int position, const std::string&) = delete;
  void bind(int position, const char*) = delete;

  /// Binds 1, 2, 3 ... in order.
  template <typename... Values>
  void bind_all(const Values&... values) {
    int position = 0;
    (bind(++position, values), ...);
  }

  // ---- running ----
  /// True: a row is there. False: done, and the statement is ready to be bound and run again. After an error, too.
  Result<bool> step();
  /// Steps until done, ignoring rows.
  Result<void> run();
  /// Ends this execution; the bindings stay.
  void reset();
  void clear_bindings();

  // ---- the current row. Views live until the next step, reset or destruction. ----
  [[nodiscard]] int column_count() const;
  [[nodiscard]] bool is_null(int column) const;
  /// NULL is 0.
  [[nodiscard]] std::int64_t int64(int column) const;
  [[nodiscard]] std::uint64_t uint64(int column) const { return static_cast<std::uint64_t>(int64(column)); }
  [[nodiscard]] double real(int column) const;
  [[nodiscard]] bool boolean(int column) const { return int64(column) != 0; }
  /// NULL is empty.
  [[nodiscard]] std::string_view text(int column) const;
  [[nodiscard]] ByteView blob(int column) const;
  /// The zero id on NULL or another length.
  template <typename Fixed>
  [[nodiscard]] Fixed id(int column) const {
    return Fixed::or_zero(blob(column));
  }

private:
  friend class Database;
  Statement(Database& database, sqlite3_stmt* handle, StatementSlot* slot);

  void bind_int64(int position, std::int64_t value);
  void bound(int code);
  void give_back() noexcept;

  Database* database_;
  sqlite3_stmt* handle_;
  StatementSlot* slot_;  // where it goes back to; null: not cached
  int bind_error_ = 0;
  bool borrows_ = false;  // what is bound is there until this is gone: not copied
};

}  // namespace tern::sqlite
