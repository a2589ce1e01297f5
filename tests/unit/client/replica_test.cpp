// replica.db: confirmed state, cursor and what is shown; always to be had again.
#include <algorithm>
#include <filesystem>

#include "support/catch.hpp"
#include "support/files.hpp"
#include "unit/client/client_desk.hpp"

using namespace tern;
using namespace tern::test;
using client::Saved;

namespace {

std::string shown_status(ClientDesk& desk, const TicketId& ticket) {
  return desk.show(ticket).row.status;
}

std::vector<std::string> listed_subjects(const client::ListPage& page) {
  std::vector<std::string> out;
  for (const auto& row : page.rows) out.push_back(row.subject);
  std::ranges::sort(out);
  return out;
}

client::ListPage search(ClientDesk& desk, const std::string& words) {
  return must(desk.views->search(words, 50, {}));
}

/// Everything in the file that could still be read by who has the key.
bool database_holds(const std::string& path, const std::string& text) {
  return file_holds(path, text) || file_holds(path + "-wal", text);
}

std::unique_ptr<v1::ExchangeResponse> left_page(ClientDesk& desk, const TicketId& ticket) {
  auto response = std::make_unique<v1::ExchangeResponse>();
  v1::Left& left = *response->add_left();
  left.set_ticket_id(Bytes(ticket.view()));
  left.set_commit_seq(desk.ledger.commit_seq);
  response->mutable_cursor()->set_epoch(Bytes(desk.ledger.epoch.view()));
  response->mutable_cursor()->set_commit_seq(desk.ledger.commit_seq);
  return response;
}

}  // namespace

TEST_CASE("a page is applied in slices; the cursor moves with the last of them", "[client][replica]") {
  ClientDesk desk;
  for (const char* subject : {"one", "two", "three", "four"}) desk.colleagues_ticket("ann", subject);
  auto applier = desk.replica->begin_page(desk.page(), *desk.outbox);
  CHECK(must(applier->apply(2)));
  CHECK(must(desk.replica->cursor()).commit_seq == 0);
  CHECK(must(desk.views->list({})).rows.size() == 2);  // a view reads between slices
  CHECK(must(applier->apply(2)));                      // what is left are the words
  CHECK(must(desk.replica->cursor()).commit_seq == 4);
  CHECK(must(desk.replica->cursor()).epoch == desk.ledger.epoch);
  CHECK_FALSE(must(applier->apply(2)));
  desk.reopen();
  CHECK(must(desk.views->list({})).rows.size() == 4);
  CHECK(must(desk.replica->progress()).complete);
}

TEST_CASE("the digest is that of the rows, whichever way they came", "[client][replica]") {
  ClientDesk desk;
  const TicketId one = desk.colleagues_ticket("ann", "one");
  desk.colleagues_ticket("ann", "two");
  desk.pull();
  desk.commit("ann", desk.by("ann", Intent::start, one));
  desk.pull();
  sync::ScopeDigest expected;
  for (const auto& [id, ticket] : desk.ledger.tickets) expected.add(id, ticket.state.version, 0);
  CHECK(must(desk.replica->digest()) == expected);
  desk.reopen();
  CHECK(must(desk.replica->digest()) == expected);  // counted from the rows

  SECTION("a change of rights changes every entry") {
    auto response = desk.page();
    response->mutable_checkpoint()->set_rights_version(7);
    desk.apply(std::move(response));
    sync::ScopeDigest under_new_rights;
    for (const auto& [id, ticket] : desk.ledger.tickets) under_new_rights.add(id, ticket.state.version, 7);
    CHECK(must(desk.replica->digest()) == under_new_rights);
  }
  SECTION("what leaves is taken out") {
    desk.apply(left_page(desk, one));
    expected.remove(one, desk.ledger.tickets.at(one).state.version, 0);
    CHECK(must(desk.replica->digest()) == expected);
  }
  SECTION("a failed slice leaves it as it was") {
    auto response = desk.page();
    desk.ledger.tickets.begin()->second.state.version += 5;
    response->mutable_patches(0)->set_state(sync::encode_state(desk.ledger.tickets.begin()->second.state));
    response->add_patches()->set_state("no state");
    const auto applier = desk.replica->begin_page(std::move(response), *desk.outbox);
    CHECK_FALSE(applier->apply(500));
    CHECK(must(desk.replica->digest()) == expected);
  }
}

