#include "strands.hpp"

#include <algorithm>
#include <atomic>
#include <future>

#include "support/catch.hpp"

namespace tern::test {
namespace {

/// Until it has so many threads; nobody else changes how many there are.
bool comes_to(const apps::Strands& strands, std::size_t threads) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (strands.threads() != threads && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  return strands.threads() == threads;
}

}  // namespace

TEST_CASE("threads for what goes out begin when something waits, at most so many, and end when nothing does",
          "[apps][strands]") {
  apps::Strands strands(4, std::chrono::milliseconds(0));
  CHECK(strands.threads() == 0);
  for (int round = 0; round < 3; ++round) {
    std::promise<void> go;
    const std::shared_future<void> gone(go.get_future());
    std::atomic<int> done{0};
    for (int i = 0; i < 10; ++i)
      strands.post([&, gone] {
        gone.wait();
        ++done;
      });
    CHECK(strands.threads() == 4);
    go.set_value();
    CHECK(comes_to(strands, 0));
    CHECK(done == 10);
    strands.tend();
  }
}

TEST_CASE("one thread alone does in order what it gets, and so does the one after it", "[apps][strands]") {
  apps::Strands strands(1, std::chrono::milliseconds(0));
  std::vector<int> order;
  for (int round = 0; round < 50; ++round) {
    for (int i = 0; i < 5; ++i) strands.post([&order] { order.push_back(static_cast<int>(order.size())); });
    if (round % 10 == 0) strands.tend();
  }
  CHECK(comes_to(strands, 0));
  REQUIRE(order.size() == 250);
  CHECK(std::ranges::is_sorted(order));
}

TEST_CASE("what waits when the threads end is dropped, what runs is finished", "[apps][strands]") {
  std::promise<void> began, go;
  std::atomic<int> done{0};
  std::thread releases;
  {
    apps::Strands strands(1);
    for (int i = 0; i < 3; ++i)
      strands.post([&, i] {
        if (i == 0) began.set_value();
        if (i == 0) go.get_future().wait();
        ++done;
      });
    began.get_future().wait();
    releases = std::thread([&] { go.set_value(); });
  }
  releases.join();
  CHECK(done >= 1);
  CHECK(done <= 3);
}

}  // namespace tern::test
