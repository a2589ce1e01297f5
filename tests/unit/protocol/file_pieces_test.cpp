// Pieces of files: the bytes of the document, and nothing else.
#include "tern/protocol/file_pieces.hpp"

#include "support/catch.hpp"
#include "support/must.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/protocol/wire.hpp"

namespace tern::test {
namespace {

const ChangeId piece_change = ChangeId::or_zero("changeid");
const TicketId piece_ticket = TicketId::or_zero("a ticket of 16 b");
const DeviceId piece_device = DeviceId::or_zero("a device of 16 b");

protocol::FilePiece file_piece(std::uint64_t size_bytes, std::uint64_t offset, std::size_t bytes) {
  return {piece_change, size_bytes, offset, Bytes(bytes, 'x')};
}

template <typename Read>
std::string field_of(const Read& read) {
  return read ? std::string("good") : read.error().field;
}

}  // namespace

TEST_CASE("pieces of files are built by the bytes of the document", "[protocol][files]") {
  using protocol::ByteWriter;
  CHECK(encode(file_piece(5, 0, 5)) == ByteWriter().u8(1).raw("changeid").u64(5).u64(0).sized("xxxxx").take());
  CHECK(encode(protocol::FilePieceTaken{protocol::FileState::wrong, 7}) == ByteWriter().u8(1).u8(2).u64(7).take());
  CHECK(encode(protocol::FilePieceWanted{piece_ticket, piece_device, piece_change, 65'536, 10}) ==
        ByteWriter().u8(1).raw("a ticket of 16 b").raw("a device of 16 b").raw("changeid").u64(65'536).u32(10).take());
  CHECK(encode(protocol::FilePieceGiven{5, "xxxxx"}) == ByteWriter().u8(1).u64(5).sized("xxxxx").take());

  const auto piece = must(protocol::decode_file_piece(encode(file_piece(100'000, 65'536, 34'464))));
  CHECK(piece.change == piece_change);
  CHECK(piece.offset == 65'536);
  CHECK(piece.bytes.size() == 34'464);
  const auto wanted = must(protocol::decode_file_piece_wanted(
      encode(protocol::FilePieceWanted{piece_ticket, piece_device, piece_change, 1, limits::file_piece_bytes_max})));
  CHECK(wanted.device == piece_device);
  CHECK(must(protocol::decode_file_piece_taken(encode(protocol::FilePieceTaken{protocol::FileState::whole, 9})))
            .have_bytes == 9);
  CHECK(must(protocol::decode_file_piece_given(encode(protocol::FilePieceGiven{3, "abc"}))).bytes == "abc");
}

TEST_CASE("a piece of a file begins at a multiple of 64 KiB, ends at one or with the file, and lies within it",
          "[protocol][files]") {
  constexpr std::size_t step = limits::file_piece_bytes;
  const auto judged = [](const protocol::FilePiece& piece) {
    return field_of(protocol::decode_file_piece(encode(piece)));
  };
  CHECK(judged(file_piece(0, 0, 0)) == "good");
  CHECK(judged(file_piece(3 * step, step, step)) == "good");
  CHECK(judged(file_piece(3 * step, step, 2 * step)) == "good");
  CHECK(judged(file_piece(2 * step + 1, 2 * step, 1)) == "good");
  CHECK(judged(file_piece(3 * step, 1, 0)) == "good");  // it only asks
  CHECK(judged(file_piece(3 * step, 1, step)) == "offset");
  CHECK(judged(file_piece(3 * step, 0, step + 1)) == "bytes");
  CHECK(judged(file_piece(step, step, step)) == "offset");
  CHECK(judged(file_piece(step, 2 * step, 0)) == "offset");
  CHECK(judged(file_piece(limits::file_bytes_max, 0, limits::file_piece_bytes_max)) == "good");
  CHECK(judged(file_piece(limits::file_bytes_max + 1, 0, 0)) == "size");
  CHECK(judged(file_piece(~std::uint64_t{0}, ~std::uint64_t{0}, 0)) == "size");
  CHECK(judged(file_piece(limits::file_bytes_max, 0, limits::file_piece_bytes_max + step)) == "bytes");
}

TEST_CASE("a message about a file that is cut anywhere, or goes on, is refused", "[protocol][files]") {
  const auto each_cut = [](const Bytes& whole, const auto& decode) {
    for (std::size_t length = 0; length < whole.size(); ++length)
      CHECK_FALSE(decode(ByteView(whole).substr(0, length)));
    CHECK_FALSE(decode(whole + "x"));
    CHECK(decode(whole));
  };
  each_cut(encode(file_piece(5, 0, 5)), protocol::decode_file_piece);
  each_cut(encode(protocol::FilePieceTaken{}), protocol::decode_file_piece_taken);
  each_cut(encode(protocol::FilePieceWanted{}), protocol::decode_file_piece_wanted);
  each_cut(encode(protocol::FilePieceGiven{5, "xxxxx"}), protocol::decode_file_piece_given);
  Bytes unknown_state = encode(protocol::FilePieceTaken{});
  unknown_state[1] = 3;
  CHECK(field_of(protocol::decode_file_piece_taken(unknown_state)) == "state");
  protocol::FilePieceWanted much;
  much.length = limits::file_piece_bytes_max + 1;
  CHECK(field_of(protocol::decode_file_piece_wanted(encode(much))) == "length");
}

}  // namespace tern::test
