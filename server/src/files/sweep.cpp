#include "sweep.hpp"

#include "file_store.hpp"
#include "store/tenant.hpp"
#include "tern/protocol/limits.hpp"

namespace tern::server {

Result<std::size_t> sweep_files(Tenant& tenant) {
  TERN_TRY(const auto references, tenant.files().references());
  if (references.empty()) return std::size_t{0};
  const std::int64_t too_old_ms = tenant.now_ms() - files_without_change_kept_ms;
  std::vector<sync::ChangeRef> gone;
  TERN_TRY(auto reader, tenant.reader());
  for (const FileStore::Reference& reference : references) {
    TERN_TRY(const auto erased,
             reader.db().int64_of("SELECT body IS NULL FROM change WHERE tenant_id = $1 AND device_id = $2 AND "
                                  "change_id = $3",
                                  tenant.number(), reference.change.device, reference.change.id));
    const bool given_up = !reference.whole && reference.touched_ms < tenant.now_ms() - limits::unfinished_file_ms;
    const bool is_gone = erased ? *erased != 0 || given_up : reference.touched_ms < too_old_ms;
    if (is_gone) gone.push_back(reference.change);
  }
  TERN_CHECKED(tenant.files().drop(gone));
  return gone.size();
}

}  // namespace tern::server
