// The export: every ticket with its history, one line each, read in pages so that no snapshot lives long.
#include <functional>
#include <optional>

#include "access/private_file.hpp"
#include "admin/handlers.hpp"
#include "admin/ticket_export.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/sqlite/transaction.hpp"

namespace tern::server::admin {
namespace {

constexpr std::int64_t tickets_per_snapshot = 200;
constexpr std::size_t answer_bytes_max = 64 * limits::mib;

using LineSink = std::function<Result<void>(Json line)>;

/// Tickets above an integer id; the last one's, or nothing when there were none.
Result<std::optional<std::int64_t>> export_page(Tenant& tenant, const Names& names, std::int64_t after,
                                                const LineSink& sink) {
  TERN_TRY(auto reader, tenant.reader());
  TERN_TRY(auto snapshot, sqlite::Transaction::begin_read(reader.db()));
  TicketExport exported(reader.db(), tenant.number(), names);
  std::optional<std::int64_t> last;
  TERN_TRY(auto rows, reader.db().query(
                          "SELECT integer_id, change_count, state FROM ticket WHERE tenant_id = $1 AND integer_id > $2 "
                          "ORDER BY integer_id LIMIT $3",
                          tenant.number(), after, tickets_per_snapshot));
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return last;
    last = rows.int64(0);
    TERN_TRY(const sync::TicketState state, sync::decode_state(rows.blob(2)));
    TERN_TRY(Json line, exported.ticket(state, rows.uint64(1)));
    TERN_CHECKED(sink(std::move(line)));
  }
}

Result<std::uint64_t> export_all(Tenant& tenant, const LineSink& sink) {
  const Names names(tenant);
  std::uint64_t count = 0;
  std::int64_t after = 0;
  const LineSink counting = [&](Json line) {
    ++count;
    return sink(std::move(line));
  };
  for (;;) {
    TERN_TRY(const auto last, export_page(tenant, names, after, counting));
    if (!last) return count;
    after = *last;
  }
}

}  // namespace

Result<Json> export_tickets(AdminCall& call) {
  const std::string format = call.has("format") ? call.text("format") : "jsonl";
  if (format != "jsonl")
    return fail(ErrorCode::invalid, "There is no format \"" + format + "\".", "Formats: jsonl.", "format");
  if (call.has("to")) {
    TERN_TRY(auto file, PrivateFileWriter::open(call.text("to")));
    TERN_TRY(const std::uint64_t tickets,
             export_all(call.tenant(), [&](Json line) { return file->write(to_text(line) + "\n"); }));
    TERN_CHECKED(file->finish());
    return Json::object({{"format", Json(format)}, {"to", Json(call.text("to"))}, {"tickets", Json(tickets)}});
  }
  Json rows = Json::array();
  std::size_t bytes = 0;
  TERN_TRY(const std::uint64_t tickets, export_all(call.tenant(), [&](Json line) -> Result<void> {
             bytes += to_text(line).size();
             if (bytes > answer_bytes_max)
               return fail(ErrorCode::too_large, "The export is too large for one answer.", "Name a file with --to.",
                           "to");
             rows.push(std::move(line));
             return {};
           }));
  return Json::object({{"format", Json(format)}, {"tickets", Json(tickets)}, {"rows", std::move(rows)}});
}

}  // namespace tern::server::admin
