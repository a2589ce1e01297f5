// Rules K11 to K13, K15, K16 and K24 of docs/sla.md: which promise holds, what colour it has, who is told.
#include "sla_desk.hpp"
#include "support/catch.hpp"

using namespace tern;
using namespace tern::sla;
using namespace tern::test;
using sync::Status;

namespace {

Rule rule_for(const std::string& id, std::vector<Condition> when, std::optional<Seconds> first_response,
              std::optional<Seconds> resolve) {
  Rule rule;
  rule.id = id;
  rule.when = std::move(when);
  rule.calendar = "C247";
  if (first_response) rule.targets[0] = Target{*first_response};
  if (resolve) rule.targets[2] = Target{*resolve};
  return rule;
}

std::vector<std::string> keys(const std::vector<Alert>& alerts) {
  std::vector<std::string> out;
  for (const Alert& alert : alerts) out.push_back(std::string(alert_level_name(alert.level)));
  return out;
}

}  // namespace

TEST_CASE("K11: a new version of the list moves what runs from when it is in force", "[sla]") {
  SlaDesk desk = round_the_clock(no_target, 4 * h);
  desk.new_book(utc("2026-06-03T12:00"));
  desk.rule("p", "C247", no_target, no_target, 3 * h);
  CHECK(due_text(desk.cycle(resolution, "2026-06-03T11:00")) == "2026-06-03T14:00:00Z");
  CHECK(due_text(desk.cycle(resolution, "2026-06-03T12:00")) == "2026-06-03T13:00:00Z");
}

TEST_CASE("K11: what has stopped is never judged anew, unless an administrator orders it", "[sla]") {
  SlaDesk desk = round_the_clock(no_target, 4 * h);
  desk.move("2026-06-03T13:00", Status::resolved);
  desk.new_book(utc("2026-06-04T00:00"));
  desk.rule("p", "C247", no_target, no_target, 2 * h);
  CHECK(desk.cycle(resolution, "2026-06-05T00:00").state == CycleState::met);
  SlaDesk ordered = round_the_clock(no_target, 4 * h);
  ordered.move("2026-06-03T13:00", Status::resolved);
  RuleBook late;  // says that it holds from 2 June, but came on the 4th
  late.version = 2;
  late.effective_from = utc("2026-06-02T00:00");
  late.committed_at = utc("2026-06-04T00:00");
  CHECK(in_force_from(late.effective_from, late.committed_at, {}) == late.committed_at);
  const std::vector<Recompute> orders = {
      {utc("2026-06-01T00:00"), utc("2026-06-05T00:00"), "agreed with the customer"}};
  CHECK(in_force_from(late.effective_from, late.committed_at, orders) == late.effective_from);
  late.committed_at = utc("2026-06-06T00:00");  // behind the order
  CHECK(in_force_from(late.effective_from, late.committed_at, orders) == late.committed_at);
}

TEST_CASE("K11: an order judges anew what began behind its instant", "[sla]") {
  const auto state = [](std::vector<Recompute> orders) {
    SlaDesk desk = round_the_clock(no_target, 4 * h);
    RuleBook old, late;
    old.rules = {rule_for("r", {}, std::nullopt, 4 * h)};
    late.version = 2;
    late.effective_from = utc("2026-06-02T00:00");
    late.committed_at = utc("2026-06-04T00:00");
    late.rules = {rule_for("r", {}, std::nullopt, 2 * h)};
    desk.move("2026-06-03T13:00", Status::resolved);
    const RuleBooks books({old, late}, orders);
    return clock_at({desk.events, books, desk.calendars()}, utc("2026-06-05T00:00")).cycles.at(0).state;
  };
  CHECK(state({}) == CycleState::met);
  CHECK(state({{utc("2026-06-01T00:00"), utc("2026-06-04T12:00"), "the promise was written down wrongly"}}) ==
        CycleState::breached);
}

