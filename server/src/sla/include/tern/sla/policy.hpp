// What was promised: one ordered list of rules, versioned as a whole (rules D3, K8 to K13, K18 to K20, K24).
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tern/protocol/error.hpp"
#include "tern/sla/calendars.hpp"
#include "tern/sync/lifecycle.hpp"

namespace tern::sla {

/// The clocks that can have a target (K2). requester_wait and agent_work are figures: see `work_times`.
enum class Metric : std::uint8_t { first_response, next_response, resolution, periodic_update, on_site };
inline constexpr std::size_t metric_count = 5;
std::string_view metric_name(Metric metric);
std::optional<Metric> metric_from_name(std::string_view name);

/// What of an offline stop counts (K18).
enum class OfflineCredit : std::uint8_t { claimed, attested, strict, manager };
std::string_view offline_credit_name(OfflineCredit credit);
std::optional<OfflineCredit> offline_credit_from_name(std::string_view name);

enum class OnReopen : std::uint8_t { resume, new_cycle, restart };  // K10
enum class OnChange : std::uint8_t { keep, restart };               // K8
enum class ResponseClock : std::uint8_t { acted, delivered };       // K20

/// A set of statuses.
class StatusSet {
public:
  constexpr StatusSet() = default;
  constexpr StatusSet(std::initializer_list<sync::Status> statuses) {
    for (const auto status : statuses) add(status);
  }
  constexpr void add(sync::Status status) { bits_ = static_cast<std::uint16_t>(bits_ | 1U << bit(status)); }
  [[nodiscard]] constexpr bool has(sync::Status status) const { return (bits_ >> bit(status) & 1U) != 0; }
  bool operator==(const StatusSet&) const = default;

private:
  static constexpr unsigned bit(sync::Status status) { return static_cast<unsigned>(status); }
  std::uint16_t bits_ = 0;
};

/// An alert after the breach (K15): a share of the target, or working time.
struct LateLevel {
  int percent = 0;
  Seconds after = 0;

  /// What is consumed between the breach and the alert.
  [[nodiscard]] Seconds behind_breach(Seconds target) const { return target * percent / 100 + after; }
  bool operator==(const LateLevel&) const = default;
};
inline constexpr std::size_t late_levels_max = 4;

/// The small print of a rule.
struct Terms {
  OfflineCredit offline_credit = OfflineCredit::claimed;
  ResponseClock clock = ResponseClock::acted;
  OnReopen on_reopen = OnReopen::resume;
  OnChange on_change = OnChange::keep;
  Seconds min_grace = 0;                // working time after a change that finds more consumed than the new target (K9)
  Seconds offline_grace = 72 * hour_s;  // how long a breach may stay provisional (K19)
  Seconds max_pause = 30 * day_s;       // K24, on the wall
  int yellow_percent = 75;              // 50 to 95
  std::optional<Seconds> yellow_left;   // or so much before the end, whichever is earlier
  std::vector<LateLevel> late = {{50, 0}, {100, 0}};
  bool quiet = false;  // alerts wait for their recipient's hours (K15)
  /// By metric (K6).
  std::array<StatusSet, metric_count> paused_by = {
      StatusSet{sync::Status::on_hold}, StatusSet{sync::Status::on_hold},
      StatusSet{sync::Status::on_hold, sync::Status::waiting, sync::Status::estimated},
      StatusSet{sync::Status::on_hold}, StatusSet{sync::Status::on_hold}};
  bool operator==(const Terms&) const = default;

  [[nodiscard]] Seconds yellow_threshold(Seconds target) const;
};

/// What rules look at (K12), and who held the ticket (K14).
struct Attributes {
  int priority = 2;      // 1 low, 2 normal, 3 high, 4 urgent
  std::string category;  // a path: "hardware/printer"
  std::string queue, channel, type, tariff, organisation, audience;
  bool vip = false;
  std::vector<std::string> tags;
  std::string assignee;
  bool operator==(const Attributes&) const = default;
};

enum class RuleField : std::uint8_t {
  priority,  // values "1" to "4"
  category,  // that one or below it
  queue,
  channel,
  type,
  tag,
  tariff,
  organisation,
  vip,  // "yes" or "no"
  audience
};

/// Holds when the ticket has one of the values.
struct Condition {
  RuleField field = RuleField::priority;
  std::vector<std::string> any_of;
};
bool holds(const Condition& condition, const Attributes& ticket);

/// A target, or expressly none: then no later rule gives one.
struct Target {
  std::optional<Seconds> seconds;
};

struct Rule {
  std::string id;
  std::vector<Condition> when;  // all of them
  std::string calendar;
  std::array<std::optional<Target>, metric_count> targets;  // empty: the next matching rule fills it
  Terms terms;
};

/// One version of the list.
struct RuleBook {
  std::uint32_t version = 1;
  Instant effective_from = 0;
  Instant committed_at = 0;
  std::vector<Rule> rules;
};

inline constexpr std::size_t rules_max = 1'000, values_per_condition_max = 1'000;
inline constexpr Seconds target_max = 5 * 366 * day_s;

/// `invalid` (with the field) for targets outside 1 s to `target_max`, shares outside 50 to 95, more than
/// `late_levels_max` late levels, a calendar that `calendars` does not have or in which a target is never due (C8).
Result<void> validate(const RuleBook& book, const Calendars& calendars);

/// First response by a category's own hours.
struct CategoryHours {
  std::string category;
  Seconds hours = 0;
};
/// The list of a tenant that has written none: the hours of categories, then response and resolution by priority,
/// urgent 1 h and 4 h, high 4 h and 8 h, normal 24 h and 48 h, low 48 h and 120 h.
std::vector<Rule> default_rules(const std::string& calendar, const std::vector<CategoryHours>& categories);

/// What the list says of one metric: its first matching rule that speaks of it. `rule` is the first that matches at all
/// when none does, so that time goes on being measured; nullptr when none matches.
struct Choice {
  std::optional<Seconds> target;
  const Rule* rule = nullptr;
  std::uint32_t book_version = 0;
  CalendarTimeline* calendar = nullptr;

  [[nodiscard]] const Terms& terms() const;
};
using Choices = std::array<Choice, metric_count>;
Choices match(const RuleBook& book, const Attributes& ticket, const Calendars& calendars);

/// All versions of the list. Outlived by nothing that `match` returned from it.
class RuleBooks {
public:
  explicit RuleBooks(std::vector<RuleBook> versions, const std::vector<Recompute>& recomputes = {});
  struct Version {
    Instant from;
    RuleBook book;
  };
  /// By `from`, ascending; the first also holds before.
  [[nodiscard]] const std::vector<Version>& versions() const { return versions_; }

private:
  std::vector<Version> versions_;
};

}  // namespace tern::sla
