// Sessions, what a welcome says of the server's history, the device's own keys and certificate, and its other copies.
#include <algorithm>
#include <set>
#include <utility>

#include "exchange/device_news.hpp"
#include "exchange/engine_impl.hpp"
#include "exchange/hand_back.hpp"
#include "exchange/unproven_answer.hpp"
#include "outbox/other_holder.hpp"
#include "outbox/recovery.hpp"
#include "replica/damaged_copy.hpp"
#include "replica/stored_overlay.hpp"
#include "tern/protocol/mutant.hpp"
#include "tern/sqlite/transaction.hpp"
#include "tern/sync/ticket_state.hpp"
#include "tern/v1/exchange.pb.h"
#include "tern/v1/ticket.pb.h"

namespace tern::client {
namespace {

bool asks_for_patience(ErrorCode code) {
  return code == ErrorCode::key_unknown || code == ErrorCode::key_revoked || code == ErrorCode::upgrade_required ||
         code == ErrorCode::login_refused;
}

constexpr std::size_t way_records_max = 64;  // of one way from a known epoch to the server's

/// What is known of an epoch by the record alone that began it.
LadderHead begin_of(const protocol::EpochRecord& record) {
  return {{record.new_epoch, record.kept_size, record.kept_root}, record.time_ms};
}

Result<Bytes> state_as_of(ByteView stored, std::uint64_t version) {
  TERN_TRY(sync::TicketState state, of_copy(sync::decode_state(stored)));
  state.version = version;
  return sync::encode_state(state);
}

/// What a row was as of a commit that is gone would count as newer than what the other history makes of it, and as seen
/// where it was not: its content stays, as of the last commit that both have.
Result<void> lower_ticket(sqlite::Database& database, std::int64_t row, std::uint64_t version) {
  TERN_TRY(auto rows, database.query("SELECT state, overlay FROM ticket WHERE id = $1", row));
  TERN_TRY(const bool found, rows.step());
  if (!found) return {};
  TERN_TRY(const Bytes state, state_as_of(rows.blob(0), version));
  std::optional<Bytes> overlay;
  if (!rows.is_null(1)) {
    TERN_TRY(const Bytes before, unpack_overlay(rows.blob(0), rows.blob(1)));
    TERN_TRY(const Bytes lowered, state_as_of(before, version));
    overlay = pack_overlay(state, lowered);
  }
  rows.reset();
  const auto shown = overlay ? std::optional(sqlite::Blob{*overlay}) : std::nullopt;
  return database.run("UPDATE ticket SET version = $1, state = $2, overlay = $3 WHERE id = $4", version,
                      sqlite::Blob{state}, shown, row);
}

Result<void> lower_messages(sqlite::Database& database, std::int64_t ticket, std::uint64_t version) {
  std::vector<std::pair<std::int64_t, Bytes>> lowered;
  TERN_TRY(auto rows, database.query("SELECT id, data FROM message WHERE ticket = $1 AND pending = 0", ticket));
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) break;
    v1::TicketMessage message;
    if (!message.ParseFromArray(rows.blob(1).data(), static_cast<int>(rows.blob(1).size())))
      return damaged_copy("a message");
    if (message.version() <= version) continue;
    message.set_version(version);
    lowered.emplace_back(rows.int64(0), message.SerializeAsString());
  }
  for (const auto& [id, data] : lowered)
    TERN_CHECKED(database.run("UPDATE message SET data = $1 WHERE id = $2", sqlite::Blob{data}, id));
  return {};
}

/// A kind of which the copy has news from the history that was given up comes again whole. What that history alone knew
/// keeps its name, and is offered to nobody.
Result<void> lower_records(sqlite::Database& database, std::uint64_t kept_seq) {
  TERN_CHECKED(database.run("UPDATE record SET version = 0, deleted = 1 WHERE version > $1", kept_seq));
  return database.run("UPDATE pack SET version = 0 WHERE version > $1", kept_seq);
}

