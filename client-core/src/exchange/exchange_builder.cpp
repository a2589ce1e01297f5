#include "exchange/exchange_builder.hpp"

#include <algorithm>

#include "exchange/hand_back.hpp"

#include "tern/v1/exchange.pb.h"

namespace tern::client {
namespace {

// As the replica names them.
constexpr std::string_view meta_page_token = "page_token";
constexpr std::string_view meta_first_replica_complete = "first_replica_complete";

void put(v1::Cursor& out, const CursorHeld& cursor) {
  out.set_epoch(Bytes(cursor.epoch.view()));
  out.set_commit_seq(cursor.commit_seq);
}

Result<void> add_replica(v1::ExchangeRequest& request, Replica& replica, const ExchangePlan& plan) {
  TERN_TRY(const PagePlace place, plan.behind ? Result<PagePlace>(*plan.behind) : page_place(replica));
  put(*request.mutable_cursor(), place.cursor);
  if (!place.token.empty()) request.set_page_token(place.token);
  request.set_clocks(true);
  TERN_TRY(const std::uint64_t clocks_upto, replica.clocks_upto());
  request.set_clocks_from(clocks_upto);
  TERN_TRY(const auto versions, replica.pack_versions());
  for (const auto& [kind, version] : versions) {
    v1::PackVersion& pack = *request.add_pack_versions();
    pack.set_kind(kind);
    pack.set_version(version);
  }
  TERN_TRY(const bool complete, first_replica_complete(replica));
  if (!complete || !plan.with_digest) return {};
  TERN_TRY(const sync::ScopeDigest digest, replica.digest());
  request.set_scope_digest(Bytes(digest.total().view()));
  if (!plan.repair) return {};
  Bytes buckets;
  for (unsigned bucket = 0; bucket < 256; ++bucket) {
    if (bucket >= plan.repair_after.bytes[0]) request.add_want_buckets(bucket);
    buckets.append(digest.bucket(static_cast<std::uint8_t>(bucket)).view());
  }
  request.set_bucket_digests(std::move(buckets));
  if (!plan.repair_after.is_zero()) request.set_bucket_after(Bytes(plan.repair_after.view()));
  return {};
}

/// Sets, and what proves what they were in an epoch that is over: a set never goes without its proof.
Result<void> add_sets(v1::ExchangeRequest& request, BuiltExchange& built, Outbox& outbox, std::uint64_t from) {
  TERN_TRY(const auto sets, outbox.sets_from(from, limits::sets_per_exchange_max, sets_bytes_max));
  if (sets.empty()) return {};
  std::vector<protocol::ChangeSetHeader> headers;
  for (const Bytes& wire : sets) {
    TERN_TRY(const protocol::ChangeSet set, protocol::decode_change_set(wire));
    TERN_TRY(headers.emplace_back(), protocol::decode_header(set.header));
  }
  TERN_TRY(const Outbox::OldReceipts old,
           outbox.old_receipts(headers.front().chain_seq, headers.back().chain_seq, limits::old_receipts_bytes_max));
  for (std::size_t i = 0; i < sets.size() && headers[i].chain_seq <= old.last_seq; ++i) {
    if (built.first_seq == 0) built.first_seq = headers[i].chain_seq;
    built.last_seq = headers[i].chain_seq;
    built.device_epoch = headers[i].device_epoch;
    built.changes += headers[i].change_count;
    request.add_change_sets(sets[i]);
    ++built.sets;
  }
  for (const Bytes& list : old.lists) request.add_old_receipts(list);
  return {};
}

}  // namespace

Result<PagePlace> page_place(Replica& replica) {
  PagePlace place;
  TERN_TRY(place.cursor, replica.cursor());
  TERN_TRY(const auto token, replica.meta(meta_page_token));
  place.token = token.value_or(Bytes{});
  return place;
}

Result<bool> first_replica_complete(Replica& replica) {
  TERN_TRY(const auto complete, replica.meta(meta_first_replica_complete));
  return complete && *complete == "1";
}

Result<BuiltExchange> build_exchange(Outbox& outbox, Replica* replica, const ExchangePlan& plan,
                                     Environment& environment) {
  BuiltExchange built;
  built.nonce = random_id<ExchangeNonce>(environment);
  v1::ExchangeRequest request;
  request.set_nonce(Bytes(built.nonce.view()));
  request.set_schema_version(limits::schema_version);
  request.set_packed_against_request(true);
  request.set_own_folds(plan.pull && plan.own_folds);
  request.set_want_bytes(plan.pull ? plan.want_bytes : static_cast<std::uint32_t>(limits::want_bytes_min));

  if (plan.pull && replica != nullptr) {
    TERN_CHECKED(add_replica(request, *replica, plan));
    built.cursor = {EpochId::or_zero(request.cursor().epoch()), request.cursor().commit_seq()};
  }
  TERN_TRY(const Outbox::Head head, outbox.head());
  v1::ChainHead& chain = *request.mutable_chain_head();
  chain.set_device_epoch(head.device_epoch);
  chain.set_chain_seq(head.chain_seq);
  chain.set_hash(Bytes(head.hash.view()));
  if (plan.held_head != protocol::LogHead{}) {
    v1::LogHead& held = *request.mutable_held_head();
    held.set_epoch(Bytes(plan.held_head.epoch.view()));
    held.set_size(plan.held_head.size);
    held.set_root(Bytes(plan.held_head.root.view()));
  }
  request.set_held_anchor(plan.held_anchor);
  request.set_began_epoch(plan.began_epoch);
  TERN_TRY(const Outbox::Waiting waiting, outbox.waiting());
  v1::OutboxSummary& summary = *request.mutable_outbox();
  summary.set_pending(waiting.changes);
  summary.set_oldest_at_ms(waiting.oldest_wall_ms);

  if (plan.own_sets_from != 0) {
    request.set_own_sets_from(plan.own_sets_from);
    request.set_own_sets_epoch(plan.own_sets_epoch);
  } else if (plan.push) {
    const std::uint64_t from = plan.push_from != 0 ? plan.push_from : head.acked_seq + 1;
    TERN_CHECKED(add_sets(request, built, outbox, from));
  }
  // Own work first: what it will bring back into the scope would be dropped meanwhile.
  const bool all_sent = !plan.push || std::max(head.acked_seq, built.last_seq) >= head.chain_seq;
  if (plan.pull && replica != nullptr && plan.check_scope && plan.own_sets_from == 0 && all_sent) {
    TERN_TRY(const bool complete, first_replica_complete(*replica));
    if (complete) {
      TERN_TRY(built.held, add_held_tickets(request, *replica));
    }
  }
  // Only once own work has its receipts: it comes signed, and what it says does not come from others.
  const bool all_in = built.sets == 0 && head.acked_seq >= head.chain_seq && plan.own_sets_from == 0;
  if (plan.pull && replica != nullptr && plan.hand_back && all_in && !plan.behind) {
    TERN_TRY(built.handed_back, add_handed_back(request, *replica));
  }
  built.body = request.SerializeAsString();
  return built;
}

}  // namespace tern::client
