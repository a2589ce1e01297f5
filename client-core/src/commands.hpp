// The commands of one device over its outbox and replica.
#pragma once

#include <memory>

#include "tern/client/commands.hpp"
#include "tern/client/enrolment.hpp"
#include "tern/protocol/crypto.hpp"
#include "tern/protocol/environment.hpp"
#include "wipe.hpp"

namespace tern::client {

class FileShelf;
class Outbox;
class Replica;

/// References outlive the commands.
struct CommandParts {
  Outbox& outbox;
  Replica& replica;
  const DeviceIdentity& identity;
  const protocol::SigningKey& key;
  Environment& environment;
  bool writable = true;           // false: looks only; saving is `busy`
  const Wipe* wipe = nullptr;     // obeyed: everything is refused
  FileShelf* outgoing = nullptr;  // null, as the next: a device without files
  FileShelf* fetched = nullptr;
};

std::unique_ptr<Commands> make_commands(CommandParts parts);

}  // namespace tern::client
