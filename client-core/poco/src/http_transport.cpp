#include "tern/client_poco/http_transport.hpp"

#include <algorithm>
#include <utility>

#include "answer_reader.hpp"
#include "line.hpp"
#include "request_writer.hpp"
#include "server_url.hpp"
#include "stream_inside.hpp"

namespace tern::client {
namespace {

constexpr std::int64_t idle_ms_max = 60'000;  // servers drop idle connections soon after
constexpr std::size_t piece_bytes = 64 * 1024;

}  // namespace

class HttpTransport::Inside {
public:
  Inside(TransportOptions options, ServerUrl url, Poco::Net::Context::Ptr tls)
      : options_(std::move(options)), url_(std::move(url)), tls_(std::move(tls)) {}

  void begin(const HttpRequest& request);
  Result<HttpAnswer> finish();
  Result<StreamOpening> open_stream(const HttpRequest& upgrade);
  void start_anew() { kept_.reset(); }

private:
  /// A request that is out, or on its way out.
  struct Sending {
    std::unique_ptr<Line> line;
    std::string bytes;
    std::size_t sent = 0;
  };

  /// True when the whole request was sent as well, so that the line is good for another.
  Result<bool> exchange(Line& line, std::string_view bytes, AnswerReader& reader);
  /// One read into the reader. `more` also when nothing was there yet.
  AnswerReader::State read_some(Line& line, AnswerReader& reader, bool& moved);

  const TransportOptions options_;
  const ServerUrl url_;
  const Poco::Net::Context::Ptr tls_;
  std::unique_ptr<Line> kept_;  // good at kept_since_ms_
  std::int64_t kept_since_ms_ = 0;
  Result<Sending> sending_ = Sending{};
  std::string scratch_;
};

/// As much of it goes out as the line takes at once.
void HttpTransport::Inside::begin(const HttpRequest& request) {
  sending_ = Sending{};
  const auto started = [&]() -> Result<Sending> {
    Sending sending;
    TERN_TRY(sending.bytes, write_request(request, url_.authority()));
    sending.line = std::move(kept_);
    if (sending.line && (steady_ms() - kept_since_ms_ > idle_ms_max || sending.line->has_news())) sending.line.reset();
    if (!sending.line) {
      TERN_TRY(sending.line, Line::connect(url_, tls_, options_.connect_ms));
    }
    const LineStep step = sending.line->write(std::string_view(sending.bytes).substr(0, piece_bytes));
    if (step.state == LineState::moved) sending.sent = step.bytes;
    return sending;
  };
  sending_ = started();
}

Result<HttpAnswer> HttpTransport::Inside::finish() {
  TERN_TRY(Sending sending, std::exchange(sending_, Sending{}));
  if (!sending.line) return fail(ErrorCode::usage, "There is no request to fetch an answer to.");
  AnswerReader reader;
  TERN_TRY(const bool sent, exchange(*sending.line, std::string_view(sending.bytes).substr(sending.sent), reader));
  if (sent && reader.keeps_alive() && reader.rest().empty()) {
    kept_ = std::move(sending.line);
    kept_since_ms_ = steady_ms();
  }
  return reader.take();
}

Result<bool> HttpTransport::Inside::exchange(Line& line, std::string_view bytes, AnswerReader& reader) {
  const std::int64_t whole_until_ms = steady_ms() + options_.whole_ms;
  bool writing = !bytes.empty();
  while (true) {
    bool moved = false;
    LineState wait_for = LineState::wait_read;
    if (writing) {
      const LineStep step = line.write(bytes.substr(0, piece_bytes));
      moved = step.state == LineState::moved;
      bytes.remove_prefix(moved ? step.bytes : 0);
      // A server that refuses may close before it has read everything; its answer is then what counts.
      writing = !bytes.empty() && step.state != LineState::failed && step.state != LineState::ended;
      wait_for = writing ? LineState::wait_write : LineState::wait_read;
    }
    if (!writing || line.has_news()) {
      switch (read_some(line, reader, moved)) {
        case AnswerReader::State::whole:
          return bytes.empty();
        case AnswerReader::State::too_large:
          return no_connection("The answer of " + url_.authority() + " is larger than any that is expected");
        case AnswerReader::State::not_http:
          return no_connection(reader.begun() ? "The answer of " + url_.authority() + " was cut short or is no HTTP"
                                              : "The server " + url_.authority() + " closed the connection");
        case AnswerReader::State::more:
          if (reader.begun()) writing = false;
      }
    }
    if (moved) continue;
    const std::int64_t left_ms = whole_until_ms - steady_ms();
    if (left_ms <= 0 || !line.wait(wait_for, std::min(options_.stall_ms, left_ms)))
      return no_connection("The server " + url_.authority() + " does not answer in time");
  }
}

AnswerReader::State HttpTransport::Inside::read_some(Line& line, AnswerReader& reader, bool& moved) {
  scratch_.resize(piece_bytes);
  const LineStep step = line.read(scratch_.data(), scratch_.size());
  switch (step.state) {
    case LineState::moved:
      moved = true;
      return reader.feed(std::string_view(scratch_).substr(0, step.bytes));
    case LineState::ended:
    case LineState::failed:
      return reader.end();
    default:
      return AnswerReader::State::more;
  }
}

Result<StreamOpening> HttpTransport::Inside::open_stream(const HttpRequest& upgrade) {
  std::string expected_accept;
  TERN_TRY(const std::string bytes, write_upgrade(upgrade, url_.authority(), expected_accept));
  TERN_TRY(std::unique_ptr<Line> line, Line::connect(url_, tls_, options_.connect_ms));
  AnswerReader reader;
  TERN_CHECKED(exchange(*line, bytes, reader));
  StreamOpening opening;
  std::string early(reader.rest());
  opening.answer = reader.take();
  if (opening.answer.status != 101) return opening;
  if (opening.answer.header("sec-websocket-accept") != expected_accept)
    return no_connection("What answers at " + url_.authority() + " does not speak WebSocket");
  opening.stream = std::make_unique<StreamConnection>(
      std::make_unique<StreamConnection::Inside>(std::move(line), std::move(early), options_.stall_ms));
  return opening;
}

Result<std::unique_ptr<HttpTransport>> HttpTransport::open(TransportOptions options) {
  TERN_TRY(ServerUrl url, parse_server_url(options));
  Poco::Net::Context::Ptr tls;
  if (url.tls) {
    TERN_TRY(tls, make_client_tls(options.ca_file));
  }
  return std::unique_ptr<HttpTransport>(
      new HttpTransport(std::make_unique<Inside>(std::move(options), std::move(url), std::move(tls))));
}

HttpTransport::HttpTransport(std::unique_ptr<Inside> inside) : inside_(std::move(inside)) {}
HttpTransport::~HttpTransport() = default;
Result<HttpAnswer> HttpTransport::send(const HttpRequest& request) {
  inside_->begin(request);
  return inside_->finish();
}
void HttpTransport::send_ahead(const HttpRequest& request) {
  inside_->begin(request);
}
Result<HttpAnswer> HttpTransport::fetch() {
  return inside_->finish();
}
void HttpTransport::start_anew() {
  inside_->start_anew();
}
Result<StreamOpening> HttpTransport::open_stream(const HttpRequest& upgrade) {
  return inside_->open_stream(upgrade);
}

}  // namespace tern::client
