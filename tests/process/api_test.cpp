// The API as an integration meets it: a real server, real keys, and the examples of the document that integrations were
// written for, as they stand there but for host and key.
#include <chrono>
#include <fstream>
#include <functional>
#include <memory>
#include <sstream>

#include "support/authority.hpp"
#include "support/catch.hpp"
#include "support/files.hpp"
#include "support/given_ids.hpp"
#include "support/issuer.hpp"
#include "support/must.hpp"
#include "support/process_desk.hpp"
#include "support/totp.hpp"

namespace tern::test {
namespace {

const std::string api_data = std::string(TERN_TEST_DATA_DIR) + "/api";

std::int64_t now_ms() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
}

/// One answer of curl: its status, its type, its body, the cookie that it sets.
struct ApiAnswer {
  int status = 0;
  std::string type;
  Json body;
  std::string cookie;
};

class Api {
public:
  explicit Api(ServerProcess& server, std::string key) : server_(server), key_(std::move(key)) {}

  ApiAnswer post(const std::string& path, const Words& more) const {
    Words words = {
        "/usr/bin/curl",     "-sS", "-w", "\n%header{set-cookie}\n%{http_code} %{content_type}", "-X", "POST",
        server_.url() + path};
    if (!cookie.empty()) words.insert(words.end(), {"-H", "Cookie: " + cookie});
    if (!client_token.empty()) words.insert(words.end(), {"-H", "X-Client-Token: " + client_token});
    if (!key_.empty() && cookie.empty()) words.insert(words.end(), {"-H", "X-Api-Key: " + key_});
    words.insert(words.end(), more.begin(), more.end());
    const Ended ended = run({words});
    INFO(ended.err);
    REQUIRE(ended.exit_code == 0);
    const auto line = ended.out.rfind('\n');
    REQUIRE(line != std::string::npos);
    const auto cookie_line = ended.out.rfind('\n', line - 1);
    REQUIRE(cookie_line != std::string::npos);
    const std::string tail = ended.out.substr(line + 1),
                      set = ended.out.substr(cookie_line + 1, line - cookie_line - 1);
    auto body = parse_json(ended.out.substr(0, cookie_line), {.decimals = true});
    INFO(ended.out);
    REQUIRE(body.has_value());
    return {std::stoi(tail.substr(0, 3)), tail.substr(4), std::move(*body), set.substr(0, set.find(';'))};
  }
  ApiAnswer json(const Json& request, const std::string& path = "/api/admin.php") const {
    return post(path, {"-H", "Content-Type: application/json", "-d", to_text(request)});
  }
  Json good(const Json& request) const {
    const ApiAnswer answer = json(request);
    INFO(to_text(request) << " -> " << to_text(answer.body));
    REQUIRE(answer.status == 200);
    REQUIRE(answer.body["ok"] == Json(true));
    return answer.body["data"];
  }

  std::string cookie;  // sent in place of the key
  std::string client_token;

private:
  ServerProcess& server_;
  std::string key_;
};

std::string json_type(const Json& value) {
  if (value.is_bool()) return "bool";
  if (value.is_number()) return "number";
  if (value.is_string()) return "string";
  return value.is_array() ? "array" : value.is_object() ? "object" : "null";
}

/// Every member of the document is there with its type; what has none here may be null. More members are fine.
void compare_shape(const Json& document, const Json& got, const std::string& where) {
  INFO(where);
  if (got.is_null() && !document.is_object() && !document.is_array()) return;
  CHECK(json_type(got) == json_type(document));
  for (const auto& [name, member] : document.members()) {
    INFO(where + "." + name);
    CHECK(got.find(name) != nullptr);
    if (got.find(name) != nullptr) compare_shape(member, got[name], where + "." + name);
  }
  if (document.size() > 0 && document.is_array()) {
    CHECK(got.size() > 0);
    if (got.size() > 0) compare_shape(document.items().front(), got.items().front(), where + "[0]");
  }
}

/// Every member of the document is there with its type, in every item that it shows. More members are fine.
void compare_whole(const Json& document, const Json& got, const std::string& where) {
  INFO(where);
  REQUIRE(json_type(got) == json_type(document));
  for (const auto& [name, member] : document.members()) {
    INFO(where + "." + name);
    REQUIRE(got.find(name) != nullptr);
    compare_whole(member, got[name], where + "." + name);
  }
  if (!document.is_array()) return;
  REQUIRE(got.size() >= document.size());
  for (std::size_t i = 0; i < document.size(); ++i)
    compare_whole(document.items()[i], got.items()[i], where + "[" + std::to_string(i) + "]");
}

/// What the document shows, as it stands there.
struct ApiDocument {
  std::vector<std::string> commands;
  std::map<std::string, Json> answers;  // by their actions; "refused": of an error

