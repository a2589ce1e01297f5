// Calendars and SLA rules: made, changed, taken off the list, listed.
#include "admin/sla_records.hpp"

#include <algorithm>

#include "admin/handlers.hpp"
#include "admin/list_page.hpp"
#include "admin/record_writer.hpp"
#include "desk/sla_records.hpp"
#include "desk/sla_text.hpp"

namespace tern::server::admin {
namespace {

using sync::RecordKind;

constexpr std::string_view text_arguments[] = {
    "zone",           "calendar",      "first-response", "next-response", "resolution", "periodic-update",
    "on-site",        "clock",         "on-reopen",      "on-change",     "min-grace",  "max-pause",
    "offline-credit", "offline-grace", "late",           "yellow-left",   "quiet"};

std::string attribute_name(std::string_view argument) {
  std::string out(argument);
  std::ranges::replace(out, '-', '_');
  return out;
}

std::string lines_of_list(const Json::Array& items) {
  std::string out;
  for (const Json& item : items) out += (out.empty() ? "" : "\n") + item.as_string();
  return out;
}

/// "priority=high,urgent" is two lines; names of other fields may hold commas.
std::string condition_lines(const Json::Array& items) {
  std::string out;
  for (const Json& item : items) {
    const std::string& text = item.as_string();
    constexpr std::string_view of_priority = "priority=";
    const bool several = text.starts_with(of_priority);
    const auto values = several ? words_between(std::string_view(text).substr(of_priority.size()), ",")
                                : std::vector<std::string_view>{};
    if (values.empty()) out += (out.empty() ? "" : "\n") + text;
    for (const std::string_view value : values)
      out += (out.empty() ? "" : "\n") + std::string(of_priority) + std::string(value);
  }
  return out;
}

/// What was said replaces what was there; an empty text takes it away.
void apply_arguments(const AdminCall& call, sync::Record& record) {
  for (const std::string_view argument : text_arguments)
    if (call.has(argument)) put_attribute(record, attribute_name(argument), call.text(argument));
  for (const char* argument : {"sort", "yellow-percent"})
    if (call.has(argument)) put_attribute(record, attribute_name(argument), std::to_string(call.integer(argument, 0)));
  if (call.has("hours")) put_attribute(record, "hours", lines_of_list(call.list("hours")));
  if (call.has("holiday") || call.flag("no-holidays"))
    put_attribute(record, "holidays", lines_of_list(call.list("holiday")));
  if (call.has("when") || call.flag("always")) put_attribute(record, "when", condition_lines(call.list("when")));
  if (call.has("pause")) put_attribute(record, "pause", lines_of_list(call.list("pause")));
  put_attribute(record, "effective_from",
                call.has("from") ? call.text("from") : std::string());  // each version says its own
}

SlaRecordCheck check_against(Tenant& tenant) {
  return {tenant,
          [&tenant](RecordKind kind, const std::string& name) { return find_record(tenant, kind, name).has_value(); }};
}

std::int64_t place_behind_the_last(const Tenant& tenant) {
  constexpr std::int64_t step = 10;
  std::int64_t last = 0;
  for (const sync::Record& rule : tenant.records(RecordKind::sla_rule))
    if (!rule.deleted && rule.attributes.contains("sort")) last = std::max(last, rule_place(rule));
  return last + step;
}

Json sla_record_json(const Tenant& tenant, const sync::Record& record) {
  sync::Record shown = record;
  shown.attributes.erase("offsets");
  if (shown.kind == RecordKind::sla_rule) shown.attributes.try_emplace("calendar", always_open);
  return record_json(tenant, shown);
}

Result<Json> write_new(AdminCall& call, RecordKind kind) {
  sync::Record record;
  record.kind = kind;
  record.id = random_id<RecordId>(call.parts().environment);
  TERN_TRY(record.name, record_name(call.text("name")));
  TERN_TRY(const auto naming, call.lock_names());
  const auto write = [&]() -> Result<sync::Record> {
    Tenant& tenant = call.tenant();
    if (find_record(tenant, kind, record.name))
      return fail(ErrorCode::invalid,
                  "There is a " + std::string(sync::to_string(kind)) + " \"" + record.name + "\" already.", "", "name");
    apply_arguments(call, record);
    if (kind == RecordKind::sla_rule && !record.attributes.contains("sort"))
      record.attributes["sort"] = std::to_string(place_behind_the_last(tenant));
    TERN_CHECKED(check_against(tenant).take(record));
    TERN_CHECKED(write_records(tenant, {record}));
    return tenant.find_record(kind, record.id).value_or(record);
  };
  TERN_TRY(const sync::Record written, call.on_strand(write));
  return sla_record_json(call.tenant(), written);
}

Result<Json> write_change(AdminCall& call, RecordKind kind, const std::function<void(sync::Record&)>& change) {
  const auto write = [&]() -> Result<sync::Record> {
    Tenant& tenant = call.tenant();
    TERN_TRY(sync::Record record, resolve_record(tenant, kind, call.text("name")));
    change(record);
    if (!record.deleted) TERN_CHECKED(check_against(tenant).take(record));
    TERN_CHECKED(write_records(tenant, {record}));
    return tenant.find_record(kind, record.id).value_or(record);
  };
  TERN_TRY(const sync::Record written, call.on_strand(write));
  return sla_record_json(call.tenant(), written);
}

Result<Json> list_sla_records(AdminCall& call, RecordKind kind) {
  auto records = call.tenant().records(kind);
  std::erase_if(records, [](const sync::Record& record) { return record.deleted; });
  const auto place = [&](const sync::Record& record) {
    return std::pair(kind == RecordKind::sla_rule ? rule_place(record) : 0, record.integer_id);
  };
  std::ranges::sort(records, {}, place);
  TERN_TRY(ListPage page, ListPage::of(call));
  for (const sync::Record& record : records) {
    const auto [sort, id] = place(record);
    const std::string key = list_key(static_cast<std::uint64_t>(sort)) + list_key(id);
    if (page.wants(key)) page.add(key, sla_record_json(call.tenant(), record));
  }
  return std::move(page).answer();
}

}  // namespace

Result<void> SlaRecordCheck::take(sync::Record& record) {
  const bool tariff = record.kind == RecordKind::tariff;
  if (record.kind != RecordKind::calendar && record.kind != RecordKind::sla_rule && !tariff) return {};
  if (!settings_) {
    TERN_TRY(auto reader, tenant_.reader());
    TERN_TRY(const auto versions, read_sla_versions(reader.db(), tenant_.number()));
    settings_ = std::make_unique<SlaSettings>(versions);
  }
  if (record.kind == RecordKind::calendar) return take_calendar(record);
  if (tariff) return check_tariff_promise(record, settings_->calendars(), tenant_.now_ms() / 1000);
  TERN_CHECKED(check_rule_names(record, there_is_));
  return check_rule(record, settings_->calendars(), tenant_.now_ms() / 1000);
}

Result<void> SlaRecordCheck::take_calendar(sync::Record& record) {
  const sla::Instant now = tenant_.now_ms() / 1000;
  TERN_CHECKED(complete_calendar(record, now));
  TERN_TRY(sla::Calendar calendar, calendar_of(record, now));
  calendar.version = UINT32_MAX;  // behind all that are committed
  TERN_CHECKED(settings_->calendars().add(std::move(calendar)));
  // What was promised in it must still be possible.
  const auto counts_by_it = [&](const sync::Record& one) {
    const auto named = one.attributes.find("calendar");
    return !one.deleted && named != one.attributes.end() && named->second == record.name;
  };
  for (const sync::Record& rule : tenant_.records(RecordKind::sla_rule))
    if (counts_by_it(rule)) TERN_CHECKED(check_rule(rule, settings_->calendars(), now));
  for (const sync::Record& tariff : tenant_.records(RecordKind::tariff))
    if (counts_by_it(tariff)) TERN_CHECKED(check_tariff_promise(tariff, settings_->calendars(), now));
  return {};
}

Result<Json> calendar_add(AdminCall& call) {
  return write_new(call, RecordKind::calendar);
}
Result<Json> calendar_set(AdminCall& call) {
  return write_change(call, RecordKind::calendar, [&](sync::Record& record) { apply_arguments(call, record); });
}
Result<Json> calendar_list(AdminCall& call) {
  return list_sla_records(call, RecordKind::calendar);
}

Result<Json> sla_rule_add(AdminCall& call) {
  return write_new(call, RecordKind::sla_rule);
}
Result<Json> sla_rule_set(AdminCall& call) {
  return write_change(call, RecordKind::sla_rule, [&](sync::Record& record) { apply_arguments(call, record); });
}
Result<Json> sla_rule_remove(AdminCall& call) {
  return write_change(call, RecordKind::sla_rule, [](sync::Record& record) {
    record.deleted = true;
    record.attributes.erase("effective_from");
  });
}
Result<Json> sla_rule_list(AdminCall& call) {
  return list_sla_records(call, RecordKind::sla_rule);
}

}  // namespace tern::server::admin
