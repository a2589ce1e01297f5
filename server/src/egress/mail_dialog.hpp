// One mail handed to one server, in the words of SMTP.
#pragma once

#include <Poco/Net/Context.h>

#include "egress/outgoing_line.hpp"
#include "tern/server/egress.hpp"

namespace tern::server {

/// How long the answer to the message itself may take, and how long a stop waits for it: as EgressOptions.
struct MailPatience {
  std::int64_t taken_ms, drain_ms;
};

/// As Egress::mail, over a line that is connected.
Result<MailAnswer> speak_mail(OutgoingLine& line, const MailServer& server, const MailPost& post,
                              const Poco::Net::Context::Ptr& tls, MailPatience patience);

}  // namespace tern::server
