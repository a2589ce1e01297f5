// The log of endings: revocations and erasures, which a restore does not take back.
#include "support/catch.hpp"
#include "support/persist.hpp"
//
#include <algorithm>

#include "backed_up_house.hpp"

namespace tern::test {

TEST_CASE("what the log of endings lacks is added when the server opens", "[server][backup][restore]") {
  BackedUpHouse scene;
  const TicketId ticket = scene.write("a subject");
  Device thief(scene.house, "ann"), twin(scene.house, "ann");
  must(twin.open_session());
  for (int fork = 0; fork < 2; ++fork) {  // the second one freezes the key
    auto request = twin.request();
    const auto header = twin.next_header();
    request.add_change_sets(twin.seal_as(header, {twin.create(random_id<TicketId>(scene.house.environment))}));
    twin.exchange(request);
    request = twin.request();
    request.add_change_sets(twin.seal_as(header, {twin.create(random_id<TicketId>(scene.house.environment))}));
    const auto answer = twin.exchange(request);
    for (const Bytes& statement : answer.statements())
      if (statement.starts_with("TRN1-EC")) twin.certificate_wire = statement;
    twin.head = {2, 0, protocol::genesis_prev_hash(twin.certificate_wire)};
  }
  scene.house.command(cmd("device revoke", {{"device", Json(to_uuid_text(thief.certificate.device.view()))}}));
  scene.house.command(cmd("erase", {{"ticket", Json(to_uuid_text(ticket.view()))}}));

  // A crash between the commit and the line that is written of it; what the server ends by itself has none at all.
  const std::string log = scene.house.options().directory + "/erasures.log";
  const std::string before = content_of(log);
  scene.house.core.reset();
  std::filesystem::remove(log);
  scene.house.reopen();
  const std::string after = content_of(log);
  CHECK(after.find("revoke ") != std::string::npos);
  CHECK(after.find(to_hex(thief.certificate.device)) != std::string::npos);
  CHECK(after.find("freeze ") != std::string::npos);
  CHECK(after.find(to_hex(twin.certificate.device)) != std::string::npos);
  CHECK(after.find("erase ") != std::string::npos);
  CHECK(before.find("freeze ") == std::string::npos);
  scene.house.reopen();
  CHECK(content_of(log) == after);  // once
}

TEST_CASE("an epoch that the log of endings lacks is noted when the server opens", "[server][backup][restore]") {
  BackedUpHouse scene;
  scene.house.command(cmd("backup", {{"to", Json(scene.backup)}}));
  const std::string log = scene.house.options().directory + "/erasures.log";
  scene.house.reopen();
  CHECK(content_of(log).find("epoch ") == std::string::npos);  // no restore began it
  const Json restored = must(scene.restore(scene.backup))["rows"].items()[0];
  const std::string noted = content_of(log);
  CHECK(noted.find(" " + restored["new_epoch"].as_string() + " ") != std::string::npos);
  std::filesystem::remove(log);
  scene.house.reopen();
  CHECK(content_of(log) == noted);
  scene.house.reopen();
  CHECK(content_of(log) == noted);  // once
}

TEST_CASE("a damaged line of the log of endings refuses a restore, until it is told to go on without it",
          "[server][backup][restore]") {
  const NothingFails once;
  BackedUpHouse scene;
  Device thief(scene.house, "ann");
  scene.house.command(cmd("backup", {{"to", Json(scene.backup)}}));
  scene.house.command(cmd("device revoke", {{"device", Json(to_uuid_text(thief.certificate.device.view()))}}));
  const std::string log = scene.house.options().directory + "/erasures.log";
  scene.house.core.reset();
  std::string text = content_of(log);
  SECTION("one digit of an id is another") {
    text[text.find("revoke ") + 50] ^= 1;
  }
  SECTION("no line at all") {
    text = "revoke " + to_hex(thief.certificate.tenant) + " 3f2a\n";
  }
  std::ofstream(log, std::ios::binary) << text;
  const auto refused = scene.restore(scene.backup);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::corrupt);
  CHECK(refused.error().message.find("erasures.log line 1") != std::string::npos);
  CHECK(content_of(log) == text);
  const Json went_on = must(scene.restore(scene.backup, {{"replace", Json(true)}, {"skip-damaged-lines", Json(true)}}));
  CHECK(went_on["skipped_lines"].size() == 1);
  CHECK(went_on["revoked_again"].as_integer() == 0);
}

