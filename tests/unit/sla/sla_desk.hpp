// A ticket, its rules and calendars for the tests of the SLA clock: short words for what they say again and again.
#pragma once

#include <string>
#include <vector>

#include "tern/sla/alert.hpp"
#include "tern/sla/breach.hpp"
#include "tern/sla/clock.hpp"
#include "tern/sla/zones.hpp"

namespace tern::test {

/// "2026-06-03T10:00" or "2026-06-03T10:00:05", UTC.
sla::Instant utc(const std::string& text);

/// Monday to Friday of one interval in a zone of the installed database.
sla::Calendar week_calendar(const std::string& id, const std::string& zone, const std::string& start,
                            const std::string& end, int days = 5);
sla::Calendar always_open(const std::string& id = "C247");
sla::LocalHours hours(const std::string& start, const std::string& end);

inline constexpr sla::Seconds no_target = 0;
inline constexpr sla::Seconds h = sla::hour_s, m = sla::minute_s;
inline constexpr auto first = sla::Metric::first_response, next = sla::Metric::next_response,
                      resolution = sla::Metric::resolution;

class SlaDesk {
public:
  /// Has the calendars C247 and KYIV (09:00 to 18:00 on weekdays).
  SlaDesk();

  void calendar(sla::Calendar calendar);
  /// A rule for the tickets of that policy; 0 is no target.
  sla::Rule& rule(const std::string& policy, const std::string& calendar, sla::Seconds first_s, sla::Seconds next_s,
                  sla::Seconds resolution_s);
  /// Further rules make a version of the list that is in force from then on.
  void new_book(sla::Instant effective_from);
  void recompute(sla::Recompute order) { recomputes_.push_back(std::move(order)); }

  sla::Event& create(const std::string& at, const std::string& policy = "p");
  sla::Event& policy(const std::string& at, const std::string& policy);
  sla::Event& move(const std::string& at, sync::Status to);
  sla::Event& reply(const std::string& at);
  sla::Event& customer(const std::string& at);
  sla::Event& add(const std::string& at, sla::EventKind kind);
  /// Made offline: the window, and when it was received.
  static void offline(sla::Event& event, const std::string& lo, const std::string& hi, const std::string& received);
  void device(const std::string& id, const std::vector<std::string>& anchors);

  sla::TicketClock clock(const std::string& now);
  /// The cycle, or a failed test.
  sla::Cycle cycle(sla::Metric metric, const std::string& now, int number = 1);
  bool has_cycle(sla::Metric metric, const std::string& now, int number = 1);
  std::vector<sla::BreachRecord> records(const std::string& now);
  std::vector<sla::Alert> alerts(const std::string& now);
  /// Valid until the next call of anything here.
  sla::Inputs inputs();

  std::vector<sla::Event> events;
  std::vector<sla::Device> devices;
  sla::Calendars& calendars();

private:
  std::vector<sla::Calendar> calendar_list_;
  std::vector<sla::RuleBook> book_list_{1};
  std::vector<sla::Recompute> recomputes_;
  std::unique_ptr<sla::Calendars> calendars_;
  std::unique_ptr<sla::RuleBooks> books_;
};

/// A ticket of Wednesday 3 June 2026, 09:00 in Kyiv.
SlaDesk wednesday(sla::Seconds first_response = 4 * h, sla::Seconds next_response = no_target,
                  sla::Seconds resolve = 8 * h);
/// One of 10:00 whose targets count around the clock.
SlaDesk round_the_clock(sla::Seconds first_response, sla::Seconds resolve = no_target);

/// When it is due, or "none".
std::string due_text(const sla::Cycle& cycle);
/// What a record came to, for one comparison: "provisional 2026-06-03T10:00:00Z, rescinded ...".
std::string steps_text(const sla::BreachRecord& record);

}  // namespace tern::test
