// Fold rules of claims: decided at commit, never altered.
#include "support/catch.hpp"
#include "support/fold_desk.hpp"

using namespace tern;
using namespace tern::sync;
using namespace tern::test;

namespace {

const auto anna = named<OperatorId>("anna");
const auto bert = named<OperatorId>("bert");
const auto id_of_cara = named<OperatorId>("cara");

}  // namespace

TEST_CASE("take, sequential: takes effect while nobody is assigned", "[sync][fold][claims]") {
  FoldDesk desk;
  CHECK(desk.commit(desk.draft("anna", Intent::take, at(10))) == Standing{Outcome::applied, Rule::sequential, {}, {}});
  CHECK(assignee_of(desk.state()) == anna);
  CHECK(desk.commit(desk.draft("anna", Intent::take, at(11))) == Standing{Outcome::applied, Rule::no_effect, {}, {}});
  desk.commit(desk.to("anna", at(12), Intent::assign, ""));
  CHECK_FALSE(assignee_of(desk.state()).has_value());
  CHECK(desk.commit(desk.draft("bert", Intent::take, at(13))).outcome == Outcome::applied);
  CHECK(desk.equals_zero());
}

TEST_CASE("take, concurrent: the first committed wins in both arrival orders, the loser becomes a watcher",
          "[sync][fold][claims]") {
  for (const bool swapped : {false, true}) {
    FoldDesk desk;
    const Draft early = desk.draft("anna", Intent::take, at(10));
    const Draft late = desk.draft("bert", Intent::take, at(11));
    const Draft& first = swapped ? late : early;
    const Draft& second = swapped ? early : late;
    desk.commit(first);
    desk.commit(second);
    CHECK(assignee_of(desk.state()) == first.author);
    CHECK(desk.last_write({Intent::take}).ref == second.ref());  // who would hold it by last write
    CHECK(desk.standing(second) == Standing{Outcome::overtaken, Rule::taken, first.ref(), first.author});
    CHECK(elements_of(desk.state(), FieldId::watchers) == std::vector<Bytes>{"o" + Bytes(second.author.view())});
    CHECK(desk.amendments() == 0);
    CHECK(desk.equals_zero());
  }
}

TEST_CASE("take: its loser may stop watching", "[sync][fold][claims]") {
  FoldDesk desk;
  const Draft lost = desk.draft("bert", Intent::take, at(11));
  desk.commit(desk.draft("anna", Intent::take, at(10)));
  desk.commit(lost);
  desk.commit(desk.to("bert", at(12), Intent::unwatch, "bert"));
  CHECK(elements_of(desk.state(), FieldId::watchers).empty());
  CHECK(desk.equals_zero());
}

TEST_CASE("assign and queue, sequential: whoever saw the claim that stands replaces it", "[sync][fold][claims]") {
  FoldDesk desk;
  desk.commit(desk.draft("anna", Intent::take, at(10)));
  CHECK(desk.commit(desk.to("boss", at(11), Intent::assign, "bert")).outcome == Outcome::applied);
  CHECK(assignee_of(desk.state()) == bert);
  desk.commit(desk.to("boss", at(11), Intent::move_queue, "tech"));
  CHECK(desk.commit(desk.to("boss", at(12), Intent::move_queue, "")).outcome == Outcome::applied);
  CHECK_FALSE(queue_of(desk.state()).has_value());
  CHECK(desk.equals_zero());
}

TEST_CASE("assign and queue, concurrent: who had not seen what stands is overtaken, in both arrival orders",
          "[sync][fold][claims]") {
  for (const Intent intent : {Intent::assign, Intent::move_queue})
    for (const bool swapped : {false, true}) {
      FoldDesk desk;
      const Draft a = desk.to("boss", at(10), intent, "bert");
      const Draft b = desk.to("chief", at(11), intent, "cara");
      const Draft& first = swapped ? b : a;
      const Draft& second = swapped ? a : b;
      desk.commit(first);
      CHECK(desk.commit(second) == Standing{Outcome::overtaken, Rule::claim_stands, first.ref(), first.author});
      const auto& standing = intent == Intent::assign ? desk.state().assignee : desk.state().queue;
      CHECK(standing->value == first.change.target);
      CHECK(standing->value != desk.last_write({intent}).target);
      CHECK(desk.outcome(first) == Outcome::applied);
      CHECK(desk.equals_zero());
    }
}

