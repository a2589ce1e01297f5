#include <set>

#include "support/catch.hpp"
#include "tern/sync/rights.hpp"
#include "unit/sync/sample_changes.hpp"

using namespace tern;
using namespace tern::sync;
using namespace tern::sync::sample;

namespace {

const OperatorId me = person(1);

Actor actor(Role role) {
  return {me, role, {queue(1)}, true};
}

TicketState ticket_in(RecordId record) {
  TicketState out = state();
  out.queue = Claim{stamp(2, 2'000), raw(record)};
  return out;
}
TicketState near_one() {
  return ticket_in(queue(1));
}
TicketState far_one() {
  return ticket_in(queue(8));
}

bool allowed(const Actor& who, const Change& what, const TicketState& where, const Message* which = nullptr) {
  const Permission permission = may(who, what, &where, which);
  CHECK(permission.why.empty() == permission.allowed);  // a refusal says why
  return permission.allowed;
}
bool allowed(Role role, Intent intent) {
  Change change = smallest(intent);
  if (intent == Intent::assign) change.reason = "knows pumps";
  return allowed(actor(role), change, near_one());
}

Message message_by(OperatorId author, Visibility visibility = Visibility::team) {
  Message out;
  out.stamp = stamp(3, 3'000, author);
  out.visibility = visibility;
  return out;
}

const std::vector<Role> all_roles = {Role::light, Role::operator_,  Role::supervisor, Role::manager, Role::sla_manager,
                                     Role::admin, Role::head_admin, Role::integrator, Role::analyst};
const std::set<Intent> for_supervisors = {Intent::merge,
                                          Intent::unmerge,
                                          Intent::split,
                                          Intent::delete_ticket,
                                          Intent::restore,
                                          Intent::release,
                                          Intent::approve_estimate,
                                          Intent::reject_estimate,
                                          Intent::estimate_approved,
                                          Intent::estimate_rejected};

}  // namespace

TEST_CASE("an operator does all the work of the desk and none of a supervisor's", "[sync][rights]") {
  for (const IntentSpec& spec : all_intents()) {
    INFO(spec.name);
    const bool for_others = for_supervisors.count(spec.intent) != 0 || spec.intent == Intent::rate;
    const bool expected = spec.ruling != Ruling::server && !for_others;
    CHECK(allowed(Role::operator_, spec.intent) == expected);
  }
}

TEST_CASE("supervisors and admins do everything but the server's own and the customer's word", "[sync][rights]") {
  for (const IntentSpec& spec : all_intents()) {
    INFO(spec.name);
    const bool expected = spec.ruling != Ruling::server && spec.intent != Intent::rate;
    CHECK(allowed(Role::supervisor, spec.intent) == expected);
    CHECK(allowed(Role::admin, spec.intent) == expected);
  }
  CHECK(has_right(Role::admin, Right::administer));
  CHECK_FALSE(has_right(Role::supervisor, Right::administer));
}

TEST_CASE("managers, analysts, integrators and the platform's admin change no ticket", "[sync][rights]") {
  for (const Role role : {Role::manager, Role::sla_manager, Role::analyst, Role::integrator, Role::head_admin})
    for (const IntentSpec& spec : all_intents()) CHECK_FALSE(allowed(role, spec.intent));
}

TEST_CASE("a light agent writes team notes in its own queues and nothing else", "[sync][rights]") {
  const Actor light = actor(Role::light);
  CHECK(allowed(light, message("noted", Visibility::team), near_one()));
  CHECK_FALSE(allowed(light, message("noted", Visibility::team), far_one()));
  CHECK_FALSE(allowed(light, message("hello", Visibility::open), near_one()));
  CHECK_FALSE(allowed(light, message("secret", Visibility::restricted), near_one()));
  for (const IntentSpec& spec : all_intents())
    if (spec.unit != Unit::message) CHECK_FALSE(allowed(Role::light, spec.intent));
}

TEST_CASE("who writes notes only reports nothing from on site", "[sync][rights]") {
  Change report = smallest(Intent::on_site);
  for (const Visibility visibility : {Visibility::open, Visibility::team}) {
    report.visibility = visibility;
    CHECK(allowed(actor(Role::operator_), report, near_one()));
    CHECK_FALSE(allowed(actor(Role::light), report, near_one()));
  }
}

TEST_CASE("restricted notes are written by supervisors and read by them and their author", "[sync][rights]") {
  CHECK_FALSE(allowed(actor(Role::operator_), message("secret", Visibility::restricted), near_one()));
  CHECK(allowed(actor(Role::supervisor), message("secret", Visibility::restricted), near_one()));
  const Message secret = message_by(person(2), Visibility::restricted);
  CHECK_FALSE(may_read(actor(Role::operator_), secret));
  CHECK_FALSE(may_read(actor(Role::manager), secret));
  CHECK(may_read(actor(Role::supervisor), secret));
  CHECK(may_read(actor(Role::admin), secret));
  CHECK(may_read(actor(Role::operator_), message_by(me, Visibility::restricted)));
  CHECK(may_read(actor(Role::light), message_by(person(2), Visibility::team)));
  CHECK_FALSE(may_read(actor(Role::head_admin), message_by(person(2), Visibility::open)));
}

TEST_CASE("messages are changed by their author or a supervisor", "[sync][rights]") {
  const Message own = message_by(me);
  const Message others = message_by(person(2));
  for (const Intent intent : {Intent::edit_message, Intent::delete_message}) {
    CHECK(allowed(actor(Role::operator_), smallest(intent), near_one(), &own));
    CHECK_FALSE(allowed(actor(Role::operator_), smallest(intent), near_one(), &others));
    CHECK(allowed(actor(Role::supervisor), smallest(intent), near_one(), &others));
  }
}

TEST_CASE("a withheld reply is sent by its author, by whoever has the ticket, or by a supervisor", "[sync][rights]") {
  const Message own = message_by(me, Visibility::open), others = message_by(person(2), Visibility::open);
  const Change send = smallest(Intent::send_message);
  TicketState mine = near_one(), somebodys = near_one();
  mine.assignee = Claim{stamp(3, 3'000), raw(me)};
  somebodys.assignee = Claim{stamp(3, 3'000), raw(person(2))};
  CHECK(allowed(actor(Role::operator_), send, somebodys, &own));
  CHECK(allowed(actor(Role::operator_), send, mine, &others));
  CHECK_FALSE(allowed(actor(Role::operator_), send, somebodys, &others));
  CHECK(allowed(actor(Role::supervisor), send, somebodys, &others));
  CHECK_FALSE(allowed(actor(Role::light), send, mine, &own));
}

TEST_CASE("an operator reassigns with a reason", "[sync][rights]") {
  TicketState taken = near_one();
  taken.assignee = Claim{stamp(3, 3'000), raw(person(2))};
  Change assign = change(Intent::assign);
  assign.target = raw(person(3));
  CHECK_FALSE(allowed(actor(Role::operator_), assign, taken));
  CHECK_FALSE(allowed(actor(Role::operator_), assign, near_one()));
  CHECK(allowed(actor(Role::supervisor), assign, taken));
  assign.reason = "knows pumps";
  CHECK(allowed(actor(Role::operator_), assign, taken));
  assign.reason.clear();
  assign.body_erased = true;
  CHECK(allowed(actor(Role::operator_), assign, taken));
}

TEST_CASE("nobody gives a reason for taking what is free or for the first assignee of their own ticket",
          "[sync][rights]") {
  Change to_me = change(Intent::assign);
  to_me.target = raw(me);
  CHECK(allowed(actor(Role::operator_), to_me, near_one()));
  Change to_colleague = change(Intent::assign);
  to_colleague.target = raw(person(3));
  TicketState my_own = near_one();
  my_own.created->author = me;
  CHECK(allowed(actor(Role::operator_), to_colleague, my_own));
  my_own.assignee = Claim{stamp(3, 3'000), raw(person(2))};
  CHECK_FALSE(allowed(actor(Role::operator_), to_colleague, my_own));
  CHECK_FALSE(allowed(actor(Role::operator_), to_me, my_own));
}

TEST_CASE("an operator works on tickets of own queues, assigned, watched or of no queue", "[sync][rights]") {
  const Actor who = actor(Role::operator_);
  const Change work = smallest(Intent::resolve);
  CHECK(allowed(who, work, near_one()));
  CHECK(allowed(who, work, state()));
  CHECK_FALSE(allowed(who, work, far_one()));
  TicketState assigned = far_one();
  assigned.assignee = Claim{stamp(3, 3'000), raw(me)};
  CHECK(allowed(who, work, assigned));
  TicketState watched = far_one();
  watched.elements[{FieldId::watchers, "o" + raw(me)}] = {stamp(3, 3'000)};
  CHECK(allowed(who, work, watched));
  CHECK(allowed(actor(Role::supervisor), work, far_one()));
}

TEST_CASE("nobody watches or pins their way into another team's queue", "[sync][rights]") {
  Change watch = change(Intent::watch);
  watch.target = raw(me);
  CHECK_FALSE(allowed(actor(Role::operator_), watch, far_one()));
  CHECK_FALSE(allowed(actor(Role::operator_), change(Intent::pin), far_one()));
  TicketState my_own = far_one();
  my_own.created->author = me;
  CHECK_FALSE(allowed(actor(Role::operator_), watch, my_own));
}

TEST_CASE("who created a ticket for another team may go on with it, but not read what that team writes",
          "[sync][rights]") {
  TicketState my_own = far_one();
  my_own.created->author = me;
  CHECK(allowed(actor(Role::operator_), message("one more thing"), my_own));
  CHECK_FALSE(may_read(actor(Role::operator_), my_own));
  my_own.created->author_kind = PrincipalKind::contact;  // a contact with the same bytes is somebody else
  CHECK_FALSE(allowed(actor(Role::operator_), message("one more thing"), my_own));
}

TEST_CASE("reading follows queues, assignment, watching and custody", "[sync][rights]") {
  CHECK(may_read(actor(Role::operator_), near_one()));
  CHECK(may_read(actor(Role::light), near_one()));
  CHECK_FALSE(may_read(actor(Role::operator_), far_one()));
  for (const Role role : {Role::supervisor, Role::manager, Role::sla_manager, Role::admin, Role::analyst})
    CHECK(may_read(actor(role), far_one()));
  for (const Role role : {Role::head_admin, Role::integrator}) CHECK_FALSE(may_read(actor(role), near_one()));
  TicketState custody = far_one();
  custody.custody = {{me, 1'000, 2}};
  CHECK(may_read(actor(Role::operator_), custody));
  CHECK_FALSE(allowed(actor(Role::operator_), smallest(Intent::resolve), custody));
}

TEST_CASE("a disabled operator may nothing", "[sync][rights]") {
  Actor disabled = actor(Role::admin);
  disabled.active = false;
  for (const IntentSpec& spec : all_intents()) CHECK_FALSE(allowed(disabled, smallest(spec.intent), near_one()));
  CHECK_FALSE(may_read(disabled, near_one()));
  CHECK_FALSE(may_read(disabled, message_by(me)));
}

TEST_CASE("a ticket that is new or unknown is judged by the role alone", "[sync][rights]") {
  CHECK(may(actor(Role::operator_), create("pump"), nullptr, nullptr).allowed);
  CHECK_FALSE(may(actor(Role::light), create("pump"), nullptr, nullptr).allowed);
  CHECK(may(actor(Role::operator_), smallest(Intent::edit_message), nullptr, nullptr).allowed);
  CHECK_FALSE(may(actor(Role::operator_), smallest(Intent::merge), nullptr, nullptr).allowed);
  Change unknown = change(static_cast<Intent>(200));
  CHECK_FALSE(may(actor(Role::admin), unknown, nullptr, nullptr).allowed);
}

TEST_CASE("roles have the names of the desk", "[sync][rights]") {
  for (const Role role : all_roles) CHECK(role_from_name(role_name(role)) == role);
  CHECK(role_name(Role::operator_) == "operator");
  CHECK(role_name(Role::sla_manager) == "sla_manager");
  CHECK_FALSE(role_from_name("root").has_value());
  CHECK(rights_of(static_cast<Role>(99)).empty());
  CHECK_FALSE(queue_scope_all(Role::operator_));
  CHECK_FALSE(queue_scope_all(Role::head_admin));
  CHECK(queue_scope_all(Role::supervisor));
}
