// A server whose files or statements fail, each place once: what failed changed nothing or all, and works the next
// time.
#include <cerrno>
#include <filesystem>

#include "backed_up_house.hpp"
#include "support/each_fails.hpp"
#include "tern/server/admin.hpp"
#include "tern/sync/ticket_state.hpp"

namespace tern::test {
namespace {

bool was_done(const Result<Json>& result) {
  if (!result) CHECK_FALSE(result.error().message.empty());
  return result.has_value();
}

std::uint64_t commits(House& house) {
  return static_cast<std::uint64_t>(house.command(cmd("status"))["rows"].items()[0]["commit_seq"].as_integer());
}

/// Some work, held and handed in, a restore behind it.
struct FullHouse : BackedUpHouse {
  FullHouse() {
    house.command(cmd("record load", {{"rows", Json::array({record("queue", "Field"), record("category", "Leak"),
                                                            record("contact", "Caller 1"), record("tag", "pump")})}}));
    for (const char* subject : {"one", "two", "three"}) write(subject);
  }
};

}  // namespace

TEST_CASE("a server is made anew where making it failed", "[server][failing]") {
  TempDir folder;
  VirtualEnvironment environment(1);
  std::uint64_t tries = 0;
  const auto init = [&](const std::string& directory) {
    server::ServerOptions options;
    options.directory = directory;
    options.public_url = "https://desk.example";
    return server::ServerCore::init(options, "Pumps", "admin@pumps.example", "a good password", environment);
  };
  const auto makes = [&] {
    const std::string directory = folder.file("server-" + std::to_string(++tries));
    const auto made = init(directory);
    meet_calls(nullptr);
    meet_statements(nullptr);
    if (made) return true;
    CHECK_FALSE(made.error().message.empty());
    const auto again = init(directory);
    if (!again) {
      INFO(again.error().message << " / " << again.error().hint);
      CHECK(again.error().code != ErrorCode::internal);
      CHECK_FALSE(again.error().hint.empty());
    }
    return false;
  };
  CHECK(each_call_fails(EIO, makes, nothing, 11) > 20);
  CHECK(each_statement_fails(makes, nothing, 151) > 20);
}

TEST_CASE("a server opens the next time, whatever failed while it was opened", "[server][failing]") {
  FullHouse scene;
  House& house = scene.house;
  const auto opens = [&] {
    house.core.reset();
    auto opened = server::ServerCore::open(house.options(), house.environment);
    meet_calls(nullptr);
    meet_statements(nullptr);
    if (!opened) CHECK_FALSE(opened.error().message.empty());
    const bool done = opened.has_value();
    if (done) house.core = std::move(*opened);
    if (!done) house.reopen();
    return done;
  };
  const auto look = [&] {
    if (house.command(cmd("status"))["problems"].size() != 0) house.reopen();  // a tenant that did not open
    return commits(house);
  };
  CHECK(each_statement_fails(opens, look) > 20);
  CHECK(each_call_fails(EIO, opens, look) > 5);
  CHECK(house.command(cmd("verify"))["good"].as_bool());
}

TEST_CASE("what an administrator asks for is done or refused, whatever statement fails", "[server][admin][failing]") {
  FullHouse scene;
  House& house = scene.house;
  const auto look = [&] { return commits(house); };
  const auto swept = [&](const Json& command) {
    CAPTURE(to_text(command));
    const std::uint64_t places = each_statement_fails([&] { return was_done(house.try_command(command)); }, look);
    CHECK(places > 0);
  };
  for (const char* name : {"verify", "operator list", "device list", "held list", "quarantine list", "handed-back list",
                           "queue list", "category list", "recovery status", "sla list", "key list", "clock accept"}) {
    const auto known = server::admin_commands();
    if (std::ranges::none_of(known, [&](const server::AdminCommand& command) { return command.name == name; }))
      continue;
    swept(cmd(name));
  }
  std::uint64_t number = 0;
  const auto numbered = [&](const char* name, const auto& arguments_of) {
    CAPTURE(name);
    CHECK(each_statement_fails([&] { return was_done(house.try_command(arguments_of(std::to_string(++number)))); },
                               look) > 0);
  };
  numbered("operator add", [](const std::string& n) {
    return cmd("operator add",
               {{"email", Json("o" + n + "@x.example")}, {"role", Json("operator")}, {"name", Json(n)}});
  });
  // The same address each time: what was not added can be, with the same words.
  std::string email = "again@x.example";
  CHECK(each_statement_fails(
            [&] {
              const bool done =
                  was_done(house.try_command(cmd("operator add", {{"email", Json(email)},
                                                                  {"name", Json("Ann Lee")},
                                                                  {"role", Json("operator")},
                                                                  {"password", Json("a good password")}})));
              if (done) email = "a" + email;
              return done;
            },
            look) > 10);
  numbered("record load", [](const std::string& n) {
    return cmd("record load", {{"rows", Json::array({record("queue", ("q" + n).c_str())})}});
  });
  numbered("backup", [&](const std::string& n) {
    return cmd("backup", {{"to", Json(house.folder.file("backup-" + n))}});
  });
  numbered("export", [&](const std::string& n) {
    return cmd("export", {{"format", Json("ledger")}, {"to", Json(house.folder.file("export-" + n))}});
  });
  swept(cmd("export"));
  swept(cmd("export", {{"what", Json("history")}, {"format", Json("csv")}}));
  swept(cmd("export", {{"what", Json("records")}}));
  CHECK(house.command(cmd("verify"))["good"].as_bool());
}

TEST_CASE("a backup whose files fail leaves no half of it, and the next one is whole", "[server][backup][failing]") {
  FullHouse scene;
  House& house = scene.house;
  const int error = GENERATE(EIO, ENOSPC);
  std::uint64_t number = 0;
  std::uintmax_t whole = 0;
  const auto backs_up = [&] {
    const std::string to = house.folder.file("backup-of-" + std::to_string(++number));
    const auto made = house.try_command(cmd("backup", {{"to", Json(to)}}));
    meet_calls(nullptr);
    if (std::filesystem::exists(to)) whole = std::max(whole, std::filesystem::file_size(to));
    if (std::filesystem::exists(to)) CHECK(std::filesystem::file_size(to) == whole);
    CHECK_FALSE(std::filesystem::exists(to + ".new"));
    return was_done(made);
  };
  CHECK(each_call_fails(
            error, backs_up, [&] { return commits(house); }, 3) > 3);
}

TEST_CASE("a restore that failed anywhere is done again", "[server][restore][failing]") {
  FullHouse scene;
  House& house = scene.house;
  house.command(cmd("backup", {{"to", Json(scene.backup)}}));
  scene.write("after it");
  const auto again = [&] {
    house.environment.advance(1000);
    must(scene.restore(scene.backup));
  };
  const auto restores = [&] {
    house.environment.advance(1000);  // what is replaced is moved aside under the name of its time
    const auto done = scene.restore(scene.backup);
    meet_calls(nullptr);
    meet_statements(nullptr);
    if (!was_done(done)) again();
    house.reopen();
    CHECK(house.command(cmd("verify"))["good"].as_bool());
    return done.has_value();
  };
  CHECK(each_call_fails(EIO, restores, nothing, 11) > 10);
  CHECK(each_statement_fails(restores, nothing, 71) > 30);
}

TEST_CASE("an exchange that failed anywhere is answered the next time, and nothing is there twice",
          "[server][exchange][failing]") {
  FullHouse scene;
  House& house = scene.house;
  Device& device = *scene.device;
  std::uint64_t made = 0;
  const auto pushes = [&] {
    const TicketId ticket = random_id<TicketId>(house.environment);
    const Bytes set = device.seal({device.create(ticket, "number " + std::to_string(++made))});
    v1::ExchangeRequest request = device.request();
    request.add_change_sets(set);
    const auto answer = device.exchange_raw(request);
    meet_statements(nullptr);
    if (answer.status != 200) CHECK(answer.status >= 500);
    CHECK_FALSE(device.push(std::vector<Bytes>{set}).has_error());
    return answer.status == 200;
  };
  CHECK(each_statement_fails(pushes, nothing) > 20);
  device.cursor = 0;
  std::set<TicketId> tickets;
  for (const v1::Patch& patch : device.download())
    if (!patch.state().empty()) tickets.insert(must(sync::decode_state(patch.state())).id);
  CHECK(tickets.size() >= made);
  CHECK(house.command(cmd("verify"))["good"].as_bool());
}

}  // namespace tern::test
