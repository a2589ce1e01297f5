// Incident logs that come in, and tickets that go out.
#include "support/catch.hpp"
//
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>

#include "house.hpp"
#include "tern/server/csv.hpp"
#include "tern/server/incident_log.hpp"

namespace tern::test {
namespace {

/// Pages of at most so many, one after the other: the whole as one text, as a file would have it.
std::string all_pages(House& house, Json command, int limit) {
  command.set("limit", Json(limit));
  std::string out;
  for (bool first = true;; first = false) {
    const Json page = house.command(command);
    if (first && page.find("head") != nullptr) out += page["head"].as_string() + "\r\n";
    for (const Json& row : page["rows"].items())
      out += row.is_string() ? row.as_string() + "\r\n" : to_text(row) + "\n";
    if (page.find("next") == nullptr) return out;
    command.set("after", page["next"]);
  }
}

using Table = std::vector<std::map<std::string, std::string>>;

/// Rows of CSV by the names of their columns, as a spreadsheet would show them.
Table table_of(const std::string& csv) {
  const auto records = must(server::parse_csv(csv));
  Table rows;
  for (std::size_t i = 1; i < records.size(); ++i) {
    REQUIRE(records[i].size() == records[0].size());
    auto& row = rows.emplace_back();
    for (std::size_t j = 0; j < records[i].size(); ++j) row[records[0][j]] = records[i][j];
  }
  return rows;
}

}  // namespace

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

  const Json answer = house.command(cmd("export"));
  CHECK(answer["tickets"].as_integer() == 1);
  CHECK(answer["total"].as_integer() == 1);
  const Json& exported = answer["rows"].items()[0];
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
  CHECK(code_of(house, cmd("export", {{"resume", Json(true)}})) == ErrorCode::usage);
  CHECK(code_of(house, cmd("export", {{"to", Json("-")}, {"format", Json("ledger")}})) == ErrorCode::usage);
  CHECK_FALSE(std::filesystem::exists("-"));
}