TEST_CASE("assign: an unseen claim stands in the way even when it says the same", "[sync][fold][claims]") {
  FoldDesk desk;
  const Draft b = desk.to("chief", at(11), Intent::assign, "bert");
  const Draft a = desk.to("boss", at(10), Intent::assign, "bert");
  desk.commit(a);
  CHECK(desk.commit(b) == Standing{Outcome::overtaken, Rule::claim_stands, a.ref(), a.author});
}

TEST_CASE("assign: a claim of what its author saw standing is undone only by somebody who saw it",
          "[sync][fold][claims]") {
  FoldDesk desk;
  desk.commit(desk.to("boss", at(10), Intent::assign, "bert"));
  const Draft late = desk.to("anna", at(11), Intent::assign, "carl");
  const Draft again = desk.to("chief", at(12), Intent::assign, "bert");
  CHECK(desk.commit(again) == Standing{Outcome::applied, Rule::no_effect, {}, {}});
  CHECK(desk.commit(late) == Standing{Outcome::overtaken, Rule::claim_stands, again.ref(), again.author});
  CHECK(desk.equals_zero());
}

TEST_CASE("claims: an effective time in the past buys nothing", "[sync][fold][claims]") {
  FoldDesk desk;
  const Draft early = desk.draft("anna", Intent::take, at(8));
  desk.commit(desk.draft("bert", Intent::take, at(11)));
  desk.commit(early, at(12));
  CHECK(assignee_of(desk.state()) == bert);
}

TEST_CASE("custody: the previous assignee who may be dark keeps a mark until synced past it", "[sync][fold][claims]") {
  FoldDesk desk;
  desk.custody = true;
  desk.commit(desk.draft("anna", Intent::take, at(10)));
  CHECK(desk.state().custody.empty());
  desk.commit(desk.to("boss", at(11), Intent::assign, "bert"));
  REQUIRE(desk.state().custody.size() == 1);
  CHECK(desk.state().custody[0] == Custody{anna, at(11), 3});
  desk.commit(desk.to("boss", at(12), Intent::assign, "anna"));  // back: hers is no foreign work any more
  REQUIRE(desk.state().custody.size() == 1);
  CHECK(desk.state().custody[0].operator_id == bert);
  desk.commit(desk.to("server", at(13), Intent::custody_end, "bert"));
  CHECK(desk.state().custody.empty());
  CHECK(desk.equals_zero());
}

TEST_CASE("a resolution is rated once, and the next one anew", "[sync][fold][claims]") {
  FoldDesk desk;
  const auto rate = [&](const Draft& resolution, int hour, std::int64_t score) {
    Draft rating = desk.on("customer", at(hour), Intent::rate, resolution.ref());
    rating.change.number = score;
    return rating;
  };
  const Draft done = desk.draft("anna", Intent::resolve, at(10));
  desk.commit(done);
  CHECK(status_view(desk.state()).resolution == done.ref());
  const Draft good = rate(done, 11, 4);
  CHECK(desk.commit(good).outcome == Outcome::applied);
  CHECK(desk.commit(rate(done, 12, 4)) == Standing{Outcome::applied, Rule::no_effect, {}, {}});
  CHECK(desk.commit(rate(done, 12, 1)) == Standing{Outcome::overtaken, Rule::claim_stands, good.ref(), good.author});
  desk.commit(desk.draft("customer", Intent::close, at(13)));
  CHECK(status_view(desk.state()).resolution == done.ref());  // closing what is resolved is no resolution
  desk.commit(desk.draft("customer", Intent::reopen, at(14)));
  CHECK_FALSE(status_view(desk.state()).resolution);
  const Draft again = desk.draft("anna", Intent::close, at(15));
  desk.commit(again);
  CHECK(status_view(desk.state()).resolution == again.ref());
  CHECK(desk.commit(rate(again, 16, 1)).outcome == Outcome::applied);
  REQUIRE(desk.state().ratings.size() == 2);
  CHECK(rating_of(desk.state(), done.ref())->score == 4);
  CHECK(rating_of(desk.state(), again.ref())->score == 1);
  CHECK(desk.equals_zero());
}

