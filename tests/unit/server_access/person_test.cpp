// What one customer is to the desk: given to them, erased everywhere, found by a rule.
#include "support/catch.hpp"
//
#include <filesystem>
#include <fstream>
#include <sstream>

#include "house.hpp"
#include "office.hpp"

namespace tern::test {
namespace {

const std::string canary_name = "Canary Nightingale";
const std::string canaries[] = {
    canary_name, "canary@nightingale.example", "+49 30 5550199", "CANARYTEXT", "CANARYNOTE", "CANARYMINE",
    "CANARYSIGN"};

/// Files below a folder in which a text stands, WAL and all.
std::vector<std::string> files_with(const std::string& folder, const std::string& text) {
  std::vector<std::string> out;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream in(entry.path(), std::ios::binary);
    std::ostringstream all;
    all << in.rdbuf();
    if (all.str().find(text) != std::string::npos) out.push_back(entry.path().string());
  }
  return out;
}

struct PersonDesk {
  PersonDesk() {
    Json contact = record("contact", canary_name.c_str());
    contact.set("attributes", Json::object({{"email", Json(canaries[1])}, {"phone", Json(canaries[2])}}));
    // Loaded with others, in one set.
    house.command(
        cmd("record load", {{"rows", Json::array({record("queue", "Field"), std::move(contact),
                                                  record("contact", "Other Customer"), record("tag", "wet")})}}));
    const Json contacts = house.command(cmd("contact list"));
    for (const Json& row : contacts["rows"].items()) {
      const Bytes id = from_uuid_text(row["id"].as_string()).value_or(Bytes());
      (row["name"].as_string() == canary_name ? person : other) = id;
    }
    house.add_operator("ann", "supervisor");
    device.emplace(house, "ann", "all");
    must(device->open_session());
    theirs = open_for(person, "Pump of " + canary_name, "CANARYMINE since noon");
    auto note = device->change(sync::Intent::message, theirs);
    note.text = "CANARYNOTE: call back canary@NIGHTINGALE.example";
    note.visibility = sync::Visibility::team;
    push(note);
    auto site = device->change(sync::Intent::on_site, theirs);
    site.visibility = sync::Visibility::open;
    site.text = "seal replaced";
    site.from_ms = site.wall_ms - 60'000;
    site.to_ms = site.wall_ms;
    site.file_name = "CANARYSIGN";
    site.target = person;
    push(site);
    auto plain = device->change(sync::Intent::message, theirs);
    plain.text = "the part is ordered";
    plain.visibility = sync::Visibility::team;
    push(plain);
    auto resolve = device->change(sync::Intent::resolve, theirs);
    resolve.text = "done for CANARYTEXT " + canary_name;
    push(resolve);
    others = open_for(other, "Lamp", "as at " + canary_name + "'s");
  }

