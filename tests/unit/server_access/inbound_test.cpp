// Webhooks of others, from what they post to tickets (docs/inbound.md).
#include <filesystem>

#include "inbound/inbound_desk.hpp"
#include "inbound/inbound_event.hpp"
#include "inbound/inbound_request.hpp"
#include "inbound/inbound_text.hpp"
#include "inbound/template_text.hpp"
#include "office.hpp"
#include "outgoing/mail_form.hpp"
#include "support/persist.hpp"
#include "tern/protocol/base64.hpp"
#include "tern/protocol/crypto.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/server/egress.hpp"
#include "tern/sqlite/database.hpp"

namespace tern::test {
namespace {

Json parsed(const std::string& text) {
  return must(parse_json(text, {.decimals = true}));
}

const std::string alert_mapping =
    R"({"subject":"{alert.title}","description":"{alert.text} on {hosts.0|host}","message":"Again: {alert.text}",)"
    R"("event_id":"{id}","key":"{alert.fingerprint}","category":"infrastructure",)"
    R"("priority":{"from":"{severity}","map":{"critical":"urgent","info":"low"},"otherwise":"normal"}})";

Json alert(const std::string& id, const std::string& severity = "critical", const std::string& print = "disk-db1") {
  return parsed(R"({"id":")" + id + R"(","severity":")" + severity +
                R"(","hosts":["db1"],"alert":{"title":"Disk full",)" + R"("text":"95 %","fingerprint":")" + print +
                R"("},"password":"CANARY-PASSWORD"})");
}

/// An office that programs of others post to.
struct Gate : Office {
  std::string path, secret;

  explicit Gate(const std::string& mapping = alert_mapping) : Office({{"operator_id", Json("ann")}}) {
    house.command(cmd("category add", {{"name", Json("Infrastructure")}, {"code", Json("infrastructure")}}));
    const Json made = house.command(cmd("inbound add", {{"name", Json("Alerts")}, {"mapping", parsed(mapping)}}));
    path = path_of(made);
    secret = made["secret"].as_string();
  }
  static std::string path_of(const Json& hook) {
    const std::string& url = hook["url"].as_string();
    return url.substr(url.find("/api/"));
  }
  /// A hook of another form.
  Json made(const char* name, const char* form, const char* proof = nullptr) {
    Json ask = cmd("inbound add", {{"name", Json(name)}, {"form", Json(form)}});
    if (proof != nullptr) ask.set("proof", Json(proof));
    return house.command(ask);
  }
  /// Its secret.
  std::string add(const char* name, const char* form, const char* proof = nullptr) {
    return made(name, form, proof)["secret"].as_string();
  }
  server::Response post(const Bytes& body, std::vector<server::Header> headers = {}, const std::string& to = {},
                        const std::string& type = "application/json") {
    server::Request request;
    request.method = "POST";
    const std::string target = to.empty() ? path : to;
    request.target = target;
    request.headers = std::move(headers);
    request.headers.push_back({"content-type", type});
    request.body = server::RequestBody(body);
    return house.send(request);
  }
  server::Response alarm_from(const std::string& peer) {
    server::Request request;
    request.method = "POST";
    request.target = path;
    const Bytes body = to_text(alert("1"));
    request.headers = {signature(body), {"content-type", "application/json"}};
    request.peer_address = peer;
    request.body = server::RequestBody(body);
    return house.send(request);
  }
  server::Header signature(const Bytes& body) const {
    return {"x-hub-signature-256", "sha256=" + to_hex(protocol::hmac_sha256(secret, body))};
  }
  server::Response alarm(const Json& what) {
    const Bytes body = to_text(what);
    return post(body, {signature(body)});
  }
  Json data(const server::Response& answer) {
    INFO(answer.body);
    REQUIRE(answer.status == 200);
    return parsed(answer.body)["data"];
  }
  Json ticket(const Json& id) { return good(act("get_ticket", {{"ticket_id", id}})); }
  Json log(const char* name = "Alerts") { return house.command(cmd("inbound log", {{"name", Json(name)}}))["rows"]; }
  std::int64_t tickets() { return good(act("list_tickets"))["total"].as_integer(); }
  server::Response chat(const std::string& body, const std::string& token,
                        const std::string& to = "/api/channel-webhook.php?type=telegram") {
    return post(body, {{"x-telegram-bot-api-secret-token", token}}, to);
  }
};

/// Where mails of a house arrive.
class MailBox : public server::Egress {
public:
  Result<int> post(const server::WebPost&) override { return 204; }
  Result<server::WebAnswer> fetch(const server::WebAsk&) override { return server::WebAnswer{404, {}}; }
  Result<server::MailAnswer> mail(const server::MailServer&, const server::MailPost& post) override {
    mails.push_back(post);
    return server::MailAnswer{250, false};
  }
  [[nodiscard]] bool allows(const std::string&, std::uint16_t) const override { return false; }
  void stop() override {}
  std::vector<server::MailPost> mails;
};

std::string telegram(int update, const std::string& text, int chat = 77) {
  return R"({"update_id":)" + std::to_string(update) + R"(,"message":{"message_id":5,"from":{"id":)" +
         std::to_string(chat) + R"(,"is_bot":false,"first_name":"Joe","last_name":"Smith"},"chat":{"id":)" +
         std::to_string(chat) + R"(,"type":"private"},"date":1772352000,"text":")" + text + R"("}})";
}

}  // namespace

