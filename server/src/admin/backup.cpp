// A backup: VACUUM INTO copies, reopened and checked, in one tar that is encrypted to the backup key. The server never
// holds the other half of that key: what it wrote is read back and compared byte for byte instead.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "access/erasures_log.hpp"
#include "access/key_store.hpp"
#include "access/private_file.hpp"
#include "admin/backup_manifest.hpp"
#include "admin/handlers.hpp"
#include "admin/interrupted.hpp"
#include "admin/tar.hpp"
#include "files/file_store.hpp"
#include "store/tenant_internals.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/protocol/receipt.hpp"
#include "time_text.hpp"

namespace tern::server::admin {
namespace {

constexpr std::size_t piece_bytes = 256 * 1024;
constexpr std::int64_t keep_days_max = 3'650;

/// Told before the backup counts: no device lets go of work of which an older backup that is kept knows nothing.
Result<void> note_keep(AdminCall& call) {
  if (!call.has("keep")) return {};
  const std::int64_t days = call.integer("keep", 0);
  const auto least = limits::retention_ms_min / 86'400'000;
  if (days < least || days > keep_days_max)
    return fail(ErrorCode::invalid,
                "Backups are kept for " + std::to_string(least) + " to " + std::to_string(keep_days_max) + " days.",
                "Leave --keep out where they are kept for less.", "keep");
  for (Tenant* tenant : call.parts().tenants.all())
    TERN_CHECKED(tenant->set_backups_kept_days(static_cast<std::uint64_t>(days)));
  return {};
}

/// Removed with all it holds.
class Staging {
public:
  explicit Staging(Directory& directory) : directory_(directory) { directory_.discard_staging(); }
  ~Staging() { directory_.discard_staging(); }
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;
  [[nodiscard]] std::string path() const { return directory_.staging_path(); }

private:
  Directory& directory_;
};

/// Reads a file in pieces; gives size and SHA-256.
Result<BackedUpFile> measure(const std::string& source, std::string path) {
  const int descriptor = ::open(source.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return fail(ErrorCode::storage_failed, "Cannot read " + source + ".");
  BackedUpFile file{std::move(path), 0, {}};
  protocol::Sha256 digest;
  Bytes piece(piece_bytes, '\0');
  ssize_t got = 0;
  while ((got = ::read(descriptor, piece.data(), piece.size())) > 0) {
    digest.add(ByteView(piece).substr(0, static_cast<std::size_t>(got)));
    file.size_bytes += static_cast<std::uint64_t>(got);
  }
  ::close(descriptor);
  if (got < 0) return fail(ErrorCode::storage_failed, "Cannot read " + source + ".");
  file.sha256 = digest.finish();
  return file;
}

/// The log's root from the leaves up: what the frontier only claims.
Result<protocol::LogHead> recomputed_head(sqlite::Database& db, std::int64_t tenant) {
  protocol::MerkleFrontier frontier;
  TERN_TRY(
      auto rows,
      db.query(
          "SELECT set_hash, commit_seq, commit_ms, outcomes FROM change_set WHERE tenant_id = $1 ORDER BY leaf_index",
          tenant));
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) break;
    frontier.append(
        protocol::leaf_hash({rows.id<Hash>(0), rows.uint64(1), rows.int64(2), protocol::outcome_hash(rows.blob(3))}));
  }
  TERN_TRY(const auto stored, read_meta(db, tenant, "frontier"));
  TERN_TRY(const auto epoch, read_meta(db, tenant, "epoch"));
  if (!stored || !epoch || frontier.encode() != *stored)
    return fail(ErrorCode::corrupt, "The log of the copy does not lead to its root.", "Run: ternd verify");
  return protocol::LogHead{EpochId::or_zero(*epoch), frontier.size(), frontier.root()};
}

/// Reopens a copy: a backup is not one until it was opened.
Result<BackedUpTenant> check_copy(const AdminCall& call, const Tenant& tenant, const std::string& path,
                                  const std::optional<sqlite::DatabaseKey>& key) {
  sqlite::OpenOptions options;
  options.path = path;
  options.role = sqlite::Role::reader;
  options.create = false;
  options.key = key;
  TERN_TRY(const auto db, sqlite::Database::open(options));
  const Stoppable stoppable(*db, call);
  TERN_CHECKED(db->integrity_check());
  TERN_TRY(const auto head, recomputed_head(*db, tenant.number()));
  TERN_TRY(const auto newest,
           db->int64_of("SELECT max(commit_seq) FROM change_set WHERE tenant_id = $1", tenant.number()));
  return BackedUpTenant{tenant.id(), head, static_cast<std::uint64_t>(newest.value_or(0))};
}

Result<BackedUpTenant> copy_tenant(const AdminCall& call, Tenant& tenant, const std::string& folder) {
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (failed) return fail(ErrorCode::storage_failed, "Cannot make " + folder + ".");
  // Of an encrypted store the copies are encrypted too, under the key that is in the backup with them.
  std::optional<sqlite::DatabaseKey> key;
  if (const auto& encryption = tenant.internals().options.encryption)
    key = sqlite::DatabaseKey::from(encryption->view());
  {
    // A reader may not vacuum, and the writer has commits to make: pages are copied first, and compacted from there.
    sqlite::OpenOptions options;
    options.path = folder + "/pages.db";
    options.key = key;
    TERN_TRY(const auto pages, sqlite::Database::open(options));
    TERN_TRY(auto reader, tenant.reader());
    const Stoppable reading(reader.db(), call), compacting(*pages, call);
    TERN_CHECKED(reader.db().backup_to(*pages));
    TERN_CHECKED(pages->vacuum_into(folder + "/tern.db"));
  }
  return check_copy(call, tenant, folder + "/tern.db", key);
}

class Backup {
public:
  explicit Backup(AdminCall& call) : call_(call), staging_(call.parts().directory) {}

