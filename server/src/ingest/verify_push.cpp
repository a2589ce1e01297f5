// The stateless half of ingest: signatures, commitments, changes as values. Any thread.
#include <algorithm>
#include <atomic>
#include <set>

#include "devices.hpp"
#include "ingest.hpp"
#include "store/tenant.hpp"
#include "tern/v1/change.pb.h"

namespace tern::server {
namespace {

// A signature takes 50 us, waking a thread about as long.
constexpr std::size_t sets_worth_a_helper = 8;

protocol::VerifyContext context_of(const Tenant& tenant, const Push& push) {
  protocol::VerifyContext context;
  context.tenant = tenant.id();
  // A session speaks for one device: a set of another one, or under another one's key, is of no key that is known here.
  context.find_key = [&tenant, &push](const TenantId& of, const DeviceId& device,
                                      const KeyId& key) -> std::optional<protocol::KeyRecord> {
    if (of != tenant.id() || device != push.device) return std::nullopt;
    const auto found = tenant.find_key(device, key);
    return found ? std::optional(found->record) : std::nullopt;
  };
  context.accept_inactive_key = push.deposit;
  return context;
}

ChangeId id_of(const protocol::SealedChange& sealed) {
  v1::Skeleton skeleton;
  if (!skeleton.ParseFromArray(sealed.skeleton.data(), static_cast<int>(sealed.skeleton.size()))) return {};
  return ChangeId::or_zero(skeleton.id());
}

/// Changes without content whose erasure is due, or that the server erased as another set of this device held them.
std::set<Hash> due_erasures(const Tenant& tenant, const DeviceId& device, const protocol::ChangeSet& set) {
  std::set<Hash> commitments;
  for (const protocol::SealedChange& sealed : set.changes) {
    if (!sealed.erased()) continue;
    const sync::ChangeRef ref{device, id_of(sealed)};
    if (tenant.is_erasure_due(ref) || tenant.is_erased(ref)) commitments.insert(sealed.commitment());
  }
  return commitments;
}

/// Names of a change whose values break a rule: enough to answer for it. Its intent stays unspecified.
std::optional<sync::Change> names_of(const protocol::SealedChange& sealed, const DeviceId& device) {
  v1::Skeleton skeleton;
  if (!skeleton.ParseFromArray(sealed.skeleton.data(), static_cast<int>(sealed.skeleton.size()))) return std::nullopt;
  sync::Change change;
  change.ref = {device, ChangeId::or_zero(skeleton.id())};
  if (change.ref.id.is_zero()) return std::nullopt;
  change.ticket = TicketId::or_zero(skeleton.ticket_id());
  change.wall_ms = skeleton.wall_ms();
  change.before_ms = skeleton.before_ms();
  change.body_erased = sealed.erased();
  return change;
}

/// One bad value costs its own change, never the chain behind it: such a change is rejected in an ordinary receipt.
Result<sync::Change> parse_or_name(const protocol::SealedChange& sealed, const DeviceId& device) {
  const std::optional<ByteView> body = sealed.erased() ? std::nullopt : std::optional<ByteView>(sealed.body);
  auto change = sync::parse_change(sealed.skeleton, body, device);
  const auto recoverable = [](ErrorCode code) { return code == ErrorCode::invalid || code == ErrorCode::too_large; };
  if (change || !recoverable(change.error().code)) return change;
  if (auto named = names_of(sealed, device)) return std::move(*named);
  return change;
}

/// The change that came without the content that is still expected.
std::size_t contentless(ByteView wire, const protocol::VerifyContext& context, const DeviceId& device) {
  const auto set = protocol::decode_change_set(wire);
  if (!set) return 0;
  const auto missing = std::find_if(set->changes.begin(), set->changes.end(), [&](const auto& change) {
    return change.erased() && !context.is_erased(device, change.commitment());
  });
  return missing == set->changes.end() ? 0 : static_cast<std::size_t>(missing - set->changes.begin());
}

/// `at`: where it failed.
Result<std::vector<sync::Change>> parse_changes(const protocol::VerifiedSet& set, std::size_t& at) {
  std::vector<sync::Change> changes;
  changes.reserve(set.set.changes.size());
  for (const protocol::SealedChange& sealed : set.set.changes) {
    at = changes.size();
    TERN_TRY(sync::Change change, parse_or_name(sealed, set.header.device));
    changes.push_back(std::move(change));
  }
  return changes;
}

/// What was erased here does not come back with a set that still carries it: after a restore, or signed again.
void take_in_erased_form(const Tenant& tenant, protocol::VerifiedSet& set) {
  for (std::size_t i = 0; i < set.set.changes.size(); ++i) {
    protocol::SealedChange& change = set.set.changes[i];
    if (change.erased()) continue;
    const bool gone = tenant.is_erased(set.header.device, set.commitments[i]) ||
                      tenant.is_erased(sync::ChangeRef{set.header.device, id_of(change)});
    if (gone) change = change.without_content();
  }
}

/// A set that holds, with its changes; or why it does not.
struct CheckedSet {
  std::optional<protocol::VerifiedSet> set;
  std::vector<sync::Change> changes;
  std::optional<PushFault> fault;
};

CheckedSet faulty(Error error, std::size_t op_index = 0) {
  return {std::nullopt, {}, PushFault{std::move(error), 0, 0, {}, op_index}};
}

/// It names another device than the session's, or another one's key: no program of that device seals such a set.
bool is_of_another(const Tenant& tenant, const Push& push, ByteView header) {
  const auto says = protocol::decode_header(header);
  if (!says || says->tenant != tenant.id()) return false;
  if (says->device != push.device) return true;
  const auto all = devices(tenant);
  return std::any_of(all.begin(), all.end(),
                     [&](const DeviceInfo& other) { return other.device != push.device && other.key == says->key; });
}

CheckedSet check_set(const Tenant& tenant, const Push& push, ByteView wire) {
  auto read = protocol::decode_change_set(wire);
  if (!read) return faulty(std::move(read).error());
  const Bytes header = read->header;
  const std::set<Hash> due = due_erasures(tenant, push.device, *read);
  protocol::VerifyContext context = context_of(tenant, push);
  context.is_erased = [&](const DeviceId& device, const Hash& commitment) {
    return tenant.is_erased(device, commitment) || due.contains(commitment);
  };
  auto set = protocol::verify(std::move(*read), context);
  if (!set) {
    const ErrorCode code = set.error().code;
    const std::size_t at = code == ErrorCode::content_missing ? contentless(wire, context, push.device) : 0;
    CheckedSet refused = faulty(std::move(set).error(), at);
    refused.fault->of_another = code == ErrorCode::key_unknown && is_of_another(tenant, push, header);
    return refused;
  }
  take_in_erased_form(tenant, *set);
  // A deposit is kept raw: what it says is read when somebody releases it.
  Result<std::vector<sync::Change>> changes;
  std::size_t at = 0;
  if (!push.deposit) changes = parse_changes(*set, at);
  if (!changes) return faulty(std::move(changes).error(), at);
  return {std::move(*set), std::move(*changes), std::nullopt};
}

/// Each by itself; none behind one that is found bad.
std::vector<CheckedSet> check_sets(const Tenant& tenant, const Push& push, std::size_t count,
                                   const RunElsewhere& elsewhere) {
  std::vector<CheckedSet> checked(count);
  std::atomic<std::size_t> first_bad{count};
  work_together(count, count / sets_worth_a_helper, elsewhere, [&](std::size_t i) {
    if (i > first_bad) return;
    checked[i] = check_set(tenant, push, push.change_sets[i]);
    if (!checked[i].fault) return;
    for (std::size_t bad = first_bad; i < bad && !first_bad.compare_exchange_weak(bad, i);) {
    }
  });
  return checked;
}

}  // namespace

VerifiedPush verify_push(const Tenant& tenant, Push push, const RunElsewhere& elsewhere) {
  VerifiedPush verified;
  verified.push = std::move(push);
  const std::vector<Bytes>& wires = verified.push.change_sets;
  if (!verified.push.deposit) verify_old_receipts(tenant, verified);
  const std::size_t count = std::min(wires.size(), limits::sets_per_exchange_max);
  std::vector<CheckedSet> checked = check_sets(tenant, verified.push, count, elsewhere);
  for (std::size_t i = 0; i < count; ++i) {
    CheckedSet& one = checked[i];
    if (!one.set && !one.fault) one = check_set(tenant, verified.push, wires[i]);  // a helper ran out of memory
    if (one.fault) {
      verified.fault = std::move(one.fault);
      verified.fault->set_index = i;
      return verified;
    }
    verified.sets.push_back(std::move(*one.set));
    verified.changes.push_back(std::move(one.changes));
  }
  if (wires.size() > count) {
    verified.fault = PushFault{
        {ErrorCode::too_large, "an exchange carries at most 64 change sets", {}, "change_sets"}, count, 0, {}, 0};
  }
  return verified;
}

}  // namespace tern::server
