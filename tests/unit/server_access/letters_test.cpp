// Mails as they travel, and the words that they are made of.
#include <set>

#include "outgoing/letter_words.hpp"
#include "outgoing/mail_form.hpp"
#include "support/catch.hpp"
#include "tern/protocol/base64.hpp"
#include "tern/protocol/text.hpp"

namespace tern::test {
namespace {

using server::Letter;
using server::LetterLanguage;

Letter a_letter() {
  Letter out;
  out.from_address = "support@pumps.example";
  out.from_name = "Pumps";
  out.to_address = "joe@customer.example";
  out.to_name = "Joe Smith";
  out.subject = "Hello";
  out.text = "Hello\n";
  out.message_id = "<a@b>";
  out.at_ms = 1'700'000'000'000;
  return out;
}

std::string head_of(const Letter& letter) {
  const std::string mail = server::to_mail(letter);
  return mail.substr(0, mail.find("\r\n\r\n") + 2);
}

/// Names of headers; a line that begins with a space goes on.
std::vector<std::string> headers_of(const std::string& head) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at < head.size(); at = head.find("\r\n", at) + 2)
    if (head[at] != ' ') out.push_back(head.substr(at, head.find(':', at) - at));
  return out;
}

}  // namespace

TEST_CASE("no text in a mail makes a header, whatever it holds", "[server][letters]") {
  const auto usual = headers_of(head_of(a_letter()));
  CHECK(usual == std::vector<std::string>{"Date", "From", "To", "Subject", "Message-ID", "MIME-Version", "Content-Type",
                                          "Content-Transfer-Encoding"});
  CHECK(rc::check("any bytes in subject and names", [&](const std::string& subject, const std::string& name) {
    Letter letter = a_letter();
    letter.subject = subject;
    letter.from_name = letter.to_name = name;
    const std::string head = head_of(letter);
    RC_ASSERT(headers_of(head) == usual);
    for (std::size_t i = 0; i < head.size(); ++i) {
      const auto c = static_cast<unsigned char>(head[i]);
      RC_ASSERT((c >= 0x20 && c < 0x7f) || c == '\r' || c == '\n');
      if (c == '\n') RC_ASSERT(i > 0 && head[i - 1] == '\r');
    }
  }));
  Letter letter = a_letter();
  letter.subject = "Hi\r\nBcc: eve@evil.example\r\n\r\nbody";
  letter.to_name = "Joe\"\r\nX: y";
  CHECK(headers_of(head_of(letter)) == usual);
  CHECK(head_of(letter).find("Subject: Hi  Bcc: eve@evil.example    body\r\n") != std::string::npos);
}

TEST_CASE("text that is not ASCII travels as encoded words of whole characters, and the body in base64",
          "[server][letters]") {
  CHECK(server::header_words("plain") == "plain");
  CHECK(server::header_words("Гаразд") == "=?utf-8?B?0JPQsNGA0LDQt9C0?=");
  CHECK(server::header_words("=?utf-8?B?WA==?=").starts_with("=?utf-8?B?PT9"));  // what looks like one is none
  std::string cyrillic = "x", back;
  for (int i = 0; i < 100; ++i) cyrillic += "ї";
  const std::string words = server::header_words(cyrillic);
  for (std::size_t at = 0; at < words.size();) {
    const std::size_t end = std::min(words.find("\r\n ", at), words.size());
    const std::string word = words.substr(at, end - at);
    CHECK(word.size() <= 75);
    const auto raw = from_base64(word.substr(10, word.size() - 12));
    REQUIRE(raw);
    CHECK(protocol::is_nfc(*raw));
    back += *raw;
    at = end + 3;
  }
  CHECK(back == cyrillic);
  Letter letter = a_letter();
  letter.text = std::string(500, 'x') + "\n.\nend";
  const std::string mail = server::to_mail(letter);
  std::string body = mail.substr(mail.find("\r\n\r\n") + 4), joined;
  for (std::size_t at = 0; at < body.size(); at = body.find("\r\n", at) + 2) {
    CHECK(body.find("\r\n", at) - at <= 76);
    joined += body.substr(at, body.find("\r\n", at) - at);
  }
  CHECK(from_base64(joined).value_or("") == std::string(500, 'x') + "\r\n.\r\nend");
  CHECK(mail.starts_with("Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n"));
}

