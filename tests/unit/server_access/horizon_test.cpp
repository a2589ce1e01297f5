// What silent devices may still alter of figures: which devices, which tickets, how many changes (docs/reports.md).
#include <set>

#include "support/persist.hpp"
#include "vans.hpp"

namespace tern::test {
namespace {

std::set<std::string> silent_people(const Json& horizon) {
  std::set<std::string> out;
  for (const Json& device : horizon["devices"].items()) out.insert(device["operator"].as_string());
  return out;
}

/// The device says how many changes it holds, and nothing else.
void tell_pending(Device& device, std::uint32_t pending) {
  must(device.open_session());
  v1::ExchangeRequest request = device.request();
  request.mutable_outbox()->set_pending(pending);
  device.exchange(request);
}

void hand_to(Vans& desk, const TicketId& ticket, const std::string& to) {
  must(desk.sue->open_session());
  sync::Change assign = desk.sue->change(sync::Intent::assign, ticket);
  assign.target = Vans::must_uuid(to);
  assign.reason = "somebody else's";
  desk.sue->push(assign);
  desk.sync(*desk.sue);
}

using People = std::set<std::string>;

}  // namespace

TEST_CASE("H1: of what is resolved only that is unsure which was resolved since the device fell silent",
          "[server][reports]") {
  const NothingFails once;
  Vans desk;
  const TicketId before = desk.ask(desk.ada_id, *desk.ada), since = desk.ask(desk.ada_id, *desk.ada),
                 later = desk.ask(desk.bob_id, *desk.bob);
  must(desk.ada->open_session());
  desk.ada->push(desk.ada->change(sync::Intent::resolve, before));
  desk.pass(report_minute_ms);
  desk.sync(*desk.ada);
  desk.pass(20 * report_minute_ms);
  must(desk.sue->open_session());
  desk.sue->push(desk.sue->change(sync::Intent::resolve, since));
  desk.sync(*desk.bob);
  hand_to(desk, later, desk.ada_id);  // her device was never sent it
  const Json report = desk.report("dashboard");
  CHECK(silent_people(report["horizon"]) == People{"ada"});
  CHECK(report["horizon"]["tickets"] == Json(1));
  CHECK(report["horizon"]["open_tickets"] == Json(0));
  CHECK(Vans::row(report, "open")["unsure_tickets"] == Json(0));
  CHECK(Vans::row(report, "resolved")["unsure_tickets"] == Json(1));
  CHECK(Vans::row(desk.report("sla"), "all", "promise")["unsure_tickets"] == Json(1));
}

TEST_CASE("H1: a ticket behind two devices is one ticket, unsure since the first of them fell silent",
          "[server][reports]") {
  const NothingFails once;
  Vans desk;
  desk.ask(desk.ada_id, *desk.ada);
  desk.pass(report_minute_ms);
  desk.sync(*desk.sue);  // whose device holds every ticket
  desk.pass(20 * report_minute_ms);
  const Json horizon = desk.report("dashboard")["horizon"];
  REQUIRE(silent_people(horizon) == People{"ada", "sue"});
  CHECK(horizon["tickets"] == Json(1));
  CHECK(horizon["open_tickets"] == Json(1));
  const Json& first = horizon["devices"].items().front();
  CHECK(first["operator"] == Json("ada"));
  CHECK(horizon["silent_since"] == first["silent_since"]);
  CHECK(first["silent_since"] != horizon["devices"].items().back()["silent_since"]);
  const Json ticket = desk.report("tickets")["rows"].items().front();
  CHECK(ticket["unsure_since"] == first["silent_since"]);
}

TEST_CASE("H2: a device is silent a moment after the minutes have passed, not before", "[server][reports]") {
  Vans desk;
  desk.ask(desk.ada_id, *desk.ada);
  desk.pass(5 * report_minute_ms);
  desk.sync(*desk.ada);
  desk.pass(15 * report_minute_ms - 1);
  desk.sync(*desk.sue);
  desk.sync(*desk.bob);
  desk.pass(1);
  CHECK(desk.report("dashboard")["horizon"]["complete"] == Json(true));
  desk.pass(1);
  CHECK(silent_people(desk.report("dashboard")["horizon"]) == People{"ada"});
  CHECK(desk.report("dashboard", {{"silent_after", Json(16)}})["horizon"]["complete"] == Json(true));
}

TEST_CASE("H2: who has no key any more is not waited for", "[server][reports]") {
  Vans desk;
  desk.ask(desk.ada_id, *desk.ada);
  desk.ask(desk.bob_id, *desk.bob);
  desk.pass(20 * report_minute_ms);
  desk.sync(*desk.sue);
  const Json horizon = desk.report("dashboard")["horizon"];
  REQUIRE(silent_people(horizon) == People{"ada", "bob"});
  for (const Json& device : horizon["devices"].items())
    if (device["operator"] == Json("ada")) desk.house.command(cmd("device revoke", {{"device", device["device"]}}));
  CHECK(silent_people(desk.report("dashboard")["horizon"]) == People{"bob"});
  desk.house.command(cmd("operator disable", {{"operator", Json("bob")}}));
  CHECK(desk.report("dashboard")["horizon"]["complete"] == Json(true));
}

TEST_CASE("H3: pending changes are those of all silent devices, also of one that holds no ticket",
          "[server][reports]") {
  Vans desk;
  desk.ask(desk.ada_id, *desk.ada);
  desk.house.add_operator("cyd");
  Device cyd(desk.house, "cyd");
  tell_pending(*desk.ada, 12);
  tell_pending(*desk.bob, 5);
  tell_pending(cyd, 2);
  desk.pass(20 * report_minute_ms);
  desk.sync(*desk.sue);
  const Json horizon = desk.report("dashboard")["horizon"];
  CHECK(silent_people(horizon) == People{"ada", "bob", "cyd"});
  CHECK(horizon["pending_changes"] == Json(19));
  CHECK(horizon["tickets"] == Json(1));
  const Json people = desk.report("operators");
  const Json ada = Vans::row(people, "ada", "name"), cyd_row = Vans::row(people, "cyd", "name"),
             sue = Vans::row(people, "sue", "name");
  CHECK(ada["pending_changes"] == Json(12));
  CHECK(ada["unsure_tickets"] == Json(1));
  CHECK(ada["silent_since"].is_string());
  CHECK(cyd_row["pending_changes"] == Json(2));
  CHECK(cyd_row["unsure_tickets"] == Json(0));
  CHECK(sue["pending_changes"] == Json(0));
  CHECK(sue["silent_since"].is_null());
  desk.sync(*desk.bob);  // they have come
  CHECK(desk.report("dashboard")["horizon"]["pending_changes"] == Json(14));
}

TEST_CASE("H5: of a past period who was heard of since its end is not waited for, but for what they told of",
          "[server][reports]") {
  Vans desk;
  desk.ask(desk.ada_id, *desk.ada);
  desk.ask(desk.bob_id, *desk.bob);
  desk.pass(10 * report_minute_ms);
  const std::string ended = desk.now();
  desk.pass(10 * report_minute_ms);
  desk.ask(desk.ada_id, *desk.ada);  // of no period before
  tell_pending(*desk.ada, 3);
  desk.sync(*desk.bob);
  desk.pass(20 * report_minute_ms);
  desk.sync(*desk.sue);
  const Json now = desk.report("dashboard")["horizon"];
  CHECK(silent_people(now) == People{"ada", "bob"});
  CHECK(now["tickets"] == Json(3));
  const Json then = desk.report("dashboard", {{"to", Json(ended)}})["horizon"];
  CHECK(silent_people(then) == People{"ada"});
  CHECK(then["pending_changes"] == Json(3));
  CHECK(then["tickets"] == Json(1));
}

TEST_CASE("H8: late is what was made before the end and arrived after it", "[server][reports]") {
  Vans desk;
  const TicketId ticket = desk.ask(desk.ada_id, *desk.ada);
  const auto note = [&](const char* text) {
    sync::Change change = desk.ada->change(sync::Intent::message, ticket);
    change.text = text;
    change.visibility = sync::Visibility::team;
    return change;
  };
  const Bytes early = desk.ada->seal({note("offline for a while")});
  desk.pass(5 * report_minute_ms);
  must(desk.ada->open_session());
  desk.ada->push({early});
  desk.sync(*desk.ada);
  desk.pass(report_minute_ms);
  const Bytes late = desk.ada->seal({note("made in time")});
  desk.pass(report_minute_ms);
  const std::string ended = desk.now();
  desk.pass(report_minute_ms);
  const Bytes after = desk.ada->seal({note("made after it")});
  desk.pass(report_minute_ms);
  must(desk.ada->open_session());
  desk.ada->push({late, after});
  desk.sync(*desk.ada);
  const Json report = desk.report("dashboard", {{"to", Json(ended)}});
  REQUIRE(report["late_arrivals"] == Json(1));
  REQUIRE(report["late"].size() == 1);
  const Json& one = report["late"].items().front();
  CHECK(one["made"].as_string() < ended);
  CHECK(one["arrived"].as_string() > ended);
  CHECK(Vans::row(report, "created")["known_then"] == Json(1));
}

TEST_CASE("H7: what was reopened after the end was not known then", "[server][reports]") {
  Vans desk;
  const TicketId ticket = desk.ask(desk.ada_id, *desk.ada);
  const auto act = [&](sync::Intent intent) {
    desk.pass(report_minute_ms);
    must(desk.ada->open_session());
    desk.ada->push(desk.ada->change(intent, ticket));
    desk.sync(*desk.ada);
  };
  act(sync::Intent::resolve);
  desk.pass(report_minute_ms);
  const std::string ended = desk.now();
  act(sync::Intent::reopen);
  desk.pass(report_minute_ms);
  const Json reopened = Vans::row(desk.report("dashboard", {{"to", Json(ended)}}), "reopened");
  CHECK(reopened["value"] == Json(100));
  CHECK(reopened["known_then"] == Json(0));
}

TEST_CASE("H6: a deadline that passed, and that nobody has looked at yet, is still to be counted",
          "[server][reports]") {
  Vans desk;
  desk.ask(desk.ada_id, *desk.ada);
  const auto waiting = [&] { return desk.report("dashboard")["horizon"]["not_counted_yet"].as_integer(); };
  CHECK(waiting() == 0);
  desk.house.environment.advance(5 * report_hour_ms);
  CHECK(waiting() == 1);
  desk.house.tick();
  CHECK(waiting() == 0);
  CHECK(Vans::row(desk.report("dashboard"), "breaches")["value"] == Json(0));
  CHECK(Vans::row(desk.report("dashboard"), "breaches, provisional")["value"] == Json(1));
}

TEST_CASE("H7: what was deleted after the end counted then, what was brought back after it did not",
          "[server][reports]") {
  Vans desk;
  desk.ask(desk.ada_id, *desk.ada);
  const TicketId gone = desk.ask(desk.ada_id, *desk.ada);
  const auto act = [&](const TicketId& ticket, sync::Intent intent) {
    must(desk.sue->open_session());
    desk.sue->push(desk.sue->change(intent, ticket));
    desk.sync(*desk.sue);
  };
  const auto created = [&](const std::string& to) {
    const Json row = Vans::row(desk.report("dashboard", {{"to", Json(to)}}), "created");
    return std::to_string(row["value"].as_integer()) + " " + std::to_string(row["known_then"].as_integer());
  };
  const auto now = [&] {
    desk.pass(report_minute_ms);
    const std::string text = desk.now();
    desk.pass(report_minute_ms);
    return text;
  };
  const std::string before = now();
  act(gone, sync::Intent::delete_ticket);
  CHECK(created(before) == "1 2");
  const std::string between = now();
  CHECK(created(between) == "1 1");
  act(gone, sync::Intent::restore);
  CHECK(created(before) == "2 2");
  CHECK(created(between) == "2 1");
}

TEST_CASE("H7: a ticket that was made offline before the end and arrived after it was not known then",
          "[server][reports]") {
  Vans desk;
  desk.ask(desk.ada_id, *desk.ada);
  desk.pass(report_minute_ms);
  const Bytes made = desk.ada->seal({desk.ada->create(random_id<TicketId>(desk.house.environment), "found on site")});
  desk.pass(report_minute_ms);
  const std::string ended = desk.now();
  desk.pass(report_minute_ms);
  must(desk.ada->open_session());
  desk.ada->push({made});
  desk.sync(*desk.ada);
  const Json report = desk.report("dashboard", {{"to", Json(ended)}});
  CHECK(report["late_arrivals"] == Json(1));
  CHECK(Vans::row(report, "created")["value"] == Json(2));
  CHECK(Vans::row(report, "created")["known_then"] == Json(1));
}

}  // namespace tern::test
