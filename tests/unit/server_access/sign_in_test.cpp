// The ways to sign in beside a key: what a lost password takes, codes of a second factor, tokens of mobile programs.
#include "office.hpp"
#include "panel.hpp"
#include "tern/protocol/base64.hpp"
#include "tern/protocol/crypto.hpp"

namespace tern::test {
namespace {

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
};

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

TEST_CASE("a link ends by time, with its person, with another password and with a restart of nothing",
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
  CHECK(code_of(door.house, cmd("operator reset-link", {{"operator", Json("nobody")}})) != ErrorCode::internal);
}

TEST_CASE("the page that a link leads to runs its own script alone and holds nothing of anybody",
          "[server][api][security]") {
  House house;
  const auto page = house.get("/reset");
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

}  // namespace tern::test