TEST_CASE("what mails of a ticket are called tells the ticket, and is nobody's to make up", "[server][letters]") {
  const Bytes key(32, 'k'), other(32, 'o');
  const server::ReplyNames names(key, "support@pumps.example"), others(other, "support@pumps.example");
  const TicketId ticket = TicketId::or_zero(Bytes(16, '\1')), another = TicketId::or_zero(Bytes(16, '\2'));
  const std::string id = names.message_id(ticket, 7);
  CHECK(id.starts_with("<t.040g"));
  CHECK(id.ends_with("@pumps.example>"));
  CHECK(id.size() == std::string("<t..7.@pumps.example>").size() + 26 + 12);
  CHECK(id == names.message_id(ticket, 7));
  for (const std::string& unlike :
       {names.message_id(ticket, 8), names.message_id(another, 7), others.message_id(ticket, 7)})
    CHECK(unlike.substr(unlike.find('@') - 12, 12) != id.substr(id.find('@') - 12, 12));
  const std::string to = names.reply_to(ticket, "Joe@Customer.example");
  CHECK(to == names.reply_to(ticket, "joe@customer.example"));
  CHECK(to != names.reply_to(ticket, "eve@customer.example"));
  CHECK(to.find('@') <= 64);
  CHECK(names.hashed("Joe@customer.example") == names.hashed("joe@customer.example"));
  CHECK(names.hashed("joe@customer.example") != others.hashed("joe@customer.example"));
}

TEST_CASE("addresses that nobody reads are known by their names", "[server][letters]") {
  for (const char* address : {"noreply@a.example", "no-reply@a.example", "No_Reply@a.example", "do-not-reply@a.example",
                              "donotreply+x@a.example", "MAILER-DAEMON@a.example", "postmaster@a.example",
                              "abuse@a.example", "root@a.example", "billing-noreply@a.example"}) {
    INFO(address);
    CHECK(server::is_nobodys_address(address));
  }
  for (const char* address : {"joe@noreply.example", "rooty@a.example", "reply@a.example", "joe+root@a.example"}) {
    INFO(address);
    CHECK_FALSE(server::is_nobodys_address(address));
  }
}

TEST_CASE("each mail has its words in each language, and a recipient's goes before the tenant's", "[server][letters]") {
  REQUIRE(server::letter_languages().size() == 5);
  std::set<std::string> texts;
  for (std::size_t i = 0; i < server::letter_languages().size(); ++i) {
    const auto language = static_cast<LetterLanguage>(i);
    for (const char* event : {"received", "replied", "resolved", "replied_watched", "resolved_watched", "csat",
                              "rating", "reset_link", "test"}) {
      const auto words = server::letter_words(event, language);
      CHECK_FALSE(words.subject.empty());
      CHECK(texts.insert(std::string(words.text)).second);
    }
    for (const std::string_view name : server::notification_names()) {
      INFO(name);
      CHECK_FALSE(server::told_words(*server::notification_from_name(name), language).empty());
    }
    CHECK(server::letter_words("received", language).text.find("{subject}") == std::string_view::npos);
  }
  CHECK(server::letter_language("de-AT", "uk") == LetterLanguage::de);
  CHECK(server::letter_language("KK", "uk") == LetterLanguage::kk);
  CHECK(server::letter_language("fr", "uk") == LetterLanguage::uk);
  CHECK(server::letter_language("", "") == LetterLanguage::en);
  CHECK(server::filled_in("{a} {b} {c", {{"a", "{b}"}, {"b", "2"}}) == "{b} 2 {c");
}

}  // namespace tern::test