/// To what a version goes back that is above what was kept.
std::uint64_t lowered_version(std::uint64_t kept_seq) {
  return std::max<std::uint64_t>(kept_seq, 1);
}

Result<void> lower_versions(sqlite::Database& database, std::uint64_t kept_seq) {
  std::vector<std::int64_t> above;
  TERN_TRY(auto rows, database.query("SELECT id FROM ticket WHERE version > $1 AND state IS NOT NULL", kept_seq));
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) break;
    above.push_back(rows.int64(0));
  }
  rows.reset();
  for (const std::int64_t row : above) {
    TERN_CHECKED(lower_ticket(database, row, lowered_version(kept_seq)));
    TERN_CHECKED(lower_messages(database, row, lowered_version(kept_seq)));
  }
  return lower_records(database, kept_seq);
}

}  // namespace

Result<void> Engine::on_hello_answer(const HttpAnswer& answer) {
  TERN_TRY(const Outbox::Head head, outbox_.head());
  protocol::SessionHeads heads;
  heads.device = {head.device_epoch, head.chain_seq, head.hash};
  heads.server = head_to_show();
  auto proof = session_.proof(answer, heads, certificate_due_ ? ByteView(certificate_wire_) : ByteView());
  if (!proof) {
    session_.drop();
    return asks_for_patience(proof.error().code) ? pause(proof.error())
                                                 : fault(proof.error(), retry_after_ms(answer, backoff_ms_max));
  }
  flight_.reset();
  proof_ = std::move(*proof);
  return {};
}

Result<void> Engine::on_welcome(const HttpAnswer& answer) {
  auto welcomed = session_.welcome(answer, keys_);
  if (!welcomed) {
    session_.drop();
    if (welcomed.error().code == ErrorCode::login_refused && !certificate_due_) {
      certificate_due_ = true;
      flight_.reset();
      return {};  // the next handshake shows it
    }
    return asks_for_patience(welcomed.error().code) ? pause(welcomed.error())
                                                    : fault(welcomed.error(), retry_after_ms(answer, backoff_ms_max));
  }
  flight_.reset();
  rollback_.reset();
  certificate_due_ = false;
  auto taken = take_welcome(*welcomed);
  if (!taken) {  // nothing is sent under a session of which not all was judged: the next handshake begins anew
    session_.drop();
    forget_way();
  }
  return taken;
}

Result<void> Engine::take_welcome(const Welcomed& welcomed) {
  if (welcomed.key_list) TERN_CHECKED(adopt_key_list(*welcomed.key_list));
  TERN_CHECKED(judge_history(welcomed));
  if (!session_.open() || rollback_) return {};  // another handshake is due, or a last exchange

  TERN_TRY(const Outbox::Head head, outbox_.head());
  const protocol::ChainHead& there = welcomed.welcome.chain;
  const bool behind = there.device_epoch == head.device_epoch && there.chain_seq > head.chain_seq;
  own_sets_until_ = behind && !push_only() ? there.chain_seq : 0;
  push_from_ = 0;
  given_up_ = false;
  if (!push_only()) {
    TERN_TRY(given_up_, holds_given_up(replica_));
  }
  return finish_reseal();
}

protocol::LogHead Engine::head_to_show() const {
  if (head_shown_) return *head_shown_;
  return state_.ladder.empty() ? protocol::LogHead{} : state_.ladder.back().head;
}

Result<void> Engine::judge_history(const Welcomed& welcomed) {
  const protocol::SessionWelcome& welcome = welcomed.welcome;
  if (!state_.ladder.empty() && state_.ladder.back().head.epoch != welcome.head.epoch)
    return follow_epoch_record(welcomed);
  const bool shown_another = head_shown_.has_value();
  forget_way();
  if (shown_another) {  // the server of this epoch is there again
    session_.drop();
    return {};
  }
  if (auto judged = protocol::judge_head(head_to_show(), welcome.head, welcome.consistency); !judged) {
    return rollback(judged.error());
  }
  return {};
}

