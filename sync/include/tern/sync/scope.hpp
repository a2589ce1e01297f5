// Which tickets a device holds, and the digest both sides compare. Source: desk.md 2.14, protocol.md "Exchange".
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "tern/protocol/bytes.hpp"
#include "tern/sync/ticket_state.hpp"

namespace tern::sync {

enum class LeftReason : std::uint8_t {
  unspecified = 0,
  reassigned = 1,
  queue_changed = 2,
  ended = 3,
  unwatched = 4,
  rights = 5,
  deleted = 6,
  taken = 7
};
std::string_view to_string(LeftReason reason);

inline constexpr std::int64_t own_ended_days = 7;
inline constexpr std::int64_t watched_ended_days = 30;

/// How many tickets a request may name to have them compared with the scope, after a restore.
inline constexpr std::size_t held_ids_max = 2048;

/// What scope needs to know about one operator.
struct ScopeMember {
  OperatorId operator_id;
  std::span<const RecordId> queues;
  bool queue_scope_all = false;  // supervisors and up: no rule 2
};

/// Rules (1) to (4) of desk.md 2.14, without unreceipted work (the device keeps a ghost itself) and without --scope
/// all. `now_ms`: time of the commit that asks; expiry is a commit of a job.
bool in_scope(const TicketState& state, const ScopeMember& member, std::int64_t now_ms);

/// Sum mod 2^256 of H("TRN1-SCOPE", ticket id, version, rights version), kept by bucket (first byte of the ticket id).
/// Adding and removing are exact inverses; order does not matter.
class ScopeDigest {
public:
  using Sum = std::array<std::uint64_t, 4>;
  void add(const TicketId& ticket, std::uint64_t version, std::uint64_t rights_version);
  void remove(const TicketId& ticket, std::uint64_t version, std::uint64_t rights_version);
  [[nodiscard]] Hash total() const;  // big-endian
  [[nodiscard]] Hash bucket(std::uint8_t index) const;
  bool operator==(const ScopeDigest&) const = default;

private:
  std::array<Sum, 256> buckets_{};
};

}  // namespace tern::sync
