// A house from which webhooks and mails go out, and where they arrive.
#pragma once

#include <algorithm>
#include <filesystem>
#include <functional>
#include <memory>
#include <utility>

#include "office.hpp"
#include "tern/protocol/base64.hpp"
#include "tern/server/egress.hpp"
#include "tern/sqlite/database.hpp"

namespace tern::test {

/// Where everything that goes out of a house arrives.
class Outside : public server::Egress {
public:
  Result<int> post(const server::WebPost& post) override {
    posts.push_back(post);
    if (meanwhile) std::exchange(meanwhile, nullptr)();
    if (web == 0) return fail(ErrorCode::no_connection, "cannot be reached");
    return web;
  }
  Result<server::MailAnswer> mail(const server::MailServer& server, const server::MailPost& post) override {
    servers.push_back(server);
    mails.push_back(post);
    if (smtp == 0) return fail(ErrorCode::no_connection, "cannot be reached");
    return server::MailAnswer{smtp, refuses_message};
  }
  Result<server::WebAnswer> fetch(const server::WebAsk&) override {
    return fail(ErrorCode::no_connection, "cannot be reached");
  }
  [[nodiscard]] bool allows(const std::string&, std::uint16_t) const override { return false; }
  void stop() override {}

  int web = 204, smtp = 250;
  bool refuses_message = false;     // what `smtp` says is said of the message
  std::function<void()> meanwhile;  // done once, while a webhook is being posted
  std::vector<server::WebPost> posts;
  std::vector<server::MailServer> servers;
  std::vector<server::MailPost> mails;
};

inline Json body_of(const server::WebPost& post) {
  return must(parse_json(post.body));
}

inline std::string text_of_mail(const server::MailPost& mail) {
  std::string packed = mail.content.substr(mail.content.find("\r\n\r\n") + 4);
  std::erase_if(packed, [](char c) { return c == '\r' || c == '\n'; });
  const auto text = from_base64(packed);
  REQUIRE(text.has_value());
  return *text;
}

inline std::unique_ptr<sqlite::Database> file_at(const std::string& path) {
  sqlite::OpenOptions options;
  options.path = path;
  return must(sqlite::Database::open(options));
}

/// A house with a way out, a customer with an address, and people at the panel.
struct SendingRoom : Office {
  SendingRoom() : Office({{"operator_id", Json("ann")}}) {
    connect();
    house.command(cmd("organisation add", {{"name", Json("Client Ltd")}, {"portal_domain", Json("client.example")}}));
    token = good(act(
        "create_client_token",
        {{"portal_domain", Json("client.example")}, {"user_id", Json(7)}, {"user_name", Json("Joe Smith")}}))["token"]
                .as_string();
    static_cast<void>(of_joe("His first"));  // makes his record
    house.command(cmd("contact set", {{"name", Json("Joe Smith")}, {"email", Json("joe@customer.example")}}));
  }
  void log_joe_in() {
    token = good(act(
        "create_client_token",
        {{"portal_domain", Json("client.example")}, {"user_id", Json(7)}, {"user_name", Json("Joe Smith")}}))["token"]
                .as_string();
  }
  void connect() {
    house.core->use_egress(
        outside, [](const std::function<void()>& work) { work(); }, 4);
  }
  /// As many seconds of the server, each with its tick.
  void go_on(std::int64_t ms = 1'000) {
    house.environment.advance(ms);
    for (int i = 0; i < 5; ++i) house.tick();
  }
  Json add_hook(const std::string& owner = "ann", std::initializer_list<Json> events = {}) {
    Json add = cmd("webhook add",
                   {{"name", Json("Billing")}, {"url", Json("https://billing.example/tern")}, {"owner", Json(owner)}});
    if (events.size() > 0) add.set("event", Json::array(events));
    return house.command(add);
  }
  void set_mail(std::initializer_list<Json::Member> more = {}) {
    Json set = cmd("mail set", {{"host", Json("smtp.pumps.example")},
                                {"from", Json("support@pumps.example")},
                                {"user", Json("support")},
                                {"password", Json("mail secret")}});
    for (const auto& [name, value] : more) set.set(name, value);
    house.command(set);
  }
  Json log(const std::string& command = "webhook log") {
    Json ask = cmd(command);
    if (command == "webhook log") ask.set("name", Json("Billing"));
    return house.command(ask)["rows"];
  }
  bool hook_is_on() { return house.command(cmd("webhook list"))["rows"].items()[0]["active"] == Json(true); }
  /// The tenant's file, beside the server.
  std::unique_ptr<sqlite::Database> file() {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(house.options().directory))
      if (entry.path().filename() == "tern.db") return file_at(entry.path());
    return nullptr;
  }
  Json of_joe(const std::string& subject = "Pump leaks") {
    return good_of_client(act("create_ticket", {{"subject", Json(subject)}, {"description", Json("In hall 2.")}}),
                          token)["id"];
  }
  Json on(const char* action, const Json& ticket, std::initializer_list<Json::Member> more = {}) const {
    Json out = act(action, more);
    out.set("ticket_id", ticket);
    return out;
  }
  Json reply(const Json& ticket, const std::string& words) {
    return good(on("add_message", ticket, {{"message", Json(words)}}));
  }
  std::vector<std::string> events() const {
    std::vector<std::string> out;
    for (const auto& post : outside.posts) out.push_back(body_of(post)["event"].as_string());
    return out;
  }

  std::int64_t operator_id(const std::string& name) {
    const Json all = good(act("list_operators"));
    for (const Json& one : all.items())
      if (one["name"] == Json(name)) return one["id"].as_integer();
    return 0;
  }
  void give(const Json& ticket, const std::string& name) {
    good(on("reassign_ticket", ticket, {{"assigned_to", Json(operator_id(name))}, {"reason", Json("yours")}}));
  }

  Outside outside;
  std::string token;
};

}  // namespace tern::test
