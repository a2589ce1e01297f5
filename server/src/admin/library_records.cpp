#include "admin/library_records.hpp"

#include <fmt/format.h>

#include <cmath>

#include "desk/route_settings.hpp"
#include "desk/sla_text.hpp"
#include "one_line.hpp"
#include "tern/protocol/json.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/protocol/text.hpp"
#include "tern/sync/list_view.hpp"
#include "tern/sync/macro.hpp"

namespace tern::server::admin {
namespace {

using sync::RecordKind;

constexpr std::size_t shortcut_bytes_max = 64, currency_bytes_max = 16;
constexpr double amount_max = 1'000'000, places = 10'000;

std::string_view part_of(const sync::Record& record, const char* name) {
  const auto found = record.attributes.find(name);
  return found == record.attributes.end() ? std::string_view() : std::string_view(found->second);
}

Result<void> check_line(const sync::Record& record, const char* name, std::size_t bytes_max) {
  const std::string_view text = part_of(record, name);
  if (text.size() > bytes_max)
    return fail(ErrorCode::too_large, fmt::format("{} is longer than {} bytes.", name, bytes_max), "", name);
  return check_one_line(text, name, name);
}

/// What people read: brought to normal form, and there.
Result<void> take_content(sync::Record& record, bool needed) {
  auto normal = protocol::normalise_nfc(part_of(record, "content"));
  if (!normal) return fail(ErrorCode::invalid, "The content is no text.", "", "content");
  if (normal->size() > limits::text_bytes_max)
    return fail(ErrorCode::too_large, "The content is longer than 65,536 bytes.", "", "content");
  std::string seen = *normal;
  std::erase_if(seen, [](char c) { return c == '\n' || c == '\r' || c == '\t'; });
  if (needed && is_blank(seen))
    return fail(ErrorCode::invalid, "The content is missing.", "Give it a text.", "content");
  if (!normal->empty()) record.attributes["content"] = std::move(*normal);
  return {};
}

Result<void> check_quick_reply(sync::Record& record) {
  TERN_CHECKED(take_content(record, true));
  TERN_CHECKED(check_line(record, "shortcut", shortcut_bytes_max));
  if (part_of(record, "shortcut").find(' ') != std::string_view::npos)
    return fail(ErrorCode::invalid, "A shortcut is one word.", "", "shortcut");
  return {};
}

Result<void> check_macro(sync::Record& record, const std::function<bool(RecordKind, const std::string&)>& there_is) {
  TERN_CHECKED(take_content(record, false));
  TERN_TRY(const auto steps, sync::macro_steps(record));
  for (const sync::MacroStep& step : steps) {
    const auto named = sync::record_named_by(step);
    if (named && !there_is(named->kind, named->name))
      return fail(ErrorCode::not_found,
                  fmt::format("There is no {} \"{}\".", sync::to_string(named->kind), named->name), "", "actions");
  }
  return {};
}

Result<void> check_view(sync::Record& record, const std::function<bool(RecordKind, const std::string&)>& there_is) {
  for (const sync::StandingView& standing : sync::standing_views())
    if (protocol::fold_case(record.name) == protocol::fold_case(standing.name))
      return fail(ErrorCode::invalid, "\"" + record.name + "\" is a view that is always there.", "Choose another name.",
                  "name");
  for (const auto& [name, said] : record.attributes) TERN_CHECKED(check_one_line(said, name, name));
  TERN_TRY(const sync::ListTerms terms, sync::list_terms(record));
  for (const sync::NamedRecord& named : sync::records_named_by(terms))
    if (!there_is(named.kind, named.name) && !from_uuid_text(named.name))
      return fail(ErrorCode::not_found, fmt::format("There is no {} \"{}\".", sync::to_string(named.kind), named.name),
                  "", named.kind == RecordKind::operator_ ? "assignee" : std::string(sync::to_string(named.kind)));
  TERN_CHECKED(check_line(record, "folder", limits::name_bytes_max));
  const std::string_view position = part_of(record, "position");
  if (position.empty() || integer_of_text(position)) return {};
  return fail(ErrorCode::invalid, "position is a whole number.", "", "position");
}

Result<void> check_article(sync::Record& record) {
  TERN_CHECKED(take_content(record, true));
  TERN_CHECKED(check_line(record, "category", limits::name_bytes_max));
  const std::string_view status = part_of(record, "status");
  if (status.empty()) record.attributes["status"] = "draft";
  if (!status.empty() && status != "draft" && status != "published")
    return fail(ErrorCode::invalid, "\"" + std::string(status) + "\" is no status of an article.",
                "draft or published.", "status");
  return {};
}

Result<void> check_category(const sync::Record& record) {
  constexpr std::int64_t hours_max = 24 * 365;
  const std::string_view text = part_of(record, sync::sla_hours_attribute);
  if (text.empty()) return {};
  const auto hours = integer_of_text(text);
  if (hours && *hours >= 1 && *hours <= hours_max) return {};
  return fail(ErrorCode::invalid, "sla_hours is a number from 1 to 8,760.", "", sync::sla_hours_attribute);
}

Result<void> check_tariff(const sync::Record& record) {
  for (const char* name : {"hours_per_month", "rate"}) {
    const std::string_view text = part_of(record, name);
    if (text.empty()) continue;
    const auto number = parse_json(text, {.decimals = true});
    if (!number || !number->is_number())
      return fail(ErrorCode::invalid, "\"" + std::string(text) + "\" is no number.", "", name);
    TERN_CHECKED(amount_text(number->as_double(), name));
  }
  TERN_CHECKED(check_line(record, "currency", currency_bytes_max));
  return check_line(record, "description", limits::custom_value_bytes_max);
}

}  // namespace

Result<std::string> amount_text(double amount, std::string_view field) {
  if (!std::isfinite(amount) || amount < 0 || amount > amount_max)
    return fail(ErrorCode::invalid, std::string(field) + " is a number from 0 to 1,000,000.", "", std::string(field));
  return fmt::format("{}", std::round(amount * places) / places);
}

std::string joined_lines(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) out += (out.empty() ? "" : "\n") + line;
  return out;
}

Result<void> check_library_record(sync::Record& record,
                                  const std::function<bool(RecordKind, const std::string&)>& there_is) {
  TERN_CHECKED(check_route_attributes(record, there_is));
  switch (record.kind) {
    case RecordKind::quick_reply:
      return check_quick_reply(record);
    case RecordKind::macro:
      return check_macro(record, there_is);
    case RecordKind::view:
      return check_view(record, there_is);
    case RecordKind::kb_article:
      return check_article(record);
    case RecordKind::tariff:
      return check_tariff(record);
    case RecordKind::category:
      return check_category(record);
    default:
      return {};
  }
}

}  // namespace tern::server::admin
