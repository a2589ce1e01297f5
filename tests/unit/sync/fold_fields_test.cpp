// Fold rules of fields ruled by facts: scalar fields, priority, sets.
#include "support/catch.hpp"
#include "support/fold_desk.hpp"

using namespace tern;
using namespace tern::sync;
using namespace tern::test;

namespace {

/// Runs a check with two drafts arriving in both orders.
template <typename Make, typename Check>
void in_both_orders(Make make, Check check_it) {
  for (const bool swapped : {false, true}) {
    INFO((swapped ? "the second arrives first" : "the first arrives first"));
    FoldDesk desk;
    auto [first, second] = make(desk);
    desk.commit(swapped ? second : first);
    desk.commit(swapped ? first : second);
    check_it(desk, first, second);
    CHECK(desk.consistent);
    CHECK(desk.equals_zero());
  }
}

const auto two_categories = [](FoldDesk& desk) {
  return std::pair{desk.set("anna", at(10), FieldId::category, raw_id("network")),
                   desk.set("bert", at(11), FieldId::category, raw_id("printer"))};
};

}  // namespace

TEST_CASE("scalar field, sequential: whoever saw the value before overwrites it without a conflict",
          "[sync][fold][latest]") {
  FoldDesk desk;
  const Draft first = desk.set("anna", at(10), FieldId::category, raw_id("network"));
  desk.commit(first);
  const Draft second = desk.set("bert", at(11), FieldId::category, raw_id("printer"));
  CHECK(desk.commit(second) == Standing{Outcome::applied, Rule::sequential, {}, {}});
  CHECK(desk.value(FieldId::category) == raw_id("printer"));
  CHECK(desk.outcome(first) == Outcome::applied);
  CHECK(desk.amendments() == 0);
  CHECK(desk.equals_zero());
}

TEST_CASE("scalar field, concurrent: the later in order stands in both arrival orders and the other author is told",
          "[sync][fold][latest]") {
  in_both_orders(two_categories, [](FoldDesk& desk, const Draft& first, const Draft& second) {
    CHECK(desk.value(FieldId::category) == raw_id("printer"));
    CHECK(desk.standing(first) == Standing{Outcome::superseded, Rule::latest_wins, second.ref(), second.author});
    CHECK(desk.standing(second) == Standing{Outcome::applied, Rule::latest_wins, {}, {}});
  });
}

TEST_CASE("scalar field: the last to arrive does not win when its work is older", "[sync][fold][latest]") {
  FoldDesk desk;
  auto [early, late] = two_categories(desk);
  desk.commit(late);
  CHECK(desk.commit(early).outcome == Outcome::superseded);
  CHECK(desk.value(FieldId::category) == raw_id("printer"));
  CHECK(desk.value(FieldId::category) != desk.last_write(FieldId::category));
}

TEST_CASE("scalar field: a value that stood is amended when a later one arrives that had not seen it",
          "[sync][fold][latest]") {
  FoldDesk desk;
  auto [first, second] = two_categories(desk);
  CHECK(desk.commit(first).outcome == Outcome::applied);
  desk.commit(second);
  CHECK(desk.outcome(first) == Outcome::superseded);
  CHECK(desk.amendments() == 1);
}

TEST_CASE("scalar field: setting it again after seeing both ends the conflict", "[sync][fold][latest]") {
  in_both_orders(two_categories, [](FoldDesk& desk, const Draft& first, const Draft& second) {
    const Draft again = desk.set("anna", at(12), FieldId::category, raw_id("network"));
    CHECK(desk.commit(again) == Standing{Outcome::applied, Rule::sequential, {}, {}});
    CHECK(desk.value(FieldId::category) == raw_id("network"));
    CHECK(desk.outcome(first) == Outcome::applied);  // overwritten by someone who saw it
    CHECK(desk.outcome(second) == Outcome::applied);
  });
}

TEST_CASE("scalar field: who saw only one of two settings leaves the other in the conflict", "[sync][fold][latest]") {
  FoldDesk desk;
  auto [network, printer] = two_categories(desk);
  desk.commit(network);
  Draft cara = desk.set("cara", at(10, 30), FieldId::category, raw_id("phone"));  // saw network, not printer
  desk.commit(printer);
  CHECK(desk.commit(cara).outcome == Outcome::superseded);
  CHECK(desk.outcome(network) == Outcome::applied);
  CHECK(desk.value(FieldId::category) == raw_id("printer"));
  CHECK(desk.equals_zero());
}

