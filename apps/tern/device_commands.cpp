// enrol, salvage and status; sync is in sync.cpp.
#include <fmt/format.h>
#include <unistd.h>

#include <iostream>

#include "render.hpp"
#include "session.hpp"
#include "sync.hpp"
#include "terminal.hpp"
#include "tern/client/salvage.hpp"
#include "tern/protocol/enrolment.hpp"

namespace tern::apps {
namespace {

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

bool agreed_to_salvage(const client::SalvageReport& found) {
  using Found = client::SalvageReport::Found;
  if (found.found == Found::damaged)
    std::cerr << "Changes that can be read and are kept: " << found.kept << ". That cannot be read: " << found.lost
              << ".\n";
  else
    std::cerr << "Nothing of the outbox can be read: work that was not sent is lost.\n";
  std::cerr << "A copy of this home would be better. Begin a new outbox? [y/N] " << std::flush;
  std::string line;
  std::getline(std::cin, line);
  return line == "y" || line == "Y" || line == "yes";
}

Result<ExitCode> salvage(Session& session) {
  const Invocation& call = session.call();
  if (!call.yes && ::isatty(STDIN_FILENO) == 0)
    return fail(ErrorCode::usage, "salvage asks before it begins a new outbox, and there is no terminal to ask on.",
                "Pass --yes.", "yes");
  client::ClientOptions options;
  options.home = call.home;
  TERN_TRY(options.passphrase, session.passphrase(false));
  const auto confirm = [&](const client::SalvageReport& found) { return call.yes || agreed_to_salvage(found); };
  auto done = client::salvage(options, session.environment(), confirm);
  if (!done && done.error().code == ErrorCode::locked && !options.passphrase) {
    TERN_TRY(options.passphrase, session.passphrase(true));
    if (options.passphrase) done = client::salvage(options, session.environment(), confirm);
  }
  if (!done && done.error().code == ErrorCode::locked) done.error().hint = locked_hint;
  TERN_TRY(const auto report, std::move(done));
  const bool whole = report.found == client::SalvageReport::Found::whole;
  if (call.json) {
    std::cout << tern::to_text(client::to_json(report)) << '\n';
  } else {
    std::cout << safe(client::to_sentence(report)) << '\n';
    if (!report.set_aside.empty()) std::cout << "The old file is kept: " << safe(report.set_aside) << '\n';
    if (!whole) std::cout << "Next: tern sync\n";
  }
  return whole ? exit_done : exit_attention;
}

}  // namespace

bool is_device_command(std::string_view command) {
  return command == "enrol" || command == "salvage" || command == "sync" || command == "status";
}

Result<ExitCode> run_device_command(Session& session) {
  if (session.call().command == "enrol") return enrol(session);
  if (session.call().command == "sync") return run_sync(session);
  if (session.call().command == "salvage") return salvage(session);
  TERN_TRY(const auto status, session.client().views().status());
  // A wiped device has none; what keeps them from being counted, other commands say.
  const auto unread = session.client().views().unread().value_or(client::UnreadCount{});
  if (session.call().json) {
    Json line = client::to_json(status);
    line.set("unread", client::to_json(unread));
    std::cout << tern::to_text(line) << '\n';
  } else {
    print_status(status, unread);
  }
  if (status.wiped) return exit_not_enrolled;
  const bool tell = status.needs_attention + status.files_stuck > 0 || !status.paused.empty() || !status.notice.empty();
  return tell ? exit_attention : exit_done;
}

}  // namespace tern::apps
