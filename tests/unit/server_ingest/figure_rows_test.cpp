// What reports count, as it is kept beside the SLA clocks (docs/reports.md, "Kept").
#include "desk/figure_rows.hpp"

#include "desk.hpp"
#include "support/catch.hpp"
#include "support/must.hpp"
#include "support/older_schema.hpp"
#include "tern/sqlite/database.hpp"

namespace tern::test {
namespace {

constexpr std::int64_t figure_hour_ms = 3'600'000;
using server::FigureKind;
using server::FigureRow;

/// A ticket of a customer's that was answered after an hour and resolved after two, by Ada, who had taken it.
struct Figured {
  Figured() : ada(desk.add_operator("Ada")), van(desk.add_van(ada)) {
    kim = desk.add_record(sync::RecordKind::contact, "Kim");
    ticket = desk.new_ticket_id();
    Change create = van->create(ticket);
    create.fields.push_back({sync::FieldId::contact, {}, Bytes(kim.view()), false});
    REQUIRE(van->send(create).outcome == Outcome::applied);
    van->pull();
    REQUIRE(van->send(van->make(Intent::take, ticket)).outcome == Outcome::applied);
    made = desk.tenant->now_ms() / 1000;
    desk.environment.advance(figure_hour_ms);
    van->sync();
    van->send(van->note(ticket, "on our way", sync::Visibility::open));
    desk.environment.advance(figure_hour_ms);
    van->sync();
    REQUIRE(van->send(van->make(Intent::resolve, ticket)).outcome == Outcome::applied);
  }

  server::FigureRows rows() { return {desk.tenant->writer(), desk.tenant->number()}; }
  std::vector<FigureRow> kept() { return must(rows().of(ticket)); }
  FigureRow kept(int kind) {
    for (const FigureRow& row : kept())
      if (row.kind == kind) return row;
    FAIL("no such row");
    return {};
  }
  FigureRow kept(FigureKind kind) { return kept(static_cast<int>(kind)); }
  std::string findings() {
    std::string out;
    for (const std::string& finding : desk.verify().findings) out += finding + "\n";
    return out;
  }
  void damage(const std::string& sql) { must(desk.tenant->writer().exec(sql)); }
  std::size_t look() {
    return must(persist_job(*desk.tenant, [&] { return server::look_at_clocks(*desk.tenant); }));
  }

