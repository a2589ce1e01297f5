// Two tenants on one server: nothing of one is ever sent to, or kept for, the other.

#include "support/files.hpp"
#include "support/world_agent.hpp"
#include "support/world_intruder.hpp"
#include "tern/protocol/zstd.hpp"

using namespace tern;
using namespace tern::test;

namespace {

constexpr std::string_view canary_a = "CANARYOFA";
constexpr std::string_view canary_b = "CANARYOFB";

std::string header_of(const client::HttpRequest& request, std::string_view name) {
  for (const auto& [key, value] : request.headers)
    if (key == name) return value;
  return {};
}

/// As it travelled, and as it reads.
Bytes both_forms(const Bytes& body, std::string_view encoding) {
  if (encoding != "zstd") return body;
  const auto plain = protocol::decompress(body);
  return body + (plain ? *plain : Bytes());
}

}  // namespace

TEST_CASE("two tenants side by side: no byte of one reaches a device, a file or a log line of the other",
          "[world][security][tenants]") {
  World world{Seed::from_environment_or(41)};
  world.server.administer("tenant add", {{"name", Json("Other")}});
  std::map<std::string, std::string> sent;  // by address
  world.network.on_request = [&](const std::string& address, client::HttpRequest& request) {
    sent[address] += both_forms(request.body, header_of(request, "content-encoding"));
  };
  world.network.on_answer = [&](const std::string& address, const client::HttpRequest&, client::HttpAnswer& answer) {
    sent[address] += both_forms(answer.body, answer.header("content-encoding"));
    for (const auto& [name, value] : answer.headers) sent[address] += value;
  };
  world.network.on_stream_message = [&](const std::string& address, bool, const Bytes& message) {
    sent[address] += message;
  };

  struct Side {
    std::string_view canary;
    std::string tenant;
    std::vector<Device*> devices;
    TicketId ticket;
    std::vector<RecordId> queues;
  };
  Side a{canary_a, "World", {}, {}, {}}, b{canary_b, "Other", {}, {}, {}};
  for (Side* side : {&a, &b}) {
    const std::string name(side->canary);
    side->queues = {world.add_record("queue", name + " queue", side->tenant)};
    world.add_record("contact", name + " contact", side->tenant);
    for (const char* who : {" one", " two"})
      side->devices.push_back(&world.add_device(name + who, {.tenant = side->tenant}));
    Device& device = *side->devices.front();
    side->ticket = device.create(name + " subject", name + " description");
    device.note(side->ticket, name + " message");
    device.set(side->ticket, Field::custom, name + " value", "meter_no");
    device.tag(side->ticket, "tag-" + std::string(side == &a ? "canaryofa" : "canaryofb"));
    device.act(side->ticket, Intent::resolve, name + " result");
    device.move_to(side->ticket, side->queues.front());
  }
  CHECK(world.run_until_quiet());
  for (Side* side : {&a, &b})
    for (Device* device : side->devices) device->go_live();
  world.pass(2'000);
  for (Side* side : {&a, &b}) {
    REQUIRE(side->devices.front()->live());
    side->devices.front()->note(side->ticket, std::string(side->canary) + " over the stream");
    side->devices.front()->begin_round();
  }
  world.pass(5'000);

  // Somebody of A who knows the ids of B asks for them by every way there is.
  Intruder spy(world, *a.devices.front());
  must(spy.begin_session());
  auto change = spy.note(b.ticket, "may I?");
  const auto answer = must(spy.push(spy.seal(spy.next_header(), {change})));
  CHECK(answer.SerializeAsString().find(canary_b) == std::string::npos);
  v1::ExchangeRequest buckets;
  for (std::uint32_t i = 0; i < 256; ++i) buckets.add_want_buckets(i);
  buckets.set_page_token(Bytes(64, '\xff'));
  const auto asked = spy.exchange(buckets);
  if (asked) CHECK(asked->SerializeAsString().find(canary_b) == std::string::npos);
  auto foreign = spy.next_header();
  foreign.tenant = b.devices.front()->tenant();
  const auto refused = must(spy.push(spy.seal(foreign, {spy.note(b.ticket, "I am of B")})));
  CHECK(refused.error().code() == "TENANT_MISMATCH");
  CHECK(refused.error().retry() == "NEVER");
  const protocol::HandshakeParty party{b.devices.front()->tenant(), spy.keys.identity.device, spy.keys.identity.key,
                                       protocol::key_id(spy.keys.roots.front())};
  VirtualEnvironment environment(world.seed.value);
  client::SessionClient session(party, spy.keys.signing_key, environment);
  const auto challenge = must(world.server.handle(session.hello(), "10.6.6.7"));
  const auto proof = must(session.proof(challenge, {}));
  const auto turned_away = must(world.server.handle(proof, "10.6.6.7"));
  CHECK(turned_away.status == 403);
  CHECK(turned_away.body.find("login_refused") != std::string::npos);

  for (const auto& [mine, other] : {std::pair(&a, &b), std::pair(&b, &a)}) {
    for (Device* device : mine->devices) {
      CHECK(sent[device->address()].find(other->canary) == std::string::npos);
      CHECK(sent[device->address()].find(mine->canary) != std::string::npos);  // the net does catch
      CHECK(device->list().size() == 1);
      CHECK(must(device->client().views().search(other->canary, 10, "")).rows.empty());
    }
    const std::string files = world.server.directory() + "/tenants/" + to_hex(mine->devices.front()->tenant());
    CHECK(files_holding(files, other->canary).empty());
    CHECK_FALSE(files_holding(files, mine->canary).empty());
    for (Device* device : mine->devices) CHECK(files_holding(device->home(), other->canary).empty());
    CHECK(world.server.log_lines().find(mine->canary) == std::string::npos);
  }
  CHECK(world.run_until_quiet());
  CHECK(world.invariants_hold());
}
