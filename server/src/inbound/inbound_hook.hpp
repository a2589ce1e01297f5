// Webhooks of others, as they are set up: channels, records of the ledger of the types below. What opens them stands
// beside logins (docs/decisions/secrets-of-channels.md). docs/inbound.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tern/protocol/json.hpp"
#include "tern/sync/record.hpp"

namespace tern::server {

/// Whose form requests have. `mapped`: anybody's, the hook says where in it what stands.
enum class InboundForm : std::uint8_t { mapped, whatsapp, telegram, email };
/// "inbound", "whatsapp", "telegram", "email": the type of the channel.
std::string_view inbound_type(InboundForm form);
std::optional<InboundForm> inbound_form(std::string_view type);

/// How a sender shows who it is.
enum class InboundProof : std::uint8_t {
  token,   // the secret itself, in one of the usual headers
  hmac,    // X-Hub-Signature-256, or Tern-Signature: over the body
  mailgun  // its own three fields
};
std::string_view inbound_proof_name(InboundProof proof);
std::optional<InboundProof> inbound_proof(std::string_view name);

struct InboundHook {
  RecordId id;
  std::uint64_t integer_id = 0;
  std::string name;
  InboundForm form = InboundForm::mapped;
  InboundProof proof = InboundProof::hmac;
  Json mapping;  // an object
  bool active = true;
};
/// Nothing: the channel is none, or is gone.
std::optional<InboundHook> inbound_of(const sync::Record& channel);
/// As the record keeps it; id, name, type and the switch are the record's own.
Json inbound_settings(const InboundHook& hook);
/// Where its sender sends to, behind the server's own address.
std::string inbound_path(const InboundHook& hook);

}  // namespace tern::server