TEST_CASE("estimate, sequential: approved once, replaced only by who saw the decision", "[sync][fold][claims]") {
  FoldDesk desk;
  const Draft estimate = desk.text("anna", at(10), Intent::estimate, "two hours", 120);
  desk.commit(estimate);
  CHECK(desk.status() == Status::estimated);
  CHECK(status_view(desk.state()).estimate == estimate.ref());
  CHECK(status_view(desk.state()).estimate_minutes == 120);
  CHECK(desk.commit(desk.on("customer", at(11), Intent::approve_estimate, estimate.ref())).outcome == Outcome::applied);
  desk.commit(desk.draft("customer", Intent::estimate_approved, at(11)));
  CHECK(desk.status() == Status::in_progress);
  REQUIRE(desk.state().estimate_decisions.size() == 1);
  CHECK(desk.state().estimate_decisions[0].approved);
  CHECK(desk.commit(desk.on("boss", at(12), Intent::reject_estimate, estimate.ref())).outcome == Outcome::applied);
  REQUIRE(desk.state().estimate_decisions.size() == 1);
  CHECK_FALSE(desk.state().estimate_decisions[0].approved);
  CHECK(desk.equals_zero());
}

TEST_CASE("estimate, concurrent: the first decision committed stands in both arrival orders", "[sync][fold][claims]") {
  for (const bool swapped : {false, true}) {
    FoldDesk desk;
    const Draft estimate = desk.text("anna", at(10), Intent::estimate, "", 60);
    desk.commit(estimate);
    const Draft yes = desk.on("customer", at(11), Intent::approve_estimate, estimate.ref());
    const Draft no = desk.on("boss", at(12), Intent::reject_estimate, estimate.ref());
    const Draft& first = swapped ? no : yes;
    const Draft& second = swapped ? yes : no;
    desk.commit(first);
    CHECK(desk.commit(second) == Standing{Outcome::overtaken, Rule::estimate_claim, first.ref(), first.author});
    REQUIRE(desk.state().estimate_decisions.size() == 1);
    CHECK(desk.state().estimate_decisions[0].approved == !swapped);
    const Intent last = desk.last_write({Intent::approve_estimate, Intent::reject_estimate}).intent;
    CHECK((last == Intent::approve_estimate) == swapped);  // by last write the other one
    CHECK(desk.equals_zero());
  }
}

TEST_CASE("estimate: one committed later never undoes an approval, it asks anew", "[sync][fold][claims]") {
  FoldDesk desk;
  const Draft first = desk.text("anna", at(10), Intent::estimate, "", 60);
  const Draft revised = desk.text("bert", at(10, 30), Intent::estimate, "", 90);  // made before the approval, offline
  desk.commit(first);
  const Draft yes = desk.on("customer", at(11), Intent::approve_estimate, first.ref());
  desk.commit(yes);
  desk.commit(revised);
  CHECK(desk.outcome(yes) == Outcome::applied);
  CHECK(desk.state().estimate_decisions[0].estimate == first.ref());
  CHECK(status_view(desk.state()).estimate == revised.ref());  // and this one has no decision
  CHECK(desk.equals_zero());
}

