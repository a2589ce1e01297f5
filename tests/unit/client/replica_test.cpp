// replica.db: confirmed state, cursor and words; always to be had again.
#include <algorithm>
#include <filesystem>

#include "support/catch.hpp"
#include "support/files.hpp"
#include "unit/client/client_desk.hpp"

using namespace tern;
using namespace tern::test;

namespace {

std::vector<std::string> listed_subjects(const client::ListPage& page) {
  std::vector<std::string> out;
  for (const auto& row : page.rows) out.push_back(row.subject);
  std::ranges::sort(out);
  return out;
}

/// Everything in the file that could still be read by who has the key.
bool database_holds(const std::string& path, const std::string& text) {
  return file_holds(path, text) || file_holds(path + "-wal", text);
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

TEST_CASE("a replica's log goes into its file when it is 64 MiB long", "[client][replica]") {
  ClientDesk desk;
  CHECK(must(desk.replica->database().int64_of("PRAGMA wal_autocheckpoint")) == 16'384);
  CHECK(must(desk.replica->database().int64_of("PRAGMA page_size")) == 4'096);
  CHECK(must(desk.replica->database().int64_of("PRAGMA synchronous")) == 1);  // it can be had again
}

TEST_CASE("the digest is that of the rows, whichever way they came", "[client][replica][I11]") {
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
    desk.leave(one);
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

TEST_CASE("who only wants to see a change does not wait for the search index", "[client][replica]") {
  ClientDesk desk;
  const TicketId ticket = desk.colleagues_ticket("ann", "canaryalpha", "canarybeta text");
  desk.pull();
  CHECK(desk.search("canaryalpha").rows.size() == 1);
  const auto waiting = [&] {
    return must(desk.replica->database().int64_of("SELECT count(*) FROM ticket_words_before")).value();
  };

  desk.save(desk.set(ticket, FieldId::subject, "canarygamma"));
  desk.save(desk.set(ticket, FieldId::subject, "canarydelta"));
  CHECK(desk.show(ticket).row.subject == "canarydelta");
  CHECK(waiting() == 1);
  CHECK(desk.search("canarydelta").rows.size() == 1);
  CHECK(waiting() == 0);
  for (const char* gone : {"canaryalpha", "canarygamma"}) CHECK(desk.search(gone).rows.empty());
  CHECK(desk.search("canarybeta").rows.size() == 1);

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
  CHECK(desk.search("canarybeta").rows.size() == 1);
  CHECK(must(desk.replica->database().int64_of("SELECT count(*) FROM ticket_fts WHERE ticket_fts MATCH 'canary*'")) ==
        1);
}

TEST_CASE("tickets that are changed together keep the words they share", "[client][replica]") {
  ClientDesk desk;
  const TicketId one = desk.colleagues_ticket("ann", "pump leaks", "hall"),
                 two = desk.colleagues_ticket("ann", "pump stands", "hall");
  desk.pull();
  REQUIRE(desk.search("pump").rows.size() == 2);
  desk.save(desk.set(one, FieldId::subject, "pump leaks again"));
  desk.save(desk.set(two, FieldId::subject, "pump stands again"));
  for (const char* word : {"pump", "again", "hall"}) CHECK(desk.search(word).rows.size() == 2);
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
  CHECK(desk.search("canarygamma").rows.size() == 1);
  desk.leave(ticket);
  for (const char* word : {"canaryalpha", "canarybeta", "canarygamma"}) CHECK(desk.search(word).rows.empty());
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
  CHECK(desk.show(ticket).row.status == "in_progress");
  CHECK(must(desk.replica->cursor()).commit_seq == 2);
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
