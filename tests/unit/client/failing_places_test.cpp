// A device whose files or statements fail, each place once: nothing is half done, and what failed works the next time.
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "keys/secure_file.hpp"
#include "support/each_fails.hpp"
#include "support/fake_server.hpp"
#include "tern/client/client.hpp"
#include "tern/client/salvage.hpp"
#include "unit/client/client_desk.hpp"

using namespace tern;
using namespace tern::test;
using client::Client;

namespace {

template <typename T>
bool went_well(const Result<T>& result) {
  if (!result) CHECK_FALSE(result.error().message.empty());
  return result.has_value();
}

/// An enrolled device and its server.
struct FailingHome {
  FailingHome() : server(env) { REQUIRE(enrol(home)); }

  bool enrol(const std::string& at) {
    client::EnrolmentRequest request;
    request.home = at;
    request.server_url = "https://desk.example";
    request.code = server.new_code();
    request.device_name = "van";
    request.platform = "linux";
    return went_well(client::enrol(request, server, env, [](const client::EnrolmentOffer&) { return true; }));
  }
  client::ClientOptions options() const {
    client::ClientOptions out;
    out.home = home;
    return out;
  }
  std::unique_ptr<Client> open() { return must(Client::open(options(), env)); }
  void save(Client& device, const std::string& subject) {
    sync::Change change;
    change.intent = sync::Intent::create;
    change.fields = {{sync::FieldId::subject, {}, subject, false}};
    must(device.commands().save({change}));
  }
  std::size_t changes() { return must(open()->views().history(std::nullopt)).size(); }

  TempDir dir;
  std::string home = dir.file("home");
  VirtualEnvironment env;
  FakeServer server;
};

}  // namespace

