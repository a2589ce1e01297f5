// Quick replies, macros and articles on a device that has no network.
#include "tern/sync/list_view.hpp"
#include "unit/client/client_desk.hpp"

namespace tern::test {
namespace {

class LibraryDesk : public ClientDesk {
public:
  sync::Record& add(sync::RecordKind kind, const std::string& name, std::map<std::string, std::string> attributes) {
    add_record(kind, name);
    records.back().attributes = std::move(attributes);
    return records.back();
  }
};

std::vector<std::string> titles(const std::vector<client::Article>& articles) {
  std::vector<std::string> out;
  for (const client::Article& article : articles) out.push_back(article.title);
  return out;
}

}  // namespace

TEST_CASE("a quick reply is found by its shortcut, one's own first, or by its name", "[client][views]") {
  LibraryDesk desk;
  desk.add(sync::RecordKind::quick_reply, "On our way", {{"content", "We are coming."}, {"shortcut", "omw"}});
  desk.add(sync::RecordKind::quick_reply, "My way", {{"content", "I am coming."}, {"shortcut", "OMW"}}).refs = {
      RecordId::or_zero(desk.identity.operator_id.view())};
  desk.add(sync::RecordKind::quick_reply, "Goodbye", {{"content", "Bye."}});
  desk.pull();
  const auto all = must(desk.views->quick_replies());
  REQUIRE(all.size() == 3);
  CHECK(all[0].name == "Goodbye");
  CHECK(all[1].personal);
  CHECK(must(desk.views->quick_reply("omw")).content == "I am coming.");
  CHECK(must(desk.views->quick_reply("on our")).content == "We are coming.");
  CHECK(desk.views->quick_reply("nothing").error().code == ErrorCode::not_found);
  CHECK(client::to_json(all[0])["shortcut"].is_null());
  desk.add(sync::RecordKind::quick_reply, "Goodbye", {{"content", "So long."}}).refs = {
      RecordId::or_zero(desk.identity.operator_id.view())};
  desk.pull();
  CHECK(must(desk.views->quick_reply("goodbye")).content == "So long.");
}

TEST_CASE(
    "views that are always there come first, then those of the desk by folder, place and name, and one's own goes "
    "before another's",
    "[client][views]") {
  LibraryDesk desk;
  desk.add_operator("ann");
  desk.add_operator("me");
  const TicketId pump = desk.colleagues_ticket("ann", "Pump leaks");
  const TicketId valve = desk.colleagues_ticket("ann", "A valve sticks");
  const TicketId old = desk.colleagues_ticket("ann", "Old valve");
  Change urgent = desk.by("ann", Intent::set, pump);
  urgent.fields = {{FieldId::priority, {}, "4", false}};
  desk.commit("ann", urgent);
  desk.commit("me", desk.by("me", Intent::take, valve));
  desk.commit("ann", desk.by("ann", Intent::resolve, old));
  desk.add(sync::RecordKind::view, "Night", {{"folder", "Shifts"}, {"position", "2"}, {"priority", "urgent"}});
  desk.add(sync::RecordKind::view, "Zero", {{"folder", "shifts"}, {"position", "1"}});
  desk.add(sync::RecordKind::view, "Words",
           {{"text", "valve"}, {"status", "all"}, {"sort", "subject"}, {"order", "ascending"}});
  desk.add(sync::RecordKind::view, "night", {{"text", "pump"}}).refs = {
      RecordId::or_zero(desk.identity.operator_id.view())};
  desk.add(sync::RecordKind::view, "Newer", {{"colour", "ultraviolet"}});
  desk.pull();
  std::vector<std::string> names;
  for (const client::SavedView& view : must(desk.views->saved_views())) names.push_back(view.name);
  CHECK(names == std::vector<std::string>{"Mine", "Unassigned", "Overdue", "New over a day", "All open", "Words",
                                          "night", "Zero", "Night"});

  const auto subjects = [&](const char* name) {
    std::vector<std::string> out;
    for (const client::ListRow& row : must(desk.views->list(must(desk.views->saved_view(name)).filter)).rows)
      out.push_back(row.subject);
    return out;
  };
  CHECK(subjects("NIGHT") == std::vector<std::string>{"Pump leaks"});
  CHECK(subjects("words") == std::vector<std::string>{"A valve sticks", "Old valve"});
  CHECK(subjects("zer").size() == 2);
  CHECK(subjects("mine") == std::vector<std::string>{"A valve sticks"});
  CHECK(subjects("unassigned") == std::vector<std::string>{"Pump leaks"});
  CHECK(desk.views->saved_view("Newer").error().code == ErrorCode::invalid);
  CHECK(desk.views->saved_view("nothing").error().code == ErrorCode::not_found);
  const Json shown = client::to_json(must(desk.views->saved_view("words")));
  CHECK(shown["filter"]["text"] == Json("valve"));
  CHECK(shown["filter"]["descending"] == Json(false));
  CHECK(client::to_json(must(desk.views->saved_view("mine")))["uuid"].is_null());
}

TEST_CASE("articles are searched by words in title and text, those with all of them in the title first",
          "[client][views]") {
  LibraryDesk desk;
  desk.add(sync::RecordKind::kb_article, "Reset a meter",
           {{"content", "Hold the key."}, {"updated_ms", "1700000000000"}});
  desk.add(sync::RecordKind::kb_article, "Meters", {{"content", "How to reset one: see elsewhere."}});
  desk.add(sync::RecordKind::kb_article, "Насосы", {{"content", "Сброс счётчика"}, {"category", "Setup"}});
  desk.pull();
  const auto found = [&](const char* text) { return titles(must(desk.views->articles(text))); };
  using Titles = std::vector<std::string>;
  CHECK(found("").size() == 3);
  CHECK(found("RESET") == Titles{"Reset a meter", "Meters"});
  CHECK(found("reset met") == Titles{"Reset a meter", "Meters"});
  CHECK(found("met reset") == Titles{});  // only the last word may be a beginning
  CHECK(found("key meter") == Titles{"Reset a meter"});
  CHECK(found("сброс") == Titles{"Насосы"});
  CHECK(found("setup") == Titles{"Насосы"});
  CHECK(found("no such thing") == Titles{});
  const auto article = must(desk.views->article("reset a"));
  CHECK(article.content == "Hold the key.");
  CHECK(article.updated_ms == 1'700'000'000'000);
  CHECK(must(desk.views->article("#" + std::to_string(article.integer_id))).title == "Reset a meter");
  CHECK(desk.views->article("99").error().code == ErrorCode::not_found);
}

TEST_CASE("a macro is applied as one set of changes that comes back from the ledger as it was meant",
          "[client][commands]") {
  LibraryDesk desk;
  desk.add_operator("me");
  desk.add_record(sync::RecordKind::queue, "Depot");
  desk.add_record(sync::RecordKind::category, "Pumps");
  desk.add(sync::RecordKind::macro, "Part ordered",
           {{"content", "The part is on its way."},
            {"actions",
             "note for us\ntag Part\nset priority high\nset category Pumps\nqueue Depot\nassign me\nwatch\n"
             "hold part ordered"}});
  desk.pull();
  const TicketId ticket = desk.save(desk.create("Pump leaks")).ticket;
  const auto saved = must(desk.commands->apply_macro(ticket, "part"));
  CHECK(saved.size() == 9);
  const auto check_shown = [&] {
    const auto view = desk.show(ticket);
    CHECK(view.row.status == "on_hold");
    CHECK(view.hold_reason == "part ordered");
    CHECK(view.row.priority == "high");
    CHECK(view.row.category == "Pumps");
    CHECK(view.row.queue == "Depot");
    CHECK(view.tags == std::vector<std::string>{"part"});
    CHECK(view.watchers.size() == 1);
    std::vector<std::string> texts;
    for (const auto& entry : view.timeline)
      if (entry.what == "message") texts.push_back(entry.visibility + ": " + entry.text);
    CHECK(texts == std::vector<std::string>{"public: The part is on its way.", "team: for us"});
  };
  check_shown();
  CHECK(desk.seal() == 1);
  desk.push();
  desk.pull();
  check_shown();
}

TEST_CASE("F041: tickets that are new for more than a working day are a view", "[client][views]") {
  constexpr std::int64_t h_ms = 3'600'000, day_ms = 24 * h_ms;
  constexpr std::int64_t friday = 1'780'617'600'000;  // 2026-06-05T00:00Z
  using sync::working_days_before;
  CHECK(working_days_before(friday + 9 * h_ms, 1) == friday - day_ms + 9 * h_ms);
  CHECK(working_days_before(friday + 3 * day_ms + 9 * h_ms, 1) == friday + 9 * h_ms);  // Monday
  CHECK(working_days_before(friday + day_ms + 9 * h_ms, 1) == friday);                 // Saturday: Friday's hours count
  CHECK(working_days_before(friday + 2 * day_ms + 9 * h_ms, 2) == friday - day_ms);
  CHECK(working_days_before(friday + 3 * day_ms, 5) == friday - 4 * day_ms);

  LibraryDesk desk;
  desk.add_operator("ann");
  desk.add_operator("me");
  desk.colleagues_ticket("ann", "Pump leaks");
  const TicketId taken = desk.colleagues_ticket("ann", "A valve sticks");
  desk.commit("ann", desk.by("ann", Intent::start, taken));
  desk.pull();
  const auto shown = [&] {
    std::vector<std::string> out;
    for (const auto& row : must(desk.views->list(must(desk.views->saved_view("new over a day")).filter)).rows)
      out.push_back(row.subject);
    return out;
  };
  CHECK(shown().empty());
  desk.env.advance(4 * day_ms);  // over any weekend
  CHECK(shown() == std::vector<std::string>{"Pump leaks"});
  client::ListFilter filter;
  for (const char* age : {"0", "x", "366", "1d"}) {
    filter.age = age;
    CHECK(desk.views->list(filter).error().field == "age");
  }
}

TEST_CASE("of a macro nothing is saved when one of its steps is not possible or not allowed", "[client][commands]") {
  LibraryDesk desk;
  desk.add(sync::RecordKind::macro, "Resume", {{"actions", "tag again\nresume"}});
  desk.add(sync::RecordKind::macro, "Away", {{"actions", "tag away\nqueue Depot"}});
  desk.add(sync::RecordKind::macro, "Newer", {{"actions", "tag x\nteleport"}});
  desk.add(sync::RecordKind::macro, "Answer", {{"content", "Hello."}});
  desk.pull();
  const TicketId ticket = desk.save(desk.create("Pump leaks")).ticket;
  const auto refused = [&](const char* macro) {
    const auto done = desk.commands->apply_macro(ticket, macro);
    REQUIRE_FALSE(done.has_value());
    CHECK(desk.show(ticket).tags.empty());
    return done.error().code;
  };
  CHECK(refused("Resume") == ErrorCode::bad_transition);
  CHECK(refused("Away") == ErrorCode::not_found);
  CHECK(refused("Newer") == ErrorCode::invalid);
  CHECK(refused("Nothing") == ErrorCode::not_found);
  CHECK(must(desk.views->macros()).size() == 4);

  LibraryDesk light;
  light.add_operator("me", "light");
  light.add(sync::RecordKind::macro, "Answer", {{"content", "Hello."}});
  const TicketId theirs = light.colleagues_ticket("bob", "Pump leaks");
  light.pull();
  CHECK(light.commands->apply_macro(theirs, "Answer").error().code == ErrorCode::not_permitted);
  for (const auto& entry : light.show(theirs).timeline) CHECK(entry.what != "message");
}

TEST_CASE("a step of a macro fills what a later one needs, and without it nothing is saved", "[client][commands]") {
  LibraryDesk desk;
  desk.add(sync::RecordKind::custom_field, "meter_no", {{"type", "number"}, {"required", "1"}});
  desk.add(sync::RecordKind::macro, "Filled", {{"actions", "set meter_no 12\nresolve"}});
  desk.add(sync::RecordKind::macro, "Not filled", {{"actions", "tag done\nresolve"}});
  const TicketId theirs = desk.colleagues_ticket("ann", "Pump leaks");
  desk.pull();
  const auto refused = desk.commands->apply_macro(theirs, "Not filled");
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().field == "meter_no");
  CHECK(desk.show(theirs).tags.empty());
  REQUIRE(desk.commands->apply_macro(theirs, "Filled"));
  CHECK(desk.show(theirs).row.status == "resolved");
}

}  // namespace tern::test