TEST_CASE("a claim that comes back after a restore is what it was, but for one that was made since",
          "[sync][fold][claims]") {
  FoldDesk desk;
  Draft mine = desk.draft("anna", Intent::assign, at(9, 30));
  mine.change.target = raw_id("anna");
  Draft other = desk.draft("boss", Intent::assign, at(10));
  other.change.target = raw_id("ben");
  desk.commit(other);
  const Standing applied{Outcome::applied, Rule::sequential, {}, {}};
  const auto judged = [&](std::int64_t commit_ms, const Standing& then, bool other_came_back) {
    Admission admission;
    admission.commit_ms = commit_ms;
    const Stamp stamp = make_stamp(mine.change, mine.origin, 100, admission, mine.author, mine.kind);
    judge_claim_again(
        desk.state(), mine.change, stamp, then, [&](const ChangeRef&) { return other_came_back; }, false, admission);
    return admission;
  };
  const Admission made_since = judged(1, applied, false);
  CHECK_FALSE(made_since.claim_applies);
  CHECK(made_since.claim_stands == other.ref());
  const Admission had_its_turn = judged(1, applied, true);
  CHECK(had_its_turn.claim_applies);
  CHECK(had_its_turn.claim_rule == Rule::no_effect);
  const Admission later = judged(INT64_MAX, applied, true);  // it had seen the other one then
  CHECK(later.claim_applies);
  CHECK(later.claim_rule == Rule::sequential);
  const Admission overtaken = judged(INT64_MAX, {Outcome::overtaken, Rule::taken, other.ref(), other.author}, true);
  CHECK_FALSE(overtaken.claim_applies);
  CHECK(overtaken.claim_rule == Rule::taken);
  CHECK(overtaken.claim_stands == other.ref());
}

TEST_CASE("delete and restore, sequential", "[sync][fold][claims]") {
  FoldDesk desk;
  CHECK(desk.commit(desk.draft("boss", Intent::restore, at(9, 30))).rule == Rule::no_effect);
  desk.commit(desk.draft("boss", Intent::delete_ticket, at(10)));
  CHECK(is_deleted(desk.state()));
  CHECK(class_of(desk.state()) == StatusClass::end);
  CHECK(desk.commit(desk.message("anna", at(11), "was here")).outcome == Outcome::applied);  // appended, hidden
  CHECK(desk.commit(desk.draft("chief", Intent::delete_ticket, at(12))).rule == Rule::no_effect);
  desk.commit(desk.draft("boss", Intent::restore, at(13)));
  CHECK_FALSE(is_deleted(desk.state()));
  CHECK(desk.equals_zero());
}

TEST_CASE("delete and restore, concurrent: the first committed stands in both arrival orders", "[sync][fold][claims]") {
  for (const bool swapped : {false, true}) {
    FoldDesk desk;
    desk.commit(desk.draft("boss", Intent::delete_ticket, at(10)));
    const Draft restore = desk.draft("boss", Intent::restore, at(11));
    const Draft again = desk.draft("chief", Intent::delete_ticket, at(11));  // deleted on their screen as well
    desk.commit(swapped ? again : restore);
    const Standing second = desk.commit(swapped ? restore : again);
    CHECK_FALSE(is_deleted(desk.state()));
    // By last write the first order would end deleted.
    CHECK((desk.last_write({Intent::delete_ticket, Intent::restore}).intent == Intent::delete_ticket) == !swapped);
    if (!swapped) CHECK(second == Standing{Outcome::overtaken, Rule::claim_stands, restore.ref(), restore.author});
    CHECK(desk.equals_zero());
  }
}

TEST_CASE("delete: one that had not seen a committed customer's message is overtaken", "[sync][fold][claims]") {
  FoldDesk desk;
  const Draft removal = desk.draft("boss", Intent::delete_ticket, at(10));
  const Draft message = desk.message("customer", at(9, 30), "wait");
  desk.commit(message);
  CHECK(desk.commit(removal) == Standing{Outcome::overtaken, Rule::unseen_customer, message.ref(), message.author});
  CHECK_FALSE(is_deleted(desk.state()));
  CHECK(desk.commit(desk.draft("boss", Intent::delete_ticket, at(11))).outcome == Outcome::applied);
}

TEST_CASE("merge, sequential: the source ends, the target shows where it came from", "[sync][fold][merge]") {
  FoldDesk source, target;
  const Draft merge = source.to("boss", at(10), Intent::merge, "target");
  source.commit(merge);
  REQUIRE(source.state().merged_into.has_value());
  CHECK(source.state().merged_into->value == raw_id("target"));
  CHECK(class_of(source.state()) == StatusClass::end);
  target.commit(target.to("server", at(10), Intent::merged_from, "source"));
  REQUIRE(target.state().merged_from.size() == 1);
  CHECK(target.state().merged_from[0].value == raw_id("source"));
  CHECK(source.equals_zero());
  CHECK(target.equals_zero());
}

