#include "support/world_network.hpp"

#include <algorithm>

namespace tern::test {
namespace {

constexpr std::int64_t timeout_ms = 30'000;
constexpr std::int64_t late_ms_max = 120'000;
constexpr std::int64_t silence_ms_max = 60'000;  // as the edge has it

tl::unexpected<Error> no_connection(std::string why) {
  return fail(ErrorCode::no_connection, std::move(why));
}

}  // namespace

/// Where the reply to one request goes, once.
struct Network::Slot {
  std::string address;
  Reply reply;

  void answer(Result<client::HttpAnswer> answer) {
    if (const auto once = std::exchange(reply, nullptr)) once(std::move(answer));
  }
};

std::int64_t Network::delay_ms() {
  if (random_.chance(faults.reorder)) {
    ++seen_.reordered;
    return random_.between(timeout_ms / 10, late_ms_max);
  }
  return random_.between(0, faults.delay_ms_max);
}

std::int64_t Network::delay_ms(const std::string& address) {
  const std::int64_t usual_ms = delay_ms();
  const auto clogged = clogged_.find(address);
  if (clogged == clogged_.end() || clogged->second <= schedule_.now_ms()) return usual_ms;
  ++seen_.clogged;
  return std::max(usual_ms, clogged->second - schedule_.now_ms());
}

void Network::damage(Bytes& body) {
  if (body.empty()) return;
  if (random_.chance(faults.truncate)) {
    ++seen_.truncated;
    body.resize(random_.below(body.size()));
  }
  if (!body.empty() && random_.chance(faults.flip)) {
    ++seen_.flipped;
    body[random_.below(body.size())] ^= static_cast<char>(1U << random_.below(8));
  }
}

void Network::carry(const std::string& address, client::HttpRequest request, Reply reply) {
  const auto slot = std::make_shared<Slot>(Slot{address, std::move(reply)});
  ++seen_.requests;
  note_half_open(address);
  if (on_request) on_request(address, request);
  if (!reaches(address)) {
    ++seen_.refused;
    schedule_.after(random_.between(1, 500), [slot] { slot->answer(no_connection("There is no network here.")); });
    return;
  }
  schedule_.after(timeout_ms, [slot] { slot->answer(no_connection("No answer came in time.")); });
  if (random_.chance(faults.drop)) {
    ++seen_.dropped;
    return;
  }
  const bool twice = random_.chance(faults.duplicate);
  if (twice) {
    ++seen_.duplicated;
    schedule_.after(delay_ms(address), [this, slot, request] { deliver(slot, request); });
  }
  damage(request.body);
  schedule_.after(delay_ms(address), [this, slot, request = std::move(request)] { deliver(slot, request); });
}

void Network::deliver(const std::shared_ptr<Slot>& slot, const client::HttpRequest& request) {
  if (!reaches(slot->address)) return;  // cut meanwhile: nobody hears of it
  std::optional<client::HttpAnswer> from_portal = portal ? portal(request) : std::nullopt;
  auto answer =
      from_portal ? Result<client::HttpAnswer>(std::move(*from_portal)) : server_.handle(request, slot->address);
  if (!answer) {
    schedule_.after(1, [slot, error = answer.error()] { slot->answer(tl::unexpected(error)); });
    return;
  }
  ++seen_.answers;
  if (on_answer) on_answer(slot->address, request, *answer);
  if (random_.chance(faults.drop)) {
    ++seen_.dropped;
    return;
  }
  damage(answer->body);
  schedule_.after(delay_ms(slot->address), [this, slot, answer = std::move(*answer)] {
    if (hears(slot->address)) return slot->answer(answer);
    if (reaches(slot->address)) ++seen_.unheard;
  });
}

// ---- streams ----

/// Both ends of one stream and what is on its way between them. In order, or not at all: it is TCP.
class Network::Line final : public Stream, public std::enable_shared_from_this<Line> {
public:
  Line(Network& network, std::string address, StreamEnds ends)
      : network_(network), address_(std::move(address)), ends_(std::move(ends)) {}

  void open(const client::HttpRequest& upgrade) {
    auto verdict = network_.server_.upgrade(upgrade, address_);
    client::HttpAnswer answer;
    if (auto* refusal = std::get_if<server::Response>(&verdict)) {
      answer.status = refusal->status;
      end();
      return;
    }
    auto& accept = std::get<server::StreamAccept>(verdict);
    answer.status = 101;
    for (const server::Header& header : accept.headers) answer.headers.emplace_back(header.name, header.value);
    handler_ = accept.handler;
    down([this, answer] { ends_.opened(answer); });
    const Running machine = network_.server_.running();
    handler_->on_open(server::StreamSender(std::make_shared<Link>(shared_from_this())));
  }

