// A device's key in the hands of somebody who seals and sends what they like, against a real ternd: those of the
// security scenarios that no program of ours would play.
#include "support/key_holder.hpp"
#include "support/zstd_bomb.hpp"

#include <optional>

#include "outbox/outbox.hpp"
#include "support/catch.hpp"
#include "support/must.hpp"
#include "support/process_desk.hpp"
#include "system_environment.hpp"
#include "tern/client_poco/http_transport.hpp"

namespace tern::test {
namespace {

struct StolenKey {
  StolenKey() {
    must(protocol::init_crypto());
    server.start({"--quiet"});
    DeviceProcess evil(server, home, "Eve");
    boss = std::make_unique<DeviceProcess>(server, folder.file("boss"), "Boss", "supervisor", "all");
    static_cast<void>((*boss).open_ticket("Pump leaks"));
    (*boss)({"sync"});
    const Json shown = (*boss)({"show", boss->number_of("Pump leaks")}).line();
    ticket = TicketId::or_zero(*from_uuid_text(shown["uuid"].as_string()));
    client::TransportOptions to;
    to.server_url = server.url();
    transport = must(client::HttpTransport::open(to));
    holder.emplace(must(client::open_keys(home, std::nullopt, environment)), environment,
                   [this](const client::HttpRequest& request) { return transport->send(request); });
    must(holder->begin_session());
  }
  [[nodiscard]] std::int64_t newest_commit() const {
    return server.admin({"status"}).line()["rows"].items()[0]["commit_seq"].as_integer();
  }
  /// The answer's error; nothing was stored, and no fork counted.
  v1::SyncErrorMessage refused(const Bytes& set) {
    const std::int64_t before = newest_commit();
    const auto answer = must(holder->push(set));
    CHECK(answer.has_error());
    const Json row = server.admin({"status"}).line()["rows"].items()[0];
    CHECK(row["commit_seq"].as_integer() == before);
    CHECK(row["forks"].as_integer() == 0);
    return answer.error();
  }
  TempDir folder;
  std::string home = folder.file("evil");
  ServerProcess server{folder.file("server")};
  std::unique_ptr<DeviceProcess> boss;
  apps::SystemEnvironment environment;
  std::unique_ptr<client::HttpTransport> transport;
  std::optional<KeyHolder> holder;
  TicketId ticket;
};

}  // namespace

TEST_CASE("a set under another author, or another device's id, is refused and changes nothing",
          "[security][scenario-2]") {
  StolenKey scene;
  KeyHolder& eve = *scene.holder;
  const client::DeviceIdentity boss = must(client::read_identity(scene.boss->home()));
  auto header = eve.next_header();
  header.author = boss.operator_id;
  const auto as_author = scene.refused(eve.seal(header, {eve.note(scene.ticket, "the boss says so")}));
  CHECK(as_author.code() == "AUTHOR_MISMATCH");
  CHECK(as_author.retry() == "NEVER");
  header = eve.next_header();
  header.device = boss.device;
  CHECK(scene.refused(eve.seal(header, {eve.note(scene.ticket, "the boss's device says so")})).code() == "KEY_UNKNOWN");
  header = eve.next_header();
  header.tenant = random_id<TenantId>(scene.environment);
  CHECK(scene.refused(eve.seal(header, {eve.note(scene.ticket, "elsewhere")})).code() == "TENANT_MISMATCH");
  Bytes broken = eve.seal(eve.next_header(), {eve.note(scene.ticket, "bad signature")});
  broken[2 + 130] = static_cast<char>(broken[2 + 130] ^ 1);  // of wall_ms, behind the two bytes before the header
  CHECK(scene.refused(broken).code() == "SIGNATURE_INVALID");
  (*scene.boss)({"sync"});
  CHECK((*scene.boss)({"show", scene.boss->number_of("Pump leaks")}).line()["timeline"].size() == 2);
  check_verified(scene.server);
}

TEST_CASE("a change without its body at first push is refused", "[security][scenario-6]") {
  StolenKey scene;
  KeyHolder& eve = *scene.holder;
  auto set = must(protocol::decode_change_set(eve.seal(eve.next_header(), {eve.note(scene.ticket, "canary")})));
  set.changes.front() = set.changes.front().without_content();
  const auto bodiless = scene.refused(protocol::encode(set));
  CHECK(bodiless.code() == "CONTENT_MISSING");
  CHECK(bodiless.retry() == "NEVER");
}

TEST_CASE("`seen` of 2^63 is answered as a server that is behind", "[security][scenario-13]") {
  StolenKey scene;
  KeyHolder& eve = *scene.holder;
  sync::Change change = eve.note(scene.ticket, "from the future");
  change.seen_seq = std::uint64_t{1} << 63;
  const auto by_change = scene.refused(eve.seal(eve.next_header(), {change}));
  CHECK(by_change.code() == "SERVER_BEHIND");
  CHECK(by_change.retry() == "LATER");
  auto header = eve.next_header();
  header.anchor_hash =
      must(must(client::Outbox::open(scene.home + "/outbox.db", eve.keys.data_key.view(), {}, sqlite::Role::reader))
               ->anchor())
          .hash;
  header.seen_seq = std::uint64_t{1} << 63;
  CHECK(scene.refused(eve.seal(header, {eve.note(scene.ticket, "another one")})).code() == "SERVER_BEHIND");
}

TEST_CASE("a gigabyte in 32 KiB is refused under a session, too", "[security][scenario-14]") {
  StolenKey scene;
  const std::int64_t before = scene.newest_commit();
  client::HttpRequest request;
  request.target = "/sync/v1/exchange";
  request.headers = {{"content-type", "application/x-protobuf"}, {"content-encoding", "zstd"}};
  request.body = zstd_bomb();
  CHECK(request.body.size() <= 33 * 1024);
  CHECK(must(scene.holder->ask(request)).status == 413);
  CHECK(scene.newest_commit() == before);
  CHECK(must(scene.holder->push(
                 scene.holder->seal(scene.holder->next_header(), {scene.holder->note(scene.ticket, "and it goes on")})))
            .receipts()
            .size() > 0);
  check_verified(scene.server);
}

}  // namespace tern::test
