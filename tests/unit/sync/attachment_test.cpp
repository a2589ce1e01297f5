// What files may be called and what type they are said to have.
#include "tern/sync/attachment.hpp"

#include "support/catch.hpp"
#include "support/must.hpp"
#include "tern/protocol/limits.hpp"

namespace tern::sync {
namespace {

using test::must;

constexpr std::string_view zero_width_space = "\xE2\x80\x8B", turns_around = "\xE2\x80\xAE", soft_hyphen = "\xC2\xAD";

}  // namespace

TEST_CASE("a file's name is what stands behind the last folder, without what systems give a meaning",
          "[sync][attachment]") {
  CHECK(must(file_name_of("pump.jpg")) == "pump.jpg");
  CHECK(must(file_name_of("../../a")) == "a");
  CHECK(must(file_name_of("C:\\Users\\ann\\pump.jpg")) == "pump.jpg");
  CHECK(must(file_name_of(" .bashrc. ")) == "bashrc");
  CHECK(must(file_name_of("a:b*c?d\"e<f>g|h.txt")) == "a_b_c_d_e_f_g_h.txt");
  CHECK(must(file_name_of("насос.pdf")) == "насос.pdf");
  CHECK(must(file_name_of("e\xCC\x81.txt")) == "\xC3\xA9.txt");  // normal form C
}

TEST_CASE("a name that holds what nobody sees, or nothing, is refused", "[sync][attachment]") {
  for (const std::string& name :
       {std::string(), std::string(".."), std::string("a/"), std::string("a\nb"), std::string("a\0b", 3),
        std::string("\xff"), "a" + std::string(zero_width_space) + ".png", "gpj" + std::string(turns_around) + ".exe",
        std::string(soft_hyphen), std::string("\xF3\xA0\x81\x81")}) {
    INFO(to_hex(name));
    const auto refused = file_name_of(name);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::invalid);
    CHECK(refused.error().field == "name");
  }
}

TEST_CASE("a long name is cut between two characters and keeps its ending", "[sync][attachment]") {
  std::string stem;
  while (stem.size() < 300) stem += "\xD1\x8F";
  const std::string name = must(file_name_of(stem + ".jpeg"));
  CHECK(name.size() <= limits::name_bytes_max);
  CHECK(name.size() >= limits::name_bytes_max - 1);
  CHECK(name.ends_with("\xD1\x8F.jpeg"));
  CHECK(is_valid_utf8(name));
  CHECK(must(file_name_of(std::string(300, 'a'))).size() == limits::name_bytes_max);
}

TEST_CASE("a name that came another way is shown without what has no place in one", "[sync][attachment]") {
  CHECK(shown_file_name("pump.jpg") == "pump.jpg");
  CHECK(shown_file_name("../..//x/pump.jpg") == "pump.jpg");
  CHECK(shown_file_name("gpj" + std::string(turns_around) + ".exe") == "gpj.exe");
  CHECK(shown_file_name("a\r\nSet-Cookie: x") == "aSet-Cookie_ x");
  for (const std::string_view nothing :
       {std::string_view(""), std::string_view(".."), std::string_view("\xff"), zero_width_space})
    CHECK(shown_file_name(nothing) == "file");
}

TEST_CASE("a file's type is the table's for its ending, if it begins so, and nothing that a browser runs",
          "[sync][attachment]") {
  CHECK(media_type_of("a.PNG", "\x89PNG\r\n\x1A\n...") == "image/png");
  CHECK(media_type_of("a.png", "<script>") == unknown_media_type);
  CHECK(media_type_of("a.jpg", "\xFF\xD8\xFF\xE0") == "image/jpeg");
  CHECK(media_type_of("a.webp", "RIFF....WEBP") == "image/webp");
  CHECK(media_type_of("a.webp", "RIFF") == unknown_media_type);
  CHECK(media_type_of("a.txt", "<script>") == "text/plain");
  CHECK(media_type_of("report.tar.gz", "\x1F\x8B") == "application/gzip");
  for (const std::string_view name : {"a.html", "a.htm", "a.svg", "a.xml", "a.js", "a.xhtml", "a", "a.", "png"})
    CHECK(media_type_of(name, "<svg xmlns=") == unknown_media_type);
  CHECK(media_type_of_said("a.png", "image/png") == "image/png");
  CHECK(media_type_of_said("a.png", "text/html") == unknown_media_type);
  CHECK(media_type_of_said("a.html", "text/html") == unknown_media_type);
}

}  // namespace tern::sync
