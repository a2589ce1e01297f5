#include "edge/connection.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "edge/answer_writer.hpp"

namespace tern::server::edge {
namespace {

constexpr int reads_per_turn = 16;  // then the others of the loop get theirs
constexpr int writes_per_turn = 4;
constexpr std::size_t file_piece_bytes = 64 * 1024;

constexpr Refusal head_timeout{408, "head_timeout", "The head did not come in time", ""};
constexpr Refusal body_timeout{408, "body_timeout", "The body comes too slowly", ""};
constexpr Refusal body_too_large{413, "body_too_large", "The body is larger than this path takes", ""};
constexpr Refusal bad_chunk{400, "chunk_invalid", "The chunks of the body are not as HTTP/1.1 writes them", ""};
constexpr Refusal storage_full{507, "storage_full", "No space is left for the body", ""};
constexpr Refusal internal{500, "internal", "Something went wrong here; the request id is in the log", ""};

void tally_answer(Tallies& tallies, int status) {
  count(status >= 500   ? tallies.answers_5xx
        : status >= 400 ? tallies.answers_4xx
        : status >= 300 ? tallies.answers_3xx
                        : tallies.answers_2xx);
}

}  // namespace

Connection::Connection(ConnectionId id, const Adopt& adopt, LoopSide& loop)
    : loop_(loop),
      id_(id),
      address_(adopt.address),
      address_key_(adopt.address_key),
      port_(adopt.port),
      wire_(adopt.descriptor, loop) {
  const EdgeDeadlines& deadlines = loop_.shared.options.deadlines;
  if (wire_.channel().is_tls()) {
    phase_ = Phase::handshake;
    deadline_ms_ = loop_.now_ms + deadlines.handshake_ms;
  } else {
    deadline_ms_ = loop_.now_ms + deadlines.head_ms;
  }
}

std::int64_t Connection::deadline_ms() const {
  return phase_ == Phase::stream ? stream_->deadline_ms() : deadline_ms_;
}

bool Connection::wants_input() const {
  switch (phase_) {
    case Phase::handshake:
    case Phase::head:
    case Phase::body:
    case Phase::lingering:
      return true;
    case Phase::stream:
      return stream_->wants_input();
    case Phase::waiting:
    case Phase::answering:
    case Phase::over:
      break;
  }
  return false;
}

// ---- what the loop tells
// ---------------------------------------------------------------------------------------------

bool Connection::on_readable() {
  if (phase_ == Phase::handshake) {
    const Io io = wire_.handshake();
    if (io == Io::failed || io == Io::ended) {
      loop_.shared.report(EdgeEvent::tls_handshake_failed, address_, {});
      phase_ = Phase::over;
    }
    if (io != Io::done) return false;
    phase_ = Phase::head;
    deadline_ms_ = loop_.now_ms + loop_.shared.options.deadlines.head_ms;
  }
  for (int turn = 0; turn < reads_per_turn && wants_input(); ++turn) {
    std::string_view piece;
    const IoResult result = wire_.read(piece);
    if (result.io == Io::again_read || result.io == Io::again_write) return false;
    if (result.io != Io::done) {
      on_hang_up();
      return false;
    }
    if (phase_ == Phase::stream) {
      stream_->take(piece);
      judge_stream();
    } else if (phase_ != Phase::lingering) {
      input_ += piece;
      advance();
    }
    // A short read emptied the kernel's buffer; TLS may hold more.
    if (result.bytes < loop_.scratch.size() && !wire_.channel().is_tls()) return false;
  }
  return wants_input();
}

void Connection::on_writable() {
  if (phase_ == Phase::handshake) {
    on_readable();
  } else if (phase_ == Phase::stream) {
    stream_->on_writable();
    judge_stream();
  } else if (phase_ == Phase::answering) {
    advance();
  } else if (phase_ == Phase::body && wire_.flush() == Io::failed) {  // 100 Continue
    phase_ = Phase::over;
  }
}

void Connection::on_hang_up() {
  // A request that is cut short never reaches its handler.
  if (stream_) stream_->on_peer_gone();
  phase_ = Phase::over;
}

void Connection::on_deadline() {
  const EdgeDeadlines& deadlines = loop_.shared.options.deadlines;
  const std::int64_t now = loop_.now_ms;
  switch (phase_) {
    case Phase::stream:
      stream_->on_deadline();
      return judge_stream();
    case Phase::head:
      if (!input_.empty()) {
        count(loop_.shared.tallies.head_timeouts);
        return refuse(head_timeout);
      }
      break;
    case Phase::body:
      if (exchange_->body_watch.too_slow(now, deadlines)) {
        count(loop_.shared.tallies.body_timeouts);
        return refuse(body_timeout);
      }
      deadline_ms_ = exchange_->body_watch.next_look_ms(now, deadlines);
      return;
    case Phase::answering:
      if (!wire_.write_watch().too_slow(now, deadlines)) {
        deadline_ms_ = wire_.write_watch().next_look_ms(now, deadlines);
        return;
      }
      count(loop_.shared.tallies.slow_readers_cut);
      break;
    default:
      break;
  }
  phase_ = Phase::over;
}

void Connection::on_drain() {
  if (phase_ == Phase::stream) {
    stream_->on_drain();
    return judge_stream();
  }
  // Nothing of a half head has happened yet: its sender may safely send it elsewhere.
  if (phase_ == Phase::head || phase_ == Phase::handshake) phase_ = Phase::over;
}

void Connection::on_answer(std::uint64_t ordinal, std::optional<Response> response) {
  if (phase_ != Phase::waiting || ordinal != ordinal_) return;
  if (response && response->status >= 200 && response->status <= 599) {
    answer(std::move(*response));
  } else {
    refuse(internal);
  }
  advance();
}

void Connection::on_upgraded(std::uint64_t ordinal, std::optional<UpgradeVerdict> verdict) {
  if (phase_ != Phase::waiting || ordinal != ordinal_) return;
  if (!verdict) {
    refuse(internal);
  } else if (auto* accept = std::get_if<StreamAccept>(&*verdict)) {
    if (accept->handler) return begin_stream(std::move(*accept));
    refuse(internal);
  } else {
    answer(std::move(std::get<Response>(*verdict)));
  }
  advance();
}

void Connection::on_flush() {
  if (phase_ != Phase::stream) return;
  stream_->on_writable();
  judge_stream();
}

bool Connection::on_resume() {
  if (phase_ != Phase::stream) return false;
  stream_->on_resume();
  judge_stream();
  // TLS may hold decrypted bytes that no poll will tell of.
  return phase_ == Phase::stream && wants_input() && wire_.channel().is_tls() && on_readable();
}

// ---- requests
// --------------------------------------------------------------------------------------------------------

void Connection::advance() {
  bool moved = true;
  while (moved) {
    switch (phase_) {
      case Phase::head:
        moved = read_head();
        break;
      case Phase::body:
        moved = read_body();
        break;
      case Phase::answering:
        moved = finish_answer();
        break;
      default:
        return;
    }
  }
}

bool Connection::read_head() {
  if (input_.empty()) return false;
  const EdgeOptions& options = loop_.shared.options;
  if (!head_reader_) {
    head_reader_ = std::make_unique<HeadReader>(options.limits);
    next_request_by(loop_.now_ms + options.deadlines.head_ms);
  }
  auto outcome = head_reader_->read(input_);
  if (!outcome) return false;
  head_reader_.reset();
  if (const auto* refusal = std::get_if<Refusal>(&*outcome)) {
    refuse(*refusal);
    return true;
  }
  return begin_request(std::move(std::get<Head>(*outcome)));
}

void Connection::next_request_by(std::int64_t by_ms) {
  deadline_ms_ = ordinal_ == 0 ? std::min(deadline_ms_, by_ms) : by_ms;
}

bool Connection::begin_request(Head head) {
  input_.erase(0, head.size_bytes);
  ++ordinal_;
  count(loop_.shared.tallies.requests);
  exchange_ = std::make_unique<Exchange>();
  Exchange& exchange = *exchange_;
  exchange.head = std::move(head);
  Request& request = exchange.head.request;
  request.peer_address = address_;
  request.peer_port = port_;
  request.tls = wire_.channel().is_tls();
  request.request_id = loop_.shared.next_request_id();
  exchange.method = request.method;
  exchange.path = request.path;
  exchange.request_id = request.request_id;
  exchange.started_us = monotonic_us();
  exchange.bytes_in = exchange.head.size_bytes;
  exchange.bytes_out_before = wire_.bytes_out();
  exchange.body_missing = exchange.head.framing != Framing::none;
  close_after_ = !exchange.head.keep_alive;
  if (exchange.head.wants_websocket) return dispatch_upgrade(), true;

  std::optional<HeadVerdict> verdict;
  try {
    verdict = loop_.shared.handler.on_head(request);
  } catch (const std::exception& error) {
    loop_.shared.report(EdgeEvent::handler_threw, error.what(), request.request_id);
  } catch (...) {
    loop_.shared.report(EdgeEvent::handler_threw, "not a std::exception", request.request_id);
  }
  if (!verdict) return refuse(internal), true;
  if (auto* response = std::get_if<Response>(&*verdict)) return answer(std::move(*response)), true;
  auto& accept = std::get<HeadAccept>(*verdict);
  exchange.accepted = true;
  exchange.context = std::move(accept.context);
  exchange.body_bytes_max = accept.body_bytes_max;
  if (exchange.head.content_length > accept.body_bytes_max) return refuse(body_too_large), true;
  const EdgeOptions& options = loop_.shared.options;
  exchange.sink = std::make_unique<BodySink>(options.limits.body_in_memory_bytes_max, options.spill_directory);
  if (exchange.head.framing == Framing::none) return dispatch(), true;

  exchange.body_left = exchange.head.content_length;
  exchange.body_watch.start(loop_.now_ms);
  deadline_ms_ = exchange.body_watch.next_look_ms(loop_.now_ms, options.deadlines);
  phase_ = Phase::body;
  if (exchange.head.expect_continue && input_.empty()) {
    wire_.queue("HTTP/1.1 100 Continue\r\n\r\n");
    if (wire_.flush() == Io::failed) phase_ = Phase::over;
  }
  return true;
}

bool Connection::read_body() {
  if (input_.empty()) return false;
  exchange_->bytes_in += input_.size();
  exchange_->body_watch.add(input_.size());
  return exchange_->head.framing == Framing::chunked ? read_chunked_body() : read_sized_body();
}

bool Connection::read_sized_body() {
  const auto length = static_cast<std::size_t>(std::min<std::uint64_t>(exchange_->body_left, input_.size()));
  if (!keep(std::string_view(input_).substr(0, length))) return true;
  input_.erase(0, length);
  exchange_->body_left -= length;
  if (exchange_->body_left > 0) return false;
  dispatch();
  return true;
}

bool Connection::read_chunked_body() {
  std::string_view rest = input_;
  std::string_view piece;
  while (true) {
    switch (exchange_->chunks.next(rest, piece)) {
      case ChunkDecoder::Step::data:
        if (!keep(piece)) return true;
        break;
      case ChunkDecoder::Step::need_more:
        input_.clear();
        return false;
      case ChunkDecoder::Step::broken:
        refuse(bad_chunk);
        return true;
      case ChunkDecoder::Step::done:
        input_.erase(0, input_.size() - rest.size());
        dispatch();
        return true;
    }
  }
}

/// Takes a piece of the body. False when it was refused instead.
bool Connection::keep(std::string_view piece) {
  if (piece.size() > exchange_->body_bytes_max - exchange_->sink->size()) return refuse(body_too_large), false;
  if (auto kept = exchange_->sink->append(piece); !kept) {
    loop_.shared.report(EdgeEvent::spill_failed, kept.error().message, exchange_->request_id);
    return refuse(kept.error().code == ErrorCode::storage_full ? storage_full : internal), false;
  }
  return true;
}

void Connection::dispatch() {
  Exchange& exchange = *exchange_;
  exchange.body_missing = false;
  Request request = std::move(exchange.head.request);
  request.body = exchange.sink->take();
  exchange.sink.reset();
  phase_ = Phase::waiting;
  deadline_ms_ = never_ms;
  if (input_.empty()) std::string().swap(input_);

  const Reply reply([inbox = loop_.inbox, id = id_, ordinal = ordinal_](std::optional<Response> response) {
    inbox->post(Answer{id, ordinal, std::move(response)});
  });
  WorkerPool::Task task = [&shared = loop_.shared, inbox = loop_.inbox, id = id_, ordinal = ordinal_, reply,
                           request_id = exchange.request_id, context = exchange.context,
                           request = std::move(request)]() mutable {
    if (inbox->is_closed()) return;  // cut by a stop: nobody waits for it
    try {
      shared.handler.handle_async(std::move(request), std::move(context), reply);
      return;
    } catch (const std::exception& error) {
      shared.report(EdgeEvent::handler_threw, error.what(), request_id);
    } catch (...) {
      shared.report(EdgeEvent::handler_threw, "not a std::exception", request_id);
    }
    inbox->post(Answer{id, ordinal, std::nullopt});
  };
  if (!loop_.shared.workers.try_submit(task)) refuse_busy();
}

void Connection::dispatch_upgrade() {
  phase_ = Phase::waiting;
  deadline_ms_ = never_ms;
  WorkerPool::Task task = [&shared = loop_.shared, inbox = loop_.inbox, id = id_, ordinal = ordinal_,
                           request = exchange_->head.request] {
    if (inbox->is_closed()) return;
    Upgraded upgraded{id, ordinal, std::nullopt};
    try {
      upgraded.verdict = shared.handler.on_upgrade(request);
    } catch (const std::exception& error) {
      shared.report(EdgeEvent::handler_threw, error.what(), request.request_id);
    } catch (...) {
      shared.report(EdgeEvent::handler_threw, "not a std::exception", request.request_id);
    }
    inbox->post(std::move(upgraded));
  };
  if (!loop_.shared.workers.try_submit(task)) refuse_busy();
}

// ---- answers
// ---------------------------------------------------------------------------------------------------------

void Connection::refuse(const Refusal& refusal) {
  if (!exchange_) {  // no head was understood
    exchange_ = std::make_unique<Exchange>();
    exchange_->request_id = loop_.shared.next_request_id();
    exchange_->started_us = monotonic_us();
    exchange_->bytes_in = input_.size();
    exchange_->bytes_out_before = wire_.bytes_out();
    count(loop_.shared.tallies.requests);
  }
  const bool ours = refusal.code == internal.code;  // our fault: what follows on the connection is still good
  if (!ours) close_after_ = true;
  Problem problem{
      refusal.status,       std::string(refusal.code), std::string(refusal.title), {}, std::string(refusal.field),
      exchange_->request_id};
  answer_for_edge(problem_response(problem), refusal.code);
}

void Connection::refuse_busy() {
  Response response = problem_response(
      {503, "busy", "Too many requests wait here", "Try again in a moment", {}, exchange_->request_id});
  response.set_header("retry-after", "1");
  answer_for_edge(std::move(response), "busy");
}

void Connection::answer_for_edge(Response response, std::string_view code) {
  count(loop_.shared.tallies.refused_by_edge);
  exchange_->refusal = code;
  if (exchange_->accepted) {
    try {
      loop_.shared.handler.on_edge_answer(exchange_->context, response);
    } catch (const std::exception& error) {
      loop_.shared.report(EdgeEvent::handler_threw, error.what(), exchange_->request_id);
    } catch (...) {
      loop_.shared.report(EdgeEvent::handler_threw, "not a std::exception", exchange_->request_id);
    }
  }
  answer(std::move(response));
}

void Connection::answer(Response response) {
  Exchange& exchange = *exchange_;
  exchange.status = response.status;
  close_after_ = close_after_ || response.close || exchange.body_missing || loop_.shared.draining;
  if (close_after_) std::string().swap(input_);  // never read as a request
  const bool head_only = exchange.method == "HEAD";
  wire_.queue(write_answer(response, exchange.request_id, close_after_, head_only));
  if (!head_only) {
    exchange.file = response.file();
    exchange.file_at = response.file_offset();
    exchange.file_left = response.file_bytes();
  }
  wire_.write_watch().start(loop_.now_ms);
  deadline_ms_ = wire_.write_watch().next_look_ms(loop_.now_ms, loop_.shared.options.deadlines);
  phase_ = Phase::answering;
}

/// The next piece of the answer's file. False: it cannot be read, and the answer ends short of its length.
bool Connection::queue_from_file() {
  Exchange& exchange = *exchange_;
  const auto length = static_cast<std::size_t>(std::min<std::uint64_t>(file_piece_bytes, exchange.file_left));
  auto piece = exchange.file->read_at(exchange.file_at, length);
  if (!piece || piece->size() != length) return false;
  exchange.file_at += length;
  exchange.file_left -= length;
  wire_.queue(std::move(*piece));
  return true;
}

bool Connection::finish_answer() {
  Exchange& exchange = *exchange_;
  Io io = wire_.flush();
  for (int turn = 0; io == Io::done && exchange.file_left > 0; ++turn) {
    if (!queue_from_file()) {
      close_after_ = true;
      io = Io::failed;
    } else if (turn + 1 < writes_per_turn) {
      io = wire_.flush();
    } else {
      return false;  // something waits to be written, so the loop comes back
    }
  }
  if (io == Io::again_write) return false;
  tally_answer(loop_.shared.tallies, exchange.status);
  if (loop_.shared.options.on_request_done) {
    loop_.shared.options.on_request_done(
        {exchange.request_id, address_, exchange.method, exchange.path, exchange.status, exchange.refusal,
         exchange.bytes_in, wire_.bytes_out() - exchange.bytes_out_before, monotonic_us() - exchange.started_us});
  }
  exchange_.reset();
  if (io == Io::failed) return phase_ = Phase::over, false;
  if (close_after_) return linger(), false;
  if (loop_.shared.draining) return phase_ = Phase::over, false;
  phase_ = Phase::head;
  deadline_ms_ = loop_.now_ms + loop_.shared.options.deadlines.keep_alive_ms;
  if (input_.empty()) std::string().swap(input_);
  return true;
}

/// Closing at once would make the kernel reset the connection while the peer still sends, and take the answer with it.
void Connection::linger() {
  wire_.channel().end_writing();
  phase_ = Phase::lingering;
  deadline_ms_ = loop_.now_ms + loop_.shared.options.deadlines.close_ms;
}

// ---- streams
// ---------------------------------------------------------------------------------------------------------

void Connection::begin_stream(StreamAccept accept) {
  wire_.queue(write_upgrade(accept, exchange_->head.websocket_key, exchange_->request_id));
  if (loop_.shared.options.on_request_done) {
    const Exchange& exchange = *exchange_;
    loop_.shared.options.on_request_done({exchange.request_id,
                                          address_,
                                          exchange.method,
                                          exchange.path,
                                          101,
                                          {},
                                          exchange.bytes_in,
                                          wire_.waiting(),
                                          monotonic_us() - exchange.started_us});
  }
  exchange_.reset();
  stream_ = std::make_unique<StreamSide>(std::move(accept), id_, wire_, loop_);
  phase_ = Phase::stream;
  const std::string early = std::exchange(input_, {});  // frames may come with the handshake
  stream_->take(early);
  if (loop_.shared.draining && stream_->state() == StreamSide::State::open) stream_->on_drain();
  judge_stream();
}

void Connection::judge_stream() {
  if (stream_->state() == StreamSide::State::open) return;
  const bool orderly = stream_->state() == StreamSide::State::over;
  stream_.reset();
  orderly ? linger() : void(phase_ = Phase::over);
}

}  // namespace tern::server::edge
