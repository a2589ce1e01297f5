// Sessions and handshakes: in the memory of this process only. Source: protocol.md "Sessions".
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "ingest/devices.hpp"
#include "ingest/own_folds.hpp"
#include "tern/protocol/session.hpp"
#include "tern/server/http.hpp"

namespace tern::server {

inline constexpr std::size_t handshakes_max = 20'000;
inline constexpr std::size_t handshakes_per_address_max = 2'000;
inline constexpr std::size_t sessions_max = 100'000;
inline constexpr std::size_t sessions_per_device_max = 8;
inline constexpr std::int64_t request_skew_ms_max = 24LL * 3'600'000;  // coarse: freshness is the counter

/// One session between one device and this process. Shared by requests in flight; what changes is behind its lock.
struct Session {
  SessionId id;
  Tenant* tenant = nullptr;
  DeviceId device;
  OperatorId operator_id;
  KeyId key;
  protocol::SessionMode mode = protocol::SessionMode::full;
  protocol::SessionKeys keys;
  std::int64_t expires_ms = 0;

  std::mutex mutex;  // of what follows
  protocol::ReplayWindow window;
  std::int64_t last_used_ms = 0;
  bool begun = false;  // begins with the first request whose MAC is good
  bool ended = false;
  OwnFolds own_folds;
};

/// A request that proved its session.
struct AuthenticatedRequest {
  std::shared_ptr<Session> session;
  protocol::RequestAuth auth;
};

/// Why a request was not let in. With its session where its MAC was good: the refusal can then carry one too.
struct RefusedRequest {
  Error error;
  std::optional<AuthenticatedRequest> request;
};

/// Thread-safe. Times are environment boot milliseconds for idling and expiry, wall milliseconds for `ts`.
class SessionRegistry {
public:
  explicit SessionRegistry(Environment& environment) : environment_(environment) {}

  /// Messages 1 -> 2. Says nothing of whether the device exists. Where too many handshakes are open, of its address or
  /// in all, the oldest of them is given up: nobody is locked out by those that others leave half done.
  Result<protocol::SessionChallenge> hello(const protocol::SessionHello& hello, const protocol::RootId& root,
                                           const std::string& address);

  /// Messages 3 -> 4. `tenant_of` finds the open tenant, or says why it is not. `login_refused` for an unknown device
  /// or a bad proof, `session_unknown` when the handshake is not there any more. `readmit`: a device that is unknown
  /// here has proved that it holds the key of the certificate it shows.
  using Readmit = std::function<Result<void>(Tenant&, const protocol::Certificate&, ByteView wire)>;
  Result<protocol::SessionWelcome> prove(const protocol::SessionProof& proof,
                                         const std::function<Result<Tenant*>(const TenantId&)>& tenant_of,
                                         const Readmit& readmit = {});

  /// Judges `Tern-Auth` of a head, before its body. `malformed`, `mac_required`, `session_unknown`, `mac_invalid`,
  /// `replayed`, `clock_skew`.
  tl::expected<AuthenticatedRequest, RefusedRequest> authenticate(const Request& head);

  /// Ends the sessions of a tenant that are no longer what they began as: a key that was revoked or frozen since, an
  /// operator who was disabled. After each commit that changed records. Streams look at `ended`.
  void end_inactive(const Tenant& tenant);
  /// Forgets what is over.
  void sweep();
  [[nodiscard]] std::size_t size();

private:
  struct Pending {
    std::unique_ptr<protocol::ServerHandshake> handshake;
    std::int64_t made_ms = 0;
    std::uint64_t turn = 0;
    std::string address;
  };
  using Turns = std::map<std::uint64_t, protocol::HandshakeId>;  // oldest first
  void drop_handshake(std::unordered_map<protocol::HandshakeId, Pending>::iterator at);
  void drop_oldest(const Turns& turns);
  void sweep_handshakes(std::int64_t now_ms);
  Result<protocol::SessionWelcome> welcome_back(protocol::ServerHandshake& handshake,
                                                const protocol::SessionProof& proof, Tenant& tenant,
                                                const Readmit& readmit);
  Result<protocol::SessionWelcome> welcome(protocol::ServerHandshake& handshake, const protocol::SessionProof& proof,
                                           Tenant& tenant, const DeviceInfo& device);
  Result<void> keep(const std::shared_ptr<Session>& session);
  Result<void> take_turn(Session& session, const protocol::RequestAuth& auth);

  Environment& environment_;
  std::mutex mutex_;
  std::unordered_map<protocol::HandshakeId, Pending> handshakes_;
  std::uint64_t next_turn_ = 1;
  Turns turns_;
  std::unordered_map<std::string, Turns> turns_by_address_;
  std::unordered_map<SessionId, std::shared_ptr<Session>> sessions_;
  std::unordered_map<DeviceId, std::vector<SessionId>> by_device_;  // oldest first; may name sessions that are gone
};

/// The parts of a request that its MAC covers.
protocol::RequestParts request_parts(const Request& head);
/// Puts `Tern-Auth-Answer` on an answer of that request.
void seal_answer(const AuthenticatedRequest& request, Response& response);

}  // namespace tern::server