TEST_CASE("a row that cannot be applied stops the cursor and stores nothing of its slice", "[client][replica]") {
  ClientDesk desk;
  desk.colleagues_ticket("ann", "good");
  auto response = desk.page();
  response->add_patches()->set_state("\xff\xff garbage");
  const auto applier = desk.replica->begin_page(std::move(response), *desk.outbox);
  const auto applied = applier->apply(500);
  REQUIRE_FALSE(applied);
  CHECK(applied.error().code == ErrorCode::corrupt);
  CHECK(applied.error().field == "row");
  CHECK(must(desk.replica->cursor()).commit_seq == 0);
  CHECK(must(desk.views->list({})).rows.empty());
}

TEST_CASE("a page that takes the pages before it back is of no use, and they come again", "[client][replica]") {
  ClientDesk desk;
  desk.colleagues_ticket("ann", "first");
  auto first = desk.page();
  first->set_more(true);
  desk.apply(std::move(first));  // waits for what follows
  CHECK(must(desk.replica->cursor()).commit_seq == 1);
  desk.colleagues_ticket("ann", "second");
  auto second = desk.page();
  second->add_patches()->set_state("no state");
  const auto applier = desk.replica->begin_page(std::move(second), *desk.outbox);
  REQUIRE_FALSE(applier->apply(500));
  CHECK(must(desk.replica->cursor()).commit_seq == 0);
  CHECK_FALSE(applier->apply(500));
  CHECK(must(desk.replica->cursor()).commit_seq == 0);
  desk.apply(desk.page());
  CHECK(must(desk.views->list({})).rows.size() == 2);
}

TEST_CASE("pages that an error of a reader took back do not come half, and come again", "[client][replica]") {
  ClientDesk desk;
  sqlite::Database& below = desk.replica->database();
  desk.colleagues_ticket("ann", "first");
  auto first = desk.page();
  first->set_more(true);
  desk.apply(std::move(first));  // waits for what follows
  desk.colleagues_ticket("ann", "second");
  auto second = desk.page();
  second->clear_patches();      // it was asked for behind the first
  must(below.run("ROLLBACK"));  // as SQLite does when somebody reads and the disk fails
  SECTION("before the next page") {
    const auto applier = desk.replica->begin_page(std::move(second), *desk.outbox);
    const auto applied = applier->apply(500);
    REQUIRE_FALSE(applied);
    CHECK(applied.error().code == ErrorCode::storage_failed);
  }
  SECTION("before somebody else settles them") {
    CHECK_FALSE(desk.replica->refold(*desk.outbox, {}));
  }
  CHECK(must(desk.replica->cursor()).commit_seq == 0);
  static_cast<void>(desk.replica->begin_page(desk.page(), *desk.outbox)->apply(500));  // tells of the loss, once
  desk.apply(desk.page());
  CHECK(must(desk.replica->cursor()).commit_seq == 2);
  CHECK(must(desk.views->list({})).rows.size() == 2);
}

TEST_CASE("what pending work makes of a ticket is kept as its difference", "[client][replica]") {
  ClientDesk desk;
  const TicketId ticket = desk.colleagues_ticket("ann", "pump", "It leaks at the seal since Tuesday.");
  desk.pull();
  const auto kept = [&] {
    return must(desk.replica->database().int64_of("SELECT length(overlay) FROM ticket")).value_or(0);
  };
  desk.save(desk.set(ticket, sync::FieldId::subject, "pump of hall 2"));
  const auto shown = [&] { return sync::encode_state(must(desk.replica->shown(ticket)).value()); };
  const Bytes before = shown();
  CHECK(kept() > 0);
  CHECK(kept() * 2 < static_cast<std::int64_t>(before.size()));
  desk.reopen();
  CHECK(shown() == before);
  CHECK(search(desk, "seal").rows.size() == 1);

  Change describe = desk.change(Intent::describe, ticket);  // words of its own: kept whole
  describe.base = "It leaks at the seal since Tuesday.";
  describe.text = "It leaks at the valve.";
  desk.save(std::move(describe));
  CHECK(must(desk.replica->shown(ticket))->description == "It leaks at the valve.");
  CHECK(search(desk, "valve").rows.size() == 1);
  CHECK(search(desk, "seal").rows.empty());
}

