// Breach records (rules K14, K19): with the alerts that were sent, all that is stored of the SLA.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "tern/sla/clock.hpp"

namespace tern::sla {

enum class RecordState : std::uint8_t { provisional, confirmed, rescinded, excused };
std::string_view record_state_name(RecordState state);

/// An enrolled device of the assignee, or of a watcher with the right to reply, and when it was last heard of.
struct Device {
  std::string id;
  std::vector<Instant> anchors;  // ascending
};

/// What a record became, and when the house could know.
struct RecordStep {
  Instant at = 0;
  RecordState state = RecordState::provisional;
  std::optional<Instant> breached_at;  // unless rescinded
  std::optional<Verdict> verdict;      // of the offline stop that decided it
  bool operator==(const RecordStep&) const = default;
};

/// Unique by (ticket, metric, cycle id): a cycle has at most one.
struct BreachRecord {
  Metric metric = Metric::first_response;
  std::string cycle;
  int number = 1;
  Seconds target = 0;
  Instant due_at = 0;
  Instant breached_at = 0;
  Instant detected_at = 0;  // the first step's, unless a later `detected` is stored already
  BreachCause cause = BreachCause::time;
  RecordState state = RecordState::provisional;
  std::string rule, calendar;
  std::uint32_t book_version = 0, calendar_version = 0;
  std::string assignee, queue;        // when it was breached
  std::vector<std::string> evidence;  // ids of the changes that confirmed, rescinded or excused it
  std::vector<RecordStep> steps;
  bool operator==(const BreachRecord&) const = default;
};

/// Asking the clock again for each of so many events takes some milliseconds, and four times that for twice as many.
inline constexpr std::size_t events_retold_max = 200;

/// All records of a ticket as of `now`, with how each came to be: the clock is asked again for each instant at which
/// the house learned something. Of a ticket with more than `events_retold_max` events of which some reach back: as they
/// stand now, without what they were before. By metric, then by first step.
std::vector<BreachRecord> breach_records(const Inputs& inputs, std::span<const Device> devices, Instant now);

/// When a provisional record of `breached_at` is confirmed if nothing else arrives (K19); `breached_at` itself when no
/// device is silent then. `devices` as known at `now`.
Instant confirmed_at(Instant breached_at, Seconds offline_grace, std::span<const Device> devices, Instant now);

/// What to write, given what is stored: records that are new or differ. `detected_at` of stored ones is kept.
std::vector<BreachRecord> changed_records(std::span<const BreachRecord> stored, std::vector<BreachRecord> computed);

}  // namespace tern::sla
