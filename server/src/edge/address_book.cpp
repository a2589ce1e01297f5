#include "edge/address_book.hpp"

#include <Poco/Net/IPAddress.h>

#include <cstring>

namespace tern::server::edge {

bool AddressBook::enter(const std::string& key) {
  const std::lock_guard lock(mutex_);
  if (open_ >= limits_.connections_max) return false;
  if (!key.empty()) {
    std::size_t& count = counts_[key];
    if (count >= limits_.connections_per_address_max) return false;
    ++count;
  }
  ++open_;
  return true;
}

void AddressBook::leave(const std::string& key) {
  const std::lock_guard lock(mutex_);
  --open_;
  if (key.empty()) return;
  const auto found = counts_.find(key);
  if (--found->second == 0) counts_.erase(found);
}

std::string address_key(const std::string& ip_address, bool loopback_is_capped) {
  Poco::Net::IPAddress address;
  if (!Poco::Net::IPAddress::tryParse(ip_address, address)) return ip_address;
  const bool mapped = address.isIPv4Mapped();
  if (!loopback_is_capped && (address.isLoopback() || (mapped && ip_address.find(":127.") != std::string::npos)))
    return {};
  if (address.family() != Poco::Net::AddressFamily::IPv6 || mapped) return ip_address;
  return std::string(static_cast<const char*>(static_cast<const void*>(address.addr())), 8);
}

}  // namespace tern::server::edge
