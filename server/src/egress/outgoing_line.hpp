// One connection that the server opened, with one deadline for all of it. Poco's exceptions stop here.
#pragma once

#include <Poco/Net/Context.h>
#include <Poco/Net/IPAddress.h>
#include <Poco/Net/StreamSocket.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tern/protocol/error.hpp"

namespace tern::server {

/// Every address of a name, looked up once. `no_connection` where it has none.
Result<std::vector<Poco::Net::IPAddress>> addresses_of_name(const std::string& host);

/// Verifies who answers against `ca_file`, or the system's authorities when empty; TLS 1.2 and later. Error `usage`.
Result<Poco::Net::Context::Ptr> make_outgoing_tls(const std::string& ca_file);

/// `no_connection`, in short words that stand in a log of deliveries.
tl::unexpected<Error> no_way(std::string words);

/// When all of it must be done, and who may end it before.
struct LineLimits {
  std::int64_t until_ms = 0;  // of steady_clock
  const std::atomic<bool>* stopping = nullptr;
  std::size_t read_bytes_max = 64 * 1024;
  std::int64_t after_stop_ms = 0;  // it goes on for so long, once it saw that it is to end
};
std::int64_t line_clock_ms();

class OutgoingLine {
public:
  static Result<std::unique_ptr<OutgoingLine>> connect(const Poco::Net::IPAddress& address, std::uint16_t port,
                                                       const LineLimits& limits);
  ~OutgoingLine();
  OutgoingLine(const OutgoingLine&) = delete;
  OutgoingLine& operator=(const OutgoingLine&) = delete;

  /// From now on under TLS, with a certificate for `host`. Refused when something was read ahead: whoever put it there
  /// was not yet known.
  Result<void> start_tls(const std::string& host, const Poco::Net::Context::Ptr& tls);
  Result<void> write(std::string_view bytes);
  /// From now on it has so long, whatever it had before, and of that so much when it is to end.
  void give_time(std::int64_t for_ms, std::int64_t after_stop_ms);
  /// One line without its end (LF or CR LF).
  Result<std::string> read_line();
  Result<std::string> read_exactly(std::size_t bytes);

private:
  OutgoingLine(const Poco::Net::StreamSocket& socket, const LineLimits& limits) : socket_(socket), limits_(limits) {}
  enum class Step : std::uint8_t { moved, wait_read, wait_write, ended };
  Step step_of(int returned, int& moved) const;
  Result<void> wait(Step for_what);
  bool must_stop(std::int64_t now_ms);
  Result<void> fill();

  Poco::Net::StreamSocket socket_;
  LineLimits limits_;
  std::int64_t stopped_ms_ = 0;  // when it saw that it is to end; 0: it did not
  bool tls_ = false;
  std::string read_;  // not yet taken
  std::size_t read_bytes_ = 0;
};

}  // namespace tern::server
