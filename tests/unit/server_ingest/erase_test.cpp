#include <filesystem>

#include "desk.hpp"
#include "support/catch.hpp"
#include "support/files.hpp"

using namespace tern;
using namespace tern::test;

namespace {

Change resolve(Van& van, const TicketId& ticket, const std::string& text) {
  Change change = van.make(Intent::resolve, ticket);
  change.text = text;
  return change;
}

}  // namespace

TEST_CASE("an erased body is in no file of the server, and everything else folds and verifies as before",
          "[ingest][erase]") {
  Desk desk;
  auto van = desk.add_van(desk.add_operator("Ada"));
  const OperatorId admin = desk.add_operator("Root", sync::Role::admin);
  const TicketId ticket = desk.new_ticket_id();
  const Change create = van->create(ticket, "SUBJECTCANARY of somebody");
  const Change note = van->note(ticket, "his number is\nPHONECANARY 0170\nbye");
  Change quoting = van->note(ticket, "> PHONECANARY 0170\nI will call");
  const Change other = van->note(ticket, "nothing to see");
  const Change result = resolve(*van, ticket, "RESULTCANARY told him");
  Change edit = van->make(Intent::edit_message, ticket);
  edit.targets = {other.ref};
  edit.text = "EDITCANARY his address";
  van->send({create, note, quoting, other, result, edit, van->set(ticket, sync::FieldId::priority, "4")});
  REQUIRE_FALSE(files_holding(desk.folder.path(), "CANARY").empty());
  REQUIRE_FALSE(files_holding(desk.folder.path(), "canary").empty());  // words of the search index
  const auto before = desk.state(ticket);
  van->pull();

  CHECK(server::erase(*desk.tenant, {create.ref}, desk.add_operator("Nobody")).error().code ==
        ErrorCode::not_permitted);
  const auto erased = server::erase(*desk.tenant, {create.ref, note.ref, result.ref, edit.ref}, admin);
  REQUIRE(erased);
  CHECK(erased->changes.size() == 5);  // with the one that quoted
  CHECK(protocol::open_statement<protocol::Erasure>(erased->statement, desk.tenant->keys().log.public_key()));
  CHECK(files_holding(desk.folder.path(), "CANARY") == std::vector<std::string>{});
  CHECK(files_holding(desk.folder.path(), "canary") == std::vector<std::string>{});

  const auto after = desk.state(ticket);
  CHECK(sync::status_view(after).status == sync::status_view(before).status);
  CHECK(sync::priority_of(after) == 4);
  CHECK(after.number == before.number);
  CHECK(sync::standing_head(after, sync::FieldId::subject)->erased);
  REQUIRE(desk.messages(ticket).size() == 3);
  CHECK(desk.messages(ticket)[0].erased);
  CHECK(desk.differs_from_zero() == "");
  CHECK(desk.verify().findings == std::vector<std::string>{});
  desk.reopen();
  CHECK(desk.verify().findings == std::vector<std::string>{});
  CHECK(server::erase(*desk.tenant, {note.ref}, admin).error().code == ErrorCode::invalid);

  // A set that comes again (after a restore, say) is taken in its erased form only where it was erased.
  protocol::ChangeSet stripped = van->sets.front();
  CHECK(van->send(van->note(ticket, "work goes on")).outcome == Outcome::applied);
  auto reader = desk.tenant->reader();
  const auto stored = server::read_set(reader->db(), desk.tenant->number(), van->id, 1, 1);
  REQUIRE(stored);
  REQUIRE(*stored);
  CHECK((*stored)->set.changes[0].erased());
  CHECK_FALSE((*stored)->set.changes[3].erased());
  CHECK((*stored)->set.hash() == stripped.hash());
}

TEST_CASE("who signed on site and what they drew is erased with the report, its times stay", "[ingest][erase]") {
  Desk desk;
  auto van = desk.add_van(desk.add_operator("Ada"));
  const OperatorId admin = desk.add_operator("Root", sync::Role::admin);
  const TicketId ticket = desk.new_ticket_id();
  Change report = van->make(Intent::on_site, ticket);
  report.visibility = sync::Visibility::open;
  report.text = "TEXTCANARY";
  report.from_ms = 1'790'000'000'000;
  report.to_ms = 1'790'000'600'000;
  report.file_name = "NAMECANARY";
  report.media_type = "image/png";
  report.signature = std::string("\x89PNG\r\n\x1a\n", 8) + "DRAWNCANARY";
  van->send({van->create(ticket), report});
  REQUIRE_FALSE(files_holding(desk.folder.path(), "DRAWNCANARY").empty());
  REQUIRE(server::erase(*desk.tenant, {report.ref}, admin));
  CHECK(files_holding(desk.folder.path(), "CANARY") == std::vector<std::string>{});
  REQUIRE(desk.messages(ticket).size() == 1);
  const sync::Message erased = desk.messages(ticket).front();
  CHECK(erased.erased);
  CHECK(erased.kind == sync::MessageKind::on_site);
  CHECK(erased.on_site == sync::OnSite{report.from_ms, report.to_ms, {}, {}, {}, {}});
  CHECK(desk.differs_from_zero() == "");
  CHECK(desk.verify().findings == std::vector<std::string>{});
}

