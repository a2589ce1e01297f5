#include "portal/portal_service.hpp"

#include <algorithm>

#include "access/enrolment.hpp"
#include "api/credentials.hpp"
#include "api/request_body.hpp"
#include "api/widgets.hpp"
#include "http/problems.hpp"

namespace tern::server {
namespace {

constexpr unsigned address_links_per_minute = 300;
constexpr std::string_view any_frame = "*";  // a page that says what to do holds nothing and does nothing

/// Nothing: the address names none.
std::optional<std::string> token_asked(const Request& request) {
  const auto form = decode_request_body("application/x-www-form-urlencoded", RequestBody(request.query));
  if (!form) return request.query.find("ctoken") == std::string::npos ? std::nullopt : std::optional<std::string>("");
  const Json* token = form->parameters.find("ctoken");
  if (token == nullptr) return std::nullopt;
  return token->as_string();
}

Response with_cookie(Response response, const std::string& value) {
  std::string cookie = std::string(client_cookie) + "=" + value + "; Path=/; Secure; HttpOnly; SameSite=Strict";
  if (value.empty()) cookie += "; Max-Age=0";
  response.add_header("set-cookie", cookie);
  return response;
}

/// The portal's domain as CSP names a site; what cannot stand there is nobody's.
std::string frames_of(const Tenant& tenant, const RecordId& organisation) {
  const auto client = tenant.find_record(sync::RecordKind::organisation, organisation);
  if (!client) return "'none'";
  const auto domain = client->attributes.find("portal_domain");
  const auto stands_there = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
           c == ':';
  };
  if (domain == client->attributes.end() || domain->second.empty() ||
      !std::ranges::all_of(domain->second, stands_there))
    return "'none'";
  return "https://" + domain->second;
}

}  // namespace

tl::expected<TokenOfTenant, Response> PortalService::open(const Request& request, const std::string& token,
                                                          std::string_view framed_by) {
  const LetterLanguage reader = language_accepted(request.header("accept-language"));
  if (!is_loopback(request.peer_address)) {  // that is a proxy, for everybody
    const auto rate =
        rates_.take(bucket_of_address(request.peer_address), address_links_per_minute, parts_.environment.boot_ms());
    if (!rate.allowed) {
      Response response = portal_refusal(PortalRefusal::too_many, reader, framed_by);
      response.set_header("retry-after", std::to_string(rate.retry_in_s));
      return tl::unexpected(std::move(response));
    }
  }
  auto found = open_client_token(parts_.tenants, token);
  if (found) return std::move(*found);
  const ErrorCode code = found.error().code;
  if (code == ErrorCode::session_unknown) return tl::unexpected(portal_refusal(PortalRefusal::gone, reader, framed_by));
  if (!tells_the_peer(code))
    parts_.log.write(LogLevel::error, "request_failed",
                     {{"request_id", Json(request.request_id)},
                      {"path", Json(request.path)},
                      {"code", Json(to_string(code))},
                      {"reason", Json(found.error().message)}});
  return tl::unexpected(portal_refusal(PortalRefusal::later, reader, framed_by));
}

Response PortalService::portal(const Request& request) {
  const auto token = token_asked(request);
  if (!token) return portal_page();
  auto found = open(request, *token, "'none'");
  // Who comes with a bad link is not to read what another one opened.
  if (!found) return found.error().status == 403 ? with_cookie(std::move(found).error(), "") : std::move(found).error();
  Response moved(303);
  moved.set_header("location", "index.html");  // beside this one: behind a proxy both may stand in a folder
  moved.set_header("referrer-policy", "no-referrer");
  moved.set_header("cache-control", "no-store");
  return with_cookie(std::move(moved), *token);
}

Response PortalService::embedded(const Request& request) {
  const auto found = open(request, token_asked(request).value_or(""), any_frame);
  return found ? embedded_page(frames_of(*found->tenant, found->token.organisation)) : found.error();
}

}  // namespace tern::server
