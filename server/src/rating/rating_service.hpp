// The door behind links to a rating: GET /rate shows a form, POST /rate rates. Programs that look at mails follow
// links, so nothing is rated by following one. docs/mail.md, L15.
#pragma once

#include "admin/admin.hpp"
#include "api/rate_limits.hpp"
#include "rating/rating_links.hpp"
#include "rating/rating_page.hpp"

namespace tern::server {

/// What on_head hands to answer.
struct RatingAccepted {
  bool rates = false;  // a POST
};

/// Thread-safe.
class RatingService {
public:
  /// `parts` outlives it.
  explicit RatingService(AdminParts& parts) : parts_(parts) {}

  static bool owns(std::string_view path) { return path == "/rate"; }
  /// Judges method, type and length.
  static HeadVerdict on_head(const Request& head);
  Response answer(const Request& request, const RatingAccepted& accepted);

private:
  struct Sent;
  struct Open;
  static Result<Sent> read(const Request& request, const RatingAccepted& accepted);
  static Result<std::optional<Open>> find(Tenant& tenant, const OfferedRating& offered);
  Result<bool> rate(Tenant& tenant, const OfferedRating& offered, const Sent& sent, LetterLanguage& language) const;
  Result<Response> perform(const Request& request, const RatingAccepted& accepted, LetterLanguage reader);

  AdminParts& parts_;
  RateLimits rates_;
};

}  // namespace tern::server
