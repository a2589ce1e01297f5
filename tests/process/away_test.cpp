// Long without a network, and clocks that are wrong: the scenarios of tests/world with real programs, whose clocks a
// test moves. `tests/world/security_test.cpp` lists the security scenarios.
#include <time.h>

#include <cstdlib>

#include "process/load.hpp"
#include "support/process_clock.hpp"

namespace tern::test {
namespace {

std::int64_t ms_of(const Json& rfc3339) {
  tm parts{};
  const std::string& text = rfc3339.as_string();
  if (::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &parts) == nullptr) FAIL("no time: " << text);
  return static_cast<std::int64_t>(::timegm(&parts)) * 1000;
}

/// What became of a change that was just saved; `saved` is what its command printed.
Json fate(const DeviceProcess& device, const Json& saved) {
  for (const Json& entry : device({"history"}).lines())
    if (to_text(entry["change"]) == to_text(saved["change"])) return entry;
  FAIL("no such change in " << device.home());
  return {};
}

Json saved_by(const DeviceProcess& device, const Words& words) {
  return device(words).lines().front();
}

/// A server whose clock a test moves, with all that is started beside it.
struct MovedDesk {
  MovedDesk() {
    server.environment = clock.environment();
    server.start({"--quiet"});
  }
  void pass(std::int64_t ms) {
    CHECK(server.stop().exit_code == 0);
    clock.pass(ms);
    server.start({"--quiet"});
  }
  std::string ticket(const DeviceProcess& device, const std::string& subject) const {
    static_cast<void>(device.open_ticket(subject));
    device({"sync"});
    return device.number_of(subject);
  }
  TempDir folder;
  ProcessClock clock{folder.file("clock")};
  ServerProcess server{folder.file("server")};
};

}  // namespace