TEST_CASE("merge, concurrent: the first committed stands in both arrival orders, every later claim is overtaken",
          "[sync][fold][merge]") {
  for (const bool swapped : {false, true}) {
    FoldDesk desk;
    const Draft a = desk.to("boss", at(10), Intent::merge, "target");
    const Draft b = desk.to("chief", at(11), Intent::merge, "other");
    const Draft& first = swapped ? b : a;
    const Draft& second = swapped ? a : b;
    desk.commit(first);
    CHECK(desk.commit(second) == Standing{Outcome::overtaken, Rule::merged_ticket, first.ref(), first.author});
    CHECK(desk.state().merged_into->value == first.change.target);
    CHECK(desk.state().merged_into->value != desk.last_write({Intent::merge}).target);
    CHECK(desk.commit(desk.draft("anna", Intent::take, at(12))).rule == Rule::merged_ticket);
    CHECK_FALSE(assignee_of(desk.state()).has_value());
    CHECK(elements_of(desk.state(), FieldId::watchers).empty());
    CHECK(desk.equals_zero());
  }
}

TEST_CASE("merge: a fact ordered before it folds into the source whenever it arrives", "[sync][fold][merge]") {
  for (const bool late : {false, true}) {
    FoldDesk desk;
    const Draft fact = desk.set("anna", at(10), FieldId::category, raw_id("network"));
    const Draft note = desk.message("anna", at(10), "note", Visibility::team);
    const Draft merge = desk.to("boss", at(11), Intent::merge, "target");
    if (late) desk.commit(merge);
    desk.commit(fact);
    desk.commit(note);
    if (!late) desk.commit(merge);
    CHECK(desk.value(FieldId::category) == raw_id("network"));
    CHECK(desk.outcome(fact) == Outcome::applied);
    CHECK(desk.outcome(note) == Outcome::applied);
    CHECK(desk.equals_zero());
  }
}

TEST_CASE("merge: after it messages are redirected and everything else is overtaken, its text kept",
          "[sync][fold][merge]") {
  FoldDesk desk;
  const Draft offline = desk.set("anna", at(12), FieldId::subject, "pump leaks");
  const Draft resolve = desk.text("anna", at(12), Intent::resolve, "new seal");
  const Draft note = desk.message("anna", at(12), "done");
  const Draft hours = desk.text("anna", at(12), Intent::log_time, "", 30);
  const Draft described = desk.describe("anna", at(12), "one\ntwo\nthree", "better words");
  const Draft tag = desk.tag("anna", at(12), Intent::tag, "late");
  const Draft merge = desk.to("boss", at(11), Intent::merge, "target");
  desk.commit(merge);
  const Standing overtaken{Outcome::overtaken, Rule::merged_ticket, merge.ref(), merge.author};
  const Standing redirected{Outcome::redirected, Rule::merged_ticket, merge.ref(), merge.author};
  CHECK(desk.commit(offline) == overtaken);
  CHECK(desk.commit(resolve) == overtaken);
  CHECK(desk.commit(note) == redirected);
  CHECK(desk.commit(hours) == redirected);
  CHECK(desk.commit(described) == overtaken);
  CHECK(desk.commit(tag) == overtaken);
  CHECK(desk.value(FieldId::subject) == "pump");
  CHECK(desk.status() == Status::new_);  // nobody resolves a ticket they never saw
  CHECK(desk.state().description == "one\ntwo\nthree");
  CHECK(desk.state().elements.empty());
  CHECK(desk.state().first_response_ms == 0);
  CHECK(desk.messages().size() == 1);  // belongs to the source, shows on the target
  CHECK(desk.state().time_entries.size() == 1);
  std::vector<std::string> kept;
  for (const Message& derived : derived_notes(desk.state())) kept.push_back(derived.text);
  CHECK(kept == std::vector<std::string>{"pump leaks", "new seal", "better words"});
  CHECK(desk.equals_zero());
}

