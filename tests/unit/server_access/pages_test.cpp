#include "support/catch.hpp"
//
#include <set>

#include "house.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/sync/ticket_state.hpp"

// What pages bring when they end in awkward places: nothing may be missing behind the last one, nothing forbidden stay.

namespace tern::test {
namespace {

/// Ann is a supervisor who holds everything; bob holds what is his.
struct Floor {
  House house;
  std::unique_ptr<Device> ann, bob;
  Floor() {
    house.add_operator("ann", "supervisor");
    house.add_operator("bob");
    ann = std::make_unique<Device>(house, "ann", "all");
    bob = std::make_unique<Device>(house, "bob");
    for (Device* device : {ann.get(), bob.get()}) must(device->open_session());
    ann->download();
    bob->download();
  }
  TicketId ticket() {
    const auto id = random_id<TicketId>(house.environment);
    push(ann->create(id));
    return id;
  }
  void push(sync::Change change) { push(std::vector<sync::Change>{std::move(change)}); }
  void push(std::vector<sync::Change> changes) {
    const auto answer = ann->push(std::vector<Bytes>{ann->seal(std::move(changes))});
    REQUIRE_FALSE(answer.has_error());
    ann->download();
  }
  void give_to_bob(const TicketId& ticket) {
    sync::Change assign = ann->change(sync::Intent::assign, ticket);
    assign.target = Bytes(bob->certificate.author.view());
    assign.reason = "his street";
    push(assign);
  }
  sync::Change message(const TicketId& ticket, std::string text, sync::Visibility visibility = sync::Visibility::team) {
    sync::Change change = ann->change(sync::Intent::message, ticket);
    change.visibility = visibility;
    change.text = std::move(text);
    return change;
  }
  void rename(const TicketId& ticket, const std::string& subject) {
    sync::Change change = ann->change(sync::Intent::set, ticket);
    change.fields.push_back({sync::FieldId::subject, {}, subject, false});
    push(change);
  }
  void role_of_bob(const std::string& role) {
    house.command(Json::object({{"command", Json("operator set")}, {"operator", Json("bob")}, {"role", Json(role)}}));
  }
};

/// Messages of a ticket as a device holds them after these patches.
std::set<Bytes> held(const std::vector<v1::Patch>& patches, const TicketId& ticket, std::set<Bytes> before = {}) {
  for (const v1::Patch& patch : patches) {
    if (must(sync::decode_state(patch.state())).id != ticket) continue;
    if (patch.whole()) before.clear();
    for (const v1::TicketMessage& message : patch.messages()) before.insert(message.change_id());
  }
  return before;
}

}  // namespace

TEST_CASE("a ticket that entered and then changed brings its old messages, wherever a page ends",
          "[server][exchange][pages]") {
  Floor floor;
  const TicketId late = floor.ticket(), wide = floor.ticket();
  floor.push(floor.message(late, "the tap is behind the door"));
  floor.push(floor.message(wide, std::string(8'000, 'w')));
  floor.give_to_bob(late);  // enters here
  floor.give_to_bob(wide);  // fills a page
  floor.rename(late, "tap drips");
  const auto patches = floor.bob->download(limits::want_bytes_min);
  CHECK(held(patches, late).size() == 1);
  CHECK(held(patches, wide).size() == 1);
}

TEST_CASE("a ticket with more messages than an answer may hold comes in parts, complete", "[server][exchange][pages]") {
  Floor floor;
  const TicketId ticket = floor.ticket();
  for (int set = 0; set < 6; ++set) {
    std::vector<sync::Change> changes;
    for (int i = 0; i < 14; ++i)
      changes.push_back(floor.message(ticket, std::string(60'000, static_cast<char>('a' + i))));
    const auto answer = floor.ann->push(std::vector<Bytes>{floor.ann->seal(std::move(changes))});
    REQUIRE_FALSE(answer.has_error());
  }
  SECTION("as news") {
    floor.ann->download();
    floor.give_to_bob(ticket);
    CHECK(held(floor.bob->download(), ticket).size() == 84);
  }
  SECTION("as news, while it goes on changing") {
    floor.ann->download();
    floor.give_to_bob(ticket);
    const auto first = floor.bob->exchange();
    REQUIRE(first.more());
    floor.push(floor.message(ticket, "one more"));
    auto here = held({first.patches().begin(), first.patches().end()}, ticket);
    CHECK(held(floor.bob->download(), ticket, here).size() == 85);
  }
  SECTION("in the first download") {
    floor.ann->download();
    floor.give_to_bob(ticket);
    Device second(floor.house, "bob");
    must(second.open_session());
    CHECK(held(second.download(limits::want_bytes_max), ticket).size() == 84);
  }
  SECTION("in a repair, as much as fits") {
    v1::ExchangeRequest asked = floor.ann->request();
    for (unsigned bucket = 0; bucket < 256; ++bucket) asked.add_want_buckets(bucket);
    const auto answer = floor.ann->exchange(asked);
    CHECK(answer.buckets_size() > 0);
    CHECK(answer.patches_size() > 0);
  }
}

TEST_CASE("restricted notes come with the right to read them and go with it", "[server][exchange][pages][security]") {
  Floor floor;
  const TicketId ticket = floor.ticket();
  floor.push(floor.message(ticket, "for all of us"));
  floor.push(floor.message(ticket, "for supervisors", sync::Visibility::restricted));
  floor.give_to_bob(ticket);
  auto here = held(floor.bob->download(), ticket);
  CHECK(here.size() == 1);
  floor.role_of_bob("supervisor");
  here = held(floor.bob->download(), ticket, here);
  CHECK(here.size() == 2);
  floor.role_of_bob("operator");
  here = held(floor.bob->download(), ticket, here);
  CHECK(here.size() == 1);
  floor.house.command(
      Json::object({{"command", Json("operator set")}, {"operator", Json("bob")}, {"name", Json("Bob B.")}}));
  CHECK(floor.bob->download().empty());
}

TEST_CASE("a revoked device gets nothing but receipts, its own sets neither", "[server][exchange][security]") {
  Floor floor;
  floor.bob->push(floor.bob->create(random_id<TicketId>(floor.house.environment), "canary"));
  floor.house.command(Json::object(
      {{"command", Json("device revoke")}, {"device", Json(to_uuid_text(floor.bob->certificate.device.view()))}}));
  must(floor.bob->open_session());
  REQUIRE(floor.bob->mode == protocol::SessionMode::deposit);
  v1::ExchangeRequest asked = floor.bob->request();
  asked.set_own_sets_from(1);
  const auto answer = floor.bob->exchange(asked);
  CHECK(answer.own_sets_size() == 0);
  CHECK(answer.SerializeAsString().find("canary") == std::string::npos);
}

}  // namespace tern::test
