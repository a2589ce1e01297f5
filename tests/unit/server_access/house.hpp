// A whole server core in a folder of its own, and devices that speak to it in the bytes of the wire.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "support/must.hpp"
#include "support/temp_dir.hpp"
#include "support/virtual_environment.hpp"
#include "tern/protocol/enrolment.hpp"
#include "tern/protocol/receipt.hpp"
#include "tern/protocol/session.hpp"
#include "tern/server/http.hpp"
#include "tern/server/server_core.hpp"
#include "tern/sync/change.hpp"
#include "tern/v1/exchange.pb.h"

namespace tern::test {

/// An administrator's command.
inline Json cmd(const std::string& name, std::initializer_list<Json::Member> members = {}) {
  Json out = Json::object({{"command", Json(name)}});
  for (const auto& [key, value] : members) out.set(key, value);
  return out;
}

/// What an answer says: the problem's code, or "" for none.
std::string problem_code(const server::Response& response);

class House {
public:
  explicit House(std::uint64_t seed = 1);

  void reopen();
  server::ServerOptions options() const;
  Result<Json> try_command(const Json& command);
  Json command(const Json& command) { return must(try_command(command)); }
  /// What is due by now.
  void tick();
  /// As the edge does it: the head first, then the body.
  server::Response send(const server::Request& request);
  server::Response post(const std::string& target, Bytes body, const std::string& type = "application/octet-stream");
  server::Response get(const std::string& target);
  std::string code_for(const std::string& operator_name, const std::string& scope = "own",
                       const std::string& tenant = {});
  /// An operator with that role; gives its uuid.
  std::string add_operator(const std::string& name, const std::string& role = "operator",
                           const std::string& tenant = {});

  TempDir folder;
  VirtualEnvironment environment;
  std::string recovery_key;
  std::unique_ptr<server::ServerCore> core;
  std::vector<std::string> log;
  std::string peer = "192.0.2.7";
  bool chunked = false;  // bodies come without their length in the head

private:
  server::Response send_once(server::Request request);
};

/// One device of an operator.
class Device {
public:
  /// Enrols with a fresh code.
  Device(House& house, const std::string& operator_name, const std::string& scope = "own",
         const std::string& tenant = {});

  /// The request of an enrolment, and what the answer says when it is good.
  static Bytes enrolment_request(House& house, const std::string& code, const protocol::SigningKey& key,
                                 std::uint8_t nonce = 1);

  Result<protocol::SessionWelcome> open_session();
  Result<protocol::SessionWelcome> try_session();
  /// Its Tern-Auth is made last: `alter` may break what it covers.
  server::Request signed_request(const std::string& method, const std::string& target, Bytes body);
  server::Response send(const server::Request& request) { return house.send(request); }
  /// True when the answer carries the MAC of this session for the last request.
  bool proven(const server::Response& response) const;

  v1::ExchangeRequest request() const;
  /// Over HTTP; the status of the answer is checked to be 200 and its MAC to hold.
  v1::ExchangeResponse exchange(const v1::ExchangeRequest& request);
  v1::ExchangeResponse exchange() { return exchange(request()); }
  server::Response exchange_raw(const v1::ExchangeRequest& request);

  sync::Change create(const TicketId& ticket, const std::string& subject = "pump leaks");
  sync::Change change(sync::Intent intent, const TicketId& ticket) const;
  /// Seals the next set of the chain.
  Bytes seal(std::vector<sync::Change> changes);
  /// A set with a header of the test's making; the chain stays as it is.
  Bytes seal_as(protocol::ChangeSetHeader header, std::vector<sync::Change> changes);
  protocol::ChangeSetHeader next_header() const;
  /// Pushes these sets and takes in where the chain stands.
  v1::ExchangeResponse push(std::vector<Bytes> sets);
  v1::ExchangeResponse push(sync::Change change) { return push(std::vector<Bytes>{seal({std::move(change)})}); }
  /// Receipts of an answer, verified.
  protocol::VerifiedReceipts receipts(const v1::ExchangeResponse& response) const;
  /// Exchanges until there is no more; gives every patch's state.
  std::vector<v1::Patch> download(std::uint32_t want_bytes = 0);

  House& house;
  protocol::SigningKey key;
  protocol::Certificate certificate;
  Bytes certificate_wire;
  protocol::KeyList key_list;
  protocol::RootId root;
  protocol::ChainHead head;
  protocol::LogHead server_head;
  protocol::SessionKeys keys;
  SessionId session;
  protocol::SessionMode mode = protocol::SessionMode::full;
  std::uint64_t counter = 0;
  protocol::Mac last_mac;
  Hash anchor;
  EpochId cursor_epoch;
  std::uint64_t cursor = 0;
  Bytes page_token;
  std::int64_t clock_error_ms = 0;
};

/// Of a command that is refused; `internal` when it was done.
ErrorCode code_of(House& house, const Json& command);

/// One row of `record load`.
Json record(const char* kind, const char* name);

}  // namespace tern::test
