#include "follow_ups.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "offered.hpp"
#include "outbox/outbox.hpp"
#include "replica/replica.hpp"
#include "tern/sync/conflict.hpp"
#include "views/change_words.hpp"
#include "views/name_book.hpp"
#include "views/time_text.hpp"

namespace tern::client {
namespace {

using sync::Change;
using sync::Intent;

enum class Action : std::uint8_t {
  dismiss,             // nothing more: it is dealt with
  look,                // at the ticket, and decide
  look_at_target,      // at the one it was merged into
  sync,                // the decision is on its way
  again,               // the same, this time having seen what stands
  on_target,           // the same on the ticket it was merged into
  as_note,             // its text as a note
  restore,             // the ticket
  reopen,              //
  reopen_and_resolve,  //
  release,             // or, without the right to, a note that asks for it
  ask,                 // a note that asks for it
  not_mine,            // a note that says so
  send,                // the reply that was withheld, with the files that were sent with it
  take_back,           // the reply that was withheld, with its files
};

struct Spec {
  std::string_view label;
  Action action;
};

constexpr std::string_view see_ticket = "see the ticket", leave_it = "leave it as it is", sync_now = "sync";

// Every label that the kernel can give, and those of the last rows, which are ours.
constexpr std::array specs = {
    Spec{"edit again", Action::again},
    Spec{"do it again", Action::again},
    Spec{"set mine again", Action::again},
    Spec{"write it again", Action::again},
    Spec{"take anyway", Action::again},
    Spec{"assign anyway", Action::again},
    Spec{"move it anyway", Action::again},
    Spec{"merge anyway", Action::again},
    Spec{"restore anyway", Action::again},
    Spec{"delete anyway", Action::again},
    Spec{"do it anyway", Action::again},
    Spec{"do it there", Action::on_target},
    Spec{"write it as a note", Action::as_note},
    Spec{"restore the ticket", Action::restore},
    Spec{"reopen", Action::reopen},
    Spec{"reopen and resolve", Action::reopen_and_resolve},
    Spec{"ask a supervisor to release it", Action::release},
    Spec{"ask a supervisor to do it", Action::ask},
    Spec{"open the merged ticket", Action::look_at_target},
    Spec{"read what came in", Action::look},
    Spec{"read the customer's message", Action::look},
    Spec{"see what it builds on", Action::look},
    Spec{"decide on the new estimate", Action::look},
    Spec{"do it again differently", Action::look},
    Spec{"keep theirs", Action::dismiss},
    Spec{"leave it deleted", Action::dismiss},
    Spec{"leave it to them", Action::dismiss},
    Spec{"leave it there", Action::dismiss},
    Spec{"leave them apart", Action::dismiss},
    Spec{"give it up", Action::dismiss},
    Spec{leave_it, Action::dismiss},
    Spec{"not mine", Action::not_mine},
    Spec{"send it anyway", Action::send},
    Spec{"take it back", Action::take_back},
    Spec{see_ticket, Action::look},
    Spec{sync_now, Action::sync},
};

/// "read-the-customers-message"
std::string id_of(std::string_view label) {
  std::string id;
  for (const char c : label) {
    if (c == '\'') continue;
    id += c == ' ' ? '-' : c;
  }
  return id;
}

const Spec* find_spec(std::string_view id) {
  const auto found = std::ranges::find_if(specs, [id](const Spec& spec) { return id_of(spec.label) == id; });
  return found == specs.end() ? nullptr : &*found;
}

/// The same intent with the same values, as something new.
Change anew(const Change& made) {
  Change change = made;
  change.ref = {};
  change.wall_ms = 0;
  change.before_ms = 0;
  change.seen_epoch = {};
  change.seen_seq = 0;
  change.after.clear();
  return change;
}

Change on(const TicketId& ticket, Intent intent) {
  Change change;
  change.ticket = ticket;
  change.intent = intent;
  return change;
}

Change note(const TicketId& ticket, std::string text) {
  Change change = on(ticket, Intent::message);
  change.visibility = sync::Visibility::team;
  change.text = std::move(text);
  return change;
}

class Planner {
public:
  Planner(FollowUpParts parts, const OwnChange& own, std::string_view reason)
      : parts_(parts), own_(own), reason_(reason) {}

  Result<FollowUpPlan> plan(const Spec& spec) {
    plan_.ticket = own_.change.ticket;
    switch (spec.action) {
      case Action::dismiss:
        return plan_;
      case Action::look:
        plan_.rest = FollowedUp::Rest::look;
        return plan_;
      case Action::sync:
        plan_.rest = FollowedUp::Rest::sync;
        return plan_;
      default:
        break;
    }
    if (own_.change.body_erased) return fail(ErrorCode::invalid, "the text of this work was erased");
    TERN_TRY(state_, parts_.replica.shown(own_.change.ticket));
    if (!state_) return fail(ErrorCode::not_found, "the ticket is not on this device", "sync, or give it up", "change");
    TERN_CHECKED(act(spec.action));
    return std::move(plan_);
  }

private:
  Result<void> act(Action action) {
    const TicketId ticket = own_.change.ticket;
    switch (action) {
      case Action::again:
        return again();
      case Action::look_at_target:
      case Action::on_target:
        return at_target(action);
      case Action::as_note:
        plan_.changes = {note(ticket, own_.change.text)};
        return {};
      case Action::restore:
        plan_.changes = {on(ticket, Intent::restore)};
        return {};
      case Action::reopen:
      case Action::reopen_and_resolve:
        reopen(action == Action::reopen_and_resolve);
        return {};
      case Action::release:
        return release();
      case Action::not_mine:
        return not_mine();
      case Action::send:
        return about_withheld(Intent::send_message);
      case Action::take_back:
        return about_withheld(Intent::delete_message);
      default:
        return ask("Please do for me: ");
    }
  }