TEST_CASE("unmerge: the ticket goes on where it was, what came in meanwhile stays as it was told",
          "[sync][fold][merge]") {
  FoldDesk source, target;
  const Draft late = source.set("anna", at(10, 30), FieldId::category, raw_id("network"));
  const Draft merge = source.to("boss", at(10), Intent::merge, "target");
  source.commit(merge);
  target.commit(target.to("server", at(10), Intent::merged_from, "source"));
  const Draft meanwhile = source.text("bert", at(11), Intent::resolve, "new seal");
  const Draft note = source.message("bert", at(11), "on my way", Visibility::team);
  const Draft described = source.describe("bert", at(11), "one\ntwo\nthree", "better words");
  for (const Draft& draft : {meanwhile, note, described}) source.commit(draft);
  CHECK(source.commit(source.to("chief", at(12), Intent::unmerge, "target")).outcome == Outcome::applied);
  target.commit(target.to("server", at(12), Intent::unmerged_from, "source"));

  CHECK_FALSE(source.state().merged_into.has_value());
  CHECK(class_of(source.state()) == StatusClass::todo);
  CHECK(target.state().merged_from.empty());
  CHECK(source.outcome(meanwhile) == Outcome::overtaken);
  CHECK(source.outcome(note) == Outcome::redirected);
  CHECK(source.outcome(described) == Outcome::overtaken);
  CHECK(source.messages().size() == 1);
  CHECK(derived_notes(source.state()).size() == 2);

  CHECK(source.commit(late).outcome == Outcome::applied);  // its author met no merge, and none stands when it comes
  CHECK(source.commit(source.text("anna", at(13), Intent::resolve, "cleaned")).outcome == Outcome::applied);
  CHECK(source.status() == Status::resolved);
  CHECK(source.state().description == "one\ntwo\nthree");
  CHECK(source.equals_zero());
  CHECK(target.equals_zero());
  CHECK(decode_state(encode_state(source.state())).value() == source.state());
}

TEST_CASE("unmerge, concurrent: twice is once, in both arrival orders", "[sync][fold][merge]") {
  for (const bool swapped : {false, true}) {
    FoldDesk desk;
    desk.commit(desk.to("boss", at(10), Intent::merge, "target"));
    const Draft a = desk.to("boss", at(11), Intent::unmerge, "target");
    const Draft b = desk.to("chief", at(11), Intent::unmerge, "target");
    CHECK(desk.commit(swapped ? b : a).rule == Rule::sequential);
    const Standing second = desk.commit(swapped ? a : b);
    CHECK(second.outcome == Outcome::applied);
    CHECK(second.rule == Rule::no_effect);
    CHECK(desk.state().undone_merges.size() == 1);
    CHECK(desk.equals_zero());
  }
}

TEST_CASE("unmerge: it takes back the merge its author saw, and who saw it may merge again", "[sync][fold][merge]") {
  FoldDesk desk;
  desk.commit(desk.to("boss", at(10), Intent::merge, "target"));
  const Draft blind_merge = desk.to("anna", at(11), Intent::merge, "other");
  const Draft stale_undo = desk.to("anna", at(11), Intent::unmerge, "target");
  const Draft undo = desk.to("boss", at(11), Intent::unmerge, "target");
  desk.commit(undo);
  CHECK(desk.commit(blind_merge) == Standing{Outcome::overtaken, Rule::claim_stands, undo.ref(), undo.author});
  const Draft again = desk.to("boss", at(12), Intent::merge, "target");
  CHECK(desk.commit(again).outcome == Outcome::applied);
  CHECK(desk.commit(stale_undo) == Standing{Outcome::overtaken, Rule::claim_stands, again.ref(), again.author});
  CHECK(desk.commit(desk.to("boss", at(13), Intent::unmerge, "other")).outcome == Outcome::overtaken);
  CHECK(desk.state().merged_into->value == raw_id("target"));
  CHECK(desk.equals_zero());
}

