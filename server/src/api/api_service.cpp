#include "api/api_service.hpp"

#include <algorithm>

#include "api/authority.hpp"
#include "api/cross_origin.hpp"
#include "api/door_limits.hpp"
#include "api/downloads.hpp"
#include "api/openapi.hpp"
#include "api/parameters.hpp"
#include "api/reference_page.hpp"
#include "api/request_body.hpp"
#include "tern/protocol/limits.hpp"

namespace tern::server {
namespace {

constexpr std::int64_t hour_in_minutes = 60;

struct Door {
  std::string_view path;
  ApiSurface surface;
};
/// Those that have an action.
constexpr Door doors[] = {{"/api/admin.php", ApiSurface::admin},   {"/api/admin", ApiSurface::admin},
                          {"/api/client.php", ApiSurface::client}, {"/api/client", ApiSurface::client},
                          {"/api/widget.php", ApiSurface::widget}, {"/api/widget", ApiSurface::widget}};
/// Below them is one path for each action.
constexpr Door versioned[] = {
    {"/api/v1/client/", ApiSurface::client}, {"/api/v1/widget/", ApiSurface::widget}, {"/api/v1/", ApiSurface::admin}};
struct Page {
  std::string_view path;
  ApiPage page;
};
constexpr Page pages[] = {{"/api/openapi.json", ApiPage::openapi}, {"/api/reference", ApiPage::reference}};

bool is_action_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 &&
         std::ranges::all_of(name, [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; });
}

/// Nothing: there is no such path.
std::optional<ApiAccepted> accepted_by_path(std::string_view path) {
  for (const Door& door : doors)
    if (door.path == path) return ApiAccepted{ApiDialect::envelope, door.surface, {}, {}};
  for (const Page& page : pages)
    if (page.path == path) return ApiAccepted{ApiDialect::problem, ApiSurface::admin, {}, {}, page.page};
  if (const auto file = file_of_path(path)) {
    ApiAccepted accepted{ApiDialect::problem, ApiSurface::admin, {}, {}};
    accepted.file = file;
    return accepted;
  }
  for (const Door& door : versioned)
    if (path.starts_with(door.path) && is_action_name(path.substr(door.path.size())))
      return ApiAccepted{ApiDialect::problem, door.surface, std::string(path.substr(door.path.size())), {}};
  return std::nullopt;
}

Response wrong_method(const Request& head, const ApiAccepted& accepted) {
  const bool is_read = accepted.page != ApiPage::none || accepted.file;
  const std::string_view wanted = is_read ? "GET" : "POST";
  const std::string sentence =
      is_read ? "This path is read with GET." : "Actions are asked for with POST, and a body that names them.";
  Response response =
      accepted.dialect == ApiDialect::problem
          ? problem_response({405, "method_not_allowed", "Another method is needed", sentence, "", head.request_id})
          : envelope_refusal(405, "method_not_allowed", sentence, head.request_id);
  response.set_header("allow", wanted);
  return response;
}

}  // namespace

/// One request on its way.
struct ApiService::Asked {
  const Request& request;
  const AdminEntry* entry = nullptr;
  Tenant* tenant = nullptr;
  std::uint64_t key = 0;  // its integer id
  std::string action;
  std::optional<RateLimits::Verdict> rate;
  std::vector<SentFile> files;
  std::string session;    // that was begun
  bool repeated = false;  // it was done before, under the same Idempotency-Key
};

bool ApiService::owns(std::string_view path) {
  return path == "/api" || path.starts_with("/api/");
}

Result<KeyOfTenant> ApiService::key_of(const Request& head) {
  if (head.has_header("origin"))
    return fail(ErrorCode::origin, "An API key is never sent from a browser: whoever opens the page could read it.",
                "Ask from your server.", "Origin");
  const std::string_view text = head.header("x-api-key");
  if (text.starts_with(client_token_prefix))
    return fail(ErrorCode::key_unknown, "This is a client's token and no API key.",
                "Send it in X-Client-Token to /api/client.php.", "X-Api-Key");
  if (text.starts_with(widget_key_prefix))
    return fail(ErrorCode::key_unknown, "This is a widget's key and no API key.",
                "Send it as the parameter api_key to /api/widget.php.", "X-Api-Key");
  auto key = open_key(parts_.tenants.all(), text, parts_.environment.wall_ms());
  if (!key && key.error().code == ErrorCode::key_unknown && !parts_.tenants.closed().empty())
    return fail(ErrorCode::busy, "Whether this key is good cannot be said: not every organisation is open.",
                "Try again later.");
  return key;
}

