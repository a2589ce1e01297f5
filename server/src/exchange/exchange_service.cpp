#include "exchange_service.hpp"

#include <algorithm>
#include <utility>

#include "api/plans.hpp"
#include "exchange/bucket_repair.hpp"
#include "exchange/clock_news.hpp"
#include "exchange/exchange_request.hpp"
#include "exchange/held_tickets.hpp"
#include "exchange/packs.hpp"
#include "exchange/page_plan.hpp"
#include "exchange/sync_errors.hpp"
#include "ingest/devices.hpp"
#include "ingest/handed_back.hpp"
#include "ingest/jobs.hpp"
#include "ingest/newer_history.hpp"
#include "store/ledger.hpp"
#include "store/tenant.hpp"
#include "tern/protocol/crash_point.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/protocol/merkle.hpp"
#include "tern/protocol/mutant.hpp"
#include "tern/sqlite/transaction.hpp"
#include "tern/v1/exchange.pb.h"

namespace tern::server {
namespace {

constexpr std::size_t packs_bytes_share = 2;  // packs take at most half of a page

void write_head(const protocol::ChainHead& head, v1::ChainHead& out) {
  out.set_device_epoch(head.device_epoch);
  out.set_chain_seq(head.chain_seq);
  out.set_hash(Bytes(head.hash.view()));
}

}  // namespace

/// One request on its way to its answer.
struct ExchangeService::Asked {
  Asked(Session& of, std::unique_ptr<v1::ExchangeRequest> what)
      : session(of), tenant(*of.tenant), request(std::move(what)), deposit(of.mode == protocol::SessionMode::deposit) {}

  /// What the session remembers, for this request alone: another one of the session meanwhile gets tickets whole.
  void take_own_folds() {
    if (!request->own_folds()) return;
    const std::lock_guard guard(session.mutex);
    own_folds = std::exchange(session.own_folds, {});
    own_folds.forget_up_to(cursor_seq);
  }
  void give_own_folds_back() {
    if (own_folds.empty()) return;
    own_folds.keep_at_most(response.more() ? own_folds_kept_max : own_folds_kept_of_idle_max);
    const std::lock_guard guard(session.mutex);
    session.own_folds = std::move(own_folds);
  }