  Result<Json> run(const std::string& to) {
    TERN_CHECKED(make_private_directory(staging_.path()));
    manifest_.time_ms = call_.parts().environment.wall_ms();
    TERN_CHECKED(gather());
    TERN_TRY(const Hash written, write(to));
    TERN_TRY(const BackedUpFile there, measure(to, to));
    if (there.sha256 != written)
      return fail(ErrorCode::verification_failed, "What stands in " + to + " is not what was written.",
                  "Try another disk.");
    TERN_CHECKED(copy_erasures_beside(to));
    Json rows = Json::array();
    for (const BackedUpTenant& entry : manifest_.tenants) {
      Tenant* tenant = call_.parts().tenants.find(entry.tenant);
      TERN_CHECKED(tenant->set_backup_stable_seq(entry.commit_seq));
      rows.push(Json::object({{"tenant", Json(tenant->name())},
                              {"epoch", Json(to_hex(entry.head.epoch))},
                              {"log_size", Json(entry.head.size)},
                              {"commit_seq", Json(entry.commit_seq)}}));
    }
    return Json::object({{"to", Json(to)},
                         {"bytes", Json(there.size_bytes)},
                         {"sha256", Json(to_hex(there.sha256))},
                         {"rows", std::move(rows)}});
  }

private:
  [[nodiscard]] Result<void> go_on() const { return check_not_interrupted(call_); }

  Result<void> add(const std::string& source, const std::string& path) {
    TERN_CHECKED(go_on());
    TERN_TRY(BackedUpFile file, measure(source, path));
    files_.push_back({path, source, {}, file.size_bytes});
    manifest_.files.push_back(std::move(file));
    return {};
  }