/// Of who shows in the head that they may send files: as much as one file of their plan has, beside the parameters.
std::uint64_t ApiService::body_bytes_of(const Request& head, const ApiAccepted& accepted) {
  const std::uint64_t usual = accepted.key ? body_bytes_max : stranger_body_bytes_max;
  if (accepted.surface != ApiSurface::admin || !is_multipart(head.header("content-type"))) return usual;
  const auto who = admit_caller(head, accepted.key, Json::object(), parts_, parts_.options.public_url);
  return who ? plan_of(*who->tenant).file_mib_max * limits::mib + body_bytes_max : usual;
}

HeadVerdict ApiService::on_head(const Request& head) {
  auto accepted = accepted_by_path(head.path);
  if (!accepted) return envelope_refusal(404, "not_found", "There is nothing here.", head.request_id);
  const bool for_pages = accepted->surface != ApiSurface::admin || accepted->file;
  if (head.method == "OPTIONS" && for_pages) {
    if (accepted->file) accepted->surface = ApiSurface::client;
    accepted->preflight = true;
    return HeadAccept{0, *accepted};
  }
  const bool of_client =
      head.has_header("x-client-token") || (cookie_of(head, client_cookie) && !cookie_of(head, session_cookie));
  if (accepted->file && of_client && !head.has_header("x-api-key")) accepted->surface = ApiSurface::client;
  const bool is_page = accepted->page != ApiPage::none;
  if (head.method != (is_page || accepted->file ? "GET" : "POST")) return wrong_method(head, *accepted);
  if (is_page) return HeadAccept{0, *accepted};
  if (head.has_header("x-api-key")) {
    auto key = key_of(head);
    if (!key) {
      ++counters_.refused;
      return refusal_in(accepted->dialect, key.error(), head.request_id);
    }
    accepted->key = std::move(*key);
  }
  if (accepted->file) return HeadAccept{0, *accepted};
  const std::uint64_t most = body_bytes_of(head, *accepted);
  if (head.content_length && *head.content_length > most)
    return problem_response({413, "body_too_large", "The body is too large", "", "", head.request_id});
  return HeadAccept{most, *accepted};
}

/// `rate_limited` when one more is too many. A request that turns out to be none counts, too.
Result<void> ApiService::count(Asked& asked, const RecordId& who, unsigned per_minute) {
  asked.rate = rates_.take(who, per_minute, parts_.environment.boot_ms());
  if (asked.rate->allowed || asked.rate->limit == 0) return {};
  return fail(ErrorCode::rate_limited, "There were as many requests as there may be in a minute.",
              "Wait as long as Retry-After says.");
}

/// Of each address so many requests, before anything is looked at, and few tickets; of each widget as many as its pages
/// may have.
Result<void> ApiService::count_visitor(Asked& asked, const std::optional<Widget>& widget) {
  const RecordId address = bucket_of_address(asked.request.peer_address);
  if (!widget) return count(asked, address, visitor_requests_per_minute);
  TERN_CHECKED(count(asked, widget->id, widget_requests_per_minute));
  if (asked.action != "create_ticket") return {};
  asked.rate = hourly_.take(address, visitor_tickets_per_hour, parts_.environment.boot_ms() / hour_in_minutes);
  asked.rate->retry_in_s *= hour_in_minutes;
  asked.rate->full_in_s *= hour_in_minutes;
  if (asked.rate->allowed) return {};
  return fail(ErrorCode::rate_limited, "There were as many tickets from this address as there may be in an hour.",
              "Wait as long as Retry-After says.");
}

/// Of a visitor who names a ticket by what can be guessed. Nothing: they do not.
Result<std::optional<VisitorTries::Guess>> ApiService::count_guess(Asked& asked, const Json& command) {
  const bool guesses = asked.entry->command.api->role == ApiRole::visitor && command.find("ticket_id") != nullptr &&
                       command.find("ticket_secret") == nullptr;
  if (!guesses) return std::optional<VisitorTries::Guess>();
  auto guess = VisitorTries::guess_of(*asked.tenant, command["ticket_id"].as_integer(), asked.request.peer_address);
  const RateLimits::Verdict verdict = tries_.begin(guess, parts_.environment.boot_ms());
  if (verdict.allowed) return std::optional(std::move(guess));
  asked.rate = verdict;
  return fail(ErrorCode::rate_limited, "There were as many tries as there may be in an hour.",
              "Wait as long as Retry-After says, or send ticket_secret.");
}

