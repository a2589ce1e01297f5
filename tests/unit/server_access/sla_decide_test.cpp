// What managers decide about breaches (docs/sla.md, K18, K19).
#include "house.hpp"
#include "support/catch.hpp"

namespace tern::test {
namespace {

constexpr std::int64_t decide_hour_ms = 3'600'000;

/// A ticket with three hours to its resolution, under a rule that says who believes an offline answer.
struct DecidedTicket {
  explicit DecidedTicket(const char* credit) : house(), device(sue(), "sue") {
    house.command(
        cmd("sla rule add", {{"name", Json("All")}, {"resolution", Json("3h")}, {"offline-credit", Json(credit)}}));
    house.add_operator("mia", "manager");
    must(device.open_session());
    ticket = random_id<TicketId>(house.environment);
    device.push(device.create(ticket));
    house.tick();
  }

  /// Closed after so many hours on a device that comes back after so many.
  void closed_offline(int made_h, int came_h) {
    house.environment.advance(made_h * decide_hour_ms);
    const Bytes wire = device.seal({device.change(sync::Intent::close, ticket)});
    house.environment.advance((came_h - made_h) * decide_hour_ms);
    house.tick();
    must(device.open_session());
    device.push({wire});
    house.tick();
  }

  Json decide(const char* verdict, const char* by = "mia", const char* reason = "the power was cut") {
    return cmd("sla decide", {{"ticket", Json(to_uuid_text(ticket.view()))},
                              {"metric", Json("resolution")},
                              {"verdict", Json(verdict)},
                              {"by", Json(by)},
                              {"reason", Json(reason)}});
  }

  std::string state() {
    house.tick();
    const Json rows = house.command(cmd("sla breaches"))["rows"];
    return rows.size() == 1 ? rows.items()[0]["state"].as_string() : "rows: " + std::to_string(rows.size());
  }

  House house;
  Device device;
  TicketId ticket;

private:
  House& sue() {
    house.add_operator("sue", "supervisor");
    return house;
  }
};

}  // namespace

TEST_CASE("K19: an excused breach is told so, whatever arrives later, and survives a restart", "[server][admin][sla]") {
  DecidedTicket desk("claimed");
  desk.house.environment.advance(4 * decide_hour_ms);
  CHECK(desk.state() == "confirmed");
  const Json said = desk.house.command(desk.decide("excuse"));
  CHECK(said["verdict"].as_string() == "excuse");
  CHECK(said["cycle"].as_integer() == 1);
  CHECK(desk.state() == "excused");
  CHECK(desk.house.command(cmd("verify"))["findings"].size() == 0);
  desk.house.reopen();
  must(desk.device.open_session());
  desk.device.push(desk.device.change(sync::Intent::close, desk.ticket));
  CHECK(desk.state() == "excused");
  CHECK(desk.house.command(cmd("verify"))["findings"].size() == 0);
  desk.house.command(desk.decide("reject"));  // it was no excuse after all
  CHECK(desk.state() == "confirmed");
}

TEST_CASE("K18: where the rule leaves it to a manager, their word makes an offline answer count, or not",
          "[server][admin][sla]") {
  DecidedTicket desk("manager");
  desk.closed_offline(1, 5);
  CHECK(desk.state() != "rescinded");
  desk.house.command(desk.decide("reject"));
  CHECK(desk.state() == "confirmed");
  desk.house.environment.advance(decide_hour_ms);
  desk.house.command(desk.decide("accept"));  // the later word counts
  CHECK(desk.state() == "rescinded");
  CHECK(desk.house.command(cmd("verify"))["findings"].size() == 0);
}

TEST_CASE("a decision that nobody may make, or that is about nothing, changes nothing", "[server][admin][sla]") {
  DecidedTicket desk("claimed");
  CHECK(code_of(desk.house, desk.decide("excuse")) == ErrorCode::not_found);  // not breached yet
  desk.house.environment.advance(4 * decide_hour_ms);
  CHECK(desk.state() == "confirmed");
  CHECK(code_of(desk.house, desk.decide("excuse", "sue")) == ErrorCode::not_permitted);
  CHECK(code_of(desk.house, desk.decide("excuse", "nobody")) == ErrorCode::not_found);
  CHECK(code_of(desk.house, desk.decide("accept")) == ErrorCode::invalid);  // the rule believes devices anyway
  CHECK(code_of(desk.house, desk.decide("forget")) == ErrorCode::usage);
  CHECK(code_of(desk.house, desk.decide("excuse", "mia", " ")) == ErrorCode::invalid);
  CHECK(code_of(desk.house, desk.decide("excuse", "mia", std::string(3000, 'x').c_str())) == ErrorCode::invalid);
  Json other = desk.decide("excuse");
  CHECK(code_of(desk.house, other.set("metric", Json("on-site"))) == ErrorCode::not_found);
  CHECK(code_of(desk.house, other.set("metric", Json("lunch"))) == ErrorCode::usage);
  other = desk.decide("excuse");
  CHECK(code_of(desk.house, other.set("cycle", Json(2))) == ErrorCode::not_found);
  CHECK(desk.state() == "confirmed");
}

}  // namespace tern::test