TEST_CASE("a description that quotes an erased one goes with it, one that does not stays", "[ingest][erase]") {
  Desk desk;
  auto van = desk.add_van(desk.add_operator("Ada"));
  const TicketId ticket = desk.new_ticket_id();
  Change create = van->create(ticket);
  create.text = "SECRETLINE number one\n";
  Change second = van->make(Intent::describe, ticket);
  second.base = create.text;
  second.text = "SECRETLINE number one\nand a harmless line\n";
  Change third = van->make(Intent::describe, ticket);
  third.base = "something else entirely\n";
  third.text = "written anew\n";
  van->send({create, second, third});
  const auto erased = server::erase(*desk.tenant, {create.ref}, {});
  REQUIRE(erased);
  CHECK(erased->changes.size() == 2);
  CHECK(files_holding(desk.folder.path(), "SECRETLINE") == std::vector<std::string>{});
  CHECK(desk.state(ticket).description == "written anew\n");
  CHECK(desk.differs_from_zero() == "");
  CHECK(desk.verify().findings == std::vector<std::string>{});
}

TEST_CASE("a change without its body that nobody erased is refused", "[ingest][erase]") {
  Desk desk;
  auto van = desk.add_van(desk.add_operator("Ada"));
  const TicketId ticket = desk.new_ticket_id();
  van->seal({van->create(ticket)});
  protocol::ChangeSet bare = van->sets.back();
  bare.changes[0] = bare.changes[0].without_content();
  server::Push push;
  push.device = van->id;
  push.change_sets = {protocol::encode(bare)};
  const auto answer = van->push(push);
  REQUIRE(answer.fault);
  CHECK(answer.fault->error.code == ErrorCode::content_missing);
}

TEST_CASE("verify names what was tampered with", "[ingest][verify]") {
  Desk desk;
  auto van = desk.add_van(desk.add_operator("Ada"));
  auto depot = desk.add_van(desk.add_operator("Bob"));
  const TicketId ticket = desk.new_ticket_id();
  van->send(van->create(ticket));
  van->pull();
  depot->pull();
  van->send(van->set(ticket, sync::FieldId::subject, "one"));
  desk.environment.advance(1'000);
  depot->send({depot->set(ticket, sync::FieldId::subject, "two"), depot->note(ticket, "hello")});
  desk.tenant->anchor();
  desk.environment.advance(2'000);
  REQUIRE(desk.verify().good());
  CHECK(desk.verify().summary().find(" 0 gaps") != std::string::npos);

  const std::string file = desk.folder.file("tern.db");
  desk.tenant.reset();
  std::filesystem::copy_file(file, desk.folder.file("good"));
  for (const std::string sql :
       {"UPDATE change SET body = zeroblob(4) WHERE commit_seq = (SELECT max(commit_seq) FROM change)",
        "UPDATE change SET skeleton = zeroblob(4) WHERE commit_seq = (SELECT max(commit_seq) FROM change)",
        "UPDATE change SET admission = (SELECT admission FROM change LIMIT 1)",
        "UPDATE change SET outcome = 3 WHERE outcome = 1",
        "UPDATE change SET standing = 1 WHERE standing = 3",
        "UPDATE change SET author = zeroblob(16) WHERE intent = 4",
        "DELETE FROM change WHERE commit_seq = (SELECT max(commit_seq) FROM change)",
        "UPDATE change_set SET commit_ms = commit_ms + 1 WHERE commit_seq = 3",
        "UPDATE change_set SET signature = zeroblob(64) WHERE commit_seq = 3",
        "UPDATE change_set SET outcomes = zeroblob(3) WHERE commit_seq = (SELECT max(commit_seq) FROM change_set)",
        "DELETE FROM change_set WHERE commit_seq = 4",
        "UPDATE log_node SET hash = zeroblob(32) WHERE level = 1 AND idx = 0",
        "DELETE FROM log_node WHERE level = 0",
        "UPDATE ticket SET state = zeroblob(0)",
        "UPDATE ticket SET state = state || x'0801'",
        "DELETE FROM message",
        "UPDATE record SET data = zeroblob(2) WHERE kind = 7",
        "DELETE FROM record WHERE kind = 7",
        "UPDATE amendment SET statement = zeroblob(200)",
        "DELETE FROM amendment",
        "UPDATE anchor SET wire = zeroblob(300)"}) {
    CAPTURE(sql);
    desk.tenant.reset();
    for (const std::string suffix : {"-wal", "-shm"}) std::filesystem::remove(file + suffix);
    std::filesystem::copy_file(desk.folder.file("good"), file, std::filesystem::copy_options::overwrite_existing);
    desk.reopen();
    const auto strand = desk.tenant->lock_writer();
    REQUIRE(desk.tenant->writer().exec(sql));
    CHECK(desk.tenant->writer().changes() > 0);
    const auto verified = server::verify_tenant(*desk.tenant);
    REQUIRE(verified);
    CHECK_FALSE(verified->good());
  }
}
