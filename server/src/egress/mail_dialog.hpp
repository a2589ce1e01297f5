// One mail handed to one server, in the words of SMTP.
#pragma once

#include <Poco/Net/Context.h>

#include "egress/outgoing_line.hpp"
#include "tern/server/egress.hpp"

namespace tern::server {

/// As Egress::mail, over a line that is connected.
Result<int> speak_mail(OutgoingLine& line, const MailServer& server, const MailPost& post,
                       const Poco::Net::Context::Ptr& tls);

}  // namespace tern::server
