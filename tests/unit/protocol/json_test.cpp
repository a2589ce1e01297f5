#include "fixtures.hpp"

namespace tern::protocol::test {
namespace {

std::string refused(std::string_view text, JsonLimits limits = {}) {
  const Result<Json> result = parse_json(text, limits);
  if (result) return "good";
  return result.error().hint + (result.error().field.empty() ? "" : " " + result.error().field);
}

std::string round_trip(std::string_view text) {
  return to_text(good(parse_json(text)));
}

}  // namespace

TEST_CASE("JSON comes back as it was, members in their order", "[json]") {
  for (const char* text :
       {"null", "true", "false", "0", "-1", "9223372036854775807", "-9223372036854775808", "\"\"", "[]", "{}",
        R"({"z":1,"a":[true,null,{"b":"c"}],"m":{}})", R"("quote \" backslash \\ newline \n tab \t bell \u0007")",
        "\"Gr\xc3\xbcn \xf0\x9f\x98\x80\""}) {
    CHECK(round_trip(text) == text);
  }
  CHECK(round_trip(" { \"a\" : [ 1 , 2 ] } ") == R"({"a":[1,2]})");
  CHECK(round_trip(R"("\u00fc\ud83d\ude00")") == "\"\xc3\xbc\xf0\x9f\x98\x80\"");
}

TEST_CASE("what a strict reader must refuse is refused", "[json]") {
  CHECK(refused(R"({"a":1,"a":2})") == "json_duplicate_key a");
  CHECK(refused(R"({"a":{"b":1,"b":2}})") == "json_duplicate_key b");
  CHECK(refused(R"({"a":1,"\u0061":2})") == "json_duplicate_key a");
  CHECK(refused(R"([{"a":1},{"a":2}])") == "good");
  for (const char* text : {"",
                           " ",
                           "NaN",
                           "Infinity",
                           "-Infinity",
                           "{} x",
                           "{\"a\":1,}",
                           "[1,]",
                           "{a:1}",
                           "'a'",
                           "01",
                           "1.",
                           "+1",
                           "\xef\xbb\xbf{}",
                           "{\"a\"}",
                           "[1",
                           "\"open",
                           "/* c */ 1",
                           "tru",
                           "9223372036854775808",
                           "123456789012345678901234567890",
                           "1.5",
                           "1e3",
                           "\"\x01\""}) {
    CAPTURE(text);
    CHECK(refused(text) == "json_invalid");
  }
  CHECK(refused("\"\xff\"") == "text_encoding");
  CHECK(refused("\"\xed\xa0\x80\"") == "text_encoding");
  CHECK(refused(R"("\ud800")") == "text_encoding");
  CHECK(refused(R"("\ud800x")") == "text_encoding");
  CHECK(refused(R"("\udc00")") == "text_encoding");
  CHECK(refused(R"("a\u0000b")") == "text_encoding");
  CHECK(refused(R"({"a\u0000":1})") == "text_encoding");
  CHECK_FALSE(parse_json(std::string_view("\0", 1)));
}

TEST_CASE("depth and size of JSON are bounded", "[json]") {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  CHECK(refused(nested(32)) == "good");
  CHECK(refused(nested(33)) == "json_invalid");
  CHECK(refused(nested(128), {.depth_max = 1000}) == "good");
  CHECK(refused(nested(129), {.depth_max = 1000}) == "json_invalid");
  CHECK(refused(std::string(100'000, '['), {.depth_max = 128}) == "json_invalid");
  std::string objects;
  for (int i = 0; i < 33; ++i) objects += R"({"a":)";
  CHECK(refused(objects) == "json_invalid");
  CHECK(outcome(parse_json("[1,2,3]", {.bytes_max = 3})) == "too_large body");
}

TEST_CASE("a refusal says where", "[json]") {
  const Result<Json> result = parse_json(R"({"a": x})");
  REQUIRE_FALSE(result);
  CHECK(result.error().message == "this is no JSON, at byte 7");
  CHECK(parse_json("{} x").error().message == "this is no JSON, at byte 4");
}

TEST_CASE("decimals are read only by who asks for them", "[json]") {
  CHECK(good(parse_json("[1.5,1e3]", {.decimals = true})).items()[0].as_double() == 1.5);
  CHECK(refused("123456789012345678901234567890", {.decimals = true}) == "json_invalid");
  CHECK(refused("1e999", {.decimals = true}) == "json_invalid");
}

TEST_CASE("a JSON value answers with a fallback instead of failing", "[json]") {
  const Json value = good(parse_json(R"({"n":5,"s":"x","b":true,"a":[1],"nil":null})"));
  CHECK(value["n"].as_integer() == 5);
  CHECK(value["n"].as_double() == 5.0);
  CHECK(value["s"].as_integer(7) == 7);
  CHECK(value["s"].as_string() == "x");
  CHECK(value["n"].as_string().empty());
  CHECK(value["b"].as_bool());
  CHECK(value["missing"].is_null());
  CHECK(value.find("missing") == nullptr);
  REQUIRE(value.find("nil") != nullptr);
  CHECK(value["s"]["deeper"].is_null());
  CHECK(value["a"].size() == 1);
  CHECK(value["n"].items().empty());
}

TEST_CASE("JSON is built in the order it is written", "[json]") {
  Json value = Json::object({{"b", 1}, {"a", "text"}, {"list", Json::array({1, "two", nullptr, 2.5})}});
  value.set("b", 2).set("c", true);
  Json grown;
  grown.push(1).push(Json().set("k", std::uint64_t{7}));
  value.set("grown", grown);
  CHECK(to_text(value) == R"({"b":2,"a":"text","list":[1,"two",null,2.5],"c":true,"grown":[1,{"k":7}]})");
  CHECK(value == value);
  CHECK_FALSE(value == grown);
}

TEST_CASE("whatever is written as JSON can be read back", "[json]") {
  CHECK(to_text(Json("\xff"
                     "a\xe2\x82")) ==
        "\"\xef\xbf\xbd"
        "a\xef\xbf\xbd\xef\xbf\xbd\"");
  CHECK(to_text(Json(std::string("a\0b", 3))) == R"("a\u0000b")");
  CHECK(to_text(Json(0.1)) == "0.1");
  for (const double value : {1.0, -0.0, 1e15, 1e300, 123456789012345680000.0}) {
    CHECK(good(parse_json(to_text(Json(value)), {.decimals = true})) == Json(value));
  }
  CHECK(to_text(Json(1.0 / 0.0)) == "null");
  CHECK(to_text(Json("\x7f")) == R"("\u007f")");
  CHECK(rc::check("any text survives writing and reading", [] {
    std::string text = *rc::gen::string<std::string>();
    std::erase(text, '\0');
    const Result<Json> back = parse_json(to_text(Json(text)));
    RC_ASSERT(back.has_value());
    if (is_valid_utf8(text)) RC_ASSERT(back->as_string() == text);
  }));
}

}  // namespace tern::protocol::test
