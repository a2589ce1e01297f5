// Fold rules of the status: moves, customers' messages, notes of what was overtaken.
#include "support/catch.hpp"
#include "support/fold_desk.hpp"

using namespace tern;
using namespace tern::sync;
using namespace tern::test;

TEST_CASE("status moves, sequential: each leads on from the one before", "[sync][fold][status]") {
  FoldDesk desk;
  CHECK(desk.status() == Status::new_);
  desk.commit(desk.draft("anna", Intent::start, at(10)));
  CHECK(desk.status() == Status::in_progress);
  desk.commit(desk.text("anna", at(11), Intent::hold, "waits for a part", at(15)));
  StatusView view = status_view(desk.state());
  CHECK(view.status == Status::on_hold);
  CHECK(view.before_hold == Status::in_progress);
  CHECK(view.hold_reason == "waits for a part");
  CHECK(view.wake_at_ms == at(15));
  desk.commit(desk.draft("anna", Intent::resume, at(12)));
  CHECK(desk.status() == Status::in_progress);
  CHECK(status_view(desk.state()).hold_reason.empty());
  desk.commit(desk.text("anna", at(13), Intent::resolve, "new seal"));
  view = status_view(desk.state());
  CHECK(view.status == Status::resolved);
  CHECK(view.result == "new seal");
  CHECK(view.resolved_ms == at(13));
  CHECK(view.since_ms == at(13));
  desk.commit(desk.draft("bert", Intent::close, at(14)));
  view = status_view(desk.state());
  CHECK(view.status == Status::closed);
  CHECK(view.closed_ms == at(14));
  CHECK(view.move_applied == std::vector<bool>(5, true));
  CHECK(class_of(desk.state()) == StatusClass::end);
  CHECK(desk.equals_zero());
}

TEST_CASE("status moves, concurrent: what is not possible at its place is overtaken, in both arrival orders",
          "[sync][fold][status]") {
  for (const bool swapped : {false, true}) {
    FoldDesk desk;
    const Draft close = desk.draft("anna", Intent::close, at(10));
    const Draft resolve = desk.text("bert", at(11), Intent::resolve, "new seal");  // closed since 10:00
    desk.commit(swapped ? resolve : close);
    desk.commit(swapped ? close : resolve);
    CHECK(desk.status() == Status::closed);
    // By last write the first order would end resolved.
    CHECK((desk.last_write({Intent::close, Intent::resolve}).intent == Intent::resolve) == !swapped);
    CHECK(desk.standing(resolve) == Standing{Outcome::overtaken, Rule::lifecycle, close.ref(), close.author});
    CHECK(desk.outcome(close) == Outcome::applied);
    CHECK(desk.amendments() == (swapped ? 1U : 0U));
    CHECK(desk.consistent);
    CHECK(desk.equals_zero());
  }
}

TEST_CASE("status moves: the last to arrive does not set the status", "[sync][fold][status]") {
  FoldDesk desk;
  const Draft start = desk.draft("anna", Intent::start, at(10));
  const Draft resolve = desk.draft("bert", Intent::resolve, at(11));
  desk.commit(resolve);
  desk.commit(start);
  CHECK(desk.last_write({Intent::start, Intent::resolve}).intent == Intent::start);
  CHECK(desk.status() == Status::resolved);
  CHECK(desk.outcome(start) == Outcome::applied);
  CHECK(status_view(desk.state()).move_changed_status == std::vector<bool>{true, true});
}

TEST_CASE("status moves: the text of an overtaken move is kept as a note", "[sync][fold][status]") {
  FoldDesk desk;
  const Draft close = desk.draft("anna", Intent::close, at(10));
  const Draft resolve = desk.text("bert", at(11), Intent::resolve, "new seal");
  desk.commit(resolve);
  CHECK(derived_notes(desk.state()).empty());
  desk.commit(close);
  const std::vector<Message> notes = derived_notes(desk.state());
  REQUIRE(notes.size() == 1);
  CHECK(notes[0].text == "new seal");
  CHECK(notes[0].kind == MessageKind::overtaken_note);
  CHECK(notes[0].visibility == Visibility::team);
  CHECK(notes[0].stamp.author == named<OperatorId>("bert"));
  CHECK(notes[0].stamp.change != resolve.change.ref.id);
  CHECK(derived_notes(desk.state()) == notes);  // the same identity whenever asked
}

