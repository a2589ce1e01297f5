// How many connections each address has.
#pragma once

#include <cstddef>
#include <mutex>
#include <string>
#include <unordered_map>

#include "tern/server/edge.hpp"

namespace tern::server::edge {

/// Counts connections in all and per address (IPv6: per /64, which is what one customer is given). Thread-safe.
class AddressBook {
public:
  explicit AddressBook(const EdgeLimits& limits) : limits_(limits) {}

  /// False when a cap is reached. `key`: of address_key.
  bool enter(const std::string& key);
  void leave(const std::string& key);

private:
  const EdgeLimits limits_;
  std::mutex mutex_;
  std::size_t open_ = 0;
  std::unordered_map<std::string, std::size_t> counts_;
};

/// What an address is counted under; empty for loopback, which is only counted in all unless `loopback_is_capped`.
std::string address_key(const std::string& ip_address, bool loopback_is_capped);

}  // namespace tern::server::edge
