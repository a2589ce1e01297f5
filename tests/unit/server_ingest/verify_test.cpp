// `ternd verify`: a sound tenant has no findings, and each kind of damage is named and does not hide the next.
#include <filesystem>

#include "desk.hpp"
#include "store/tenant_internals.hpp"
#include "support/catch.hpp"
#include "support/must.hpp"
#include "support/older_schema.hpp"

using namespace tern;
using namespace tern::test;

namespace {

/// A tenant with something in every table, closed, and a copy of its file.
class Sound {
public:
  Sound() {
    const RecordId queue = desk_.add_record(sync::RecordKind::queue, "Pumps");
    const OperatorId ada = desk_.add_operator("Ada", sync::Role::operator_, {queue});
    const OperatorId bob = desk_.add_operator("Bob", sync::Role::operator_, {queue});
    const OperatorId root = desk_.add_operator("Root", sync::Role::admin);
    auto van = desk_.add_van(ada);
    auto depot = desk_.add_van(bob);
    lost_ = desk_.add_van(bob);
    const TicketId ticket = desk_.new_ticket_id();
    van->send(van->create(ticket));
    van->pull();
    depot->pull();
    Change watch = van->make(Intent::watch, ticket);
    watch.target = Bytes(bob.view());
    const Change note = van->note(ticket, "what is to be erased");
    van->send({watch, note, van->set(ticket, sync::FieldId::subject, "one")});
    desk_.environment.advance(1'000);
    depot->send({depot->set(ticket, sync::FieldId::subject, "two"), depot->note(ticket, "hello")});
    for (int i = 0; i < 3; ++i) {
      desk_.environment.advance(1'500);
      REQUIRE(must(desk_.tenant->anchor()));
    }
    REQUIRE(server::erase(*desk_.tenant, {note.ref}, root));
    REQUIRE(persist(
        [&] { return server::end_device(*desk_.tenant, lost_->id, protocol::RevocationReason::revoked, root); }));
    desk_.environment.advance(2'000);
    REQUIRE(findings() == std::vector<std::string>{});
    last_ = desk_.tenant->commit_seq();
    desk_.tenant.reset();
    std::filesystem::copy_file(desk_.folder.file("tern.db"), desk_.folder.file("good"));
  }

  /// What verify says once this was done to the file.
  std::vector<std::string> after(const std::string& sql) {
    CAPTURE(sql);
    desk_.tenant.reset();
    const std::string file = desk_.folder.file("tern.db");
    for (const std::string suffix : {"-wal", "-shm"}) std::filesystem::remove(file + suffix);
    std::filesystem::copy_file(desk_.folder.file("good"), file, std::filesystem::copy_options::overwrite_existing);
    desk_.reopen();
    REQUIRE(desk_.tenant->write([&](sqlite::Database& db) { return db.exec(sql); }));
    CHECK(desk_.tenant->writer().changes() > 0);
    return findings();
  }

  std::vector<std::string> findings() {
    verified_ = must(server::verify_tenant(*desk_.tenant));
    return verified_.findings;
  }
  server::Verification verified_;
  std::uint64_t last_ = 0;
  Desk desk_;

private:
  std::unique_ptr<Van> lost_;
};

bool names(const std::vector<std::string>& findings, const std::string& what) {
  return std::any_of(findings.begin(), findings.end(),
                     [&](const std::string& finding) { return finding.find(what) != std::string::npos; });
}

std::string all(const std::vector<std::string>& findings) {
  std::string text;
  for (const std::string& finding : findings) text += finding + "\n";
  return text;
}

}  // namespace

TEST_CASE("verify names each kind of damage", "[ingest][verify]") {
  Sound sound;
  const std::pair<std::string, std::string> kinds[] = {
      // tickets
      {"DELETE FROM ticket", " of the ledger is missing"},
      {"UPDATE ticket SET subject = 'another'", "columns that are not what its changes say: subject"},
      {"UPDATE ticket SET status = 5, priority = 1, queue = zeroblob(16)", "say: status, priority, queue"},
      {"UPDATE ticket SET updated_ms = updated_ms + 1, change_count = 9", "say: updated_ms, change_count"},
      {"UPDATE ticket SET number = 'T-1999-0001'", "say: number"},
      {"UPDATE ticket SET last_commit = last_commit - 1", "say: last_commit"},
      {"UPDATE ticket SET top_ms = top_ms + 1, top_device = zeroblob(16), top_epoch = 7, second_ms = 1",
       "say: top_ms, top_device, top_epoch, second_ms"},
      {"INSERT INTO waking (tenant_id, ticket_id, wake_ms) SELECT tenant_id, ticket_id, 5 FROM ticket",
       "it is to wake at a time that it does not name"},
      {"INSERT INTO ticket_key (tenant_id, source, key, n, ticket_id) SELECT tenant_id, zeroblob(16), zeroblob(32), 1, "
       "randomblob(16) FROM ticket",
       "which the ledger does not know"},
      {"DELETE FROM ticket_name", "leads nowhere"},
      {"UPDATE ticket_name SET ticket_id = zeroblob(16)", "which does not bear it"},
      {"DELETE FROM ticket_interest", "whom it concerns is not what its state says"},
      {"UPDATE message SET visibility = 9", "the columns of message"},
      {"UPDATE message SET ticket_id = randomblob(16)", "which the ledger does not know"},
      {"UPDATE message SET integer_id = integer_id + 1000", "the id of message"},
      {"UPDATE ticket SET message_id = message_id + 1000", "the id of its description"},
      {"UPDATE meta SET value = x'0000000000000001' WHERE name = 'next_message_id'", "the next id of a message is 1"},
      {"UPDATE meta SET value = x'0000000000000001' WHERE name = 'next_integer_id'", "the next integer id is 1"},
      // scopes
      {"DELETE FROM scope_member WHERE left_seq = 0", "does not hold it, against the rules of scope"},
      {"UPDATE scope_member SET left_seq = 3, left_reason = 5", "does not hold it, against the rules of scope"},
      {"INSERT INTO scope_member SELECT tenant_id, (SELECT record_id FROM record WHERE kind = 1 AND name = 'Root'), "
       "ticket_id, "
       "1, 0, 0 FROM ticket",
       "holds it against the rules of scope"},
      {"UPDATE scope_member SET entered_seq = 999", "makes no sense"},
      {"UPDATE scope_member SET ticket_id = randomblob(16) WHERE left_seq = 0", "holds it against the rules of scope"},
      // devices and chains
      {"UPDATE device SET chain_seq = chain_seq + 1 WHERE purpose = 1", "its chain is said to end at"},
      {"UPDATE device SET chain_seq = chain_seq - 1 WHERE chain_seq = 2", "its chain is said to end at"},
      {"UPDATE device SET chain_hash = zeroblob(32) WHERE purpose = 1", "its chain is said to end at"},
      {"UPDATE device SET last_lo_ms = last_lo_ms + 1 WHERE chain_seq = 2", "the times of its newest set"},
      {"UPDATE device SET last_effective_ms = 1 WHERE chain_seq = 2", "the times of its newest set"},
      {"UPDATE device SET key_state = 0 WHERE key_state = 2", "its key is active, but the ledger says revoked"},
      {"UPDATE device SET revocation = NULL WHERE key_state = 2", "its revocation is not good"},
      {"UPDATE device SET operator_id = zeroblob(16) WHERE chain_seq = 2", "its certificate says something else"},
      {"DELETE FROM device WHERE chain_seq = 2", "of the ledger is missing"},
      // sets
      {"UPDATE change_set SET lo_ms = lo_ms + 1 WHERE commit_seq = (SELECT max(commit_seq) FROM change_set)",
       "the row is damaged"},
      {"UPDATE change_set SET chain_seq = 77 WHERE commit_seq = (SELECT max(commit_seq) FROM change_set)",
       "stands at another place of a chain than its set"},
      {"UPDATE change SET ticket_id = randomblob(16) WHERE intent = 4", "are not those of its content"},
      {"UPDATE change SET top_ms = top_ms + 1 WHERE top_ms > 0", "names other latest facts"},
      {"DELETE FROM amendment_reader", "is not told of an amendment"},
      {"UPDATE amendment_reader SET device_id = randomblob(16)", "that does not concern it"},
      // anchors
      {"DELETE FROM anchor WHERE anchor_seq = (SELECT min(anchor_seq) + 1 FROM anchor)",
       "the one before it is missing"},
      {"UPDATE anchor SET time_ms = time_ms + 1", "its row says something else than what is signed"},
      {"UPDATE anchor SET withdrawn = 1", "withdrawn, against what was signed"},
      {"UPDATE anchor SET anchor_hash = randomblob(32)", "its row says something else than what is signed"},
      // records and erasures
      {"UPDATE record SET name = 'Eve' WHERE kind = 1", "its columns are not those of its content"},
      {"DELETE FROM record_history", "its history of commit"},
      {"UPDATE record_history SET data = zeroblob(4)", "is not the ledger's"},
      {"DELETE FROM erasure", "content"},
      {"UPDATE erasure SET change_id = randomblob(16)", "is not the one that was signed"},
      {"UPDATE change SET body = 'back again', salt = zeroblob(16), body_commitment = NULL WHERE body_commitment IS "
       "NOT "
       "NULL",
       "is erased, but its content is there"},
  };
  for (const auto& [sql, finding] : kinds) {
    const auto found = sound.after(sql);
    INFO(sql << "\n" << all(found));
    CHECK(names(found, finding));
    CHECK(sound.verified_.sets == sound.last_);  // it went on to the end
  }
}

TEST_CASE("what cannot be read is a finding, and does not hide the next", "[ingest][verify]") {
  Sound sound;
  const std::string spoils_scope = "; DELETE FROM scope_member WHERE left_seq = 0";
  const std::pair<std::string, std::string> kinds[] = {
      {"UPDATE change SET body = zeroblob(4) WHERE intent = 4", "cannot be read"},
      {"UPDATE change SET skeleton = zeroblob(4) WHERE intent = 4", "cannot be read"},
      {"UPDATE change SET admission = zeroblob(4) WHERE intent = 4", "cannot be read"},
      {"UPDATE change_set SET header = zeroblob(9) WHERE commit_seq = 4", "commit 4: cannot be read"},
      {"UPDATE change_set SET outcomes = zeroblob(9) WHERE commit_seq = 4", "commit 4: its outcomes cannot be read"},
      {"DELETE FROM change_set WHERE commit_seq = 4", "commit 4 is missing"},
  };
  for (const auto& [sql, finding] : kinds) {
    const auto found = sound.after(sql + "; UPDATE anchor SET withdrawn = 1");
    INFO(sql << "\n" << all(found));
    CHECK(names(found, finding));
    CHECK(names(found, "withdrawn, against what was signed"));
    CHECK_FALSE(names(found, "its leaf stands at another place"));  // those behind it are not blamed
    CHECK_FALSE(names(found, "the log's frontier"));
  }
  CHECK(names(sound.after("UPDATE change SET body = zeroblob(4) WHERE idx = 0" + spoils_scope), "cannot be read"));
  CHECK(sound.verified_.findings.size() < 400);
}

TEST_CASE("sets of before the row check covered their lower bound keep their check", "[ingest][verify]") {
  Sound sound;
  sound.after("UPDATE anchor SET withdrawn = 0");
  REQUIRE(sound.verified_.good());
  // As an older version left it: checks without lo_ms, and the schema before the migration.
  server::Tenant& tenant = *sound.desk_.tenant;
  REQUIRE(tenant.write([&](sqlite::Database& db) -> Result<void> {
    for (std::uint64_t seq = 1; seq <= sound.last_; ++seq) {
      const auto stored = *must(server::read_set(db, tenant.number(), seq));
      const std::uint64_t check = server::ledger_row_check(tenant.internals().row_key, seq, stored.set.header,
                                                           stored.set.signature, stored.receipt.outcomes, std::nullopt);
      TERN_CHECKED(db.run("UPDATE change_set SET row_check = $3 WHERE tenant_id = $1 AND commit_seq = $2",
                          tenant.number(), seq, check));
    }
    return {};
  }));
  CHECK(names(sound.findings(), "the row is damaged"));
  REQUIRE(tenant.write([](sqlite::Database& db) { return db.exec(before_message_ids); }));
  REQUIRE(tenant.write([](sqlite::Database& db) {
    return db.exec(
        "DROP TABLE sla_clock; DROP TABLE sla_breach; DROP TABLE sla_alert; DELETE FROM meta WHERE name = 'sla_seq';"
        "DROP TABLE old_receipt; DROP TABLE old_receipt_list; DROP TABLE handed_back; ALTER TABLE ticket DROP COLUMN "
        "last_commit;"
        "ALTER TABLE ticket DROP COLUMN top_ms; ALTER TABLE ticket DROP COLUMN top_device;"
        "ALTER TABLE ticket DROP COLUMN top_epoch; ALTER TABLE ticket DROP COLUMN second_ms; PRAGMA user_version = 2");
  }));
  sound.desk_.reopen();
  CHECK(sound.findings() == std::vector<std::string>{});
  sound.desk_.add_operator("Cem");  // under the new check
  CHECK(sound.findings() == std::vector<std::string>{});
  REQUIRE(sound.desk_.tenant->write([](sqlite::Database& db) {
    return db.exec(
        "UPDATE change_set SET lo_ms = lo_ms + 1 WHERE commit_seq = (SELECT max(commit_seq) FROM change_set)");
  }));
  CHECK(names(sound.findings(), "the row is damaged"));
}

TEST_CASE("an operator's first device gets what they made before it", "[ingest][scope]") {
  Desk desk;
  const OperatorId ada = desk.add_operator("Ada");
  const TicketId ticket = desk.new_ticket_id();
  Change create;
  create.intent = Intent::create;
  create.ticket = ticket;
  create.fields.push_back({sync::FieldId::subject, {}, Bytes("made at the desk"), false});
  desk.act(create, ada);
  CHECK(desk.members(ticket).empty());
  const auto van = desk.add_van(ada);
  CHECK(desk.members(ticket) == std::vector{ada});
  CHECK(desk.verify().findings == std::vector<std::string>{});
}
