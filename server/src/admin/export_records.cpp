#include "export_records.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <vector>

#include "admin/export_lines.hpp"
#include "tern/protocol/limits.hpp"

namespace tern::server::admin {
namespace {

using sync::RecordKind;

constexpr std::array kinds_in_order = {ExportedKind{"tariffs", RecordKind::tariff},
                                       ExportedKind{"clients", RecordKind::organisation},
                                       ExportedKind{"contacts", RecordKind::contact},
                                       ExportedKind{"categories", RecordKind::category},
                                       ExportedKind{"queues", RecordKind::queue},
                                       ExportedKind{"tags", RecordKind::tag},
                                       ExportedKind{"fields", RecordKind::custom_field},
                                       ExportedKind{"calendars", RecordKind::calendar},
                                       ExportedKind{"sla-rules", RecordKind::sla_rule},
                                       ExportedKind{"operators", RecordKind::operator_},
                                       ExportedKind{"quick-replies", RecordKind::quick_reply},
                                       ExportedKind{"macros", RecordKind::macro},
                                       ExportedKind{"articles", RecordKind::kb_article},
                                       ExportedKind{"views", RecordKind::view}};
constexpr std::size_t bytes_of_answer_max = 16 * limits::mib;

/// How far a list of records came: a kind by its number, and the integer id of a record of it.
struct RecordPlace {
  std::uint64_t kind = 0, id = 0;
  auto operator<=>(const RecordPlace&) const = default;
};

Result<RecordPlace> record_place_of(const AdminCall& call) {
  RecordPlace place;
  if (!call.has("after")) return place;
  const std::string& token = call.text("after");
  const char* const end = token.data() + token.size();
  const auto kind = std::from_chars(token.data(), end, place.kind);
  if (kind.ec == std::errc() && kind.ptr != end && *kind.ptr == '.') {
    const auto id = std::from_chars(kind.ptr + 1, end, place.id);
    if (id.ec == std::errc() && id.ptr == end) return place;
  }
  return fail(ErrorCode::invalid, "\"" + token + "\" is no token of a page.", "Take it from the page before.", "after");
}

std::vector<sync::Record> live_of(const Tenant& tenant, RecordKind kind) {
  auto records = tenant.records(kind);
  std::erase_if(records, [](const sync::Record& record) { return record.deleted; });
  std::ranges::sort(records, {}, [](const sync::Record& record) { return std::pair(record.integer_id, record.id); });
  return records;
}

Json names_of_refs(const Tenant& tenant, const sync::Record& record, RecordKind kind) {
  Json out = Json::array();
  for (const RecordId& id : record.refs)
    if (const auto named = tenant.find_record(kind, id)) out.push(Json(named->name));
  return out;
}

/// Whose own it is, as a load finds them: by their address, which nobody shares; without one by name, or by id where
/// others have that name.
Json owner_of(const Tenant& tenant, const RecordId& id) {
  const auto owner = tenant.find_record(RecordKind::operator_, id);
  if (!owner) return Json(to_uuid_text(id.view()));
  if (const auto email = owner->attributes.find("email"); email != owner->attributes.end()) return Json(email->second);
  std::size_t called_so = 0;
  tenant.each_record(RecordKind::operator_, [&](const sync::Record& one) {
    if (!one.deleted && one.name == owner->name) ++called_so;
  });
  return Json(called_so > 1 ? to_uuid_text(id.view()) : owner->name);
}

Json record_line(const Tenant& tenant, const sync::Record& record) {
  Json out = Json::object({{"kind", Json(sync::to_string(record.kind))},
                           {"id", Json(to_uuid_text(record.id.view()))},
                           {"integer_id", Json(record.integer_id)},
                           {"name", Json(record.name)}});
  Json attributes = Json::object();
  for (const auto& [name, value] : record.attributes) {
    const bool own = record.kind == RecordKind::operator_ && (name == "role" || name == "email");
    (own ? out : attributes).append_member(name, Json(value));
  }
  if (record.kind == RecordKind::operator_)
    out.append_member("queues", names_of_refs(tenant, record, RecordKind::queue));
  if (sync::may_be_personal(record.kind) && !record.refs.empty())
    attributes.set("operator", owner_of(tenant, record.refs.front()));
  out.append_member("attributes", std::move(attributes));
  return out;
}

/// What CSV of one kind has columns for.
std::vector<std::string> record_columns(RecordKind kind, const std::vector<sync::Record>& records) {
  std::vector<std::string> out = {"id", "integer_id", "name"};
  if (kind == RecordKind::operator_) out.insert(out.end(), {"role", "email", "queues"});
  std::set<std::string> attributes;
  for (const sync::Record& record : records)
    for (const auto& [name, value] : record.attributes)
      if (kind != RecordKind::operator_ || (name != "role" && name != "email")) attributes.insert(name);
  if (sync::may_be_personal(kind)) attributes.insert("operator");
  out.insert(out.end(), attributes.begin(), attributes.end());
  return out;
}

Json record_csv(const Json& line, const std::vector<std::string>& columns) {
  std::vector<Json> cells;
  for (const std::string& column : columns) {
    const Json* own = line.find(column);
    cells.push_back(own == nullptr ? line["attributes"][column] : *own);
  }
  return Json(csv_line(cells));
}

}  // namespace

std::span<const ExportedKind> exported_kinds() {
  return kinds_in_order;
}

Result<Json> export_records(const AdminCall& call, std::span<const ExportedKind> kinds, bool csv, std::int64_t limit) {
  TERN_TRY(const RecordPlace after, record_place_of(call));
  const Tenant& tenant = call.tenant();
  Json head, next, rows = Json::array();
  std::uint64_t total = 0;
  std::size_t bytes = 0;
  RecordPlace last = after;
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    const auto records = live_of(tenant, kinds[i].kind);
    const auto columns = csv ? record_columns(kinds[i].kind, records) : std::vector<std::string>{};
    if (csv) head = Json(csv_line(std::vector<Json>(columns.begin(), columns.end())));
    total += records.size();
    for (const sync::Record& record : records) {
      const RecordPlace place{i, record.integer_id};
      if (place <= after && call.has("after")) continue;
      if (bytes >= bytes_of_answer_max || static_cast<std::int64_t>(rows.size()) == limit) {
        if (next.is_null()) next = Json(std::to_string(last.kind) + "." + std::to_string(last.id));
        break;
      }
      Json line = record_line(tenant, record);
      if (csv) line = record_csv(line, columns);
      bytes += to_text(line).size();
      rows.push(std::move(line));
      last = place;
    }
  }
  Json out = Json::object({{"records", Json(rows.size())}, {"total", Json(total)}});
  if (csv) out.append_member("head", std::move(head));
  out.append_member("rows", std::move(rows));
  if (!next.is_null()) out.append_member("next", std::move(next));
  return out;
}

}  // namespace tern::server::admin
