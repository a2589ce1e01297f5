// Deadlines as devices hold them: their bytes, and what follows from them at any instant.
#include "tern/sync/sla_clock.hpp"

#include "support/catch.hpp"
#include "support/must.hpp"
#include "tern/v1/exchange.pb.h"

namespace tern::test {
namespace {

using sync::SlaClock;
using sync::SlaColour;
using sync::SlaCycle;
using sync::SlaMetric;

SlaClock two_waits() {
  SlaClock clock;
  clock.cycles.push_back({SlaMetric::first_response, 1, 1'800, 1'350, std::nullopt});
  clock.cycles.push_back({SlaMetric::resolution, 2, 7'200, 5'400, std::nullopt});
  return clock;
}

}  // namespace

TEST_CASE("the colour of a wait follows from two instants", "[sync][sla]") {
  const SlaCycle runs{SlaMetric::resolution, 1, 1'800, 1'350, std::nullopt};
  CHECK(runs.colour_at(0) == SlaColour::green);
  CHECK(runs.colour_at(1'349) == SlaColour::green);
  CHECK(runs.colour_at(1'350) == SlaColour::yellow);
  CHECK(runs.colour_at(1'800) == SlaColour::yellow);  // met at the due instant, C7
  CHECK(runs.colour_at(1'801) == SlaColour::red);
  const SlaCycle paused{SlaMetric::resolution, 1, std::nullopt, std::nullopt, 600};
  CHECK(paused.colour_at(9'999'999) == SlaColour::blue);
  const SlaCycle far{SlaMetric::resolution, 1, std::nullopt, std::nullopt, std::nullopt};
  CHECK(far.colour_at(9'999'999) == SlaColour::green);
}

TEST_CASE("of several waits the worst is shown, of equals the one that is due first", "[sync][sla]") {
  SlaClock clock = two_waits();
  CHECK(clock.worst_at(0) == &clock.cycles[0]);
  CHECK(clock.worst_at(6'000) == &clock.cycles[0]);  // red and yellow
  clock.cycles[0].due = 9'000;
  clock.cycles[0].yellow = 8'000;
  CHECK(clock.worst_at(6'000) == &clock.cycles[1]);
  CHECK(clock.nearest_due() == 7'200);
  CHECK(SlaClock{}.worst_at(0) == nullptr);
  CHECK_FALSE(SlaClock{}.nearest_due());
}

TEST_CASE("a clock's bytes are Protobuf's, and come back as they were", "[sync][sla]") {
  SlaClock clock = two_waits();
  for (const std::int64_t left : {0, -600})  // of a target that became shorter while it was paused
    clock.cycles.push_back({SlaMetric::on_site, 1, std::nullopt, std::nullopt, left});
  clock.waits_since = 900;
  const Bytes encoded = sync::encode_sla_clock(clock);
  v1::SlaClock message;
  REQUIRE(message.ParseFromString(encoded));
  CHECK(message.SerializeAsString() == encoded);
  CHECK(message.cycles(1).due_s() == 7'200);
  CHECK(message.cycles(2).paused());
  CHECK(must(sync::decode_sla_clock(encoded)) == clock);
  CHECK(sync::encode_sla_clock({}).empty());
  CHECK(must(sync::decode_sla_clock({})) == SlaClock{});
}

TEST_CASE("a clock of a newer server is read as far as it is known, a broken one is refused", "[sync][sla]") {
  v1::SlaClock message;
  message.add_cycles()->set_metric(77);
  message.add_cycles()->set_due_s(5);
  const SlaClock read = must(sync::decode_sla_clock(message.SerializeAsString()));
  REQUIRE(read.cycles.size() == 1);
  CHECK(read.cycles[0].due == 5);

  for (const std::int64_t due : {std::int64_t{-1}, INT64_MAX}) {
    message.mutable_cycles(1)->set_due_s(due);
    const auto refused = sync::decode_sla_clock(message.SerializeAsString());
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::malformed);
  }
  const Bytes good = sync::encode_sla_clock(two_waits());
  for (std::size_t size = 1; size < good.size(); ++size)
    static_cast<void>(sync::decode_sla_clock(ByteView(good).substr(0, size)));
  CHECK_FALSE(sync::decode_sla_clock(ByteView(good).substr(0, good.size() - 1)));
  CHECK(sync::decode_sla_clock(Bytes(sync::sla_clock_bytes_max + 1, '\0')).error().code == ErrorCode::too_large);
}

}  // namespace tern::test
