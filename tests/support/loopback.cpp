#include "support/loopback.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <stdexcept>
#include <string>

namespace tern::test {
namespace {

sockaddr_in loopback_address(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

}  // namespace

Listener listen_on_loopback(int backlog) {
  Listener out;
  out.descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback_address(0);
  socklen_t size = sizeof address;
  if (::bind(out.descriptor, reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
      ::listen(out.descriptor, backlog) != 0 ||
      ::getsockname(out.descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::runtime_error("nobody can listen on loopback");
  out.port = ntohs(address.sin_port);
  return out;
}

int connect_to_loopback(std::uint16_t port) {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback_address(port);
  if (descriptor < 0 || ::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
    return descriptor;
  ::close(descriptor);
  return -1;
}

bool claim_on_loopback(std::uint16_t port) {
  // A name of Linux's abstract socket addresses has one owner and goes with it, however it ends; unix(7).
  const std::string name = "tern-test-port-" + std::to_string(port);
  sockaddr_un claim{};
  claim.sun_family = AF_UNIX;
  name.copy(claim.sun_path + 1, sizeof claim.sun_path - 1);
  const auto claim_bytes = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  const int claimed = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback_address(port);
  const bool free = ::bind(claimed, reinterpret_cast<const sockaddr*>(&claim), claim_bytes) == 0 &&
                    ::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::close(descriptor);
  if (!free) ::close(claimed);
  return free;
}

}  // namespace tern::test