TEST_CASE("K11: a calendar that changes while a ticket runs counts from when it is in force", "[sla]") {
  SlaDesk desk;
  Calendar later = week_calendar("KYIV", "Europe/Kyiv", "09:00", "13:00");
  later.version = 2;
  later.effective_from = later.committed_at = utc("2026-06-03T21:00");  // midnight in Kyiv
  desk.calendar(later);
  desk.rule("p", "KYIV", no_target, no_target, 18 * h);
  desk.create("2026-06-03T06:00");
  // 9 h on Wednesday, 4 h on Thursday and Friday each, 1 h on Monday: known beforehand, as the version is
  CHECK(due_text(desk.cycle(resolution, "2026-06-03T07:00")) == "2026-06-08T07:00:00Z");
  CHECK(desk.cycle(resolution, "2026-06-05T06:00").elapsed == 13 * h);
  CHECK(desk.cycle(resolution, "2026-06-09T06:00").calendar_version == 2);
}

TEST_CASE("K11: a holiday that is entered late counts from its commit", "[sla]") {
  SlaDesk desk;
  Calendar later = week_calendar("KYIV", "Europe/Kyiv", "09:00", "18:00");
  later.version = 2;
  later.exceptions = {{2026, 6, 3, {}, "declared at noon"}};
  later.committed_at = utc("2026-06-03T09:00");
  desk.calendar(later);
  desk.rule("p", "KYIV", no_target, no_target, 8 * h);
  desk.create("2026-06-03T06:00");
  CHECK(desk.cycle(resolution, "2026-06-03T20:00").elapsed == 3 * h);
  desk.recompute({utc("2026-06-03T00:00"), utc("2026-06-03T10:00"), "the office was closed all day"});
  CHECK(desk.cycle(resolution, "2026-06-03T20:00").elapsed == 0);
}

TEST_CASE("K12: the first matching rule wins for each metric, and a later one fills what it leaves empty", "[sla]") {
  SlaDesk desk;
  const Calendars& calendars = desk.calendars();
  RuleBook book;
  book.rules = {rule_for("vip", {{RuleField::vip, {"yes"}}}, 1 * h, std::nullopt),
                rule_for("urgent", {{RuleField::priority, {"3", "4"}}}, 2 * h, 8 * h),
                rule_for("all", {}, 4 * h, 24 * h)};
  Attributes ticket;
  ticket.vip = true;
  CHECK(match(book, ticket, calendars)[0].rule->id == "vip");
  CHECK(match(book, ticket, calendars)[2].rule->id == "all");
  ticket.priority = 4;
  CHECK(match(book, ticket, calendars)[2].target == 8 * h);
  ticket.vip = false;
  CHECK(match(book, ticket, calendars)[0].target == 2 * h);
}

TEST_CASE("K12: a rule may expressly give no target", "[sla]") {
  SlaDesk desk;
  RuleBook book;
  book.rules = {rule_for("none", {{RuleField::type, {"other"}}}, 1 * h, std::nullopt),
                rule_for("all", {}, 4 * h, 24 * h)};
  book.rules[0].targets[2] = Target{};
  Attributes ticket;
  ticket.type = "other";
  const Choices choices = match(book, ticket, desk.calendars());
  CHECK_FALSE(choices[2].target);
  CHECK(choices[2].rule->id == "none");
}

TEST_CASE("K12: without rules of its own a tenant has those of categories and priorities", "[sla]") {
  SlaDesk desk;
  RuleBook book;
  book.effective_from = utc("2026-01-01T00:00");
  book.rules = default_rules("KYIV", {{"hardware", 6}});
  const Calendars& calendars = desk.calendars();
  CHECK(validate(book, calendars));
  const auto targets = [&](int priority, const std::string& category) {
    Attributes ticket;
    ticket.priority = priority;
    ticket.category = category;
    const Choices choices = match(book, ticket, calendars);
    return std::pair(*choices[0].target / h, *choices[2].target / h);
  };
  CHECK(targets(4, "") == std::pair<Seconds, Seconds>(1, 4));
  CHECK(targets(3, "") == std::pair<Seconds, Seconds>(4, 8));
  CHECK(targets(2, "software") == std::pair<Seconds, Seconds>(24, 48));
  CHECK(targets(1, "") == std::pair<Seconds, Seconds>(48, 120));
  CHECK(targets(4, "hardware/printer") == std::pair<Seconds, Seconds>(6, 4));
}

