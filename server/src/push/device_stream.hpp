// One device's stream: frames under the session's MAC, one request at a time, pushes in between.
#pragma once

#include <memory>
#include <mutex>

#include "access/sessions.hpp"
#include "exchange/exchange_service.hpp"
#include "tern/server/http.hpp"

namespace tern::server {

class StreamHub;

class DeviceStream : public StreamHandler, public std::enable_shared_from_this<DeviceStream> {
public:
  /// `number`: by which the hub knows it.
  DeviceStream(StreamHub& hub, ExchangeService& exchange, const AuthenticatedRequest& upgrade, std::uint64_t number);

  void on_open(StreamSender sender) override;
  void on_message(Bytes message) override;
  void on_close(std::uint16_t code) override;

  /// Sends what the replica at the other end lacks, as far as it is known where it stands. True when something went
  /// out.
  bool push();
  void close(std::uint16_t code, std::string_view reason);
  [[nodiscard]] Session& session() const { return *session_; }
  [[nodiscard]] bool session_ended() const;

private:
  void send(int frame_field, ByteView message);

  StreamHub& hub_;
  const std::uint64_t number_;
  ExchangeService& exchange_;
  std::shared_ptr<Session> session_;
  std::mutex mutex_;  // of what follows: frames leave in the order of their counters
  protocol::FrameSealer down_;
  protocol::FrameOpener up_;
  StreamSender sender_;
  ReplicaPlace base_;
  std::mutex pushing_;  // one push at a time
};

}  // namespace tern::server
