#include "support/catch.hpp"
#include "support/persist.hpp"
//
#include "house.hpp"
#include "ingest/own_folds.hpp"
#include "tern/protocol/zstd.hpp"
#include "tern/sync/own_fold.hpp"

namespace tern::test {
namespace {

using server::OwnFolds;

TicketId ticket_of(std::uint8_t number) {
  TicketId id;
  id.bytes.fill(number);
  return id;
}

struct OwnFoldsDesk {
  House house;
  std::unique_ptr<Device> device, colleague;
  TicketId ticket;
  OwnFoldsDesk() {
    house.add_operator("ann", "supervisor");
    house.add_operator("ben", "supervisor");
    device = std::make_unique<Device>(house, "ann", "all");
    colleague = std::make_unique<Device>(house, "ben", "all");
    for (Device* one : {device.get(), colleague.get()}) must(one->open_session());
    ticket = random_id<TicketId>(house.environment);
    device->push(device->create(ticket));
    device->download();
    colleague->download();
  }
  v1::ExchangeRequest asking(Device& who) {
    v1::ExchangeRequest request = who.request();
    request.set_own_folds(true);
    return request;
  }
  sync::Change subject(Device& who, const std::string& text) {
    sync::Change change = who.change(sync::Intent::set, ticket);
    change.fields.push_back({sync::FieldId::subject, {}, text, false});
    return change;
  }
  /// An answer that the device never gets: its cursor stays.
  v1::ExchangeResponse ask(Device& who, const v1::ExchangeRequest& request) {
    const std::uint64_t cursor = who.cursor;
    auto answer = who.exchange(request);
    who.cursor = cursor;
    return answer;
  }
  v1::ExchangeResponse ask() { return ask(*device, asking(*device)); }
  /// The answer to a push of one change by a device that takes own folds; the cursor stays, too.
  v1::ExchangeResponse push(sync::Change change) {
    v1::ExchangeRequest request = asking(*device);
    request.add_change_sets(device->seal({std::move(change)}));
    return ask(*device, request);
  }
};

}  // namespace

TEST_CASE("who takes own folds gets one for each ticket that it moved alone, others get it whole",
          "[server][exchange][own_folds]") {
  OwnFoldsDesk desk;
  const auto answer = desk.push(desk.subject(*desk.device, "pump leaks"));
  CHECK(answer.patches_size() == 0);
  REQUIRE(answer.own_folds().versions_size() == 1);
  CHECK(answer.own_folds().ticket_ids() == Bytes(desk.ticket.view()));
  CHECK(answer.own_folds().bases(0) < answer.own_folds().versions(0));
  CHECK(answer.own_folds().checks().size() == sync::OwnFoldCheck::size_bytes);
  v1::ExchangeRequest older = desk.device->request();  // says nothing of own folds
  CHECK(desk.ask(*desk.device, older).patches_size() == 1);
  CHECK_FALSE(desk.ask(*desk.device, older).has_own_folds());
  CHECK(desk.colleague->exchange(desk.asking(*desk.colleague)).patches_size() == 1);
}

TEST_CASE("an own fold is told again while the cursor stays, and to that session only",
          "[server][exchange][own_folds]") {
  const NothingFails once;
  OwnFoldsDesk desk;
  desk.push(desk.subject(*desk.device, "pump leaks"));
  CHECK(desk.ask().own_folds().versions_size() == 1);
  const auto again = desk.push(desk.subject(*desk.device, "pump leaks oil"));
  REQUIRE(again.own_folds().versions_size() == 1);  // one way over both
  CHECK(again.own_folds().bases(0) + 2 == again.own_folds().versions(0));
  must(desk.device->open_session());
  CHECK(desk.ask().patches_size() == 1);
}

TEST_CASE("what somebody else moved in between, or a device cannot fold by itself, comes whole",
          "[server][exchange][own_folds]") {
  OwnFoldsDesk desk;
  SECTION("a colleague's change before it") {
    desk.colleague->push(desk.subject(*desk.colleague, "pump broken"));
    CHECK(desk.push(desk.subject(*desk.device, "pump leaks")).patches_size() == 1);
  }
  SECTION("a colleague's change after it") {
    desk.push(desk.subject(*desk.device, "pump leaks"));
    desk.colleague->push(desk.subject(*desk.colleague, "pump broken"));
    const auto answer = desk.ask();
    CHECK(answer.patches_size() == 1);
    CHECK_FALSE(answer.has_own_folds());
  }
  SECTION("a colleague's pin, which its reader must not see") {
    desk.colleague->push(desk.colleague->change(sync::Intent::pin, desk.ticket));
    desk.device->download();
    CHECK(desk.push(desk.subject(*desk.device, "pump leaks")).patches_size() == 1);
  }
  SECTION("an edit of a message") {
    sync::Change note = desk.device->change(sync::Intent::message, desk.ticket);
    note.visibility = sync::Visibility::team;
    note.text = "first";
    const sync::ChangeRef ref = note.ref;
    CHECK(desk.push(note).own_folds().versions_size() == 1);
    desk.device->download();
    sync::Change edit = desk.device->change(sync::Intent::edit_message, desk.ticket);
    edit.targets = {ref};
    edit.text = "better";
    CHECK(desk.push(edit).patches_size() == 1);
  }
}

TEST_CASE("an answer is packed against its request where the device can unpack that", "[server][exchange]") {
  OwnFoldsDesk desk;
  v1::ExchangeRequest request = desk.device->request();
  request.set_packed_against_request(true);
  for (int i = 0; i < 20; ++i)
    request.add_change_sets(desk.device->seal({desk.subject(*desk.device, "pump " + std::to_string(i))}));
  const server::Response response = desk.device->exchange_raw(request);
  REQUIRE(response.header("content-encoding") == "zstd-request");
  CHECK(desk.device->proven(response));
  const Bytes asked = request.SerializeAsString();
  v1::ExchangeResponse answer;
  REQUIRE(answer.ParseFromString(must(protocol::decompress_against(asked, response.body))));
  CHECK(desk.device->receipts(answer).receipts.size() == 20);
  CHECK_FALSE(protocol::decompress(response.body));
  CHECK(response.body.size() < protocol::compress(must(protocol::decompress_against(asked, response.body))).size());
}

TEST_CASE("own folds follow each other as long as nobody comes between", "[server][own_folds]") {
  OwnFolds folds;
  folds.add({{ticket_of(1), 5, 10, {}}, {ticket_of(2), 6, 10, {}}});
  CHECK(folds.find(ticket_of(1), 10, 9) != nullptr);
  CHECK(folds.find(ticket_of(1), 10, 5) != nullptr);
  CHECK(folds.find(ticket_of(1), 10, 4) == nullptr);  // the reader lacks what it begins with
  CHECK(folds.find(ticket_of(1), 11, 9) == nullptr);  // somebody came behind it
  CHECK(folds.find(ticket_of(3), 10, 9) == nullptr);
  folds.add({{ticket_of(1), 10, 12, {}}, {ticket_of(2), 11, 12, {}}, {ticket_of(3), 0, 12, {}}});
  CHECK(folds.find(ticket_of(1), 12, 5) != nullptr);   // one way over both
  CHECK(folds.find(ticket_of(2), 12, 10) == nullptr);  // somebody came between
  CHECK(folds.find(ticket_of(2), 12, 11) != nullptr);
  folds.forget_up_to(12);
  CHECK(folds.empty());
}

TEST_CASE("the check of an own fold differs with state and messages", "[sync][own_folds]") {
  const std::vector<Bytes> none, one{"m"}, two{"m", ""};
  const auto check = sync::own_fold_check("state", none);
  CHECK(check == sync::own_fold_check("state", none));
  CHECK(check != sync::own_fold_check("statf", none));
  CHECK(check != sync::own_fold_check("state", one));
  CHECK(sync::own_fold_check("state", one) != sync::own_fold_check("state", two));
}

}  // namespace tern::test
