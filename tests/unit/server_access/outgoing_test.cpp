// What goes out because of commits: webhooks and mails, from the row to what came of it (docs/webhooks.md,
// docs/mail.md).
#include <algorithm>
#include <functional>
#include <new>
#include <set>

#include "outgoing/hook_body.hpp"
#include "outgoing/postman.hpp"
#include "panel.hpp"
#include "sending_room.hpp"
#include "support/persist.hpp"

namespace tern::test {
namespace {

constexpr std::int64_t an_hour = 3'600'000;

std::string header_of(const server::WebPost& post, const std::string& name) {
  for (const auto& [known, value] : post.headers)
    if (known == name) return value;
  return {};
}

std::string without_its_id(const std::string& body) {
  Json json = must(parse_json(body));
  json.set("request_id", Json());
  return to_text(json);
}

}  // namespace

TEST_CASE("what happens to tickets is told to a webhook, signed, each once and behind its commit",
          "[server][outgoing][I30]") {
  SendingRoom room;
  const std::string secret = room.add_hook()["secret"].as_string();
  CHECK(secret.size() == 32);
  const Json ticket = room.ticket();
  room.reply(ticket, "We come.");
  CHECK(room.outside.posts.empty());
  room.go_on();
  room.go_on();
  REQUIRE(room.events() == std::vector<std::string>{"ticket.created", "message.added"});
  std::set<std::string> ids;
  for (const auto& post : room.outside.posts) {
    const Json body = body_of(post);
    CHECK(post.url == "https://billing.example/tern");
    CHECK(header_of(post, "Tern-Delivery") == body["id"].as_string());
    CHECK(header_of(post, "Tern-Attempt") == "1");
    CHECK(body["ticket"]["id"] == ticket);
    CHECK(body["ticket"]["subject"] == Json("Pump leaks"));
    const server::HookSecrets secrets{secret, "", 0};
    CHECK(header_of(post, "Tern-Signature") ==
          server::hook_signature(secrets, room.house.environment.wall_ms() - 1'000, post.body));
    ids.insert(body["id"].as_string());
  }
  CHECK(ids.size() == 2);
  CHECK(body_of(room.outside.posts[1])["message"]["text"] == Json("We come."));
  CHECK(body_of(room.outside.posts[1])["message"]["visibility"] == Json("public"));
  const Json rows = room.log();
  REQUIRE(rows.size() == 2);
  CHECK(rows.items()[0]["state"] == Json("sent"));
  CHECK(rows.items()[0]["said"] == Json("204"));
  // The secret is shown once, and is in no answer after it.
  CHECK(to_text(room.house.command(cmd("webhook list"))).find(secret) == std::string::npos);
  CHECK(is_verified(room.house));
}

TEST_CASE("the signature of a webhook is the HMAC that anybody can compute", "[server][outgoing]") {
  // printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac 0123456789abcdef0123456789abcdef
  const std::string key = "0123456789abcdef0123456789abcdef", other(32, 'x'), body = "{\"a\":1}";
  const std::string v1 = ",v1=f05f2539e3ae1c49aec5f8cfdad75ef6b06480b133973ffbb7ec9e18827af177";
  CHECK(server::hook_signature({key, "", 0}, 1'700'000'000'999, body) == "t=1700000000" + v1);
  const std::string both = server::hook_signature({other, key, 1'700'000'001'000}, 1'700'000'000'999, body);
  CHECK(both.ends_with(v1));
  CHECK(both.size() == 2 * 68 + 12);
  CHECK(server::hook_signature({other, key, 1'700'000'000'999}, 1'700'000'000'999, body).size() == 68 + 12);
}

TEST_CASE("a delivery that was not taken is tried again later under the same name, also by a server that was ended",
          "[server][outgoing]") {
  SendingRoom room;
  room.add_hook();
  room.outside.web = 500;
  static_cast<void>(room.ticket());
  room.go_on();
  REQUIRE(room.outside.posts.size() == 1);
  room.go_on(3'000);
  CHECK(room.outside.posts.size() == 1);  // not before 4 s
  room.go_on(3'000);
  REQUIRE(room.outside.posts.size() == 2);
  room.house.reopen();
  room.connect();
  room.go_on();
  CHECK(room.outside.posts.size() == 2);
  room.outside.web = 0;
  room.go_on(20'000);
  REQUIRE(room.outside.posts.size() == 3);
  CHECK(room.log().items()[0]["said"] == Json("cannot be reached"));
  room.outside.web = 200;
  room.go_on(60'000);
  REQUIRE(room.outside.posts.size() == 4);
  std::set<std::string> ids;
  for (const auto& post : room.outside.posts) ids.insert(header_of(post, "Tern-Delivery"));
  CHECK(ids.size() == 1);
  CHECK(header_of(room.outside.posts.back(), "Tern-Attempt") == "4");
  CHECK(room.log().items()[0]["state"] == Json("sent"));
  room.go_on(an_hour);
  CHECK(room.outside.posts.size() == 4);
  // Each wait is three times as long, up to four hours, and gives or takes a fifth.
  CHECK(server::outgoing_delay_ms(1) == 5'000);
  CHECK(server::outgoing_delay_ms(3) == 45'000);
  CHECK(server::outgoing_delay_ms(20) == 4 * an_hour);
}

TEST_CASE("a webhook at which nobody answered for a day is turned off, and administrators are told",
          "[server][outgoing]") {
  SendingRoom room;
  room.add_hook();
  room.outside.web = 0;
  static_cast<void>(room.ticket());
  for (int hours = 0; hours < 30; ++hours) room.go_on(an_hour);
  CHECK(room.log().items()[0]["state"] == Json("given_up"));
  CHECK(room.house.command(cmd("webhook list"))["rows"].items()[0]["active"] == Json(false));
  Panel admin(room.house);
  const auto told_of_it = [&] {
    std::vector<std::string> out;
    const Json all = admin.good(request_of("get_notifications"));
    for (const Json& one : all.items())
      if (one["type"] == Json("webhook_off")) out.push_back(one["text"].as_string());
    return out;
  };
  REQUIRE(told_of_it().size() == 1);
  CHECK(told_of_it()[0].find("Billing") != std::string::npos);
  const std::size_t before = room.outside.posts.size();
  static_cast<void>(room.ticket("More"));
  room.go_on();
  CHECK(room.outside.posts.size() == before);
  // Turned on again it is told of what happens from then on; gone for good, it is off at once.
  room.house.command(cmd("webhook enable", {{"name", Json("Billing")}}));
  room.outside.web = 410;
  static_cast<void>(room.ticket("Even more"));
  room.go_on();
  CHECK(room.outside.posts.size() == before + 1);
  CHECK(room.house.command(cmd("webhook list"))["rows"].items()[0]["active"] == Json(false));
  CHECK(is_verified(room.house));
}

TEST_CASE("what cannot be noted is not sent, and what went out without a note of it is not sent again at once",
          "[server][outgoing][I30]") {
  SendingRoom room;
  room.add_hook();
  const auto file = room.file();
  const auto refuse_notes = [&](const std::string& when) {
    must(file->exec("CREATE TRIGGER noted BEFORE UPDATE ON outgoing WHEN " + when +
                    " BEGIN SELECT RAISE(ABORT, 'not now'); END"));
  };
  refuse_notes("1");
  static_cast<void>(room.ticket());
  room.go_on();
  CHECK(room.outside.posts.empty());
  must(file->exec("DROP TRIGGER noted"));
  refuse_notes("NEW.state <> 0");
  for (int i = 0; i < 10; ++i) room.go_on();
  CHECK(room.outside.posts.size() == 2);
  must(file->exec("DROP TRIGGER noted"));
  room.go_on(an_hour);
  REQUIRE(room.outside.posts.size() == 3);
  CHECK(header_of(room.outside.posts[2], "Tern-Attempt") == "3");
  CHECK(room.log().items()[0]["state"] == Json("sent"));
}

TEST_CASE("a webhook that is turned off while something goes to it stays off, and what went there stays given up",
          "[server][outgoing]") {
  SendingRoom room;
  room.add_hook();
  room.outside.meanwhile = [&] { room.house.command(cmd("webhook disable", {{"name", Json("Billing")}})); };
  static_cast<void>(room.ticket());
  room.go_on();
  CHECK(room.outside.posts.size() == 1);
  CHECK(room.log().items()[0]["state"] == Json("given_up"));
  CHECK(room.log().items()[0]["said"] == Json("off"));
  CHECK_FALSE(room.hook_is_on());
}

TEST_CASE("what the server itself cannot make is tried again later, and turns no webhook off", "[server][outgoing]") {
  SendingRoom room;
  room.add_hook();
  const auto directory = file_at(room.house.options().directory + "/server.db");
  must(directory->exec("ALTER TABLE channel_secret RENAME TO elsewhere"));
  static_cast<void>(room.ticket());
  room.go_on();
  CHECK(room.log().items()[0]["state"] == Json("waiting"));
  CHECK(room.log().items()[0]["attempts"] == Json(1));
  for (int hours = 0; hours < 30; ++hours) room.go_on(an_hour);
  CHECK(room.log().items()[0]["state"] == Json("given_up"));
  CHECK(room.hook_is_on());
  must(directory->exec("ALTER TABLE elsewhere RENAME TO channel_secret"));
  CHECK(room.outside.posts.empty());
  static_cast<void>(room.ticket("Again"));
  room.go_on();
  CHECK(room.outside.posts.size() == 1);
}

TEST_CASE("a server that had no memory for a delivery goes on, and makes it later", "[server][outgoing]") {
  SendingRoom room;
  room.add_hook();
  room.outside.meanwhile = [] { throw std::bad_alloc(); };
  static_cast<void>(room.ticket());
  room.go_on();
  CHECK(room.log().items()[0]["state"] == Json("waiting"));
  CHECK(room.house.core->metrics().find("tern_webhooks_failed_total 1") != std::string::npos);
  room.go_on(10'000);
  CHECK(room.outside.posts.size() == 2);
  CHECK(room.log().items()[0]["state"] == Json("sent"));
}

TEST_CASE("a day without the server turns no webhook off: eight attempts come first", "[server][outgoing]") {
  SendingRoom room;
  room.add_hook();
  static_cast<void>(room.ticket());
  room.house.environment.advance(30 * an_hour);
  room.outside.web = 0;
  room.go_on();
  CHECK(room.log().items()[0]["state"] == Json("waiting"));
  CHECK(room.hook_is_on());
  for (int hours = 0; hours < 12; ++hours) room.go_on(an_hour);
  CHECK(room.log().items()[0]["state"] == Json("given_up"));
  CHECK(room.log().items()[0]["attempts"] == Json(8));
  CHECK_FALSE(room.hook_is_on());
}

TEST_CASE("a tenant with much to send leaves room for others, and another one is first each time",
          "[server][outgoing]") {
  SendingRoom room;
  std::vector<std::function<void()>> under_way;
  const auto send_at_once = [&](std::size_t at_once) {
    room.house.core->use_egress(
        room.outside, [&](std::function<void()> work) { under_way.push_back(std::move(work)); }, at_once);
  };
  const auto done = [&] {
    for (const auto& work : std::exchange(under_way, {})) work();
  };
  const auto add = [&](const std::string& name, const std::string& owner, Json::Member tenant) {
    room.house.command(
        cmd("webhook add",
            {{"name", Json(name)}, {"url", Json("https://" + name + ".example/")}, {"owner", Json(owner)}, tenant}));
    room.house.command(cmd("webhook test", {{"name", Json(name)}, tenant}));
  };
  send_at_once(4);
  room.house.command(cmd("tenant add", {{"name", Json("Other")}}));
  room.house.add_operator("bo", "supervisor", "Other");
  for (const char* name : {"a", "b", "c", "d", "e"}) add(name, "ann", {"tenant", Json("Pumps")});
  add("other", "bo", {"tenant", Json("Other")});
  const auto to_other = [&] {
    return std::ranges::count(room.outside.posts, std::string("https://other.example/"), &server::WebPost::url);
  };
  room.go_on();
  CHECK(under_way.size() == 3);
  done();
  CHECK(to_other() == 1);
  send_at_once(1);
  room.house.command(cmd("webhook test", {{"name", Json("other")}, {"tenant", Json("Other")}}));
  for (int i = 0; i < 2; ++i) {
    room.go_on();
    CHECK(under_way.size() == 1);
    done();
  }
  CHECK(to_other() == 2);
}

TEST_CASE("a webhook is told what its owner may read, and nothing once they may not", "[server][outgoing]") {
  SendingRoom room;
  const Json queue = room.house.command(cmd("queue add", {{"name", Json("Depot")}}));
  room.house.add_operator("bob", "operator");
  Device device(room.house, "ann", "all");
  must(device.open_session());
  TicketId ticket;
  ticket.bytes.fill(7);
  const auto push = [&](sync::Intent intent, const std::string& text, sync::Visibility visibility) {
    sync::Change change = device.change(intent, ticket);
    if (intent == sync::Intent::move_queue)
      change.target = from_uuid_text(queue["id"].as_string()).value();
    else
      change.visibility = visibility;
    change.text = text;
    device.push(change);
  };
  device.push(device.create(ticket));
  room.add_hook("bob");
  push(sync::Intent::message, "for supervisors", sync::Visibility::restricted);
  push(sync::Intent::message, "for all of us", sync::Visibility::team);
  room.go_on();
  REQUIRE(room.events() == std::vector<std::string>{"note.added"});
  CHECK(body_of(room.outside.posts[0])["message"]["text"] == Json("for all of us"));
  CHECK(body_of(room.outside.posts[0])["message"]["visibility"] == Json("team"));
  push(sync::Intent::move_queue, "", {});  // none of Bob's
  push(sync::Intent::message, "for the depot", sync::Visibility::open);
  room.go_on();
  CHECK(room.outside.posts.size() == 1);
  // What waits is judged again when it is sent.
  const Json his = room.ticket();
  room.outside.web = 500;
  room.go_on();
  CHECK(room.events().back() == "ticket.created");
  CHECK(body_of(room.outside.posts.back())["ticket"]["id"] == his);
  room.house.command(cmd("operator disable", {{"operator", Json("bob")}}));
  room.outside.web = 200;
  const std::size_t before = room.outside.posts.size();
  room.go_on(10'000);
  CHECK(room.outside.posts.size() == before);
  CHECK(room.log().items()[0]["state"] == Json("dropped"));
  CHECK(room.log().items()[0]["said"] == Json("gone"));
  const std::string metrics = room.house.core->metrics();
  CHECK(metrics.find("tern_webhooks_dropped_total 1") != std::string::npos);
  CHECK(metrics.find("tern_mails_dropped_total 0") != std::string::npos);
}

TEST_CASE("a webhook is told of the events that it names, is tested, and gets another secret", "[server][outgoing]") {
  const NothingFails once;
  SendingRoom room;
  room.add_hook("ann", {Json("ticket.resolved")});
  const Json ticket = room.ticket();
  room.good(room.on("take_ticket", ticket));
  room.good(room.on("complete_ticket", ticket, {{"result", Json("Done.")}}));
  room.go_on();
  CHECK(room.events() == std::vector<std::string>{"ticket.resolved"});
  room.house.command(cmd("webhook test", {{"name", Json("Billing")}}));
  room.house.command(cmd("webhook rotate", {{"name", Json("Billing")}, {"hours", Json(1)}}));
  room.go_on();
  REQUIRE(room.events().back() == "test");
  const auto signature_of = [&] { return header_of(room.outside.posts.back(), "Tern-Signature"); };
  CHECK(signature_of().size() == 2 * 68 + 12);
  room.house.environment.advance(an_hour);
  room.house.command(cmd("webhook test", {{"name", Json("Billing")}}));
  room.go_on();
  CHECK(signature_of().size() == 68 + 12);
  CHECK(code_of(room.house, cmd("webhook add", {{"name", Json("B")},
                                                {"url", Json("http://plain.example/")},
                                                {"owner", Json("ann")}})) == ErrorCode::invalid);
  CHECK(code_of(room.house, cmd("webhook log", {{"name", Json("Nobody")}})) == ErrorCode::not_found);
  // The API shows it, but sets none of it and does not take it away.
  Panel admin(room.house);
  const Json shown = admin.good(request_of("get_channels_status")).items()[0];
  CHECK(shown["type"] == Json("webhook"));
  CHECK(admin.refusal(request_of("update_channel", {{"channel_id", shown["id"]}, {"secret", Json("mine")}})) ==
        "invalid channel_id");
  CHECK(admin.refusal(request_of("delete_channel", {{"channel_id", shown["id"]}})) == "invalid channel_id");
  room.house.command(cmd("webhook remove", {{"name", Json("Billing")}}));
  CHECK(room.house.command(cmd("webhook list"))["rows"].size() == 0);
}

TEST_CASE("customers get mail of their request, of answers and of its end, each once, in their language",
          "[server][outgoing]") {
  SendingRoom room;
  room.set_mail({{"language", Json("de")}});
  const Json ticket = room.of_joe();
  room.go_on();
  REQUIRE(room.outside.mails.size() == 1);
  const server::MailPost received = room.outside.mails[0];
  CHECK(received.recipient == "joe@customer.example");
  CHECK(received.sender.empty());
  CHECK(received.content.find("Auto-Submitted: auto-replied\r\n") != std::string::npos);
  CHECK(received.content.find("X-Auto-Response-Suppress: All\r\n") != std::string::npos);
  CHECK(received.content.find("Precedence: auto_reply\r\n") != std::string::npos);
  CHECK(received.content.find("Wir haben Ihre Anfrage erhalten") != std::string::npos);
  CHECK(received.content.find("Pump leaks") == std::string::npos);  // nothing that the customer wrote
  CHECK(room.outside.servers[0].password == "mail secret");
  room.reply(ticket, "We come.");
  room.good(room.on("add_message", ticket, {{"message", Json("For us.")}, {"is_note", Json(true)}}));
  room.go_on();
  REQUIRE(room.outside.mails.size() == 2);
  const server::MailPost replied = room.outside.mails[1];
  CHECK(replied.sender == "support@pumps.example");
  const Json messages = room.good(room.on("get_ticket", ticket))["messages"];
  REQUIRE(messages.size() == 3);
  CHECK(messages.items()[1]["delivery_status"] == Json("delivered"));
  CHECK(replied.content.find("Auto-Submitted") == std::string::npos);
  CHECK(replied.content.find("Pump leaks\r\n") != std::string::npos);
  CHECK(replied.content.find("References: <t.") != std::string::npos);
  CHECK(replied.content.find("Reply-To: support+") != std::string::npos);
  room.good(room.on("take_ticket", ticket));
  room.good(room.on("complete_ticket", ticket, {{"result", Json("Tightened.")}}));
  room.go_on();
  REQUIRE(room.outside.mails.size() == 3);
  room.house.reopen();
  room.connect();
  room.go_on();
  CHECK(room.outside.mails.size() == 3);
  const Json rows = room.log("mail log");
  REQUIRE(rows.size() == 3);
  CHECK(rows.items()[0]["event"] == Json("resolved"));
  CHECK(rows.items()[0]["to"] == Json("Joe Smith"));
  CHECK(is_verified(room.house));
}

TEST_CASE("a reply that is withheld is mailed, and told to webhooks, once it is sent and never before",
          "[server][outgoing]") {
  SendingRoom room;
  room.set_mail();
  const Json ticket = room.of_joe();
  const Json seen = room.good(room.on("get_ticket", ticket))["messages"].items().back()["id"];
  room.good_of_client(room.on("add_message", ticket, {{"message", Json("It is pump 7.")}}), room.token);
  room.add_hook("ann", {Json("message.added")});
  room.go_on();
  const std::size_t mails = room.outside.mails.size(), posts = room.outside.posts.size();
  const Json reply =
      room.good(room.on("add_message", ticket, {{"message", Json("Which pump is it?")}, {"seen_message_id", seen}}));
  CHECK(reply["delivery_status"] == Json("withheld"));
  room.go_on();
  CHECK(room.outside.mails.size() == mails);
  CHECK(room.outside.posts.size() == posts);
  room.good(act("send_message", {{"message_id", reply["id"]}}));
  room.go_on();
  REQUIRE(room.outside.mails.size() == mails + 1);
  CHECK(text_of_mail(room.outside.mails.back()).find("Which pump is it?") != std::string::npos);
  REQUIRE(room.outside.posts.size() == posts + 1);
  CHECK(room.events().back() == "message.added");
  CHECK(is_verified(room.house));
}

TEST_CASE("an answer that is mailed ends with its author's signature", "[server][outgoing]") {
  SendingRoom room;
  room.set_mail();
  const auto sign = [&](const char* words) {
    return cmd("operator set", {{"operator", Json("ann")}, {"signature", Json(words)}});
  };
  const Json ticket = room.of_joe();
  const auto answer = [&] {
    room.reply(ticket, "We come.");
    room.go_on();
    std::string text = text_of_mail(room.outside.mails.back());
    std::erase(text, '\r');
    INFO(text);
    CHECK(text.find("We come.\n\n") != std::string::npos);
    return text;
  };
  CHECK(answer().find("We come.\n\nPumps") != std::string::npos);
  room.house.command(sign("Ann Lee\nField service"));
  CHECK(answer().find("We come.\n\nAnn Lee\nField service\nPumps") != std::string::npos);
  room.house.command(sign(""));
  CHECK(answer().find("Ann Lee") == std::string::npos);
  CHECK(code_of(room.house, sign("a\rb")) == ErrorCode::invalid);
  CHECK(code_of(room.house, sign(std::string(1'001, 'x').c_str())) == ErrorCode::invalid);
}

TEST_CASE("contacts who watch a ticket are mailed its answers while they watch", "[server][outgoing]") {
  SendingRoom room;
  room.set_mail();
  room.house.command(cmd("contact add", {{"name", Json("Kim")}, {"email", Json("kim@customer.example")}}));
  const Json ticket = room.of_joe(), contacts = room.house.command(cmd("contact list"))["rows"];
  const auto kim =
      std::ranges::find_if(contacts.items(), [](const Json& contact) { return contact["name"] == Json("Kim"); });
  REQUIRE(kim != contacts.items().end());
  const Json exported = room.house.command(cmd("export"))["rows"].items().back();
  REQUIRE(exported["subject"] == Json("Pump leaks"));
  Device ann(room.house, "ann", "all");
  must(ann.open_session());
  const auto kim_watches = [&](sync::Intent intent) {
    sync::Change change =
        ann.change(intent, TicketId::or_zero(from_uuid_text(exported["id"].as_string()).value_or(Bytes())));
    change.kind = 1;
    change.target = from_uuid_text((*kim)["id"].as_string()).value_or(Bytes());
    ann.push(change);
  };
  const auto answered = [&](
                            const char* words, const std::function<void()>& meanwhile = [] {}) {
    room.go_on();
    room.outside.mails.clear();
    room.reply(ticket, words);
    meanwhile();
    room.go_on();
    std::multiset<std::string> out;
    for (const server::MailPost& mail : room.outside.mails) out.insert(mail.recipient);
    return out;
  };
  using To = std::multiset<std::string>;
  CHECK(answered("One.") == To{"joe@customer.example"});
  // One person with two records is written to once.
  room.house.command(cmd("contact set", {{"name", Json("Kim")}, {"email", Json("Joe@customer.example")}}));
  kim_watches(sync::Intent::watch);
  CHECK(answered("Once.").size() == 1);
  kim_watches(sync::Intent::unwatch);
  room.house.command(cmd("contact set", {{"name", Json("Kim")}, {"email", Json("kim@customer.example")}}));
  kim_watches(sync::Intent::watch);
  CHECK(answered("Two.") == To{"joe@customer.example", "kim@customer.example"});
  for (const server::MailPost& mail : room.outside.mails) {
    const std::string text = text_of_mail(mail);
    INFO(text);
    const bool theirs = text.find("about your request") != std::string::npos;
    const bool watched = text.find("which you watch") != std::string::npos;
    CHECK(theirs == (mail.recipient == "joe@customer.example"));
    CHECK(watched != theirs);
  }
  const Json shown = room.good(room.on("get_ticket", ticket))["messages"].items().back();
  CHECK(shown["delivery_status"] == Json("delivered"));
  CHECK(answered("Three.", [&] { kim_watches(sync::Intent::unwatch); }) == To{"joe@customer.example"});
  CHECK(answered("Four.") == To{"joe@customer.example"});
  CHECK(is_verified(room.house));
}

TEST_CASE("one acknowledgement goes to an address in a day, and none where nobody reads it",
          "[server][outgoing][I31]") {
  SendingRoom room;
  room.set_mail();
  static_cast<void>(room.of_joe());
  room.go_on();
  static_cast<void>(room.of_joe("Again"));
  room.go_on();
  const auto to_customers = [&] {
    return std::ranges::count_if(room.outside.mails, [](const server::MailPost& mail) {
      return mail.recipient.find("@pumps.example") == std::string::npos;  // operators are told of deadlines meanwhile
    });
  };
  CHECK(to_customers() == 1);
  CHECK(room.log("mail log").items()[0]["said"] == Json("limit"));
  room.house.environment.advance(25 * an_hour);
  room.log_joe_in();
  static_cast<void>(room.of_joe("The next day"));
  room.go_on();
  CHECK(to_customers() == 2);
  const std::size_t before = room.outside.mails.size();
  for (const char* address : {"no-reply@customer.example", "support@pumps.example", "postmaster@customer.example"}) {
    room.house.command(cmd("contact set", {{"name", Json("Joe Smith")}, {"email", Json(address)}}));
    room.reply(room.of_joe("x"), "To nobody.");
    room.go_on();
    INFO(address);
    CHECK(room.outside.mails.size() == before);
    CHECK(room.log("mail log").items()[0]["said"] == Json("address"));
  }
}

TEST_CASE("a mail that a server refuses for good is not tried again, and its address gets no automatic one for 60 days",
          "[server][outgoing]") {
  SendingRoom room;
  room.set_mail();
  room.outside.smtp = 550;
  const Json ticket = room.of_joe();
  for (int i = 0; i < 5; ++i) room.go_on(an_hour);
  CHECK(room.outside.mails.size() == 1);
  CHECK(room.log("mail log").items()[0]["state"] == Json("given_up"));
  room.outside.smtp = 250;
  room.good(room.on("take_ticket", ticket));
  room.good(room.on("complete_ticket", ticket, {{"result", Json("Tightened.")}}));
  room.go_on();
  CHECK(room.outside.mails.size() == 1);
  CHECK(room.log("mail log").items()[0]["said"] == Json("refused"));
  room.good(room.on("reopen_ticket", ticket, {{"reason", Json("It drips.")}}));
  room.reply(ticket, "Somebody wrote this.");
  room.go_on();
  CHECK(room.outside.mails.size() == 2);
  // Refused for now, it is tried again.
  room.outside.smtp = 451;
  room.reply(ticket, "And this.");
  room.go_on();
  room.outside.smtp = 250;
  room.go_on(10'000);
  CHECK(room.outside.mails.size() == 4);
  CHECK(room.outside.mails[2].content.substr(room.outside.mails[2].content.find("Message-ID")) ==
        room.outside.mails[3].content.substr(room.outside.mails[3].content.find("Message-ID")));
}

TEST_CASE("a mail whose text a server refuses ends alone: its address gets others", "[server][outgoing]") {
  SendingRoom room;
  room.set_mail();
  room.outside.smtp = 554;
  room.outside.refuses_message = true;
  const Json ticket = room.of_joe();
  for (int i = 0; i < 5; ++i) room.go_on(an_hour);
  CHECK(room.outside.mails.size() == 1);
  CHECK(room.log("mail log").items()[0]["state"] == Json("given_up"));
  CHECK(room.log("mail log").items()[0]["said"] == Json("message refused (554)"));
  room.outside.smtp = 250;
  room.good(room.on("take_ticket", ticket));
  room.good(room.on("complete_ticket", ticket, {{"result", Json("Tightened.")}}));
  room.go_on();
  CHECK(room.outside.mails.size() == 2);
}

TEST_CASE("operators get by mail what they want of what they are told", "[server][outgoing]") {
  SendingRoom room;
  room.set_mail();
  Panel bob = Panel::of(room.house, "bob", "operator");
  room.house.command(cmd("operator set", {{"operator", Json("bob")}, {"language", Json("uk")}}));
  const Json ticket = room.ticket();
  room.give(ticket, "bob");
  room.good(room.on("update_ticket", ticket, {{"priority", Json("low")}}));  // told, and not by mail
  room.go_on();
  REQUIRE(room.outside.mails.size() == 1);
  CHECK(room.outside.mails[0].recipient == "bob@pumps.example");
  CHECK(room.outside.mails[0].content.find("Auto-Submitted: auto-generated\r\n") != std::string::npos);
  CHECK(room.outside.mails[0].content.find("=?utf-8?B?") != std::string::npos);
  room.house.command(cmd("operator set", {{"operator", Json("bob")}, {"mail", Json::array({Json("none")})}}));
  room.give(room.ticket("Another"), "bob");
  room.go_on();
  CHECK(room.outside.mails.size() == 1);
  room.house.command(cmd("operator set", {{"operator", Json("bob")}, {"mail", Json::array({Json("changed")})}}));
  room.good(room.on("update_ticket", ticket, {{"priority", Json("high")}}));
  room.go_on();
  CHECK(room.outside.mails.size() == 2);
  CHECK(code_of(room.house, cmd("operator set", {{"operator", Json("bob")}, {"mail", Json::array({Json("x")})}})) ==
        ErrorCode::invalid);
  bob.good(request_of("get_notifications", {{"mail", Json::array({Json("none")})}}));
  room.good(room.on("update_ticket", ticket, {{"priority", Json("low")}}));
  CHECK(bob.good(request_of("notif_count"))["mailed"].size() == 0);
  room.house.command(cmd("mail test", {{"operator", Json("bob")}}));
  room.go_on();
  CHECK(room.outside.mails.size() == 3);
}

TEST_CASE("after a restore what waited goes to webhooks under the same name, and no customer gets a mail twice",
          "[server][outgoing]") {
  SendingRoom room;
  room.set_mail();
  room.add_hook();
  room.outside.web = room.outside.smtp = 0;
  static_cast<void>(room.of_joe());
  room.go_on();
  REQUIRE(room.outside.posts.size() == 1);
  REQUIRE(room.outside.mails.size() == 1);
  const std::string backup = room.house.folder.file("backup");
  room.house.command(cmd("backup", {{"to", Json(backup)}}));
  room.outside.web = room.outside.smtp = 250;
  room.go_on(10'000);  // both go out, which the backup does not know
  REQUIRE(room.outside.mails.size() == 2);
  room.house.core.reset();
  must(server::ServerCore::administer_offline(
      room.house.options(),
      cmd("restore",
          {{"from", Json(backup)}, {"recovery-key", Json(room.house.recovery_key)}, {"replace", Json(true)}}),
      room.house.environment));
  room.house.reopen();
  room.connect();
  room.go_on(an_hour);
  REQUIRE(room.outside.posts.size() == 3);
  CHECK(header_of(room.outside.posts[2], "Tern-Delivery") == header_of(room.outside.posts[0], "Tern-Delivery"));
  CHECK(room.outside.mails.size() == 2);
  CHECK(room.log("mail log").items()[0]["said"] == Json("restored"));
  // New ones have numbers, and so names, that none had before.
  const std::int64_t last = room.log("mail log").items()[0]["n"].as_integer();
  room.reply(Json(2), "We come.");
  room.go_on();
  CHECK(room.log("mail log").items()[0]["n"].as_integer() > last + 1'000);
  CHECK(is_verified(room.house));
}

TEST_CASE("who forgot a password is mailed a link, and the answer is the same for who is nobody",
          "[server][outgoing][security]") {
  SendingRoom room;
  room.set_mail();
  room.house.command(cmd("operator set", {{"operator", Json("ann")}, {"password", Json("a password of ann")}}));
  room.house.command(cmd("operator set", {{"operator", Json("ann")}, {"language", Json("de")}}));
  must(room.house.core->found_public_url("https://desk.example/"));
  room.house.command(cmd("operator add", {{"email", Json("cid@pumps.example")}, {"role", Json("operator")}}));
  const auto forgets = [&](const char* login) {
    return without_its_id(room.ask(act("forgot_password", {{"login", Json(login)}})).body);
  };
  room.key.clear();
  const std::string same = forgets("Ann@pumps.example");
  CHECK(same == forgets("nobody@pumps.example"));
  CHECK(same == forgets("cid@pumps.example"));  // who never had a password gets one from an administrator
  CHECK(room.outside.mails.empty());
  room.go_on();
  REQUIRE(room.outside.mails.size() == 1);
  const server::MailPost& mail = room.outside.mails[0];
  CHECK(mail.recipient == "ann@pumps.example");
  CHECK(mail.sender.empty());
  const std::string text = text_of_mail(mail), start = "https://desk.example/reset#rt_";
  const auto at = text.find(start);
  REQUIRE(at != std::string::npos);
  const std::string token = text.substr(at + start.size() - 3, 3 + 2 * (16 + 16 + 32));
  CHECK(text.find("hat ein neues Passwort") != std::string::npos);
  // Asked again at once there is no second mail; later there is, and its link is the one that counts.
  forgets("ann@pumps.example");
  room.go_on();
  CHECK(room.outside.mails.size() == 1);
  room.go_on(6 * 60'000);
  forgets("ann@pumps.example");
  room.go_on();
  REQUIRE(room.outside.mails.size() == 2);
  const std::string newer = text_of_mail(room.outside.mails[1]);
  const auto reset = [&](const std::string& with) {
    return room.ask(act("reset_password", {{"token", Json(with)}, {"password", Json("another password")}}));
  };
  CHECK(said(reset(token)) == "login_refused");
  CHECK(reset(newer.substr(newer.find("rt_"), token.size())).status == 200);
  for (const std::string& line : room.house.log) CHECK(line.find("rt_") == std::string::npos);
  CHECK(to_text(room.log("mail log")).find("rt_") == std::string::npos);
  room.house.environment.advance(60'000);
  for (int i = 0; i < 5; ++i) CHECK(forgets("nobody@pumps.example") == same);
  CHECK(room.ask(act("forgot_password", {{"login", Json("nobody@pumps.example")}})).status == 429);
  CHECK(is_verified(room.house));
}

TEST_CASE("five links a day are mailed to an address, and each attempt to mail one makes another",
          "[server][outgoing][security]") {
  SendingRoom room;
  room.set_mail();
  room.house.command(cmd("operator set", {{"operator", Json("ann")}, {"password", Json("a password of ann")}}));
  must(room.house.core->found_public_url("https://desk.example"));
  room.key.clear();
  room.outside.smtp = 0;
  room.ask(act("forgot_password", {{"login", Json("ann@pumps.example")}}));
  room.go_on();
  room.outside.smtp = 250;
  room.go_on(10'000);
  REQUIRE(room.outside.mails.size() == 2);
  CHECK(text_of_mail(room.outside.mails[0]) != text_of_mail(room.outside.mails[1]));
  for (int i = 0; i < 8; ++i) {
    room.go_on(6 * 60'000);
    room.ask(act("forgot_password", {{"login", Json("ann@pumps.example")}}));
    room.go_on();
  }
  CHECK(room.outside.mails.size() == 6);
  CHECK(room.log("mail log").items()[0]["said"] == Json("limit"));
  CHECK(room.log("mail log").items()[0]["event"] == Json("reset_link"));
}

namespace {

/// Who forgets their password, and what they are mailed.
struct ForgetfulRoom : SendingRoom {
  ForgetfulRoom() {
    set_mail();
    set_password("a password of ann");
    key.clear();
  }
  void set_password(const char* password) {
    house.command(cmd("operator set", {{"operator", Json("ann")}, {"password", Json(password)}}));
  }
  void forget() {
    CHECK(ask(act("forgot_password", {{"login", Json("ann@pumps.example")}})).status == 200);
    go_on();
  }
  static std::string token_in(const std::string& text) {
    const auto at = text.find("rt_");
    REQUIRE(at != std::string::npos);
    return text.substr(at, 3 + 2 * (16 + 16 + 32));
  }
  std::string mailed(std::size_t n) { return token_in(text_of_mail(outside.mails.at(n))); }
  std::string made() {
    return token_in(house.command(cmd("operator reset-link", {{"operator", Json("ann")}}))["link"].as_string());
  }
  /// Uses nothing up.
  bool opens(const std::string& token) {
    house.environment.advance(60'000);  // so many a minute
    return said(ask(act("reset_password", {{"token", Json(token)}, {"password", Json("short")}})), "field") ==
           "password";
  }
  Json last() { return log("mail log").items()[0]; }
};

}  // namespace

TEST_CASE("a link that is mailed ends the mailed one before once it is out, and none of an administrator",
          "[server][outgoing][security]") {
  ForgetfulRoom room;
  const std::string made = room.made();
  room.forget();
  REQUIRE(room.outside.mails.size() == 1);
  const std::string first = room.mailed(0);
  CHECK(room.opens(made));
  CHECK(room.opens(first));
  room.go_on(6 * 60'000);
  room.outside.smtp = 0;
  room.forget();
  REQUIRE(room.outside.mails.size() == 2);
  CHECK(room.opens(first));  // nobody has the second
  room.outside.smtp = 250;
  room.go_on(60'000);
  REQUIRE(room.outside.mails.size() == 3);
  CHECK_FALSE(room.opens(first));
  CHECK_FALSE(room.opens(room.mailed(1)));
  CHECK(room.opens(made));
  CHECK(room.opens(room.mailed(2)));
  const std::string another = room.made();
  CHECK_FALSE(room.opens(made));
  CHECK(room.opens(room.mailed(2)));
  CHECK(room.opens(another));
  room.set_password("set by an administrator");
  CHECK_FALSE(room.opens(another));
  CHECK_FALSE(room.opens(room.mailed(2)));
  CHECK(is_verified(room.house));
}

TEST_CASE("a link that waits to be mailed is not made any more once there is another password, or an hour later",
          "[server][outgoing][security]") {
  ForgetfulRoom room;
  room.outside.smtp = 0;
  room.forget();
  REQUIRE(room.outside.mails.size() == 1);
  room.set_password("set by an administrator");
  room.outside.smtp = 250;
  room.go_on(60'000);
  CHECK(room.outside.mails.size() == 1);
  CHECK(room.last()["said"] == Json("ended"));
  CHECK(room.last()["state"] == Json("dropped"));
  room.go_on(10 * 60'000);
  room.outside.smtp = 0;
  room.forget();
  CHECK(room.outside.mails.size() == 2);
  room.outside.smtp = 250;
  room.go_on(an_hour);
  CHECK(room.outside.mails.size() == 2);
  CHECK(room.last()["said"] == Json("gone"));
}

TEST_CASE("links are mailed for an https address that the server was told, and for no other",
          "[server][outgoing][security]") {
  ForgetfulRoom room;
  const auto serve = [&](const char* url, bool told) {
    room.house.core.reset();
    server::ServerOptions options = room.house.options();
    options.public_url = url;
    options.public_url_told = told;
    room.house.core = must(server::ServerCore::open(options, room.house.environment));
    room.connect();
    room.go_on(6 * 60'000);
    room.forget();
  };
  serve("http://desk.example", true);
  CHECK(room.outside.mails.empty());
  CHECK(room.last()["said"] == Json("no_url"));
  serve("https://10.0.0.7:8470", false);
  CHECK(room.outside.mails.empty());
  serve("", true);
  CHECK(room.outside.mails.empty());
  serve("https://desk.example/", true);
  REQUIRE(room.outside.mails.size() == 1);
  CHECK(text_of_mail(room.outside.mails[0]).find("https://desk.example/reset#rt_") != std::string::npos);
}

TEST_CASE("mail is set up with TLS and a password that nobody is shown again", "[server][outgoing]") {
  SendingRoom room;
  CHECK(code_of(room.house, cmd("mail show")) == ErrorCode::not_found);
  CHECK(code_of(room.house, cmd("mail set", {{"host", Json("smtp.pumps.example")}})) == ErrorCode::usage);
  room.set_mail();
  const Json shown = room.house.command(cmd("mail show"));
  CHECK(shown["security"] == Json("starttls"));
  CHECK(shown["has_password"] == Json(true));
  CHECK(to_text(shown).find("mail secret") == std::string::npos);
  CHECK(code_of(room.house, cmd("mail set", {{"security", Json("plain")}})) == ErrorCode::not_permitted);
  CHECK(room.house.command(cmd("mail set", {{"security", Json("plain")}, {"host", Json("localhost")}}))["host"] ==
        Json("localhost"));
  for (const char* from : {"no address", "a\r\nBcc: b@c.example", "much.too.long.before.its.at@pumps.example"})
    CHECK(code_of(room.house, cmd("mail set", {{"from", Json(from)}})) == ErrorCode::invalid);
  room.house.command(cmd("mail set", {{"off", Json(true)}}));
  room.reply(room.of_joe(), "Not by mail.");
  room.go_on();
  CHECK(room.outside.mails.empty());
  CHECK(room.house.core->metrics().find("tern_mails_waiting 0") != std::string::npos);
}

}  // namespace tern::test
