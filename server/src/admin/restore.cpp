#include "restore.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <span>

#include "access/erasures_log.hpp"
#include "access/open_tenants.hpp"
#include "access/private_file.hpp"
#include "admin/backup_manifest.hpp"
#include "admin/descriptor.hpp"
#include "admin/interrupted.hpp"
#include "admin/person_erase.hpp"
#include "admin/record_writer.hpp"
#include "admin/tar.hpp"
#include "api/keys.hpp"
#include "ingest/devices.hpp"
#include "ingest/jobs.hpp"
#include "store/ledger.hpp"
#include "tern/protocol/keys.hpp"
#include "tern/protocol/mutant.hpp"
#include "tern/protocol/statements.hpp"

namespace tern::server::admin {
namespace {

constexpr std::size_t erase_at_once_max = 500;
constexpr std::size_t damaged_shown_bytes_max = 1'000;

tl::unexpected<Error> not_whole(const std::string& what) {
  return fail(ErrorCode::verification_failed, "The backup is not whole: " + what + ".",
              "Nothing was changed. Try another backup.", "from");
}

std::string folder_path(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

// ---- unpacking ----

/// Writes the files of an archive below a folder and measures them.
class Unpacker {
public:
  explicit Unpacker(std::string folder) : folder_(std::move(folder)) {}

  TarReader::Files files() {
    return {[this](const std::string& path, std::uint64_t size) { return begin(path, size); },
            [this](ByteView piece) { return take(piece); }, [this] { return end(); }};
  }
  [[nodiscard]] const Bytes& manifest() const { return manifest_; }
  [[nodiscard]] const std::map<std::string, BackedUpFile>& written() const { return written_; }

private:
  Result<void> begin(const std::string& path, std::uint64_t size) {
    if (manifest_.empty() != (path == manifest_name)) return not_whole("its first file is not the manifest");
    if (path == manifest_name && size > protocol::statement_bytes_max) return not_whole("its manifest is too long");
    if (path != manifest_name && (!is_backup_path(path) || written_.contains(path)))
      return not_whole("it holds a file that does not belong there");
    current_ = {path, 0, {}};
    digest_ = protocol::Sha256();
    if (path == manifest_name) return {};
    std::error_code failed;
    std::filesystem::create_directories(std::filesystem::path(folder_ + "/" + path).parent_path(), failed);
    std::filesystem::permissions(std::filesystem::path(folder_ + "/" + path).parent_path(),
                                 std::filesystem::perms::owner_all, failed);
    TERN_TRY(file_, PrivateFileWriter::open(folder_ + "/" + path));
    return {};
  }

  Result<void> take(ByteView piece) {
    current_.size_bytes += piece.size();
    digest_.add(piece);
    if (current_.path != manifest_name) return file_->write(piece);
    manifest_ += piece;
    return {};
  }

  Result<void> end() {
    if (current_.path == manifest_name) return {};
    current_.sha256 = digest_.finish();
    written_[current_.path] = current_;
    return file_->finish();
  }

  std::string folder_;
  Bytes manifest_;
  BackedUpFile current_;
  protocol::Sha256 digest_;
  std::unique_ptr<PrivateFileWriter> file_;
  std::map<std::string, BackedUpFile> written_;
};

Result<void> unpack(const std::string& from, const protocol::RecoveryKey& recovery, Unpacker& unpacker,
                    const ServerOptions& options) {
  // A pipe is refused, not waited for.
  const Descriptor file(::open(from.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) return fail(ErrorCode::not_found, "Cannot read " + from + ".", "", "from");
  struct stat info {};
  if (::fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode))
    return fail(ErrorCode::invalid, from + " is no regular file.", "Name the file of a backup.", "from");
  TarReader reader(unpacker.files());
  const protocol::StreamSource source = [&](std::size_t bytes_max) -> Result<Bytes> {
    TERN_CHECKED(check_not_interrupted(options));
    Bytes piece(bytes_max, '\0');
    const ssize_t got = ::read(file.get(), piece.data(), piece.size());
    if (got < 0) return fail(ErrorCode::storage_failed, "Cannot read " + from + ".");
    piece.resize(static_cast<std::size_t>(got));
    return piece;
  };
  TERN_CHECKED(protocol::decrypt_stream(protocol::BoxKey::from_seed(recovery.backup_seed()), backup_context, source,
                                        [&](ByteView piece) { return reader.write(piece); }));
  return reader.finish();
}

/// The manifest, signed by a log key of a list that this recovery key's root signed; and every file as it says.
Result<BackupManifest> check_manifest(const Unpacker& unpacker, const std::string& folder,
                                      const protocol::RecoveryKey& recovery) {
  TERN_TRY(const Bytes list_wire, read_private_file(folder + "/keys/key-list", protocol::statement_bytes_max));
  TERN_TRY(const auto list, protocol::open_first_key_list(list_wire, {recovery.root().public_key()}));
  TERN_TRY(const KeyId signer, protocol::signer_of(BackupManifest::tag, unpacker.manifest()));
  const protocol::ServerKey* key = list.value.find(signer, protocol::ServerKeyPurpose::log);
  if (key == nullptr) return not_whole("its manifest is signed by a key that is not in its key list");
  TERN_TRY(const auto manifest, protocol::open_statement<BackupManifest>(unpacker.manifest(), key->public_key));
  if (manifest.value.files.size() != unpacker.written().size())
    return not_whole("it holds more or fewer files than its manifest names");
  for (const BackedUpFile& file : manifest.value.files) {
    const auto found = unpacker.written().find(file.path);
    if (found == unpacker.written().end() || found->second != file)
      return not_whole(file.path + " is not what its manifest says");
  }
  return manifest.value;
}

// ---- what comes back first ----

struct ComesBack {
  std::vector<DeviceId> revoked, frozen;
  std::vector<sync::ChangeRef> erased;
  std::vector<RecordId> persons;
  std::set<EpochId> epochs;    // that restores began: their numbers are given already
  std::int64_t newest_ms = 0;  // of the records of those, where the lines say it

  [[nodiscard]] std::vector<DeviceId> ended() const {
    std::vector<DeviceId> all = revoked;
    all.insert(all.end(), frozen.begin(), frozen.end());
    return all;
  }
};

void read_log(ByteView text, std::map<TenantId, ComesBack>& out) {
  for (const std::string& whole : read_log_text(text).lines) {
    const auto line = parse_log_line(ByteView(whole).substr(0, whole.size() - 1));
    check(line.has_value(), "a line that was read is whole");
    ComesBack& back = out[line->tenant];
    if (line->verb == LogLine::Verb::revoke) back.revoked.push_back(line->device);
    if (line->verb == LogLine::Verb::freeze) back.frozen.push_back(line->device);
    if (line->verb == LogLine::Verb::epoch) back.epochs.insert(line->epoch);
    back.newest_ms = std::max(back.newest_ms, line->epoch_ms);
    if (line->verb == LogLine::Verb::erase && !mutant(Mutant::erased_returns))
      back.erased.push_back({line->device, line->change});
    if (line->verb == LogLine::Verb::person && !mutant(Mutant::erased_returns)) back.persons.push_back(line->contact);
  }
}

struct GatheredLogs {
  Bytes text;
  std::vector<std::string> damaged;  // "PATH line 3 (...)"
};

/// Of the backup, of the server that is replaced, beside the backup, and named: together, each line once.
Result<GatheredLogs> gather_logs(const std::vector<std::string>& paths) {
  GatheredLogs out;
  for (const std::string& path : paths) {
    if (path.empty()) continue;
    TERN_TRY(const bool there, is_there(path));
    if (!there) continue;
    TERN_TRY(const Bytes text, read_private_file(path, erasures_log_bytes_max));
    const LogText read = read_log_text(text);
    for (const std::string& line : read.lines) out.text += line;
    for (const std::string& line : read.damaged) out.damaged.push_back(path + " " + line);
  }
  out.text = merge_logs(out.text, {});
  return out;
}

/// A log that somebody names is there.
Result<std::string> existing_log(const std::string& path) {
  if (path.empty()) return path;
  TERN_TRY(const bool there, is_there(path));
  if (there) return path;
  return fail(ErrorCode::not_found, "There is no " + path + ".", "", "erasures");
}

/// What a line said that cannot be read would be undone by going on: a device active again, a text back.
Result<void> refuse_damaged(const GatheredLogs& logs, bool skip) {
  if (skip || logs.damaged.empty()) return {};
  std::string named;
  for (const std::string& line : logs.damaged) named += (named.empty() ? "" : ", ") + line;
  return fail(ErrorCode::corrupt,
              "What was revoked and erased cannot be read in full: " + named.substr(0, damaged_shown_bytes_max) + ".",
              "Put a good copy of erasures.log there, or go on without these lines with --skip-damaged-lines.");
}

struct Returned {
  std::size_t revoked = 0, erased = 0, persons = 0;
};

Result<void> end_again(Tenant& tenant, const std::vector<DeviceId>& devices, protocol::RevocationReason reason,
                       Returned& returned) {
  for (const DeviceId& id : devices) {
    const auto device = find_device(tenant, id);
    if (!device || device->key_state == protocol::KeyState::revoked) continue;
    if (reason == protocol::RevocationReason::frozen && device->key_state == protocol::KeyState::frozen) continue;
    TERN_CHECKED(end_device(tenant, id, reason, OperatorId{}));
    ++returned.revoked;
  }
  return {};
}

/// API keys stand in the log as devices do: by their id.
Result<void> revoke_keys_again(Tenant& tenant, const std::vector<DeviceId>& ids, Returned& returned) {
  std::vector<sync::Record> keys;
  for (const DeviceId& id : ids) {
    auto key = tenant.find_record(sync::RecordKind::api_key, RecordId::or_zero(id.view()));
    if (!key || read_key(*key).revoked_ms != 0) continue;
    revoke_key(*key, tenant.now_ms());
    keys.push_back(std::move(*key));
  }
  returned.revoked += keys.size();
  return write_records(tenant, keys);
}

/// One that cannot be erased keeps none of the others: it went with one before that it quoted, or is a record that
/// stands in the backup.
Result<void> erase_those(Tenant& tenant, std::span<const sync::ChangeRef> changes, Returned& returned) {
  const auto erased = erase(tenant, {changes.begin(), changes.end()}, OperatorId{});
  if (erased) {
    returned.erased += erased->changes.size();
    return {};
  }
  if (erased.error().code != ErrorCode::invalid) return tl::unexpected(erased.error());
  if (changes.size() == 1) return {};
  const std::size_t half = changes.size() / 2;
  TERN_CHECKED(erase_those(tenant, changes.first(half), returned));
  return erase_those(tenant, changes.subspan(half), returned);
}

Result<void> erase_again(Tenant& tenant, const std::vector<sync::ChangeRef>& changes, Returned& returned) {
  std::vector<sync::ChangeRef> due, lost;
  for (const sync::ChangeRef& change : changes) {
    TERN_TRY(auto rows,
             tenant.writer().query(
                 "SELECT body_commitment FROM change WHERE tenant_id = $1 AND device_id = $2 AND change_id = $3",
                 tenant.number(), change.device, change.id));
    TERN_TRY(const bool found, rows.step());
    if (found && rows.is_null(0)) due.push_back(change);
    if (!found) lost.push_back(change);
  }
  if (!lost.empty()) TERN_CHECKED(expect_erased(tenant, lost));
  for (std::size_t at = 0; at < due.size(); at += erase_at_once_max)
    TERN_CHECKED(
        erase_those(tenant, std::span(due).subspan(at, std::min(due.size() - at, erase_at_once_max)), returned));
  return {};
}

/// What the log names of a person is what the server knew of then; the backup may hold more, and holds their record.
Result<void> erase_persons(Tenant& tenant, Directory& directory, const std::vector<RecordId>& persons,
                           const ServerOptions& options, Returned& returned) {
  const auto at_once = [](const ErasureHands::Work& work) { return work(); };
  TERN_TRY(const std::size_t erased,
           erase_persons_again({tenant, directory, options.interrupted, at_once, at_once}, persons));
  returned.erased += erased;
  returned.persons += persons.size();
  return {};
}

// ---- the new epoch ----

Result<void> check_tenant(Tenant& tenant, const BackupManifest& manifest) {
  const auto found = std::find_if(manifest.tenants.begin(), manifest.tenants.end(),
                                  [&](const BackedUpTenant& entry) { return entry.tenant == tenant.id(); });
  if (found == manifest.tenants.end() || found->head != tenant.log_head())
    return not_whole("the log of " + tenant.name() + " is not the one its manifest names");
  return tenant.writer().integrity_check();
}

/// Restores of this tenant that the backup knows nothing of: on branches of history that it is not on.
Result<std::uint64_t> restores_since(Tenant& tenant, const std::set<EpochId>& epochs) {
  std::uint64_t since = 0;
  for (const EpochId& epoch : epochs) {
    TERN_TRY(const auto past, epoch_record(tenant, epoch));
    if (!past && epoch != tenant.epoch()) ++since;
  }
  return since;
}

Result<Json> begin_again(Tenant& tenant, Directory& directory, const protocol::SigningKey& root, const ComesBack& first,
                         Environment& environment) {
  TERN_TRY(const std::uint64_t restores, restores_since(tenant, first.epochs));
  const protocol::LogHead head = tenant.log_head();
  protocol::EpochRecord record;
  record.tenant = tenant.id();
  record.old_epoch = head.epoch;
  record.kept_size = head.size;
  record.kept_root = head.root;
  record.new_epoch = random_id<EpochId>(environment);
  // Devices tell a newer restore by its time. Server time goes on from what the backup had reserved: two of one backup
  // would have the same, and an older backup an earlier one.
  record.time_ms = std::max(tenant.now_ms() + static_cast<std::int64_t>(restores), first.newest_ms + 1);
  const auto signed_record = protocol::sign_statement(record, root);
  TERN_CHECKED(begin_epoch(tenant, record, signed_record.wire, restores));
  TERN_CHECKED(directory.note_epoch(tenant.id(), record.new_epoch, record.time_ms));
  // Codes that were used since the backup was made would open the door a second time.
  TERN_CHECKED(tenant.writer().run("DELETE FROM enrolment_code WHERE tenant_id = $1", tenant.number()));
  return Json::object({{"tenant", Json(tenant.name())},
                       {"old_epoch", Json(to_hex(record.old_epoch))},
                       {"new_epoch", Json(to_hex(record.new_epoch))},
                       {"kept_size", Json(record.kept_size)}});
}

Result<Json> make_ready(const std::string& folder, const BackupManifest& manifest,
                        const protocol::RecoveryKey& recovery, const ServerOptions& options, const Bytes& logs,
                        bool logs_told, Environment& environment) {
  std::map<TenantId, ComesBack> comes_back;
  read_log(logs, comes_back);
  TERN_TRY(auto directory, Directory::open(folder));
  OpenTenants tenants(*directory, options.vfs, environment);
  TERN_CHECKED(tenants.open_all());
  const protocol::SigningKey root = recovery.root();
  Returned returned;
  Json rows = Json::array();
  for (Tenant* tenant : tenants.all()) {
    TERN_CHECKED(check_not_interrupted(options));
    const auto strand = tenant->lock_writer();
    TERN_CHECKED(check_tenant(*tenant, manifest));
    const ComesBack& first = comes_back[tenant->id()];
    TERN_TRY(Json row, begin_again(*tenant, *directory, root, first, environment));
    rows.push(std::move(row));
    TERN_CHECKED(expect_ended(*tenant, logs_told ? std::optional(first.ended()) : std::nullopt));
    TERN_CHECKED(end_again(*tenant, first.revoked, protocol::RevocationReason::revoked, returned));
    TERN_CHECKED(end_again(*tenant, first.frozen, protocol::RevocationReason::frozen, returned));
    TERN_CHECKED(revoke_keys_again(*tenant, first.revoked, returned));
    TERN_CHECKED(erase_persons(*tenant, *directory, first.persons, options, returned));
    TERN_CHECKED(erase_again(*tenant, first.erased, returned));
  }
  return Json::object({{"backup_ms", Json(manifest.time_ms)},
                       {"revoked_again", Json(returned.revoked)},
                       {"erased_again", Json(returned.erased)},
                       {"persons_erased_again", Json(returned.persons)},
                       {"rows", std::move(rows)}});
}

// ---- places ----

/// What is there already is moved aside, when that was asked for and nobody uses it. Empty: nothing was there.
Result<std::string> move_aside(const std::string& target, bool replace, Environment& environment) {
  TERN_TRY(const bool there, is_there(target));
  if (!there) return std::string();
  std::error_code ignored;
  if (std::filesystem::is_directory(target, ignored) && std::filesystem::is_empty(target, ignored)) {
    std::filesystem::remove(target, ignored);
    return std::string();
  }
  if (!replace)
    return fail(ErrorCode::invalid, "There is something in " + target + " already.",
                "Restore with --replace to move it aside, or choose another --data.", "data");
  TERN_CHECKED(Directory::check_unused(target));
  std::string aside = target + ".before-restore-" + std::to_string(environment.wall_ms());
  std::error_code failed;
  std::filesystem::rename(target, aside, failed);
  if (failed) return fail(ErrorCode::storage_failed, "Cannot move " + target + " aside.");
  return aside;
}

class StagingFolder {
public:
  explicit StagingFolder(std::string path) : path_(std::move(path)) { clear(); }
  ~StagingFolder() { clear(); }
  StagingFolder(const StagingFolder&) = delete;
  StagingFolder& operator=(const StagingFolder&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

private:
  void clear() const {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string path_;
};

}  // namespace

Result<Json> restore(const ServerOptions& options, const Json& command, Environment& environment) {
  TERN_TRY(const auto recovery, protocol::RecoveryKey::from_text(command["recovery-key"].as_string()));
  const std::string target = folder_path(options.directory), from = command["from"].as_string();
  TERN_TRY(const bool replaces, is_there(target + "/server.db"));
  if (replaces && !command["replace"].as_bool())
    return fail(ErrorCode::invalid, "There is a server in " + target + " already.",
                "Restore with --replace to move it aside, or choose another --data.", "data");

  const StagingFolder staging(target + ".restoring");
  TERN_CHECKED(make_private_directory(staging.path()));
  Unpacker unpacker(staging.path());
  TERN_CHECKED(unpack(from, recovery, unpacker, options));
  TERN_TRY(const BackupManifest manifest, check_manifest(unpacker, staging.path(), recovery));
  const std::string log_name = "/" + std::string(erasures_log_name);
  const std::string beside = (std::filesystem::path(from).parent_path() / std::string(erasures_log_name)).string();
  TERN_TRY(const std::string named, existing_log(command["erasures"].as_string()));
  TERN_TRY(const GatheredLogs logs, gather_logs({staging.path() + log_name, target + log_name, beside, named}));
  TERN_CHECKED(refuse_damaged(logs, command["skip-damaged-lines"].as_bool()));
  TERN_CHECKED(write_private_file(staging.path() + log_name, logs.text));
  // Whose keys ended since the backup is known from the server that is replaced, or from a log that somebody vouches
  // for; not when a line of either was skipped.
  const bool logs_told = logs.damaged.empty() && (replaces || !named.empty());
  TERN_TRY(Json answer, make_ready(staging.path(), manifest, recovery, options, logs.text, logs_told, environment));
  TERN_CHECKED(check_not_interrupted(options));

  TERN_TRY(const std::string aside, move_aside(target, command["replace"].as_bool(), environment));
  std::error_code failed;
  std::filesystem::rename(staging.path(), target, failed);
  if (failed)
    return fail(ErrorCode::storage_failed, "Cannot move the restored server to " + target + ".",
                aside.empty() ? "" : "The old one lies in " + aside + ".");
  Json skipped = Json::array();
  for (const std::string& line : logs.damaged) skipped.push(Json(line));
  answer.set("skipped_lines", std::move(skipped));
  answer.set("directory", Json(target));
  answer.set("moved_aside", aside.empty() ? Json() : Json(aside));
  return answer;
}

}  // namespace tern::server::admin
