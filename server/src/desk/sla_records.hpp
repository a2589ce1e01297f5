// SLA rules and business calendars as reference records: what a record says, and whether it can be kept.
#pragma once

#include <functional>

#include "tern/sla/calendars.hpp"
#include "tern/sla/policy.hpp"
#include "tern/sync/record.hpp"

namespace tern::server {

/// The calendar that every tenant has: always open. No record is called so.
inline constexpr std::string_view always_open = "24/7";

/// As the record says, with the offsets that it was saved with. Nothing of it is judged but its words. `committed_at`
/// is its commit's; version is the record's.
Result<sla::Calendar> calendar_of(const sync::Record& record, sla::Instant committed_at);
Result<sla::Rule> rule_of(const sync::Record& record);
/// What a tariff promises to who has it, in the list of a tenant without rules of its own. Without targets: nothing.
Result<sla::Rule> rule_of_tariff(const sync::Record& tariff);
bool promises_something(const sla::Rule& rule);
/// From when the record's version counts, where it says so; else from its commit.
Result<sla::Instant> effective_from(const sync::Record& record, sla::Instant committed_at);
/// The place among the others of the list; a thousand behind the last when it says nothing.
std::int64_t rule_place(const sync::Record& record);

/// Puts the installed database's offsets into a calendar that is about to be written, and judges it (C1 to C5, C8).
Result<void> complete_calendar(sync::Record& record, sla::Instant now);
/// Judges a rule that is about to be written, with the calendars that there are then.
Result<void> check_rule(const sync::Record& record, const sla::Calendars& calendars, sla::Instant now);
/// Judges what a tariff that is about to be written promises.
Result<void> check_tariff_promise(const sync::Record& tariff, const sla::Calendars& calendars, sla::Instant now);
/// The same for what its conditions name: `there_is(kind, name)`.
Result<void> check_rule_names(const sync::Record& record,
                              const std::function<bool(sync::RecordKind, const std::string&)>& there_is);

}  // namespace tern::server
