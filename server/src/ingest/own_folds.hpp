// Tickets that one device alone moved: it is told to fold them itself. docs/protocol.md "Own folds".
#pragma once

#include <cstdint>
#include <vector>

#include "tern/protocol/bytes.hpp"
#include "tern/sync/own_fold.hpp"

namespace tern::server {

struct OwnFold {
  TicketId ticket;
  std::uint64_t base = 0, version = 0;  // every commit between them that moved it is the device's
  sync::OwnFoldCheck check;
};

/// What a session's device moved alone and may not have been told yet: an answer can be lost, or be the first page of
/// several. A hint: what is not in it is sent whole.
class OwnFolds {
public:
  /// Of one commit, later than those added before.
  void add(std::vector<OwnFold> later);
  /// The device's replica stands there by now.
  void forget_up_to(std::uint64_t cursor_seq);
  /// Null when a replica that stands at `cursor_seq` cannot come to this version of the ticket by itself.
  [[nodiscard]] const OwnFold* find(const TicketId& ticket, std::uint64_t version, std::uint64_t cursor_seq) const;
  [[nodiscard]] bool empty() const { return folds_.empty(); }
  /// Gives up whatever is above that many.
  void keep_at_most(std::size_t folds_max);

private:
  std::vector<OwnFold> folds_;  // by ticket
};

inline constexpr std::size_t own_folds_kept_max = 8192;         // of a session whose device has pages to come
inline constexpr std::size_t own_folds_kept_of_idle_max = 256;  // behind its last page: for an answer that gets lost

}  // namespace tern::server
