// The ways to sign in beside a key: what a lost password takes, codes of a second factor, tokens of mobile programs.
#include <filesystem>
#include <functional>
#include <memory>
#include <utility>

#include "access/second_factors.hpp"
#include "http/url_text.hpp"
#include "ingest/committer.hpp"
#include "issuer_way.hpp"
#include "office.hpp"
#include "panel.hpp"
#include "support/files.hpp"
#include "support/older_schema.hpp"
#include "support/persist.hpp"
#include "support/totp.hpp"
#include "tern/protocol/base64.hpp"
#include "tern/protocol/crypto.hpp"
#include "tern/sqlite/database.hpp"

namespace tern::test {
namespace {

Bytes must_be(const std::optional<Bytes>& bytes) {
  REQUIRE(bytes.has_value());
  return *bytes;
}

/// Does something else first, once, before what comes next on the strand.
class InterruptedCommitter final : public server::Committer {
public:
  Result<server::PushAnswer> commit(server::Tenant& tenant, server::VerifiedPush push) override {
    inner_->on_commit = on_commit;
    return inner_->commit(tenant, std::move(push));
  }
  void run(server::Tenant& tenant, const std::function<void()>& work) override {
    inner_->on_commit = on_commit;
    if (before) std::exchange(before, nullptr)();
    inner_->run(tenant, work);
  }
  std::function<void()> before;

private:
  std::unique_ptr<server::Committer> inner_ = server::make_inline_committer();
};

/// The same before the next secret is drawn.
class InterruptedEnvironment final : public Environment {
public:
  explicit InterruptedEnvironment(VirtualEnvironment& inner) : inner_(inner) {}
  std::int64_t wall_ms() override { return inner_.wall_ms(); }
  std::int64_t boot_ms() override { return inner_.boot_ms(); }
  BootId boot_id() override { return inner_.boot_id(); }
  void random(void* into, std::size_t size_bytes) override {
    if (before && size_bytes == 32) std::exchange(before, nullptr)();
    inner_.random(into, size_bytes);
  }
  std::function<void()> before;

private:
  VirtualEnvironment& inner_;
};

/// Ann, who has a password, and nobody's key.
struct FrontDoor : Office {
  FrontDoor() {
    house.command(cmd("operator set", {{"operator", Json("ann")}, {"password", Json("a password of ann")}}));
    key.clear();
  }
  server::Response log_in(const std::string& password, std::initializer_list<Json::Member> more = {}) {
    Json request = act("admin_login", more);
    request.set("login", Json("ann@pumps.example"));
    request.set("password", Json(password));
    return ask(request);
  }
  static std::string cookie_of(const server::Response& answer) {
    const std::string cookie(answer.header("set-cookie"));
    return cookie.substr(0, cookie.find(';'));
  }
  static Json data(const server::Response& answer) {
    INFO(answer.body);
    CHECK(answer.status == 200);
    return must(parse_json(answer.body, {.decimals = true}))["data"];
  }
  server::Response with(const std::string& header, const std::string& value, const Json& request) {
    return send(to_text(request), "/api/admin.php", "application/json", {{header, value}});
  }
  std::string link_token() {
    const std::string link =
        house
            .command(cmd("operator reset-link",
                         {{"operator", Json("ann")}, {"public-url", Json("https://desk.example/")}}))["link"]
            .as_string();
    CHECK(link.starts_with("https://desk.example/reset#rt_"));
    return link.substr(link.find('#') + 1);
  }
  server::Response reset(const std::string& token, const std::string& password) {
    return ask(act("reset_password", {{"token", Json(token)}, {"password", Json(password)}}));
  }
  /// Uses nothing up.
  bool opens(const std::string& token) { return said(reset(token, "short"), "field") == "password"; }
  void set_password(const char* password) {
    house.command(cmd("operator set", {{"operator", Json("ann")}, {"password", Json(password)}}));
  }
  std::string mobile(const std::string& password) {
    return data(ask(act("mobile_login", {{"login", Json("ann@pumps.example")}, {"password", Json(password)}})))["token"]
        .as_string();
  }
  bool works(const std::string& mobile_token) {
    return with("x-mobile-token", mobile_token, act("list_tickets")).status == 200;
  }
  InterruptedCommitter& interrupt_commits() {
    auto committer = std::make_unique<InterruptedCommitter>();
    InterruptedCommitter& out = *committer;
    house.core->use_committer(std::move(committer));
    return out;
  }
  /// The tenant's file, beside a server that is closed.
  std::unique_ptr<sqlite::Database> file() {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(house.options().directory))
      if (entry.path().filename() == "tern.db") {
        sqlite::OpenOptions options;
        options.path = entry.path();
        return must(sqlite::Database::open(options));
      }
    return nullptr;
  }
};

/// Ann's door, before a server that is interrupted.
struct InterruptedDoor : FrontDoor {
  InterruptedDoor() {
    house.core.reset();
    house.core = must(server::ServerCore::open(house.options(), environment));
  }
  ~InterruptedDoor() { house.core.reset(); }
  InterruptedEnvironment environment{house.environment};
};

/// What was changed of how somebody logs in, by the log: "what door", in the order in which it came.
std::vector<std::string> changes_of_sign_ins(const House& house) {
  std::vector<std::string> out;
  for (const std::string& line : house.log) {
    const Json parsed = must(parse_json(line, {.decimals = true}));
    if (parsed["event"] != Json("sign_in_changed")) continue;
    CHECK(parsed["operator"].as_string().size() == 36);
    CHECK(parsed["tenant"].as_string().size() == 36);
    out.push_back(parsed["what"].as_string() + " " + parsed["door"].as_string());
  }
  return out;
}

}  // namespace

