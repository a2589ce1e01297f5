// Fold rules of append-only work, and of edits and deletes of messages.
#include "support/catch.hpp"
#include "support/fold_desk.hpp"

using namespace tern;
using namespace tern::sync;
using namespace tern::test;

namespace {

std::vector<std::string> texts(const std::vector<Message>& messages) {
  std::vector<std::string> found;
  for (const Message& message : messages) found.push_back(standing_text(message));
  return found;
}

struct Edited {
  FoldDesk desk;
  Draft message = desk.message("anna", at(10), "helo");
  Edited() { desk.commit(message); }
  [[nodiscard]] const std::string& shown() const { return standing_text(desk.message(message)); }
};

Draft attachment(FoldDesk& desk, std::string_view who, std::int64_t ms, std::string name) {
  Draft draft = desk.draft(who, Intent::attach, ms);
  draft.change.visibility = Visibility::team;
  draft.change.file_name = std::move(name);
  draft.change.content_hash = Bytes(32, 'h');
  return draft;
}

Draft report(FoldDesk& desk, std::string_view who, std::int64_t ms, std::string text) {
  Draft draft = desk.text(who, ms, Intent::on_site, std::move(text));
  draft.change.visibility = Visibility::open;
  draft.change.from_ms = ms - 3'600'000;
  draft.change.to_ms = ms;
  draft.change.file_name = "Jo Miller";
  draft.change.media_type = "image/png";
  draft.change.signature = "drawn";
  return draft;
}

}  // namespace

TEST_CASE("messages, sequential: appended and counted", "[sync][fold][messages]") {
  FoldDesk desk;
  CHECK(desk.commit(desk.message("anna", at(10), "a")) == Standing{Outcome::applied, Rule::append, {}, {}});
  desk.commit(desk.message("bert", at(11), "b", Visibility::restricted));
  Draft file = desk.text("anna", at(12), Intent::attach, "");
  file.change.visibility = Visibility::team;
  file.change.file_name = "pump.jpg";
  file.change.content_hash = Bytes(32, 'h');
  desk.commit(file);
  CHECK(texts(desk.messages()) == std::vector<std::string>{"a", "b", ""});
  CHECK(desk.message(file).kind == MessageKind::file);
  CHECK(desk.message(file).file_name == "pump.jpg");
  CHECK(desk.state().message_count == 3);
  CHECK(desk.state().updated_ms == at(12));
  CHECK(desk.equals_zero());
}

TEST_CASE("messages, concurrent: both stay, shown by order in both arrival orders", "[sync][fold][messages]") {
  for (const bool swapped : {false, true}) {
    FoldDesk desk;
    const Draft a = desk.message("anna", at(10), "a");
    const Draft b = desk.message("bert", at(11), "b");
    desk.commit(swapped ? b : a);
    desk.commit(swapped ? a : b);
    CHECK(texts(desk.messages()) == std::vector<std::string>{"a", "b"});
    CHECK(texts(desk.messages()) != std::vector<std::string>{desk.last_write({Intent::message}).text});
    CHECK(desk.outcome(a) == Outcome::applied);
    CHECK(desk.outcome(b) == Outcome::applied);
    CHECK(desk.amendments() == 0);
    CHECK(desk.equals_zero());
  }
}

TEST_CASE("attachments, sequential: appended", "[sync][fold][messages]") {
  FoldDesk desk;
  desk.commit(attachment(desk, "anna", at(10), "pump.jpg"));
  CHECK(desk.commit(attachment(desk, "bert", at(11), "valve.jpg")) == Standing{Outcome::applied, Rule::append, {}, {}});
  REQUIRE(desk.messages().size() == 2);
  CHECK(desk.messages()[0].file_name == "pump.jpg");
  CHECK(desk.messages()[1].kind == MessageKind::file);
  CHECK(desk.equals_zero());
}

