// Devices that say what they like to a whole server core, in any sequence: honest sets, gaps, forks, sets again, sets
// bent on their way, requests again; while administrators revoke and the server restarts. What has a receipt stays,
// once; what was refused left no trace; and the server's own check finds nothing.
//
// Input: operations of three bytes: what, which device, with what.
#include <filesystem>
#include <map>
#include <set>

#include "fuzz/fuzz_input.hpp"
#include "in_process_transport.hpp"
#include "load/load_device.hpp"
#include "support/temp_dir.hpp"
#include "tern/server/server_core.hpp"
#include "virtual_environment.hpp"

namespace tern::fz_sync_session {

namespace {

constexpr std::size_t devices = 3, operations_max = 24;
constexpr std::int64_t start_ms = 1'750'000'000'000;

server::ServerOptions options_in(const std::string& directory) {
  server::ServerOptions options;
  options.directory = directory;
  options.allow_plain_http = true;
  return options;
}

/// A server with nothing in it but an operator for each device, made once.
struct Template {
  Template() {
    check(protocol::init_crypto().has_value(), "crypto");
    fleet::VirtualEnvironment environment(1, start_ms);
    const auto made =
        server::ServerCore::init(options_in(home.file("server")), "fuzz", "a@fuzz.invalid", "good words", environment);
    check(made.has_value(), "a server is made");
    const auto core = server::ServerCore::open(options_in(home.file("server")), environment);
    check(core.has_value(), "a server opens");
    for (std::size_t i = 0; i < devices; ++i) {
      const auto added = (*core)->administer(Json::object({{"command", Json("operator add")},
                                                           {"email", Json("o" + std::to_string(i) + "@fuzz.invalid")},
                                                           {"role", Json(i == 0 ? "operator" : "supervisor")}}));
      check(added.has_value(), "an operator is made");
      operators.push_back((*added)["id"].as_string());
    }
  }
  test::TempDir home;
  std::vector<std::string> operators;
};

const Template& prepared() {
  static const Template made;
  return made;
}

/// One device's end, and what it knows of its own chain.
struct Peer {
  std::unique_ptr<fleet::LoadDevice> device;
  std::vector<Bytes> sets;     // of its chain, as sealed
  std::vector<TicketId> made;  // a ticket for each
  std::size_t confirmed = 0;   // of the sets, from the first on
  bool session = false;
};

class Scene {
public:
  Scene() {
    std::filesystem::copy(prepared().home.file("server"), home_.file("server"),
                          std::filesystem::copy_options::recursive);
    open();
    for (const std::string& operator_id : prepared().operators) {
      pass(7'000);
      const auto code = core_->administer(
          Json::object({{"command", Json("device code")}, {"operator", Json(operator_id)}, {"scope", Json("all")}}));
      check(code.has_value(), "a code is made");
      auto device = fleet::LoadDevice::enrol((*code)["code"].as_string(), *transport_, environment_);
      check(device.has_value(), "a device enrols");
      peers_.push_back({std::move(*device), {}, {}, 0, false});
    }
  }

  void operate(std::uint8_t what, std::uint8_t who, std::uint8_t with) {
    Peer& peer = peers_[who % peers_.size()];
    if (!peer.session) peer.session = peer.device->begin_session(*transport_, environment_).has_value();
    switch (what % 10) {
      case 0:
      case 1:
        save(peer, with);
        return push(peer, peer.confirmed, peer.sets.size(), {});
      case 2:
        return save(peer, with);
      case 3:  // a gap, or nothing new
        return push(peer, std::min(peer.sets.size(), peer.confirmed + with % 4), peer.sets.size(), {});
      case 4:  // all of it again
        return push(peer, 0, peer.sets.size(), {});
      case 5: {  // one bit
        if (peer.confirmed == peer.sets.size()) save(peer, with);
        return push(peer, peer.confirmed, peer.confirmed + 1, with);
      }
      case 6:
        core_.reset();
        return open();
      case 7:
        return pass(1'000LL << with % 24);
      case 8:
        peer.session = false;
        return;
      default:
        return again();
    }
  }

  void check_all() {
    const auto verified = core_->administer(Json::object({{"command", Json("verify")}}));
    check(verified && (*verified)["good"].as_bool(), "the server's own check finds nothing");
    const auto lines = core_->administer(Json::object({{"command", Json("export")}}));
    check(lines.has_value(), "an export is made");
    std::map<std::string, std::size_t> there;
    for (const Json& ticket : (*lines)["rows"].items()) ++there[ticket["id"].as_string()];
    std::size_t tickets = 0;
    for (const Peer& peer : peers_)
      for (std::size_t i = 0; i < peer.confirmed; ++i, ++tickets)
        check(there[to_uuid_text(peer.made[i].view())] == 1, "what has a receipt is there, once");
    check(there.size() <= tickets, "what has no receipt left no trace");
  }

private:
  void open() {
    auto core = server::ServerCore::open(options_in(home_.file("server")), environment_);
    check(core.has_value(), "the server opens again");
    core_ = std::move(*core);
    transport_ = std::make_unique<fleet::InProcessTransport>(core_->handler());
    transport_->tamper_request = [this](client::HttpRequest& request) {
      if (request.target == "/sync/v1/exchange") last_ = request;
    };
    for (Peer& peer : peers_) peer.session = false;
  }
  void pass(std::int64_t ms) { environment_.advance_to(environment_.wall_ms() + ms); }

  void save(Peer& peer, std::uint8_t with) {
    const TicketId ticket = random_id<TicketId>(environment_);
    std::vector<sync::Change> changes = {peer.device->new_ticket(ticket, environment_)};
    for (std::uint8_t i = 0; i < with % 3; ++i)
      changes.push_back(peer.device->note(ticket, "note " + std::to_string(i), environment_));
    auto set = peer.device->seal(std::move(changes), environment_);
    check(set.has_value(), "a device seals");
    peer.sets.push_back(std::move(*set));
    peer.made.push_back(ticket);
  }

  void push(Peer& peer, std::size_t from, std::size_t to, std::optional<std::uint8_t> bent_at) {
    if (!peer.session) return;
    v1::ExchangeRequest request = peer.device->request();
    for (std::size_t i = from; i < to; ++i) {
      Bytes set = peer.sets[i];
      if (bent_at) set[*bent_at % set.size()] = static_cast<char>(set[*bent_at % set.size()] ^ 1 << *bent_at % 8);
      request.add_change_sets(std::move(set));
    }
    const auto answer = peer.device->exchange(*transport_, request, environment_);
    if (!answer) {
      peer.session = false;  // it grew old
      return;
    }
    const auto receipts = peer.device->confirmed(*answer);
    check(receipts.has_value(), "receipts prove themselves");
    if (from <= peer.confirmed) {
      check(*receipts <= to - from, "a receipt for each set, and no more");
      if (!bent_at) check(*receipts == to - from || to - from > 64, "an honest chain is taken");
      if (bent_at) check(*receipts == 0, "a set that was bent is nobody's");
      peer.confirmed = std::max(peer.confirmed, from + *receipts);
    } else {
      check(*receipts == 0, "behind a gap nothing is taken");
    }
  }

  /// Somebody sends again what they recorded.
  void again() {
    if (!last_) return;
    const auto recorded = last_;
    const auto answer = transport_->send(*recorded);
    check(answer && answer->status == 401, "a request counts once");
  }

  test::TempDir home_;
  fleet::VirtualEnvironment environment_{7, start_ms + 60'000};
  std::unique_ptr<server::ServerCore> core_;
  std::unique_ptr<fleet::InProcessTransport> transport_;
  std::vector<Peer> peers_;
  std::optional<client::HttpRequest> last_;
};

}  // namespace

TERN_FUZZ_TARGET(fz_sync_session) {
  static_cast<void>(prepared());
  fuzz::Input input(data, size_bytes);
  Scene scene;
  for (std::size_t i = 0; i < operations_max && !input.rest().empty(); ++i) {
    const std::uint8_t what = input.u8(), who = input.u8(), with = input.u8();
    scene.operate(what, who, with);
  }
  scene.check_all();
  return 0;
}

}  // namespace tern::fz_sync_session
