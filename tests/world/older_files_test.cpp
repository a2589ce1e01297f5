// Files of an older program: a tenant whose states hold less than the fold gives today, and what was not kept then.
#include <filesystem>

#include "ingest/verify_tenant.hpp"
#include "outbox/outbox.hpp"
#include "support/older_schema.hpp"
#include "support/world_history.hpp"
#include "tern/v1/ticket.pb.h"

using namespace tern;
using namespace tern::test;

namespace {

/// As it was written before states told seals, splits and removes that nobody had seen.
Bytes in_old_form(const Bytes& state) {
  v1::TicketStateMessage message;
  REQUIRE(message.ParseFromString(state));
  message.clear_removals();
  message.clear_splits();
  for (v1::StampMessage& stamp : *message.mutable_stamps()) stamp.clear_sealed();
  return message.SerializeAsString();
}

std::size_t write_in_old_form(sqlite::Database& db) {
  std::size_t changed = 0;
  std::vector<std::pair<TicketId, Bytes>> rows;
  {
    auto states = must(db.prepare("SELECT ticket_id, state FROM ticket WHERE state IS NOT NULL"));
    while (must(states.step())) rows.emplace_back(states.id<TicketId>(0), Bytes(states.blob(1)));
  }
  for (const auto& [id, state] : rows) {
    const Bytes old = in_old_form(state);
    if (old.size() < state.size()) ++changed;
    must(db.run("UPDATE ticket SET state = $2 WHERE ticket_id = $1", id, sqlite::Blob{old}));
  }
  return changed;
}

std::unique_ptr<sqlite::Database> open_file(const std::string& path, const std::optional<Bytes>& key = {}) {
  sqlite::OpenOptions options;
  options.path = path;
  if (key && sqlite::encryption_available()) options.key = sqlite::DatabaseKey::or_zero(*key);
  return must(sqlite::Database::open(options));
}

/// Tickets whose states have everything that an older program left out.
struct Desk {
  explicit Desk(std::uint64_t seed) : world(Seed::from_environment_or(seed)), van(world.add_device("van")) {
    world.add_device("desk");
    ticket = van.create("pump leaks");
    untouched = van.create("another one");
    CHECK(world.run_until_quiet());
    van.tag(ticket, "leak");
    CHECK(world.run_until_quiet());
    sync::Change untag;
    untag.intent = Intent::untag;
    untag.ticket = ticket;
    untag.label = "leak";
    van.save(std::move(untag));
    sync::Change subject;
    subject.intent = Intent::set;
    subject.ticket = ticket;
    subject.fields.push_back({Field::subject, {}, Bytes("said at the desk"), false});
    world.server.act(van.tenant(), subject, van.operator_id());
    CHECK(world.run_until_quiet());
  }

  [[nodiscard]] std::string file() const {
    return world.server.directory() + "/tenants/" + to_hex(van.tenant()) + "/tern.db";
  }

  /// The server's file, and the copies that devices have of it, as the older program left them.
  void grow_old() {
    world.server.close();
    const auto db = open_file(file());
    REQUIRE(write_in_old_form(*db) == 1);
    must(db->exec(before_message_ids));
    must(db->exec(
        "DELETE FROM meta WHERE name = 'state_form'; DROP TABLE refolded; DROP TABLE past_certificate; DROP "
        "TABLE given_message; DROP TABLE old_receipt; DROP TABLE old_receipt_list; DROP TABLE handed_back;"
        "DROP TABLE sla_clock; DROP TABLE sla_breach; DROP TABLE sla_alert; DELETE FROM meta WHERE name = 'sla_seq';"
        "ALTER TABLE ticket DROP COLUMN last_commit; ALTER TABLE ticket DROP COLUMN top_ms;"
        "ALTER TABLE ticket DROP COLUMN top_device; ALTER TABLE ticket DROP COLUMN top_epoch;"
        "ALTER TABLE ticket DROP COLUMN second_ms; PRAGMA user_version = 3"));
    const Bytes key(van.keys().replica_key.view());
    van.close();
    write_in_old_form(*open_file(van.home() + "/replica.db", key));
    van.open();
  }

  World world;
  Device& van;
  TicketId ticket, untouched;
};

}  // namespace

TEST_CASE("states of an older form are folded again when the tenant is opened, and devices get them",
          "[world][older]") {
  Desk old(811);
  old.grow_old();
  old.world.server.open();
  server::Tenant& tenant = old.world.server.tenant(old.van.tenant());
  CHECK(must(server::verify_tenant(tenant)).findings == std::vector<std::string>{});
  const auto commits = tenant.commit_seq();
  CHECK(old.world.run_until_quiet());
  CHECK(old.world.invariants_hold());  // I9: each copy is the server's state

  // Once.
  old.world.server.close();
  old.world.server.open();
  CHECK(old.world.server.tenant(old.van.tenant()).commit_seq() == commits);
}

TEST_CASE("folding again goes on where a crash stopped it", "[world][older]") {
  Desk old(812);
  old.grow_old();
  // Said to be behind the last ticket already, it looks at none: the one that differs still does.
  must(open_file(old.file())
           ->exec("INSERT INTO meta (tenant_id, name, value) VALUES (1, 'refold_after', "
                  "x'ffffffffffffffffffffffffffffffff')"));
  old.world.server.open();
  server::Tenant& tenant = old.world.server.tenant(old.van.tenant());
  CHECK(must(server::verify_tenant(tenant)).findings.size() == 1);
  CHECK(must(tenant.writer().int64_of("SELECT count(*) FROM meta WHERE name = 'refold_after'")) == 0);
}

TEST_CASE("a draft that an older version saved without a salt is sent, and can be erased", "[world][older]") {
  World world{Seed::from_environment_or(814)};
  Device& van = world.add_device("van");
  Device& desk = world.add_device("desk");
  const TicketId ticket = van.create("pump leaks");
  CHECK(world.run_until_quiet());
  const ChangeRef kept = van.note(ticket, "saved without a salt");
  const ChangeRef gone = van.note(ticket, "a name in a draft");
  van.close();
  const Bytes key(van.keys().data_key.view());
  const auto without_salt = [&] {
    return must(open_file(van.home() + "/outbox.db", key)->int64_of("SELECT count(*) FROM change WHERE salt IS NULL"));
  };
  must(open_file(van.home() + "/outbox.db", key)->exec("UPDATE change SET salt = NULL WHERE set_id IS NULL"));
  REQUIRE(without_salt() == 2);
  van.open();
  van.close();
  CHECK(without_salt() == 0);

  // As when another copy of the home had sent it, and it was erased there.
  std::filesystem::copy_file(van.home() + "/outbox.db", van.home() + "/copy.db");
  {
    const auto outbox = must(client::Outbox::open(van.home() + "/copy.db", key, {}));
    must(outbox->erase({gone}));
    CHECK(must(outbox->find(gone))->change.body_erased);
    CHECK(must(outbox->find(kept))->change.text == "saved without a salt");
  }
  van.open();
  CHECK(world.run_until_quiet());
  CHECK(must(server::verify_tenant(world.server.tenant(van.tenant()))).findings == std::vector<std::string>{});
  const auto timeline = desk.show(ticket).timeline;
  CHECK(std::ranges::count_if(timeline, [](const auto& entry) { return entry.text == "saved without a salt"; }) == 1);
  CHECK(world.invariants_hold());
}