TEST_CASE("attachments, concurrent: both stay, in both arrival orders", "[sync][fold][messages]") {
  for (const bool swapped : {false, true}) {
    FoldDesk desk;
    const Draft a = attachment(desk, "anna", at(10), "pump.jpg"), b = attachment(desk, "bert", at(11), "valve.jpg");
    desk.commit(swapped ? b : a);
    desk.commit(swapped ? a : b);
    const auto shown = desk.messages();
    REQUIRE(shown.size() == 2);  // by last write one would be left
    CHECK(shown[0].file_name == "pump.jpg");
    CHECK(shown[1].file_name == "valve.jpg");
    CHECK(desk.last_write({Intent::attach}).file_name == (swapped ? "pump.jpg" : "valve.jpg"));
    CHECK(desk.standing(a).rule == Rule::append);
    CHECK(desk.equals_zero());
  }
}

TEST_CASE("on-site results, sequential: appended with times and signature", "[sync][fold][messages]") {
  FoldDesk desk;
  desk.commit(report(desk, "anna", at(10), "seal replaced"));
  const Draft second = report(desk, "bert", at(12), "tested");
  CHECK(desk.commit(second) == Standing{Outcome::applied, Rule::append, {}, {}});
  CHECK(texts(desk.messages()) == std::vector<std::string>{"seal replaced", "tested"});
  const Message& shown = desk.message(second);
  CHECK(shown.kind == MessageKind::on_site);
  CHECK(shown.on_site == OnSite{at(11), at(12), {}, "Jo Miller", "image/png", "drawn"});
  CHECK(shown.file_name.empty());
  CHECK(desk.state().message_count == 2);
  CHECK(desk.state().first_response_ms == 0);  // who works there has not answered yet
  CHECK(desk.equals_zero());
}

TEST_CASE("on-site results, concurrent: both stay, in both arrival orders", "[sync][fold][messages]") {
  for (const bool swapped : {false, true}) {
    FoldDesk desk;
    const Draft a = report(desk, "anna", at(10), "seal replaced"), b = report(desk, "bert", at(11), "fuse replaced");
    desk.commit(swapped ? b : a);
    desk.commit(swapped ? a : b);
    // by last write one would be left
    CHECK(texts(desk.messages()) == std::vector<std::string>{"seal replaced", "fuse replaced"});
    CHECK(desk.last_write({Intent::on_site}).text == (swapped ? "seal replaced" : "fuse replaced"));
    CHECK(desk.outcome(a) == Outcome::applied);
    CHECK(desk.outcome(b) == Outcome::applied);
    CHECK(desk.amendments() == 0);
    CHECK(desk.equals_zero());
  }
}

TEST_CASE("on-site results: what was signed is neither edited nor deleted, and whoever tries is told",
          "[sync][fold][messages]") {
  FoldDesk desk;
  const Draft signed_for = report(desk, "anna", at(10), "seal replaced");
  desk.commit(signed_for);
  const Message before = desk.message(signed_for);
  for (const Intent intent : {Intent::edit_message, Intent::delete_message}) {
    const Standing standing = desk.commit(desk.on("boss", at(11), intent, signed_for.ref(), "all replaced"));
    CHECK(standing.outcome == Outcome::overtaken);
    CHECK(standing.rule == Rule::append);
    CHECK(desk.message(signed_for) == before);
  }
  CHECK(desk.equals_zero());
}

TEST_CASE("on-site results: one of a merged ticket is shown on the target", "[sync][fold][messages]") {
  FoldDesk desk;
  const Draft late = report(desk, "anna", at(12), "seal replaced");
  desk.commit(desk.to("boss", at(11), Intent::merge, "target"));
  CHECK(desk.commit(late).outcome == Outcome::redirected);
  CHECK(desk.message(late).on_site.signature == "drawn");
  CHECK(desk.equals_zero());
}

