// Who this server sends to, in a test: a port of this machine that answers as a script says, over TLS from its first
// byte or from where the script begins it.
#pragma once

#include <Poco/Net/Context.h>
#include <Poco/Net/ServerSocket.h>
#include <Poco/Net/StreamSocket.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace tern::test {

/// The peer's end of one connection. Reading what never comes throws.
class PeerLine {
public:
  PeerLine(Poco::Net::StreamSocket socket, Poco::Net::Context::Ptr tls) : socket_(std::move(socket)), tls_(tls) {}
  void start_tls();
  std::string read_line();  // without CR LF
  std::string read(std::size_t size);
  void write(const std::string& bytes);
  /// Whether the other side goes, or says more, before so long.
  bool stirs_within(int ms);

private:
  void fill();
  Poco::Net::StreamSocket socket_;
  Poco::Net::Context::Ptr tls_;
  std::string read_;
};

/// One connection after the other. Owner: a test.
class TlsPeer {
public:
  /// `port` 0: any free one.
  TlsPeer(const std::string& certificate_file, const std::string& key_file, std::function<void(PeerLine&)> script,
          std::uint16_t port = 0);
  ~TlsPeer();
  TlsPeer(const TlsPeer&) = delete;
  TlsPeer& operator=(const TlsPeer&) = delete;
  [[nodiscard]] std::uint16_t port() const { return port_; }

private:
  void run();
  Poco::Net::Context::Ptr tls_;
  std::function<void(PeerLine&)> script_;
  Poco::Net::ServerSocket listening_;
  std::uint16_t port_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

/// Takes webhooks over https.
class HookReceiver {
public:
  struct Taken {
    std::string request_line, body;
    std::map<std::string, std::string> headers;  // names in small letters
  };
  HookReceiver(const std::string& certificate_file, const std::string& key_file, std::uint16_t port = 0);
  [[nodiscard]] std::uint16_t port() const { return peer_.port(); }
  [[nodiscard]] std::vector<Taken> taken() const;
  std::atomic<int> status{204};

private:
  void answer(PeerLine& line);
  mutable std::mutex mutex_;
  std::vector<Taken> taken_;
  TlsPeer peer_;
};

/// Takes mail: offers STARTTLS, then a login.
class MailReceiver {
public:
  struct Taken {
    std::string from, to, content, login;
    bool under_tls = false;
  };
  MailReceiver(const std::string& certificate_file, const std::string& key_file, bool offers_tls = true);
  [[nodiscard]] std::uint16_t port() const { return peer_.port(); }
  [[nodiscard]] std::vector<Taken> taken() const;
  std::atomic<int> to_recipients{250}, to_messages{250};

private:
  void answer(PeerLine& line);
  mutable std::mutex mutex_;
  std::vector<Taken> taken_;
  const bool offers_tls_;
  TlsPeer peer_;
};

}  // namespace tern::test
