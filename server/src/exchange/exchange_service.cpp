#include "exchange_service.hpp"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <algorithm>
#include <utility>

#include "exchange/held_tickets.hpp"
#include "exchange/packs.hpp"
#include "exchange/page_plan.hpp"
#include "exchange/sync_errors.hpp"
#include "ingest/devices.hpp"
#include "ingest/jobs.hpp"
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
constexpr std::size_t pack_versions_max = 16;
constexpr std::size_t pushed_packs_bytes_max = 64 * limits::kib;
constexpr std::size_t receipts_bytes_reserve = 64 * limits::kib;

// 64 sets, 256 buckets one by one, 16 packs, and each of the others once, with room for those of later versions.
constexpr std::size_t request_fields_max = 512;

/// How many fields the message has, before any of them is given memory: an empty entry of a list takes two bytes on the
/// wire and forty here.
bool has_few_fields(ByteView message) {
  google::protobuf::io::CodedInputStream in(reinterpret_cast<const std::uint8_t*>(message.data()),
                                            static_cast<int>(message.size()));
  in.SetRecursionLimit(limits::protobuf_recursion_max);
  std::size_t fields = 0;
  while (const std::uint32_t tag = in.ReadTag()) {
    if (++fields > request_fields_max) return false;
    if (!google::protobuf::internal::WireFormatLite::SkipField(&in, tag)) return true;  // the parser says what is wrong
  }
  return true;
}

Result<std::unique_ptr<v1::ExchangeRequest>> parse_request(ByteView message) {
  if (!has_few_fields(message))
    return fail(ErrorCode::too_large, "An exchange holds at most 64 change sets.", "", "change_sets");
  auto request = std::make_unique<v1::ExchangeRequest>();
  google::protobuf::io::CodedInputStream in(reinterpret_cast<const std::uint8_t*>(message.data()),
                                            static_cast<int>(message.size()));
  in.SetRecursionLimit(limits::protobuf_recursion_max);
  if (!request->ParseFromCodedStream(&in) || !in.ConsumedEntireMessage())
    return fail(ErrorCode::malformed, "The message is no exchange request.");
  if (request->change_sets_size() > static_cast<int>(limits::sets_per_exchange_max))
    return fail(ErrorCode::too_large, "An exchange holds at most 64 change sets.", "", "change_sets");
  std::size_t old_receipt_bytes = 0;
  for (const auto& list : request->old_receipts()) old_receipt_bytes += list.size();
  if (request->old_receipts_size() > static_cast<int>(limits::sets_per_exchange_max) ||
      old_receipt_bytes > limits::old_receipts_bytes_max)
    return fail(ErrorCode::too_large, "The request holds more old receipts than are taken at once.", "",
                "old_receipts");
  if (request->want_buckets_size() > 256 || request->pack_versions_size() > static_cast<int>(pack_versions_max))
    return fail(ErrorCode::too_large, "The request asks for more than there is.", "", "want_buckets");
  TERN_CHECKED(check_held(request->held()));
  return request;
}

std::uint64_t newest_commit(sqlite::Database& db, const Tenant& tenant) {
  if (mutant(Mutant::sequence_before_commit)) return tenant.commit_seq();
  const auto found = db.int64_of(
      "SELECT commit_seq FROM change_set WHERE tenant_id = $1 ORDER BY commit_seq DESC LIMIT 1", tenant.number());
  return found && *found ? static_cast<std::uint64_t>(**found) : 0;
}

/// The reader's rights as of the snapshot: what is shown and what may be shown are of one commit.
Result<void> read_rights(sqlite::Database& db, ReaderScope& scope) {
  TERN_TRY(auto rows, db.query("SELECT data, version FROM record WHERE tenant_id = $1 AND kind = $2 AND record_id = $3",
                               scope.tenant, sync::RecordKind::operator_, scope.operator_id));
  TERN_TRY(const bool found, rows.step());
  if (!found) return {};
  TERN_TRY(const auto record, sync::decode_record(rows.blob(0)));
  scope.restricted_notes = reads_restricted(record);
  scope.rights_version = rows.uint64(1);
  return {};
}

void write_head(const protocol::ChainHead& head, v1::ChainHead& out) {
  out.set_device_epoch(head.device_epoch);
  out.set_chain_seq(head.chain_seq);
  out.set_hash(Bytes(head.hash.view()));
}

}  // namespace

bool takes_packing_against(ByteView request) {
  using google::protobuf::internal::WireFormatLite;
  constexpr std::uint32_t wanted =
      WireFormatLite::MakeTag(v1::ExchangeRequest::kPackedAgainstRequestFieldNumber, WireFormatLite::WIRETYPE_VARINT);
  google::protobuf::io::CodedInputStream in(reinterpret_cast<const std::uint8_t*>(request.data()),
                                            static_cast<int>(request.size()));
  std::size_t fields = 0;
  while (const std::uint32_t tag = in.ReadTag()) {
    std::uint32_t value = 0;
    if (tag == wanted) return in.ReadVarint32(&value) && value != 0;
    if (++fields > request_fields_max || !WireFormatLite::SkipField(&in, tag)) return false;
  }
  return false;
}

