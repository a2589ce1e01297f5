// Links to a rating: from the mail that has one to the rating that comes of it (docs/mail.md, L15).
#include <set>

#include "panel.hpp"
#include "sending_room.hpp"
#include "tern/protocol/crypto.hpp"
#include "tern/protocol/limits.hpp"

namespace tern::test {
namespace {

constexpr std::int64_t a_minute = 60'000, a_day = 24LL * 3'600'000;

struct RatingRoom : SendingRoom {
  explicit RatingRoom(std::initializer_list<Json::Member> mail = {}) { set_mail(mail); }

  Json status(const Json& ticket) { return good(on("get_ticket", ticket))["ticket"]["status"]; }
  Json rated(const Json& ticket) { return good(on("get_ticket", ticket))["ticket"]["csat"]; }
  /// What customers read of it.
  std::vector<std::string> resolve(const Json& ticket) {
    go_on();
    outside.mails.clear();
    good(on("complete_ticket", ticket, {{"result", Json("Tightened.")}}));
    return mailed();
  }
  std::vector<std::string> mailed() {
    go_on();
    std::vector<std::string> out;
    for (const server::MailPost& mail : std::exchange(outside.mails, {}))
      if (mail.recipient.ends_with("@customer.example")) out.push_back(text_of_mail(mail));
    return out;
  }
  /// Of the one mail of a resolution.
  std::string resolved_with_link(const Json& ticket) {
    const auto mails = resolve(ticket);
    REQUIRE(mails.size() == 1);
    return token_in(mails[0]);
  }
  static bool has_link(const std::string& text) { return text.find("/rate") != std::string::npos; }
  static std::string token_in(const std::string& text) {
    const std::string start = "https://desk.example/rate?token=";
    const auto at = text.find(start);
    INFO(text);
    REQUIRE(at != std::string::npos);
    return text.substr(at + start.size(), text.find('&', at) - at - start.size());
  }
  server::Response follow(const std::string& token, const std::string& score = "5") {
    return house.get("/rate?token=" + token + "&score=" + score);
  }
  server::Response rate(const std::string& token, const std::string& score, const std::string& comment = {}) {
    return house.post("/rate", "token=" + token + "&score=" + score + "&comment=" + comment, form_type);
  }
  std::int64_t links() {
    const auto db = file();
    return must(db->int64_of("SELECT count(*) FROM rating_link")).value_or(-1);
  }

