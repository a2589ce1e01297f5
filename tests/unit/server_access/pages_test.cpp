#include "support/catch.hpp"
//
#include <set>

#include "house.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/sqlite/database.hpp"
#include "tern/sqlite/transaction.hpp"
#include "tern/sync/scope.hpp"
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

namespace {

/// All that a device is told until nothing is left, each answer within what it unpacks.
struct Heard {
  std::multiset<Bytes> amendments;
  std::size_t answers = 0, largest = 0;

  explicit Heard(Device& device) {
    for (bool more = true; more; ++answers) {
      v1::ExchangeRequest asked = device.request();
      asked.set_want_bytes(limits::want_bytes_max);
      const std::uint64_t before = device.cursor;
      const auto answer = device.exchange(asked);
      largest = std::max(largest, answer.ByteSizeLong());
      for (const v1::Amendment& amendment : answer.amendments()) amendments.insert(amendment.signed_statement());
      if (device.cursor != before) CHECK((answers == 0 || answer.page_token().empty()));
      more = answer.more();
      REQUIRE(answers < 500);
    }
  }
};

/// As if so many standings of bob's work had been altered in some of the commits that there are.
void amend(Floor& floor, const TenantId& tenant, std::size_t count) {
  floor.house.core.reset();
  sqlite::OpenOptions options;
  options.path = floor.house.options().directory + "/tenants/" + to_hex(tenant) + "/tern.db";
  const auto db = must(sqlite::Database::open(options));
  const auto number = static_cast<std::int64_t>(*must(db->int64_of("SELECT min(tenant_id) FROM change_set")));
  auto transaction = must(sqlite::Transaction::begin_write(*db));
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t seq = i % 3 == 0 ? 2 : 3;
    must(db->run("INSERT INTO amendment (tenant_id, commit_seq, n, ticket_id, statement) VALUES ($1, $2, $3, $4, $5)",
                 number, seq, i, random_id<TicketId>(floor.house.environment),
                 sqlite::Blob{std::to_string(i) + std::string(280, 's')}));
    must(db->run("INSERT INTO amendment_reader (tenant_id, device_id, commit_seq, n) VALUES ($1, $2, $3, $4)", number,
                 floor.bob->certificate.device, seq, i));
  }
  must(transaction.commit());
  floor.house.reopen();
  for (Device* device : {floor.ann.get(), floor.bob.get()}) must(device->open_session());
}

}  // namespace

TEST_CASE("whoever was away for long is told everything, in answers that can be unpacked",
          "[server][exchange][pages]") {
  constexpr std::size_t count = 20'000;  // 5.6 MB: more than any answer may hold
  Floor floor;
  const TicketId ticket = floor.ticket();
  floor.give_to_bob(ticket);
  floor.rename(ticket, "tap drips");
  amend(floor, floor.bob->certificate.tenant, count);
  SECTION("from the beginning") {
    floor.bob->cursor = 0;
  }
  SECTION("as news") {
    floor.bob->cursor = 1;
  }
  const std::uint64_t newest = floor.ann->cursor;
  const Heard heard(*floor.bob);
  CHECK(heard.amendments.size() == count);
  CHECK(std::set<Bytes>(heard.amendments.begin(), heard.amendments.end()).size() == count);
  CHECK(heard.largest <= limits::decompressed_bytes_max);
  CHECK(heard.answers >= 8);
  CHECK(floor.bob->cursor >= newest);
  CHECK(Heard(*floor.bob).amendments.empty());
}

