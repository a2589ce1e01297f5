#include "backup_manifest.hpp"

#include <algorithm>

#include "access/directory.hpp"

namespace tern::server::admin {
namespace {

constexpr std::size_t path_bytes_max = 99;  // what a tar header holds

bool is_plain_name(std::string_view name) {
  return !name.empty() && name.front() != '.' && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
  });
}

}  // namespace

void BackupManifest::write(protocol::ByteWriter& writer) const {
  writer.i64(time_ms).u32(static_cast<std::uint32_t>(tenants.size()));
  for (const BackedUpTenant& entry : tenants)
    writer.id(entry.tenant).id(entry.head.epoch).u64(entry.head.size).id(entry.head.root).u64(entry.commit_seq);
  writer.u32(static_cast<std::uint32_t>(files.size()));
  for (const BackedUpFile& file : files) writer.sized(file.path).u64(file.size_bytes).id(file.sha256);
}

BackupManifest BackupManifest::read(protocol::ByteReader& reader) {
  BackupManifest out;
  out.time_ms = reader.i64("time");
  const std::uint32_t tenants = reader.u32("tenants");
  if (tenants > tenants_max)
    reader.refuse(ErrorCode::too_large, "tenants", "a backup of more tenants than one server has");
  for (std::uint32_t i = 0; i < tenants && reader.ok(); ++i) {
    BackedUpTenant entry;
    entry.tenant = reader.id<TenantId>("tenant");
    entry.head.epoch = reader.id<EpochId>("epoch");
    entry.head.size = reader.u64("size");
    entry.head.root = reader.id<Hash>("root");
    entry.commit_seq = reader.u64("commit_seq");
    out.tenants.push_back(entry);
  }
  const std::uint32_t files = reader.u32("files");
  if (files > files_max) reader.refuse(ErrorCode::too_large, "files", "a backup of more files than one server has");
  for (std::uint32_t i = 0; i < files && reader.ok(); ++i) {
    BackedUpFile file;
    file.path = std::string(reader.sized(path_bytes_max, "path"));
    file.size_bytes = reader.u64("size");
    file.sha256 = reader.id<Hash>("sha256");
    if (reader.ok() && !is_backup_path(file.path))
      reader.refuse(ErrorCode::malformed, "path", "a backup holds no such file");
    out.files.push_back(std::move(file));
  }
  return out;
}

bool is_backup_path(std::string_view path) {
  constexpr std::string_view keys = "keys/", tenants = "tenants/", ledger = "/tern.db", files = "/files.db";
  if (path.size() > path_bytes_max) return false;
  if (path == "server.db" || path == erasures_log_name) return true;
  if (path.starts_with(keys)) return is_plain_name(path.substr(keys.size()));
  const std::string_view database = path.ends_with(files) ? files : ledger;
  if (!path.starts_with(tenants) || !path.ends_with(database)) return false;
  const std::string_view id = path.substr(tenants.size(), path.size() - tenants.size() - database.size());
  return id.size() == 2 * TenantId::size_bytes && is_plain_name(id);
}

}  // namespace tern::server::admin
