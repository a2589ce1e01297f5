// Two people work on one ticket without each other: whoever arrives first, the facts are the same; and a whole history
// folds to what the plainly said rules say, in the middle as from zero.
//
// Input: a byte that says which; then steps of six bytes: who, what, with what, when, how wrong.
#include <utility>
#include <vector>

#include "fuzz/fuzz_input.hpp"
#include "property/fold_history.hpp"

namespace tern::fz_merge {
using namespace tern::test;

namespace {

constexpr std::size_t steps_max = 60;

std::vector<Step> steps_of(fuzz::Input& input) {
  std::vector<Step> steps;
  while (!input.rest().empty() && steps.size() < steps_max) {
    Step step{};
    for (std::uint8_t& byte : step) byte = input.u8();
    steps.push_back(step);
  }
  return steps;
}

void history_follows_the_rules(const std::vector<Step>& steps) {
  const History history(steps);
  check(history.desk.consistent, "each alteration began at the standing that was held");
  const Observed shown = observe(history.desk);
  check(shown == FoldModel(history.desk.log()).observed(), "the fold is what its rules say");
  check(shown == observe(history.desk.log(), sync::fold_from_zero(history.desk.log())), "the middle is from zero");
}

/// Two lists of facts, each made on one device that saw nothing of the other.
std::array<std::vector<Draft>, 2> two_lists(const std::vector<Step>& steps) {
  static const std::array<std::string, 2> names = {"anna", "bert"};
  FoldDesk desk;
  DraftMaker maker;
  std::array<std::vector<Draft>, 2> lists;
  std::array<std::vector<sync::ChangeRef>, 2> messages;
  std::int64_t now_ms = at(9);
  for (const Step& step : steps) {
    const std::size_t who = step[0] % 2;
    Draft draft =
        maker.make(desk, names[who], step[5] % DraftMaker::fact_count, step[4], "one\ntwo\nthree", messages[who], {});
    draft.seen_seq = draft.change.seen_seq = 1;
    draft.effective_ms = now_ms += step[2] % 4;  // at the same moment, too
    if (draft.change.intent == sync::Intent::message) messages[who].push_back(draft.ref());
    lists[who].push_back(std::move(draft));
  }
  return lists;
}

FoldDesk arrived(const std::array<std::vector<Draft>, 2>& lists, const std::vector<Step>& choice) {
  FoldDesk desk;
  std::array<std::size_t, 2> next{};
  for (std::size_t i = 0; next[0] < lists[0].size() || next[1] < lists[1].size(); ++i) {
    std::size_t who = choice.empty() ? 0 : choice[i % choice.size()][1] % 2;
    if (next[who] == lists[who].size()) who = 1 - who;
    desk.commit(lists[who][next[who]++]);
  }
  return desk;
}

void facts_do_not_ask_who_came_first(const std::vector<Step>& steps) {
  const auto lists = two_lists(steps);
  const FoldDesk one_first = arrived(lists, {}), mixed = arrived(lists, steps);
  const FoldDesk other_first = arrived({lists[1], lists[0]}, {});
  const Observed first = but_for_withholding(observe(one_first));
  check(first == but_for_withholding(observe(other_first)), "whoever arrives first, the ticket is the same");
  check(first == but_for_withholding(observe(mixed)), "however they arrive, the ticket is the same");
}

}  // namespace

TERN_FUZZ_TARGET(fz_merge) {
  fuzz::Input input(data, size_bytes);
  const bool lists = input.u8() % 2 == 1;
  const std::vector<Step> steps = steps_of(input);
  if (steps.empty()) return 0;
  if (lists)
    facts_do_not_ask_who_came_first(steps);
  else
    history_follows_the_rules(steps);
  return 0;
}

}  // namespace tern::fz_merge
