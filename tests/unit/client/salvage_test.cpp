// What is left of a damaged or lost outbox: a salvage keeps it, names the rest, and doubles nothing.
#include "tern/client/salvage.hpp"

#include <filesystem>
#include <fstream>

#include "exchange/sync_state.hpp"
#include "keys/kept_certificate.hpp"
#include "outbox/damaged_outbox.hpp"
#include "outbox/outbox.hpp"
#include "support/catch.hpp"
#include "support/fake_server.hpp"
#include "support/must.hpp"
#include "support/temp_dir.hpp"
#include "support/virtual_environment.hpp"

using namespace tern;
using namespace tern::test;
using client::Client;
using client::SalvageReport;
using Found = client::SalvageReport::Found;

namespace {

constexpr std::uintmax_t page_bytes = 4096;

void zero_page(const std::string& path, std::uintmax_t page) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(page * page_bytes));
  file << std::string(page_bytes, '\0');
}

/// A device, its server, and a copy of its home as it lay there.
struct SalvagedHome {
  SalvagedHome() : server(env) {
    client::EnrolmentRequest request;
    request.home = home;
    request.server_url = "https://desk.example";
    request.code = server.new_code();
    request.device_name = "van";
    request.platform = "linux";
    REQUIRE(client::enrol(request, server, env, [](const client::EnrolmentOffer&) { return true; }));
  }

  client::ClientOptions options() const {
    client::ClientOptions out;
    out.home = home;
    return out;
  }
  std::unique_ptr<Client> open() { return must(Client::open(options(), env)); }
  std::string outbox() const { return client::HomePaths(home).outbox; }
  Result<SalvageReport> salvage(bool agrees = true) {
    return client::salvage(options(), env, [agrees](const auto&) { return agrees; });
  }
  void save(Client& device, const std::string& subject, int count) {
    for (int i = 0; i < count; ++i) {
      sync::Change change;
      change.intent = sync::Intent::create;
      change.fields = {{sync::FieldId::subject, {}, subject + std::string(240, 'x'), false}};
      const auto saved = must(device.commands().save({change}));
      const std::string number = must(device.views().ticket(saved.front().ticket)).row.number;
      CHECK(numbers.insert(number).second);  // never given before
      env.advance(1000);
    }
  }
  /// Twenty changes that the server has, and forty that it has not.
  void work() {
    auto device = open();
    for (int round = 0; round < 4; ++round) {
      save(*device, "sent", 5);
      REQUIRE(device->engine().run_round(server));
    }
    save(*device, "unsent", 40);
    remember(*device);
  }
  void remember(Client& device) { before = must(device.views().history(std::nullopt)); }
  /// As a program that is killed leaves it, while it is still open.
  void take_copy() {
    home = dir.file("copy");
    std::filesystem::remove_all(home);
    std::filesystem::copy(dir.file("home"), home);
  }

  TempDir dir;
  std::string home = dir.file("home");
  VirtualEnvironment env;
  FakeServer server;
  std::vector<client::HistoryEntry> before;
  std::set<std::string> numbers;  // provisional ones, of all that was made here
};

using Entries = std::map<sync::ChangeRef, client::HistoryEntry>;
Entries by_ref(const std::vector<client::HistoryEntry>& entries) {
  Entries out;
  for (const client::HistoryEntry& entry : entries) out.emplace(entry.change, entry);
  return out;
}

/// After the salvage and a round: what the server had is back, all is confirmed once, and claims the time it claimed.
void check_goes_on(SalvagedHome& home, const SalvageReport& report) {
  auto device = home.open();
  CHECK_FALSE(must(device->views().status()).notice.empty());
  home.save(*device, "later", 1);
  REQUIRE(device->engine().run_round(home.server));
  const auto status = must(device->views().status());
  CHECK(status.saved_here + status.sent == 0);
  CHECK(status.notice.find("outbox of this device") != std::string::npos);
  const Entries now = by_ref(must(device->views().history(std::nullopt)));
  std::size_t missing = 0;
  for (const client::HistoryEntry& was : home.before) {
    const auto is = now.find(was.change);
    if (is == now.end()) ++missing;
    if (is == now.end()) CHECK(was.commit_seq == 0);
    if (is != now.end()) CHECK(is->second.wall_ms == was.wall_ms);
  }
  CHECK(now.size() == home.before.size() - missing + 1);
  for (const auto& [ref, entry] : now) {
    CHECK(entry.commit_seq != 0);
    CHECK(entry.outcome == sync::Outcome::applied);
  }
  if (report.found == Found::damaged) CHECK(missing <= report.lost);
  REQUIRE(device->commands().dismiss_notice());
  CHECK(must(device->views().status()).notice.empty());
  client::ListFilter all;
  all.status = "all";
  all.limit = 500;
  CHECK(must(device->views().list(all)).rows.size() == now.size());  // each made its ticket, and once
}

}  // namespace

