// The page of a proven answer: applied slice by slice, then held against what the server says of the scope.
#include <algorithm>
#include <utility>

#include "exchange/engine_impl.hpp"
#include "tern/protocol/crash_point.hpp"
#include "tern/sync/record.hpp"
#include "tern/v1/exchange.pb.h"

namespace tern::client {

Result<void> Engine::begin_page(std::unique_ptr<v1::ExchangeResponse> response, bool pushed) {
  TERN_TRY(const CursorHeld here, replica_.cursor());
  Page page;
  page.cursor = {EpochId::or_zero(response->cursor().epoch()), response->cursor().commit_seq()};
  page.token = response->page_token();
  page.more = response->more();
  page.pushed = pushed;
  for (const v1::Pack& pack : response->packs())
    page.devices = page.devices || pack.kind() == static_cast<std::uint32_t>(sync::RecordKind::device);
  if (response->has_checkpoint() && !page.more) page.scope_digest = Hash::from(response->checkpoint().scope_digest());
  if (here.epoch == page.cursor.epoch && page.cursor.commit_seq < here.commit_seq) {
    page_more_ = false;  // overtaken by a push
    return pushed ? Result<void>{} : finish_exchange();
  }
  TERN_TRY(page.was_complete, first_replica_complete(replica_));
  if (page_failures_ >= same_page_failures_max && here == failing_at_) {
    page_more_ = false;
    --page_failures_;  // the time after next it is tried again: the server may have mended it
    return pause({ErrorCode::corrupt,
                  "What the server sends cannot be applied here; this device no longer follows it.",
                  "Your work is still sent; tell your administrator.",
                  {}});
  }
  page.may_ask_ahead = !pushed && page.more && !page.was_complete && !page.token.empty() &&
                       response->packs_size() == 0 && page.cursor.commit_seq == here.commit_seq &&
                       own_sets_until_ == 0 && !others_due();
  report_.patches += static_cast<std::uint64_t>(response->patches_size() + response->own_folds().versions_size());
  report_.tickets_in_scope = std::max(report_.tickets_in_scope, response->tickets_in_scope());
  TERN_TRY(const Outbox::Head head, outbox_.head());
  const bool pushes_on = !pushed && !push_stopped_ && head.acked_seq < head.chain_seq;
  page.applier = replica_.begin_page(std::move(response), outbox_, pushes_on);
  crash_point("before_apply");
  page_ = std::move(page);
  return {};
}

Result<bool> Engine::apply_slice(std::size_t row_budget) {
  if (!page_) return false;
  if (auto sealed = seal_open_set(); !sealed) {
    if (begins_anew(sealed.error())) return false;
    return fault(sealed.error());
  }
  const auto applied = page_->applier->apply(std::max<std::size_t>(row_budget, 1));
  if (!applied && (begins_anew(applied.error()) || asks_for_whole_tickets(applied.error()))) return false;
  if (!applied) return page_failed(applied.error());
  if (*applied) {
    crash_point("mid_apply");
    return true;
  }
  if (auto finished = finish_page(); !finished) {
    page_.reset();
    if (begins_anew(finished.error())) return false;
    return wake_at_ms_ == 0 ? fault(finished.error()) : tl::unexpected(finished.error());
  }
  return false;
}

/// True when only the own fold of a ticket came to something else than the server's: the page is asked for once more,
/// from the same place, with every ticket in it.
bool Engine::asks_for_whole_tickets(const Error& error) {
  if (error.field != field_own_fold || !own_folds_) return false;
  own_folds_ = false;
  ++report_.own_folds_failed;
  page_.reset();
  page_more_ = round_ = true;
  return true;
}

tl::unexpected<Error> Engine::page_failed(const Error& error) {
  if (error.code == ErrorCode::corrupt) {
    const auto here = replica_.cursor();
    if (here && *here != failing_at_) page_failures_ = 0;
    if (here) failing_at_ = *here;
    ++page_failures_;
  }
  page_.reset();
  return fault(error);
}

Result<void> Engine::finish_page() {
  const Page page = std::move(*std::exchange(page_, std::nullopt));
  page_failures_ = 0;
  if (!page.more) TERN_CHECKED(finish_erasing());
  TERN_TRY(const bool complete, first_replica_complete(replica_));
  if (complete && !page.was_complete) report_.first_replica = true;
  TERN_CHECKED(compare_digests(page));
  TERN_CHECKED(check_scope(page));
  if (page.devices || !std::exchange(devices_looked_at_, true)) TERN_CHECKED(look_at_devices());
  if (page.pushed) {
    if (files_ && !page.more) static_cast<void>(files_->tidy());  // what fails is done with the next round
    return {};
  }
  page_more_ = page.more;
  return finish_exchange();
}

/// What the server did not know may have come with the commits of a push, for others to see.
Result<void> Engine::check_scope(const Page& page) {
  if (page.pushed) {
    TERN_TRY(const bool unknown, holds_unknown_tickets(replica_));
    if (unknown && !scope_check_stopped_) start_round();
    return {};
  }
  if (held_to_note_) TERN_CHECKED(note_held(replica_, *std::exchange(held_to_note_, std::nullopt)));
  TERN_TRY(const bool complete, first_replica_complete(replica_));
  TERN_TRY(const bool due, scope_check_is_due(replica_));
  scope_check_wanted_ = complete && due && !scope_check_stopped_;
  if (!complete || page.more) return {};
  TERN_TRY(const bool turned, notes_turned(replica_, parts_.identity.operator_id));
  if (!turned) return {};
  scope_check_wanted_ = true;  // the round goes on with fetching it anew
  return replica_.rebuild(outbox_);
}

Result<void> Engine::compare_digests(const Page& page) {
  TERN_TRY(const auto suspended, replica_.meta(meta_digest_suspended));
  if (!page.scope_digest || digests_stopped_ || suspended) return {};
  TERN_TRY(const sync::ScopeDigest digest, replica_.digest());
  const Hash here = digest.total();
  if (here != *page.scope_digest && repair_wanted_) return {};  // the rest of the bucket is on its way
  if (here == *page.scope_digest) {
    repair_wanted_ = false;
    repair_after_ = {};
    useless_repairs_ = repairs_ = 0;
    return {};
  }
  const bool nearer = repairs_ == 0 || here != digest_before_repair_;
  useless_repairs_ = nearer ? 0 : useless_repairs_ + 1;
  digest_before_repair_ = here;
  if (useless_repairs_ >= useless_repairs_max || repairs_ >= repairs_max) {
    digests_stopped_ = true;
    return pause({ErrorCode::corrupt,
                  "This device's copy differs from the server's and could not be repaired.",
                  "Work goes on; tell your administrator.",
                  {}});
  }
  ++repairs_;
  ++state_.scope_repairs;
  ++report_.scope_repairs;
  repair_wanted_ = true;
  return {};
}

}  // namespace tern::client