  ApiDocument() {
    const std::string all = content_of(api_data + "/document.txt"), mark = "\n== ";
    for (auto at = all.find(mark); at != std::string::npos;) {
      const auto end = all.find(mark, at + 1);
      const std::string part = all.substr(at + mark.size(), end == std::string::npos ? end : end - at - mark.size());
      const auto line = part.find('\n');
      const std::string head = part.substr(0, line), text = part.substr(line + 1);
      if (head == "command")
        commands.push_back(text);
      else
        answers[head.substr(head.find(' ') + 1)] = must(parse_json(text, {.decimals = true}));
      at = end;
    }
  }
};

std::string with_own(std::string text, const std::string& written, const std::string& own) {
  const auto at = text.find(written);
  REQUIRE(at != std::string::npos);
  return text.replace(at, written.size(), own);
}

Json api_fixture(const std::string& action) {
  return must(parse_json(content_of(api_data + "/" + action + ".json"), {.decimals = true}));
}

/// What the answer holds at "ticket.tags" or "tickets.0.id".
Json member_at(const Json& data, const std::string& path) {
  Json at = data;
  std::istringstream words(path);
  for (std::string word; std::getline(words, word, '.');)
    at = at.is_array() ? (at.size() > std::stoul(word) ? at.items()[std::stoul(word)] : Json()) : Json(at[word]);
  return at;
}

struct ApiDesk {
  TempDir folder;
  ServerProcess server{folder.file("server")};
  std::string key;

  explicit ApiDesk(const std::function<Words(const TempDir&)>& set_up = {}) {
    server.admin({"operator", "add", "--name", "Ann Lee", "--email", "ann@harbour.example", "--role", "supervisor"});
    server.admin({"organisation", "add", "Client Ltd", "--portal-domain", "client.bitrix24.kz"});
    server.admin({"contact", "add", "John Smith", "--email", "john@client.example", "--organisation", "Client Ltd"});
    server.admin({"tag", "add", "pump", "--colour", "blue"});
    server.admin({"quick-reply", "add", "On our way", "--shortcut", "omw", "--content", "We are on our way."});
    server.admin({"view", "add", "Night", "--priority", "urgent", "--folder", "Shifts"});
    server.admin({"macro", "add", "Part ordered", "--content", "The part is on its way.", "--actions", "tag part"});
    server.admin({"operator", "add", "--email", "head@harbour.example", "--role", "head_admin", "--password-stdin"},
                 "a password of heads\n");
    key = server.admin({"key", "add", "Monitoring", "--operator-id", "Ann Lee"}).line()["key"].as_string();
    server.start(set_up ? set_up(folder) : Words{});
  }
};

}  // namespace

