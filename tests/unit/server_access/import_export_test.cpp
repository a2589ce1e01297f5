// Incident logs that come in, and tickets that go out.
#include "support/catch.hpp"
#include "support/persist.hpp"
//
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "house.hpp"
#include "tern/server/csv.hpp"
#include "tern/server/incident_log.hpp"
#include "tern/sync/ticket_state.hpp"

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
  house.add_operator("ann", "supervisor");
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
  CHECK(code_of(house, cmd("export", {{"since", Json("yesterday")}})) == ErrorCode::date_invalid);
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
  const std::vector<std::string> texts = {"=cmd|' /C calc'!A0",
                                          "+1",
                                          "-2",
                                          "@sum(A1)",
                                          "'=1",
                                          "''-",
                                          "plain, \"quoted\"\nand long",
                                          "'s",
                                          "\t=1",
                                          "\n=1",
                                          std::string("\xEF\xBC\x9D") + "1",
                                          std::string("'\xEF\xBC\xA0") + "a"};
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
  house.tick();
  const auto csv_of = [&](const char* what) {
    return all_pages(house, cmd("export", {{"what", Json(what)}, {"format", Json("csv")}}), 2);
  };
  const auto formula = [](const std::string& cell) {
    return cell.starts_with("\xEF\xBC") ||
           (!cell.empty() && std::string_view("=+-@\t\r\n").find(cell.front()) != std::string_view::npos);
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
  CHECK(std::ranges::count_if(history, [](const auto& row) { return row.at("intent") == "tag"; }) ==
        static_cast<std::ptrdiff_t>(2 * texts.size()));
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

namespace {

std::string written_file(House& house, const std::string& name, const std::string& text) {
  const std::string path = house.folder.file(name);
  std::ofstream(path, std::ios::binary) << text;
  return path;
}

/// A desk with a little of everything that a ticket can hold.
void fill_desk(House& house) {
  const auto contact = [](const char* name, const char* phone) {
    Json out = record("contact", name);
    out.set("attributes", Json::object({{"phone", Json(phone)}}));
    return out;
  };
  Json jo = contact("Jo Miller", "1"), other_jo = contact("Jo Miller", "2");
  jo.set("id", Json("11111111-0000-0000-0000-000000000001"));
  other_jo.set("id", Json("11111111-0000-0000-0000-000000000002"));
  house.command(cmd("record load", {{"rows", Json::array({record("queue", "Field"), record("queue", "Office"),
                                                          record("category", "Leak"), record("organisation", "Harbour"),
                                                          record("tag", "wet"), record("custom_field", "meter_no"),
                                                          std::move(jo), std::move(other_jo)})}}));
  house.add_operator("ann", "supervisor");
  house.add_operator("ben");
  const auto uuid_of = [&](const char* list, const char* name) {
    const Json answer = house.command(cmd(list));
    for (const Json& row : answer["rows"].items())
      if (row["name"].as_string() == name) return from_uuid_text(row["id"].as_string()).value_or(Bytes());
    return Bytes();
  };
  Device device(house, "ann", "all");
  must(device.open_session());
  const auto push = [&](sync::Change change) {
    device.push(std::move(change));
    house.environment.advance(61'000);
  };
  const TicketId first = random_id<TicketId>(house.environment), second = random_id<TicketId>(house.environment);
  auto create = device.create(first, "pump leaks");
  create.text = "since noon\nin the cellar";
  create.fields.push_back({sync::FieldId::priority, {}, "3", false});
  create.fields.push_back({sync::FieldId::category, {}, uuid_of("category list", "Leak"), false});
  create.fields.push_back({sync::FieldId::contact, {}, from_uuid_text("11111111-0000-0000-0000-000000000002"), false});
  create.fields.push_back({sync::FieldId::custom, "meter_no", "17", false});
  create.fields.push_back({sync::FieldId::external_ref, "order", "4711", false});
  push(create);
  push(device.create(second, "same again"));
  const auto change = [&](sync::Intent intent, const TicketId& ticket) { return device.change(intent, ticket); };
  auto move = change(sync::Intent::move_queue, first);
  move.target = uuid_of("queue list", "Field");
  push(move);
  push(change(sync::Intent::take, first));
  push(change(sync::Intent::start, first));
  auto set = change(sync::Intent::set, first);
  set.fields.push_back({sync::FieldId::priority, {}, "4", false});
  push(set);
  auto tag = change(sync::Intent::tag, first);
  tag.label = "wet";
  push(tag);
  auto watch = change(sync::Intent::watch, first);
  watch.target = uuid_of("operator list", "ben");
  push(watch);
  auto link = change(sync::Intent::link, first);  // to what comes later in the file
  link.kind = static_cast<std::uint32_t>(sync::LinkKind::related);
  link.target = Bytes(second.view());
  push(link);
  auto reply = change(sync::Intent::message, first);
  reply.text = "on my way";
  reply.visibility = sync::Visibility::open;
  push(reply);
  auto note = change(sync::Intent::message, first);
  note.text = "bring the long ladder";
  note.visibility = sync::Visibility::team;
  push(note);
  auto edit = change(sync::Intent::edit_message, first);
  edit.targets = {note.ref};
  edit.text = "bring both ladders";
  push(edit);
  auto hours = change(sync::Intent::log_time, first);
  hours.number = 45;
  hours.text = "travel";
  push(hours);
  auto call = change(sync::Intent::log_time, first);
  call.number = 5;
  call.kind = static_cast<std::uint32_t>(sync::TimeEntryKind::call);
  push(call);
  auto hold = change(sync::Intent::hold, first);
  hold.text = "waits for a part";
  push(hold);
  push(change(sync::Intent::resume, first));
  auto resolve = change(sync::Intent::resolve, first);
  resolve.text = "seal replaced";
  push(resolve);
  push(change(sync::Intent::close, first));
  auto away = change(sync::Intent::assign, second);
  away.target = uuid_of("operator list", "ben");
  away.reason = "nearer";
  push(away);
}

}  // namespace

TEST_CASE("an export that is imported into an empty tenant is the same when it is exported again",
          "[server][admin][import][export]") {
  const NothingFails once;
  House from;
  fill_desk(from);
  from.command(cmd("import incidents", {{"file", Json(std::string(TERN_TEST_DATA_DIR) + "/incidents-sample.csv")}}));
  const Json tickets = cmd("export", {{"portable", Json(true)}});
  const Json records = cmd("export", {{"what", Json("records")}});
  const std::string lines = all_pages(from, tickets, 7), named = all_pages(from, records, 7);
  CHECK(std::ranges::count(lines, '\n') == 62);

  House to(2);
  to.environment.advance(86'400'000);
  to.command(cmd("record load", {{"file", Json(written_file(to, "records.jsonl", named))}}));
  const Json file = Json(written_file(to, "tickets.jsonl", lines));
  const Json first = to.command(cmd("import tickets", {{"file", file}}));
  INFO(to_text(first));
  CHECK(first["tickets"].as_integer() == 62);
  CHECK(first["refused"].as_integer() == 0);
  const std::string again = all_pages(to, tickets, 9);
  if (again != lines) {  // the first line that differs says more than all of them
    std::istringstream left(lines), right(again);
    for (std::string a, b; std::getline(left, a) && std::getline(right, b);) CHECK(a == b);
  }
  CHECK(again == lines);
  const auto contacts = [](House& house) { return all_pages(house, cmd("export", {{"what", Json("contacts")}}), 100); };
  CHECK(std::ranges::count(contacts(to), '\n') == std::ranges::count(contacts(from), '\n'));
  CHECK(to.command(cmd("verify"))["good"].as_bool());

  const Json repeated = to.command(cmd("import tickets", {{"file", file}}));
  CHECK(repeated["skipped"].as_integer() == 62);
  CHECK(repeated["changes"].as_integer() == 0);
  CHECK(from.command(cmd("import tickets", {{"file", file}}))["skipped"].as_integer() == 62);  // nor where it came from
}

TEST_CASE("an import goes on where it was stopped, with no second copy of anything", "[server][admin][import]") {
  const NothingFails once;
  House from;
  from.command(cmd("import incidents", {{"file", Json(std::string(TERN_TEST_DATA_DIR) + "/incidents-sample.csv")}}));
  const std::string lines = all_pages(from, cmd("export", {{"portable", Json(true)}}), 100);
  House to(2);
  const Json file = Json(written_file(to, "tickets.jsonl", lines));
  const auto count = [&] { return to.command(cmd("export"))["total"].as_integer(); };
  int asked = 0;
  const auto stops_at_third = [&] { return ++asked > 3; };
  const auto stopped = to.core->administer(cmd("import tickets", {{"file", file}}), stops_at_third);
  REQUIRE_FALSE(stopped);
  CHECK(stopped.error().code == ErrorCode::busy);
  const auto there = count();
  CHECK(there > 0);
  CHECK(there < 60);
  const Json rest = to.command(cmd("import tickets", {{"file", file}}));
  CHECK(rest["skipped"].as_integer() == there);
  CHECK(rest["tickets"].as_integer() == 60 - there);
  CHECK(count() == 60);

  // In parts, each of which says where the next one begins.
  for (const char* command : {"import tickets", "import incidents"}) {
    House parts(3);
    const std::string log = std::string(TERN_TEST_DATA_DIR) + "/incidents-sample.csv";
    const Json path =
        command == std::string("import incidents") ? Json(log) : Json(written_file(parts, "t.jsonl", lines));
    Json call = cmd(command, {{"file", path}, {"limit", Json(25)}});
    std::int64_t made = 0;
    for (int part = 0;; ++part) {
      const Json answer = parts.command(call);
      made += answer["tickets"].as_integer();
      if (answer.find("next") == nullptr) {
        CHECK(part == 2);
        break;
      }
      call.set("after", answer["next"]);
    }
    CHECK(made == 60);
    call.set("after", Json("7.x"));
    CHECK(code_of(parts, call) == ErrorCode::invalid);
  }
}

TEST_CASE("links to later lines are made however many parts, calls or days the import takes",
          "[server][admin][import]") {
  House from;
  fill_desk(from);
  const std::string lines = all_pages(from, cmd("export", {{"portable", Json(true)}}), 7);
  const std::string records = all_pages(from, cmd("export", {{"what", Json("records")}}), 100);
  const auto begin = [&](House& house) {
    house.environment.advance(86'400'000);
    house.command(cmd("record load", {{"file", Json(written_file(house, "records.jsonl", records))}}));
    return Json(written_file(house, "tickets.jsonl", lines));
  };
  const auto exported = [](House& house) { return all_pages(house, cmd("export", {{"portable", Json(true)}}), 9); };
  {
    House parts(2);
    Json call = cmd("import tickets", {{"file", begin(parts)}, {"limit", Json(1)}});
    for (Json answer = parts.command(call); answer.find("next") != nullptr; answer = parts.command(call)) {
      CHECK(answer["refused"].as_integer() == 0);
      call.set("after", answer["next"]);
    }
    CHECK(exported(parts) == lines);
  }
  House stopped(3);
  const Json file = begin(stopped);
  const auto there = [&] { return stopped.command(cmd("export"))["total"].as_integer(); };
  for (int stop_at = 1; there() == 0; ++stop_at) {
    int asked = 0;
    CHECK_FALSE(stopped.core->administer(cmd("import tickets", {{"file", file}}), [&] { return ++asked >= stop_at; }));
  }
  REQUIRE(there() == 1);
  CHECK(stopped.command(cmd("import tickets", {{"file", file}}))["tickets"].as_integer() == 1);
  CHECK(exported(stopped) == lines);
  // Nor is it made once more, and what names nothing that is there is said.
  CHECK(stopped.command(cmd("import tickets", {{"file", file}}))["changes"].as_integer() == 0);
  CHECK(from.command(cmd("import tickets", {{"file", file}}))["changes"].as_integer() == 0);
  House half(4);
  begin(half);
  const Json first_line = Json(written_file(half, "half.jsonl", lines.substr(0, lines.find('\n') + 1)));
  CHECK(half.command(cmd("import tickets", {{"file", first_line}}))["refused"].as_integer() == 1);
}

TEST_CASE("a dry run says of each line what would become of it, and writes nothing", "[server][admin][import]") {
  House house;
  const std::string good = "{\"reference\":\"A1\",\"subject\":\"one\",\"contact\":\"Jo\",\"status\":\"resolved\"}\n";
  const Json file = Json(
      written_file(house, "t.jsonl",
                   good + "\n" + "{\"reference\":\"A2\",\"subject\":\"two\",\"contact\":\"Jo\",\"tags\":[\"Wet\"]}\n" +
                       "{\"reference\":\"A3\"}\n" + "no json\n" + "{\"subject\":\"nameless\"}\n" +
                       "{\"reference\":\"A4\",\"subject\":\"four\",\"status\":\"gone\"}\n" +
                       "{\"reference\":\"A5\",\"subject\":\"five\",\"created_at\":\"soon\"}\n" + good));
  const Json command = cmd("import tickets", {{"file", file}, {"source", Json("zendesk")}, {"dry_run", Json(true)}});
  const auto before = house.command(cmd("status"))["rows"].items()[0]["commit_seq"].as_integer();
  const Json told = house.command(command);
  std::string all;
  for (const Json& row : told["rows"].items())
    all +=
        std::to_string(row["line"].as_integer()) + " " + row["would"].as_string() + " " + row["why"].as_string() + "\n";
  CHECK(all == "1 make \n3 make \n4 refuse Line 4: \"subject\" is missing.\n" +
                   ("5 refuse " + told["rows"].items()[3]["why"].as_string()) + "\n" +
                   "6 refuse Line 6: it has no reference, so that it would come in again each time.\n" +
                   "7 refuse Line 7: \"status\" \"gone\" is none.\n" +
                   "8 refuse Line 8: \"created_at\" is no instant like 2026-06-03T10:15:00Z.\n" + "9 skip \n");
  CHECK(told["rows"].items()[3]["why"].as_string().starts_with("Line 5: "));
  CHECK(told["rows"].items()[0]["records"] == Json::array({Json("contact Jo")}));
  CHECK(told["rows"].items()[1]["records"].size() == 0);  // told once
  CHECK(told["tickets"].as_integer() == 2);
  CHECK(told["refused"].as_integer() == 5);
  CHECK(told["needs_attention"].as_bool());
  CHECK(house.command(cmd("status"))["rows"].items()[0]["commit_seq"].as_integer() == before);

  // The import itself takes nothing of a file of which a line is wrong.
  Json real = cmd("import tickets", {{"file", file}, {"source", Json("zendesk")}});
  const auto refused = house.core->administer(real);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.starts_with("Line 4: "));
  CHECK(refused.error().field == "file");
  CHECK(house.command(cmd("status"))["rows"].items()[0]["commit_seq"].as_integer() == before);
  const Json some = Json(written_file(house, "u.jsonl", good));
  CHECK(house.command(cmd("import tickets", {{"file", some}, {"source", Json("zendesk")}}))["tickets"].as_integer() ==
        1);
  CHECK(house.command(command)["rows"].items()[0]["ticket"].as_string().starts_with("T-"));
  const Json log = Json(std::string(TERN_TEST_DATA_DIR) + "/incidents-sample.csv");
  const Json incidents = house.command(cmd("import incidents", {{"file", log}, {"dry_run", Json(true)}}));
  CHECK(incidents["rows"].size() == 60);
  CHECK(incidents["tickets"].as_integer() == 60);
  CHECK(house.command(cmd("export"))["total"].as_integer() == 1);
}

TEST_CASE("a dry run in parts says what it says at once, also when nobody knows of its parts before any more",
          "[server][admin][import]") {
  House house;
  const auto line = [](const char* reference, const char* contact) {
    return std::string("{\"reference\":\"") + reference + "\",\"subject\":\"s\",\"contact\":\"" + contact + "\"}\n";
  };
  const std::string text =
      line("A1", "Jo") + line("A2", "Jo") + line("A1", "Jo") + line("A3", "Ann") + line("A2", "Ann");
  const Json command =
      cmd("import tickets", {{"file", Json(written_file(house, "t.jsonl", text))}, {"dry_run", Json(true)}});
  const Json whole = house.command(command);
  CHECK(whole["tickets"].as_integer() == 3);
  CHECK(whole["skipped"].as_integer() == 2);
  for (const bool forgotten : {false, true}) {
    Json part = command, rows = Json::array();
    part.set("limit", Json(1));
    for (bool more = true; more;) {
      const Json answer = house.command(part);
      for (const Json& row : answer["rows"].items()) rows.push(row);
      more = answer.find("next") != nullptr;
      if (more) part.set("after", answer["next"]);
      if (forgotten) house.reopen();
    }
    CHECK(rows == whole["rows"]);
  }
  // The parts of the import itself are the same import: a name is made once, for all of them.
  Json real = cmd("import tickets", {{"file", command["file"]}, {"limit", Json(2)}});
  Json first = house.command(real);
  CHECK(first["records"].as_integer() == 2);
  real.set("after", first["next"]);
  CHECK(house.command(real)["records"].as_integer() == 0);
  CHECK(house.command(cmd("contact list"))["rows"].size() == 2);
}

TEST_CASE("a table of another house comes in by what its columns are said to be, and only once",
          "[server][admin][import]") {
  House house;
  const std::string head =
      "Ticket ID,subject,description,status,priority,contact,assignee,created_at,resolved_at,tags,Colour,x\n";
  const std::string csv =
      head +
      "7,'=pump,\"two\nlines\",closed,high,Jo Miller,Ann,2024-03-01T08:00:00Z,2024-03-02T08:00:00Z,wet,red,y\r\n" +
      "8,lamp,,new,,,,2024-03-03T08:00:00Z,,,,\n";
  const Json file = Json(written_file(house, "old.csv", csv));
  CHECK(code_of(house, cmd("import tickets", {{"file", file}})) == ErrorCode::invalid);  // nobody knows "Ticket ID"
  const Json map = Json::array({Json("Ticket ID=reference"), Json("Colour=custom.colour"), Json("x=")});
  const Json command = cmd("import tickets", {{"file", file}, {"map", map}, {"source", Json("zendesk")}});
  const Json done = house.command(command);
  INFO(to_text(done));
  CHECK(done["tickets"].as_integer() == 2);
  CHECK(done["refused"].as_integer() == 0);
  CHECK(house.command(command)["skipped"].as_integer() == 2);
  const Json rows = house.command(cmd("export"))["rows"];
  const Json& pump = rows.items()[0];
  CHECK(pump["subject"].as_string() == "=pump");
  CHECK(pump["description"].as_string() == "two\nlines");
  CHECK(pump["status"].as_string() == "closed");
  CHECK(pump["priority"].as_string() == "high");
  CHECK(pump["contact"].as_string() == "Jo Miller");
  CHECK(pump["assignee"].as_string() == "Ann");
  CHECK(pump["created_at"].as_string() == "2024-03-01T08:00:00.000Z");
  CHECK(pump["resolved_at"].as_string() == "2024-03-02T08:00:00.000Z");
  CHECK(pump["tags"] == Json::array({Json("wet")}));
  CHECK(pump["custom"]["colour"].as_string() == "red");
  CHECK(pump["external_refs"] == Json::array({Json::object({{"type", Json("zendesk")}, {"id", Json("7")}})}));
  CHECK(pump["sla"].size() == 0);  // nobody promised anything here then

  // Erased, it stays away: its id tells that it was here.
  house.command(cmd("erase", {{"ticket", pump["number"]}}));
  CHECK(house.command(command)["skipped"].as_integer() == 2);

  CHECK(code_of(house, cmd("import tickets", {{"file", Json(written_file(house, "a.csv", head + "7,\"x"))},
                                              {"map", map}})) == ErrorCode::csv_invalid);
  const auto short_row = house.core->administer(cmd(
      "import tickets", {{"file", Json(written_file(house, "b.csv", head + "1,s,,,,,,,,,,\n7,x\n"))}, {"map", map}}));
  REQUIRE_FALSE(short_row);
  CHECK(short_row.error().message == "Line 3: it has 2 cells, the header 12.");
  CHECK(code_of(house, cmd("import tickets", {{"file", Json("/dev/zero")}})) == ErrorCode::invalid);
  CHECK(code_of(house, cmd("import tickets", {{"file", Json(house.folder.file("none"))}})) == ErrorCode::not_found);
}

}  // namespace tern::test