TEST_CASE("whatever page of an outbox is lost, what can be read goes on, and the rest is named", "[client][salvage]") {
  if (!sqlite::encryption_available()) return;  // without page checksums not every damage shows
  SalvagedHome home;
  home.work();
  const auto pages = std::filesystem::file_size(home.outbox()) / page_bytes;
  REQUIRE(pages > 20);
  const std::uintmax_t page = GENERATE(range<std::uintmax_t>(1, 60));
  if (page >= pages) return;
  CAPTURE(page, pages);
  zero_page(home.outbox(), page);
  const auto report = must(home.salvage());
  CAPTURE(client::to_sentence(report));
  REQUIRE(report.found != Found::missing);
  if (report.found == Found::whole) return;  // nothing was on it
  CHECK(std::filesystem::exists(report.set_aside));
  if (report.found == Found::damaged)
    CHECK(report.kept + report.lost >= 40);  // of confirmed ones the server has the rest
  check_goes_on(home, report);
  CHECK(must(home.salvage()).found == Found::whole);
}

TEST_CASE("an outbox that is cut, has no first page or is missing goes on as well", "[client][salvage]") {
  if (!sqlite::encryption_available()) return;
  SalvagedHome home;
  home.work();
  Found found = Found::unreadable;
  SECTION("cut") {
    std::filesystem::resize_file(home.outbox(),
                                 std::filesystem::file_size(home.outbox()) / page_bytes * 3 / 4 * page_bytes);
    found = Found::damaged;
  }
  SECTION("its first page") {
    zero_page(home.outbox(), 0);
  }
  SECTION("missing") {
    for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(home.outbox() + suffix);
    found = Found::missing;
  }
  const bool there = std::filesystem::exists(home.outbox());
  const auto refused = home.salvage(false);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::usage);
  CHECK(std::filesystem::exists(home.outbox()) == there);
  const auto report = must(home.salvage());
  CHECK(report.found == found);
  CHECK(report.set_aside.empty() != there);
  check_goes_on(home, report);
}

TEST_CASE("of a damaged outbox the log that a killed program left is read as well", "[client][salvage]") {
  if (!sqlite::encryption_available()) return;
  SalvagedHome home;
  home.work();
  auto device = home.open();
  home.save(*device, "in the log", 5);
  const std::size_t older = home.before.size();
  home.remember(*device);
  REQUIRE(home.before.size() == older + 5);
  SalvageReport report;
  const auto pages = std::filesystem::file_size(home.outbox()) / page_bytes;
  for (std::uintmax_t page = 1; page < pages && report.lost == 0; ++page) {
    home.take_copy();
    REQUIRE(std::filesystem::file_size(home.outbox() + "-wal") > 0);
    zero_page(home.outbox(), page);
    report = must(home.salvage());
    if (report.found != Found::whole) CHECK(std::filesystem::file_size(report.set_aside + "-wal") > 0);
  }
  REQUIRE(report.lost > 0);
  device = home.open();
  const Entries kept = by_ref(must(device->views().history(std::nullopt)));
  std::size_t of_the_log = 0;
  for (const client::HistoryEntry& was : home.before)
    if (was.subject.starts_with("in the log") && kept.contains(was.change)) ++of_the_log;
  CHECK(of_the_log == 5);
}

TEST_CASE("what lies between lost pages is read, and what was confirmed counts as nothing lost", "[client][salvage]") {
  if (!sqlite::encryption_available()) return;
  SalvagedHome home;
  home.work();
  const auto pages = std::filesystem::file_size(home.outbox()) / page_bytes;
  const auto salvage_without = [&](const std::vector<std::uintmax_t>& lost_pages) {
    home.take_copy();
    for (const std::uintmax_t page : lost_pages) zero_page(home.outbox(), page);
    return must(home.salvage());
  };
  std::map<std::uintmax_t, std::uint64_t> rows_on;  // changes that lie on a page
  bool confirmed_alone = false;
  for (std::uintmax_t page = 1; page < pages; ++page) {
    const auto report = salvage_without({page});
    if (report.found != Found::damaged || report.kept >= 60 || report.kept < 30) continue;
    rows_on.emplace(page, 60 - report.kept);
    if (report.lost != 0 || std::exchange(confirmed_alone, true)) continue;
    check_goes_on(home, report);
  }
  CHECK(confirmed_alone);
  REQUIRE(rows_on.size() > 2);
  const auto first = *rows_on.begin(), last = *rows_on.rbegin();
  CHECK(salvage_without({first.first, last.first}).kept == 60 - first.second - last.second);
}

