#include "fixtures.hpp"
#include "tern/protocol/message.hpp"
#include "tern/protocol/text.hpp"
#include "tern/protocol/zstd.hpp"

#include <zstd.h>

#include "tern/v1/exchange.pb.h"

namespace tern::protocol::test {
namespace {

/// A frame as somebody else's compressor makes it.
Bytes frame_of(const Bytes& plain, int window_log, bool with_size = true) {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log);
  ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, with_size ? 1 : 0);
  if (!with_size) ZSTD_CCtx_setParameter(context, ZSTD_c_nbWorkers, 0);
  Bytes out(ZSTD_compressBound(plain.size()), '\0');
  ZSTD_inBuffer input{plain.data(), plain.size(), 0};
  ZSTD_outBuffer output{out.data(), out.size(), 0};
  ZSTD_compressStream2(context, &output, &input, ZSTD_e_continue);  // so that the size is not known at the start
  ZSTD_compressStream2(context, &output, &input, ZSTD_e_end);
  ZSTD_freeCCtx(context);
  out.resize(output.pos);
  return out;
}

}  // namespace

TEST_CASE("one frame comes back as it went", "[protocol][zstd]") {
  FixedEnvironment environment;
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{1000}, limits::decompressed_bytes_max}) {
    CAPTURE(size);
    Bytes plain(size, 'a');
    if (size > 10) environment.random(plain.data(), size / 3);
    CHECK(good(decompress(compress(plain))) == plain);
    CHECK(good(decompress(compress(plain, 9))) == plain);
  }
}

TEST_CASE("a difference comes back with its base and with no other", "[protocol][zstd]") {
  Bytes base;
  for (int i = 0; i < 300; ++i) base += std::to_string(i * 7919);
  const Bytes plain = base.substr(0, 500) + "another word" + base.substr(520);
  const Bytes frame = compress_against(base, plain);
  CHECK(is_compressed(frame));
  CHECK_FALSE(is_compressed(plain));
  CHECK(frame.size() * 10 < plain.size());
  CHECK(good(decompress_against(base, frame)) == plain);
  CHECK(good(decompress_against({}, compress_against({}, plain))) == plain);
  const auto with_another = decompress_against(Bytes(base.size(), 'x'), frame);
  CHECK((!with_another || *with_another != plain));
  CHECK(outcome(decompress_against(base, frame, plain.size() - 1)) == "too_large zstd");
}

TEST_CASE("a frame owes nothing to the frames before it", "[protocol][zstd]") {
  FixedEnvironment environment;
  Bytes base(3000, 'b');
  environment.random(base.data(), base.size());
  const Bytes frame = compress(base);
  const Bytes plain = "before" + base + "behind";
  const Bytes difference = compress_against(base, plain, 9);
  CHECK(compress(base) == frame);
  CHECK(good(decompress_against(base, difference)) == plain);
  CHECK_FALSE(decompress(difference));
  CHECK(outcome(decompress(frame.substr(0, 2000))) == "MALFORMED zstd");  // ends in the middle of a frame
  CHECK(outcome(decompress(frame, 100)) == "too_large zstd");
  CHECK(good(decompress(frame)) == base);
}

TEST_CASE("a bomb is refused before it goes off", "[protocol][zstd]") {
  const Bytes plain(limits::decompressed_bytes_max + 1, 'a');
  const Bytes bomb = compress(plain);
  CHECK(bomb.size() < 2000);
  CHECK(outcome(decompress(bomb)) == "too_large zstd");
  CHECK(outcome(decompress(frame_of(plain, 20))) == "too_large zstd");
  CHECK(outcome(decompress(compress(Bytes(1001, 'a')), 1000)) == "too_large zstd");
  CHECK(good(decompress(compress(Bytes(1000, 'a')), 1000)).size() == 1000);
}

TEST_CASE("a gibibyte in 32 KiB is refused without unpacking it", "[protocol][zstd]") {
  // The frame's promise is cut out: only the output cap can stop this one.
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, 20);
  const Bytes zeros(1 << 20, '\0');
  Bytes bomb(1 << 20, '\0');
  ZSTD_outBuffer output{bomb.data(), bomb.size(), 0};
  for (int i = 0; i < 1024; ++i) {
    ZSTD_inBuffer input{zeros.data(), zeros.size(), 0};
    ZSTD_compressStream2(context, &output, &input, i == 1023 ? ZSTD_e_end : ZSTD_e_continue);
  }
  ZSTD_freeCCtx(context);
  bomb.resize(output.pos);
  CHECK(bomb.size() < 128 * 1024);
  CHECK(outcome(decompress(bomb)) == "too_large zstd");
}

