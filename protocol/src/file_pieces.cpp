#include "tern/protocol/file_pieces.hpp"

#include "tern/protocol/limits.hpp"
#include "tern/protocol/wire.hpp"

namespace tern::protocol {
namespace {

constexpr std::uint8_t pieces_version = 1;

std::uint64_t read_file_size(ByteReader& reader) {
  const std::uint64_t size_bytes = reader.u64("size");
  if (size_bytes > limits::file_bytes_max) reader.refuse(ErrorCode::malformed, "size", "is larger than any file");
  return size_bytes;
}

}  // namespace

Bytes encode(const FilePiece& piece) {
  return ByteWriter()
      .u8(pieces_version)
      .id(piece.change)
      .u64(piece.size_bytes)
      .u64(piece.offset)
      .sized(piece.bytes)
      .take();
}

Bytes encode(const FilePieceTaken& taken) {
  return ByteWriter().u8(pieces_version).u8(static_cast<std::uint8_t>(taken.state)).u64(taken.have_bytes).take();
}

Bytes encode(const FilePieceWanted& wanted) {
  return ByteWriter()
      .u8(pieces_version)
      .id(wanted.ticket)
      .id(wanted.device)
      .id(wanted.change)
      .u64(wanted.offset)
      .u32(wanted.length)
      .take();
}

Bytes encode(const FilePieceGiven& given) {
  return ByteWriter().u8(pieces_version).u64(given.size_bytes).sized(given.bytes).take();
}

Result<FilePiece> decode_file_piece(ByteView bytes) {
  ByteReader reader(bytes);
  reader.version(pieces_version);
  FilePiece piece;
  piece.change = reader.id<ChangeId>("change");
  piece.size_bytes = read_file_size(reader);
  piece.offset = reader.u64("offset");
  piece.bytes = Bytes(reader.sized(limits::file_piece_bytes_max, "bytes"));
  const bool within = piece.offset <= piece.size_bytes && piece.bytes.size() <= piece.size_bytes - piece.offset;
  if (!within) reader.refuse(ErrorCode::malformed, "offset", "is beyond the end");
  if (!piece.bytes.empty() && piece.offset % limits::file_piece_bytes != 0)
    reader.refuse(ErrorCode::malformed, "offset", "is no beginning of a piece");
  const bool last = within && piece.offset + piece.bytes.size() == piece.size_bytes;
  if (!last && piece.bytes.size() % limits::file_piece_bytes != 0)
    reader.refuse(ErrorCode::malformed, "bytes", "end in the middle of a piece");
  TERN_CHECKED(reader.finish());
  return piece;
}

Result<FilePieceTaken> decode_file_piece_taken(ByteView bytes) {
  ByteReader reader(bytes);
  reader.version(pieces_version);
  FilePieceTaken taken;
  const std::uint8_t state = reader.u8("state");
  if (state > static_cast<std::uint8_t>(FileState::wrong)) reader.refuse(ErrorCode::malformed, "state", "is not known");
  taken.state = static_cast<FileState>(state);
  taken.have_bytes = read_file_size(reader);
  TERN_CHECKED(reader.finish());
  return taken;
}

Result<FilePieceWanted> decode_file_piece_wanted(ByteView bytes) {
  ByteReader reader(bytes);
  reader.version(pieces_version);
  FilePieceWanted wanted;
  wanted.ticket = reader.id<TicketId>("ticket");
  wanted.device = reader.id<DeviceId>("device");
  wanted.change = reader.id<ChangeId>("change");
  wanted.offset = reader.u64("offset");
  wanted.length = reader.u32("length");
  if (wanted.offset > limits::file_bytes_max) reader.refuse(ErrorCode::malformed, "offset", "is beyond any end");
  if (wanted.length > limits::file_piece_bytes_max) reader.refuse(ErrorCode::malformed, "length", "is too much");
  TERN_CHECKED(reader.finish());
  return wanted;
}

Result<FilePieceGiven> decode_file_piece_given(ByteView bytes) {
  ByteReader reader(bytes);
  reader.version(pieces_version);
  FilePieceGiven given;
  given.size_bytes = read_file_size(reader);
  given.bytes = Bytes(reader.sized(limits::file_piece_bytes_max, "bytes"));
  TERN_CHECKED(reader.finish());
  return given;
}

}  // namespace tern::protocol
