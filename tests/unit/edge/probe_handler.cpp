#include "unit/edge/probe_handler.hpp"

#include <stdexcept>
#include <thread>

#include "support/catch.hpp"

namespace tern::test {

using server::HeadAccept;
using server::Response;

class ProbeStream : public server::StreamHandler {
public:
  ProbeStream(ProbeHandler& probe, bool echoes) : probe_(probe), echoes_(echoes) {}

  void on_open(server::StreamSender sender) override {
    sender_ = sender;
    {
      const std::lock_guard lock(probe_.mutex_);
      probe_.sender_ = sender;
    }
    probe_.opened.happen();
  }
  void on_message(Bytes message) override {
    if (message == "throw") throw std::runtime_error("asked to");
    if (message == "hold") {
      probe_.held.happen();
      probe_.release.wait();
    }
    if (message == "auth?") sender_.close(server::stream_close::auth_required, "auth_required");
    if (message == "gap") sender_.close(server::stream_close::resync, "resync");
    if (echoes_) sender_.send(std::move(message));
    probe_.message_seen.happen();
  }
  void on_close(std::uint16_t code) override {
    probe_.close_code = code;
    probe_.closed.happen();
  }

private:
  ProbeHandler& probe_;
  bool echoes_;
  server::StreamSender sender_;
};

namespace {

/// Each byte says where it stands. Cannot be read from `readable` on.
class Countable : public server::BodyFile {
public:
  explicit Countable(std::uint64_t readable) : readable_(readable) {}
  Result<Bytes> read_at(std::uint64_t offset, std::size_t length) const override {
    if (offset + length > readable_) return fail(ErrorCode::storage_failed, "asked to");
    Bytes out;
    for (std::size_t i = 0; i < length; ++i) out += countable(offset + i);
    return out;
  }

private:
  std::uint64_t readable_;
};

}  // namespace

server::HeadVerdict ProbeHandler::on_head(const server::Request& head) {
  {
    const std::lock_guard lock(mutex_);
    heads_.push_back(head.target);
  }
  if (head.path == "/deny") return Response(401, "text/plain", "no");
  if (head.path == "/bad-head") throw std::runtime_error("asked to");
  const std::uint64_t limit = head.path == "/echo" ? 1 << 20 : head.path == "/small" ? 10 : 0;
  return HeadAccept{limit, std::string("context of " + head.path)};
}

server::Response ProbeHandler::handle(server::Request&& request, std::any context) {
  {
    const std::lock_guard lock(mutex_);
    handled_.push_back(request.target);
  }
  if (std::any_cast<std::string>(context) != "context of " + request.path) return Response(500);
  if (request.path == "/throw") throw std::runtime_error("asked to");
  if (request.path == "/hold") {
    held.happen();
    release.wait();
  }
  if (request.path == "/big") return Response(200, "text/plain", Bytes(8 << 20, 'b'));
  if (request.path == "/file" || request.path == "/short-file") {
    Response response(200, "text/plain", "head,");
    response.set_file(std::make_shared<Countable>(request.path == "/file" ? UINT64_MAX : 300'000), 3, 1'000'000);
    return response;
  }
  Response response(200, "application/octet-stream", request.body.read_all().value_or("unreadable"));
  if (request.body.in_file()) body_was_in_file = true;
  if (request.path == "/header" && !response.set_header("X-Out", request.header("x-in"))) response.status = 400;
  return response;
}

void ProbeHandler::handle_async(server::Request&& request, std::any context, server::Reply reply) {
  if (request.path == "/drop") return;
  if (request.path != "/later") return reply(handle(std::move(request), std::move(context)));
  std::thread([reply = std::move(reply)] { reply(Response(200, "text/plain", "later")); }).detach();
}

server::UpgradeVerdict ProbeHandler::on_upgrade(const server::Request& head) {
  if (head.path == "/no") return Response(403, "text/plain", "no");
  if (head.path == "/bad-upgrade") throw std::runtime_error("asked to");
  server::StreamAccept accept;
  accept.handler = std::make_shared<ProbeStream>(*this, head.path == "/stream");
  accept.headers = {{"x-mac", "good"}};
  if (head.path == "/first") accept.first_message_ms = 100;
  return accept;
}

void ProbeHandler::on_edge_answer(const std::any& context, server::Response& answer) {
  answer.set_header("x-sealed", std::any_cast<std::string>(context));
}

std::vector<std::string> ProbeHandler::handled() const {
  const std::lock_guard lock(mutex_);
  return handled_;
}

std::vector<std::string> ProbeHandler::heads() const {
  const std::lock_guard lock(mutex_);
  return heads_;
}

server::StreamSender ProbeHandler::sender() const {
  const std::lock_guard lock(mutex_);
  return sender_;
}

EdgeUnderTest::EdgeUnderTest() {
  options.listen_port = 0;
  options.loops = 2;
  options.workers = 3;
  options.deadlines.close_ms = 1'000;
  options.on_request_done = [this](const server::RequestRecord& record) {
    const std::lock_guard lock(mutex_);
    access_log_.push_back(std::string(record.method) + " " + std::string(record.path) + " " +
                          std::to_string(record.status) + " " + std::string(record.refusal));
  };
}

EdgeUnderTest::~EdgeUnderTest() {
  handler.release.happen();
  if (server_) server_->stop(0);
}

void EdgeUnderTest::start() {
  server_.emplace(options, handler);
  const auto started = server_->start();
  if (!started) FAIL(started.error().message);
}

bool EdgeUnderTest::until(const std::function<bool(const server::EdgeCounters&)>& wanted) {
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!wanted(server_->counters())) {
    if (std::chrono::steady_clock::now() > give_up) return false;
    std::this_thread::yield();
  }
  return true;
}

std::vector<std::string> EdgeUnderTest::access_log() const {
  const std::lock_guard lock(mutex_);
  return access_log_;
}

}  // namespace tern::test
