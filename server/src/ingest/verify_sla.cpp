#include "verify_sla.hpp"

#include <algorithm>

namespace tern::server {
namespace {

/// A manager's excuse stands, whatever the clock says later.
bool agrees(const sla::BreachRecord* record, const sla::Cycle& cycle) {
  if (record == nullptr || record->state == sla::RecordState::rescinded) return !cycle.breached_at.has_value();
  return record->state == sla::RecordState::excused || record->breached_at == cycle.breached_at;
}

}  // namespace

Result<ClockCheck> ClockCheck::of(VerifyRun& run) {
  ClockCheck check(run);
  TERN_TRY(const auto looked, read_meta(run.db, run.number, meta_sla_seq));
  TERN_TRY(const auto newest, read_meta(run.db, run.number, "commit_seq"));
  check.looked_seq_ = meta_number(looked);
  check.newest_seq_ = meta_number(newest);
  TERN_TRY(const auto figures_to, read_meta(run.db, run.number, meta_figures_to));
  check.figures_to_ = meta_number(figures_to);
  TERN_TRY(check.versions_, read_sla_versions(run.db, run.number));
  std::vector<sync::Record> records;
  records.reserve(run.records.size());
  for (const auto& [key, record] : run.records) records.push_back(record);
  check.names_ = std::make_unique<SlaNames>(records);
  check.categories_ = category_names(records);
  return check;
}

SlaSettings& ClockCheck::settings(sla::Instant known_by) {
  const auto known = static_cast<std::size_t>(
      std::ranges::count_if(versions_, [&](const RecordVersion& version) { return version.committed_at <= known_by; }));
  std::unique_ptr<SlaSettings>& slot = settings_[known];
  if (!slot) slot = std::make_unique<SlaSettings>(versions_, known_by, categories_);
  return *slot;
}

Result<void> ClockCheck::check(const TicketId& id, const std::vector<sync::PlacedChange>& changes,
                               const sync::TicketState& state) {
  TERN_TRY(const auto row, rows_.clock(id));
  const bool waits = state.version > looked_seq_ || (row && row->look == 0) ||
                     (!state.merged_from.empty() && looked_seq_ < newest_seq_);
  if (waits) return {};
  std::optional<Error> unreadable;
  const SlaTicket read = sla_ticket(changes, *names_, [&](const TicketId& other, sla::Instant as_of) {
    const auto source = read_sla_ticket(run_.db, run_.number, other, *names_);
    if (!source) unreadable = source.error();
    return source ? waits_for_first_response(source->events, as_of) : std::nullopt;
  });
  if (unreadable || read.events.empty()) return {};
  const bool figured = state.integer_id <= figures_to_;
  if (!row && !read.imported) {
    run_.find("ticket {}: nothing is kept of its SLA clock", to_hex(id));
    return {};
  }
  const sla::Instant looked = row ? row->looked : INT64_MAX;
  SlaSettings& known = settings(looked);
  const sla::Inputs inputs{read.events, known.books(), known.calendars()};
  if (!row || !row->open)
    return figured ? check_figures(id, read, figure_rows(read, inputs, {}, {}, looked), false) : Result<void>{};
  const sla::TicketClock clock = sla::clock_at(inputs, looked);
  TERN_TRY(const auto kept, rows_.breaches(id));
  ClockRow due = clock_row(clock, looked, sla::next_look(inputs, clock, kept, looked));
  // Sooner than the clock asks: an alert waits for somebody's hours, which are not the clock's.
  if (row->look && *row->look > looked && (!due.look || *row->look < *due.look)) due.look = row->look;
  if (!(due == *row)) run_.find("ticket {}: its SLA clock is not what its changes and the rules say", to_hex(id));
  if (figured) TERN_CHECKED(check_figures(id, read, figure_rows(read, inputs, clock, kept, looked), true));
  return check_breaches(id, clock, kept);
}

Result<void> ClockCheck::check_figures(const TicketId& id, const SlaTicket& read, std::vector<FigureRow> due,
                                       bool rules) {
  TERN_TRY(auto kept, figures_.of(id));
  if (!rules) {
    kept = without_rules(std::move(kept));
    due = without_rules(std::move(due));
  }
  if (kept != due) run_.find("ticket {}: what reports count of it is not what its changes say", to_hex(id));
  TERN_TRY(const auto late, figures_.late(id));
  if (late != read.late)
    run_.find("ticket {}: what reports know of late changes is not what its changes say", to_hex(id));
  return {};
}

/// Whether it is provisional or confirmed depends on devices that were heard of then: not derived.
Result<void> ClockCheck::check_breaches(const TicketId& id, const sla::TicketClock& clock,
                                        const std::vector<sla::BreachRecord>& kept) {
  for (const sla::Cycle& cycle : clock.cycles) {
    const auto record = std::ranges::find_if(
        kept, [&](const sla::BreachRecord& one) { return one.metric == cycle.metric && one.cycle == cycle.id; });
    if (!agrees(record == kept.end() ? nullptr : &*record, cycle))
      run_.find("ticket {}: what is recorded of a breach of {} is not what its clock says", to_hex(id),
                sla::metric_name(cycle.metric));
  }
  return {};
}

}  // namespace tern::server