TEST_CASE("pending work is shown over what is confirmed, and is confirmed with its patch", "[client][replica]") {
  ClientDesk desk;
  const TicketId ticket = desk.colleagues_ticket("ann", "pump leaks");
  desk.pull();
  desk.save(desk.change(Intent::start, ticket));
  desk.save(desk.set(ticket, FieldId::subject, "pump broken"));
  desk.save(desk.message(ticket, "looking at it"));

  auto view = desk.show(ticket);
  CHECK(view.row.status == "in_progress");
  CHECK(view.row.subject == "pump broken");
  CHECK(view.row.saved == Saved::saved_here);
  CHECK(must(desk.replica->confirmed(ticket))->moves.empty());
  CHECK(must(desk.replica->messages(ticket)).size() == 1);

  desk.seal();
  desk.push();
  CHECK(desk.show(ticket).row.saved == Saved::sent);
  desk.pull();
  view = desk.show(ticket);
  CHECK(view.row.saved == Saved::confirmed);
  CHECK(view.row.subject == "pump broken");
  CHECK(must(desk.replica->messages(ticket)).size() == 1);
  CHECK(*must(desk.replica->shown(ticket)) == desk.ledger.tickets.at(ticket).state);
}

TEST_CASE("what is shown equals the server's state after the sync when nobody else wrote", "[client][replica]") {
  ClientDesk desk;
  const TicketId ticket = desk.save(desk.create("pump", "one\ntwo")).ticket;
  desk.save(desk.change(Intent::take, ticket));
  desk.save(desk.set(ticket, FieldId::priority, "4"));
  desk.save(desk.set(ticket, FieldId::custom, "north", "site"));
  desk.save(desk.change(Intent::start, ticket));
  const auto message = desk.save(desk.message(ticket, "frist")).ref;
  Change edit = desk.change(Intent::edit_message, ticket);
  edit.targets = {message};
  edit.text = "first";
  desk.save(edit);
  Change describe = desk.change(Intent::describe, ticket);
  describe.base = "one\ntwo";
  describe.text = "one\ntwo\nthree";
  desk.save(describe);
  const auto before = desk.show(ticket);
  CHECK(before.row.assignee == "Me");
  CHECK(before.row.priority == "urgent");
  CHECK(before.description == "one\ntwo\nthree");
  CHECK(sync::standing_text(must(desk.replica->messages(ticket)).at(0)) == "first");

  desk.sync();
  const auto after = desk.show(ticket);
  CHECK(after.row.status == before.row.status);
  CHECK(after.row.assignee == before.row.assignee);
  CHECK(after.row.priority == before.row.priority);
  CHECK(after.description == before.description);
  CHECK(after.custom == before.custom);
  CHECK(sync::standing_text(must(desk.replica->messages(ticket)).at(0)) == "first");
  CHECK(must(desk.replica->messages(ticket)).size() == 1);
  CHECK(after.row.number == "T-2023-1001");
  CHECK(must(desk.commands->find_ticket(before.row.number)) == ticket);  // the provisional number stays a name
}

