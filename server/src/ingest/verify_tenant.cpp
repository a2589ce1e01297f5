#include "verify_tenant.hpp"

#include "tern/sqlite/transaction.hpp"
#include "verify_parts.hpp"

namespace tern::server {
namespace {

Result<void> check_file(VerifyRun& run) {
  // Of a search index FTS5 (3.53 at least) checks what this connection remembers of it, also when others have written
  // since. Any query makes it ask for what is there now.
  TERN_CHECKED(run.db.int64_of("SELECT 1 FROM words WHERE words MATCH '*reads'"));
  return run.db.integrity_check();
}

Result<void> read_device_rows(VerifyRun& run) {
  TERN_TRY(auto devices, read_devices(run.db, run.number));
  for (Device& device : devices) run.devices.emplace(device.row.id, std::move(device));
  return {};
}

}  // namespace

std::string Verification::summary() const {
  const auto counted = [](auto n, const char* what) { return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s"); };
  return fmt::format("{}, {}, {}", counted(changes, "change"), counted(authors, "author"), counted(gaps, "gap"));
}

Result<Verification> verify_tenant(Tenant& tenant, const std::function<bool()>& stop) {
  TERN_TRY(auto reader, tenant.reader());
  TERN_TRY(auto snapshot, sqlite::Transaction::begin_read(reader.db()));
  VerifyRun run(tenant, reader.db(), stop);
  run.check("file", check_file);
  run.check("erasures", check_erasures);
  run.check("devices", read_device_rows);
  run.check("ledger", check_ledger);
  run.check("devices", check_devices);
  run.check("anchors", check_anchors);
  run.check("records", check_records);
  run.check("tickets", check_tickets);
  run.check("loads", check_loads);
  run.check("counts", check_counts);
  run.check("search", check_words);
  run.check("scopes", check_scopes);
  run.check("files", check_files);
  snapshot.rollback();
  if (run.is_stopped()) return fail(ErrorCode::busy, "Interrupted: not everything was checked.");
  return std::move(run.out);
}

}  // namespace tern::server