/// The epoch that the next record has to lead on from: this device's own, one that it went past, or one on the way from
/// there. What its history and this device's have in common is all up to the least that any record between has kept.
Result<PastEpoch> Engine::shared_past() const {
  PastEpoch past{state_.ladder.back().head.epoch, state_.ladder, UINT64_MAX, 0};
  const auto& records = state_.epoch_records;
  for (std::size_t back = 0; back < epochs_back_; ++back) {
    TERN_TRY(const auto record, read_stored_statement<protocol::EpochRecord>(records[records.size() - 1 - back]));
    past.epoch = record.old_epoch;
    past.kept_seq = std::min(past.kept_seq, record.kept_size);
    past.followed_ms = std::max(past.followed_ms, record.time_ms);
    past.ladder = {{{record.old_epoch, record.kept_size, record.kept_root}, record.time_ms}};
  }
  for (const auto& [record, wire] : way_) {
    past.epoch = record.new_epoch;
    past.kept_seq = std::min(past.kept_seq, record.kept_size);
    past.ladder = {begin_of(record)};
  }
  return past;
}

void Engine::forget_way() {
  head_shown_.reset();
  epochs_back_ = 0;
  way_.clear();
}

/// The server knows nothing of this epoch: its backup may be older than the restore that began it. True: the next
/// handshake shows the end of the epoch before.
Result<bool> Engine::step_back() {
  if (epochs_back_ >= state_.epoch_records.size()) return false;
  ++epochs_back_;
  TERN_TRY(const PastEpoch past, shared_past());
  head_shown_ = past.ladder.back().head;
  session_.drop();
  return true;
}

/// The server's history has another epoch. It is followed only on the word of the root, and only when it keeps what
/// this device knows: the proof must lead from the newest head that was kept, so that one may have to be shown first.
Result<void> Engine::follow_epoch_record(const Welcomed& welcomed) {
  const auto unexplained = [this] {
    return rollback({ErrorCode::server_rollback,
                     "The server has another history than the one this device knows, without a word of its root.",
                     "Work goes on offline; tell your administrator.",
                     {}});
  };
  const Bytes& wire = welcomed.welcome.epoch_record;
  if (wire.empty() && way_.empty()) {
    TERN_TRY(const bool shown, step_back());
    return shown ? Result<void>{} : unexplained();
  }
  if (way_.size() >= way_records_max) return unexplained();
  const auto signer = protocol::signer_of(protocol::EpochRecord::tag, wire);
  if (!signer) return unexplained();
  TERN_TRY(const PastEpoch past, shared_past());
  std::vector<protocol::PublicKey> roots = keys_.list.next_roots;
  roots.insert(roots.end(), keys_.roots.begin(), keys_.roots.end());
  for (const protocol::PublicKey& root : roots) {
    if (protocol::key_id(root) != *signer) continue;
    const auto record = protocol::open_statement<protocol::EpochRecord>(wire, root);
    if (!record) return unexplained();
    // A way may begin with restores that this device heard of and gave up, or never heard of. But it has to end at one
    // that is younger than all it would give up for it: whoever ends at an older one plays an old server.
    const bool at_end = record->value.new_epoch == welcomed.welcome.head.epoch;
    if (at_end && epochs_back_ != 0 && record->value.time_ms <= past.followed_ms) return unexplained();
    const LadderHead* kept = newest_below(past.ladder, record->value.kept_size);
    const protocol::LogHead nothing{past.epoch, 0, protocol::merkle_empty_root()};
    const protocol::LogHead due = kept != nullptr ? kept->head : nothing;
    if (head_to_show() != due) {
      head_shown_ = due;
      session_.drop();
      return {};  // the next handshake shows it
    }
    std::vector<protocol::LogHead> ladder;
    ladder.reserve(past.ladder.size());
    for (const LadderHead& entry : past.ladder) ladder.push_back(entry.head);
    const auto judged = protocol::judge_epoch_record(record->value, parts_.identity.tenant, past.epoch, ladder,
                                                     welcomed.welcome.consistency);
    if (!judged) return rollback(judged.error());
    way_.push_back(*record);
    if (at_end) {
      TERN_TRY(const bool kept_all, keeps_receipts(welcomed.welcome.chain));
      return kept_all ? adopt_way() : unexplained();
    }
    head_shown_ = begin_of(record->value).head;  // restored more than once: the next handshake leads on from there
    session_.drop();
    return {};
  }
  return unexplained();
}

