#include "unit/hostile/rig.hpp"

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <thread>

#include "support/catch.hpp"
#include "support/persist.hpp"
#include "tern/protocol/zstd.hpp"
#include "tern/sqlite/database.hpp"
#include "tern/sqlite/transaction.hpp"
#include "tern/sync/conflict.hpp"
#include "tern/sync/trusted_time.hpp"

namespace tern::test {
namespace {

constexpr std::int64_t head_ms = 1'000, first_frame_ms = 200, close_ms = 200;

/// Anchors are made when somebody asks, whatever they ask; how many nodes a leaf brings hangs on the tree's size, and
/// how many pages of words a message brings on what was merged.
bool is_noise(const std::string& table) {
  return table == "anchor" || table == "log_node" || table.starts_with("sqlite_") || table.starts_with("words");
}

void count_rows(const std::string& path, const std::string& name, Stored& into) {
  sqlite::OpenOptions options;
  options.path = path;
  options.role = sqlite::Role::reader;
  options.create = false;
  const auto db = must(sqlite::Database::open(options));
  auto tables = must(db->query("SELECT name FROM sqlite_master WHERE type = 'table'"));
  while (must(tables.step())) {
    const std::string table(tables.text(0));
    if (is_noise(table)) continue;
    auto rows = must(db->prepare("SELECT count(*) FROM \"" + table + "\""));
    REQUIRE(must(rows.step()));
    into[(name == "tern" ? "" : name + ".") + table] = rows.int64(0);
  }
}

std::uint64_t status_kib(const std::string& field) {
  std::ifstream in("/proc/self/status");
  std::uint64_t kib = 0;
  for (std::string word; in >> word;)
    if (word == field + ":") in >> kib;
  return kib;
}

Bytes in_http(const server::Request& request, const Bytes& body, std::string_view more = {}) {
  Bytes out = request.method + " " + request.target + " HTTP/1.1\r\nHost: t\r\n";
  for (const auto& header : request.headers) out += header.name + ": " + header.value + "\r\n";
  if (!body.empty()) out += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  return out.append(more).append("\r\n").append(body);
}

}  // namespace

/// The core's handler, but for two things that a test cannot wait for or come by: five seconds of silence, and a bug.
class HostileRig::Front : public server::Handler {
public:
  explicit Front(House& house) : house_(house) {}

  server::HeadVerdict on_head(const server::Request& head) override {
    if (head.path == "/bug") throw std::runtime_error("a secret of the inside");
    return inside().on_head(head);
  }
  server::Response handle(server::Request&& request, std::any context) override {
    return inside().handle(std::move(request), std::move(context));
  }
  void handle_async(server::Request&& request, std::any context, server::Reply reply) override {
    inside().handle_async(std::move(request), std::move(context), std::move(reply));
  }
  server::UpgradeVerdict on_upgrade(const server::Request& head) override {
    auto verdict = inside().on_upgrade(head);
    if (auto* accept = std::get_if<server::StreamAccept>(&verdict))
      if (accept->first_message_ms > first_frame_ms) accept->first_message_ms = first_frame_ms;
    return verdict;
  }
  void on_edge_answer(const std::any& context, server::Response& answer) override {
    inside().on_edge_answer(context, answer);
  }

private:
  server::Handler& inside() { return house_.core->handler(); }
  House& house_;
};

struct HostileRig::Writer {
  std::unique_ptr<sqlite::Database> database;
  sqlite::Transaction transaction;
};

HostileRig::HostileRig() : front_(std::make_unique<Front>(house)) {
  server::ServerOptions core = house.options();
  core.ballast_bytes = 4096;
  core.disk_space = [this](const std::string&) {
    return server::DiskSpace{1ULL << 40, disk_is_full_ ? 0 : 1ULL << 39};
  };
  house.core.reset();
  house.core = must(server::ServerCore::open(core, house.environment));
  server::EdgeOptions options;
  options.listen_port = 0;
  options.loops = 1;
  options.workers = 2;
  options.deadlines.head_ms = head_ms;
  options.deadlines.close_ms = close_ms;
  options.on_request_done = [this](const server::RequestRecord& record) {
    const std::lock_guard lock(log_mutex_);
    logged_[std::string(record.request_id)] = record.status;
    log_grew_.notify_all();
  };
  edge_ = std::make_unique<server::EdgeServer>(options, *front_);
  must(edge_->start());
}

HostileRig::~HostileRig() {
  line_.reset();
  edge_->stop(0);
}

std::unique_ptr<Device> HostileRig::device(const std::string& role, const std::string& scope) {
  const std::string name = "dora" + std::to_string(++devices_);
  house.add_operator(name, role);
  auto made = std::make_unique<Device>(house, name, scope);
  must(made->open_session());
  made->download();
  return made;
}

void HostileRig::fill_disk() {
  disk_is_full_ = true;
  house.tick();
}

void HostileRig::empty_disk() {
  if (!std::exchange(disk_is_full_, false)) return;
  house.tick();
}

void HostileRig::write_elsewhere() {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(house.folder.file("server"))) {
    if (entry.path().filename() != "tern.db") continue;
    sqlite::OpenOptions options;
    options.path = entry.path();
    options.create = false;
    auto database = must(sqlite::Database::open(options));
    auto transaction = must(sqlite::Transaction::begin_write(*database));
    others_.push_back({std::move(database), std::move(transaction)});
  }
  REQUIRE_FALSE(others_.empty());
}

