// A ticket's number and an address of mail can both be guessed: whoever names a ticket by them may be wrong a few
// times.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>

#include "access/enrolment.hpp"
#include "api/rate_limits.hpp"
#include "store/tenant.hpp"

namespace tern::server {

inline constexpr unsigned tries_per_ticket = 5, tries_per_address = 60;  // an hour
inline constexpr std::int64_t visitor_tries_window_ms = 3'600'000;

/// Thread-safe. Counts as long as the server runs, whether there is such a ticket or not. A guess counts from before it
/// is looked at, so of many at once no more are looked at than may be wrong.
class VisitorTries {
public:
  struct Guess {
    std::string ticket, address;  // whose hours it counts for
  };
  static Guess guess_of(const Tenant& tenant, std::int64_t ticket, const std::string& peer);

  /// Refused where the ticket or the address has had as many as may be wrong: then nothing is to be looked at.
  RateLimits::Verdict begin(const Guess& guess, std::int64_t now_ms);
  /// It was not wrong, and counts no more.
  void was_right(const Guess& guess);

private:
  std::mutex mutex_;
  AttemptCounter of_tickets_{visitor_tries_window_ms}, of_addresses_{visitor_tries_window_ms};
};

}  // namespace tern::server