TEST_CASE("a device whose clock is wrong by 11 months syncs, and its work counts at the time it was done", "[away]") {
  const std::int64_t error_ms = GENERATE(-335 * day_ms, 335 * day_ms);
  MovedDesk desk;
  DeviceProcess van(desk.server, desk.folder.file("van"), "Ann");
  const DeviceProcess office(desk.server, desk.folder.file("office"), "Ben");
  const std::string number = desk.ticket(office, "meter");
  van({"sync"});
  ProcessClock wrong(desk.folder.file("wrong"));
  wrong.set_wall_by(error_ms);
  van.environment = wrong.environment();

  const Json first = saved_by(van, {"set", number, "subject", "meter read"});
  desk.pass(hour_ms);
  wrong.pass(hour_ms);
  office({"set", number, "subject", "meter broken"});
  const Json third = saved_by(van, {"note", number, "glass is cracked"});
  office({"sync"});
  van({"sync"});
  office({"sync"});
  for (const auto& [saved, ago_ms] : {std::pair{first, hour_ms}, {third, std::int64_t{0}}}) {
    const Json entry = fate(van, saved);
    CHECK(entry["outcome"].as_string() != "rejected");
    CHECK(std::abs(ms_of(entry["counted_at"]) + ago_ms - desk.clock.wall_ms()) < 60'000);
    CHECK(ms_of(entry["window"].items()[0]) <= ms_of(entry["counted_at"]));
    CHECK(ms_of(entry["counted_at"]) <= ms_of(entry["window"].items()[1]));
  }
  for (const DeviceProcess* device : {static_cast<const DeviceProcess*>(&van), &office})
    CHECK((*device)({"show", number}).line()["subject"].as_string() == "meter broken");  // it was later
  CHECK(std::abs(van({"status"}).line()["server_offset_ms"].as_integer() + error_ms) < 5'000);
  check_verified(desk.server);
}

TEST_CASE("500 changes are made offline and the third is forbidden: 499 land and one is explained", "[away][slow]") {
  MovedDesk desk;
  const DeviceProcess ann(desk.server, desk.folder.file("ann"), "Ann"),
      ben(desk.server, desk.folder.file("ben"), "Ben");
  const std::string number = desk.ticket(ben, "boiler");
  ann({"sync"});
  desk.server.admin(
      {"operator", "set", "Ann", "--role", "light"});  // may read and write notes, which Ann's device has not heard
  Json third;
  for (int i = 0; i < 500; ++i) {
    if (i == 2)
      third = saved_by(ann, {"take", number});
    else
      ann({"note", number, "reading " + std::to_string(i)});
  }
  CHECK(ann({"status"}).line()["saved_here"].as_integer() == 500);
  const Ended told = ann({"sync"});
  CHECK(told.exit_code == 7);
  CHECK(told.line()["needs_attention"].as_integer() == 1);

  std::size_t landed = 0;
  for (const Json& entry : ann({"history"}).lines()) landed += entry["outcome"].as_string() == "applied";
  CHECK(landed == 499);
  const Json entry = fate(ann, third);
  CHECK(entry["outcome"].as_string() == "rejected");
  CHECK(entry["reason"].as_string() == "not_permitted");
  CHECK(holds(entry["sentence"].as_string(), "Your role does not allow this"));
  const auto attention = ann({"attention"}).lines();
  REQUIRE(attention.size() == 1);
  CHECK(to_text(attention.front()["change"]) == to_text(third["change"]));
  ben({"sync"});
  const Json shown = ben({"show", number}).line();
  CHECK(shown["assignee"].is_null());
  std::size_t messages = 0;
  for (const Json& line : shown["timeline"].items()) messages += line["what"].as_string() == "message";
  CHECK(messages == 499);
  check_verified(desk.server);
}

TEST_CASE("a ticket is reassigned while its holder is offline: the new owner sees custody until that device has synced",
          "[away]") {
  MovedDesk desk;
  const DeviceProcess ann(desk.server, desk.folder.file("ann"), "Ann", "supervisor", "all"),
      ben(desk.server, desk.folder.file("ben"), "Ben");
  const DeviceProcess cas(desk.server, desk.folder.file("cas"), "Cas");
  const std::string number = desk.ticket(ann, "lift stands still");
  ann({"assign", number, "Ben"});
  for (const DeviceProcess* device : {&ann, &ben, &cas}) (*device)({"sync"});
  const Json note = saved_by(ben, {"note", number, "cable replaced"});
  ann({"assign", number, "Cas", "--reason", "Ben is out of reach"});
  ann({"sync"});

  const auto custody = [&](const DeviceProcess& device) { return device({"show", number}).line()["custody"]; };
  for (int i = 0; i < 2; ++i) {  // nobody else's syncing ends it
    cas({"sync"});
    REQUIRE(custody(cas).size() == 1);
    CHECK(holds(custody(cas).items()[0].as_string(), "Ben"));
    ann({"sync"});
  }
  ben({"sync"});  // hands in the note and hears of it; only the next request says that this was heard
  ben({"sync"});
  cas({"sync"});
  CHECK(custody(cas).size() == 0);
  CHECK(fate(ben, note)["outcome"].as_string() == "applied");
  const Json shown = cas({"show", number}).line();
  CHECK(shown["assignee"].as_string() == "Cas");
  CHECK(holds(to_text(shown["timeline"]), "cable replaced"));
  check_verified(desk.server);
}

TEST_CASE("somebody is away for 40 days, with work of the first day and of the last", "[away]") {
  MovedDesk desk;
  const DeviceProcess ann(desk.server, desk.folder.file("ann"), "Ann", "supervisor", "all"),
      ben(desk.server, desk.folder.file("ben"), "Ben");
  const std::string mine = desk.ticket(ann, "mine"), closing = desk.ticket(ann, "closing");
  for (const std::string& number : {mine, closing}) ann({"assign", number, "Ben"});
  ann({"sync"});
  ben({"sync"});
  const Json first_day = saved_by(ben, {"note", mine, "of the first day"}), started = saved_by(ben, {"start", closing});
  const std::int64_t first_ms = desk.clock.wall_ms();
  for (int days = 4; days <= 40; days += 4) {
    desk.pass(4 * day_ms);
    if (days == 4) {
      ann({"resolve", closing, "--result", "done by phone"});
      ann({"close", closing});
    }
    ann({"note", mine, "day " + std::to_string(days)});
    ann({"sync"});
  }
  const Json last_day = saved_by(ben, {"set", mine, "priority", "urgent"});
  ben({"sync"});
  ann({"sync"});

  CHECK(fate(ben, first_day)["outcome"].as_string() == "applied");
  CHECK(std::abs(ms_of(fate(ben, first_day)["counted_at"]) - first_ms) < 60'000);
  CHECK(fate(ben, last_day)["outcome"].as_string() == "applied");
  CHECK(std::abs(ms_of(fate(ben, last_day)["counted_at"]) - desk.clock.wall_ms()) < 60'000);
  CHECK(fate(ben, started)["outcome"].as_string() == "applied");  // it came before what Ann did
  CHECK(until([&] {  // closed for longer than a device keeps it; a job of the server says so
    ben({"sync"});
    return ben.tern({"show", closing}).exit_code == 3;
  }));
  CHECK(ann({"show", mine}).line()["priority"].as_string() == "urgent");
  ann({"read", "all"});  // what each of them has not read differs
  ben({"read", "all"});
  CHECK(to_text(ann({"show", mine}).line()["timeline"]) == to_text(ben({"show", mine}).line()["timeline"]));
  const OwnWork work = work_of(ben);
  CHECK(work.confirmed == work.all);
  CHECK(ledger_of(desk.server).doubled.empty());
  check_verified(desk.server);
}

TEST_CASE("on day 400, without any ceremony with keys, everything syncs and devices enrol", "[away][scenario-8]") {
  MovedDesk desk;
  const DeviceProcess van(desk.server, desk.folder.file("van"), "Ann");
  const std::string number = desk.ticket(van, "old ticket");
  desk.pass(400 * day_ms);
  van({"note", number, "still here"});
  const Ended told = van({"sync"});
  CHECK(told.exit_code == 7);  // both sides warn, once
  CHECK(holds(told.line()["notice"].as_string(), "key list is due"));
  CHECK(holds(desk.server.admin({"status"}).out, "key list is due"));
  CHECK(van({"sync"}).exit_code == 0);
  const DeviceProcess fresh(desk.server, desk.folder.file("fresh"), "Ben");
  CHECK(holds(fresh({"show", number}).out, "still here"));
  CHECK(van({"status"}).line()["saved_here"].as_integer() == 0);
  check_verified(desk.server);
}

TEST_CASE("clocks rewound by 5 h alter nothing of when work was received, and leave no window", "[away][scenario-1]") {
  MovedDesk desk;
  const DeviceProcess honest(desk.server, desk.folder.file("honest"), "Ann");
  DeviceProcess rewound(desk.server, desk.folder.file("rewound"), "Ben");
  const std::string one = desk.ticket(honest, "late one"), other = desk.ticket(rewound, "late other");
  desk.pass(8 * hour_ms);
  honest({"sync"});
  rewound({"sync"});
  const std::int64_t shown_ms = desk.clock.wall_ms();  // the anchors that both hold
  desk.pass(6 * hour_ms);
  ProcessClock back(desk.folder.file("back"));
  back.pass(14 * hour_ms);
  back.set_wall_by(-5 * hour_ms);
  back.set_boot_by(-5 * hour_ms);
  rewound.environment = back.environment();
  const std::int64_t made_ms = desk.clock.wall_ms();
  const Json in_time = saved_by(honest, {"resolve", one, "--result", "done"});
  const Json swears = saved_by(rewound, {"resolve", other, "--result", "in time, I swear"});
  honest({"sync"});
  rewound({"sync"});

  const Json truth = fate(honest, in_time), claim = fate(rewound, swears);
  for (const Json& entry : {truth, claim}) {
    CHECK(entry["outcome"].as_string() == "applied");
    CHECK(ms_of(entry["window"].items()[0]) >= shown_ms - 120'000);  // no anchor of before proves less
    CHECK(ms_of(entry["window"].items()[1]) <= desk.clock.wall_ms() + 1'000);
    CHECK(ms_of(entry["counted_at"]) >= ms_of(entry["window"].items()[0]));
  }
  CHECK(std::abs(ms_of(truth["counted_at"]) - made_ms) < 60'000);
  CHECK(ms_of(claim["counted_at"]) < made_ms - 4 * hour_ms);  // evidence, not proof: it did move, inside
  const auto tickets = desk.server.admin({"export"}).lines();
  REQUIRE(tickets.size() == 2);
  for (const Json& ticket : tickets) CHECK(ticket["status"].as_string() == "resolved");
  check_verified(desk.server);
}

TEST_CASE("the server's clock is a year ahead for a while: no time it gives out is", "[away][scenario-12]") {
  MovedDesk desk;
  ProcessClock right(desk.folder.file("right"));
  DeviceProcess van(desk.server, desk.folder.file("van"), "Ann");
  van.environment = right.environment();
  const std::string number = desk.ticket(van, "clock");
  const auto in_doubt = [&] {
    return desk.server.admin({"status"}).line()["rows"].items()[0]["clock_in_doubt"].as_bool();
  };
  CHECK_FALSE(in_doubt());
  desk.clock.set_wall_by(365 * day_ms);
  CHECK(in_doubt());
  const Json meanwhile = saved_by(van, {"note", number, "meanwhile"});
  van({"sync"});  // ingest goes on
  desk.clock.set_wall_by(-365 * day_ms);
  CHECK_FALSE(in_doubt());
  const Json afterwards = saved_by(van, {"note", number, "afterwards"});
  van({"sync"});
  for (const Json& saved : {meanwhile, afterwards}) {
    const Json entry = fate(van, saved);
    CHECK(entry["outcome"].as_string() == "applied");
    CHECK(ms_of(entry["counted_at"]) < right.wall_ms() + 60'000);
    CHECK(ms_of(entry["window"].items()[1]) < right.wall_ms() + 60'000);
  }
  CHECK(ms_of(fate(van, meanwhile)["counted_at"]) <= ms_of(fate(van, afterwards)["counted_at"]));
  check_verified(desk.server);
}

}  // namespace tern::test