TicketId HostileRig::ticket_of(Device& device) {
  const TicketId ticket = random_id<TicketId>(house.environment);
  REQUIRE_FALSE(device.push(device.create(ticket)).has_error());
  return ticket;
}

// ---- the attack ----

void HostileRig::begin() {
  before_ = stored();
  stored_since_.reset();
  std::ofstream("/proc/self/clear_refs") << "5";  // the peak starts here
  memory_before_kib_ = status_kib("VmRSS");
  line_ = std::make_unique<RawClient>(edge_->port());
}

/// Of an answer that asks to come back, when; of each that is the server's fault, its id in the log.
void HostileRig::check_promises(const RawAnswer& got) {
  last_ = got;
  if (got.status == 429 || got.status == 503) CHECK(got.headers.contains("retry-after"));
  if (got.status < 500) return;
  std::unique_lock lock(log_mutex_);
  const std::string id = got.headers.at("x-request-id");
  CHECK(log_grew_.wait_for(lock, std::chrono::seconds(10), [&] { return logged_.contains(id); }));
  CHECK(logged_[id] == got.status);
}

std::string HostileRig::answer() {
  const auto got = line_->answer();
  others_.clear();
  if (!got) return "cut";
  check_promises(*got);
  const std::string code = got->code();
  if (!code.empty()) {  // a problem is whole, whoever made it
    const Json problem = must(parse_json(got->body));
    CHECK(got->headers.at("content-type") == "application/problem+json");
    CHECK_FALSE(problem["title"].as_string().empty());
    CHECK(problem["request_id"].as_string() == got->headers.at("x-request-id"));
    CHECK(got->body.find("secret") == std::string::npos);
  }
  return std::to_string(got->status) + (code.empty() ? "" : " " + code);
}

std::string HostileRig::send(std::string_view bytes) {
  begin();
  line_->send(bytes);
  return answer();
}