Result<Admitted> ApiService::admit(const Asked& asked, const ApiAccepted& accepted, const Json& parameters) {
  const std::string& url = parts_.options.public_url;
  if (accepted.surface == ApiSurface::client)
    return admit_client(asked.request, accepted.key, parameters, parts_.tenants, url);
  if (accepted.surface == ApiSurface::widget)
    return admit_visitor(asked.request, parameters, parts_.tenants.all(), url);
  return admit_caller(asked.request, accepted.key, parameters, parts_, url);
}

Result<Json> ApiService::perform(Asked& asked, const ApiAccepted& accepted) {
  if (accepted.key) {
    asked.tenant = accepted.key->tenant;
    asked.key = accepted.key->key.integer_id;
    TERN_CHECKED(count(asked, accepted.key->key.id, plan_of(*asked.tenant).requests_per_minute));
  }
  if (const std::string_view coding = asked.request.header("content-encoding"); !coding.empty() && coding != "identity")
    return fail(ErrorCode::malformed, "Bodies are read as they are, without a coding.", "", "Content-Encoding");
  TERN_TRY(DecodedBody decoded, decode_request_body(asked.request.header("content-type"), asked.request.body));
  const Json& parameters = decoded.parameters;
  asked.files = std::move(decoded.files);
  asked.action = accepted.action.empty() ? parameters["action"].as_string() : accepted.action;
  if (asked.action.empty())
    return fail(ErrorCode::invalid, "The request names no action.", "Send {\"action\": ...}.", "action");
  asked.entry = is_action_name(asked.action) ? find_action(accepted.surface, asked.action) : nullptr;
  const bool strict = accepted.dialect == ApiDialect::problem;
  if (asked.entry != nullptr && asked.entry->command.api->role == ApiRole::nobody) {
    TERN_CHECKED(check_site(asked.request, parts_.options.public_url));
    Caller anybody;
    anybody.peer = asked.request.peer_address;
    return run(asked, std::move(anybody), parameters, strict);
  }
  if (accepted.surface == ApiSurface::widget) TERN_CHECKED(count_visitor(asked, {}));
  TERN_TRY(const Admitted who, admit(asked, accepted, parameters));
  asked.tenant = who.tenant;
  if (who.widget) TERN_CHECKED(count_visitor(asked, who.widget));
  if (who.client) TERN_CHECKED(count(asked, who.client->contact, client_requests_per_minute));
  if (who.person) TERN_CHECKED(count(asked, RecordId::or_zero(who.person->view()), person_requests_per_minute));
  if (asked.entry == nullptr)
    return fail(ErrorCode::not_found, "There is no such action.", "See /api/openapi.json.", "action");
  TERN_TRY(Caller caller, judge_caller(who, *asked.entry->command.api));
  return run(asked, std::move(caller), parameters, strict);
}

/// The right to a file is the right to the message that it is.
Result<Response> ApiService::perform_file(Asked& asked, const ApiAccepted& accepted) {
  static const ApiFace reads = face_of_files(ApiSurface::admin);
  if (accepted.key) {
    asked.tenant = accepted.key->tenant;
    asked.key = accepted.key->key.integer_id;
    TERN_CHECKED(count(asked, accepted.key->key.id, plan_of(*asked.tenant).requests_per_minute));
  }
  TERN_TRY(const Admitted who, admit(asked, accepted, Json::object()));
  asked.tenant = who.tenant;
  if (who.client) TERN_CHECKED(count(asked, who.client->contact, client_requests_per_minute));
  if (who.person) TERN_CHECKED(count(asked, RecordId::or_zero(who.person->view()), person_requests_per_minute));
  TERN_TRY(const Caller caller, judge_caller(who, reads));
  TERN_TRY(auto reader, who.tenant->reader());
  TicketView view(*who.tenant, reader.db(), caller);
  TERN_TRY(const FoundMessage file, view.find_file(*accepted.file));
  TERN_TRY(Response response,
           file_response(who.tenant->files(), file, asked.request.header("range"), asked.request.request_id));
  response.set_header("cache-control", "private, no-store");
  return response;
}

/// Judged, and in no store: what the action then refuses was never kept.
Result<SentFiles> ApiService::files_of(Asked& asked) {
  SentFiles sent{asked.request.body, std::move(asked.files)};
  if (sent.files.empty()) return SentFiles{};
  if (!asked.entry->command.api->takes_files)
    return fail(ErrorCode::invalid, "No files are taken here: nothing was stored.", "Send the text without the file.",
                "files");
  TERN_CHECKED(judge_files(*asked.tenant, sent));
  return sent;
}

