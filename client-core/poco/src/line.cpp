#include "line.hpp"

#include "tern/client_poco/http_transport.hpp"

#include <Poco/Exception.h>
#include <Poco/Net/DNS.h>
#include <Poco/Net/NetException.h>
#include <Poco/Net/SSLException.h>
#include <Poco/Net/SecureStreamSocket.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <climits>
#include <csignal>
#include <ctime>

namespace tern::client {
namespace {

/// OpenSSL writes with write(2): a connection that is gone would raise SIGPIPE in whatever program uses us.
class BrokenPipeGuard {
public:
  BrokenPipeGuard() {
    sigset_t pending;
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
    sigemptyset(&broken_pipe_);
    sigaddset(&broken_pipe_, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &broken_pipe_, &before_);
  }
  ~BrokenPipeGuard() {
    sigset_t pending;
    sigpending(&pending);
    if (!was_pending_ && sigismember(&pending, SIGPIPE) == 1) {
      const timespec at_once{};
      sigtimedwait(&broken_pipe_, nullptr, &at_once);
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  BrokenPipeGuard(const BrokenPipeGuard&) = delete;
  BrokenPipeGuard& operator=(const BrokenPipeGuard&) = delete;

private:
  sigset_t broken_pipe_{}, before_{};
  bool was_pending_ = false;
};

int bounded(std::size_t size) {
  return static_cast<int>(std::min<std::size_t>(size, INT_MAX));
}

Result<Poco::Net::HostEntry::AddressList> addresses_of(const std::string& host) {
  Poco::Net::IPAddress literal;
  if (Poco::Net::IPAddress::tryParse(host, literal)) return Poco::Net::HostEntry::AddressList{literal};
  try {
    return Poco::Net::DNS::hostByName(host).addresses();
  } catch (const Poco::Exception&) {
    return no_connection("The name " + host + " is not known to the network");
  }
}

}  // namespace

tl::unexpected<Error> no_connection(std::string sentence) {
  return fail(ErrorCode::no_connection, std::move(sentence), "Your work is saved here; sync again later");
}

namespace {

tl::unexpected<Error> bad_certificate(std::string sentence) {
  auto refused = no_connection(std::move(sentence));
  refused.value().field = field_certificate;
  return refused;
}

}  // namespace

std::int64_t steady_ms() {
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
}

Result<Poco::Net::Context::Ptr> make_client_tls(const std::string& ca_file) {
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
                "--ca takes a PEM file", "ca");
  }
}

Result<std::unique_ptr<Line>> Line::connect(const ServerUrl& url, const Poco::Net::Context::Ptr& tls,
                                            std::int64_t timeout_ms) {
  TERN_TRY(const auto addresses, addresses_of(url.host));
  std::string trouble = "has no address";
  for (const Poco::Net::IPAddress& address : addresses) {
    const std::int64_t until_ms = steady_ms() + timeout_ms;
    Poco::Net::StreamSocket socket;
    try {
      socket.connect(Poco::Net::SocketAddress(address, url.port), Poco::Timespan(timeout_ms * 1000));
      socket.setNoDelay(true);
      socket.setBlocking(false);
    } catch (const Poco::TimeoutException&) {
      trouble = "does not answer";
      continue;
    } catch (const Poco::Exception& error) {
      trouble = "cannot be reached (" + error.displayText() + ")";
      continue;
    }
    if (tls.isNull()) return std::unique_ptr<Line>(new Line(socket, false));
    return secure(socket, url.host, tls, until_ms);
  }
  return no_connection("The server " + url.authority() + " " + trouble);
}

Result<std::unique_ptr<Line>> Line::secure(Poco::Net::StreamSocket socket, const std::string& host,
                                           const Poco::Net::Context::Ptr& tls, std::int64_t until_ms) {
  const BrokenPipeGuard guard;
  try {
    ERR_clear_error();
    auto secured = Poco::Net::SecureStreamSocket::attach(socket, host, tls);
    std::unique_ptr<Line> line(new Line(secured, true));
    while (true) {
      const int returned = secured.completeHandshake();
      if (returned == 1) break;
      const LineStep step = line->step(returned);
      if (step.state == LineState::ended)
        return no_connection("The server ended the connection during the TLS handshake");
      if (!line->wait(step.state, until_ms - steady_ms()))
        return no_connection("The server is too slow in the TLS handshake");
    }
    secured.verifyPeerCertificate(host);
    return line;
  } catch (const Poco::Net::CertificateValidationException&) {
    return bad_certificate("The certificate of the server is not for " + host);
  } catch (const Poco::Exception& error) {
    ERR_clear_error();
    if (error.displayText().find("certificate verify failed") != std::string::npos)
      return bad_certificate("The certificate that " + host +
                             " shows is not signed by an authority that this device trusts, or not valid today");
    return no_connection("No trusted connection to " + host + " (" + error.displayText() + ")");
  }
}

Line::~Line() {
  const BrokenPipeGuard guard;
  try {
    socket_.close();
  } catch (const std::exception&) {
    // The descriptor is gone either way.
  }
  if (tls_) ERR_clear_error();
}

int Line::descriptor() const {
  return static_cast<int>(socket_.impl()->sockfd());
}

LineStep Line::step(int returned) {
  if (returned > 0) return {LineState::moved, static_cast<std::size_t>(returned)};
  if (returned == 0) return {LineState::ended, 0};
  const bool write = returned == Poco::Net::SecureStreamSocket::ERR_SSL_WANT_WRITE;
  return {write ? LineState::wait_write : LineState::wait_read, 0};
}

LineStep Line::plain_step(ssize_t returned, LineState again) {
  if (returned > 0) return {LineState::moved, static_cast<std::size_t>(returned)};
  if (returned == 0) return {LineState::ended, 0};
  return {errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? again : LineState::failed, 0};
}

// Plain sockets are read and written without Poco: its sendBytes (1.11) throws when a non-blocking socket is full.
LineStep Line::read(char* into, std::size_t size) {
  if (!tls_) return plain_step(::recv(descriptor(), into, size, 0), LineState::wait_read);
  const BrokenPipeGuard guard;
  try {
    ERR_clear_error();
    return step(socket_.receiveBytes(into, bounded(size)));
  } catch (const std::exception&) {
    return {LineState::failed, 0};
  }
}

LineStep Line::write(std::string_view bytes) {
  if (!tls_) return plain_step(::send(descriptor(), bytes.data(), bytes.size(), MSG_NOSIGNAL), LineState::wait_write);
  const BrokenPipeGuard guard;
  try {
    ERR_clear_error();
    return step(socket_.sendBytes(bytes.data(), bounded(bytes.size())));
  } catch (const std::exception&) {
    return {LineState::failed, 0};
  }
}

bool Line::wait(LineState for_what, std::int64_t timeout_ms) const {
  pollfd entry{descriptor(), static_cast<short>(for_what == LineState::wait_write ? POLLOUT : POLLIN), 0};
  return ::poll(&entry, 1, static_cast<int>(std::clamp<std::int64_t>(timeout_ms, 0, INT_MAX))) > 0;
}

}  // namespace tern::client