/// What this device has receipts for, up to what was kept, is part of what was kept: the server's own chain of this
/// device says so, for one set without the one before it would be a gap.
Result<bool> Engine::keeps_receipts(const protocol::ChainHead& there) const {
  TERN_TRY(const Outbox::Head head, outbox_.head());
  TERN_TRY(const PastEpoch past, shared_past());
  if (there.device_epoch > head.device_epoch) return true;
  TERN_TRY(const std::uint64_t newest, newest_receipted(outbox_, head.device_epoch, past.kept_seq));
  return newest <= (there.device_epoch == head.device_epoch ? there.chain_seq : 0);
}

/// Own sets above what was kept are sent again. The replica stays as it is: what the server lost is still shown here,
/// so the digests of the two scopes are no longer compared until it is rebuilt, only who holds which ticket.
Result<void> Engine::adopt_way() {
  TERN_TRY(const PastEpoch past, shared_past());
  const LadderHead begin = begin_of(way_.back().value);
  TERN_CHECKED(seal_open_set());  // under the anchor and cursor it was made under
  if (!mutant(Mutant::epoch_ignored)) TERN_CHECKED(return_to_sealed(outbox_, past.kept_seq));
  if (!parts_.wiped) {
    TERN_TRY(const CursorHeld here, replica_.cursor());
    if (!here.epoch.is_zero() && here.epoch != begin.head.epoch) {
      TERN_CHECKED(bring_replica_along());  // while the records of what is given up are still known
      TERN_CHECKED(move_replica_to(begin.head.epoch, past.kept_seq));
    }
  }
  state_.epoch_records.resize(state_.epoch_records.size() - epochs_back_);
  for (const auto& record : way_) state_.epoch_records.push_back(record.wire);
  state_.ladder = {begin};
  state_.deposited_epoch = state_.deposited_seq = 0;  // quarantine is that of the backup, too
  forget_way();
  tell("The server was restored from a backup; this device keeps everything and sends its own work again.");
  return store_sync_state(outbox_, state_);
}

/// A device that was enrolled after a restore learns how the server's history came to the epoch it knows: where a
/// backup from before it is restored, it steps back along these. What does not lead here, on the root's word, is not
/// kept.
Result<void> Engine::learn_epochs(const v1::ExchangeResponse& response) {
  if (!state_.epoch_records.empty() || state_.ladder.empty()) return {};
  std::vector<protocol::PublicKey> roots = keys_.list.next_roots;
  roots.insert(roots.end(), keys_.roots.begin(), keys_.roots.end());
  std::vector<Bytes> way;
  EpochId here = state_.ladder.back().head.epoch;
  for (int i = response.epoch_records_size(); i-- > 0 && way.size() < way_records_max;) {
    const Bytes& wire = response.epoch_records(i);
    const auto leads_here = [&](const protocol::PublicKey& root) {
      const auto record = protocol::open_statement<protocol::EpochRecord>(wire, root);
      const bool good = record && record->value.tenant == parts_.identity.tenant && record->value.new_epoch == here;
      if (good) here = record->value.old_epoch;
      return good;
    };
    if (!std::any_of(roots.begin(), roots.end(), leads_here)) break;
    way.push_back(wire);
  }
  if (way.empty()) return {};
  state_.epoch_records.assign(way.rbegin(), way.rend());
  return store_sync_state(outbox_, state_);
}