TEST_CASE("a receipt whose patch is lost leaves the work pending: nothing vanishes and nothing counts twice",
          "[client][replica]") {
  ClientDesk desk;
  const TicketId ticket = desk.colleagues_ticket("ann", "pump");
  desk.pull();
  desk.save(desk.message(ticket, "hello"));
  desk.seal();
  desk.push();  // the patch does not arrive
  desk.reopen();
  CHECK(must(desk.replica->messages(ticket)).size() == 1);
  CHECK(desk.show(ticket).row.saved == Saved::sent);

  SECTION("the patch comes in a first slice, and the cursor only later") {
    desk.colleagues_ticket("ann", "zz other");
    auto applier = desk.replica->begin_page(desk.page(), *desk.outbox);
    int cuts = 0;
    while (must(applier->apply(1))) {
      CHECK(must(desk.replica->messages(ticket)).size() == 1);
      CHECK(must(desk.replica->shown(ticket))->message_count == 1);
      CHECK(desk.show(ticket).timeline.size() == 2);
      desk.reopen();  // the page is lost, its first slice is not
      CHECK(must(desk.replica->shown(ticket))->message_count == 1);
      CHECK(must(desk.replica->messages(ticket)).size() == 1);
      applier = desk.replica->begin_page(desk.page(), *desk.outbox);
      if (++cuts == 3) break;
    }
    while (must(applier->apply(1))) {
    }
    CHECK(desk.show(ticket).row.saved == Saved::confirmed);
  }
  SECTION("the patch comes before the receipt") {
    ClientDesk other;
    const TicketId same = other.colleagues_ticket("ann", "pump");
    other.pull();
    other.save(other.message(same, "hello"));
    other.save(other.set(same, FieldId::priority, "4"));
    other.seal();
    other.push(false);
    auto page = other.page();
    page->clear_cursor();
    other.apply(std::move(page));
    CHECK(must(other.replica->messages(same)).size() == 1);
    CHECK(must(other.replica->shown(same))->fields.at({FieldId::priority, {}}).heads.size() == 1);
  }
}

namespace {

/// The server lets in everything but the message "no".
void refuse_no(ClientDesk& desk) {
  desk.refuse = [](const Change& change) {
    return change.text == "no" ? std::optional(std::pair(sync::Outcome::rejected, sync::ReasonCode::not_permitted))
                               : std::nullopt;
  };
}

}  // namespace

TEST_CASE("what the server refused is shown no more, even before the cursor has passed it", "[client][replica]") {
  ClientDesk desk;
  const TicketId ticket = desk.colleagues_ticket("ann", "pump");
  desk.pull();
  refuse_no(desk);
  desk.save(desk.message(ticket, "no"));
  desk.seal();
  desk.push();
  desk.save(desk.message(ticket, "yes"));
  const auto messages = must(desk.replica->messages(ticket));
  REQUIRE(messages.size() == 1);
  CHECK(messages[0].text == "yes");
}

TEST_CASE("what a receipt says is shown before its page is here, and after a crash in between", "[client][replica]") {
  ClientDesk desk;
  const TicketId ticket = desk.colleagues_ticket("ann", "pump");
  desk.pull();
  refuse_no(desk);
  desk.save(desk.message(ticket, "no"));
  desk.save(desk.message(ticket, "yes"));
  desk.seal();
  CHECK(desk.show(ticket).timeline.size() == 3);
  desk.push();
  const auto shown = desk.show(ticket).timeline;
  REQUIRE(shown.size() == 2);
  CHECK(shown[1].text == "yes");
  must(desk.replica->database().run("UPDATE ticket SET overlay = NULL"));  // the copy loses what it stored last
  desk.reopen();
  CHECK(desk.show(ticket).timeline.size() == 2);
  desk.pull();
  CHECK(desk.show(ticket).timeline.size() == 2);
}

TEST_CASE("a receipt that came after its patch, and was the last thing to come, is made good by opening",
          "[client][replica]") {
  ClientDesk desk;
  const TicketId ticket = desk.colleagues_ticket("ann", "pump");
  desk.pull();
  desk.save(desk.message(ticket, "hello"));
  desk.seal();
  const auto ledger = desk.ledger;
  desk.push(false);
  desk.pull();  // the cursor has passed the commit, of which nobody here knows
  CHECK(desk.show(ticket).row.saved == Saved::sent);
  desk.ledger = ledger;
  desk.push();  // the same commit again: the stored receipt
  desk.reopen();
  CHECK(desk.show(ticket).row.saved == Saved::confirmed);
  CHECK(must(desk.replica->held(ticket))->pending == 0);
  CHECK(must(desk.replica->messages(ticket)).size() == 1);
}