  void send(Bytes message) override {
    if (network_.on_stream_message) network_.on_stream_message(address_, true, message);
    network_.damage(message);
    later(up_free_ms_, [this, message = std::move(message)] {
      const Running machine = network_.server_.running();
      const auto handler = handler_;  // it may close the stream
      if (handler && network_.server_.powered()) handler->on_message(message);
    });
  }
  void close() override {
    later(up_free_ms_, [this] { end_server(server::stream_close::normal); });
  }
  [[nodiscard]] const std::string& address() const { return address_; }
  /// Its device asks over HTTP: what hung in the stream it has given up.
  void asks_beside(const std::string& address) {
    if (address != address_ || !half_open_ || ended_ || std::exchange(noticed_, true)) return;
    ++network_.seen_.half_open_noticed;
  }
  /// The server goes, or the cable is cut.
  void drop() {
    end_server(server::stream_close::abnormal);
    end();
  }

private:
  /// The server's end.
  class Link final : public server::StreamLink {
  public:
    explicit Link(std::weak_ptr<Line> line) : line_(std::move(line)) {}
    bool send(Bytes message) override {
      const auto line = line_.lock();
      if (!line || !line->handler_ || !line->network_.server_.powered()) return false;
      if (line->network_.on_stream_message) line->network_.on_stream_message(line->address_, false, message);
      line->network_.damage(message);
      line->down([raw = line.get(), message = std::move(message)] { raw->ends_.message(message); });
      return true;
    }
    void close(std::uint16_t code, std::string_view) override {
      const auto line = line_.lock();
      if (!line || !line->handler_) return;
      line->network_.schedule_.after(0, [line, code] {
        line->end_server(code);
        line->end();
      });
    }
    [[nodiscard]] bool is_open() const override {
      const auto line = line_.lock();
      return line && line->handler_;
    }

  private:
    std::weak_ptr<Line> line_;
  };

  void down(std::function<void()> what) { later(down_free_ms_, std::move(what)); }
  void later(std::int64_t& free_ms, std::function<void()> what) {
    if (network_.random_.chance(network_.faults.drop)) {  // no frame is lost alone
      network_.schedule_.after(0, [line = shared_from_this()] { line->drop(); });
      return;
    }
    Schedule& schedule = network_.schedule_;
    if (half_open_ || network_.silent_.contains(address_)) {
      if (std::exchange(half_open_, true)) return;
      ++network_.seen_.half_open;
      return schedule.after(silence_ms_max, [line = shared_from_this()] { line->drop(); });
    }
    free_ms = std::max(free_ms, schedule.now_ms() + network_.random_.between(0, network_.faults.delay_ms_max));
    schedule.after(free_ms - schedule.now_ms(), [line = shared_from_this(), what = std::move(what)] {
      if (!line->network_.hears(line->address_)) return line->drop();
      if (!line->ended_) what();
    });
    ++free_ms;
  }
  void end_server(std::uint16_t code) {
    const Running machine = network_.server_.running();
    if (const auto handler = std::exchange(handler_, nullptr)) handler->on_close(code);
  }
  void end() {
    if (!std::exchange(ended_, true)) ends_.closed();
  }

  Network& network_;
  std::string address_;
  StreamEnds ends_;
  std::shared_ptr<server::StreamHandler> handler_;
  bool ended_ = false, half_open_ = false, noticed_ = false;
  std::int64_t up_free_ms_ = 0, down_free_ms_ = 0;
};

std::shared_ptr<Network::Stream> Network::open_stream(const std::string& address, const client::HttpRequest& upgrade,
                                                      StreamEnds ends) {
  const auto line = std::make_shared<Line>(*this, address, std::move(ends));
  std::erase_if(lines_, [](const auto& one) { return one.expired(); });
  lines_.push_back(line);
  schedule_.after(delay_ms(), [this, line, upgrade] {
    if (!reaches(line->address()) || !server_.up()) return line->drop();
    line->open(upgrade);
  });
  return line;
}

void Network::note_half_open(const std::string& address) {
  for (const auto& weak : lines_)
    if (const auto line = weak.lock()) line->asks_beside(address);
}

void Network::break_streams() {
  for (const auto& weak : std::exchange(lines_, {}))
    if (const auto line = weak.lock()) line->drop();
}

}  // namespace tern::test
