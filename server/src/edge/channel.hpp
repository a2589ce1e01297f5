// One accepted connection as bytes in and out, plain or TLS, never blocking. Poco's exceptions stop here.
#pragma once

#include <Poco/Net/Context.h>
#include <Poco/Net/StreamSocket.h>

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tern::server::edge {

/// How a step ended. `again_*`: nothing moved; try when the descriptor is ready for that.
enum class Io : std::uint8_t { done, again_read, again_write, ended, failed };

struct IoResult {
  Io io = Io::done;
  std::size_t bytes = 0;  // of `done`
};

class Channel {
public:
  /// Takes over a non-blocking descriptor. `tls`: null for plain TCP.
  Channel(int descriptor, const Poco::Net::Context::Ptr& tls);
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  [[nodiscard]] int descriptor() const { return descriptor_; }
  [[nodiscard]] bool is_tls() const { return tls_; }

  IoResult handshake();  // plain: done at once
  IoResult read(char* into, std::size_t size);
  IoResult write(std::string_view bytes);
  /// No more from us: close_notify and FIN. What the peer still sends can be read and is only good to be dropped.
  void end_writing();

private:
  static IoResult outcome(int returned);  // of Poco's TLS socket
  static IoResult plain_outcome(ssize_t returned, Io again);

  bool tls_;
  bool writing_ended_ = false;
  int descriptor_;
  Poco::Net::StreamSocket socket_;  // a SecureStreamSocket inside with TLS
};

/// The server's certificate and rules: TLS 1.2 and later, no client certificates. Throws Poco::Exception.
Poco::Net::Context::Ptr make_server_tls(const std::string& certificate_file, const std::string& key_file);

}  // namespace tern::server::edge
