// Incident logs that come in, and tickets that go out.
#include "support/catch.hpp"
//
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "house.hpp"
#include "tern/server/incident_log.hpp"

namespace tern::test {

TEST_CASE("an incident log that is no file, too wide, too long or of unknown words imports nothing",
          "[server][admin][import]") {
  House house;
  const auto refused = [&](const std::string& path) {
    return code_of(house, cmd("import incidents", {{"file", Json(path)}}));
  };
  const auto written = [&](const std::string& text) {
    const std::string path = house.folder.file("log.csv");
    std::ofstream(path, std::ios::binary) << text;
    return path;
  };
  const std::string head = "number,incident_state,sys_updated_by,sys_updated_at,priority\n";
  const std::string row = "INC1,New,Ann,29-02-2016 01:23,3 - Moderate\n";
  CHECK(refused("/dev/zero") == ErrorCode::invalid);
  CHECK(refused(house.folder.path()) == ErrorCode::invalid);
  const std::string pipe = house.folder.file("pipe");
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  CHECK(refused(pipe) == ErrorCode::invalid);  // nobody is waited for
  CHECK(refused(written(std::string(1'000'000, ','))) == ErrorCode::csv_invalid);
  CHECK(refused(written(head + row + '"' + std::string(1'000'000, 'x'))) == ErrorCode::too_large);
  CHECK(refused(written(head + row + "INC2,New,Ann,29-02-2016 01:23," + std::string(5'000, 'x') + "\n")) ==
        ErrorCode::invalid);
  CHECK(refused(written(head + row + "INC2,Gone,Ann,29-02-2016 01:23,x\n")) == ErrorCode::invalid);
  CHECK(refused(written(head + row + "INC2,New,\"A\nB\",29-02-2016 01:23,x\n")) == ErrorCode::invalid);
  CHECK(refused(written(head)) == ErrorCode::invalid);
  CHECK(refused(written("number,number,incident_state,sys_updated_by,sys_updated_at,priority\nA," + row)) ==
        ErrorCode::invalid);
  std::filesystem::resize_file(written(head), server::log_bytes_max + 1);
  CHECK(refused(house.folder.file("log.csv")) == ErrorCode::too_large);
  CHECK(house.command(cmd("operator list"))["rows"].size() == 1);

  // Rows of an incident need not lie together, and spreadsheets begin a file with a mark.
  const std::string mixed =
      written("\xEF\xBB\xBF\"number\"" + head.substr(6) + row + "INC2,New,Eve,29-02-2016 01:24,x\r\n\n" +
              "INC1,Resolved,\"Eve\",1/3/2016 1:24,3 - Moderate");
  const Json imported = house.command(cmd("import incidents", {{"file", Json(mixed)}}));
  CHECK(imported["tickets"].as_integer() == 2);
  CHECK(imported["refused"].as_integer() == 0);
  CHECK(house.command(cmd("operator list"))["rows"].size() == 3);
}

TEST_CASE("the real form of an incident log becomes tickets with its own times, once", "[server][admin][import]") {
  House house;
  const std::string log = std::string(TERN_TEST_DATA_DIR) + "/incidents-sample.csv";
  const Json first = house.command(cmd("import incidents", {{"file", Json(log)}}));
  CHECK(first["tickets"].as_integer() == 60);
  CHECK(first["refused"].as_integer() == 0);
  const Json again = house.command(cmd("import incidents", {{"file", Json(log)}}));
  CHECK(again["tickets"].as_integer() == 0);
  CHECK(again["skipped"].as_integer() == 60);
  CHECK(again["records"].as_integer() == 0);

  const Json lines = house.command(cmd("export", {{"format", Json("jsonl")}}));
  REQUIRE(lines["rows"].size() == 60);
  const Json& ticket = lines["rows"].items()[0];
  CHECK(ticket["number"].as_string() == "T-2024-0001");
  CHECK(ticket["updated_at"].as_string().starts_with("2024-"));  // when the log says, not when it was imported
  CHECK(ticket["external_refs"].items()[0]["type"].as_string() == "incident");
  CHECK(ticket["history"].items()[0]["flags"] == Json::array({Json("asserted")}));
  const Json verified = house.command(cmd("verify"));
  INFO(to_text(verified));
  CHECK(verified["good"].as_bool());
  CHECK(code_of(house, cmd("import incidents", {{"file", Json(house.folder.file("nothing.csv"))}})) ==
        ErrorCode::not_found);
  std::ofstream(house.folder.file("bad.csv")) << "number,incident_state\nINC1,New\n";
  CHECK(code_of(house, cmd("import incidents", {{"file", Json(house.folder.file("bad.csv"))}})) == ErrorCode::invalid);
}

TEST_CASE("an export tells each field's settings in the fold's order, with names", "[server][admin][export]") {
  House house;
  house.command(cmd("record load", {{"rows", Json::array({record("queue", "Field"), record("category", "Leak")})}}));
  const auto ann = house.add_operator("ann", "supervisor");
  Device device(house, "ann", "all");
  must(device.open_session());
  const TicketId ticket = random_id<TicketId>(house.environment);
  auto create = device.create(ticket, "pump leaks");
  create.fields.push_back({sync::FieldId::priority, {}, "3", false});
  create.fields.push_back({sync::FieldId::custom, "meter_no", "17", false});
  device.push(create);
  house.environment.advance(1'000);
  auto start = device.change(sync::Intent::start, ticket);
  device.push(start);
  house.environment.advance(1'000);
  auto take = device.change(sync::Intent::take, ticket);
  device.push(take);
  house.environment.advance(1'000);
  auto note = device.change(sync::Intent::message, ticket);
  note.text = "on my way";
  note.visibility = sync::Visibility::open;
  device.push(note);

  const std::string path = house.folder.file("out.jsonl");
  CHECK(house.command(cmd("export", {{"to", Json(path)}}))["tickets"].as_integer() == 1);
  struct stat found {};
  REQUIRE(::stat(path.c_str(), &found) == 0);
  CHECK((found.st_mode & 0777) == 0600);
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  const Json exported = must(parse_json(line));
  CHECK(exported["status"].as_string() == "in_progress");
  CHECK(exported["priority"].as_string() == "high");
  CHECK(exported["assignee"].as_string() == "ann");
  CHECK(exported["custom"]["meter_no"].as_string() == "17");
  CHECK(exported["queue"].is_null());
  CHECK(exported["messages"].items()[0]["text"].as_string() == "on my way");
  CHECK(exported["messages"].items()[0]["visibility"].as_string() == "public");
  std::vector<std::string> fields;
  for (const Json& entry : exported["history"].items())
    fields.push_back(entry["field"].as_string() + "=" + entry["value"].as_string());
  CHECK(fields == std::vector<std::string>{"subject=pump leaks", "priority=high", "custom=17", "status=new",
                                           "status=in_progress", "assignee=ann", "messages=on my way"});
  CHECK(code_of(house, cmd("export", {{"format", Json("xml")}})) == ErrorCode::invalid);
  CHECK(code_of(house, cmd("export", {{"to", Json(house.folder.file("no/such/folder"))}})) != ErrorCode::internal);
}

TEST_CASE("an export goes on in pages: each names the next, and together they are every ticket",
          "[server][admin][export]") {
  House house;
  house.command(cmd("import incidents", {{"file", Json(std::string(TERN_TEST_DATA_DIR) + "/incidents-sample.csv")}}));
  std::set<std::string> numbers;
  Json command = cmd("export", {{"limit", Json(25)}});
  int pages = 0;
  for (bool more = true; more && pages < 10; ++pages) {
    const Json page = house.command(command);
    CHECK(page["rows"].size() == (pages < 2 ? 25 : 10));
    for (const Json& ticket : page["rows"].items()) CHECK(numbers.insert(ticket["number"].as_string()).second);
    more = page.find("next") != nullptr;
    if (more) command.set("after", page["next"]);
  }
  CHECK(pages == 3);
  CHECK(numbers.size() == 60);
  CHECK(code_of(house, cmd("export", {{"after", Json("x")}})) == ErrorCode::invalid);
  CHECK(code_of(house, cmd("export", {{"limit", Json(0)}})) == ErrorCode::invalid);
  CHECK(code_of(house, cmd("export", {{"limit", Json(1)}, {"to", Json(house.folder.file("x"))}})) == ErrorCode::usage);
  CHECK(code_of(house, cmd("export", {{"to", Json("-")}})) == ErrorCode::usage);  // the program's own stdout is meant
  CHECK(code_of(house, cmd("export", {{"to", Json("-")}, {"format", Json("ledger")}})) == ErrorCode::usage);
  CHECK_FALSE(std::filesystem::exists("-"));
}

}  // namespace tern::test
