// The same desk over TLS, and every way in which it must not be talked to without.
#include <filesystem>

#include "support/authority.hpp"
#include "support/catch.hpp"
#include "support/process_desk.hpp"

namespace tern::test {
namespace {

Ended enrol(const DeviceProcess& device, const ServerProcess& server, const std::string& code, const Words& more) {
  Words words = {"enrol", "--server", server.url(), "--code", code, "--yes"};
  words.insert(words.end(), more.begin(), more.end());
  return device.tern(words);
}

}  // namespace

TEST_CASE("over TLS a device enrols, syncs and watches with the authority that it was given", "[tls]") {
  const TempDir folder;
  const Authority ours(folder, "ours", "IP:127.0.0.1"), theirs(folder, "theirs", "IP:127.0.0.1");
  ServerProcess server(folder.file("server"));
  server.scheme = "https";
  server.start({"--tls-cert", ours.certificate, "--tls-key", ours.key});
  const DeviceProcess ann(server, folder.file("ann"), "Ann", "operator", "own", {"--ca", ours.ca});
  std::filesystem::remove(ours.ca);  // the home has its own copy
  static_cast<void>(ann.open_ticket("Pump leaks"));
  CHECK(ann({"sync"}).line()["changes_sent"].as_integer() == 2);
  Child watching(ann.command({"sync", "--watch"}));
  CHECK(watching.says("\"exchanges\""));
  CHECK(until([&] { return server.child().err().find("\"status\":101") != std::string::npos; }));
  CHECK(watching.running());
  watching.signal(15);
  CHECK(watching.wait().exit_code == 0);

  // Somebody else's authority, in the same place.
  server.stop();
  server.start({"--tls-cert", theirs.certificate, "--tls-key", theirs.key});
  ann({"note", ann.number_of("Pump leaks"), "not for them"});
  const Ended refused = ann.tern({"sync"});
  INFO(refused.err);
  CHECK(refused.exit_code == 5);
  CHECK(refused.error()["message"].as_string().find("certificate") != std::string::npos);
  CHECK(ann({"status"}).line()["confirmed"].as_integer() == 2);
  CHECK(server.child().err().find("/sync/v1/") == std::string::npos);
}

TEST_CASE("a device goes on when the server's certificate is replaced, and keeps what only its server came under",
          "[tls]") {
  const TempDir folder;
  const Authority first(folder, "first", "IP:127.0.0.1"), second(folder, "second", "IP:127.0.0.1"),
      third(folder, "third", "IP:127.0.0.1");
  ServerProcess server(folder.file("server")), other(folder.file("other"), "Elsewhere");
  server.scheme = other.scheme = "https";
  server.start({"--tls-cert", first.certificate, "--tls-key", first.key});
  const DeviceProcess ann(server, folder.file("ann"), "Ann", "operator", "own", {"--ca", first.ca});
  static_cast<void>(ann.open_ticket("Pump leaks"));
  server.stop();

  server.start({"--tls-cert", second.certificate, "--tls-key", second.key});
  const Ended stranded = ann.tern({"sync"});
  CHECK(stranded.exit_code == 5);
  CHECK(holds(stranded.error()["hint"].as_string(), "tern sync --ca FILE"));
  CHECK(ann.tern({"sync", "--ca", folder.file("missing.pem")}).exit_code == 2);
  CHECK(ann.tern({"sync", "--ca", second.key}).exit_code == 2);
  CHECK(ann.tern({"sync", "--ca", third.ca}).exit_code == 5);
  CHECK(ann.tern({"sync"}).exit_code == 5);  // nothing of it was kept
  CHECK(ann({"sync", "--ca", second.ca}).line()["changes_sent"].as_integer() == 2);
  std::filesystem::remove(second.ca);
  CHECK(ann.tern({"sync"}).exit_code == 0);

  // Another server in its place, under a certificate that is given: its keys are others, and so it is not believed.
  server.stop();
  other.port = server.port;
  other.start({"--tls-cert", third.certificate, "--tls-key", third.key});
  CHECK(ann.tern({"sync", "--ca", third.ca}).exit_code != 0);
  other.stop();
  server.start({"--tls-cert", second.certificate, "--tls-key", second.key});
  CHECK(ann.tern({"sync"}).exit_code == 0);

  std::filesystem::remove(ann.home() + "/ca.pem");
  const Ended lost = ann.tern({"sync"});
  CHECK(lost.exit_code == 5);
  CHECK(holds(lost.error()["hint"].as_string(), "tern sync --ca FILE"));

  // Beside a watcher, too.
  server.stop();
  server.start({"--tls-cert", third.certificate, "--tls-key", third.key});
  Child watching(ann.command({"sync", "--watch", "--ca", third.ca}));
  CHECK(watching.says("\"exchanges\""));
  server.stop();
  server.start({"--tls-cert", first.certificate, "--tls-key", first.key});
  CHECK(until([&] { return holds(watching.err(), "tern sync --ca FILE"); }, 20'000));
  CHECK(ann.tern({"sync", "--ca", first.ca}).exit_code == 0);
  CHECK(until([&] { return holds(server.child().err(), "\"status\":101"); }, 20'000));
  watching.signal(15);
  CHECK(watching.wait().exit_code == 0);
  CHECK(ann.tern({"sync"}).exit_code == 0);
}

TEST_CASE("a device does not enrol with a server that its authorities do not know, or under another name", "[tls]") {
  const TempDir folder;
  const Authority ours(folder, "ours", "IP:127.0.0.1"), theirs(folder, "theirs", "IP:127.0.0.1"),
      elsewhere(folder, "elsewhere", "DNS:desk.example");
  ServerProcess server(folder.file("server"));
  server.scheme = "https";
  server.start({"--tls-cert", ours.certificate, "--tls-key", ours.key});
  const std::string code = server.code_for("Ann");
  const DeviceProcess ann(folder.file("ann"));
  for (const Words& flags : {Words{}, Words{"--ca", theirs.ca}}) {
    const Ended refused = enrol(ann, server, code, flags);
    INFO(refused.err);
    CHECK(refused.exit_code == 5);
    CHECK(refused.error()["code"].as_string() == "no_connection");
    CHECK(refused.error()["message"].as_string().find("certificate") != std::string::npos);
  }
  server.stop();
  server.start({"--tls-cert", elsewhere.certificate, "--tls-key", elsewhere.key});
  const Ended other_name = enrol(ann, server, code, {"--ca", elsewhere.ca});
  INFO(other_name.err);
  CHECK(other_name.exit_code == 5);
  CHECK(other_name.error()["message"].as_string().find("certificate") != std::string::npos);
}

TEST_CASE("plain http is for this machine only, on both sides", "[tls]") {
  const TempDir folder;
  ServerProcess server(folder.file("server"));
  const DeviceProcess ann(folder.file("ann"));
  const Ended enrolled =
      ann.tern({"enrol", "--server", "http://192.0.2.1:8470", "--code", "0000-0000-0000-0000", "--yes"});
  INFO(enrolled.err);
  CHECK(enrolled.exit_code == 2);
  CHECK(enrolled.error()["message"].as_string().find("http") != std::string::npos);
  const Ended served = server.ternd({"serve", "--listen", "0.0.0.0:0"});
  INFO(served.err);
  CHECK(served.exit_code == 2);
  CHECK(served.error()["hint"].as_string().find("--tls-cert") != std::string::npos);
  const Ended half = server.ternd({"serve", "--listen", "127.0.0.1:0", "--tls-cert", folder.file("missing.pem")});
  CHECK(half.exit_code == 2);
  const Ended missing = server.ternd({"serve", "--listen", "127.0.0.1:0", "--tls-cert", folder.file("missing.pem"),
                                      "--tls-key", folder.file("missing.key")});
  INFO(missing.err);
  CHECK(missing.exit_code != 0);
  CHECK(missing.error()["message"].as_string().find("missing.") != std::string::npos);
}

}  // namespace tern::test
