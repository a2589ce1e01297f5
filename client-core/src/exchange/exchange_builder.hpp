// Puts an ExchangeRequest together from what outbox and replica hold.
#pragma once

#include <cstdint>

#include "exchange/scope_check.hpp"
#include "outbox/outbox.hpp"
#include "replica/replica.hpp"
#include "tern/protocol/anchor.hpp"
#include "tern/protocol/bytes.hpp"
#include "tern/protocol/error.hpp"

namespace tern::client {

using ExchangeNonce = FixedBytes<16, struct ExchangeNonceTag>;

/// Where the next page begins.
struct PagePlace {
  CursorHeld cursor;
  Bytes token;
  bool operator==(const PagePlace&) const = default;
};

/// What this exchange is for.
struct ExchangePlan {
  bool push = true;                  // sets from `push_from` on
  bool pull = true;                  // false: hands work in only; the replica is not looked at
  std::uint64_t push_from = 0;       // chain_seq; 0: after the newest set with a receipt
  std::uint64_t own_sets_from = 0;   // asks for own sets instead of pushing
  std::uint64_t own_sets_epoch = 0;  // of this device epoch that is over; 0: of the current one
  bool repair = false;               // asks for the buckets that differ
  TicketId repair_after;             // zero: from the first bucket; else behind this ticket
  bool with_digest = true;           // false: digests are not compared (any more)
  bool check_scope = true;           // after a restore: names what is held
  bool hand_back = false;            // likewise: and what others did that the server may have lost
  bool own_folds = true;             // takes "as your own fold of it" for own work
  protocol::LogHead held_head;       // zero: none in this epoch
  Bytes held_anchor, began_epoch;    // for a server that shows an older or another history
  std::uint32_t want_bytes = limits::want_bytes_default;
  std::optional<PagePlace> behind;  // where the replica will stand, once the page is in that is being applied
};

struct BuiltExchange {
  Bytes body;  // encoded ExchangeRequest
  ExchangeNonce nonce;
  CursorHeld cursor;                          // as declared
  std::uint64_t first_seq = 0, last_seq = 0;  // of the sets in it; 0: none
  std::uint64_t device_epoch = 0;             // theirs
  std::uint64_t sets = 0, changes = 0;
  std::optional<HeldAsked> held;
  std::vector<std::int64_t> handed_back;  // rows of the copy
};

inline constexpr std::size_t request_overhead_bytes_max = 64 * limits::kib;
inline constexpr std::size_t sets_bytes_max = limits::mib - request_overhead_bytes_max;

/// `replica` may be null when the plan does not pull.
Result<BuiltExchange> build_exchange(Outbox& outbox, Replica* replica, const ExchangePlan& plan,
                                     Environment& environment);

/// Where the replica stands.
Result<PagePlace> page_place(Replica& replica);

/// Whether the first replica has come to its end.
Result<bool> first_replica_complete(Replica& replica);

}  // namespace tern::client
