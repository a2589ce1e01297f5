#include "device_stream.hpp"

#include "push/stream_hub.hpp"
#include "store/tenant.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/v1/exchange.pb.h"

namespace tern::server {
namespace {

constexpr std::uint32_t stream_page_bytes_max = 512 * 1024;

constexpr std::uint32_t frame_want_bytes_max = limits::frame_bytes_max / 4;

/// A StreamFrame around an encoded message, without taking that apart.
Bytes frame_of(int field, ByteView message) {
  Bytes out;
  const auto put_varint = [&](std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
    out.push_back(static_cast<char>(value));
  };
  out.reserve(message.size() + 8);
  put_varint(static_cast<std::uint64_t>(field) << 3 | 2);
  put_varint(message.size());
  out.append(message);
  return out;
}

}  // namespace

DeviceStream::DeviceStream(StreamHub& hub, ExchangeService& exchange, const AuthenticatedRequest& upgrade,
                           std::uint64_t number)
    : hub_(hub),
      number_(number),
      exchange_(exchange),
      session_(upgrade.session),
      down_(protocol::Direction::down, protocol::stream_key(upgrade.session->keys.frame_down, upgrade.auth.mac)),
      up_(protocol::Direction::up, protocol::stream_key(upgrade.session->keys.frame_up, upgrade.auth.mac)) {}

bool DeviceStream::session_ended() const {
  const std::lock_guard guard(session_->mutex);
  return session_->ended;
}

void DeviceStream::on_open(StreamSender sender) {
  const std::lock_guard guard(mutex_);
  sender_ = std::move(sender);
}

void DeviceStream::on_close(std::uint16_t) {
  hub_.forget(number_);
}

void DeviceStream::close(std::uint16_t code, std::string_view reason) {
  const std::lock_guard guard(mutex_);
  sender_.close(code, reason);
}

void DeviceStream::send(int frame_field, ByteView message) {
  const Bytes frame = frame_of(frame_field, message);
  const std::lock_guard guard(mutex_);
  sender_.send(down_.seal(frame));
}

void DeviceStream::on_message(Bytes message) {
  if (session_ended()) return close(stream_close::auth_required, "the session is over");
  const auto opened = up_.open(message);
  if (!opened) {
    const bool out_of_step = opened.error().code == ErrorCode::replayed;
    return close(out_of_step ? stream_close::resync : stream_close::auth_required,
                 out_of_step ? "a frame is missing" : "the frame's MAC does not hold");
  }
  {
    const std::lock_guard guard(session_->mutex);
    session_->last_used_ms = session_->tenant->environment().boot_ms();
  }
  v1::StreamFrame frame;
  if (!frame.ParseFromArray(opened->data(), static_cast<int>(opened->size())) || !frame.has_request())
    return close(stream_close::unsupported_data, "only requests are taken here");
  // An answer has to fit a frame: what is bigger is asked for over HTTP.
  const std::uint32_t want = frame.request().want_bytes();
  if (want == 0 || want > frame_want_bytes_max) frame.mutable_request()->set_want_bytes(frame_want_bytes_max);
  // A page goes out as one frame.
  if (frame.request().want_bytes() > stream_page_bytes_max)
    frame.mutable_request()->set_want_bytes(stream_page_bytes_max);
  auto answered = exchange_.answer_on_stream(*session_, frame.request().SerializeAsString());
  if (!answered) return close(stream_close::internal, "the request could not be answered");
  send(v1::StreamFrame::kResponseFieldNumber, answered->response);
  {
    const std::lock_guard guard(mutex_);
    base_ = answered->reached;
  }
  push();  // what was committed while the answer was made
}

bool DeviceStream::push() {
  const std::lock_guard one(pushing_);
  ReplicaPlace base;
  {
    const std::lock_guard guard(mutex_);
    base = base_;
  }
  if (base.commit_seq == 0 || session_ended()) return false;
  const auto pushed = exchange_.push(*session_, base);
  if (!pushed || !*pushed) return false;
  const Bytes frame = frame_of(v1::StreamFrame::kPushFieldNumber, (*pushed)->response);
  const std::lock_guard guard(mutex_);
  if (base_ != base) return false;  // a request was answered meanwhile
  base_ = (*pushed)->reached;
  return sender_.send(down_.seal(frame));
}

}  // namespace tern::server
