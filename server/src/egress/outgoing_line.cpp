#include "egress/outgoing_line.hpp"

#include <Poco/Exception.h>
#include <Poco/Net/DNS.h>
#include <Poco/Net/NetException.h>
#include <Poco/Net/SSLException.h>
#include <Poco/Net/SecureStreamSocket.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <climits>

namespace tern::server {
namespace {

constexpr std::int64_t look_every_ms = 100;  // whether to stop

int bounded_size(std::size_t size) {
  return static_cast<int>(std::min<std::size_t>(size, INT_MAX));
}

}  // namespace

std::int64_t line_clock_ms() {
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
}

tl::unexpected<Error> no_way(std::string words) {
  return fail(ErrorCode::no_connection, std::move(words));
}

Result<std::vector<Poco::Net::IPAddress>> addresses_of_name(const std::string& host) {
  Poco::Net::IPAddress literal;
  if (Poco::Net::IPAddress::tryParse(host, literal)) return std::vector<Poco::Net::IPAddress>{literal};
  try {
    auto found = Poco::Net::DNS::hostByName(host).addresses();
    if (!found.empty()) return std::vector<Poco::Net::IPAddress>(found.begin(), found.end());
  } catch (const Poco::Exception&) {
    // The same as none.
  }
  return no_way("the name is not known");
}

Result<Poco::Net::Context::Ptr> make_outgoing_tls(const std::string& ca_file) {
  using Poco::Net::Context;
  try {
    Context::Params params;
    params.caLocation = ca_file;
    params.loadDefaultCAs = ca_file.empty();
    params.verificationMode = Context::VERIFY_STRICT;  // anything less skips the name check for this machine
    params.cipherList = "HIGH:!aNULL:!eNULL:!MD5:!RC4:!3DES:!SHA1";
    Context::Ptr context = new Context(Context::TLS_CLIENT_USE, params);
    context->requireMinimumProtocol(Context::PROTO_TLSV1_2);
    SSL_CTX* const raw = context->sslContext();
    SSL_CTX_set_verify(raw, SSL_VERIFY_PEER, nullptr);  // OpenSSL's own judgement, no handler that could overrule it
    SSL_CTX_set_mode(raw, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return context;
  } catch (const Poco::Exception& error) {
    return fail(ErrorCode::usage, "The certificate authorities cannot be loaded: " + error.displayText(),
                "--egress-ca takes a PEM file.", "egress-ca");
  }
}

Result<std::unique_ptr<OutgoingLine>> OutgoingLine::connect(const Poco::Net::IPAddress& address, std::uint16_t port,
                                                            const LineLimits& limits) {
  try {
    Poco::Net::StreamSocket socket;
    const Poco::Net::SocketAddress where(address, port);
    socket.connectNB(where);
    socket.setBlocking(false);
    std::unique_ptr<OutgoingLine> line(new OutgoingLine(socket, limits));
    TERN_CHECKED(line->wait(Step::wait_write));
    int trouble = 0;
    socklen_t size = sizeof trouble;
    ::getsockopt(static_cast<int>(socket.impl()->sockfd()), SOL_SOCKET, SO_ERROR, &trouble, &size);
    if (trouble != 0) return no_way("cannot be reached");
    socket.setNoDelay(true);
    return line;
  } catch (const Poco::Exception&) {
    return no_way("cannot be reached");
  }
}

Result<void> OutgoingLine::start_tls(const std::string& host, const Poco::Net::Context::Ptr& tls) {
  if (!read_.empty()) return no_way("said more than was asked before TLS");
  try {
    ERR_clear_error();
    auto secured = Poco::Net::SecureStreamSocket::attach(socket_, host, tls);
    socket_ = secured;
    tls_ = true;
    for (;;) {
      const int returned = secured.completeHandshake();
      if (returned == 1) break;
      int moved = 0;
      const Step step = step_of(returned, moved);
      if (step == Step::ended || step == Step::moved) return no_way("ended the TLS handshake");
      TERN_CHECKED(wait(step));
    }
    secured.verifyPeerCertificate(host);
    return {};
  } catch (const Poco::Net::CertificateValidationException&) {
    return no_way("the certificate is for another name");
  } catch (const Poco::Exception& error) {
    ERR_clear_error();
    if (error.displayText().find("certificate verify failed") != std::string::npos)
      return no_way("the certificate is not trusted");
    return no_way("no TLS");
  }
}

OutgoingLine::~OutgoingLine() {
  try {
    socket_.close();
  } catch (const std::exception&) {
    // The descriptor is gone either way.
  }
  if (tls_) ERR_clear_error();
}

OutgoingLine::Step OutgoingLine::step_of(int returned, int& moved) const {
  if (returned > 0) {
    moved = returned;
    return Step::moved;
  }
  if (!tls_)
    return returned < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) ? Step::wait_read : Step::ended;
  if (returned == Poco::Net::SecureStreamSocket::ERR_SSL_WANT_READ) return Step::wait_read;
  return returned == Poco::Net::SecureStreamSocket::ERR_SSL_WANT_WRITE ? Step::wait_write : Step::ended;
}

void OutgoingLine::give_time(std::int64_t for_ms, std::int64_t after_stop_ms) {
  limits_.until_ms = line_clock_ms() + for_ms;
  limits_.after_stop_ms = after_stop_ms;
}

bool OutgoingLine::must_stop(std::int64_t now_ms) {
  if (limits_.stopping == nullptr || !limits_.stopping->load()) return false;
  if (stopped_ms_ == 0) stopped_ms_ = now_ms;
  return now_ms - stopped_ms_ >= limits_.after_stop_ms;
}

Result<void> OutgoingLine::wait(Step for_what) {
  for (;;) {
    const std::int64_t now_ms = line_clock_ms(), left_ms = limits_.until_ms - now_ms;
    if (left_ms <= 0) return no_way("too slow");
    if (must_stop(now_ms)) return no_way("this server stops");
    const auto events = static_cast<short>(for_what == Step::wait_write ? POLLOUT : POLLIN);
    pollfd entry{static_cast<int>(socket_.impl()->sockfd()), events, 0};
    if (::poll(&entry, 1, static_cast<int>(std::min(left_ms, look_every_ms))) > 0) return {};
  }
}

// Plain sockets are read and written without Poco: its sendBytes (1.11) throws when a non-blocking socket is full.
Result<void> OutgoingLine::write(std::string_view bytes) {
  while (!bytes.empty()) {
    int moved = 0;
    Step step = Step::ended;
    try {
      if (tls_) {
        ERR_clear_error();
        step = step_of(socket_.sendBytes(bytes.data(), bounded_size(bytes.size())), moved);
      } else {
        const auto descriptor = static_cast<int>(socket_.impl()->sockfd());
        step = step_of(static_cast<int>(::send(descriptor, bytes.data(), bytes.size(), MSG_NOSIGNAL)), moved);
        if (step == Step::wait_read) step = Step::wait_write;
      }
    } catch (const std::exception&) {
      step = Step::ended;
    }
    if (step == Step::ended) return no_way("ended the connection");
    if (step == Step::moved)
      bytes.remove_prefix(static_cast<std::size_t>(moved));
    else
      TERN_CHECKED(wait(step));
  }
  return {};
}

Result<void> OutgoingLine::fill() {
  char buffer[4096];
  for (;;) {
    if (read_bytes_ >= limits_.read_bytes_max) return no_way("says too much");
    const std::size_t room = std::min(sizeof buffer, limits_.read_bytes_max - read_bytes_);
    int moved = 0;
    Step step = Step::ended;
    try {
      if (tls_) {
        ERR_clear_error();
        step = step_of(socket_.receiveBytes(buffer, bounded_size(room)), moved);
      } else {
        const auto descriptor = static_cast<int>(socket_.impl()->sockfd());
        step = step_of(static_cast<int>(::recv(descriptor, buffer, room, 0)), moved);
      }
    } catch (const std::exception&) {
      step = Step::ended;
    }
    if (step == Step::ended) return no_way("ended the connection");
    if (step != Step::moved) {
      TERN_CHECKED(wait(step));
      continue;
    }
    read_.append(buffer, static_cast<std::size_t>(moved));
    read_bytes_ += static_cast<std::size_t>(moved);
    return {};
  }
}

Result<std::string> OutgoingLine::read_exactly(std::size_t bytes) {
  if (bytes > limits_.read_bytes_max) return no_way("says too much");
  while (read_.size() < bytes) TERN_CHECKED(fill());
  std::string out = read_.substr(0, bytes);
  read_.erase(0, bytes);
  return out;
}

Result<std::string> OutgoingLine::read_line() {
  for (;;) {
    if (const auto end = read_.find('\n'); end != std::string::npos) {
      std::string line = read_.substr(0, end);
      read_.erase(0, end + 1);
      if (line.ends_with('\r')) line.pop_back();
      return line;
    }
    TERN_CHECKED(fill());
  }
}

}  // namespace tern::server
