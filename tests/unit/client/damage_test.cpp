// A damaged copy costs the copy, never the work nor the command: wherever the damage is met, and whatever it looks
// like.
#include <filesystem>
#include <fstream>

#include "support/catch.hpp"
#include "support/persist.hpp"
#include "tern/sync/sla_clock.hpp"
#include "unit/client/client_desk.hpp"

using namespace tern;
using namespace tern::test;

TEST_CASE("a damaged or deleted replica is made anew and the outbox is kept", "[client][replica]") {
  const NothingFails calm;
  ClientDesk desk;
  std::vector<TicketId> tickets;
  for (int i = 0; i < 40; ++i) {
    tickets.push_back(desk.colleagues_ticket("ann", "pump " + std::to_string(i), std::string(900, 'x')));
  }
  desk.pull();
  const TicketId mine = desk.save(desk.create("mine")).ticket;
  desk.save(desk.message(tickets[3], "note"));
  desk.close();

  SECTION("deleted") {
    Replica::destroy(desk.replica_path(), {});
  }
  SECTION("the first page is damaged") {
    std::fstream file(desk.replica_path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(100);
    file.write("damage, damage, damage", 22);
  }
  SECTION("cut in half") {
    std::filesystem::resize_file(desk.replica_path(), std::filesystem::file_size(desk.replica_path()) / 2);
  }
  desk.reopen();
  ClientDesk& again = desk;
  const auto list = must(again.views->list({}));  // found at the latest here
  const auto view = again.show(mine);
  CHECK(view.row.subject == "mine");
  CHECK(must(again.outbox->pending(0, std::nullopt)).size() == 2);
  CHECK(list.rows.size() <= 42);
  again.pull();
  CHECK(must(again.views->list({})).rows.size() == 41);
  CHECK(must(again.replica->messages(tickets[3])).size() == 1);
}

TEST_CASE("damage that is found while reading costs the copy, not the work", "[client][replica]") {
  const NothingFails calm;
  if (!sqlite::encryption_available()) return;  // without page checksums not every damage shows
  ClientDesk desk;
  for (int i = 0; i < 400; ++i) desk.colleagues_ticket("ann", "pump " + std::to_string(i), std::string(900, 'x'));
  desk.pull();
  const auto damage = [&desk] {
    desk.close();
    {
      std::fstream file(desk.replica_path(), std::ios::in | std::ios::out | std::ios::binary);
      const auto size = std::filesystem::file_size(desk.replica_path());
      REQUIRE(size > 400'000);
      for (std::uintmax_t at = 150'000; at < size; at += 1024) {
        file.seekp(static_cast<std::streamoff>(at));
        file.put('!');
      }
    }
    desk.reopen();
  };
  SECTION("by opening, which folds pending work") {
    const TicketId mine = desk.save(desk.create("mine")).ticket;
    damage();
    CHECK(desk.show(mine).row.subject == "mine");
  }
  SECTION("by a view, which answers all the same") {
    damage();
    CHECK(must(desk.views->list({})).rows.empty());
  }
  SECTION("by a page, which ends; the next round begins anew") {
    damage();
    const auto applier = desk.replica->begin_page(desk.page(), *desk.outbox);
    Result<bool> applied = true;
    while (applied && *applied) applied = applier->apply(50);
    REQUIRE_FALSE(applied);
    CHECK(applied.error().code == ErrorCode::storage_failed);
    CHECK_FALSE(must(applier->apply(50)));
  }
  SECTION("by a command, which is saved all the same") {
    damage();
    const TicketId mine = desk.save(desk.create("mine")).ticket;
    CHECK(must(desk.outbox->own_changes(mine)).size() == 1);
    CHECK(must(desk.views->list({})).rows.size() == 1);
  }
  CHECK(must(desk.replica->cursor()).commit_seq == 0);
  desk.pull();
  client::ListFilter all;
  all.limit = 500;
  CHECK(must(desk.views->list(all)).rows.size() >= 400);
  CHECK(desk.replica->database().integrity_check());
}

TEST_CASE("whichever page is damaged, opening, looking, working and pulling go on", "[client][replica]") {
  const NothingFails calm;
  if (!sqlite::encryption_available()) return;  // without page checksums not every damage shows
  ClientDesk desk;
  std::vector<TicketId> tickets;
  for (int i = 0; i < 40; ++i) {
    tickets.push_back(desk.colleagues_ticket("ann", "pump " + std::to_string(i), std::string(700, 'x')));
    Change message = desk.by("ann", Intent::message, tickets.back());
    message.text = "word" + std::to_string(i);
    message.visibility = sync::Visibility::team;
    desk.commit("ann", message);
  }
  desk.add_operator("ann");
  desk.pull();
  must(desk.replica->index_words());
  desk.save(desk.message(tickets[3], "note"));
  std::size_t saved = must(desk.outbox->pending(0, std::nullopt)).size();
  desk.close();
  const std::filesystem::path sound = desk.dir.file("sound.db");
  std::filesystem::copy_file(desk.replica_path(), sound);
  const auto pages = std::filesystem::file_size(sound) / 4096;
  REQUIRE(pages > 30);
  for (std::uintmax_t page = 0; page < pages; ++page) {
    INFO("page " << page + 1 << " of " << pages);
    desk.close();
    Replica::destroy(desk.replica_path(), {});
    std::filesystem::copy_file(sound, desk.replica_path());
    {
      std::fstream file(desk.replica_path(), std::ios::in | std::ios::out | std::ios::binary);
      file.seekp(static_cast<std::streamoff>(page * 4096 + 700));
      file.write("damage", 6);
    }
    desk.reopen();
    if (page % 2 == 0) must(desk.views->list({}));
    if (page % 3 == 0) desk.search("word7");
    desk.save(desk.create("mine"));
    CHECK(must(desk.outbox->pending(0, std::nullopt)).size() == ++saved);
    (void)desk.commands->find_ticket("T-2023-1001");
    auto all = desk.page();
    v1::TicketClock& clock = *all->add_clocks();
    clock.set_ticket_id(Bytes(tickets[7].view()));
    sync::SlaClock due;
    due.cycles.emplace_back().due = 1'800'000'000;
    clock.set_clock(sync::encode_sla_clock(due));
    auto applier = desk.replica->begin_page(std::move(all), *desk.outbox);
    Result<bool> applied = true;
    while (applied && *applied) applied = applier->apply(50);
    if (!applied) {  // the copy is empty now; the next round begins at its start
      REQUIRE(applied.error().field == "copy");
      desk.pull();
    }
    REQUIRE(must(desk.views->ticket(tickets[7])).timeline.size() == 2);
    REQUIRE(must(desk.replica->messages(tickets[3])).size() == 2);
  }
}

TEST_CASE("a row of the copy that cannot be read costs the copy, not the work", "[client][replica]") {
  const NothingFails calm;
  ClientDesk desk;
  const TicketId ticket = desk.colleagues_ticket("ann", "pump", "leaks at the seal");
  desk.add_operator("me");
  desk.pull();
  desk.save(desk.message(ticket, "note"));
  must(desk.replica->database().run("UPDATE ticket SET overlay = NULL, pending = 0"));
  SECTION("a ticket, found by opening") {
    must(desk.replica->database().run("UPDATE ticket SET state = x'00ff'"));
    desk.reopen();
  }
  SECTION("a ticket, found by a view") {
    desk.reopen();
    must(desk.replica->database().run("UPDATE ticket SET state = x'00ff', overlay = NULL"));
    CHECK(desk.show(ticket).row.ghost);
  }
  SECTION("a ticket, found by a view between two slices of a page") {
    for (int i = 0; i < 4; ++i) desk.colleagues_ticket("ann", "door", "sticks");
    desk.reopen();
    const auto applier = desk.replica->begin_page(desk.page(), *desk.outbox);
    CHECK(must(applier->apply(1)));
    must(desk.replica->database().run("UPDATE ticket SET state = x'00ff', overlay = NULL"));
    CHECK(desk.show(ticket).row.ghost);
    const auto applied = applier->apply(50);
    REQUIRE_FALSE(applied);
    CHECK(applied.error().field == "copy");
  }
  SECTION("a record, found by a command") {
    desk.reopen();
    must(desk.replica->database().run("UPDATE record SET data = x'00ff'"));
    CHECK_FALSE(desk.commands->find_record(static_cast<std::uint32_t>(sync::RecordKind::operator_), "ann"));
  }
  SECTION("the cursor, found by a page") {
    desk.reopen();
    must(desk.replica->set_meta("cursor", "nowhere"));
    const auto applier = desk.replica->begin_page(desk.page(), *desk.outbox);
    const auto applied = applier->apply(50);
    REQUIRE_FALSE(applied);
    CHECK(applied.error().field == "copy");
  }
  CHECK(must(desk.replica->cursor()).commit_seq == 0);
  CHECK(must(desk.outbox->pending(0, std::nullopt)).size() == 1);
  desk.pull();
  CHECK(desk.show(ticket).timeline.size() == 2);
  CHECK(must(desk.replica->records(sync::RecordKind::operator_)).size() == 1);
}
