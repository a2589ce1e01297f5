#include "edge/channel.hpp"

#include <Poco/Exception.h>
#include <Poco/Net/SecureStreamSocket.h>
#include <Poco/Net/StreamSocketImpl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <climits>

namespace tern::server::edge {
namespace {

// StreamSocket's constructor from an implementation is not public.
class AdoptedSocket : public Poco::Net::StreamSocket {
public:
  explicit AdoptedSocket(int descriptor) : StreamSocket(new Poco::Net::StreamSocketImpl(descriptor)) {}
};

int bounded(std::size_t size) {
  return static_cast<int>(std::min<std::size_t>(size, INT_MAX));
}

Poco::Net::StreamSocket open_socket(int descriptor, const Poco::Net::Context::Ptr& tls) {
  AdoptedSocket socket(descriptor);
  socket.setBlocking(false);
  if (tls.isNull()) return socket;
  return Poco::Net::SecureStreamSocket::attach(socket, tls);
}

}  // namespace

Channel::Channel(int descriptor, const Poco::Net::Context::Ptr& tls)
    : tls_(!tls.isNull()), descriptor_(descriptor), socket_(open_socket(descriptor, tls)) {}

Channel::~Channel() {
  try {
    socket_.close();
  } catch (const std::exception&) {
    // The descriptor is gone either way.
  }
  if (tls_) ERR_clear_error();
}

IoResult Channel::outcome(int returned) {
  if (returned > 0) return {Io::done, static_cast<std::size_t>(returned)};
  if (returned == 0) return {Io::ended, 0};
  if (returned == Poco::Net::SecureStreamSocket::ERR_SSL_WANT_WRITE) return {Io::again_write, 0};
  return {Io::again_read, 0};
}

IoResult Channel::handshake() {
  if (!tls_) return {};
  try {
    ERR_clear_error();
    const int returned = Poco::Net::SecureStreamSocket(socket_).completeHandshake();
    return returned == 0 ? IoResult{Io::failed, 0} : outcome(returned);
  } catch (const std::exception&) {
    return {Io::failed, 0};
  }
}

IoResult Channel::plain_outcome(ssize_t returned, Io again) {
  if (returned > 0) return {Io::done, static_cast<std::size_t>(returned)};
  if (returned == 0) return {Io::ended, 0};
  return {errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? again : Io::failed, 0};
}

// Plain sockets are read and written without Poco: its sendBytes (1.11) throws when a non-blocking socket is full.
IoResult Channel::read(char* into, std::size_t size) {
  if (!tls_ || writing_ended_) return plain_outcome(::recv(descriptor_, into, size, 0), Io::again_read);
  try {
    ERR_clear_error();
    return outcome(socket_.receiveBytes(into, bounded(size)));
  } catch (const std::exception&) {
    return {Io::failed, 0};
  }
}

IoResult Channel::write(std::string_view bytes) {
  if (!tls_) return plain_outcome(::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL), Io::again_write);
  try {
    ERR_clear_error();
    return outcome(socket_.sendBytes(bytes.data(), bounded(bytes.size())));
  } catch (const std::exception&) {
    return {Io::failed, 0};
  }
}

void Channel::end_writing() {
  writing_ended_ = true;
  try {
    if (tls_) {
      ERR_clear_error();
      socket_.shutdown();
    }
  } catch (const std::exception&) {
    // The FIN below says it as well.
  }
  ::shutdown(descriptor_, SHUT_WR);
}

Poco::Net::Context::Ptr make_server_tls(const std::string& certificate_file, const std::string& key_file) {
  using Poco::Net::Context;
  Context::Params params;
  params.certificateFile = certificate_file;
  params.privateKeyFile = key_file;
  params.verificationMode = Context::VERIFY_NONE;
  params.cipherList = "HIGH:!aNULL:!eNULL:!MD5:!RC4:!3DES:!SHA1";
  Context::Ptr context = new Context(Context::TLS_SERVER_USE, params);
  context->requireMinimumProtocol(Context::PROTO_TLSV1_2);
  context->preferServerCiphers();
  SSL_CTX* const raw = context->sslContext();
  if (SSL_CTX_check_private_key(raw) != 1) {  // OpenSSL drops a key that does not fit, and says so only when asked
    ERR_clear_error();
    throw Poco::InvalidArgumentException("the key is not the certificate's");
  }
  // Answers are written from buffers that move, and idle connections should hold no record buffers.
  SSL_CTX_set_mode(raw, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_options(raw, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  return context;
}

}  // namespace tern::server::edge
