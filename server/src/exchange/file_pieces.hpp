// Content of attachments to and from devices. Whether a device may is asked with each piece, by the change of the file:
// its hash opens nothing.
#pragma once

#include "access/sessions.hpp"
#include "tern/protocol/error.hpp"
#include "tern/protocol/file_pieces.hpp"

namespace tern::server {

/// A piece of what the session's device attached by a change that is in the ledger. `not_found` with field "change"
/// while it is not, or once it is erased; `not_permitted` of a change that was rejected, and for a device whose key has
/// ended; `too_large` above what the plan allows; `storage_full` while there is too little room for files; `malformed`
/// where the size is not the one that was signed.
Result<protocol::FilePieceTaken> take_file_piece(Session& session, const protocol::FilePiece& piece);

/// A piece of a file whose message the session's device is sent. `not_found` with field "change": it is not, any more;
/// with field "content": nobody has sent it yet.
Result<protocol::FilePieceGiven> give_file_piece(Session& session, const protocol::FilePieceWanted& wanted);

}  // namespace tern::server