TEST_CASE("when the cursor falls, work that was confirmed shows as pending again", "[client][replica]") {
  ClientDesk desk;
  const TicketId ticket = desk.colleagues_ticket("ann", "pump");
  desk.pull();
  desk.save(desk.change(Intent::start, ticket));
  desk.sync();
  CHECK(desk.show(ticket).row.saved == Saved::confirmed);
  must(desk.replica->rebuild(*desk.outbox));
  CHECK(must(desk.replica->cursor()).commit_seq == 0);
  CHECK(must(desk.outbox->pending(0, ticket)).size() == 1);
  CHECK(desk.show(ticket).row.ghost);  // number and subject are known from the outbox
  CHECK(desk.show(ticket).row.subject == "pump");
  desk.pull();
  CHECK_FALSE(desk.show(ticket).row.ghost);
  CHECK(shown_status(desk, ticket) == "in_progress");
  CHECK(desk.show(ticket).row.saved == Saved::confirmed);
}

TEST_CASE("who only wants to see a change does not wait for the search index", "[client][replica]") {
  ClientDesk desk;
  const TicketId ticket = desk.colleagues_ticket("ann", "canaryalpha", "canarybeta text");
  desk.pull();
  CHECK(search(desk, "canaryalpha").rows.size() == 1);
  const auto waiting = [&] {
    return must(desk.replica->database().int64_of("SELECT count(*) FROM ticket_words_before")).value();
  };

  desk.save(desk.set(ticket, FieldId::subject, "canarygamma"));
  desk.save(desk.set(ticket, FieldId::subject, "canarydelta"));
  CHECK(desk.show(ticket).row.subject == "canarydelta");
  CHECK(waiting() == 1);
  CHECK(search(desk, "canarydelta").rows.size() == 1);
  CHECK(waiting() == 0);
  for (const char* gone : {"canaryalpha", "canarygamma"}) CHECK(search(desk, gone).rows.empty());
  CHECK(search(desk, "canarybeta").rows.size() == 1);

  desk.commit("ann", [&] {
    Change change = desk.by("ann", Intent::set, ticket);
    change.fields = {{FieldId::subject, {}, "canaryepsilon", false}};
    return change;
  }());
  const auto applier = desk.replica->begin_page(desk.page(), *desk.outbox);
  CHECK(must(applier->apply(500)));  // the words are left
  CHECK(waiting() == 1);
  CHECK_FALSE(must(applier->apply(500)));
  CHECK(waiting() == 0);
  CHECK(search(desk, "canarybeta").rows.size() == 1);
  CHECK(must(desk.replica->database().int64_of("SELECT count(*) FROM ticket_fts WHERE ticket_fts MATCH 'canary*'")) ==
        1);
}

TEST_CASE("tickets that are changed together keep the words they share", "[client][replica]") {
  ClientDesk desk;
  const TicketId one = desk.colleagues_ticket("ann", "pump leaks", "hall"),
                 two = desk.colleagues_ticket("ann", "pump stands", "hall");
  desk.pull();
  REQUIRE(search(desk, "pump").rows.size() == 2);
  desk.save(desk.set(one, FieldId::subject, "pump leaks again"));
  desk.save(desk.set(two, FieldId::subject, "pump stands again"));
  for (const char* word : {"pump", "again", "hall"}) CHECK(search(desk, word).rows.size() == 2);
}

TEST_CASE("a ticket that leaves takes rows, messages and words with it", "[client][replica]") {
  ClientDesk desk;
  const TicketId ticket = desk.colleagues_ticket("ann", "canaryalpha", "canarybeta text");
  Change message = desk.by("ann", Intent::message, ticket);
  message.text = "canarygamma text";
  message.visibility = sync::Visibility::team;
  desk.commit("ann", message);
  desk.colleagues_ticket("ann", "stays");
  desk.pull();
  CHECK(search(desk, "canarygamma").rows.size() == 1);
  desk.apply(left_page(desk, ticket));
  for (const char* word : {"canaryalpha", "canarybeta", "canarygamma"}) CHECK(search(desk, word).rows.empty());
  CHECK_FALSE(desk.views->ticket(ticket));
  CHECK(must(desk.replica->database().int64_of("SELECT count(*) FROM message")) == 0);
  CHECK(desk.replica->database().integrity_check());

  must(desk.replica->database().vacuum_into(desk.dir.file("copy.db")));  // encrypted with the same key
  auto words =
      must(desk.replica->database().query("SELECT count(*) FROM message_fts WHERE message_fts MATCH 'canary*'"));
  must(words.step());
  CHECK(words.int64(0) == 0);
  CHECK_FALSE(database_holds(desk.replica_path(), "canarygamma"));
}