TEST_CASE("scalar field: setting it to none is a setting like any other", "[sync][fold][latest]") {
  in_both_orders(
      [](FoldDesk& desk) {
        return std::pair{desk.set("anna", at(10), FieldId::due_at, "1700000000000"),
                         desk.set("bert", at(11), FieldId::due_at, std::nullopt)};
      },
      [](FoldDesk& desk, const Draft& first, const Draft&) {
        CHECK(standing_head(desk.state(), FieldId::due_at) != nullptr);
        CHECK_FALSE(desk.value(FieldId::due_at).has_value());
        CHECK(desk.outcome(first) == Outcome::superseded);
      });
}

TEST_CASE("scalar field: two who unseen set the same id lose nothing", "[sync][fold][latest]") {
  in_both_orders(
      [](FoldDesk& desk) {
        return std::pair{desk.set("anna", at(10), FieldId::category, raw_id("network")),
                         desk.set("bert", at(11), FieldId::category, raw_id("network"))};
      },
      [](FoldDesk& desk, const Draft& first, const Draft&) {
        CHECK(desk.outcome(first) == Outcome::merged);
        CHECK(desk.value(FieldId::category) == raw_id("network"));
      });
}

TEST_CASE("scalar field: fields and custom keys do not touch each other", "[sync][fold][latest]") {
  in_both_orders(
      [](FoldDesk& desk) {
        return std::pair{desk.set("anna", at(10), FieldId::custom, "cellar", "room"),
                         desk.set("bert", at(11), FieldId::custom, "7", "floor")};
      },
      [](FoldDesk& desk, const Draft& first, const Draft& second) {
        CHECK(desk.value(FieldId::custom, "room") == "cellar");
        CHECK(desk.value(FieldId::custom, "floor") == "7");
        CHECK(desk.standing(first) == desk.standing(second));
        CHECK(desk.outcome(first) == Outcome::applied);
      });
}

TEST_CASE("scalar field: nothing is in conflict with the values of the create", "[sync][fold][latest]") {
  FoldDesk desk;
  Draft blind = desk.set("anna", at(10), FieldId::subject, "pump leaks");
  blind.seen_seq = 0;
  CHECK(desk.commit(blind) == Standing{Outcome::applied, Rule::sequential, {}, {}});
  CHECK(desk.value(FieldId::subject) == "pump leaks");
  CHECK(desk.equals_zero());
}

TEST_CASE("scalar field: one chain never conflicts with itself", "[sync][fold][latest]") {
  FoldDesk desk;
  const Draft first = desk.set("anna", at(10), FieldId::subject, "a");
  const Draft second = desk.set("anna", at(10), FieldId::subject, "b");  // same minute, both offline
  desk.commit(first);
  desk.commit(second);
  CHECK(desk.value(FieldId::subject) == "b");
  CHECK(desk.outcome(first) == Outcome::applied);
  CHECK(desk.outcome(second) == Outcome::applied);
}

TEST_CASE("priority, sequential: who saw an alarm may lower it", "[sync][fold][priority]") {
  FoldDesk desk;
  const Draft raised = desk.set("anna", at(10), FieldId::priority, "4");
  desk.commit(raised);
  CHECK(desk.commit(desk.set("bert", at(11), FieldId::priority, "1")).outcome == Outcome::applied);
  CHECK(priority_of(desk.state()) == 1);
  CHECK(desk.outcome(raised) == Outcome::applied);
}

TEST_CASE("priority, concurrent: nobody lowers an alarm they have not seen, in both arrival orders",
          "[sync][fold][priority]") {
  in_both_orders(
      [](FoldDesk& desk) {
        return std::pair{desk.set("anna", at(10), FieldId::priority, "4"),
                         desk.set("bert", at(11), FieldId::priority, "1")};
      },
      [](FoldDesk& desk, const Draft& raised, const Draft& lowered) {
        CHECK(priority_of(desk.state()) == 4);
        CHECK(desk.standing(lowered) ==
              Standing{Outcome::superseded, Rule::priority_highest, raised.ref(), raised.author});
        CHECK(desk.standing(raised) == Standing{Outcome::applied, Rule::priority_highest, {}, {}});
      });
}

TEST_CASE("priority: neither the latest in time nor the last to arrive wins over a higher one",
          "[sync][fold][priority]") {
  FoldDesk desk;
  const Draft raised = desk.set("anna", at(10), FieldId::priority, "4");
  const Draft lowered = desk.set("bert", at(11), FieldId::priority, "3");
  desk.commit(raised);
  desk.commit(lowered);
  CHECK(desk.value(FieldId::priority) == "4");
  CHECK(desk.value(FieldId::priority) != desk.last_write(FieldId::priority));
}

TEST_CASE("priority: who has seen all unseen settings decides", "[sync][fold][priority]") {
  FoldDesk desk;
  const Draft raised = desk.set("anna", at(10), FieldId::priority, "4");
  const Draft lowered = desk.set("bert", at(11), FieldId::priority, "1");
  desk.commit(raised);
  desk.commit(lowered);
  CHECK(desk.commit(desk.set("cara", at(12), FieldId::priority, "2")).outcome == Outcome::applied);
  CHECK(priority_of(desk.state()) == 2);
  CHECK(desk.equals_zero());
}