TEST_CASE("status moves: already there is applied without effect; a hold with a new reason has one",
          "[sync][fold][status]") {
  FoldDesk desk;
  desk.commit(desk.draft("anna", Intent::start, at(10)));
  CHECK(desk.commit(desk.draft("bert", Intent::start, at(11))) == Standing{Outcome::applied, Rule::no_effect, {}, {}});
  desk.commit(desk.text("anna", at(12), Intent::hold, "part"));
  CHECK(desk.commit(desk.text("bert", at(13), Intent::hold, "holiday")).rule == Rule::sequential);
  const StatusView view = status_view(desk.state());
  CHECK(view.hold_reason == "holiday");
  CHECK(view.before_hold == Status::in_progress);
  CHECK(view.since_ms == at(12));
  CHECK(view.move_changed_status == std::vector<bool>{true, false, true, false});
}

TEST_CASE("status moves: a second result is added, an empty one takes nothing away", "[sync][fold][status]") {
  FoldDesk desk;
  desk.commit(desk.text("anna", at(10), Intent::resolve, "new seal"));
  desk.commit(desk.text("bert", at(11), Intent::resolve, ""));
  CHECK(status_view(desk.state()).result == "new seal");
  desk.commit(desk.text("bert", at(12), Intent::resolve, "new seal and pump"));
  CHECK(status_view(desk.state()).result == "new seal and pump");
  CHECK(status_view(desk.state()).resolved_ms == at(10));
}

TEST_CASE("unseen customer: nobody is closed, or waited for, on unseen, in both arrival orders",
          "[sync][fold][customer]") {
  for (const Intent intent : {Intent::wait, Intent::estimate, Intent::resolve, Intent::close})
    for (const bool swapped : {false, true}) {
      INFO(find_intent(intent)->name << (swapped ? ", the move arrives first" : ""));
      FoldDesk desk;
      const Draft question = desk.message("customer", at(10), "still broken");
      const Draft move = desk.text("anna", at(11), intent, "words", 30);
      desk.commit(swapped ? move : question);
      desk.commit(swapped ? question : move);
      CHECK(desk.status() == Status::new_);
      CHECK(desk.standing(move) ==
            Standing{Outcome::overtaken, Rule::unseen_customer, question.ref(), question.author});
      CHECK(desk.equals_zero());
    }
}

TEST_CASE("unseen customer: a move that saw the message, or came before it, takes effect", "[sync][fold][customer]") {
  FoldDesk desk;
  const Draft early = desk.draft("anna", Intent::resolve, at(9, 30));
  desk.commit(desk.message("customer", at(10), "still broken"));
  desk.commit(early);
  CHECK(desk.outcome(early) == Outcome::applied);
  CHECK(desk.status() == Status::reopened);  // the message came after it
  CHECK(desk.commit(desk.draft("bert", Intent::resolve, at(11))).outcome == Outcome::applied);
  CHECK(desk.status() == Status::resolved);
  CHECK(desk.equals_zero());
}

TEST_CASE("unseen customer: starting, holding and putting back need no look at the customer",
          "[sync][fold][customer]") {
  for (const Intent intent : {Intent::start, Intent::hold, Intent::put_back}) {
    FoldDesk desk;
    const Draft move = desk.text("anna", at(11), intent, intent == Intent::hold ? "part" : "");
    desk.commit(desk.message("customer", at(10), "hello"));
    CHECK(desk.commit(move).outcome == Outcome::applied);
  }
}

TEST_CASE("unseen customer: resuming into waiting is a move to waiting", "[sync][fold][customer]") {
  FoldDesk desk;
  desk.commit(desk.draft("anna", Intent::wait, at(10)));
  desk.commit(desk.text("anna", at(11), Intent::hold, "part"));
  const Draft resume = desk.draft("anna", Intent::resume, at(13));
  desk.commit(desk.message("customer", at(12), "here it is"));
  CHECK(desk.commit(resume).rule == Rule::unseen_customer);
  CHECK(desk.status() == Status::on_hold);
}

