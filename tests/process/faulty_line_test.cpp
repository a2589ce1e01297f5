// A line that fails at each byte: the device's real engine and transport in this process, a real ternd in another, and
// a proxy between them. After each fault outbox and cursor are as they were, or the exchange is done.
#include <cstdlib>
#include <fstream>

#include "support/authority.hpp"
#include "support/catch.hpp"
#include "support/fault_proxy.hpp"
#include "support/must.hpp"
#include "support/process_desk.hpp"
#include "system_environment.hpp"
#include "tern/client/client.hpp"
#include "tern/client_poco/http_transport.hpp"

namespace tern::test {
namespace {

/// From one place to the next: in a night (TERN_EVERY_BYTE) each byte is one.
std::size_t stride(std::size_t usual) {
  return std::getenv("TERN_EVERY_BYTE") == nullptr ? usual : 1;
}

/// A ternd, a proxy before it, and a device in this process.
class Line {
public:
  enum class Kind { plain, tls };

  explicit Line(Kind kind = Kind::plain) : server(folder_.file("server")) {
    Words flags = {"--quiet"}, enrol;
    if (kind == Kind::tls) {
      const Authority ours(folder_, "ours", "IP:127.0.0.1");
      ca_file_ = ours.ca;
      server.scheme = "https";
      flags.insert(flags.end(), {"--tls-cert", ours.certificate, "--tls-key", ours.key});
      enrol = {"--ca", ca_file_};
    }
    server.start(flags);
    DeviceProcess(server, home("ann"), "Ann", "operator", "own", enrol)({"sync"});
    proxy = std::make_unique<FaultProxy>(server.port);
    client::ClientOptions home;
    home.home = this->home("ann");
    device_ = must(client::Client::open(home, environment_));
    connect(5'000);
    save();
    REQUIRE(round());
  }

  /// What is silent for `stall_ms` counts as gone.
  void connect(std::int64_t stall_ms) {
    client::TransportOptions to;
    to.server_url = server.scheme + "://127.0.0.1:" + std::to_string(proxy->port());
    to.ca_file = ca_file_;
    to.stall_ms = stall_ms;
    transport_ = must(client::HttpTransport::open(to));
  }
  [[nodiscard]] std::string home(const std::string& name) const { return folder_.file(name); }
  /// The next request goes over a line of its own, from its first byte.
  void start_anew() { transport_->start_anew(); }
  void save() {
    sync::Change change;
    change.intent = ticket_ ? sync::Intent::message : sync::Intent::create;
    if (ticket_) {
      change.ticket = *ticket_;
      change.visibility = sync::Visibility::team;
      change.text = "reading " + std::to_string(saved);
    } else {
      change.fields.push_back({sync::FieldId::subject, "", "Pump leaks", false});
    }
    ticket_ = must(device_->commands().save({change})).front().ticket;
    ++saved;
  }
  Result<client::EngineReport> round() { return device_->engine().run_round(*transport_); }
  client::SyncStatus status() { return must(device_->views().status()); }

  /// A stream that ends once all that was saved is confirmed.
  Result<void> stream() {
    client::SyncEngine& engine = device_->engine();
    const auto upgrade = engine.stream_upgrade();
    REQUIRE(upgrade);
    TERN_TRY(auto opening, transport_->open_stream(*upgrade));
    TERN_CHECKED(engine.on_stream_open(opening.answer));
    auto ended = talk(*opening.stream);
    engine.on_stream_closed();
    return ended;
  }

  /// One round over a line with this fault, or one stream. True when the fault struck.
  bool round_with(const FaultPlan& plan) {
    return with(plan, [this]() -> Result<void> {
      if (auto done = round(); !done) return tl::unexpected(std::move(done).error());
      return {};
    });
  }
  bool stream_with(const FaultPlan& plan) {
    return with(plan, [this] { return stream(); });
  }

  /// Everything arrives, once, in one round.
  void check_healed() {
    proxy->heal();
    const auto done = round();
    if (!done) FAIL_CHECK(done.error().message);
    CHECK(status().confirmed == static_cast<std::uint64_t>(saved));
    CHECK(status().saved_here + status().sent == 0);
  }
  /// Its home is free for other programs.
  void close_device() { device_.reset(); }
  void check_ledger() {
    close_device();
    const OwnWork work = work_of(DeviceProcess(home("ann")));
    CHECK(work.confirmed == work.all);
    const Ledger ledger = ledger_of(server);
    CHECK(ledger.doubled.empty());
    CHECK(ledger.changes == work.all);
    CHECK(work.all.size() == static_cast<std::size_t>(saved));
    check_verified(server);
  }

private:
  template <typename Act>
  bool with(const FaultPlan& plan, const Act& act) {
    const client::SyncStatus before = status();
    proxy->plan(plan);
    const Result<void> done = act();
    const bool struck = proxy->counts().struck;
    counts = proxy->counts();
    proxy->heal();
    const client::SyncStatus after = status();
    INFO("up " << plan.after_up.value_or(0) << ", down " << plan.after_down.value_or(0));
    CHECK(after.saved_here + after.sent + after.confirmed == static_cast<std::uint64_t>(saved));
    if (done) {
      CHECK(after.confirmed == static_cast<std::uint64_t>(saved));
    } else {
      CHECK(struck);
      CHECK(done.error().code == ErrorCode::no_connection);
      CHECK(after.cursor == before.cursor);
      CHECK(after.confirmed == before.confirmed);
    }
    return struck;
  }

  Result<void> talk(client::StreamConnection& connection) {
    client::SyncEngine& engine = device_->engine();
    for (;;) {
      while (const auto message = engine.next_stream_message()) TERN_CHECKED(connection.send(*message));
      if (status().confirmed == static_cast<std::uint64_t>(saved)) return {};
      TERN_TRY(const auto message, connection.receive(10'000));
      if (!message) return fail(ErrorCode::internal, "the stream says nothing");
      TERN_CHECKED(engine.on_stream_message(*message));
      for (bool more = true; more;) {
        TERN_TRY(more, engine.apply_slice(500));
      }
    }
  }

  TempDir folder_;
  apps::SystemEnvironment environment_;
  std::string ca_file_;

public:
  ServerProcess server;
  std::unique_ptr<FaultProxy> proxy;
  LineCounts counts;  // of the last round_with
  int saved = 0;

private:
  std::unique_ptr<client::Client> device_;
  std::unique_ptr<client::HttpTransport> transport_;
  std::optional<TicketId> ticket_;
};

}  // namespace

TEST_CASE("an exchange that is cut at any byte on its way up is sent again, and lands once", "[line]") {
  Line line;
  line.save();
  std::size_t at = 0;
  while (line.round_with({LineFault::cut, at, std::nullopt})) ++at;
  CHECK(at > 500);  // head and body of a set, at least
  line.check_healed();
  line.check_ledger();
}

TEST_CASE("an answer that is cut at any byte on its way down is asked for again, and counts once", "[line]") {
  Line line;
  std::size_t at = 0;
  for (bool struck = true; struck; ++at) {
    line.save();
    struck = line.round_with({LineFault::cut, std::nullopt, at});
    line.check_healed();
  }
  CHECK(at > 500);
  line.check_ledger();
}

TEST_CASE("a line under TLS that is cut in its handshake or behind it, either way, loses and doubles nothing",
          "[line][tls]") {
  Line line(Line::Kind::tls);
  for (const bool up : {true, false}) {
    std::size_t at = 0;
    for (bool struck = true; struck; at += stride(97)) {
      line.save();
      line.start_anew();
      const auto place = [&](bool here) { return here ? std::optional(at) : std::nullopt; };
      struck = line.round_with({LineFault::cut, place(up), place(!up)});
      line.check_healed();
    }
    CHECK(at > 1'000);  // a handshake, head and body at least
  }
  line.check_ledger();
}

TEST_CASE("a stream that is cut at any byte, either way, loses and doubles nothing", "[line][stream]") {
  Line line;
  for (const bool up : {true, false}) {
    std::size_t at = 0;
    for (bool struck = true; struck; at += stride(31)) {
      line.save();
      const auto place = [&](bool here) { return here ? std::optional(at) : std::nullopt; };
      struck = line.stream_with({LineFault::cut, place(up), place(!up)});
      line.check_healed();
    }
    CHECK(at > 500);
  }
  line.check_ledger();
}

TEST_CASE("a packed page of news that is cut at any byte is asked for again, and applied once", "[line]") {
  Line line;
  const DeviceProcess ben(line.server, line.home("ben"), "Ben");
  const std::string number = ben.open_ticket("Valve");
  std::string words;
  for (int i = 0; i < 3'000; ++i) words += "reading " + std::to_string(i % 7) + "\n";
  ben({"note", number, words});
  ben({"sync"});
  const std::uint64_t before = line.status().cursor;
  std::size_t at = 0;
  while (line.round_with({LineFault::cut, std::nullopt, at})) at += stride(29);
  CHECK(at > 500);
  CHECK(line.counts.down < words.size() / 4);  // it is packed
  CHECK(line.status().cursor > before);
  line.check_healed();
  line.close_device();
  const Json found = DeviceProcess(line.home("ann"))({"search", "reading"}).line();
  CHECK(found["subject"] == Json("Valve"));
  check_verified(line.server);
}

TEST_CASE("a line that is reset is as good as one that is cut", "[line]") {
  Line line;
  for (std::size_t at = 0; at < 1'500; at += 13) {
    line.save();
    static_cast<void>(line.round_with({LineFault::reset, at, std::nullopt}));
    static_cast<void>(line.round_with({LineFault::reset, std::nullopt, at}));
    line.check_healed();
  }
  line.check_ledger();
}

TEST_CASE("a line that falls silent is given up, and what hung in it lands once", "[line]") {
  Line line;
  line.connect(60);
  for (const std::size_t at : {0, 1, 100, 300, 700}) {
    line.save();
    CHECK(line.round_with({LineFault::silence, at, std::nullopt}));
    CHECK(line.round_with({LineFault::silence, std::nullopt, at}));
  }
  line.connect(5'000);
  line.check_healed();
  line.check_ledger();
}

TEST_CASE("an exchange that trickles byte by byte arrives", "[line]") {
  Line line;
  line.save();
  CHECK_FALSE(line.round_with({LineFault::trickle, std::nullopt, std::nullopt}));
  CHECK(line.counts.up > 500);
  line.check_healed();
  line.check_ledger();
}

TEST_CASE("tern over a line that breaks says that the work is saved, and sends it when the line is back", "[line]") {
  const TempDir folder;
  ServerProcess server(folder.file("server"));
  server.start({"--quiet"});
  FaultProxy proxy(server.port);
  const std::uint16_t own_port = std::exchange(server.port, proxy.port());
  const DeviceProcess ann(server, folder.file("ann"), "Ann");
  server.port = own_port;
  static_cast<void>(ann.open_ticket("Pump leaks"));
  for (const LineFault fault : {LineFault::cut, LineFault::reset})
    for (const std::size_t at : {10, 200, 900}) {
      proxy.plan({fault, std::nullopt, at});
      const Ended ended = ann.tern({"sync"});
      INFO(ended.err);
      CHECK(proxy.counts().struck);
      CHECK(ended.exit_code != 0);
      CHECK(ended.error()["code"].as_string() == "no_connection");
    }
  proxy.heal();
  ann({"sync"});
  const OwnWork work = work_of(ann);
  CHECK(work.confirmed == work.all);
  CHECK(ledger_of(server).changes == work.all);
  check_verified(server);
}

}  // namespace tern::test
