// The export: tickets with their history, their messages or settings one by one, or records; read in pages so that no
// snapshot lives long and no answer grows with the tenant.
#include <algorithm>
#include <charconv>
#include <span>

#include "admin/export_lines.hpp"
#include "admin/export_records.hpp"
#include "admin/handlers.hpp"
#include "admin/interrupted.hpp"
#include "admin/ledger_export.hpp"
#include "admin/record_writer.hpp"
#include "api/ticket_list.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/sqlite/transaction.hpp"
#include "time_text.hpp"

namespace tern::server::admin {
namespace {

constexpr std::int64_t tickets_per_snapshot = 200;
constexpr std::size_t answer_bytes_max = 16 * limits::mib;  // of one answer; the next one goes on

constexpr std::string_view filters[] = {"status", "category", "queue", "since", "until", "portable"};

/// What is asked of tickets, beside which page of them.
struct ExportQuestion {
  std::string where;  // conditions over columns of `ticket`; each begins with AND
  std::int64_t limit = INT64_MAX;
};

struct Exported {
  std::uint64_t tickets = 0;
  std::int64_t last = 0;  // integer id of the newest one
  std::size_t bytes = 0;
  bool full = false;  // no more of them belong to this page
  Json rows = Json::array();
};

// ---- which tickets ----

Result<std::string> statuses_asked(const AdminCall& call) {
  std::string list;
  for (const Json& word : call.list("status")) {
    const auto status = sync::status_from_name(word.as_string());
    if (!status)
      return fail(ErrorCode::invalid, "There is no status \"" + word.as_string() + "\".",
                  "One of: new open estimated in_progress waiting on_hold resolved closed reopened.", "status");
    list += (list.empty() ? "" : ", ") + std::to_string(static_cast<int>(*status));
  }
  return list.empty() ? list : " AND status IN (" + list + ")";
}

Result<std::string> records_asked(const AdminCall& call, const char* column, sync::RecordKind kind) {
  std::string list;
  for (const Json& words : call.list(column)) {
    TERN_TRY(const sync::Record record, resolve_record(call.tenant(), kind, words.as_string()));
    list += (list.empty() ? "" : ", ") + blob_literal(record.id.view());
  }
  return list.empty() ? list : std::string(" AND ") + column + " IN (" + list + ")";
}

Result<std::string> instant_asked_of(const AdminCall& call, const char* argument, const char* condition) {
  if (!call.has(argument)) return std::string();
  return call.instant(argument).map([&](std::int64_t at) { return condition + std::to_string(at); });
}

Result<ExportQuestion> question_of(const AdminCall& call) {
  ExportQuestion out;
  out.limit = call.integer("limit", INT64_MAX);
  if (out.limit < 1) return fail(ErrorCode::invalid, "A page has at least one ticket.", "", "limit");
  TERN_TRY(const std::string statuses, statuses_asked(call));
  TERN_TRY(const std::string categories, records_asked(call, "category", sync::RecordKind::category));
  TERN_TRY(const std::string queues, records_asked(call, "queue", sync::RecordKind::queue));
  TERN_TRY(const std::string since, instant_asked_of(call, "since", " AND created_ms >= "));
  TERN_TRY(const std::string until, instant_asked_of(call, "until", " AND created_ms < "));
  out.where = statuses + categories + queues + since + until;
  return out;
}

Result<std::int64_t> token_of(const AdminCall& call) {
  std::int64_t after = 0;
  if (!call.has("after")) return after;
  const std::string& token = call.text("after");
  const auto read = std::from_chars(token.data(), token.data() + token.size(), after);
  if (read.ec == std::errc() && read.ptr == token.data() + token.size() && after >= 0) return after;
  return fail(ErrorCode::invalid, "\"" + token + "\" is no token of a page.", "Take it from the page before.", "after");
}

// ---- reading ----

/// Tickets above `exported.last` in one snapshot. False: there were none.
Result<bool> export_page(const AdminCall& call, const Names& names, const ExportLines& lines,
                         const ExportQuestion& question, Exported& exported) {
  Tenant& tenant = call.tenant();
  TERN_TRY(auto reader, tenant.reader());
  TERN_TRY(auto snapshot, sqlite::Transaction::begin_read(reader.db()));
  TicketExport from(reader.db(), tenant.number(), names);
  TERN_TRY(
      auto rows,
      reader.db().query("SELECT integer_id, change_count, state FROM ticket WHERE tenant_id = $1 AND integer_id > $2" +
                            question.where + " ORDER BY integer_id LIMIT $3",
                        tenant.number(), exported.last, tickets_per_snapshot));
  for (bool any = false;; any = true) {
    TERN_TRY(const bool more, rows.step());
    if (!more || exported.full) return any;
    TERN_CHECKED(check_not_interrupted(call));
    exported.last = rows.int64(0);
    ++exported.tickets;
    TERN_TRY(const sync::TicketState state, sync::decode_state(rows.blob(2)));
    TERN_TRY(Json::Array of_ticket, lines.of(from, state, rows.uint64(1)));
    for (Json& line : of_ticket) {
      exported.bytes += line.is_string() ? line.as_string().size() : to_text(line).size();
      exported.rows.push(std::move(line));
    }
    exported.full = exported.bytes >= answer_bytes_max || static_cast<std::int64_t>(exported.tickets) >= question.limit;
  }
}

Result<std::int64_t> count_above(Tenant& tenant, const ExportQuestion& question, std::int64_t after,
                                 std::string_view limit) {
  TERN_TRY(auto reader, tenant.reader());
  TERN_TRY(const auto count,
           reader.db().int64_of("SELECT count(*) FROM (SELECT 1 FROM ticket WHERE tenant_id = $1 AND integer_id > $2" +
                                    question.where + std::string(limit) + ")",
                                tenant.number(), after));
  return count.value_or(0);
}

Result<Json> export_of_tickets(const AdminCall& call, ExportOf what, bool csv) {
  Tenant& tenant = call.tenant();
  TERN_TRY(const ExportQuestion question, question_of(call));
  Exported exported;
  TERN_TRY(exported.last, token_of(call));
  Json total;
  if (!call.has("after")) {
    TERN_TRY(const std::int64_t count, count_above(tenant, question, 0, ""));
    total = Json(count);
  }
  const bool portable = call.flag("portable");
  if (portable && (csv || what != ExportOf::tickets))
    return fail(ErrorCode::usage, "--portable is of tickets, as lines of JSON.", "", "portable");
  const Names names(tenant, portable);
  const ExportLines lines(tenant, what, csv, portable);
  for (bool more = true; more && !exported.full;) {
    TERN_TRY(more, export_page(call, names, lines, question, exported));
  }
  TERN_TRY(const std::int64_t left, count_above(tenant, question, exported.last, " LIMIT 1"));
  Json answer = Json::object({{"tickets", Json(exported.tickets)}});
  if (!total.is_null()) answer.append_member("total", std::move(total));
  if (csv) answer.append_member("head", lines.head());
  answer.append_member("rows", std::move(exported.rows));
  if (left > 0) answer.append_member("next", Json(std::to_string(exported.last)));
  return answer;
}

// ---- what is asked ----

Result<void> check_no_filter(const AdminCall& call, const std::string& what) {
  for (const std::string_view filter : filters)
    if (call.has(filter))
      return fail(ErrorCode::usage, "--" + std::string(filter) + " is of tickets, not of " + what + ".", "",
                  std::string(filter));
  return {};
}

Result<Json> export_of_records(const AdminCall& call, const std::string& what, bool csv) {
  TERN_CHECKED(check_no_filter(call, what));
  const std::int64_t limit = call.integer("limit", INT64_MAX);
  if (limit < 1) return fail(ErrorCode::invalid, "A page has at least one record.", "", "limit");
  const auto kinds = exported_kinds();
  if (what == "records") {
    if (csv)
      return fail(ErrorCode::usage, "Records of several kinds have no columns in common.",
                  "Name one kind, or --format jsonl.", "format");
    return export_records(call, kinds, csv, limit);
  }
  const auto kind = std::ranges::find(kinds, what, &ExportedKind::word);
  if (kind != kinds.end()) return export_records(call, std::span(kind, 1), csv, limit);
  std::string words = "tickets messages history records";
  for (const ExportedKind& one : kinds) words += " " + std::string(one.word);
  return fail(ErrorCode::invalid, "There is no export of \"" + what + "\".", "One of: " + words + ".", "what");
}

Result<Json> export_of_ledger(AdminCall& call) {
  TERN_CHECKED(check_no_filter(call, "the ledger"));
  if (call.has("what") || call.flag("resume") || call.flag("bom"))
    return fail(ErrorCode::usage, "The ledger goes out whole, as it was signed.",
                "Leave --what, --resume and --bom out.", "format");
  return export_ledger(call);
}

}  // namespace

Result<Json> export_tickets(AdminCall& call) {
  const std::string format = call.has("format") ? call.text("format") : "jsonl";
  const std::string what = call.has("what") ? call.text("what") : "tickets";
  if (format == "ledger") return export_of_ledger(call);
  if (format != "jsonl" && format != "csv")
    return fail(ErrorCode::invalid, "There is no format \"" + format + "\".", "Formats: jsonl, csv, ledger.", "format");
  if (call.has("to"))
    return fail(ErrorCode::usage, "Lines are answered: whoever asks for them writes the file.", "", "to");
  for (const std::string_view flag : {"replace", "resume"})
    if (call.flag(flag))
      return fail(ErrorCode::usage, "--" + std::string(flag) + " goes with --to FILE.", "", std::string(flag));
  const bool csv = format == "csv";
  const auto of = export_of(what);
  TERN_TRY(Json answer, of ? export_of_tickets(call, *of, csv) : export_of_records(call, what, csv));
  Json out = Json::object({{"format", Json(format)}, {"desk", Json(to_uuid_text(call.tenant().id().view()))}});
  for (const auto& [name, value] : answer.members()) out.append_member(name, value);
  return out;
}

}  // namespace tern::server::admin
