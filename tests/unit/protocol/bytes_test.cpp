#include "fixtures.hpp"
#include "tern/protocol/crockford.hpp"

namespace tern::protocol::test {

TEST_CASE("hex and uuid text lead back to their bytes and refuse anything else", "[protocol][bytes]") {
  const Bytes raw = from_hex("00ff10AbcDef").value();
  CHECK(to_hex(raw) == "00ff10abcdef");
  CHECK_FALSE(from_hex("0"));
  CHECK_FALSE(from_hex("0g"));
  CHECK(from_hex("") == Bytes());

  const Bytes id = from_hex("00112233445566778899aabbccddeeff").value();
  CHECK(to_uuid_text(id) == "00112233-4455-6677-8899-aabbccddeeff");
  CHECK(from_uuid_text(to_uuid_text(id)) == id);
  CHECK(from_uuid_text(to_hex(id)) == id);
  CHECK_FALSE(from_uuid_text("0011223-34455-6677-8899-aabbccddeeff"));
  CHECK_FALSE(from_uuid_text("00112233-4455-6677-8899-aabbccddeef-"));
  CHECK_FALSE(from_uuid_text("00112233"));
}

TEST_CASE("UTF-8 is judged by the letter of the standard", "[protocol][bytes]") {
  for (const char* text : {"", "plain", "Gr\xc3\xbcn", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf",
                           "\xef\xbf\xbf", "\xed\x9f\xbf", "\xee\x80\x80"}) {
    CAPTURE(text);
    CHECK(is_valid_utf8(text));
  }
  for (const std::string_view text :
       {std::string_view("a\0b", 3), std::string_view("\x80"), std::string_view("\xc0\xaf"),
        std::string_view("\xc1\x81"), std::string_view("\xe0\x9f\xbf"), std::string_view("\xed\xa0\x80"),
        std::string_view("\xf0\x8f\xbf\xbf"), std::string_view("\xf4\x90\x80\x80"),
        std::string_view("\xf5\x80\x80\x80"), std::string_view("\xff"), std::string_view("\xe2\x82"),
        std::string_view("\xe2(\xa1"), std::string_view("\xf0\x9f\x98")}) {
    CAPTURE(to_hex(text));
    CHECK_FALSE(is_valid_utf8(text));
  }
  CHECK(code_point_count("Gr\xc3\xbcn \xf0\x9f\x98\x80") == 6);
}

TEST_CASE("every error code has a name of its own that leads back to it", "[protocol][error]") {
  std::map<std::string_view, int> names;
  const int last = static_cast<int>(ErrorCode::origin);
  for (int value = 0; value <= last; ++value) {
    const auto code = static_cast<ErrorCode>(value);
    CAPTURE(value);
    CHECK(error_code_from_string(to_string(code)) == code);
    CHECK(++names[to_string(code)] == 1);
  }
  CHECK(to_string(ErrorCode::signature_invalid) == "SIGNATURE_INVALID");
  CHECK(to_string(ErrorCode::session_unknown) == "session_unknown");
  CHECK(error_code_from_string("KEY_UNKNOWN") == ErrorCode::key_unknown);
  CHECK(error_code_from_string("nothing of ours") == ErrorCode::internal);
}

TEST_CASE("a reader keeps the first failure and the name of its field", "[protocol][wire]") {
  const Bytes bytes = ByteWriter().u8(1).u16(0x0203).u32(5).sized("abc").i64(-2).take();
  ByteReader reader(bytes);
  CHECK(reader.u8("a") == 1);
  CHECK(reader.u16("b") == 0x0203);
  CHECK(reader.u32("c") == 5);
  CHECK(reader.sized(3, "d") == "abc");
  CHECK(reader.i64("e") == -2);
  CHECK(reader.finish().has_value());

  ByteReader cut(ByteView(bytes).substr(0, 5));
  cut.u8("a");
  cut.u16("b");
  CHECK(cut.u32("c") == 0);
  CHECK(cut.u64("d") == 0);
  CHECK(outcome(cut.finish()) == "MALFORMED c");

  ByteReader behind(bytes);
  behind.u8("a");
  CHECK(outcome(behind.finish()) == "MALFORMED size");

  ByteReader promising(ByteView("\xff\xff\xff\xf0", 4));
  CHECK(promising.sized(1 << 20, "part").empty());
  CHECK(outcome(promising.finish()) == "too_large part");
}

TEST_CASE("what people mistype in Crockford's base 32 is forgiven, what they lose is not", "[protocol][crockford]") {
  const Bytes raw = from_hex("c0c1c2c3c4c5c6c7c8c9").value();
  const std::string text = crockford_groups(raw);
  CHECK(text.size() == 19);
  CHECK(crockford_decode(text, 10) == raw);
  std::string lower = text;
  for (char& c : lower) c = static_cast<char>(std::tolower(c));
  CHECK(crockford_decode(" " + lower + "\n", 10) == raw);
  CHECK(crockford_decode("O0-iI-lL", 3) == std::nullopt);  // six characters hold thirty bits: three bytes want five
  CHECK(crockford_decode("OOIL0", 3) == crockford_decode("00110", 3));
  CHECK(crockford_decode("00111", 3) == std::nullopt);  // fill bits
  CHECK_FALSE(crockford_decode(text.substr(1), 10));
  CHECK_FALSE(crockford_decode(text + "0", 10));
  CHECK_FALSE(crockford_decode("U" + text.substr(1), 10));
  CHECK_FALSE(crockford_decode("", 10));
}

}  // namespace tern::protocol::test
