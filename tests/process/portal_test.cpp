// The pages of customers as a browser walks through them: a link, a cookie, the list, a reply. No browser runs here:
// the program that asks keeps cookies and follows redirects as one does, and says where its requests come from.
#include "support/catch.hpp"
#include "support/files.hpp"
#include "support/must.hpp"
#include "support/process_desk.hpp"

namespace tern::test {
namespace {

struct Seen {
  int status = 0;
  std::string body, address;
};

/// One person's.
class Browser {
public:
  Browser(ServerProcess& server, std::string jar) : server_(server), jar_(std::move(jar)) {}

  Seen open(const std::string& path) const { return ask(path, {}); }
  /// What a page of `site` ("same-origin", "cross-site") asks.
  Seen post(const Json& request, const std::string& site = "same-origin") const {
    return ask("/api/client.php",
               {"-H", "Content-Type: application/json", "-H", "Sec-Fetch-Site: " + site, "-d", to_text(request)});
  }
  Json good(const Json& request) const {
    const Seen seen = post(request);
    INFO(to_text(request) << " -> " << seen.body);
    REQUIRE(seen.status == 200);
    return must(parse_json(seen.body, {.decimals = true}))["data"];
  }
  [[nodiscard]] std::string code_of(const Json& request, const std::string& site = "same-origin") const {
    return must(parse_json(post(request, site).body, {.decimals = true}))["code"].as_string();
  }

private:
  Seen ask(const std::string& path, const Words& more) const {
    Words words = {"/usr/bin/curl",     "-sS", "-L", "-c", jar_, "-b", jar_, "-w", "\n%{http_code} %{url_effective}",
                   server_.url() + path};
    words.insert(words.end(), more.begin(), more.end());
    const Ended ended = run({words});
    INFO(ended.err);
    REQUIRE(ended.exit_code == 0);
    const auto line = ended.out.rfind('\n');
    return {std::stoi(ended.out.substr(line + 1)), ended.out.substr(0, line), ended.out.substr(line + 5)};
  }

  ServerProcess& server_;
  std::string jar_;
};

Json of(const char* action, std::initializer_list<Json::Member> members = {}) {
  Json out = Json::object({{"action", Json(action)}});
  for (const auto& [name, value] : members) out.set(name, value);
  return out;
}

bool stands_in(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a customer opens their link, reads their tickets, writes, and nobody else's browser does",
          "[portal][process][security]") {
  TempDir folder;
  ServerProcess server(folder.file("server"));
  server.admin({"organisation", "add", "Client Ltd", "--portal-domain", "client.example"});
  const std::string key = server.admin({"key", "add", "Site"}).line()["key"].as_string();
  server.start();
  const auto by_key = [&](const Json& request) {
    const Ended ended = run({{"/usr/bin/curl", "-sS", "-H", "Content-Type: application/json", "-H", "X-Api-Key: " + key,
                              "-d", to_text(request), server.url() + "/api/admin.php"}});
    const Json answer = must(parse_json(ended.out, {.decimals = true}));
    INFO(ended.out);
    REQUIRE(answer["ok"] == Json(true));
    return answer["data"];
  };
  const auto token_of = [&](int user) {
    return by_key(
               of("create_client_token", {{"portal_domain", Json("client.example")}, {"user_id", Json(user)}}))["token"]
        .as_string();
  };
  const std::string token = token_of(1), other = token_of(2);
  const Browser john(server, folder.file("john")), jane(server, folder.file("jane")), bill(server, folder.file("bill"));

  const Seen page = john.open("/index.html?ctoken=" + token);
  CHECK(page.status == 200);
  CHECK(page.address == server.url() + "/index.html");
  CHECK_FALSE(stands_in(page.body, token));
  REQUIRE(jane.open("/index.html?ctoken=" + other).status == 200);
  REQUIRE(john.good(of("list_tickets"))["total"] == Json(0));
  const Json id = john.good(
      of("create_ticket", {{"subject", Json("CRM stands still")}, {"description", Json("Since noon.")}}))["id"];
  by_key(of("add_message", {{"ticket_id", id}, {"message", Json("Somebody looks.")}}));
  by_key(of("add_message", {{"ticket_id", id}, {"message", Json("CANARY")}, {"is_note", Json(true)}}));
  john.good(of("add_message", {{"ticket_id", id}, {"message", Json("<b>Thanks</b>")}}));
  const Json read = john.good(of("get_ticket", {{"ticket_id", id}}));
  REQUIRE(read["messages"].size() == 3);
  CHECK(read["messages"].items()[2]["message"] == Json("<b>Thanks</b>"));

  CHECK(jane.code_of(of("get_ticket", {{"ticket_id", id}})) == "not_found");
  CHECK(jane.good(of("list_tickets"))["total"] == Json(0));
  CHECK(bill.code_of(of("list_tickets")) == "key_required");
  CHECK(john.code_of(of("add_message", {{"ticket_id", id}, {"message", Json("Forged")}}), "cross-site") == "origin");

  server.kill_hard();
  server.start();
  CHECK(john.good(of("get_ticket", {{"ticket_id", id}}))["messages"].size() == 3);
  const Seen left = john.open("/index.html?ctoken=");
  CHECK(left.status == 403);
  CHECK(john.code_of(of("list_tickets")) == "key_required");
  server.admin({"token", "revoke", "--portal-domain", "client.example"});
  CHECK(jane.code_of(of("list_tickets")) == "session_unknown");
  CHECK(jane.open("/embed.html?ctoken=" + other).status == 403);
  CHECK(jane.open("/widget/loader.js").status == 200);
  CHECK(jane.open("/tenant.html").status == 200);
  for (const std::string& secret : {token, other}) CHECK_FALSE(stands_in(server.child().err(), secret.substr(40)));
  CHECK(stands_in(server.child().err(), "\"/embed.html\""));  // it is this log that tells of requests
  check_verified(server);
}

}  // namespace tern::test
