#include "replace_keys.hpp"

#include <algorithm>

#include "access/key_store.hpp"
#include "access/open_tenants.hpp"
#include "store/tenant_internals.hpp"
#include "tern/protocol/statements.hpp"
#include "tern/sqlite/transaction.hpp"

namespace tern::server::admin {
namespace {

/// Devices take orders by keys in use only: what they have yet to be told is signed anew, word for word.
template <typename T>
Result<std::size_t> sign_again(sqlite::Database& db, const Tenant& tenant, std::string_view select,
                               std::string_view update) {
  std::vector<Bytes> wires;
  {
    TERN_TRY(auto rows, db.query(select, tenant.number()));
    for (;;) {
      TERN_TRY(const bool more, rows.step());
      if (!more) break;
      wires.emplace_back(rows.blob(0));
    }
  }
  std::sort(wires.begin(), wires.end());
  wires.erase(std::unique(wires.begin(), wires.end()), wires.end());
  for (const Bytes& wire : wires) {
    TERN_TRY(const auto opened, tenant.keys().open_logged<T>(wire));
    const Bytes anew = protocol::sign_statement(opened.value, tenant.keys().log).wire;
    TERN_CHECKED(db.run(update, tenant.number(), sqlite::Blob{wire}, sqlite::Blob{anew}));
  }
  return wires.size();
}

Result<std::size_t> sign_all_again(Tenant& tenant) {
  const auto lock = tenant.lock_writer();
  sqlite::Database& db = tenant.writer();
  TERN_TRY(auto transaction, sqlite::Transaction::begin_write(db));
  TERN_TRY(const std::size_t revocations,
           sign_again<protocol::Revocation>(
               db, tenant, "SELECT revocation FROM device WHERE tenant_id = $1 AND length(revocation) > 0",
               "UPDATE device SET revocation = $3 WHERE tenant_id = $1 AND revocation = $2"));
  TERN_TRY(const std::size_t wipes,
           sign_again<protocol::WipeOrder>(
               db, tenant, "SELECT wipe_order FROM device WHERE tenant_id = $1 AND length(wipe_order) > 0",
               "UPDATE device SET wipe_order = $3 WHERE tenant_id = $1 AND wipe_order = $2"));
  TERN_TRY(const std::size_t erasures,
           sign_again<protocol::Erasure>(db, tenant, "SELECT DISTINCT statement FROM erasure WHERE tenant_id = $1",
                                         "UPDATE erasure SET statement = $3 WHERE tenant_id = $1 AND statement = $2"));
  TERN_TRY(const std::size_t withdrawals,
           sign_again<protocol::AnchorWithdrawal>(
               db, tenant, "SELECT value FROM meta WHERE tenant_id = $1 AND name LIKE 'withdrawn_%'",
               "UPDATE meta SET value = $3 WHERE tenant_id = $1 AND name LIKE 'withdrawn_%' AND value = $2"));
  TERN_CHECKED(transaction.commit());
  return revocations + wipes + erasures + withdrawals;
}

/// The largest log of the server: up to there the old key may have signed honestly.
Result<std::uint64_t> largest_log(Directory& directory, const std::string& vfs, Environment& environment) {
  OpenTenants tenants(directory, vfs, environment);
  TERN_CHECKED(tenants.open_all());
  std::uint64_t largest = 1;  // 0 would take the key out of the list, and old statements with it
  for (const Tenant* tenant : tenants.all()) largest = std::max(largest, tenant->log_head().size + 1);
  return largest;
}

}  // namespace

Result<Json> replace_keys(const ServerOptions& options, const Json& command, Environment& environment) {
  TERN_TRY(const auto recovery, protocol::RecoveryKey::from_text(command["recovery-key"].as_string()));
  TERN_TRY(auto directory, Directory::open(options.directory));
  const bool stolen = command["stolen"].as_bool();
  std::optional<std::uint64_t> revoked_as_of;
  if (stolen) {
    TERN_TRY(revoked_as_of, largest_log(*directory, options.vfs, environment));
  }
  TERN_TRY(const auto list, replace_log_key(directory->path(), recovery, revoked_as_of, environment));

  OpenTenants tenants(*directory, options.vfs, environment);
  TERN_CHECKED(tenants.open_all());
  std::size_t signed_again = 0;
  for (Tenant* tenant : tenants.all()) {
    TERN_TRY(const std::size_t done, sign_all_again(*tenant));
    signed_again += done;
  }
  return Json::object({{"key_list_version", Json(list.version)},
                       {"log_key", Json(to_hex(list.current(protocol::ServerKeyPurpose::log)->id))},
                       {"stolen", Json(stolen)},
                       {"signed_again", Json(signed_again)}});
}

}  // namespace tern::server::admin
