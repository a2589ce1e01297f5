// How much and how often the API's doors take: kept by ApiService, said by the reference page.
#pragma once

#include <cstdint>

#include "tern/protocol/limits.hpp"

namespace tern::server {

inline constexpr std::uint64_t body_bytes_max = limits::mib;                // a text of 64 KiB, however it is escaped
inline constexpr std::uint64_t stranger_body_bytes_max = 64 * limits::kib;  // of who shows no key in the head

// A key has those of its plan.
inline constexpr unsigned person_requests_per_minute = 600, client_requests_per_minute = 120,
                          widget_requests_per_minute = 300, visitor_requests_per_minute = 30,
                          visitor_tickets_per_hour = 10;

}  // namespace tern::server
