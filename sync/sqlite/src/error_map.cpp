#include "error_map.hpp"

#include <sqlite3.h>

#include <cerrno>
#include <string>

namespace tern::sqlite {
namespace {

bool is_disk_full(int code, int system_errno) {
  if ((code & 0xff) == SQLITE_FULL) return true;
  return (code & 0xff) == SQLITE_IOERR && (system_errno == ENOSPC || system_errno == EDQUOT);
}

ErrorCode map(int code, int system_errno) {
  if (is_disk_full(code, system_errno)) return ErrorCode::storage_full;
  if (code == SQLITE_IOERR_DATA || code == SQLITE_IOERR_CORRUPTFS) return ErrorCode::corrupt;
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_INTERRUPT:
      return ErrorCode::busy;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_NOMEM:
    case SQLITE_PROTOCOL:
      return ErrorCode::storage_failed;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return ErrorCode::corrupt;
    case SQLITE_TOOBIG:
      return ErrorCode::too_large;
    case SQLITE_CONSTRAINT:
      return ErrorCode::invalid;
    default:
      return ErrorCode::internal;
  }
}

std::string hint_for(ErrorCode mapped, int code) {
  if ((code & 0xff) == SQLITE_NOMEM) return "free some memory and try again";
  switch (mapped) {
    case ErrorCode::storage_full:
      return "free some disk space and try again";
    case ErrorCode::storage_failed:
      return "check the disk and the permissions of its folder";
    case ErrorCode::busy:
      return "try again in a moment";
    default:
      return {};
  }
}

/// Whatever it was for, what failed was looking.
bool failed_reading(int code, ErrorCode mapped) {
  return mapped == ErrorCode::corrupt || code == SQLITE_IOERR_READ || code == SQLITE_IOERR_SHORT_READ;
}

}  // namespace

Error describe(int code, int system_errno, std::string_view file, std::string_view doing, std::string_view reason) {
  const ErrorCode mapped = map(code, system_errno);
  std::string message = "could not ";
  if (failed_reading(code, mapped)) doing = "read";
  if (mapped == ErrorCode::storage_full) doing = "write to";  // a COMMIT is no writing statement
  if ((code & 0xff) == SQLITE_CANTOPEN) doing = "open";
  message.append(doing).append(" the database ").append(file).append(": ");
  if ((code & 0xff) == SQLITE_NOTADB) {
    message.append("it is damaged, or its key is another one");
  } else if ((code & 0xff) == SQLITE_INTERRUPT) {
    message.append("stopped, because it took too long");
  } else {
    message.append(reason);
  }
  message.append(" (SQLite ").append(std::to_string(code)).append(")");
  return Error{mapped, std::move(message), hint_for(mapped, code), {}};
}

}  // namespace tern::sqlite
