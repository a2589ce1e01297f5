#include "support/catch.hpp"
//
#include "house.hpp"

namespace tern::test {
namespace {

/// The names that a list shows.
std::vector<std::string> names(House& house, const char* kind) {
  std::vector<std::string> out;
  const Json answer = house.command(cmd(std::string(kind) + " list"));
  for (const Json& row : answer["rows"].items()) out.push_back(row["name"].as_string());
  return out;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("a record is changed: what is not named stays, an empty text takes away", "[server][admin][records]") {
  House house;
  house.command(cmd("contact add", {{"name", Json("Joe")}, {"email", Json("joe@x.example")}, {"phone", Json("112")}}));
  Json changed = house.command(cmd("contact set", {{"name", Json("Joe")}, {"phone", Json("113")}}));
  CHECK(changed["phone"].as_string() == "113");
  CHECK(changed["email"].as_string() == "joe@x.example");
  changed = house.command(cmd("contact set", {{"name", Json("Joe")}, {"phone", Json("")}, {"rename", Json("Joseph")}}));
  CHECK(changed.find("phone") == nullptr);
  CHECK(names(house, "contact") == Names{"Joseph"});
  CHECK(code_of(house, cmd("contact set", {{"name", Json("Joe")}, {"phone", Json("1")}})) == ErrorCode::not_found);

  // What is already so is no change.
  const auto commits = [&] { return house.command(cmd("status"))["rows"].items()[0]["commit_seq"].as_integer(); };
  const std::int64_t before = commits();
  house.command(cmd("contact set", {{"name", Json("Joseph")}, {"email", Json("joe@x.example")}}));
  CHECK(commits() == before);
  house.command(cmd("contact set", {{"name", Json("Joseph")}, {"email", Json("joseph@x.example")}}));
  CHECK(commits() == before + 1);
}

TEST_CASE("no record takes the name of another one", "[server][admin][records]") {
  House house;
  for (const char* name : {"Field", "Office"}) house.command(cmd("queue add", {{"name", Json(name)}}));
  CHECK(code_of(house, cmd("queue set", {{"name", Json("Field")}, {"rename", Json("Office")}})) == ErrorCode::invalid);
  CHECK(code_of(house, cmd("queue set", {{"name", Json("Field")}, {"rename", Json(" ")}})) == ErrorCode::invalid);
  CHECK(names(house, "queue") == Names{"Field", "Office"});
  // A tag's and a field's name stand in tickets.
  house.command(cmd("tag add", {{"name", Json("pump")}}));
  CHECK(code_of(house, cmd("tag set", {{"name", Json("pump")}, {"rename", Json("pumps")}})) == ErrorCode::usage);
}

TEST_CASE("a removed record leaves the lists, its name is free again, and devices are told",
          "[server][admin][records]") {
  House house;
  house.command(cmd("queue add", {{"name", Json("Field")}}));
  house.add_operator("ann");
  Device device(house, "ann");
  must(device.open_session());
  device.download();
  CHECK(house.command(cmd("queue remove", {{"name", Json("Field")}}))["removed"].as_bool());
  CHECK(names(house, "queue").empty());
  bool told = false;
  const auto answer = device.exchange();
  for (const v1::Pack& pack : answer.packs())
    for (const v1::Record& one : pack.records()) told = told || (one.name() == "Field" && one.deleted());
  CHECK(told);
  CHECK(code_of(house, cmd("queue remove", {{"name", Json("Field")}})) == ErrorCode::not_found);
  house.command(cmd("queue add", {{"name", Json("Field")}}));
  CHECK(names(house, "queue") == Names{"Field"});
}

TEST_CASE("a queue with tickets at work stays", "[server][admin][records]") {
  House house;
  const Json queue = house.command(cmd("queue add", {{"name", Json("Field")}}));
  house.add_operator("sue", "supervisor");
  Device device(house, "sue");
  must(device.open_session());
  const auto ticket = random_id<TicketId>(house.environment);
  sync::Change move = device.change(sync::Intent::move_queue, ticket);
  move.target = *from_uuid_text(queue["id"].as_string());
  device.push({device.seal({device.create(ticket), move})});
  CHECK(code_of(house, cmd("queue remove", {{"name", Json("Field")}})) == ErrorCode::invalid);
  CHECK(names(house, "queue") == Names{"Field"});
  device.push(device.change(sync::Intent::close, ticket));
  CHECK(house.command(cmd("queue remove", {{"name", Json("Field")}}))["removed"].as_bool());
}

TEST_CASE("what a rule, a contact or a category names keeps its name", "[server][admin][records]") {
  House house;
  house.command(cmd("queue add", {{"name", Json("Field")}}));
  house.command(cmd(
      "sla rule add",
      {{"name", Json("Field first")}, {"when", Json::array({Json("queue=Field")})}, {"first-response", Json("1h")}}));
  const auto why = house.try_command(cmd("queue set", {{"name", Json("Field")}, {"rename", Json("Crew")}}));
  REQUIRE_FALSE(why);
  CHECK(why.error().message == "The sla_rule \"Field first\" names it.");
  CHECK(code_of(house, cmd("queue remove", {{"name", Json("Field")}})) == ErrorCode::invalid);
  house.command(cmd("sla rule remove", {{"name", Json("Field first")}}));
  CHECK(house.command(cmd("queue set", {{"name", Json("Field")}, {"rename", Json("Crew")}}))["name"] == Json("Crew"));

  house.command(cmd("organisation add", {{"name", Json("Smith")}}));
  house.command(cmd("contact add", {{"name", Json("Joe")}, {"organisation", Json("Smith")}}));
  CHECK(code_of(house, cmd("organisation remove", {{"name", Json("Smith")}})) == ErrorCode::invalid);
  house.command(cmd("contact set", {{"name", Json("Joe")}, {"organisation", Json("")}}));
  CHECK(house.command(cmd("organisation remove", {{"name", Json("Smith")}}))["removed"].as_bool());

  house.command(cmd("category add", {{"name", Json("Hardware")}}));
  house.command(cmd("category add", {{"name", Json("Pumps")}, {"parent", Json("Hardware")}}));
  CHECK(code_of(house, cmd("category remove", {{"name", Json("Hardware")}})) == ErrorCode::invalid);
}

}  // namespace tern::test
