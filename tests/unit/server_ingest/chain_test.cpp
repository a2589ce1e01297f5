#include <atomic>
#include <thread>

#include "desk.hpp"
#include "support/catch.hpp"
#include "support/must.hpp"

using namespace tern;
using namespace tern::test;

namespace {

struct Alone {
  Desk desk;
  OperatorId ada = desk.add_operator("Ada");
  std::unique_ptr<Van> van = desk.add_van(ada);
  TicketId ticket = desk.new_ticket_id();
  Alone() { van->send(van->create(ticket)); }
  ~Alone() { CHECK(desk.verify().findings.empty()); }

  server::Push one(const Bytes& set) {
    server::Push push;
    push.device = van->id;
    push.change_sets = {set};
    return push;
  }
};

}  // namespace

TEST_CASE("a set that is known is answered by its stored receipt, byte for byte", "[ingest][chain]") {
  Alone a;
  const Bytes set = a.van->seal({a.van->note(a.ticket, "once")});
  const auto first = a.van->push();
  const auto again = a.van->push(a.one(set));
  REQUIRE(first.receipts.size() == 1);
  CHECK(again.receipts == first.receipts);
  CHECK(again.acked_seq == 2);
  CHECK(a.desk.messages(a.ticket).size() == 1);
  a.desk.reopen();
  CHECK(a.van->push(a.one(set)).receipts == first.receipts);
}

TEST_CASE("a gap is named by the set that is due, and stores nothing", "[ingest][chain]") {
  Alone a;
  a.van->seal({a.van->note(a.ticket, "lost on the way")});
  const Bytes next = a.van->seal({a.van->note(a.ticket, "arrived")});
  const auto answer = a.van->push(a.one(next));
  REQUIRE(answer.fault);
  CHECK(answer.fault->error.code == ErrorCode::chain_gap);
  CHECK(answer.fault->expected_seq == 2);
  CHECK(answer.receipts.empty());
  CHECK_FALSE(a.van->push().fault);
  CHECK(a.desk.messages(a.ticket).size() == 2);
}

TEST_CASE("a bad signature counts no fork and consumes no number", "[ingest][chain]") {
  Alone a;
  const protocol::ChainHead before = a.van->head;
  Bytes set = a.van->seal({a.van->note(a.ticket, "tampered")});
  a.van->sealed.clear();
  a.van->head = before;
  set.back() = static_cast<char>(set.back() ^ 1);
  const auto answer = a.van->push(a.one(set));
  REQUIRE(answer.fault);
  CHECK(answer.fault->error.code == ErrorCode::signature_invalid);
  CHECK(a.desk.count("fork") == 0);
  CHECK(a.van->send(a.van->note(a.ticket, "fine")).outcome == Outcome::applied);
}

TEST_CASE(
    "the first fork heals once with a new epoch, a lost answer to it is given again, the next one freezes the key",
    "[ingest][chain]") {
  Alone a;
  const protocol::ChainHead split = a.van->head;
  CHECK(a.van->send(a.van->note(a.ticket, "of the owner")).outcome == Outcome::applied);
  const Change other = a.van->note(a.ticket, "of the clone");
  const Bytes clone = a.van->seal_apart({other}, split);
  const protocol::ChangeSet clone_set = a.van->sets.back();

  const auto first = a.van->push(a.one(clone));
  REQUIRE(first.fault);
  CHECK(first.fault->error.code == ErrorCode::chain_forked);
  CHECK(first.fault->head == a.van->head);
  REQUIRE(first.statements.size() == 1);
  const auto certificate =
      protocol::open_statement<protocol::Certificate>(first.statements[0], a.desk.tenant->keys().log.public_key());
  REQUIRE(certificate);
  CHECK(certificate->value.device_epoch == 2);
  const auto again = a.van->push(a.one(clone));
  CHECK(again.statements == first.statements);
  CHECK(a.desk.count("fork") == 1);

  // The clone signs its work again under the new epoch: it lands once, with the time of the original signature.
  a.van->resign_of = clone_set;
  const protocol::ChainHead genesis{2, 0, protocol::genesis_prev_hash(first.statements[0])};
  const Bytes resigned = a.van->seal_apart({}, genesis);
  const auto landed = a.van->push(a.one(resigned));
  CHECK_FALSE(landed.fault);
  CHECK(told(landed).front().outcome == Outcome::applied);
  CHECK(a.desk.messages(a.ticket).size() == 2);

  // The owner goes on in the old epoch: the key is frozen.
  a.van->seal({a.van->note(a.ticket, "of the owner, too late")});
  const Bytes late = a.van->sealed.front();
  const auto frozen = a.van->push();
  REQUIRE(frozen.fault);
  CHECK(frozen.fault->error.code == ErrorCode::chain_forked);
  REQUIRE(frozen.statements.size() == 1);
  CHECK(protocol::open_statement<protocol::Revocation>(frozen.statements[0], a.desk.tenant->keys().log.public_key()));
  CHECK(server::find_device(*a.desk.tenant, a.van->id)->key_state == protocol::KeyState::frozen);
  const auto refused = a.van->push(a.one(late));
  REQUIRE(refused.fault);
  CHECK(refused.fault->error.code == ErrorCode::key_revoked);

  server::Push deposit = a.one(late);
  deposit.deposit = true;
  const auto deposited = a.van->push(deposit);
  CHECK_FALSE(deposited.fault);
  CHECK(deposited.receipts.empty());
  CHECK(deposited.acked_seq == 3);
  CHECK(a.desk.count("quarantine") == 1);
}

