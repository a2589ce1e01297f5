// A server that was started on files older than what it once told its devices: somebody put them back by hand. Source:
// protocol.md "A server that comes back older than its devices", steps 1 and 2.
#pragma once

#include "store/tenant.hpp"

namespace tern::server {

/// What a device shows that knows more than the server told it this time. Signed statements as they travelled; empty:
/// it has none.
struct ShownHistory {
  ByteView anchor;
  ByteView began_epoch;
};

/// True when this is the server's own word for a history that these files do not hold: an anchor of this epoch, of a
/// larger log or of another one, or a restore that is younger than the one that began this epoch. From then on, after a
/// restart too, no commit gets a number, until a restore begins a new epoch. What proves nothing changes nothing. Any
/// thread; durable when it returns.
Result<bool> note_newer_history(Tenant& tenant, const ShownHistory& shown);

/// What is said meanwhile to whoever wants a commit.
tl::unexpected<Error> older_files();

}  // namespace tern::server
