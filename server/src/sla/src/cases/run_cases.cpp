#include <fmt/format.h>

#include <algorithm>

#include "cases/case_reader.hpp"
#include "tern/sla/cases.hpp"
#include "tern/sla/zones.hpp"

namespace tern::sla {
namespace {

Json instant_json(std::optional<Instant> at) {
  return at ? Json(instant_text(*at)) : Json();
}

/// A cycle in the words of the file.
Json cycle_json(const Cycle& cycle, const std::vector<ZoneOffset>& zone) {
  Json out = Json::object({{"metric", Json(metric_name(cycle.metric))},
                           {"cycle", Json(cycle.number)},
                           {"state", Json(cycle_state_name(cycle.state))},
                           {"open", Json(cycle.open)}});
  if (cycle.stopped_at) out.set("stopped_at", instant_json(cycle.stopped_at));
  out.set("due", instant_json(cycle.due));
  if (cycle.due) out.set("due_local", Json(local_text(*cycle.due, offset_at(zone, *cycle.due))));
  if (cycle.open) {
    if (cycle.state != CycleState::paused && cycle.yellow_at) out.set("at_risk_at", instant_json(cycle.yellow_at));
    // The file's colour is what is consumed; that a cycle is paused is its state.
    out.set("colour", Json(colour_name(cycle.target ? cycle.heat : Colour::grey)));
    out.set("remaining_s", cycle.remaining ? Json(*cycle.remaining) : Json());
  }
  out.set("elapsed_s", Json(cycle.elapsed));
  out.set("target_s", cycle.target ? Json(*cycle.target) : Json());
  if (cycle.breached_at) {
    out.set("breached_at", instant_json(cycle.breached_at));
    if (cycle.cause == BreachCause::retarget) out.set("cause", Json(breach_cause_name(cycle.cause)));
  }
  if (cycle.offline_stop && cycle.verdict) out.set("evidence", Json(verdict_name(*cycle.verdict)));
  return out;
}

Json record_json(const BreachRecord* record) {
  Json out = Json::array();
  if (record == nullptr) return out;
  for (const RecordStep& step : record->steps) {
    Json item = Json::object({{"at", instant_json(step.at)}, {"state", Json(record_state_name(step.state))}});
    if (step.breached_at) item.set("breached_at", instant_json(step.breached_at));
    if (step.verdict) item.set("evidence", Json(verdict_name(*step.verdict)));
    out.push(std::move(item));
  }
  return out;
}

/// Members of `expected` that `got` does not have so.
void compare(const Json& expected, const Json& got, const std::string& where, std::vector<std::string>& differences) {
  for (const auto& [name, value] : expected.members())
    if (!(got[name] == value))
      differences.push_back(fmt::format("{}.{}: expected {}, got {}", where, name, to_text(value), to_text(got[name])));
}

void compare_lists(const Json& expected, const Json& got, const std::string& where,
                   std::vector<std::string>& differences) {
  if (expected.size() != got.size())
    differences.push_back(fmt::format("{}: expected {} entries, got {}", where, expected.size(), got.size()));
  for (std::size_t i = 0; i < std::min(expected.size(), got.size()); ++i)
    compare(expected.items()[i], got.items()[i], fmt::format("{}[{}]", where, i), differences);
}

/// Only what is asked for, in that order.
Json asked_for(const Json& expected, const Json& got) {
  Json out = Json::object();
  for (const auto& [name, value] : expected.members()) out.set(name, got[name]);
  return out;
}

class CaseRun {
public:
  CaseRun(const WorkedCase& worked, const Calendars& calendars)
      : worked_(worked), calendars_(calendars), books_({worked.book}) {
    const Inputs in = inputs(books_);
    clock_ = clock_at(in, worked.as_of);
    records_ = breach_records(in, worked.devices, worked.as_of);
    subject_ = subject();
  }

  CaseResult run() {
    result_.id = worked_.id;
    result_.expected = (*worked_.source)["expect"];
    result_.got = Json::array();
    for (const Cycle& cycle : clock_.cycles) result_.got.push(cycle_json(cycle, worked_.reader_zone));
    compare_cycles();
    more("expect_breach_record", [&](const Json&) { return record_json(record_of(records_, subject_)); });
    more("expect_delivered", [&](const Json&) { return delivered(); });
    more("expect_by_offline_credit", [&](const Json& expected) { return by_credit(expected); });
    result_.agrees = result_.differences.empty();
    return std::move(result_);
  }

private:
  [[nodiscard]] Inputs inputs(const RuleBooks& books) const { return {worked_.events, books, calendars_}; }