TEST_CASE("a line that was cut short does not take the next one with it", "[server][backup][restore]") {
  BackedUpHouse scene;
  Device thief(scene.house, "ann");
  const std::string log = scene.house.options().directory + "/erasures.log";
  std::ofstream(log, std::ios::binary) << "revoke 12ab";
  scene.house.command(cmd("device revoke", {{"device", Json(to_uuid_text(thief.certificate.device.view()))}}));
  CHECK(content_of(log).starts_with("revoke 12ab\nrevoke " + to_hex(thief.certificate.tenant)));
}

TEST_CASE("a line that a power cut left unfinished is finished when the server starts", "[server][backup][restore]") {
  BackedUpHouse scene;
  Device thief(scene.house, "ann");
  const TicketId ticket = scene.write("to be erased");
  scene.house.command(cmd("backup", {{"to", Json(scene.backup)}}));
  scene.house.command(cmd("device revoke", {{"device", Json(to_uuid_text(thief.certificate.device.view()))}}));
  scene.house.command(cmd("erase", {{"ticket", Json(to_uuid_text(ticket.view()))}}));
  const std::string log = scene.house.options().directory + "/erasures.log";
  const std::string whole = content_of(log);
  REQUIRE(whole.find("\nerase ") != std::string::npos);
  const auto lines = [](const std::string& text) { return std::count(text.begin(), text.end(), '\n'); };
  const auto findings = [&] { return must(scene.house.core->administer(cmd("verify")))["findings"].size(); };
  const auto problems = [&] {
    const Json status = must(scene.house.core->administer(cmd("status")));
    std::string all;
    for (const Json& problem : status["problems"].items()) all += problem.as_string() + "\n";
    return all;
  };

  SECTION("wherever it was cut") {
    const std::size_t last = whole.rfind("erase ");
    for (const std::size_t cut : {last + 1, last + 6, last + 20, last + 39, last + 60, last + 85, whole.size() - 9,
                                  whole.size() - 3, whole.size() - 1}) {
      scene.house.core.reset();
      std::ofstream(log, std::ios::binary) << whole.substr(0, cut);
      scene.house.reopen();
      CAPTURE(cut - last);
      const std::string mended = content_of(log);
      CHECK(mended + (mended.ends_with('\n') ? "" : "\n") == whole);
    }
    CHECK(findings() == 0);
  }
  SECTION("and another one was written behind it") {
    scene.house.core.reset();
    std::ofstream(log, std::ios::binary) << whole.substr(0, 60) << "\n" << whole;
    scene.house.reopen();
    CHECK(findings() == 0);
    must(scene.restore(scene.backup));
  }
  SECTION("of a device that was not revoked in the end") {
    scene.house.core.reset();
    std::ofstream(log, std::ios::binary) << whole << "revoke " + to_hex(thief.certificate.tenant) + " 00ff";
    scene.house.reopen();
    CHECK(content_of(log) == whole);
  }
  SECTION("what is damaged otherwise stays, and is named") {
    const std::string odd = "revoke " + to_hex(thief.certificate.tenant) + " 00ff";
    const std::string damaged = GENERATE_COPY(whole + odd + "\n", whole + "words of somebody", odd + "\n" + whole);
    scene.house.core.reset();
    std::ofstream(log, std::ios::binary) << damaged;
    scene.house.reopen();
    CHECK(content_of(log) == damaged);
    CHECK(lines(content_of(log)) >= lines(whole));
    CHECK(findings() == 1);
    CHECK(problems().find(log + " line ") != std::string::npos);
    CHECK_FALSE(scene.restore(scene.backup));
  }
}

TEST_CASE("a backup leaves what other servers wrote into the log beside it", "[server][backup][restore]") {
  BackedUpHouse scene;
  Device thief(scene.house, "ann");
  scene.house.command(cmd("device revoke", {{"device", Json(to_uuid_text(thief.certificate.device.view()))}}));
  const std::string other = "revoke " + std::string(32, 'a') + " " + std::string(32, 'b');
  const std::string beside = scene.house.folder.file("erasures.log");
  std::ofstream(beside, std::ios::binary) << other << "\nwords of somebody\n";
  scene.house.command(cmd("backup", {{"to", Json(scene.backup)}}));
  const std::string both = content_of(beside);
  CHECK(both.find(other + " #") != std::string::npos);
  CHECK(both.find("words of somebody\n") != std::string::npos);
  CHECK(both.find(to_hex(thief.certificate.device)) != std::string::npos);
  scene.house.command(cmd("backup", {{"to", Json(scene.house.folder.file("backup-2"))}}));
  CHECK(content_of(beside) == both);  // each once
}

}  // namespace tern::test
