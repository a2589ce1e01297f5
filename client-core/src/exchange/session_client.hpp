// The device's end of a session: the handshake, and the MACs of what goes over it.
//
// HTTP: POST /sync/v1/hello (SessionHello -> SessionChallenge), POST /sync/v1/session (SessionProof -> SessionWelcome),
// both application/octet-stream, 200 or a problem. Under the session every request carries `tern-auth`, every answer
// `tern-auth-answer`; an answer without a good one proves nothing.
#pragma once

#include <optional>
#include <vector>

#include "exchange/head_ladder.hpp"
#include "tern/client/transport.hpp"
#include "tern/protocol/keys.hpp"
#include "tern/protocol/session.hpp"

namespace tern::client {

/// The newest key list a device holds, and the roots that may sign an epoch record.
struct ServerKeys {
  std::vector<protocol::PublicKey> roots;  // pinned
  protocol::KeyList list;
  Bytes list_wire;

  [[nodiscard]] protocol::RootId root() const { return protocol::key_id(roots.front()); }
};

/// What a good welcome brought, beside the session.
struct Welcomed {
  protocol::SessionWelcome welcome;
  std::optional<protocol::Signed<protocol::KeyList>> key_list;  // a newer one
};

/// One session at a time. Thread: its owner's. Reads no clock: times are handed in.
class SessionClient {
public:
  SessionClient(const protocol::HandshakeParty& party, const protocol::SigningKey& key, Environment& environment);

  /// Begins a handshake; a session that was open is forgotten.
  HttpRequest hello();
  /// The answer to `hello`. The proof shows `heads`, and the certificate to a server that knows no such device any
  /// more.
  Result<HttpRequest> proof(const HttpAnswer& answer, const protocol::SessionHeads& heads, ByteView certificate = {});
  /// The answer to `proof`. Open afterwards. `no_connection` for anything that another server than the enrolled one
  /// could have answered; heads are not judged here.
  Result<Welcomed> welcome(const HttpAnswer& answer, const ServerKeys& keys);

  [[nodiscard]] bool open() const { return keys_.has_value(); }
  [[nodiscard]] protocol::SessionMode mode() const { return mode_; }
  void drop();

  /// Adds `tern-auth`; `time_ms` is the server's time as the device believes. Gives the request's MAC.
  protocol::Mac seal(HttpRequest& request, std::int64_t time_ms);
  /// Whether this answer is the server's to the request of that MAC.
  [[nodiscard]] bool proven(const HttpAnswer& answer, const protocol::Mac& request_mac) const;

  struct Frames {
    protocol::FrameSealer up;
    protocol::FrameOpener down;
  };
  /// Frame keys of a stream whose upgrade had that MAC. Only while open.
  [[nodiscard]] Frames frames(const protocol::Mac& upgrade_mac) const;

private:
  protocol::HandshakeParty party_;
  const protocol::SigningKey& key_;
  Environment& environment_;
  std::optional<protocol::DeviceHandshake> handshake_;
  std::optional<protocol::SessionKeys> keys_;
  SessionId session_;
  protocol::SessionMode mode_ = protocol::SessionMode::full;
  std::uint64_t counter_ = 0;
};

}  // namespace tern::client
