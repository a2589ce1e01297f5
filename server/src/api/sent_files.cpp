#include "api/sent_files.hpp"

#include <algorithm>

#include "api/plans.hpp"
#include "tern/protocol/crypto.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/sync/attachment.hpp"

namespace tern::server {
namespace {

constexpr std::size_t hashed_at_once_bytes = 256 * 1024;

Result<Hash> hash_of(const RequestBody& body, const SentFile& file) {
  protocol::Sha256 digest;
  for (std::uint64_t at = 0; at < file.size_bytes;) {
    const auto length = static_cast<std::size_t>(std::min<std::uint64_t>(hashed_at_once_bytes, file.size_bytes - at));
    TERN_TRY(const Bytes piece, body.read_at(file.offset + at, length));
    if (piece.size() != length) return fail(ErrorCode::storage_failed, "The received file could not be read back.");
    digest.add(piece);
    at += length;
  }
  return digest.finish();
}

}  // namespace

Result<void> judge_files(const Tenant& tenant, SentFiles& sent) {
  if (sent.files.empty()) return {};
  if (sent.files.size() > files_per_message_max)
    return fail(ErrorCode::too_large, "A message has at most " + std::to_string(files_per_message_max) + " files.", "",
                "files");
  const Plan& plan = plan_of(tenant);
  for (SentFile& file : sent.files) {
    if (file.size_bytes > plan.file_mib_max * limits::mib)
      return fail(ErrorCode::too_large,
                  "A file has at most " + std::to_string(plan.file_mib_max) + " MB under the plan \"" +
                      std::string(plan.name) + "\".",
                  "", "files");
    auto name = sync::file_name_of(file.name);
    if (!name) return fail(ErrorCode::invalid, name.error().message, "file_name", "files");
    file.name = std::move(*name);
  }
  if (!tenant.takes_files())
    return fail(ErrorCode::storage_full, "There is too little room for files on the server's disk.");
  for (SentFile& file : sent.files) {
    const auto looked_at =
        static_cast<std::size_t>(std::min<std::uint64_t>(sync::media_type_looks_at_bytes, file.size_bytes));
    TERN_TRY(const Bytes beginning, sent.body.read_at(file.offset, looked_at));
    file.media_type = std::string(sync::media_type_of(file.name, beginning));
    TERN_TRY(file.sha256, hash_of(sent.body, file));
  }
  return {};
}

std::string summary_of(const SentFiles& sent) {
  std::string out;
  for (const SentFile& file : sent.files) {
    out += to_hex(file.sha256) + ' ' + file.name;
    out += '\0';
  }
  return out;
}

}  // namespace tern::server
