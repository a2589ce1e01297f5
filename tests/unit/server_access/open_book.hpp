// A house in which every kind of secret is put to use, and everything that came out of it.
#pragma once

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "overheard.hpp"
#include "side.hpp"
#include "support/drawing_heard.hpp"
#include "support/issuer.hpp"
#include "support/totp.hpp"

namespace tern::test {

/// Where everything that goes out arrives, and an issuer.
class Beyond final : public Outside {
public:
  Beyond(Issuer& issuer, std::vector<Heard>& heard) : issuer_(issuer), heard_(heard) {}
  Result<int> post(const server::WebPost& post) override {
    std::string text = post.url + "\n" + post.body;
    for (const auto& [name, value] : post.headers) text += "\n" + name + ": " + value;
    heard_.push_back({"webhook", text, {}, post.url});
    return Outside::post(post);
  }
  Result<server::MailAnswer> mail(const server::MailServer& server, const server::MailPost& post) override {
    heard_.push_back({"mail server", server.user + "\n" + server.password, {}, server.host});
    heard_.push_back({"mail to " + post.recipient,
                      post.content.substr(0, post.content.find("\r\n\r\n")) + "\n" + text_of_mail(post),
                      {},
                      post.recipient});
    return Outside::mail(server, post);
  }
  Result<server::WebAnswer> fetch(const server::WebAsk& what) override {
    std::string authorization, text = what.url + "\n" + what.body;
    for (const auto& [name, value] : what.headers) {
      text += "\n" + name + ": " + value;
      if (name == "Authorization") authorization = value;
    }
    heard_.push_back({"issuer", text, {}, what.url});
    const auto [status, body] =
        issuer_.answer(what.method, what.url.substr(issuer_.address.size()), authorization, what.body);
    return server::WebAnswer{status, body};
  }

private:
  Issuer& issuer_;
  std::vector<Heard>& heard_;
};

struct OpenBook {
  House house;
  DrawingHeard drawing{house.environment};
  std::vector<Heard> heard;
  std::vector<std::pair<std::string, std::string>> said;  // secrets that nobody had to tell
  Issuer issuer{"https://id.pumps.example", [this] { return house.environment.wall_ms(); }};
  Beyond beyond{issuer, heard};
  std::unique_ptr<Side> side;

  OpenBook() {
    open();
    say("recovery key", house.recovery_key);
    say("password", "a good password");
    side = std::make_unique<Side>(house, "Pumps", "-ofa");
    say("password", "a password of admin-ofa");
  }
  ~OpenBook() { house.core.reset(); }