  Desk desk;
  OperatorId ada;
  std::unique_ptr<Van> van;
  RecordId kim;
  TicketId ticket;
  sla::Instant made = 0;
};

}  // namespace

TEST_CASE("commits keep what reports count of the tickets that they touch", "[ingest][reports]") {
  Figured f;
  REQUIRE(f.kept().size() == 5);
  CHECK(f.kept(FigureKind::created).at == f.made);
  const FigureRow response = f.kept(FigureKind::first_response);
  CHECK(response.wall == 3600);
  CHECK(response.business == 3600);
  CHECK(response.assignee == f.ada.view());
  const FigureRow resolved = f.kept(FigureKind::resolved);
  CHECK(resolved.wall == 7200);
  CHECK(resolved.touches == 1);
  CHECK(resolved.reopened == 0);
  CHECK(f.kept(server::promise_kind(sla::Metric::first_response)).outcome == server::PromiseOutcome::met);
  CHECK(f.kept(server::promise_kind(sla::Metric::resolution)).outcome == server::PromiseOutcome::met);
  CHECK(f.findings() == "");

  // Reopened and done again: the first resolution knows of both.
  f.desk.environment.advance(figure_hour_ms);
  f.van->sync();
  f.van->send(f.van->make(Intent::reopen, f.ticket));
  CHECK(f.kept(FigureKind::resolved).reopened == f.made + 3 * 3600);
  CHECK(f.kept(FigureKind::resolved).next == 0);
  f.van->send(f.van->make(Intent::close, f.ticket));
  CHECK(f.kept(FigureKind::resolved).next == f.made + 3 * 3600);
  CHECK(f.kept().size() == 6);

  // A ticket that is deleted counts for nothing, until it is restored.
  Change remove;
  remove.intent = Intent::delete_ticket;
  remove.ticket = f.ticket;
  f.desk.act(remove);
  CHECK(f.kept().empty());
  f.desk.reopen();
  CHECK(f.findings() == "");
  Change restore;
  restore.intent = Intent::restore;
  restore.ticket = f.ticket;
  f.desk.act(restore);
  CHECK(f.kept().size() == 6);
  f.desk.reopen();
  CHECK(f.findings() == "");
}

TEST_CASE("what was made before the server had it is kept as late, once", "[ingest][reports]") {
  Figured f;
  const std::size_t before = must(f.rows().late(f.ticket)).size();
  const Change note = f.van->note(f.ticket, "seen from the road");
  f.van->seal({note});
  const sla::Instant written = f.desk.tenant->now_ms() / 1000;
  f.desk.environment.advance(2 * figure_hour_ms);
  f.van->push();
  f.van->push();
  const auto late = must(f.rows().late(f.ticket));
  REQUIRE(late.size() == before + 1);
  CHECK(late.back().change == note.ref);
  CHECK(late.back().at == written);
  CHECK(late.back().received == written + 2 * 3600);
  CHECK(late.back().author == f.ada);
  CHECK(f.findings() == "");
}

TEST_CASE("figures that were lost or spoiled are named by verify", "[ingest][reports][verify]") {
  const char* const doubled =
      "INSERT INTO figure SELECT tenant_id, 3, at_s, ticket_id, number, known_s, wall_s, business_s, more_wall_s, "
      "more_business_s, outcome, touches, reopened_s, next_s, assignee, category FROM figure WHERE kind = 2";
  for (const char* sql :
       {"DELETE FROM figure WHERE kind = 2", "UPDATE figure SET wall_s = wall_s + 1 WHERE kind = 4",
        "UPDATE figure SET assignee = NULL WHERE kind = 2", "UPDATE figure SET known_s = 1 WHERE kind = 1", doubled}) {
    Figured f;
    f.damage(sql);
    INFO(sql);
    CHECK(f.findings().find("what reports count of it is not what its changes say") != std::string::npos);
  }
  Figured f;
  f.van->seal({f.van->note(f.ticket, "late")});
  f.desk.environment.advance(figure_hour_ms);
  f.van->push();
  REQUIRE(f.findings() == "");
  f.damage("UPDATE late_change SET at_s = at_s - 1");
  CHECK(f.findings().find("what reports know of late changes") != std::string::npos);
  f.damage("UPDATE late_change SET at_s = at_s + 1; UPDATE late_change SET ticket_id = zeroblob(16)");
  CHECK(f.findings().find("late_change holds rows of ticket") != std::string::npos);
}

TEST_CASE("H6: what reports count of an older file is filled in, behind what is due", "[ingest][reports]") {
  const NothingFails calm;
  Figured f;
  for (int i = 0; i < 70; ++i) REQUIRE(f.van->send(f.van->create(f.desk.new_ticket_id())).outcome == Outcome::applied);
  const auto before = f.kept();
  f.damage(before_figures + "PRAGMA user_version = 12");
  f.desk.reopen();
  CHECK(f.findings() == "");  // nothing is said of what is not filled in
  CHECK(f.kept().empty());
  CHECK(f.look() >= 71);  // open clocks are looked at again after the upgrade, too
  CHECK(f.kept() == before);
  CHECK(f.desk.count("figure") >= 71);
  CHECK(f.look() == 0);
  f.desk.reopen();
  CHECK(f.look() == 0);
  CHECK(f.findings() == "");
  f.damage("DELETE FROM figure WHERE kind = 2");  // and from now on it is compared
  CHECK(f.findings() != "");
}

TEST_CASE("tickets are counted as they are written, of each client, and anew in an older file", "[ingest][reports]") {
  const NothingFails calm;
  Figured f;
  const TicketId first = f.desk.new_ticket_id(), second = f.desk.new_ticket_id();
  for (const TicketId& id : {first, second, f.desk.new_ticket_id()})
    REQUIRE(f.van->send(f.van->create(id)).outcome == Outcome::applied);
  const auto counted = [&](const std::string& which) {
    return must(f.desk.tenant->reader()->db().int64_of("SELECT sum(n) FROM ticket_count WHERE " + which)).value_or(0);
  };
  const std::string client = "x'" + std::string(32, 'a') + "'", nobody = "organisation = x'' AND contact = x''";
  const auto all = counted("n > 0"), others = counted("listed = 1 AND " + nobody) - 3;
  f.damage("UPDATE ticket SET organisation = " + client + " WHERE integer_id IN (2, 3)");
  f.damage("UPDATE ticket SET contact = " + client + ", listed = 7 WHERE integer_id > 1");
  CHECK(counted("listed = 1 AND " + nobody) == others);
  CHECK(counted("listed = 7 AND organisation = " + client + " AND contact = x''") == 2);
  CHECK(counted("listed = 7 AND organisation = x'' AND contact = " + client) == 1);
  f.damage("UPDATE ticket SET listed = 0 WHERE integer_id = 2");
  CHECK(counted("n > 0") == all - 1);
  f.damage("UPDATE ticket SET listed = 1, organisation = NULL, contact = NULL WHERE integer_id > 1");
  CHECK(counted("listed = 1 AND " + nobody) == others + 3);
  CHECK(counted("n > 0") == all);
  CHECK(f.findings() == "");

  f.damage(before_ticket_counts + "PRAGMA user_version = 27");
  f.desk.reopen();
  CHECK(counted("listed = 1 AND " + nobody) == others + 3);
  CHECK(counted("n > 0") == all);
  CHECK(f.findings() == "");
  f.damage("UPDATE ticket_count SET n = n + 1 WHERE listed = 1 AND " + nobody);
  CHECK(f.findings().find("1 of the numbers kept of tickets") != std::string::npos);
}

}  // namespace tern::test
