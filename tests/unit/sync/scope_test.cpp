#include "tern/sync/scope.hpp"
#include "support/catch.hpp"
#include "tern/protocol/crypto.hpp"
#include "tern/protocol/wire.hpp"
#include "unit/sync/sample_changes.hpp"

using namespace tern;
using namespace tern::sync;
using namespace tern::sync::sample;

namespace {

constexpr std::int64_t day_ms = 86'400'000;
constexpr std::int64_t now = 1'700'000'000'000;
const OperatorId viewer = person(1);
const std::vector<RecordId> my_queues = {queue(1), queue(2)};

bool mine(const TicketState& state, std::int64_t at = now, bool all_queues = false) {
  return in_scope(state, {viewer, my_queues, all_queues}, at);
}

TicketState assigned_to(OperatorId operator_id) {
  TicketState out = state();
  out.assignee = Claim{stamp(2, 2'000), raw(operator_id)};
  return out;
}

TicketState in_queue(RecordId record) {
  TicketState out = state();
  out.queue = Claim{stamp(2, 2'000), raw(record)};
  return out;
}

TicketState close(TicketState of, std::int64_t at) {
  of.moves.push_back({stamp(5, at), Intent::close, "", 0, false});
  return of;
}

TicketState watched_by(OperatorId operator_id) {
  TicketState out = assigned_to(person(2));
  out.elements[{FieldId::watchers, "o" + raw(operator_id)}] = {stamp(3, 3'000)};
  return out;
}

}  // namespace

TEST_CASE("a ticket of mine is in scope until seven days after its end", "[sync][scope]") {
  CHECK(mine(assigned_to(viewer)));
  CHECK(mine(assigned_to(viewer), now, true));
  CHECK_FALSE(mine(assigned_to(person(2))));
  const TicketState ended = close(assigned_to(viewer), now);
  CHECK(mine(ended, now + 7 * day_ms));
  CHECK_FALSE(mine(ended, now + 7 * day_ms + 1));
}

TEST_CASE("a resolved ticket has not ended", "[sync][scope]") {
  TicketState resolved = assigned_to(viewer);
  resolved.moves.push_back({stamp(5, now), Intent::resolve, "", 0, false});
  CHECK(mine(resolved, now + 100 * day_ms));
}

TEST_CASE("an unassigned ticket of my queues is in scope until it ends", "[sync][scope]") {
  CHECK(mine(in_queue(queue(2))));
  CHECK_FALSE(mine(in_queue(queue(3))));
  CHECK_FALSE(mine(state()));  // of no queue
  CHECK_FALSE(mine(close(in_queue(queue(2)), now)));
  TicketState taken = in_queue(queue(2));
  taken.assignee = Claim{stamp(3, 3'000), raw(person(2))};
  CHECK_FALSE(mine(taken));
  taken.assignee = Claim{stamp(4, 4'000), {}};  // given back
  CHECK(mine(taken));
}

TEST_CASE("who sees all queues holds no queue's tickets by that", "[sync][scope]") {
  CHECK_FALSE(mine(in_queue(queue(2)), now, true));
  CHECK(mine(watched_by(viewer), now, true));
}

TEST_CASE("watched and pinned tickets are in scope until thirty days after their end", "[sync][scope]") {
  CHECK(mine(watched_by(viewer)));
  CHECK_FALSE(mine(watched_by(person(3))));
  TicketState pinned = assigned_to(person(2));
  pinned.elements[{FieldId::pins, raw(viewer)}] = {stamp(3, 3'000)};
  CHECK(mine(pinned));
  for (const TicketState& open : {watched_by(viewer), pinned}) {
    const TicketState ended = close(open, now);
    CHECK(mine(ended, now + 30 * day_ms));
    CHECK_FALSE(mine(ended, now + 30 * day_ms + 1));
  }
  TicketState contact_watches = assigned_to(person(2));
  contact_watches.elements[{FieldId::watchers, "c" + raw(viewer)}] = {stamp(3, 3'000)};
  CHECK_FALSE(mine(contact_watches));
}

TEST_CASE("a watch that was taken back holds nothing", "[sync][scope]") {
  TicketState unwatched = watched_by(viewer);
  unwatched.elements[{FieldId::watchers, "o" + raw(viewer)}].clear();
  CHECK_FALSE(mine(unwatched));
}

TEST_CASE("a ticket under my custody mark is in scope, ended or not", "[sync][scope]") {
  TicketState state = assigned_to(person(2));
  state.custody = {{viewer, 5'000, 7}};
  CHECK(mine(state));
  CHECK(mine(close(state, now), now + 400 * day_ms));
  state.custody = {{person(3), 5'000, 7}};
  CHECK_FALSE(mine(state));
}

TEST_CASE("merged and deleted tickets have ended", "[sync][scope]") {
  TicketState merged = assigned_to(viewer);
  merged.merged_into = Claim{stamp(6, now), raw(ticket(2))};
  CHECK(mine(merged, now + 7 * day_ms));
  CHECK_FALSE(mine(merged, now + 7 * day_ms + 1));
  TicketState deleted = in_queue(queue(1));
  deleted.deletion = Claim{stamp(6, now), "1"};
  CHECK_FALSE(mine(deleted));
  deleted.deletion = Claim{stamp(7, now), ""};  // restored
  CHECK(mine(deleted));
}

TEST_CASE("what ended twice ended the first time", "[sync][scope]") {
  TicketState both = close(assigned_to(viewer), now);
  both.deletion = Claim{stamp(6, now + 5 * day_ms), "1"};
  CHECK(mine(both, now + 7 * day_ms));
  CHECK_FALSE(mine(both, now + 8 * day_ms));
  TicketState apart = close(assigned_to(viewer), now);
  apart.merged_into = Claim{stamp(6, now - 20 * day_ms), ""};  // merged into nothing
  CHECK(mine(apart, now + 7 * day_ms));
}

TEST_CASE("times at the edges of the number range end nothing by accident", "[sync][scope]") {
  CHECK(mine(close(assigned_to(viewer), INT64_MAX), INT64_MIN));
  CHECK_FALSE(mine(close(assigned_to(viewer), INT64_MIN + 1), INT64_MAX));
}

TEST_CASE("the digest is the sum of the hashes, whatever their order", "[sync][scope][digest]") {
  REQUIRE(protocol::init_crypto().has_value());
  ScopeDigest one, other;
  for (std::uint8_t i = 0; i < 100; ++i) one.add(ticket(i), i, 3);
  for (std::uint8_t i = 100; i-- > 0;) other.add(ticket(i), i, 3);
  CHECK(one == other);
  CHECK(one.total() == other.total());
  other.remove(ticket(4), 4, 3);
  CHECK_FALSE(one.total() == other.total());
  other.add(ticket(4), 5, 3);
  CHECK_FALSE(one.total() == other.total());
  other.remove(ticket(4), 5, 3);
  other.add(ticket(4), 4, 3);
  CHECK(one == other);
}

TEST_CASE("one ticket's digest is its hash, by its bucket", "[sync][scope][digest]") {
  REQUIRE(protocol::init_crypto().has_value());
  ScopeDigest digest;
  CHECK(digest.total().is_zero());
  digest.add(ticket(7), 0x0102030405060708, 9);
  const Bytes message = raw(ticket(7)) + std::string("\x01\x02\x03\x04\x05\x06\x07\x08\0\0\0\0\0\0\0\x09", 16);
  const Hash expected = protocol::hash("TRN1-SCOPE", message);
  CHECK(digest.total() == expected);
  CHECK(digest.bucket(0x51) == expected);
  CHECK(digest.bucket(0x52).is_zero());
}

TEST_CASE("sums carry through all 256 bits and removing more than was added wraps back", "[sync][scope][digest]") {
  REQUIRE(protocol::init_crypto().has_value());
  ScopeDigest digest;
  digest.remove(ticket(1), 1, 1);  // 0 - h, borrows through every limb
  const Hash negative = digest.total();
  CHECK_FALSE(negative.is_zero());
  const Hash positive = protocol::hash("TRN1-SCOPE", protocol::ByteWriter{}.id(ticket(1)).u64(1).u64(1).bytes());
  // negative + positive == 2^256: byte by byte from the lowest, every sum carries and leaves zero.
  unsigned carry = 0;
  for (std::size_t i = 32; i-- > 0;) {
    const unsigned sum = negative.bytes[i] + positive.bytes[i] + carry;
    CHECK((sum & 0xffU) == 0);
    carry = sum >> 8U;
  }
  CHECK(carry == 1);
  digest.add(ticket(1), 1, 1);
  CHECK(digest == ScopeDigest{});
}

TEST_CASE("reasons for leaving have names", "[sync][scope]") {
  CHECK(to_string(LeftReason::reassigned) == "reassigned");
  CHECK(to_string(LeftReason::taken) == "taken");
  CHECK(to_string(LeftReason::unspecified) == "unspecified");
}
