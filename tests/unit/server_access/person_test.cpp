// What one customer is to the desk: given to them, erased everywhere, found by a rule.
#include "support/catch.hpp"
//
#include "office.hpp"
#include "person_desk.hpp"

namespace tern::test {

TEST_CASE("of an erased person no file of the server knows anything, and what the desk did stays",
          "[server][admin][person]") {
  PersonDesk desk;
  House& house = desk.house;
  for (const std::string& canary : canaries) {
    INFO(canary);
    CHECK(desk.holding(canary) > 0);
  }
  const Json erase = cmd("person erase", {{"contact", Json(canary_name)},
                                          {"everywhere", Json(true)},
                                          {"open_tickets", Json(true)}});  // of the other one's lamp
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
  const Json given = house.command(cmd("person export", {{"contact", Json("Other Customer")}}))["profile"];
  CHECK(given["name"] == Json("Other Customer"));
  CHECK(given.find("legal_hold") == nullptr);  // why is the desk's own
  Json forced = erase;
  forced.set("open_tickets", Json(true));
  CHECK(code_of(house, forced) == ErrorCode::not_permitted);
  house.command(cmd("contact set", {{"name", Json("Other Customer")}, {"legal_hold", Json("")}}));
  CHECK(house.command(forced)["entries"].as_integer() == 3);  // as they were, and under hold
  CHECK(files_with(house.options().directory, "Other Customer").empty());
  CHECK(desk.holding(canary_name) > 0);
  CHECK(code_of(house, cmd("person erase", {{"contact", Json("Nobody")}})) == ErrorCode::not_found);
}

TEST_CASE("texts in tickets of others go neither from an open one without a word, nor from who is under legal hold",
          "[server][admin][person]") {
  PersonDesk desk;
  House& house = desk.house;
  Json erase = cmd("person erase", {{"contact", Json(canary_name)}, {"everywhere", Json(true)}});
  Json dry = erase;
  dry.set("dry_run", Json(true));
  CHECK(house.command(dry)["open_tickets"].size() == 1);  // the lamp of the other one
  CHECK(code_of(house, erase) == ErrorCode::invalid);
  erase.set("open_tickets", Json(true));
  house.command(cmd("contact set", {{"name", Json("Other Customer")}, {"legal_hold", Json("case 7")}}));
  CHECK(house.command(dry)["under_legal_hold"].size() == 1);
  CHECK(code_of(house, erase) == ErrorCode::not_permitted);
  CHECK(desk.holding(canary_name) > 0);

  // A hold that comes while it is done is minded, too.
  house.command(cmd("contact set", {{"name", Json("Other Customer")}, {"legal_hold", Json("")}}));
  bool asked = false;
  const auto held = house.core->administer(erase, [&] {
    if (!std::exchange(asked, true))
      house.command(cmd("contact set", {{"name", Json(canary_name)}, {"legal_hold", Json("case 8")}}));
    return false;
  });
  REQUIRE_FALSE(held);
  CHECK(held.error().code == ErrorCode::not_permitted);
  CHECK(desk.holding("CANARYMINE") > 0);
}

TEST_CASE("a person is found by what they were called before, in repeats, in quarantine, and in records of others",
          "[server][admin][person]") {
  PersonDesk desk;
  House& house = desk.house;
  house.command(cmd("contact set", {{"name", Json(canary_name)},
                                    {"rename", Json("Nightingale Works")},
                                    {"email", Json("new@nightingale.example")}}));
  Json harbour = record("organisation", "Harbour");
  harbour.set("attributes", Json::object({{"company_name", Json("Harbour of " + canary_name)}}));
  house.command(cmd("record load", {{"rows", Json::array({std::move(harbour)})}}));
  auto note = desk.device->change(sync::Intent::message, desk.theirs);
  note.text = "an innocent note";
  note.visibility = sync::Visibility::team;
  desk.push(note);
  note.text = "CANARYREPEAT of " + canary_name;  // under the same name once more
  desk.push(note);
  auto lost = desk.device->change(sync::Intent::message, desk.theirs);
  lost.text = "CANARYLOST: canary@nightingale.example called";
  lost.visibility = sync::Visibility::team;
  const Bytes set = desk.device->seal({lost});
  house.command(cmd("device revoke", {{"device", Json(to_uuid_text(desk.device->certificate.device.view()))}}));
  must(desk.device->open_session());
  desk.device->push(std::vector<Bytes>{set});
  desk.post_refused("{\"note\":\"CANARYHOOK\",\"from\":\"mail=canary%40nightingale.example\"}");
  for (const char* word : {"CANARYREPEAT", "CANARYLOST", "CANARYHOOK"}) CHECK(desk.holding(word) > 0);

  const Json erase = cmd("person erase", {{"contact", Json("Nightingale Works")}, {"open_tickets", Json(true)}});
  const Json erased = house.command(erase);
  INFO(to_text(erased));
  CHECK(erased["named_in_records"] == Json::array({Json("organisation Harbour")}));
  for (const char* word : {"CANARYREPEAT", "CANARYLOST", "CANARYHOOK", "CANARYMINE", "CANARYNOTE", "CANARYSIGN",
                           "canary@nightingale.example", "+49 30 5550199"}) {
    INFO(word);
    CHECK(desk.holding(word) == 0);
  }
  CHECK(house.command(cmd("verify"))["good"].as_bool());
  // What comes a second time is taken without its text.
  desk.device->push(std::vector<Bytes>{set});
  CHECK(desk.holding("CANARYLOST") == 0);
}

TEST_CASE("a restore of a backup that is older than an erasure erases the person again, with all that it holds of them",
          "[server][admin][person][restore]") {
  PersonDesk desk;
  House& house = desk.house;
  desk.post_refused("{\"note\":\"CANARYHOOK of " + canary_name + "\"}");
  const Json backup = Json(house.folder.file("backup-1"));
  house.command(cmd("backup", {{"to", backup}}));
  house.command(cmd("person erase", {{"contact", Json(canary_name)}}));
  // A log that lacks the line has it again once the server opens.
  house.core.reset();
  const std::string log = house.options().directory + "/erasures.log";
  std::filesystem::remove(log);
  house.core = must(server::ServerCore::open(house.options(), house.environment));
  CHECK(files_with(house.options().directory, "person ").size() > 0);
  house.core.reset();
  const Json restored = must(server::ServerCore::administer_offline(
      house.options(),
      cmd("restore", {{"from", backup}, {"recovery-key", Json(house.recovery_key)}, {"replace", Json(true)}}),
      house.environment));
  INFO(to_text(restored));
  CHECK(restored["persons_erased_again"].as_integer() == 1);
  house.core = must(server::ServerCore::open(house.options(), house.environment));
  for (const std::string& canary : canaries) {
    INFO(canary);
    if (canary != canary_name) CHECK(desk.holding(canary) == 0);  // their name stands in the lamp of the other one
  }
  CHECK(desk.holding("CANARYHOOK") == 0);
  const Json contacts = house.command(cmd("contact list"))["rows"];
  REQUIRE(contacts.size() == 2);
  CHECK(to_text(contacts).find("erased #") != std::string::npos);
  CHECK(to_text(contacts).find(canary_name) == std::string::npos);
  CHECK(house.command(cmd("verify"))["good"].as_bool());
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
  Json part = rule;
  part.set("limit", Json(60));
  const Json first = house.command(part);
  CHECK(first["rows"].size() == 60);
  part.set("after", first["next"]);
  CHECK(house.command(part)["rows"].size() == 41);
  CHECK(house.command(part).find("next") == nullptr);

  rule.set("apply", Json(true));
  for (const char* name : {"ann", "eve", "joe"}) {
    house.add_operator(name, name == std::string("ann") ? "supervisor" : "admin");
    house.command(
        cmd("operator set", {{"operator", Json(name)}, {"password", Json(std::string("a word of ") + name)}}));
  }
  const auto refused = [&](const char* first_one, const char* second, const std::string& password) {
    Json asked = rule;
    asked.set("by", Json(first_one));
    asked.set("by_password", Json(std::string("a word of ") + first_one));
    if (second != nullptr) asked.set("second", Json(second));
    if (!password.empty()) asked.set("second_password", Json(password));
    const auto answer = house.core->administer(asked);
    return answer ? ErrorCode::internal : answer.error().code;
  };
  CHECK(code_of(house, rule) == ErrorCode::not_permitted);
  CHECK(refused("joe", nullptr, {}) == ErrorCode::not_permitted);
  CHECK(refused("joe", "eve", {}) == ErrorCode::not_permitted);  // a name is no word of hers
  CHECK(refused("joe", "eve", "a word of joe") == ErrorCode::login_refused);
  CHECK(refused("joe", "joe", "a word of joe") == ErrorCode::not_permitted);
  CHECK(refused("joe", "ann", "a word of ann") == ErrorCode::not_permitted);
  for (const char* which : {"by", "second"}) {
    const std::string name = which == std::string("by") ? "joe" : "eve";
    rule.set(which, Json(name));
    rule.set(std::string(which) + "_password", Json("a word of " + name));
  }
  // Whoever was an administrator when it was asked for is to be one while it is done.
  bool asked = false;
  const auto demoted = house.core->administer(rule, [&] {
    if (!std::exchange(asked, true))
      house.command(cmd("operator set", {{"operator", Json("eve")}, {"role", Json("supervisor")}}));
    return false;
  });
  REQUIRE_FALSE(demoted);
  CHECK(demoted.error().field == "second");
  CHECK_FALSE(files_with(house.options().directory, "Person 100").empty());
  house.command(cmd("operator set", {{"operator", Json("eve")}, {"role", Json("admin")}}));
  CHECK(house.command(rule)["erased"].as_integer() == 101);
  CHECK(files_with(house.options().directory, "Person 100").empty());
}

TEST_CASE("of a ticket that was another's before a person gets what was said since", "[server][admin][person]") {
  PersonDesk desk;
  House& house = desk.house;
  const auto reply = [&](const std::string& text) {
    auto one = desk.device->change(sync::Intent::message, desk.others);
    one.text = text;
    one.visibility = sync::Visibility::open;
    desk.push(one);
  };
  const auto set = [&](sync::FieldSetting field) {
    auto one = desk.device->change(sync::Intent::set, desk.others);
    one.fields.push_back(std::move(field));
    desk.push(one);
  };
  reply("Dear OTHERONE, we come on Monday");
  set({sync::FieldId::custom, "door_code", "OTHERDOOR", false});
  set({sync::FieldId::contact, {}, desk.person, false});
  reply("THEIRMONDAY is fine");
  set({sync::FieldId::custom, "colour", "THEIRCOLOUR", false});
  const Json all = house.command(cmd("person export", {{"contact", Json(canary_name)}}));
  const std::string text = to_text(all);
  REQUIRE(all["tickets"].size() == 2);
  for (const char* other : {"Lamp", "as at", "OTHERONE", "OTHERDOOR"}) CHECK(text.find(other) == std::string::npos);
  for (const char* own : {"THEIRMONDAY", "THEIRCOLOUR", "CANARYMINE"}) CHECK(text.find(own) != std::string::npos);
  CHECK(all["tickets"].items()[1]["subject"].is_null());
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
