#include "api/cross_origin.hpp"

#include <algorithm>

#include "api/envelope.hpp"
#include "tern/protocol/text.hpp"

namespace tern::server {

bool is_page_of(const sync::Record& organisation, std::string_view origin) {
  const auto domain = organisation.attributes.find("portal_domain");
  return !organisation.deleted && domain != organisation.attributes.end() && !domain->second.empty() &&
         protocol::fold_case(origin) == "https://" + protocol::fold_case(domain->second);
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
  response.set_header("access-control-allow-origin", origin);
  response.set_header("access-control-expose-headers",
                      "idempotency-replayed, ratelimit-limit, ratelimit-remaining, ratelimit-reset, retry-after");
  response.set_header("vary", "origin");
}

Response preflight_answer(const Request& request, bool may) {
  if (!may) return envelope_refusal(403, "origin", "Pages of this site do not ask here.", request.request_id);
  Response response(204);
  allow_page(response, request.header("origin"));
  response.set_header("access-control-allow-methods", "POST");
  response.set_header("access-control-allow-headers", "content-type, idempotency-key, x-client-token");
  response.set_header("access-control-max-age", "600");
  return response;
}

}  // namespace tern::server
