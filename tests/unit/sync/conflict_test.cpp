#include <algorithm>
#include <set>

#include "support/catch.hpp"
#include "tern/sync/conflict.hpp"

using namespace tern::sync;

namespace {

std::vector<std::string_view> ask(Intent intent, Outcome outcome, Rule rule) {
  return follow_ups(intent, {outcome, rule, {}, {}});
}
using Verbs = std::vector<std::string_view>;

}  // namespace

TEST_CASE("outcomes, rules and reasons have names of their own", "[sync][conflict]") {
  std::set<std::string_view> names;
  for (int i = 1; i <= 7; ++i) names.insert(to_string(static_cast<Outcome>(i)));
  CHECK(names.size() == 7);
  CHECK(names.count("unspecified") == 0);
  names.clear();
  for (int i = 1; i <= 22; ++i) names.insert(to_string(static_cast<Rule>(i)));
  CHECK(names.size() == 22);
  CHECK(names.count("unspecified") == 0);
  names.clear();
  for (int i = 0; i <= 11; ++i) names.insert(to_string(static_cast<ReasonCode>(i)));
  CHECK(names.size() == 12);
  CHECK(to_string(static_cast<Outcome>(200)) == "unspecified");
  CHECK(to_string(static_cast<Rule>(200)) == "unspecified");
}

TEST_CASE("whoever is held or rejected reads a sentence, an unknown reason too", "[sync][conflict]") {
  for (int i = 1; i <= 11; ++i) CHECK(sentence(static_cast<ReasonCode>(i)).ends_with('.'));
  CHECK(sentence(ReasonCode::none).empty());
  CHECK_FALSE(sentence(static_cast<ReasonCode>(99)).empty());
}

TEST_CASE("a value that does not stand can be set again in one step", "[sync][conflict]") {
  CHECK(ask(Intent::set, Outcome::superseded, Rule::latest_wins) == Verbs{"set mine again", "keep theirs"});
  CHECK(ask(Intent::set, Outcome::superseded, Rule::priority_highest) == Verbs{"set mine again", "keep theirs"});
  CHECK(ask(Intent::describe, Outcome::superseded, Rule::text_overlap) == Verbs{"edit again", "keep theirs"});
}

TEST_CASE("an overtaken claim is offered again as do it anyway", "[sync][conflict]") {
  CHECK(ask(Intent::take, Outcome::overtaken, Rule::taken).front() == "take anyway");
  CHECK(ask(Intent::assign, Outcome::overtaken, Rule::claim_stands).front() == "assign anyway");
  CHECK(ask(Intent::move_queue, Outcome::overtaken, Rule::claim_stands).front() == "move it anyway");
  CHECK(ask(Intent::merge, Outcome::overtaken, Rule::claim_stands).front() == "merge anyway");
  CHECK(ask(Intent::delete_ticket, Outcome::overtaken, Rule::unseen_customer).front() == "read what came in");
}

TEST_CASE("an overtaken move offers what gets the work done", "[sync][conflict]") {
  CHECK(ask(Intent::start, Outcome::overtaken, Rule::lifecycle).front() == "reopen");
  CHECK(ask(Intent::resolve, Outcome::overtaken, Rule::lifecycle).front() == "reopen and resolve");
  CHECK(ask(Intent::message, Outcome::applied, Rule::unseen_customer) ==
        Verbs{"read the customer's message", "send it anyway", "take it back"});
  CHECK(ask(Intent::close, Outcome::overtaken, Rule::unseen_customer).front() == "read the customer's message");
  CHECK(ask(Intent::resolve, Outcome::overtaken, Rule::merged_ticket).front() == "open the merged ticket");
  CHECK(ask(Intent::set, Outcome::overtaken, Rule::deleted_ticket).front() == "restore the ticket");
}

TEST_CASE("what needs attention has a follow-up, what went well has none", "[sync][conflict]") {
  for (const IntentSpec& spec : all_intents())
    for (int rule = 0; rule <= 22; ++rule)
      for (const Outcome outcome :
           {Outcome::superseded, Outcome::overtaken, Outcome::redirected, Outcome::held, Outcome::rejected}) {
        INFO(spec.name << " " << to_string(outcome));
        REQUIRE_FALSE(ask(spec.intent, outcome, static_cast<Rule>(rule)).empty());
      }
  CHECK(ask(Intent::set, Outcome::applied, Rule::sequential).empty());
  CHECK(ask(Intent::set, Outcome::merged, Rule::add_wins).empty());
  CHECK(ask(Intent::unspecified, Outcome::unspecified, Rule::unspecified).empty());
}
