#include "edge/shared.hpp"

#include <chrono>
#include <random>

#include "tern/protocol/bytes.hpp"

namespace tern::server::edge {
namespace {

std::string random_prefix() {
  std::random_device device;
  std::string raw(4, '\0');
  for (char& c : raw) c = static_cast<char>(device() & 0xff);
  return to_hex(raw) + "-";
}

}  // namespace

EdgeShared::EdgeShared(const EdgeOptions& edge_options, Handler& request_handler)
    : options(edge_options),
      handler(request_handler),
      workers(edge_options.limits.requests_waiting_max),
      addresses(edge_options.limits),
      request_id_prefix_(random_prefix()) {}

std::string EdgeShared::next_request_id() {
  return request_id_prefix_ + std::to_string(request_ordinal_.fetch_add(1, std::memory_order_relaxed) + 1);
}

void EdgeShared::report(EdgeEvent event, std::string_view detail, std::string_view request_id) const {
  if (options.on_event) options.on_event(event, detail, request_id);
}

void EdgeShared::connection_over(const std::string& key) {
  addresses.leave(key);
  {
    const std::lock_guard lock(over_mutex);
    discount(tallies.connections_open);
  }
  over.notify_all();
}

std::int64_t monotonic_us() {
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(since).count();
}

std::int64_t monotonic_ms() {
  return monotonic_us() / 1000;
}

}  // namespace tern::server::edge