  static constexpr const char* form_type = "application/x-www-form-urlencoded";
};

}  // namespace

TEST_CASE("a link to a rating shows a form, rates once when that is sent, and then says as little as one that is none",
          "[server][rating][security]") {
  RatingRoom room;
  const Json ticket = room.of_joe();
  const auto mails = room.resolve(ticket);
  REQUIRE(mails.size() == 1);
  INFO(mails[0]);
  const std::string token = RatingRoom::token_in(mails[0]);
  for (const std::string score : {"1", "2", "3", "4", "5"})
    CHECK(mails[0].find("\n" + score + "  https://desk.example/rate?token=" + token + "&score=" + score + "\r\n") !=
          std::string::npos);
  for (int i = 0; i < 3; ++i) {
    const auto form = room.follow(token, "4");
    CHECK(form.status == 200);
    CHECK(form.body.find("value=\"4\" checked") != std::string::npos);
    CHECK(form.body.find("value=\"5\" checked") == std::string::npos);
    CHECK(form.body.find(token) != std::string::npos);
  }
  CHECK(room.house.get("/rate?token=" + token).body.find("checked") == std::string::npos);
  CHECK(room.rated(ticket).is_null());
  const auto thanks = room.rate(token, "4", "Quick%2C%0D%0Aand+kind%21");
  CHECK(thanks.status == 200);
  CHECK(thanks.body.find("Thank you.") != std::string::npos);
  const Json rated = room.rated(ticket);
  CHECK(rated["rating"] == Json(4));
  CHECK(rated["comment"] == Json("Quick,\nand kind!"));
  CHECK(room.links() == 0);
  const auto none = room.follow("none");
  CHECK(none.status == 404);
  std::string almost = token;
  almost[30] = almost[30] == 'A' ? 'B' : 'A';
  for (const std::string& said : {token, almost, std::string(token.size(), 'A'), std::string()}) {
    INFO(said);
    CHECK(room.follow(said).body == none.body);
    CHECK(room.follow(said).status == 404);
    CHECK(room.rate(said, "1").body == none.body);
  }
  CHECK(room.rated(ticket) == rated);
  CHECK(is_verified(room.house));
}

TEST_CASE("of a link to a rating a hash is kept, and 128 bits of it are nobody's to guess",
          "[server][rating][security]") {
  RatingRoom room;
  std::set<Bytes> secrets;
  for (int i = 0; i < 3; ++i) {
    std::string token = room.resolved_with_link(room.of_joe());
    for (char& c : token) c = c == '-' ? '+' : c == '_' ? '/' : c;
    const auto raw = from_base64(token + "=");
    REQUIRE(raw.has_value());
    REQUIRE(raw->size() == 16 + 16);
    const Bytes secret = raw->substr(16);
    CHECK(secrets.insert(secret).second);
    const auto db = room.file();
    CHECK(must(db->int64_of("SELECT count(*) FROM rating_link WHERE instr(token_hash, $1) > 0",
                            sqlite::Blob{secret})) == 0);
    CHECK(must(db->int64_of("SELECT min(length(token_hash)) FROM rating_link")) == 32);
  }
  CHECK(room.links() == 3);
}

TEST_CASE("a link to a rating ends when its ticket is opened again, is another's, or after 7 days",
          "[server][rating]") {
  RatingRoom room;
  const Json ticket = room.of_joe();
  const std::string first = room.resolved_with_link(ticket);
  CHECK(room.follow(first).status == 200);
  room.good_of_client(room.on("reopen_ticket", ticket), room.token);
  CHECK(room.follow(first).status == 404);
  CHECK(room.rate(first, "5").status == 404);
  const std::string second = room.resolved_with_link(ticket);
  CHECK(second != first);
  CHECK(room.follow(first).status == 404);
  CHECK(room.follow(second).status == 200);
  room.good_of_client(room.on("accept_ticket", ticket), room.token);
  CHECK(room.status(ticket) == Json("closed"));
  room.house.environment.advance(7 * a_day - a_minute);
  CHECK(room.follow(second).status == 200);  // what is closed was resolved
  room.house.environment.advance(2 * a_minute);
  CHECK(room.follow(second).status == 404);
  CHECK(room.rate(second, "5").status == 404);
  CHECK(room.rated(ticket).is_null());
  room.go_on(a_minute);
  CHECK(room.links() == 0);  // rows go with it

  room.log_joe_in();
  const Json given = room.of_joe("Another");
  const std::string his = room.resolved_with_link(given);
  room.house.command(cmd("contact add", {{"name", Json("Kim")}}));
  const Json contacts = room.house.command(cmd("contact list"))["rows"];
  const Json exported = room.house.command(cmd("export"))["rows"].items().back();
  Device ann(room.house, "ann", "all");
  must(ann.open_session());
  sync::Change change =
      ann.change(sync::Intent::set, TicketId::or_zero(from_uuid_text(exported["id"].as_string()).value_or(Bytes())));
  for (const Json& contact : contacts.items())
    if (contact["name"] == Json("Kim"))
      change.fields.push_back({sync::FieldId::contact, {}, from_uuid_text(contact["id"].as_string()), false});
  REQUIRE(change.fields.size() == 1);
  CHECK(room.follow(his).status == 200);
  ann.push(change);
  CHECK(room.follow(his).status == 404);

  const Json thrown_away = room.of_joe("Third"), kept = room.of_joe("Fourth");
  const std::string lost = room.resolved_with_link(thrown_away), last = room.resolved_with_link(kept);
  CHECK(room.follow(lost).status == 200);
  room.good(room.on("delete_ticket", thrown_away));
  CHECK(room.follow(lost).status == 404);
  CHECK(room.follow(last).status == 200);
  room.house.command(cmd("contact remove", {{"name", Json("Joe Smith")}}));
  CHECK(room.follow(last).status == 404);
  CHECK(room.rate(last, "5").status == 404);
  CHECK(is_verified(room.house));
}

TEST_CASE("after a restore a link to a rating is as good as its ticket stands", "[server][rating]") {
  RatingRoom room;
  const Json ticket = room.of_joe(), rated = room.of_joe("Another");
  const std::string link = room.resolved_with_link(ticket), used = room.resolved_with_link(rated);
  CHECK(room.rate(used, "2").status == 200);
  const std::string backup = room.house.folder.file("backup");
  room.house.command(cmd("backup", {{"to", Json(backup)}}));
  CHECK(room.rate(link, "1").status == 200);  // which the backup does not know
  room.house.core.reset();
  must(server::ServerCore::administer_offline(
      room.house.options(),
      cmd("restore",
          {{"from", Json(backup)}, {"recovery-key", Json(room.house.recovery_key)}, {"replace", Json(true)}}),
      room.house.environment));
  room.house.reopen();
  room.connect();
  CHECK(room.rated(ticket).is_null());
  CHECK(room.rate(used, "5").status == 404);
  CHECK(room.rate(link, "4").status == 200);
  CHECK(room.rate(link, "5").status == 404);
  CHECK(room.rated(ticket)["rating"] == Json(4));
  CHECK(is_verified(room.house));
}

TEST_CASE("who rated at the portal has no use for the link, and what was rated by it is not rated there again",
          "[server][rating]") {
  RatingRoom room;
  const Json ticket = room.of_joe(), other = room.of_joe("Another");
  const std::string link = room.resolved_with_link(ticket);
  room.good_of_client(room.on("submit_csat", ticket, {{"rating", Json(2)}}), room.token);
  CHECK(room.follow(link).status == 404);
  CHECK(room.rate(link, "5").status == 404);
  CHECK(room.rated(ticket)["rating"] == Json(2));
  CHECK(room.rate(room.resolved_with_link(other), "5").status == 200);
  const std::string key = std::exchange(room.key, {});
  Json again = room.on("submit_csat", other, {{"rating", Json(1)}});
  CHECK(said(room.send(to_text(again), "/api/client.php", "application/json", {{"x-client-token", room.token}})) ==
        "bad_transition");
  room.key = key;
  CHECK(room.rated(other)["rating"] == Json(5));
}

TEST_CASE("customers are asked for a rating at once, a day later or not, in words that may be the tenant's",
          "[server][rating]") {
  RatingRoom room({{"csat-delay", Json("24h")}});
  const Json ticket = room.of_joe(), reopened = room.of_joe("Another");
  for (const Json& one : {ticket, reopened}) {
    const auto mails = room.resolve(one);
    REQUIRE(mails.size() == 1);
    CHECK_FALSE(RatingRoom::has_link(mails[0]));
  }
  room.good_of_client(room.on("reopen_ticket", reopened), room.token);
  room.go_on(a_day - a_minute);
  CHECK(room.mailed().empty());
  room.go_on(2 * a_minute);
  const auto asked = room.mailed();
  REQUIRE(asked.size() == 1);
  CHECK(asked[0].find("How satisfied are you with our work?") != std::string::npos);
  CHECK(room.rate(RatingRoom::token_in(asked[0]), "3").status == 200);
  CHECK(room.rated(ticket)["rating"] == Json(3));
  const Json rows = room.log("mail log");
  std::multiset<std::string> ends;
  for (const Json& row : rows.items())
    if (row["event"] == Json("csat")) ends.insert(row["state"].as_string() + " " + row["said"].as_string());
  CHECK(ends == std::multiset<std::string>{"dropped gone", "sent 250"});

  const auto set = [&](const char* name, const char* value) {
    return code_of(room.house, cmd("mail set", {{name, Json(value)}}));
  };
  CHECK(room.house.command(cmd("mail set", {{"csat-delay", Json("off")}}))["csat_delay"] == Json("off"));
  room.log_joe_in();
  CHECK_FALSE(RatingRoom::has_link(room.resolve(room.of_joe("Third")).at(0)));
  room.go_on(2 * a_day);
  CHECK(room.mailed().empty());
  CHECK(set("csat-delay", "1h") == ErrorCode::usage);
  CHECK(set("csat-question", "Two\nlines?") == ErrorCode::invalid);
  CHECK(set("csat-question", std::string(201, 'a').c_str()) == ErrorCode::too_large);
  room.house.command(cmd("mail set", {{"csat-delay", Json("0")}, {"csat-question", Json("Was <our> \"work\" good?")}}));
  room.log_joe_in();
  const std::string mail = room.resolve(room.of_joe("Fourth")).at(0);
  CHECK(mail.find("Was <our> \"work\" good? 1 is bad") != std::string::npos);
  const std::string page = room.follow(RatingRoom::token_in(mail)).body;
  CHECK(page.find("<h1>Was &lt;our&gt; &quot;work&quot; good?</h1>") != std::string::npos);
  CHECK(page.find("<our>") == std::string::npos);
  CHECK(is_verified(room.house));
}

TEST_CASE("only a ticket's contact is asked for a rating, and only where links lead somewhere safe",
          "[server][rating][security]") {
  RatingRoom room;
  room.house.command(cmd("contact add", {{"name", Json("Kim")}, {"email", Json("kim@customer.example")}}));
  const Json ticket = room.of_joe(), contacts = room.house.command(cmd("contact list"))["rows"];
  const Json exported = room.house.command(cmd("export"))["rows"].items().back();
  Device ann(room.house, "ann", "all");
  must(ann.open_session());
  sync::Change watch =
      ann.change(sync::Intent::watch, TicketId::or_zero(from_uuid_text(exported["id"].as_string()).value_or(Bytes())));
  watch.kind = 1;
  for (const Json& contact : contacts.items())
    if (contact["name"] == Json("Kim")) watch.target = from_uuid_text(contact["id"].as_string()).value_or(Bytes());
  ann.push(watch);
  const auto mails = room.resolve(ticket);
  REQUIRE(mails.size() == 2);
  for (const std::string& mail : mails)
    CHECK(RatingRoom::has_link(mail) == (mail.find("which you watch") == std::string::npos));
  for (const auto& [url, told] :
       {std::pair("http://desk.example", true), std::pair("https://10.0.0.7:8470", false), std::pair("", true)}) {
    INFO(url);
    room.house.core.reset();
    server::ServerOptions options = room.house.options();
    options.public_url = url;
    options.public_url_told = told;
    room.house.core = must(server::ServerCore::open(options, room.house.environment));
    room.connect();
    room.log_joe_in();
    const auto said = room.resolve(room.of_joe("Another"));
    REQUIRE(said.size() == 1);
    CHECK_FALSE(RatingRoom::has_link(said[0]));
  }
  CHECK(room.links() == 1);
}

TEST_CASE("a form of a rating is read strictly, and what is wrong with it uses no link up",
          "[server][rating][security]") {
  RatingRoom room;
  const Json ticket = room.of_joe();
  const std::string token = room.resolved_with_link(ticket);
  for (const char* score : {"0", "6", "-1", "55", "5x", "%2B5", "five"}) {
    INFO(score);
    CHECK(room.follow(token, score).status == 400);
    CHECK(room.follow("none", score).body == room.follow(token, score).body);
    CHECK(room.rate(token, score).status == 400);
    CHECK(room.rate("none", score).status == 400);
  }
  const auto post = [&](const std::string& body, const char* type = RatingRoom::form_type) {
    return room.house.post("/rate", body, type).status;
  };
  const std::string good = "token=" + token + "&score=5";
  CHECK(post("token=" + token) == 400);
  CHECK(post(good + "&score=1") == 400);
  CHECK(post(good + "&comment=%FF") == 400);
  CHECK(post(good + "&comment=%0") == 400);
  CHECK(post(good + "&comment=" + std::string(limits::result_bytes_max + 1, 'a')) == 400);
  CHECK(post(good + "&comment=" + std::string(64 * limits::kib, 'a')) == 413);
  CHECK(post(good, "application/json") == 415);
  CHECK(post(good, "") == 415);
  server::Request other;
  other.method = "PUT";
  other.target = "/rate?" + good;
  CHECK(room.house.send(other).status == 405);
  CHECK(room.rated(ticket).is_null());
  CHECK(post(good + "&comment=" + std::string(limits::result_bytes_max, 'a'),
             "application/x-www-form-urlencoded; charset=utf-8") == 200);
  CHECK(room.rated(ticket)["comment"].as_string().size() == limits::result_bytes_max);
}

TEST_CASE("pages of a rating need no script, send their form to this server alone, and speak the reader's language",
          "[server][rating][security]") {
  RatingRoom room;
  room.house.command(cmd("contact set", {{"name", Json("Joe Smith")}, {"language", Json("uk")}}));
  const auto mails = room.resolve(room.of_joe());
  REQUIRE(mails.size() == 1);
  CHECK(mails[0].find("Наскільки ви задоволені") != std::string::npos);
  const std::string token = RatingRoom::token_in(mails[0]);
  const auto asked_in = [&](const std::string& target, const char* languages) {
    server::Request request;
    request.method = "GET";
    request.target = target;
    request.headers = {{"accept-language", languages}};
    return room.house.send(request);
  };
  for (const auto& page : {room.follow(token), room.follow("none"), room.follow(token, "9")}) {
    CHECK(page.header("content-type") == "text/html; charset=utf-8");
    CHECK(page.header("referrer-policy") == "no-referrer");
    CHECK(page.header("cache-control") == "no-store");
    CHECK(page.body.find("<script") == std::string::npos);
    const std::string policy(page.header("content-security-policy"));
    CHECK(policy.starts_with("default-src 'none'; "));
    CHECK(policy.find("form-action 'self'") != std::string::npos);
    CHECK(policy.find("script-src") == std::string::npos);
    const auto from = page.body.find("<style>") + 7;
    const std::string style = page.body.substr(from, page.body.find("</style>") - from);
    CHECK(policy.find("style-src 'sha256-" + to_base64(protocol::sha256(style).view()) + "'") != std::string::npos);
  }
  CHECK(asked_in("/rate?token=" + token, "de").body.find("<html lang=\"uk\">") != std::string::npos);
  std::set<std::string> gone;
  for (const char* language : {"en", "fr-FR, uk;q=0.9,en;q=0.8", "ru", "kk-KZ", "xx,de-AT;q=0.5"})
    CHECK(gone.insert(asked_in("/rate?token=none", language).body).second);
  CHECK(gone.size() == 5);
  CHECK(gone.contains(room.follow("none").body));  // who says no language reads English
}

TEST_CASE("an address that follows links too often waits, and others do not", "[server][rating][security]") {
  RatingRoom room;
  const std::string token = room.resolved_with_link(room.of_joe());
  for (int i = 0; i < 300; ++i) CHECK(room.follow("none").status == 404);
  const auto refused = room.follow(token);
  CHECK(refused.status == 429);
  CHECK_FALSE(refused.header("retry-after").empty());
  CHECK(room.rate(token, "5").status == 429);
  room.house.peer = "198.51.100.1";
  CHECK(room.follow(token).status == 200);
  room.house.peer = "192.0.2.7";
  room.house.environment.advance(a_minute);
  CHECK(room.rate(token, "5").status == 200);
}

TEST_CASE("each attempt to mail a link to a rating makes another, and using one ends them all", "[server][rating]") {
  RatingRoom room;
  const Json ticket = room.of_joe();
  room.go_on();
  room.outside.mails.clear();
  room.outside.smtp = 0;  // taken, and the answer was lost
  room.good(room.on("complete_ticket", ticket));
  room.go_on();
  room.outside.smtp = 250;
  room.go_on(a_minute);
  REQUIRE(room.outside.mails.size() == 2);
  const std::string lost = RatingRoom::token_in(text_of_mail(room.outside.mails[0])),
                    sent = RatingRoom::token_in(text_of_mail(room.outside.mails[1]));
  CHECK(lost != sent);
  CHECK(room.follow(sent).status == 200);
  CHECK(room.rate(lost, "5").status == 200);
  CHECK(room.follow(sent).status == 404);
  CHECK(room.links() == 0);
}

}  // namespace tern::test
