#include "support/world.hpp"

#include <algorithm>

#include "outbox/outbox.hpp"

namespace tern::test {
namespace {

constexpr std::int64_t run_ms_max = 3'600'000;
constexpr int passes_max = 60;

/// What a device sends before it is one: at once, without faults.
class StraightLine final : public client::Transport {
public:
  StraightLine(Server& server, std::string address) : server_(server), address_(std::move(address)) {}
  Result<client::HttpAnswer> send(const client::HttpRequest& request) override {
    return server_.handle(request, address_);
  }

private:
  Server& server_;
  std::string address_;
};

std::string address_of(const std::string& person) {
  std::string address;
  for (const char c : person) address += c == ' ' ? '.' : static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return address + "@example.org";
}

Json texts(const std::vector<std::string>& list) {
  Json out = Json::array();
  for (const std::string& text : list) out.push(Json(text));
  return out;
}

}  // namespace

void copy_files(const std::string& from, const std::string& to) {
  namespace fs = std::filesystem;
  fs::remove_all(to);
  fs::create_directories(to);
  fs::permissions(to, fs::perms::owner_all);
  for (const auto& entry : fs::recursive_directory_iterator(from)) {
    const fs::path target = fs::path(to) / fs::relative(entry.path(), from);
    if (entry.is_directory()) {
      fs::create_directories(target);
      fs::permissions(target, fs::perms::owner_all);
    } else if (entry.is_regular_file() && !entry.path().string().ends_with("-shm")) {
      fs::copy_file(entry.path(), target);
    }
  }
}

World::World(Seed s, WorldDisk* d)
    : seed(s),
      disk(d),
      schedule(Random(s, "schedule"), [this](std::int64_t by_ms) { move_clocks(by_ms); }),
      server(folder.path(), s, d),
      network(schedule, server, s),
      random(s, "test"),
      seed_shown_(Catch::MessageBuilder("INFO", CATCH_INTERNAL_LINEINFO, Catch::ResultWas::Info)
                  << "the run of TERN_SEED=" << s.value) {
  server.before_going = [this] { network.break_streams(); };
  server.run_pushes_later = [this](std::function<void()> push) { schedule.after(0, std::move(push)); };
}

World::~World() {
  network.break_streams();
  for (const auto& device : devices_) device->close();
}

// ---- who is there ----

OperatorId World::add_operator(const std::string& name, const std::string& role, const std::vector<std::string>& queues,
                               const std::string& tenant) {
  const Json made = server.administer(
      "operator add",
      {{"email", Json(address_of(name))}, {"name", Json(name)}, {"role", Json(role)}, {"queue", texts(queues)}},
      tenant);
  const OperatorId id = OperatorId::or_zero(from_uuid_text(made["id"].as_string()).value_or(""));
  operators_[tenant + "/" + name] = id;
  return id;
}

RecordId World::add_record(const std::string& kind, const std::string& name, const std::string& tenant) {
  const Json made = server.administer(kind + " add", {{"name", Json(name)}}, tenant);
  return RecordId::or_zero(from_uuid_text(made["id"].as_string()).value_or(""));
}

void World::change_role(const std::string& person, const std::string& role) {
  server.administer("operator set", {{"operator", Json(address_of(person))}, {"role", Json(role)}});
}

std::string World::enrolment_code(const std::string& person, bool scope_all, const std::string& tenant) {
  const Json code = server.administer(
      "device code", {{"operator", Json(address_of(person))}, {"scope", Json(scope_all ? "all" : "own")}}, tenant);
  secrets.push_back(code["code"].as_string());
  return secrets.back();
}

Result<client::DeviceIdentity> World::enrol(const std::string& home, const std::string& code,
                                            client::Transport& transport, Environment& environment) {
  client::EnrolmentRequest request;
  request.home = home;
  request.server_url = "http://127.0.0.1:8470";
  request.code = code;
  request.device_name = std::filesystem::path(home).filename();
  request.platform = "world";
  if (disk != nullptr) request.vfs = disk->vfs();
  return client::enrol(request, transport, environment, [](const client::EnrolmentOffer&) { return true; });
}

Device& World::add_device(const std::string& name, const DeviceOptions& options) {
  const std::string person = options.person.empty() ? name : options.person;
  if (!operators_.contains(options.tenant + "/" + person))
    add_operator(person, options.role, options.queues, options.tenant);
  const std::string code = enrolment_code(person, options.scope_all, options.tenant);
  const std::string home = folder.file(name);
  const std::string address = "10.0.0." + std::to_string(devices_.size() + 1);
  if (disk != nullptr) disk->add_machine(home);
  auto made = std::make_unique<Device>(*this, name, home, address, seed.child("device " + name));
  made->environment.set_wall(server.environment.wall_ms());
  StraightLine line(server, address);
  must(enrol(home, code, line, made->environment));
  made->open();
  devices_.push_back(std::move(made));
  must(devices_.back()->sync());
  return *devices_.back();
}

void World::copy_home(const std::string& from, const std::string& to) {
  copy_files(from, to);
  if (disk != nullptr) disk->copy(from, to);
}

Device& World::clone(Device& of, const std::string& name) {
  const std::string address = "10.0.0." + std::to_string(devices_.size() + 1);
  auto made = std::make_unique<Device>(*this, name, folder.file(name), address, seed.child("device " + name));
  made->environment.set_wall(of.environment.wall_ms());
  if (disk != nullptr) disk->add_machine(made->home());
  copy_home(of.home(), made->home());
  made->open();
  devices_.push_back(std::move(made));
  return *devices_.back();
}

// ---- time ----

void World::move_clocks(std::int64_t by_ms) {
  server.environment.advance(by_ms);
  for (const auto& device : devices_) device->environment.advance(by_ms);
  if (schedule.now_ms() - ticked_ms_ < 1'000) return;
  ticked_ms_ = schedule.now_ms();
  server.tick();
}

void World::pass(std::int64_t ms) {
  schedule.pass(ms);
}

void World::run_while(const std::function<bool()>& busy) {
  const std::int64_t until_ms = schedule.now_ms() + run_ms_max;
  while (busy() && !schedule.empty() && schedule.next_ms() <= until_ms) schedule.step();
}

/// Equal before and after: nothing came to be known anywhere.
std::string World::progress() const {
  std::string all;
  for (const TenantId& tenant : server.tenants()) all += std::to_string(server.tenant(tenant).commit_seq()) + ";";
  for (const auto& device : devices_) {
    if (!device->is_open()) continue;
    const client::SyncStatus status = device->status();
    for (const std::uint64_t count :
         {status.saved_here, status.sent, status.confirmed, status.tickets, status.ghosts, status.cursor})
      all += std::to_string(count) + ",";
    all += status.paused + ";";
  }
  return all;
}

bool World::run_until_quiet() {
  const auto taking_part = [this](const Device& device) {
    return device.is_open() && !device.gone && network.reaches(device.address());
  };
  for (int pass = 0; pass < passes_max; ++pass) {
    const std::string before = progress();
    for (const auto& device : devices_)
      if (taking_part(*device) && !device->busy()) device->begin_round();
    run_while([&] {
      return std::ranges::any_of(devices_, [&](const auto& device) {
        return taking_part(*device) && !device->up_to_date() && (device->busy() || device->waits() < 4);
      });
    });
    schedule.pass(1'000);
    if (progress() == before) return true;
  }
  complain("I35: no quiet after " + std::to_string(passes_max) + " rounds of everybody");
  return false;
}

}  // namespace tern::test
