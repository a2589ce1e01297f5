#include "support/catch.hpp"
//
#include "access/enrolment.hpp"
#include "house.hpp"
#include "tern/protocol/limits.hpp"

namespace tern::test {
namespace {

protocol::SigningKey new_key(House& house) {
  return protocol::SigningKey::generate(house.environment);
}

server::Response enrol(House& house, const std::string& code, const protocol::SigningKey& key, std::uint8_t nonce = 1) {
  return house.post("/sync/v1/enrol", Device::enrolment_request(house, code, key, nonce));
}

std::string wrong_code(House& house) {
  return protocol::EnrolmentCode::generate(house.environment).to_text();
}

}  // namespace

TEST_CASE("a code makes one device of its operator, and its lost answer is given again",
          "[server][access][enrolment]") {
  House house;
  house.add_operator("ann");
  const std::string code = house.code_for("ann");
  const auto key = new_key(house), other = new_key(house);

  const auto first = enrol(house, code, key);
  REQUIRE(first.status == 200);
  house.environment.advance(60'000);
  const auto again = enrol(house, code, key);
  CHECK(again.status == 200);
  CHECK(again.body == first.body);  // scenario 5: the first answer is lost and asked for again
  CHECK(house.command(Json::object({{"command", Json("device list")}}))["rows"].size() == 1);

  const auto stranger = enrol(house, code, other);
  CHECK(stranger.status == 403);
  CHECK(problem_code(stranger) == "login_refused");
}

TEST_CASE("wrong, used and expired codes get the same refusal", "[server][access][enrolment]") {
  House house;
  house.add_operator("ann");
  const auto key = new_key(house), other = new_key(house);
  const std::string used = house.code_for("ann"), expired = house.code_for("ann");
  REQUIRE(enrol(house, used, key).status == 200);
  const auto to_used = enrol(house, used, other), to_wrong = enrol(house, wrong_code(house), other);
  house.environment.advance(limits::enrolment_code_ttl_ms + 1);
  const auto to_expired = enrol(house, expired, other);
  CHECK(to_used.status == 403);
  CHECK(to_used.body == to_wrong.body);
  CHECK(to_used.body == to_expired.body);
  CHECK(enrol(house, used, key).status == 403);  // over for its own key too
}

TEST_CASE("a code survives a restart and is still used once", "[server][access][enrolment]") {
  House house;
  house.add_operator("ann");
  const std::string code = house.code_for("ann");
  house.reopen();
  const auto key = new_key(house), other = new_key(house);
  const auto first = enrol(house, code, key);
  REQUIRE(first.status == 200);
  house.reopen();
  CHECK(enrol(house, code, key).body == first.body);
  CHECK(problem_code(enrol(house, code, other)) == "login_refused");
}

TEST_CASE("an address has ten attempts a minute", "[server][access][enrolment]") {
  House house;
  house.add_operator("ann");
  const auto key = new_key(house);
  for (int i = 0; i < 10; ++i) CHECK(problem_code(enrol(house, wrong_code(house), key)) == "login_refused");
  const auto refused = enrol(house, house.code_for("ann"), key);
  CHECK(refused.status == 429);
  CHECK(problem_code(refused) == "rate_limited");
  CHECK(refused.header("retry-after") == "60");
  house.peer = "192.0.2.8";
  CHECK(problem_code(enrol(house, wrong_code(house), key)) == "login_refused");  // another one is not held up
  house.peer = "192.0.2.7";
  house.environment.advance(60'000);
  CHECK(enrol(house, house.code_for("ann"), key).status == 200);
}

TEST_CASE("who sprays from many addresses keeps nobody else from enrolling", "[server][access][enrolment]") {
  CHECK(server::counted_address("2001:db8:1:2::1") == server::counted_address("2001:db8:1:2:ffff::9"));
  CHECK(server::counted_address("2001:db8:1:2::1") != server::counted_address("2001:db8:1:3::1"));
  CHECK(server::counted_address("::ffff:192.0.2.1") != server::counted_address("::ffff:192.0.2.2"));
  CHECK(server::counted_address("192.0.2.1") == "192.0.2.1");
  CHECK(server::counted_address("fe80::1%eth0") == server::counted_address("fe80::2"));
  CHECK(server::counted_address("2001:db8::1") == server::counted_address("2001:db8:0:0:5::1"));
  CHECK(server::counted_address("::1") != server::counted_address("2001::1"));

  server::AttemptCounter counter;
  const auto ask = [&](const std::string& who, std::int64_t now) { return counter.allow(who, 10, now); };
  for (int i = 0; i < 10; ++i) CHECK(ask("used up", 0));
  bool all = true;
  for (int i = 0; i < 50'000; ++i) all = ask("spray " + std::to_string(i), 1 + i / 100) && all;
  CHECK(all);
  CHECK(ask("a new one", 600));
  CHECK_FALSE(ask("used up", 600));  // is forgotten last
}

TEST_CASE("a try that was none is given back, and others count for as long as is looked back",
          "[server][access][enrolment]") {
  server::AttemptCounter counter(900'000);
  for (int i = 0; i < 3; ++i) CHECK(counter.allow("ann", 3, i));
  CHECK_FALSE(counter.allow("ann", 3, 3));
  counter.give_back("ann");
  counter.give_back("nobody");
  CHECK(counter.allow("ann", 3, 4));
  CHECK_FALSE(counter.allow("ann", 3, 899'999));
  CHECK(counter.allow("ann", 3, 900'000));
  CHECK_FALSE(counter.allow("ann", 3, 900'000));
  counter.forget("ann");
  CHECK(counter.allow("ann", 3, 900'000));
  for (const char* here : {"127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"}) CHECK(server::is_loopback(here));
  for (const char* there : {"", "192.0.2.1", "::2", "::ffff:192.0.2.1", "1.127.0.0"})
    CHECK_FALSE(server::is_loopback(there));
}

TEST_CASE("a tenant's codes have a hundred attempts a minute in all", "[server][access][enrolment]") {
  House house;
  house.add_operator("ann");
  const std::string code = house.code_for("ann");
  const auto key = new_key(house), other = new_key(house);
  REQUIRE(enrol(house, code, key).status == 200);
  int refused = 0;
  for (int i = 0; i < 120; ++i) {
    house.peer = "198.51.100." + std::to_string(i);
    if (problem_code(enrol(house, code, other)) == "rate_limited") ++refused;
  }
  CHECK(refused == 21);
}

TEST_CASE("an operator has at most twenty devices, and none once disabled", "[server][access][enrolment]") {
  House house;
  house.add_operator("ann");
  const std::string code = house.code_for("ann"), later = house.code_for("ann");
  for (std::size_t i = 0; i < limits::devices_per_operator_max; ++i) Device(house, "ann");
  const auto key = new_key(house);
  const auto refused = enrol(house, code, key);
  CHECK(refused.status == 403);
  CHECK(problem_code(refused) == "not_permitted");
  CHECK_THAT(refused.body, Catch::Contains("20 devices already") && Catch::Contains("ternd device revoke"));
  const auto no_code = house.try_command(Json::object({{"command", Json("device code")}, {"operator", Json("ann")}}));
  REQUIRE_FALSE(no_code);
  CHECK(no_code.error().code == ErrorCode::not_permitted);
  CHECK_THAT(no_code.error().message, Catch::Contains("20 devices already"));
  house.command(Json::object(
      {{"command", Json("device revoke")},
       {"device", house.command(Json::object({{"command", Json("device list")}}))["rows"].items()[0]["id"]}}));
  CHECK(enrol(house, code, key).status == 200);  // the code was not used up by the refusal

  house.command(Json::object({{"command", Json("operator disable")}, {"operator", Json("ann")}}));
  house.environment.advance(60'000);
  CHECK(enrol(house, later, new_key(house)).status == 403);
  CHECK(house.try_command(Json::object({{"command", Json("device code")}, {"operator", Json("ann")}})).error().code ==
        ErrorCode::not_permitted);
}

TEST_CASE("an altered enrolment request is refused wherever it was altered", "[server][access][enrolment]") {
  House house;
  house.add_operator("ann");
  const std::string code = house.code_for("ann");
  const auto key = new_key(house);
  const Bytes good = Device::enrolment_request(house, code, key);
  for (std::size_t i = 0; i < good.size(); ++i) {
    Bytes bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    house.peer = "2001:db8::" + std::to_string(i);
    if (i % 50 == 0) house.environment.advance(60'000);
    const auto answer = house.post("/sync/v1/enrol", bad);
    INFO("byte " << i);
    CHECK(answer.status >= 400);
    CHECK(answer.status < 500);
  }
  CHECK(house.command(Json::object({{"command", Json("device list")}}))["rows"].size() == 0);
  house.environment.advance(60'000);
  CHECK(house.post("/sync/v1/enrol", good).status == 200);
  CHECK(house.post("/sync/v1/enrol", Bytes(1025, 'x')).status == 413);
}

TEST_CASE("the code is in no log line", "[server][access][enrolment]") {
  House house;
  house.add_operator("ann");
  const std::string code = house.code_for("ann");
  REQUIRE(enrol(house, code, new_key(house)).status == 200);
  std::string bare;
  for (const char c : code)
    if (c != '-') bare += c;
  for (const std::string& line : house.log) {
    CHECK(line.find(code) == std::string::npos);
    CHECK(line.find(bare) == std::string::npos);
  }
  CHECK_FALSE(house.log.empty());
}

}  // namespace tern::test