  Result<void> again() {
    Change change = anew(own_.change);
    if (change.intent == Intent::take) {  // the ticket is somebody's now: only a claim that says why moves it
      change = on(change.ticket, Intent::assign);
      change.target = Bytes(parts_.identity.operator_id.view());
      change.reason = "taken while offline";
    }
    if (change.intent == Intent::assign && change.reason.empty()) change.reason = "assigned while offline";
    if (change.intent == Intent::describe) change.base = state_->description;
    if (!reason_.empty() && change.intent == Intent::assign) change.reason = reason_;
    plan_.changes = {std::move(change)};
    return {};
  }

  Result<void> at_target(Action action) {
    const auto target = state_->merged_into ? TicketId::from(state_->merged_into->value) : std::nullopt;
    if (!target) return fail(ErrorCode::bad_transition, "the ticket is not merged into another one any more");
    plan_.ticket = *target;
    if (action == Action::look_at_target) {
      plan_.rest = FollowedUp::Rest::look;
      return {};
    }
    Change change = anew(own_.change);
    change.ticket = *target;
    plan_.changes = {std::move(change)};
    return {};
  }

  void reopen(bool and_resolve) {
    Change change = on(own_.change.ticket, Intent::reopen);
    change.text = reason_;
    plan_.changes = {std::move(change)};
    if (!and_resolve) return;
    Change resolve = on(own_.change.ticket, Intent::resolve);
    resolve.text = own_.change.text;
    plan_.changes.push_back(std::move(resolve));
  }

  Result<void> release() {
    Change change = on(own_.change.ticket, Intent::release);
    change.targets = {own_.change.ref};
    change.reason = reason_;
    const auto offered = check_offered(parts_.replica, parts_.identity, change);
    if (offered) {
      plan_.changes = {std::move(change)};
      return {};
    }
    const ErrorCode why = offered.error().code;  // what could not be read says nothing of rights
    if (why != ErrorCode::not_permitted && why != ErrorCode::bad_transition && why != ErrorCode::not_found)
      return offered;
    return ask("Please release " + to_uuid_text(own_.change.ref.device.view()) + ":" + to_hex(own_.change.ref.id) +
               ", which is held: ");
  }

  /// A change for the reply and for each file that was saved with it, as far as they are withheld still.
  Result<void> about_withheld(Intent intent) {
    const TicketId ticket = own_.change.ticket;
    TERN_TRY(const auto messages, parts_.replica.messages(ticket));
    for (const sync::Message& message : messages) {
      const sync::Origin& origin = message.stamp.origin;
      const bool same_set = origin.device == own_.origin.device && origin.device_epoch == own_.origin.device_epoch &&
                            origin.chain_seq == own_.origin.chain_seq;
      const bool its_file = same_set && message.kind == sync::MessageKind::file;
      const bool named = message.stamp.ref() == own_.change.ref;
      if (!message.withheld || sync::is_deleted(message) || !(named || its_file)) continue;
      Change change = on(ticket, intent);
      change.targets = {message.stamp.ref()};
      if (intent == Intent::delete_message) change.reason = reason_;
      plan_.changes.push_back(std::move(change));
    }
    return {};
  }

  Result<void> not_mine() {
    const sync::IntentSpec* spec = sync::find_intent(own_.change.intent);
    std::string text = "Not mine: " + (spec == nullptr ? "what" : "'" + command_word(spec->name) + "'") + " of " +
                       clock_text(own_.change.wall_ms, 0) + ", made under my device's key by another copy of it.";
    if (!reason_.empty()) text += " " + std::string(reason_);
    plan_.changes = {note(own_.change.ticket, std::move(text))};
    return {};
  }

  /// A note that colleagues read on the ticket.
  Result<void> ask(std::string text) {
    NameBook names(parts_.replica, parts_.identity);
    const ChangeWords words = words_of(own_.change, names);
    text += command_word(words.intent);
    if (!words.field.empty()) text += " " + words.field;
    if (!words.value.empty()) text += " " + words.value;
    if (!own_.change.text.empty()) text += ": " + own_.change.text;
    if (!reason_.empty()) text += " (" + std::string(reason_) + ")";
    plan_.changes = {note(own_.change.ticket, std::move(text))};
    return {};
  }

  FollowUpParts parts_;
  const OwnChange& own_;
  std::string_view reason_;
  std::optional<sync::TicketState> state_;
  FollowUpPlan plan_;
};

}  // namespace

std::vector<std::string_view> follow_up_labels(const HistoryEntry& entry, bool ghost, bool altered) {
  if (ghost) return {sync_now};
  if (entry.outcome == sync::Outcome::unspecified) return {};
  sync::Intent intent = sync::Intent::unspecified;
  if (const sync::IntentSpec* spec = sync::find_intent(entry.intent)) intent = spec->intent;
  std::vector<std::string_view> labels = sync::follow_ups(intent, entry.standing);
  if (labels.empty() && altered) labels = {see_ticket, leave_it};
  return labels;
}

FollowUp make_follow_up(std::string_view label, const sync::ChangeRef& change) {
  const std::string id = id_of(label);
  if (label == sync_now) return {id, id, "tern sync"};
  return {id, std::string(label),
          "tern attention " + to_uuid_text(change.device.view()) + ":" + to_hex(change.id) + " --do " + id};
}

Result<FollowUpPlan> plan_follow_up(FollowUpParts parts, const OwnChange& own, std::string_view id,
                                    std::string_view reason) {
  const Spec* spec = find_spec(id);
  if (spec == nullptr) return fail(ErrorCode::usage, "there is no follow-up '" + std::string(id) + "'", {}, "do");
  return Planner(parts, own, reason).plan(*spec);
}

}  // namespace tern::client
