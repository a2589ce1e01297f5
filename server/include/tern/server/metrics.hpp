// Numbers of the edge as Prometheus text, and the handler of --metrics-listen.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "tern/server/edge.hpp"
#include "tern/server/http.hpp"

namespace tern::server {

std::string metrics_text(const EdgeCounters& counters);

/// GET /metrics for whoever can connect, and nothing else: for a listener of its own.
std::unique_ptr<Handler> make_metrics_handler(std::function<std::string()> text);

}  // namespace tern::server
