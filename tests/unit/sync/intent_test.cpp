#include "tern/sync/intent.hpp"
#include "support/catch.hpp"
#include "tern/v1/change.pb.h"

using namespace tern;
using namespace tern::sync;

TEST_CASE("every intent of the schema has one row, and no row is without a number", "[sync][intent]") {
  std::size_t known = 0;
  for (int number = 1; number <= v1::Intent_MAX; ++number) {
    if (!v1::Intent_IsValid(number)) continue;
    ++known;
    const IntentSpec* spec = find_intent(static_cast<Intent>(number));
    REQUIRE(spec != nullptr);
    CHECK(static_cast<int>(spec->intent) == number);
    CHECK(find_intent(spec->name) == spec);
  }
  CHECK(known == all_intents().size());
}

TEST_CASE("an unknown intent is not found", "[sync][intent]") {
  CHECK(find_intent(Intent::unspecified) == nullptr);
  CHECK(find_intent(static_cast<Intent>(19)) == nullptr);
  CHECK(find_intent(static_cast<Intent>(255)) == nullptr);
  CHECK(find_intent("swallow") == nullptr);
  CHECK(find_intent("") == nullptr);
}

TEST_CASE("claims are exactly the intents on shared things", "[sync][intent]") {
  const std::map<std::string_view, bool> claims = {{"take", true},
                                                   {"assign", true},
                                                   {"move_queue", true},
                                                   {"merge", true},
                                                   {"unmerge", true},
                                                   {"split", true},
                                                   {"delete", true},
                                                   {"restore", true},
                                                   {"approve_estimate", true},
                                                   {"reject_estimate", true},
                                                   {"rate", true},
                                                   {"resolve", false},
                                                   {"message", false},
                                                   {"set", false},
                                                   {"estimate_approved", false},
                                                   {"release", false}};
  std::size_t found = 0;
  for (const IntentSpec& spec : all_intents()) {
    found += is_claim(spec) ? 1 : 0;
    if (const auto expected = claims.find(spec.name); expected != claims.end()) {
      INFO(spec.name);
      CHECK(is_claim(spec) == expected->second);
    }
  }
  CHECK(found == 11);
}

TEST_CASE("only messages, files, times and reports from on site append to what is gone", "[sync][intent]") {
  for (const IntentSpec& spec : all_intents()) {
    INFO(spec.name);
    const bool expected = spec.intent == Intent::message || spec.intent == Intent::attach ||
                          spec.intent == Intent::log_time || spec.intent == Intent::on_site;
    CHECK(spec.append_only == expected);
  }
}

TEST_CASE("a customer may create, write, accept, reopen, decide on an estimate and rate, and nothing else",
          "[sync][intent]") {
  const std::vector<Intent> expected = {Intent::create,
                                        Intent::message,
                                        Intent::attach,
                                        Intent::close,
                                        Intent::reopen,
                                        Intent::estimate_approved,
                                        Intent::estimate_rejected,
                                        Intent::approve_estimate,
                                        Intent::reject_estimate,
                                        Intent::rate};
  std::vector<Intent> found;
  for (const IntentSpec& spec : all_intents())
    if (spec.customer_may) found.push_back(spec.intent);
  CHECK(found == expected);
}
