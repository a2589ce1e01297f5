#include "support/catch.hpp"
//
#include <atomic>
#include <thread>

#include "house.hpp"
#include "ingest/committer.hpp"

namespace tern::test {
namespace {

/// The requests are made beforehand: only the server is entered by several threads.
template <typename Make>
std::vector<server::Request> requests_of(std::size_t count, Make make) {
  std::vector<server::Request> out;
  for (std::size_t i = 0; i < count; ++i) out.push_back(make(i));
  return out;
}

std::vector<server::Response> send_at_once(House& house, std::vector<server::Request> requests) {
  std::vector<server::Response> answers(requests.size());
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < requests.size(); ++i)
    threads.emplace_back([&, i] { answers[i] = house.send(std::move(requests[i])); });
  for (std::thread& thread : threads) thread.join();
  return answers;
}

/// Random bytes and log lines from several threads at once.
struct BusyHouse : House {
  BusyHouse() {
    core.reset();
    server::ServerOptions quiet = options();
    quiet.log_sink = {};
    core = must(server::ServerCore::open(quiet, guarded));
    core->use_committer(server::make_group_committer(2));
  }
  ~BusyHouse() { core.reset(); }

  struct Guarded final : Environment {
    explicit Guarded(VirtualEnvironment& to) : inner(to) {}
    std::int64_t wall_ms() override { return inner.wall_ms(); }
    std::int64_t boot_ms() override { return inner.boot_ms(); }
    BootId boot_id() override { return inner.boot_id(); }
    void random(void* into, std::size_t size_bytes) override {
      const std::lock_guard guard(mutex);
      inner.random(into, size_bytes);
    }
    VirtualEnvironment& inner;
    std::mutex mutex;
  } guarded{environment};
};

}  // namespace

TEST_CASE("of many who enrol with one code at once, one gets in", "[server][access][enrolment][threads]") {
  BusyHouse house;
  house.add_operator("ann");
  const std::string code = house.code_for("ann");
  const auto answers = send_at_once(house, requests_of(8, [&](std::size_t i) {
                                      server::Request request;
                                      request.method = "POST";
                                      request.target = "/sync/v1/enrol";
                                      request.headers = {{"content-type", "application/octet-stream"}};
                                      request.peer_address = "198.51.100." + std::to_string(i);
                                      request.body = server::RequestBody(Device::enrolment_request(
                                          house, code, protocol::SigningKey::generate(house.environment)));
                                      return request;
                                    }));
  std::size_t in = 0;
  for (const auto& answer : answers) {
    if (answer.status == 200) ++in;
    if (answer.status != 200) CHECK(problem_code(answer) == "login_refused");
  }
  CHECK(in == 1);
  CHECK(house.command(Json::object({{"command", Json("device list")}}))["rows"].size() == 1);
}

TEST_CASE("many exchanges at once, one of them a revocation, leave one truth", "[server][access][threads]") {
  BusyHouse house;
  house.add_operator("ann", "supervisor");
  std::vector<std::unique_ptr<Device>> devices;
  for (int i = 0; i < 6; ++i) {
    devices.push_back(std::make_unique<Device>(house, "ann", "all"));
    must(devices.back()->open_session());
  }
  auto requests = requests_of(devices.size(), [&](std::size_t i) {
    v1::ExchangeRequest asked = devices[i]->request();
    asked.add_change_sets(devices[i]->seal({devices[i]->create(random_id<TicketId>(house.environment))}));
    return devices[i]->signed_request("POST", "/sync/v1/exchange", asked.SerializeAsString());
  });
  std::atomic<bool> done{false};
  std::thread admin([&] {
    house.core->administer(Json::object(
        {{"command", Json("device revoke")}, {"device", Json(to_uuid_text(devices[0]->certificate.device.view()))}}));
    while (!done) house.core->tick();
  });
  const auto answers = send_at_once(house, std::move(requests));
  done = true;
  admin.join();
  std::int64_t landed = 0;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    CHECK((answers[i].status == 200 || i == 0));
    if (i > 0) ++landed;
  }
  const Json status = house.command(Json::object({{"command", Json("status")}}));
  const auto tickets = status["rows"].items()[0]["tickets"].as_integer();
  CHECK((tickets == landed || tickets == landed + 1));
  CHECK(house.command(Json::object({{"command", Json("verify")}}))["good"].as_bool());
}

}  // namespace tern::test
