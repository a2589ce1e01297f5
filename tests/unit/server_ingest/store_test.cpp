#include <filesystem>

#include "access/enrolment.hpp"
#include "desk.hpp"
#include "desk/outgoing_settings.hpp"
#include "ingest/route.hpp"
#include "ingest/working_ticket.hpp"
#include "store/admission_codec.hpp"
#include "store/tenant_internals.hpp"
#include "store/zone.hpp"
#include "support/catch.hpp"
#include "support/each_fails.hpp"
#include "support/files.hpp"
#include "support/must.hpp"

using namespace tern;
using namespace tern::test;

TEST_CASE("a tenant that is closed and opened again after each step goes on as if nothing had been",
          "[ingest][store]") {
  Desk desk;
  const RecordId queue = desk.add_record(sync::RecordKind::queue, "North");
  desk.reopen();
  auto van = desk.add_van(desk.add_operator("Ada", sync::Role::operator_, {queue}));
  desk.reopen();
  std::vector<TicketId> tickets;
  for (int i = 0; i < 3; ++i) {
    tickets.push_back(desk.new_ticket_id());
    CHECK(van->send(van->create(tickets.back())).number == "T-2023-000" + std::to_string(i + 1));
    desk.environment.advance(1'000);
    desk.reopen();
    van->pull();
    desk.reopen();
    CHECK(van->send(van->make(Intent::take, tickets.back())).outcome == Outcome::applied);
    desk.reopen();
  }
  CHECK(desk.tenant->name() == "Pumps Ltd");
  CHECK(desk.tenant->find_record(sync::RecordKind::queue, queue)->integer_id == 1);
  CHECK(desk.tenant->find_actor(van->operator_id)->queues == std::vector{queue});
  CHECK(desk.differs_from_zero() == "");
  CHECK(desk.verify().findings == std::vector<std::string>{});
}

TEST_CASE("two tenants side by side know nothing of each other", "[ingest][store]") {
  Desk left(1, "LEFTCANARY Ltd");
  Desk right(2, "RIGHTCANARY Ltd");
  auto a = left.add_van(left.add_operator("LEFTCANARY Ada"));
  auto b = right.add_van(right.add_operator("RIGHTCANARY Bob"));
  const TicketId ticket = left.new_ticket_id();
  a->send({a->create(ticket, "LEFTCANARY"), a->note(ticket, "LEFTCANARY")});
  b->send({b->create(ticket, "RIGHTCANARY"), b->note(ticket, "RIGHTCANARY")});
  server::Push crossed = a->pushable();
  crossed.change_sets = {a->seal({a->note(ticket, "LEFTCANARY to the right")})};
  const auto answer = b->push(crossed);
  REQUIRE(answer.fault);
  CHECK(answer.fault->error.code == ErrorCode::tenant_mismatch);
  CHECK(files_holding(left.folder.path(), "RIGHTCANARY").empty());
  CHECK(files_holding(right.folder.path(), "LEFTCANARY").empty());
}

TEST_CASE("numbers follow the year of the tenant's zone and are never given twice", "[ingest][store]") {
  Desk desk(1, "Pumps Ltd", "Europe/Berlin");
  auto van = desk.add_van(desk.add_operator("Ada"));
  desk.environment.advance(1'704'063'600'000 - 2'000 -
                           desk.environment.wall_ms());  // New Year 2024 in Berlin, less 2 s
  desk.tenant->accept_clock();
  van->pull();
  CHECK(van->send(van->create(desk.new_ticket_id())).number == "T-2023-0001");
  desk.environment.advance(3'000);
  CHECK(van->send(van->create(desk.new_ticket_id())).number == "T-2024-0001");
  CHECK(van->send(van->create(desk.new_ticket_id())).number == "T-2024-0002");
}

TEST_CASE("a zone file gives the year on both halves of the world and beyond its last step", "[store]") {
  const auto berlin = server::Zone::open("Europe/Berlin");
  const auto auckland = server::Zone::open("Pacific/Auckland");
  REQUIRE(berlin);
  REQUIRE(auckland);
  constexpr std::int64_t new_year_2024 = 1'704'067'200;
  CHECK(server::Zone{}.year_of((new_year_2024 - 1) * 1000) == 2023);
  CHECK(berlin->year_of((new_year_2024 - 3'600) * 1000) == 2024);
  CHECK(berlin->year_of((new_year_2024 - 3'601) * 1000) == 2023);
  CHECK(auckland->year_of((new_year_2024 - 13 * 3'600) * 1000) == 2024);
  CHECK(auckland->year_of((new_year_2024 - 13 * 3'600 - 1) * 1000) == 2023);
  CHECK(berlin->offset_at(1'720'000'000) == 7'200);  // July 2024
  CHECK(berlin->offset_at(4'118'000'000) == 7'200);  // June 2100, by the footer
  CHECK(berlin->offset_at(4'102'444'800) == 3'600);  // January 2100
  CHECK(auckland->offset_at(4'102'444'800) == 13 * 3'600);
  CHECK_FALSE(server::Zone::open("../../etc/passwd"));
  CHECK_FALSE(server::Zone::open("Mars/Olympus"));
  CHECK_FALSE(server::Zone::parse("TZif2 and nothing else"));
}

TEST_CASE("M10: a day of a zone is as long as its clocks say", "[store][reports]") {
  const server::Zone kyiv = must(server::Zone::open("Europe/Kyiv"));
  constexpr std::int64_t hour = 3'600, day = 24 * hour;
  constexpr std::int64_t monday = 1'806'267'600;  // 2027-03-29T00:00:00+03:00: clocks went forward the day before
  CHECK(kyiv.days_before(monday, 1) == monday - 23 * hour);
  CHECK(kyiv.days_before(monday, 7) == monday - 7 * day + hour);
  CHECK(kyiv.days_before(monday + 30 * hour, 1) == monday + 6 * hour);
  CHECK(kyiv.days_before(monday + 27 * hour + 1'800, 2) == monday - 20 * hour);  // half past three was not there
  CHECK(kyiv.day_of(monday - 1) == kyiv.day_of(monday) - 1);
  CHECK(kyiv.days_before(monday + 217 * day + hour, 1) == monday + 216 * day);  // 2027-11-01, behind a day of 25 hours
  CHECK(server::Zone().days_before(monday, 7) == monday - 7 * day);
}

TEST_CASE("an admission is kept as it was", "[store]") {
  sync::Admission admission;
  admission.verdict = sync::Admission::Verdict::held;
  admission.reason = ReasonCode::parent_held;
  admission.seen_seq = 77;
  admission.effective_ms = -5;
  admission.time_flags = 0x1ff;
  admission.claim_applies = false;
  admission.claim_rule = Rule::taken;
  admission.claim_stands.id.bytes.fill(3);
  admission.custody_of.bytes.fill(4);
  admission.integer_id = 12;
  admission.number = "T-2023-0012";
  admission.redirected = true;
  const Bytes bytes = server::encode_admission(admission, {{admission.claim_stands, admission}});
  const auto back = server::decode_admission(bytes);
  REQUIRE(back);
  CHECK(server::encode_admission(back->admission, back->released) == bytes);
  CHECK(back->admission.number == "T-2023-0012");
  CHECK(back->admission.claim_rule == Rule::taken);
  CHECK_FALSE(back->admission.claim_applies);
  for (std::size_t cut = 0; cut < bytes.size(); ++cut) CHECK_FALSE(server::decode_admission(bytes.substr(0, cut)));
}

TEST_CASE("history goes on under a new epoch: what was seen below it still counts", "[ingest][store][scenario-13]") {
  Desk desk;
  auto van = desk.add_van(desk.add_operator("Ada"));
  auto depot = desk.add_van(desk.add_operator("Bob"));
  const TicketId ticket = desk.new_ticket_id();
  van->send(van->create(ticket));
  van->pull();
  const Change seen_before = van->set(ticket, sync::FieldId::subject, "made under the old epoch");
  const protocol::LogHead head = desk.tenant->log_head();
  protocol::EpochRecord record{desk.id,
                               head.epoch,
                               head.size,
                               head.root,
                               random_id<EpochId>(desk.environment),
                               desk.environment.wall_ms(),
                               protocol::EpochReason::restored};
  const Bytes wire = protocol::sign_statement(record, desk.root()).wire;
  REQUIRE(persist([&] { return server::begin_epoch(*desk.tenant, record, wire); }));
  CHECK(desk.tenant->epoch() == record.new_epoch);
  CHECK(*server::epoch_record(*desk.tenant, head.epoch) == std::optional(wire));
  CHECK_FALSE(*server::epoch_record(*desk.tenant, record.new_epoch));
  CHECK_FALSE(persist([&] { return server::begin_epoch(*desk.tenant, record, "again"); }));
  desk.reopen();
  const Told told = van->send(seen_before);
  CHECK(told.outcome == Outcome::applied);
  CHECK(told.seen_seq == head.size);
  const Told next = van->send(van->create(desk.new_ticket_id()));
  CHECK(next.integer_id == 2 + 10'000);
  CHECK(next.number == "T-2023-10002");
  CHECK(desk.verify().findings == std::vector<std::string>{});
}

TEST_CASE("numbers go on beyond what a busy desk may have given since its backup", "[ingest][store][scenario-13]") {
  Desk desk;
  auto van = desk.add_van(desk.add_operator("Ada"));
  for (int i = 0; i < 20; ++i) van->send(van->create(desk.new_ticket_id()));
  const protocol::LogHead head = desk.tenant->log_head();
  const int months = GENERATE(200, 300, 600);
  desk.environment.advance(months * 30LL * 24 * 3'600'000);
  const protocol::EpochRecord record{desk.id,
                                     head.epoch,
                                     head.size,
                                     head.root,
                                     random_id<EpochId>(desk.environment),
                                     desk.environment.wall_ms(),
                                     protocol::EpochReason::restored};
  REQUIRE(server::begin_epoch(*desk.tenant, record, protocol::sign_statement(record, desk.root()).wire));
  // 20 in a month, so 40 in each of those that are lost.
  CHECK(van->send(van->create(desk.new_ticket_id())).integer_id ==
        21U + 10'000U * (1U + 40U * static_cast<unsigned>(months) / 10'000U));
}

TEST_CASE("an anchor that a restore took away: what was seen under it counts as far as the history was kept",
          "[ingest][store][time][scenario-13]") {
  Desk desk;
  auto van = desk.add_van(desk.add_operator("Ada"));
  const TicketId ticket = desk.new_ticket_id();
  van->send(van->create(ticket));
  van->pull();
  // Sealed under the history that is lost: it had gone further, and so had the anchor.
  Change note = van->note(ticket, "seen what is no more");
  note.seen_seq = van->cursor + 40;
  van->cursor += 40;
  van->anchor.bytes.fill(0x5a);
  van->seal({note});
  const protocol::LogHead head = desk.tenant->log_head();
  const protocol::EpochRecord record{desk.id,
                                     head.epoch,
                                     head.size,
                                     head.root,
                                     random_id<EpochId>(desk.environment),
                                     desk.environment.wall_ms(),
                                     protocol::EpochReason::restored};
  REQUIRE(persist(
      [&] { return server::begin_epoch(*desk.tenant, record, protocol::sign_statement(record, desk.root()).wire); }));
  const auto answer = van->push();
  REQUIRE_FALSE(answer.fault);
  const Told told = test::told(answer).front();
  CHECK(told.outcome == Outcome::applied);
  CHECK(told.seen_seq <= head.size);
  CHECK((told.time_flags & sync::time_flag_anchor_unknown) != 0);
  CHECK(desk.verify().findings == std::vector<std::string>{});
}

TEST_CASE("the latest fact of anybody else is told from two numbers", "[ingest][store]") {
  VirtualEnvironment environment(5);
  std::vector<server::Chain> chains(4);
  for (server::Chain& chain : chains) chain = {random_id<DeviceId>(environment), 1};
  chains[3].device = chains[2].device;  // another epoch of the same device is another chain
  chains[3].epoch = 2;
  server::LatestFacts latest;
  std::vector<std::pair<server::Chain, std::int64_t>> all;
  for (int i = 0; i < 500; ++i) {
    const auto byte = random_id<ChangeId>(environment).bytes;
    all.emplace_back(chains[byte[0] % 4], byte[1] * 7 + i);
    latest.add(all.back().first, all.back().second);
    for (const server::Chain& chain : chains) {
      std::int64_t due = 0;
      for (const auto& [who, at] : all)
        if (!(who == chain)) due = std::max(due, at);
      CHECK(latest.of_others(chain) == due);
    }
  }
}

namespace {

/// The files as they are now, with nothing closed.
void crash(Desk& desk) {
  TempDir crashed;
  for (const auto& entry : std::filesystem::directory_iterator(desk.folder.path()))
    std::filesystem::copy_file(entry.path(), crashed.file(entry.path().filename().string()));
  desk.tenant.reset();
  for (const auto& entry : std::filesystem::directory_iterator(desk.folder.path()))
    std::filesystem::remove(entry.path());
  for (const auto& entry : std::filesystem::directory_iterator(crashed.path()))
    std::filesystem::copy_file(entry.path(), desk.folder.file(entry.path().filename().string()));
}

}  // namespace

TEST_CASE("after a crash neither anchors nor server time go back", "[ingest][store]") {
  Desk desk;
  auto van = desk.add_van(desk.add_operator("Ada"));
  van->send(van->create(desk.new_ticket_id()));
  for (int round = 0; round < 4; ++round) {
    CAPTURE(round);
    desk.environment.advance(round * 7'000);  // within the durable bound, and beyond it
    server::Tenant::IssuedAnchor last;
    for (int i = 0; i < 3; ++i) {
      desk.environment.advance(1'500);
      last = **desk.tenant->anchor();
    }
    const std::uint64_t commits = desk.tenant->commit_seq();
    crash(desk);
    desk.environment.set_wall(desk.environment.wall_ms() - 1'000);
    desk.environment.reboot();
    desk.reopen();
    CHECK(desk.tenant->commit_seq() == commits);
    const auto key = desk.tenant->keys().log.public_key();
    const auto before = protocol::open_statement<protocol::Anchor>(last.wire, key);
    const auto after = protocol::open_statement<protocol::Anchor>((**desk.tenant->anchor()).wire, key);
    CHECK(after->value.anchor_seq > before->value.anchor_seq);
    CHECK(after->value.time_ms >= before->value.time_ms);
  }
  CHECK(desk.verify().findings == std::vector<std::string>{});
}

TEST_CASE("crash after crash does not push server time ahead of the clock", "[ingest][store]") {
  Desk desk;
  auto van = desk.add_van(desk.add_operator("Ada"));
  std::int64_t last_ms = 0;
  for (int round = 0; round < 40; ++round) {
    CAPTURE(round);
    desk.environment.advance(500);
    van->send(van->create(desk.new_ticket_id()));
    const auto anchor = desk.tenant->anchor();
    REQUIRE(anchor);
    REQUIRE(*anchor);
    CHECK(desk.tenant->now_ms() > last_ms);
    last_ms = desk.tenant->now_ms();
    CHECK(desk.tenant->clock_lead_ms() < 11'000);
    crash(desk);
    desk.environment.reboot();
    desk.reopen();
  }
  CHECK_FALSE(desk.tenant->clock_in_doubt());
  desk.environment.advance(60'000);
  CHECK(desk.tenant->clock_lead_ms() == 0);
}

TEST_CASE("a server that comes up after it served a wrong clock says so, and goes on", "[ingest][store]") {
  Desk desk;
  auto van = desk.add_van(desk.add_operator("Ada"));
  constexpr std::int64_t year_ms = std::int64_t{365} * 24 * 3'600'000;
  desk.environment.set_wall(desk.environment.wall_ms() + year_ms);
  desk.tenant->accept_clock();
  van->send(van->create(desk.new_ticket_id()));
  desk.environment.set_wall(desk.environment.wall_ms() - year_ms);
  desk.environment.reboot();
  desk.reopen();
  CHECK(desk.tenant->clock_in_doubt());
  desk.tenant->accept_clock();
  CHECK_FALSE(desk.tenant->clock_in_doubt());
  CHECK(desk.tenant->clock_lead_ms() > year_ms / 2);
  const std::int64_t before_ms = desk.tenant->now_ms();
  desk.environment.advance(1'000);
  CHECK(desk.tenant->now_ms() == before_ms + 500);
  CHECK(desk.tenant->anchor()->has_value());
}

TEST_CASE("a clock in doubt stays in doubt when the file is opened again after an error", "[ingest][store]") {
  Desk desk;
  auto van = desk.add_van(desk.add_operator("Ada"));
  desk.environment.set_wall(desk.environment.wall_ms() + 3'600'000);
  REQUIRE(desk.tenant->clock_in_doubt());
  const std::int64_t now_ms = desk.tenant->now_ms();
  desk.tenant->internals().writer_broken = true;
  van->send(van->create(desk.new_ticket_id()));
  CHECK(desk.tenant->clock_in_doubt());
  CHECK(desk.tenant->now_ms() - now_ms < 1'000);
  CHECK_FALSE(must(desk.tenant->anchor()));
  desk.tenant->accept_clock();
  CHECK_FALSE(desk.tenant->clock_in_doubt());
}

TEST_CASE("a tenant's log goes into its file when it is 16 MiB long, by the writer alone, also when it is opened again",
          "[ingest][store]") {
  Desk desk;
  const auto frames = [](sqlite::Database& db) { return must(db.int64_of("PRAGMA wal_autocheckpoint")); };
  CHECK(frames(desk.tenant->writer()) == 4'096);
  CHECK(must(desk.tenant->writer().int64_of("PRAGMA page_size")) == 4'096);
  CHECK(frames(must(desk.tenant->reader()).db()) == 0);
  desk.tenant->internals().writer_broken = true;
  must(desk.tenant->write([](sqlite::Database&) { return Result<void>{}; }));
  CHECK(frames(desk.tenant->writer()) == 4'096);
}

TEST_CASE("a broken file that is opened again is read again by all that was made of it", "[ingest][store]") {
  Desk desk;
  auto& inside = desk.tenant->internals();
  inside.routing = std::make_shared<server::Routing>();
  inside.outgoing = std::make_shared<server::OutgoingDesk>();
  inside.outgoing_due_ms = INT64_MAX;
  inside.writer_broken = true;
  must(desk.tenant->write([](sqlite::Database&) { return Result<void>{}; }));
  CHECK_FALSE(inside.routing);
  CHECK_FALSE(inside.outgoing);
  CHECK(inside.outgoing_due_ms == 0);
}

TEST_CASE("codes are made and forgotten again once a broken file can be opened", "[ingest][store][enrolment]") {
  Desk desk;
  const OperatorId ada = desk.add_operator("Ada");
  server::Enrolment enrolment(desk.environment);
  // What an I/O error and a failed attempt to open the file again leave behind.
  const auto break_it = [&] {
    desk.tenant->internals().writer_broken = true;
    desk.tenant->internals().writer.reset();
  };
  break_it();
  REQUIRE(enrolment.make_code(*desk.tenant, ada, false, "https://desk.example"));
  CHECK(desk.count("enrolment_code") == 1);
  desk.environment.advance(limits::enrolment_code_ttl_ms + 1);
  break_it();
  REQUIRE(enrolment.sweep(*desk.tenant));
  CHECK(desk.count("enrolment_code") == 0);
}

TEST_CASE("a full disk stores nothing of a batch, and the same push lands once there is room", "[ingest][store][I28]") {
  Desk desk;
  auto van = desk.add_van(desk.add_operator("Ada"));
  const TicketId ticket = desk.new_ticket_id();
  van->send(van->create(ticket));
  std::vector<Change> notes;
  for (int i = 0; i < 10; ++i) notes.push_back(van->note(ticket, std::string(60'000, 'x')));
  van->seal(std::move(notes));
  const server::Push push = van->pushable();
  const std::uint64_t before = desk.tenant->commit_seq();
  REQUIRE(desk.tenant->writer().exec("PRAGMA max_page_count = 60"));
  std::vector<server::VerifiedPush> verified;
  verified.push_back(server::verify_push(*desk.tenant, push));
  const auto failed = server::commit_batch(*desk.tenant, verified);
  REQUIRE_FALSE(failed);
  CHECK(failed.error().code == ErrorCode::storage_full);
  CHECK(desk.tenant->storage_trouble() == ErrorCode::storage_full);
  CHECK(desk.tenant->commit_seq() == before);
  CHECK(desk.messages(ticket).empty());
  // The connection was opened anew, and with it the limit is gone.
  const auto landed = van->push(push);
  CHECK_FALSE(landed.fault);
  CHECK_FALSE(desk.tenant->storage_trouble());
  CHECK(desk.messages(ticket).size() == 10);
  CHECK(desk.tenant->commit_seq() == before + 1);
  CHECK(desk.verify().findings == std::vector<std::string>{});
}

TEST_CASE("who reads goes on with what was known, whatever fails while a tenant is read anew", "[ingest][failing]") {
  Desk desk;
  auto van = desk.add_van(desk.add_operator("Ada", sync::Role::admin));
  const TicketId ticket = desk.new_ticket_id();
  van->send(van->create(ticket));
  const Change note = van->note(ticket, "canary");
  van->send(note);
  REQUIRE(server::erase(*desk.tenant, {note.ref}, van->operator_id));
  const auto known = [&] {
    const server::Tenant& tenant = *desk.tenant;
    return std::tuple(tenant.name(), tenant.commit_seq(), tenant.log_head().size, tenant.epoch(),
                      tenant.records(sync::RecordKind::operator_).size(), tenant.find_actor(van->operator_id)->active,
                      server::find_device(tenant, van->id).has_value(), tenant.is_erased(note.ref));
  };
  const auto at_first = known();
  const auto reads_anew = [&] {
    desk.tenant->internals().writer_broken = true;  // as an error of the storage leaves it
    return desk.tenant->write([](sqlite::Database&) -> Result<void> { return {}; }).has_value();
  };
  CHECK(each_statement_fails(reads_anew, known) > 20);
  CHECK(known() == at_first);
  CHECK(std::get<7>(at_first));
}
