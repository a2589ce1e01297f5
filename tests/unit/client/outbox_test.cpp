// outbox.db: what was saved is there, in order, whatever happens between two steps.
#include <filesystem>
#include <fstream>

#include "outbox/damaged_outbox.hpp"
#include "outbox/recovery.hpp"
#include "support/catch.hpp"
#include "support/files.hpp"
#include "support/persist.hpp"
#include "tern/protocol/statements.hpp"
#include "tern/v1/exchange.pb.h"
#include "unit/client/client_desk.hpp"

using namespace tern;
using namespace tern::test;
using client::OwnChange;
using client::SetState;

namespace {

protocol::VerifyContext verifier(const ClientDesk& desk) {
  protocol::VerifyContext context;
  context.tenant = desk.identity.tenant;
  context.find_key = [&desk](const TenantId&, const DeviceId&, const KeyId&) {
    return std::optional(protocol::KeyRecord{desk.key.public_key(), protocol::suite_ed25519_blake2b,
                                             desk.identity.operator_id, protocol::KeyState::active,
                                             protocol::KeyPurpose::device});
  };
  return context;
}

std::vector<OwnChange> pending(ClientDesk& desk, std::uint64_t cursor = 0) {
  return must(desk.outbox->pending(cursor, std::nullopt));
}

}  // namespace

TEST_CASE("what was saved is there after the process ended at any step", "[client][outbox]") {
  ClientDesk desk;
  const TicketId ticket = desk.save(desk.create("pump leaks", "since Monday")).ticket;
  desk.save(desk.message(ticket, "valve closed"));

  desk.reopen();
  auto own = pending(desk);
  REQUIRE(own.size() == 2);
  CHECK(own[0].change.intent == Intent::create);
  CHECK(own[0].change.text == "since Monday");
  CHECK(own[1].change.text == "valve closed");
  CHECK(own[1].state == SetState::draft);
  CHECK(own[1].origin.index == 1);

  desk.seal();
  desk.reopen();
  own = pending(desk);
  REQUIRE(own.size() == 2);
  CHECK(own[0].state == SetState::sealed);
  CHECK(own[1].origin == sync::Origin{desk.identity.device, 1, 1, 1});

  desk.push(false);
  desk.reopen();
  CHECK(pending(desk)[0].state == SetState::sent);
  CHECK(must(desk.outbox->sets_from(1, 64, 1 << 20)).size() == 1);

  desk.ledger = {};
  desk.push();
  desk.reopen();
  own = pending(desk);
  REQUIRE(own.size() == 2);  // the cursor has not passed its commit
  CHECK(own[0].state == SetState::acked);
  CHECK(pending(desk, own[0].commit_seq).empty());
  CHECK(must(desk.outbox->head()).acked_seq == 1);
}

TEST_CASE("a sealed set is what the verifier demands, and the chain goes on from it", "[client][outbox]") {
  ClientDesk desk;
  const TicketId ticket = desk.save(desk.create("pump")).ticket;
  CHECK(desk.seal() == 1);
  desk.save(desk.message(ticket, "second"));
  CHECK(desk.seal() == 1);
  CHECK(desk.seal() == 0);

  const auto sets = must(desk.outbox->sets_from(1, 64, 1 << 20));
  REQUIRE(sets.size() == 2);
  const auto first = must(protocol::verify_wire(sets[0], verifier(desk)));
  const auto second = must(protocol::verify_wire(sets[1], verifier(desk)));
  CHECK(first.header.chain_seq == 1);
  CHECK(first.header.prev_hash == protocol::genesis_prev_hash(desk.identity.certificate));
  CHECK(second.header.chain_seq == 2);
  CHECK(second.header.prev_hash == first.hash);
  CHECK(must(desk.outbox->head()).hash == second.hash);
  CHECK(must(desk.outbox->sets_from(2, 64, 1 << 20)).size() == 1);
  CHECK(must(desk.outbox->sets_from(1, 64, 10)).size() == 1);  // one at least
}

