// The API's way in: path, credential, body, action, answer. Paths, credentials and their order, errors: docs/api.md.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>

#include "admin/admin.hpp"
#include "api/authority.hpp"
#include "api/envelope.hpp"
#include "api/keys.hpp"
#include "api/rate_limits.hpp"
#include "api/sent_files.hpp"
#include "api/visitor_tries.hpp"
#include "tern/server/http.hpp"

namespace tern::server {

/// What is read, and is no action.
enum class ApiPage : std::uint8_t { none, openapi, reference };

/// What on_head hands to answer.
struct ApiAccepted {
  ApiDialect dialect = ApiDialect::envelope;
  ApiSurface surface = ApiSurface::admin;
  std::string action;              // of the path; empty: the body says it
  std::optional<KeyOfTenant> key;  // the credential of the head, where there was one
  ApiPage page = ApiPage::none;
  bool preflight = false;                 // a browser asks whether a page may
  std::optional<std::int64_t> file = {};  // whose content is asked for
};

/// Thread-safe.
class ApiService {
public:
  /// `parts` outlives it.
  explicit ApiService(AdminParts& parts) : parts_(parts) {}

  /// Everything at and below /api.
  static bool owns(std::string_view path);

  /// Judges path, method, length, and the key of the head.
  HeadVerdict on_head(const Request& head);
  Response answer(const Request& request, const ApiAccepted& accepted);

  struct Counters {
    std::atomic<std::uint64_t> done{0}, refused{0}, rate_limited{0};
  };
  [[nodiscard]] const Counters& counters() const { return counters_; }

private:
  struct Asked;
  Result<void> count(Asked& asked, const RecordId& who, unsigned per_minute);
  Result<void> count_visitor(Asked& asked, const std::optional<Widget>& widget);
  Result<std::optional<VisitorTries::Guess>> count_guess(Asked& asked, const Json& command);
  Result<Admitted> admit(const Asked& asked, const ApiAccepted& accepted, const Json& parameters);
  Result<Json> perform(Asked& asked, const ApiAccepted& accepted);
  bool is_page_of_somebody(const Request& request, ApiSurface surface) const;
  Result<Response> perform_file(Asked& asked, const ApiAccepted& accepted);
  Result<SentFiles> files_of(Asked& asked);
  Result<Json> run(Asked& asked, Caller caller, const Json& parameters, bool strict);
  std::uint64_t body_bytes_of(const Request& head, const ApiAccepted& accepted);
  Result<KeyOfTenant> key_of(const Request& head);
  void note(const Asked& asked, const std::string& request_id, const Error* error);

  AdminParts& parts_;
  RateLimits rates_, hourly_;  // the second one is told hours for minutes
  VisitorTries tries_;
  Counters counters_;
};

}  // namespace tern::server
