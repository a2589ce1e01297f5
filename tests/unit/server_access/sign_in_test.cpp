// The ways to sign in beside a key: what a lost password takes, codes of a second factor, tokens of mobile programs.
#include "access/second_factors.hpp"
#include "office.hpp"
#include "panel.hpp"
#include "support/files.hpp"
#include "support/totp.hpp"
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
    secret = in_session(act("begin_two_factor"))["secret"].as_string();
    const Json confirmed = in_session(act("confirm_two_factor", {{"code", Json(code())}}));
    for (const Json& one : confirmed["recovery_codes"].items()) recovery.push_back(one.as_string());
    later();
  }
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
  CHECK(said(door.try_in_session(act("begin_two_factor"))) == "bad_transition");
  CHECK(said(door.try_in_session(act("confirm_two_factor", {{"code", Json(door.code())}}))) == "bad_transition");
  CHECK(door.in_session(act("end_two_factor", {{"code", Json(door.code())}}))["two_factor"] == Json(false));
  CHECK(door.log_in().status == 200);
  CHECK(said(door.try_in_session(act("confirm_two_factor", {{"code", Json(door.code())}}))) == "bad_transition");
  // Begun and not confirmed it is asked of nobody.
  door.secret = door.in_session(act("begin_two_factor"))["secret"].as_string();
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
  const std::string file = door.house.folder.file("ledger");
  door.house.command(cmd("export", {{"format", Json("ledger")}, {"to", Json(file)}}));
  const std::string exported = content_of(file);
  CHECK(exported.size() > 100);
  CHECK(exported.find(door.secret) == std::string::npos);
  Panel plain = Panel::of(door.house, "bob", "operator");
  CHECK(plain.refusal(request_of("begin_two_factor")) == "not_permitted");
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
  const Json id = made["id"];
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

}  // namespace tern::test
