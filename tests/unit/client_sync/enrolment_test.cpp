#include "unit/client_sync/support.hpp"

#include <filesystem>

#include "keys/secure_file.hpp"

namespace tern::client::test {

TEST_CASE("enrolment shows who asks, then makes home, keys and outbox", "[client][enrolment]") {
  const TempDir dir;
  VirtualEnvironment environment;
  FakeServer server(environment);
  EnrolmentOffer shown;
  const EnrolmentRequest request = enrolment(dir, server.new_code());
  const DeviceIdentity identity = good(enrol(request, server, environment, [&](const EnrolmentOffer& offer) {
    shown = offer;
    return true;
  }));
  CHECK(shown.tenant_name == "Acme");
  CHECK(shown.operator_name == "Ann");
  CHECK(shown.server_url == "https://desk.example");
  CHECK(shown.root_fingerprint == to_hex(server.root().id()));
  CHECK(identity.tenant == server.tenant());
  CHECK_FALSE(std::filesystem::exists(request.home + "/pending-enrolment"));
  const OpenedKeys keys = good(open_keys(request.home, std::nullopt, environment));
  CHECK(keys.identity.device == identity.device);
  const auto outbox = good(Outbox::open(request.home + "/outbox.db", keys.data_key.view(), ""));
  CHECK_FALSE(good(outbox->anchor()).hash.is_zero());
  CHECK(good(load_sync_state(*outbox)).ladder.size() == 1);
}

TEST_CASE("a lost answer costs nothing: the same code and key get the same bytes", "[client][enrolment]") {
  const TempDir dir;
  VirtualEnvironment environment;
  FakeServer server(environment);
  Wire wire(server);
  std::vector<Bytes> requests;
  wire.after = [&](const HttpRequest& request, HttpAnswer) -> Result<HttpAnswer> {
    requests.push_back(request.body);
    return cut();
  };
  const EnrolmentRequest request = enrolment(dir, server.new_code());
  CHECK(outcome(enrol(request, wire, environment, yes)) == "no_connection");
  CHECK_FALSE(std::filesystem::exists(request.home + "/device.key"));
  wire.after = [&](const HttpRequest& sent, HttpAnswer answer) -> Result<HttpAnswer> {
    requests.push_back(sent.body);
    return answer;
  };
  good(enrol(request, wire, environment, yes));
  CHECK(requests.at(0) == requests.at(1));
  CHECK(server.devices() == 1);
}

TEST_CASE("a pending enrolment under a passphrase needs the same passphrase", "[client][enrolment]") {
  const TempDir dir;
  VirtualEnvironment environment;
  FakeServer server(environment);
  Wire wire(server);
  wire.before = [](const HttpRequest&) -> std::optional<Result<HttpAnswer>> { return Result<HttpAnswer>(cut()); };
  EnrolmentRequest request = enrolment(dir, server.new_code(), "one");
  CHECK(outcome(enrol(request, wire, environment, yes)) == "no_connection");
  request.passphrase = "two";
  CHECK(outcome(enrol(request, server, environment, yes)) == "locked");
  request.passphrase = "one";
  CHECK(outcome(enrol(request, server, environment, yes)) == "good");
}

TEST_CASE("what cannot prove that it knows the code pins nothing", "[client][enrolment]") {
  const TempDir dir;
  VirtualEnvironment environment;
  FakeServer server(environment);
  FakeServer other(environment);
  Wire wire(server);
  const EnrolmentRequest request = enrolment(dir, server.new_code());
  bool asked = false;
  const auto confirm = [&](const EnrolmentOffer&) { return asked = true; };

  SECTION("a server that answers with a code of its own") {
    wire.after = [&](const HttpRequest& sent, HttpAnswer) -> Result<HttpAnswer> {
      protocol::EnrolmentAnswer answer;
      answer.roots = {other.root().public_key()};
      const auto code = protocol::EnrolmentCode::generate(environment);
      return HttpAnswer{
          200, {{"content-type", "application/octet-stream"}}, make_enrolment_answer(answer, sent.body, code.key())};
    };
    CHECK(outcome(enrol(request, wire, environment, confirm)) == "login_refused");
  }
  SECTION("an altered answer") {
    wire.after = [](const HttpRequest&, HttpAnswer answer) -> Result<HttpAnswer> {
      answer.body[answer.body.size() / 2] = static_cast<char>(answer.body[answer.body.size() / 2] ^ 1);
      return answer;
    };
    CHECK(outcome(enrol(request, wire, environment, confirm)) == "login_refused");
  }
  SECTION("a captive portal") {
    wire.before = [](const HttpRequest&) -> std::optional<Result<HttpAnswer>> {
      return HttpAnswer{200, {{"content-type", "text/html"}}, "<html>Welcome</html>"};
    };
    CHECK(outcome(enrol(request, wire, environment, confirm)) == "no_connection");
  }
  SECTION("bytes that are no answer") {
    wire.before = [](const HttpRequest&) -> std::optional<Result<HttpAnswer>> {
      return HttpAnswer{200, {{"content-type", "application/octet-stream"}}, "hello"};
    };
    CHECK(outcome(enrol(request, wire, environment, confirm)) == "no_connection");
  }
  SECTION("a redirect") {
    wire.before = [](const HttpRequest&) -> std::optional<Result<HttpAnswer>> {
      return HttpAnswer{302, {{"location", "http://elsewhere"}}, ""};
    };
    CHECK(outcome(enrol(request, wire, environment, confirm)) == "no_connection");
  }
  CHECK_FALSE(asked);
  CHECK_FALSE(std::filesystem::exists(request.home + "/device.key"));
  CHECK_FALSE(std::filesystem::exists(request.home + "/outbox.db"));
}

TEST_CASE("wrong, used and unreadable codes are refused in a sentence", "[client][enrolment]") {
  const TempDir dir;
  VirtualEnvironment environment;
  FakeServer server(environment);
  const std::string code = server.new_code();
  CHECK(outcome(enrol(enrolment(dir, "not a code"), server, environment, yes)) == "usage");
  CHECK(outcome(enrol(enrolment(dir, "0000-0000-0000-0000"), server, environment, yes)) == "login_refused");
  good(enrol(enrolment(dir, code), server, environment, yes));
  CHECK(outcome(enrol(enrolment(dir, code), server, environment, yes)) == "invalid");  // enrolled already
  const TempDir second;
  CHECK(outcome(enrol(enrolment(second, code), server, environment, yes)) == "login_refused");
}

TEST_CASE("a root fingerprint that was shown must match", "[client][enrolment]") {
  const TempDir dir;
  VirtualEnvironment environment;
  FakeServer server(environment);
  EnrolmentRequest request = enrolment(dir, server.new_code());
  request.root_fingerprint = std::string(32, 'a');
  CHECK(outcome(enrol(request, server, environment, yes)) == "verification_failed");
  request.root_fingerprint = to_hex(server.root().id());
  CHECK(outcome(enrol(request, server, environment, yes)) == "good");
}

TEST_CASE("who says no has stored nothing and may say yes later", "[client][enrolment]") {
  const TempDir dir;
  VirtualEnvironment environment;
  FakeServer server(environment);
  const EnrolmentRequest request = enrolment(dir, server.new_code());
  CHECK(outcome(enrol(request, server, environment, [](const EnrolmentOffer&) { return false; })) == "usage");
  CHECK_FALSE(std::filesystem::exists(request.home + "/device.key"));
  CHECK_FALSE(std::filesystem::exists(request.home + "/outbox.db"));
  CHECK(outcome(enrol(request, server, environment, yes)) == "good");
}

TEST_CASE("an outbox that lies in the home is nobody's to overwrite", "[client][enrolment]") {
  const TempDir dir;
  VirtualEnvironment environment;
  FakeServer server(environment);
  const EnrolmentRequest request = enrolment(dir, server.new_code());
  good(make_private_directory(request.home));
  good(write_private_file(request.home + "/outbox.db", "somebody's work"));
  CHECK(outcome(enrol(request, server, environment, yes)) == "invalid");
  CHECK(good(read_private_file(request.home + "/outbox.db", 100)) == "somebody's work");
}

TEST_CASE("an enrolment answer that took longer than 30 s brings no anchor", "[client][enrolment]") {
  const TempDir dir;
  VirtualEnvironment environment;
  FakeServer server(environment);
  Wire wire(server);
  wire.after = [&](const HttpRequest&, HttpAnswer answer) -> Result<HttpAnswer> {
    environment.advance(30'001);
    return answer;
  };
  const EnrolmentRequest request = enrolment(dir, server.new_code());
  good(enrol(request, wire, environment, yes));
  const OpenedKeys keys = good(open_keys(request.home, std::nullopt, environment));
  CHECK(good(good(Outbox::open(request.home + "/outbox.db", keys.data_key.view(), ""))->anchor()).hash.is_zero());
}

}  // namespace tern::client::test