TEST_CASE("heads declared of a chain that is over bound nothing of the one that follows", "[ingest][chain][time]") {
  Alone a;
  const protocol::ChainHead split = a.van->head;
  a.van->knows_mono = false;
  a.van->send(a.van->note(a.ticket, "of the owner"));
  a.desk.environment.advance(3'600'000);
  // The clone was offline when it made this; its time is told by nothing but its clock.
  a.van->wall_error_ms = -1'800'000;
  const Change other = a.van->note(a.ticket, "of the clone, half an hour ago");
  const Bytes clone = a.van->seal_apart({other}, split);
  const protocol::ChangeSet clone_set = a.van->sets.back();
  a.van->wall_error_ms = 0;
  a.van->pull();  // the owner declares the head of the old chain, now
  const std::int64_t declared = a.desk.environment.wall_ms();
  const auto healed = a.van->push(a.one(clone));
  REQUIRE(healed.statements.size() == 1);
  a.van->anchor = {};
  a.van->cursor = 0;
  const auto send = [&](bool again) {
    const protocol::ChainHead head =
        again ? protocol::ChainHead{2, 0, protocol::genesis_prev_hash(healed.statements[0])} : a.van->head;
    if (again) a.van->resign_of = clone_set;
    std::vector<Change> fresh;
    if (!again) fresh.push_back(a.van->note(a.ticket, "made anew, before that exchange"));
    if (!again) fresh.back().wall_ms = declared - 600'000;
    const Bytes set = a.van->seal_apart(std::move(fresh), head);
    a.van->head = {2, head.chain_seq + 1, a.van->sets.back().hash()};
    return told(a.van->push(a.one(set))).front();
  };
  CHECK(send(true).effective_ms < declared);  // judged by when it was first signed
  CHECK(send(false).lo_ms < declared);        // a head of the old chain says nothing of this one
  a.desk.reopen();
  CHECK(send(false).lo_ms < declared);
}

TEST_CASE("exchanges are noted while a batch writes the devices that they are of", "[ingest][chain][race]") {
  Alone a;
  constexpr int rounds = 60;
  std::vector<server::Push> pushes;
  for (int i = 0; i < rounds; ++i) pushes.push_back(a.one(a.van->seal({a.van->note(a.ticket, "x")})));
  a.van->sealed.clear();
  std::atomic<bool> over{false};
  std::atomic<std::uint64_t> pending{0};
  std::thread exchanges([&] {
    while (!over) {
      server::ExchangeNote note;
      note.device = a.van->id;
      note.outbox_pending = ++pending;
      static_cast<void>(server::note_exchange(*a.desk.tenant, note));
    }
  });
  std::size_t landed = 0;
  for (server::Push& push : pushes) {
    std::vector<server::VerifiedPush> verified;
    verified.push_back(server::verify_push(*a.desk.tenant, std::move(push)));
    landed += must(server::commit_batch(*a.desk.tenant, verified)).answers.front().receipts.size();
  }
  over = true;
  exchanges.join();
  CHECK(landed == rounds);
  server::ExchangeNote last;
  last.device = a.van->id;
  last.cursor_seq = 7;
  static_cast<void>(server::note_exchange(*a.desk.tenant, last));
  CHECK(server::find_device(*a.desk.tenant, a.van->id)->cursor_seq == 7);
  CHECK(server::find_device(*a.desk.tenant, a.van->id)->outbox_pending == 0);  // all that it had landed
}

TEST_CASE("a revocation that commits between verify and commit counts", "[ingest][chain]") {
  Alone a;
  a.van->seal({a.van->note(a.ticket, "too late")});
  std::vector<server::VerifiedPush> verified;
  verified.push_back(server::verify_push(*a.desk.tenant, a.van->pushable()));
  CHECK_FALSE(verified.front().fault);
  REQUIRE(
      persist([&] { return server::end_device(*a.desk.tenant, a.van->id, protocol::RevocationReason::revoked, {}); }));
  const auto result = server::commit_batch(*a.desk.tenant, verified);
  REQUIRE(result);
  REQUIRE(result->answers.front().fault);
  CHECK(result->answers.front().fault->error.code == ErrorCode::key_revoked);
  CHECK(a.desk.messages(a.ticket).empty());
}

