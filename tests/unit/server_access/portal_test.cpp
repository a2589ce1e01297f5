// The pages behind the addresses that the server hands out, and the cookie that a link of a client's becomes.
#include "portal/portal_page.hpp"

#include <filesystem>
#include <set>

#include "office.hpp"
#include "portal/widget_loader.hpp"
#include "tern/protocol/base64.hpp"
#include "tern/protocol/crypto.hpp"

namespace tern::test {
namespace {

struct Portal : Office {
  Portal() : Office({{"operator_id", Json("ann")}}) {
    client("Client Ltd", "client.example");
    client("Other Ltd", "other.example");
  }
  void client(const char* name, const char* portal) {
    house.command(cmd("organisation add", {{"name", Json(name)}, {"portal_domain", Json(portal)}}));
  }
  /// {"token","portal_url","embed_url"}
  Json link(int user, const char* portal = "client.example", int ttl = 86'400) {
    return good(
        act("create_client_token", {{"portal_domain", Json(portal)}, {"user_id", Json(user)}, {"ttl", Json(ttl)}}));
  }
  /// What a browser does with an address of ours.
  server::Response open(const Json& url, std::vector<server::Header> headers = {}) {
    const std::string& address = url.as_string();
    server::Request request;
    request.method = "GET";
    request.target = address.substr(std::string("https://desk.example").size());
    request.headers = std::move(headers);
    return house.send(request);
  }
  server::Response at(const std::string& path, std::vector<server::Header> headers = {}) {
    return open(Json("https://desk.example" + path), std::move(headers));
  }
  /// "name=value" of the cookie that a link becomes.
  std::string cookie_of(int user, const char* portal = "client.example", int ttl = 86'400) {
    const auto moved = open(link(user, portal, ttl)["portal_url"]);
    REQUIRE(moved.status == 303);
    const std::string set(moved.header("set-cookie"));
    return set.substr(0, set.find(';'));
  }
  server::Response by(const std::string& cookie, const Json& request, std::vector<server::Header> headers = {},
                      const std::string& path = "/api/client.php") {
    const std::string mine = std::exchange(key, {});
    headers.push_back({"cookie", cookie});
    const auto answer = send(to_text(request), path, "application/json", std::move(headers));
    key = mine;
    return answer;
  }
  Json gives(const std::string& cookie, const Json& request) {
    const auto answer = by(cookie, request, {{"sec-fetch-site", "same-origin"}, {"origin", "https://desk.example"}});
    INFO(to_text(request) << " -> " << answer.body);
    REQUIRE(answer.status == 200);
    return must(parse_json(answer.body, {.decimals = true}))["data"];
  }
};

Json a_ticket(const char* subject) {
  return act("create_ticket", {{"subject", Json(subject)}, {"description", Json("Since the update.")}});
}

std::string directive(const server::Response& page, const std::string& name) {
  const std::string policy = "; " + std::string(page.header("content-security-policy")) + ";";
  const auto at = policy.find("; " + name + " ");
  if (at == std::string::npos) return {};
  const auto from = at + name.size() + 3;
  return policy.substr(from, policy.find(';', from) - from);
}

std::string hash_of(const server::Response& page, const std::string& tag) {
  const auto from = page.body.find("<" + tag + ">") + tag.size() + 2;
  const std::string inside = page.body.substr(from, page.body.find("</" + tag + ">") - from);
  return "'sha256-" + to_base64(protocol::sha256(inside).view()) + "'";
}

std::set<std::string> member_names(const Json& object) {
  std::set<std::string> out;
  for (const auto& [name, value] : object.members()) out.insert(name);
  return out;
}

}  // namespace

TEST_CASE("a client's link becomes a cookie that no script reads, and the token leaves the address",
          "[server][portal][security]") {
  Portal desk;
  const Json link = desk.link(1);
  const std::string token = link["token"].as_string();
  CHECK(link["portal_url"] == Json("https://desk.example/index.html?ctoken=" + token));
  CHECK(link["embed_url"] == Json("https://desk.example/embed.html?ctoken=" + token));
  const auto moved = desk.open(link["portal_url"]);
  CHECK(moved.status == 303);
  CHECK(moved.header("location") == "index.html");
  CHECK(moved.header("set-cookie") == "__Host-tern-client=" + token + "; Path=/; Secure; HttpOnly; SameSite=Strict");
  CHECK(moved.header("referrer-policy") == "no-referrer");
  CHECK(moved.header("cache-control") == "no-store");
  CHECK(moved.body.empty());
  const auto page = desk.at("/index.html", {{"cookie", "__Host-tern-client=" + token}});
  CHECK(page.status == 200);
  CHECK(page.body.find(token) == std::string::npos);
  CHECK(page.header("set-cookie").empty());
  // What the page asks is the client's door, and what that writes is the client's.
  const std::string cookie = "a=b; __Host-tern-clients=x; __Host-tern-client=" + token;
  const Json made = desk.gives(cookie, a_ticket("CRM stands still"));
  const Json list = desk.gives(cookie, act("list_tickets"));
  CHECK(list["total"] == Json(1));
  desk.gives(cookie, act("add_message", {{"ticket_id", made["id"]}, {"message", Json("Still so.")}}));
  const Json seen = desk.good(act("get_ticket", {{"ticket_id", made["id"]}}));
  CHECK(seen["ticket"]["portal_domain"] == Json("client.example"));
  CHECK(seen["messages"].items().back()["author_type"] == Json("client"));
  CHECK(desk.house.command(cmd("verify"))["good"].as_bool(true));
  for (const std::string& line : desk.house.log) CHECK(line.find(token.substr(40)) == std::string::npos);
}

TEST_CASE("with the cookie nobody has the tickets of others, and no other door opens", "[server][portal][security]") {
  Portal desk;
  const std::string john = desk.cookie_of(1), jane = desk.cookie_of(2), bill = desk.cookie_of(1, "other.example");
  const Json mine = desk.gives(john, a_ticket("Mine"))["id"];
  const Json of_desk(desk.ticket());
  for (const std::string& cookie : {jane, bill}) {
    for (const Json& id : {mine, of_desk})
      for (const char* action : {"get_ticket", "accept_ticket", "reopen_ticket", "approve_estimate"})
        CHECK(said(desk.by(cookie, act(action, {{"ticket_id", id}}))) == "not_found");
    CHECK(said(desk.by(cookie, act("add_message", {{"ticket_id", mine}, {"message", Json("x")}}))) == "not_found");
    CHECK(desk.gives(cookie, act("list_tickets"))["total"] == Json(0));
  }
  CHECK(said(desk.by(john, act("list_tickets"), {}, "/api/admin.php")) == "key_required");
  CHECK(said(desk.by(john, act("check_status"), {}, "/api/widget.php")) == "key_required");
  CHECK(said(desk.by("__Host-tern=" + john.substr(john.find('=') + 1), act("list_tickets"))) == "key_required");
  // A header counts before the cookie, also one that is no good.
  CHECK(desk.by(john, act("list_tickets"), {{"x-client-token", jane.substr(jane.find('=') + 1)}}).status == 200);
  CHECK(said(desk.by(john, act("list_tickets"), {{"x-client-token", "ct_00"}})) == "session_unknown");
}

TEST_CASE("a file of a ticket is read with the cookie by whose ticket it is", "[server][portal][security]") {
  Portal desk;
  const std::string john = desk.cookie_of(1), jane = desk.cookie_of(2);
  const Json mine = desk.gives(john, a_ticket("Mine"))["id"];
  const std::string form =
      "--b\r\nContent-Disposition: form-data; name=\"action\"\r\n\r\nadd_message\r\n"
      "--b\r\nContent-Disposition: form-data; name=\"ticket_id\"\r\n\r\n" +
      to_text(mine) +
      "\r\n--b\r\nContent-Disposition: form-data; name=\"message\"\r\n\r\nSee.\r\n"
      "--b\r\nContent-Disposition: form-data; name=\"files[]\"; filename=\"a.txt\"\r\n\r\n"
      "the content\r\n--b--\r\n";
  REQUIRE(desk.send(form, "/api/admin.php", "multipart/form-data; boundary=b").status == 200);
  const Json files = desk.gives(john, act("get_ticket", {{"ticket_id", mine}}))["files"];
  REQUIRE(files.size() == 1);
  const std::string path = "/api/files/" + to_text(files.items().front()["id"]);
  const auto got = desk.at(path, {{"cookie", john}, {"sec-fetch-site", "same-origin"}});
  CHECK(got.status == 200);
  CHECK(desk.at(path, {{"cookie", jane}, {"sec-fetch-site", "same-origin"}}).status == 404);
  CHECK(desk.at(path, {{"cookie", john}, {"sec-fetch-site", "cross-site"}}).status == 403);
  CHECK(desk.at(path, {{"cookie", john + "; __Host-tern=none"}}).status == 401);  // that of a session counts first
}

TEST_CASE("a page of another site writes nothing with the cookie, nor one of the client's own",
          "[server][portal][security]") {
  Portal desk;
  const Json link = desk.link(1);
  const std::string cookie = "__Host-tern-client=" + link["token"].as_string();
  for (const server::Header& from : {server::Header{"origin", "https://evil.example"},
                                     {"origin", "null"},
                                     {"origin", "https://client.example"},
                                     {"sec-fetch-site", "cross-site"},
                                     {"sec-fetch-site", "same-site"}}) {
    INFO(from.name << " " << from.value);
    for (const char* path : {"/api/client.php", "/api/client"})
      CHECK(said(desk.by(cookie, a_ticket("Forged"), {from}, path)) == "origin");
    CHECK(desk.by(cookie, a_ticket("Forged"), {from}, "/api/v1/client/create_ticket").status == 403);
  }
  // As a form of another site would send it.
  const std::string mine = std::exchange(desk.key, {});
  const auto forged = desk.send(
      "action=create_ticket&subject=Forged&description=x", "/api/client.php", "application/x-www-form-urlencoded",
      {{"cookie", cookie}, {"origin", "https://evil.example"}, {"sec-fetch-site", "cross-site"}});
  desk.key = mine;
  CHECK(said(forged) == "origin");
  CHECK(forged.header("access-control-allow-origin").empty());
  CHECK(desk.good(act("list_tickets"))["total"] == Json(0));
  CHECK(desk.by(cookie, a_ticket("Own"), {{"origin", "https://desk.example"}}).status == 200);
}

TEST_CASE("a link that is over says what to do, in the reader's language, and ends the cookie of before",
          "[server][portal][security]") {
  Portal desk;
  const Json link = desk.link(1, "client.example", 300);
  const std::string cookie = desk.cookie_of(2);
  desk.house.environment.advance(301'000);
  const std::string over = link["token"].as_string();
  std::set<std::string> pages;
  for (const std::string& token :
       {over, std::string("ct_00"), std::string(), std::string("%00"), over + "&ctoken=" + over}) {
    const auto page = desk.at("/index.html?ctoken=" + token, {{"cookie", cookie}});
    INFO(token);
    CHECK(page.status == 403);
    CHECK(page.header("set-cookie") == "__Host-tern-client=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0");
    CHECK(page.body.find("Open this page again from the site that led you here.") != std::string::npos);
    pages.insert(page.body);
    const auto framed = desk.at("/embed.html?ctoken=" + token);
    CHECK(framed.status == 403);
    CHECK(framed.header("set-cookie").empty());
    pages.insert(framed.body);
  }
  CHECK(pages.size() == 1);  // why it is over is said of none
  for (const char* language : {"uk", "ru-RU", "kk", "de-AT,de;q=0.9"})
    CHECK(pages.insert(desk.at("/index.html?ctoken=x", {{"accept-language", language}}).body).second);
  CHECK(desk.at("/embed.html").status == 403);
  desk.house.command(cmd("token revoke", {{"portal_domain", Json("client.example")}}));
  CHECK(said(desk.by(cookie, act("list_tickets"))) == "session_unknown");
}

TEST_CASE("while a client's organisation cannot be opened its links say so, and nobody is put out",
          "[server][portal]") {
  Portal desk;
  desk.house.command(cmd("tenant add", {{"name", Json("Elsewhere")}}));
  const Json link = desk.link(1);
  const std::string token = link["token"].as_string();
  desk.house.core.reset();
  std::filesystem::remove(desk.house.options().directory + "/tenants/" + token.substr(3, 32) + "/tern.db");
  desk.house.reopen();
  for (const char* member : {"portal_url", "embed_url"}) {
    const auto answer = desk.open(link[member], {{"cookie", "__Host-tern-client=" + token}});
    CHECK(answer.status == 503);
    CHECK(answer.header("set-cookie").empty());
    CHECK(answer.body.find("Try again later.") != std::string::npos);
  }
}

TEST_CASE("an embedded page is framed by the client's portal alone, keeps no cookie, and may use a microphone",
          "[server][portal][security]") {
  Portal desk;
  const auto framed_by = [&](const char* portal) {
    const auto page = desk.open(desk.link(1, portal)["embed_url"]);
    REQUIRE(page.status == 200);
    CHECK(page.header("set-cookie").empty());
    return directive(page, "frame-ancestors");
  };
  CHECK(framed_by("client.example") == "https://client.example");
  CHECK(framed_by("other.example") == "https://other.example");
  desk.client("Odd Ltd", "odd.example;script-src *");  // a policy of more than one site
  CHECK(framed_by("odd.example;script-src *") == "'none'");
  const auto embedded = desk.open(desk.link(1)["embed_url"]), portal = desk.at("/index.html");
  CHECK(directive(portal, "frame-ancestors") == "'none'");
  CHECK(embedded.header("permissions-policy").find("microphone=(self)") != std::string::npos);
  CHECK(portal.header("permissions-policy").find("microphone=()") != std::string::npos);
  // The page of a link that is over shows in any frame: there is nothing on it to be clicked.
  const auto over = desk.at("/embed.html?ctoken=x");
  CHECK(directive(over, "frame-ancestors") == "*");
  for (const char* element : {"<script", "<form", "<a ", "<button"})
    CHECK(over.body.find(element) == std::string::npos);
}

TEST_CASE("pages of customers and of the panel run their own script alone, and put in what anybody wrote as text",
          "[server][portal][security]") {
  Portal desk;
  for (const auto& page : {desk.at("/index.html"), desk.open(desk.link(1)["embed_url"]), desk.at("/tenant.html")}) {
    CHECK(page.status == 200);
    CHECK(page.header("content-type") == "text/html; charset=utf-8");
    CHECK(page.header("referrer-policy") == "no-referrer");
    CHECK(page.header("cache-control") == "no-store");
    CHECK(page.header("x-content-type-options") == "nosniff");
    CHECK(page.header("content-security-policy").starts_with("default-src 'none'; "));
    CHECK(directive(page, "script-src") == hash_of(page, "script"));
    CHECK(directive(page, "style-src") == hash_of(page, "style"));
    CHECK(directive(page, "connect-src") == "'self'");
    CHECK(directive(page, "form-action") == "'none'");
    CHECK(page.body.find("content=\"noindex\"") != std::string::npos);
  }
  const auto loader = desk.at("/widget/loader.js");
  CHECK(loader.status == 200);
  CHECK(loader.header("content-type") == "text/javascript; charset=utf-8");
  CHECK(loader.header("cross-origin-resource-policy") == "cross-origin");
  CHECK(loader.header("x-content-type-options") == "nosniff");
  for (const std::string& script : {loader.body, desk.at("/index.html").body, desk.at("/tenant.html").body})
    for (const char* markup : {"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function("})
      CHECK(script.find(markup) == std::string::npos);
  for (const char* path : {"/index.html", "/embed.html", "/widget/loader.js", "/tenant.html"})
    CHECK(desk.house.post(path, "x").status == 405);
}

TEST_CASE("pages and the widget say the same things in every language", "[server][portal]") {
  const Json pages = must(parse_json("{" + std::string(server::portal_texts()) + "}"));
  const Json widget = must(parse_json("{" + std::string(server::widget_texts()) + "}"));
  for (const std::string_view language : server::letter_languages()) {
    INFO(language);
    REQUIRE(pages[language].size() == 2);
    CHECK(member_names(pages[language].items()[1]) == member_names(pages["en"].items()[1]));
    CHECK(member_names(widget[language]) == member_names(widget["en"]));
    for (const auto& [name, words] : pages[language].items()[1].members()) CHECK_FALSE(words.as_string().empty());
    for (const auto& [name, words] : widget[language].members()) CHECK_FALSE(words.as_string().empty());
  }
}

TEST_CASE("an address that follows links of clients too often waits, a proxy's and others do not",
          "[server][portal][security]") {
  Portal desk;
  const Json url = desk.link(1)["portal_url"];
  for (int i = 0; i < 300; ++i) REQUIRE(desk.at("/index.html?ctoken=x").status == 403);
  const auto refused = desk.open(url);
  CHECK(refused.status == 429);
  CHECK_FALSE(refused.header("retry-after").empty());
  CHECK(refused.header("set-cookie").empty());
  CHECK(desk.at("/index.html").status == 200);
  desk.house.peer = "127.0.0.1";
  for (int i = 0; i < 301; ++i) REQUIRE(desk.at("/index.html?ctoken=x").status == 403);
  desk.house.peer = "192.0.2.7";
  desk.house.environment.advance(60'000);
  CHECK(desk.open(url).status == 303);
}

}  // namespace tern::test
