#include "unit/edge/raw_client.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <stdexcept>

namespace tern::test {
namespace {

constexpr int patience_ms = 10'000;

}  // namespace

std::string RawAnswer::code() const {
  constexpr std::string_view mark = "\"code\":\"";
  const std::size_t at = body.find(mark);
  if (at == std::string::npos) return {};
  return body.substr(at + mark.size(), body.find('"', at + mark.size()) - at - mark.size());
}

int RawFrame::close_code() const {
  if (payload.size() < 2) return 1005;
  return static_cast<unsigned char>(payload[0]) * 256 + static_cast<unsigned char>(payload[1]);
}

RawClient::RawClient(std::uint16_t port, int receive_buffer_bytes) {
  descriptor_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (receive_buffer_bytes > 0)
    ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof receive_buffer_bytes);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(descriptor_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0)
    throw std::runtime_error("cannot connect to the edge under test");
  const int on = 1;
  ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // cuts stay where they are made
}

RawClient::~RawClient() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

bool RawClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool RawClient::offer(std::string_view bytes) {
  while (!bytes.empty()) {
    pollfd entry{descriptor_, POLLOUT, 0};
    if (::poll(&entry, 1, 300) <= 0) return false;
    const ssize_t sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool RawClient::read_more() {
  pollfd entry{descriptor_, POLLIN, 0};
  if (::poll(&entry, 1, patience_ms) <= 0) return false;
  char piece[65536];
  const ssize_t got = ::recv(descriptor_, piece, sizeof piece, 0);
  if (got <= 0) return false;
  buffer_.append(piece, static_cast<std::size_t>(got));
  return true;
}

bool RawClient::have(std::size_t bytes) {
  while (buffer_.size() < bytes)
    if (!read_more()) return false;
  return true;
}

std::optional<std::string> RawClient::until(std::string_view mark) {
  std::size_t at = 0;
  while ((at = buffer_.find(mark)) == std::string::npos)
    if (!read_more()) return std::nullopt;
  std::string out = buffer_.substr(0, at);
  buffer_.erase(0, at + mark.size());
  return out;
}

std::optional<RawAnswer> RawClient::answer(bool to_head) {
  const auto head = until("\r\n\r\n");
  if (!head) return std::nullopt;
  RawAnswer out;
  out.status = std::stoi(head->substr(9, 3));
  std::size_t at = head->find("\r\n");
  while (at != std::string::npos) {
    const std::size_t next = head->find("\r\n", at + 2);
    const std::string line = head->substr(at + 2, next == std::string::npos ? next : next - at - 2);
    std::string name = line.substr(0, line.find(':'));
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    out.headers[name] = line.substr(std::min(line.find(':') + 2, line.size()));
    at = next;
  }
  const auto length = out.headers.find("content-length");
  const std::size_t bytes = length == out.headers.end() || to_head ? 0 : std::stoul(length->second);
  if (!have(bytes)) return std::nullopt;
  out.body = buffer_.substr(0, bytes);
  buffer_.erase(0, bytes);
  return out;
}

bool RawClient::is_closed_by_peer() {
  while (true) {
    pollfd entry{descriptor_, POLLIN, 0};
    if (::poll(&entry, 1, patience_ms) <= 0) return false;
    char piece[65536];
    const ssize_t got = ::recv(descriptor_, piece, sizeof piece, 0);
    if (got <= 0) return true;
    buffer_.append(piece, static_cast<std::size_t>(got));
  }
}

void RawClient::end_writing() {
  ::shutdown(descriptor_, SHUT_WR);
}

void RawClient::reset() {
  const linger at_once{1, 0};
  ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  ::close(descriptor_);
  descriptor_ = -1;
}

std::optional<RawAnswer> RawClient::upgrade(std::string_view path, std::string_view more) {
  send("GET " + std::string(path) +
       " HTTP/1.1\r\nHost: t\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
       "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n" +
       std::string(more));
  return answer();
}

std::optional<RawFrame> RawClient::frame() {
  if (!have(2)) return std::nullopt;
  const auto byte = [&](std::size_t i) { return static_cast<std::uint64_t>(static_cast<unsigned char>(buffer_[i])); };
  std::size_t header = 2;
  std::uint64_t length = byte(1) & 127;
  if (length >= 126) {
    const std::size_t extra = length == 126 ? 2 : 8;
    if (!have(2 + extra)) return std::nullopt;
    length = 0;
    for (std::size_t i = 0; i < extra; ++i) length = length * 256 + byte(2 + i);
    header += extra;
  }
  if (!have(header + length)) return std::nullopt;
  RawFrame out{static_cast<int>(byte(0) & 15), buffer_.substr(header, length)};
  buffer_.erase(0, header + length);
  if (buffer_.empty()) buffer_.shrink_to_fit();  // whoever counts memory means the other side's
  return out;
}

std::string client_frame_header(int opcode, std::uint64_t length, bool fin) {
  std::string out(1, static_cast<char>((fin ? 0x80 : 0) | opcode));
  const auto big_endian = [&](int bytes) {
    for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) out += static_cast<char>((length >> shift) & 255);
  };
  if (length < 126) {
    out += static_cast<char>(0x80 | length);
  } else if (length < 65536) {
    out += static_cast<char>(0x80 | 126);
    big_endian(2);
  } else {
    out += static_cast<char>(0x80 | 127);
    big_endian(8);
  }
  return out + "mask";
}

std::string client_frame(int opcode, std::string_view payload, bool fin, int reserved, bool masked) {
  std::string out = client_frame_header(opcode, payload.size(), fin);
  out[0] = static_cast<char>(out[0] | (reserved << 4));
  if (!masked) {
    out[1] = static_cast<char>(out[1] & 0x7f);
    out.resize(out.size() - 4);
    return out.append(payload);
  }
  constexpr std::string_view mask = "mask";
  for (std::size_t i = 0; i < payload.size(); ++i) out += static_cast<char>(payload[i] ^ mask[i % 4]);
  return out;
}

}  // namespace tern::test