TEST_CASE("the header tells the monotonic time since the anchor's request, and each change its age",
          "[client][outbox]") {
  ClientDesk desk;
  client::AnchorHeld anchor;
  anchor.hash = named<Hash>("anchor");
  anchor.anchor = "bytes of the anchor";
  anchor.epoch = desk.ledger.epoch;
  anchor.request_boot_ms = desk.env.boot_ms();
  anchor.boot = desk.env.boot_id();
  must(desk.outbox->set_anchor(anchor));
  desk.env.advance(10'000);
  desk.save(desk.create("pump"));
  desk.env.advance(5'000);
  SECTION("in one boot") {
    desk.seal();
    const auto set = must(protocol::verify_wire(must(desk.outbox->sets_from(1, 1, 1 << 20)).front(), verifier(desk)));
    CHECK(set.header.mono_ms == 15'000);
    CHECK(set.header.anchor_hash == anchor.hash);
    CHECK(set.header.boot == desk.env.boot_id());
    const auto change =
        must(sync::parse_change(set.set.changes[0].skeleton, set.set.changes[0].body, desk.identity.device));
    CHECK(change.before_ms == 5'000);
  }
  SECTION("not across a boot, and changes of two boots are never in one set") {
    desk.env.reboot();
    desk.reopen();
    must(desk.outbox->save({desk.create("other")}, desk.env));
    CHECK(desk.seal() == 2);
    for (const Bytes& wire : must(desk.outbox->sets_from(1, 9, 1 << 20))) {
      CHECK(must(protocol::verify_wire(wire, verifier(desk))).header.mono_ms == protocol::mono_unknown);
    }
  }
}

TEST_CASE("the open set is due after 30 idle seconds, another boot, or 1,000 changes", "[client][outbox]") {
  ClientDesk desk;
  const auto due = [&] { return must(desk.outbox->seal_due(desk.env.boot_ms(), desk.env.boot_id())); };
  CHECK_FALSE(due());
  const TicketId ticket = desk.save(desk.create("pump")).ticket;
  desk.env.advance(29'999);
  CHECK_FALSE(due());
  desk.env.advance(1);
  CHECK(due());
  desk.save(desk.message(ticket, "later"));  // seals what rested first
  CHECK(must(desk.outbox->head()).chain_seq == 1);
  CHECK_FALSE(due());
  desk.env.reboot();
  CHECK(due());
  desk.seal();

  std::vector<Change> many(1001, desk.message(ticket, "x"));
  must(desk.commands->save(many));
  CHECK(due());
  CHECK(desk.seal() == 2);
}

TEST_CASE("a set never passes 1 MiB", "[client][outbox]") {
  ClientDesk desk;
  const TicketId ticket = desk.save(desk.create("pump")).ticket;
  must(desk.commands->save(std::vector<Change>(40, desk.message(ticket, std::string(60'000, 'x')))));
  CHECK(desk.seal() == 3);
  for (const Bytes& wire : must(desk.outbox->sets_from(1, 64, 100 << 20))) {
    CHECK(wire.size() <= limits::change_set_bytes_max);
    CHECK(protocol::verify_wire(wire, verifier(desk)));
  }
}

TEST_CASE("late, repeated and foreign receipts harm nothing", "[client][outbox]") {
  ClientDesk desk;
  desk.save(desk.create("pump"));
  desk.seal();
  desk.push();
  const auto before = must(desk.outbox->own_changes(std::nullopt)).front();
  const Hash hash = must(desk.outbox->head()).hash;

  must(desk.outbox->store_receipts({{1, 1, 99, 5, hash, before.outcome}}));
  CHECK(must(desk.outbox->own_changes(std::nullopt)).front().commit_seq == before.commit_seq);
  must(desk.outbox->store_receipts({{1, 77, 99, 5, hash, {}}}));
  const auto foreign = desk.outbox->store_receipts({{1, 1, 99, 5, named<Hash>("other"), {}}});
  REQUIRE_FALSE(foreign);
  CHECK(foreign.error().code == ErrorCode::verification_failed);
}

TEST_CASE("a receipt that does not answer every change is refused, and nothing is stored", "[client][outbox]") {
  ClientDesk desk;
  desk.save(desk.create("pump"));
  desk.seal();
  const auto refused = desk.outbox->store_receipts({{1, 1, 7, 5, must(desk.outbox->head()).hash, {}}});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().field == "outcomes");
  CHECK(must(desk.outbox->own_changes(std::nullopt)).front().commit_seq == 0);
}

TEST_CASE("signing again under a new device epoch keeps changes, ids and salts", "[client][outbox]") {
  ClientDesk desk;
  const TicketId ticket = desk.save(desk.create("pump")).ticket;
  desk.seal();
  desk.push();
  desk.save(desk.message(ticket, "one"));
  desk.seal();
  desk.save(desk.message(ticket, "two"));
  desk.seal();
  const auto before = must(desk.outbox->sets_from(2, 9, 1 << 20));

  const Bytes certificate = "certificate of the second epoch";
  CHECK(must(desk.outbox->reseal(2, certificate, desk.key, desk.seal_context())) == 2);
  desk.reopen();
  const auto after = must(desk.outbox->sets_from(1, 9, 1 << 20));
  REQUIRE(after.size() == 2);
  Hash previous = protocol::genesis_prev_hash(certificate);
  for (std::size_t i = 0; i < 2; ++i) {
    const auto old = must(protocol::verify_wire(before[i], verifier(desk)));
    const auto again = must(protocol::verify_wire(after[i], verifier(desk)));
    CHECK(again.header.device_epoch == 2);
    CHECK(again.header.chain_seq == i + 1);
    CHECK(again.header.prev_hash == previous);
    CHECK(again.header.changes_root == old.header.changes_root);
    CHECK(again.set.changes == old.set.changes);
    REQUIRE(again.original);
    CHECK(*again.original == old.header);
    previous = again.hash;
  }
  CHECK(pending(desk, 1)[0].origin ==
        sync::Origin{desk.identity.device, 1, 2, 0});  // its place is the first signature's
  desk.save(desk.message(ticket, "three"));
  desk.seal();
  CHECK(must(desk.outbox->head()).chain_seq == 3);
  CHECK_FALSE(desk.outbox->reseal(2, certificate, desk.key, desk.seal_context()));
}

TEST_CASE(
    "a server that was set back voids receipts of every device epoch, and a new certificate has all of it signed anew",
    "[client][outbox]") {
  ClientDesk desk;
  const TicketId ticket = desk.save(desk.create("pump")).ticket;
  desk.seal();
  desk.push();
  REQUIRE(desk.outbox->reseal(2, "the second certificate", desk.key, desk.seal_context()));
  desk.save(desk.message(ticket, "under the second epoch"));
  desk.seal();
  const auto hash = must(desk.outbox->head()).hash;
  const std::uint64_t newest = must(desk.outbox->pending(0, std::nullopt)).front().commit_seq;
  REQUIRE(newest > 0);
  v1::SetOutcomes outcomes;
  outcomes.add_outcomes()->set_outcome(1);
  must(desk.outbox->store_receipts({{2, 1, newest + 1, 5, hash, outcomes.SerializeAsString()}}));
  CHECK(pending(desk, newest + 1).empty());

  CHECK(must(client::return_to_sealed(*desk.outbox, newest - 1)) == 2);
  CHECK(pending(desk, newest + 1).size() == 2);
  REQUIRE(desk.outbox->reseal(3, "the third certificate", desk.key, desk.seal_context()));
  const auto sets = must(desk.outbox->sets_from(1, 9, 1 << 20));
  REQUIRE(sets.size() == 2);
  const auto first = must(protocol::verify_wire(sets[0], verifier(desk)));
  REQUIRE(first.original);
  CHECK(first.original->device_epoch == 1);
}

TEST_CASE("erasing takes text and salt away, and the set still verifies in its erased form", "[client][outbox]") {
  ClientDesk desk;
  const TicketId ticket = desk.save(desk.create("pump")).ticket;
  const auto ref = desk.save(desk.message(ticket, "canary-8431")).ref;
  desk.seal();
  must(desk.outbox->erase({ref, sync::ChangeRef{named<DeviceId>("stranger"), ref.id}}));
  const auto own = must(desk.outbox->find(ref));
  REQUIRE(own);
  CHECK(own->change.body_erased);
  CHECK(own->change.text.empty());
  auto context = verifier(desk);
  context.is_erased = [](const DeviceId&, const Hash&) { return true; };
  CHECK(protocol::verify_wire(must(desk.outbox->sets_from(1, 1, 1 << 20)).front(), context));
}

TEST_CASE("a subject goes from the label with the change that gave it, whoever made that", "[client][outbox]") {
  ClientDesk desk;
  const sync::ChangeRef given{named<DeviceId>("stranger"), ChangeId::or_zero(Bytes(8, 'g'))};
  const sync::ChangeRef other{named<DeviceId>("stranger"), ChangeId::or_zero(Bytes(8, 'o'))};
  const TicketId ticket = named<TicketId>("theirs"), kept = named<TicketId>("kept");
  const auto label = [](const TicketId& of, const sync::ChangeRef& by) {
    return client::TicketLabel{of, "T-2026-0001", "canary-8431", by};
  };
  sync::Change note = desk.message(ticket, "seen");
  note.ref.id = ChangeId::or_zero(Bytes(8, 'n'));
  must(desk.outbox->save({note}, desk.env, {label(ticket, given), label(kept, other)}));
  desk.reopen();
  CHECK(must(desk.outbox->label(ticket))->subject == "canary-8431");
  for (int time = 0; time < 2; ++time)  // the order may come again
    CHECK(must(desk.outbox->erase({given, {desk.identity.device, given.id}, {desk.identity.device, other.id}})) ==
          std::vector{ticket});
  const auto left = must(desk.outbox->label(ticket));
  CHECK(left->subject.empty());
  CHECK(left->number == "T-2026-0001");
  CHECK(must(desk.outbox->label(kept))->subject == "canary-8431");
}

TEST_CASE("sets go when they are stable, old, and told", "[client][outbox]") {
  ClientDesk desk;
  const TicketId ticket = desk.save(desk.create("pump")).ticket;
  desk.seal();
  desk.refuse = [](const Change& change) {
    return change.intent == Intent::message
               ? std::optional(std::pair(sync::Outcome::rejected, sync::ReasonCode::not_permitted))
               : std::nullopt;
  };
  const auto refused = desk.save(desk.message(ticket, "no")).ref;
  desk.seal();
  desk.push();
  const std::int64_t day = 86'400'000;
  const std::int64_t now = desk.env.wall_ms();
  CHECK(must(desk.outbox->prune(0, now + 365 * day, 30 * day)) == 0);  // not in any backup
  CHECK(must(desk.outbox->prune(99, now + 29 * day, 0)) == 0);         // retention is never below 30 days
  CHECK(must(desk.outbox->prune(99, now + 31 * day, 30 * day)) == 1);  // the refused one has still to be shown
  must(desk.outbox->dismiss(refused));
  CHECK(must(desk.outbox->prune(99, now + 31 * day, 30 * day)) == 1);
  CHECK(must(desk.outbox->own_changes(std::nullopt)).empty());
  desk.save(desk.create("next"));
  desk.seal();
  CHECK(must(desk.outbox->head()).chain_seq == 3);  // the chain outlives its sets
}

TEST_CASE("receipts as they were signed go along when their sets are sent again, and go with them",
          "[client][outbox]") {
  ClientDesk desk;
  const auto lists = [&] {
    return must(desk.outbox->database().int64_of("SELECT count(*) FROM receipt_list")).value();
  };
  for (const char* subject : {"one", "two", "three"}) {
    desk.save(desk.create(subject));
    desk.seal();
    if (std::string_view(subject) != "one") desk.push();  // the first two have one list
  }
  CHECK(lists() == 2);
  CHECK(must(desk.outbox->old_receipts(1, 3, 1 << 20)).lists.empty());  // they stand
  CHECK(must(client::return_to_sealed(*desk.outbox, 1)) == 2);          // what a backup of the first commit lacks
  const auto all = must(desk.outbox->old_receipts(2, 3, 1 << 20));
  CHECK(all.lists == std::vector<Bytes>{"up to 2", "up to 3"});
  CHECK(all.last_seq == 3);
  const auto cut = must(desk.outbox->old_receipts(2, 3, 8));  // room for one
  CHECK(cut.lists == std::vector<Bytes>{"up to 2"});
  CHECK(cut.last_seq == 2);
  const std::int64_t day = 86'400'000;
  CHECK(must(desk.outbox->prune(99, desk.env.wall_ms() + 31 * day, 30 * day)) == 1);
  CHECK(lists() == 2);  // each still proves something
  desk.push();
  CHECK(lists() == 3);
  CHECK(must(desk.outbox->prune(99, desk.env.wall_ms() + 31 * day, 30 * day)) == 2);
  CHECK(lists() == 0);
}

TEST_CASE("what waits is counted right whatever becomes of it", "[client][outbox]") {
  ClientDesk desk;
  const auto waits = [&](std::uint64_t changes, std::int64_t since_ms) {
    const auto followed = must(desk.outbox->waiting());
    CHECK(followed.changes == changes);
    CHECK(followed.oldest_wall_ms == since_ms);
    const auto reader = must(Outbox::open(desk.outbox_path(), Bytes(32, 'k'), {}, sqlite::Role::reader));
    CHECK(must(reader->waiting()).changes == changes);  // counted anew
  };
  waits(0, 0);
  const std::int64_t first_ms = desk.env.wall_ms();
  const TicketId ticket = desk.save(desk.create("one")).ticket;
  waits(1, first_ms);
  desk.seal();
  desk.env.advance(60'000);
  const std::int64_t second_ms = desk.env.wall_ms();
  desk.save(desk.message(ticket, "hello"));
  waits(2, first_ms);
  desk.seal();
  waits(2, first_ms);
  desk.push();
  waits(0, 0);
  CHECK(must(client::return_to_sealed(*desk.outbox, 1)) == 1);  // what a backup of the first commit lacks
  waits(1, second_ms);
  desk.env.advance(60'000);
  desk.save(desk.message(ticket, "again"));
  desk.seal();
  waits(2, second_ms);
}

TEST_CASE("a lost page of a table without numbers costs what lay on it: it is read from both ends",
          "[client][salvage]") {
  if (!sqlite::encryption_available()) return;  // without page checksums not every damage shows
  constexpr std::uintmax_t page_bytes = 4096;
  ClientDesk desk;
  for (int i = 100; i < 160; ++i) must(desk.outbox->set_meta("note " + std::to_string(i), Bytes(1000, 'x')));
  desk.close();
  const std::string whole = content_of(desk.outbox_path());
  REQUIRE(whole.size() > 15 * page_bytes);
  std::size_t nothing_left = 0, some_left = 0;
  for (std::size_t at = page_bytes; at < whole.size(); at += page_bytes) {
    std::string damaged = whole;
    damaged.replace(at, page_bytes, page_bytes, '\0');
    std::ofstream(desk.outbox_path(), std::ios::binary) << damaged;
    const auto read = client::read_damaged_outbox(desk.outbox_path(), Bytes(32, 'k'), {});
    if (!read || read->whole) continue;
    ++(read->meta.empty() ? nothing_left : some_left);
  }
  CHECK(nothing_left <= 1);  // the page that names all others of the table
  CHECK(some_left >= 15);
}

TEST_CASE("provisional numbers are never given twice", "[client][outbox]") {
  const NothingFails calm;
  ClientDesk desk;
  const auto first = desk.save(desk.create("a"));
  desk.reopen();
  const auto second = desk.save(desk.create("b"));
  CHECK(desk.show(first.ticket).row.number == "T-2023-x6465-1");
  CHECK(desk.show(second.ticket).row.number == "T-2023-x6465-2");
}

TEST_CASE("the outbox belongs to one device and one key", "[client][outbox]") {
  ClientDesk desk;
  desk.save(desk.create("canary-subject"));
  CHECK_FALSE(desk.outbox->set_owner({named<DeviceId>("another"), desk.identity.operator_id}));
  desk.close();
  if (sqlite::encryption_available()) {
    const auto wrong = Outbox::open(desk.outbox_path(), Bytes(32, 'w'), {});
    REQUIRE_FALSE(wrong);
    CHECK(wrong.error().code == ErrorCode::corrupt);
    CHECK(files_holding(desk.dir.path(), "canary-subject").empty());
  }
  for (const auto& file : std::filesystem::directory_iterator(desk.dir.path())) {
    CHECK((file.status().permissions() & std::filesystem::perms::others_all) == std::filesystem::perms::none);
    CHECK((file.status().permissions() & std::filesystem::perms::group_all) == std::filesystem::perms::none);
  }
}