TEST_CASE("K12: conditions over every field, all of which must hold", "[sla]") {
  Attributes ticket;
  ticket.priority = 3;
  ticket.category = "hardware/printer/ink";
  ticket.queue = "tech";
  ticket.channel = "mail";
  ticket.type = "bug";
  ticket.tags = {"a", "b"};
  ticket.tariff = "gold";
  ticket.organisation = "acme";
  ticket.audience = "staff";
  const auto says = [&](RuleField field, std::vector<std::string> values) {
    return holds({field, std::move(values)}, ticket);
  };
  CHECK(says(RuleField::priority, {"1", "3"}));
  CHECK_FALSE(says(RuleField::priority, {"33"}));
  CHECK(says(RuleField::category, {"hardware"}));
  CHECK(says(RuleField::category, {"hardware/printer"}));
  CHECK_FALSE(says(RuleField::category, {"hard"}));
  CHECK_FALSE(says(RuleField::category, {"hardware/printer/ink/black"}));
  CHECK(says(RuleField::queue, {"tech"}));
  CHECK(says(RuleField::channel, {"mail"}));
  CHECK(says(RuleField::type, {"bug"}));
  CHECK(says(RuleField::tag, {"b"}));
  CHECK_FALSE(says(RuleField::tag, {"c"}));
  CHECK(says(RuleField::tariff, {"gold"}));
  CHECK(says(RuleField::organisation, {"acme"}));
  CHECK(says(RuleField::vip, {"no"}));
  CHECK(says(RuleField::audience, {"staff"}));
}

TEST_CASE("K12: a list with impossible rules is refused by the field", "[sla]") {
  SlaDesk desk;
  const Calendars& calendars = desk.calendars();
  const auto field = [&](auto change) {
    RuleBook book;
    book.effective_from = utc("2026-01-01T00:00");
    book.rules = {rule_for("r", {}, 4 * h, 8 * h)};
    change(book.rules[0]);
    const auto valid = validate(book, calendars);
    return valid ? std::string("fine") : valid.error().field;
  };
  CHECK(field([](Rule&) {}) == "fine");
  CHECK(field([](Rule& r) { r.id.clear(); }) == "id");
  CHECK(field([](Rule& r) { r.calendar = "nowhere"; }) == "calendar");
  CHECK(field([](Rule& r) { r.targets[0] = Target{0}; }) == "targets");
  CHECK(field([](Rule& r) { r.targets[0] = Target{target_max + 1}; }) == "targets");
  CHECK(field([](Rule& r) { r.when = {{RuleField::tag, {}}}; }) == "when");
  CHECK(field([](Rule& r) { r.terms.yellow_percent = 49; }) == "yellow_percent");
  CHECK(field([](Rule& r) { r.terms.yellow_percent = 96; }) == "yellow_percent");
  CHECK(field([](Rule& r) { r.terms.late = {{50, 0}, {60, 0}, {70, 0}, {80, 0}, {90, 0}}; }) == "late");
  CHECK(field([](Rule& r) { r.terms.late = {{0, 0}}; }) == "late");
  CHECK(field([](Rule& r) { r.terms.max_pause = 0; }) == "max_pause");
}