/// The copy is not forced to the disk as the outbox is, which knows the epoch: after a loss of power, or put back by
/// hand, it may stand in one before, of which the server would hear nothing.
Result<void> Engine::bring_replica_along() {
  TERN_TRY(const CursorHeld here, replica_.cursor());
  if (state_.ladder.empty() || here.epoch.is_zero()) return {};
  const EpochId now = state_.ladder.back().head.epoch;
  if (here.epoch == now) return {};
  std::uint64_t kept_seq = UINT64_MAX;
  for (auto wire = state_.epoch_records.rbegin(); wire != state_.epoch_records.rend(); ++wire) {
    TERN_TRY(const auto record, read_stored_statement<protocol::EpochRecord>(*wire));
    kept_seq = std::min(kept_seq, record.kept_size);
    if (record.old_epoch == here.epoch) return move_replica_to(now, kept_seq);
  }
  return replica_.rebuild(outbox_);
}

/// The cursor goes back to what both histories share; what lies above it is fetched again.
Result<void> Engine::move_replica_to(const EpochId& epoch, std::uint64_t kept_seq) {
  given_up_ = true;  // perhaps: the next answer looks
  TERN_CHECKED(replica_.set_meta(meta_digest_suspended, "1"));
  TERN_CHECKED(begin_scope_check(replica_, parts_.identity.operator_id, kept_seq));
  TERN_TRY(const CursorHeld here, replica_.cursor());
  TERN_TRY(std::vector<EarlierRestore> earlier, restores_followed(replica_));
  // A copy of before this was noted knows of those that lie on the way to its epoch.
  for (const Bytes& wire : state_.epoch_records) {
    TERN_TRY(const auto record, read_stored_statement<protocol::EpochRecord>(wire));
    earlier.push_back({record.old_epoch, lowered_version(record.kept_size)});
  }
  std::erase_if(earlier, [&](const EarlierRestore& restore) { return restore.lowered_to >= kept_seq; });
  sqlite::Database& copy = replica_.database();
  TERN_TRY(auto transaction, sqlite::Transaction::begin_write(copy));
  TERN_CHECKED(keep_given_up(copy, outbox_, here.epoch, kept_seq, earlier));
  TERN_CHECKED(lower_versions(copy, kept_seq));
  TERN_CHECKED(note_followed(replica_, {here.epoch, lowered_version(kept_seq)}));
  TERN_CHECKED(transaction.commit());
  auto page = std::make_unique<v1::ExchangeResponse>();
  page->mutable_cursor()->set_epoch(Bytes(epoch.view()));
  page->mutable_cursor()->set_commit_seq(std::min(here.commit_seq, kept_seq));
  page->set_more(true);
  const auto applier = replica_.begin_page(std::move(page), outbox_);
  for (;;) {
    TERN_TRY(const bool more, applier->apply(1));
    if (!more) break;
  }
  static_cast<void>(replica_.database());  // stored now: a later page that fails must not take the epoch back with it
  return {};
}

bool Engine::renew_session() {
  session_.drop();
  flight_.reset();
  stream_.reset();
  if (session_renewed_) return false;
  session_renewed_ = true;
  return true;
}

Result<void> Engine::seal_open_set() {
  if (own_sets_until_ != 0) return {};  // the chain's end is not known yet
  SealContext context;
  context.tenant = parts_.identity.tenant;
  context.device = parts_.identity.device;
  context.author = parts_.identity.operator_id;
  context.key = parts_.identity.key;
  context.certificate = certificate_wire_;
  TERN_TRY(context.anchor, outbox_.anchor());
  if (!parts_.wiped) {
    TERN_TRY(const CursorHeld cursor, replica_.cursor());
    context.seen_seq = cursor.epoch == context.anchor.epoch ? cursor.commit_seq : 0;
  }
  TERN_CHECKED(outbox_.seal(parts_.key, context, environment_));
  return {};
}

