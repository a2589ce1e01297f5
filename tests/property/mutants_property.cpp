// Rules that look right and are not: over random histories the properties of the fold tell them from the real ones.
#include <random>

#include "fold_history.hpp"
#include "support/catch.hpp"

using namespace tern;
using namespace tern::sync;
using namespace tern::test;

namespace {

constexpr int histories = 60;

std::vector<Step> steps_of(unsigned seed) {
  std::mt19937 random(seed);
  std::vector<Step> steps(40);
  for (Step& step : steps)
    for (std::uint8_t& byte : step) byte = static_cast<std::uint8_t>(random());
  return steps;
}

/// In how many histories a fold of this kind differs from what the rules say, where the real one never does.
template <typename Differs>
int caught(Differs differs) {
  int count = 0;
  for (unsigned seed = 1; seed <= histories; ++seed) {
    const History history(steps_of(seed));
    const auto& log = history.desk.log();
    const FoldModel rules(log);
    REQUIRE(observe(history.desk) == rules.observed());
    count += differs(log, rules.observed()) ? 1 : 0;
  }
  return count;
}

}  // namespace

TEST_CASE("mutant: a priority that is the last write is caught", "[sync][fold][property][mutant]") {
  CHECK(caught([](const auto& log, const Observed& right) {
          const FieldKey priority{FieldId::priority, {}};
          const PlacedChange* last = nullptr;
          std::optional<Bytes> value;
          for (const PlacedChange& placed : log)
            for (const FieldSetting& setting : placed.change.fields)
              if (setting.field == FieldId::priority && (last == nullptr || before(last->stamp, placed.stamp))) {
                last = &placed;
                value = setting.value;
              }
          return value != right.fields.at(priority);
        }) > 0);
}

TEST_CASE("mutant: `seen` taken as the tenant's newest commit is caught", "[sync][fold][property][mutant]") {
  CHECK(caught([](const auto& log, const Observed& right) {
          std::vector<PlacedChange> wrong = log;
          for (PlacedChange& placed : wrong)
            placed.stamp.seen_seq = placed.admission.seen_seq = placed.stamp.commit_seq - 1;
          return !(observe(wrong, fold_from_zero(wrong)) == right);
        }) > 0);
}

TEST_CASE("mutant: facts in the order of their arrival are caught", "[sync][fold][property][mutant]") {
  CHECK(caught([](const auto& log, const Observed& right) {
          std::vector<PlacedChange> wrong = log;
          for (PlacedChange& placed : wrong) placed.stamp.order_ms = static_cast<std::int64_t>(placed.stamp.commit_seq);
          return observe(wrong, fold_from_zero(wrong)).status != right.status ||
                 observe(wrong, fold_from_zero(wrong)).fields != right.fields;
        }) > 0);
}

TEST_CASE("mutant: claims that always take effect are caught", "[sync][fold][property][mutant]") {
  CHECK(caught([](const auto& log, const Observed& right) {
          std::vector<PlacedChange> wrong = log;
          for (PlacedChange& placed : wrong) placed.admission.claim_applies = true;
          return observe(wrong, fold_from_zero(wrong)).assignee != right.assignee;
        }) > 0);
}

TEST_CASE("mutant: the server's chain taken for everybody's own is caught", "[sync][fold][property][mutant]") {
  CHECK(caught([](const auto& log, const Observed& right) {
          std::vector<PlacedChange> wrong = log;
          for (PlacedChange& placed : wrong) placed.stamp.sealed = false;
          return !(observe(wrong, fold_from_zero(wrong)) == right);
        }) > 0);
}
