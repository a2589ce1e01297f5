// A mail as it travels: headers that hold one line each whatever stands in them, text in base64, names that an answer
// is known by. docs/mail.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tern/protocol/bytes.hpp"

namespace tern::server {

struct Letter {
  std::string from_address, from_name;
  std::string to_address, to_name;
  std::string reply_to;  // empty: to whom it is from
  std::string subject, text;
  std::string message_id, in_reply_to;
  std::vector<std::string> references;
  std::int64_t at_ms = 0;
  std::string auto_submitted;  // "auto-replied", "auto-generated"; empty: somebody wrote it
};
std::string to_mail(const Letter& letter);

/// As it may stand in a header: printable ASCII as it is, all else as encoded words (RFC 2047), folded; control
/// characters are spaces.
std::string header_words(std::string_view text);
/// "Sun, 01 Mar 2026 08:00:00 +0000"
std::string mail_date(std::int64_t ms);

/// The domain of an address, "" when it has none.
std::string domain_of(std::string_view address);

/// What mails of a ticket are called, and where answers go: both tell the ticket, and that this server said so.
class ReplyNames {
public:
  /// `address`: that mails come from. Both outlive it.
  ReplyNames(ByteView key, std::string_view address) : key_(key), address_(address) {}

  /// <t.TICKET.N.MAC@DOMAIN>; n 0 is what all mails of the ticket refer to first.
  [[nodiscard]] std::string message_id(const TicketId& ticket, std::uint64_t n) const;
  /// LOCAL+TICKET.MAC@DOMAIN, the MAC over ticket and who gets the mail.
  [[nodiscard]] std::string reply_to(const TicketId& ticket, std::string_view recipient) const;
  /// The ticket that such a name stands for, an id or an address: where this server gave it, an address to `sender`.
  [[nodiscard]] std::optional<TicketId> ticket_of(std::string_view name, std::string_view sender) const;
  /// Of an address as rows keep it.
  [[nodiscard]] Bytes hashed(std::string_view address) const;

private:
  [[nodiscard]] std::string mac(std::string_view what, ByteView message) const;

  ByteView key_;
  std::string_view address_;
};
/// So that what is put before its @ leaves room for a ticket: at most 64 bytes in all.
inline constexpr std::size_t reply_local_bytes_max = 24;

/// Nobody reads there: mailer-daemon, postmaster, abuse, root, no-reply and what is called like it.
bool is_nobodys_address(std::string_view address);

}  // namespace tern::server
