// The doors behind the links that create_client_token hands out: GET /index.html and GET /embed.html.
// docs/decisions/pages-for-customers.md.
#pragma once

#include <string>

#include "admin/admin.hpp"
#include "api/client_tokens.hpp"
#include "api/rate_limits.hpp"
#include "portal/portal_page.hpp"

namespace tern::server {

/// Thread-safe.
class PortalService {
public:
  /// `parts` outlives it.
  explicit PortalService(AdminParts& parts) : parts_(parts) {}

  /// A token in the address becomes a cookie, and the browser is sent to the address without it. One that is none, or
  /// empty, ends the cookie that there is.
  Response portal(const Request& request);
  /// The page for a frame on pages of the client that the token is for.
  Response embedded(const Request& request);

private:
  /// Who asks, by the token in the address; what to answer when that does not say.
  tl::expected<TokenOfTenant, Response> open(const Request& request, const std::string& token,
                                             std::string_view framed_by);

  AdminParts& parts_;
  RateLimits rates_;
};

}  // namespace tern::server
