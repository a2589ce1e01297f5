// The export: every ticket with its history, one line each, read in pages so that no snapshot lives long.
#include <charconv>
#include <functional>

#include "access/private_file.hpp"
#include "admin/handlers.hpp"
#include "admin/interrupted.hpp"
#include "admin/ledger_export.hpp"
#include "admin/ticket_export.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/sqlite/transaction.hpp"

namespace tern::server::admin {
namespace {

constexpr std::int64_t tickets_per_snapshot = 200;
constexpr std::size_t answer_bytes_max = 16 * limits::mib;  // of one answer; the next one goes on

/// Takes a line; false: and no more of them.
using LineSink = std::function<Result<bool>(Json line)>;

struct Exported {
  std::uint64_t tickets = 0;
  std::int64_t last = 0;  // integer id of the newest one
  bool full = false;      // the sink took no more
};

/// Tickets above `exported.last` in one snapshot. False: there were none.
Result<bool> export_page(Tenant& tenant, const Names& names, const LineSink& sink, Exported& exported) {
  TERN_TRY(auto reader, tenant.reader());
  TERN_TRY(auto snapshot, sqlite::Transaction::begin_read(reader.db()));
  TicketExport lines(reader.db(), tenant.number(), names);
  TERN_TRY(auto rows, reader.db().query(
                          "SELECT integer_id, change_count, state FROM ticket WHERE tenant_id = $1 AND integer_id > $2 "
                          "ORDER BY integer_id LIMIT $3",
                          tenant.number(), exported.last, tickets_per_snapshot));
  for (bool any = false;; any = true) {
    TERN_TRY(const bool more, rows.step());
    if (!more || exported.full) return any;
    exported.last = rows.int64(0);
    ++exported.tickets;
    TERN_TRY(const sync::TicketState state, sync::decode_state(rows.blob(2)));
    TERN_TRY(Json line, lines.ticket(state, rows.uint64(1)));
    TERN_TRY(const bool go_on, sink(std::move(line)));
    exported.full = !go_on;
  }
}

Result<Exported> export_after(Tenant& tenant, std::int64_t after, const LineSink& sink) {
  const Names names(tenant);
  Exported exported;
  exported.last = after;
  for (;;) {
    TERN_TRY(const bool more, export_page(tenant, names, sink, exported));
    if (!more || exported.full) return exported;
  }
}

Result<bool> has_more(Tenant& tenant, std::int64_t after) {
  TERN_TRY(auto reader, tenant.reader());
  TERN_TRY(const auto next,
           reader.db().int64_of("SELECT 1 FROM ticket WHERE tenant_id = $1 AND integer_id > $2 LIMIT 1",
                                tenant.number(), after));
  return next.has_value();
}

Result<std::int64_t> token_of(const AdminCall& call) {
  std::int64_t after = 0;
  if (!call.has("after")) return after;
  const std::string& token = call.text("after");
  const auto read = std::from_chars(token.data(), token.data() + token.size(), after);
  if (read.ec == std::errc() && read.ptr == token.data() + token.size() && after >= 0) return after;
  return fail(ErrorCode::invalid, "\"" + token + "\" is no token of a page.", "Take it from the page before.", "after");
}

Result<Json> export_to_file(const AdminCall& call, const std::string& format) {
  TERN_CHECKED(check_output_file(call.text("to"), call.flag("replace"), "to"));
  TERN_TRY(auto file, PrivateFileWriter::open(call.text("to")));
  const LineSink write = [&](Json line) -> Result<bool> {
    TERN_CHECKED(check_not_interrupted(call));
    TERN_CHECKED(file->write(to_text(line) + "\n"));
    return true;
  };
  TERN_TRY(const Exported exported, export_after(call.tenant(), 0, write));
  TERN_CHECKED(file->finish());
  return Json::object({{"format", Json(format)}, {"to", Json(call.text("to"))}, {"tickets", Json(exported.tickets)}});
}

}  // namespace

Result<Json> export_tickets(AdminCall& call) {
  const std::string format = call.has("format") ? call.text("format") : "jsonl";
  if (format == "ledger") return export_ledger(call);
  if (format != "jsonl")
    return fail(ErrorCode::invalid, "There is no format \"" + format + "\".", "Formats: jsonl, ledger.", "format");
  const std::int64_t limit = call.integer("limit", INT64_MAX);
  if (limit < 1) return fail(ErrorCode::invalid, "A page has at least one ticket.", "", "limit");
  if (!call.has("to") && call.flag("replace"))
    return fail(ErrorCode::usage, "--replace goes with --to.", "", "replace");
  if (call.has("to")) {
    if (call.has("limit") || call.has("after"))
      return fail(ErrorCode::usage, "A file holds every ticket: --to goes without --limit and --after.", "", "to");
    return export_to_file(call, format);
  }
  TERN_TRY(const std::int64_t after, token_of(call));
  Json rows = Json::array();
  std::size_t bytes = 0;
  const LineSink collect = [&](Json line) -> Result<bool> {
    bytes += to_text(line).size();
    rows.push(std::move(line));
    return bytes < answer_bytes_max && static_cast<std::int64_t>(rows.size()) < limit;
  };
  TERN_TRY(const Exported exported, export_after(call.tenant(), after, collect));
  TERN_TRY(const bool more, has_more(call.tenant(), exported.last));
  Json answer =
      Json::object({{"format", Json(format)}, {"tickets", Json(exported.tickets)}, {"rows", std::move(rows)}});
  if (more) answer.set("next", Json(std::to_string(exported.last)));
  return answer;
}

}  // namespace tern::server::admin
