// The search index beside the rows it is about: edits, deletions, erasure, older files, damage.
#include <map>

#include "desk.hpp"
#include "store/tenant_internals.hpp"
#include "store/words.hpp"
#include "support/catch.hpp"
#include "support/files.hpp"
#include "support/must.hpp"
#include "support/older_schema.hpp"

using namespace tern;
using namespace tern::test;

namespace {

/// A ticket with a reply to the customer, a note of the team and one for few.
struct Talk {
  Talk() : van(desk.add_van(desk.add_operator("Ada", sync::Role::supervisor))), ticket(desk.new_ticket_id()) {
    create = van->create(ticket, "Насос течёт");
    create.text = "boiler room";
    reply = van->note(ticket, "gasket ordered", sync::Visibility::open);
    note = van->note(ticket, "customer angry");
    secret = van->note(ticket, "salary talk", sync::Visibility::restricted);
    van->send({create, reply, note, secret});
    van->pull();
  }

  Change edit(const Change& of, const std::string& text) {
    Change change = van->make(Intent::edit_message, ticket);
    change.targets = {of.ref};
    change.text = text;
    return change;
  }
  Change take_back(const Change& of) {
    Change change = van->make(Intent::delete_message, ticket);
    change.targets = {of.ref};
    return change;
  }
  /// Which rows a word stands in, by who reads them.
  std::vector<server::WordReaders> rows_of(const std::string& word) {
    std::vector<server::WordReaders> out;
    auto reader = desk.tenant->reader();
    auto rows = must(reader->db().query("SELECT rowid FROM words WHERE words MATCH $1 ORDER BY rowid",
                                        sqlite::Text{"\"" + word + "\""}));
    while (must(rows.step())) {
      CHECK(server::ticket_of_words(rows.int64(0)) == desk.state(ticket).integer_id);
      out.push_back(server::readers_of_words(rows.int64(0)));
    }
    return out;
  }
  bool finds(const std::string& word) { return !rows_of(word).empty(); }
  void damage(const std::string& sql) {
    must(desk.tenant->write([&](sqlite::Database& db) { return db.exec(sql); }));
  }
  std::string findings() {
    std::string all;
    for (const std::string& finding : desk.verify().findings) all += finding + "\n";
    return all;
  }

  Desk desk;
  std::unique_ptr<Van> van;
  TicketId ticket;
  Change create, reply, note, secret;
};

using Readers = std::vector<server::WordReaders>;
constexpr auto everybody = server::WordReaders::everybody, team = server::WordReaders::team,
               few = server::WordReaders::few;

}  // namespace

TEST_CASE("subject, description and messages are in the search index, each with who reads it", "[ingest][words]") {
  Talk t;
  CHECK(t.rows_of("НАСОС") == Readers{everybody});
  CHECK(t.rows_of("boiler") == Readers{everybody});
  CHECK(t.rows_of("gasket") == Readers{everybody});
  CHECK(t.rows_of("angry") == Readers{team});
  CHECK(t.rows_of("salary") == Readers{few});
  CHECK(t.findings() == "");
}

TEST_CASE("the search index follows edits, what is taken back, deletion and restoring", "[ingest][words]") {
  Talk t;
  t.van->send({t.edit(t.reply, "gasket fitted"), t.take_back(t.note),
               t.van->set(t.ticket, sync::FieldId::subject, "Pump stands")});
  CHECK_FALSE(t.finds("ordered"));
  CHECK(t.rows_of("gasket") == Readers{everybody});
  CHECK(t.rows_of("fitted") == Readers{everybody});
  CHECK_FALSE(t.finds("angry"));
  CHECK_FALSE(t.finds("насос"));
  CHECK(t.finds("stands"));
  CHECK(t.findings() == "");

  t.van->pull();
  t.van->send({t.van->note(t.ticket, "written with it"), t.van->make(Intent::delete_ticket, t.ticket)});
  for (const char* word : {"gasket", "stands", "boiler", "salary", "written"}) CHECK_FALSE(t.finds(word));
  CHECK(t.findings() == "");
  t.van->pull();
  t.van->send(t.van->note(t.ticket, "written meanwhile"));
  CHECK_FALSE(t.finds("meanwhile"));
  t.van->pull();
  t.van->send({t.van->make(Intent::restore, t.ticket), t.edit(t.reply, "gasket glued")});
  for (const char* word : {"glued", "stands", "boiler", "salary", "written", "meanwhile"}) CHECK(t.finds(word));
  CHECK_FALSE(t.finds("fitted"));
  CHECK(t.findings() == "");
  t.desk.reopen();
  CHECK(t.findings() == "");
}

TEST_CASE("verify on a connection that knows the search index of before finds no damage in that of now",
          "[ingest][words]") {
  Talk t;
  CHECK(t.findings() == "");
  t.van->send({t.van->make(Intent::delete_ticket, t.ticket)});
  CHECK(t.findings() == "");
}

TEST_CASE("messages that are edited together keep the words they share", "[ingest][words]") {
  Talk t;
  const Change second = t.van->note(t.ticket, "gasket came", sync::Visibility::open);
  t.van->send(second);
  t.van->pull();
  t.van->send({t.edit(t.reply, "gasket fitted"), t.edit(second, "gasket glued"), t.van->note(t.ticket, "gasket paid")});
  CHECK(t.rows_of("gasket") == Readers{everybody, everybody, team});
  CHECK(t.findings() == "");
}

