// A server in miniature for tests of the device's side: real keys, handshake, MACs, chain checks, receipts, Merkle log,
// anchors and folds, in memory. Every device sees every ticket. It keeps no rights and no windows; tests make it lie.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tern/client/transport.hpp"
#include "tern/protocol/enrolment.hpp"
#include "tern/protocol/keys.hpp"
#include "tern/protocol/merkle.hpp"
#include "tern/protocol/session.hpp"
#include "tern/protocol/statements.hpp"
#include "tern/sync/fold.hpp"

namespace tern::v1 {
class ExchangeRequest;
class ExchangeResponse;
}  // namespace tern::v1

namespace tern::test {

/// What was committed of one device.
struct FakeDevice {
  DeviceId id;
  OperatorId author;
  protocol::PublicKey public_key;
  Bytes certificate, request;
  protocol::ChainHead head;
  std::vector<Bytes> sets, receipts;  // by chain_seq of the current device epoch, from 1
  std::vector<Bytes> deposits;
  protocol::SessionMode mode = protocol::SessionMode::full;
  bool forked_once = false;
};

class FakeServer final : public client::Transport {
public:
  explicit FakeServer(Environment& environment);
  ~FakeServer() override;

  /// What a person is told, good for one device.
  std::string new_code();

  Result<client::HttpAnswer> send(const client::HttpRequest& request) override { return handle(request); }
  client::HttpAnswer handle(const client::HttpRequest& request);

  // ---- to be bent by tests ----
  std::function<void(const v1::ExchangeRequest&)> on_request;
  std::function<void(v1::ExchangeResponse&)> alter;              // before it is sealed
  std::function<void(protocol::SessionWelcome&)> alter_welcome;  // before it is signed
  std::optional<int> refuse_status;                              // answers exchanges with this problem, under the MAC
  std::string refuse_code;
  std::string refuse_more;  // more members: `,"name":value`
  std::size_t tickets_per_page = 1000;
  std::size_t tickets_per_repair = 1000;  // of one bucket in one answer
  bool anchors = true;
  bool receipts_of_another_log = false;  // longer than the one that devices are shown, of another past
  std::int64_t answer_takes_ms = 0;
  std::function<void(std::int64_t)> pass_time;  // called with answer_takes_ms
  std::vector<Bytes> statements;                // go out with every answer
  void forget_sessions() { sessions_.clear(); }
  /// The history above `size` is gone; a new epoch begins, on the root's word.
  void restore_to(std::uint64_t size);
  /// The same, without a word.
  void roll_back_to(std::uint64_t size);

  // ---- to be looked at ----
  [[nodiscard]] FakeDevice& device(const DeviceId& id) { return devices_.at(id); }
  [[nodiscard]] std::size_t devices() const { return devices_.size(); }
  [[nodiscard]] std::uint64_t commits() const { return leaves_.size(); }
  [[nodiscard]] protocol::LogHead head() const;
  [[nodiscard]] const protocol::SigningKey& log_key() const { return log_key_; }
  [[nodiscard]] const protocol::SigningKey& root() const { return root_; }
  [[nodiscard]] const TenantId& tenant() const { return tenant_; }
  [[nodiscard]] std::optional<sync::TicketState> ticket(const TicketId& id) const;
  [[nodiscard]] std::size_t changes(const TicketId& id) const { return tickets_.at(id).size(); }
  [[nodiscard]] std::size_t tickets() const { return tickets_.size(); }
  [[nodiscard]] std::size_t exchanges() const { return exchanges_; }
  [[nodiscard]] std::size_t handshakes() const { return handshakes_; }
  /// A change by somebody else, committed here.
  void commit_foreign(sync::Change change);
  protocol::Signed<protocol::KeyList> next_key_list(std::int64_t refresh_by_ms = 0);
  /// A push for a stream whose replica stands at `base_seq`.
  std::unique_ptr<v1::ExchangeResponse> push_from(std::uint64_t base_seq);

  // ---- the stream, without a WebSocket ----
  client::HttpAnswer upgrade(const client::HttpRequest& request);
  /// Takes one sealed message of the device, gives the sealed answer.
  Bytes on_frame(ByteView frame);
  Bytes seal_push(std::unique_ptr<v1::ExchangeResponse> push);

private:
  struct Session {
    DeviceId device;
    protocol::SessionKeys keys;
    protocol::ReplayWindow window;
  };
  struct Committed {
    std::uint64_t commit_seq = 0;
    sync::PlacedChange placed;
  };

  client::HttpAnswer enrol(const client::HttpRequest& request);
  client::HttpAnswer hello(const client::HttpRequest& request);
  client::HttpAnswer session(const client::HttpRequest& request);
  client::HttpAnswer exchange(const client::HttpRequest& request);
  Bytes answer(FakeDevice& device, const v1::ExchangeRequest& request, v1::ExchangeResponse& response);
  void take_sets(FakeDevice& device, const v1::ExchangeRequest& request, v1::ExchangeResponse& response,
                 std::vector<Bytes>& receipts);
  Bytes commit_set(FakeDevice& device, const protocol::VerifiedSet& set);
  Bytes commit_changes(const Hash& set_hash, const std::vector<sync::Change>& changes, const sync::Origin& origin,
                       const OperatorId& author);
  void add_page(const v1::ExchangeRequest& request, v1::ExchangeResponse& response);
  void add_patch(const TicketId& ticket, v1::ExchangeResponse& response);
  Bytes signed_receipts(const FakeDevice& device, std::vector<Bytes> receipts) const;
  Bytes make_anchor();
  [[nodiscard]] protocol::MerkleLookup nodes() const;
  [[nodiscard]] std::uint64_t version(const TicketId& ticket) const;
  void cut_history(std::uint64_t size);
  protocol::Certificate certificate_for(const FakeDevice& device, std::uint64_t device_epoch);

  Environment& environment_;
  protocol::SigningKey root_, log_key_;
  TenantId tenant_;
  EpochId epoch_;
  protocol::Signed<protocol::KeyList> key_list_;
  Bytes epoch_record_;
  EpochId old_epoch_;
  std::map<protocol::EnrolmentId, protocol::SecretKey> codes_;
  std::map<Bytes, Bytes> enrolled_;  // request -> answer
  std::map<DeviceId, FakeDevice> devices_;
  std::map<protocol::HandshakeId, std::unique_ptr<protocol::ServerHandshake>> handshakes_open_;
  std::map<SessionId, Session> sessions_;
  std::vector<Hash> leaves_;
  std::map<TicketId, std::vector<Committed>> tickets_;
  std::uint64_t anchor_seq_ = 0;
  std::size_t exchanges_ = 0, handshakes_ = 0;
  std::optional<DeviceId> stream_device_;
  std::optional<protocol::FrameSealer> down_;
  std::optional<protocol::FrameOpener> up_;
};

}  // namespace tern::test
