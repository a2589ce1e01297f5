// Reference records and what some were before, as the ledger says.
#include "verify_parts.hpp"

namespace tern::server {
namespace {

Result<void> check_current(VerifyRun& run) {
  auto left = run.records;
  TERN_TRY(auto rows, run.db.query("SELECT kind, record_id, data, integer_id, name, version, deleted FROM record "
                                   "WHERE tenant_id = $1",
                                   run.number));
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) break;
    const auto found = left.find({static_cast<std::uint8_t>(rows.int64(0)), rows.id<RecordId>(1)});
    if (found == left.end()) {
      if (!run.unreadable_any) run.find("record {} is not one of the ledger", to_hex(rows.blob(1)));
      continue;
    }
    const sync::Record& due = found->second;
    if (sync::encode_record(due) != rows.blob(2)) {
      run.find("record {} is not the one of the ledger", to_hex(rows.blob(1)));
    } else if (rows.uint64(3) != due.integer_id || rows.text(4) != due.name || rows.uint64(5) != due.version ||
               rows.boolean(6) != due.deleted) {
      run.find("record {}: its columns are not those of its content", to_hex(rows.blob(1)));
    }
    left.erase(found);
  }
  for (const auto& [key, record] : left) run.find("record {} of the ledger is missing", to_hex(record.id));
  return {};
}

/// Rights as of a commit are judged by it. What an erased entry left behind cannot be told.
Result<void> check_history(VerifyRun& run) {
  auto left = run.history;
  TERN_TRY(auto rows,
           run.db.query("SELECT kind, record_id, version, data FROM record_history WHERE tenant_id = $1", run.number));
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) break;
    const auto found = left.find({static_cast<std::uint8_t>(rows.int64(0)), rows.id<RecordId>(1), rows.uint64(2)});
    if (found == left.end()) {
      if (run.out.erased == 0 && !run.unreadable_any)
        run.find("record {} was never what its history says of commit {}", to_hex(rows.blob(1)), rows.uint64(2));
      continue;
    }
    if (found->second != rows.blob(3))
      run.find("record {}: its history of commit {} is not the ledger's", to_hex(rows.blob(1)), rows.uint64(2));
    left.erase(found);
  }
  for (const auto& [key, data] : left)
    run.find("record {}: its history of commit {} is missing", to_hex(std::get<1>(key)), std::get<2>(key));
  return {};
}

}  // namespace

Result<void> check_records(VerifyRun& run) {
  TERN_CHECKED(check_current(run));
  return check_history(run);
}

}  // namespace tern::server
