#include "unit/client_sync/support.hpp"

#include <filesystem>

#include "keys/secure_file.hpp"
#include "support/each_fails.hpp"
#include "support/rounds.hpp"
#include "tern/v1/exchange.pb.h"

namespace tern::client::test {
namespace {

using tern::test::StatementFault;

/// A copy of the device's files as they are now: a backup, or a clone.
void copy_home(SyncDevice& from, const std::string& to) {
  from.close();
  std::filesystem::copy(from.home(), to, std::filesystem::copy_options::recursive);
  from.open();
}

void restore_home(SyncDevice& device, const std::string& from) {
  device.close();
  for (const char* name :
       {"outbox.db", "outbox.db-wal", "outbox.db-shm", "replica.db", "replica.db-wal", "replica.db-shm"}) {
    std::filesystem::remove(device.home() + "/" + name);
  }
  std::filesystem::copy(from, device.home(),
                        std::filesystem::copy_options::recursive | std::filesystem::copy_options::overwrite_existing);
  device.open();
}

/// As before an exchange, without one.
void seal_what_waits(Desk& desk) {
  const OpenedKeys keys = good(open_keys(desk.device.home(), std::nullopt, desk.environment));
  good(desk.device.outbox().seal(keys.signing_key,
                                 good(seal_context(desk.device.outbox(), desk.device.replica(), keys.identity)),
                                 desk.environment));
}

}  // namespace

TEST_CASE("a server that went back without a word of its root is not followed", "[client][exchange][history]") {
  Desk desk;
  for (const char* subject : {"one", "two", "three"}) {
    desk.device.create(subject);
    good(desk.device.sync());
  }
  const TicketId kept = desk.device.create("four");
  desk.server.roll_back_to(1);
  const auto result = desk.device.sync();
  REQUIRE_FALSE(result);
  CHECK(result.error().code == ErrorCode::server_rollback);
  CHECK_FALSE(desk.device.state().paused.empty());
  CHECK(desk.device.cursor() == 3);
  CHECK(desk.device.head().acked_seq == 3);
  CHECK(desk.device.subject(kept) == "four");
  CHECK(desk.server.commits() == 1);  // nothing was sent
  desk.device.restart();
  CHECK_FALSE(desk.device.state().paused.empty());  // and that is remembered
  CHECK(outcome(desk.device.sync()) == "SERVER_ROLLBACK");
}

TEST_CASE("a log of the same size with another root is a rollback", "[client][exchange][history][I26]") {
  Desk desk;
  desk.device.create("one");
  good(desk.device.sync());
  desk.server.roll_back_to(0);
  sync::Change foreign = desk.device.fresh(sync::Intent::create, random_id<TicketId>(desk.environment));
  foreign.fields = {{sync::FieldId::subject, "", "foreign", false}};
  desk.server.commit_foreign(foreign);
  CHECK(desk.device.sync().error().code == ErrorCode::server_rollback);
}

TEST_CASE("a rollback that shows only in the exchange is noticed there", "[client][exchange][history]") {
  Desk desk;
  desk.device.create("one");
  good(desk.device.sync());
  desk.device.create("two");
  desk.server.alter = [](v1::ExchangeResponse& response) { response.clear_consistency_proof(); };
  CHECK(desk.device.sync().error().code == ErrorCode::server_rollback);
  CHECK(desk.device.head().acked_seq == 1);
  CHECK(desk.device.cursor() == 1);
}

TEST_CASE("receipts count only for the log that the device follows", "[client][exchange][history]") {
  Desk desk;
  desk.device.create("one");
  good(desk.device.sync());
  desk.device.create("two");
  desk.server.receipts_of_another_log = true;
  SECTION("beside an anchor they are for its head") {
    CHECK(outcome(desk.device.sync()) == "verification_failed");
  }
  SECTION("without an anchor they continue the head it holds") {
    desk.server.anchors = false;
    CHECK(outcome(desk.device.sync()) == "SERVER_ROLLBACK");
  }
  CHECK(desk.device.head().acked_seq == 1);
}

TEST_CASE("a head that only receipts told of has to be continued", "[client][exchange][history]") {
  Desk desk;
  desk.server.anchors = false;
  desk.device.create("one");
  good(desk.device.sync());
  CHECK(desk.device.head().acked_seq == 1);
  desk.server.roll_back_to(0);
  desk.server.anchors = true;
  CHECK(outcome(desk.device.sync()) == "SERVER_ROLLBACK");
}

TEST_CASE("after a restore the device keeps everything and sends its own work again", "[client][exchange][history]") {
  Desk desk;
  std::vector<TicketId> tickets;
  for (int i = 0; i < 5; ++i) {
    tickets.push_back(desk.device.create("ticket " + std::to_string(i)));
    good(desk.device.sync());
  }
  desk.server.restore_to(2);
  tickets.push_back(desk.device.create("after"));
  good(desk.device.sync());
  CHECK(desk.server.commits() == 6);
  CHECK(desk.device.pending() == 0);
  CHECK(desk.device.head().acked_seq == 6);
  for (const TicketId& ticket : tickets) CHECK(desk.server.ticket(ticket).has_value());
  for (const TicketId& ticket : tickets) CHECK(desk.device.subject(ticket) != "not here");
  CHECK(desk.device.state().ladder.back().head == desk.server.head());
  CHECK_FALSE(desk.device.state().notice.empty());
  CHECK_FALSE(desk.device.state().epoch_records.empty());
  // The old receipts stay as evidence.
  CHECK(good(desk.device.outbox().database().int64_of("SELECT count(*) FROM receipt_proof")) == 5 + 3 + 1);
  good(desk.device.sync());
  CHECK(desk.server.commits() == 6);
}

TEST_CASE("what is committed after a restore is shown, although the lost history had gone further",
          "[client][exchange][history]") {
  Desk desk;
  const TicketId ticket = desk.device.create("at first");
  good(desk.device.sync());
  const auto by_another = [&](const std::string& subject) {
    sync::Change change;
    change.ref = {random_id<DeviceId>(desk.environment), random_id<ChangeId>(desk.environment)};
    change.ticket = ticket;
    change.intent = sync::Intent::set;
    change.wall_ms = desk.environment.wall_ms();
    change.seen_seq = desk.server.commits();
    change.fields.push_back({sync::FieldId::subject, {}, subject, false});
    desk.server.commit_foreign(change);
  };
  for (int i = 0; i < 5; ++i) by_another("lost " + std::to_string(i));
  good(desk.device.sync());
  CHECK(desk.device.subject(ticket) == "lost 4");
  desk.server.restore_to(1);
  good(desk.device.sync());
  CHECK(desk.device.subject(ticket) == "lost 4");                 // the device keeps what it has
  CHECK(good(desk.device.replica().held(ticket))->version == 1);  // as of the last commit both histories have
  desk.environment.advance(60'000);
  by_another("after the restore");
  good(desk.device.sync());
  CHECK(desk.device.subject(ticket) == "after the restore");
  CHECK(good(desk.device.replica().held(ticket))->version == 2);
}

TEST_CASE("two restores in a row are followed one by one", "[client][exchange][history]") {
  Desk desk;
  for (int i = 0; i < 4; ++i) {
    desk.device.create("ticket " + std::to_string(i));
    good(desk.device.sync());
  }
  desk.server.restore_to(3);
  good(desk.device.sync());
  CHECK(desk.server.commits() == 4);
  desk.server.restore_to(1);
  good(desk.device.sync());
  CHECK(desk.server.commits() == 4);
  CHECK(desk.device.pending() == 0);
}

TEST_CASE("the next round follows a restore, whatever failed in the one that heard of it",
          "[client][exchange][history][failing]") {
  const auto follows = [] {
    StatementFault* const fault = tern::test::meet_statements(nullptr);
    Desk desk;
    for (const char* subject : {"one", "two"}) desk.device.create(subject);
    good(desk.device.sync());
    desk.device.create("three");
    good(desk.device.sync());
    desk.server.restore_to(1);
    tern::test::meet_statements(fault);
    const bool done = desk.device.sync().has_value();
    tern::test::meet_statements(nullptr);
    if (!done && !desk.device.sync()) CHECK(outcome(desk.device.sync()) == "good");  // a page that was lost is told of
    CHECK(desk.server.commits() == 2);
    CHECK(desk.device.pending() == 0);
    return done;
  };
  CHECK(tern::test::each_statement_fails(follows, tern::test::nothing, tern::test::each(13)) > 50);
}

TEST_CASE("a device set back learns of its own work with the next round, whatever failed",
          "[client][exchange][history][failing]") {
  const auto is_set_back = [] {
    StatementFault* const fault = tern::test::meet_statements(nullptr);
    Desk desk;
    const TempDir backup;
    desk.device.create("one");
    good(desk.device.sync());
    copy_home(desk.device, backup.file("home"));
    desk.device.create("two");
    good(desk.device.sync());
    restore_home(desk.device, backup.file("home"));
    desk.device.create("three");
    tern::test::meet_statements(fault);
    const bool done = desk.device.sync().has_value();
    tern::test::meet_statements(nullptr);
    if (!done && !desk.device.sync()) CHECK(outcome(desk.device.sync()) == "good");  // a page that was lost is told of
    CHECK(desk.device.head().device_epoch == 1);                                     // no fork
    CHECK(desk.server.commits() == 3);
    CHECK(desk.device.pending() == 0);
    return done;
  };
  CHECK(tern::test::each_statement_fails(is_set_back, tern::test::nothing, tern::test::each(13)) > 50);
}

TEST_CASE("an epoch record by another key than the root is not followed", "[client][exchange][history]") {
  const tern::test::NothingFails calm;
  Desk desk;
  desk.device.create("one");
  good(desk.device.sync());
  desk.server.restore_to(0);
  const protocol::SigningKey thief = protocol::SigningKey::generate(desk.environment);
  desk.server.alter_welcome = [&](protocol::SessionWelcome& welcome) {
    protocol::EpochRecord record;
    record.tenant = desk.server.tenant();
    record.old_epoch = desk.device.state().ladder.back().head.epoch;
    record.new_epoch = welcome.head.epoch;
    record.kept_root = protocol::merkle_empty_root();
    welcome.epoch_record = protocol::sign_statement(record, thief).wire;
  };
  CHECK(desk.device.sync().error().code == ErrorCode::server_rollback);
  CHECK(desk.device.head().acked_seq == 1);
}

TEST_CASE("an epoch record that contradicts a head this device knows is not followed", "[client][exchange][history]") {
  Desk desk;
  for (const char* subject : {"one", "two"}) {
    desk.device.create(subject);
    good(desk.device.sync());
  }
  const EpochId old_epoch = desk.device.state().ladder.back().head.epoch;
  desk.server.restore_to(2);
  desk.server.alter_welcome = [&](protocol::SessionWelcome& welcome) {
    protocol::EpochRecord record;
    record.tenant = desk.server.tenant();
    record.old_epoch = old_epoch;
    record.new_epoch = welcome.head.epoch;
    record.kept_size = 2;
    record.kept_root = protocol::hash("TEST", "another history");
    welcome.epoch_record = protocol::sign_statement(record, desk.server.root()).wire;
  };
  CHECK(desk.device.sync().error().code == ErrorCode::server_rollback);
  CHECK(desk.device.state().epoch_records.empty());
  CHECK(desk.device.state().ladder.back().head.epoch == old_epoch);
}

TEST_CASE("an epoch record that leaves out a set this device has a receipt for is not followed",
          "[client][exchange][history]") {
  Desk desk;
  for (const char* subject : {"one", "two"}) {
    desk.device.create(subject);
    good(desk.device.sync());
  }
  SyncState state = desk.device.state();  // the head that would tell has been thinned out
  std::erase_if(state.ladder, [](const LadderHead& held) { return held.head.size == 2; });
  good(store_sync_state(desk.device.outbox(), state));
  desk.device.restart();
  desk.server.roll_back_to(1);
  sync::Change foreign = desk.device.fresh(sync::Intent::create, random_id<TicketId>(desk.environment));
  foreign.fields = {{sync::FieldId::subject, "", "foreign", false}};
  desk.server.commit_foreign(foreign);
  desk.server.restore_to(2);
  CHECK(outcome(desk.device.sync()) == "SERVER_ROLLBACK");
  CHECK(desk.device.state().epoch_records.empty());
  CHECK(desk.device.head().acked_seq == 2);
}

TEST_CASE("a device set back to an older backup fetches its own work before it writes", "[client][exchange][history]") {
  Desk desk;
  const TempDir backup;
  const TicketId ticket = desk.device.create("one");
  good(desk.device.sync());
  copy_home(desk.device, backup.file("home"));
  desk.device.set_subject(ticket, "two");
  good(desk.device.sync());
  desk.device.set_subject(ticket, "three");
  good(desk.device.sync());
  restore_home(desk.device, backup.file("home"));
  CHECK(desk.device.head().chain_seq == 1);

  desk.environment.advance(1000);
  desk.device.set_subject(ticket, "four");
  good(desk.device.sync());
  CHECK(desk.device.head().device_epoch == 1);  // no fork
  CHECK(desk.device.head().chain_seq == 4);
  CHECK(desk.device.head().acked_seq == 4);
  CHECK(desk.server.commits() == 4);
  CHECK(desk.device.pending() == 0);
  CHECK(desk.device.subject(ticket) == "four");
  CHECK(good(desk.device.outbox().own_changes(ticket)).size() == 4);
  CHECK_FALSE(desk.device.state().notice.empty());
}

TEST_CASE("drafts of a backup that were sealed and sent after it are not sent twice", "[client][exchange][history]") {
  Desk desk;
  const TempDir backup;
  good(desk.device.sync());
  const TicketId ticket = desk.device.create("saved, then backed up");
  copy_home(desk.device, backup.file("home"));
  good(desk.device.sync());
  restore_home(desk.device, backup.file("home"));
  CHECK(good(desk.device.outbox().counts()).drafts == 1);
  good(desk.device.sync());
  CHECK(desk.server.commits() == 1);
  CHECK(good(desk.device.outbox().own_changes(ticket)).size() == 1);
  CHECK(desk.device.pending() == 0);
}

TEST_CASE("own sets that were altered on their way are not taken", "[client][exchange][history]") {
  Desk desk;
  const TempDir backup;
  const TicketId ticket = desk.device.create("one");
  good(desk.device.sync());
  copy_home(desk.device, backup.file("home"));
  desk.device.set_subject(ticket, "two");
  good(desk.device.sync());
  restore_home(desk.device, backup.file("home"));
  desk.server.alter = [](v1::ExchangeResponse& response) {
    for (Bytes& set : *response.mutable_own_sets()) set.back() = static_cast<char>(set.back() ^ 1);
  };
  REQUIRE_FALSE(desk.device.sync());
  CHECK(desk.device.head().chain_seq == 1);
}

TEST_CASE("the first fork of a clone heals: the work is signed again and nobody's is lost",
          "[client][exchange][history]") {
  const tern::test::NothingFails calm;
  Desk desk;
  const TempDir copy;
  const TicketId ticket = desk.device.create("one");
  good(desk.device.sync());
  copy_home(desk.device, copy.file("home"));
  const TicketId of_original = desk.device.create("by the original");
  good(desk.device.sync());

  // The clone: the files of before, with work sealed before it meets the server.
  restore_home(desk.device, copy.file("home"));
  const TicketId of_clone = desk.device.create("by the clone");
  seal_what_waits(desk);
  good(desk.device.sync());
  CHECK(desk.device.head().device_epoch == 2);
  CHECK(desk.device.head().acked_seq == desk.device.head().chain_seq);
  CHECK(desk.server.ticket(of_original).has_value());
  CHECK(desk.server.ticket(of_clone).has_value());
  CHECK(desk.device.subject(of_original) == "by the original");
  CHECK_FALSE(desk.device.state().notice.empty());
  CHECK(desk.device.pending() == 0);

  desk.device.restart();
  desk.device.set_subject(ticket, "two");
  good(desk.device.sync());
  CHECK(desk.device.head().device_epoch == 2);
  DeviceIdentity identity = desk.device.identity();
  apply_certificate(identity, desk.device.state());
  CHECK(identity.device_epoch == 2);
}

TEST_CASE("a second fork freezes the key: the work is handed in, and kept", "[client][exchange][history]") {
  const tern::test::NothingFails calm;
  Desk desk;
  const TempDir copy;
  desk.device.create("one");
  good(desk.device.sync());
  desk.server.device(desk.device.identity().device).forked_once = true;
  copy_home(desk.device, copy.file("home"));
  desk.device.create("by the original");
  good(desk.device.sync());
  restore_home(desk.device, copy.file("home"));
  const TicketId of_clone = desk.device.create("by the clone");
  seal_what_waits(desk);
  const auto result = desk.device.sync();
  REQUIRE_FALSE(result);
  CHECK(result.error().code == ErrorCode::key_revoked);
  CHECK(desk.server.device(desk.device.identity().device).deposits.size() == 1);
  CHECK_FALSE(desk.server.ticket(of_clone).has_value());
  CHECK(desk.device.subject(of_clone) == "by the clone");
  CHECK(desk.device.head().device_epoch == 1);
}

TEST_CASE("a fork that heals is made up for when the device died before it signed again",
          "[client][exchange][history]") {
  Desk desk;
  good(desk.device.sync());
  const TicketId ticket = desk.device.create("one");
  {
    protocol::Certificate held = good(read_stored_statement<protocol::Certificate>(desk.device.identity().certificate));
    held.device_epoch = 2;
    SyncState state = desk.device.state();
    const auto certificate = protocol::sign_statement(held, desk.server.log_key());
    state.certificate = certificate.wire;
    good(store_sync_state(desk.device.outbox(), state));
    auto& there = desk.server.device(desk.device.identity().device);
    there.certificate = certificate.wire;
    there.head = {2, 0, protocol::genesis_prev_hash(certificate.wire)};
  }
  desk.device.restart();
  good(desk.device.sync());
  CHECK(desk.device.head().device_epoch == 2);
  CHECK(desk.server.ticket(ticket).has_value());
}

TEST_CASE("a key that is frozen hands its work in and keeps everything", "[client][exchange][history]") {
  Desk desk;
  const TicketId ticket = desk.device.create("one");
  good(desk.device.sync());
  desk.server.device(desk.device.identity().device).mode = protocol::SessionMode::deposit;
  desk.server.forget_sessions();
  desk.device.set_subject(ticket, "two");
  const auto result = desk.device.sync();
  REQUIRE_FALSE(result);
  CHECK(result.error().code == ErrorCode::key_revoked);
  auto& there = desk.server.device(desk.device.identity().device);
  CHECK(there.deposits.size() == 1);
  CHECK(desk.device.subject(ticket) == "two");
  CHECK(desk.device.pending() == 1);
  CHECK_FALSE(desk.device.state().paused.empty());
  CHECK(desk.device.engine().is_over());

  desk.device.restart();
  desk.device.set_subject(ticket, "three");
  REQUIRE_FALSE(desk.device.sync());
  CHECK(there.deposits.size() == 2);  // the first is not handed in again
  CHECK(desk.device.cursor() == 1);
}

TEST_CASE("a revocation of this key ends the session; the next one is for deposits", "[client][exchange][history]") {
  Desk desk;
  desk.device.create("one");
  good(desk.device.sync());
  protocol::Revocation revocation;
  revocation.tenant = desk.server.tenant();
  revocation.device = desk.device.identity().device;
  revocation.key = desk.device.identity().key;
  desk.server.statements = {protocol::sign_statement(revocation, desk.server.log_key()).wire};
  desk.server.device(desk.device.identity().device).mode = protocol::SessionMode::deposit;
  desk.device.create("two");
  const auto result = desk.device.sync();
  REQUIRE_FALSE(result);
  CHECK(result.error().code == ErrorCode::key_revoked);
  CHECK(desk.server.device(desk.device.identity().device).deposits.size() == 1);
}

TEST_CASE("a wipe order destroys the replica and keeps the outbox, which is handed in", "[client][exchange][history]") {
  Desk desk;
  const TicketId ticket = desk.device.create("secret");
  good(desk.device.sync());
  desk.device.set_subject(ticket, "not sent yet");
  const Bytes data_key(good(open_keys(desk.device.home(), std::nullopt, desk.environment)).data_key.view());
  protocol::WipeOrder order;
  order.tenant = desk.server.tenant();
  order.device = desk.device.identity().device;
  desk.server.statements = {protocol::sign_statement(order, desk.server.log_key()).wire};
  int answers = 0;
  desk.server.alter = [&](v1::ExchangeResponse& response) {
    if (answers++ == 0) response.clear_receipts();  // with the order only
  };
  const auto result = desk.device.sync();
  REQUIRE_FALSE(result);
  CHECK(result.error().code == ErrorCode::key_revoked);
  CHECK_FALSE(std::filesystem::exists(desk.device.home() + "/replica.db"));
  CHECK_FALSE(std::filesystem::exists(desk.device.home() + "/replica.key"));
  CHECK(desk.device.head().acked_seq == 2);  // handed in by the same round
  desk.device.set_subject(ticket, "written by a program that did not ask");

  desk.device.restart();
  CHECK(desk.device.identity().device == order.device);
  CHECK(desk.device.cursor() == 0);
  CHECK(good(desk.device.replica().progress()).ghosts <= 1);
  const auto again = desk.device.sync();
  REQUIRE_FALSE(again);
  CHECK(again.error().code == ErrorCode::key_revoked);
  CHECK(desk.device.head().acked_seq == 3);
  CHECK(desk.device.cursor() == 0);  // it takes nothing any more
  CHECK(good(desk.device.replica().confirmed(ticket)) == std::nullopt);
}

TEST_CASE("an erasure takes the words of an own change and leaves its commitment", "[client][exchange][history]") {
  Desk desk;
  const TicketId ticket = desk.device.create("canary-4711");
  good(desk.device.sync());
  const OwnChange own = good(desk.device.outbox().own_changes(ticket)).front();
  protocol::Erasure erasure;
  erasure.tenant = desk.server.tenant();
  erasure.changes = {{{own.change.ref.device, own.change.ref.id}, {}}};
  desk.server.statements = {protocol::sign_statement(erasure, desk.server.log_key()).wire};
  good(desk.device.sync());
  CHECK(good(desk.device.outbox().own_changes(ticket)).front().change.body_erased);
}

TEST_CASE("an anchor of a bad stretch of the server's clock is not cited any more", "[client][exchange][history]") {
  Desk desk;
  good(desk.device.sync());
  const AnchorHeld held = good(desk.device.outbox().anchor());
  const auto anchor = good(read_stored_statement<protocol::Anchor>(held.anchor));
  protocol::AnchorWithdrawal withdrawal;
  withdrawal.tenant = desk.server.tenant();
  withdrawal.epoch = anchor.epoch;
  withdrawal.first_seq = withdrawal.last_seq = anchor.anchor_seq;
  desk.server.statements = {protocol::sign_statement(withdrawal, desk.server.log_key()).wire};
  desk.server.anchors = false;
  good(desk.device.sync());
  CHECK(good(desk.device.outbox().anchor()).hash.is_zero());
}

TEST_CASE("an amendment is kept beside the change it is about", "[client][exchange][history]") {
  Desk desk;
  const TicketId ticket = desk.device.create("one");
  good(desk.device.sync());
  const OwnChange own = good(desk.device.outbox().own_changes(ticket)).front();
  protocol::Amendment amendment;
  amendment.tenant = desk.server.tenant();
  amendment.ticket = ticket;
  amendment.commit_seq = 1;
  protocol::AmendedChange changed;
  changed.name = {own.change.ref.device, own.change.ref.id};
  changed.before = 1;
  changed.after = 3;
  changed.cause = {random_id<DeviceId>(desk.environment), random_id<ChangeId>(desk.environment)};
  amendment.changes = {changed};
  const Bytes wire = protocol::sign_statement(amendment, desk.server.log_key()).wire;
  desk.server.alter = [&](v1::ExchangeResponse& response) { response.add_amendments()->set_signed_statement(wire); };
  CHECK(good(desk.device.sync()).amendments == 1);
  CHECK(good(desk.device.outbox().own_changes(ticket)).front().amendment == wire);
}

TEST_CASE("a server that says it is behind is asked again later, and nothing is dropped",
          "[client][exchange][history]") {
  Desk desk;
  const TicketId ticket = desk.device.create("one");
  desk.server.alter = [](v1::ExchangeResponse& response) {
    response.clear_receipts();
    response.mutable_error()->set_code("SERVER_BEHIND");
  };
  CHECK(desk.device.sync().error().code == ErrorCode::server_behind);
  CHECK(desk.device.pending() == 1);
  desk.server.alter = nullptr;
  good(desk.device.sync());
  CHECK(desk.server.ticket(ticket).has_value());
}

TEST_CASE("a gap is filled from where the server says", "[client][exchange][history]") {
  const tern::test::NothingFails calm;
  Desk desk;
  good(desk.device.sync());
  const OpenedKeys keys = good(open_keys(desk.device.home(), std::nullopt, desk.environment));
  for (int i = 0; i < 3; ++i) {
    desk.device.create("ticket");
    good(desk.device.outbox().seal(keys.signing_key,
                                   good(seal_context(desk.device.outbox(), desk.device.replica(), keys.identity)),
                                   desk.environment));
  }
  bool once = true;
  std::vector<int> sizes;
  desk.server.on_request = [&](const v1::ExchangeRequest& request) { sizes.push_back(request.change_sets_size()); };
  desk.server.alter = [&](v1::ExchangeResponse& response) {
    if (!std::exchange(once, false)) return;
    response.clear_receipts();
    response.mutable_error()->set_code("CHAIN_GAP");
    response.mutable_error()->set_expected_seq(2);
  };
  good(desk.device.sync());
  CHECK(sizes == std::vector<int>{3, 2, 1});  // all, then from the second, then what has no receipt yet
  CHECK(desk.device.head().acked_seq == 3);
}

TEST_CASE("a server that lost confirmed work of this device is told, not obeyed", "[client][exchange][history]") {
  Desk desk;
  desk.device.create("one");
  good(desk.device.sync());
  desk.device.create("two");
  desk.server.alter = [](v1::ExchangeResponse& response) {
    response.clear_receipts();
    response.mutable_error()->set_code("CHAIN_GAP");
    response.mutable_error()->set_expected_seq(1);
  };
  CHECK(desk.device.sync().error().code == ErrorCode::server_behind);
  CHECK(desk.device.head().acked_seq == 1);
}

}  // namespace tern::client::test
