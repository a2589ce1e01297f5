// What a proven answer does. Everything was checked before the first line of this file runs (answer_checker.hpp); each
// step is durable by itself and harmless when it is repeated, so that a crash between two of them costs nothing.
#include <algorithm>
#include <cstdlib>
#include <utility>

#include "exchange/engine_impl.hpp"
#include "exchange/hand_back.hpp"
#include "exchange/unproven_answer.hpp"
#include "files/file_policy.hpp"
#include "outbox/recovery.hpp"
#include "replica/damaged_copy.hpp"
#include "tern/protocol/crash_point.hpp"
#include "tern/protocol/json.hpp"
#include "tern/protocol/mutant.hpp"
#include "tern/v1/exchange.pb.h"

namespace tern::client {
namespace {

constexpr std::string_view saved_hint = "Your work is saved here and is sent later.";

constexpr std::int64_t anchor_within_round_ms = 60'000;
constexpr std::int64_t quick_answer_ms = 500;
constexpr std::int64_t slow_answer_ms = 5'000;
constexpr std::uint32_t want_bytes_slow = 16 * limits::kib;

/// Refusals that a later try of the same bytes will meet again.
bool is_final(ErrorCode code) {
  switch (code) {
    case ErrorCode::signature_invalid:
    case ErrorCode::author_mismatch:
    case ErrorCode::content_missing:
    case ErrorCode::content_mismatch:
    case ErrorCode::tenant_mismatch:
    case ErrorCode::malformed:
    case ErrorCode::too_large:
    case ErrorCode::invalid:
    case ErrorCode::upgrade_required:
    case ErrorCode::quarantine_full:
      return true;
    default:
      return false;
  }
}

bool wants_new_session(ErrorCode code) {
  return code == ErrorCode::session_unknown || code == ErrorCode::mac_required || code == ErrorCode::mac_invalid ||
         code == ErrorCode::replayed || code == ErrorCode::key_revoked || code == ErrorCode::key_unknown;
}

Error from_message(const v1::SyncErrorMessage& message) {
  const ErrorCode code = error_code_from_string(message.code());
  std::string sentence = message.message().empty() ? "The server refused: " + message.code() + "." : message.message();
  if (code == ErrorCode::upgrade_required) {
    return {code,
            "This version of Tern is too old for the server, or the server for it (" + sentence + ").",
            "Upgrade Tern; your work is saved here.",
            {}};
  }
  return {code, std::move(sentence), std::string(saved_hint), {}};
}

}  // namespace

// ---- HTTP ----

Result<void> Engine::on_exchange_answer(const HttpAnswer& answer) {
  if (rollback_) return pause_for_rollback();
  if (mutant(Mutant::pending_dropped_on_answer) && answer.status == 200 && flight_->built.last_seq != 0)
    TERN_CHECKED(outbox_.database().run("UPDATE change_set SET state = 3, commit_seq = 1 WHERE commit_seq = 0"));
  if (!session_.proven(answer, flight_->mac)) {
    if (flight_->built.last_seq != 0) (void)outbox_.mark_sent(flight_->built.last_seq);
    if (answer.status == 401 && renew_session()) return {};
    return fault(unproven_answer(answer), retry_after_ms(answer, backoff_ms_max));
  }
  if (answer.status != 200) return on_refusal(answer);
  if (answer.header("content-type") != "application/x-protobuf") return fault(unproven_answer(answer));
  auto response = read_response(answer.body, answer.header("content-encoding"), flight_->built.body);
  if (!response) return fault(response.error());
  const Flight flight = std::move(*std::exchange(flight_, std::nullopt));
  return take_response(std::move(*response), flight);
}

/// The server itself says no.
Result<void> Engine::on_refusal(const HttpAnswer& answer) {
  const auto problem = read_problem(answer);
  if (!problem) return fault(unproven_answer(answer), retry_after_ms(answer, backoff_ms_max));
  const Error error{error_code_from_string(problem->code),
                    problem->detail.empty() ? "The server refused: " + problem->code + "." : problem->detail,
                    std::string(saved_hint), problem->field};
  if (wants_new_session(error.code) && renew_session()) return {};
  if (error.code == ErrorCode::clock_skew && !clock_corrected_) {
    const auto json = parse_json(answer.body, {8, 64 * 1024});
    const std::int64_t there_ms = json ? (*json)["server_time_ms"].as_integer() : 0;
    if (there_ms > 0) {
      clock_corrected_ = true;
      state_.server_offset_ms = there_ms - environment_.wall_ms();
      flight_.reset();
      return {};
    }
  }
  const bool hopeless = answer.status == 401 || answer.status == 403 || is_final(error.code);
  return hopeless ? pause(error) : fault(error, retry_after_ms(answer, backoff_ms_max));
}

// ---- the response ----

Result<CheckContext> Engine::check_context(const Flight* flight) {
  TERN_TRY(const Outbox::Head head, outbox_.head());
  TERN_TRY(const AnchorHeld held, outbox_.anchor());
  CheckContext context{parts_.identity.tenant,
                       parts_.identity.device,
                       parts_.key.public_key(),
                       certificate_,
                       certificate_wire_,
                       keys_,
                       {},
                       {},
                       {},
                       0,
                       {},
                       0};
  context.chain = {head.device_epoch, head.chain_seq, head.hash};
  if (head.chain_seq == 0) context.chain.hash = protocol::genesis_prev_hash(certificate_wire_);
  if (!held.anchor.empty()) {
    TERN_TRY(context.held_anchor, read_stored_statement<protocol::Anchor>(held.anchor));
  }
  if (flight != nullptr) {
    context.nonce = flight->built.nonce;
    context.held_head = flight->plan.held_head;
    context.own_sets_from = flight->plan.own_sets_from;
    context.own_sets_epoch = flight->plan.own_sets_epoch;
  }
  return context;
}

Result<void> Engine::on_bad_response(const Error& error) {
  if (error.code == ErrorCode::server_rollback) return rollback(error);
  if (error.code == ErrorCode::epoch_changed && renew_session()) return {};
  return fault(error);
}

Result<void> Engine::take_response(std::unique_ptr<v1::ExchangeResponse> response, const Flight& flight) {
  TERN_TRY(const CheckContext context, check_context(&flight));
  auto checked = check_answer(std::move(response), context);
  if (!checked) return on_bad_response(checked.error());
  ++report_.exchanges;
  session_renewed_ = clock_corrected_ = false;  // this session works
  adapt_page_size(environment_.boot_ms() - flight.awaited_ms);
  newest_server_time_ms_ = checked->response->server_time_ms();
  if (newest_server_time_ms_ != 0) {
    const std::int64_t offset_ms = newest_server_time_ms_ - environment_.wall_ms();
    if (std::abs(offset_ms - state_.server_offset_ms) > 1000) state_.server_offset_ms = offset_ms;
  }
  if (checked->key_list) TERN_CHECKED(adopt_key_list(*checked->key_list));
  files_taken_ = checked->response->file_bytes_max() != 0;
  if (files_taken_) TERN_CHECKED(store_file_limit(outbox_, checked->response->file_bytes_max()));
  if (flight.plan.own_sets_epoch != 0) return take_others_sets(*checked);
  if (flight.plan.own_sets_from != 0) return take_own_sets(*checked);

  if (!mutant(Mutant::open_set_not_sealed))
    TERN_CHECKED(seal_open_set());  // before anything new is taken in: what it was made under is still held
  TERN_CHECKED(take_receipts(*checked));
  if (flight.built.last_seq != 0) {
    TERN_TRY(const Outbox::Head head, outbox_.head());
    if (head.acked_seq < flight.built.last_seq) TERN_CHECKED(outbox_.mark_sent(flight.built.last_seq));
  }
  TERN_CHECKED(take_statements(*checked));
  if (checked->wipe && !parts_.wiped) return obey_wipe(*checked->wipe);
  TERN_CHECKED(take_anchor(*checked, flight));
  TERN_CHECKED(learn_epochs(*checked->response));
  if (session_.mode() == protocol::SessionMode::deposit) take_deposit(*checked->response, flight);
  const bool revoked = checked->revoked && session_.mode() == protocol::SessionMode::full;
  TERN_CHECKED(take_error(*checked->response, flight));
  if (revoked) session_.drop();  // the next one is a deposit session
  TERN_CHECKED(check_progress(*checked->response, flight));
  if (flight.plan.repair) {
    const v1::ExchangeResponse& answer = *checked->response;
    const int buckets = answer.buckets_size();
    repair_after_ = buckets == 0 ? TicketId{} : TicketId::or_zero(answer.buckets(buckets - 1).through());
    repair_wanted_ = flight.plan.repair_after < repair_after_;  // it gets on, or it is over
    if (!repair_wanted_) repair_after_ = {};
  }
  if (flight.copy_life == replica_.life()) TERN_CHECKED(note_handed_back(*checked->response, flight.built));
  held_to_note_.reset();
  if (flight.built.held && checked->response->has_held()) {
    const v1::HeldAnswer& held = checked->response->held();
    held_to_note_ = HeldToNote{*flight.built.held, held.through(), held.unknown()};
  } else if (flight.built.held && !checked->response->has_error()) {
    scope_check_stopped_ = true;  // a server that knows nothing of it
  }
  const bool page = checked->response->has_cursor() && !push_only() && session_.open();
  if (!page) return finish_exchange();
  if (flight.copy_life != replica_.life())
    return fail(ErrorCode::storage_failed, "the copy was damaged and emptied while this page was asked for",
                "sync again", std::string(field_copy));
  return begin_page(std::move(checked->response), false);
}

/// Pages grow on a network that carries them quickly and shrink on one where a lost page costs much.
void Engine::adapt_page_size(std::int64_t took_ms) {
  if (took_ms > slow_answer_ms) want_bytes_ = std::max<std::uint32_t>(want_bytes_ / 2, want_bytes_slow);
  if (took_ms < quick_answer_ms) want_bytes_ = std::min<std::uint32_t>(want_bytes_ * 2, limits::want_bytes_max);
}

Result<void> Engine::take_own_sets(const CheckedAnswer& answer) {
  if (answer.own_sets_fork) {  // none of it can be taken over: what is pushed next shows the server that they are two
    own_sets_until_ = 0;
    return {};
  }
  std::vector<Bytes> sets;
  sets.reserve(answer.own_sets.size());
  for (const OwnSetBack& set : answer.own_sets) sets.push_back(set.wire);
  TERN_CHECKED(adopt_own_sets(outbox_, sets));
  TERN_CHECKED(take_receipts(answer));
  const std::uint64_t newest = sets.empty() ? 0 : answer.own_sets.back().header.chain_seq;
  if (sets.empty() || newest >= own_sets_until_) own_sets_until_ = 0;
  if (!sets.empty()) tell("This device was set back to an older state; its own work was fetched from the server.");
  return {};
}

Result<void> Engine::take_receipts(const CheckedAnswer& answer) {
  if (!answer.receipts) return {};
  std::vector<StoredReceipt> receipts;
  for (const protocol::Receipt& receipt : answer.receipts->receipts) {
    receipts.push_back({receipt.device_epoch, receipt.chain_seq, receipt.leaf.commit_seq, receipt.leaf.time_ms,
                        receipt.leaf.set_hash, receipt.outcomes});
  }
  TERN_CHECKED(outbox_.store_receipts(receipts, {answer.receipts->head.epoch, answer.response->receipts()}));
  replica_.note_receipts();
  crash_point("after_receipts");
  report_.receipts += receipts.size();
  return {};
}

Result<void> Engine::take_statements(const CheckedAnswer& answer) {
  for (const auto& amendment : answer.amendments) {
    for (const protocol::AmendedChange& change : amendment.value.changes) {
      const sync::ChangeRef amended{change.name.device, change.name.change};
      const sync::ChangeRef cause{change.cause.device, change.cause.change};
      TERN_CHECKED(outbox_.store_amendment(amended, amendment.wire));
      if (cause != amended) TERN_CHECKED(outbox_.store_amendment(cause, amendment.wire));
    }
    ++report_.amendments;
  }
  for (const auto& erasure : answer.erasures)
    for (const protocol::ErasedChange& erased : erasure.value.changes)
      erasing_.insert({erased.name.device, erased.name.change});
  if (!answer.erasures.empty()) {
    TERN_CHECKED(forget_erased(replica_, erasing_));
    TERN_TRY(const auto unnamed, outbox_.erase({erasing_.begin(), erasing_.end()}));
    if (!unnamed.empty()) TERN_CHECKED(replica_.refold(outbox_, unnamed));
  }
  for (const protocol::AnchorWithdrawal& withdrawal : answer.withdrawals) {
    TERN_TRY(const AnchorHeld held, outbox_.anchor());
    if (held.anchor.empty() || held.epoch != withdrawal.epoch) continue;
    TERN_TRY(const auto anchor, read_stored_statement<protocol::Anchor>(held.anchor));
    const bool in_doubt = anchor.anchor_seq >= withdrawal.first_seq && anchor.anchor_seq <= withdrawal.last_seq;
    if (in_doubt) TERN_CHECKED(outbox_.set_anchor({}));
  }
  if (answer.certificate) TERN_CHECKED(adopt_certificate(*answer.certificate));
  return {};
}

/// The copy is there: what was done to a ticket since the order came, while its old text was still shown, has labelled
/// it once more. Nothing of it stays in the logs of the files.
Result<void> Engine::finish_erasing() {
  if (erasing_.empty()) return {};
  TERN_TRY(const auto unnamed, outbox_.erase({erasing_.begin(), erasing_.end()}));
  TERN_CHECKED(replica_.refold(outbox_, unnamed));
  TERN_CHECKED(replica_.index_words());
  if (files_) static_cast<void>(files_->tidy());  // what could not be dropped now is dropped with the round
  erasing_.clear();
  for (sqlite::Database* database : {&outbox_.database(), &replica_.database()})
    static_cast<void>(database->checkpoint(sqlite::CheckpointMode::truncate));  // a reader may hold it up
  return {};
}

/// Heads are remembered from every answer; the anchor that sets cite is written when the round has nothing more to
/// carry, or once a minute within a long one: each is a commit of the outbox.
Result<void> Engine::take_anchor(const CheckedAnswer& answer, const Flight& flight) {
  if (answer.head) {
    const std::int64_t told_ms = answer.anchor ? answer.anchor->value.time_ms : answer.response->server_time_ms();
    add_to_ladder(state_.ladder, {*answer.head, told_ms});
  }
  if (!answer.anchor) return {};
  const protocol::Anchor& anchor = answer.anchor->value;
  const std::int64_t took_ms = environment_.boot_ms() - flight.request_boot_ms;
  if (took_ms < 0 || took_ms > limits::anchor_answer_ms_max) return {};  // says too little about the time
  AnchorHeld next;
  next.hash = protocol::anchor_hash(answer.anchor->wire);
  TERN_TRY(const AnchorHeld held, outbox_.anchor());
  if (held.hash == next.hash) return {};
  protocol::Anchor before;
  if (!held.anchor.empty()) {
    TERN_TRY(before, read_stored_statement<protocol::Anchor>(held.anchor));
  }
  TERN_TRY(const Outbox::Head head, outbox_.head());
  const bool more_to_carry = answer.response->more() || (head.acked_seq < head.chain_seq && !push_stopped_);
  const bool same_epoch = before.epoch == anchor.epoch;
  if (more_to_carry && same_epoch && anchor.time_ms - before.time_ms < anchor_within_round_ms) return {};
  next.anchor = answer.anchor->wire;
  next.epoch = anchor.epoch;
  next.request_boot_ms = flight.request_boot_ms;
  next.boot = environment_.boot_id();
  next.cursor_seq = flight.built.cursor.epoch == anchor.epoch ? flight.built.cursor.commit_seq : 0;
  TERN_CHECKED(outbox_.set_anchor(next));
  const bool at_once = mutant(Mutant::prune_on_ack);
  if (same_epoch && before.backup_stable_seq == anchor.backup_stable_seq && !at_once) return {};
  const std::int64_t backups_kept_ms = std::int64_t{answer.response->retention_days()} * 86'400'000;
  const std::int64_t retention_ms = std::max(backups_kept_ms, limits::retention_ms_min);
  const auto kept = kept_for_files(anchor);
  if (!kept) return {};  // nobody knows what would lose its content
  TERN_CHECKED(outbox_.prune(at_once ? INT64_MAX : anchor.backup_stable_seq, anchor.time_ms, retention_ms, *kept));
  return {};
}

/// Quarantine gives no receipts: an answer without an error has taken what was sent. The head that it names is the
/// ledger's: where this device was set back, other sets of it stand there under the numbers of those here.
void Engine::take_deposit(const v1::ExchangeResponse& response, const Flight& flight) {
  const BuiltExchange& sent = flight.built;
  if (response.has_error() || sent.sets == 0) return;
  const bool same_epoch = state_.deposited_epoch == sent.device_epoch;
  state_.deposited_seq = std::max(sent.last_seq, same_epoch ? state_.deposited_seq : 0);
  state_.deposited_epoch = sent.device_epoch;
}

/// An error in an answer of a good session: another one may be told more, but not for ever.
bool Engine::renewal_may_help() {
  const bool renewed = renew_session();
  return ++refusals_ < useless_exchanges_max && renewed;
}

Result<void> Engine::take_error(const v1::ExchangeResponse& response, const Flight& flight) {
  push_from_ = 0;
  if (!response.has_error()) {
    gaps_ = refusals_ = 0;
    return {};
  }
  const Error error = from_message(response.error());
  if (session_.mode() == protocol::SessionMode::deposit) return pause(error);
  if (error.code == ErrorCode::chain_gap) {
    const std::uint64_t expected = response.error().expected_seq();
    TERN_TRY(const Outbox::Head head, outbox_.head());
    const bool have = expected > head.acked_seq && expected <= head.chain_seq;
    if (have && ++gaps_ < useless_exchanges_max) {
      push_from_ = expected;
      return {};
    }
    return pause({ErrorCode::server_behind,
                  "The server lacks work of this device that it had confirmed.",
                  "Everything is kept here; tell your administrator.",
                  {}});
  }
  if (error.code == ErrorCode::chain_forked) {
    TERN_TRY(const Outbox::Head head, outbox_.head());
    const bool healed = flight.built.first_seq != 0 && head.device_epoch > flight.built.device_epoch;
    if (healed) return {};
    if (renewal_may_help()) return {};  // a frozen key gets a deposit session
    return pause({error.code,
                  "This device exists twice: another copy of it has been writing too.",
                  "Your work is kept here; ask for a new enrolment.",
                  {}});
  }
  if (error.code == ErrorCode::epoch_changed || wants_new_session(error.code)) {
    if (renewal_may_help()) return {};
    return pause(error);
  }
  if (is_final(error.code)) {
    push_stopped_ = error;  // downloads go on; nothing behind that set can
    return {};
  }
  return fault(error);
}

/// An answer that took nothing and brought nothing, again and again, is a loop.
Result<void> Engine::check_progress(const v1::ExchangeResponse& response, const Flight& flight) {
  TERN_TRY(const Outbox::Head head, outbox_.head());
  std::uint64_t acked = head.acked_seq;
  if (session_.mode() == protocol::SessionMode::deposit) acked = std::max(acked, state_.deposited_seq);
  const bool took = flight.built.sets == 0 || acked > flight.acked_before || response.has_error();
  const CursorHeld cursor{EpochId::or_zero(response.cursor().epoch()), response.cursor().commit_seq()};
  const bool brought = !response.more() || response.patches_size() > 0 || response.has_own_folds() ||
                       response.packs_size() > 0 || response.left_size() > 0 || response.buckets_size() > 0 ||
                       response.has_held() || response.amendments_size() > 0 || response.statements_size() > 0 ||
                       cursor != flight.built.cursor;
  if (took && brought) {
    if (flight.built.sets != 0 && acked > flight.acked_before) {
      report_.sets_sent += acked - flight.acked_before;
      if (acked >= flight.built.last_seq) report_.changes_sent += flight.built.changes;
    }
    useless_exchanges_ = 0;
    return {};
  }
  if (++useless_exchanges_ < useless_exchanges_max) return {};
  useless_exchanges_ = 0;
  return fault(
      {ErrorCode::internal, "The server answers without taking or bringing anything.", std::string(saved_hint), {}});
}

}  // namespace tern::client