Result<Json> ApiService::run(Asked& asked, Caller caller, const Json& parameters, bool strict) {
  TERN_TRY(const Json command, command_of(*asked.entry, parameters, strict));
  const std::function<bool()> never;
  caller.site = parts_.options.public_url;
  while (caller.site.ends_with('/')) caller.site.pop_back();
  TERN_TRY(SentFiles sent, files_of(asked));
  const Bytes whose =
      caller.key.is_zero() ? static_cast<char>(caller.kind) + caller.id : "key" + Bytes(caller.key.view());
  // Of a widget everybody has the key: what they make is named by what they say of themselves, which is in the request.
  AdminCall call(parts_, command, asked.tenant, never, std::move(caller));
  if (asked.tenant != nullptr && asked.request.has_header("idempotency-key")) {
    TERN_TRY(OnceRequest once, once_request(whose, asked.request.header("idempotency-key"), asked.entry->command.name,
                                            to_text(command) + summary_of(sent)));
    call.do_once(once);
  }
  call.bring(std::move(sent));
  TERN_TRY(const auto guess, count_guess(asked, command));
  auto done = asked.entry->run(call);
  if (guess && (done || done.error().code != ErrorCode::not_found)) tries_.was_right(*guess);
  if (!done) done.error().field = parameter_name(command, done.error().field);
  asked.session = call.session();
  asked.repeated = call.is_repeated();
  return done;
}

/// Which action by which key, and how it ended: never what was said.
void ApiService::note(const Asked& asked, const std::string& request_id, const Error* error) {
  ++(error == nullptr ? counters_.done : counters_.refused);
  if (error != nullptr && error->code == ErrorCode::rate_limited) ++counters_.rate_limited;
  const Response shown = error == nullptr ? Response(200) : refusal_in(ApiDialect::problem, *error, request_id);
  const bool ours = shown.status == 500;
  parts_.log.write(ours ? LogLevel::error : LogLevel::info, "api",
                   {{"request_id", Json(request_id)},
                    {"action", asked.entry == nullptr ? Json() : Json(asked.entry->command.api->action)},
                    {"tenant", asked.tenant == nullptr ? Json() : Json(to_uuid_text(asked.tenant->id().view()))},
                    {"key", asked.key == 0 ? Json() : Json(asked.key)},
                    {"code", error == nullptr ? Json("ok") : Json(to_string(error->code))},
                    {"reason", ours ? Json(error->message) : Json()}});
}

/// Of any client, or where any widget is, of any organisation.
bool ApiService::is_page_of_somebody(const Request& request, ApiSurface surface) const {
  const std::string_view origin = request.header("origin");
  if (origin.empty()) return false;
  return surface == ApiSurface::client ? is_page_of_a_client(parts_.tenants.all(), origin)
                                       : is_page_of_a_widget(parts_.tenants.all(), origin);
}

Response ApiService::answer(const Request& request, const ApiAccepted& accepted) {
  if (accepted.page == ApiPage::openapi)
    return Response(200, "application/json", to_text(openapi_document(parts_.options.public_url)));
  if (accepted.page == ApiPage::reference) return reference_page(parts_.options.public_url);
  if (accepted.preflight) return preflight_answer(request, is_page_of_somebody(request, accepted.surface));
  Asked asked{request, nullptr, nullptr, 0, {}, {}, {}, {}, false};
  const Result<Response> done =
      accepted.file ? perform_file(asked, accepted) : perform(asked, accepted).map(data_response);
  note(asked, request.request_id, done ? nullptr : &done.error());
  Response response = done ? *done : refusal_in(accepted.dialect, done.error(), request.request_id);
  if (!asked.session.empty())
    response.add_header("set-cookie", std::string(session_cookie) + "=" + asked.session +
                                          "; Path=/; Max-Age=" + std::to_string(Logins::session_ms / 1'000) +
                                          "; Secure; HttpOnly; SameSite=Strict");
  // Who was let in was let in with this origin; whoever was not is still to read why.
  const bool let_in = asked.tenant != nullptr;
  if (accepted.surface != ApiSurface::admin && (let_in || is_page_of_somebody(request, accepted.surface)))
    allow_page(response, request.header("origin"));
  if (asked.repeated) response.set_header("idempotency-replayed", "true");
  if (asked.rate && asked.rate->limit > 0) {
    response.set_header("ratelimit-limit", std::to_string(asked.rate->limit));
    response.set_header("ratelimit-remaining", std::to_string(asked.rate->remaining));
    response.set_header("ratelimit-reset", std::to_string(asked.rate->full_in_s));
  }
  if (!done && done.error().code == ErrorCode::rate_limited) {
    const bool of_key = asked.rate && !asked.rate->allowed;
    response.set_header("retry-after", std::to_string(of_key ? asked.rate->retry_in_s : Logins::try_window_ms / 1'000));
  }
  return response;
}

}  // namespace tern::server