/// One request on its way to its answer.
struct ExchangeService::Asked {
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

/// True when the device's history is not this server's: the answer then says so and nothing else.
bool ExchangeService::refuse_history(Asked& asked) {
  const auto& request = *asked.request;
  const auto refuse = [&](ErrorCode code, std::string message) {
    write_error({code, std::move(message), {}, {}}, *asked.response.mutable_error());
    return true;
  };
  if (request.schema_version() < limits::schema_version_min || request.schema_version() > limits::schema_version)
    return refuse(ErrorCode::upgrade_required, "This server speaks another version of the exchange.");
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

/// Buckets whose digests differ: what the scope holds there, and all of it whole. As much as fits a page; where it ends
/// within a bucket, `through` says how far its lists go.
Result<void> ExchangeService::add_buckets(Asked& asked, sqlite::Database& db) {
  const auto& request = *asked.request;
  if (request.want_buckets_size() == 0) return {};
  ++counters_.bucket_repairs;
  TERN_TRY(const auto ours, digests_.at(db, asked.scope, asked.sent_seq));
  const std::string& theirs = request.bucket_digests();
  TicketId after = TicketId::or_zero(request.bucket_after());
  PatchWriter patches(db, asked.scope);
  for (const std::uint32_t wanted : request.want_buckets()) {
    if (wanted > 255) continue;
    const auto index = static_cast<std::uint8_t>(wanted);
    const TicketId begin = std::exchange(after, TicketId{});  // of the first one only
    if (ours && theirs.size() == 256 * Hash::size_bytes &&
        ours->bucket(index).view() == ByteView(theirs).substr(index * Hash::size_bytes, Hash::size_bytes))
      continue;
    v1::Bucket& bucket = *asked.response.add_buckets();
    bucket.set_bucket(wanted);
    const bool resumed = !begin.is_zero() && begin.bytes[0] == index;
    TicketId first{}, last{};
    first.bytes[0] = index;
    if (resumed) {
      first = begin;
      bucket.set_after(Bytes(begin.view()));
    }
    last.bytes.fill(0xff);
    last.bytes[0] = index;
    const auto query = [&]() -> Result<sqlite::Statement> {
      if (asked.scope.all)
        return db.query(
            "SELECT ticket_id, version, state FROM ticket WHERE tenant_id = $1 AND ticket_id >= $2 AND ticket_id <= $3 "
            "ORDER BY ticket_id",
            asked.scope.tenant, first, last);
      return db.query(
          "SELECT t.ticket_id, t.version, t.state FROM scope_member m JOIN ticket t ON t.tenant_id = m.tenant_id AND "
          "t.ticket_id = m.ticket_id "
          "WHERE m.tenant_id = $1 AND m.operator_id = $4 AND m.ticket_id >= $2 AND m.ticket_id <= $3 AND m.left_seq = "
          "0 ORDER BY m.ticket_id",
          asked.scope.tenant, first, last, asked.scope.operator_id);
    };
    TERN_TRY(auto rows, query());
    for (;;) {
      TERN_TRY(const bool more, rows.step());
      if (!more) break;
      const auto ticket = rows.id<TicketId>(0);
      if (resumed && ticket == begin) continue;
      if (patches.size_bytes() >= limits::want_bytes_max) {
        bucket.set_through(bucket.ticket_ids(bucket.ticket_ids_size() - 1));
        break;
      }
      bucket.add_ticket_ids(Bytes(ticket.view()));
      bucket.add_versions(rows.uint64(1));
      TERN_CHECKED(patches.add_for_repair(ticket, rows.blob(2)));
    }
    if (patches.size_bytes() >= limits::want_bytes_max) break;
  }
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
  asked.response.mutable_cursor()->set_epoch(Bytes(asked.tenant.epoch().view()));
  asked.response.mutable_cursor()->set_commit_seq(end.cursor_seq);
  if (end.token) asked.response.set_page_token(end.token->encode());
  const bool more = end.more || more_packs;
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

/// Everything that is read comes from one snapshot, taken after the commit.
Result<ExchangeService::Answered> ExchangeService::build(Asked& asked) {
  {
    TERN_TRY(auto reader, asked.tenant.reader());
    TERN_TRY(auto snapshot, sqlite::Transaction::begin_read(reader.db()));
    asked.sent_seq = newest_commit(reader.db(), asked.tenant);
    if (!asked.deposit) {
      TERN_CHECKED(read_rights(reader.db(), asked.scope));
      TERN_CHECKED(add_own_sets(asked, reader.db()));
      TERN_CHECKED(add_buckets(asked, reader.db()));
      TERN_CHECKED(add_held(asked, reader.db()));
      TERN_CHECKED(pull(asked, reader.db()));
    }
  }
  TERN_CHECKED(add_history(asked));
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
  return Answered{asked.response.SerializeAsString() + asked.patches, reached};
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
  if (asked->refused) return Answered{asked->response.SerializeAsString(), 0};
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
  std::unique_ptr<Asked> held(new Asked{session,
                                        *session.tenant,
                                        std::move(request),
                                        {},
                                        {},
                                        {},
                                        {},
                                        0,
                                        0,
                                        session.mode == protocol::SessionMode::deposit});
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
  if (actor) {
    const auto record =
        asked.tenant.find_record(sync::RecordKind::operator_, RecordId::or_zero(session.operator_id.view()));
    asked.scope = {asked.tenant.number(), session.operator_id, device->scope_all,
                   sync::has_right(actor->role, sync::Right::restricted_note), record ? record->version : 0};
  }
  return held;
}

/// Too much for a push: it says that there is something, and the device asks for it.
ExchangeService::Pushed ExchangeService::hint_of(Tenant& tenant, std::uint64_t newest_seq) {
  v1::ExchangeResponse news;
  news.mutable_cursor()->set_epoch(Bytes(tenant.epoch().view()));
  news.mutable_cursor()->set_commit_seq(newest_seq);
  news.set_server_time_ms(tenant.now_ms());
  return Pushed{news.SerializeAsString(), 0};
}

Result<std::optional<ExchangeService::Pushed>> ExchangeService::push(Session& session, std::uint64_t base_seq) {
  if (base_seq == 0) return std::optional<Pushed>();  // a first replica is downloaded, not pushed
  Tenant& tenant = *session.tenant;
  const auto device = find_device(tenant, session.device);
  const auto actor = tenant.find_actor(session.operator_id);
  const auto record = tenant.find_record(sync::RecordKind::operator_, RecordId::or_zero(session.operator_id.view()));
  if (!device || device->key_state != protocol::KeyState::active || !actor || !actor->active || !record)
    return std::optional<Pushed>();
  Asked asked{session, tenant, std::make_unique<v1::ExchangeRequest>(), {}, {}, {}, {}, base_seq, 0, false};
  asked.scope = {tenant.number(), session.operator_id, device->scope_all,
                 sync::has_right(actor->role, sync::Right::restricted_note), record->version};
  TERN_TRY(auto reader, tenant.reader());
  TERN_TRY(auto snapshot, sqlite::Transaction::begin_read(reader.db()));
  asked.sent_seq = newest_commit(reader.db(), tenant);
  if (asked.sent_seq <= base_seq) return std::optional<Pushed>();
  TERN_CHECKED(read_rights(reader.db(), asked.scope));
  asked.request->set_want_bytes(limits::want_bytes_max - receipts_bytes_reserve - pushed_packs_bytes_max);
  // What the patches name comes with them. Whoever stands at the base holds the records of up to there.
  const bool told_of_all = tenant.commit_seq() >= asked.sent_seq;  // what memory says is as new as the snapshot
  if (!told_of_all || tenant.newest_record_seq() > base_seq) {
    TERN_TRY(const bool more,
             write_packs(reader.db(), asked.scope, packs_as_of(base_seq), pushed_packs_bytes_max, asked.response));
    if (more) return std::optional(hint_of(tenant, asked.sent_seq));
  }
  PatchWriter patches(reader.db(), asked.scope);
  TERN_TRY(const PageEnd end,
           write_page(reader.db(), asked.scope, {base_seq, std::nullopt, asked.sent_seq, asked.request->want_bytes()},
                      patches, asked.response));
  if (end.token) return std::optional(hint_of(tenant, asked.sent_seq));
  TERN_TRY(const auto left, write_statements(reader.db(), tenant.number(), session.device, base_seq, end.cursor_seq, {},
                                             limits::statements_bytes_max, asked.response));
  if (left) return std::optional(hint_of(tenant, asked.sent_seq));
  asked.response.mutable_base()->set_epoch(Bytes(tenant.epoch().view()));
  asked.response.mutable_base()->set_commit_seq(base_seq);
  asked.response.mutable_cursor()->set_epoch(Bytes(tenant.epoch().view()));
  asked.response.mutable_cursor()->set_commit_seq(end.cursor_seq);
  asked.response.set_more(end.more);
  asked.response.set_server_time_ms(tenant.now_ms());
  ExchangeNote note;
  note.device = session.device;
  note.sent_seq = asked.sent_seq;
  note_exchange(tenant, note);
  counters_.patches_sent += patches.patches();
  return std::optional(Pushed{asked.response.SerializeAsString() + patches.take(), end.cursor_seq});
}

}  // namespace tern::server
