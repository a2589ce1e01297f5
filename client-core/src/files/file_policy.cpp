#include "files/file_policy.hpp"

#include <algorithm>

#include "outbox/outbox.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/protocol/wire.hpp"

namespace tern::client {
namespace {

constexpr std::string_view meta_file_policy = "file_policy";
constexpr std::string_view meta_file_limit = "file_bytes_max";
constexpr std::string_view meta_files_sent = "files_sent_seq";

tl::unexpected<Error> damaged_note() {
  return fail(ErrorCode::corrupt, "the outbox's note about files is damaged", hint_salvage, "outbox");
}

}  // namespace

Result<FilePolicy> load_file_policy(Outbox& outbox) {
  TERN_TRY(const auto stored, outbox.meta(meta_file_policy));
  FilePolicy policy;
  if (!stored) return policy;
  protocol::ByteReader reader(*stored);
  policy.each_bytes_max = reader.u64("each");
  policy.total_bytes_max = reader.u64("total");
  if (!reader.finish()) return damaged_note();
  return policy;
}

Result<void> store_file_policy(Outbox& outbox, const FilePolicy& policy) {
  return outbox.set_meta(meta_file_policy,
                         protocol::ByteWriter().u64(policy.each_bytes_max).u64(policy.total_bytes_max).take());
}

Result<std::uint64_t> load_file_limit(Outbox& outbox) {
  TERN_TRY(const auto stored, outbox.meta(meta_file_limit));
  if (!stored) return std::uint64_t{limits::file_bytes_max_untold};
  protocol::ByteReader reader(*stored);
  const std::uint64_t bytes_max = reader.u64("bytes_max");
  if (!reader.finish()) return damaged_note();
  return std::min<std::uint64_t>(bytes_max, limits::file_bytes_max);
}

Result<void> store_file_limit(Outbox& outbox, std::uint64_t bytes_max) {
  TERN_TRY(const std::uint64_t known, load_file_limit(outbox));
  TERN_TRY(const auto stored, outbox.meta(meta_file_limit));
  if (stored && known == bytes_max) return {};
  return outbox.set_meta(meta_file_limit, protocol::ByteWriter().u64(bytes_max).take());
}

Result<std::uint64_t> load_files_sent_seq(Outbox& outbox) {
  TERN_TRY(const auto stored, outbox.meta(meta_files_sent));
  if (!stored) return std::uint64_t{0};
  protocol::ByteReader reader(*stored);
  const std::uint64_t commit_seq = reader.u64("commit_seq");
  if (!reader.finish()) return damaged_note();
  return commit_seq;
}

Result<void> store_files_sent_seq(Outbox& outbox, std::uint64_t commit_seq) {
  TERN_TRY(const std::uint64_t known, load_files_sent_seq(outbox));
  if (known >= commit_seq) return {};
  return outbox.set_meta(meta_files_sent, protocol::ByteWriter().u64(commit_seq).take());
}

}  // namespace tern::client
