#include "newer_history.hpp"

#include <algorithm>

#include "jobs.hpp"
#include "store/ledger.hpp"
#include "store/tenant_internals.hpp"
#include "tern/protocol/merkle.hpp"

namespace tern::server {
namespace {

/// Signed by a log key that counts, and of this tenant.
std::optional<protocol::Anchor> own_anchor(const Tenant& tenant, ByteView wire) {
  const auto anchor = tenant.keys().open_logged<protocol::Anchor>(wire);
  const auto signer = protocol::signer_of(protocol::Anchor::tag, wire);
  if (!anchor || !signer || anchor->value.tenant != tenant.id()) return std::nullopt;
  const protocol::ServerKey* key = tenant.keys().list.find(*signer, protocol::ServerKeyPurpose::log);
  if (key != nullptr && !key->counts_at(anchor->value.tree_size)) return std::nullopt;
  return anchor->value;
}

Result<bool> is_of_newer_log(Tenant& tenant, ByteView wire) {
  const auto anchor = own_anchor(tenant, wire);
  if (!anchor || anchor->epoch != tenant.epoch()) return false;
  if (anchor->tree_size > tenant.log_head().size) return true;
  TERN_TRY(auto reader, tenant.reader());
  TERN_TRY(const Hash here, protocol::merkle_root_at(anchor->tree_size, log_nodes(reader.db(), tenant.number())));
  return here != anchor->root;
}

std::optional<protocol::EpochRecord> own_record(const Tenant& tenant, ByteView wire) {
  for (const protocol::PublicKey& root : tenant.keys().roots) {
    const auto record = protocol::open_statement<protocol::EpochRecord>(wire, root);
    if (record && record->value.tenant == tenant.id()) return record->value;
  }
  return std::nullopt;
}

/// As a device tells which of two restores is the younger one.
Result<bool> is_of_younger_restore(Tenant& tenant, ByteView wire) {
  const auto shown = own_record(tenant, wire);
  if (!shown || shown->new_epoch == tenant.epoch()) return false;
  TERN_TRY(const auto past, epoch_record(tenant, shown->new_epoch));
  if (past) return false;
  TERN_TRY(auto reader, tenant.reader());
  TERN_TRY(const auto way, epoch_records(reader.db(), tenant.number(), tenant.epoch()));
  const auto own = way.empty() ? std::nullopt : read_epoch_record(way.back());
  return !own || shown->time_ms > own->time_ms;
}

Result<ByteView> proof_in(Tenant& tenant, const ShownHistory& shown) {
  const auto fits = [](ByteView wire) { return !wire.empty() && wire.size() <= protocol::statement_bytes_max; };
  if (fits(shown.anchor)) {
    TERN_TRY(const bool newer, is_of_newer_log(tenant, shown.anchor));
    if (newer) return shown.anchor;
  }
  if (fits(shown.began_epoch)) {
    TERN_TRY(const bool younger, is_of_younger_restore(tenant, shown.began_epoch));
    if (younger) return shown.began_epoch;
  }
  return ByteView();
}

}  // namespace

Result<bool> note_newer_history(Tenant& tenant, const ShownHistory& shown) {
  const auto strand = tenant.lock_writer();  // so that the log does not grow meanwhile
  if (tenant.has_older_files()) return true;
  TERN_TRY(const ByteView proof, proof_in(tenant, shown));
  if (proof.empty()) return false;
  tenant.internals().older_files = true;  // even where the disk has no room for it: it is shown again
  TERN_CHECKED(
      tenant.write([&](sqlite::Database& db) { return write_meta(db, tenant.number(), meta_newer_history, proof); }));
  return true;
}

tl::unexpected<Error> older_files() {
  return fail(ErrorCode::server_behind, "This server was started on older files than its devices have seen.",
              "Put the newest files back, or restore a backup.");
}

}  // namespace tern::server
