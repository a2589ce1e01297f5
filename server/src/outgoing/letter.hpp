// From a row to the mail that it is, or why there is to be none.
#pragma once

#include <functional>
#include <string>

#include "desk/outgoing.hpp"
#include "desk/outgoing_settings.hpp"
#include "outgoing/outgoing_reader.hpp"
#include "tern/server/egress.hpp"

namespace tern::server {

struct MadeLetter {
  MailPost post;
  Bytes address;        // as rows keep it
  std::string dropped;  // why it is not sent, in a word; empty: it is
};

/// Makes the link that a mail has, to another password or (up to its score) to a rating; empty: there is to be none.
/// Asked once it is sure that the mail goes.
using MakeLink = std::function<Result<std::string>()>;

/// Dropped are mails to nobody's address or this server's own ("address"), to whom there is none ("no_address"), of
/// what is not there to be read any more ("gone"); and automatic ones over the limits of an address ("limit") or to one
/// that a server refused for good within 60 days ("refused").
Result<MadeLetter> make_letter(OutgoingReader& reader, const MailSettings& settings, const MailSecrets& secrets,
                               const Outgoing& outgoing, std::int64_t now_ms, const MakeLink& make_link);

}  // namespace tern::server
