#include "exchange/scope_news.hpp"

#include <map>

#include "../server_ingest/desk.hpp"
#include "store/tenant_internals.hpp"
#include "support/catch.hpp"
#include "support/must.hpp"
#include "support/temp_dir.hpp"
#include "tern/sqlite/transaction.hpp"

// What an exchange finds out about a tenant that was once restored, and how much it looks at for that.

namespace tern::test {
namespace {

constexpr std::uint64_t commits_made = 12'000, commits_kept = 5'000;

/// 12,000 commits of one change each, every fourth of a new ticket; the backup of a restore held the first 5,000.
struct RestoredFile {
  RestoredFile() {
    sqlite::OpenOptions options;
    options.path = folder.file("tern.db");
    db = must(sqlite::Database::open(options));
    must(server::migrate_tenant(*db));
    scope.tenant = 1;
    scope.operator_id.bytes.fill(7);
    auto all = must(sqlite::Transaction::begin_write(*db));
    must(
        db->exec("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12000), "
                 "made (i, t, intent) AS (SELECT i, CASE i % 4 WHEN 0 THEN i / 4 ELSE i * 7919 % (i / 4 + 1) END, "
                 "CASE i % 4 WHEN 0 THEN 1 ELSE 2 END FROM n) "
                 "INSERT INTO change SELECT 1, i, 0, CAST(printf('%016d', t) AS BLOB), x'0d', CAST(i AS BLOB), intent, "
                 "zeroblob(80), NULL, zeroblob(80), NULL, zeroblob(40), x'0a', 1, 1, 1, 0, i, NULL, 0, 0 FROM made"));
    must(
        db->exec("INSERT INTO ticket (tenant_id, ticket_id, integer_id, number, version, status, status_class, "
                 "priority, subject, created_ms, updated_ms, ended_ms, deleted, change_count, state) SELECT 1, "
                 "ticket_id, row_number() OVER (), 'T', max(commit_seq), 1, 1, 2, 's', 1, 1, 0, 0, 4, zeroblob(300) "
                 "FROM change GROUP BY ticket_id"));
    must(
        db->run("INSERT INTO scope_member SELECT 1, $1, ticket_id, 1, CASE integer_id % 5 WHEN 0 THEN 2 ELSE 0 END, 1 "
                "FROM ticket WHERE integer_id % 3 = 0",
                scope.operator_id));
    must(all.commit());
  }

  void restored() { must(db->run("INSERT INTO past_epoch VALUES (1, x'0e', $1, x'0f')", commits_kept)); }
  /// Of every `nth` commit.
  void hold(std::uint64_t nth) {
    must(db->run("UPDATE change SET standing = $1 WHERE commit_seq % $2 = 0", sync::Outcome::held, nth));
  }

  /// Tickets that come again, with where.
  std::map<TicketId, std::uint64_t> again(std::uint64_t after, std::uint64_t now = commits_made) {
    std::map<TicketId, std::uint64_t> out;
    for (const auto& item : must(server::read_news(*db, scope, after, now)))
      if (item.kind == server::NewsKind::again) CHECK(out.emplace(item.ticket, item.position).second);
    return out;
  }

  /// The same, change by change.
  std::map<TicketId, std::uint64_t> due(std::uint64_t after) {
    struct Seen {
      std::uint64_t made = 0, held = 0;
    };
    std::map<TicketId, Seen> seen;
    auto rows =
        must(db->query("SELECT ticket_id, commit_seq, intent, standing FROM change WHERE $1 = 1 OR EXISTS "
                       "(SELECT 1 FROM scope_member m WHERE m.tenant_id = 1 AND m.operator_id = $2 AND "
                       "m.ticket_id = change.ticket_id AND m.left_seq = 0) ORDER BY commit_seq",
                       scope.all, scope.operator_id));
    while (must(rows.step())) {
      Seen& ticket = seen[rows.id<TicketId>(0)];
      if (rows.int64(2) == 1) ticket.made = rows.uint64(1);
      if (rows.uint64(1) > commits_kept && rows.int64(3) == static_cast<std::int64_t>(sync::Outcome::held))
        ticket.held = rows.uint64(1);
    }
    std::map<TicketId, std::uint64_t> out;
    for (const auto& [id, ticket] : seen)
      if (const auto last = std::max(ticket.made, ticket.held); ticket.held != 0 && last > after) out[id] = last;
    return out;
  }

  /// In thousands of the database's steps.
  int work(std::uint64_t after) {
    int asked = 0;
    db->set_keep_going([&] {
      ++asked;
      return true;
    });
    must(server::read_news(*db, scope, after, commits_made));
    db->set_keep_going({});
    return asked * 4;
  }

  TempDir folder;
  std::unique_ptr<sqlite::Database> db;
  server::ReaderScope scope;
};

}  // namespace

TEST_CASE("what is held since a restore is told of whether its reader is near or far behind", "[server][exchange]") {
  RestoredFile file;
  file.restored();
  file.scope.all = GENERATE(true, false);
  file.hold(97);
  for (const std::uint64_t after : {1ULL, 4'000ULL, 5'500ULL, 11'000ULL, 11'700ULL, 11'999ULL}) {
    INFO(after);
    const auto due = file.due(after);
    CHECK((!due.empty() || after > 11'900));
    CHECK(file.again(after, after + 1) == due);          // as of one who is near
    CHECK(file.again(after, after + 1'000'000) == due);  // and far
  }
}

TEST_CASE("an exchange of a tenant that was once restored looks through what is held, not through its ledger",
          "[server][exchange]") {
  RestoredFile file;
  file.scope.all = true;
  const std::uint64_t after = GENERATE(11'999, 11'600, 6'000, 1);
  INFO(after);
  const int before = file.work(after);
  file.restored();
  CHECK(file.work(after) <= before + 4);
  file.hold(600);  // 11 of them since
  CHECK(file.work(after) <= before + 12);
}

TEST_CASE("a file that cannot be read is an error, and no tenant without commits", "[server][exchange]") {
  const Desk desk;
  CHECK(must(server::newest_commit(must(desk.tenant->reader()).db(), *desk.tenant)) == desk.tenant->commit_seq());
  TempDir folder;
  sqlite::OpenOptions options;
  options.path = folder.file("tern.db");
  const auto empty = must(sqlite::Database::open(options));
  CHECK_FALSE(server::newest_commit(*empty, *desk.tenant));
}

}  // namespace tern::test