TEST_CASE("customer's message, sequential: waiting becomes open, resolved and closed become reopened",
          "[sync][fold][customer]") {
  FoldDesk desk;
  desk.commit(desk.draft("anna", Intent::wait, at(10)));
  CHECK(desk.commit(desk.message("customer", at(11), "here")).outcome == Outcome::applied);
  CHECK(desk.status() == Status::open);
  desk.commit(desk.draft("anna", Intent::resolve, at(12)));
  desk.commit(desk.message("customer", at(13), "no"));
  CHECK(desk.status() == Status::reopened);
  CHECK(status_view(desk.state()).resolved_ms == 0);
  desk.commit(desk.draft("anna", Intent::close, at(14)));
  desk.commit(desk.message("customer", at(15), "no!"));
  CHECK(desk.status() == Status::reopened);
  desk.commit(desk.message("customer", at(16), "and another thing"));
  CHECK(desk.status() == Status::reopened);
  CHECK(desk.equals_zero());
}

TEST_CASE("customer's message, concurrent: it reopens by its place, in both arrival orders", "[sync][fold][customer]") {
  for (const bool swapped : {false, true}) {
    FoldDesk desk;
    const Draft resolve = desk.draft("anna", Intent::resolve, at(10));
    const Draft no = desk.message("customer", at(11), "no");
    desk.commit(swapped ? no : resolve);
    desk.commit(swapped ? resolve : no);
    // By last write the second order would end resolved.
    CHECK((desk.last_write({Intent::resolve, Intent::message}).intent == Intent::resolve) == swapped);
    CHECK(desk.status() == Status::reopened);
    CHECK(desk.outcome(resolve) == Outcome::applied);
    CHECK(desk.standing(no) == Standing{Outcome::applied, Rule::append, {}, {}});
    CHECK(desk.equals_zero());
  }
}

TEST_CASE("customer's message: after the reopen window a closed ticket stays closed", "[sync][fold][customer]") {
  FoldDesk desk;
  desk.commit(desk.draft("anna", Intent::close, at(10)));
  desk.commit(desk.message("customer", at(10) + 14 * 24 * 3'600'000LL + 1, "hello again"));
  CHECK(desk.status() == Status::closed);
}

TEST_CASE("customer's message: a colleague's message or a note moves nothing", "[sync][fold][customer]") {
  FoldDesk desk;
  desk.commit(desk.draft("anna", Intent::wait, at(10)));
  desk.commit(desk.message("bert", at(11), "hello"));
  desk.commit(desk.message("customer", at(12), "inside", Visibility::team));
  CHECK(desk.status() == Status::waiting);
  CHECK(desk.state().moves.size() == 1);
}

TEST_CASE("a customer closes from resolved only", "[sync][fold][customer]") {
  FoldDesk desk;
  desk.commit(desk.draft("anna", Intent::start, at(10)));
  CHECK(desk.commit(desk.draft("customer", Intent::close, at(11))).rule == Rule::lifecycle);
  desk.commit(desk.draft("anna", Intent::resolve, at(12)));
  CHECK(desk.commit(desk.draft("customer", Intent::close, at(13))).outcome == Outcome::applied);
}

TEST_CASE("a late close that overtakes moves with receipts amends each of them", "[sync][fold][status]") {
  FoldDesk desk;
  const Draft close = desk.draft("bert", Intent::close, at(10, 30));
  const Draft start = desk.draft("anna", Intent::start, at(11));
  const Draft hold = desk.text("anna", at(12), Intent::hold, "part");
  desk.commit(start);
  desk.commit(hold);
  desk.commit(close, at(14));
  CHECK(desk.status() == Status::closed);
  CHECK(desk.standing(start) == Standing{Outcome::overtaken, Rule::lifecycle, close.ref(), close.author});
  CHECK(desk.outcome(hold) == Outcome::overtaken);
  CHECK(desk.amendments() == 2);
  REQUIRE(derived_notes(desk.state()).size() == 1);
  CHECK(derived_notes(desk.state())[0].text == "part");
  CHECK(desk.equals_zero());
}

TEST_CASE("a move in the middle can make a later one possible", "[sync][fold][status]") {
  FoldDesk desk;
  const Draft resolve = desk.draft("anna", Intent::resolve, at(10));
  const Draft reopen = desk.text("bert", at(11), Intent::reopen, "not yet");
  desk.commit(reopen);  // nothing to reopen at its place
  CHECK(desk.outcome(reopen) == Outcome::overtaken);
  desk.commit(resolve);
  CHECK(desk.outcome(reopen) == Outcome::applied);
  CHECK(desk.status() == Status::reopened);
  CHECK(desk.equals_zero());
}
