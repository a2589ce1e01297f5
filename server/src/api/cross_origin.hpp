// Pages of other sites that may ask here: those of clients, at the doors for customers. The door for integrations and
// administrators is open to none.
#pragma once

#include <string_view>
#include <vector>

#include "store/tenant.hpp"
#include "tern/server/http.hpp"

namespace tern::server {

/// "https://" and the portal's domain.
bool is_page_of(const sync::Record& organisation, std::string_view origin);
bool is_page_of_a_client(const std::vector<Tenant*>& tenants, std::string_view origin);

/// Lets the page read the answer.
void allow_page(Response& response, std::string_view origin);
/// To a browser that asks before it sends: 204 when the page may, else 403.
Response preflight_answer(const Request& request, bool may);

}  // namespace tern::server
