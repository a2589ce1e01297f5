// A ticket's events as one clock's steps: what starts, stops and pauses it, each at the instant at which it counts.
#pragma once

#include <optional>
#include <vector>

#include "plans.hpp"

namespace tern::sla {

enum class StepKind : std::uint8_t {
  start,
  stop,
  cancel,
  withdraw,
  pause,
  resume,
  reopen,
  restore,
  merged_in,
  retarget
};

inline constexpr std::uint8_t create_rank = 0, retarget_rank = 4;

struct Step {
  Instant at = 0;
  std::uint8_t rank = 0;    // at one instant: create, stop, pause, resume or start, retarget (K23)
  std::uint32_t order = 0;  // then the fold's
  StepKind kind = StepKind::start;
  std::uint32_t event = 0;  // its index; of a retarget the plan's
  Instant since = 0;        // of a start: from when it counts, which may be earlier

  friend bool operator<(const Step& a, const Step& b) {
    if (a.at != b.at) return a.at < b.at;
    return a.rank != b.rank ? a.rank < b.rank : a.order < b.order;
  }
};

/// Other terms than the rules give: how a response figure is computed beside the one that counts (K20).
struct Overrides {
  std::optional<ResponseClock> clock;
  std::optional<OfflineCredit> credit;
};

/// The instant at which an offline change that stops or pauses a clock counts, and one that starts or resumes it:
/// credit never makes a pause longer than it was (K18, K21).
Instant counted_late(const Event& event, OfflineCredit credit);
Instant counted_early(const Event& event, OfflineCredit credit);

/// Reads events in the fold's order. Which move ends a pause is decided there; when, by what counts (K21).
class StepReader {
public:
  StepReader(Metric metric, const Overrides& overrides) : metric_(metric), overrides_(overrides) {}

  /// Appends the steps of one event. False when a pause or stop that was appended before turned out to be empty: then
  /// it is taken out of `steps`, if it is there.
  bool read(const Event& event, std::uint32_t index, const Plans& plans, std::vector<Step>& steps);

private:
  /// A stretch between two moves.
  struct Stretch {
    bool open = false;
    Instant begin = 0;
    std::uint32_t order = 0;
    StepKind kind = StepKind::pause;
  };

  [[nodiscard]] Instant stop_at(const Event& event, const Terms& terms, bool message) const;
  [[nodiscard]] OfflineCredit credit(const Terms& terms) const;
  void read_create(const Event& event, std::uint32_t index, const Terms& terms, std::vector<Step>& steps);
  void read_answer(const Event& event, std::uint32_t index, const Terms& terms, std::vector<Step>& steps);
  bool read_move(const Event& event, std::uint32_t index, const Terms& terms, std::vector<Step>& steps);
  bool end(Stretch& stretch, Instant at, StepKind kind, std::uint32_t index, std::vector<Step>& steps);
  void put(std::vector<Step>& steps, Instant at, StepKind kind, std::uint32_t index, std::optional<Instant> since = {});

  Metric metric_;
  Overrides overrides_;
  Instant created_ = 0;
  std::uint32_t order_ = 0;
  Stretch pause_, done_;
};

}  // namespace tern::sla
