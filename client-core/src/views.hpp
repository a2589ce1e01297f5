// The views of one device over its outbox and replica.
#pragma once

#include <memory>

#include "tern/client/enrolment.hpp"
#include "tern/client/views.hpp"
#include "tern/protocol/environment.hpp"
#include "wipe.hpp"

namespace tern::client {

class FileShelf;
class Outbox;
class Replica;

/// References outlive the views. `writable`: a replica that turns out to be damaged is rebuilt, and the view asked
/// again.
struct ViewParts {
  Outbox& outbox;
  Replica& replica;
  const DeviceIdentity& identity;
  Environment& environment;
  bool writable = true;
  const Wipe* wipe = nullptr;     // obeyed: everything but the status is refused
  FileShelf* outgoing = nullptr;  // null, as the next: a device without files
  FileShelf* fetched = nullptr;
};

std::unique_ptr<Views> make_views(ViewParts parts);

}  // namespace tern::client