TEST_CASE("a private file is the old one or the new one, whatever call fails", "[client][keys][failing]") {
  TempDir dir;
  const std::string folder = dir.file("one/two"), path = folder + "/secret";
  const int error = GENERATE(EIO, ENOSPC, EACCES, EINTR);
  CAPTURE(error);
  each_call_fails(
      error, [&] { return went_well(client::make_private_directory(folder)); }, nothing);
  must(client::make_private_directory(folder));
  ::chmod(folder.c_str(), 0755);
  each_call_fails(
      error, [&] { return went_well(client::make_private_directory(folder)); }, nothing);

  must(client::write_private_file(path, "old"));
  bool was_written = false;
  const auto written = each_call_fails(
      error,
      [&] {
        const auto done = client::write_private_file(path, "new");
        meet_calls(nullptr);
        if (!done && error == ENOSPC) CHECK(done.error().code == ErrorCode::storage_full);
        const Bytes now = must(client::read_private_file(path, 100));
        CHECK((now == "new" || (!done && now == "old")));
        was_written = was_written || now == "new";
        return went_well(done);
      },
      nothing);
  CHECK(was_written);
  CHECK((error == EINTR ? written == 1 : written > 4));
  ::chmod(path.c_str(), 0644);
  const auto read = each_call_fails(
      error,
      [&] {
        const auto content = client::read_private_file(path, 100);
        if (content) CHECK(*content == "new");
        return went_well(content);
      },
      nothing);
  CHECK((error == EINTR ? read == 1 : read > 2));
  CHECK(client::read_private_file(path, 2).error().code == ErrorCode::too_large);
  CHECK(client::read_private_file(folder, 2).error().code == ErrorCode::storage_failed);
  CHECK(client::make_private_directory(path).error().code == ErrorCode::storage_failed);
  each_call_fails(
      error, [&] { return went_well(client::is_there(path)); }, nothing);
  ::chmod(path.c_str(), 0644);
  each_call_fails(
      error, [&] { return went_well(client::close_to_others(path)); }, nothing);
  each_call_fails(
      error, [&] { return went_well(client::shred_file(path)); }, nothing);
  CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("an enrolment whose files fail is made again", "[client][enrolment][failing]") {
  FailingHome scene;
  const int error = GENERATE(EIO, ENOSPC);
  std::uint64_t tries = 0;
  const auto place = [&] { return scene.dir.file("new-" + std::to_string(++tries)); };
  const auto again = [&](const std::string& home, bool done) {
    if (!done) CHECK((scene.enrol(home) || std::filesystem::exists(home)));
    return done;
  };
  const auto enrols = [&] {
    const std::string home = place();
    return again(home, scene.enrol(home));
  };
  CHECK(each_call_fails(error, enrols, nothing) > 20);
  CHECK(each_statement_fails(enrols, nothing) > 10);
}

TEST_CASE("a home opens the next time, whatever failed while it was opened", "[client][home][failing]") {
  FailingHome scene;
  {
    const auto device = scene.open();
    scene.save(*device, "sent");
    REQUIRE(device->engine().run_round(scene.server));
    scene.save(*device, "waits");
  }
  const auto opens = [&] { return went_well(Client::open(scene.options(), scene.env)); };
  const auto kept = [&] { return scene.changes(); };
  CHECK(each_statement_fails(opens, kept) > 15);
  CHECK(each_call_fails(EIO, opens, kept) > 10);
  std::filesystem::remove(scene.home + "/replica.db");
  const auto makes_a_copy = [&] {
    std::filesystem::remove(scene.home + "/replica.db");
    return opens();
  };
  CHECK(each_statement_fails(makes_a_copy, kept) > 30);
  CHECK(scene.changes() == 2);
}

TEST_CASE("a salvage that fails anywhere is done again and loses nothing more", "[client][salvage][failing]") {
  if (!sqlite::encryption_available()) return;  // without page checksums not every damage shows
  FailingHome scene;
  {
    const auto device = scene.open();
    for (int i = 0; i < 12; ++i) scene.save(*device, "sent" + std::string(200, 'x'));
    REQUIRE(device->engine().run_round(scene.server));
    for (int i = 0; i < 12; ++i) scene.save(*device, "waits" + std::string(200, 'x'));
  }
  const std::string outbox = client::HomePaths(scene.home).outbox, whole = scene.dir.file("whole");
  std::filesystem::copy(scene.home, whole, std::filesystem::copy_options::recursive);
  const auto damage = [&] {
    std::filesystem::remove_all(scene.home);
    std::filesystem::copy(whole, scene.home, std::filesystem::copy_options::recursive);
    std::fstream file(outbox, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(9 * 4096);
    file << std::string(4096, '\0');
  };
  const auto salvages = [&] { return client::salvage(scene.options(), scene.env, [](const auto&) { return true; }); };
  damage();
  const auto report = must(salvages());
  REQUIRE(report.found == client::SalvageReport::Found::damaged);
  const std::size_t kept = scene.changes();
  const auto in_two_tries = [&] {
    damage();
    const bool done = went_well(salvages());
    meet_statements(nullptr);
    meet_calls(nullptr);
    if (!done) must(salvages());
    CHECK(scene.changes() == kept);
    return done;
  };
  CHECK(each_statement_fails(in_two_tries, nothing) > 30);
  CHECK(each_call_fails(EIO, in_two_tries, nothing) > 5);
}

TEST_CASE("what is shown is whole or an error, whatever statement fails", "[client][views][failing]") {
  ClientDesk desk;
  desk.add_operator("ann");
  desk.add_record(sync::RecordKind::queue, "Field");
  const TicketId ticket = desk.colleagues_ticket("ann", "pump", "it leaks");
  desk.colleagues_ticket("ann", "fan", "it hums");
  desk.pull();
  desk.refuse = [](const Change& change) -> std::optional<std::pair<sync::Outcome, sync::ReasonCode>> {
    if (change.intent != Intent::tag) return std::nullopt;
    return std::pair(sync::Outcome::rejected, sync::ReasonCode::not_permitted);
  };
  Change tag = desk.change(Intent::tag, ticket);
  tag.label = "wet";
  desk.save(tag);
  desk.save(desk.message(ticket, "on my way"));
  desk.sync();
  desk.save(desk.message(ticket, "almost there"));
  const auto shows = [&](const auto& view) {
    const std::uint64_t places = each_statement_fails([&] { return went_well(view()); }, nothing);
    CHECK(places > 0);
  };
  client::ListFilter filter;
  filter.queue = "Field";
  shows([&] { return desk.views->list({}); });
  shows([&] { return desk.views->list(filter); });
  shows([&] { return desk.views->ticket(ticket); });
  shows([&] { return desk.views->search("pump", 10, {}); });
  shows([&] { return desk.views->attention(); });
  shows([&] { return desk.views->history(std::nullopt); });
  shows([&] { return desk.views->history(ticket); });
  shows([&] { return desk.views->status(); });
  shows([&] { return desk.views->files(ticket); });
  shows([&] { return desk.views->quick_replies(); });
  shows([&] { return desk.views->saved_view("Overdue"); });
  shows([&] { return desk.views->macros(); });
  shows([&] { return desk.views->articles("pump"); });
}

TEST_CASE("work is saved as a whole or not at all, whatever statement fails", "[client][commands][failing]") {
  const auto saves = [](const auto& changes_of) {
    return each_statement_fails(
        [&] {
          StatementFault* const fault = meet_statements(nullptr);
          ClientDesk desk;
          const TicketId ticket = desk.colleagues_ticket("ann", "pump", "it leaks");
          desk.pull();
          const std::vector<Change> changes = changes_of(desk, ticket);
          meet_statements(fault);
          const bool done = went_well(desk.commands->save(changes));
          meet_statements(nullptr);
          const std::size_t saved = must(desk.outbox->own_changes(std::nullopt)).size();
          CHECK((saved == changes.size() || (!done && saved == 0)));
          CHECK(desk.show(ticket).row.subject == "pump");
          desk.reopen();
          CHECK(must(desk.outbox->own_changes(std::nullopt)).size() == saved);
          return done;
        },
        nothing);
  };
  CHECK(saves([](ClientDesk& desk, const TicketId& ticket) { return std::vector{desk.message(ticket, "one")}; }) > 5);
  CHECK(saves([](ClientDesk& desk, const TicketId&) {
          return std::vector{desk.create("new", "text"), desk.message({}, "its first")};
        }) > 5);
  CHECK(saves([](ClientDesk& desk, const TicketId& ticket) {
          return std::vector{desk.set(ticket, FieldId::priority, "3"), desk.change(Intent::start, ticket)};
        }) > 5);
}

TEST_CASE("what waits is sealed, and a page is taken in, once, whatever statement fails",
          "[client][replica][failing]") {
  ClientDesk desk;
  const TicketId ticket = desk.colleagues_ticket("ann", "pump", "it leaks");
  desk.pull();
  const auto saved = [&] { return must(desk.outbox->own_changes(std::nullopt)).size(); };
  for (int i = 0; i < 3; ++i) desk.save(desk.message(ticket, "one"));
  const client::SealContext context = desk.seal_context();
  CHECK(each_statement_fails([&] { return went_well(desk.outbox->seal(desk.key, context, desk.env)); }, saved) > 3);
  desk.push();
  const auto pull = [&] {
    const auto applier = desk.replica->begin_page(desk.page(), *desk.outbox);
    for (;;) {
      const auto more = applier->apply(3);
      if (!more || !*more) return went_well(more);
    }
  };
  const auto pulls = [&] {
    const bool done = pull();
    meet_statements(nullptr);
    if (!done && !pull()) CHECK(pull());  // what was lost of an earlier page is told with the next, once
    return done;
  };
  CHECK(each_statement_fails(pulls, nothing) > 10);
  desk.reopen();
  CHECK(desk.show(ticket).row.subject == "pump");
  const auto mine = must(desk.outbox->own_changes(std::nullopt)).front().change.ref;
  CHECK(each_statement_fails([&] { return went_well(desk.commands->dismiss(mine)); }, nothing) > 0);
}
