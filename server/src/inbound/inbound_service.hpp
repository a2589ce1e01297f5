// The way in for programs of others that speak in their own form: /api/hook/ID and /api/channel-webhook.
// docs/inbound.md
#pragma once

#include <atomic>

#include "admin/admin.hpp"
#include "api/envelope.hpp"
#include "api/rate_limits.hpp"
#include "inbound/inbound_hook.hpp"
#include "inbound/inbound_request.hpp"

namespace tern::server {

/// What on_head hands to answer.
struct InboundAccepted {
  ApiDialect dialect = ApiDialect::problem;
  std::optional<RecordId> hook;     // that the path names
  std::optional<InboundForm> form;  // likewise
};

/// Thread-safe.
class InboundService {
public:
  /// `parts` outlives it.
  explicit InboundService(AdminParts& parts) : parts_(parts) {}

  static bool owns(std::string_view path);
  /// Judges path, method and length.
  HeadVerdict on_head(const Request& head);
  Response answer(const Request& request, const InboundAccepted& accepted);

  struct Counters {
    std::atomic<std::uint64_t> taken{0}, ignored{0}, refused{0};
  };
  [[nodiscard]] const Counters& counters() const { return counters_; }

private:
  struct Met;
  Result<void> count(const RecordId& who, unsigned per_minute, std::int64_t& retry_in_s);
  Result<Met> meet(const InboundAccepted& accepted, const Request& request, InboundRequest& read) const;
  Result<Response> perform(const Request& request, const InboundAccepted& accepted, std::int64_t& retry_in_s);

  AdminParts& parts_;
  RateLimits rates_;
  Counters counters_;
};

}  // namespace tern::server