TEST_CASE("a bucket larger than an answer is repaired in parts", "[server][exchange][pages]") {
  Floor floor;
  std::set<Bytes> tickets;
  for (int set = 0; set < 6; ++set) {
    std::vector<sync::Change> changes;
    for (int i = 0; i < 14; ++i) {
      auto id = random_id<TicketId>(floor.house.environment);
      id.bytes[0] = 0x42;
      sync::Change create = floor.ann->create(id);
      create.text = std::string(60'000, static_cast<char>('a' + i));
      tickets.insert(Bytes(id.view()));
      changes.push_back(std::move(create));
    }
    floor.push(std::move(changes));
  }
  std::set<Bytes> named, patched;
  Bytes after;
  for (int part = 0; part < 50; ++part) {
    v1::ExchangeRequest asked = floor.ann->request();
    for (unsigned bucket = 0x42; bucket < 256; ++bucket) asked.add_want_buckets(bucket);
    asked.set_bucket_after(after);
    const auto answer = floor.ann->exchange(asked);
    CHECK(answer.ByteSizeLong() <= limits::decompressed_bytes_max);
    REQUIRE(answer.buckets_size() > 0);
    const v1::Bucket& bucket = answer.buckets(0);
    CHECK(bucket.bucket() == 0x42);
    CHECK(bucket.after() == after);
    for (const Bytes& id : bucket.ticket_ids()) CHECK(named.insert(id).second);
    for (const v1::Patch& patch : answer.patches())
      patched.insert(Bytes(must(sync::decode_state(patch.state())).id.view()));
    after = bucket.through();
    if (after.empty()) break;
  }
  CHECK(named == tickets);
  CHECK(patched == tickets);
}

TEST_CASE("what a device held before a restore is compared with its scope, in parts", "[server][exchange][pages]") {
  Floor floor;
  std::set<Bytes> tickets;
  for (int set = 0; set < 6; ++set) {
    std::vector<sync::Change> changes;
    for (int i = 0; i < 14; ++i) {
      sync::Change create = floor.ann->create(random_id<TicketId>(floor.house.environment));
      create.text = std::string(60'000, static_cast<char>('a' + i));
      tickets.insert(Bytes(create.ticket.view()));
      changes.push_back(std::move(create));
    }
    floor.push(std::move(changes));
  }
  const Bytes held = *tickets.begin(), unknown(16, '\xff');
  SECTION("what is missing comes, what nobody knows is named") {
    std::set<Bytes> patched, not_known;
    Bytes after;
    for (int part = 0; part < 50; ++part) {
      v1::ExchangeRequest asked = floor.ann->request();
      asked.mutable_held()->set_all(true);
      asked.mutable_held()->set_ids(held + unknown);
      asked.mutable_held()->set_after(after);
      const auto answer = floor.ann->exchange(asked);
      CHECK(answer.ByteSizeLong() <= limits::decompressed_bytes_max);
      REQUIRE(answer.has_held());
      CHECK(answer.left_size() == 0);
      if (!answer.held().unknown().empty()) CHECK(not_known.insert(answer.held().unknown()).second);
      for (const v1::Patch& patch : answer.patches())
        CHECK(patched.insert(Bytes(must(sync::decode_state(patch.state())).id.view())).second);
      after = answer.held().through();
      if (after.empty()) break;
    }
    std::set<Bytes> due = tickets;
    due.erase(held);
    CHECK(patched == due);
    CHECK(not_known == std::set<Bytes>{unknown});
  }
  SECTION("what is another's leaves, what is his stays") {
    TicketId his, lost;
    his.bytes = TicketId::or_zero(held).bytes;
    lost.bytes = TicketId::or_zero(*tickets.rbegin()).bytes;
    floor.give_to_bob(his);
    floor.bob->download();
    v1::ExchangeRequest asked = floor.bob->request();
    asked.mutable_held()->set_ids(Bytes(his.view()) + Bytes(lost.view()) + unknown);
    const auto answer = floor.bob->exchange(asked);
    REQUIRE(answer.left_size() == 1);
    CHECK(answer.left(0).ticket_id() == lost.view());
    CHECK(answer.held().unknown() == unknown);
    CHECK(answer.patches_size() == 0);
  }
  SECTION("too many at once, or no ids, are refused") {
    for (const Bytes& ids : {Bytes(16 * (sync::held_ids_max + 1), 'i'), Bytes(15, 'i')}) {
      v1::ExchangeRequest asked = floor.ann->request();
      asked.mutable_held()->set_ids(ids);
      CHECK(floor.ann->exchange_raw(asked).status >= 400);
    }
  }
}

TEST_CASE("receipts that would make an answer too large come when their sets are sent again",
          "[server][exchange][pages]") {
  Floor floor;
  const TicketId ticket = floor.ticket();
  std::vector<Bytes> sets;
  for (int set = 0; set < 20; ++set) {
    std::vector<sync::Change> changes;
    for (int i = 0; i < 1000; ++i) {
      sync::Change change = floor.ann->change(sync::Intent::tag, ticket);
      change.label = "hot";
      changes.push_back(std::move(change));
    }
    sets.push_back(floor.ann->seal(std::move(changes)));
  }
  std::size_t told = 0;
  for (int round = 0; told < sets.size() && round < 9; ++round) {
    const auto answer = floor.ann->push({sets.begin() + static_cast<std::ptrdiff_t>(told), sets.end()});
    REQUIRE_FALSE(answer.has_error());
    CHECK(answer.receipts().size() <= limits::receipts_bytes_max + 64 * limits::kib);
    const std::size_t fresh = floor.ann->receipts(answer).receipts.size();
    CAPTURE(answer.receipts().size());
    if (round == 0) CHECK(fresh < sets.size());
    REQUIRE(fresh > 0);
    told += fresh;
  }
  CHECK(told == sets.size());
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
