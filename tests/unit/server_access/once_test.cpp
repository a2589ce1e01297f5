// Requests that come again with the same Idempotency-Key. Under kill: process/api_test.cpp.
#include <fstream>

#include "api/once.hpp"
#include "office.hpp"
#include "support/files.hpp"
#include "support/given_ids.hpp"
#include "support/persist.hpp"
#include "support/totp.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/server/admin.hpp"
#include "tern/sqlite/database.hpp"

namespace tern::test {
namespace {

server::Response with_key(Office& office, const std::string& key, const Json& request,
                          const std::string& path = "/api/admin.php") {
  return office.send(to_text(request), path, "application/json", {{"idempotency-key", key}});
}

Json data_of(const server::Response& answer) {
  INFO(answer.body);
  REQUIRE(answer.status == 200);
  return must(parse_json(answer.body, {.decimals = true}))["data"];
}

bool is_again(const server::Response& answer) {
  return answer.header("idempotency-replayed") == "true";
}

Json commits(Office& office) {
  return office.house.command(cmd("status"))["rows"].items().front()["commit_seq"];
}

Json leak(const char* subject = "Pump leaks") {
  return act("create_ticket", {{"subject", Json(subject)}, {"description", Json("In hall 2.")}});
}

}  // namespace

TEST_CASE("what is sent again with its Idempotency-Key is done once, and answered as it was", "[server][api]") {
  Office office;
  const auto first = with_key(office, "a", leak());
  CHECK_FALSE(is_again(first));
  const Json seq = commits(office);
  const auto again = with_key(office, "a", leak());
  CHECK(is_again(again));
  CHECK(data_of(again) == data_of(first));
  CHECK(commits(office) == seq);
  const Json id = data_of(first)["id"];
  const Json message = act("add_message", {{"ticket_id", id}, {"message", Json("On the way.")}});
  CHECK(data_of(with_key(office, "b", message)) == data_of(with_key(office, "b", message)));
  CHECK(office.good(act("get_ticket", {{"ticket_id", id}}))["messages"].size() == 2);
  office.house.reopen();  // it is kept with the change, not in memory
  CHECK(is_again(with_key(office, "b", message)));
  CHECK(is_again(with_key(office, "a", leak())));
  CHECK(data_of(with_key(office, "c", leak()))["id"] != id);
}

TEST_CASE("an Idempotency-Key stands for one request of one credential", "[server][api][security]") {
  Office office;
  const Json first = data_of(with_key(office, "a", leak()));
  CHECK(said(with_key(office, "a", leak("Another"))) == "idempotency_mismatch");
  CHECK(with_key(office, "a", leak("Another")).status == 400);
  const Json bare = Json::object({{"subject", Json("Another")}, {"description", Json("x")}});
  CHECK(with_key(office, "a", bare, "/api/v1/create_ticket").status == 409);
  CHECK(said(with_key(office, "a", act("add_message", {{"ticket_id", first["id"]}, {"message", Json("x")}}))) ==
        "idempotency_mismatch");
  // How it is written does not matter, what it says does.
  const auto form = office.send("action=create_ticket&subject=Pump+leaks&description=In+hall+2.&unknown=1",
                                "/api/admin", "application/x-www-form-urlencoded", {{"idempotency-key", "a"}});
  CHECK(is_again(form));
  CHECK(is_again(with_key(office, "a",
                          Json::object({{"description", Json("In hall 2.")}, {"subject", Json("Pump leaks")}}),
                          "/api/v1/create_ticket")));
  const std::string other = office.house.command(cmd("key add", {{"name", Json("Other")}}))["key"].as_string();
  office.key = other;
  CHECK(data_of(with_key(office, "a", leak("Another")))["id"] != first["id"]);
  for (const std::string& bad :
       {std::string(), std::string("two words"), std::string(256, 'x'), std::string("\xd0\x9a")})
    CHECK(said(with_key(office, bad, leak())) == "malformed");
  CHECK(with_key(office, std::string(255, 'x'), leak()).status == 200);
}

TEST_CASE("a refused request may come again under its key, and one that changes nothing is remembered, too",
          "[server][api]") {
  Office office({{"operator_id", Json("ann")}});
  const Json id(office.ticket());
  const Json resume = act("resume_ticket", {{"ticket_id", id}});
  CHECK(said(with_key(office, "a", resume)) == "bad_transition");
  office.good(act("hold_ticket", {{"ticket_id", id}}));
  const auto done = with_key(office, "a", resume);
  CHECK(done.status == 200);
  CHECK_FALSE(is_again(done));
  const Json urgent = act("update_ticket", {{"ticket_id", id}, {"priority", Json("urgent")}});
  office.good(urgent);
  const Json seq = commits(office);
  CHECK_FALSE(is_again(with_key(office, "b", urgent)));
  CHECK(commits(office) == seq);
  office.good(act("update_ticket", {{"ticket_id", id}, {"priority", Json("low")}}));
  const auto late = with_key(office, "b", urgent);  // the first one, held up on its way
  CHECK(is_again(late));
  CHECK(data_of(late)["priority"] == Json("low"));  // as it stands, and is not made urgent again
}

TEST_CASE("an Idempotency-Key is good for a day, and of many the oldest goes", "[server][api]") {
  Office office;
  const Json first = data_of(with_key(office, "a", leak()));
  office.house.environment.advance(server::once_kept_ms - 1'000);
  CHECK(is_again(with_key(office, "a", leak())));
  office.house.environment.advance(2'000);
  const auto later = with_key(office, "a", leak());
  CHECK_FALSE(is_again(later));
  CHECK(data_of(later)["id"] != first["id"]);
  CHECK(is_again(with_key(office, "a", leak())));
}

TEST_CASE("of the rows for keys no more are kept than there may be, and those of another day go", "[server][api]") {
  const TempDir folder;
  sqlite::OpenOptions options;
  options.path = folder.file("once.db");
  auto db = must(sqlite::Database::open(options));
  must(db->exec(content_of(std::string(TERN_TEST_DATA_DIR) + "/../../server/src/store/migrations/0014_api.sql")));
  const auto write = [&](const std::string& key, std::int64_t now_ms) {
    must(server::write_done(*db, 1, must(server::once_request("me", key, "x", "{}")), "made", now_ms));
  };
  const auto count = [&] { return must(db->int64_of("SELECT count(*) FROM done_once")).value_or(-1); };
  for (int i = 0; i < 150; ++i) write(std::to_string(i), 1'000);
  CHECK(count() == 150);
  must(db->exec("UPDATE done_once SET n = n + 99950 WHERE n > 50"));  // as if so many had come between
  write("one-more", 1'000);
  CHECK(count() == 101);
  write("tomorrow", 1'001 + server::once_kept_ms);
  CHECK(count() == 2);
}

TEST_CASE("every action that writes does with an Idempotency-Key once what it does", "[server][api]") {
  const NothingFails once;
  Office office({{"operator_id", Json("ann")}});
  office.house.command(
      cmd("organisation add", {{"name", Json("Client Ltd")}, {"portal_domain", Json("client.bitrix24.kz")}}));
  const std::string folder = std::string(TERN_TEST_DATA_DIR) + "/api";
  std::ifstream order(folder + "/order.txt");
  office.house.command(cmd("operator add", {{"email", Json("head@pumps.example")},
                                            {"role", Json("head_admin")},
                                            {"password", Json("a password of heads")}}));
  GivenIds ids;
  ids.take("api_key",
           office.house.command(cmd("widget add", {{"name", Json("Shop")},
                                                   {"origins", Json::array({Json("https://shop.example")})}}))["key"]);
  office.house.command(cmd("operator set", {{"operator", Json("ann")}, {"password", Json("a password of ann")}}));
  const Json link = office.house.command(
      cmd("operator reset-link", {{"operator", Json("ann")}, {"public-url", Json("https://desk.example")}}))["link"];
  ids.take("password", Json("a good password"));
  ids.take("token", Json(link.as_string().substr(link.as_string().find('#') + 1)));
  const auto log_in = [&](const char* who, const char* password) {
    const std::string mine = std::exchange(office.key, {});
    const auto answer = office.ask(act("admin_login", {{"login", Json(who)}, {"password", Json(password)}}));
    office.key = mine;
    const std::string cookie(answer.header("set-cookie"));
    return cookie.substr(0, cookie.find(';'));
  };
  const std::string by_admin = log_in("admin@pumps.example", "a good password");
  const std::string by_head = log_in("head@pumps.example", "a password of heads");
  std::string client_token;
  int key = 0, written = 0;
  for (std::string name; std::getline(order, name);) {
    INFO(name);
    const Json fixture = must(parse_json(content_of(folder + "/" + name + ".json"), {.decimals = true}));
    if (fixture["by"].as_string() == "nobody") continue;  // of no organisation: nothing is kept for it
    const Json request = ids.put_into(fixture["request"]);
    const std::string once_key = "key-" + std::to_string(++key);
    const std::string by = fixture["by"].as_string();
    const auto ask = [&] {
      std::vector<server::Header> headers = {{"idempotency-key", once_key}};
      if (by == "admin") headers.push_back({"cookie", by_admin});
      if (by == "head") headers.push_back({"cookie", by_head});
      if (by == "client") headers.push_back({"x-client-token", client_token});
      const bool without_key = by == "admin" || by == "head" || by == "client" || by == "visitor";
      const std::string mine = without_key ? std::exchange(office.key, {}) : office.key;
      const std::string door = by == "client" ? "client" : by == "visitor" ? "widget" : "admin";
      const auto answer = office.send(to_text(request), "/api/" + door, "application/json", std::move(headers));
      office.key = mine;
      return answer;
    };
    const Json before = commits(office);
    const Json data = data_of(ask());
    const bool writes = commits(office) != before || name == "create_client_token";
    const Json after = commits(office);
    const auto again = ask();
    CHECK(commits(office) == after);
    if (writes) {
      ++written;
      CHECK(is_again(again));
      CHECK(data_of(again)["id"] == data["id"]);
      CHECK(data_of(again)["key"].is_null());  // what is shown once is not shown again
      CHECK(data_of(again)["token"].is_null());
    }
    if (name == "create_client_token") client_token = data["token"].as_string();
    ids.take_from(name, data);
    if (name == "begin_two_factor")  // each time another secret
      ids.take("code",
               Json(authenticator_code(data_of(again)["secret"].as_string(), office.house.environment.wall_ms())));
    if (name == "confirm_two_factor") ids.take("code", data["recovery_codes"].items().front());
  }
  CHECK(written >= 40);
}

}  // namespace tern::test
