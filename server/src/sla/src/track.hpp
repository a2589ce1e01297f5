// One clock of one ticket: its cycles, moved on step by step.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "steps.hpp"

namespace tern::sla {

/// What an explanation hears of each step.
class TraceListener {
public:
  virtual ~TraceListener() = default;
  /// `run`: the cycle's number; 0 when the step moved none.
  virtual void on_step(Metric metric, int run, const Step& step, Seconds consumed) = 0;
};

class Track {
public:
  struct Around {
    std::span<const Event> events;
    std::span<const Plan> plans;
    OfflineCredit credit = OfflineCredit::claimed;
    Instant now = 0;  // what was received later takes no part
    TraceListener* listener = nullptr;
  };
  enum class Outcome : std::uint8_t {
    done,
    later,  // the stop counts at the end of its window: `later_step` says when
    anew    // the clock began earlier than was thought: apply all again, to a Track with `backdate`
  };

  Track(Metric metric, Choice first, const Overrides& overrides, std::optional<Instant> backdate = {})
      : metric_(metric), choice_(first), overrides_(overrides), backdate_(backdate) {}

  /// Steps come in order.
  Outcome apply(const Step& step, const Around& around);
  [[nodiscard]] const Step& later_step() const { return later_; }
  [[nodiscard]] Instant backdate() const { return *backdate_; }
  /// Appends the cycles as they stand at `now`, which is not before any step.
  void view(Instant now, std::span<const Event> events, std::vector<Cycle>& out) const;

private:
  enum class End : std::uint8_t { open, stopped, cancelled, withdrawn };
  struct Run {
    std::uint32_t event = 0;  // that started it
    int number = 1;
    Instant started_at = 0;
    Seconds consumed = 0;  // until `since`
    Instant since = 0;     // of the stretch that runs
    Seconds limit = 0;     // consumed at the due instant
    bool over = false;     // a change found more consumed than its target while it did not run (K9)
    bool had_target = false;
    Choice judged;  // by which `limit` was set
    std::optional<Instant> yellow_at, breached_at;
    BreachCause cause = BreachCause::time;
    Choice breached_by;
    Seconds breach_base = 0;  // consumed at the breach
    std::array<std::optional<Instant>, late_levels_max> late_at;
    End end = End::open;
    Instant stopped_at = 0;
    std::optional<std::uint32_t> stop_event;
    std::optional<Instant> due_at_stop;
    std::optional<Verdict> verdict;
    bool awaits_manager = false;
  };

  [[nodiscard]] Run* open_run();
  [[nodiscard]] bool runs(const Run& run) const { return run.end == End::open && paused_ == 0; }
  [[nodiscard]] std::optional<Instant> due_of(const Run& run, Seconds consumed) const;
  [[nodiscard]] std::optional<Instant> due_now(const Run& run) const;
  void advance(Run& run, Instant t) const;
  void breach(Run& run, Instant at, BreachCause cause) const;
  void set_target(Run& run, Instant t, bool is_change) const;
  void go_on(Run& run, Instant t) const;
  void start(const Step& step);
  void begin_run(const Step& step, Instant since);
  Outcome stop(const Step& step, const Around& around);
  bool judge(Run& run, const Step& step, const Event& event, const Around& around);
  void break_off(Instant t, End end);
  void restore(Instant t);
  void reopen(const Step& step);
  void retarget(Instant t, const Choice& choice);
  Outcome merged_in(const Step& step, const Event& event);
  [[nodiscard]] Cycle cycle_of(const Run& run, Instant now, std::span<const Event> events) const;
  void show_future(const Run& run, Instant now, Cycle& cycle) const;

  Metric metric_;
  Choice choice_;
  Overrides overrides_;
  std::optional<Instant> backdate_;
  int paused_ = 0, done_ = 0;  // how many stretches hold: at one instant the next may begin before the last ends
  bool withdrawn_ = false;
  bool awaited_ = false, answered_ = false;  // next_response: the first response is waited for, was given
  std::vector<Run> runs_;
  Step later_;
  bool judged_later_ = false;
};

}  // namespace tern::sla
