#include "tern/sla/explain.hpp"

#include <fmt/format.h>

#include <map>

#include "tracks.hpp"

namespace tern::sla {
namespace {

class Listener final : public TraceListener {
public:
  struct Line {
    Step step;
    int run;
    Seconds consumed;
  };
  void on_step(Metric, int run, const Step& step, Seconds consumed) override {
    if (step.rank == create_rank) lines.clear();  // the clock was set back and begins anew
    lines.push_back({step, run, consumed});
  }
  std::vector<Line> lines;
};

const Calendar* calendar_of(const Choice& choice, Instant at) {
  return choice.calendar == nullptr ? nullptr : &choice.calendar->version_at(at);
}

class Explainer {
public:
  Explainer(const Inputs& inputs, Instant now) : inputs_(inputs), now_(now), plans_(inputs, now) {}

  void explain(Metric metric, std::vector<std::string>& out) {
    metric_ = metric;
    Listener listener;
    const Driven driven = drive(metric, inputs_, plans_, now_, {}, &listener);
    std::vector<Cycle> cycles;
    driven.track.view(now_, inputs_.events, cycles);
    if (cycles.empty()) return;
    for (const Cycle& cycle : cycles) {
      out.push_back(fmt::format("{}, cycle {}, started by {}", metric_name(metric), cycle.number, cycle.id));
      for (const Listener::Line& line : listener.lines)
        if (line.run == cycle.number && tells(line.step)) out.push_back(step_line(line));
      out.push_back(stand_line(cycle));
    }
  }

  std::string record_line(const BreachRecord& record) {
    metric_ = record.metric;
    std::string line =
        fmt::format("breach of {}, cycle {}, due {}:", metric_name(record.metric), record.number, when(record.due_at));
    for (const RecordStep& step : record.steps) {
      line += fmt::format(" {} {}", when(step.at), record_state_name(step.state));
      if (step.verdict) line += fmt::format(" ({})", verdict_name(*step.verdict));
      line += ';';
    }
    line.back() = '.';
    return line;
  }

private:
  [[nodiscard]] const Choice& choice_at(Instant at) const { return plans_.before(metric_, at + 1); }

  [[nodiscard]] std::string when(Instant at) const {
    const Calendar* calendar = calendar_of(choice_at(at), at);
    return local_text(at, calendar == nullptr ? 0 : offset_at(calendar->offsets, at));
  }

  /// A change of the rules that left this clock's alone is not worth a line.
  [[nodiscard]] bool tells(const Step& step) const {
    if (step.kind != StepKind::retarget) return true;
    const auto m = static_cast<std::size_t>(metric_);
    return !same_promise(plans_.all()[step.event - 1].choices[m], plans_.all()[step.event].choices[m]);
  }

  [[nodiscard]] std::string promise(const Choice& choice) const {
    if (choice.rule == nullptr) return "no rule matches";
    if (!choice.target) return fmt::format("rule {} gives no target", choice.rule->id);
    return fmt::format("target {} by rule {} (list version {}), calendar {}", duration_text(*choice.target),
                       choice.rule->id, choice.book_version, choice.rule->calendar);
  }

  [[nodiscard]] std::string what(const Step& step) const {
    switch (step.kind) {
      case StepKind::start:
        return step.since < step.at
                   ? fmt::format("counts from {}, {}", when(step.since), promise(choice_at(step.since)))
                   : fmt::format("counts, {}", promise(choice_at(step.at)));
      case StepKind::stop:
        return "stop";
      case StepKind::cancel:
        return "cancelled, as the ticket was done";
      case StepKind::withdraw:
        return "cancelled, as the ticket was merged or deleted";
      case StepKind::pause:
        return fmt::format("paused, {}", sync::status_name(inputs_.events[step.event].status));
      case StepKind::resume:
        return fmt::format("goes on, {}", sync::status_name(inputs_.events[step.event].status));
      case StepKind::reopen:
        return "reopened";
      case StepKind::restore:
        return "restored";
      case StepKind::merged_in:
        return "another ticket was merged into this one";
      case StepKind::retarget:
        return promise(plans_.all()[step.event].choices[static_cast<std::size_t>(metric_)]);
    }
    return {};
  }

  [[nodiscard]] std::string step_line(const Listener::Line& line) const {
    std::string text =
        fmt::format("  {}  {}; {} consumed", when(line.step.at), what(line.step), duration_text(line.consumed));
    if (line.step.kind != StepKind::retarget) {
      const Event& event = inputs_.events[line.step.event];
      text += fmt::format(" [{}]", event.id);
      if (event.offline)
        text += fmt::format(", made offline: window {} to {}, received {}", when(event.offline->window_begin),
                            when(event.offline->window_end), when(event.offline->received));
    }
    return text;
  }

  [[nodiscard]] std::string stand_line(const Cycle& cycle) const {
    std::string text =
        fmt::format("  {}  {}: {} of {} consumed", when(now_), cycle_state_name(cycle.state),
                    duration_text(cycle.elapsed), cycle.target ? duration_text(*cycle.target) : "no target");
    if (cycle.due) text += fmt::format(", due {}", when(*cycle.due));
    if (cycle.breached_at)
      text += fmt::format(", breached {} by {}", when(*cycle.breached_at), breach_cause_name(cycle.cause));
    if (cycle.verdict && cycle.offline_stop) text += fmt::format(", {}", verdict_name(*cycle.verdict));
    if (cycle.awaits_manager) text += ", a manager has to decide";
    return text;
  }

  const Inputs& inputs_;
  Instant now_;
  Plans plans_;
  Metric metric_ = Metric::first_response;
};

}  // namespace

std::vector<std::string> explain(const Inputs& inputs, std::span<const Device> devices, Instant now) {
  std::vector<std::string> out;
  Explainer explainer(inputs, now);
  for (const Metric metric : all_metrics) explainer.explain(metric, out);
  for (const BreachRecord& record : breach_records(inputs, devices, now)) out.push_back(explainer.record_line(record));
  return out;
}

}  // namespace tern::sla
