// A device that obeyed a wipe order: it hands in what it had not sent and says so; nothing else is answered.
#pragma once

#include <cstdint>

#include "tern/protocol/error.hpp"

namespace tern::client {

class Outbox;

/// Of one client; set while it runs when the order comes then.
struct Wipe {
  bool obeyed = false;
  std::int64_t ordered_ms = 0;
};

/// What every command and view but the sync status answers. `handed_in`: nothing of the outbox waits any more.
inline Error wiped_error(bool handed_in = false) {
  return {ErrorCode::key_revoked,
          handed_in
              ? "This device was wiped by order of its administrator; what it had not sent has been handed in."
              : "This device was wiped by order of its administrator; its tickets are gone, what was not sent is kept, "
                "sealed.",
          handed_in ? "To go on working, enrol in another home with a new code."
                    : "Sync to hand in what is kept; then enrol in another home with a new code.",
          {}};
}

/// `outbox` knows how far the handing in has come.
Result<void> check_not_wiped(const Wipe* wipe, Outbox& outbox);

}  // namespace tern::client
