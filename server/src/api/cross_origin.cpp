#include "api/cross_origin.hpp"

#include <algorithm>

#include "api/envelope.hpp"

namespace tern::server {
namespace {

constexpr std::string_view secure_scheme = "https://";

/// Browsers send a domain in ASCII.
char lower_ascii(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

bool is_page_of(const sync::Record& organisation, std::string_view origin) {
  if (organisation.deleted || !origin.starts_with(secure_scheme)) return false;
  const auto domain = organisation.attributes.find("portal_domain");
  return domain != organisation.attributes.end() && !domain->second.empty() &&
         std::ranges::equal(origin.substr(secure_scheme.size()), domain->second, {}, lower_ascii, lower_ascii);
}

bool is_page_of_a_client(const std::vector<Tenant*>& tenants, std::string_view origin) {
  return std::ranges::any_of(tenants, [&](const Tenant* tenant) {
    bool found = false;
    tenant->each_record(sync::RecordKind::organisation,
                        [&](const sync::Record& organisation) { found = found || is_page_of(organisation, origin); });
    return found;
  });
}

void allow_page(Response& response, std::string_view origin) {
  if (origin.empty()) return;
  response.set_header("access-control-allow-origin", origin);
  response.set_header("access-control-expose-headers",
                      "idempotency-replayed, ratelimit-limit, ratelimit-remaining, ratelimit-reset, retry-after");
  response.set_header("vary", "origin");
}

Response preflight_answer(const Request& request, bool may) {
  if (!may) return envelope_refusal(403, "origin", "Pages of this site do not ask here.", request.request_id);
  Response response(204);
  allow_page(response, request.header("origin"));
  response.set_header("access-control-allow-methods", "GET, POST");
  response.set_header("access-control-allow-headers", "content-type, idempotency-key, range, x-client-token");
  response.set_header("access-control-max-age", "600");
  return response;
}

}  // namespace tern::server
