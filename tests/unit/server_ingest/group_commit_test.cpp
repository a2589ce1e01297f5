#include <atomic>
#include <chrono>
#include <future>
#include <thread>

#include "desk.hpp"
#include "support/catch.hpp"
#include "support/must.hpp"

using namespace tern;
using namespace tern::test;

TEST_CASE("what waits while one batch is written is the next batch", "[ingest][group]") {
  Desk desk;
  constexpr std::size_t devices = 24;
  constexpr int rounds = 6;
  std::vector<std::unique_ptr<Van>> vans;
  std::vector<TicketId> tickets;
  for (std::size_t i = 0; i < devices; ++i) {
    vans.push_back(desk.add_van(desk.add_operator("Agent " + std::to_string(i))));
    tickets.push_back(desk.new_ticket_id());
    vans.back()->send(vans.back()->create(tickets.back()));
  }
  // Sets are sealed before the threads begin: the virtual environment is no thread's.
  std::vector<std::vector<server::Push>> pushes(devices);
  for (std::size_t i = 0; i < devices; ++i)
    for (int round = 0; round < rounds; ++round) {
      vans[i]->seal({vans[i]->note(tickets[i], "round " + std::to_string(round))});
      pushes[i].push_back(vans[i]->pushable());
    }
  auto committer = must(server::make_group_committer(2));
  std::atomic<std::uint64_t> commits{0}, told_changes{0}, out_of_order{0}, inside{0};
  std::atomic<std::uint64_t> newest{desk.tenant->commit_seq()};
  committer->on_commit = [&](server::Tenant&, const server::CommitNotice& notice) {
    ++commits;
    if (notice.first_seq != newest + 1) ++out_of_order;
    newest = notice.last_seq;
  };
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < devices; ++i)
    threads.emplace_back([&, i] {
      for (server::Push& push : pushes[i]) {
        auto answer = committer->commit(*desk.tenant, server::verify_push(*desk.tenant, std::move(push)));
        if (answer && !answer->fault) told_changes += answer->receipts.size();
      }
    });
  threads.emplace_back([&] {
    for (int i = 0; i < 20; ++i)
      committer->run(*desk.tenant, [&] { inside += desk.tenant->writer().in_transaction() ? 1 : 0; });
  });
  for (std::thread& thread : threads) thread.join();
  committer.reset();
  CHECK(told_changes == devices * rounds);
  CHECK(commits < devices * rounds);
  CHECK(out_of_order == 0);  // commits are told in order, none twice
  CHECK(inside == 0);
  CHECK(newest == desk.tenant->commit_seq());
  for (const TicketId& ticket : tickets) CHECK(desk.messages(ticket).size() == rounds);
  CHECK(desk.verify().findings == std::vector<std::string>{});
}

TEST_CASE("a small batch waits for the push that is being verified", "[ingest][group]") {
  Desk desk;
  auto ada = desk.add_van(desk.add_operator("Ada")), ben = desk.add_van(desk.add_operator("Ben"));
  ada->seal({ada->create(desk.new_ticket_id())});
  ben->seal({ben->create(desk.new_ticket_id())});
  auto committer = must(server::make_group_committer(2, std::chrono::minutes(1)));
  std::atomic<int> commits{0};
  committer->on_commit = [&](server::Tenant&, const server::CommitNotice&) { ++commits; };
  std::promise<bool> of_ada, of_ben;
  const auto tell = [](std::promise<bool>& promise) {
    return [&promise](const Result<server::PushAnswer>& answer) { promise.set_value(answer && !answer->fault); };
  };
  committer->commit_later(
      *desk.tenant,
      [&] {
        auto own = server::verify_push(*desk.tenant, ada->pushable());
        committer->commit_later(
            *desk.tenant, [&] { return server::verify_push(*desk.tenant, ben->pushable()); }, tell(of_ben));
        return own;
      },
      tell(of_ada));
  CHECK(of_ada.get_future().get());
  CHECK(of_ben.get_future().get());
  committer.reset();
  CHECK(commits == 1);
}

TEST_CASE("sets are verified by whoever has time, and stop at the first bad one", "[ingest][group]") {
  Desk desk;
  const auto van = desk.add_van(desk.add_operator("Ada"));
  const TicketId ticket = desk.new_ticket_id();
  van->send(van->create(ticket));
  for (std::size_t i = 0; i < limits::sets_per_exchange_max; ++i)
    van->seal({van->note(ticket, "note " + std::to_string(i))});
  server::Push push = van->pushable();
  REQUIRE(push.change_sets.size() == limits::sets_per_exchange_max);

  std::vector<std::function<void()>> late;
  std::vector<std::thread> threads;
  const server::RunElsewhere ways[] = {
      {},
      [](const std::function<void()>&) {},
      [&](std::function<void()> task) { late.push_back(std::move(task)); },
      [&](std::function<void()> task) { threads.emplace_back(std::move(task)); },
  };
  for (const server::RunElsewhere& elsewhere : ways) {
    const auto good = server::verify_push(*desk.tenant, push, elsewhere);
    CHECK_FALSE(good.fault);
    REQUIRE(good.sets.size() == push.change_sets.size());
    for (std::size_t i = 0; i < good.sets.size(); ++i) {
      CHECK(good.sets[i].header.chain_seq == i + 2);
      CHECK(good.changes[i].front().text == "note " + std::to_string(i));
    }
    server::Push bad = push;
    for (const std::size_t at : {20, 21, 50}) bad.change_sets[at].back() ^= 1;
    const auto faulty = server::verify_push(*desk.tenant, bad, elsewhere);
    CHECK(faulty.sets.size() == 20);
    REQUIRE(faulty.fault);
    CHECK(faulty.fault->set_index == 20);
    CHECK(faulty.fault->error.code == server::verify_push(*desk.tenant, bad).fault->error.code);
  }
  for (const auto& task : late) task();  // there is nothing left to do
  for (std::thread& thread : threads) thread.join();
}

TEST_CASE("work is done together, also where a part throws", "[ingest][group]") {
  std::vector<int> done(1'000);
  std::vector<std::thread> threads;
  server::work_together(
      done.size(), 3, [&](std::function<void()> task) { threads.emplace_back(std::move(task)); },
      [&](std::size_t i) {
        if (i % 7 == 3) throw std::runtime_error("no memory");
        ++done[i];
      });
  for (std::size_t i = 0; i < done.size(); ++i) CHECK(done[i] == (i % 7 == 3 ? 0 : 1));
  for (std::thread& thread : threads) thread.join();
}

TEST_CASE("work on the strand commits and is told like a push", "[ingest][group]") {
  for (auto make :
       {+[] { return must(server::make_group_committer(1)); }, +[] { return server::make_inline_committer(); }}) {
    Desk desk;
    auto van = desk.add_van(desk.add_operator("Ada"));
    auto committer = make();
    std::vector<server::CommitNotice> notices;
    committer->on_commit = [&](server::Tenant&, const server::CommitNotice& notice) { notices.push_back(notice); };
    const TicketId ticket = desk.new_ticket_id();
    committer->run(*desk.tenant, [&] { desk.add_record(sync::RecordKind::queue, "North"); });
    van->seal({van->create(ticket)});
    REQUIRE(committer->commit(*desk.tenant, server::verify_push(*desk.tenant, van->pushable())));
    REQUIRE(notices.size() == 2);
    CHECK(notices[0].records);
    CHECK(notices[1].tickets == std::vector{ticket});
    CHECK_FALSE(notices[1].records);
  }
}