TEST_CASE("merge: before or after is asked of what was seen first, of time second", "[sync][fold][merge]") {
  FoldDesk desk;
  desk.commit(desk.to("boss", at(11), Intent::merge, "target"));
  const Draft saw_it = desk.set("anna", at(11), FieldId::category, raw_id("network"));  // the same millisecond
  CHECK(desk.commit(saw_it).rule == Rule::merged_ticket);
  Draft blind = desk.set("bert", at(11), FieldId::category, raw_id("printer"));
  blind.seen_seq = 1;
  CHECK(desk.commit(blind).outcome == Outcome::applied);  // at equal times facts come before claims
  CHECK(desk.value(FieldId::category) == raw_id("printer"));
}

TEST_CASE("split: the new ticket shows the messages it was given", "[sync][fold][merge]") {
  FoldDesk source, fresh;
  const Draft message = source.message("customer", at(10), "and my printer");
  source.commit(message);
  Draft split = source.on("boss", at(11), Intent::split, message.ref());
  split.change.target = raw_id("fresh");
  CHECK(source.commit(split).outcome == Outcome::applied);
  Draft mirror = fresh.on("server", at(11), Intent::split_from, message.ref());
  mirror.change.target = raw_id("source");
  fresh.commit(mirror);
  REQUIRE(fresh.state().split_from.size() == 1);
  CHECK(fresh.state().split_from[0].value == raw_id("source"));
  CHECK(fresh.state().split_messages == std::vector<ChangeRef>{message.ref()});
  CHECK(source.messages().size() == 1);
}

TEST_CASE("split, sequential: each message is given away once", "[sync][fold][merge]") {
  FoldDesk desk;
  const Draft one = desk.message("customer", at(10), "and my printer");
  const Draft two = desk.message("customer", at(10, 1), "and my phone");
  desk.commit(one);
  desk.commit(two);
  Draft split = desk.on("boss", at(11), Intent::split, one.ref());
  split.change.target = raw_id("printer");
  CHECK(desk.commit(split).outcome == Outcome::applied);
  Draft other = desk.on("boss", at(12), Intent::split, two.ref());
  other.change.target = raw_id("phone");
  CHECK(desk.commit(other).outcome == Outcome::applied);
  Draft again =
      desk.on("boss", at(13), Intent::split, one.ref());  // it saw the first, and it is elsewhere all the same
  again.change.target = raw_id("phone");
  CHECK(desk.commit(again) == Standing{Outcome::overtaken, Rule::claim_stands, split.ref(), split.author});
  CHECK(desk.state().splits.size() == 2);
  CHECK(decode_state(encode_state(desk.state())) == desk.state());
  CHECK(desk.equals_zero());
}

TEST_CASE("split, concurrent: of two that name one message the first committed stands, in both arrival orders",
          "[sync][fold][merge]") {
  for (const bool swapped : {false, true}) {
    FoldDesk desk;
    const Draft message = desk.message("customer", at(10), "and my printer");
    desk.commit(message);
    Draft a = desk.on("boss", at(11), Intent::split, message.ref());
    a.change.target = raw_id("printer");
    Draft b = desk.on("chief", at(12), Intent::split, message.ref());
    b.change.target = raw_id("phone");
    const Draft& first = swapped ? b : a;
    const Draft& second = swapped ? a : b;
    CHECK(desk.commit(first).outcome == Outcome::applied);
    CHECK(desk.commit(second) == Standing{Outcome::overtaken, Rule::claim_stands, first.ref(), first.author});
    CHECK(desk.last_write({Intent::split}).ref == second.ref());  // where the message would be by last write
    CHECK(desk.state().splits.size() == 1);
    CHECK(desk.equals_zero());
  }
}

TEST_CASE("a claim on a ticket that was deleted unseen is overtaken, whoever saw the delete goes on",
          "[sync][fold][claims]") {
  FoldDesk desk;
  const Draft unseen = desk.draft("anna", Intent::take, at(11));
  const Draft removal = desk.draft("boss", Intent::delete_ticket, at(10));
  desk.commit(removal);
  CHECK(desk.commit(unseen) == Standing{Outcome::overtaken, Rule::deleted_ticket, removal.ref(), removal.author});
  CHECK(desk.commit(desk.to("boss", at(12), Intent::assign, "bert")).outcome == Outcome::applied);
  desk.commit(desk.draft("boss", Intent::restore, at(13)));
  CHECK(assignee_of(desk.state()) == bert);
  CHECK(desk.equals_zero());
}