TEST_CASE("the examples of the document run as they stand there, and answer with its members and types",
          "[api][process]") {
  std::unique_ptr<IssuerPeer> outside;
  ApiDesk desk([&](const TempDir& folder) -> Words {
    const Authority authority(folder, "outside", "IP:127.0.0.1");
    const std::uint16_t port = free_port();
    outside = std::make_unique<IssuerPeer>(authority.certificate, authority.key, port);
    outside->issuer.email = "admin@harbour.example";
    outside->issuer.secret = "a secret of the client";
    return {"--egress-allow", "127.0.0.1:" + std::to_string(port), "--egress-ca", authority.ca};
  });
  Issuer& issuer = outside->issuer;
  const std::string alerts = desk.server.admin({"key", "add", "Alerts"}).line()["key"].as_string();
  const Api by_key(desk.server, desk.key), by_program(desk.server, alerts), by_nobody(desk.server, "");
  Api by_admin(desk.server, ""), by_client(desk.server, ""), by_head(desk.server, "");
  by_head.cookie = by_head
                       .json(Json::object({{"action", Json("admin_login")},
                                           {"login", Json("head@harbour.example")},
                                           {"password", Json("a password of heads")}}))
                       .cookie;
  CHECK(desk.server.ternd({"queue", "remove", "Nobody's"}).exit_code != 0);  // the log has a line
  GivenIds ids;
  ids.take("api_key", desk.server.admin({"widget", "add", "Shop", "--origins", "https://shop.example"}).line()["key"]);
  const std::string link = desk.server.admin({"operator", "reset-link", "Ann Lee"}).line()["link"].as_string();
  ids.take("token", Json(link.substr(link.find('#') + 1)));
  std::ifstream order(api_data + "/order.txt");
  REQUIRE(order.good());
  for (std::string action; std::getline(order, action);) {
    INFO(action);
    const Json example = api_fixture(action);
    const std::string by = example["by"].as_string();
    if (action == "oidc_begin")
      desk.server.admin({"oidc", "set", "--domain", "Harbour.example", "--issuer", issuer.address, "--client-id",
                         "tern", "--client-secret-stdin"},
                        "a secret of the client\n");
    const Api& api = by == "admin"     ? by_admin
                     : by == "head"    ? by_head
                     : by == "client"  ? by_client
                     : by == "nobody"  ? by_nobody
                     : by == "visitor" ? by_nobody
                     : by == "program" ? by_program
                                       : by_key;
    const std::string door = by == "client"    ? "/api/client.php"
                             : by == "visitor" ? "/api/widget.php"
                                               : "/api/admin.php";
    const ApiAnswer answer = api.json(ids.put_into(example["request"]), door);
    INFO(to_text(answer.body));
    CHECK(answer.status == 200);
    CHECK(answer.type == "application/json");
    compare_shape(example["response"], answer.body, action);
    const Json& data = answer.body["data"];
    for (const Json& path : example["said"].items()) {
      INFO(path.as_string());
      CHECK_FALSE(member_at(data, path.as_string()).is_null());
    }
    if (!answer.cookie.empty()) by_admin.cookie = answer.cookie;
    if (action == "create_client_token") by_client.client_token = data["token"].as_string();
    ids.take_from(action, data);
    if (action == "begin_two_factor") ids.take("code", Json(authenticator_code(data["secret"].as_string(), now_ms())));
    if (action == "confirm_two_factor") ids.take("code", data["recovery_codes"].items().front());
    if (action == "oidc_begin") {
      ids.take("state", Json(query_value(data["url"].as_string(), "state")));
      ids.take("code", Json(issuer.authorise(data["url"].as_string())));
      ids.take("proof", data["proof"]);
    }
  }
  // And its token beside the domain, as the document has it.
  const Json vouched = Json::object({{"action", Json("list_tickets")},
                                     {"domain", Json("harbour.example")},
                                     {"auth_token", Json(issuer.token(issuer.claims()))}});
  CHECK(by_nobody.json(vouched).status == 200);
  CHECK_FALSE(holds(desk.server.child().err(), "a secret of the client"));
  check_verified(desk.server);
}

