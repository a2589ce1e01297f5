#include "tern/server/metrics.hpp"

#include <fmt/format.h>

#include "metrics/metrics_writer.hpp"

namespace tern::server {
namespace {

std::string escaped_label(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
  return out;
}

class MetricsHandler : public Handler {
public:
  explicit MetricsHandler(std::function<std::string()> text) : text_(std::move(text)) {}
  HeadVerdict on_head(const Request& head) override {
    if (head.path == "/metrics" && head.method == "GET") return HeadAccept{};
    return problem_response({404, "not_found", "There is nothing here", "", "", head.request_id});
  }
  Response handle(Request&&, std::any) override {
    return Response(200, "text/plain; version=0.0.4; charset=utf-8", text_());
  }

private:
  std::function<std::string()> text_;
};

}  // namespace

MetricsWriter& MetricsWriter::begin(std::string_view name, std::string_view help, std::string_view type) {
  out_ += fmt::format("# HELP tern_{} {}\n# TYPE tern_{} {}\n", name, help, name, type);
  return *this;
}

MetricsWriter& MetricsWriter::labelled(std::string_view name, std::string_view label, std::string_view label_value,
                                       std::uint64_t value) {
  out_ += fmt::format("tern_{}{{{}=\"{}\"}} {}\n", name, label, escaped_label(label_value), value);
  return *this;
}

MetricsWriter& MetricsWriter::sample(std::string_view name, std::string_view help, std::string_view type,
                                     std::uint64_t value) {
  begin(name, help, type);
  out_ += fmt::format("tern_{} {}\n", name, value);
  return *this;
}

std::string metrics_text(const EdgeCounters& counters) {
  MetricsWriter out;
  out.gauge("connections_open", "Connections now", counters.connections_open)
      .counter("connections_accepted_total", "Connections accepted", counters.connections_accepted)
      .counter("connections_refused_total", "Connections over a cap", counters.connections_refused)
      .counter("requests_total", "Requests", counters.requests)
      .counter("answers_2xx_total", "Answers 200 to 299", counters.answers_2xx)
      .counter("answers_3xx_total", "Answers 300 to 399", counters.answers_3xx)
      .counter("answers_4xx_total", "Answers 400 to 499", counters.answers_4xx)
      .counter("answers_5xx_total", "Answers 500 and above", counters.answers_5xx)
      .counter("refused_by_edge_total", "Answers made by the edge itself", counters.refused_by_edge)
      .counter("head_timeouts_total", "Heads that took too long", counters.head_timeouts)
      .counter("body_timeouts_total", "Bodies that came too slowly", counters.body_timeouts)
      .counter("slow_readers_cut_total", "Peers that read too slowly", counters.slow_readers_cut)
      .gauge("streams_open", "WebSocket streams now", counters.streams_open)
      .counter("streams_accepted_total", "WebSocket streams accepted", counters.streams_accepted)
      .counter("stream_messages_in_total", "Messages received on streams", counters.stream_messages_in)
      .counter("stream_messages_out_total", "Messages sent on streams", counters.stream_messages_out)
      .counter("bytes_in_total", "Bytes received", counters.bytes_in)
      .counter("bytes_out_total", "Bytes sent", counters.bytes_out)
      .gauge("requests_waiting", "Requests waiting for a worker", counters.requests_waiting);
  return out.take();
}

std::unique_ptr<Handler> make_metrics_handler(std::function<std::string()> text) {
  return std::make_unique<MetricsHandler>(std::move(text));
}

}  // namespace tern::server
