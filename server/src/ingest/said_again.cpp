#include "said_again.hpp"

namespace tern::server {

ChangeId quoting_id(const sync::ChangeRef& original) {
  protocol::Hasher hasher("TRN1-DERIVED");
  hasher.add(original.device.view()).add(original.id.view()).add("quote");
  return ChangeId::or_zero(hasher.finish().view().substr(0, ChangeId::size_bytes));
}

Result<bool> in_ledger(sqlite::Database& db, std::int64_t tenant, const sync::ChangeRef& ref) {
  TERN_TRY(const auto found,
           db.int64_of("SELECT 1 FROM change WHERE tenant_id = $1 AND device_id = $2 AND change_id = $3", tenant,
                       ref.device, ref.id));
  return found.has_value();
}

Result<sync::ChangeRef> named_now(const Batch& batch, const sync::ChangeRef& named) {
  if (named.device == batch.in.keys.sealing_device) return named;
  TERN_TRY(const bool known, in_ledger(*batch.in.writer, batch.number, named));
  return known ? named : sync::ChangeRef{batch.in.keys.sealing_device, quoting_id(named)};
}

}  // namespace tern::server
