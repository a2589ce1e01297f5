#include <algorithm>
#include <set>

#include "support/catch.hpp"
#include "tern/sync/lifecycle.hpp"

using namespace tern::sync;
using enum tern::sync::Status;

namespace {

const std::vector<Status> all = {new_, open, estimated, in_progress, waiting, on_hold, resolved, closed, reopened};

struct Row {
  Intent intent;
  std::vector<Status> from;
  Status to;
};
// desk.md 2.2, written out again so that the table of the code has something to disagree with.
const std::vector<Row> rows = {
    {Intent::start, {new_, open, estimated, waiting, on_hold, reopened}, in_progress},
    {Intent::wait, {new_, open, in_progress, on_hold, reopened}, waiting},
    {Intent::hold, {new_, open, reopened, in_progress, waiting, estimated, on_hold}, on_hold},
    {Intent::estimate, {new_, open, in_progress, reopened, estimated}, estimated},
    {Intent::estimate_approved, {estimated}, in_progress},
    {Intent::estimate_rejected, {estimated}, open},
    {Intent::resolve, {new_, open, reopened, in_progress, waiting, on_hold}, resolved},
    {Intent::close, {new_, open, reopened, in_progress, waiting, estimated, on_hold, resolved}, closed},
    {Intent::reopen, {resolved, closed}, reopened},
    {Intent::put_back, {new_, in_progress, waiting, on_hold, reopened}, open},
};

const std::map<Status, std::vector<Status>> f031 = {
    {new_, {open, estimated, in_progress, waiting, on_hold, resolved, closed}},
    {open, {estimated, in_progress, waiting, on_hold, resolved, closed}},
    {estimated, {in_progress, open, on_hold, closed}},
    {in_progress, {open, estimated, waiting, on_hold, resolved, closed}},
    {waiting, {open, in_progress, on_hold, resolved, closed}},
    {on_hold, {open, in_progress, waiting, resolved, closed}},
    {resolved, {closed, reopened}},
    {closed, {reopened}},
    {reopened, {in_progress, open, waiting, on_hold, estimated, resolved, closed}},
};

bool contains(const std::vector<Status>& list, Status status) {
  return std::find(list.begin(), list.end(), status) != list.end();
}

}  // namespace

TEST_CASE("each move leads from each status exactly where the table of moves says", "[sync][lifecycle]") {
  for (const Row& row : rows)
    for (const Status from : all) {
      INFO(status_name(from) << " by intent " << static_cast<int>(row.intent));
      const auto next = next_status(from, row.intent, open);
      if (contains(row.from, from) || from == row.to)
        CHECK(next == row.to);
      else
        CHECK_FALSE(next.has_value());
    }
}

TEST_CASE("resume leads from on hold to the remembered status and from nowhere else", "[sync][lifecycle]") {
  for (const Status before : all) {
    const auto next = next_status(on_hold, Intent::resume, before);
    if (before == on_hold)
      CHECK_FALSE(next.has_value());
    else
      CHECK(next == before);
    for (const Status from : all)
      if (from != on_hold) CHECK_FALSE(next_status(from, Intent::resume, before).has_value());
  }
  CHECK_FALSE(next_status(on_hold, Intent::resume, static_cast<Status>(0)).has_value());
}

TEST_CASE("the moves together are F031 and nothing beyond it", "[sync][lifecycle]") {
  for (const Status from : all) {
    std::set<Status> reached;
    for (const Row& row : rows)
      if (const auto next = next_status(from, row.intent, from); next && *next != from) reached.insert(*next);
    const auto& expected = f031.at(from);
    INFO(status_name(from));
    CHECK(reached == std::set<Status>(expected.begin(), expected.end()));
  }
}

TEST_CASE("a customer's message reopens and wakes, and moves nothing else", "[sync][lifecycle]") {
  for (const Status from : all) {
    const Status expected = from == waiting ? open : from == resolved || from == closed ? reopened : from;
    CHECK(next_status(from, Intent::message, open) == expected);
  }
}

