// What takes long and is stopped takes away what it has made so far.
#pragma once

#include <functional>
#include <string>

#include "admin/admin.hpp"

namespace tern::server::admin {

inline Result<void> check_not_interrupted(bool stopped, const std::string& so = "nothing was written") {
  if (!stopped) return {};
  return fail(ErrorCode::busy, "Interrupted: " + so + ".", "Run it again.");
}

inline Result<void> check_not_interrupted(const ServerOptions& options) {
  return check_not_interrupted(options.interrupted && options.interrupted());
}

inline Result<void> check_not_interrupted(const AdminCall& call) {
  return check_not_interrupted(call.is_stopped());
}

/// As long as it lives, statements of `db` end with `busy` when the call is stopped.
class Stoppable {
public:
  Stoppable(sqlite::Database& db, const AdminCall& call) : db_(db) {
    db.set_keep_going([&call] { return !call.is_stopped(); });
  }
  ~Stoppable() { db_.set_keep_going({}); }
  Stoppable(const Stoppable&) = delete;
  Stoppable& operator=(const Stoppable&) = delete;

private:
  sqlite::Database& db_;
};

}  // namespace tern::server::admin
