// The stream: the same messages as frames, and patches as they happen. A push is a hint: a lost one costs latency only.
#include <utility>

#include "exchange/engine_impl.hpp"
#include "exchange/unproven_answer.hpp"
#include "tern/v1/exchange.pb.h"

namespace tern::client {
namespace {

constexpr std::size_t message_bytes_max = limits::frame_bytes_max - protocol::frame_overhead_bytes;
constexpr std::int64_t stream_answer_ms_max = 15'000;
constexpr std::int64_t stream_bytes_per_ms_min = 8;

Result<std::unique_ptr<v1::StreamFrame>> read_frame(ByteView message) {
  auto frame = std::make_unique<v1::StreamFrame>();
  if (!parse_bounded(*frame, message))
    return fail(ErrorCode::malformed, "The server sent a message that cannot be read.");
  return frame;
}

}  // namespace

std::optional<HttpRequest> Engine::stream_upgrade() {
  if (!session_.open() || push_only() || rollback_) return std::nullopt;
  HttpRequest request;
  request.method = "GET";
  request.target = "/sync/v1/stream";
  upgrade_mac_ = session_.seal(request, server_time_ms());
  return request;
}

Result<void> Engine::on_stream_open(const HttpAnswer& answer) {
  if (!upgrade_mac_) return fail(ErrorCode::usage, "There is no upgrade that this could answer.");
  const protocol::Mac mac = *std::exchange(upgrade_mac_, std::nullopt);
  if (answer.status == 401) session_.drop();  // at worst one handshake too many
  if (!session_.proven(answer, mac) || answer.status != 101) return tl::unexpected(unproven_answer(answer));
  stream_.emplace(session_.frames(mac));
  too_big_for_stream_ = false;
  start_round();  // the first request tells the server where this replica stands
  return {};
}

Result<void> Engine::on_stream_message(ByteView message) {
  if (!stream_) return fail(ErrorCode::usage, "There is no stream.");
  report_.bytes_down += message.size();
  const auto opened = stream_->down.open(message);
  if (!opened) {
    on_stream_closed();
    return tl::unexpected(opened.error());
  }
  auto frame = read_frame(*opened);
  if (!frame) {
    on_stream_closed();
    return tl::unexpected(frame.error());
  }
  if ((*frame)->has_push()) {
    const auto pushed = take_push(std::unique_ptr<v1::ExchangeResponse>((*frame)->release_push()));
    return !pushed && begins_anew(pushed.error()) ? Result<void>{} : pushed;
  }
  if (!(*frame)->has_response() || !flight_ || !flight_->on_stream) return {};  // nobody waits for it
  const Flight flight = std::move(*std::exchange(flight_, std::nullopt));
  auto taken = take_response(std::unique_ptr<v1::ExchangeResponse>((*frame)->release_response()), flight);
  if (!taken && begins_anew(taken.error())) return {};
  if (!taken && wake_at_ms_ == 0) return fault(taken.error());
  return taken;
}

/// Applied like a page when it goes on from where this replica stands; else it only says that there is something.
Result<void> Engine::take_push(std::unique_ptr<v1::ExchangeResponse> response) {
  if (page_ || parts_.wiped) {
    start_round();
    return {};
  }
  TERN_TRY(const CheckContext context, check_context(nullptr));
  auto checked = check_answer(std::move(response), context);
  if (!checked) {
    start_round();  // the round will say what is wrong, and be careful about it
    return tl::unexpected(checked.error());
  }
  TERN_CHECKED(seal_open_set());
  if (checked->key_list) TERN_CHECKED(adopt_key_list(*checked->key_list));
  TERN_CHECKED(take_statements(*checked));
  if (checked->wipe) return obey_wipe(*checked->wipe);
  if (checked->revoked) {
    session_.drop();
    on_stream_closed();
    start_round();
    return {};
  }
  const CursorHeld base{EpochId::or_zero(checked->response->base().epoch()), checked->response->base().commit_seq()};
  TERN_TRY(const CursorHeld here, replica_.cursor());
  TERN_TRY(const bool complete, first_replica_complete(replica_));
  if (!complete || base != here) {
    const auto there = checked->response->cursor();
    const bool old = EpochId::or_zero(there.epoch()) == here.epoch && there.commit_seq() <= here.commit_seq;
    if (!old) start_round();
    return {};
  }
  if (checked->response->server_time_ms() != 0) newest_server_time_ms_ = checked->response->server_time_ms();
  TERN_TRY(const std::uint64_t clocks_upto, replica_.clocks_upto());
  if (checked->response->clocks_from() > clocks_upto) start_round();  // what came before it is missing here
  return begin_page(std::move(checked->response), true);
}

std::optional<Bytes> Engine::next_stream_message() {
  drop_ahead();
  if (push_only() || (files_under_way_ && work_goes_first())) files_under_way_ = false;
  const bool free =
      stream_ && round_ && !flight_ && !page_ && !parts_.wiped && !too_big_for_stream_ && !files_under_way_;
  if (!free || wake_at_ms_ > environment_.boot_ms()) return std::nullopt;
  wake_at_ms_ = 0;
  auto flight = begin_flight({});
  if (!flight && begins_anew(flight.error())) flight = begin_flight({});
  if (!flight) {
    (void)fault(flight.error());
    return std::nullopt;
  }
  v1::StreamFrame frame;
  if (!frame.mutable_request()->ParseFromString(flight->built.body)) return std::nullopt;
  Bytes message = frame.SerializeAsString();
  if (message.size() > message_bytes_max) {
    too_big_for_stream_ = true;  // the next request goes over HTTP
    return std::nullopt;
  }
  flight->on_stream = true;
  flight_ = std::move(*flight);
  Bytes sealed = stream_->up.seal(message);
  report_.bytes_up += sealed.size();
  return sealed;
}

bool Engine::stream_answer_is_overdue() const {
  if (!flight_ || !flight_->on_stream) return false;
  const auto on_its_way_ms = static_cast<std::int64_t>(flight_->built.body.size()) / stream_bytes_per_ms_min;
  return environment_.boot_ms() - flight_->request_boot_ms >= stream_answer_ms_max + on_its_way_ms;
}

/// This answer will not come any more, whether or not the peer lives (it answers pings).
void Engine::drop_stale_stream_request() {
  if (!stream_answer_is_overdue()) return;
  if (flight_->built.last_seq != 0) (void)outbox_.mark_sent(flight_->built.last_seq);  // it may have arrived
  (void)fault(
      {ErrorCode::no_connection, "The server did not answer.", "Your work is saved here and is sent later.", {}});
}

void Engine::on_stream_closed() {
  stream_.reset();
  upgrade_mac_.reset();
  too_big_for_stream_ = false;
  if (!flight_ || !flight_->on_stream) return;
  if (flight_->built.last_seq != 0) (void)outbox_.mark_sent(flight_->built.last_seq);
  (void)fault({ErrorCode::no_connection,
               "The connection to the server broke.",
               "Your work is saved here and is sent later.",
               {}});
}

}  // namespace tern::client
