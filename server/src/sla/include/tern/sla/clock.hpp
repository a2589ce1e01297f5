// The SLA clock: a pure function of (events, policy versions, calendar versions, now). Rules K1 to K13, K18 to K23.
//
// Nothing here reads a clock, a file or a setting, keeps anything between calls but the calendars' expansions, or says
// another thing when they are dropped. docs/sla.md has the rules with worked examples.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tern/sla/event.hpp"

namespace tern::sla {

/// Everything the clock looks at but `now`. All of it outlives the call; `calendars` is written to as a cache only.
struct Inputs {
  std::span<const Event> events;  // the fold's order, a create first; what was received after `now` takes no part
  const RuleBooks& books;
  const Calendars& calendars;
};

/// A breached cycle may still be open.
enum class CycleState : std::uint8_t { running, paused, met, breached, cancelled };
std::string_view cycle_state_name(CycleState state);

enum class Colour : std::uint8_t { grey, green, blue, yellow, red };  // from best to worst
std::string_view colour_name(Colour colour);

/// How sure the verdict on an offline stop is (K18).
enum class Verdict : std::uint8_t {
  proven_met,        // received by the due instant
  attested_met,      // the late end of its window is
  claimed,           // only its effective time is
  claimed_breached,  // not even that, but its lower bound is
  proven_breached    // nor that
};
std::string_view verdict_name(Verdict verdict);

enum class BreachCause : std::uint8_t { time, retarget };  // K9
std::string_view breach_cause_name(BreachCause cause);

/// One wait of one metric, as of `now`.
struct Cycle {
  Metric metric = Metric::first_response;
  int number = 1;  // for display: late facts may renumber
  std::string id;  // of the change that starts it (K14)
  Instant started_at = 0;
  CycleState state = CycleState::running;
  bool open = true;
  std::optional<Instant> due;         // empty while paused, without a target, and beyond what is searched (C8)
  std::optional<Instant> yellow_at;   // when it turns or turned yellow; as `due`
  std::optional<Instant> stopped_at;  // by which instant its stop counts, or when it was cancelled
  std::optional<Instant> breached_at;
  BreachCause cause = BreachCause::time;
  std::optional<Seconds> target;
  Seconds elapsed = 0;
  std::optional<Seconds> remaining;  // of an open one with a target; negative once breached
  Colour heat = Colour::green;       // green, yellow or red by what is consumed, paused or not
  std::array<std::optional<Instant>, late_levels_max> late_at;  // when each late level was reached (K15)
  std::optional<Instant> wake_at;  // the next instant at which any of this changes by itself (K16)

  // The stop.
  std::string stop_id;
  bool offline_stop = false;
  std::optional<Verdict> verdict;  // of a stop with a due instant
  bool awaits_manager = false;     // credit `manager`: breached until decided (K18)

  // What it is judged by: now, or when it was breached.
  std::string rule, calendar;
  std::optional<Seconds> judged_target;
  std::uint32_t book_version = 0, calendar_version = 0;
  Seconds offline_grace = 72 * hour_s;
  bool quiet = false;  // K15

  /// K13: grey without a target, blue while paused, else the heat.
  [[nodiscard]] Colour colour() const;
  bool operator==(const Cycle&) const = default;
};

/// A stretch on hold or waiting that has not ended (K24).
struct LongPause {
  std::string id;  // of the move that began it
  Instant since = 0;
  Instant alert_at = 0;
  bool quiet = false;  // K15
  bool operator==(const LongPause&) const = default;
};

struct TicketClock {
  std::vector<Cycle> cycles;  // by metric, then number; those that never had a target are left out
  std::optional<LongPause> pause;

  /// The worst of the open cycles; grey when there is none (K13).
  [[nodiscard]] Colour colour() const;
  /// The nearest due instant of the open cycles: what lists sort by.
  [[nodiscard]] std::optional<Instant> next_due() const;
  bool operator==(const TicketClock&) const = default;
};

/// The state at `now`, from what was received by then.
TicketClock clock_at(const Inputs& inputs, Instant now);

/// Two response figures (K20) of one cycle that a message stopped.
struct ResponseFigures {
  Seconds acted_s = 0, acted_wall_s = 0;          // to the effective time
  Seconds delivered_s = 0, delivered_wall_s = 0;  // to when the customer could read it
  bool operator==(const ResponseFigures&) const = default;
};
/// Empty while the cycle is open, was stopped by nothing, or its stop cannot be read yet.
std::optional<ResponseFigures> response_figures(const Inputs& inputs, const Cycle& cycle, Instant now);

/// Figures without a target (K2): working time by the calendar of `resolution`, from creation to done or `now`.
struct WorkTimes {
  Seconds todo_and_work = 0;  // agent_work
  Seconds hold = 0;           // with it: requester_wait
  Seconds customer = 0;       // waiting and estimated
  [[nodiscard]] Seconds agent_work() const { return todo_and_work; }
  [[nodiscard]] Seconds requester_wait() const { return todo_and_work + hold; }
  bool operator==(const WorkTimes&) const = default;
};
WorkTimes work_times(const Inputs& inputs, Instant now);

/// The same answers as `clock_at`, event by event: an event behind all others is taken in by itself, a late one makes
/// everything be folded anew. For a server that keeps its busy tickets. Not for two threads at once.
class RunningClock {
public:
  /// All outlive it. What comes into force after `from`, of books, is not seen: make a new one then.
  RunningClock(const RuleBooks& books, const Calendars& calendars);
  ~RunningClock();
  RunningClock(RunningClock&&) noexcept;
  RunningClock& operator=(RunningClock&&) noexcept;

  /// `place`: before which event of the fold's order it stands; at the end when left out.
  void add(Event event, std::optional<std::size_t> place = {});
  /// `now` is not before any receipt so far.
  [[nodiscard]] TicketClock at(Instant now) const;
  [[nodiscard]] std::span<const Event> events() const;
  /// How often everything was folded anew; for tests.
  [[nodiscard]] std::size_t rebuilt() const;

private:
  struct Inside;
  std::unique_ptr<Inside> inside_;
};

}  // namespace tern::sla
