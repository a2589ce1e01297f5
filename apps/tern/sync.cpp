#include "sync.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>

#include "render.hpp"
#include "terminal.hpp"

namespace tern::apps {
namespace {

Json report_json(const client::EngineReport& report) {
  return Json::object({{"sets_sent", Json(report.sets_sent)},
                       {"changes_sent", Json(report.changes_sent)},
                       {"receipts", Json(report.receipts)},
                       {"amendments", Json(report.amendments)},
                       {"patches", Json(report.patches)},
                       {"exchanges", Json(report.exchanges)},
                       {"files_sent", Json(report.files_sent)},
                       {"files_fetched", Json(report.files_fetched)},
                       {"bytes_up", Json(report.bytes_up)},
                       {"bytes_down", Json(report.bytes_down)}});
}

/// Shows on a terminal how much of a first replica is here, and how much of the files of a round.
class WithProgress : public client::Transport {
public:
  WithProgress(client::Transport& inner, client::SyncEngine& engine, bool show, bool first)
      : inner_(inner), engine_(engine), show_(show), first_(first) {}
  ~WithProgress() override {
    if (shown_) std::cerr << "\r                                \r" << std::flush;
  }
  Result<client::HttpAnswer> send(const client::HttpRequest& request) override {
    tell();
    return inner_.send(request);
  }
  void send_ahead(const client::HttpRequest& request) override { inner_.send_ahead(request); }
  Result<client::HttpAnswer> fetch() override {
    tell();
    return inner_.fetch();
  }

private:
  void tell() {
    const auto& report = engine_.report();
    if (!show_) return;
    if (engine_.files_under_way()) {
      std::cerr << '\r' << size_text(report.file_bytes_done) << " of " << size_text(report.file_bytes_due)
                << " of files   " << std::flush;
      shown_ = true;
      return;
    }
    if (!first_ || report.tickets_in_scope == 0) return;
    std::cerr << '\r' << std::min(report.patches, report.tickets_in_scope) << " of " << report.tickets_in_scope
              << " tickets " << std::flush;
    shown_ = true;
  }

  client::Transport& inner_;
  client::SyncEngine& engine_;
  bool show_, first_, shown_ = false;
};

/// What the transport says of a certificate, with what can be done about it.
Error about_certificate(Error error) {
  if (error.field != client::field_certificate) return error;
  error.hint =
      "If the server's certificate was replaced, name it or its CA: tern sync --ca FILE. Your work is saved here.";
  return error;
}

/// What this round alone did: a process that watches has counted more.
client::EngineReport since(const Round& round) {
  client::EngineReport own = round.now;
  own.sets_sent -= round.before.sets_sent;
  own.changes_sent -= round.before.changes_sent;
  own.receipts -= round.before.receipts;
  own.amendments -= round.before.amendments;
  own.patches -= round.before.patches;
  own.exchanges -= round.before.exchanges;
  own.files_sent -= std::min(own.files_sent, round.before.files_sent);
  own.files_fetched -= std::min(own.files_fetched, round.before.files_fetched);
  own.bytes_up -= round.before.bytes_up;
  own.bytes_down -= round.before.bytes_down;
  return own;
}

std::string sent_and_received(std::uint64_t changes, std::uint64_t tickets) {
  const auto counted = [](std::uint64_t n, const char* what) {
    return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s");
  };
  return "Sent " + counted(changes, "change") + ", received " + counted(tickets, "ticket") + ".";
}

}  // namespace

Result<std::unique_ptr<client::HttpTransport>> transport_to(const std::string& url, const std::string& ca_file,
                                                            bool insecure_http) {
  client::TransportOptions options;
  options.server_url = url;
  options.ca_file = ca_file;
  options.insecure_http = insecure_http;
  return client::HttpTransport::open(options);
}

Result<std::unique_ptr<client::HttpTransport>> transport_of(Session& session) {
  const client::DeviceIdentity& identity = session.client().identity();
  const std::string& given = session.new_authorities();
  const bool plain = identity.server_url.starts_with("http://");
  if (plain && !given.empty())
    return fail(ErrorCode::usage, "This device's server is at a plain http address: there is no certificate.",
                "Leave --ca out.", "ca");
  auto transport = transport_to(identity.server_url, given.empty() ? identity.ca_file : given, plain);
  if (transport || !given.empty() || transport.error().field != "ca") return transport;
  return fail(ErrorCode::no_connection,
              "The certificate authorities that this home keeps cannot be read: " + identity.ca_file + ".",
              "Name the server's certificate or its CA again: tern sync --ca FILE. Your work is saved here.",
              std::string(client::field_certificate));
}

Result<Round> sync_round(Session& session, client::Transport& transport) {
  TERN_TRY(const auto before, session.client().views().status());
  const bool terminal = ::isatty(STDERR_FILENO) == 1 && !session.call().json;
  client::SyncEngine& engine = session.client().engine();
  WithProgress watched(transport, engine, terminal, !before.first_replica_complete);
  const client::EngineReport counted = engine.report();
  const auto done = engine.run_round(watched);
  // Who answered an exchange, its keys have proven: the certificate that it came under is good from now on.
  if (engine.report().exchanges > counted.exchanges) TERN_CHECKED(session.keep_new_authorities());
  TERN_TRY(const auto after, session.client().views().status());
  const std::string notice = after.notice == before.notice ? std::string() : after.notice;
  if (!notice.empty() && !session.call().json) std::cerr << safe(notice) << std::endl;
  if (!done) return tl::unexpected(about_certificate(done.error()));
  return Round{counted, *done, notice};
}

void tell_counts(Session& session, const client::EngineReport& report, std::uint64_t changes, std::uint64_t tickets) {
  if (session.call().json)
    std::cout << tern::to_text(report_json(report)) << std::endl;
  else
    std::cout << sent_and_received(changes, tickets) << std::endl;
}

Result<ExitCode> tell_round(Session& session, const Round& done, const client::EngineReport& report) {
  TERN_TRY(const auto status, session.client().views().status());
  if (session.call().json) {
    Json line = report_json(report);
    line.set("needs_attention", Json(status.needs_attention));
    line.set("current_as_of", client::to_json(status)["current_as_of"]);
    if (!done.notice.empty()) line.set("notice", Json(done.notice));
    std::cout << tern::to_text(line) << std::endl;
  } else {
    std::cout << sent_and_received(report.changes_sent, report.patches);
    if (report.files_sent + report.files_fetched > 0)
      std::cout << fmt::format(" Files: {} sent, {} received.", report.files_sent, report.files_fetched);
    if (status.files_waiting > 0)
      std::cout << fmt::format(" {} wait{} to be sent.",
                               counted_files(status.files_waiting, status.files_waiting_bytes),
                               status.files_waiting == 1 ? "s" : "");
    if (status.needs_attention > 0)
      std::cout << fmt::format(" {} need{} attention: tern attention", status.needs_attention,
                               status.needs_attention == 1 ? "s" : "");
    std::cout << std::endl;
  }
  return status.needs_attention + status.files_stuck > 0 || !done.notice.empty() ? exit_attention : exit_done;
}

Result<ExitCode> run_sync(Session& session) {
  if (session.call().watch) return run_watch(session);
  TERN_TRY(auto transport, transport_of(session));
  TERN_TRY(const auto done, sync_round(session, *transport));
  return tell_round(session, done, since(done));
}

}  // namespace tern::apps
