// enrol, sync, status: the commands that know a network.
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <iostream>
#include <thread>

#include "render.hpp"
#include "session.hpp"
#include "terminal.hpp"
#include "tern/client_poco/http_transport.hpp"
#include "tern/protocol/enrolment.hpp"

namespace tern::apps {
namespace {

std::atomic<bool> interrupted{false};

void on_signal(int) {
  interrupted = true;
}

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "device";
}

void tell(const client::EnrolmentOffer& offer) {
  std::cerr << "Enrol this machine as a device of\n  tenant    " << safe(offer.tenant_name) << "\n  operator  "
            << safe(offer.operator_name) << "\n  server    " << safe(offer.server_url) << "\n  root      "
            << safe(offer.root_fingerprint) << '\n';
}

bool agreed(const client::EnrolmentOffer& offer) {
  tell(offer);
  std::cerr << "Is that right? [y/N] " << std::flush;
  std::string line;
  std::getline(std::cin, line);
  return line == "y" || line == "Y" || line == "yes";
}

Result<client::EnrolmentRequest> enrolment_request(Session& session) {
  const Invocation& call = session.call();
  client::EnrolmentRequest request;
  request.home = call.home;
  request.server_url = call.server;
  request.ca_file = call.ca_file;
  request.code = call.code;
  request.device_name = call.device_name.empty() ? host_name() : call.device_name;
  request.platform = "linux";
  if (!call.link.empty()) {
    TERN_TRY(const auto link, protocol::enrolment_link_from_text(call.link));
    request.server_url = link.url;
    request.code = link.code;
    request.root_fingerprint = to_hex(link.root);
  }
  if (request.code == "-") {
    TERN_TRY(request.code, read_stdin(256));
  }
  if (request.server_url.empty() || request.code.empty())
    return fail(ErrorCode::usage, "enrol needs --server and --code, or --link.",
                "The code comes from: ternd device code --operator NAME",
                request.server_url.empty() ? "server" : "code");
  if (safe(request.device_name) != request.device_name)
    return fail(ErrorCode::usage, "The device's name holds control characters.", "Choose another one.", "name");
  TERN_TRY(request.passphrase, session.new_passphrase());
  return request;
}

Result<std::unique_ptr<client::HttpTransport>> transport_to(const std::string& url, const std::string& ca_file,
                                                            bool insecure_http) {
  client::TransportOptions options;
  options.server_url = url;
  options.ca_file = ca_file;
  options.insecure_http = insecure_http;
  return client::HttpTransport::open(options);
}

Result<ExitCode> enrol(Session& session) {
  const Invocation& call = session.call();
  TERN_TRY(const auto request, enrolment_request(session));
  TERN_TRY(auto transport, transport_to(request.server_url, request.ca_file, call.insecure_http));
  // Without a terminal nobody can be asked. Who wrote the server's name himself has said where he wants to go; a link,
  // which may be anybody's, has not.
  const bool can_ask = ::isatty(STDIN_FILENO) != 0;
  if (!call.yes && !can_ask && !call.link.empty())
    return fail(ErrorCode::usage, "enrol asks whether what the link says is right, and there is no terminal to ask on.",
                "Pass --yes, or --server and --code.", "yes");
  const auto confirm = [&](const client::EnrolmentOffer& offer) {
    if (call.yes) return true;
    if (can_ask) return agreed(offer);
    tell(offer);
    return true;
  };
  TERN_TRY(const auto identity, client::enrol(request, *transport, session.environment(), confirm));
  if (call.json) {
    std::cout << tern::to_text(Json::object({{"device", Json(to_uuid_text(identity.device.view()))},
                                             {"tenant", Json(identity.tenant_name)},
                                             {"operator", Json(identity.operator_name)},
                                             {"home", Json(call.home)}}))
              << '\n';
  } else {
    std::cout << "Enrolled as a device of " << safe(identity.operator_name) << " at " << safe(identity.tenant_name)
              << ". Next: tern sync\n";
    if (!identity.passphrase_protected)
      std::cerr << "No passphrase protects the keys: whoever has the disk can read the tickets on it.\n";
  }
  return exit_done;
}

Json report_json(const client::EngineReport& report) {
  return Json::object({{"sets_sent", Json(report.sets_sent)},
                       {"changes_sent", Json(report.changes_sent)},
                       {"receipts", Json(report.receipts)},
                       {"amendments", Json(report.amendments)},
                       {"patches", Json(report.patches)},
                       {"exchanges", Json(report.exchanges)},
                       {"bytes_up", Json(report.bytes_up)},
                       {"bytes_down", Json(report.bytes_down)}});
}

/// Shows on a terminal how much of a first replica is here.
class WithProgress : public client::Transport {
public:
  WithProgress(client::Transport& inner, client::SyncEngine& engine, bool show)
      : inner_(inner), engine_(engine), show_(show) {}
  ~WithProgress() override {
    if (shown_) std::cerr << "\r                                \r" << std::flush;
  }
  Result<client::HttpAnswer> send(const client::HttpRequest& request) override {
    const auto& report = engine_.report();
    if (show_ && report.tickets_in_scope > 0) {
      std::cerr << '\r' << std::min(report.patches, report.tickets_in_scope) << " of " << report.tickets_in_scope
                << " tickets " << std::flush;
      shown_ = true;
    }
    return inner_.send(request);
  }

private:
  client::Transport& inner_;
  client::SyncEngine& engine_;
  bool show_, shown_ = false;
};

/// One round, and what it told about this device that was not told before.
struct Round {
  client::EngineReport report;
  std::string notice;
};

Result<Round> round(Session& session, client::Transport& transport) {
  TERN_TRY(const auto before, session.client().views().status());
  const bool terminal = ::isatty(STDERR_FILENO) == 1 && !session.call().json;
  client::SyncEngine& engine = session.client().engine();
  WithProgress watched(transport, engine, terminal && !before.first_replica_complete);
  const auto done = engine.run_round(watched);
  TERN_TRY(const auto after, session.client().views().status());
  const std::string notice = after.notice == before.notice ? std::string() : after.notice;
  if (!notice.empty() && !session.call().json) std::cerr << safe(notice) << std::endl;
  if (!done) return tl::unexpected(done.error());
  return Round{*done, notice};
}

std::string sent_and_received(std::uint64_t changes, std::uint64_t tickets) {
  const auto counted = [](std::uint64_t n, const char* what) {
    return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s");
  };
  return "Sent " + counted(changes, "change") + ", received " + counted(tickets, "ticket") + ".";
}

Result<ExitCode> after_sync(Session& session, const Round& done) {
  const client::EngineReport& report = done.report;
  TERN_TRY(const auto status, session.client().views().status());
  if (session.call().json) {
    Json line = report_json(report);
    line.set("needs_attention", Json(status.needs_attention));
    line.set("current_as_of", client::to_json(status)["current_as_of"]);
    if (!done.notice.empty()) line.set("notice", Json(done.notice));
    std::cout << tern::to_text(line) << std::endl;
  } else {
    std::cout << sent_and_received(report.changes_sent, report.patches);
    if (status.needs_attention > 0)
      std::cout << fmt::format(" {} need{} attention: tern attention", status.needs_attention,
                               status.needs_attention == 1 ? "s" : "");
    std::cout << std::endl;
  }
  return status.needs_attention > 0 || !done.notice.empty() ? exit_attention : exit_done;
}

/// What a watching process does between two looks at the network.
class Watch {
public:
  Watch(Session& session, client::HttpTransport& transport, HomeSocket& socket)
      : session_(session), transport_(transport), socket_(socket) {}

