#include "simulation/run.hpp"

#include <algorithm>
#include <utility>

#include "simulation/judge.hpp"
#include "tern/server/server_core.hpp"

namespace tern::test {
namespace {

constexpr std::int64_t settle_ms_max = minutes_ms(10);
// Of each device: sessions, own work, receipts, news, copies that are made anew.
constexpr std::uint64_t requests_of_a_device = 30;
constexpr std::uint64_t look_every_events = 40;

std::string invariant_of(const std::string& complaint) {
  const auto colon = complaint.find(':');
  return colon == std::string::npos || colon > 8 ? "?" : complaint.substr(0, colon);
}

}  // namespace

Run::Run(const Plan& plan, const Profile& profile)
    : plan_(plan),
      profile_(profile),
      seed_(Seed{plan.seed}.child(profile.name)),
      disk_(seed_, plan.without.contains("sectors")),
      world_(seed_, &disk_) {}

Run::~Run() {
  disk_.on_power_lost = nullptr;  // a cut that is still due may come while all is closed
  let_server_go();
  world_.server.before_going = [this] { world_.network.break_streams(); };
}

// ---- the cast ----

void Run::set_up() {
  if (profile_.neighbours != 0) {
    first_ = "World";
    must(world_.server.try_administer("tenant add", {{"name", Json("Neighbours")}}));
  }
  shop_.queues = {world_.add_record("queue", "Field", first_), world_.add_record("queue", "Desk", first_)};
  customer_ = world_.add_record("contact", "Mrs Miller", first_);
  shop_.categories = {world_.add_record("category", "Pumps", first_), world_.add_record("category", "Doors", first_)};
  const std::vector<std::pair<std::string, DeviceOptions>> cast{
      {"ann", {.role = "supervisor"}},
      {"ben", {.role = "operator", .queues = {"Field"}, .scope_all = false}},
      {"cas", {.role = "operator", .queues = {"Field", "Desk"}}},
      {"ann at home", {.person = "ann", .scope_all = false}},
      {"dot", {.role = "light"}},
      {"eli", {.role = "manager"}}};
  for (std::uint64_t i = 0; i < std::min<std::uint64_t>(profile_.devices, cast.size()); ++i) {
    if (!has("device-" + std::to_string(i)) && i != 0) continue;
    DeviceOptions options = cast[i].second;
    options.tenant = first_;
    seat(world_.add_device(cast[i].first, options));
  }
  if (profile_.neighbours != 0) {
    world_.add_record("queue", "Theirs", "Neighbours");
    seat(world_.add_device("neighbour", {.role = "supervisor", .tenant = "Neighbours"}), true);
  }
  for (const auto& one : seats_)
    if (!one->neighbour) shop_.people.push_back(one->device->operator_id());

  if (profile_.acts.contains("integration")) open_to_others();
  world_.network.on_answer = [this](const std::string&, const client::HttpRequest& request,
                                    client::HttpAnswer& answer) {
    if (answer.status == 503 && answer.body.find("\"busy\"") != Bytes::npos) mark("BUSY time-out");
    if (answer.status == 401 && answer.body.find("\"replayed\"") != Bytes::npos) mark("counter below the window");
    for (const auto& [name, value] : request.headers)
      if (name == "tern-auth" && answer.header("content-type") == "application/x-protobuf" && ++answered_[value] == 2)
        world_.complain("I25: one request under a session was answered twice");
  };
  world_.server.before_going = [this, also = world_.server.before_going] {
    let_server_go();
    also();
  };
  disk_.on_power_lost = [this](const std::string& root) { on_power_lost(root); };
  Random swarm(seed_, "swarm");
  for (const Act& act : acts()) {
    const auto weight = profile_.acts.find(act.name);
    const bool always = std::string_view(act.name) == "work" || std::string_view(act.name) == "sync";
    const bool drawn = profile_.swarm == 0 || always || swarm.chance(600);
    if (weight == profile_.acts.end() || weight->second == 0 || !drawn) continue;
    wheel_.emplace_back(&act, weight->second);
    weights_ += weight->second;
  }
  began_ms_ = world_.schedule.now_ms();
  tenants_ = world_.server.tenants().size();
}

std::string Run::portal_token() {
  const auto made =
      administer("api create_client_token",
                 {{"portal_domain", Json("client.example")}, {"user_id", Json(7)}, {"user_name", Json("Joe Smith")}});
  if (!made) return {};
  newest_token_ = (*made)["token"].as_string();
  world_.secrets.push_back(newest_token_);
  return newest_token_;
}

/// A program of somebody else's that writes over the API, a customer with an address, and who is told of what happens.
void Run::open_to_others() {
  outside_.reachable = [this] { return world_.server.powered(); };
  outside_.now_ms = [this] { return world_.schedule.now_ms(); };
  outside_.complain = [this](std::string what) { world_.complain(std::move(what)); };
  world_.server.on_open = [this](server::ServerCore& core) {
    core.use_egress(
        outside_, [](const std::function<void()>& work) { work(); }, 4);
  };
  world_.server.restart();
  const auto secret = [this](std::string text) {
    world_.secrets.push_back(text);
    return text;
  };
  const Json ann("ann@example.org");
  api_key_ = secret(must(administer("key add", {{"name", Json("Shop")}, {"operator_id", ann}}))["key"].as_string());
  must(administer("organisation add", {{"name", Json("Client Ltd")}, {"portal_domain", Json("client.example")}}));
  secret(must(administer(
      "webhook add",
      {{"name", Json("Billing")}, {"url", Json("https://billing.example/tern")}, {"owner", ann}}))["secret"]
             .as_string());
  must(administer("mail set", {{"host", Json("smtp.pumps.example")},
                               {"from", Json("support@pumps.example")},
                               {"user", Json("support")},
                               {"password", Json(secret("mail-password-of-the-run"))}}));
  // A customer is made by their first request, and has an address from then on.
  client::HttpRequest first;
  first.method = "POST";
  first.target = "/api/client.php";
  first.headers = {{"content-type", "application/json"}, {"x-client-token", portal_token()}};
  first.body = to_text(
      Json::object({{"action", Json("create_ticket")}, {"subject", Json("First")}, {"description", Json("of all")}}));
  check(must(world_.server.handle(first, "10.1.0.1")).status == 200, "a customer can ask for something");
  must(administer("contact set", {{"name", Json("Joe Smith")}, {"email", Json("joe@customer.example")}}));
  integration_ = std::make_unique<Integration>(world_, seed_);
}

Run::Seat& Run::seat(Device& device, bool neighbour) {
  seats_.push_back(std::make_unique<Seat>());
  Seat& made = *seats_.back();
  made.device = &device;
  made.agent = std::make_unique<Agent>(device, shop_, seed_);
  made.neighbour = neighbour;
  return made;
}

Run::Seat& Run::a_seat(Random& random) {
  return *seats_[random.below(seats_.size())];
}

Run::Seat* Run::a_working_seat(Random& random) {
  Seat& drawn = a_seat(random);
  return works(*drawn.device) ? &drawn : nullptr;
}

bool Run::office(const std::function<void()>& what) {
  if (!world_.server.up() || !world_.server.powered()) return false;
  const LookingOn without_faults(&disk_);
  what();
  return true;
}

Result<Json> Run::administer(const std::string& command, std::initializer_list<Json::Member> arguments) {
  return world_.server.try_administer(command, arguments, first_);
}

void Run::reopen(Device& device) {
  if (device.is_open() || device.gone || !device.powered()) return;
  if (const auto opened = device.try_open(); !opened)
    trace(device.name() + " does not open: " + std::string(to_string(opened.error().code)));
}

void Run::open_server() {
  if (world_.server.up() || !world_.server.powered()) return;
  if (const auto opened = world_.server.try_open(); !opened)
    trace("the server does not open: " + std::string(to_string(opened.error().code)));
  // It serves what opens; without all of it a run has nothing to ask, and somebody starts it again later.
  if (world_.server.up() && world_.server.tenants().size() < tenants_) world_.server.close();
}

void Run::set_server_clock(std::int64_t off_ms) {
  const std::int64_t before_ms = world_.server_clock_off_ms;
  VirtualEnvironment& environment = world_.server.environment;
  environment.set_wall(environment.wall_ms() - before_ms + off_ms);
  world_.server_clock_off_ms = off_ms;
  const auto believed = [this](std::int64_t wrong_ms) {
    believed_wrong_ms_ = std::max(believed_wrong_ms_, std::abs(wrong_ms));
  };
  if (std::abs(off_ms) <= believed_jump_ms) believed(off_ms);
  // One that starts while its clock is wrong has nothing to tell it by.
  if (before_ms != 0 && world_.server.opened() != opened_then_) believed(before_ms);
  opened_then_ = world_.server.opened();
  if (off_ms == 0 && before_ms != 0)
    office([&] {
      if (world_.server.tenant(world_.server.first_tenant()).clock_in_doubt()) {
        mark("server's clock in doubt");
        static_cast<void>(administer("clock accept"));
      }
    });
}

bool Run::hold_server_busy() {
  if (held_) return false;
  const LookingOn without_faults(&disk_);
  sqlite::OpenOptions options;
  options.path = world_.server.directory() + "/tenants/" + to_hex(world_.server.first_tenant()) + "/tern.db";
  options.create = false;
  options.busy_timeout_ms = 0;
  options.vfs = disk_.vfs();
  auto opened = sqlite::Database::open(options);
  if (!opened) return false;
  other_program_ = std::move(*opened);
  if (auto begun = sqlite::Transaction::begin_write(*other_program_)) held_.emplace(std::move(*begun));
  if (!held_) other_program_.reset();
  return held_.has_value();
}

void Run::let_server_go() {
  const LookingOn without_faults(&disk_);
  held_.reset();
  other_program_.reset();
}

void Run::give_up_unsent(Device& device, std::size_t since) {
  for (std::size_t i = since; i < world_.saved_work.size(); ++i)
    if (world_.saved_work[i].device == device.identity().device) world_.saved_work[i].may_be_lost = true;
}

/// Devices bring back what they hold. One that was set back, and had not fetched from the server what it had lost by
/// that, or went on writing before it did, does not hold it: no outbox has it, as if it were gone.
void Run::tear_above(std::uint64_t commit_seq) {
  std::set<ChangeRef> comes_back;
  for (const auto& one : seats_) {
    if (one->device->gone || excused(*this, *one->device)) continue;
    for (const ChangeId& id : world_.own_work(*one->device)) comes_back.insert({one->device->identity().device, id});
  }
  const auto db = world_.server.read(world_.server.first_tenant());
  auto rows = must(
      db->query("SELECT ticket_id, device_id, change_id FROM change WHERE commit_seq > $1 AND ticket_id IS NOT NULL",
                commit_seq));
  while (must(rows.step()))
    if (!comes_back.contains({rows.id<DeviceId>(1), rows.id<ChangeId>(2)}))
      world_.torn_tickets.insert(rows.id<TicketId>(0));
}

void Run::note_numbers() {
  const auto db = world_.server.read(world_.server.first_tenant());
  auto rows = must(db->query("SELECT ticket_id, state FROM ticket ORDER BY ticket_id"));
  while (must(rows.step())) {
    const std::string number = must(sync::decode_state(rows.blob(1))).number;
    const auto id = rows.id<TicketId>(0);
    const auto [at, first] = numbers_.try_emplace(number, id);
    if (!number.empty() && at->second != id) world_.complain("I6: " + number + " was given to two tickets");
  }
}

void Run::tear_work_of(const DeviceId& device) {
  if (!restored_) return;
  for (const SavedWork& work : world_.saved_work)
    if (work.device == device) world_.torn_tickets.insert(work.ticket);
}

/// Somewhere in the middle of what the machine did. It comes back when it has power again.
void Run::on_power_lost(const std::string& root) {
  if (root == world_.server.directory()) {
    world_.schedule.after(0, [this] {
      world_.server.crash();
      mark("server lost power");
      trace("server lost power");
      world_.schedule.after(5'000, [this] { open_server(); });
    });
    return;
  }
  for (const auto& one : seats_) {
    if (one->device->home() != root) continue;
    world_.schedule.after(0, [this, device = one->device] {
      device->lose_power();
      mark("device lost power");
      trace(device->name() + " lost power");
      reopen(*device);
    });
  }
}

// ---- what happens ----

void Run::trace(const std::string& line) {
  std::string whole = std::to_string(world_.schedule.now_ms() - began_ms_) + " " + line;
  for (const char c : whole) result_.trace = (result_.trace ^ static_cast<unsigned char>(c)) * 1099511628211U;
  if (keep_lines_) result_.lines.push_back(std::move(whole));
}

void Run::note(const std::string& what) {
  trace(what);
}

std::uint64_t Run::newest_commit() const {
  return world_.server.tenant(world_.server.first_tenant()).commit_seq();
}

void Run::draw_faults(Random& random) {
  if (!has("network")) return;
  const auto up_to = [&](std::uint64_t most) {
    const bool none = profile_.swarm != 0 && random.chance(400);
    return static_cast<unsigned>(none ? 0 : random.below(most + 1));
  };
  const unsigned drop = up_to(profile_.drop), duplicate = up_to(profile_.duplicate), reorder = up_to(profile_.reorder),
                 truncate = up_to(profile_.truncate), flip = up_to(profile_.flip), delay = up_to(profile_.delay_ms);
  world_.network.faults = {drop, duplicate, reorder, truncate, flip, static_cast<std::int64_t>(delay)};
}

/// Each event draws from numbers of its own, so that others may be left out and it stays what it was.
void Run::happen(std::uint64_t event) {
  Random random(seed_, "event " + std::to_string(event));
  Random clock(seed_, "pause " + std::to_string(event));
  if (plan_.happens(event) && weights_ != 0) {
    std::uint64_t at = random.below(weights_);
    std::size_t drawn = 0;
    while (at >= wheel_[drawn].second) at -= wheel_[drawn++].second;
    const Act& act = *wheel_[drawn].first;
    if (has(act.name)) {
      trace(act.name + (world_.server.up() ? " @" + std::to_string(newest_commit()) : std::string()));
      act.happen(*this, random);
    }
  }
  // A copy that had to be repaired had missed something. Which device knows only until it is closed.
  if (!restored_)
    for (const auto& one : seats_)
      if (works(*one->device) && one->device->client().engine().report().scope_repairs != 0)
        world_.complain("I9: " + one->device->name() + " had to repair its copy");
  // Mostly seconds, now and then long enough that all comes to the profile's hours.
  const auto mean_ms =
      static_cast<std::int64_t>(profile_.hours * 3'600'000 / std::max<std::uint64_t>(1, profile_.events));
  pass(clock.chance(700) ? clock.between(0, 3'000) : clock.between(0, 6 * mean_ms));
}

void Run::pass(std::int64_t ms) {
  const std::int64_t from_ms = world_.schedule.now_ms();
  world_.pass(ms);
  const auto passed_ms = static_cast<std::uint64_t>(world_.schedule.now_ms() - from_ms);
  for (const auto& one : seats_)
    one->device->environment.advance(static_cast<std::int64_t>(passed_ms * one->drift_ppm / 1'000'000));
}

RunResult Run::go(bool keep_lines) {
  keep_lines_ = keep_lines;
  result_.trace = 14695981039346656037U;
  set_up();
  if (plan_.fault) plan_fault();
  Random faults(seed_, "faults");
  for (std::uint64_t event = 0; event < profile_.events; ++event) {
    result_.event = event;
    if (event % 25 == 0) draw_faults(faults);
    happen(event);
    if (event % look_every_events == look_every_events - 1 && world_.server.up() && world_.server.powered() &&
        all_know_ && !world_.acknowledged_is_kept())
      break;
    if (!world_.complaints().empty()) break;
  }
  result_.device_ms = (world_.schedule.now_ms() - began_ms_) * static_cast<std::int64_t>(seats_.size());
  if (world_.complaints().empty()) {
    result_.event = profile_.events;
    heal();
    settle();
    judge();
  }
  count_markers();
  if (!world_.complaints().empty()) {
    result_.invariant = invariant_of(world_.complaints().front());
    for (const std::string& complaint : world_.complaints()) result_.what += complaint + "\n";
  }
  return std::move(result_);
}

// ---- one fault at one place ----

/// Empty: there is no such machine.
std::string Run::planned_root() const {
  const std::string& machine = plan_.fault->machine;
  if (machine == "server") return world_.server.directory();
  for (std::size_t i = 0; i < seats_.size(); ++i)
    if (machine == "device-" + std::to_string(i)) return seats_[i]->device->home();
  return {};
}

void Run::plan_fault() {
  const PlannedFault& fault = *plan_.fault;
  const std::string root = planned_root();
  if (root.empty()) return world_.complain("must: there is no machine " + fault.machine);
  calls_before_ = disk_.calls(root);
  if (fault.nth == 0) return;
  if (fault.kind == "power") return disk_.cut_power_at(root, fault.nth);
  if (fault.kind == "statement") return disk_.fail_statement(root, fault.nth);
  disk_.fail_call(root, disk_call::any, fault.nth, fault.kind == "ever");
}

// ---- the healed world ----

void Run::heal() {
  if (plan_.fault) {
    const DiskCalls calls = disk_.calls(planned_root());
    mark(marker_calls, calls.all - calls_before_.all);
    mark(marker_changing_calls, calls.changing - calls_before_.changing);
    mark(marker_statements, calls.statements - calls_before_.statements);
  }
  trace("healed");
  let_server_go();
  set_server_clock(0);
  world_.network.heal();
  world_.network.portal = nullptr;
  disk_.heal("");
  disk_.heal(world_.server.directory());
  for (const auto& one : seats_) disk_.heal(one->device->home());
  world_.pass(60'000);  // who lost power a moment ago comes back
  if (!world_.server.up())
    if (const auto opened = world_.server.try_open(); !opened)
      world_.complain("I29: the server does not open on a healed disk: " + opened.error().message);
  for (const auto& one : seats_)
    if (!one->device->gone && !one->device->is_open())
      if (const auto opened = one->device->try_open(); !opened)
        world_.complain("I29: " + one->device->name() + " does not open on a healed disk: " + opened.error().message);
}

/// How many are enough for all of them, whatever is to be sent and fetched: more would be a storm of retries.
std::uint64_t Run::requests_to_rest() {
  std::uint64_t most = 0;
  for (const auto& one : seats_) {
    if (one->device->gone) continue;
    most += requests_of_a_device;
    const auto status = one->device->is_open() ? one->device->client().views().status() : Result<client::SyncStatus>();
    if (!status) continue;
    most += status->saved_here + status->sent;
    if (world_.server.up() && newest_commit() > status->cursor) most += newest_commit() - status->cursor;
  }
  return most;
}

/// I35: in bounded time, and with a bounded number of requests, everybody knows everything.
void Run::settle() {
  if (!world_.complaints().empty()) return;
  const std::int64_t from_ms = world_.schedule.now_ms();
  const std::uint64_t requests = world_.network.seen().requests;
  const std::uint64_t requests_max = requests_to_rest();
  if (!world_.run_until_quiet()) return;
  world_.pass(10'000);
  // Devices whose keys ended ask again and again, ever more rarely; the world waits for them too.
  const bool all_may_rest =
      std::ranges::none_of(seats_, [&](const auto& one) { return !one->device->gone && excused(*this, *one->device); });
  if (all_may_rest && world_.schedule.now_ms() - from_ms > settle_ms_max)
    world_.complain("I35: the healed world took " + std::to_string((world_.schedule.now_ms() - from_ms) / 60'000) +
                    " minutes");
  for (std::int64_t waited_ms = 0; integration_ && !integration_->idle(); waited_ms += 10'000) {
    if (waited_ms > settle_ms_max) return world_.complain("I35: what was asked over the API is still not answered");
    world_.pass(10'000);
  }
  if (integration_ && !world_.run_until_quiet()) return;
  trace("quiet");
  const std::uint64_t asked = world_.network.seen().requests - requests;
  mark("requests to come to rest", asked);
  if (asked > requests_max)
    world_.complain("I35: " + std::to_string(asked) + " requests to come to rest, where " +
                    std::to_string(requests_max) + " are enough");
  for (const auto& one : seats_) {
    Device& device = *one->device;
    if (device.gone || device.up_to_date() || excused(*this, device)) continue;
    const auto status = device.client().views().status();
    world_.complain("I35: " + device.name() +
                    " does not come to rest: " + (device.fault() ? device.fault()->message : "no fault") +
                    (status && !status->paused.empty() ? "; paused: " + status->paused : ""));
  }
}

/// A device that was told to has destroyed its copy, and keeps nothing that could be asked.
void Run::look_at_wiped() {
  for (const auto& one : seats_) {
    Device& device = *one->device;
    if (device.gone || !device.is_open()) continue;
    const auto status = device.client().views().status();
    if (!status || !status->wiped) continue;
    mark("device wiped");
    if (!disk_.content(device.home() + "/replica.db").empty())
      world_.complain("I17: " + device.name() + " was wiped and still has its copy");
    device.close();
  }
}

void Run::judge() {
  // Who does not come to rest hides nothing else that is wrong.
  if (std::ranges::any_of(world_.complaints(), [](const auto& one) { return invariant_of(one) != "I35"; })) return;
  look_at_wiped();
  if (restored_) {
    world_.forget_acknowledged();
    // A key may have frozen since the restore: what its device did before waits for an administrator.
    for (const auto& one : seats_)
      if (excused(*this, *one->device)) tear_work_of(one->device->identity().device);
    // Who may not talk to the server any more has not heard of its new epoch.
    for (const auto& one : seats_)
      if (!one->device->gone && excused(*this, *one->device)) one->device->close();
  }
  static_cast<void>(world_.invariants_hold());
  if (std::ranges::all_of(world_.complaints(), [](const auto& one) { return invariant_of(one) == "I35"; }))
    judge_history(*this);
  for (const TenantId& tenant : world_.server.tenants())
    trace("log " + std::to_string(world_.server.tenant(tenant).commit_seq()));
}

void Run::count_markers() {
  const FaultsSeen& net = world_.network.seen();
  const DiskSeen& disk = disk_.seen();
  const std::pair<const char*, std::uint64_t> counted[] = {{"message dropped", net.dropped},
                                                           {"message duplicated", net.duplicated},
                                                           {"message reordered", net.reordered},
                                                           {"message truncated", net.truncated},
                                                           {"message flipped", net.flipped},
                                                           {"no network", net.refused},
                                                           {"answer lost one way", net.unheard},
                                                           {"line clogged", net.clogged},
                                                           {"disk error", disk.errors},
                                                           {"fsync error", disk.failed_syncs},
                                                           {"disk full", disk.full},
                                                           {"unsynced sectors lost", disk.lost_sectors},
                                                           {"torn WAL", disk.torn_wals},
                                                           {"torn file", disk.torn_files},
                                                           {"bit flipped at rest", disk.flipped},
                                                           {"no memory", disk.memory},
                                                           {"disk full inside COMMIT", disk.full_in_commit},
                                                           {"line half open", net.half_open},
                                                           {"half-open line noticed", net.half_open_noticed},
                                                           {"acknowledged again", world_.server.acknowledged_again()},
                                                           {"statement failed", disk.statements}};
  for (const auto& [name, times] : counted)
    if (times != 0) mark(name, times);
  if (integration_) {
    const std::pair<const char*, std::uint64_t> of_others[] = {
        {"written over the API", integration_->done()},
        {"asked again over the API", integration_->asked_again()},
        {"answered again over the API", integration_->answered_again()},
        {"webhook", outside_.deliveries().size()},
        {"mail", outside_.mails_taken()},
        {"mail to a customer", outside_.mails_to_customers()},
        {"sent out again", outside_.again()}};
    for (const auto& [name, times] : of_others)
      if (times != 0) mark(name, times);
  }
  for (const auto& one : seats_) result_.changes += one->agent->changes();
}

RunResult run(const Plan& plan, const Profile& profile, bool keep_lines) {
  return Run(plan, profile).go(keep_lines);
}

}  // namespace tern::test