  Session& session;
  Tenant& tenant;
  std::unique_ptr<v1::ExchangeRequest> request;
  v1::ExchangeResponse response;
  ReaderScope scope;
  std::vector<Bytes> receipts;  // stored, in chain order
  Bytes patches;                // encoded behind the rest
  std::uint64_t cursor_seq = 0;
  std::uint64_t sent_seq = 0;
  bool deposit = false;
  bool refused = false;  // the response says why, and is all there is to say
  std::size_t receipt_bytes = 0;
  OwnFolds own_folds;
};

/// What cannot be read or stored now is shown again.
bool ExchangeService::shows_newer_history(const Asked& asked) {
  const ShownHistory shown{asked.request->held_anchor(), asked.request->began_epoch()};
  if (shown.anchor.empty() && shown.began_epoch.empty()) return false;
  const bool newer = note_newer_history(asked.tenant, shown).value_or(false);
  if (asked.tenant.has_older_files() && on_newer_history) on_newer_history(asked.session);
  return newer;
}

/// True when the device's history is not this server's: the answer then says so and nothing else.
bool ExchangeService::refuse_history(Asked& asked) {
  const auto& request = *asked.request;
  const auto refuse = [&](ErrorCode code, std::string message) {
    write_error({code, std::move(message), {}, {}}, *asked.response.mutable_error());
    return true;
  };
  if (request.schema_version() < limits::schema_version_min || request.schema_version() > limits::schema_version)
    return refuse(ErrorCode::upgrade_required, "This server speaks another version of the exchange.");
  if (asked.tenant.has_older_files() || shows_newer_history(asked)) {
    const Error error = older_files().value();
    return refuse(error.code, error.message);
  }
  const EpochId cursor_epoch = EpochId::or_zero(request.cursor().epoch()),
                held_epoch = EpochId::or_zero(request.held_head().epoch());
  for (const EpochId& epoch : {cursor_epoch, held_epoch}) {
    if (epoch.is_zero() || epoch == asked.tenant.epoch()) continue;
    const auto record = epoch_record(asked.tenant, epoch);
    refuse(ErrorCode::epoch_changed, "The server's history went on under a new epoch.");
    if (record && *record) asked.response.mutable_error()->set_statement(**record);
    return true;
  }
  if (request.cursor().commit_seq() > asked.tenant.commit_seq() ||
      request.held_head().size() > asked.tenant.log_head().size)
    return refuse(ErrorCode::server_behind, "This server has an older history than the device.");
  return false;
}

VerifiedPush ExchangeService::verified_push(Asked& asked) {
  const auto& request = *asked.request;
  server::Push push;
  push.device = asked.session.device;
  push.change_sets.assign(request.change_sets().begin(), request.change_sets().end());
  if (request.has_chain_head())
    push.declared = protocol::ChainHead{request.chain_head().device_epoch(), request.chain_head().chain_seq(),
                                        Hash::or_zero(request.chain_head().hash())};
  push.old_receipts.assign(request.old_receipts().begin(), request.old_receipts().end());
  push.cursor_seq = asked.cursor_seq;
  push.outbox_pending = request.outbox().pending();
  push.deposit = asked.deposit;
  push.own_folds = request.own_folds();
  counters_.sets_received += push.change_sets.size();
  return verify_push(asked.tenant, std::move(push), run_later_);
}

/// False: no more fit. A device sends the sets again that got none, and the stored ones come then.
bool ExchangeService::add_receipt(Asked& asked, Bytes receipt) {
  const bool fits = asked.receipts.empty() || asked.receipt_bytes + receipt.size() <= limits::receipts_bytes_max;
  if (!fits || asked.receipts.size() >= limits::sets_per_exchange_max) return false;
  asked.receipt_bytes += receipt.size();
  asked.receipts.push_back(std::move(receipt));
  return true;
}

void ExchangeService::take_push_answer(Asked& asked, PushAnswer answer) {
  const std::size_t receipts = answer.receipts.size();
  for (Bytes& receipt : answer.receipts)
    if (!add_receipt(asked, std::move(receipt))) break;
  // Whoever folds its own changes needs what their receipts say.
  if (asked.receipts.size() == receipts) asked.own_folds.add(std::move(answer.own_folds));
  for (const Bytes& statement : answer.statements) asked.response.add_statements(statement);
  if (answer.fault) {
    ++counters_.errors;
    const ErrorCode code = answer.fault->error.code;
    const bool foreign =
        answer.fault->of_another || code == ErrorCode::tenant_mismatch || code == ErrorCode::author_mismatch;
    if (foreign && on_foreign_set) on_foreign_set(asked.session, code);
    write_fault(*answer.fault, *asked.response.mutable_error());
  }
}

/// The anchor, receipts under one signature, and the proof that their head continues the one the device holds. All
/// speak of one head; the log is read as it is now, which may be newer than what else is answered. While the clock is
/// in doubt there is no anchor.
Result<void> ExchangeService::add_history(Asked& asked) {
  TERN_TRY(const auto anchor, asked.tenant.anchor());
  if (anchor) asked.response.set_anchor(anchor->wire);
  if (!anchor && asked.receipts.empty()) return {};
  const protocol::LogHead head = anchor ? anchor->head : asked.tenant.log_head();
  TERN_TRY(auto reader, asked.tenant.reader());
  const protocol::MerkleLookup nodes = log_nodes(reader.db(), asked.tenant.number());
  if (!asked.receipts.empty()) {
    TERN_TRY(const auto list,
             protocol::sign_receipts(asked.receipts, head, asked.session.device, nodes, asked.tenant.keys().log));
    asked.response.set_receipts(protocol::encode(list));
  }
  const auto& held = asked.request->held_head();
  if (held.size() == 0 || held.size() >= head.size) return {};
  TERN_TRY(const auto proof, protocol::consistency_proof(held.size(), head.size, nodes));
  asked.response.set_consistency_proof(protocol::encode_proof(proof));
  return {};
}

Result<void> ExchangeService::add_own_sets(Asked& asked, sqlite::Database& db) {
  const std::uint64_t from = asked.request->own_sets_from();
  if (from == 0) return {};
  const auto device = find_device(asked.tenant, asked.session.device);
  if (!device) return {};
  // What landed before a fork healed may be another copy's: without receipts, which are for whoever sent it.
  const std::uint64_t asked_epoch = asked.request->own_sets_epoch();
  const bool past = asked_epoch != 0 && asked_epoch < device->chain.device_epoch;
  if (asked_epoch != 0 && (!past || from > INT64_MAX)) return {};
  const std::uint64_t epoch = past ? asked_epoch : device->chain.device_epoch;
  std::size_t bytes = 0;
  for (std::uint64_t seq = from; past || seq <= device->chain.chain_seq; ++seq) {
    if (seq - from >= limits::sets_per_exchange_max) break;
    TERN_TRY(const auto stored, read_set(db, asked.tenant.number(), asked.session.device, epoch, seq));
    if (!stored) break;
    Bytes wire = protocol::encode(stored->set);
    if (bytes != 0 && bytes + wire.size() > limits::change_set_bytes_max) break;
    if (!past && !add_receipt(asked, protocol::encode(stored->receipt))) break;
    bytes += wire.size();
    asked.response.add_own_sets(std::move(wire));
  }
  return {};
}

Result<void> ExchangeService::add_buckets(Asked& asked, sqlite::Database& db) {
  if (asked.request->want_buckets_size() == 0) return {};
  ++counters_.bucket_repairs;
  TERN_TRY(const auto ours, digests_.at(db, asked.scope, asked.sent_seq));
  PatchWriter patches(db, asked.scope);
  TERN_CHECKED(write_buckets(db, asked.scope, *asked.request, ours ? &*ours : nullptr, limits::want_bytes_max, patches,
                             asked.response));
  asked.patches += patches.take();
  return {};
}

Result<void> ExchangeService::add_held(Asked& asked, sqlite::Database& db) {
  if (!asked.request->has_held()) return {};
  PatchWriter patches(db, asked.scope);
  TERN_CHECKED(write_held(db, asked.scope, asked.request->held(), asked.sent_seq, limits::want_bytes_max, patches,
                          asked.response));
  asked.patches += patches.take();
  return {};
}

/// A device that is new here knows this epoch and none before. Where a backup from before it is restored, these records
/// lead back to what both know.
Result<void> ExchangeService::add_epochs(Asked& asked, sqlite::Database& db) {
  if (asked.cursor_seq != 0 || !asked.request->page_token().empty()) return {};
  TERN_TRY(const auto records, epoch_records(db, asked.tenant.number(), asked.tenant.epoch()));
  for (const Bytes& record : records) asked.response.add_epoch_records(record);
  return {};
}

/// Once all tickets of the snapshot were sent: a clock of one that the device does not hold is lost on it. What comes
/// with a first replica is as of its page, and news go on from where it began.
Result<bool> ExchangeService::add_clocks(Asked& asked, sqlite::Database& db, std::size_t want, bool tickets_left) {
  const auto& request = *asked.request;
  if (!request.clocks()) return false;
  asked.response.set_clocks_from(request.clocks_from());
  asked.response.set_clocks_upto(request.clocks_from());
  if (asked.cursor_seq == 0) {
    if (!request.page_token().empty()) return false;
    TERN_TRY(const std::uint64_t newest, newest_clocks(db, asked.scope));
    asked.response.set_clocks_upto(newest);
    return false;
  }
  if (tickets_left) return false;
  TERN_TRY(const ClocksEnd end,
           write_clocks(db, asked.scope, request.clocks_from(), std::min(want, clocks_bytes_max), asked.response));
  asked.response.set_clocks_upto(end.upto);
  return end.more;
}

/// The page, and what the authors of its commits are told: the cursor passes a commit when all of both was sent.
Result<PageEnd> ExchangeService::write_tickets(Asked& asked, sqlite::Database& db, PageRequest& page) {
  const std::size_t used = asked.response.ByteSizeLong() + asked.patches.size() + asked.receipt_bytes;
  if (used >= limits::want_bytes_max) return PageEnd{asked.cursor_seq, page.token, true};  // own sets or a repair
  page.bytes_max = std::min(page.bytes_max, limits::want_bytes_max - used);
  PatchWriter patches(db, asked.scope, &asked.own_folds);
  TERN_TRY(const PageEnd end, write_page(db, asked.scope, page, patches, asked.response));
  counters_.patches_sent += patches.patches();
  asked.patches += patches.take();
  if (end.cursor_seq <= asked.cursor_seq) return end;
  const StatementPlace sent = page.token && page.token->statements ? *page.token->statements : StatementPlace{};
  TERN_TRY(const auto left, write_statements(db, asked.tenant.number(), asked.session.device, asked.cursor_seq,
                                             end.cursor_seq, sent, limits::statements_bytes_max, asked.response));
  if (!left) return end;
  return PageEnd{asked.cursor_seq, PageToken{PageToken::Phase::statements, end.cursor_seq, 0, {}, {}, *left}, true};
}

Result<void> ExchangeService::pull(Asked& asked, sqlite::Database& db) {
  const auto& request = *asked.request;
  const std::size_t want =
      std::clamp<std::size_t>(request.want_bytes() == 0 ? limits::want_bytes_default : request.want_bytes(),
                              limits::want_bytes_min, limits::want_bytes_max);
  PageRequest page{asked.cursor_seq, std::nullopt, asked.sent_seq, want};
  if (!request.page_token().empty()) {
    TERN_TRY(page.token, PageToken::decode(request.page_token()));
  }
  PackVersions held;
  for (const auto& pack : request.pack_versions()) held.emplace(pack.kind(), pack.version());
  TERN_TRY(const bool more_packs, write_packs(db, asked.scope, held, want / packs_bytes_share, asked.response));

  TERN_TRY(const PageEnd end, write_tickets(asked, db, page));
  TERN_TRY(const bool more_clocks, add_clocks(asked, db, want, end.more));
  asked.response.mutable_cursor()->set_epoch(Bytes(asked.tenant.epoch().view()));
  asked.response.mutable_cursor()->set_commit_seq(end.cursor_seq);
  if (end.token) asked.response.set_page_token(end.token->encode());
  const bool more = end.more || more_packs || more_clocks;
  asked.response.set_more(more);
  if (asked.cursor_seq == 0) {
    TERN_TRY(const auto count, tickets_in_scope(db, asked.scope));
    asked.response.set_tickets_in_scope(count);
  }
  if (more || end.cursor_seq != asked.sent_seq) return {};
  TERN_TRY(const auto digest, digests_.at(db, asked.scope, asked.sent_seq));
  if (!digest) return {};
  ++counters_.digest_checkpoints;
  asked.response.mutable_checkpoint()->set_scope_digest(Bytes(digest->total().view()));
  asked.response.mutable_checkpoint()->set_rights_version(asked.scope.rights_version);
  return {};
}

/// What this device was shown of others' work before a restore.
Result<void> ExchangeService::take_copies(Asked& asked) {
  Result<std::size_t> taken(std::size_t{0});
  committer_->run(asked.tenant, [&] { taken = take_handed_back(asked.tenant, asked.session.device, *asked.request); });
  if (!taken) return tl::unexpected(std::move(taken).error());
  asked.response.set_handed_back(static_cast<std::uint32_t>(*taken));
  return {};
}

/// Everything that is read comes from one snapshot, taken after the commit.
Result<ExchangeService::Answered> ExchangeService::build(Asked& asked) {
  if (asked.request->handed_back_size() > 0 && !asked.deposit) TERN_CHECKED(take_copies(asked));
  {
    TERN_TRY(auto reader, asked.tenant.reader());
    TERN_TRY(auto snapshot, sqlite::Transaction::begin_read(reader.db()));
    TERN_TRY(asked.sent_seq, newest_commit(reader.db(), asked.tenant));
    if (!asked.deposit) {
      TERN_CHECKED(read_rights(reader.db(), asked.scope));
      TERN_CHECKED(add_own_sets(asked, reader.db()));
      TERN_CHECKED(add_buckets(asked, reader.db()));
      TERN_CHECKED(add_held(asked, reader.db()));
      TERN_CHECKED(add_epochs(asked, reader.db()));
      TERN_CHECKED(pull(asked, reader.db()));
    }
  }
  TERN_CHECKED(add_history(asked));
  asked.response.set_file_bytes_max(std::uint64_t{plan_of(asked.tenant).file_mib_max} * limits::mib);
  // Behind the anchor: what tells of a backup never comes without what was said of it before.
  asked.response.set_retention_days(static_cast<std::uint32_t>(asked.tenant.backups_kept_days()));
  if (const auto device = find_device(asked.tenant, asked.session.device)) {
    write_head(device->chain, *asked.response.mutable_acked_head());
    if (!device->wipe_order.empty()) asked.response.add_statements(device->wipe_order);
    if (!device->revocation.empty() && !mutant(Mutant::revoked_key_accepted))
      asked.response.add_statements(device->revocation);
  }
  ExchangeNote note;
  note.device = asked.session.device;
  if (!asked.deposit) note.sent_seq = asked.sent_seq;
  // Whoever fetches its own sets has not sealed what it holds: the head it shows says nothing of what comes next.
  const bool whole = asked.request->own_sets_from() == 0;
  if (asked.request->change_sets_size() == 0 && asked.request->has_chain_head() && whole) {
    const auto& head = asked.request->chain_head();
    note.declared = protocol::ChainHead{head.device_epoch(), head.chain_seq(), Hash::or_zero(head.hash())};
    note.cursor_seq = asked.cursor_seq;
    note.outbox_pending = asked.request->outbox().pending();
  }
  if (note_exchange(asked.tenant, note))
    committer_->run(asked.tenant,
                    [&] { (void)end_custody(asked.tenant, asked.session.device); });  // else the next exchange does
  if (!asked.receipts.empty()) crash_point("before_answer");
  asked.give_own_folds_back();
  const std::uint64_t reached = asked.response.more() ? 0 : asked.response.cursor().commit_seq();
  std::optional<std::uint64_t> clocks;
  if (asked.request->clocks()) clocks = asked.response.clocks_upto();
  return Answered{asked.response.SerializeAsString() + asked.patches, {reached, clocks}};
}

Result<Bytes> ExchangeService::answer(Session& session, ByteView message) {
  TERN_TRY(Answered answered, answer_on_stream(session, message));
  return std::move(answered.response);
}

void ExchangeService::answer_later(const std::shared_ptr<Session>& session, ByteView message,
                                   std::function<void(Result<Bytes>)> done) {
  if (!run_later_) return done(answer(*session, message));
  auto begun = begin(*session, message);
  if (!begun) return done(tl::unexpected(std::move(begun).error()));
  const std::shared_ptr<Asked> asked = std::move(*begun);
  const auto finish = [this, asked, session, done](Result<PushAnswer> answer) {
    if (!answer) return done(tl::unexpected(std::move(answer).error()));
    take_push_answer(*asked, std::move(*answer));
    done(build(*asked).map([](Answered answered) { return std::move(answered.response); }));
  };
  if (asked->refused) return done(asked->response.SerializeAsString());
  if (asked->request->change_sets_size() == 0) return finish(PushAnswer{});
  committer_->commit_later(
      asked->tenant, [&] { return verified_push(*asked); },
      [run = run_later_, finish](Result<PushAnswer> answer) {
        run([finish, answer = std::move(answer)]() mutable { finish(std::move(answer)); });
      });
}

Result<ExchangeService::Answered> ExchangeService::answer_on_stream(Session& session, ByteView message) {
  TERN_TRY(const auto asked, begin(session, message));
  if (asked->refused) return Answered{asked->response.SerializeAsString(), {}};
  if (asked->request->change_sets_size() > 0) {
    TERN_TRY(PushAnswer answer, committer_->commit(asked->tenant, verified_push(*asked)));
    take_push_answer(*asked, std::move(answer));
  }
  return build(*asked);
}

/// Everything up to the commit.
Result<std::unique_ptr<ExchangeService::Asked>> ExchangeService::begin(Session& session, ByteView message) {
  ++counters_.exchanges;
  TERN_TRY(auto request, parse_request(message));
  auto held = std::make_unique<Asked>(session, std::move(request));
  Asked& asked = *held;
  asked.response.set_nonce(asked.request->nonce());
  asked.response.set_server_time_ms(asked.tenant.now_ms());
  asked.cursor_seq = asked.request->cursor().commit_seq();
  if (refuse_history(asked)) {
    ++counters_.errors;
    asked.refused = true;
    return held;
  }
  asked.take_own_folds();
  const auto device = find_device(asked.tenant, session.device);
  const auto actor = asked.tenant.find_actor(session.operator_id);
  if (!device) return fail(ErrorCode::key_unknown, "This device is not known here.", "Enrol it with a new code.");
  // A key revoked, or an operator disabled, since the session began: what it may do is decided now.
  const bool ended = device->key_state != protocol::KeyState::active && !mutant(Mutant::revoked_key_accepted);
  if (ended || !actor || !actor->active) asked.deposit = true;
  if (actor) asked.scope = scope_of(asked.tenant, *actor, *device);
  asked.scope.clocks = asked.request->clocks();
  return held;
}

}  // namespace tern::server