TEST_CASE("what somebody's program posts becomes a ticket by its mapping, and goes on with it by its key",
          "[server][api][inbound]") {
  Gate gate;
  const Json made = gate.data(gate.alarm(alert("1")));
  CHECK(made["did"] == Json("created"));
  CHECK(made["repeated"] == Json(false));
  const Json id = made["ticket"]["id"];
  const Json shown = gate.ticket(id);
  CHECK(shown["ticket"]["subject"] == Json("Disk full"));
  CHECK(shown["ticket"]["description"] == Json("95 % on db1"));
  CHECK(shown["ticket"]["priority_exact"] == Json("urgent"));
  CHECK(shown["ticket"]["category"] == Json("infrastructure"));
  CHECK(shown["ticket"]["creator_name"] == Json("Alerts"));
  const Json again = gate.data(gate.alarm(alert("2")));
  CHECK(again["did"] == Json("continued"));
  CHECK(again["ticket"]["id"] == id);
  const Json note = gate.ticket(id)["messages"].items().back();
  CHECK(note["message"] == Json("Again: 95 %"));
  CHECK(note["is_note"] == Json(true));
  CHECK(note["author_name"] == Json("Alerts"));
  CHECK(gate.data(gate.alarm(alert("3", "critical", "disk-db2")))["did"] == Json("created"));
  gate.good(act("complete_ticket", {{"ticket_id", id}, {"result", Json("Cleaned up.")}}));
  CHECK(gate.data(gate.alarm(alert("4")))["ticket"]["id"] == id);
  CHECK(gate.ticket(id)["ticket"]["status_exact"] == Json("reopened"));
}

TEST_CASE("an event is done once, however often it is posted, also by a server that was ended",
          "[server][api][inbound]") {
  Gate gate;
  const Json first = gate.data(gate.alarm(alert("1")));
  Json again = gate.data(gate.alarm(alert("1", "info")));
  CHECK(again["repeated"] == Json(true));
  CHECK(again["ticket"] == first["ticket"]);
  gate.house.reopen();
  CHECK(gate.data(gate.alarm(alert("1")))["repeated"] == Json(true));
  CHECK(gate.tickets() == 1);
  CHECK(gate.ticket(first["ticket"]["id"])["messages"].size() == 1);
  CHECK(gate.log().size() == 1);
}

TEST_CASE("where a sender says no name of the event, the same bytes are the same event", "[server][api][inbound]") {
  Gate gate(R"({"subject":"{alert.title}","description":"{alert.text}"})");
  CHECK(gate.data(gate.alarm(alert("1")))["repeated"] == Json(false));
  CHECK(gate.data(gate.alarm(alert("1")))["repeated"] == Json(true));
  CHECK(gate.data(gate.alarm(alert("2")))["repeated"] == Json(false));
  const Bytes body = to_text(alert("3"));
  CHECK(gate.data(gate.post(body, {gate.signature(body), {"idempotency-key", "x"}}))["repeated"] == Json(false));
  const Bytes other = to_text(alert("4"));
  // A signature covers the body alone: a header gives what was captured no other name.
  CHECK(gate.data(gate.post(body, {gate.signature(body), {"idempotency-key", "y"}}))["repeated"] == Json(true));
  CHECK(gate.data(gate.post(other, {gate.signature(other), {"idempotency-key", "x"}}))["repeated"] == Json(false));
  CHECK(gate.tickets() == 4);
  const Json made =
      gate.house.command(cmd("inbound add", {{"name", Json("By token")},
                                             {"proof", Json("token")},
                                             {"mapping", parsed(R"({"subject":"x","description":"y"})")}}));
  const std::string url = made["url"].as_string(), to = url.substr(url.find("/api/"));
  const server::Header token{"x-hook-token", made["secret"].as_string()};
  CHECK(gate.data(gate.post(body, {token, {"idempotency-key", "x"}}, to))["repeated"] == Json(false));
  CHECK(gate.data(gate.post(other, {token, {"idempotency-key", "x"}}, to))["repeated"] == Json(true));
}

TEST_CASE("a request that maps to nothing is told why, and is kept without its secrets until it is tried again",
          "[server][api][inbound]") {
  Gate gate;
  const Json bad = parsed(R"({"id":"9","alert":{"text":"95 %"},"host":"db1","password":"CANARY-PASSWORD",)"
                          R"("deep":[{"api_key":"CANARY-KEY","note":"see )" +
                          gate.secret + R"("}],")" + gate.secret + R"(":"in a name"})");
  const auto refused = gate.alarm(bad);
  CHECK(refused.status == 422);
  CHECK(said(refused) == "unmapped");
  CHECK(said(refused, "field") == "subject");
  CHECK(said(refused, "detail").find("{alert.title}") != std::string::npos);
  gate.alarm(bad);
  const Json row = gate.log().items().front();
  CHECK(gate.log().size() == 1);
  CHECK(row["state"] == Json("refused"));
  CHECK(row["code"] == Json("unmapped"));
  CHECK(row["tries"] == Json(2));
  CHECK(row["request"]["alert"]["text"] == Json("95 %"));
  const std::string all = to_text(row);
  CHECK(all.find("CANARY") == std::string::npos);
  CHECK(all.find(gate.secret) == std::string::npos);
  CHECK(server::without_secrets(parsed(R"({"n":[12345678,1]})"), {"12345678", "", 0}) == R"({"n":["***",1]})");
  CHECK(server::without_secrets(parsed(R"({"n":"\u00112345678"})"), {"12345678", "", 0}) == R"({"n":"***"})");
  for (const std::string& line : gate.house.log) CHECK(line.find("CANARY") == std::string::npos);

  gate.house.command(cmd("inbound set", {{"name", Json("Alerts")},
                                         {"mapping", parsed(R"({"subject":"{alert.title|host}","event_id":"{id}",)"
                                                            R"("description":"{alert.text}"})")}}));
  const Json look = cmd("inbound try", {{"name", Json("Alerts")}, {"n", row["n"]}});
  CHECK(gate.house.command(look)["event"]["subject"] == Json("db1"));
  CHECK(gate.tickets() == 0);
  Json now = look;
  now.set("commit", Json(true));
  CHECK(gate.house.command(now)["did"] == Json("created"));
  CHECK(gate.data(gate.alarm(bad))["repeated"] == Json(true));
  CHECK(gate.tickets() == 1);
  CHECK(gate.log().items().front()["request"].is_null());
}

