// Somebody with a device's keys and no regard for its program: speaks the protocol, and says what they like in it.
#pragma once

#include <functional>
#include <vector>

#include "exchange/session_client.hpp"
#include "keys/key_file.hpp"
#include "tern/protocol/change_set.hpp"
#include "tern/sync/change.hpp"
#include "tern/v1/exchange.pb.h"

namespace tern::test {

class KeyHolder {
public:
  using Send = std::function<Result<client::HttpAnswer>(const client::HttpRequest&)>;
  /// `environment` outlives this.
  KeyHolder(client::OpenedKeys opened, Environment& environment, Send send);

  /// A whole handshake. Error: the server did not want it.
  Result<void> begin_session();
  /// Under the session: with a good MAC over whatever it is.
  Result<client::HttpAnswer> ask(client::HttpRequest request);
  Result<v1::ExchangeResponse> exchange(v1::ExchangeRequest request);
  /// One set in an exchange of its own.
  Result<v1::ExchangeResponse> push(const Bytes& change_set);

  /// The header that would go on from the newest set the server has.
  [[nodiscard]] protocol::ChangeSetHeader next_header() const;
  /// Sealed under this device's key, whatever the header says.
  Bytes seal(const protocol::ChangeSetHeader& header, std::vector<sync::Change> changes);
  sync::Change note(const TicketId& ticket, const std::string& text);

  client::OpenedKeys keys;
  protocol::SessionWelcome welcome;

private:
  Environment& environment_;
  Send send_;
  client::SessionClient session_;
};

}  // namespace tern::test
