// A file on its way into this device: what its change says, and its content.
#pragma once

#include <vector>

#include "files/file_shelf.hpp"
#include "tern/client/commands.hpp"
#include "tern/protocol/environment.hpp"
#include "tern/sync/ticket_state.hpp"

namespace tern::client {

/// The message, if there is a text, and a change for each file behind it: with name and size, and a hash that
/// read_in_files fills in. Nothing is read. `too_large`, `invalid`, `usage`.
Result<std::vector<sync::Change>> plan_files(const NewFiles& files, const DeviceId& device, std::uint64_t bytes_max,
                                             Environment& environment);
/// Takes the content in, a mebibyte at a time, and says hash and type in `changes`. `invalid` where a file is not as
/// long as was said.
Result<void> read_in_files(const NewFiles& files, std::vector<sync::Change>& changes, FileShelf& into);
/// What read_in_files took in.
Result<void> drop_files(const std::vector<sync::Change>& changes, FileShelf& from);

/// Notes that somebody wants it; what is here, or attached here, is here.
Result<void> want(const TicketId& ticket, const sync::Message& file, FileShelf& outgoing, FileShelf& fetched);

}  // namespace tern::client
