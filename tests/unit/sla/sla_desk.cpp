#include "sla_desk.hpp"

#include <stdexcept>

namespace tern::test {

using namespace tern::sla;

Instant utc(const std::string& text) {
  const auto at = instant_from_text(text + (text.size() == 16 ? ":00Z" : "Z"));
  if (!at) throw std::invalid_argument("no instant: " + text);
  return *at;
}

LocalHours hours(const std::string& start, const std::string& end) {
  return {time_of_day_from_text(start).value(), time_of_day_from_text(end).value()};
}

Calendar week_calendar(const std::string& id, const std::string& zone, const std::string& start, const std::string& end,
                       int days) {
  Calendar calendar;
  calendar.id = id;
  calendar.zone = zone;
  calendar.offsets = zone_offsets(zone, 0, utc("2037-01-01T00:00")).value();
  calendar.tz_version = tz_database_version();
  calendar.effective_from = utc("2026-01-01T00:00");
  for (int day = 0; day < days; ++day) calendar.weekly[static_cast<std::size_t>(day)] = {hours(start, end)};
  return calendar;
}

Calendar always_open(const std::string& id) {
  Calendar calendar;
  calendar.id = id;
  calendar.always = true;
  return calendar;
}

SlaDesk::SlaDesk() {
  calendar_list_ = {always_open(), week_calendar("KYIV", "Europe/Kyiv", "09:00", "18:00")};
}

void SlaDesk::calendar(Calendar calendar) {
  calendar_list_.push_back(std::move(calendar));
}

Rule& SlaDesk::rule(const std::string& policy, const std::string& calendar, Seconds first_s, Seconds next_s,
                    Seconds resolution_s) {
  Rule rule;
  rule.id = policy;
  rule.when = {{RuleField::tag, {policy}}};
  rule.calendar = calendar;
  const Seconds targets[] = {first_s, next_s, resolution_s};
  for (std::size_t i = 0; i < 3; ++i)
    if (targets[i] != no_target) rule.targets[i] = Target{targets[i]};
  return book_list_.back().rules.emplace_back(std::move(rule));
}

void SlaDesk::new_book(Instant effective_from) {
  RuleBook book;
  book.version = book_list_.back().version + 1;
  book.effective_from = book.committed_at = effective_from;
  book_list_.push_back(std::move(book));
}

Event& SlaDesk::add(const std::string& at, EventKind kind) {
  Event event;
  event.kind = kind;
  event.id = "e" + std::to_string(events.size() + 1);
  event.at = utc(at);
  return events.emplace_back(std::move(event));
}

Event& SlaDesk::create(const std::string& at, const std::string& policy) {
  Event& event = add(at, EventKind::create);
  event.attributes.tags = {policy};
  return event;
}

Event& SlaDesk::policy(const std::string& at, const std::string& policy) {
  Event& event = add(at, EventKind::attributes);
  event.attributes.tags = {policy};
  return event;
}

Event& SlaDesk::move(const std::string& at, sync::Status to) {
  Event& event = add(at, EventKind::status);
  event.status = to;
  return event;
}

Event& SlaDesk::reply(const std::string& at) {
  return add(at, EventKind::agent_message);
}

Event& SlaDesk::customer(const std::string& at) {
  return add(at, EventKind::customer_message);
}

void SlaDesk::offline(Event& event, const std::string& lo, const std::string& hi, const std::string& received) {
  event.offline = OfflineTime{utc(lo), utc(lo), utc(hi), utc(received)};
  event.at = effective_time(event.at, *event.offline);
}

void SlaDesk::device(const std::string& id, const std::vector<std::string>& anchors) {
  Device device{id, {}};
  for (const std::string& anchor : anchors) device.anchors.push_back(utc(anchor));
  devices.push_back(std::move(device));
}

Calendars& SlaDesk::calendars() {
  calendars_ = std::make_unique<Calendars>(recomputes_);
  for (const Calendar& calendar : calendar_list_)
    if (const auto added = calendars_->add(calendar); !added) throw std::invalid_argument(added.error().message);
  return *calendars_;
}

Inputs SlaDesk::inputs() {
  calendars();
  for (const RuleBook& book : book_list_)
    if (const auto valid = validate(book, *calendars_); !valid) throw std::invalid_argument(valid.error().message);
  books_ = std::make_unique<RuleBooks>(book_list_, recomputes_);
  return {events, *books_, *calendars_};
}

TicketClock SlaDesk::clock(const std::string& now) {
  return clock_at(inputs(), utc(now));
}

bool SlaDesk::has_cycle(Metric metric, const std::string& now, int number) {
  for (const Cycle& cycle : clock(now).cycles)
    if (cycle.metric == metric && cycle.number == number) return true;
  return false;
}

Cycle SlaDesk::cycle(Metric metric, const std::string& now, int number) {
  for (Cycle& cycle : clock(now).cycles)
    if (cycle.metric == metric && cycle.number == number) return cycle;
  throw std::invalid_argument("there is no such cycle");
}

std::vector<BreachRecord> SlaDesk::records(const std::string& now) {
  return breach_records(inputs(), devices, utc(now));
}

std::vector<Alert> SlaDesk::alerts(const std::string& now) {
  return sla::alerts(clock(now), utc(now));
}

SlaDesk wednesday(Seconds first_response, Seconds next_response, Seconds resolve) {
  SlaDesk desk;
  desk.rule("p", "KYIV", first_response, next_response, resolve);
  desk.create("2026-06-03T06:00");
  return desk;
}

SlaDesk round_the_clock(Seconds first_response, Seconds resolve) {
  SlaDesk desk;
  desk.rule("p", "C247", first_response, no_target, resolve);
  desk.create("2026-06-03T10:00");
  return desk;
}

std::string due_text(const Cycle& cycle) {
  return cycle.due ? instant_text(*cycle.due) : "none";
}

std::string steps_text(const BreachRecord& record) {
  std::string text;
  for (const RecordStep& step : record.steps)
    text += (text.empty() ? "" : ", ") + std::string(record_state_name(step.state)) + " " + instant_text(step.at);
  return text;
}

}  // namespace tern::test
