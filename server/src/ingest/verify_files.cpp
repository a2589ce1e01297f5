// Files of attachments: each is what its hash says, and what its change says.
#include "tern/v1/change.pb.h"
#include "verify_parts.hpp"

namespace tern::server {
namespace {

struct Attached {
  Hash sha256;
  bool erased = false;
};

/// What the ledger says that each change attached.
Result<std::map<sync::ChangeRef, Attached>> attached_in(VerifyRun& run) {
  std::map<sync::ChangeRef, Attached> out;
  TERN_TRY(auto rows, run.db.query("SELECT device_id, change_id, skeleton, body IS NULL FROM change WHERE "
                                   "tenant_id = $1 AND intent = $2",
                                   run.number, sync::Intent::attach));
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return out;
    v1::Skeleton skeleton;
    if (!skeleton.ParseFromArray(rows.blob(2).data(), static_cast<int>(rows.blob(2).size()))) continue;
    out[{rows.id<DeviceId>(0), rows.id<ChangeId>(1)}] = {Hash::or_zero(skeleton.content_hash()), rows.boolean(3)};
  }
}

}  // namespace

Result<void> check_files(VerifyRun& run) {
  FileStore& files = run.tenant.files();
  TERN_TRY(auto attached, attached_in(run));
  TERN_TRY(const FileStore::Checked checked, files.check([&run] { return run.is_stopped(); }));
  for (const std::string& damaged : checked.damaged) run.find("{}", damaged);
  run.out.files = checked.files;
  TERN_TRY(const auto references, files.references());
  for (const FileStore::Reference& reference : references) {
    const auto found = attached.find(reference.change);
    if (found == attached.end()) continue;  // its change is on its way, or it goes when it is too old
    TERN_TRY(const auto content, files.find(reference.change));
    if (found->second.erased)
      run.find("the file of change {} is still there, and its change was erased", to_hex(reference.change.id));
    else if (content && content->sha256 != found->second.sha256)
      run.find("the file of change {} is not the one that it names", to_hex(reference.change.id));
    if (content) attached.erase(found);
  }
  for (const auto& [change, missing] : attached) run.out.files_not_here += missing.erased ? 0 : 1;
  return {};
}

}  // namespace tern::server
