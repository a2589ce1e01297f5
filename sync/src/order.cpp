#include "tern/sync/order.hpp"

#include "stamp_kind.hpp"

namespace tern::sync {
namespace {

bool is_claim(const Stamp& stamp) {
  return stamp.kind >= claim_kind;
}

/// A device's chain is its author's own; the server's is everybody's, but for what one principal did in one set.
bool in_own_chain(const Stamp& x, const Stamp& w) {
  const bool same_chain = x.origin.device == w.origin.device && x.origin.device_epoch == w.origin.device_epoch;
  if (!same_chain || !x.sealed) return same_chain;
  return x.origin.chain_seq == w.origin.chain_seq && x.author == w.author && x.author_kind == w.author_kind;
}

}  // namespace

std::strong_ordering compare_order(const Stamp& a, const Stamp& b) {
  const bool a_create = a.kind == create_kind;
  const bool b_create = b.kind == create_kind;
  if (a_create != b_create) return a_create ? std::strong_ordering::less : std::strong_ordering::greater;
  if (const auto by_time = a.order_ms <=> b.order_ms; by_time != 0) return by_time;
  if (is_claim(a) != is_claim(b)) return is_claim(a) ? std::strong_ordering::greater : std::strong_ordering::less;
  if (is_claim(a)) {
    if (const auto by_commit = a.commit_seq <=> b.commit_seq; by_commit != 0) return by_commit;
    // A commit holds one set, so among committed claims only `index` can differ from here on. Pending ones have no
    // commit yet and keep the order of their chain.
  }
  if (const auto by_origin = a.origin <=> b.origin; by_origin != 0) return by_origin;
  return a.change <=> b.change;
}

bool saw(const Stamp& x, const Stamp& w) {
  if (in_own_chain(x, w) && w.origin < x.origin) return true;
  if (w.commit_seq == pending_commit_seq || w.commit_seq > x.seen_seq) return false;
  return w.commit_seq != x.commit_seq || w.origin < x.origin;
}

}  // namespace tern::sync