TEST_CASE("a client that was written for the document works unchanged: its commands run, its answers are ours",
          "[api][process]") {
  ApiDesk desk;
  const Api api(desk.server, desk.key),
      monitoring(desk.server, desk.server.admin({"key", "add", "Alerts"}).line()["key"].as_string());
  const auto make = [&](const char* portal) {  // by nobody whose words are an answer
    return monitoring.good(Json::object({{"action", Json("create_ticket")},
                                         {"subject", Json("Pump")},
                                         {"description", Json("It leaks.")},
                                         {"category", Json("crm")},
                                         {"portal_domain", Json(portal)}}))["id"];
  };
  desk.server.admin({"organisation", "add", "Other Ltd", "--portal-domain", "other.bitrix24.kz"});
  api.good(must(parse_json(R"({"action":"client_settings","portal_domain":"client.bitrix24.kz",
                               "data":{"tariff_plan":"standard","hours_per_month":20}})")));
  static_cast<void>(make("other.bitrix24.kz"));
  Json id;
  for (int i = 2; i <= 42; ++i) id = make("client.bitrix24.kz");
  REQUIRE(id == Json(42));  // the document names it
  api.good(Json::object({{"action", Json("take_ticket")}, {"ticket_id", id}}));

  ApiDocument document;
  REQUIRE(document.commands.size() == 7);
  std::ofstream(desk.folder.file(".curlrc")) << "silent\nshow-error\nfail-with-body\n";
  for (const std::string& command : document.commands) {
    const auto body = command.find("-d '") + 4;
    const std::string action = must(parse_json(command.substr(body, command.rfind('\'') - body)))["action"].as_string();
    INFO(command);
    if (action == "dashboard")  // figures are counted beside the answers
      REQUIRE(until([&] {
        return !api.good(Json::object({{"action", Json(action)}}))["avg_resolution_hours"].is_null();
      }));
    const std::string own =
        with_own(with_own(command, "https://support.tehprof.kz", desk.server.url()), "tps_your_key", desk.key);
    const Ended ended = run({{"/bin/sh", "-c", own}, {{"HOME", desk.folder.path()}}});
    INFO(ended.out << ended.err);
    CHECK(ended.exit_code == 0);
    const Json answer = must(parse_json(ended.out, {.decimals = true}));
    CHECK(answer["ok"] == Json(true));
    if (const auto shown = document.answers.find(action); shown != document.answers.end()) {
      compare_whole(shown->second, answer, action);
      if (action != "create_client_token") document.answers.erase(shown);  // two commands get one
    }
  }
  document.answers.erase("create_client_token");
  REQUIRE(document.answers.size() == 3);  // get_ticket, list_clients and what is refused: no command asks for them
  for (const auto& [action, shown] : document.answers) {
    const Json asked = Json::object({{"action", Json(action)}, {"ticket_id", Json(42)}});
    const ApiAnswer answer = api.json(asked);
    INFO(to_text(answer.body));
    CHECK(answer.status == (action == "refused" ? 400 : 200));
    compare_whole(shown, answer.body, action);
  }
}

TEST_CASE("reports print as CSV that no spreadsheet takes for a formula, with how sure they are beside it",
          "[reports][process]") {
  ApiDesk desk;
  const Api api(desk.server, desk.key);
  for (const char* subject : {"=1+1, \"pump\"", "+7", "-7", "@sum"})
    api.good(Json::object(
        {{"action", Json("create_ticket")}, {"subject", Json(subject)}, {"description", Json("Two\nlines.")}}));
  REQUIRE(until([&] { return desk.server.admin({"report", "tickets"}).line()["rows"].size() == 4; }));
  const Ended csv = desk.server.admin({"report", "tickets", "--csv"});
  CHECK(csv.out.find("id,number,subject,description,") == 0);
  CHECK(csv.out.find(",\"'=1+1, \"\"pump\"\"\",\"Two\nlines.\",") != std::string::npos);
  for (const char* subject : {"+7", "-7", "@sum"}) CHECK(holds(csv.out, std::string(",'") + subject + ","));
  CHECK(holds(csv.out, ",,"));  // what is not there is empty
  CHECK_FALSE(holds(csv.out, ",-,"));
  CHECK(csv.out.ends_with("\r\n"));
  CHECK(csv.out.find("Complete") == std::string::npos);
  CHECK(csv.err.find("Complete: no device that holds work") != std::string::npos);
}

TEST_CASE("what an integration writes reaches devices, and what a device writes is read through the API",
          "[api][process]") {
  ApiDesk desk;
  const Api api(desk.server, desk.key);
  DeviceProcess device(desk.server, desk.folder.file("van"), "bob", "supervisor", "all");
  const Json made = api.good(Json::object({{"action", Json("create_ticket")},
                                           {"subject", Json("Pump 7 leaks")},
                                           {"description", Json("Water in hall 2.")}}));
  api.good(Json::object(
      {{"action", Json("add_message")}, {"ticket_id", made["id"]}, {"message", Json("Somebody is on the way.")}}));
  device({"sync"});
  const std::string number = device.number_of("Pump 7 leaks");
  CHECK(number == made["number"].as_string());
  CHECK(device({"show", number}).out.find("Somebody is on the way.") != std::string::npos);
  device({"reply", number, "Seal replaced."});
  device({"sync"});
  const Json read = api.good(Json::object({{"action", Json("get_ticket")}, {"ticket_id", made["id"]}}));
  REQUIRE(read["messages"].size() == 3);
  CHECK(read["messages"].items()[2]["message"] == Json("Seal replaced."));
  CHECK(read["messages"].items()[2]["author_name"] == Json("bob"));
}

TEST_CASE("forms and multipart bodies are read like JSON, and a key that is revoked opens nothing", "[api][process]") {
  ApiDesk desk;
  const Api api(desk.server, desk.key);
  const ApiAnswer form = api.post("/api/admin", {"-d", "action=create_ticket&subject=By+form&description=caf%C3%A9"});
  CHECK(form.status == 200);
  const std::string id = to_text(form.body["data"]["id"]);
  const ApiAnswer parts =
      api.post("/api/admin.php", {"-F", "action=add_message", "-F", "ticket_id=" + id, "-F", "message=in parts"});
  INFO(to_text(parts.body));
  CHECK(parts.status == 200);
  CHECK(parts.body["data"]["message"] == Json("in parts"));
  const ApiAnswer file = api.post("/api/admin.php", {"-F", "action=edit_message", "-F", "message_id=1", "-F",
                                                     "message=with a file", "-F", "files[]=@/etc/hostname"});
  CHECK(file.status == 400);
  CHECK(file.body["field"] == Json("files"));
  desk.server.admin({"key", "revoke", "Monitoring"});
  const ApiAnswer revoked = api.json(Json::object({{"action", Json("list_tickets")}}));
  CHECK(revoked.status == 403);
  CHECK(revoked.body["code"] == Json("key_revoked"));
  CHECK(api.json(Json::object(), "/api/v1/list_tickets").status == 401);
}

TEST_CASE("a file that curl sends with a message comes back whole, also after the server was killed",
          "[api][files][process]") {
  ApiDesk desk;
  const Api api(desk.server, desk.key);
  const Json made = api.good(
      Json::object({{"action", Json("create_ticket")}, {"subject", Json("Pump")}, {"description", Json("Leaks.")}}));
  std::string content = "%PDF-1.7 ";
  for (int i = 0; content.size() < 5'000'000; ++i) content += std::to_string(i) + "\n";
  const std::string sent = desk.folder.file("report.pdf"), got = desk.folder.file("got");
  std::ofstream(sent, std::ios::binary) << content;
  const ApiAnswer answer =
      api.post("/api/admin.php", {"-F", "action=add_message", "-F", "ticket_id=" + to_text(made["id"]), "-F",
                                  "message=The report.", "-F", "files[]=@" + sent, "-F", "files[]=@/etc/hostname"});
  INFO(to_text(answer.body));
  REQUIRE(answer.status == 200);
  compare_shape(api_fixture("add_message")["response"]["data"], answer.body["data"], "data");
  REQUIRE(answer.body["data"]["files"].size() == 2);
  const Json file = answer.body["data"]["files"].items()[0];
  CHECK(file["mime"] == Json("application/pdf"));
  desk.server.kill_hard();
  desk.server.start();
  const auto download = [&](const Words& more) {
    Words words = {"/usr/bin/curl",
                   "-sS",
                   "-o",
                   got,
                   "-w",
                   "%{http_code} %{content_type}",
                   "-H",
                   "X-Api-Key: " + desk.key,
                   desk.server.url() + "/api/files/" + to_text(file["id"])};
    words.insert(words.end(), more.begin(), more.end());
    return run({words}).out;
  };
  CHECK(download({}) == "200 application/pdf");
  CHECK(content_of(got) == content);
  // What was cut is fetched on from where it was.
  std::ofstream(got, std::ios::binary | std::ios::trunc) << content.substr(0, 1'234'567);
  CHECK(download({"-C", "-"}) == "206 application/pdf");
  CHECK(content_of(got) == content);
}

TEST_CASE("ids of messages are the same after a backup was restored, and none is given twice", "[api][process]") {
  ApiDesk desk;
  const Api api(desk.server, desk.key);
  const Json made = api.good(
      Json::object({{"action", Json("create_ticket")}, {"subject", Json("Pump")}, {"description", Json("It leaks.")}}));
  const auto say = [&](const std::string& text) {
    return api
        .good(Json::object({{"action", Json("add_message")}, {"ticket_id", made["id"]}, {"message", Json(text)}}))["id"]
        .as_integer();
  };
  const std::int64_t kept = say("kept");
  const std::string first = desk.server.admin({"key", "add", "Second"}).line()["key"].as_string();
  Api by_client(desk.server, "");
  by_client.client_token = api.good(Json::object(
      {{"action", Json("create_client_token")}, {"portal_domain", Json("client.bitrix24.kz")}}))["token"]
                               .as_string();
  const Json list = Json::object({{"action", Json("list_tickets")}});
  CHECK(by_client.json(list, "/api/client.php").status == 200);
  desk.server.admin({"backup", "--to", desk.folder.file("backup.tern")});
  const std::int64_t lost = say("lost");
  const std::string second = desk.server.admin({"key", "regenerate", "Second"}).line()["key"].as_string();
  desk.server.stop();
  desk.server.admin({"restore", "--from", desk.folder.file("backup.tern"), "--recovery-key-stdin", "--replace"},
                    desk.server.recovery_key() + "\n");
  desk.server.start();
  const Json read = api.good(Json::object({{"action", Json("get_ticket")}, {"ticket_id", made["id"]}}));
  REQUIRE(read["messages"].size() == 2);
  CHECK(read["messages"].items()[1]["id"] == Json(kept));
  CHECK(say("after") > lost);
  CHECK(Api(desk.server, first).json(list).body["code"] == Json("key_revoked"));
  CHECK(Api(desk.server, second).json(list).body["code"] == Json("key_unknown"));          // made in what was given up
  CHECK(by_client.json(list, "/api/client.php").body["code"] == Json("session_unknown"));  // taken back since, maybe
  check_verified(desk.server);
}

#ifdef TERN_TEST_CRASH_POINTS
TEST_CASE("a server that is killed before it has answered does not write a message twice when it is sent again",
          "[api][process][kill]") {
  ApiDesk desk;
  const Api api(desk.server, desk.key);
  const Json made = api.good(
      Json::object({{"action", Json("create_ticket")}, {"subject", Json("Pump")}, {"description", Json("It leaks.")}}));
  std::size_t messages = 1;
  for (const char* const point : {"before_commit:1", "after_commit:1"}) {
    INFO(point);
    const Words once = {
        "-H",
        "Content-Type: application/json",
        "-H",
        std::string("Idempotency-Key: ") + point,
        "-d",
        to_text(Json::object(
            {{"action", Json("add_message")}, {"ticket_id", made["id"]}, {"message", Json("On the way.")}}))};
    desk.server.stop();
    desk.server.start({}, {{"TERN_CRASH_AT", point}});
    Words words = {"/usr/bin/curl", "-sS", "-H", "X-Api-Key: " + desk.key, desk.server.url() + "/api/admin.php"};
    words.insert(words.end(), once.begin(), once.end());
    CHECK(run({words}).exit_code != 0);  // no answer
    desk.server.kill_hard();
    desk.server.start();
    const Json first = api.post("/api/admin.php", once).body["data"],
               again = api.post("/api/admin.php", once).body["data"];
    CHECK(first["message"] == Json("On the way."));
    CHECK(again == first);
    const Json read = api.good(Json::object({{"action", Json("get_ticket")}, {"ticket_id", made["id"]}}));
    CHECK(read["messages"].size() == ++messages);
  }
  check_verified(desk.server);
}
#endif

}  // namespace tern::test
