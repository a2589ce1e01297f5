// A real edge in front of a real server core, a peer that sends it exactly the bytes it is told to, and what must hold
// afterwards: the connection is in a defined state, nothing was stored, and little memory was taken.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tern/protocol/session.hpp"
#include "tern/server/edge.hpp"
#include "unit/edge/raw_client.hpp"
#include "unit/server_access/house.hpp"

namespace tern::test {

/// Rows of each table of every database of the server.
using Stored = std::map<std::string, std::int64_t>;

class HostileRig {
public:
  HostileRig();
  ~HostileRig();
  HostileRig(const HostileRig&) = delete;
  HostileRig& operator=(const HostileRig&) = delete;

  /// A fresh device of a fresh operator, with a session, all of it over the house: the attack has not begun.
  std::unique_ptr<Device> device(const std::string& role = "supervisor", const std::string& scope = "all");
  void fill_disk();
  void empty_disk();
  /// Another program writes to the files of all organisations: nobody else can.
  void write_elsewhere();
  /// A ticket that everybody who sees all tickets sees.
  TicketId ticket_of(Device& device);

  // ---- the attack: each goes over a connection of its own, and what was stored is counted just before ----

  /// "400 framing_ambiguous"; "cut" when the connection ended without an answer.
  std::string send(std::string_view bytes);
  std::string post(const std::string& target, const std::string& headers, std::string_view body);
  /// The same under the device's session: "401 session_unknown", or 200 with what the server says of the exchange:
  /// "SIGNATURE_INVALID NEVER", "applied", "held parent_missing", "taken" when there is neither.
  std::string exchange(Device& device, const v1::ExchangeRequest& request);
  std::string push(Device& device, const Bytes& set);
  /// Over a stream that is open and has said nothing yet: "close 1002".
  std::string stream(Device& device, const std::function<Bytes(protocol::FrameSealer&)>& bytes);
  std::string frames(const Bytes& bytes);
  /// One byte of a head after the other, for as long as the server takes them.
  std::string trickle();
  /// An administrator's command: "invalid: line 2: ...".
  std::string command(const Json& command);

  // ---- afterwards ----
  /// Of the last answer; empty: it had none.
  [[nodiscard]] std::string header(const std::string& name) const;
  /// A member of the last answer's problem, a text: "" when there is none.
  [[nodiscard]] std::string problem(const std::string& member) const;
  [[nodiscard]] bool line_is_closed();
  [[nodiscard]] bool line_still_serves();
  [[nodiscard]] bool others_are_served();
  /// What there was more of, and less of, than before the attack when this was asked first: "quarantine +1".
  std::string stored_since();
  [[nodiscard]] std::uint64_t memory_since_kib() const;

  House house;
  v1::ExchangeResponse response;  // of the last exchange that had one

private:
  class Front;
  void begin();
  std::string answer();
  void check_promises(const RawAnswer& got);
  std::string close_code();
  [[nodiscard]] std::string ticket_outcome(const Device& device) const;
  [[nodiscard]] Stored stored() const;

  std::unique_ptr<Front> front_;
  std::unique_ptr<server::EdgeServer> edge_;
  std::unique_ptr<RawClient> line_;
  Stored before_;
  std::optional<std::string> stored_since_;
  RawAnswer last_;
  std::uint64_t memory_before_kib_ = 0;
  struct Writer;
  std::vector<Writer> others_;  // that write, for this one answer
  std::mutex log_mutex_;
  std::condition_variable log_grew_;
  std::map<std::string, int> logged_;  // status by request id
  bool disk_is_full_ = false;
  int devices_ = 0;
};

}  // namespace tern::test