  void push(sync::Change change) {
    device->push(std::move(change));
    house.environment.advance(61'000);
  }
  TicketId open_for(const Bytes& contact, const std::string& subject, const std::string& text) {
    const TicketId ticket = random_id<TicketId>(house.environment);
    auto create = device->create(ticket, subject);
    create.text = text;
    create.fields.push_back({sync::FieldId::contact, {}, contact, false});
    push(create);
    return ticket;
  }
  std::size_t holding(const std::string& text) const { return files_with(house.options().directory, text).size(); }

  House house;
  std::optional<Device> device;
  Bytes person, other;
  TicketId theirs, others;
};

}  // namespace

TEST_CASE("of an erased person no file of the server knows anything, and what the desk did stays",
          "[server][admin][person]") {
  PersonDesk desk;
  House& house = desk.house;
  for (const std::string& canary : canaries) {
    INFO(canary);
    CHECK(desk.holding(canary) > 0);
  }
  const Json erase = cmd("person erase", {{"contact", Json(canary_name)}, {"everywhere", Json(true)}});
  const Json told = house.command(cmd("person erase", {{"contact", Json(canary_name)}, {"dry_run", Json(true)}}));
  CHECK(told["tickets"].as_integer() == 1);
  CHECK(told["texts"].as_integer() == 4);  // the ticket itself, the note, the report, the result
  CHECK(told["named_elsewhere"].size() == 1);
  CHECK(desk.holding("CANARYNOTE") > 0);

  const Json erased = house.command(erase);
  INFO(to_text(erased));
  CHECK(erased["person"].as_string().starts_with("erased #"));
  house.core->tick();
  for (const std::string& canary : canaries) {
    INFO(canary);
    CHECK(files_with(house.options().directory, canary).empty());
  }
  const Json rows = house.command(cmd("export"))["rows"];
  REQUIRE(rows.size() == 2);
  CHECK(rows.items()[0]["status"].as_string() == "resolved");
  CHECK(rows.items()[0]["contact"] == erased["person"]);
  CHECK(rows.items()[0]["messages"].size() == 3);  // a result without its text is no message
  CHECK(rows.items()[1]["subject"].is_null());     // it said more of them beside: a change goes whole
  CHECK(to_text(rows).find("the part is ordered") != std::string::npos);
  CHECK(house.command(cmd("verify"))["good"].as_bool());
  CHECK(house.command(cmd("contact list"))["rows"].size() == 2);

  // Once more it finds nothing, and changes nothing.
  Json again = cmd("person erase", {{"contact", erased["person"]}});
  const auto before = house.command(cmd("status"))["rows"].items()[0]["commit_seq"].as_integer();
  CHECK(house.command(again)["texts"].as_integer() == 0);
  CHECK(house.command(cmd("status"))["rows"].items()[0]["commit_seq"].as_integer() == before);
}

TEST_CASE("nobody is erased who is under legal hold, or whose tickets are still open without a word on them",
          "[server][admin][person]") {
  PersonDesk desk;
  House& house = desk.house;
  const Json erase = cmd("person erase", {{"contact", Json("Other Customer")}});
  CHECK(code_of(house, erase) == ErrorCode::invalid);  // their lamp
  CHECK(house.command(cmd("export"))["rows"].items()[1]["subject"].as_string() == "Lamp");
  house.command(cmd("contact set", {{"name", Json("Other Customer")}, {"legal_hold", Json("case 7")}}));
  Json forced = erase;
  forced.set("open_tickets", Json(true));
  CHECK(code_of(house, forced) == ErrorCode::not_permitted);
  house.command(cmd("contact set", {{"name", Json("Other Customer")}, {"legal_hold", Json("")}}));
  CHECK(house.command(forced)["entries"].as_integer() == 3);  // as they were, and under hold
  CHECK(files_with(house.options().directory, "Other Customer").empty());
  CHECK(desk.holding(canary_name) > 0);
  CHECK(code_of(house, cmd("person erase", {{"contact", Json("Nobody")}})) == ErrorCode::not_found);
}

TEST_CASE("a person gets what is theirs, without notes and without anybody else", "[server][admin][person]") {
  PersonDesk desk;
  House& house = desk.house;
  const Json all = house.command(cmd("person export", {{"contact", Json(canary_name)}}));
  CHECK(all["profile"]["email"].as_string() == canaries[1]);
  REQUIRE(all["tickets"].size() == 1);
  const std::string text = to_text(all);
  CHECK(text.find("CANARYMINE") != std::string::npos);
  CHECK(text.find("CANARYNOTE") == std::string::npos);
  CHECK(text.find("Other Customer") == std::string::npos);
  CHECK(text.find("ann") == std::string::npos);

  const std::string page = house.folder.file("canary.html");
  house.command(cmd("person export", {{"contact", Json(canary_name)}, {"format", Json("html")}, {"to", Json(page)}}));
  std::ifstream in(page);
  std::ostringstream read;
  read << in.rdbuf();
  CHECK(read.str().find("CANARYMINE since noon") != std::string::npos);
  CHECK(code_of(house, cmd("person export", {{"contact", Json(canary_name)}, {"format", Json("html")}})) ==
        ErrorCode::usage);
}

TEST_CASE("a rule finds those whose tickets ended long ago, says who they are, and erases them when it is told to",
          "[server][admin][person]") {
  PersonDesk desk;
  House& house = desk.house;
  desk.push(desk.device->change(sync::Intent::close, desk.theirs));
  house.environment.advance(3'600'000);
  const auto rule = [&](std::int64_t ago_ms, bool apply) {
    const std::int64_t at_s = (house.environment.wall_ms() - ago_ms) / 1'000;
    const std::time_t at = static_cast<std::time_t>(at_s);
    char text[32] = {};
    std::tm parts{};
    ::gmtime_r(&at, &parts);
    std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    Json out = cmd("person anonymise", {{"closed_before", Json(text)}});
    if (apply) out.set("apply", Json(true));
    return house.command(out);
  };
  CHECK(rule(86'400'000, false)["rows"].size() == 0);
  const Json found = rule(60'000, false);
  REQUIRE(found["rows"].size() == 1);  // not who has an open one
  CHECK(found["rows"].items()[0]["contact"].as_string() == canary_name);
  CHECK(found["erased"].as_integer() == 0);
  CHECK(desk.holding("CANARYMINE") > 0);
  CHECK(rule(60'000, true)["erased"].as_integer() == 1);
  CHECK(files_with(house.options().directory, "CANARYMINE").empty());
  CHECK(rule(60'000, false)["rows"].size() == 0);
}

TEST_CASE("more than a hundred persons at once take two administrators", "[server][admin][person]") {
  House house;
  const std::string path = house.folder.file("old.jsonl");
  {
    std::ofstream lines(path);
    for (int i = 0; i < 101; ++i)
      lines << R"({"reference":")" << i << R"(","subject":"s","contact":"Person )" << i
            << R"(","status":"closed","created_at":"2020-01-01T00:00:00Z"})" << '\n';
  }
  CHECK(house.command(cmd("import tickets", {{"file", Json(path)}}))["tickets"].as_integer() == 101);
  Json rule = cmd("person anonymise", {{"closed_before", Json("2021-01-01T00:00:00Z")}});
  CHECK(house.command(rule)["rows"].size() == 101);
  rule.set("apply", Json(true));
  CHECK(code_of(house, rule) == ErrorCode::not_permitted);
  rule.set("second", Json("admin@pumps.example"));  // who wants it already
  CHECK(code_of(house, rule) == ErrorCode::not_permitted);
  house.add_operator("ann", "supervisor");
  rule.set("second", Json("ann"));
  CHECK(code_of(house, rule) == ErrorCode::not_permitted);
  house.add_operator("eve", "admin");
  rule.set("second", Json("eve"));
  rule.set("by", Json("admin@pumps.example"));
  CHECK(house.command(rule)["erased"].as_integer() == 101);
  CHECK(files_with(house.options().directory, "Person 100").empty());
}

TEST_CASE("a client of the API is erased with their files and their tokens", "[server][admin][person]") {
  Office desk({{"operator_id", Json("ann")}});
  House& house = desk.house;
  house.command(cmd("organisation add", {{"name", Json("Client Ltd")}, {"portal_domain", Json("client.example")}}));
  const std::string name = "Canary Warbler";
  const std::string token = desk.good(act(
      "create_client_token",
      {{"portal_domain", Json("client.example")}, {"user_id", Json(7)}, {"user_name", Json(name)}}))["token"]
                                .as_string();
  const Json ticket = desk.good_of_client(
      act("create_ticket", {{"subject", Json("CANARYSUBJECT")}, {"description", Json("CANARYCELLAR is wet")}}),
      token)["id"];
  const auto part = [](const std::string& field, const std::string& content, const std::string& file = {}) {
    return "--b\r\nContent-Disposition: form-data; name=\"" + field + "\"" +
           (file.empty() ? "" : "; filename=\"" + file + "\"\r\nContent-Type: text/plain") + "\r\n\r\n" + content +
           "\r\n";
  };
  const auto sent = desk.send(part("action", "add_message") + part("ticket_id", to_text(ticket)) +
                                  part("message", "Scan of the letter of " + name) +
                                  part("files[]", "CANARYCONTENT of a file", "CANARYNAME.txt") + "--b--\r\n",
                              "/api/admin.php", "multipart/form-data; boundary=b");
  INFO(sent.body);
  REQUIRE(sent.status == 200);
  const std::string key = std::exchange(desk.key, {});
  // What a program of others posted, and nobody could make a ticket of.
  const Json hook = house.command(
      cmd("inbound add", {{"name", Json("Alerts")},
                          {"proof", Json("token")},
                          {"mapping", Json::object({{"subject", Json("{title}")}, {"description", Json("{text}")}})}}));
  const std::string url = hook["url"].as_string();
  CHECK(desk.send("{\"note\":\"call canary warbler, CANARYHOOK\"}", url.substr(url.find("/api/")), "application/json",
                  {{"x-hook-token", hook["secret"].as_string()}})
            .status == 422);
  const std::string folder = house.options().directory;
  const std::string words[] = {name, "CANARYSUBJECT", "CANARYCELLAR", "CANARYCONTENT", "CANARYNAME", "CANARYHOOK"};
  for (const std::string& word : words) {
    INFO(word);
    CHECK_FALSE(files_with(folder, word).empty());
  }
  house.command(cmd("person erase", {{"contact", Json(name)}, {"open_tickets", Json(true)}}));
  for (int i = 0; i < 3; ++i) {
    house.environment.advance(60'000);
    house.core->tick();
  }
  for (const std::string& word : words) {
    INFO(word);
    CHECK(files_with(folder, word).empty());
  }
  CHECK(desk.send(to_text(act("list_tickets")), "/api/client.php", "application/json", {{"x-client-token", token}})
            .status != 200);
  desk.key = key;
  CHECK(desk.house.command(cmd("verify"))["good"].as_bool());
}

}  // namespace tern::test
