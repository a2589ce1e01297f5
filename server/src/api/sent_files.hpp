// Files that came with a request: where they stand in its body until the action takes them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "store/tenant.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/server/http.hpp"

namespace tern::server {

using limits::files_per_message_max;

struct SentFile {
  std::string name;  // as it was said, until `judge_files`; then one that is safe
  std::uint64_t offset = 0, size_bytes = 0;
  std::string media_type;  // of our table
  Hash sha256;
};

struct SentFiles {
  RequestBody body;
  std::vector<SentFile> files;
};

/// `too_large` for a file above what the plan allows, `invalid` with field "files" and hint "file_name" for a name that
/// nobody may have, `storage_full` while there is too little room for files. Reads them, and fills in what is known
/// then.
Result<void> judge_files(const Tenant& tenant, SentFiles& sent);

/// What they are, for an Idempotency-Key: the same text for the same files.
std::string summary_of(const SentFiles& sent);

}  // namespace tern::server
