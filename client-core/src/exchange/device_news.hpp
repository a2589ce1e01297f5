// What its user is told of their devices: a new one, one that exists twice, one that was frozen for it.
#pragma once

#include <string>

#include "outbox/outbox.hpp"

namespace tern::client {

class Replica;

struct DeviceNews {
  std::string notice;  // empty: nothing to tell
  Bytes known;         // to be remembered once it was told; empty: nothing changed
};

/// The devices in the replica against those remembered in the outbox. The first time they are remembered only: they
/// were there before this device, or before it looked.
Result<DeviceNews> device_news(Outbox& outbox, Replica& replica);
Result<void> remember_devices(Outbox& outbox, const DeviceNews& news);

}  // namespace tern::client
