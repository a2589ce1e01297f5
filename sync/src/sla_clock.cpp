#include "tern/sync/sla_clock.hpp"

#include <algorithm>

#include "proto_wire.hpp"
#include "tern/protocol/limits.hpp"

namespace tern::sync {
namespace {

constexpr std::string_view sla_metric_names[] = {"first_response", "next_response", "resolution", "periodic_update",
                                                 "on_site"};
constexpr std::string_view sla_colour_names[] = {"grey", "green", "blue", "yellow", "red"};
static_assert(std::size(sla_metric_names) == sla_metric_count);

// Field numbers of exchange.proto.
enum CycleField : std::uint32_t {
  cycle_metric = 1,
  cycle_number,
  cycle_due,
  cycle_yellow,
  cycle_paused,
  cycle_remaining
};
enum ClockField : std::uint32_t { clock_cycles = 1, clock_waits_since };

constexpr std::int64_t seconds_max = limits::instant_ms_max / 1000;

/// Less than nothing may be left of what is paused: its target was made shorter meanwhile.
std::int64_t read_seconds(ProtoReader& reader) {
  const std::int64_t value = reader.sint64();
  if (value < -seconds_max || value > seconds_max) reader.refuse();
  return value;
}

std::optional<std::int64_t> read_instant(ProtoReader& reader) {
  const std::int64_t value = read_seconds(reader);
  if (value < 0) reader.refuse();
  return value == 0 ? std::nullopt : std::optional(value);
}

Bytes encode_cycle(const SlaCycle& cycle) {
  ProtoWriter out;
  out.number(cycle_metric, static_cast<std::uint64_t>(cycle.metric));
  out.number(cycle_number, cycle.number);
  out.sint64(cycle_due, cycle.due.value_or(0));
  out.sint64(cycle_yellow, cycle.yellow.value_or(0));
  out.flag(cycle_paused, cycle.remaining.has_value());
  out.sint64(cycle_remaining, cycle.remaining.value_or(0));
  return out.take();
}

/// Nothing: of a kind that is not known here.
std::optional<SlaCycle> read_cycle(ByteView bytes, bool& good) {
  SlaCycle cycle;
  std::uint64_t metric = 0;
  std::int64_t remaining = 0;
  bool paused = false;
  ProtoReader reader(bytes);
  while (reader.next()) {
    switch (reader.field()) {
      case cycle_metric:
        metric = reader.number();
        break;
      case cycle_number:
        cycle.number = static_cast<std::uint32_t>(reader.number(UINT32_MAX));
        break;
      case cycle_due:
        cycle.due = read_instant(reader);
        break;
      case cycle_yellow:
        cycle.yellow = read_instant(reader);
        break;
      case cycle_paused:
        paused = reader.number() != 0;
        break;
      case cycle_remaining:
        remaining = read_seconds(reader);
        break;
      default:
        break;
    }
  }
  good = good && !reader.bad();
  if (metric >= sla_metric_count) return std::nullopt;
  cycle.metric = static_cast<SlaMetric>(metric);
  if (paused) cycle.remaining = remaining;
  return cycle;
}

bool is_sooner(const SlaCycle& a, const SlaCycle& b) {
  return a.due && (!b.due || *a.due < *b.due);
}

}  // namespace

std::string_view sla_metric_name(SlaMetric metric) {
  return sla_metric_names[static_cast<std::size_t>(metric)];
}

std::string_view sla_colour_name(SlaColour colour) {
  return sla_colour_names[static_cast<std::size_t>(colour)];
}

SlaColour SlaCycle::colour_at(std::int64_t now) const {
  if (due && now > *due) return SlaColour::red;
  if (remaining) return SlaColour::blue;
  return yellow && now >= *yellow ? SlaColour::yellow : SlaColour::green;
}

const SlaCycle* SlaClock::worst_at(std::int64_t now) const {
  const SlaCycle* worst = nullptr;
  for (const SlaCycle& cycle : cycles) {
    const bool worse = worst == nullptr || cycle.colour_at(now) > worst->colour_at(now) ||
                       (cycle.colour_at(now) == worst->colour_at(now) && is_sooner(cycle, *worst));
    if (worse) worst = &cycle;
  }
  return worst;
}

std::optional<std::int64_t> SlaClock::nearest_due() const {
  std::optional<std::int64_t> nearest;
  for (const SlaCycle& cycle : cycles)
    if (cycle.due && (!nearest || *cycle.due < *nearest)) nearest = cycle.due;
  return nearest;
}

Bytes encode_sla_clock(const SlaClock& clock) {
  if (clock.cycles.empty()) return {};
  ProtoWriter out;
  for (const SlaCycle& cycle : clock.cycles) out.element(clock_cycles, encode_cycle(cycle));
  out.sint64(clock_waits_since, clock.waits_since.value_or(0));
  return out.take();
}

Result<SlaClock> decode_sla_clock(ByteView bytes) {
  if (bytes.size() > sla_clock_bytes_max)
    return fail(ErrorCode::too_large, "The SLA clock is larger than any that is made.", {}, "clock");
  SlaClock clock;
  bool good = true;
  ProtoReader reader(bytes);
  while (reader.next()) {
    if (reader.field() == clock_cycles) {
      if (auto cycle = read_cycle(reader.bytes(), good)) clock.cycles.push_back(*cycle);
    } else if (reader.field() == clock_waits_since) {
      clock.waits_since = read_instant(reader);
    }
  }
  if (!good || reader.bad()) return fail(ErrorCode::malformed, "The SLA clock is damaged.", {}, "clock");
  return clock;
}

}  // namespace tern::sync
