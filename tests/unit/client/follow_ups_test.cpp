// What needs attention can be dealt with: each follow-up does what it says, and custom fields are those that are
// defined.
#include <algorithm>

#include "exchange/sync_state.hpp"
#include "follow_ups.hpp"
#include "support/catch.hpp"
#include "tern/sync/conflict.hpp"
#include "unit/client/client_desk.hpp"

using namespace tern;
using namespace tern::test;
using client::FollowedUp;

namespace {

/// A pump that ann took, which I took too, without having seen it.
struct TwoTakes : ClientDesk {
  explicit TwoTakes(const std::string& role = "operator") {
    add_operator("ann");
    add_operator("me", role);
    pump = colleagues_ticket("ann", "pump leaks");
    pull();
    env.advance(60'000);
  }
  client::HistoryEntry only_entry() {
    const auto entries = attention();
    REQUIRE(entries.size() == 1);
    return entries.front();
  }
  client::HistoryEntry both_take() {
    commit("ann", by("ann", Intent::take, pump));
    save(change(Intent::take, pump));
    sync();
    return only_entry();
  }
  /// Bert's, of then, which arrives now.
  sync::ChangeRef late_close(std::int64_t then_ms) {
    Change close = by("bert", Intent::close, pump);
    close.wall_ms = then_ms;
    close.seen_seq = 1;
    commit("bert", close);
    pull();
    REQUIRE(show(pump).row.status == "closed");
    return close.ref;
  }
  FollowedUp follow(const client::HistoryEntry& entry, const std::string& id, const std::string& reason = {}) {
    return must(commands->follow_up(entry.change, id, reason));
  }
  Change saved_change(const FollowedUp& done, std::size_t i = 0) {
    REQUIRE(done.saved.size() > i);
    return must(outbox->find(done.saved[i].ref)).value().change;
  }
  TicketId pump;
};

}  // namespace

TEST_CASE("every follow-up that the kernel offers is one that can be done", "[client][follow_ups]") {
  TwoTakes desk;
  const auto own = must(desk.outbox->find(desk.save(desk.message(desk.pump, "note")).ref)).value();
  for (const sync::IntentSpec& spec : sync::all_intents())
    for (int outcome = 1; outcome <= 7; ++outcome)
      for (int rule = 0; rule <= 22; ++rule)
        for (const std::string_view label : sync::follow_ups(
                 spec.intent, {static_cast<sync::Outcome>(outcome), static_cast<sync::Rule>(rule), {}, {}})) {
          const client::FollowUp made = client::make_follow_up(label, own.change.ref);
          INFO(made.id);
          const auto planned = client::plan_follow_up({*desk.replica, desk.identity}, own, made.id, {});
          REQUIRE((planned || planned.error().code != ErrorCode::usage));
          REQUIRE(made.id.find_first_of(" '") == std::string::npos);
          REQUIRE(made.command.find("tern attention ") == 0);
        }
  CHECK_FALSE(desk.commands->follow_up(own.change.ref, "no-such-thing", {}));
}

TEST_CASE("take anyway claims the ticket with a reason, and the entry is dealt with", "[client][follow_ups]") {
  TwoTakes desk;
  const auto entry = desk.both_take();
  CHECK(entry.follow_ups.front().id == "take-anyway");
  const FollowedUp done = desk.follow(entry, "take-anyway", "I stand in front of it");
  const Change claim = desk.saved_change(done);
  CHECK(claim.intent == Intent::assign);
  CHECK(claim.reason == "I stand in front of it");
  CHECK(desk.attention().empty());
  desk.sync();
  CHECK(desk.attention().empty());
  CHECK(desk.show(desk.pump).row.assignee == "me");
}

TEST_CASE("what is left to them is dealt with and nothing is written", "[client][follow_ups]") {
  TwoTakes desk;
  const FollowedUp done = desk.follow(desk.both_take(), "leave-it-to-them");
  CHECK(done.saved.empty());
  CHECK(done.rest == FollowedUp::Rest::nothing);
  CHECK(desk.attention().empty());
}

TEST_CASE("a value that did not stand is set again by one who has seen the other", "[client][follow_ups]") {
  TwoTakes desk;
  desk.save(desk.set(desk.pump, FieldId::subject, "pump leaks oil"));
  desk.env.advance(60'000);
  Change theirs = desk.by("ann", Intent::set, desk.pump);
  theirs.seen_seq = 1;
  theirs.fields = {{FieldId::subject, {}, "pump broken", false}};
  desk.commit("ann", theirs);
  desk.sync();
  const auto entry = desk.only_entry();
  desk.env.advance(60'000);
  const Change again = desk.saved_change(desk.follow(entry, "set-mine-again"));
  CHECK(again.ref != entry.change);
  CHECK(again.seen_seq == must(desk.replica->held(desk.pump))->version);
  desk.sync();
  CHECK(desk.show(desk.pump).row.subject == "pump leaks oil");
  CHECK(desk.attention().empty());
}

TEST_CASE("an overtaken resolve is done after all: reopened, then resolved", "[client][follow_ups]") {
  TwoTakes desk;
  desk.commit("ann", desk.by("ann", Intent::close, desk.pump));
  desk.env.advance(60'000);
  Change resolve = desk.change(Intent::resolve, desk.pump);
  resolve.text = "seal replaced";
  desk.save(resolve);
  desk.sync();
  const auto entry = desk.only_entry();
  REQUIRE(entry.follow_ups.front().id == "reopen-and-resolve");
  desk.env.advance(60'000);
  const FollowedUp done = desk.follow(entry, "reopen-and-resolve");
  CHECK(desk.saved_change(done, 0).intent == Intent::reopen);
  CHECK(desk.saved_change(done, 1).text == "seal replaced");
  desk.sync();
  CHECK(desk.show(desk.pump).row.status == "resolved");
  CHECK(desk.show(desk.pump).result == "seal replaced");
}

TEST_CASE("a late close is listed for whoever has the ticket, who may reopen it in one step", "[client][follow_ups]") {
  TwoTakes desk;
  const std::int64_t early_ms = desk.env.wall_ms();
  desk.env.advance(3'600'000);
  desk.save(desk.change(Intent::take, desk.pump));
  desk.sync();
  desk.commit("ann", desk.by("ann", Intent::start, desk.pump));
  desk.env.advance(60'000);
  desk.commit("ann", desk.by("ann", Intent::put_back, desk.pump));
  desk.env.advance(3'600'000);
  desk.pull();
  CHECK(desk.attention().empty());

  const sync::ChangeRef close = desk.late_close(early_ms);
  const auto entry = desk.only_entry();
  CHECK(entry.change == close);
  CHECK(entry.ticket == desk.pump);
  CHECK(entry.sentence.find("closed at ") == 0);
  CHECK(entry.sentence.find("arrived after 2 later moves") != std::string::npos);
  CHECK(must(desk.views->status()).needs_attention == 1);
  REQUIRE(entry.follow_ups.size() == 2);

  SECTION("reopened") {
    const FollowedUp done = desk.follow(entry, "reopen");
    CHECK(desk.saved_change(done).intent == Intent::reopen);
    desk.sync();
    CHECK(desk.show(desk.pump).row.status == "reopened");
  }
  SECTION("left as it is, also after a restart") {
    desk.follow(entry, "leave-it-as-it-is");
    desk.reopen();
  }
  SECTION("dismissed") {
    must(desk.commands->dismiss(entry.change));
  }
  CHECK(desk.attention().empty());
  CHECK(must(desk.views->status()).needs_attention == 0);
  CHECK_FALSE(desk.commands->dismiss(entry.change));
}

TEST_CASE("who closed a ticket late, or whose own moves alone it put aside, is not told twice",
          "[client][follow_ups]") {
  TwoTakes desk;
  const std::int64_t early_ms = desk.env.wall_ms();
  SECTION("closed it late") {
    desk.save(desk.change(Intent::take, desk.pump));
    desk.sync();
    desk.save(desk.change(Intent::close, desk.pump));
    desk.env.advance(3'600'000);
    for (const Intent intent : {Intent::start, Intent::put_back}) {
      desk.commit("ann", desk.by("ann", intent, desk.pump));
      desk.env.advance(60'000);
    }
    desk.sync();
    REQUIRE(desk.show(desk.pump).row.status == "closed");
  }
  SECTION("made all the moves that it put aside") {
    desk.env.advance(3'600'000);
    desk.save(desk.change(Intent::take, desk.pump));
    desk.save(desk.change(Intent::start, desk.pump));
    desk.sync();
    desk.late_close(early_ms);
  }
  CHECK(desk.attention().empty());  // receipt and amendment tell it
}

TEST_CASE("a close that was there before the moves it stands against is not listed", "[client][follow_ups]") {
  TwoTakes desk;
  desk.save(desk.change(Intent::take, desk.pump));
  desk.sync();
  desk.commit("ann", desk.by("ann", Intent::close, desk.pump));
  desk.env.advance(60'000);
  Change start = desk.by("bert", Intent::start, desk.pump);
  start.seen_seq = 1;
  CHECK(desk.commit("bert", start).outcome == sync::Outcome::overtaken);
  desk.pull();
  REQUIRE(desk.show(desk.pump).row.status == "closed");
  CHECK(desk.attention().empty());
}

TEST_CASE("what is held is released by whoever may, and asked for by a note of whoever may not",
          "[client][follow_ups]") {
  const bool supervisor = GENERATE(false, true);
  TwoTakes desk(supervisor ? "supervisor" : "operator");
  desk.refuse = [](const Change&) { return std::pair{sync::Outcome::held, sync::ReasonCode::not_permitted}; };
  desk.save(desk.message(desk.pump, "done at ten"));
  desk.sync();
  const auto entry = desk.only_entry();
  desk.refuse = nullptr;
  const Change asked = desk.saved_change(desk.follow(entry, "ask-a-supervisor-to-release-it"));
  if (supervisor) {
    CHECK(asked.intent == Intent::release);
    CHECK(asked.targets == std::vector{entry.change});
  } else {
    CHECK(asked.intent == Intent::message);
    CHECK(asked.text.find("Please release " + to_uuid_text(entry.change.device.view()) + ":") == 0);
    CHECK(asked.text.find("done at ten") != std::string::npos);
  }
  CHECK(desk.attention().empty());
}

TEST_CASE("a look changes nothing, and the entry stays", "[client][follow_ups]") {
  TwoTakes desk;
  desk.refuse = [](const Change&) { return std::pair{sync::Outcome::rejected, sync::ReasonCode::invalid}; };
  desk.save(desk.set(desk.pump, FieldId::subject, "x"));
  desk.sync();
  const auto entry = desk.only_entry();
  const FollowedUp done = desk.follow(entry, "do-it-again-differently");
  CHECK(done.rest == FollowedUp::Rest::look);
  CHECK(done.ticket == desk.pump);
  CHECK(desk.attention().size() == 1);
}

TEST_CASE("a notice is shown until it is dealt with, and the next one is shown again", "[client][views]") {
  ClientDesk desk;
  client::SyncState state;
  state.notice = "This device exists twice.";
  must(client::store_sync_state(*desk.outbox, state));
  CHECK(must(desk.views->status()).notice == state.notice);
  must(desk.commands->dismiss_notice());
  CHECK(must(desk.views->status()).notice.empty());
  state.notice = "The server was restored.";
  must(client::store_sync_state(*desk.outbox, state));
  CHECK(must(desk.views->status()).notice == state.notice);
}

TEST_CASE("a custom field is one that is defined, with a value of its type", "[client][commands]") {
  ClientDesk desk;
  const TicketId pump = desk.colleagues_ticket("ann", "pump");
  const auto set = [&](const std::string& name, const std::string& value) {
    return desk.commands->check_offered(desk.set(pump, FieldId::custom, value, name));
  };
  desk.pull();
  const auto none = set("site", "north");
  REQUIRE_FALSE(none);
  CHECK(none.error().hint.find("no custom fields are defined") != std::string::npos);

  desk.add_record(sync::RecordKind::custom_field, "site");
  desk.add_record(sync::RecordKind::custom_field, "meter_no");
  desk.add_record(sync::RecordKind::custom_field, "colour");
  desk.records[0].attributes = {{"type", "text"}};
  desk.records[1].attributes = {{"type", "number"}};
  desk.records[2].attributes = {{"type", "select"}, {"options", "red\ngreen"}};
  desk.pull();
  const auto unknown = set("sight", "north");
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().code == ErrorCode::invalid);
  CHECK(unknown.error().message == "there is no field 'sight'");
  CHECK(unknown.error().hint == "custom fields are: colour, meter_no, site");
  CHECK(set("site", "north"));
  CHECK(set("meter_no", "12.5"));
  CHECK_FALSE(set("meter_no", "twelve"));
  CHECK(set("colour", "red"));
  CHECK_FALSE(set("colour", "blue"));
}

TEST_CASE("a required custom field is not emptied, and one of a category is set on its tickets alone",
          "[client][commands]") {
  ClientDesk desk;
  desk.add_operator("ann");
  desk.add_record(sync::RecordKind::category, "Meters");
  desk.add_record(sync::RecordKind::category, "Lamps");
  desk.add_record(sync::RecordKind::custom_field, "site");
  desk.add_record(sync::RecordKind::custom_field, "meter_no");
  for (sync::Record& record : desk.records) {
    if (record.name == "Meters") record.attributes = {{"code", "mtr"}};
    if (record.name == "site") record.attributes = {{"type", "text"}, {"required", "1"}};
    if (record.name == "meter_no") record.attributes = {{"type", "number"}, {"required", "1"}, {"category", "mtr"}};
  }
  const TicketId pump = desk.colleagues_ticket("ann", "pump");
  desk.pull();
  const auto set = [&](const std::string& name, std::optional<Bytes> value) {
    return desk.commands->check_offered(desk.set(pump, FieldId::custom, std::move(value), name));
  };
  const auto categorise = [&](const char* name) {
    Change change = desk.by("ann", Intent::set, pump);
    change.fields = {{FieldId::category, {}, Bytes(named<RecordId>(name).view()), false}};
    desk.commit("ann", change);
    desk.pull();
  };
  CHECK(set("site", "north"));
  const auto emptied = set("site", std::nullopt);
  REQUIRE_FALSE(emptied);
  CHECK(emptied.error().field == "site");
  CHECK_FALSE(set("meter_no", "12"));
  categorise("Lamps");
  const auto elsewhere = set("meter_no", "12");
  REQUIRE_FALSE(elsewhere);
  CHECK(elsewhere.error().message == "meter_no is a field of the category mtr");
  CHECK(set("meter_no", std::nullopt));
  categorise("Meters");
  CHECK(set("meter_no", "12"));
  CHECK_FALSE(set("meter_no", std::nullopt));
}

TEST_CASE("what is required is asked of a new ticket and before one is resolved or closed, without a server",
          "[client][commands]") {
  ClientDesk desk;
  desk.add_operator("ann");
  desk.add_record(sync::RecordKind::category, "Meters");
  desk.add_record(sync::RecordKind::custom_field, "meter_no");
  for (sync::Record& record : desk.records) {
    if (record.name == "Meters") record.attributes = {{"required", "type"}};
    if (record.name == "meter_no") record.attributes = {{"type", "number"}, {"required", "1"}, {"category", "Meters"}};
  }
  const TicketId pump = desk.colleagues_ticket("ann", "pump");
  desk.pull();
  const auto field_of = [&](const Change& change) {
    const auto offered = desk.commands->check_offered(change);
    return offered ? std::string("none") : offered.error().field;
  };
  Change create;
  create.intent = Intent::create;
  create.fields = {{FieldId::subject, {}, Bytes("lamp"), false}};
  CHECK(field_of(create) == "none");
  create.fields.push_back({FieldId::category, {}, Bytes(named<RecordId>("Meters").view()), false});
  CHECK(field_of(create) == "type");
  create.fields.push_back({FieldId::type, {}, Bytes("bug"), false});
  CHECK(field_of(create) == "meter_no");
  create.fields.push_back({FieldId::custom, "meter_no", Bytes("12"), false});
  CHECK(field_of(create) == "none");

  const auto move = [&](Intent intent) {
    Change change;
    change.intent = intent;
    change.ticket = pump;
    return field_of(change);
  };
  CHECK(move(Intent::resolve) == "none");
  Change categorised = desk.by("ann", Intent::set, pump);
  categorised.fields = {{FieldId::category, {}, Bytes(named<RecordId>("Meters").view()), false}};
  desk.commit("ann", categorised);
  desk.pull();
  CHECK(move(Intent::resolve) == "type");
  CHECK(move(Intent::close) == "type");
  CHECK(move(Intent::start) == "none");
  REQUIRE(desk.commands->save({desk.set(pump, FieldId::type, Bytes("bug"), "")}));
  CHECK(move(Intent::resolve) == "meter_no");
  REQUIRE(desk.commands->save({desk.set(pump, FieldId::custom, Bytes("12"), "meter_no")}));
  CHECK(move(Intent::resolve) == "none");
}

TEST_CASE("a ticket was not made under a later subject, and a take is called a take", "[client][views]") {
  ClientDesk desk;
  desk.add_operator("ann");
  const TicketId pump = desk.colleagues_ticket("ann", "pump leaks");
  const TicketId mine = desk.save(desk.create("fan hums")).ticket;
  desk.sync();
  desk.commit("ann", desk.by("ann", Intent::take, pump));
  Change renamed = desk.by("ann", Intent::set, pump);
  renamed.fields = {{FieldId::subject, {}, "pump broken", false}};
  desk.commit("ann", renamed);
  desk.pull();
  const auto line = [&](const TicketId& ticket, const std::string& what) {
    for (const auto& entry : desk.show(ticket).timeline)
      if (entry.what == what) return entry.text;
    return std::string("no " + what);
  };
  CHECK(line(mine, "create") == "fan hums");
  desk.save(desk.set(mine, FieldId::subject, "fan stands still"));
  CHECK(line(mine, "create").empty());
  CHECK(line(pump, "create").empty());  // "pump broken" it was not
  CHECK(line(pump, "take") == "ann");
  CHECK(line(pump, "assign") == "no assign");
}

TEST_CASE("a ticket shows what was written to those merged into it, and the messages a split gave it",
          "[client][views]") {
  ClientDesk desk;
  desk.add_operator("ann");
  const TicketId pump = desk.colleagues_ticket("ann", "pump"), fan = desk.colleagues_ticket("ann", "fan"),
                 lamp = desk.colleagues_ticket("ann", "lamp");
  const auto note = [&](const TicketId& ticket, const std::string& text) {
    Change made = desk.by("ann", Intent::message, ticket);
    made.text = text;
    made.visibility = sync::Visibility::team;
    desk.commit("ann", made);
    return made.ref;
  };
  const auto mirror = [&](Intent intent, const TicketId& on, const TicketId& other) {
    Change made = desk.by("server", intent, on);
    made.target = Bytes(other.view());
    return made;
  };
  note(pump, "written to the pump");
  const sync::ChangeRef given = note(pump, "about the lamp");
  Change time = desk.by("ann", Intent::log_time, pump);
  time.number = 20;
  desk.commit("ann", time);
  Change split = mirror(Intent::split_from, lamp, pump);
  split.targets = {given};
  desk.commit("ann", split);
  desk.commit("ann", mirror(Intent::merge, pump, fan));
  desk.commit("ann", mirror(Intent::merged_from, fan, pump));
  desk.pull();
  const auto texts = [&](const TicketId& ticket) {
    std::vector<std::string> out;
    for (const auto& entry : desk.show(ticket).timeline)
      if (entry.what == "message") out.push_back(entry.text);
    return out;
  };
  CHECK(texts(fan) == std::vector<std::string>{"written to the pump", "about the lamp"});
  CHECK(desk.show(fan).minutes_logged == 20);
  CHECK(texts(lamp) == std::vector<std::string>{"about the lamp"});
}