TEST_CASE("a ticket that leaves while work on it is pending stays as a ghost until the work is decided",
          "[client][replica]") {
  ClientDesk desk;
  const TicketId ticket = desk.colleagues_ticket("ann", "pump leaks", "secret description");
  desk.pull();
  const std::string number = desk.show(ticket).row.number;
  desk.save(desk.message(ticket, "my note"));
  desk.save(desk.change(Intent::start, ticket));
  Change report = desk.change(Intent::on_site, ticket);
  report.visibility = sync::Visibility::open;
  report.text = "seal replaced";
  report.from_ms = report.to_ms = desk.env.wall_ms();
  desk.save(report);
  desk.apply(left_page(desk, ticket));

  auto view = desk.show(ticket);
  CHECK(view.row.ghost);
  CHECK(view.row.number == number);
  CHECK(view.row.subject == "pump leaks");
  CHECK(view.description.empty());
  CHECK(view.row.status.empty());
  REQUIRE(view.timeline.size() == 3);  // the report once, though it is a message and own work
  CHECK(search(desk, "secret").rows.empty());
  CHECK(search(desk, "pump").rows.size() == 1);
  CHECK(must(desk.views->status()).ghosts == 1);
  CHECK(desk.attention().size() == 3);
  CHECK_FALSE(desk.commands->save({desk.message(ticket, "more")}));  // it is not here any more
  desk.reopen();
  CHECK(desk.show(ticket).row.ghost);

  desk.seal();
  desk.push();
  CHECK(desk.show(ticket).row.ghost);  // the cursor has not passed it yet
  auto nothing_new = std::make_unique<v1::ExchangeResponse>();
  nothing_new->mutable_cursor()->set_epoch(Bytes(desk.ledger.epoch.view()));
  nothing_new->mutable_cursor()->set_commit_seq(desk.ledger.commit_seq);
  desk.apply(std::move(nothing_new));
  CHECK_FALSE(desk.views->ticket(ticket));
  CHECK(must(desk.views->history(ticket)).size() == 3);
  CHECK(must(desk.views->history(ticket)).front().subject == "pump leaks");
}

TEST_CASE("a ghost that enters again is a ticket again", "[client][replica]") {
  ClientDesk desk;
  const TicketId ticket = desk.colleagues_ticket("ann", "pump", "text");
  desk.pull();
  desk.save(desk.message(ticket, "my note"));
  desk.apply(left_page(desk, ticket));
  desk.pull();
  const auto view = desk.show(ticket);
  CHECK_FALSE(view.row.ghost);
  CHECK(view.description == "text");
  CHECK(must(desk.replica->messages(ticket)).size() == 1);
}

TEST_CASE("buckets take out what the server no longer names", "[client][replica]") {
  ClientDesk desk;
  const TicketId stays = desk.colleagues_ticket("ann", "a stays");
  const TicketId goes = desk.colleagues_ticket("ann", "a goes");
  const TicketId elsewhere = desk.colleagues_ticket("ann", "b elsewhere");
  desk.pull();
  auto response = std::make_unique<v1::ExchangeResponse>();
  v1::Bucket& bucket = *response->add_buckets();
  bucket.set_bucket('a');
  bucket.add_ticket_ids(Bytes(stays.view()));
  bucket.add_versions(1);
  desk.apply(std::move(response));
  CHECK(listed_subjects(must(desk.views->list({}))) == std::vector<std::string>{"a stays", "b elsewhere"});
  CHECK(desk.views->ticket(elsewhere));
  CHECK_FALSE(desk.views->ticket(goes));
}