TEST_CASE("K13: green, yellow at three quarters, red behind the due instant", "[sla]") {
  SlaDesk desk = round_the_clock(no_target, h);
  CHECK(desk.cycle(resolution, "2026-06-03T10:44:59").colour() == Colour::green);
  CHECK(desk.cycle(resolution, "2026-06-03T10:45").colour() == Colour::yellow);
  CHECK(desk.cycle(resolution, "2026-06-03T11:00").colour() == Colour::yellow);
  CHECK(desk.cycle(resolution, "2026-06-03T11:00:01").colour() == Colour::red);
  CHECK(desk.cycle(resolution, "2026-06-03T10:00").yellow_at == utc("2026-06-03T10:45"));
}

TEST_CASE("K13: the share is rounded up, and minutes left count when they are earlier", "[sla]") {
  Terms terms;
  CHECK(terms.yellow_threshold(3) == 3);
  CHECK(terms.yellow_threshold(4) == 3);
  terms.yellow_left = 30 * m;
  CHECK(terms.yellow_threshold(h) == 30 * m);
  CHECK(terms.yellow_threshold(10 * h) == 7 * h + 30 * m);
  CHECK(terms.yellow_threshold(10 * m) == 0);
}

TEST_CASE("K13: blue while paused, grey without a target, and the heat of what is consumed beneath", "[sla]") {
  SlaDesk desk = round_the_clock(no_target, 4 * h);
  desk.rule("none", "C247", no_target, no_target, no_target).targets[2] = Target{};
  desk.move("2026-06-03T13:30", Status::on_hold);
  const Cycle paused = desk.cycle(resolution, "2026-06-04T10:00");
  CHECK(paused.colour() == Colour::blue);
  CHECK(paused.heat == Colour::yellow);
  desk.move("2026-06-04T10:00", Status::open);
  desk.policy("2026-06-04T10:10", "none");
  const Cycle grey = desk.cycle(resolution, "2026-06-04T11:00");
  CHECK(grey.colour() == Colour::grey);
  CHECK_FALSE(grey.due);
}

TEST_CASE("K13: a ticket has the colour of its worst open clock and sorts by the nearest due instant", "[sla]") {
  SlaDesk desk;
  desk.rule("p", "C247", h, h, 8 * h);
  desk.create("2026-06-03T10:00");
  CHECK(desk.clock("2026-06-03T10:50").colour() == Colour::yellow);
  CHECK(desk.clock("2026-06-03T10:50").next_due() == utc("2026-06-03T11:00"));
  desk.reply("2026-06-03T10:55");
  CHECK(desk.clock("2026-06-03T11:30").colour() == Colour::green);
  CHECK(desk.clock("2026-06-03T11:30").next_due() == utc("2026-06-03T18:00"));
  desk.customer("2026-06-03T12:00");
  CHECK(desk.clock("2026-06-03T13:30").colour() == Colour::red);
  desk.reply("2026-06-03T14:00");
  desk.move("2026-06-03T14:00", Status::resolved);
  CHECK(desk.clock("2026-06-03T20:00").colour() == Colour::grey);
  CHECK_FALSE(desk.clock("2026-06-03T20:00").next_due());
}

TEST_CASE("K15: yellow, breach and the levels behind it, each once", "[sla][I23]") {
  SlaDesk desk = round_the_clock(no_target, 4 * h);
  CHECK(desk.alerts("2026-06-03T12:59").empty());
  CHECK(keys(desk.alerts("2026-06-03T13:00")) == std::vector<std::string>{"yellow"});
  CHECK(keys(desk.alerts("2026-06-03T14:00:01")) == std::vector<std::string>{"breach"});
  const auto late = desk.alerts("2026-06-03T18:00");
  CHECK(keys(late) == std::vector<std::string>{"breach", "late_1", "late_2"});
  CHECK(late[1].at == utc("2026-06-03T16:00"));
  CHECK(late[2].at == utc("2026-06-03T18:00"));
  CHECK(keys(unsent(late, {late[0].key(), late[1].key()})) == std::vector<std::string>{"late_2"});
}

