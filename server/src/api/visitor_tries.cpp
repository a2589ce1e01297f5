#include "api/visitor_tries.hpp"

#include <algorithm>

namespace tern::server {
namespace {

RateLimits::Verdict refused_until(std::int64_t free_ms, std::int64_t now_ms, unsigned limit) {
  RateLimits::Verdict verdict;
  verdict.limit = limit;
  verdict.retry_in_s = std::max<std::int64_t>(1, (free_ms - now_ms + 999) / 1'000);
  verdict.full_in_s = visitor_tries_window_ms / 1'000;
  return verdict;
}

}  // namespace

VisitorTries::Guess VisitorTries::guess_of(const Tenant& tenant, std::int64_t ticket, const std::string& peer) {
  return {to_hex(tenant.id()) + " " + std::to_string(ticket), counted_address(peer)};
}

RateLimits::Verdict VisitorTries::begin(const Guess& guess, std::int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  if (!of_addresses_.allow(guess.address, tries_per_address, now_ms))
    return refused_until(of_addresses_.free_ms(guess.address), now_ms, tries_per_address);
  if (of_tickets_.allow(guess.ticket, tries_per_ticket, now_ms)) {
    RateLimits::Verdict verdict;
    verdict.allowed = true;
    return verdict;
  }
  of_addresses_.give_back(guess.address);
  return refused_until(of_tickets_.free_ms(guess.ticket), now_ms, tries_per_ticket);
}

void VisitorTries::was_right(const Guess& guess) {
  const std::lock_guard lock(mutex_);
  of_addresses_.give_back(guess.address);
  of_tickets_.give_back(guess.ticket);
}

}  // namespace tern::server
