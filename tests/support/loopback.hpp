// Sockets between programs of this machine.
#pragma once

#include <cstdint>

namespace tern::test {

struct Listener {
  int descriptor = -1;
  std::uint16_t port = 0;
};

/// On any free port. Throws where there is none; the caller closes it.
Listener listen_on_loopback(int backlog);

/// -1 when nobody listens there; the caller closes it.
int connect_to_loopback(std::uint16_t port);

/// Whether nobody has this port just now and no other test program claimed it. It then is this program's until it ends.
bool claim_on_loopback(std::uint16_t port);

}  // namespace tern::test