TEST_CASE("K15: levels behind a breach count working time, and a retarget's from the change", "[sla]") {
  SlaDesk desk;
  desk.rule("p", "KYIV", no_target, no_target, 8 * h);
  desk.create("2026-06-03T06:00");  // due Wednesday 17:00; + 4 h is Thursday 12:00
  CHECK(keys(desk.alerts("2026-06-04T08:59")) == std::vector<std::string>{"breach"});
  CHECK(desk.alerts("2026-06-04T09:00").at(1).at == utc("2026-06-04T09:00"));
  SlaDesk changed = round_the_clock(no_target, 4 * h);
  changed.rule("hi", "C247", no_target, no_target, 2 * h).terms.late = {{0, 10 * m}};
  changed.policy("2026-06-03T13:30", "hi");
  CHECK(changed.alerts("2026-06-03T14:00").at(1).at == utc("2026-06-03T13:40"));
}

TEST_CASE("K15: a new target is a new key; the same target again is not", "[sla]") {
  SlaDesk desk = round_the_clock(no_target, 4 * h);
  desk.rule("hi", "C247", no_target, no_target, 3 * h + 50 * m);
  const std::string before = desk.alerts("2026-06-03T13:10").at(0).key();
  desk.policy("2026-06-03T13:10", "hi");
  const std::string after = desk.alerts("2026-06-03T13:11").at(0).key();
  CHECK(before != after);
  desk.policy("2026-06-03T13:20", "p");
  CHECK(desk.alerts("2026-06-03T13:21").at(0).key() == before);
}

TEST_CASE("K15: paused clocks and those that ended in time have nothing to tell", "[sla]") {
  SlaDesk desk = round_the_clock(no_target, 4 * h);
  desk.move("2026-06-03T13:30", Status::on_hold);
  CHECK(desk.alerts("2026-06-04T10:00").empty());
  SlaDesk ended = round_the_clock(no_target, 4 * h);
  ended.move("2026-06-03T13:30", Status::resolved);
  CHECK(ended.alerts("2026-06-04T10:00").empty());
}

TEST_CASE("K15: quiet waits for the recipient's hours, but a breach reaches managers at once", "[sla]") {
  SlaDesk desk = round_the_clock(no_target, 4 * h);
  CalendarTimeline* hours = desk.calendars().find("KYIV");
  const Instant night = utc("2026-06-03T20:00");
  const Alert yellow{AlertLevel::yellow, night, resolution, "e1", "1/p/14400", true};
  const Alert breach{AlertLevel::breach, night, resolution, "e1", "1/p/14400", true};
  Alert loud = yellow;
  loud.quiet = false;
  CHECK(deliver_at(loud, night, false, hours) == night);
  CHECK(deliver_at(yellow, night, false, hours) == utc("2026-06-04T06:00"));
  CHECK(deliver_at(yellow, night, true, hours) == utc("2026-06-04T06:00"));
  CHECK(deliver_at(breach, night, false, hours) == utc("2026-06-04T06:00"));
  CHECK(deliver_at(breach, night, true, hours) == night);
  CHECK(deliver_at(yellow, utc("2026-06-03T08:00"), false, hours) == utc("2026-06-03T08:00"));
  CHECK(deliver_at(yellow, night, false, nullptr) == night);
}

