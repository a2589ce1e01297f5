// What an outbox notes about files: which a device fetches by itself, how large one may be that is attached here, and
// when the last one was sent.
#pragma once

#include <cstdint>

#include "tern/client/commands.hpp"
#include "tern/protocol/error.hpp"

namespace tern::client {

class Outbox;

/// Files that are no larger than `each_bytes_max`, of own tickets that have not ended, until `total_bytes_max` are
/// here.
Result<FilePolicy> load_file_policy(Outbox& outbox);
Result<void> store_file_policy(Outbox& outbox, const FilePolicy& policy);

/// What the organisation's plan allows, as the server last told; before that limits::file_bytes_max_untold.
Result<std::uint64_t> load_file_limit(Outbox& outbox);
Result<void> store_file_limit(Outbox& outbox, std::uint64_t bytes_max);

/// Where the copy stood in the server's history when the server had all of a content last: a backup up to there may
/// have been made without it.
Result<std::uint64_t> load_files_sent_seq(Outbox& outbox);
Result<void> store_files_sent_seq(Outbox& outbox, std::uint64_t commit_seq);

}  // namespace tern::client