TEST_CASE("an older patch does not undo a newer one", "[client][replica]") {
  ClientDesk desk;
  const TicketId ticket = desk.colleagues_ticket("ann", "pump");
  desk.pull();
  auto old = desk.page();
  old->clear_entered();
  old->mutable_patches(0)->set_whole(false);
  desk.commit("ann", desk.by("ann", Intent::start, ticket));
  desk.pull();
  desk.apply(std::move(old));
  CHECK(shown_status(desk, ticket) == "in_progress");
  CHECK(must(desk.replica->cursor()).commit_seq == 2);
}

TEST_CASE("changes made offline are shown at once and land in order", "[client][replica]") {
  ClientDesk desk;
  const TicketId ticket = desk.colleagues_ticket("ann", "pump");
  desk.pull();
  desk.refuse = [n = 0](const Change&) mutable {
    return ++n == 3 ? std::optional(std::pair(sync::Outcome::rejected, sync::ReasonCode::not_permitted)) : std::nullopt;
  };
  for (int i = 0; i < 100; ++i) desk.save(desk.message(ticket, "line " + std::to_string(i)));
  CHECK(must(desk.replica->messages(ticket)).size() == 100);
  CHECK(must(desk.views->status()).saved_here == 100);
  desk.reopen();
  CHECK(must(desk.replica->messages(ticket)).size() == 100);
  desk.sync();
  const auto messages = must(desk.replica->messages(ticket));
  CHECK(messages.size() == 99);
  const auto attention = desk.attention();
  REQUIRE(attention.size() == 1);
  CHECK(attention[0].text == "line 2");
  CHECK(attention[0].outcome == sync::Outcome::rejected);
  CHECK(must(desk.views->status()).confirmed == 100);
}

TEST_CASE("a create that was refused is not shown as a ticket, but its content is kept", "[client][replica]") {
  ClientDesk desk;
  desk.refuse = [](const Change&) { return std::pair(sync::Outcome::rejected, sync::ReasonCode::not_permitted); };
  const TicketId ticket = desk.save(desk.create("mine", "long story")).ticket;
  desk.sync();
  CHECK_FALSE(desk.views->ticket(ticket));
  REQUIRE(desk.attention().size() == 1);
  CHECK(desk.attention()[0].subject == "mine");
  CHECK(desk.attention()[0].text == "long story");
}

TEST_CASE("records and packs are kept by version", "[client][replica]") {
  ClientDesk desk;
  desk.add_operator("ann");
  desk.add_record(sync::RecordKind::queue, "Field");
  desk.pull();
  CHECK(must(desk.replica->pack_versions()) == std::vector<std::pair<std::uint32_t, std::uint64_t>>{{1, 1}, {2, 1}});
  desk.records[1].name = "Older";
  desk.records[1].version = 0;
  desk.pull();
  CHECK(must(desk.replica->records(sync::RecordKind::queue)).front().name == "Field");
  desk.records[1].name = "Field North";
  desk.records[1].version = 2;
  desk.pull();
  CHECK(must(desk.replica->records(sync::RecordKind::queue)).front().name == "Field North");
}

TEST_CASE("a wipe leaves nothing on the disk and nothing to look at; the outbox stays", "[client][replica]") {
  ClientDesk desk;
  desk.colleagues_ticket("ann", "pump");
  desk.pull();
  desk.save(desk.create("mine"));
  must(desk.replica->leave_disk());
  CHECK_FALSE(std::filesystem::exists(desk.replica_path()));
  CHECK(must(desk.views->list({})).rows.empty());
  CHECK(must(desk.outbox->pending(0, std::nullopt)).size() == 1);
}

TEST_CASE("the columns of the replica are those of the field table", "[client][replica]") {
  ClientDesk desk;
  auto rows = must(desk.replica->database().query("SELECT name FROM pragma_table_info('ticket')"));
  std::vector<std::string> columns;
  while (must(rows.step())) columns.emplace_back(rows.text(0));
  for (const std::string_view name :
       {"subject", "status", "priority", "category", "type", "queue", "assignee", "contact", "organisation", "due_at",
        "created_at", "updated_at", "number", "id"}) {
    const sync::FieldSpec* spec = sync::find_field(name);
    REQUIRE(spec != nullptr);
    CAPTURE(name);
    CHECK(std::ranges::find(columns, spec->column) != columns.end());
  }
}
