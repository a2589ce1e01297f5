// A house with two vans whose reports say how sure they are.
#pragma once

#include <memory>
#include <string>

#include "house.hpp"
#include "support/catch.hpp"

namespace tern::test {

inline constexpr std::int64_t report_minute_ms = 60'000, report_hour_ms = 3'600'000;

/// Two agents with a van each, whose tickets are due to be answered after four hours.
struct Vans {
  Vans() {
    house.command(
        cmd("sla rule add", {{"name", Json("All")}, {"first-response", Json("4h")}, {"resolution", Json("2d")}}));
    house.command(cmd("contact add", {{"name", Json("Kim")}}));
    kim = must_uuid(house.command(cmd("contact list"))["rows"].items().front()["id"].as_string());
    house.add_operator("sue", "supervisor");
    ada_id = house.add_operator("ada");
    bob_id = house.add_operator("bob");
    sue = std::make_unique<Device>(house, "sue", "all");
    ada = std::make_unique<Device>(house, "ada");
    bob = std::make_unique<Device>(house, "bob");
  }

  static Bytes must_uuid(const std::string& text) {
    const auto raw = from_uuid_text(text);
    REQUIRE(raw);
    return *raw;
  }
  /// Of the customer's, given to somebody, who then has it.
  TicketId ask(const std::string& owner, Device& van) {
    must(sue->open_session());
    const TicketId ticket = random_id<TicketId>(house.environment);
    sync::Change create = sue->create(ticket);
    create.fields.push_back({sync::FieldId::contact, {}, kim, false});
    sue->push(create);
    sync::Change assign = sue->change(sync::Intent::assign, ticket);
    assign.target = must_uuid(owner);
    assign.reason = "yours";
    sue->push(assign);
    sue->download();
    house.tick();
    must(van.open_session());
    van.download();
    return ticket;
  }
  static sync::Change reply(Device& van, const TicketId& ticket) {
    sync::Change message = van.change(sync::Intent::message, ticket);
    message.visibility = sync::Visibility::open;
    message.text = "The seal is replaced.";
    return message;
  }
  void pass(std::int64_t ms) {
    house.environment.advance(ms);
    house.tick();
  }
  void sync(Device& device) {
    must(device.open_session());
    device.download();
    house.tick();
  }
  Json report(const char* which, std::initializer_list<Json::Member> members = {}) {
    return house.command(cmd(std::string("report ") + which, members));
  }
  std::string now() {
    const Json of = report("dashboard");
    return of["to"].as_string();
  }
  static Json row(const Json& report, const std::string& figure, const char* by = "figure") {
    for (const Json& one : report["rows"].items())
      if (one[by].as_string() == figure) return one;
    return {};
  }

  House house;
  std::unique_ptr<Device> sue, ada, bob;
  std::string ada_id, bob_id;
  Bytes kim;
};

}  // namespace tern::test