  Result<void> gather() {
    const std::string& directory = call_.parts().directory.path();
    // The index first. A tenant that is added from now on is in none of it: not in the copy, so not in the backup.
    TERN_TRY(const auto tenants, call_.parts().directory.copy_index(staging_.path() + "/server.db"));
    TERN_CHECKED(add(staging_.path() + "/server.db", "server.db"));
    std::vector<std::string> keys;
    std::error_code failed;
    for (std::filesystem::directory_iterator entry(directory + "/keys", failed), end; !failed && entry != end;
         entry.increment(failed))
      if (const std::string name = entry->path().filename().string();
          is_backup_path("keys/" + name) && !name.ends_with(".new"))
        keys.push_back(name);
    if (failed) return fail(ErrorCode::storage_failed, "Cannot read " + directory + "/keys.");
    std::sort(keys.begin(), keys.end());
    for (const std::string& name : keys) TERN_CHECKED(add(directory + "/keys/" + name, "keys/" + name));
    for (const TenantEntry& entry : tenants) {
      const std::string path = "tenants/" + to_hex(entry.id);
      TERN_TRY(Tenant * tenant, call_.parts().tenants.named(to_uuid_text(entry.id.view())));
      TERN_CHECKED(go_on());
      const auto copied = copy_tenant(call_, *tenant, staging_.path() + "/" + path);
      TERN_CHECKED(go_on());  // rather than what SQLite says of it
      TERN_CHECKED(copied);
      manifest_.tenants.push_back(*copied);
      TERN_CHECKED(add(staging_.path() + "/" + path + "/tern.db", path + "/tern.db"));
      TERN_CHECKED(add_files_of(*tenant, path + "/files.db"));
    }
    const std::string log = directory + "/" + std::string(erasures_log_name);
    TERN_TRY(const bool there, is_there(log));
    if (!there) return {};
    std::filesystem::copy_file(log, staging_.path() + "/" + std::string(erasures_log_name), failed);
    if (failed) return fail(ErrorCode::storage_failed, "Cannot copy " + log + ".");
    return add(staging_.path() + "/" + std::string(erasures_log_name), std::string(erasures_log_name));
  }

  /// Behind the ledger: what its copy refers to was there before it.
  Result<void> add_files_of(Tenant& tenant, const std::string& path) {
    TERN_TRY(const bool there, tenant.files().exists());
    if (!there) return {};
    const std::string copy = staging_.path() + "/" + path;
    const auto copied = tenant.files().copy_to(copy, [this] { return !call_.is_stopped(); });
    TERN_CHECKED(go_on());
    TERN_CHECKED(copied);
    return add(copy, path);
  }

  Result<Hash> write(const std::string& to) {
    const TenantKeys& keys = call_.parts().tenants.all().front()->keys();
    Bytes wire = protocol::sign_statement(manifest_, keys.log).wire;
    const std::uint64_t size = wire.size();
    files_.insert(files_.begin(), TarFile{std::string(manifest_name), {}, std::move(wire), size});
    TERN_TRY(auto file, PrivateFileWriter::open(to));
    protocol::Sha256 digest;
    const auto take = [&](ByteView piece) -> Result<void> {
      digest.add(piece);
      auto stopped = go_on();
      return stopped ? file->write(piece) : stopped;
    };
    TERN_CHECKED(protocol::encrypt_stream(keys.backup_public, backup_context, tar_source(std::move(files_)), take,
                                          call_.parts().environment));
    TERN_CHECKED(file->finish());
    return digest.finish();
  }

  /// Ids only: they come back first when this, or an older backup, is restored. What another server, or this one
  /// before a restore, left there stays.
  Result<void> copy_erasures_beside(const std::string& to) {
    const std::string log = call_.parts().directory.path() + "/" + std::string(erasures_log_name);
    TERN_TRY(const bool there, is_there(log));
    if (!there) return {};
    TERN_TRY(const Bytes own, read_private_file(log, erasures_log_bytes_max));
    const std::string beside = (std::filesystem::path(to).parent_path() / std::string(erasures_log_name)).string();
    Bytes others;
    TERN_TRY(const bool others_there, is_there(beside));
    if (others_there) {
      TERN_TRY(others, read_private_file(beside, erasures_log_bytes_max));
    }
    return write_private_file(beside, merge_logs(others, own));
  }

  AdminCall& call_;
  Staging staging_;
  BackupManifest manifest_;
  std::vector<TarFile> files_;
};

}  // namespace

Result<Json> backup(AdminCall& call) {
  for (const ClosedTenant& closed : call.parts().tenants.closed())
    return fail(ErrorCode::corrupt,
                "The tenant \"" + closed.entry.name + "\" is not open, and would be missing: " + closed.reason.message,
                closed.reason.hint);
  if (call.parts().tenants.all().empty())
    return fail(ErrorCode::invalid, "This server has no tenant: there is nothing to back up.");
  TERN_CHECKED(check_output_file(call.text("to"), call.flag("replace"), "to"));
  TERN_TRY(const auto running, call.parts().directory.begin_backup());
  TERN_CHECKED(note_keep(call));
  return Backup(call).run(call.text("to"));
}

}  // namespace tern::server::admin
