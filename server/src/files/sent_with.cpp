#include "files/sent_with.hpp"

#include "tern/v1/change.pb.h"

namespace tern::server {

Result<std::optional<sync::ChangeRef>> sent_with(sqlite::Database& db, std::int64_t tenant,
                                                 const sync::ChangeRef& file) {
  TERN_TRY(auto rows, db.query("SELECT skeleton FROM change WHERE tenant_id = $1 AND device_id = $2 AND change_id = $3",
                               tenant, file.device, file.id));
  TERN_TRY(const bool there, rows.step());
  v1::Skeleton skeleton;
  if (!there || !skeleton.ParseFromArray(rows.blob(0).data(), static_cast<int>(rows.blob(0).size())) ||
      skeleton.targets().empty())
    return std::optional<sync::ChangeRef>{};
  const auto& named = skeleton.targets(0);
  const DeviceId device = named.device_id().empty() ? file.device : DeviceId::or_zero(named.device_id());
  return std::optional(sync::ChangeRef{device, ChangeId::or_zero(named.change_id())});
}

}  // namespace tern::server
