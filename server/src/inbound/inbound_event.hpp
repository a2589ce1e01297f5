// What a request of somebody else's program says, in our words: by the mapping of its hook, or by the form that a
// messenger or a mail service has. docs/inbound.md lists what a mapping may say.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "inbound/inbound_hook.hpp"
#include "inbound/inbound_request.hpp"

namespace tern::server {

struct InboundEvent {
  std::string id;   // what its sender calls it
  std::string key;  // what it goes on with: a chat, an alert; empty: nothing
  std::string subject, description, message;
  std::string priority;  // one that is known; empty: nothing is said
  std::string category, portal_domain, order_id;
  std::string contact_name, contact_email, contact_phone;
  std::string contact_key;          // of a sender without an address: the name of a chat
  bool by_contact = false;          // it is the customer's own word
  bool automatic = false;           // no person wrote it
  std::string ignored;              // why nothing is to be done; empty: something is
  std::optional<TicketId> answers;  // the ticket whose mail it answers
  bool was_given = false;           // to its sender: the address that says so; else anybody may have passed it on
  bool only_refers = false;         // among what went before, and does not say that it answers
};

/// The mapping of a hook before it is stored: `invalid` with field "mapping" says which part is wrong and why.
Result<void> check_mapping(InboundForm form, const Json& mapping);

/// Of a mail: the ticket that a name of ours stands for, as far as it is genuine. `sender` is who wrote the mail.
using FindAnswered = std::function<std::optional<TicketId>(std::string_view name, std::string_view sender)>;

/// What the sender calls it, or what it is called here: the same for the same request.
std::string event_id_of(const InboundHook& hook, const InboundRequest& request);
/// `invalid` with hint "unmapped" and what is missing as field; `find` is asked of mails.
Result<InboundEvent> read_event(const InboundHook& hook, const InboundRequest& request, const FindAnswered& find);

}  // namespace tern::server
