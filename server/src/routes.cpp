#include "routes.hpp"

#include "exchange/exchange_request.hpp"
#include "exchange/exchange_service.hpp"
#include "exchange/file_pieces.hpp"
#include "http/problems.hpp"
#include "http/reset_page.hpp"
#include "http/sign_in_page.hpp"
#include "http/tenant_page.hpp"
#include "portal/widget_loader.hpp"
#include "tern/protocol/enrolment.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/protocol/zstd.hpp"

namespace tern::server {
namespace {

constexpr std::string_view octets = "application/octet-stream";
constexpr std::string_view protobuf = "application/x-protobuf";
constexpr std::uint64_t handshake_bytes_max = 4 * limits::kib;
constexpr std::uint64_t exchange_bytes_max = limits::change_set_bytes_max + limits::want_bytes_max;
constexpr std::uint64_t piece_bytes_max = limits::file_piece_bytes_max + protocol::file_piece_head_bytes;
constexpr std::size_t compress_above_bytes = 256;

/// A browser that was led here by a name of somebody else's (DNS rebinding) says that name.
bool names_this_machine(std::string_view host) {
  if (host.empty()) return true;  // no browser
  if (host.starts_with("[")) return is_loopback(host.substr(1, host.find(']') - 1));
  host = host.substr(0, host.find(':'));
  const bool digits = host.find_first_not_of("0123456789.") == std::string_view::npos;
  return host == "localhost" || (digits && is_loopback(host));
}

Response not_found(const std::string& request_id) {
  return problem_response({404, "not_found", "There is nothing here", "", "", request_id});
}

/// The type that was announced, without parameters. Nothing else than what a route speaks is read.
std::optional<Response> wrong_type(const Request& head, std::string_view wanted) {
  if (head.header("content-type") == wanted) return std::nullopt;
  return problem_response({415, "content_type", "Another content type is needed", "Send " + std::string(wanted) + ".",
                           "content-type", head.request_id});
}

std::optional<Response> wrong_coding(const Request& head) {
  const std::string_view coding = head.header("content-encoding");
  if (coding.empty() || coding == "zstd") return std::nullopt;
  return problem_response({415, "content_encoding", "The content coding is not known", "Send zstd, or none.",
                           "content-encoding", head.request_id});
}

Result<void> check_body(const Bytes& body, const protocol::RequestAuth& auth) {
  const bool announced = auth.body_bytes.has_value() && auth.body_digest.has_value();
  const bool same =
      announced ? body.size() == *auth.body_bytes && protocol::body_digest(body) == *auth.body_digest : body.empty();
  if (same) return {};
  return fail(ErrorCode::mac_invalid, "The body is not the one that the request's MAC covers.", "Send it again.",
              "body");
}

/// The answer to an exchange, packed where that makes it smaller. `request`: what it may be packed against; empty:
/// nothing.
Response packed_response(ByteView request, Bytes message) {
  if (message.size() <= compress_above_bytes) return Response(200, protobuf, std::move(message));
  const bool against = !request.empty();
  Bytes packed = against ? protocol::compress_against(request, message, 3) : protocol::compress(message);
  if (packed.size() >= message.size()) return Response(200, protobuf, std::move(message));
  Response response(200, protobuf, std::move(packed));
  response.set_header("content-encoding", against ? "zstd-request" : "zstd");
  return response;
}

}  // namespace

struct Routes::Route {
  std::string_view path, method;
  Answer answer;
  std::uint64_t body_bytes_max = 0;
  std::string_view content_type;  // empty: no body is read
  bool under_session = false;
};

const Routes::Route* Routes::find_route(std::string_view path) {
  static constexpr Route table[] = {
      {"/sync/v1/exchange", "POST", &Routes::exchange, exchange_bytes_max, protobuf, true},
      {"/sync/v1/file", "POST", &Routes::take_file, piece_bytes_max, octets, true},
      {"/sync/v1/file/read", "POST", &Routes::give_file, protocol::file_piece_head_bytes, octets, true},
      {"/sync/v1/hello", "POST", &Routes::hello, handshake_bytes_max, octets},
      {"/sync/v1/session", "POST", &Routes::session, handshake_bytes_max, octets},
      {"/sync/v1/enrol", "POST", &Routes::enrol, protocol::enrolment_request_bytes_max, octets},
      {"/index.html", "GET", &Routes::portal, 0, {}},
      {"/embed.html", "GET", &Routes::embedded, 0, {}},
      {"/widget/loader.js", "GET", &Routes::loader, 0, {}},
      {"/tenant.html", "GET", &Routes::tenant, 0, {}},
      {"/reset", "GET", &Routes::reset, 0, {}},
      {"/sign-in", "GET", &Routes::sign_in, 0, {}},
      {"/healthz", "GET", &Routes::health, 0, {}},
      {"/metrics", "GET", &Routes::metrics, 0, {}},
  };
  for (const Route& route : table)
    if (route.path == path) return &route;
  return nullptr;
}

/// What on_head hands to handle.
struct Routes::Accepted {
  const Route* route = nullptr;
  std::optional<AuthenticatedRequest> auth;
};

// ---- heads ----

HeadVerdict Routes::on_head(const Request& head) {
  if (InboundService::owns(head.path)) return parts_.inbound.on_head(head);
  if (ApiService::owns(head.path)) return parts_.api.on_head(head);
  if (RatingService::owns(head.path)) return RatingService::on_head(head);
  const Route* route = find_route(head.path);
  if (route == nullptr) return not_found(head.request_id);
  if (head.method != route->method) {
    Response response =
        problem_response({405, "method_not_allowed", "Another method is needed", "", "", head.request_id});
    response.set_header("allow", route->method);
    return response;
  }
  Accepted accepted{route, {}};
  if (route->under_session) {
    auto auth = authenticate(head);
    if (!auth) return std::move(auth).error();
    accepted.auth = std::move(*auth);
  }
  const auto seal = [&](Response response) {
    if (accepted.auth) seal_answer(*accepted.auth, response);
    return response;
  };
  if (route->content_type.empty()) return HeadAccept{0, accepted};
  if (auto refused = wrong_type(head, route->content_type)) return seal(std::move(*refused));
  if (auto refused = wrong_coding(head)) return seal(std::move(*refused));
  if (head.content_length && *head.content_length > route->body_bytes_max)
    return seal(problem_response({413, "body_too_large", "The body is too large", "", "", head.request_id}));
  return HeadAccept{route->body_bytes_max, accepted};
}

tl::expected<AuthenticatedRequest, Response> Routes::authenticate(const Request& head) {
  auto auth = parts_.sessions.authenticate(head);
  if (auth) return std::move(*auth);
  return tl::unexpected(refuse_session(auth.error(), head.request_id));
}

Response Routes::refuse_session(const RefusedRequest& refused, const std::string& request_id) {
  if (refused.error.code == ErrorCode::mac_invalid) ++counters_.macs_refused;
  if (refused.error.code == ErrorCode::replayed) ++counters_.replays_refused;
  Response response = refusal(refused.error, request_id);
  if (refused.error.code == ErrorCode::clock_skew) {
    auto body = parse_json(response.body);
    check(body.has_value(), "a problem is JSON");
    body->set("server_time_ms", Json(parts_.environment.wall_ms()));
    response.body = to_text(*body);
  }
  if (refused.request) seal_answer(*refused.request, response);
  return response;
}

void Routes::on_edge_answer(const std::any& context, Response& answer) {
  const auto* accepted = std::any_cast<Accepted>(&context);
  if (accepted != nullptr && accepted->auth) seal_answer(*accepted->auth, answer);
}

// ---- requests ----

Response Routes::fault(const Error& error, const Request& request) {
  if (!tells_the_peer(error.code))
    parts_.log.write(LogLevel::error, "request_failed",
                     {{"request_id", Json(request.request_id)},
                      {"path", Json(request.path)},
                      {"code", Json(to_string(error.code))},
                      {"reason", Json(error.message)}});
  return refusal(error, request.request_id);
}

Response Routes::handle(Request&& request, std::any context) {
  if (const auto* asked = std::any_cast<ApiAccepted>(&context)) return parts_.api.answer(request, *asked);
  if (const auto* sent = std::any_cast<InboundAccepted>(&context)) return parts_.inbound.answer(request, *sent);
  if (const auto* rated = std::any_cast<RatingAccepted>(&context)) return parts_.rating.answer(request, *rated);
  const auto* accepted = std::any_cast<Accepted>(&context);
  check(accepted != nullptr && accepted->route != nullptr, "a request comes with what on_head made of it");
  return sealed(answer(request, *accepted), request, *accepted);
}

void Routes::handle_async(Request&& request, std::any context, Reply reply) {
  if (std::any_cast<ApiAccepted>(&context) != nullptr || std::any_cast<InboundAccepted>(&context) != nullptr ||
      std::any_cast<RatingAccepted>(&context) != nullptr)
    return Handler::handle_async(std::move(request), std::move(context), reply);
  const auto* accepted = std::any_cast<Accepted>(&context);
  check(accepted != nullptr && accepted->route != nullptr, "a request comes with what on_head made of it");
  if (accepted->route->answer != &Routes::exchange)
    return Handler::handle_async(std::move(request), std::move(context), reply);
  const auto body = read_body(request, *accepted);
  struct Waiting {
    Request request;
    Accepted accepted;
    Bytes against;
  };
  const auto waiting = std::make_shared<Waiting>(Waiting{std::move(request), *accepted, {}});
  const auto done = [this, waiting, reply](Result<Bytes> message) {
    const auto packed = [&](Bytes answer) { return packed_response(waiting->against, std::move(answer)); };
    reply(sealed(std::move(message).map(packed), waiting->request, waiting->accepted));
  };
  if (!body) return done(tl::unexpected(body.error()));
  if (takes_packing_against(*body)) waiting->against = *body;
  parts_.exchange.answer_later(accepted->auth->session, *body, done);
}

Response Routes::sealed(Result<Response> answered, const Request& request, const Accepted& accepted) {
  Response response = answered ? std::move(*answered) : fault(answered.error(), request);
  if (accepted.auth) seal_answer(*accepted.auth, response);
  return response;
}

Result<Bytes> Routes::read_body(const Request& request, const Accepted& accepted) {
  TERN_TRY(Bytes body, request.body.read_all());
  if (accepted.auth) TERN_CHECKED(check_body(body, accepted.auth->auth));
  if (request.header("content-encoding") != "zstd") return body;
  return protocol::decompress(body);
}

Result<Response> Routes::answer(const Request& request, const Accepted& accepted) {
  TERN_TRY(const Bytes body, read_body(request, accepted));
  return (this->*accepted.route->answer)(request, body, accepted.auth ? &*accepted.auth : nullptr);
}

/// Whether work would be taken in now. It says what is wrong, never of whom.
Result<Response> Routes::health(const Request&, const Bytes&, const AuthenticatedRequest*) {
  bool in_doubt = false;
  std::string reason = parts_.draining() ? "draining" : "";
  for (Tenant* tenant : parts_.tenants.all()) {
    in_doubt = in_doubt || tenant->clock_in_doubt();
    auto trouble = tenant->storage_trouble();
    if (!tenant->takes_work()) trouble = ErrorCode::storage_full;
    if (tenant->has_older_files()) trouble = ErrorCode::server_behind;
    if (trouble && reason.empty()) reason = to_string(*trouble);
  }
  const bool some_closed = !parts_.tenants.closed().empty();
  if (some_closed && reason.empty() && parts_.tenants.all().empty()) reason = "tenant_not_open";
  const bool degraded = some_closed && reason.empty();  // the others are served: no reason to send them elsewhere
  Json said = Json::object({{"status", Json(degraded         ? "degraded"
                                            : reason.empty() ? "ok"
                                                             : "not_ready")},
                            {"clock_in_doubt", Json(in_doubt)}});
  if (!reason.empty()) said.set("reason", Json(reason));
  if (degraded) said.set("reason", Json("tenant_not_open"));
  Response response(reason.empty() ? 200 : 503, "application/json", to_text(said) + "\n");
  if (!reason.empty()) response.set_header("retry-after", "5");
  response.set_header("cache-control", "no-store");
  return response;
}

Result<Response> Routes::reset(const Request&, const Bytes&, const AuthenticatedRequest*) {
  return reset_page();
}

Result<Response> Routes::sign_in(const Request&, const Bytes&, const AuthenticatedRequest*) {
  return sign_in_page();
}

Result<Response> Routes::tenant(const Request&, const Bytes&, const AuthenticatedRequest*) {
  return tenant_page();
}

Result<Response> Routes::portal(const Request& request, const Bytes&, const AuthenticatedRequest*) {
  return parts_.portal.portal(request);
}

Result<Response> Routes::embedded(const Request& request, const Bytes&, const AuthenticatedRequest*) {
  return parts_.portal.embedded(request);
}

Result<Response> Routes::loader(const Request&, const Bytes&, const AuthenticatedRequest*) {
  return widget_loader();
}

/// For this machine only: a proxy that speaks for others says so.
Result<Response> Routes::metrics(const Request& request, const Bytes&, const AuthenticatedRequest*) {
  const bool forwarded =
      request.has_header("x-forwarded-for") || request.has_header("forwarded") || request.has_header("x-real-ip");
  if (forwarded || !is_loopback(request.peer_address) || !names_this_machine(request.header("host")))
    return not_found(request.request_id);
  return Response(200, "text/plain; version=0.0.4; charset=utf-8", parts_.metrics());
}

Result<Response> Routes::enrol(const Request& request, const Bytes& body, const AuthenticatedRequest*) {
  auto enrolled = parts_.enrolment.enrol(body, request.peer_address, parts_.tenants.all(), parts_.committer());
  if (!enrolled && enrolled.error().code == ErrorCode::login_refused && !parts_.tenants.closed().empty())
    enrolled = fail(ErrorCode::busy, "Whether this code is good cannot be said: not every organisation is open.",
                    "Try again later; administrators find the reason with: ternd status");
  if (!enrolled) {
    ++counters_.enrolments_refused;
    parts_.log.write(LogLevel::warning, "enrolment_refused",
                     {{"request_id", Json(request.request_id)},
                      {"peer", Json(request.peer_address)},
                      {"code", Json(to_string(enrolled.error().code))}});
    return tl::unexpected(std::move(enrolled).error());
  }
  ++counters_.enrolments;
  parts_.log.write(LogLevel::info, "device_enrolled",
                   {{"request_id", Json(request.request_id)}, {"peer", Json(request.peer_address)}});
  return Response(200, octets, std::move(*enrolled));
}

Result<Response> Routes::hello(const Request& request, const Bytes& body, const AuthenticatedRequest*) {
  ++counters_.handshakes;
  TERN_TRY(const auto hello, protocol::decode_session_hello(body));
  // The root is the server's: a tenant that is not here gets the same answer as one that is.
  const auto tenants = parts_.tenants.all();
  if (tenants.empty() && !parts_.tenants.closed().empty())
    return fail(ErrorCode::busy, "The server cannot open the data of any organisation.",
                "Its administrator finds the reason with: ternd status");
  if (tenants.empty()) return fail(ErrorCode::busy, "This server has no tenant yet.");
  const auto root = protocol::key_id(tenants.front()->keys().roots.front());
  TERN_TRY(const auto challenge, parts_.sessions.hello(hello, root, request.peer_address));
  return Response(200, octets, protocol::encode(challenge));
}

Result<Response> Routes::session(const Request& request, const Bytes& body, const AuthenticatedRequest*) {
  TERN_TRY(const auto proof, protocol::decode_session_proof(body));
  const auto readmit = [this](Tenant& tenant, const protocol::Certificate& certificate, ByteView wire) {
    Result<void> done;
    parts_.committer().run(tenant, [&] { done = readmit_device(tenant, certificate, wire); });
    return done;
  };
  auto welcome = parts_.sessions.prove(
      proof, [this](const TenantId& id) { return parts_.tenants.serving(id); }, readmit);
  if (!welcome) {
    ++counters_.sessions_refused;
    parts_.log.write(LogLevel::warning, "session_refused",
                     {{"request_id", Json(request.request_id)},
                      {"peer", Json(request.peer_address)},
                      {"code", Json(to_string(welcome.error().code))}});
    return tl::unexpected(std::move(welcome).error());
  }
  ++counters_.sessions;
  const protocol::LogHead& held = proof.heads.server;
  if (held.epoch == welcome->head.epoch && held.size > welcome->head.size)
    parts_.log.write(LogLevel::warning, "device_ahead",
                     {{"request_id", Json(request.request_id)},
                      {"peer", Json(request.peer_address)},
                      {"commits_there", Json(held.size)},
                      {"commits_here", Json(welcome->head.size)}});
  return Response(200, octets, protocol::encode(*welcome));
}

Result<Response> Routes::exchange(const Request&, const Bytes& body, const AuthenticatedRequest* auth) {
  const ByteView against = takes_packing_against(body) ? ByteView(body) : ByteView();
  return parts_.exchange.answer(*auth->session, body).map([&](Bytes answer) {
    return packed_response(against, std::move(answer));
  });
}

Result<Response> Routes::take_file(const Request&, const Bytes& body, const AuthenticatedRequest* auth) {
  TERN_TRY(const auto piece, protocol::decode_file_piece(body));
  TERN_TRY(const auto taken, take_file_piece(*auth->session, piece));
  return Response(200, octets, protocol::encode(taken));
}

Result<Response> Routes::give_file(const Request&, const Bytes& body, const AuthenticatedRequest* auth) {
  TERN_TRY(const auto wanted, protocol::decode_file_piece_wanted(body));
  TERN_TRY(const auto given, give_file_piece(*auth->session, wanted));
  return Response(200, octets, protocol::encode(given));
}

// ---- streams ----

UpgradeVerdict Routes::on_upgrade(const Request& head) {
  if (head.path != "/sync/v1/stream") return not_found(head.request_id);
  auto auth = authenticate(head);
  if (!auth) return std::move(auth).error();
  if (auth->session->mode == protocol::SessionMode::deposit) {
    Response response =
        refusal({ErrorCode::not_permitted, "A device whose key no longer counts gets no stream.", "Use exchanges.", {}},
                head.request_id);
    seal_answer(*auth, response);
    return response;
  }
  ++counters_.upgrades;
  StreamAccept accept;
  accept.handler = parts_.streams.open(*auth);
  accept.message_bytes_max = limits::frame_bytes_max;
  accept.first_message_ms = first_frame_ms_max;
  Response answer(101);
  seal_answer(*auth, answer);
  accept.headers.push_back({"tern-auth-answer", std::string(answer.header("tern-auth-answer"))});
  return accept;
}

}  // namespace tern::server
