// Fold rule of the description, and the three-way merge under it.
#include "support/catch.hpp"
#include "support/fold_desk.hpp"

using namespace tern;
using namespace tern::sync;
using namespace tern::test;

namespace {

const std::string base = "one\ntwo\nthree";

}  // namespace

TEST_CASE("description: what its author wrote since had not seen a held edit that is let in later",
          "[sync][fold][description]") {
  FoldDesk desk;
  const Draft held = desk.describe("anna", at(10), "one\ntwo\nthree", "one\ntwo\nthree\nheld");
  const Draft since = desk.describe("anna", at(11), "one\ntwo\nthree", "one\ntwo\nthree\nsince");
  desk.commit(since);
  desk.commit(held);
  CHECK(desk.standing(held) == Standing{Outcome::superseded, Rule::text_overlap, since.ref(), since.author});
  CHECK(desk.state().description == "one\ntwo\nthree\nsince");
  const Draft more = desk.describe("anna", at(12), desk.state().description, "one\ntwo\nthree\nmore");
  desk.commit(more);  // with both in sight
  CHECK(desk.state().description == "one\ntwo\nthree\nmore");
  CHECK(desk.equals_zero());
}

TEST_CASE("merge by line: changes of different lines both stay", "[sync][fold][description]") {
  CHECK(merge_lines("a\nb\nc", "A\nb\nc", "a\nb\nC") == "A\nb\nC");
  CHECK(merge_lines("a\nb\nc", "A\nb\nc", "a\nB\nc") == "A\nB\nc");  // neighbours
  CHECK(merge_lines("a\nb\nc", "a\nc", "a\nb\nc\nd") == "a\nc\nd");
  CHECK(merge_lines("a\nb\nc", "x\na\nb\nc", "a\nb\nc\ny") == "x\na\nb\nc\ny");
  CHECK(merge_lines("a\nb\nc\nd", "a\nb2\nc\nd", "a\nb2\nc\nd2") == "a\nb2\nc\nd2");  // the same change twice
}

TEST_CASE("merge by line: one side alone, equal sides and empty texts", "[sync][fold][description]") {
  CHECK(merge_lines("a", "a", "b") == "b");
  CHECK(merge_lines("a", "b", "a") == "b");
  CHECK(merge_lines("a", "b", "b") == "b");
  CHECK(merge_lines("", "", "") == "");
  CHECK(merge_lines("", "a", "") == "a");
  CHECK(merge_lines("a\n", "a\nb\n", "c\n") == std::nullopt);
  CHECK(merge_lines("a\nb\n", "a\nb\nc\n", "x\nb\n") == "x\nb\nc\n");
}

TEST_CASE("merge by line: overlapping changes and insertions at one place are not guessed",
          "[sync][fold][description]") {
  CHECK(merge_lines("a\nb\nc", "a\nB\nc", "a\nbb\nc") == std::nullopt);
  CHECK(merge_lines("a\nb", "a\nx\nb", "a\ny\nb") == std::nullopt);
  CHECK(merge_lines("a\nb", "a\nb\nx", "a\nb\ny") == std::nullopt);
  CHECK(merge_lines("a\nb\nc", "a", "a\nb\nC") == std::nullopt);
}

