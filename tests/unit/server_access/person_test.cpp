// What one customer is to the desk: given to them, erased everywhere, found by a rule.
#include "support/catch.hpp"
#include "support/persist.hpp"
//
#include "access/directory.hpp"
#include "access/open_tenants.hpp"
#include "admin/person_erase.hpp"
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
  house.tick();
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
}

TEST_CASE("a legal hold that comes while somebody is erased stops it where it is", "[server][admin][person]") {
  for (const bool of_another : {false, true}) {
    INFO(of_another);
    PersonDesk desk;
    House& house = desk.house;
    for (int part = 0; part < 3; ++part) {
      std::vector<sync::Change> notes;
      for (int i = 0; i < 100; ++i) {
        auto note = desk.device->change(sync::Intent::message, of_another ? desk.others : desk.theirs);
        note.text = "CANARYPART" + std::to_string(100 * part + i) + " of " + canary_name;
        note.visibility = sync::Visibility::team;
        notes.push_back(std::move(note));
      }
      desk.device->push(std::vector<Bytes>{desk.device->seal(std::move(notes))});
      house.environment.advance(61'000);
    }
    const auto erased = [&] { return house.command(cmd("erase", {{"list", Json(true)}}))["rows"].size(); };
    // The first part of those texts is gone when it comes.
    const std::size_t first = of_another ? 2 : 1;
    bool came = false;
    const auto held = house.core->administer(
        cmd("person erase", {{"contact", Json(canary_name)}, {"everywhere", Json(true)}, {"open_tickets", Json(true)}}),
        [&] {
          if (!came && erased() >= first) {
            came = true;
            house.command(cmd("contact set", {{"name", Json(of_another ? "Other Customer" : canary_name)},
                                              {"legal_hold", Json("case 8")}}));
          }
          return false;
        });
    REQUIRE(came);
    REQUIRE_FALSE(held);
    CHECK(held.error().code == ErrorCode::not_permitted);
    CHECK(held.error().message.find("case 8") != std::string::npos);
    CHECK(erased() == first);
    CHECK(desk.holding("CANARYPART0 ") == 0);
    CHECK(desk.holding("CANARYPART299") > 0);
    CHECK(to_text(house.command(cmd("contact list"))).find(canary_name) != std::string::npos);
  }
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
  const NothingFails once;
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
  const NothingFails once;
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
  // The ledger says who wanted it: under their names of then, and their ids.
  const Json erasures = house.command(cmd("erase", {{"list", Json(true)}}))["rows"];
  REQUIRE(erasures.size() >= 202);  // of each their ticket, and their record
  for (const Json& row : erasures.items()) {
    const std::string& reason = row["reason"].as_string();
    for (const char* name : {"joe (", "eve ("})
      if (reason.find(name) == std::string::npos) FAIL_CHECK(reason);
  }
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
    house.tick();
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

namespace {

/// The desk's tenant without its server, for what a stop between two steps of one command leaves.
class OpenedDesk {
public:
  explicit OpenedDesk(PersonDesk& desk) : directory_(closed(desk)), tenants_(*directory_, {}, desk.house.environment) {
    must(tenants_.open_all());
  }
  server::Tenant& tenant() { return *tenants_.all().front(); }
  server::admin::ErasureHands hands() {
    const auto at_once = [](const server::admin::ErasureHands::Work& work) { return work(); };
    return {tenant(), *directory_, {}, at_once, at_once};
  }
  std::vector<server::admin::Subject> subjects(std::initializer_list<Bytes> who) {
    std::vector<server::admin::Subject> out;
    for (const Bytes& id : who)
      out.push_back(
          server::admin::subject_of(tenant().find_record(sync::RecordKind::contact, RecordId::or_zero(id)).value()));
    return out;
  }
  std::vector<server::admin::Subject> look(std::initializer_list<Bytes> who) {
    auto out = subjects(who);
    must(server::admin::look_for(tenant(), out, {}));
    return out;
  }

private:
  static std::unique_ptr<server::Directory> closed(PersonDesk& desk) {
    desk.house.core.reset();
    return must(server::Directory::open(desk.house.options().directory));
  }

  std::unique_ptr<server::Directory> directory_;
  server::OpenTenants tenants_;
};

}  // namespace

TEST_CASE("an erasure that was stopped behind the record is gone on with by the server, and by who asks again",
          "[server][admin][person]") {
  for (const bool asked_again : {false, true}) {
    INFO(asked_again);
    PersonDesk desk;
    House& house = desk.house;
    {
      OpenedDesk opened(desk);
      auto persons = opened.look({desk.person});
      auto hands = opened.hands();
      const auto is_bare = [&] {
        return server::admin::is_erased(
            opened.tenant().find_record(sync::RecordKind::contact, persons.front().record.id).value());
      };
      hands.on_strand = [&](const auto& work) -> Result<void> {
        if (is_bare()) return fail(ErrorCode::storage_failed, "the power is gone");
        return work();
      };
      const auto stopped = server::admin::erase_person(hands, persons.front(), true, "asked for");
      REQUIRE_FALSE(stopped);
      CHECK(is_bare());
    }
    CHECK(desk.holding("canary@nightingale.example") > 0);  // in what their record said before
    house.core = must(server::ServerCore::open(house.options(), house.environment));
    if (asked_again) {
      // Texts of theirs come in meanwhile, in a ticket that somebody works on: that is no matter for their record.
      must(desk.device->open_session());
      desk.open_for(desk.person, "once more", "CANARYLATER");
      CHECK(code_of(house, cmd("person erase", {{"contact", Json(to_uuid_text(desk.person))}})) == ErrorCode::invalid);
    }
    house.core->tick();
    for (const std::string& canary : {canaries[0], canaries[1], canaries[2]}) {
      INFO(canary);
      CHECK(desk.holding(canary) == 0);
    }
    const Json list = house.command(cmd("erase", {{"list", Json(true)}}))["rows"];
    CHECK(list.items()[list.size() - 1]["reason"].as_string() == "asked for");
    CHECK(house.command(cmd("verify"))["good"].as_bool());
    const std::string log = house.options().directory + "/erasures.log";
    const auto lines = [&] {
      std::ifstream in(log);
      return std::count(std::istreambuf_iterator<char>(in), {}, '\n');
    };
    const auto noted = lines();
    house.reopen();
    CHECK(lines() == noted);  // all of it was noted
  }
}

TEST_CASE("a contact who was removed is given out and erased like any other", "[server][admin][person]") {
  PersonDesk desk;
  House& house = desk.house;
  house.command(cmd("contact remove", {{"name", Json(canary_name)}}));
  const Json given = house.command(cmd("person export", {{"contact", Json(canary_name)}}));
  CHECK(given["profile"]["email"].as_string() == canaries[1]);
  CHECK(given["tickets"].size() == 1);
  // Somebody of the same name who stands is meant first.
  house.command(cmd("contact add", {{"name", Json(canary_name)}}));
  CHECK(house.command(cmd("person export", {{"contact", Json(canary_name)}}))["tickets"].size() == 0);
  house.command(cmd("contact set", {{"name", Json(canary_name)}, {"rename", Json("Somebody Else")}}));
  house.command(cmd("person erase", {{"contact", Json(to_uuid_text(desk.person))}}));
  CHECK(desk.holding("CANARYMINE") == 0);
  CHECK(desk.holding("canary@nightingale.example") == 0);
  CHECK(house.command(cmd("contact list"))["rows"].size() == 2);  // it stays removed
}

TEST_CASE("persons of whom there is more than one look holds are erased again in halves",
          "[server][admin][person][restore]") {
  PersonDesk desk;
  {
    OpenedDesk opened(desk);
    auto hands = opened.hands();
    const std::vector<RecordId> both = {RecordId::or_zero(desk.person), RecordId::or_zero(desk.other)};
    const auto needed = [&](std::initializer_list<Bytes> who) {
      for (std::size_t most = 1;; ++most) {
        auto persons = opened.subjects(who);
        if (server::admin::look_for(opened.tenant(), persons, {}, most)) return most;
      }
    };
    hands.finds = std::max(needed({desk.person}), needed({desk.other}));
    CHECK(needed({desk.person, desk.other}) > hands.finds);
    --hands.finds;  // of one alone there is more: that is said
    CHECK(server::admin::erase_persons_again(hands, both).error().code == ErrorCode::too_large);
    CHECK(desk.holding("CANARYMINE") > 0);
    ++hands.finds;
    must(server::admin::erase_persons_again(hands, both));
  }
  CHECK(desk.holding("CANARYMINE") == 0);
  CHECK(desk.holding("Other Customer") == 0);
}

TEST_CASE("each part of an erasure is asked for with its own tickets, not with all of them",
          "[server][admin][person]") {
  PersonDesk desk;
  for (int i = 0; i < 450; ++i) {
    auto create = desk.device->create(random_id<TicketId>(desk.house.environment), "s");
    create.fields.push_back({sync::FieldId::contact, {}, desk.person, false});
    create.text = "of " + canary_name;
    desk.device->push(std::vector<Bytes>{desk.device->seal({create})});
    desk.house.environment.advance(1'000);
  }
  OpenedDesk opened(desk);
  auto persons = opened.look({desk.person});
  auto hands = opened.hands();
  std::vector<std::size_t> asked;
  hands.allowed = [&](const auto&, const std::set<TicketId>& tickets) -> Result<void> {
    asked.push_back(tickets.size());
    return {};
  };
  must(server::admin::erase_person(hands, persons.front(), false, {}));
  REQUIRE(asked.size() == 5);  // what waits, three parts, the record
  CHECK(asked.front() == 0);
  CHECK(asked[1] + asked[2] + asked[3] == 451);
  CHECK(asked.back() == 451);
}

TEST_CASE("of what devices handed back of another's ticket goes what names who is erased, and what quotes that",
          "[server][admin][person]") {
  PersonDesk desk;
  House& house = desk.house;
  auto reply = desk.device->change(sync::Intent::message, desk.others);
  reply.text = "PLAINLINE of the lamp\nfor " + canary_name;
  reply.visibility = sync::Visibility::team;
  desk.push(reply);
  {
    OpenedDesk opened(desk);
    server::Tenant& tenant = opened.tenant();
    const auto hand_back = [&](const TicketId& ticket, const std::string& text) {
      auto note = desk.device->change(sync::Intent::message, ticket);
      note.text = text;
      note.visibility = sync::Visibility::team;
      note.ref.id = random_id<ChangeId>(house.environment);
      note.ref.device = desk.device->certificate.device;
      const auto encoded = sync::encode_change(note);
      must(tenant.write([&](sqlite::Database& db) {
        return db.run(
            "INSERT INTO handed_back (tenant_id, device_id, change_id, ticket_id, epoch, old_seq, "
            "from_device, integer_id, number, skeleton, body, said_seq) VALUES ($1, $2, $3, $4, $5, 5, $2, 0, "
            "'', $6, $7, 0)",
            tenant.number(), note.ref.device, note.ref.id, ticket, tenant.epoch(), sqlite::Blob{encoded.skeleton},
            sqlite::Blob{encoded.body});
      }));
    };
    hand_back(desk.others, "HANDEDPLAIN: the lamp is mended");
    hand_back(desk.others, "HANDEDNAMED: for " + canary_name);
    hand_back(desk.others, "HANDEDQUOTE\n> PLAINLINE of the lamp");
    hand_back(desk.theirs, "HANDEDTHEIRS: an innocent note");
    auto persons = opened.look({desk.person});
    must(server::admin::erase_person(opened.hands(), persons.front(), true, {}));
  }
  CHECK(desk.holding("HANDEDPLAIN") > 0);
  for (const char* word : {"HANDEDNAMED", "HANDEDQUOTE", "HANDEDTHEIRS"}) {
    INFO(word);
    CHECK(desk.holding(word) == 0);
  }
}

TEST_CASE("only an erasure says that somebody is erased, and what it left stays as it is", "[server][admin][person]") {
  PersonDesk desk;
  House& house = desk.house;
  const auto marked = [](const char* name, std::initializer_list<Json::Member> attributes) {
    Json row = record("contact", name);
    row.set("attributes", Json::object(attributes));
    return cmd("record load", {{"rows", Json::array({std::move(row)})}});
  };
  CHECK(code_of(house, marked("Joe", {{"erased", Json("1")}})) == ErrorCode::invalid);
  CHECK(code_of(house, marked("erased #77", {{"erased", Json("1")}, {"email", Json("a@b.example")}})) ==
        ErrorCode::invalid);
  CHECK(code_of(house, marked("erased #77 or not", {{"erased", Json("1")}})) == ErrorCode::invalid);
  CHECK(house.command(marked("erased #77", {{"erased", Json("1")}}))["made"].as_integer() == 1);  // of an export

  const Json erased = house.command(cmd("person erase", {{"contact", Json(canary_name)}}))["person"];
  for (const Json& change : {cmd("contact set", {{"name", erased}, {"rename", Json("Joe")}}),
                             cmd("contact set", {{"name", erased}, {"email", Json("joe@x.example")}}),
                             cmd("contact set", {{"name", erased}, {"legal_hold", Json("case 9")}})}) {
    INFO(to_text(change));
    CHECK(code_of(house, change) == ErrorCode::invalid);
  }
  CHECK(to_text(house.command(cmd("contact list"))).find(erased.as_string()) != std::string::npos);
}

TEST_CASE("no import makes a record anew of who was erased, and it says so", "[server][admin][person][import]") {
  PersonDesk desk;
  House& house = desk.house;
  const Json before = house.command(cmd("export", {{"what", Json("contacts")}}));
  const std::string path = house.folder.file("old.jsonl");
  {
    std::ofstream lines(path);
    int n = 0;
    for (const std::string& name :
         {canary_name, std::string("CANARY  nightingale"), canaries[1], std::string("New One")})
      lines << R"({"reference":")" << ++n << R"(","subject":"s","contact":")" << name << "\"}\n";
  }
  house.command(
      cmd("person erase", {{"contact", Json(canary_name)}, {"everywhere", Json(true)}, {"open_tickets", Json(true)}}));
  CHECK(desk.holding(canary_name) == 0);
  Json import = cmd("import tickets", {{"file", Json(path)}});
  Json dry = import;
  dry.set("dry_run", Json(true));
  for (const Json& asked : {dry, import}) {
    std::optional<NothingFails> once;  // a second one finds its records there
    if (asked["dry_run"].is_null()) once.emplace();
    const Json said = house.command(asked);
    INFO(to_text(said));
    CHECK(said["tickets"].as_integer() == 4);
    CHECK(said["records"].as_integer() == 1);
    CHECK(said["stay_erased"].size() == 3);
  }
  const Json rows = house.command(cmd("export"))["rows"];
  REQUIRE(rows.size() == 6);
  for (const std::size_t i : {2U, 3U, 4U}) CHECK(rows.items()[i]["contact"].as_string().starts_with("erased #"));
  CHECK(rows.items()[5]["contact"] == Json("New One"));

  // Their record: as an export of then has it, by name alone, and by another name with their address.
  Json loaded = Json::array();
  for (const Json& row : before["rows"].items()) {
    Json line = row.is_string() ? must(parse_json(row.as_string())) : row;
    if (line["name"].as_string() == canary_name) loaded.push(std::move(line));
  }
  REQUIRE(loaded.size() == 1);
  loaded.push(record("contact", canary_name.c_str()));
  Json other = record("contact", "C. Nightingale");
  other.set("attributes", Json::object({{"email", Json("Canary@Nightingale.example")}}));
  loaded.push(std::move(other));
  loaded.push(record("contact", "Newer One"));
  const Json load = house.command(cmd("record load", {{"rows", std::move(loaded)}}));
  INFO(to_text(load));
  CHECK(load["made"].as_integer() == 1);
  CHECK(load["stay_erased"].size() == 3);
  CHECK(load["rows"].items()[0]["id"].as_string() == to_uuid_text(desk.person));
  CHECK(load["rows"].items()[1]["id"].as_string() == to_uuid_text(desk.person));
  for (const std::string& canary : {canaries[0], canaries[1], canaries[2]}) {
    INFO(canary);
    CHECK(desk.holding(canary) == 0);
  }
  CHECK(house.command(cmd("verify"))["good"].as_bool());

  // Who shares their name is made by hand, and is who an import means from then on.
  house.command(cmd("contact add", {{"name", Json(canary_name)}}));
  std::ofstream(path) << R"({"reference":"9","subject":"s","contact":")" << canary_name << "\"}\n";
  const Json again = house.command(import);
  CHECK(again["tickets"].as_integer() == 1);
  CHECK(again.find("stay_erased") == nullptr);
  CHECK(house.command(cmd("export"))["rows"].items()[6]["contact"] == Json(canary_name));
}

}  // namespace tern::test
