#include "outgoing/mail_form.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>

#include "tern/protocol/base64.hpp"
#include "tern/protocol/crockford.hpp"
#include "tern/protocol/crypto.hpp"
#include "tern/protocol/text.hpp"

namespace tern::server {
namespace {

constexpr std::size_t mac_characters = 12, base64_line_bytes = 57, encoded_word_bytes = 42;

bool is_plain(char c) {
  return c >= 0x20 && c < 0x7f;
}

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

bool continues_character(char c) {
  return (static_cast<unsigned char>(c) & 0xc0U) == 0x80;
}

/// Words of whole characters, each at most 75 bytes with what is around it.
std::string encoded_words(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    std::size_t size = std::min(text.size(), encoded_word_bytes);
    while (size > 1 && size < text.size() && continues_character(text[size])) --size;
    out += (out.empty() ? "=?utf-8?B?" : "\r\n =?utf-8?B?") + to_base64(text.substr(0, size)) + "?=";
    text.remove_prefix(size);
  }
  return out;
}

/// "Name" <address>; an address alone where nobody has a name.
std::string mailbox(const std::string& name, const std::string& address) {
  const std::string words = header_words(name);
  if (words.empty()) return address;
  if (words.starts_with("=?")) return words + " <" + address + ">";
  std::string quoted;
  for (const char c : words) quoted += c == '"' || c == '\\' ? std::string{'\\', c} : std::string(1, c);
  return "\"" + quoted + "\" <" + address + ">";
}

std::string base64_lines(std::string_view text) {
  std::string out;
  for (; !text.empty(); text.remove_prefix(std::min(text.size(), base64_line_bytes)))
    out += to_base64(text.substr(0, base64_line_bytes)) + "\r\n";
  return out;
}

std::string with_line_ends(std::string_view text) {
  std::string out;
  for (const char c : text)
    if (c == '\n')
      out += "\r\n";
    else if (c != '\r')
      out += c;
  return out;
}

}  // namespace

std::string header_words(std::string_view text) {
  std::string line(text);
  for (char& c : line)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  const bool plain = std::ranges::all_of(line, is_plain) && line.find("=?") == std::string::npos && line.size() <= 70;
  return plain ? line : encoded_words(line);
}

std::string mail_date(std::int64_t ms) {
  using namespace std::chrono;
  constexpr std::string_view week[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::string_view months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const sys_time<milliseconds> at{milliseconds{ms}};
  const auto day = floor<days>(at);
  const year_month_day date{day};
  const hh_mm_ss<seconds> time{floor<seconds>(at - day)};
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} +0000", week[weekday{day}.c_encoding()],
                     static_cast<unsigned>(date.day()), months[static_cast<unsigned>(date.month()) - 1],
                     static_cast<int>(date.year()), time.hours().count(), time.minutes().count(),
                     time.seconds().count());
}

std::string to_mail(const Letter& letter) {
  std::string out = "Date: " + mail_date(letter.at_ms) + "\r\n";
  out += "From: " + mailbox(letter.from_name, letter.from_address) + "\r\n";
  out += "To: " + mailbox(letter.to_name, letter.to_address) + "\r\n";
  if (!letter.reply_to.empty()) out += "Reply-To: " + letter.reply_to + "\r\n";
  out += "Subject: " + header_words(letter.subject) + "\r\n";
  out += "Message-ID: " + letter.message_id + "\r\n";
  if (!letter.in_reply_to.empty()) out += "In-Reply-To: " + letter.in_reply_to + "\r\n";
  for (std::size_t i = 0; i < letter.references.size(); ++i)
    out += (i == 0 ? "References: " : "\r\n ") + letter.references[i];
  if (!letter.references.empty()) out += "\r\n";
  if (!letter.auto_submitted.empty())
    out +=
        "Auto-Submitted: " + letter.auto_submitted + "\r\nX-Auto-Response-Suppress: All\r\nPrecedence: auto_reply\r\n";
  out += "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n";
  return out + base64_lines(with_line_ends(letter.text));
}

std::string domain_of(std::string_view address) {
  const auto at = address.rfind('@');
  return at == std::string_view::npos ? std::string() : std::string(address.substr(at + 1));
}

std::string ReplyNames::mac(std::string_view what, ByteView message) const {
  const protocol::Mac whole = protocol::hmac_sha256(key_, std::string(what) + "\n" + Bytes(message));
  return lower(protocol::crockford_encode(whole.view())).substr(0, mac_characters);
}

std::string ReplyNames::message_id(const TicketId& ticket, std::uint64_t n) const {
  const std::string number = std::to_string(n);
  return "<t." + lower(protocol::crockford_encode(ticket.view())) + "." + number + "." +
         mac("message", Bytes(ticket.view()) + number) + "@" + domain_of(address_) + ">";
}

std::string ReplyNames::reply_to(const TicketId& ticket, std::string_view recipient) const {
  const std::string_view local = address_.substr(0, address_.rfind('@'));
  return std::string(local) + "+" + lower(protocol::crockford_encode(ticket.view())) + "." +
         mac("recipient", Bytes(ticket.view()) + protocol::fold_case(recipient)) + "@" + domain_of(address_);
}

std::optional<TicketId> ReplyNames::ticket_of(std::string_view name, std::string_view sender) const {
  if (name.starts_with('<') && name.ends_with('>')) name = name.substr(1, name.size() - 2);
  const std::string folded = lower(std::string(name));
  const bool is_id = folded.starts_with("t.");
  const std::size_t from = is_id ? 2 : folded.find('+') + 1, dot = folded.find('.', from);
  if (from == 0 || dot == std::string::npos) return std::nullopt;
  const auto raw = protocol::crockford_decode(std::string_view(folded).substr(from, dot - from), TicketId::size_bytes);
  const auto ticket = raw ? TicketId::from(*raw) : std::nullopt;
  if (!ticket) return std::nullopt;
  std::string made = reply_to(*ticket, sender);
  if (is_id) {
    std::uint64_t n = 0;
    const char* const end = folded.data() + folded.size();
    if (std::from_chars(folded.data() + dot + 1, end, n).ec != std::errc()) return std::nullopt;
    made = message_id(*ticket, n);
    made = made.substr(1, made.size() - 2);
  }
  return protocol::equal_secret(lower(made), folded) ? ticket : std::nullopt;
}

Bytes ReplyNames::hashed(std::string_view address) const {
  return Bytes(protocol::keyed_hash("TRN1-ADDRESS", key_, protocol::fold_case(address)).view());
}

bool is_nobodys_address(std::string_view address) {
  constexpr std::string_view nobody[] = {"mailer-daemon", "postmaster", "abuse", "root"};
  constexpr std::string_view unread[] = {"noreply", "donotreply", "nepasrepondre", "bounce"};
  const std::string folded = lower(std::string(address));
  const std::string local = folded.substr(0, std::min(folded.rfind('@'), folded.find('+')));
  if (std::ranges::find(nobody, local) != std::end(nobody)) return true;
  std::string bare = local;
  std::erase_if(bare, [](char c) { return c == '-' || c == '_' || c == '.'; });
  return std::ranges::any_of(unread, [&](std::string_view word) { return bare.find(word) != std::string::npos; });
}

}  // namespace tern::server
