#include "support/catch.hpp"
//
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "backed_up_house.hpp"
#include "support/persist.hpp"
#include "support/rounds.hpp"
#include "tern/protocol/statements.hpp"
#include "tern/sqlite/database.hpp"
#include "tern/sync/ticket_state.hpp"

namespace tern::test {
TEST_CASE("a backup is one encrypted file, and moves what counts as stable only once it was checked",
          "[server][backup]") {
  BackedUpHouse scene;
  scene.write("canary words");
  const Json before = scene.house.command(cmd("status"));
  CHECK(before["rows"].items()[0]["backed_up_to"].as_integer() == 0);
  REQUIRE_FALSE(scene.house.try_command(cmd("backup", {{"to", Json("/dev/null/nowhere")}})));
  CHECK(scene.house.command(cmd("status"))["rows"].items()[0]["backed_up_to"].as_integer() == 0);
  const Json made = scene.house.command(cmd("backup", {{"to", Json(scene.backup)}}));
  CHECK(made["rows"].size() == 1);
  const Json after = scene.house.command(cmd("status"));
  CHECK(after["rows"].items()[0]["backed_up_to"] == after["rows"].items()[0]["commit_seq"]);
  CHECK(content_of(scene.backup).find("canary words") == std::string::npos);
  CHECK(std::filesystem::status(scene.backup).permissions() ==
        (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
  CHECK_FALSE(std::filesystem::exists(scene.house.options().directory + "/backup.staging"));
  scene.house.environment.advance(2'000);  // anchors are shared for a second
  const auto anchor = scene.device->exchange().anchor();
  const auto* log_key = scene.device->key_list.current(protocol::ServerKeyPurpose::log);
  CHECK(must(protocol::open_statement<protocol::Anchor>(anchor, log_key->public_key)).value.backup_stable_seq > 0);
}

TEST_CASE("a restore brings everything back under a new epoch, and devices of the old one are told",
          "[server][backup][restore]") {
  const NothingFails once;
  BackedUpHouse scene;
  const TicketId kept = scene.write("kept");
  scene.device->exchange();
  const auto head_in_backup = scene.device->server_head;
  scene.house.command(cmd("backup", {{"to", Json(scene.backup)}}));
  scene.write("lost with the disk");
  scene.device->exchange();
  const EpochId old_epoch = scene.device->cursor_epoch;

  const Json restored = must(scene.restore(scene.backup));
  REQUIRE(restored["rows"].size() == 1);
  CHECK(restored["moved_aside"].is_string());
  CHECK(std::filesystem::exists(restored["moved_aside"].as_string() + "/server.db"));
  scene.house.reopen();
  CHECK(scene.house.command(cmd("status"))["rows"].items()[0]["tickets"].as_integer() == 1);
  CHECK(scene.house.command(cmd("verify"))["good"].as_bool());
  scene.house.add_operator("bob");  // the new history goes on before the device comes

  // The device shows its newest head: the welcome brings the record that the root signed, and no proof for what was
  // lost.
  const auto ahead = must(scene.device->open_session());
  const auto root = must(protocol::RecoveryKey::from_text(scene.house.recovery_key)).root();
  const auto record = must(protocol::open_statement<protocol::EpochRecord>(ahead.epoch_record, root.public_key()));
  CHECK(record.value.old_epoch == old_epoch);
  CHECK(record.value.kept_root == head_in_backup.root);
  // It shows the newest head that was kept: the proof leads from there.
  scene.device->server_head = head_in_backup;
  const auto kept_head = must(scene.device->open_session());
  CHECK(protocol::judge_epoch_record(record.value, scene.device->certificate.tenant, old_epoch, {head_in_backup},
                                     kept_head.consistency));

  const auto refused = scene.device->exchange();
  CHECK(refused.error().code() == "EPOCH_CHANGED");
  CHECK(refused.error().statement() == record.wire);
  scene.device->cursor_epoch = record.value.new_epoch;
  scene.device->cursor = 0;
  scene.device->head = {1, 1, kept_head.chain.hash};  // what the server kept of its chain
  const auto patches = scene.device->download();
  REQUIRE(patches.size() == 1);
  CHECK(must(sync::decode_state(patches[0].state())).id == kept);

  const TicketId next = scene.write("after");
  static_cast<void>(next);
  const Json lines = scene.house.command(cmd("export"));
  CHECK(lines["rows"].items()[1]["number"].as_string() == "T-2023-10002");  // a whole block further on
}

TEST_CASE("a code that was used after the backup opens nothing after the restore", "[server][backup][restore]") {
  BackedUpHouse scene;
  const std::string code = scene.house.code_for("ann");
  scene.house.command(cmd("backup", {{"to", Json(scene.backup)}}));
  const auto key = protocol::SigningKey::generate(scene.house.environment);
  const Bytes recorded = Device::enrolment_request(scene.house, code, key);
  REQUIRE(scene.house.post("/sync/v1/enrol", recorded).status == 200);
  must(scene.restore(scene.backup));
  scene.house.reopen();
  CHECK(problem_code(scene.house.post("/sync/v1/enrol", recorded)) == "login_refused");  // scenario 7
}

TEST_CASE("revocations and erasures come back before anything else", "[server][backup][restore]") {
  BackedUpHouse scene;
  const TicketId ticket = scene.write("secret canary subject");
  Device thief(scene.house, "ann");
  scene.house.command(cmd("backup", {{"to", Json(scene.backup)}}));
  scene.house.command(cmd("device revoke", {{"device", Json(to_uuid_text(thief.certificate.device.view()))}}));
  scene.house.command(cmd("erase", {{"ticket", Json(to_uuid_text(ticket.view()))}}));
  CHECK(to_text(scene.house.command(cmd("export"))).find("secret canary") == std::string::npos);

  const Json restored = must(scene.restore(scene.backup));
  CHECK(restored["revoked_again"].as_integer() == 1);
  CHECK(restored["erased_again"].as_integer() == 1);
  scene.house.reopen();
  CHECK(to_text(scene.house.command(cmd("export"))).find("secret canary") == std::string::npos);
  must(thief.open_session());
  CHECK(thief.mode == protocol::SessionMode::deposit);
  scene.house.core.reset();  // scenario 6: no file of the server holds it, WAL included
  for (const auto& file : std::filesystem::recursive_directory_iterator(scene.house.options().directory))
    if (file.is_regular_file()) {
      INFO(file.path());
      CHECK(content_of(file.path()).find("secret canary") == std::string::npos);
    }
}

TEST_CASE("a key that was frozen after the backup is frozen after the restore", "[server][backup][restore]") {
  BackedUpHouse scene;
  scene.house.command(cmd("backup", {{"to", Json(scene.backup)}}));
  scene.house.core.reset();
  const auto& own = scene.device->certificate;
  {
    std::ofstream log(scene.house.folder.file("noted"), std::ios::binary);
    log << "freeze " << to_hex(own.tenant) << " " << to_hex(own.device) << "\n";
  }
  std::filesystem::permissions(scene.house.folder.file("noted"), std::filesystem::perms::owner_read);
  const Json restored = must(
      scene.restore(scene.backup, {{"replace", Json(true)}, {"erasures", Json(scene.house.folder.file("noted"))}}));
  CHECK(restored["revoked_again"].as_integer() == 1);
  scene.house.reopen();
  const Json row = scene.house.command(cmd("device list"))["rows"].items()[0];
  CHECK(row["state"].as_string() == "frozen");
}

TEST_CASE("a backup that is damaged, cut or of another key restores nothing", "[server][backup][restore]") {
  BackedUpHouse scene;
  scene.write("kept");
  scene.house.command(cmd("backup", {{"to", Json(scene.backup)}}));
  const std::string whole = content_of(scene.backup);
  const auto untouched = [&] {
    scene.house.reopen();
    return scene.house.command(cmd("status"))["rows"].items()[0]["tickets"].as_integer() == 1;
  };
  SECTION("one byte") {
    for (const std::size_t at : {std::size_t{3}, std::size_t{60}, whole.size() / 2, whole.size() - 1}) {
      std::string bad = whole;
      bad[at] = static_cast<char>(bad[at] ^ 1);
      std::ofstream(scene.house.folder.file("bad"), std::ios::binary) << bad;
      CHECK_FALSE(scene.restore(scene.house.folder.file("bad")));
    }
    CHECK(untouched());
  }
  SECTION("cut") {
    std::ofstream(scene.house.folder.file("bad"), std::ios::binary) << whole.substr(0, whole.size() - 70'000);
    CHECK_FALSE(scene.restore(scene.house.folder.file("bad")));
    CHECK(untouched());
  }
  SECTION("another recovery key") {
    scene.house.recovery_key = protocol::RecoveryKey::generate(scene.house.environment).to_text();
    CHECK(scene.restore(scene.backup).error().code == ErrorCode::verification_failed);
    CHECK(untouched());
  }
  SECTION("no regular file") {
    const std::string pipe = scene.house.folder.file("pipe");
    REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    for (const std::string& from : {pipe, std::string("/dev/zero"), scene.house.folder.path()}) {
      const auto refused = scene.restore(from);  // nobody is waited for
      REQUIRE_FALSE(refused);
      CHECK(refused.error().code == ErrorCode::invalid);
      CHECK(refused.error().message.find("regular file") != std::string::npos);
    }
    CHECK(untouched());
  }
  SECTION("no recovery key at all") {
    scene.house.recovery_key = "not a key";
    CHECK(scene.restore(scene.backup).error().code == ErrorCode::invalid);
  }
  SECTION("over a server, without --replace") {
    CHECK(scene.restore(scene.backup, {}).error().code == ErrorCode::invalid);
    CHECK(untouched());
  }
  CHECK_FALSE(std::filesystem::exists(scene.house.options().directory + ".restoring"));
}

TEST_CASE("what a killed backup left is gone when the server opens, and when something is erased",
          "[server][backup][erase]") {
  BackedUpHouse scene;
  const std::string staging = scene.house.options().directory + "/backup.staging";
  const auto leave = [&] {
    std::filesystem::create_directories(staging + "/tenants/0f");
    std::ofstream(staging + "/tenants/0f/pages.db-wal") << "canary words";
  };
  const TicketId ticket = scene.write("canary words");
  leave();
  scene.house.command(cmd("erase", {{"ticket", Json(to_uuid_text(ticket.view()))}}));
  CHECK_FALSE(std::filesystem::exists(staging));
  leave();
  scene.house.reopen();
  CHECK_FALSE(std::filesystem::exists(staging));
}

TEST_CASE("a backup, an export or a restore that is stopped leaves nothing behind", "[server][backup][restore]") {
  BackedUpHouse scene;
  scene.write("canary words");
  scene.house.command(cmd("backup", {{"to", Json(scene.backup)}}));
  const std::string made = scene.house.folder.file("made");
  const auto entries = [&] {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(scene.house.folder.path()))
      names.push_back(entry.path().filename());
    for (const auto& entry : std::filesystem::directory_iterator(scene.house.options().directory))
      if (!entry.path().filename().string().starts_with("server.db")) names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    return names;
  };
  scene.house.core.reset();
  auto options = scene.house.options();
  int questions = 0, stop_at = 0;
  options.interrupted = [&] { return stop_at != 0 && ++questions >= stop_at; };
  const auto before = entries();
  scene.house.core = must(server::ServerCore::open(options, scene.house.environment));
  for (const Json& command :
       {cmd("backup", {{"to", Json(made)}}), cmd("export", {{"to", Json(made)}, {"format", Json("ledger")}})}) {
    INFO(to_text(command));
    for (stop_at = 1; stop_at < 500; ++stop_at) {  // wherever it is stopped
      questions = 0;
      const auto answer = scene.house.try_command(command);
      if (answer) break;
      CHECK(answer.error().message.starts_with("Interrupted"));
      CHECK_FALSE(std::filesystem::exists(made));
      CHECK_FALSE(std::filesystem::exists(made + ".new"));
      CHECK_FALSE(std::filesystem::exists(options.directory + "/backup.staging"));
    }
    CHECK(stop_at > 1);
    CHECK(std::filesystem::remove(made));
  }
  scene.house.core.reset();
  CHECK(entries() == before);
  const Json command =
      cmd("restore",
          {{"from", Json(scene.backup)}, {"recovery-key", Json(scene.house.recovery_key)}, {"replace", Json(true)}});
  for (stop_at = 1; stop_at < 500; ++stop_at) {
    questions = 0;
    if (server::ServerCore::administer_offline(options, command, scene.house.environment)) break;
    CHECK(entries() == before);
  }
  CHECK(stop_at > 1);
  scene.house.reopen();
  CHECK(scene.house.command(cmd("verify"))["good"].as_bool());
}

TEST_CASE("what takes long ends when whoever asked for it has gone, and nothing is half-made", "[server][backup]") {
  BackedUpHouse scene;
  scene.write("canary words");
  const std::string made = scene.house.folder.file("made");
  const Json log = Json(std::string(TERN_TEST_DATA_DIR) + "/incidents-sample.csv");
  for (const Json& command :
       {cmd("backup", {{"to", Json(made)}}), cmd("export"), cmd("verify"),
        cmd("export", {{"to", Json(made)}, {"format", Json("ledger")}}), cmd("import incidents", {{"file", log}})}) {
    INFO(to_text(command));
    int stopped = 0;
    for (int stop_at = 1; stop_at < 1'000; stop_at += instrumented ? 4 : 1) {
      int questions = 0;
      const auto answer = scene.house.core->administer(command, [&] { return ++questions >= stop_at; });
      if (answer) break;
      ++stopped;
      CHECK(answer.error().code == ErrorCode::busy);
      CHECK(answer.error().message.starts_with("Interrupted"));
      CHECK_FALSE(std::filesystem::exists(made));
      CHECK_FALSE(std::filesystem::exists(scene.house.options().directory + "/backup.staging"));
    }
    CHECK(stopped > 0);
    std::filesystem::remove(made);
  }
  // An import that was stopped goes on where it was: every incident is there once.
  CHECK(scene.house.command(cmd("import incidents", {{"file", log}}))["skipped"].as_integer() == 60);
  const Json verified = scene.house.command(cmd("verify"));
  CHECK(verified["good"].as_bool());
  CHECK(verified["tickets"].as_integer() == 61);
}

TEST_CASE("a tenant that is made during a backup is in it whole, or not at all", "[server][backup][restore]") {
  for (int at = 1; at <= 4; ++at) {
    BackedUpHouse scene;
    int questions = 0;
    must(scene.house.core->administer(cmd("backup", {{"to", Json(scene.backup)}}), [&] {
      if (++questions == at) scene.house.command(cmd("tenant add", {{"name", Json("Meanwhile")}}));
      return false;
    }));
    REQUIRE(scene.restore(scene.backup));
    scene.house.reopen();
    const Json status = scene.house.command(cmd("status"));
    for (const Json& problem : status["problems"].items())
      CHECK(problem.as_string().find("belongs to no tenant") == std::string::npos);
    for (const Json& tenant : status["rows"].items())
      CHECK(scene.house.command(cmd("verify", {{"tenant", tenant["name"]}}))["good"].as_bool());
  }
}

TEST_CASE("a running server is not restored over", "[server][backup][restore]") {
  BackedUpHouse scene;
  scene.house.command(cmd("backup", {{"to", Json(scene.backup)}}));
  const auto answer = server::ServerCore::administer_offline(
      scene.house.options(),
      cmd("restore",
          {{"from", Json(scene.backup)}, {"recovery-key", Json(scene.house.recovery_key)}, {"replace", Json(true)}}),
      scene.house.environment);
  CHECK(answer.error().code == ErrorCode::busy);
}

TEST_CASE("what is erased is gone from export, exchange and every file", "[server][erase]") {
  BackedUpHouse scene;
  const TicketId ticket = scene.write("plain subject");
  auto note = scene.device->change(sync::Intent::message, ticket);
  note.text = "the canary sings here";
  note.visibility = sync::Visibility::team;
  scene.device->push(note);
  const Json erased = scene.house.command(cmd(
      "erase", {{"change", Json::array({Json(to_uuid_text(note.ref.device.view()) + ":" + to_hex(note.ref.id))})}}));
  CHECK(erased["erased"].as_integer() == 1);
  const std::string lines = to_text(scene.house.command(cmd("export")));
  CHECK(lines.find("canary sings") == std::string::npos);
  CHECK(lines.find("plain subject") != std::string::npos);
  scene.device->cursor = 0;
  CHECK(scene.device->exchange().SerializeAsString().find("canary sings") == std::string::npos);
  CHECK(scene.house.command(cmd("verify"))["good"].as_bool());
  scene.house.core.reset();
  for (const auto& file : std::filesystem::recursive_directory_iterator(scene.house.options().directory))
    if (file.is_regular_file()) CHECK(content_of(file.path()).find("canary sings") == std::string::npos);
  scene.house.core = must(server::ServerCore::open(scene.house.options(), scene.house.environment));
  CHECK(scene.house.try_command(cmd("erase", {{"ticket", Json("T-1999-0001")}})).error().code == ErrorCode::not_found);
  CHECK(scene.house.try_command(cmd("erase", {{"change", Json::array({Json("nonsense")})}})).error().code ==
        ErrorCode::invalid);
  CHECK(scene.house.try_command(cmd("erase")).error().code == ErrorCode::usage);
}

TEST_CASE("an encrypted server shows nothing on its disk, and its backup restores to an encrypted server",
          "[server][backup][encryption]") {
  TempDir folder;
  VirtualEnvironment environment;
  server::ServerOptions options;
  options.directory = folder.file("server");
  options.encrypt = true;
  if (!sqlite::encryption_available()) {
    CHECK(server::ServerCore::init(options, "Canary Ltd", "a@b.example", "a good password", environment).error().code ==
          ErrorCode::invalid);
    return;
  }
  const std::string key =
      must(server::ServerCore::init(options, "Canary Ltd", "a@b.example", "a good password", environment)).recovery_key;
  options.encrypt = false;  // what is encrypted says so itself
  const auto words_on_disk = [&] {
    std::size_t found = 0;
    for (const auto& file : std::filesystem::recursive_directory_iterator(options.directory))
      if (file.is_regular_file() && content_of(file.path()).find("Canary") != std::string::npos) ++found;
    return found;
  };
  const std::string backup = folder.file("backup-1");
  {
    const auto core = must(server::ServerCore::open(options, environment));
    must(core->administer(cmd("queue add", {{"name", Json("Canary crew")}})));
    CHECK(must(core->administer(cmd("status")))["encrypted"].as_bool());
    CHECK(words_on_disk() == 0);
    must(core->administer(cmd("backup", {{"to", Json(backup)}})));
  }
  CHECK(words_on_disk() == 0);
  must(server::ServerCore::administer_offline(
      options, cmd("restore", {{"from", Json(backup)}, {"recovery-key", Json(key)}, {"replace", Json(true)}}),
      environment));
  const auto core = must(server::ServerCore::open(options, environment));
  CHECK(must(core->administer(cmd("queue list")))["rows"].items()[0]["name"].as_string() == "Canary crew");
  CHECK(must(core->administer(cmd("status")))["encrypted"].as_bool());
  CHECK(must(core->administer(cmd("verify")))["good"].as_bool());
  CHECK(words_on_disk() == 0);
}

TEST_CASE("a backup and an export write over nothing that they were not told to", "[server][backup][export]") {
  BackedUpHouse scene;
  scene.write("kept");
  const std::string there = scene.house.folder.file("there"), link = scene.house.folder.file("link"),
                    pipe = scene.house.folder.file("pipe");
  std::ofstream(there) << "older";
  std::filesystem::create_symlink(there, link);
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  const auto code = [&](const char* name, const std::string& to, bool replace) {
    Json command = cmd(name, {{"to", Json(to)}});
    if (replace) command.set("replace", Json(true));
    if (name == std::string("export")) command.set("format", Json("ledger"));
    const auto answer = scene.house.try_command(command);
    return answer ? std::optional<ErrorCode>() : answer.error().code;
  };
  for (const char* name : {"backup", "export"}) {
    INFO(name);
    std::ofstream(there) << "older";
    CHECK(code(name, there, false) == ErrorCode::invalid);
    CHECK(code(name, link, true) == ErrorCode::invalid);
    CHECK(code(name, pipe, true) == ErrorCode::invalid);
    CHECK(content_of(there) == "older");
    CHECK(std::filesystem::is_fifo(pipe));
    CHECK_FALSE(code(name, there, true));
    CHECK(content_of(there) != "older");
  }
}

}  // namespace tern::test
