#include "tern/server/log.hpp"

#include "tern/server/edge.hpp"
#include "time_text.hpp"

namespace tern::server {

std::string_view to_string(LogLevel level) {
  constexpr std::string_view names[] = {"debug", "info", "warning", "error"};
  return names[static_cast<std::size_t>(level)];
}

void Log::write(LogLevel level, std::string_view event, std::initializer_list<Json::Member> members) const {
  if (!sink_) return;
  Json line = Json::object({{"time", Json(instant_text(environment_.wall_ms()))},
                            {"level", Json(to_string(level))},
                            {"event", Json(event)}});
  for (const Json::Member& member : members) line.append_member(member.first, member.second);
  sink_(to_text(line));
}

void Log::write(const RequestRecord& record) const {
  const LogLevel level = record.status >= 500 ? LogLevel::error : LogLevel::info;
  write(level, "request",
        {{"request_id", Json(record.request_id)},
         {"peer", Json(record.peer_address)},
         {"method", Json(record.method)},
         {"path", Json(record.path)},
         {"status", Json(record.status)},
         {"refusal", record.refusal.empty() ? Json() : Json(record.refusal)},
         {"bytes_in", Json(record.bytes_in)},
         {"bytes_out", Json(record.bytes_out)},
         {"duration_us", Json(record.duration_us)}});
}

}  // namespace tern::server
