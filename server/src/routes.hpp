// The HTTP face of the server core: method, path and credentials are judged before a byte of the body is read, the
// body's digest at its end; every answer under a session carries its MAC. Paths and codes: docs/protocol.md.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

#include "access/enrolment.hpp"
#include "access/open_tenants.hpp"
#include "access/sessions.hpp"
#include "api/api_service.hpp"
#include "exchange/exchange_service.hpp"
#include "inbound/inbound_service.hpp"
#include "portal/portal_service.hpp"
#include "push/stream_hub.hpp"
#include "rating/rating_service.hpp"
#include "tern/server/http.hpp"
#include "tern/server/log.hpp"

namespace tern::server {

struct RouteCounters {
  std::atomic<std::uint64_t> enrolments{0}, enrolments_refused{0}, handshakes{0}, sessions{0}, sessions_refused{0};
  std::atomic<std::uint64_t> macs_refused{0}, replays_refused{0}, upgrades{0};
};

/// Thread-safe.
class Routes : public Handler {
public:
  /// What answers. References outlive the routes.
  struct Parts {
    Environment& environment;
    OpenTenants& tenants;
    SessionRegistry& sessions;
    Enrolment& enrolment;
    ExchangeService& exchange;
    StreamHub& streams;
    ApiService& api;
    InboundService& inbound;
    RatingService& rating;
    PortalService& portal;
    const Log& log;
    std::function<Committer&()> committer;
    std::function<std::string()> metrics;
    std::function<bool()> draining;
  };
  explicit Routes(Parts parts) : parts_(std::move(parts)) {}

  HeadVerdict on_head(const Request& head) override;
  Response handle(Request&& request, std::any context) override;
  /// An exchange gives its worker back while it waits for the commit.
  void handle_async(Request&& request, std::any context, Reply reply) override;
  UpgradeVerdict on_upgrade(const Request& head) override;
  void on_edge_answer(const std::any& context, Response& answer) override;

  [[nodiscard]] const RouteCounters& counters() const { return counters_; }

private:
  struct Route;
  struct Accepted;
  static const Route* find_route(std::string_view path);
  using Answer = Result<Response> (Routes::*)(const Request& request, const Bytes& body,
                                              const AuthenticatedRequest* auth);

  Result<Response> answer(const Request& request, const Accepted& accepted);
  /// The body as its sender meant it: its digest judged, unpacked.
  static Result<Bytes> read_body(const Request& request, const Accepted& accepted);
  Response sealed(Result<Response> answered, const Request& request, const Accepted& accepted);
  Result<Response> health(const Request& request, const Bytes& body, const AuthenticatedRequest* auth);
  Result<Response> sign_in(const Request& request, const Bytes& body, const AuthenticatedRequest* auth);
  Result<Response> reset(const Request& request, const Bytes& body, const AuthenticatedRequest* auth);
  Result<Response> tenant(const Request& request, const Bytes& body, const AuthenticatedRequest* auth);
  Result<Response> portal(const Request& request, const Bytes& body, const AuthenticatedRequest* auth);
  Result<Response> embedded(const Request& request, const Bytes& body, const AuthenticatedRequest* auth);
  Result<Response> loader(const Request& request, const Bytes& body, const AuthenticatedRequest* auth);
  Result<Response> metrics(const Request& request, const Bytes& body, const AuthenticatedRequest* auth);
  Result<Response> enrol(const Request& request, const Bytes& body, const AuthenticatedRequest* auth);
  Result<Response> hello(const Request& request, const Bytes& body, const AuthenticatedRequest* auth);
  Result<Response> session(const Request& request, const Bytes& body, const AuthenticatedRequest* auth);
  Result<Response> exchange(const Request& request, const Bytes& body, const AuthenticatedRequest* auth);
  Result<Response> take_file(const Request& request, const Bytes& body, const AuthenticatedRequest* auth);
  Result<Response> give_file(const Request& request, const Bytes& body, const AuthenticatedRequest* auth);

  tl::expected<AuthenticatedRequest, Response> authenticate(const Request& head);
  Response refuse_session(const RefusedRequest& refused, const std::string& request_id);
  /// The refusal of an error, and a log line where the server is at fault.
  Response fault(const Error& error, const Request& request);

  Parts parts_;
  RouteCounters counters_;
};

}  // namespace tern::server
