// The content of attachments between a device and its server, piece by piece, under a session. Byte tables:
// docs/protocol.md, "Files".
#pragma once

#include <cstdint>

#include "tern/protocol/bytes.hpp"
#include "tern/protocol/error.hpp"

namespace tern::protocol {

/// A piece of the content of the device's own change. Without bytes it asks how much of it is there.
struct FilePiece {
  ChangeId change;
  std::uint64_t size_bytes = 0;  // of the whole content
  std::uint64_t offset = 0;      // a multiple of limits::file_piece_bytes
  Bytes bytes;                   // at most limits::file_piece_bytes_max
};

enum class FileState : std::uint8_t {
  going_on = 0,
  whole = 1,
  wrong = 2,  // it is not what the change says: nothing of it was kept
};

struct FilePieceTaken {
  FileState state = FileState::going_on;
  std::uint64_t have_bytes = 0;  // go on from here
};

/// A piece that a device asks for: of the file of a change, on a ticket that it holds.
struct FilePieceWanted {
  TicketId ticket;
  DeviceId device;
  ChangeId change;
  std::uint64_t offset = 0;
  std::uint32_t length = 0;  // at most limits::file_piece_bytes_max
};

struct FilePieceGiven {
  std::uint64_t size_bytes = 0;  // of the whole content
  Bytes bytes;                   // shorter than asked for only at its end
};

Bytes encode(const FilePiece& piece);
Bytes encode(const FilePieceTaken& taken);
Bytes encode(const FilePieceWanted& wanted);
Bytes encode(const FilePieceGiven& given);

/// `malformed` with the field, `upgrade_required`. Sizes and offsets are within limits, and a piece within its content.
Result<FilePiece> decode_file_piece(ByteView bytes);
Result<FilePieceTaken> decode_file_piece_taken(ByteView bytes);
Result<FilePieceWanted> decode_file_piece_wanted(ByteView bytes);
Result<FilePieceGiven> decode_file_piece_given(ByteView bytes);

/// The most that an encoded piece has around its bytes, up or down.
inline constexpr std::size_t file_piece_head_bytes = 64;

}  // namespace tern::protocol
