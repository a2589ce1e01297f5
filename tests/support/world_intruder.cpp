#include "support/world_intruder.hpp"

namespace tern::test {

Intruder::Intruder(World& world, Device& device)
    : IntruderClock(world, world.seed.child("intruder " + device.name()).value),
      KeyHolder(device.keys(), static_cast<IntruderClock&>(*this),
                [&world](const client::HttpRequest& request) { return world.server.handle(request, "10.6.6.6"); }) {}

}  // namespace tern::test