TEST_CASE("disabling an operator ends every device of theirs in one commit", "[ingest][chain]") {
  Alone a;
  auto second = a.desk.add_van(a.ada);
  const auto ended = server::disable_operator(*a.desk.tenant, a.ada, {});
  REQUIRE(ended);
  CHECK(ended->size() == 2);
  CHECK_FALSE(a.desk.tenant->find_actor(a.ada)->active);
  a.desk.reopen();
  CHECK(server::find_device(*a.desk.tenant, second->id)->key_state == protocol::KeyState::revoked);
  CHECK(a.desk.members(a.ticket).empty());
}

TEST_CASE("a set of another device or under another device's key is of no key known here", "[ingest][chain]") {
  Alone a;
  auto other = a.desk.add_van(a.desk.add_operator("Bob"));
  server::Push foreign = a.one(other->seal({other->note(a.ticket, "hello")}));
  const auto answer = a.van->push(foreign);
  REQUIRE(answer.fault);
  CHECK(answer.fault->error.code == ErrorCode::key_unknown);
}

TEST_CASE("one push that fails poisons no other of its batch", "[ingest][chain]") {
  Alone a;
  auto other = a.desk.add_van(a.desk.add_operator("Bob"));
  a.van->seal({a.van->note(a.ticket, "lost")});
  a.van->sealed.clear();
  a.van->seal({a.van->note(a.ticket, "a gap before it")});
  other->seal({other->note(a.ticket, "fine")});
  const auto answers = a.desk.commit({a.van->pushable(), other->pushable()});
  CHECK(answers[0].fault);
  CHECK_FALSE(answers[1].fault);
  CHECK(a.desk.messages(a.ticket).size() == 1);
}

TEST_CASE("quarantine holds a thousand sets of a device and not one more, however small", "[ingest][chain]") {
  Alone a;
  auto other = a.desk.add_van(a.desk.add_operator("Bob"));
  for (int i = 0; i < 1'001; ++i) a.van->seal({a.van->note(a.ticket, "n")});
  other->seal({other->note(a.ticket, "n")});
  REQUIRE(
      persist([&] { return server::end_device(*a.desk.tenant, a.van->id, protocol::RevocationReason::revoked, {}); }));
  REQUIRE(
      persist([&] { return server::end_device(*a.desk.tenant, other->id, protocol::RevocationReason::revoked, {}); }));
  server::Push push;
  push.device = a.van->id;
  push.deposit = true;
  const auto hand_in = [&](std::size_t from, std::size_t to) {
    push.change_sets = {a.van->sealed.begin() + static_cast<std::ptrdiff_t>(from),
                        a.van->sealed.begin() + static_cast<std::ptrdiff_t>(to)};
    return a.van->push(push);
  };
  for (std::size_t i = 0; i < 1'000; i += 50) CHECK_FALSE(hand_in(i, i + 50).fault);
  CHECK(a.desk.count("quarantine") == 1'000);
  const auto refused = hand_in(1'000, 1'001);
  REQUIRE(refused.fault);
  CHECK(refused.fault->error.code == ErrorCode::quarantine_full);
  CHECK_FALSE(hand_in(0, 1).fault);  // that is there already
  CHECK(a.desk.count("quarantine") == 1'000);
  push.device = other->id;
  push.change_sets = other->sealed;
  CHECK_FALSE(other->push(push).fault);  // another device's work has room of its own
  CHECK(a.desk.count("quarantine") == 1'001);
  a.van->sealed.clear();
}

TEST_CASE("quarantine is bounded", "[ingest][chain]") {
  Alone a;
  for (int i = 0; i < 20; ++i) {
    std::vector<Change> notes;
    for (int n = 0; n < 15; ++n) notes.push_back(a.van->note(a.ticket, std::string(60'000, 'x')));
    a.van->seal(std::move(notes));
  }
  const std::vector<Bytes> all = a.van->sealed;
  a.van->sealed.clear();
  REQUIRE(
      persist([&] { return server::end_device(*a.desk.tenant, a.van->id, protocol::RevocationReason::revoked, {}); }));
  server::Push push;
  push.device = a.van->id;
  push.change_sets = all;
  push.deposit = true;
  const auto answer = a.van->push(push);
  REQUIRE(answer.fault);
  CHECK(answer.fault->error.code == ErrorCode::quarantine_full);
  CHECK(a.desk.count("quarantine") > 10);
  CHECK(a.desk.count("quarantine") < 20);
}
