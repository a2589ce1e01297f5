// What devices ask, as it comes: read or refused by the limits and by nothing else, another count of the message says;
// and what an enrolled device asks is answered without touching anything, whatever it is, as long as it signed no work.
//
// Input: which (1 byte), then a message; or lists (1 byte: of what, 2 bytes: how many).
#include "exchange/exchange_request.hpp"
#include "fuzz/fuzz_input.hpp"
#include "in_process_transport.hpp"
#include "load/load_device.hpp"
#include "support/temp_dir.hpp"
#include "tern/server/server_core.hpp"
#include "tern/sync/scope.hpp"
#include "virtual_environment.hpp"

namespace tern::fz_exchange_request {

namespace {

constexpr std::int64_t start_ms = 1'750'000'000'000;

// ---- the limits once more ----

/// How many fields stand on the outermost level. Nothing: it is no message, or has groups, which nobody writes.
std::optional<std::size_t> fields_of(ByteView bytes) {
  const auto varint = [&bytes]() -> std::optional<std::uint64_t> {
    std::uint64_t out = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
      if (bytes.empty()) return std::nullopt;
      const auto byte = static_cast<std::uint8_t>(bytes.front());
      bytes.remove_prefix(1);
      out |= shift < 64 ? std::uint64_t{byte & 0x7fU} << shift : 0;
      if (byte < 0x80) return out;
    }
    return std::nullopt;
  };
  std::size_t fields = 0;
  for (; !bytes.empty(); ++fields) {
    const auto tag = varint();
    if (!tag || *tag > 0xffffffff || *tag >> 3 == 0) return std::nullopt;
    std::uint64_t skipped = 0;
    if ((*tag & 7) == 0) {
      if (!varint()) return std::nullopt;
    } else if ((*tag & 7) == 2) {
      const auto length = varint();
      if (!length) return std::nullopt;
      skipped = *length;
    } else if ((*tag & 7) == 1 || (*tag & 7) == 5) {
      skipped = (*tag & 7) == 1 ? 8 : 4;
    } else {
      return std::nullopt;
    }
    if (skipped > bytes.size()) return std::nullopt;
    bytes.remove_prefix(static_cast<std::size_t>(skipped));
  }
  return fields;
}

bool is_within_limits(const v1::ExchangeRequest& request) {
  std::size_t old_bytes = 0;
  for (const std::string& list : request.old_receipts()) old_bytes += list.size();
  const v1::HeldTickets& held = request.held();
  const auto id = [](const std::string& text) { return text.empty() || text.size() == 16; };
  return request.change_sets_size() <= 64 && request.old_receipts_size() <= 64 &&
         old_bytes <= limits::old_receipts_bytes_max && request.want_buckets_size() <= 256 &&
         request.pack_versions_size() <= 16 && held.ids().size() % 16 == 0 &&
         held.ids().size() / 16 <= sync::held_ids_max && id(held.after()) && id(held.through());
}

std::unique_ptr<v1::ExchangeRequest> read(ByteView message) {
  auto ours = server::parse_request(message);
  v1::ExchangeRequest other;
  const bool is_message = other.ParseFromString(Bytes(message));
  if (ours) {
    check(is_message && is_within_limits(other), "what is read is a message within its limits");
    check((*ours)->SerializeAsString() == other.SerializeAsString(), "and the same message");
    const Bytes again = (*ours)->SerializeAsString();
    check(server::takes_packing_against(again) == other.packed_against_request(), "it is packed for who said so");
    const auto twice = server::parse_request(again);
    check(!twice || (*twice)->SerializeAsString() == again, "what is written is read the same");
    const Bytes unknown = Bytes("\xf2\x7f\x05", 3) + "later";  // field 2046
    const auto later = server::parse_request(Bytes(message) + unknown);
    check(!later || (*later)->SerializeAsString().find(unknown) != std::string::npos,
          "what later versions say is kept");
    return std::move(*ours);
  }
  check(ours.error().code == ErrorCode::malformed || ours.error().code == ErrorCode::too_large, "a refusal is clear");
  const auto fields = fields_of(message);
  check(!is_message || !is_within_limits(other) || !fields || *fields > 512, "a message within its limits is read");
  return nullptr;
}

Bytes lists_of(fuzz::Input& input) {
  v1::ExchangeRequest request;
  while (!input.rest().empty()) {
    const std::uint8_t what = input.u8();
    const int count = input.u16() % 300;
    for (int i = 0; i < count; ++i) {
      if (what % 5 == 0) request.add_change_sets();
      if (what % 5 == 1) request.add_old_receipts(Bytes(what, 'r'));
      if (what % 5 == 2) request.add_want_buckets(static_cast<std::uint32_t>(i));
      if (what % 5 == 3) request.add_pack_versions()->set_kind(static_cast<std::uint32_t>(i));
      if (what % 5 == 4) request.mutable_held()->mutable_ids()->append(16, static_cast<char>(i));
    }
    if (request.ByteSizeLong() > 65'536) break;
  }
  return request.SerializeAsString();
}

// ---- a server that is asked ----

class Desk {
public:
  Desk() {
    check(protocol::init_crypto().has_value(), "crypto");
    server::ServerOptions options;
    options.directory = home_.file("server");
    options.allow_plain_http = true;
    check(server::ServerCore::init(options, "fuzz", "a@fuzz.invalid", "good words", environment_).has_value(),
          "a server is made");
    auto core = server::ServerCore::open(options, environment_);
    check(core.has_value(), "a server opens");
    core_ = std::move(*core);
    transport_ = std::make_unique<fleet::InProcessTransport>(core_->handler());
    const Json added = asked({{"command", "operator add"}, {"email", "o@fuzz.invalid"}, {"role", "supervisor"}});
    const Json code = asked({{"command", "device code"}, {"operator", added["id"]}, {"scope", "all"}});
    auto device = fleet::LoadDevice::enrol(code["code"].as_string(), *transport_, environment_);
    check(device.has_value(), "a device enrols");
    device_ = std::move(*device);
    begin();
    v1::ExchangeRequest first = device_->request();
    for (std::uint8_t i = 1; i < 4; ++i) {
      auto set = device_->seal({device_->new_ticket(fuzz::filled<TicketId>(i), environment_)}, environment_);
      check(set.has_value(), "a device seals");
      first.add_change_sets(std::move(*set));
    }
    check(device_->exchange(*transport_, first, environment_).has_value(), "it has some tickets");
    before_ = told();
  }

  void answer(const v1::ExchangeRequest& request) {
    environment_.advance_to(environment_.wall_ms() + 2'000);
    auto answer = device_->exchange(*transport_, request, environment_);
    if (!answer) {  // the session grew old, or the request was refused
      begin();
      answer = device_->exchange(*transport_, request, environment_);
    }
    if (answer) {
      check(answer->nonce() == request.nonce() || answer->has_error(), "an answer is to what was asked");
      const auto confirmed = device_->confirmed(*answer);
      // Own sets that are asked for come with theirs.
      const bool sent = request.change_sets_size() > 0 || request.own_sets_from() != 0;
      check(!confirmed || *confirmed == 0 || sent, "no receipt for what was not sent");
    }
    if (++asked_ % 16 == 0) check(told() == before_, "what was asked changed nothing");
  }

private:
  void begin() {
    environment_.advance_to(environment_.wall_ms() + 60'000);
    check(device_->begin_session(*transport_, environment_).has_value(), "a device has a session again");
  }
  Json asked(std::initializer_list<Json::Member> members) {
    auto answer = core_->administer(Json::object(members));
    check(answer.has_value(), "a command is done");
    return std::move(*answer);
  }
  std::string told() {
    return to_text(asked({{"command", "export"}})) +
           to_text(asked({{"command", "status"}})["rows"].items().front()["commit_seq"]);
  }

  test::TempDir home_;
  fleet::VirtualEnvironment environment_{7, start_ms};
  std::unique_ptr<server::ServerCore> core_;
  std::unique_ptr<fleet::InProcessTransport> transport_;
  std::unique_ptr<fleet::LoadDevice> device_;
  std::string before_;
  std::uint64_t asked_ = 0;
};

}  // namespace

TERN_FUZZ_TARGET(fz_exchange_request) {
  static Desk desk;
  fuzz::Input input(data, size_bytes);
  const std::uint8_t mode = input.u8();
  const Bytes message = (mode & 1) != 0 ? lists_of(input) : Bytes(input.rest());
  const auto request = read(message);
  if (request && (mode & 2) != 0) desk.answer(*request);
  return 0;
}

}  // namespace tern::fz_exchange_request