  /// Of which cycle the members beside `expect` speak: the first that an offline event stopped; else the first with a
  /// breach record; else the first.
  [[nodiscard]] const Cycle* subject() const {
    for (const Cycle& cycle : clock_.cycles)
      if (cycle.offline_stop) return &cycle;
    for (const Cycle& cycle : clock_.cycles)
      if (record_of(records_, &cycle) != nullptr) return &cycle;
    return clock_.cycles.empty() ? nullptr : clock_.cycles.data();
  }

  static const BreachRecord* record_of(const std::vector<BreachRecord>& records, const Cycle* cycle) {
    for (const BreachRecord& record : records)
      if (cycle != nullptr && record.metric == cycle->metric && record.cycle == cycle->id) return &record;
    return nullptr;
  }

  void compare_cycles() {
    const auto same_cycle = [](const Json& a, const Json& b) {
      return a["metric"] == b["metric"] && a["cycle"] == b["cycle"];
    };
    for (const Json& expected : result_.expected.items()) {
      const std::string where = expected["metric"].as_string() + "[" + to_text(expected["cycle"]) + "]";
      const auto it = std::ranges::find_if(result_.got.items(), [&](const Json& g) { return same_cycle(expected, g); });
      if (it == result_.got.items().end())
        result_.differences.push_back(where + ": expected, but there is none");
      else
        compare(expected, *it, where, result_.differences);
    }
    for (const Json& got : result_.got.items())
      if (std::ranges::none_of(result_.expected.items(), [&](const Json& e) { return same_cycle(e, got); }))
        result_.differences.push_back(got["metric"].as_string() + "[" + to_text(got["cycle"]) + "]: not expected");
  }

  [[nodiscard]] Json delivered() const {
    const auto figures =
        subject_ == nullptr ? std::nullopt : response_figures(inputs(books_), *subject_, worked_.as_of);
    if (!figures) return {};
    return Json::object({{"elapsed_s", Json(figures->delivered_s)}, {"wall_s", Json(figures->delivered_wall_s)}});
  }

  [[nodiscard]] Json by_credit(const Json& expected) const {
    Json out = Json::object();
    for (const auto& [name, members] : expected.members()) {
      const auto credit = offline_credit_from_name(name);
      out.set(name, credit && subject_ != nullptr ? asked_for(members, under(*credit)) : Json());
    }
    return out;
  }

  /// The subject under another credit.
  [[nodiscard]] Json under(OfflineCredit credit) const {
    RuleBook book = worked_.book;
    for (Rule& rule : book.rules) rule.terms.offline_credit = credit;
    const RuleBooks books({std::move(book)});
    const Inputs in = inputs(books);
    for (const Cycle& cycle : clock_at(in, worked_.as_of).cycles) {
      if (cycle.metric != subject_->metric || cycle.id != subject_->id) continue;
      Json out = cycle_json(cycle, worked_.reader_zone);
      const auto records = breach_records(in, worked_.devices, worked_.as_of);
      if (const BreachRecord* record = record_of(records, &cycle))
        out.set("record", Json(record_state_name(record->state)));
      return out;
    }
    return {};
  }

  template <typename Compute>
  void more(const char* name, Compute compute) {
    const Json* expected = worked_.source->find(name);
    if (expected == nullptr) return;
    Json got = compute(*expected);
    if (expected->is_array()) {
      compare_lists(*expected, got, name, result_.differences);
    } else {
      for (const auto& [member, value] : expected->members()) {
        const std::string where = std::string(name) + "." + member;
        if (value.is_object())
          compare(value, got[member], where, result_.differences);
        else if (!(got[member] == value))
          result_.differences.push_back(
              fmt::format("{}: expected {}, got {}", where, to_text(value), to_text(got[member])));
      }
    }
    result_.more.emplace_back(name, Json::object({{"expected", *expected}, {"got", std::move(got)}}));
  }

  const WorkedCase& worked_;
  const Calendars& calendars_;
  RuleBooks books_;
  TicketClock clock_;
  std::vector<BreachRecord> records_;
  const Cycle* subject_ = nullptr;
  CaseResult result_;
};

}  // namespace

Json CaseResult::to_json() const {
  Json out = Json::object({{"id", Json(id)}, {"agrees", Json(agrees)}, {"expected", expected}, {"got", got}});
  for (const auto& [name, value] : more) out.set(name, value);
  return out;
}

bool CasesResult::all_agree() const {
  return std::ranges::all_of(cases, &CaseResult::agrees);
}

Result<CasesResult> run_cases(std::string_view text) {
  TERN_TRY(const CaseFile file, read_case_file(text));
  CasesResult result;
  result.installed_tz_version = tz_database_version();
  result.computed_with = file.computed_with;
  for (const WorkedCase& worked : file.cases) result.cases.push_back(CaseRun(worked, file.calendars).run());
  return result;
}

}  // namespace tern::sla
