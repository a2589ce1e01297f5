#include "tern/sync/rights.hpp"

#include <algorithm>
#include <array>

namespace tern::sync {
namespace {

// desk.md 2.14, each role with the rights it has of its own and the role whose rights it has beside them.
constexpr std::array light_rights = {Right::read, Right::note};
constexpr std::array operator_rights = {Right::read,      Right::note,
                                        Right::create,    Right::reply,
                                        Right::set_field, Right::move_status,
                                        Right::take,      Right::edit_own_message,
                                        Right::log_time,  Right::assign_with_reason,
                                        Right::estimate,  Right::link,
                                        Right::tag,       Right::watch,
                                        Right::pin};

template <std::size_t A, std::size_t B>
constexpr std::array<Right, A + B> with(const std::array<Right, A>& rights, const std::array<Right, B>& more) {
  std::array<Right, A + B> all{};
  for (std::size_t i = 0; i < A; ++i) all[i] = rights[i];
  for (std::size_t i = 0; i < B; ++i) all[A + i] = more[i];
  return all;
}
constexpr std::array supervisor_rights =
    with(operator_rights,
         std::array{Right::restricted_note, Right::assign_anyone, Right::edit_any_message, Right::merge, Right::split,
                    Right::delete_ticket, Right::restore, Right::release, Right::approve_estimate});
constexpr std::array admin_rights = with(supervisor_rights, std::array{Right::decide_sla, Right::administer});
constexpr std::array read_rights = {Right::read};
constexpr std::array manager_rights = with(read_rights, std::array{Right::decide_sla});

struct RoleSpec {
  Role role;
  std::string_view name;
  bool all_queues;
  std::span<const Right> rights;
};
constexpr std::array roles = {
    RoleSpec{Role::light, "light", false, light_rights},
    RoleSpec{Role::operator_, "operator", false, operator_rights},
    RoleSpec{Role::supervisor, "supervisor", true, supervisor_rights},
    RoleSpec{Role::manager, "manager", true, manager_rights},
    RoleSpec{Role::sla_manager, "sla_manager", true, manager_rights},
    RoleSpec{Role::admin, "admin", true, admin_rights},
    RoleSpec{Role::head_admin, "head_admin", false, {}},  // platform actions only: no ticket of any tenant
    RoleSpec{Role::integrator, "integrator", false, {}},  // what its key allows, judged where keys are
    RoleSpec{Role::analyst, "analyst", true, read_rights},
};

const RoleSpec* find_role(Role role) {
  for (const RoleSpec& spec : roles)
    if (spec.role == role) return &spec;
  return nullptr;
}

constexpr Permission yes{true, {}};
constexpr Permission no(std::string_view why) {
  return {false, why};
}

bool holds(const TicketState& state, FieldId field, Bytes element) {
  const auto found = state.elements.find(ElementKey{field, std::move(element)});
  return found != state.elements.end() && !found->second.empty();
}

/// Own queues, assigned, watched, pinned; a ticket of no queue is everybody's.
bool reaches(const Actor& actor, const TicketState& state) {
  if (queue_scope_all(actor.role)) return true;
  const std::optional<RecordId> queue = queue_of(state);
  if (!queue || std::ranges::find(actor.queues, *queue) != actor.queues.end()) return true;
  if (assignee_of(state) == actor.id) return true;
  const Bytes id(actor.id.view());
  return holds(state, FieldId::watchers, "o" + id) || holds(state, FieldId::pins, id);
}

bool created_by(const TicketState& state, const Actor& actor) {
  return state.created && state.created->author == actor.id &&
         (state.created->author_kind == PrincipalKind::operator_ ||
          state.created->author_kind == PrincipalKind::unspecified);
}

Right right_for(const Change& change, const IntentSpec& spec) {
  if (spec.unit != Unit::message || change.intent == Intent::on_site) return spec.right;
  switch (change.visibility) {
    case Visibility::team:
      return Right::note;
    case Visibility::restricted:
      return Right::restricted_note;
    default:
      return Right::reply;
  }
}

/// Whoever may assign only with a reason: their own or nobody's ticket to themselves is a take, and the creator may
/// name the first assignee.
Permission may_assign(const Actor& actor, const Change& change, const TicketState* state) {
  if (has_right(actor.role, Right::assign_anyone) || !change.reason.empty() || change.body_erased) return yes;
  const bool unassigned = state == nullptr || !assignee_of(*state);
  const bool to_self = change.target == actor.id.view();
  const bool created = state == nullptr || created_by(*state, actor);
  if (unassigned && (to_self || created)) return yes;
  return no("A ticket is reassigned with a reason.");
}

Permission may_edit(const Actor& actor, const Message* message) {
  if (message == nullptr || has_right(actor.role, Right::edit_any_message)) return yes;
  if (!may_read(actor, *message)) return no("Restricted notes are for supervisors.");
  return message->stamp.author == actor.id ? yes : no("Only supervisors change what others wrote.");
}

/// Who reads both texts: the author of the reply, or who answers for the ticket.
Permission may_send(const Actor& actor, const TicketState* state, const Message* message) {
  if (message == nullptr || message->stamp.author == actor.id || has_right(actor.role, Right::edit_any_message))
    return yes;
  const bool assigned = state != nullptr && assignee_of(*state) == actor.id;
  return assigned ? yes : no("A withheld reply is sent by its author or by whoever has the ticket.");
}

std::string_view why_not(Right right) {
  switch (right) {
    case Right::server_only:
      return "Only the server does this.";
    case Right::reply:
      return "This role writes internal notes only.";
    case Right::restricted_note:
      return "Restricted notes are for supervisors.";
    case Right::merge:
    case Right::split:
    case Right::delete_ticket:
    case Right::restore:
    case Right::release:
    case Right::approve_estimate:
      return "This is for supervisors.";
    case Right::rate:
      return "Only the customer rates.";
    default:
      return "This role does not allow it.";
  }
}

}  // namespace

std::string_view role_name(Role role) {
  const RoleSpec* spec = find_role(role);
  return spec == nullptr ? "unknown" : spec->name;
}

std::optional<Role> role_from_name(std::string_view name) {
  for (const RoleSpec& spec : roles)
    if (spec.name == name) return spec.role;
  return std::nullopt;
}

std::span<const Right> rights_of(Role role) {
  const RoleSpec* spec = find_role(role);
  return spec == nullptr ? std::span<const Right>{} : spec->rights;
}

bool has_right(Role role, Right right) {
  const auto rights = rights_of(role);
  return std::ranges::find(rights, right) != rights.end();
}

bool queue_scope_all(Role role) {
  const RoleSpec* spec = find_role(role);
  return spec != nullptr && spec->all_queues;
}

Permission may(const Actor& actor, const Change& change, const TicketState* state, const Message* target_message) {
  const IntentSpec* spec = find_intent(change.intent);
  if (spec == nullptr) return no("This version does not know it.");
  if (!actor.active) return no("This operator is disabled.");
  const Right right = right_for(change, *spec);
  if (!has_right(actor.role, right)) return no(why_not(right));
  const bool follows = change.intent == Intent::watch || change.intent == Intent::pin;
  if (state != nullptr && change.intent != Intent::create && !reaches(actor, *state))
    if (follows || !created_by(*state, actor)) return no("The ticket is in another team's queue.");
  if (spec->unit == Unit::assignee && change.intent == Intent::assign) return may_assign(actor, change, state);
  if (change.intent == Intent::send_message) return may_send(actor, state, target_message);
  if (spec->unit == Unit::message_edit) return may_edit(actor, target_message);
  return yes;
}

bool may_read(const Actor& actor, const TicketState& state) {
  if (!actor.active || !has_right(actor.role, Right::read)) return false;
  const bool custody =
      std::ranges::any_of(state.custody, [&](const Custody& mark) { return mark.operator_id == actor.id; });
  return custody || reaches(actor, state);
}

bool may_read(const Actor& actor, const Message& message) {
  if (!actor.active || !has_right(actor.role, Right::read)) return false;
  return message.visibility != Visibility::restricted || message.stamp.author == actor.id ||
         has_right(actor.role, Right::restricted_note);
}

}  // namespace tern::sync