TEST_CASE("letting the last committed claim win would give another ticket, whatever is claimed",
          "[sync][fold][claims]") {
  struct Pair {
    Intent intent;
    std::string_view first, second;
  };
  for (const Pair& pair : {Pair{Intent::assign, "anna", "bert"}, Pair{Intent::move_queue, "north", "south"},
                           Pair{Intent::merge, "left", "right"}}) {
    FoldDesk desk;
    const Draft lost = desk.to("boss", at(10), pair.intent, pair.second);
    desk.commit(desk.to("chief", at(11), pair.intent, pair.first));
    desk.commit(lost);
    std::vector<PlacedChange> log = desk.log();
    const TicketState right = fold_from_zero(log).state;
    for (PlacedChange& placed : log) placed.admission.claim_applies = true;
    const TicketState wrong = fold_from_zero(log).state;
    CHECK(right == desk.state());
    CHECK((right.assignee != wrong.assignee || right.queue != wrong.queue || right.merged_into != wrong.merged_into));
  }
}

TEST_CASE("letting the last committed claim win would give another ticket", "[sync][fold][claims]") {
  FoldDesk desk;
  const Draft lost = desk.draft("bert", Intent::take, at(10));
  desk.commit(desk.draft("anna", Intent::take, at(11)));
  desk.commit(lost);
  std::vector<PlacedChange> log = desk.log();
  CHECK(assignee_of(fold_from_zero(log).state) == anna);
  for (PlacedChange& placed : log) placed.admission.claim_applies = true;
  CHECK(assignee_of(fold_from_zero(log).state) == bert);
}

TEST_CASE("a device predicts what the server will decide", "[sync][fold][claims]") {
  FoldDesk desk;
  desk.commit(desk.message("bert", at(10), "hello"));
  const Draft take = desk.draft("cara", Intent::take, at(8));  // its clock is two hours slow
  const Admission admission = predict_admission(desk.state(), take.change, take.origin, at(9), take.author);
  CHECK(admission.effective_ms == at(10) + 1);
  CHECK(admission.claim_applies);
  TicketState shown = desk.state();
  const Stamp stamp = make_stamp(take.change, take.origin, pending_commit_seq, admission, take.author, take.kind);
  fold_in(shown, PlacedChange{take.change, stamp, admission});
  CHECK(assignee_of(shown) == id_of_cara);
  CHECK(shown.version == desk.state().version);
}

TEST_CASE("held and rejected changes fold into nothing, duplicates count once", "[sync][fold]") {
  FoldDesk desk;
  const Draft tag = desk.tag("anna", at(10), Intent::tag, "vip");
  const Draft note = desk.message("anna", at(11), "note");
  desk.commit(tag);
  desk.commit(note);
  std::vector<PlacedChange> log = desk.log();
  log.push_back(log[2]);
  PlacedChange& held = log.emplace_back(log[1]);
  held.stamp.change = named<ChangeId>("held");
  held.stamp.commit_seq = 9;
  held.change.label = "other";
  held.admission.verdict = Admission::Verdict::held;
  held.admission.reason = ReasonCode::not_permitted;
  PlacedChange& rejected = log.emplace_back(held);
  rejected.stamp.change = named<ChangeId>("rejected");
  rejected.admission.verdict = Admission::Verdict::rejected;
  rejected.admission.reason = ReasonCode::parent_missing;
  const FoldResult zero = fold_from_zero(log);
  CHECK(zero.state == desk.state());
  CHECK(zero.messages == desk.messages());
  CHECK(zero.standings[3] == zero.standings[2]);
  CHECK(zero.standings[4] == Standing{Outcome::held, Rule::rights, {}, {}});
  CHECK(zero.standings[5] == Standing{Outcome::rejected, Rule::dependency, {}, {}});
  TicketState state = desk.state();
  CHECK(fold_in(state, log[4]).standing.outcome == Outcome::held);
  CHECK(state == desk.state());
}
