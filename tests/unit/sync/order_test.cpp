#include <algorithm>

#include "support/catch.hpp"
#include "tern/sync/order.hpp"
#include "unit/sync/sample_changes.hpp"

using namespace tern;
using namespace tern::sync;
using namespace tern::sync::sample;

namespace {

Stamp make(std::uint8_t kind, std::int64_t order_ms, Origin origin, std::uint64_t commit_seq,
           std::uint64_t seen_seq = 0) {
  Stamp out;
  out.kind = kind;
  out.order_ms = order_ms;
  out.origin = origin;
  out.commit_seq = commit_seq;
  out.seen_seq = seen_seq;
  out.change = id<ChangeId>(static_cast<std::uint8_t>(commit_seq));
  return out;
}

Stamp any_stamp() {
  const auto small = [](std::uint64_t end) { return *rc::gen::inRange<std::uint64_t>(0, end); };
  Stamp out;
  out.kind = static_cast<std::uint8_t>(small(4));
  out.order_ms = static_cast<std::int64_t>(small(3));
  out.origin = {device(static_cast<std::uint8_t>(small(3))), small(2), small(3), static_cast<std::uint32_t>(small(2))};
  out.commit_seq = small(4) == 0 ? pending_commit_seq : small(3);
  out.seen_seq = small(4);
  out.change = id<ChangeId>(static_cast<std::uint8_t>(small(2)));
  return out;
}

}  // namespace

TEST_CASE("the create comes first, whatever its time", "[sync][order]") {
  const Stamp create = make(0, 900, {device(9), 1, 9, 0}, 9);
  const Stamp fact = make(1, 100, {device(1), 1, 1, 0}, 1);
  CHECK(before(create, fact));
  CHECK_FALSE(before(fact, create));
}

TEST_CASE("time decides, then facts stand before claims", "[sync][order]") {
  const Stamp early_claim = make(2, 100, {device(1), 1, 1, 0}, 1);
  const Stamp late_fact = make(1, 101, {device(1), 1, 2, 0}, 2);
  const Stamp fact_at_100 = make(1, 100, {device(9), 1, 9, 0}, 9);
  CHECK(before(early_claim, late_fact));
  CHECK(before(fact_at_100, early_claim));
}

TEST_CASE("facts of one time are ordered by device, device epoch, place in the chain and index, never by commit",
          "[sync][order]") {
  const Stamp a = make(1, 100, {device(1), 1, 5, 0}, 9);
  const Stamp b = make(1, 100, {device(2), 1, 1, 0}, 1);
  const Stamp c = make(1, 100, {device(2), 2, 1, 0}, 8);
  const Stamp d = make(1, 100, {device(2), 2, 2, 0}, 2);
  const Stamp e = make(1, 100, {device(2), 2, 2, 1}, 2);
  const std::vector<Stamp> expected = {a, b, c, d, e};
  std::vector<Stamp> shuffled = {e, b, d, a, c};
  std::sort(shuffled.begin(), shuffled.end(), before);
  CHECK(shuffled == expected);
}

TEST_CASE("claims of one time are ordered by commit and index, pending ones last and in their chain's order",
          "[sync][order]") {
  const Stamp a = make(2, 100, {device(9), 1, 9, 3}, 4);
  const Stamp b = make(2, 100, {device(9), 1, 9, 4}, 4);
  const Stamp c = make(2, 100, {device(1), 1, 1, 0}, 5);
  const Stamp d = make(2, 100, {device(1), 1, 2, 1}, pending_commit_seq);
  const Stamp e = make(2, 100, {device(1), 1, 3, 0}, pending_commit_seq);
  std::vector<Stamp> shuffled = {e, d, c, b, a};
  std::sort(shuffled.begin(), shuffled.end(), before);
  CHECK(shuffled == std::vector<Stamp>{a, b, c, d, e});
}

TEST_CASE("the order is total", "[sync][order]") {
  CHECK(rc::check([] {
    const Stamp a = any_stamp(), b = any_stamp(), c = any_stamp();
    const auto ab = compare_order(a, b);
    RC_ASSERT((compare_order(b, a) < 0) == (ab > 0));
    RC_ASSERT((compare_order(b, a) == 0) == (ab == 0));
    if (ab <= 0 && compare_order(b, c) <= 0) RC_ASSERT((compare_order(a, c) <= 0));
    RC_ASSERT((compare_order(a, a) == 0));
  }));
}

TEST_CASE("an author saw what is earlier in their own chain", "[sync][order]") {
  const Stamp first = make(1, 500, {device(1), 1, 1, 0}, pending_commit_seq);
  const Stamp same_set = make(1, 100, {device(1), 1, 1, 1}, pending_commit_seq);
  const Stamp next = make(1, 100, {device(1), 1, 2, 0}, pending_commit_seq);
  CHECK(saw(next, first));
  CHECK(saw(same_set, first));
  CHECK_FALSE(saw(first, next));
  const Stamp other_epoch = make(1, 100, {device(1), 2, 5, 0}, 9);
  CHECK_FALSE(saw(other_epoch, first));
  CHECK(concurrent(other_epoch, first));
}

TEST_CASE("an author saw what was committed up to the version on their screen", "[sync][order]") {
  const Stamp mine = make(1, 100, {device(1), 1, 1, 0}, 20, 10);
  CHECK(saw(mine, make(1, 900, {device(2), 1, 1, 0}, 10)));
  CHECK_FALSE(saw(mine, make(1, 50, {device(2), 1, 1, 0}, 11)));
  CHECK(concurrent(mine, make(1, 50, {device(2), 1, 1, 0}, 11, 19)));
  CHECK_FALSE(concurrent(mine, make(1, 50, {device(2), 1, 1, 0}, 21, 20)));
}

TEST_CASE(
    "what the server sealed for somebody saw what that one had on the screen, not what others did before it there",
    "[sync][order]") {
  const auto sealed = [](std::uint64_t chain_seq, std::uint32_t index, std::uint64_t commit, std::uint64_t seen,
                         std::uint8_t author) {
    Stamp stamp = make(1, 100, {device(9), 1, chain_seq, index}, commit, seen);
    stamp.author.bytes.fill(author);
    stamp.sealed = true;
    return stamp;
  };
  const Stamp first = sealed(1, 0, 10, 9, 1);
  CHECK_FALSE(saw(sealed(2, 0, 11, 9, 2), first));  // a colleague with an older page
  CHECK_FALSE(saw(sealed(2, 0, 11, 9, 1), first));  // the same one with an older page
  CHECK(saw(sealed(2, 0, 11, 10, 2), first));
  CHECK(saw(sealed(1, 1, 10, 9, 1), first));  // one request
  CHECK_FALSE(saw(sealed(1, 1, 10, 9, 2), first));
  const Stamp of_now = sealed(1, 1, 10, 10, 2);  // acts on what is there, in the same set
  CHECK(saw(of_now, first));
  CHECK_FALSE(saw(of_now, sealed(1, 2, 10, 10, 1)));
  CHECK_FALSE(saw(of_now, of_now));
}

TEST_CASE("nobody saw work that has no commit yet, but its author", "[sync][order]") {
  Stamp greedy = make(1, 100, {device(1), 1, 1, 0}, 20, UINT64_MAX);
  CHECK_FALSE(saw(greedy, make(1, 50, {device(2), 1, 1, 0}, pending_commit_seq)));
}