TEST_CASE("first response: the earliest public message by staff, whenever it arrives", "[sync][fold][messages]") {
  FoldDesk desk;
  const Draft offline = desk.message("anna", at(10), "on my way");
  desk.commit(desk.message("customer", at(9, 30), "help"));
  desk.commit(desk.message("bert", at(9, 40), "hm", Visibility::team));
  CHECK(desk.state().first_response_ms == 0);
  desk.commit(desk.message("bert", at(11), "hello"));
  CHECK(desk.state().first_response_ms == at(11));
  desk.commit(offline);
  CHECK(desk.state().first_response_ms == at(10));
  CHECK(desk.equals_zero());
}

TEST_CASE("time entries, sequential: appended", "[sync][fold][messages]") {
  FoldDesk desk;
  desk.commit(desk.text("anna", at(10), Intent::log_time, "drive", 30));
  CHECK(desk.commit(desk.text("anna", at(11), Intent::log_time, "repair", 45)) ==
        Standing{Outcome::applied, Rule::append, {}, {}});
  REQUIRE(desk.state().time_entries.size() == 2);
  CHECK(desk.state().time_entries[1].note == "repair");
  CHECK(desk.equals_zero());
}

TEST_CASE("time entries, concurrent: both stay in order, in both arrival orders", "[sync][fold][messages]") {
  for (const bool swapped : {false, true}) {
    FoldDesk desk;
    const Draft a = desk.text("anna", at(10), Intent::log_time, "drive", 30);
    const Draft b = desk.text("bert", at(11), Intent::log_time, "repair", 45);
    desk.commit(swapped ? b : a);
    desk.commit(swapped ? a : b);
    REQUIRE(desk.state().time_entries.size() == 2);  // by last write one would be left
    CHECK(desk.state().time_entries[0].note == "drive");
    CHECK(desk.state().time_entries[1].minutes == 45);
    CHECK(desk.last_write({Intent::log_time}).text == (swapped ? "drive" : "repair"));
    CHECK(desk.equals_zero());
  }
}

TEST_CASE("message edits, sequential: each replaces the one it saw", "[sync][fold][edits]") {
  Edited e;
  const Draft first = e.desk.on("anna", at(11), Intent::edit_message, e.message.ref(), "hello");
  CHECK(e.desk.commit(first) == Standing{Outcome::applied, Rule::sequential, {}, {}});
  e.desk.commit(e.desk.on("boss", at(12), Intent::edit_message, e.message.ref(), "Hello."));
  CHECK(e.shown() == "Hello.");
  CHECK(e.desk.outcome(first) == Outcome::applied);
  CHECK(e.desk.message(e.message).text == "helo");
  CHECK(e.desk.message(e.message).version == 4);
  CHECK(e.desk.equals_zero());
}

TEST_CASE("message edits, concurrent: the latest stands in both arrival orders", "[sync][fold][edits]") {
  for (const bool swapped : {false, true}) {
    Edited e;
    const Draft early = e.desk.on("anna", at(11), Intent::edit_message, e.message.ref(), "hello");
    const Draft late = e.desk.on("boss", at(12), Intent::edit_message, e.message.ref(), "Hello.");
    e.desk.commit(swapped ? late : early);
    e.desk.commit(swapped ? early : late);
    CHECK(e.shown() == "Hello.");
    CHECK((e.shown() != e.desk.last_write({Intent::edit_message}).text) == swapped);
    CHECK(e.desk.standing(early) == Standing{Outcome::superseded, Rule::message_edit, late.ref(), late.author});
    CHECK(e.desk.standing(late) == Standing{Outcome::applied, Rule::message_edit, {}, {}});
    CHECK(e.desk.consistent);
    CHECK(e.desk.equals_zero());
  }
}

