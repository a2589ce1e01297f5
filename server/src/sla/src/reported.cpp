#include "tern/sla/reported.hpp"

#include <algorithm>

#include "plans.hpp"

namespace tern::sla {
namespace {

bool is_over(sync::Status status) {
  const auto of = sync::status_class(status);
  return of == sync::StatusClass::done || of == sync::StatusClass::end;
}

bool is_paused(sync::Status status) {
  const auto of = sync::status_class(status);
  return of == sync::StatusClass::hold || of == sync::StatusClass::wait;
}

class ReportReader {
public:
  explicit ReportReader(const Plans& plans) : plans_(plans) {}

  void read(const Event& event) {
    switch (event.kind) {
      case EventKind::create:
        begin(event);
        return;
      case EventKind::customer_message:
        if (!event.automatic && !waits_from_) waits_from_ = event.at;
        return;
      case EventKind::merged_in:
        if (event.clock_start && out_.answers.empty())
          waits_from_ = std::min(*event.clock_start, waits_from_.value_or(*event.clock_start));
        return;
      case EventKind::agent_message:
      case EventKind::call:
        if (answers_customer(event)) answer(event);
        return;
      case EventKind::status:
        move(event);
        return;
      case EventKind::withdrawn:
      case EventKind::restored:
        out_.counts = event.kind == EventKind::restored;
        return;
      default:
        return;
    }
  }
  Reported take() { return std::move(out_); }

private:
  void begin(const Event& event) {
    out_.counts = true;
    out_.created = event.at;
    out_.created_received = event.received();
    from_ = since_ = event.clock_start.value_or(event.at);
    if (event.opening == Opening::by_customer) waits_from_ = from_;
  }

  void answer(const Event& event) {
    ++touches_;
    if (!waits_from_) return;
    const Metric metric = out_.answers.empty() ? Metric::first_response : Metric::next_response;
    Answer& answer = out_.answers.emplace_back();
    answer.waited_from = *waits_from_;
    answer.at = std::max(event.at, *waits_from_);
    answer.received = event.received();
    const Instant delivered = std::max(answer.at, event.readable_at.value_or(event.received()));
    answer.wall = answer.at - *waits_from_;
    answer.business = working(metric, *waits_from_, answer.at);
    answer.delivered_wall = delivered - *waits_from_;
    answer.delivered_business = working(metric, *waits_from_, delivered);
    waits_from_.reset();
  }

  void move(const Event& event) {
    const Instant at = std::max(since_, event.at);
    if (!is_over(status_) && !is_paused(status_)) {
      net_wall_ += at - since_;
      net_business_ += working(Metric::resolution, since_, at);
    }
    if (is_over(event.status) && !is_over(status_)) resolve(event, at);
    if (!is_over(event.status) && is_over(status_) && !out_.resolutions.empty()) out_.resolutions.back().reopened = at;
    status_ = event.status;
    since_ = at;
  }

  void resolve(const Event& event, Instant at) {
    Resolution& resolution = out_.resolutions.emplace_back();
    resolution.at = at;
    resolution.received = event.received();
    resolution.net_wall = net_wall_;
    resolution.net_business = net_business_;
    resolution.gross_wall = at - from_;
    resolution.gross_business = working(Metric::resolution, from_, at);
    resolution.touches = touches_;
    if (!out_.answers.empty()) waits_from_.reset();  // as K4: who is told that it is done waits for nothing more
  }

  /// By the calendars that were in force, stretch by stretch.
  [[nodiscard]] Seconds working(Metric metric, Instant from, Instant to) const {
    Seconds sum = 0;
    const auto all = plans_.all();
    for (std::size_t i = 0; i < all.size(); ++i) {
      const Choice& choice = all[i].choices[static_cast<std::size_t>(metric)];
      const Instant begin = i == 0 ? from : std::max(from, all[i].from);
      const Instant end = i + 1 == all.size() ? to : std::min(to, all[i + 1].from);
      if (begin < end) sum += choice.calendar == nullptr ? end - begin : choice.calendar->elapsed(begin, end);
    }
    return sum;
  }

  const Plans& plans_;
  Reported out_;
  Instant from_ = 0, since_ = 0;
  std::optional<Instant> waits_from_;
  sync::Status status_ = sync::Status::new_;
  Seconds net_wall_ = 0, net_business_ = 0;
  std::int64_t touches_ = 0;
};

}  // namespace

Reported reported(const Inputs& inputs, Instant now) {
  const Plans plans(inputs, now);
  if (plans.all().empty()) return {};
  ReportReader reader(plans);
  for (const Event& event : inputs.events)
    if (event.received() <= now) reader.read(event);
  return reader.take();
}

}  // namespace tern::sla
