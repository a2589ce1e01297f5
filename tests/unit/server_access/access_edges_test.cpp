// What access refuses at its edges: directories, keys and lists that are not what they should be, floods of logins.
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "access/directory.hpp"
#include "access/enrolment.hpp"
#include "access/id_tokens.hpp"
#include "access/key_store.hpp"
#include "access/logins.hpp"
#include "access/private_file.hpp"
#include "access/recovery_sheet.hpp"
#include "house.hpp"
#include "support/catch.hpp"
#include "support/temp_dir.hpp"
#include "tern/sqlite/database.hpp"

namespace tern::test {
namespace {

namespace files = std::filesystem;

template <typename T>
ErrorCode refusal(const Result<T>& result) {
  return result ? ErrorCode{} : result.error().code;
}

void spoil(const std::string& path, const std::string& content) {
  files::permissions(path, files::perms::owner_all);
  std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
}

Bytes content_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

TEST_CASE("a server's directory is its own user's alone, and says what is wrong with it", "[server][access]") {
  const TempDir folder;
  CHECK(refusal(server::Directory::open(folder.file("none"))) == ErrorCode::not_found);
  std::ofstream(folder.file("file")) << "no directory";
  CHECK(refusal(server::check_private_directory(folder.file("file"))) == ErrorCode::invalid);
  CHECK_FALSE(server::check_private_directory(folder.file("missing")));

  const std::string path = folder.file("server");
  VirtualEnvironment environment{1};
  const auto recovery = protocol::RecoveryKey::generate(environment);
  auto made = must(server::Directory::create(path, recovery, false, environment));
  const auto plan = [&](const std::string& name) { return made->plan_tenant(name, environment); };
  const auto first = must(plan("North"));
  must(made->record_tenant(first));
  CHECK(refusal(plan("North")) == ErrorCode::invalid);
  for (const std::string& name :
       {std::string(), std::string(" "), std::string(201, 'n'), std::string("\xff"), std::string("a\nb")})
    CHECK(refusal(plan(name)) == ErrorCode::invalid);
  CHECK(must(made->find_tenant("")).name == "North");
  CHECK(must(made->find_tenant(to_uuid_text(first.id.view()))).number == first.number);
  CHECK(refusal(made->find_tenant("South")) == ErrorCode::not_found);
  must(made->record_tenant(must(plan("South"))));
  const auto several = made->find_tenant("");
  CHECK(refusal(several) == ErrorCode::usage);
  CHECK_THAT(several.error().message, Catch::Contains("North") && Catch::Contains("South"));
  CHECK(refusal(server::Directory::open(path)) == ErrorCode::busy);
  CHECK(refusal(server::Directory::create(path, recovery, false, environment)) != ErrorCode{});
  made.reset();

  files::permissions(path, files::perms::others_write, files::perm_options::add);
  CHECK(refusal(server::Directory::open(path)) == ErrorCode::not_permitted);
  files::permissions(path, files::perms::owner_all);
  CHECK(server::Directory::open(path));
  if (::geteuid() == 0) {  // whoever may give files away
    REQUIRE(::chown(path.c_str(), 12'345, 12'345) == 0);
    const auto others = server::Directory::open(path);
    CHECK(refusal(others) == ErrorCode::not_permitted);
    CHECK_THAT(others.error().message, Catch::Contains("another user"));
  }
}

TEST_CASE("an encrypted index needs its whole key", "[server][access]") {
  const TempDir folder;
  const std::string path = folder.file("server");
  VirtualEnvironment environment{2};
  const auto recovery = protocol::RecoveryKey::generate(environment);
  auto made = server::Directory::create(path, recovery, true, environment);
  if (!sqlite::encryption_available()) {
    CHECK(refusal(made) == ErrorCode::invalid);
    return;
  }
  REQUIRE(made);
  CHECK((*made)->encrypted());
  made->reset();
  std::string key_file;
  for (const auto& entry : files::recursive_directory_iterator(path))
    if (entry.path().filename() == "store.key") key_file = entry.path().string();
  REQUIRE_FALSE(key_file.empty());
  const Bytes whole = content_of(key_file);
  spoil(key_file, whole.substr(1));
  const auto short_key = server::Directory::open(path);
  CHECK(refusal(short_key) == ErrorCode::corrupt);
  CHECK_THAT(short_key.error().message, Catch::Contains("key file"));
  spoil(key_file, Bytes(whole.size(), 'x'));
  CHECK_FALSE(server::Directory::open(path));
  spoil(key_file, whole);
  CHECK(server::Directory::open(path));
}

TEST_CASE("keys of another server are not taken for this one's", "[server][access]") {
  const TempDir folder;
  VirtualEnvironment environment{3};
  const auto recovery = protocol::RecoveryKey::generate(environment),
             other = protocol::RecoveryKey::generate(environment);
  for (const char* name : {"a", "b"}) {
    must(server::make_private_directory(folder.file(name)));
    must(server::create_server_keys(folder.file(name), name[0] == 'a' ? recovery : other, environment));
  }
  const auto swap_in = [&](const char* file) {
    files::copy_file(folder.file("b") + "/keys/" + file, folder.file("a") + "/keys/" + file,
                     files::copy_options::overwrite_existing);
  };
  CHECK(server::load_server_keys(folder.file("a")));
  CHECK(server::check_courier_key(folder.file("a")));
  const std::string keys = folder.file("a") + "/keys/";
  const Bytes list = content_of(keys + "key-list"), roots = content_of(keys + "roots"),
              log = content_of(keys + "log.key");
  const auto put_back = [&] {
    spoil(keys + "key-list", list);
    spoil(keys + "roots", roots);
    spoil(keys + "log.key", log);
    REQUIRE(server::load_server_keys(folder.file("a")));
  };
  swap_in("log.key");
  CHECK(refusal(server::load_server_keys(folder.file("a"))) == ErrorCode::corrupt);
  put_back();
  swap_in("key-list");
  CHECK(refusal(server::load_server_keys(folder.file("a"))) == ErrorCode::corrupt);
  put_back();
  for (const Bytes& bad : {Bytes(), Bytes(31, 'r'), Bytes(32, 'r')}) {
    spoil(keys + "roots", bad);
    CHECK(refusal(server::load_server_keys(folder.file("a"))) == ErrorCode::corrupt);
  }
  put_back();
  swap_in("courier.key");
  CHECK(refusal(server::check_courier_key(folder.file("a"))) == ErrorCode::corrupt);
  files::remove(keys + "courier.key");
  CHECK(refusal(server::check_courier_key(folder.file("a"))) == ErrorCode::corrupt);
  CHECK(refusal(server::replace_log_key(folder.file("a"), other, {}, environment)) == ErrorCode::not_permitted);
  files::remove(keys + "log.key");
  CHECK(refusal(server::load_server_keys(folder.file("a"))) == ErrorCode::corrupt);
}

TEST_CASE("a recovery key is written to no file that is there, and not beside what it opens", "[server][access]") {
  const TempDir folder;
  const std::string server = folder.file("server"), sheet = folder.file("sheet");
  must(server::make_private_directory(server));
  CHECK(refusal(server::write_recovery_sheet(server, server + "/sheet", "a key")) == ErrorCode::invalid);
  CHECK(must(server::write_recovery_sheet(server, sheet, "a key")) == sheet);
  CHECK_THAT(content_of(sheet), Catch::Contains("a key"));
  const auto again = server::write_recovery_sheet(server, sheet, "another key");
  CHECK(refusal(again) == ErrorCode::invalid);
  CHECK_THAT(again.error().message, Catch::Contains("exists already"));
  CHECK_THAT(content_of(sheet), !Catch::Contains("another"));
}

TEST_CASE("an enrolment that is too large, or of a device without a name, makes none", "[server][access][enrolment]") {
  House house;
  house.add_operator("ann");
  const std::string code = house.code_for("ann");
  const auto enrol = [&](const Bytes& request) { return house.post("/sync/v1/enrol", request); };
  CHECK(problem_code(enrol(Bytes(protocol::enrolment_request_bytes_max + 1, 'e'))) == "body_too_large");
  const auto named = [&](const std::string& name, const std::string& platform) {
    protocol::EnrolmentRequest request;
    request.name = name;
    request.platform = platform;
    const auto key = protocol::SigningKey::generate(house.environment);
    return must(protocol::make_enrolment_request(request, must(protocol::EnrolmentCode::from_text(code)), key));
  };
  for (const char* name : {" ", "\u200b", "two\nlines"}) CHECK(problem_code(enrol(named(name, "linux"))) == "invalid");
  CHECK(problem_code(enrol(named("van", "two\nlines"))) == "invalid");
  CHECK(house.command(cmd("device list"))["rows"].size() == 0);
  CHECK(enrol(named("van", "linux")).status == 200);
}

TEST_CASE("of an issuer's keys those are taken that sign as we know it", "[server][access]") {
  const auto count = [](const std::string& text) -> int {
    const auto keys = server::parse_issuer_keys(text);
    return keys ? static_cast<int>(keys->size()) : -1;
  };
  for (const char* none : {"", "[]", "{}", R"({"keys":{}})", R"({"keys":3})", "{\"keys\":["}) {
    INFO(none);
    CHECK(count(none) == -1);
  }
  std::string many = R"({"keys":[{})";
  for (int i = 0; i < 1'000; ++i) many += ",{}";
  CHECK(count(many + "]}") == -1);
  CHECK(count(R"({"keys":[]})") == 0);
  const auto one = [&](const std::string& key) { return count(R"({"keys":[)" + key + "]}"); };
  const std::string ec = R"({"kty":"EC","crv":"P-256","x":"AQ","y":"AQ")",
                    rsa = R"({"kty":"RSA","alg":"RS256","n":"AQ","e":"AQAB")";
  CHECK(one(ec + "}") == 1);
  CHECK(one(ec + R"(,"alg":"ES256","use":"sig"})") == 1);
  CHECK(one(ec + R"(,"use":"enc"})") == 0);
  CHECK(one(ec + R"(,"alg":"ES384"})") == 0);
  CHECK(one(R"({"kty":"EC","crv":"P-384","x":"AQ","y":"AQ"})") == 0);
  CHECK(one(R"({"kty":"EC","crv":"P-256","x":"!","y":"AQ"})") == 0);
  CHECK(one(R"({"kty":"EC","crv":"P-256","x":"AQ","y":"!"})") == 0);
  CHECK(one(rsa + "}") == 1);
  CHECK(one(R"({"kty":"RSA","alg":"PS256","n":"AQ","e":"AQAB"})") == 0);
  CHECK(one(R"({"kty":"RSA","n":"!","e":"AQAB"})") == 0);
  CHECK(one(R"({"kty":"RSA","n":"AQ","e":"!"})") == 0);
  CHECK(one(R"({"kty":"oct","k":"AQ"})") == 0);
  CHECK(one("3") == 0);
}

TEST_CASE("a flood of addresses is counted in bounded room, and who tried most is not forgotten for it",
          "[server][access][enrolment]") {
  server::AttemptCounter counter(60'000);
  for (int i = 0; i < 5; ++i) CHECK(counter.allow("spray", 5, 1'000));
  CHECK_FALSE(counter.allow("spray", 5, 1'001));
  for (int i = 0; i < 30'000; ++i) static_cast<void>(counter.allow("address " + std::to_string(i), 5, 1'002 + i / 100));
  CHECK_FALSE(counter.allow("spray", 5, 1'400));
  for (int i = 0; i < 30'000; ++i)
    for (int n = 0; n < 5; ++n) static_cast<void>(counter.allow("full " + std::to_string(i), 5, 1'500 + i));
  CHECK(counter.allow("somebody else", 5, 40'000));
  CHECK(counter.allow("spray", 5, 200'000));
}

}  // namespace tern::test
