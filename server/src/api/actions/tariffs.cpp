// Tariffs: how many hours a month, at which rate, and what is promised to who has one. SLA rules of the tenant's own
// stand before that.
#include <memory>

#include "admin/library_records.hpp"
#include "admin/record_writer.hpp"
#include "admin/sla_records.hpp"
#include "api/actions.hpp"
#include "api/actions/record_actions.hpp"
#include "desk/sla_records.hpp"
#include "desk/sla_settings.hpp"

namespace tern::server::actions {
namespace {

using sync::RecordKind;

bool is_offered(const sync::Record& tariff) {
  const auto active = tariff.attributes.find("active");
  return active == tariff.attributes.end() || active->second != "0";
}

/// What a ticket of normal priority, of somebody with this tariff, is promised now.
class Promises {
public:
  static Result<Promises> read(AdminCall& call) {
    TERN_TRY(auto reader, call.tenant().reader());
    TERN_TRY(const auto versions, read_sla_versions(reader.db(), call.tenant().number()));
    return Promises(call.tenant().now_ms() / 1'000, std::make_unique<SlaSettings>(versions));
  }
  Json of(const std::string& tariff) {
    const sla::RuleBook* book = nullptr;
    for (const auto& version : settings_->books().versions())
      if (book == nullptr || version.from <= now_) book = &version.book;
    sla::Attributes ticket;
    ticket.priority = 2;
    ticket.tariff = tariff;
    sla::Choices choices;
    if (book != nullptr) choices = sla::match(*book, ticket, settings_->calendars());
    const sla::Choice& response = choices[static_cast<std::size_t>(sla::Metric::first_response)];
    const sla::Choice& resolution = choices[static_cast<std::size_t>(sla::Metric::resolution)];
    const sla::Rule* rule = response.rule != nullptr ? response.rule : resolution.rule;
    return Json::object({{"response_minutes", promised_minutes(response)},
                         {"resolution_minutes", promised_minutes(resolution)},
                         {"calendar", rule == nullptr ? Json() : Json(rule->calendar)}});
  }

private:
  Promises(sla::Instant now, std::unique_ptr<SlaSettings> settings) : now_(now), settings_(std::move(settings)) {}

  static Json promised_minutes(const sla::Choice& choice) {
    constexpr sla::Seconds minute_s = 60;
    return choice.target ? Json((*choice.target + minute_s - 1) / minute_s) : Json();
  }

  sla::Instant now_;
  std::unique_ptr<SlaSettings> settings_;
};

/// As they were said; null: it has none of its own.
Json targets_json(const sync::Record& tariff) {
  Json out = Json::object({});
  for (const char* name : sync::promise_attributes)
    if (tariff.attributes.contains(name)) out.set(name, attribute_json(tariff, name));
  if (out.members().empty()) return {};
  out.set("calendar", tariff.attributes.contains("calendar") ? attribute_json(tariff, "calendar") : Json(always_open));
  return out;
}

Json tariff_json(const sync::Record& tariff, Promises& promises) {
  return Json::object({{"id", Json(tariff.integer_id)},
                       {"name", Json(tariff.name)},
                       {"description", attribute_json(tariff, "description")},
                       {"hours_per_month", number_json(tariff, "hours_per_month")},
                       {"rate", number_json(tariff, "rate")},
                       {"currency", attribute_json(tariff, "currency")},
                       {"active", Json(is_offered(tariff))},
                       {"targets", targets_json(tariff)},
                       {"sla", promises.of(tariff.name)}});
}

Result<Json> one_tariff(AdminCall& call, const sync::Record& tariff) {
  TERN_TRY(Promises promises, Promises::read(call));
  return tariff_json(tariff, promises);
}

Result<void> fill_tariff(AdminCall& call, sync::Record& record) {
  for (const char* name : {"description", "currency", "calendar"}) put_said(call, record, name);
  for (const char* name : sync::promise_attributes) put_said(call, record, name);
  for (const char* name : {"hours_per_month", "rate"}) {
    if (!call.has(name)) continue;
    TERN_TRY(record.attributes[name], admin::amount_text(call.number(name, 0), name));
  }
  if (call.has("active")) admin::put_attribute(record, "active", call.text("active") == "false" ? "0" : "");
  TERN_CHECKED(admin::check_library_record(record, {}));
  return admin::SlaRecordCheck(call.tenant(), {}).take(record);
}

}  // namespace

Result<Json> get_tariff_plans(AdminCall& call) {
  TERN_TRY(Promises promises, Promises::read(call));
  Json out = Json::array();
  for (const sync::Record& tariff : live_records(call.tenant(), RecordKind::tariff))
    if (is_offered(tariff) || call.flag("all")) out.push(tariff_json(tariff, promises));
  return out;
}

Result<Json> create_tariff(AdminCall& call) {
  TERN_TRY(const sync::Record made, make_record(call, RecordKind::tariff, "name",
                                                [&](sync::Record& record) { return fill_tariff(call, record); }));
  return one_tariff(call, made);
}

Result<Json> update_tariff(AdminCall& call) {
  TERN_TRY(const sync::Record changed, change_record(call, RecordKind::tariff, "tariff_id", "name",
                                                     [&](sync::Record& record) { return fill_tariff(call, record); }));
  return one_tariff(call, changed);
}

Result<Json> delete_tariff(AdminCall& call) {
  return remove_record(call, RecordKind::tariff, "tariff_id");
}

}  // namespace tern::server::actions
