#include "views/sla_view.hpp"

#include <algorithm>

#include "exchange/sync_state.hpp"
#include "outbox/outbox.hpp"
#include "tern/protocol/anchor.hpp"

namespace tern::client {

namespace {

std::optional<std::int64_t> by_the_anchor(Outbox& outbox, Environment& environment) {
  const auto held = outbox.anchor();
  if (!held || held->anchor.empty() || held->boot.is_zero() || held->boot != environment.boot_id()) return std::nullopt;
  const auto anchor = read_stored_statement<protocol::Anchor>(held->anchor);
  if (!anchor) return std::nullopt;
  return anchor->time_ms + std::max<std::int64_t>(environment.boot_ms() - held->request_boot_ms, 0);
}

}  // namespace

std::int64_t server_time_now(Outbox& outbox, Environment& environment) {
  const SyncState sync = load_sync_state(outbox).value_or(SyncState{});
  const std::int64_t now_ms =
      by_the_anchor(outbox, environment).value_or(environment.wall_ms() + sync.server_offset_ms);
  return std::max(now_ms, sync.current_as_of_ms);
}

SlaView sla_view(const sync::SlaCycle& cycle, std::int64_t now_ms) {
  const std::int64_t now_s = now_ms / 1000;
  SlaView view;
  view.metric = sync::sla_metric_name(cycle.metric);
  view.number = cycle.number;
  view.colour = sync::sla_colour_name(cycle.colour_at(now_s));
  view.paused = cycle.remaining.has_value();
  if (cycle.due) view.due_ms = *cycle.due * 1000;
  if (cycle.yellow) view.yellow_ms = *cycle.yellow * 1000;
  if (cycle.due)
    view.left_s = *cycle.due - now_s;
  else
    view.left_s = cycle.remaining;
  return view;
}

std::optional<SlaView> worst_sla_view(const sync::SlaClock& clock, std::int64_t now_ms) {
  const sync::SlaCycle* worst = clock.worst_at(now_ms / 1000);
  return worst == nullptr ? std::nullopt : std::optional(sla_view(*worst, now_ms));
}

}  // namespace tern::client