TEST_CASE("merge by line: work and result are bounded", "[sync][fold][description]") {
  std::string all_a, all_b;
  for (int i = 0; i < 2000; ++i) {
    all_a += "a" + std::to_string(i) + "\n";
    all_b += "b" + std::to_string(i) + "\n";
  }
  CHECK(merge_lines(all_a, all_b, all_a + "end") == std::nullopt);
  std::size_t used = 0;
  CHECK(merge_lines(all_a, "start\n" + all_a, all_a + "end", merge_cells_max, &used) == "start\n" + all_a + "end");
  CHECK(used < 10);
  const std::string large(40'000, 'x');
  CHECK(merge_lines("1\nm\n2", large + "\nm\n2", "1\nm\n" + large) == std::nullopt);
}

TEST_CASE("description, sequential: an edit of what stands replaces it", "[sync][fold][description]") {
  FoldDesk desk;
  const Draft first = desk.describe("anna", at(10), base, "uno");
  CHECK(desk.commit(first) == Standing{Outcome::applied, Rule::sequential, {}, {}});
  desk.commit(desk.describe("bert", at(11), "uno", "dos"));
  CHECK(desk.state().description == "dos");
  CHECK(desk.outcome(first) == Outcome::applied);
  CHECK(desk.equals_zero());
}

TEST_CASE("description, concurrent: edits of different lines are merged in both arrival orders",
          "[sync][fold][description]") {
  for (const bool swapped : {false, true}) {
    FoldDesk desk;
    const Draft a = desk.describe("anna", at(10), base, "ONE\ntwo\nthree");
    const Draft b = desk.describe("bert", at(11), base, "one\ntwo\nTHREE");
    desk.commit(swapped ? b : a);
    desk.commit(swapped ? a : b);
    CHECK(desk.state().description == "ONE\ntwo\nTHREE");
    CHECK(desk.state().description != desk.last_write({Intent::describe}).text);
    CHECK(desk.standing(a) == Standing{Outcome::applied, Rule::sequential, {}, {}});
    CHECK(desk.standing(b) == Standing{Outcome::merged, Rule::text_merge, {}, {}});
    CHECK(desk.equals_zero());
  }
}

TEST_CASE("description, concurrent: where edits overlap the later stands in both arrival orders",
          "[sync][fold][description]") {
  for (const bool swapped : {false, true}) {
    FoldDesk desk;
    const Draft a = desk.describe("anna", at(10), base, "ONE\ntwo\nthree");
    const Draft b = desk.describe("bert", at(11), base, "uno\ntwo\nthree");
    desk.commit(swapped ? b : a);
    desk.commit(swapped ? a : b);
    CHECK(desk.state().description == "uno\ntwo\nthree");
    CHECK((desk.state().description != desk.last_write({Intent::describe}).text) == swapped);
    CHECK(desk.standing(a) == Standing{Outcome::superseded, Rule::text_overlap, b.ref(), b.author});
    CHECK(desk.standing(b) == Standing{Outcome::applied, Rule::text_overlap, {}, {}});
    CHECK(desk.equals_zero());
  }
}

TEST_CASE("description: an overlap tells those whose text nobody had seen, and nobody else",
          "[sync][fold][description]") {
  FoldDesk desk;
  const Draft offline = desk.describe("cara", at(12), base, "tres\ntwo\nthree");
  const Draft a = desk.describe("anna", at(10), base, "ONE\ntwo\nthree");
  desk.commit(a);
  const Draft b = desk.describe("bert", at(11), "ONE\ntwo\nthree", "Uno\ntwo\nthree");
  desk.commit(b);
  desk.commit(offline);
  CHECK(desk.outcome(a) == Outcome::applied);  // bert had seen it
  CHECK(desk.outcome(b) == Outcome::superseded);
  CHECK(desk.state().description == "tres\ntwo\nthree");
}

TEST_CASE("description: where the base was erased the later stands", "[sync][fold][description]") {
  FoldDesk desk;
  const Draft a = desk.describe("anna", at(10), base, "ONE\ntwo\nthree");
  Draft b = desk.describe("bert", at(11), base, "one\ntwo\nTHREE");
  desk.commit(a);
  desk.commit(b);
  std::vector<PlacedChange> log = desk.log();
  for (const std::size_t erased : {std::size_t{1}, std::size_t{2}}) {
    std::vector<PlacedChange> copy = log;
    copy[erased].change.text.clear();
    copy[erased].change.base.clear();
    copy[erased].change.body_erased = true;
    const FoldResult zero = fold_from_zero(copy);
    CHECK(zero.state.description == (erased == 1 ? "one\ntwo\nTHREE" : ""));
    CHECK(zero.state.description_erased == (erased == 2));
  }
}

TEST_CASE("description: on a device an own edit is shown over what stands", "[sync][fold][description]") {
  FoldDesk desk;
  TicketState shown = desk.state();
  const Draft own = desk.describe("anna", at(10), base, "ONE\ntwo\nthree");
  PlacedChange pending;
  pending.change = own.change;
  pending.admission = predict_admission(shown, own.change, own.origin, 0, own.author);
  pending.stamp = make_stamp(own.change, own.origin, pending_commit_seq, pending.admission, own.author, own.kind);
  CHECK(fold_in(shown, pending).description_changed);
  CHECK(shown.description == "ONE\ntwo\nthree");

  desk.commit(desk.describe("bert", at(11), base, "one\ntwo\nTHREE"));  // arrived meanwhile, later in order
  shown = desk.state();
  fold_in(shown, pending);
  CHECK(shown.description == "ONE\ntwo\nTHREE");
}
