#include "tern/sync/scope.hpp"

#include <algorithm>
#include <optional>

#include "tern/protocol/crypto.hpp"
#include "tern/protocol/wire.hpp"

namespace tern::sync {
namespace {

constexpr std::int64_t day_ms = 86'400'000;

struct ReasonName {
  LeftReason reason;
  std::string_view name;
};
constexpr std::array reason_names = {
    ReasonName{LeftReason::reassigned, "reassigned"}, ReasonName{LeftReason::queue_changed, "queue_changed"},
    ReasonName{LeftReason::ended, "ended"},           ReasonName{LeftReason::unwatched, "unwatched"},
    ReasonName{LeftReason::rights, "rights"},         ReasonName{LeftReason::deleted, "deleted"},
    ReasonName{LeftReason::taken, "taken"},
};

bool has_element(const TicketState& state, FieldId field, Bytes element) {
  const auto found = state.elements.find(ElementKey{field, std::move(element)});
  return found != state.elements.end() && !found->second.empty();
}

/// Since when the ticket is in the end class: the earliest of what holds it there now. Nothing: it is not.
std::optional<std::int64_t> ended_since(const TicketState& state) {
  if (class_of(state) != StatusClass::end) return std::nullopt;
  std::optional<std::int64_t> since;
  const auto also = [&since](std::int64_t at) { since = since ? std::min(*since, at) : at; };
  if (state.merged_into && !state.merged_into->value.empty()) also(state.merged_into->stamp.order_ms);
  if (is_deleted(state)) also(state.deletion->stamp.order_ms);
  if (const StatusView status = status_view(state); status_class(status.status) == StatusClass::end)
    also(status.since_ms);
  return since;
}

bool within(std::optional<std::int64_t> ended_ms, std::int64_t now_ms, std::int64_t days) {
  if (!ended_ms) return true;
  std::int64_t age = 0;
  if (__builtin_sub_overflow(now_ms, *ended_ms, &age)) return now_ms < *ended_ms;
  return age <= days * day_ms;
}

bool has_custody(const TicketState& state, const OperatorId& operator_id) {
  return std::ranges::any_of(state.custody, [&](const Custody& mark) { return mark.operator_id == operator_id; });
}

// ---- arithmetic mod 2^256: limbs from the lowest
// -------------------------------------------------------------------------

using Sum = ScopeDigest::Sum;

Sum hash_of(const TicketId& ticket, std::uint64_t version, std::uint64_t rights_version) {
  protocol::ByteWriter message;
  message.id(ticket).u64(version).u64(rights_version);
  const Hash hash = protocol::hash("TRN1-SCOPE", message.bytes());
  Sum sum{};
  for (std::size_t i = 0; i < Hash::size_bytes; ++i) {
    std::uint64_t& limb = sum[3 - i / 8];
    limb = (limb << 8) | hash.bytes[i];
  }
  return sum;
}

void add_to(Sum& sum, const Sum& other) {
  std::uint64_t carry = 0;
  for (std::size_t i = 0; i < sum.size(); ++i) {
    std::uint64_t limb = 0;
    const bool first = __builtin_add_overflow(sum[i], other[i], &limb);
    const bool second = __builtin_add_overflow(limb, carry, &sum[i]);
    carry = first || second ? 1 : 0;
  }
}

void subtract_from(Sum& sum, const Sum& other) {
  std::uint64_t borrow = 0;
  for (std::size_t i = 0; i < sum.size(); ++i) {
    std::uint64_t limb = 0;
    const bool first = __builtin_sub_overflow(sum[i], other[i], &limb);
    const bool second = __builtin_sub_overflow(limb, borrow, &sum[i]);
    borrow = first || second ? 1 : 0;
  }
}

Hash big_endian(const Sum& sum) {
  Hash hash;
  for (std::size_t i = 0; i < Hash::size_bytes; ++i)
    hash.bytes[i] = static_cast<std::uint8_t>(sum[3 - i / 8] >> (56 - 8 * (i % 8)));
  return hash;
}

}  // namespace

std::string_view to_string(LeftReason reason) {
  for (const ReasonName& row : reason_names)
    if (row.reason == reason) return row.name;
  return "unspecified";
}

bool in_scope(const TicketState& state, const ScopeMember& member, std::int64_t now_ms) {
  if (has_custody(state, member.operator_id)) return true;  // rule 4
  const std::optional<std::int64_t> ended = ended_since(state);
  const std::optional<OperatorId> assignee = assignee_of(state);
  if (assignee == member.operator_id && within(ended, now_ms, own_ended_days)) return true;  // rule 1
  const Bytes id(member.operator_id.view());
  const bool followed = has_element(state, FieldId::watchers, "o" + id) || has_element(state, FieldId::pins, id);
  if (followed && within(ended, now_ms, watched_ended_days)) return true;  // rule 3
  if (assignee || ended) return false;
  const std::optional<RecordId> queue = queue_of(state);
  // Nobody has it and no queue does: it stays with whoever made it, or it would vanish from every device.
  if (!queue && state.created && state.created->author == member.operator_id) return true;
  return !member.queue_scope_all && queue && std::ranges::find(member.queues, *queue) != member.queues.end();  // rule 2
}

void ScopeDigest::add(const TicketId& ticket, std::uint64_t version, std::uint64_t rights_version) {
  add_to(buckets_[ticket.bytes[0]], hash_of(ticket, version, rights_version));
}

void ScopeDigest::remove(const TicketId& ticket, std::uint64_t version, std::uint64_t rights_version) {
  subtract_from(buckets_[ticket.bytes[0]], hash_of(ticket, version, rights_version));
}

Hash ScopeDigest::total() const {
  Sum sum{};
  for (const Sum& one : buckets_) add_to(sum, one);
  return big_endian(sum);
}

Hash ScopeDigest::bucket(std::uint8_t index) const {
  return big_endian(buckets_[index]);
}

}  // namespace tern::sync