TEST_CASE("priority: a lowering that saw the alarm does not lower one it has not seen", "[sync][fold][priority]") {
  FoldDesk desk;
  const Draft first_alarm = desk.set("anna", at(10), FieldId::priority, "4");
  const Draft second_alarm = desk.set("bert", at(10, 30), FieldId::priority, "3");
  desk.commit(first_alarm);
  const Draft lowered = desk.set("cara", at(11), FieldId::priority, "1");  // saw the first only
  desk.commit(lowered);
  CHECK(priority_of(desk.state()) == 1);
  desk.commit(second_alarm);  // arrives late, made before
  CHECK(priority_of(desk.state()) == 3);
  CHECK(desk.outcome(lowered) == Outcome::superseded);
  CHECK(desk.equals_zero());
}

TEST_CASE("priority: none counts as normal", "[sync][fold][priority]") {
  in_both_orders(
      [](FoldDesk& desk) {
        return std::pair{desk.set("anna", at(10), FieldId::priority, std::nullopt),
                         desk.set("bert", at(11), FieldId::priority, "1")};
      },
      [](FoldDesk& desk, const Draft&, const Draft& lowered) {
        CHECK(priority_of(desk.state()) == 2);
        CHECK(desk.outcome(lowered) == Outcome::superseded);
      });
}

TEST_CASE("tags, sequential: a remove takes away what it saw", "[sync][fold][sets]") {
  FoldDesk desk;
  desk.commit(desk.tag("anna", at(10), Intent::tag, "vip"));
  CHECK(elements_of(desk.state(), FieldId::tags) == std::vector<Bytes>{"vip"});
  desk.commit(desk.tag("anna", at(10), Intent::tag, "vip"));
  CHECK(desk.state().elements.begin()->second.size() == 1);  // adding again takes no room
  desk.commit(desk.tag("bert", at(11), Intent::untag, "vip"));
  CHECK(elements_of(desk.state(), FieldId::tags).empty());
  CHECK(desk.state().elements.empty());
}

TEST_CASE("tags, concurrent: an add that the remove had not seen stays, in both arrival orders", "[sync][fold][sets]") {
  for (const bool swapped : {false, true}) {
    FoldDesk desk;
    desk.commit(desk.tag("anna", at(9, 30), Intent::tag, "vip"));
    const Draft add = desk.tag("bert", at(10), Intent::tag, "vip");
    const Draft remove = desk.tag("cara", at(11), Intent::untag, "vip");  // later in order, and it stays all the same
    desk.commit(swapped ? remove : add);
    desk.commit(swapped ? add : remove);
    CHECK(elements_of(desk.state(), FieldId::tags) == std::vector<Bytes>{"vip"});
    // By last write the first order would end without it.
    CHECK((desk.last_write({Intent::tag, Intent::untag}).intent == Intent::untag) == !swapped);
    CHECK(desk.outcome(add) == Outcome::applied);
    CHECK(desk.standing(remove) == Standing{Outcome::superseded, Rule::add_wins, add.ref(), add.author});
    CHECK(desk.amendments() == (swapped ? 1U : 0U));
    CHECK(desk.equals_zero());
  }
}

TEST_CASE("tags: who removed what somebody else kept is told until it is settled by somebody who saw both",
          "[sync][fold][sets]") {
  for (const bool again : {false, true}) {
    FoldDesk desk;
    const Draft add = desk.tag("bert", at(10), Intent::tag, "vip");
    const Draft remove = desk.tag("cara", at(11), Intent::untag, "vip");
    desk.commit(add);
    desk.commit(remove);
    REQUIRE(desk.outcome(remove) == Outcome::superseded);
    desk.commit(desk.tag("anna", at(12), again ? Intent::tag : Intent::untag, "vip"));
    CHECK(desk.outcome(remove) == Outcome::applied);
    CHECK(elements_of(desk.state(), FieldId::tags).size() == (again ? 1U : 0U));
    CHECK(desk.state().removals.size() == (again ? 0U : 1U));
    CHECK(decode_state(encode_state(desk.state())) == desk.state());
    CHECK(desk.equals_zero());
  }
}

