// The stateless half of ingest: signatures, commitments, changes as values. Any thread.
#include "ingest.hpp"
#include "store/tenant.hpp"
#include "tern/v1/change.pb.h"

namespace tern::server {
namespace {

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
  context.is_erased = [&tenant](const DeviceId& device, const Hash& commitment) {
    return tenant.is_erased(device, commitment);
  };
  context.accept_inactive_key = push.deposit;
  return context;
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

Result<std::vector<sync::Change>> parse_changes(const protocol::VerifiedSet& set) {
  std::vector<sync::Change> changes;
  changes.reserve(set.set.changes.size());
  for (const protocol::SealedChange& sealed : set.set.changes) {
    TERN_TRY(sync::Change change, parse_or_name(sealed, set.header.device));
    changes.push_back(std::move(change));
  }
  return changes;
}

}  // namespace

VerifiedPush verify_push(const Tenant& tenant, Push push) {
  VerifiedPush verified;
  verified.push = std::move(push);
  const std::vector<Bytes>& wires = verified.push.change_sets;
  const protocol::VerifyContext context = context_of(tenant, verified.push);
  const auto stop = [&verified](Error error, std::size_t index) {
    verified.fault = PushFault{std::move(error), index, 0, {}};
  };
  for (std::size_t i = 0; i < wires.size(); ++i) {
    if (i >= limits::sets_per_exchange_max) {
      stop({ErrorCode::too_large, "an exchange carries at most 64 change sets", {}, "change_sets"}, i);
      break;
    }
    auto set = protocol::verify_wire(wires[i], context);
    if (!set) {
      stop(std::move(set).error(), i);
      break;
    }
    // A deposit is kept raw: what it says is read when somebody releases it.
    Result<std::vector<sync::Change>> changes;
    if (!verified.push.deposit) changes = parse_changes(*set);
    if (!changes) {
      stop(std::move(changes).error(), i);
      break;
    }
    verified.sets.push_back(std::move(*set));
    verified.changes.push_back(std::move(*changes));
  }
  return verified;
}

}  // namespace tern::server
