// tern sync --watch.
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <iostream>
#include <thread>

#include "sync.hpp"

namespace tern::apps {
namespace {

constexpr std::int64_t silent_ms_max = 15'000;   // while an answer is overdue
constexpr std::int64_t look_every_ms = 300'000;  // a push that was lost is made up for by then
constexpr std::int64_t pause_ms_min = 1'000, pause_ms_max = 15'000, pause_ms_long = 60'000;
constexpr unsigned faults_of_a_long_pause = 40;  // about ten minutes

std::atomic<bool> interrupted{false};

void on_signal(int) {
  interrupted = true;
}

/// What a watching process does between two looks at the network.
class Watch {
public:
  Watch(Session& session, std::unique_ptr<client::HttpTransport> transport, HomeSocket& socket)
      : session_(session), transport_(std::move(transport)), socket_(socket) {}

  Result<ExitCode> run();

private:
  bool serve_others();
  CommandOutput perform(const Invocation& call);
  Result<void> follow();
  Result<void> talk(client::StreamConnection& stream);
  Result<void> take(ByteView message);
  bool carry_file_piece();
  void tell();
  void pause();
  [[nodiscard]] bool nothing_to_come_back_for();
  client::SyncEngine& engine() { return session_.client().engine(); }

  Session& session_;
  std::unique_ptr<client::HttpTransport> transport_;
  HomeSocket& socket_;
  std::uint64_t told_sent_ = 0, told_received_ = 0;  // of the engine's counts
  unsigned faults_ = 0;                              // in a row
  bool left_stream_ = false;                         // for a command that asked for a round
};

/// A sync of another process goes its own way, by a request, as it would without this one.
CommandOutput Watch::perform(const Invocation& call) {
  if (!goes_online(call.command)) return session_.perform(call);
  engine().on_stream_closed();
  left_stream_ = true;
  CommandOutput done = session_.perform(call);
  if (!call.ca_file.empty())
    if (auto anew = transport_of(session_)) transport_ = std::move(*anew);
  tell();
  return done;
}

/// Commands of other processes on this home. True when there were any: their work may wait to be sent.
bool Watch::serve_others() {
  bool any = false;
  while (socket_.serve_one([this](const Invocation& call) { return perform(call); })) any = true;
  return any;
}

/// Follows the stream until it ends, the user interrupts, or another command wants a round of its own.
Result<void> Watch::follow() {
  left_stream_ = false;
  const auto upgrade = engine().stream_upgrade();
  if (!upgrade) return {};
  TERN_TRY(auto opening, transport_->open_stream(*upgrade));
  TERN_CHECKED(engine().on_stream_open(opening.answer));
  if (!opening.stream) return {};
  auto ended = talk(*opening.stream);
  if (interrupted || left_stream_) opening.stream->close();
  engine().on_stream_closed();
  if (!left_stream_) transport_->start_anew();  // the line that ended may have taken the kept one with it
  return ended;
}

Result<void> Watch::talk(client::StreamConnection& stream) {
  std::int64_t heard_ms = session_.environment().boot_ms();
  while (!interrupted) {
    const bool asked = serve_others();
    if (left_stream_) return {};
    const std::int64_t now_ms = session_.environment().boot_ms();
    if (asked || now_ms - heard_ms > look_every_ms) {  // what they saved goes out now
      engine().start_round();
      heard_ms = now_ms;
    }
    while (const auto message = engine().next_stream_message()) TERN_CHECKED(stream.send(*message));
    const bool carried = carry_file_piece();
    if (engine().stream_answer_is_overdue() && stream.silent_ms() >= silent_ms_max)
      return fail(ErrorCode::no_connection, "The server has fallen silent.",
                  "It is connected to anew; your work is saved here.");
    const auto message = stream.receive(carried ? 0 : 200);
    if (!message) return {};  // the next round says what is wrong, if it still is
    if (!*message) continue;
    TERN_CHECKED(take(**message));
    heard_ms = now_ms;
  }
  return {};
}

Result<void> Watch::take(ByteView message) {
  TERN_CHECKED(engine().on_stream_message(message));
  for (bool more = true; more;) {
    TERN_TRY(more, engine().apply_slice(500));
  }
  tell();
  return {};
}

/// Files travel beside the stream. True: there may be more of them.
bool Watch::carry_file_piece() {
  if (!engine().files_under_way()) return false;
  const client::EngineStep step = engine().next();
  if (step.kind != client::EngineStep::Kind::send) return false;
  static_cast<void>(engine().on_answer(transport_->send(step.request)));  // after a fault the engine waits
  return engine().files_under_way();
}

/// What was brought or taken since the last time, when anything was.
void Watch::tell() {
  const client::EngineReport& now = engine().report();
  const std::uint64_t sent = now.changes_sent - told_sent_, received = now.patches - told_received_;
  if (sent == 0 && received == 0) return;
  told_sent_ = now.changes_sent;
  told_received_ = now.patches;
  tell_counts(session_, now, sent, received);
}

/// Waits in small steps, so that an interrupt and other commands are heard: longer after each fault, and half of it
/// drawn, so that many devices do not come back at once.
void Watch::pause() {
  const std::int64_t most_ms = faults_ > faults_of_a_long_pause ? pause_ms_long : pause_ms_max;
  const std::int64_t full_ms = std::min(pause_ms_min << std::min(faults_, 10U), most_ms);
  std::uint32_t drawn = 0;
  session_.environment().random(&drawn, sizeof drawn);
  const std::int64_t ms = full_ms / 2 + drawn % (full_ms / 2);
  for (std::int64_t waited = 0; waited < ms && !interrupted; waited += 100) {
    if (serve_others()) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

bool Watch::nothing_to_come_back_for() {
  if (engine().is_over()) return true;
  const auto status = session_.client().views().status();
  return status && status->wiped;
}

Result<ExitCode> Watch::run() {
  while (!interrupted) {
    const auto done = sync_round(session_, *transport_);
    if (done) {
      faults_ = 0;
      TERN_CHECKED(tell_round(session_, *done, done->now));
      told_sent_ = done->now.changes_sent;
      told_received_ = done->now.patches;
      if (const auto followed = follow(); !followed) report(followed.error(), session_.call().json);
    } else {
      if (nothing_to_come_back_for()) return tl::unexpected(done.error());
      report(done.error(), session_.call().json);
      ++faults_;
    }
    if (!left_stream_) pause();
    left_stream_ = false;
  }
  return exit_done;
}

}  // namespace

Result<ExitCode> run_watch(Session& session) {
  TERN_TRY(auto transport, transport_of(session));
  struct sigaction action {};
  action.sa_handler = on_signal;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  TERN_TRY(const auto socket, HomeSocket::listen(session.call().home));
  return Watch(session, std::move(transport), *socket).run();
}

}  // namespace tern::apps
