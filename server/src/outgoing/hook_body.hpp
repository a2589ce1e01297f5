// What a webhook is sent, and how it is signed. docs/webhooks.md has the form.
#pragma once

#include <optional>

#include "desk/outgoing.hpp"
#include "desk/outgoing_settings.hpp"
#include "outgoing/outgoing_reader.hpp"

namespace tern::server {

/// The body; nothing: there is no such ticket or message any more, or the owner of the webhook may not read it now.
Result<std::optional<std::string>> hook_body(OutgoingReader& reader, const Hook& hook, const Outgoing& outgoing);

/// "t=SECONDS,v1=HEX": HMAC-SHA-256 of "SECONDS.BODY" under the secret's 32 characters; one v1 more while
/// the secret before it still counts.
std::string hook_signature(const HookSecrets& secrets, std::int64_t now_ms, std::string_view body);

}  // namespace tern::server
