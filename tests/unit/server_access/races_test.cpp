#include "support/catch.hpp"
//
#include <atomic>
#include <filesystem>
#include <thread>

#include "house.hpp"
#include "ingest/committer.hpp"
#include "tern/sqlite/database.hpp"

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
    threads.emplace_back([&, i] { answers[i] = house.send(requests[i]); });
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
    core->use_committer(must(server::make_group_committer(2)));
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

/// Takes pushes and commits none before it is told to.
class HoldingCommitter final : public server::Committer {
public:
  Result<server::PushAnswer> commit(server::Tenant& tenant, server::VerifiedPush push) override {
    inner_->on_commit = on_commit;
    return inner_->commit(tenant, std::move(push));
  }
  void run(server::Tenant& tenant, const std::function<void()>& work) override { inner_->run(tenant, work); }
  void commit_later(server::Tenant& tenant, const std::function<server::VerifiedPush()>& verify,
                    std::function<void(Result<server::PushAnswer>)> done) override {
    held_.push_back([this, &tenant, push = verify(), done = std::move(done)] { done(commit(tenant, push)); });
  }
  [[nodiscard]] std::size_t held() const { return held_.size(); }
  void let_go() {
    for (const auto& each : std::exchange(held_, {})) each();
  }

private:
  std::unique_ptr<server::Committer> inner_ = server::make_inline_committer();
  std::vector<std::function<void()>> held_;
};

/// As the edge's worker does it: returns when the handler does, answered or not.
void give(House& house, server::Request request, std::optional<server::Response>& answer) {
  request.path = request.target;
  request.content_length = request.body.size();
  const auto verdict = house.core->handler().on_head(request);
  const auto* accepted = std::get_if<server::HeadAccept>(&verdict);
  REQUIRE(accepted != nullptr);
  const server::Reply reply([&answer](std::optional<server::Response> response) { answer = std::move(response); });
  house.core->handler().handle_async(std::move(request), accepted->context, reply);
}

}  // namespace

TEST_CASE("an exchange gives its worker back while it waits for the commit", "[server][access][exchange]") {
  House house;
  house.add_operator("ann", "supervisor");
  auto held = std::make_unique<HoldingCommitter>();
  HoldingCommitter& committer = *held;
  house.core->use_committer(std::move(held));
  std::vector<std::function<void()>> later;
  house.core->use_answer_executor([&later](std::function<void()> work) { later.push_back(std::move(work)); });

  std::vector<std::unique_ptr<Device>> devices;
  std::vector<std::optional<server::Response>> answers(3);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    devices.push_back(std::make_unique<Device>(house, "ann", "all"));
    must(devices[i]->open_session());
    v1::ExchangeRequest asked = devices[i]->request();
    asked.add_change_sets(devices[i]->seal({devices[i]->create(random_id<TicketId>(house.environment))}));
    give(house, devices[i]->signed_request("POST", "/sync/v1/exchange", asked.SerializeAsString()), answers[i]);
  }
  CHECK(committer.held() == 3);
  committer.let_go();
  CHECK(later.size() == 3);  // made by the workers, not by the committer
  for (const auto& answer : answers) CHECK_FALSE(answer.has_value());
  for (const auto& work : later) work();
  for (std::size_t i = 0; i < answers.size(); ++i) {
    REQUIRE(answers[i].has_value());
    CHECK(answers[i]->status == 200);
    CHECK(devices[i]->proven(*answers[i]));
  }
}

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

namespace {

/// What a reader beside the server sees again and again: commits from the first to the newest, none left out, and at
/// least those that the server tells of.
void watch_for_holes(House& house, const std::atomic<bool>& done, std::vector<std::string>& holes) {
  std::string path;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(house.options().directory))
    if (entry.path().filename() == "tern.db") path = entry.path();
  sqlite::OpenOptions options;
  options.path = path;
  options.role = sqlite::Role::reader;
  options.create = false;
  const auto db = must(sqlite::Database::open(options));
  do {
    const auto told = house.command(cmd("status"))["rows"].items()[0]["commit_seq"].as_integer();
    const auto newest = must(db->int64_of("SELECT max(commit_seq) FROM change_set")).value_or(0);
    const auto below = must(db->int64_of("SELECT count(*) FROM change_set WHERE commit_seq <= $1", newest)).value_or(0);
    if (newest < told) holes.push_back("commit " + std::to_string(told) + " is told of and cannot be read");
    if (below != newest)
      holes.push_back("below commit " + std::to_string(newest) + " there are " + std::to_string(below));
  } while (!done);
}

}  // namespace

TEST_CASE("many exchanges at once, one of them a revocation, leave one truth", "[server][access][threads][I2]") {
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
  std::vector<std::string> holes;
  std::thread reader([&] { watch_for_holes(house, done, holes); });
  const auto answers = send_at_once(house, std::move(requests));
  done = true;
  admin.join();
  reader.join();
  CHECK(holes == std::vector<std::string>{});
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