TEST_CASE("what is no move moves nothing", "[sync][lifecycle]") {
  for (const IntentSpec& spec : all_intents())
    if (spec.unit != Unit::status && spec.intent != Intent::message)
      CHECK_FALSE(next_status(open, spec.intent, open).has_value());
  CHECK_FALSE(next_status(static_cast<Status>(0), Intent::start, open).has_value());
  CHECK_FALSE(next_status(static_cast<Status>(200), Intent::start, open).has_value());
}

TEST_CASE("possible moves are those with an effect, in F031's order", "[sync][lifecycle]") {
  using I = Intent;
  CHECK(possible_moves(new_, new_) ==
        std::vector{I::put_back, I::estimate, I::start, I::wait, I::hold, I::resolve, I::close});
  CHECK(possible_moves(on_hold, waiting) ==
        std::vector{I::resume, I::put_back, I::start, I::wait, I::resolve, I::close, I::hold});
  CHECK(possible_moves(estimated, new_) == std::vector{I::start, I::hold, I::close, I::estimate});
  CHECK(possible_moves(resolved, new_) == std::vector{I::close, I::reopen});
  CHECK(possible_moves(closed, new_) == std::vector{I::reopen});
}

TEST_CASE("every status but new is reached from every other by possible moves of least number", "[sync][lifecycle]") {
  for (const Status from : all)
    for (const Status to : all) {
      INFO(status_name(from) << " to " << status_name(to));
      const auto path = shortest_moves(from, to, open);
      if (to == new_ && from != new_) {
        CHECK_FALSE(path.has_value());
        continue;
      }
      REQUIRE(path.has_value());
      Status at = from, before_hold = open;
      for (const Intent intent : *path) {
        const auto next = next_status(at, intent, before_hold);
        REQUIRE(next.has_value());
        if (intent == Intent::hold && at != on_hold) before_hold = at;
        at = *next;
      }
      CHECK(at == to);
      const bool direct = from != to && contains(f031.at(from), to) && !(from == estimated && to == open);
      if (direct) CHECK(path->size() == 1);
      if (from == to) CHECK(path->empty());
    }
}

TEST_CASE("ties between sequences go to F031's order", "[sync][lifecycle]") {
  using I = Intent;
  CHECK(shortest_moves(closed, in_progress, open) == std::vector{I::reopen, I::start});
  CHECK(shortest_moves(closed, resolved, open) == std::vector{I::reopen, I::resolve});
  CHECK(shortest_moves(resolved, waiting, open) == std::vector{I::reopen, I::wait});
  CHECK(shortest_moves(waiting, estimated, open) == std::vector{I::put_back, I::estimate});
  CHECK(shortest_moves(estimated, waiting, open) == std::vector{I::start, I::wait});
  CHECK(shortest_moves(estimated, open, open) == std::vector{I::start, I::put_back});
  CHECK(shortest_moves(on_hold, in_progress, in_progress) == std::vector{I::resume});
  CHECK(shortest_moves(on_hold, in_progress, open) == std::vector{I::start});
  CHECK(shortest_moves(on_hold, new_, new_) == std::vector{I::resume});
  CHECK(shortest_moves(on_hold, estimated, estimated) == std::vector{I::resume});
}

TEST_CASE("status and class names are those of the design and read back", "[sync][lifecycle]") {
  const std::map<std::string_view, StatusClass> expected = {
      {"new", StatusClass::todo},         {"open", StatusClass::todo},     {"reopened", StatusClass::todo},
      {"in_progress", StatusClass::work}, {"waiting", StatusClass::wait},  {"estimated", StatusClass::wait},
      {"on_hold", StatusClass::hold},     {"resolved", StatusClass::done}, {"closed", StatusClass::end}};
  for (const Status status : all) {
    CHECK(status_from_name(status_name(status)) == status);
    CHECK(status_class(status) == expected.at(status_name(status)));
    CHECK(status_class_from_name(status_class_name(status_class(status))) == status_class(status));
  }
  CHECK_FALSE(status_from_name("pending").has_value());
  CHECK_FALSE(status_class_from_name("active").has_value());
}
