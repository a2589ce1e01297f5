// A device without a home: keys and chain in memory, the real bytes of the wire. Thousands fit into a process.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tern/client/transport.hpp"
#include "tern/client_poco/http_transport.hpp"
#include "tern/protocol/enrolment.hpp"
#include "tern/protocol/environment.hpp"
#include "tern/protocol/session.hpp"
#include "tern/sync/change.hpp"
#include "tern/v1/exchange.pb.h"

namespace tern::fleet {

/// A stream of a device's session, from the device's end.
struct LoadStream {
  std::unique_ptr<client::StreamConnection> connection;
  protocol::FrameSealer up;
  protocol::FrameOpener down;
};

/// Thread: one at a time.
class LoadDevice {
public:
  static Result<std::unique_ptr<LoadDevice>> enrol(const std::string& code, client::Transport& transport,
                                                   Environment& environment);

  Result<void> begin_session(client::Transport& transport, Environment& environment);
  /// Under the session. Error: the network's, or the answer's own when it has no good MAC or is no exchange.
  Result<v1::ExchangeResponse> exchange(client::Transport& transport, const v1::ExchangeRequest& request,
                                        Environment& environment);
  /// Opens a stream that has asked once, so that pushes come.
  Result<LoadStream> open_stream(client::HttpTransport& transport, Environment& environment);

  /// An exchange that wants as little as can be.
  [[nodiscard]] v1::ExchangeRequest request() const;
  Result<Bytes> seal(std::vector<sync::Change> changes, Environment& environment);
  sync::Change new_ticket(const TicketId& ticket, Environment& environment) const;
  sync::Change note(const TicketId& ticket, const std::string& text, Environment& environment) const;
  /// How many of the sets behind these receipts are in the log, by proof.
  [[nodiscard]] Result<std::size_t> confirmed(const v1::ExchangeResponse& response) const;

private:
  explicit LoadDevice(protocol::SigningKey key) : key_(std::move(key)) {}
  protocol::Mac sign(client::HttpRequest& request, Environment& environment);
  sync::Change change(sync::Intent intent, const TicketId& ticket, Environment& environment) const;

  protocol::SigningKey key_;
  protocol::Certificate certificate_;
  protocol::KeyList key_list_;
  protocol::ChainHead head_;
  protocol::LogHead server_head_;
  Hash anchor_;
  protocol::SessionKeys keys_;
  SessionId session_;
  std::uint64_t counter_ = 0, cursor_ = 0;
};

}  // namespace tern::fleet
