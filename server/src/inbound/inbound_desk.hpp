// From what a sender said to tickets: which one it goes on with, who says it, and what is committed for it, once.
#pragma once

#include "admin/admin.hpp"
#include "inbound/inbound_event.hpp"
#include "inbound/inbound_rows.hpp"

namespace tern::server {

/// What one event may do to a ticket: contact, opening again, category, message, link.
inline constexpr std::uint64_t changes_of_an_event_max = 10;
/// It goes on with what is not over and not full: neither deleted nor closed for longer than it may be opened again.
bool takes_more(const sync::TicketState& state, std::uint64_t changes, std::int64_t now_ms);

struct InboundOutcome {
  InboundState state = InboundState::taken;
  std::string did;        // "created", "continued"; of what was ignored: why
  TicketId ticket;        // zero: none
  bool repeated = false;  // it came before, and nothing was done now
  InboundEvent event;     // of one that was read
};

/// What one hook of a tenant does with requests. From beside the strand.
class InboundDesk {
public:
  /// References outlive it.
  InboundDesk(AdminParts& parts, Tenant& tenant, const InboundHook& hook);

  /// At most once for each event, whose row is committed with its changes. What maps to nothing, or is refused, is
  /// kept with its reason, without its secrets; when the same event comes again it is tried again.
  Result<InboundOutcome> take(const InboundRequest& request);
  /// What would be done; nothing is written.
  Result<InboundOutcome> look(const InboundRequest& request);

private:
  struct Plan;
  struct Sender;
  Result<InboundEvent> read(const InboundRequest& request) const;
  Result<InboundOutcome> take_on_strand(const InboundRequest& request, const Result<InboundEvent>& event);
  Result<void> keep_refused(const InboundRequest& request, const Hash& event, const Error& why);
  Result<Plan> plan(const InboundEvent& event);
  Result<Sender> who_says(const InboundEvent& event) const;
  Result<std::optional<TicketId>> goes_on_with(sqlite::Database& db, const InboundEvent& event) const;
  Result<void> plan_create(const InboundEvent& event, const Sender& sender, Plan& plan);
  void plan_message(const InboundEvent& event, const Sender& sender, const sync::TicketState& state, Plan& plan) const;
  Result<HookSecrets> secrets() const;

  AdminParts& parts_;
  Tenant& tenant_;
  const InboundHook& hook_;
  Json command_;
  std::function<bool()> never_;
  AdminCall call_;  // as the hook itself
};

}  // namespace tern::server