  void open() {
    house.core.reset();
    house.core = std::make_unique<CoreHeard>(must(server::ServerCore::open(house.options(), drawing)), heard);
    house.core->use_egress(
        beyond, [](const std::function<void()>& work) { work(); }, 4);
  }
  void say(const std::string& name, const std::string& value) { said.emplace_back(name, value); }
  Json run(const std::string& name, std::initializer_list<Json::Member> members = {}) {
    return side->run(name, members);
  }
  void go_on(int seconds = 30) {
    for (int i = 0; i < seconds; ++i) {
      house.environment.advance(1'000);
      house.tick();
    }
  }
  server::Response ask(const Json& request, const char* header = nullptr, const std::string& value = {},
                       const std::string& path = "/api/admin.php") {
    return side->send(request, path, header, value);
  }
  Json good(const server::Response& answer) {
    INFO(answer.body);
    REQUIRE(answer.status == 200);
    return must(parse_json(answer.body, {.decimals = true}))["data"];
  }
  server::Response raw(const std::string& target, const std::string& body, std::vector<server::Header> headers = {},
                       const std::string& method = "POST") {
    house.environment.advance(2'000);
    server::Request request;
    request.method = method;
    request.target = target;
    request.headers = std::move(headers);
    request.body = server::RequestBody(body);
    return house.send(request);
  }
  std::string mailed(std::string_view start, std::string_view ends_before) const {
    std::string out;
    for (const server::MailPost& mail : beyond.mails) {
      const std::string text = text_of_mail(mail);
      if (const auto at = text.find(start); at != std::string::npos)
        out = text.substr(at + start.size(), text.find_first_of(ends_before, at) - at - start.size());
    }
    REQUIRE_FALSE(out.empty());
    return out;
  }

  // ---- each kind of secret is put to use ----

  void set_up() {
    run("mail set", {{"host", Json("smtp.pumps.example")},
                     {"from", Json("support@pumps.example")},
                     {"user", Json("support")},
                     {"password", Json("the password of a mail server")}});
    say("mail password", "the password of a mail server");
    run("operator set", {{"operator", Json("ann-ofa")}, {"password", Json("the first password of ann")}});
    say("password", "the first password of ann");
    run("webhook add",
        {{"name", Json("Hook")}, {"url", Json("https://hook.example/tern")}, {"owner", Json("ann-ofa")}});
    run("webhook rotate", {{"name", Json("Hook")}});
    issuer.secret = "the-secret-of-a-client";
    issuer.email = "ann-ofa@pumps.example";
    run("oidc set", {{"domain", Json("pumps.example")},
                     {"issuer", Json(issuer.address)},
                     {"client-id", Json("tern")},
                     {"client-secret", Json(issuer.secret)}});
    say("client secret", issuer.secret);
  }

  void use_devices() {
    Device device(house, "ann-ofa", "all", "Pumps");
    must(device.open_session());
    TicketId ticket;
    ticket.bytes.fill(7);
    device.push(device.create(ticket, "Offline"));
    device.download();
    for (const auto* key : {&device.keys.request, &device.keys.answer, &device.keys.frame_up, &device.keys.frame_down})
      say("key of a session", std::string(key->view()));
    say("key of a device", std::string(device.key.seed().view()));
    for (const char* target : {"/sync/v1/exchange", "/sync/v1/hello", "/sync/v1/session", "/sync/v1/enrol"})
      house.post(target, std::string(device.keys.request.view()));
  }

  void use_inbound() {
    const Json mapping = must(parse_json(R"({"subject":"{title}","description":"{text}","event_id":"{id}"})"));
    const std::string given = "a secret that a sender gave";
    const std::string made =
        run("inbound add", {{"name", Json("Alerts")}, {"proof", Json("token")}, {"mapping", mapping}})["secret"]
            .as_string();
    run("inbound add", {{"name", Json("Theirs")}, {"mapping", mapping}, {"secret", Json(given)}});
    say("inbound secret", given);
    run("inbound add", {{"name", Json("Chat")}, {"form", Json("whatsapp")}});
    const Json listed = run("inbound list");
    const std::string url = listed["rows"].items().front()["url"].as_string(), path = url.substr(url.find("/api/"));
    for (const std::string body :
         {R"({"id":"1","title":"Pump leaks","text":"In hall 2."})",
          R"({"id":"2","text":"no title","token":"@","deep":[{"x":"Bearer @","api_key":"@"}]})", R"({"id":"3","te)",
          "@", R"({"@":"@"})"})
      for (const char* name : {"x-hook-token", "apikey", "authorization"})
        raw(path, with_all(body, "@", made),
            {{name, std::string_view(name) == "authorization" ? "Bearer " + made : made},
             {"content-type", "application/json"}});
    raw("/api/channel-webhook.php?type=whatsapp&apikey=" + made, R"({"apikey":")" + made + R"(","entry":[]})",
        {{"content-type", "application/json"}});
    for (const char* name : {"Alerts", "Theirs", "Chat"}) run("inbound log", {{"name", Json(name)}});
    const Json alerts = run("inbound log", {{"name", Json("Alerts")}});
    for (const Json& row : alerts["rows"].items())
      static_cast<void>(house.try_command(
          cmd("inbound try", {{"tenant", Json("Pumps")}, {"name", Json("Alerts")}, {"n", row["n"]}})));
    run("inbound rotate", {{"name", Json("Alerts")}});
    for (const char* secret : {"123456:the-first-token-of-a-bot", "123456:another-token-of-a-bot"})
      say("channel secret", secret);
    const Json channel = good(side->send_as(
        "admin",
        act("create_channel",
            {{"type", Json("telegram")}, {"name", Json("Bot")}, {"secret", Json("123456:the-first-token-of-a-bot")}}),
        "/api/admin.php"));
    good(side->send_as(
        "admin",
        act("update_channel", {{"channel_id", channel["id"]}, {"secret", Json("123456:another-token-of-a-bot")}}),
        "/api/admin.php"));
  }

  void use_links() {
    const auto token_of = [](const std::string& link) { return link.substr(link.find('#') + 1); };
    const std::string made = run("operator reset-link", {{"operator", Json("ann-ofa")}})["link"].as_string();
    CHECK(ask(act("reset_password", {{"token", Json(token_of(made))}, {"password", Json("short")}})).status == 400);
    good(ask(
        act("reset_password", {{"token", Json(token_of(made))}, {"password", Json("the second password of ann")}})));
    say("password", "the second password of ann");
    good(ask(act("forgot_password", {{"login", Json("ann-ofa@pumps.example")}})));
    go_on();
    const std::string mailed_token = mailed("/reset#", "\r\n");
    say("reset link", mailed_token);
    good(ask(act("reset_password", {{"token", Json(mailed_token)}, {"password", Json("the third password of ann")}})));
    say("password", "the third password of ann");
  }

  void use_ratings() {
    side->renew();
    const Json ticket = good(
        side->send_as("client", act("create_ticket", {{"subject", Json("Leaks")}, {"description", Json("In hall 2.")}}),
                      "/api/client.php"))["id"];
    run("contact set", {{"name", Json("Client")}, {"email", Json("john@client-ofa.example")}});
    go_on();
    good(side->send_as("admin", act("complete_ticket", {{"ticket_id", ticket}, {"result", Json("Tightened.")}}),
                       "/api/admin.php"));
    go_on();
    const std::string token = mailed("/rate?token=", "&");
    say("rating link", token);
    CHECK(house.get("/rate?token=" + token + "&score=4").status == 200);
    CHECK(house.get("/rate?token=" + token + "&score=9").status == 400);
    CHECK(house.post("/rate", "token=" + token + "&score=4", "application/x-www-form-urlencoded").status == 200);
    CHECK(house.get("/rate?token=" + token + "&score=4").status == 404);
  }

  void use_logins() {
    const std::string login = "admin-ofa@pumps.example", password = "a password of admin-ofa";
    const Json begun =
        good(side->send_as("admin", act("begin_two_factor", {{"password", Json(password)}}), "/api/admin.php"));
    const auto code = [&] { return authenticator_code(begun["secret"].as_string(), house.environment.wall_ms()); };
    const Json codes = good(side->send_as("admin", act("confirm_two_factor", {{"code", Json(code())}}),
                                          "/api/admin.php"))["recovery_codes"];
    house.environment.advance(60'000);
    const auto log_in = [&](const char* action, const std::string& with) {
      return ask(act(action, {{"login", Json(login)}, {"password", Json(password)}, {"code", Json(with)}}));
    };
    good(log_in("mobile_login", code()));
    good(log_in("admin_login", codes.items()[0].as_string()));
    CHECK(log_in("admin_login", codes.items()[0].as_string()).status == 403);  // good once
    good(side->send_as("admin", act("create_mobile_token"), "/api/admin.php"));
    good(side->send_as("admin", act("end_two_factor", {{"code", codes.items()[1]}}), "/api/admin.php"));
    good(side->send_as("admin", act("begin_two_factor", {{"password", Json(password)}}), "/api/admin.php"));
    house.environment.advance(60'000);
    const Json sent = good(ask(act("oidc_begin", {{"domain", Json("pumps.example")}})));
    const std::string url = sent["url"].as_string(), of_issuer = issuer.authorise(url);
    good(ask(act("oidc_finish",
                 {{"state", Json(query_value(url, "state"))}, {"code", Json(of_issuer)}, {"proof", sent["proof"]}})));
    const std::string token = issuer.token(issuer.claims());
    say("ID token", token);
    good(ask(act("list_tickets", {{"domain", Json("pumps.example")}, {"auth_token", Json(token)}})));
    CHECK(ask(act("list_tickets", {{"domain", Json("pumps.example")}, {"auth_token", Json(token + "x")}})).status ==
          403);
  }

  /// What was answered is asked for again under the same key: nobody is shown it twice.
  void ask_again() {
    for (const char* stem : {"create_api_key", "create_webhook", "create_client_token", "create_mobile_token"}) {
      Json request = side->request_of_fixture(fixture_of(stem));
      if (request.find("name") != nullptr) request.set("name", Json(std::string("Again ") + stem));
      if (request.find("operator_id") != nullptr) request.set("operator_id", Json());  // of nobody
      for (int i = 0; i < 2; ++i) {
        house.environment.advance(2'000);
        server::Request sent;
        sent.method = "POST";
        sent.target = "/api/admin.php";
        sent.headers = {{"content-type", "application/json"},
                        {"idempotency-key", std::string("again-") + stem},
                        {"cookie", session()}};
        sent.body = server::RequestBody(to_text(request));
        const auto answer = house.send(sent);
        INFO(stem << ' ' << answer.body);
        CHECK(answer.status == 200);
        CHECK((answer.header("idempotency-replayed") == "true") == (i == 1));
      }
    }
  }
  /// Of a login of now.
  std::string session() {
    const auto answer = ask(act(
        "admin_login", {{"login", Json("admin-ofa@pumps.example")}, {"password", Json("a password of admin-ofa")}}));
    REQUIRE(answer.status == 200);
    const std::string cookie(answer.header("set-cookie"));
    return cookie.substr(0, cookie.find(';'));
  }

  // ---- all that says something is asked ----

  void ask_everybody() {
    for (const server::AdminCommand& command : server::api_actions()) {
      const std::string surface(server::surface_name(command.api->surface)), action(command.api->action),
          stem = surface == "admin" ? action : surface + "." + action;
      if (stem == "admin_login" || stem == "forgot_password" || elsewhere().contains(stem)) continue;
      for (const char* by : {"admin", "", "program", "mobile", "client", "nobody"})
        if (!stem.ends_with("_api_key") && stem != "remove_operator")
          side->send_as(by, side->request_of_fixture(fixture_of(stem)), path_of(stem));
    }
  }

  void list_and_export() {
    int listed = 0;
    for (const server::AdminCommand& command : server::admin_commands()) {
      const std::string name(command.name);
      const bool needs_more = std::ranges::any_of(command.args, [](const auto& arg) { return arg.required; });
      const bool reads = name.ends_with(" list") || name.ends_with(" show") || name.ends_with(" log") ||
                         name.starts_with("report") || name == "status" || name == "recovery" || name == "verify";
      if (!reads || needs_more || command.where == server::AdminWhere::offline_only) continue;
      Json asked = cmd(name);
      if (command.needs_tenant) asked.set("tenant", Json("Pumps"));
      CHECK(house.try_command(asked));
      ++listed;
    }
    CHECK(listed > 20);
    run("webhook log", {{"name", Json("Hook")}});
    run("erase", {{"list", Json(true)}});
    for (const char* what :
         {"tickets", "messages", "history", "records", "clients", "contacts", "operators", "categories", "queues",
          "tags", "fields", "tariffs", "calendars", "sla-rules", "quick-replies", "macros", "articles"})
      for (const char* format : {"jsonl", "csv"})
        if (std::string_view(what) != "records" || std::string_view(format) == "jsonl")
          run("export", {{"what", Json(what)}, {"format", Json(format)}});
    write_file("export", {{"format", Json("ledger")}});
    write_file("person export", {{"contact", Json("Client")}, {"format", Json("html")}});
    run("export", {{"portable", Json(true)}});
    run("person export", {{"contact", Json("Client")}});
    write_file("backup", {});
  }
  void write_file(const std::string& name, std::initializer_list<Json::Member> members) {
    const std::string to = house.folder.file("out-" + std::to_string(++files_));
    Json command = cmd(name, members);
    if (name != "backup") command.set("tenant", Json("Pumps"));
    command.set("to", Json(to));
    house.command(command);
    heard.push_back({"file of " + name, content_of(to), {}, to_text(command)});
  }

  /// Secrets said where they are wrong: what refuses them does not say them again.
  void refuse(const std::map<std::string, std::string>& one_of_each) {
    std::set<std::string_view> args;
    for (const server::AdminCommand& command : server::api_actions())
      for (const server::AdminArg& arg : command.args)
        if (arg.kind == server::ArgKind::secret) args.insert(arg.name);
    for (const char* name : {"token", "code", "proof", "state", "mobile_token", "ticket_secret", "auth_token"})
      args.insert(name);
    for (const auto& [kind, secret] : one_of_each) {
      if (!is_valid_utf8(secret)) continue;
      for (const char* header : {"x-api-key", "x-client-token", "x-mobile-token", "x-hook-token", "tern-auth"})
        for (const char* path : {"/api/admin.php", "/api/client.php", "/sync/v1/exchange"})
          raw(path, R"({"action":"no_such_action"})", {{header, secret}, {"content-type", "application/json"}});
      raw("/api/admin.php", R"({"action":"no_such_action"})",
          {{"cookie", "__Host-tern=" + secret}, {"content-type", "application/json"}});
      std::string plain = secret;
      std::erase_if(plain, [](char c) { return c == ' ' || c == ':'; });
      for (const char* target :
           {"/api/admin.php?api_key=", "/rate?token=", "/sign-in?code=", "/reset?token=", "/metrics?", "/healthz?",
            "/api/files/7?token=", "/api/channel-webhook.php?type=email&hook="})
        for (const char* method : {"GET", "POST", "PUT"}) raw(target + plain, {}, {}, method);
      for (const std::string& body : std::initializer_list<std::string>{
               "{\"action\":\"admin_login\",\"password\":\"" + secret,
               "{\"password\":\"" + secret + "\",\"password\":\"x\"}", "[\"" + secret + "\"]",
               "password=" + secret + "%", "{\"action\":\"" + secret + "\"}",
               "{\"action\":\"admin_login\",\"password\":" + secret + "}"})
        for (const char* type : {"application/json", "application/x-www-form-urlencoded", "text/plain"})
          raw("/api/admin.php", body, {{"content-type", type}});
    }
    const std::string secret = one_of_each.at("password");
    for (const server::AdminCommand& command : server::api_actions()) {
      const std::string surface(server::surface_name(command.api->surface)), action(command.api->action),
          stem = surface == "admin" ? action : surface + "." + action;
      for (const server::AdminArg& arg : command.args) {
        if (!args.contains(arg.name) || stem == "reset_password") continue;
        for (const Json& wrong : {Json::array({Json(secret)}), Json::object({{"x", Json(secret)}}), Json(secret + "\n"),
                                  Json(secret + std::string(70'000, 'x'))}) {
          Json request = side->request_of_fixture(fixture_of(stem));
          request.set(std::string(arg.name), wrong);
          side->send_as("admin", request, path_of(stem));
        }
      }
    }
    for (const server::AdminCommand& command : server::admin_commands()) {
      if (command.where == server::AdminWhere::offline_only) continue;
      for (const server::AdminArg& arg : command.args) {
        if (arg.kind != server::ArgKind::secret) continue;
        for (const Json& wrong : {Json(secret), Json(secret + "\n"), Json(7), Json(secret + std::string(2'000, 'x'))}) {
          Json asked = cmd(std::string(command.name));
          for (const server::AdminArg& other : command.args)
            if (other.kind == server::ArgKind::text && !other.repeated)
              asked.set(std::string(other.name), Json("there is none"));
          asked.set(std::string(arg.name), wrong);
          if (command.needs_tenant) asked.set("tenant", Json("Pumps"));
          INFO(command.name);
          CHECK_FALSE(house.try_command(asked));
        }
      }
    }
  }
  /// At the directory of a server that does not run.
  void work_offline() {
    house.core.reset();
    read_files();
    const std::string backup = house.folder.file("out-" + std::to_string(files_));
    const std::string key = house.recovery_key;
    const auto offline = [&](const std::string& name, std::initializer_list<Json::Member> members) {
      const auto answer = server::ServerCore::administer_offline(house.options(), cmd(name, members), drawing);
      heard.push_back(answer ? Heard{"command " + name, to_text(*answer), to_text(*answer), name}
                             : Heard{"refusal", answer.error().message + answer.error().hint, {}, name});
    };
    for (const std::string& wrong : {key + "-AAAA", key.substr(0, key.size() - 1) + "*", std::string("x")}) {
      offline("restore", {{"from", Json(backup)}, {"recovery-key", Json(wrong)}, {"replace", Json(true)}});
      offline("keys replace", {{"recovery-key", Json(wrong)}});
    }
    offline("restore", {{"from", Json("/nowhere")}, {"recovery-key", Json(key)}});
    offline("restore", {{"from", Json(backup)}, {"recovery-key", Json(key)}, {"replace", Json(true)}});
    offline("keys replace", {{"recovery-key", Json(key)}, {"stolen", Json(true)}});
    read_files();
    open();
  }
  /// What the server keeps, by file: with what has not been checkpointed yet.
  void read_files() {
    const std::filesystem::path root = house.options().directory;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
      if (!entry.is_regular_file()) continue;
      std::string name = entry.path().filename();
      const bool is_key = entry.path().extension() == ".key" && entry.path().parent_path().filename() == "keys";
      if (is_key) say("key of the server", content_of(entry.path()));
      name = is_key ? "keys" : name.substr(0, name.find("-wal"));
      heard.push_back({name, content_of(entry.path()), {}, entry.path()});
    }
  }

private:
  int files_ = 0;
};

}  // namespace tern::test
