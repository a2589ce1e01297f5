#include "exchange/engine.hpp"

#include <algorithm>
#include <utility>

#include "exchange/engine_impl.hpp"
#include "exchange/hand_back.hpp"
#include "exchange/unproven_answer.hpp"
#include "replica/damaged_copy.hpp"
#include "tern/protocol/zstd.hpp"
#include "tern/v1/exchange.pb.h"
#include "wipe.hpp"

namespace tern::client {
namespace {

constexpr std::string_view exchange_target = "/sync/v1/exchange";

protocol::HandshakeParty party_of(const EngineParts& parts) {
  return {parts.identity.tenant, parts.identity.device, parts.identity.key, protocol::key_id(parts.roots.front())};
}

}  // namespace

Result<std::unique_ptr<SyncEngine>> make_sync_engine(EngineParts parts) {
  auto engine = std::make_unique<Engine>(std::move(parts));
  TERN_CHECKED(engine->load());
  return std::unique_ptr<SyncEngine>(std::move(engine));
}

Engine::Engine(EngineParts parts)
    : parts_(std::move(parts)),
      outbox_(parts_.outbox),
      replica_(parts_.replica),
      environment_(parts_.environment),
      keys_{parts_.roots, parts_.key_list.value, parts_.key_list.wire},
      session_(party_of(parts_), parts_.key, parts_.environment) {
  if (parts_.outgoing != nullptr && parts_.fetched != nullptr)
    files_.emplace(FileParts{*parts_.outgoing, *parts_.fetched, outbox_, replica_, parts_.identity});
}

Result<void> Engine::load() {
  TERN_TRY(state_, load_sync_state(outbox_));
  saved_state_ = state_;
  if (!state_.key_list.empty()) {
    TERN_TRY(keys_.list, read_stored_statement<protocol::KeyList>(state_.key_list));
    keys_.list_wire = state_.key_list;
  }
  certificate_wire_ = state_.certificate.empty() ? parts_.identity.certificate : state_.certificate;
  TERN_TRY(certificate_, read_stored_statement<protocol::Certificate>(certificate_wire_));
  return {};
}

// ---- rounds ----

void Engine::start_round() {
  if (files_under_way_) tickets_go_first_ = true;
  if (round_) return;
  round_ = true;
  session_renewed_ = clock_corrected_ = false;
  useless_exchanges_ = gaps_ = refusals_ = 0;
  others_stopped_ = false;
}

void Engine::retry_now() {
  wake_at_ms_ = 0;
  last_fault_.reset();
}

EngineStep Engine::next() {
  EngineStep step;
  if (push_only()) files_under_way_ = false;
  if (page_) {
    step.kind = EngineStep::Kind::apply;
    if (!std::exchange(page_->may_ask_ahead, false) || !ahead_wanted_ || stream_) return step;
    auto ahead = exchange_request(PagePlace{page_->cursor, page_->token});
    if (!ahead) return step;  // the exchange behind this page meets the same, and says so
    flight_->ahead = true;
    step.kind = EngineStep::Kind::send_ahead;
    step.request = std::move(*ahead);
    report_.bytes_up += step.request.body.size();
    return step;
  }
  if (!round_) return step;
  drop_stale_stream_request();
  if (files_under_way_ && work_goes_first()) files_under_way_ = false;  // the round comes back to them
  const bool over_stream = stream_ && !too_big_for_stream_ && !files_under_way_;
  if (wake_at_ms_ > environment_.boot_ms() || (wake_at_ms_ == 0 && over_stream)) {
    step.kind = EngineStep::Kind::wait;
    step.wake_at_boot_ms = wake_at_ms_ != 0 ? wake_at_ms_ : environment_.boot_ms() + limits::anchor_answer_ms_max;
    step.reason = last_fault_;
    return step;
  }
  wake_at_ms_ = 0;
  if (files_under_way_ && session_.open()) {
    auto piece = file_request();
    if (!piece) stop_files(piece.error());
    if (piece && *piece) {
      step.kind = EngineStep::Kind::send;
      step.request = std::move(**piece);
      report_.bytes_up += step.request.body.size();
      return step;
    }
    finish_round();
    return step;
  }
  if (fits_ahead()) {
    flight_->awaited_ms = environment_.boot_ms();
    step.kind = EngineStep::Kind::fetch;
    return step;
  }
  drop_ahead();
  auto request = next_request();
  if (!request && begins_anew(request.error())) request = next_request();
  if (!request) {
    (void)fault(request.error());
    step.kind = EngineStep::Kind::wait;
    step.reason = last_fault_;
    step.wake_at_boot_ms = wake_at_ms_;
    return step;
  }
  step.kind = EngineStep::Kind::send;
  step.request = std::move(*request);
  report_.bytes_up += step.request.body.size();
  return step;
}

Result<HttpRequest> Engine::next_request() {
  if (session_.open()) return exchange_request();
  Flight flight;
  flight.request_boot_ms = environment_.boot_ms();
  if (proof_) {
    flight.kind = Flight::Kind::proof;
    flight_ = std::move(flight);
    return std::move(*std::exchange(proof_, std::nullopt));
  }
  flight.kind = Flight::Kind::hello;
  flight_ = std::move(flight);
  return session_.hello();
}

ExchangePlan Engine::plan_exchange() const {
  ExchangePlan plan;
  plan.pull = !push_only();
  plan.push = !push_stopped_;
  plan.push_from = push_from_;
  plan.repair = repair_wanted_;
  plan.repair_after = repair_after_;
  plan.with_digest = !digests_stopped_;
  plan.own_folds = own_folds_;
  plan.check_scope = !scope_check_stopped_;
  plan.hand_back = given_up_;
  plan.want_bytes = want_bytes_;
  if (!state_.ladder.empty()) plan.held_head = state_.ladder.back().head;
  return plan;
}

/// After a fork that healed: what landed in the device epochs that are over, and is not of this outbox.
bool Engine::others_due() const {
  return state_.others_epoch != 0 && !others_stopped_ && !push_only();
}

/// The request that is out asked for the page that is due now: the page before is in, and nothing came between.
bool Engine::fits_ahead() {
  if (!flight_ || !flight_->ahead || !session_.open() || flight_->copy_life != replica_.life()) return false;
  const auto here = page_place(replica_);
  return here && flight_->plan.behind == *here;
}

/// Nobody takes its answer, but it may have arrived.
void Engine::drop_ahead() {
  if (!flight_ || !flight_->ahead) return;
  if (flight_->built.last_seq != 0) (void)outbox_.mark_sent(flight_->built.last_seq);
  flight_.reset();
}

/// Takes nothing and brings nothing.
Result<Engine::Flight> Engine::begin_showing_history() {
  Flight flight;
  flight.kind = Flight::Kind::exchange;
  flight.plan = plan_exchange();
  flight.plan.pull = flight.plan.push = false;
  TERN_CHECKED(seal_open_set());  // the head that this declares bounds what is sealed later
  TERN_TRY(const AnchorHeld held, outbox_.anchor());
  flight.plan.held_anchor = held.anchor;
  if (!state_.epoch_records.empty()) flight.plan.began_epoch = state_.epoch_records.back();
  TERN_TRY(flight.built, build_exchange(outbox_, nullptr, flight.plan, environment_));
  flight.request_boot_ms = flight.awaited_ms = environment_.boot_ms();
  return flight;
}

Result<Engine::Flight> Engine::begin_flight(std::optional<PagePlace> behind) {
  if (rollback_) return begin_showing_history();
  Flight flight;
  flight.kind = Flight::Kind::exchange;
  flight.plan = plan_exchange();
  flight.plan.behind = std::move(behind);
  TERN_TRY(Outbox::Head head, outbox_.head());
  if (push_only()) own_sets_until_ = 0;
  if (own_sets_until_ > head.chain_seq) {
    flight.plan.own_sets_from = head.chain_seq + 1;  // nothing is sealed before they are here
  } else {
    own_sets_until_ = 0;
    TERN_CHECKED(seal_open_set());
    TERN_TRY(head, outbox_.head());
    if (others_due() && (push_stopped_ || head.acked_seq >= head.chain_seq)) {
      flight.plan.own_sets_from = state_.others_seq;
      flight.plan.own_sets_epoch = state_.others_epoch;
    }
  }
  flight.acked_before = head.acked_seq;
  if (session_.mode() == protocol::SessionMode::deposit) {
    const bool same_epoch = state_.deposited_epoch == head.device_epoch;
    flight.acked_before = std::max(head.acked_seq, same_epoch ? state_.deposited_seq : 0);
    flight.plan.push_from = flight.acked_before + 1;
  }
  if (flight.plan.pull) {
    TERN_CHECKED(bring_replica_along());
    TERN_TRY(const auto suspended, replica_.meta(meta_digest_suspended));
    if (suspended) flight.plan.with_digest = false;
  }
  TERN_TRY(flight.built, build_exchange(outbox_, push_only() ? nullptr : &replica_, flight.plan, environment_));
  flight.copy_life = replica_.life();
  flight.request_boot_ms = flight.awaited_ms = environment_.boot_ms();
  return flight;
}

Result<HttpRequest> Engine::exchange_request(std::optional<PagePlace> behind) {
  TERN_TRY(Flight flight, begin_flight(std::move(behind)));
  HttpRequest request;
  request.target = std::string(exchange_target);
  request.headers = {{"content-type", "application/x-protobuf"}};
  Bytes packed = protocol::compress(flight.built.body);
  if (packed.size() < flight.built.body.size()) {
    request.headers.emplace_back("content-encoding", "zstd");
    request.body = std::move(packed);
  } else {
    request.body = flight.built.body;
  }
  flight.mac = session_.seal(request, server_time_ms());
  flight_ = std::move(flight);
  too_big_for_stream_ = false;
  return request;
}

Result<void> Engine::on_answer(const Result<HttpAnswer>& answer) {
  const bool for_file = flight_ && flight_->kind == Flight::Kind::file;
  if (!flight_ || flight_->on_stream || (page_ && !for_file))
    return fail(ErrorCode::usage, "There is no request that this could answer.");
  if (!answer) {
    if (flight_->built.last_seq != 0) (void)outbox_.mark_sent(flight_->built.last_seq);  // it may have arrived
    return fault(answer.error());
  }
  report_.bytes_down += answer->body.size();
  auto taken = take_answer(*answer);
  if (!taken && begins_anew(taken.error())) return {};
  if (!taken && wake_at_ms_ == 0) return fault(taken.error());  // an error of the disk: nothing has slowed down yet
  return taken;
}

Result<void> Engine::take_answer(const HttpAnswer& answer) {
  switch (flight_->kind) {
    case Flight::Kind::hello:
      return on_hello_answer(answer);
    case Flight::Kind::proof:
      return on_welcome(answer);
    case Flight::Kind::file:
      return on_file_answer(answer);
    case Flight::Kind::exchange:
      break;
  }
  return on_exchange_answer(answer);
}

/// What one exchange leaves to do, once its page is in.
Result<void> Engine::finish_exchange() {
  const auto left = work_left();
  if (!left) return fault(left.error());
  if (*left) return {};
  over_ = push_only();
  if (parts_.wiped) return pause(wiped_error(true));
  if (session_.mode() == protocol::SessionMode::deposit) {
    return pause({ErrorCode::key_revoked,
                  "This device's key no longer counts; its work was handed in for an administrator to look at.",
                  "Ask for a new enrolment; everything here is kept.",
                  {}});
  }
  if (push_stopped_) return pause(*push_stopped_);
  if (begin_files()) return {};
  finish_round();
  return {};
}

Result<bool> Engine::work_left() {
  if (own_sets_until_ != 0 || others_due() || !session_.open()) return true;
  // A session that only takes brings no page, whatever the one before it had begun to bring.
  if (!push_only() && (page_more_ || repair_wanted_ || scope_check_wanted_)) return true;
  if (push_stopped_) return false;
  TERN_TRY(const Outbox::Head head, outbox_.head());
  std::uint64_t there = head.acked_seq;
  if (session_.mode() == protocol::SessionMode::deposit && state_.deposited_epoch == head.device_epoch) {
    there = std::max(there, state_.deposited_seq);
  }
  if (head.chain_seq > there) return true;
  return given_up_ && !push_only();
}

/// A server that says nothing of it knows nothing of it; one that takes no more now is asked again in another session.
Result<void> Engine::note_handed_back(const v1::ExchangeResponse& response, const BuiltExchange& built) {
  if (!given_up_ || response.has_error()) return {};
  const std::size_t taken = std::min<std::size_t>(response.handed_back(), built.handed_back.size());
  const auto end = built.handed_back.begin() + static_cast<std::ptrdiff_t>(taken);
  TERN_CHECKED(drop_given_up(replica_, {built.handed_back.begin(), end}));
  given_up_ = taken == built.handed_back.size();
  if (!given_up_) return {};
  TERN_TRY(given_up_, holds_given_up(replica_));
  return {};
}

void Engine::finish_round() {
  round_ = false;
  own_folds_ = true;
  static_cast<void>(replica_.database());  // pages that waited for the next one are stored now
  backoff_.reset();
  wake_at_ms_ = 0;
  last_fault_.reset();
  state_.paused.clear();
  state_.last_error.clear();
  files_under_way_ = false;
  if (files_error_) state_.last_error = std::exchange(files_error_, std::nullopt)->message;
  if (newest_server_time_ms_ != 0) state_.current_as_of_ms = newest_server_time_ms_;
  const bool stale = keys_.list.refresh_by_ms != 0 && server_time_ms() > keys_.list.refresh_by_ms;
  const std::string due = "The server's key list is due for renewal; tell your administrator.";
  if (stale && state_.notice.empty()) state_.notice = due;
  if (!stale && state_.notice == due) state_.notice.clear();
  if (!push_only()) {
    if (const auto progress = replica_.progress()) report_.tickets_held = progress->tickets;
  }
  save_state();
}

tl::unexpected<Error> Engine::fault(Error error, std::int64_t at_least_ms) {
  // What came cannot be read, or the server has a word this version does not know: of the other side, and tried again.
  if (error.code == ErrorCode::malformed || error.code == ErrorCode::internal) error.code = ErrorCode::no_connection;
  drop_ahead();
  flight_.reset();
  proof_.reset();
  files_under_way_ = false;                // the exchange of the next try comes back to them
  clock_corrected_ = false;                // somebody may set it again before a request gets through
  static_cast<void>(replica_.database());  // pages that waited for the next one are stored now
  round_ = true;
  wake_at_ms_ = environment_.boot_ms() + backoff_.next_ms(environment_, at_least_ms);
  state_.last_error = error.message;
  save_state();
  last_fault_ = error;
  return tl::unexpected(std::move(error));
}

tl::unexpected<Error> Engine::pause(Error error) {
  state_.paused = error.message;
  return fault(std::move(error), Backoff::longest_ms());
}

bool Engine::begins_anew(const Error& error) {
  const bool healed = error.code == ErrorCode::storage_failed && error.field == field_copy;  // it is empty already
  if (!healed && !replica_.heal(outbox_, error)) return false;
  drop_ahead();
  flight_.reset();
  page_.reset();
  last_fault_.reset();
  wake_at_ms_ = 0;
  round_ = page_more_ = true;
  state_.last_error.clear();
  tell("The copy of the tickets on this device was damaged and was fetched again; no work was lost.");
  return true;
}

/// Also when the same was told before and dealt with.
/// Behind what was not dismissed yet; of too much, the oldest goes.
void Engine::tell(const std::string& news) {
  const auto dismissed = outbox_.meta(meta_notice_dismissed);
  const bool dealt_with = dismissed && *dismissed == state_.notice;
  if (state_.notice.empty() || dealt_with) {
    state_.notice = news;
  } else if (state_.notice.find(news) == std::string::npos) {
    state_.notice += " " + news;
    const std::size_t excess = state_.notice.size() - std::min(state_.notice.size(), state_text_bytes_max);
    const std::size_t end = excess == 0 ? std::string::npos : state_.notice.find(". ", excess);
    if (end != std::string::npos) state_.notice.erase(0, end + 2);
  }
  (void)outbox_.set_meta(meta_notice_dismissed, {});
}

/// What is lost when this fails is asked for again; the answer that was just taken is not undone for it.
void Engine::save_state() {
  if (state_ == saved_state_) return;
  if (store_sync_state(outbox_, state_)) saved_state_ = state_;
}

std::int64_t Engine::server_time_ms() const {
  return environment_.wall_ms() + state_.server_offset_ms;
}

Result<void> Engine::obey_wipe(const protocol::Signed<protocol::WipeOrder>& order) {
  page_.reset();
  flight_.reset();
  parts_.wiped = true;
  session_.drop();
  on_stream_closed();
  if (auto obeyed = parts_.wipe ? parts_.wipe(order.wire) : Result<void>{}; !obeyed) {
    parts_.wiped = false;  // the next answer brings the order again
    return obeyed;
  }
  state_.paused = wiped_error().message;
  state_.notice.clear();
  save_state();
  start_round();  // what was not sent is handed in at once, if the server takes it
  return {};
}

}  // namespace tern::client
