// What a ticket can take in is bounded, so that it can always be sent; what is released is asked the same again.
#include "desk.hpp"
#include "support/catch.hpp"
#include "support/must.hpp"
#include "tern/protocol/limits.hpp"

namespace tern::test {
namespace {

struct Filled {
  Desk desk;
  OperatorId ada = desk.add_operator("Ada");
  OperatorId boss = desk.add_operator("Eve", sync::Role::supervisor);
  std::unique_ptr<Van> van = desk.add_van(ada), office = desk.add_van(boss);
  TicketId ticket = desk.new_ticket_id();

  Filled() {
    van->send(van->create(ticket));
    van->pull();
    office->pull();
  }
  Change time(std::size_t bytes) {
    Change change = van->make(Intent::log_time, ticket);
    change.number = 5;
    change.text = std::string(bytes, 't');
    return change;
  }
  Change resolve(std::size_t bytes) {
    Change change = van->make(Intent::resolve, ticket);
    change.text = std::string(bytes, 'r');
    return change;
  }
  /// Sends until the first that is not applied; gives it.
  template <typename Make>
  Told until_refused(Make make) {
    for (int set = 0; set < 40; ++set) {
      std::vector<Change> changes;
      for (int i = 0; i < 60; ++i) changes.push_back(make());
      for (const Told& told : van->send(std::move(changes)))
        if (told.outcome == Outcome::rejected) return told;
    }
    FAIL("nothing was refused");
    return {};
  }
  [[nodiscard]] std::size_t state_bytes() { return sync::encode_state(desk.state(ticket)).size(); }
};

}  // namespace

TEST_CASE("a ticket that is full takes no more words, and can still be finished", "[ingest][limits]") {
  Filled f;
  const Told full = f.until_refused([&] { return f.time(8'000); });
  CHECK(full.reason == ReasonCode::ticket_full);
  CHECK(full.rule == Rule::admission);
  CHECK(f.state_bytes() <= limits::ticket_state_bytes_max - limits::ticket_state_reserve_bytes);
  CHECK(f.state_bytes() > limits::ticket_state_bytes_max - limits::ticket_state_reserve_bytes - 16'000);
  CHECK(f.van->send(f.van->note(f.ticket, "messages are apart")).outcome == Outcome::applied);
  CHECK(f.van->send(f.resolve(2'000)).outcome == Outcome::applied);
  CHECK(f.van->send(f.van->make(Intent::take, f.ticket)).outcome == Outcome::applied);

  const Told over = f.until_refused([&] { return f.resolve(8'000); });
  CHECK(over.reason == ReasonCode::ticket_full);
  CHECK(f.state_bytes() <= limits::ticket_state_bytes_max);
  CHECK(f.desk.differs_from_zero() == "");
  CHECK(f.desk.verify().findings == std::vector<std::string>{});
}

TEST_CASE("what replaces itself fills no ticket: the bytes are measured, not added up", "[ingest][limits]") {
  Filled f;
  std::string stands;
  for (int set = 0; set < 3; ++set) {
    std::vector<Change> changes;
    for (int i = 0; i < 7; ++i) {
      Change edit = f.van->make(Intent::describe, f.ticket);
      edit.base = stands;
      edit.text = std::string(60'000, static_cast<char>('a' + i)) + std::to_string(set);
      stands = edit.text;
      changes.push_back(std::move(edit));
    }
    for (const Told& told : f.van->send(std::move(changes))) CHECK(told.outcome != Outcome::rejected);
  }
  CHECK(f.desk.state(f.ticket).description == stands);
}

TEST_CASE("moves of many devices fill a ticket as words do", "[ingest][limits]") {
  Filled f;
  const Told full = f.until_refused([&] {
    Change tag = f.van->make(Intent::hold, f.ticket);
    tag.text = std::string(8'000, 'h');
    return tag;
  });
  CHECK(full.reason == ReasonCode::ticket_full);
  CHECK(f.state_bytes() <= limits::ticket_state_bytes_max);
}

TEST_CASE("a merge or a split finds room on the ticket that it names, or is refused", "[ingest][limits]") {
  Filled f;
  f.until_refused([&] { return f.time(8'000); });
  f.until_refused([&] { return f.time(30); });
  f.until_refused([&] { return f.resolve(8'000); });
  f.until_refused([&] { return f.resolve(30); });
  const TicketId other = f.desk.new_ticket_id();
  f.office->send(f.office->create(other));
  f.office->pull();
  Change merge = f.office->make(Intent::merge, other);
  merge.target = Bytes(f.ticket.view());
  const Told told = f.office->send(merge);
  CHECK(told.outcome == Outcome::rejected);
  CHECK(told.reason == ReasonCode::ticket_full);
  CHECK(f.state_bytes() <= limits::ticket_state_bytes_max);
}

TEST_CASE("what is released is asked again what admission asks", "[ingest][release][limits]") {
  Filled f;
  const auto hold = [&](Change change) {
    change.after = {random_id<ChangeId>(f.desk.environment)};
    REQUIRE(f.van->send(change).outcome == Outcome::held);
    return change;
  };
  const auto release = [&](const Change& held) {
    Change change = f.office->make(Intent::release, f.ticket);
    change.targets = {held.ref};
    return f.office->send(change);
  };
  const auto merge_away = [&] {
    const TicketId target = f.desk.new_ticket_id();
    f.office->send(f.office->create(target));
    f.office->pull();
    Change merge = f.office->make(Intent::merge, f.ticket);
    merge.target = Bytes(target.view());
    REQUIRE(f.office->send(merge).outcome == Outcome::applied);
    f.desk.environment.advance(60'000);
  };
  SECTION("whether the record it names exists") {
    const Change held = hold(f.van->set(f.ticket, sync::FieldId::category, Bytes(16, 'c')));
    const Told told = release(held);
    CHECK(told.outcome == Outcome::rejected);
    CHECK(told.reason == ReasonCode::unknown_record);
    CHECK(f.desk.standing(held.ref) == Outcome::held);
    CHECK_FALSE(sync::field_value(f.desk.state(f.ticket), sync::FieldId::category));
  }
  SECTION("whether there is room") {
    Change tag = f.van->make(Intent::tag, f.ticket);
    tag.label = "one too many";
    const Change held = hold(std::move(tag));
    std::vector<Change> tags;
    for (std::size_t i = 0; i < limits::tags_per_ticket_max; ++i) {
      tags.push_back(f.van->make(Intent::tag, f.ticket));
      tags.back().label = "tag " + std::to_string(i);
    }
    f.van->send(std::move(tags));
    const Told told = release(held);
    CHECK(told.outcome == Outcome::rejected);
    CHECK(told.reason == ReasonCode::limit);
    CHECK(elements_of(f.desk.state(f.ticket), sync::FieldId::tags).size() == limits::tags_per_ticket_max);
  }
  SECTION("whether the ticket went elsewhere meanwhile") {
    const Change held = hold(f.van->note(f.ticket, "written before the merge came"));
    merge_away();
    f.office->pull();
    CHECK(release(held).outcome == Outcome::applied);
    // Its own time is before the merge: it folds into the source, as if it had come in time.
    CHECK(f.desk.standing(held.ref) == Outcome::applied);
    CHECK(f.desk.messages(f.ticket).size() == 1);
  }
  SECTION("and is redirected when it was written after the merge") {
    merge_away();
    f.van->pull();
    const Change held = hold(f.van->note(f.ticket, "written after it"));
    f.office->pull();
    CHECK(release(held).outcome == Outcome::applied);
    CHECK(f.desk.standing(held.ref) == Outcome::redirected);
  }
  CHECK(f.desk.differs_from_zero() == "");
  CHECK(f.desk.verify().findings == std::vector<std::string>{});
}

TEST_CASE("who claims many versions of one ticket in one set makes the server fold it a few times, not for each",
          "[ingest][rights][security]") {
  Filled f;
  std::vector<std::uint64_t> versions;
  for (int i = 0; i < 12; ++i) {
    f.van->send(f.van->note(f.ticket, "note " + std::to_string(i)));
    f.van->pull();
    versions.push_back(f.van->cursor);
  }
  f.desk.change_operator(f.ada, sync::Role::manager);
  std::vector<Change> same, many;
  for (const std::uint64_t version : versions) {
    same.push_back(f.van->note(f.ticket, "as of one screen"));
    same.back().seen_seq = versions.front();
    many.push_back(f.van->note(f.ticket, "as of many"));
    many.back().seen_seq = version - 1;
  }
  for (const Told& told : f.van->send(std::move(same))) CHECK(told.outcome == Outcome::held);
  std::size_t held = 0, rejected = 0;
  for (const Told& told : f.van->send(std::move(many))) {
    held += told.outcome == Outcome::held ? 1 : 0;
    rejected += told.outcome == Outcome::rejected ? 1 : 0;
  }
  CHECK(held >= 4);
  CHECK(held <= 6);
  CHECK(held + rejected == versions.size());
}

}  // namespace tern::test