TEST_CASE("K16: the next look is the next instant at which something changes by itself", "[sla]") {
  SlaDesk desk = round_the_clock(no_target, 4 * h);
  desk.device("van", {"2026-06-03T09:00"});
  const auto look = [&](const char* now) {
    const auto records = desk.records(now);
    const TicketClock clock = desk.clock(now);
    const auto at = next_look(desk.inputs(), clock, records, utc(now));
    return at ? instant_text(*at) : "never";
  };
  CHECK(look("2026-06-03T10:00") == "2026-06-03T13:00:00Z");     // yellow
  CHECK(look("2026-06-03T13:00") == "2026-06-03T14:00:01Z");     // the first second behind the due instant
  CHECK(look("2026-06-03T14:00:01") == "2026-06-03T16:00:00Z");  // + 50 %
  CHECK(look("2026-06-03T16:00") == "2026-06-03T18:00:00Z");     // + 100 %
  CHECK(look("2026-06-03T18:00") == "2026-06-06T14:00:00Z");     // the offline grace ends
  CHECK(look("2026-06-06T14:00") == "never");
  desk.new_book(utc("2026-06-03T12:00"));
  desk.rule("p", "C247", no_target, no_target, 3 * h);
  CHECK(look("2026-06-03T10:00") == "2026-06-03T12:00:00Z");  // other rules come into force
}

TEST_CASE("K16: looking at every next look sees all that a sweep of every second sees", "[sla]") {
  SlaDesk desk;
  desk.rule("p", "KYIV", h, no_target, 3 * h);
  desk.create("2026-06-03T14:30");
  const Inputs inputs = desk.inputs();
  const auto seen = [&](Instant now) { return keys(sla::alerts(clock_at(inputs, now), now)); };
  Instant look = utc("2026-06-03T14:30");
  const Instant end = utc("2026-06-04T12:00");
  for (Instant now = look; now < end; now += 1) {
    const auto next_at = next_look(inputs, clock_at(inputs, look), {}, look);
    if (next_at && now >= *next_at) look = *next_at;
    REQUIRE(seen(now) == seen(look));
    if (now % 600 != 0 && next_at && *next_at > now + 1200) now += 599;  // nothing is near
  }
}

TEST_CASE("K16: missed while the server was down, a breach is detected later with its true instant", "[sla]") {
  SlaDesk desk = round_the_clock(no_target, 4 * h);
  const Alert breach = desk.alerts("2026-06-07T10:00").at(0);
  CHECK(breach.level == AlertLevel::breach);
  CHECK(breach.at == utc("2026-06-03T14:00"));
  CHECK(sweep_interval_max <= 15 * m);
}

TEST_CASE("K24: a long hold or wait is told once and never ends by itself", "[sla]") {
  SlaDesk desk = round_the_clock(no_target, 4 * h);
  desk.move("2026-06-03T11:00", Status::on_hold);
  desk.move("2026-06-20T11:00", Status::waiting);  // still one stretch
  CHECK(desk.alerts("2026-07-03T10:59").empty());
  const auto told = desk.alerts("2026-07-03T11:00");
  CHECK(keys(told) == std::vector<std::string>{"long_pause"});
  CHECK(unsent(told, {told[0].key()}).empty());
  CHECK(desk.cycle(resolution, "2027-07-03T11:00").state == CycleState::paused);
  const TicketClock clock = desk.clock("2026-06-21T00:00");
  const auto look = next_look(desk.inputs(), clock, {}, utc("2026-06-21T00:00"));
  CHECK(look == utc("2026-07-03T11:00"));
  desk.move("2026-07-10T11:00", Status::open);
  CHECK(desk.alerts("2026-07-10T12:00").empty());
}

TEST_CASE("next_response cycles have alerts of their own", "[sla]") {
  SlaDesk desk;
  desk.rule("p", "C247", h, h, no_target);
  desk.create("2026-06-03T10:00");
  desk.reply("2026-06-03T10:10");
  desk.customer("2026-06-03T11:00");
  const auto one = desk.alerts("2026-06-03T11:50");
  desk.reply("2026-06-03T11:55");
  desk.customer("2026-06-03T12:00");
  const auto two = desk.alerts("2026-06-03T12:50");
  REQUIRE(one.size() == 1);
  REQUIRE(two.size() == 1);
  CHECK(one[0].metric == next);
  CHECK(one[0].key() != two[0].key());
  CHECK(desk.has_cycle(first, "2026-06-03T12:50"));
}