std::string HostileRig::post(const std::string& target, const std::string& headers, std::string_view body) {
  return send("POST " + target + " HTTP/1.1\r\nHost: t\r\n" + headers +
              "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body));
}

std::string HostileRig::exchange(Device& device, const v1::ExchangeRequest& request) {
  const Bytes body = request.SerializeAsString();
  const server::Request signed_request = device.signed_request("POST", "/sync/v1/exchange", body);
  begin();
  line_->send(in_http(signed_request, body));
  const auto got = line_->answer();
  others_.clear();
  if (!got) return "cut";
  check_promises(*got);
  server::Response answer(got->status);
  for (const auto& [name, value] : got->headers) answer.set_header(name, value);
  answer.body = got->body;
  if (got->status != 200) return std::to_string(got->status) + " " + got->code();
  CHECK(device.proven(answer));
  const bool packed = answer.header("content-encoding") == "zstd";
  REQUIRE(response.ParseFromString(packed ? must(protocol::decompress(got->body)) : got->body));
  if (response.has_error()) return response.error().code() + " " + response.error().retry();
  return ticket_outcome(device);
}

std::string HostileRig::ticket_outcome(const Device& device) const {
  if (response.receipts().empty()) return "taken";
  v1::SetOutcomes outcomes;
  REQUIRE(outcomes.ParseFromString(device.receipts(response).receipts.back().outcomes));
  REQUIRE(outcomes.outcomes_size() > 0);
  const auto& last = outcomes.outcomes(outcomes.outcomes_size() - 1);
  std::string said(to_string(static_cast<sync::Outcome>(last.outcome())));
  const auto reason = static_cast<sync::ReasonCode>(last.reason());
  if (reason != sync::ReasonCode::none) said += " " + std::string(to_string(reason));
  if ((last.time_flags() & sync::time_flag_anchor_unknown) != 0) said += ", anchor unknown";
  if ((last.time_flags() & sync::time_flag_seen_cut) != 0) said += ", seen cut";
  return said;
}

std::string HostileRig::push(Device& device, const Bytes& set) {
  v1::ExchangeRequest request = device.request();
  request.add_change_sets(set);
  return exchange(device, request);
}

std::string HostileRig::close_code() {
  while (const auto frame = line_->frame())
    if (frame->opcode == 8) return "close " + std::to_string(frame->close_code());
  return "cut";
}

std::string HostileRig::stream(Device& device, const std::function<Bytes(protocol::FrameSealer&)>& bytes) {
  const server::Request upgrade = device.signed_request("GET", "/sync/v1/stream", {});
  protocol::FrameSealer up(protocol::Direction::up, protocol::stream_key(device.keys.frame_up, device.last_mac));
  const Bytes attack = bytes(up);
  begin();
  line_->send(in_http(upgrade, {},
                      "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"));
  const auto opened = line_->answer();
  if (!opened) return "cut";
  if (opened->status != 101) return std::to_string(opened->status) + " " + opened->code();
  line_->send(attack);
  return close_code();
}

std::string HostileRig::frames(const Bytes& bytes) {
  const auto van = device();
  return stream(*van, [&](protocol::FrameSealer&) { return bytes; });
}

std::string HostileRig::trickle() {
  begin();
  line_->send("GET /healthz HTTP/1.1\r\nX: ");
  std::string said;
  std::thread reader([&] { said = answer(); });
  for (int i = 0; i < 8000 && line_->send("x"); ++i) std::this_thread::yield();  // then it has become too large
  reader.join();
  return said;
}

std::string HostileRig::command(const Json& command) {
  begin();
  const auto done = house.try_command(command);
  return done ? "done" : std::string(to_string(done.error().code)) + ": " + done.error().message;
}

// ---- afterwards ----

std::string HostileRig::header(const std::string& name) const {
  const auto found = last_.headers.find(name);
  return found == last_.headers.end() ? std::string() : found->second;
}

std::string HostileRig::problem(const std::string& member) const {
  const Json said = must(parse_json(last_.body));
  return said[member].as_string();
}

bool HostileRig::line_is_closed() {
  return line_->is_closed_by_peer() && line_->rest().empty();
}

bool HostileRig::line_still_serves() {
  line_->send("GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n");
  const auto got = line_->answer();
  const bool in_trouble = got && got->status == 503 && places_fail();  // until something is written again
  return got && (in_trouble || got->status == (disk_is_full_ ? 503 : 200));
}

bool HostileRig::others_are_served() {
  RawClient other(edge_->port());
  other.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const auto got = other.answer();
  return got && got->status == 200;
}

Stored HostileRig::stored() const {
  Stored all;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(house.folder.file("server")))
    if (entry.path().extension() == ".db") count_rows(entry.path(), entry.path().stem(), all);
  return all;
}

std::string HostileRig::stored_since() {
  if (stored_since_) return *stored_since_;
  std::string out;
  for (const auto& [table, rows] : stored()) {
    const auto was = before_.find(table);
    const std::int64_t more = rows - (was == before_.end() ? 0 : was->second);
    if (more != 0) out += (out.empty() ? "" : ", ") + table + (more > 0 ? " +" : " ") + std::to_string(more);
  }
  stored_since_ = out;
  return out;
}

std::uint64_t HostileRig::memory_since_kib() const {
  const std::uint64_t peak = status_kib("VmHWM");
  return peak > memory_before_kib_ ? peak - memory_before_kib_ : 0;
}

}  // namespace tern::test