TEST_CASE("a window beyond ours is refused", "[protocol][zstd]") {
  const Bytes plain(3 << 20, 'a');
  CHECK(outcome(decompress(frame_of(plain, 20))) == "good");
  CHECK(outcome(decompress(frame_of(plain, 21))) == "too_large zstd");
}

TEST_CASE("only exactly one whole frame is a body", "[protocol][zstd]") {
  const Bytes frame = compress("a body that is long enough to be compressed, compressed, compressed");
  for (std::size_t at = 0; at < frame.size(); ++at) {
    CHECK(outcome(decompress(ByteView(frame).substr(0, at))) == "MALFORMED zstd");
    (void)decompress(flipped(frame, at));  // anything but a crash: the MAC has judged the bytes before
  }
  CHECK(outcome(decompress(frame + "x")) == "MALFORMED zstd");
  CHECK(outcome(decompress(frame + frame)) == "MALFORMED zstd");
  CHECK(outcome(decompress(from_hex("502a4d1800000000").value())) == "MALFORMED zstd");  // a skippable frame
  CHECK(outcome(decompress("plain text")) == "MALFORMED zstd");
}

TEST_CASE("a text is brought into normal form C, and must be in it to be taken", "[protocol][text]") {
  CHECK(good(normalise_nfc("plain")) == "plain");
  CHECK(good(normalise_nfc("e\xcc\x81")) == "\xc3\xa9");     // e and an acute
  CHECK(good(normalise_nfc("\xe2\x84\xab")) == "\xc3\x85");  // the angstrom sign
  CHECK(good(normalise_nfc("a\xcc\x87\xcc\xa3")) == good(normalise_nfc("a\xcc\xa3\xcc\x87")));
  CHECK(good(normalise_nfc("\xed\x95\x9c")) == "\xed\x95\x9c");  // a Hangul syllable stays
  CHECK(good(normalise_nfc("\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab")) == "\xed\x95\x9c");
  CHECK(good(normalise_nfc("\xf0\x9f\x98\x80")) == "\xf0\x9f\x98\x80");
  CHECK(is_nfc("\xc3\xa9"));
  CHECK_FALSE(is_nfc("e\xcc\x81"));
  CHECK_FALSE(is_nfc(std::string_view("a\0b", 3)));
  CHECK_FALSE(is_nfc("\xff"));
  CHECK(outcome(normalise_nfc("\xed\xa0\x80")) == "invalid");
  CHECK(outcome(check_text("fine", 4, "subject")) == "good");
  CHECK(outcome(check_text("fine!", 4, "subject")) == "too_large subject");
  CHECK(outcome(check_text("e\xcc\x81", 40, "subject")) == "invalid subject");
}

TEST_CASE("a text made to be slow is refused", "[protocol][text]") {
  std::string marks = "a";
  for (int i = 0; i < 16'000; ++i) marks += i % 2 == 0 ? "\xcc\x81" : "\xcc\xa3";
  CHECK(outcome(normalise_nfc(marks)) == "invalid");
  CHECK_FALSE(is_nfc(marks));
  CHECK(normalise_nfc(marks.substr(0, 1 + 64 * 2)).has_value());
}

TEST_CASE("a Protobuf message from a stranger is bounded in size and depth", "[protocol][message]") {
  tern::v1::Cursor cursor;
  cursor.set_commit_seq(7);
  const Bytes bytes = cursor.SerializeAsString();
  tern::v1::Cursor back;
  CHECK(outcome(parse_message(bytes, back)) == "good");
  CHECK(back.commit_seq() == 7);
  const auto nested = [&](std::size_t depth) {  // unknown groups, each inside the one before
    return outcome(parse_message(bytes + Bytes(depth, '\x7b') + Bytes(depth, '\x7c'), back, "frame"));
  };
  CHECK(nested(10) == "good");
  CHECK(nested(32) == "good");
  CHECK(nested(33) == "MALFORMED frame");
  CHECK(back.commit_seq() == 0);
  CHECK(outcome(parse_message(bytes + "\xff", back)) == "MALFORMED body");
  CHECK(outcome(parse_message(bytes + "\x7c", back)) == "MALFORMED body");  // the end of a group that never began
  CHECK(outcome(parse_message(bytes, back, "body", 1)) == "too_large body");
}

}  // namespace tern::protocol::test