TEST_CASE("watchers and links, concurrent: an add that the remove had not seen stays, in both arrival orders",
          "[sync][fold][sets]") {
  for (const bool swapped : {false, true})
    for (const bool links : {false, true}) {
      FoldDesk desk;
      const auto make = [&](std::string_view who, std::int64_t ms, Intent watch, Intent link) {
        Draft draft = desk.to(who, ms, links ? link : watch, "other");
        if (links) draft.change.kind = static_cast<std::uint32_t>(LinkKind::duplicate);
        return draft;
      };
      desk.commit(make("anna", at(9, 30), Intent::watch, Intent::link));
      const Draft add = make("bert", at(10), Intent::watch, Intent::link);
      const Draft remove = make("cara", at(11), Intent::unwatch, Intent::unlink);
      desk.commit(swapped ? remove : add);
      desk.commit(swapped ? add : remove);
      CHECK(elements_of(desk.state(), links ? FieldId::links : FieldId::watchers).size() == 1);
      const Change& last =
          links ? desk.last_write({Intent::link, Intent::unlink}) : desk.last_write({Intent::watch, Intent::unwatch});
      CHECK((last.intent == remove.change.intent) == !swapped);  // by last write the first order would end without it
      CHECK(desk.standing(remove).rule == Rule::add_wins);
      CHECK(desk.equals_zero());
    }
}

TEST_CASE("tags: a remove that arrives last does not undo an add it had not seen", "[sync][fold][sets]") {
  FoldDesk desk;
  const Draft add = desk.tag("anna", at(10), Intent::tag, "vip");
  const Draft remove = desk.tag("bert", at(11), Intent::untag, "vip");
  desk.commit(add);
  desk.commit(remove);
  CHECK(desk.last_write({Intent::tag, Intent::untag}).intent == Intent::untag);
  CHECK(elements_of(desk.state(), FieldId::tags) == std::vector<Bytes>{"vip"});
}

TEST_CASE("watchers and links, sequential: a remove takes away what it saw", "[sync][fold][sets]") {
  FoldDesk desk;
  desk.commit(desk.to("anna", at(10), Intent::watch, "bert"));
  Draft link = desk.to("anna", at(10), Intent::link, "other");
  link.change.kind = static_cast<std::uint32_t>(LinkKind::duplicate);
  desk.commit(link);
  CHECK(elements_of(desk.state(), FieldId::watchers).size() == 1);
  CHECK(elements_of(desk.state(), FieldId::links).size() == 1);
  CHECK(desk.commit(desk.to("cara", at(11), Intent::unwatch, "bert")).rule == Rule::sequential);
  Draft unlink = desk.to("cara", at(11), Intent::unlink, "other");
  unlink.change.kind = static_cast<std::uint32_t>(LinkKind::duplicate);
  CHECK(desk.commit(unlink).rule == Rule::sequential);
  CHECK(desk.state().elements.empty());
  CHECK(desk.equals_zero());
}

TEST_CASE("watchers and links are sets of their own; a pin is its author's", "[sync][fold][sets]") {
  FoldDesk desk;
  desk.commit(desk.to("anna", at(10), Intent::watch, "bert"));
  Draft link = desk.to("anna", at(10, 1), Intent::link, "other");
  link.change.kind = static_cast<std::uint32_t>(LinkKind::duplicate);
  desk.commit(link);
  const std::int64_t updated = desk.state().updated_ms;
  desk.commit(desk.draft("cara", Intent::pin, at(12)));
  CHECK(elements_of(desk.state(), FieldId::watchers) == std::vector<Bytes>{"o" + raw_id("bert")});
  CHECK(elements_of(desk.state(), FieldId::links) == std::vector<Bytes>{Bytes(1, '\4') + raw_id("other")});
  CHECK(elements_of(desk.state(), FieldId::pins) == std::vector<Bytes>{raw_id("cara")});
  CHECK(desk.state().updated_ms == updated);  // nobody else notices a pin
  desk.commit(desk.to("bert", at(13), Intent::unwatch, "bert"));
  CHECK(elements_of(desk.state(), FieldId::watchers).empty());
  CHECK(desk.equals_zero());
}

TEST_CASE("folding by arrival, or taking `seen` as the newest commit, would give another ticket", "[sync][fold]") {
  FoldDesk desk;
  auto [early, late] = two_categories(desk);
  desk.commit(late);
  desk.commit(early);
  const auto refold = [&](auto change_it) {
    std::vector<PlacedChange> log = desk.log();
    for (PlacedChange& placed : log) change_it(placed);
    return fold_from_zero(log);
  };
  const FoldResult right = refold([](PlacedChange&) {});
  const FoldResult by_arrival =
      refold([](PlacedChange& placed) { placed.stamp.order_ms = static_cast<std::int64_t>(placed.stamp.commit_seq); });
  const FoldResult all_seen = refold([](PlacedChange& placed) { placed.stamp.seen_seq = placed.stamp.commit_seq - 1; });
  CHECK(field_value(right.state, FieldId::category) == raw_id("printer"));
  CHECK(field_value(by_arrival.state, FieldId::category) == raw_id("network"));
  CHECK(field_value(all_seen.state, FieldId::category) == raw_id("network"));
  CHECK(right.standings != all_seen.standings);
}