TEST_CASE("a link sets a password once, for a day, and ends what was begun with the one before",
          "[server][api][security]") {
  FrontDoor door;
  const std::string session = FrontDoor::cookie_of(door.log_in("a password of ann"));
  CHECK(door.with("cookie", session, act("list_tags")).status == 200);
  const std::string first = door.link_token(), token = door.link_token();
  CHECK(said(door.reset(first, "another password")) == "login_refused");  // the one before ended
  CHECK(said(door.reset(token, "short"), "field") == "password");
  CHECK(door.with("cookie", session, act("list_tags")).status == 200);
  const auto done = door.reset(token, "another password");
  INFO(done.body);
  CHECK(done.status == 200);
  CHECK(said(door.with("cookie", session, act("list_tags"))) == "session_unknown");
  CHECK(said(door.log_in("a password of ann")) == "login_refused");
  CHECK(door.log_in("another password").status == 200);
  CHECK(said(door.reset(token, "one more password")) == "login_refused");
  door.house.environment.advance(60'000);
  CHECK(said(door.reset("", "another password"), "field") == "token");
  for (const char* bad : {"rt_", "rt_00", "ct_00", "no token", "RT_00"})
    CHECK(said(door.reset(bad, "another password")) == "login_refused");
  CHECK(door.reset("rt_" + std::string(128, '0'), "another password").status == 429);  // five a minute of an address
  door.house.environment.advance(60'000);
  std::string altered = door.link_token();
  altered.back() = altered.back() == '0' ? '1' : '0';
  CHECK(said(door.reset(altered, "one more password")) == "login_refused");
  for (const std::string& line : door.house.log) CHECK(line.find("rt_") == std::string::npos);
}

TEST_CASE("a link ends by time, with its person and with another password, and not with a restart",
          "[server][api][security]") {
  FrontDoor door;
  const auto next = [&] {
    door.house.environment.advance(60'000);
    return door.link_token();
  };
  std::string token = next();
  door.house.reopen();
  CHECK(door.reset(token, "after a restart").status == 200);
  token = next();
  door.house.environment.advance(24LL * 3'600'000);
  CHECK(said(door.reset(token, "too late for it")) == "login_refused");
  token = next();
  door.house.command(cmd("operator set", {{"operator", Json("ann")}, {"password", Json("set by an admin")}}));
  CHECK(said(door.reset(token, "with the old link")) == "login_refused");
  token = next();
  door.house.command(cmd("operator disable", {{"operator", Json("ann")}}));
  CHECK(said(door.reset(token, "of who has left")) == "login_refused");
  CHECK(code_of(door.house, cmd("operator reset-link",
                                {{"operator", Json("ann")}, {"public-url", Json("https://desk.example")}})) ==
        ErrorCode::not_permitted);
  door.house.command(cmd("operator set", {{"operator", Json("ann")}, {"enable", Json(true)}}));
  CHECK(said(door.reset(token, "of who is back")) == "login_refused");
  CHECK(code_of(door.house, cmd("operator reset-link",
                                {{"operator", Json("nobody")}, {"public-url", Json("https://desk.example")}})) ==
        ErrorCode::not_found);
}

TEST_CASE("of two who come with one link at once one sets the password", "[server][api][security]") {
  FrontDoor door;
  const std::string token = door.link_token();
  InterruptedCommitter& committer = door.interrupt_commits();
  std::optional<server::Response> inner;
  committer.before = [&] { inner = door.reset(token, "who came in between"); };
  CHECK(said(door.reset(token, "who came first")) == "login_refused");
  REQUIRE(inner.has_value());
  CHECK(inner->status == 200);
  CHECK(door.log_in("who came in between").status == 200);
}

TEST_CASE("what a login was begun with has to be good until it is done", "[server][api][security]") {
  const NothingFails once;
  InterruptedDoor door;
  door.environment.before = [&] { door.set_password("set meanwhile"); };
  const auto late = door.log_in("a password of ann");
  CHECK_FALSE(door.environment.before);
  CHECK(said(late) == "login_refused");
  CHECK(late.header("set-cookie").empty());
  const std::string session = FrontDoor::cookie_of(door.log_in("set meanwhile"));
  InterruptedCommitter& committer = door.interrupt_commits();
  committer.before = [&] { door.set_password("set once more"); };
  CHECK(said(door.ask(act("mobile_login", {{"login", Json("ann@pumps.example")},
                                           {"password", Json("set meanwhile")}}))) == "login_refused");
  CHECK_FALSE(committer.before);
  CHECK(door.works(door.mobile("set once more")));
  // Nor does a session that has ended leave a token behind.
  const std::string last = FrontDoor::cookie_of(door.log_in("set once more"));
  CHECK(said(door.with("cookie", session, act("list_tags"))) == "session_unknown");
  committer.before = [&] { door.set_password("set at last"); };
  CHECK(said(door.with("cookie", last, act("create_mobile_token"))) == "session_unknown");
  CHECK_FALSE(committer.before);
}

TEST_CASE("links and mobile tokens end with a password that is set by a link, and with a restore",
          "[server][api][security]") {
  FrontDoor door;
  const std::string before = door.mobile("a password of ann");
  CHECK(door.works(before));
  CHECK(door.reset(door.link_token(), "another password").status == 200);
  CHECK_FALSE(door.works(before));
  const std::string mobile = door.mobile("another password"), link = door.link_token();
  const std::string backup = door.house.folder.file("backup");
  door.house.command(cmd("backup", {{"to", Json(backup)}}));
  CHECK(door.works(mobile));
  CHECK(door.opens(link));
  door.house.core.reset();
  must(server::ServerCore::administer_offline(
      door.house.options(),
      cmd("restore",
          {{"from", Json(backup)}, {"recovery-key", Json(door.house.recovery_key)}, {"replace", Json(true)}}),
      door.house.environment));
  door.house.reopen();
  CHECK_FALSE(door.works(mobile));
  CHECK_FALSE(door.opens(link));
  CHECK(door.log_in("another password").status == 200);
}

TEST_CASE("a link of an older program is good until it ends", "[server][api][security]") {
  FrontDoor door;
  const std::string token = door.link_token();
  door.house.core.reset();
  must(door.file()->exec(before_links_of_mails + "PRAGMA user_version = 24"));
  door.house.reopen();
  CHECK(door.opens(token));
  CHECK_FALSE(door.opens("rt_" + std::string(128, '0')));
  const std::string newer = door.link_token();
  CHECK_FALSE(door.opens(token));
  CHECK(door.reset(newer, "another password").status == 200);
  CHECK(is_verified(door.house));
}

TEST_CASE("however many ask for links, who has one sets a password, and a token is taken back",
          "[server][api][security]") {
  FrontDoor door;
  const std::string mobile = door.mobile("a password of ann"), token = door.link_token();
  const auto ask = [&](const std::string& login) { return door.ask(act("forgot_password", {{"login", Json(login)}})); };
  for (int i = 0; i < 100; ++i) {
    door.house.peer = "198.51.100." + std::to_string(i);
    CHECK(ask(i == 0 ? std::string(60'000, 'x') : "nobody@pumps.example").status == 200);
  }
  door.house.peer = "198.51.100.200";
  CHECK(said(ask("ann@pumps.example")) == "rate_limited");
  CHECK(door.ask(act("end_mobile_token", {{"mobile_token", Json(mobile)}})).status == 200);
  CHECK_FALSE(door.works(mobile));
  CHECK(door.reset(token, "another password").status == 200);
}

TEST_CASE("behind a proxy on this machine nobody is counted by the address that all have", "[server][api][security]") {
  FrontDoor door;
  const std::string token = door.link_token();
  for (const char* proxy : {"127.0.0.1", "::1", "::ffff:127.0.0.1"}) {
    door.house.peer = proxy;
    door.house.environment.advance(60'000);
    for (int i = 0; i < 6; ++i) {
      const std::string somebody = "o" + std::to_string(i) + "@" + proxy;
      CHECK(said(door.ask(act("admin_login", {{"login", Json(somebody)}, {"password", Json("x")}}))) ==
            "login_refused");
      CHECK(door.ask(act("forgot_password", {{"login", Json(somebody)}})).status == 200);
      CHECK(said(door.reset("rt_00", "another password")) == "login_refused");
    }
  }
  // A login has its tries all the same, and who recovers it has them anew.
  for (int i = 0; i < 10; ++i) CHECK(said(door.log_in("wrong")) == "login_refused");
  CHECK(said(door.log_in("a password of ann")) == "rate_limited");
  CHECK(door.reset(token, "another password").status == 200);
  CHECK(door.log_in("another password").status == 200);
}

TEST_CASE("strangers lock nobody out of where they come from, and no longer than until a link",
          "[server][api][security]") {
  FrontDoor door;
  const auto from = [&](const std::string& peer, const std::string& password) {
    door.house.peer = peer;
    return door.log_in(password);
  };
  const auto strangers = [&] {
    for (int i = 0; i < 11; ++i) from("198.51.100." + std::to_string(i), "wrong");
  };
  CHECK(from("192.0.2.7", "a password of ann").status == 200);
  strangers();
  CHECK(said(from("198.51.100.99", "a password of ann")) == "rate_limited");
  CHECK(from("192.0.2.7", "a password of ann").status == 200);
  // There, too, ten tries are all.
  for (int i = 0; i < 10; ++i) CHECK(said(from("192.0.2.7", "wrong")) == "login_refused");
  CHECK(said(from("192.0.2.7", "a password of ann")) == "rate_limited");
  door.house.environment.advance(15 * 60'000 + 1);
  strangers();
  const std::string token = door.link_token();
  door.house.peer = "203.0.113.5";
  CHECK(door.reset(token, "another password").status == 200);
  strangers();
  CHECK(said(from("192.0.2.7", "another password")) == "rate_limited");  // known by the password before
  CHECK(from("203.0.113.5", "another password").status == 200);
  door.house.environment.advance(30LL * 24 * 3'600'000);
  strangers();
  CHECK(said(from("203.0.113.5", "another password")) == "rate_limited");
}

TEST_CASE("who is known by an address in one organisation is let into no other by it", "[server][api][security]") {
  FrontDoor door;
  door.house.command(cmd("tenant add", {{"name", Json("Neighbours")}}));
  door.house.command(cmd("operator add", {{"tenant", Json("Neighbours")},
                                          {"email", Json("ann@pumps.example")},
                                          {"role", Json("supervisor")},
                                          {"password", Json("a password next door")}}));
  CHECK(door.log_in("a password next door").status == 200);
  for (int i = 0; i < 10; ++i) {
    door.house.peer = "198.51.100." + std::to_string(i);
    CHECK(said(door.log_in("wrong")) == "login_refused");
  }
  door.house.peer = "192.0.2.7";
  CHECK(said(door.log_in("a password of ann")) == "login_refused");
  CHECK(door.log_in("a password next door").status == 200);
}

TEST_CASE("the page that a link leads to runs its own script alone and holds nothing of anybody",
          "[server][api][security]") {
  House house;
  for (const char* path : {"/reset", "/sign-in"}) {
    const auto page = house.get(path);
    REQUIRE(page.status == 200);
    CHECK(page.header("content-type") == "text/html; charset=utf-8");
    CHECK(page.header("referrer-policy") == "no-referrer");
    const std::string policy(page.header("content-security-policy"));
    CHECK(policy.starts_with("default-src 'none'; "));
    CHECK(policy.find("unsafe") == std::string::npos);
    for (const std::string tag : {"script", "style"}) {
      const auto from = page.body.find("<" + tag + ">") + tag.size() + 2;
      const std::string inside = page.body.substr(from, page.body.find("</" + tag + ">") - from);
      CHECK(policy.find("'sha256-" + to_base64(protocol::sha256(inside).view()) + "'") != std::string::npos);
    }
  }
}

TEST_CASE("codes of an authenticator are those of RFC 6238", "[server][security]") {
  // Appendix B, of its eight digits the last six.
  const std::pair<std::int64_t, const char*> vectors[] = {{59, "287082"},         {1111111109, "081804"},
                                                          {1111111111, "050471"}, {1234567890, "005924"},
                                                          {2000000000, "279037"}, {20000000000, "353130"}};
  for (const auto& [second, code] : vectors) {
    CHECK(server::code_of_step("12345678901234567890", second / 30) == code);
    CHECK(authenticator_code("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", second * 1'000) == code);
  }
}

namespace {

/// The administrator of a house, who has a second factor.
struct GuardedDoor : Office {
  GuardedDoor() {
    key.clear();
    session = cookie(log_in());
    secret = in_session(begin())["secret"].as_string();
    const Json confirmed = in_session(act("confirm_two_factor", {{"code", Json(code())}}));
    for (const Json& one : confirmed["recovery_codes"].items()) recovery.push_back(one.as_string());
    later();
  }
  static Json begin() { return act("begin_two_factor", {{"password", Json("a good password")}}); }
  server::Response log_in(const std::string& code = {}, const std::string& password = "a good password") {
    Json request = act("admin_login", {{"login", Json("admin@pumps.example")}, {"password", Json(password)}});
    if (!code.empty()) request.set("code", Json(code));
    return ask(request);
  }
  static std::string cookie(const server::Response& answer) {
    const std::string all(answer.header("set-cookie"));
    return all.substr(0, all.find(';'));
  }
  server::Response try_in_session(const Json& request) {
    return send(to_text(request), "/api/admin.php", "application/json", {{"cookie", session}});
  }
  Json in_session(const Json& request) {
    const auto answer = try_in_session(request);
    INFO(to_text(request) << " -> " << answer.body);
    REQUIRE(answer.status == 200);
    return must(parse_json(answer.body))["data"];
  }
  std::string code(std::int64_t later_ms = 0) {
    return authenticator_code(secret, house.environment.wall_ms() + later_ms);
  }
  std::string wrong_code() { return code() == "000000" ? "000001" : "000000"; }
  void later() { house.environment.advance(60'000); }

  std::string session, secret;
  std::vector<std::string> recovery;
};

}  // namespace

TEST_CASE("with a second factor a login needs a code of now, each once, and none that is older than the last",
          "[server][api][security]") {
  GuardedDoor door;
  const auto missing = door.log_in();
  CHECK(said(missing) == "login_refused");
  CHECK(said(missing, "field") == "code");
  CHECK(missing.header("set-cookie").empty());
  CHECK(said(door.log_in({}, "a wrong password"), "field").empty());
  CHECK(said(door.log_in(door.code(), "a wrong password"), "field").empty());  // does not use it up
  const std::string now = door.code(), before = door.code(-30'000), next = door.code(30'000);
  CHECK(said(door.log_in(door.code(-60'000)), "field") == "code");
  CHECK(said(door.log_in(door.code(60'000)), "field") == "code");
  CHECK(door.log_in(now).status == 200);
  CHECK(said(door.log_in(now)) == "login_refused");
  CHECK(said(door.log_in(before)) == "login_refused");
  CHECK(door.log_in(next).status == 200);  // a clock that is ahead
  door.house.reopen();
  CHECK(said(door.log_in(next)) == "login_refused");
  door.later();
  CHECK(door.log_in(door.code()).status == 200);
  CHECK(door.house.command(cmd("operator list"))["rows"].items()[0]["two_factor"] == Json(true));
  for (const std::string& line : door.house.log) CHECK(line.find(door.secret) == std::string::npos);
}

TEST_CASE("ten wrong codes in 15 minutes are enough, and asking without one is no try", "[server][api][security]") {
  GuardedDoor door;
  for (int i = 0; i < 15; ++i) CHECK(said(door.log_in(), "field") == "code");
  for (int i = 0; i < 10; ++i) CHECK(said(door.log_in(door.wrong_code())) == "login_refused");
  CHECK(said(door.log_in(door.code())) == "rate_limited");
  door.house.peer = "192.0.2.8";
  CHECK(said(door.log_in(door.code())) == "rate_limited");
  door.house.environment.advance(15 * 60'000 + 1);
  CHECK(door.log_in(door.code()).status == 200);
  // Whoever stole the session does not turn it off by guessing.
  door.session = GuardedDoor::cookie(door.log_in(door.recovery[0]));
  for (int i = 0; i < 10; ++i)
    CHECK(said(door.try_in_session(act("end_two_factor", {{"code", Json(door.wrong_code())}}))) == "login_refused");
  door.later();
  CHECK(said(door.try_in_session(act("end_two_factor", {{"code", Json(door.code())}}))) == "rate_limited");
}

TEST_CASE("a recovery code lets in once, and a second factor ends by a code or on the server's machine",
          "[server][api][security]") {
  GuardedDoor door;
  REQUIRE(door.recovery.size() == 10);
  CHECK(door.log_in(door.recovery[3]).status == 200);
  CHECK(said(door.log_in(door.recovery[3]), "field") == "code");
  std::string typed = door.recovery[4];
  std::erase(typed, '-');
  CHECK(door.log_in(typed).status == 200);
  CHECK(said(door.try_in_session(GuardedDoor::begin())) == "bad_transition");
  CHECK(said(door.try_in_session(act("confirm_two_factor", {{"code", Json(door.code())}}))) == "bad_transition");
  CHECK(door.in_session(act("end_two_factor", {{"code", Json(door.code())}}))["two_factor"] == Json(false));
  CHECK(door.log_in().status == 200);
  CHECK(said(door.try_in_session(act("confirm_two_factor", {{"code", Json(door.code())}}))) == "bad_transition");
  // Begun and not confirmed it is asked of nobody.
  door.secret = door.in_session(GuardedDoor::begin())["secret"].as_string();
  CHECK(door.log_in().status == 200);
  CHECK(said(door.try_in_session(act("confirm_two_factor", {{"code", Json(door.wrong_code())}})), "field") == "code");
  door.in_session(act("confirm_two_factor", {{"code", Json(door.code())}}));
  CHECK(said(door.log_in()) == "login_refused");
  door.house.command(cmd("operator two-factor-off", {{"operator", Json("admin@pumps.example")}}));
  CHECK(door.log_in().status == 200);
}

TEST_CASE("another password does not take a second factor away, and none of it is in an export",
          "[server][api][security]") {
  GuardedDoor door;
  door.house.command(
      cmd("operator set", {{"operator", Json("admin@pumps.example")}, {"password", Json("another password")}}));
  CHECK(said(door.log_in({}, "another password"), "field") == "code");
  CHECK(door.log_in(door.code(), "another password").status == 200);
  // Nor does one that is set by a link.
  const std::string link =
      door.house
          .command(cmd("operator reset-link", {{"operator", Json("admin@pumps.example")},
                                               {"public-url", Json("https://desk.example")}}))["link"]
          .as_string();
  CHECK(door.ask(act("reset_password",
                     {{"token", Json(link.substr(link.find('#') + 1))}, {"password", Json("set by a link")}}))
            .status == 200);
  door.later();
  CHECK(said(door.log_in({}, "set by a link"), "field") == "code");
  CHECK(door.log_in(door.code(), "set by a link").status == 200);
  const std::string file = door.house.folder.file("ledger");
  door.house.command(cmd("export", {{"format", Json("ledger")}, {"to", Json(file)}}));
  const std::string exported = content_of(file);
  CHECK(exported.size() > 100);
  CHECK(exported.find(door.secret) == std::string::npos);
  Panel plain = Panel::of(door.house, "bob", "operator");
  CHECK(plain.refusal(request_of("begin_two_factor")) == "not_permitted");
}

TEST_CASE("a good login elsewhere, or from the next address of a network, gives no more tries",
          "[server][api][security]") {
  FrontDoor door;
  door.house.command(cmd("tenant add", {{"name", Json("Neighbours")}}));
  door.house.command(cmd("operator add", {{"tenant", Json("Neighbours")},
                                          {"email", Json("ann@pumps.example")},
                                          {"role", Json("supervisor")},
                                          {"password", Json("a password next door")}}));
  for (int i = 0; i < 9; ++i) {
    door.house.peer = "2001:db8::" + std::to_string(i + 1);  // of one network
    CHECK(said(door.log_in("wrong " + std::to_string(i))) == "login_refused");
  }
  CHECK(door.log_in("a password next door").status == 200);
  CHECK(said(door.log_in("wrong again")) == "login_refused");
  CHECK(said(door.log_in("a password of ann")) == "rate_limited");
  door.house.environment.advance(15 * 60'000 + 1);
  CHECK(door.log_in("a password of ann").status == 200);
  CHECK(said(door.ask(act("admin_login", {{"login", Json(std::string(60'000, 'x'))}, {"password", Json("x")}}))) ==
        "login_refused");
  for (int i = 0; i < 10; ++i) {
    door.house.peer = "2001:db8:0:7::" + std::to_string(i + 1);
    CHECK(said(door.ask(act("admin_login", {{"login", Json("o" + std::to_string(i))}, {"password", Json("x")}}))) ==
          "login_refused");
  }
  door.house.peer = "2001:db8:0:7::99";
  CHECK(said(door.ask(act("admin_login", {{"login", Json("other")}, {"password", Json("x")}}))) == "rate_limited");
}

TEST_CASE("a second factor is begun with the password, and ends what was begun without it, but for that session",
          "[server][api][security]") {
  FrontDoor door;
  Panel admin(door.house), other(door.house);
  const auto begin = [&](const char* password) {
    return request_of("begin_two_factor", {{"password", Json(password)}});
  };
  const std::string mobile = FrontDoor::data(door.ask(
      act("mobile_login", {{"login", Json("admin@pumps.example")}, {"password", Json("a good password")}})))["token"]
                                 .as_string();
  CHECK(admin.ask(request_of("begin_two_factor")).status == 400);
  for (int i = 0; i < 10; ++i) CHECK(admin.refusal(begin("a wrong password")) == "login_refused password");
  CHECK(admin.refusal(begin("a good password")) == "rate_limited");
  Panel third(door.house);  // whoever guesses there locks nobody out
  door.house.environment.advance(15 * 60'000 + 1);
  const std::string secret = admin.good(begin("a good password"))["secret"].as_string();
  CHECK(other.ask(request_of("list_tags")).status == 200);
  CHECK(door.works(mobile));
  admin.good(
      request_of("confirm_two_factor", {{"code", Json(authenticator_code(secret, door.house.environment.wall_ms()))}}));
  CHECK(admin.ask(request_of("list_tags")).status == 200);
  CHECK(other.refusal(request_of("list_tags")).starts_with("session_unknown"));
  CHECK(third.refusal(request_of("list_tags")).starts_with("session_unknown"));
  CHECK_FALSE(door.works(mobile));
}

TEST_CASE("a head administrator has a second factor as any administrator", "[server][api][security]") {
  House house;
  Panel head = Panel::of(house, "boss", "head_admin");
  const Json begin = request_of("begin_two_factor", {{"password", Json("a password of boss")}});
  const std::string secret = head.good(begin)["secret"].as_string();
  const auto code = [&] { return Json(authenticator_code(secret, house.environment.wall_ms())); };
  const Json codes = head.good(request_of("confirm_two_factor", {{"code", code()}}))["recovery_codes"];
  CHECK(head.ask(request_of("list_tenants")).status == 200);
  CHECK(head.refusal(request_of("list_api_keys")) == "not_permitted");
  Json login =
      request_of("admin_login", {{"login", Json("boss@pumps.example")}, {"password", Json("a password of boss")}});
  CHECK(head.refusal(login) == "login_refused code");
  login.set("code", codes.items().front());
  CHECK(head.ask(login).status == 200);
  house.environment.advance(60'000);
  CHECK(head.good(request_of("end_two_factor", {{"code", code()}}))["two_factor"] == Json(false));
}

TEST_CASE("the log says by which door it was changed how somebody logs in, and no secret of it",
          "[server][api][security]") {
  GuardedDoor door;
  door.in_session(act("end_two_factor", {{"code", Json(door.code())}}));
  door.house.command(cmd("operator two-factor-off", {{"operator", Json("admin@pumps.example")}}));
  const std::string link =
      door.house
          .command(cmd("operator reset-link",
                       {{"operator", Json("ann")}, {"public-url", Json("https://desk.example")}}))["link"]
          .as_string();
  const std::string token = link.substr(link.find('#') + 1);
  CHECK(door.ask(act("reset_password", {{"token", Json(token)}, {"password", Json("another password")}})).status ==
        200);
  door.house.command(cmd("operator set", {{"operator", Json("ann")}, {"password", Json("one more password")}}));
  CHECK(changes_of_sign_ins(door.house) == std::vector<std::string>{"two_factor_begun session", "two_factor_on session",
                                                                    "two_factor_off session", "two_factor_off machine",
                                                                    "reset_link_made machine", "password_set link",
                                                                    "password_set machine"});
  for (const std::string& line : door.house.log)
    for (const std::string& secret : {door.secret, door.recovery[0], token, std::string("another password")})
      CHECK(line.find(secret) == std::string::npos);
}

TEST_CASE("a mobile token does an operator's work on tickets, and nothing that is beside it",
          "[server][api][security]") {
  FrontDoor door;
  const auto answer =
      door.ask(act("mobile_login", {{"login", Json("ann@pumps.example")}, {"password", Json("a password of ann")}}));
  const std::string token = FrontDoor::data(answer)["token"].as_string();
  CHECK(answer.header("set-cookie").empty());
  CHECK(token.starts_with("mt_"));
  const auto with = [&](const Json& request) { return door.with("x-mobile-token", token, request); };
  const Json made = FrontDoor::data(
      with(act("create_ticket", {{"subject", Json("Pump leaks")}, {"description", Json("In hall 2.")}})));
  const Json& id = made["id"];
  CHECK(FrontDoor::data(with(act("take_ticket", {{"ticket_id", id}})))["assigned_name"] == Json("ann"));
  CHECK(with(act("list_clients")).status == 200);
  CHECK(with(act("notif_count")).status == 200);
  // As a parameter, too; and of two credentials the first alone.
  CHECK(door.ask(act("list_tickets", {{"mobile_token", Json(token)}})).status == 200);
  CHECK(said(door.with("x-mobile-token", "mt_00", act("list_tickets", {{"mobile_token", Json(token)}}))) ==
        "session_unknown");
  // A supervisor's work, administration, another credential: not by this one.
  for (const Json& other :
       {act("delete_ticket", {{"ticket_id", id}}), act("merge_tickets", {{"ticket_id", id}, {"target_id", id}}),
        act("create_tag", {{"name", Json("x")}}), act("save_branding"), act("update_tariff"), act("list_api_keys"),
        act("create_api_key", {{"name", Json("mine")}}), act("create_mobile_token"), act("list_tenants"),
        act("create_client_token", {{"portal_domain", Json("client.example")}}), act("begin_two_factor")}) {
    INFO(to_text(other));
    CHECK(said(with(other)) == "not_permitted");
  }
  for (const char* other : {"client", "widget"}) {
    const auto refused = door.send(to_text(act("list_tickets")), std::string("/api/") + other, "application/json",
                                   {{"x-mobile-token", token}});
    CHECK(said(refused) == "not_permitted");
    CHECK(said(refused, "field") == "X-Mobile-Token");
  }
  for (const std::string& line : door.house.log) CHECK(line.find(token) == std::string::npos);
  CHECK(is_verified(door.house));
}

TEST_CASE("a mobile token ends by time, by whoever has it, with its person and with another password",
          "[server][api][security]") {
  FrontDoor door;
  const auto log_in = [&](int ttl, const char* password = "a password of ann") {
    return door.ask(
        act("mobile_login", {{"login", Json("ann@pumps.example")}, {"password", Json(password)}, {"ttl", Json(ttl)}}));
  };
  const auto fresh = [&] { return FrontDoor::data(log_in(43'200))["token"].as_string(); };
  const auto works = [&](const std::string& token) {
    return door.with("x-mobile-token", token, act("list_tickets")).status == 200;
  };
  CHECK(said(log_in(299), "field") == "ttl");
  CHECK(said(log_in(43'201), "field") == "ttl");
  CHECK(said(log_in(600, "another password")) == "login_refused");
  std::string token = FrontDoor::data(log_in(600))["token"].as_string();
  CHECK(works(token));
  door.house.reopen();
  CHECK(works(token));
  door.house.environment.advance(600'000);
  CHECK_FALSE(works(token));
  token = fresh();
  const std::string other = fresh();
  CHECK(FrontDoor::data(door.ask(act("end_mobile_token", {{"mobile_token", Json(token)}})))["ended"] == Json(true));
  CHECK_FALSE(works(token));
  CHECK(works(other));
  door.house.command(cmd("operator set", {{"operator", Json("ann")}, {"password", Json("a password of ann")}}));
  CHECK_FALSE(works(other));
  token = fresh();
  door.house.command(cmd("operator disable", {{"operator", Json("ann")}}));
  CHECK_FALSE(works(token));
  door.house.command(cmd("operator set", {{"operator", Json("ann")}, {"enable", Json(true)}}));
  CHECK_FALSE(works(token));
  // Twenty at a time; with the next the oldest goes.
  std::vector<std::string> many;
  for (int i = 0; i < 21; ++i) {
    door.house.environment.advance(1'000);
    many.push_back(fresh());
  }
  CHECK_FALSE(works(many.front()));
  CHECK(works(many[1]));
  std::string altered = many.back();
  altered.back() = altered.back() == '0' ? '1' : '0';
  CHECK_FALSE(works(altered));
}

TEST_CASE("a session makes a mobile token for who is in it, a key makes none, and a second factor is asked for",
          "[server][api][security]") {
  GuardedDoor door;
  const Json made = door.in_session(act("create_mobile_token", {{"ttl", Json(300)}}));
  CHECK(made["expires_in"] == Json(300));
  CHECK(door.send(to_text(act("list_tickets")), "/api/admin.php", "application/json",
                  {{"x-mobile-token", made["token"].as_string()}})
            .status == 200);
  Json login = act("mobile_login", {{"login", Json("admin@pumps.example")}, {"password", Json("a good password")}});
  CHECK(said(door.ask(login), "field") == "code");
  login.set("code", Json(door.code()));
  CHECK(door.ask(login).status == 200);
  Office keyed({{"operator_id", Json("ann")}});
  CHECK(said(keyed.ask(act("create_mobile_token"))) == "not_permitted");
}

namespace {

/// A house whose people an issuer vouches for.
struct VouchedDoor : FrontDoor {
  VouchedDoor() {
    house.core->use_egress(
        way, [](const std::function<void()>& work) { work(); }, 1);
    set_issuer();
  }
  void set_issuer(std::initializer_list<Json::Member> more = {}) {
    Json set = cmd(
        "oidc set",
        {{"domain", Json("pumps.example")}, {"issuer", Json(issuer.address)}, {"client-id", Json(issuer.client_id)}});
    for (const auto& [name, value] : more) set.set(name, value);
    house.command(set);
  }
  Json begin() { return data(ask(act("oidc_begin", {{"domain", Json("Pumps.example")}}))); }
  server::Response finish(const Json& begun, const std::string& code) {
    return ask(act("oidc_finish", {{"state", Json(query_value(begun["url"].as_string(), "state"))},
                                   {"code", Json(code)},
                                   {"proof", begun["proof"]}}));
  }
  server::Response log_in_there() {
    const Json begun = begin();
    return finish(begun, issuer.authorise(begun["url"].as_string()));
  }
  server::Response by(const std::string& token, const std::string& domain = "pumps.example",
                      const std::string& action = "list_tickets") {
    return ask(act(action, {{"domain", Json(domain)}, {"auth_token", Json(token)}}));
  }
  Json changed(std::initializer_list<Json::Member> members) {
    Json claims = issuer.claims();
    for (const auto& [name, value] : members) claims.set(name, value);
    return claims;
  }

  Issuer issuer{"https://id.pumps.example", [this] { return house.environment.wall_ms(); }};
  IssuerWay way{issuer};
};

}  // namespace

TEST_CASE("who an issuer vouches for logs in by its code, once for each time it was begun, with the proof of who began",
          "[server][api][security]") {
  VouchedDoor door;
  const Json begun = door.begin();
  CHECK(begun["url"].as_string().starts_with("https://id.pumps.example/authorize?response_type=code&"));
  CHECK(query_value(begun["url"].as_string(), "redirect_uri") == "https://desk.example/sign-in");
  const auto answer = door.finish(begun, door.issuer.authorise(begun["url"].as_string()));
  INFO(answer.body);
  REQUIRE(answer.status == 200);
  CHECK(VouchedDoor::data(answer)["operator"]["name"] == Json("ann"));
  CHECK(door.with("cookie", FrontDoor::cookie_of(answer), act("list_tags")).status == 200);
  CHECK(said(door.finish(begun, door.issuer.authorise(begun["url"].as_string()))) == "login_refused");  // used
  // Somebody else's page does not have the proof.
  Json stolen = door.begin();
  const std::string code = door.issuer.authorise(stolen["url"].as_string());
  const Json proof = stolen["proof"];
  stolen.set("proof", Json("another"));
  CHECK(said(door.finish(stolen, code)) == "login_refused");
  stolen.set("proof", proof);
  CHECK(said(door.finish(stolen, code)) == "login_refused");  // tried once, gone
  Json made_up = door.begin();
  made_up.set("url", Json("https://id.pumps.example/authorize?state=x"));
  CHECK(said(door.finish(made_up, "code")) == "login_refused");
  const Json late = door.begin();
  door.house.environment.advance(600'000);
  CHECK(said(door.finish(late, door.issuer.authorise(late["url"].as_string()))) == "login_refused");
  door.house.environment.advance(60'000);
  door.issuer.elliptic = true;
  CHECK(door.log_in_there().status == 200);
  door.issuer.secret = "a secret";
  CHECK(door.log_in_there().status == 503);  // the issuer wants it, and it is not set
  door.set_issuer({{"client-secret", Json("a secret")}});
  door.house.environment.advance(60'000);
  CHECK(door.log_in_there().status == 200);
  CHECK(door.house.command(cmd("oidc show"))["has_secret"] == Json(true));
  for (const std::string& line : door.house.log) CHECK(line.find("a secret") == std::string::npos);
}

TEST_CASE("an issuer vouches for operators whose address it has proven, and for nobody with a second factor",
          "[server][api][security]") {
  VouchedDoor door;
  const auto refused = [&] {
    door.house.environment.advance(60'000);
    return said(door.log_in_there()) == "login_refused";
  };
  door.issuer.verified = false;
  CHECK(refused());
  door.issuer.verified = true;
  // The last: a long s, which folds into a plain one.
  for (const char* email : {"nobody@pumps.example", "", "ann@pumps.example.evil.example", "ann@pump\u017f.example"}) {
    door.issuer.email = email;
    CHECK(refused());
  }
  door.issuer.email = "Ann@Pumps.example";
  CHECK_FALSE(refused());
  door.issuer.nonce_instead = "another";
  CHECK(refused());
  door.issuer.nonce_instead.clear();
  door.house.command(cmd("operator disable", {{"operator", Json("ann")}}));
  CHECK(refused());
  door.house.command(cmd("operator set", {{"operator", Json("ann")}, {"enable", Json(true)}}));
  CHECK_FALSE(refused());
  door.house.command(cmd("operator set", {{"operator", Json("ann")}, {"role", Json("head_admin")}}));
  CHECK(refused());  // of all organisations
  door.house.command(cmd("operator set", {{"operator", Json("ann")}, {"role", Json("supervisor")}}));
  CHECK_FALSE(refused());
  door.house.command(cmd("oidc set", {{"off", Json(true)}}));
  CHECK(said(door.ask(act("oidc_begin", {{"domain", Json("pumps.example")}}))) == "not_found");
  door.house.command(cmd("oidc set", {{"on", Json(true)}}));

  door.issuer.email = "admin@pumps.example";
  const std::string session = FrontDoor::cookie_of(door.log_in_there());
  const auto in_session = [&](const Json& request) { return VouchedDoor::data(door.with("cookie", session, request)); };
  const std::string secret = in_session(GuardedDoor::begin())["secret"].as_string();
  in_session(act("confirm_two_factor", {{"code", Json(authenticator_code(secret, door.house.environment.wall_ms()))}}));
  CHECK(refused());
  door.house.add_operator("cid", "admin");
  door.issuer.email = "cid@pumps.example";
  door.house.environment.advance(60'000);
  const std::string of_cid = FrontDoor::cookie_of(door.log_in_there());
  CHECK(said(door.with("cookie", of_cid, GuardedDoor::begin())) == "bad_transition");  // beside what password?
  door.issuer.email = "admin@pumps.example";
  CHECK(said(door.by(door.issuer.token(door.issuer.claims()))) == "session_unknown");
}

TEST_CASE("a token of the issuer is a credential beside its domain, and each thing that is wrong with it refuses it",
          "[server][api][security]") {
  VouchedDoor door;
  Issuer& issuer = door.issuer;
  const std::string good = issuer.token(issuer.claims());
  CHECK(door.by(good).status == 200);
  CHECK(door.by(issuer.token(issuer.claims(), "ES256")).status == 200);
  CHECK(door.by(good, "PUMPS.example").status == 200);
  CHECK(said(door.by(good, "other.example")) == "session_unknown");
  CHECK(said(door.by(good, "")) == "session_unknown");
  CHECK(said(door.by(good, "pumps.example", "create_api_key")) == "not_permitted");
  CHECK(said(door.by(good, "pumps.example", "create_mobile_token")) == "not_permitted");
  const std::int64_t now_s = door.house.environment.wall_ms() / 1'000;
  for (const Json& wrong :
       {door.changed({{"iss", Json("https://id.evil.example")}}), door.changed({{"aud", Json("another")}}),
        door.changed({{"aud", Json::array({Json("another")})}}),
        door.changed({{"aud", Json::array({Json("tern"), Json("another")})}}), door.changed({{"azp", Json("another")}}),
        door.changed({{"exp", Json(now_s - 61)}}), door.changed({{"exp", Json("soon")}}),
        door.changed({{"iat", Json(now_s + 120)}}), door.changed({{"iat", Json(now_s - 25 * 3'600)}}),
        door.changed({{"iat", Json()}}), door.changed({{"nbf", Json(now_s + 120)}}), door.changed({{"sub", Json()}}),
        door.changed({{"email_verified", Json(false)}}), door.changed({{"email", Json("eve@pumps.example")}})}) {
    INFO(to_text(wrong));
    CHECK(said(door.by(issuer.token(wrong))) == "session_unknown");
  }
  CHECK(door.by(issuer.token(door.changed({{"aud", Json::array({Json("tern")})}, {"exp", Json(now_s - 30)}}))).status ==
        200);
  CHECK(door.by(issuer.token(door.changed({{"aud", Json::array({Json("tern"), Json("x")})}, {"azp", Json("tern")}})))
            .status == 200);
  for (const char* algorithm : {"none", "HS256"})
    CHECK(said(door.by(issuer.token(issuer.claims(), algorithm))) == "session_unknown");
  // Bytes that were changed behind the signature, or that are no token.
  const auto dot = good.find('.'), last = good.rfind('.');
  std::string claims = must_be(server::from_base64url(good.substr(dot + 1, last - dot - 1)));
  claims.replace(claims.find("ann@"), 3, "bob");
  for (const std::string& broken :
       {good.substr(0, dot + 1) + server::to_base64url(claims) + good.substr(last), good.substr(0, last),
        good.substr(0, last + 1), good + "x", good + ".x", std::string("x"), std::string("a.b.c"),
        std::string(20'000, 'x'), good.substr(0, good.size() - 8)}) {
    INFO(broken.substr(0, 100));
    CHECK(said(door.by(broken)) == "session_unknown");
  }
  const Issuer evil("https://id.pumps.example", [&] { return door.house.environment.wall_ms(); });
  CHECK(said(door.by(evil.token(evil.claims()))) == "session_unknown");
  CHECK(said(door.by(evil.token(evil.claims(), "ES256"))) == "session_unknown");
}

TEST_CASE(
    "an issuer is asked for what it is once an hour, for a key that is new once in five minutes, and left alone "
    "where it does not answer",
    "[server][api][security]") {
  VouchedDoor door;
  Issuer& issuer = door.issuer;
  const std::string discovery = "/.well-known/openid-configuration";
  for (int i = 0; i < 5; ++i) CHECK(door.by(issuer.token(issuer.claims())).status == 200);
  CHECK(issuer.asked(discovery) == 1);
  CHECK(issuer.asked("/keys") == 1);
  issuer.rotate();
  CHECK(said(door.by(issuer.token(issuer.claims()))) == "session_unknown");  // asked less than 5 minutes ago
  CHECK(issuer.asked("/keys") == 1);
  door.house.environment.advance(300'000);
  for (int i = 0; i < 5; ++i) CHECK(door.by(issuer.token(issuer.claims())).status == 200);
  CHECK(issuer.asked("/keys") == 2);
  door.house.environment.advance(3'600'000);
  issuer.down = true;
  for (int i = 0; i < 5; ++i) CHECK(door.by(issuer.token(issuer.claims())).status == 503);
  CHECK(issuer.asked(discovery) == 2);
  door.house.environment.advance(30'000);
  issuer.down = false;
  CHECK(door.by(issuer.token(issuer.claims())).status == 200);
  CHECK(issuer.asked(discovery) == 3);
}

TEST_CASE("an issuer that does not answer holds up its own organisation alone", "[server][api][security]") {
  VouchedDoor door;
  Issuer other("https://id.other.example", [&] { return door.house.environment.wall_ms(); });
  door.house.command(cmd("tenant add", {{"name", Json("Other")}}));
  door.house.command(cmd("oidc set", {{"tenant", Json("Other")},
                                      {"domain", Json("other.example")},
                                      {"issuer", Json(other.address)},
                                      {"client-id", Json("tern")}}));
  const auto begin = [&](const char* domain) { return door.ask(act("oidc_begin", {{"domain", Json(domain)}})).status; };
  std::vector<int> meanwhile;
  door.way.issuers.push_back(&other);
  int second_login = 0;
  door.way.meanwhile = [&] {
    door.way.meanwhile = [&] { meanwhile = {begin("pumps.example"), begin("other.example")}; };
    second_login = begin("pumps.example");
  };
  CHECK(begin("pumps.example") == 200);
  CHECK(second_login == 200);
  CHECK(meanwhile == std::vector<int>{503, 200});
  // Of those that were begun the oldest of the same organisation makes room.
  door.house.peer = "127.0.0.1";
  const auto begun = [&](const char* domain) {
    door.house.environment.advance(1);
    return VouchedDoor::data(door.ask(act("oidc_begin", {{"domain", Json(domain)}})));
  };
  const Json elsewhere = begun("other.example"), first = begun("pumps.example"), second = begun("pumps.example");
  for (int i = 0; i < 999; ++i) begun("pumps.example");
  const auto refusal = [&](const Json& of) { return said(door.finish(of, "no code")); };
  CHECK(refusal(first) == "login_refused");
  CHECK(refusal(second) == "busy");  // it went as far as the issuer, who has no such code
  CHECK(refusal(elsewhere) == "busy");
}

TEST_CASE("an issuer that gives no tokens is left alone for half a minute, one that refuses a code is not",
          "[server][api][security]") {
  VouchedDoor door;
  const auto begin_often = [&] {
    std::vector<Json> out;
    for (int i = 0; i < 3; ++i) out.push_back(door.begin());
    return out;
  };
  auto begun = begin_often();
  CHECK(said(door.finish(begun[0], "no code")) == "busy");
  CHECK(said(door.finish(begun[1], "no code")) == "busy");
  CHECK(door.issuer.asked("/token") == 2);
  CHECK(door.finish(begun[2], door.issuer.authorise(begun[2]["url"].as_string())).status == 200);
  begun = begin_often();
  door.issuer.down = true;
  CHECK(said(door.finish(begun[0], "a code")) == "busy");
  CHECK(door.issuer.asked("/token") == 4);
  door.issuer.down = false;
  CHECK(said(door.finish(begun[1], "a code")) == "busy");
  CHECK(door.issuer.asked("/token") == 4);
  door.house.environment.advance(30'000);
  CHECK(door.finish(begun[2], door.issuer.authorise(begun[2]["url"].as_string())).status == 200);
}

TEST_CASE("an issuer is set by an administrator of the machine, over https, and each domain is one organisation's",
          "[server][api][security]") {
  VouchedDoor door;
  for (const auto& [name, value] :
       {std::pair("issuer", "http://id.pumps.example"), std::pair("issuer", "https://id.pumps.example/?x"),
        std::pair("domain", "no domain"), std::pair("client-id", "a\nb")}) {
    INFO(name << ' ' << value);
    CHECK(code_of(door.house, cmd("oidc set", {{name, Json(value)}})) == ErrorCode::invalid);
  }
  door.house.command(cmd("tenant add", {{"name", Json("Other")}}));
  CHECK(code_of(door.house, cmd("oidc set", {{"tenant", Json("Other")},
                                             {"domain", Json("Pumps.EXAMPLE")},
                                             {"issuer", Json("https://id.other.example")},
                                             {"client-id", Json("x")}})) == ErrorCode::invalid);
  Panel admin(door.house);
  CHECK(admin.refusal(request_of("delete_channel", {{"channel_id", Json(1)}})) == "invalid channel_id");
  CHECK(admin.refusal(request_of("update_channel", {{"channel_id", Json(1)}, {"name", Json("Mine")}})) ==
        "invalid channel_id");
  CHECK(door.house.get("/sign-in").status == 200);
  CHECK(door.house.command(cmd("verify", {{"tenant", Json("Pumps")}}))["good"] == Json(true));
}

}  // namespace tern::test