  Result<ExitCode> run();

private:
  bool serve_others();
  Result<void> follow();
  void tell();
  void pause_ms(std::int64_t ms);
  client::SyncEngine& engine() { return session_.client().engine(); }

  Session& session_;
  client::HttpTransport& transport_;
  HomeSocket& socket_;
  std::uint64_t told_sent_ = 0, told_received_ = 0;  // of the engine's counts
};

/// Commands of other processes on this home. True when there were any: their work may wait to be sent.
bool Watch::serve_others() {
  bool any = false;
  while (socket_.serve_one([this](const Invocation& call) { return session_.perform(call); })) any = true;
  return any;
}

/// Follows the stream until it ends or the user interrupts.
Result<void> Watch::follow() {
  const auto upgrade = engine().stream_upgrade();
  if (!upgrade) return {};
  TERN_TRY(auto opening, transport_.open_stream(*upgrade));
  TERN_CHECKED(engine().on_stream_open(opening.answer));
  if (!opening.stream) return {};
  client::StreamConnection& stream = *opening.stream;
  Result<void> ended;
  while (!interrupted && ended) {
    if (serve_others()) engine().start_round();  // what they saved goes out now
    while (const auto message = engine().next_stream_message())
      if (ended = stream.send(*message); !ended) break;
    if (!ended) break;
    auto received = stream.receive(200);
    if (!received) break;
    if (!*received) continue;
    if (ended = engine().on_stream_message(**received); !ended) break;
    for (bool more = true; more;) {
      TERN_TRY(more, engine().apply_slice(500));
    }
    tell();
  }
  if (interrupted) stream.close();
  engine().on_stream_closed();
  return ended;
}

/// What the last message of the stream brought or took, when it did.
void Watch::tell() {
  const client::EngineReport& now = engine().report();
  const std::uint64_t sent = now.changes_sent - told_sent_, received = now.patches - told_received_;
  if (sent == 0 && received == 0) return;
  told_sent_ = now.changes_sent;
  told_received_ = now.patches;
  if (session_.call().json)
    std::cout << tern::to_text(report_json(now)) << std::endl;
  else
    std::cout << sent_and_received(sent, received) << std::endl;
}

/// Waits in small steps, so that an interrupt and other commands are heard.
void Watch::pause_ms(std::int64_t ms) {
  for (std::int64_t waited = 0; waited < ms && !interrupted; waited += 100) {
    if (serve_others()) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

Result<ExitCode> Watch::run() {
  std::int64_t back_off_ms = 1000;
  while (!interrupted) {
    const auto done = round(session_, transport_);
    if (done) {
      back_off_ms = 1000;
      TERN_CHECKED(after_sync(session_, *done));
      told_sent_ = done->report.changes_sent;
      told_received_ = done->report.patches;
      if (const auto followed = follow(); !followed) report(followed.error(), session_.call().json);
    } else {
      const auto status = session_.client().views().status();
      if (status && status->wiped) return tl::unexpected(done.error());  // there is nothing to watch any more
      report(done.error(), session_.call().json);
      back_off_ms = std::min<std::int64_t>(back_off_ms * 2, 60'000);
    }
    pause_ms(back_off_ms);
  }
  return exit_done;
}

Result<ExitCode> sync(Session& session) {
  const client::DeviceIdentity& identity = session.client().identity();
  TERN_TRY(auto transport,
           transport_to(identity.server_url, session.call().ca_file.empty() ? identity.ca_file : session.call().ca_file,
                        identity.server_url.starts_with("http://")));
  if (session.call().watch) {
    struct sigaction action {};
    action.sa_handler = on_signal;
    ::sigaction(SIGINT, &action, nullptr);
    ::sigaction(SIGTERM, &action, nullptr);
    TERN_TRY(const auto socket, HomeSocket::listen(session.call().home));
    return Watch(session, *transport, *socket).run();
  }
  TERN_TRY(const auto done, round(session, *transport));
  return after_sync(session, done);
}

}  // namespace

bool is_device_command(std::string_view command) {
  return command == "enrol" || command == "sync" || command == "status";
}

Result<ExitCode> run_device_command(Session& session) {
  if (session.call().command == "enrol") return enrol(session);
  if (session.call().command == "sync") return sync(session);
  TERN_TRY(const auto status, session.client().views().status());
  if (session.call().json)
    std::cout << tern::to_text(client::to_json(status)) << '\n';
  else
    print_status(status);
  if (status.wiped) return exit_not_enrolled;
  const bool tell = status.needs_attention > 0 || !status.paused.empty() || !status.notice.empty();
  return tell ? exit_attention : exit_done;
}

}  // namespace tern::apps
