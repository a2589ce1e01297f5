// What an agent reads: lists, one ticket, search, what needs attention, and the story of each change.
#include <algorithm>

#include "search/words.hpp"
#include "support/catch.hpp"
#include "tern/protocol/statements.hpp"
#include "unit/client/client_desk.hpp"
#include "views/time_text.hpp"

using namespace tern;
using namespace tern::test;
using client::ListFilter;
using client::Saved;

namespace {

std::vector<std::string> subjects(const client::ListPage& page) {
  std::vector<std::string> out;
  for (const auto& row : page.rows) out.push_back(row.subject);
  return out;
}

std::vector<std::string> listed(ClientDesk& desk, const ListFilter& filter) {
  auto found = subjects(must(desk.views->list(filter)));
  std::ranges::sort(found);
  return found;
}

using Names = std::vector<std::string>;

/// Tickets that differ in everything lists can be filtered by.
struct Listed : ClientDesk {
  Listed() {
    add_operator("ann");
    add_operator("me");
    add_record(sync::RecordKind::queue, "Field");
    add_record(sync::RecordKind::queue, "Depot");
    add_record(sync::RecordKind::category, "Pumps");
    pump = colleagues_ticket("ann", "pump leaks");
    env.advance(60'000);
    fan = colleagues_ticket("ann", "fan hums");
    env.advance(60'000);
    lamp = colleagues_ticket("ann", "Lamp broken");
    commit("ann", by("ann", Intent::start, pump));
    commit("ann", by("ann", Intent::resolve, fan));
    Change queue = by("ann", Intent::move_queue, pump);
    queue.target = Bytes(named<RecordId>("Field").view());
    commit("ann", queue);
    commit("ann", by("ann", Intent::take, lamp));
    Change urgent = by("ann", Intent::set, lamp);
    urgent.fields = {{FieldId::priority, {}, "4", false}};
    commit("ann", urgent);
    Change tag = by("ann", Intent::tag, fan);
    tag.label = "noise";
    commit("ann", tag);
    Change message = by("ann", Intent::message, lamp);
    message.text = "the ballast is gone, Größe 12";
    message.visibility = sync::Visibility::team;
    commit("ann", message);
    Change category = by("ann", Intent::set, pump);
    category.fields = {{FieldId::category, {}, Bytes(named<RecordId>("Pumps").view()), false}};
    commit("ann", category);
    pull();
  }
  TicketId pump, fan, lamp;
};

ListFilter with(std::string ListFilter::*member, std::string value, std::string status = "all") {
  ListFilter filter;
  filter.status = std::move(status);
  filter.*member = std::move(value);
  return filter;
}

}  // namespace

TEST_CASE("lists are filtered by status class, priority, queue, assignee, tag and text", "[client][views]") {
  Listed desk;
  const auto by_status = [](std::string status) { return with(&ListFilter::tag, {}, std::move(status)); };
  CHECK(listed(desk, {}) == Names{"Lamp broken", "pump leaks"});
  CHECK(listed(desk, by_status("active")) == listed(desk, {}));
  CHECK(listed(desk, by_status("all")).size() == 3);
  CHECK(listed(desk, by_status("in_progress")) == Names{"pump leaks"});
  CHECK(listed(desk, by_status("done")) == Names{"fan hums"});
  CHECK(listed(desk, by_status("todo")) == Names{"Lamp broken"});
  CHECK(listed(desk, with(&ListFilter::priority, "urgent")) == Names{"Lamp broken"});
  CHECK(listed(desk, with(&ListFilter::priority, "critical")) == Names{"Lamp broken"});
  CHECK(listed(desk, with(&ListFilter::queue, "field")) == Names{"pump leaks"});
  CHECK(listed(desk, with(&ListFilter::queue, "none")).size() == 2);
  CHECK(listed(desk, with(&ListFilter::assignee, "ann")) == Names{"Lamp broken"});
  CHECK(listed(desk, with(&ListFilter::assignee, "me")).empty());
  CHECK(listed(desk, with(&ListFilter::assignee, "none")).size() == 2);
  CHECK(listed(desk, with(&ListFilter::tag, "Noise")) == Names{"fan hums"});
  CHECK(listed(desk, with(&ListFilter::tag, "noi")).empty());
  CHECK(listed(desk, with(&ListFilter::text, "ballast")) == Names{"Lamp broken"});
  CHECK(listed(desk, with(&ListFilter::category, "pumps")) == Names{"pump leaks"});
  CHECK(listed(desk, with(&ListFilter::category, "none")).size() == 2);
}

TEST_CASE("the deadline of a task turns yellow and red, and lists are filtered by the colour", "[client][views]") {
  Listed desk;
  const std::int64_t hour = 3'600'000;
  const auto due = [&](const TicketId& ticket, std::int64_t at_ms) {
    Change set = desk.by("ann", Intent::set, ticket);
    set.fields = {{FieldId::due_at, {}, std::to_string(at_ms), false}};
    desk.commit("ann", set);
  };
  const auto colour = [&](const TicketId& ticket) { return desk.show(ticket).row.due_colour; };
  const auto of_colour = [&](const char* name) { return listed(desk, with(&ListFilter::colour, name)); };
  due(desk.pump, desk.env.wall_ms() + 8 * hour);
  due(desk.lamp, desk.env.wall_ms() + hour);
  due(desk.fan, desk.env.wall_ms() + hour);  // is done
  desk.pull();
  CHECK(colour(desk.pump) == "green");
  CHECK(of_colour("green") == Names{"Lamp broken", "pump leaks"});
  desk.env.advance(hour - 60'000);
  CHECK(colour(desk.lamp) == "yellow");
  desk.env.advance(120'000);
  CHECK(colour(desk.lamp) == "red");
  CHECK(of_colour("red") == Names{"Lamp broken"});
  CHECK(of_colour("green") == Names{"pump leaks"});
  CHECK(colour(desk.fan).empty());
  CHECK(of_colour("none") == Names{"fan hums"});
  desk.env.advance(6 * hour);
  CHECK(of_colour("yellow") == Names{"pump leaks"});
  ListFilter page = with(&ListFilter::colour, "none");
  page.colour = "red";
  page.limit = 1;
  CHECK(must(desk.views->list(page)).next.empty());
  CHECK(client::to_json(desk.show(desk.lamp))["due_colour"] == Json("red"));
  const auto refused = desk.views->list(with(&ListFilter::colour, "pink"));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().field == "colour");
}

TEST_CASE("words that no list knows are refused by name", "[client][views]") {
  Listed desk;
  const auto refused = [&](const ListFilter& filter) {
    const auto page = desk.views->list(filter);
    return page ? std::string("listed") : page.error().field;
  };
  CHECK(refused(with(&ListFilter::tag, {}, "sleeping")) == "status");
  CHECK(refused(with(&ListFilter::priority, "huge")) == "priority");
  CHECK(refused(with(&ListFilter::sort, "colour")) == "sort");
  CHECK(refused(with(&ListFilter::after, "zz")) == "after");
  CHECK(refused(with(&ListFilter::after, "00")) == "after");
  ListFilter many;
  many.limit = 501;
  CHECK(refused(many) == "limit");
  const auto unknown = desk.views->list(with(&ListFilter::queue, "Moon"));
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().code == ErrorCode::not_found);
  CHECK(unknown.error().hint.find("Depot") != std::string::npos);
}

TEST_CASE("pages follow each other without holes or repeats, in every order", "[client][views]") {
  ClientDesk desk;
  for (int i = 0; i < 23; ++i) {
    desk.colleagues_ticket("ann", (i % 2 == 0 ? "Ticket " : "ticket ") + std::to_string(i));
    desk.env.advance(i % 3 * 1000);
  }
  desk.pull();
  for (const char* sort : {"updated", "created", "priority", "number", "status", "subject", "assignee"}) {
    for (const bool descending : {true, false}) {
      ListFilter filter;
      filter.sort = sort;
      filter.descending = descending;
      const auto whole = subjects(must(desk.views->list(filter)));
      REQUIRE(whole.size() == 23);
      filter.limit = 5;
      std::vector<std::string> joined;
      int pages = 0;
      do {
        const auto page = must(desk.views->list(filter));
        for (const auto& row : page.rows) joined.push_back(row.subject);
        filter.after = page.next;
        ++pages;
      } while (!filter.after.empty() && pages < 20);
      CAPTURE(sort, descending);
      CHECK(joined == whole);
      CHECK(pages == 5);
    }
  }
  ListFilter filter;
  filter.limit = 5;
  filter.after = must(desk.views->list(filter)).next;
  filter.descending = false;
  CHECK_FALSE(desk.views->list(filter));
  filter.descending = true;
  filter.sort = "subject";
  CHECK_FALSE(desk.views->list(filter));  // a token belongs to its query
}

TEST_CASE("search finds words of subject, description and messages, each anywhere in the ticket", "[client][views]") {
  Listed desk;
  const auto found = [&](std::string_view words) { return subjects(must(desk.views->search(words, 50, {}))); };
  CHECK(found("lamp") == Names{"Lamp broken"});
  CHECK(found("lamp ballast") == Names{"Lamp broken"});
  CHECK(found("ball") == Names{"Lamp broken"});  // the beginning of a word
  CHECK(found("allast").empty());
  CHECK(found("größe") == Names{"Lamp broken"});
  CHECK(found("grosse").empty());
  CHECK(found("fan") == Names{"fan hums"});  // resolved ones too
  CHECK(found("lamp pump").empty());
  const TicketId mine = desk.save(desk.create("unsent words", "a zebra crossing")).ticket;
  CHECK(found("zebra") == Names{"unsent words"});
  desk.save(desk.set(mine, FieldId::subject, "other subject"));
  CHECK(found("unsent").empty());
  CHECK(found("other") == Names{"other subject"});
}

TEST_CASE("operators and punctuation in a search are plain", "[client][views]") {
  Listed desk;
  const auto found = [&](std::string_view words) { return must(desk.views->search(words, 50, {})).rows.size(); };
  CHECK(found("lamp OR pump") == 0);
  CHECK(found("lamp -broken") == 1);
  CHECK(found("\"lamp\" (broken)") == 1);
  CHECK(found("subject:lamp") == 0);
  CHECK(found("NEAR(lamp broken)") == 0);
  CHECK(found("lamp*\"^{}") == 1);
  CHECK(found("...") == 3);  // no word: nothing is narrowed
  for (const char* odd :
       {"a\xcc\x81", "\xe2\x80\x94x\xe2\x80\x94", "\xf0\x9f\x94\xa5", "\xef\xbc\xa1", "\xe2\x85\xa0\xe2\x84\x83"}) {
    CAPTURE(odd);
    const auto page = desk.views->search(odd, 50, {});
    CHECK((page || page.error().code == ErrorCode::invalid));
  }
  CHECK(desk.views->search("\xff", 50, {}).error().code == ErrorCode::invalid);
  CHECK_FALSE(desk.views->search("", 50, {}));
}

TEST_CASE("case and words are folded as people expect", "[client][views]") {
  CHECK(client::fold_case("ÄÖÜ ŠŽ ΑΩ ЁЖ Abc") == "äöü šž αω ёж abc");
  CHECK(client::search_terms("T-2026, ok") == std::vector<std::string>{"\"T\"", "\"2026\"", "\"ok\"*"});
  CHECK(client::search_terms("a b c d e f g h i j").size() == client::search_words_max);
}

TEST_CASE("times are RFC 3339 in UTC, near ones short", "[client][views]") {
  CHECK(client::rfc3339(0) == "1970-01-01T00:00:00.000Z");
  CHECK(client::rfc3339(1'709'164'799'999) == "2024-02-28T23:59:59.999Z");
  CHECK(client::rfc3339(1'709'164'800'000) == "2024-02-29T00:00:00.000Z");
  CHECK(client::rfc3339(-1) == "1969-12-31T23:59:59.999Z");
  CHECK(client::rfc3339(INT64_MAX) == "9999-12-31T23:59:59.999Z");
  CHECK(client::rfc3339(INT64_MIN) == "0000-01-01T00:00:00.000Z");
  CHECK(client::clock_text(3'600'000, 7'200'000) == "01:00 UTC");
  CHECK(client::clock_text(3'600'000, 90'000'000) == "1970-01-01 01:00 UTC");
}

TEST_CASE("a ticket shows its fields by name and its timeline in order", "[client][views]") {
  Listed desk;
  desk.save(desk.set(desk.lamp, FieldId::custom, "north", "site"));
  Change hold = desk.change(Intent::hold, desk.lamp);
  hold.text = "waiting for parts";
  desk.env.advance(3'600'000);
  desk.save(hold);
  const auto view = desk.show(desk.lamp);
  CHECK(view.row.assignee == "ann");
  CHECK(view.row.status == "on_hold");
  CHECK(view.hold_reason == "waiting for parts");
  CHECK(view.custom.at("site") == "north");
  CHECK(view.version == desk.ledger.tickets.at(desk.lamp).state.version);
  CHECK(std::ranges::find(view.possible_moves, "resume") != view.possible_moves.end());
  REQUIRE(view.timeline.size() == 6);
  CHECK(view.timeline.front().what == "create");
  CHECK(view.timeline.back().what == "hold");
  CHECK(view.timeline.back().saved == Saved::saved_here);
  CHECK(view.timeline.back().author == "me");
  CHECK(std::ranges::is_sorted(view.timeline, {}, &client::TimelineEntry::at_ms));

  const Json json = client::to_json(view);
  CHECK(json["status"].as_string() == "on_hold");
  CHECK(json["custom"]["site"].as_string() == "north");
  CHECK(json["timeline"].items().size() == 6);
  CHECK(json["uuid"].as_string() == to_uuid_text(desk.lamp.view()));
  CHECK(json["created_at"].as_string() == client::rfc3339(view.row.created_ms));
  CHECK(parse_json(to_text(json)));
}

TEST_CASE("a ticket's timeline tells of tags, watchers and links, and of what is taken away", "[client][views]") {
  Listed desk;
  const auto told = [&] {
    std::vector<std::string> out;
    for (const client::TimelineEntry& entry : desk.show(desk.fan).timeline)
      if (entry.what != "create" && entry.what != "resolve")
        out.push_back(entry.what + " " + entry.text + (entry.effective ? "" : ", without effect"));
    return out;
  };
  CHECK(told() == Names{"tag noise"});
  const auto mine = [&](Intent intent) {
    desk.env.advance(60'000);
    Change change = desk.change(intent, desk.fan);
    if (intent == Intent::untag) change.label = "noise";
    if (intent == Intent::watch) change.target = Bytes(named<OperatorId>("ann").view());
    if (intent == Intent::link) {
      change.target = Bytes(desk.pump.view());
      change.kind = static_cast<std::uint32_t>(*sync::link_kind_from_name("blocks"));
    }
    desk.save(change);
  };
  for (const Intent intent : {Intent::watch, Intent::pin, Intent::link}) mine(intent);
  const std::string pump = desk.show(desk.pump).row.number;
  CHECK(told() == Names{"tag noise", "watch ann", "link blocks " + pump});
  CHECK(desk.show(desk.fan).timeline.back().saved == Saved::saved_here);
  mine(Intent::untag);
  CHECK(told() == Names{"watch ann", "link blocks " + pump, "untag noise"});

  Change again = desk.by("ann", Intent::tag, desk.fan);
  again.label = "noise";
  again.seen_seq = 1;
  desk.env.advance(60'000);
  again.wall_ms = desk.env.wall_ms();
  desk.commit("ann", again);
  desk.sync();
  CHECK(told() == Names{"watch ann", "link blocks " + pump, "untag noise, without effect", "tag noise"});
}

TEST_CASE("a report from on site is shown with its times and who signed, to its author at once and to colleagues after",
          "[client][views]") {
  ClientDesk desk;
  desk.add_operator("ann");
  desk.add_operator("me");
  desk.add_record(sync::RecordKind::contact, "Mill Ltd");
  const TicketId pump = desk.colleagues_ticket("ann", "pump leaks");
  desk.pull();
  Change report = desk.by("me", Intent::on_site, pump);
  report.visibility = sync::Visibility::open;
  report.text = "seal replaced";
  report.from_ms = 1'790'000'000'000;
  report.to_ms = report.from_ms + 95 * 60'000;
  report.target = Bytes(named<RecordId>("Mill Ltd").view());
  report.media_type = "image/png";
  report.signature = std::string("\x89PNG\r\n\x1a\n drawn", 14);
  must(desk.commands->save({report}));
  const auto view = must(desk.views->ticket(pump));
  const auto line = std::ranges::find(view.timeline, std::string("on_site"), &client::TimelineEntry::what);
  REQUIRE(line != view.timeline.end());
  CHECK(line->text == "seal replaced");
  CHECK(line->visibility == "public");
  CHECK(line->saved == Saved::saved_here);
  REQUIRE(line->on_site);
  CHECK(line->on_site->from_ms == report.from_ms);
  CHECK(line->on_site->contact == "Mill Ltd");
  CHECK(line->on_site->signature == report.signature);
  const Json json = to_json(view);
  const Json& last = json["timeline"].items().back();
  CHECK(last["on_site"]["contact"].as_string() == "Mill Ltd");
  CHECK(last["on_site"]["signed_by"].is_null());
  CHECK(last["on_site"]["signature"].as_string() == "iVBORw0KGgogZHJhd24=");
  const auto history = must(desk.views->history(pump));
  REQUIRE(history.size() == 1);
  CHECK(history[0].intent == "on_site");
  CHECK(history[0].value == "95 min, signed by Mill Ltd");
  CHECK(subjects(must(desk.views->search("seal", 10, {}))) == Names{"pump leaks"});

  Change edit = desk.by("me", Intent::edit_message, pump);
  edit.targets = {line->change};
  edit.text = "all replaced";
  const auto offered = desk.commands->check_offered(edit);
  REQUIRE_FALSE(offered);
  CHECK(offered.error().code == ErrorCode::bad_transition);
  CHECK(offered.error().message == "a report from on site stays as it was signed");
}

TEST_CASE("two takes: the loser reads who was first, and what can be done", "[client][views]") {
  Listed desk;
  desk.env.advance(3'600'000);
  desk.commit("ann", desk.by("ann", Intent::take, desk.pump));
  desk.save(desk.change(Intent::take, desk.pump));
  CHECK(desk.show(desk.pump).row.assignee == "me");
  desk.sync();
  CHECK(desk.show(desk.pump).row.assignee == "ann");
  CHECK(desk.show(desk.pump).row.saved == Saved::needs_attention);

  const auto attention = desk.attention();
  REQUIRE(attention.size() == 1);
  const auto& entry = attention.front();
  CHECK(entry.outcome == sync::Outcome::overtaken);
  CHECK(entry.intent == "take");
  CHECK(entry.stands_value == "ann");
  CHECK(entry.sentence.starts_with("taken by ann at "));
  CHECK(entry.sentence.ends_with("before you were back online"));
  CHECK(entry.follow_ups.front().label == "take anyway");
  const Json json = client::to_json(entry);
  CHECK(json["outcome"].as_string() == "overtaken");
  CHECK(json["stands_value"].as_string() == "ann");
  CHECK(json["follow_ups"].items().size() == entry.follow_ups.size());
}

TEST_CASE("a value that does not stand is told with both values", "[client][views]") {
  Listed desk;
  desk.save(desk.set(desk.pump, FieldId::subject, "pump leaks oil"));
  desk.env.advance(60'000);
  Change theirs = desk.by("ann", Intent::set, desk.pump);
  theirs.seen_seq = 1;
  theirs.fields = {{FieldId::subject, {}, "pump broken", false}};
  desk.commit("ann", theirs);
  desk.save(desk.set(desk.lamp, FieldId::priority, "1"));
  Change alarm = desk.by("ann", Intent::set, desk.lamp);
  alarm.fields = {{FieldId::priority, {}, "4", false}};
  desk.commit("ann", alarm);
  desk.sync();

  const auto attention = desk.attention();
  REQUIRE(attention.size() == 2);
  CHECK(attention[1].field == "subject");
  CHECK(attention[1].value == "pump leaks oil");
  CHECK(attention[1].stands_value == "pump broken");
  CHECK(attention[1].stands_author == "ann");
  CHECK(attention[1].sentence.find("ann set it to 'pump broken'") == 0);
  CHECK(attention[1].follow_ups.front().label == "set mine again");
  CHECK(attention[0].value == "low");
  CHECK(attention[0].stands_value == "urgent");
  CHECK(attention[0].sentence.find("the higher priority stands: ann set it to urgent") == 0);

  must(desk.commands->dismiss(attention[0].change));
  CHECK(desk.attention().size() == 1);
  CHECK(must(desk.views->status()).needs_attention == 1);
}

TEST_CASE("an edit of the description says that it will be merged, until it is", "[client][views]") {
  Listed desk;
  Change edit = desk.change(Intent::describe, desk.pump);
  edit.text = "behind the boiler";
  desk.save(edit);
  const auto sentence = [&] { return must(desk.views->history(desk.pump)).front().sentence; };
  CHECK(sentence() == "saved here, not sent yet; it will be merged with what others wrote");
  desk.sync();
  CHECK(sentence().find("merged") == std::string::npos);
}

TEST_CASE("an overtaken move and a rejected change say why", "[client][views]") {
  Listed desk;
  desk.env.advance(60'000);
  desk.commit("ann", desk.by("ann", Intent::close, desk.pump));
  desk.env.advance(60'000);
  Change resolve = desk.change(Intent::resolve, desk.pump);
  resolve.text = "seal replaced";
  desk.save(resolve);
  desk.save(desk.message(desk.lamp, "forbidden"));
  desk.refuse = [](const Change& change) {
    return change.intent == Intent::message
               ? std::optional(std::pair(sync::Outcome::held, sync::ReasonCode::not_permitted))
               : std::nullopt;
  };
  desk.sync();
  const auto attention = desk.attention();
  REQUIRE(attention.size() == 2);
  CHECK(attention[0].outcome == sync::Outcome::held);
  CHECK(attention[0].sentence.find("held: ") == 0);
  CHECK(attention[1].outcome == sync::Outcome::overtaken);
  CHECK(attention[1].stands_value == "closed");
  CHECK(attention[1].sentence.find("resolve was not possible any more") != std::string::npos);
  CHECK(attention[1].sentence.find("kept as a note") != std::string::npos);
}

TEST_CASE("an amendment is shown again, with what the fold says now", "[client][views]") {
  Listed desk;
  const auto mine = desk.save(desk.set(desk.pump, FieldId::subject, "pump leaks oil")).ref;
  desk.sync();
  CHECK(desk.attention().empty());
  CHECK(must(desk.views->history(desk.pump)).front().sentence.find("confirmed, counted at ") == 0);

  Change late = desk.by("ann", Intent::set, desk.pump);
  late.seen_seq = 1;
  late.wall_ms += 5'000;
  late.fields = {{FieldId::subject, {}, "late subject", false}};
  desk.commit("ann", late);
  protocol::Amendment amendment;
  amendment.ticket = desk.pump;
  amendment.time_ms = desk.env.wall_ms();
  amendment.changes = {{{mine.device, mine.id},
                        static_cast<std::uint8_t>(sync::Outcome::applied),
                        static_cast<std::uint8_t>(sync::Outcome::superseded),
                        static_cast<std::uint16_t>(sync::Rule::latest_wins),
                        {late.ref.device, late.ref.id}}};
  const Bytes wire = protocol::sign_statement(amendment, desk.key).wire;
  must(desk.outbox->store_amendment(mine, wire));
  desk.pull();
  const auto attention = desk.attention();
  REQUIRE(attention.size() == 1);
  CHECK(attention[0].amended);
  CHECK(attention[0].outcome == sync::Outcome::applied);
  CHECK(attention[0].standing.outcome == sync::Outcome::superseded);
  CHECK(attention[0].stands_value == "late subject");
  CHECK(attention[0].sentence.find("first applied, then a change by ann arrived at ") == 0);
  CHECK(client::to_json(attention[0])["standing"].as_string() == "superseded");

  must(desk.commands->dismiss(mine));
  must(desk.outbox->store_amendment(mine, wire));  // the same one again is no news
  CHECK(desk.attention().empty());
}

TEST_CASE("status counts what is saved here, sent and confirmed", "[client][views]") {
  Listed desk;
  desk.save(desk.message(desk.pump, "one"));
  auto status = must(desk.views->status());
  CHECK(status.saved_here == 1);
  CHECK(status.oldest_pending_wall_ms == desk.env.wall_ms());
  CHECK(status.tickets == 3);
  CHECK(status.first_replica_complete);
  desk.seal();
  desk.push(false);
  status = must(desk.views->status());
  CHECK(status.saved_here == 0);
  CHECK(status.sent == 1);
  const Json json = client::to_json(status);
  CHECK(json["sent"].as_integer() == 1);
  CHECK(json["current_as_of"].is_null());
  CHECK(json["oldest_pending_at"].is_string());
}

TEST_CASE("a ticket shows when it was first answered, resolved and closed", "[client][views]") {
  ClientDesk desk;
  desk.add_operator("ann");
  const TicketId pump = desk.colleagues_ticket("ann", "pump leaks");
  std::vector<std::int64_t> when;
  for (const Intent intent : {Intent::message, Intent::resolve, Intent::close}) {
    desk.env.advance(60'000);
    Change change = desk.by("ann", intent, pump);
    change.wall_ms = desk.env.wall_ms();
    if (intent == Intent::message) change.visibility = sync::Visibility::open;
    if (intent == Intent::message) change.text = "on my way";
    desk.commit("ann", change);
    when.push_back(change.wall_ms);
  }
  desk.pull();
  const auto view = desk.show(pump);
  CHECK(std::vector{view.first_response_ms, view.resolved_ms, view.closed_ms} == when);
  const Json json = to_json(view);
  CHECK(json["first_response_at"].as_string() == client::rfc3339(when[0]));
  CHECK(json["closed_at"].as_string() == client::rfc3339(when[2]));
}

TEST_CASE("what was erased reads as erased, not as if it had never been there", "[client][views]") {
  ClientDesk desk;
  desk.add_operator("ann");
  const TicketId pump = desk.colleagues_ticket("ann", "pump leaks");
  const auto erased = [&](Intent intent, FieldId field = FieldId::unspecified, const std::string& key = {}) {
    Change change = desk.by("ann", intent, pump);
    change.body_erased = true;
    if (field != FieldId::unspecified) change.fields = {{field, key, std::nullopt, true}};
    desk.commit("ann", change);
  };
  erased(Intent::set, FieldId::subject);
  erased(Intent::set, FieldId::custom, "room");
  erased(Intent::resolve);
  desk.pull();
  const auto view = desk.show(pump);
  CHECK(view.erased == std::vector<std::string>{"subject", "custom:room", "result"});
  CHECK(view.resolved_ms > 0);
  const Json json = to_json(view);
  CHECK(json["erased"].items().size() == 3);
  CHECK_FALSE(json["resolved_at"].is_null());
  CHECK(json["first_response_at"].is_null());
}

TEST_CASE("what a customer thought of a resolution stands with the ticket and in its timeline, and no role says it",
          "[client][views]") {
  ClientDesk desk;
  desk.add_operator("ann");
  desk.add_operator("me", "supervisor");
  const TicketId pump = desk.colleagues_ticket("ann", "pump leaks");
  const Change done = desk.by("ann", Intent::resolve, pump);
  desk.commit("ann", done);
  desk.pull();
  CHECK_FALSE(desk.show(pump).csat);
  CHECK(to_json(desk.show(pump))["csat"].is_null());
  Change rating = desk.by("joe", Intent::rate, pump);
  rating.targets = {done.ref};
  rating.number = 4;
  rating.text = "quick";
  desk.commit("joe", rating);
  desk.pull();
  const auto view = desk.show(pump);
  REQUIRE(view.csat);
  CHECK(view.csat->score == 4);
  CHECK(view.csat->comment == "quick");
  const auto line = std::ranges::find(view.timeline, std::string("rate"), &client::TimelineEntry::what);
  REQUIRE(line != view.timeline.end());
  CHECK(line->text == "4 of 5: quick");
  CHECK(to_json(view)["csat"]["rating"] == Json(4));
  Change mine = desk.change(Intent::rate, pump);
  mine.targets = {done.ref};
  mine.number = 5;
  const auto offered = desk.commands->check_offered(mine);
  REQUIRE_FALSE(offered);
  CHECK(offered.error().code == ErrorCode::not_permitted);
}
