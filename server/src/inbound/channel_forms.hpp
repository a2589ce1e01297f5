// Requests whose form is somebody's own: Evolution API (WhatsApp), Telegram's Bot API, Mailgun and SendGrid.
#pragma once

#include <optional>
#include <string>

#include "inbound/inbound_event.hpp"

namespace tern::server {

/// What the service calls it; nothing: it does not say.
std::optional<std::string> event_of_form(InboundForm form, const InboundRequest& request);
/// As read_event.
Result<InboundEvent> read_form(InboundForm form, const InboundRequest& request, const FindAnswered& find);

}  // namespace tern::server
