#include "tern/sla/event.hpp"

#include <algorithm>

namespace tern::sla {
namespace {

std::optional<sync::Status> moved_by_customer(sync::Status status, Seconds since_closed, Seconds reopen_window) {
  using sync::Status;
  if (status == Status::waiting) return Status::open;
  if (status == Status::resolved || (status == Status::closed && since_closed <= reopen_window))
    return Status::reopened;
  return std::nullopt;
}

}  // namespace

bool answers_customer(const Event& event) {
  if (event.kind == EventKind::call) return event.answered;
  return event.kind == EventKind::agent_message && event.is_public && !event.automatic && !event.light_agent;
}

Instant effective_time(Instant claimed, const OfflineTime& time) {
  return std::max(time.window_begin, std::min(claimed, time.window_end));
}

std::vector<Event> with_customer_moves(std::vector<Event> events, Seconds reopen_window) {
  std::vector<Event> out;
  out.reserve(events.size() + 4);
  sync::Status status = sync::Status::new_;
  Instant since = 0;
  for (std::size_t i = 0; i < events.size(); ++i) {
    const bool says_so =
        i + 1 < events.size() && events[i + 1].kind == EventKind::status && events[i + 1].at == events[i].at;
    out.push_back(std::move(events[i]));
    const Event& last = out.back();
    if (last.kind == EventKind::status) {
      status = last.status;
      since = last.at;
    }
    if (last.kind != EventKind::customer_message || !last.is_public || last.automatic || says_so) continue;
    const auto to = moved_by_customer(status, last.at - since, reopen_window);
    if (!to) continue;
    Event move;
    move.kind = EventKind::status;
    move.id = last.id + "/move";
    move.at = last.at;
    move.offline = last.offline;
    move.status = *to;
    out.push_back(std::move(move));
    status = *to;
    since = out.back().at;
  }
  return out;
}

}  // namespace tern::sla
