#include "tern/sync/conflict.hpp"

#include <array>
#include <initializer_list>

namespace tern::sync {
namespace {

template <typename Code>
struct Name {
  Code code;
  std::string_view name;
};

constexpr std::array outcome_names = {
    Name<Outcome>{Outcome::applied, "applied"},       Name<Outcome>{Outcome::merged, "merged"},
    Name<Outcome>{Outcome::superseded, "superseded"}, Name<Outcome>{Outcome::overtaken, "overtaken"},
    Name<Outcome>{Outcome::redirected, "redirected"}, Name<Outcome>{Outcome::held, "held"},
    Name<Outcome>{Outcome::rejected, "rejected"},
};

constexpr std::array rule_names = {
    Name<Rule>{Rule::sequential, "sequential"},
    Name<Rule>{Rule::latest_wins, "latest_wins"},
    Name<Rule>{Rule::priority_highest, "priority_highest"},
    Name<Rule>{Rule::text_merge, "text_merge"},
    Name<Rule>{Rule::text_overlap, "text_overlap"},
    Name<Rule>{Rule::append, "append"},
    Name<Rule>{Rule::message_edit, "message_edit"},
    Name<Rule>{Rule::message_deleted, "message_deleted"},
    Name<Rule>{Rule::add_wins, "add_wins"},
    Name<Rule>{Rule::lifecycle, "lifecycle"},
    Name<Rule>{Rule::unseen_customer, "unseen_customer"},
    Name<Rule>{Rule::no_effect, "no_effect"},
    Name<Rule>{Rule::claim_stands, "claim_stands"},
    Name<Rule>{Rule::taken, "taken"},
    Name<Rule>{Rule::merged_ticket, "merged_ticket"},
    Name<Rule>{Rule::deleted_ticket, "deleted_ticket"},
    Name<Rule>{Rule::estimate_claim, "estimate_claim"},
    Name<Rule>{Rule::duplicate, "duplicate"},
    Name<Rule>{Rule::rights, "rights"},
    Name<Rule>{Rule::dependency, "dependency"},
    Name<Rule>{Rule::admission, "admission"},
    Name<Rule>{Rule::release, "release"},
};

struct Reason {
  ReasonCode code;
  std::string_view name;
  std::string_view sentence;
};
constexpr std::array reasons = {
    Reason{ReasonCode::none, "none", ""},
    Reason{ReasonCode::not_permitted, "not_permitted", "Your role does not allow this here; ask a supervisor."},
    Reason{ReasonCode::parent_missing, "parent_missing",
           "It builds on a change that the server does not have; it waits until that one arrives or a supervisor "
           "releases it."},
    Reason{ReasonCode::parent_held, "parent_held",
           "It builds on a change that did not take effect; it is held with that one."},
    Reason{ReasonCode::ticket_unknown, "ticket_unknown", "The server does not have this ticket."},
    Reason{ReasonCode::limit, "limit", "The ticket is full: it cannot hold more of this."},
    Reason{ReasonCode::unknown_record, "unknown_record",
           "It names a person, queue, category or other record that does not exist here."},
    Reason{ReasonCode::duplicate_content, "duplicate_content",
           "Another change with the same id and other content arrived first."},
    Reason{ReasonCode::cycle, "cycle", "The two tickets would be merged into each other."},
    Reason{ReasonCode::upgrade_required, "upgrade_required", "It was written by a newer version than the server runs."},
    Reason{ReasonCode::invalid, "invalid", "A value of it breaks the rules of its field."},
    Reason{ReasonCode::exists, "exists", "A ticket with this id exists already."},
    Reason{ReasonCode::ticket_full, "ticket_full",
           "The ticket holds as much as one can; end it and go on in a new ticket that links to it."},
};

// ---- follow-ups
// --------------------------------------------------------------------------------------------------------

/// The first row that fits answers. Unit::none, Intent::unspecified and Rule::unspecified fit everything.
struct FollowUps {
  Outcome outcome;
  Unit unit;
  Intent intent;
  Rule rule;
  std::array<std::string_view, 3> verbs;  // empty ones at the end are none
};
constexpr auto any_unit = Unit::none;
constexpr auto any_intent = Intent::unspecified;
constexpr auto any_rule = Rule::unspecified;

constexpr std::array follow_up_table = {
    FollowUps{Outcome::applied,
              Unit::message,
              any_intent,
              Rule::unseen_customer,
              {"read the customer's message", "send it anyway", "take it back"}},

    FollowUps{Outcome::superseded, Unit::description, any_intent, any_rule, {"edit again", "keep theirs"}},
    FollowUps{Outcome::superseded, Unit::message_edit, any_intent, any_rule, {"edit again", "keep theirs"}},
    FollowUps{Outcome::superseded, Unit::set, any_intent, any_rule, {"do it again", "keep theirs"}},
    FollowUps{Outcome::superseded, any_unit, any_intent, any_rule, {"set mine again", "keep theirs"}},

    FollowUps{Outcome::overtaken, any_unit, any_intent, Rule::merged_ticket, {"open the merged ticket", "do it there"}},
    FollowUps{
        Outcome::overtaken, Unit::deletion, Intent::delete_ticket, any_rule, {"read what came in", "delete anyway"}},
    FollowUps{
        Outcome::overtaken, any_unit, any_intent, Rule::deleted_ticket, {"restore the ticket", "leave it deleted"}},
    FollowUps{Outcome::overtaken, Unit::assignee, Intent::take, any_rule, {"take anyway", "leave it to them"}},
    FollowUps{Outcome::overtaken, Unit::assignee, any_intent, any_rule, {"assign anyway", "leave it as it is"}},
    FollowUps{Outcome::overtaken, Unit::queue, any_intent, any_rule, {"move it anyway", "leave it there"}},
    FollowUps{Outcome::overtaken, Unit::merge, any_intent, any_rule, {"merge anyway", "leave them apart"}},
    FollowUps{Outcome::overtaken, Unit::deletion, Intent::restore, any_rule, {"restore anyway", "leave it deleted"}},
    FollowUps{Outcome::overtaken, Unit::estimate_claim, any_intent, any_rule, {"decide on the new estimate"}},
    FollowUps{Outcome::overtaken,
              Unit::status,
              any_intent,
              Rule::unseen_customer,
              {"read the customer's message", "do it again", "leave it as it is"}},
    FollowUps{Outcome::overtaken, Unit::status, Intent::resolve, any_rule, {"reopen and resolve", "leave it as it is"}},
    FollowUps{Outcome::overtaken, Unit::status, any_intent, any_rule, {"reopen", "leave it as it is"}},
    FollowUps{
        Outcome::overtaken, Unit::message_edit, any_intent, Rule::append, {"write it as a note", "leave it as it is"}},
    FollowUps{Outcome::overtaken, Unit::message_edit, any_intent, any_rule, {"write it as a note", "leave it deleted"}},
    FollowUps{Outcome::overtaken, any_unit, any_intent, any_rule, {"do it anyway", "leave it as it is"}},

    FollowUps{Outcome::redirected, any_unit, any_intent, any_rule, {"open the merged ticket"}},

    FollowUps{Outcome::held, any_unit, any_intent, Rule::rights, {"ask a supervisor to release it", "give it up"}},
    FollowUps{Outcome::held,
              any_unit,
              any_intent,
              Rule::dependency,
              {"see what it builds on", "ask a supervisor to release it", "give it up"}},
    // Beside another change of its name: a release would release that one. Said again, it has a name of its own.
    FollowUps{Outcome::held, any_unit, any_intent, Rule::duplicate, {"do it anyway", "give it up"}},
    FollowUps{Outcome::held, any_unit, any_intent, any_rule, {"ask a supervisor to release it", "give it up"}},

    FollowUps{Outcome::rejected, any_unit, any_intent, Rule::rights, {"ask a supervisor to do it", "give it up"}},
    FollowUps{Outcome::rejected, Unit::message, any_intent, any_rule, {"write it again", "give it up"}},
    FollowUps{Outcome::rejected, any_unit, any_intent, any_rule, {"do it again differently", "give it up"}},
};

template <typename Table, typename Code>
std::string_view name_in(const Table& table, Code code) {
  for (const auto& row : table)
    if (row.code == code) return row.name;
  return "unspecified";
}

bool fits(const FollowUps& row, Unit unit, Intent intent, const Standing& standing) {
  return row.outcome == standing.outcome && (row.unit == any_unit || row.unit == unit) &&
         (row.intent == any_intent || row.intent == intent) && (row.rule == any_rule || row.rule == standing.rule);
}

}  // namespace

std::string_view to_string(Outcome outcome) {
  return name_in(outcome_names, outcome);
}
std::string_view to_string(Rule rule) {
  return name_in(rule_names, rule);
}
std::string_view to_string(ReasonCode reason) {
  return name_in(reasons, reason);
}

std::string_view sentence(ReasonCode reason) {
  for (const Reason& row : reasons)
    if (row.code == reason) return row.sentence;
  return "The server did not accept it.";
}

bool needs_attention(Outcome outcome, Rule rule) {
  if (outcome == Outcome::applied) return rule == Rule::unseen_customer;  // a reply that is withheld
  return outcome != Outcome::merged;
}

std::vector<std::string_view> follow_ups(Intent intent, const Standing& standing) {
  const IntentSpec* spec = find_intent(intent);
  const Unit unit = spec == nullptr ? Unit::none : spec->unit;
  for (const FollowUps& row : follow_up_table) {
    if (!fits(row, unit, intent, standing)) continue;
    std::vector<std::string_view> verbs;
    for (const std::string_view verb : row.verbs)
      if (!verb.empty()) verbs.push_back(verb);
    return verbs;
  }
  return {};
}

}  // namespace tern::sync
