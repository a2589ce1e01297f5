// Structured log lines: one JSON object each, made here and written by whoever hands in the sink.
#pragma once

#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>

#include "tern/protocol/environment.hpp"
#include "tern/protocol/json.hpp"

namespace tern::server {

struct RequestRecord;

/// Takes one line without its end. Thread-safe and quick.
using LogSink = std::function<void(std::string_view line)>;

enum class LogLevel : std::uint8_t { debug, info, warning, error };
std::string_view to_string(LogLevel level);

/// Members name ids, codes and counts: never a secret, a query, a body or what people wrote. Thread-safe.
class Log {
public:
  /// Without a sink every line is dropped. `environment` outlives it.
  Log(LogSink sink, Environment& environment) : sink_(std::move(sink)), environment_(environment) {}

  /// {"time":..., "level":..., "event":..., members}
  void write(LogLevel level, std::string_view event, std::initializer_list<Json::Member> members) const;
  /// The access log: {"event":"request","request_id":...,"peer":...,"method":...,"path":...,"status":...}
  void write(const RequestRecord& record) const;

private:
  LogSink sink_;
  Environment& environment_;
};

}  // namespace tern::server
