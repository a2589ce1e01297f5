// Clocks that are wrong, rewound or far ahead, and people who are away for long.
#include "support/world.hpp"
#include "tern/protocol/session.hpp"

using namespace tern;
using namespace tern::test;

namespace {

bool within_window(const client::HistoryEntry& fate) {
  return fate.lo_ms <= fate.effective_ms && fate.effective_ms <= fate.hi_ms;
}

}  // namespace

TEST_CASE("a device whose clock is wrong by 11 months syncs, and its work counts at the time it was done",
          "[world][time]") {
  for (const std::int64_t error_ms : {-days_ms(335), days_ms(335)}) {
    World world{Seed::from_environment_or(21)};
    Device& van = world.add_device("van");
    Device& desk = world.add_device("desk");
    const TicketId ticket = desk.create("meter");
    CHECK(world.run_until_quiet());
    van.environment.set_wall(van.environment.wall_ms() + error_ms);
    world.network.cut();
    const ChangeRef first = van.set(ticket, Field::subject, "meter read");
    const std::int64_t first_ms = world.server.environment.wall_ms();
    world.pass(minutes_ms(30));
    desk.set(ticket, Field::subject, "meter broken");
    world.pass(hours_ms(2));
    const ChangeRef third = van.note(ticket, "glass is cracked");
    const std::int64_t third_ms = world.server.environment.wall_ms();
    world.pass(hours_ms(1));
    world.network.heal();
    must(desk.sync());
    must(van.sync());
    CHECK(world.run_until_quiet());

    for (const ChangeRef& ref : {first, third}) CHECK(within_window(van.fate(ref)));
    CHECK(std::abs(van.fate(first).effective_ms - first_ms) < minutes_ms(1));
    CHECK(std::abs(van.fate(third).effective_ms - third_ms) < minutes_ms(1));
    CHECK((van.fate(first).time_flags & sync::time_flag_clamped) != 0);
    CHECK(van.show(ticket).row.subject == "meter broken");  // it was later, whatever the van's clock says
    CHECK(desk.view(ticket) == van.view(ticket));
    CHECK(std::abs(van.status().server_offset_ms + error_ms) < 5'000);
    const TicketId own = van.create("another");
    CHECK(world.run_until_quiet());
    CHECK(desk.holds(own));
    CHECK(world.invariants_hold());
  }
}

TEST_CASE("somebody is away for 40 days, with work of the first day and of the last", "[world][time]") {
  World world{Seed::from_environment_or(22)};
  world.add_record("queue", "Field");
  Device& ann = world.add_device("ann");
  Device& ben = world.add_device("ben", {.role = "operator", .queues = {"Field"}, .scope_all = false});
  const TicketId mine = ann.create("mine");
  ann.assign(mine, ben.operator_id());
  const TicketId closing = ann.create("closing");
  ann.assign(closing, ben.operator_id());
  CHECK(world.run_until_quiet());
  REQUIRE(ben.holds(closing));

  world.network.cut(ben.address());
  const ChangeRef first_day = ben.note(mine, "of the first day");
  const ChangeRef overtaken = ben.act(closing, Intent::start);
  for (int day = 0; day < 40; ++day) {
    world.pass(days_ms(1));
    if (day == 3) {
      ann.act(closing, Intent::resolve, "done by phone");
      ann.act(closing, Intent::close);
    }
    if (day == 10) world.server.restart();
    if (day == 20) world.server.crash();
    if (day == 20) world.server.open();
    if (day % 4 == 0) ann.note(mine, "day " + std::to_string(day));
    if (day == 30) ben.reboot();
    CHECK(ann.sync());
  }
  const ChangeRef last_day = ben.set(mine, Field::priority, "4");
  world.network.heal();
  CHECK(world.run_until_quiet());

  CHECK(ben.fate(first_day).outcome == Outcome::applied);
  CHECK(ben.fate(last_day).outcome == Outcome::applied);
  CHECK(within_window(ben.fate(first_day)));
  CHECK(ben.fate(overtaken).outcome != Outcome::unspecified);
  CHECK(ann.show(mine).row.priority == "urgent");
  CHECK(ben.view(mine) == ann.view(mine));
  CHECK_FALSE(ben.holds(closing));  // closed for longer than a device keeps it
  CHECK(ann.show(closing).row.status == "closed");
  CHECK(world.invariants_hold());
}

TEST_CASE("on day 400, without any ceremony with keys, everything syncs and devices enrol",
          "[world][time][scenario-8]") {
  World world{Seed::from_environment_or(23)};
  Device& van = world.add_device("van");
  const TicketId ticket = van.create("old ticket");
  CHECK(world.run_until_quiet());
  const auto said = [&] { return to_text(world.server.administer("status")["problems"]); };
  CHECK(said().find("key list is due") == std::string::npos);
  world.pass(days_ms(400) + hours_ms(1));
  van.note(ticket, "still here");
  CHECK(van.sync());
  CHECK(said().find("key list is due") != std::string::npos);  // both sides warn, and that is all
  CHECK(van.status().notice.find("key list is due") != std::string::npos);
  Device& fresh = world.add_device("fresh");
  CHECK(world.run_until_quiet());
  CHECK(fresh.view(ticket) == van.view(ticket));
  CHECK(fresh.show(ticket).timeline.size() == 2);
  CHECK(world.invariants_hold());
}

TEST_CASE("the server's clock is a year ahead for a minute: no time it gives out is", "[world][time][scenario-12]") {
  World world{Seed::from_environment_or(24)};
  Device& van = world.add_device("van");
  const TicketId ticket = van.create("clock");
  CHECK(world.run_until_quiet());
  const std::int64_t true_ms = world.server.environment.wall_ms();
  world.server.environment.set_wall(true_ms + days_ms(365));
  const ChangeRef meanwhile = van.note(ticket, "meanwhile");
  CHECK(world.run_until_quiet());  // ingest goes on
  CHECK(van.fate(meanwhile).outcome == Outcome::applied);
  CHECK(world.server.tenant(world.server.first_tenant()).clock_in_doubt());
  CHECK((van.fate(meanwhile).time_flags & sync::time_flag_doubtful_clock) != 0);
  world.pass(minutes_ms(1));
  world.server.environment.set_wall(world.server.environment.wall_ms() - days_ms(365));
  world.pass(minutes_ms(2));
  const ChangeRef afterwards = van.note(ticket, "afterwards");
  CHECK(world.run_until_quiet());
  CHECK_FALSE(world.server.tenant(world.server.first_tenant()).clock_in_doubt());

  for (const ChangeRef& ref : {meanwhile, afterwards}) {
    CHECK(van.fate(ref).hi_ms < true_ms + hours_ms(1));
    CHECK(van.fate(ref).effective_ms < true_ms + hours_ms(1));
  }
  CHECK(van.fate(afterwards).effective_ms > van.fate(meanwhile).effective_ms);
  const auto ledger = world.server.read(world.server.first_tenant());
  CHECK(must(ledger->int64_of("SELECT max(commit_ms) FROM change_set")).value_or(0) < true_ms + hours_ms(1));
  CHECK(must(ledger->int64_of("SELECT max(time_ms) FROM anchor")).value_or(0) < true_ms + hours_ms(1));
  CHECK(world.invariants_hold());
}

namespace {

struct Proof {
  std::int64_t not_before_ms = 0, received_ms = 0;
  client::HistoryEntry fate;
};

/// Six hours offline, then a resolution "just now", by a device whose clocks say `rewound_ms` less.
Proof resolve_offline(Seed seed, std::int64_t rewound_ms) {
  World world{seed};
  Device& van = world.add_device("van");
  Device& desk = world.add_device("desk");
  const TicketId ticket = van.create("late");
  world.pass(hours_ms(8));
  CHECK(world.run_until_quiet());
  world.network.cut(van.address());
  world.pass(hours_ms(6));
  const std::int64_t made_ms = world.server.environment.wall_ms();
  van.environment.set_boot(van.environment.boot_ms() - rewound_ms);
  van.environment.set_wall(van.environment.wall_ms() - rewound_ms);
  const ChangeRef resolved = van.act(ticket, Intent::resolve, "in time, I swear");
  world.network.heal();
  CHECK(world.run_until_quiet());
  CHECK(desk.view(ticket) == van.view(ticket));
  CHECK(world.invariants_hold());
  Proof proof{0, 0, van.fate(resolved)};
  const auto ledger = world.server.read(van.tenant());
  proof.received_ms =
      must(ledger->int64_of("SELECT commit_ms FROM change_set WHERE commit_seq = $1", proof.fate.commit_seq))
          .value_or(0);
  proof.not_before_ms =
      must(ledger->int64_of("SELECT max(time_ms) FROM anchor WHERE time_ms < $1", made_ms)).value_or(0);
  CHECK(proof.received_ms >= made_ms);
  return proof;
}

}  // namespace

TEST_CASE("a boot clock rewound by 5 h alters nothing that strict credit counts, and leaves no window",
          "[world][time][security][scenario-1]") {
  const Seed seed = Seed::from_environment_or(25);
  const Proof honest = resolve_offline(seed, 0);
  const Proof rewound = resolve_offline(seed, hours_ms(5));
  CHECK(rewound.received_ms == honest.received_ms);  // the receipt: what strict credit counts
  CHECK(rewound.not_before_ms == honest.not_before_ms);
  for (const Proof& proof : {honest, rewound}) {
    CHECK(proof.fate.outcome == Outcome::applied);
    CHECK(within_window(proof.fate));
    CHECK(proof.fate.hi_ms <= proof.received_ms);
    CHECK(proof.fate.lo_ms >= proof.not_before_ms - minutes_ms(1));
  }
  CHECK(rewound.fate.effective_ms < honest.fate.effective_ms);  // evidence, not proof: it did move, inside
}

TEST_CASE("an exchange that only shows a doubted server what the device knows does not bound what was saved before it",
          "[world][time]") {
  World world{Seed::from_environment_or(26)};
  Device& van = world.add_device("van");
  Device& desk = world.add_device("desk");
  const TicketId ticket = van.create("meter");
  CHECK(world.run_until_quiet());
  van.close();
  desk.note(ticket, "the log has grown, so the next welcome has to prove that it goes on");
  must(desk.sync());
  van.open();
  const ChangeRef saved = van.note(ticket, "in the cellar");
  const std::int64_t saved_ms = world.server.environment.wall_ms();
  world.pass(hours_ms(1));

  world.network.on_answer = [](const std::string&, const client::HttpRequest& request, client::HttpAnswer& answer) {
    if (request.target != "/sync/v1/session" || answer.status != 200) return;
    auto welcome = must(protocol::decode_session_welcome(answer.body));
    for (auto& hash : welcome.consistency) hash = {};
    answer.body = protocol::encode(welcome);
  };
  const auto doubted = van.sync();
  REQUIRE_FALSE(doubted);
  CHECK(doubted.error().code == ErrorCode::server_rollback);
  world.network.on_answer = nullptr;
  world.pass(minutes_ms(1));
  CHECK(world.run_until_quiet());

  CHECK(van.status().paused.empty());
  CHECK(van.fate(saved).outcome == Outcome::applied);
  CHECK(van.fate(saved).lo_ms <= saved_ms);
  CHECK(van.fate(saved).hi_ms >= saved_ms);
  CHECK(world.invariants_hold());
}