TEST_CASE("erased words are in no page of the search index", "[ingest][words][erase]") {
  const NothingFails calm;
  Talk t;
  const Change said = t.van->note(t.ticket, "his WORDCANARY number");
  t.van->send(said);
  for (int i = 0; i < 40; ++i) t.van->send(t.van->note(t.ticket, "wordy " + std::to_string(i)));  // segments merge
  REQUIRE_FALSE(files_holding(t.desk.folder.path(), "canary").empty());
  must(persist(
      [&] { return server::erase(*t.desk.tenant, {said.ref}, t.desk.add_operator("Root", sync::Role::admin)); }));
  CHECK(files_holding(t.desk.folder.path(), "canary") == std::vector<std::string>{});
  CHECK(t.finds("wordy"));
  CHECK(t.findings() == "");
}

TEST_CASE("verify names a search index that is not what the texts say, and it can be made anew",
          "[ingest][words][verify]") {
  const std::pair<std::string, std::string> kinds[] = {
      {"INSERT INTO words (words) VALUES ('delete-all')", "the words that search finds it by are not"},
      {"INSERT INTO words (rowid, text) VALUES (4294967300, 'more')", "the words that search finds it by are not"},
      {"INSERT INTO words (rowid, text) VALUES (429496729700, 'stray')", "words of ticket 100, which has none"},
      {"UPDATE ticket SET listed = 7", "say: listed"},
      {"UPDATE ticket SET organisation = zeroblob(16), worked_ms = 3", "say: organisation, worked_ms"},
      {"UPDATE ticket SET first_response_ms = 3, resolved_ms = 3", "say: first_response_ms, resolved_ms"}};
  for (const auto& [sql, finding] : kinds) {
    Talk t;
    REQUIRE(t.findings() == "");
    t.damage(sql);
    INFO(sql);
    CHECK(t.findings().find(finding) != std::string::npos);
    CHECK(must(persist([&] { return server::rebuild_words(*t.desk.tenant, {}); })) == 1);
    CHECK(t.findings() == "");
    CHECK(t.rows_of("angry") == Readers{team});
  }
}

TEST_CASE("tickets of an older file know which way they came in once it was opened", "[ingest]") {
  const NothingFails calm;
  Talk t;
  t.damage(before_channels + "PRAGMA user_version = 29");
  t.desk.reopen();
  CHECK(t.findings() == "");
  const TicketId since = t.desk.new_ticket_id();  // work goes on meanwhile
  t.van->send(t.van->create(since, "made since"));
  const auto fill = [&] { return server::fill_channels(*t.desk.tenant, [](std::uint64_t) {}); };
  CHECK(must(persist_job(*t.desk.tenant, fill)) == 1);
  CHECK(t.findings() == "");
  CHECK(must(persist_job(*t.desk.tenant, fill)) == 0);
}

TEST_CASE("an older file gets its search index and the columns of lists when it is opened", "[ingest][words]") {
  const NothingFails calm;
  Talk t;
  const TicketId gone = t.desk.new_ticket_id();
  t.van->send({t.van->create(gone, "gone by then"), t.van->make(Intent::delete_ticket, gone)});
  t.damage(before_lists + "PRAGMA user_version = 11");
  t.desk.reopen();
  CHECK(t.findings() == "");
  CHECK_FALSE(t.finds("gasket"));
  const TicketId since = t.desk.new_ticket_id();  // work goes on meanwhile
  t.van->send({t.van->create(since, "made since"), t.edit(t.reply, "gasket fitted")});
  CHECK(t.findings() == "");
  CHECK(must(persist_job(*t.desk.tenant, [&] { return server::fill_lists(*t.desk.tenant, [](std::uint64_t) {}); })) ==
        3);
  CHECK(t.rows_of("fitted") == Readers{everybody});
  CHECK(t.rows_of("salary") == Readers{few});
  CHECK_FALSE(t.finds("ordered"));
  CHECK(t.findings() == "");
  CHECK(must(persist_job(*t.desk.tenant, [&] { return server::fill_lists(*t.desk.tenant, [](std::uint64_t) {}); })) ==
        0);
  t.van->send(t.take_back(t.reply));
  CHECK_FALSE(t.finds("fitted"));
  CHECK(t.findings() == "");
}

TEST_CASE("filling an older file goes on where it was stopped", "[ingest][words]") {
  const NothingFails calm;
  Talk t;
  t.van->send(t.van->create(t.desk.new_ticket_id(), "second"));
  must(persist([&] { return server::rebuild_words(*t.desk.tenant, {}); }));
  // Said to be behind the first ticket, it leaves that one alone.
  t.damage(
      "INSERT INTO words (words) VALUES ('delete-all'); UPDATE ticket SET listed = 0; DELETE FROM meta WHERE name = "
      "'lists_form'; INSERT INTO meta SELECT tenant_id, 'lists_to', x'0000000000000001' FROM meta WHERE name = "
      "'tenant'");
  t.desk.reopen();
  CHECK(must(persist_job(*t.desk.tenant, [&] { return server::fill_lists(*t.desk.tenant, [](std::uint64_t) {}); })) ==
        1);
  CHECK(t.findings().find("the words that search finds it by are not") != std::string::npos);
  CHECK_FALSE(t.finds("gasket"));
}