TEST_CASE("message deletes, concurrent: delete wins over edit in both arrival orders", "[sync][fold][edits]") {
  for (const bool swapped : {false, true}) {
    Edited e;
    const Draft removal = e.desk.on("boss", at(11), Intent::delete_message, e.message.ref());
    const Draft edit = e.desk.on("anna", at(12), Intent::edit_message, e.message.ref(), "hello");
    e.desk.commit(swapped ? edit : removal);
    e.desk.commit(swapped ? removal : edit);
    // By last write the first order would show "hello".
    CHECK((e.desk.last_write({Intent::edit_message, Intent::delete_message}).intent == Intent::edit_message) ==
          !swapped);
    CHECK(is_deleted(e.desk.message(e.message)));
    CHECK(e.shown().empty());
    CHECK(e.desk.standing(edit) == Standing{Outcome::superseded, Rule::message_deleted, removal.ref(), removal.author});
    CHECK(e.desk.outcome(removal) == Outcome::applied);
    REQUIRE(e.desk.message(e.message).edits.size() == 1);
    CHECK(e.desk.message(e.message).edits[0].text == "hello");  // kept
    CHECK(e.desk.equals_zero());
  }
}

TEST_CASE("message deletes, sequential: a delete that saw the edit is no conflict, an edit after it changes nothing",
          "[sync][fold][edits]") {
  Edited e;
  const Draft edit = e.desk.on("anna", at(11), Intent::edit_message, e.message.ref(), "hello");
  e.desk.commit(edit);
  e.desk.commit(e.desk.on("boss", at(12), Intent::delete_message, e.message.ref()));
  CHECK(e.desk.outcome(edit) == Outcome::applied);
  CHECK(e.desk.commit(e.desk.on("anna", at(13), Intent::edit_message, e.message.ref(), "again")).rule ==
        Rule::message_deleted);
  CHECK(e.shown().empty());
  CHECK(e.desk.equals_zero());
}

TEST_CASE("replies: one that had not seen a customer's message before it is withheld until it is sent",
          "[sync][fold][messages]") {
  FoldDesk desk;
  const Draft reply = desk.message("anna", at(11), "Tomorrow.");
  const Draft note = desk.message("anna", at(11), "call them", Visibility::team);
  Draft file = attachment(desk, "anna", at(11), "plan.pdf");
  file.change.visibility = Visibility::open;
  const Draft before = desk.message("bert", at(9, 30), "Hello.");
  desk.commit(desk.message("customer", at(10), "not tomorrow"));
  CHECK(desk.commit(reply) == Standing{Outcome::applied, Rule::unseen_customer, {}, {}});
  CHECK(desk.commit(note).rule == Rule::append);
  CHECK(desk.commit(before).rule == Rule::append);
  desk.commit(file);
  CHECK(desk.message(reply).withheld);
  CHECK(desk.message(file).withheld);
  CHECK_FALSE(desk.message(note).withheld);
  CHECK_FALSE(desk.message(before).withheld);
  CHECK(desk.state().first_response_ms == at(9, 30));  // its time counts
  CHECK(decode_message(encode_message(desk.message(reply))).value() == desk.message(reply));
  CHECK(desk.commit(desk.message("anna", at(12), "I see.")).rule == Rule::append);
  CHECK(desk.commit(desk.on("anna", at(12), Intent::edit_message, reply.ref(), "On Friday.")).outcome ==
        Outcome::applied);
  CHECK(desk.message(reply).withheld);
  CHECK(desk.commit(desk.on("anna", at(12), Intent::send_message, reply.ref())).outcome == Outcome::applied);
  CHECK_FALSE(desk.message(reply).withheld);
  CHECK(desk.equals_zero());
}

TEST_CASE("replies: what was sent before the customer's message arrived is not called back", "[sync][fold][messages]") {
  FoldDesk desk;
  const Draft question = desk.message("customer", at(10), "not tomorrow");
  const Draft reply = desk.message("anna", at(11), "Tomorrow.");
  CHECK(desk.commit(reply).rule == Rule::append);
  desk.commit(question);
  CHECK_FALSE(desk.message(reply).withheld);
  CHECK(desk.standing(reply).rule == Rule::append);
  CHECK(desk.amendments() == 0);
  CHECK(desk.equals_zero());
}
