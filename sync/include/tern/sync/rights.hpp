// Roles and what they may: one table (desk.md 2.14), asked at one place by every way in.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "tern/sync/change.hpp"
#include "tern/sync/intent.hpp"
#include "tern/sync/ticket_state.hpp"

namespace tern::sync {

enum class Role : std::uint8_t {
  light = 1,
  operator_ = 2,
  supervisor = 3,
  manager = 4,
  sla_manager = 5,
  admin = 6,
  head_admin = 7,
  integrator = 8,
  analyst = 9
};
std::string_view role_name(Role role);  // "light", "operator" ...
std::optional<Role> role_from_name(std::string_view name);
std::span<const Right> rights_of(Role role);
bool has_right(Role role, Right right);
bool queue_scope_all(Role role);

/// Who asks, as rights see them. A value taken from the tenant's records at commit, or from the device's own record.
struct Actor {
  OperatorId id;
  Role role = Role::operator_;
  std::vector<RecordId> queues;
  bool active = true;
};

/// What a change's author may on this ticket. `state` null: the ticket is new or unknown. Says why not in words.
struct Permission {
  bool allowed = false;
  std::string_view why;
};
Permission may(const Actor& actor, const Change& change, const TicketState* state, const Message* target_message);

/// May read the ticket at all: own queues, assigned, watched, or queue scope all.
bool may_read(const Actor& actor, const TicketState& state);
bool may_read(const Actor& actor, const Message& message);

}  // namespace tern::sync
