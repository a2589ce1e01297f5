#include "tern/client/salvage.hpp"

#include <algorithm>

#include "exchange/sync_state.hpp"
#include "home_lock.hpp"
#include "keys/secure_file.hpp"
#include "outbox/salvage_files.hpp"
#include "outbox/salvage_plan.hpp"
#include "tern/sqlite/transaction.hpp"

namespace tern::client {
namespace {

using sqlite::Blob;
using Found = SalvageReport::Found;

Result<void> insert(sqlite::Database& database, const TableForm& form, const Cells& row) {
  std::string sql =
      "INSERT OR REPLACE INTO " + std::string(form.name) + " (" + std::string(form.columns) + ") VALUES (";
  for (std::size_t i = 1; i <= row.size(); ++i) sql += (i > 1 ? ", $" : "$") + std::to_string(i);
  TERN_TRY(auto statement, database.statement(sql + ")"));
  for (std::size_t i = 0; i < row.size(); ++i) {
    const int at = static_cast<int>(i) + 1;
    if (is_null(row, i))
      statement.bind(at, std::nullopt);
    else if (form.letters[i] == 'i')
      statement.bind(at, number_in(row, i));
    else if (form.letters[i] == 't')
      statement.bind(at, sqlite::Text{bytes_in(row, i)});
    else
      statement.bind(at, Blob{bytes_in(row, i)});
  }
  return statement.run();
}

Result<void> insert_changes(sqlite::Database& database, const SalvagePlan& plan, const std::set<std::int64_t>& kept) {
  for (const auto& [position, read] : plan.old.changes) {
    Cells row = read;
    if (!is_null(row, col::set) && !kept.contains(number_in(row, col::set))) {  // in the open set again
      row[col::set] = std::monostate{};
      row[col::attention] = row[col::dismissed] = std::int64_t{0};
      row[col::amendment] = std::monostate{};
    }
    TERN_CHECKED(insert(database, change_form, row));
  }
  return {};
}

Result<void> fill(Outbox& outbox, const SalvagePlan& plan) {
  sqlite::Database& database = outbox.database();
  const std::set<std::int64_t> kept(plan.sets.begin(), plan.sets.end());
  TERN_TRY(auto transaction, sqlite::Transaction::begin_write(database));
  for (const Cells& row : plan.old.meta) TERN_CHECKED(insert(database, meta_form, row));
  for (const Cells& row : plan.old.labels) TERN_CHECKED(insert(database, label_form, row));
  for (const Cells& row : plan.old.lists) TERN_CHECKED(insert(database, list_form, row));
  for (const std::int64_t id : plan.sets) TERN_CHECKED(insert(database, set_form, plan.old.sets.at(id)));
  for (const Cells& row : plan.old.proofs)
    if (kept.contains(number_in(row, 0))) TERN_CHECKED(insert(database, proof_form, row));
  TERN_CHECKED(insert_changes(database, plan, kept));
  TERN_CHECKED(database.run("UPDATE chain SET device_epoch = $1, chain_seq = $2, hash = $3, acked_seq = $4",
                            plan.head.device_epoch, plan.head.chain_seq, plan.head.hash, plan.head.acked_seq));
  return transaction.commit();
}

/// A value that cannot be used is left out: the server tells it again.
Result<void> check_meta(Outbox& outbox, const OpenedKeys& keys, Environment& environment) {
  if (!load_sync_state(outbox)) TERN_CHECKED(store_sync_state(outbox, {}));
  if (!outbox.anchor()) TERN_CHECKED(outbox.set_anchor({}));
  TERN_TRY(const auto counter, outbox.meta("provisional"));
  if (!counter || counter->size() != 8) {  // beyond every number that was given: nobody makes a ticket each minute
    const auto minutes = static_cast<std::uint64_t>(std::max<std::int64_t>(0, environment.wall_ms() / 60'000));
    TERN_CHECKED(outbox.set_meta("provisional", protocol::ByteWriter().u64(minutes).take()));
  }
  return outbox.set_owner({keys.identity.device, keys.identity.operator_id});
}

Result<void> write_new(const SalvageFiles& files, const SalvagePlan& plan, const OpenedKeys& keys,
                       const std::string& vfs, Environment& environment) {
  TERN_CHECKED(files.remove_unfinished());
  TERN_TRY(auto outbox, Outbox::open(files.unfinished, keys.data_key.view(), vfs));
  TERN_CHECKED(fill(*outbox, plan));
  TERN_CHECKED(check_meta(*outbox, keys, environment));
  TERN_CHECKED(outbox->set_meta(meta_salvage_notice, to_sentence(plan.report)));
  TERN_TRY(const auto done, outbox->database().checkpoint(sqlite::CheckpointMode::truncate));
  if (!done.complete) return fail(ErrorCode::storage_failed, "the new outbox could not be finished");
  return {};
}

}  // namespace

Result<SalvageReport> salvage(const ClientOptions& options, Environment& environment,
                              const std::function<bool(const SalvageReport&)>& confirm) {
  TERN_CHECKED(protocol::init_crypto());
  const HomePaths paths(options.home);
  TERN_TRY(const bool enrolled, is_there(paths.device_key));
  if (!enrolled) return no_device(paths);
  TERN_TRY(const auto lock, HomeLock::take(paths.lock));
  TERN_TRY(const OpenedKeys keys, open_keys(options.home, options.passphrase, environment));
  const SalvageFiles files(paths.outbox);
  TERN_TRY(const bool interrupted, is_there(files.finished));
  if (interrupted) {
    SalvageReport report;
    report.found = Found::finished;
    TERN_TRY(report.set_aside, files.put_in_place());
    return report;
  }
  TERN_TRY(SalvagePlan plan, plan_salvage(paths, keys, options.vfs));
  if (plan.report.found == Found::whole) return plan.report;
  if (!confirm(plan.report)) return fail(ErrorCode::usage, "nothing was changed: it was not agreed to");
  TERN_CHECKED(write_new(files, plan, keys, options.vfs, environment));
  TERN_CHECKED(files.finish());
  TERN_TRY(plan.report.set_aside, files.put_in_place());
  return plan.report;
}

}  // namespace tern::client
