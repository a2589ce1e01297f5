#include "support/catch.hpp"
//
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include "house.hpp"
#include "support/files.hpp"
#include "tern/server/admin.hpp"

namespace tern::test {
TEST_CASE("every command is known by name, help and well-formed arguments", "[server][admin]") {
  std::set<std::string_view> names;
  for (const server::AdminCommand& command : server::admin_commands()) {
    CHECK(names.insert(command.name).second);
    CHECK_FALSE(command.summary.empty());
    std::set<std::string_view> args;
    for (const server::AdminArg& arg : command.args) {
      CHECK(args.insert(arg.name).second);
      CHECK_FALSE(arg.help.empty());
      if (arg.positional && !arg.required) CHECK(command.details.find("--") != std::string_view::npos);
      if (arg.kind == server::ArgKind::secret) CHECK_FALSE(arg.positional);
    }
  }
  for (const char* name :
       {"tenant add",   "tenant list",     "operator add",       "operator list",  "operator disable", "device code",
        "device list",  "device revoke",   "import incidents",   "export",         "verify",           "backup",
        "restore",      "erase",           "record load",        "clock accept",   "status",           "held list",
        "held release", "quarantine list", "quarantine release", "quarantine drop"})
    CHECK(names.contains(name));
  for (const std::string_view name : names)
    if (const auto space = name.find(' '); space != std::string_view::npos)
      CHECK_FALSE(server::admin_family_summary(name.substr(0, space)).empty());
}

TEST_CASE("a command with a word too many, too few or of the wrong kind does nothing", "[server][admin]") {
  House house;
  CHECK(code_of(house, cmd("no such thing")) == ErrorCode::usage);
  CHECK(code_of(house, cmd("operator add", {{"email", Json("a@b.example")}})) == ErrorCode::usage);
  CHECK(code_of(house, cmd("operator add",
                           {{"email", Json("a@b.example")}, {"role", Json("operator")}, {"is_admin", Json(true)}})) ==
        ErrorCode::usage);
  CHECK(code_of(house, cmd("operator add", {{"email", Json(5)}, {"role", Json("operator")}})) == ErrorCode::usage);
  CHECK(code_of(house, cmd("operator add", {{"email", Json("a@b.example")}, {"role", Json("king")}})) ==
        ErrorCode::invalid);
  CHECK(code_of(house, cmd("operator add", {{"email", Json("no address")}, {"role", Json("operator")}})) ==
        ErrorCode::invalid);
  CHECK(code_of(house, cmd("restore", {{"from", Json("x")}, {"recovery-key", Json("y")}})) == ErrorCode::usage);
  CHECK(house.command(cmd("operator list"))["rows"].size() == 1);
}

TEST_CASE("records are loaded once, and operators with their queues", "[server][admin][records]") {
  House house;
  Json rows = Json::array({record("category", "Leak"), record("queue", "Field"), record("contact", "Caller 1"),
                           record("contact", "Caller 1"), record("tag", "pump"), record("organisation", "Harbour"),
                           record("custom_field", "meter_no")});
  Json op = record("operator", "Ann");
  op.set("email", Json("ann@x.example")).set("role", Json("supervisor")).set("queues", Json::array({Json("Field")}));
  rows.push(op);
  const Json first = house.command(cmd("record load", {{"rows", rows}}));
  CHECK(first["made"].as_integer() == 7);
  REQUIRE(first["rows"].size() == 8);
  CHECK(first["rows"].items()[2]["id"] == first["rows"].items()[3]["id"]);
  const Json again = house.command(cmd("record load", {{"rows", rows}}));
  CHECK(again["made"].as_integer() == 0);
  CHECK(again["rows"] == first["rows"]);

  const Json operators = house.command(cmd("operator list"));
  CHECK(operators["rows"].items()[1]["queues"] == Json::array({Json("Field")}));
  CHECK(operators["rows"].items()[1]["role"].as_string() == "supervisor");
  CHECK(operators["rows"].items()[1]["integer_id"].as_integer() == 2);
  CHECK(house.command(cmd("queue list"))["rows"].items()[0]["integer_id"].as_integer() == 1);
  CHECK(code_of(house, cmd("record load", {{"rows", Json::array({record("device", "x")})}})) == ErrorCode::invalid);

  std::ofstream(house.folder.file("records.jsonl"))
      << "{\"kind\":\"queue\",\"name\":\"Field\"}\n\n{\"kind\":\"queue\",\"name\":\"Depot\"}\n";
  CHECK(house.command(cmd("record load", {{"file", Json(house.folder.file("records.jsonl"))}}))["made"].as_integer() ==
        1);
  std::ofstream(house.folder.file("bad.jsonl")) << "{\"kind\":\"queue\"";
  CHECK(code_of(house, cmd("record load", {{"file", Json(house.folder.file("bad.jsonl"))}})) == ErrorCode::invalid);
}

TEST_CASE("thousands of records are loaded in sets of a thousand", "[server][admin][records]") {
  House house;
  Json rows = Json::array();
  for (int i = 0; i < 2'500; ++i)
    rows.push(Json::object({{"kind", Json("contact")}, {"name", Json("Caller " + std::to_string(i))}}));
  const auto before = house.command(cmd("status"))["rows"].items()[0]["commit_seq"].as_integer();
  CHECK(house.command(cmd("record load", {{"rows", rows}}))["made"].as_integer() == 2'500);
  CHECK(house.command(cmd("status"))["rows"].items()[0]["commit_seq"].as_integer() == before + 3);
}

TEST_CASE("a load of which one row is refused makes nothing", "[server][admin][records]") {
  House house;
  const auto refused = [&](Json row) {
    const Json rows = Json::array({record("queue", "Field"), std::move(row)});
    CHECK(code_of(house, cmd("record load", {{"rows", rows}})) != ErrorCode::internal);
    CHECK(house.command(cmd("queue list"))["rows"].size() == 0);
  };
  Json op = record("operator", "Ann");
  refused(Json(op).set("shoe", Json("42")));
  refused(Json(op).set("role", Json("king")));
  refused(Json(op).set("email", Json("nobody")));
  refused(Json(op).set("queues", Json::array({Json("Depot")})));
  refused(record("custom_field", "Meter No"));
  refused(record("custom_field", "meter").set("attributes", Json::object({{"type", Json("colour")}})));
  CHECK(
      house.command(cmd("record load", {{"rows", Json::array({record("queue", "Field"), op})}}))["made"].as_integer() ==
      2);
}

TEST_CASE("a load of many records lets others commit in between, and can be stopped and done again",
          "[server][admin][records]") {
  House house;
  Json rows = Json::array();
  for (int i = 0; i < 3'500; ++i)
    rows.push(Json::object({{"kind", Json("contact")}, {"name", Json("Caller " + std::to_string(i))}}));
  const Json load = cmd("record load", {{"rows", rows}});
  int parts = 0;
  const auto another = [&] {
    CHECK(code_of(house, cmd("contact add", {{"name", Json("Caller 3000")}})) == ErrorCode::busy);  // it would be two
    const Json renamed =
        cmd("operator set", {{"operator", Json("1")}, {"name", Json("Admin " + std::to_string(parts))}});
    CHECK(house.command(renamed)["integer_id"].as_integer() == 1);
  };
  const auto stopped = house.core->administer(load, [&] {
    std::thread(another).join();
    return ++parts == 3;
  });
  REQUIRE_FALSE(stopped);
  CHECK(stopped.error().code == ErrorCode::busy);
  CHECK(house.command(cmd("contact list"))["rows"].size() == 2'000);
  house.reopen();
  CHECK(house.command(load)["made"].as_integer() == 1'500);
  const Json contacts = house.command(cmd("contact list"));
  REQUIRE(contacts["rows"].size() == 3'500);
  CHECK(contacts["rows"].items().back()["integer_id"].as_integer() == 3'500);
  CHECK(house.command(cmd("contact add", {{"name", Json("One more")}}))["integer_id"].as_integer() == 3'501);
}

TEST_CASE("a tenant that cannot be made leaves nothing", "[server][admin]") {
  House house;
  const auto problems = house.command(cmd("status"))["problems"];
  const auto files = [&] {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(house.options().directory))
      names.insert(entry.path().string());
    return names;
  };
  const auto before = files();
  CHECK(code_of(house, cmd("tenant add", {{"name", Json("Harbour")}, {"zone", Json("Mars/Base")}})) ==
        ErrorCode::invalid);
  CHECK(files() == before);
  CHECK(house.command(cmd("status"))["problems"] == problems);
  CHECK(house.command(cmd("tenant add", {{"name", Json("Harbour")}}))["name"].as_string() == "Harbour");
}

TEST_CASE("a key list that is due for renewal is a problem of the status", "[server][admin]") {
  House house;
  const auto told = [&] {
    return to_text(house.command(cmd("status"))["problems"]).find("key list is due for renewal") != std::string::npos;
  };
  CHECK_FALSE(told());
  house.environment.advance(399LL * 86'400'000);
  CHECK_FALSE(told());
  house.environment.advance(2LL * 86'400'000);
  CHECK(told());
}

TEST_CASE("a write-ahead log that nobody cuts back is told", "[server][admin]") {
  House house;
  const auto told = [&] {
    const Json status = house.command(cmd("status"));
    for (const Json& problem : status["problems"].items())
      if (problem.as_string().find("has grown to 300 MiB") != std::string::npos) return true;
    return false;
  };
  CHECK_FALSE(told());
  CHECK(house.core->metrics().find("tern_wal_bytes{") != std::string::npos);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(house.options().directory + "/tenants"))
    if (entry.path().filename() == "tern.db-wal") std::filesystem::resize_file(entry.path(), 300 << 20);
  CHECK(told());
}

TEST_CASE("records are added one by one, with a name of their own", "[server][admin][records]") {
  House house;
  CHECK(house.command(cmd("queue add", {{"name", Json("Field")}, {"description", Json("out there")}}))["description"]
            .as_string() == "out there");
  CHECK(code_of(house, cmd("queue add", {{"name", Json("Field")}})) == ErrorCode::invalid);
  CHECK(house.command(cmd("tag add", {{"name", Json(" Pump ")}}))["name"].as_string() == "pump");
  CHECK(house.command(cmd("field add", {{"name", Json("meter_no")}, {"type", Json("number")}}))["type"].as_string() ==
        "number");
  CHECK(code_of(house, cmd("field add", {{"name", Json("Meter No")}, {"type", Json("number")}})) == ErrorCode::invalid);
  CHECK(code_of(house, cmd("field add", {{"name", Json("x")}, {"type", Json("anything")}})) == ErrorCode::invalid);
  CHECK(house.command(cmd("field list"))["rows"].size() == 1);
  CHECK(code_of(house, cmd("queue add", {{"name", Json("bad\xff")}})) == ErrorCode::invalid);
}

TEST_CASE("no load gives two operators one address, or makes a tag that no ticket can bear",
          "[server][admin][records]") {
  House house;
  const auto of = [](const char* name, const char* email) {
    return std::move(record("operator", name).set("email", Json(email)));
  };
  const auto load = [&](Json::Array rows) {
    return house.try_command(cmd("record load", {{"rows", Json(std::move(rows))}}));
  };
  const auto both = load({of("Ann", "ann@x.example"), of("Another Ann", "Ann@X.example")});
  REQUIRE_FALSE(both);
  CHECK(both.error().field == "email");
  CHECK(house.command(cmd("operator list"))["rows"].size() == 1);
  CHECK(must(load({of("Ann", "ann@x.example")}))["made"].as_integer() == 1);
  CHECK_FALSE(load({of("Another Ann", "ann@x.example")}));
  CHECK(must(load({of("Ann", "ann@x.example")}))["made"].as_integer() == 0);

  const Json tags = must(load({record("tag", " Pump "), record("tag", "pump")}));
  CHECK(tags["made"].as_integer() == 1);
  CHECK(tags["rows"].items()[0]["id"] == tags["rows"].items()[1]["id"]);
  CHECK(house.command(cmd("tag list"))["rows"].items()[0]["name"].as_string() == "pump");
}

TEST_CASE("a name that nobody can see is none, of whatever it would be", "[server][admin][records]") {
  House house;
  for (const char* blank : {" ", "\xC2\xA0 ", "\xE2\x80\x8B", "\xE3\x80\x80\xEF\xBB\xBF"}) {
    const Json name(blank);
    for (const char* kind : {"queue", "category", "contact", "organisation", "tag", "tenant"})
      CHECK(code_of(house, cmd(std::string(kind) + " add", {{"name", name}})) == ErrorCode::invalid);
    CHECK(code_of(house, cmd("field add", {{"name", name}, {"type", Json("text")}})) == ErrorCode::invalid);
    CHECK(code_of(house, cmd("record load", {{"rows", Json::array({record("contact", blank)})}})) ==
          ErrorCode::invalid);
    CHECK(code_of(house,
                  cmd("operator add", {{"email", Json("a@b.example")}, {"name", name}, {"role", Json("operator")}})) ==
          ErrorCode::invalid);
  }
  CHECK(house.command(cmd("queue add", {{"name", Json("\xE2\x80\x8B\xE2\x82\xAC")}})).is_object());
  CHECK(house.command(cmd("tenant list"))["rows"].size() == 1);
}

TEST_CASE("a loaded record says nothing that would be lost", "[server][admin][records]") {
  House house;
  const auto field_of = [&](Json row) {
    const auto answer = house.try_command(cmd("record load", {{"rows", Json::array({std::move(row)})}}));
    return answer ? std::string("taken") : answer.error().field;
  };
  CHECK(field_of(std::move(record("operator", "Eve").set("is_admin", Json(true)))) == "is_admin");
  CHECK(field_of(std::move(record("queue", "Field").set("id", Json("7")))) == "id");
  CHECK(field_of(std::move(record("contact", "Joe").set("email", Json("joe@x.example")))) == "email");
  CHECK(field_of(std::move(record("operator", "Eve").set("queues", Json("Field")))) == "queues");
  CHECK(field_of(std::move(record("contact", "Joe").set("attributes", Json::object({{"vip", Json(true)}})))) ==
        "attributes.vip");
  CHECK(house.command(cmd("operator list"))["rows"].size() == 1);
  CHECK(house.command(cmd("contact list"))["rows"].size() == 0);
}

TEST_CASE("operators are changed, disabled and let in again", "[server][admin][operators]") {
  House house;
  house.command(cmd("queue add", {{"name", Json("Field")}}));
  house.command(cmd("operator add", {{"email", Json("Ann@X.example")},
                                     {"name", Json("Ann")},
                                     {"role", Json("operator")},
                                     {"queue", Json::array({Json("Field")})}}));
  CHECK(code_of(house, cmd("operator add",
                           {{"email", Json("ann@x.example")}, {"name", Json("Other")}, {"role", Json("operator")}})) ==
        ErrorCode::invalid);
  CHECK(code_of(house, cmd("operator add", {{"email", Json("b@x.example")},
                                            {"role", Json("operator")},
                                            {"queue", Json::array({Json("None")})}})) == ErrorCode::not_found);
  Json changed = house.command(cmd(
      "operator set", {{"operator", Json("ann@x.example")}, {"role", Json("supervisor")}, {"no-queues", Json(true)}}));
  CHECK(changed["role"].as_string() == "supervisor");
  CHECK(changed["queues"].size() == 0);
  CHECK(house.command(cmd("operator disable", {{"operator", Json("Ann")}}))["active"].as_bool(true) == false);
  CHECK(house.command(cmd("operator set", {{"operator", Json("Ann")}, {"enable", Json(true)}}))["active"].as_bool());
  CHECK(house.command(cmd("operator disable", {{"email", Json("Ann@x.example")}}))["operator"].as_string() == "Ann");
  CHECK(code_of(house, cmd("operator disable")) == ErrorCode::usage);
  CHECK(code_of(house, cmd("operator disable", {{"email", Json("z@x.example")}})) == ErrorCode::not_found);
  CHECK(code_of(house, cmd("operator set", {{"operator", Json("nobody")}})) == ErrorCode::not_found);
  CHECK(code_of(house, cmd("operator set", {{"operator", Json("Ann")}, {"password", Json("short")}})) ==
        ErrorCode::invalid);
}

TEST_CASE("a device is named by name, id or its first digits", "[server][admin][devices]") {
  House house;
  house.add_operator("ann");
  Device one(house, "ann"), two(house, "ann");
  CHECK(code_of(house, cmd("device revoke", {{"device", Json("van")}})) == ErrorCode::ambiguous);
  CHECK(code_of(house, cmd("device revoke", {{"device", Json("zzzz")}})) == ErrorCode::not_found);
  const Json revoked =
      house.command(cmd("device revoke", {{"device", Json(to_hex(one.certificate.device).substr(0, 8))}}));
  CHECK(revoked["state"].as_string() == "revoked");
  const Json wiped = house.command(cmd("device wipe", {{"device", Json(to_uuid_text(two.certificate.device.view()))}}));
  CHECK(wiped["wipe_ordered"].as_bool());
  CHECK(wiped["state"].as_string() == "revoked");
  CHECK(house.command(cmd("device list", {{"operator", Json("ann")}}))["rows"].size() == 2);
  CHECK(house.command(cmd("device list", {{"operator", Json("admin@pumps.example")}}))["rows"].size() == 0);
}

TEST_CASE("a code's link names server, tenant and root", "[server][admin][devices]") {
  House house;
  house.add_operator("ann");
  const Json code = house.command(cmd("device code", {{"operator", Json("ann")}, {"scope", Json("all")}}));
  const auto link = must(protocol::enrolment_link_from_text(code["link"].as_string()));
  CHECK(link.url == "https://desk.example");
  CHECK(link.code == code["code"].as_string());
  CHECK(code["expires_ms"].as_integer() == house.environment.wall_ms() + 600'000);
  CHECK(code_of(house, cmd("device code", {{"operator", Json("ann")}, {"scope", Json("some")}})) == ErrorCode::invalid);
  CHECK(code_of(house, cmd("device code", {{"operator", Json("nobody")}})) == ErrorCode::not_found);
}

TEST_CASE("a code has no link while nobody knows where the server is, and the last known place is remembered",
          "[server][admin][devices]") {
  House house;
  house.add_operator("ann");
  server::ServerOptions nowhere = house.options();
  nowhere.public_url.clear();
  house.core.reset();
  house.core = must(server::ServerCore::open(nowhere, house.environment));
  const auto place = [&](Json code) { return must(protocol::enrolment_link_from_text(code["link"].as_string())).url; };
  CHECK(place(house.command(cmd("device code", {{"operator", Json("ann")}}))) == "https://desk.example");
  CHECK(place(house.command(cmd("device code", {{"operator", Json("ann")},
                                                {"public-url", Json("https://b.example")}}))) == "https://b.example");
  CHECK(code_of(house, cmd("device code", {{"operator", Json("ann")}, {"public-url", Json("b.example")}})) ==
        ErrorCode::invalid);

  nowhere.directory = house.folder.file("other");
  must(server::ServerCore::init(nowhere, "Pumps", "a@b.example", "a good password", house.environment));
  house.core = must(server::ServerCore::open(nowhere, house.environment));
  const Json code = house.command(cmd("device code", {{"operator", Json("a@b.example")}}));
  CHECK(code["link"].is_null());
  CHECK(code["server"].is_null());
  CHECK_FALSE(code["code"].as_string().empty());
}

TEST_CASE("what is held and what is in quarantine is shown, counted, and released in an administrator's name",
          "[server][admin][waiting]") {
  House house;
  house.add_operator("ann");
  Device device(house, "ann", "all");
  must(device.open_session());
  const TicketId ticket = random_id<TicketId>(house.environment);
  device.push(device.create(ticket, "pump leaks"));
  // Its parent never came: held.
  auto orphan = device.change(sync::Intent::message, ticket);
  orphan.text = "waits for another";
  orphan.visibility = sync::Visibility::team;
  orphan.after = {random_id<ChangeId>(house.environment)};
  device.push(orphan);
  auto lost = device.change(sync::Intent::message, ticket);
  lost.text = "made before the van was stolen";
  lost.visibility = sync::Visibility::team;
  const Bytes set = device.seal({lost});
  house.command(cmd("device revoke", {{"device", Json(to_uuid_text(device.certificate.device.view()))}}));
  must(device.open_session());
  device.push(std::vector<Bytes>{set});

  const Json status = house.command(cmd("status"));
  const Json& row = status["rows"].items()[0];
  CHECK(row["held"].as_integer() == 1);
  CHECK(row["quarantined_sets"].as_integer() == 1);
  CHECK(to_text(status["problems"]).find("quarantine list") != std::string::npos);
  CHECK(status["disk_free_bytes"].as_integer() > 0);

  const Json held = house.command(cmd("held list"));
  REQUIRE(held["rows"].size() == 1);
  const Json& first = held["rows"].items()[0];
  CHECK(first["value"].as_string() == "waits for another");
  CHECK(first["author"].as_string() == "ann");
  CHECK(first["subject"].as_string() == "pump leaks");
  CHECK(first["reason"].as_string() == "parent_missing");
  CHECK(code_of(house, cmd("held release", {{"change", first["change"]}, {"by", Json("ann")}})) ==
        ErrorCode::not_permitted);
  CHECK(code_of(house, cmd("held release", {{"change", Json("nonsense")}})) == ErrorCode::invalid);
  house.command(cmd("held release", {{"change", first["change"]}, {"reason", Json("it is true")}}));
  CHECK(code_of(house, cmd("held release", {{"change", first["change"]}})) == ErrorCode::not_found);
  CHECK(house.command(cmd("held list"))["rows"].size() == 0);

  const Json waiting = house.command(cmd("quarantine list"));
  REQUIRE(waiting["rows"].size() == 1);
  const Json& one = waiting["rows"].items()[0];
  CHECK(one["value"].as_string() == "made before the van was stolen");
  CHECK(one["not_before"].is_string());
  CHECK(code_of(house, cmd("quarantine release")) == ErrorCode::usage);
  CHECK(code_of(house, cmd("quarantine release", {{"set", Json("ffffff")}})) == ErrorCode::not_found);
  CHECK(code_of(house, cmd("quarantine release", {{"set", one["set"]}, {"by", Json("ann")}})) ==
        ErrorCode::not_permitted);
  house.add_operator("eve", "admin");
  CHECK(code_of(house, cmd("quarantine release", {{"set", one["set"]}})) == ErrorCode::usage);  // several may
  const Json released = house.command(cmd("quarantine release", {{"set", one["set"]}, {"by", Json("eve")}}));
  CHECK(released["changes"].as_integer() == 1);
  CHECK_FALSE(released["needs_attention"].as_bool(true));
  CHECK(house.command(cmd("quarantine list"))["rows"].size() == 0);
  CHECK(house.command(cmd("export"))["rows"].items()[0]["messages"].size() == 2);
  CHECK(house.command(cmd("verify"))["good"].as_bool());
}

TEST_CASE("each device that is made, ended or frozen is a line of the log", "[server][admin][devices]") {
  House house;
  house.add_operator("ann");
  Device device(house, "ann");
  const auto lines = [&](const std::string& state) {
    return std::count_if(house.log.begin(), house.log.end(), [&](const std::string& line) {
      return line.find("\"device\"") != std::string::npos && line.find("\"" + state + "\"") != std::string::npos;
    });
  };
  CHECK(lines("active") == 1);
  house.command(cmd("device revoke", {{"device", Json(to_uuid_text(device.certificate.device.view()))}}));
  CHECK(lines("revoked") == 1);
  CHECK(house.command(cmd("device list"))["rows"].items()[0]["enrolled_at"].is_string());
}

// ---- the directory ----

TEST_CASE("one process holds a directory, and only its owner may write there", "[server][admin][directory]") {
  House house;
  CHECK(server::ServerCore::open(house.options(), house.environment).error().code == ErrorCode::busy);
  CHECK(server::ServerCore::init(house.options(), "Pumps", "a@b.example", "a good password", house.environment)
            .error()
            .code == ErrorCode::invalid);
  house.core.reset();
  struct stat found {};
  REQUIRE(::stat(house.options().directory.c_str(), &found) == 0);
  CHECK((found.st_mode & 0777) == 0700);
  for (const auto& key : std::filesystem::directory_iterator(house.options().directory + "/keys")) {
    REQUIRE(::stat(key.path().c_str(), &found) == 0);
    CHECK((found.st_mode & 0777) == 0600);
  }
  ::chmod(house.options().directory.c_str(), 0770);
  CHECK(server::ServerCore::open(house.options(), house.environment).error().code == ErrorCode::not_permitted);
  ::chmod(house.options().directory.c_str(), 0700);
  CHECK(server::ServerCore::open(house.options(), house.environment).has_value());
}

TEST_CASE("an init that fails can be tried again", "[server][admin][directory]") {
  TempDir folder;
  VirtualEnvironment environment;
  server::ServerOptions options;
  options.directory = folder.file("server");
  options.zone = "Nowhere/Land";
  CHECK_FALSE(server::ServerCore::init(options, "Pumps", "a@b.example", "a good password", environment));
  options.zone = "Europe/Berlin";
  CHECK(server::ServerCore::init(options, "Pumps", "a@b.example", "short", environment).error().code ==
        ErrorCode::invalid);
  CHECK(server::ServerCore::init(options, "Pumps", "a@b.example", "a good password", environment).has_value());
}

TEST_CASE("the recovery key lies outside the directory, and status says so until it is gone",
          "[server][admin][directory]") {
  House house;
  CHECK(server::ServerCore::write_recovery_sheet(house.options(), house.options().directory + "/sheet",
                                                 house.recovery_key)
            .error()
            .code == ErrorCode::invalid);
  const std::string path = must(server::ServerCore::write_recovery_sheet(house.options(), "", house.recovery_key));
  struct stat found {};
  REQUIRE(::stat(path.c_str(), &found) == 0);
  CHECK((found.st_mode & 0777) == 0600);
  CHECK(to_text(house.command(cmd("status"))["problems"]).find(path) != std::string::npos);
  std::filesystem::remove(path);
  CHECK(to_text(house.command(cmd("status"))["problems"]).find(path) == std::string::npos);
  CHECK(files_holding(house.options().directory, house.recovery_key.substr(0, 14)).empty());
}

}  // namespace tern::test