Result<void> Engine::adopt_key_list(const protocol::Signed<protocol::KeyList>& list) {
  state_.key_list = list.wire;
  keys_.list = list.value;
  keys_.list_wire = list.wire;
  return store_sync_state(outbox_, state_);
}

/// The server healed a fork: what it has not acknowledged is signed again under the new device epoch. The certificate
/// is stored first, so that a crash in between is made up for at the next session.
Result<void> Engine::adopt_certificate(const protocol::Signed<protocol::Certificate>& certificate) {
  state_.certificate = certificate.wire;
  tell("This device exists twice: another copy of it has been writing too. Look at what needs attention.");
  TERN_TRY(const Outbox::Head head, outbox_.head());
  if (head.device_epoch < certificate.value.device_epoch && state_.others_epoch == 0) {
    state_.others_epoch = head.device_epoch;
    state_.others_seq = head.acked_seq + 1;
  }
  TERN_CHECKED(store_sync_state(outbox_, state_));
  certificate_ = certificate.value;
  certificate_wire_ = certificate.wire;
  if (parts_.keep_certificate)
    static_cast<void>(parts_.keep_certificate(certificate.wire));  // if it fails, the next opening does it
  return finish_reseal();
}

Result<void> Engine::finish_reseal() {
  TERN_TRY(const Outbox::Head head, outbox_.head());
  if (head.device_epoch >= certificate_.device_epoch) return {};
  TERN_CHECKED(seal_open_set());
  SealContext context;
  context.tenant = parts_.identity.tenant;
  context.device = parts_.identity.device;
  context.author = parts_.identity.operator_id;
  context.key = parts_.identity.key;
  context.certificate = certificate_wire_;
  TERN_CHECKED(outbox_.reseal(certificate_.device_epoch, certificate_wire_, parts_.key, context));
  push_from_ = 0;
  gaps_ = 0;
  return {};
}

// ---- other copies, other devices ----

/// Their receipts are the other copy's. Where one epoch ends, the next that is over begins.
Result<void> Engine::take_others_sets(const CheckedAnswer& answer) {
  if (answer.response->has_error()) {  // the exchange that follows is told the same, and goes by it
    others_stopped_ = true;
    return {};
  }
  std::vector<Bytes> sets;
  sets.reserve(answer.own_sets.size());
  for (const OwnSetBack& set : answer.own_sets) sets.push_back(set.wire);
  TERN_CHECKED(add_others_sets(outbox_, sets));
  if (!sets.empty()) {
    state_.others_seq = answer.own_sets.back().header.chain_seq + 1;
  } else {
    const bool last = state_.others_epoch + 1 >= certificate_.device_epoch;
    state_.others_epoch = last ? 0 : state_.others_epoch + 1;
    state_.others_seq = last ? 0 : 1;
  }
  save_state();
  return {};
}

/// Told first, then remembered: what a crash in between costs is being told twice.
Result<void> Engine::look_at_devices() {
  TERN_TRY(const DeviceNews news, device_news(outbox_, replica_));
  if (!news.notice.empty()) {
    tell(news.notice);
    save_state();
  }
  return remember_devices(outbox_, news);
}

/// Old files that somebody put back do not know that they are old. Before anything else is said the server is shown
/// what proves it, once a session; what it answers changes nothing here.
Result<void> Engine::rollback(const Error& error) {
  rollback_ = error;
  stream_.reset();
  if (!session_.open()) return pause_for_rollback();
  round_ = true;
  wake_at_ms_ = 0;
  return {};
}

tl::unexpected<Error> Engine::pause_for_rollback() {
  const Error error = *std::exchange(rollback_, std::nullopt);
  session_.drop();
  forget_way();
  return pause({ErrorCode::server_rollback,
                "The server shows an older or another history than this device has seen (" + error.message + ").",
                "Nothing was sent or changed; work goes on offline; tell your administrator.", error.field});
}

}  // namespace tern::client
