// The total order of a ticket's changes, and who saw whom. Source: fold.md "Order" and "Changes".
#pragma once

#include <compare>
#include <cstdint>

#include "tern/sync/change.hpp"

namespace tern::sync {

/// The create first; then by order_ms; at equal times facts before claims; facts among themselves by device, device
/// epoch, chain_seq, index; claims among themselves by commit_seq, index.
struct Stamp {
  std::int64_t order_ms = 0;
  std::uint8_t kind = 1;  // 0 create, 1 fact, 2 claim
  Origin origin;
  ChangeId change;
  std::uint64_t commit_seq = 0;  // pending: `pending_commit_seq`
  std::uint64_t seen_seq = 0;    // normalised to the current epoch, cut to what was sent (Admission)
  OperatorId author;             // or contact
  PrincipalKind author_kind = PrincipalKind::operator_;
  bool sealed = false;  // by the server, for its author: the chain is not the author's own

  [[nodiscard]] ChangeRef ref() const { return {origin.device, change}; }
  bool operator==(const Stamp&) const = default;
};

/// Commit number of work that has none yet: above every real one, so pending claims stand last.
inline constexpr std::uint64_t pending_commit_seq = UINT64_MAX;

std::strong_ordering compare_order(const Stamp& a, const Stamp& b);
inline bool before(const Stamp& a, const Stamp& b) {
  return compare_order(a, b) < 0;
}

/// X saw W: W is earlier in the same chain (device and device epoch), or W's commit_seq is not above X's seen. The
/// server seals for many in one chain: there only what the same principal did before in the same set was seen by it.
/// What the server acts on as it is now (`Change::seen_now`) may be of its own set: then `seen` is that commit, and
/// what stands before it was seen.
bool saw(const Stamp& x, const Stamp& w);
inline bool concurrent(const Stamp& a, const Stamp& b) {
  return !saw(a, b) && !saw(b, a);
}

}  // namespace tern::sync