TEST_CASE("an export has the tickets of a status, a category, a queue and a time, and the filters go together",
          "[server][admin][export]") {
  House house;
  house.command(
      cmd("record load",
          {{"rows", Json::array({record("queue", "Field"), record("queue", "Office"), record("category", "Leak")})}}));
  house.add_operator("ann", "supervisor");
  Device device(house, "ann", "all");
  must(device.open_session());
  const auto id_of = [&](const char* list, const char* name) {
    const Json answer = house.command(cmd(list));
    for (const Json& row : answer["rows"].items())
      if (row["name"].as_string() == name) return from_uuid_text(row["id"].as_string()).value_or(Bytes());
    return Bytes();
  };
  const auto open = [&](const std::string& subject, bool leak, const char* queue, bool started) {
    const TicketId ticket = random_id<TicketId>(house.environment);
    auto create = device.create(ticket, subject);
    if (leak) create.fields.push_back({sync::FieldId::category, {}, id_of("category list", "Leak"), false});
    device.push(create);
    auto move = device.change(sync::Intent::move_queue, ticket);
    move.target = id_of("queue list", queue);
    device.push(move);
    if (started) device.push(device.change(sync::Intent::start, ticket));
    house.environment.advance(60'000);
  };
  open("first", true, "Field", true);
  open("second", true, "Office", false);
  open("third", false, "Field", true);
  const auto subjects = [&](std::initializer_list<Json::Member> filters) {
    std::string out;
    const Json answer = house.command(cmd("export", filters));
    CHECK(answer["total"].as_integer() == static_cast<std::int64_t>(answer["rows"].size()));
    for (const Json& row : answer["rows"].items()) out += row["subject"].as_string() + " ";
    return out;
  };
  const Json rows = house.command(cmd("export"))["rows"];
  const Json second_at = rows.items()[1]["created_at"];
  const auto list = [](const char* word) { return Json::array({Json(word)}); };
  CHECK(subjects({{"status", list("in_progress")}}) == "first third ");
  CHECK(subjects({{"status", Json::array({Json("new"), Json("in_progress")})}}) == "first second third ");
  CHECK(subjects({{"category", list("Leak")}}) == "first second ");
  CHECK(subjects({{"queue", list("Field")}}) == "first third ");
  CHECK(subjects({{"since", second_at}}) == "second third ");
  CHECK(subjects({{"until", second_at}}) == "first ");
  CHECK(subjects({{"category", list("Leak")}, {"status", list("in_progress")}, {"until", second_at}}) == "first ");
  CHECK(subjects({{"status", list("closed")}}).empty());

  const Json page = house.command(cmd("export", {{"queue", list("Field")}, {"limit", Json(1)}}));
  CHECK(page["rows"].items()[0]["subject"].as_string() == "first");
  const Json last =
      house.command(cmd("export", {{"queue", list("Field")}, {"limit", Json(1)}, {"after", page["next"]}}));
  CHECK(last["rows"].items()[0]["subject"].as_string() == "third");
  CHECK(last.find("next") == nullptr);

  CHECK(code_of(house, cmd("export", {{"status", list("gone")}})) == ErrorCode::invalid);
  CHECK(code_of(house, cmd("export", {{"queue", list("Nowhere")}})) == ErrorCode::not_found);
  CHECK(code_of(house, cmd("export", {{"since", Json("yesterday")}})) == ErrorCode::invalid);
  CHECK(code_of(house, cmd("export", {{"what", Json("contacts")}, {"queue", list("Field")}})) == ErrorCode::usage);
  CHECK(code_of(house, cmd("export", {{"what", Json("secrets")}})) == ErrorCode::invalid);
  CHECK(code_of(house, cmd("export", {{"format", Json("ledger")},
                                      {"to", Json(house.folder.file("l"))},
                                      {"status", list("new")}})) == ErrorCode::usage);
}

TEST_CASE("CSV of tickets, messages and history holds no formula and reads back as it was", "[server][admin][export]") {
  House house;
  house.command(cmd("record load", {{"rows", Json::array({record("custom_field", "meter_no")})}}));
  house.add_operator("ann", "supervisor");
  Device device(house, "ann", "all");
  must(device.open_session());
  const std::vector<std::string> texts = {"=cmd|' /C calc'!A0",          "+1", "-2",  "@sum(A1)", "'=1", "''-",
                                          "plain, \"quoted\"\nand long", "'s", "\t=1"};
  std::vector<TicketId> tickets;
  for (const std::string& text : texts) {
    const TicketId& ticket = tickets.emplace_back(random_id<TicketId>(house.environment));
    auto create = device.create(ticket, "subject");
    create.text = text;
    create.fields.push_back({sync::FieldId::custom, "meter_no", text, false});
    create.fields.push_back({sync::FieldId::custom, "undefined", "x", false});
    device.push(create);
    auto tag = device.change(sync::Intent::tag, ticket);
    tag.label = "a";
    device.push(tag);
    tag = device.change(sync::Intent::tag, ticket);
    tag.label = "b c";
    device.push(tag);
    auto note = device.change(sync::Intent::message, ticket);
    note.text = text;
    note.visibility = sync::Visibility::team;
    device.push(note);
    house.environment.advance(1'000);
  }
  house.core->tick();
  const auto csv_of = [&](const char* what) {
    return all_pages(house, cmd("export", {{"what", Json(what)}, {"format", Json("csv")}}), 2);
  };
  const auto formula = [](const std::string& cell) {
    return !cell.empty() && std::string_view("=+-@\t\r").find(cell.front()) != std::string_view::npos;
  };
  const Table rows = table_of(csv_of("tickets")), messages = table_of(csv_of("messages")),
              history = table_of(csv_of("history"));
  REQUIRE(rows.size() == texts.size());
  REQUIRE(messages.size() == texts.size());
  for (const Table* table : {&rows, &messages, &history})
    for (const auto& row : *table)
      for (const auto& [name, cell] : row) {
        INFO(name << ": " << cell);
        CHECK_FALSE(formula(cell));
      }
  for (std::size_t i = 0; i < texts.size(); ++i) {
    CHECK(server::text_of_csv(rows[i].at("description")) == texts[i]);
    CHECK(server::text_of_csv(rows[i].at("custom.meter_no")) == texts[i]);
    CHECK(rows[i].at("custom") == "{\"undefined\":\"x\"}");
    CHECK(rows[i].at("tags") == "a\nb c");
    CHECK(rows[i].at("messages") == "1");
    CHECK(server::text_of_csv(messages[i].at("text")) == texts[i]);
    CHECK(messages[i].at("author") == "ann");
    CHECK(messages[i].at("author_kind") == "operator");
    CHECK(messages[i].at("visibility") == "team");
  }
  // What was promised, for each clock: of a new ticket the resolution runs.
  CHECK(rows[0].at("sla_resolution_state") == "running");
  CHECK_FALSE(rows[0].at("sla_resolution_target_s").empty());
  CHECK_FALSE(rows[0].at("sla_resolution_due_at").empty());
  CHECK(rows[0].at("sla_on_site_state").empty());
  CHECK(std::ranges::count_if(history, [](const auto& row) { return row.at("intent") == "tag"; }) == 18);
  CHECK(house.command(cmd("export"))["rows"].items()[0]["sla"].items()[0]["state"].as_string() == "running");
}

TEST_CASE("clients, contacts and every other record go out, in pages, as lines or as a table of one kind",
          "[server][admin][export]") {
  House house;
  Json rows = Json::array({record("queue", "Field"), record("tag", "leak")});
  for (int i = 0; i < 5; ++i) {
    Json contact = record("contact", ("Jo " + std::to_string(i)).c_str());
    contact.set("attributes", Json::object({{"phone", Json("+49 30 " + std::to_string(i))}}));
    rows.push(std::move(contact));
  }
  rows.push(record("organisation", "Harbour Ltd"));
  house.command(cmd("record load", {{"rows", std::move(rows)}}));
  const auto lines_of = [&](const char* what) {
    const std::string text = all_pages(house, cmd("export", {{"what", Json(what)}}), 2);
    return std::ranges::count(text, '\n');
  };
  CHECK(lines_of("contacts") == 5);
  CHECK(lines_of("clients") == 1);
  CHECK(lines_of("operators") == 1);
  CHECK(lines_of("records") == 5 + 1 + 1 + 1 + 1);
  const Table contacts =
      table_of(all_pages(house, cmd("export", {{"what", Json("contacts")}, {"format", Json("csv")}}), 2));
  REQUIRE(contacts.size() == 5);
  CHECK(contacts[3].at("name") == "Jo 3");
  CHECK(contacts[3].at("phone") == "'+49 30 3");
  const Json total = house.command(cmd("export", {{"what", Json("contacts")}, {"limit", Json(2)}}));
  CHECK(total["total"].as_integer() == 5);
  CHECK(total["records"].as_integer() == 2);
  CHECK(code_of(house, cmd("export", {{"what", Json("records")}, {"format", Json("csv")}})) == ErrorCode::usage);
  CHECK(code_of(house, cmd("export", {{"what", Json("contacts")}, {"after", Json("x")}})) == ErrorCode::invalid);
}

}  // namespace tern::test
