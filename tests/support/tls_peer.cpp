#include "support/tls_peer.hpp"

#include <Poco/Net/SecureStreamSocket.h>
#include <Poco/Timespan.h>

#include <signal.h>

#include <stdexcept>

namespace tern::test {
namespace {

const Poco::Timespan patience(10, 0), look_every(0, 50'000);

std::string in_small_letters(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

}  // namespace

void PeerLine::start_tls() {
  if (!read_.empty()) throw std::runtime_error("said more than was asked before TLS");
  auto secured = Poco::Net::SecureStreamSocket::attach(socket_, tls_);
  secured.completeHandshake();
  socket_ = secured;
}

void PeerLine::fill() {
  char buffer[4096];
  const int got = socket_.receiveBytes(buffer, sizeof buffer);
  if (got <= 0) throw std::runtime_error("the connection ended");
  read_.append(buffer, static_cast<std::size_t>(got));
}

std::string PeerLine::read_line() {
  while (read_.find("\r\n") == std::string::npos) fill();
  const auto end = read_.find("\r\n");
  std::string line = read_.substr(0, end);
  read_.erase(0, end + 2);
  return line;
}

std::string PeerLine::read(std::size_t size) {
  while (read_.size() < size) fill();
  std::string out = read_.substr(0, size);
  read_.erase(0, size);
  return out;
}

void PeerLine::write(const std::string& bytes) {
  for (std::size_t sent = 0; sent < bytes.size();)
    sent += static_cast<std::size_t>(socket_.sendBytes(bytes.data() + sent, static_cast<int>(bytes.size() - sent)));
}

bool PeerLine::stirs_within(int ms) {
  return socket_.poll(Poco::Timespan(0, ms * 1'000), Poco::Net::Socket::SELECT_READ);
}

TlsPeer::TlsPeer(const std::string& certificate_file, const std::string& key_file,
                 std::function<void(PeerLine&)> script, std::uint16_t port)
    : script_(std::move(script)), port_(port) {
  ::signal(SIGPIPE, SIG_IGN);  // as the programs do
  using Poco::Net::Context;
  tls_ = new Context(Context::TLS_SERVER_USE, key_file, certificate_file, "", Context::VERIFY_NONE);
  listening_.bind(Poco::Net::SocketAddress("127.0.0.1", port), true);
  listening_.listen(16);
  port_ = listening_.address().port();
  thread_ = std::thread([this] { run(); });
}

TlsPeer::~TlsPeer() {
  stopping_ = true;
  thread_.join();
}

void TlsPeer::run() {
  while (!stopping_) {
    if (!listening_.poll(look_every, Poco::Net::Socket::SELECT_READ)) continue;
    try {
      auto socket = listening_.acceptConnection();
      socket.setReceiveTimeout(patience);
      socket.setSendTimeout(patience);
      PeerLine line(socket, tls_);
      script_(line);
    } catch (const std::exception&) {
      // The other side went: that is its right.
    }
  }
}

HookReceiver::HookReceiver(const std::string& certificate_file, const std::string& key_file, std::uint16_t port)
    : peer_(
          certificate_file, key_file, [this](PeerLine& line) { answer(line); }, port) {}

void HookReceiver::answer(PeerLine& line) {
  line.start_tls();
  Taken one;
  one.request_line = line.read_line();
  for (std::string header = line.read_line(); !header.empty(); header = line.read_line())
    if (const auto colon = header.find(": "); colon != std::string::npos)
      one.headers[in_small_letters(header.substr(0, colon))] = header.substr(colon + 2);
  one.body = line.read(std::stoul(one.headers["content-length"]));
  {
    const std::lock_guard guard(mutex_);
    taken_.push_back(one);
  }
  line.write("HTTP/1.1 " + std::to_string(status) +
             " Said\r\nLocation: https://127.0.0.1/\r\nContent-Length: 0\r\n\r\n");
}

std::vector<HookReceiver::Taken> HookReceiver::taken() const {
  const std::lock_guard guard(mutex_);
  return taken_;
}

MailReceiver::MailReceiver(const std::string& certificate_file, const std::string& key_file, bool offers_tls)
    : offers_tls_(offers_tls), peer_(certificate_file, key_file, [this](PeerLine& line) { answer(line); }) {}

void MailReceiver::answer(PeerLine& line) {
  Taken one;
  line.write("220 mail.example ESMTP\r\n");
  for (;;) {
    const std::string said = line.read_line();
    if (said.starts_with("EHLO ")) {
      if (one.under_tls)
        line.write("250-mail.example\r\n250-AUTH PLAIN LOGIN\r\n250 8BITMIME\r\n");
      else
        line.write(offers_tls_ ? "250-mail.example\r\n250 STARTTLS\r\n" : "250 mail.example\r\n");
    } else if (said == "STARTTLS" && offers_tls_) {
      line.write("220 go on\r\n");
      line.start_tls();
      one.under_tls = true;
    } else if (said.starts_with("AUTH PLAIN ")) {
      one.login = said.substr(11);
      line.write("235 welcome\r\n");
    } else if (said.starts_with("MAIL FROM:")) {
      one.from = said.substr(10);
      line.write("250 good\r\n");
    } else if (said.starts_with("RCPT TO:")) {
      one.to = said.substr(8);
      line.write(std::to_string(to_recipients) + " that one\r\n");
    } else if (said == "DATA") {
      line.write("354 say it\r\n");
      for (std::string part = line.read_line(); part != "."; part = line.read_line())
        one.content += (part.starts_with(".") ? part.substr(1) : part) + "\r\n";
      {
        const std::lock_guard guard(mutex_);
        taken_.push_back(one);
      }
      line.write(std::to_string(to_messages) + " that message\r\n");
    } else if (said == "QUIT") {
      line.write("221 bye\r\n");
      return;
    } else {
      line.write("502 what?\r\n");
    }
  }
}

std::vector<MailReceiver::Taken> MailReceiver::taken() const {
  const std::lock_guard guard(mutex_);
  return taken_;
}

}  // namespace tern::test