TEST_CASE("of what was refused the newest two hundred are kept", "[server][api][inbound]") {
  Gate gate;
  for (int i = 0; i < 210; ++i) {
    gate.house.environment.advance(1'000);
    CHECK(gate.alarm(parsed(R"({"id":")" + std::to_string(i) + R"("})")).status == 422);
  }
  const Json rows = gate.house.command(cmd("inbound log", {{"name", Json("Alerts")}, {"limit", Json(1000)}}))["rows"];
  CHECK(rows.size() == 200);
  gate.house.environment.advance(31LL * 86'400'000);
  for (int i = 0; i < 3; ++i) {
    gate.house.tick();
    gate.house.environment.advance(3'600'000);
  }
  CHECK(gate.log().size() == 0);  // also where nobody posts any more
}

TEST_CASE("who does not prove to know the secret is nobody, and a rotated secret counts for a while",
          "[server][api][inbound][security]") {
  const NothingFails once;
  Gate gate;
  const Bytes body = to_text(alert("1"));
  const server::Header good = gate.signature(body);
  CHECK(said(gate.post(body)) == "key_unknown");
  CHECK(gate.post(body).status == 401);
  CHECK(said(gate.post(body + " ", {good})) == "key_unknown");
  CHECK(said(gate.post(body, {{"x-hook-token", gate.secret}})) == "key_unknown");  // it is one that signs
  CHECK(said(gate.post(body, {good}, "/api/hook/00112233445566778899aabbccddeeff")) == "key_unknown");
  CHECK(said(gate.post(body, {good}, "/api/hook/x")) == "key_unknown");
  gate.house.command(cmd("inbound disable", {{"name", Json("Alerts")}}));
  CHECK(said(gate.post(body, {good})) == "key_unknown");
  gate.house.command(cmd("inbound enable", {{"name", Json("Alerts")}}));
  CHECK(gate.tickets() == 0);
  CHECK(gate.log().size() == 0);
  gate.secret = gate.house.command(cmd("inbound rotate", {{"name", Json("Alerts")}}))["secret"].as_string();
  CHECK(gate.post(body, {good}).status == 200);
  CHECK(gate.alarm(alert("2")).status == 200);
  gate.house.environment.advance(25 * 3'600'000);
  CHECK(said(gate.post(body, {good})) == "key_unknown");
  CHECK(gate.alarm(alert("3")).status == 200);
  gate.house.command(cmd("inbound remove", {{"name", Json("Alerts")}}));
  CHECK(said(gate.alarm(alert("4"))) == "key_unknown");
}

TEST_CASE("what this server signs when it sends, it takes when it comes in, while it is fresh",
          "[server][api][inbound][security]") {
  Gate gate;
  const Bytes body = to_text(alert("1"));
  const auto signed_at = [&](std::int64_t ms) {
    const std::string at = std::to_string(ms / 1'000);
    return server::Header{"tern-signature",
                          "t=" + at + ",v1=" + to_hex(protocol::hmac_sha256(gate.secret, at + "." + body))};
  };
  const std::int64_t now = gate.house.environment.wall_ms();
  CHECK(said(gate.post(body, {signed_at(now - 301'000)})) == "key_unknown");
  CHECK(said(gate.post(body, {signed_at(now + 302'000)})) == "key_unknown");
  CHECK(gate.post(body, {signed_at(now - 200'000)}).status == 200);
}

TEST_CASE("bodies are bounded, and requests of one address and to one webhook are",
          "[server][api][inbound][security]") {
  Gate gate;
  CHECK(gate.post(Bytes(1024 * 1024 + 1, ' ')).status == 413);
  for (const char* none : {"[1]", "{\"a\":"}) CHECK(gate.post(none, {gate.signature(none)}).status == 400);
  server::Response last;
  for (int i = 0; i < 301; ++i) last = gate.post("{}");
  CHECK(last.status == 429);
  CHECK(last.header("retry-after") != "");
}

TEST_CASE("what nobody proved is not read", "[server][api][inbound][security]") {
  Gate gate;
  const std::string broken = "{\"a\":", chat = telegram(1, "Hello");
  CHECK(said(gate.post(broken)) == "key_unknown");
  CHECK(said(gate.chat(broken, "wrong-token")) == "key_unknown");
  const std::string token = gate.add("Bot", "telegram");
  CHECK(said(gate.chat(broken, "wrong-token")) == "key_unknown");
  CHECK(gate.chat(broken, token).status == 400);
  // Whose body it signs a request has to say: nobody's are tried out.
  const Json hook = gate.made("Signed", "telegram", "hmac");
  const server::Header proof{"x-hub-signature-256",
                             "sha256=" + to_hex(protocol::hmac_sha256(hook["secret"].as_string(), chat))};
  CHECK(said(gate.post(chat, {proof}, "/api/channel-webhook.php?type=telegram")) == "key_unknown");
  CHECK(gate.tickets() == 0);
  CHECK(gate.post(chat, {proof}, Gate::path_of(hook)).status == 200);
  CHECK(gate.tickets() == 1);
}

TEST_CASE("a secret that the sender gave signs, however long it is", "[server][api][inbound][security]") {
  Gate gate;
  for (const std::size_t bytes : {8U, 31U, 33U, 200U}) {
    gate.secret = std::string(bytes, 's');
    gate.house.command(cmd("inbound rotate", {{"name", Json("Alerts")}, {"secret", Json(gate.secret)}}));
    CHECK(gate.alarm(alert(std::to_string(bytes))).status == 200);
    const Bytes body = to_text(alert("x" + std::to_string(bytes)));
    CHECK(said(gate.post(body, {{"x-hub-signature-256", "sha256=00"}})) == "key_unknown");
  }
}

TEST_CASE("mails prove themselves by Mailgun's fields or by a password", "[server][api][inbound][security]") {
  Gate gate;
  const Json gun = gate.made("Mailgun", "email", "mailgun"), grid = gate.made("SendGrid", "email");
  const auto mail = [&](const Json& hook, std::int64_t at_ms, const std::string& id, const std::string& secret) {
    const std::string at = std::to_string(at_ms / 1'000);
    return gate.post("from=joe@customer.example&subject=Pump&text=Words+" + id + "&timestamp=" + at + "&token=" + id +
                         "&signature=" + to_hex(protocol::hmac_sha256(secret, at + id)),
                     {}, Gate::path_of(hook), "application/x-www-form-urlencoded");
  };
  const std::int64_t now = gate.house.environment.wall_ms();
  const std::string secret = gun["secret"].as_string();
  CHECK(said(mail(gun, now - 901'000, "1", secret)) == "key_unknown");
  CHECK(said(mail(gun, now, "1", "another-secret")) == "key_unknown");
  CHECK(said(mail(grid, now, "1", grid["secret"].as_string())) == "key_unknown");
  CHECK(gate.tickets() == 0);
  CHECK(mail(gun, now - 800'000, "1", secret).status == 200);
  CHECK(gate.tickets() == 1);
  const auto with = [&](const std::string& pair) {
    return gate.post("from=joe@customer.example&subject=Pump&text=Words", {{"authorization", "Basic " + pair}},
                     Gate::path_of(grid), "application/x-www-form-urlencoded");
  };
  CHECK(said(with(to_base64("anybody:wrong-password"))) == "key_unknown");
  CHECK(said(with("%")) == "key_unknown");
  CHECK(with(to_base64("anybody:" + grid["secret"].as_string())).status == 200);
  CHECK(gate.tickets() == 2);
}

TEST_CASE("a webhook makes no categories: what nobody knows is told", "[server][api][inbound]") {
  Gate gate(R"({"subject":"{s}","description":"{s}","category":"{kind}"})");
  const auto categories = [&] { return gate.house.command(cmd("category list"))["rows"].size(); };
  const std::size_t before = categories();
  const Json event = parsed(R"({"s":"x","kind":"Pumps"})");
  const auto refused = gate.alarm(event);
  CHECK(refused.status == 422);
  CHECK(said(refused) == "unmapped");
  CHECK(said(refused, "field") == "category");
  CHECK(gate.tickets() == 0);
  CHECK(categories() == before);
  gate.house.command(cmd("category add", {{"name", Json("Pumps")}}));
  CHECK(gate.data(gate.alarm(event))["did"] == Json("created"));
  CHECK(gate.alarm(parsed(R"({"s":"x","kind":"telephony"})")).status == 200);  // one that integrations know
}

TEST_CASE("a customer is who has the address or the number now", "[server][api][inbound]") {
  Gate gate(R"({"subject":"{s}","description":"{s}","contact_email":"{mail}","contact_phone":"{phone}",)"
            R"("contact_name":"{name}","author":"contact"})");
  gate.house.command(
      cmd("contact add",
          {{"name", Json("Joe")}, {"email", Json("Joe@Customer.example")}, {"phone", Json("+44 1632 960961")}}));
  int n = 0;
  const auto who = [&](const char* member, const char* value) {
    Json event = parsed(R"({"name":"New","s":"x )" + std::to_string(++n) + "\"}");
    event.set(member, Json(value));
    const Json made = gate.data(gate.alarm(event));
    return gate.ticket(made["ticket"]["id"])["ticket"]["creator_name"].as_string();
  };
  CHECK(said(gate.alarm(parsed(R"({"s":"x"})"))) == "unmapped");  // a customer's own word, of nobody
  CHECK(who("mail", "joe@customer.EXAMPLE") == "Joe");
  CHECK(who("phone", "+441632960961") == "Joe");
  gate.house.command(cmd("contact set", {{"name", Json("Joe")}, {"email", Json("j@customer.example")}}));
  CHECK(who("mail", "j@customer.example") == "Joe");
  CHECK(who("mail", "joe@customer.example") == "New");
  gate.house.reopen();
  CHECK(who("mail", "j@customer.example") == "Joe");
  CHECK(who("phone", "44-1632-960961") == "Joe");
  gate.house.command(cmd("contact remove", {{"name", Json("Joe")}}));
  CHECK(who("mail", "j@customer.example") == "New");
  CHECK(who("phone", "+441632960961") == "New");
}

TEST_CASE("what was deleted, or is over for too long, is gone on with by another ticket; what was merged where it went",
          "[server][api][inbound]") {
  Gate gate;
  const auto id_of = [&](const char* event) { return gate.data(gate.alarm(alert(event)))["ticket"]["id"]; };
  const auto links = [&](const Json& id) {
    const Json all = gate.house.command(cmd("export"))["rows"];
    for (const Json& row : all.items())
      if (row["number"] == gate.ticket(id)["ticket"]["number"]) return row["links"];
    return Json();
  };
  const Json first = id_of("1"), other = gate.data(gate.alarm(alert("o", "info", "other")))["ticket"]["id"];
  gate.good(act("merge_tickets", {{"ticket_id", first}, {"target_id", other}}));
  CHECK(id_of("2") == other);
  gate.good(act("delete_ticket", {{"ticket_id", other}}));
  const Json second = id_of("3");
  CHECK(second != other);
  REQUIRE(links(second).size() == 1);
  CHECK(links(second).items()[0]["kind"] == Json("follow-up"));
  CHECK(id_of("4") == second);
  gate.good(act("update_ticket", {{"ticket_id", second}, {"status", Json("closed")}}));
  gate.house.environment.advance(13LL * 86'400'000);
  CHECK(id_of("5") == second);
  gate.good(act("update_ticket", {{"ticket_id", second}, {"status", Json("closed")}}));
  gate.house.environment.advance(15LL * 86'400'000);
  const Json third = id_of("6");
  CHECK(third != second);
  CHECK(links(third).size() == 1);
}

TEST_CASE("a mapping is judged when it is stored", "[server][api][inbound]") {
  Gate gate;
  const auto why = [&](const char* mapping, const char* form = "json") {
    const auto added = gate.house.try_command(
        cmd("inbound add", {{"name", Json("Other")}, {"form", Json(form)}, {"mapping", parsed(mapping)}}));
    REQUIRE_FALSE(added);
    CHECK(added.error().field == "mapping");
    return added.error().message;
  };
  CHECK(why(R"({"subject":"{title}"})").find("description") != std::string::npos);
  CHECK(why(R"({"subject":"{title","description":"x"})").find("not closed") != std::string::npos);
  CHECK(why(R"({"subject":"{}","description":"x"})").find("names nothing") != std::string::npos);
  CHECK(why(R"({"subject":"a } b","description":"x"})").find("stands alone") != std::string::npos);
  CHECK(why(R"({"subject":"x","description":"x","colour":"red"})").find("colour") != std::string::npos);
  CHECK(why(R"({"subject":"x","description":"x","priority":"huge"})").find("huge") != std::string::npos);
  CHECK(why(R"({"subject":"x","description":"x","priority":{"from":"{s}","map":{"a":"huge"}}})").find("huge") !=
        std::string::npos);
  CHECK(why(R"({"subject":"x","description":"x","author":"contact"})").find("who the customer is") !=
        std::string::npos);
  CHECK(why(R"({"subject":"x"})", "telegram").find("subject") != std::string::npos);
  gate.add("Bot", "telegram");
  CHECK(code_of(gate.house, cmd("inbound add", {{"name", Json("X")}, {"proof", Json("mailgun")}})) ==
        ErrorCode::invalid);
  CHECK(said(gate.ask(act("update_channel", {{"channel_id", Json("Alerts")}, {"name", Json("Y")}}))) != "");
}

TEST_CASE("a place in a mapping is a member, a place in a list, a header, or the first of several",
          "[server][inbound]") {
  server::InboundRequest request;
  request.payload = parsed(R"({"a":{"b":[{"c":"deep"}]},"n":7,"yes":true,"empty":"","null":null,"list":[1]})");
  request.headers = {{"x-kind", "push"}};
  const auto fill = [&](const char* text) { return must(server::TemplateText::parse(text)).fill(request); };
  CHECK(fill("{a.b.0.c}") == "deep");
  CHECK(fill("{n} {yes} {@x-kind}") == "7 true push");
  CHECK(fill("{missing|empty|n}") == "7");
  CHECK(fill("{{n}} is {n}") == "{n} is 7");
  CHECK(fill("constant") == "constant");
  for (const char* none : {"{missing}", "{null}", "{list}", "{a.b.1.c}", "{a.b.x}", "{@x-other}", "x {missing}"})
    CHECK(fill(none) == std::nullopt);
}

TEST_CASE("a chat is a customer: what they write makes a ticket, goes on with it, and opens it again",
          "[server][api][inbound]") {
  Gate gate;
  const std::string token = gate.add("Bot", "telegram");
  gate.house.command(cmd("sla rule add", {{"name", Json("Chats")},
                                          {"when", Json::array({Json("channel=telegram"), Json("audience=customer")})},
                                          {"first-response", Json("10m")}}));
  const auto answer = gate.chat(telegram(1, "The pump leaks"), token);
  CHECK(answer.status == 200);
  CHECK(answer.body == R"({"ok":true})");
  gate.house.tick();
  CHECK(gate.house.command(cmd("export"))["rows"].items().front()["sla"].items().front()["target_s"] == Json(600));
  CHECK(gate.chat(telegram(1, "The pump leaks"), token).status == 200);
  CHECK(gate.tickets() == 1);
  const Json id = gate.good(act("list_tickets"))["tickets"].items().front()["id"];
  CHECK(gate.ticket(id)["ticket"]["creator_name"] == Json("Joe Smith"));
  gate.good(act("complete_ticket", {{"ticket_id", id}, {"result", Json("Done.")}}));
  gate.chat(telegram(2, "It leaks again"), token);
  const Json shown = gate.ticket(id);
  CHECK(shown["ticket"]["status_exact"] == Json("reopened"));
  CHECK(shown["messages"].items().back()["author_type"] == Json("client"));
  CHECK(shown["messages"].items().back()["is_note"] == Json(false));
  gate.chat(telegram(3, "Mine", 78), token);
  CHECK(gate.tickets() == 2);
  gate.good(act("update_ticket", {{"ticket_id", id}, {"status", Json("closed")}}));
  gate.house.environment.advance(15LL * 86'400'000);
  gate.chat(telegram(4, "And again"), token);
  CHECK(gate.tickets() == 3);  // closed for too long: another one, linked to it
  gate.chat(telegram(5, "Still"), token);
  CHECK(gate.tickets() == 3);
}

TEST_CASE("what is no message to us is taken and left alone", "[server][api][inbound]") {
  Gate gate;
  const std::string bot = gate.add("Bot", "telegram"), phone = gate.add("Phone", "whatsapp");
  CHECK(gate.chat(R"({"update_id":1,"edited_message":{"text":"x"}})", bot).status == 200);
  CHECK(gate.log("Bot").items().front()["state"] == Json("ignored"));
  CHECK(gate.chat(R"({"hello":1})", bot).status == 400);
  CHECK(said(gate.chat(R"({"hello":1})", bot)) == "unmapped");
  const auto whatsapp = [&](const std::string& event, const std::string& key, const std::string& message) {
    return gate.post(R"({"event":")" + event + R"(","apikey":")" + phone + R"(","data":{"key":)" + key +
                         R"(,"pushName":"Joe","message":)" + message + "}}",
                     {}, "/api/channel-webhook?type=whatsapp");
  };
  const std::string own = R"({"remoteJid":"77010000000@s.whatsapp.net","fromMe":true,"id":"A"})";
  const std::string group = R"({"remoteJid":"1-2@g.us","fromMe":false,"id":"B"})";
  const std::string theirs = R"({"remoteJid":"77010000000@s.whatsapp.net","fromMe":false,"id":"C"})";
  CHECK(whatsapp("connection.update", own, "{}").status == 200);
  CHECK(whatsapp("messages.upsert", own, R"({"conversation":"x"})").status == 200);
  CHECK(whatsapp("messages.upsert", group, R"({"conversation":"x"})").status == 200);
  std::string in_group = telegram(2, "x");
  in_group.replace(in_group.find("private"), 7, "supergroup");
  CHECK(gate.chat(in_group, bot).status == 200);
  CHECK(gate.log("Bot").items().front()["said"] == Json("a group"));
  CHECK(gate.tickets() == 0);
  CHECK(whatsapp("messages.upsert", theirs, R"({"imageMessage":{"caption":"Look"}})").status == 200);
  REQUIRE(gate.tickets() == 1);
  const Json id = gate.good(act("list_tickets"))["tickets"].items().front()["id"];
  CHECK(gate.ticket(id)["ticket"]["description"] == Json("Look\n[image]"));
  CHECK(gate.house.command(cmd("contact list"))["rows"].items().front()["phone"] == Json("+77010000000"));
  const Json told = gate.log("Phone");
  for (const Json& row : told.items()) CHECK(to_text(row).find(phone) == std::string::npos);
  CHECK(gate.post("{}", {}, "/api/channel-webhook.php?type=fax").status == 400);
  CHECK(said(gate.chat(telegram(9, "x"), phone)) == "key_unknown");
  CHECK(gate.chat(telegram(9, "x"), phone).status == 403);
}

TEST_CASE("a channel that was made through the API takes in what its secret proves", "[server][api][inbound]") {
  const NothingFails once;
  Gate gate;
  Json made = cmd("api create_channel",
                  {{"type", Json("telegram")}, {"name", Json("Chat")}, {"secret", Json("the-bots-secret")}});
  CHECK(gate.house.command(made)["status"] == Json("connected"));
  gate.chat(telegram(1, "Hello"), "the-bots-secret");
  CHECK(gate.tickets() == 1);
  for (const char* weak : {"short", "long enough\nbut of two lines"})
    CHECK(code_of(gate.house, cmd("api create_channel",
                                  {{"type", Json("telegram")}, {"name", Json("Weak")}, {"secret", Json(weak)}})) ==
          ErrorCode::invalid);
  gate.house.command(cmd("api delete_channel", {{"channel_id", Json("Chat")}}));
  sqlite::OpenOptions how;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(gate.house.folder.file("server")))
    if (entry.path().filename() == "tern.db") how.path = entry.path();
  how.role = sqlite::Role::reader;
  const auto db = must(sqlite::Database::open(how));
  CHECK(must(db->int64_of("SELECT count(*) FROM inbound")) == 0);
  CHECK(must(db->int64_of("SELECT count(*) FROM ticket_key")) == 0);
  Json bad = cmd("api create_channel", {{"type", Json("telegram")},
                                        {"name", Json("Chat 2")},
                                        {"settings", parsed(R"({"mapping":{"priority":"huge"}})")}});
  CHECK(code_of(gate.house, bad) == ErrorCode::invalid);
}

TEST_CASE("a mail makes a ticket; an answer to ours goes on with its ticket when it is genuine",
          "[server][api][inbound]") {
  Gate gate;
  gate.house.command(cmd("mail set", {{"host", Json("smtp.pumps.example")}, {"from", Json("support@pumps.example")}}));
  const std::string token = gate.add("Mails", "email");
  const auto send = [&](const std::string& fields) {
    return gate.post(fields, {{"authorization", "Bearer " + token}}, "/api/channel-webhook.php?type=email",
                     "application/x-www-form-urlencoded");
  };
  CHECK(
      send("from=Joe+Smith+<joe@customer.example>&subject=Pump+leaks&body-plain=In+hall+2.&Message-Id=<1@c>").status ==
      200);
  CHECK(
      send("from=Joe+Smith+<joe@customer.example>&subject=Pump+leaks&body-plain=In+hall+2.&Message-Id=<1@c>").status ==
      200);
  REQUIRE(gate.tickets() == 1);
  const Json id = gate.good(act("list_tickets"))["tickets"].items().front()["id"];
  CHECK(gate.ticket(id)["ticket"]["creator_name"] == Json("Joe Smith"));
  CHECK(send("from=mailer-daemon@x.example&subject=failed&text=x&Message-Id=<2@c>").status == 200);
  CHECK(send("from=joe@customer.example&subject=away&text=x&headers=Auto-Submitted:+auto-replied%0AX:+y").status ==
        200);
  CHECK(gate.tickets() == 1);
  CHECK(said(send("subject=nobody&text=x")) == "unmapped");
  CHECK(send("from=joe@customer.example&subject=Page&html=<style>a</style><p>One<br>two</p>%26amp;&Message-Id=<3@c>")
            .status == 200);
  const Json page = gate.good(act("list_tickets"))["tickets"].items().front()["id"];
  CHECK(gate.ticket(page)["ticket"]["description"].as_string().find("One\ntwo") != std::string::npos);
}

TEST_CASE("what a program wrote is taken, and never answered", "[server][api][inbound][I31]") {
  Gate gate;
  MailBox box;
  gate.house.core->use_egress(
      box, [](const std::function<void()>& work) { work(); }, 4);
  gate.house.command(cmd("mail set", {{"host", Json("smtp.pumps.example")}, {"from", Json("support@pumps.example")}}));
  const std::string token = gate.add("Mails", "email");
  const auto send = [&](const std::string& to, const std::string& id, const std::string& more = {}) {
    const auto answer = gate.post(
        "from=joe@customer.example&subject=Pump&text=Words+" + id + "&to=" + to + "&headers=Message-Id:+" + id + more,
        {{"authorization", "Bearer " + token}}, "/api/channel-webhook.php?type=email",
        "application/x-www-form-urlencoded");
    for (int i = 0; i < 5; ++i) {
      gate.house.environment.advance(1'000);
      gate.house.tick();
    }
    return answer.status;
  };
  CHECK(send("support@pumps.example", "1") == 200);
  REQUIRE(box.mails.size() == 1);  // that it was received
  const std::size_t at = box.mails[0].content.find("Reply-To: ") + 10;
  std::string reply = box.mails[0].content.substr(at, box.mails[0].content.find('\r', at) - at);
  reply.replace(reply.find('+'), 1, "%2B");
  const Json id = gate.good(act("list_tickets"))["tickets"].items().front()["id"];
  gate.good(act("add_message", {{"ticket_id", id}, {"message", Json("We come.")}}));
  gate.good(act("complete_ticket", {{"ticket_id", id}, {"result", Json("Done.")}}));
  send("x@pumps.example", "away", "%0AAuto-Submitted:+auto-replied");
  const std::size_t mails = box.mails.size();
  CHECK(send(reply, "away-2", "%0AAuto-Submitted:+auto-replied") == 200);
  Json shown = gate.ticket(id);
  CHECK(shown["ticket"]["status_exact"] == Json("resolved"));
  CHECK(shown["messages"].items().back()["message"] == Json("Words away-2"));
  CHECK(shown["messages"].items().back()["is_note"] == Json(true));
  CHECK(box.mails.size() == mails);
  CHECK(send(reply, "2") == 200);  // a person
  shown = gate.ticket(id);
  CHECK(shown["ticket"]["status_exact"] == Json("reopened"));
  CHECK(shown["messages"].items().back()["author_type"] == Json("client"));
  CHECK(gate.tickets() == 1);
}

TEST_CASE("names of our mails stand for their tickets, and made ones for nothing", "[server][inbound][security]") {
  const Bytes key(32, 'k');
  const server::ReplyNames names(key, "support@pumps.example");
  TicketId ticket;
  ticket.bytes.fill(7);
  const std::string id = names.message_id(ticket, 12), address = names.reply_to(ticket, "joe@customer.example");
  CHECK(names.ticket_of(id, "anybody@x.example") == ticket);
  CHECK(names.ticket_of(address, "Joe@Customer.example") == ticket);
  CHECK(names.ticket_of("<" + address + ">", "joe@customer.example") == ticket);
  CHECK(names.ticket_of(address, "eve@x.example") == std::nullopt);
  std::string forged = id;
  forged[forged.find('@') - 1] = forged[forged.find('@') - 1] == 'a' ? 'b' : 'a';
  CHECK(names.ticket_of(forged, "anybody@x.example") == std::nullopt);
  for (const char* none :
       {"", "<>", "t.", "<t.x.1.y@pumps.example>", "support@pumps.example", "support+@pumps.example"})
    CHECK(names.ticket_of(none, "joe@customer.example") == std::nullopt);
}

TEST_CASE("a ticket that is full is gone on with by another one", "[server][inbound]") {
  sync::TicketState state;
  CHECK(server::takes_more(state, 0, 0));
  CHECK(server::takes_more(state, limits::changes_per_ticket_max - server::changes_of_an_event_max, 0));
  CHECK_FALSE(server::takes_more(state, limits::changes_per_ticket_max - server::changes_of_an_event_max + 1, 0));
  state.message_count = limits::messages_per_ticket_max;
  CHECK_FALSE(server::takes_more(state, 0, 0));
}

TEST_CASE("a text that comes to nothing is not said", "[server][api][inbound]") {
  Gate gate(R"({"subject":"{s}","description":"{d}"})");
  const auto refused = gate.alarm(parsed("{\"s\":\"\xE2\x80\xAE\",\"d\":\"x\"}"));
  CHECK(said(refused) == "unmapped");
  CHECK(said(refused, "field") == "subject");
}

TEST_CASE("what was hidden of a request that is kept is not said by it", "[server][api][inbound]") {
  Gate gate(R"({"subject":"{token}","description":"{d}","key":"{secret}"})");
  gate.alarm(parsed(R"({"token":"T-1","secret":"K-1"})"));
  gate.house.command(cmd(
      "inbound set", {{"name", Json("Alerts")}, {"mapping", parsed(R"({"subject":"{token}","description":"d"})")}}));
  const Json n = gate.log().items().front()["n"];
  const auto tried =
      gate.house.try_command(cmd("inbound try", {{"name", Json("Alerts")}, {"n", n}, {"commit", Json(true)}}));
  REQUIRE_FALSE(tried);
  CHECK(tried.error().field == "subject");
  CHECK(gate.tickets() == 0);
}

TEST_CASE("a customer whose name nobody can see is called by what else they said", "[server][api][inbound]") {
  Gate gate;
  const std::string token = gate.add("Bot", "telegram");
  std::string unseen = telegram(1, "Hello");
  unseen.replace(unseen.find("\"Joe\""), 5, "\"\xE2\xA0\x80\"");
  unseen.replace(unseen.find("\"Smith\""), 7, "\"\xE2\x80\xAE\"");
  CHECK(gate.chat(unseen, token).status == 200);
  CHECK(gate.house.command(cmd("contact list"))["rows"].items().front()["name"] == Json("77"));
}

TEST_CASE("a customer who was removed and writes again is there again", "[server][api][inbound]") {
  Gate gate;
  const std::string token = gate.add("Bot", "telegram");
  CHECK(gate.chat(telegram(1, "Hello"), token).status == 200);
  gate.house.command(cmd("contact remove", {{"name", Json("Joe Smith")}}));
  CHECK(gate.house.command(cmd("contact list"))["rows"].size() == 0);
  CHECK(gate.chat(telegram(2, "Hello again"), token).status == 200);
  CHECK(gate.house.command(cmd("contact list"))["rows"].size() == 1);
}

TEST_CASE("a mail of somebody else makes another ticket, linked, whatever it refers to",
          "[server][api][inbound][security]") {
  Gate gate;
  MailBox box;
  gate.house.core->use_egress(
      box, [](const std::function<void()>& work) { work(); }, 4);
  gate.house.command(cmd("mail set", {{"host", Json("smtp.pumps.example")}, {"from", Json("support@pumps.example")}}));
  const std::string token = gate.add("Mails", "email");
  const auto send = [&](const std::string& from, const std::string& id, const std::string& subject,
                        const std::string& head) {
    const auto answer = gate.post("from=" + from + "&subject=" + subject + "&text=Words+" + id +
                                      "&to=x@pumps.example&headers=Message-Id:+" + id + head,
                                  {{"authorization", "Bearer " + token}}, "/api/channel-webhook.php?type=email",
                                  "application/x-www-form-urlencoded");
    CHECK(answer.status == 200);
    for (int i = 0; i < 5; ++i) {
      gate.house.environment.advance(1'000);
      gate.house.tick();
    }
  };
  send("joe@customer.example", "1", "Pump", "");
  REQUIRE(box.mails.size() == 1);
  const std::string& mail = box.mails[0].content;
  const std::size_t at = mail.find("Message-ID: ") + 12;
  const std::string ours = mail.substr(at, mail.find('\r', at) - at);
  const Json id = gate.good(act("list_tickets"))["tickets"].items().front()["id"];
  const std::size_t messages = gate.ticket(id)["messages"].size();
  send("joe@customer.example", "2", "Re:+Pump", "%0AIn-Reply-To:+" + ours);
  CHECK(gate.tickets() == 1);
  CHECK(gate.ticket(id)["messages"].size() == messages + 1);
  send("joe@customer.example", "3", "Re:+Pump", "%0AReferences:+<other@x>+" + ours);
  CHECK(gate.tickets() == 1);
  send("joe@customer.example", "4", "Invoice", "%0AReferences:+" + ours);
  CHECK(gate.tickets() == 2);
  send("eve@elsewhere.example", "5", "Fwd:+Pump", "%0AIn-Reply-To:+" + ours);
  CHECK(gate.tickets() == 3);
  CHECK(gate.ticket(id)["messages"].size() == messages + 2);
  const Json all = gate.house.command(cmd("export"))["rows"];
  REQUIRE(all.size() == 3);
  CHECK(all.items()[0]["links"].size() == 1);
  CHECK(all.items()[1]["links"].size() == 0);
  REQUIRE(all.items()[2]["links"].size() == 1);
  CHECK(all.items()[2]["links"].items()[0]["kind"] == Json("related"));
}

TEST_CASE("an answer of a contact who watches goes on with the ticket while they watch", "[server][api][inbound]") {
  Gate gate;
  MailBox box;
  gate.house.core->use_egress(
      box, [](const std::function<void()>& work) { work(); }, 4);
  gate.house.command(cmd("mail set", {{"host", Json("smtp.pumps.example")}, {"from", Json("support@pumps.example")}}));
  gate.house.command(cmd("contact add", {{"name", Json("Kim")}, {"email", Json("kim@customer.example")}}));
  const Json kim = gate.house.command(cmd("contact list"))["rows"].items().front();
  REQUIRE(kim["name"] == Json("Kim"));
  const std::string token = gate.add("Mails", "email");
  const auto send = [&](const std::string& from, const std::string& id, const std::string& head) {
    const auto answer = gate.post(
        "from=" + from + "&subject=Pump&text=Words+" + id + "&to=x@pumps.example&headers=Message-Id:+" + id + head,
        {{"authorization", "Bearer " + token}}, "/api/channel-webhook.php?type=email",
        "application/x-www-form-urlencoded");
    CHECK(answer.status == 200);
    for (int i = 0; i < 5; ++i) {
      gate.house.environment.advance(1'000);
      gate.house.tick();
    }
  };
  send("joe@customer.example", "1", "");
  REQUIRE(box.mails.size() == 1);
  const std::string mail = box.mails[0].content;
  const std::size_t at = mail.find("Message-ID: ") + 12;
  const std::string answers = "%0AIn-Reply-To:+" + mail.substr(at, mail.find('\r', at) - at);
  const Json id = gate.good(act("list_tickets"))["tickets"].items().front()["id"];
  const Json exported = gate.house.command(cmd("export"))["rows"].items().back();
  Device ann(gate.house, "ann", "all");
  must(ann.open_session());
  const auto kim_does = [&](sync::Intent intent) {
    sync::Change change =
        ann.change(intent, TicketId::or_zero(from_uuid_text(exported["id"].as_string()).value_or(Bytes())));
    change.kind = 1;
    change.target = from_uuid_text(kim["id"].as_string()).value_or(Bytes());
    ann.push(change);
  };
  kim_does(sync::Intent::watch);
  const std::size_t messages = gate.ticket(id)["messages"].size();
  send("kim@customer.example", "2", answers);
  CHECK(gate.tickets() == 1);
  CHECK(gate.ticket(id)["messages"].size() == messages + 1);
  kim_does(sync::Intent::unwatch);
  send("kim@customer.example", "3", answers);
  CHECK(gate.tickets() == 2);
  CHECK(gate.ticket(id)["messages"].size() == messages + 1);
}

TEST_CASE("one webhook takes so many a minute, from however many addresses", "[server][api][inbound][security]") {
  Gate gate;
  int limited = 0;
  for (int i = 0; i < 302; ++i) limited += gate.alarm_from(i % 2 == 0 ? "10.0.0.1" : "10.0.0.2").status == 429 ? 1 : 0;
  CHECK(limited == 2);
}

TEST_CASE("texts of others are cut to whole characters and put on one line", "[server][inbound]") {
  CHECK(server::one_line_of("  a\n\tb  ", 10) == "a b");
  CHECK(server::one_line_of("\xE2\x80\xAE"
                            "abc",
                            10) == "abc");
  CHECK(server::one_line_of("\xC3\xA4\xC3\xA4\xC3\xA4", 2) == "\xC3\xA4\xC3\xA4");
  CHECK(server::shortened(std::string(10, 'x'), 8) == "xxxxx...");
  CHECK(server::shortened("\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4", 6) == "\xC3\xA4...");
  CHECK(server::shortened("\xFF", 6).empty());
  CHECK(server::shortened("abcd", 2).size() <= 2);
  const std::string grows = "\xCD\x84", grown = "\xCC\x88\xCC\x81";  // U+0344: two letters in normal form
  CHECK(server::one_line_of(grows, 10) == grown);
  CHECK(server::one_line_of("1" + grows + grows + "b", 10) == "1" + grown + grown + "b");
  CHECK(server::looks_like_address("joe@customer.example"));
  for (const char* none : {"", "@", "joe@", "a@b@c", "a@b,c", "a@b;c", "<a@b>", "\"a\"@b", "a @b", "a@b\n"})
    CHECK_FALSE(server::looks_like_address(none));
  CHECK(server::one_line_of("a \xE2\x80\xAE b\xE2\x80\xAE ", 10) == "a b");
  for (const char* none : {"a@b\xC2\x85",
                           "a@\xE2\x80\xAE"
                           "b"})
    CHECK_FALSE(server::looks_like_address(none));
  CHECK(server::text_of_html("<script>x</script>a &lt;b&gt;<") == "a <b><");
}

TEST_CASE("of a page what a browser shows as text is kept", "[server][inbound]") {
  CHECK(server::text_of_html("if 1 < 2 then</p>all is well") == "if 1 < 2 then\nall is well");
  CHECK(server::text_of_html("a<!-- <b>x</b> > -->b<!--[if mso]>hidden<![endif]-->c<!-->d") == "abcd");
  CHECK(server::text_of_html("<a title='x > y' href = \"?a>b\">here</a>") == "here");
  CHECK(server::text_of_html("<a b='>c'>d") == "d");
  CHECK(server::text_of_html("<scripture>read</scripture><style>p</styles></style >me") == "readme");
  CHECK(server::text_of_html("<SCRIPT>if (1 < 2) </scrip</SCRIPT\n>a<b") == "a");
  CHECK(server::text_of_html("&l<b>t;</b> &amp;lt; </") == "&lt; &lt; </");
}

}  // namespace tern::test
