// What a backup holds, signed by the log key; the first file in it. Byte table: docs/protocol.md, "Backup".
#pragma once

#include <string>
#include <vector>

#include "tern/protocol/anchor.hpp"
#include "tern/protocol/signed_statement.hpp"

namespace tern::server::admin {

inline constexpr std::string_view manifest_name = "manifest";
inline constexpr std::string_view backup_context = "tern backup 1";

struct BackedUpTenant {
  TenantId tenant;
  protocol::LogHead head;
  std::uint64_t commit_seq = 0;
  bool operator==(const BackedUpTenant&) const = default;
};

struct BackedUpFile {
  std::string path;  // below the server's directory
  std::uint64_t size_bytes = 0;
  Hash sha256;
  bool operator==(const BackedUpFile&) const = default;
};

struct BackupManifest {
  static constexpr protocol::Tag tag{"TRN1-BM\0", 8};
  static constexpr std::size_t tenants_max = 2'000;
  static constexpr std::size_t files_max = 7'000;

  std::int64_t time_ms = 0;
  std::vector<BackedUpTenant> tenants;
  std::vector<BackedUpFile> files;  // the manifest itself is not among them

  void write(protocol::ByteWriter& writer) const;
  static BackupManifest read(protocol::ByteReader& reader);
  bool operator==(const BackupManifest&) const = default;
};

/// Paths that a backup may hold: server.db, erasures.log, keys/NAME, tenants/ID/tern.db and files.db.
bool is_backup_path(std::string_view path);

}  // namespace tern::server::admin