TEST_CASE("an outbox whose notes cannot be read names the salvage, which makes them anew", "[client][salvage]") {
  SalvagedHome home;
  home.work();
  {
    const auto keys = must(client::open_keys(home.home, std::nullopt, home.env));
    const auto outbox = must(client::Outbox::open(home.outbox(), keys.data_key.view(), {}));
    SECTION("of syncing") {
      must(outbox->set_meta("sync_state", "garbage"));
    }
    SECTION("of the chain") {
      must(outbox->database().exec("DELETE FROM chain"));
    }
    SECTION("of a draft") {
      must(outbox->database().exec(
          "UPDATE change SET skeleton = x'ff' WHERE position = (SELECT max(position) FROM change)"));
    }
  }
  auto opened = Client::open(home.options(), home.env);
  Error told = opened ? Error{} : opened.error();
  if (opened) {
    const auto round = (*opened)->engine().run_round(home.server);
    const auto history = (*opened)->views().history(std::nullopt);
    REQUIRE_FALSE((round && history));
    told = history ? round.error() : history.error();
    opened = tl::unexpected(told);
  }
  CHECK(told.code == ErrorCode::corrupt);
  CHECK(told.hint.find("tern salvage") != std::string::npos);
  const auto report = must(home.salvage());
  CHECK(report.found == Found::damaged);
  CHECK(report.kept + report.lost == 60);
  check_goes_on(home, report);
}

TEST_CASE("a row of a damaged outbox that has no number any more is passed over", "[client][salvage]") {
  SalvagedHome home;
  home.work();
  const auto keys = must(client::open_keys(home.home, std::nullopt, home.env));
  {
    const auto outbox = must(client::Outbox::open(home.outbox(), keys.data_key.view(), {}));
    must(outbox->database().exec(
        "PRAGMA foreign_keys = OFF; PRAGMA legacy_alter_table = ON; CREATE TABLE other AS SELECT * FROM change; INSERT "
        "INTO other SELECT * FROM change "
        "LIMIT 1; UPDATE other SET position = NULL WHERE rowid = (SELECT max(rowid) FROM other); DROP TABLE change; "
        "ALTER TABLE other RENAME TO change"));
  }
  const auto read = must(client::read_damaged_outbox(home.outbox(), keys.data_key.view(), {}));
  CHECK(read.changes.size() == 60);
  CHECK(read.sets.size() >= 4);
}

TEST_CASE("a salvage that was interrupted keeps everybody out until the next one finishes it", "[client][salvage]") {
  if (!sqlite::encryption_available()) return;
  SalvagedHome home;
  home.work();
  zero_page(home.outbox(), 0);
  auto report = must(home.salvage());
  std::filesystem::rename(home.outbox(), home.outbox() + ".salvaged");
  std::filesystem::rename(report.set_aside, home.outbox());
  const auto opened = Client::open(home.options(), home.env);
  REQUIRE_FALSE(opened);
  CHECK(opened.error().hint.find("tern salvage") != std::string::npos);
  report = must(home.salvage());
  CHECK(report.found == Found::finished);
  CHECK(std::filesystem::exists(report.set_aside));
  check_goes_on(home, report);
}

TEST_CASE("a home whose keys are lost says so", "[client][salvage]") {
  SalvagedHome home;
  static_cast<void>(home.open());
  std::filesystem::remove(client::HomePaths(home.home).device_key);
  for (const Error& error : {Client::open(home.options(), home.env).error(), home.salvage().error()}) {
    CHECK(error.code == ErrorCode::not_enrolled);
    CHECK(error.message.find("keys") != std::string::npos);
    CHECK(error.hint.find("enrol anew") != std::string::npos);
  }
}

TEST_CASE("the certificate of a later device epoch outlives a lost outbox", "[client][salvage]") {
  SalvagedHome home;
  const client::HomePaths paths(home.home);
  client::DeviceIdentity identity = must(client::read_identity(home.home));
  auto certificate = must(client::read_stored_statement<protocol::Certificate>(identity.certificate));
  certificate.device_epoch = 2;
  const Bytes next = protocol::sign_statement(certificate, home.server.log_key()).wire;
  must(client::keep_certificate(paths, next));
  client::apply_kept_certificate(paths, identity);
  CHECK(identity.device_epoch == 2);
  CHECK(identity.certificate == next);
  CHECK(home.open()->identity().device_epoch == 2);
  const auto epoch_with = [&](const protocol::Certificate& kept) {
    must(client::keep_certificate(paths, protocol::sign_statement(kept, home.server.log_key()).wire));
    client::DeviceIdentity later = identity;
    client::apply_kept_certificate(paths, later);
    return later.device_epoch;
  };
  auto other = certificate;
  other.device_epoch = 3;
  CHECK(epoch_with(other) == 3);
  other.device.bytes[0] ^= 1;
  CHECK(epoch_with(other) == 2);  // of another device
  other = certificate;
  other.device_epoch = 1;
  CHECK(epoch_with(other) == 2);  // earlier than what is known
  client::SyncState state;        // and where the outbox knows the earlier one
  state.certificate = protocol::sign_statement(other, home.server.log_key()).wire;
  client::apply_certificate(identity, state);
  CHECK(identity.device_epoch == 2);
  must(client::keep_certificate(paths, next));
  zero_page(paths.certificate, 0);
  CHECK(home.open()->identity().device_epoch == 1);
}
